/* SPDX-License-Identifier: MIT */
/*
 * The streams are those of NumPy, draw by draw (tests/vectors/make.py). Numbers
 * that NumPy computes exactly are equal in bits; normal numbers go through the
 * logarithm of its C library and agree within 2 ulp.
 */
#include "support/support.h"

/* The seeds of make.py: most arrays have a column for each. */
static const uint32_t seeds[] = {0, 1, 42, UINT32_MAX};

enum { SEEDS = COUNT(seeds) };

/* Checks that two doubles are equal. */
static void assert_exactly(double got, double expected)
{
    assert_ulps(got, expected, 0);
}

/* Checks that both generators go on alike. They are copies, so the caller's do
 * not advance. */
static void assert_same_state(mlp_rng a, mlp_rng b)
{
    for (int i = 0; i < 1000; i++) {
        assert_exactly(mlp_rng_randn(&a), mlp_rng_randn(&b));
        assert_exactly(mlp_rng_random_sample(&a), mlp_rng_random_sample(&b));
    }
}

/* ---------------------------------------------------------------------------
 * Doubles against NumPy
 */

static double draw_uniform(mlp_rng *rng)
{
    return mlp_rng_uniform(rng, -3.5, 12.25);
}

static double draw_normal(mlp_rng *rng)
{
    return mlp_rng_normal(rng, 10.0, 0.75);
}

/* Each column is the stream of one seed. */
static void check_columns(const char *name, double (*draw)(mlp_rng *),
                          uint64_t most_ulps)
{
    vector v = read_vector(name);
    assert_int_equal(v.cols, SEEDS);
    for (size_t s = 0; s < SEEDS; s++) {
        mlp_rng rng = mlp_rng_seeded(seeds[s]);
        for (size_t i = 0; i < v.rows; i++) {
            assert_ulps(draw(&rng), v.data[i * SEEDS + s], most_ulps);
        }
    }
    free(v.data);
}

/* A longer stream of seed 42. */
static void check_stream(const char *name, double (*draw)(mlp_rng *),
                         uint64_t most_ulps)
{
    vector v = read_vector(name);
    assert_int_equal(v.rows, 1000);
    mlp_rng rng = mlp_rng_seeded(42);
    for (size_t i = 0; i < v.rows; i++) {
        assert_ulps(draw(&rng), v.data[i], most_ulps);
    }
    free(v.data);
}

static void random_sample_is_numpys(void **state)
{
    (void)state;
    check_columns("rng_random_sample", mlp_rng_random_sample, 0);
    check_stream("rng_uniform_42", mlp_rng_random_sample, 0);
}

static void uniform_is_numpys(void **state)
{
    (void)state;
    check_columns("rng_uniform", draw_uniform, 0);
}

static void randn_is_numpys(void **state)
{
    (void)state;
    check_columns("rng_randn", mlp_rng_randn, 2);
    check_stream("rng_randn_42", mlp_rng_randn, 2);
}

static void normal_is_numpys(void **state)
{
    (void)state;
    check_columns("rng_normal", draw_normal, 2);
}

static void uniform_follows_its_formula(void **state)
{
    (void)state;
    mlp_rng a = mlp_rng_seeded(5);
    mlp_rng b = a;
    assert_exactly(mlp_rng_uniform(&a, 2.5, 2.5), 2.5);
    (void)mlp_rng_random_sample(&b);
    for (int i = 0; i < 100; i++) {
        double u = mlp_rng_random_sample(&b);
        assert_exactly(mlp_rng_uniform(&a, 7.0, -1.0), 7.0 + -8.0 * u);
    }
    assert_true(isnan(mlp_rng_uniform(&a, 0.0, (double)NAN)) != 0);
    (void)mlp_rng_random_sample(&b);
    assert_same_state(a, b);
}

static void normal_follows_its_formula(void **state)
{
    (void)state;
    mlp_rng a = mlp_rng_seeded(5);
    mlp_rng b = a;
    for (int i = 0; i < 101; i++) {
        double z = mlp_rng_randn(&b);
        double std = i - 50.0; /* also 0 and negative numbers */
        assert_exactly(mlp_rng_normal(&a, 3.0, std), 3.0 + std * z);
    }
    assert_same_state(a, b);
}

