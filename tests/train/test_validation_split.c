/* SPDX-License-Identifier: MIT */
/*
 * The validation split, early stopping, and the best weights. The reported
 * validation scores must be those of mlp_evaluate for the same rows.
 */
#include "support/training.h"
#include "support/saved_net.h"

enum { ROWS = 60, HELD = 15 };

static mlp_train_options options_of(size_t epochs, double alpha, size_t batch)
{
    mlp_train_options options = tutorial_options();
    options.epochs = epochs;
    options.learning_rate = alpha;
    options.batch_size = batch;
    return options;
}

/* Returns rows order[0..n-1] of a matrix. */
static mlp_view rows_of(mlp_view from, const size_t *order, size_t n)
{
    mlp_view rows = new_matrix(from.dtype, n, from.cols, NULL);
    assert_int_equal(mlp_gather_rows(ro(from), order, NULL, rows), MLP_OK);
    return rows;
}

/* Returns random targets. Training on them only learns them by heart, so the
 * loss of other rows rises. */
static data noise(mlp_dtype p)
{
    return (data){random_matrix(p, ROWS, 5, -1, 1),
                  random_matrix(p, ROWS, 5, 0, 1)};
}

static double score(const mlp_net *net, data d)
{
    mlp_scores scores = {0, 0};
    assert_int_equal(mlp_evaluate(net, ro(d.X), ro(d.Y), &scores), MLP_OK);
    return scores.loss;
}

static size_t least(const double *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        best = x[i] < x[best] ? i : best;
    }
    return best;
}

/* ---------------------------------------------------------------------------
 * The split
 */

static void split_takes_the_first_of_a_permutation(void **state)
{
    (void)state;
    mlp_net *net = new_net(&square_model, MLP_F64, NULL);
    data d = noise(MLP_F64);
    mlp_train_options options = tutorial_options();
    options.validation_fraction = 0.25;
    options.seed = 5;
    size_t order[ROWS];
    size_t permutation[ROWS];
    size_t held = 0;
    assert_int_equal(mlp_validation_split(net, ro(d.Y), &options, order, &held),
                     MLP_OK);
    assert_int_equal(held, HELD);
    mlp_rng rng = mlp_rng_seeded(5);
    assert_int_equal(mlp_rng_permutation(&rng, ROWS, permutation), MLP_OK);
    bool out[ROWS] = {false};
    for (size_t i = 0; i < HELD; i++) {
        out[permutation[i]] = true;
    }
    size_t next[2] = {0, ROWS - HELD};
    for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(order[next[out[i]]++], i);
    }
    free_data(d);
    mlp_net_free(net);
}

/* Every 20th of 200 rows is of class 1. A tenth of each class is held out. */
static void split_is_stratified_by_class(void **state)
{
    (void)state;
    mlp_net *net = new_net(&xor_model, MLP_F64, NULL);
    double Y[200] = {0};
    for (size_t i = 7; i < 200; i += 20) {
        Y[i] = 1;
    }
    mlp_train_options options = tutorial_options();
    options.validation_fraction = 0.1;
    size_t order[200];
    size_t held = 0;
    for (uint32_t seed = 0; seed < 50; seed++) {
        options.seed = seed;
        assert_int_equal(mlp_validation_split(net, mlp_cview_f64(Y, 200, 1),
                                              &options, order, &held),
                         MLP_OK);
        assert_int_equal(held, 20);
        double ones = 0;
        for (size_t i = 180; i < 200; i++) {
            ones += Y[order[i]];
            assert_true(i == 180 || order[i] > order[i - 1]);
        }
        assert_true(ones == 1);
    }
    Y[7] = 0.5; /* 0.5 is no class, so the split is not stratified */
    size_t other = 0;
    for (uint32_t seed = 0; seed < 50; seed++) {
        options.seed = seed;
        assert_int_equal(mlp_validation_split(net, mlp_cview_f64(Y, 200, 1),
                                              &options, order, &held),
                         MLP_OK);
        double ones = 0;
        for (size_t i = 180; i < 200; i++) {
            ones += Y[order[i]];
        }
        other += ones != 1;
    }
    assert_true(other > 5);
    mlp_net_free(net);
}

/* 100 rows are of the classes 0, 1 and 2: 60, 33 and 7 of them. When 15 are
 * held out, these are 9, 5 and 1 by class, whether classes are int32 or one-hot
 * rows. */
