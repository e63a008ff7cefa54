/* SPDX-License-Identifier: MIT */
/*
 * Creating, initialising, copying and freeing networks.
 *
 * mlp_net_create first checks the whole configuration, and chooses the
 * activations and slopes that it leaves open. The checks use TRY
 * (base/error.h), which returns from the function if a call fails. After the
 * checks only the allocation of the one block can fail.
 *
 * The struct mlp_net is built in a local variable, because the size of the
 * block must be computed from its members before there is a block. At the end
 * the struct is copied to the start of the block. Its pointers stay right: they
 * point to arrays in the block, which do not move.
 */
#include "model/net.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "model/activation_choice.h"
#include "model/init.h"

/* The loss, the precision and the seed are the tutorial's (chapter 4.1); the
 * other defaults are PyTorch's, where PyTorch has the option. */
mlp_config mlp_config_defaults(void)
{
    return (mlp_config){.loss = MLP_LOSS_BCE,
                        .precision = MLP_F64,
                        .init = MLP_INIT_AUTO,
                        .seed = 42,
                        .huber_delta = 1.0,
                        .batch_norm_momentum = 0.1,
                        .batch_norm_epsilon = 1e-5};
}

/* Makes a text of all names in one of the lists of mlp.h, such as
 * MLP_INIT_LIST: " he glorot ...". */
#define AND_NAME(constant, number, name) " " name

/* Checks that a number is one of the constants MLP_INIT_*. */
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

/* ---------------------------------------------------------------------------
 * Checks of the configuration
 */

mlp_status mlpi_check_positive(const mlp_hooks *hooks,
                               const mlpi_kernels *kernels, const char *name,
                               double value)
{
    double rounded = kernels->scalar->round_to_real(value);
    /* !(rounded > 0.0) also refuses NaN, for which every comparison is
     * false. */
    if (!(rounded > 0.0) || !isfinite(rounded)) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "%s: expects a finite %s above 0, got %g", name,
                          mlp_dtype_name(kernels->dtype), value);
    }
    return MLP_OK;
}

/* Checks an option that mlp_config_defaults sets above 0. If it is 0, the
 * configuration most probably did not begin with those defaults: then the
 * message names them. */
static mlp_status check_option(const mlp_config *config, const char *name,
                               double value)
{
    const mlpi_kernels *kernels = mlpi_kernels_get(config->precision, 0);
    if (value == 0.0) {
        return mlpi_error(&config->hooks, MLP_ERR_ARGUMENT,
                          "%s: expects a finite %s above 0, got 0 (start from "
                          "mlp_config_defaults())",
                          name, mlp_dtype_name(kernels->dtype));
    }
    return mlpi_check_positive(&config->hooks, kernels, name, value);
}

/* Checks the options of batch norm, even if no layer uses them, so that a
 * mistake is reported early. */
static mlp_status check_batch_norm(const mlp_config *config)
{
    const mlp_hooks *hooks = &config->hooks;
    double momentum = config->batch_norm_momentum;
    if (!(momentum >= 0.0 && momentum <= 1.0)) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "batch_norm_momentum: expects 0 to 1, got %g",
                          momentum);
    }
    return check_option(config, "batch_norm_epsilon",
                        config->batch_norm_epsilon);
}

bool mlpi_is_quantile(const mlpi_kernels *kernels, double tau)
{
    double rounded = kernels->scalar->round_to_real(tau);
    return rounded > 0.0 && rounded < 1.0;
}

/* Checks the tau of each output. */
static mlp_status check_quantiles(const mlp_config *config)
{
    const mlpi_kernels *kernels = mlpi_kernels_get(config->precision, 0);
    size_t n = config->layers[config->n_layers - 1].width;
    if (config->quantiles && config->loss != MLP_LOSS_QUANTILE) {
        return mlpi_error(&config->hooks, MLP_ERR_ARGUMENT,
                          "quantiles: expects the loss quantile or NULL, got "
                          "%s",
                          mlp_loss_name(config->loss));
    }
    for (size_t j = 0; config->quantiles && j < n; j++) {
        if (!mlpi_is_quantile(kernels, config->quantiles[j])) {
            return mlpi_error(&config->hooks, MLP_ERR_ARGUMENT,
                              "quantiles: expects a %s above 0 and below 1 for "
                              "output %zu, got %g",
                              mlp_dtype_name(kernels->dtype), j,
                              config->quantiles[j]);
        }
    }
    return MLP_OK;
}

/* Checks the options of the loss. Only bce and cce have labels, which can be
 * smoothed; the targets of all other losses are quantities. */
