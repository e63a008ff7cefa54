/* SPDX-License-Identifier: MIT */
/*
 * One kernel table: the templates, then the struct that names their functions.
 * Parameters: REAL_BITS (32 or 64), KERNEL_NAME (text), KERNEL_TABLE and KERNEL_TABLE_F64
 * (the names of this table and of the f64 one); and a vocabulary,
 * included before.
 */
#include "kernels/kernels.h"

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
#include "kernels/gemm_tmpl.h"
#include "kernels/column_sums_tmpl.h"
#include "kernels/softmax_tmpl.h"
#include "kernels/activation_functions_tmpl.h"
#include "kernels/activation_tmpl.h"
#include "kernels/predict_row_tmpl.h"
#include "kernels/loss_tmpl.h"
#include "kernels/gather_tmpl.h"
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
    .loss_terms = loss_terms,
    .cce_lanes = cce_lanes,
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
    .predict_row = predict_row,
    .largest = largest,
    .loss_gradient = loss_gradient,
    .difference = difference,
    .cce_gradient = cce_gradient,
    .affine = affine,
    .dropout = dropout,
    .moments = moments,
    .normalise = normalise,
    .normalise_sums = normalise_sums,
    .normalise_backward = normalise_backward,
    .sgd_step = sgd_step,
    .optimizer_step = optimizer_step,
    .penalise = penalise,
    .gather = gather,
    .to_double = to_double,
    .find_not_finite = find_not_finite,
    .is_finite = is_finite,
    .products_stay_finite = products_stay_finite,
};
