/* SPDX-License-Identifier: MIT */
/*
 * Shapes that keep rows.
 *
 * The shape that a Reshape asks for must contain the number of rows, whatever
 * that is, in one of these forms:
 *
 *     0         copies a dimension of the input, here that of the rows
 *     -1        is computed from the number of elements; it is the rows if the
 *               other numbers are the columns: (-1, n), or (-1) of one column
 *     N         if N is the first dimension of the graph input: the file was
 *               exported for exactly N rows
 *     a part of a Concat that is computed from the shape of the input, as
 *               PyTorch writes x.size(0)
 *
 * A Flatten, Squeeze, Unsqueeze or Transpose moves dimensions of 1 only. A
 * Gather or Slice takes all elements of a dimension. Whatever the node, the
 * result must keep the rows in the sense of shape.h; all others are refused,
 * since they would mix the rows.
 */
#include "formats/onnx/reshape.h"

#include <string.h>

#include "base/error.h"
#include "formats/onnx/graph_values.h"

/* A dimension or index that is not known, and no valid one. */
enum { NO_NUMBER = -1000 };

/* An end of a Slice that is at least as large means all elements. */
#define SLICE_TO_END ((int64_t)INT32_MAX)

static mlp_status refuse(const mlpi_graph_reader *r, const onnx_node *node)
{
    return mlpi_graph_unsupported(r, node, "expects rows as they were");
}

/* ---------------------------------------------------------------------------
 * Integers of a node
 */

/* Gets the integers of an attribute or, if the node does not have it, of input
 * i, where newer opsets have them. Returns false if there are none. */
static bool get_integers(const mlpi_graph_reader *r, const onnx_node *node,
                         const char *name, size_t i, mlpi_constant *c)
{
    const onnx_attribute *a = mlpi_node_attribute(node, name);
    if (a && a->n_ints > 0) {
        *c = mlpi_constant_from_ints(a->n_ints, a->ints);
        return true;
    }
    return mlpi_graph_try_constant(r, mlpi_node_input(node, i), c) &&
           !mlpi_constant_is_real(c);
}

/* Gets a constant of one integer and returns that; NO_NUMBER if the value is
 * anything else: then every comparison with a valid number fails. */
static int64_t get_integer(const mlpi_graph_reader *r, const char *name,
                           mlpi_constant *c)
{
    return mlpi_graph_try_constant(r, name, c) && !mlpi_constant_is_real(c) &&
                   mlpi_constant_count(c) == 1
               ? mlpi_constant_int(c, 0)
               : NO_NUMBER;
}

/* Returns the index of a dimension that counts from the end if it is negative,
 * and `rank` if there is no such dimension. */
static size_t index_of(int64_t axis, size_t rank)
{
    int64_t at = axis < 0 ? axis + (int64_t)rank : axis;
    return at >= 0 && at < (int64_t)rank ? (size_t)at : rank;
}

