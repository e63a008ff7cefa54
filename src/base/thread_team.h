/* SPDX-License-Identifier: MIT */
/*
 * A small team of threads. It belongs to one object, works on one thing at a
 * time, and sleeps in between.
 *
 * All members run the same function and differ in `index` alone: each takes
 * its share of the work, and where one part needs all of another, they meet at
 * a barrier. What a member computes depends on its share, never on who else
 * there is, so that results do not depend on the number of threads.
 *
 * A team may be NULL, or have lost its threads in a forked child: then the
 * caller works alone.
 */
#ifndef MLPI_BASE_THREAD_TEAM_H
#define MLPI_BASE_THREAD_TEAM_H

#include "mlp.h"

/* Rows that are left to one thread, whatever they cost. */
#define MLPI_MIN_ROWS 8

typedef struct mlpi_team mlpi_team;

/* One of `count` threads at work. */
typedef struct mlpi_thread {
    mlpi_team *team; /* NULL: alone */
    size_t index, count;
} mlpi_thread;

typedef void mlpi_work(const mlpi_thread *self, void *context);

/* The cores that this process may use, 1 at least. */
size_t mlpi_cores(void);

/* Exchanges *team, which may be NULL, for one of `threads` members, the caller
 * being one; 0 is one for each core. Fewer if threads cannot be had; NULL if
 * there is only the caller. Each of the others gets a room of that many bytes.
 * MLP_ERR_LIMIT, MLP_ERR_MEMORY: *team is as before. */
mlp_status mlpi_team_create(const mlp_hooks *hooks, size_t threads, size_t room,
                            mlpi_team **team);
void mlpi_team_free(mlpi_team *team); /* NULL is allowed */

/* MLP_ERR_LIMIT if so many threads would be too many. */
mlp_status mlpi_team_check(const mlp_hooks *hooks, size_t threads);

/* Do m rows through so many parameters make enough work for several threads?
 * Below about 2^20 multiply-adds waking them costs more than it brings. */
static inline bool mlpi_pays_for_threads(size_t m, size_t parameters)
{
    return m > MLPI_MIN_ROWS && m > ((size_t)1 << 20) / parameters;
}

/* How many would work now; 1 for NULL. */
size_t mlpi_team_size(const mlpi_team *team);

/* All members do `work`; returns when the last has. */
void mlpi_team_run(mlpi_team *team, mlpi_work *work, void *context);

/* The room of a member that is not the caller. */
void *mlpi_team_scratch(const mlpi_thread *self);

/* Waits until all members have come here. */
void mlpi_barrier(const mlpi_thread *self);

/* Which of n things are this member's: whole multiples of `grain`, but for the
 * last. */
void mlpi_partition(const mlpi_thread *self, size_t n, size_t grain,
                    size_t *first, size_t *count);

#endif
