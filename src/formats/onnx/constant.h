/* SPDX-License-Identifier: MIT */
/*
 * Numbers that stand in the file, wherever and however they do: a tensor's raw
 * bytes or lists, in a file beside it, or an operator's attribute. They stay
 * there, and are looked at one by one.
 */
#ifndef MLPI_FORMATS_ONNX_CONSTANT_H
#define MLPI_FORMATS_ONNX_CONSTANT_H

#include "formats/onnx/arena.h"
#include "formats/onnx/proto.h"

typedef struct mlpi_constant {
    int32_t type; /* ONNX_FLOAT, ONNX_DOUBLE, ONNX_INT32 or ONNX_INT64 */
    size_t rank;
    size_t rows, cols;   /* of rank 2; of less 1 and the number of elements */
    bool transposed;     /* the elements lie column by column */
    bool round_to_float; /* each is to be rounded to float */
    const unsigned char *raw; /* one of these is not NULL */
    const float *f32;
    const double *f64;
    const int32_t *i32;
    const int64_t *i64;
} mlpi_constant;

/* Looks at a tensor. `path` is that of its file, NULL if it has none: then
 * nothing can lie beside it. MLP_ERR_FORMAT: not as many numbers as its
 * dimensions say, or none. MLP_ERR_UNSUPPORTED: other than float, double, int32
 * and int64, above two dimensions, or in a file elsewhere. MLP_ERR_IO. */
mlp_status mlpi_constant_from_tensor(mlpi_arena *arena, const char *path,
                                     onnx_tensor *tensor,
                                     mlpi_constant *constant);

mlpi_constant mlpi_constant_from_floats(size_t n, const float *values);
mlpi_constant mlpi_constant_from_ints(size_t n, const int64_t *values);

static inline size_t mlpi_constant_count(const mlpi_constant *c)
{
    return c->rows * c->cols;
}

/* Numbers of networks, not those of shapes? */
static inline bool mlpi_constant_is_real(const mlpi_constant *c)
{
    return c->type == ONNX_FLOAT || c->type == ONNX_DOUBLE;
}

/* The element (i, j), and the j-th of a row of n, which may be a single number
 * for all of them. */
double mlpi_constant_at(const mlpi_constant *c, size_t i, size_t j);
double mlpi_constant_broadcast(const mlpi_constant *c, size_t j);
int64_t mlpi_constant_int(const mlpi_constant *c, size_t j);

/* The decimal number that a float stands for, since ONNX knows no doubles as
 * attributes: 0.01 for 0.00999999977648258. */
double mlpi_shortest_decimal(float x);

#endif
