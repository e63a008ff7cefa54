/* SPDX-License-Identifier: MIT */
#define REAL_BITS 32
#define OPS_NAME "neon"
#define OPS_TABLE mlpi_ops_neon_f32
#define OPS_WIDE mlpi_ops_neon_f64
#define OPS_LENDER neon
#include "kernels/vec_neon.h"
#include "kernels/table_tmpl.h"
