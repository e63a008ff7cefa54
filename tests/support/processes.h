/* SPDX-License-Identifier: MIT */
/*
 * Threads that play the processes of a fit. Each calls the library with its own
 * rows of a case of support/parts.h, and an exchange adds their numbers as a
 * tree. What a process does beside the others, and which of its calls fails, is
 * set before they run; what has become of it is read afterwards.
 */
#ifndef TESTS_PROCESSES_H
#define TESTS_PROCESSES_H

#include "support/training.h"
#include "support/parts.h"

#include <pthread.h>
#include <stdatomic.h>

/* What the threads of a fit share. A barrier lets all of them arrive before
 * anybody goes on. */
typedef struct world {
    size_t ranks;
    pthread_barrier_t barrier;
    const void *numbers[CASE_PARTS];
    size_t counts[CASE_PARTS];
    atomic_bool differs; /* calls that do not match */
} world;

/* What one process does and finds out. */
typedef struct process {
    world *world;
    size_t rank;
    const parts_case *c;
    mlp_status status;
    uint64_t hash;
    hook_record record;
    size_t allocations; /* of the fit */
    size_t fit_fail_at; /* the allocation of the fit that fails; 0: none */
    size_t stop_at;     /* the batch after which on_batch says stop; 0: none */
    size_t end_at;      /* the epoch after which on_epoch says so */
    size_t batches, epochs;
    bool is_trained;  /* takes a view of W, and so counts as trained */
    bool has_trainer; /* the hash is then that of a checkpoint, too */
    double momentum;  /* of the trainer's optimizer; 0: as in the options */
    uint32_t seed;    /* of an epoch that the trainer has had; 0: none */
    size_t sums;      /* calls of the exchange */
    size_t lost_at;   /* the one that fails; 0: none */
    uint64_t kept;    /* the hash of the network alone */
} process;

/* Adds number i of `ranks` ranks, from rank `first` on, as a tree. */
static inline double tree(const world *w, size_t first, size_t ranks, size_t i,
                          mlp_dtype dtype)
{
    if (ranks > 1) {
        double a = tree(w, first, ranks / 2, i, dtype);
        double b = tree(w, first + ranks / 2, ranks / 2, i, dtype);
        return dtype == MLP_F64 ? a + b : (double)((float)a + (float)b);
    }
    return dtype == MLP_F64 ? ((const double *)w->numbers[first])[i]
                            : (double)((const float *)w->numbers[first])[i];
}

static inline mlp_status sum_of_processes(void *numbers, size_t n,
                                          mlp_dtype dtype, void *user)
{
    process *p = user;
    world *w = p->world;
    if (++p->sums == p->lost_at) {
        return MLP_ERR_UNSUPPORTED;
    }
    double *sums = calloc(n + 1, sizeof *sums);
    w->numbers[p->rank] = numbers;
    w->counts[p->rank] = n;
    (void)pthread_barrier_wait(&w->barrier);
    for (size_t r = 0; r < w->ranks; r++) {
        if (w->counts[r] != n) {
            w->differs = true;
        }
    }
    for (size_t i = 0; sums && !w->differs && i < n; i++) {
        sums[i] = tree(w, 0, w->ranks, i, dtype);
    }
    (void)pthread_barrier_wait(&w->barrier);
    for (size_t i = 0; sums && !w->differs && i < n; i++) {
        if (dtype == MLP_F64) {
            ((double *)numbers)[i] = sums[i];
        } else {
            ((float *)numbers)[i] = (float)sums[i];
        }
    }
    free(sums);
    return w->differs ? MLP_ERR_IO : MLP_OK;
}

static inline bool on_batch(const mlp_batch_progress *progress, void *user)
{
    process *p = user;
    (void)progress;
    return ++p->batches != p->stop_at;
}

static inline bool on_epoch(const mlp_epoch_progress *progress, void *user)
{
    process *p = user;
    (void)progress;
    return ++p->epochs != p->end_at;
}

/* Returns the rows of the blocks of this process. */
static inline mlp_cview own_rows(const process *p, mlp_cview all)
{
    size_t own = CASE_PARTS / p->world->ranks;
    size_t first = p->rank * own * all.rows / CASE_PARTS;
    size_t end = (p->rank + 1) * own * all.rows / CASE_PARTS;
    return mlp_cview_rows(all, first, end - first);
}

/* Fits a network with the rows of this process. */
static inline mlp_status fit_net(const process *p, mlp_net *net, parts_case *c,
                                 mlp_history **history)
{
    if (c->streams) {
        return mlp_fit_stream(net, next_parts_chunk, c, &c->options, history);
    }
    c->options.row_weights = own_rows(p, c->row_weights);
    return mlp_fit(net, own_rows(p, c->X), own_rows(p, c->Y), &c->options,
                   history);
}

