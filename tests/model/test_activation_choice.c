/* SPDX-License-Identifier: MIT */
/*
 * A network gets the activations and slopes that its configuration leaves open,
 * and a loss that cannot learn from the last layer is refused by a message that
 * says what to set. test_gradient_matrix.c visits every pair.
 */
#include "support/saved_net.h"

/* ---------------------------------------------------------------------------
 * What a configuration leaves open
 */

/* What MLP_ACT_AUTO stands for in the last layer, by the number of the loss:
 * bce, mse, cce, mae, huber, quantile, poisson, gaussian_nll. */
static const mlp_activation lasts[] = {
    MLP_ACT_SIGMOID,  MLP_ACT_IDENTITY, MLP_ACT_SOFTMAX, MLP_ACT_IDENTITY,
    MLP_ACT_IDENTITY, MLP_ACT_IDENTITY, MLP_ACT_EXP,     MLP_ACT_IDENTITY};

static mlp_layer layer_of(const mlp_net *net, size_t l)
{
    mlp_layer layer = {.width = 0};
    assert_int_equal(mlp_net_layer(net, l, &layer), MLP_OK);
    return layer;
}

static void *bytes_of(const mlp_net *net, size_t *size)
{
    *size = mlp_net_save_size(net);
    void *bytes = malloc(*size);
    assert_non_null(bytes);
    assert_int_equal(mlp_net_save_memory(net, bytes, *size), MLP_OK);
    return bytes;
}

/* Checks that the networks are the same, so that their files are. */
static void assert_same_files(const mlp_net *a, const mlp_net *b)
{
    size_t n = 0;
    size_t m = 0;
    void *of_a = bytes_of(a, &n);
    void *of_b = bytes_of(b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(of_a, of_b, n);
    free(of_a);
    free(of_b);
}

static void unnamed_layers_get_what_suits(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (int loss = 0; mlp_loss_name((mlp_loss)loss); loss++) {
            model open = {3,
                          3,
                          {{.width = 5}, {.width = 3}, {.width = 4}},
                          (mlp_loss)loss};
            model named = open;
            named.layers[0].activation = MLP_ACT_RELU;
            named.layers[1].activation = MLP_ACT_RELU;
            named.layers[2].activation = lasts[loss];
            mlp_net *net = new_net(&open, p, NULL);
            mlp_net *other = new_net(&named, p, NULL);
            for (size_t l = 1; l <= 3; l++) {
                assert_int_equal(layer_of(net, l).activation,
                                 named.layers[l - 1].activation);
            }
            assert_same_files(net, other);
            mlp_net_free(net);
            mlp_net_free(other);
        }
    }
}

/* The only layer is the last one. */
static void one_unnamed_layer_is_the_last(void **state)
{
    (void)state;
    for (int loss = 0; mlp_loss_name((mlp_loss)loss); loss++) {
        model m = {3, 1, {{.width = 2}}, (mlp_loss)loss};
        mlp_net *net = new_net(&m, MLP_F64, NULL);
        assert_int_equal(layer_of(net, 1).activation, lasts[loss]);
        mlp_net_free(net);
    }
}

/* Only the layers without a name get one. */
static void named_and_unnamed_layers_mix(void **state)
{
    (void)state;
    model m = {2,
               4,
               {{.width = 3, .activation = MLP_ACT_TANH},
                {.width = 3},
                {.width = 3, .activation = MLP_ACT_ELU},
                {.width = 1}},
               MLP_LOSS_BCE};
    static const mlp_activation expected[] = {MLP_ACT_TANH, MLP_ACT_RELU,
                                              MLP_ACT_ELU, MLP_ACT_SIGMOID};
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    for (size_t l = 1; l <= 4; l++) {
        assert_int_equal(layer_of(net, l).activation, expected[l - 1]);
    }
    mlp_net_free(net);
}

/* Returns the output of one neuron with weight 1 for the input -1. */
static double output_of(mlp_activation f, double slope)
{
    model m = {1, 1, {{1, f, slope}}, MLP_LOSS_MSE};
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    put(tensor(net, MLP_W, 1), 0, 0, 1);
    double x = -1;
    double a = 7;
    assert_int_equal(
        mlp_predict(net, mlp_cview_f64(&x, 1, 1), mlp_view_f64(&a, 1, 1)),
        MLP_OK);
    mlp_net_free(net);
    return a;
}

