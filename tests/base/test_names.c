/* SPDX-License-Identifier: MIT */
/* Every public constant has its name or text, and the version is that of
 * mlp.h. */
#include "support/support.h"

/* Expands to a check of one entry of a list in mlp.h. */
#define CHECK_STATUS(constant, number, text)                                   \
    assert_int_equal(constant, number);                                        \
    assert_string_equal(mlp_status_text(constant), text);
#define CHECK_DTYPE(constant, number, text)                                    \
    assert_int_equal(constant, number);                                        \
    assert_string_equal(mlp_dtype_name(constant), text);
#define CHECK_ACTIVATION(constant, number, text)                               \
    assert_int_equal(constant, number);                                        \
    assert_string_equal(mlp_activation_name(constant), text);
#define CHECK_LOSS(constant, number, text)                                     \
    assert_int_equal(constant, number);                                        \
    assert_string_equal(mlp_loss_name(constant), text);
#define CHECK_INIT(constant, number, text)                                     \
    assert_int_equal(constant, number);                                        \
    assert_string_equal(mlp_weight_init_name(constant), text);
#define CHECK_RULE(constant, number, text)                                     \
    assert_int_equal(constant, number);                                        \
    assert_string_equal(mlp_optimizer_name(constant), text);
#define CHECK_SCHEDULE(constant, number, text)                                 \
    assert_int_equal(constant, number);                                        \
    assert_string_equal(mlp_schedule_name(constant), text);
#define CHECK_TENSOR(constant, number, text)                                   \
    assert_int_equal(constant, number);                                        \
    assert_string_equal(mlp_tensor_name(constant), text);

static void names_are_those_of_the_lists(void **state)
{
    (void)state;
    MLP_STATUS_LIST(CHECK_STATUS)
    MLP_DTYPE_LIST(CHECK_DTYPE)
    MLP_ACTIVATION_LIST(CHECK_ACTIVATION)
    MLP_LOSS_LIST(CHECK_LOSS)
    MLP_INIT_LIST(CHECK_INIT)
    MLP_OPTIMIZER_LIST(CHECK_RULE)
    MLP_SCHEDULE_LIST(CHECK_SCHEDULE)
    MLP_TENSOR_LIST(CHECK_TENSOR)
}

#define ONE_MORE(constant, number, text) +1
enum {
    STATUSES = 0 MLP_STATUS_LIST(ONE_MORE),
    DTYPES = 0 MLP_DTYPE_LIST(ONE_MORE),
    ACTIVATIONS = 0 MLP_ACTIVATION_LIST(ONE_MORE),
    LOSSES = 0 MLP_LOSS_LIST(ONE_MORE),
    INITS = 0 MLP_INIT_LIST(ONE_MORE),
    RULES = 0 MLP_OPTIMIZER_LIST(ONE_MORE),
    SCHEDULES = 0 MLP_SCHEDULE_LIST(ONE_MORE),
    TENSORS = 0 MLP_TENSOR_LIST(ONE_MORE)
};

/* Lists are numbered from 0 without gaps, so loops up to NULL see them all. */
static void names_end_with_null(void **state)
{
    (void)state;
    assert_null(mlp_dtype_name((mlp_dtype)DTYPES));
    assert_null(mlp_activation_name((mlp_activation)ACTIVATIONS));
    assert_null(mlp_loss_name((mlp_loss)LOSSES));
    assert_null(mlp_weight_init_name((mlp_weight_init)INITS));
    assert_null(mlp_optimizer_name((mlp_optimizer_kind)RULES));
    assert_null(mlp_schedule_name((mlp_schedule_kind)SCHEDULES));
    assert_null(mlp_tensor_name((mlp_tensor)TENSORS));
    static const int strange[] = {-1, 1000, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < COUNT(strange); i++) {
        assert_null(mlp_dtype_name((mlp_dtype)strange[i]));
        assert_null(mlp_activation_name((mlp_activation)strange[i]));
        assert_null(mlp_loss_name((mlp_loss)strange[i]));
        assert_null(mlp_weight_init_name((mlp_weight_init)strange[i]));
        assert_null(mlp_optimizer_name((mlp_optimizer_kind)strange[i]));
        assert_null(mlp_schedule_name((mlp_schedule_kind)strange[i]));
        assert_null(mlp_tensor_name((mlp_tensor)strange[i]));
    }
}

static void status_text_is_never_null(void **state)
{
    (void)state;
    static const int strange[] = {-1, STATUSES, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < COUNT(strange); i++) {
        assert_string_equal(mlp_status_text((mlp_status)strange[i]),
                            "unknown status");
    }
}

static void version_is_that_of_the_header(void **state)
{
    (void)state;
    char text[64];
    (void)snprintf(text, sizeof text, "%d.%d.%d", MLP_VERSION_MAJOR,
                   MLP_VERSION_MINOR, MLP_VERSION_PATCH);
    assert_string_equal(mlp_version(), text);
    assert_int_equal(mlp_numerics(), MLP_NUMERICS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_the_lists),
        cmocka_unit_test(names_end_with_null),
        cmocka_unit_test(status_text_is_never_null),
        cmocka_unit_test(version_is_that_of_the_header),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
