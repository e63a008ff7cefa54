/* SPDX-License-Identifier: MIT */
#define REAL_BITS 64
#define KERNEL_NAME "portable"
#define KERNEL_TABLE mlpi_kernels_portable_f64
#define KERNEL_TABLE_F64 mlpi_kernels_portable_f64
#include "kernels/vec_portable.h"
#include "kernels/table_tmpl.h"
#include "kernels/scalar_tmpl.h"
