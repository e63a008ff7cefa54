/* SPDX-License-Identifier: MIT */
/*
 * Fits that fail. mlp_fit refuses bad arguments before it changes anything;
 * when training diverges, the network gets back the last weights that were
 * good.
 */
#include "support/training.h"

static mlp_train_options options_of(size_t epochs, double alpha, size_t batch)
{
    mlp_train_options options = tutorial_options();
    options.epochs = epochs;
    options.learning_rate = alpha;
    options.batch_size = batch;
    return options;
}

/* ---------------------------------------------------------------------------
 * Bad arguments
 */

/* A network that records log messages, a copy of it before the fit, and the
 * arguments of a fit that must be refused. */
typedef struct refusal {
    hook_record record;
    mlp_net *net, *before;
    data d;
} refusal;

static void prepare(refusal *r, const model *m, mlp_dtype dtype)
{
    *r = (refusal){.d = {random_matrix(dtype, 40, m->inputs, 0, 1),
                         random_matrix(dtype, 40, 1, 0, 1)}};
    r->net = new_net(m, dtype, &r->record);
    r->before = clone_of(r->net);
}

static void finish(refusal *r)
{
    assert_same_net(r->net, r->before);
    free_data(r->d);
    mlp_net_free(r->before);
    mlp_net_free(r->net);
    assert_int_equal(r->record.live, 0);
}

static void refuse(refusal *r, mlp_cview X, mlp_cview Y,
                   const mlp_train_options *options, mlp_status status)
{
    mlp_history *const untouched = (mlp_history *)(void *)r;
    mlp_history *history = untouched;
    size_t live = r->record.live;
    assert_told(&r->record, mlp_fit(r->net, X, Y, options, &history), status,
                "");
    assert_ptr_equal(history, untouched);
    assert_int_equal(r->record.live, live);
    assert_told(&r->record, mlp_fit(r->net, X, Y, options, NULL), status, "");
    assert_same_net(r->net, r->before);
}

static void fit_refuses_what_does_not_fit(void **state)
{
    (void)state;
    double rows[15] = {0};
    float singles[15] = {0};
    mlp_cview X = mlp_cview_f64(rows, 3, 2);
    mlp_cview Y = mlp_cview_f64(rows, 3, 1);
    const struct {
        mlp_cview X, Y;
        mlp_status status;
        const char *part, *other;
    } wrong[] = {
        {mlp_cview_f64(rows, 3, 5), Y, MLP_ERR_SHAPE, "2", "5"},
        {X, mlp_cview_f64(rows, 3, 2), MLP_ERR_SHAPE, "1", "2"},
        {X, mlp_cview_f64(rows, 4, 1), MLP_ERR_SHAPE, "3", "4"},
        {mlp_cview_f64(rows, 0, 2), mlp_cview_f64(rows, 0, 1), MLP_ERR_SHAPE,
         "1", "0"},
        {mlp_cview_f32(singles, 3, 2), Y, MLP_ERR_DTYPE, "float64", "float32"},
        {X, mlp_cview_f32(singles, 3, 1), MLP_ERR_DTYPE, "float64", "float32"},
        {mlp_cview_f64(NULL, 3, 2), Y, MLP_ERR_NULL, "X", ""},
        {X, mlp_cview_f64(NULL, 3, 1), MLP_ERR_NULL, "Y", ""},
        {mlp_cview_f64(rows, SIZE_MAX, 2), mlp_cview_f64(rows, SIZE_MAX, 1),
         MLP_ERR_SHAPE, "", ""},
    };
    refusal r;
    prepare(&r, &xor_model, MLP_F64);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        refuse(&r, wrong[i].X, wrong[i].Y, NULL, wrong[i].status);
        assert_said(&r.record, wrong[i].part);
        assert_said(&r.record, wrong[i].other);
    }
    assert_int_equal(mlp_fit(NULL, X, Y, NULL, NULL), MLP_ERR_NULL);
    finish(&r);
}

