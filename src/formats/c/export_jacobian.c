/* SPDX-License-Identifier: MIT */
/*
 * Writes the function of the Jacobian. For a network of 64 inputs, 16 neurons
 * with tanh, and 10 outputs it is
 *
 *     dense(64, 16, w1, x, d1);                  the derivatives at x
 *     for (i = 0; i < 16; i++) {
 *         a[i] = tanh_of(d1[i]);
 *         d1[i] = tanh_derivative(a[i]);
 *     }
 *     set_unit(10, b);                           from the outputs back
 *     multiply_matrix(16, 10, 10, w2, 10, 1, b, a);
 *     multiply_rows(16, 10, d1, a);
 *     multiply_matrix(64, 16, 10, w1, 16, 1, a, b);
 *     transpose(64, 10, b, jacobian);
 *
 * It first predicts x, because the derivatives of the activations depend on it.
 * Then a matrix goes through the layers: from the outputs back (reverse mode)
 * if there are fewer outputs than inputs, or as many, else from the inputs on
 * (forward mode). It has a row for each neuron of the layer that it has
 * reached, and in reverse mode a column for each output: 10 x 10, then 16 x 10,
 * then 64 x 10. Below it is called the matrix; predict/jacobian.c calls it M,
 * and says how the two modes follow from the chain rule.
 *
 * A network of 2 inputs, 16 neurons with tanh and 3 outputs is in forward mode.
 * Its matrix is 2 x 2, then 16 x 2, then 3 x 2, which is the Jacobian:
 *
 *     set_unit(2, b);                            the inputs
 *     multiply_matrix(16, 2, 2, w1, 1, 16, b, a);
 *     multiply_rows(16, 2, d1, a);
 *     multiply_matrix(3, 16, 2, w2, 1, 3, a, jacobian);
 */
#include "formats/c/export_jacobian.h"

#include <math.h>

#include "base/error.h"
#include "model/data_check.h"
#include "predict/workspace.h"

/* The self-test compares the Jacobians of this many rows, if there are so many.
 * A Jacobian may have more numbers than the network. */
enum { JACOBIAN_ROWS = 2 };

/* ---------------------------------------------------------------------------
 * Sizes
 */

/* True if the code works in forward mode. */
static bool is_forward(const mlpi_export *e)
{
    return mlpi_jacobian_is_forward(&e->net->layout);
}

/* Returns the columns of the matrix: as many as the smaller of the numbers of
 * inputs and outputs. */
static size_t columns_of(const mlpi_export *e)
{
    return mlpi_jacobian_columns(&e->net->layout);
}

/* True if layer l has derivatives other than 1. A layer without an activation
 * has none, and its product with W is all that there is to do. */
static bool has_derivatives(const mlpi_export *e, size_t l)
{
    return e->net->layout.layer[l].activation != MLP_ACT_IDENTITY;
}

/* Returns the last layer that has derivatives; 0 if none has. The layers behind
 * it need not be predicted. */
static size_t last_predicted(const mlpi_export *e)
{
    size_t l = e->net->layout.L;
    while (l > 0 && !has_derivatives(e, l)) {
        l--;
    }
    return l;
}

/* True if the matrix at layer l is the caller's array: at the end of forward
 * mode, and at the end of reverse mode if nothing has to be transposed. */
static bool is_result(const mlpi_export *e, size_t l)
{
    return is_forward(e) ? l == e->net->layout.L : l == 0 && columns_of(e) == 1;
}

/* Returns the length of array `a` or `b`. Hidden outputs take no more than the
 * matrix at their layer, but the standardised inputs lie in `b` even if the
 * matrix never does. */
static size_t length_of(const mlpi_export *e, mlpi_export_array array)
{
    const mlpi_layout *layout = &e->net->layout;
    bool has_inputs =
        array == MLPI_ARRAY_B && e->standardises && last_predicted(e) > 0;
    size_t most = has_inputs ? layout->layer[0].width : 0;
    for (size_t l = array; l <= layout->L; l += 2) {
        if (!is_result(e, l)) {
            most = mlpi_max_size(most, layout->layer[l].width * columns_of(e));
        }
    }
    return most;
}

/* Returns where the derivatives of layer l begin in the scratch; for l = L + 1,
 * the length of the scratch. The network of 2 inputs above has 32 numbers for
 * `a`, 4 for `b`, and then 16 for d1: its scratch has 52. */
