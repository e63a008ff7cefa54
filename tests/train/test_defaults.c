/* SPDX-License-Identifier: MIT */
/*
 * What a fit does where its caller has set nothing: numbers of epochs and rows,
 * the constants that belong to a kind of optimizer or schedule, and the scaling
 * of a new network. Most tests compare with a second network whose settings are
 * named one by one.
 */
#include "support/training.h"

enum { ROWS = 90 };

static const model regression_model = {
    3, 2, {{6, MLP_ACT_TANH}, {2, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
static const model binary_model = {
    3, 2, {{6, MLP_ACT_TANH}, {1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};

/* Columns of very different size, and targets that follow from them. */
static data raw_data(mlp_dtype p, const model *m)
{
    size_t outputs = m->layers[m->n_layers - 1].width;
    data d = {random_matrix(p, ROWS, 3, -1, 1),
              new_matrix(p, ROWS, outputs, NULL)};
    for (size_t i = 0; i < ROWS; i++) {
        double x = at(d.X, i, 0);
        put(d.X, i, 1, 5000 + 1000 * at(d.X, i, 1));
        put(d.X, i, 2, 0.001 * at(d.X, i, 2));
        for (size_t j = 0; j < outputs; j++) {
            put(d.Y, i, j,
                m->loss == MLP_LOSS_BCE ? x > 0 : 300 + 40 * x * (double)j + x);
        }
    }
    return d;
}

/* Returns a network that was trained with these options (NULL: none). */
static mlp_net *trained(const model *m, data d,
                        const mlp_train_options *options)
{
    mlp_net *net = new_net(m, d.X.dtype, NULL);
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), options, NULL), MLP_OK);
    return net;
}

/* Checks that both options train the same network. */
static void assert_same_training(const model *m, const mlp_train_options *a,
                                 const mlp_train_options *b)
{
    data d = raw_data(MLP_F64, m);
    mlp_net *first = trained(m, d, a);
    mlp_net *second = trained(m, d, b);
    assert_same_net(first, second);
    mlp_net_free(first);
    mlp_net_free(second);
    free_data(d);
}

/* Returns how many epochs the options make of the first m rows. */
static size_t epochs_of(size_t m, const mlp_train_options *options)
{
    data d = {random_matrix(MLP_F64, m, 3, -1, 1),
              new_matrix(MLP_F64, m, 1, NULL)};
    mlp_net *net = new_net(&binary_model, MLP_F64, NULL);
    mlp_history *history = NULL;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), options, &history), MLP_OK);
    size_t epochs = mlp_history_epochs(history);
    mlp_history_free(history);
    mlp_net_free(net);
    free_data(d);
    return epochs;
}

/* ---------------------------------------------------------------------------
 * Epochs and batches
 */

static void few_rows_get_enough_updates(void **state)
{
    (void)state;
    assert_int_equal(epochs_of(4, NULL), 2000);
    assert_int_equal(epochs_of(32, NULL), 2000);
    assert_int_equal(epochs_of(33, NULL), 1000);
    assert_int_equal(epochs_of(90, NULL), 667); /* 3 batches: 2001 updates */
    assert_int_equal(epochs_of(320, NULL), 200);
    assert_int_equal(epochs_of(1000, NULL), 200);
}

static void epochs_count_the_batches_that_there_are(void **state)
{
    (void)state;
    mlp_train_options options = mlp_train_defaults();
    options.validation_fraction = 0.5;
    assert_int_equal(epochs_of(66, &options),
                     1000); /* 33 rows are trained on */
    options = mlp_train_defaults();
    options.batch_size = 0;
    assert_int_equal(epochs_of(320, &options), 2000);
    options.epochs = 3;
    assert_int_equal(epochs_of(320, &options), 3);
    options.epochs = 0;
    assert_int_equal(epochs_of(320, &options), 0);
}

