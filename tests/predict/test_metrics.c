/* SPDX-License-Identifier: MIT */
/*
 * Metrics, compared with scikit-learn's (tests/vectors/make_metrics.py makes
 * the numbers) and with values computed by hand; and bad arguments.
 */
#include "support/training.h"

/* Returns columns [first, first + count) of an array of tests/vectors. */
static mlp_cview columns(const vector *v, size_t first, size_t count)
{
    mlp_cview view = mlp_cview_f64(v->data, v->rows, v->cols);
    view.data = v->data + first;
    view.cols = count;
    return view;
}

/* Returns number i of metrics_scores, in the order of make_metrics.py. */
static double expected_score(size_t i)
{
    vector v = read_vector("metrics_scores");
    assert_int_equal(v.cols, 17);
    double score = v.data[i];
    free(v.data);
    return score;
}

/* Returns a copy of a column as int32; the caller frees its data. */
static mlp_view as_i32(mlp_cview column)
{
    int32_t *values = malloc(column.rows * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < column.rows; i++) {
        values[i] = (int32_t)mlp_cview_at(column, i, 0);
    }
    return mlp_view_i32(values, column.rows, 1);
}

static mlp_cview column_of(const double *values, size_t m)
{
    return mlp_cview_f64(values, m, 1);
}

/* ---------------------------------------------------------------------------
 * Classes
 */

static void confusion_is_scikit_learns(void **state)
{
    (void)state;
    vector v = read_vector("metrics_classes");
    vector expected = read_vector("metrics_confusion");
    mlp_view integers = as_i32(columns(&v, 0, 1));
    mlp_cview labels[] = {columns(&v, 0, 1), ro(integers)};
    for (size_t kind = 0; kind < 2; kind++) {
        int32_t counts[5][5];
        memset(counts, 0x55, sizeof counts);
        assert_int_equal(mlp_confusion(labels[kind], columns(&v, 1, 1), NULL,
                                       mlp_view_i32(counts[0], 5, 5)),
                         MLP_OK);
        for (size_t i = 0; i < 25; i++) {
            size_t row = i / 5;
            assert_true(counts[row][i % 5] == expected.data[i]);
        }
    }
    free(integers.data);
    free(expected.data);
    free(v.data);
}

static void confusion_leaves_the_gaps_of_a_view_alone(void **state)
{
    (void)state;
    static const double labels[] = {0, 1, 1, 2, 1};
    static const double predicted[] = {0, 2, 1, 2, 0};
    static const int32_t expected[3][4] = {
        {1, 1, 0, -7}, {0, 1, 0, -7}, {0, 1, 1, -7}};
    int32_t counts[3][4];
    for (size_t i = 0; i < 12; i++) {
        counts[i / 4][i % 4] = -7;
    }
    /* The view is the transpose of the counts and leaves out the last of four
     * columns. */
    mlp_view view = {MLP_I32, 3, 3, 1, 4, counts};
    assert_int_equal(mlp_confusion(column_of(labels, 5),
                                   column_of(predicted, 5), NULL, view),
                     MLP_OK);
    assert_memory_equal(counts, expected, sizeof counts);
}

static void assert_class_scores(const mlp_class_scores *got,
                                const double expected[4])
{
    assert_absolute(got->precision, expected[0], 1e-15);
    assert_absolute(got->recall, expected[1], 1e-15);
    assert_absolute(got->f1, expected[2], 1e-15);
    assert_true((double)got->support == expected[3]);
}

static void class_scores_are_scikit_learns(void **state)
{
    (void)state;
    vector v = read_vector("metrics_confusion");
    vector expected = read_vector("metrics_class_scores");
    int32_t counts[25];
    for (size_t i = 0; i < 25; i++) {
        counts[i] = (int32_t)v.data[i];
    }
    mlp_cview view = mlp_view_const(mlp_view_i32(counts, 5, 5));
    mlp_class_scores each[5];
    mlp_class_scores macro;
    double accuracy = 0;
    assert_int_equal(mlp_score_classes(view, NULL, each, &macro, &accuracy),
                     MLP_OK);
    for (size_t c = 0; c < 5; c++) {
        assert_class_scores(&each[c], expected.data + 4 * c);
    }
    assert_class_scores(&macro, expected.data + 20);
    assert_ulps(accuracy, expected_score(0), 1);
    assert_int_equal(mlp_score_classes(view, NULL, NULL, NULL, NULL), MLP_OK);
    free(expected.data);
    free(v.data);
}

