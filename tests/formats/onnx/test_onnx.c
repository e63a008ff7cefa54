/* SPDX-License-Identifier: MIT */
/*
 * mlp_onnx: files that are written come back as the same network; files of
 * PyTorch, Keras and scikit-learn predict what they did there; files that
 * cannot be read give a status and a message. That other software reads our
 * files is tested by tests/scripts/onnx_runtime.sh.
 */
#include "support/model_files.h"
#include "support/saved_net.h"

#include "mlp_onnx.h"
#include "support/onnx_checks.h"
#include "support/onnx_wire.h"

/* Saves a network to memory that ends at an inaccessible page. */
static file onnx_of(const mlp_net *net)
{
    file f = {.size = mlp_onnx_save_size(net)};
    assert_true(f.size > 0);
    f.bytes = guarded_alloc(f.size);
    assert_int_equal(mlp_onnx_save_memory(net, f.bytes, f.size), MLP_OK);
    return f;
}

/* Creates a network whose allocations and messages are recorded. */
static mlp_net *hooked_net(hook_record *record)
{
    mlp_layer layers[] = {
        {.width = 4, .activation = MLP_ACT_GELU, .batch_norm = true},
        {.width = 2, .activation = MLP_ACT_SOFTMAX}};
    mlp_config config = tutorial_config();
    config.inputs = 3;
    config.layers = layers;
    config.n_layers = 2;
    config.loss = MLP_LOSS_CCE;
    config.hooks = recording_hooks(record);
    mlp_net *net = NULL;
    assert_int_equal(mlp_net_create(&config, &net), MLP_OK);
    return net;
}

/* ---------------------------------------------------------------------------
 * Writing
 */

static void save_writes_the_same_to_disk_and_memory(void **state)
{
    (void)state;
    char path[] = "onnx_test_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    mlp_net *net = any_net(MLP_F32, MLP_ACT_GELU_TANH, MLP_LOSS_MSE, 3);
    file f = onnx_of(net);
    assert_int_equal(mlp_onnx_save(net, path), MLP_OK);
    unsigned char *read = malloc(f.size + 1);
    FILE *stream = fopen(path, "rb");
    assert_non_null(read);
    assert_non_null(stream);
    assert_int_equal(fread(read, 1, f.size + 1, stream), f.size);
    assert_memory_equal(read, f.bytes, f.size);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(unlink(path), 0);
    free(read);
    guarded_free(f.bytes);
    mlp_net_free(net);
}

/* Puts a declaration of a graph input or output of shape (N, cols). */
static void put_declaration(wire *to, unsigned field, const char *name,
                            unsigned element_type, size_t cols)
{
    wire rows_dim = {0};
    wire cols_dim = {0};
    wire shape = {0};
    wire tensor = {0};
    wire type = {0};
    wire value = {0};
    put_text(&rows_dim, DIM_NAME, "N");
    put_int(&cols_dim, DIM_VALUE, cols);
    put_message(&shape, SHAPE_DIM, &rows_dim);
    put_message(&shape, SHAPE_DIM, &cols_dim);
    put_int(&tensor, TENSOR_TYPE_ELEMENT, element_type);
    put_message(&tensor, TENSOR_TYPE_SHAPE, &shape);
    put_message(&type, TYPE_TENSOR, &tensor);
    put_text(&value, VALUE_NAME, name);
    put_message(&value, VALUE_TYPE, &type);
    put_message(to, field, &value);
}

static bool contains(file f, const wire *part)
{
    for (size_t i = 0; i + part->size <= f.size; i++) {
        if (memcmp(f.bytes + i, part->bytes, part->size) == 0) {
            return true;
        }
    }
    return false;
}

