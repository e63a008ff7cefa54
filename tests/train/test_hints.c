/* SPDX-License-Identifier: MIT */
/*
 * Hints: each comes where it should, once, and none in a dozen healthy
 * trainings. A hint is a message with the status MLP_OK.
 */
#include "support/training.h"

#include "model/net.h"

enum { ROWS = 60 };

static const model line_model = {
    2, 2, {{8, MLP_ACT_RELU}, {1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
static const model side_model = {
    2, 2, {{8, MLP_ACT_RELU}, {1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};

/* Rows of two columns in [-1, 1); targets are a sum, or whether it is above 0.
 */
static data small_data(const model *m)
{
    data d = {random_matrix(MLP_F64, ROWS, 2, -1, 1),
              new_matrix(MLP_F64, ROWS, 1, NULL)};
    for (size_t i = 0; i < ROWS; i++) {
        double sum = at(d.X, i, 0) + 0.5 * at(d.X, i, 1);
        put(d.Y, i, 0, m->loss == MLP_LOSS_BCE ? sum > 0 : sum);
    }
    return d;
}

/* Replaces each x of a column by factor x + offset. */
static void move_column(mlp_view X, size_t j, double factor, double offset)
{
    for (size_t i = 0; i < X.rows; i++) {
        put(X, i, j, factor * at(X, i, j) + offset);
    }
}

/* Checks that the first hint begins as hints do and contains `part`; or that
 * there was none, if `part` is NULL. (What gives a hint before training can
 * give another one after it: raw inputs may let the loss rise.) */
static void assert_hint(const hook_record *record, const char *part)
{
    if (!part) {
        if (record->hints > 0) {
            fail_msg("unexpected: %s", record->hint);
        }
        return;
    }
    if (strncmp(record->hint, "hint: ", 6) != 0 ||
        !strstr(record->hint, part)) {
        fail_msg("expected \"%s\" in \"%s\"", part, record->hint);
    }
}

/* Trains a new network, and checks the hint that comes. */
static void fit_hints(const model *m, data d, const mlp_train_options *options,
                      const char *part)
{
    hook_record record = {0};
    mlp_net *net = new_net(m, d.X.dtype, &record);
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), options, NULL), MLP_OK);
    assert_hint(&record, part);
    mlp_net_free(net);
}

static mlp_train_options raw_options(void)
{
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 2;
    options.standardise = false;
    return options;
}

/* ---------------------------------------------------------------------------
 * Rows
 */

static void raw_inputs_give_a_hint(void **state)
{
    (void)state;
    static const struct {
        double factor, offset;
        const char *part;
    } columns[] = {
        {1, 0, NULL},
        {1000, 5000, "X, column 1 has mean"},
        {1000, 0, "X, column 1 has mean"},
        {1, 1950, "X, column 1 has mean"}, /* years */
        {0.1, 10, "X, column 1 has mean"}, /* far from 0 for its spread */
        {0.001, 0, NULL},                  /* the other column is not tiny */
        {0, 7, NULL},                      /* a second bias */
        {20, 40, NULL},                    /* ages */
    };
    mlp_train_options raw = raw_options();
    mlp_train_options scaled = raw;
    scaled.standardise = true;
    for (size_t k = 0; k < COUNT(columns); k++) {
        data d = small_data(&side_model);
        move_column(d.X, 1, columns[k].factor, columns[k].offset);
        fit_hints(&side_model, d, &raw, columns[k].part);
        fit_hints(&side_model, d, &scaled, NULL);
        free_data(d);
    }
}

static void tiny_inputs_give_a_hint(void **state)
{
    (void)state;
    data d = small_data(&side_model);
    move_column(d.X, 0, 0.01, 0);
    move_column(d.X, 1, 0.02, 0);
    mlp_train_options options = raw_options();
    fit_hints(&side_model, d, &options, "X, column 1 has mean");
    move_column(d.X, 1, 10, 0);
    fit_hints(&side_model, d, &options, NULL);
    free_data(d);
}

/* Only the rows that are trained on count. */
static void rows_held_out_give_no_hint(void **state)
{
    (void)state;
    data d = small_data(&line_model);
    hook_record record = {0};
    mlp_net *net = new_net(&line_model, MLP_F64, &record);
    mlp_train_options options = raw_options();
    options.validation_fraction = 0.1;
    size_t order[ROWS];
    size_t held = 0;
    assert_int_equal(mlp_validation_split(net, ro(d.Y), &options, order, &held),
                     MLP_OK);
    put(d.X, order[ROWS - 1], 0, 1e5);
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    assert_hint(&record, NULL);
    mlp_net_free(net);
    free_data(d);
}

static void raw_targets_give_a_hint(void **state)
{
    (void)state;
    data d = small_data(&line_model);
    move_column(d.Y, 0, 100, 5000);
    mlp_train_options options = raw_options();
    fit_hints(&line_model, d, &options, "Y, column 0 has mean");
    options.standardise = true;
    fit_hints(&line_model, d, &options, NULL);
    free_data(d);
}

/* A ReLU cannot give scaled targets, and a fit does not scale them for it. So
 * the hint names the last layer, even if the option is true. */
static void raw_targets_of_a_relu_are_told_another_remedy(void **state)
{
    (void)state;
    model m = line_model;
    m.layers[1].activation = MLP_ACT_RELU;
    data d = small_data(&m);
    move_column(d.Y, 0, 100, 5000);
    hook_record record = {0};
    mlp_net *net = new_net(&m, MLP_F64, &record);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 1;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    assert_hint(&record, "Y, column 0 has mean");
    assert_non_null(strstr(record.hint, "give the last layer identity"));
    mlp_net_free(net);
    free_data(d);
}

/* Counts of any size are learnt by their logarithms, and cannot be scaled. A
 * loss that is negative and falls has not risen by a fifth. */
static void counts_and_variances_give_no_hint(void **state)
{
    (void)state;
    static const mlp_loss losses[] = {MLP_LOSS_POISSON, MLP_LOSS_GAUSSIAN_NLL};
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 30;
    for (size_t i = 0; i < COUNT(losses); i++) {
        model m = {2, 2, {{8, MLP_ACT_RELU}, {i == 0 ? 1 : 2}}, losses[i]};
        data d = small_data(&m);
        for (size_t row = 0; row < ROWS; row++) {
            put(d.Y, row, 0, 400 + floor(40 * at(d.Y, row, 0)));
        }
        fit_hints(&m, d, &options, NULL);
        free_data(d);
    }
}

static void targets_out_of_reach_give_a_hint(void **state)
{
    (void)state;
    static const struct {
        mlp_activation f;
        double low, high; /* targets that are reached */
        double beyond;    /* one that is not */
    } spans[] = {
        {MLP_ACT_SIGMOID, 0, 1, 5},     {MLP_ACT_SIGMOID, 0, 1, -0.1},
        {MLP_ACT_TANH, -1, 1, 1.5},     {MLP_ACT_RELU, 0, 9, -1},
        {MLP_ACT_SOFTPLUS, 0, 9, -1},   {MLP_ACT_ELU, -1, 9, -1.1},
        {MLP_ACT_EXP, 0, 9, -1},        {MLP_ACT_GELU, -0.16, 9, -0.2},
        {MLP_ACT_SILU, -0.27, 9, -0.3},
    };
    mlp_train_options options = raw_options();
    options.epochs = 1;
    for (size_t k = 0; k < COUNT(spans); k++) {
        model m = line_model;
        m.layers[1].activation = spans[k].f;
        m.layers[1].slope = 1;
        data d = small_data(&m);
        for (size_t i = 0; i < ROWS; i++) {
            put(d.Y, i, 0, i % 2 ? spans[k].low : spans[k].high);
        }
        fit_hints(&m, d, &options, NULL);
        put(d.Y, 7, 0, spans[k].beyond);
        fit_hints(&m, d, &options, "Y, row 7, column 0");
        free_data(d);
    }
}

/* A leaky_relu gives every number, unless its slope is 0, as a file may have
 * it. */
static void a_leaky_relu_reaches_every_target(void **state)
{
    (void)state;
    model m = line_model;
    m.layers[1].activation = MLP_ACT_LEAKY_RELU;
    data d = small_data(&m);
    put(d.Y, 7, 0, -9);
    mlp_train_options options = raw_options();
    fit_hints(&m, d, &options, NULL);
    hook_record record = {0};
    mlp_net *net = new_net(&m, MLP_F64, &record);
    net->layout.layer[2].slope = 0;
    for (size_t i = 0; i < ROWS; i++) {
        put(d.Y, i, 0, i == 7 ? -9 : 1);
    }
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    assert_hint(&record, "Y, row 7, column 0 is -9, which the last layer");
    mlp_net_free(net);
    free_data(d);
}

/* What counts is the target as the last layer sees it. */
static void scaled_targets_out_of_reach_give_a_hint(void **state)
{
    (void)state;
    static const double means[] = {-10, 2};
    const double std = 2;
    model m = line_model;
    m.layers[1].activation = MLP_ACT_RELU;
    data d = small_data(&m);
    mlp_train_options options = raw_options();
    for (size_t i = 0; i < ROWS; i++) {
        put(d.Y, i, 0, i == 7 ? -6 : 2);
    }
    for (size_t k = 0; k < COUNT(means); k++) {
        hook_record record = {0};
        mlp_net *net = new_net(&m, MLP_F64, &record);
        assert_int_equal(mlp_net_set_target_scaling(net, &means[k], &std),
                         MLP_OK);
        assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                         MLP_OK);
        assert_hint(&record, k == 0 ? NULL
                                    : "Y, row 7, column 0 is -4 when scaled, "
                                      "which the last layer cannot give");
        mlp_net_free(net);
    }
    free_data(d);
}

/* A row is named by its place in Y, and one that is held out is none. */
static void only_targets_of_training_rows_count(void **state)
{
    (void)state;
    model m = line_model;
    m.layers[1].activation = MLP_ACT_TANH;
    mlp_train_options options = raw_options();
    options.validation_fraction = 0.25;
    size_t order[ROWS];
    size_t held = 0;
    data d = small_data(&m);
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    fill(d.Y, 0.5);
    assert_int_equal(mlp_validation_split(net, ro(d.Y), &options, order, &held),
                     MLP_OK);
    mlp_net_free(net);
    for (size_t i = ROWS - held; i < ROWS; i++) {
        put(d.Y, order[i], 0, 3);
    }
    fit_hints(&m, d, &options, NULL);
    size_t row = 0; /* the last one that is trained on */
    for (size_t i = 0; i < ROWS - held; i++) {
        row = order[i] > row ? order[i] : row;
    }
    put(d.Y, row, 0, 3);
    char expected[32];
    (void)snprintf(expected, sizeof expected, "Y, row %zu, column 0", row);
    fit_hints(&m, d, &options, expected);
    free_data(d);
}

static void a_column_with_few_digits_gives_a_hint(void **state)
{
    (void)state;
    data d = small_data(&side_model);
    move_column(d.X, 1, 1, 1e14);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 1;
    fit_hints(&side_model, d, &options, "X, column 1 varies so little");
    hook_record record = {0};
    mlp_net *net = new_net(&side_model, MLP_F64, &record);
    assert_int_equal(mlp_net_standardise(net, ro(d.X)), MLP_OK);
    assert_hint(&record, "X, column 1 varies so little");
    mlp_net_free(net);
    move_column(d.X, 1, 0, 1e14); /* a column that does not vary is none */
    fit_hints(&side_model, d, &options, NULL);
    free_data(d);
}

/* An epoch has the rows twice, in two chunks. */
static mlp_status two_chunks(size_t epoch, size_t number, mlp_chunk *chunk,
                             void *user)
{
    (void)epoch;
    if (number < 2) {
        const data *d = user;
        *chunk = (mlp_chunk){.X = ro(d->X), .Y = ro(d->Y)};
    }
    return MLP_OK;
}

/* Like two_chunks, but all rows have weights. */
static mlp_status weighted_chunks(size_t epoch, size_t number, mlp_chunk *chunk,
                                  void *user)
{
    static const double one = 1;
    mlp_status status = two_chunks(epoch, number, chunk, user);
    chunk->row_weights = mlp_cview_f64(&one, chunk->X.rows, 1);
    chunk->row_weights.row_stride = 0;
    return status;
}

static void a_stream_gives_hints_for_its_first_chunk(void **state)
{
    (void)state;
    data d = small_data(&side_model);
    move_column(d.X, 0, 1000, 0);
    hook_record record = {0};
    mlp_net *net = new_net(&side_model, MLP_F64, &record);
    mlp_train_options options = raw_options();
    options.learning_rate = 1e-9;
    assert_int_equal(mlp_fit_stream(net, two_chunks, &d, &options, NULL),
                     MLP_OK);
    assert_int_equal(record.hints, 1);
    assert_hint(&record, "X, column 0 has mean");
    mlp_net_free(net);
    record = (hook_record){0};
    net = new_net(&side_model, MLP_F64, &record);
    assert_int_equal(mlp_fit_stream(net, weighted_chunks, &d, &options, NULL),
                     MLP_OK);
    assert_null(strstr(record.hint, "X, column 0"));
    mlp_net_free(net);
    free_data(d);
}

/* A loop of fits of one epoch with the same trainer does not repeat them. */
static void later_fits_of_a_trainer_repeat_no_hint(void **state)
{
    (void)state;
    data d = small_data(&side_model);
    move_column(d.X, 0, 1000, 0);
    hook_record record = {0};
    mlp_net *net = new_net(&side_model, MLP_F64, &record);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, ROWS, &trainer), MLP_OK);
    mlp_train_options options = raw_options();
    options.epochs = 1;
    options.learning_rate = 1e-9;
    for (size_t i = 0; i < 6; i++) {
        mlp_status status =
            i < 3 ? mlp_trainer_fit(trainer, ro(d.X), ro(d.Y), &options, NULL)
                  : mlp_trainer_fit_stream(trainer, two_chunks, &d, &options,
                                           NULL);
        assert_int_equal(status, MLP_OK);
        assert_int_equal(record.hints, 1);
        assert_hint(&record, "X, column 0 has mean");
    }
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    free_data(d);
}

