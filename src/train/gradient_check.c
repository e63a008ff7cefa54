/* SPDX-License-Identifier: MIT */
/*
 * Gradients against what a gradient is, differences of the loss. With
 *
 *     D(h) = (J(w + h) - J(w - h)) / 2h
 *          = J' + c2 h^2 + c4 h^4 + ...
 *
 * three steps h, h/2, h/4 give J' but for terms in h^6 (Richardson's
 * extrapolation); how far the last correction went says how much to doubt it.
 * A corner next to w shows in that doubt, since what D(h) does then is no
 * series. A corner at w itself does not; so the second differences
 *
 *     S(h) = (J(w + h) - 2 J(w) + J(w - h)) / h
 *          = jump of J' at w + s1 h + s3 h^3 + ...
 *
 * are extrapolated, too: what they leave is the jump, 0 where J is smooth.
 * While the doubt is large h shrinks, which leaves corners behind and brings
 * rounding; the least doubtful of all is taken, or none. So nothing here needs
 * to know which activation or loss has corners, and nothing that is checked
 * takes part in the answer.
 *
 * All is done in double, on copies.
 */
#include <math.h>
#include <string.h>

#include "model/net.h"
#include "base/error.h"
#include "model/data_check.h"
#include "train/trainer.h"
#include "train/sample_weights.h"

enum { LEVELS = 3, ROUNDS = 5 };

static const double first_step = 0x1p-6;
static const double shrink = 0x1p-3; /* of steps, from round to round */
static const double enough = 1e-10;  /* relative doubt that ends the rounds */
static const double too_much = 1e-8; /* and that is not to be believed */
static const double least_scale = 1e-3; /* of loss and largest gradient */

typedef struct probe {
    mlp_net *net;         /* float64, and ours */
    mlp_trainer *trainer; /* of it */
    double *parameters;   /* its */
    double *gradients;    /* by backward, laid out as they are */
    mlp_cview X, Y;
    mlp_cview weights; /* of the rows; none: all 1 */
    mlp_train_options options;
    double loss;  /* at the parameters */
    double least; /* derivatives below this drown in rounding */
    void *block;  /* holds gradients and weights, and X and Y if they had to
                     be widened */
} probe;

/* ---------------------------------------------------------------------------
 * Numeric derivatives
 */

/* J of the network as it is; the seed brings dropout's masks back. NaN never
 * comes from a failure: all was checked in the first forward. */
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

static double loss_at(probe *p, size_t index, double value)
{
    double kept = p->parameters[index];
    p->parameters[index] = value;
    double loss = loss_now(p);
    p->parameters[index] = kept;
    return loss;
}

typedef struct estimate {
    double slope, doubt;
} estimate;

static estimate slope_by(probe *p, size_t index, double h)
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

/* What errors in derivatives of this size are relative to. */
static double scale_of(const probe *p, double slope)
{
    return fabs(slope) > p->least ? fabs(slope) : p->least;
}

/* The least doubtful estimate; its doubt is infinite if none is a number. */
static estimate estimate_slope(probe *p, size_t index)
{
    double h = first_step;
    estimate best = {(double)NAN, (double)INFINITY};
    for (int round = 0; round < ROUNDS; round++, h *= shrink) {
        estimate e = slope_by(p, index, h);
        if (e.doubt < best.doubt) {
            best = e;
        }
        if (best.doubt <= enough * scale_of(p, best.slope)) {
            break;
        }
    }
    return best;
}

/* ---------------------------------------------------------------------------
 * The worst of all
 */

/* Says where among the layers a parameter is. */
static void locate(const mlp_net *net, size_t index, mlp_gradient_check *where)
{
    size_t l = 1;
    while (l < net->layout.L && index >= net->layout.layer[l + 1].W) {
        l++;
    }
    const mlpi_shape *shape = &net->layout.layer[l];
    bool is_weight = index < shape->b;
    bool is_scale = shape->batch_norm && index >= shape->scale;
    size_t offset = index - (is_weight  ? shape->W
                             : is_scale ? shape->scale
                                        : shape->b);
    where->layer = l;
    where->tensor = is_weight ? MLP_W : is_scale ? MLP_SCALE : MLP_B;
    where->row = is_weight ? offset % shape->width : 0; /* input-major */
    where->col = is_weight ? offset / shape->width : offset;
}

