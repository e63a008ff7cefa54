/* SPDX-License-Identifier: MIT */
/*
 * What a fit reports: its history and its callbacks; and that several fits of
 * one trainer are the same as one longer fit.
 */
#include "support/training.h"

#include "base/clock.h"

static mlp_train_options options_of(size_t epochs, double alpha, size_t batch)
{
    mlp_train_options options = tutorial_options();
    options.epochs = epochs;
    options.learning_rate = alpha;
    options.batch_size = batch;
    return options;
}

static data some_data(mlp_dtype p)
{
    return (data){random_matrix(p, 30, 5, -1, 1),
                  random_matrix(p, 30, 5, 0, 1)};
}

/* Everything that callbacks were given. */
typedef struct diary {
    mlp_epoch_progress epochs[20];
    size_t n_epochs;
    mlp_batch_progress batches[100];
    size_t n_batches, stop_at; /* on_batch call that ends the fit */
} diary;

static bool write_epoch(const mlp_epoch_progress *progress, void *user)
{
    diary *d = user;
    d->epochs[d->n_epochs++] = *progress;
    return true;
}

static bool write_batch(const mlp_batch_progress *progress, void *user)
{
    diary *d = user;
    d->batches[d->n_batches++] = *progress;
    return d->n_batches != d->stop_at;
}

static mlp_train_options told(mlp_train_options options, diary *d)
{
    options.on_epoch = write_epoch;
    options.on_batch = write_batch;
    options.user = d;
    return options;
}

static void history_is_what_callbacks_were_told(void **state)
{
    (void)state;
    data d = some_data(MLP_F64);
    model labels = square_model; /* with a loss that has an accuracy */
    labels.layers[2].activation = MLP_ACT_SIGMOID;
    labels.loss = MLP_LOSS_BCE;
    for (size_t validates = 0; validates < 2; validates++) {
        diary said = {.stop_at = 0};
        mlp_train_options options = told(options_of(9, 0.25, 10), &said);
        options.validation_fraction = validates ? 0.2 : 0;
        mlp_net *net = new_net(&labels, MLP_F64, NULL);
        mlp_history *h = NULL;
        assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, &h), MLP_OK);
        assert_int_equal(said.n_epochs, 9);
        assert_int_equal(mlp_history_epochs(h), 9);
        for (size_t i = 0; i < 9; i++) {
            const mlp_epoch_progress *p = &said.epochs[i];
            assert_int_equal(p->epoch, i);
            assert_int_equal(p->epochs, 9);
            assert_true(p->loss == mlp_history_losses(h)[i]);
            double loss = mlp_history_validation_losses(h)[i];
            double accuracy = mlp_history_validation_accuracies(h)[i];
            assert_true(same_number(p->validation_loss, loss));
            assert_true(same_number(p->validation_accuracy, accuracy));
            assert_int_equal(isnan(loss) != 0, !validates);
            assert_int_equal(isnan(accuracy) != 0, !validates);
            assert_true(p->rate == 0.25 && mlp_history_rates(h)[i] == 0.25);
            assert_true(p->seconds == mlp_history_seconds(h)[i]);
            assert_true(p->seconds >= 0 && p->seconds < 60);
            assert_ptr_equal(p->net, net);
            assert_non_null(p->trainer);
        }
        assert_int_equal(mlp_history_best_epoch(h), said.epochs[8].best_epoch);
        mlp_history_free(h);
        mlp_net_free(net);
    }
    free_data(d);
}

/* Every epoch must get a duration, although the clock is not read in every
 * short epoch. The number of epochs is prime, so the last reading covers fewer
 * epochs than the others. */
static void every_epoch_has_its_seconds(void **state)
{
    (void)state;
    enum { EPOCHS = 1009 };
    data d = xor_data(MLP_F64);
    mlp_train_options options = tutorial_options();
    options.epochs = EPOCHS;
    mlp_net *net = new_net(&xor_model, MLP_F64, NULL);
    mlp_history *h = NULL;
    double start = mlpi_seconds();
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, &h), MLP_OK);
    double most = mlpi_seconds() - start;
    double seconds = 0;
    for (size_t i = 0; i < EPOCHS; i++) {
        assert_true(mlp_history_seconds(h)[i] > 0);
        seconds += mlp_history_seconds(h)[i];
    }
    assert_true(seconds < most + 0.01);
    mlp_history_free(h);
    mlp_net_free(net);
    free_data(d);
}

