/* SPDX-License-Identifier: MIT */
/*
 * Networks in int8: how near their outputs are to the real ones, how scores
 * change, and which networks are refused. tests/scripts/exported_c.sh checks
 * that the exported code computes the same integers.
 */
#include "support/training.h"

#include <float.h>

#include "formats/c/quantise.h"

enum { ROWS = 200 };

static mlpi_int8 *int8_of(const mlp_net *net, mlp_view X)
{
    mlpi_int8 *made = NULL;
    assert_int_equal(mlpi_quantise(net, ro(X), &made), MLP_OK);
    assert_non_null(made);
    return made;
}

static void release(mlpi_int8 *net)
{
    mlpi_release(&(mlp_hooks){.allocate = NULL}, net);
}

/* Sets `outputs` to the numbers that the integer outputs of row i stand for. */
static void run(const mlpi_int8 *net, mlp_view X, size_t i, double *outputs)
{
    int8_t x[16];
    int8_t y[16];
    for (size_t k = 0; k < X.cols; k++) {
        x[k] =
            quantised((float)at(X, i, k), net->in[2 * k], net->in[2 * k + 1]);
    }
    mlpi_int8_run(net, x, y);
    for (int j = 0; j < net->layer[net->L].numbers.outputs; j++) {
        outputs[j] = (double)net->out[2 * j] +
                     (double)net->out[2 * j + 1] * (double)y[j];
    }
}

/* Returns the largest difference of `count` outputs from number `first` on,
 * divided by their common range. */
static double error_of_outputs(const mlp_net *net, mlp_view X, mlp_view A,
                               size_t first, size_t count)
{
    mlpi_int8 *small = int8_of(net, X);
    double least = INFINITY;
    double most = -INFINITY;
    double worst = 0;
    for (size_t i = 0; i < X.rows; i++) {
        double outputs[16] = {0};
        run(small, X, i, outputs);
        for (size_t j = first; j < first + count; j++) {
            least = fmin(least, at(A, i, j));
            most = fmax(most, at(A, i, j));
            worst = fmax(worst, fabs(outputs[j] - at(A, i, j)));
        }
    }
    release(small);
    return worst / (most - least);
}

static double largest_error(const mlp_net *net, mlp_view X, mlp_view A)
{
    return error_of_outputs(net, X, A, 0, A.cols);
}

/* An exp behind an exp multiplies errors, and no number of 8 bits can hold what
 * comes out: here it is behind tanh. */
static void activations_come_near(void **state)
{
    (void)state;
    FOR_EACH_PRECISION(p)
    {
        for (mlp_activation f = MLP_ACT_AUTO + 1; mlp_activation_name(f); f++) {
            if (f == MLP_ACT_SOFTMAX) {
                continue;
            }
            const model m = {4,
                             2,
                             {{9, f == MLP_ACT_EXP ? MLP_ACT_TANH : f,
                               mlpi_has_slope(f) ? 0.2 : 0},
                              {3, f, 0}},
                             MLP_LOSS_MSE};
            const double mean[] = {1, 0, -20, 0.5};
            const double std[] = {2, 1, 10, 0.01};
            mlp_net *net = new_net(&m, p, NULL);
            mlp_view X = random_matrix(p, ROWS, 4, -2, 2);
            mlp_view A = new_matrix(p, ROWS, 3, NULL);
            assert_int_equal(mlp_net_set_scaling(net, mean, std), MLP_OK);
            fill(tensor(net, MLP_B, 1), 0.3);
            for (size_t i = 0; i < ROWS; i++) {
                for (size_t k = 0; k < 4; k++) {
                    put(X, i, k, mean[k] + std[k] * at(X, i, k));
                }
            }
            assert_int_equal(mlp_predict(net, ro(X), A), MLP_OK);
            double error = largest_error(net, X, A);
            if (!(error < 0.03)) {
                fail_msg("%s: error %g", mlp_activation_name(f), error);
            }
            mlp_net_free(net);
            free(X.data);
            free(A.data);
        }
    }
}

