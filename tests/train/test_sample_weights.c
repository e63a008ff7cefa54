/* SPDX-License-Identifier: MIT */
/*
 * Sample weights: what a weight means, and that it means the same wherever rows
 * come from. test_sample_weights_pytorch.c compares them with PyTorch's
 * numbers.
 */
#include "support/training.h"

enum { ROWS = 24 };

static const model bits_model = {5,
                                 2,
                                 {{.width = 6, .activation = MLP_ACT_TANH},
                                  {.width = 1, .activation = MLP_ACT_SIGMOID}},
                                 MLP_LOSS_BCE};

static const model class_model = {5,
                                  2,
                                  {{.width = 6, .activation = MLP_ACT_TANH},
                                   {.width = 4, .activation = MLP_ACT_SOFTMAX}},
                                  MLP_LOSS_CCE};

static mlp_train_options options_of(size_t epochs, size_t batch)
{
    mlp_train_options options = tutorial_options();
    options.epochs = epochs;
    options.learning_rate = 0.5;
    options.batch_size = batch;
    options.shuffle = false;
    return options;
}

/* Returns rows for a model: targets are bits for bce, one-hot for cce, and any
 * numbers for mse. */
static data data_of(const model *m, mlp_dtype p)
{
    size_t n = m->layers[m->n_layers - 1].width;
    data d = {random_matrix(p, ROWS, m->inputs, -1, 1),
              random_matrix(p, ROWS, n, 0, 1)};
    for (size_t i = 0; m->loss != MLP_LOSS_MSE && i < ROWS; i++) {
        double y = at(d.Y, i, 0);
        put(d.Y, i, 0, y > 0.7);
        for (size_t j = 0; n > 1 && j < n; j++) {
            put(d.Y, i, j, j == (size_t)(y * (double)n));
        }
    }
    return d;
}

/* Returns rows order[0..n-1]. */
static data rows_of(data from, const size_t *order, size_t n)
{
    data rows = {new_matrix(from.X.dtype, n, from.X.cols, NULL),
                 new_matrix(from.X.dtype, n, from.Y.cols, NULL)};
    assert_int_equal(mlp_gather_rows(ro(from.X), order, NULL, rows.X), MLP_OK);
    assert_int_equal(mlp_gather_rows(ro(from.Y), order, NULL, rows.Y), MLP_OK);
    return rows;
}

static mlp_net *fitted(const model *m, data d, const mlp_train_options *options)
{
    mlp_net *net = new_net(m, d.X.dtype, NULL);
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), options, NULL), MLP_OK);
    return net;
}

static void assert_near_net(const mlp_net *a, const mlp_net *b,
                            double tolerance)
{
    for (size_t l = 1; l <= mlp_net_layer_count(a); l++) {
        mlp_cview W = ctensor(a, MLP_W, l);
        for (size_t i = 0; i < W.rows; i++) {
            for (size_t j = 0; j < W.cols; j++) {
                assert_absolute(mlp_cview_at(W, i, j),
                                mlp_cview_at(ctensor(b, MLP_W, l), i, j),
                                tolerance);
            }
            assert_absolute(mlp_cview_at(ctensor(a, MLP_B, l), 0, i),
                            mlp_cview_at(ctensor(b, MLP_B, l), 0, i),
                            tolerance);
        }
    }
}

static const model *const models[] = {&square_model, &bits_model, &class_model};

/* ---------------------------------------------------------------------------
 * What a weight means
 */

/* A row of weight 0, 1, 2 or 3 must count like that many copies of the row. */
static void weight_is_how_often_a_row_is_there(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(models); k++) {
        data d = data_of(models[k], MLP_F64);
        double weights[ROWS];
        size_t order[3 * ROWS];
        size_t n = 0;
        for (size_t i = 0; i < ROWS; i++) {
            weights[i] = (double)(i * i % 7 % 4);
            for (size_t c = 0; c < (size_t)weights[i]; c++) {
                order[n++] = i;
            }
        }
        data often = rows_of(d, order, n);
        for (mlp_optimizer_kind kind = MLP_OPTIMIZER_SGD;
             mlp_optimizer_name(kind); kind++) {
            mlp_train_options options = options_of(5, 0);
            options.learning_rate = 0.01;
            options.optimizer = mlp_optimizer_defaults(kind);
            options.optimizer.l2 = 0.5;
            options.optimizer.l1 = 0.25;
            mlp_net *expected = fitted(models[k], often, &options);
            options.row_weights = mlp_cview_f64(weights, ROWS, 1);
            mlp_net *net = fitted(models[k], d, &options);
            assert_near_net(net, expected, 1e-14);
            mlp_net_free(net);
            mlp_net_free(expected);
        }
        free_data(often);
        free_data(d);
    }
}

