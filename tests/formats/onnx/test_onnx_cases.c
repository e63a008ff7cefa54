/* SPDX-License-Identifier: MIT */
/*
 * mlp_onnx loads the graphs of tests/vectors/onnx_cases.txt, forms that
 * exporters and tools make, and predicts what NumPy computes for them. The part
 * of a case's name before the first "-" is its kind, and each kind is a test.
 */
#include "support/model_files.h"

#include <pthread.h>

#include "mlp_onnx.h"
#include "support/onnx_files.h"

enum { NAME = 64 };

/* Copies the case of this name. Fails if there is none. */
static void get_case(const char *wanted, foreign *f)
{
    char name[NAME] = "";
    char *text = read_onnx_text(MLP_TEST_VECTORS, "cases");
    char *next = text;
    bool found = false;
    assert_non_null(text);
    while (!found && read_case(&next, name, sizeof name, f)) {
        found = strcmp(name, wanted) == 0;
    }
    free(text);
    if (!found) {
        fail_msg("there is no case %s", wanted);
    }
}

/* Predicts the rows of a case; float16 in the file allows for rounded X. */
static void assert_predicts(const mlp_net *net, const foreign *f,
                            const char *name)
{
    mlp_dtype p = mlp_net_precision(net);
    mlp_view X = new_matrix(p, f->rows, f->inputs, f->X);
    mlp_view A = new_matrix(p, f->rows, f->outputs, NULL);
    assert_int_equal(mlp_net_inputs(net), f->inputs);
    assert_int_equal(mlp_net_outputs(net), f->outputs);
    assert_int_equal(mlp_predict(net, ro(X), A), MLP_OK);
    for (size_t i = 0; i < f->rows * f->outputs; i++) {
        double a = at(A, i / f->outputs, i % f->outputs);
        if (!(fabs(a - f->A[i]) <= 1e-5 * fmax(1, fabs(f->A[i])))) {
            fail_msg("%s: expected %g, got %g", name, f->A[i], a);
        }
    }
    free(X.data);
    free(A.data);
}

/* Loads all cases of a kind, of which there are `count`, and compares their
 * predictions. */
static void check_kind(const char *kind, size_t count)
{
    static foreign f;
    char name[NAME] = "";
    char *text = read_onnx_text(MLP_TEST_VECTORS, "cases");
    char *next = text;
    size_t n = strlen(kind);
    size_t found = 0;
    assert_non_null(text);
    while (read_case(&next, name, sizeof name, &f)) {
        if (strncmp(name, kind, n) != 0 || name[n] != '-') {
            continue;
        }
        hook_record record = {0};
        mlp_hooks hooks = recording_hooks(&record);
        mlp_net *net = NULL;
        found++;
        if (mlp_onnx_load_memory(f.bytes[0], f.size[0], &hooks, &net) !=
            MLP_OK) {
            fail_msg("%s: %s", name, record.message);
        }
        assert_int_equal(record.messages, 0);
        assert_predicts(net, &f, name);
        mlp_net_free(net);
        assert_int_equal(record.live, 0);
    }
    assert_int_equal(*next, '\0'); /* all were read */
    assert_int_equal(found, count);
    free(text);
}

static void maps_of_columns_are_composed(void **state)
{
    (void)state;
    check_kind("scalings", 25);
}

static void constants_have_any_rank(void **state)
{
    (void)state;
    check_kind("ranks", 14);
}

static void weights_may_have_16_bits(void **state)
{
    (void)state;
    check_kind("halves", 10);
}

static void constants_have_any_form(void **state)
{
    (void)state;
    check_kind("constants", 8);
}

static void one_output_may_lose_its_dimension(void **state)
{
    (void)state;
    check_kind("tails", 23);
}

static void weights_may_be_doubles(void **state)
{
    (void)state;
    check_kind("doubles", 4);
}

/* "ai.onnx" is ONNX's own domain, and functions of another one are ignored. */
static void domains_may_be_named(void **state)
{
    (void)state;
    check_kind("domains", 2);
}

