/* SPDX-License-Identifier: MIT */
/*
 * Optimizers, with penalties, clipping and weight decay: they are compared to
 * PyTorch's; they give the same bits with every table of kernels and number of
 * threads; and they refuse options outside their ranges. test_optimizer_step.c
 * has their kernels.
 */
#include "support/training.h"

enum { ROWS = 24, STEPS = 20, PARAMETERS = 26 };

static const model fixture_model = {
    3, 2, {{4, MLP_ACT_TANH}, {2, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};

/* The kinds that have single steps. lbfgs has none: see test_lbfgs.c. */
#define FOR_EACH_KIND(kind)                                                    \
    for (mlp_optimizer_kind kind = MLP_OPTIMIZER_SGD;                          \
         kind < MLP_OPTIMIZER_LBFGS; kind = (mlp_optimizer_kind)(kind + 1))

/* ---------------------------------------------------------------------------
 * PyTorch (tests/vectors/make_optimizers.py)
 */

enum {
    NO_EXTRAS,
    WITH_L2,
    WITH_L1,
    WITH_DECAY,
    WITH_VALUE,
    WITH_NORM,
    WITH_BOTH,
    VARIANTS
};

static mlp_optimizer variant_of(mlp_optimizer_kind kind, int variant)
{
    mlp_optimizer o = mlp_optimizer_defaults(kind);
    o.weight_decay = variant == WITH_DECAY ? 0.1 : 0;
    o.l2 = variant == WITH_L2 ? 0.6 : 0;
    o.l1 = variant == WITH_L1 ? 0.3 : 0;
    o.clip_value =
        variant == WITH_VALUE || variant == WITH_BOTH ? 0.05 : (double)INFINITY;
    o.clip_norm = variant == WITH_NORM   ? 0.2
                  : variant == WITH_BOTH ? 0.1
                                         : (double)INFINITY;
    return o;
}

static mlp_net *fixture_net(mlp_dtype precision)
{
    mlp_net *net = new_net(&fixture_model, precision, NULL);
    put_layers(net, "optimizers_initial");
    return net;
}

static data fixture_data(mlp_dtype precision)
{
    data d = {new_matrix(precision, ROWS, 3, NULL),
              new_matrix(precision, ROWS, 2, NULL)};
    put_vector(d.X, "optimizers_X");
    put_vector(d.Y, "optimizers_Y");
    return d;
}

static mlp_trainer *new_trainer(mlp_net *net, size_t max_rows,
                                const mlp_optimizer *optimizer)
{
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, max_rows, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_set_optimizer(trainer, optimizer), MLP_OK);
    return trainer;
}

/* Returns the loss of the batch before its update. */
static double do_step(mlp_trainer *trainer, mlp_cview X, mlp_cview Y,
                      double alpha)
{
    double loss = 0;
    assert_int_equal(mlp_trainer_forward(trainer, X), MLP_OK);
    assert_int_equal(mlp_trainer_loss(trainer, Y, &loss), MLP_OK);
    assert_int_equal(mlp_trainer_backward(trainer, Y), MLP_OK);
    assert_int_equal(mlp_trainer_update(trainer, alpha), MLP_OK);
    return loss;
}

/* Takes several steps, and returns the loss of the last one. */
static double do_steps(mlp_trainer *trainer, data d, size_t batch, size_t steps)
{
    double loss = 0;
    for (size_t i = 0; i < steps; i++) {
        size_t first = i * batch % ROWS;
        loss = do_step(trainer, mlp_cview_rows(ro(d.X), first, batch),
                       mlp_cview_rows(ro(d.Y), first, batch), 0.05);
    }
    return loss;
}

static void assert_parameters(const mlp_net *net, const double *expected,
                              const char *what)
{
    size_t i = 0;
    for (size_t l = 1; l <= 2; l++) {
        for (int which = MLP_W; which <= MLP_B; which++) {
            mlp_cview view = ctensor(net, (mlp_tensor)which, l);
            for (size_t j = 0; j < view.rows * view.cols; j++, i++) {
                double got = mlp_cview_at(view, j / view.cols, j % view.cols);
                if (!(fabs(got - expected[i]) <= 1e-12 * fabs(expected[i]))) {
                    fail_msg("%s, parameter %zu: got %.17g, expected %.17g",
                             what, i, got, expected[i]);
                }
            }
        }
    }
}

static void twenty_steps_equal_pytorch(void **state)
{
    (void)state;
    static const size_t batches[] = {24, 6};
    vector v = read_vector("optimizers_final");
    data d = fixture_data(MLP_F64);
    const double *expected = v.data;
    FOR_EACH_KIND(kind)
    {
        for (size_t b = 0; b < COUNT(batches); b++) {
            for (int variant = NO_EXTRAS; variant < VARIANTS; variant++) {
                char what[64];
                (void)snprintf(what, sizeof what, "%s, batch %zu, variant %d",
                               mlp_optimizer_name(kind), batches[b], variant);
                mlp_net *net = fixture_net(MLP_F64);
                mlp_optimizer o = variant_of(kind, variant);
                mlp_trainer *trainer = new_trainer(net, ROWS, &o);
                double loss = do_steps(trainer, d, batches[b], STEPS);
                assert_parameters(net, expected, what);
                assert_relative(loss, expected[PARAMETERS], 1e-12);
                expected += PARAMETERS + 1;
                mlp_trainer_free(trainer);
                mlp_net_free(net);
            }
        }
    }
    assert_int_equal(expected - v.data, v.rows * v.cols);
    free(v.data);
    free_data(d);
}

/* ---------------------------------------------------------------------------
 * The same bits
 */

/* Returns options with penalties, clipping and decay together. */
static mlp_optimizer all_options(mlp_optimizer_kind kind)
{
    mlp_optimizer o = mlp_optimizer_defaults(kind);
    o.weight_decay = 0.1;
    o.l2 = 0.6;
    o.l1 = 0.3;
    o.clip_value = 0.3;
    o.clip_norm = 0.5;
    return o;
}

static void fit_does_the_same_steps(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        data d = fixture_data(p);
        FOR_EACH_KIND(kind)
        {
            mlp_net *stepped = fixture_net(p);
            mlp_net *fitted = fixture_net(p);
            mlp_optimizer o = all_options(kind);
            mlp_trainer *trainer = new_trainer(stepped, ROWS, &o);
            (void)do_steps(trainer, d, 6, STEPS);
            mlp_train_options options = tutorial_options();
            options.optimizer = o;
            options.epochs = STEPS / (ROWS / 6);
            options.batch_size = 6;
            options.shuffle = false;
            options.learning_rate = 0.05;
            assert_int_equal(mlp_fit(fitted, ro(d.X), ro(d.Y), &options, NULL),
                             MLP_OK);
            assert_same_net(fitted, stepped);
            mlp_trainer_free(trainer);
            mlp_net_free(fitted);
            mlp_net_free(stepped);
        }
        free_data(d);
    }
}

