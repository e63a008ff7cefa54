/* SPDX-License-Identifier: MIT */
/*
 * Loads the files of FANN. Such a file has lines "key=value" in a fixed order.
 * These lines are read, and all others skipped:
 *
 *     FANN_FLO_2.1                      the version
 *     num_layers=3                      the layer of inputs included
 *     connection_rate=1.000000          below 1 if connections are missing
 *     network_type=0                    1 if there are shortcut connections
 *     layer_sizes=3 5 2                 neurons, with a bias neuron in each
 *     scale_included=1                  then follow, for inputs and outputs:
 *     scale_mean_in=... scale_deviation_in=... scale_new_min_in=...
 *     scale_factor_in=...               a line each, a number for each neuron
 *     neurons (num_inputs, activation_function, activation_steepness)=...
 *     connections (connected_to_neuron, weight)=...
 *
 * The neurons of all layers are numbered in one sequence; the bias neuron is
 * the last one of its layer. "(3, 5, 5.0e-01)" is a neuron with three inputs,
 * the activation 5 and the steepness 0.5. "(0, -1.2e-01)" is a connection from
 * neuron 0. Connections have the order of the neurons that they lead to; a
 * neuron has one from each neuron of the layer before, in order, the last one
 * from the bias neuron.
 *
 * FANN computes f(s z) with the steepness s, so s is multiplied into W and b.
 * Its sigmoid is that of 2 s z. For scaling FANN computes
 *
 *     x' = ((x - mean) / deviation + 1) factor + new_min = (x - M) / S
 *     S  = deviation / factor
 *     M  = mean - deviation - new_min S
 *
 * A first pass checks the sizes and the neurons, before the network is created.
 * It keeps the positions where neurons and connections begin. A second pass
 * over both reads the weights into the network.
 */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "formats/foreign/load.h"

/* The numbers of the activations that are loaded; see the next table. */
enum { LINEAR = 0, SIGMOID = 3, SIGMOID_SYMMETRIC = 5 };

/* FANN's activations, in the order of their numbers. Those that this library
 * has are `known`, with the factor of s z. A stepwise one approximates the one
 * before it by straight lines. */
static const struct {
    const char *name;
    mlp_activation activation;
    double factor;
    bool known, stepwise;
} activations[] = {
    {"FANN_LINEAR", MLP_ACT_IDENTITY, 1.0, true, false},
    {.name = "FANN_THRESHOLD"},
    {.name = "FANN_THRESHOLD_SYMMETRIC"},
    {"FANN_SIGMOID", MLP_ACT_SIGMOID, 2.0, true, false},
    {"FANN_SIGMOID_STEPWISE", MLP_ACT_SIGMOID, 2.0, true, true},
    {"FANN_SIGMOID_SYMMETRIC", MLP_ACT_TANH, 1.0, true, false},
    {"FANN_SIGMOID_SYMMETRIC_STEPWISE", MLP_ACT_TANH, 1.0, true, true},
    {.name = "FANN_GAUSSIAN"},
    {.name = "FANN_GAUSSIAN_SYMMETRIC"},
    {.name = "FANN_GAUSSIAN_STEPWISE"},
    {.name = "FANN_ELLIOT"},
    {.name = "FANN_ELLIOT_SYMMETRIC"},
    {.name = "FANN_LINEAR_PIECE"},
    {.name = "FANN_LINEAR_PIECE_SYMMETRIC"},
    {.name = "FANN_SIN_SYMMETRIC"},
    {.name = "FANN_COS_SYMMETRIC"},
    {.name = "FANN_SIN"},
    {.name = "FANN_COS"},
};

enum { ACTIVATIONS = sizeof activations / sizeof activations[0] };

/* The four lists of numbers that scale inputs or outputs. Each scanner stands
 * before the first number of its list. */
typedef struct scaling_lists {
    mlpi_scanner mean, deviation, new_min, factor;
} scaling_lists;

typedef struct fann {
    const mlp_foreign_options *options;
    size_t L;                        /* layers without that of the inputs */
    size_t size[MLP_MAX_LAYERS + 1]; /* neurons of a layer without the bias */
    mlp_activation activation[MLP_MAX_LAYERS + 1]; /* of layer l, from 1 on */
    bool has_scaling;
    size_t constant_columns; /* of the scaling: their deviation is 0 */
    scaling_lists in, out;
    mlpi_scanner neurons, connections; /* before the first of each */
} fann;

