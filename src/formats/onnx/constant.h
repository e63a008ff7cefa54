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

/* The most dimensions of a value, and the most Cast nodes between a tensor and
 * its use. */
enum { MLPI_MAX_RANK = 8, MLPI_MAX_CASTS = 4 };

typedef struct mlpi_constant {
    int32_t type; /* one of the element types of proto.h */
    size_t rank;  /* number of dimensions */
    size_t dims[MLPI_MAX_RANK];
    size_t rows, cols; /* cols is the last dimension, 1 without dimensions;
                           rows is the product of all others */
    bool transposed;   /* true if the elements are stored by columns */
    size_t repeat;     /* as many columns of a value, one after the other, have
                           the same element; see shape.h */
    size_t n_casts;    /* Cast nodes that convert each element */
    int32_t casts[MLPI_MAX_CASTS]; /* their types, the first one first */
    /* Exactly one of the following pointers is not NULL. */
    const unsigned char *raw; /* elements of `type`, little-endian, unaligned */
    const float *f32;
    const double *f64;
    const int32_t *i32; /* the bits of a float16 or bfloat16 in each, too */
    const int64_t *i64;
} mlpi_constant;

/* Makes a constant of a tensor, and checks that the tensor has as many numbers
 * as its dimensions say. `path` is the path of the ONNX file, in whose folder
 * external data lies; NULL if the file is in memory and can have none. External
 * data is read into the arena.
 * MLP_ERR_FORMAT: the dimensions are not positive, or do not match the numbers.
 * MLP_ERR_UNSUPPORTED: the element type is another, there are more than
 * MLPI_MAX_RANK dimensions, or external data lies in another folder. MLP_ERR_IO
 * and MLP_ERR_MEMORY: external data cannot be read. */
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

/* Returns true for a type of real numbers, false for one of integers. */
static inline bool mlpi_type_is_real(int64_t type)
{
    return type == ONNX_FLOAT || type == ONNX_DOUBLE || type == ONNX_FLOAT16 ||
           type == ONNX_BFLOAT16;
}

/* Returns true for weights and other real numbers, false for the integers that
 * describe shapes. Integers that a Cast makes real are real. */
static inline bool mlpi_constant_is_real(const mlpi_constant *c)
{
    return mlpi_type_is_real(c->n_casts > 0 ? c->casts[c->n_casts - 1]
                                            : c->type);
}

/* Returns the element (i, j) of a constant as a real number. */
double mlpi_constant_at(const mlpi_constant *c, size_t i, size_t j);

/* Returns the element of a constant that column j of a value meets: element
 * j / repeat, counted on from the first one after the last. So a constant of a
 * single element meets every column: ONNX broadcasts it. */
double mlpi_constant_broadcast(const mlpi_constant *c, size_t j);

/* Returns element j of a constant of integers. */
int64_t mlpi_constant_int(const mlpi_constant *c, size_t j);

/* Returns the shortest decimal number, as a double, that rounds to the float x:
 * 0.01 for 0.00999999977648258. Attributes of ONNX are floats, even in a model
 * of doubles; this function restores the number that was meant. */
double mlpi_shortest_decimal(float x);

#endif
