/* SPDX-License-Identifier: MIT */
/* Descriptions become layers and offsets, and wrong descriptions are
 * refused. */
#include "support/support.h"

#include "model/layout.h"

static const mlp_layer layers[] = {
    {16, MLP_ACT_RELU}, {8, MLP_ACT_TANH}, {1, MLP_ACT_SIGMOID}};

static mlp_config moons_config(hook_record *record)
{
    mlp_config config = tutorial_config();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = 3;
    config.hooks = recording_hooks(record);
    return config;
}

/* Makes a layout in memory of its own, which the caller must free. */
static void *make(mlpi_layout *layout, const mlp_config *config)
{
    mlpi_cursor measure = {0};
    mlpi_layout_make(layout, config, &measure);
    void *block = aligned_alloc(MLPI_ALIGNMENT, measure.used);
    assert_non_null(block);
    mlpi_cursor carve = {.base = block};
    mlpi_layout_make(layout, config, &carve);
    assert_true(carve.used == measure.used);
    return block;
}

static void layout_places_w_before_b(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_config config = moons_config(&record);
    assert_int_equal(mlpi_layout_check(&config), MLP_OK);
    mlpi_layout layout = {0};
    void *block = make(&layout, &config);
    static const mlpi_layer_layout expected[] = {
        {.width = 2,
         .activation = MLP_ACT_IDENTITY,
         .W_offset = 0,
         .b_offset = 0},
        {.width = 16,
         .activation = MLP_ACT_RELU,
         .W_offset = 0,
         .b_offset = 32},
        {.width = 8,
         .activation = MLP_ACT_TANH,
         .W_offset = 48,
         .b_offset = 176},
        {.width = 1,
         .activation = MLP_ACT_SIGMOID,
         .W_offset = 184,
         .b_offset = 192}};
    assert_int_equal(layout.L, 3);
    assert_int_equal(layout.parameters, 193); /* as the tutorial prints it */
    assert_int_equal(layout.widest, 16);
    for (size_t l = 0; l <= 3; l++) {
        assert_int_equal(layout.layer[l].width, expected[l].width);
        assert_int_equal(layout.layer[l].activation, expected[l].activation);
        assert_int_equal(layout.layer[l].W_offset, expected[l].W_offset);
        assert_int_equal(layout.layer[l].b_offset, expected[l].b_offset);
    }
    free(block);
}

static void layout_does_not_count_the_inputs_as_a_layer(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_config config = moons_config(&record);
    config.inputs = 100;
    mlpi_layout layout = {0};
    void *block = make(&layout, &config);
    assert_int_equal(layout.widest, 16);
    free(block);
}

static void copies_are_equal_and_others_are_not(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_config config = moons_config(&record);
    mlpi_layout layout = {0};
    mlpi_layout copy = {0};
    void *block = make(&layout, &config);
    mlpi_cursor measure = {0};
    mlpi_layout_copy(&copy, &layout, &measure);
    void *copy_block = aligned_alloc(MLPI_ALIGNMENT, measure.used);
    assert_non_null(copy_block);
    mlpi_cursor carve = {.base = copy_block};
    mlpi_layout_copy(&copy, &layout, &carve);
    assert_ptr_not_equal(copy.layer, layout.layer);
    assert_int_equal(copy.parameters, layout.parameters);
    assert_true(mlpi_layout_equal(&layout, &copy));
    copy.layer[2].activation = MLP_ACT_RELU;
    assert_false(mlpi_layout_equal(&layout, &copy));
    copy.layer[2] = layout.layer[2];
    copy.layer[3].activation = MLP_ACT_RELU;
    assert_false(mlpi_layout_equal(&layout, &copy));
    copy.layer[3] = layout.layer[3];
    copy.layer[0].width++;
    assert_false(mlpi_layout_equal(&layout, &copy));
    copy.layer[0].width--;
    copy.L--;
    assert_false(mlpi_layout_equal(&layout, &copy));
    free(copy_block);
    free(block);
}

static void check_refuses_sizes_out_of_range(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_config config = moons_config(&record);
    config.inputs = 0;
    assert_told(&record, mlpi_layout_check(&config), MLP_ERR_ARGUMENT,
                "inputs: expects 1 to 16777216, got 0");
    config.inputs = SIZE_MAX;
    assert_told(&record, mlpi_layout_check(&config), MLP_ERR_LIMIT,
                "inputs: expects 1 to 16777216, got");
    config = moons_config(&record);
    config.n_layers = 0;
    assert_told(&record, mlpi_layout_check(&config), MLP_ERR_ARGUMENT,
                "expects 1 to 256 layers, got 0");
    config.n_layers = 257;
    assert_told(&record, mlpi_layout_check(&config), MLP_ERR_LIMIT,
                "expects 1 to 256 layers, got 257");
    config.n_layers = SIZE_MAX;
    assert_told(&record, mlpi_layout_check(&config), MLP_ERR_LIMIT,
                "expects 1 to 256 layers");
    config = moons_config(&record);
    config.layers = NULL;
    assert_told(&record, mlpi_layout_check(&config), MLP_ERR_NULL,
                "layers is NULL");
}