static mlp_status check_loss(const mlp_config *config)
{
    const mlp_hooks *hooks = &config->hooks;
    double smoothing = config->label_smoothing;
    bool has_classes =
        config->loss == MLP_LOSS_BCE || config->loss == MLP_LOSS_CCE;
    bool is_smoothing = smoothing >= 0.0 && smoothing < 1.0;
    TRY(check_option(config, "huber_delta", config->huber_delta));
    TRY(check_quantiles(config));
    if (!(has_classes ? is_smoothing : smoothing == 0.0)) {
        return mlpi_error(
            hooks, MLP_ERR_ARGUMENT, "label_smoothing: %s expects 0%s, got %g",
            mlp_loss_name(config->loss),
            has_classes ? " or more and less than 1" : "", smoothing);
    }
    return MLP_OK;
}

/* Checks the slopes of the activations that use one. A negative slope would
 * give leaky ReLU and ELU positive outputs for negative z. The backward pass
 * needs the sign of z and has only the output, so both must have the same sign;
 * the sign is that of the number as it was given, which model files hold. */
static mlp_status check_slopes(const mlp_config *config)
{
    const mlpi_kernels *kernels = mlpi_kernels_get(config->precision, 0);
    for (size_t l = 1; l <= config->n_layers; l++) {
        mlp_activation f = config->layers[l - 1].activation;
        double given = config->layers[l - 1].slope;
        double slope = kernels->scalar->round_to_real(given);
        if (mlpi_has_slope(f) && !(given >= 0.0 && isfinite(slope))) {
            return mlpi_error(&config->hooks, MLP_ERR_ARGUMENT,
                              "layer %zu: expects a finite %s as slope, 0 or "
                              "more, got %g",
                              l, mlp_dtype_name(kernels->dtype), given);
        }
    }
    return MLP_OK;
}

/* Checks the whole configuration. The layers, the loss and the precision are
 * checked first, because the last three checks use them. */
static mlp_status check_config(const mlp_config *config)
{
    const mlp_hooks *hooks = &config->hooks;
    TRY(mlpi_check_hooks(hooks));
    TRY(CHECK_RESERVED(hooks, "config", config));
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

/* ---------------------------------------------------------------------------
 * Memory
 */

/* Takes mean and std, n numbers of `size` bytes each, from the cursor: a
 * position in the block, which moves behind what is taken (base/memory.h). */
static void take_scaling(mlpi_scaling *s, size_t n, size_t size,
                         mlpi_cursor *cursor)
{
    s->n = n;
    s->mean = mlpi_take(cursor, n, size);
    s->std = mlpi_take(cursor, n, size);
}

/* Fills net->single_row_layers, from which kernels->predict_row predicts a
 * single row through all layers in one call. predict_row cannot do batch norm:
 * a network with batch norm gets NULL, and predicts single rows like any other
 * batch. In the measuring run the array is NULL and is not filled. */
static void describe_row_layers(mlp_net *net)
{
    const mlpi_layout *layout = &net->layout;
    for (size_t l = 1; l <= layout->L && net->single_row_layers; l++) {
        const mlpi_layer_layout *layer = &layout->layer[l];
        net->single_row_layers[l - 1] = (mlpi_row_layer){
            .n_prev = layout->layer[l - 1].width,
            .activation = mlpi_net_activation(net, l, 1),
            .W = mlpi_at(net->kernels, net->parameters, layer->W_offset),
            .b = mlpi_at(net->kernels, net->parameters, layer->b_offset)};
        if (layer->batch_norm) {
            net->single_row_layers = NULL;
        }
    }
}

/* Takes the arrays of a network, after its layout has been taken. Parameters
 * and running moments are taken as one array, as mlpi_net_state needs them. */
static void take_arrays(mlp_net *net, size_t inputs, size_t outputs,
                        mlpi_cursor *cursor)
{
    size_t size = net->kernels->real_size;
    const mlpi_layout *layout = &net->layout;
    net->parameters =
        mlpi_take(cursor, layout->parameters + layout->running_count, size);
    if (net->parameters) {
        net->running =
            mlpi_at(net->kernels, net->parameters, layout->parameters);
    }
    take_scaling(&net->in, inputs, size, cursor);
    take_scaling(&net->out, outputs, size, cursor);
    net->quantiles = NULL;
    if (net->loss == MLP_LOSS_QUANTILE) {
        net->quantiles = mlpi_take(cursor, outputs, sizeof *net->quantiles);
    }
    net->single_row_layers =
        mlpi_take(cursor, layout->L, sizeof *net->single_row_layers);
    describe_row_layers(net);
}

/* The arguments of lay_out. */
typedef struct creation {
    mlp_net *net; /* whose pointers are set */
    const mlp_config *config;
} creation;

/* Takes everything that is in the block of a new network; the struct itself is
 * first. mlpi_allocate_layout calls this function twice: to measure the block,
 * and to set the pointers into it. */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    const creation *c = object;
    (void)mlpi_take(cursor, 1, sizeof *c->net);
    mlpi_layout_make(&c->net->layout, c->config, cursor);
    take_arrays(c->net, c->config->inputs,
                c->config->layers[c->config->n_layers - 1].width, cursor);
}

