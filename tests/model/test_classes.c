/* SPDX-License-Identifier: MIT */
/*
 * Networks classify with softmax and categorical cross-entropy. Targets are
 * numbers of classes, one-hot rows, or rows of probabilities.
 */
#include "support/saved_net.h"
#include "support/ignore.h"

enum { ROWS = 45, INPUTS = 4, CLASSES = 5 };

static const model classifier = {
    INPUTS,
    2,
    {{.width = 9, .activation = MLP_ACT_TANH},
     {.width = CLASSES, .activation = MLP_ACT_SOFTMAX}},
    MLP_LOSS_CCE};

/* Returns a network of one layer whose pre-activations are its inputs. */
static mlp_net *bare_net(mlp_dtype dtype, size_t n, mlp_activation last,
                         hook_record *record)
{
    model m = {n, 1, {{.width = n, .activation = last}}, MLP_LOSS_CCE};
    mlp_net *net = new_saved_net(&m, dtype, record);
    fill(tensor(net, MLP_W, 1), 0);
    for (size_t i = 0; i < n; i++) {
        put(tensor(net, MLP_W, 1), i, i, 1);
    }
    return net;
}

static void number_classes(int32_t classes[ROWS])
{
    mlp_rng rng = mlp_rng_seeded(3);
    for (size_t i = 0; i < ROWS; i++) {
        int64_t class = 0;
        ignore(mlp_rng_randint(&rng, 0, CLASSES, &class));
        classes[i] = (int32_t) class;
    }
}

static mlp_view one_hot(mlp_dtype dtype, const int32_t *classes)
{
    mlp_view Y = new_matrix(dtype, ROWS, CLASSES, NULL);
    for (size_t i = 0; i < ROWS; i++) {
        put(Y, i, (size_t)classes[i], 1);
    }
    return Y;
}

static mlp_net *fitted(mlp_dtype dtype, mlp_cview X, mlp_cview Y)
{
    mlp_net *net = new_net(&classifier, dtype, NULL);
    mlp_train_options options = tutorial_options();
    options.epochs = 5;
    options.batch_size = 16;
    options.learning_rate = 0.5;
    assert_int_equal(mlp_fit(net, X, Y, &options, NULL), MLP_OK);
    return net;
}

static void classes_train_and_score_as_one_hot_rows(void **state)
{
    (void)state;
    int32_t classes[ROWS];
    number_classes(classes);
    FOR_EACH_PRECISION(p)
    {
        data d = {random_matrix(p, ROWS, INPUTS, -1, 1), one_hot(p, classes)};
        mlp_cview numbers = mlp_cview_i32(classes, ROWS, 1);
        mlp_net *net = fitted(p, ro(d.X), numbers);
        mlp_net *same = fitted(p, ro(d.X), ro(d.Y));
        assert_same_net(net, same);
        mlp_scores a;
        mlp_scores b;
        assert_int_equal(mlp_evaluate(net, ro(d.X), numbers, &a), MLP_OK);
        assert_int_equal(mlp_evaluate(net, ro(d.X), ro(d.Y), &b), MLP_OK);
        assert_true(a.loss == b.loss && a.accuracy == b.accuracy);
        assert_true(a.accuracy > 0.3);
        mlp_net_free(same);
        mlp_net_free(net);
        free_data(d);
    }
}

