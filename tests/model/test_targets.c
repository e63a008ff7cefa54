/* SPDX-License-Identifier: MIT */
/*
 * A network that scales its targets does the same with raw targets, to the bit,
 * as a network without scaling does with targets scaled by hand; and its
 * predictions are in the units of the raw targets.
 */
#include "support/training.h"

enum { ROWS = 60, INPUTS = 5, OUTPUTS = 3 };

static const mlp_loss losses[] = {MLP_LOSS_MSE, MLP_LOSS_MAE, MLP_LOSS_HUBER};

/* There are three outputs; the last one does not vary. */
static const double means[OUTPUTS] = {1000, -3e-6, 7};
static const double stds[OUTPUTS] = {250, 1e-7, 1};

static model model_of(mlp_loss loss)
{
    return (model){INPUTS,
                   3,
                   {{.width = 9, .activation = MLP_ACT_TANH},
                    {.width = 6, .activation = MLP_ACT_RELU},
                    {.width = OUTPUTS}},
                   loss};
}

/* Rounds a number to the precision. */
static double rounded(mlp_dtype p, double x)
{
    return p == MLP_F32 ? (double)(float)x : x;
}

static double scaled(mlp_dtype p, double y, size_t j)
{
    double mean = rounded(p, means[j]);
    return rounded(p, rounded(p, y - mean) / rounded(p, stds[j]));
}

static double unscaled(mlp_dtype p, double a, size_t j)
{
    double std = rounded(p, stds[j]);
    return rounded(p, rounded(p, a * std) + rounded(p, means[j]));
}

/* Two equal networks, one of which scales its targets, and the same rows for
 * both. */
typedef struct pair {
    mlp_net *raw, *plain;
    mlp_view X, Y, scaled_Y;
} pair;

static pair new_pair(mlp_dtype p, mlp_loss loss)
{
    model m = model_of(loss);
    pair s = {.raw = new_net(&m, p, NULL),
              .X = random_matrix(p, ROWS, INPUTS, -1, 1),
              .Y = random_matrix(p, ROWS, OUTPUTS, -2, 2)};
    s.plain = clone_of(s.raw);
    s.scaled_Y = new_matrix(p, ROWS, OUTPUTS, NULL);
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < OUTPUTS; j++) {
            double y = j == 2 ? 7 : at(s.Y, i, j) * stds[j] + means[j];
            put(s.Y, i, j, y);
            put(s.scaled_Y, i, j, scaled(p, at(s.Y, i, j), j));
        }
    }
    assert_int_equal(mlp_net_set_target_scaling(s.raw, means, stds), MLP_OK);
    return s;
}

static void free_pair(pair s)
{
    free(s.X.data);
    free(s.Y.data);
    free(s.scaled_Y.data);
    mlp_net_free(s.raw);
    mlp_net_free(s.plain);
}

/* Returns the predictions of the network without scaling, unscaled by hand. */
static mlp_view expected_of(const pair *s, mlp_cview X)
{
    mlp_dtype p = X.dtype;
    mlp_view A = new_matrix(p, X.rows, OUTPUTS, NULL);
    assert_int_equal(mlp_predict(s->plain, X, A), MLP_OK);
    for (size_t i = 0; i < X.rows; i++) {
        for (size_t j = 0; j < OUTPUTS; j++) {
            put(A, i, j, unscaled(p, at(A, i, j), j));
        }
    }
    return A;
}

/* Checks that weights and predictions of all rows are equal. */
static void assert_pair(pair *s)
{
    mlp_dtype p = s->X.dtype;
    mlp_view expected = expected_of(s, ro(s->X));
    mlp_view A = new_matrix(p, ROWS, OUTPUTS, NULL);
    assert_int_equal(mlp_predict(s->raw, ro(s->X), A), MLP_OK);
    assert_same(ro(A), ro(expected));
    mlp_net *unscaling = clone_of(s->raw);
    assert_int_equal(mlp_net_set_target_scaling(unscaling, NULL, NULL), MLP_OK);
    assert_same_net(unscaling, s->plain);
    mlp_net_free(unscaling);
    free(A.data);
    free(expected.data);
}

/* ---------------------------------------------------------------------------
 * Taking, setting and reading
 */

