/* SPDX-License-Identifier: MIT */
/*
 * Row and class weights compared with PyTorch's (tests/vectors/make_weights.py
 * makes the numbers), and with rows that are there twice, where sums are exact.
 * Another test shows that a rare class is found more often with a larger
 * weight.
 */
#include "support/training.h"

enum { ROWS = 24, STEPS = 20, NUMBERS = 31 };

static const mlp_loss losses[] = {MLP_LOSS_BCE, MLP_LOSS_MSE, MLP_LOSS_CCE};
static const mlp_activation lasts[] = {MLP_ACT_SIGMOID, MLP_ACT_IDENTITY,
                                       MLP_ACT_SOFTMAX};
static const size_t batches[] = {24, 7};
static const double two_classes[] = {0.75, 3};
static const double three_classes[] = {0.5, 2, 1.25};

/* Returns network k of 0 to 2. It has k + 1 outputs, and its parameters are the
 * first of those for three outputs. */
static mlp_net *fixture_net(size_t k, mlp_dtype dtype)
{
    model m = {3,
               2,
               {{.width = 4, .activation = MLP_ACT_TANH},
                {.width = k + 1, .activation = lasts[k]}},
               losses[k]};
    mlp_net *net = new_net(&m, dtype, NULL);
    vector v = read_vector("weights_initial");
    put_all(tensor(net, MLP_W, 1), 12, v.data);
    put_all(tensor(net, MLP_B, 1), 4, v.data + 12);
    put_all(tensor(net, MLP_W, 2), 4 * (k + 1), v.data + 16);
    put_all(tensor(net, MLP_B, 2), k + 1, v.data + 28);
    free(v.data);
    return net;
}

/* Returns the targets of network k. For cce they are classes as int32, or
 * one-hot rows. */
static mlp_view targets_of(size_t k, mlp_dtype dtype, bool as_rows)
{
    mlp_view Y = new_matrix(dtype, ROWS, k + 1, NULL);
    vector v = read_vector("weights_classes");
    if (k == 1) {
        put_vector(Y, "weights_Y");
    } else if (k == 2 && !as_rows) {
        free(Y.data);
        int32_t *classes = calloc(ROWS, sizeof *classes);
        assert_non_null(classes);
        Y = mlp_view_i32(classes, ROWS, 1);
    }
    for (size_t i = 0; k != 1 && i < ROWS; i++) {
        if (k == 0) {
            put(Y, i, 0, v.data[i] > 0);
        } else if (as_rows) {
            put(Y, i, (size_t)v.data[i], 1);
        } else {
            assert_true(mlp_view_set(Y, i, 0, v.data[i]));
        }
    }
    free(v.data);
    return Y;
}

typedef enum kind { OF_ROWS, OF_CLASSES, OF_BOTH } kind;

/* Trains the network and returns the loss of the last epoch. */
static double train(mlp_net *net, size_t k, size_t batch, kind weights,
                    bool as_rows)
{
    mlp_dtype dtype = mlp_net_precision(net);
    mlp_view X = new_matrix(dtype, ROWS, 3, NULL);
    mlp_view w = new_matrix(MLP_F64, ROWS, 1, NULL);
    mlp_view Y = targets_of(k, dtype, as_rows);
    put_vector(X, "weights_X");
    put_vector(w, "weights_rows");
    mlp_train_options options = tutorial_options();
    options.epochs = STEPS / ((ROWS + batch - 1) / batch);
    options.batch_size = batch;
    options.shuffle = false;
    options.learning_rate = 0.05;
    options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_MOMENTUM);
    options.optimizer.l2 = 0.3;
    if (weights != OF_CLASSES) {
        options.row_weights = ro(w);
    }
    if (weights != OF_ROWS) {
        options.class_weights = k == 0 ? two_classes : three_classes;
    }
    mlp_history *history = NULL;
    assert_int_equal(mlp_fit(net, ro(X), ro(Y), &options, &history), MLP_OK);
    double loss = mlp_history_losses(history)[options.epochs - 1];
    mlp_history_free(history);
    free(X.data);
    free(w.data);
    free(Y.data);
    return loss;
}

