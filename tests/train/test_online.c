/* SPDX-License-Identifier: MIT */
/*
 * mlp_trainer_step, for learning online: it does what the four parts of a step
 * do one by one, refuses the data that a fit refuses, and leaves the network as
 * it was if the loss or a gradient is not finite.
 */
#include "support/training.h"

static void step_is_the_four_steps(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (mlp_optimizer_kind kind = 0; kind < MLP_OPTIMIZER_LBFGS; kind++) {
            mlp_layer layers[] = {
                {.width = 9, .activation = MLP_ACT_TANH, .dropout = 0.25},
                {.width = 5}};
            mlp_config config = config_of(&square_model, p, NULL);
            config.layers = layers;
            config.n_layers = 2;
            mlp_net *net = net_of(&config);
            mlp_net *expected = clone_of(net);
            mlp_trainer *trainer = trainer_of(net, 7);
            mlp_trainer *steps = trainer_of(expected, 7);
            mlp_optimizer optimizer = mlp_optimizer_defaults(kind);
            optimizer.l2 = 0.01;
            optimizer.clip_norm = 0.5;
            assert_int_equal(mlp_trainer_set_optimizer(trainer, &optimizer),
                             MLP_OK);
            assert_int_equal(mlp_trainer_set_optimizer(steps, &optimizer),
                             MLP_OK);
            data d = {random_matrix(p, 40, 5, -1, 1),
                      random_matrix(p, 40, 5, 0, 1)};
            for (size_t i = 0; i < 40; i += 7) {
                mlp_cview X = mlp_cview_rows(ro(d.X), i, 7);
                mlp_cview Y = mlp_cview_rows(ro(d.Y), i, 7);
                double losses[2] = {0, 0};
                assert_int_equal(
                    mlp_trainer_step(trainer, X, Y, 0.125, &losses[0]), MLP_OK);
                assert_int_equal(mlp_trainer_forward(steps, X), MLP_OK);
                assert_int_equal(mlp_trainer_loss(steps, Y, &losses[1]),
                                 MLP_OK);
                assert_int_equal(mlp_trainer_backward(steps, Y), MLP_OK);
                assert_int_equal(mlp_trainer_update(steps, 0.125), MLP_OK);
                assert_true(losses[0] == losses[1]);
                mlp_view a;
                mlp_view b;
                assert_int_equal(mlp_trainer_tensor(trainer, MLP_DW, 1, &a),
                                 MLP_OK);
                assert_int_equal(mlp_trainer_tensor(steps, MLP_DW, 1, &b),
                                 MLP_OK);
                assert_same(ro(a), ro(b));
            }
            assert_same_net(net, expected);
            free_data(d);
            mlp_trainer_free(steps);
            mlp_trainer_free(trainer);
            mlp_net_free(expected);
            mlp_net_free(net);
        }
    }
}

static void step_may_keep_its_loss_to_itself(void **state)
{
    (void)state;
    data d = xor_data(MLP_F64);
    mlp_net *net = new_net(&xor_model, MLP_F64, NULL);
    mlp_net *before = clone_of(net);
    mlp_trainer *trainer = trainer_of(net, 4);
    assert_int_equal(mlp_trainer_step(trainer, ro(d.X), ro(d.Y), 0.1, NULL),
                     MLP_OK);
    assert_true(mlp_cview_at(ctensor(net, MLP_B, 2), 0, 0) !=
                mlp_cview_at(ctensor(before, MLP_B, 2), 0, 0));
    mlp_trainer_free(trainer);
    mlp_net_free(before);
    mlp_net_free(net);
    free_data(d);
}

