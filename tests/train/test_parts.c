/* SPDX-License-Identifier: MIT */
/*
 * Batches in parts. The arithmetic is compared with a model that is written out
 * here. Then any number of processes, which threads play, must get the bits of
 * one process. test_exchange.c shows how processes fail.
 */
#include "support/processes.h"

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

static void any_number_of_processes_gives_the_same_bits(void **state)
{
    (void)state;
    parts_rows *rows = new_parts_rows();
    for (size_t i = 0; i < PARTS_CASES; i++) {
        parts_case c;
        set_parts_case(i, rows, &c);
        uint64_t expected = hash_alone(&c);
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
        hashes[i] = hash_alone(&c);
    }
    assert_true(hashes[0] != hashes[1] && hashes[1] != hashes[2] &&
                hashes[0] != hashes[2]);
    free(rows);
}

/* A rank whose rows all have the weight 0 finds the same origin as the others,
 * wherever the first part with rows that count is. A column varies so little
 * that there is a hint, which only rank 0 gives. */
static void ranks_without_weights_scale_as_one(void **state)
{
    (void)state;
    enum { RANKS = 4 };
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

/* Returns another trainer of the network that has loaded what this one knew. */
static mlp_trainer *reloaded(mlp_trainer *trainer, mlp_net *net,
                             size_t max_rows)
{
    mlp_trainer *other = NULL;
    size_t size = mlp_trainer_save_size(trainer);
    void *bytes = malloc(size);
    assert_int_equal(mlp_trainer_save_memory(trainer, bytes, size), MLP_OK);
    mlp_trainer_free(trainer);
    assert_int_equal(mlp_trainer_create(net, max_rows, &other), MLP_OK);
    assert_int_equal(mlp_trainer_load_memory(other, bytes, size), MLP_OK);
    free(bytes);
    return other;
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
            trainer = reloaded(trainer, nets[k], 3);
            assert_int_equal(
                mlp_trainer_fit(trainer, c.X, c.Y, &c.options, NULL), MLP_OK);
        }
        mlp_trainer_free(trainer);
    }
    assert_same_net(nets[0], nets[1]);
    mlp_net_free(nets[0]);
    mlp_net_free(nets[1]);
    free(rows);
}

/* A trainer whose last fit had parts drops the same neurons in a fit without
 * them as one that never heard of parts. */
static void parts_leave_nothing_behind(void **state)
{
    (void)state;
    parts_rows *rows = new_parts_rows();
    parts_case c;
    find_case("dropout", rows, &c);
    mlp_train_options without = c.options;
    without.parts = 1;
    mlp_net *nets[2];
    for (size_t k = 0; k < 2; k++) {
        nets[k] = net_of(&c.config);
        mlp_trainer *trainer = NULL;
        size_t most = c.options.batch_size;
        assert_int_equal(mlp_trainer_create(nets[k], most, &trainer), MLP_OK);
        assert_int_equal(mlp_trainer_fit(trainer, c.X, c.Y, &c.options, NULL),
                         MLP_OK);
        trainer = k == 1 ? reloaded(trainer, nets[k], most) : trainer;
        assert_int_equal(mlp_trainer_fit(trainer, c.X, c.Y, &without, NULL),
                         MLP_OK);
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

static mlp_status no_sum(void *numbers, size_t n, mlp_dtype dtype, void *user)
{
    (void)numbers, (void)n, (void)dtype, (void)user;
    return MLP_ERR_UNSUPPORTED;
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
        cmocka_unit_test(threads_share_the_rows_of_a_part),
        cmocka_unit_test(each_block_holds_out_rows),
        cmocka_unit_test(a_stream_asks_for_each_chunk_once),
        cmocka_unit_test(a_checkpoint_goes_on_with_parts),
        cmocka_unit_test(parts_leave_nothing_behind),
        cmocka_unit_test(scaling_is_that_of_all_rows),
        cmocka_unit_test(ranks_without_weights_scale_as_one),
        cmocka_unit_test(what_has_no_parts_is_refused),
    };
    return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