static void assert_case(size_t k, size_t batch, kind weights,
                        const double *expected)
{
    static const double tolerances[] = {1e-4, 1e-12};
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = fixture_net(k, p);
        double loss = train(net, k, batch, weights, false);
        assert_relative(loss, expected[NUMBERS], tolerances[p]);
        const double *next = expected;
        for (size_t l = 1; l <= 2; l++) {
            for (int which = MLP_W; which <= MLP_B; which++) {
                mlp_cview view = ctensor(net, (mlp_tensor)which, l);
                for (size_t i = 0; i < view.rows * view.cols; i++, next++) {
                    check_near(mlp_cview_at(view, i / view.cols, i % view.cols),
                               *next, tolerances[p], tolerances[p] / 10,
                               __FILE__, __LINE__);
                }
            }
        }
        mlp_net *same = fixture_net(k, p);
        assert_true(train(same, k, batch, weights, true) == loss);
        assert_same_net(same, net);
        mlp_net_free(same);
        mlp_net_free(net);
    }
}

static void weighted_means_are_pytorchs(void **state)
{
    (void)state;
    vector v = read_vector("weights_final");
    assert_int_equal(v.cols, NUMBERS + 1);
    const double *expected = v.data;
    for (size_t k = 0; k < COUNT(losses); k++) {
        for (size_t b = 0; b < COUNT(batches); b++) {
            for (int w = OF_ROWS; w <= (k == 1 ? OF_ROWS : OF_BOTH); w++) {
                assert_case(k, batches[b], (kind)w, expected);
                expected += v.cols;
            }
        }
    }
    assert_ptr_equal(expected, v.data + v.rows * v.cols);
    free(v.data);
}

/* ---------------------------------------------------------------------------
 * Weights and repeated rows, to the bit
 */

static mlp_net *stepped(size_t k, mlp_cview X, mlp_cview Y, mlp_cview weights,
                        double alpha)
{
    mlp_net *net = fixture_net(k, X.dtype);
    mlp_train_options options = tutorial_options();
    options.epochs = 3;
    options.learning_rate = alpha;
    options.row_weights = weights;
    assert_int_equal(mlp_fit(net, X, Y, &options, NULL), MLP_OK);
    return net;
}

/* Doubling is exact, so the weight 2 and the same row twice give the same bits.
 */
static void one_row_is_the_row_twice(void **state)
{
    (void)state;
    static const double weight = 2;
    FOR_EACH_PRECISION(p)
    {
        for (size_t k = 0; k < COUNT(losses); k++) {
            mlp_view X = new_matrix(p, 1, 3, NULL);
            mlp_view Y = new_matrix(p, 1, k + 1, NULL);
            put_all(X, 3, (const double[]){0.3, -1.7, 0.9});
            put(Y, 0, 0, 1);
            mlp_cview twice[2] = {ro(X), ro(Y)};
            for (size_t i = 0; i < 2; i++) {
                twice[i].rows = 2;
                twice[i].row_stride = 0;
            }
            mlp_cview none = {.rows = 0};
            mlp_net *net =
                stepped(k, ro(X), ro(Y), mlp_cview_f64(&weight, 1, 1), 0.1);
            mlp_net *expected = stepped(k, twice[0], twice[1], none, 0.1);
            assert_same_net(net, expected);
            mlp_net_free(expected);
            mlp_net_free(net);
            free(X.data);
            free(Y.data);
        }
    }
}

/* The network is a line through small whole numbers, and the number of rows is
 * a power of two. No sum is rounded in three steps, so the order of the rows
 * does not matter. */