static void save_declares_the_shapes_of_input_and_output(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        unsigned element_type = p == MLP_F32 ? 1 : 11;
        mlp_net *net = any_net(p, MLP_ACT_TANH, MLP_LOSS_MSE, 0);
        file f = onnx_of(net);
        wire expected = {0};
        put_declaration(&expected, GRAPH_INPUT, "input", element_type, 3);
        put_declaration(&expected, GRAPH_OUTPUT, "output", element_type, 5);
        assert_true(contains(f, &expected));
        free(expected.bytes);
        guarded_free(f.bytes);
        mlp_net_free(net);
    }
}

/* The numbers that gelu contains are scalars: tensors without dimensions. */
static void saved_constants_are_scalars(void **state)
{
    (void)state;
    const double half = 0.5;
    mlp_net *net = any_net(MLP_F64, MLP_ACT_GELU, MLP_LOSS_MSE, 0);
    file f = onnx_of(net);
    wire tensor = {0};
    wire expected = {0};
    put_int(&tensor, TENSOR_TYPE, 11);
    put_text(&tensor, TENSOR_NAME, "half");
    put_field(&tensor, TENSOR_RAW, &half, sizeof half);
    put_message(&expected, GRAPH_TENSOR, &tensor);
    assert_true(contains(f, &expected));
    free(expected.bytes);
    guarded_free(f.bytes);
    mlp_net_free(net);
}

static void save_refuses_what_is_missing(void **state)
{
    (void)state;
    hook_record record = {0};
    unsigned char bytes[8];
    mlp_net *net = hooked_net(&record);
    assert_int_equal(mlp_onnx_save_size(NULL), 0);
    assert_int_equal(mlp_onnx_save(NULL, "x.onnx"), MLP_ERR_NULL);
    assert_int_equal(mlp_onnx_save_memory(NULL, bytes, 8), MLP_ERR_NULL);
    assert_told(&record, mlp_onnx_save(net, NULL), MLP_ERR_NULL, "path");
    assert_told(&record, mlp_onnx_save_memory(net, NULL, 8), MLP_ERR_NULL,
                "place");
    assert_told(&record, mlp_onnx_save_memory(net, bytes, 8), MLP_ERR_SHAPE,
                "got 8");
    assert_told(&record, mlp_onnx_save(net, "no such folder/x.onnx"),
                MLP_ERR_IO, "no such folder");
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

static void save_refuses_a_batch_norm_that_cannot_be_folded(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = hooked_net(&record);
    put(tensor(net, MLP_SCALE, 1), 0, 2, 1e308);
    put(tensor(net, MLP_MEAN, 1), 0, 2, 1e308);
    size_t size = mlp_onnx_save_size(net);
    unsigned char *bytes = malloc(size);
    assert_non_null(bytes);
    assert_told(&record, mlp_onnx_save_memory(net, bytes, size),
                MLP_ERR_NOT_FINITE, "layer 1");
    assert_told(&record, mlp_onnx_save(net, "never.onnx"), MLP_ERR_NOT_FINITE,
                "layer 1");
    assert_int_not_equal(access("never.onnx", F_OK), 0);
    free(bytes);
    mlp_net_free(net);
}

static void save_survives_every_failed_allocation(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = hooked_net(&record);
    size_t size = mlp_onnx_save_size(net);
    unsigned char *bytes = malloc(size);
    size_t live = record.live;
    mlp_status status = MLP_ERR_MEMORY;
    assert_non_null(bytes);
    for (size_t n = 1; status != MLP_OK; n++) {
        record.fail_at = record.allocations + n;
        status = mlp_onnx_save_memory(net, bytes, size);
        assert_true(status == MLP_OK || status == MLP_ERR_MEMORY);
        assert_int_equal(record.live, live);
        assert_true(n < 10);
    }
    record.fail_at = record.allocations + 1;
    assert_int_equal(mlp_onnx_save_size(net), 0);
    assert_int_equal(record.live, live);
    free(bytes);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Reading what was written
 */

static mlp_net *net_of_onnx(file f)
{
    mlp_net *net = NULL;
    assert_int_equal(mlp_onnx_load_memory(f.bytes, f.size, NULL, &net), MLP_OK);
    assert_non_null(net);
    return net;
}

/* Compares the description and all parameters of layer l. */
static void assert_same_layer(const mlp_net *a, const mlp_net *b, size_t l)
{
    mlp_layer of_a;
    mlp_layer of_b;
    mlp_cview x;
    mlp_cview y;
    assert_int_equal(mlp_net_layer(a, l, &of_a), MLP_OK);
    assert_int_equal(mlp_net_layer(b, l, &of_b), MLP_OK);
    assert_int_equal(of_a.width, of_b.width);
    assert_int_equal(of_a.activation, of_b.activation);
    assert_true(of_a.slope == of_b.slope);
    for (int which = MLP_W; which <= MLP_B; which++) {
        assert_int_equal(mlp_net_ctensor(a, (mlp_tensor)which, l, &x), MLP_OK);
        assert_int_equal(mlp_net_ctensor(b, (mlp_tensor)which, l, &y), MLP_OK);
        for (size_t i = 0; i < x.rows * x.cols; i++) {
            assert_true(mlp_cview_at(x, i / x.cols, i % x.cols) ==
                        mlp_cview_at(y, i / x.cols, i % x.cols));
        }
    }
}

static void every_network_comes_back_to_the_bit(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (int a = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)a);
             a++) {
            for (int kind = 0; kind < 4; kind++) {
                mlp_net *net =
                    any_net(p, (mlp_activation)a, MLP_LOSS_MSE, kind);
                mlp_net *folded = NULL;
                assert_int_equal(mlp_net_fold_batch_norm(net, &folded), MLP_OK);
                file f = onnx_of(net);
                mlp_net *loaded = net_of_onnx(f);
                assert_int_equal(mlp_net_precision(loaded), p);
                for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
                    assert_same_layer(loaded, folded, l);
                }
                double x[2][3];
                double y[2][3];
                assert_int_equal(mlp_net_scaling(net, x[0], x[1]), MLP_OK);
                assert_int_equal(mlp_net_scaling(loaded, y[0], y[1]), MLP_OK);
                assert_memory_equal(x, y, sizeof x);
                mlp_net_free(net);
                mlp_net_free(folded);
                mlp_net_free(loaded);
                guarded_free(f.bytes);
            }
        }
    }
}