static size_t offset_of(const mlpi_export *e, size_t l)
{
    size_t at = length_of(e, MLPI_ARRAY_A) + length_of(e, MLPI_ARRAY_B);
    for (size_t k = 1; k < l; k++) {
        at += has_derivatives(e, k) ? e->net->layout.layer[k].width : 0;
    }
    return at;
}

/* ---------------------------------------------------------------------------
 * What the network needs
 */

/* Marks the snippets that the function calls. */
static void require_snippets(mlpi_export *e)
{
    const mlpi_layout *layout = &e->net->layout;
    mlpi_export_require(&e->snippets, "set_unit");
    mlpi_export_require(&e->snippets, "multiply_matrix");
    if (e->net->in.scales) {
        mlpi_export_require(&e->snippets, "scale_rows_down");
    }
    if (e->net->out.scales) {
        mlpi_export_require(&e->snippets, "scale_rows_up");
    }
    if (!is_forward(e) && !is_result(e, 0)) {
        mlpi_export_require(&e->snippets, "transpose");
    }
    for (size_t l = 1; l <= layout->L; l++) {
        mlp_activation f = layout->layer[l].activation;
        if (f == MLP_ACT_SOFTMAX) {
            mlpi_export_require(&e->snippets, "multiply_by_softmax");
        } else if (f != MLP_ACT_IDENTITY) {
            mlpi_export_require(&e->snippets, "multiply_rows");
            mlpi_export_require_activation(&e->snippets, f, "_derivative");
        }
    }
}

/* Returns Jacobian number i of those of the self-test. They lie one below the
 * other in e->jacobians, with a row for each output. */
static mlp_view jacobian_at(const mlpi_export *e, size_t i)
{
    mlp_view J = mlpi_view_rows(e->jacobians, e->net->kernels->real_size, 0, 0);
    J.rows = mlpi_net_outputs(e->net);
    J.data = mlpi_at(e->net->kernels, J.data, i * J.rows * J.cols);
    return J;
}

/* Returns how many rows of e->X have Jacobians. */
static size_t tested_rows(const mlpi_export *e)
{
    return mlpi_min_size(e->X.rows, JACOBIAN_ROWS);
}

/* Computes Jacobian number i, that of `net` at row x. */
static mlp_status compute(const mlpi_export *e, const mlp_net *net, mlp_cview x,
                          size_t i)
{
    mlp_workspace *workspace = NULL;
    TRY(mlp_workspace_create(net, &workspace));
    mlp_status status = mlp_jacobian(net, workspace, x, jacobian_at(e, i));
    mlp_workspace_free(workspace);
    return status;
}

/* Computes the Jacobian of the network without its activations. It tells how
 * large the derivatives by each input can be, which is the measure of errors: a
 * saturated activation has a small derivative, but no smaller error. */
static mlp_status compute_linear(const mlpi_export *e, size_t i)
{
    mlp_net *linear = NULL;
    TRY(mlp_net_clone(e->net, &linear));
    for (size_t l = 1; l <= linear->layout.L; l++) {
        linear->layout.layer[l].activation = MLP_ACT_IDENTITY;
    }
    mlp_status status =
        compute(e, linear, mlp_cview_rows(mlp_view_const(e->X), 0, 1), i);
    mlp_net_free(linear);
    return status;
}

/* Sets e->jacobians to those of the first rows of X and, as the last one, that
 * of the linear network. */
static mlp_status take_jacobians(mlpi_export *e)
{
    const mlp_net *net = e->net;
    size_t n = mlpi_net_inputs(net);
    size_t rows = (tested_rows(e) + 1) * mlpi_net_outputs(net);
    void *block = NULL;
    TRY(mlpi_allocate_array(&net->hooks, rows, n * net->kernels->real_size,
                            "the Jacobians", &block));
    e->jacobians = (mlp_view){net->kernels->dtype, rows, n, n, 1, block};
    for (size_t i = 0; i < tested_rows(e); i++) {
        TRY(compute(e, net, mlp_cview_rows(mlp_view_const(e->X), i, 1), i));
        TRY(mlpi_check_finite(net, &net->hooks, "the Jacobian of X",
                              mlp_view_const(jacobian_at(e, i))));
    }
    return compute_linear(e, tested_rows(e));
}

