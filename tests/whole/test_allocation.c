/* SPDX-License-Identifier: MIT */
/*
 * Failing allocations. Every function that allocates is called with its first
 * allocation failing, then its second, and so on until it succeeds. Other tests
 * check that what must not allocate does not.
 */
#include "support/training.h"

enum { ROWS = 70, BATCH = 16 };

/* A model with everything that takes memory. */
static const model laden_model = {5,
                                  3,
                                  {{11, MLP_ACT_TANH, 0, 0.25, true},
                                   {6, MLP_ACT_RELU, 0, 0.5, false},
                                   {5, MLP_ACT_SIGMOID, 0, 0, true}},
                                  MLP_LOSS_BCE};

/* What an operation works on. Outputs hold MARK until an operation succeeds. */
typedef struct fixture {
    hook_record record;
    mlp_net *net;
    data d; /* d.Y also serves as the targets */
    mlp_view A;
    int32_t labels[ROWS * 5];
} fixture;

#define MARK 7

static void prepare(fixture *f, mlp_dtype dtype)
{
    *f = (fixture){.d = {random_matrix(dtype, ROWS, 5, -1, 1),
                         random_matrix(dtype, ROWS, 5, 0, 1)},
                   .A = new_matrix(dtype, ROWS, 5, NULL)};
    f->net = new_net(&laden_model, dtype, &f->record);
    fill(f->A, MARK);
    for (size_t i = 0; i < COUNT(f->labels); i++) {
        f->labels[i] = MARK;
    }
}

static void finish(fixture *f)
{
    mlp_net_free(f->net);
    free(f->A.data);
    free_data(f->d);
    assert_int_equal(f->record.live, 0);
}

/* ---------------------------------------------------------------------------
 * The operations. Each frees what it makes, and checks that a failed call
 * leaves its outputs untouched.
 */

static mlp_status create(fixture *f)
{
    mlp_config config =
        config_of(&laden_model, mlp_net_precision(f->net), &f->record);
    mlp_net *made = NULL;
    mlp_status status = mlp_net_create(&config, &made);
    assert_true((status == MLP_OK) == (made != NULL));
    mlp_net_free(made);
    return status;
}

static mlp_status clone(fixture *f)
{
    mlp_net *made = NULL;
    mlp_status status = mlp_net_clone(f->net, &made);
    assert_true((status == MLP_OK) == (made != NULL));
    mlp_net_free(made);
    return status;
}

static mlp_status fold(fixture *f)
{
    mlp_net *made = NULL;
    mlp_status status = mlp_net_fold_batch_norm(f->net, &made);
    assert_true((status == MLP_OK) == (made != NULL));
    mlp_net_free(made);
    return status;
}

static mlp_status create_workspace(fixture *f)
{
    mlp_workspace *made = NULL;
    mlp_status status = mlp_workspace_create(f->net, &made);
    assert_true((status == MLP_OK) == (made != NULL));
    mlp_workspace_free(made);
    return status;
}

static mlp_status create_trainer(fixture *f)
{
    mlp_trainer *made = NULL;
    mlp_status status = mlp_trainer_create(f->net, ROWS, &made);
    assert_true((status == MLP_OK) == (made != NULL));
    mlp_trainer_free(made);
    return status;
}

static mlp_status predict(fixture *f)
{
    mlp_status status = mlp_predict(f->net, ro(f->d.X), f->A);
    for (size_t i = 0; i < ROWS * 5; i++) {
        assert_true((status == MLP_OK) == (at(f->A, i / 5, i % 5) != MARK));
    }
    return status;
}

static mlp_status classify(fixture *f)
{
    mlp_status status =
        mlp_classify(f->net, ro(f->d.X), 0.5, mlp_view_i32(f->labels, ROWS, 5));
    for (size_t i = 0; i < COUNT(f->labels); i++) {
        assert_true((status == MLP_OK) == (f->labels[i] != MARK));
    }
    return status;
}

static mlp_status evaluate(fixture *f)
{
    mlp_scores scores = {MARK, MARK};
    mlp_status status = mlp_evaluate(f->net, ro(f->d.X), ro(f->d.Y), &scores);
    assert_true((status == MLP_OK) == (scores.loss != MARK));
    assert_true((status == MLP_OK) == (scores.accuracy != MARK));
    return status;
}

static mlp_status fit_with_history(fixture *f)
{
    mlp_train_options options = tutorial_options();
    options.epochs = 3;
    options.batch_size = BATCH;
    mlp_history *made = NULL;
    mlp_status status =
        mlp_fit(f->net, ro(f->d.X), ro(f->d.Y), &options, &made);
    assert_true((status == MLP_OK) == (made != NULL));
    mlp_history_free(made);
    return status;
}