static void one_class_is_always_right(void **state)
{
    (void)state;
    static const double zeros[3];
    int32_t count = 0;
    mlp_class_scores only;
    assert_int_equal(mlp_confusion(column_of(zeros, 3), column_of(zeros, 3),
                                   NULL, mlp_view_i32(&count, 1, 1)),
                     MLP_OK);
    assert_int_equal(count, 3);
    assert_int_equal(
        mlp_score_classes(mlp_view_const(mlp_view_i32(&count, 1, 1)), NULL,
                          &only, NULL, NULL),
        MLP_OK);
    assert_true(only.precision == 1 && only.recall == 1 && only.f1 == 1);
    assert_int_equal(only.support, 3);
}

/* ---------------------------------------------------------------------------
 * Scores and probabilities
 */

static void roc_auc_is_scikit_learns(void **state)
{
    (void)state;
    vector v = read_vector("metrics_binary");
    for (size_t ties = 0; ties < 2; ties++) {
        double auc = 0;
        assert_int_equal(mlp_roc_auc(columns(&v, 1 + ties, 1),
                                     columns(&v, 0, 1), NULL, &auc),
                         MLP_OK);
        assert_relative(auc, expected_score(1 + ties), 1e-12);
    }
    free(v.data);
}

static double auc_of(mlp_cview scores, mlp_cview labels)
{
    double auc = -1;
    assert_int_equal(mlp_roc_auc(scores, labels, NULL, &auc), MLP_OK);
    return auc;
}

/* Compares with a count over all pairs, for 2 to 40 rows, with ties and
 * without. */
static void roc_auc_is_a_share_of_pairs(void **state)
{
    (void)state;
    mlp_rng rng = mlp_rng_seeded(3);
    for (size_t round = 0; round < 400; round++) {
        double x[40];
        double y[40] = {0, 1};
        size_t m = 2 + round % 39;
        double values = round % 2 ? 5 : 1e6;
        for (size_t i = 0; i < m; i++) {
            x[i] = floor(mlp_rng_uniform(&rng, -values, values));
            y[i] = i < 2 ? y[i] : floor(mlp_rng_uniform(&rng, 0, 2));
        }
        double won = 0;
        double pairs = 0;
        for (size_t i = 0; i < m; i++) {
            for (size_t j = 0; j < m; j++) {
                bool pair = y[i] == 1 && y[j] == 0;
                pairs += pair;
                won += pair ? (x[i] > x[j]) + 0.5 * (x[i] == x[j]) : 0;
            }
        }
        assert_true(auc_of(column_of(x, m), column_of(y, m)) == won / pairs);
    }
}

/* Scores that are sorted already, ascending and descending, are the hard cases
 * of some sorts. This test has far more rows than the others. */
static void roc_auc_of_many_rows(void **state)
{
    (void)state;
    enum { M = 100000 };
    mlp_view x = new_matrix(MLP_F32, M, 1, NULL);
    mlp_view y = new_matrix(MLP_F64, M, 1, NULL);
    for (size_t i = 0; i < M; i++) {
        put(x, i, 0, (double)i);
        put(y, i, 0, i >= M / 4);
    }
    assert_true(auc_of(ro(x), ro(y)) == 1);
    for (size_t i = 0; i < M; i++) {
        put(x, i, 0, -(double)i);
    }
    assert_true(auc_of(ro(x), ro(y)) == 0);
    fill(x, 0.25);
    assert_true(auc_of(ro(x), ro(y)) == 0.5);
    free(x.data);
    free(y.data);
}

static double log_loss_of(mlp_cview P, mlp_cview labels)
{
    double loss = NAN;
    assert_int_equal(mlp_log_loss(P, labels, NULL, &loss), MLP_OK);
    return loss;
}

