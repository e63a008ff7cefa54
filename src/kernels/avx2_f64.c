/* SPDX-License-Identifier: MIT */
#define REAL_BITS 64
#define OPS_NAME "avx2"
#define OPS_TABLE mlpi_ops_avx2_f64
#define OPS_WIDE mlpi_ops_avx2_f64
#define OPS_LENDER avx2
#include "kernels/vec_avx2.h"
#include "kernels/table_tmpl.h"