static void random_sample_stays_in_its_range_and_steps(void **state)
{
    (void)state;
    mlp_rng rng = mlp_rng_seeded(9);
    for (int i = 0; i < 100000; i++) {
        double u = mlp_rng_random_sample(&rng);
        assert_true(u >= 0.0 && u < 1.0);
        double steps = ldexp(u, 53);
        assert_exactly(steps, floor(steps));
    }
    /* The smallest and the largest number come from words whose bits become all
     * 0 and all 1 by tempering. */
    mlp_rng words = {.remaining = 4};
    words.key[622] = words.key[623] = 0x12dd9bb3u;
    assert_exactly(mlp_rng_random_sample(&words), 0.0);
    assert_exactly(mlp_rng_random_sample(&words), 1.0 - 0x1p-53);
}

/* ---------------------------------------------------------------------------
 * Integers against NumPy
 */

/* Returns a 64-bit integer from its two halves; see make.py. */
static int64_t joined(const double halves[2])
{
    return (int64_t)halves[0] * INT64_C(4294967296) + (int64_t)halves[1];
}

static void randint_is_numpys(void **state)
{
    (void)state;
    vector v = read_vector("rng_randint");
    assert_true(v.rows > SEEDS && v.cols > 5);
    for (size_t i = 0; i < v.rows; i++) {
        const double *row = v.data + i * v.cols;
        mlp_rng rng = mlp_rng_seeded((uint32_t)row[0]);
        int64_t low = joined(row + 1);
        int64_t high = joined(row + 3);
        for (size_t j = 5; j < v.cols; j += 2) {
            int64_t value = 0;
            assert_int_equal(mlp_rng_randint(&rng, low, high, &value), MLP_OK);
            assert_true(value == joined(row + j));
            assert_true(value >= low && value < high);
        }
    }
    free(v.data);
}

static void randint_of_one_value_draws_nothing(void **state)
{
    (void)state;
    static const int64_t only[] = {0, -1, INT64_MIN, INT64_MAX - 1};
    mlp_rng rng = mlp_rng_seeded(3);
    mlp_rng before = rng;
    for (size_t i = 0; i < COUNT(only); i++) {
        int64_t value = 77;
        assert_int_equal(mlp_rng_randint(&rng, only[i], only[i] + 1, &value),
                         MLP_OK);
        assert_true(value == only[i]);
    }
    assert_same_state(rng, before);
}

static void randint_refuses_an_empty_range(void **state)
{
    (void)state;
    static const int64_t ranges[][2] = {{0, 0},
                                        {1, 0},
                                        {INT64_MAX, INT64_MIN},
                                        {INT64_MIN, INT64_MIN},
                                        {INT64_MAX, INT64_MAX}};
    mlp_rng rng = mlp_rng_seeded(3);
    mlp_rng before = rng;
    int64_t value = 77;
    for (size_t i = 0; i < COUNT(ranges); i++) {
        assert_int_equal(
            mlp_rng_randint(&rng, ranges[i][0], ranges[i][1], &value),
            MLP_ERR_ARGUMENT);
    }
    assert_int_equal(mlp_rng_randint(&rng, 0, 5, NULL), MLP_ERR_NULL);
    assert_int_equal(mlp_rng_randint(NULL, 0, 5, &value), MLP_ERR_NULL);
    assert_int_equal(value, 77);
    assert_same_state(rng, before);
}

/* ---------------------------------------------------------------------------
 * Orders against NumPy
 */

/* Each column is the permutation of one seed. */
static void check_permutations(const char *name)
{
    vector v = read_vector(name);
    assert_int_equal(v.cols, SEEDS);
    size_t *order = guarded_alloc(v.rows * sizeof *order);
    for (size_t s = 0; s < SEEDS; s++) {
        mlp_rng rng = mlp_rng_seeded(seeds[s]);
        assert_int_equal(mlp_rng_permutation(&rng, v.rows, order), MLP_OK);
        for (size_t i = 0; i < v.rows; i++) {
            assert_exactly((double)order[i], v.data[i * SEEDS + s]);
        }
    }
    guarded_free(order);
    free(v.data);
}

static void permutation_is_numpys(void **state)
{
    (void)state;
    check_permutations("rng_permutation_2");
    check_permutations("rng_permutation_64");
    check_permutations("rng_permutation_65");
    vector v = read_vector("rng_permutation_42_500");
    size_t order[500];
    mlp_rng rng = mlp_rng_seeded(42);
    assert_int_equal(mlp_rng_permutation(&rng, 500, order), MLP_OK);
    for (size_t i = 0; i < 500; i++) {
        assert_exactly((double)order[i], v.data[i]);
    }
    free(v.data);
}

