/* SPDX-License-Identifier: MIT */
/*
 * Schedules of the learning rate: compared with their formulas, computed by the
 * C library's pow and cos, and with the rates of a training that uses them.
 */
#include "support/training.h"

#include "train/schedule.h"

static const double nan_number = (double)NAN;
static const double infinity = (double)INFINITY;

#define PI 3.14159265358979323846

static double rate_of(const mlp_schedule *s, size_t epoch)
{
    return mlp_schedule_rate(s, 0.3, epoch, 100);
}

static void rates_follow_their_formulas(void **state)
{
    (void)state;
    for (size_t e = 0; e < 200; e++) {
        double x = (double)e;
        mlp_schedule s = mlp_schedule_defaults(MLP_SCHEDULE_CONSTANT);
        assert_true(rate_of(&s, e) == 0.3);
        s = mlp_schedule_defaults(MLP_SCHEDULE_INVERSE_TIME);
        s.decay = 0.05;
        assert_true(rate_of(&s, e) == 0.3 / (1 + 0.05 * x));
        s = mlp_schedule_defaults(MLP_SCHEDULE_STEP);
        s.every = 7;
        s.factor = 0.5;
        assert_true(rate_of(&s, e) == 0.3 * pow(0.5, floor(x / 7)));
        s = mlp_schedule_defaults(MLP_SCHEDULE_EXPONENTIAL);
        assert_relative(rate_of(&s, e), 0.3 * pow(0.99, x), 1e-14);
        s = mlp_schedule_defaults(MLP_SCHEDULE_PLATEAU);
        assert_true(rate_of(&s, e) == 0.3);
    }
}

static void cosine_warms_up_and_falls(void **state)
{
    (void)state;
    static const size_t warm_ups[] = {0, 1, 10};
    for (size_t i = 0; i < COUNT(warm_ups); i++) {
        mlp_schedule s = mlp_schedule_defaults(MLP_SCHEDULE_COSINE);
        s.warm_up = warm_ups[i];
        s.min_rate = 0.01;
        double w = (double)s.warm_up;
        for (size_t e = 0; e < 120; e++) {
            double x = (double)e;
            double fall = (1 + cos(PI * (x - w) / (100 - w))) / 2;
            double expected = x < w     ? 0.3 * (x + 1) / (w + 1)
                              : x < 100 ? 0.01 + (0.3 - 0.01) * fall
                                        : 0.01;
            assert_absolute(rate_of(&s, e), expected, 1e-15);
            s.epochs = 100; /* the field overrides the argument */
            assert_true(mlp_schedule_rate(&s, 0.3, e, 17) == rate_of(&s, e));
            s.epochs = 0;
        }
        assert_true(rate_of(&s, warm_ups[i]) == 0.3);
    }
}

/* The rate is computed without cancellation, so the last rates of a cosine that
 * ends at 0 keep all their digits. */
static void cosine_is_exact_to_the_end(void **state)
{
    (void)state;
    mlp_schedule s = mlp_schedule_defaults(MLP_SCHEDULE_COSINE);
    for (size_t e = 0; e < 1000000; e += e < 999000 ? 997 : 1) {
        double t = (double)e / 1000000;
        double half = t <= 0.5 ? cos(PI / 2 * t) : sin(PI / 2 * (1 - t));
        assert_ulps(mlp_schedule_rate(&s, 1, e, 1000000), half * half, 8);
    }
}

