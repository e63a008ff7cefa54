/* SPDX-License-Identifier: MIT */
/*
 * Data and options that are hard to train with: rates that are far too large,
 * NaN in the rows, one class only, constant columns, fewer rows than a batch.
 * Every optimizer, in both precisions, with and without batch norm and dropout,
 * must end with an error or a sensible result, and with finite weights.
 */
#include "support/training.h"

enum { ROWS = 40, INPUTS = 5 };

/* Models with two classes, three classes, and numbers as targets; with batch
 * norm and dropout, and without. */
static const model models[] = {
    {INPUTS,
     2,
     {{.width = 6, .activation = MLP_ACT_TANH},
      {.width = 1, .activation = MLP_ACT_SIGMOID}},
     MLP_LOSS_BCE},
    {INPUTS,
     3,
     {{.width = 7,
       .activation = MLP_ACT_RELU,
       .dropout = 0.25,
       .batch_norm = true},
      {.width = 6, .activation = MLP_ACT_TANH, .batch_norm = true},
      {.width = 1, .activation = MLP_ACT_SIGMOID}},
     MLP_LOSS_BCE},
    {INPUTS,
     2,
     {{.width = 6, .activation = MLP_ACT_RELU, .dropout = 0.5},
      {.width = 3, .activation = MLP_ACT_SOFTMAX}},
     MLP_LOSS_CCE},
    {INPUTS,
     2,
     {{.width = 6, .activation = MLP_ACT_RELU},
      {.width = 2, .activation = MLP_ACT_IDENTITY}},
     MLP_LOSS_MSE},
    {INPUTS,
     3,
     {{.width = 6, .activation = MLP_ACT_SIGMOID, .batch_norm = true},
      {.width = 4, .activation = MLP_ACT_RELU, .dropout = 0.25},
      {.width = 2, .activation = MLP_ACT_IDENTITY, .batch_norm = true}},
     MLP_LOSS_MSE},
};

static size_t outputs_of(const model *m)
{
    return m->layers[m->n_layers - 1].width;
}

/* Returns random inputs with targets for the model: row i is of class i mod 2
 * or i mod 3, or has random numbers. */
static data data_for(const model *m, mlp_dtype p, size_t rows)
{
    size_t n = outputs_of(m);
    data d = {random_matrix(p, rows, INPUTS, -1, 1),
              random_matrix(p, rows, n, -1, 1)};
    for (size_t i = 0; m->loss != MLP_LOSS_MSE && i < rows; i++) {
        for (size_t j = 0; j < n; j++) {
            put(d.Y, i, j, n == 1 ? (double)(i % 2) : i % 3 == j);
        }
    }
    return d;
}

static void assert_finite(const mlp_net *net, mlp_tensor which, size_t l)
{
    mlp_cview view = ctensor(net, which, l);
    for (size_t i = 0; i < view.rows * view.cols; i++) {
        if (!isfinite(mlp_cview_at(view, i / view.cols, i % view.cols))) {
            fail_msg("%s[%zu], number %zu, is not finite",
                     mlp_tensor_name(which), l, i);
        }
    }
}

static void assert_numbers(const mlp_net *net)
{
    for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
        mlp_layer layer = {.width = 0};
        assert_int_equal(mlp_net_layer(net, l, &layer), MLP_OK);
        assert_finite(net, MLP_W, l);
        assert_finite(net, MLP_B, l);
        if (layer.batch_norm) {
            assert_finite(net, MLP_SCALE, l);
            assert_finite(net, MLP_MEAN, l);
            assert_finite(net, MLP_VARIANCE, l);
        }
    }
}

/* The tests run with each combination of model, precision and optimizer. */
typedef struct trial {
    model m;
    mlp_dtype p;
    mlp_train_options options;
    hook_record record;
} trial;

static void leave_out_dropout(model *m)
{
    for (size_t l = 0; l < m->n_layers; l++) {
        m->layers[l].dropout = 0;
    }
}

/* Calls `attempt` with each combination, with a usual learning rate. lbfgs gets
 * all rows in one batch, and no dropout. */
