/* SPDX-License-Identifier: MIT */
/*
 * W9 measures matrix products alone, through the table of kernels. W9-f32-1024
 * is A B of square matrices; -AtB and -ABt have the first or second operand
 * transposed. The smallest squares show what a call costs. W9-f32-<m>x<in>x<out>
 * has the three products of a training step, for a layer with `in` inputs and
 * `out` neurons and a batch of m rows. They have the same three forms:
 *
 *   forward  Z    (m, out)  = A_prev (m, in)     W^T (in, out), which is stored
 *   dW       dW^T (in, out) = A_prev^T (in, m)   dZ (m, out)
 *   dX       dA_prev (m, in) = dZ (m, out)       W (out, in)
 *
 * Elements drawn at random must have the bits of the chain of fused
 * multiply-adds that kernels.h promises.
 */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/kernels.h"

typedef enum form { AB, ATB, ABT } form;

typedef struct task {
    char name[64];
    mlp_dtype dtype;
    size_t m, n, k;
    form form;
} task;

typedef struct multiplication {
    const mlpi_kernels *kernels;
    mlpi_gemm_args product;
} multiplication;

static double get(mlp_dtype dtype, const void *reals, size_t i)
{
    return dtype == MLP_F32 ? (double)((const float *)reals)[i]
                            : ((const double *)reals)[i];
}

static void *random_reals(mlp_dtype dtype, size_t n, mlp_rng *rng)
{
    double *doubles = mlp_bench_allocate(n, sizeof *doubles);
    float *floats = (float *)doubles;
    for (size_t i = 0; i < n; i++) {
        double x = mlp_rng_uniform(rng, -1.0, 1.0);
        if (dtype == MLP_F32) {
            floats[i] = (float)x;
        } else {
            doubles[i] = x;
        }
    }
    return doubles;
}

static void multiply(void *state, size_t calls)
{
    const multiplication *j = state;
    for (size_t i = 0; i < calls; i++) {
        j->kernels->gemm(&j->product);
    }
}

/* Returns the element (i, j) of the product: s = fma(a[k], b[k], s) for
 * ascending k, in the precision of the table. */
static double chain(mlp_dtype dtype, const mlpi_gemm_args *p, size_t i,
                    size_t j)
{
    double s = 0.0;
    for (size_t k = 0; k < p->k; k++) {
        double a =
            get(dtype, p->A.data, i * p->A.row_stride + k * p->A.col_stride);
        double b =
            get(dtype, p->B.data, k * p->B.row_stride + j * p->B.col_stride);
        s = dtype == MLP_F32 ? (double)fmaf((float)a, (float)b, (float)s)
                             : fma(a, b, s);
    }
    return s;
}

static void check(const task *t, const mlpi_gemm_args *p, mlp_rng *rng)
{
    enum { SAMPLES = 100 };
    for (size_t sample = 0; sample < SAMPLES; sample++) {
        size_t i = (size_t)(mlp_rng_random_sample(rng) * (double)p->m);
        size_t j = (size_t)(mlp_rng_random_sample(rng) * (double)p->n);
        if (sample == 0) {
            i = p->m - 1;
            j = p->n - 1;
        }
        if (get(t->dtype, p->C, i * p->n + j) != chain(t->dtype, p, i, j)) {
            mlp_bench_fail(t->name, "an element is not its chain");
        }
    }
}

static void measure(bench *b, const task *t)
{
    static timing times;
    if (b->count > 0 || !mlp_bench_wants(b, t->name)) {
        return;
    }
    const mlpi_kernels *kernels = mlpi_kernels_find(t->dtype, b->kernels);
    mlp_rng rng = mlp_rng_seeded(1);
    void *a = random_reals(t->dtype, t->m * t->k, &rng);
    void *B = random_reals(t->dtype, t->k * t->n, &rng);
    void *c = random_reals(t->dtype, t->m * t->n, &rng);
    void *scratch = mlp_bench_allocate(kernels->gemm_scratch(t->m, t->n, t->k),
                                       kernels->real_size);
    multiplication j = {kernels,
                        {.m = t->m,
                         .n = t->n,
                         .k = t->k,
                         .A = t->form == ATB ? (mlpi_operand){a, 1, t->m}
                                             : (mlpi_operand){a, t->k, 1},
                         .B = t->form == ABT ? (mlpi_operand){B, 1, t->k}
                                             : (mlpi_operand){B, t->n, 1},
                         .C = c,
                         .scratch = scratch}};
    mlp_bench_repeat(b, &(work){multiply, &j}, &times);
    check(t, &j.product, &rng);
    report r = mlp_bench_report(t->name, "GFLOP/s",
                                2e-9 * (double)(t->m * t->n * t->k));
    mlp_bench_print_rate(b, &r, &times);
    free(a);
    free(B);
    free(c);
    free(scratch);
}

static void squares(bench *b, mlp_dtype dtype, const char *type)
{
    static const size_t sizes[] = {4, 8, 16, 256, 512, 1024, 2048};
    static const char *const suffixes[] = {"", "-AtB", "-ABt"};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t n = sizes[i];
        for (form f = AB; f <= ABT; f++) {
            task t = {.dtype = dtype, .m = n, .n = n, .k = n, .form = f};
            (void)snprintf(t.name, sizeof t.name, "W9-%s-%zu%s", type, n,
                           suffixes[f]);
            measure(b, &t);
        }
    }
}

/* Measures the products of W4 and W3. */
static void layers(bench *b, mlp_dtype dtype, const char *type)
{
    static const size_t shapes[][3] = {{128, 784, 512}, {128, 512, 512},
                                       {128, 512, 10},  {32, 64, 128},
                                       {32, 128, 64},   {32, 64, 10}};
    static const char *const products[] = {"forward", "dW", "dX"};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        size_t m = shapes[i][0];
        size_t in = shapes[i][1];
        size_t out = shapes[i][2];
        task tasks[] = {{"", dtype, m, out, in, AB},
                        {"", dtype, in, out, m, ATB},
                        {"", dtype, m, in, out, ABT}};
        for (form f = AB; f <= ABT; f++) {
            (void)snprintf(tasks[f].name, sizeof tasks[f].name,
                           "W9-%s-%zux%zux%zu-%s", type, m, in, out,
                           products[f]);
            measure(b, &tasks[f]);
        }
    }
}

void mlp_bench_products(bench *b)
{
    /* The library splits rows among threads; one product runs in one thread. */
    if (b->threads > 1) {
        return;
    }
    squares(b, MLP_F32, "f32");
    squares(b, MLP_F64, "f64");
    layers(b, MLP_F32, "f32");
    layers(b, MLP_F64, "f64");
}
