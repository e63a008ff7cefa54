/* SPDX-License-Identifier: MIT */
/*
 * genann: a text of one line,
 *
 *     inputs hidden_layers hidden outputs w w w ...
 *
 * with the weights of all neurons, layer after layer: of each that of the bias
 * first, whose input is -1, so that b = -w. Without hidden layers `hidden`
 * means nothing.
 */
#include "base/file.h"
#include "formats/foreign/load.h"
#include "base/error.h"

typedef struct genann {
    size_t inputs, hidden_layers, hidden, outputs;
    mlp_layer layers[MLP_MAX_LAYERS];
} genann;

static mlp_status refuse(const mlp_foreign_options *options,
                         const char *expected)
{
    return mlpi_error(&options->hooks, MLP_ERR_FORMAT,
                      "genann file: expects %s", expected);
}

/* No network comes of more weights than there are bytes for: a digit and a
 * blank are the least. */
static bool has_room(const genann *g, const mlpi_scanner *s)
{
    size_t weights = 0;
    size_t n_in = g->inputs;
    for (size_t l = 0; l < g->hidden_layers; l++) {
        if (!mlpi_foreign_add_parameters(n_in, g->hidden, &weights)) {
            return false;
        }
        n_in = g->hidden;
    }
    return mlpi_foreign_add_parameters(n_in, g->outputs, &weights) &&
           weights <= (size_t)(s->end - s->at) / 2;
}

static mlp_status read_sizes(const mlp_foreign_options *options,
                             mlpi_scanner *s, genann *g)
{
    if (!mlpi_scan_count(s, &g->inputs) ||
        !mlpi_scan_count(s, &g->hidden_layers) ||
        !mlpi_scan_count(s, &g->hidden) || !mlpi_scan_count(s, &g->outputs)) {
        return refuse(options, "the numbers of inputs, hidden layers, their "
                               "neurons, and outputs");
    }
    if (g->inputs == 0 || g->outputs == 0 ||
        (g->hidden_layers > 0 && g->hidden == 0)) {
        return refuse(options, "inputs, outputs, and neurons in each layer");
    }
    if (g->hidden_layers >= MLP_MAX_LAYERS) {
        return mlpi_error(&options->hooks, MLP_ERR_LIMIT,
                          "genann file: expects at most %d layers, got %zu "
                          "hidden ones",
                          MLP_MAX_LAYERS, g->hidden_layers);
    }
    return has_room(g, s) ? MLP_OK : refuse(options, "a weight for each input");
}

static bool take_neuron(mlpi_scanner *s, mlp_net *net, size_t l, size_t i,
                        size_t n_in)
{
    double w = 0.0;
    if (!mlpi_scan_real(s, &w) || !mlpi_foreign_set_bias(net, l, i, -w)) {
        return false;
    }
    for (size_t j = 0; j < n_in; j++) {
        if (!mlpi_scan_real(s, &w) ||
            !mlpi_foreign_set_weight(net, l, i, j, w)) {
            return false;
        }
    }
    return true;
}

static bool take_weights(const genann *g, mlpi_scanner *s, mlp_net *net)
{
    size_t n_in = g->inputs;
    for (size_t l = 1; l <= g->hidden_layers + 1; l++) {
        size_t n = g->layers[l - 1].width;
        for (size_t i = 0; i < n; i++) {
            if (!take_neuron(s, net, l, i, n_in)) {
                return false;
            }
        }
        n_in = n;
    }
    return mlpi_scan_end(s);
}

static mlp_status read(const mlp_foreign_options *options, mlpi_scanner text,
                       mlp_net **net)
{
    genann g;
    mlp_net *made = NULL;
    TRY(read_sizes(options, &text, &g));
    for (size_t l = 0; l < g.hidden_layers; l++) {
        g.layers[l] =
            (mlp_layer){.width = g.hidden, .activation = options->hidden};
    }
    g.layers[g.hidden_layers] =
        (mlp_layer){.width = g.outputs, .activation = options->output};
    TRY(mlpi_foreign_create(options, g.inputs, g.layers, g.hidden_layers + 1,
                            &made));
    if (!take_weights(&g, &text, made)) {
        mlp_net_free(made);
        return refuse(options, "a finite weight for each input and bias, and "
                               "nothing more");
    }
    *net = made;
    return MLP_OK;
}

/* Four numbers and the blanks behind them are as many bytes, at least. */
static bool begins(const unsigned char *head, size_t size)
{
    bool good = size >= MLPI_DISK_HEAD;
    for (size_t i = 0; good && i < MLPI_DISK_HEAD; i++) {
        good = (head[i] >= '0' && head[i] <= '9') || head[i] == ' ' ||
               head[i] == '\n' || head[i] == '\r' || head[i] == '\t';
    }
    return good;
}

static const mlpi_foreign_format files = {begins, read};

mlp_status mlp_genann_load(const char *path, const mlp_foreign_options *options,
                           mlp_net **net)
{
    return mlpi_foreign_load(&files, path, options, net);
}

mlp_status mlp_genann_load_memory(const void *bytes, size_t size,
                                  const mlp_foreign_options *options,
                                  mlp_net **net)
{
    return mlpi_foreign_load_memory(&files, bytes, size, options, net);
}