/* A column has the same mean and std as an input and as a target. */
static void standardise_targets_is_that_of_inputs(void **state)
{
    (void)state;
    model m = square_model; /* as many outputs as inputs */
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&m, p, NULL);
        mlp_view Y = random_matrix(p, ROWS, INPUTS, -3, 1e5);
        double s[4][INPUTS];
        for (size_t i = 0; i < ROWS; i++) {
            put(Y, i, 2, 5.5);
        }
        assert_int_equal(mlp_net_standardise_targets(net, ro(Y)), MLP_OK);
        assert_int_equal(mlp_net_target_scaling(net, s[0], s[1]), MLP_OK);
        assert_int_equal(mlp_net_scaling(net, s[2], s[3]), MLP_OK);
        for (size_t j = 0; j < INPUTS; j++) {
            assert_true(s[2][j] == 0 &&
                        s[3][j] == 1); /* the inputs are not scaled */
        }
        assert_int_equal(mlp_net_standardise(net, ro(Y)), MLP_OK);
        assert_int_equal(mlp_net_scaling(net, s[2], s[3]), MLP_OK);
        assert_memory_equal(s[0], s[2], 2 * sizeof s[0]);
        assert_true(s[0][2] == 5.5 && s[1][2] == 1);
        free(Y.data);
        mlp_net_free(net);
    }
}

static void target_scaling_is_what_was_set(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        model m = model_of(MLP_LOSS_MAE);
        mlp_net *net = new_net(&m, p, NULL);
        double mean[OUTPUTS];
        double std[OUTPUTS];
        for (int set = 0; set < 3; set++) {
            bool on = set == 1;
            if (set > 0) {
                assert_int_equal(mlp_net_set_target_scaling(
                                     net, on ? means : NULL, on ? stds : NULL),
                                 MLP_OK);
            }
            assert_int_equal(mlp_net_target_scaling(net, mean, std), MLP_OK);
            for (size_t j = 0; j < OUTPUTS; j++) {
                assert_true(mean[j] == (on ? rounded(p, means[j]) : 0));
                assert_true(std[j] == (on ? rounded(p, stds[j]) : 1));
            }
        }
        mlp_net_free(net);
    }
}

