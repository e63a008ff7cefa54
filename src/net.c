/* SPDX-License-Identifier: MIT */
/* Networks: made, copied, freed, initialised, looked into. */
#include "net.h"

#include <math.h>
#include <string.h>

#include "init.h"
#include "report.h"
#include "view.h"

mlp_config mlp_config_defaults(void)
{
    return (mlp_config){.loss = MLP_LOSS_BCE,
                        .precision = MLP_F64,
                        .init = MLP_INIT_HE,
                        .seed = 42,
                        .huber_delta = 1.0,
                        .batch_norm_momentum = 0.1,
                        .batch_norm_epsilon = 1e-5};
}

#define AND_NAME(constant, number, name) " " name

static mlp_status check_init(const mlp_hooks *hooks, mlp_init init)
{
    if (!mlp_init_name(init)) {
        return mlpi_report(
            hooks, MLP_ERR_ARGUMENT,
            "init: expects one of" MLP_INIT_LIST(AND_NAME) ", got number %d",
            (int)init);
    }
    return MLP_OK;
}

/* A number is what it is in the network's precision. */
static mlp_status check_batch_norm(const mlp_config *config)
{
    const mlp_hooks *hooks = &config->hooks;
    const mlpi_ops *ops = mlpi_ops_get(config->precision, 0);
    double momentum = config->batch_norm_momentum;
    double epsilon = ops->round(config->batch_norm_epsilon);
    if (!(momentum >= 0.0 && momentum <= 1.0)) {
        return mlpi_report(hooks, MLP_ERR_ARGUMENT,
                           "batch_norm_momentum: expects 0 to 1, got %g",
                           momentum);
    }
    if (!(epsilon > 0.0) || !isfinite(epsilon)) {
        return mlpi_report(hooks, MLP_ERR_ARGUMENT,
                           "batch_norm_epsilon: expects a finite %s above 0, "
                           "got %g",
                           mlp_dtype_name(ops->dtype),
                           config->batch_norm_epsilon);
    }
    return MLP_OK;
}

static mlp_status check_loss(const mlp_config *config)
{
    const mlp_hooks *hooks = &config->hooks;
    const mlpi_ops *ops = mlpi_ops_get(config->precision, 0);
    double delta = ops->round(config->huber_delta);
    double smoothing = config->label_smoothing;
    bool has_classes =
        config->loss == MLP_LOSS_BCE || config->loss == MLP_LOSS_CCE;
    bool is_smoothing = smoothing >= 0.0 && smoothing < 1.0;
    if (!(delta > 0.0) || !isfinite(delta)) {
        return mlpi_report(hooks, MLP_ERR_ARGUMENT,
                           "huber_delta: expects a finite %s above 0, got %g",
                           mlp_dtype_name(ops->dtype), config->huber_delta);
    }
    if (!(has_classes ? is_smoothing : smoothing == 0.0)) {
        return mlpi_report(
            hooks, MLP_ERR_ARGUMENT, "label_smoothing: %s expects 0%s, got %g",
            mlp_loss_name(config->loss),
            has_classes ? " or more and less than 1" : "", smoothing);
    }
    return MLP_OK;
}

/* Likewise: of the activations that look at it. */
static mlp_status check_slopes(const mlp_config *config)
{
    const mlpi_ops *ops = mlpi_ops_get(config->precision, 0);
    for (size_t l = 1; l <= config->n_layers; l++) {
        mlp_activation f = config->layers[l - 1].activation;
        double given = config->layers[l - 1].slope;
        double slope = ops->round(given);
        if (mlpi_has_slope(f) && !(slope >= 0.0 && isfinite(slope))) {
            return mlpi_report(&config->hooks, MLP_ERR_ARGUMENT,
                               "layer %zu: expects a slope from 0, finite in "
                               "%s, got %g",
                               l, mlp_dtype_name(ops->dtype), given);
        }
    }
    return MLP_OK;
}

