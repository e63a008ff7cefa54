/* SPDX-License-Identifier: MIT */
/*
 * Checks the gradients of backward against the definition of a gradient:
 * differences of the loss. The difference over a distance h,
 *
 *     D(h) = (J(w + h) - J(w - h)) / 2h
 *          = J' + c2 h^2 + c4 h^4 + ...
 *
 * at h, h/2 and h/4 gives J' up to terms in h^6 (Richardson's extrapolation).
 * The size of the last correction is a measure of how far to doubt the result.
 *
 * Some losses have corners, where there is no derivative. A corner within h of
 * w makes the doubt large, because D(h) is no such series then. A corner at w
 * itself does not, so the second differences
 *
 *     S(h) = (J(w + h) - 2 J(w) + J(w - h)) / h
 *          = jump of J' at w + s1 h + s3 h^3 + ...
 *
 * are extrapolated too. What they yield is the jump, which is 0 where J is
 * smooth, and adds to the doubt.
 *
 * While the doubt is large h shrinks, which leaves corners behind and brings
 * rounding. The estimate with the least doubt counts; if even that is doubtful,
 * the parameter is skipped. So this file need not know which activation or loss
 * has corners, and no derivative that is checked takes part in the answer.
 *
 * Everything is computed in double, on a copy of the network.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/data_check.h"
#include "model/net.h"
#include "train/sample_weights.h"
#include "train/trainer_state.h"

enum { LEVELS = 3 }; /* distances in one extrapolation: h, h/2, h/4 */
enum { ROUNDS = 5 }; /* extrapolations for one parameter, at most */

static const double first_h = 0x1p-6;
static const double shrink = 0x1p-3; /* factor of h from round to round */

/* Doubt relative to the derivative: a round with `good_doubt` is the last one,
 * and an estimate with more than `max_doubt` is not used. */
static const double good_doubt = 1e-10;
static const double max_doubt = 1e-8;

/* Derivatives are compared relative to their size, or to this part of loss and
 * largest gradient if they are smaller: smaller ones drown in the rounding of
 * the loss. */
static const double min_scale = 1e-3;

/* A check that is under way. */
typedef struct probe {
    mlp_net *net;         /* float64 copy of the caller's network */
    mlp_trainer *trainer; /* of that copy */
    double *parameters;   /* of that copy */
    double *gradients;    /* as backward computes them, laid out as those */
    mlp_cview X, Y;
    mlp_cview weights; /* what each row counts; no rows: all 1 */
    mlp_train_options options;
    double loss;         /* at the parameters */
    double min_absolute; /* min_scale times loss and largest gradient */
    void *block;         /* holds gradients and weights, and float64 copies of X
                            and Y if they are float32 */
} probe;

/* ---------------------------------------------------------------------------
 * Numeric derivatives
 */

/* The loss of the network as it is. Setting the seed each time makes dropout
 * draw the same masks. No call can fail, because the first forward has shown
 * that the data fits; so NaN means that the loss is NaN. */
static double loss_now(probe *p)
{
    double loss = (double)NAN;
    (void)mlp_trainer_set_seed(p->trainer, p->options.seed);
    if (mlp_trainer_forward(p->trainer, p->X) == MLP_OK &&
        mlp_trainer_set_row_weights(p->trainer, p->weights) == MLP_OK) {
        (void)mlp_trainer_loss(p->trainer, p->Y, &loss);
    }
    return loss;
}

/* The loss with one parameter changed, which is put back afterwards. */
static double loss_at(probe *p, size_t index, double value)
{
    double kept = p->parameters[index];
    p->parameters[index] = value;
    double loss = loss_now(p);
    p->parameters[index] = kept;
    return loss;
}

/* A derivative, and how far it may be wrong. */
typedef struct estimate {
    double slope, doubt;
} estimate;

/* Extrapolates D and S from h, h/2 and h/4. The terms of D are even powers of
 * h, so halving h divides them by 4 and 16; those of S are odd ones, divided by
 * 2 and 8. */
static estimate extrapolate(probe *p, size_t index, double h)
{
    double w = p->parameters[index];
    double D[LEVELS];
    double S[LEVELS];
    for (int k = 0; k < LEVELS; k++, h /= 2.0) {
        double up = loss_at(p, index, w + h) - p->loss;
        double down = loss_at(p, index, w - h) - p->loss;
        D[k] = (up - down) / (2.0 * h);
        S[k] = (up + down) / h;
    }
    double coarse = (4.0 * D[1] - D[0]) / 3.0;
    double fine = (4.0 * D[2] - D[1]) / 3.0;
    double jump =
        (8.0 * (2.0 * S[2] - S[1]) - (2.0 * S[1] - S[0])) / (8.0 - 1.0);
    return (estimate){(16.0 * fine - coarse) / 15.0,
                      fabs(fine - coarse) / 15.0 + fabs(jump)};
}

