/* SPDX-License-Identifier: MIT */
/*
 * What beginners do by mistake, and what the library answers. Each test is one
 * mistake; its message must say what was expected, what came, and where to
 * look.
 */
#include "support/training.h"

enum { ROWS = 6, CLASSES = 3 };

static const model classifier = {
    2, 2, {{4, MLP_ACT_TANH}, {CLASSES, MLP_ACT_SOFTMAX}}, MLP_LOSS_CCE};
static const model line = {2, 1, {{2, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};

static const double inputs[ROWS * 2] = {0, 1, 1, 0, 1, 1, 0, 0, 2, 1, 1, 2};
static const double numbers[ROWS] = {0, 1, 2, 0, 1, 2};

static mlp_cview rows_of_inputs(void)
{
    return mlp_cview_f64(inputs, ROWS, 2);
}

/* ---------------------------------------------------------------------------
 * Targets
 */

/* scikit-learn takes class numbers as doubles. */
static void class_numbers_as_doubles(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&classifier, MLP_F64, &record);
    mlp_cview Y = mlp_cview_f64(numbers, ROWS, 1);
    mlp_scores scores;
    assert_told(&record, mlp_fit(net, rows_of_inputs(), Y, NULL, NULL),
                MLP_ERR_SHAPE,
                "Y: expects 3 columns of float64 (one-hot rows) or 1 column of "
                "class numbers of type MLP_I32, got 1 column of float64");
    assert_told(&record, mlp_evaluate(net, rows_of_inputs(), Y, &scores),
                MLP_ERR_SHAPE, "got 1 column of float64");
    float singles[ROWS] = {0};
    Y = mlp_cview_f32(singles, ROWS, 1);
    assert_told(&record, mlp_fit(net, rows_of_inputs(), Y, NULL, NULL),
                MLP_ERR_DTYPE, "MLP_I32, got 1 column of float32");
    mlp_net_free(net);
}

/* One-hot rows of integers are no class numbers. */
static void one_hot_rows_of_integers(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&classifier, MLP_F64, &record);
    int32_t one_hot[ROWS * CLASSES] = {1, 0, 0};
    assert_told(&record,
                mlp_fit(net, rows_of_inputs(),
                        mlp_cview_i32(one_hot, ROWS, CLASSES), NULL, NULL),
                MLP_ERR_SHAPE,
                "Y: expects 3 columns of float64 (one-hot rows) or 1 column of "
                "class numbers of type MLP_I32, got 3 columns of int32");
    mlp_net_free(net);
}

/* Classes that count from 1. */
static void classes_from_one(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&classifier, MLP_F64, &record);
    static const int32_t classes[ROWS] = {1, 2, 1, 3, 2, 1};
    assert_told(&record,
                mlp_fit(net, rows_of_inputs(), mlp_cview_i32(classes, ROWS, 1),
                        NULL, NULL),
                MLP_ERR_ARGUMENT,
                "Y: expects class numbers from 0 to 2, got 3 in row 3 (the "
                "first class is 0)");
    mlp_net_free(net);
}

/* An invalid class made the loss NaN, and an update made all weights NaN. */
static void invalid_class_in_an_own_loop(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        hook_record record = {0};
        mlp_net *net = new_net(&classifier, p, &record);
        mlp_trainer *trainer = NULL;
        mlp_view rows = new_matrix(p, ROWS, 2, inputs);
        int32_t classes[2 * ROWS] = {0};
        /* The classes stand in every second element. */
        mlp_cview Y = {MLP_I32, ROWS, 1, 2, 1, classes};
        double loss = 7;
        assert_int_equal(mlp_trainer_create(net, ROWS, &trainer), MLP_OK);
        assert_int_equal(mlp_trainer_forward(trainer, ro(rows)), MLP_OK);
        for (size_t i = 0; i < 2; i++) {
            classes[1] = INT32_MAX; /* in no row */
            classes[8] = i == 0 ? -1 : CLASSES;
            const char *got = i == 0 ? "got -1 in row 4" : "got 3 in row 4";
            assert_told(&record, mlp_trainer_loss(trainer, Y, &loss),
                        MLP_ERR_ARGUMENT, got);
            assert_told(&record, mlp_trainer_backward(trainer, Y),
                        MLP_ERR_ARGUMENT, got);
            assert_told(&record, mlp_trainer_update(trainer, 0.1),
                        MLP_ERR_ORDER, "mlp_trainer_backward");
        }
        assert_true(loss == 7);
        classes[8] = 2;
        assert_int_equal(mlp_trainer_loss(trainer, Y, &loss), MLP_OK);
        assert_true(isfinite(loss));
        assert_int_equal(mlp_trainer_backward(trainer, Y), MLP_OK);
        assert_int_equal(mlp_trainer_update(trainer, 0.1), MLP_OK);
        free(rows.data);
        mlp_trainer_free(trainer);
        mlp_net_free(net);
    }
}

