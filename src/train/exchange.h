/* SPDX-License-Identifier: MIT */
/*
 * What the processes of a fit tell each other through the caller's mlp_exchange
 * (see mlp.h), whose only operation is to add numbers over all processes.
 * Process r of R is called rank r. A fit of one process has no exchange (NULL);
 * then each function here does nothing, and returns the status that it gets.
 *
 * All ranks must call these functions in the same order, or they would wait for
 * each other for ever. So a rank that fails does not leave at once. It takes
 * its status to the next mlpi_agree, where all ranks get the same status:
 *
 *     rank                    0     1     2     3
 *     failed                  0     0     1     0      sum 1: somebody has
 *     statuses, by rank       0     0     7     0      of all: 0 0 7 0
 *
 * The second sum is made only if the first is not 0. It tells everybody that
 * rank 2 is the first that has failed, and why. All numbers of this file are
 * integers far below 2^53, or powers of two times a number that all ranks have,
 * so these sums are exact.
 */
#ifndef MLPI_TRAIN_EXCHANGE_H
#define MLPI_TRAIN_EXCHANGE_H

#include "mlp.h"

/* Checks that the exchange is complete and that its ranks can share `parts`
 * parts. NULL passes. MLP_ERR_NULL, MLP_ERR_ARGUMENT. */
mlp_status mlpi_exchange_check(const mlp_hooks *hooks,
                               const mlp_exchange *exchange, size_t parts);

/* Adds numbers over all ranks. The status is that of the caller's exchange; it
 * may differ from rank to rank, and ends the fit. */
mlp_status mlpi_exchange_sum(const mlp_exchange *exchange, void *numbers,
                             size_t n, mlp_dtype dtype);

/* Tells the other ranks the status of this one. If one has failed, all return
 * the status of the first that has, with a message that names it, and `numbers`
 * are untouched. Else the n numbers, at most MLPI_AGREED, are added. */
enum { MLPI_AGREED = 4 };
mlp_status mlpi_agree(const mlp_exchange *exchange, const mlp_hooks *hooks,
                      mlp_status status, double *numbers, size_t n);

/* Like mlpi_agree, but it fails on all ranks, too, unless `hash` is the same on
 * all; `what` says what it is a hash of. MLP_ERR_ARGUMENT. */
mlp_status mlpi_agree_equal(const mlp_exchange *exchange,
                            const mlp_hooks *hooks, mlp_status status,
                            uint32_t hash, const char *what);

/* Finds the first rank with is_me, which is true on one of them at least, and
 * sets *found. */
mlp_status mlpi_exchange_find(const mlp_exchange *exchange, bool is_me,
                              size_t *found);

/* Returns a hash with the bytes added to it (FNV-1a). */
#define MLPI_HASH_BEGIN UINT32_C(2166136261)
uint32_t mlpi_hash(uint32_t hash, const void *bytes, size_t size);

#endif
