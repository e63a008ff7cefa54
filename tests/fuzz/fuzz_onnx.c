/* SPDX-License-Identifier: MIT */
/*
 * Fuzzing of mlp_onnx_load_memory with libFuzzer. If the bytes load, the
 * network is saved, and the saved file must load as the same layers. The one
 * exception is a batch norm that cannot be folded, which saving refuses.
 */
#include <stdlib.h>
#include <string.h>

#include "mlp_onnx.h"

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

static mlp_net *load(const void *bytes, size_t size)
{
    mlp_net *net = NULL;
    mlp_status status = mlp_onnx_load_memory(bytes, size, NULL, &net);
    need((status == MLP_OK) == (net != NULL));
    return net;
}

static void need_equal(const mlp_net *a, const mlp_net *b)
{
    need(mlp_net_inputs(a) == mlp_net_inputs(b));
    need(mlp_net_precision(a) == mlp_net_precision(b));
    need(mlp_net_layer_count(a) == mlp_net_layer_count(b));
    for (size_t l = 1; l <= mlp_net_layer_count(a); l++) {
        mlp_layer x;
        mlp_layer y;
        need(mlp_net_layer(a, l, &x) == MLP_OK);
        need(mlp_net_layer(b, l, &y) == MLP_OK);
        need(x.width == y.width && x.activation == y.activation &&
             (float)x.slope == (float)y.slope); /* a float in every file */
    }
}

static void save(const mlp_net *net)
{
    size_t size = mlp_onnx_save_size(net);
    unsigned char *bytes = malloc(size + 1);
    need(size > 0 && bytes);
    mlp_status status = mlp_onnx_save_memory(net, bytes, size);
    need(status == MLP_OK || status == MLP_ERR_NOT_FINITE);
    if (status == MLP_OK) {
        mlp_net *again = load(bytes, size);
        need(again != NULL);
        need_equal(net, again);
        mlp_net_free(again);
    }
    free(bytes);
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
    mlp_net *net = load(copy, size);
    if (net) {
        save(net);
        mlp_net_free(net);
    }
    free(copy);
    return 0;
}