/* ---------------------------------------------------------------------------
 * Options of a fit
 */

static void half_of_a_validation_set(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&line, MLP_F64, &record);
    mlp_train_options options = mlp_train_defaults();
    options.X_validation = rows_of_inputs();
    assert_told(
        &record,
        mlp_fit(net, rows_of_inputs(), rows_of_inputs(), &options, NULL),
        MLP_ERR_SHAPE, "got no rows in one: set Y_validation, too");
    options.X_validation.rows = 0;
    options.Y_validation = rows_of_inputs();
    assert_told(
        &record,
        mlp_fit(net, rows_of_inputs(), rows_of_inputs(), &options, NULL),
        MLP_ERR_SHAPE, "got no rows in one: set X_validation, too");
    options.X_validation = rows_of_inputs();
    options.validation_fraction = 0.5;
    assert_told(
        &record,
        mlp_fit(net, rows_of_inputs(), rows_of_inputs(), &options, NULL),
        MLP_ERR_ARGUMENT,
        "validation: expects validation_fraction or X_validation with "
        "Y_validation, got both");
    mlp_net_free(net);
}

/* Sets to 0 each number that cannot be 0. */
static void zeros(mlp_train_options *options, size_t i)
{
    switch (i) {
    case 0:
        options->learning_rate = 0;
        break;
    case 1:
        options->patience = 0;
        break;
    case 2:
        options->optimizer.epsilon = 0;
        break;
    case 3:
        options->optimizer.clip_norm = 0;
        break;
    case 4:
        options->optimizer.clip_value = 0;
        break;
    case 5:
        options->optimizer.rprop_grow = 0;
        break;
    case 6:
        options->optimizer.rprop_shrink = 0;
        break;
    case 7:
        options->optimizer.rprop_min = 0;
        break;
    case 8:
        options->optimizer.lbfgs_history = 0;
        break;
    case 9:
        options->schedule = (mlp_schedule){MLP_SCHEDULE_STEP};
        break;
    default:
        options->schedule = (mlp_schedule){MLP_SCHEDULE_PLATEAU};
    }
}

