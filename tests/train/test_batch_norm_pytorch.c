/* SPDX-License-Identifier: MIT */
/*
 * Batch normalisation compared to PyTorch's: forward, backward, running moments
 * over several steps, and prediction. tests/vectors/make_batch_norm.py made the
 * numbers.
 */
#include "support/training.h"

static const model torchs = {3,
                             4,
                             {{5, MLP_ACT_TANH, 0, 0, true},
                              {4, MLP_ACT_RELU, 0, 0, false},
                              {3, MLP_ACT_RELU, 0, 0, true},
                              {2, MLP_ACT_SIGMOID, 0, 0, true}},
                             MLP_LOSS_BCE};

static bool normalises(size_t l)
{
    return torchs.layers[l - 1].batch_norm;
}

/* A reader of the numbers of one network in a file of tests/vectors. The
 * numbers before `next` have been read. */
typedef struct numbers {
    vector v;
    const double *next, *end;
} numbers;

static numbers numbers_of(const char *name, size_t network)
{
    char file[64];
    (void)snprintf(file, sizeof file, "batch_norm_%s", name);
    numbers n = {.v = read_vector(file)};
    assert_int_equal(n.v.rows, 2);
    n.next = n.v.data + network * n.v.cols;
    n.end = n.next + n.v.cols;
    return n;
}

/* Asserts that all numbers have been read. */
static void finish(numbers *n)
{
    assert_ptr_equal(n->next, n->end);
    free(n->v.data);
}

static void put_next(numbers *n, mlp_view view)
{
    for (size_t i = 0; i < view.rows * view.cols; i++) {
        put(view, i / view.cols, i % view.cols, *n->next++);
    }
}

static void assert_next(numbers *n, mlp_cview view, double relative)
{
    for (size_t i = 0; i < view.rows * view.cols; i++) {
        assert_true(n->next < n->end);
        check_near(mlp_cview_at(view, i / view.cols, i % view.cols), *n->next,
                   relative, relative / 10, __FILE__, __LINE__);
        n->next++;
    }
}

static mlp_view matrix_of(mlp_dtype dtype, const char *name, size_t network,
                          size_t cols)
{
    numbers n = numbers_of(name, network);
    mlp_view view = new_matrix(dtype, 13, cols, NULL);
    put_next(&n, view);
    finish(&n);
    return view;
}

/* Returns the view that a trainer gives of one tensor. */
static mlp_cview shown(mlp_trainer *trainer, mlp_tensor which, size_t l)
{
    mlp_view view;
    assert_int_equal(mlp_trainer_tensor(trainer, which, l, &view), MLP_OK);
    return ro(view);
}

static void assert_tensors(mlp_trainer *trainer, numbers *n, mlp_tensor W,
                           mlp_tensor b, mlp_tensor scale, double relative)
{
    for (size_t l = 1; l <= 4; l++) {
        assert_next(n, shown(trainer, W, l), relative);
        assert_next(n, shown(trainer, b, l), relative);
        if (normalises(l)) {
            assert_next(n, shown(trainer, scale, l), relative);
        }
    }
}

static void assert_running(mlp_trainer *trainer, numbers *n, double relative)
{
    for (size_t l = 1; l <= 4; l++) {
        if (normalises(l)) {
            assert_next(n, shown(trainer, MLP_MEAN, l), relative);
            assert_next(n, shown(trainer, MLP_VARIANCE, l), relative);
        }
    }
}

static mlp_net *torchs_net(mlp_dtype dtype, size_t network)
{
    mlp_config config = config_of(&torchs, dtype, NULL);
    config.batch_norm_momentum = network == 0 ? 0.1 : 0.3;
    config.batch_norm_epsilon = network == 0 ? 1e-5 : 0.05;
    mlp_net *net = net_of(&config);
    numbers initial = numbers_of("initial", network);
    for (size_t l = 1; l <= 4; l++) {
        put_next(&initial, tensor(net, MLP_W, l));
        put_next(&initial, tensor(net, MLP_B, l));
        if (normalises(l)) {
            put_next(&initial, tensor(net, MLP_SCALE, l));
        }
    }
    finish(&initial);
    return net;
}

static void assert_first_batch(mlp_trainer *trainer, size_t network,
                               double relative)
{
    numbers Z = numbers_of("Z", network);
    for (size_t l = 1; l <= 4; l++) {
        assert_next(&Z, shown(trainer, MLP_Z, l), relative);
    }
    finish(&Z);
    numbers gradients = numbers_of("gradients", network);
    assert_tensors(trainer, &gradients, MLP_DW, MLP_DB, MLP_DSCALE, relative);
    finish(&gradients);
}

static void assert_prediction(const mlp_net *net, mlp_cview X, size_t network,
                              double relative)
{
    mlp_view A = new_matrix(mlp_net_precision(net), 13, 2, NULL);
    assert_int_equal(mlp_predict(net, X, A), MLP_OK);
    numbers prediction = numbers_of("prediction", network);
    assert_next(&prediction, ro(A), relative);
    finish(&prediction);
    free(A.data);
}

static void assert_torchs(mlp_dtype dtype, size_t network, double relative)
{
    static const size_t firsts[] = {0, 6, 11, 13};
    mlp_net *net = torchs_net(dtype, network);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, 6, &trainer), MLP_OK);
    mlp_view X = matrix_of(dtype, "X", network, 3);
    mlp_view Y = matrix_of(dtype, "Y", network, 2);
    numbers losses = numbers_of("loss", network);
    numbers running = numbers_of("running", network);
    for (size_t step = 0; step < 6; step++) {
        size_t first = firsts[step % 3];
        size_t rows = firsts[step % 3 + 1] - first;
        mlp_cview targets = mlp_cview_rows(ro(Y), first, rows);
        double loss = NAN;
        assert_int_equal(
            mlp_trainer_forward(trainer, mlp_cview_rows(ro(X), first, rows)),
            MLP_OK);
        assert_int_equal(mlp_trainer_loss(trainer, targets, &loss), MLP_OK);
        assert_next(&losses, mlp_cview_f64(&loss, 1, 1), relative);
        assert_int_equal(mlp_trainer_backward(trainer, targets), MLP_OK);
        if (step == 0) {
            assert_first_batch(trainer, network, relative);
        }
        assert_int_equal(mlp_trainer_update(trainer, 0.5), MLP_OK);
        assert_running(trainer, &running, relative);
    }
    numbers final = numbers_of("final", network);
    assert_tensors(trainer, &final, MLP_W, MLP_B, MLP_SCALE, relative);
    assert_prediction(net, ro(X), network, relative);
    mlp_net *folded = NULL;
    assert_int_equal(mlp_net_fold_batch_norm(net, &folded), MLP_OK);
    assert_prediction(folded, ro(X), network, relative);
    mlp_net_free(folded);
    finish(&final);
    finish(&losses);
    finish(&running);
    free(X.data);
    free(Y.data);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

static void networks_are_pytorchs(void **state)
{
    (void)state;
    for (size_t network = 0; network < 2; network++) {
        assert_torchs(MLP_F64, network, 1e-12);
        assert_torchs(MLP_F32, network, 1e-3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_pytorchs),
    };
    return cmocka_run_group_tests_name("batch_norm_pytorch", tests, NULL, NULL);
}
