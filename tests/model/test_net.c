/* SPDX-License-Identifier: MIT */
/*
 * Networks have the right initial weights, describe themselves, can be copied,
 * and are refused if their description is wrong.
 */
#include "support/training.h"

/* ---------------------------------------------------------------------------
 * First weights
 */

static void assert_within_ulps(mlp_cview W, const char *name, uint64_t most)
{
    vector v = read_vector(name);
    assert_int_equal(W.rows, v.rows);
    assert_int_equal(W.cols, v.cols);
    for (size_t i = 0; i < v.rows * v.cols; i++) {
        assert_ulps(mlp_cview_at(W, i / v.cols, i % v.cols), v.data[i], most);
    }
    free(v.data);
}

static void create_draws_the_tutorials_weights(void **state)
{
    (void)state;
    mlp_net *net = new_net(&xor_model, MLP_F64, NULL);
    assert_within_ulps(ctensor(net, MLP_W, 1), "xor_W1_initial", 2);
    assert_within_ulps(ctensor(net, MLP_W, 2), "xor_W2_initial", 2);
    mlp_net_free(net);
    net = new_net(&moons_model, MLP_F64, NULL);
    assert_within_ulps(ctensor(net, MLP_W, 1), "moons_W1_initial", 2);
    assert_within_ulps(ctensor(net, MLP_W, 2), "moons_W2_initial", 2);
    assert_within_ulps(ctensor(net, MLP_W, 3), "moons_W3_initial", 2);
    mlp_net_free(net);
}

static void create_draws_numpys_glorot_weights(void **state)
{
    (void)state;
    static const model m = {
        3,
        3,
        {{5, MLP_ACT_TANH}, {4, MLP_ACT_RELU}, {2, MLP_ACT_SIGMOID}},
        MLP_LOSS_BCE};
    mlp_config config = config_of(&m, MLP_F64, NULL);
    config.init = MLP_INIT_GLOROT;
    config.seed = 7;
    mlp_net *net = net_of(&config);
    assert_within_ulps(ctensor(net, MLP_W, 1), "glorot_W1", 2);
    assert_within_ulps(ctensor(net, MLP_W, 2), "glorot_W2", 2);
    assert_within_ulps(ctensor(net, MLP_W, 3), "glorot_W3", 2);
    mlp_net_free(net);
}

/* Returns the standard deviation of the formula. */
static double deviation(mlp_weight_init init, mlp_cview W)
{
    double n_in = (double)W.cols;
    double n_out = (double)W.rows;
    switch (init) {
    case MLP_INIT_HE:
    case MLP_INIT_HE_UNIFORM:
        return sqrt(2.0 / n_in);
    case MLP_INIT_GLOROT:
    case MLP_INIT_GLOROT_UNIFORM:
        return sqrt(2.0 / (n_in + n_out));
    case MLP_INIT_LECUN:
    case MLP_INIT_LECUN_UNIFORM:
        return sqrt(1.0 / n_in);
    case MLP_INIT_TORCH:
        return sqrt(1.0 / n_in / 3.0);
    case MLP_INIT_ZEROS:
    case MLP_INIT_AUTO:
        break;
    }
    return 0;
}

static bool is_uniform(mlp_weight_init init)
{
    return init == MLP_INIT_HE_UNIFORM || init == MLP_INIT_GLOROT_UNIFORM ||
           init == MLP_INIT_LECUN_UNIFORM || init == MLP_INIT_TORCH;
}

/* The weights are the draws of the generator in NumPy's order, times the factor
 * of the formula. */
static void assert_draws(mlp_weight_init init, uint32_t seed)
{
    mlp_config config = config_of(&square_model, MLP_F64, NULL);
    config.init = init;
    config.seed = seed;
    mlp_net *net = net_of(&config);
    mlp_rng rng = mlp_rng_seeded(seed);
    for (size_t l = 1; l <= 3; l++) {
        mlp_cview W = ctensor(net, MLP_W, l);
        double std = deviation(init, W);
        double limit = sqrt(3.0) * std;
        for (size_t i = 0; i < W.rows * W.cols; i++) {
            double expected = is_uniform(init)
                                  ? mlp_rng_uniform(&rng, -limit, limit)
                                  : mlp_rng_randn(&rng) * std;
            double got = mlp_cview_at(W, i / W.cols, i % W.cols);
            check_near(got, expected, 1e-15, 4e-16 * limit, __FILE__, __LINE__);
        }
        for (size_t j = 0; j < W.rows && init == MLP_INIT_TORCH; j++) {
            double expected = mlp_rng_uniform(&rng, -limit, limit);
            double got = mlp_cview_at(ctensor(net, MLP_B, l), 0, j);
            check_near(got, expected, 1e-15, 4e-16 * limit, __FILE__, __LINE__);
        }
    }
    mlp_net_free(net);
}

