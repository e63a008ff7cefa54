/* SPDX-License-Identifier: MIT */
/*
 * Measures the limits of the machine for a number of threads:
 *
 *   - fused multiply-adds in registers, with the widest vectors, and with 256
 *     bits if the widest have 512;
 *   - the bandwidth of memory by the triad a = b + s c (J. McCalpin, "Memory
 *     Bandwidth and Machine Balance in Current High Performance Computers",
 *     1995);
 *   - the bandwidth of reading the same bytes repeatedly, as many as the
 *     weights of 784-512-512-10 have. Some caches are large enough for them,
 *     others are not.
 *
 * A multiply-add has a latency of about four cycles, and two can begin in each
 * cycle. Twelve independent chains are therefore enough to keep the units busy.
 */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum { CHAINS = 12, ROUNDS = 1000000 };

/* The compiler must not know these numbers. A chain x = x a + b tends to
 * b / (1 - a), so it neither overflows nor becomes subnormal. */
static volatile double factor = 0.999999;
static volatile double term = 1e-3;

#if defined(__x86_64__)

__attribute__((target("avx512f"))) static void fma_512_f32(void *state,
                                                           size_t calls)
{
    volatile double *sink = state;
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
        *sink = (double)_mm512_reduce_add_ps(s[i]);
    }
}

__attribute__((target("avx512f"))) static void fma_512_f64(void *state,
                                                           size_t calls)
{
    volatile double *sink = state;
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
        *sink = _mm512_reduce_add_pd(s[i]);
    }
}

__attribute__((target("avx2,fma"))) static void fma_256_f32(void *state,
                                                            size_t calls)
{
    volatile double *sink = state;
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
        *sink = (double)_mm256_cvtss_f32(s[i]);
    }
}

__attribute__((target("avx2,fma"))) static void fma_256_f64(void *state,
                                                            size_t calls)
{
    volatile double *sink = state;
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
        *sink = _mm256_cvtsd_f64(s[i]);
    }
}

#elif defined(__aarch64__)

static void fma_128_f32(void *state, size_t calls)
{
    volatile double *sink = state;
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
        *sink = (double)vgetq_lane_f32(s[i], 0);
    }
}

static void fma_128_f64(void *state, size_t calls)
{
    volatile double *sink = state;
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
        *sink = vgetq_lane_f64(s[i], 0);
    }
}

#endif

/* ---------------------------------------------------------------------------
 * Threads that all do the same
 */

typedef struct member {
    pthread_t thread;
    void (*run)(void *state, size_t calls);
    void *state; /* memory of this thread alone */
    size_t calls;
} member;

typedef struct crowd {
    member *members;
    size_t n;
} crowd;

static void *work_alone(void *argument)
{
    member *m = argument;
    m->run(m->state, m->calls);
    return NULL;
}

/* Runs all members at the same time. The first one runs in the calling
 * thread. */
static void run_crowd(void *state, size_t calls)
{
    crowd *c = state;
    for (size_t i = 0; i < c->n; i++) {
        c->members[i].calls = calls;
        if (i > 0 && pthread_create(&c->members[i].thread, NULL, work_alone,
                                    &c->members[i]) != 0) {
            mlp_bench_fail("machine", "no thread to be had");
        }
    }
    (void)work_alone(&c->members[0]);
    for (size_t i = 1; i < c->n; i++) {
        (void)pthread_join(c->members[i].thread, NULL);
    }
}

/* A measurement: each thread has `floats` floats of its own, and does `amount`
 * units of work in a call. */
typedef struct probe {
    const char *name, *unit;
    void (*run)(void *state, size_t calls);
    size_t floats;
    double amount;
} probe;

static void measure(bench *b, const probe *p)
{
    static timing t;
    if (b->count > 0 || !mlp_bench_wants(b, p->name)) {
        return;
    }
    member *members = mlp_bench_allocate(b->threads, sizeof *members);
    for (size_t i = 0; i < b->threads; i++) {
        float *floats = mlp_bench_allocate(p->floats, sizeof *floats);
        for (size_t k = 0; k < p->floats; k++) {
            floats[k] = 1.0F;
        }
        members[i] = (member){.run = p->run, .state = floats};
    }
    crowd c = {members, b->threads};
    mlp_bench_repeat(b, &(work){run_crowd, &c}, &t);
    report r =
        mlp_bench_report(p->name, p->unit, p->amount * (double)b->threads);
    r.peer = "machine";
    mlp_bench_print_rate(b, &r, &t);
    for (size_t i = 0; i < b->threads; i++) {
        free(members[i].state);
    }
    free(members);
}

/* Measures multiply-adds. The floats only take the result, so that the compiler
 * cannot leave the work out. */
static void measure_peak(bench *b, const char *name, double lanes,
                         void (*run)(void *, size_t))
{
    measure(b, &(probe){name, "GFLOP/s", run, sizeof(double) / sizeof(float),
                        2e-9 * CHAINS * ROUNDS * lanes});
}

static void peaks(bench *b)
{
#if defined(__x86_64__)
    bool has_256 =
        __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool has_512 = __builtin_cpu_supports("avx512f");
    if (has_512) {
        measure_peak(b, "peak-f32", 16, fma_512_f32);
        measure_peak(b, "peak-f64", 8, fma_512_f64);
    }
    if (has_256) {
        measure_peak(b, has_512 ? "peak-256-f32" : "peak-f32", 8, fma_256_f32);
        measure_peak(b, has_512 ? "peak-256-f64" : "peak-f64", 4, fma_256_f64);
    }
#elif defined(__aarch64__)
    measure_peak(b, "peak-f32", 4, fma_128_f32);
    measure_peak(b, "peak-f64", 2, fma_128_f64);
#else
    (void)b;
    (void)measure_peak;
    (void)factor;
    (void)term;
#endif
}

/* ---------------------------------------------------------------------------
 * Memory
 */

/* The number of floats in each of the three arrays of the triad. Together they
 * have 288 MB, more than any cache. */
enum { TRIAD = 24000000 };

/* The number of weights of 784-512-512-10. */
enum { WEIGHTS = 784 * 512 + 512 * 512 + 512 * 10 };

static void triad(void *state, size_t calls)
{
    float *a = state;
    const float *b = a + TRIAD;
    const float *c = b + TRIAD;
    for (size_t r = 0; r < calls; r++) {
        for (size_t i = 0; i < TRIAD; i++) {
            a[i] = b[i] + 0.5F * c[i];
        }
        *(volatile float *)a = a[r % TRIAD];
    }
}

/* Adds the floats as integers. The order of integer additions does not matter,
 * so the compiler can use vectors. */
static void read_all(void *state, size_t calls)
{
    enum { LANES = 64 };
    const uint32_t *words = state;
    volatile uint32_t *sink = state;
    uint32_t sums[LANES] = {0};
    for (size_t r = 0; r < calls; r++) {
        for (size_t i = 0; i + LANES <= WEIGHTS; i += LANES) {
            for (size_t k = 0; k < LANES; k++) {
                sums[k] += words[i + k];
            }
        }
        *sink = sums[r % LANES];
    }
}

void mlp_bench_machine(bench *b)
{
    peaks(b);
    measure(b, &(probe){"triad", "GB/s", triad, 3 * (size_t)TRIAD,
                        3e-9 * TRIAD * sizeof(float)});
    measure(b, &(probe){"read", "GB/s", read_all, WEIGHTS,
                        1e-9 * WEIGHTS * sizeof(float)});
}
