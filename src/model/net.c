/* SPDX-License-Identifier: MIT */
/* Networks: what is asked for; made, initialised, freed. */
#include "model/net.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "model/init.h"

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

static mlp_status check_init(const mlp_hooks *hooks, mlp_weight_init init)
{
    if (!mlp_weight_init_name(init)) {
        return mlpi_error(
            hooks, MLP_ERR_ARGUMENT,
            "init: expects one of" MLP_INIT_LIST(AND_NAME) ", got number %d",
            (int)init);
    }
    return MLP_OK;
}

/* Numbers are what they are in the network's precision. */
mlp_status mlpi_check_positive(const mlp_hooks *hooks,
                               const mlpi_kernels *kernels, const char *name,
                               double value)
{
    double rounded = kernels->round(value);
    if (!(rounded > 0.0) || !isfinite(rounded)) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "%s: expects a finite %s above 0, got %g", name,
                          mlp_dtype_name(kernels->dtype), value);
    }
    return MLP_OK;
}

static mlp_status check_batch_norm(const mlp_config *config)
{
    const mlp_hooks *hooks = &config->hooks;
    double momentum = config->batch_norm_momentum;
    if (!(momentum >= 0.0 && momentum <= 1.0)) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "batch_norm_momentum: expects 0 to 1, got %g",
                          momentum);
    }
    return mlpi_check_positive(hooks, mlpi_kernels_get(config->precision, 0),
                               "batch_norm_epsilon",
                               config->batch_norm_epsilon);
}

static mlp_status check_loss(const mlp_config *config)
{
    const mlp_hooks *hooks = &config->hooks;
    double smoothing = config->label_smoothing;
    bool has_classes =
        config->loss == MLP_LOSS_BCE || config->loss == MLP_LOSS_CCE;
    bool is_smoothing = smoothing >= 0.0 && smoothing < 1.0;
    TRY(mlpi_check_positive(hooks, mlpi_kernels_get(config->precision, 0),
                            "huber_delta", config->huber_delta));
    if (!(has_classes ? is_smoothing : smoothing == 0.0)) {
        return mlpi_error(
            hooks, MLP_ERR_ARGUMENT, "label_smoothing: %s expects 0%s, got %g",
            mlp_loss_name(config->loss),
            has_classes ? " or more and less than 1" : "", smoothing);
    }
    return MLP_OK;
}

