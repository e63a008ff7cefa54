/* SPDX-License-Identifier: MIT */
/*
 * What programs for several ranks have in common (tests/mpi): which rank this
 * is, a note that something is wrong, hooks that count and fail, and the rows of
 * a rank.
 */
#ifndef TESTS_RANKS_H
#define TESTS_RANKS_H

#include "support/parts.h"
#include "mlp_mpi.h"

static int rank, ranks;
static bool failed;

/* Notes that something is wrong. */
static inline void expect(bool is_right, const char *what, const char *name)
{
    if (!is_right) {
        (void)fprintf(stderr, "rank %d of %d: %s: %s\n", rank, ranks, name,
                      what);
        failed = true;
    }
}

/* What the hooks of this rank have seen. */
typedef struct record {
    size_t allocations, fail_at;
    long live;
    char message[1024]; /* all of them */
} record;

static inline void *allocate(size_t bytes, void *user)
{
    record *r = user;
    if (++r->allocations == r->fail_at) {
        return NULL;
    }
    r->live++;
    return malloc(bytes);
}

static inline void release(void *block, void *user)
{
    record *r = user;
    r->live--;
    free(block);
}

/* Adds a message to those before. */
static inline void log_message(mlp_status status, const char *message,
                               void *user)
{
    record *r = user;
    size_t used = strlen(r->message);
    if (status != MLP_OK) {
        (void)snprintf(r->message + used, sizeof r->message - used, "%s; ",
                       message);
    }
}

/* Makes the network of a case. */
static inline mlp_net *net_of(parts_case *c, record *r)
{
    mlp_net *net = NULL;
    c->config.layers = c->layers;
    if (r) {
        c->config.hooks = (mlp_hooks){allocate, release, log_message, r};
    }
    if (mlp_net_create(&c->config, &net) != MLP_OK) {
        abort();
    }
    return net;
}

/* Which rows a rank has: those of its parts, or a share that grows with the
 * rank, so that rank 0 has none, or one that shrinks, so that the last has none.
 */
typedef enum share { EQUAL, GROWING, SHRINKING } share;

/* The first row that rank r has; of rank R, the number of rows. */
static inline size_t share_begin(share by, size_t all, size_t r)
{
    size_t R = (size_t)ranks;
    size_t before = 0;
    size_t whole = 0;
    if (R < 2) {
        return r * all;
    }
    for (size_t k = 0; k < R; k++) {
        size_t part = by == EQUAL ? 1 : by == GROWING ? k : R - 1 - k;
        before += k < r ? part : 0;
        whole += part;
    }
    return all * before / whole;
}

/* The rows of this rank. */
static inline mlp_cview own_rows(mlp_cview all, share by)
{
    size_t first = share_begin(by, all.rows, (size_t)rank);
    size_t end = share_begin(by, all.rows, (size_t)rank + 1);
    return mlp_cview_rows(all, first, end - first);
}

/* A view of the same numbers with gaps between them. */
static inline mlp_cview strided(mlp_cview all, double *memory)
{
    mlp_cview view = all;
    float *floats = (float *)(void *)memory;
    view.row_stride = 2 * all.cols + 3;
    view.col_stride = 2;
    view.data = memory;
    for (size_t i = 0; i < all.rows; i++) {
        for (size_t j = 0; j < all.cols; j++) {
            double x = mlp_cview_at(all, i, j);
            size_t at = i * view.row_stride + 2 * j;
            if (all.dtype == MLP_F64) {
                memory[at] = x;
            } else {
                floats[at] = (float)x;
            }
        }
    }
    return view;
}

/* Starts MPI. Returns false if this cannot be. */
static inline bool start_ranks(int *argc, char ***argv)
{
    return MPI_Init(argc, argv) == MPI_SUCCESS &&
           MPI_Comm_rank(MPI_COMM_WORLD, &rank) == MPI_SUCCESS &&
           MPI_Comm_size(MPI_COMM_WORLD, &ranks) == MPI_SUCCESS;
}

/* Returns the largest of the ranks' numbers. */
static inline int most_of_all(int mine)
{
    int most = 0;
    if (MPI_Allreduce(&mine, &most, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD) !=
        MPI_SUCCESS) {
        abort();
    }
    return most;
}

/* Checks that this rank's hash is that of rank 0. */
static inline void expect_as_rank_0(uint64_t hash, const char *name)
{
    uint64_t first = hash;
    if (MPI_Bcast(&first, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD) != MPI_SUCCESS) {
        abort();
    }
    expect(hash == first, "another network than rank 0", name);
}

#endif
