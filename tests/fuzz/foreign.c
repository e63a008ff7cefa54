/* SPDX-License-Identifier: MIT */
/* Valid FANN and genann files. */
#include "fuzz/foreign.h"

enum { MAX_SIZES = 4 };

static void put_weights(fuzz_file *f, fuzz_draw *d, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fuzz_print(f, " %.6e", ((double)fuzz_below(d, 2001) - 1000) / 1000);
    }
}

void fuzz_build_genann(fuzz_file *f, fuzz_draw *d)
{
    size_t inputs = 1 + fuzz_below(d, 3);
    bool is_deep = fuzz_once_in(d, 32); /* as deep as a network can be */
    size_t layers = is_deep ? MLP_MAX_LAYERS - 1 : fuzz_below(d, 3);
    size_t hidden = is_deep ? 1 : layers > 0 ? 1 + fuzz_below(d, 3) : 0;
    size_t outputs = 1 + fuzz_below(d, 3);
    size_t weights = 0;
    size_t n = inputs;
    for (size_t l = 0; l < layers; l++) {
        weights += (n + 1) * hidden;
        n = hidden;
    }
    fuzz_print(f, "%zu %zu %zu %zu", inputs, layers, hidden, outputs);
    put_weights(f, d, weights + (n + 1) * outputs);
}

/* FANN counts the bias as a neuron of the layer before: a layer of n neurons
 * has the size n + 1. */
static void put_fann_neurons(fuzz_file *f, fuzz_draw *d,
                             const size_t sizes[MAX_SIZES], size_t layers)
{
    static const int functions[] = {0, 3, 5};
    fuzz_print(f, "neurons (num_inputs, activation_function, "
                  "activation_steepness)=");
    for (size_t l = 0; l < layers; l++) {
        int function = functions[fuzz_below(d, 3)];
        size_t inputs = l > 0 ? sizes[l - 1] : 0;
        for (size_t j = 0; j < sizes[l]; j++) {
            bool is_bias = l == 0 || j + 1 == sizes[l];
            fuzz_print(f, "(%zu, %d, %.6e) ", is_bias ? 0 : inputs,
                       l > 0 ? function : 0, is_bias ? 0.0 : 0.5);
        }
    }
    fuzz_print(f, "\nconnections (connected_to_neuron, weight)=");
    size_t first = 0;
    for (size_t l = 1; l < layers; l++) {
        for (size_t i = 0; i < (sizes[l] - 1) * sizes[l - 1]; i++) {
            fuzz_print(f, "(%zu, %.6e) ", first + i % sizes[l - 1],
                       ((double)fuzz_below(d, 2001) - 1000) / 1000);
        }
        first += sizes[l - 1];
    }
    fuzz_print(f, "\n");
}

static void put_fann_scaling(fuzz_file *f, fuzz_draw *d, const char *name,
                             size_t n)
{
    static const char *const fields[] = {"mean", "deviation", "new_min",
                                         "factor"};
    for (size_t i = 0; i < 4; i++) {
        fuzz_print(f, "scale_%s_%s=", fields[i], name);
        for (size_t j = 0; j < n; j++) {
            fuzz_print(f, "%.6f ", 0.5 + (double)fuzz_below(d, 100) / 100);
        }
        fuzz_print(f, "\n");
    }
}

void fuzz_build_fann(fuzz_file *f, fuzz_draw *d)
{
    size_t sizes[MAX_SIZES] = {0};
    size_t layers = 2 + fuzz_below(d, MAX_SIZES - 1);
    fuzz_print(f,
               "FANN_FLO_2.1\nnum_layers=%zu\nlearning_rate=0.700000\n"
               "connection_rate=1.000000\nnetwork_type=0\n"
               "learning_momentum=0.000000\ntraining_algorithm=2\n"
               "cascade_activation_functions_count=2\n"
               "cascade_activation_functions=3 5 \nlayer_sizes=",
               layers);
    for (size_t l = 0; l < layers; l++) {
        sizes[l] = 2 + fuzz_below(d, 3);
        fuzz_print(f, "%zu ", sizes[l]);
    }
    bool scales = fuzz_once_in(d, 2);
    fuzz_print(f, "\nscale_included=%d\n", scales);
    if (scales) {
        put_fann_scaling(f, d, "in", sizes[0] - 1);
        put_fann_scaling(f, d, "out", sizes[layers - 1] - 1);
    }
    put_fann_neurons(f, d, sizes, layers);
}
