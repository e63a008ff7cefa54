/* SPDX-License-Identifier: MIT */
/*
 * Threads. One const network is used by several threads at once, and several
 * networks are trained at once; the bits must be those of a single thread.
 */
#include "support/training.h"

#include <pthread.h>

enum { THREADS = 8, ROUNDS = 25, ROWS = 150 };

/* What all threads share, and what one thread finds out. cmocka's assertions
 * may be used by the main thread only, so the other threads store a result. */
typedef struct task {
    const mlp_net *net;
    mlp_cview X, Y;
    mlp_cview expected; /* outputs */
    mlp_scores scores;
    mlp_view A; /* written by this thread alone */
    int32_t labels[ROWS];
    bool right;
} task;

static bool predicts_right(task *t, mlp_workspace *workspace)
{
    size_t row = ROWS * (mlp_net_precision(t->net) == MLP_F32 ? sizeof(float)
                                                              : sizeof(double));
    memset(t->A.data, 0x55, row);
    mlp_status status = workspace
                            ? mlp_predict_with(t->net, workspace, t->X, t->A)
                            : mlp_predict(t->net, t->X, t->A);
    return status == MLP_OK && memcmp(t->A.data, t->expected.data, row) == 0;
}

/* Predicts row by row, for which there is a kernel of its own. */
static bool predicts_rows_right(task *t, mlp_workspace *workspace)
{
    bool right = true;
    mlp_view a = t->A;
    a.rows = 1;
    for (size_t i = 0; right && i < ROWS; i++) {
        right = mlp_predict_with(t->net, workspace, mlp_cview_rows(t->X, i, 1),
                                 a) == MLP_OK &&
                mlp_cview_at(mlp_view_const(a), 0, 0) ==
                    mlp_cview_at(t->expected, i, 0);
    }
    return right;
}

static bool classifies_right(task *t)
{
    if (mlp_classify(t->net, t->X, 0.5, mlp_view_i32(t->labels, ROWS, 1)) !=
        MLP_OK) {
        return false;
    }
    for (size_t i = 0; i < ROWS; i++) {
        if (t->labels[i] != (mlp_cview_at(t->expected, i, 0) >= 0.5)) {
            return false;
        }
    }
    return true;
}

static bool evaluates_right(const task *t)
{
    mlp_scores scores = {0, 0};
    return mlp_evaluate(t->net, t->X, t->Y, &scores) == MLP_OK &&
           scores.loss == t->scores.loss &&
           scores.accuracy == t->scores.accuracy;
}

/* Calls every function that takes a const network. */
static void *use(void *argument)
{
    task *t = argument;
    mlp_workspace *workspace = NULL;
    t->right = mlp_workspace_create(t->net, &workspace) == MLP_OK;
    for (size_t round = 0; t->right && round < ROUNDS; round++) {
        mlp_net *copy = NULL;
        mlp_cview W;
        double mean[2];
        double std[2];
        t->right = predicts_right(t, workspace) && predicts_right(t, NULL) &&
                   predicts_rows_right(t, workspace) && classifies_right(t) &&
                   evaluates_right(t) &&
                   mlp_net_clone(t->net, &copy) == MLP_OK &&
                   mlp_net_ctensor(t->net, MLP_W, 1, &W) == MLP_OK &&
                   mlp_net_scaling(t->net, mean, std) == MLP_OK &&
                   mean[0] == 0.25 && std[1] == 2.0;
        mlp_net_free(copy);
    }
    mlp_workspace_free(workspace);
    return NULL;
}

static mlp_net *scaling_net(mlp_dtype dtype)
{
    static const double mean[2] = {0.25, -0.5};
    static const double std[2] = {1.5, 2.0};
    mlp_net *net = new_net(&moons_model, dtype, NULL);
    assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
    return net;
}

static void run_together(void *(*work)(void *), task tasks[THREADS])
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, &tasks[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

static void one_network_serves_many_threads(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = scaling_net(p);
        data d = {random_matrix(p, ROWS, 2, -2, 2),
                  new_matrix(p, ROWS, 1, NULL)};
        mlp_view expected = new_matrix(p, ROWS, 1, NULL);
        mlp_scores scores = {0, 0};
        assert_int_equal(mlp_predict(net, ro(d.X), expected), MLP_OK);
        assert_int_equal(mlp_evaluate(net, ro(d.X), ro(d.Y), &scores), MLP_OK);
        task tasks[THREADS];
        for (size_t i = 0; i < THREADS; i++) {
            tasks[i] = (task){.net = net,
                              .X = ro(d.X),
                              .Y = ro(d.Y),
                              .expected = ro(expected),
                              .scores = scores,
                              .A = new_matrix(p, ROWS, 1, NULL)};
        }
        run_together(use, tasks);
        for (size_t i = 0; i < THREADS; i++) {
            assert_true(tasks[i].right);
            free(tasks[i].A.data);
        }
        free(expected.data);
        free_data(d);
        mlp_net_free(net);
    }
}

/* Trains a copy of the network, and puts its outputs into A. */
static void *train(void *argument)
{
    task *t = argument;
    mlp_net *copy = NULL;
    mlp_train_options options = tutorial_options();
    options.epochs = ROUNDS;
    options.batch_size = 32;
    t->right = mlp_net_clone(t->net, &copy) == MLP_OK &&
               mlp_fit(copy, t->X, t->Y, &options, NULL) == MLP_OK &&
               mlp_predict(copy, t->X, t->A) == MLP_OK;
    mlp_net_free(copy);
    return NULL;
}

static void many_networks_are_trained_at_once(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = scaling_net(p);
        data d = {random_matrix(p, ROWS, 2, -2, 2),
                  random_matrix(p, ROWS, 1, 0, 1)};
        task alone = {.net = net,
                      .X = ro(d.X),
                      .Y = ro(d.Y),
                      .A = new_matrix(p, ROWS, 1, NULL)};
        (void)train(&alone);
        assert_true(alone.right);
        task tasks[THREADS];
        for (size_t i = 0; i < THREADS; i++) {
            tasks[i] = alone;
            tasks[i].A = new_matrix(p, ROWS, 1, NULL);
        }
        run_together(train, tasks);
        for (size_t i = 0; i < THREADS; i++) {
            assert_true(tasks[i].right);
            assert_same(ro(tasks[i].A), ro(alone.A));
            free(tasks[i].A.data);
        }
        free(alone.A.data);
        free_data(d);
        mlp_net_free(net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_network_serves_many_threads),
        cmocka_unit_test(many_networks_are_trained_at_once),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
