/* SPDX-License-Identifier: MIT */
/*
 * Readers of files that hold arrays of numbers instead of a table with names:
 * IDX (the files of MNIST), NPY (NumPy), and the training data of FANN.
 * arrays.c draws the three layouts.
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