static void kinds_that_need_all_rows_get_them(void **state)
{
    (void)state;
    mlp_train_options options = mlp_train_defaults();
    options.optimizer.kind = MLP_OPTIMIZER_RPROP;
    mlp_train_options named = options;
    named.batch_size = 0;
    named.epochs = 200;
    named.learning_rate = 0.01;
    assert_same_training(&regression_model, &options, &named);
    options.optimizer.kind = named.optimizer.kind = MLP_OPTIMIZER_LBFGS;
    named.learning_rate = 1;
    assert_same_training(&regression_model, &options, &named);
}

static void a_trainer_gets_batches_that_it_can_hold(void **state)
{
    (void)state;
    data d = raw_data(MLP_F64, &binary_model);
    mlp_train_options options = tutorial_options();
    options.batch_size = 8;
    options.epochs = 5;
    options.learning_rate = 0.01; /* sgd's, which a new trainer has */
    options.standardise = true;
    mlp_net *expected = trained(&binary_model, d, &options);
    mlp_net *net = new_net(&binary_model, MLP_F64, NULL);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, 8, &trainer), MLP_OK);
    options = mlp_train_defaults();
    options.epochs = 5;
    assert_int_equal(mlp_trainer_fit(trainer, ro(d.X), ro(d.Y), &options, NULL),
                     MLP_OK);
    assert_same_net(net, expected);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    mlp_net_free(expected);
    free_data(d);
}

/* ---------------------------------------------------------------------------
 * Constants of a kind
 */

static void each_optimizer_brings_its_own_constants(void **state)
{
    (void)state;
    static const struct {
        mlp_optimizer_kind kind;
        double rate, decay;
    } usual[] = {
        {MLP_OPTIMIZER_SGD, 0.01, 0},
        {MLP_OPTIMIZER_MOMENTUM, 0.01, 0},
        {MLP_OPTIMIZER_TUTORIAL_MOMENTUM, 0.01, 0},
        {MLP_OPTIMIZER_NESTEROV, 0.01, 0},
        {MLP_OPTIMIZER_RMSPROP, 0.001, 0},
        {MLP_OPTIMIZER_ADAM, 0.001, 0},
        {MLP_OPTIMIZER_ADAMW, 0.001, 0.01},
    };
    for (size_t i = 0; i < COUNT(usual); i++) {
        mlp_train_options options = mlp_train_defaults();
        options.epochs = 3;
        options.optimizer.kind = usual[i].kind;
        mlp_train_options named = options;
        named.batch_size = 32;
        named.learning_rate = usual[i].rate;
        named.optimizer.weight_decay = usual[i].decay;
        assert_same_training(&binary_model, &options, &named);
    }
}

/* The more parameters for each row that is trained on, the more decay. */
static void the_decay_of_auto_suits_the_rows(void **state)
{
    (void)state;
    model m = binary_model; /* with 31 parameters */
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 3;
    mlp_train_options named = options;
    named.optimizer.kind = MLP_OPTIMIZER_ADAMW;
    named.optimizer.weight_decay = 0.05 * (31.0 / ROWS);
    assert_same_training(&m, &options, &named);
    options.validation_fraction = named.validation_fraction = 1.0 / 3.0;
    named.optimizer.weight_decay = 0.05 * (31.0 / 60.0);
    assert_same_training(&m, &options, &named);
    m.layers[0].width = 200;
    named.optimizer.weight_decay = 0.2;
    assert_same_training(&m, &options, &named);
    named.optimizer.weight_decay = options.optimizer.weight_decay = 0;
    assert_same_training(&m, &options, &named);
}

/* Only the kind decides, also if the options began as another kind's. */
static void no_constant_of_another_kind_is_taken(void **state)
{
    (void)state;
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 3;
    options.optimizer.kind = MLP_OPTIMIZER_ADAM;
    mlp_train_options changed = options;
    changed.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAMW);
    changed.optimizer.kind = MLP_OPTIMIZER_ADAM;
    assert_same_training(&binary_model, &options, &changed);
    for (mlp_schedule_kind from = MLP_SCHEDULE_CONSTANT;
         from < MLP_SCHEDULE_CUSTOM; from = (mlp_schedule_kind)(from + 1)) {
        mlp_schedule s = mlp_schedule_defaults(from);
        s.kind = MLP_SCHEDULE_EXPONENTIAL;
        assert_true(mlp_schedule_rate(&s, 1, 2, 9) == 0.99 * 0.99);
        s.kind = MLP_SCHEDULE_STEP;
        assert_true(mlp_schedule_rate(&s, 1, 10, 99) == 0.1);
        s.kind = MLP_SCHEDULE_INVERSE_TIME;
        assert_true(mlp_schedule_rate(&s, 1, 100, 999) == 0.5);
    }
}