/* ---------------------------------------------------------------------------
 * Creating, initialising, freeing
 */

/* Makes the network of a checked configuration. Only mlpi_allocate_layout can
 * fail, and then nothing has to be freed. */
static mlp_status make_net(const mlp_config *config, mlp_net **net)
{
    TRY(mlpi_check_rounding(&config->hooks));
    mlpi_hint_about_subnormals(&config->hooks);
    /* Adding 0.0 turns -0.0 into 0.0, as in layout.c. */
    mlp_net made = {.hooks = config->hooks,
                    .kernels =
                        mlpi_kernels_find(config->precision, config->kernels),
                    .loss = config->loss,
                    .huber_delta = config->huber_delta,
                    .label_smoothing = config->label_smoothing + 0.0,
                    .norm_momentum = config->batch_norm_momentum,
                    .norm_epsilon = config->batch_norm_epsilon};
    creation c = {.net = &made, .config = config};
    void *block = NULL;
    TRY(mlpi_allocate_layout(&made.hooks, lay_out, &c, "a network", &block));
    mlpi_init_parameters(made.kernels, &made.layout, config->init, config->seed,
                         made.parameters);
    /* Without quantiles of the caller's each output is a median. */
    for (size_t j = 0; made.quantiles && j < mlpi_net_outputs(&made); j++) {
        made.quantiles[j] = config->quantiles ? config->quantiles[j] : 0.5;
    }
    *net = block;
    **net = made;
    return MLP_OK;
}

mlp_status mlp_net_create(const mlp_config *config, mlp_net **net)
{
    if (!config) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&config->hooks, net, "the place for the network"));
    TRY(check_config(config));
    TRY(mlpi_check_outputs(config,
                           mlpi_chosen_activation(config, config->n_layers)));
    void *layers = NULL; /* not on the stack, which may be small */
    TRY(mlpi_allocate_array(&config->hooks, config->n_layers, sizeof(mlp_layer),
                            "layers", &layers));
    mlpi_choose_activations(config, layers);
    mlp_config chosen = *config;
    chosen.layers = layers;
    mlp_status status = make_net(&chosen, net);
    mlpi_release(&config->hooks, layers);
    return status;
}

/* The losses that MLP_NUMERICS 1 did not have are checked in full. */
mlp_status mlpi_net_create_saved(const mlp_config *config, mlp_net **net)
{
    TRY(check_config(config));
    if (config->loss > MLP_LOSS_HUBER) {
        TRY(mlpi_check_outputs(
            config, config->layers[config->n_layers - 1].activation));
    }
    return make_net(config, net);
}

/* Frees the two blocks that are not part of the network's block. */
static void release_names(mlp_net *net)
{
    mlpi_string_list_release(&net->hooks, &net->class_names);
    mlpi_string_list_release(&net->hooks, &net->metadata);
}

/* The block of the network is freed last, because it holds the pointers to the
 * lists. */
void mlp_net_free(mlp_net *net)
{
    if (net) {
        mlp_hooks hooks = net->hooks; /* a copy: the block holds the hooks */
        release_names(net);
        mlpi_release(&hooks, net);
    }
}

/* Scaling, names and options do not change. */
mlp_status mlp_net_initialise(mlp_net *net, mlp_weight_init init, uint32_t seed)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(check_init(&net->hooks, init));
    TRY(mlpi_check_rounding(&net->hooks));
    net->is_trained = false;
    mlpi_init_parameters(net->kernels, &net->layout, init, seed,
                         net->parameters);
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Getters. They return no status: if `net` is NULL they return 0, an empty
 * string, or the first constant of an enumeration.
 */

size_t mlp_net_inputs(const mlp_net *net)
{
    return net ? mlpi_net_inputs(net) : 0;
}

size_t mlp_net_outputs(const mlp_net *net)
{
    return net ? mlpi_net_outputs(net) : 0;
}

/* With gaussian_nll there are half as many targets as outputs. */
size_t mlp_net_targets(const mlp_net *net)
{
    return net ? mlpi_net_targets(net) : 0;
}

size_t mlp_net_layer_count(const mlp_net *net)
{
    return net ? net->layout.L : 0;
}

/* The count includes W, b and scale of all layers, but no running moments. */
size_t mlp_net_parameter_count(const mlp_net *net)
{
    return net ? net->layout.parameters : 0;
}