static void equal_weights_change_no_bit(void **state)
{
    (void)state;
    static const double equals[] = {1, 2, 0.25, 1024};
    FOR_EACH_PRECISION(p)
    {
        for (size_t k = 0; k < COUNT(models); k++) {
            data d = data_of(models[k], p);
            mlp_train_options options = options_of(5, 7);
            options.shuffle = true;
            mlp_net *expected = fitted(models[k], d, &options);
            for (size_t i = 0; i < COUNT(equals); i++) {
                mlp_view weights = new_matrix(p, ROWS, 1, NULL);
                fill(weights, equals[i]);
                options.row_weights = ro(weights);
                mlp_net *net = fitted(models[k], d, &options);
                assert_same_net(net, expected);
                mlp_net_free(net);
                free(weights.data);
            }
            mlp_net_free(expected);
            free_data(d);
        }
    }
}

/* J must be sum of w[i] J[i] / sum of w[i], where J[i] is the loss of row i
 * alone. */
static void loss_is_the_mean_by_weight(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (size_t k = 0; k < COUNT(models); k++) {
            data d = data_of(models[k], p);
            mlp_net *net = new_net(models[k], p, NULL);
            mlp_trainer *trainer = NULL;
            assert_int_equal(mlp_trainer_create(net, ROWS, &trainer), MLP_OK);
            double weights[ROWS];
            double sum = 0;
            double total = 0;
            double loss = 0;
            for (size_t i = 0; i < ROWS; i++) {
                weights[i] = (double)(i % 5) / 3;
                assert_int_equal(
                    mlp_trainer_forward(trainer, mlp_cview_rows(ro(d.X), i, 1)),
                    MLP_OK);
                assert_int_equal(mlp_trainer_loss(trainer,
                                                  mlp_cview_rows(ro(d.Y), i, 1),
                                                  &loss),
                                 MLP_OK);
                sum += weights[i] * loss;
                total += weights[i];
            }
            assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
            double plain = 0;
            assert_int_equal(mlp_trainer_loss(trainer, ro(d.Y), &plain),
                             MLP_OK);
            assert_int_equal(mlp_trainer_set_row_weights(
                                 trainer, mlp_cview_f64(weights, ROWS, 1)),
                             MLP_OK);
            assert_int_equal(mlp_trainer_loss(trainer, ro(d.Y), &loss), MLP_OK);
            assert_relative(loss, sum / total, 1e-14);
            assert_true(fabs(loss - plain) > 1e-4);
            /* The next forward pass forgets the weights. */
            assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
            assert_int_equal(mlp_trainer_loss(trainer, ro(d.Y), &loss), MLP_OK);
            assert_true(loss == plain);
            mlp_trainer_free(trainer);
            mlp_net_free(net);
            free_data(d);
        }
    }
}

static void classes_weigh_as_their_rows(void **state)
{
    (void)state;
    static const double classes[2] = {0.75, 3};
    FOR_EACH_PRECISION(p)
    {
        data d = data_of(&bits_model, p);
        double weights[ROWS];
        double own[ROWS];
        for (size_t i = 0; i < ROWS; i++) {
            own[i] = 1 + (double)(i % 3);
            weights[i] = own[i] * classes[at(d.Y, i, 0) > 0];
        }
        mlp_train_options options = options_of(5, 7);
        options.row_weights = mlp_cview_f64(weights, ROWS, 1);
        mlp_net *expected = fitted(&bits_model, d, &options);
        options.row_weights = mlp_cview_f64(own, ROWS, 1);
        options.class_weights = classes;
        mlp_net *net = fitted(&bits_model, d, &options);
        assert_same_net(net, expected);
        mlp_net_free(net);
        mlp_net_free(expected);
        free_data(d);
    }
}

/* A row halfway between two classes has the mean of their weights. */
static void targets_between_classes_weigh_between(void **state)
{
    (void)state;
    static const double classes[2] = {1, 3};
    data d = data_of(&bits_model, MLP_F64);
    double weights[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        double y = (double)(i % 5) / 4;
        put(d.Y, i, 0, y);
        weights[i] = 1 + 2 * y;
    }
    mlp_train_options options = options_of(5, 7);
    options.row_weights = mlp_cview_f64(weights, ROWS, 1);
    mlp_net *expected = fitted(&bits_model, d, &options);
    options.row_weights.rows = 0;
    options.class_weights = classes;
    mlp_net *net = fitted(&bits_model, d, &options);
    assert_same_net(net, expected);
    mlp_net_free(net);
    mlp_net_free(expected);
    free_data(d);
}