static void slopes_of_0_are_the_usual_ones(void **state)
{
    (void)state;
    static const double zeros[] = {0.0, -0.0};
    for (size_t i = 0; i < COUNT(zeros); i++) {
        assert_true(output_of(MLP_ACT_LEAKY_RELU, zeros[i]) == -0.01);
        assert_true(output_of(MLP_ACT_ELU, zeros[i]) ==
                    output_of(MLP_ACT_ELU, 1));
        assert_true(output_of(MLP_ACT_RELU, zeros[i]) == 0);
    }
    assert_absolute(output_of(MLP_ACT_ELU, 0), exp(-1) - 1, 1e-15);
    for (int f = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)f);
         f++) {
        model m = {2, 1, {{2, (mlp_activation)f}}, MLP_LOSS_MSE};
        mlp_net *net = new_net(&m, MLP_F64, NULL);
        double usual = f == MLP_ACT_LEAKY_RELU ? MLP_SLOPE_LEAKY_RELU
                       : f == MLP_ACT_ELU      ? MLP_SLOPE_ELU
                                               : 0;
        assert_true(layer_of(net, 1).slope == usual);
        mlp_net_free(net);
    }
}

/* A slope that is named is kept, however small. */
static void named_slopes_stay(void **state)
{
    (void)state;
    static const double slopes[] = {1e-60, 0.3, 1, 7};
    static const mlp_activation sloped[] = {MLP_ACT_LEAKY_RELU, MLP_ACT_ELU};
    FOR_EACH_PRECISION(p)
    {
        for (size_t i = 0; i < 2 * COUNT(slopes); i++) {
            model m = {1, 1, {{1, sloped[i % 2], slopes[i / 2]}}, MLP_LOSS_MSE};
            mlp_net *net = new_net(&m, p, NULL);
            assert_true(layer_of(net, 1).slope == slopes[i / 2]);
            mlp_net_free(net);
        }
    }
}

/* A network can be described by the layers of another one. */
static void layers_that_are_read_back_make_the_same(void **state)
{
    (void)state;
    model m = {3,
               3,
               {{.width = 5, .activation = MLP_ACT_LEAKY_RELU},
                {.width = 4},
                {.width = 2}},
               MLP_LOSS_CCE};
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    for (size_t l = 1; l <= 3; l++) {
        m.layers[l - 1] = layer_of(net, l);
    }
    mlp_net *again = new_net(&m, MLP_F64, NULL);
    assert_same_files(net, again);
    mlp_net_free(net);
    mlp_net_free(again);
}

/* ---------------------------------------------------------------------------
 * What is refused
 */

typedef struct refusal {
    size_t width;
    mlp_activation last;
    mlp_loss loss;
    const char *message;
} refusal;

#define TWO_CLASSES                                                            \
    "for two classes use one sigmoid output with bce, or two softmax outputs " \
    "with cce and class numbers of type MLP_I32"

static const refusal refusals[] = {
    {3, MLP_ACT_IDENTITY, MLP_LOSS_POISSON,
     "layer 2: poisson expects exp in the last layer, got identity: set "
     "MLP_ACT_EXP or MLP_ACT_AUTO, or for targets that are quantities the loss "
     "MLP_LOSS_MSE"},
    {3, MLP_ACT_AUTO, MLP_LOSS_GAUSSIAN_NLL,
     "layer 2: gaussian_nll expects an even number of outputs, the means and "
     "then the logarithms of the variances, got 3"},
    {3, MLP_ACT_IDENTITY, MLP_LOSS_CCE,
     "layer 2: cce expects softmax in the last layer, got identity: set "
     "MLP_ACT_SOFTMAX or MLP_ACT_AUTO, or for targets that are quantities the "
     "loss MLP_LOSS_MSE"},
    {3, MLP_ACT_SIGMOID, MLP_LOSS_CCE,
     "layer 2: cce expects softmax in the last layer, got sigmoid: set "
     "MLP_ACT_SOFTMAX or MLP_ACT_AUTO, or for classes that do not exclude each "
     "other the loss MLP_LOSS_BCE"},
    {3, MLP_ACT_SOFTMAX, MLP_LOSS_BCE,
     "layer 2: bce expects sigmoid in the last layer, got softmax: set "
     "MLP_ACT_SIGMOID or MLP_ACT_AUTO, or for classes that exclude each other "
     "the loss MLP_LOSS_CCE"},
    {1, MLP_ACT_IDENTITY, MLP_LOSS_BCE,
     "layer 2: bce expects sigmoid in the last layer, got identity: set "
     "MLP_ACT_SIGMOID or MLP_ACT_AUTO, or for targets that are quantities the "
     "loss MLP_LOSS_MSE"},
    {1, MLP_ACT_SOFTMAX, MLP_LOSS_BCE,
     "layer 2: the output of one softmax neuron is always 1: " TWO_CLASSES},
    {1, MLP_ACT_SOFTMAX, MLP_LOSS_MSE,
     "layer 2: the output of one softmax neuron is always 1: " TWO_CLASSES},
    {1, MLP_ACT_SOFTMAX, MLP_LOSS_HUBER,
     "layer 2: the output of one softmax neuron is always 1: " TWO_CLASSES},
    {1, MLP_ACT_AUTO, MLP_LOSS_CCE,
     "layer 2: cce expects an output for each class, 2 or more, got "
     "1: " TWO_CLASSES},
    {1, MLP_ACT_SIGMOID, MLP_LOSS_CCE,
     "layer 2: cce expects an output for each class, 2 or more, got "
     "1: " TWO_CLASSES},
};