static void split_is_stratified_by_many_classes(void **state)
{
    (void)state;
    static const size_t quota[3] = {9, 5, 1};
    static const model m = {
        2, 1, {{.width = 3, .activation = MLP_ACT_SOFTMAX}}, MLP_LOSS_CCE};
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    int32_t classes[100];
    mlp_view Y = new_matrix(MLP_F64, 100, 3, NULL);
    for (size_t i = 0; i < 100; i++) {
        size_t k = i * 37 % 100; /* a permutation of 0..99 */
        classes[k] = i < 60 ? 0 : i < 93 ? 1 : 2;
        put(Y, k, (size_t)classes[k], 1);
    }
    mlp_train_options options = tutorial_options();
    options.validation_fraction = 0.15;
    size_t order[2][100];
    size_t held = 0;
    size_t other = 0;
    for (options.seed = 0; options.seed < 50; options.seed++) {
        size_t seen[3] = {0};
        assert_int_equal(mlp_validation_split(net,
                                              mlp_cview_i32(classes, 100, 1),
                                              &options, order[0], &held),
                         MLP_OK);
        assert_int_equal(
            mlp_validation_split(net, ro(Y), &options, order[1], &held),
            MLP_OK);
        assert_memory_equal(order[0], order[1], sizeof order[0]);
        assert_int_equal(held, 15);
        for (size_t i = 85; i < 100; i++) {
            seen[classes[order[0][i]]]++;
        }
        assert_memory_equal(seen, quota, sizeof seen);
        put(Y, 0, 0, 0.5); /* the row is not one-hot */
        put(Y, 0, 1, 0.5);
        assert_int_equal(
            mlp_validation_split(net, ro(Y), &options, order[1], &held),
            MLP_OK);
        other += memcmp(order[0], order[1], sizeof order[0]) != 0;
        put(Y, 0, 0, classes[0] == 0);
        put(Y, 0, 1, classes[0] == 1);
    }
    assert_true(other > 5);
    /* Neither -1 nor INT32_MAX is a class of the network, so the split is not
     * stratified. */
    classes[50] = -1;
    assert_int_equal(mlp_validation_split(net, mlp_cview_i32(classes, 100, 1),
                                          &options, order[0], &held),
                     MLP_OK);
    classes[50] = INT32_MAX;
    assert_int_equal(mlp_validation_split(net, mlp_cview_i32(classes, 100, 1),
                                          &options, order[1], &held),
                     MLP_OK);
    assert_memory_equal(order[0], order[1], sizeof order[0]);
    mlp_split_options any = mlp_split_defaults();
    any.test_fraction = options.validation_fraction;
    any.seed = options.seed;
    any.stratify = false;
    assert_int_equal(mlp_train_test_split(mlp_cview_i32(classes, 100, 1), &any,
                                          order[1], &held),
                     MLP_OK);
    assert_memory_equal(order[0], order[1], sizeof order[0]);
    free(Y.data);
    mlp_net_free(net);
}