/* ---------------------------------------------------------------------------
 * The same weights, wherever rows come from
 */

static void weights_go_with_their_rows(void **state)
{
    (void)state;
    data d = data_of(&square_model, MLP_F64);
    double weights[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        weights[i] = (double)(1 + i % 4);
    }
    mlp_train_options options = options_of(6, 5);
    options.validation_fraction = 0.25;
    options.row_weights = mlp_cview_f64(weights, ROWS, 1);
    mlp_net *net = fitted(&square_model, d, &options);

    size_t order[ROWS];
    size_t held = 0;
    double left[ROWS];
    assert_int_equal(mlp_validation_split(net, ro(d.Y), &options, order, &held),
                     MLP_OK);
    size_t m = ROWS - held;
    data train = rows_of(d, order, m);
    data test = rows_of(d, order + m, held);
    for (size_t i = 0; i < m; i++) {
        left[i] = weights[order[i]];
    }
    options.validation_fraction = 0;
    options.X_validation = ro(test.X);
    options.Y_validation = ro(test.Y);
    options.row_weights = mlp_cview_f64(left, m, 1);
    mlp_net *expected = fitted(&square_model, train, &options);
    assert_same_net(net, expected);
    free_data(test);
    free_data(train);
    mlp_net_free(expected);
    mlp_net_free(net);
    free_data(d);
}

/* A stream of chunks of five rows, which have weights from chunk first_weighted
 * on. */
typedef struct reader {
    data d;
    mlp_cview weights;
    size_t first_weighted;
} reader;

static mlp_status read_fives(size_t epoch, size_t chunk, mlp_chunk *rows,
                             void *user)
{
    const reader *r = user;
    (void)epoch;
    rows->X = mlp_cview_rows(ro(r->d.X), 5 * chunk, 5);
    rows->Y = mlp_cview_rows(ro(r->d.Y), 5 * chunk, 5);
    if (chunk >= r->first_weighted) {
        rows->row_weights = mlp_cview_rows(r->weights, 5 * chunk, 5);
    }
    return MLP_OK;
}

static void chunks_bring_their_weights(void **state)
{
    (void)state;
    static const double classes[2] = {0.75, 3};
    data d = data_of(&bits_model, MLP_F64);
    double weights[ROWS];
    for (size_t first = 0; first < 6; first++) {
        for (size_t i = 0; i < ROWS; i++) {
            weights[i] = i < 5 * first ? 1 : (double)(i % 4);
        }
        for (size_t b = 1; b < 30; b += 6) {
            mlp_train_options options = options_of(4, b);
            options.class_weights = b % 4 == 1 ? classes : NULL;
            options.row_weights = mlp_cview_f64(weights, ROWS, 1);
            reader r = {d, options.row_weights, first};
            mlp_net *expected = fitted(&bits_model, d, &options);
            mlp_net *net = new_net(&bits_model, MLP_F64, NULL);
            options.row_weights.rows = 0;
            assert_int_equal(
                mlp_fit_stream(net, read_fives, &r, &options, NULL), MLP_OK);
            assert_same_net(net, expected);
            mlp_net_free(net);
            mlp_net_free(expected);
        }
    }
    free_data(d);
}

static bool count_updates(const mlp_batch_progress *progress, void *user)
{
    double *weights = user;
    assert_true(progress->batch != 1 || progress->loss == 0);
    weights[progress->batch] += 1;
    return true;
}

/* All rows of the second of three batches have the weight 0. */
static void batches_of_no_weight_are_passed_over(void **state)
{
    (void)state;
    data d = data_of(&square_model, MLP_F64);
    double weights[ROWS];
    size_t order[ROWS];
    double left[ROWS];
    for (size_t zero = 0; zero < 3; zero++) {
        size_t n = 0;
        for (size_t i = 0; i < ROWS; i++) {
            weights[i] = i / 8 == zero ? 0 : (double)(1 + i % 2);
            if (weights[i] > 0) {
                left[n] = weights[i];
                order[n++] = i;
            }
        }
        data rest = rows_of(d, order, n);
        mlp_train_options options = options_of(6, 8);
        options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
        double seen[3] = {0};
        options.row_weights = mlp_cview_f64(left, n, 1);
        mlp_net *expected = fitted(&square_model, rest, &options);
        options.row_weights = mlp_cview_f64(weights, ROWS, 1);
        if (zero == 1) {
            options.on_batch = count_updates;
            options.user = seen;
        }
        mlp_net *net = fitted(&square_model, d, &options);
        assert_same_net(net, expected);
        assert_true(seen[1] == (zero == 1 ? 6 : 0));
        free_data(rest);
        mlp_net_free(net);
        mlp_net_free(expected);
    }
    free_data(d);
}