/* Each message names the function with which the struct begins. */
static void options_without_the_defaults(void **state)
{
    (void)state;
    static const char *const from[] = {
        "learning_rate: expects a finite float64 above 0, got 0 (start from "
        "mlp_train_defaults())",
        "patience: expects 1 or more, got 0 (start from mlp_train_defaults())",
        "epsilon: expects a float64 that is finite and above 0, got 0 (start "
        "from mlp_optimizer_defaults())",
        "clip_norm: expects a float64 above 0, got 0 (start from "
        "mlp_optimizer_defaults())",
        "clip_value: expects a float64 above 0, got 0 (start from",
        "rprop_grow: expects a float64 that is finite and not below 1, got 0 "
        "(start from mlp_optimizer_defaults())",
        "rprop_shrink: expects a float64 above 0 and at most 1, got 0 (start",
        "rprop_min: expects a float64 that is finite and above 0, got 0 (start",
        "lbfgs_history: expects 1 to 1000, got 0 (start from "
        "mlp_optimizer_defaults())",
        "factor: expects a number above 0, at most 1, got 0 (start from "
        "mlp_schedule_defaults())",
        "factor: expects a number above 0, at most 1, got 0 (start from"};
    hook_record record = {0};
    mlp_net *net = new_net(&line, MLP_F64, &record);
    mlp_train_options options = {.epochs = 3};
    assert_told(
        &record,
        mlp_fit(net, rows_of_inputs(), rows_of_inputs(), &options, NULL),
        MLP_ERR_ARGUMENT, from[0]);
    for (size_t i = 0; i < COUNT(from); i++) {
        options = mlp_train_defaults();
        zeros(&options, i);
        assert_told(
            &record,
            mlp_fit(net, rows_of_inputs(), rows_of_inputs(), &options, NULL),
            MLP_ERR_ARGUMENT, from[i]);
    }
    /* Another wrong number does not come from a missing start. */
    options = mlp_train_defaults();
    options.learning_rate = -2;
    assert_told(
        &record,
        mlp_fit(net, rows_of_inputs(), rows_of_inputs(), &options, NULL),
        MLP_ERR_ARGUMENT, "got -2");
    assert_null(strstr(record.message, "defaults"));
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Files
 */

/* Writes n bytes to `path`. */
static void write_file(const char *path, const char *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* Files that are no .mlp file, and how the message ends. */
static const struct {
    const char *bytes;
    size_t n;
    const char *told;
} foreign[] = {
    {"sepal_length,sepal_width\n5.1,3.5\n", 34, "it begins with \"sepal_le\""},
    {"a,b\n1,2\n3,4\n", 12, "it begins with \"a,b?1,2?\""},
    {"PK\3\4\24\0\0\0archive/data.pkl", 24,
     "it is a zip archive, such as PyTorch's .pt"},
    {"\x80\2}q\0(X\6\0\0\0weight", 17, "it is a Python pickle"},
    {"\x93NUMPY\1\0v\0{'descr'", 18, "it is an array of NumPy (.npy)"},
    {"\x89HDF\r\n\x1a\n\0\0\0\0", 12, "it is an HDF5 file"},
    {"FANN_FLO_2.1\nnum_layers=3\n", 26,
     "it is a FANN file (load it by mlp_fann_load)"},
    {"\x08\x07\x12\x07pytorch:", 12,
     "it is an ONNX file (load it by mlp_onnx_load)"},
    {"\xff\xd8\xff\xe0JFIF\0\0", 10, "it begins with the bytes ff d8 ff e0"},
    {"\x10\x27\0\0\0\0\0\0{\"a\":1}", 15,
     "it is cut off in its header of 10000 bytes"},
    {"seven..", 7, "expects 8 to "},
};

static void another_file_as_a_network(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *net = new_net(&line, MLP_F64, &record);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, 1, &trainer), MLP_OK);
    char path[] = "/tmp/mlp-misuse-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    size_t live = record.live;
    for (size_t i = 0; i < COUNT(foreign); i++) {
        char told[200];
        mlp_net *loaded = NULL;
        write_file(path, foreign[i].bytes, foreign[i].n);
        (void)snprintf(told, sizeof told, "%s: not a .mlp file: %s", path,
                       foreign[i].told);
        assert_told(&record, mlp_net_load(path, &hooks, &loaded),
                    MLP_ERR_FORMAT, told);
        (void)snprintf(told, sizeof told, "%s: not a safetensors file: %s",
                       path, foreign[i].told);
        assert_told(&record, mlp_net_import(net, path), MLP_ERR_FORMAT, told);
        (void)snprintf(told, sizeof told, "%s: not a checkpoint: %s", path,
                       foreign[i].told);
        assert_told(&record, mlp_trainer_load(trainer, path), MLP_ERR_FORMAT,
                    told);
        if (foreign[i].n >= 8) {
            (void)snprintf(told, sizeof told,
                           "the file in memory: not a .mlp file: %s",
                           foreign[i].told);
            assert_told(&record,
                        mlp_net_load_memory(foreign[i].bytes, foreign[i].n,
                                            &hooks, &loaded),
                        MLP_ERR_FORMAT, told);
        }
        assert_null(loaded);
        assert_int_equal(record.live, live);
    }
    (void)remove(path);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Metrics
 */

/* Metrics had no log hook, so a wrong label said only that an argument was
 * outside its range. */
static void wrong_labels_of_metrics(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    static const double labels[ROWS] = {0, 1, 3, 0, 1, 2};
    static const double zero_labels[ROWS];
    mlp_cview good = mlp_cview_f64(numbers, ROWS, 1);
    mlp_cview bad = mlp_cview_f64(labels, ROWS, 1);
    int32_t counts[CLASSES * CLASSES] = {0};
    mlp_view matrix = mlp_view_i32(counts, CLASSES, CLASSES);
    double number = 7;
    assert_told(&record, mlp_confusion(bad, good, &hooks, matrix),
                MLP_ERR_ARGUMENT,
                "labels: expects class numbers from 0 to 2, got 3 in row 2");
    assert_told(&record, mlp_confusion(good, bad, &hooks, matrix),
                MLP_ERR_ARGUMENT, "predicted: expects class numbers");
    assert_told(&record, mlp_roc_auc(good, bad, &hooks, &number),
                MLP_ERR_ARGUMENT,
                "labels: expects class numbers from 0 to 1, got 3 in row 2");
    assert_told(
        &record,
        mlp_roc_auc(good, mlp_cview_f64(zero_labels, ROWS, 1), &hooks, &number),
        MLP_ERR_ARGUMENT,
        "labels: expects rows of both classes, got only class 0");
    assert_told(&record, mlp_log_loss(good, bad, &hooks, &number),
                MLP_ERR_ARGUMENT, "labels: ");
    assert_told(&record,
                mlp_log_loss(good, mlp_cview_f64(zero_labels, ROWS, 1), &hooks,
                             &number),
                MLP_ERR_ARGUMENT,
                "probabilities: expects numbers from 0 to 1, got 2 in row 2, "
                "column 0");
    assert_told(
        &record,
        mlp_score_classes(mlp_view_const(matrix), &hooks, NULL, NULL, &number),
        MLP_ERR_ARGUMENT, "counts: expects a count above 0");
    counts[5] = -4;
    assert_told(
        &record,
        mlp_score_classes(mlp_view_const(matrix), &hooks, NULL, NULL, &number),
        MLP_ERR_ARGUMENT,
        "counts: expects 0 or more, got -4 in row 1, column 2");
    assert_true(number == 7 && record.allocations == 1 && record.live == 0);
}

static void wrong_shapes_of_metrics(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_cview good = mlp_cview_f64(numbers, ROWS, 1);
    mlp_cview less = mlp_cview_f64(numbers, 1, 1);
    mlp_cview wide = mlp_cview_f64(numbers, 2, 3);
    int32_t counts[6] = {0};
    mlp_view matrix = mlp_view_i32(counts, 2, 2);
    double number = 7;
    mlp_regression_scores all;
    assert_told(&record, mlp_confusion(less, good, &hooks, matrix),
                MLP_ERR_SHAPE, "predicted: expects 1 row, got 6");
    assert_told(&record, mlp_confusion(wide, wide, &hooks, matrix),
                MLP_ERR_SHAPE,
                "labels: expects 1 column of class numbers, got 3 columns");
    assert_told(&record,
                mlp_confusion(good, good, &hooks, mlp_view_i32(counts, 1, 3)),
                MLP_ERR_SHAPE,
                "counts: expects a row and a column for each class, got 1 row "
                "and 3 columns");
    assert_told(&record,
                mlp_confusion(good, good, &hooks, mlp_view_f64(&number, 1, 1)),
                MLP_ERR_DTYPE, "counts: expects int32, got float64");
    assert_told(&record, mlp_roc_auc(wide, good, &hooks, &number),
                MLP_ERR_SHAPE, "scores: expects 1 column, got 3");
    assert_told(
        &record,
        mlp_roc_auc(mlp_cview_i32(counts, ROWS, 1), good, &hooks, &number),
        MLP_ERR_DTYPE, "scores: expects float32 or float64, got int32");
    assert_told(&record, mlp_roc_auc(good, good, &hooks, NULL), MLP_ERR_NULL,
                "the place for the area is NULL");
    assert_told(&record, mlp_log_loss(good, less, &hooks, &number),
                MLP_ERR_SHAPE, "labels: expects 6 rows, got 1");
    assert_told(&record, mlp_score_regression(wide, good, &hooks, NULL, &all),
                MLP_ERR_SHAPE, "predicted: expects 3 columns, got 1");
    double infinite[2] = {1, INFINITY};
    assert_told(&record,
                mlp_score_regression(mlp_cview_f64(numbers, 1, 2),
                                     mlp_cview_f64(infinite, 1, 2), &hooks,
                                     NULL, &all),
                MLP_ERR_NOT_FINITE,
                "predicted: expects finite numbers, got an infinity in row 0, "
                "column 1");
    hooks.release = NULL;
    assert_told(&record, mlp_roc_auc(good, good, &hooks, &number),
                MLP_ERR_ARGUMENT, "hooks: expects allocate and release");
}

/* The number of rows is checked before any row is read, which would take
 * minutes. Each row of the view is the same element, which is no label: so a
 * function that reads first returns another status. */
static void too_many_rows_for_metrics(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    static const float nine[1] = {9};
    mlp_cview many = {MLP_F32, (size_t)INT32_MAX + 1, 1, 0, 1, nine};
    int32_t count = 7;
    assert_told(&record,
                mlp_confusion(many, many, &hooks, mlp_view_i32(&count, 1, 1)),
                MLP_ERR_LIMIT, "labels: expects at most 2147483647 rows, got ");
    assert_int_equal(count, 7);
#if SIZE_MAX > UINT32_MAX
    double auc = 7;
    many.rows = (size_t)UINT32_MAX + 1;
    assert_told(&record, mlp_roc_auc(many, many, &hooks, &auc), MLP_ERR_LIMIT,
                "labels: expects at most 4294967295 rows, got 4294967296");
    assert_true(auc == 7);
#endif
}

/* ---------------------------------------------------------------------------
 * Pointers and losses
 */

static void network_that_was_never_made(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&line, MLP_F64, &record);
    mlp_workspace *workspace = NULL;
    double a[2];
    mlp_cview row = mlp_cview_f64(inputs, 1, 2);
    mlp_view A = mlp_view_f64(a, 1, 2);
    assert_string_equal(mlp_status_text(mlp_predict(NULL, row, A)),
                        "a required pointer is NULL (was the network made?)");
    assert_int_equal(mlp_workspace_create(net, &workspace), MLP_OK);
    assert_told(&record, mlp_predict_with(NULL, workspace, row, A),
                MLP_ERR_NULL, "the network is NULL (was it made?)");
    assert_told(&record, mlp_predict_with(net, NULL, row, A), MLP_ERR_NULL,
                "the workspace is NULL");
    assert_told(&record,
                mlp_evaluate(net, rows_of_inputs(), rows_of_inputs(), NULL),
                MLP_ERR_NULL, "the place for the scores is NULL");
    assert_told(&record, mlp_predict(net, mlp_cview_f64(NULL, 1, 2), A),
                MLP_ERR_NULL, "X: expects data, got NULL");
    mlp_workspace_free(workspace);
    mlp_net_free(net);
}