static void a_constant_that_is_set_is_taken(void **state)
{
    (void)state;
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 3;
    options.optimizer.weight_decay = 0.3; /* of auto */
    mlp_train_options named = options;
    named.optimizer.kind = MLP_OPTIMIZER_ADAMW;
    assert_same_training(&binary_model, &options, &named);
    mlp_schedule s = mlp_schedule_defaults(MLP_SCHEDULE_CONSTANT);
    s.kind = MLP_SCHEDULE_EXPONENTIAL;
    s.factor = 0.5;
    assert_true(mlp_schedule_rate(&s, 1, 2, 9) == 0.25);
    s.factor = -2;
    assert_true(isnan(mlp_schedule_rate(&s, 1, 2, 9)));
}

/* ---------------------------------------------------------------------------
 * Scaling
 */

/* A network without scaling has means of 0 and standard deviations of 1. */
static bool scales(const mlp_net *net, bool targets)
{
    double mean[3];
    double std[3];
    size_t n = targets ? mlp_net_outputs(net) : mlp_net_inputs(net);
    assert_int_equal(targets ? mlp_net_target_scaling(net, mean, std)
                             : mlp_net_scaling(net, mean, std),
                     MLP_OK);
    for (size_t j = 0; j < n; j++) {
        if (mean[j] != 0 || std[j] != 1) {
            return true;
        }
    }
    return false;
}

static void a_new_network_scales_by_the_training_rows(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        data d = raw_data(p, &regression_model);
        mlp_train_options options = mlp_train_defaults();
        options.epochs = 2;
        options.validation_fraction = 0.25;
        mlp_net *net = trained(&regression_model, d, &options);

        mlp_net *expected = new_net(&regression_model, p, NULL);
        size_t order[ROWS];
        size_t held = 0;
        assert_int_equal(
            mlp_validation_split(expected, ro(d.Y), &options, order, &held),
            MLP_OK);
        size_t m = ROWS - held;
        data rows = {new_matrix(p, m, 3, NULL), new_matrix(p, m, 2, NULL)};
        for (size_t i = 0; i < m; i++) {
            for (size_t j = 0; j < 3; j++) {
                put(rows.X, i, j, at(d.X, order[i], j));
            }
            put(rows.Y, i, 0, at(d.Y, order[i], 0));
            put(rows.Y, i, 1, at(d.Y, order[i], 1));
        }
        assert_int_equal(mlp_net_standardise(expected, ro(rows.X)), MLP_OK);
        assert_int_equal(mlp_net_standardise_targets(expected, ro(rows.Y)),
                         MLP_OK);
        options.standardise = false;
        assert_int_equal(mlp_fit(expected, ro(d.X), ro(d.Y), &options, NULL),
                         MLP_OK);
        assert_same_net(net, expected);
        mlp_net_free(net);
        mlp_net_free(expected);
        free_data(rows);
        free_data(d);
    }
}

static void targets_are_scaled_where_the_outputs_have_no_bounds(void **state)
{
    (void)state;
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 1;
    model m = regression_model;
    data d = raw_data(MLP_F64, &m);
    static const mlp_loss regressions[] = {MLP_LOSS_MSE, MLP_LOSS_MAE,
                                           MLP_LOSS_HUBER};
    for (size_t k = 0; k < COUNT(regressions); k++) {
        m.loss = regressions[k];
        mlp_net *net = trained(&m, d, &options);
        assert_true(scales(net, false) && scales(net, true));
        mlp_net_free(net);
    }
    m.layers[1].activation = MLP_ACT_SOFTPLUS;
    mlp_net *net = trained(&m, d, &options);
    assert_true(scales(net, false) && !scales(net, true));
    mlp_net_free(net);
    free_data(d);
    d = raw_data(MLP_F64, &binary_model);
    net = trained(&binary_model, d, &options);
    assert_true(scales(net, false) && !scales(net, true));
    mlp_net_free(net);
    free_data(d);
}