static void for_each_trial(void (*attempt)(trial *))
{
    FOR_EACH_PRECISION(p)
    {
        for (size_t k = 0; k < COUNT(models); k++) {
            for (mlp_optimizer_kind kind = 0; mlp_optimizer_name(kind);
                 kind++) {
                trial t = {models[k], p, tutorial_options(), {0}};
                t.options.epochs = 6;
                t.options.batch_size = 16;
                t.options.optimizer = mlp_optimizer_defaults(kind);
                if (kind == MLP_OPTIMIZER_LBFGS) {
                    t.options.batch_size = 0;
                    leave_out_dropout(&t.m);
                }
                attempt(&t);
                assert_int_equal(t.record.live, 0);
            }
        }
    }
}

/* Trains a new network on the rows, which must succeed. Returns its mean loss
 * on them, which must be finite. */
static double loss_after(trial *t, data d)
{
    mlp_net *net = new_net(&t->m, t->p, &t->record);
    mlp_scores scores = {NAN, NAN};
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &t->options, NULL), MLP_OK);
    assert_numbers(net);
    assert_int_equal(mlp_evaluate(net, ro(d.X), ro(d.Y), &scores), MLP_OK);
    assert_true(isfinite(scores.loss));
    mlp_net_free(net);
    return scores.loss;
}

/* ---------------------------------------------------------------------------
 * Learning rates that are too large
 */

static size_t diverged;

/* A fit with a huge rate either succeeds or names the epoch in which it
 * diverged. In both cases the weights are finite. */
static void attempt_huge_rates(trial *t)
{
    static const double rates[] = {1e3, 1e6, 1e30};
    data d = data_for(&t->m, t->p, ROWS);
    for (size_t i = 0; i < COUNT(rates); i++) {
        for (size_t validates = 0; validates < 2; validates++) {
            t->options.learning_rate = rates[i];
            t->options.validation_fraction = validates ? 0.25 : 0;
            mlp_net *net = new_net(&t->m, t->p, &t->record);
            mlp_status status =
                mlp_fit(net, ro(d.X), ro(d.Y), &t->options, NULL);
            assert_numbers(net);
            if (status != MLP_OK) {
                assert_int_equal(status, MLP_ERR_DIVERGED);
                assert_said(&t->record, "epoch ");
                assert_said(&t->record, "a smaller learning rate may help");
                diverged++;
            }
            mlp_net_free(net);
        }
    }
    free_data(d);
}

static void huge_rates_leave_numbers(void **state)
{
    (void)state;
    diverged = 0;
    for_each_trial(attempt_huge_rates);
    print_message("# %zu diverged\n", diverged);
    assert_true(diverged > 20); /* else the rates are small */
}

/* ---------------------------------------------------------------------------
 * NaN and infinity in the rows
 */

static void assert_refused(trial *t, data d, const char *part)
{
    mlp_net *net = new_net(&t->m, t->p, &t->record);
    mlp_net *before = clone_of(net);
    assert_told(&t->record, mlp_fit(net, ro(d.X), ro(d.Y), &t->options, NULL),
                MLP_ERR_NOT_FINITE, part);
    assert_same_net(net, before);
    mlp_net_free(before);
    mlp_net_free(net);
}

static void attempt_holes(trial *t)
{
    static const double holes[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < COUNT(holes); i++) {
        data d = data_for(&t->m, t->p, ROWS);
        put(d.X, 17, 3, holes[i]);
        assert_refused(t, d, "X: expects finite numbers, got ");
        assert_said(&t->record, "in row 17, column 3");
        put(d.X, 17, 3, 0);
        put(d.Y, 29, outputs_of(&t->m) - 1, holes[i]);
        assert_refused(t, d, "Y: expects finite numbers, got ");
        assert_said(&t->record, "in row 29, column ");
        free_data(d);
    }
}

static void holes_are_named(void **state)
{
    (void)state;
    for_each_trial(attempt_holes);
}

/* ---------------------------------------------------------------------------
 * Rows that teach little
 */

