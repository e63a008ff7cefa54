/* SPDX-License-Identifier: MIT */
/*
 * Predicting: rows go through the layers in chunks that fit a cache, so memory
 * does not grow with their number. Whatever is wanted of the outputs (a copy,
 * classes, scores) is taken from each chunk while it is at hand.
 */
#include <math.h>

#include "loss.h"
#include "memory.h"
#include "pass.h"
#include "report.h"
#include "view.h"

/* Rows of a chunk: what is near CHUNK_REALS numbers in the widest layer, but a
 * multiple of the lanes, and not so many that more bring nothing. */
enum { CHUNK_REALS = 65536, MOST_ROWS = 256 };

struct mlp_workspace {
    mlp_hooks hooks;
    const mlpi_ops *ops;
    mlpi_layout layout; /* of the network that it was made for */
    size_t rows;        /* of a chunk, at most */
    void *X;            /* real [rows][n[0]]: scaled inputs */
    void *hidden[2];    /* real [rows][widest]: A[l - 1] and A[l], in turn */
    void *Z, *A, *Y;    /* real [rows][n[L]]: of the last layer; targets */
    void *scratch;
};

static size_t chunk_rows(const mlp_net *net)
{
    size_t inputs = mlp_net_inputs(net);
    size_t widest = net->layout.widest;
    size_t rows = CHUNK_REALS / (inputs > widest ? inputs : widest);
    if (rows > MOST_ROWS) {
        return MOST_ROWS;
    }
    return rows < MLPI_LANES ? MLPI_LANES : rows / MLPI_LANES * MLPI_LANES;
}

static void lay_out(mlp_workspace *ws, const mlp_net *net, mlpi_cursor *cursor)
{
    size_t size = net->ops->real_size;
    size_t inputs = ws->rows * mlp_net_inputs(net);
    size_t widest = ws->rows * net->layout.widest;
    size_t outputs = ws->rows * mlp_net_outputs(net);
    (void)mlpi_take(cursor, 1, sizeof *ws);
    mlpi_layout_copy(&ws->layout, &net->layout, cursor);
    ws->X = mlpi_take(cursor, inputs, size);
    ws->hidden[0] = mlpi_take(cursor, widest, size);
    ws->hidden[1] = mlpi_take(cursor, widest, size);
    ws->Z = mlpi_take(cursor, outputs, size);
    ws->A = mlpi_take(cursor, outputs, size);
    ws->Y = mlpi_take(cursor, outputs, size);
    ws->scratch = mlpi_take(cursor, mlpi_forward_scratch(net, ws->rows), size);
}

static mlp_status make_workspace(const mlp_net *net, size_t rows,
                                 mlp_workspace **workspace)
{
    mlp_workspace made = {.hooks = net->hooks, .ops = net->ops, .rows = rows};
    mlpi_cursor measure = {0};
    lay_out(&made, net, &measure);
    void *block = NULL;
    TRY(mlpi_allocate(&net->hooks, &measure, "a workspace", &block));
    mlpi_cursor carve = {.base = block};
    lay_out(&made, net, &carve);
    *workspace = block;
    **workspace = made;
    return MLP_OK;
}

mlp_status mlp_workspace_create(const mlp_net *net, mlp_workspace **workspace)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!workspace) {
        return mlpi_report(&net->hooks, MLP_ERR_NULL,
                           "the place for the workspace is NULL");
    }
    return make_workspace(net, chunk_rows(net), workspace);
}

void mlp_workspace_free(mlp_workspace *workspace)
{
    if (workspace) {
        mlp_hooks hooks = workspace->hooks;
        mlpi_release(&hooks, workspace);
    }
}

/* For one call on m rows. */
static mlp_status make_small_workspace(const mlp_net *net, size_t m,
                                       mlp_workspace **workspace)
{
    size_t most = chunk_rows(net);
    return make_workspace(net, m < most ? m : most, workspace);
}

static mlpi_operand enter(const mlp_net *net, mlp_workspace *ws, mlp_cview X)
{
    if (!net->scales) {
        return mlpi_operand_of(X);
    }
    net->ops->gather(&(mlpi_gather){.m = X.rows,
                                    .n = X.cols,
                                    .X = mlpi_operand_of(X),
                                    .mean = net->mean,
                                    .std = net->std,
                                    .out = ws->X});
    return (mlpi_operand){ws->X, X.cols, 1};
}

/* Leaves Z and A of the last layer in the workspace. */
static void run_chunk(const mlp_net *net, mlp_workspace *ws, mlp_cview X)
{
    size_t L = net->layout.L;
    mlpi_operand A_prev = enter(net, ws, X);
    for (size_t l = 1; l < L; l++) {
        void *A = ws->hidden[l % 2];
        mlpi_forward(net, &(mlpi_forward_step){.l = l,
                                               .m = X.rows,
                                               .A_prev = A_prev,
                                               .Z = A,
                                               .A = A,
                                               .scratch = ws->scratch});
        A_prev = (mlpi_operand){A, net->layout.layer[l].width, 1};
    }
    mlpi_forward(net, &(mlpi_forward_step){.l = L,
                                           .m = X.rows,
                                           .A_prev = A_prev,
                                           .Z = ws->Z,
                                           .A = ws->A,
                                           .scratch = ws->scratch});
}

