/* SPDX-License-Identifier: MIT */
/*
 * Finds the layers of a graph on a walk from its output to its input.
 *
 * The walk holds one value at a time. It asks which node computes that value,
 * recognises the node, stores what it is, and goes on with the node's input.
 * These nodes are recognised, in this order:
 *
 *     identities  Identity, Cast, Dropout: skipped     (graph_reader.h)
 *     affine      Add, Sub, Mul, Div with a constant,
 *                 BatchNormalization, Scaler           (affine.h)
 *     dense       Gemm, MatMul with a constant second input
 *     reshape     Flatten, Reshape, Squeeze            (reshape.h)
 *     activation  an operator or a product             (activation_match.h)
 *
 * Since the walk goes backwards, it meets the parts of a layer in the order
 * after, dense, before. Operations of an affine map are collected until a dense
 * layer or an activation ends the map. A dense layer takes the map as its
 * `after`. An activation ends a map that precedes the next layer in the graph;
 * the walk has already met that layer, and stores the map as its `before`. The
 * operations that are left at the graph input are the map `input` of the chain.
 *
 * At the output, two forms of scikit-learn's converter are read as well: a
 * ZipMap, which only names the classes, and the two columns 1 - p and p of a
 * binary classifier, of which the network computes p. Outputs that are not real
 * numbers, such as labels, are left out.
 *
 * A network of this library computes a chain of layers and nothing else. So a
 * graph is refused if it has
 *
 *   - an operator that is not in the list,
 *   - branches that meet, such as residual connections,
 *   - two outputs of numbers,
 *   - two activations without a dense layer between them,
 *   - a LogSoftmax that is not the last node,
 *   - a Reshape or Squeeze that does not keep the rows, or
 *   - no dense layer, or an activation before the first one.
 *
 * The message names the node where the walk ended, if one is at fault.
 */
#include "formats/onnx/layer_chain.h"

#include <string.h>

#include "base/error.h"
#include "formats/onnx/activation_match.h"
#include "formats/onnx/reshape.h"

/* The most graph outputs. Each of them is followed to its node, and so their
 * number bounds the time. */
enum { MAX_OUTPUTS = 16 };

/* The state of the walk. */
typedef struct walk {
    const mlpi_graph_reader *r;
    mlpi_layer_chain *chain;
    const char *value; /* the value that was reached */
    size_t width;      /* columns of that value, 0 if they are not known yet */

    /* What was found since the last dense layer or activation. */
    mlpi_affine_operation operation[MLPI_MAX_AFFINE];
    size_t operations;

    /* What was found since the last dense layer. */
    mlpi_activation_match activation;
    bool is_reshaped; /* true if the value changes its shape after this point */
} walk;

/* Reports a node that fits no pattern, or a pattern that is not supported. */
static mlp_status refuse(const walk *w, const onnx_node *node, const char *why)
{
    return mlpi_graph_unsupported(w->r, node, why);
}

/* Sets the columns of the value, as `node` requires them. MLP_ERR_SHAPE:
 * another node has required another number. */
