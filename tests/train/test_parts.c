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
#include <stdatomic.h>

/* ---------------------------------------------------------------------------
 * The arithmetic
 */

/* The network has 5 inputs, 3 outputs and one layer; 32 rows make 4 blocks of
 * 8, and a batch has 8. */
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

/* Returns the rows of the blocks of this process. */
static mlp_cview own_rows(const process *p, mlp_cview all)
{
    size_t own = CASE_PARTS / p->world->ranks;
    size_t first = p->rank * own * all.rows / CASE_PARTS;
    size_t end = (p->rank + 1) * own * all.rows / CASE_PARTS;
    return mlp_cview_rows(all, first, end - first);
}

/* Fits a network with the rows of this process. */
static mlp_status fit_net(const process *p, mlp_net *net, parts_case *c,
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
static void begin_alone(mlp_trainer *trainer, const parts_case *c,
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
static mlp_status fit_with_trainer(process *p, mlp_net *net, parts_case *c,
                                   mlp_history **history)
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

static void *run_process(void *argument)
{
    process *p = argument;
    parts_case c = *p->c;
    mlp_exchange exchange = {
        .rank = p->rank, .ranks = p->world->ranks, .sum = sum, .user = p};
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
static void begin_processes(process *processes, const parts_case *c)
{
    memset(processes, 0, CASE_PARTS * sizeof *processes);
    for (size_t r = 0; r < CASE_PARTS; r++) {
        processes[r].c = c;
    }
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
        assert_int_equal(
            mlp_fit_stream(net, next_parts_chunk, &c, &c.options, &history),
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
            process processes[CASE_PARTS];
            begin_processes(processes, &c);
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

/* Finds a case by its name. */
static void find_case(const char *name, const parts_rows *rows, parts_case *c)
{
    for (size_t i = 0; i < PARTS_CASES; i++) {
        set_parts_case(i, rows, c);
        if (strcmp(c->name, name) == 0) {
            return;
        }
    }
    fail_msg("no case %s", name);
}

/* Eight parts have other bits than four or one, so that the tests above compare
 * something. */
static void parts_decide_about_the_bits(void **state)
{
    (void)state;
    parts_rows *rows = new_parts_rows();
    parts_case c;
    find_case("adam", rows, &c);
    uint64_t hashes[3];
    const size_t parts[] = {1, 4, 8};
    for (size_t i = 0; i < 3; i++) {
        c.options.parts = parts[i];
        hashes[i] = hash_alone(&c, 1);
    }
    assert_true(hashes[0] != hashes[1] && hashes[1] != hashes[2] &&
                hashes[0] != hashes[2]);
    free(rows);
}

/* ---------------------------------------------------------------------------
 * Parts beside a batch without parts
 */

/* If a batch has all rows, parts change only the order of the sums. Penalties,
 * weights, clipping, scaling and validation are those of the whole batch. */
static void parts_change_only_rounding(void **state)
{
    (void)state;
    parts_rows *rows = new_parts_rows();
    parts_case c;
    find_case("class weights", rows, &c);
    c.options.row_weights = c.row_weights;
    c.options.batch_size = 0;
    c.options.epochs = 6;
    c.options.optimizer.l1 = 0.5;
    c.options.optimizer.l2 = 2.0;
    c.options.optimizer.clip_norm = 0.1;
    c.options.X_validation =
        mlp_cview_f64(rows->V64, CASE_VALIDATION, CASE_INPUTS);
    c.options.Y_validation =
        mlp_cview_i32(rows->validation_classes, CASE_VALIDATION, 1);
    mlp_net *nets[2];
    mlp_history *histories[2] = {NULL, NULL};
    for (size_t k = 0; k < 2; k++) {
        c.options.parts = k == 0 ? 1 : CASE_PARTS;
        nets[k] = net_of(&c.config);
        assert_int_equal(mlp_fit(nets[k], c.X, c.Y, &c.options, &histories[k]),
                         MLP_OK);
    }
    for (size_t l = 1; l <= 3; l++) {
        mlp_cview a = ctensor(nets[0], MLP_W, l);
        mlp_cview b = ctensor(nets[1], MLP_W, l);
        for (size_t i = 0; i < a.rows * a.cols; i++) {
            double x = mlp_cview_at(a, i / a.cols, i % a.cols);
            double y = mlp_cview_at(b, i / a.cols, i % a.cols);
            assert_true(fabs(x - y) <= 1e-11);
        }
    }
    for (size_t e = 0; e < 6; e++) {
        const double *a = mlp_history_losses(histories[0]);
        const double *b = mlp_history_losses(histories[1]);
        const double *va = mlp_history_validation_losses(histories[0]);
        const double *vb = mlp_history_validation_losses(histories[1]);
        assert_true(fabs(a[e] - b[e]) <= 1e-11 * a[e]);
        assert_true(fabs(va[e] - vb[e]) <= 1e-11 * va[e]);
    }
    for (size_t k = 0; k < 2; k++) {
        mlp_history_free(histories[k]);
        mlp_net_free(nets[k]);
    }
    free(rows);
}

/* Trains on the same rows twice, as two parts, or once as one batch. */
static mlp_net *trained_on_copies(size_t copies, double dropout)
{
    enum { HALF = 16 };
    const model m = {5,
                     2,
                     {{9, MLP_ACT_TANH, 0, dropout}, {5, MLP_ACT_IDENTITY}},
                     MLP_LOSS_MSE};
    mlp_view half = random_matrix(MLP_F64, HALF, 5, -1, 1);
    mlp_view X = new_matrix(MLP_F64, copies * HALF, 5, NULL);
    for (size_t i = 0; i < copies * HALF * 5; i++) {
        put(X, i / 5, i % 5, at(half, i / 5 % HALF, i % 5));
    }
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    mlp_train_options options = tutorial_options();
    options.parts = copies;
    options.batch_size = copies * HALF / 2;
    options.epochs = 3;
    options.shuffle = false;
    assert_int_equal(mlp_fit(net, ro(X), ro(X), &options, NULL), MLP_OK);
    free(half.data);
    free(X.data);
    return net;
}

/* The mean over rows that come twice is that over the rows, to the bit: sums
 * and divisors are twice as large. With dropout this would be so only if both
 * parts dropped the same outputs; but each row of a batch has its own mask. */
static void each_row_of_a_batch_has_its_own_mask(void **state)
{
    (void)state;
    mlp_net *once = trained_on_copies(1, 0.0);
    mlp_net *twice = trained_on_copies(2, 0.0);
    assert_same_net(once, twice);
    mlp_net_free(once);
    mlp_net_free(twice);
    once = trained_on_copies(1, 0.5);
    twice = trained_on_copies(2, 0.5);
    assert_true(mlp_cview_at(ctensor(once, MLP_W, 2), 0, 0) !=
                mlp_cview_at(ctensor(twice, MLP_W, 2), 0, 0));
    mlp_net_free(once);
    mlp_net_free(twice);
}

/* ---------------------------------------------------------------------------
 * Failures. Each is planted on rank 2 of 4.
 */

enum { RANKS = 4, CULPRIT = 2 };

/* Checks that all ranks have ended with this status and network, and that all
 * messages name the culprit; `said` is what it has to say itself. */
static void assert_all_failed(const process *processes, mlp_status status,
                              const char *said)
{
    for (size_t r = 0; r < RANKS; r++) {
        assert_int_equal(processes[r].status, status);
        assert_said(&processes[r].record, said);
        assert_true(processes[r].hash == processes[0].hash);
    }
}

/* Runs a fit of a case that does not scale, in which row 130 has these numbers.
 * The row is in block 5, which rank 2 has. */
static void run_with_bad_row(process *processes, const char *name, double x,
                             double y)
{
    parts_rows *rows = new_parts_rows();
    parts_case c;
    find_case(name, rows, &c);
    rows->X64[130 * CASE_INPUTS + 2] = x;
    rows->Y64[130 * CASE_CLASSES + 2] = y;
    c.options.standardise = false;
    begin_processes(processes, &c);
    run_world(processes, RANKS);
    free(rows);
}

static void bad_rows_of_one_end_all(void **state)
{
    (void)state;
    process processes[CASE_PARTS];
    run_with_bad_row(processes, "adam", NAN, 0.0);
    assert_all_failed(processes, MLP_ERR_NOT_FINITE, "rank 2 of 4");
    run_with_bad_row(processes, "weighted stream", 0.0, INFINITY);
    assert_all_failed(processes, MLP_ERR_NOT_FINITE, "rank ");
}

static void divergence_of_one_ends_all(void **state)
{
    (void)state;
    process processes[CASE_PARTS];
    run_with_bad_row(processes, "adam", 0.0, 1e200);
    assert_all_failed(processes, MLP_ERR_DIVERGED, ", rank 2: the ");
}

/* Whatever allocation of the culprit fails, nobody waits for it. */
static void exhausted_memory_of_one_ends_all(void **state)
{
    (void)state;
    const char *const names[] = {"held out", "row weights", "stream"};
    parts_rows *rows = new_parts_rows();
    parts_case c;
    process processes[CASE_PARTS];
    for (size_t k = 0; k < COUNT(names); k++) {
        find_case(names[k], rows, &c);
        c.options.epochs = 2;
        begin_processes(processes, &c);
        run_world(processes, RANKS);
        size_t allocations = processes[CULPRIT].allocations;
        assert_true(allocations >= 5);
        for (size_t n = 1; n <= allocations; n++) {
            begin_processes(processes, &c);
            processes[CULPRIT].fit_fail_at = n;
            run_world(processes, RANKS);
            assert_all_failed(processes, MLP_ERR_MEMORY, "rank 2 of 4");
        }
    }
    free(rows);
}

/* The epoch that on_batch ends is not in the history; all have the weights of
 * the same update. */
static void callbacks_of_one_stop_all(void **state)
{
    (void)state;
    const char *const names[] = {"dropout", "stream", "validation"};
    /* With 24 rows a batch an epoch has nine; the last one of the first epoch
     * is among these. */
    const size_t stops[] = {1, 4, 6, 9, 10, 14};
    parts_rows *rows = new_parts_rows();
    parts_case c;
    process alone[CASE_PARTS];
    process processes[CASE_PARTS];
    for (size_t k = 0; k < COUNT(names) * COUNT(stops); k++) {
        find_case(names[k % COUNT(names)], rows, &c);
        size_t stop_at = stops[k / COUNT(names)];
        begin_processes(alone, &c);
        begin_processes(processes, &c);
        for (size_t r = 0; r < RANKS; r++) {
            alone[r].has_trainer = processes[r].has_trainer = true;
        }
        alone[0].stop_at = processes[CULPRIT].stop_at = stop_at;
        run_world(alone, 1);
        run_world(processes, RANKS);
        for (size_t r = 0; r < RANKS; r++) {
            assert_int_equal(processes[r].status, MLP_OK);
            assert_int_equal(processes[r].batches, stop_at);
            assert_true(processes[r].hash == alone[0].hash);
        }
        begin_processes(processes, &c);
        begin_processes(alone, &c);
        alone[0].end_at = processes[CULPRIT].end_at = 2;
        run_world(alone, 1);
        run_world(processes, RANKS);
        assert_int_equal(processes[0].epochs, 2);
        assert_true(processes[0].hash == alone[0].hash);
    }
    free(rows);
}

/* Calls that would not match, or whose networks would become different, are
 * refused before anybody trains. */
static void different_options_end_all(void **state)
{
    (void)state;
    parts_rows *rows = new_parts_rows();
    parts_case c;
    parts_case other;
    process processes[CASE_PARTS];
    find_case("momentum", rows, &c);
    c.options.schedule = mlp_schedule_defaults(MLP_SCHEDULE_STEP);
    for (size_t k = 0; k < 13; k++) {
        other = c;
        other.options.epochs += k == 0;
        other.options.batch_size += k == 1 ? CASE_PARTS : 0;
        other.config.seed += k == 2;
        other.X.rows -= k == 3 ? 8 : 0;
        other.Y.rows = other.X.rows;
        other.options.schedule.every -= k == 4;
        other.options.seed += k == 6;
        other.options.shuffle = k != 7;
        other.options.standardise = k != 8;
        other.options.learning_rate *= k == 9 ? 2.0 : 1.0;
        other.options.patience -= k == 10;
        other.options.class_weights = k == 11 ? case_class_weights : NULL;
        begin_processes(processes, &c);
        processes[CULPRIT].c = &other;
        for (size_t r = 0; r < RANKS; r++) {
            processes[r].has_trainer = k == 5;
        }
        processes[CULPRIT].momentum = k == 5 ? 0.8 : 0.0;
        processes[CULPRIT].is_trained = k == 12;
        run_world(processes, RANKS);
        for (size_t r = 0; r < RANKS; r++) {
            assert_int_equal(processes[r].status,
                             k == 3 ? MLP_ERR_SHAPE : MLP_ERR_ARGUMENT);
        }
    }
    free(rows);
}

/* Changes number k of the options that all ranks must have; returns false past
 * the last one. */
static bool change_option(mlp_train_options *o, size_t k)
{
    mlp_schedule *rate = &o->schedule;
    mlp_optimizer *by = &o->optimizer;
    size_t *const counts[] = {&o->epochs,     &o->patience,  &rate->every,
                              &rate->warm_up, &rate->epochs, &rate->patience};
    bool *const flags[] = {&o->standardise, &o->shuffle, &o->restore_best};
    double *const numbers[] = {
        &o->learning_rate, &o->min_delta,     &o->validation_fraction,
        &rate->decay,      &rate->factor,     &rate->min_delta,
        &rate->min_rate,   &by->momentum,     &by->beta1,
        &by->beta2,        &by->rho,          &by->epsilon,
        &by->rprop_grow,   &by->rprop_shrink, &by->rprop_min,
        &by->rprop_max,    &by->l2,           &by->l1,
        &by->weight_decay, &by->clip_value,   &by->clip_norm};
    if (k < COUNT(counts)) {
        ++*counts[k];
    } else if ((k -= COUNT(counts)) < COUNT(flags)) {
        *flags[k] = !*flags[k];
    } else if ((k -= COUNT(flags)) < COUNT(numbers)) {
        *numbers[k] = *numbers[k] > 0.0 ? 0.99 * *numbers[k] : 0.01;
    } else {
        return false;
    }
    return true;
}

/* A comparison fails on all ranks, and each of them has two messages: one about
 * itself, and one about the first rank that has failed. An option that is not
 * valid would give the others one message. */
static void each_option_is_compared(void **state)
{
    (void)state;
    parts_rows *rows = new_parts_rows();
    parts_case c;
    process processes[CASE_PARTS];
    find_case("held out", rows, &c);
    c.options.optimizer.clip_value = c.options.optimizer.clip_norm = 1.0;
    c.options.schedule = mlp_schedule_defaults(MLP_SCHEDULE_STEP);
    parts_case other = c;
    for (size_t k = 0; change_option(&other.options, k); k++, other = c) {
        begin_processes(processes, &c);
        processes[CULPRIT].c = &other;
        run_world(processes, RANKS);
        for (size_t r = 0; r < RANKS; r++) {
            if (processes[r].status != MLP_ERR_ARGUMENT ||
                processes[r].record.messages != 2) {
                fail_msg("option %zu, rank %zu: %s", k, r,
                         processes[r].record.message);
            }
        }
    }
    free(rows);
}

/* Changes property number k of the network, or the class weights; returns false
 * past the last one. The initial weights stay as they are. */
static bool change_net(parts_case *c, size_t k)
{
    static const double weights[CASE_CLASSES] = {1, 0.5, 2, 1.5, 0.2};
    static const double quantiles[CASE_CLASSES] = {0.5, 0.5, 0.5, 0.5, 0.1};
    mlp_config *config = &c->config;
    switch (k) {
    case 0:
        config->batch_norm_momentum = 0.2;
        break;
    case 1:
        config->batch_norm_epsilon = 1e-4;
        break;
    case 2:
        c->layers[1].dropout = 0.1;
        break;
    case 3:
        config->label_smoothing = 0.1;
        break;
    case 4:
        c->options.class_weights = weights;
        break;
    case 5:
        config->huber_delta = 0.5;
        break;
    case 6:
        config->quantiles = quantiles;
        break;
    default:
        return false;
    }
    return true;
}

/* What decides a step, but shows neither in options nor in weights. */
static void each_property_of_the_network_is_compared(void **state)
{
    (void)state;
    parts_rows *rows = new_parts_rows();
    parts_case c;
    process processes[CASE_PARTS];
    for (size_t k = 0;; k++) {
        find_case(k < 5 ? "class weights" : "adam", rows, &c);
        c.config.loss = k < 5    ? MLP_LOSS_CCE
                        : k == 5 ? MLP_LOSS_HUBER
                                 : MLP_LOSS_QUANTILE;
        parts_case other = c;
        if (!change_net(&other, k)) {
            break;
        }
        begin_processes(processes, &c);
        processes[CULPRIT].c = &other;
        run_world(processes, RANKS);
        for (size_t r = 0; r < RANKS; r++) {
            if (processes[r].status != MLP_ERR_ARGUMENT ||
                processes[r].record.messages != 2) {
                fail_msg("property %zu, rank %zu: %s", k, r,
                         processes[r].record.message);
            }
        }
    }
    free(rows);
}

/* Multiplies the rate of all epochs but the first by the number of `user`. */
static double change_rate(size_t epoch, double alpha, void *user)
{
    const double *factor = user;
    return epoch == 0 ? alpha : alpha * *factor;
}

static void different_rates_end_all(void **state)
{
    (void)state;
    double factors[] = {0.5, 0.25};
    parts_rows *rows = new_parts_rows();
    parts_case c;
    process processes[CASE_PARTS];
    find_case("adam", rows, &c);
    c.options.schedule = mlp_schedule_defaults(MLP_SCHEDULE_CUSTOM);
    c.options.schedule.rate = change_rate;
    c.options.schedule.user = &factors[0];
    parts_case other = c;
    other.options.schedule.user = &factors[1];
    begin_processes(processes, &c);
    processes[CULPRIT].c = &other;
    run_world(processes, RANKS);
    assert_all_failed(processes, MLP_ERR_ARGUMENT, "");
    assert_int_equal(processes[0].epochs, 1);
    free(rows);
}

/* With rows that are all alike, trainers that have shuffled them differently
 * have the same network; but they would draw other numbers from now on. */
static void trainers_that_have_begun_must_be_alike(void **state)
{
    (void)state;
    parts_rows *rows = new_parts_rows();
    parts_case c;
    process alone[CASE_PARTS];
    process processes[CASE_PARTS];
    find_case("adam", rows, &c);
    c.options.standardise = false;
    for (size_t i = 0; i < CASE_ROWS; i++) {
        memcpy(rows->X64 + i * CASE_INPUTS, rows->X64,
               CASE_INPUTS * sizeof *rows->X64);
        memcpy(rows->Y64 + i * CASE_CLASSES, rows->Y64,
               CASE_CLASSES * sizeof *rows->Y64);
    }
    for (uint32_t k = 0; k < 2; k++) {
        begin_processes(alone, &c);
        begin_processes(processes, &c);
        for (size_t r = 0; r < RANKS; r++) {
            alone[r].has_trainer = processes[r].has_trainer = true;
            alone[r].seed = processes[r].seed = 1;
        }
        processes[CULPRIT].seed += k;
        run_world(alone, 1);
        run_world(processes, RANKS);
        for (size_t r = 0; r < RANKS; r++) {
            assert_int_equal(processes[r].status,
                             k == 0 ? MLP_OK : MLP_ERR_ARGUMENT);
            if (k == 0) {
                assert_true(processes[r].hash == alone[0].hash);
            } else {
                assert_true(processes[r].kept == processes[0].kept);
                assert_int_equal(processes[r].epochs, 0);
            }
        }
    }
    free(rows);
}

/* Runs a fit in which sum number n of all ranks fails, as if the network had
 * gone. Returns false if there is no such sum. */
static bool run_with_lost_sum(process *processes, const parts_case *c,
                              const parts_case *other, bool has_trainer,
                              size_t n)
{
    begin_processes(processes, c);
    processes[CULPRIT].c = other;
    for (size_t r = 0; r < RANKS; r++) {
        processes[r].has_trainer = has_trainer;
        processes[r].lost_at = n;
    }
    run_world(processes, RANKS);
    return processes[0].sums >= n;
}

/* Each rank returns the error of its sum, and calls no other. Its network has
 * the weights of the epochs that were whole, or is as before the fit. */
static void a_fit_without_its_exchange_keeps_whole_epochs(void **state)
{
    (void)state;
    enum { EPOCHS = 2 };
    const char *const names[] = {"row weights", "held out",        "validation",
                                 "stream",      "weighted stream", "adam"};
    double factor = 0.5;
    parts_rows *rows = new_parts_rows();
    parts_case c;
    process processes[CASE_PARTS];
    for (size_t k = 0; k < 2 * COUNT(names); k++) {
        uint64_t kept[EPOCHS + 1];
        find_case(names[k / 2], rows, &c);
        c.options.restore_best = false;
        if (strcmp(c.name, "adam") == 0) {
            c.options.schedule = mlp_schedule_defaults(MLP_SCHEDULE_CUSTOM);
            c.options.schedule.rate = change_rate;
            c.options.schedule.user = &factor;
        }
        for (size_t e = 0; e <= EPOCHS; e++) {
            c.options.epochs = e;
            begin_processes(processes, &c);
            run_world(processes, 1);
            kept[e] = processes[0].kept;
        }
        size_t whole = 0;
        size_t n = 1;
        for (; run_with_lost_sum(processes, &c, &c, k % 2 == 1, n); n++) {
            whole += whole < EPOCHS && processes[0].kept != kept[whole];
            for (size_t r = 0; r < RANKS; r++) {
                assert_int_equal(processes[r].status, MLP_ERR_UNSUPPORTED);
                assert_int_equal(processes[r].sums, n);
                assert_true(processes[r].kept == kept[whole]);
            }
        }
        assert_int_equal(processes[0].status, MLP_OK);
        assert_true(whole >= EPOCHS - 1 && n > 20);
    }
    free(rows);
}

/* Where the exchange is lost while a rank tells of its failure, the others
 * cannot know it, but end as well. */
static void failures_may_be_lost_with_the_exchange(void **state)
{
    (void)state;
    enum { OPTIONS, ROWS, VALIDATION, DIVERGENCE, FAULTS };
    const char *const names[] = {"adam", "adam", "validation", "adam"};
    const mlp_status expected[] = {MLP_ERR_ARGUMENT, MLP_ERR_SHAPE,
                                   MLP_ERR_SHAPE, MLP_ERR_DIVERGED};
    parts_rows *rows = new_parts_rows();
    rows->Y64[130 * CASE_CLASSES + 2] = 1e200;
    parts_case c;
    process processes[CASE_PARTS];
    for (size_t k = 0; k < FAULTS; k++) {
        find_case(names[k], rows, &c);
        c.options.standardise = false;
        parts_case other = c;
        other.options.seed += k == OPTIONS;
        other.X.rows -= k == ROWS ? 8 : 0;
        other.Y.rows = other.X.rows;
        other.X_validation.rows -= k == VALIDATION ? 8 : 0;
        other.Y_validation.rows = other.X_validation.rows;
        size_t n = 1;
        for (; run_with_lost_sum(processes, &c, &other, false, n); n++) {
            for (size_t r = 0; r < RANKS; r++) {
                assert_int_equal(processes[r].status, MLP_ERR_UNSUPPORTED);
                assert_int_equal(processes[r].sums, n);
                assert_true(processes[r].kept == processes[0].kept);
            }
        }
        for (size_t r = 0; r < RANKS; r++) {
            assert_int_equal(processes[r].status, expected[k]);
        }
        assert_true(n > 3);
    }
    free(rows);
}

/* ---------------------------------------------------------------------------
 * One process
 */

/* With more rows than a micro-batch has, and as many as pay for threads. */
static void threads_share_the_rows_of_a_part(void **state)
{
    (void)state;
    const model m = {
        20,
        3,
        {{130, MLP_ACT_RELU, 0, 0.3}, {70, MLP_ACT_TANH}, {3, MLP_ACT_SOFTMAX}},
        MLP_LOSS_CCE};
    enum { ROWS = 4003 };
    FOR_EACH_PRECISION(p)
    {
        mlp_view X = random_matrix(p, ROWS, 20, -1, 1);
        int32_t classes[ROWS];
        double weights[ROWS];
        for (size_t i = 0; i < ROWS; i++) {
            classes[i] = at(X, i, 0) > 0 ? 0 : at(X, i, 1) > 0 ? 1 : 2;
            weights[i] = (double)(1 + i % 3);
        }
        mlp_net *first = NULL;
        for (size_t threads = 1; threads <= 4; threads++) {
            mlp_net *net = new_net(&m, p, NULL);
            mlp_train_options options = mlp_train_defaults();
            options.optimizer.l2 = 0.1;
            options.optimizer.clip_norm = 0.5;
            options.row_weights = mlp_cview_f64(weights, ROWS, 1);
            options.parts = 4;
            options.batch_size = 2000;
            options.epochs = 3;
            options.threads = threads;
            assert_int_equal(mlp_fit(net, ro(X),
                                     mlp_cview_i32(classes, ROWS, 1), &options,
                                     NULL),
                             MLP_OK);
            if (first) {
                assert_same_net(net, first);
                mlp_net_free(net);
            } else {
                first = net;
            }
        }
        mlp_net_free(first);
        free(X.data);
    }
}

/* mlp_validation_split tells what the fit holds out: to train on the rest, with
 * these rows as X_validation, gives the same scores. */
static void each_block_holds_out_rows(void **state)
{
    (void)state;
    enum { ROWS = 83, PARTS = 4 };
    mlp_view X = random_matrix(MLP_F64, ROWS, 2, -1, 1);
    mlp_view Y = new_matrix(MLP_F64, ROWS, 1, NULL);
    mlp_net *net = new_net(&moons_model, MLP_F64, NULL);
    size_t order[ROWS];
    size_t held = 0;
    for (size_t i = 0; i < ROWS; i++) {
        put(Y, i, 0, at(X, i, 0) > at(X, i, 1));
    }
    mlp_train_options options = mlp_train_defaults();
    options.parts = PARTS;
    options.validation_fraction = 0.27; /* of 20 rows 5, of 21 rows 6 */
    options.epochs = 1;
    options.learning_rate = 1e-300; /* the weights stay */
    assert_int_equal(mlp_validation_split(net, ro(Y), &options, order, &held),
                     MLP_OK);
    assert_int_equal(held, 5 + 6 + 6 + 6);
    size_t in_block[PARTS] = {0};
    mlp_view XV = new_matrix(MLP_F64, held, 2, NULL);
    mlp_view YV = new_matrix(MLP_F64, held, 1, NULL);
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(i == 0 || i == ROWS - held || order[i] > order[i - 1]);
        if (i >= ROWS - held) {
            in_block[(order[i] * PARTS + PARTS - 1) / ROWS]++;
        }
    }
    for (size_t p = 0; p < PARTS; p++) {
        assert_int_equal(in_block[p], p == 0 ? 5 : 6);
    }
    assert_int_equal(mlp_gather_rows(ro(X), order + ROWS - held, NULL, XV),
                     MLP_OK);
    assert_int_equal(mlp_gather_rows(ro(Y), order + ROWS - held, NULL, YV),
                     MLP_OK);
    mlp_history *history = NULL;
    assert_int_equal(mlp_fit(net, ro(X), ro(Y), &options, &history), MLP_OK);
    mlp_scores scores;
    assert_int_equal(mlp_evaluate(net, ro(XV), ro(YV), &scores), MLP_OK);
    double loss = mlp_history_validation_losses(history)[0];
    assert_true(fabs(loss - scores.loss) <= 1e-14 * loss);
    assert_true(mlp_history_validation_accuracies(history)[0] ==
                scores.accuracy);
    mlp_history_free(history);
    mlp_net_free(net);
    free_data((data){X, Y});
    free_data((data){XV, YV});
}

/* What a stream has been asked for, and the rows of its steps. */
typedef struct requests {
    parts_case *c;
    size_t of[CASE_ROWS], rows;
} requests;

static mlp_status count_chunk(size_t epoch, size_t number, mlp_chunk *chunk,
                              void *user)
{
    requests *r = user;
    if (number < CASE_ROWS) {
        r->of[number]++;
    }
    return next_parts_chunk(epoch, number, chunk, r->c);
}

static bool count_rows(const mlp_batch_progress *progress, void *user)
{
    requests *r = user;
    r->rows += progress->rows;
    return true;
}

/* In an epoch each chunk is asked for once, and each row is used. */
static void a_stream_asks_for_each_chunk_once(void **state)
{
    (void)state;
    parts_rows *rows = new_parts_rows();
    parts_case c;
    find_case("weighted stream", rows, &c);
    requests r = {.c = &c};
    mlp_net *net = net_of(&c.config);
    c.options.epochs = 1;
    c.options.on_batch = count_rows;
    c.options.user = &r;
    assert_int_equal(mlp_fit_stream(net, count_chunk, &r, &c.options, NULL),
                     MLP_OK);
    assert_int_equal(r.rows, CASE_ROWS);
    size_t i = 0;
    while (i < CASE_ROWS && r.of[i] == 1) {
        i++;
    }
    assert_true(i >= 30); /* 29 chunks, and empty ones that end the parts */
    mlp_net_free(net);
    free(rows);
}

/* Four epochs give the same weights as two, and two more with another trainer
 * that has loaded the first. */
static void a_checkpoint_goes_on_with_parts(void **state)
{
    (void)state;
    parts_rows *rows = new_parts_rows();
    parts_case c;
    find_case("dropout", rows, &c);
    mlp_net *nets[2];
    for (size_t k = 0; k < 2; k++) {
        nets[k] = net_of(&c.config);
        mlp_trainer *trainer = NULL;
        /* A trainer needs memory for one part of 3 rows only. */
        assert_int_equal(mlp_trainer_create(nets[k], 3, &trainer), MLP_OK);
        c.options.epochs = k == 0 ? 4 : 2;
        assert_int_equal(mlp_trainer_fit(trainer, c.X, c.Y, &c.options, NULL),
                         MLP_OK);
        if (k == 1) {
            size_t size = mlp_trainer_save_size(trainer);
            void *bytes = malloc(size);
            assert_int_equal(mlp_trainer_save_memory(trainer, bytes, size),
                             MLP_OK);
            mlp_trainer_free(trainer);
            assert_int_equal(mlp_trainer_create(nets[k], 3, &trainer), MLP_OK);
            assert_int_equal(mlp_trainer_load_memory(trainer, bytes, size),
                             MLP_OK);
            assert_int_equal(
                mlp_trainer_fit(trainer, c.X, c.Y, &c.options, NULL), MLP_OK);
            free(bytes);
        }
        mlp_trainer_free(trainer);
    }
    assert_same_net(nets[0], nets[1]);
    mlp_net_free(nets[0]);
    mlp_net_free(nets[1]);
    free(rows);
}

/* The moments are those of all rows that count, whatever block they are in. A
 * column of equal numbers has exactly that mean, which rounded shares of it
 * would miss. The first `without` rows have the weight 0. */
static void assert_scaling(size_t without)
{
    enum { ROWS = 101, COLS = 30 };
    const model m = {COLS, 1, {{1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    mlp_net *expected = new_net(&m, MLP_F64, NULL);
    double weights[ROWS];
    mlp_view X = random_matrix(MLP_F64, ROWS, COLS, -1, 1);
    mlp_view Y = random_matrix(MLP_F64, ROWS, 1, -1, 1);
    for (size_t i = 0; i < ROWS; i++) {
        weights[i] = i < without ? 0.0 : 1.0;
        put(X, i, 0, 1e200 * (at(X, i, 0) + 0.1 * (double)i));
        put(X, i, 1, 1e-250 * at(X, i, 1));
        put(X, i, 2, 1e307 * at(X, i, 2));
        for (size_t j = 3; j < COLS; j++) {
            put(X, i, j, 0.1 + (double)j / 7);
        }
    }
    mlp_train_options options = mlp_train_defaults();
    options.parts = 8;
    options.epochs = 1;
    options.learning_rate = 1e-300;
    options.row_weights = mlp_cview_f64(weights, ROWS, 1);
    assert_int_equal(mlp_fit(net, ro(X), ro(Y), &options, NULL), MLP_OK);
    mlp_cview counted = mlp_cview_rows(ro(X), without, ROWS - without);
    assert_int_equal(mlp_net_standardise(expected, counted), MLP_OK);
    double got[2][COLS];
    double want[2][COLS];
    assert_int_equal(mlp_net_scaling(net, got[0], got[1]), MLP_OK);
    assert_int_equal(mlp_net_scaling(expected, want[0], want[1]), MLP_OK);
    for (size_t j = 0; j < COLS; j++) {
        double error = j < 3 ? 1e-13 : 0.0;
        assert_true(fabs(got[0][j] - want[0][j]) <= error * fabs(want[0][j]));
        assert_true(fabs(got[1][j] - want[1][j]) <= error * want[1][j]);
    }
    mlp_net_free(net);
    mlp_net_free(expected);
    free_data((data){X, Y});
}

/* A block has 12 or 13 rows, so that 40 rows are three blocks and more. */
static void scaling_is_that_of_all_rows(void **state)
{
    (void)state;
    assert_scaling(0);
    assert_scaling(40);
}

/* A rank whose rows all have the weight 0 finds the same origin as the others,
 * wherever the first part with rows that count is. A column varies so little that
 * there is a hint, which only rank 0 gives. */
static void ranks_without_weights_scale_as_one(void **state)
{
    (void)state;
    parts_rows *rows = new_parts_rows();
    parts_case c;
    process alone[CASE_PARTS];
    process processes[CASE_PARTS];
    find_case("row weights", rows, &c);
    for (size_t i = 0; i < CASE_ROWS / 2; i++) {
        rows->weights[i] = 0.0;
    }
    for (size_t i = 0; i < CASE_ROWS; i++) {
        rows->X32[i * CASE_INPUTS] = 10000.0F + (i % 2 == 0 ? 0.001F : 0.0F);
    }
    begin_processes(alone, &c);
    begin_processes(processes, &c);
    run_world(alone, 1);
    run_world(processes, RANKS);
    assert_int_equal(alone[0].record.hints, 1);
    for (size_t r = 0; r < RANKS; r++) {
        assert_int_equal(processes[r].status, MLP_OK);
        assert_int_equal(processes[r].record.hints, r == 0);
        assert_true(processes[r].hash == alone[0].hash);
    }
    free(rows);
}

static mlp_status no_sum(void *numbers, size_t n, mlp_dtype dtype, void *user)
{
    (void)numbers, (void)n, (void)dtype, (void)user;
    return MLP_ERR_UNSUPPORTED;
}

/* Says that a rank has failed, and then another number than its status. */
static mlp_status wrong_sum(void *numbers, size_t n, mlp_dtype dtype,
                            void *user)
{
    (void)n, (void)dtype;
    const double **next = user;
    *(double *)numbers = *(*next)++;
    return MLP_OK;
}

static void a_failure_without_a_status_is_the_exchange_s(void **state)
{
    (void)state;
    const double said[][2] = {{1, 0}, {1, -3}, {1, 1e300}, {NAN, NAN}};
    hook_record record = {.fail_at = 0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    data d = xor_data(MLP_F64);
    const double *next = NULL;
    mlp_exchange exchange = {.ranks = 2, .sum = wrong_sum, .user = &next};
    mlp_train_options options = mlp_train_defaults();
    options.parts = 2;
    options.exchange = &exchange;
    for (size_t k = 0; k < COUNT(said); k++) {
        next = said[k];
        assert_told(&record, mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                    MLP_ERR_IO, "of 2 has failed, which ends the fit of all");
        assert_ptr_equal(next, said[k] + 2);
    }
    mlp_net_free(net);
    free_data(d);
}

static void what_has_no_parts_is_refused(void **state)
{
    (void)state;
    hook_record record = {.fail_at = 0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    data d = xor_data(MLP_F64);
    mlp_train_options options = mlp_train_defaults();
    const mlp_train_options defaults = options;
#define REFUSED(status, text)                                                  \
    assert_told(&record, mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),       \
                status, text);                                                 \
    options = defaults
    options.parts = 3;
    REFUSED(MLP_ERR_ARGUMENT,
            "parts: expects a power of two up to 1024, got 3");
    options.parts = 2 * MLP_MAX_PARTS;
    REFUSED(MLP_ERR_ARGUMENT, "parts: expects a power of two up to 1024");
    options.parts = 4;
    options.batch_size = 6;
    REFUSED(MLP_ERR_ARGUMENT,
            "batch_size: expects a multiple of the 4 parts, got 6");
    options.parts = 8;
    REFUSED(MLP_ERR_SHAPE, "X: expects a row for each of 8 parts, got 4 rows");
    options.parts = 2;
    options.optimizer.kind = MLP_OPTIMIZER_LBFGS;
    REFUSED(MLP_ERR_ARGUMENT, "parts: expects 1 with lbfgs");
    mlp_exchange exchange = {.ranks = 2, .reserved = {0, 0, 0, 7}};
    options.parts = 2;
    options.exchange = &exchange;
    REFUSED(MLP_ERR_ARGUMENT,
            "exchange, reserved: expects zeros, got 7 in element 3");
    exchange.reserved[3] = 0;
    options.parts = 2;
    options.exchange = &exchange;
    REFUSED(MLP_ERR_NULL, "exchange: sum is NULL");
    exchange.sum = no_sum;
    options.exchange = &exchange;
    REFUSED(MLP_ERR_ARGUMENT,
            "exchange: expects ranks that divide the 1 part, got 2");
    exchange.ranks = 3;
    options.parts = 4;
    options.exchange = &exchange;
    REFUSED(MLP_ERR_ARGUMENT,
            "exchange: expects ranks that divide the 4 parts, got 3");
    exchange.ranks = 2;
    options.parts = 2;
    exchange.rank = 2;
    options.exchange = &exchange;
    REFUSED(MLP_ERR_ARGUMENT, "exchange: expects a rank below 2, got 2");
    options.parts = 2;
    exchange.rank = 1;
    options.exchange = &exchange;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                     MLP_ERR_UNSUPPORTED);
    mlp_net_free(net);
    model normed = xor_model;
    normed.layers[0].batch_norm = true;
    net = new_net(&normed, MLP_F64, &record);
    options = defaults;
    options.parts = 2;
    REFUSED(MLP_ERR_ARGUMENT, "parts: expects 1 with batch norm");
    mlp_net_free(net);
    free_data(d);
    assert_int_equal(record.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_parts_are_added_as_a_tree),
        cmocka_unit_test(any_number_of_processes_gives_the_same_bits),
        cmocka_unit_test(parts_decide_about_the_bits),
        cmocka_unit_test(parts_change_only_rounding),
        cmocka_unit_test(each_row_of_a_batch_has_its_own_mask),
        cmocka_unit_test(bad_rows_of_one_end_all),
        cmocka_unit_test(divergence_of_one_ends_all),
        cmocka_unit_test(exhausted_memory_of_one_ends_all),
        cmocka_unit_test(callbacks_of_one_stop_all),
        cmocka_unit_test(different_options_end_all),
        cmocka_unit_test(each_option_is_compared),
        cmocka_unit_test(each_property_of_the_network_is_compared),
        cmocka_unit_test(different_rates_end_all),
        cmocka_unit_test(trainers_that_have_begun_must_be_alike),
        cmocka_unit_test(a_fit_without_its_exchange_keeps_whole_epochs),
        cmocka_unit_test(failures_may_be_lost_with_the_exchange),
        cmocka_unit_test(threads_share_the_rows_of_a_part),
        cmocka_unit_test(each_block_holds_out_rows),
        cmocka_unit_test(a_stream_asks_for_each_chunk_once),
        cmocka_unit_test(a_checkpoint_goes_on_with_parts),
        cmocka_unit_test(scaling_is_that_of_all_rows),
        cmocka_unit_test(ranks_without_weights_scale_as_one),
        cmocka_unit_test(a_failure_without_a_status_is_the_exchange_s),
        cmocka_unit_test(what_has_no_parts_is_refused),
    };
    return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
