/* SPDX-License-Identifier: MIT */
/*
 * FANN: lines of "key=value" in a fixed order, of which these count:
 *
 *     FANN_FLO_2.1
 *     num_layers=3                      with the inputs
 *     connection_rate=1.000000
 *     network_type=0                    each layer sees the one before
 *     layer_sizes=3 5 2                 with a bias neuron each, the last too
 *     scale_included=1                  and if so, for in, then for out:
 *     scale_mean_in=... scale_deviation_in=... scale_new_min_in=...
 *     scale_factor_in=...               a line each, a number for each neuron
 *     neurons (num_inputs, activation_function, activation_steepness)=...
 *     connections (connected_to_neuron, weight)=...
 *
 * Neurons are counted through all layers, the bias of each being its last, and
 * so are connections: "(3, 5, 5.0e-01)" has three inputs, "(0, -1.2e-01)" is
 * one from neuron 0. A neuron's are those from the layer before, in order, and
 * then from its bias. Scaling is x' = ((x - mean) / deviation + 1) factor +
 * new_min, hence (x - M) / S with
 *
 *     S = deviation / factor        M = mean - deviation - new_min S
 */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "formats/foreign/load.h"
#include "base/memory.h"
#include "base/error.h"

enum { LINEAR = 0, SIGMOID = 3, SYMMETRIC = 5 };

/* What FANN calls its activations, in its order; and, for those that there are
 * here, the factor of s z. Stepwise ones stand for the one before. */