static void log_loss_is_scikit_learns(void **state)
{
    (void)state;
    vector v = read_vector("metrics_binary");
    assert_relative(log_loss_of(columns(&v, 3, 1), columns(&v, 0, 1)),
                    expected_score(3), 1e-12);
    free(v.data);
    v = read_vector("metrics_probabilities");
    assert_relative(log_loss_of(columns(&v, 1, 4), columns(&v, 0, 1)),
                    expected_score(4), 1e-12);
    free(v.data);
}

static void log_loss_is_clipped_at_both_ends(void **state)
{
    (void)state;
    static const double ends[2][2] = {{0, 1}, {1, 0}};
    static const double wrong[] = {0, 1};
    static const double right[] = {1, 0};
    mlp_cview P = mlp_cview_f64(ends[0], 2, 2);
    mlp_cview p = mlp_cview_f64(right, 2, 1);
    assert_ulps(log_loss_of(P, column_of(wrong, 2)), -log(1e-15), 1);
    assert_ulps(log_loss_of(p, column_of(wrong, 2)), -log(1e-15), 1);
    assert_true(same_number(log_loss_of(P, column_of(right, 2)), 0.0));
    assert_true(same_number(log_loss_of(p, column_of(right, 2)), 0.0));
}

/* ---------------------------------------------------------------------------
 * Regression
 */

/* Compares with the numbers `first` (mse), `first` + step (mae) and `first` + 2
 * step (r2) of metrics_scores. */
static void assert_regression_scores(const mlp_regression_scores *got,
                                     size_t first, size_t step)
{
    assert_relative(got->mse, expected_score(first), 1e-12);
    assert_relative(got->mae, expected_score(first + step), 1e-12);
    assert_relative(got->r2, expected_score(first + 2 * step), 1e-12);
}

static void regression_scores_are_scikit_learns(void **state)
{
    (void)state;
    vector v = read_vector("metrics_regression");
    mlp_regression_scores each[3];
    mlp_regression_scores all;
    assert_int_equal(mlp_score_regression(columns(&v, 0, 3), columns(&v, 3, 3),
                                          NULL, each, &all),
                     MLP_OK);
    assert_regression_scores(&all, 5, 1);
    for (size_t j = 0; j < 3; j++) {
        mlp_regression_scores alone;
        assert_regression_scores(&each[j], 8 + j, 3);
        assert_int_equal(mlp_score_regression(columns(&v, j, 1),
                                              columns(&v, 3 + j, 1), NULL, NULL,
                                              &alone),
                         MLP_OK);
        assert_memory_equal(&alone, &each[j], sizeof alone);
    }
    assert_int_equal(mlp_score_regression(columns(&v, 0, 3), columns(&v, 3, 3),
                                          NULL, NULL, NULL),
                     MLP_OK);
    free(v.data);
}

/* r2 is exactly 1 or 0, also where the rounded mean of equal values is not that
 * value. */
static void r2_of_a_constant_is_one_or_zero(void **state)
{
    (void)state;
    double y[7];
    double p[7];
    for (size_t m = 1; m <= 7; m++) {
        for (size_t i = 0; i < m; i++) {
            y[i] = p[i] = 0.1;
        }
        mlp_regression_scores scores;
        mlp_cview Y = column_of(y, m);
        mlp_cview P = column_of(p, m);
        assert_int_equal(mlp_score_regression(Y, P, NULL, NULL, &scores),
                         MLP_OK);
        assert_true(scores.r2 == 1 && scores.mse == 0 && scores.mae == 0);
        p[m - 1] = 0.2;
        assert_int_equal(mlp_score_regression(Y, P, NULL, NULL, &scores),
                         MLP_OK);
        assert_true(scores.r2 == 0 && scores.mse > 0 && scores.mae > 0);
    }
}

/* ---------------------------------------------------------------------------
 * The same bits from any views
 */

/* Returns the same numbers in another place: in every second column, with rows
 * and columns exchanged in memory, so that both strides are unusual. */
