/* SPDX-License-Identifier: MIT */
/*
 * Loss and accuracy, compared with numbers that are computed here from the
 * outputs, in long double.
 */
#include "support/saved_net.h"

/* Returns a network of two inputs whose outputs are its inputs. With bce, only
 * files of MLP_NUMERICS 1 have such a network. */
static mlp_net *identity_net(mlp_dtype dtype, mlp_loss loss,
                             hook_record *record)
{
    static const double W[4] = {1, 0, 0, 1};
    model m = {2, 1, {{2, MLP_ACT_IDENTITY}}, loss};
    mlp_net *net = new_saved_net(&m, dtype, record);
    put_all(tensor(net, MLP_W, 1), 4, W);
    return net;
}

static mlp_scores scores_of(const mlp_net *net, mlp_cview X, mlp_cview Y)
{
    mlp_scores scores = {-1, -1};
    assert_int_equal(mlp_evaluate(net, X, Y, &scores), MLP_OK);
    return scores;
}

/* Returns the scores of an identity network of `dtype` for m rows of outputs
 * and targets. */
static mlp_scores score(mlp_dtype dtype, mlp_loss loss, size_t m,
                        const double *outputs, const double *targets)
{
    mlp_net *net = identity_net(dtype, loss, NULL);
    data d = {new_matrix(dtype, m, 2, outputs),
              new_matrix(dtype, m, 2, targets)};
    mlp_scores scores = scores_of(net, ro(d.X), ro(d.Y));
    free_data(d);
    mlp_net_free(net);
    return scores;
}

static void loss_is_the_mean_over_rows_and_outputs(void **state)
{
    (void)state;
    static const double outputs[6] = {0.5, 0.25, 2.0, -1.0, 0.0, 1.5};
    static const double targets[6] = {1.0, 0.25, 0.0, 1.0, 0.0, -2.5};
    static const double inside[4] = {0.5, 0.25, 0.75, 0.125};
    static const double classes[4] = {1.0, 0.0, 0.5, 1.0};
    FOR_EACH_PRECISION(p)
    {
        mlp_scores s = score(p, MLP_LOSS_MSE, 3, outputs, targets);
        assert_relative(s.loss, (0.25 + 0 + 4 + 4 + 0 + 16) / 6.0, 1e-15);
        s = score(p, MLP_LOSS_BCE, 2, inside, classes);
        double sum =
            -log(0.5) - log(0.75) - 0.5 * (log(0.75) + log(0.25)) - log(0.125);
        assert_relative(s.loss, sum / 4, 1e-15);
    }
}

static void loss_is_clipped_as_in_the_tutorial(void **state)
{
    (void)state;
    static const double ends[4] = {0.0, 1.0, -3.0, 7.0};
    static const double opposite[4] = {1.0, 0.0, 1.0, 0.0};
    static const double right[4] = {0.0, 1.0, 0.0, 1.0};
    double high = 1.0 - 1e-15;
    FOR_EACH_PRECISION(p)
    {
        mlp_scores s = score(p, MLP_LOSS_BCE, 2, ends, opposite);
        assert_relative(s.loss, -(log(1e-15) + log(1.0 - high)) / 2, 1e-15);
        assert_true(s.accuracy == 0.0);
        s = score(p, MLP_LOSS_BCE, 2, ends, right);
        assert_relative(s.loss, -(log(1.0 - 1e-15) + log(high)) / 2, 1e-15);
        assert_true(s.accuracy == 1.0);
    }
}

/* Returns -log(sigmoid(z)), limited as the loss clips it. */
static double log_loss(double z)
{
    double s = log1p(exp(-fabs(z))) + (z < 0.0 ? -z : 0.0);
    return s < -log(1e-15) ? s : -log(1e-15);
}

/* The loss after a sigmoid is computed from z, so it is exact where the sigmoid
 * has rounded to 0 or 1. */
