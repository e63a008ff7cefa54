/* SPDX-License-Identifier: MIT */
/*
 * Training on rows that come in chunks. It must be the same as training in
 * memory, wherever the chunks are cut; and an error in a chunk must give up its
 * epoch.
 */
#include "support/training.h"

enum { ROWS = 45 };

static mlp_train_options options_of(size_t epochs, double alpha, size_t batch)
{
    mlp_train_options options = tutorial_options();
    options.epochs = epochs;
    options.learning_rate = alpha;
    options.batch_size = batch;
    options.shuffle = false;
    return options;
}

static data some_data(mlp_dtype p)
{
    return (data){random_matrix(p, ROWS, 5, -1, 1),
                  random_matrix(p, ROWS, 5, 0, 1)};
}

/* A stream of the rows of `d` in chunks of sizes[0], sizes[1], ..., which are
 * repeated. */
typedef struct reader {
    data d;
    size_t sizes[4];
    size_t n_sizes;
    size_t epochs, at; /* epochs that have begun, and the next row */
    size_t fail_epoch, fail_chunk;
    mlp_status fail;
} reader;

static mlp_status read_chunk(size_t epoch, size_t chunk, mlp_chunk *rows,
                             void *user)
{
    reader *r = user;
    if (chunk == 0) {
        assert_int_equal(epoch, r->epochs++);
        r->at = 0;
    }
    assert_int_equal(rows->X.rows, 0);
    if (r->fail != MLP_OK && epoch == r->fail_epoch && chunk == r->fail_chunk) {
        return r->fail;
    }
    size_t m = r->sizes[chunk % r->n_sizes];
    rows->X = mlp_cview_rows(ro(r->d.X), r->at, m);
    rows->Y = mlp_cview_rows(ro(r->d.Y), r->at, m);
    r->at += rows->X.rows;
    return MLP_OK;
}

static const reader cuts[] = {
    {.sizes = {ROWS}, .n_sizes = 1},     {.sizes = {1}, .n_sizes = 1},
    {.sizes = {7}, .n_sizes = 1},        {.sizes = {8}, .n_sizes = 1},
    {.sizes = {3, 20, 1}, .n_sizes = 3}, {.sizes = {44, 1}, .n_sizes = 2},
    {.sizes = {1000}, .n_sizes = 1},
};

static void chunks_are_the_rows_in_memory(void **state)
{
    (void)state;
    static const size_t batches[] = {1, 7, 8, 44, 45, 100};
    FOR_EACH_PRECISION(p)
    {
        data d = some_data(p);
        for (size_t b = 0; b < COUNT(batches); b++) {
            mlp_train_options options = options_of(5, 0.25, batches[b]);
            options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
            options.X_validation = mlp_cview_rows(ro(d.X), 3, 11);
            options.Y_validation = mlp_cview_rows(ro(d.Y), 5, 11);
            mlp_net *start = new_net(&square_model, p, NULL);
            mlp_net *expected = clone_of(start);
            mlp_history *memory = NULL;
            assert_int_equal(
                mlp_fit(expected, ro(d.X), ro(d.Y), &options, &memory), MLP_OK);
            options.shuffle = true; /* which is ignored */
            for (size_t c = 0; c < COUNT(cuts); c++) {
                mlp_net *net = clone_of(start);
                mlp_history *history = NULL;
                reader r = cuts[c];
                r.d = d;
                assert_int_equal(
                    mlp_fit_stream(net, read_chunk, &r, &options, &history),
                    MLP_OK);
                assert_same_net(net, expected);
                assert_memory_equal(mlp_history_losses(history),
                                    mlp_history_losses(memory),
                                    5 * sizeof(double));
                assert_memory_equal(mlp_history_validation_losses(history),
                                    mlp_history_validation_losses(memory),
                                    5 * sizeof(double));
                mlp_history_free(history);
                mlp_net_free(net);
            }
            mlp_history_free(memory);
            mlp_net_free(expected);
            mlp_net_free(start);
        }
        free_data(d);
    }
}