static mlp_view spread(mlp_cview from, mlp_dtype dtype)
{
    mlp_view wide = new_matrix(dtype, 2 * from.cols, from.rows, NULL);
    mlp_view view = {dtype, from.rows, from.cols, 1, 2 * from.rows, wide.data};
    fill(wide, (double)NAN);
    for (size_t i = 0; i < from.rows; i++) {
        for (size_t j = 0; j < from.cols; j++) {
            put(view, i, j, mlp_cview_at(from, i, j));
        }
    }
    return view;
}

static void strides_and_types_change_no_bit(void **state)
{
    (void)state;
    vector v = read_vector("metrics_probabilities");
    vector r = read_vector("metrics_regression");
    FOR_EACH_PRECISION(p)
    {
        mlp_view dense = new_matrix(p, v.rows, v.cols, v.data);
        mlp_view labels = spread(columns(&v, 0, 1), p);
        mlp_view P = spread(columns(&v, 1, 4), p);
        mlp_cview P_dense = ro(dense);
        P_dense.data = (char *)dense.data + (p == MLP_F32 ? 4 : 8);
        P_dense.cols = 4;
        assert_true(log_loss_of(ro(P), ro(labels)) ==
                    log_loss_of(P_dense, columns(&v, 0, 1)));
        mlp_view Y = spread(columns(&r, 0, 3), p);
        mlp_view A = spread(columns(&r, 3, 3), p);
        mlp_regression_scores a;
        assert_int_equal(mlp_score_regression(ro(Y), ro(A), NULL, NULL, &a),
                         MLP_OK);
        assert_relative(a.mse, expected_score(5), p == MLP_F64 ? 1e-12 : 1e-5);
        free(dense.data);
        free(labels.data);
        free(P.data);
        free(Y.data);
        free(A.data);
    }
    free(v.data);
    free(r.data);
}

/* ---------------------------------------------------------------------------
 * Bad arguments
 */

static const double two_labels[] = {0, 1};
static const double two_scores[] = {0.25, 0.75};

/* Checks that mlp_confusion fails with `expected` and leaves the counts
 * untouched. */
static void assert_no_confusion(mlp_cview labels, mlp_cview predicted,
                                mlp_status expected)
{
    int32_t counts[4] = {7, 7, 7, 7};
    assert_int_equal(
        mlp_confusion(labels, predicted, NULL, mlp_view_i32(counts, 2, 2)),
        expected);
    assert_true(counts[0] == 7 && counts[1] == 7 && counts[3] == 7);
}

static void assert_no_auc(mlp_cview scores, mlp_cview labels,
                          mlp_status expected)
{
    double auc = 7;
    assert_int_equal(mlp_roc_auc(scores, labels, NULL, &auc), expected);
    assert_true(auc == 7);
}

static void assert_no_log_loss(mlp_cview P, mlp_cview labels,
                               mlp_status expected)
{
    double loss = 7;
    assert_int_equal(mlp_log_loss(P, labels, NULL, &loss), expected);
    assert_true(loss == 7);
}

static void assert_no_regression(mlp_cview Y, mlp_cview A, mlp_status expected)
{
    mlp_regression_scores scores = {7, 7, 7};
    assert_int_equal(mlp_score_regression(Y, A, NULL, NULL, &scores), expected);
    assert_true(scores.mse == 7 && scores.mae == 7 && scores.r2 == 7);
}

static void labels_must_be_classes(void **state)
{
    (void)state;
    static const double bad[] = {-1,  2,         0.5,      -0.5, 1e300,
                                 NAN, -INFINITY, INFINITY, 1e19, 1.0000001};
    mlp_cview good = column_of(two_labels, 2);
    mlp_cview scores = column_of(two_scores, 2);
    for (size_t i = 0; i < COUNT(bad); i++) {
        double labels[2] = {0, bad[i]};
        mlp_cview view = column_of(labels, 2);
        assert_no_confusion(view, good, MLP_ERR_ARGUMENT);
        assert_no_confusion(good, view, MLP_ERR_ARGUMENT);
        assert_no_auc(scores, view, MLP_ERR_ARGUMENT);
        assert_no_log_loss(scores, view, MLP_ERR_ARGUMENT);
    }
    int32_t negative[2] = {0, -1};
    mlp_cview view = mlp_view_const(mlp_view_i32(negative, 2, 1));
    assert_no_confusion(view, good, MLP_ERR_ARGUMENT);
}

