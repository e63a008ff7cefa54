/* SPDX-License-Identifier: MIT */
/* The float kernels for AVX-512 (F, VL, DQ): vectors of 512 bits.
 * table_tmpl.h describes the parameters. */
#define REAL_BITS 32
#define KERNEL_NAME "avx512"
#define KERNEL_TABLE mlpi_kernels_avx512_f32
#define KERNEL_TABLE_F64 mlpi_kernels_avx512_f64
#include "kernels/vec_avx512.h"
#include "kernels/table_tmpl.h"