/* Two fits of one trainer are the same as one longer fit, and epoch numbers go
 * on. */
static void trainers_fits_continue_in_chunks(void **state)
{
    (void)state;
    data d = some_data(MLP_F64);
    mlp_net *net = new_net(&square_model, MLP_F64, NULL);
    mlp_net *expected = clone_of(net);
    mlp_train_options options = options_of(9, 0.25, 8);
    assert_int_equal(mlp_fit(expected, ro(d.X), ro(d.Y), &options, NULL),
                     MLP_OK);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, 8, &trainer), MLP_OK);
    reader r = cuts[4];
    r.d = d;
    options.epochs = 4;
    assert_int_equal(
        mlp_trainer_fit_stream(trainer, read_chunk, &r, &options, NULL),
        MLP_OK);
    options.epochs = 5;
    assert_int_equal(
        mlp_trainer_fit_stream(trainer, read_chunk, &r, &options, NULL),
        MLP_OK);
    assert_int_equal(r.epochs, 9);
    assert_same_net(net, expected);
    mlp_trainer_free(trainer);
    mlp_net_free(expected);
    mlp_net_free(net);
    free_data(d);
}

/* A model whose layers keep state between steps: dropout and batch norm. */
static const model laden_model = {
    5,
    3,
    {{.width = 9,
      .activation = MLP_ACT_TANH,
      .dropout = 0.25,
      .batch_norm = true},
     {.width = 6, .activation = MLP_ACT_RELU, .dropout = 0.5},
     {.width = 5, .batch_norm = true}},
    MLP_LOSS_MSE};

static mlp_trainer *new_trainer(mlp_net *net, mlp_optimizer_kind kind)
{
    mlp_optimizer optimizer = mlp_optimizer_defaults(kind);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, 8, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_set_optimizer(trainer, &optimizer), MLP_OK);
    return trainer;
}

/* Trains for 10 epochs in chunks, saves the trainer, and loads it into a
 * trainer of another network, which is returned. */
static mlp_trainer *ten_epochs_in_chunks(mlp_trainer *trainer, reader *r,
                                         const mlp_train_options *options,
                                         mlp_net *next)
{
    assert_int_equal(
        mlp_trainer_fit_stream(trainer, read_chunk, r, options, NULL), MLP_OK);
    size_t size = mlp_trainer_save_size(trainer);
    void *bytes = guarded_alloc(size);
    assert_int_equal(mlp_trainer_save_memory(trainer, bytes, size), MLP_OK);
    mlp_trainer *loaded = new_trainer(next, MLP_OPTIMIZER_SGD);
    assert_int_equal(mlp_trainer_load_memory(loaded, bytes, size), MLP_OK);
    guarded_free(bytes);
    mlp_trainer_free(trainer);
    return loaded;
}

static void assert_resumes_in_chunks(mlp_dtype p, mlp_optimizer_kind kind)
{
    data d = some_data(p);
    mlp_train_options options = options_of(20, 0.01, 8);
    options.optimizer = mlp_optimizer_defaults(kind);
    options.X_validation = mlp_cview_rows(ro(d.X), 3, 11);
    options.Y_validation = mlp_cview_rows(ro(d.Y), 5, 11);
    mlp_net *nets[3];
    for (size_t i = 0; i < COUNT(nets); i++) {
        nets[i] = new_net(&laden_model, p, NULL);
    }
    options.restore_best = false;
    assert_int_equal(mlp_fit(nets[0], ro(d.X), ro(d.Y), &options, NULL),
                     MLP_OK);
    reader r = cuts[4];
    r.d = d;
    options.epochs = 10;
    mlp_trainer *trainer = new_trainer(nets[1], kind);
    trainer = ten_epochs_in_chunks(trainer, &r, &options, nets[2]);
    assert_same_net(nets[2], nets[1]);
    trainer = ten_epochs_in_chunks(trainer, &r, &options, nets[1]);
    assert_int_equal(r.epochs, 20);
    assert_same_net(nets[2], nets[0]);
    assert_same_net(nets[1], nets[0]);
    mlp_trainer_free(trainer);
    for (size_t i = 0; i < COUNT(nets); i++) {
        mlp_net_free(nets[i]);
    }
    free_data(d);
}