/* The size that an error in this derivative is relative to. */
static double scale_of(const probe *p, double slope)
{
    return fabs(slope) > p->min_absolute ? fabs(slope) : p->min_absolute;
}

/* The estimate with the least doubt; the doubt is infinite if no estimate is a
 * number. */
static estimate estimate_slope(probe *p, size_t index)
{
    double h = first_h;
    estimate best = {(double)NAN, (double)INFINITY};
    for (int round = 0; round < ROUNDS; round++, h *= shrink) {
        estimate e = extrapolate(p, index, h);
        if (e.doubt < best.doubt) {
            best = e;
        }
        if (best.doubt <= good_doubt * scale_of(p, best.slope)) {
            break;
        }
    }
    return best;
}

/* ---------------------------------------------------------------------------
 * Comparing
 */

/* Translates the number of a parameter into layer, tensor, row and column. */
static void locate(const mlp_net *net, size_t index, mlp_gradient_check *where)
{
    size_t l = 1;
    while (l < net->layout.L && index >= net->layout.layer[l + 1].W_offset) {
        l++;
    }
    const mlpi_layer_layout *layer = &net->layout.layer[l];
    bool is_weight = index < layer->b_offset;
    bool is_scale = layer->batch_norm && index >= layer->scale_offset;
    size_t offset = index - (is_weight  ? layer->W_offset
                             : is_scale ? layer->scale_offset
                                        : layer->b_offset);
    where->layer = l;
    where->tensor = is_weight ? MLP_W : is_scale ? MLP_SCALE : MLP_B;
    where->row = is_weight ? offset % layer->width : 0; /* input-major */
    where->col = is_weight ? offset / layer->width : offset;
}

/* Checks one parameter, and makes it the worst one if its error is larger. A
 * gradient that is not finite is infinitely wrong. */
static void check_parameter(probe *p, size_t index, mlp_gradient_check *worst)
{
    double analytic = p->gradients[index];
    estimate numeric = estimate_slope(p, index);
    if (!(numeric.doubt <= max_doubt * scale_of(p, numeric.slope))) {
        worst->skipped++;
        return;
    }
    double larger =
        fabs(analytic) > fabs(numeric.slope) ? analytic : numeric.slope;
    double error = fabs(analytic - numeric.slope) / scale_of(p, larger);
    if (!isfinite(analytic)) {
        error = (double)INFINITY;
    }
    if (worst->checked == 0 || error > worst->error) {
        locate(p->net, index, worst);
        worst->error = error;
        worst->analytic = analytic;
        worst->numeric = numeric.slope;
    }
    worst->checked++;
}

/* Computes the loss, the gradients that are to be checked, and how large they
 * are. MLP_ERR_DIVERGED if the loss is not finite. */
static mlp_status compute_gradients(probe *p)
{
    size_t n = p->net->layout.parameters;
    p->loss = loss_now(p);
    if (!isfinite(p->loss)) {
        return mlpi_error(&p->net->hooks, MLP_ERR_DIVERGED,
                          "expects a finite loss, got %g", p->loss);
    }
    TRY(mlp_trainer_backward(p->trainer, p->Y));
    memcpy(p->gradients, p->trainer->batch.gradients, n * sizeof(double));
    double largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        double size = fabs(p->gradients[i]);
        largest = isfinite(size) && size > largest ? size : largest;
    }
    p->min_absolute = min_scale * (fabs(p->loss) + largest);
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Copies in float64: in float32 the rounding of the loss, divided by h, would
 * be as large as the errors that a check is to find.
 */

/* Creates a float64 network with the layers and the loss of `net`. Parameters
 * and scaling are not copied. */
static mlp_status create_double(const mlp_net *net, mlp_net **copy)
{
    mlp_layer layers[MLP_MAX_LAYERS];
    for (size_t l = 1; l <= net->layout.L; l++) {
        TRY(mlp_net_layer(net, l, &layers[l - 1]));
    }
    mlp_config config = mlp_config_defaults();
    config.inputs = mlpi_net_inputs(net);
    config.layers = layers;
    config.n_layers = net->layout.L;
    config.loss = net->loss;
    config.huber_delta = net->huber_delta;
    config.label_smoothing = net->label_smoothing;
    config.init = MLP_INIT_ZEROS;
    config.batch_norm_epsilon = net->norm_epsilon;
    config.kernels = net->kernels->name;
    config.hooks = net->hooks;
    return mlp_net_create(&config, copy);
}

