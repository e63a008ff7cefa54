/* SPDX-License-Identifier: MIT */
/*
 * The ranks that share a call of the library: their communicator, their
 * agreement about failures, and the sum that a fit needs (mlp_exchange in
 * mlp.h). A world lives for one call of a public function.
 *
 * The sum. For a long array each rank sends and receives as little as can be,
 * in two phases of log2(R) rounds. In round k of the first, neighbours at a
 * distance of 2^k trade halves and add them, so that each has half as many
 * numbers afterwards, of twice as many ranks. With R = 4 and the array in
 * quarters A B C D:
 *
 *     rank             0          1          2          3
 *     round 0          AB of 0+1  CD of 0+1  AB of 2+3  CD of 2+3
 *     round 1          A          C          B          D     of all
 *
 * The second phase undoes the rounds in the other order, and trades sums. Since
 * the distances grow, the sums are those of the binary tree over the ranks; a
 * sum of two numbers does not depend on their order. MPI_Allreduce promises no
 * order, and its bits depend on ranks and length.
 *
 * A short array is traded as a whole in each round, which has half as many
 * messages.
 */
#ifndef MLPI_MPI_WORLD_H
#define MLPI_MPI_WORLD_H

#include "mlp_mpi.h"

typedef struct mlpi_world {
    MPI_Comm comm; /* a duplicate; MPI_COMM_NULL: not open */
    int rank, ranks;
    mlp_hooks hooks;
    mlp_exchange exchange;
    void *buffer;    /* for what others send */
    size_t capacity; /* its bytes */
} mlpi_world;

/* Hands a message to the log hook, if there is one, and returns the status. */
mlp_status mlpi_mpi_error(const mlp_hooks *hooks, mlp_status status,
                          const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Returns MLP_OK for MPI_SUCCESS, else MLP_ERR_IO, with MPI's message about the
 * call that `what` names. */
mlp_status mlpi_mpi_check(const mlpi_world *world, int code, const char *what);

/* Allocate and release through the hooks. NULL: MLP_ERR_MEMORY. */
void *mlpi_mpi_allocate(const mlp_hooks *hooks, size_t bytes);
void mlpi_mpi_release(const mlp_hooks *hooks, void *block);

/* Opens a world on a duplicate of `comm`, for sums of arrays of `bytes`. The
 * caller closes it, also after an error. `status` is what this rank has found
 * out so far; all ranks return the same status. */
mlp_status mlpi_world_open(MPI_Comm comm, const mlp_hooks *hooks, size_t bytes,
                           mlp_status status, mlpi_world *world);
void mlpi_world_close(mlpi_world *world);

/* Returns the same status on all ranks: MLP_OK or, with a message, that of the
 * first rank that has another. */
mlp_status mlpi_world_agree(const mlpi_world *world, mlp_status status);

/* Sends the bytes of rank `root` to all. The others' size must be right. */
mlp_status mlpi_world_broadcast(const mlpi_world *world, int root, void *bytes,
                                size_t size);

#endif