static const struct {
    const char *name;
    mlp_activation is;
    double factor;
    bool known, stepwise;
} kinds[] = {
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

enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* The four lists of a side, each at its first number. */
typedef struct scaling {
    mlpi_scanner mean, deviation, new_min, factor;
} scaling;

typedef struct fann {
    const mlp_foreign_options *options;
    size_t L;
    size_t size[MLP_MAX_LAYERS + 1]; /* of each layer, without the bias */
    mlp_layer layers[MLP_MAX_LAYERS];
    bool scales;
    scaling in, out;
    mlpi_scanner neurons, connections; /* at the first of them */
} fann;

typedef struct neuron {
    size_t inputs, kind;
    double steepness;
} neuron;

static mlp_status refuse(const fann *f, const char *expected)
{
    return mlpi_error(&f->options->hooks, MLP_ERR_FORMAT,
                      "FANN file: expects %s", expected);
}

static mlp_status unsupported(const fann *f, const char *what)
{
    return mlpi_error(&f->options->hooks, MLP_ERR_UNSUPPORTED, "FANN file: %s",
                      what);
}

/* ---------------------------------------------------------------------------
 * Lines
 */

static mlp_status check_version(const fann *f, mlpi_scanner *s)
{
    mlpi_scanner known = *s;
    if (mlpi_scan_word(&known, "FANN_FLO_2.1") && known.at < known.end &&
        (*known.at == '\n' || *known.at == '\r')) {
        *s = known;
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

static mlp_status find(const fann *f, mlpi_scanner *s, const char *key)
{
    if (!mlpi_scan_line(s, key)) {
        return mlpi_error(&f->options->hooks, MLP_ERR_FORMAT,
                          "FANN file: expects a line \"%s...\"", key);
    }
    return MLP_OK;
}

static mlp_status find_count(const fann *f, mlpi_scanner *s, const char *key,
                             size_t *n)
{
    TRY(find(f, s, key));
    return mlpi_scan_count(s, n) ? MLP_OK : refuse(f, "whole numbers");
}

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

static mlp_status read_shape(fann *f, mlpi_scanner *s)
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

static mlp_status find_side(const fann *f, mlpi_scanner *s,
                            const char *const keys[4], scaling *side)
{
    mlpi_scanner *lists[] = {&side->mean, &side->deviation, &side->new_min,
                             &side->factor};
    for (size_t i = 0; i < 4; i++) {
        TRY(find(f, s, keys[i]));
        *lists[i] = *s;
    }
    return MLP_OK;
}

static mlp_status find_scaling(fann *f, mlpi_scanner *s)
{
    static const char *const in[] = {"scale_mean_in=", "scale_deviation_in=",
                                     "scale_new_min_in=", "scale_factor_in="};
    static const char *const out[] = {
        "scale_mean_out=", "scale_deviation_out=", "scale_new_min_out=",
        "scale_factor_out="};
    size_t included = 0;
    TRY(find_count(f, s, "scale_included=", &included));
    f->scales = included != 0;
    if (f->scales) {
        TRY(find_side(f, s, in, &f->in));
        TRY(find_side(f, s, out, &f->out));
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Neurons and connections
 */

static bool next_neuron(mlpi_scanner *s, neuron *n)
{
    return mlpi_scan_word(s, "(") && mlpi_scan_count(s, &n->inputs) &&
           mlpi_scan_word(s, ",") && mlpi_scan_count(s, &n->kind) &&
           mlpi_scan_word(s, ",") && mlpi_scan_real(s, &n->steepness) &&
           mlpi_scan_word(s, ")");
}

/* The next connection, which must be from that neuron. */
static bool next_weight(mlpi_scanner *s, size_t from, double *weight)
{
    size_t is = 0;
    return mlpi_scan_word(s, "(") && mlpi_scan_count(s, &is) && is == from &&
           mlpi_scan_word(s, ",") && mlpi_scan_real(s, weight) &&
           mlpi_scan_word(s, ")");
}

static mlp_status check_kind(const fann *f, size_t l, size_t kind)
{
    const mlp_hooks *hooks = &f->options->hooks;
    if (kind >= KINDS) {
        return mlpi_error(hooks, MLP_ERR_UNSUPPORTED,
                          "FANN file: layer %zu has the activation %zu, which "
                          "is not known here",
                          l, kind);
    }
    if (!kinds[kind].known) {
        return mlpi_error(hooks, MLP_ERR_UNSUPPORTED,
                          "FANN file: layer %zu expects %s, %s or %s, got %s",
                          l, kinds[LINEAR].name, kinds[SIGMOID].name,
                          kinds[SYMMETRIC].name, kinds[kind].name);
    }
    if (kinds[kind].stepwise && !f->options->smooth_steps) {
        return mlpi_error(hooks, MLP_ERR_UNSUPPORTED,
                          "FANN file: layer %zu has %s (which smooth_steps "
                          "takes for %s)",
                          l, kinds[kind].name, kinds[kind - 1].name);
    }
    return MLP_OK;
}

/* Layer l, and its bias. */
static mlp_status read_layer(fann *f, mlpi_scanner *s, size_t l)
{
    size_t kind = 0;
    for (size_t k = 0; k <= f->size[l]; k++) {
        neuron n;
        bool is_neuron = l > 0 && k < f->size[l];
        if (!next_neuron(s, &n) ||
            n.inputs != (is_neuron ? f->size[l - 1] + 1 : 0)) {
            return refuse(f, "neurons that see all of the layer before, and "
                             "inputs and biases that see none");
        }
        if (!is_neuron) {
            continue;
        }
        if (k == 0) {
            kind = n.kind;
            TRY(check_kind(f, l, kind));
        } else if (n.kind != kind) {
            return mlpi_error(&f->options->hooks, MLP_ERR_UNSUPPORTED,
                              "FANN file: layer %zu has several activations",
                              l);
        }
    }
    if (l > 0) {
        f->layers[l - 1] =
            (mlp_layer){.width = f->size[l], .activation = kinds[kind].is};
    }
    return MLP_OK;
}

/* The layers; and is there room for so many connections, of five characters at
 * least, before memory is taken for them? */
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
            connections > (size_t)(s->end - s->at) / 5) {
            return refuse(f, "all connections of the layers");
        }
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Taking
 */

/* Neuron k of layer l; the one before begins with the neuron `first`. */
static bool take_neuron(fann *f, mlp_net *net, size_t l, size_t k, size_t first)
{
    neuron n;
    double w = 0.0;
    if (!next_neuron(&f->neurons, &n)) {
        return false;
    }
    double by = n.steepness * kinds[n.kind].factor;
    for (size_t j = 0; j < f->size[l - 1]; j++) {
        if (!next_weight(&f->connections, first + j, &w) ||
            !mlpi_foreign_set_weight(net, l, k, j, by * w)) {
            return false;
        }
    }
    return next_weight(&f->connections, first + f->size[l - 1], &w) &&
           mlpi_foreign_set_bias(net, l, k, by * w);
}

static bool skip_neurons(fann *f, size_t count)
{
    neuron n;
    while (count > 0 && next_neuron(&f->neurons, &n)) {
        count--;
    }
    return count == 0;
}

static mlp_status take_weights(fann *f, mlp_net *net)
{
    size_t first = 0;
    bool good = skip_neurons(f, f->size[0] + 1);
    for (size_t l = 1; l <= f->L && good; l++) {
        for (size_t k = 0; k < f->size[l] && good; k++) {
            good = take_neuron(f, net, l, k, first);
        }
        good = good && skip_neurons(f, 1);
        first += f->size[l - 1] + 1;
    }
    return good && mlpi_scan_end(&f->connections)
               ? MLP_OK
               : refuse(f, "for each neuron finite weights from the layer "
                           "before, in order, and nothing more");
}

/* One that FANN keeps as a float, whatever its weights are. */
static bool next_float(mlpi_scanner *s, double *x)
{
    bool good = mlpi_scan_real(s, x);
    *x = (float)*x;
    return good;
}

/* M and S, n of each. */
static mlp_status read_side(const fann *f, scaling side, size_t n, double *M,
                            double *S)
{
    for (size_t j = 0; j < n; j++) {
        double mean = 0.0;
        double deviation = 0.0;
        double new_min = 0.0;
        double factor = 0.0;
        if (!next_float(&side.mean, &mean) ||
            !next_float(&side.deviation, &deviation) ||
            !next_float(&side.new_min, &new_min) ||
            !next_float(&side.factor, &factor)) {
            return refuse(f, "numbers to scale by");
        }
        if (!(deviation > 0.0) || !(factor > 0.0)) {
            return mlpi_error(&f->options->hooks, MLP_ERR_FORMAT,
                              "FANN file: scaling expects deviations and "
                              "factors above 0, got %g and %g (six decimals "
                              "are all that FANN writes)",
                              deviation, factor);
        }
        S[j] = deviation / factor;
        M[j] = mean - deviation - new_min * S[j];
    }
    return MLP_OK;
}

static bool is_plain(size_t n, const double *M, const double *S)
{
    size_t j = 0;
    while (j < n && M[j] == 0.0 && S[j] == 1.0) {
        j++;
    }
    return j == n;
}

static mlp_status take_side(const fann *f, scaling side, size_t n,
                            mlp_status (*set)(mlp_net *, const double *,
                                              const double *),
                            mlp_net *net)
{
    const mlp_hooks *hooks = &f->options->hooks;
    mlpi_cursor measure = {0};
    void *block = NULL;
    (void)mlpi_take(&measure, n, sizeof(double));
    (void)mlpi_take(&measure, n, sizeof(double));
    TRY(mlpi_allocate(hooks, &measure, "a scaling", &block));
    mlpi_cursor carve = {.base = block};
    double *M = mlpi_take(&carve, n, sizeof(double));
    double *S = mlpi_take(&carve, n, sizeof(double));
    mlp_status status = read_side(f, side, n, M, S);
    if (status == MLP_OK && !is_plain(n, M, S)) {
        status = set(net, M, S);
    }
    mlpi_release(hooks, block);
    return status;
}

static mlp_status take_all(fann *f, mlp_net *net)
{
    TRY(take_weights(f, net));
    if (f->scales) {
        TRY(take_side(f, f->in, f->size[0], mlp_net_set_scaling, net));
        TRY(take_side(f, f->out, f->size[f->L], mlp_net_set_target_scaling,
                      net));
    }
    return MLP_OK;
}

static mlp_status read(const mlp_foreign_options *options, mlpi_scanner text,
                       mlp_net **net)
{
    fann f = {.options = options};
    mlp_net *made = NULL;
    TRY(check_version(&f, &text));
    TRY(read_shape(&f, &text));
    TRY(find_scaling(&f, &text));
    TRY(read_layers(&f, &text));
    TRY(mlpi_foreign_create(options, f.size[0], f.layers, f.L, &made));
    mlp_status status = take_all(&f, made);
    if (status != MLP_OK) {
        mlp_net_free(made);
        return status;
    }
    *net = made;
    return MLP_OK;
}

static bool begins(const unsigned char *head, size_t size)
{
    (void)size;
    return memcmp(head, "FANN_F", 6) == 0;
}

static const mlpi_foreign_format files = {begins, read};

mlp_status mlp_fann_load(const char *path, const mlp_foreign_options *options,
                         mlp_net **net)
{
    return mlpi_foreign_load(&files, path, options, net);
}

mlp_status mlp_fann_load_memory(const void *bytes, size_t size,
                                const mlp_foreign_options *options,
                                mlp_net **net)
{
    return mlpi_foreign_load_memory(&files, bytes, size, options, net);
}
