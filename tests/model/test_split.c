/* SPDX-License-Identifier: MIT */
/*
 * Splits without a network: which rows are drawn is compared with NumPy, and
 * the balance of folds with scikit-learn (tests/vectors/make_splits.py writes
 * both). Properties are checked for many numbers of rows, classes and folds.
 */
#include "support/training.h"

enum { MOST = 120, VECTOR_ROWS = 61 };

/* ---------------------------------------------------------------------------
 * Targets that hold the same classes in different forms
 */

/* Each form holds class labels[i] in row i of an array that the test owns. */
typedef enum form {
    INT32,
    INT32_FAR,     /* classes are far apart, in the same order */
    INT32_STRIDED, /* every third number of an array */
    ONE_HOT_F32,
    ONE_HOT_F64,
    ONE_HOT_I32,
    ONE_HOT_TRANSPOSED,
    BINARY_F32, /* for two classes */
    BINARY_F64,
    FORMS
} form;

typedef union numbers {
    int32_t i32[MOST * MOST];
    float f32[MOST * MOST];
    double f64[MOST * MOST];
} numbers;

/* The classes that stand for 0, 1, 2, ... in the form INT32_FAR. */
static int32_t far_class(size_t class)
{
    static const int32_t least[] = {INT32_MIN, -70000, -1, 3};
    return class < COUNT(least) ? least[class]
                                : INT32_MAX - 1000 + (int32_t) class;
}

static mlp_cview one_column(form f, const size_t *labels, size_t m, numbers *at)
{
    size_t stride = f == INT32_STRIDED ? 3 : 1;
    memset(at, 0x55, sizeof *at);
    for (size_t i = 0; i < m; i++) {
        if (f == BINARY_F32) {
            at->f32[i] = (float)labels[i];
        } else if (f == BINARY_F64) {
            at->f64[i] = (double)labels[i];
        } else {
            at->i32[i * stride] =
                f == INT32_FAR ? far_class(labels[i]) : (int32_t)labels[i];
        }
    }
    mlp_dtype dtype = f == BINARY_F32   ? MLP_F32
                      : f == BINARY_F64 ? MLP_F64
                                        : MLP_I32;
    return (mlp_cview){dtype, m, 1, stride, 1, at};
}

static mlp_cview one_hot(form f, const size_t *labels, size_t m, size_t k,
                         numbers *at)
{
    mlp_view Y = f == ONE_HOT_F32   ? mlp_view_f32(at->f32, m, k)
                 : f == ONE_HOT_I32 ? mlp_view_i32(at->i32, m, k)
                                    : mlp_view_f64(at->f64, m, k);
    if (f == ONE_HOT_TRANSPOSED) {
        Y.row_stride = 1;
        Y.col_stride = m;
    }
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < k; j++) {
            assert_true(mlp_view_set(Y, i, j, labels[i] == j));
        }
    }
    return mlp_view_const(Y);
}

/* Returns true and the targets if k classes can have this form. */
static bool make_form(form f, const size_t *labels, size_t m, size_t k,
                      numbers *at, mlp_cview *Y)
{
    bool is_one_hot = f >= ONE_HOT_F32 && f <= ONE_HOT_TRANSPOSED;
    if ((is_one_hot && k < 2) || (f >= BINARY_F32 && k != 2)) {
        return false;
    }
    *Y = is_one_hot ? one_hot(f, labels, m, k, at)
                    : one_column(f, labels, m, at);
    return true;
}

/* Fills labels[m] with k classes, of which the higher ones are rarer. */
static void draw_labels(size_t m, size_t k, uint32_t seed, size_t *labels)
{
    mlp_rng rng = mlp_rng_seeded(seed);
    for (size_t i = 0; i < m; i++) {
        double u = mlp_rng_random_sample(&rng);
        labels[i] = (size_t)(u * u * (double)k);
    }
}

/* ---------------------------------------------------------------------------
 * What a split must be
 */

/* Checks that order[m] lists each row once, in two ascending parts. */
static void assert_two_parts(const size_t *order, size_t m, size_t test_rows)
{
    bool seen[MOST] = {false};
    assert_true(test_rows > 0 && test_rows < m);
    for (size_t i = 0; i < m; i++) {
        assert_true(order[i] < m && !seen[order[i]]);
        seen[order[i]] = true;
        assert_true(i == 0 || i == m - test_rows || order[i] > order[i - 1]);
    }
}