static void what_cannot_scale_is_refused(void **state)
{
    (void)state;
    hook_record record = {0};
    model m = model_of(MLP_LOSS_HUBER);
    mlp_net *net = new_net(&m, MLP_F64, &record);
    assert_int_equal(mlp_net_set_target_scaling(net, means, stds), MLP_OK);
    mlp_net *before = clone_of(net);
    double y[2 * OUTPUTS] = {1, 2, 3, 4, NAN, 6};
    float single[OUTPUTS] = {1, 2, 3};
    double zero[OUTPUTS] = {1, 0, 1};
    assert_told(&record,
                mlp_net_standardise_targets(net, mlp_cview_f64(y, 2, OUTPUTS)),
                MLP_ERR_NOT_FINITE,
                "Y: expects finite numbers, got NaN in row "
                "1, column 1");
    assert_told(&record,
                mlp_net_standardise_targets(net, mlp_cview_f64(y, 0, OUTPUTS)),
                MLP_ERR_SHAPE, "Y");
    assert_told(&record,
                mlp_net_standardise_targets(net, mlp_cview_f64(y, 1, INPUTS)),
                MLP_ERR_SHAPE, "Y");
    assert_told(
        &record,
        mlp_net_standardise_targets(net, mlp_cview_f32(single, 1, OUTPUTS)),
        MLP_ERR_DTYPE, "float64");
    assert_told(&record, mlp_net_set_target_scaling(net, means, zero),
                MLP_ERR_ARGUMENT, "target 1");
    assert_told(&record, mlp_net_set_target_scaling(net, means, NULL),
                MLP_ERR_ARGUMENT, "no std");
    assert_told(&record, mlp_net_set_target_scaling(net, NULL, stds),
                MLP_ERR_ARGUMENT, "no mean");
    assert_told(&record, mlp_net_target_scaling(net, NULL, zero), MLP_ERR_NULL,
                "mean");
    assert_told(&record, mlp_net_target_scaling(net, zero, NULL), MLP_ERR_NULL,
                "std");
    mlp_cview Y = mlp_cview_f64(y, 1, OUTPUTS);
    assert_int_equal(mlp_net_standardise_targets(NULL, Y), MLP_ERR_NULL);
    assert_int_equal(mlp_net_set_target_scaling(NULL, means, stds),
                     MLP_ERR_NULL);
    assert_int_equal(mlp_net_target_scaling(NULL, zero, zero), MLP_ERR_NULL);
    assert_same_net(net, before);
    mlp_net_free(before);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

static void losses_of_classes_are_refused(void **state)
{
    (void)state;
    static const mlp_loss others[] = {MLP_LOSS_BCE, MLP_LOSS_CCE};
    double y[OUTPUTS] = {1, 0, 0};
    for (size_t i = 0; i < COUNT(others); i++) {
        hook_record record = {0};
        model m = model_of(others[i]);
        m.layers[2].activation = MLP_ACT_AUTO;
        mlp_net *net = new_net(&m, MLP_F64, &record);
        const char *name = mlp_loss_name(others[i]);
        assert_told(
            &record,
            mlp_net_standardise_targets(net, mlp_cview_f64(y, 1, OUTPUTS)),
            MLP_ERR_ARGUMENT, name);
        assert_told(&record, mlp_net_set_target_scaling(net, means, stds),
                    MLP_ERR_ARGUMENT, name);
        mlp_net_free(net);
    }
}

/* ---------------------------------------------------------------------------
 * Training
 */

static mlp_train_options some_options(void)
{
    mlp_train_options options = tutorial_options();
    options.epochs = 6;
    options.batch_size = 7;
    options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
    options.validation_fraction = 0.2;
    return options;
}

static void raw_targets_train_as_targets_scaled_by_hand(void **state)
{
    (void)state;
    mlp_train_options options = some_options();
    FOR_EACH_PRECISION(p)
    {
        for (size_t k = 0; k < COUNT(losses); k++) {
            pair s = new_pair(p, losses[k]);
            mlp_history *h[2];
            assert_int_equal(mlp_fit(s.raw, ro(s.X), ro(s.Y), &options, &h[0]),
                             MLP_OK);
            assert_int_equal(
                mlp_fit(s.plain, ro(s.X), ro(s.scaled_Y), &options, &h[1]),
                MLP_OK);
            for (size_t e = 0; e < options.epochs; e++) {
                assert_true(mlp_history_losses(h[0])[e] ==
                            mlp_history_losses(h[1])[e]);
                assert_true(mlp_history_validation_losses(h[0])[e] ==
                            mlp_history_validation_losses(h[1])[e]);
            }
            assert_pair(&s);
            mlp_history_free(h[0]);
            mlp_history_free(h[1]);
            free_pair(s);
        }
    }
}

static void lbfgs_and_threads_know_scaled_targets(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (int kind = MLP_OPTIMIZER_SGD; kind <= MLP_OPTIMIZER_LBFGS;
             kind += MLP_OPTIMIZER_LBFGS) {
            mlp_train_options options = some_options();
            options.batch_size = 0;
            options.threads = 3;
            options.learning_rate = kind == MLP_OPTIMIZER_SGD ? 0.01 : 1;
            options.optimizer =
                mlp_optimizer_defaults((mlp_optimizer_kind)kind);
            pair s = new_pair(p, MLP_LOSS_MSE);
            assert_int_equal(mlp_fit(s.raw, ro(s.X), ro(s.Y), &options, NULL),
                             MLP_OK);
            assert_int_equal(
                mlp_fit(s.plain, ro(s.X), ro(s.scaled_Y), &options, NULL),
                MLP_OK);
            assert_pair(&s);
            free_pair(s);
        }
    }
}

static mlp_status next_rows(size_t epoch, size_t chunk, mlp_chunk *rows,
                            void *user)
{
    const data *d = user;
    (void)epoch;
    rows->X = mlp_cview_rows(ro(d->X), chunk * 11, 11);
    rows->Y = mlp_cview_rows(ro(d->Y), chunk * 11, 11);
    return MLP_OK;
}

static void chunks_are_scaled(void **state)
{
    (void)state;
    mlp_train_options options = some_options();
    options.validation_fraction = 0;
    FOR_EACH_PRECISION(p)
    {
        pair s = new_pair(p, MLP_LOSS_MSE);
        data raw = {s.X, s.Y};
        data plain = {s.X, s.scaled_Y};
        options.X_validation = ro(s.X);
        options.Y_validation = ro(s.Y);
        assert_int_equal(mlp_fit_stream(s.raw, next_rows, &raw, &options, NULL),
                         MLP_OK);
        options.Y_validation = ro(s.scaled_Y);
        assert_int_equal(
            mlp_fit_stream(s.plain, next_rows, &plain, &options, NULL), MLP_OK);
        assert_pair(&s);
        free_pair(s);
    }
}

/* Trains two steps in one call each, and one step in its four parts. */
static double stepped(mlp_net *net, mlp_view X, mlp_view Y)
{
    mlp_trainer *trainer = NULL;
    double loss[3];
    assert_int_equal(mlp_trainer_create(net, ROWS, &trainer), MLP_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            mlp_trainer_step(trainer, ro(X), ro(Y), 0.01, &loss[i]), MLP_OK);
    }
    assert_int_equal(mlp_trainer_forward(trainer, ro(X)), MLP_OK);
    assert_int_equal(mlp_trainer_loss(trainer, ro(Y), &loss[2]), MLP_OK);
    assert_int_equal(mlp_trainer_backward(trainer, ro(Y)), MLP_OK);
    assert_int_equal(mlp_trainer_update(trainer, 0.01), MLP_OK);
    mlp_trainer_free(trainer);
    return loss[0] + loss[1] + loss[2];
}