/* A gelu is written with a product behind it, which goes into the next layer.
 * Its map adds nothing, so a NaN must not reach the biases. */
static void weights_that_are_not_finite_come_back(void **state)
{
    (void)state;
    mlp_net *net = any_net(MLP_F32, MLP_ACT_GELU, MLP_LOSS_MSE, 0);
    put(tensor(net, MLP_W, 2), 0, 1, NAN);
    put(tensor(net, MLP_W, 2), 1, 1, INFINITY);
    file f = onnx_of(net);
    mlp_net *loaded = net_of_onnx(f);
    mlp_cview W = ctensor(loaded, MLP_W, 2);
    mlp_cview b = ctensor(loaded, MLP_B, 2);
    assert_true(isnan(mlp_cview_at(W, 0, 1)));
    assert_true(mlp_cview_at(W, 1, 1) == (double)INFINITY);
    assert_true(isfinite(mlp_cview_at(b, 0, 0)));
    assert_true(isfinite(mlp_cview_at(b, 0, 1)));
    mlp_net_free(net);
    mlp_net_free(loaded);
    guarded_free(f.bytes);
}

/* If all means are 0, or all deviations 1, the other half of the scaling must
 * still be written. */
static void means_and_deviations_come_back_separately(void **state)
{
    (void)state;
    const double zeros[] = {0, 0, 0};
    const double ones[] = {1, 1, 1};
    const double others[] = {49, 1, 0.1}; /* 1 / (1 / 49) is not 49 */
    mlp_net *net = any_net(MLP_F64, MLP_ACT_TANH, MLP_LOSS_MSE, 0);
    for (int i = 0; i < 2; i++) {
        double back[2][3];
        const double *mean = i == 0 ? zeros : others;
        const double *std = i == 0 ? others : ones;
        assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
        file f = onnx_of(net);
        mlp_net *loaded = net_of_onnx(f);
        assert_int_equal(mlp_net_scaling(loaded, back[0], back[1]), MLP_OK);
        assert_memory_equal(back[0], mean, sizeof zeros);
        assert_memory_equal(back[1], std, sizeof ones);
        mlp_net_free(loaded);
        guarded_free(f.bytes);
    }
    mlp_net_free(net);
}