static void nodes_may_have_any_order(void **state)
{
    (void)state;
    check_kind("orders", 2);
}

static void shapes_may_change_if_rows_stay(void **state)
{
    (void)state;
    check_kind("shapes", 15);
}

static void dropout_without_effect_is_passed(void **state)
{
    (void)state;
    check_kind("dropout", 4);
}

static void a_bias_with_beta_0_does_not_count(void **state)
{
    (void)state;
    check_kind("beta", 2);
}

static void activations_have_other_forms(void **state)
{
    (void)state;
    check_kind("activations", 30);
}

static void probabilities_are_preferred_to_what_they_come_from(void **state)
{
    (void)state;
    check_kind("outputs", 7);
}

/* A part that becomes an activation of the library must not leave scaling of
 * targets behind, which would change the loss. */
static void equal_networks_have_equal_losses(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        mlp_activation activation;
        mlp_loss loss;
        size_t layer;
    } expected[] = {
        {"activations-one_minus_sigmoid", MLP_ACT_SIGMOID, MLP_LOSS_BCE, 2},
        {"activations-neg", MLP_ACT_IDENTITY, MLP_LOSS_MSE, 2},
        {"activations-selu_last", MLP_ACT_ELU, MLP_LOSS_MSE, 2},
        {"scalings-sigmoid", MLP_ACT_SIGMOID, MLP_LOSS_MSE, 2},
        {"outputs-probabilities", MLP_ACT_SOFTMAX, MLP_LOSS_CCE, 2},
        {"activations-leaky_relu_0", MLP_ACT_RELU, MLP_LOSS_MSE, 1},
        {"activations-elu_0", MLP_ACT_RELU, MLP_LOSS_MSE, 1},
        {"activations-clip_low", MLP_ACT_RELU, MLP_LOSS_MSE, 1},
    };
    static foreign f;
    for (size_t i = 0; i < COUNT(expected); i++) {
        mlp_net *net = NULL;
        mlp_layer layer;
        get_case(expected[i].name, &f);
        assert_int_equal(
            mlp_onnx_load_memory(f.bytes[0], f.size[0], NULL, &net), MLP_OK);
        assert_int_equal(mlp_net_loss(net), expected[i].loss);
        assert_int_equal(mlp_net_layer(net, expected[i].layer, &layer), MLP_OK);
        assert_int_equal(layer.activation, expected[i].activation);
        mlp_net_free(net);
    }
}

/* Loads a case. */
static mlp_net *net_of_case(const char *name)
{
    static foreign f;
    mlp_net *net = NULL;
    get_case(name, &f);
    assert_int_equal(mlp_onnx_load_memory(f.bytes[0], f.size[0], NULL, &net),
                     MLP_OK);
    return net;
}

static void doubles_that_no_cast_rounds_make_float64(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        mlp_dtype precision;
    } expected[] = {
        {"doubles-lists", MLP_F64},
        {"doubles-cast", MLP_F64},
        {"constants-rounded_doubles", MLP_F32},
        {"halves-cast", MLP_F32},
    };
    for (size_t i = 0; i < COUNT(expected); i++) {
        mlp_net *net = net_of_case(expected[i].name);
        assert_int_equal(mlp_net_precision(net), expected[i].precision);
        mlp_net_free(net);
    }
}

/* The A of these cases is the transpose of W, as NumPy rounds it: infinite
 * numbers stay, and what is too large for a type becomes infinite. */