/* The network is large enough for several threads, and for sums of several
 * chunks. Chunks and layers end within vectors. */
static const model wide_model = {
    37,
    3,
    {{150, MLP_ACT_TANH}, {101, MLP_ACT_RELU}, {5, MLP_ACT_IDENTITY}},
    MLP_LOSS_MSE};

enum { LOSSES = 3 };

static mlp_net *train_wide(mlp_dtype p, const char *kernels, size_t threads,
                           const mlp_optimizer *o, double losses[LOSSES])
{
    mlp_config config = config_of(&wide_model, p, NULL);
    config.kernels = kernels;
    mlp_net *net = net_of(&config);
    mlp_view X = random_matrix(p, 67, 37, -1, 1);
    mlp_view Y = random_matrix(p, 67, 5, -1, 1);
    mlp_trainer *trainer = new_trainer(net, 67, o);
    assert_int_equal(mlp_trainer_set_threads(trainer, threads), MLP_OK);
    for (size_t i = 0; i < LOSSES; i++) {
        losses[i] = do_step(trainer, ro(X), ro(Y), 0.01);
    }
    mlp_train_options options = tutorial_options();
    options.epochs = 2;
    options.seed = 1;
    assert_int_equal(mlp_trainer_fit(trainer, ro(X), ro(Y), &options, NULL),
                     MLP_OK);
    mlp_trainer_free(trainer);
    free(Y.data);
    free(X.data);
    return net;
}

