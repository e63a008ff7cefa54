/* SPDX-License-Identifier: MIT */
#include "formats/c/quantise.h"

#include <math.h>

#include "model/layer.h"
#include "base/error.h"

enum { CHUNK = 64, BLOCK = 256, MOST_INPUTS = 32768 };

/* Bits of a bias; sums of products have as many, and the sign is left. */
#define MOST_BIAS 536870912.0

static double smaller(double a, double b)
{
    return b < a ? b : a;
}

static double larger(double a, double b)
{
    return a < b ? b : a;
}

/* ---------------------------------------------------------------------------
 * Ranges
 */

typedef struct range {
    double least, most;
} range;

static const range nothing = {INFINITY, -INFINITY};

/* Of what is no number there is no range. */
static range with(range r, double x)
{
    return isnan(x) ? (range){-INFINITY, INFINITY}
                    : (range){smaller(r.least, x), larger(r.most, x)};
}

static bool is_finite(range r)
{
    return isfinite(r.least) && isfinite(r.most);
}

/* Of n reals. */
static range with_all(const mlp_net *net, range r, size_t n, const void *reals)
{
    double x[BLOCK];
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t count = n - i < BLOCK ? n - i : BLOCK;
        net->kernels->to_double(count, mlpi_const_at(net->kernels, reals, i),
                                x);
        for (size_t j = 0; j < count; j++) {
            r = with(r, x[j]);
        }
    }
    return r;
}

/* Of each layer's z, [L + 1]; s[j], [widest]; and room for a chunk of rows. */
typedef struct calibration {
    range *z;
    double *s;
    void *X, *Z, *A[2], *scratch; /* real */
} calibration;

static void lay_out_calibration(calibration *c, const mlp_net *net,
                                mlpi_cursor *cursor)
{
    size_t size = net->kernels->real_size;
    size_t wide = net->layout.widest;
    c->z = mlpi_take(cursor, net->layout.L + 1, sizeof *c->z);
    c->s = mlpi_take(cursor, wide, sizeof *c->s);
    c->X = mlpi_take(cursor, CHUNK * mlpi_net_inputs(net), size);
    c->Z = mlpi_take(cursor, CHUNK * wide, size);
    c->A[0] = mlpi_take(cursor, CHUNK * wide, size);
    c->A[1] = mlpi_take(cursor, CHUNK * wide, size);
    c->scratch = mlpi_take(cursor, mlpi_forward_scratch(net, CHUNK), size);
}

static void calibrate_chunk(const mlp_net *net, const calibration *c,
                            mlp_cview X)
{
    size_t n = mlpi_net_inputs(net);
    net->kernels->gather(
        &(mlpi_gather){.m = X.rows,
                       .n = n,
                       .X = mlpi_operand_of(X),
                       .mean = net->in.scales ? net->in.mean : NULL,
                       .std = net->in.scales ? net->in.std : NULL,
                       .out = c->X});
    mlpi_operand A_prev = {c->X, n, 1};
    for (size_t l = 1; l <= net->layout.L; l++) {
        n = net->layout.layer[l].width;
        mlpi_forward(net, &(mlpi_forward_args){.l = l,
                                               .m = X.rows,
                                               .A_prev = A_prev,
                                               .Z = c->Z,
                                               .A = c->A[l % 2],
                                               .scratch = c->scratch});
        c->z[l] = with_all(net, c->z[l], X.rows * n, c->Z);
        A_prev = (mlpi_operand){c->A[l % 2], n, 1};
    }
}