static void training_learns_the_classes(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_view X = random_matrix(p, ROWS, INPUTS, -1, 1);
        int32_t classes[ROWS];
        for (size_t i = 0; i < ROWS;
             i++) { /* the signs of the first two inputs decide the class */
            classes[i] = (at(X, i, 0) > 0) + 2 * (at(X, i, 1) > 0);
        }
        mlp_net *net = new_net(&classifier, p, NULL);
        mlp_train_options options = tutorial_options();
        options.epochs = 600;
        options.learning_rate = 0.5;
        mlp_cview Y = mlp_cview_i32(classes, ROWS, 1);
        assert_int_equal(mlp_fit(net, ro(X), Y, &options, NULL), MLP_OK);
        mlp_scores scores;
        assert_int_equal(mlp_evaluate(net, ro(X), Y, &scores), MLP_OK);
        assert_true(scores.accuracy == 1.0);
        assert_true(scores.loss < 0.2);
        int32_t labels[ROWS];
        assert_int_equal(
            mlp_classify(net, ro(X), 0.5, mlp_view_i32(labels, ROWS, 1)),
            MLP_OK);
        assert_memory_equal(labels, classes, sizeof classes);
        mlp_net_free(net);
        free(X.data);
    }
}

static void trainer_takes_classes(void **state)
{
    (void)state;
    int32_t classes[ROWS];
    number_classes(classes);
    FOR_EACH_PRECISION(p)
    {
        data d = {random_matrix(p, ROWS, INPUTS, -1, 1), one_hot(p, classes)};
        mlp_net *net = new_net(&classifier, p, NULL);
        mlp_trainer *trainer = NULL;
        assert_int_equal(mlp_trainer_create(net, ROWS, &trainer), MLP_OK);
        assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
        double loss[2];
        mlp_cview numbers = mlp_cview_i32(classes, ROWS, 1);
        assert_int_equal(mlp_trainer_loss(trainer, numbers, &loss[0]), MLP_OK);
        assert_int_equal(mlp_trainer_loss(trainer, ro(d.Y), &loss[1]), MLP_OK);
        assert_true(loss[0] == loss[1]);
        assert_int_equal(mlp_trainer_backward(trainer, numbers), MLP_OK);
        mlp_view db;
        assert_int_equal(mlp_trainer_tensor(trainer, MLP_DB, 2, &db), MLP_OK);
        double sum = 0; /* each row of A - Y has the sum 0 */
        for (size_t j = 0; j < CLASSES; j++) {
            sum += at(db, 0, j);
        }
        assert_absolute(sum, 0.0, p == MLP_F32 ? 1e-6 : 1e-15);
        mlp_trainer_free(trainer);
        mlp_net_free(net);
        free_data(d);
    }
}

static double loss_of(mlp_net *net, mlp_cview X, mlp_cview Y)
{
    mlp_scores scores = {-1, -1};
    assert_int_equal(mlp_evaluate(net, X, Y, &scores), MLP_OK);
    return scores.loss;
}

static void loss_is_log_sum_exp_minus_the_targets(void **state)
{
    (void)state;
    static const double z[6] = {0.5, -1.25, 2.0, 3.0, 0.25, -4.0};
    static const double y[6] = {0.25, 0.25, 0.5, 0.0, 1.0, 0.0};
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = bare_net(p, 3, MLP_ACT_SOFTMAX, NULL);
        data d = {new_matrix(p, 2, 3, z), new_matrix(p, 2, 3, y)};
        double sum = 0;
        for (size_t i = 0; i < 6; i += 3) {
            double powers = exp(z[i]) + exp(z[i + 1]) + exp(z[i + 2]);
            for (size_t j = i; j < i + 3; j++) {
                sum += y[j] * (log(powers) - z[j]);
            }
        }
        assert_relative(loss_of(net, ro(d.X), ro(d.Y)), sum / 2, 1e-15);
        free_data(d);
        mlp_net_free(net);
    }
}

static void loss_is_finite_where_probabilities_are_0(void **state)
{
    (void)state;
    static const double z[3] = {3e38, -3e38, 0.0};
    static const int32_t class = 1;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = bare_net(p, 3, MLP_ACT_SOFTMAX, NULL);
        mlp_view X = new_matrix(p, 1, 3, z);
        double loss = loss_of(net, ro(X), mlp_cview_i32(&class, 1, 1));
        assert_relative(loss, 6e38, 1e-7);
        static const int32_t likely = 0;
        assert_true(loss_of(net, ro(X), mlp_cview_i32(&likely, 1, 1)) == 0.0);
        free(X.data);
        mlp_net_free(net);
    }
}