static void create_draws_by_the_formulas(void **state)
{
    (void)state;
    for (int init = 0; mlp_weight_init_name((mlp_weight_init)init); init++) {
        if (init != MLP_INIT_AUTO) {
            assert_draws((mlp_weight_init)init, 42);
            assert_draws((mlp_weight_init)init, 0);
            assert_draws((mlp_weight_init)init, UINT32_MAX);
        }
    }
}

/* Checks a tensor against numbers of NumPy, and returns what follows them. */
static const double *assert_drawn(mlp_cview got, const double *expected)
{
    for (size_t i = 0; i < got.rows * got.cols; i++) {
        assert_ulps(mlp_cview_at(got, i / got.cols, i % got.cols), expected[i],
                    2);
    }
    return expected + got.rows * got.cols;
}

/* A row of inits.txt holds the init, then W[1] (4, 3), b[1], W[2] (2, 4) and
 * b[2]. */
static void initial_parameters_are_numpys(void **state)
{
    (void)state;
    static const model m = {
        3, 2, {{4, MLP_ACT_TANH}, {2, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    vector rows = read_vector("inits");
    assert_int_equal(rows.rows, 9);
    assert_int_equal(rows.cols, 27);
    for (size_t i = 0; i < rows.rows; i++) {
        const double *next = rows.data + i * rows.cols;
        mlp_config config = config_of(&m, MLP_F64, NULL);
        config.init = (mlp_weight_init)*next++;
        config.seed = 7;
        mlp_net *net = net_of(&config);
        for (size_t l = 1; l <= 2; l++) {
            next = assert_drawn(ctensor(net, MLP_W, l), next);
            next = assert_drawn(ctensor(net, MLP_B, l), next);
        }
        mlp_net_free(net);
    }
    free(rows.data);
}

/* The numbers of auto are those of inits.txt; a hidden sigmoid layer has
 * weights from [-4 r, 4 r) instead of [-1.25 r, 1.25 r). In a layer of odd
 * width the last neuron has no partner. */
static void auto_suits_sigmoid_and_odd_widths(void **state)
{
    (void)state;
    model m = {5, 2, {{7, MLP_ACT_RELU}, {1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};
    mlp_config config = config_of(&m, MLP_F64, NULL);
    config.init = MLP_INIT_AUTO;
    mlp_net *relu = net_of(&config);
    m.layers[0].activation = MLP_ACT_SIGMOID;
    mlp_net *sigmoid = net_of(&config);
    mlp_cview W = ctensor(relu, MLP_W, 1);
    for (size_t i = 0; i < 7; i++) {
        for (size_t j = 0; j < 5; j++) {
            double w = mlp_cview_at(W, i, j);
            assert_true(w != 0.0 && fabs(w) <= 1.25 * sqrt(1.0 / 5.0));
            check_near(mlp_cview_at(ctensor(sigmoid, MLP_W, 1), i, j),
                       4.0 / 1.25 * w, 1e-15, 1e-15, __FILE__, __LINE__);
            assert_true(i % 2 == 0 || w == -mlp_cview_at(W, i - 1, j));
        }
    }
    assert_same(ctensor(sigmoid, MLP_B, 1), ctensor(relu, MLP_B, 1));
    assert_same(ctensor(sigmoid, MLP_W, 2), ctensor(relu, MLP_W, 2));
    assert_same(ctensor(sigmoid, MLP_B, 2), ctensor(relu, MLP_B, 2));
    mlp_net_free(sigmoid);
    mlp_net_free(relu);
}

/* A third of the biases on [-r/2, r) is negative: 1000 of 3000, within five
 * standard deviations. */
static void auto_draws_few_negative_biases(void **state)
{
    (void)state;
    const model m = {
        4, 2, {{3000, MLP_ACT_RELU}, {1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};
    mlp_config config = config_of(&m, MLP_F64, NULL);
    config.init = MLP_INIT_AUTO;
    mlp_net *net = net_of(&config);
    size_t negative = 0;
    for (size_t j = 0; j < 3000; j++) {
        double b = mlp_cview_at(ctensor(net, MLP_B, 1), 0, j);
        assert_true(b >= -0.25 && b < 0.5);
        negative += b < 0.0;
    }
    assert_in_range(negative, 1000 - 130, 1000 + 130);
    mlp_net_free(net);
}

static void f32_weights_are_the_rounded_draws(void **state)
{
    (void)state;
    mlp_net *wide = new_net(&moons_model, MLP_F64, NULL);
    mlp_net *narrow = new_net(&moons_model, MLP_F32, NULL);
    for (size_t l = 1; l <= 3; l++) {
        mlp_cview W = ctensor(wide, MLP_W, l);
        mlp_cview w = ctensor(narrow, MLP_W, l);
        assert_int_equal(w.dtype, MLP_F32);
        for (size_t i = 0; i < W.rows * W.cols; i++) {
            float rounded = (float)mlp_cview_at(W, i / W.cols, i % W.cols);
            assert_true(mlp_cview_at(w, i / W.cols, i % W.cols) ==
                        (double)rounded);
        }
    }
    mlp_net_free(narrow);
    mlp_net_free(wide);
}

static void assert_all(mlp_cview view, double x)
{
    for (size_t i = 0; i < view.rows * view.cols; i++) {
        assert_true(
            same_number(mlp_cview_at(view, i / view.cols, i % view.cols), x));
    }
}

static void only_torch_and_auto_draw_biases(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (int init = 0; mlp_weight_init_name((mlp_weight_init)init);
             init++) {
            mlp_config config = config_of(&square_model, p, NULL);
            config.init = (mlp_weight_init)init;
            mlp_net *net = net_of(&config);
            for (size_t l = 1; l <= 3; l++) {
                if (init != MLP_INIT_TORCH && init != MLP_INIT_AUTO) {
                    assert_all(ctensor(net, MLP_B, l), 0.0);
                }
                if (init == MLP_INIT_ZEROS) {
                    assert_all(ctensor(net, MLP_W, l), 0.0);
                }
            }
            mlp_net_free(net);
        }
    }
}

static void initialise_repeats_what_create_did(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_config config = config_of(&square_model, p, NULL);
        config.init = MLP_INIT_GLOROT;
        config.seed = 9;
        mlp_net *expected = net_of(&config);
        mlp_net *net = new_net(&square_model, p, NULL);
        for (size_t l = 1; l <= 3; l++) {
            fill(tensor(net, MLP_B, l), 1.5);
        }
        assert_int_equal(mlp_net_initialise(net, MLP_INIT_GLOROT, 9), MLP_OK);
        assert_same_net(net, expected);
        assert_int_equal(mlp_net_initialise(net, MLP_INIT_GLOROT, 8), MLP_OK);
        assert_true(mlp_cview_at(ctensor(net, MLP_W, 1), 0, 0) !=
                    mlp_cview_at(ctensor(expected, MLP_W, 1), 0, 0));
        mlp_net_free(net);
        mlp_net_free(expected);
    }
}

static void initialise_refuses_an_unknown_init(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_net *before = clone_of(net);
    assert_told(&record, mlp_net_initialise(net, (mlp_weight_init)99, 42),
                MLP_ERR_ARGUMENT, "99");
    assert_told(&record, mlp_net_initialise(net, (mlp_weight_init)-1, 42),
                MLP_ERR_ARGUMENT, "-1");
    assert_int_equal(mlp_net_initialise(NULL, MLP_INIT_HE, 42), MLP_ERR_NULL);
    assert_same_net(net, before);
    mlp_net_free(before);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* ---------------------------------------------------------------------------
 * What a network tells
 */

static void defaults_are_those_of_the_contract(void **state)
{
    (void)state;
    mlp_config config = mlp_config_defaults();
    assert_int_equal(config.inputs, 0);
    assert_null(config.layers);
    assert_int_equal(config.n_layers, 0);
    assert_int_equal(config.loss, MLP_LOSS_BCE);
    assert_int_equal(config.precision, MLP_F64);
    assert_int_equal(config.init, MLP_INIT_AUTO);
    assert_int_equal(config.seed, 42);
    assert_null(config.kernels);
    assert_true(!config.hooks.allocate && !config.hooks.release);
    assert_true(!config.hooks.log && !config.hooks.user);
}

static void getters_tell_the_description(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&square_model, p, NULL);
        assert_int_equal(mlp_net_inputs(net), 5);
        assert_int_equal(mlp_net_outputs(net), 5);
        assert_int_equal(mlp_net_layer_count(net), 3);
        assert_int_equal(mlp_net_parameter_count(net),
                         5 * 11 + 11 + 11 * 6 + 6 + 6 * 5 + 5);
        assert_int_equal(mlp_net_precision(net), p);
        assert_int_equal(mlp_net_loss(net), MLP_LOSS_MSE);
        for (size_t l = 1; l <= 3; l++) {
            mlp_layer layer = {0, MLP_ACT_IDENTITY};
            assert_int_equal(mlp_net_layer(net, l, &layer), MLP_OK);
            assert_int_equal(layer.width, square_model.layers[l - 1].width);
            assert_int_equal(layer.activation,
                             square_model.layers[l - 1].activation);
        }
        mlp_net_free(net);
    }
    mlp_net *net = new_net(&moons_model, MLP_F64, NULL);
    assert_int_equal(mlp_net_parameter_count(net), 193); /* chapter 6.1 */
    assert_int_equal(mlp_net_loss(net), MLP_LOSS_BCE);
    mlp_net_free(net);
}

static void getters_answer_for_null(void **state)
{
    (void)state;
    assert_int_equal(mlp_net_inputs(NULL), 0);
    assert_int_equal(mlp_net_outputs(NULL), 0);
    assert_int_equal(mlp_net_layer_count(NULL), 0);
    assert_int_equal(mlp_net_parameter_count(NULL), 0);
    assert_int_equal(mlp_net_precision(NULL), MLP_F32);
    assert_int_equal(mlp_net_loss(NULL), MLP_LOSS_BCE);
    assert_string_equal(mlp_net_kernels(NULL), "");
    mlp_hooks none = mlp_net_hooks(NULL);
    assert_null(none.allocate);
    assert_null(none.release);
    assert_null(none.log);
    assert_null(none.user);
    mlp_net_free(NULL);
}

static void hooks_are_those_of_the_configuration(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_config config = config_of(&xor_model, MLP_F32, &record);
    mlp_net *net = net_of(&config);
    mlp_hooks hooks = mlp_net_hooks(net);
    assert_true(hooks.allocate == record_allocate);
    assert_true(hooks.release == record_release);
    assert_true(hooks.log == record_log);
    assert_true(hooks.user == &record);
    mlp_net_free(net);
}

static void kernels_are_the_asked_for_or_the_fastest(void **state)
{
    (void)state;
    assert_string_equal(mlp_kernels(0), "portable");
    const char *fastest = NULL;
    FOR_EACH_PRECISION(p)
    {
        for (size_t k = 0; mlp_kernels(k); k++) {
            fastest = mlp_kernels(k);
            mlp_config config = config_of(&xor_model, p, NULL);
            config.kernels = fastest;
            mlp_net *net = net_of(&config);
            assert_string_equal(mlp_net_kernels(net), fastest);
            mlp_net_free(net);
        }
        mlp_net *net = new_net(&xor_model, p, NULL);
        assert_string_equal(mlp_net_kernels(net), fastest);
        mlp_net_free(net);
    }
}

static void layer_refuses_what_is_not_there(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_layer layer = {77, MLP_ACT_RELU};
    assert_told(&record, mlp_net_layer(net, 0, &layer), MLP_ERR_ARGUMENT, "0");
    assert_told(&record, mlp_net_layer(net, 3, &layer), MLP_ERR_ARGUMENT, "3");
    assert_said(&record, "2");
    assert_told(&record, mlp_net_layer(net, SIZE_MAX, &layer), MLP_ERR_ARGUMENT,
                "2");
    assert_told(&record, mlp_net_layer(net, 1, NULL), MLP_ERR_NULL, "");
    assert_int_equal(mlp_net_layer(NULL, 1, &layer), MLP_ERR_NULL);
    assert_int_equal(layer.width, 77);
    assert_int_equal(layer.activation, MLP_ACT_RELU);
    mlp_net_free(net);
}

/* The slope of an activation that uses none is ignored and stored as 0. A slope
 * of 0, of either sign, is the usual one. */
static void slopes_are_of_those_that_have_one(void **state)
{
    (void)state;
    const model m = {2,
                     3,
                     {{.width = 3, .activation = MLP_ACT_RELU, .slope = NAN},
                      {.width = 3,
                       .activation = MLP_ACT_LEAKY_RELU,
                       .slope = -0.0,
                       .dropout = -0.0},
                      {.width = 1, .activation = MLP_ACT_ELU, .slope = 0.5}},
                     MLP_LOSS_MSE};
    static const double slopes[] = {0.0, 0.01, 0.5};
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    for (size_t l = 1; l <= 3; l++) {
        mlp_layer layer;
        assert_int_equal(mlp_net_layer(net, l, &layer), MLP_OK);
        assert_true(layer.slope == slopes[l - 1]);
        assert_false(signbit(layer.slope) || signbit(layer.dropout));
    }
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Tensors
 */

static void tensor_shows_the_parameters_themselves(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&square_model, p, NULL);
        for (size_t l = 1; l <= 3; l++) {
            size_t width = square_model.layers[l - 1].width;
            size_t before = l > 1 ? square_model.layers[l - 2].width : 5;
            mlp_view W = tensor(net, MLP_W, l);
            assert_int_equal(W.dtype, p);
            assert_int_equal(W.rows, width);
            assert_int_equal(W.cols, before);
            assert_int_equal(W.row_stride, 1);
            mlp_view b = tensor(net, MLP_B, l);
            assert_int_equal(b.dtype, p);
            assert_int_equal(b.rows, 1);
            assert_int_equal(b.cols, width);
            put(W, width - 1, before - 1, 0.75);
            put(b, 0, width - 1, -0.5);
            assert_true(at(tensor(net, MLP_W, l), width - 1, before - 1) ==
                        0.75);
            assert_true(at(tensor(net, MLP_B, l), 0, width - 1) == -0.5);
            assert_ptr_equal(ctensor(net, MLP_W, l).data, W.data);
            assert_ptr_equal(ctensor(net, MLP_B, l).data, b.data);
            assert_same(ctensor(net, MLP_W, l), ro(W));
        }
        mlp_net_free(net);
    }
}

/* All parameters are set and read back: each has its own place. */
static void tensors_do_not_overlap(void **state)
{
    (void)state;
    mlp_net *net = new_net(&square_model, MLP_F64, NULL);
    for (int pass = 0; pass < 2; pass++) {
        double next = 1.0;
        for (size_t l = 1; l <= 3; l++) {
            mlp_view both[2] = {tensor(net, MLP_W, l), tensor(net, MLP_B, l)};
            for (size_t i = 0; i < both[0].rows * both[0].cols; i++, next++) {
                size_t row = i / both[0].cols;
                size_t col = i % both[0].cols;
                if (pass == 0) {
                    put(both[0], row, col, next);
                }
                assert_true(at(both[0], row, col) == next);
            }
            for (size_t j = 0; j < both[1].cols; j++, next++) {
                if (pass == 0) {
                    put(both[1], 0, j, next);
                }
                assert_true(at(both[1], 0, j) == next);
            }
        }
        assert_true(next == (double)mlp_net_parameter_count(net) + 1.0);
    }
    mlp_net_free(net);
}

/* The one view of all parameters has each tensor in its documented place. */
static void parameters_come_layer_by_layer(void **state)
{
    (void)state;
    model normed = square_model;
    normed.layers[1].batch_norm = true;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&normed, p, NULL);
        mlp_view all;
        mlp_cview same;
        assert_int_equal(mlp_net_parameters(net, &all), MLP_OK);
        assert_int_equal(mlp_net_cparameters(net, &same), MLP_OK);
        assert_int_equal(all.rows, 1);
        assert_int_equal(all.cols, mlp_net_parameter_count(net));
        assert_ptr_equal(all.data, same.data);
        for (size_t i = 0; i < all.cols; i++) {
            put(all, 0, i, (double)i);
        }
        assert_same(same, ro(all));
        double next = 0.0;
        for (size_t l = 1; l <= 3; l++) {
            mlp_cview W_transposed =
                mlp_cview_transpose(ctensor(net, MLP_W, l));
            mlp_cview parts[3] = {W_transposed, ctensor(net, MLP_B, l)};
            if (l == 2) {
                parts[2] = ctensor(net, MLP_SCALE, l);
            }
            for (size_t k = 0; k < (l == 2 ? 3 : 2); k++) {
                for (size_t i = 0; i < parts[k].rows; i++) {
                    for (size_t j = 0; j < parts[k].cols; j++, next++) {
                        assert_true(mlp_cview_at(parts[k], i, j) == next);
                    }
                }
            }
        }
        assert_true(next == (double)all.cols);
        mlp_net_free(net);
    }
}

static void parameters_need_a_net_and_a_place(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_view view = mlp_view_f64(NULL, 7, 8);
    mlp_cview cview = mlp_cview_f64(NULL, 9, 10);
    assert_told(&record, mlp_net_parameters(net, NULL), MLP_ERR_NULL, "view");
    assert_told(&record, mlp_net_cparameters(net, NULL), MLP_ERR_NULL, "view");
    assert_int_equal(mlp_net_parameters(NULL, &view), MLP_ERR_NULL);
    assert_int_equal(mlp_net_cparameters(NULL, &cview), MLP_ERR_NULL);
    assert_true(view.rows == 7 && view.cols == 8 && !view.data);
    assert_true(cview.rows == 9 && cview.cols == 10 && !cview.data);
    mlp_net_free(net);
}

/* A fit sets the scaling of a network only if nobody may have set its weights.
 * A view for reading sets nothing. */
static void writable_parameters_count_as_trained(void **state)
{
    (void)state;
    data d = xor_data(MLP_F64);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 1;
    for (int writable = 0; writable < 2; writable++) {
        mlp_net *net = new_net(&xor_model, MLP_F64, NULL);
        mlp_view view;
        mlp_cview cview;
        double mean[2];
        double std[2];
        assert_int_equal(writable ? mlp_net_parameters(net, &view)
                                  : mlp_net_cparameters(net, &cview),
                         MLP_OK);
        assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                         MLP_OK);
        assert_int_equal(mlp_net_scaling(net, mean, std), MLP_OK);
        assert_true(mean[0] == (writable ? 0 : 0.5));
        mlp_net_free(net);
    }
    free_data(d);
}

