/* SPDX-License-Identifier: MIT */
/*
 * Class labels instead of outputs. With cce the classes exclude each other,
 * and the label of a row is the index of its largest output. With bce each
 * output is a decision of its own: the label is 1 where a >= threshold, else 0.
 * In both cases -1 stands for an output that is NaN. The other losses are for
 * quantities, which have no classes.
 */
#include <math.h>

#include "base/error.h"
#include "base/view.h"
#include "model/data_check.h"
#include "predict/predict.h"

/* Writes the labels of m rows of outputs A, real [m][n[L]]. */
static void write_labels(const mlp_net *net, size_t m, double threshold,
                         const void *A, mlp_view labels)
{
    size_t n = mlpi_net_outputs(net);
    if (net->loss == MLP_LOSS_CCE) {
        net->kernels->scalar->argmax_labels(m, n, A, labels);
    } else {
        net->kernels->scalar->threshold_labels(m, n, threshold, A, labels);
    }
}

/* Checks that the network has classes. */
static mlp_status check_labels(const mlp_net *net)
{
    if (mlpi_is_regression(net->loss)) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "mlp_classify: expects a network with the loss bce "
                          "or cce, got %s (mlp_predict gives its outputs)",
                          mlp_loss_name(net->loss));
    }
    return MLP_OK;
}

/* The inputs may hold NaN, as in mlp_predict, so only their shape is checked.
 */
mlp_status mlp_classify(const mlp_net *net, mlp_cview X, double threshold,
                        mlp_view labels)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(check_labels(net));
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
    /* Labels of a chunk are written before the next chunk is predicted. */
    mlp_workspace *ws = NULL;
    TRY(mlpi_workspace_make(net, X.rows, &ws));
    for (size_t i = 0, m = 0; i < X.rows; i += m) {
        mlp_cview chunk = mlp_cview_rows(X, i, ws->rows);
        m = chunk.rows;
        mlpi_predict_chunk(net, &ws->buffers, &chunk, NULL, m);
        write_labels(net, m, threshold, ws->buffers.A,
                     mlpi_view_rows(labels, sizeof(int32_t), i, m));
    }
    mlp_workspace_free(ws);
    return MLP_OK;
}
