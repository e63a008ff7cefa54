/* SPDX-License-Identifier: MIT */
#define REAL_BITS 64
#define OPS_NAME "portable"
#define OPS_TABLE mlpi_ops_portable_f64
#define OPS_WIDE mlpi_ops_portable_f64
#define OPS_LENDER portable
#include "kernels/vec_portable.h"
#include "kernels/table_tmpl.h"
#include "kernels/scalar_tmpl.h"