static void copy_scaling(const mlp_net *net, const mlpi_scaling *from,
                         mlpi_scaling *to)
{
    if (from->scales) {
        net->kernels->to_double(from->n, from->mean, to->mean);
        net->kernels->to_double(from->n, from->std, to->std);
        to->scales = true;
    }
}

static mlp_status copy_net(const mlp_net *net, mlp_net **copy)
{
    if (net->kernels->dtype == MLP_F64) {
        return mlp_net_clone(net, copy);
    }
    TRY(create_double(net, copy));
    net->kernels->to_double(net->layout.parameters, net->parameters,
                            (*copy)->parameters);
    copy_scaling(net, &net->in, &(*copy)->in);
    copy_scaling(net, &net->out, &(*copy)->out);
    return MLP_OK;
}

/* Takes an array for a float64 copy of a float32 view. When the array is there,
 * copies the numbers, and makes the view one of the copy. */
static void convert_view(mlp_cview *view, mlpi_cursor *cursor)
{
    if (view->dtype != MLP_F32) {
        return;
    }
    /* The product does not overflow, because the view was checked. */
    size_t cells = view->rows * view->cols;
    double *data = mlpi_take(cursor, cells, sizeof *data);
    if (data) {
        for (size_t i = 0; i < cells; i++) {
            data[i] = mlp_cview_at(*view, i / view->cols, i % view->cols);
        }
        *view = mlp_cview_f64(data, view->rows, view->cols);
    }
}

static mlpi_sample_weights sample_weights_of(const probe *p)
{
    return (mlpi_sample_weights){p->options.class_weights,
                                 p->options.row_weights, p->Y};
}

/* Takes an array for what the rows count, if they do not all count 1. When the
 * array is there, computes the numbers. */
static void lay_out_weights(probe *p, mlpi_cursor *cursor)
{
    mlpi_sample_weights w = sample_weights_of(p);
    if (mlpi_has_sample_weights(&w)) {
        double *weights = mlpi_take(cursor, p->Y.rows, sizeof *weights);
        if (weights) {
            mlpi_sample_weights_fill(p->net, &w, weights);
            p->weights = mlp_cview_f64(weights, p->Y.rows, 1);
        }
    }
}

static void lay_out(void *object, mlpi_cursor *cursor)
{
    probe *p = object;
    p->gradients =
        mlpi_take(cursor, p->net->layout.parameters, sizeof *p->gradients);
    convert_view(&p->X, cursor);
    convert_view(&p->Y, cursor);
    lay_out_weights(p, cursor);
}

static void release(probe *p)
{
    if (p->net) {
        mlpi_release(&p->net->hooks, p->block);
    }
    mlp_trainer_free(p->trainer);
    mlp_net_free(p->net);
}

/* Makes the copies and the trainer. The caller releases them, also after a
 * failure. */
static mlp_status prepare(probe *p, const mlp_net *net)
{
    TRY(copy_net(net, &p->net));
    p->parameters = p->net->parameters;
    TRY(mlpi_make(&net->hooks, lay_out, p, "a check of gradients", &p->block));
    TRY(mlp_trainer_create(p->net, p->X.rows, &p->trainer));
    return mlp_trainer_set_optimizer(p->trainer, &p->options.optimizer);
}

static mlp_status run(probe *p, const mlp_net *net, mlp_gradient_check *worst)
{
    TRY(prepare(p, net));
    TRY(compute_gradients(p));
    for (size_t i = 0; i < net->layout.parameters; i++) {
        check_parameter(p, i, worst);
    }
    return MLP_OK;
}

mlp_status mlp_check_gradients(const mlp_net *net, mlp_cview X, mlp_cview Y,
                               const mlp_train_options *options,
                               mlp_gradient_check *worst)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, worst,
                           "the place for the worst error"));
    TRY(mlpi_check_shapes(net, &net->hooks, &X, &Y));
    TRY(mlpi_check_values(net, &net->hooks, &X, &Y));
    probe p = {
        .X = X, .Y = Y, .options = options ? *options : mlp_train_defaults()};
    mlpi_sample_weights weights = sample_weights_of(&p);
    TRY(mlpi_class_weights_check(net, weights.classes));
    TRY(mlpi_row_weights_check(net, &net->hooks, &weights.rows, X.rows));
    TRY(mlpi_sample_weights_check(net, &net->hooks, &weights));
    TRY(mlpi_sample_weights_check_sum(&net->hooks,
                                      mlpi_sample_weights_sum(net, &weights)));
    mlp_gradient_check found = {.error = 0.0};
    mlp_status status = run(&p, net, &found);
    release(&p);
    if (status == MLP_OK) {
        *worst = found;
    }
    return status;
}
