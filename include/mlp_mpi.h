/* SPDX-License-Identifier: MIT */
/*
 * mlp_mpi.h - one fit on many machines, by MPI.
 *
 *   MPI_Init(&argc, &argv);
 *   ... each process makes the same network, and reads its own rows ...
 *   mlp_train_options options = mlp_train_defaults();
 *   options.batch_size = 256;
 *   mlp_status s = mlp_mpi_fit(net, X, Y, &options, NULL, NULL);
 *   if (!s && rank == 0) s = mlp_net_save(net, "net.mlp");
 *   MPI_Finalize();
 *
 * The functions are in a library of their own, mlp_mpi, which is built where
 * CMake finds MPI. Statuses, hooks, ownership and threads follow the rules of
 * mlp.h. A process is called a rank, as in MPI.
 *
 * A batch is cut into a fixed number of parts, whose gradients are added as a
 * binary tree, and the ranks share the parts. So the bits of a fit depend on
 * the number of parts but not on the number of ranks: one rank, eight ranks,
 * and mlp_fit with the same `parts` (mlp.h) give the same weights and the same
 * history. A fit that was interrupted resumes with the same bits on another
 * number of ranks.
 *
 * These rules hold for every function:
 * - All ranks of the communicator call it, with the same options, and with
 *   networks that have the same layers, loss and precision.
 * - All ranks return the same status. If one fails (bad rows, no memory, a
 *   loss that is not finite), all do, and a message on each names the first
 *   that failed. Nobody waits for a rank that has failed; but if a process
 *   dies, MPI decides what becomes of the others.
 * - MLP_ERR_ORDER: MPI is not initialized, or finalized already. MLP_ERR_IO:
 *   MPI reports an error, with its message; then the statuses of the ranks may
 *   differ. MLP_ERR_ARGUMENT: options, parts or ranks that do not fit together.
 * - Only the calling thread calls MPI, so MPI_Init is enough.
 */
#ifndef LIBMLP_MLP_MPI_H
#define LIBMLP_MLP_MPI_H

#include <mpi.h>

#include "mlp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a fit is shared. Start from mlp_mpi_defaults(). */
typedef struct mlp_mpi_options {
    /* The ranks that share the fit: a power of two that divides `parts`. The
     * functions use a duplicate, so that their messages cannot be mixed up with
     * yours. Default MPI_COMM_WORLD. */
    MPI_Comm comm;
    /* The parts of a batch, in the place of `parts` of mlp_train_options: a
     * power of two up to MLP_MAX_PARTS that divides batch_size. Default 8. For
     * the same bits, always pass the same number: that of the most ranks that
     * you will ever use. Parts of few rows cost time. */
    size_t parts;
    uint64_t reserved[4]; /* 0 */
} mlp_mpi_options;

/* Returns the default options. */
mlp_mpi_options mlp_mpi_defaults(void);

/* Like mlp_fit, but the rows are those of all ranks: rank 0's first, then rank
 * 1's, and so on. A rank may have any number of rows, also none. If they are
 * not those of its parts (see mlp_exchange in mlp.h), rows move to other ranks
 * once before the fit, which takes memory for a copy. No row moves if all ranks
 * have the same number of rows and `parts` divides the number of all.
 * row_weights, X_validation and Y_validation of the options are cut in the same
 * way. All ranks start from the network of rank 0. If the fit fails after they
 * have received it, no rank gets its own network back. Each rank has one
 * thread, unless options->threads is set. Callbacks are called on every rank,
 * with the same numbers (except `seconds`); one that returns false on any rank
 * ends the training of all, on_batch before the next update. `options` and
 * `mpi` may be NULL: the defaults. Errors are those of mlp_fit; lbfgs and batch
 * norm are refused, as with parts in mlp_fit. MLP_ERR_LIMIT: also for more than
 * INT_MAX rows on a rank, or INT_MAX / 8 columns. */
MLP_NODISCARD mlp_status mlp_mpi_fit(mlp_net *net, mlp_cview X, mlp_cview Y,
                                     const mlp_train_options *options,
                                     const mlp_mpi_options *mpi,
                                     mlp_history **history);

/* Like mlp_fit_stream with parts, for rows that exceed the memory of all ranks
 * together: `next` is asked on each rank only for the chunks of its parts. With
 * P parts and R ranks, rank r gets those whose number modulo P is r P / R to
 * (r + 1) P / R - 1. The bits are those of mlp_fit_stream with P parts.
 * X_validation and Y_validation are as in mlp_mpi_fit. */
MLP_NODISCARD mlp_status mlp_mpi_fit_stream(mlp_net *net, mlp_next_chunk *next,
                                            void *user,
                                            const mlp_train_options *options,
                                            const mlp_mpi_options *mpi,
                                            mlp_history **history);

/* Like the two above, but with a trainer on each rank, as mlp_trainer_fit and
 * mlp_trainer_fit_stream. All ranks start from the trainer of rank 0 and its
 * network. To save a checkpoint, call mlp_trainer_save on rank 0, after the fit
 * or in on_epoch. To resume, call mlp_trainer_load on rank 0, then the fit,
 * with any number of ranks and the same `parts`. max_rows of the trainers need
 * be no more than a rank's share of a batch. */
MLP_NODISCARD mlp_status mlp_mpi_trainer_fit(mlp_trainer *trainer, mlp_cview X,
                                             mlp_cview Y,
                                             const mlp_train_options *options,
                                             const mlp_mpi_options *mpi,
                                             mlp_history **history);
MLP_NODISCARD mlp_status
mlp_mpi_trainer_fit_stream(mlp_trainer *trainer, mlp_next_chunk *next,
                           void *user, const mlp_train_options *options,
                           const mlp_mpi_options *mpi, mlp_history **history);

/* Gives the network of rank `root` to all: its weights and its scaling. `root`
 * counts in `comm`. MLP_ERR_ARGUMENT: the networks have other layers, or there
 * is no such rank. */
MLP_NODISCARD mlp_status mlp_mpi_broadcast(mlp_net *net, int root,
                                           MPI_Comm comm);

#ifdef __cplusplus
}
#endif

#endif
