/* SPDX-License-Identifier: MIT */
#define REAL_BITS 64
#define OPS_NAME "avx512"
#define OPS_TABLE mlpi_ops_avx512_f64
#define OPS_WIDE mlpi_ops_avx512_f64
#define OPS_LENDER avx2
#define OPS_BORROWS
#include "kernels/vec_avx512.h"
#include "kernels/table_tmpl.h"