static void losses_follow_the_last_activation(void **state)
{
    (void)state;
    const mlp_loss losses[] = {MLP_LOSS_CCE, MLP_LOSS_BCE, MLP_LOSS_MSE,
                               MLP_LOSS_POISSON};
    const mlp_activation activations[] = {MLP_ACT_SOFTMAX, MLP_ACT_SIGMOID,
                                          MLP_ACT_TANH, MLP_ACT_EXP};
    for (size_t i = 0; i < COUNT(losses); i++) {
        mlp_net *net = any_net(MLP_F32, activations[i], MLP_LOSS_MSE, 0);
        file f = onnx_of(net);
        mlp_net *loaded = net_of_onnx(f);
        assert_int_equal(mlp_net_loss(loaded), losses[i]);
        mlp_net_free(net);
        mlp_net_free(loaded);
        guarded_free(f.bytes);
    }
}

/* An ONNX file has slopes as floats. The decimal that is read back has as few
 * digits as tell the float from others, not the nearest half of a digit. */
static void slopes_of_few_digits_come_back_to_the_bit(void **state)
{
    (void)state;
    const double slopes[] = {0.3, 0.125, 0.85506207, 0.29231557, 0.076930106};
    for (size_t i = 0; i < COUNT(slopes); i++) {
        model m = {3, 2, {{6, MLP_ACT_LEAKY_RELU}, {5}}, MLP_LOSS_MSE};
        m.layers[0].slope = slopes[i];
        mlp_net *net = new_net(&m, MLP_F64, NULL);
        file f = onnx_of(net);
        mlp_net *loaded = net_of_onnx(f);
        mlp_layer layer = {.width = 0};
        assert_int_equal(mlp_net_layer(loaded, 1, &layer), MLP_OK);
        assert_true(layer.slope == slopes[i]);
        mlp_net_free(net);
        mlp_net_free(loaded);
        guarded_free(f.bytes);
    }
}

/* Version 0.1 saved leaky_relu and elu with a slope of 0. In mlp_layer 0 means
 * another slope, so their like is relu. */
static void slopes_of_0_come_back_as_relu(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        model m = {3,
                   3,
                   {{6, MLP_ACT_LEAKY_RELU}, {5, MLP_ACT_ELU}, {2}},
                   MLP_LOSS_MSE};
        m.layers[2].activation = MLP_ACT_LEAKY_RELU;
        mlp_net *net = new_saved_net(&m, p, NULL);
        file f = onnx_of(net);
        mlp_net *loaded = net_of_onnx(f);
        mlp_view X = random_matrix(p, 20, 3, -2, 2);
        mlp_view A[2] = {new_matrix(p, 20, 2, NULL),
                         new_matrix(p, 20, 2, NULL)};
        assert_int_equal(mlp_predict(net, ro(X), A[0]), MLP_OK);
        assert_int_equal(mlp_predict(loaded, ro(X), A[1]), MLP_OK);
        size_t zeros = 0;
        for (size_t i = 0; i < 40; i++) {
            zeros += at(A[1], i / 2, i % 2) == 0;
            assert_true(at(A[0], i / 2, i % 2) == at(A[1], i / 2, i % 2));
        }
        assert_in_range(zeros, 1, 39);
        for (size_t l = 1; l <= 3; l++) {
            mlp_layer layer = {.width = 0};
            assert_int_equal(mlp_net_layer(loaded, l, &layer), MLP_OK);
            assert_int_equal(layer.activation, MLP_ACT_RELU);
        }
        mlp_net_free(net);
        mlp_net_free(loaded);
        guarded_free(f.bytes);
        free(X.data);
        free(A[0].data);
        free(A[1].data);
    }
}