static void step_refuses_what_fit_refuses(void **state)
{
    (void)state;
    hook_record record = {0};
    data d = xor_data(MLP_F64);
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_net *before = clone_of(net);
    mlp_trainer *trainer = trainer_of(net, 3);
    mlp_cview X = mlp_cview_rows(ro(d.X), 0, 3);
    mlp_cview Y = mlp_cview_rows(ro(d.Y), 0, 3);
    double loss = 77;
#define REFUSED(X, Y, alpha, status, part)                                     \
    assert_told(&record, mlp_trainer_step(trainer, X, Y, alpha, &loss),        \
                status, part)
    REFUSED(X, Y, 0, MLP_ERR_ARGUMENT, "alpha");
    REFUSED(X, Y, -1, MLP_ERR_ARGUMENT, "alpha");
    REFUSED(X, Y, NAN, MLP_ERR_ARGUMENT, "alpha");
    REFUSED(X, Y, INFINITY, MLP_ERR_ARGUMENT, "alpha");
    REFUSED(ro(d.X), ro(d.Y), 0.1, MLP_ERR_SHAPE, "at most 3 rows, got 4");
    REFUSED(X, ro(d.Y), 0.1, MLP_ERR_SHAPE, "Y: expects 3 rows, got 4");
    REFUSED(mlp_cview_rows(X, 0, 0), mlp_cview_rows(Y, 0, 0), 0.1,
            MLP_ERR_SHAPE, "at least 1 row, got 0");
    put(d.Y, 2, 0, 1.5);
    REFUSED(X, Y, 0.1, MLP_ERR_ARGUMENT, "row 2, column 0");
    put(d.X, 1, 1, NAN);
    REFUSED(X, Y, 0.1, MLP_ERR_NOT_FINITE, "row 1, column 1");
#undef REFUSED
    assert_int_equal(mlp_trainer_step(NULL, X, Y, 0.1, &loss), MLP_ERR_NULL);
    assert_true(loss == 77);
    assert_same_net(net, before);
    mlp_trainer_free(trainer);
    mlp_net_free(before);
    mlp_net_free(net);
    free_data(d);
}

/* The network is y = w x with 200 inputs, all but one 0. Its gradients take
 * three vectors of 64 and a rest, and both must be checked. */
static void step_leaves_alone_what_it_would_spoil(void **state)
{
    (void)state;
    static const model wide = {200, 1, {{1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    static const struct {
        size_t column;
        double x, y;
    } cases[] = {
        {0, 1, 1e200},      /* an infinite loss */
        {3, 1e200, 1e150},  /* an infinite gradient in whole vectors */
        {199, 1e200, 1e150} /* an infinite gradient in the rest */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        hook_record record = {0};
        mlp_net *net = new_net(&wide, MLP_F64, &record);
        assert_int_equal(mlp_net_initialise(net, MLP_INIT_ZEROS, 1), MLP_OK);
        mlp_net *before = clone_of(net);
        mlp_trainer *trainer = trainer_of(net, 1);
        double x[200] = {0};
        double loss = 77;
        x[cases[i].column] = cases[i].x;
        assert_told(&record,
                    mlp_trainer_step(trainer, mlp_cview_f64(x, 1, 200),
                                     mlp_cview_f64(&cases[i].y, 1, 1), 0.1,
                                     &loss),
                    MLP_ERR_DIVERGED, "finite");
        assert_true(loss == 77);
        assert_same_net(net, before);
        mlp_trainer_free(trainer);
        mlp_net_free(before);
        mlp_net_free(net);
    }
}

/* All gradients are finite, but their sum is not: a check that adds them up
 * would refuse this step. */
static void step_is_not_misled_by_large_sums(void **state)
{
    (void)state;
    static const model wide = {640, 1, {{1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    mlp_net *net = new_net(&wide, MLP_F64, NULL);
    assert_int_equal(mlp_net_initialise(net, MLP_INIT_ZEROS, 1), MLP_OK);
    mlp_trainer *trainer = trainer_of(net, 1);
    double x[640];
    double y = 5;
    for (size_t i = 0; i < 640; i++) {
        x[i] = 1e307;
    }
    assert_int_equal(mlp_trainer_step(trainer, mlp_cview_f64(x, 1, 640),
                                      mlp_cview_f64(&y, 1, 1), 1e-3, NULL),
                     MLP_OK);
    assert_true(mlp_cview_at(ctensor(net, MLP_W, 1), 0, 639) == 1e305);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(step_is_the_four_steps),
        cmocka_unit_test(step_may_keep_its_loss_to_itself),
        cmocka_unit_test(step_refuses_what_fit_refuses),
        cmocka_unit_test(step_leaves_alone_what_it_would_spoil),
        cmocka_unit_test(step_is_not_misled_by_large_sums),
    };
    return cmocka_run_group_tests_name("online", tests, NULL, NULL);
}
