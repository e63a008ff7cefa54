/* SPDX-License-Identifier: MIT */
/* Failures reach the log hook as a message, and TRY forwards their status. */
#include "support/support.h"

#include <errno.h>

#include "base/error.h"

static void report_hands_status_and_message_to_the_hook(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    assert_told(
        &record,
        mlpi_error(&hooks, MLP_ERR_SHAPE, "expects %d, got %s", 4, "three"),
        MLP_ERR_SHAPE, "expects 4, got three");
    assert_string_equal(record.message, "expects 4, got three");
}

static void report_is_one_line(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    (void)mlpi_error(&hooks, MLP_ERR_UNSUPPORTED, "no \"%s\"", "a\nb\t");
    assert_string_equal(record.message, "no \"a?b?\"");
}

static void report_needs_no_hook(void **state)
{
    (void)state;
    mlp_hooks hooks = {NULL, NULL, NULL, NULL};
    assert_int_equal(mlpi_error(&hooks, MLP_ERR_LIMIT, "%d", 1), MLP_ERR_LIMIT);
}

static void measure_message(mlp_status status, const char *message, void *user)
{
    assert_int_equal(status, MLP_ERR_NULL);
    *(size_t *)user = strlen(message);
}

static void report_cuts_a_long_message(void **state)
{
    (void)state;
    size_t length = 0;
    const mlp_hooks hooks = {.log = measure_message, .user = &length};
    static const size_t lengths[][2] = {
        {1, 1}, {255, 255}, {256, 255}, {1000, 255}};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        assert_int_equal(
            mlpi_error(&hooks, MLP_ERR_NULL, "%0*d", (int)lengths[i][0], 7),
            MLP_ERR_NULL);
        assert_int_equal(length, lengths[i][1]);
    }
}

/* Reads back what was printed to `file`, at most n - 1 characters. */
static void read_back(FILE *file, char *text, size_t n)
{
    rewind(file);
    text[fread(text, 1, n - 1, file)] = '\0';
}

/* Standard error goes to a file while the hook is called. */
static void stderr_hook_prints_one_line(void **state)
{
    (void)state;
    mlp_hooks hooks = mlp_hooks_stderr();
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    assert_true(file && saved >= 0);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    errno = 77;
    (void)mlpi_error(&hooks, MLP_ERR_SHAPE, "X: expects %d columns", 3);
    (void)mlpi_error(&hooks, MLP_OK, "hint: 100 %% of it");
    int error = errno;
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    char text[200];
    read_back(file, text, sizeof text);
    (void)fclose(file);
    assert_string_equal(text, "mlp: X: expects 3 columns\n"
                              "mlp: hint: 100 % of it\n");
    assert_int_equal(error, 77);
    assert_true(!hooks.allocate && !hooks.release && !hooks.user);
}

static void plural_of_one_has_no_s(void **state)
{
    (void)state;
    assert_string_equal(mlpi_plural(0), "s");
    assert_string_equal(mlpi_plural(1), "");
    assert_string_equal(mlpi_plural(2), "s");
}

static mlp_status tried(mlp_status inner, int *reached)
{
    TRY(inner);
    *reached = 1;
    return MLP_OK;
}

static void try_forwards_failures_alone(void **state)
{
    (void)state;
    int reached = 0;
    assert_int_equal(tried(MLP_ERR_MEMORY, &reached), MLP_ERR_MEMORY);
    assert_int_equal(reached, 0);
    assert_int_equal(tried(MLP_OK, &reached), MLP_OK);
    assert_int_equal(reached, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(report_hands_status_and_message_to_the_hook),
        cmocka_unit_test(report_is_one_line),
        cmocka_unit_test(report_needs_no_hook),
        cmocka_unit_test(report_cuts_a_long_message),
        cmocka_unit_test(stderr_hook_prints_one_line),
        cmocka_unit_test(plural_of_one_has_no_s),
        cmocka_unit_test(try_forwards_failures_alone),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