static void tables_and_threads_give_the_same_bits(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        FOR_EACH_KIND(kind)
        {
            mlp_optimizer o = all_options(kind);
            double expected[LOSSES];
            double losses[LOSSES];
            mlp_net *reference = train_wide(p, "portable", 1, &o, expected);
            for (size_t k = 0; mlp_kernels(k); k++) {
                bool is_best = !mlp_kernels(k + 1);
                static const size_t threads[] = {2, 1, 3, 8};
                for (size_t t = 0; t < (is_best ? 4 : 1); t++) {
                    mlp_net *net =
                        train_wide(p, mlp_kernels(k), threads[t], &o, losses);
                    assert_same_net(net, reference);
                    assert_memory_equal(losses, expected, sizeof losses);
                    mlp_net_free(net);
                }
            }
            mlp_net_free(reference);
        }
    }
}

static void setting_it_again_forgets(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        data d = fixture_data(p);
        FOR_EACH_KIND(kind)
        {
            mlp_net *once = fixture_net(p);
            mlp_optimizer o = all_options(kind);
            mlp_trainer *trainer = new_trainer(once, ROWS, &o);
            (void)do_steps(trainer, d, ROWS, 3);
            mlp_net *twice = clone_of(once);
            mlp_trainer *fresh = new_trainer(twice, ROWS, &o);
            assert_int_equal(mlp_trainer_set_optimizer(trainer, &o), MLP_OK);
            (void)do_steps(trainer, d, ROWS, 3);
            (void)do_steps(fresh, d, ROWS, 3);
            assert_same_net(once, twice);
            mlp_trainer_free(fresh);
            mlp_trainer_free(trainer);
            mlp_net_free(twice);
            mlp_net_free(once);
        }
        free_data(d);
    }
}

/* dW must be the derivative of the loss with its penalties, and db that
 * without, which central differences show. */
static void penalties_are_in_the_loss_and_its_derivative(void **state)
{
    (void)state;
    data d = fixture_data(MLP_F64);
    mlp_net *net = fixture_net(MLP_F64);
    mlp_optimizer o = all_options(MLP_OPTIMIZER_ADAM);
    mlp_trainer *trainer = new_trainer(net, ROWS, &o);
    (void)do_steps(trainer, d, ROWS, 1);
    for (size_t l = 1; l <= 2; l++) {
        for (int which = MLP_W; which <= MLP_B; which++) {
            mlp_view w = tensor(net, (mlp_tensor)which, l);
            mlp_view dw;
            double h = 1e-5;
            double x = at(w, 0, 1);
            double loss[2];
            assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
            assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
            assert_int_equal(
                mlp_trainer_tensor(trainer, which == MLP_W ? MLP_DW : MLP_DB, l,
                                   &dw),
                MLP_OK);
            double slope = at(dw, 0, 1);
            for (int i = 0; i < 2; i++) {
                put(w, 0, 1, i ? x - h : x + h);
                assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
                assert_int_equal(mlp_trainer_loss(trainer, ro(d.Y), &loss[i]),
                                 MLP_OK);
            }
            put(w, 0, 1, x);
            assert_relative((loss[0] - loss[1]) / (2 * h), slope, 1e-7);
        }
    }
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    free_data(d);
}

/* ---------------------------------------------------------------------------
 * Failures
 */

static const double nan_number = (double)NAN;
static const double infinity = (double)INFINITY;