/* Counts the test rows of each class. */
static void count_classes(const size_t *labels, const size_t *order, size_t m,
                          size_t test_rows, size_t *count)
{
    memset(count, 0, MOST * sizeof *count);
    for (size_t i = m - test_rows; i < m; i++) {
        count[labels[order[i]]]++;
    }
}

/* Checks all folds of one set of labels. */
static void assert_folds(mlp_cview Y, const size_t *labels, size_t k,
                         const mlp_split_options *options)
{
    size_t m = Y.rows;
    size_t tested[MOST] = {0};
    size_t all[MOST] = {0};
    for (size_t i = 0; i < m; i++) {
        all[labels[i]]++;
    }
    for (size_t fold = 0; fold < options->folds; fold++) {
        size_t order[MOST];
        size_t count[MOST];
        size_t test_rows = 0;
        assert_int_equal(mlp_k_fold(Y, options, fold, order, &test_rows),
                         MLP_OK);
        assert_two_parts(order, m, test_rows);
        assert_true(test_rows == m / options->folds ||
                    test_rows == m / options->folds + 1);
        for (size_t i = m - test_rows; i < m; i++) {
            tested[order[i]]++;
        }
        count_classes(labels, order, m, test_rows, count);
        for (size_t c = 0; c < k && options->stratify; c++) {
            size_t least = all[c] / options->folds;
            assert_true(count[c] == least ||
                        (count[c] == least + 1 && all[c] % options->folds));
        }
    }
    for (size_t i = 0; i < m; i++) {
        assert_int_equal(tested[i], 1);
    }
}

static void folds_test_each_row_once_and_are_balanced(void **state)
{
    (void)state;
    static const size_t rows[] = {2, 3, 5, 8, 31, 100, MOST};
    static const size_t classes[] = {1, 2, 3, 10};
    static numbers at;
    size_t labels[MOST];
    for (size_t r = 0; r < COUNT(rows); r++) {
        const size_t m = rows[r];
        const size_t folds[] = {2, 3, 5, 10, m - 1, m};
        for (size_t c = 0; c < COUNT(classes); c++) {
            for (uint32_t seed = 0; seed < 6; seed++) {
                mlp_split_options options = mlp_split_defaults();
                options.folds = folds[seed];
                options.seed = seed;
                if (options.folds < 2 || options.folds > m) {
                    continue;
                }
                draw_labels(m, classes[c], seed, labels);
                mlp_cview Y = one_column(INT32, labels, m, &at);
                assert_folds(Y, labels, classes[c], &options);
                options.stratify = false;
                assert_folds(Y, labels, classes[c], &options);
            }
        }
    }
}

/* A test part has its share of each class, rounded down or up. */
static void test_part_has_its_share_of_each_class(void **state)
{
    (void)state;
    static numbers at;
    size_t labels[MOST];
    size_t order[MOST];
    size_t count[MOST];
    for (size_t m = 4; m <= MOST; m += 29) {
        for (size_t k = 1; k <= 10; k += 3) {
            for (uint32_t seed = 0; seed < 8; seed++) {
                mlp_split_options options = mlp_split_defaults();
                options.test_fraction = 0.2 + 0.08 * seed;
                options.seed = seed;
                draw_labels(m, k, seed, labels);
                mlp_cview Y = one_column(INT32, labels, m, &at);
                size_t test_rows = 0;
                assert_int_equal(
                    mlp_train_test_split(Y, &options, order, &test_rows),
                    MLP_OK);
                assert_two_parts(order, m, test_rows);
                assert_int_equal(
                    test_rows,
                    (size_t)(options.test_fraction * (double)m + 0.5));
                count_classes(labels, order, m, test_rows, count);
                for (size_t c = 0; c < k; c++) {
                    double all = 0;
                    for (size_t i = 0; i < m; i++) {
                        all += labels[i] == c;
                    }
                    double share = all * (double)test_rows / (double)m;
                    assert_true(fabs((double)count[c] - share) < 1);
                }
            }
        }
    }
}

/* Four classes of ten rows have a share of 2.5 each in ten test rows, so the
 * remainders are equal. The two rows that are missing come from the lowest
 * classes. */