/* After activations other than softmax, which only files of MLP_NUMERICS 1 have
 * with cce, the loss is computed from the outputs, clipped; after sigmoid from
 * z, in double even for floats. */
static void loss_after_others_is_of_the_outputs(void **state)
{
    (void)state;
    static const double z[4] = {0.25, 0.5, -3.0, 7.0};
    static const int32_t classes[2] = {1, 0};
    FOR_EACH_PRECISION(p)
    {
        mlp_view X = new_matrix(p, 2, 2, z);
        mlp_net *net = bare_net(p, 2, MLP_ACT_IDENTITY, NULL);
        assert_relative(loss_of(net, ro(X), mlp_cview_i32(classes, 2, 1)),
                        -(log(0.5) + log(1e-15)) / 2, 1e-15);
        mlp_net_free(net);
        net = bare_net(p, 2, MLP_ACT_SIGMOID, NULL);
        assert_relative(loss_of(net, ro(X), mlp_cview_i32(classes, 2, 1)),
                        (log1p(exp(-0.5)) + log1p(exp(3))) / 2, 1e-15);
        mlp_net_free(net);
        free(X.data);
    }
}

/* The batch has more rows than evaluation takes at once, with different
 * classes. */
static void loss_is_the_mean_over_many_rows(void **state)
{
    (void)state;
    enum { ALL_ROWS = 1001, WIDE = 131 };
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = bare_net(p, WIDE, MLP_ACT_SOFTMAX, NULL);
        mlp_view X = random_matrix(p, ALL_ROWS, WIDE, -3, 3);
        int32_t *classes = calloc(ALL_ROWS, sizeof *classes);
        assert_non_null(classes);
        double sum = 0;
        for (size_t i = 0; i < ALL_ROWS; i++) {
            double powers = 0;
            for (size_t j = 0; j < WIDE; j++) {
                powers += exp(at(X, i, j));
            }
            classes[i] = (int32_t)(i * i % WIDE);
            sum += log(powers) - at(X, i, (size_t)classes[i]);
        }
        assert_relative(
            loss_of(net, ro(X), mlp_cview_i32(classes, ALL_ROWS, 1)),
            sum / ALL_ROWS, 1e-14);
        free(classes);
        free(X.data);
        mlp_net_free(net);
    }
}

static void labels_are_one_for_a_row(void **state)
{
    (void)state;
    static const double z[12] = {1, 3, 2, 5, 5, 1, 0, (double)NAN, 9, 0, -1, 4};
    static const int32_t expected[4] = {1, 0, -1, 2};
    FOR_EACH_PRECISION(p)
    {
        hook_record record = {0};
        mlp_net *net = bare_net(p, 3, MLP_ACT_SOFTMAX, &record);
        mlp_view X = new_matrix(p, 4, 3, z);
        int32_t labels[4] = {7, 7, 7, 7};
        assert_int_equal(
            mlp_classify(net, ro(X), 0.5, mlp_view_i32(labels, 4, 1)), MLP_OK);
        assert_memory_equal(labels, expected, sizeof expected);
        int32_t each[12];
        assert_told(&record,
                    mlp_classify(net, ro(X), 0.5, mlp_view_i32(each, 4, 3)),
                    MLP_ERR_SHAPE, "labels: expects 1 column, got 3");
        free(X.data);
        mlp_net_free(net);
    }
}