static mlp_status check_config(const mlp_config *config)
{
    const mlp_hooks *hooks = &config->hooks;
    TRY(mlpi_check_hooks(hooks));
    TRY(mlpi_layout_check(config));
    TRY(check_init(hooks, config->init));
    if (!mlp_loss_name(config->loss)) {
        return mlpi_report(
            hooks, MLP_ERR_ARGUMENT,
            "loss: expects one of" MLP_LOSS_LIST(AND_NAME) ", got number %d",
            (int)config->loss);
    }
    if (config->precision != MLP_F32 && config->precision != MLP_F64) {
        return mlpi_report(hooks, MLP_ERR_ARGUMENT,
                           "precision: expects float32 or float64, got %d",
                           (int)config->precision);
    }
    if (!mlpi_ops_find(config->precision, config->kernels)) {
        return mlpi_report(hooks, MLP_ERR_UNSUPPORTED,
                           "no kernels \"%s\" in this build or machine",
                           config->kernels);
    }
    TRY(check_loss(config));
    TRY(check_slopes(config));
    return check_batch_norm(config);
}

static void take_scaling(mlpi_scaling *s, size_t n, size_t size,
                         mlpi_cursor *cursor)
{
    s->n = n;
    s->mean = mlpi_take(cursor, n, size);
    s->std = mlpi_take(cursor, n, size);
}

/* Parameters, running moments, scaling, and the way of a row through them. */
static void take_arrays(mlp_net *net, size_t inputs, size_t outputs,
                        mlpi_cursor *cursor)
{
    size_t size = net->ops->real_size;
    const mlpi_layout *layout = &net->layout;
    net->parameters =
        mlpi_take(cursor, layout->parameters + layout->running, size);
    if (net->parameters) {
        net->running = mlpi_at(net->ops, net->parameters, layout->parameters);
    }
    take_scaling(&net->in, inputs, size, cursor);
    take_scaling(&net->out, outputs, size, cursor);
    net->rows = mlpi_take(cursor, layout->L, sizeof *net->rows);
    for (size_t l = 1; l <= layout->L && net->rows; l++) {
        const mlpi_shape *layer = &layout->layer[l];
        net->rows[l - 1] =
            (mlpi_row_layer){.n_prev = layout->layer[l - 1].width,
                             .how = mlpi_net_activation(net, l, 1),
                             .W = mlpi_at(net->ops, net->parameters, layer->W),
                             .b = mlpi_at(net->ops, net->parameters, layer->b)};
        if (layer->batch_norm) {
            net->rows = NULL;
        }
    }
}

/* The struct begins the block; its arrays follow. */
static void lay_out(mlp_net *net, const mlp_config *config, mlpi_cursor *cursor)
{
    (void)mlpi_take(cursor, 1, sizeof *net);
    mlpi_layout_make(&net->layout, config, cursor);
    take_arrays(net, config->inputs, config->layers[config->n_layers - 1].width,
                cursor);
}

static void lay_out_copy(mlp_net *copy, const mlp_net *net,
                         mlpi_layout_copier *copier, mlpi_cursor *cursor)
{
    (void)mlpi_take(cursor, 1, sizeof *copy);
    copier(&copy->layout, &net->layout, cursor);
    take_arrays(copy, net->in.n, net->out.n, cursor);
}

mlp_status mlp_net_create(const mlp_config *config, mlp_net **net)
{
    if (!config) {
        return MLP_ERR_NULL;
    }
    if (!net) {
        return mlpi_report(&config->hooks, MLP_ERR_NULL,
                           "the place for the network is NULL");
    }
    TRY(check_config(config));
    mlp_net made = {.hooks = config->hooks,
                    .ops = mlpi_ops_find(config->precision, config->kernels),
                    .loss = config->loss,
                    .huber_delta = config->huber_delta,
                    .label_smoothing =
                        config->label_smoothing + 0.0, /* no -0 */
                    .norm_momentum = config->batch_norm_momentum,
                    .norm_epsilon = config->batch_norm_epsilon};
    mlpi_cursor measure = {0};
    lay_out(&made, config, &measure);
    void *block = NULL;
    TRY(mlpi_allocate(&made.hooks, &measure, "a network", &block));
    mlpi_cursor carve = {.base = block};
    lay_out(&made, config, &carve);
    mlpi_init_draw(made.ops, &made.layout, config->init, config->seed,
                   made.parameters);
    *net = block;
    **net = made;
    return MLP_OK;
}

