/* SPDX-License-Identifier: MIT */
/*
 * Batches of many rows, which a fit takes in micro-batches (see step.c). They
 * are compared with a stream: its rows fill the trainer's arrays first, and
 * then a step takes them as a whole. Both must give the same bits, for each way
 * in which one micro-batch depends on the ones before.
 */
#include "support/training.h"

/* ROWS is no multiple of the 8 lanes of a sum. In the models below one thread
 * takes them in six micro-batches or more, and three threads in two or more. */
enum { ROWS = 1573, EPOCHS = 3 };

/* The widths are around those of vectors, and one layer has dropout. */
static const model class_model = {300,
                                  4,
                                  {{17, MLP_ACT_TANH, 0, 0.25},
                                   {33, MLP_ACT_RELU},
                                   {9, MLP_ACT_SILU},
                                   {10, MLP_ACT_SOFTMAX}},
                                  MLP_LOSS_CCE};

/* One input and one output: dW has a single row, or a single column. */
static const model column_model = {
    1,
    3,
    {{300, MLP_ACT_RELU}, {7, MLP_ACT_TANH}, {1, MLP_ACT_IDENTITY}},
    MLP_LOSS_MSE};

/* Enough parameters for updates that do not wait for all gradients, and for
 * threads that divide the outputs of a layer. */
static const model wide_model = {
    64,
    3,
    {{1030, MLP_ACT_RELU}, {40, MLP_ACT_RELU}, {1, MLP_ACT_SIGMOID}},
    MLP_LOSS_BCE};

static data data_of(const model *m, mlp_dtype p)
{
    size_t outputs = m->layers[m->n_layers - 1].width;
    data d = {random_matrix(p, ROWS, m->inputs, -1, 1),
              random_matrix(p, ROWS, outputs, 0, 1)};
    for (size_t i = 0; m->loss == MLP_LOSS_CCE && i < ROWS; i++) {
        for (size_t j = 0; j < outputs; j++) {
            put(d.Y, i, j, j == i % outputs ? 1 : 0);
        }
    }
    return d;
}

/* Rows of a stream, in two chunks. */
typedef struct rows {
    mlp_cview X, Y, weights;
} rows;

static mlp_status next(size_t epoch, size_t number, mlp_chunk *chunk,
                       void *user)
{
    (void)epoch;
    const rows *r = user;
    size_t first = number == 0 ? 0 : 500;
    if (number < 2) {
        chunk->X = mlp_cview_rows(r->X, first, number == 0 ? 500 : ROWS);
        chunk->Y = mlp_cview_rows(r->Y, first, number == 0 ? 500 : ROWS);
        chunk->row_weights =
            mlp_cview_rows(r->weights, first, number == 0 ? 500 : ROWS);
    }
    return MLP_OK;
}

static mlp_train_options options_of(mlp_optimizer_kind kind)
{
    mlp_train_options options = mlp_train_defaults();
    options.optimizer = mlp_optimizer_defaults(kind);
    options.optimizer.weight_decay = kind == MLP_OPTIMIZER_LBFGS ? 0 : 0.01;
    options.learning_rate = 0.01;
    options.batch_size = ROWS;
    options.epochs = EPOCHS;
    options.standardise = false;
    options.threads = 1;
    return options;
}

/* Checks that a fit, with one thread and with three, is a stream of the same
 * rows; fits by a trainer of the caller too. */
static void assert_is_a_stream(const model *m, mlp_dtype p,
                               mlp_train_options options)
{
    data d = data_of(m, p);
    rows r = {ro(d.X), ro(d.Y), options.row_weights};
    mlp_net *start = new_net(m, p, NULL);
    mlp_net *expected = clone_of(start);
    options.row_weights = (mlp_cview){.rows = 0};
    mlp_history *whole = NULL;
    assert_int_equal(mlp_fit_stream(expected, next, &r, &options, &whole),
                     MLP_OK);
    options.row_weights = r.weights;
    for (size_t form = 0; form < 3; form++) {
        mlp_net *net = clone_of(start);
        mlp_history *history = NULL;
        options.threads = form == 1 ? 3 : 1;
        if (form < 2) {
            assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, &history),
                             MLP_OK);
        } else {
            mlp_trainer *trainer = NULL;
            assert_int_equal(mlp_trainer_create(net, ROWS, &trainer), MLP_OK);
            assert_int_equal(
                mlp_trainer_set_optimizer(trainer, &options.optimizer), MLP_OK);
            assert_int_equal(
                mlp_trainer_fit(trainer, ro(d.X), ro(d.Y), &options, &history),
                MLP_OK);
            mlp_trainer_free(trainer);
        }
        assert_same_net(net, expected);
        assert_memory_equal(mlp_history_losses(history),
                            mlp_history_losses(whole), EPOCHS * sizeof(double));
        mlp_history_free(history);
        mlp_net_free(net);
    }
    mlp_history_free(whole);
    mlp_net_free(expected);
    mlp_net_free(start);
    free_data(d);
}

static void sums_go_on_from_one_to_the_next(void **state)
{
    (void)state;
    static const model *const models[] = {&class_model, &column_model,
                                          &wide_model};
    static const mlp_optimizer_kind kinds[] = {
        MLP_OPTIMIZER_SGD, MLP_OPTIMIZER_ADAMW, MLP_OPTIMIZER_RPROP};
    FOR_EACH_PRECISION(p)
    {
        for (size_t i = 0; i < COUNT(models) * COUNT(kinds); i++) {
            assert_is_a_stream(models[i % COUNT(models)], p,
                               options_of(kinds[i / COUNT(models)]));
        }
    }
}