static mlp_status fit_without_history(fixture *f)
{
    mlp_train_options options = tutorial_options();
    options.epochs = 3;
    return mlp_fit(f->net, ro(f->d.X), ro(f->d.Y), &options, NULL);
}

static mlp_status check_gradients(fixture *f)
{
    mlp_gradient_check worst = {.error = MARK};
    mlp_status status =
        mlp_check_gradients(f->net, mlp_cview_rows(ro(f->d.X), 0, 2),
                            mlp_cview_rows(ro(f->d.Y), 0, 2), NULL, &worst);
    assert_true((status == MLP_OK) == (worst.error != MARK));
    return status;
}

typedef mlp_status operation(fixture *f);

static operation *const operations[] = {
    create,         clone,    fold,     create_workspace, create_trainer,
    predict,        classify, evaluate, fit_with_history, fit_without_history,
    check_gradients};

/* ---------------------------------------------------------------------------
 * Failing allocations
 */

/* Runs the operation with its n-th allocation failing. Returns true if it makes
 * fewer than n allocations, and so succeeds. */
static bool survives(fixture *f, operation *run, size_t n)
{
    mlp_net *before = clone_of(f->net);
    size_t live = f->record.live;
    size_t messages = f->record.messages;
    f->record.fail_at = f->record.allocations + n;
    mlp_status status = run(f);
    bool failed = f->record.allocations >= f->record.fail_at;
    f->record.fail_at = 0;
    assert_int_equal(f->record.live, live);
    assert_int_equal(status, failed ? MLP_ERR_MEMORY : MLP_OK);
    if (failed) {
        assert_int_equal(f->record.messages, messages + 1);
        assert_int_equal(f->record.status, MLP_ERR_MEMORY);
        assert_said(&f->record, "bytes");
        assert_same_net(f->net, before);
    }
    mlp_net_free(before);
    return !failed;
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (size_t i = 0; i < COUNT(operations); i++) {
            fixture f;
            prepare(&f, p);
            size_t n = 1;
            while (!survives(&f, operations[i], n)) {
                n++;
                assert_true(n < 100);
            }
            assert_true(n > 1); /* the operation allocates through the hooks */
            finish(&f);
        }
    }
}

/* A fit that succeeds after failed ones has the same bits as one without
 * failures before it. */
static void fit_after_failures_is_as_ever(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        fixture f;
        fixture untroubled;
        prepare(&f, p);
        prepare(&untroubled, p);
        for (size_t n = 1; !survives(&f, fit_with_history, n); n++) {
        }
        assert_int_equal(fit_with_history(&untroubled), MLP_OK);
        assert_same_net(f.net, untroubled.net);
        finish(&untroubled);
        finish(&f);
    }
}

/* ---------------------------------------------------------------------------
 * What must not allocate
 */

static void predict_with_a_workspace_allocates_nothing(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        fixture f;
        prepare(&f, p);
        mlp_workspace *workspace = NULL;
        assert_int_equal(mlp_workspace_create(f.net, &workspace), MLP_OK);
        size_t before = f.record.allocations;
        for (size_t m = 0; m <= ROWS; m++) {
            f.A.rows = m;
            assert_int_equal(mlp_predict_with(f.net, workspace,
                                              mlp_cview_rows(ro(f.d.X), 0, m),
                                              f.A),
                             MLP_OK);
        }
        mlp_view J = new_matrix(p, 5, 5, NULL);
        assert_int_equal(
            mlp_jacobian(f.net, workspace, mlp_cview_rows(ro(f.d.X), 0, 1), J),
            MLP_OK);
        free(J.data);
        assert_int_equal(f.record.allocations, before);
        mlp_workspace_free(workspace);
        finish(&f);
    }
}

static void steps_allocate_nothing(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        fixture f;
        prepare(&f, p);
        mlp_trainer *trainer = NULL;
        assert_int_equal(mlp_trainer_create(f.net, ROWS, &trainer), MLP_OK);
        size_t before = f.record.allocations;
        for (size_t m = 1; m <= ROWS; m++) {
            mlp_cview Y = mlp_cview_rows(ro(f.d.Y), 0, m);
            double loss = 0;
            mlp_view view;
            assert_int_equal(
                mlp_trainer_forward(trainer, mlp_cview_rows(ro(f.d.X), 0, m)),
                MLP_OK);
            assert_int_equal(mlp_trainer_loss(trainer, Y, &loss), MLP_OK);
            assert_int_equal(mlp_trainer_backward(trainer, Y), MLP_OK);
            assert_int_equal(mlp_trainer_tensor(trainer, MLP_DW, 1, &view),
                             MLP_OK);
            assert_int_equal(mlp_trainer_update(trainer, 0.1), MLP_OK);
            assert_int_equal(mlp_trainer_backward_from(trainer, Y), MLP_OK);
            assert_int_equal(mlp_trainer_backward_from_dZ(trainer, Y), MLP_OK);
            assert_int_equal(mlp_trainer_gradients(trainer, &view), MLP_OK);
        }
        assert_int_equal(f.record.allocations, before);
        mlp_trainer_free(trainer);
        finish(&f);
    }
}

