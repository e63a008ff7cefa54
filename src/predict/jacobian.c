/* SPDX-License-Identifier: MIT */
/*
 * The Jacobian of a network at one row x: dA/dx, the derivatives of all n[L]
 * outputs with respect to all n[0] inputs. The chain rule makes it a product of
 * matrices,
 *
 *     dA/dx = T F[L] W[L] ... F[1] W[1] F[0]
 *
 *     F[l]   the derivative of layer l's activation, a diagonal matrix; with
 *            batch norm also its factor scale / sqrt(variance + epsilon)
 *     F[0]   diagonal, 1 / std of the inputs; 1 if they are not scaled
 *     T      diagonal, std of the outputs; 1 if they are not scaled
 *
 * The derivative of softmax, P - a a^T, is not diagonal but symmetric; P is the
 * diagonal matrix of the outputs a. F[L] is then (P - a a^T) D, where D has
 * batch norm's factors in its diagonal.
 *
 * The product is computed from one of its ends, and a matrix M of r columns
 * goes through the layers. Its rows are the neurons of the layer that has been
 * reached:
 *
 *     forward mode   M = F[0], r = n[0];    for l = 1..L: M = F[l] W[l] M;
 *                    dA/dx = T M
 *     reverse mode   M = T, r = n[L];       for l = L..1: M = W[l]^T F[l]^T M;
 *                    dA/dx = (F[0] M)^T
 *
 * Both cost as much as the products of r predictions, so the mode is the one
 * with fewer columns: forward if n[0] < n[L], else reverse. (A. Griewank and
 * A. Walther, "Evaluating Derivatives", 2nd edition, 2008, chapter 3, calls
 * them forward and reverse accumulation.) A column does not depend on the
 * others, so they go through in blocks of as many columns as the buffers of the
 * workspace have rows.
 *
 * The mode and the rules of kernels.h define the bits. An element of W M or
 * W^T M is a chain. The diagonal of F[l] is rounded before M is multiplied by
 * it. For softmax, s = a^T M is computed first, by chains; then M[i][j] becomes
 * a[i] (M[i][j] - s[j]).
 */
#include <string.h>

#include "base/error.h"
#include "model/data_check.h"
#include "model/layer.h"
#include "predict/predict.h"

/* A call of mlp_jacobian: what it knows of x, and which columns of M it is
 * computing. */
typedef struct jacobian {
    const mlp_net *net;
    const mlpi_predict_buffers *buffers;
    void *derivatives;     /* real: the diagonals of F[0], F[1], ... F[L] */
    void *a;               /* real [n[L]]: A[L], in the network's units */
    size_t last;           /* where the diagonal of F[L] begins */
    size_t first, columns; /* those of M that go through the layers now */
} jacobian;

/* ---------------------------------------------------------------------------
 * The derivatives of all layers
 */

/* Sets n numbers to 1, by 0 * 1 + 1: no bytes are the number 1 in both
 * precisions. */
static void fill_ones(const mlpi_kernels *kernels, size_t n, void *x)
{
    memset(x, 0, n * kernels->real_size);
    kernels->scale_and_shift(n, 1.0, 1.0, x);
}

/* Sets d, real [n[0]], to 1 / std of each input, or to 1. To get the rounding
 * of a prediction, it standardises a row of ones with the mean 0, by the kernel
 * that standardises inputs. */
static void derive_inputs(const jacobian *j, void *d)
{
    const mlp_net *net = j->net;
    const mlpi_kernels *kernels = net->kernels;
    size_t n = mlpi_net_inputs(net);
    fill_ones(kernels, n, d);
    if (net->in.scales) {
        void *zeros = j->buffers->X;
        void *ones = mlpi_at(kernels, zeros, n);
        memset(zeros, 0, n * kernels->real_size);
        memcpy(ones, d, n * kernels->real_size);
        kernels->load_rows(&(mlpi_load_rows_args){.m = 1,
                                                  .n = n,
                                                  .X = {ones, n, 1},
                                                  .mean = zeros,
                                                  .std = net->in.std,
                                                  .out = d});
    }
}

/* Sets d, real [n[l]], to the diagonal of F[l], or to D if the layer has
 * softmax. Batch norm multiplies d by its factor if it is given d for U, and
 * zeros for its mean and its shift. */
static void derive_layer(const jacobian *j, size_t l, const void *Z,
                         const void *A, void *d)
{
    const mlp_net *net = j->net;
    const mlpi_kernels *kernels = net->kernels;
    const mlpi_layer_layout *layer = &net->layout.layer[l];
    fill_ones(kernels, layer->width, d);
    if (layer->activation != MLP_ACT_SOFTMAX) {
        mlpi_activation_args activation = mlpi_net_activation(net, l, 1);
        kernels->activate_backward(&activation, Z, A, d);
    }
    if (layer->batch_norm) {
        void *zeros =
            mlpi_at(kernels, j->buffers->hidden[0], 2 * net->layout.widest);
        memset(zeros, 0, layer->width * kernels->real_size);
        kernels->normalise(&(mlpi_normalise_args){
            .m = 1,
            .n = layer->width,
            .epsilon = net->norm_epsilon,
            .mean = zeros,
            .variance =
                mlpi_const_at(kernels, net->running, layer->variance_offset),
            .scale =
                mlpi_const_at(kernels, net->parameters, layer->scale_offset),
            .shift = zeros,
            .U = d,
            .Z = d});
    }
}

