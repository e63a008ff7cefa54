/* SPDX-License-Identifier: MIT */
/*
 * The tables of mlp_show.h against the expected text. The scores of classes are
 * those that scikit-learn's classification_report prints for the same counts.
 */
#include "support/support.h"

#include <locale.h>

#include "mlp_show.h"

static bool malloc_fails;

/* The build puts __wrap_malloc in the place of malloc. */
/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming) */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return malloc_fails ? NULL : __real_malloc(size);
}
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

static FILE *opened(void)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    return file;
}

/* Returns what was written, in a text that lives until the next call. */
static const char *written(FILE *file)
{
    static char text[8192];
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

static mlp_net *made_net(size_t inputs, const mlp_layer *layers, size_t n,
                         mlp_loss loss, mlp_dtype precision,
                         hook_record *record)
{
    mlp_config config = mlp_config_defaults();
    mlp_net *net = NULL;
    config.inputs = inputs, config.layers = layers, config.n_layers = n;
    config.loss = loss, config.precision = precision;
    config.hooks = recording_hooks(record);
    assert_int_equal(mlp_net_create(&config, &net), MLP_OK);
    return net;
}

/* ---------------------------------------------------------------------------
 * The summary
 */

static void summary_lists_layers(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_layer layers[] = {
        {.width = 128, .dropout = 0.25, .batch_norm = true},
        {.width = 64, .activation = MLP_ACT_LEAKY_RELU},
        {.width = 10},
    };
    mlp_net *net = made_net(784, layers, 3, MLP_LOSS_CCE, MLP_F32, &record);
    /* This is 128 * 786 + 64 * 129 + 10 * 65. */
    assert_int_equal(mlp_net_parameter_count(net), 109514);
    FILE *file = opened();
    assert_int_equal(mlp_show_summary(net, file), MLP_OK);
    assert_string_equal(
        written(file),
        "layer  weights              activation    parameters\n"
        "input  784\n"
        "1      128 x 784            relu             100,608"
        "  dropout 0.25, batch norm\n"
        "2      64 x 128             leaky_relu         8,256  slope 0.01\n"
        "3      10 x 64              softmax              650\n"
        "109,514 parameters of float32, 438,056 bytes; loss cce; inputs are "
        "not "
        "scaled\n");
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

static void summary_tells_of_scaling_and_few_parameters(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_layer layers[] = {{.width = 1}};
    mlp_net *net = made_net(1, layers, 1, MLP_LOSS_MSE, MLP_F64, &record);
    const double mean[] = {0};
    const double std[] = {2};
    assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
    FILE *file = opened();
    assert_int_equal(mlp_show_summary(net, file), MLP_OK);
    assert_string_equal(written(file),
                        "layer  weights              activation    parameters\n"
                        "input  1\n"
                        "1      1 x 1                identity               2\n"
                        "2 parameters of float64, 16 bytes; loss mse; inputs "
                        "are scaled\n");
    mlp_net_free(net);
}

static void summary_fails_without_memory(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_layer layers[] = {{.width = 1}};
    mlp_net *net = made_net(3, layers, 1, MLP_LOSS_MSE, MLP_F64, &record);
    FILE *file = opened();
    record.fail_at = record.allocations + 1;
    assert_told(&record, mlp_show_summary(net, file), MLP_ERR_MEMORY,
                "no memory for 48 bytes");
    assert_string_equal(written(file), "");
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* ---------------------------------------------------------------------------
 * Classes
 */

static const int32_t four[] = {40, 2, 0,  1, 3, 45, 1, 0,
                               0,  0, 50, 2, 7, 1,  1, 30};

static const char *confusion(const int32_t *counts, size_t k,
                             const char *const *names)
{
    FILE *file = opened();
    assert_int_equal(
        mlp_show_confusion(mlp_cview_i32(counts, k, k), names, file), MLP_OK);
    return written(file);
}

static void confusion_has_names_of_every_width(void **state)
{
    (void)state;
    /* The second name has 2 characters in 4 columns, the third 4 characters
     * and a combining accent, the fourth a control character. */
    const char *names[] = {"dog", "\u6f22\u5b57", "cafe\u0301", "a\033b\xff"};
    assert_string_equal(
        confusion(four, 4, names),
        "true \\ predicted   dog  \u6f22\u5b57  cafe\u0301  a?b?\n"
        "dog                 40     2     .     1\n"
        "\u6f22\u5b57                 3    45     1     .\n"
        "cafe\u0301                 .     .    50     2\n"
        "a?b?                 7     1     1    30\n");
}

static void confusion_of_one_or_two_classes(void **state)
{
    (void)state;
    const int32_t one[] = {0};
    const int32_t two[] = {5, 0, 123, 7};
    assert_string_equal(confusion(one, 1, NULL), "true \\ predicted  0\n"
                                                 "0                 .\n");
    assert_string_equal(confusion(two, 2, NULL),
                        "true \\ predicted    0    1\n"
                        "0                   5    .\n"
                        "1                 123    7\n");
}

static void long_names_are_numbered(void **state)
{
    (void)state;
    const char *names[] = {"a class with a name of 36 characters", "b", "c",
                           "another rather long name"};
    assert_string_equal(
        confusion(four, 4, names),
        "true \\ predicted                          0   1   2   3\n"
        "0  a class with a name of 36 characters  40   2   .   1\n"
        "1  b                                      3  45   1   .\n"
        "2  c                                      .   .  50   2\n"
        "3  another rather long name               7   1   1  30\n");
}

/* A name wider than the table makes no list of one class. */
static void one_class_has_its_name(void **state)
{
    (void)state;
    static const int32_t one[] = {7};
    static const char *const names[] = {
        "a class with a name that has so many words that its 80 columns are "
        "not enough for it"};
    char expected[512];
    (void)snprintf(expected, sizeof expected, "%-*s  %s\n%s  %*d\n",
                   (int)strlen(names[0]), "true \\ predicted", names[0],
                   names[0], (int)strlen(names[0]), 7);
    assert_string_equal(confusion(one, 1, names), expected);
}

static void many_classes_become_a_list(void **state)
{
    (void)state;
    int32_t counts[900] = {0};
    for (int i = 0; i < 30; i++) {
        counts[31 * i] = 100 + i;
    }
    counts[7 * 30 + 12] = 4;
    counts[7 * 30 + 3] = 3;
    const char *text = confusion(counts, 30, NULL);
    assert_non_null(
        strstr(text, "class  predicted right, and most often mistaken for\n"
                     "0      100 of 100\n"));
    assert_non_null(strstr(text, "\n7      107 of 114; 4 for 12\n"));
    assert_non_null(strstr(text, "\n29     129 of 129\n"));
}

static void class_scores_are_those_of_scikit_learn(void **state)
{
    (void)state;
    const char *names[] = {"north", "east", "south", "west"};
    FILE *file = opened();
    assert_int_equal(
        mlp_show_class_scores(mlp_cview_i32(four, 4, 4), names, file), MLP_OK);
    assert_string_equal(written(file),
                        "class          precision  recall     f1       rows\n"
                        "north              0.800   0.930  0.860         43\n"
                        "east               0.938   0.918  0.928         49\n"
                        "south              0.962   0.962  0.962         52\n"
                        "west               0.909   0.769  0.833         39\n"
                        "mean               0.902   0.895  0.896        183\n"
                        "weighted mean      0.906   0.902  0.901        183\n"
                        "accuracy 0.902\n");
}

static void class_tables_refuse_what_is_no_matrix(void **state)
{
    (void)state;
    FILE *file = opened();
    const double real[] = {1, 0, 0, 1};
    const int32_t negative[] = {1, -1, 0, 1};
    const int32_t none[4] = {0};
    const char *missing[] = {"a", NULL};
    mlp_cview good = mlp_cview_i32(four, 2, 2);
    mlp_status (*const tables[])(mlp_cview, const char *const *, FILE *) = {
        mlp_show_confusion, mlp_show_class_scores};
    for (size_t i = 0; i < COUNT(tables); i++) {
        assert_int_equal(tables[i](mlp_cview_f64(real, 2, 2), NULL, file),
                         MLP_ERR_DTYPE);
        assert_int_equal(tables[i](mlp_cview_i32(four, 2, 3), NULL, file),
                         MLP_ERR_SHAPE);
        assert_int_equal(tables[i](mlp_cview_i32(four, 0, 0), NULL, file),
                         MLP_ERR_SHAPE);
        assert_int_equal(tables[i](mlp_cview_i32(NULL, 2, 2), NULL, file),
                         MLP_ERR_NULL);
        assert_int_equal(tables[i](mlp_cview_i32(negative, 2, 2), NULL, file),
                         MLP_ERR_ARGUMENT);
        assert_int_equal(tables[i](good, missing, file), MLP_ERR_NULL);
        assert_int_equal(tables[i](good, NULL, NULL), MLP_ERR_NULL);
    }
    assert_int_equal(
        mlp_show_class_scores(mlp_cview_i32(none, 2, 2), NULL, file),
        MLP_ERR_ARGUMENT);
    malloc_fails = true;
    mlp_status status = mlp_show_class_scores(good, NULL, file);
    malloc_fails = false;
    assert_int_equal(status, MLP_ERR_MEMORY);
    assert_int_equal(mlp_show_summary(NULL, file), MLP_ERR_NULL);
    assert_int_equal(mlp_show_history(NULL, file), MLP_ERR_NULL);
    assert_string_equal(written(file), "");
}

/* ---------------------------------------------------------------------------
 * The history
 */

/* The history is freed by the hooks of its network, so their record lives as
 * long as the program. */
static mlp_history *made_history(bool has_validation)
{
    static hook_record record;
    mlp_layer layers[] = {{.width = 3}, {.width = 1}};
    mlp_net *net = made_net(2, layers, 2, MLP_LOSS_BCE, MLP_F64, &record);
    double X[20];
    double Y[10];
    for (int i = 0; i < 20; i++) {
        X[i] = sin(i);
        Y[i / 2] = i / 2 % 2;
    }
    mlp_train_options options = mlp_train_defaults();
    mlp_history *history = NULL;
    options.epochs = 4;
    options.validation_fraction = has_validation ? 0.2 : 0;
    assert_int_equal(mlp_fit(net, mlp_cview_f64(X, 10, 2),
                             mlp_cview_f64(Y, 10, 1), &options, &history),
                     MLP_OK);
    mlp_net_free(net);
    return history;
}

/* Reads a cell, which is NaN if it is empty, and moves past it. */
static double next_cell(char **at)
{
    char *end = *at;
    double x = **at == ',' || **at == '\n' ? NAN : strtod(*at, &end);
    assert_true(*end == ',' || *end == '\n');
    *at = end + 1;
    return x;
}

static void check_history(bool has_validation, bool comma)
{
    mlp_history *history = made_history(has_validation);
    FILE *file = opened();
    if (comma) {
        assert_non_null(setlocale(LC_ALL, "de_DE.UTF-8"));
    }
    mlp_status status = mlp_show_history(history, file);
    (void)setlocale(LC_ALL, "C");
    assert_int_equal(status, MLP_OK);
    static const char head[] =
        "epoch,loss,validation_loss,validation_accuracy,rate,seconds\n";
    char text[8192];
    (void)snprintf(text, sizeof text, "%s", written(file));
    assert_memory_equal(text, head, sizeof head - 1);
    char *at = text + sizeof head - 1;
    for (size_t i = 0; i < 4; i++) {
        assert_true(next_cell(&at) == (double)i);
        assert_true(next_cell(&at) == mlp_history_losses(history)[i]);
        double loss = next_cell(&at);
        double accuracy = next_cell(&at);
        if (has_validation) {
            assert_true(loss == mlp_history_validation_losses(history)[i]);
            assert_true(accuracy ==
                        mlp_history_validation_accuracies(history)[i]);
        } else {
            assert_true(isnan(loss) && isnan(accuracy));
        }
        assert_true(next_cell(&at) == mlp_history_rates(history)[i]);
        assert_true(next_cell(&at) == mlp_history_seconds(history)[i]);
    }
    assert_int_equal(*at, '\0');
    mlp_history_free(history);
}

static void history_reads_back(void **state)
{
    (void)state;
    check_history(true, false);
    check_history(false, false);
}

/* The locale de_DE has a decimal comma. It is made here if it can be. */
static void numbers_have_a_point_in_every_locale(void **state)
{
    (void)state;
    char folder[] = "/tmp/mlp_show_XXXXXX";
    char command[256];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(command, sizeof command,
                   "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >%s/log 2>&1",
                   folder, folder);
    bool is_made = system(command) == 0;
    assert_int_equal(setenv("LOCPATH", folder, 1), 0);
    if (is_made && setlocale(LC_ALL, "de_DE.UTF-8")) {
        char number[16];
        (void)snprintf(number, sizeof number, "%.1f", 0.5);
        (void)setlocale(LC_ALL, "C");
        assert_string_equal(number, "0,5");
        check_history(true, true);
    } else {
        is_made = false;
    }
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    if (!is_made) {
        print_message("there is no locale with a decimal comma\n");
        skip();
    }
}

static void full_disks_are_seen(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full) {
        skip();
    }
    hook_record record = {0};
    mlp_layer layers[] = {{.width = 1}};
    mlp_net *net = made_net(1, layers, 1, MLP_LOSS_MSE, MLP_F64, &record);
    mlp_history *history = made_history(true);
    mlp_cview counts = mlp_cview_i32(four, 4, 4);
    assert_told(&record, mlp_show_summary(net, full), MLP_ERR_IO,
                "cannot write to the stream");
    assert_int_equal(mlp_show_confusion(counts, NULL, full), MLP_ERR_IO);
    assert_int_equal(mlp_show_class_scores(counts, NULL, full), MLP_ERR_IO);
    assert_int_equal(mlp_show_history(history, full), MLP_ERR_IO);
    (void)fclose(full);
    mlp_history_free(history);
    mlp_net_free(net);
}

/* What cannot be written at all, here because the stream only reads, is seen
 * even where nothing is left to be flushed. */
static void streams_that_failed_are_seen(void **state)
{
    (void)state;
    FILE *reader = fopen("/dev/null", "r");
    assert_non_null(reader);
    mlp_cview counts = mlp_cview_i32(four, 4, 4);
    assert_int_equal(mlp_show_confusion(counts, NULL, reader), MLP_ERR_IO);
    assert_int_equal(mlp_show_class_scores(counts, NULL, reader), MLP_ERR_IO);
    (void)fclose(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(summary_lists_layers),
        cmocka_unit_test(summary_tells_of_scaling_and_few_parameters),
        cmocka_unit_test(summary_fails_without_memory),
        cmocka_unit_test(confusion_has_names_of_every_width),
        cmocka_unit_test(confusion_of_one_or_two_classes),
        cmocka_unit_test(long_names_are_numbered),
        cmocka_unit_test(one_class_has_its_name),
        cmocka_unit_test(many_classes_become_a_list),
        cmocka_unit_test(class_scores_are_those_of_scikit_learn),
        cmocka_unit_test(class_tables_refuse_what_is_no_matrix),
        cmocka_unit_test(history_reads_back),
        cmocka_unit_test(numbers_have_a_point_in_every_locale),
        cmocka_unit_test(full_disks_are_seen),
        cmocka_unit_test(streams_that_failed_are_seen),
    };
    return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