static void messages_say_what_to_set(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        const refusal *r = &refusals[i];
        hook_record record = {0};
        model m = {4, 2, {{.width = 3}, {r->width, r->last}}, r->loss};
        mlp_config config = config_of(&m, MLP_F32, &record);
        mlp_net *net = NULL;
        assert_int_equal(mlp_net_create(&config, &net), MLP_ERR_ARGUMENT);
        assert_string_equal(record.message, r->message);
        assert_null(net);
        assert_int_equal(record.allocations, 0);
        /* A file of MLP_NUMERICS 1 may have this network, unless it did not
         * know the loss. */
        if (r->loss > MLP_LOSS_HUBER) {
            assert_int_equal(mlpi_net_create_saved(&config, &net),
                             MLP_ERR_ARGUMENT);
            assert_string_equal(record.message, r->message);
        } else if (r->last != MLP_ACT_AUTO) {
            net = saved_net_of(&config);
            assert_int_equal(layer_of(net, 2).activation, r->last);
            mlp_net_free(net);
        }
    }
}

/* A configuration of zeros has options that cannot be 0. */
static void forgotten_defaults_are_named(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_layer layer = {.width = 1};
    mlp_config config = {.inputs = 2, .layers = &layer, .n_layers = 1};
    config.hooks = recording_hooks(&record);
    mlp_net *net = NULL;
    assert_told(&record, mlp_net_create(&config, &net), MLP_ERR_ARGUMENT,
                "huber_delta: expects a finite float32 above 0, got 0 (start "
                "from mlp_config_defaults())");
    config.huber_delta = 1;
    assert_told(&record, mlp_net_create(&config, &net), MLP_ERR_ARGUMENT,
                "batch_norm_epsilon: expects a finite float32 above 0, got 0 "
                "(start from mlp_config_defaults())");
    config.batch_norm_epsilon = -1;
    assert_told(&record, mlp_net_create(&config, &net), MLP_ERR_ARGUMENT,
                "batch_norm_epsilon: expects a finite float32 above 0, got -1");
    assert_null(strstr(record.message, "mlp_config_defaults"));
    assert_null(net);
}

static void saved_networks_are_as_described(void **state)
{
    (void)state;
    model m = {
        2,
        3,
        {{3, MLP_ACT_LEAKY_RELU, 0}, {3, MLP_ACT_ELU, -0.0}, {1, MLP_ACT_TANH}},
        MLP_LOSS_CCE};
    mlp_net *net = new_saved_net(&m, MLP_F64, NULL);
    mlp_net *copy = clone_of(net);
    for (size_t l = 1; l <= 3; l++) {
        assert_int_equal(layer_of(copy, l).activation,
                         m.layers[l - 1].activation);
        assert_true(layer_of(copy, l).slope == 0);
        assert_false(signbit(layer_of(copy, l).slope));
    }
    mlp_net_free(net);
    mlp_net_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unnamed_layers_get_what_suits),
        cmocka_unit_test(one_unnamed_layer_is_the_last),
        cmocka_unit_test(named_and_unnamed_layers_mix),
        cmocka_unit_test(slopes_of_0_are_the_usual_ones),
        cmocka_unit_test(named_slopes_stay),
        cmocka_unit_test(layers_that_are_read_back_make_the_same),
        cmocka_unit_test(messages_say_what_to_set),
        cmocka_unit_test(forgotten_defaults_are_named),
        cmocka_unit_test(saved_networks_are_as_described),
    };
    return cmocka_run_group_tests_name("activation_choice", tests, NULL, NULL);
}
