/* SPDX-License-Identifier: MIT */
/*
 * Batches in parts. The arithmetic is compared with a model that is written out
 * here. Then threads play the processes of a fit: each calls the library with
 * its own rows, and an exchange adds their numbers. All must get the bits of
 * one process, or fail together.
 */
#include "support/training.h"
#include "support/parts.h"

#include <pthread.h>

/* ---------------------------------------------------------------------------
 * The arithmetic
 */

/* 5 inputs, 3 outputs, one layer; 32 rows, 4 blocks of 8, batches of 8. */
enum { N_IN = 5, N_OUT = 3, N_W = N_IN * N_OUT, ALL = N_W + N_OUT, M = 32 };

/* Computes the sums over rows [first, first + 2) of dJ/dW and dJ/db, where J is
 * the mean over a batch of 8 rows of 3 outputs. */
static void part_gradient(const double *w, const double *X, const double *Y,
                          size_t first, double g[ALL])
{
    memset(g, 0, ALL * sizeof *g);
    for (size_t k = 0; k < N_OUT; k++) {
        double lanes[2];
        for (size_t i = 0; i < 2; i++) {
            const double *x = X + (first + i) * N_IN;
            double z = 0.0;
            for (size_t j = 0; j < N_IN; j++) {
                z = fma(x[j], w[k * N_IN + j], z);
            }
            z += w[N_W + k];
            double d = (z - Y[(first + i) * N_OUT + k]) * (2.0 / 24.0);
            for (size_t j = 0; j < N_IN; j++) {
                g[k * N_IN + j] = fma(d, x[j], g[k * N_IN + j]);
            }
            lanes[i] = d;
        }
        g[N_W + k] = lanes[0] + lanes[1];
    }
}

/* Adds the gradients of four parts as a tree, and makes the update. */
static void model_step(double *w, const double *X, const double *Y,
                       size_t batch)
{
    double g[4][ALL];
    for (size_t p = 0; p < 4; p++) {
        part_gradient(w, X, Y, 8 * p + 2 * batch, g[p]);
    }
    for (size_t i = 0; i < ALL; i++) {
        w[i] -= 0.25 * ((g[0][i] + g[1][i]) + (g[2][i] + g[3][i]));
    }
}

