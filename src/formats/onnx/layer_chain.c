/* SPDX-License-Identifier: MIT */
/*
 * Finds the layers of a graph, on two walks along its nodes.
 *
 * The first walk goes from the output to the input. It holds one value at a
 * time, asks which node computes that value, and goes on with the input of that
 * node which is no constant. So it finds the path, and leaves out what the
 * output does not need. The second walk goes along the path, from the input to
 * the output, with the shape of the value (shape.h). These nodes are
 * recognised, in this order:
 *
 *     identities  Identity, Cast, Dropout: skipped     (graph_values.h)
 *     affine      Add, Sub, Mul, Div, Sum with
 *                 constants, Neg,
 *                 BatchNormalization, Scaler           (affine.h)
 *     dense       Gemm, MatMul with a constant second input
 *     reshape     Flatten, Reshape, Squeeze, ...       (reshape.h)
 *     activation  an operator or a product             (activation_match.h)
 *
 * Operations of an affine map are collected until a dense layer, an activation
 * or the output ends the map. Behind an activation the map is the `before` of
 * the next layer or, at the end, the map `output` of the chain. Behind a dense
 * layer it is the `after` of that layer; before the first layer it is the map
 * `input`.
 *
 * A network of this library computes a chain of layers and nothing else. So a
 * graph is refused if it has
 *
 *   - an operator that is not in the list,
 *   - branches that meet, such as residual connections,
 *   - two activations without a dense layer between them,
 *   - a LogSoftmax that is not the last node,
 *   - a node that does not keep the rows, or
 *   - no dense layer, or an activation before the first one.
 *
 * The message names the node that is at fault.
 */
#include "formats/onnx/layer_chain.h"

#include <string.h>

#include "base/error.h"
#include "formats/onnx/activation_match.h"
#include "formats/onnx/reshape.h"

/* The most nodes of a path, without those that are skipped; 16 for each layer.
 * Together with the limits of a match it bounds the time of both walks. */
enum { MAX_PATH = 16 * MLP_MAX_LAYERS };

/* What a node is. The matches are those of affine.h and activation_match.h;
 * `input` is the value that the node computes its output from. */
typedef struct part {
    enum { AFFINE, DENSE, RESHAPE, ACTIVATION } kind;
    mlpi_affine_match affine;
    mlpi_activation_match activation;
    const char *input;
} part;

/* The state of the second walk. */
typedef struct walk {
    const mlpi_graph_reader *r;
    mlpi_layer_chain *chain;
    mlpi_shape shape; /* of the value that was reached */

    /* What was found since the last dense layer or activation. */
    mlpi_affine_operation operation[MLPI_MAX_AFFINE];
    size_t operations;

    const onnx_node *log_softmax; /* NULL until there is one */
} walk;

/* Reports a node that fits no pattern, or a pattern that is not supported. */
static mlp_status refuse(const mlpi_graph_reader *r, const onnx_node *node,
                         const char *why)
{
    return mlpi_graph_unsupported(r, node, why);
}

/* Recognises a node. An affine product comes before an activation, because a
 * Mul by a constant is never one. */
static mlp_status recognise(const mlpi_graph_reader *r, const onnx_node *node,
                            part *found)
{
    TRY(mlpi_match_affine(r, node, &found->affine));
    if (found->affine.count > 0) {
        found->kind = AFFINE;
        found->input = found->affine.input;
        return MLP_OK;
    }
    bool is_dense =
        mlpi_node_is_op(node, "Gemm") || mlpi_node_is_op(node, "MatMul");
    if (is_dense &&
        (node->n_input < 2 || !mlpi_graph_is_constant(r, node->input[1]))) {
        return refuse(r, node, "expects constants as the second input");
    }
    if (is_dense || mlpi_is_reshape(node)) {
        found->kind = is_dense ? DENSE : RESHAPE;
        found->input = mlpi_node_input(node, 0);
        return MLP_OK;
    }
    TRY(mlpi_match_activation(r, node, &found->activation));
    found->kind = ACTIVATION;
    found->input = found->activation.input;
    return found->activation.found ? MLP_OK : refuse(r, node, NULL);
}

/* ---------------------------------------------------------------------------
 * The first walk
 */

/* Lists the nodes from the value `name` to the graph input, the last one
 * first. The walk ends, because no node depends on its own output. */