/* After a reading of the clock that shows epochs below 2 microseconds, the next
 * sixteen share one reading, and so one duration. */
static void short_epochs_are_timed_sixteen_at_a_time(void **state)
{
    (void)state;
    enum { EPOCHS = 4000 };
    const double short_epoch = 2e-6;
    data d = xor_data(MLP_F64);
    mlp_train_options options = tutorial_options();
    options.epochs = EPOCHS;
    mlp_net *net = new_net(&xor_model, MLP_F64, NULL);
    mlp_history *h = NULL;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, &h), MLP_OK);
    const double *seconds = mlp_history_seconds(h);
    size_t length = 1;
    size_t groups = 0;
    size_t equal = 0; /* groups with the duration of the one before */
    for (size_t i = 0; i < EPOCHS; i += length) {
        length = i > 0 && seconds[i - 1] < short_epoch ? 16 : 1;
        groups += length == 16;
        equal += length == 16 && seconds[i] == seconds[i - 1];
        for (size_t k = i; k < i + length && k < EPOCHS; k++) {
            assert_true(seconds[k] == seconds[i]);
        }
    }
    assert_true(groups < 8 || equal < groups / 2);
    mlp_history_free(h);
    mlp_net_free(net);
    free_data(d);
}

static void epochs_are_made_of_batches(void **state)
{
    (void)state;
    data d = some_data(MLP_F64);
    diary said = {.stop_at = 0};
    mlp_train_options options = told(options_of(4, 0.25, 8), &said);
    mlp_net *net = new_net(&square_model, MLP_F64, NULL);
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    assert_int_equal(said.n_batches, 16);
    for (size_t epoch = 0; epoch < 4; epoch++) {
        double sum = 0;
        for (size_t i = 0; i < 4; i++) {
            const mlp_batch_progress *b = &said.batches[4 * epoch + i];
            assert_int_equal(b->epoch, epoch);
            assert_int_equal(b->batch, i);
            assert_int_equal(b->rows, i < 3 ? 8 : 6);
            assert_true(b->rate == 0.25);
            assert_ptr_equal(b->net, net);
            sum += b->loss * (double)b->rows;
        }
        assert_true(said.epochs[epoch].loss == sum / 30);
    }
    mlp_net_free(net);
    free_data(d);
}

/* Batch 6 is the third of the second epoch, so that epoch is not finished and
 * not in the history. */
static void batch_callback_can_end_the_training(void **state)
{
    (void)state;
    data d = some_data(MLP_F64);
    diary said = {.stop_at = 7};
    mlp_train_options options = told(options_of(4, 0.25, 8), &said);
    options.shuffle = false;
    mlp_net *net = new_net(&square_model, MLP_F64, NULL);
    mlp_net *expected = clone_of(net);
    mlp_history *h = NULL;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, &h), MLP_OK);
    assert_int_equal(said.n_batches, 7);
    assert_int_equal(said.n_epochs, 1);
    assert_int_equal(mlp_history_epochs(h), 1);
    mlp_train_options one = options_of(1, 0.25, 8);
    one.shuffle = false;
    assert_int_equal(mlp_fit(expected, ro(d.X), ro(d.Y), &one, NULL), MLP_OK);
    assert_int_equal(mlp_fit(expected, mlp_cview_rows(ro(d.X), 0, 24),
                             mlp_cview_rows(ro(d.Y), 0, 24), &one, NULL),
                     MLP_OK);
    assert_same_net(net, expected);
    mlp_history_free(h);
    mlp_net_free(expected);
    mlp_net_free(net);
    free_data(d);
}

static void history_of_nothing_is_empty(void **state)
{
    (void)state;
    assert_int_equal(mlp_history_epochs(NULL), 0);
    assert_int_equal(mlp_history_best_epoch(NULL), 0);
    assert_null(mlp_history_losses(NULL));
    assert_null(mlp_history_validation_losses(NULL));
    assert_null(mlp_history_validation_accuracies(NULL));
    assert_null(mlp_history_rates(NULL));
    assert_null(mlp_history_seconds(NULL));
}

/* ---------------------------------------------------------------------------
 * Several fits of one trainer
 */