static void permutation_holds_each_index_once(void **state)
{
    (void)state;
    enum { MOST = 40 };
    mlp_rng rng = mlp_rng_seeded(8);
    for (size_t n = 1; n <= MOST; n++) {
        size_t *order = guarded_alloc(n * sizeof *order);
        bool seen[MOST] = {false};
        assert_int_equal(mlp_rng_permutation(&rng, n, order), MLP_OK);
        for (size_t i = 0; i < n; i++) {
            assert_true(order[i] < n && !seen[order[i]]);
            seen[order[i]] = true;
        }
        guarded_free(order);
    }
}

enum {
    ROWS = 11,
    COLS = 3
}; /* the columns of rng_shuffle, one below the other */

/* Shuffles rows of three elements of `size` bytes. Whatever the size, rows move
 * alike. */
static void check_shuffle(const vector *v, size_t size)
{
    size_t row = COLS * size;
    unsigned char *items = guarded_alloc(ROWS * row);
    for (size_t s = 0; s < SEEDS; s++) {
        for (size_t i = 0; i < (size_t)ROWS * COLS; i++) {
            memset(items + i * size, (int)i, size);
        }
        mlp_rng rng = mlp_rng_seeded(seeds[s]);
        assert_int_equal(mlp_rng_shuffle(&rng, items, ROWS, row), MLP_OK);
        for (size_t i = 0; i < ROWS * row; i++) {
            size_t at = s * ROWS * COLS + i / size;
            assert_exactly((double)items[i], v->data[at]);
        }
    }
    guarded_free(items);
}

static void shuffle_moves_rows_as_numpy_does(void **state)
{
    (void)state;
    vector v = read_vector("rng_shuffle");
    assert_int_equal(v.rows, SEEDS * ROWS);
    assert_int_equal(v.cols, COLS);
    check_shuffle(&v, 1);
    check_shuffle(&v, sizeof(float));
    check_shuffle(&v, sizeof(double));
    check_shuffle(&v, 13);
    check_shuffle(&v, 1000);
    free(v.data);
}

static void orders_of_none_or_one_draw_nothing(void **state)
{
    (void)state;
    mlp_rng rng = mlp_rng_seeded(4);
    mlp_rng before = rng;
    size_t only = 77;
    assert_int_equal(mlp_rng_permutation(&rng, 0, NULL), MLP_OK);
    assert_int_equal(mlp_rng_permutation(&rng, 0, &only), MLP_OK);
    assert_int_equal(only, 77);
    assert_int_equal(mlp_rng_permutation(&rng, 1, &only), MLP_OK);
    assert_int_equal(only, 0);
    only = 77;
    assert_int_equal(mlp_rng_shuffle(&rng, NULL, 0, 8), MLP_OK);
    assert_int_equal(mlp_rng_shuffle(&rng, NULL, 0, SIZE_MAX), MLP_OK);
    assert_int_equal(mlp_rng_shuffle(&rng, &only, 1, sizeof only), MLP_OK);
    assert_int_equal(only, 77);
    assert_same_state(rng, before);
}

static void orders_refuse_what_they_cannot_do(void **state)
{
    (void)state;
    mlp_rng rng = mlp_rng_seeded(4);
    mlp_rng before = rng;
    size_t items[2] = {7, 8};
    assert_int_equal(mlp_rng_permutation(NULL, 2, items), MLP_ERR_NULL);
    assert_int_equal(mlp_rng_permutation(NULL, 0, NULL), MLP_ERR_NULL);
    assert_int_equal(mlp_rng_permutation(&rng, 2, NULL), MLP_ERR_NULL);
    size_t order[1] = {7};
    assert_int_equal(mlp_rng_permutation(&rng, SIZE_MAX, order), MLP_ERR_LIMIT);
    assert_int_equal(order[0], 7);
    assert_int_equal(mlp_rng_shuffle(NULL, items, 2, 8), MLP_ERR_NULL);
    assert_int_equal(mlp_rng_shuffle(NULL, NULL, 0, 8), MLP_ERR_NULL);
    assert_int_equal(mlp_rng_shuffle(&rng, NULL, 2, 8), MLP_ERR_NULL);
    assert_int_equal(mlp_rng_shuffle(&rng, items, 2, 0), MLP_ERR_ARGUMENT);
    assert_int_equal(mlp_rng_shuffle(&rng, items, 0, 0), MLP_ERR_ARGUMENT);
    static const size_t absurd[][2] = {{SIZE_MAX, 8},
                                       {8, SIZE_MAX},
                                       {SIZE_MAX, SIZE_MAX},
                                       {SIZE_MAX / 8 + 1, 8}};
    for (size_t i = 0; i < COUNT(absurd); i++) {
        assert_int_equal(
            mlp_rng_shuffle(&rng, items, absurd[i][0], absurd[i][1]),
            MLP_ERR_LIMIT);
    }
    assert_true(items[0] == 7 && items[1] == 8);
    assert_same_state(rng, before);
}

