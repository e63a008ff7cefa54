/* SPDX-License-Identifier: MIT */
/*
 * Loads the files of genann. Such a file is a text of one line,
 *
 *     inputs hidden_layers hidden outputs w w w ...
 *
 * All hidden layers have `hidden` neurons. Without hidden layers that number
 * means nothing. The weights follow layer after layer and neuron after neuron.
 * A neuron has the weight of its bias first, and then one weight for each
 * output of the layer before. genann gives the bias the input -1, therefore
 *
 *     b[i] = -w[0]        W[i][j] = w[1 + j]
 *
 * The file does not tell the activations, so they are options. The format has
 * no version and no key words either: only the number of weights tells a
 * complete file from a damaged one.
 */
#include "base/error.h"
#include "base/file.h"
#include "formats/foreign/load.h"

/* The four numbers at the beginning of the file. */
typedef struct genann {
    const mlp_foreign_options *options;
    size_t inputs, hidden_layers, hidden, outputs;
} genann;

/* Returns layer l; the last one is the output layer. */
static mlp_layer layer_of(const void *from, size_t l)
{
    const genann *g = from;
    bool is_hidden = l <= g->hidden_layers;
    return (mlp_layer){.width = is_hidden ? g->hidden : g->outputs,
                       .activation =
                           is_hidden ? g->options->hidden : g->options->output};
}

/* Reports a text that is damaged or is not a genann file. */
static mlp_status refuse(const mlp_foreign_options *options,
                         const char *expected)
{
    return mlpi_error(&options->hooks, MLP_ERR_FORMAT,
                      "genann file: expects %s", expected);
}

/* Returns true if the rest of the text is long enough for all weights. A weight
 * takes two characters at least: a digit and a blank. The sums are checked,
 * because the file may contain any number. */
static bool has_space_for_weights(const genann *g, const mlpi_scanner *s)
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
           weights <= (size_t)(s->end - s->next) / 2;
}

/* Reads and checks the four numbers. Their product is compared with the length
 * of the text before any memory is allocated, so a file of a few bytes cannot
 * claim a large network. */
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
    return has_space_for_weights(g, s)
               ? MLP_OK
               : refuse(options, "a weight for each input");
}

/* Reads the weights of neuron i of layer l, the bias first. Returns false if
 * one is missing or is not finite in the network's precision. */
static bool read_neuron(mlpi_scanner *s, mlp_net *net, size_t l, size_t i,
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

/* Reads all weights. Returns false also if the text has more of them. */
static bool read_weights(const genann *g, mlpi_scanner *s, mlp_net *net)
{
    size_t n_in = g->inputs;
    for (size_t l = 1; l <= g->hidden_layers + 1; l++) {
        size_t n = layer_of(g, l).width;
        for (size_t i = 0; i < n; i++) {
            if (!read_neuron(s, net, l, i, n_in)) {
                return false;
            }
        }
        n_in = n;
    }
    return mlpi_scan_end(s);
}

/* Checks that the options name the activations. MLP_ACT_AUTO would be a guess,
 * and a wrong guess predicts wrong numbers. */
static mlp_status check_named(const mlp_foreign_options *options)
{
    bool is_hidden = options->hidden == MLP_ACT_AUTO;
    if (is_hidden || options->output == MLP_ACT_AUTO) {
        return mlpi_error(&options->hooks, MLP_ERR_ARGUMENT,
                          "%s: expects the activation that the program with "
                          "genann used, got auto (start from "
                          "mlp_foreign_defaults())",
                          is_hidden ? "hidden" : "output");
    }
    return MLP_OK;
}

/* Creates the network, then reads the weights into it. The activations come
 * from the options, for the file does not tell them. */
static mlp_status read(const mlp_foreign_options *options, mlpi_scanner text,
                       mlp_net **net)
{
    genann g = {.options = options};
    mlp_net *created = NULL;
    TRY(check_named(options));
    TRY(read_sizes(options, &text, &g));
    TRY(mlpi_foreign_create(options, g.inputs, g.hidden_layers + 1, layer_of,
                            &g, &created));
    if (!read_weights(&g, &text, created)) {
        mlp_net_free(created);
        return refuse(options, "a finite weight for each input and bias, and "
                               "nothing more");
    }
    *net = created;
    return MLP_OK;
}

/* A genann file has no mark at its beginning. But it begins with four integers,
 * each followed by a blank, and these fill the eight bytes of the head. */
static bool begins(const unsigned char *head, size_t size)
{
    bool good = size >= MLPI_FILE_HEAD;
    for (size_t i = 0; good && i < MLPI_FILE_HEAD; i++) {
        good = (head[i] >= '0' && head[i] <= '9') || head[i] == ' ' ||
               head[i] == '\n' || head[i] == '\r' || head[i] == '\t';
    }
    return good;
}

/* The two functions by which the common loader of load.c handles genann
 * files. */
static const mlpi_foreign_format genann_format = {{"a genann file", begins},
                                                  read};

mlp_status mlp_genann_load(const char *path, const mlp_foreign_options *options,
                           mlp_net **net)
{
    return mlpi_foreign_load(&genann_format, path, options, net);
}

mlp_status mlp_genann_load_memory(const void *bytes, size_t size,
                                  const mlp_foreign_options *options,
                                  mlp_net **net)
{
    return mlpi_foreign_load_memory(&genann_format, bytes, size, options, net);
}