static mlp_status calibrate(const mlp_net *net, const calibration *c,
                            mlp_cview X)
{
    for (size_t l = 1; l <= net->layout.L; l++) {
        c->z[l] = nothing;
    }
    for (size_t i = 0; i < X.rows; i += CHUNK) {
        calibrate_chunk(net, c, mlp_cview_rows(X, i, CHUNK));
    }
    for (size_t l = 1; l <= net->layout.L; l++) {
        if (!is_finite(c->z[l])) {
            return mlpi_error(&net->hooks, MLP_ERR_NOT_FINITE,
                              "layer %zu: expects finite sums for the rows X",
                              l);
        }
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * The network
 */

static void lay_out(mlpi_int8 *to, const mlp_net *net, mlpi_cursor *cursor)
{
    const mlpi_layout *layout = &net->layout;
    size_t L = layout->L;
    mlpi_int8_layer *layers = mlpi_take(cursor, L + 1, sizeof *layers);
    float *in = mlpi_take(cursor, 2 * layout->layer[0].width, sizeof *in);
    float *out = mlpi_take(cursor, 2 * layout->layer[L].width, sizeof *out);
    int8_t *hidden[2];
    hidden[0] = mlpi_take(cursor, layout->widest, 1);
    hidden[1] = mlpi_take(cursor, layout->widest, 1);
    for (size_t l = 1; l <= L; l++) {
        size_t n = layout->layer[l].width;
        size_t inputs = layout->layer[l - 1].width;
        bool looks_up = mlpi_int8_looks_up(layout->layer[l].activation);
        int8_t *w = mlpi_take(cursor, n * inputs, 1);
        int32_t *channels = mlpi_take(cursor, 2 * n, sizeof *channels);
        int8_t *table = looks_up ? mlpi_take(cursor, 256, 1) : NULL;
        if (cursor->base) {
            layers[l] = (mlpi_int8_layer){
                .numbers = {.inputs = (int)inputs, .outputs = (int)n},
                .w = w,
                .channels = channels,
                .table = table};
        }
    }
    *to = (mlpi_int8){L, layers, in, out, {hidden[0], hidden[1]}};
}

static double parameter(const mlp_net *net, size_t at)
{
    double x = 0;
    net->kernels->to_double(1, mlpi_const_at(net->kernels, net->parameters, at),
                            &x);
    return x;
}

static double weight(const mlp_net *net, size_t l, size_t j, size_t k)
{
    const mlpi_shape *shape = &net->layout.layer[l];
    return parameter(net, shape->W + k * shape->width + j);
}

/* Returns the standard deviation of a column. */
static double scaling_of(const mlp_net *net, const mlpi_scaling *by, size_t i,
                         double *mean)
{
    double std = 1;
    *mean = 0;
    if (by->scales) {
        net->kernels->to_double(1, mlpi_const_at(net->kernels, by->mean, i),
                                mean);
        net->kernels->to_double(1, mlpi_const_at(net->kernels, by->std, i),
                                &std);
    }
    return std;
}

/* Of the inputs of layer l: by what z[j] changes with q[k], per weight; and
 * with q[k] = 0 it is W[j][k] times *offset. */
static double input_step(const mlp_net *net, const mlpi_int8 *to, size_t l,
                         size_t k, double *offset)
{
    if (l > 1) {
        *offset = -to->layer[l - 1].step * to->layer[l - 1].zero;
        return to->layer[l - 1].step;
    }
    double mean = 0;
    double std = scaling_of(net, &net->in, k, &mean);
    *offset = ((double)to->in[2 * k] - mean) / std;
    return (double)to->in[2 * k + 1] / std;
}

/* A column that does not vary counts as its value, whatever comes: step 0. */
static mlp_status quantise_inputs(const mlp_net *net, const mlpi_int8 *to,
                                  mlp_cview X)
{
    for (size_t k = 0; k < X.cols; k++) {
        range r = nothing;
        for (size_t i = 0; i < X.rows; i++) {
            r = with(r, mlp_cview_at(X, i, k));
        }
        to->in[2 * k] = (float)(r.least / 2 + r.most / 2);
        to->in[2 * k + 1] = (float)(r.most / 254 - r.least / 254);
        double offset = 0;
        double step = input_step(net, to, 1, k, &offset);
        if (!isfinite(offset) || !isfinite(step) ||
            (r.least < r.most && to->in[2 * k + 1] == 0)) {
            return mlpi_error(&net->hooks, MLP_ERR_NOT_FINITE,
                              "X: expects numbers that a float can hold, got "
                              "others in column %zu",
                              k);
        }
    }
    return MLP_OK;
}

static int32_t nearest(double x)
{
    return (int32_t)(x < 0 ? x - 0.5 : x + 0.5);
}

/* Weights and bias of neuron j; returns s[j], so that biases fit, too. Of zeros
 * alone it is 0, for their sum is, by any multiplier; where it is not finite it
 * is INFINITY, and nothing is done. */
static double quantise_neuron(const mlp_net *net, const mlpi_int8 *to, size_t l,
                              size_t j)
{
    const mlpi_int8_layer *layer = &to->layer[l];
    size_t inputs = net->layout.layer[l - 1].width;
    double bias = parameter(net, net->layout.layer[l].b + j);
    double most = 0;
    double offset = 0;
    for (size_t k = 0; k < inputs; k++) {
        double step = input_step(net, to, l, k, &offset);
        most = larger(most, fabs(weight(net, l, j, k) * step));
        bias += l == 1 ? weight(net, l, j, k) * offset : 0;
    }
    if (!isfinite(most) || !isfinite(bias)) {
        return INFINITY;
    }
    double s = larger(most / 127, fabs(bias) / MOST_BIAS);
    double divisor = s > 0 ? s : 1;
    int8_t *w = layer->w + j * inputs;
    int32_t sum = 0;
    for (size_t k = 0; k < inputs; k++) {
        double step = input_step(net, to, l, k, &offset);
        w[k] = (int8_t)nearest(weight(net, l, j, k) * step / divisor);
        sum += w[k];
    }
    int32_t zero = l > 1 ? to->layer[l - 1].zero : 0;
    layer->channels[2 * j] = nearest(bias / divisor) - zero * sum;
    return s;
}

/* Multipliers s[j] / step, step being that of z. */
static void quantise_sums(mlpi_int8_layer *layer, const double *s, double step)
{
    size_t n = (size_t)layer->numbers.outputs;
    double most = 0;
    for (size_t j = 0; j < n; j++) {
        most = larger(most, s[j] / step);
    }
    /* The largest multiplier has 31 bits. */
    int shift = 1;
    double power = 2;
    for (; shift < 62 && 2 * power * most < (double)INT32_MAX; shift++) {
        power *= 2;
    }
    layer->numbers.shift = shift;
    for (size_t j = 0; j < n; j++) {
        layer->channels[2 * j + 1] =
            nearest(smaller(s[j] / step * power, (double)INT32_MAX - 1));
    }
}

/* Beyond these z, no eighth bit of the activation changes, or nearly so. */
static range saturated(mlp_activation f, range z)
{
    switch (f) {
    case MLP_ACT_SIGMOID:
        return (range){larger(z.least, -6), smaller(z.most, 6)};
    case MLP_ACT_TANH:
        return (range){larger(z.least, -4), smaller(z.most, 4)};
    case MLP_ACT_ELU:
    case MLP_ACT_GELU:
    case MLP_ACT_GELU_TANH:
    case MLP_ACT_SILU:
    case MLP_ACT_SOFTPLUS:
        return (range){larger(z.least, -8), z.most};
    default:
        return z;
    }
}

/* The step of 256 numbers that hold the range and 0, which is q = *zero. */
static double step_of(range r, int *zero)
{
    double least = smaller(r.least, 0);
    double step = larger(r.most, 0) / 255 - least / 255;
    step = step > 0 ? step : 1;
    *zero = -128 - (int)nearest(least / step);
    return step;
}

/* What the activation makes of each q of z; false if that is not finite. */
static bool make_table(const mlp_net *net, size_t l, mlpi_int8_layer *layer,
                       double z_step)
{
    double x[256];
    double reals[256]; /* room for either precision */
    for (int q = 0; q < 256; q++) {
        x[q] = z_step * (q - 128 - layer->numbers.zero);
    }
    net->kernels->scalar->from_double(256, x, reals);
    mlpi_activation how = mlpi_net_activation(net, l, 256);
    how.n = 1;
    net->kernels->activate(&how, reals, reals);
    range a = with_all(net, nothing, 256, reals);
    if (!is_finite(a)) {
        return false;
    }
    net->kernels->to_double(256, reals, x);
    layer->step = step_of(a, &layer->zero);
    if (how.f == MLP_ACT_SIGMOID) {
        layer->step = 1.0 / 256;
        layer->zero = -128;
    }
    for (size_t q = 0; q < 256; q++) {
        double y = nearest(x[q] / layer->step) + (double)layer->zero;
        layer->table[q] = (int8_t)larger(-128, smaller(y, 127));
    }
    return true;
}

static mlp_status refuse_layer(const mlp_net *net, size_t l)
{
    return mlpi_error(&net->hooks, MLP_ERR_NOT_FINITE,
                      "layer %zu: int8 expects finite numbers for the rows X",
                      l);
}

static mlp_status quantise_layer(const mlp_net *net, const mlpi_int8 *to,
                                 size_t l, const calibration *c)
{
    mlpi_int8_layer *layer = &to->layer[l];
    mlp_activation f = net->layout.layer[l].activation;
    range z = saturated(f, c->z[l]);
    for (size_t j = 0; j < net->layout.layer[l].width; j++) {
        c->s[j] = quantise_neuron(net, to, l, j);
        if (!isfinite(c->s[j])) {
            return refuse_layer(net, l);
        }
    }
    z.least = f == MLP_ACT_RELU ? 0 : z.least;
    layer->step = step_of(z, &layer->zero);
    layer->numbers.zero = layer->zero;
    quantise_sums(layer, c->s, layer->step);
    if (layer->table && !make_table(net, l, layer, layer->step)) {
        return refuse_layer(net, l);
    }
    return MLP_OK;
}

static mlp_status quantise_outputs(const mlp_net *net, const mlpi_int8 *to)
{
    const mlpi_int8_layer *last = &to->layer[to->L];
    for (size_t j = 0; j < mlpi_net_outputs(net); j++) {
        double mean = 0;
        double step = last->step * scaling_of(net, &net->out, j, &mean);
        to->out[2 * j] = (float)(mean - step * last->zero);
        to->out[2 * j + 1] = (float)step;
        if (!isfinite(to->out[2 * j]) || !isfinite(to->out[2 * j + 1]) ||
            to->out[2 * j + 1] == 0) {
            return mlpi_error(&net->hooks, MLP_ERR_NOT_FINITE,
                              "int8 expects outputs that a float can hold, "
                              "got others of neuron %zu",
                              j);
        }
    }
    return MLP_OK;
}

static mlp_status quantise(const mlp_net *net, const calibration *c,
                           mlp_cview X, mlpi_int8 *to)
{
    TRY(calibrate(net, c, X));
    TRY(quantise_inputs(net, to, X));
    for (size_t l = 1; l <= to->L; l++) {
        TRY(quantise_layer(net, to, l, c));
    }
    return quantise_outputs(net, to);
}

static mlp_status make(const mlp_net *net, mlp_cview X, mlpi_int8 *to)
{
    calibration c;
    void *block = NULL;
    mlpi_cursor measure = {0};
    lay_out_calibration(&c, net, &measure);
    TRY(mlpi_allocate(&net->hooks, &measure, "a calibration", &block));
    mlpi_cursor carve = {.base = block};
    lay_out_calibration(&c, net, &carve);
    mlp_status status = quantise(net, &c, X, to);
    mlpi_release(&net->hooks, block);
    return status;
}

mlp_status mlpi_quantise(const mlp_net *net, mlp_cview X, mlpi_int8 **made)
{
    for (size_t l = 0; l < net->layout.L; l++) {
        if (net->layout.layer[l].width > MOST_INPUTS) {
            return mlpi_error(&net->hooks, MLP_ERR_LIMIT,
                              "layer %zu: int8 expects at most %d inputs, got "
                              "%zu",
                              l + 1, MOST_INPUTS, net->layout.layer[l].width);
        }
    }
    mlpi_int8 measured;
    void *block = NULL;
    mlpi_cursor measure = {0};
    (void)mlpi_take(&measure, 1, sizeof **made);
    lay_out(&measured, net, &measure);
    TRY(mlpi_allocate(&net->hooks, &measure, "a network of int8", &block));
    mlpi_cursor carve = {.base = block};
    mlpi_int8 *to = mlpi_take(&carve, 1, sizeof *to);
    lay_out(to, net, &carve);
    mlp_status status = make(net, X, to);
    if (status != MLP_OK) {
        mlpi_release(&net->hooks, block);
        return status;
    }
    *made = to;
    return MLP_OK;
}

void mlpi_int8_run(const mlpi_int8 *net, const int8_t *x, int8_t *y)
{
    for (size_t l = 1; l <= net->L; l++) {
        const mlpi_int8_layer *layer = &net->layer[l];
        int8_t *out = l < net->L ? net->hidden[l % 2] : y;
        dense(&layer->numbers, layer->w, layer->channels, x, out);
        if (layer->table) {
            look_up(layer->table, layer->numbers.outputs, out);
        }
        x = out;
    }
}