/* Predicts x, and sets j->derivatives, j->last and j->a. The hidden buffers
 * have several rows, because a chunk has at least MLPI_LANES: row 0 holds A of
 * a layer, row 1 its Z, and row 2 serves batch norm. */
static void derive(jacobian *j, const mlp_cview *x)
{
    const mlp_net *net = j->net;
    const mlpi_kernels *kernels = net->kernels;
    const mlpi_layout *layout = &net->layout;
    j->last = 0;
    derive_inputs(j, j->derivatives);
    mlpi_operand A_prev =
        mlpi_load_inputs(net, j->buffers, mlpi_operand_of(*x), NULL, 1);
    for (size_t l = 1; l <= layout->L; l++) {
        j->last += layout->layer[l - 1].width;
        void *A = l < layout->L ? j->buffers->hidden[l % 2] : j->a;
        void *Z = mlpi_at(kernels, j->buffers->hidden[l % 2], layout->widest);
        mlpi_forward(net, &(mlpi_forward_args){.l = l,
                                               .m = 1,
                                               .A_prev = A_prev,
                                               .Z = Z,
                                               .A = A,
                                               .scratch = j->buffers->scratch});
        derive_layer(j, l, Z, A, mlpi_at(kernels, j->derivatives, j->last));
        A_prev = (mlpi_operand){A, layout->layer[l].width, 1};
    }
}

/* ---------------------------------------------------------------------------
 * Products with M, of which columns [first, first + columns) are computed
 *
 * M lies in hidden[0]. A product with weights is written to hidden[1], and from
 * there multiplied by the next diagonal into hidden[0] again: a kernel that
 * writes where it reads would wait for its own stores. Only at the inputs M
 * lies in X, which has space for rows of n[0] numbers.
 */

/* Sets M, real [n][columns], to the columns of a diagonal matrix. */
static void set_diagonal(const jacobian *j, size_t n, const void *diagonal,
                         void *M)
{
    const mlpi_kernels *kernels = j->net->kernels;
    memset(M, 0, n * j->columns * kernels->real_size);
    for (size_t c = 0; c < j->columns; c++) {
        size_t i = j->first + c;
        memcpy(mlpi_at(kernels, M, i * j->columns + c),
               mlpi_const_at(kernels, diagonal, i), kernels->real_size);
    }
}

/* Multiplies U, real [n][columns], by a diagonal matrix; M may be U. */
static void multiply_by_diagonal(const jacobian *j, size_t n,
                                 const void *diagonal, const void *U, void *M)
{
    j->net->kernels->scale_rows(&(mlpi_scale_rows_args){
        .m = n, .n = j->columns, .factor = diagonal, .X = U, .Y = M});
}

/* Multiplies M, real [n[L]][columns], by the derivative of softmax, if the last
 * layer has it: M[i] = a[i] (M[i] - sum over k of a[k] M[k]). */
static void multiply_by_softmax(const jacobian *j, void *M)
{
    const mlp_net *net = j->net;
    size_t L = net->layout.L;
    size_t n = net->layout.layer[L].width;
    if (net->layout.layer[L].activation == MLP_ACT_SOFTMAX) {
        net->kernels->gemm(&(mlpi_gemm_args){.m = 1,
                                             .n = j->columns,
                                             .k = n,
                                             .A = {j->a, n, 1},
                                             .B = {M, j->columns, 1},
                                             .C = j->buffers->Z,
                                             .scratch = j->buffers->scratch});
        net->kernels->scale_rows(&(mlpi_scale_rows_args){.m = n,
                                                         .n = j->columns,
                                                         .factor = j->a,
                                                         .shift = j->buffers->Z,
                                                         .X = M,
                                                         .Y = M});
    }
}

/* Computes U = W[l] M if `forward`, else U = W[l]^T M. One matrix in memory
 * serves both, because the strides of an operand say which way it is read. */
static void multiply_by_weights(const jacobian *j, size_t l, bool forward,
                                const void *M, void *U)
{
    const mlp_net *net = j->net;
    size_t n = net->layout.layer[l].width;
    size_t n_prev = net->layout.layer[l - 1].width;
    const void *weights = mlpi_const_at(net->kernels, net->parameters,
                                        net->layout.layer[l].W_offset);
    mlpi_gemm_args product = {.m = n_prev,
                              .n = j->columns,
                              .k = n,
                              .A = {weights, n, 1},
                              .B = {M, j->columns, 1},
                              .C = U,
                              .scratch = j->buffers->scratch};
    if (forward) { /* memory holds W^T (layout.h) */
        product.m = n;
        product.k = n_prev;
        product.A = (mlpi_operand){weights, 1, n};
    }
    net->kernels->gemm(&product);
}