static mlp_status find_path(const mlpi_graph_reader *r, const char *name,
                            const onnx_node **path, size_t *n)
{
    for (;;) {
        name = mlpi_graph_skip_identities(r, name);
        const onnx_node *node = mlpi_graph_producer(r, name);
        part found;
        TRY(r->arena->status);
        if (!node) {
            break;
        }
        if (strcmp(node->output[0], name) != 0) {
            return refuse(r, node, "only its first output is known");
        }
        if (*n == MAX_PATH) {
            return refuse(r, node, "is one of too many nodes");
        }
        TRY(recognise(r, node, &found));
        path[(*n)++] = node;
        name = found.input;
    }
    if (!mlpi_graph_is_input(r, name)) {
        return *n > 0 ? refuse(r, path[*n - 1],
                               "expects a value that depends on the input")
                      : mlpi_error(&r->arena->hooks, MLP_ERR_UNSUPPORTED,
                                   "value %.64s: expects one that depends on "
                                   "the input",
                                   name);
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Affine maps
 */

/* Adds an operation to the map that is being collected. */
static mlp_status add_operation(walk *w, const mlpi_affine_operation *o)
{
    if (w->operations == MLPI_MAX_AFFINE) {
        return refuse(w->r, o->node, "follows too many of its kind");
    }
    w->operation[w->operations++] = *o;
    return MLP_OK;
}

static mlp_status visit_affine(walk *w, mlpi_affine_match *match)
{
    for (size_t i = 0; i < match->count; i++) {
        TRY(mlpi_fit_affine(w->r, &match->operation[i], &w->shape));
        TRY(add_operation(w, &match->operation[i]));
    }
    return MLP_OK;
}

/* Adds the map of an activation, which is the same for all columns. */
static mlp_status add_scale_shift(walk *w, const onnx_node *node,
                                  mlpi_scale_shift map)
{
    mlpi_affine_operation factor = {
        .kind = MLPI_AFFINE_FACTOR, .number = map.scale, .node = node};
    mlpi_affine_operation shift = {
        .kind = MLPI_AFFINE_SHIFT, .number = map.shift, .node = node};
    if (map.scale != 1) {
        TRY(add_operation(w, &factor));
    }
    return map.shift != 0 ? add_operation(w, &shift) : MLP_OK;
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
 * says that the file has the transpose of W. If beta is 0, C does not count,
 * whatever is in it: that is the rule of BLAS. */
static mlp_status read_gemm(const walk *w, const onnx_node *node, mlpi_dense *d)
{
    const char *C = mlpi_node_input(node, 2);
    d->alpha = mlpi_node_get_float(node, "alpha", 1);
    d->beta = mlpi_node_get_float(node, "beta", 1);
    d->has_C = *C != '\0' && d->beta != 0;
    if (mlpi_node_get_int(node, "transA", 0) != 0) {
        return refuse(w->r, node, "expects transA = 0");
    }
    if (d->W.rank != 2 || w->shape.rank != 2) {
        return refuse(w->r, node, "expects x and W of two dimensions");
    }
    if (mlpi_node_get_int(node, "transB", 0) != 0) {
        size_t rows = d->W.rows;
        d->W.rows = d->W.cols;
        d->W.cols = rows;
        d->W.transposed = !d->W.transposed;
    }
    return d->has_C ? mlpi_graph_get_constant(w->r, C, &d->C) : MLP_OK;
}

/* Brings the W of a MatMul to two dimensions. A vector is a column, and its
 * result has no dimension of columns. Further dimensions, which must be 1, come
 * first in the result, too. */
static mlp_status read_matmul(walk *w, const onnx_node *node, mlpi_dense *d)
{
    size_t rank = d->W.rank;
    if (rank == 1) {
        d->W.rows = d->W.cols;
        d->W.cols = 1;
    }
    if (rank == 0 || (rank > 2 && d->W.rows != d->W.dims[rank - 2])) {
        return refuse(w->r, node, "expects weights of two dimensions");
    }
    mlpi_constant ones = {.rank = rank, .rows = 1, .cols = 1};
    for (size_t i = 0; i < rank; i++) {
        ones.dims[i] = 1;
    }
    return mlpi_shape_broadcast(w->r, node, &w->shape, &ones);
}

/* Checks x against W, and makes the shape that of x W, for a W of one dimension
 * without that of the columns. C meets the columns of the result and may not
 * add dimensions. */
static mlp_status set_columns(walk *w, const onnx_node *node, mlpi_dense *d)
{
    mlpi_shape *shape = &w->shape;
    TRY(mlpi_shape_require(w->r, node, shape, d->W.rows));
    shape->dim[shape->rank - 1] = (int64_t)d->W.cols;
    if (d->has_C) {
        size_t rank = shape->rank;
        if (!mlpi_constant_is_real(&d->C) || d->C.rank > rank) {
            return refuse(w->r, node, "expects C of one row");
        }
        TRY(mlpi_shape_broadcast(w->r, node, shape, &d->C));
    }
    shape->rank -= d->W.rank == 1;
    return MLP_OK;
}

/* Adds a layer. */
static mlp_status visit_dense(walk *w, const onnx_node *node)
{
    mlpi_layer_chain *chain = w->chain;
    if (chain->L == MLP_MAX_LAYERS) {
        return refuse(w->r, node, "is one of too many layers");
    }
    mlpi_dense *last = chain->L > 0 ? &chain->dense[chain->L - 1] : NULL;
    mlpi_dense *d = &chain->dense[chain->L];
    *d = (mlpi_dense){.alpha = 1, .activation = MLP_ACT_IDENTITY, .node = node};
    TRY(mlpi_graph_get_constant(w->r, node->input[1], &d->W));
    if (!mlpi_constant_is_real(&d->W)) {
        return refuse(w->r, node, "expects weights of two dimensions");
    }
    TRY(mlpi_node_is_op(node, "Gemm") ? read_gemm(w, node, d)
                                      : read_matmul(w, node, d));
    TRY(set_columns(w, node, d));
    TRY(end_affine(w, !last                  ? &chain->input
                      : last->has_activation ? &d->before
                                             : &last->after));
    chain->L++;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Activations
 */

/* Returns true if a softmax normalises over the columns. Before opset 13 it did
 * so over all dimensions from `axis` on, so those before it must be the rows,
 * or 1. */
static bool is_over_columns(const walk *w, int64_t axis)
{
    int64_t rank = (int64_t)w->shape.rank;
    if (w->r->opset >= MLPI_SOFTMAX_LAST_AXIS_OPSET) {
        return mlpi_shape_has_columns_at(&w->shape, axis);
    }
    int64_t first = axis < 0 ? axis + rank : axis;
    return first == (int64_t)mlpi_shape_rows(&w->shape) + 1 && first < rank;
}

/* Gives the last layer its activation; a second one before the next layer
 * cannot be represented. The numbers of an activation may have up to two
 * dimensions, so that they keep those of a matrix; a vector (N) would become
 * (1, N). */
static mlp_status visit_activation(walk *w, const onnx_node *node,
                                   const mlpi_activation_match *match)
{
    mlpi_dense *d = w->chain->L > 0 ? &w->chain->dense[w->chain->L - 1] : NULL;
    if (!d) {
        return refuse(w->r, node,
                      "expects layers before it, of which Gemm or MatMul is "
                      "the first");
    }
    if (d->has_activation) {
        return refuse(w->r, node, "stands behind another activation");
    }
    if (w->shape.rank < 2 && node->n_input > 1) {
        return refuse(w->r, node, "expects rows, (N, n)");
    }
    if (match->has_axis && !is_over_columns(w, match->axis)) {
        return refuse(w->r, node, "expects the axis of the columns");
    }
    TRY(add_scale_shift(w, node, match->before));
    TRY(end_affine(w, &d->after));
    d->has_activation = true;
    d->activation = match->activation;
    d->slope = match->slope;
    w->log_softmax = match->is_log ? node : NULL;
    return add_scale_shift(w, node, match->after);
}

/* ---------------------------------------------------------------------------
 * The second walk
 */

/* The node is recognised once more, which is quicker than to keep what the
 * first walk has found: an affine match has several constants. */
static mlp_status visit(walk *w, const onnx_node *node)
{
    part found;
    TRY(recognise(w->r, node, &found));
    if (w->log_softmax && found.kind != RESHAPE) {
        return refuse(w->r, w->log_softmax, "expects nothing behind it");
    }
    switch (found.kind) {
    case AFFINE:
        return visit_affine(w, &found.affine);
    case DENSE:
        return visit_dense(w, node);
    case RESHAPE:
        return mlpi_reshape(w->r, node, &w->shape);
    case ACTIVATION:
        break;
    }
    return visit_activation(w, node, &found.activation);
}

/* Goes along the path, whose nodes are listed from the last to the first. */
static mlp_status follow_path(walk *w, const onnx_node *const *path, size_t n)
{
    mlpi_layer_chain *chain = w->chain;
    TRY(mlpi_shape_of_input(w->r, &w->shape));
    while (n > 0) {
        TRY(visit(w, path[--n]));
        TRY(w->r->arena->status);
    }
    if (chain->L == 0) {
        return mlpi_error(&w->r->arena->hooks, MLP_ERR_UNSUPPORTED,
                          "expects layers between output and input, of which "
                          "Gemm or MatMul is the first");
    }
    mlpi_dense *last = &chain->dense[chain->L - 1];
    return end_affine(w, last->has_activation ? &chain->output : &last->after);
}

/* Checks that a Concat of 1 - p and p makes two columns of one, and not other
 * rows. */
static mlp_status check_complement(const walk *w, const onnx_node *concat)
{
    int64_t axis = mlpi_node_get_int(concat, "axis", 1);
    return mlpi_shape_width(&w->shape) == 1 &&
                   mlpi_shape_has_columns_at(&w->shape, axis)
               ? MLP_OK
               : refuse(w->r, concat, "expects a single column");
}

mlp_status mlpi_find_layer_chain(const mlpi_graph_reader *r, const char *output,
                                 mlpi_layer_chain *chain)
{
    walk w = {.r = r, .chain = chain};
    mlpi_graph_output found;
    size_t n = 0;
    *chain = (mlpi_layer_chain){.L = 0};
    const onnx_node **path = mlpi_arena_pointers(r->arena, MAX_PATH);
    chain->dense =
        mlpi_arena_allocate(r->arena, MLP_MAX_LAYERS, sizeof *chain->dense);
    TRY(r->arena->status);
    TRY(mlpi_graph_find_output(r, output, &found));
    chain->zip_map = found.zip_map;
    TRY(find_path(r, found.value, path, &n));
    TRY(follow_path(&w, path, n));
    return found.complement ? check_complement(&w, found.complement) : MLP_OK;
}