/* ---------------------------------------------------------------------------
 * Bad weights
 */

static void fit_refuses_weights_that_cannot_be(void **state)
{
    (void)state;
    hook_record record = {0};
    data d = data_of(&bits_model, MLP_F64);
    mlp_net *net = new_net(&bits_model, MLP_F64, &record);
    mlp_net *before = clone_of(net);
    double weights[ROWS];
    float singles[ROWS] = {0};
    double classes[2] = {1, 1};
    for (size_t i = 0; i < ROWS; i++) {
        weights[i] = 1;
    }
    mlp_train_options good = options_of(3, 8);
    good.row_weights = mlp_cview_f64(weights, ROWS, 1);
    mlp_train_options o = good;
#define REFUSED(status, part)                                                  \
    assert_told(&record, mlp_fit(net, ro(d.X), ro(d.Y), &o, NULL), status,     \
                part);                                                         \
    o = good
    o.row_weights.rows--;
    REFUSED(MLP_ERR_SHAPE, "row_weights");
    o.row_weights.cols = 2;
    REFUSED(MLP_ERR_SHAPE, "row_weights");
    o.row_weights = mlp_cview_f32(singles, ROWS, 1);
    REFUSED(MLP_ERR_DTYPE, "row_weights");
    weights[17] = NAN;
    REFUSED(MLP_ERR_NOT_FINITE, "row 17");
    weights[17] = INFINITY;
    REFUSED(MLP_ERR_NOT_FINITE, "row 17");
    weights[17] = -1;
    REFUSED(MLP_ERR_ARGUMENT, "row 17");
    memset(weights, 0, sizeof weights);
    REFUSED(MLP_ERR_ARGUMENT, "sum");
    weights[0] = weights[1] = 1e308;
    REFUSED(MLP_ERR_ARGUMENT, "sum");
    weights[1] = 1;
    o.class_weights = classes;
    classes[1] = -1;
    REFUSED(MLP_ERR_ARGUMENT, "class 1");
    o.class_weights = classes;
    classes[1] = INFINITY;
    REFUSED(MLP_ERR_ARGUMENT, "class 1");
    o.class_weights = classes;
    classes[0] = classes[1] = 0;
    REFUSED(MLP_ERR_ARGUMENT, "sum");
#undef REFUSED
    assert_same_net(net, before);
    free_data(d);
    mlp_net_free(before);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

static void classes_need_a_loss_that_has_them(void **state)
{
    (void)state;
    static const double classes[5] = {1, 1, 1, 1, 1};
    static const mlp_loss losses[] = {MLP_LOSS_MSE, MLP_LOSS_BCE};
    for (size_t i = 0; i < COUNT(losses); i++) {
        hook_record record = {0};
        model m = square_model;
        m.loss = losses[i];
        m.layers[2].activation = MLP_ACT_AUTO;
        data d = data_of(&square_model, MLP_F64);
        mlp_net *net = new_net(&m, MLP_F64, &record);
        mlp_train_options options = options_of(3, 8);
        options.class_weights = classes;
        assert_told(&record, mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                    MLP_ERR_ARGUMENT, "class_weights");
        free_data(d);
        mlp_net_free(net);
    }
}

static void chunks_of_wrong_weights_are_named(void **state)
{
    (void)state;
    hook_record record = {0};
    data d = data_of(&bits_model, MLP_F64);
    mlp_net *net = new_net(&bits_model, MLP_F64, &record);
    mlp_net *before = clone_of(net);
    double weights[ROWS] = {0};
    reader r = {d, mlp_cview_f64(weights, ROWS, 1), 0};
    mlp_train_options options = options_of(3, 4);
    options.row_weights = r.weights;
    assert_told(&record, mlp_fit_stream(net, read_fives, &r, &options, NULL),
                MLP_ERR_ARGUMENT, "row_weights");
    options.row_weights.rows = 0;
    assert_told(&record, mlp_fit_stream(net, read_fives, &r, &options, NULL),
                MLP_ERR_ARGUMENT, "sum");
    weights[12] = -2;
    assert_told(&record, mlp_fit_stream(net, read_fives, &r, &options, NULL),
                MLP_ERR_ARGUMENT, "epoch 0, chunk 2: row_weights");
    r.weights.rows = 4;
    assert_told(&record, mlp_fit_stream(net, read_fives, &r, &options, NULL),
                MLP_ERR_SHAPE, "epoch 0, chunk 0: row_weights");
    assert_same_net(net, before);
    mlp_net_free(before);
    mlp_net_free(net);
    free_data(d);
    assert_int_equal(record.live, 0);
}

static void trainers_refuse_weights_that_cannot_be(void **state)
{
    (void)state;
    hook_record record = {0};
    data d = xor_data(MLP_F64);
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_trainer *trainer = NULL;
    double weights[4] = {1, 0, 0, -1};
    mlp_cview w = mlp_cview_f64(weights, 4, 1);
    assert_int_equal(mlp_trainer_create(net, 4, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_set_row_weights(NULL, w), MLP_ERR_NULL);
    assert_told(&record, mlp_trainer_set_row_weights(trainer, w), MLP_ERR_ORDER,
                "forward");
    assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
    static const double good[4] = {1, 2, 3, 4};
    double loss[2] = {0, 0};
    assert_int_equal(
        mlp_trainer_set_row_weights(trainer, mlp_cview_f64(good, 4, 1)),
        MLP_OK);
    assert_int_equal(mlp_trainer_loss(trainer, ro(d.Y), &loss[0]), MLP_OK);
    assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
    assert_told(&record, mlp_trainer_set_row_weights(trainer, w),
                MLP_ERR_ARGUMENT, "row 3");
    weights[0] = weights[3] = 0;
    assert_told(&record, mlp_trainer_set_row_weights(trainer, w),
                MLP_ERR_ARGUMENT, "sum");
    w.rows = 3;
    assert_told(&record, mlp_trainer_set_row_weights(trainer, w), MLP_ERR_SHAPE,
                "4");
    assert_int_equal(mlp_trainer_loss(trainer, ro(d.Y), &loss[1]), MLP_OK);
    assert_true(loss[0] == loss[1]);
    assert_int_equal(mlp_trainer_update(trainer, 0.1), MLP_OK);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    free_data(d);
    assert_int_equal(record.live, 0);
}

/* Not even the state of the trainer's epochs begins. */
static void refused_weights_leave_a_trainer_as_it_was(void **state)
{
    (void)state;
    static const double none[ROWS] = {0};
    hook_record record = {0};
    data d = data_of(&bits_model, MLP_F64);
    mlp_net *net = new_net(&bits_model, MLP_F64, &record);
    mlp_trainer *trainer = NULL;
    mlp_train_options options = options_of(3, 8);
    options.validation_fraction = 0.25;
    options.seed = 5;
    options.row_weights = mlp_cview_f64(none, ROWS, 1);
    assert_int_equal(mlp_trainer_create(net, ROWS, &trainer), MLP_OK);
    size_t size = mlp_trainer_save_size(trainer);
    unsigned char *states[2] = {guarded_alloc(size), guarded_alloc(size)};
    assert_int_equal(mlp_trainer_save_memory(trainer, states[0], size), MLP_OK);
    assert_told(&record,
                mlp_trainer_fit(trainer, ro(d.X), ro(d.Y), &options, NULL),
                MLP_ERR_ARGUMENT, "sum");
    assert_int_equal(mlp_trainer_save_memory(trainer, states[1], size), MLP_OK);
    assert_memory_equal(states[1], states[0], size);
    mlp_gradient_check worst = {.error = 7};
    assert_told(&record,
                mlp_check_gradients(net, ro(d.X), ro(d.Y), &options, &worst),
                MLP_ERR_ARGUMENT, "sum");
    assert_true(worst.error == 7);
    guarded_free(states[0]);
    guarded_free(states[1]);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    free_data(d);
    assert_int_equal(record.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weight_is_how_often_a_row_is_there),
        cmocka_unit_test(equal_weights_change_no_bit),
        cmocka_unit_test(loss_is_the_mean_by_weight),
        cmocka_unit_test(classes_weigh_as_their_rows),
        cmocka_unit_test(targets_between_classes_weigh_between),
        cmocka_unit_test(weights_go_with_their_rows),
        cmocka_unit_test(chunks_bring_their_weights),
        cmocka_unit_test(batches_of_no_weight_are_passed_over),
        cmocka_unit_test(fit_refuses_weights_that_cannot_be),
        cmocka_unit_test(classes_need_a_loss_that_has_them),
        cmocka_unit_test(chunks_of_wrong_weights_are_named),
        cmocka_unit_test(trainers_refuse_weights_that_cannot_be),
        cmocka_unit_test(refused_weights_leave_a_trainer_as_it_was),
    };
    return cmocka_run_group_tests_name("weights", tests, NULL, NULL);
}