static void steps_are_scaled(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        pair s = new_pair(p, MLP_LOSS_HUBER);
        assert_true(stepped(s.raw, s.X, s.Y) ==
                    stepped(s.plain, s.X, s.scaled_Y));
        assert_pair(&s);
        free_pair(s);
    }
}

static void scaling_allocates_nothing(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        hook_record record = {0};
        model m = model_of(MLP_LOSS_MSE);
        mlp_net *net = new_net(&m, p, &record);
        mlp_view X = random_matrix(p, ROWS, INPUTS, -1, 1);
        mlp_view Y = random_matrix(p, ROWS, OUTPUTS, -5, 5);
        mlp_trainer *trainer = NULL;
        mlp_workspace *ws = NULL;
        assert_int_equal(mlp_trainer_create(net, ROWS, &trainer), MLP_OK);
        assert_int_equal(mlp_workspace_create(net, &ws), MLP_OK);
        size_t before = record.allocations;
        assert_int_equal(mlp_net_standardise_targets(net, ro(Y)), MLP_OK);
        assert_int_equal(mlp_trainer_step(trainer, ro(X), ro(Y), 0.01, NULL),
                         MLP_OK);
        assert_int_equal(mlp_predict_with(net, ws, ro(X), Y), MLP_OK);
        assert_int_equal(record.allocations, before);
        mlp_workspace_free(ws);
        mlp_trainer_free(trainer);
        free(X.data);
        free(Y.data);
        mlp_net_free(net);
    }
}

static void gradients_are_those_of_scaled_targets(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (size_t k = 0; k < COUNT(losses); k++) {
            pair s = new_pair(MLP_F64, losses[k]);
            mlp_cview X = mlp_cview_rows(ro(s.X), 0, 4);
            mlp_cview Y = mlp_cview_rows(ro(s.Y), 0, 4);
            mlp_view X32 = new_matrix(MLP_F32, 4, INPUTS, s.X.data);
            mlp_view Y32 = new_matrix(MLP_F32, 4, OUTPUTS, s.Y.data);
            mlp_gradient_check worst;
            if (p == MLP_F32) {
                pair narrow = new_pair(MLP_F32, losses[k]);
                assert_int_equal(mlp_check_gradients(narrow.raw, ro(X32),
                                                     ro(Y32), NULL, &worst),
                                 MLP_OK);
                free_pair(narrow);
            } else {
                assert_int_equal(mlp_check_gradients(s.raw, X, Y, NULL, &worst),
                                 MLP_OK);
            }
            assert_true(worst.error < 1e-7 && worst.checked > 50);
            /* The gradient is in units of the scaled y, about 1; raw y has
             * units of 250 and 1e-7. */
            assert_true(fabs(worst.analytic) < 5);
            free(X32.data);
            free(Y32.data);
            free_pair(s);
        }
    }
}

/* ---------------------------------------------------------------------------
 * Predicting
 */

static void every_way_of_predicting_is_unscaled(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        pair s = new_pair(p, MLP_LOSS_MSE);
        mlp_view expected = expected_of(&s, ro(s.X));
        mlp_view wide = new_matrix(p, ROWS, 2 * OUTPUTS, NULL);
        mlp_view apart = wide; /* every other column */
        apart.cols = OUTPUTS;
        apart.col_stride = 2;
        assert_int_equal(mlp_predict(s.raw, ro(s.X), apart), MLP_OK);
        assert_same(ro(apart), ro(expected));
        for (size_t i = 0; i < ROWS; i++) {
            mlp_view A = new_matrix(p, 1, OUTPUTS, NULL);
            mlp_cview row = mlp_cview_rows(ro(s.X), i, 1);
            assert_int_equal(mlp_predict(s.raw, row, A), MLP_OK);
            assert_same(ro(A), mlp_cview_rows(ro(expected), i, 1));
            free(A.data);
        }
        free(wide.data);
        free(expected.data);
        free_pair(s);
    }
}

