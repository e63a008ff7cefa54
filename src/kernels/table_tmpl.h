/* SPDX-License-Identifier: MIT */
/*
 * One kernel table: includes all vector templates and fills the struct with
 * their functions. Each table is a translation unit of its own, so the
 * functions are static and have the same plain names in every table; the
 * debugger and grep find them by these names.
 *
 * This file is a template. A table file, such as avx2_f32.c, defines its
 * parameters and includes a vocabulary before it:
 *
 *   REAL_BITS          32 or 64: the precision
 *   KERNEL_NAME        the name of the instruction set, as a string
 *   KERNEL_TABLE       the variable that is defined here
 *   KERNEL_TABLE_F64   the f64 table of the same instruction set
 *   vec_<isa>.h        the types real and vec, VLEN, and the operations that
 *                      vec_portable.h describes
 *
 * The order of the includes matters: a template uses functions of those before
 * it, and its head says which.
 */
#include "kernels/kernels.h"

/* This struct holds the functions without vectors, which all tables of a
 * precision share. */
#if REAL_BITS == 32
#define SCALAR_KERNELS mlpi_scalar_f32
#else
#define SCALAR_KERNELS mlpi_scalar_f64
#endif

#include "kernels/loops_tmpl.h"
#include "kernels/elementary_tmpl.h"
#include "kernels/optimizer_step_tmpl.h"
#include "kernels/gemm_small_tmpl.h"
#include "kernels/gemm_pack_tmpl.h"
#include "kernels/gemm_microkernel_tmpl.h"
#include "kernels/gemm_finish_tmpl.h"
#include "kernels/gemm_lanes_tmpl.h"
#include "kernels/gemm_tmpl.h"
#include "kernels/column_sums_tmpl.h"
#include "kernels/softmax_tmpl.h"
#include "kernels/activation_functions_tmpl.h"
#include "kernels/activation_tmpl.h"
#include "kernels/predict_row_tmpl.h"
#include "kernels/loss_tmpl.h"
#include "kernels/load_rows_tmpl.h"
#include "kernels/penalty_tmpl.h"
#include "kernels/dropout_tmpl.h"
#include "kernels/batch_norm_tmpl.h"

extern const mlpi_kernels KERNEL_TABLE, KERNEL_TABLE_F64;

const mlpi_kernels KERNEL_TABLE = {
    .name = KERNEL_NAME,
#if REAL_BITS == 32
    .dtype = MLP_F32,
#else
    .dtype = MLP_F64,
    /* Losses and norms are always added in double. */
    .loss_terms = loss_terms,
    .cce_sums = cce_sums,
    .add_products = add_products,
    .add_magnitudes = add_magnitudes,
#endif
    .real_size = sizeof(real),
    .f64 = &KERNEL_TABLE_F64,
    .scalar = &SCALAR_KERNELS,
    .map = map,
    .gemm_scratch = gemm_scratch,
    .gemm = gemm,
    .gemm_select = gemm_select,
    .column_sums = column_sums,
    .activate = activate,
    .activate_backward = activate_backward,
    .scale_rows = scale_rows,
    .predict_row = predict_row,
    .loss_gradient = loss_gradient,
    .column_loss_gradient = column_loss_gradient,
    .difference = difference,
    .cce_gradient = cce_gradient,
    .scale_and_shift = scale_and_shift,
    .dropout = dropout,
    .moments = moments,
    .normalise = normalise,
    .normalise_sums = normalise_sums,
    .normalise_backward = normalise_backward,
    .sgd_step = sgd_step,
    .optimizer_step = optimizer_step,
    .penalise = penalise,
    .add_arrays = add_arrays,
    .load_rows = load_rows,
    .to_double = to_double,
    .find_not_finite = find_not_finite,
    .is_finite = is_finite,
    .products_stay_finite = products_stay_finite,
};