static void tensor_refuses_what_is_not_there(void **state)
{
    (void)state;
    static const struct {
        mlp_tensor which;
        size_t l;
        const char *part;
    } wrong[] = {
        {MLP_W, 0, "0"},           {MLP_B, 3, "3"},
        {MLP_W, SIZE_MAX, "2"},    {MLP_Z, 1, "Z"},
        {MLP_A, 1, "A"},           {MLP_A, 0, "A"},
        {MLP_DW, 1, "d"},          {MLP_DB, 2, "d"},
        {(mlp_tensor)99, 1, "99"}, {MLP_DROPPED, 1, "A_dropped"},
        {MLP_DX, 1, "dX"},
    };
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_view view = mlp_view_f64(NULL, 7, 8);
    mlp_cview cview = mlp_cview_f64(NULL, 9, 10);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        mlp_tensor which = wrong[i].which;
        size_t l = wrong[i].l;
        assert_told(&record, mlp_net_tensor(net, which, l, &view),
                    MLP_ERR_ARGUMENT, wrong[i].part);
        assert_told(&record, mlp_net_ctensor(net, which, l, &cview),
                    MLP_ERR_ARGUMENT, wrong[i].part);
    }
    assert_told(&record, mlp_net_tensor(net, MLP_W, 1, NULL), MLP_ERR_NULL, "");
    assert_told(&record, mlp_net_ctensor(net, MLP_W, 1, NULL), MLP_ERR_NULL,
                "");
    assert_int_equal(mlp_net_tensor(NULL, MLP_W, 1, &view), MLP_ERR_NULL);
    assert_int_equal(mlp_net_ctensor(NULL, MLP_W, 1, &cview), MLP_ERR_NULL);
    assert_true(view.rows == 7 && view.cols == 8 && !view.data);
    assert_true(cview.rows == 9 && cview.cols == 10 && !cview.data);
    mlp_net_free(net);
    const model single = {2, 1, {{1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};
    net = new_net(&single, MLP_F64, &record);
    for (size_t l = 0; l < 3; l += 2) {
        assert_told(&record, mlp_net_tensor(net, MLP_W, l, &view),
                    MLP_ERR_ARGUMENT, "expects layer 1, the only one, got ");
    }
    assert_true(view.rows == 7 && view.cols == 8 && !view.data);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Copies
 */

static void clone_is_equal_and_independent(void **state)
{
    (void)state;
    static const double mean[5] = {1, 2, 3, 4, 5};
    static const double std[5] = {5, 4, 3, 2, 1};
    FOR_EACH_PRECISION(p)
    {
        hook_record record = {0};
        mlp_config config = config_of(&square_model, p, &record);
        config.kernels = "portable";
        mlp_net *net = net_of(&config);
        fill(tensor(net, MLP_B, 2), 0.25);
        assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
        mlp_net *copy = clone_of(net);
        assert_same_net(copy, net);
        assert_int_equal(mlp_net_precision(copy), p);
        assert_int_equal(mlp_net_loss(copy), MLP_LOSS_MSE);
        assert_int_equal(mlp_net_outputs(copy), 5);
        assert_string_equal(mlp_net_kernels(copy), "portable");
        mlp_net *second = clone_of(copy);
        fill(tensor(copy, MLP_W, 1), 0.125);
        assert_int_equal(mlp_net_set_scaling(copy, NULL, NULL), MLP_OK);
        assert_same_net(second, net);
        mlp_net_free(net);
        assert_true(mlp_cview_at(ctensor(copy, MLP_B, 2), 0, 0) == 0.25);
        assert_told(&record, mlp_net_layer(copy, 9, &(mlp_layer){0}),
                    MLP_ERR_ARGUMENT, "9"); /* the copy has the hooks */
        mlp_net_free(copy);
        mlp_net_free(second);
        assert_true(record.allocations >= 3);
        assert_int_equal(record.live, 0);
    }
}

static void clone_refuses_null(void **state)
{
    (void)state;
    mlp_net *net = new_net(&xor_model, MLP_F64, NULL);
    mlp_net *copy = net;
    assert_int_equal(mlp_net_clone(NULL, &copy), MLP_ERR_NULL);
    assert_ptr_equal(copy, net);
    assert_int_equal(mlp_net_clone(net, NULL), MLP_ERR_NULL);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Descriptions of nothing
 */

static mlp_layer many[MLP_MAX_LAYERS + 1];

static void refuse(const mlp_config *config, mlp_status status,
                   const char *part, const char *other)
{
    hook_record *record = config->hooks.user;
    mlp_net *const untouched = (mlp_net *)(void *)record;
    mlp_net *net = untouched;
    assert_told(record, mlp_net_create(config, &net), status, part);
    assert_said(record, other);
    assert_ptr_equal(net, untouched);
    assert_int_equal(record->live, 0);
}

static void create_refuses_sizes_of_zero(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_config config = config_of(&xor_model, MLP_F64, &record);
    config.inputs = 0;
    refuse(&config, MLP_ERR_ARGUMENT, "0", "16777216");
    config = config_of(&xor_model, MLP_F64, &record);
    config.n_layers = 0;
    refuse(&config, MLP_ERR_ARGUMENT, "0", "256");
    config.layers = NULL;
    refuse(&config, MLP_ERR_ARGUMENT, "0", "256");
    mlp_layer layers[] = {{4, MLP_ACT_TANH}, {0, MLP_ACT_TANH}};
    config = config_of(&xor_model, MLP_F64, &record);
    config.layers = layers;
    refuse(&config, MLP_ERR_ARGUMENT, "2", "0");
}

static void create_refuses_sizes_above_the_limits(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_config config = config_of(&xor_model, MLP_F64, &record);
    config.inputs = MLP_MAX_WIDTH + 1;
    refuse(&config, MLP_ERR_LIMIT, "16777216", "16777217");
    config.inputs = SIZE_MAX;
    refuse(&config, MLP_ERR_LIMIT, "16777216", "");
    mlp_layer layers[] = {{128, MLP_ACT_TANH}, {1, MLP_ACT_TANH}};
    config.layers = layers;
    config.inputs = MLP_MAX_WIDTH; /* 2^31 weights */
    refuse(&config, MLP_ERR_LIMIT, "2147483647", "2147483905");
    config.inputs = 2;
    layers[1].width = MLP_MAX_WIDTH + 1;
    refuse(&config, MLP_ERR_LIMIT, "16777216", "16777217");
    layers[1].width = SIZE_MAX;
    refuse(&config, MLP_ERR_LIMIT, "16777216", "");
    config.layers = many;
    config.n_layers = MLP_MAX_LAYERS + 1;
    refuse(&config, MLP_ERR_LIMIT, "256", "257");
    config.n_layers = SIZE_MAX;
    refuse(&config, MLP_ERR_LIMIT, "256", "");
}

static void create_accepts_the_most_layers(void **state)
{
    (void)state;
    mlp_config config = config_of(&xor_model, MLP_F32, NULL);
    config.layers = many;
    config.n_layers = MLP_MAX_LAYERS;
    config.loss = MLP_LOSS_MSE;
    mlp_net *net = net_of(&config);
    assert_int_equal(mlp_net_layer_count(net), MLP_MAX_LAYERS);
    assert_int_equal(mlp_net_parameter_count(net), 3 + 255 * 2);
    mlp_net_free(net);
}

static void create_refuses_unknown_constants(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_config config = config_of(&xor_model, MLP_F64, &record);
    mlp_layer layers[] = {{4, (mlp_activation)99}, {1, MLP_ACT_TANH}};
    config.layers = layers;
    refuse(&config, MLP_ERR_ARGUMENT, "99", "1");
    layers[0].activation = (mlp_activation)-7;
    refuse(&config, MLP_ERR_ARGUMENT, "-7", "1");
    config = config_of(&xor_model, MLP_F64, &record);
    config.loss = (mlp_loss)99;
    refuse(&config, MLP_ERR_ARGUMENT, "99", "loss");
    config = config_of(&xor_model, MLP_F64, &record);
    config.init = (mlp_weight_init)99;
    refuse(&config, MLP_ERR_ARGUMENT, "99", "init");
    config = config_of(&xor_model, MLP_I32, &record);
    refuse(&config, MLP_ERR_ARGUMENT, "float32", "float64");
    config.precision = (mlp_dtype)99;
    refuse(&config, MLP_ERR_ARGUMENT, "float64", "99");
}

static void create_refuses_slopes_out_of_range(void **state)
{
    (void)state;
    hook_record record = {0};
    static const double bad[] = {-0.01, -INFINITY, INFINITY, NAN};
    for (size_t i = 0; i < COUNT(bad); i++) {
        for (int f = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)f);
             f++) {
            mlp_config config = config_of(&xor_model, MLP_F64, &record);
            mlp_layer layer = {2, (mlp_activation)f, bad[i]};
            config.layers = &layer;
            config.n_layers = 1;
            config.loss = MLP_LOSS_MSE;
            if (f == MLP_ACT_LEAKY_RELU || f == MLP_ACT_ELU) {
                refuse(&config, MLP_ERR_ARGUMENT, "layer 1", "slope");
            } else {
                mlp_net_free(net_of(&config));
            }
        }
    }
    /* As floats, the first of these is infinite and the second is -0. */
    mlp_layer layer = {1, MLP_ACT_LEAKY_RELU, 1e39};
    mlp_config config = config_of(&xor_model, MLP_F32, &record);
    config.layers = &layer;
    config.n_layers = 1;
    config.loss = MLP_LOSS_MSE;
    refuse(&config, MLP_ERR_ARGUMENT, "float32", "1e+39");
    layer.slope = -1e-50;
    refuse(&config, MLP_ERR_ARGUMENT, "float32", "-1e-50");
    layer.slope = 0;
    mlp_net_free(net_of(&config));
}

static void create_refuses_unknown_kernels(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_config config = config_of(&xor_model, MLP_F64, &record);
    config.kernels = "abacus";
    refuse(&config, MLP_ERR_UNSUPPORTED, "abacus", "");
    config.kernels = "";
    refuse(&config, MLP_ERR_UNSUPPORTED, "", "");
}

static void create_refuses_one_memory_hook_alone(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_config config = config_of(&xor_model, MLP_F64, &record);
    config.hooks.allocate = NULL;
    refuse(&config, MLP_ERR_ARGUMENT, "release", "allocate");
    config.hooks = recording_hooks(&record);
    config.hooks.release = NULL;
    refuse(&config, MLP_ERR_ARGUMENT, "release", "allocate");
    config.hooks.allocate = NULL; /* a log hook alone is allowed */
    mlp_net *net = net_of(&config);
    assert_told(&record, mlp_net_layer(net, 5, &(mlp_layer){0}),
                MLP_ERR_ARGUMENT, "5");
    mlp_net_free(net);
    assert_int_equal(record.allocations, 0);
}

static void create_refuses_null(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_config config = config_of(&xor_model, MLP_F64, &record);
    mlp_net *net = NULL;
    assert_int_equal(mlp_net_create(NULL, &net), MLP_ERR_NULL);
    assert_int_equal(mlp_net_create(&config, NULL), MLP_ERR_NULL);
    assert_null(net);
    config.layers = NULL;
    refuse(&config, MLP_ERR_NULL, "layers", "");
}

/* Without a log hook failures report nothing and crash nothing. */
static void create_fails_without_hooks(void **state)
{
    (void)state;
    mlp_config config = tutorial_config();
    mlp_net *net = NULL;
    assert_int_equal(mlp_net_create(&config, &net), MLP_ERR_ARGUMENT);
    assert_null(net);
}

int main(void)
{
    for (size_t i = 0; i < COUNT(many); i++) {
        many[i] = (mlp_layer){1, MLP_ACT_TANH};
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_draws_the_tutorials_weights),
        cmocka_unit_test(create_draws_numpys_glorot_weights),
        cmocka_unit_test(create_draws_by_the_formulas),
        cmocka_unit_test(initial_parameters_are_numpys),
        cmocka_unit_test(auto_suits_sigmoid_and_odd_widths),
        cmocka_unit_test(auto_draws_few_negative_biases),
        cmocka_unit_test(create_refuses_slopes_out_of_range),
        cmocka_unit_test(f32_weights_are_the_rounded_draws),
        cmocka_unit_test(only_torch_and_auto_draw_biases),
        cmocka_unit_test(initialise_repeats_what_create_did),
        cmocka_unit_test(initialise_refuses_an_unknown_init),
        cmocka_unit_test(defaults_are_those_of_the_contract),
        cmocka_unit_test(getters_tell_the_description),
        cmocka_unit_test(getters_answer_for_null),
        cmocka_unit_test(hooks_are_those_of_the_configuration),
        cmocka_unit_test(kernels_are_the_asked_for_or_the_fastest),
        cmocka_unit_test(layer_refuses_what_is_not_there),
        cmocka_unit_test(slopes_are_of_those_that_have_one),
        cmocka_unit_test(tensor_shows_the_parameters_themselves),
        cmocka_unit_test(tensors_do_not_overlap),
        cmocka_unit_test(parameters_come_layer_by_layer),
        cmocka_unit_test(parameters_need_a_net_and_a_place),
        cmocka_unit_test(writable_parameters_count_as_trained),
        cmocka_unit_test(tensor_refuses_what_is_not_there),
        cmocka_unit_test(clone_is_equal_and_independent),
        cmocka_unit_test(clone_refuses_null),
        cmocka_unit_test(create_refuses_sizes_of_zero),
        cmocka_unit_test(create_refuses_sizes_above_the_limits),
        cmocka_unit_test(create_accepts_the_most_layers),
        cmocka_unit_test(create_refuses_unknown_constants),
        cmocka_unit_test(create_refuses_unknown_kernels),
        cmocka_unit_test(create_refuses_one_memory_hook_alone),
        cmocka_unit_test(create_refuses_null),
        cmocka_unit_test(create_fails_without_hooks),
    };
    return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
