/* SPDX-License-Identifier: MIT */
/*
 * Which kernel tables this machine can run. Nothing is cached: a network asks
 * once, when it is made, so there is no global state to guard.
 */
#include "kernels/kernels.h"

#include <string.h>

/* The build defines MLPI_HAVE_<ISA> for the tables that it compiled. */
#ifdef MLPI_HAVE_AVX2
extern const mlpi_kernels mlpi_kernels_avx2_f32, mlpi_kernels_avx2_f64;

static bool runs_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

#ifdef MLPI_HAVE_AVX512
extern const mlpi_kernels mlpi_kernels_avx512_f32, mlpi_kernels_avx512_f64;

static bool runs_avx512(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq");
}
#endif

#ifdef MLPI_HAVE_NEON
extern const mlpi_kernels mlpi_kernels_neon_f32, mlpi_kernels_neon_f64;
#endif

static bool runs_anywhere(void)
{
    return true;
}

/* Slowest first. */
static const struct {
    const mlpi_kernels *f32, *f64;
    bool (*runs)(void);
} tables[] = {
    {&mlpi_kernels_portable_f32, &mlpi_kernels_portable_f64, runs_anywhere},
#ifdef MLPI_HAVE_NEON
    {&mlpi_kernels_neon_f32, &mlpi_kernels_neon_f64, runs_anywhere},
#endif
#ifdef MLPI_HAVE_AVX2
    {&mlpi_kernels_avx2_f32, &mlpi_kernels_avx2_f64, runs_avx2},
#endif
#ifdef MLPI_HAVE_AVX512
    {&mlpi_kernels_avx512_f32, &mlpi_kernels_avx512_f64, runs_avx512},
#endif
};

const mlpi_kernels *mlpi_kernels_get(mlp_dtype dtype, size_t index)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (!tables[i].runs()) {
            continue;
        }
        if (index == 0) {
            return dtype == MLP_F32 ? tables[i].f32 : tables[i].f64;
        }
        index--;
    }
    return NULL;
}

const mlpi_kernels *mlpi_kernels_find(mlp_dtype dtype, const char *name)
{
    const mlpi_kernels *found = NULL;
    const mlpi_kernels *kernels = NULL;
    for (size_t i = 0; (kernels = mlpi_kernels_get(dtype, i)) != NULL; i++) {
        if (!name || strcmp(kernels->name, name) == 0) {
            found = kernels;
        }
    }
    return found;
}

const char *mlp_kernels(size_t index)
{
    const mlpi_kernels *kernels = mlpi_kernels_get(MLP_F64, index);
    return kernels ? kernels->name : NULL;
}