static void release_names(mlp_net *net)
{
    mlpi_texts_release(&net->hooks, &net->class_names);
    mlpi_texts_release(&net->hooks, &net->metadata);
}

static mlp_status copy_names(const mlp_net *net, mlp_net *copy)
{
    copy->metadata = (mlpi_texts){.text = NULL};
    TRY(mlpi_texts_copy(&net->hooks, &net->class_names, &copy->class_names));
    mlp_status status =
        mlpi_texts_copy(&net->hooks, &net->metadata, &copy->metadata);
    if (status != MLP_OK) {
        release_names(copy);
    }
    return status;
}

static void copy_scaling(const mlp_net *net, const mlpi_scaling *from,
                         const mlpi_scaling *to)
{
    if (from->scales) {
        memcpy(to->mean, from->mean, from->n * net->ops->real_size);
        memcpy(to->std, from->std, from->n * net->ops->real_size);
    }
}

mlp_status mlpi_net_copy(const mlp_net *net, mlpi_layout_copier *copier,
                         mlp_net **copy)
{
    mlp_net made = *net;
    mlpi_cursor measure = {0};
    lay_out_copy(&made, net, copier, &measure);
    void *block = NULL;
    TRY(copy_names(net, &made));
    mlp_status status =
        mlpi_allocate(&net->hooks, &measure, "a copy of a network", &block);
    if (status != MLP_OK) {
        release_names(&made);
        return status;
    }
    mlpi_cursor carve = {.base = block};
    lay_out_copy(&made, net, copier, &carve);
    copy_scaling(net, &net->in, &made.in);
    copy_scaling(net, &net->out, &made.out);
    *copy = block;
    **copy = made;
    return MLP_OK;
}

mlp_status mlp_net_clone(const mlp_net *net, mlp_net **copy)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!copy) {
        return mlpi_report(&net->hooks, MLP_ERR_NULL,
                           "the place for the copy is NULL");
    }
    TRY(mlpi_net_copy(net, mlpi_layout_copy, copy));
    memcpy((*copy)->parameters, net->parameters,
           mlpi_net_state(net).cols * net->ops->real_size);
    return MLP_OK;
}

void mlp_net_free(mlp_net *net)
{
    if (net) {
        mlp_hooks hooks = net->hooks;
        release_names(net);
        mlpi_release(&hooks, net);
    }
}

mlp_status mlp_net_initialise(mlp_net *net, mlp_init init, uint32_t seed)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(check_init(&net->hooks, init));
    mlpi_init_draw(net->ops, &net->layout, init, seed, net->parameters);
    return MLP_OK;
}

size_t mlp_net_inputs(const mlp_net *net)
{
    return net ? net->layout.layer[0].width : 0;
}

size_t mlp_net_outputs(const mlp_net *net)
{
    return net ? net->layout.layer[net->layout.L].width : 0;
}

size_t mlp_net_layer_count(const mlp_net *net)
{
    return net ? net->layout.L : 0;
}

size_t mlp_net_parameter_count(const mlp_net *net)
{
    return net ? net->layout.parameters : 0;
}

mlp_dtype mlp_net_precision(const mlp_net *net)
{
    return net ? net->ops->dtype : MLP_F32;
}

mlp_loss mlp_net_loss(const mlp_net *net)
{
    return net ? net->loss : MLP_LOSS_BCE;
}

const char *mlp_net_kernels(const mlp_net *net)
{
    return net ? net->ops->name : "";
}

mlp_hooks mlp_net_hooks(const mlp_net *net)
{
    return net ? net->hooks : (mlp_hooks){.user = NULL};
}

mlp_status mlp_net_layer(const mlp_net *net, size_t l, mlp_layer *layer)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!layer) {
        return mlpi_report(&net->hooks, MLP_ERR_NULL,
                           "the place for the layer is NULL");
    }
    TRY(mlpi_net_check_layer(net, l, 1));
    const mlpi_shape *shape = &net->layout.layer[l];
    *layer = (mlp_layer){.width = shape->width,
                         .activation = shape->activation,
                         .slope = shape->slope,
                         .dropout = shape->dropout,
                         .batch_norm = shape->batch_norm};
    return MLP_OK;
}