static void fit_refuses_learning_rates_that_do_not_learn(void **state)
{
    (void)state;
    static const struct {
        mlp_dtype dtype;
        double rate;
        const char *part;
    } wrong[] = {
        {MLP_F64, 0.0, "0"},          {MLP_F64, -0.25, "-0.25"},
        {MLP_F64, NAN, "nan"},        {MLP_F64, INFINITY, "inf"},
        {MLP_F32, 1e300, "e+"},       {MLP_F32, 1e-300, "e-"},
        {MLP_F32, -INFINITY, "-inf"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        refusal r;
        prepare(&r, &xor_model, wrong[i].dtype);
        mlp_train_options options = options_of(3, wrong[i].rate, 0);
        refuse(&r, ro(r.d.X), ro(r.d.Y), &options, MLP_ERR_ARGUMENT);
        assert_said(&r.record, wrong[i].part);
        finish(&r);
    }
}

static void fit_names_what_is_not_finite(void **state)
{
    (void)state;
    static const double not_finite[] = {NAN, INFINITY, -INFINITY};
    static const model m = {3, 1, {{1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    FOR_EACH_PRECISION(p)
    {
        for (size_t i = 0; i < COUNT(not_finite); i++) {
            refusal r;
            prepare(&r, &m, p);
            put(r.d.Y, 29, 0, not_finite[i]);
            refuse(&r, ro(r.d.X), ro(r.d.Y), NULL, MLP_ERR_NOT_FINITE);
            assert_said(&r.record, "Y");
            assert_said(&r.record, "row 29");
            assert_said(&r.record, "column 0");
            put(r.d.X, 17, 2, not_finite[i]);
            put(r.d.Y, 29, 0, 0.0);
            refuse(&r, ro(r.d.X), ro(r.d.Y), NULL, MLP_ERR_NOT_FINITE);
            assert_said(&r.record, "X");
            assert_said(&r.record, "row 17");
            assert_said(&r.record, "column 2");
            finish(&r);
        }
    }
}

static void fit_refuses_targets_that_are_no_probability(void **state)
{
    (void)state;
    static const double outside[] = {-1e-30, 2, 1.0000002, -1};
    FOR_EACH_PRECISION(p)
    {
        for (size_t i = 0; i < COUNT(outside); i++) {
            refusal r;
            prepare(&r, &xor_model, p);
            put(r.d.Y, 29, 0, outside[i]);
            refuse(&r, ro(r.d.X), ro(r.d.Y), NULL, MLP_ERR_ARGUMENT);
            assert_said(&r.record, "row 29");
            assert_said(&r.record, "column 0");
            finish(&r);
        }
    }
    double target = 2.0; /* mse allows it */
    double x[2] = {0, 1};
    model m = xor_model;
    m.loss = MLP_LOSS_MSE;
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    assert_int_equal(mlp_fit(net, mlp_cview_f64(x, 1, 2),
                             mlp_cview_f64(&target, 1, 1), NULL, NULL),
                     MLP_OK);
    mlp_net_free(net);
}

static void fit_refuses_epochs_that_no_history_holds(void **state)
{
    (void)state;
    refusal r;
    prepare(&r, &xor_model, MLP_F64);
    mlp_history *const untouched = (mlp_history *)(void *)&r;
    mlp_history *history = untouched;
    mlp_train_options options = options_of(SIZE_MAX, 0.1, 0);
    assert_told(&r.record,
                mlp_fit(r.net, ro(r.d.X), ro(r.d.Y), &options, &history),
                MLP_ERR_LIMIT, "history");
    options.epochs = SIZE_MAX / 8;
    assert_told(&r.record,
                mlp_fit(r.net, ro(r.d.X), ro(r.d.Y), &options, &history),
                MLP_ERR_LIMIT, "history");
    assert_ptr_equal(history, untouched);
    finish(&r);
}

/* ---------------------------------------------------------------------------
 * Divergence
 */

static mlp_status diverge(mlp_net *net, data d,
                          const mlp_train_options *options)
{
    mlp_history *const untouched = (mlp_history *)(void *)net;
    mlp_history *history = untouched;
    mlp_status status = mlp_fit(net, ro(d.X), ro(d.Y), options, &history);
    if (status == MLP_OK) {
        mlp_history_free(history);
    } else {
        assert_ptr_equal(history, untouched);
    }
    return status;
}

/* The network is y = w x, and each step makes |w| larger, until it overflows.
 * Trains copies of `start` for more and more epochs. Returns the first copy
 * that diverges, and sets options->epochs to its number of epochs. */
static mlp_net *first_divergence(const mlp_net *start, data d,
                                 mlp_train_options *options)
{
    for (options->epochs = 1; options->epochs < 1000; options->epochs++) {
        mlp_net *net = clone_of(start);
        if (diverge(net, d, options) != MLP_OK) {
            return net;
        }
        mlp_net_free(net);
    }
    fail_msg("it does not diverge");
    return NULL;
}

static const model line = {1, 1, {{1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};

static void assert_trained(const mlp_net *net, const mlp_net *start, data d,
                           mlp_train_options options, size_t epochs)
{
    mlp_net *expected = clone_of(start);
    options.epochs = epochs;
    assert_int_equal(diverge(expected, d, &options), MLP_OK);
    assert_same_net(net, expected);
    mlp_net_free(expected);
}

/* In double the loss, a square, overflows before the weights do. */
static void infinite_loss_gives_back_the_last_good_weights(void **state)
{
    (void)state;
    hook_record record = {0};
    static const double x = 1.0;
    data d = {new_matrix(MLP_F64, 1, 1, &x), new_matrix(MLP_F64, 1, 1, NULL)};
    mlp_net *start = new_net(&line, MLP_F64, &record);
    mlp_train_options options = options_of(1, 1e3, 0);
    mlp_net *net = first_divergence(start, d, &options);
    assert_int_equal(record.status, MLP_ERR_DIVERGED);
    assert_int_equal(record.messages, 1);
    char epoch[32];
    (void)snprintf(epoch, sizeof epoch, "epoch %zu", options.epochs - 1);
    assert_said(&record, epoch);
    assert_said(&record, "batch 0");
    /* The last of n epochs has no finite loss, and the one before it has. */
    assert_true(options.epochs > 2);
    assert_trained(net, start, d, options, options.epochs - 2);
    mlp_net_free(net);
    mlp_net_free(start);
    free_data(d);
    assert_int_equal(record.live, 0);
}

/* In float the weights overflow before the loss does, which is computed in
 * double. */
static void infinite_weights_give_back_the_last_good_ones(void **state)
{
    (void)state;
    hook_record record = {0};
    static const double x = 1.0;
    data d = {new_matrix(MLP_F32, 1, 1, &x), new_matrix(MLP_F32, 1, 1, NULL)};
    mlp_net *start = new_net(&line, MLP_F32, &record);
    mlp_train_options options = options_of(1, 1e3, 0);
    mlp_net *net = first_divergence(start, d, &options);
    assert_int_equal(record.status, MLP_ERR_DIVERGED);
    assert_int_equal(record.messages, 1);
    assert_said(&record, "weight");
    /* The last of n epochs begins with good weights, and its update overflows.
     */
    assert_trained(net, start, d, options, options.epochs - 1);
    options.epochs++; /* the loss of the next epoch is infinite */
    mlp_net *longer = clone_of(start);
    assert_int_equal(diverge(longer, d, &options), MLP_ERR_DIVERGED);
    assert_said(&record, "loss");
    assert_same_net(longer, net);
    mlp_net_free(longer);
    mlp_net_free(net);
    mlp_net_free(start);
    free_data(d);
    assert_int_equal(record.live, 0);
}

static void divergence_within_an_epoch_gives_back_its_beginning(void **state)
{
    (void)state;
    hook_record record = {0};
    data d = {random_matrix(MLP_F64, 9, 5, -1, 1),
              random_matrix(MLP_F64, 9, 5, 0, 1)};
    mlp_net *net = new_net(&square_model, MLP_F64, &record);
    mlp_net *before = clone_of(net);
    mlp_train_options options = options_of(5, 0.1, 2);
    options.shuffle = false;
    put(d.Y, 5, 3, 1e200); /* row 5 is in the third batch */
    assert_int_equal(diverge(net, d, &options), MLP_ERR_DIVERGED);
    assert_said(&record, "epoch 0");
    assert_said(&record, "batch 2");
    assert_same_net(net, before);
    mlp_net_free(before);
    mlp_net_free(net);
    free_data(d);
    assert_int_equal(record.live, 0);
}

/* A sigmoid of an infinite number is 0 or 1, so the loss stays finite although
 * the weights are not. */
static void infinite_weights_behind_a_finite_loss_are_not_kept(void **state)
{
    (void)state;
    static const model one = {1, 1, {{1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};
    static const double X[2] = {1e10, 2e10};
    static const double Y[2] = {1, 0};
    hook_record record = {0};
    data d = {new_matrix(MLP_F64, 2, 1, X), new_matrix(MLP_F64, 2, 1, Y)};
    mlp_net *net = new_net(&one, MLP_F64, &record);
    mlp_net *before = clone_of(net);
    mlp_train_options options = options_of(5, 1e300, 0);
    assert_int_equal(diverge(net, d, &options), MLP_ERR_DIVERGED);
    assert_said(&record, "epoch 1: a weight is infinite");
    assert_same_net(net, before);
    mlp_net_free(before);
    mlp_net_free(net);
    free_data(d);
    assert_int_equal(record.live, 0);
}

/* The network has two layers, z = large * w x, with w = 0. The loss is finite,
 * and so is the gradient of `large`, but the gradient of w is large * x and
 * overflows. */
static const model pair = {1,
                           2,
                           {{.width = 1, .activation = MLP_ACT_IDENTITY},
                            {.width = 1, .activation = MLP_ACT_SIGMOID}},
                           MLP_LOSS_BCE};

static mlp_net *steep_net(mlp_dtype p, hook_record *record)
{
    mlp_net *net = new_net(&pair, p, record);
    fill(tensor(net, MLP_W, 1), 0);
    fill(tensor(net, MLP_W, 2), p == MLP_F32 ? 1e30 : 1e300);
    return net;
}

static void infinite_gradients_change_nothing(void **state)
{
    (void)state;
    static const size_t batches[] = {0, 2};
    FOR_EACH_PRECISION(p)
    {
        for (mlp_optimizer_kind kind = 0; kind < MLP_OPTIMIZER_LBFGS; kind++) {
            hook_record record = {0};
            data d = {new_matrix(p, 6, 1, NULL), new_matrix(p, 6, 1, NULL)};
            fill(d.X, p == MLP_F32 ? 1e30 : 1e300);
            mlp_net *net = steep_net(p, &record);
            mlp_net *before = clone_of(net);
            for (size_t i = 0; i < COUNT(batches); i++) {
                mlp_train_options options = options_of(5, 1e-3, batches[i]);
                options.optimizer = mlp_optimizer_defaults(kind);
                assert_int_equal(diverge(net, d, &options), MLP_ERR_DIVERGED);
                assert_said(&record, "epoch 0, batch 0: the gradient is inf");
                assert_said(&record, "before the first update");
                assert_same_net(net, before);
            }
            mlp_net_free(before);
            mlp_net_free(net);
            free_data(d);
            assert_int_equal(record.live, 0);
        }
    }
}

/* A stream of chunks of two rows. All x are 0, so that only the bias learns,
 * but for one place, where the gradient overflows. */
typedef struct surprise {
    mlp_view X, Y;
    size_t epoch, chunk;
    double x;
} surprise;

static mlp_status next_rows(size_t epoch, size_t chunk, mlp_chunk *rows,
                            void *user)
{
    const surprise *s = user;
    put(s->X, 0, 0, epoch == s->epoch && chunk == s->chunk ? s->x : 0);
    if (chunk < 3) {
        rows->X = ro(s->X);
        rows->Y = ro(s->Y);
    }
    return MLP_OK;
}

static mlp_net *flat_net(mlp_dtype p, hook_record *record)
{
    mlp_net *net = new_net(&line, p, record);
    fill(tensor(net, MLP_W, 1), 0);
    return net;
}

static void infinite_gradients_name_their_batch(void **state)
{
    (void)state;
    static const double targets[2] = {9, -7};
    FOR_EACH_PRECISION(p)
    {
        for (size_t i = 0; i < 3 * (size_t)MLP_OPTIMIZER_LBFGS; i++) {
            hook_record record = {0};
            surprise s = {new_matrix(p, 2, 1, NULL),
                          new_matrix(p, 2, 1, targets), 4, i % 3,
                          p == MLP_F32 ? 3e38 : 1.7e308};
            mlp_net *net = flat_net(p, &record);
            mlp_net *expected = flat_net(p, NULL);
            mlp_train_options options = options_of(4, 0.1, 2);
            options.optimizer =
                mlp_optimizer_defaults((mlp_optimizer_kind)(i / 3));
            assert_int_equal(
                mlp_fit_stream(expected, next_rows, &s, &options, NULL),
                MLP_OK);
            options.epochs = 9;
            assert_int_equal(mlp_fit_stream(net, next_rows, &s, &options, NULL),
                             MLP_ERR_DIVERGED);
            char place[64];
            (void)snprintf(place, sizeof place,
                           "epoch 4, batch %zu: the gradient is inf", i % 3);
            assert_said(&record, place);
            assert_said(&record, "a smaller learning rate may help");
            assert_same_net(net, expected);
            mlp_net_free(expected);
            mlp_net_free(net);
            free(s.X.data);
            free(s.Y.data);
            assert_int_equal(record.live, 0);
        }
    }
}

static void weights_that_were_spoilt_before_stay_as_they_are(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        hook_record record = {0};
        data d = xor_data(p);
        mlp_net *net = new_net(&xor_model, p, &record);
        fill(tensor(net, MLP_B, 2), (double)NAN);
        mlp_net *before = clone_of(net);
        mlp_train_options options = options_of(5, 0.1, 0);
        assert_int_equal(diverge(net, d, &options), MLP_ERR_DIVERGED);
        assert_said(&record, "epoch 0");
        assert_said(&record, "batch 0");
        assert_same_net(net, before);
        mlp_net_free(before);
        mlp_net_free(net);
        free_data(d);
        assert_int_equal(record.live, 0);
    }
}

/* ---------------------------------------------------------------------------
 * Scaling
 */

static mlp_status no_chunk(size_t epoch, size_t number, mlp_chunk *chunk,
                           void *user)
{
    (void)epoch, (void)number, (void)chunk, (void)user;
    return MLP_ERR_IO;
}

static double no_rate(size_t epoch, double alpha, void *user)
{
    (void)alpha;
    return epoch == *(const size_t *)user ? NAN : 0.01;
}

/* A fit that fails in its first epoch leaves a new network as new as it was: it
 * does not scale, and the next fit standardises. One that fails later leaves
 * what the first epochs have learnt, and the scaling that belongs to it. */
static void a_fit_that_is_undone_leaves_no_scaling(void **state)
{
    (void)state;
    const model m = {
        2, 2, {{5, MLP_ACT_TANH}, {1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    refusal r;
    prepare(&r, &m, MLP_F64);
    mlp_train_options options = mlp_train_defaults();
    options.optimizer.kind = MLP_OPTIMIZER_SGD;
    options.batch_size = 10;
    options.epochs = 3;
    mlp_train_options wild = options;
    wild.learning_rate = 1e300;
    refuse(&r, ro(r.d.X), ro(r.d.Y), &wild, MLP_ERR_DIVERGED);
    /* Here the only update makes infinite weights, seen after the epoch. */
    wild.batch_size = 0;
    wild.epochs = 1;
    wild.learning_rate = 1e308;
    wild.optimizer.l2 = 1e10;
    refuse(&r, ro(r.d.X), ro(r.d.Y), &wild, MLP_ERR_DIVERGED);
    size_t failing_epoch = 0;
    wild = options;
    wild.schedule = mlp_schedule_defaults(MLP_SCHEDULE_CUSTOM);
    wild.schedule.rate = no_rate;
    wild.schedule.user = &failing_epoch;
    refuse(&r, ro(r.d.X), ro(r.d.Y), &wild, MLP_ERR_ARGUMENT);
    assert_int_equal(mlp_fit_stream(r.net, no_chunk, NULL, &options, NULL),
                     MLP_ERR_IO);
    assert_same_net(r.net, r.before);
    mlp_net *other = clone_of(r.net);
    failing_epoch = 1;
    assert_int_equal(mlp_fit(other, ro(r.d.X), ro(r.d.Y), &wild, NULL),
                     MLP_ERR_ARGUMENT);
    double mean[2];
    double std[2];
    assert_int_equal(mlp_net_scaling(other, mean, std), MLP_OK);
    assert_true(std[0] != 1.0);
    mlp_net_free(other);
    /* The next fit is that of a new network. */
    other = clone_of(r.before);
    assert_int_equal(mlp_fit(r.net, ro(r.d.X), ro(r.d.Y), &options, NULL),
                     MLP_OK);
    assert_int_equal(mlp_fit(other, ro(r.d.X), ro(r.d.Y), &options, NULL),
                     MLP_OK);
    assert_same_net(r.net, other);
    mlp_net_free(r.before);
    r.before = other;
    finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fit_refuses_what_does_not_fit),
        cmocka_unit_test(fit_refuses_learning_rates_that_do_not_learn),
        cmocka_unit_test(fit_names_what_is_not_finite),
        cmocka_unit_test(fit_refuses_targets_that_are_no_probability),
        cmocka_unit_test(fit_refuses_epochs_that_no_history_holds),
        cmocka_unit_test(infinite_loss_gives_back_the_last_good_weights),
        cmocka_unit_test(infinite_weights_give_back_the_last_good_ones),
        cmocka_unit_test(divergence_within_an_epoch_gives_back_its_beginning),
        cmocka_unit_test(infinite_weights_behind_a_finite_loss_are_not_kept),
        cmocka_unit_test(infinite_gradients_change_nothing),
        cmocka_unit_test(infinite_gradients_name_their_batch),
        cmocka_unit_test(weights_that_were_spoilt_before_stay_as_they_are),
        cmocka_unit_test(a_fit_that_is_undone_leaves_no_scaling),
    };
    return cmocka_run_group_tests_name("fit_failures", tests, NULL, NULL);
}