/* Slopes must be finite and not negative, where an activation looks at them. */
static mlp_status check_slopes(const mlp_config *config)
{
    const mlpi_kernels *kernels = mlpi_kernels_get(config->precision, 0);
    for (size_t l = 1; l <= config->n_layers; l++) {
        mlp_activation f = config->layers[l - 1].activation;
        double given = config->layers[l - 1].slope;
        double slope = kernels->round(given);
        if (mlpi_has_slope(f) && !(slope >= 0.0 && isfinite(slope))) {
            return mlpi_error(&config->hooks, MLP_ERR_ARGUMENT,
                              "layer %zu: expects a slope from 0, finite in "
                              "%s, got %g",
                              l, mlp_dtype_name(kernels->dtype), given);
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
        return mlpi_error(
            hooks, MLP_ERR_ARGUMENT,
            "loss: expects one of" MLP_LOSS_LIST(AND_NAME) ", got number %d",
            (int)config->loss);
    }
    if (config->precision != MLP_F32 && config->precision != MLP_F64) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "precision: expects float32 or float64, got %d",
                          (int)config->precision);
    }
    if (!mlpi_kernels_find(config->precision, config->kernels)) {
        return mlpi_error(hooks, MLP_ERR_UNSUPPORTED,
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

void mlpi_net_take_arrays(mlp_net *net, size_t inputs, size_t outputs,
                          mlpi_cursor *cursor)
{
    size_t size = net->kernels->real_size;
    const mlpi_layout *layout = &net->layout;
    net->parameters =
        mlpi_take(cursor, layout->parameters + layout->running, size);
    if (net->parameters) {
        net->running =
            mlpi_at(net->kernels, net->parameters, layout->parameters);
    }
    take_scaling(&net->in, inputs, size, cursor);
    take_scaling(&net->out, outputs, size, cursor);
    net->row_layers = mlpi_take(cursor, layout->L, sizeof *net->row_layers);
    for (size_t l = 1; l <= layout->L && net->row_layers; l++) {
        const mlpi_shape *layer = &layout->layer[l];
        net->row_layers[l - 1] = (mlpi_row_layer){
            .n_prev = layout->layer[l - 1].width,
            .how = mlpi_net_activation(net, l, 1),
            .W = mlpi_at(net->kernels, net->parameters, layer->W),
            .b = mlpi_at(net->kernels, net->parameters, layer->b)};
        if (layer->batch_norm) {
            net->row_layers = NULL;
        }
    }
}

/* The struct begins the block; its arrays follow. */
static void lay_out(mlp_net *net, const mlp_config *config, mlpi_cursor *cursor)
{
    (void)mlpi_take(cursor, 1, sizeof *net);
    mlpi_layout_make(&net->layout, config, cursor);
    mlpi_net_take_arrays(net, config->inputs,
                         config->layers[config->n_layers - 1].width, cursor);
}

mlp_status mlp_net_create(const mlp_config *config, mlp_net **net)
{
    if (!config) {
        return MLP_ERR_NULL;
    }
    if (!net) {
        return mlpi_error(&config->hooks, MLP_ERR_NULL,
                          "the place for the network is NULL");
    }
    TRY(check_config(config));
    mlp_net made = {
        .hooks = config->hooks,
        .kernels = mlpi_kernels_find(config->precision, config->kernels),
        .loss = config->loss,
        .huber_delta = config->huber_delta,
        .label_smoothing = config->label_smoothing + 0.0, /* no -0 */
        .norm_momentum = config->batch_norm_momentum,
        .norm_epsilon = config->batch_norm_epsilon};
    mlpi_cursor measure = {0};
    lay_out(&made, config, &measure);
    void *block = NULL;
    TRY(mlpi_allocate(&made.hooks, &measure, "a network", &block));
    mlpi_cursor carve = {.base = block};
    lay_out(&made, config, &carve);
    mlpi_init_parameters(made.kernels, &made.layout, config->init, config->seed,
                         made.parameters);
    *net = block;
    **net = made;
    return MLP_OK;
}

void mlpi_net_release_names(mlp_net *net)
{
    mlpi_string_list_release(&net->hooks, &net->class_names);
    mlpi_string_list_release(&net->hooks, &net->metadata);
}

void mlp_net_free(mlp_net *net)
{
    if (net) {
        mlp_hooks hooks = net->hooks;
        mlpi_net_release_names(net);
        mlpi_release(&hooks, net);
    }
}

mlp_status mlp_net_initialise(mlp_net *net, mlp_weight_init init, uint32_t seed)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(check_init(&net->hooks, init));
    mlpi_init_parameters(net->kernels, &net->layout, init, seed,
                         net->parameters);
    return MLP_OK;
}

/* Copies of networks: of all of one, or of what there is beside parameters. */
static void lay_out_copy(mlp_net *copy, const mlp_net *net,
                         mlpi_layout_copier *copier, mlpi_cursor *cursor)
{
    (void)mlpi_take(cursor, 1, sizeof *copy);
    copier(&copy->layout, &net->layout, cursor);
    mlpi_net_take_arrays(copy, net->in.n, net->out.n, cursor);
}

static mlp_status copy_names(const mlp_net *net, mlp_net *copy)
{
    copy->metadata = (mlpi_string_list){.text = NULL};
    TRY(mlpi_string_list_copy(&net->hooks, &net->class_names,
                              &copy->class_names));
    mlp_status status =
        mlpi_string_list_copy(&net->hooks, &net->metadata, &copy->metadata);
    if (status != MLP_OK) {
        mlpi_net_release_names(copy);
    }
    return status;
}

static void copy_scaling(const mlp_net *net, const mlpi_scaling *from,
                         const mlpi_scaling *to)
{
    if (from->scales) {
        memcpy(to->mean, from->mean, from->n * net->kernels->real_size);
        memcpy(to->std, from->std, from->n * net->kernels->real_size);
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
        mlpi_net_release_names(&made);
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
        return mlpi_error(&net->hooks, MLP_ERR_NULL,
                          "the place for the copy is NULL");
    }
    TRY(mlpi_net_copy(net, mlpi_layout_copy, copy));
    memcpy((*copy)->parameters, net->parameters,
           mlpi_net_state(net).cols * net->kernels->real_size);
    return MLP_OK;
}
