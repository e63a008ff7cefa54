/* SPDX-License-Identifier: MIT */
/*
 * Checks the gradients of backward against the definition of a gradient:
 * differences of the loss. The difference over a distance h,
 *
 *     D(h) = (J(w + h) - J(w - h)) / 2h
 *          = J' + c2 h^2 + c4 h^4 + ...
 *
 * at h, h/2 and h/4 gives J' up to terms in h^6 (Richardson's extrapolation).
 * The *doubt* bounds the error of the result: it is the difference of the two
 * results that h, h/2 and h/2, h/4 give. If J is smooth, the error is far below
 * it. If the second derivative jumps at w, as that of ELU does at 0, D(h) has a
 * term c h, too. Both results keep a part of it, c h / 3 and c h / 6, and their
 * difference is just above what is left in the final one, 7 c h / 45.
 *
 * Some losses have corners, where there is no derivative. If there is a corner
 * within h of w, D(h) is not such a series, and the doubt is large. A corner at
 * w itself does not make the doubt large, so the second differences
 *
 *     S(h) = (J(w + h) - 2 J(w) + J(w - h)) / h
 *          = j + s1 h + s3 h^3 + ..., where j is the jump of J' at w
 *
 * are extrapolated, too. The result is the jump, which is 0 if J is smooth at
 * w, and it is added to the doubt.
 *
 * While the doubt is large, h shrinks. A smaller h avoids corners near w, but
 * makes the rounding errors larger. The estimate with the least doubt counts.
 * If even that doubt is too large, the parameter is skipped. So this file need
 * not know which activation or loss has corners, and the gradients that it
 * checks do not influence the numeric derivatives.
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

/* Limits of the doubt, relative to the derivative: no further round follows a
 * doubt of at most `good_doubt`, and an estimate with a doubt above `max_doubt`
 * is not used. */
static const double good_doubt = 1e-10;
static const double max_doubt = 1e-8;

/* Derivatives are compared relative to their size. If a derivative is smaller
 * than this part of (loss + largest gradient), it is compared relative to that,
 * because the rounding of the loss hides smaller derivatives. */
static const double min_scale = 1e-3;

/* A check that is under way. */
typedef struct gradient_check {
    mlp_net *net;         /* float64 copy of the caller's network */
    mlp_trainer *trainer; /* trains the copy */
    double *parameters;   /* parameters of the copy */
    double *gradients;    /* computed by backward, laid out as the parameters */
    mlp_cview X, Y;
    mlp_cview weights; /* sample weights; no rows: all are 1 */
    mlp_train_options options;
    double loss;         /* at the parameters */
    double min_absolute; /* min_scale (|loss| + largest gradient) */
    void *block;         /* holds gradients and weights, and float64 copies of X
                            and Y if they are float32 */
} gradient_check;

/* ---------------------------------------------------------------------------
 * Numeric derivatives
 */

/* Returns the loss at the present parameters. The seed is set each time, so
 * that dropout uses the same masks. No call can fail, because the data has been
 * checked; so NaN means that the loss is NaN. */
static double loss_now(gradient_check *check)
{
    double loss = (double)NAN;
    mlpi_ignore(mlp_trainer_set_seed(check->trainer, check->options.seed));
    if (mlp_trainer_forward(check->trainer, check->X) == MLP_OK &&
        mlp_trainer_set_row_weights(check->trainer, check->weights) == MLP_OK) {
        mlpi_ignore(mlp_trainer_loss(check->trainer, check->Y, &loss));
    }
    return loss;
}

/* Returns the loss with one parameter set to `value`, and then restores the
 * parameter. */
static double loss_at(gradient_check *check, size_t index, double value)
{
    double kept = check->parameters[index];
    check->parameters[index] = value;
    double loss = loss_now(check);
    check->parameters[index] = kept;
    return loss;
}

/* A derivative, and an estimate of its error. */
typedef struct estimate {
    double slope, doubt;
} estimate;