mlp_status mlpi_export_prepare_jacobian(mlpi_export *e)
{
    if (!e->options->jacobian) {
        return MLP_OK;
    }
    require_snippets(e);
    e->report->jacobian_scratch_bytes =
        offset_of(e, e->net->layout.L + 1) * e->size;
    return take_jacobians(e);
}

/* ---------------------------------------------------------------------------
 * The header
 */

void mlpi_export_put_jacobian_size(mlpi_writer *to, const mlpi_export *e)
{
    if (e->options->jacobian) {
        mlpi_put_text(to, "#define %s_JACOBIAN_SCRATCH %zu /* numbers */\n",
                      e->upper, offset_of(e, e->net->layout.L + 1));
    }
}

void mlpi_export_put_jacobian_prototype(mlpi_writer *to, const mlpi_export *e)
{
    if (e->options->jacobian) {
        mlpi_put_text(
            to,
            "\n/* Computes jacobian[%s_OUTPUTS * %s_INPUTS], row by row:\n"
            " * the derivatives of each output with respect to each\n"
            " * input, at x[%s_INPUTS].\n"
            " * The arrays must not overlap; scratch[%s_JACOBIAN_SCRATCH]\n"
            " * holds nothing between calls. */\n"
            "void %s_jacobian(const %s *x, %s *jacobian, %s *scratch);\n",
            e->upper, e->upper, e->upper, e->upper, e->prefix, e->type, e->type,
            e->type);
    }
}

/* ---------------------------------------------------------------------------
 * The function
 */

/* Returns the array of the matrix at layer l. The matrix takes turns as hidden
 * outputs do, so that a product reads one array and writes the other. */
static const char *matrix_name(const mlpi_export *e, size_t l)
{
    return is_result(e, l) ? "jacobian" : mlpi_export_array_name(l);
}

/* Writes the head of the function, with its variables. Compilers warn of a
 * variable or parameter that nobody uses, so each is written only if the body
 * has a use for it; x has none if all derivatives are constants. */
static void put_variables(mlpi_writer *to, const mlpi_export *e)
{
    const mlpi_layout *layout = &e->net->layout;
    size_t length_a = length_of(e, MLPI_ARRAY_A);
    bool has_loops = false;
    mlpi_put_text(to,
                  "\nvoid %s_jacobian(const %s *x, %s *jacobian, "
                  "%s *scratch)\n{\n",
                  e->prefix, e->type, e->type, e->type);
    if (length_a > 0) {
        mlpi_put_text(to, "    %s *a = scratch;\n", e->type);
    }
    if (length_of(e, MLPI_ARRAY_B) > 0) {
        mlpi_put_text(to, "    %s *b = scratch + %zu;\n", e->type, length_a);
    }
    for (size_t l = 1; l <= layout->L; l++) {
        if (has_derivatives(e, l)) {
            mlpi_put_text(to, "    %s *d%zu = scratch + %zu;\n", e->type, l,
                          offset_of(e, l));
            has_loops |= layout->layer[l].activation != MLP_ACT_SOFTMAX;
        }
    }
    mlpi_put_text(to, has_loops ? "    size_t i;\n\n" : "\n");
    if (last_predicted(e) == 0) {
        mlpi_put_text(to, "    (void)x;\n");
    }
}

/* Writes how d<l>, which holds z, becomes the derivatives, and the outputs of a
 * hidden layer on the way. Softmax keeps its outputs instead. For GELU, whose
 * derivative is a function of z, in a hidden layer 2 of 16 neurons:
 *
 *     for (i = 0; i < 16; i++) {
 *         b[i] = gelu_of(d2[i]);
 *         d2[i] = gelu_derivative(d2[i]);
 *     }
 *
 * The next layer reads b. In the last layer that is predicted nobody reads the
 * outputs, and the first line is not written. */
