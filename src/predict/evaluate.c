/* SPDX-License-Identifier: MIT */
/*
 * Scores, chunk by chunk. Each chunk of rows is predicted, and its loss terms
 * and right labels are added up, before the next chunk overwrites the buffers:
 *
 *     for each chunk:
 *         A = network(X);  Y = targets, in the network's units
 *         sum += loss terms of (A, Y)
 *         correct += labels of A that are those of Y
 *     loss = sum / terms;  accuracy = correct / (rows * labels of a row)
 *
 * A chunk has a multiple of MLPI_LANES rows, so each loss term is added to the
 * same of the eight lanes whatever the size of the chunks is.
 */
#include "predict/evaluate.h"

#include <math.h>

#include "base/error.h"
#include "model/data_check.h"
#include "model/loss.h"
#include "predict/predict.h"

void mlpi_eval_rows_select(mlpi_eval_rows *rows, size_t first, size_t m)
{
    rows->m = m;
    if (rows->order) {
        rows->order += first;
    } else {
        mlpi_cut_rows(&rows->X, first, m);
        mlpi_cut_rows(&rows->Y, first, m);
    }
}

/* Computes Z and A of a chunk, and its targets Y, all in the network's units.
 */
static void predict_with_targets(const mlp_net *net,
                                 const mlpi_predict_buffers *buffers,
                                 const mlpi_eval_rows *chunk)
{
    mlpi_predict_chunk(net, buffers, &chunk->X, chunk->order, chunk->m);
    mlpi_targets targets = {
        .m = chunk->m, .Y = &chunk->Y, .order = chunk->order};
    mlpi_loss_targets(net, &targets, buffers->Y);
}

/* Counts the labels of a predicted chunk that are right. Only bce and cce have
 * labels; their targets are never scaled. */
static size_t count_correct(const mlp_net *net,
                            const mlpi_predict_buffers *buffers, size_t m)
{
    size_t n = mlpi_net_outputs(net);
    return net->loss == MLP_LOSS_CCE
               ? net->kernels->scalar->count_correct_rows(m, n, buffers->A,
                                                          buffers->Y)
               : net->kernels->scalar->count_correct(m * n, buffers->A,
                                                     buffers->Y);
}

void mlpi_evaluate_sums(const mlp_net *net, const mlp_workspace *workspace,
                        const mlpi_eval_rows *rows, mlpi_score_sums *sums)
{
    const mlpi_predict_buffers *buffers = &workspace->buffers;
    mlpi_loss_sum sum = {.weight = 0};
    bool has_labels = !mlpi_is_regression(net->loss);
    size_t correct = 0;
    for (size_t i = 0, m = 0; i < rows->m; i += m) {
        m = mlpi_min_size(rows->m - i, workspace->rows);
        mlpi_eval_rows chunk = *rows;
        mlpi_eval_rows_select(&chunk, i, m);
        predict_with_targets(net, buffers, &chunk);
        mlpi_loss_add(
            &sum, net,
            &(mlpi_loss_args){
                .m = m, .Z = buffers->Z, .A = buffers->A, .Y = buffers->Y});
        if (has_labels) {
            correct += count_correct(net, buffers, m);
        }
    }
    sums->loss = mlpi_join_lanes(sum.lanes);
    sums->rows = (double)rows->m;
    sums->correct = (double)correct;
}

void mlpi_scores_of(const mlp_net *net, const mlpi_score_sums *sums,
                    mlp_scores *scores)
{
    const mlpi_loss_sum sum = {.lanes = {sums->loss}, .weight = sums->rows};
    /* The whole struct is set, so that its reserved words are 0. */
    double labels = sums->rows * (double)mlpi_label_columns(net);
    *scores = (mlp_scores){.loss = mlpi_loss_mean(net, &sum),
                           .accuracy = mlpi_is_regression(net->loss)
                                           ? (double)NAN
                                           : sums->correct / labels};
}

void mlpi_evaluate(const mlp_net *net, const mlp_workspace *workspace,
                   const mlpi_eval_rows *rows, mlp_scores *scores)
{
    mlpi_score_sums sums;
    mlpi_evaluate_sums(net, workspace, rows, &sums);
    mlpi_scores_of(net, &sums, scores);
}

/* Values are checked before: a score of NaN for one bad target among millions
 * would help nobody. */
mlp_status mlp_evaluate(const mlp_net *net, mlp_cview X, mlp_cview Y,
                        mlp_scores *scores)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, scores, "the place for the scores"));
    TRY(mlpi_check_shapes(net, &net->hooks, &X, &Y));
    TRY(mlpi_check_values(net, &net->hooks, &X, &Y));
    mlp_workspace *ws = NULL;
    TRY(mlpi_workspace_make(net, X.rows, &ws));
    mlpi_evaluate(net, ws, &(mlpi_eval_rows){.m = X.rows, .X = X, .Y = Y},
                  scores);
    mlp_workspace_free(ws);
    return MLP_OK;
}