mlp_view mlpi_net_weights_in(const mlp_net *net, void *reals, size_t l)
{
    const mlpi_shape *shape = &net->layout.layer[l];
    return (mlp_view){net->ops->dtype,
                      shape->width,
                      net->layout.layer[l - 1].width,
                      1,
                      shape->width,
                      mlpi_at(net->ops, reals, shape->W)};
}

mlp_view mlpi_net_row_in(const mlp_net *net, void *reals, size_t l,
                         size_t offset)
{
    size_t n = net->layout.layer[l].width;
    return (mlp_view){
        net->ops->dtype, 1, n, n, 1, mlpi_at(net->ops, reals, offset)};
}

mlp_view mlpi_net_biases_in(const mlp_net *net, void *reals, size_t l)
{
    return mlpi_net_row_in(net, reals, l, net->layout.layer[l].b);
}

mlp_status mlpi_net_check_norm(const mlp_net *net, size_t l)
{
    if (!net->layout.layer[l].batch_norm) {
        return mlpi_report(&net->hooks, MLP_ERR_ARGUMENT,
                           "expects a layer with batch norm, got layer %zu", l);
    }
    return MLP_OK;
}

/* A tensor of layer l that batch norm has. */
static mlp_status norm_view(const mlp_net *net, mlp_tensor which, size_t l,
                            mlp_view *view)
{
    TRY(mlpi_net_check_norm(net, l));
    const mlpi_shape *shape = &net->layout.layer[l];
    if (which == MLP_SCALE) {
        *view = mlpi_net_row_in(net, net->parameters, l, shape->scale);
    } else {
        *view =
            mlpi_net_row_in(net, net->running, l,
                            which == MLP_MEAN ? shape->mean : shape->variance);
    }
    return MLP_OK;
}

static mlp_status parameter_view(const mlp_net *net, mlp_tensor which, size_t l,
                                 mlp_view *view)
{
    bool is_norm =
        which == MLP_SCALE || which == MLP_MEAN || which == MLP_VARIANCE;
    if (which != MLP_W && which != MLP_B && !is_norm) {
        const char *name = mlp_tensor_name(which);
        return mlpi_report(&net->hooks, MLP_ERR_ARGUMENT,
                           "expects the tensor W, b, scale, mean or variance, "
                           "got %s (%d)",
                           name ? name : "an unknown one", (int)which);
    }
    TRY(mlpi_net_check_layer(net, l, 1));
    if (is_norm) {
        return norm_view(net, which, l, view);
    }
    *view = which == MLP_W ? mlpi_net_weights_in(net, net->parameters, l)
                           : mlpi_net_biases_in(net, net->parameters, l);
    return MLP_OK;
}

mlp_status mlp_net_tensor(mlp_net *net, mlp_tensor which, size_t l,
                          mlp_view *view)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!view) {
        return mlpi_report(&net->hooks, MLP_ERR_NULL,
                           "the place for the view is NULL");
    }
    return parameter_view(net, which, l, view);
}

mlp_status mlp_net_ctensor(const mlp_net *net, mlp_tensor which, size_t l,
                           mlp_cview *view)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!view) {
        return mlpi_report(&net->hooks, MLP_ERR_NULL,
                           "the place for the view is NULL");
    }
    mlp_view writable = {.data = NULL};
    TRY(parameter_view(net, which, l, &writable));
    *view = mlp_view_const(writable);
    return MLP_OK;
}

mlp_status mlpi_net_check_layer(const mlp_net *net, size_t l, size_t first)
{
    if (l < first || l > net->layout.L) {
        return mlpi_report(&net->hooks, MLP_ERR_ARGUMENT,
                           "expects a layer from %zu to %zu, got %zu", first,
                           net->layout.L, l);
    }
    return MLP_OK;
}

mlp_status mlpi_net_look_at_X(const mlp_net *net, mlp_cview X,
                              size_t least_rows)
{
    mlpi_expected expected = {.name = "X",
                              .dtype = net->ops->dtype,
                              .rows = MLPI_ANY_ROWS,
                              .cols = mlp_net_inputs(net),
                              .least_rows = least_rows};
    return mlpi_check_view(&net->hooks, X, &expected);
}