/* Returns layer l. */
static mlp_layer layer_of(const void *from, size_t l)
{
    const fann *f = from;
    return (mlp_layer){.width = f->size[l], .activation = f->activation[l]};
}

typedef struct neuron {
    size_t inputs, activation; /* the activation by FANN's number */
    double steepness;
} neuron;

/* Reports a text that is damaged or is not a FANN file. */
static mlp_status refuse(const fann *f, const char *expected)
{
    return mlpi_error(&f->options->hooks, MLP_ERR_FORMAT,
                      "FANN file: expects %s", expected);
}

/* Reports a valid FANN file of a kind that this library cannot represent.
 * `what` says which kind. */
static mlp_status unsupported(const fann *f, const char *what)
{
    return mlpi_error(&f->options->hooks, MLP_ERR_UNSUPPORTED, "FANN file: %s",
                      what);
}

/* ---------------------------------------------------------------------------
 * Lines
 *
 * FANN writes the lines always in the same order, so one pass from front to
 * back finds them. A line that is missing is an error; lines with other keys,
 * such as the parameters of cascade training, are skipped.
 */

/* Reads the version. The line must end after it: FANN_FLO_2.15 would be
 * another version. */
static mlp_status check_version(const fann *f, mlpi_scanner *s)
{
    mlpi_scanner version = *s;
    if (mlpi_scan_word(&version, "FANN_FLO_2.1") &&
        version.next < version.end &&
        (*version.next == '\n' || *version.next == '\r')) {
        *s = version;
        return MLP_OK;
    }
    if (mlpi_scan_word(s, "FANN_FIX_")) {
        return unsupported(f, "of fixed point (save it by fann_save instead)");
    }
    if (mlpi_scan_word(s, "FANN_FLO_")) {
        return unsupported(f, "known is the version FANN_FLO_2.1 alone");
    }
    return refuse(f, "FANN_FLO_2.1 to begin with");
}

/* Moves the scanner behind `key` at the beginning of a later line. */
static mlp_status find(const fann *f, mlpi_scanner *s, const char *key)
{
    if (!mlpi_scan_line(s, key)) {
        return mlpi_error(&f->options->hooks, MLP_ERR_FORMAT,
                          "FANN file: expects a line \"%s...\"", key);
    }
    return MLP_OK;
}

/* Reads the integer behind `key` at the beginning of a later line. */
static mlp_status find_count(const fann *f, mlpi_scanner *s, const char *key,
                             size_t *n)
{
    TRY(find(f, s, key));
    return mlpi_scan_count(s, n) ? MLP_OK : refuse(f, "whole numbers");
}

/* Reads the numbers of neurons. Each contains the bias neuron, which a layer
 * has even if nothing follows it; f->size does not contain it. */
static mlp_status read_layer_sizes(fann *f, mlpi_scanner *s)
{
    TRY(find(f, s, "layer_sizes="));
    for (size_t l = 0; l <= f->L; l++) {
        size_t n = 0;
        if (!mlpi_scan_count(s, &n) || n < 2) {
            return refuse(f, "layers of a neuron and its bias at least");
        }
        f->size[l] = n - 1;
    }
    return MLP_OK;
}

/* Reads the number of layers and their sizes, and refuses networks whose layers
 * are not fully connected to the layer before. */
static mlp_status read_topology(fann *f, mlpi_scanner *s)
{
    size_t layers = 0;
    size_t type = 0;
    double rate = 0.0;
    TRY(find_count(f, s, "num_layers=", &layers));
    if (layers < 2 || layers > MLP_MAX_LAYERS + 1) {
        return mlpi_error(&f->options->hooks,
                          layers < 2 ? MLP_ERR_FORMAT : MLP_ERR_LIMIT,
                          "FANN file: expects 2 to %d layers, got %zu",
                          MLP_MAX_LAYERS + 1, layers);
    }
    f->L = layers - 1;
    TRY(find(f, s, "connection_rate="));
    if (!mlpi_scan_real(s, &rate)) {
        return refuse(f, "a connection rate");
    }
    TRY(find_count(f, s, "network_type=", &type));
    if (type != 0) {
        return unsupported(f, "of shortcut connections, not layer to layer");
    }
    if (rate < 1.0) {
        return unsupported(f, "not all connections of its layers are there");
    }
    return read_layer_sizes(f, s);
}