/* With mse a column of 0 and 1 holds numbers, which the split does not read. */
static void split_without_classes_is_not_stratified(void **state)
{
    (void)state;
    static const model numbers = {
        2, 1, {{.width = 1, .activation = MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    mlp_net *net = new_net(&numbers, MLP_F64, NULL);
    double Y[ROWS] = {0, 0, 1, 0, 1, 1};
    mlp_train_options options = mlp_train_defaults();
    options.validation_fraction = 0.25;
    size_t orders[2][ROWS];
    size_t held = 0;
    for (options.seed = 0; options.seed < 20; options.seed++) {
        for (size_t i = 0; i < 2; i++) {
            Y[ROWS - 1] = i == 0 ? 1 : 0.5;
            assert_int_equal(mlp_validation_split(net,
                                                  mlp_cview_f64(Y, ROWS, 1),
                                                  &options, orders[i], &held),
                             MLP_OK);
        }
        assert_memory_equal(orders[0], orders[1], sizeof orders[0]);
    }
    mlp_net_free(net);
}

/* One class, which a network from a file may have, divides the rows as no class
 * does, whatever the targets' form. */
static void split_of_a_single_class_is_that_without_classes(void **state)
{
    (void)state;
    enum { N = 41 };
    const model single = {1, 1, {{1, MLP_ACT_SOFTMAX}}, MLP_LOSS_CCE};
    const model line = {1, 1, {{1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    static const int32_t zeros[N];
    mlp_view ones = new_matrix(MLP_F64, N, 1, NULL);
    fill(ones, 1);
    mlp_train_options options = mlp_train_defaults();
    options.validation_fraction = 0.3;
    const mlp_cview forms[] = {ro(ones), ro(ones), mlp_cview_i32(zeros, N, 1)};
    size_t order[COUNT(forms)][N];
    for (size_t k = 0; k < COUNT(forms); k++) {
        size_t held = 0;
        mlp_net *net = k == 0 ? new_net(&line, MLP_F64, NULL)
                              : new_saved_net(&single, MLP_F64, NULL);
        assert_int_equal(
            mlp_validation_split(net, forms[k], &options, order[k], &held),
            MLP_OK);
        assert_int_equal(held, 12);
        assert_memory_equal(order[k], order[0], sizeof order[0]);
        mlp_net_free(net);
    }
    free(ones.data);
}

static void split_rounds_to_the_nearest_and_leaves_no_side_empty(void **state)
{
    (void)state;
    static const struct {
        double fraction;
        size_t rows, held;
        mlp_status status;
    } cases[] = {
        {0.5, 3, 2, MLP_OK},           {0.5, 2, 1, MLP_OK},
        {0.1, 14, 1, MLP_OK},          {0.1, 15, 2, MLP_OK},
        {0.0, 4, 0, MLP_OK},           {0.1, 4, 0, MLP_ERR_ARGUMENT},
        {0.9, 4, 0, MLP_ERR_ARGUMENT}, {0.5, 1, 0, MLP_ERR_ARGUMENT},
        {1.0, 9, 0, MLP_ERR_ARGUMENT}, {-0.1, 9, 0, MLP_ERR_ARGUMENT},
        {NAN, 9, 0, MLP_ERR_ARGUMENT}, {INFINITY, 9, 0, MLP_ERR_ARGUMENT},
        {0.5, 0, 0, MLP_ERR_ARGUMENT}, {0.0, 0, 0, MLP_OK},
    };
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    static const double Y[20] = {0, 1, 0, 1, 1, 1, 0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        mlp_train_options options = tutorial_options();
        options.validation_fraction = cases[i].fraction;
        size_t order[20];
        size_t held = 77;
        mlp_status status = mlp_validation_split(
            net, mlp_cview_f64(Y, cases[i].rows, 1), &options, order, &held);
        assert_int_equal(status, cases[i].status);
        assert_int_equal(held, status == MLP_OK ? cases[i].held : 77);
        assert_int_equal(record.live, 1);
    }
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Rows held out, or given by the caller: the same training, the same scores
 */

static void held_out_rows_are_a_set_of_their_own(void **state)
{
    (void)state;
    static const size_t batches[] = {0, 7, 45};
    FOR_EACH_PRECISION(p)
    {
        for (size_t b = 0; b < COUNT(batches); b++) {
            mlp_net *net = new_net(&square_model, p, NULL);
            mlp_net *expected = clone_of(net);
            data d = noise(p);
            mlp_train_options options = options_of(8, 0.5, batches[b]);
            options.shuffle = false;
            options.validation_fraction = 0.25;
            size_t order[ROWS];
            size_t held = 0;
            assert_int_equal(
                mlp_validation_split(net, ro(d.Y), &options, order, &held),
                MLP_OK);
            data train = {rows_of(d.X, order, ROWS - held),
                          rows_of(d.Y, order, ROWS - held)};
            data test = {rows_of(d.X, order + ROWS - held, held),
                         rows_of(d.Y, order + ROWS - held, held)};
            mlp_train_options own = options;
            own.validation_fraction = 0;
            own.X_validation = ro(test.X);
            own.Y_validation = ro(test.Y);
            mlp_history *h[2];
            assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, &h[0]),
                             MLP_OK);
            assert_int_equal(
                mlp_fit(expected, ro(train.X), ro(train.Y), &own, &h[1]),
                MLP_OK);
            assert_same_net(net, expected);
            assert_memory_equal(mlp_history_losses(h[0]),
                                mlp_history_losses(h[1]), 8 * sizeof(double));
            assert_memory_equal(mlp_history_validation_losses(h[0]),
                                mlp_history_validation_losses(h[1]),
                                8 * sizeof(double));
            mlp_history_free(h[0]);
            mlp_history_free(h[1]);
            free_data(test);
            free_data(train);
            free_data(d);
            mlp_net_free(expected);
            mlp_net_free(net);
        }
    }
}

/* The first permutation that the seed gives is the split's, and the next ones
 * shuffle. */
static void shuffling_goes_on_after_the_split(void **state)
{
    (void)state;
    mlp_net *net = new_net(&square_model, MLP_F64, NULL);
    mlp_net *expected = clone_of(net);
    data d = noise(MLP_F64);
    mlp_train_options options = options_of(3, 0.5, 10);
    options.validation_fraction = 0.25;
    options.restore_best = false;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    size_t split[ROWS];
    size_t order[ROWS];
    size_t held = 0;
    assert_int_equal(mlp_validation_split(net, ro(d.Y), &options, split, &held),
                     MLP_OK);
    mlp_rng rng = mlp_rng_seeded(options.seed);
    assert_int_equal(mlp_rng_permutation(&rng, ROWS, order), MLP_OK);
    mlp_train_options one = options_of(1, 0.5, 10);
    one.shuffle = false;
    for (size_t epoch = 0; epoch < 3; epoch++) {
        size_t m = ROWS - held;
        assert_int_equal(mlp_rng_permutation(&rng, m, order), MLP_OK);
        for (size_t i = 0; i < m; i++) {
            order[i] = split[order[i]];
        }
        data rows = {rows_of(d.X, order, m), rows_of(d.Y, order, m)};
        assert_int_equal(mlp_fit(expected, ro(rows.X), ro(rows.Y), &one, NULL),
                         MLP_OK);
        free_data(rows);
    }
    assert_same_net(net, expected);
    free_data(d);
    mlp_net_free(expected);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * The best weights
 */

/* Trains on noise, with other noise for validation, and frees the history. */
static void assert_best(const mlp_train_options *options, mlp_dtype p,
                        size_t most)
{
    mlp_net *net = new_net(&square_model, p, NULL);
    data d = noise(p);
    data train = d;
    data test = d;
    train.X.rows = train.Y.rows = 40;
    test.X = rows_of(d.X, (const size_t[]){40, 41, 42, 43, 44, 45, 46}, 7);
    test.Y = rows_of(d.Y, (const size_t[]){50, 51, 52, 53, 54, 55, 56}, 7);
    mlp_train_options own = *options;
    own.X_validation = ro(test.X);
    own.Y_validation = ro(test.Y);
    mlp_history *history = NULL;
    assert_int_equal(mlp_fit(net, ro(train.X), ro(train.Y), &own, &history),
                     MLP_OK);
    const double *losses = mlp_history_validation_losses(history);
    size_t epochs = mlp_history_epochs(history);
    size_t best = least(losses, epochs);
    assert_true(epochs <= most);
    assert_true(best > 0 && best + 1 < epochs); /* else this tests nothing */
    assert_int_equal(mlp_history_best_epoch(history), best);
    assert_true(score(net, test) ==
                losses[own.restore_best ? best : epochs - 1]);
    mlp_history_free(history);
    free_data(test);
    free_data(d);
    mlp_net_free(net);
}

static void best_weights_are_given_back(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_train_options options = options_of(600, 0.5, 8);
        assert_best(&options, p, 600);
        options.restore_best = false;
        assert_best(&options, p, 600);
        options.restore_best = true;
        options.patience = 10;
        assert_best(&options, p, 599);
        options.patience = 3;
        assert_best(&options, p, 599);
    }
}

/* ---------------------------------------------------------------------------
 * Patience
 */

/* Returns when early stopping must end a fit, from the losses of a fit without
 * it. */
static size_t expected_end(const double *losses, size_t epochs, size_t patience,
                           double min_delta)
{
    double mark = INFINITY;
    size_t bad_epochs = 0;
    for (size_t i = 0; i < epochs; i++) {
        if (losses[i] < mark - min_delta) {
            mark = losses[i];
            bad_epochs = 0;
        } else if (++bad_epochs == patience) {
            return i + 1;
        }
    }
    return epochs;
}

static void assert_patience(mlp_train_options options, const double *losses,
                            data d)
{
    size_t end = expected_end(losses, options.epochs, options.patience,
                              options.min_delta);
    mlp_net *net = new_net(&square_model, MLP_F64, NULL);
    mlp_history *history = NULL;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, &history),
                     MLP_OK);
    assert_int_equal(mlp_history_epochs(history), end);
    mlp_history_free(history);
    mlp_net_free(net);
}

static void patience_ends_the_training(void **state)
{
    (void)state;
    static const double changes[] = {0, 1e-6, 1e-4, 1e-2, 1};
    data d = noise(MLP_F64);
    for (size_t validates = 0; validates < 2; validates++) {
        mlp_train_options options = options_of(150, 0.9, 6);
        options.validation_fraction = validates ? 0.25 : 0;
        mlp_net *net = new_net(&square_model, MLP_F64, NULL);
        mlp_history *history = NULL;
        assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, &history),
                         MLP_OK);
        const double *losses = validates
                                   ? mlp_history_validation_losses(history)
                                   : mlp_history_losses(history);
        assert_int_equal(mlp_history_best_epoch(history), least(losses, 150));
        for (size_t patience = 1; patience < 6; patience++) {
            for (size_t c = 0; c < COUNT(changes); c++) {
                options.patience = patience;
                options.min_delta = changes[c];
                assert_patience(options, losses, d);
            }
        }
        mlp_history_free(history);
        mlp_net_free(net);
    }
    free_data(d);
}

/* ---------------------------------------------------------------------------
 * Bad arguments
 */

static void fit_refuses_validation_that_cannot_be(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&square_model, MLP_F64, &record);
    mlp_net *before = clone_of(net);
    data d = noise(MLP_F64);
    data test = noise(MLP_F64);
    mlp_train_options good = options_of(3, 0.1, 8);
    mlp_train_options o = good;
#define REFUSED(status, part)                                                  \
    assert_told(&record, mlp_fit(net, ro(d.X), ro(d.Y), &o, NULL), status,     \
                part);                                                         \
    o = good
    o.patience = 0;
    REFUSED(MLP_ERR_ARGUMENT, "patience");
    o.min_delta = -1e-9;
    REFUSED(MLP_ERR_ARGUMENT, "min_delta");
    o.min_delta = INFINITY;
    REFUSED(MLP_ERR_ARGUMENT, "min_delta");
    o.validation_fraction = 1;
    REFUSED(MLP_ERR_ARGUMENT, "validation_fraction");
    o.validation_fraction = 0.001;
    REFUSED(MLP_ERR_ARGUMENT, "leaves none to validate with");
    o.validation_fraction = 0.999;
    REFUSED(MLP_ERR_ARGUMENT, "leaves none to train");
    good.X_validation = ro(test.X);
    good.Y_validation = mlp_cview_rows(ro(test.Y), 0, 59);
    o = good;
    REFUSED(MLP_ERR_SHAPE, "rows");
    /* A single row on one side is a set, too. */
    o.X_validation.rows = 1;
    o.Y_validation.rows = 0;
    REFUSED(MLP_ERR_SHAPE, "rows");
    o.X_validation.rows = 0;
    o.Y_validation.rows = 1;
    REFUSED(MLP_ERR_SHAPE, "rows");
    good.Y_validation = ro(test.Y);
    o = good;
    o.validation_fraction = 0.5;
    REFUSED(MLP_ERR_ARGUMENT, "both");
    o.X_validation.cols = 4;
    REFUSED(MLP_ERR_SHAPE, "columns");
    o.Y_validation.dtype = MLP_F32;
    REFUSED(MLP_ERR_DTYPE, "float32");
    put(test.X, 17, 3, NAN);
    REFUSED(MLP_ERR_NOT_FINITE, "row 17, column 3");
    put(test.X, 17, 3, 0);
    put(test.Y, 59, 4, -INFINITY);
    REFUSED(MLP_ERR_NOT_FINITE, "row 59, column 4");
#undef REFUSED
    assert_same_net(net, before);
    free_data(test);
    free_data(d);
    mlp_net_free(before);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* The target of a validation row is so large that its squared error is
 * infinite; the rows to train on are harmless. */
static void infinite_validation_loss_is_divergence(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&square_model, MLP_F64, &record);
    mlp_net *before = clone_of(net);
    data d = noise(MLP_F64);
    mlp_view far = new_matrix(MLP_F64, ROWS, 5, NULL);
    fill(far, 1e200);
    mlp_train_options options = options_of(3, 0.1, 8);
    options.X_validation = ro(d.X);
    options.Y_validation = ro(far);
    assert_told(&record, mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                MLP_ERR_DIVERGED, "epoch 0: the validation loss is infinite");
    assert_same_net(net, before);
    free(far.data);
    free_data(d);
    mlp_net_free(before);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_takes_the_first_of_a_permutation),
        cmocka_unit_test(split_is_stratified_by_class),
        cmocka_unit_test(split_is_stratified_by_many_classes),
        cmocka_unit_test(split_without_classes_is_not_stratified),
        cmocka_unit_test(split_of_a_single_class_is_that_without_classes),
        cmocka_unit_test(split_rounds_to_the_nearest_and_leaves_no_side_empty),
        cmocka_unit_test(held_out_rows_are_a_set_of_their_own),
        cmocka_unit_test(shuffling_goes_on_after_the_split),
        cmocka_unit_test(best_weights_are_given_back),
        cmocka_unit_test(patience_ends_the_training),
        cmocka_unit_test(fit_refuses_validation_that_cannot_be),
        cmocka_unit_test(infinite_validation_loss_is_divergence),
    };
    return cmocka_run_group_tests_name("validation", tests, NULL, NULL);
}