static void fields_outside_their_range_are_named(void **state)
{
    (void)state;
#define FIELD(name) #name, offsetof(mlp_optimizer, name)
    static const struct {
        const char *name;
        size_t offset;
        double good[2], bad[4]; /* the last is in the range as a float */
    } fields[] = {
        {FIELD(momentum), {0, 0.9999}, {-0.1, 1, 1 - 1e-9, -1e-50}},
        {FIELD(beta1), {0, 0.9999}, {-0.1, 1, 1 - 1e-9, -1e-50}},
        {FIELD(beta2), {0, 0.9999}, {-0.1, 1, 1 - 1e-9, -1e-50}},
        {FIELD(rho), {0, 0.9999}, {-0.1, 1, 1 - 1e-9, -1e-50}},
        {FIELD(epsilon), {1e-30, 1e30}, {0, -1, 1e-60, -1e-50}},
        {FIELD(l2), {0, 1e30}, {-1e-30, -1, 1e60, -1e-50}},
        {FIELD(l1), {0, 1e30}, {-1e-30, -1, 1e60, -1e-50}},
        {FIELD(weight_decay), {0, 1e30}, {-1e-30, -2, 1e60, -1e-50}},
        {FIELD(clip_value), {1e-30, 1e300}, {0, -1, 1e-60, -1e-50}},
        {FIELD(clip_norm), {1e-30, 1e300}, {0, -1, 1e-60, -1e-50}},
        {FIELD(rprop_grow), {1, 1e30}, {0.99, -1, 1e60, 1 - 1e-12}},
        {FIELD(rprop_shrink), {1e-30, 1}, {0, -1, 1.5, 1 + 1e-12}},
        {FIELD(rprop_min), {1e-30, 50}, {0, -1, 1e-60, -1e-50}},
        {FIELD(rprop_max), {1e-6, 1e30}, {0, 1e-7, 1e60, 1e-6 - 1e-20}},
    };
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F32, &record);
    data d = xor_data(MLP_F32);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, 4, &trainer), MLP_OK);
    for (size_t i = 0; i < COUNT(fields); i++) {
        mlp_train_options options = tutorial_options();
        mlp_optimizer *o = &options.optimizer;
        double *field =
            (double *)(void *)((unsigned char *)o + fields[i].offset);
        for (size_t k = 0; k < 6; k++) {
            *field = k < 4 ? fields[i].bad[k] : k == 4 ? nan_number : -infinity;
            assert_told(&record, mlp_trainer_set_optimizer(trainer, o),
                        MLP_ERR_ARGUMENT, fields[i].name);
            assert_told(&record, mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                        MLP_ERR_ARGUMENT, fields[i].name);
        }
        for (size_t k = 0; k < 2; k++) {
            *field = fields[i].good[k];
            assert_int_equal(mlp_trainer_set_optimizer(trainer, o), MLP_OK);
        }
    }
    mlp_optimizer strange = mlp_optimizer_defaults((mlp_optimizer_kind)99);
    assert_told(&record, mlp_trainer_set_optimizer(trainer, &strange),
                MLP_ERR_ARGUMENT, "kind");
    strange.kind = (mlp_optimizer_kind)-1;
    assert_told(&record, mlp_trainer_set_optimizer(trainer, &strange),
                MLP_ERR_ARGUMENT, "kind");
    assert_told(&record, mlp_trainer_set_optimizer(trainer, NULL), MLP_ERR_NULL,
                "optimizer");
    assert_int_equal(mlp_trainer_set_optimizer(NULL, &strange), MLP_ERR_NULL);
    mlp_trainer_free(trainer);
    free_data(d);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* Each number is in its range as a double, and would not be as a float. */
static void ranges_are_those_of_the_precision(void **state)
{
    (void)state;
    mlp_net *net = new_net(&xor_model, MLP_F64, NULL);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, 4, &trainer), MLP_OK);
    mlp_optimizer o = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
    o.beta2 = 1 - 1e-9;
    o.epsilon = 1e-60;
    o.l2 = 1e60;
    assert_int_equal(mlp_trainer_set_optimizer(trainer, &o), MLP_OK);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

static void without_memory_the_old_one_stays(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_config config = config_of(&fixture_model, MLP_F64, &record);
    mlp_net *net = net_of(&config);
    mlp_net *other = clone_of(net);
    data d = fixture_data(MLP_F64);
    mlp_optimizer adam = all_options(MLP_OPTIMIZER_ADAM);
    mlp_optimizer rprop = all_options(MLP_OPTIMIZER_RPROP);
    mlp_trainer *trainer = new_trainer(net, ROWS, &adam);
    mlp_trainer *untroubled = new_trainer(other, ROWS, &adam);
    (void)do_steps(trainer, d, ROWS, 2);
    record.fail_at = record.allocations + 1;
    assert_told(&record, mlp_trainer_set_optimizer(trainer, &rprop),
                MLP_ERR_MEMORY, "bytes");
    (void)do_steps(trainer, d, ROWS, 2);
    (void)do_steps(untroubled, d, ROWS, 4);
    assert_same_net(net, other);
    mlp_trainer_free(untroubled);
    mlp_trainer_free(trainer);
    mlp_net_free(other);
    mlp_net_free(net);
    free_data(d);
    assert_int_equal(record.live, 0);
}

