/* SPDX-License-Identifier: MIT */
/*
 * The portable tables that use the instruction fma of x86-64 give the bits of
 * those that call the C library's fma. kernels.c offers only one pair, so this
 * program contains the other.
 */
#include "support/numbers.h"

extern const mlpi_kernels mlpi_kernels_fma_f32, mlpi_kernels_fma_f64;

static const struct {
    const mlpi_kernels *plain, *fma;
} pairs[] = {
    {&mlpi_kernels_portable_f32, &mlpi_kernels_fma_f32},
    {&mlpi_kernels_portable_f64, &mlpi_kernels_fma_f64},
};

enum { PAIRS = sizeof pairs / sizeof pairs[0], N = 4096 };

static void assert_all_same(mlp_dtype dtype, const void *a, const void *b,
                            size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_true(same(get(dtype, a, i), get(dtype, b, i)));
    }
}

static void functions_have_the_same_bits(void **state)
{
    (void)state;
    for (size_t t = 0; t < PAIRS; t++) {
        mlp_dtype dtype = pairs[t].plain->dtype;
        mlp_rng rng = mlp_rng_seeded(1);
        void *x = random_reals(dtype, &rng, N, -30, 30);
        void *a = guarded_alloc(N * size_of(dtype));
        void *b = guarded_alloc(N * size_of(dtype));
        for (int f = MLPI_MAP_EXP; f <= MLPI_MAP_SIGMOID; f++) {
            pairs[t].plain->map((mlpi_elementary)f, N, x, a);
            pairs[t].fma->map((mlpi_elementary)f, N, x, b);
            assert_all_same(dtype, a, b, N);
        }
        for (int f = MLP_ACT_LEAKY_RELU; f <= MLP_ACT_SOFTPLUS; f++) {
            mlpi_activation_args layer = {
                .f = (mlp_activation)f, .slope = 0.3, .m = 1, .n = N};
            pairs[t].plain->activate(&layer, x, a);
            pairs[t].fma->activate(&layer, x, b);
            assert_all_same(dtype, a, b, N);
        }
        guarded_free(b);
        guarded_free(a);
        guarded_free(x);
    }
}

/* C = A B + bias with the given kernels, for contiguous rows. */
static void multiply(const mlpi_kernels *kernels, size_t m, size_t n, size_t k,
                     const void *A, const void *B, const void *bias, void *C)
{
    size_t scratch = kernels->gemm_scratch(m, n, k);
    mlpi_gemm_args product = {
        .m = m,
        .n = n,
        .k = k,
        .bias = bias,
        .C = C,
        .A = {A, k, 1},
        .B = {B, n, 1},
        .scratch = guarded_alloc(scratch * size_of(kernels->dtype))};
    kernels->gemm(&product);
    guarded_free(product.scratch);
}

static void products_have_the_same_bits(void **state)
{
    (void)state;
    enum { MOST = 20 };
    for (size_t t = 0; t < PAIRS; t++) {
        mlp_dtype dtype = pairs[t].plain->dtype;
        mlp_rng rng = mlp_rng_seeded(2);
        for (size_t m = 1; m < MOST; m++) {
            size_t n = MOST - m;
            size_t k = 3 * m;
            void *A = random_reals(dtype, &rng, m * k, -1, 1);
            void *B = random_reals(dtype, &rng, k * n, -1, 1);
            void *bias = random_reals(dtype, &rng, n, -1, 1);
            void *a = guarded_alloc(m * n * size_of(dtype));
            void *b = guarded_alloc(m * n * size_of(dtype));
            multiply(pairs[t].plain, m, n, k, A, B, bias, a);
            multiply(pairs[t].fma, m, n, k, A, B, bias, b);
            assert_all_same(dtype, a, b, m * n);
            guarded_free(b);
            guarded_free(a);
            guarded_free(bias);
            guarded_free(B);
            guarded_free(A);
        }
    }
}

int main(void)
{
    if (!__builtin_cpu_supports("fma")) {
        puts("1..0 # skipped: this machine has no fma");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_have_the_same_bits),
        cmocka_unit_test(products_have_the_same_bits),
    };
    return cmocka_run_group_tests_name("fma tables", tests, NULL, NULL);
}
