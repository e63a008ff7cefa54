/* SPDX-License-Identifier: MIT */
#include "formats/foreign/load.h"

#include <math.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/error.h"

mlp_foreign_options mlp_foreign_defaults(void)
{
    return (mlp_foreign_options){.precision = MLP_F64,
                                 .hidden = MLP_ACT_SIGMOID,
                                 .output = MLP_ACT_SIGMOID};
}

/* The caller's options, or the defaults, with hooks that can be called. */
static mlp_status check(const mlp_foreign_options *options, const void *from,
                        mlp_net **net, mlp_foreign_options *used)
{
    *used = options ? *options : mlp_foreign_defaults();
    TRY(mlpi_check_hooks(&used->hooks));
    if (!from || !net) {
        return mlpi_error(&used->hooks, MLP_ERR_NULL, "%s is NULL",
                          net ? "the file" : "the place for the network");
    }
    return MLP_OK;
}

static mlpi_scanner scan_of(const void *bytes, size_t size)
{
    const char *text = bytes;
    return (mlpi_scanner){text, text + size};
}

mlp_status mlpi_foreign_load_memory(const mlpi_foreign_format *kind,
                                    const void *bytes, size_t size,
                                    const mlp_foreign_options *options,
                                    mlp_net **net)
{
    mlp_foreign_options used;
    TRY(check(options, bytes, net, &used));
    return kind->read(&used, scan_of(bytes, size), net);
}

mlp_status mlpi_foreign_load(const mlpi_foreign_format *kind, const char *path,
                             const mlp_foreign_options *options, mlp_net **net)
{
    mlp_foreign_options used;
    mlpi_disk_file file;
    TRY(check(options, path, net, &used));
    TRY(mlpi_disk_read(&used.hooks, path, kind->begins, &file));
    mlp_status status = kind->read(&used, scan_of(file.bytes, file.size), net);
    mlpi_release(&used.hooks, file.bytes);
    return status;
}

mlp_status mlpi_foreign_create(const mlp_foreign_options *options,
                               size_t inputs, const mlp_layer *layers, size_t L,
                               mlp_net **net)
{
    mlp_config config = mlp_config_defaults();
    config.inputs = inputs;
    config.layers = layers;
    config.n_layers = L;
    config.loss = MLP_LOSS_MSE;
    config.precision = options->precision;
    config.init = MLP_INIT_ZEROS;
    config.hooks = options->hooks;
    return mlp_net_create(&config, net);
}

bool mlpi_foreign_add_parameters(size_t n_in, size_t n_out, size_t *sum)
{
    size_t n = 0;
    return mlpi_size_add(n_in, 1, &n) && mlpi_size_mul(n, n_out, &n) &&
           mlpi_size_add(n, *sum, sum);
}

static bool put(mlp_net *net, mlp_tensor which, size_t l, size_t i, size_t j,
                double x)
{
    mlp_view view = {.data = NULL};
    (void)mlp_net_tensor(net, which, l, &view);
    (void)mlp_view_set(view, i, j, x);
    return isfinite(mlp_cview_at(mlp_view_const(view), i, j));
}

bool mlpi_foreign_set_weight(mlp_net *net, size_t l, size_t i, size_t j,
                             double x)
{
    return put(net, MLP_W, l, i, j, x);
}

bool mlpi_foreign_set_bias(mlp_net *net, size_t l, size_t j, double x)
{
    return put(net, MLP_B, l, 0, j, x);
}
