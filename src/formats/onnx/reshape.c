/* SPDX-License-Identifier: MIT */
/*
 * Shapes that keep rows.
 *
 * The shape that a Reshape asks for has two numbers here. The first must stand
 * for the number of rows, whatever that is, in one of these forms:
 *
 *     (0, n), (0, -1)   0 copies the dimension of the input
 *     (-1, n)           -1 is computed from the number of elements
 *     (N, n), (N, -1)   if N is the first dimension of the graph input: the
 *                       file was exported for exactly N rows
 *     Concat(rows, n)   if rows is computed from the shape of the input, as
 *                       PyTorch writes x.size(0)
 *
 * All other shapes are refused, since they would mix the rows.
 */
#include "formats/onnx/reshape.h"

#include <string.h>

#include "base/error.h"

/* A dimension that no valid shape has. */
enum { NO_DIMENSION = -2 };

/* Returns the integer of a constant of one element, NO_DIMENSION if the value
 * is anything else; then every comparison with a valid dimension fails. */
static int64_t integer_of(const mlpi_graph_reader *r, const char *name)
{
    mlpi_constant c = {.type = 0};
    return mlpi_graph_is_constant(r, name) &&
                   mlpi_graph_get_constant(r, name, &c) == MLP_OK &&
                   !mlpi_constant_is_real(&c) && mlpi_constant_count(&c) == 1
               ? mlpi_constant_int(&c, 0)
               : NO_DIMENSION;
}

/* Returns true if the value is the number of rows of the value `matrix`,
 * computed as Unsqueeze(Gather(Shape(matrix), 0)). Since opset 15 a Shape may
 * start at another dimension than the first; that one is not the rows. */
static bool counts_rows(const mlpi_graph_reader *r, const char *name,
                        const char *matrix)
{
    static const char *const operators[] = {"Unsqueeze", "Gather", "Shape"};
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        const onnx_node *node = mlpi_graph_producer(r, name);
        if (!node || !mlpi_node_is_op(node, operators[i]) ||
            (i == 1 && integer_of(r, mlpi_node_input(node, 1)) != 0) ||
            (i == 2 && mlpi_node_get_int(node, "start", 0) != 0)) {
            return false;
        }
        name = mlpi_node_input(node, 0);
    }
    return strcmp(mlpi_graph_skip_identities(r, name),
                  mlpi_graph_skip_identities(r, matrix)) == 0;
}

/* Gets the two numbers of the shape that a Reshape asks for. Each form that
 * copies the number of rows becomes 0 in shape[0]. With the attribute allowzero
 * a 0 in the file means a dimension of 0, which no matrix has here. */
static mlp_status get_shape(const mlpi_graph_reader *r, const onnx_node *node,
                            int64_t shape[2])
{
    mlpi_constant c;
    const char *name = mlpi_node_input(node, 1);
    const onnx_node *concat = mlpi_graph_producer(r, name);
    if (concat && mlpi_node_is_op(concat, "Concat") && concat->n_input == 2 &&
        counts_rows(r, concat->input[0], mlpi_node_input(node, 0))) {
        shape[0] = 0;
        shape[1] = integer_of(r, concat->input[1]);
        return MLP_OK;
    }
    if (!mlpi_graph_is_constant(r, name)) {
        return mlpi_graph_unsupported(r, node, "expects a constant shape");
    }
    TRY(mlpi_graph_get_constant(r, name, &c));
    if (mlpi_constant_is_real(&c) || mlpi_constant_count(&c) != 2) {
        return mlpi_graph_unsupported(r, node, "expects two dimensions");
    }
    shape[0] = mlpi_constant_int(&c, 0);
    shape[1] = mlpi_constant_int(&c, 1);
    bool zero_is_zero = mlpi_node_get_int(node, "allowzero", 0) != 0;
    if (shape[0] > 0 && shape[0] == mlpi_graph_input_dim(r, 0)) {
        shape[0] = 0;
    } else if (shape[0] == 0 && zero_is_zero) {
        shape[0] = NO_DIMENSION;
    }
    return MLP_OK;
}

/* Accepts the shapes of the table in the head of this file. (0, -1) keeps the
 * width, whatever it is; the others state it. */
static mlp_status match_reshape(const mlpi_graph_reader *r,
                                const onnx_node *node,
                                mlpi_reshape_match *match)
{
    int64_t shape[2] = {0, 0};
    TRY(get_shape(r, node, shape));
    if (shape[0] == 0 && shape[1] == -1) {
        return MLP_OK;
    }
    if ((shape[0] != 0 && shape[0] != -1) || shape[1] < 1 ||
        (uint64_t)shape[1] > SIZE_MAX) {
        return mlpi_graph_unsupported(r, node, "expects rows as they were");
    }
    match->width = (size_t)shape[1];
    return MLP_OK;
}

/* The axes of a Squeeze are an attribute, since opset 13 an input. */
static mlp_status match_squeeze(const mlpi_graph_reader *r,
                                const onnx_node *node,
                                mlpi_reshape_match *match)
{
    const onnx_attribute *axes = mlpi_node_attribute(node, "axes");
    int64_t axis = axes && axes->n_ints == 1
                       ? axes->ints[0]
                       : integer_of(r, mlpi_node_input(node, 1));
    if (axis != 1 && axis != -1) {
        return mlpi_graph_unsupported(r, node,
                                      "expects to come last, for axis 1");
    }
    match->is_squeeze = true;
    match->width = 1;
    return MLP_OK;
}

/* A Flatten at axis 1 keeps the rows and makes one column of each number, so
 * its width is not told either. At another axis it would mix the rows. */
mlp_status mlpi_match_reshape(const mlpi_graph_reader *r, const onnx_node *node,
                              mlpi_reshape_match *match)
{
    *match =
        (mlpi_reshape_match){.found = true, .input = mlpi_node_input(node, 0)};
    if (mlpi_node_is_op(node, "Reshape")) {
        return match_reshape(r, node, match);
    }
    if (mlpi_node_is_op(node, "Squeeze")) {
        return match_squeeze(r, node, match);
    }
    match->found = mlpi_node_is_op(node, "Flatten");
    return match->found && mlpi_node_get_int(node, "axis", 1) != 1
               ? mlpi_graph_unsupported(r, node, "expects axis 1")
               : MLP_OK;
}
