/* SPDX-License-Identifier: MIT */
/*
 * The parts of a batch. A fit whose option `parts` is P > 1 cuts the rows of
 * its data into P blocks of consecutive rows. Each block has its own order in
 * an epoch, and a batch takes batch_size / P rows of each block: those of block
 * p are part p of the batch.
 *
 *     rows        | block 0     | block 1     | ... | block P-1   |
 *     batch 0       part 0        part 1              part P-1
 *     batch 1             part 0        part 1              part P-1
 *
 * The gradients of each part are computed by themselves, and added as a binary
 * tree, as are all other sums over rows: losses, weights of rows, scores of
 * validation rows, moments of columns. For P = 8:
 *
 *     0   1   2   3   4   5   6   7      parts
 *      \ /     \ /     \ /     \ /
 *       +       +       +       +
 *        \_   _/         \_   _/
 *          \ /             \ /
 *           +               +
 *            \______   ____/
 *                   \ /
 *                    +                   the batch
 *
 * So the bits depend on P, but not on who computes which part. Several
 * processes may share the parts (mlp_exchange in mlp.h). Rank r of R has the
 * parts [r P / R, (r + 1) P / R) and the rows of their blocks, which never
 * leave it. Both numbers are powers of two, so the parts of a rank are a
 * complete subtree, and the exchange adds the rest of the tree. Below, "own"
 * means: of this process.
 *
 * Part p of a batch, then, begins at row p * batch_size / P of the batch, even
 * if the parts of the last batch are shorter. Dropout depends on that.
 */
#ifndef MLPI_TRAIN_PARTS_H
#define MLPI_TRAIN_PARTS_H

#include "model/scaling.h"
#include "predict/evaluate.h"
#include "train/exchange.h"
#include "train/step.h"

/* Mean, standard deviation, and a term of a sum, of the columns that are done
 * at a time. */
enum { MLPI_PART_MOMENTS = 3 * MLPI_MOMENT_COLUMNS };

typedef struct mlpi_parts {
    size_t count;      /* P; 1: batches have no parts */
    size_t first, own; /* the own parts: [first, first + own) */
    size_t rows;       /* of each part of a full batch: batch_size / P */
    const mlp_exchange *exchange; /* NULL: all parts are own */
    mlp_hooks hooks;

    /* Allocated by mlpi_parts_prepare. */
    void *block;
    double *sums;    /* [own]: numbers that are to be added as a tree */
    double *moments; /* [own][MLPI_PART_MOMENTS]: the same for columns */
    void *levels[MLPI_TREE_LEVELS]; /* sums of gradients, real each; level k has
                                       the sum of 2^k parts */
} mlpi_parts;

/* ---------------------------------------------------------------------------
 * Blocks
 */

/* Sets what follows from the options, `rows` excepted, after it has checked
 * parts and exchange. After an error *parts describes a fit without parts.
 * MLP_ERR_ARGUMENT, MLP_ERR_NULL. */
mlp_status mlpi_parts_choose(const mlp_net *net,
                             const mlp_train_options *options,
                             mlpi_parts *parts);

/* Checks that the parts fit to the other options: that they divide batch_size,
 * which is not resolved yet, and that nothing is asked for that needs all rows
 * of a batch together. MLP_ERR_ARGUMENT. */
mlp_status mlpi_parts_check(const mlp_net *net,
                            const mlp_train_options *options,
                            mlp_optimizer_kind kind);

/* Returns the first row of block p of `rows` rows, floor(p rows / P). With
 * p = P this is the number of rows. */
size_t mlpi_block_begin(const mlpi_parts *parts, size_t rows, size_t p);

/* Checks that all ranks have the same options, as far as they decide what a fit
 * does. Their calls of the exchange would not match otherwise. `status` is what
 * this rank has found out so far; all ranks return the same status, that of the
 * first rank that has failed. MLP_ERR_ARGUMENT. */
mlp_status mlpi_parts_agree_options(const mlpi_parts *parts,
                                    const mlp_train_options *options,
                                    mlp_status status);

/* Checks in the same way that all ranks have the same network and trainer, and
 * the same class weights, which are read only if `status` is MLP_OK. */
mlp_status mlpi_parts_agree_trainer(const mlpi_parts *parts,
                                    const mlp_trainer *trainer,
                                    const double *class_weights,
                                    mlp_status status);

/* Adds the rows of all ranks, of which this one has `own`, and sets *all. Fails
 * unless each block has a row and each rank has the rows of its blocks; `what`
 * is their name. All ranks return the same status. MLP_ERR_SHAPE. */
mlp_status mlpi_parts_count(const mlpi_parts *parts, size_t own,
                            const char *what, size_t *all);

/* ---------------------------------------------------------------------------
 * Sums
 */

/* Allocates what sums and steps need. The caller releases it, also after an
 * error. MLP_ERR_MEMORY, MLP_ERR_LIMIT. */
mlp_status mlpi_parts_prepare(const mlp_net *net, mlpi_parts *parts);
void mlpi_parts_release(mlpi_parts *parts);

/* Adds `width` numbers of each own part as a tree. Those of own part p begin at
 * numbers[p * stride]; the sums replace those of part 0. */
void mlpi_parts_add(const mlpi_parts *parts, double *numbers, size_t stride,
                    size_t width);

/* Lets `to`, net->in or net->out, standardise by own rows and those of the
 * other ranks. Own part p has the rows order[begin[p]] to order[begin[p + 1]
 * - 1] of `rows`, or those numbers themselves if `order` is NULL. */
mlp_status mlpi_parts_scale(const mlpi_parts *parts, const mlp_net *net,
                            mlpi_scaling *to, mlp_cview rows,
                            const size_t *order, const size_t *begin);

/* Computes the scores of validation rows as mlpi_evaluate does, but with one
 * sum for each part: own part p has the rows begin[p] to begin[p + 1] - 1 of
 * `rows`; NULL: there are none. If *stops is true on one rank, it is true on
 * all afterwards, and there are no scores. */
mlp_status mlpi_parts_evaluate(const mlpi_parts *parts, const mlp_net *net,
                               const mlp_workspace *workspace,
                               const mlpi_eval_rows *rows, const size_t *begin,
                               bool *stops, mlp_scores *scores);

/* ---------------------------------------------------------------------------
 * A step
 */

/* Sets the rows of part p, one of the own, in *args: m, which may be 0, and
 * what else mlpi_step_args says about rows. */
typedef void mlpi_take_part(mlp_trainer *trainer, void *source, size_t p,
                            mlpi_step_args *args);

/* A batch that has parts. */
typedef struct mlpi_part_batch {
    const mlpi_parts *parts;
    mlpi_take_part *take; /* called for each own part, in order */
    void *source;         /* an argument of take */
    bool stops;           /* this rank wants no more steps */

    /* Results. */
    bool stopped; /* a rank has wanted no more, so there was no step */
    bool is_bad;  /* the loss or a gradient of one rank was not finite */
    size_t bad_rank;
} mlpi_part_batch;

/* Makes a step. args has the rows of the whole batch in m, and the trainer
 * knows the sum of their weights. An error of the exchange. */
mlp_status mlpi_parts_step(mlp_trainer *trainer, const mlpi_step_args *args,
                           mlpi_part_batch *batch, mlpi_step_result *result);

#endif
