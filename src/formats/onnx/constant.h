/* SPDX-License-Identifier: MIT */
/*
 * Constants of a graph: weights, biases and shapes.
 *
 * ONNX stores numbers in several forms: as the raw bytes of a tensor, in a
 * typed list of the tensor, in another file beside the ONNX file ("external
 * data"), or in an attribute of a node. A constant describes all of them in the
 * same manner. It does not copy the numbers: it points to them, and the
 * functions below convert one number at a time.
 */
#ifndef MLPI_FORMATS_ONNX_CONSTANT_H
#define MLPI_FORMATS_ONNX_CONSTANT_H

#include "formats/onnx/arena.h"
#include "formats/onnx/proto.h"

typedef struct mlpi_constant {
    int32_t type;        /* ONNX_FLOAT, ONNX_DOUBLE, ONNX_INT32 or ONNX_INT64 */
    size_t rank;         /* number of dimensions, 0 to 2 */
    size_t rows, cols;   /* for a rank below 2: 1 and the number of elements */
    bool transposed;     /* true if the elements are stored by columns */
    bool round_to_float; /* true if each double is to be rounded to float */
    /* Exactly one of the following pointers is not NULL. */
    const unsigned char *raw; /* elements of `type`, little-endian, unaligned */
    const float *f32;
    const double *f64;
    const int32_t *i32;
    const int64_t *i64;
} mlpi_constant;

/* Makes a constant of a tensor, and checks that the tensor has as many numbers
 * as its dimensions say. `path` is the path of the ONNX file, in whose folder
 * external data lies; NULL if the file is in memory and can have none. External
 * data is read into the arena.
 * MLP_ERR_FORMAT: the dimensions are not positive, or do not match the numbers.
 * MLP_ERR_UNSUPPORTED: the element type is another, there are more than two
 * dimensions, or external data lies in another folder. MLP_ERR_IO and
 * MLP_ERR_MEMORY: external data cannot be read. */
mlp_status mlpi_constant_from_tensor(mlpi_arena *arena, const char *path,
                                     onnx_tensor *tensor,
                                     mlpi_constant *constant);

/* Make a constant of one row of n numbers, which must outlive the constant. */
mlpi_constant mlpi_constant_from_floats(size_t n, const float *values);
mlpi_constant mlpi_constant_from_ints(size_t n, const int64_t *values);

/* Returns the number of elements. */
static inline size_t mlpi_constant_count(const mlpi_constant *c)
{
    return c->rows * c->cols;
}

/* Returns true for weights and other real numbers, false for the integers that
 * describe shapes. */
static inline bool mlpi_constant_is_real(const mlpi_constant *c)
{
    return c->type == ONNX_FLOAT || c->type == ONNX_DOUBLE;
}

/* Returns the element (i, j) of a real constant. */
double mlpi_constant_at(const mlpi_constant *c, size_t i, size_t j);

/* Returns element j of a real constant of one row. If the constant has a single
 * element, that element stands for every j: ONNX broadcasts it. */
double mlpi_constant_broadcast(const mlpi_constant *c, size_t j);

/* Returns element j of a constant of integers. */
int64_t mlpi_constant_int(const mlpi_constant *c, size_t j);

/* Returns the shortest decimal number, as a double, that rounds to the float x:
 * 0.01 for 0.00999999977648258. Attributes of ONNX are floats, even in a model
 * of doubles; this function restores the number that was meant. */
double mlpi_shortest_decimal(float x);

#endif
