/* SPDX-License-Identifier: MIT */
/*
 * The double kernels in plain C, which run on every machine and are the
 * reference that all other tables equal to the bit; and the scalar kernels,
 * which all double tables share. table_tmpl.h describes the parameters.
 */
#define REAL_BITS 64
#define KERNEL_NAME "portable"
#define KERNEL_TABLE mlpi_kernels_portable_f64
#define KERNEL_TABLE_F64 mlpi_kernels_portable_f64
#include "kernels/vec_portable.h"
#include "kernels/table_tmpl.h"
#include "kernels/scalar_tmpl.h"
