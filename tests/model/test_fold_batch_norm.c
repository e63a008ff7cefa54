/* SPDX-License-Identifier: MIT */
/*
 * Folding batch norm into the weights gives a network without it that predicts
 * the same. test_batch_norm_pytorch.c compares it with PyTorch, too.
 */
#include "support/training.h"

enum { ROWS = 40, INPUTS = 5 };

/* The widths lie at and around a block of neurons; one layer has no batch
 * norm. */
static const model folds[] = {
    {INPUTS, 1, {{1, MLP_ACT_SIGMOID, 0, 0, true}}, MLP_LOSS_BCE},
    {INPUTS, 1, {{1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE},
    {INPUTS,
     4,
     {{63, MLP_ACT_TANH, 0, 0.25, true},
      {64, MLP_ACT_RELU, 0, 0.5, true},
      {17, MLP_ACT_TANH},
      {2, MLP_ACT_SIGMOID, 0, 0, true}},
     MLP_LOSS_BCE},
    {INPUTS,
     3,
     {{65, MLP_ACT_RELU}, {130, MLP_ACT_TANH, 0, 0, true}, {3}},
     MLP_LOSS_MSE},
};

static size_t outputs_of(const model *m)
{
    return m->layers[m->n_layers - 1].width;
}

static data data_for(const model *m, mlp_dtype p)
{
    return (data){random_matrix(p, ROWS, INPUTS, -3, 1),
                  random_matrix(p, ROWS, outputs_of(m), 0, 1)};
}

/* Returns a network whose batch norm has moved far from its first values, with
 * scaled inputs. */
static mlp_net *trained(const model *m, data d, hook_record *record)
{
    mlp_net *net = new_net(m, d.X.dtype, record);
    mlp_train_options options = tutorial_options();
    options.epochs = 30;
    options.learning_rate = 0.1;
    options.batch_size = 9;
    assert_int_equal(mlp_net_standardise(net, ro(d.X)), MLP_OK);
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    return net;
}

static mlp_net *folded(const mlp_net *net)
{
    mlp_net *copy = NULL;
    assert_int_equal(mlp_net_fold_batch_norm(net, &copy), MLP_OK);
    assert_non_null(copy);
    return copy;
}

static void predictions_are_the_same(void **state)
{
    (void)state;
    static const double tolerance[] = {2e-5, 2e-14};
    FOR_EACH_PRECISION(p)
    {
        for (size_t k = 0; k < COUNT(folds); k++) {
            data d = data_for(&folds[k], p);
            mlp_net *net = trained(&folds[k], d, NULL);
            mlp_net *copy = folded(net);
            size_t n = outputs_of(&folds[k]);
            mlp_view A = new_matrix(p, ROWS, n, NULL);
            mlp_view B = new_matrix(p, ROWS, n, NULL);
            assert_int_equal(mlp_predict(net, ro(d.X), A), MLP_OK);
            mlp_net_free(net); /* the copy does not need the original */
            assert_int_equal(mlp_predict(copy, ro(d.X), B), MLP_OK);
            for (size_t i = 0; i < ROWS * n; i++) {
                assert_absolute(at(B, i / n, i % n), at(A, i / n, i % n),
                                tolerance[p]);
            }
            free(A.data);
            free(B.data);
            mlp_net_free(copy);
            free_data(d);
        }
    }
}

static double rounded(mlp_dtype p, double x)
{
    return p == MLP_F32 ? (double)(float)x : x;
}

static double number(const mlp_net *net, mlp_tensor which, size_t l, size_t j)
{
    return mlp_cview_at(ctensor(net, which, l), 0, j);
}

static void assert_layer_is_the_formula(const mlp_net *net, const mlp_net *copy,
                                        size_t l)
{
    mlp_dtype p = mlp_net_precision(net);
    mlp_cview W = ctensor(net, MLP_W, l);
    for (size_t j = 0; j < W.rows; j++) {
        double s = number(net, MLP_SCALE, l, j) /
                   sqrt(number(net, MLP_VARIANCE, l, j) + 1e-5);
        double b = number(net, MLP_B, l, j);
        b -= s * number(net, MLP_MEAN, l, j);
        assert_true(number(copy, MLP_B, l, j) == rounded(p, b));
        for (size_t i = 0; i < W.cols; i++) {
            assert_true(mlp_cview_at(ctensor(copy, MLP_W, l), j, i) ==
                        rounded(p, s * mlp_cview_at(W, j, i)));
        }
    }
}

static void weights_are_those_of_the_formula(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (size_t k = 0; k < COUNT(folds); k++) {
            const model *m = &folds[k];
            data d = data_for(m, p);
            mlp_net *net = trained(m, d, NULL);
            mlp_net *copy = folded(net);
            for (size_t l = 1; l <= m->n_layers; l++) {
                if (m->layers[l - 1].batch_norm) {
                    assert_layer_is_the_formula(net, copy, l);
                } else {
                    assert_same(ctensor(copy, MLP_W, l),
                                ctensor(net, MLP_W, l));
                    assert_same(ctensor(copy, MLP_B, l),
                                ctensor(net, MLP_B, l));
                }
            }
            mlp_net_free(copy);
            mlp_net_free(net);
            free_data(d);
        }
    }
}

static void all_else_stays(void **state)
{
    (void)state;
    const model *m = &folds[2];
    hook_record record = {0};
    data d = data_for(m, MLP_F32);
    mlp_net *net = trained(m, d, &record);
    mlp_net *before = clone_of(net);
    mlp_net *copy = folded(net);
    assert_same_net(net, before);
    mlp_view none;
    assert_told(&record, mlp_net_tensor(copy, MLP_SCALE, 1, &none),
                MLP_ERR_ARGUMENT,
                "batch norm"); /* the copy has the hooks, too */
    assert_int_equal(mlp_net_parameter_count(copy),
                     mlp_net_parameter_count(net) - 63 - 64 - 2);
    assert_string_equal(mlp_net_kernels(copy), mlp_net_kernels(net));
    assert_int_equal(mlp_net_loss(copy), mlp_net_loss(net));
    for (size_t l = 1; l <= 4; l++) {
        mlp_layer layer = {.width = 0};
        assert_int_equal(mlp_net_layer(copy, l, &layer), MLP_OK);
        assert_int_equal(layer.width, m->layers[l - 1].width);
        assert_int_equal(layer.activation, m->layers[l - 1].activation);
        assert_true(layer.dropout == m->layers[l - 1].dropout);
        assert_false(layer.batch_norm);
    }
    double scaling[4][INPUTS];
    assert_int_equal(mlp_net_scaling(net, scaling[0], scaling[1]), MLP_OK);
    assert_int_equal(mlp_net_scaling(copy, scaling[2], scaling[3]), MLP_OK);
    assert_memory_equal(scaling[0], scaling[2], sizeof scaling / 2);
    /* The folded network can be trained like any other. */
    mlp_train_options options = tutorial_options();
    options.epochs = 3;
    assert_int_equal(mlp_fit(copy, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    mlp_net_free(copy);
    mlp_net_free(before);
    mlp_net_free(net);
    free_data(d);
    assert_int_equal(record.live, 0);
}

static void weights_that_would_not_be_finite_are_refused(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&folds[2], MLP_F32, &record);
    mlp_net *before = clone_of(net);
    mlp_net *copy = NULL;
    put(tensor(net, MLP_SCALE, 2), 0, 63, 3e38);
    put(tensor(net, MLP_VARIANCE, 2), 0, 63, 0);
    assert_told(&record, mlp_net_fold_batch_norm(net, &copy),
                MLP_ERR_NOT_FINITE, "layer 2");
    put(tensor(net, MLP_SCALE, 2), 0, 63, 1);
    put(tensor(net, MLP_VARIANCE, 2), 0, 63, -1); /* a caller's mistake */
    assert_told(&record, mlp_net_fold_batch_norm(net, &copy),
                MLP_ERR_NOT_FINITE, "layer 2");
    put(tensor(net, MLP_VARIANCE, 2), 0, 63, 1);
    put(tensor(net, MLP_B, 4), 0, 1, NAN);
    assert_told(&record, mlp_net_fold_batch_norm(net, &copy),
                MLP_ERR_NOT_FINITE, "layer 4");
    assert_null(copy);
    put(tensor(net, MLP_B, 4), 0, 1, 0);
    assert_same_net(net, before);
    assert_told(&record, mlp_net_fold_batch_norm(net, NULL), MLP_ERR_NULL,
                "copy");
    assert_int_equal(mlp_net_fold_batch_norm(NULL, &copy), MLP_ERR_NULL);
    mlp_net_free(before);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predictions_are_the_same),
        cmocka_unit_test(weights_are_those_of_the_formula),
        cmocka_unit_test(all_else_stays),
        cmocka_unit_test(weights_that_would_not_be_finite_are_refused),
    };
    return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
