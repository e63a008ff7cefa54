/* SPDX-License-Identifier: MIT */
/*
 * Fuzzing of the loaders of FANN and genann files. A network that loads
 * predicts, and is saved to a file that loads.
 */
#include "fuzz/foreign.h"

#include "mlp_foreign.h"

/* ---------------------------------------------------------------------------
 * Files
 */

static void build(fuzz_file *f, fuzz_draw *d)
{
    if (fuzz_once_in(d, 2)) {
        fuzz_build_genann(f, d);
    } else {
        fuzz_build_fann(f, d);
    }
}

/* Sizes stand at the beginning, and most of the text is weights. */
static void lie(fuzz_file *f, fuzz_draw *d)
{
    static const size_t ends[] = {16, 700, SIZE_MAX};
    size_t end = ends[fuzz_below(d, 3)];
    (void)fuzz_lie_in_text(f, d, 0, end < f->size ? end : f->size);
}

/* ---------------------------------------------------------------------------
 * The check
 */

static void check(const unsigned char *bytes, size_t size)
{
    mlp_foreign_options options = mlp_foreign_defaults();
    mlp_net *net = NULL;
    options.hooks = fuzz_hooks();
    options.precision = size % 2 ? MLP_F32 : MLP_F64;
    options.smooth_steps = size % 4 < 2;
    bool is_fann = size > 0 && bytes[0] == 'F';
    mlp_status status =
        is_fann ? mlp_fann_load_memory(bytes, size, &options, &net)
                : mlp_genann_load_memory(bytes, size, &options, &net);
    if (!fuzz_succeeded(status)) {
        NEED(!net);
        return;
    }
    fuzz_accept();
    fuzz_predict(net);
    fuzz_save_twice(net);
    mlp_net_free(net);
}

const fuzz_target fuzz_this = {build, lie, check, NULL};