/* The last softmax has one column, which is always 1. */
static void softmax_of_one_column_is_refused(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    model m = {3, 2, {{4, MLP_ACT_TANH}, {1, MLP_ACT_SOFTMAX}}, MLP_LOSS_MSE};
    mlp_net *net = new_saved_net(&m, MLP_F32, NULL);
    mlp_net *loaded = NULL;
    file f = onnx_of(net);
    assert_told(&record, mlp_onnx_load_memory(f.bytes, f.size, &hooks, &loaded),
                MLP_ERR_ARGUMENT,
                "layer 2: cce expects an output for each class, 2 or more");
    assert_null(loaded);
    assert_int_equal(record.live, 0);
    mlp_net_free(net);
    guarded_free(f.bytes);
}

static void names_metadata_and_target_scaling_come_back(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (int a = MLP_ACT_IDENTITY; a <= MLP_ACT_TANH; a++) {
            const double mean[] = {1, 0, -3, 2, 100};
            const double std[] = {0.5, 1, 3, 0.125, 1000};
            double back[2][5];
            mlp_net *net = any_net(p, (mlp_activation)a, MLP_LOSS_MSE, 3);
            assert_int_equal(mlp_net_set_target_scaling(net, mean, std),
                             MLP_OK);
            file f = onnx_of(net);
            mlp_net *loaded = net_of_onnx(f);
            assert_int_equal(mlp_net_loss(loaded), MLP_LOSS_MSE);
            assert_int_equal(mlp_net_target_scaling(loaded, back[0], back[1]),
                             MLP_OK);
            assert_memory_equal(back[0], mean, sizeof mean);
            assert_memory_equal(back[1], std, sizeof std);
            for (size_t i = 0; i <= 5; i++) {
                const char *name = mlp_net_class_name(net, i);
                assert_true(!name == !mlp_net_class_name(loaded, i));
                if (name) {
                    assert_string_equal(mlp_net_class_name(loaded, i), name);
                }
            }
            assert_string_equal(mlp_net_metadata(loaded, "author"),
                                "me, \"I\"");
            assert_string_equal(mlp_net_metadata(loaded, "a"), "b");
            assert_null(mlp_net_metadata_key(loaded, 2));
            mlp_net_free(net);
            mlp_net_free(loaded);
            guarded_free(f.bytes);
        }
    }
}

/* ---------------------------------------------------------------------------
 * Reading what others wrote
 */

static mlp_net *loaded_foreign(const foreign *f)
{
    hook_record record = {0};
    mlp_hooks hooks = {.log = record_log, .user = &record};
    mlp_net *net = NULL;
    if (mlp_onnx_load_memory(f->bytes[0], f->size[0], &hooks, &net) != MLP_OK) {
        fail_msg("%s: %s", f->name[0], record.message);
    }
    return net;
}

/* ONNX knows no loss, so the file is read as one of mse, in which each output
 * has a scaling of its own; what it predicts stays the same. */
static void variances_keep_their_scaling(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = any_net(p, MLP_ACT_IDENTITY, MLP_LOSS_GAUSSIAN_NLL, 2);
        double of_net[2][6];
        double of_loaded[2][6];
        file f = onnx_of(net);
        mlp_net *loaded = net_of_onnx(f);
        assert_int_equal(mlp_net_loss(loaded), MLP_LOSS_MSE);
        assert_int_equal(mlp_net_output_scaling(net, of_net[0], of_net[1]),
                         MLP_OK);
        assert_int_equal(
            mlp_net_target_scaling(loaded, of_loaded[0], of_loaded[1]), MLP_OK);
        assert_memory_equal(of_net, of_loaded, sizeof of_net);
        assert_true(of_net[1][3] == 1 && of_net[0][3] == 0); /* std was 1 */
        assert_absolute(of_net[0][4], 2 * log(2e6), p == MLP_F32 ? 1e-5 : 0);
        mlp_net_free(net);
        mlp_net_free(loaded);
        guarded_free(f.bytes);
    }
}