/* Accuracy and classes are for bce and cce. */
static void classes_of_a_regression(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&line, MLP_F64, &record);
    mlp_scores scores = {7, 7};
    int32_t labels[ROWS * 2];
    assert_int_equal(
        mlp_evaluate(net, rows_of_inputs(), rows_of_inputs(), &scores), MLP_OK);
    assert_true(isfinite(scores.loss) && isnan(scores.accuracy));
    assert_told(
        &record,
        mlp_classify(net, rows_of_inputs(), 0.5, mlp_view_i32(labels, ROWS, 2)),
        MLP_ERR_ARGUMENT,
        "mlp_classify: expects a network with the loss bce or cce, got mse "
        "(mlp_predict gives its outputs)");
    mlp_net_free(net);
}

/* A network of doubles that gets floats. */
static void floats_for_doubles(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&line, MLP_F64, &record);
    float x[2] = {1, 2};
    double a[2];
    assert_told(&record,
                mlp_predict(net, mlp_cview_f32(x, 1, 2), mlp_view_f64(a, 1, 2)),
                MLP_ERR_DTYPE,
                "X: expects float64 (config.precision of the network), got "
                "float32");
    mlp_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_numbers_as_doubles),
        cmocka_unit_test(one_hot_rows_of_integers),
        cmocka_unit_test(classes_from_one),
        cmocka_unit_test(invalid_class_in_an_own_loop),
        cmocka_unit_test(half_of_a_validation_set),
        cmocka_unit_test(options_without_the_defaults),
        cmocka_unit_test(another_file_as_a_network),
        cmocka_unit_test(wrong_labels_of_metrics),
        cmocka_unit_test(wrong_shapes_of_metrics),
        cmocka_unit_test(too_many_rows_for_metrics),
        cmocka_unit_test(network_that_was_never_made),
        cmocka_unit_test(classes_of_a_regression),
        cmocka_unit_test(floats_for_doubles),
    };
    return cmocka_run_group_tests_name("misuse", tests, NULL, NULL);
}
