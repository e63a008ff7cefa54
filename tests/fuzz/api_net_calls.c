/* SPDX-License-Identifier: MIT */
/* Calls of networks: creating, describing, scaling, predicting, files. */
#include "fuzz/api.h"

/* ---------------------------------------------------------------------------
 * Networks
 */

/* Sets most fields to what a network can have. */
static void set_layers(api *a, mlp_config *config, mlp_layer layers[4])
{
    config->inputs = api_count(a, 5);
    config->n_layers = fuzz_once_in(a->draw, 32) ? api_count(a, 4)
                                                 : 1 + fuzz_below(a->draw, 3);
    /* A count that is out of range is refused before the layers are read. */
    if (config->n_layers > 4 && config->n_layers <= MLP_MAX_LAYERS) {
        config->n_layers = 4;
    }
    for (size_t l = 0; l < 4; l++) {
        bool is_last = l + 1 == config->n_layers;
        layers[l] = (mlp_layer){.width = api_count(a, 5)};
        layers[l].activation =
            (mlp_activation)(is_last ? 0
                                     : fuzz_below(
                                           a->draw,
                                           fuzz_once_in(a->draw, 8) ? 20 : 5));
        layers[l].slope = api_number(a, 0);
        layers[l].dropout = api_number(a, 0);
        layers[l].batch_norm = fuzz_once_in(a->draw, 4);
    }
    config->layers = fuzz_once_in(a->draw, 64) ? NULL : layers;
}

static void net_create(api *a)
{
    mlp_layer layers[4];
    double quantiles[8];
    mlp_config config = mlp_config_defaults();
    set_layers(a, &config, layers);
    config.loss = (mlp_loss)fuzz_below(a->draw, 10);
    /* A longer last layer would read past the array. */
    for (size_t i = 0; i < 8; i++) {
        quantiles[i] = api_number(a, 0.5);
    }
    bool fits = config.n_layers >= 1 && config.n_layers <= 4 &&
                layers[config.n_layers - 1].width <= 8;
    config.quantiles = fits && fuzz_once_in(a->draw, 4) ? quantiles : NULL;
    config.huber_delta = api_number(a, 1);
    config.label_smoothing = api_number(a, 0);
    config.precision = (mlp_dtype)fuzz_below(a->draw, 2);
    config.init = (mlp_weight_init)fuzz_below(a->draw, 10);
    config.batch_norm_momentum = api_number(a, 0.1);
    config.batch_norm_epsilon = api_number(a, 1e-5);
    config.kernels = fuzz_once_in(a->draw, 8) ? api_text(a) : NULL;
    config.hooks = *api_hooks(a);
    mlp_net **net = api_out(a, 1, sizeof(void *));
    const mlp_config *given = fuzz_once_in(a->draw, 64) ? NULL : &config;
    a->logs = given != NULL;
    api_arm(a);
    if (api_done(a, mlp_net_create(given, net))) {
        api_put_net(a, *net);
    }
}

static void net_clone(api *a)
{
    const mlp_net *net = api_net(a);
    bool folds = fuzz_once_in(a->draw, 2);
    mlp_net **copy = api_out(a, 1, sizeof(void *));
    api_arm(a);
    if (api_done(a, folds ? mlp_net_fold_batch_norm(net, copy)
                          : mlp_net_clone(net, copy))) {
        api_put_net(a, *copy);
    }
}

static void net_free(api *a)
{
    mlp_net_free(NULL);
    mlp_trainer_free(NULL);
    mlp_workspace_free(NULL);
    mlp_history_free(NULL);
    api_drop(a);
}

static void net_initialise(api *a)
{
    mlp_net *net = api_net(a);
    mlp_weight_init init = (mlp_weight_init)fuzz_below(a->draw, 10);
    api_arm(a);
    (void)api_done(a, mlp_net_initialise(net, init, 7));
}

static void net_facts(api *a)
{
    const mlp_net *net = api_net(a);
    NEED(!net == (mlp_net_inputs(net) == 0));
    NEED(!net == (mlp_net_outputs(net) == 0));
    NEED(!net == (mlp_net_targets(net) == 0));
    NEED(!net == (mlp_net_layer_count(net) == 0));
    NEED(!net == (mlp_net_parameter_count(net) == 0));
    NEED(!net == (mlp_net_kernels(net)[0] == '\0'));
    NEED(!net == (mlp_net_hooks(net).log == NULL));
    NEED(mlp_dtype_name(mlp_net_precision(net)) != NULL);
    NEED(mlp_loss_name(mlp_net_loss(net)) != NULL);
    NEED((mlp_net_loss(net) == MLP_LOSS_QUANTILE) ==
         (mlp_net_quantiles(net) != NULL));
}