static void edges_of_the_cosine_are_sensible(void **state)
{
    (void)state;
    mlp_schedule s = mlp_schedule_defaults(MLP_SCHEDULE_COSINE);
    assert_true(mlp_schedule_rate(&s, 0.3, 0, 0) == 0.3);
    assert_true(mlp_schedule_rate(&s, 0.3, 1, 0) == 0);
    assert_true(mlp_schedule_rate(&s, 0.3, SIZE_MAX, SIZE_MAX) == 0);
    assert_true(mlp_schedule_rate(&s, 0.3, 0, 1) == 0.3);
    s.min_rate = 0.5; /* min_rate is above the initial rate */
    for (size_t e = 0; e < 12; e++) {
        assert_true(mlp_schedule_rate(&s, 0.3, e, 10) == 0.3);
    }
    s.warm_up = 20; /* the warm-up is longer than the training */
    assert_relative(mlp_schedule_rate(&s, 0.3, 9, 10), 0.3 * 10 / 21, 1e-15);
    s.warm_up = SIZE_MAX;
    assert_true(mlp_schedule_rate(&s, 0.3, 9, 10) > 0);
}

/* ---------------------------------------------------------------------------
 * Schedules in training
 */

static mlp_dtype precision = MLP_F64;

/* Trains XOR for ten epochs and returns the rates and the losses. */
static mlp_status train(const mlp_schedule *schedule, hook_record *record,
                        double rates[10], double losses[10])
{
    mlp_net *net = new_net(&xor_model, precision, record);
    data d = xor_data(precision);
    mlp_train_options options = tutorial_options();
    options.epochs = 10;
    options.learning_rate = 0.3;
    options.schedule = *schedule;
    mlp_history *history = NULL;
    mlp_status status = mlp_fit(net, ro(d.X), ro(d.Y), &options, &history);
    if (status == MLP_OK) {
        assert_int_equal(mlp_history_epochs(history), 10);
        memcpy(rates, mlp_history_rates(history), 10 * sizeof *rates);
        memcpy(losses, mlp_history_losses(history), 10 * sizeof *losses);
    }
    mlp_history_free(history);
    free_data(d);
    mlp_net_free(net);
    return status;
}

/* Trains by single steps with the reported rates. The losses are the same if
 * those are the rates that were used. */
static void check_losses(const double rates[10], const double losses[10])
{
    mlp_net *net = new_net(&xor_model, MLP_F64, NULL);
    data d = xor_data(MLP_F64);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, 4, &trainer), MLP_OK);
    for (size_t e = 0; e < 10; e++) {
        double loss = 0;
        assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
        assert_int_equal(mlp_trainer_loss(trainer, ro(d.Y), &loss), MLP_OK);
        assert_true(loss == losses[e]);
        assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
        assert_int_equal(mlp_trainer_update(trainer, rates[e]), MLP_OK);
    }
    mlp_trainer_free(trainer);
    free_data(d);
    mlp_net_free(net);
}

static double halve(size_t epoch, double alpha, void *user)
{
    (*(size_t *)user)++;
    return epoch < 4 ? alpha / 2 : 0;
}

static void training_follows_the_schedule(void **state)
{
    (void)state;
    double rates[10] = {0};
    double losses[10] = {0};
    for (int kind = 0; mlp_schedule_name((mlp_schedule_kind)kind); kind++) {
        mlp_schedule s = mlp_schedule_defaults((mlp_schedule_kind)kind);
        size_t calls = 0;
        s.every = 3;
        s.warm_up = 2;
        s.rate = halve;
        s.user = &calls;
        assert_int_equal(train(&s, NULL, rates, losses), MLP_OK);
        check_losses(rates, losses);
        assert_int_equal(calls, kind == MLP_SCHEDULE_CUSTOM ? 10 : 0);
        for (size_t e = 0; e < 10; e++) {
            assert_true(rates[e] == mlp_schedule_rate(&s, 0.3, e, 10));
        }
    }
}

