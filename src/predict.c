/* SPDX-License-Identifier: MIT */
/*
 * Predicting: rows go through the layers chunk by chunk (see workspace.h).
 * Whatever is wanted of the outputs (a copy, classes, scores) is taken from
 * each chunk while it is at hand.
 */
#include "predict.h"

#include <math.h>

#include "loss.h"
#include "pass.h"
#include "report.h"
#include "view.h"

/* A[0] of rows order[0..m-1] of X, or of its first m rows if that is NULL. */
static mlpi_operand enter(const mlp_net *net, const mlpi_desk *desk,
                          mlpi_operand X, const size_t *order, size_t m)
{
    if (!net->in.scales && !order) {
        return X;
    }
    size_t n = net->layout.layer[0].width;
    net->ops->gather(
        &(mlpi_gather){.m = m,
                       .n = n,
                       .X = X,
                       .order = order,
                       .mean = net->in.scales ? net->in.mean : NULL,
                       .std = net->in.scales ? net->in.std : NULL,
                       .out = desk->X});
    return (mlpi_operand){desk->X, n, 1};
}

/* Outputs of m rows, dense, become what targets are to the caller. */
static inline void leave(const mlp_net *net, size_t m, void *A)
{
    if (net->out.scales) {
        net->ops->unscale(m, net->out.n, net->out.mean, net->out.std, A);
    }
}

/* Z and A receive those of the last layer; they may be one array. */
static void run_layers(const mlp_net *net, const mlpi_desk *desk,
                       mlpi_operand A_prev, size_t m, void *Z, void *A)
{
    size_t L = net->layout.L;
    for (size_t l = 1; l <= L; l++) {
        void *hidden = desk->hidden[l % 2];
        mlpi_forward(net, &(mlpi_forward_step){.l = l,
                                               .m = m,
                                               .A_prev = A_prev,
                                               .Z = l < L ? hidden : Z,
                                               .A = l < L ? hidden : A,
                                               .scratch = desk->scratch});
        A_prev = (mlpi_operand){hidden, net->layout.layer[l].width, 1};
    }
}

/* Can this be one call? Not where A is X: a layer alone would read what it has
 * written. */
static inline bool is_row(const mlp_net *net, const mlp_cview *X,
                          const mlp_view *A)
{
    return X->rows == 1 && X->col_stride == 1 && A->col_stride == 1 &&
           X->data != A->data && net->rows;
}

static inline void run_row(const mlp_net *net, const mlpi_desk *desk,
                           const mlp_cview *X, const mlp_view *A)
{
    enum { NEAR = 32768 }; /* bytes that L1 holds */
    mlpi_row row = {.L = net->layout.L,
                    .layer = net->rows,
                    .far = net->layout.parameters > NEAR / net->ops->real_size,
                    .x = X->data,
                    .hidden = {desk->hidden[0], desk->hidden[1]},
                    .out = A->data};
    if (net->in.scales) {
        row.x = enter(net, desk, mlpi_operand_of(*X), NULL, 1).data;
    }
    net->ops->predict_row(&row);
    leave(net, 1, A->data);
}

static void run_chunk(const mlp_net *net, const mlpi_desk *desk, mlp_cview X)
{
    mlpi_operand A_0 = enter(net, desk, mlpi_operand_of(X), NULL, X.rows);
    run_layers(net, desk, A_0, X.rows, desk->Z, desk->A);
    leave(net, X.rows, desk->A);
}

/* Rows [first, first + count) of a writable view. */
static mlp_view part_of(mlp_view view, size_t size, size_t first, size_t count)
{
    view.data = (unsigned char *)view.data + first * view.row_stride * size;
    view.rows = count;
    return view;
}

static mlp_status look_at_output(const mlp_net *net, size_t rows, mlp_view A)
{
    mlpi_expected expected = {.name = "A",
                              .dtype = net->ops->dtype,
                              .rows = rows,
                              .cols = mlp_net_outputs(net)};
    return mlpi_check_writable(&net->hooks, A, &expected);
}

static inline mlp_status check_predict(const mlp_net *net, const mlp_cview *X,
                                       const mlp_view *A)
{
    TRY(mlpi_net_check_X(net, *X, 0));
    const mlp_cview out = {A->dtype,      A->rows,       A->cols,
                           A->row_stride, A->col_stride, A->data};
    size_t outputs = net->layout.layer[net->layout.L].width;
    return mlpi_is_dense(&out, net->ops->dtype, outputs) && A->rows == X->rows
               ? MLP_OK
               : look_at_output(net, X->rows, *A);
}

/* The last layer writes into A itself, if A is dense, and not X. */
static void predict_rows(const mlp_net *net, const mlpi_desk *desk,
                         size_t chunk, mlp_cview X, mlp_view A)
{
    const mlpi_ops *ops = net->ops;
    bool is_direct = A.data != X.data && A.col_stride == 1 &&
                     (A.row_stride == A.cols || A.rows == 1);
    mlpi_operand from = mlpi_operand_of(X);
    for (size_t i = 0, m = 0; i < X.rows; i += m) {
        from.data = mlpi_const_at(ops, X.data, i * from.row_stride);
        m = X.rows - i < chunk ? X.rows - i : chunk;
        void *out = is_direct ? mlpi_at(ops, A.data, i * A.cols) : desk->A;
        run_layers(net, desk, enter(net, desk, from, NULL, m), m, out, out);
        leave(net, m, out);
        if (!is_direct) {
            ops->scatter(m, A.cols, out, part_of(A, ops->real_size, i, m));
        }
    }
}

typedef struct task {
    const mlp_net *net;
    const mlp_workspace *workspace;
    mlp_cview X;
    mlp_view A;
} task;