/* Plain gradient descent remembers nothing, so it must not allocate. */
static void memory_is_what_the_kind_needs(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, 4, &trainer), MLP_OK);
    size_t before = record.allocations;
    mlp_optimizer o = mlp_optimizer_defaults(MLP_OPTIMIZER_SGD);
    o.weight_decay = 0.1;
    o.clip_value = 1;
    assert_int_equal(mlp_trainer_set_optimizer(trainer, &o), MLP_OK);
    assert_int_equal(record.allocations, before);
    size_t live = record.live;
    for (size_t i = 0; i < 3; i++) {
        o = all_options(MLP_OPTIMIZER_ADAM);
        assert_int_equal(mlp_trainer_set_optimizer(trainer, &o), MLP_OK);
        assert_int_equal(record.live, live + 1);
    }
    data d = xor_data(MLP_F64);
    before = record.allocations;
    for (size_t i = 0; i < 10; i++) {
        (void)do_step(trainer, ro(d.X), ro(d.Y), 0.1);
    }
    assert_int_equal(record.allocations, before);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    free_data(d);
    assert_int_equal(record.live, 0);
}

/* The loss, a double, is finite; the gradient, a float, is not. Rprop, which
 * uses only the sign of a gradient, must not hide that. */
static void an_infinite_gradient_ends_training(void **state)
{
    (void)state;
    static const model line = {1, 1, {{1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    FOR_EACH_KIND(kind)
    {
        mlp_net *net = new_net(&line, MLP_F32, NULL);
        float x = 1e25f;
        float y = -1e25f;
        mlp_train_options options = tutorial_options();
        options.epochs = 2;
        options.optimizer = mlp_optimizer_defaults(kind);
        assert_int_equal(mlp_fit(net, mlp_cview_f32(&x, 1, 1),
                                 mlp_cview_f32(&y, 1, 1), &options, NULL),
                         MLP_ERR_DIVERGED);
        assert_true(isfinite(at(tensor(net, MLP_W, 1), 0, 0)));
        mlp_net_free(net);
    }
}

/* With equal limits every step of Rprop has their length, whatever the learning
 * rate is that it begins with. */
static void limits_of_rprop_hold(void **state)
{
    (void)state;
    const model m = {1, 1, {{1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    const double x[] = {1, 2};
    const double y[] = {30, 50};
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    mlp_train_options options = mlp_train_defaults();
    options.optimizer.kind = MLP_OPTIMIZER_RPROP;
    options.optimizer.rprop_min = options.optimizer.rprop_max = 0.25;
    options.learning_rate = 0.01;
    options.standardise = false;
    options.epochs = 1;
    options.batch_size = 2;
    double before = at(tensor(net, MLP_W, 1), 0, 0);
    assert_int_equal(mlp_fit(net, mlp_cview_f64(x, 2, 1),
                             mlp_cview_f64(y, 2, 1), &options, NULL),
                     MLP_OK);
    assert_true(at(tensor(net, MLP_W, 1), 0, 0) == before + 0.25);
    assert_true(at(tensor(net, MLP_B, 1), 0, 0) == 0.25);
    mlp_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_steps_equal_pytorch),
        cmocka_unit_test(fit_does_the_same_steps),
        cmocka_unit_test(tables_and_threads_give_the_same_bits),
        cmocka_unit_test(setting_it_again_forgets),
        cmocka_unit_test(penalties_are_in_the_loss_and_its_derivative),
        cmocka_unit_test(fields_outside_their_range_are_named),
        cmocka_unit_test(ranges_are_those_of_the_precision),
        cmocka_unit_test(without_memory_the_old_one_stays),
        cmocka_unit_test(memory_is_what_the_kind_needs),
        cmocka_unit_test(limits_of_rprop_hold),
        cmocka_unit_test(an_infinite_gradient_ends_training),
    };
    return cmocka_run_group_tests_name("optimizer", tests, NULL, NULL);
}