static void check_parameter(probe *p, size_t index, mlp_gradient_check *worst)
{
    double analytic = p->gradients[index];
    estimate numeric = estimate_slope(p, index);
    if (!(numeric.doubt <= too_much * scale_of(p, numeric.slope))) {
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

/* The loss, the gradients, and how large they are. */
static mlp_status look(probe *p)
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
    p->least = least_scale * (fabs(p->loss) + largest);
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Copies
 */

/* The same layers and loss in float64, with any parameters. */
static mlp_status make_wide(const mlp_net *net, mlp_net **wide)
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
    return mlp_net_create(&config, wide);
}

static void widen_scaling(const mlp_net *net, const mlpi_scaling *from,
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
    TRY(make_wide(net, copy));
    net->kernels->to_double(net->layout.parameters, net->parameters,
                            (*copy)->parameters);
    widen_scaling(net, &net->in, &(*copy)->in);
    widen_scaling(net, &net->out, &(*copy)->out);
    return MLP_OK;
}

/* Takes room for a float64 copy of a float32 view, and when carving makes it.
 */
static void widen_view(mlp_cview *view, mlpi_cursor *cursor)
{
    if (view->dtype != MLP_F32) {
        return;
    }
    /* Not too large a product: the view was checked. */
    size_t cells = view->rows * view->cols;
    double *data = mlpi_take(cursor, cells, sizeof *data);
    if (data) {
        for (size_t i = 0; i < cells; i++) {
            data[i] = mlp_cview_at(*view, i / view->cols, i % view->cols);
        }
        *view = mlp_cview_f64(data, view->rows, view->cols);
    }
}

static mlpi_sample_weights weighing_of(const probe *p)
{
    return (mlpi_sample_weights){p->options.class_weights,
                                 p->options.row_weights, p->Y};
}

/* Takes room for what the rows count, and when carving computes it. */
static void weigh(probe *p, mlpi_cursor *cursor)
{
    mlpi_sample_weights w = weighing_of(p);
    if (mlpi_has_sample_weights(&w)) {
        double *weights = mlpi_take(cursor, p->Y.rows, sizeof *weights);
        if (weights) {
            mlpi_sample_weights_fill(p->net, &w, weights);
            p->weights = mlp_cview_f64(weights, p->Y.rows, 1);
        }
    }
}

static void lay_out(probe *p, mlpi_cursor *cursor)
{
    p->gradients =
        mlpi_take(cursor, p->net->layout.parameters, sizeof *p->gradients);
    widen_view(&p->X, cursor);
    widen_view(&p->Y, cursor);
    weigh(p, cursor);
}

static void dismiss(probe *p)
{
    if (p->net) {
        mlpi_release(&p->net->hooks, p->block);
    }
    mlp_trainer_free(p->trainer);
    mlp_net_free(p->net);
}

/* What it made is dismissed also if it fails. */
static mlp_status prepare(probe *p, const mlp_net *net)
{
    TRY(copy_net(net, &p->net));
    p->parameters = p->net->parameters;
    mlpi_cursor measure = {0};
    lay_out(p, &measure);
    TRY(mlpi_allocate(&net->hooks, &measure, "a check of gradients",
                      &p->block));
    mlpi_cursor carve = {.base = p->block};
    lay_out(p, &carve);
    TRY(mlp_trainer_create(p->net, p->X.rows, &p->trainer));
    return mlp_trainer_set_optimizer(p->trainer, &p->options.optimizer);
}

static mlp_status run(probe *p, const mlp_net *net, mlp_gradient_check *worst)
{
    TRY(prepare(p, net));
    TRY(look(p));
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
    if (!worst) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL,
                          "the place for the worst error is NULL");
    }
    TRY(mlpi_check_shapes(net, &net->hooks, &X, &Y));
    TRY(mlpi_check_values(net, &net->hooks, &X, &Y));
    probe p = {
        .X = X, .Y = Y, .options = options ? *options : mlp_train_defaults()};
    mlpi_sample_weights weighing = weighing_of(&p);
    TRY(mlpi_class_weights_check(net, weighing.classes));
    TRY(mlpi_row_weights_check(net, &net->hooks, &weighing.rows, X.rows));
    TRY(mlpi_sample_weights_check(net, &net->hooks, &weighing));
    TRY(mlpi_sample_weights_check_sum(&net->hooks,
                                      mlpi_sample_weights_sum(net, &weighing)));
    mlp_gradient_check found = {.error = 0.0};
    mlp_status status = run(&p, net, &found);
    dismiss(&p);
    if (status == MLP_OK) {
        *worst = found;
    }
    return status;
}
