/* SPDX-License-Identifier: MIT */
/*
 * Affine maps are evaluated from the last operation to the first, the order in
 * which a walk from the output finds them. With y = s v + t for the operations
 * so far, an earlier operation v = p u + q gives
 *
 *     y = s (p u + q) + t = (s p) u + (s q + t)
 *
 * so each operation adds s q to t and then multiplies s by p. All is computed
 * in double, whatever the precision of the network.
 */
#include "formats/onnx/affine.h"

#include <math.h>

#include "base/error.h"

/* Before this opset, a BatchNormalization with more than one output trains;
 * since then its attribute training_mode says so. */
enum { TRAINING_MODE_OPSET = 14 };

/* Batch norm has four constants: scale, shift, mean and variance. A factor has
 * its number in the operation itself. */
size_t mlpi_affine_constants(mlpi_affine_kind kind)
{
    return kind == MLPI_AFFINE_NORM ? 4 : kind == MLPI_AFFINE_FACTOR ? 0 : 1;
}

/* For batch norm, p is c0 / sqrt(c3 + epsilon) and q is c1 - p c2. For "c0 -
 * v", p is -1. */
void mlpi_affine_at(const mlpi_affine *affine, size_t j, double *s, double *t)
{
    *s = 1;
    *t = 0;
    for (size_t i = 0; i < affine->count; i++) {
        const mlpi_affine_operation *o = &affine->operation[i];
        double c = o->kind == MLPI_AFFINE_FACTOR
                       ? o->number
                       : mlpi_constant_broadcast(&o->c[0], j);
        switch (o->kind) {
        case MLPI_AFFINE_ADD:
            *t += *s * c;
            break;
        case MLPI_AFFINE_SUB:
            *t -= *s * c;
            break;
        case MLPI_AFFINE_SUB_FROM:
            *t += *s * c;
            *s = -*s;
            break;
        case MLPI_AFFINE_MUL:
        case MLPI_AFFINE_FACTOR:
            *s *= c;
            break;
        case MLPI_AFFINE_DIV:
            *s /= c;
            break;
        case MLPI_AFFINE_NORM:
            c /= sqrt(mlpi_constant_broadcast(&o->c[3], j) + o->number);
            *t += *s * (mlpi_constant_broadcast(&o->c[1], j) -
                        c * mlpi_constant_broadcast(&o->c[2], j));
            *s *= c;
            break;
        }
    }
}

/* ---------------------------------------------------------------------------
 * Recognising the operations of a node
 *
 * An operator is affine if all its inputs but one are constants. These
 * functions read the constants of a node and leave it to the caller, who knows
 * the number of columns, to check their shape.
 */

/* Reads scale, bias, mean and variance, in this order, which is both ONNX's and
 * that of c0 to c3. Without training, the moments are constants. */
static mlp_status match_norm(const mlpi_graph_reader *r, const onnx_node *node,
                             mlpi_affine_match *match)
{
    mlpi_affine_operation *norm = &match->operation[0];
    *norm = (mlpi_affine_operation){
        .kind = MLPI_AFFINE_NORM,
        .number = mlpi_node_get_float(node, "epsilon", 1e-5),
        .node = node};
    if (mlpi_node_get_int(node, "training_mode", 0) != 0 ||
        (r->opset < TRAINING_MODE_OPSET && node->n_output > 1)) {
        return mlpi_graph_unsupported(r, node, "is for training");
    }
    for (size_t i = 0; i < 4; i++) {
        TRY(mlpi_graph_get_constant(r, mlpi_node_input(node, i + 1),
                                    &norm->c[i]));
    }
    match->count = 1;
    match->input = mlpi_node_input(node, 0);
    return MLP_OK;
}

/* A Scaler computes (v - offset) scale, from two attributes. Each has a number
 * for every column, or one for all. The node becomes two operations, of which
 * the product is the last one. */
static mlp_status match_scaler(const mlpi_graph_reader *r,
                               const onnx_node *node, mlpi_affine_match *match)
{
    const onnx_attribute *offset = mlpi_node_attribute(node, "offset");
    const onnx_attribute *scale = mlpi_node_attribute(node, "scale");
    if (!offset || !scale || offset->n_floats == 0 || scale->n_floats == 0) {
        return mlpi_graph_unsupported(r, node, "expects offset and scale");
    }
    match->operation[0] = (mlpi_affine_operation){
        .kind = MLPI_AFFINE_MUL,
        .c = {mlpi_constant_from_floats(scale->n_floats, scale->floats)},
        .node = node};
    match->operation[1] = (mlpi_affine_operation){
        .kind = MLPI_AFFINE_SUB,
        .c = {mlpi_constant_from_floats(offset->n_floats, offset->floats)},
        .node = node};
    match->count = 2;
    match->input = mlpi_node_input(node, 0);
    return MLP_OK;
}

/* The arithmetic operators: what they do if the constant is the second input,
 * and if it is the first. A constant divided by v is not affine. */
static const struct {
    const char *op;
    mlpi_affine_kind constant_second, constant_first;
    bool needs_second;
} operators[] = {
    {"Add", MLPI_AFFINE_ADD, MLPI_AFFINE_ADD, false},
    {"Sub", MLPI_AFFINE_SUB, MLPI_AFFINE_SUB_FROM, false},
    {"Mul", MLPI_AFFINE_MUL, MLPI_AFFINE_MUL, false},
    {"Div", MLPI_AFFINE_DIV, MLPI_AFFINE_DIV, true},
};

/* If both inputs are constants, the second one is taken for the constant. A
 * walk then ends at the first one, which is not the graph input, and is
 * refused. */
static mlp_status match_arithmetic(const mlpi_graph_reader *r,
                                   const onnx_node *node,
                                   mlpi_affine_match *match)
{
    size_t k = 0;
    size_t n = sizeof operators / sizeof operators[0];
    while (k < n && !mlpi_node_is_op(node, operators[k].op)) {
        k++;
    }
    if (k == n || node->n_input != 2) {
        return MLP_OK;
    }
    /* `at` is the index of the constant among the two inputs. */
    size_t at = mlpi_graph_is_constant(r, node->input[1]) ? 1 : 0;
    if (!mlpi_graph_is_constant(r, node->input[at]) ||
        (at == 0 && operators[k].needs_second)) {
        return MLP_OK;
    }
    mlpi_affine_operation *o = &match->operation[0];
    *o = (mlpi_affine_operation){.kind = at == 1 ? operators[k].constant_second
                                                 : operators[k].constant_first,
                                 .node = node};
    TRY(mlpi_graph_get_constant(r, node->input[at], &o->c[0]));
    match->count = 1;
    match->input = node->input[1 - at];
    return MLP_OK;
}

/* Tries the three kinds of nodes. A node that is none of them is no error:
 * count stays 0, and the caller tries other patterns. */
mlp_status mlpi_match_affine(const mlpi_graph_reader *r, const onnx_node *node,
                             mlpi_affine_match *match)
{
    match->count = 0;
    return mlpi_node_is_op(node, "BatchNormalization")
               ? match_norm(r, node, match)
           : mlpi_node_is_ml_op(node, "Scaler")
               ? match_scaler(r, node, match)
               : match_arithmetic(r, node, match);
}