static void net_layer(api *a)
{
    const mlp_net *net = api_net(a);
    size_t l = api_count(a, 5);
    mlp_layer *layer = api_out(a, 1, sizeof *layer);
    api_arm(a);
    if (api_done(a, mlp_net_layer(net, l, layer))) {
        NEED(l >= 1 && l <= mlp_net_layer_count(net) && layer->width > 0);
    }
}

/* Reads each element of a view, and writes some. */
static void use_view(api *a, mlp_view view)
{
    for (size_t i = 0; i < view.rows * view.cols; i++) {
        double x =
            mlp_cview_at(mlp_view_const(view), i / view.cols, i % view.cols);
        if (fuzz_once_in(a->draw, 4)) {
            double y = api_number(a, x);
            (void)mlp_view_set(view, i / view.cols, i % view.cols, y);
        }
    }
}

static void net_tensor(api *a)
{
    mlp_net *net = api_net(a);
    mlp_tensor which = (mlp_tensor)fuzz_below(a->draw, 14);
    size_t l = api_count(a, 4);
    bool reads = fuzz_once_in(a->draw, 2);
    mlp_view *view = api_out(a, 1, sizeof *view);
    mlp_cview *cview = api_out(a, 1, sizeof *cview);
    api_arm(a);
    if (reads) {
        (void)api_done(a, mlp_net_ctensor(net, which, l, cview));
    } else if (api_done(a, mlp_net_tensor(net, which, l, view)) &&
               which != MLP_VARIANCE) {
        use_view(a, *view);
    }
}

static void net_parameters(api *a)
{
    mlp_net *net = api_net(a);
    bool reads = fuzz_once_in(a->draw, 2);
    mlp_view *view = api_out(a, 1, sizeof *view);
    mlp_cview *cview = api_out(a, 1, sizeof *cview);
    api_arm(a);
    if (reads) {
        (void)api_done(a, mlp_net_cparameters(net, cview));
    } else if (api_done(a, mlp_net_parameters(net, view))) {
        NEED(view->rows == 1 && view->cols == mlp_net_parameter_count(net));
        use_view(a, *view);
    }
}

/* ---------------------------------------------------------------------------
 * Scaling
 */

static void net_standardise(api *a)
{
    mlp_net *net = api_net(a);
    size_t rows = fuzz_below(a->draw, MAX_ROWS);
    bool inputs = fuzz_once_in(a->draw, 2);
    mlp_cview X = inputs ? api_X(a, net, rows) : api_Y(a, net, rows);
    api_arm(a);
    (void)api_done(a, inputs ? mlp_net_standardise(net, X)
                             : mlp_net_standardise_targets(net, X));
}

static void net_set_scaling(api *a)
{
    mlp_net *net = api_net(a);
    double mean[64];
    double std[64];
    for (size_t i = 0; i < 64; i++) {
        mean[i] = api_number(a, 0.5);
        std[i] = api_number(a, 2);
    }
    size_t n = net ? mlp_net_inputs(net) + mlp_net_outputs(net) : 0;
    const double *means = fuzz_once_in(a->draw, 8) ? NULL : mean;
    const double *stds = fuzz_once_in(a->draw, 8) ? NULL : std;
    bool inputs = fuzz_once_in(a->draw, 2);
    NEED(n < 64);
    api_arm(a);
    (void)api_done(a, inputs ? mlp_net_set_scaling(net, means, stds)
                             : mlp_net_set_target_scaling(net, means, stds));
}

static void net_scaling(api *a)
{
    const mlp_net *net = api_net(a);
    size_t kind = fuzz_below(a->draw, 3);
    double *mean = api_out(a, 16, sizeof *mean);
    double *std = api_out(a, 16, sizeof *std);
    api_arm(a);
    (void)api_done(a, kind == 0   ? mlp_net_scaling(net, mean, std)
                      : kind == 1 ? mlp_net_target_scaling(net, mean, std)
                                  : mlp_net_output_scaling(net, mean, std));
}

/* ---------------------------------------------------------------------------
 * Predicting
 */

