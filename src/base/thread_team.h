/* SPDX-License-Identifier: MIT */
/*
 * A team of threads in the sense of OpenMP: the caller is thread 0, all threads
 * run the same function, and they wait for each other at barriers. A team
 * belongs to one object (a trainer, a workspace), runs one function at a time,
 * and sleeps in between.
 *
 *     static void work(const mlpi_thread *thread, void *context)
 *     {
 *         mlpi_partition(thread, n, 1, &first, &count);
 *         ... the first part, of elements [first, first + count) ...
 *         mlpi_barrier(thread);
 *         ... what needs the first part of all threads ...
 *     }
 *
 *     mlpi_team_run(team, work, context);
 *
 * Threads differ in `index` alone. What is computed for an element must not
 * depend on which thread computes it: then results have the same bits for any
 * number of threads.
 *
 * A team may be NULL, and a forked child has lost the threads of its teams. In
 * both cases mlpi_team_run lets the caller work alone, with count = 1.
 */
#ifndef MLPI_BASE_THREAD_TEAM_H
#define MLPI_BASE_THREAD_TEAM_H

#include "mlp.h"

typedef struct mlpi_team mlpi_team;

/* One of the `count` threads that run a function, as that function sees it. */
typedef struct mlpi_thread {
    mlpi_team *team; /* NULL: the caller works alone */
    size_t index, count;
} mlpi_thread;

/* A function that all threads of a team run. */
typedef void mlpi_work(const mlpi_thread *thread, void *context);

/* ---------------------------------------------------------------------------
 * A team's life
 */

/* Returns the number of cores that this process may use, at least 1. */
size_t mlpi_cores(void);

/* Checks a number of threads that a user has asked for. MLP_ERR_LIMIT. */
mlp_status mlpi_team_check(const mlp_hooks *hooks, size_t threads);

/* Replaces *team, which may be NULL, by a team of `threads` threads, counting
 * the caller; 0 means one for each available core. If the system cannot start
 * that many, the team is smaller; a team of the caller alone is NULL. Every
 * thread but the caller gets `scratch` bytes of its own. MLP_ERR_LIMIT,
 * MLP_ERR_MEMORY, MLP_ERR_UNSUPPORTED (the floating-point environment):
 * *team is as before. */
mlp_status mlpi_team_replace(const mlp_hooks *hooks, size_t threads,
                             size_t scratch, mlpi_team **team);

/* Ends the threads and frees the team. NULL is allowed. */
void mlpi_team_free(mlpi_team *team);

/* Returns how many threads would run a function now; 1 for NULL. */
size_t mlpi_team_size(const mlpi_team *team);

/* ---------------------------------------------------------------------------
 * Running
 */

/* Lets all threads run `work`, and returns when the last has returned. What the
 * caller wrote before is visible to the threads, and what they wrote is visible
 * to the caller. */
void mlpi_team_run(mlpi_team *team, mlpi_work *work, void *context);

/* Like mlpi_team_run, but for work that is repeated, and only if the team is
 * faster: if the caller alone has proved faster, as when another program holds
 * a core, it works alone for a while (see thread_choice.h). `amount` is above 0
 * and says how much work this is, in a unit such as rows. */
void mlpi_team_repeat(mlpi_team *team, mlpi_work *work, void *context,
                      size_t amount);

/* Waits until all threads of the team have called it. What each wrote before is
 * visible to all after. */
void mlpi_barrier(const mlpi_thread *thread);

/* Returns the scratch of a thread, which must not be the caller's thread 0. */
void *mlpi_team_scratch(const mlpi_thread *thread);

/* Computes which of n elements are this thread's. The parts of all threads are
 * disjoint, cover the n elements in order, and differ by at most one grain;
 * each but the last is a multiple of `grain` elements. A part may be empty. */
void mlpi_partition(const mlpi_thread *thread, size_t n, size_t grain,
                    size_t *first, size_t *count);

#endif
