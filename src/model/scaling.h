/* SPDX-License-Identifier: MIT */
/*
 * Standardisation as a part of the network (chapter 5.1), column by column,
 * with mean and std (standard deviation) of the training data:
 *
 *     x' = (x - mean) / std         inputs and targets
 *     a  = a' * std + mean          outputs
 *
 * Without it a column of large numbers dominates the gradients, and a network
 * with the usual initial weights hardly learns. The network holds mean and std,
 * and model files contain them, so a saved model is always used with the right
 * scaling.
 *
 * With gaussian_nll the second half of the outputs are logarithms of variances,
 * and a variance is scaled by std^2:
 *
 *     s = s' + 2 log(std), which is s' * 1 + 2 log(std)
 *
 * So the scaling of outputs has n[L] columns, of which the caller sets those of
 * the means, and the others get mean 2 log(std) and std 1. Whoever applies it
 * need not know which is which.
 *
 * scaling.c only sets mean and std. The formulas are applied elsewhere:
 *
 *     inputs     the kernel load_rows (kernels/load_rows_tmpl.h), which copies
 *                rows of the caller's data and standardises them on the way;
 *                called by train/step_worker.c and predict/predict.c
 *     targets    the same kernel, called by model/loss.c
 *     outputs    the kernel inverse_standardise (kernels/scalar_tmpl.h), called
 *                by mlpi_unscale_outputs (predict/predict.h)
 *
 * (A kernel is a function of kernels/kernels.h.) A network can learn its
 * scaling in two ways: the caller asks for it (mlp_net_standardise), or the
 * first fit does it with the rows that it trains on (train/fit.c). After that
 * the scaling stays, because the weights belong to it.
 *
 * Mean and std are rounded to the network's precision when they are set, and
 * the getters return the rounded numbers. A column of equal numbers gets std 1,
 * so that it becomes 0 instead of NaN. A column that differs by no more than
 * the rounding of its numbers counts as one of equal numbers: 0.3 and 0.1 + 0.2
 * differ in the last bit, and to divide by that difference would make a huge
 * number of every later input that is a little farther away.
 *
 * Example: the column 1, 2, 3, 6 has mean 3 and variance 14 / 4 = 3.5, so its
 * std is 1.871, and 6 becomes 1.604.
 */
#ifndef MLPI_MODEL_SCALING_H
#define MLPI_MODEL_SCALING_H

#include "model/net.h"

/* Sets a scaling of `net`, net->in or net->out, from m rows: those that `order`
 * names or, if it is NULL, the first m. The rows have been checked: they have a
 * column for each input or target, all numbers are finite, and m is at least 1.
 * The sums of a column are computed in double, in the order of the rows, so the
 * scaling has the same bits on every machine. It depends on the order of the
 * rows only by rounding errors. */
void mlpi_scaling_learn(const mlp_net *net, mlpi_scaling *to, mlp_cview rows,
                        const size_t *order, size_t m);

/* Sets a scaling of n columns, from column `first` on, to these moments, and
 * rounds them to the network's precision. A std that is only rounding becomes
 * 1. Unless *hinted is true, a column that hardly varies gives a hint, and sets
 * it. */
void mlpi_scaling_set(const mlp_net *net, mlpi_scaling *to, size_t first,
                      size_t n, double *mean, double *std, bool *hinted);

/* Returns the columns of `rows`, a matrix of the network's precision, from
 * `first` on; at most MLPI_MOMENT_COLUMNS of them, so that their moments fit on
 * the stack. */
mlp_cview mlpi_scaling_columns(const mlp_net *net, mlp_cview rows,
                               size_t first);

/* Returns y' of a target y in column j, in double. If the network does not
 * scale targets, y' is y. */
double mlpi_scaled_target(const mlp_net *net, size_t j, double y);

#endif