/* ---------------------------------------------------------------------------
 * Batches, layers, losses
 */

static void batches_of_one_row_give_a_hint_under_batch_norm(void **state)
{
    (void)state;
    model m = side_model;
    data d = small_data(&m);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 1;
    options.batch_size = 59;
    fit_hints(&m, d, &options, NULL);
    m.layers[0].batch_norm = true;
    fit_hints(&m, d, &options, "the last batch has one row");
    options.batch_size = 20;
    fit_hints(&m, d, &options, NULL);
    options.batch_size = 1;
    fit_hints(&m, d, &options, "batches have one row");
    data first = {d.X, d.Y};
    first.X.rows = first.Y.rows = 1;
    fit_hints(&m, first, &options, "X has one row");
    free_data(d);
}

static void dead_relus_give_a_hint(void **state)
{
    (void)state;
    data d = small_data(&line_model);
    hook_record record = {0};
    mlp_net *net = new_net(&line_model, MLP_F64, &record);
    fill(tensor(net, MLP_B, 1), -100);
    mlp_train_options options = raw_options();
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    assert_hint(&record, "layer 1: every ReLU was 0");
    record.hints = 0;
    /* One neuron that lives for one row is enough. */
    put(tensor(net, MLP_B, 1), 0, 5, 0);
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    assert_hint(&record, NULL);
    mlp_net_free(net);
    free_data(d);
}