static void files_of_other_software_predict_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(foreign_names); i++) {
        foreign f = foreign_of(foreign_names[i]);
        if (f.size[1] == 0) {
            mlp_net *net = loaded_foreign(&f);
            assert_predicts(net, &f);
            mlp_net_free(net);
        }
    }
}

static void activations_are_recognised_by_their_factors(void **state)
{
    (void)state;
    const mlp_activation expected[] = {
        MLP_ACT_GELU,       MLP_ACT_GELU_TANH, MLP_ACT_SILU, MLP_ACT_ELU,
        MLP_ACT_LEAKY_RELU, MLP_ACT_SOFTPLUS,  MLP_ACT_TANH, MLP_ACT_SIGMOID};
    foreign f = foreign_of("torch_gates");
    mlp_net *net = loaded_foreign(&f);
    assert_int_equal(mlp_net_layer_count(net), COUNT(expected));
    for (size_t l = 1; l <= COUNT(expected); l++) {
        mlp_layer layer;
        assert_int_equal(mlp_net_layer(net, l, &layer), MLP_OK);
        assert_int_equal(layer.activation, expected[l - 1]);
        assert_true(layer.slope == (l == 4 ? 0.5 : l == 5 ? 0.2 : 0));
    }
    mlp_net_free(net);
}

static void batch_norms_with_the_first_epsilon_stay(void **state)
{
    (void)state;
    foreign f = foreign_of("torch_norm");
    mlp_net *net = loaded_foreign(&f);
    const bool expected[] = {true, false, false};
    assert_int_equal(mlp_net_layer_count(net), 3);
    for (size_t l = 1; l <= 3; l++) {
        mlp_layer layer;
        assert_int_equal(mlp_net_layer(net, l, &layer), MLP_OK);
        assert_int_equal(layer.batch_norm, expected[l - 1]);
    }
    mlp_net_free(net);
}

static void skl2onnx_gives_scaling_and_names(void **state)
{
    (void)state;
    double mean[3];
    double std[3];
    foreign f = foreign_of("sklearn_two");
    mlp_net *net = loaded_foreign(&f);
    assert_int_equal(mlp_net_loss(net), MLP_LOSS_BCE);
    assert_string_equal(mlp_net_class_name(net, 0), "no");
    assert_string_equal(mlp_net_class_name(net, 1), "yes");
    assert_int_equal(mlp_net_scaling(net, mean, std), MLP_OK);
    assert_true(mean[0] == 0.5 && mean[1] == -1 && mean[2] == 2);
    assert_true(std[0] == 0.5 && std[1] == 4 && std[2] == 1);
    mlp_net_free(net);
    f = foreign_of("sklearn_regressor");
    net = loaded_foreign(&f);
    assert_int_equal(mlp_net_target_scaling(net, mean, std), MLP_OK);
    assert_true(mean[0] == -20 && std[0] == 3.5);
    assert_string_equal(mlp_net_metadata(net, "author"), "me");
    assert_null(mlp_net_metadata_key(net, 1));
    mlp_net_free(net);
    for (size_t i = 0; i + 6 <= f.size[0];
         i++) { /* texts that are not UTF-8 are left out */
        if (memcmp(f.bytes[0] + i, "author", 6) == 0) {
            f.bytes[0][i] = 0xff;
        }
    }
    net = loaded_foreign(&f);
    assert_null(mlp_net_metadata_key(net, 0));
    mlp_net_free(net);
}

