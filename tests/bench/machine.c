/* SPDX-License-Identifier: MIT */
/*
 * What one core of the machine can do: fused multiply-adds in registers, of
 * the widest vectors and (where those have 512 bits) of 256 bits, and the
 * memory's bandwidth by the triad a = b + s c (J. McCalpin, "Memory Bandwidth
 * and Machine Balance in Current High Performance Computers", 1995).
 *
 * A multiply-add takes about four cycles and two begin in each, so twelve
 * independent chains keep the units busy.
 */
#include "bench.h"

#include <math.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum { CHAINS = 12, ROUNDS = 1000000 };

/* Not known to the compiler; a chain x = x a + b tends to b / (1 - a). */
static volatile double factor = 0.999999;
static volatile double term = 1e-3;
static volatile double sink;

#if defined(__x86_64__)

__attribute__((target("avx512f"))) static void fma_512_f32(void *state,
                                                           size_t calls)
{
    (void)state;
    __m512 a = _mm512_set1_ps((float)factor);
    __m512 b = _mm512_set1_ps((float)term);
    __m512 s[CHAINS];
    for (int i = 0; i < CHAINS; i++) {
        s[i] = _mm512_set1_ps((float)i);
    }
    for (size_t r = 0; r < calls * ROUNDS; r++) {
        for (int i = 0; i < CHAINS; i++) {
            s[i] = _mm512_fmadd_ps(s[i], a, b);
        }
    }
    for (int i = 0; i < CHAINS; i++) {
        sink = (double)_mm512_reduce_add_ps(s[i]);
    }
}

__attribute__((target("avx512f"))) static void fma_512_f64(void *state,
                                                           size_t calls)
{
    (void)state;
    __m512d a = _mm512_set1_pd(factor);
    __m512d b = _mm512_set1_pd(term);
    __m512d s[CHAINS];
    for (int i = 0; i < CHAINS; i++) {
        s[i] = _mm512_set1_pd(i);
    }
    for (size_t r = 0; r < calls * ROUNDS; r++) {
        for (int i = 0; i < CHAINS; i++) {
            s[i] = _mm512_fmadd_pd(s[i], a, b);
        }
    }
    for (int i = 0; i < CHAINS; i++) {
        sink = _mm512_reduce_add_pd(s[i]);
    }
}

__attribute__((target("avx2,fma"))) static void fma_256_f32(void *state,
                                                            size_t calls)
{
    (void)state;
    __m256 a = _mm256_set1_ps((float)factor);
    __m256 b = _mm256_set1_ps((float)term);
    __m256 s[CHAINS];
    for (int i = 0; i < CHAINS; i++) {
        s[i] = _mm256_set1_ps((float)i);
    }
    for (size_t r = 0; r < calls * ROUNDS; r++) {
        for (int i = 0; i < CHAINS; i++) {
            s[i] = _mm256_fmadd_ps(s[i], a, b);
        }
    }
    for (int i = 0; i < CHAINS; i++) {
        sink = (double)_mm256_cvtss_f32(s[i]);
    }
}

__attribute__((target("avx2,fma"))) static void fma_256_f64(void *state,
                                                            size_t calls)
{
    (void)state;
    __m256d a = _mm256_set1_pd(factor);
    __m256d b = _mm256_set1_pd(term);
    __m256d s[CHAINS];
    for (int i = 0; i < CHAINS; i++) {
        s[i] = _mm256_set1_pd(i);
    }
    for (size_t r = 0; r < calls * ROUNDS; r++) {
        for (int i = 0; i < CHAINS; i++) {
            s[i] = _mm256_fmadd_pd(s[i], a, b);
        }
    }
    for (int i = 0; i < CHAINS; i++) {
        sink = _mm256_cvtsd_f64(s[i]);
    }
}

#elif defined(__aarch64__)