/* Trains an epoch on all rows, without the others. */
static inline void begin_alone(mlp_trainer *trainer, const parts_case *c,
                               uint32_t seed)
{
    mlp_train_options options = c->options;
    options.exchange = NULL;
    options.on_batch = NULL;
    options.on_epoch = NULL;
    options.seed = seed;
    options.epochs = 1;
    if (mlp_trainer_fit(trainer, c->X, c->Y, &options, NULL) != MLP_OK) {
        abort();
    }
}

/* Does the same with a trainer, and hashes all that it would remember. */
static inline mlp_status fit_with_trainer(process *p, mlp_net *net,
                                          parts_case *c, mlp_history **history)
{
    mlp_trainer *trainer = NULL;
    mlp_optimizer optimizer = c->options.optimizer;
    optimizer.momentum = p->momentum > 0.0 ? p->momentum : optimizer.momentum;
    if (!c->streams) {
        c->options.row_weights = own_rows(p, c->row_weights);
    }
    if (mlp_trainer_create(net, CASE_ROWS, &trainer) != MLP_OK ||
        mlp_trainer_set_optimizer(trainer, &optimizer) != MLP_OK) {
        abort();
    }
    if (p->seed > 0) {
        begin_alone(trainer, c, p->seed);
    }
    mlp_status status =
        c->streams ? mlp_trainer_fit_stream(trainer, next_parts_chunk, c,
                                            &c->options, history)
                   : mlp_trainer_fit(trainer, own_rows(p, c->X),
                                     own_rows(p, c->Y), &c->options, history);
    size_t size = mlp_trainer_save_size(trainer);
    void *bytes = malloc(size);
    if (!bytes || mlp_trainer_save_memory(trainer, bytes, size) != MLP_OK) {
        abort();
    }
    p->hash = hash_bytes(1, bytes, size);
    free(bytes);
    mlp_trainer_free(trainer);
    return status;
}

static inline void *run_process(void *argument)
{
    process *p = argument;
    parts_case c = *p->c;
    mlp_exchange exchange = {.rank = p->rank,
                             .ranks = p->world->ranks,
                             .sum = sum_of_processes,
                             .user = p};
    mlp_net *net = NULL;
    mlp_history *history = NULL;
    c.config.layers = c.layers;
    c.config.hooks = recording_hooks(&p->record);
    c.options.exchange = &exchange;
    c.options.X_validation = own_rows(p, c.X_validation);
    c.options.Y_validation = own_rows(p, c.Y_validation);
    c.options.on_batch = on_batch;
    c.options.on_epoch = on_epoch;
    c.options.user = p;
    p->status = mlp_net_create(&c.config, &net);
    if (p->status == MLP_OK && p->is_trained) {
        mlp_view W;
        p->status = mlp_net_tensor(net, MLP_W, 1, &W);
    }
    p->record.allocations = 0;
    p->record.fail_at = p->fit_fail_at;
    if (p->status == MLP_OK && p->has_trainer) {
        p->status = fit_with_trainer(p, net, &c, &history);
    } else if (p->status == MLP_OK) {
        p->status = fit_net(p, net, &c, &history);
    }
    p->record.fail_at = 0;
    p->allocations = p->record.allocations;
    p->hash ^= hash_of_fit(net, history, c.X);
    p->kept = hash_of_fit(net, NULL, mlp_cview_rows(c.X, 0, CASE_PARTS));
    mlp_history_free(history);
    mlp_net_free(net);
    return NULL;
}

/* Lets all processes fit the case. */
static inline void begin_processes(process *processes, const parts_case *c)
{
    memset(processes, 0, CASE_PARTS * sizeof *processes);
    for (size_t r = 0; r < CASE_PARTS; r++) {
        processes[r].c = c;
    }
}

/* Runs a fit of all processes. */
static inline void run_world(process *processes, size_t ranks)
{
    world w = {.ranks = ranks};
    pthread_t threads[CASE_PARTS];
    assert_int_equal(pthread_barrier_init(&w.barrier, NULL, (unsigned)ranks),
                     0);
    for (size_t r = 0; r < ranks; r++) {
        processes[r].world = &w;
        processes[r].rank = r;
        assert_int_equal(
            pthread_create(&threads[r], NULL, run_process, &processes[r]), 0);
    }
    for (size_t r = 0; r < ranks; r++) {
        assert_int_equal(pthread_join(threads[r], NULL), 0);
        assert_int_equal(processes[r].record.live, 0);
    }
    assert_false(w.differs);
    (void)pthread_barrier_destroy(&w.barrier);
}

#endif