/* Extrapolates D and S from h, h/2 and h/4. The terms of D are h^2 and h^4, so
 * halving h divides them by 4 and 16. The terms of S are h and h^3, so halving
 * h divides them by 2 and 8. */
static estimate extrapolate(gradient_check *check, size_t index, double h)
{
    double w = check->parameters[index];
    double D[LEVELS];
    double S[LEVELS];
    for (int k = 0; k < LEVELS; k++, h /= 2.0) {
        double up = loss_at(check, index, w + h) - check->loss;
        double down = loss_at(check, index, w - h) - check->loss;
        D[k] = (up - down) / (2.0 * h);
        S[k] = (up + down) / h;
    }
    double coarse = (4.0 * D[1] - D[0]) / 3.0;
    double fine = (4.0 * D[2] - D[1]) / 3.0;
    double jump =
        (8.0 * (2.0 * S[2] - S[1]) - (2.0 * S[1] - S[0])) / (8.0 - 1.0);
    return (estimate){(16.0 * fine - coarse) / 15.0,
                      fabs(fine - coarse) + fabs(jump)};
}

/* Returns the size by which an error of this derivative is divided. */
static double scale_of(const gradient_check *check, double slope)
{
    return fabs(slope) > check->min_absolute ? fabs(slope)
                                             : check->min_absolute;
}

/* Returns the estimate with the least doubt. The doubt is infinite if every
 * estimate is NaN. */
