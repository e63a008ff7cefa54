/* SPDX-License-Identifier: MIT */
/* The double kernels for NEON on AArch64: vectors of 128 bits.
 * table_tmpl.h describes the parameters. */
#define REAL_BITS 64
#define KERNEL_NAME "neon"
#define KERNEL_TABLE mlpi_kernels_neon_f64
#define KERNEL_TABLE_F64 mlpi_kernels_neon_f64
#include "kernels/vec_neon.h"
#include "kernels/table_tmpl.h"