static void exact_sums_are_those_of_rows_twice(void **state)
{
    (void)state;
    static const double X[] = {1, -2, 3, 1, 2};
    static const double Y[] = {2, 1, -1, 3, 0};
    static const double w[] = {1, 2, 3, 1, 1};
    static const double X_often[] = {1, -2, -2, 3, 3, 3, 1, 2};
    static const double Y_often[] = {2, 1, 1, -1, -1, -1, 3, 0};
    static const model line = {1, 1, {{.width = 1}}, MLP_LOSS_MSE};
    mlp_net *nets[2];
    for (size_t i = 0; i < 2; i++) {
        nets[i] = new_net(&line, MLP_F64, NULL);
        fill(tensor(nets[i], MLP_W, 1), 0.5);
        mlp_train_options options = tutorial_options();
        options.epochs = 3;
        options.learning_rate = 0.125;
        if (i == 1) {
            options.row_weights = mlp_cview_f64(w, 5, 1);
        }
        assert_int_equal(mlp_fit(nets[i],
                                 i == 0 ? mlp_cview_f64(X_often, 8, 1)
                                        : mlp_cview_f64(X, 5, 1),
                                 i == 0 ? mlp_cview_f64(Y_often, 8, 1)
                                        : mlp_cview_f64(Y, 5, 1),
                                 &options, NULL),
                         MLP_OK);
    }
    assert_same_net(nets[1], nets[0]);
    assert_true(mlp_cview_at(ctensor(nets[0], MLP_W, 1), 0, 0) != 0.5);
    mlp_net_free(nets[1]);
    mlp_net_free(nets[0]);
}

/* ---------------------------------------------------------------------------
 * Unbalanced classes
 */

/* Returns rows of two classes around points that are near each other, twenty of
 * class 0 to one of class 1. */
static data unequal(uint32_t seed)
{
    enum { M = 420 };
    data d = {new_matrix(MLP_F64, M, 2, NULL), new_matrix(MLP_F64, M, 1, NULL)};
    mlp_rng rng = mlp_rng_seeded(seed);
    for (size_t i = 0; i < M; i++) {
        double y = i % 21 == 20;
        put(d.X, i, 0, mlp_rng_normal(&rng, 2 * y, 1));
        put(d.X, i, 1, mlp_rng_normal(&rng, -2 * y, 1));
        put(d.Y, i, 0, y);
    }
    return d;
}

/* Returns the recall of class 1. */
static double recall(const mlp_net *net, data d)
{
    double hits = 0;
    double all = 0;
    for (size_t i = 0; i < d.X.rows; i++) {
        int32_t label = 0;
        assert_int_equal(mlp_classify(net, mlp_cview_rows(ro(d.X), i, 1), 0.5,
                                      mlp_view_i32(&label, 1, 1)),
                         MLP_OK);
        all += at(d.Y, i, 0);
        hits += at(d.Y, i, 0) * (double)label;
    }
    return hits / all;
}

/* Returns the recall of class 1 on rows of one seed, after training on rows of
 * another. */
static double recall_with(const double *class_weights)
{
    static const model m = {2,
                            2,
                            {{.width = 8, .activation = MLP_ACT_TANH},
                             {.width = 1, .activation = MLP_ACT_SIGMOID}},
                            MLP_LOSS_BCE};
    data rows = unequal(1);
    data others = unequal(2);
    mlp_train_options options = tutorial_options();
    options.epochs = 300;
    options.learning_rate = 0.5;
    options.class_weights = class_weights;
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    assert_int_equal(mlp_fit(net, ro(rows.X), ro(rows.Y), &options, NULL),
                     MLP_OK);
    double share = recall(net, others);
    mlp_net_free(net);
    free_data(others);
    free_data(rows);
    return share;
}

static void class_weights_help_the_few(void **state)
{
    (void)state;
    static const double weights[2] = {1, 20};
    double plain = recall_with(NULL);
    double weighted = recall_with(weights);
    print_message("# recall of the minority: %.2f, weighted %.2f\n", plain,
                  weighted);
    assert_true(plain < 0.75);
    assert_true(weighted > 0.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weighted_means_are_pytorchs),
        cmocka_unit_test(one_row_is_the_row_twice),
        cmocka_unit_test(exact_sums_are_those_of_rows_twice),
        cmocka_unit_test(class_weights_help_the_few),
    };
    return cmocka_run_group_tests_name("weights_pytorch", tests, NULL, NULL);
}