/* Steps of Adam, which keeps state, and predictions of single rows alternate
 * many times. */
static void many_steps_and_predictions_allocate_nothing(void **state)
{
    (void)state;
    enum { TIMES = 10000, BATCH_ROWS = 4 };
    FOR_EACH_PRECISION(p)
    {
        fixture f;
        prepare(&f, p);
        mlp_trainer *trainer = NULL;
        mlp_workspace *workspace = NULL;
        mlp_optimizer adam = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
        assert_int_equal(mlp_trainer_create(f.net, ROWS, &trainer), MLP_OK);
        assert_int_equal(mlp_trainer_set_optimizer(trainer, &adam), MLP_OK);
        assert_int_equal(mlp_workspace_create(f.net, &workspace), MLP_OK);
        size_t before = f.record.allocations;
        f.A.rows = 1;
        for (size_t i = 0; i < TIMES; i++) {
            double loss = 0;
            size_t at = i % (ROWS - BATCH_ROWS);
            mlp_cview X = mlp_cview_rows(ro(f.d.X), at, BATCH_ROWS);
            mlp_cview Y = mlp_cview_rows(ro(f.d.Y), at, BATCH_ROWS);
            assert_int_equal(mlp_trainer_step(trainer, X, Y, 0.001, &loss),
                             MLP_OK);
            X.rows = 1;
            assert_int_equal(mlp_predict_with(f.net, workspace, X, f.A),
                             MLP_OK);
        }
        assert_int_equal(f.record.allocations, before);
        mlp_workspace_free(workspace);
        mlp_trainer_free(trainer);
        finish(&f);
    }
}

/* Counts the allocations up to the end of the first epoch, and tells whether
 * there were more at the end of a later one. */
typedef struct watch {
    const hook_record *record;
    size_t at_first;
    bool more;
} watch;

static bool watch_epoch(const mlp_epoch_progress *progress, void *user)
{
    watch *w = user;
    if (progress->epoch == 0) {
        w->at_first = w->record->allocations;
    }
    w->more = w->more || w->record->allocations != w->at_first;
    return true;
}

static void epochs_after_the_first_allocate_nothing(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        fixture f;
        prepare(&f, p);
        watch w = {&f.record, 0, false};
        mlp_train_options options = tutorial_options();
        options.epochs = 20;
        options.batch_size = BATCH;
        options.on_epoch = watch_epoch;
        options.user = &w;
        mlp_history *history = NULL;
        assert_int_equal(
            mlp_fit(f.net, ro(f.d.X), ro(f.d.Y), &options, &history), MLP_OK);
        assert_false(w.more);
        assert_int_equal(f.record.allocations, w.at_first);
        mlp_history_free(history);
        finish(&f);
    }
}

static void looking_and_setting_allocate_nothing(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        fixture f;
        prepare(&f, p);
        double mean[5];
        double std[5];
        mlp_layer layer;
        size_t before = f.record.allocations;
        assert_int_equal(mlp_net_standardise(f.net, ro(f.d.X)), MLP_OK);
        assert_int_equal(mlp_net_scaling(f.net, mean, std), MLP_OK);
        assert_int_equal(mlp_net_set_scaling(f.net, mean, std), MLP_OK);
        assert_int_equal(mlp_net_initialise(f.net, MLP_INIT_HE, 1), MLP_OK);
        assert_int_equal(mlp_net_layer(f.net, 1, &layer), MLP_OK);
        (void)tensor(f.net, MLP_W, 1);
        (void)ctensor(f.net, MLP_B, 1);
        assert_int_equal(f.record.allocations, before);
        finish(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failed_allocation_is_survived),
        cmocka_unit_test(fit_after_failures_is_as_ever),
        cmocka_unit_test(predict_with_a_workspace_allocates_nothing),
        cmocka_unit_test(steps_allocate_nothing),
        cmocka_unit_test(many_steps_and_predictions_allocate_nothing),
        cmocka_unit_test(epochs_after_the_first_allocate_nothing),
        cmocka_unit_test(looking_and_setting_allocate_nothing),
    };
    return cmocka_run_group_tests_name("allocation", tests, NULL, NULL);
}