static void a_loss_that_rises_gives_a_hint(void **state)
{
    (void)state;
    data d = small_data(&side_model);
    model m = side_model;
    m.layers[0].activation = MLP_ACT_TANH;
    for (size_t i = 0; i < ROWS; i++) {
        put(d.Y, i, 0, (double)(i % 2)); /* there is nothing to learn */
    }
    mlp_train_options options = mlp_train_defaults();
    options.optimizer.kind = MLP_OPTIMIZER_SGD;
    options.epochs = 3;
    options.learning_rate = 500;
    fit_hints(&m, d, &options, "the loss rose from");
    options.learning_rate = 0.01;
    fit_hints(&m, d, &options, NULL);
    /* The weights of the best epoch do not have the loss of the last one. */
    options.learning_rate = 500;
    options.validation_fraction = 0.5;
    fit_hints(&m, d, &options, NULL);
    free_data(d);
}

/* A new network has a loss of about log 2. Half as much again is too much, even
 * where the first epoch is no better than the last. */
static void a_loss_above_chance_gives_a_hint(void **state)
{
    (void)state;
    data d = small_data(&side_model);
    model m = side_model;
    m.layers[0].activation = MLP_ACT_TANH;
    for (size_t i = 0; i < ROWS; i++) {
        put(d.Y, i, 0, (double)(i % 2));
    }
    mlp_train_options options = mlp_train_defaults();
    options.optimizer.kind = MLP_OPTIMIZER_SGD;
    options.batch_size = 1;
    options.epochs = 1;
    options.learning_rate = 1.25; /* the loss becomes 2.1 */
    fit_hints(&m, d, &options, "the loss rose from");
    options.learning_rate = 0.5; /* 0.9 */
    fit_hints(&m, d, &options, NULL);
    free_data(d);
}