/* Twice 10 epochs in chunks, with the trainer saved and loaded between, must be
 * the same as 20 epochs in memory. lbfgs is left out: it takes no chunks. */
static void every_optimizer_resumes_in_chunks(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (mlp_optimizer_kind kind = MLP_OPTIMIZER_SGD;
             kind < MLP_OPTIMIZER_LBFGS; kind++) {
            assert_resumes_in_chunks(p, kind);
        }
    }
}

static bool stop_at_third_batch(const mlp_batch_progress *progress, void *user)
{
    (void)user;
    return progress->batch < 2;
}

static void batch_callback_ends_it_within_a_chunk(void **state)
{
    (void)state;
    data d = some_data(MLP_F64);
    mlp_net *net = new_net(&square_model, MLP_F64, NULL);
    mlp_net *expected = clone_of(net);
    mlp_train_options options = options_of(3, 0.25, 8);
    options.on_batch = stop_at_third_batch;
    assert_int_equal(mlp_fit(expected, ro(d.X), ro(d.Y), &options, NULL),
                     MLP_OK);
    reader r = cuts[0];
    r.d = d;
    mlp_history *history = NULL;
    assert_int_equal(mlp_fit_stream(net, read_chunk, &r, &options, &history),
                     MLP_OK);
    assert_int_equal(mlp_history_epochs(history), 0);
    assert_same_net(net, expected);
    mlp_history_free(history);
    mlp_net_free(expected);
    mlp_net_free(net);
    free_data(d);
}

/* ---------------------------------------------------------------------------
 * Bad chunks
 */

/* A network that records log messages, and a copy of it before the fit. */
typedef struct listener {
    hook_record record;
    mlp_net *net, *before;
} listener;

static void listen(listener *l)
{
    *l = (listener){.net = NULL};
    l->net = new_net(&square_model, MLP_F64, &l->record);
    l->before = clone_of(l->net);
}

static void finish(listener *l)
{
    mlp_net_free(l->before);
    mlp_net_free(l->net);
    assert_int_equal(l->record.live, 0);
}

/* Checks that training fails with `status` and a message with `part`, and
 * leaves the weights that the first `epochs` epochs give. */
static void assert_failure(reader r, mlp_train_options options,
                           mlp_status status, const char *part, size_t epochs)
{
    listener l;
    listen(&l);
    mlp_history *const untouched = (mlp_history *)(void *)&l;
    mlp_history *history = untouched;
    assert_told(&l.record,
                mlp_fit_stream(l.net, read_chunk, &r, &options, &history),
                status, part);
    assert_ptr_equal(history, untouched);
    if (epochs > 0) {
        reader good = r;
        good.fail = MLP_OK;
        good.epochs = 0;
        options.epochs = epochs;
        assert_int_equal(
            mlp_fit_stream(l.before, read_chunk, &good, &options, NULL),
            MLP_OK);
    }
    assert_same_net(l.net, l.before);
    finish(&l);
}