static void casts_round_weights_to_their_types(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "weights-float16", "weights-cast_to_float16",
        "weights-cast_to_bfloat16", "weights-cast_to_float"};
    static foreign f;
    for (size_t k = 0; k < COUNT(cases); k++) {
        mlp_net *net = net_of_case(cases[k]);
        mlp_cview W = ctensor(net, MLP_W, 1);
        get_case(cases[k], &f);
        assert_int_equal(W.rows, 4);
        assert_int_equal(W.cols, 2);
        for (size_t i = 0; i < 8; i++) {
            double expected = f.A[i];
            double w = mlp_cview_at(W, i % 4, i / 4);
            if (!(isnan(expected) ? isnan(w) : w == expected)) {
                fail_msg("%s: expected %g, got %g", cases[k], expected, w);
            }
        }
        mlp_net_free(net);
    }
}

/* A slope below all that nine digits tell is still the one of the file. */
static void tiny_slopes_keep_their_bits(void **state)
{
    (void)state;
    mlp_layer layer;
    mlp_net *net = net_of_case("activations-leaky_relu_tiny");
    assert_int_equal(mlp_net_layer(net, 1, &layer), MLP_OK);
    assert_int_equal(layer.activation, MLP_ACT_LEAKY_RELU);
    assert_true(layer.slope == (double)1e-20f);
    mlp_net_free(net);
}

/* A network cannot have an epsilon that is 0 or infinite. */
static void batch_norms_stay_if_their_epsilon_can(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool stays;
    } expected[] = {
        {"scalings-norm_last", true},
        {"scalings-norm_no_epsilon", false},
        {"scalings-norm_infinite", false},
        {"scalings-norm_flipped", false},
    };
    for (size_t i = 0; i < COUNT(expected); i++) {
        mlp_layer layer;
        mlp_net *net = net_of_case(expected[i].name);
        assert_int_equal(mlp_net_layer(net, 2, &layer), MLP_OK);
        assert_int_equal(layer.batch_norm, expected[i].stays);
        mlp_net_free(net);
    }
}

/* Only a Mul by numbers above 0 and an Add become scaling of targets. Other
 * maps go into the last layer. */
static void only_mul_and_add_become_scaling_of_targets(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double mean, std;
    } expected[] = {
        {"tails-scaled", -0.43570393323898315, 3},
        {"scalings-negative", 0, 1},
        {"scalings-mul_sub", 0, 1},
        {"scalings-div_add", 0, 1},
    };
    for (size_t i = 0; i < COUNT(expected); i++) {
        double mean[3];
        double std[3];
        mlp_net *net = net_of_case(expected[i].name);
        assert_int_equal(mlp_net_target_scaling(net, mean, std), MLP_OK);
        assert_true(mean[0] == expected[i].mean);
        assert_true(std[0] == expected[i].std);
        mlp_net_free(net);
    }
}

/* A ZipMap or the file's properties hold the names; if one is missing, the
 * network has none. */
static void classes_have_names_if_all_have(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *classes[3]; /* the first is NULL if there are no names */
    } expected[] = {
        {"names-strings", {"", "b", "\xe2\x82\xac"}},
        {"names-integers", {"-3", "0", "1099511627776"}},
        {"names-few_strings", {NULL}},
        {"names-few_integers", {NULL}},
        {"names-beside", {"a", "b", "c"}},
        {"names-one_of_three", {NULL}},
        {"names-no_value", {"", "b", "c"}},
    };
    check_kind("names", COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++) {
        mlp_net *net = net_of_case(expected[i].name);
        for (size_t k = 0; k < 3; k++) {
            const char *name = mlp_net_class_name(net, k);
            if (!expected[i].classes[0]) {
                assert_null(name);
            } else {
                assert_non_null(name);
                assert_string_equal(name, expected[i].classes[k]);
            }
        }
        mlp_net_free(net);
    }
}

/* The keys "mlp" and "mlp.*" are this library's; a key or a value may be
 * absent. */
static void properties_of_others_become_metadata(void **state)
{
    (void)state;
    mlp_net *net = net_of_case("names-no_value");
    assert_string_equal(mlp_net_metadata_key(net, 0), "mlpx");
    assert_string_equal(mlp_net_metadata(net, "mlpx"), "kept");
    assert_null(mlp_net_metadata_key(net, 1));
    mlp_net_free(net);
}