static mlp_status set_width(walk *w, const onnx_node *node, size_t width)
{
    if (w->width != 0 && w->width != width) {
        return mlpi_error(&w->r->arena->hooks, MLP_ERR_SHAPE,
                          "node %.64s: expects %zu columns, got %zu",
                          node->name ? node->name : "without a name", w->width,
                          width);
    }
    w->width = width;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Affine maps
 */

/* Checks that an operation's constant has one row, with a number for each
 * column or one for all. Before a flatten, column j may not be feature j, so
 * only a scalar is allowed. */
static mlp_status check_columns(walk *w, const onnx_node *node,
                                const mlpi_constant *c)
{
    size_t n = mlpi_constant_count(c);
    if (!mlpi_constant_is_real(c) || c->rows != 1 ||
        (w->is_reshaped && n != 1)) {
        return refuse(w, node, "expects a number, or one for each column");
    }
    return n == 1 ? MLP_OK : set_width(w, node, n);
}

/* Adds an operation to the map that is being collected. Its constants tell the
 * number of columns, which all nodes up to the next dense layer share. */
static mlp_status add_operation(walk *w, const mlpi_affine_operation *o)
{
    for (size_t i = 0; i < mlpi_affine_constants(o->kind); i++) {
        TRY(check_columns(w, o->node, &o->c[i]));
    }
    if (w->operations == MLPI_MAX_AFFINE) {
        return refuse(w, o->node, "follows too many of its kind");
    }
    w->operation[w->operations++] = *o;
    return MLP_OK;
}

static mlp_status visit_affine(walk *w, const onnx_node *node, bool *matched)
{
    mlpi_affine_match match;
    TRY(mlpi_match_affine(w->r, node, &match));
    *matched = match.count > 0;
    if (!*matched) {
        return MLP_OK;
    }
    for (size_t i = 0; i < match.count; i++) {
        TRY(add_operation(w, &match.operation[i]));
    }
    w->value = match.input;
    return MLP_OK;
}

/* Moves the collected operations to a map in the arena. */
static mlp_status end_affine(walk *w, mlpi_affine *affine)
{
    affine->count = w->operations;
    affine->operation = mlpi_arena_allocate(w->r->arena, w->operations,
                                            sizeof *affine->operation);
    TRY(w->r->arena->status);
    if (w->operations > 0) {
        memcpy(affine->operation, w->operation,
               w->operations * sizeof *affine->operation);
    }
    w->operations = 0;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Dense layers
 */

/* Reads what a Gemm has beyond a MatMul: y = alpha x W + beta C, where transB
 * says that the file has the transpose of W. */
static mlp_status read_gemm(walk *w, const onnx_node *node, mlpi_dense *d)
{
    const char *C = mlpi_node_input(node, 2);
    d->alpha = mlpi_node_get_float(node, "alpha", 1);
    d->beta = mlpi_node_get_float(node, "beta", 1);
    if (mlpi_node_get_int(node, "transA", 0) != 0) {
        return refuse(w, node, "expects transA = 0");
    }
    if (d->W.rank == 2 && mlpi_node_get_int(node, "transB", 0) != 0) {
        size_t rows = d->W.rows;
        d->W.rows = d->W.cols;
        d->W.cols = rows;
        d->W.transposed = !d->W.transposed;
    }
    d->has_C = *C != '\0';
    if (d->has_C) {
        TRY(mlpi_graph_get_constant(w->r, C, &d->C));
        size_t n = mlpi_constant_count(&d->C);
        if (!mlpi_constant_is_real(&d->C) || d->C.rows != 1 ||
            (n != 1 && n != d->W.cols)) {
            return refuse(w, node, "expects C of one row");
        }
    }
    return MLP_OK;
}

/* Fills a layer from a Gemm or MatMul, and from the activation that follows
 * it. */
static mlp_status read_dense(walk *w, const onnx_node *node, mlpi_dense *d)
{
    *d = (mlpi_dense){.alpha = 1,
                      .activation = w->activation.activation,
                      .slope = w->activation.slope,
                      .node = node};
    TRY(mlpi_graph_get_constant(w->r, node->input[1], &d->W));
    if (mlpi_node_is_op(node, "Gemm")) {
        TRY(read_gemm(w, node, d));
    }
    if (d->W.rank != 2 || !mlpi_constant_is_real(&d->W)) {
        return refuse(w, node, "expects weights of two dimensions");
    }
    return MLP_OK;
}

/* Adds a layer. The value before it has as many columns as W has rows, and
 * nothing is known of that value yet: the state of the walk starts anew. */
static mlp_status visit_dense(walk *w, const onnx_node *node, bool *matched)
{
    mlpi_layer_chain *chain = w->chain;
    *matched = mlpi_node_is_op(node, "Gemm") || mlpi_node_is_op(node, "MatMul");
    if (!*matched) {
        return MLP_OK;
    }
    if (node->n_input < 2 || !mlpi_graph_is_constant(w->r, node->input[1])) {
        return refuse(w, node, "expects constants as the second input");
    }
    if (chain->L == MLP_MAX_LAYERS) {
        return refuse(w, node, "is one of too many layers");
    }
    mlpi_dense *d = &chain->dense[chain->L];
    TRY(read_dense(w, node, d));
    TRY(set_width(w, node, d->W.cols));
    TRY(end_affine(w, &d->after));
    chain->L++;
    w->width = d->W.rows;
    w->activation = (mlpi_activation_match){.activation = MLP_ACT_IDENTITY};
    w->is_reshaped = false;
    w->value = node->input[0];
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Activations
 */

/* If the last operation multiplies by one number, removes it and returns the
 * number, else returns 1. This completes a gelu that ends with its 1/2. There
 * the walk meets the 0.5 as an affine operation, and then z (1 + erf(...)), a
 * product that is gelu with a factor of 2. Together the two factors are 1. */
static double pop_number(walk *w)
{
    const mlpi_affine_operation *o =
        w->operations > 0 ? &w->operation[w->operations - 1] : NULL;
    if (!o || o->kind != MLPI_AFFINE_MUL ||
        mlpi_constant_count(&o->c[0]) != 1) {
        return 1;
    }
    w->operations--;
    return mlpi_constant_broadcast(&o->c[0], 0);
}

/* Ends the map after an activation. The map belongs to the layer that follows
 * it; after the last activation it is the output map of the chain. */
static mlp_status end_affine_after_activation(walk *w)
{
    size_t L = w->chain->L;
    return end_affine(w, L > 0 ? &w->chain->dense[L - 1].before
                               : &w->chain->output);
}

/* An activation belongs to the layer that computes its input. That layer is
 * found later, so the walk keeps the activation until then; a second one before
 * it cannot be represented. */
static mlp_status visit_activation(walk *w, const onnx_node *node,
                                   bool *matched)
{
    mlpi_activation_match match;
    TRY(mlpi_match_activation(w->r, node, &match));
    *matched = match.found;
    if (!match.found) {
        return MLP_OK;
    }
    if (w->activation.found) {
        return refuse(w, node, "stands before another activation");
    }
    if (mlpi_node_is_op(node, "LogSoftmax") &&
        (w->chain->L > 0 || w->operations > 0)) {
        return refuse(w, node, "expects nothing behind it");
    }
    double factor = match.factor * pop_number(w);
    if (factor != 1) {
        mlpi_affine_operation o = {
            .kind = MLPI_AFFINE_FACTOR, .number = factor, .node = node};
        TRY(add_operation(w, &o));
    }
    TRY(end_affine_after_activation(w));
    w->activation = match;
    w->value = match.input;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Reshapes
 */

/* A Squeeze makes a vector (N) of a column (N, 1), which stays a column here.
 * So it must be the last node: a softmax of a vector would normalise over all
 * rows together, and a dense layer would multiply the vector. */
static mlp_status visit_reshape(walk *w, const onnx_node *node, bool *matched)
{
    mlpi_reshape_match match;
    TRY(mlpi_match_reshape(w->r, node, &match));
    *matched = match.found;
    if (!match.found) {
        return MLP_OK;
    }
    if (match.is_squeeze && (w->chain->L > 0 || w->operations > 0 ||
                             w->activation.activation == MLP_ACT_SOFTMAX)) {
        return refuse(w, node, "expects to come last, for axis 1");
    }
    if (match.width > 0) {
        TRY(set_width(w, node, match.width));
    }
    w->is_reshaped = true;
    w->value = match.input;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * The ends of the walk
 */

/* Skips Concat(1 - p, p), by which scikit-learn's converter gives a binary
 * classifier two columns. The walk goes on with p, a value of one column. */
static void skip_complement(walk *w)
{
    const mlpi_graph_reader *r = w->r;
    const char *name = mlpi_graph_skip_identities(r, w->value);
    const onnx_node *concat = mlpi_graph_producer(r, name);
    if (!concat || !mlpi_node_is_op(concat, "Concat") || concat->n_input != 2) {
        return;
    }
    const char *p = mlpi_graph_skip_identities(r, concat->input[1]);
    const onnx_node *complement =
        mlpi_graph_producer(r, mlpi_graph_skip_identities(r, concat->input[0]));
    int64_t axis = mlpi_node_get_int(concat, "axis", 1);
    if ((axis == 1 || axis == -1) && complement &&
        mlpi_node_is_op(complement, "Sub") && complement->n_input == 2 &&
        mlpi_graph_is_number(r, complement->input[0], 1) &&
        strcmp(mlpi_graph_skip_identities(r, complement->input[1]), p) == 0) {
        w->value = p;
        w->width = 1;
    }
}

/* Returns true unless the file says that a value is not a tensor of floats or
 * doubles. */
static bool may_be_real(const onnx_value *value)
{
    const onnx_type *type = value->type;
    if (!type) {
        return true;
    }
    if (type->value_case != MLPI_ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE) {
        return false;
    }
    if (!type->tensor_type->has_elem_type) {
        return true;
    }
    int32_t element = type->tensor_type->elem_type;
    return element == ONNX_FLOAT || element == ONNX_DOUBLE;
}

/* Finds the value where the walk starts: the one graph output of real numbers.
 * Labels are integers or strings and are left out. A ZipMap is a list of
 * dictionaries; its input is the matrix of the probabilities. */
static mlp_status find_output(walk *w)
{
    const onnx_graph *g = w->r->graph;
    const onnx_node *label = NULL;
    if (g->n_output > MAX_OUTPUTS) {
        return mlpi_error(&w->r->arena->hooks, MLP_ERR_UNSUPPORTED,
                          "expects one output of numbers, got %zu outputs",
                          g->n_output);
    }
    for (size_t i = 0; i < g->n_output; i++) {
        const onnx_value *value = g->output[i];
        const char *name =
            value->name ? mlpi_graph_skip_identities(w->r, value->name) : "";
        const onnx_node *node = mlpi_graph_producer(w->r, name);
        if (node && mlpi_node_is_ml_op(node, "ZipMap")) {
            w->chain->zip_map = node;
            name = mlpi_graph_skip_identities(w->r, mlpi_node_input(node, 0));
        } else if (!node || !may_be_real(value)) {
            label = node ? node : label;
            continue;
        }
        if (w->value && strcmp(w->value, name) != 0) {
            return mlpi_error(&w->r->arena->hooks, MLP_ERR_UNSUPPORTED,
                              "expects one output of numbers, got %.64s and "
                              "%.64s",
                              w->value, name);
        }
        w->value = name;
    }
    if (!w->value && label) {
        return refuse(w, label, "expects an output of numbers");
    }
    if (!w->value) {
        return mlpi_error(&w->r->arena->hooks, MLP_ERR_UNSUPPORTED,
                          "expects an output of numbers, got none");
    }
    return MLP_OK;
}

/* Checks the graph input against the first layer, as far as the file tells the
 * dimensions. Without a reshape it must be a matrix (N, n); with one, all
 * dimensions but the first are flattened. The product of dimensions stays below
 * MLP_MAX_WIDTH^2, or becomes 0, which no width equals. */
static mlp_status check_input(walk *w)
{
    const onnx_shape *shape = mlpi_graph_input_shape(w->r);
    const onnx_node *first = w->chain->dense[w->chain->L - 1].node;
    uint64_t cols = 1;
    if (!shape) {
        return MLP_OK;
    }
    if (shape->n_dim != 2 && !(w->is_reshaped && shape->n_dim > 2)) {
        return mlpi_error(&w->r->arena->hooks, MLP_ERR_UNSUPPORTED,
                          "input %.64s: expects rows, (N, %zu), got %zu "
                          "dimensions",
                          w->r->input->name, w->width, shape->n_dim);
    }
    for (size_t i = 1; i < shape->n_dim; i++) {
        int64_t n = mlpi_graph_input_dim(w->r, i);
        if (n == 0) {
            return MLP_OK;
        }
        cols = n > 0 && n <= MLP_MAX_WIDTH && cols <= MLP_MAX_WIDTH
                   ? cols * (uint64_t)n
                   : 0;
    }
    return set_width(w, first, (size_t)cols);
}

/* Recognises one node, in the order of the head of this file. An affine product
 * comes before an activation, because a Mul by a constant is never one. */
static mlp_status visit(walk *w, const onnx_node *node)
{
    bool matched = false;
    TRY(visit_affine(w, node, &matched));
    if (!matched) {
        TRY(visit_dense(w, node, &matched));
    }
    if (!matched) {
        TRY(visit_reshape(w, node, &matched));
    }
    if (!matched) {
        TRY(visit_activation(w, node, &matched));
    }
    return matched ? MLP_OK : refuse(w, node, NULL);
}

mlp_status mlpi_find_layer_chain(const mlpi_graph_reader *r,
                                 mlpi_layer_chain *chain)
{
    walk w = {
        .r = r, .chain = chain, .activation = {.activation = MLP_ACT_IDENTITY}};
    *chain = (mlpi_layer_chain){.L = 0};
    chain->dense =
        mlpi_arena_allocate(r->arena, MLP_MAX_LAYERS, sizeof *chain->dense);
    TRY(r->arena->status);
    TRY(find_output(&w));
    skip_complement(&w);
    for (;;) {
        w.value = mlpi_graph_skip_identities(r, w.value);
        const onnx_node *node = mlpi_graph_producer(r, w.value);
        if (!node) {
            break;
        }
        if (strcmp(node->output[0], w.value) != 0) {
            return refuse(&w, node, "only its first output is known");
        }
        TRY(visit(&w, node));
    }
    if (!mlpi_graph_is_input(r, w.value) || chain->L == 0 ||
        w.activation.found) {
        return mlpi_error(&r->arena->hooks, MLP_ERR_UNSUPPORTED,
                          "expects layers between output and input, of which "
                          "Gemm or MatMul is the first");
    }
    TRY(check_input(&w));
    return end_affine(&w, &chain->input);
}