static estimate estimate_slope(gradient_check *check, size_t index)
{
    double h = first_h;
    estimate best = {(double)NAN, (double)INFINITY};
    for (int round = 0; round < ROUNDS; round++, h *= shrink) {
        estimate e = extrapolate(check, index, h);
        if (e.doubt < best.doubt) {
            best = e;
        }
        if (best.doubt <= good_doubt * scale_of(check, best.slope)) {
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
    where->row = is_weight ? offset % layer->width : 0; /* memory holds W^T */
    where->col = is_weight ? offset / layer->width : offset;
}

/* Checks one parameter, and records it in *worst if its error is the largest so
 * far. The error of a gradient that is not finite is infinite. */
static void check_parameter(gradient_check *check, size_t index,
                            mlp_gradient_check *worst)
{
    double analytic = check->gradients[index];
    estimate numeric = estimate_slope(check, index);
    if (!(numeric.doubt <= max_doubt * scale_of(check, numeric.slope))) {
        worst->skipped++;
        return;
    }
    double larger =
        fabs(analytic) > fabs(numeric.slope) ? analytic : numeric.slope;
    double difference = fabs(analytic - numeric.slope);
    /* Equal derivatives have no error, even where loss and gradients are all 0
     * and so is the scale. */
    double error =
        difference == 0.0 ? 0.0 : difference / scale_of(check, larger);
    if (!isfinite(analytic)) {
        error = (double)INFINITY;
    }
    if (worst->checked == 0 || error > worst->error) {
        locate(check->net, index, worst);
        worst->error = error;
        worst->analytic = analytic;
        worst->numeric = numeric.slope;
    }
    worst->checked++;
}

/* Computes the loss, the gradients that will be checked, and min_absolute.
 * MLP_ERR_DIVERGED if the loss is not finite. */
static mlp_status compute_gradients(gradient_check *check)
{
    size_t n = check->net->layout.parameters;
    check->loss = loss_now(check);
    if (!isfinite(check->loss)) {
        return mlpi_error(&check->net->hooks, MLP_ERR_DIVERGED,
                          "expects a finite loss, got %g", check->loss);
    }
    TRY(mlp_trainer_backward(check->trainer, check->Y));
    memcpy(check->gradients, check->trainer->batch.gradients,
           n * sizeof(double));
    double largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        double size = fabs(check->gradients[i]);
        largest = isfinite(size) && size > largest ? size : largest;
    }
    check->min_absolute = min_scale * (fabs(check->loss) + largest);
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
    void *block = NULL;
    TRY(mlpi_allocate_array(&net->hooks, net->layout.L, sizeof(mlp_layer),
                            "layers", &block));
    mlp_layer *layers = block;
    mlp_status status = MLP_OK;
    for (size_t l = 1; l <= net->layout.L && status == MLP_OK; l++) {
        status = mlp_net_layer(net, l, &layers[l - 1]);
    }
    mlp_config config = mlp_config_defaults();
    config.inputs = mlpi_net_inputs(net);
    config.layers = layers;
    config.n_layers = net->layout.L;
    config.loss = net->loss;
    config.huber_delta = net->huber_delta;
    config.quantiles = net->quantiles;
    config.label_smoothing = net->label_smoothing;
    config.init = MLP_INIT_ZEROS;
    config.batch_norm_epsilon = net->norm_epsilon;
    config.kernels = net->kernels->name;
    config.hooks = net->hooks;
    if (status == MLP_OK) {
        status = mlpi_net_create_saved(&config, copy);
    }
    mlpi_release(&net->hooks, block);
    return status;
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

/* Takes an array for a float64 copy of a float32 view. In the second call, when
 * the array exists (see memory.h), copies the numbers, and makes *view a view
 * of the copy. */
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

static mlpi_sample_weights sample_weights_of(const gradient_check *check)
{
    return (mlpi_sample_weights){check->options.class_weights,
                                 check->options.row_weights, check->Y};
}

/* Takes an array for sample weights, if there are any. In the second call, when
 * the array exists, computes them. */
static void lay_out_weights(gradient_check *check, mlpi_cursor *cursor)
{
    mlpi_sample_weights w = sample_weights_of(check);
    if (mlpi_has_sample_weights(&w)) {
        double *weights = mlpi_take(cursor, check->Y.rows, sizeof *weights);
        if (weights) {
            mlpi_sample_weights_fill(check->net, &w, weights);
            check->weights = mlp_cview_f64(weights, check->Y.rows, 1);
        }
    }
}

static void lay_out(void *object, mlpi_cursor *cursor)
{
    gradient_check *check = object;
    check->gradients = mlpi_take(cursor, check->net->layout.parameters,
                                 sizeof *check->gradients);
    convert_view(&check->X, cursor);
    convert_view(&check->Y, cursor);
    lay_out_weights(check, cursor);
}

static void release(gradient_check *check)
{
    if (check->net) {
        mlpi_release(&check->net->hooks, check->block);
    }
    mlp_trainer_free(check->trainer);
    mlp_net_free(check->net);
}

/* Makes the copies and the trainer. The caller releases them, also after a
 * failure. */
static mlp_status prepare(gradient_check *check, const mlp_net *net)
{
    TRY(copy_net(net, &check->net));
    check->parameters = check->net->parameters;
    TRY(mlpi_allocate_layout(&net->hooks, lay_out, check,
                             "a check of gradients", &check->block));
    TRY(mlp_trainer_create(check->net, check->X.rows, &check->trainer));
    return mlp_trainer_set_optimizer(check->trainer, &check->options.optimizer);
}

static mlp_status run(gradient_check *check, const mlp_net *net,
                      mlp_gradient_check *worst)
{
    TRY(prepare(check, net));
    TRY(compute_gradients(check));
    for (size_t i = 0; i < net->layout.parameters; i++) {
        check_parameter(check, i, worst);
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
    gradient_check check = {
        .X = X, .Y = Y, .options = options ? *options : mlp_train_defaults()};
    TRY(CHECK_RESERVED(&net->hooks, "options", &check.options));
    mlpi_sample_weights weights = sample_weights_of(&check);
    TRY(mlpi_class_weights_check(net, weights.classes));
    TRY(mlpi_row_weights_check(net, &net->hooks, &weights.rows, X.rows));
    TRY(mlpi_sample_weights_check(net, &net->hooks, &weights));
    TRY(mlpi_sample_weights_check_sum(&net->hooks,
                                      mlpi_sample_weights_sum(net, &weights)));
    mlp_gradient_check found = {.error = 0.0};
    mlp_status status = run(&check, net, &found);
    release(&check);
    if (status == MLP_OK) {
        *worst = found;
    }
    return status;
}
