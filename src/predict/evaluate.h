/* SPDX-License-Identifier: MIT */
/* Scores, for those who have a workspace and checked data. */
#ifndef MLPI_PREDICT_EVALUATE_H
#define MLPI_PREDICT_EVALUATE_H

#include "predict/workspace.h"

/* Rows order[0..m-1] of X and Y, or 0..m-1 if that is NULL. */
typedef struct mlpi_eval_rows {
    size_t m;
    mlp_cview X, Y;
    const size_t *order;
} mlpi_eval_rows;

/* mlp_evaluate without its checks and without allocating. Scores do not depend
 * on the workspace. */
void mlpi_evaluate(const mlp_net *net, const mlp_workspace *workspace,
                   const mlpi_eval_rows *rows, mlp_scores *scores);

#endif