/* Penalties are added once, and the norm is that of the complete gradients. */
static void penalties_and_clipping_see_the_batch(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_train_options options = options_of(MLP_OPTIMIZER_SGD);
        options.optimizer.l2 = 30;
        options.optimizer.l1 = 3;
        options.optimizer.clip_norm = 0.01;
        assert_is_a_stream(&class_model, p, options);
        assert_is_a_stream(&wide_model, p, options);
    }
}

static void row_weights_are_those_of_the_rows(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        mlp_view weights = random_matrix(p, ROWS, 1, 0, 2);
        mlp_train_options options = options_of(MLP_OPTIMIZER_SGD);
        options.row_weights = ro(weights);
        assert_is_a_stream(&class_model, p, options);
        assert_is_a_stream(&column_model, p, options);
        free(weights.data);
    }
}

/* L-BFGS evaluates the loss several times; streams refuse it. With three
 * threads the micro-batches are larger than with one. */
static void lbfgs_evaluates_the_batch(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        data d = data_of(&wide_model, p);
        mlp_net *start = new_net(&wide_model, p, NULL);
        mlp_net *nets[2];
        mlp_train_options options = options_of(MLP_OPTIMIZER_LBFGS);
        options.learning_rate = 1;
        for (size_t i = 0; i < 2; i++) {
            nets[i] = clone_of(start);
            options.threads = i == 0 ? 1 : 3;
            assert_int_equal(mlp_fit(nets[i], ro(d.X), ro(d.Y), &options, NULL),
                             MLP_OK);
        }
        assert_same_net(nets[0], nets[1]);
        mlp_net_free(nets[1]);
        mlp_net_free(nets[0]);
        mlp_net_free(start);
        free_data(d);
    }
}

/* The gradients of the first micro-batch overflow. Those of the last one, in
 * which a fused update would be made, do not. The network ignores the huge
 * input and amplifies gradients, so that loss and outputs are finite. */
static void an_overflow_in_the_first_is_seen(void **state)
{
    (void)state;
    hook_record record = {0};
    data d = data_of(&wide_model, MLP_F32);
    put(d.X, 3, 0, 1e38);
    mlp_net *net = new_net(&wide_model, MLP_F32, &record);
    for (size_t i = 0; i < wide_model.layers[0].width; i++) {
        put(tensor(net, MLP_W, 1), i, 0, 0);
    }
    fill(tensor(net, MLP_W, 2), 1e4);
    fill(tensor(net, MLP_W, 3), 1);
    mlp_net *before = clone_of(net);
    mlp_train_options options = options_of(MLP_OPTIMIZER_SGD);
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                     MLP_ERR_DIVERGED);
    assert_said(&record, "the gradient is infinite");
    assert_same_net(net, before);
    mlp_net_free(before);
    mlp_net_free(net);
    free_data(d);
}

/* The first rows alone pass the ReLU, so the layer is not dead. */
static void an_output_in_the_first_is_seen(void **state)
{
    (void)state;
    static const model line = {
        512, 2, {{1, MLP_ACT_RELU}, {1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    hook_record record = {0};
    data d = data_of(&line, MLP_F64);
    mlp_net *net = new_net(&line, MLP_F64, &record);
    fill(tensor(net, MLP_W, 1), 1);
    fill(d.X, -1);
    put(d.X, 0, 0, 1e3);
    mlp_train_options options = options_of(MLP_OPTIMIZER_SGD);
    options.learning_rate = 1e-9;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    assert_null(strstr(record.hint, "ReLU"));
    put(d.X, 0, 0, -1);
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    assert_non_null(strstr(record.hint, "ReLU"));
    mlp_net_free(net);
    free_data(d);
    assert_int_equal(record.live, 0);
}

static size_t bytes_allocated;

static void *count_bytes(size_t bytes, void *user)
{
    (void)user;
    bytes_allocated += bytes;
    return malloc(bytes);
}

static void give_back(void *block, void *user)
{
    (void)user;
    free(block);
}

/* Without row weights a fit takes as much memory for these rows as for twice as
 * many. */
static void memory_does_not_grow_with_the_batch(void **state)
{
    (void)state;
    data d = data_of(&wide_model, MLP_F32);
    mlp_config config = config_of(&wide_model, MLP_F32, NULL);
    config.hooks = (mlp_hooks){.allocate = count_bytes, .release = give_back};
    mlp_net *net = net_of(&config);
    mlp_train_options options = options_of(MLP_OPTIMIZER_ADAM);
    options.batch_size = 0;
    size_t bytes[2];
    for (size_t i = 0; i < 2; i++) {
        size_t m = i == 0 ? ROWS / 2 : ROWS;
        bytes_allocated = 0;
        assert_int_equal(mlp_fit(net, mlp_cview_rows(ro(d.X), 0, m),
                                 mlp_cview_rows(ro(d.Y), 0, m), &options, NULL),
                         MLP_OK);
        bytes[i] = bytes_allocated;
    }
    assert_int_equal(bytes[0], bytes[1]);
    mlp_net_free(net);
    free_data(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_go_on_from_one_to_the_next),
        cmocka_unit_test(penalties_and_clipping_see_the_batch),
        cmocka_unit_test(row_weights_are_those_of_the_rows),
        cmocka_unit_test(lbfgs_evaluates_the_batch),
        cmocka_unit_test(an_overflow_in_the_first_is_seen),
        cmocka_unit_test(an_output_in_the_first_is_seen),
        cmocka_unit_test(memory_does_not_grow_with_the_batch),
    };
    return cmocka_run_group_tests_name("micro_batch", tests, NULL, NULL);
}
