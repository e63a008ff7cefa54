/* SPDX-License-Identifier: MIT */
#define REAL_BITS 32
#define OPS_NAME "portable"
#define OPS_TABLE mlpi_ops_portable_f32
#define OPS_WIDE mlpi_ops_portable_f64
#define OPS_LENDER portable
#include "vec_portable.h"
#include "ops_tmpl.h"
#include "plain_tmpl.h"
