/* SPDX-License-Identifier: MIT */
/* Networks with everything at random, and what every loaded network can do. */
#include "fuzz/fuzz.h"

#include "support/ignore.h"

enum { MAX_LAYERS = 3, MAX_NEURONS = 4 };

static mlp_layer any_layer(fuzz_draw *d, bool is_last)
{
    mlp_layer layer = {.width = 1 + fuzz_below(d, MAX_NEURONS)};
    int f = (int)fuzz_below(d, 24);
    bool is_known = mlp_activation_name((mlp_activation)f) != NULL;
    if (!is_last && is_known && f != MLP_ACT_SOFTMAX) {
        layer.activation = (mlp_activation)f;
        layer.slope = fuzz_once_in(d, 2) ? 0.3 : 0;
    }
    layer.dropout = !is_last && fuzz_once_in(d, 3) ? 0.25 : 0;
    layer.batch_norm = !is_last && fuzz_once_in(d, 3);
    return layer;
}

static mlp_loss any_loss(fuzz_draw *d)
{
    size_t n = 0;
    while (mlp_loss_name((mlp_loss)n)) {
        n++;
    }
    return (mlp_loss)fuzz_below(d, n);
}

/* Makes a network of random layers. The library refuses some pairs of loss and
 * layers; then another loss is drawn. */
static mlp_net *any_layers(fuzz_draw *d)
{
    static const double quantiles[MAX_NEURONS] = {0.1, 0.5, 0.9, 0.25};
    mlp_layer layers[MAX_LAYERS];
    mlp_config config = mlp_config_defaults();
    config.inputs = 1 + fuzz_below(d, MAX_NEURONS);
    config.layers = layers;
    config.n_layers = 1 + fuzz_below(d, MAX_LAYERS);
    for (size_t l = 0; l < config.n_layers; l++) {
        layers[l] = any_layer(d, l + 1 == config.n_layers);
    }
    config.quantiles = fuzz_once_in(d, 6) ? quantiles : NULL;
    config.precision = fuzz_once_in(d, 2) ? MLP_F32 : MLP_F64;
    config.huber_delta = fuzz_once_in(d, 4) ? 0.75 : 1;
    config.batch_norm_momentum = fuzz_once_in(d, 4) ? 0.5 : 0.1;
    config.hooks = fuzz_hooks();
    mlp_net *net = NULL;
    do {
        config.loss = any_loss(d);
    } while (mlp_net_create(&config, &net) != MLP_OK);
    (void)fuzz_messages();
    return net;
}

static void fill_tensors(mlp_net *net, fuzz_draw *d)
{
    for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
        for (int t = 0; mlp_tensor_name((mlp_tensor)t); t++) {
            mlp_view view;
            if (mlp_net_tensor(net, (mlp_tensor)t, l, &view) != MLP_OK) {
                continue;
            }
            for (size_t i = 0; i < view.rows * view.cols; i++) {
                double x = t == MLP_VARIANCE ? 0.5 : fuzz_real(d);
                (void)mlp_view_set(view, i / view.cols, i % view.cols, x);
            }
        }
    }
    (void)fuzz_messages();
}

/* Sets what a network may have besides its layers. Scaling of targets and names
 * of classes do not fit each network. */
static void set_extras(mlp_net *net, fuzz_draw *d)
{
    static const double mean[MAX_NEURONS] = {0.5, -2, 100, 1e-3};
    static const double std[MAX_NEURONS] = {0.25, 3, 1000, 1};
    const char *const names[MAX_NEURONS] = {"left \"l\"", "right \xe2\x82\xac",
                                            "c\\", "\n"};
    size_t n = mlp_net_outputs(net);
    if (fuzz_once_in(d, 2)) {
        ignore(mlp_net_set_scaling(net, mean, std));
    }
    if (fuzz_once_in(d, 2)) {
        ignore(mlp_net_set_target_scaling(net, mean, std));
    }
    if (fuzz_once_in(d, 2)) {
        ignore(mlp_net_set_class_names(net, names, n == 1 ? 2 : n));
    }
    if (fuzz_once_in(d, 2)) {
        ignore(mlp_net_set_metadata(net, "made by", "libmlp\t\"1\"\n"));
        ignore(mlp_net_set_metadata(net, "made", "\xc3\xa9\x01"));
    }
    (void)fuzz_messages();
}

mlp_net *fuzz_net(fuzz_draw *d)
{
    mlp_net *net = any_layers(d);
    if (!fuzz_once_in(d, 3)) {
        fill_tensors(net, d);
    }
    set_extras(net, d);
    return net;
}

unsigned char *fuzz_saved(const mlp_net *net, size_t *size)
{
    *size = mlp_net_save_size(net);
    unsigned char *bytes = malloc(*size + 1);
    NEED(bytes && mlp_net_save_memory(net, bytes, *size) == MLP_OK);
    return bytes;
}

void fuzz_predict(const mlp_net *net)
{
    size_t n = mlp_net_inputs(net);
    size_t m = mlp_net_outputs(net);
    mlp_dtype p = mlp_net_precision(net);
    void *x = fuzz_zeros(n, sizeof(double));
    void *a = fuzz_zeros(m, sizeof(double));
    NEED(mlp_predict(net, (mlp_cview){p, 1, n, n, 1, x},
                     (mlp_view){p, 1, m, m, 1, a}) == MLP_OK);
    free(x);
    free(a);
}

static bool has_nan(const mlp_net *net)
{
    bool found = false;
    for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
        for (int t = 0; mlp_tensor_name((mlp_tensor)t); t++) {
            mlp_cview view;
            if (mlp_net_ctensor(net, (mlp_tensor)t, l, &view) != MLP_OK) {
                continue;
            }
            for (size_t i = 0; i < view.rows * view.cols; i++) {
                double x = mlp_cview_at(view, i / view.cols, i % view.cols);
                found = found || x != x;
            }
        }
    }
    (void)fuzz_messages();
    return found;
}

void fuzz_save_twice(const mlp_net *net)
{
    mlp_hooks hooks = fuzz_hooks();
    mlp_net *again = NULL;
    size_t n = 0;
    size_t m = 0;
    unsigned char *first = fuzz_saved(net, &n);
    NEED(mlp_net_load_memory(first, n, &hooks, &again) == MLP_OK);
    unsigned char *second = fuzz_saved(again, &m);
    NEED(n == m && (memcmp(first, second, n) == 0 || has_nan(net)));
    mlp_net_free(again);
    free(first);
    free(second);
}