static void fma_128_f32(void *state, size_t calls)
{
    (void)state;
    float32x4_t a = vdupq_n_f32((float)factor);
    float32x4_t b = vdupq_n_f32((float)term);
    float32x4_t s[CHAINS];
    for (int i = 0; i < CHAINS; i++) {
        s[i] = vdupq_n_f32((float)i);
    }
    for (size_t r = 0; r < calls * ROUNDS; r++) {
        for (int i = 0; i < CHAINS; i++) {
            s[i] = vfmaq_f32(s[i], b, a);
        }
    }
    for (int i = 0; i < CHAINS; i++) {
        sink = (double)vgetq_lane_f32(s[i], 0);
    }
}

static void fma_128_f64(void *state, size_t calls)
{
    (void)state;
    float64x2_t a = vdupq_n_f64(factor);
    float64x2_t b = vdupq_n_f64(term);
    float64x2_t s[CHAINS];
    for (int i = 0; i < CHAINS; i++) {
        s[i] = vdupq_n_f64(i);
    }
    for (size_t r = 0; r < calls * ROUNDS; r++) {
        for (int i = 0; i < CHAINS; i++) {
            s[i] = vfmaq_f64(s[i], b, a);
        }
    }
    for (int i = 0; i < CHAINS; i++) {
        sink = vgetq_lane_f64(s[i], 0);
    }
}

#endif

static void measure(bench *b, const char *name, size_t lanes,
                    void (*run)(void *, size_t))
{
    static timing t;
    if (b->count > 0 || !mlp_bench_wants(b, name)) {
        return;
    }
    double gflop = 2e-9 * CHAINS * ROUNDS * (double)lanes;
    mlp_bench_repeat(b, &(work){run, NULL}, &t);
    mlp_bench_print_rate(&(report){.name = name,
                                   .peer = "machine",
                                   .unit = "GFLOP/s",
                                   .amount = gflop,
                                   .loss = NAN},
                         &t);
}

static void peaks(bench *b)
{
#if defined(__x86_64__)
    bool has_256 =
        __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool has_512 = __builtin_cpu_supports("avx512f");
    if (has_512) {
        measure(b, "peak-f32", 16, fma_512_f32);
        measure(b, "peak-f64", 8, fma_512_f64);
    }
    if (has_256) {
        measure(b, has_512 ? "peak-256-f32" : "peak-f32", 8, fma_256_f32);
        measure(b, has_512 ? "peak-256-f64" : "peak-f64", 4, fma_256_f64);
    }
#elif defined(__aarch64__)
    measure(b, "peak-f32", 4, fma_128_f32);
    measure(b, "peak-f64", 2, fma_128_f64);
#else
    (void)b;
    (void)measure;
    (void)factor;
    (void)term;
#endif
}

/* Three arrays of 96 MB each, more than caches hold. */
enum { TRIAD = 24000000 };

static void triad(void *state, size_t calls)
{
    float *a = state;
    const float *b = a + TRIAD;
    const float *c = b + TRIAD;
    for (size_t r = 0; r < calls; r++) {
        for (size_t i = 0; i < TRIAD; i++) {
            a[i] = b[i] + 0.5F * c[i];
        }
        sink = (double)a[r % TRIAD];
    }
}

static void bandwidth(bench *b)
{
    static timing t;
    if (b->count > 0 || !mlp_bench_wants(b, "triad")) {
        return;
    }
    float *arrays = mlp_bench_allocate(3 * (size_t)TRIAD, sizeof *arrays);
    for (size_t i = 0; i < 3 * (size_t)TRIAD; i++) {
        arrays[i] = 1.0F;
    }
    mlp_bench_repeat(b, &(work){triad, arrays}, &t);
    mlp_bench_print_rate(&(report){.name = "triad",
                                   .peer = "machine",
                                   .unit = "GB/s",
                                   .amount = 3e-9 * TRIAD * sizeof *arrays,
                                   .loss = NAN},
                         &t);
    free(arrays);
}

void mlp_bench_machine(bench *b)
{
    peaks(b);
    bandwidth(b);
}
