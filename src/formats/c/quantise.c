/* SPDX-License-Identifier: MIT */
/*
 * Quantises a network after it has been trained, in three stages:
 *
 *   1. Calibration. The network predicts the rows X in its own precision, and
 *      the range of z is recorded for each layer (calibrate.c).
 *   2. Scales. The range of a layer's z, cut where its activation saturates,
 *      gives the scale of its 256 numbers; the range of a table's outputs gives
 *      the scale of the next layer's inputs. Outputs of the network that are
 *      not compared with each other have a scale, and a table, each of its own.
 *   3. Integers. Layer by layer, weights and biases become integers in units of
 *      s[j], and s[j] / scale becomes a multiplier and a shift.
 *
 * A weight has its own unit for each neuron j, s[j], because the sums of a
 * neuron share one multiplier: large weights of one neuron do not cost the
 * others digits.
 *
 * Example: x between -1 and 3 has center 1 and scale 4/254. With W = -2 and b =
 * 0.5 layer 1 computes z = -2 x + 0.5, so w = -127 and s = 2 (4/254) / 127; the
 * bias, in units of s, is z at x = center, -1.5 / s. If the activation is
 * ReLU, z from 0 to 2.5 gets the scale 2.5/255 and zero = -128.
 *
 * Why a sum cannot overflow 32 bits: a product is at most 127 * 128 < 2^14, a
 * layer has at most 2^15 inputs, and a bias is at most 2^29 before
 * zero * (sum of w) is subtracted, and that product is at most 2^29 as well:
 * 2^29 + 2 * 2^29 < 2^31.
 */
#include "formats/c/quantise.h"

#include <math.h>

#include "base/error.h"
#include "formats/c/calibrate.h"
#include "model/layer.h"

enum {
    MAX_INPUTS = 32768, /* of a layer, so that a sum fits into 32 bits */
    TABLE = 256
};

#define MAX_BIAS 536870912.0 /* 2^29 */

/* ---------------------------------------------------------------------------
 * Inputs
 */

/* Returns the standard deviation of a column, and its mean in *mean: 1 and 0 if
 * columns are not scaled. */