/* Remembers where the four lists of numbers begin. The numbers are read when
 * the network exists, because it is not known before whether the sizes of the
 * layers are true. */
static mlp_status find_lists(const fann *f, mlpi_scanner *s,
                             const char *const keys[4], scaling_lists *lists)
{
    mlpi_scanner *scanners[] = {&lists->mean, &lists->deviation,
                                &lists->new_min, &lists->factor};
    for (size_t i = 0; i < 4; i++) {
        TRY(find(f, s, keys[i]));
        *scanners[i] = *s;
    }
    return MLP_OK;
}

/* Finds the lists that scale the inputs and the outputs, if the file has
 * them. */
static mlp_status find_scaling(fann *f, mlpi_scanner *s)
{
    static const char *const in[] = {"scale_mean_in=", "scale_deviation_in=",
                                     "scale_new_min_in=", "scale_factor_in="};
    static const char *const out[] = {
        "scale_mean_out=", "scale_deviation_out=", "scale_new_min_out=",
        "scale_factor_out="};
    size_t included = 0;
    TRY(find_count(f, s, "scale_included=", &included));
    f->has_scaling = included != 0;
    if (f->has_scaling) {
        TRY(find_lists(f, s, in, &f->in));
        TRY(find_lists(f, s, out, &f->out));
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Neurons and connections
 *
 * A neuron is "(inputs, activation, steepness)" and a connection "(neuron,
 * weight)". The first pass checks the neurons against the sizes of the layers,
 * and stops before the first connection.
 */

/* Reads the next neuron, "(inputs, activation, steepness)". Returns false if
 * the text continues with something else. */
static bool next_neuron(mlpi_scanner *s, neuron *n)
{
    return mlpi_scan_word(s, "(") && mlpi_scan_count(s, &n->inputs) &&
           mlpi_scan_word(s, ",") && mlpi_scan_count(s, &n->activation) &&
           mlpi_scan_word(s, ",") && mlpi_scan_real(s, &n->steepness) &&
           mlpi_scan_word(s, ")");
}

/* Reads the next connection. Returns false if it does not come from the neuron
 * `from`. */
static bool next_weight(mlpi_scanner *s, size_t from, double *weight)
{
    size_t source = 0;
    return mlpi_scan_word(s, "(") && mlpi_scan_count(s, &source) &&
           source == from && mlpi_scan_word(s, ",") &&
           mlpi_scan_real(s, weight) && mlpi_scan_word(s, ")");
}

/* Refuses activations that this library does not have, by their names. */
static mlp_status check_activation(const fann *f, size_t l, size_t a)
{
    const mlp_hooks *hooks = &f->options->hooks;
    if (a >= ACTIVATIONS) {
        return mlpi_error(hooks, MLP_ERR_UNSUPPORTED,
                          "FANN file: layer %zu has the activation %zu, which "
                          "is not known here",
                          l, a);
    }
    if (!activations[a].known) {
        return mlpi_error(
            hooks, MLP_ERR_UNSUPPORTED,
            "FANN file: layer %zu expects %s, %s or %s, got %s", l,
            activations[LINEAR].name, activations[SIGMOID].name,
            activations[SIGMOID_SYMMETRIC].name, activations[a].name);
    }
    if (activations[a].stepwise && !f->options->smooth_steps) {
        return mlpi_error(hooks, MLP_ERR_UNSUPPORTED,
                          "FANN file: layer %zu has %s (which smooth_steps "
                          "takes for %s)",
                          l, activations[a].name, activations[a - 1].name);
    }
    return MLP_OK;
}

/* Reads the neurons of layer l and its bias neuron. Layer 0 is that of the
 * inputs. Its neurons and all bias neurons compute nothing, so they must have
 * no input; the other neurons must see the whole layer before. */
static mlp_status read_layer(fann *f, mlpi_scanner *s, size_t l)
{
    size_t activation = 0;
    for (size_t k = 0; k <= f->size[l]; k++) {
        neuron n;
        bool computes = l > 0 && k < f->size[l];
        if (!next_neuron(s, &n) ||
            n.inputs != (computes ? f->size[l - 1] + 1 : 0)) {
            return refuse(f, "neurons that see all of the layer before, and "
                             "inputs and biases that see none");
        }
        if (!computes) {
            continue;
        }
        if (k == 0) {
            activation = n.activation;
            TRY(check_activation(f, l, activation));
        } else if (n.activation != activation) {
            return mlpi_error(&f->options->hooks, MLP_ERR_UNSUPPORTED,
                              "FANN file: layer %zu has several activations",
                              l);
        }
    }
    if (l > 0) {
        f->activation[l] = activations[activation].activation;
    }
    return MLP_OK;
}

/* Reads the layers, and checks that the rest of the text is long enough for
 * their connections, each of which takes five characters at least: "(0,1)". */
static mlp_status read_layers(fann *f, mlpi_scanner *s)
{
    size_t connections = 0;
    TRY(find(f, s,
             "neurons (num_inputs, activation_function, "
             "activation_steepness)="));
    f->neurons = *s;
    for (size_t l = 0; l <= f->L; l++) {
        TRY(read_layer(f, s, l));
    }
    TRY(find(f, s, "connections (connected_to_neuron, weight)="));
    f->connections = *s;
    for (size_t l = 1; l <= f->L; l++) {
        if (!mlpi_foreign_add_parameters(f->size[l - 1], f->size[l],
                                         &connections) ||
            connections > (size_t)(s->end - s->next) / 5) {
            return refuse(f, "all connections of the layers");
        }
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Weights: the second pass over neurons and connections
 *
 * The first pass has checked the neurons, so their activations are known. What
 * is checked here are the connections: their order, and that the weights are
 * finite in the precision of the network.
 */

/* Reads the weights of neuron k of layer l. `first` is the number of the first
 * neuron of the layer before. */
static bool read_neuron(fann *f, mlp_net *net, size_t l, size_t k, size_t first)
{
    neuron n = {.inputs = 0};
    double w = 0.0;
    (void)next_neuron(&f->neurons, &n); /* read_layer has checked it */
    double factor = n.steepness * activations[n.activation].factor;
    for (size_t j = 0; j < f->size[l - 1]; j++) {
        if (!next_weight(&f->connections, first + j, &w) ||
            !mlpi_foreign_set_weight(net, l, k, j, factor * w)) {
            return false;
        }
    }
    return next_weight(&f->connections, first + f->size[l - 1], &w) &&
           mlpi_foreign_set_bias(net, l, k, factor * w);
}

/* Skips neurons that compute nothing: inputs and bias neurons. */
static void skip_neurons(fann *f, size_t count)
{
    neuron n;
    for (; count > 0; count--) {
        (void)next_neuron(&f->neurons, &n);
    }
}

/* Reads all weights. The inputs and the bias neurons have none. */
static mlp_status read_weights(fann *f, mlp_net *net)
{
    size_t first = 0;
    bool good = true;
    skip_neurons(f, f->size[0] + 1);
    for (size_t l = 1; l <= f->L && good; l++) {
        for (size_t k = 0; k < f->size[l] && good; k++) {
            good = read_neuron(f, net, l, k, first);
        }
        skip_neurons(f, 1);
        first += f->size[l - 1] + 1;
    }
    return good && mlpi_scan_end(&f->connections)
               ? MLP_OK
               : refuse(f, "for each neuron finite weights from the layer "
                           "before, in order, and nothing more");
}

/* ---------------------------------------------------------------------------
 * Scaling
 *
 * FANN scales a column to a range: `deviation` and `mean` standardise it, and
 * then -1 becomes new_min and 1 becomes new_min + 2 factor. This is an affine
 * map, and so it can be written as (x - M) / S, the form that a network of this
 * library has for inputs and targets.
 */

/* The scaling of n columns is (x - M) / S, as in the head of this file. */
typedef struct scaling {
    size_t n;
    double *M, *S; /* [n] */
} scaling;

/* Lays out M and S in one block; see base/memory.h. */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    scaling *s = object;
    s->M = mlpi_take(cursor, s->n, sizeof *s->M);
    s->S = mlpi_take(cursor, s->n, sizeof *s->S);
}

/* Reads a number that FANN holds as a float even in doublefann. Rounding it to
 * a float gives FANN's own number. */
static bool next_float(mlpi_scanner *s, double *x)
{
    bool good = mlpi_scan_real(s, x);
    *x = (float)*x;
    return good;
}

/* Reads M and S of each column. A column that was constant in FANN's training
 * has the deviation 0, by which FANN 2.2 divides; later versions write 1, so a
 * 0 counts as that, with a hint. FANN prints deviations and factors with six
 * decimals, so a small one is printed as 0, too. */
static mlp_status read_scaling(fann *f, scaling_lists lists, scaling *to)
{
    for (size_t j = 0; j < to->n; j++) {
        double mean = 0.0;
        double deviation = 0.0;
        double new_min = 0.0;
        double factor = 0.0;
        if (!next_float(&lists.mean, &mean) ||
            !next_float(&lists.deviation, &deviation) ||
            !next_float(&lists.new_min, &new_min) ||
            !next_float(&lists.factor, &factor)) {
            return refuse(f, "numbers to scale by");
        }
        if (deviation == 0.0) {
            deviation = 1.0;
            f->constant_columns++;
        }
        if (!(deviation > 0.0) || !(factor > 0.0)) {
            return mlpi_error(&f->options->hooks, MLP_ERR_FORMAT,
                              "FANN file: scaling expects deviations and "
                              "factors above 0, got %g and %g (six decimals "
                              "are all that FANN writes)",
                              deviation, factor);
        }
        to->S[j] = deviation / factor;
        to->M[j] = mean - deviation - new_min * to->S[j];
    }
    return MLP_OK;
}

/* Returns true if the scaling changes no number. */
static bool is_identity(const scaling *s)
{
    size_t j = 0;
    while (j < s->n && s->M[j] == 0.0 && s->S[j] == 1.0) {
        j++;
    }
    return j == s->n;
}

/* mlp_net_set_scaling and mlp_net_set_target_scaling have this type. */
typedef mlp_status scaling_setter(mlp_net *net, const double *mean,
                                  const double *std);

/* Reads the scaling of n columns and gives it to the network. */
static mlp_status set_scaling(fann *f, scaling_lists lists, size_t n,
                              scaling_setter *set, mlp_net *net)
{
    const mlp_hooks *hooks = &f->options->hooks;
    scaling s = {.n = n};
    void *block = NULL;
    TRY(mlpi_allocate_layout(hooks, lay_out, &s, "a scaling", &block));
    mlp_status status = read_scaling(f, lists, &s);
    if (status == MLP_OK && !is_identity(&s)) {
        status = set(net, s.M, s.S);
    }
    mlpi_release(hooks, block);
    return status;
}

/* ---------------------------------------------------------------------------
 * The whole file
 */

/* Reads everything that a network of the right shape still needs. */
static mlp_status fill_net(fann *f, mlp_net *net)
{
    TRY(read_weights(f, net));
    if (f->has_scaling) {
        TRY(set_scaling(f, f->in, f->size[0], mlp_net_set_scaling, net));
        TRY(set_scaling(f, f->out, f->size[f->L], mlp_net_set_target_scaling,
                        net));
    }
    return MLP_OK;
}

/* Creates the network after all checks that need no memory. If a weight is
 * damaged, the network is freed again. */
static mlp_status read(const mlp_foreign_options *options, mlpi_scanner text,
                       mlp_net **net)
{
    fann f = {.options = options};
    mlp_net *created = NULL;
    TRY(check_version(&f, &text));
    TRY(read_topology(&f, &text));
    TRY(find_scaling(&f, &text));
    TRY(read_layers(&f, &text));
    TRY(mlpi_foreign_create(options, f.size[0], f.L, layer_of, &f, &created));
    mlp_status status = fill_net(&f, created);
    if (status != MLP_OK) {
        mlp_net_free(created);
        return status;
    }
    if (f.constant_columns > 0) {
        mlpi_hint(&options->hooks,
                  "FANN file: the scaling of %zu column%s has the deviation 0, "
                  "which counts as 1",
                  f.constant_columns, mlpi_plural(f.constant_columns));
    }
    *net = created;
    return MLP_OK;
}

/* FANN_FLO and FANN_FIX both pass, so that fixed point gets its own message. */
static bool begins(const unsigned char *head, size_t size)
{
    (void)size;
    return memcmp(head, "FANN_F", 6) == 0;
}

static const mlpi_foreign_format fann_format = {{"a FANN file", begins}, read};

mlp_status mlp_fann_load(const char *path, const mlp_foreign_options *options,
                         mlp_net **net)
{
    return mlpi_foreign_load(&fann_format, path, options, net);
}

mlp_status mlp_fann_load_memory(const void *bytes, size_t size,
                                const mlp_foreign_options *options,
                                mlp_net **net)
{
    return mlpi_foreign_load_memory(&fann_format, bytes, size, options, net);
}