/* Rows [first, first + count) of a writable view. */
static mlp_view part_of(mlp_view view, size_t size, size_t first, size_t count)
{
    view.data = (unsigned char *)view.data + first * view.row_stride * size;
    view.rows = count;
    return view;
}

static mlp_status check_output(const mlp_net *net, const char *name,
                               mlp_dtype dtype, size_t rows, mlp_view view)
{
    mlpi_expected expected = {.name = name,
                              .dtype = dtype,
                              .rows = rows,
                              .cols = mlp_net_outputs(net)};
    return mlpi_check_writable(&net->hooks, view, &expected);
}

static mlp_status check_predict(const mlp_net *net, mlp_cview X, mlp_view A)
{
    TRY(mlpi_net_check_X(net, X, 0));
    return check_output(net, "A", net->ops->dtype, X.rows, A);
}

static void predict(const mlp_net *net, mlp_workspace *ws, mlp_cview X,
                    mlp_view A)
{
    const mlpi_ops *ops = net->ops;
    for (size_t i = 0, rows = 0; i < X.rows; i += rows) {
        mlp_cview chunk = mlp_cview_rows(X, i, ws->rows);
        rows = chunk.rows;
        run_chunk(net, ws, chunk);
        ops->scatter(chunk.rows, A.cols, ws->A,
                     part_of(A, ops->real_size, i, chunk.rows));
    }
}

mlp_status mlp_predict(const mlp_net *net, mlp_cview X, mlp_view A)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(check_predict(net, X, A));
    if (X.rows == 0) {
        return MLP_OK;
    }
    mlp_workspace *ws = NULL;
    TRY(make_small_workspace(net, X.rows, &ws));
    predict(net, ws, X, A);
    mlp_workspace_free(ws);
    return MLP_OK;
}

mlp_status mlp_predict_with(const mlp_net *net, mlp_workspace *workspace,
                            mlp_cview X, mlp_view A)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!workspace) {
        return mlpi_report(&net->hooks, MLP_ERR_NULL, "workspace is NULL");
    }
    if (workspace->ops != net->ops ||
        !mlpi_layout_equal(&workspace->layout, &net->layout)) {
        return mlpi_report(&net->hooks, MLP_ERR_ARGUMENT,
                           "expects a workspace for the network's layers, "
                           "precision and kernels, got another's");
    }
    TRY(check_predict(net, X, A));
    predict(net, workspace, X, A);
    return MLP_OK;
}

mlp_status mlp_classify(const mlp_net *net, mlp_cview X, double threshold,
                        mlp_view labels)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (isnan(threshold)) {
        return mlpi_report(&net->hooks, MLP_ERR_ARGUMENT,
                           "threshold: expects a number, got NaN");
    }
    TRY(mlpi_net_check_X(net, X, 0));
    TRY(check_output(net, "labels", MLP_I32, X.rows, labels));
    if (X.rows == 0) {
        return MLP_OK;
    }
    mlp_workspace *ws = NULL;
    TRY(make_small_workspace(net, X.rows, &ws));
    for (size_t i = 0, rows = 0; i < X.rows; i += rows) {
        mlp_cview chunk = mlp_cview_rows(X, i, ws->rows);
        rows = chunk.rows;
        run_chunk(net, ws, chunk);
        net->ops->label(chunk.rows, labels.cols, threshold, ws->A,
                        part_of(labels, sizeof(int32_t), i, chunk.rows));
    }
    mlp_workspace_free(ws);
    return MLP_OK;
}

mlp_status mlp_evaluate(const mlp_net *net, mlp_cview X, mlp_cview Y,
                        mlp_scores *scores)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!scores) {
        return mlpi_report(&net->hooks, MLP_ERR_NULL,
                           "the place for the scores is NULL");
    }
    TRY(mlpi_net_check_shapes(net, X, Y));
    TRY(mlpi_net_check_values(net, X, Y));
    mlp_workspace *ws = NULL;
    TRY(make_small_workspace(net, X.rows, &ws));
    const mlpi_ops *ops = net->ops;
    mlpi_loss_sum sum = {.count = 0};
    size_t hits = 0;
    for (size_t i = 0, rows = 0; i < X.rows; i += rows) {
        mlp_cview chunk = mlp_cview_rows(X, i, ws->rows);
        rows = chunk.rows;
        mlp_cview targets = mlp_cview_rows(Y, i, ws->rows);
        run_chunk(net, ws, chunk);
        ops->gather(&(mlpi_gather){.m = targets.rows,
                                   .n = Y.cols,
                                   .X = mlpi_operand_of(targets),
                                   .out = ws->Y});
        mlpi_loss_add(&sum, net,
                      &(mlpi_outputs){chunk.rows, ws->Z, ws->A, ws->Y});
        hits += ops->count_hits(chunk.rows * Y.cols, ws->A, ws->Y);
    }
    mlp_workspace_free(ws);
    scores->loss = mlpi_loss_mean(&sum);
    scores->accuracy = (double)hits / (double)sum.count;
    return MLP_OK;
}