/* Returns true if `axes` names dimension i of a shape of this rank. */
static bool has_axis(const mlpi_constant *axes, size_t i, size_t rank)
{
    for (size_t k = 0; k < mlpi_constant_count(axes); k++) {
        if (index_of(mlpi_constant_int(axes, k), rank) == i) {
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------------------
 * Reshape
 */

/* Returns true if the value is the number of rows of `value`, which has this
 * shape, computed as Unsqueeze(Gather(Shape(value), 0)). The graph input has
 * the same rows. The first dimension of `value` need not be the rows; and since
 * opset 15 a Shape may start at another dimension. */
static bool counts_rows(const mlpi_graph_reader *r, const char *name,
                        const char *value, const mlpi_shape *shape)
{
    static const char *const operators[] = {"Unsqueeze", "Gather", "Shape"};
    mlpi_constant index = {.type = 0};
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        const onnx_node *node = mlpi_graph_producer(r, name);
        if (!node || !mlpi_node_is_op(node, operators[i]) ||
            (i == 1 && get_integer(r, mlpi_node_input(node, 1), &index) != 0) ||
            (i == 2 && mlpi_node_get_int(node, "start", 0) != 0)) {
            return false;
        }
        name = mlpi_node_input(node, 0);
    }
    name = mlpi_graph_skip_identities(r, name);
    return mlpi_graph_is_input(r, name) ||
           (shape->dim[0] == MLPI_DIM_ROWS &&
            strcmp(name, mlpi_graph_skip_identities(r, value)) == 0);
}

/* Appends the integers of a constant to a shape. Returns false if the value is
 * none, or if the shape has too many dimensions. */
static bool append(const mlpi_graph_reader *r, const char *name,
                   mlpi_shape *wanted)
{
    mlpi_constant c = {.type = 0};
    if (!mlpi_graph_try_constant(r, name, &c) || mlpi_constant_is_real(&c) ||
        mlpi_constant_count(&c) > MLPI_MAX_RANK - wanted->rank) {
        return false;
    }
    for (size_t i = 0; i < mlpi_constant_count(&c); i++) {
        wanted->dim[wanted->rank++] = mlpi_constant_int(&c, i);
    }
    return true;
}

/* Appends a part of the shape of the value that is reshaped, computed as
 * Slice(Shape(value)): PyTorch writes x.flatten() so, with an empty part. The
 * index of the rows goes to *rows. Returns false if `name` is anything else, or
 * a dimension is not known. */
static bool append_slice(const mlpi_graph_reader *r, const char *name,
                         const onnx_node *reshape, const mlpi_shape *shape,
                         mlpi_shape *wanted, size_t *rows)
{
    mlpi_constant start = {.type = 0};
    mlpi_constant end = {.type = 0};
    const onnx_node *slice = mlpi_graph_producer(r, name);
    const onnx_node *of =
        slice && mlpi_node_is_op(slice, "Slice")
            ? mlpi_graph_producer(r, mlpi_node_input(slice, 0))
            : NULL;
    if (!of || !mlpi_node_is_op(of, "Shape") || of->n_attribute > 0 ||
        strcmp(mlpi_graph_skip_identities(r, mlpi_node_input(of, 0)),
               mlpi_graph_skip_identities(r, mlpi_node_input(reshape, 0))) !=
            0 ||
        !get_integers(r, slice, "starts", 1, &start) ||
        !get_integers(r, slice, "ends", 2, &end) ||
        mlpi_constant_count(&start) != 1 || mlpi_constant_count(&end) != 1 ||
        *mlpi_node_input(slice, 4) != '\0') {
        return false;
    }
    /* Indices before the first dimension or behind the last one are allowed. */
    int64_t first = mlpi_constant_int(&start, 0);
    int64_t last = mlpi_constant_int(&end, 0);
    first += first < 0 ? (int64_t)shape->rank : 0;
    last += last < 0 ? (int64_t)shape->rank : 0;
    for (size_t i = 0; i < shape->rank; i++) {
        if ((int64_t)i < first || (int64_t)i >= last) {
            continue;
        }
        if (wanted->rank == MLPI_MAX_RANK ||
            shape->dim[i] == MLPI_DIM_UNKNOWN) {
            return false;
        }
        bool is_rows = shape->dim[i] == MLPI_DIM_ROWS;
        *rows = is_rows ? wanted->rank : *rows;
        wanted->dim[wanted->rank++] = is_rows ? 1 : shape->dim[i];
    }
    return true;
}

/* Gets the shape that a Reshape asks for, as the numbers of the file. If a part
 * of a Concat is the number of rows, its index goes to *rows. Returns false if
 * the shape is not known from the file. */
static bool get_wanted(const mlpi_graph_reader *r, const onnx_node *node,
                       const mlpi_shape *shape, mlpi_shape *wanted,
                       size_t *rows)
{
    const char *name = mlpi_node_input(node, 1);
    const onnx_node *concat = mlpi_graph_producer(r, name);
    if (!concat || !mlpi_node_is_op(concat, "Concat")) {
        return append(r, name, wanted);
    }
    for (size_t i = 0; i < concat->n_input; i++) {
        bool is_rows =
            wanted->rank < MLPI_MAX_RANK &&
            counts_rows(r, concat->input[i], mlpi_node_input(node, 0), shape);
        if (is_rows) {
            *rows = wanted->rank;
            wanted->dim[wanted->rank++] = 1;
        } else if (!append(r, concat->input[i], wanted) &&
                   !append_slice(r, concat->input[i], node, shape, wanted,
                                 rows)) {
            return false;
        }
    }
    return true;
}

/* Replaces each 0 by the dimension that it copies. With the attribute allowzero
 * it would be a dimension of 0, which no matrix has. Returns the index of the
 * rows if one of them copies these, else wanted->rank; returns rank + 1 if a 0
 * copies nothing known. */
static size_t copy_dimensions(const onnx_node *node, const mlpi_shape *shape,
                              mlpi_shape *wanted)
{
    bool zero_is_zero = mlpi_node_get_int(node, "allowzero", 0) != 0;
    size_t rows = wanted->rank;
    for (size_t i = 0; i < wanted->rank; i++) {
        if (wanted->dim[i] != 0) {
            continue;
        }
        if (zero_is_zero || i >= shape->rank ||
            shape->dim[i] == MLPI_DIM_UNKNOWN) {
            return wanted->rank + 1;
        }
        wanted->dim[i] = shape->dim[i];
        if (shape->dim[i] == MLPI_DIM_ROWS) {
            rows = i;
            wanted->dim[i] = 1;
        }
    }
    return rows;
}

/* Returns the product of the wanted dimensions but the one at `skip`, 0 if one
 * of them is no positive number. */
static uint64_t product_without(const mlpi_shape *wanted, size_t skip)
{
    uint64_t product = 1;
    for (size_t i = 0; i < wanted->rank; i++) {
        int64_t n = i == skip ? 1 : wanted->dim[i];
        if (n < 1 || n > MLP_MAX_WIDTH || product > MLP_MAX_WIDTH) {
            return 0;
        }
        product *= (uint64_t)n;
    }
    return product;
}

/* Returns the index of the first -1 in the shape, its rank without one. */
static size_t find_rest(const mlpi_shape *wanted)
{
    size_t i = 0;
    while (i < wanted->rank && wanted->dim[i] != -1) {
        i++;
    }
    return i;
}

/* Finds the rows in a shape that does not copy them, for a value of n columns,
 * 0 if that is not known: the number for which the file was exported, or else a
 * -1. Returns wanted->rank if there are none. */
static size_t find_rows(const mlpi_shape *shape, const mlpi_shape *wanted,
                        uint64_t n)
{
    size_t rest = find_rest(wanted);
    size_t static_rows = wanted->rank;
    size_t i = 0;
    while (i < wanted->rank && wanted->dim[i] == 1 && shape->batch != 1) {
        i++;
    }
    if (i < wanted->rank && shape->batch > 0 &&
        wanted->dim[i] == shape->batch) {
        static_rows = i;
    }
    uint64_t others = product_without(wanted, rest);
    if (static_rows < wanted->rank &&
        (rest < wanted->rank || n == 0 ||
         product_without(wanted, static_rows) == n)) {
        return static_rows;
    }
    return rest < wanted->rank && others > 0 && (n == 0 || others == n)
               ? rest
               : wanted->rank;
}

/* Makes the value's shape the wanted one, whose rows are at `rows`. A -1 that
 * is not the rows takes the columns that are left. */
static mlp_status take_shape(const mlpi_graph_reader *r, const onnx_node *node,
                             mlpi_shape *shape, mlpi_shape *wanted, size_t rows)
{
    size_t n = mlpi_shape_width(shape);
    wanted->dim[rows] = 1;
    size_t rest = find_rest(wanted);
    uint64_t others = product_without(wanted, rest);
    if (others == 0 || n == SIZE_MAX || (rest < wanted->rank && n % others) ||
        (rest == wanted->rank && n != 0 && n != others)) {
        return refuse(r, node);
    }
    if (rest < wanted->rank) {
        wanted->dim[rest] = (int64_t)(n / others); /* 0 is MLPI_DIM_UNKNOWN */
    }
    wanted->dim[rows] = MLPI_DIM_ROWS;
    *shape = *wanted;
    return MLP_OK;
}

/* If the number of columns was not known, the wanted shape tells it; so an
 * input (N, ?) that becomes (-1, 4) has four columns. */
static mlp_status match_reshape(const mlpi_graph_reader *r,
                                const onnx_node *node, mlpi_shape *shape)
{
    mlpi_shape wanted = {.batch = shape->batch};
    size_t computed = MLPI_MAX_RANK;
    if (!get_wanted(r, node, shape, &wanted, &computed)) {
        return mlpi_graph_unsupported(r, node,
                                      "expects a constant shape, or one of the "
                                      "rows and constants");
    }
    size_t rows = copy_dimensions(node, shape, &wanted);
    if (rows == wanted.rank) {
        rows = computed < MLPI_MAX_RANK
                   ? computed
                   : find_rows(shape, &wanted, mlpi_shape_width(shape));
    }
    return rows < wanted.rank ? take_shape(r, node, shape, &wanted, rows)
                              : refuse(r, node);
}

/* ---------------------------------------------------------------------------
 * Dimensions of 1
 */

/* A Flatten makes two dimensions: the product of those before the axis, and
 * that of the others. The rows may be in either, alone. */
static mlp_status match_flatten(const mlpi_graph_reader *r,
                                const onnx_node *node, mlpi_shape *shape)
{
    int64_t axis = mlpi_node_get_int(node, "axis", 1);
    size_t at = axis == (int64_t)shape->rank ? shape->rank
                                             : index_of(axis, shape->rank);
    size_t rows = mlpi_shape_rows(shape);
    size_t n = mlpi_shape_width(shape);
    if ((at == shape->rank && axis != (int64_t)shape->rank) || n == SIZE_MAX) {
        return refuse(r, node);
    }
    for (size_t i = 0; i < shape->rank; i++) {
        bool is_with_rows = (i < at) == (rows < at);
        if (is_with_rows && i != rows && shape->dim[i] != 1) {
            return refuse(r, node);
        }
    }
    shape->rank = 2;
    shape->dim[0] = rows < at ? MLPI_DIM_ROWS : (int64_t)n;
    shape->dim[1] = rows < at ? (int64_t)n : MLPI_DIM_ROWS;
    return MLP_OK;
}

/* A Squeeze removes dimensions of 1: those of its axes, or all. The rows stay,
 * even if there is only one. */
static mlp_status match_squeeze(const mlpi_graph_reader *r,
                                const onnx_node *node, mlpi_shape *shape)
{
    mlpi_constant axes = {.type = 0};
    mlpi_shape result = {.batch = shape->batch};
    bool has_axes = get_integers(r, node, "axes", 1, &axes);
    if (!has_axes && *mlpi_node_input(node, 1) != '\0') {
        return mlpi_graph_unsupported(r, node, "expects constant axes");
    }
    for (size_t i = 0; i < shape->rank; i++) {
        bool is_named = has_axes && has_axis(&axes, i, shape->rank);
        if ((is_named && shape->dim[i] != 1) ||
            (!has_axes && shape->dim[i] == MLPI_DIM_UNKNOWN)) {
            return refuse(r, node);
        }
        if (!is_named && (has_axes || shape->dim[i] != 1)) {
            result.dim[result.rank++] = shape->dim[i];
        }
    }
    *shape = result;
    return MLP_OK;
}

/* An Unsqueeze adds dimensions of 1, at indices of the result. */
static mlp_status match_unsqueeze(const mlpi_graph_reader *r,
                                  const onnx_node *node, mlpi_shape *shape)
{
    mlpi_constant axes = {.type = 0};
    mlpi_shape result = {.batch = shape->batch};
    size_t taken = 0;
    if (!get_integers(r, node, "axes", 1, &axes) ||
        mlpi_constant_count(&axes) > MLPI_MAX_RANK - shape->rank) {
        return mlpi_graph_unsupported(r, node, "expects constant axes");
    }
    size_t rank = shape->rank + mlpi_constant_count(&axes);
    while (result.rank < rank) {
        bool is_new = has_axis(&axes, result.rank, rank);
        if (!is_new && taken == shape->rank) {
            return refuse(r, node);
        }
        result.dim[result.rank++] = is_new ? 1 : shape->dim[taken++];
    }
    *shape = result;
    return MLP_OK;
}

/* A Transpose may move dimensions of 1 past others. The others must stay in
 * their order; without perm, all dimensions are reversed. */
static mlp_status match_transpose(const mlpi_graph_reader *r,
                                  const onnx_node *node, mlpi_shape *shape)
{
    const onnx_attribute *perm = mlpi_node_attribute(node, "perm");
    mlpi_shape result = *shape;
    size_t next = 0; /* every dimension before it is 1 or in the result */
    size_t used = 0; /* the dimensions in the result, as bits */
    if (perm && perm->n_ints != shape->rank) {
        return refuse(r, node);
    }
    for (size_t i = 0; i < shape->rank; i++) {
        size_t from =
            perm ? index_of(perm->ints[i], shape->rank) : shape->rank - 1 - i;
        if (from == shape->rank || used >> from & 1) {
            return refuse(r, node);
        }
        used |= (size_t)1 << from;
        result.dim[i] = shape->dim[from];
        if (shape->dim[from] != 1) {
            if (from < next) {
                return refuse(r, node);
            }
            next = from;
        }
    }
    *shape = result;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * All elements of a dimension
 */

/* A Gather of index 0 in a dimension of 1 takes all of it. The dimension is
 * replaced by those of the index: x[:, 0] drops it, x[:, [0]] does not. */
static mlp_status match_gather(const mlpi_graph_reader *r,
                               const onnx_node *node, mlpi_shape *shape)
{
    mlpi_constant index = {.type = 0};
    size_t at = index_of(mlpi_node_get_int(node, "axis", 0), shape->rank);
    int64_t i = get_integer(r, mlpi_node_input(node, 1), &index);
    if (at == shape->rank || shape->dim[at] != 1 || (i != 0 && i != -1) ||
        index.rank > 1) {
        return mlpi_graph_unsupported(r, node, "expects a single column");
    }
    if (index.rank == 0) {
        for (size_t k = at; k + 1 < shape->rank; k++) {
            shape->dim[k] = shape->dim[k + 1];
        }
        shape->rank--;
    }
    return MLP_OK;
}

/* A Slice from 0 to the end, in steps of 1, takes all. For the rows, only an
 * end that no number of rows exceeds is known to be the end. */
static mlp_status match_slice(const mlpi_graph_reader *r, const onnx_node *node,
                              const mlpi_shape *shape)
{
    mlpi_constant starts = {.type = 0};
    mlpi_constant ends = {.type = 0};
    mlpi_constant axes = {.type = 0};
    mlpi_constant steps = {.type = 0};
    bool has_axes = get_integers(r, node, "axes", 3, &axes);
    bool has_steps = get_integers(r, node, "steps", 4, &steps);
    bool good = get_integers(r, node, "starts", 1, &starts) &&
                get_integers(r, node, "ends", 2, &ends) &&
                (has_axes || *mlpi_node_input(node, 3) == '\0') &&
                (has_steps || *mlpi_node_input(node, 4) == '\0');
    size_t n = good ? mlpi_constant_count(&starts) : 0;
    good = good && mlpi_constant_count(&ends) == n &&
           (!has_axes || mlpi_constant_count(&axes) == n) &&
           (!has_steps || mlpi_constant_count(&steps) == n);
    for (size_t k = 0; good && k < n; k++) {
        int64_t axis = has_axes ? mlpi_constant_int(&axes, k) : (int64_t)k;
        size_t at = index_of(axis, shape->rank);
        int64_t end = mlpi_constant_int(&ends, k);
        good = at < shape->rank && mlpi_constant_int(&starts, k) == 0 &&
               (!has_steps || mlpi_constant_int(&steps, k) == 1) &&
               (end >= SLICE_TO_END ||
                (shape->dim[at] > 0 && end >= shape->dim[at]));
    }
    return good ? MLP_OK
                : mlpi_graph_unsupported(r, node, "expects all columns");
}

/* ---------------------------------------------------------------------------
 * The operators
 */

static const char *const names[] = {"Reshape",   "Flatten",   "Squeeze",
                                    "Unsqueeze", "Transpose", "Gather",
                                    "Slice"};

bool mlpi_is_reshape(const onnx_node *node)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (mlpi_node_is_op(node, names[i])) {
            return true;
        }
    }
    return false;
}

static mlp_status match(const mlpi_graph_reader *r, const onnx_node *node,
                        mlpi_shape *shape)
{
    return mlpi_node_is_op(node, "Reshape")   ? match_reshape(r, node, shape)
           : mlpi_node_is_op(node, "Flatten") ? match_flatten(r, node, shape)
           : mlpi_node_is_op(node, "Squeeze") ? match_squeeze(r, node, shape)
           : mlpi_node_is_op(node, "Unsqueeze")
               ? match_unsqueeze(r, node, shape)
           : mlpi_node_is_op(node, "Transpose")
               ? match_transpose(r, node, shape)
           : mlpi_node_is_op(node, "Gather") ? match_gather(r, node, shape)
                                             : match_slice(r, node, shape);
}

/* The last check is the rule of shape.h. */
mlp_status mlpi_reshape(const mlpi_graph_reader *r, const onnx_node *node,
                        mlpi_shape *shape)
{
    TRY(match(r, node, shape));
    return mlpi_shape_keeps_rows(shape) ? MLP_OK : refuse(r, node);
}