static void refusals_name_the_node(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    char *text = read_onnx_text(MLP_TEST_VECTORS, "refused");
    char *next = text;
    static refused f;
    size_t count = 0;
    assert_non_null(text);
    for (; read_refused(&next, &f); count++) {
        mlp_net *net = NULL;
        assert_told(&record,
                    mlp_onnx_load_memory(f.bytes, f.size, &hooks, &net),
                    (mlp_status)f.status, f.message);
        assert_null(net);
        assert_int_equal(record.live, 0);
    }
    assert_int_equal(*next, '\0'); /* all were read */
    assert_true(count > 290);
    free(text);
}

static void load_refuses_what_is_missing(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_hooks half = {.allocate = record_allocate};
    mlp_net *net = NULL;
    unsigned char bytes[8] = {8, 7};
    assert_told(&record, mlp_onnx_load(NULL, &hooks, &net), MLP_ERR_NULL,
                "path");
    assert_told(&record, mlp_onnx_load("x", &hooks, NULL), MLP_ERR_NULL,
                "place");
    assert_told(&record, mlp_onnx_load_memory(NULL, 8, &hooks, &net),
                MLP_ERR_NULL, "file");
    assert_told(&record, mlp_onnx_load_memory(bytes, 8, &hooks, NULL),
                MLP_ERR_NULL, "place");
    assert_told(&record, mlp_onnx_load_memory(bytes, 0, &hooks, &net),
                MLP_ERR_FORMAT, "graph");
    assert_told(&record, mlp_onnx_load("no such file", &hooks, &net),
                MLP_ERR_IO, "no such file");
    assert_int_equal(mlp_onnx_load("x", &half, &net), MLP_ERR_ARGUMENT);
    assert_int_equal(mlp_onnx_load_memory(bytes, 8, &half, &net),
                     MLP_ERR_ARGUMENT);
    assert_null(net);
}

static void write_bytes(const char *path, const unsigned char *bytes, size_t n)
{
    FILE *to = fopen(path, "wb");
    assert_non_null(to);
    assert_int_equal(fwrite(bytes, 1, n, to), n);
    assert_int_equal(fclose(to), 0);
}

/* Some bytes can begin an ONNX file, as the first of a zip archive can; the
 * others cannot. */
