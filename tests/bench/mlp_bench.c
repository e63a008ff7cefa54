/* SPDX-License-Identifier: MIT */
/*
 * mlp_bench [--kernels NAME] [--threads N] [--seconds S] [--count N]
 *           [WORKLOAD ...]
 *
 * Measures the library alone, and prints a line for each result; bench.h
 * describes the line. tests/bench/run.py compares it with other libraries.
 *
 *   peak   fused multiply-adds of the machine, for the widest vectors
 *   triad  memory bandwidth of the machine
 *   read   bandwidth of reading the weights of 784-512-512-10
 *   W1     2-4-1, tanh, sigmoid: XOR, 5000 epochs
 *   W2     2-16-8-1, relu, sigmoid: 400 moons, 2000 epochs
 *   W3     64-128-64-10, relu, softmax: 1797 digits, momentum, 20 epochs
 *   W4     784-512-512-10, relu, softmax: a step of 128 rows, gathering
 *          included, with SGD and with Adam
 *   W5     1024-2048-2048-1024, relu, squared error: a step of 256 rows
 *   W6     one row through three networks (with one thread)
 *   W7     10,000 rows through 784-512-512-10; W7-<widths>-<rows>: 16 and 1000
 *          rows through it and through 64-128-64-10
 *   W8     W-W-W-10: a step of 64 rows
 *   W9     products alone: squares, and the shapes of layers (with one thread)
 *   W10    64-64-64-64: a step of 4,096 rows, and one of 16,384, whose
 *          activations no L2 cache holds
 *
 *   scaling   steps of networks from 17 to 33 million parameters, and of
 *             batches from 1 to 4096 rows; measured only on demand
 *   latency   each of a million calls of W6's two smaller networks alone;
 *             measured only on demand
 *   jacobian  a Jacobian, beside predictions of its row; only on demand
 *
 * A name such as W8 or W8-64 chooses results; without names all are measured
 * but those on demand. --threads is the number of threads, at least 1; the
 * default is 1. --seconds is the time for each result; the default is 0.5.
 * --count does the work of W1 (epochs) and W6 (rows) that many times and
 * measures nothing; callgrind.sh needs this. Each workload checks what it has
 * computed. The exit status is 1 if a result is wrong, 2 if the arguments are.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int usage(const char *what, const char *argument)
{
    (void)fprintf(stderr,
                  "%s: %s\nusage: mlp_bench [--kernels NAME] [--threads N] "
                  "[--seconds S] [--count N] [WORKLOAD ...]\n",
                  what, argument);
    return 2;
}

static bool has_kernels(const char *name)
{
    const char *known = NULL;
    for (size_t i = 0; (known = mlp_kernels(i)) != NULL; i++) {
        if (strcmp(known, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Sets an option. Returns false if there is no such option, or if the value is
 * not valid. */
static bool take_option(bench *b, const char *option, const char *value)
{
    char *end = NULL;
    if (strcmp(option, "--kernels") == 0) {
        b->kernels = value;
        return has_kernels(value);
    }
    if (strcmp(option, "--seconds") == 0) {
        b->seconds = strtod(value, &end);
        return end != value && *end == '\0' && b->seconds >= 0.0;
    }
    size_t number = strtoul(value, &end, 10);
    bool is_number = end != value && *end == '\0';
    if (strcmp(option, "--count") == 0) {
        b->count = number;
        return is_number;
    }
    if (strcmp(option, "--threads") == 0) {
        b->threads = number;
        return is_number && number >= 1 && number <= MLP_MAX_THREADS;
    }
    return false;
}

/* Reads all arguments. Returns 0, or the exit status if one is wrong. */
static int take_arguments(bench *b, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            b->choices[b->n_choices++].name = argv[i];
        } else if (i + 1 == argc) {
            return usage("no value", argv[i]);
        } else if (!take_option(b, argv[i], argv[i + 1])) {
            return usage("no such option or value", argv[i]);
        } else {
            i++;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    bench b = {.seconds = 0.5, .threads = 1};
    b.choices = calloc((size_t)argc + 1, sizeof *b.choices);
    if (!b.choices) {
        return 1;
    }
    int status = take_arguments(&b, argc, argv);
    if (status == 0) {
        mlp_bench_machine(&b);
        mlp_bench_whole(&b);
        mlp_bench_digits(&b);
        mlp_bench_steps(&b);
        mlp_bench_predict(&b);
        mlp_bench_products(&b);
        mlp_bench_scaling(&b);
        mlp_bench_latency(&b);
        mlp_bench_jacobian(&b);
    }
    for (size_t i = 0; status == 0 && i < b.n_choices; i++) {
        if (!b.choices[i].used) {
            status = usage("no such workload", b.choices[i].name);
        }
    }
    free(b.choices);
    return status;
}