static double deviation_of(const mlp_net *net, const mlpi_scaling *by, size_t i,
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

/* The input k of layer l, as the layer's weights see it, is
 * *offset + scale q[k]. Returns that scale. */
static double input_scale(const mlp_net *net, const mlpi_int8 *to, size_t l,
                          size_t k, double *offset)
{
    if (l > 1) {
        *offset = -to->layer[l - 1].scale * to->layer[l - 1].zero;
        return to->layer[l - 1].scale;
    }
    double mean = 0;
    double std = deviation_of(net, &net->in, k, &mean);
    *offset = ((double)to->in[2 * k] - mean) / std;
    return (double)to->in[2 * k + 1] / std;
}

/* Sets center and scale of each input from the range of its column. A column
 * that does not vary gets the scale 0: it counts as its value, whatever q
 * is. */
static mlp_status quantise_inputs(const mlp_net *net, const mlpi_int8 *to,
                                  mlp_cview X)
{
    for (size_t k = 0; k < X.cols; k++) {
        mlpi_range r = mlpi_no_range;
        for (size_t i = 0; i < X.rows; i++) {
            r = mlpi_range_with(r, mlp_cview_at(X, i, k));
        }
        /* Each end is divided first, because a difference could overflow. */
        to->in[2 * k] = (float)(r.least / 2 + r.most / 2);
        to->in[2 * k + 1] = (float)(r.most / 254 - r.least / 254);
        double offset = 0;
        double scale = input_scale(net, to, 1, k, &offset);
        if (!isfinite(offset) || !isfinite(scale) ||
            (r.least < r.most && to->in[2 * k + 1] == 0)) {
            return mlpi_error(&net->hooks, MLP_ERR_NOT_FINITE,
                              "X: expects numbers that a float can hold, got "
                              "others in column %zu",
                              k);
        }
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Weights and sums
 */

/* Parameters are read one by one, as doubles: exporting need not be fast. */
static double parameter(const mlp_net *net, size_t at)
{
    double x = 0;
    net->kernels->to_double(1, mlpi_const_at(net->kernels, net->parameters, at),
                            &x);
    return x;
}

/* Returns W[j][k] of layer l, which is stored as [n_in][n_out]. */
static double weight(const mlp_net *net, size_t l, size_t j, size_t k)
{
    const mlpi_layer_layout *layer = &net->layout.layer[l];
    return parameter(net, layer->W_offset + k * layer->width + j);
}

/* Rounds halves away from 0. A cast of what int32_t cannot hold is undefined,
 * so callers see to it that x fits. */
static int32_t nearest(double x)
{
    return (int32_t)(x < 0 ? x - 0.5 : x + 0.5);
}

/* Sets weights and bias of neuron j, and returns their unit s[j]: the larger of
 * what the weights need to fit into 8 bits and the bias into 30. If all are 0,
 * s[j] is 0, for their sum is 0 with any multiplier. If a weight or the bias is
 * not finite, the result is INFINITY, and nothing is set.
 *
 * In layer 1 the inputs' offsets go into the bias as real numbers. In later
 * layers they are whole multiples of the scale, -zero, and are subtracted
 * exactly, in integers. `center` is what the neuron's own unit adds to its
 * sum. */
static double quantise_neuron(const mlp_net *net, const mlpi_int8 *to, size_t l,
                              size_t j, double center)
{
    const mlpi_int8_layer *layer = &to->layer[l];
    size_t inputs = net->layout.layer[l - 1].width;
    double bias = parameter(net, net->layout.layer[l].b_offset + j) - center;
    double most = 0;
    double offset = 0;
    for (size_t k = 0; k < inputs; k++) {
        double scale = input_scale(net, to, l, k, &offset);
        most = mlpi_max(fabs(weight(net, l, j, k) * scale), most);
        bias += l == 1 ? weight(net, l, j, k) * offset : 0;
    }
    if (!isfinite(most) || !isfinite(bias)) {
        return INFINITY;
    }
    double s = mlpi_max(fabs(bias) / MAX_BIAS, most / 127);
    double divisor = s > 0 ? s : 1;
    int8_t *w = layer->w + j * inputs;
    int32_t sum = 0;
    for (size_t k = 0; k < inputs; k++) {
        double scale = input_scale(net, to, l, k, &offset);
        w[k] = (int8_t)nearest(weight(net, l, j, k) * scale / divisor);
        sum += w[k];
    }
    /* The sum of w (q - zero) is the sum of w q, less zero times the sum of
     * w. */
    int32_t zero = l > 1 ? to->layer[l - 1].zero : 0;
    layer->channels[2 * j] = nearest(bias / divisor) - zero * sum;
    return s;
}

/* Sets the multipliers s[j] / scale of units that neuron j's z has. All neurons
 * share the shift: the one with which the largest multiplier has 31 bits. */
static void set_multipliers(mlpi_int8_layer *layer, const mlpi_calibration *c)
{
    size_t n = (size_t)layer->numbers.outputs;
    double most = 0;
    for (size_t j = 0; j < n; j++) {
        most = mlpi_max(c->s[j] / c->unit[j].scale, most);
    }
    int shift = 1;
    double power = 2;
    for (; shift < 62 && 2 * power * most < (double)INT32_MAX; shift++) {
        power *= 2;
    }
    layer->numbers.shift = shift;
    for (size_t j = 0; j < n; j++) {
        double multiplier = c->s[j] / c->unit[j].scale * power;
        layer->channels[2 * j + 1] =
            nearest(mlpi_min((double)INT32_MAX - 1, multiplier));
    }
}

/* ---------------------------------------------------------------------------
 * Activations
 */

/* Cuts the range of z where the activation hardly changes in 8 bits, so that
 * the 256 numbers are spent where it does. */
static mlpi_range without_saturation(mlp_activation f, mlpi_range z)
{
    switch (f) {
    case MLP_ACT_SIGMOID:
        return (mlpi_range){mlpi_max(-6, z.least), mlpi_min(6, z.most)};
    case MLP_ACT_TANH:
        return (mlpi_range){mlpi_max(-4, z.least), mlpi_min(4, z.most)};
    case MLP_ACT_ELU:
    case MLP_ACT_GELU:
    case MLP_ACT_GELU_TANH:
    case MLP_ACT_SILU:
    case MLP_ACT_SOFTPLUS:
        return (mlpi_range){mlpi_max(-8, z.least), z.most};
    case MLP_ACT_EXP: /* e^-6 of the largest output is about one of 255 steps */
        return (mlpi_range){mlpi_max(z.most - 6, z.least), z.most};
    default:
        return z;
    }
}

/* Returns the scale of 256 numbers that cover the range and 0. They hold 0
 * exactly, as q = *zero. */
static double scale_of(mlpi_range r, int *zero)
{
    double least = mlpi_min(0, r.least);
    double scale = mlpi_max(0, r.most) / 255 - least / 255;
    scale = scale > 0 ? scale : 1;
    *zero = -128 - (int)nearest(least / scale);
    return scale;
}

/* Returns the unit of an output of its own: its range from q = -128 to 127. A
 * range of one number has a scale all the same, for other rows. */
static mlpi_int8_unit unit_of(mlp_activation f, mlpi_range z)
{
    mlpi_int8_unit unit = {.zero = -128};
    z = without_saturation(f, z);
    unit.center = f == MLP_ACT_RELU ? mlpi_max(0, z.least) : z.least;
    unit.scale = mlpi_max(0, z.most / 255 - unit.center / 255);
    if (!(unit.scale > 0)) {
        unit.scale = unit.center != 0 ? fabs(unit.center) / 255 : 1;
    }
    return unit;
}

/* Fills a table: for each q of z, the activation of the number that q stands
 * for. The network's own kernels compute it. `unit` is that of z, and becomes
 * that of the outputs, which may have one of their `own`. Returns false if a
 * result is not finite. */
static bool make_table(const mlp_net *net, size_t l, bool own,
                       mlpi_int8_unit *unit, int8_t *table)
{
    double x[TABLE];
    double reals[TABLE]; /* space for either precision */
    for (int q = 0; q < TABLE; q++) {
        x[q] = unit->center + unit->scale * (q - 128 - unit->zero);
    }
    net->kernels->scalar->from_double(TABLE, x, reals);
    mlpi_activation_args how = mlpi_net_activation(net, l, TABLE);
    /* The table is 256 rows of one output. */
    how.n = 1;
    net->kernels->activate(&how, reals, reals);
    mlpi_range a = mlpi_no_range;
    mlpi_range_columns(net, TABLE, reals, 1, &a);
    if (!mlpi_range_is_finite(a)) {
        return false;
    }
    net->kernels->to_double(TABLE, reals, x);
    if (own) {
        *unit = unit_of(MLP_ACT_IDENTITY, a);
    } else if (how.f == MLP_ACT_SIGMOID) {
        *unit = (mlpi_int8_unit){.scale = 1.0 / 256, .zero = -128};
    } else {
        unit->center = 0;
        unit->scale = scale_of(a, &unit->zero);
    }
    for (size_t q = 0; q < TABLE; q++) {
        double y =
            nearest((x[q] - unit->center) / unit->scale) + (double)unit->zero;
        table[q] = (int8_t)mlpi_max(mlpi_min(127, y), -128);
    }
    return true;
}

/* Fills the tables of a layer, if it has any: one for each neuron, or one for
 * all of them, which then have the same unit. */
static bool make_tables(const mlp_net *net, size_t l, mlpi_int8_layer *layer,
                        mlpi_int8_unit *unit)
{
    bool own = l == net->layout.L && mlpi_int8_has_own_units(net);
    for (size_t k = 0; k < layer->tables; k++) {
        if (!make_table(net, l, own, &unit[k], layer->table + k * TABLE)) {
            return false;
        }
    }
    size_t n = (size_t)layer->numbers.outputs;
    for (size_t j = 1; j < n && layer->tables == 1; j++) {
        unit[j] = unit[0];
    }
    return true;
}

/* ---------------------------------------------------------------------------
 * The network
 */

static mlp_status refuse_layer(const mlp_net *net, size_t l)
{
    return mlpi_error(&net->hooks, MLP_ERR_NOT_FINITE,
                      "layer %zu: int8 expects finite numbers for the rows X",
                      l);
}

/* Sets what the q of each neuron's z stands for. ReLU costs nothing: if
 * zero is -128, negative sums saturate to it. */
static void set_units(const mlp_net *net, const mlpi_int8 *to, size_t l,
                      const mlpi_calibration *c)
{
    mlp_activation f = net->layout.layer[l].activation;
    bool own = l == to->L && mlpi_int8_has_own_units(net);
    mlpi_range z = without_saturation(f, c->z[l]);
    z.least = f == MLP_ACT_RELU ? 0 : z.least;
    mlpi_int8_unit common = {.center = 0};
    common.scale = scale_of(z, &common.zero);
    for (size_t j = 0; j < net->layout.layer[l].width; j++) {
        c->unit[j] = own ? unit_of(f, c->each[j]) : common;
    }
    to->layer[l].numbers.zero = c->unit[0].zero;
}

/* Sets all numbers of layer l. Its inputs' scales must be known: those of layer
 * l - 1. */
static mlp_status quantise_layer(const mlp_net *net, const mlpi_int8 *to,
                                 size_t l, const mlpi_calibration *c)
{
    mlpi_int8_layer *layer = &to->layer[l];
    set_units(net, to, l, c);
    for (size_t j = 0; j < net->layout.layer[l].width; j++) {
        c->s[j] = quantise_neuron(net, to, l, j, c->unit[j].center);
        if (!isfinite(c->s[j])) {
            return refuse_layer(net, l);
        }
    }
    set_multipliers(layer, c);
    if (!make_tables(net, l, layer, c->unit)) {
        return refuse_layer(net, l);
    }
    layer->scale = c->unit[0].scale;
    layer->zero = c->unit[0].zero;
    return MLP_OK;
}

/* Sets center and scale of each output, so that center + scale q undoes the
 * scaling of targets, too. Both are floats in the exported file, and must be
 * finite there. The units are those of the last layer. */
static mlp_status quantise_outputs(const mlp_net *net, const mlpi_int8 *to,
                                   const mlpi_calibration *c)
{
    for (size_t j = 0; j < mlpi_net_outputs(net); j++) {
        double mean = 0;
        double std = deviation_of(net, &net->out, j, &mean);
        double scale = c->unit[j].scale * std;
        mean += c->unit[j].center * std;
        to->out[2 * j] = (float)(mean - scale * c->unit[j].zero);
        to->out[2 * j + 1] = (float)scale;
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

/* Layers go in order, since the scale of one layer's outputs is the scale of
 * the next layer's inputs. */
static mlp_status quantise_all(const mlp_net *net, const mlpi_calibration *c,
                               mlp_cview X, mlpi_int8 *to)
{
    TRY(mlpi_calibrate(net, c, X));
    TRY(quantise_inputs(net, to, X));
    for (size_t l = 1; l <= to->L; l++) {
        TRY(quantise_layer(net, to, l, c));
    }
    return quantise_outputs(net, to, c);
}

/* Sets all numbers of a network that is laid out. The memory of the calibration
 * is released before the function returns. */
static mlp_status fill(const mlp_net *net, mlp_cview X, mlpi_int8 *to)
{
    mlpi_calibration c = {.net = net};
    void *block = NULL;
    TRY(mlpi_allocate_layout(&net->hooks, mlpi_calibration_lay_out, &c,
                             "a calibration", &block));
    mlp_status status = quantise_all(net, &c, X, to);
    mlpi_release(&net->hooks, block);
    return status;
}

/* ---------------------------------------------------------------------------
 * Memory, and the public functions
 */

typedef struct construction {
    const mlp_net *net;
    mlpi_int8 *made; /* stands in the block that it describes */
} construction;

/* Takes the network, then its layers, then the arrays of each layer. Their
 * pointers are stored only in the second run, when `layer` exists. */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    construction *c = object;
    const mlpi_layout *layout = &c->net->layout;
    size_t L = layout->L;
    c->made = mlpi_take(cursor, 1, sizeof *c->made);
    mlpi_int8_layer *layers = mlpi_take(cursor, L + 1, sizeof *layers);
    float *in = mlpi_take(cursor, 2 * layout->layer[0].width, sizeof *in);
    float *out = mlpi_take(cursor, 2 * layout->layer[L].width, sizeof *out);
    int8_t *hidden[2];
    hidden[0] = mlpi_take(cursor, layout->widest, 1);
    hidden[1] = mlpi_take(cursor, layout->widest, 1);
    for (size_t l = 1; l <= L; l++) {
        size_t n = layout->layer[l].width;
        size_t inputs = layout->layer[l - 1].width;
        bool has_table = mlpi_int8_has_table(layout->layer[l].activation);
        bool own = l == L && mlpi_int8_has_own_units(c->net);
        size_t tables = !has_table ? 0 : own ? n : 1;
        int8_t *w = mlpi_take(cursor, n * inputs, 1);
        int32_t *channels = mlpi_take(cursor, 2 * n, sizeof *channels);
        int8_t *table =
            tables > 0 ? mlpi_take(cursor, tables * TABLE, 1) : NULL;
        if (layers) {
            layers[l] = (mlpi_int8_layer){
                .numbers = {.inputs = (int)inputs, .outputs = (int)n},
                .w = w,
                .channels = channels,
                .table = table,
                .tables = tables};
        }
    }
    if (c->made) {
        *c->made = (mlpi_int8){L, layers, in, out, {hidden[0], hidden[1]}};
    }
}

/* The limit is checked first, because it depends on the layout alone. */
mlp_status mlpi_quantise(const mlp_net *net, mlp_cview X, mlpi_int8 **made)
{
    for (size_t l = 0; l < net->layout.L; l++) {
        if (net->layout.layer[l].width > MAX_INPUTS) {
            return mlpi_error(&net->hooks, MLP_ERR_LIMIT,
                              "layer %zu: int8 expects at most %d inputs, got "
                              "%zu",
                              l + 1, MAX_INPUTS, net->layout.layer[l].width);
        }
    }
    construction c = {.net = net};
    void *block = NULL;
    TRY(mlpi_allocate_layout(&net->hooks, lay_out, &c, "a network of int8",
                             &block));
    mlp_status status = fill(net, X, c.made);
    if (status != MLP_OK) {
        mlpi_release(&net->hooks, block);
        return status;
    }
    *made = c.made;
    return MLP_OK;
}

/* An exported file makes the same calls, so its outputs, and its score, are the
 * same. */
void mlpi_int8_run(const mlpi_int8 *net, const int8_t *x, int8_t *y)
{
    for (size_t l = 1; l <= net->L; l++) {
        const mlpi_int8_layer *layer = &net->layer[l];
        int8_t *out = l < net->L ? net->hidden[l % 2] : y;
        dense(&layer->numbers, layer->w, layer->channels, x, out);
        if (layer->tables == 1) {
            look_up(layer->table, layer->numbers.outputs, out);
        } else if (layer->tables > 1) {
            look_up_each(layer->table, layer->numbers.outputs, out);
        }
        x = out;
    }
}