static void predict(api *a)
{
    const mlp_net *net = api_net(a);
    size_t rows = fuzz_below(a->draw, MAX_ROWS);
    mlp_workspace *workspace =
        fuzz_once_in(a->draw, 2) ? api_workspace(a) : NULL;
    bool uses = workspace || fuzz_once_in(a->draw, 8);
    mlp_cview X = api_X(a, net, rows);
    mlp_view A = api_view(a, mlp_net_precision(net), rows,
                          net ? mlp_net_outputs(net) : 1);
    api_arm(a);
    mlp_status status =
        uses ? mlp_predict_with(net, workspace, X, A) : mlp_predict(net, X, A);
    NEED(!uses || status != MLP_ERR_MEMORY);
    (void)api_done(a, status);
}

static void jacobian(api *a)
{
    const mlp_net *net = api_net(a);
    mlp_workspace *workspace = api_workspace(a);
    mlp_cview x = api_X(a, net, 1);
    mlp_view J =
        api_view(a, mlp_net_precision(net), net ? mlp_net_outputs(net) : 1,
                 net ? mlp_net_inputs(net) : 1);
    api_arm(a);
    mlp_status status = mlp_jacobian(net, workspace, x, J);
    NEED(status != MLP_ERR_MEMORY);
    (void)api_done(a, status);
}

static void classify(api *a)
{
    const mlp_net *net = api_net(a);
    size_t rows = fuzz_below(a->draw, MAX_ROWS);
    mlp_cview X = api_X(a, net, rows);
    bool is_bce = mlp_net_loss(net) == MLP_LOSS_BCE;
    mlp_view labels =
        api_view(a, MLP_I32, rows, is_bce ? mlp_net_outputs(net) : 1);
    double threshold = api_number(a, 0.5);
    api_arm(a);
    (void)api_done(a, mlp_classify(net, X, threshold, labels));
}

static void evaluate(api *a)
{
    const mlp_net *net = api_net(a);
    size_t rows = fuzz_below(a->draw, MAX_ROWS);
    mlp_cview X = api_X(a, net, rows);
    mlp_cview Y = api_Y(a, net, rows);
    mlp_scores *scores = api_out(a, 1, sizeof *scores);
    api_arm(a);
    (void)api_done(a, mlp_evaluate(net, X, Y, scores));
}

static void workspace_create(api *a)
{
    const mlp_net *net = api_net(a);
    mlp_workspace **workspace = api_out(a, 1, sizeof(void *));
    api_arm(a);
    if (api_done(a, mlp_workspace_create(net, workspace))) {
        api_put_workspace(a, *workspace);
    }
}

/* To start a thread takes longer than all the rest, so it is rare. */
static void workspace_set_threads(api *a)
{
    mlp_workspace *workspace = api_workspace(a);
    size_t threads = api_count(a, 2);
    threads =
        threads == 1 || threads > MLP_MAX_THREADS || fuzz_once_in(a->draw, 64)
            ? threads
            : 1;
    threads = threads > 4 && threads <= MLP_MAX_THREADS ? 4 : threads;
    api_arm(a);
    (void)api_done(a, mlp_workspace_set_threads(workspace, threads));
}

/* ---------------------------------------------------------------------------
 * Files
 */

/* Saves to the block that other calls load. */
static void net_save_memory(api *a)
{
    const mlp_net *net = api_net(a);
    size_t n = mlp_net_save_size(net);
    NEED(n < BLOB_BYTES);
    size_t size = fuzz_once_in(a->draw, 16) ? api_count(a, 99) : n;
    api_arm(a);
    if (api_done(a, mlp_net_save_memory(net, a->blob, size))) {
        a->blob_size = size;
    }
}

/* Copies the last block that was saved, sometimes with a lie. */
static fuzz_file any_file(api *a)
{
    fuzz_file f = {fuzz_zeros(BLOB_BYTES, 1), a->blob_size, BLOB_BYTES};
    memcpy(f.bytes, a->blob, f.size);
    if (fuzz_once_in(a->draw, 4)) {
        fuzz_lie_in_tensors(&f, a->draw);
    }
    return f;
}

static void net_load_memory(api *a)
{
    fuzz_file f = any_file(a);
    const mlp_hooks *hooks = api_hooks(a);
    mlp_net **net = api_out(a, 1, sizeof(void *));
    api_arm(a);
    if (api_done(a, mlp_net_load_memory(f.bytes, f.size, hooks, net))) {
        api_put_net(a, *net);
    }
    free(f.bytes);
}