/* Among many batches one is easy by chance. If it is the first one, and the
 * targets are mostly noise, the last epoch has a larger loss, and yet the
 * training is healthy. */
static void an_easy_first_batch_gives_no_hint(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 4, 16, 32};
    for (size_t k = 0; k < 40; k++) {
        data d = {random_matrix(MLP_F64, 200, 2, -1, 1),
                  new_matrix(MLP_F64, 200, 1, NULL)};
        mlp_rng rng = mlp_rng_seeded((uint32_t)k);
        for (size_t i = 0; i < d.Y.rows; i++) {
            put(d.Y, i, 0, 0.5 * at(d.X, i, 0) + mlp_rng_randn(&rng));
        }
        mlp_train_options options = mlp_train_defaults();
        options.batch_size = sizes[k % COUNT(sizes)];
        options.epochs = 5;
        options.seed = (uint32_t)k;
        fit_hints(&line_model, d, &options, NULL);
        free_data(d);
    }
}

/* Like the noise above, without chance: the rows of the first batch are the
 * mean, of which a new network predicts the mean of the targets; the inputs of
 * the others tell nothing of their targets, so that their loss comes down to
 * that of the mean. */
static void the_loss_of_the_mean_gives_no_hint(void **state)
{
    (void)state;
    data d = {new_matrix(MLP_F64, 200, 2, NULL),
              new_matrix(MLP_F64, 200, 1, NULL)};
    for (size_t i = 4; i < d.Y.rows; i++) {
        put(d.X, i, 0, i % 4 < 2 ? -1 : 1);
        put(d.X, i, 1, i % 4 < 2 ? -1 : 1);
        put(d.Y, i, 0, i % 2 == 0 ? -1 : 1);
    }
    mlp_train_options options = mlp_train_defaults();
    options.shuffle = false;
    options.batch_size = 4;
    options.epochs = 50;
    options.learning_rate = 0.01;
    fit_hints(&line_model, d, &options, NULL);
    free_data(d);
}