static void put_derivatives(mlpi_writer *to, const mlpi_export *e, size_t l)
{
    const mlpi_layer_layout *layer = &e->net->layout.layer[l];
    mlp_activation f = layer->activation;
    bool is_last = l == last_predicted(e);
    bool from_z = mlpi_needs_z(f);
    char z[24];
    mlpi_writer name = {.bytes = (unsigned char *)z};
    mlpi_put_text(&name, "d%zu", l);
    z[name.used] = '\0';
    if (f == MLP_ACT_SOFTMAX) {
        mlpi_put_text(to, "    probabilities(%zu, %s);\n", layer->width, z);
        return;
    }
    const char *a = is_last ? z : mlpi_export_array_name(l);
    mlpi_put_text(to, "    for (i = 0; i < %zu; i++) {\n", layer->width);
    if (!is_last || !from_z) {
        mlpi_export_put_activation(to, e, l, "_of", z, a);
    }
    mlpi_export_put_activation(to, e, l, "_derivative", from_z ? z : a, z);
    mlpi_put_text(to, "    }\n");
}

/* Writes the prediction, as far as derivatives need it. The z of a layer with
 * derivatives go to its own array, d<l>; those of a layer without are its
 * outputs, and go where the next layer reads. */
static void put_prediction(mlpi_writer *to, const mlpi_export *e)
{
    const mlpi_layer_layout *layer = e->net->layout.layer;
    const char *in = "x";
    if (e->standardises && last_predicted(e) > 0) {
        mlpi_put_text(to, "    standardise(%zu, input_scaling, x, b);\n",
                      layer[0].width);
        in = "b";
    }
    for (size_t l = 1; l <= last_predicted(e); l++) {
        mlpi_put_text(to, "    dense(%zu, %zu, w%zu, %s, ", layer[l - 1].width,
                      layer[l].width, l, in);
        in = mlpi_export_array_name(l);
        if (has_derivatives(e, l)) {
            mlpi_put_text(to, "d%zu);\n", l);
            put_derivatives(to, e, l);
        } else {
            mlpi_put_text(to, "%s);\n", in);
        }
    }
}

/* Writes the product of the matrix with the derivative of layer l. That of most
 * activations is diagonal, so each row is multiplied by a number. */
static void put_product_of_derivatives(mlpi_writer *to, const mlpi_export *e,
                                       size_t l)
{
    const mlpi_layer_layout *layer = &e->net->layout.layer[l];
    if (has_derivatives(e, l)) {
        mlpi_put_text(to, "    %s(%zu, %zu, d%zu, %s);\n",
                      layer->activation == MLP_ACT_SOFTMAX
                          ? "multiply_by_softmax"
                          : "multiply_rows",
                      layer->width, columns_of(e), l, matrix_name(e, l));
    }
}

/* Writes the product of the matrix with the weights between two layers. The
 * code holds W^T (n[l-1], n[l]), row by row. Forward mode needs W, which is the
 * same numbers with the two strides exchanged. */
static void put_product_of_weights(mlpi_writer *to, const mlpi_export *e,
                                   size_t from, size_t to_layer)
{
    const mlpi_layer_layout *layer = e->net->layout.layer;
    size_t l = mlpi_max_size(from, to_layer);
    size_t n = layer[l].width;
    bool forward = l == to_layer;
    mlpi_put_text(to, "    multiply_matrix(%zu, %zu, %zu, w%zu, %zu, %zu, ",
                  layer[to_layer].width, layer[from].width, columns_of(e), l,
                  forward ? 1 : n, forward ? n : 1);
    mlpi_put_text(to, "%s, %s);\n", matrix_name(e, from),
                  matrix_name(e, to_layer));
}

/* Writes the scaling of the rows of the matrix at layer l, 0 or L. */
static void put_scaling_of_rows(mlpi_writer *to, const mlpi_export *e, size_t l)
{
    const mlpi_scaling *scaling = l == 0 ? &e->net->in : &e->net->out;
    if (scaling->scales) {
        mlpi_put_text(to, "    %s(%zu, %zu, %s, %s);\n",
                      l == 0 ? "scale_rows_down" : "scale_rows_up", scaling->n,
                      columns_of(e),
                      l == 0 ? "input_scaling" : "output_scaling",
                      matrix_name(e, l));
    }
}

/* Writes how the matrix begins at layer l, the inputs or the outputs: as the
 * unit matrix, since each derives itself with 1, times the scaling. */
static void put_unit(mlpi_writer *to, const mlpi_export *e, size_t l)
{
    mlpi_put_text(to, "    set_unit(%zu, %s);\n", columns_of(e),
                  matrix_name(e, l));
    put_scaling_of_rows(to, e, l);
}