/* min_delta is so large that no epoch but the first is an improvement. */
static void plateaus_reduce_the_rate(void **state)
{
    (void)state;
    double rates[10] = {0};
    double losses[10] = {0};
    mlp_schedule s = mlp_schedule_defaults(MLP_SCHEDULE_PLATEAU);
    s.patience = 3;
    s.factor = 0.5;
    s.min_delta = 10;
    s.min_rate = 0.1;
    assert_int_equal(train(&s, NULL, rates, losses), MLP_OK);
    static const double expected[10] = {0.3,  0.3,  0.3, 0.3, 0.15,
                                        0.15, 0.15, 0.1, 0.1, 0.1};
    assert_memory_equal(rates, expected, sizeof rates);
    check_losses(rates, losses);
    s.min_delta = 0; /* every loss that falls is an improvement */
    assert_int_equal(train(&s, NULL, rates, losses), MLP_OK);
    for (size_t e = 0; e < 10; e++) {
        assert_true(rates[e] == 0.3);
        assert_true(e == 0 || losses[e] < losses[e - 1]);
    }
}

/* Two epochs without an improvement reduce the rate only if they follow each
 * other. */
static void an_improvement_begins_the_count_anew(void **state)
{
    (void)state;
    static const double losses[] = {5, 6, 4, 6, 3, 7, 7, 2, 7};
    static const double scales[] = {1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5};
    mlp_schedule s = mlp_schedule_defaults(MLP_SCHEDULE_PLATEAU);
    s.patience = 2;
    s.factor = 0.5;
    mlpi_plateau plateau = mlpi_plateau_begin();
    for (size_t e = 0; e < COUNT(losses); e++) {
        mlpi_plateau_advance(&plateau, &s, losses[e]);
        assert_true(plateau.scale == scales[e]);
    }
}

/* A trainer keeps the plateau's count and scale from fit to fit. */
static void plateaus_last_from_run_to_run(void **state)
{
    (void)state;
    mlp_net *net = new_net(&xor_model, MLP_F64, NULL);
    data d = xor_data(MLP_F64);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, 4, &trainer), MLP_OK);
    mlp_train_options options = tutorial_options();
    options.learning_rate = 0.3;
    options.schedule = mlp_schedule_defaults(MLP_SCHEDULE_PLATEAU);
    options.schedule.patience = 3;
    options.schedule.factor = 0.5;
    options.schedule.min_delta = 10;
    static const double expected[10] = {0.3,  0.3,  0.3,   0.3,   0.15,
                                        0.15, 0.15, 0.075, 0.075, 0.075};
    for (size_t done = 0; done < 10; done += options.epochs) {
        options.epochs = done == 0 ? 2 : 4;
        mlp_history *history = NULL;
        assert_int_equal(
            mlp_trainer_fit(trainer, ro(d.X), ro(d.Y), &options, &history),
            MLP_OK);
        assert_memory_equal(mlp_history_rates(history), expected + done,
                            options.epochs * sizeof *expected);
        mlp_history_free(history);
    }
    mlp_trainer_free(trainer);
    free_data(d);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Bad schedules
 */

static void assert_refused(const mlp_schedule *s, const char *field)
{
    hook_record record = {0};
    double rates[10] = {0};
    double losses[10] = {0};
    assert_true(isnan(mlp_schedule_rate(s, 0.3, 0, 10)));
    assert_told(&record, train(s, &record, rates, losses), MLP_ERR_ARGUMENT,
                field);
    assert_int_equal(record.live, 0);
}

