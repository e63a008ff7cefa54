/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a model file, for libFuzzer: as they are, and with the checksum
 * made true. What loads must be saved to a file that loads to the same bytes
 * again.
 */
#include <stdlib.h>

#include "support/damage.h"

/* libFuzzer's name. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Ends the program where the library is wrong. */
static void need(bool holds)
{
    if (!holds) {
        abort();
    }
}

static unsigned char *saved(const mlp_net *net, size_t *size)
{
    *size = mlp_net_save_size(net);
    unsigned char *bytes = malloc(*size + 1);
    need(bytes && mlp_net_save_memory(net, bytes, *size) == MLP_OK);
    return bytes;
}

static void load(const unsigned char *bytes, size_t size)
{
    mlp_net *net = NULL;
    mlp_net *again = NULL;
    if (mlp_net_load_memory(bytes, size, NULL, &net) != MLP_OK) {
        need(!net);
        return;
    }
    size_t n = 0;
    size_t m = 0;
    unsigned char *first = saved(net, &n);
    need(mlp_net_load_memory(first, n, NULL, &again) == MLP_OK);
    unsigned char *second = saved(again, &m);
    /* A NaN may come back with other bits. */
    need(n == m);
    mlp_net_free(net);
    mlp_net_free(again);
    free(first);
    free(second);
}

static void import(const unsigned char *bytes, size_t size)
{
    mlp_layer layers[] = {
        {.width = 4, .activation = MLP_ACT_TANH, .batch_norm = true},
        {.width = 2, .activation = MLP_ACT_SIGMOID}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 3;
    config.layers = layers;
    config.n_layers = 2;
    mlp_net *net = NULL;
    need(mlp_net_create(&config, &net) == MLP_OK);
    (void)mlp_net_import_memory(net, bytes, size);
    mlp_net_free(net);
}

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    /* Of its own, so that reading past the end is seen. */
    unsigned char *copy = malloc(size ? size : 1);
    need(copy != NULL);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    load(copy, size);
    import(copy, size);
    seal_file(copy, size);
    load(copy, size);
    free(copy);
    return 0;
}
