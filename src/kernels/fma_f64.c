/* SPDX-License-Identifier: MIT */
/* The portable double kernels once more, compiled for the instruction fma of
 * x86-64. Without it, fma is a call of the C library. kernels.c chooses by the
 * machine. table_tmpl.h describes the parameters. */
#define REAL_BITS 64
#define KERNEL_NAME "portable"
#define KERNEL_TABLE mlpi_kernels_fma_f64
#define KERNEL_TABLE_F64 mlpi_kernels_fma_f64
#include "kernels/vec_portable.h"
#include "kernels/table_tmpl.h"
