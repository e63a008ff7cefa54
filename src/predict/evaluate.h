/* SPDX-License-Identifier: MIT */
/*
 * The loss and the accuracy of a network over rows with known targets:
 *
 *     loss      J, the mean of the loss terms over all rows
 *     accuracy  (labels that are right) / (rows * labels of a row)
 *
 * The loss is the one that training minimizes, in the network's units (scaled
 * targets), but without penalties, dropout, label smoothing and row weights: it
 * tells how good the network is, not how it was trained.
 *
 * A label is a class: with cce the index of the largest output of a row, with
 * bce, for each output, whether it is at least 0.5. The other losses have
 * targets that are quantities, not classes, so their accuracy is NaN.
 */
#ifndef MLPI_PREDICT_EVALUATE_H
#define MLPI_PREDICT_EVALUATE_H

#include "predict/workspace.h"

/* Rows to be scored: rows order[0..m-1] of X and Y, or their first m rows if
 * `order` is NULL. With an order, rows that a fit holds out of its data can be
 * scored where they are, without a copy. */
typedef struct mlpi_eval_rows {
    size_t m;
    mlp_cview X; /* (rows, n[0]) */
    mlp_cview Y; /* (rows, n[L]), or (rows, 1) of MLP_I32 with cce */
    const size_t *order;
} mlpi_eval_rows;

/* Sums over some rows, from which scores are computed. */
typedef struct mlpi_score_sums {
    double loss;    /* of the loss terms */
    double rows;    /* how many */
    double correct; /* labels that are right */
} mlpi_score_sums;

/* Reduces *rows to m of them, beginning with number `first`. */
void mlpi_eval_rows_select(mlpi_eval_rows *rows, size_t first, size_t m);

/* Computes the sums of checked rows, 0 or more, as mlpi_evaluate does. */
void mlpi_evaluate_sums(const mlp_net *net, const mlp_workspace *workspace,
                        const mlpi_eval_rows *rows, mlpi_score_sums *sums);

/* Computes the scores of one row or more from their sums. */
void mlpi_scores_of(const mlp_net *net, const mlpi_score_sums *sums,
                    mlp_scores *scores);

/* Computes the scores of m >= 1 checked rows as mlp_evaluate does, without
 * allocating. The loss is NaN or infinite if outputs are. The bits of the
 * scores do not depend on the size of the workspace's chunks; its threads are
 * not used. */
void mlpi_evaluate(const mlp_net *net, const mlp_workspace *workspace,
                   const mlpi_eval_rows *rows, mlp_scores *scores);

#endif