static void gradients_of_parts_are_added_as_a_tree(void **state)
{
    (void)state;
    const model m = {N_IN, 1, {{N_OUT, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    mlp_view X = random_matrix(MLP_F64, M, N_IN, -1, 1);
    mlp_view Y = random_matrix(MLP_F64, M, N_OUT, -3, 5);
    double w[ALL];
    for (size_t i = 0; i < ALL; i++) {
        w[i] = i < N_W ? at(tensor(net, MLP_W, 1), i / N_IN, i % N_IN)
                       : at(tensor(net, MLP_B, 1), 0, i - N_W);
    }
    mlp_train_options options = tutorial_options();
    options.epochs = 2;
    options.learning_rate = 0.25;
    options.batch_size = 8;
    options.shuffle = false;
    options.parts = 4;
    assert_int_equal(mlp_fit(net, ro(X), ro(Y), &options, NULL), MLP_OK);
    for (size_t step = 0; step < 8; step++) {
        model_step(w, X.data, Y.data, step % 4);
    }
    for (size_t i = 0; i < ALL; i++) {
        double got = i < N_W ? at(tensor(net, MLP_W, 1), i / N_IN, i % N_IN)
                             : at(tensor(net, MLP_B, 1), 0, i - N_W);
        assert_true(fabs(got - w[i]) <= 1e-15 * fabs(w[i]) + 1e-16);
    }
    mlp_net_free(net);
    free(X.data);
    free(Y.data);
}

/* ---------------------------------------------------------------------------
 * Processes
 */

/* What the threads of a fit share. A barrier lets all of them arrive before
 * anybody goes on. */
typedef struct world {
    size_t ranks;
    pthread_barrier_t barrier;
    const void *numbers[CASE_PARTS];
    size_t counts[CASE_PARTS];
    bool differs; /* calls that do not match */
} world;

/* What one process does and finds out. */
typedef struct process {
    world *world;
    size_t rank;
    const parts_case *c;
    mlp_status status;
    uint64_t hash;
    hook_record record;
    size_t stop_at; /* the batch after which on_batch says stop; 0: none */
    size_t end_at;  /* the epoch after which on_epoch says so */
    size_t batches, epochs;
} process;

/* Adds numbers first to first + ranks / 2 of the others, as a tree. */
static double tree(const world *w, size_t first, size_t ranks, size_t i,
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

static mlp_status sum(void *numbers, size_t n, mlp_dtype dtype, void *user)
{
    process *p = user;
    world *w = p->world;
    double *sums = malloc((n + 1) * sizeof *sums);
    w->numbers[p->rank] = numbers;
    w->counts[p->rank] = n;
    (void)pthread_barrier_wait(&w->barrier);
    for (size_t r = 0; r < w->ranks; r++) {
        w->differs = w->differs || w->counts[r] != n;
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

static bool on_batch(const mlp_batch_progress *progress, void *user)
{
    process *p = user;
    (void)progress;
    return ++p->batches != p->stop_at;
}

static bool on_epoch(const mlp_epoch_progress *progress, void *user)
{
    process *p = user;
    (void)progress;
    return ++p->epochs != p->end_at;
}

/* The rows of rank r of R: those of its blocks. */
static mlp_cview own_rows(const process *p, mlp_cview all)
{
    size_t own = CASE_PARTS / p->world->ranks;
    size_t first = p->rank * own * all.rows / CASE_PARTS;
    size_t end = (p->rank + 1) * own * all.rows / CASE_PARTS;
    return mlp_cview_rows(all, first, end - first);
}

static void *run_process(void *argument)
{
    process *p = argument;
    parts_case c = *p->c;
    mlp_exchange exchange = {p->rank, p->world->ranks, sum, p};
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
    size_t fail_at = p->record.fail_at;
    p->record.allocations = 0;
    p->record.fail_at = fail_at;
    if (p->status == MLP_OK && c.streams) {
        p->status = mlp_fit_stream(net, next_parts_chunk, &c, &c.options,
                                   &history);
    } else if (p->status == MLP_OK) {
        c.options.row_weights = own_rows(p, c.row_weights);
        p->status = mlp_fit(net, own_rows(p, c.X), own_rows(p, c.Y),
                            &c.options, &history);
    }
    p->record.fail_at = 0;
    p->hash = hash_of_fit(net, history, c.X);
    mlp_history_free(history);
    mlp_net_free(net);
    return NULL;
}

/* Runs a fit of all processes. */
static void run_world(process *processes, size_t ranks)
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

/* One process without an exchange. */
static uint64_t hash_alone(const parts_case *given, size_t threads)
{
    parts_case c = *given;
    mlp_net *net = NULL;
    mlp_history *history = NULL;
    c.config.layers = c.layers;
    c.options.threads = threads;
    c.options.X_validation = c.X_validation;
    c.options.Y_validation = c.Y_validation;
    assert_int_equal(mlp_net_create(&c.config, &net), MLP_OK);
    if (c.streams) {
        assert_int_equal(mlp_fit_stream(net, next_parts_chunk, &c, &c.options,
                                        &history),
                         MLP_OK);
    } else {
        c.options.row_weights = c.row_weights;
        assert_int_equal(mlp_fit(net, c.X, c.Y, &c.options, &history), MLP_OK);
    }
    uint64_t hash = hash_of_fit(net, history, c.X);
    mlp_history_free(history);
    mlp_net_free(net);
    return hash;
}

static void any_number_of_processes_gives_the_same_bits(void **state)
{
    (void)state;
    parts_rows *rows = new_parts_rows();
    for (size_t i = 0; i < PARTS_CASES; i++) {
        parts_case c;
        set_parts_case(i, rows, &c);
        uint64_t expected = hash_alone(&c, 1);
        for (size_t ranks = 1; ranks <= CASE_PARTS; ranks *= 2) {
            process processes[CASE_PARTS] = {{.c = &c}};
            for (size_t r = 0; r < ranks; r++) {
                processes[r].c = &c;
            }
            run_world(processes, ranks);
            for (size_t r = 0; r < ranks; r++) {
                if (processes[r].status != MLP_OK ||
                    processes[r].hash != expected) {
                    fail_msg("%s, rank %zu of %zu: %s; %s", c.name, r, ranks,
                             mlp_status_text(processes[r].status),
                             processes[r].record.message);
                }
            }
        }
    }
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_parts_are_added_as_a_tree),
        cmocka_unit_test(any_number_of_processes_gives_the_same_bits),
    };
    return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