static void do_predict(const mlpi_member *self, void *context)
{
    const task *t = context;
    size_t first = 0;
    size_t m = 0;
    mlpi_share(self, t->X.rows, MLPI_LANES, &first, &m);
    if (m == 0) {
        return;
    }
    predict_rows(t->net, mlpi_desk_of(t->workspace, self), t->workspace->rows,
                 mlp_cview_rows(t->X, first, m),
                 part_of(t->A, t->net->ops->real_size, first, m));
}

static void predict(const mlp_net *net, const mlp_workspace *workspace,
                    mlp_cview X, mlp_view A)
{
    if (is_row(net, &X, &A)) {
        run_row(net, &workspace->desk, &X, &A);
    } else if (workspace->team &&
               mlpi_is_worth_a_team(X.rows, net->layout.parameters)) {
        task t = {net, workspace, X, A};
        mlpi_team_run(workspace->team, do_predict, &t);
    } else {
        predict_rows(net, &workspace->desk, workspace->rows, X, A);
    }
}

mlp_status mlp_predict(const mlp_net *net, mlp_cview X, mlp_view A)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(check_predict(net, &X, &A));
    if (X.rows == 0) {
        return MLP_OK;
    }
    mlp_workspace *ws = NULL;
    TRY(mlpi_workspace_make(net, X.rows, &ws));
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
    TRY(mlpi_workspace_check(workspace, net));
    TRY(check_predict(net, &X, &A));
    predict(net, workspace, X, A);
    return MLP_OK;
}

/* What stands in the columns of labels: a class for each output, or one. */
static size_t label_columns(const mlp_net *net)
{
    return net->loss == MLP_LOSS_CCE ? 1 : mlp_net_outputs(net);
}

static void put_labels(const mlp_net *net, size_t m, double threshold,
                       const void *A, mlp_view labels)
{
    size_t n = mlp_net_outputs(net);
    if (net->loss == MLP_LOSS_CCE) {
        net->ops->label_rows(m, n, A, labels);
    } else {
        net->ops->label(m, n, threshold, A, labels);
    }
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
    mlpi_expected expected = {.name = "labels",
                              .dtype = MLP_I32,
                              .rows = X.rows,
                              .cols = label_columns(net)};
    TRY(mlpi_check_writable(&net->hooks, labels, &expected));
    if (X.rows == 0) {
        return MLP_OK;
    }
    mlp_workspace *ws = NULL;
    TRY(mlpi_workspace_make(net, X.rows, &ws));
    for (size_t i = 0, rows = 0; i < X.rows; i += rows) {
        mlp_cview chunk = mlp_cview_rows(X, i, ws->rows);
        rows = chunk.rows;
        run_chunk(net, &ws->desk, chunk);
        put_labels(net, rows, threshold, ws->desk.A,
                   part_of(labels, sizeof(int32_t), i, rows));
    }
    mlp_workspace_free(ws);
    return MLP_OK;
}

/* Rows [i, i + m) of what is to be scored. */
static mlpi_scored scored_part(const mlpi_scored *rows, size_t i, size_t m)
{
    return rows->order ? (mlpi_scored){m, rows->X, rows->Y, rows->order + i}
                       : (mlpi_scored){m, mlp_cview_rows(rows->X, i, m),
                                       mlp_cview_rows(rows->Y, i, m), NULL};
}

/* Such rows and their targets, on the desk. */
static void run_scored(const mlp_net *net, const mlpi_desk *desk,
                       const mlpi_scored *part)
{
    mlpi_operand A_0 =
        enter(net, desk, mlpi_operand_of(part->X), part->order, part->m);
    run_layers(net, desk, A_0, part->m, desk->Z, desk->A);
    mlpi_targets targets = {.m = part->m, .Y = part->Y, .order = part->order};
    mlpi_loss_targets(net, &targets, desk->Y);
}

/* How many classes of the rows on the desk are right? They are of the caller's
 * numbers. */
static size_t count_hits(const mlp_net *net, const mlpi_desk *desk,
                         const mlpi_scored *part)
{
    size_t m = part->m;
    size_t n = mlp_net_outputs(net);
    if (net->out.scales) {
        leave(net, m, desk->A);
        net->ops->gather(&(mlpi_gather){.m = m,
                                        .n = n,
                                        .X = mlpi_operand_of(part->Y),
                                        .order = part->order,
                                        .out = desk->Y});
    }
    return net->loss == MLP_LOSS_CCE
               ? net->ops->count_row_hits(m, n, desk->A, desk->Y)
               : net->ops->count_hits(m * n, desk->A, desk->Y);
}

void mlpi_evaluate(const mlp_net *net, const mlp_workspace *workspace,
                   const mlpi_scored *rows, mlp_scores *scores)
{
    const mlpi_desk *desk = &workspace->desk;
    mlpi_loss_sum sum = {.total = 0};
    size_t hits = 0;
    for (size_t i = 0, m = 0; i < rows->m; i += m) {
        m = rows->m - i < workspace->rows ? rows->m - i : workspace->rows;
        mlpi_scored part = scored_part(rows, i, m);
        run_scored(net, desk, &part);
        mlpi_loss_add(
            &sum, net,
            &(mlpi_outputs){.m = m, .Z = desk->Z, .A = desk->A, .Y = desk->Y});
        hits += count_hits(net, desk, &part);
    }
    scores->loss = mlpi_loss_mean(&sum);
    scores->accuracy =
        (double)hits / ((double)rows->m * (double)label_columns(net));
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
    TRY(mlpi_workspace_make(net, X.rows, &ws));
    mlpi_evaluate(net, ws, &(mlpi_scored){.m = X.rows, .X = X, .Y = Y}, scores);
    mlp_workspace_free(ws);
    return MLP_OK;
}