static void loss_of_a_sigmoid_is_of_what_goes_in(void **state)
{
    (void)state;
    static const double z[] = {0.25, -3.0, 12.5, 25.0, 33.0, 36.0, 700.0};
    static const double y[] = {1.0, 0.0, 0.25};
    static const model m = {1, 1, {{1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&m, p, NULL);
        put(tensor(net, MLP_W, 1), 0, 0, 1.0);
        for (size_t i = 0; i < 2 * COUNT(z); i++) {
            double x = i < COUNT(z) ? z[i] : -z[i - COUNT(z)];
            for (size_t k = 0; k < COUNT(y); k++) {
                data d = {new_matrix(p, 1, 1, &x), new_matrix(p, 1, 1, &y[k])};
                double expected =
                    y[k] * log_loss(x) + (1.0 - y[k]) * log_loss(-x);
                assert_relative(scores_of(net, ro(d.X), ro(d.Y)).loss, expected,
                                1e-15);
                free_data(d);
            }
        }
        mlp_net_free(net);
    }
}

static void loss_may_be_infinite(void **state)
{
    (void)state;
    static const double outputs[2] = {1e200, 0};
    static const double targets[2] = {0, 0};
    mlp_scores s = score(MLP_F64, MLP_LOSS_MSE, 1, outputs, targets);
    assert_true(isinf(s.loss) && s.loss > 0);
}

static void accuracy_is_the_share_of_right_classes(void **state)
{
    (void)state;
    static const double z[6] = {0.0, -1.0, 1.0, 0.0, 3.0, -2.0};
    static const double targets[6] = {1.0, 0.0, 0.0, 0.5, 1.0, 1.0};
    static const double W[4] = {1, 0, 0, 1};
    static const model m = {2, 1, {{2, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};
    FOR_EACH_PRECISION(p)
    {
        /* An output of 0.5 is class 1; a target of 0.5 is no class, so no
         * output is right. */
        mlp_net *net = new_net(&m, p, NULL);
        put_all(tensor(net, MLP_W, 1), 4, W);
        data d = {new_matrix(p, 3, 2, z), new_matrix(p, 3, 2, targets)};
        assert_true(scores_of(net, ro(d.X), ro(d.Y)).accuracy == 3.0 / 6.0);
        free_data(d);
        mlp_net_free(net);
    }
}

static bool record_accuracy(const mlp_epoch_progress *progress, void *user)
{
    *(double *)user = progress->validation_accuracy;
    return true;
}

/* Also if the outputs happen to be 0 and 1, as the targets are. */
static void accuracy_of_a_regression_is_nan(void **state)
{
    (void)state;
    static const mlp_loss losses[] = {MLP_LOSS_MSE, MLP_LOSS_MAE,
                                      MLP_LOSS_HUBER};
    static const double numbers[4] = {0, 1, 1, 0};
    for (size_t i = 0; i < COUNT(losses); i++) {
        mlp_net *net = identity_net(MLP_F64, losses[i], NULL);
        mlp_cview X = mlp_cview_f64(numbers, 2, 2);
        mlp_scores s = scores_of(net, X, X);
        assert_true(s.loss == 0 && isnan(s.accuracy));
        mlp_train_options options = tutorial_options();
        double told = 7;
        mlp_history *history = NULL;
        options.epochs = 1;
        options.X_validation = options.Y_validation = X;
        options.on_epoch = record_accuracy;
        options.user = &told;
        assert_int_equal(mlp_fit(net, X, X, &options, &history), MLP_OK);
        assert_true(isnan(told));
        assert_true(isnan(mlp_history_validation_accuracies(history)[0]));
        assert_true(mlp_history_validation_losses(history)[0] == 0);
        mlp_history_free(history);
        mlp_net_free(net);
    }
}

static void accuracy_of_the_tutorials_networks(void **state)
{
    (void)state;
    vector accuracy = read_vector("moons_accuracy");
    vector losses = read_vector("moons_loss");
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&moons_model, p, NULL);
        for (size_t l = 1; l <= 3; l++) {
            put_final_layer(net, l, "moons");
        }
        data train = moons_data(p, "moons_train");
        data test = moons_data(p, "moons_test");
        mlp_scores s = scores_of(net, ro(train.X), ro(train.Y));
        assert_true(s.accuracy == accuracy.data[0]);
        /* The network has had one update more than the last loss of the run. */
        assert_relative(s.loss, losses.data[1999], 1e-3);
        s = scores_of(net, ro(test.X), ro(test.Y));
        assert_true(s.accuracy == accuracy.data[1]);
        free_data(test);
        free_data(train);
        mlp_net_free(net);
    }
    free(losses.data);
    free(accuracy.data);
}

/* In float, the loss after a sigmoid is more exact than A shows: near 1 a float
 * cannot tell how far below 1 it is. */
static void loss_of_f32_probabilities_keeps_its_digits(void **state)
{
    (void)state;
    static const model m = {1, 1, {{1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&m, p, NULL);
        fill(tensor(net, MLP_W, 1), 1.0);
        for (int z = -20; z <= 20; z += 5) {
            double x = z;
            data d = {new_matrix(p, 1, 1, &x), new_matrix(p, 1, 1, NULL)};
            mlp_scores s = scores_of(net, ro(d.X), ro(d.Y));
            double q = 1.0 - 1.0 / (1.0 + exp(-x)); /* of class 0 */
            assert_relative(s.loss, -log(q), 1e-7);
            free_data(d);
        }
        mlp_net_free(net);
    }
}

/* Returns the scores that outputs A must get. */
static mlp_scores expected_scores(mlp_loss loss, mlp_cview A, mlp_cview Y)
{
    long double sum = 0;
    double hits = 0;
    for (size_t i = 0; i < A.rows; i++) {
        for (size_t j = 0; j < A.cols; j++) {
            double a = mlp_cview_at(A, i, j);
            double y = mlp_cview_at(Y, i, j);
            sum += loss == MLP_LOSS_MSE
                       ? ((long double)a - y) * ((long double)a - y)
                       : -(y * logl(a) + (1 - y) * logl(1 - (long double)a));
            hits += (a >= 0.5 ? 1.0 : 0.0) == y;
        }
    }
    double n = (double)(A.rows * A.cols);
    return (mlp_scores){(double)(sum / n),
                        loss == MLP_LOSS_MSE ? (double)NAN : hits / n};
}

static void assert_scores_for_any_rows(mlp_dtype p, const model *m)
{
    enum { MOST = 600 };
    mlp_net *net = new_net(m, p, NULL);
    size_t n = mlp_net_outputs(net);
    data d = {random_matrix(p, MOST, m->inputs, -1, 1),
              new_matrix(p, MOST, n, NULL)};
    mlp_view A = new_matrix(p, MOST, n, NULL);
    assert_int_equal(mlp_predict(net, ro(d.X), A), MLP_OK);
    for (size_t i = 0; i < MOST * n; i++) {
        put(d.Y, i / n, i % n, i % 3 == 0);
    }
    for (size_t rows = 1; rows <= MOST; rows += rows < 100 ? 1 : 13) {
        mlp_cview Y = mlp_cview_rows(ro(d.Y), 0, rows);
        mlp_scores s = scores_of(net, mlp_cview_rows(ro(d.X), 0, rows), Y);
        mlp_scores e =
            expected_scores(m->loss, mlp_cview_rows(ro(A), 0, rows), Y);
        /* The loss of bce in float does not follow from A: see
         * loss_of_f32_probabilities_keeps_its_digits. */
        bool from_A = p == MLP_F64 || m->loss != MLP_LOSS_BCE;
        assert_relative(s.loss, e.loss, from_A ? 1e-13 : 1e-6);
        assert_true(same_number(s.accuracy, e.accuracy));
    }
    free(A.data);
    free_data(d);
    mlp_net_free(net);
}

static void evaluate_takes_any_number_of_rows(void **state)
{
    (void)state;
    static const model many_classes = {
        4, 2, {{70, MLP_ACT_TANH}, {3, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};
    FOR_EACH_PRECISION(p)
    {
        assert_scores_for_any_rows(p, &xor_model);
        assert_scores_for_any_rows(p, &many_classes);
        assert_scores_for_any_rows(p, &square_model);
    }
}

static void evaluate_has_the_same_bits_for_kernels_and_strides(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_view X = random_matrix(p, 97, 5, -1, 1);
        mlp_view Y = random_matrix(p, 97, 5, 0, 1);
        mlp_view transposed = new_matrix(p, 5, 97, NULL);
        mlp_view Y_by_columns = {p, 97, 5, 1, 97, transposed.data};
        for (size_t i = 0; i < 97 * 5; i++) {
            put(Y_by_columns, i / 5, i % 5, at(Y, i / 5, i % 5));
        }
        mlp_scores first = {0, 0};
        for (size_t k = 0; mlp_kernels(k); k++) {
            mlp_config config = config_of(&square_model, p, NULL);
            config.kernels = mlp_kernels(k);
            mlp_net *net = net_of(&config);
            mlp_scores s = scores_of(net, ro(X), ro(Y_by_columns));
            mlp_scores dense = scores_of(net, ro(X), ro(Y));
            assert_memory_equal(&s, &dense, sizeof s);
            if (k > 0) {
                assert_memory_equal(&s, &first, sizeof s);
            }
            first = s;
            mlp_net_free(net);
        }
        free(transposed.data);
        free(Y.data);
        free(X.data);
    }
}

/* ---------------------------------------------------------------------------
 * Misuse
 */

static void evaluate_refuses_what_does_not_fit(void **state)
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
    };
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_scores scores = {7, 8};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_told(&record, mlp_evaluate(net, wrong[i].X, wrong[i].Y, &scores),
                    wrong[i].status, wrong[i].part);
        assert_said(&record, wrong[i].other);
    }
    assert_told(&record, mlp_evaluate(net, X, Y, NULL), MLP_ERR_NULL, "");
    assert_int_equal(mlp_evaluate(NULL, X, Y, &scores), MLP_ERR_NULL);
    assert_true(scores.loss == 7 && scores.accuracy == 8);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

static void evaluate_names_what_is_not_finite(void **state)
{
    (void)state;
    static const double not_finite[] = {NAN, INFINITY, -INFINITY};
    FOR_EACH_PRECISION(p)
    {
        hook_record record = {0};
        mlp_net *net = identity_net(p, MLP_LOSS_MSE, &record);
        data d = {random_matrix(p, 400, 2, 0, 1),
                  random_matrix(p, 400, 2, 0, 1)};
        mlp_scores scores = {7, 8};
        for (size_t i = 0; i < COUNT(not_finite); i++) {
            mlp_view spoilt[2] = {d.X, d.Y};
            for (size_t v = 0; v < 2; v++) {
                double good = at(spoilt[v], 317, 1);
                put(spoilt[v], 317, 1, not_finite[i]);
                assert_told(&record,
                            mlp_evaluate(net, ro(d.X), ro(d.Y), &scores),
                            MLP_ERR_NOT_FINITE, v == 0 ? "X" : "Y");
                assert_said(&record, "row 317");
                assert_said(&record, "column 1");
                put(spoilt[v], 317, 1, good);
            }
        }
        assert_true(scores.loss == 7 && scores.accuracy == 8);
        free_data(d);
        mlp_net_free(net);
    }
}

static void evaluate_refuses_targets_that_are_no_probability(void **state)
{
    (void)state;
    static const double outside[] = {-1e-30, 1.5, -1, 1.0000002};
    FOR_EACH_PRECISION(p)
    {
        for (size_t i = 0; i < COUNT(outside); i++) {
            hook_record record = {0};
            mlp_net *net = identity_net(p, MLP_LOSS_BCE, &record);
            mlp_net *other = identity_net(p, MLP_LOSS_MSE, NULL);
            data d = {random_matrix(p, 9, 2, 0, 1),
                      random_matrix(p, 9, 2, 0, 1)};
            mlp_scores scores = {7, 8};
            put(d.Y, 6, 1, outside[i]);
            assert_told(&record, mlp_evaluate(net, ro(d.X), ro(d.Y), &scores),
                        MLP_ERR_ARGUMENT, "row 6");
            assert_said(&record, "column 1");
            assert_true(scores.loss == 7 && scores.accuracy == 8);
            (void)scores_of(other, ro(d.X), ro(d.Y));
            free_data(d);
            mlp_net_free(other);
            mlp_net_free(net);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_is_the_mean_over_rows_and_outputs),
        cmocka_unit_test(loss_is_clipped_as_in_the_tutorial),
        cmocka_unit_test(loss_of_a_sigmoid_is_of_what_goes_in),
        cmocka_unit_test(loss_may_be_infinite),
        cmocka_unit_test(accuracy_is_the_share_of_right_classes),
        cmocka_unit_test(accuracy_of_a_regression_is_nan),
        cmocka_unit_test(accuracy_of_the_tutorials_networks),
        cmocka_unit_test(loss_of_f32_probabilities_keeps_its_digits),
        cmocka_unit_test(evaluate_takes_any_number_of_rows),
        cmocka_unit_test(evaluate_has_the_same_bits_for_kernels_and_strides),
        cmocka_unit_test(evaluate_refuses_what_does_not_fit),
        cmocka_unit_test(evaluate_names_what_is_not_finite),
        cmocka_unit_test(evaluate_refuses_targets_that_are_no_probability),
    };
    return cmocka_run_group_tests_name("evaluate", tests, NULL, NULL);
}
