/* SPDX-License-Identifier: MIT */
/*
 * Affine maps are composed from the first operation to the last. With
 * y = s v + t for the operations so far, a further one p y + q gives
 *
 *     p (s v + t) + q = (p s) v + (p t + q)
 *
 * All is computed in double, whatever the precision of the network.
 */
#include "formats/onnx/affine.h"

#include <math.h>

#include "base/error.h"
#include "formats/onnx/graph_values.h"

/* Before this opset, a BatchNormalization with more than one output trains;
 * since then its attribute training_mode says so. */
enum { TRAINING_MODE_OPSET = 14 };

/* Batch norm has four constants: scale, shift, mean and variance. A factor and
 * a shift have their number in the operation itself. */
size_t mlpi_affine_constants(mlpi_affine_kind kind)
{
    return kind == MLPI_AFFINE_NORM                                  ? 4
           : kind == MLPI_AFFINE_FACTOR || kind == MLPI_AFFINE_SHIFT ? 0
                                                                     : 1;
}

/* Composes one operation with the map (s, t). A division stays one: x / c and
 * x (1 / c) are different numbers. For batch norm, p is c0 / sqrt(c3 + epsilon)
 * and q is c1 - p c2. */
static void compose(const mlpi_affine_operation *o, size_t j, double *s,
                    double *t)
{
    double c = mlpi_affine_constants(o->kind) == 0
                   ? o->number
                   : mlpi_constant_broadcast(&o->c[0], j);
    switch (o->kind) {
    case MLPI_AFFINE_ADD:
    case MLPI_AFFINE_SHIFT:
        *t += c;
        break;
    case MLPI_AFFINE_SUB:
        *t -= c;
        break;
    case MLPI_AFFINE_SUB_FROM:
        *s = -*s;
        *t = c - *t;
        break;
    case MLPI_AFFINE_MUL:
    case MLPI_AFFINE_FACTOR:
        *s *= c;
        *t *= c;
        break;
    case MLPI_AFFINE_DIV:
        *s /= c;
        *t /= c;
        break;
    case MLPI_AFFINE_NORM:
        c /= sqrt(mlpi_constant_broadcast(&o->c[3], j) + o->number);
        *s *= c;
        *t = c * (*t - mlpi_constant_broadcast(&o->c[2], j)) +
             mlpi_constant_broadcast(&o->c[1], j);
        break;
    }
}

void mlpi_affine_at(const mlpi_affine *affine, size_t j, double *s, double *t)
{
    *s = 1;
    *t = 0;
    for (size_t i = 0; i < affine->count; i++) {
        compose(&affine->operation[i], j, s, t);
    }
}

/* ---------------------------------------------------------------------------
 * Recognising the operations of a node
 *
 * An operator is affine if all its inputs but one are constants. These
 * functions read the constants of a node; mlpi_fit_affine compares them with
 * the value.
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
 * for every column, or one for all. The node becomes two operations. */
static mlp_status match_scaler(const mlpi_graph_reader *r,
                               const onnx_node *node, mlpi_affine_match *match)
{
    const onnx_attribute *offset = mlpi_node_attribute(node, "offset");
    const onnx_attribute *scale = mlpi_node_attribute(node, "scale");
    if (!offset || !scale || offset->n_floats == 0 || scale->n_floats == 0) {
        return mlpi_graph_unsupported(r, node, "expects offset and scale");
    }
    match->operation[0] = (mlpi_affine_operation){
        .kind = MLPI_AFFINE_SUB,
        .c = {mlpi_constant_from_floats(offset->n_floats, offset->floats)},
        .node = node};
    match->operation[1] = (mlpi_affine_operation){
        .kind = MLPI_AFFINE_MUL,
        .c = {mlpi_constant_from_floats(scale->n_floats, scale->floats)},
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

/* A Sum is a chain of additions if all of its terms but one are constants. If
 * more of them are not, or there are too many, it is no map. */
static mlp_status match_sum(const mlpi_graph_reader *r, const onnx_node *node,
                            mlpi_affine_match *match)
{
    size_t n = 0;
    const char *input = NULL;
    for (size_t i = 0; i < node->n_input; i++) {
        bool is_constant = mlpi_graph_is_constant(r, node->input[i]);
        if ((!is_constant && input) ||
            (is_constant && n == MLPI_MAX_AFFINE_OF_NODE)) {
            return MLP_OK;
        }
        if (is_constant) {
            mlpi_affine_operation *o = &match->operation[n++];
            *o = (mlpi_affine_operation){.kind = MLPI_AFFINE_ADD, .node = node};
            TRY(mlpi_graph_get_constant(r, node->input[i], &o->c[0]));
        } else {
            input = node->input[i];
        }
    }
    match->input = input;
    match->count = input ? n : 0;
    return MLP_OK;
}

/* A Neg is a product with -1. */
static void match_neg(const onnx_node *node, mlpi_affine_match *match)
{
    match->operation[0] = (mlpi_affine_operation){
        .kind = MLPI_AFFINE_FACTOR, .number = -1, .node = node};
    match->count = 1;
    match->input = mlpi_node_input(node, 0);
}

/* Tries the kinds of nodes. A node that is none of them is no error: count
 * stays 0, and the caller tries other patterns. */
mlp_status mlpi_match_affine(const mlpi_graph_reader *r, const onnx_node *node,
                             mlpi_affine_match *match)
{
    match->count = 0;
    if (mlpi_node_is_op(node, "BatchNormalization")) {
        return match_norm(r, node, match);
    }
    if (mlpi_node_is_ml_op(node, "Scaler")) {
        return match_scaler(r, node, match);
    }
    if (mlpi_node_is_op(node, "Sum")) {
        return match_sum(r, node, match);
    }
    if (mlpi_node_is_op(node, "Neg")) {
        match_neg(node, match);
        return MLP_OK;
    }
    return match_arithmetic(r, node, match);
}

mlp_status mlpi_fit_affine(const mlpi_graph_reader *r, mlpi_affine_operation *o,
                           mlpi_shape *shape)
{
    for (size_t i = 0; i < mlpi_affine_constants(o->kind); i++) {
        if (!mlpi_constant_is_real(&o->c[i])) {
            return mlpi_graph_unsupported(
                r, o->node, "expects a number, or one for each column");
        }
        TRY(o->kind == MLPI_AFFINE_NORM
                ? mlpi_shape_channels(r, o->node, shape, &o->c[i])
                : mlpi_shape_broadcast(r, o->node, shape, &o->c[i]));
    }
    return MLP_OK;
}