static void other_files_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *told;
    } files[] = {
        {"PK\3\4\24\1\1\1data.pkl",
         "it is a zip archive, such as PyTorch's .pt"},
        {"\x80\2}q\1(X\6weight", "it is a Python pickle"},
        {"\x93NUMPY\1\1v", "it is an array of NumPy (.npy)"},
        {"FANN_FLO_2.1\n", "it is a FANN file (load it by mlp_fann_load)"},
        {"sepal_length,", "it begins with \"sepal_le\""},
    };
    char folder[] = "/tmp/mlp_onnx_XXXXXX";
    char path[64];
    char told[160];
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *net = NULL;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/model.onnx", folder);
    for (size_t i = 0; i < COUNT(files); i++) {
        write_bytes(path, (const unsigned char *)files[i].bytes,
                    strlen(files[i].bytes));
        (void)snprintf(told, sizeof told, "%s: not an ONNX file: %s", path,
                       files[i].told);
        assert_told(&record, mlp_onnx_load(path, &hooks, &net), MLP_ERR_FORMAT,
                    told);
    }
    /* The file is a network of this library. */
    mlp_net *own = new_net(&xor_model, MLP_F64, NULL);
    assert_int_equal(mlp_net_save(own, path), MLP_OK);
    assert_told(&record, mlp_onnx_load(path, &hooks, &net), MLP_ERR_FORMAT,
                "not an ONNX file: it is a .mlp or safetensors file");
    /* An ONNX file is loaded as a network of this library. */
    assert_int_equal(mlp_onnx_save(own, path), MLP_OK);
    assert_told(&record, mlp_net_load(path, &hooks, &net), MLP_ERR_FORMAT,
                "not a .mlp file: it is an ONNX file (load it by "
                "mlp_onnx_load)");
    mlp_net_free(own);
    assert_null(net);
    assert_int_equal(record.live, 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void load_survives_every_failed_allocation(void **state)
{
    (void)state;
    foreign f = foreign_of("sklearn_two");
    mlp_status status = MLP_ERR_MEMORY;
    for (size_t n = 1; status != MLP_OK; n++) {
        hook_record record = {.fail_at = n};
        mlp_hooks hooks = recording_hooks(&record);
        mlp_net *net = NULL;
        status = mlp_onnx_load_memory(f.bytes[0], f.size[0], &hooks, &net);
        assert_true(status == MLP_OK || status == MLP_ERR_MEMORY);
        assert_true((status == MLP_OK) == (net != NULL));
        mlp_net_free(net);
        assert_int_equal(record.live, 0);
        assert_true(n < 20);
    }
}

/* Loads bytes that may be damaged. If a network comes of them, it must be able
 * to predict. */
static void try_bytes(const unsigned char *bytes, size_t size)
{
    mlp_net *net = NULL;
    mlp_status status = mlp_onnx_load_memory(bytes, size, NULL, &net);
    assert_true((status == MLP_OK) == (net != NULL));
    if (net && mlp_net_inputs(net) + mlp_net_outputs(net) < FOREIGN_NUMBERS) {
        assert_predicts_a_row(net);
    }
    mlp_net_free(net);
}

static void damage_is_refused_or_harmless(void **state)
{
    (void)state;
    const char *const names[] = {"gemm", "sklearn_two"};
    for (size_t k = 0; k < COUNT(names); k++) {
        foreign f = foreign_of(names[k]);
        for (size_t n = 0; n < f.size[0]; n++) {
            /* The copy ends where readable memory ends. */
            unsigned char *part = guarded_alloc(n);
            memcpy(part, f.bytes[0], n);
            try_bytes(part, n);
            guarded_free(part);
        }
        for (size_t i = 0; i < f.size[0]; i++) {
            for (unsigned flip = 1; flip < 256; flip = 2 * flip + 1) {
                f.bytes[0][i] ^= (unsigned char)flip;
                try_bytes(f.bytes[0], f.size[0]);
                f.bytes[0][i] ^= (unsigned char)flip;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(save_writes_the_same_to_disk_and_memory),
        cmocka_unit_test(save_declares_the_shapes_of_input_and_output),
        cmocka_unit_test(saved_constants_are_scalars),
        cmocka_unit_test(save_refuses_what_is_missing),
        cmocka_unit_test(save_refuses_a_batch_norm_that_cannot_be_folded),
        cmocka_unit_test(save_survives_every_failed_allocation),
        cmocka_unit_test(every_network_comes_back_to_the_bit),
        cmocka_unit_test(weights_that_are_not_finite_come_back),
        cmocka_unit_test(means_and_deviations_come_back_separately),
        cmocka_unit_test(losses_follow_the_last_activation),
        cmocka_unit_test(slopes_of_few_digits_come_back_to_the_bit),
        cmocka_unit_test(slopes_of_0_come_back_as_relu),
        cmocka_unit_test(softmax_of_one_column_is_refused),
        cmocka_unit_test(names_metadata_and_target_scaling_come_back),
        cmocka_unit_test(variances_keep_their_scaling),
        cmocka_unit_test(files_of_other_software_predict_the_same),
        cmocka_unit_test(activations_are_recognised_by_their_factors),
        cmocka_unit_test(batch_norms_with_the_first_epsilon_stay),
        cmocka_unit_test(skl2onnx_gives_scaling_and_names),
        cmocka_unit_test(refusals_name_the_node),
        cmocka_unit_test(load_refuses_what_is_missing),
        cmocka_unit_test(other_files_are_named),
        cmocka_unit_test(load_survives_every_failed_allocation),
        cmocka_unit_test(damage_is_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