/* Compares 20 epochs with fits of 1, 7, 0 and 12 epochs, with shuffling,
 * validation and the best weights. */
static void trainers_fits_go_on(void **state)
{
    (void)state;
    static const size_t parts[] = {1, 7, 0, 12};
    FOR_EACH_PRECISION(p)
    {
        data d = some_data(p);
        mlp_train_options options = options_of(20, 0.25, 8);
        options.validation_fraction = 0.2;
        mlp_net *expected = new_net(&square_model, p, NULL);
        mlp_net *net = clone_of(expected);
        mlp_history *whole = NULL;
        assert_int_equal(mlp_fit(expected, ro(d.X), ro(d.Y), &options, &whole),
                         MLP_OK);
        mlp_trainer *trainer = trainer_of(net, 8);
        size_t first = 0;
        for (size_t i = 0; i < COUNT(parts); i++) {
            options.epochs = parts[i];
            options.restore_best = i + 1 == COUNT(parts);
            diary said = {.stop_at = 0};
            mlp_train_options part = told(options, &said);
            mlp_history *h = NULL;
            assert_int_equal(
                mlp_trainer_fit(trainer, ro(d.X), ro(d.Y), &part, &h), MLP_OK);
            assert_int_equal(mlp_history_epochs(h), parts[i]);
            assert_memory_equal(mlp_history_losses(h),
                                mlp_history_losses(whole) + first,
                                parts[i] * sizeof(double));
            assert_memory_equal(mlp_history_validation_losses(h),
                                mlp_history_validation_losses(whole) + first,
                                parts[i] * sizeof(double));
            for (size_t e = 0; e < parts[i]; e++) {
                assert_int_equal(said.epochs[e].epoch, first + e);
                assert_int_equal(said.epochs[e].epochs, first + parts[i]);
            }
            first += parts[i];
            mlp_history_free(h);
        }
        assert_same_net(net, expected);
        mlp_trainer_free(trainer);
        mlp_history_free(whole);
        mlp_net_free(net);
        mlp_net_free(expected);
        free_data(d);
    }
}

static void trainers_fit_refuses_what_is_too_large(void **state)
{
    (void)state;
    hook_record record = {0};
    data d = some_data(MLP_F64);
    mlp_net *net = new_net(&square_model, MLP_F64, &record);
    mlp_net *before = clone_of(net);
    mlp_trainer *trainer = trainer_of(net, 29);
    mlp_train_options options = options_of(2, 0.25, 0);
    assert_told(&record,
                mlp_trainer_fit(trainer, ro(d.X), ro(d.Y), &options, NULL),
                MLP_ERR_SHAPE, "expects at most 29 rows, got 30");
    options.batch_size = 30;
    assert_told(&record,
                mlp_trainer_fit(trainer, ro(d.X), ro(d.Y), &options, NULL),
                MLP_ERR_SHAPE, "expects at most 29 rows, got 30");
    assert_int_equal(mlp_trainer_fit(NULL, ro(d.X), ro(d.Y), NULL, NULL),
                     MLP_ERR_NULL);
    assert_same_net(net, before);
    options.batch_size = 29;
    assert_int_equal(
        mlp_trainer_forward(trainer, mlp_cview_rows(ro(d.X), 0, 1)), MLP_OK);
    assert_int_equal(mlp_trainer_fit(trainer, ro(d.X), ro(d.Y), &options, NULL),
                     MLP_OK);
    /* The fit has overwritten the batch of the forward pass before it, so a
     * backward pass is refused. */
    assert_int_equal(
        mlp_trainer_backward(trainer, mlp_cview_rows(ro(d.Y), 0, 1)),
        MLP_ERR_ORDER);
    mlp_trainer_free(trainer);
    mlp_net_free(before);
    mlp_net_free(net);
    free_data(d);
    assert_int_equal(record.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(history_is_what_callbacks_were_told),
        cmocka_unit_test(every_epoch_has_its_seconds),
        cmocka_unit_test(short_epochs_are_timed_sixteen_at_a_time),
        cmocka_unit_test(epochs_are_made_of_batches),
        cmocka_unit_test(batch_callback_can_end_the_training),
        cmocka_unit_test(history_of_nothing_is_empty),
        cmocka_unit_test(trainers_fits_go_on),
        cmocka_unit_test(trainers_fit_refuses_what_is_too_large),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