static void targets_that_are_no_classes_are_refused(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        hook_record record = {0};
        mlp_net *net = bare_net(p, 3, MLP_ACT_SOFTMAX, &record);
        mlp_view X = random_matrix(p, 4, 3, -1, 1);
        int32_t classes[4] = {0, 2, 3, 1};
        mlp_cview numbers = mlp_cview_i32(classes, 4, 1);
        mlp_scores scores;
        assert_told(&record, mlp_evaluate(net, ro(X), numbers, &scores),
                    MLP_ERR_ARGUMENT,
                    "Y: expects class numbers from 0 to 2, got 3 in row 2 (the "
                    "first class is 0)");
        classes[1] = -1;
        assert_told(&record, mlp_fit(net, ro(X), numbers, NULL, NULL),
                    MLP_ERR_ARGUMENT, "got -1 in row 1");
        classes[1] = 4;
        assert_told(&record, mlp_fit(net, ro(X), numbers, NULL, NULL),
                    MLP_ERR_ARGUMENT, "got 4 in row 1");
        assert_null(strstr(record.message, "first class"));
        numbers.dtype = (mlp_dtype)99;
        assert_told(&record, mlp_fit(net, ro(X), numbers, NULL, NULL),
                    MLP_ERR_DTYPE, "got 1 column of an unknown type");
        numbers.dtype = MLP_I32;
        numbers.cols = 3;
        assert_told(&record, mlp_evaluate(net, ro(X), numbers, &scores),
                    MLP_ERR_SHAPE, "Y: expects 3 columns of");
        numbers.cols = 1;
        numbers.rows = 3;
        assert_told(&record, mlp_evaluate(net, ro(X), numbers, &scores),
                    MLP_ERR_SHAPE, "Y: expects 4 rows, got 3");
        free(X.data);
        mlp_net_free(net);
    }
}

/* A class that is alone has the probability 1, whatever its targets' form. */
static void a_single_class_is_certain(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = bare_net(p, 1, MLP_ACT_SOFTMAX, NULL);
        mlp_net *before = clone_of(net);
        mlp_view X = random_matrix(p, 4, 1, -1, 1);
        mlp_view ones = new_matrix(p, 4, 2, NULL);
        fill(ones, 1);
        static const int32_t zeros[4];
        const mlp_cview forms[] = {mlp_cview_cols(ro(ones), 0, 1),
                                   mlp_cview_i32(zeros, 4, 1)};
        for (size_t k = 0; k < COUNT(forms); k++) {
            mlp_scores scores;
            mlp_train_options options = tutorial_options();
            options.epochs = 2;
            options.validation_fraction = 0.5;
            assert_int_equal(mlp_evaluate(net, ro(X), forms[k], &scores),
                             MLP_OK);
            assert_true(scores.loss == 0 && scores.accuracy == 1);
            assert_int_equal(mlp_fit(net, ro(X), forms[k], &options, NULL),
                             MLP_OK);
            assert_same_net(net, before);
        }
        free(X.data);
        free(ones.data);
        mlp_net_free(before);
        mlp_net_free(net);
    }
}

static void targets_that_are_no_probabilities_are_refused(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        hook_record record = {0};
        mlp_net *net = bare_net(p, 2, MLP_ACT_SOFTMAX, &record);
        mlp_view X = random_matrix(p, 3, 2, -1, 1);
        mlp_view Y = new_matrix(p, 3, 2, NULL);
        mlp_scores scores;
        fill(Y, 0.5);
        assert_int_equal(mlp_evaluate(net, ro(X), ro(Y), &scores), MLP_OK);
        put(Y, 2, 1, 0.25);
        assert_told(&record, mlp_evaluate(net, ro(X), ro(Y), &scores),
                    MLP_ERR_ARGUMENT, "rows whose sum is 1, got 0.75 in row 2");
        put(Y, 1, 0, -0.5);
        put(Y, 1, 1, 1.5);
        assert_told(&record, mlp_fit(net, ro(X), ro(Y), NULL, NULL),
                    MLP_ERR_ARGUMENT, "from 0 to 1, got -0.5 in row 1");
        put(Y, 0, 0, (double)NAN);
        assert_told(&record, mlp_fit(net, ro(X), ro(Y), NULL, NULL),
                    MLP_ERR_NOT_FINITE, "row 0, column 0");
        free(Y.data);
        free(X.data);
        mlp_net_free(net);
    }
}

