/* SPDX-License-Identifier: MIT */
/*
 * Fuzzing of mlp_net_load_memory. A network that loads predicts, and is saved
 * to a file that loads again and is saved to the same bytes.
 */
#include "fuzz/fuzz.h"

static void build(fuzz_file *f, fuzz_draw *d)
{
    mlp_net *net = fuzz_net(d);
    size_t n = 0;
    unsigned char *bytes = fuzz_saved(net, &n);
    fuzz_append(f, bytes, n);
    free(bytes);
    mlp_net_free(net);
}

/* A loaded network has a name for each class, or none. */
static void check_names(const mlp_net *net)
{
    size_t outputs = mlp_net_outputs(net);
    size_t classes = outputs == 1 ? 2 : outputs;
    size_t n = 0;
    while (mlp_net_class_name(net, n)) {
        n++;
    }
    NEED(n == 0 || n == classes);
}

static void check(const unsigned char *bytes, size_t size)
{
    mlp_hooks hooks = fuzz_hooks();
    mlp_net *net = NULL;
    if (!fuzz_succeeded(mlp_net_load_memory(bytes, size, &hooks, &net))) {
        NEED(!net);
        return;
    }
    fuzz_accept();
    check_names(net);
    fuzz_predict(net);
    fuzz_save_twice(net);
    mlp_net_free(net);
}

const fuzz_target fuzz_this = {build, fuzz_lie_in_tensors, check, NULL};
