/* SPDX-License-Identifier: MIT */
/* Classes instead of outputs: the largest of a row, or each by a threshold. */
#include <math.h>

#include "predict/predict.h"
#include "base/error.h"
#include "model/data_check.h"
#include "base/view.h"

static void put_labels(const mlp_net *net, size_t m, double threshold,
                       const void *A, mlp_view labels)
{
    size_t n = mlpi_net_outputs(net);
    if (net->loss == MLP_LOSS_CCE) {
        net->kernels->scalar->argmax_labels(m, n, A, labels);
    } else {
        net->kernels->scalar->threshold_labels(m, n, threshold, A, labels);
    }
}

mlp_status mlp_classify(const mlp_net *net, mlp_cview X, double threshold,
                        mlp_view labels)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (isnan(threshold)) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "threshold: expects a number, got NaN");
    }
    TRY(mlpi_check_inputs(net, &net->hooks, &X, 0));
    mlpi_expected expected = {.name = "labels",
                              .dtype = MLP_I32,
                              .rows = X.rows,
                              .cols = mlpi_label_columns(net)};
    TRY(mlpi_check_writable(&net->hooks, &labels, &expected));
    if (X.rows == 0) {
        return MLP_OK;
    }
    mlp_workspace *ws = NULL;
    TRY(mlpi_workspace_make(net, X.rows, &ws));
    for (size_t i = 0, rows = 0; i < X.rows; i += rows) {
        mlp_cview chunk = mlp_cview_rows(X, i, ws->rows);
        rows = chunk.rows;
        mlpi_predict_chunk(net, &ws->buffers, &chunk, NULL, rows);
        mlpi_unscale_outputs(net, rows, ws->buffers.A);
        put_labels(net, rows, threshold, ws->buffers.A,
                   mlpi_view_rows(labels, sizeof(int32_t), i, rows));
    }
    mlp_workspace_free(ws);
    return MLP_OK;
}