static void lowest_of_equal_remainders_gives_a_row(void **state)
{
    (void)state;
    enum { ROWS = 40 };
    static const size_t expected[] = {3, 3, 2, 2};
    static numbers at;
    size_t labels[ROWS];
    size_t order[ROWS];
    size_t count[MOST];
    size_t test_rows = 0;
    for (size_t i = 0; i < ROWS; i++) {
        labels[i] = i % 4;
    }
    for (form f = INT32; f < BINARY_F32; f++) {
        mlp_cview Y;
        assert_true(make_form(f, labels, ROWS, 4, &at, &Y));
        assert_int_equal(mlp_train_test_split(Y, NULL, order, &test_rows),
                         MLP_OK);
        count_classes(labels, order, ROWS, test_rows, count);
        assert_memory_equal(count, expected, sizeof expected);
    }
}

/* ---------------------------------------------------------------------------
 * Compared with NumPy and scikit-learn
 */

static void read_labels(size_t *labels)
{
    vector v = read_vector("split_labels");
    assert_int_equal(v.rows, VECTOR_ROWS);
    for (size_t i = 0; i < v.rows; i++) {
        labels[i] = (size_t)v.data[i];
    }
    free(v.data);
}

/* Checks that exactly the rows with is_test[i] = 1 are test rows. */
static void assert_test_rows(const size_t *order, size_t test_rows,
                             const double *is_test)
{
    double expected = 0;
    for (size_t i = 0; i < VECTOR_ROWS; i++) {
        expected += is_test[i];
        assert_true(is_test[order[i]] == (i < VECTOR_ROWS - test_rows ? 0 : 1));
    }
    assert_true(expected == (double)test_rows);
}

static void folds_are_numpys(void **state)
{
    (void)state;
    static numbers at;
    size_t labels[MOST];
    size_t order[MOST];
    read_labels(labels);
    vector v = read_vector("split_folds");
    assert_int_equal(v.cols, 4 + VECTOR_ROWS);
    for (size_t r = 0; r < v.rows; r++) {
        const double *row = v.data + r * v.cols;
        mlp_split_options options = mlp_split_defaults();
        options.seed = (uint32_t)row[0];
        options.folds = (size_t)row[1];
        options.stratify = row[3] == 1;
        for (form f = INT32; f < BINARY_F32; f++) {
            mlp_cview Y;
            size_t test_rows = 0;
            assert_true(make_form(f, labels, VECTOR_ROWS, 5, &at, &Y));
            assert_int_equal(
                mlp_k_fold(Y, &options, (size_t)row[2], order, &test_rows),
                MLP_OK);
            assert_test_rows(order, test_rows, row + 4);
        }
    }
    free(v.data);
}

static void test_parts_are_numpys(void **state)
{
    (void)state;
    static numbers at;
    size_t labels[MOST];
    size_t order[MOST];
    read_labels(labels);
    vector v = read_vector("split_tests");
    assert_int_equal(v.cols, 3 + VECTOR_ROWS);
    for (size_t r = 0; r < v.rows; r++) {
        const double *row = v.data + r * v.cols;
        mlp_split_options options = mlp_split_defaults();
        options.seed = (uint32_t)row[0];
        options.test_fraction = row[1];
        options.stratify = row[2] == 1;
        for (form f = INT32; f < BINARY_F32; f++) {
            mlp_cview Y;
            size_t test_rows = 0;
            assert_true(make_form(f, labels, VECTOR_ROWS, 5, &at, &Y));
            assert_int_equal(
                mlp_train_test_split(Y, &options, order, &test_rows), MLP_OK);
            assert_test_rows(order, test_rows, row + 3);
        }
    }
    free(v.data);
}

/* Each fold has as many rows of each class as scikit-learn's fold of the same
 * number. */
static void folds_are_balanced_as_scikit_learns(void **state)
{
    (void)state;
    enum { CLASSES = 4, ROWS = 1000 };
    static int32_t Y[ROWS];
    static size_t order[ROWS];
    vector v = read_vector("split_balance");
    assert_int_equal(v.cols, 2 * CLASSES + 2);
    for (size_t r = 0; r < v.rows; r++) {
        const double *row = v.data + r * v.cols;
        size_t m = 0;
        for (size_t c = 0; c < CLASSES; c++) {
            for (size_t i = 0; i < (size_t)row[c]; i++) {
                Y[m++] = (int32_t)c;
            }
        }
        mlp_split_options options = mlp_split_defaults();
        options.folds = (size_t)row[CLASSES];
        mlp_rng rng = mlp_rng_seeded(8);
        assert_int_equal(mlp_rng_shuffle(&rng, Y, m, sizeof *Y), MLP_OK);
        size_t test_rows = 0;
        assert_int_equal(mlp_k_fold(mlp_cview_i32(Y, m, 1), &options,
                                    (size_t)row[CLASSES + 1], order,
                                    &test_rows),
                         MLP_OK);
        double count[CLASSES] = {0};
        for (size_t i = m - test_rows; i < m; i++) {
            count[Y[order[i]]]++;
        }
        for (size_t c = 0; c < CLASSES; c++) {
            assert_true(count[c] == row[CLASSES + 2 + c]);
        }
    }
    free(v.data);
}

