/* SPDX-License-Identifier: MIT */
/*
 * How constants meet columns.
 *
 * A constant that is combined with a value has numbers in some dimensions and 1
 * in the others. Those with numbers must be neighbours; `repeat` is the product
 * of the value's dimensions behind them:
 *
 *     value  (N, 3, 2, 2)     12 columns
 *     number (1, 1, 1, 1)     c0 c0 c0 c0 c0 c0 c0 c0 c0 c0 c0 c0
 *     channels (3, 1, 1)      c0 c0 c0 c0 c1 c1 c1 c1 c2 c2 c2 c2   repeat 4
 *     image    (2, 2)         c0 c1 c2 c3 c0 c1 c2 c3 c0 c1 c2 c3   repeat 1
 *
 * So column j meets element j / repeat, modulo the number of elements.
 */
#include "formats/onnx/shape.h"

#include "base/error.h"

mlp_status mlpi_shape_of_input(const mlpi_graph_reader *r, mlpi_shape *shape)
{
    const onnx_shape *declared = mlpi_graph_input_shape(r);
    *shape = (mlpi_shape){.rank = declared ? declared->n_dim : 2,
                          .batch = mlpi_graph_input_dim(r, 0)};
    if (shape->rank < 2 || shape->rank > MLPI_MAX_RANK) {
        return mlpi_error(&r->arena->hooks, MLP_ERR_UNSUPPORTED,
                          "input %.64s: expects rows, (N, n), or up to %d "
                          "dimensions, got %zu",
                          r->input->name, MLPI_MAX_RANK, shape->rank);
    }
    shape->dim[0] = MLPI_DIM_ROWS;
    for (size_t i = 1; i < shape->rank; i++) {
        shape->dim[i] = mlpi_graph_input_dim(r, i);
    }
    return MLP_OK;
}

/* The loop ends because every shape has rows. */
size_t mlpi_shape_rows(const mlpi_shape *shape)
{
    size_t i = 0;
    while (i + 1 < shape->rank && shape->dim[i] != MLPI_DIM_ROWS) {
        i++;
    }
    return i;
}

/* Returns the product of the dimensions from `first` on, without the rows. It
 * is 0 if one of them is not known, and SIZE_MAX, a width that no layer has, if
 * it is more than a layer can have. */
static size_t product_from(const mlpi_shape *shape, size_t first)
{
    uint64_t product = 1;
    for (size_t i = first; i < shape->rank; i++) {
        int64_t n = shape->dim[i] == MLPI_DIM_ROWS ? 1 : shape->dim[i];
        if (n == MLPI_DIM_UNKNOWN) {
            return 0;
        }
        product = n <= MLP_MAX_WIDTH && product <= MLP_MAX_WIDTH
                      ? product * (uint64_t)n
                      : (uint64_t)MLP_MAX_WIDTH + 1;
    }
    return product <= MLP_MAX_WIDTH ? (size_t)product : SIZE_MAX;
}

size_t mlpi_shape_width(const mlpi_shape *shape)
{
    return product_from(shape, 0);
}

bool mlpi_shape_keeps_rows(const mlpi_shape *shape)
{
    bool good = true;
    for (size_t i = 0; i < mlpi_shape_rows(shape); i++) {
        good = good && shape->dim[i] == 1;
    }
    return good;
}

bool mlpi_shape_has_columns_at(const mlpi_shape *shape, int64_t axis)
{
    int64_t rank = (int64_t)shape->rank;
    int64_t at = axis < 0 ? axis + rank : axis;
    bool good = at >= 0 && at < rank && shape->dim[at] != MLPI_DIM_ROWS;
    for (int64_t i = 0; good && i < rank; i++) {
        good = i == at || shape->dim[i] == MLPI_DIM_ROWS || shape->dim[i] == 1;
    }
    return good;
}

mlp_status mlpi_shape_require(const mlpi_graph_reader *r, const onnx_node *node,
                              mlpi_shape *shape, size_t width)
{
    if (!mlpi_shape_has_columns_at(shape, -1)) {
        return mlpi_graph_unsupported(r, node, "expects rows, (N, n)");
    }
    int64_t *last = &shape->dim[shape->rank - 1];
    if (*last != MLPI_DIM_UNKNOWN && (uint64_t)*last != width) {
        return mlpi_graph_wrong_width(r, node, width, (size_t)*last);
    }
    *last = (int64_t)width;
    return MLP_OK;
}

/* Gives the shape as many dimensions as the constant has: new ones of 1 come
 * first. */
static void extend(mlpi_shape *shape, size_t rank)
{
    size_t added = rank > shape->rank ? rank - shape->rank : 0;
    for (size_t i = shape->rank; added > 0 && i > 0; i--) {
        shape->dim[i - 1 + added] = shape->dim[i - 1];
    }
    for (size_t i = 0; i < added; i++) {
        shape->dim[i] = 1;
    }
    shape->rank += added;
}

/* The dimensions in which the constant has numbers are those from `first` to
 * `last`, of the value. The ranks are at most MLPI_MAX_RANK each, and so is
 * their maximum. */
mlp_status mlpi_shape_broadcast(const mlpi_graph_reader *r,
                                const onnx_node *node, mlpi_shape *shape,
                                mlpi_constant *c)
{
    size_t first = MLPI_MAX_RANK;
    size_t last = 0;
    extend(shape, c->rank);
    size_t offset = shape->rank - c->rank;
    for (size_t i = 0; i < c->rank; i++) {
        int64_t *dim = &shape->dim[offset + i];
        size_t n = c->dims[i];
        if (n == 1) {
            continue;
        }
        if (*dim == MLPI_DIM_ROWS) {
            return mlpi_graph_unsupported(
                r, node, "expects a number, or one for each column");
        }
        if (*dim == MLPI_DIM_UNKNOWN) {
            *dim = (int64_t)n;
        }
        if ((uint64_t)*dim != n) {
            return mlpi_graph_wrong_width(r, node, (size_t)*dim, n);
        }
        first = first < MLPI_MAX_RANK ? first : offset + i;
        last = offset + i;
    }
    for (size_t i = first; i < last; i++) {
        if (c->dims[i - offset] == 1 && shape->dim[i] != 1) {
            return mlpi_graph_unsupported(
                r, node, "expects a number, or one for each column");
        }
    }
    c->repeat = first < MLPI_MAX_RANK ? product_from(shape, last + 1) : 1;
    return c->repeat > 0 ? MLP_OK
                         : mlpi_graph_unsupported(
                               r, node, "expects an input of known dimensions");
}

mlp_status mlpi_shape_channels(const mlpi_graph_reader *r,
                               const onnx_node *node, mlpi_shape *shape,
                               mlpi_constant *c)
{
    size_t n = mlpi_constant_count(c);
    if (shape->dim[0] != MLPI_DIM_ROWS || shape->rank < 2 || c->rank != 1) {
        return mlpi_graph_unsupported(r, node, "expects rows, (N, n)");
    }
    int64_t *channels = &shape->dim[1];
    if (*channels != MLPI_DIM_UNKNOWN && (uint64_t)*channels != n) {
        return mlpi_graph_wrong_width(r, node, (size_t)*channels, n);
    }
    *channels = (int64_t)n;
    c->repeat = product_from(shape, 2);
    return c->repeat > 0 ? MLP_OK
                         : mlpi_graph_unsupported(
                               r, node, "expects an input of known dimensions");
}