static void net_import(api *a)
{
    static const char *const names[] = {"layers.0", "layers.0.norm", "layers.1",
                                        "layers.1.norm"};
    fuzz_file f = any_file(a);
    mlp_net *net = api_net(a);
    size_t n = api_count(a, 4);
    n = n > 4 ? 4 : n;
    bool is_ordered = fuzz_once_in(a->draw, 2);
    api_arm(a);
    (void)api_done(a, is_ordered ? mlp_net_import_memory_ordered(
                                       net, f.bytes, f.size, names, n)
                                 : mlp_net_import_memory(net, f.bytes, f.size));
    free(f.bytes);
}

/* Saves and loads files, one time in eight, because the system is slow. */
static void net_files(api *a)
{
    if (!fuzz_once_in(a->draw, 8)) {
        return;
    }
    mlp_net *net = api_net(a);
    const mlp_hooks *hooks = api_hooks(a);
    const char *path = api_path(a, "net.mlp");
    mlp_net **loaded = api_out(a, 1, sizeof(void *));
    static const char *const order[] = {"layers.0", "layers.1"};
    size_t kind = fuzz_below(a->draw, 4);
    a->logs = kind == 1 || net;
    api_arm(a);
    if (kind == 0) {
        (void)api_done(a, mlp_net_save(net, path));
    } else if (kind == 1) {
        if (api_done(a, mlp_net_load(path, hooks, loaded))) {
            api_put_net(a, *loaded);
        }
    } else {
        (void)api_done(a, kind == 2
                              ? mlp_net_import(net, path)
                              : mlp_net_import_ordered(net, path, order, 2));
    }
}

static void export_c(api *a)
{
    if (!fuzz_once_in(a->draw, 16)) {
        return;
    }
    const mlp_net *net = api_net(a);
    mlp_export_options options = mlp_export_defaults();
    const char *path = api_path(a, "net.c");
    options.prefix = fuzz_once_in(a->draw, 2) ? api_text(a) : NULL;
    options.canonical = fuzz_once_in(a->draw, 2);
    options.int8 = fuzz_once_in(a->draw, 2);
    options.max_score_drop = api_number(a, 0.01);
    if (options.int8 || fuzz_once_in(a->draw, 4)) {
        options.X = api_X(a, net, 4);
        options.Y = fuzz_once_in(a->draw, 2) ? api_Y(a, net, 4) : options.Y;
    }
    mlp_export_report report; /* is written even if the call fails */
    api_arm(a);
    (void)api_done(a, mlp_export_c(net, path, &options, &report));
}

static void class_names(api *a)
{
    mlp_net *net = api_net(a);
    const char *names[8];
    size_t outputs = net ? mlp_net_outputs(net) : 1;
    size_t n = fuzz_once_in(a->draw, 4) ? fuzz_below(a->draw, 8)
               : outputs == 1           ? 2
                                        : outputs;
    for (size_t i = 0; i < 8; i++) {
        const char *text = api_text(a);
        names[i] = text || fuzz_once_in(a->draw, 4) ? text : "x";
    }
    api_arm(a);
    if (api_done(a, mlp_net_set_class_names(net, names, n < 8 ? n : 8))) {
        NEED(!mlp_net_class_name(net, n));
        NEED(n == 0 || strcmp(mlp_net_class_name(net, 0), names[0]) == 0);
    }
}

static void metadata(api *a)
{
    mlp_net *net = api_net(a);
    const char *key = api_text(a);
    const char *value = api_text(a);
    api_arm(a);
    if (api_done(a, mlp_net_set_metadata(net, key, value))) {
        const char *now = mlp_net_metadata(net, key);
        NEED(value ? now && strcmp(now, value) == 0 : !now);
        NEED(!value || mlp_net_metadata_key(net, 0));
    }
    NEED(!mlp_net_metadata_key(net, api_count(a, 2) + 64));
}

static api_call *const calls[] = {net_create,
                                  net_clone,
                                  net_free,
                                  net_initialise,
                                  net_facts,
                                  net_layer,
                                  net_tensor,
                                  net_parameters,
                                  net_standardise,
                                  net_set_scaling,
                                  net_scaling,
                                  predict,
                                  classify,
                                  jacobian,
                                  evaluate,
                                  workspace_create,
                                  workspace_set_threads,
                                  net_save_memory,
                                  net_load_memory,
                                  net_import,
                                  net_files,
                                  export_c,
                                  class_names,
                                  metadata};
const api_list api_net_calls = {calls, sizeof calls / sizeof calls[0]};