/* ---------------------------------------------------------------------------
 * One stream for all
 */

enum kind { SAMPLE, UNIFORM, RANDN, NORMAL, RANDINT, PERMUTATION };

/* Draws a number of a kind with the arguments a and b. A permutation has a
 * length only, and gives its last entry. */
static double draw_kind(mlp_rng *rng, enum kind kind, double a, double b)
{
    int64_t value = 0;
    size_t order[64];
    size_t n = 0;
    switch (kind) {
    case SAMPLE:
        return mlp_rng_random_sample(rng);
    case UNIFORM:
        return mlp_rng_uniform(rng, a, b);
    case RANDN:
        return mlp_rng_randn(rng);
    case NORMAL:
        return mlp_rng_normal(rng, a, b);
    case RANDINT:
        assert_int_equal(mlp_rng_randint(rng, (int64_t)a, (int64_t)b, &value),
                         MLP_OK);
        return (double)value;
    case PERMUTATION:
        n = (size_t)a;
        assert_true(n > 0 && n <= COUNT(order));
        assert_int_equal(mlp_rng_permutation(rng, n, order), MLP_OK);
        return (double)order[n - 1];
    }
    fail_msg("unknown kind %d", (int)kind);
    return 0.0;
}

static void mixed_draws_are_numpys(void **state)
{
    (void)state;
    vector v = read_vector("rng_mixed");
    assert_int_equal(v.cols, 4);
    size_t drawn[PERMUTATION + 1] = {0};
    mlp_rng rng = mlp_rng_seeded(42);
    for (size_t i = 0; i < v.rows; i++) {
        const double *row = v.data + i * v.cols;
        enum kind kind = (enum kind)row[0];
        double value = draw_kind(&rng, kind, row[1], row[2]);
        bool rounded = kind == RANDN || kind == NORMAL;
        assert_ulps(value, row[3], rounded ? 2 : 0);
        drawn[kind]++;
    }
    for (size_t kind = 0; kind < COUNT(drawn); kind++) {
        assert_true(drawn[kind] > 50);
    }
    free(v.data);
}

static void copying_the_struct_saves_the_state(void **state)
{
    (void)state;
    mlp_rng rng = mlp_rng_seeded(42);
    for (int i = 0; i < 777; i++) {
        (void)mlp_rng_randn(&rng);
    }
    assert_true(rng.has_gauss);
    const mlp_rng saved = rng;
    double first[1500];
    for (size_t i = 0; i < COUNT(first); i++) {
        first[i] = mlp_rng_randn(&rng);
    }
    rng = saved;
    for (size_t i = 0; i < COUNT(first); i++) {
        assert_exactly(mlp_rng_randn(&rng), first[i]);
    }
}

static void seeding_starts_anew(void **state)
{
    (void)state;
    for (size_t s = 0; s < SEEDS; s++) {
        mlp_rng used = mlp_rng_seeded(seeds[s]);
        (void)mlp_rng_randn(&used);
        used = mlp_rng_seeded(seeds[s]);
        assert_same_state(used, mlp_rng_seeded(seeds[s]));
    }
}

/* ---------------------------------------------------------------------------
 * States that no seed gives
 */

static void zeros_count_as_seed_5489(void **state)
{
    (void)state;
    assert_same_state((mlp_rng){0}, mlp_rng_seeded(5489));
    /* The lower bits of the first word do not belong to the state. */
    mlp_rng dead = {.key = {0x7fffffff}};
    assert_same_state(dead, mlp_rng_seeded(5489));
    mlp_rng zeros = {0};
    mlp_rng seeded = mlp_rng_seeded(5489);
    int64_t a = 0;
    int64_t b = 1;
    assert_int_equal(mlp_rng_randint(&zeros, 0, 1000000, &a), MLP_OK);
    assert_int_equal(mlp_rng_randint(&seeded, 0, 1000000, &b), MLP_OK);
    assert_int_equal(a, b);
}

static void zeros_with_words_left_come_back_to_life(void **state)
{
    (void)state;
    mlp_rng rng = {.remaining = 624};
    double z = mlp_rng_randn(&rng);
    assert_true(isfinite(z) != 0);
    mlp_rng seeded = mlp_rng_seeded(5489);
    assert_exactly(z, mlp_rng_randn(&seeded));
}