void mlpi_export_put_jacobian(mlpi_writer *to, const mlpi_export *e)
{
    size_t L = e->net->layout.L;
    if (!e->options->jacobian) {
        return;
    }
    put_variables(to, e);
    put_prediction(to, e);
    if (is_forward(e)) {
        put_unit(to, e, 0);
        for (size_t l = 1; l <= L; l++) {
            put_product_of_weights(to, e, l - 1, l);
            put_product_of_derivatives(to, e, l);
        }
        put_scaling_of_rows(to, e, L);
    } else {
        put_unit(to, e, L);
        for (size_t l = L; l >= 1; l--) {
            put_product_of_derivatives(to, e, l);
            put_product_of_weights(to, e, l, l - 1);
        }
        put_scaling_of_rows(to, e, 0);
        if (!is_result(e, 0)) {
            mlpi_put_text(to, "    transpose(%zu, %zu, b, jacobian);\n",
                          mlpi_net_inputs(e->net), columns_of(e));
        }
    }
    mlpi_put_text(to, "}\n");
}

/* ---------------------------------------------------------------------------
 * The self-test
 */

/* Writes the Jacobians that the library computed, row by row. That of the
 * linear network, the last one, is no expectation and is left out. */
static void put_expected(mlpi_writer *to, const mlpi_export *e)
{
    size_t rows = tested_rows(e) * mlpi_net_outputs(e->net);
    mlp_cview all = mlp_view_const(e->jacobians);
    mlpi_list list = mlpi_list_open(to, "\nstatic const %s test_jacobian[%zu]",
                                    e->type, rows * all.cols);
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < all.cols; k++) {
            mlpi_list_put_real(&list, all.dtype, mlp_cview_at(all, i, k));
        }
        mlpi_list_break(&list);
    }
    mlpi_list_close(&list);
}

/* Writes for each input the size of the derivatives by it: the largest that are
 * known. The linear network may overflow, and C has no constant for that. */
static void put_sizes(mlpi_writer *to, const mlpi_export *e)
{
    const double most = 1e30;
    mlp_cview all = mlp_view_const(e->jacobians);
    mlpi_list list =
        mlpi_list_open(to, "\nstatic const double test_size[%zu]", all.cols);
    for (size_t k = 0; k < all.cols; k++) {
        double size = 0;
        for (size_t i = 0; i < all.rows; i++) {
            double x = fabs(mlp_cview_at(all, i, k));
            x = x > most ? most : x;
            size = x > size ? x : size;
        }
        mlpi_list_put_real(&list, MLP_F64, size);
    }
    mlpi_list_close(&list);
}

/* Canonical Jacobians must be equal. The others may differ by a part of the
 * size. Both forms refuse a NaN. */
void mlpi_export_put_jacobian_test(mlpi_writer *to, const mlpi_export *e)
{
    const char *type = e->type;
    const char *upper = e->upper;
    size_t count = mlpi_net_outputs(e->net) * mlpi_net_inputs(e->net);
    bool canonical = e->options->canonical;
    bool is_float = e->net->kernels->dtype == MLP_F32;
    if (!e->options->jacobian) {
        return;
    }
    put_expected(to, e);
    if (!canonical) {
        put_sizes(to, e);
    }
    mlpi_put_text(to,
                  "\nstatic int wrong_jacobians(void)\n{\n"
                  "    static %s jacobian[%zu], scratch[%s_JACOBIAN_SCRATCH];\n"
                  "    const %s *t = test_jacobian;\n    int wrong = 0;\n",
                  type, count, upper, type);
    mlpi_put_text(to,
                  "    for (size_t i = 0; i < %zu; i++, t += %zu) {\n"
                  "        %s_jacobian(test_x + i * %s_INPUTS, jacobian, "
                  "scratch);\n"
                  "        for (size_t k = 0; k < %zu; k++) {\n",
                  tested_rows(e), count, e->prefix, upper, count);
    mlpi_put_text(to,
                  canonical
                      ? "            wrong += !(jacobian[k] <= t[k] && "
                        "jacobian[k] >= t[k]);\n"
                      : "            double d = (double)jacobian[k] - "
                        "(double)t[k];\n"
                        "            double most = %s * test_size[k %% "
                        "%s_INPUTS];\n"
                        "            wrong += !(d <= most && d >= -most);\n",
                  is_float ? "1e-5" : "1e-6", upper);
    mlpi_put_text(to, "        }\n    }\n    return wrong;\n}\n");
}
