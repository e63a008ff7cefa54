/* SPDX-License-Identifier: MIT */
/*
 * Moves rows between ranks before a fit. The data set is what all ranks have,
 * rank 0's rows first; block p of P has the rows floor(p M / P) to
 * floor((p + 1) M / P) - 1 of the M rows, and rank r of R needs those of blocks
 * r P / R to (r + 1) P / R - 1. For M = 10, P = 4 and R = 2:
 *
 *     given      | rank 0: 0 1 2 3 4 5 6     | rank 1: 7 8 9 |
 *     needed     | rank 0: 0 1 2 3 4 | rank 1: 5 6 7 8 9     |
 *
 * Each rank sends at most one run of rows to each other. If all have what they
 * need, nothing is copied.
 */
#ifndef MLPI_MPI_ROWS_H
#define MLPI_MPI_ROWS_H

#include "world.h"

/* The rows of a fit. */
typedef struct mlpi_mpi_rows {
    mlp_cview X, Y, row_weights, X_validation, Y_validation;
    void *copies[5]; /* memory of those that had to move */
} mlpi_mpi_rows;

/* Moves the rows of `rows` to the ranks that need them, and lets its views show
 * them. All ranks return the same status. The caller releases the rows, also
 * after an error.
 * MLP_ERR_SHAPE, MLP_ERR_DTYPE: ranks have other columns or types than the
 * first, or a rank has other rows of X than of Y. MLP_ERR_LIMIT. */
mlp_status mlpi_mpi_rows_move(const mlpi_world *world, size_t parts,
                              mlpi_mpi_rows *rows);
void mlpi_mpi_rows_release(const mlpi_world *world, mlpi_mpi_rows *rows);

#endif