static void threads_and_chunks_are_unscaled(void **state)
{
    (void)state;
    enum { ALL_ROWS = 3000 };
    FOR_EACH_PRECISION(p)
    {
        pair s = new_pair(p, MLP_LOSS_MSE);
        mlp_view X = random_matrix(p, ALL_ROWS, INPUTS, -1, 1);
        mlp_view A = new_matrix(p, ALL_ROWS, OUTPUTS, NULL);
        mlp_view expected = expected_of(&s, ro(X));
        mlp_workspace *ws = NULL;
        assert_int_equal(mlp_workspace_create(s.raw, &ws), MLP_OK);
        for (size_t threads = 1; threads <= 3; threads += 2) {
            fill(A, 0);
            assert_int_equal(mlp_workspace_set_threads(ws, threads), MLP_OK);
            assert_int_equal(mlp_predict_with(s.raw, ws, ro(X), A), MLP_OK);
            assert_same(ro(A), ro(expected));
        }
        mlp_workspace_free(ws);
        free(expected.data);
        free(X.data);
        free(A.data);
        free_pair(s);
    }
}

/* Predictions overwrite X, for one row and for many. */
static void predictions_over_their_rows_are_unscaled(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&square_model, p, NULL);
        mlp_view X = random_matrix(p, ROWS, INPUTS, -1, 1);
        mlp_view A = new_matrix(p, ROWS, INPUTS, NULL);
        assert_int_equal(mlp_net_standardise_targets(net, ro(X)), MLP_OK);
        assert_int_equal(mlp_predict(net, ro(X), A), MLP_OK);
        mlp_view row = X;
        row.rows = 1;
        assert_int_equal(mlp_predict(net, ro(row), row), MLP_OK);
        assert_same(ro(row), mlp_cview_rows(ro(A), 0, 1));
        mlp_view rest = mlp_view_f64((double *)X.data + INPUTS, ROWS - 1, 5);
        if (p == MLP_F32) {
            rest = mlp_view_f32((float *)X.data + INPUTS, ROWS - 1, 5);
        }
        assert_int_equal(mlp_predict(net, ro(rest), rest), MLP_OK);
        assert_same(ro(X), ro(A));
        free(X.data);
        free(A.data);
        mlp_net_free(net);
    }
}

/* The loss is computed from scaled numbers, and is that of a network which gets
 * scaled targets. */
static void scores_know_their_units(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        pair s = new_pair(p, MLP_LOSS_MSE);
        mlp_scores raw;
        mlp_scores plain;
        assert_int_equal(mlp_evaluate(s.raw, ro(s.X), ro(s.Y), &raw), MLP_OK);
        assert_int_equal(mlp_evaluate(s.plain, ro(s.X), ro(s.scaled_Y), &plain),
                         MLP_OK);
        assert_true(raw.loss == plain.loss);
        assert_true(isnan(raw.accuracy) && isnan(plain.accuracy));
        free_pair(s);
    }
}

static void copies_scale_the_same(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        model m = model_of(MLP_LOSS_MSE);
        m.layers[0].batch_norm = true;
        mlp_net *net = new_net(&m, p, NULL);
        mlp_net *folded = NULL;
        double s[2][OUTPUTS];
        assert_int_equal(mlp_net_set_target_scaling(net, means, stds), MLP_OK);
        mlp_net *copy = clone_of(net);
        assert_int_equal(mlp_net_fold_batch_norm(net, &folded), MLP_OK);
        assert_same_net(copy, net);
        assert_int_equal(mlp_net_target_scaling(folded, s[0], s[1]), MLP_OK);
        for (size_t j = 0; j < OUTPUTS; j++) {
            assert_true(s[0][j] == rounded(p, means[j]));
            assert_true(s[1][j] == rounded(p, stds[j]));
        }
        mlp_net_free(folded);
        mlp_net_free(copy);
        mlp_net_free(net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(standardise_targets_is_that_of_inputs),
        cmocka_unit_test(target_scaling_is_what_was_set),
        cmocka_unit_test(what_cannot_scale_is_refused),
        cmocka_unit_test(losses_of_classes_are_refused),
        cmocka_unit_test(raw_targets_train_as_targets_scaled_by_hand),
        cmocka_unit_test(lbfgs_and_threads_know_scaled_targets),
        cmocka_unit_test(chunks_are_scaled),
        cmocka_unit_test(steps_are_scaled),
        cmocka_unit_test(scaling_allocates_nothing),
        cmocka_unit_test(gradients_are_those_of_scaled_targets),
        cmocka_unit_test(every_way_of_predicting_is_unscaled),
        cmocka_unit_test(threads_and_chunks_are_unscaled),
        cmocka_unit_test(predictions_over_their_rows_are_unscaled),
        cmocka_unit_test(scores_know_their_units),
        cmocka_unit_test(copies_scale_the_same),
    };
    return cmocka_run_group_tests_name("targets", tests, NULL, NULL);
}