/* A network keeps its scaling, or goes without, if it was asked to or if its
 * weights belong to the scaling that it has. */
static void other_networks_keep_their_scaling(void **state)
{
    (void)state;
    const model *m = &regression_model;
    data d = raw_data(MLP_F64, m);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 1;
    options.standardise = false;
    mlp_net *net = trained(m, d, &options);
    assert_true(!scales(net, false) && !scales(net, true));
    options.standardise = true; /* but the network has been trained */
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    assert_true(!scales(net, false) && !scales(net, true));

    size_t size = mlp_net_save_size(net);
    unsigned char *bytes = malloc(size);
    assert_non_null(bytes);
    assert_int_equal(mlp_net_save_memory(net, bytes, size), MLP_OK);
    mlp_net *loaded = NULL;
    assert_int_equal(mlp_net_load_memory(bytes, size, NULL, &loaded), MLP_OK);
    mlp_net *imported = new_net(m, MLP_F64, NULL);
    assert_int_equal(mlp_net_import_memory(imported, bytes, size), MLP_OK);
    mlp_net *copied = clone_of(net);
    mlp_net *set = new_net(m, MLP_F64, NULL);
    put(tensor(set, MLP_W, 1), 0, 0, 0.5);
    mlp_net *all[] = {net, loaded, imported, copied, set};
    for (size_t i = 0; i < COUNT(all); i++) {
        assert_int_equal(mlp_fit(all[i], ro(d.X), ro(d.Y), &options, NULL),
                         MLP_OK);
        assert_true(!scales(all[i], false) && !scales(all[i], true));
        /* A network that starts anew may scale. */
        assert_int_equal(mlp_net_initialise(all[i], MLP_INIT_HE, 1), MLP_OK);
        assert_int_equal(mlp_fit(all[i], ro(d.X), ro(d.Y), &options, NULL),
                         MLP_OK);
        assert_true(scales(all[i], false) && scales(all[i], true));
        mlp_net_free(all[i]);
    }
    free(bytes);
    free_data(d);
}

static void steps_of_a_trainer_count_as_training(void **state)
{
    (void)state;
    data d = raw_data(MLP_F64, &binary_model);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 1;
    for (int whole = 0; whole < 2; whole++) {
        mlp_net *net = new_net(&binary_model, MLP_F64, NULL);
        mlp_trainer *t = NULL;
        assert_int_equal(mlp_trainer_create(net, ROWS, &t), MLP_OK);
        if (whole) {
            assert_int_equal(mlp_trainer_step(t, ro(d.X), ro(d.Y), 1e-9, NULL),
                             MLP_OK);
        } else {
            assert_int_equal(mlp_trainer_forward(t, ro(d.X)), MLP_OK);
            assert_int_equal(mlp_trainer_backward(t, ro(d.Y)), MLP_OK);
            assert_int_equal(mlp_trainer_update(t, 1e-9), MLP_OK);
        }
        mlp_trainer_free(t);
        assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                         MLP_OK);
        assert_false(scales(net, false));
        mlp_net_free(net);
    }
    free_data(d);
}

static void a_fit_that_fails_early_sets_no_scaling(void **state)
{
    (void)state;
    data d = raw_data(MLP_F64, &regression_model);
    mlp_net *net = new_net(&regression_model, MLP_F64, NULL);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 0;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    assert_false(scales(net, false));
    put(d.Y, 7, 1, (double)NAN);
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), NULL, NULL),
                     MLP_ERR_NOT_FINITE);
    assert_false(scales(net, false));
    assert_false(scales(net, true));
    mlp_net_free(net);
    free_data(d);
}