/* ---------------------------------------------------------------------------
 * Which targets are classes
 */

/* All forms of the same classes give the same split. */
static void form_of_the_classes_does_not_matter(void **state)
{
    (void)state;
    static numbers at;
    size_t labels[MOST];
    size_t orders[2][MOST];
    for (size_t k = 2; k <= 12; k += 5) {
        for (size_t m = 2; m < MOST; m += 13) {
            for (form f = INT32; f < FORMS; f++) {
                mlp_cview Y;
                size_t test_rows = 0;
                mlp_split_options options = mlp_split_defaults();
                options.folds = 2;
                options.test_fraction = 0.4;
                draw_labels(m, k, (uint32_t)m, labels);
                labels[m - 1] = k - 1;
                Y = one_column(INT32, labels, m, &at);
                assert_int_equal(
                    mlp_k_fold(Y, &options, 1, orders[0], &test_rows), MLP_OK);
                if (!make_form(f, labels, m, k, &at, &Y)) {
                    continue;
                }
                assert_int_equal(
                    mlp_k_fold(Y, &options, 1, orders[1], &test_rows), MLP_OK);
                assert_memory_equal(orders[0], orders[1], m * sizeof(size_t));
            }
        }
    }
}

/* Checks that a split does not depend on these targets: it is the one that is
 * not stratified. */
static void assert_no_classes(mlp_cview Y, bool expected)
{
    size_t differ = 0;
    for (uint32_t seed = 0; seed < 20; seed++) {
        size_t orders[2][MOST];
        size_t test_rows = 0;
        mlp_split_options options = mlp_split_defaults();
        options.seed = seed;
        assert_int_equal(
            mlp_train_test_split(Y, &options, orders[0], &test_rows), MLP_OK);
        options.stratify = false;
        assert_int_equal(
            mlp_train_test_split(Y, &options, orders[1], &test_rows), MLP_OK);
        differ += memcmp(orders[0], orders[1], Y.rows * sizeof(size_t)) != 0;
    }
    assert_true(expected ? differ == 0 : differ > 10);
}

static void other_targets_are_one_class(void **state)
{
    (void)state;
    enum { ROWS = 40 };
    static const double spoiled[] = {0.5, 2, -1, 1 + 1e-12, NAN, INFINITY};
    double column[ROWS];
    double rows[ROWS * 3];
    for (size_t i = 0; i < ROWS; i++) {
        column[i] = i % 4 == 0 ? 1 : -0.0;
        for (size_t j = 0; j < 3; j++) {
            rows[3 * i + j] = j == i % 3;
        }
    }
    mlp_cview one = mlp_cview_f64(column, ROWS, 1);
    mlp_cview three = mlp_cview_f64(rows, ROWS, 3);
    assert_no_classes(one, false);
    assert_no_classes(three, false);
    for (size_t s = 0; s < COUNT(spoiled); s++) {
        column[ROWS - 1] = spoiled[s];
        rows[3 * ROWS - 1] = spoiled[s];
        assert_no_classes(one, true);
        assert_no_classes(three, true);
    }
    rows[3 * ROWS - 1] = 1; /* beside the 1 that the row has */
    assert_no_classes(three, true);
    memset(rows + 3 * ROWS - 3, 0, 3 * sizeof *rows); /* no 1 at all */
    assert_no_classes(three, true);
}

