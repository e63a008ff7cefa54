/* SPDX-License-Identifier: MIT */
/*
 * The frame of every foreign loader:
 *
 *     check the arguments -> read the file, if it has a path -> format->read
 *
 * A format only interprets text. It never opens a file, checks a pointer or
 * configures a network; so formats cannot differ in how they do that.
 *
 * The content of a file is a text in memory without a terminating zero, which
 * the scanner of scan.h never passes. It is released before the call returns.
 */
#include "formats/foreign/load.h"

#include <math.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

/* Members that are not named are 0: stepwise sigmoids are refused, and there
 * are no hooks. */
mlp_foreign_options mlp_foreign_defaults(void)
{
    return (mlp_foreign_options){.precision = MLP_F64,
                                 .hidden = MLP_ACT_SIGMOID,
                                 .output = MLP_ACT_SIGMOID};
}

/* Sets *used to the caller's options or to the defaults, and checks the
 * arguments. `source` is the path or the bytes. The hooks come first, since the
 * other messages go to them. */
static mlp_status check_arguments(const mlp_foreign_options *options,
                                  const void *source, mlp_net **net,
                                  mlp_foreign_options *used)
{
    *used = options ? *options : mlp_foreign_defaults();
    TRY(mlpi_check_hooks(&used->hooks));
    TRY(CHECK_RESERVED(&used->hooks, "options", used));
    if (!source || !net) {
        return mlpi_error(&used->hooks, MLP_ERR_NULL, "%s is NULL",
                          net ? "the file" : "the place for the network");
    }
    return MLP_OK;
}

/* Returns a scanner that stands before the first character. */
static mlpi_scanner scanner_of(const void *bytes, size_t size)
{
    const char *text = bytes;
    return (mlpi_scanner){text, text + size};
}

mlp_status mlpi_foreign_load_memory(const mlpi_foreign_format *format,
                                    const void *bytes, size_t size,
                                    const mlp_foreign_options *options,
                                    mlp_net **net)
{
    mlp_foreign_options used;
    TRY(check_arguments(options, bytes, net, &used));
    return format->read(&used, scanner_of(bytes, size), net);
}

/* The file is read as a whole, because a scanner moves back and forth between
 * its parts. mlpi_file_read checks the first bytes before it allocates. */
mlp_status mlpi_foreign_load(const mlpi_foreign_format *format,
                             const char *path,
                             const mlp_foreign_options *options, mlp_net **net)
{
    mlp_foreign_options used;
    mlpi_file_content file;
    TRY(check_arguments(options, path, net, &used));
    mlpi_allow_cancellation();
    TRY(mlpi_file_read(&used.hooks, path, &format->kind, &file));
    mlp_status status =
        format->read(&used, scanner_of(file.bytes, file.size), net);
    mlpi_release(&used.hooks, file.bytes);
    return status;
}

/* The parameters start as zeros, since the file overwrites all of them. The
 * loss is the squared error, by which both FANN and genann train, and which is
 * meant for every activation of the last layer. */
mlp_status mlpi_foreign_create(const mlp_foreign_options *options,
                               size_t inputs, size_t L,
                               mlpi_foreign_layer *layer_of, const void *from,
                               mlp_net **net)
{
    void *block = NULL; /* not on the stack, which may be small */
    TRY(mlpi_allocate_array(&options->hooks, L, sizeof(mlp_layer), "layers",
                            &block));
    mlp_layer *layers = block;
    for (size_t l = 1; l <= L; l++) {
        layers[l - 1] = layer_of(from, l);
    }
    mlp_config config = mlp_config_defaults();
    config.inputs = inputs;
    config.layers = layers;
    config.n_layers = L;
    config.loss = MLP_LOSS_MSE;
    config.precision = options->precision;
    config.init = MLP_INIT_ZEROS;
    config.hooks = options->hooks;
    mlp_status status = mlp_net_create(&config, net);
    mlpi_release(&options->hooks, block);
    return status;
}

/* A neuron has n_in weights and a bias. Each operation is checked, because n_in
 * and n_out come from the file. */
bool mlpi_foreign_add_parameters(size_t n_in, size_t n_out, size_t *sum)
{
    size_t n = 0;
    return mlpi_size_add(n_in, 1, &n) && mlpi_size_mul(n, n_out, &n) &&
           mlpi_size_add(n, *sum, sum);
}

/* Sets an element of a tensor that every layer has, so the calls cannot fail.
 * The result is read back, because storing it may have rounded it to
 * infinity. */
static bool set_element(mlp_net *net, mlp_tensor which, size_t l, size_t i,
                        size_t j, double x)
{
    mlp_view view = {.data = NULL};
    mlpi_ignore(mlp_net_tensor(net, which, l, &view));
    (void)mlp_view_set(view, i, j, x);
    return isfinite(mlp_cview_at(mlp_view_const(view), i, j));
}

bool mlpi_foreign_set_weight(mlp_net *net, size_t l, size_t i, size_t j,
                             double x)
{
    return set_element(net, MLP_W, l, i, j, x);
}

/* A bias is a tensor of one row. */
bool mlpi_foreign_set_bias(mlp_net *net, size_t l, size_t i, double x)
{
    return set_element(net, MLP_B, l, 0, i, x);
}
