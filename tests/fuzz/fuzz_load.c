/* SPDX-License-Identifier: MIT */
/*
 * A target for libFuzzer that loads any bytes as a model file, as they are and
 * with a true checksum, and imports them as a safetensors file. A network that
 * loads must be saved to a file that loads again and is saved to as many bytes.
 */
#include <stdlib.h>

#include "support/damage.h"
#include "support/tutorial.h"
#include "support/ignore.h"

/* libFuzzer calls this name. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Aborts the program if the library breaks a promise. */
static void need(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Saves a network to memory from malloc. */
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
    /* The bytes themselves may differ: the bits of a NaN may change. */
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
    mlp_config config = tutorial_config();
    config.inputs = 3;
    config.layers = layers;
    config.n_layers = 2;
    mlp_net *net = NULL;
    need(mlp_net_create(&config, &net) == MLP_OK);
    ignore(mlp_net_import_memory(net, bytes, size));
    mlp_net_free(net);
}

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    /* The copy has a block of its own, so that tools see reads past its end. */
    unsigned char *copy = calloc(size ? size : 1, 1);
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