/* A network's validation split of the same fraction and seed is the same. */
static void validation_split_is_the_same_split(void **state)
{
    (void)state;
    static const model classes = {
        2, 1, {{.width = 4, .activation = MLP_ACT_SOFTMAX}}, MLP_LOSS_CCE};
    static numbers at;
    size_t labels[MOST];
    mlp_net *net = new_net(&classes, MLP_F64, NULL);
    for (uint32_t seed = 0; seed < 20; seed++) {
        size_t orders[2][MOST];
        size_t test_rows[2] = {0, 0};
        mlp_train_options options = mlp_train_defaults();
        mlp_split_options o = mlp_split_defaults();
        options.seed = o.seed = seed;
        options.validation_fraction = o.test_fraction = 0.15;
        draw_labels(MOST, 4, seed, labels);
        for (form f = INT32; f <= ONE_HOT_F64; f++) {
            mlp_cview Y;
            if (f != INT32 && f != ONE_HOT_F64) {
                continue;
            }
            assert_true(make_form(f, labels, MOST, 4, &at, &Y));
            assert_int_equal(mlp_validation_split(net, Y, &options, orders[0],
                                                  &test_rows[0]),
                             MLP_OK);
            assert_int_equal(
                mlp_train_test_split(Y, &o, orders[1], &test_rows[1]), MLP_OK);
            assert_int_equal(test_rows[0], test_rows[1]);
            assert_memory_equal(orders[0], orders[1], sizeof orders[0]);
        }
    }
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Options and failures
 */

static void two_rows_can_be_split(void **state)
{
    (void)state;
    static const int32_t Y[2] = {0, 1};
    mlp_cview view = mlp_cview_i32(Y, 2, 1);
    mlp_split_options options = mlp_split_defaults();
    options.test_fraction = 0.5;
    options.folds = 2;
    size_t orders[3][2];
    size_t test_rows[3];
    assert_int_equal(
        mlp_train_test_split(view, &options, orders[0], &test_rows[0]), MLP_OK);
    assert_int_equal(mlp_k_fold(view, &options, 0, orders[1], &test_rows[1]),
                     MLP_OK);
    assert_int_equal(mlp_k_fold(view, &options, 1, orders[2], &test_rows[2]),
                     MLP_OK);
    for (size_t s = 0; s < 3; s++) {
        assert_int_equal(test_rows[s], 1);
        assert_int_equal(orders[s][0] + orders[s][1], 1);
    }
    assert_int_equal(orders[1][0], 1); /* class 0 is dealt first, to fold 0 */
    assert_int_equal(orders[2][0], 0);
}

static void no_options_are_the_defaults(void **state)
{
    (void)state;
    int32_t Y[MOST];
    for (size_t i = 0; i < MOST; i++) {
        Y[i] = (int32_t)(i % 7);
    }
    mlp_cview view = mlp_cview_i32(Y, MOST, 1);
    const mlp_split_options options = {
        .test_fraction = 0.25, .folds = 5, .stratify = true, .seed = 42};
    size_t orders[2][MOST];
    size_t test_rows[2];
    assert_int_equal(mlp_k_fold(view, NULL, 3, orders[0], &test_rows[0]),
                     MLP_OK);
    assert_int_equal(mlp_k_fold(view, &options, 3, orders[1], &test_rows[1]),
                     MLP_OK);
    assert_int_equal(test_rows[0], 24);
    assert_memory_equal(orders[0], orders[1], sizeof orders[0]);
    assert_int_equal(mlp_train_test_split(view, NULL, orders[0], &test_rows[0]),
                     MLP_OK);
    assert_int_equal(
        mlp_train_test_split(view, &options, orders[1], &test_rows[1]), MLP_OK);
    assert_int_equal(test_rows[0], 30);
    assert_memory_equal(orders[0], orders[1], sizeof orders[0]);
}

/* Outputs are compared with these after a failure. */
static const size_t untouched[4] = {71, 72, 73, 74};

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    static const int32_t Y[4] = {0, 1, 0, 1};
    hook_record record = {0};
    mlp_split_options good = mlp_split_defaults();
    good.hooks = recording_hooks(&record);
    good.folds = 2;
    mlp_split_options o = good;
    mlp_cview view = mlp_cview_i32(Y, 4, 1);
    size_t order[4] = {71, 72, 73, 74};
    size_t rows = 99;
#define REFUSED(call, status, part)                                            \
    assert_told(&record, call, status, part);                                  \
    assert_memory_equal(order, untouched, sizeof order);                       \
    assert_int_equal(rows, 99);                                                \
    assert_int_equal(record.live, 0);                                          \
    o = good
#define SPLIT mlp_train_test_split(view, &o, order, &rows)
#define FOLD(fold) mlp_k_fold(view, &o, fold, order, &rows)
    static const double fractions[] = {0, 1, -0.25, 1.5, NAN, INFINITY};
    for (size_t f = 0; f < COUNT(fractions); f++) {
        o.test_fraction = fractions[f];
        REFUSED(SPLIT, MLP_ERR_ARGUMENT,
                "test_fraction: expects more than 0 and less than 1");
    }
    o.test_fraction = 0.1;
    REFUSED(SPLIT, MLP_ERR_ARGUMENT,
            "test_fraction: 0.1 of 4 rows leaves none to test with");
    o.test_fraction = 0.9;
    REFUSED(SPLIT, MLP_ERR_ARGUMENT, "0.9 of 4 rows leaves none to train");
    for (size_t folds = 0; folds < 2; folds++) {
        o.folds = folds;
        REFUSED(FOLD(0), MLP_ERR_ARGUMENT, "folds: expects 2 to 4");
    }
    o.folds = 5;
    REFUSED(FOLD(0), MLP_ERR_ARGUMENT,
            "folds: expects 2 to 4, the rows of Y, got 5");
    REFUSED(FOLD(2), MLP_ERR_ARGUMENT,
            "fold: expects 0 to 1, as there are 2 folds, got 2");
    REFUSED(FOLD(SIZE_MAX), MLP_ERR_ARGUMENT, "fold: expects 0 to 1");
    for (view.rows = 0; view.rows < 2; view.rows++) {
        REFUSED(SPLIT, MLP_ERR_ARGUMENT, "Y: expects 2 or more rows");
        REFUSED(FOLD(0), MLP_ERR_ARGUMENT, "Y: expects 2 or more rows");
    }
    view.rows = 4;
    view.cols = 0;
    REFUSED(SPLIT, MLP_ERR_SHAPE, "Y: expects at least 1 column, got 0");
    REFUSED(FOLD(0), MLP_ERR_SHAPE, "Y: expects at least 1 column, got 0");
    view.cols = 1;
    view.row_stride = SIZE_MAX / 2;
    REFUSED(SPLIT, MLP_ERR_SHAPE, "address space");
    view.row_stride = 1;
    view.dtype = (mlp_dtype)7;
    REFUSED(FOLD(0), MLP_ERR_DTYPE, "Y: expects float32, float64 or int32");
    view.dtype = MLP_I32;
    view.data = NULL;
    REFUSED(FOLD(0), MLP_ERR_NULL, "Y: expects data, got NULL");
    view.data = Y;
    o.hooks.release = NULL;
    REFUSED(SPLIT, MLP_ERR_ARGUMENT, "release");
    REFUSED(mlp_k_fold(view, &o, 0, NULL, &rows), MLP_ERR_NULL, "order");
    REFUSED(mlp_train_test_split(view, &o, order, NULL), MLP_ERR_NULL,
            "test_rows");
#undef FOLD
#undef SPLIT
#undef REFUSED
}

