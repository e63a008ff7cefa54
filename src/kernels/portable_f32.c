/* SPDX-License-Identifier: MIT */
/*
 * The float kernels in plain C, which run on every machine and are the
 * reference that all other tables equal to the bit; and the scalar kernels,
 * which all float tables share. table_tmpl.h describes the parameters.
 */
#define REAL_BITS 32
#define KERNEL_NAME "portable"
#define KERNEL_TABLE mlpi_kernels_portable_f32
#define KERNEL_TABLE_F64 mlpi_kernels_portable_f64
#include "kernels/vec_portable.h"
#include "kernels/table_tmpl.h"
#include "kernels/scalar_tmpl.h"