static void failed_chunks_end_the_training(void **state)
{
    (void)state;
    reader r = cuts[2]; /* chunks 0 to 6 have 7 rows each */
    r.d = some_data(MLP_F64);
    mlp_train_options options = options_of(5, 0.25, 9);
    static const struct {
        size_t epoch, chunk, epochs;
        const char *part;
    } cases[] = {{0, 0, 0, "epoch 0, chunk 0"},
                 {0, 3, 0, "epoch 0, chunk 3"},
                 {3, 0, 3, "epoch 3, chunk 0"},
                 {3, 1, 3, "epoch 3, chunk 1"},
                 {3, 6, 3, "epoch 3, chunk 6"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        r.fail_epoch = cases[i].epoch;
        r.fail_chunk = cases[i].chunk;
        r.fail = (mlp_status)1234;
        assert_failure(r, options, r.fail, cases[i].part, cases[i].epochs);
        r.fail = MLP_ERR_MEMORY;
        assert_failure(r, options, r.fail, cases[i].part, cases[i].epochs);
    }
    free_data(r.d);
}

/* Spoils a weight of `user` after the second epoch. */
static bool spoil(const mlp_epoch_progress *progress, void *user)
{
    if (progress->epoch == 1) {
        mlp_net *net = user;
        put(tensor(net, MLP_W, 1), 0, 0, NAN);
    }
    return true;
}

/* Weights from before an epoch are kept if its first chunk fails, unless they
 * are bad. Then those from before the last epoch come back. */
static void bad_weights_are_not_kept_with_a_failed_chunk(void **state)
{
    (void)state;
    reader r = cuts[2];
    r.d = some_data(MLP_F64);
    for (size_t k = 0; k < 2; k++) {
        listener l;
        listen(&l);
        mlp_train_options options = options_of(5, 0.25, 9);
        options.on_epoch = k == 0 ? NULL : spoil;
        options.user = l.net;
        r.epochs = 0;
        r.fail = MLP_ERR_IO;
        r.fail_epoch = 2;
        assert_told(&l.record,
                    mlp_fit_stream(l.net, read_chunk, &r, &options, NULL),
                    MLP_ERR_IO, "epoch 2, chunk 0");
        r.epochs = 0;
        r.fail = MLP_OK;
        options.on_epoch = NULL;
        options.epochs = 2 - k;
        assert_int_equal(
            mlp_fit_stream(l.before, read_chunk, &r, &options, NULL), MLP_OK);
        assert_same_net(l.net, l.before);
        finish(&l);
    }
    free_data(r.d);
}

static void bad_values_name_their_chunk(void **state)
{
    (void)state;
    reader r = cuts[5]; /* a chunk of 44 rows, then one of 1 row */
    r.d = some_data(MLP_F64);
    mlp_train_options options = options_of(5, 0.25, 9);
    put(r.d.X, 17, 3, NAN);
    assert_failure(r, options, MLP_ERR_NOT_FINITE,
                   "epoch 0, chunk 0: X: expects finite numbers, got NaN in "
                   "row 17, column 3",
                   0);
    put(r.d.X, 17, 3, 0);
    put(r.d.Y, 44, 2, INFINITY);
    assert_failure(r, options, MLP_ERR_NOT_FINITE,
                   "epoch 0, chunk 1: Y: expects finite numbers, got an "
                   "infinity in row 0, column 2",
                   0);
    put(r.d.Y, 44, 2, 1e200);
    assert_failure(r, options, MLP_ERR_DIVERGED, "epoch 0, batch 4", 0);
    r.d.Y.cols = 4;
    assert_failure(r, options, MLP_ERR_SHAPE,
                   "epoch 0, chunk 0: Y: expects 5 columns, got 4", 0);
    free_data(r.d);
}

/* Gives two rows whose weights are finite, and their sum is not, in each of two
 * chunks. */
static mlp_status heavy_rows(size_t epoch, size_t chunk, mlp_chunk *rows,
                             void *user)
{
    static const double weights[] = {1e308, 1e308};
    const data *d = user;
    (void)epoch;
    if (chunk < 2) {
        rows->X = mlp_cview_rows(ro(d->X), 2 * chunk, 2);
        rows->Y = mlp_cview_rows(ro(d->Y), 2 * chunk, 2);
        rows->row_weights = mlp_cview_f64(weights, 2, 1);
    }
    return MLP_OK;
}

static void weights_must_have_a_sum(void **state)
{
    (void)state;
    data d = some_data(MLP_F64);
    for (size_t k = 0; k < 4; k++) {
        listener l;
        listen(&l);
        /* A batch is full, or the epoch ends before. */
        mlp_train_options options = options_of(5, 0.25, k % 2 == 0 ? 4 : 32);
        options.parts = k < 2 ? 1 : 2;
        assert_told(&l.record,
                    mlp_fit_stream(l.net, heavy_rows, &d, &options, NULL),
                    MLP_ERR_ARGUMENT, "sum");
        assert_same_net(l.net, l.before);
        finish(&l);
    }
    free_data(d);
}

/* A batch that the caller does not choose has 32 rows, and at least one for each
 * part. */
static void parts_decide_about_the_automatic_batch(void **state)
{
    (void)state;
    static const size_t parts[] = {1, 8, 32, 64};
    reader r = cuts[0];
    r.d = some_data(MLP_F64);
    for (size_t i = 0; i < COUNT(parts); i++) {
        mlp_net *nets[2];
        for (size_t k = 0; k < 2; k++) {
            mlp_train_options options = options_of(3, 0.25, 9);
            options.parts = parts[i];
            options.batch_size = k == 0          ? MLP_AUTO_COUNT
                                 : parts[i] > 32 ? parts[i]
                                                 : 32;
            nets[k] = new_net(&square_model, MLP_F64, NULL);
            r.epochs = 0;
            assert_int_equal(
                mlp_fit_stream(nets[k], read_chunk, &r, &options, NULL),
                MLP_OK);
        }
        assert_same_net(nets[0], nets[1]);
        mlp_net_free(nets[0]);
        mlp_net_free(nets[1]);
    }
    free_data(r.d);
}

static void failed_chunks_of_a_part_end_the_training(void **state)
{
    (void)state;
    reader r = cuts[2]; /* chunks 0 to 6 have 7 rows each */
    r.d = some_data(MLP_F64);
    mlp_train_options options = options_of(5, 0.25, 8);
    options.parts = 2;
    r.fail = MLP_ERR_MEMORY;
    r.fail_epoch = 2;
    for (r.fail_chunk = 0; r.fail_chunk < 7; r.fail_chunk++) {
        char part[32];
        (void)snprintf(part, sizeof part, "epoch 2, chunk %zu", r.fail_chunk);
        assert_failure(r, options, r.fail, part, 2);
    }
    r.fail = MLP_OK;
    put(r.d.Y, 24, 2, NAN); /* row 3 of chunk 3 */
    assert_failure(r, options, MLP_ERR_NOT_FINITE,
                   "epoch 0, chunk 3: Y: expects finite numbers, got NaN in "
                   "row 3, column 2",
                   0);
    put(r.d.Y, 24, 2, 1e200);
    assert_failure(r, options, MLP_ERR_DIVERGED, "epoch 0, batch 2: the loss",
                   0);
    free_data(r.d);
}

static mlp_status reserved_words(size_t epoch, size_t chunk, mlp_chunk *rows,
                                 void *user)
{
    (void)read_chunk(epoch, chunk, rows, user);
    rows->reserved[1] = chunk == 2 ? 5 : 0;
    return MLP_OK;
}

static void reserved_words_of_a_chunk_must_be_0(void **state)
{
    (void)state;
    listener l;
    listen(&l);
    reader r = cuts[2];
    r.d = some_data(MLP_F64);
    mlp_train_options options = options_of(5, 0.25, 9);
    assert_told(&l.record,
                mlp_fit_stream(l.net, reserved_words, &r, &options, NULL),
                MLP_ERR_ARGUMENT,
                "epoch 0, chunk 2: chunk, reserved: expects zeros, got 5 in "
                "element 1");
    assert_same_net(l.net, l.before);
    free_data(r.d);
    finish(&l);
}

static mlp_status no_rows(size_t epoch, size_t chunk, mlp_chunk *rows,
                          void *user)
{
    (void)epoch;
    (void)chunk;
    (void)rows;
    (void)user;
    return MLP_OK;
}

/* Returns rows in the first epoch, and none in the following. */
static mlp_status rows_once(size_t epoch, size_t chunk, mlp_chunk *rows,
                            void *user)
{
    return epoch == 0 ? read_chunk(epoch, chunk, rows, user) : MLP_OK;
}

static void epochs_without_rows_are_refused(void **state)
{
    (void)state;
    listener l;
    listen(&l);
    reader r = cuts[0];
    r.d = some_data(MLP_F64);
    mlp_train_options options = options_of(5, 0.25, 9);
    assert_told(&l.record, mlp_fit_stream(l.net, no_rows, NULL, &options, NULL),
                MLP_ERR_SHAPE, "epoch 0");
    assert_same_net(l.net, l.before);
    assert_told(&l.record, mlp_fit_stream(l.net, rows_once, &r, &options, NULL),
                MLP_ERR_SHAPE, "epoch 1");
    options.epochs = 1;
    assert_int_equal(mlp_fit(l.before, ro(r.d.X), ro(r.d.Y), &options, NULL),
                     MLP_OK);
    assert_same_net(l.net, l.before);
    free_data(r.d);
    finish(&l);
}

static void options_that_need_all_rows_are_refused(void **state)
{
    (void)state;
    listener l;
    listen(&l);
    reader r = cuts[0];
    r.d = some_data(MLP_F64);
    mlp_train_options options = options_of(5, 0.25, 0);
    assert_told(&l.record,
                mlp_fit_stream(l.net, read_chunk, &r, &options, NULL),
                MLP_ERR_ARGUMENT, "batch_size");
    options.batch_size = 9;
    options.validation_fraction = 0.5;
    assert_told(&l.record,
                mlp_fit_stream(l.net, read_chunk, &r, &options, NULL),
                MLP_ERR_ARGUMENT, "validation_fraction");
    options.validation_fraction = 0;
    assert_told(&l.record, mlp_fit_stream(l.net, NULL, &r, &options, NULL),
                MLP_ERR_NULL, "next");
    /* These would take all rows as a batch. */
    options.batch_size = MLP_AUTO_COUNT;
    options.optimizer.kind = MLP_OPTIMIZER_RPROP;
    assert_told(&l.record,
                mlp_fit_stream(l.net, read_chunk, &r, &options, NULL),
                MLP_ERR_ARGUMENT, "batch_size: expects 1 or more for chunks");
    options.optimizer.kind = MLP_OPTIMIZER_LBFGS;
    assert_told(&l.record,
                mlp_fit_stream(l.net, read_chunk, &r, &options, NULL),
                MLP_ERR_ARGUMENT, "chunks");
    options.optimizer.kind = MLP_OPTIMIZER_SGD;
    options.batch_size = SIZE_MAX;
    assert_told(&l.record,
                mlp_fit_stream(l.net, read_chunk, &r, &options, NULL),
                MLP_ERR_LIMIT, "trainer");
    assert_int_equal(mlp_fit_stream(NULL, read_chunk, &r, &options, NULL),
                     MLP_ERR_NULL);
    assert_int_equal(
        mlp_trainer_fit_stream(NULL, read_chunk, &r, &options, NULL),
        MLP_ERR_NULL);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(l.net, 8, &trainer), MLP_OK);
    options.batch_size = 9;
    assert_told(&l.record,
                mlp_trainer_fit_stream(trainer, read_chunk, &r, &options, NULL),
                MLP_ERR_SHAPE, "expects at most 8 rows, got 9");
    mlp_trainer_free(trainer);
    assert_same_net(l.net, l.before);
    free_data(r.d);
    finish(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_are_the_rows_in_memory),
        cmocka_unit_test(trainers_fits_continue_in_chunks),
        cmocka_unit_test(every_optimizer_resumes_in_chunks),
        cmocka_unit_test(batch_callback_ends_it_within_a_chunk),
        cmocka_unit_test(failed_chunks_end_the_training),
        cmocka_unit_test(bad_weights_are_not_kept_with_a_failed_chunk),
        cmocka_unit_test(bad_values_name_their_chunk),
        cmocka_unit_test(weights_must_have_a_sum),
        cmocka_unit_test(parts_decide_about_the_automatic_batch),
        cmocka_unit_test(failed_chunks_of_a_part_end_the_training),
        cmocka_unit_test(reserved_words_of_a_chunk_must_be_0),
        cmocka_unit_test(epochs_without_rows_are_refused),
        cmocka_unit_test(options_that_need_all_rows_are_refused),
    };
    return cmocka_run_group_tests_name("chunks", tests, NULL, NULL);
}
