/* SPDX-License-Identifier: MIT */
/* Failures reach the log hook as a message, and TRY forwards their status. */
#include "support/support.h"

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
        cmocka_unit_test(try_forwards_failures_alone),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