static void standardising_again_gives_a_hint(void **state)
{
    (void)state;
    data d = small_data(&line_model);
    hook_record record = {0};
    mlp_net *net = new_net(&line_model, MLP_F64, &record);
    assert_int_equal(mlp_net_standardise(net, ro(d.X)), MLP_OK);
    assert_int_equal(mlp_net_standardise(net, ro(d.X)), MLP_OK);
    assert_hint(&record, NULL); /* nothing has been learnt so far */
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), NULL, NULL), MLP_OK);
    assert_hint(&record, NULL);
    assert_int_equal(mlp_net_standardise(net, ro(d.X)), MLP_OK);
    assert_hint(&record, "the network has been trained with the scaling");
    record.hints = 0;
    assert_int_equal(mlp_net_standardise_targets(net, ro(d.Y)), MLP_OK);
    assert_hint(&record, "the network has been trained with the scaling");
    mlp_net_free(net);
    free_data(d);
}

/* ---------------------------------------------------------------------------
 * Healthy trainings
 */

/* Trains on the tutorial's data with its settings, and with the defaults. */
static void healthy_classifications_give_no_hint(void **state)
{
    (void)state;
    data xor = xor_data(MLP_F64);
    data moons = moons_data(MLP_F64, "moons_train");
    mlp_train_options tutorial = tutorial_options();
    tutorial.learning_rate = 0.5;
    fit_hints(&xor_model, xor, &tutorial, NULL);
    fit_hints(&moons_model, moons, &tutorial, NULL);
    fit_hints(&xor_model, xor, NULL, NULL);
    fit_hints(&moons_model, moons, NULL, NULL);
    model m = moons_model;
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 20;
    for (size_t l = 0; l < 2; l++) {
        m.layers[l].batch_norm = true;
        m.layers[l].dropout = 0.2;
    }
    fit_hints(&m, moons, &options, NULL);
    options.validation_fraction = 0.2;
    options.patience = 3;
    fit_hints(&m, moons, &options, NULL);
    free_data(xor);
    free_data(moons);
}