static void fields_outside_their_range_are_named(void **state)
{
    (void)state;
    static const double bad[] = {-1e-9, (double)INFINITY, (double)NAN};
    static const double bad_factor[] = {0, 1.01, (double)NAN};
    for (size_t i = 0; i < 3; i++) {
        mlp_schedule s = mlp_schedule_defaults(MLP_SCHEDULE_INVERSE_TIME);
        s.decay = bad[i];
        assert_refused(&s, "decay");
        s = mlp_schedule_defaults(MLP_SCHEDULE_STEP);
        s.factor = bad_factor[i];
        assert_refused(&s, "factor");
        s.kind = MLP_SCHEDULE_EXPONENTIAL;
        assert_refused(&s, "factor");
        s.kind = MLP_SCHEDULE_PLATEAU;
        assert_refused(&s, "factor");
        s.factor = 1;
        s.min_rate = bad[i];
        assert_refused(&s, "min_rate");
        s.kind = MLP_SCHEDULE_COSINE;
        assert_refused(&s, "min_rate");
        s.kind = MLP_SCHEDULE_PLATEAU;
        s.min_rate = 0;
        s.min_delta = bad[i];
        assert_refused(&s, "min_delta");
    }
    mlp_schedule s = mlp_schedule_defaults(MLP_SCHEDULE_STEP);
    s.every = 0;
    assert_refused(&s, "every");
    s = mlp_schedule_defaults(MLP_SCHEDULE_PLATEAU);
    s.patience = 0;
    assert_refused(&s, "patience");
    s = mlp_schedule_defaults(MLP_SCHEDULE_CUSTOM);
    assert_refused(&s, "rate");
    s.kind = (mlp_schedule_kind)77;
    assert_refused(&s, "kind");
    assert_true(isnan(mlp_schedule_rate(NULL, 0.3, 0, 10)));
}

/* Fields that the kind does not use are not checked. */
static void other_fields_do_not_count(void **state)
{
    (void)state;
    mlp_schedule s = {.kind = MLP_SCHEDULE_CONSTANT,
                      .decay = nan_number,
                      .factor = -infinity,
                      .min_rate = nan_number};
    assert_true(rate_of(&s, 3) == 0.3);
}

typedef struct bad_rate {
    size_t epoch;
    double rate;
} bad_rate;

static double give_bad_rate(size_t epoch, double alpha, void *user)
{
    const bad_rate *bad = user;
    return epoch == bad->epoch ? bad->rate : alpha;
}

static void a_bad_rate_ends_training(void **state)
{
    (void)state;
    /* As a float, the last of these is -0. */
    const bad_rate bad[] = {
        {0, nan_number}, {3, -0.1}, {9, infinity}, {5, -1e-50}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        precision = i == 3 ? MLP_F32 : MLP_F64;
        hook_record record = {0};
        double rates[10];
        double losses[10];
        char name[16];
        bad_rate b = bad[i];
        mlp_schedule s = mlp_schedule_defaults(MLP_SCHEDULE_CUSTOM);
        s.rate = give_bad_rate;
        s.user = &b;
        (void)snprintf(name, sizeof name, "epoch %zu:", b.epoch);
        assert_told(&record, train(&s, &record, rates, losses),
                    MLP_ERR_ARGUMENT, name);
        assert_int_equal(record.live, 0);
    }
    precision = MLP_F64;
}

/* A caller who passes the options of a fit as they are must not get a number
 * that looks like a rate. */
static void defaults_of_a_fit_have_no_rate(void **state)
{
    (void)state;
    mlp_train_options options = mlp_train_defaults();
    mlp_schedule s = mlp_schedule_defaults(MLP_SCHEDULE_COSINE);
    assert_true(isnan(mlp_schedule_rate(&s, options.learning_rate, 3, 10)));
    assert_true(isnan(mlp_schedule_rate(&s, 0.1, 3, options.epochs)));
    assert_true(mlp_schedule_rate(&s, 0.1, 3, 10) > 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_follow_their_formulas),
        cmocka_unit_test(cosine_warms_up_and_falls),
        cmocka_unit_test(cosine_is_exact_to_the_end),
        cmocka_unit_test(edges_of_the_cosine_are_sensible),
        cmocka_unit_test(training_follows_the_schedule),
        cmocka_unit_test(plateaus_reduce_the_rate),
        cmocka_unit_test(an_improvement_begins_the_count_anew),
        cmocka_unit_test(plateaus_last_from_run_to_run),
        cmocka_unit_test(fields_outside_their_range_are_named),
        cmocka_unit_test(other_fields_do_not_count),
        cmocka_unit_test(a_bad_rate_ends_training),
        cmocka_unit_test(defaults_of_a_fit_have_no_rate),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
