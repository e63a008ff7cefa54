/* SPDX-License-Identifier: MIT */
/*
 * exported <folder>
 *
 * The library's side of exported.py, which measures exported C. The program
 * writes two networks of W6 into the folder, each in these forms:
 *
 *     real_<widths>.c    calls the C library
 *     bits_<widths>.c    canonical
 *     int8_<widths>.c    integers
 *     jacobian_<widths>.c, jacobianbits_<widths>.c   as real and bits, with the
 *                        Jacobian, which is then measured instead
 *
 * <widths> is such as 2_16_8_1. All have the prefix `net`, and the outputs are
 * linear. The self-test of each holds eight rows.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 500, MOST_INPUTS = 64 };

/* Writes one form of a network. */
static void export_form(const mlp_net *net, const char *folder,
                        const char *form, const char *widths, mlp_cview X)
{
    char path[1024];
    mlp_export_options options = mlp_export_defaults();
    options.canonical = strstr(form, "bits") != NULL;
    options.jacobian = form[0] == 'j';
    options.int8 = form[0] == 'i';
    options.prefix = "net";
    options.X = X;
    (void)snprintf(path, sizeof path, "%s/%s_%s.c", folder, form, widths);
    mlp_bench_expect(path, mlp_export_c(net, path, &options, NULL));
}

/* Writes all forms of a network. Inputs are uniform between 0 and 1, as those
 * of W6. */
static void export_net(const char *folder, const size_t *widths)
{
    static float x[ROWS * MOST_INPUTS];
    const bench b = {.threads = 1};
    char name[64];
    (void)snprintf(name, sizeof name, "%zu_%zu_%zu_%zu", widths[0], widths[1],
                   widths[2], widths[3]);
    mlp_layer last = {widths[BENCH_LAYERS], MLP_ACT_IDENTITY};
    mlp_net *net = mlp_bench_net(&b, name, widths, last, MLP_LOSS_MSE);
    mlp_rng rng = mlp_rng_seeded(1);
    for (size_t i = 0; i < ROWS * widths[0]; i++) {
        x[i] = (float)mlp_rng_random_sample(&rng);
    }
    mlp_cview X = mlp_cview_f32(x, ROWS, widths[0]);
    export_form(net, folder, "real", name, X);
    export_form(net, folder, "bits", name, X);
    export_form(net, folder, "int8", name, X);
    export_form(net, folder, "jacobian", name, X);
    export_form(net, folder, "jacobianbits", name, X);
    mlp_net_free(net);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: exported <folder>\n");
        return EXIT_FAILURE;
    }
    export_net(argv[1], (size_t[]){2, 16, 8, 1});
    export_net(argv[1], (size_t[]){64, 128, 64, 10});
    return EXIT_SUCCESS;
}
