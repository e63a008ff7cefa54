/* SPDX-License-Identifier: MIT */
/*
 * The choice of a kernel table: which tables were compiled into the library,
 * and which of them this machine can run.
 *
 * The answer is not cached in a variable. A network searches when it is created
 * and keeps the pointer, so the library has no global state that threads would
 * have to guard. The order of the list is the order of speed, and a search for
 * the best table takes the last one that runs.
 */
#include "kernels/kernels.h"

#include <string.h>

/* CMake defines MLPI_HAVE_<ISA> for this file if it compiled the tables of that
 * instruction set. The functions runs_<isa> must ask for every extension that
 * the compiler flags in src/CMakeLists.txt allow. Only prefetchw is not asked
 * for, because CPUs without it ignore the instruction. */
#ifdef MLPI_HAVE_AVX2
extern const mlpi_kernels mlpi_kernels_avx2_f32, mlpi_kernels_avx2_f64;

static bool runs_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

#ifdef MLPI_HAVE_AVX512
extern const mlpi_kernels mlpi_kernels_avx512_f32, mlpi_kernels_avx512_f64;

/* The AVX-512 tables are compiled with AVX2 and FMA too. */
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

/* NEON is a part of every AArch64. */
static bool runs_neon(void)
{
    return true;
}
#endif

#ifdef MLPI_HAVE_FMA
extern const mlpi_kernels mlpi_kernels_fma_f32, mlpi_kernels_fma_f64;

static bool runs_fma(void)
{
    return __builtin_cpu_supports("fma");
}
#endif

/* Two pairs of tables have the name "portable" if one of them uses the
 * instruction fma. The machine has exactly one of them. */
static bool runs_portable(void)
{
#ifdef MLPI_HAVE_FMA
    return !runs_fma();
#else
    return true;
#endif
}

/* The order is from the slowest to the fastest. */
static const struct {
    const mlpi_kernels *f32, *f64;
    bool (*runs)(void); /* true if this machine can run both */
} tables[] = {
    {&mlpi_kernels_portable_f32, &mlpi_kernels_portable_f64, runs_portable},
#ifdef MLPI_HAVE_FMA
    {&mlpi_kernels_fma_f32, &mlpi_kernels_fma_f64, runs_fma},
#endif
#ifdef MLPI_HAVE_NEON
    {&mlpi_kernels_neon_f32, &mlpi_kernels_neon_f64, runs_neon},
#endif
#ifdef MLPI_HAVE_AVX2
    {&mlpi_kernels_avx2_f32, &mlpi_kernels_avx2_f64, runs_avx2},
#endif
#ifdef MLPI_HAVE_AVX512
    {&mlpi_kernels_avx512_f32, &mlpi_kernels_avx512_f64, runs_avx512},
#endif
};

/* Counts only the tables that run, so that index 0, 1, ... has no gaps. */
const mlpi_kernels *mlpi_kernels_get(mlp_dtype dtype, size_t index)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (tables[i].runs() && index-- == 0) {
            return dtype == MLP_F32 ? tables[i].f32 : tables[i].f64;
        }
    }
    return NULL;
}

/* Without a name the loop ends with the last table that runs, the fastest. */
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

/* Every instruction set has tables of both precisions, so either list gives all
 * names. */
const char *mlp_kernels(size_t index)
{
    const mlpi_kernels *kernels = mlpi_kernels_get(MLP_F64, index);
    return kernels ? kernels->name : NULL;
}