static void check_refuses_strange_layers(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_config config = moons_config(&record);
    mlp_layer strange[2] = {{4, MLP_ACT_RELU}, {4, MLP_ACT_RELU}};
    config.layers = strange;
    config.n_layers = 2;
    strange[1].width = 0;
    assert_told(&record, mlpi_layout_check(&config), MLP_ERR_ARGUMENT,
                "layer 2: expects 1 to 16777216 neurons, got 0");
    strange[1].width = MLP_MAX_WIDTH + 1;
    assert_told(&record, mlpi_layout_check(&config), MLP_ERR_LIMIT, "layer 2:");
    strange[1].width = 4;
    strange[0].activation = (mlp_activation)77;
    assert_told(&record, mlpi_layout_check(&config), MLP_ERR_ARGUMENT,
                "layer 1: expects an activation of auto identity sigmoid tanh"
                " relu");
    strange[0].activation = (mlp_activation)-1;
    assert_told(&record, mlpi_layout_check(&config), MLP_ERR_ARGUMENT,
                "got number -1");
}

static void check_refuses_strange_dropout(void **state)
{
    (void)state;
    static const double strange[] = {-0.1, 1.0, 1.5, NAN, INFINITY, -INFINITY};
    hook_record record = {0};
    mlp_config config = moons_config(&record);
    mlp_layer dropping[2] = {{.width = 4}, {.width = 4}};
    config.layers = dropping;
    config.n_layers = 2;
    for (size_t i = 0; i < COUNT(strange); i++) {
        dropping[0].dropout = strange[i];
        assert_told(&record, mlpi_layout_check(&config), MLP_ERR_ARGUMENT,
                    "layer 1: expects dropout from 0 to below 1, got ");
    }
    dropping[0].dropout = 1 - 0x1p-53;
    assert_int_equal(mlpi_layout_check(&config), MLP_OK);
    dropping[1].dropout = 0.5;
    assert_told(&record, mlpi_layout_check(&config), MLP_ERR_ARGUMENT,
                "layer 2: expects no dropout in the last layer, got 0.5");
}

static void check_counts_parameters_without_overflow(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_config config = moons_config(&record);
    mlp_layer wide[MLP_MAX_LAYERS];
    for (size_t i = 0; i < MLP_MAX_LAYERS; i++) {
        wide[i] = (mlp_layer){MLP_MAX_WIDTH, MLP_ACT_RELU};
    }
    config.inputs = MLP_MAX_WIDTH;
    config.layers = wide;
    config.n_layers = MLP_MAX_LAYERS;
    assert_told(&record, mlpi_layout_check(&config), MLP_ERR_LIMIT,
                "expects at most 2147483647 parameters, got 72057598");
    config.n_layers = 1;
    wide[0].width = 127;
    assert_int_equal(mlpi_layout_check(&config), MLP_OK);
    wide[0].width = 128;
    assert_told(&record, mlpi_layout_check(&config), MLP_ERR_LIMIT,
                "got 2147483776");
    /* Each layer has few enough parameters; both together have too many. */
    config.inputs = 1;
    config.n_layers = 2;
    wide[0].width = wide[1].width = 65536;
    assert_told(&record, mlpi_layout_check(&config), MLP_ERR_LIMIT,
                "got 4295163904");
}

static void check_accepts_the_limits_themselves(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_config config = moons_config(&record);
    /* There are 4634 * 46340 + 46341 * 41707 = 2^31 - 1 parameters. */
    const mlp_layer most[] = {{46340, MLP_ACT_RELU}, {41707, MLP_ACT_RELU}};
    config.inputs = 4633;
    config.layers = most;
    config.n_layers = 2;
    assert_int_equal(mlpi_layout_check(&config), MLP_OK);
    mlp_layer deep[MLP_MAX_LAYERS];
    for (size_t i = 0; i < MLP_MAX_LAYERS; i++) {
        deep[i] = (mlp_layer){1, MLP_ACT_TANH};
    }
    deep[MLP_MAX_LAYERS - 1].width = MLP_MAX_WIDTH;
    config.layers = deep;
    config.n_layers = MLP_MAX_LAYERS;
    config.inputs = MLP_MAX_WIDTH;
    assert_int_equal(mlpi_layout_check(&config), MLP_OK);
    assert_int_equal(record.messages, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_places_w_before_b),
        cmocka_unit_test(layout_does_not_count_the_inputs_as_a_layer),
        cmocka_unit_test(copies_are_equal_and_others_are_not),
        cmocka_unit_test(check_refuses_sizes_out_of_range),
        cmocka_unit_test(check_refuses_strange_layers),
        cmocka_unit_test(check_refuses_strange_dropout),
        cmocka_unit_test(check_counts_parameters_without_overflow),
        cmocka_unit_test(check_accepts_the_limits_themselves),
    };
    return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
