/* SPDX-License-Identifier: MIT */
/* The float kernels for AVX2 and FMA: vectors of 256 bits.
 * table_tmpl.h describes the parameters. */
#define REAL_BITS 32
#define KERNEL_NAME "avx2"
#define KERNEL_TABLE mlpi_kernels_avx2_f32
#define KERNEL_TABLE_F64 mlpi_kernels_avx2_f64
#include "kernels/vec_avx2.h"
#include "kernels/table_tmpl.h"