static void numbers_must_be_finite(void **state)
{
    (void)state;
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    mlp_cview labels = column_of(two_labels, 2);
    mlp_cview good = column_of(two_scores, 2);
    FOR_EACH_PRECISION(p)
    {
        for (size_t i = 0; i < COUNT(bad); i++) {
            double x[2] = {0.5, bad[i]};
            mlp_view view = new_matrix(p, 2, 1, x);
            assert_no_auc(ro(view), labels, MLP_ERR_NOT_FINITE);
            assert_no_log_loss(ro(view), labels, MLP_ERR_NOT_FINITE);
            assert_no_regression(ro(view), good, MLP_ERR_NOT_FINITE);
            assert_no_regression(good, ro(view), MLP_ERR_NOT_FINITE);
            free(view.data);
        }
    }
}

static void views_must_fit(void **state)
{
    (void)state;
    double x[6] = {0, 1, 0, 1, 0, 1};
    mlp_cview two = column_of(x, 2);
    mlp_cview wide = mlp_cview_f64(x, 2, 3);
    mlp_cview bad[] = {column_of(x, 0), column_of(x, 3), mlp_cview_f64(x, 2, 0),
                       mlp_cview_f64(x, 0, 0)};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_no_confusion(two, bad[i], MLP_ERR_SHAPE);
        assert_no_auc(two, bad[i], MLP_ERR_SHAPE);
        assert_no_log_loss(two, bad[i], MLP_ERR_SHAPE);
        assert_no_regression(two, bad[i], MLP_ERR_SHAPE);
        assert_no_confusion(bad[i], two, MLP_ERR_SHAPE);
        assert_no_auc(bad[i], two, MLP_ERR_SHAPE);
        assert_no_log_loss(bad[i], two, MLP_ERR_SHAPE);
        assert_no_regression(bad[i], two, MLP_ERR_SHAPE);
    }
    assert_no_confusion(wide, two, MLP_ERR_SHAPE);
    assert_no_auc(wide, two, MLP_ERR_SHAPE);
    assert_no_log_loss(two, wide, MLP_ERR_SHAPE);
    assert_no_regression(two, wide, MLP_ERR_SHAPE);
    two.data = NULL;
    assert_no_auc(two, column_of(x, 2), MLP_ERR_NULL);
    assert_no_regression(column_of(x, 2), two, MLP_ERR_NULL);
    two = column_of(x, 2);
    two.row_stride = SIZE_MAX;
    assert_no_auc(two, column_of(x, 2), MLP_ERR_SHAPE);
}

static void types_must_fit(void **state)
{
    (void)state;
    double x[2] = {0, 1};
    int32_t integers[2] = {0, 1};
    mlp_cview good = column_of(x, 2);
    mlp_cview i32 = mlp_view_const(mlp_view_i32(integers, 2, 1));
    mlp_cview unknown = good;
    unknown.dtype = (mlp_dtype)99;
    assert_no_confusion(unknown, good, MLP_ERR_DTYPE);
    assert_no_confusion(good, unknown, MLP_ERR_DTYPE);
    assert_no_auc(good, unknown, MLP_ERR_DTYPE);
    assert_no_auc(i32, good, MLP_ERR_DTYPE);
    assert_no_log_loss(i32, good, MLP_ERR_DTYPE);
    assert_no_regression(i32, good, MLP_ERR_DTYPE);
    assert_no_regression(good, i32, MLP_ERR_DTYPE);
    assert_int_equal(mlp_confusion(good, good, NULL, mlp_view_f64(x, 1, 1)),
                     MLP_ERR_DTYPE);
    assert_int_equal(mlp_score_classes(good, NULL, NULL, NULL, NULL),
                     MLP_ERR_DTYPE);
}