/* Trains with each optimizer, and goes on training for a second time. */
static void healthy_regressions_give_no_hint(void **state)
{
    (void)state;
    data d = small_data(&line_model);
    move_column(d.X, 0, 3000, 20000);
    move_column(d.Y, 0, 50, -700);
    for (mlp_optimizer_kind kind = MLP_OPTIMIZER_SGD;
         kind <= MLP_OPTIMIZER_LBFGS; kind = (mlp_optimizer_kind)(kind + 1)) {
        hook_record record = {0};
        mlp_net *net = new_net(&line_model, MLP_F64, &record);
        mlp_train_options options = mlp_train_defaults();
        options.epochs = 50;
        options.optimizer.kind = kind;
        for (int again = 0; again < 2; again++) {
            assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                             MLP_OK);
        }
        assert_hint(&record, NULL);
        mlp_net_free(net);
    }
    free_data(d);
}

/* Images of 64 pixels from 0 to 16, some of which never vary. */
static void healthy_digits_give_no_hint(void **state)
{
    (void)state;
    static const model digits_model = {
        64, 2, {{20, MLP_ACT_RELU}, {10, MLP_ACT_SOFTMAX}}, MLP_LOSS_CCE};
    data d = {random_matrix(MLP_F32, 200, 64, 0, 16),
              new_matrix(MLP_F32, 200, 10, NULL)};
    for (size_t i = 0; i < 200; i++) {
        put(d.X, i, 0, 0);
        put(d.X, i, i % 10 + 1, 16);
        put(d.Y, i, i % 10, 1);
    }
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 20;
    fit_hints(&digits_model, d, &options, NULL);
    options.standardise = false;
    fit_hints(&digits_model, d, &options, NULL);
    free_data(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_inputs_give_a_hint),
        cmocka_unit_test(tiny_inputs_give_a_hint),
        cmocka_unit_test(rows_held_out_give_no_hint),
        cmocka_unit_test(raw_targets_give_a_hint),
        cmocka_unit_test(raw_targets_of_a_relu_are_told_another_remedy),
        cmocka_unit_test(counts_and_variances_give_no_hint),
        cmocka_unit_test(targets_out_of_reach_give_a_hint),
        cmocka_unit_test(a_leaky_relu_reaches_every_target),
        cmocka_unit_test(scaled_targets_out_of_reach_give_a_hint),
        cmocka_unit_test(only_targets_of_training_rows_count),
        cmocka_unit_test(a_column_with_few_digits_gives_a_hint),
        cmocka_unit_test(a_stream_gives_hints_for_its_first_chunk),
        cmocka_unit_test(later_fits_of_a_trainer_repeat_no_hint),
        cmocka_unit_test(batches_of_one_row_give_a_hint_under_batch_norm),
        cmocka_unit_test(dead_relus_give_a_hint),
        cmocka_unit_test(a_loss_that_rises_gives_a_hint),
        cmocka_unit_test(a_loss_above_chance_gives_a_hint),
        cmocka_unit_test(an_easy_first_batch_gives_no_hint),
        cmocka_unit_test(the_loss_of_the_mean_gives_no_hint),
        cmocka_unit_test(standardising_again_gives_a_hint),
        cmocka_unit_test(healthy_classifications_give_no_hint),
        cmocka_unit_test(healthy_regressions_give_no_hint),
        cmocka_unit_test(healthy_digits_give_no_hint),
    };
    return cmocka_run_group_tests_name("hints", tests, NULL, NULL);
}
