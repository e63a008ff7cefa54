/* SPDX-License-Identifier: MIT */
/*
 * Steps of large networks, which update a tile of weights as soon as its
 * gradients are computed (see step.c). They are compared to steps that clip by
 * a norm so large that nothing is clipped: clipping needs all gradients before
 * the first update, and the network must have the same bits.
 */
#include "support/training.h"

enum { ROWS = 45 };

static const model wide_model = {
    129,
    3,
    {{257, MLP_ACT_RELU}, {129, MLP_ACT_TANH}, {10, MLP_ACT_IDENTITY}},
    MLP_LOSS_MSE};

static void assert_fused_equals_separate(mlp_dtype p,
                                         const mlp_train_options *options,
                                         mlp_status expected)
{
    data d = {random_matrix(p, ROWS, 129, -1, 1),
              random_matrix(p, ROWS, 10, 0, 1)};
    mlp_train_options separate = *options;
    separate.optimizer.clip_norm = 1e30;
    mlp_net *a = new_net(&wide_model, p, NULL);
    mlp_net *b = clone_of(a);
    mlp_net *before = clone_of(a);
    assert_int_equal(mlp_fit(a, ro(d.X), ro(d.Y), options, NULL), expected);
    assert_int_equal(mlp_fit(b, ro(d.X), ro(d.Y), &separate, NULL), expected);
    assert_same_net(a, b);
    assert_false(mlp_cview_at(ro(tensor(a, MLP_W, 1)), 0, 0) ==
                     mlp_cview_at(ro(tensor(before, MLP_W, 1)), 0, 0) &&
                 expected == MLP_OK);
    mlp_net_free(before);
    mlp_net_free(b);
    mlp_net_free(a);
    free_data(d);
}

static mlp_train_options options_of(mlp_optimizer_kind kind, size_t batch)
{
    mlp_train_options options = tutorial_options();
    options.optimizer = mlp_optimizer_defaults(kind);
    options.optimizer.clip_value =
        kind == MLP_OPTIMIZER_SGD ? (double)INFINITY : 0.1;
    options.learning_rate = 0.01;
    options.batch_size = batch;
    options.epochs = 2;
    return options;
}

static void updates_do_not_wait_for_all_gradients(void **state)
{
    (void)state;
    static const mlp_optimizer_kind kinds[] = {
        MLP_OPTIMIZER_SGD, MLP_OPTIMIZER_MOMENTUM, MLP_OPTIMIZER_ADAMW};
    FOR_EACH_PRECISION(p)
    {
        for (size_t i = 0; i < 2 * COUNT(kinds); i++) {
            mlp_train_options options = options_of(kinds[i / 2], 20);
            options.threads = i % 2 == 0 ? 1 : 3;
            assert_fused_equals_separate(p, &options, MLP_OK);
        }
    }
}

/* The first step makes weights infinite; the weights before it come back. */
static void weights_are_backed_up_before_updates(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_train_options options = options_of(MLP_OPTIMIZER_SGD, ROWS);
        options.learning_rate = p == MLP_F32 ? 1e37 : 1e306;
        options.epochs = 3;
        for (size_t threads = 1; threads <= 3; threads += 2) {
            options.threads = threads;
            assert_fused_equals_separate(p, &options, MLP_ERR_DIVERGED);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_do_not_wait_for_all_gradients),
        cmocka_unit_test(weights_are_backed_up_before_updates),
    };
    return cmocka_run_group_tests_name("fused", tests, NULL, NULL);
}