/* Checks the scaling of a case of four inputs. */
static void assert_scaling(const char *name, const double means[4],
                           const double deviations[4])
{
    double mean[4];
    double std[4];
    mlp_net *net = net_of_case(name);
    assert_int_equal(mlp_net_scaling(net, mean, std), MLP_OK);
    for (size_t j = 0; j < 4; j++) {
        assert_true(mean[j] == means[j] && std[j] == deviations[j]);
    }
    mlp_net_free(net);
}

/* (x - t) / r, as this library writes scaling, keeps its numbers to the bit. */
static void sub_and_div_become_the_scaling(void **state)
{
    (void)state;
    static const double means[4] = {0};
    static const double deviations[4] = {100, 100, 100, 100};
    assert_scaling("scalings-div_div", means, deviations);
}

/* With (200 - x) (2, 0, -2, -0.5), a sign below 0 goes into the weights, and so
 * does the whole map of the column that is multiplied by 0. The others keep a
 * mean, for x - 200 must be computed before the weights round it. */
static void signs_and_zeros_of_columns_leave_the_other_scaling(void **state)
{
    (void)state;
    static const double means[4] = {200, 0, 200, 200};
    static const double deviations[4] = {0.5, 1, 0.5, 2};
    assert_scaling("scalings-signs", means, deviations);
}

/* 1e60 is no deviation of floats, so that column's map goes into the weights,
 * and nothing is left to scale. */
static void deviations_beyond_the_precision_go_into_the_weights(void **state)
{
    (void)state;
    static const double means[4] = {0};
    static const double deviations[4] = {1, 1, 1, 1};
    assert_scaling("scalings-tiny", means, deviations);
}