static void attempt_one_class(trial *t)
{
    size_t n = outputs_of(&t->m);
    for (size_t class = 0; class < 2; class ++) {
        data d = data_for(&t->m, t->p, ROWS);
        for (size_t i = 0; i < ROWS * n; i++) {
            put(d.Y, i / n, i % n,
                n == 1 ? (double)class : (double)(i % n == class));
        }
        double before = t->options.learning_rate;
        t->options.epochs = 1;
        t->options.learning_rate = 1e-9;
        double at_first = loss_after(t, d);
        t->options.epochs = 15;
        t->options.learning_rate = before;
        assert_true(loss_after(t, d) < at_first);
        t->options.validation_fraction = 0.25; /* of one class, too */
        (void)loss_after(t, d);
        t->options.validation_fraction = 0;
        free_data(d);
    }
}

static void one_class_alone_is_learnt(void **state)
{
    (void)state;
    for_each_trial(attempt_one_class);
}

/* Makes one column constant, then all of them, and trains with standardised
 * inputs and, unless they are huge, with raw ones. */
static void attempt_constant_columns(trial *t)
{
    static const double constants[] = {0, 3, -1e10};
    for (size_t i = 0; i < COUNT(constants); i++) {
        data d = data_for(&t->m, t->p, ROWS);
        for (size_t all = 0; all < 2; all++) {
            for (size_t k = 0; k < ROWS * INPUTS; k++) {
                if (all || k % INPUTS == 2) {
                    put(d.X, k / INPUTS, k % INPUTS, constants[i]);
                }
            }
            mlp_net *net = new_net(&t->m, t->p, &t->record);
            assert_int_equal(mlp_net_standardise(net, ro(d.X)), MLP_OK);
            assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &t->options, NULL),
                             MLP_OK);
            assert_numbers(net);
            mlp_net_free(net);
            if (fabs(constants[i]) < 10) {
                (void)loss_after(t, d);
            }
        }
        free_data(d);
    }
}

static void constant_columns_are_borne(void **state)
{
    (void)state;
    for_each_trial(attempt_constant_columns);
}

/* ---------------------------------------------------------------------------
 * Few rows
 */

static void attempt_large_batches(trial *t)
{
    static const size_t sizes[] = {ROWS, ROWS + 1, 1000, SIZE_MAX};
    data d = data_for(&t->m, t->p, ROWS);
    mlp_net *expected = new_net(&t->m, t->p, NULL);
    t->options.batch_size = 0;
    assert_int_equal(mlp_fit(expected, ro(d.X), ro(d.Y), &t->options, NULL),
                     MLP_OK);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        mlp_net *net = new_net(&t->m, t->p, &t->record);
        t->options.batch_size = sizes[i];
        assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &t->options, NULL),
                         MLP_OK);
        assert_same_net(net, expected);
        mlp_net_free(net);
    }
    mlp_net_free(expected);
    free_data(d);
}

static void batches_larger_than_the_set_are_the_set(void **state)
{
    (void)state;
    for_each_trial(attempt_large_batches);
}

static void attempt_one_row(trial *t)
{
    static const size_t sizes[] = {0, 1, 16};
    data d = data_for(&t->m, t->p, 1);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        t->options.batch_size = sizes[i];
        (void)loss_after(t, d);
    }
    /* With a single row, none can be held out. */
    mlp_net *net = new_net(&t->m, t->p, &t->record);
    t->options.validation_fraction = 0.5;
    assert_told(&t->record, mlp_fit(net, ro(d.X), ro(d.Y), &t->options, NULL),
                MLP_ERR_ARGUMENT, "validation_fraction");
    mlp_net_free(net);
    /* Each batch has one of several rows. */
    free_data(d);
    d = data_for(&t->m, t->p, 7);
    t->options.validation_fraction = 0;
    if (t->options.optimizer.kind != MLP_OPTIMIZER_LBFGS) {
        t->options.batch_size = 1;
        (void)loss_after(t, d);
    }
    free_data(d);
}

static void one_row_is_enough(void **state)
{
    (void)state;
    for_each_trial(attempt_one_row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(huge_rates_leave_numbers),
        cmocka_unit_test(holes_are_named),
        cmocka_unit_test(one_class_alone_is_learnt),
        cmocka_unit_test(constant_columns_are_borne),
        cmocka_unit_test(batches_larger_than_the_set_are_the_set),
        cmocka_unit_test(one_row_is_enough),
    };
    return cmocka_run_group_tests_name("hard_data", tests, NULL, NULL);
}
