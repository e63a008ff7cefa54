/* SPDX-License-Identifier: MIT */
/*
 * Fuzzing of the loaders of FANN and genann files with libFuzzer. If the bytes
 * load, the network must be able to predict, and to be saved to a file that
 * loads.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mlp_foreign.h"

/* libFuzzer calls the function by this name. */
/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Ends the program where the library is wrong. */
static void need(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Allocates n numbers of either precision, all 0. */
static void *zeros(size_t n)
{
    void *numbers = calloc(n, sizeof(double));
    need(numbers != NULL);
    return numbers;
}

static void predict(const mlp_net *net)
{
    size_t n = mlp_net_inputs(net);
    size_t m = mlp_net_outputs(net);
    mlp_dtype p = mlp_net_precision(net);
    void *x = zeros(n);
    void *a = zeros(m);
    need(mlp_predict(net, (mlp_cview){p, 1, n, n, 1, x},
                     (mlp_view){p, 1, m, m, 1, a}) == MLP_OK);
    free(x);
    free(a);
}

static void use(mlp_net *net)
{
    size_t size = mlp_net_save_size(net);
    void *bytes = malloc(size);
    mlp_net *again = NULL;
    predict(net);
    need(bytes && mlp_net_save_memory(net, bytes, size) == MLP_OK);
    need(mlp_net_load_memory(bytes, size, NULL, &again) == MLP_OK);
    mlp_net_free(again);
    free(bytes);
}

static void load(const unsigned char *bytes, size_t size, mlp_dtype precision)
{
    mlp_foreign_options options = mlp_foreign_defaults();
    options.precision = precision;
    options.smooth_steps = true;
    mlp_net *net[2] = {NULL, NULL};
    bool loaded[2] = {
        mlp_fann_load_memory(bytes, size, &options, &net[0]) == MLP_OK,
        mlp_genann_load_memory(bytes, size, &options, &net[1]) == MLP_OK};
    for (size_t i = 0; i < 2; i++) {
        need(loaded[i] == (net[i] != NULL));
        if (net[i]) {
            use(net[i]);
        }
        mlp_net_free(net[i]);
    }
}

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    /* In a block of exactly this size, a read past the end is seen. */
    unsigned char *copy = malloc(size ? size : 1);
    need(copy != NULL);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    load(copy, size, MLP_F32);
    load(copy, size, MLP_F64);
    free(copy);
    return 0;
}