static void counts_must_be_a_square(void **state)
{
    (void)state;
    int32_t counts[6] = {1, 1, 1, 1, 1, 1};
    mlp_cview labels = column_of(two_labels, 2);
    mlp_view bad[] = {mlp_view_i32(counts, 2, 3), mlp_view_i32(counts, 3, 2),
                      mlp_view_i32(counts, 0, 0), mlp_view_i32(counts, 0, 2)};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(mlp_confusion(labels, labels, NULL, bad[i]),
                         MLP_ERR_SHAPE);
        assert_int_equal(mlp_score_classes(ro(bad[i]), NULL, NULL, NULL, NULL),
                         MLP_ERR_SHAPE);
    }
    mlp_view view = mlp_view_i32(counts, 2, 2);
    view.row_stride = 1; /* makes elements overlap */
    assert_int_equal(mlp_confusion(labels, labels, NULL, view), MLP_ERR_SHAPE);
    view = mlp_view_i32(NULL, 2, 2);
    assert_int_equal(mlp_confusion(labels, labels, NULL, view), MLP_ERR_NULL);
    assert_int_equal(mlp_score_classes(ro(view), NULL, NULL, NULL, NULL),
                     MLP_ERR_NULL);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(counts[i], 1);
    }
}

static void counts_must_count(void **state)
{
    (void)state;
    int32_t counts[4] = {1, 2, -1, 3};
    mlp_cview view = mlp_view_const(mlp_view_i32(counts, 2, 2));
    double accuracy = 7;
    mlp_class_scores each[2] = {{7, 7, 7, 7}, {7, 7, 7, 7}};
    assert_int_equal(mlp_score_classes(view, NULL, each, NULL, &accuracy),
                     MLP_ERR_ARGUMENT);
    memset(counts, 0, sizeof counts);
    assert_int_equal(mlp_score_classes(view, NULL, each, NULL, &accuracy),
                     MLP_ERR_ARGUMENT);
    assert_true(accuracy == 7 && each[0].recall == 7);
}

static void values_must_make_sense(void **state)
{
    (void)state;
    static const double zeros[2];
    static const double ones[] = {1, 1};
    static const double beyond[] = {0.5, 1.0000001};
    static const double below[] = {-1e-300, 0.5};
    mlp_cview labels = column_of(two_labels, 2);
    mlp_cview scores = column_of(two_scores, 2);
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    double auc = 7;
    assert_told(&record, mlp_roc_auc(scores, column_of(zeros, 2), &hooks, &auc),
                MLP_ERR_ARGUMENT, "got only class 0");
    assert_told(&record, mlp_roc_auc(scores, column_of(ones, 2), &hooks, &auc),
                MLP_ERR_ARGUMENT, "got only class 1");
    assert_true(auc == 7 && record.live == 0);
    assert_no_log_loss(column_of(beyond, 2), labels, MLP_ERR_ARGUMENT);
    assert_no_log_loss(column_of(below, 2), labels, MLP_ERR_ARGUMENT);
    assert_int_equal(mlp_roc_auc(scores, labels, NULL, NULL), MLP_ERR_NULL);
    assert_int_equal(mlp_log_loss(scores, labels, NULL, NULL), MLP_ERR_NULL);
    assert_int_equal(mlp_score_regression(scores, labels, NULL, NULL, NULL),
                     MLP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confusion_is_scikit_learns),
        cmocka_unit_test(confusion_leaves_the_gaps_of_a_view_alone),
        cmocka_unit_test(class_scores_are_scikit_learns),
        cmocka_unit_test(one_class_is_always_right),
        cmocka_unit_test(roc_auc_is_scikit_learns),
        cmocka_unit_test(roc_auc_is_a_share_of_pairs),
        cmocka_unit_test(roc_auc_of_many_rows),
        cmocka_unit_test(log_loss_is_scikit_learns),
        cmocka_unit_test(log_loss_is_clipped_at_both_ends),
        cmocka_unit_test(regression_scores_are_scikit_learns),
        cmocka_unit_test(r2_of_a_constant_is_one_or_zero),
        cmocka_unit_test(strides_and_types_change_no_bit),
        cmocka_unit_test(labels_must_be_classes),
        cmocka_unit_test(numbers_must_be_finite),
        cmocka_unit_test(views_must_fit),
        cmocka_unit_test(types_must_fit),
        cmocka_unit_test(counts_must_be_a_square),
        cmocka_unit_test(counts_must_count),
        cmocka_unit_test(values_must_make_sense),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
