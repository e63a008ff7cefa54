/* SPDX-License-Identifier: MIT */
/*
 * Computes the outputs of a network for rows of inputs, in one of two ways.
 *
 * Many rows: each thread gets a contiguous range of rows, divides it into
 * chunks, and computes one chunk at a time through all layers,
 *
 *     A[0] = X, or (X - mean) / std if the network scales its inputs
 *     for l = 1..L:  A[l] = activation(A[l-1] W[l]^T + b[l])
 *     A = A[L], or A[L] * std + mean if the network scales its targets
 *
 * The two arrays hidden[0] and hidden[1] hold A[l-1] and A[l] alternately. The
 * last layer writes into the caller's array if that is dense (its rows follow
 * each other without gaps), which saves a copy.
 *
 * One row: preparing the matrix products would take longer than the arithmetic,
 * so one kernel computes all layers of the row. Both ways give the same bits,
 * because each element is the same sum in the same order.
 */
#include "predict/predict.h"

#include "base/error.h"
#include "base/view.h"
#include "model/data_check.h"
#include "model/layer.h"

mlpi_operand mlpi_load_inputs(const mlp_net *net,
                              const mlpi_predict_buffers *buffers,
                              mlpi_operand X, const size_t *order, size_t m)
{
    if (!net->in.scales && !order) {
        return X;
    }
    size_t n = mlpi_net_inputs(net);
    net->kernels->load_rows(
        &(mlpi_load_rows_args){.m = m,
                               .n = n,
                               .X = X,
                               .order = order,
                               .mean = net->in.scales ? net->in.mean : NULL,
                               .std = net->in.scales ? net->in.std : NULL,
                               .out = buffers->X});
    return (mlpi_operand){buffers->X, n, 1};
}

/* Computes Z and A of the last layer, real [m][n[L]], from `A_prev`, which is
 * A[0] (`real` is float or double, the network's precision). Z and A may be one
 * array if Z is not needed. */
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
    mlpi_operand A_0 =
        mlpi_load_inputs(net, buffers, mlpi_operand_of(*X), order, m);
    run_layers(net, buffers, A_0, m, buffers->Z, buffers->A);
}

/* ---------------------------------------------------------------------------
 * One row
 */

/* True if the kernel for single rows can be used. Not if A and X are the same
 * array: a network of one layer would overwrite inputs that it still has to
 * read. Not with batch norm either: then net->single_row_layers is NULL. */
static inline bool can_use_row_kernel(const mlp_net *net, const mlp_cview *X,
                                      const mlp_view *A)
{
    return X->rows == 1 && X->col_stride == 1 && A->col_stride == 1 &&
           X->data != A->data && net->single_row_layers;
}

/* Predicts one row. The kernel prefetches weights if they do not all fit into
 * the L1 cache, which is assumed to have L1_BYTES, 32 KiB, as in most CPUs. */
static inline void predict_single_row(const mlp_net *net,
                                      const mlpi_predict_buffers *buffers,
                                      const mlp_cview *X, const mlp_view *A)
{
    enum { L1_BYTES = 32768 };
    mlpi_predict_row_args row = {
        .L = net->layout.L,
        .layer = net->single_row_layers,
        .exceeds_l1 =
            net->layout.parameters > L1_BYTES / net->kernels->real_size,
        .x = X->data,
        .hidden = {buffers->hidden[0], buffers->hidden[1]},
        .out = A->data};
    if (net->in.scales) {
        row.x =
            mlpi_load_inputs(net, buffers, mlpi_operand_of(*X), NULL, 1).data;
    }
    net->kernels->predict_row(&row);
    mlpi_unscale_outputs(net, 1, A->data);
}

/* ---------------------------------------------------------------------------
 * Many rows
 */

/* The arguments of one prediction, which all threads share. */
typedef struct prediction_args {
    const mlp_net *net;
    const mlp_workspace *workspace;
    const mlp_cview *X; /* (rows, n[0]) */
    const mlp_view *A;  /* (rows, n[L]) */
} prediction_args;