static bool is_classes(const mlp_net *net, mlp_cview Y)
{
    return net->loss == MLP_LOSS_CCE && Y.dtype == MLP_I32;
}

mlp_status mlpi_net_look_at_Y(const mlp_net *net, mlp_cview Y, size_t rows)
{
    bool classes = is_classes(net, Y);
    mlpi_expected expected = {.name = "Y",
                              .dtype = classes ? MLP_I32 : net->ops->dtype,
                              .rows = rows,
                              .cols = classes ? 1 : mlp_net_outputs(net)};
    return mlpi_check_view(&net->hooks, Y, &expected);
}

mlp_status mlpi_net_check_finite(const mlp_net *net, const char *name,
                                 mlp_cview view)
{
    size_t row = 0;
    size_t col = 0;
    if (!net->ops->find_not_finite(view, &row, &col)) {
        return MLP_OK;
    }
    return mlpi_report(
        &net->hooks, MLP_ERR_NOT_FINITE,
        "%s: expects finite numbers, got %s in row %zu, column %zu", name,
        isnan(mlp_cview_at(view, row, col)) ? "NaN" : "an infinity", row, col);
}

mlp_status mlpi_net_check_shapes(const mlp_net *net, mlp_cview X, mlp_cview Y)
{
    TRY(mlpi_net_check_X(net, X, 1));
    return mlpi_net_check_Y(net, Y, X.rows);
}

static mlp_status check_classes(const mlp_net *net, mlp_cview Y)
{
    size_t n = mlp_net_outputs(net);
    for (size_t i = 0; i < Y.rows; i++) {
        double class = mlp_cview_at(Y, i, 0);
        if (!(class >= 0 && class < (double)n)) {
            return mlpi_report(&net->hooks, MLP_ERR_ARGUMENT,
                               "Y: expects classes from 0 to %zu, got %.0f in "
                               "row %zu",
                               n - 1, class, i);
        }
    }
    return MLP_OK;
}

static mlp_status check_units(const mlp_net *net, mlp_cview Y)
{
    size_t row = 0;
    size_t col = 0;
    if (!net->ops->find_not_unit(Y, &row, &col)) {
        return MLP_OK;
    }
    return mlpi_report(&net->hooks, MLP_ERR_ARGUMENT,
                       "Y: %s expects targets from 0 to 1, got %g in row "
                       "%zu, column %zu",
                       mlp_loss_name(net->loss), mlp_cview_at(Y, row, col), row,
                       col);
}

static mlp_status check_sums(const mlp_net *net, mlp_cview Y)
{
    size_t row = 0;
    double sum = 0;
    if (!net->ops->find_not_whole(Y, &row, &sum)) {
        return MLP_OK;
    }
    return mlpi_report(&net->hooks, MLP_ERR_ARGUMENT,
                       "Y: cce expects rows whose sum is 1, got %.9g in row "
                       "%zu",
                       sum, row);
}

mlp_status mlpi_net_check_values(const mlp_net *net, mlp_cview X, mlp_cview Y)
{
    TRY(mlpi_net_check_finite(net, "X", X));
    if (is_classes(net, Y)) {
        return check_classes(net, Y);
    }
    TRY(mlpi_net_check_finite(net, "Y", Y));
    if (net->loss == MLP_LOSS_BCE || net->loss == MLP_LOSS_CCE) {
        TRY(check_units(net, Y));
    }
    return net->loss == MLP_LOSS_CCE ? check_sums(net, Y) : MLP_OK;
}

mlp_status mlpi_net_check_rate(const mlp_net *net, const char *name,
                               double rate)
{
    double rounded = net->ops->round(rate);
    if (!(rounded > 0.0) || !isfinite(rounded)) {
        return mlpi_report(&net->hooks, MLP_ERR_ARGUMENT,
                           "%s: expects a finite %s above 0, got %g", name,
                           mlp_dtype_name(net->ops->dtype), rate);
    }
    return MLP_OK;
}