/* The outputs' sizes are 1 : 10000 : 1, and the third is far from 0. Each has
 * nearly all of the 256 numbers, whatever the activation. A sigmoid has one
 * range for all, and classes are compared in one unit. */
static void outputs_have_units_of_their_own(void **state)
{
    (void)state;
    static const double biases[] = {0, 0, 3};
    for (mlp_activation f = 0; mlp_activation_name(f); f++) {
        if (f == MLP_ACT_SOFTMAX || f == MLP_ACT_SIGMOID) {
            continue;
        }
        /* A steep tanh or exp would show the error of its inputs. */
        bool is_steep = f == MLP_ACT_TANH || f == MLP_ACT_EXP;
        const double sizes[] = {1e-2, is_steep ? 1 : 1e2, 1e-2};
        const model m = {
            4,
            2,
            {{9, MLP_ACT_TANH, 0}, {3, f, mlpi_has_slope(f) ? 0.2 : 0}},
            MLP_LOSS_MSE};
        mlp_net *net = new_net(&m, MLP_F64, NULL);
        mlp_view X = random_matrix(MLP_F64, ROWS, 4, -2, 2);
        mlp_view A = new_matrix(MLP_F64, ROWS, 3, NULL);
        for (size_t j = 0; j < 3; j++) {
            put(tensor(net, MLP_B, 2), 0, j, biases[j]);
            for (size_t k = 0; k < 9; k++) {
                double w = at(tensor(net, MLP_W, 2), j, k);
                put(tensor(net, MLP_W, 2), j, k, sizes[j] * w);
            }
        }
        assert_int_equal(mlp_predict(net, ro(X), A), MLP_OK);
        for (size_t j = 0; j < 3; j++) {
            double error = error_of_outputs(net, X, A, j, 1);
            if (!(error < 0.03)) {
                fail_msg("%s, output %zu: error %g", mlp_activation_name(f), j,
                         error);
            }
        }
        const char *const names[] = {"a", "b", "c"};
        assert_int_equal(mlp_net_set_class_names(net, names, 3), MLP_OK);
        mlpi_int8 *small = int8_of(net, X);
        assert_true(small->out[1] == small->out[3]);
        release(small);
        mlp_net_free(net);
        free(X.data);
        free(A.data);
    }
}

/* With one weight and one input the numbers are computed by hand. */
static void numbers_are_those_of_the_formulas(void **state)
{
    (void)state;
    const model m = {1, 1, {{1, MLP_ACT_RELU}}, MLP_LOSS_MSE};
    const double x[] = {-1, 3};
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    mlp_view X = new_matrix(MLP_F64, 2, 1, x);
    put(tensor(net, MLP_W, 1), 0, 0, -2);
    put(tensor(net, MLP_B, 1), 0, 0, 0.5);
    mlpi_int8 *small = int8_of(net, X);
    /* x is 1 + 4 / 254 q, and z = -2 x + 0.5 runs from 2.5 to -5.5. */
    assert_true(small->in[0] == 1 && small->in[1] == (float)(4 / 254.0));
    assert_int_equal(small->layer[1].w[0], -127);
    assert_int_equal(small->layer[1].channels[0],
                     lround(-1.5 / (2 * (double)small->in[1] / 127)));
    assert_int_equal(small->layer[1].zero, -128);
    assert_true(small->layer[1].scale == 2.5 / 255);
    /* The ends of the outputs' range are hit. */
    double a = 0;
    run(small, X, 0, &a);
    assert_absolute(a, 2.5, 1e-2);
    run(small, X, 1, &a);
    assert_absolute(a, 0, 1e-6);
    release(small);
    mlp_net_free(net);
    free(X.data);
}