static void outputs_without_a_name_cannot_be_chosen(void **state)
{
    (void)state;
    static foreign f;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_onnx_options options = mlp_onnx_defaults();
    mlp_net *net = NULL;
    get_case("choice-nameless", &f);
    options.output = "";
    assert_told(&record,
                mlp_onnx_load_memory_with(f.bytes[0], f.size[0], &options,
                                          &hooks, &net),
                MLP_ERR_ARGUMENT, "which are: y, value");
    options.output = "value";
    assert_int_equal(mlp_onnx_load_memory_with(f.bytes[0], f.size[0], &options,
                                               &hooks, &net),
                     MLP_OK);
    assert_predicts(net, &f, "value");
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

static void options_of_a_later_version_are_refused(void **state)
{
    (void)state;
    static foreign f;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_onnx_options options = mlp_onnx_defaults();
    mlp_net *net = NULL;
    get_case("shapes-negative", &f);
    options.reserved[3] = 1;
    assert_told(&record,
                mlp_onnx_load_memory_with(f.bytes[0], f.size[0], &options,
                                          &hooks, &net),
                MLP_ERR_ARGUMENT, "options");
    assert_null(net);
    assert_int_equal(record.live, 0);
}

static void the_caller_names_an_output(void **state)
{
    (void)state;
    static foreign f;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_onnx_options options = mlp_onnx_defaults();
    mlp_net *net = NULL;
    get_case("choice", &f);
    assert_null(options.output);
    assert_told(&record,
                mlp_onnx_load_memory(f.bytes[0], f.size[0], &hooks, &net),
                MLP_ERR_UNSUPPORTED, "got: y, value");
    options.output = "values";
    assert_told(&record,
                mlp_onnx_load_memory_with(f.bytes[0], f.size[0], &options,
                                          &hooks, &net),
                MLP_ERR_ARGUMENT, "output values: expects");
    options.output = "best";
    assert_told(&record,
                mlp_onnx_load_memory_with(f.bytes[0], f.size[0], &options,
                                          &hooks, &net),
                MLP_ERR_UNSUPPORTED, "ArgMax");
    assert_told(
        &record,
        mlp_onnx_load_memory_with(f.bytes[0], f.size[0], NULL, &hooks, &net),
        MLP_ERR_NULL, "options");
    assert_told(&record, mlp_onnx_load_with("x", NULL, &hooks, &net),
                MLP_ERR_NULL, "options");
    assert_null(net);
    options.output = "value";
    assert_int_equal(mlp_onnx_load_memory_with(f.bytes[0], f.size[0], &options,
                                               &hooks, &net),
                     MLP_OK);
    assert_predicts(net, &f, "value");
    mlp_net_free(net);
    net = NULL;
    options.output = "y";
    assert_int_equal(mlp_onnx_load_memory_with(f.bytes[0], f.size[0], &options,
                                               &hooks, &net),
                     MLP_OK);
    assert_int_equal(mlp_net_outputs(net), 3);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* What a thread does after it has been cancelled: one call, which ends it. */
typedef struct cancelled {
    mlp_net *net, *loaded;
    bool loads, returned;
} cancelled;

static void *call_cancelled(void *argument)
{
    cancelled *c = argument;
    mlp_hooks hooks = mlp_net_hooks(c->net);
    (void)pthread_cancel(pthread_self());
    mlp_status status = c->loads ? mlp_onnx_load("no.onnx", &hooks, &c->loaded)
                                 : mlp_onnx_save(c->net, "no.onnx");
    c->returned = status == MLP_OK || status == MLP_ERR_IO;
    return NULL;
}

static void threads_that_only_save_or_load_can_be_cancelled(void **state)
{
    (void)state;
    static foreign f;
    cancelled c = {.net = NULL};
    get_case("shapes-negative", &f);
    assert_int_equal(mlp_onnx_load_memory(f.bytes[0], f.size[0], NULL, &c.net),
                     MLP_OK);
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        void *result = NULL;
        c.loads = i == 1;
        assert_int_equal(pthread_create(&thread, NULL, call_cancelled, &c), 0);
        assert_int_equal(pthread_join(thread, &result), 0);
        assert_true(result == PTHREAD_CANCELED);
        assert_false(c.returned);
        assert_null(c.loaded);
    }
    mlp_net_free(c.net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_of_columns_are_composed),
        cmocka_unit_test(constants_have_any_rank),
        cmocka_unit_test(weights_may_have_16_bits),
        cmocka_unit_test(constants_have_any_form),
        cmocka_unit_test(one_output_may_lose_its_dimension),
        cmocka_unit_test(weights_may_be_doubles),
        cmocka_unit_test(domains_may_be_named),
        cmocka_unit_test(nodes_may_have_any_order),
        cmocka_unit_test(shapes_may_change_if_rows_stay),
        cmocka_unit_test(dropout_without_effect_is_passed),
        cmocka_unit_test(a_bias_with_beta_0_does_not_count),
        cmocka_unit_test(activations_have_other_forms),
        cmocka_unit_test(probabilities_are_preferred_to_what_they_come_from),
        cmocka_unit_test(equal_networks_have_equal_losses),
        cmocka_unit_test(doubles_that_no_cast_rounds_make_float64),
        cmocka_unit_test(casts_round_weights_to_their_types),
        cmocka_unit_test(tiny_slopes_keep_their_bits),
        cmocka_unit_test(batch_norms_stay_if_their_epsilon_can),
        cmocka_unit_test(only_mul_and_add_become_scaling_of_targets),
        cmocka_unit_test(classes_have_names_if_all_have),
        cmocka_unit_test(properties_of_others_become_metadata),
        cmocka_unit_test(sub_and_div_become_the_scaling),
        cmocka_unit_test(signs_and_zeros_of_columns_leave_the_other_scaling),
        cmocka_unit_test(deviations_beyond_the_precision_go_into_the_weights),
        cmocka_unit_test(outputs_without_a_name_cannot_be_chosen),
        cmocka_unit_test(options_of_a_later_version_are_refused),
        cmocka_unit_test(the_caller_names_an_output),
        cmocka_unit_test(threads_that_only_save_or_load_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
