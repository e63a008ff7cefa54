/* SPDX-License-Identifier: MIT */
#include "predict/evaluate.h"

#include "model/data_check.h"
#include "model/loss.h"
#include "predict/predict.h"
#include "base/error.h"

/* What is to be scored becomes its rows [i, i + m). */
static void cut(mlpi_eval_rows *rows, size_t i, size_t m)
{
    rows->m = m;
    if (rows->order) {
        rows->order += i;
    } else {
        mlpi_cut_rows(&rows->X, i, m);
        mlpi_cut_rows(&rows->Y, i, m);
    }
}

/* Such rows and their targets, on the buffers. */
static void run_scored(const mlp_net *net, const mlpi_predict_buffers *buffers,
                       const mlpi_eval_rows *part)
{
    mlpi_predict_chunk(net, buffers, &part->X, part->order, part->m);
    mlpi_targets targets = {.m = part->m, .Y = &part->Y, .order = part->order};
    mlpi_loss_targets(net, &targets, buffers->Y);
}

/* How many classes of the rows on the buffers are right? They are of the caller's
 * numbers. */
static size_t count_hits(const mlp_net *net,
                         const mlpi_predict_buffers *buffers,
                         const mlpi_eval_rows *part)
{
    size_t m = part->m;
    size_t n = mlpi_net_outputs(net);
    if (net->out.scales) {
        mlpi_unscale_outputs(net, m, buffers->A);
        net->kernels->gather(&(mlpi_gather){.m = m,
                                            .n = n,
                                            .X = mlpi_operand_of(part->Y),
                                            .order = part->order,
                                            .out = buffers->Y});
    }
    return net->loss == MLP_LOSS_CCE
               ? net->kernels->scalar->count_correct_rows(m, n, buffers->A,
                                                          buffers->Y)
               : net->kernels->scalar->count_correct(m * n, buffers->A,
                                                     buffers->Y);
}

void mlpi_evaluate(const mlp_net *net, const mlp_workspace *workspace,
                   const mlpi_eval_rows *rows, mlp_scores *scores)
{
    const mlpi_predict_buffers *buffers = &workspace->buffers;
    mlpi_loss_sum sum = {.total = 0};
    size_t hits = 0;
    for (size_t i = 0, m = 0; i < rows->m; i += m) {
        m = rows->m - i < workspace->rows ? rows->m - i : workspace->rows;
        mlpi_eval_rows part = *rows;
        cut(&part, i, m);
        run_scored(net, buffers, &part);
        mlpi_loss_add(
            &sum, net,
            &(mlpi_outputs){
                .m = m, .Z = buffers->Z, .A = buffers->A, .Y = buffers->Y});
        hits += count_hits(net, buffers, &part);
    }
    scores->loss = mlpi_loss_mean(&sum);
    scores->accuracy =
        (double)hits / ((double)rows->m * (double)mlpi_label_columns(net));
}

mlp_status mlp_evaluate(const mlp_net *net, mlp_cview X, mlp_cview Y,
                        mlp_scores *scores)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!scores) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL,
                          "the place for the scores is NULL");
    }
    TRY(mlpi_check_shapes(net, &net->hooks, &X, &Y));
    TRY(mlpi_check_values(net, &net->hooks, &X, &Y));
    mlp_workspace *ws = NULL;
    TRY(mlpi_workspace_make(net, X.rows, &ws));
    mlpi_evaluate(net, ws, &(mlpi_eval_rows){.m = X.rows, .X = X, .Y = Y},
                  scores);
    mlp_workspace_free(ws);
    return MLP_OK;
}