/* ---------------------------------------------------------------------------
 * Both modes
 */

/* Computes columns of dA_dx, which are those of M. M begins as some columns of
 * F[0], that is as changes of one input each; each layer turns them into the
 * changes of its outputs. Softmax comes last. */
static void run_forward(const jacobian *j, mlp_view dA_dx)
{
    const mlp_net *net = j->net;
    const mlpi_kernels *kernels = net->kernels;
    const mlpi_layer_layout *layer = net->layout.layer;
    size_t L = net->layout.L;
    void *M = j->buffers->X;
    void *U = j->buffers->hidden[1];
    const void *d = j->derivatives;
    set_diagonal(j, layer[0].width, d, M);
    for (size_t l = 1; l <= L; l++) {
        multiply_by_weights(j, l, true, M, U);
        M = j->buffers->hidden[0];
        d = mlpi_const_at(kernels, d, layer[l - 1].width);
        multiply_by_diagonal(j, layer[l].width, d, U, M);
    }
    multiply_by_softmax(j, M);
    if (net->out.scales) {
        multiply_by_diagonal(j, layer[L].width, net->out.std, M, M);
    }
    dA_dx.data = mlpi_at(kernels, dA_dx.data, j->first * dA_dx.col_stride);
    kernels->scalar->copy_out(layer[L].width, j->columns, M, dA_dx);
}

/* Computes rows of dA_dx, which are the columns of M. The factors of F[L]^T
 * stand in the other order than those of F[L], so softmax comes first. The
 * result is M^T: it is copied out with the two strides exchanged. */
static void run_reverse(const jacobian *j, mlp_view dA_dx)
{
    const mlp_net *net = j->net;
    const mlpi_kernels *kernels = net->kernels;
    const mlpi_layer_layout *layer = net->layout.layer;
    size_t L = net->layout.L;
    void *M = j->buffers->hidden[0];
    void *U = j->buffers->hidden[1];
    const void *T = net->out.std;
    if (!net->out.scales) {
        fill_ones(kernels, layer[L].width, j->buffers->Y);
        T = j->buffers->Y;
    }
    set_diagonal(j, layer[L].width, T, U);
    multiply_by_softmax(j, U);
    size_t at = j->last;
    for (size_t l = L; l >= 1; l--) {
        const void *d = mlpi_const_at(kernels, j->derivatives, at);
        at -= layer[l - 1].width;
        multiply_by_diagonal(j, layer[l].width, d, U, M);
        U = l > 1 ? U : j->buffers->X;
        multiply_by_weights(j, l, false, M, U);
    }
    if (net->in.scales) {
        multiply_by_diagonal(j, layer[0].width, j->derivatives, U, U);
    }
    dA_dx.data = mlpi_at(kernels, dA_dx.data, j->first * dA_dx.row_stride);
    kernels->scalar->copy_out(layer[0].width, j->columns, U,
                              (mlp_view){dA_dx.dtype, dA_dx.cols, dA_dx.rows,
                                         dA_dx.col_stride, dA_dx.row_stride,
                                         dA_dx.data});
}

/* ---------------------------------------------------------------------------
 * The public function
 */

static mlp_status check_arrays(const mlp_net *net, const mlp_cview *x,
                               const mlp_view *dA_dx)
{
    size_t inputs = mlpi_net_inputs(net);
    mlpi_expected row = {
        .name = "x", .dtype = net->kernels->dtype, .rows = 1, .cols = inputs};
    mlpi_expected matrix = {.name = "dA_dx",
                            .dtype = net->kernels->dtype,
                            .rows = mlpi_net_outputs(net),
                            .cols = inputs};
    TRY(mlpi_check_view(&net->hooks, x, &row));
    return mlpi_check_writable(&net->hooks, dA_dx, &matrix);
}

/* The outputs that softmax needs until the end lie in a buffer that M does not
 * use. */
mlp_status mlp_jacobian(const mlp_net *net, mlp_workspace *workspace,
                        mlp_cview x, mlp_view dA_dx)
{
    TRY(mlpi_check_workspace(net, workspace));
    TRY(check_arrays(net, &x, &dA_dx));
    TRY(mlpi_check_rounding(&net->hooks));
    const bool forward = mlpi_jacobian_is_forward(&net->layout);
    const size_t columns = mlpi_jacobian_columns(&net->layout);
    jacobian j = {.net = net,
                  .buffers = &workspace->buffers,
                  .derivatives = workspace->derivatives,
                  .a = workspace->buffers.A};
    derive(&j, &x);
    for (; j.first < columns; j.first += j.columns) {
        j.columns = mlpi_min_size(columns - j.first, workspace->rows);
        if (forward) {
            run_forward(&j, dA_dx);
        } else {
            run_reverse(&j, dA_dx);
        }
    }
    return MLP_OK;
}