/* With one bit in the middle the last word is still 0 after a renewal. */
static void nearly_dead_states_are_kept(void **state)
{
    (void)state;
    mlp_rng rng = {0};
    rng.key[100] = 1;
    for (int i = 0; i < 49; i++) {
        assert_exactly(mlp_rng_random_sample(&rng), 0.0);
    }
    double u = mlp_rng_random_sample(&rng); /* words 98 and 99 */
    assert_true(u > 0.0 && u < 0x1p-27);
}

/* The centre of the disc, whose radius has no logarithm, and a point on the
 * circle are both drawn again. */
static void randn_draws_points_inside_the_disc_alone(void **state)
{
    (void)state;
    const uint32_t half = 0x80102204u; /* a word that becomes a sample of 0.5 */
    mlp_rng rng = mlp_rng_seeded(6);
    for (size_t i = 616; i < 624; i++) {
        rng.key[i] = 0;
    }
    rng.key[616] = rng.key[618] = half; /* (0, 0) */
    rng.key[622] = half;                /* (-1, 0) */
    mlp_rng after = rng;
    rng.remaining = 8;
    assert_same_state(rng, after);
}

static void all_words_may_be_left(void **state)
{
    (void)state;
    mlp_rng rng = mlp_rng_seeded(6);
    int64_t value = 0;
    assert_int_equal(mlp_rng_randint(&rng, 0, 2, &value), MLP_OK);
    assert_int_equal(rng.remaining, 623);
    rng.remaining = 624;
    assert_same_state(rng, mlp_rng_seeded(6));
}

static void too_many_words_left_are_none(void **state)
{
    (void)state;
    static const uint32_t corrupted[] = {625, 1000, INT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < COUNT(corrupted); i++) {
        mlp_rng rng = mlp_rng_seeded(6);
        rng.remaining = corrupted[i];
        assert_same_state(rng, mlp_rng_seeded(6));
    }
}

static void a_strange_gauss_passes_once(void **state)
{
    (void)state;
    mlp_rng rng = mlp_rng_seeded(6);
    rng.has_gauss = true;
    rng.gauss = (double)NAN;
    assert_true(isnan(mlp_rng_randn(&rng)) != 0);
    assert_same_state(rng, mlp_rng_seeded(6));
}

static void draws_from_null_are_nan(void **state)
{
    (void)state;
    assert_true(isnan(mlp_rng_random_sample(NULL)) != 0);
    assert_true(isnan(mlp_rng_uniform(NULL, 0.0, 1.0)) != 0);
    assert_true(isnan(mlp_rng_uniform(NULL, 1.0, 1.0)) != 0);
    assert_true(isnan(mlp_rng_randn(NULL)) != 0);
    assert_true(isnan(mlp_rng_normal(NULL, 0.0, 1.0)) != 0);
    assert_true(isnan(mlp_rng_normal(NULL, 5.0, 0.0)) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_sample_is_numpys),
        cmocka_unit_test(uniform_is_numpys),
        cmocka_unit_test(randn_is_numpys),
        cmocka_unit_test(normal_is_numpys),
        cmocka_unit_test(uniform_follows_its_formula),
        cmocka_unit_test(normal_follows_its_formula),
        cmocka_unit_test(random_sample_stays_in_its_range_and_steps),
        cmocka_unit_test(randint_is_numpys),
        cmocka_unit_test(randint_of_one_value_draws_nothing),
        cmocka_unit_test(randint_refuses_an_empty_range),
        cmocka_unit_test(permutation_is_numpys),
        cmocka_unit_test(permutation_holds_each_index_once),
        cmocka_unit_test(shuffle_moves_rows_as_numpy_does),
        cmocka_unit_test(orders_of_none_or_one_draw_nothing),
        cmocka_unit_test(orders_refuse_what_they_cannot_do),
        cmocka_unit_test(mixed_draws_are_numpys),
        cmocka_unit_test(copying_the_struct_saves_the_state),
        cmocka_unit_test(seeding_starts_anew),
        cmocka_unit_test(zeros_count_as_seed_5489),
        cmocka_unit_test(zeros_with_words_left_come_back_to_life),
        cmocka_unit_test(nearly_dead_states_are_kept),
        cmocka_unit_test(randn_draws_points_inside_the_disc_alone),
        cmocka_unit_test(all_words_may_be_left),
        cmocka_unit_test(too_many_words_left_are_none),
        cmocka_unit_test(a_strange_gauss_passes_once),
        cmocka_unit_test(draws_from_null_are_nan),
    };
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
