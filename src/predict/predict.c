/* SPDX-License-Identifier: MIT */
#include "predict/predict.h"

#include "model/data_check.h"
#include "model/layer.h"
#include "base/error.h"
#include "base/view.h"

/* A[0] of rows order[0..m-1] of X, or of its first m rows if that is NULL. */
static mlpi_operand enter(const mlp_net *net,
                          const mlpi_predict_buffers *buffers, mlpi_operand X,
                          const size_t *order, size_t m)
{
    if (!net->in.scales && !order) {
        return X;
    }
    size_t n = mlpi_net_inputs(net);
    net->kernels->gather(
        &(mlpi_gather){.m = m,
                       .n = n,
                       .X = X,
                       .order = order,
                       .mean = net->in.scales ? net->in.mean : NULL,
                       .std = net->in.scales ? net->in.std : NULL,
                       .out = buffers->X});
    return (mlpi_operand){buffers->X, n, 1};
}

/* Z and A receive those of the last layer; they may be one array. */
static void run_layers(const mlp_net *net, const mlpi_predict_buffers *buffers,
                       mlpi_operand A_prev, size_t m, void *Z, void *A)
{
    size_t L = net->layout.L;
    for (size_t l = 1; l <= L; l++) {
        void *hidden = buffers->hidden[l % 2];
        mlpi_forward(net, &(mlpi_forward_args){.l = l,
                                               .m = m,
                                               .A_prev = A_prev,
                                               .Z = l < L ? hidden : Z,
                                               .A = l < L ? hidden : A,
                                               .scratch = buffers->scratch});
        A_prev = (mlpi_operand){hidden, net->layout.layer[l].width, 1};
    }
}

void mlpi_predict_chunk(const mlp_net *net, const mlpi_predict_buffers *buffers,
                        const mlp_cview *X, const size_t *order, size_t m)
{
    mlpi_operand A_0 = enter(net, buffers, mlpi_operand_of(*X), order, m);
    run_layers(net, buffers, A_0, m, buffers->Z, buffers->A);
}

/* Can this be one call? Not where A is X: a layer alone would read what it has
 * written. */
static inline bool is_row(const mlp_net *net, const mlp_cview *X,
                          const mlp_view *A)
{
    return X->rows == 1 && X->col_stride == 1 && A->col_stride == 1 &&
           X->data != A->data && net->row_layers;
}

static inline void run_row(const mlp_net *net,
                           const mlpi_predict_buffers *buffers,
                           const mlp_cview *X, const mlp_view *A)
{
    enum { NEAR = 32768 }; /* bytes that L1 holds */
    mlpi_row_args row = {.L = net->layout.L,
                         .layer = net->row_layers,
                         .exceeds_l1 = net->layout.parameters >
                                       NEAR / net->kernels->real_size,
                         .x = X->data,
                         .hidden = {buffers->hidden[0], buffers->hidden[1]},
                         .out = A->data};
    if (net->in.scales) {
        row.x = enter(net, buffers, mlpi_operand_of(*X), NULL, 1).data;
    }
    net->kernels->predict_row(&row);
    mlpi_unscale_outputs(net, 1, A->data);
}

static mlp_status look_at_output(const mlp_net *net, size_t rows,
                                 const mlp_view *A)
{
    mlpi_expected expected = {.name = "A",
                              .dtype = net->kernels->dtype,
                              .rows = rows,
                              .cols = mlpi_net_outputs(net)};
    return mlpi_check_writable(&net->hooks, A, &expected);
}

mlp_status mlpi_predict_check(const mlp_net *net, const mlp_cview *X,
                              const mlp_view *A)
{
    TRY(mlpi_check_inputs(net, &net->hooks, X, 0));
    const mlp_cview out = {A->dtype,      A->rows,       A->cols,
                           A->row_stride, A->col_stride, A->data};
    size_t outputs = mlpi_net_outputs(net);
    return mlpi_is_dense(&out, net->kernels->dtype, outputs) &&
                   A->rows == X->rows
               ? MLP_OK
               : look_at_output(net, X->rows, A);
}

/* Rows of X on their way into A. */
typedef struct task {
    const mlp_net *net;
    const mlp_workspace *workspace;
    const mlp_cview *X;
    const mlp_view *A;
} task;

/* Rows [first, end). The last layer writes into A itself, if A is dense, and
 * not X. */
static void predict_rows(const task *t, const mlpi_predict_buffers *buffers,
                         size_t first, size_t end)
{
    const mlp_net *net = t->net;
    const mlpi_kernels *kernels = net->kernels;
    const mlp_view *A = t->A;
    bool is_direct = A->data != t->X->data && A->col_stride == 1 &&
                     (A->row_stride == A->cols || A->rows == 1);
    mlpi_operand from = mlpi_operand_of(*t->X);
    for (size_t i = first, m = 0; i < end; i += m) {
        from.data = mlpi_const_at(kernels, t->X->data, i * from.row_stride);
        m = end - i < t->workspace->rows ? end - i : t->workspace->rows;
        void *out =
            is_direct ? mlpi_at(kernels, A->data, i * A->cols) : buffers->A;
        run_layers(net, buffers, enter(net, buffers, from, NULL, m), m, out,
                   out);
        mlpi_unscale_outputs(net, m, out);
        if (!is_direct) {
            kernels->scalar->scatter(
                m, A->cols, out, mlpi_view_rows(*A, kernels->real_size, i, m));
        }
    }
}

static void do_predict(const mlpi_thread *self, void *context)
{
    const task *t = context;
    size_t first = 0;
    size_t m = 0;
    mlpi_partition(self, t->X->rows, MLPI_LANES, &first, &m);
    predict_rows(t, mlpi_predict_buffers_of(t->workspace, self), first,
                 first + m);
}

void mlpi_predict(const mlp_net *net, const mlp_workspace *workspace,
                  const mlp_cview *X, const mlp_view *A)
{
    if (is_row(net, X, A)) {
        run_row(net, &workspace->buffers, X, A);
        return;
    }
    task t = {net, workspace, X, A};
    if (workspace->team &&
        mlpi_pays_for_threads(X->rows, net->layout.parameters)) {
        mlpi_team_run(workspace->team, do_predict, &t);
    } else {
        predict_rows(&t, &workspace->buffers, 0, X->rows);
    }
}

mlp_status mlp_predict(const mlp_net *net, mlp_cview X, mlp_view A)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_predict_check(net, &X, &A));
    if (X.rows == 0) {
        return MLP_OK;
    }
    mlp_workspace *ws = NULL;
    TRY(mlpi_workspace_make(net, X.rows, &ws));
    mlpi_predict(net, ws, &X, &A);
    mlp_workspace_free(ws);
    return MLP_OK;
}

/* May this workspace serve the network? */
static mlp_status check_workspace(const mlp_workspace *workspace,
                                  const mlp_net *net)
{
    if (workspace->kernels != net->kernels ||
        !mlpi_layout_equal(&workspace->layout, &net->layout)) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "expects a workspace for the network's layers, "
                          "precision and kernels, got another's");
    }
    return MLP_OK;
}

mlp_status mlp_predict_with(const mlp_net *net, mlp_workspace *workspace,
                            mlp_cview X, mlp_view A)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!workspace) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL, "workspace is NULL");
    }
    TRY(check_workspace(workspace, net));
    TRY(mlpi_predict_check(net, &X, &A));
    mlpi_predict(net, workspace, &X, &A);
    return MLP_OK;
}