static void numbers_are_rounded_to_the_nearest(void **state)
{
    (void)state;
    static const struct {
        float x;
        int q;
    } inputs[] = {{3.0f, 0},     {3.24f, 0},   {3.26f, 1},     {2.76f, 0},
                  {2.74f, -1},   {66.4f, 127}, {1e30f, 127},   {-61, -127},
                  {-1e9f, -127}, {NAN, -127},  {INFINITY, 127}};
    for (size_t i = 0; i < COUNT(inputs); i++) {
        assert_int_equal(quantised(inputs[i].x, 3.0f, 0.5f), inputs[i].q);
    }
    /* Halves are rounded up. */
    static const struct {
        int32_t sum, multiplier;
        int shift;
        int64_t result;
    } sums[] = {{5, 3, 2, 4},
                {-5, 3, 2, -4},
                {3, 1, 1, 2},
                {-3, 1, 1, -1},
                {-1, 1, 1, 0},
                {-1, 1, 62, 0},
                {0, INT32_MAX, 31, 0},
                {INT32_MAX, INT32_MAX, 31, INT32_MAX - 1},
                {INT32_MIN, INT32_MAX, 31, -INT32_MAX}};
    for (size_t i = 0; i < COUNT(sums); i++) {
        assert_int_equal(
            rescaled(sums[i].sum, sums[i].multiplier, sums[i].shift),
            sums[i].result);
    }
}

static void extremes_do_not_overflow(void **state)
{
    (void)state;
    static const double scales[] = {1e-30, 1e-3, 1, 1e3, 1e30};
    FOR_EACH_PRECISION(p)
    {
        for (size_t s = 0; s < COUNT(scales); s++) {
            for (size_t b = 0; b < COUNT(scales); b++) {
                const model m = {3,
                                 2,
                                 {{4, MLP_ACT_TANH}, {2, MLP_ACT_IDENTITY}},
                                 MLP_LOSS_MSE};
                mlp_net *net = new_net(&m, p, NULL);
                mlp_view X = random_matrix(p, ROWS, 3, -1, 1);
                fill(tensor(net, MLP_W, 2), scales[s]);
                fill(tensor(net, MLP_B, 2), -scales[b]);
                mlp_view A = new_matrix(p, ROWS, 2, NULL);
                assert_int_equal(mlp_predict(net, ro(X), A), MLP_OK);
                mlpi_int8 *small = int8_of(net, X);
                double reach = 4 * scales[s] + scales[b];
                for (size_t i = 0; i < ROWS; i++) {
                    double outputs[2] = {0};
                    run(small, X, i, outputs);
                    assert_absolute(outputs[0], at(A, i, 0), 0.03 * reach);
                }
                release(small);
                free(A.data);
                free(X.data);
                mlp_net_free(net);
            }
        }
    }
}