/* Without memory the outputs stay, whether classes have ranks or not. */
static void lack_of_memory_is_reported(void **state)
{
    (void)state;
    int32_t Y[4] = {0, 1, 0, 1};
    for (size_t far = 0; far < 2; far++) {
        hook_record record = {.fail_at = 1};
        mlp_split_options options = mlp_split_defaults();
        options.hooks = recording_hooks(&record);
        size_t order[4] = {71, 72, 73, 74};
        size_t rows = 99;
        Y[3] = far ? INT32_MAX : 1;
        assert_told(&record,
                    mlp_train_test_split(mlp_cview_i32(Y, 4, 1), &options,
                                         order, &rows),
                    MLP_ERR_MEMORY, "a split");
        assert_memory_equal(order, untouched, sizeof order);
        assert_int_equal(rows, 99);
        assert_int_equal(mlp_train_test_split(mlp_cview_i32(Y, 4, 1), &options,
                                              order, &rows),
                         MLP_OK);
        assert_int_equal(record.allocations, 2);
        assert_int_equal(record.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds_test_each_row_once_and_are_balanced),
        cmocka_unit_test(test_part_has_its_share_of_each_class),
        cmocka_unit_test(lowest_of_equal_remainders_gives_a_row),
        cmocka_unit_test(folds_are_numpys),
        cmocka_unit_test(test_parts_are_numpys),
        cmocka_unit_test(folds_are_balanced_as_scikit_learns),
        cmocka_unit_test(form_of_the_classes_does_not_matter),
        cmocka_unit_test(other_targets_are_one_class),
        cmocka_unit_test(validation_split_is_the_same_split),
        cmocka_unit_test(two_rows_can_be_split),
        cmocka_unit_test(no_options_are_the_defaults),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(lack_of_memory_is_reported),
    };
    return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