/* A second fit goes on with the scaling of the first, whatever its rows are. */
static void a_second_fit_keeps_the_scaling(void **state)
{
    (void)state;
    data d = raw_data(MLP_F64, &regression_model);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 1;
    mlp_net *net = trained(&regression_model, d, &options);
    mlp_net *before = clone_of(net);
    fill(d.X, 3);
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    assert_same_scaling(mlp_net_scaling, 3, net, before);
    assert_same_scaling(mlp_net_target_scaling, 2, net, before);
    mlp_net_free(before);
    mlp_net_free(net);
    free_data(d);
}

/* The rows of XOR with nothing set but layers and seeds. They fail without the
 * least number of updates, and for some seeds without the first biases that
 * MLP_INIT_AUTO draws. */
static void xor_is_learnt_with_every_seed(void **state)
{
    (void)state;
    const mlp_layer layers[] = {{.width = 8}, {.width = 1}};
    data d = xor_data(MLP_F64);
    for (uint32_t seed = 0; seed < 200; seed++) {
        mlp_config config = mlp_config_defaults();
        config.inputs = 2;
        config.layers = layers;
        config.n_layers = 2;
        config.seed = seed;
        mlp_net *net = net_of(&config);
        mlp_train_options options = mlp_train_defaults();
        options.seed = seed;
        assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                         MLP_OK);
        mlp_scores scores = {0};
        assert_int_equal(mlp_evaluate(net, ro(d.X), ro(d.Y), &scores), MLP_OK);
        assert_true(scores.accuracy == 1.0);
        mlp_net_free(net);
    }
    free_data(d);
}

/* Rows of weight 0 may hold anything. They change neither the scaling nor what
 * is learnt: with batches of all rows, they could as well be missing. */
static void rows_of_weight_0_do_not_count_in_the_scaling(void **state)
{
    (void)state;
    data d = raw_data(MLP_F64, &regression_model);
    const size_t kept = ROWS - 10;
    double weights[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        weights[i] = i < kept ? 1 : 0;
        if (i >= kept) {
            put(d.X, i, 0, -1e6);
            put(d.Y, i, 1, -999e6);
        }
    }
    mlp_train_options options = mlp_train_defaults();
    options.batch_size = 0;
    options.epochs = 2;
    options.row_weights = mlp_cview_f64(weights, ROWS, 1);
    hook_record record = {0};
    mlp_net *net = new_net(&regression_model, MLP_F64, &record);
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    assert_int_equal(record.hints, 0);
    mlp_net *fewer = new_net(&regression_model, MLP_F64, NULL);
    assert_int_equal(
        mlp_net_standardise(fewer, mlp_cview_rows(ro(d.X), 0, kept)), MLP_OK);
    assert_int_equal(
        mlp_net_standardise_targets(fewer, mlp_cview_rows(ro(d.Y), 0, kept)),
        MLP_OK);
    assert_int_equal(mlp_fit(fewer, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    assert_same_net(net, fewer);
    mlp_net_free(fewer);
    mlp_net_free(net);
    free_data(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_rows_get_enough_updates),
        cmocka_unit_test(epochs_count_the_batches_that_there_are),
        cmocka_unit_test(kinds_that_need_all_rows_get_them),
        cmocka_unit_test(a_trainer_gets_batches_that_it_can_hold),
        cmocka_unit_test(each_optimizer_brings_its_own_constants),
        cmocka_unit_test(the_decay_of_auto_suits_the_rows),
        cmocka_unit_test(no_constant_of_another_kind_is_taken),
        cmocka_unit_test(a_constant_that_is_set_is_taken),
        cmocka_unit_test(a_new_network_scales_by_the_training_rows),
        cmocka_unit_test(targets_are_scaled_where_the_outputs_have_no_bounds),
        cmocka_unit_test(other_networks_keep_their_scaling),
        cmocka_unit_test(steps_of_a_trainer_count_as_training),
        cmocka_unit_test(a_fit_that_fails_early_sets_no_scaling),
        cmocka_unit_test(a_second_fit_keeps_the_scaling),
        cmocka_unit_test(xor_is_learnt_with_every_seed),
        cmocka_unit_test(rows_of_weight_0_do_not_count_in_the_scaling),
    };
    return cmocka_run_group_tests_name("defaults", tests, NULL, NULL);
}