/* A column, weights and outputs that do not vary have no range. */
static void constants_are_kept(void **state)
{
    (void)state;
    const model m = {
        2, 2, {{3, MLP_ACT_RELU}, {2, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    const double x[] = {7, 1, 7, 2, 7, 3};
    mlp_net *net = new_net(&m, MLP_F32, NULL);
    mlp_view X = new_matrix(MLP_F32, 3, 2, x);
    mlp_view A = new_matrix(MLP_F32, 3, 2, NULL);
    fill(tensor(net, MLP_W, 1), 0.5);
    assert_int_equal(mlp_predict(net, ro(X), A), MLP_OK);
    assert_true(largest_error(net, X, A) < 0.02);
    mlpi_int8 *small = int8_of(net, X);
    assert_true(small->in[1] == 0);
    double before[2] = {0};
    double after[2] = {1, 1};
    run(small, X, 0, before);
    put(X, 0, 0, NAN); /* which is ignored */
    run(small, X, 0, after);
    assert_memory_equal(before, after, sizeof before);
    release(small);
    fill(tensor(net, MLP_W, 1), 0);
    fill(tensor(net, MLP_W, 2), 0);
    put(X, 0, 0, 7);
    small = int8_of(net, X);
    run(small, X, 0, after);
    assert_true(after[0] == 0 && after[1] == 0);
    release(small);
    mlp_net_free(net);
    free(X.data);
    free(A.data);
}

/* A neuron whose weights are all 0 needs no multiplier, and must not coarsen
 * the small sums of the others. */
static void neurons_of_zeros_cost_nothing(void **state)
{
    (void)state;
    const model m = {
        1, 2, {{3, MLP_ACT_IDENTITY}, {1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    FOR_EACH_PRECISION(p)
    {
        mlp_net *net = new_net(&m, p, NULL);
        mlp_view X = random_matrix(p, ROWS, 1, -1, 1);
        mlp_view A = new_matrix(p, ROWS, 1, NULL);
        fill(tensor(net, MLP_W, 1), 1e-9);
        put(tensor(net, MLP_W, 1), 1, 0, 0);
        fill(tensor(net, MLP_W, 2), 1);
        assert_int_equal(mlp_predict(net, ro(X), A), MLP_OK);
        assert_true(largest_error(net, X, A) < 0.02);
        mlp_net_free(net);
        free(X.data);
        free(A.data);
    }
}

/* Sums may be as large as a double. */
static void the_largest_sums_are_held(void **state)
{
    (void)state;
    const model m = {
        1, 2, {{1, MLP_ACT_IDENTITY}, {1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    mlp_view X = random_matrix(MLP_F64, ROWS, 1, -1, 1);
    mlp_view A = new_matrix(MLP_F64, ROWS, 1, NULL);
    fill(tensor(net, MLP_W, 1), 1.7e308);
    fill(tensor(net, MLP_W, 2), 1e-308);
    assert_int_equal(mlp_predict(net, ro(X), A), MLP_OK);
    assert_true(largest_error(net, X, A) < 0.02);
    mlp_net_free(net);
    free(X.data);
    free(A.data);
}

/* ---------------------------------------------------------------------------
 * Exports in int8
 */

typedef struct trained {
    mlp_net *net;
    data d;
    mlp_export_options options;
    char code[64];
} trained;

static trained new_trained(const model *m, mlp_dtype p, data d,
                           hook_record *record)
{
    trained t = {.net = new_net(m, p, record), .d = d};
    mlp_train_options options = tutorial_options();
    options.epochs = 200;
    options.learning_rate = 0.1;
    if (m->loss == MLP_LOSS_MSE) {
        assert_int_equal(mlp_net_standardise_targets(t.net, ro(d.Y)), MLP_OK);
    }
    assert_int_equal(mlp_fit(t.net, ro(d.X), ro(d.Y), &options, NULL), MLP_OK);
    t.options = mlp_export_defaults();
    t.options.int8 = true;
    t.options.X = ro(d.X);
    t.options.Y = ro(d.Y);
    (void)snprintf(t.code, sizeof t.code, "/tmp/mlp_int8_%ld.c",
                   (long)getpid());
    return t;
}

static void free_trained(trained *t)
{
    (void)remove(t->code);
    t->code[strlen(t->code) - 1] = 'h';
    (void)remove(t->code);
    mlp_net_free(t->net);
    free_data(t->d);
}

static void scores_are_those_of_the_rows(void **state)
{
    (void)state;
    trained t = new_trained(&moons_model, MLP_F32,
                            moons_data(MLP_F32, "moons_train"), NULL);
    mlp_scores scores;
    mlp_export_report report;
    assert_int_equal(mlp_evaluate(t.net, t.options.X, t.options.Y, &scores),
                     MLP_OK);
    assert_int_equal(mlp_export_c(t.net, t.code, &t.options, &report), MLP_OK);
    assert_true(report.score_before == scores.accuracy);
    assert_absolute(report.score_after, scores.accuracy, 0.01);
    assert_int_equal(report.constant_bytes,
                     (32 + 128 + 8) + 25 * 8 + 3 * 16 + 256);
    assert_int_equal(report.scratch_bytes, 24);
    /* Without targets there are no scores. */
    t.options.Y = (mlp_cview){.rows = 0};
    assert_int_equal(mlp_export_c(t.net, t.code, &t.options, &report), MLP_OK);
    assert_true(isnan(report.score_before) && isnan(report.score_after));
    free_trained(&t);
}

static void numbers_are_scored_by_r2(void **state)
{
    (void)state;
    const model m = {
        2, 2, {{12, MLP_ACT_TANH}, {1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    data d = {random_matrix(MLP_F64, ROWS, 2, -1, 1),
              new_matrix(MLP_F64, ROWS, 1, NULL)};
    for (size_t i = 0; i < ROWS; i++) {
        put(d.Y, i, 0, 1000 + 30 * at(d.X, i, 0) - 50 * at(d.X, i, 1));
    }
    trained t = new_trained(&m, MLP_F64, d, NULL);
    mlp_view A = new_matrix(MLP_F64, ROWS, 1, NULL);
    mlp_regression_scores scores;
    mlp_export_report report;
    assert_int_equal(mlp_predict(t.net, t.options.X, A), MLP_OK);
    assert_int_equal(
        mlp_score_regression(t.options.Y, ro(A), NULL, NULL, &scores), MLP_OK);
    assert_int_equal(mlp_export_c(t.net, t.code, &t.options, &report), MLP_OK);
    assert_true(report.score_before == scores.r2 && scores.r2 > 0.9);
    assert_absolute(report.score_after, scores.r2, 0.005);
    free(A.data);
    free_trained(&t);
}

/* The head of the code tells the scores, with four places as long as a number
 * has so many that count. Targets that hardly vary have an R2 far below 0. */
static void scores_are_written_with_four_places(void **state)
{
    (void)state;
    static const double spreads[] = {0.6, 1e-10};
    static const char *const expected[] = {"with real numbers: -6.1111.\n",
                                           "with real numbers: -1.0e20.\n"};
    char code[64];
    char header[64];
    (void)snprintf(code, sizeof code, "/tmp/mlp_score_%ld.c", (long)getpid());
    (void)snprintf(header, sizeof header, "/tmp/mlp_score_%ld.h",
                   (long)getpid());
    const model m = {1, 1, {{1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    mlp_net *net = new_net(&m, MLP_F64, NULL);
    mlp_view X = new_matrix(MLP_F64, 2, 1, (double[]){-1, 1});
    mlp_view Y = new_matrix(MLP_F64, 2, 1, NULL);
    fill(tensor(net, MLP_W, 1), 1);
    for (size_t i = 0; i < COUNT(spreads); i++) {
        mlp_export_options options = mlp_export_defaults();
        mlp_export_report report;
        char head[1024] = "";
        options.int8 = true;
        options.max_score_drop = INFINITY;
        options.X = ro(X);
        options.Y = ro(Y);
        put(Y, 0, 0, spreads[i]);
        put(Y, 1, 0, -spreads[i]);
        assert_int_equal(mlp_export_c(net, code, &options, &report), MLP_OK);
        FILE *file = fopen(code, "rb");
        assert_non_null(file);
        assert_true(fread(head, 1, sizeof head - 1, file) > 0);
        (void)fclose(file);
        if (!strstr(head, expected[i])) {
            fail_msg("%g: expected %s in %s", report.score_before, expected[i],
                     head);
        }
    }
    assert_int_equal(remove(code), 0);
    assert_int_equal(remove(header), 0);
    free(X.data);
    free(Y.data);
    mlp_net_free(net);
}

/* The report of a refused network tells the same sizes as if it were
 * written. */
static void what_loses_too_much_is_refused(void **state)
{
    (void)state;
    hook_record record = {0};
    trained t = new_trained(&moons_model, MLP_F64,
                            moons_data(MLP_F64, "moons_train"), &record);
    mlp_export_report report = {.constant_bytes = 0};
    t.options.max_score_drop = -0.5; /* int8 must gain half of all rows */
    assert_told(&record, mlp_export_c(t.net, t.code, &t.options, &report),
                MLP_ERR_ACCURACY, "less -0.5 at most");
    assert_true(report.score_before > 0.5 && report.score_after > 0.5);
    assert_int_not_equal(access(t.code, F_OK), 0);
    mlp_export_report written = {.constant_bytes = 0};
    t.options.max_score_drop = 1;
    assert_int_equal(mlp_export_c(t.net, t.code, &t.options, &written), MLP_OK);
    assert_int_equal(report.constant_bytes, written.constant_bytes);
    assert_int_equal(report.scratch_bytes, written.scratch_bytes);
    assert_int_not_equal(report.scratch_bytes, 0);
    t.options.max_score_drop = NAN;
    assert_told(&record, mlp_export_c(t.net, t.code, &t.options, NULL),
                MLP_ERR_ACCURACY, "int8");
    free_trained(&t);
    assert_int_equal(record.live, 0);
}

static void rows_that_cannot_be_are_refused(void **state)
{
    (void)state;
    hook_record record = {0};
    trained t = new_trained(&moons_model, MLP_F64,
                            moons_data(MLP_F64, "moons_train"), &record);
    mlp_cview X = t.options.X;
    mlp_cview Y = t.options.Y;
    t.options.X.rows = 0;
    assert_told(&record, mlp_export_c(t.net, t.code, &t.options, NULL),
                MLP_ERR_ARGUMENT, "X");
    t.options.X = X;
    t.options.Y = mlp_cview_rows(Y, 1, Y.rows);
    assert_told(&record, mlp_export_c(t.net, t.code, &t.options, NULL),
                MLP_ERR_SHAPE, "Y");
    t.options.Y = Y;
    put(t.d.Y, 3, 0, 2);
    assert_told(&record, mlp_export_c(t.net, t.code, &t.options, NULL),
                MLP_ERR_ARGUMENT, "Y");
    put(t.d.Y, 3, 0, 1);
    put(t.d.X, Y.rows - 1, 0, INFINITY);
    assert_told(&record, mlp_export_c(t.net, t.code, &t.options, NULL),
                MLP_ERR_NOT_FINITE, "X");
    put(t.d.X, Y.rows - 1, 0, 1e300);
    assert_told(&record, mlp_export_c(t.net, t.code, &t.options, NULL),
                MLP_ERR_NOT_FINITE, "float");
    assert_int_not_equal(access(t.code, F_OK), 0);
    free_trained(&t);
    const model wide = {32769, 1, {{1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    mlp_net *net = new_net(&wide, MLP_F32, &record);
    mlp_view rows = random_matrix(MLP_F32, 1, 32769, 0, 1);
    t.options.X = ro(rows);
    t.options.Y = (mlp_cview){.rows = 0};
    assert_told(&record, mlp_export_c(net, "/tmp/wide.c", &t.options, NULL),
                MLP_ERR_LIMIT, "32769");
    free(rows.data);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* Numbers that a double holds but a float does not are refused, and so are sums
 * that are not finite, in rows behind those of the self-test. */
static void what_is_out_of_range_is_refused(void **state)
{
    (void)state;
    char code[64];
    (void)snprintf(code, sizeof code, "/tmp/mlp_int8_none_%ld.c",
                   (long)getpid());
    hook_record record = {0};
    const model m = {1, 1, {{1, MLP_ACT_IDENTITY}}, MLP_LOSS_MSE};
    const model steep = {1, 1, {{1, MLP_ACT_LEAKY_RELU, 1e300}}, MLP_LOSS_MSE};
    const double huge = 1e300;
    const double tiny = 1e-300;
    const double zero = 0;
    const double one = 1;
    mlp_export_options options = mlp_export_defaults();
    options.int8 = true;
    mlp_view X = random_matrix(MLP_F64, 20, 1, -1, 1);
    mlp_net *net = new_net(&m, MLP_F64, &record);
    options.X = ro(X);
    const double *const scalings[][2] = {
        {&zero, &huge}, {&huge, &one}, {&zero, &tiny}};
    for (size_t i = 0; i < COUNT(scalings); i++) {
        assert_int_equal(
            mlp_net_set_target_scaling(net, scalings[i][0], scalings[i][1]),
            MLP_OK);
        assert_told(&record, mlp_export_c(net, code, &options, NULL),
                    MLP_ERR_NOT_FINITE, "outputs that a float");
    }
    assert_int_equal(mlp_net_set_target_scaling(net, NULL, NULL), MLP_OK);
    /* The product is finite with the input, and is not with the float that
     * stands for the input, 1.00000012. */
    fill(X, 1.00000009);
    fill(tensor(net, MLP_W, 1), DBL_MAX / 1.0000001);
    assert_told(&record, mlp_export_c(net, code, &options, NULL),
                MLP_ERR_NOT_FINITE, "layer 1");
    fill(tensor(net, MLP_W, 1), 1);
    fill(X, 0);
    put(X, 9, 0, 1e-60);
    assert_told(&record, mlp_export_c(net, code, &options, NULL),
                MLP_ERR_NOT_FINITE, "column 0");
    put(X, 9, 0, 1e10);
    fill(tensor(net, MLP_W, 1), 0);
    assert_int_equal(mlp_net_set_scaling(net, &zero, &tiny), MLP_OK);
    assert_told(&record, mlp_export_c(net, code, &options, NULL),
                MLP_ERR_NOT_FINITE, "layer 1");
    mlp_net_free(net);
    net = new_net(&steep, MLP_F64, &record);
    fill(tensor(net, MLP_W, 1), 1);
    put(X, 9, 0, -1e10);
    assert_told(&record, mlp_export_c(net, code, &options, NULL),
                MLP_ERR_NOT_FINITE, "layer 1");
    assert_int_not_equal(access(code, F_OK), 0);
    mlp_net_free(net);
    free(X.data);
    assert_int_equal(record.live, 0);
}

static void memory_that_runs_out_is_told(void **state)
{
    (void)state;
    hook_record record = {0};
    trained t = new_trained(&moons_model, MLP_F32,
                            moons_data(MLP_F32, "moons_train"), &record);
    size_t live = record.live;
    mlp_status status = MLP_ERR_MEMORY;
    for (size_t n = 1; status == MLP_ERR_MEMORY; n++) {
        assert_int_not_equal(access(t.code, F_OK), 0);
        record.allocations = 0;
        record.fail_at = n;
        status = mlp_export_c(t.net, t.code, &t.options, NULL);
        assert_int_equal(record.live, live);
    }
    assert_int_equal(status, MLP_OK);
    assert_in_range(record.allocations, 8, 40);
    free_trained(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations_come_near),
        cmocka_unit_test(outputs_have_units_of_their_own),
        cmocka_unit_test(numbers_are_those_of_the_formulas),
        cmocka_unit_test(numbers_are_rounded_to_the_nearest),
        cmocka_unit_test(extremes_do_not_overflow),
        cmocka_unit_test(constants_are_kept),
        cmocka_unit_test(neurons_of_zeros_cost_nothing),
        cmocka_unit_test(the_largest_sums_are_held),
        cmocka_unit_test(scores_are_those_of_the_rows),
        cmocka_unit_test(numbers_are_scored_by_r2),
        cmocka_unit_test(scores_are_written_with_four_places),
        cmocka_unit_test(what_loses_too_much_is_refused),
        cmocka_unit_test(rows_that_cannot_be_are_refused),
        cmocka_unit_test(what_is_out_of_range_is_refused),
        cmocka_unit_test(memory_that_runs_out_is_told),
    };
    return cmocka_run_group_tests_name("quantise", tests, NULL, NULL);
}