mlp_dtype mlp_net_precision(const mlp_net *net)
{
    return net ? net->kernels->dtype : MLP_F32;
}

mlp_loss mlp_net_loss(const mlp_net *net)
{
    return net ? net->loss : MLP_LOSS_BCE;
}

/* Only a network with the loss quantile has an array of them. */
const double *mlp_net_quantiles(const mlp_net *net)
{
    return net ? net->quantiles : NULL;
}

/* The result is the name of the instruction set, such as "avx2". */
const char *mlp_net_kernels(const mlp_net *net)
{
    return net ? net->kernels->name : "";
}

mlp_hooks mlp_net_hooks(const mlp_net *net)
{
    return net ? net->hooks : (mlp_hooks){.user = NULL};
}

/* `first` is 1 for tensors that a network has, and 0 for A[0], the inputs. */
mlp_status mlpi_net_check_layer(const mlp_net *net, size_t l, size_t first)
{
    if (l < first || l > net->layout.L) {
        return first == net->layout.L
                   ? mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                                "expects layer %zu, the only one, got %zu",
                                first, l)
                   : mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                                "expects a layer from %zu to %zu, got %zu",
                                first, net->layout.L, l);
    }
    return MLP_OK;
}

mlp_status mlp_net_layer(const mlp_net *net, size_t l, mlp_layer *layer)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, layer, "the place for the layer"));
    TRY(mlpi_net_check_layer(net, l, 1));
    const mlpi_layer_layout *made = &net->layout.layer[l];
    *layer = (mlp_layer){.width = made->width,
                         .activation = made->activation,
                         .slope = made->slope,
                         .dropout = made->dropout,
                         .batch_norm = made->batch_norm};
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Copying
 */

/* The arguments of lay_out_copy. */
typedef struct copying {
    mlp_net *copy;      /* whose pointers are set */
    const mlp_net *net; /* the original */
    mlpi_layout_copier *copier;
} copying;

/* Like lay_out, but for a copy: its layout comes from the original. */
static void lay_out_copy(void *object, mlpi_cursor *cursor)
{
    const copying *c = object;
    (void)mlpi_take(cursor, 1, sizeof *c->copy);
    c->copier(&c->copy->layout, &c->net->layout, cursor);
    take_arrays(c->copy, c->net->in.n, c->net->out.n, cursor);
}

/* Copies class names and metadata. If it fails, it frees what it has copied. */
static mlp_status copy_names(const mlp_net *net, mlp_net *copy)
{
    copy->metadata = (mlpi_string_list){.text = NULL};
    TRY(mlpi_string_list_copy(&net->hooks, &net->class_names,
                              &copy->class_names));
    mlp_status status =
        mlpi_string_list_copy(&net->hooks, &net->metadata, &copy->metadata);
    if (status != MLP_OK) {
        release_names(copy);
    }
    return status;
}

/* Copies the numbers of a scaling, if they have been set. */
static void copy_scaling(const mlp_net *net, const mlpi_scaling *from,
                         const mlpi_scaling *to)
{
    if (from->scales) {
        memcpy(to->mean, from->mean, from->n * net->kernels->real_size);
        memcpy(to->std, from->std, from->n * net->kernels->real_size);
    }
}

/* `made` begins as a copy of the whole struct. The calls below replace all
 * pointers to arrays and the layout; the other members, such as the loss and
 * the kernels, stay as they are. */
mlp_status mlpi_net_copy(const mlp_net *net, mlpi_layout_copier *copier,
                         mlp_net **copy)
{
    mlp_net made = *net;
    copying c = {.copy = &made, .net = net, .copier = copier};
    void *block = NULL;
    TRY(copy_names(net, &made));
    mlp_status status = mlpi_allocate_layout(&net->hooks, lay_out_copy, &c,
                                             "a copy of a network", &block);
    if (status != MLP_OK) {
        release_names(&made);
        return status;
    }
    copy_scaling(net, &net->in, &made.in);
    copy_scaling(net, &net->out, &made.out);
    if (made.quantiles) {
        memcpy(made.quantiles, net->quantiles,
               mlpi_net_outputs(net) * sizeof *net->quantiles);
    }
    *copy = block;
    **copy = made;
    return MLP_OK;
}

/* The copy has the same hooks and kernels, but shares no memory with `net`. */
mlp_status mlp_net_clone(const mlp_net *net, mlp_net **copy)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, copy, "the place for the copy"));
    TRY(mlpi_net_copy(net, mlpi_layout_copy, copy));
    /* One memcpy copies the parameters and the running moments. */
    memcpy((*copy)->parameters, net->parameters,
           mlpi_net_state(net).cols * net->kernels->real_size);
    return MLP_OK;
}