/* Predicts rows [first, end), chunk by chunk. If the caller's array A is dense
 * and is not X, the last layer writes into it. Otherwise it writes into a
 * buffer, from which the outputs are copied: if A is X, the product of a
 * network of one layer would overwrite inputs that it still has to read. */
static void predict_rows(const prediction_args *args,
                         const mlpi_predict_buffers *buffers, size_t first,
                         size_t end)
{
    const mlp_net *net = args->net;
    const mlpi_kernels *kernels = net->kernels;
    const mlp_view *A = args->A;
    bool is_direct = A->data != args->X->data && A->col_stride == 1 &&
                     (A->row_stride == A->cols || A->rows == 1);
    mlpi_operand from = mlpi_operand_of(*args->X);
    for (size_t i = first, m = 0; i < end; i += m) {
        from.data = mlpi_const_at(kernels, args->X->data, i * from.row_stride);
        m = mlpi_min_size(end - i, args->workspace->rows);
        void *out =
            is_direct ? mlpi_at(kernels, A->data, i * A->cols) : buffers->A;
        run_layers(net, buffers, mlpi_load_inputs(net, buffers, from, NULL, m),
                   m, out, out);
        mlpi_unscale_outputs(net, m, out);
        if (!is_direct) {
            kernels->scalar->copy_out(
                m, A->cols, out, mlpi_view_rows(*A, kernels->real_size, i, m));
        }
    }
}

/* Predicts the rows of one thread. */
static void predict_partition(const mlpi_thread *thread, void *context)
{
    const prediction_args *args = context;
    size_t first = 0;
    size_t m = 0;
    mlpi_partition(thread, args->X->rows, MLPI_LANES, &first, &m);
    predict_rows(args, mlpi_predict_buffers_of(args->workspace, thread), first,
                 first + m);
}

/* Few rows are predicted by the calling thread alone, because waking the other
 * threads would take longer than the work. */
mlp_status mlpi_predict(const mlp_net *net, const mlp_workspace *workspace,
                        const mlp_cview *X, const mlp_view *A)
{
    if (can_use_row_kernel(net, X, A)) {
        predict_single_row(net, &workspace->buffers, X, A);
        return MLP_OK;
    }
    prediction_args args = {net, workspace, X, A};
    if (workspace->team && mlpi_net_pays_for_threads(net, X->rows)) {
        TRY(mlpi_check_rounding(&net->hooks));
        mlpi_team_repeat(workspace->team, predict_partition, &args, X->rows);
    } else {
        predict_rows(&args, &workspace->buffers, 0, X->rows);
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Public functions
 */

/* Checks A in full. The message of an error says what A should be. */
static mlp_status check_outputs(const mlp_net *net, size_t rows,
                                const mlp_view *A)
{
    mlpi_expected expected = {.name = "A",
                              .dtype = net->kernels->dtype,
                              .rows = rows,
                              .cols = mlpi_net_outputs(net)};
    return mlpi_check_writable(&net->hooks, A, &expected);
}

/* Fast path: a contiguous A of the right shape needs no full check. For one row
 * in a small network the checks are a large part of the time. */
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
               : check_outputs(net, X->rows, A);
}

/* The workspace is made for X.rows rows, so a single row allocates little. */
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
    mlp_status status = mlpi_predict(net, ws, &X, &A);
    mlp_workspace_free(ws);
    return status;
}

mlp_status mlpi_refuse_workspace(const mlp_net *net,
                                 const mlp_workspace *workspace)
{
    if (!net) { /* the hooks of a workspace are those of a network */
        return workspace ? mlpi_error(&workspace->hooks, MLP_ERR_NULL,
                                      "the network is NULL (was it made?)")
                         : MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, workspace, "the workspace"));
    return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                      "workspace: expects one that was made for the same "
                      "layers, precision and kernels as the network's");
}

mlp_status mlp_predict_with(const mlp_net *net, mlp_workspace *workspace,
                            mlp_cview X, mlp_view A)
{
    TRY(mlpi_check_workspace(net, workspace));
    TRY(mlpi_predict_check(net, &X, &A));
    return mlpi_predict(net, workspace, &X, &A);
}
