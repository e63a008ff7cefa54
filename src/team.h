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
#ifndef MLPI_TEAM_H
#define MLPI_TEAM_H

#include "mlp.h"

typedef struct mlpi_team mlpi_team;

/* One of `count` threads at work. */
typedef struct mlpi_member {
    mlpi_team *team; /* NULL: alone */
    size_t index, count;
} mlpi_member;

typedef void mlpi_work(const mlpi_member *self, void *context);

/* The cores that this process may use, 1 at least. */
size_t mlpi_cores(void);

/* How many members a caller's `threads` asks for: 0 is all cores.
 * MLP_ERR_LIMIT. */
mlp_status mlpi_team_count(const mlp_hooks *hooks, size_t threads,
                           size_t *count);

/* A team of at most `threads` members, the caller being one; fewer if threads
 * cannot be had; NULL if none can. */
mlpi_team *mlpi_team_create(const mlp_hooks *hooks, size_t threads);
void mlpi_team_free(mlpi_team *team); /* NULL is allowed */

/* How many would work now; 1 for NULL. */
size_t mlpi_team_size(const mlpi_team *team);

/* All members do `work`; returns when the last has. */
void mlpi_team_run(mlpi_team *team, mlpi_work *work, void *context);

/* Waits until all members have come here. */
void mlpi_barrier(const mlpi_member *self);

/* Which of n things are this member's: whole multiples of `grain`, but for the
 * last. */
void mlpi_share(const mlpi_member *self, size_t n, size_t grain, size_t *first,
                size_t *count);

#endif