static void only_cce_takes_classes(void **state)
{
    (void)state;
    static const int32_t classes[4] = {0, 1, 1, 0};
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    data d = xor_data(MLP_F64);
    assert_told(&record,
                mlp_fit(net, ro(d.X), mlp_cview_i32(classes, 4, 1), NULL, NULL),
                MLP_ERR_DTYPE,
                "Y: expects float64 (only cce takes class numbers of type "
                "MLP_I32), got int32");
    free_data(d);
    mlp_net_free(net);
}

static void softmax_is_for_the_last_layer(void **state)
{
    (void)state;
    hook_record record = {0};
    model m = classifier;
    m.layers[0].activation = MLP_ACT_SOFTMAX;
    mlp_config config = config_of(&m, MLP_F64, &record);
    mlp_net *net = NULL;
    assert_told(&record, mlp_net_create(&config, &net), MLP_ERR_ARGUMENT,
                "layer 1: softmax is for the last layer only; this network has "
                "2 layers");
    assert_null(net);
}

enum { SCATTERED = 200 };

/* Fills 200 rows in random order: 150 have class 1, 40 class 4, 10 class 2. */
static void scatter_classes(int32_t classes[SCATTERED])
{
    for (size_t i = 0; i < SCATTERED; i++) {
        size_t place = i * 77 % SCATTERED;
        classes[place] = i < 150 ? 1 : i < 190 ? 4 : 2;
    }
}

/* Validation uses the rows that mlp_validation_split names, and counts correct
 * rows. */
static void validation_counts_rows(void **state)
{
    (void)state;
    int32_t classes[SCATTERED];
    scatter_classes(classes);
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&classifier, p, NULL);
        mlp_view X = random_matrix(p, SCATTERED, INPUTS, -1, 1);
        mlp_cview Y = mlp_cview_i32(classes, SCATTERED, 1);
        mlp_train_options options = tutorial_options();
        options.epochs = 1;
        options.validation_fraction = 0.1;
        size_t order[SCATTERED];
        size_t held = 0;
        assert_int_equal(mlp_validation_split(net, Y, &options, order, &held),
                         MLP_OK);
        mlp_history *history = NULL;
        assert_int_equal(mlp_fit(net, ro(X), Y, &options, &history), MLP_OK);
        int32_t labels[SCATTERED];
        assert_int_equal(
            mlp_classify(net, ro(X), 0.5, mlp_view_i32(labels, SCATTERED, 1)),
            MLP_OK);
        size_t hits = 0;
        for (size_t i = SCATTERED - held; i < SCATTERED; i++) {
            hits += labels[order[i]] == classes[order[i]];
        }
        assert_true(mlp_history_validation_accuracies(history)[0] ==
                    (double)hits / (double)held);
        mlp_history_free(history);
        free(X.data);
        mlp_net_free(net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_train_and_score_as_one_hot_rows),
        cmocka_unit_test(training_learns_the_classes),
        cmocka_unit_test(trainer_takes_classes),
        cmocka_unit_test(loss_is_log_sum_exp_minus_the_targets),
        cmocka_unit_test(loss_is_finite_where_probabilities_are_0),
        cmocka_unit_test(loss_after_others_is_of_the_outputs),
        cmocka_unit_test(loss_is_the_mean_over_many_rows),
        cmocka_unit_test(labels_are_one_for_a_row),
        cmocka_unit_test(targets_that_are_no_classes_are_refused),
        cmocka_unit_test(a_single_class_is_certain),
        cmocka_unit_test(targets_that_are_no_probabilities_are_refused),
        cmocka_unit_test(only_cce_takes_classes),
        cmocka_unit_test(softmax_is_for_the_last_layer),
        cmocka_unit_test(validation_counts_rows),
    };
    return cmocka_run_group_tests_name("classes", tests, NULL, NULL);
}
