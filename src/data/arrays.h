/* SPDX-License-Identifier: MIT */
/*
 * Readers of files that hold arrays of numbers instead of a table with names:
 * IDX (the files of MNIST), NPY (NumPy), and the training data of FANN.
 *
 *     IDX    00 00 type n | n dimensions | elements
 *            The type is 08 uint8, 09 int8, 0b int16, 0c int32, 0d float32 or
 *            0e float64. Dimensions have 32 bits. All is big-endian.
 *     NPY    93 "NUMPY" major minor | length | header | elements
 *            The length has 16 bits in version 1, and 32 bits in the versions 2
 *            and 3, little-endian. The header is a literal of Python:
 *            {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
 *            where < is little-endian and > big-endian. Types are f4, f8, i4,
 *            i8 and u1.
 *     FANN   rows inputs outputs, then for each row a line of inputs and a line
 *            of outputs, all separated by blanks
 *
 * The first rows of FANN's xor.data, where blanks and line ends mean the same:
 *
 *     4 2 1
 *     -1 -1
 *     -1
 *     -1 1
 *     1
 *
 * Examples:
 *
 *     train-images-idx3-ubyte  60000 x 28 x 28 uint8  (60000, 784) float32
 *     train-labels-idx1-ubyte  60000 uint8            (60000, 1) int32
 *     np.save, float64, 2-D    100 x 4 f8             (100, 4) float64
 *     np.save, int64, 1-D      100 i8                 (100, 1) int32
 *     xor.data of FANN         4 2 1                  (4, 3) float64
 *
 * The first dimension of an array gives the rows, and all others together the
 * columns. In Fortran's order an array may have two dimensions, whose columns
 * lie one after the other. Elements keep their order in memory. They are stored
 * as float32 where that holds each of them, and else as float64. Whole numbers
 * in one dimension are class numbers, and become int32, unless targets join
 * them. A NaN is an empty cell, as in other tables, and an infinity stays one;
 * networks refuse it, with the row and the column.
 *
 * IDX and NPY differ only in their headers, which become a struct array. The
 * product of the dimensions is checked against the bytes that are there before
 * anything is allocated, so a header cannot make this library allocate more
 * than a few times the size of its file.
 */
#ifndef MLPI_DATA_ARRAYS_H
#define MLPI_DATA_ARRAYS_H

#include "data/table.h"

/* Fills a table, which has only its path, hooks and options, from the bytes of a
 * file. Sets *is_array to whether they begin as one of these files.
 * MLP_ERR_FORMAT: the header is no header, or the file has another size than it
 * says. MLP_ERR_UNSUPPORTED: another version or type. MLP_ERR_LIMIT: too many
 * columns, or a class number that is no int32. */
mlp_status mlpi_arrays_read(const unsigned char *bytes, size_t size,
                            mlp_data *data, bool *is_array);

#endif
