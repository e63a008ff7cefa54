/* SPDX-License-Identifier: MIT */
/*
 * Points in the plane, compared with those of scikit-learn, which
 * tests/vectors/make_points.py writes.
 */
#include "support/support.h"

#include "mlp_data.h"

enum { MAX_LINE = 1 << 13 };

#define SHAPE_NAME(constant, number, name, classes) name,
static const char *const shape_names[] = {MLP_DATA_SHAPE_LIST(SHAPE_NAME)};

static mlp_data_shape shape_of(const char *name)
{
    size_t i = 0;
    while (i < COUNT(shape_names) && strcmp(shape_names[i], name) != 0) {
        i++;
    }
    assert_true(i < COUNT(shape_names));
    return (mlp_data_shape)i;
}

static mlp_data *generate(const mlp_data_points *points, hook_record *record)
{
    mlp_hooks hooks = recording_hooks(record);
    mlp_data *data = NULL;
    if (mlp_data_generate(points, &hooks, &data) != MLP_OK) {
        fail_msg("%s", record->message);
    }
    return data;
}

/* Compares a table with the numbers of a line, row by row. Coordinates may
 * differ by two units in the last place, where the C library of scikit-learn has another sine
 * or logarithm; returns how many do. */
static size_t compare(const mlp_data *data, char *numbers)
{
    size_t n_other = 0;
    for (size_t i = 0; i < mlp_data_rows(data) * 3; i++) {
        double x = mlp_cview_at(mlp_data_values(data), i / 3, i % 3);
        double expected = strtod(numbers, &numbers);
        if (i % 3 == 2) {
            const char *name = mlp_data_category(data, 2, (size_t)x);
            assert_true(strtod(name, NULL) == expected);
        } else {
            check_near(x, expected, 0x1p-51, 0x1p-52, __FILE__, __LINE__);
            n_other += x != expected;
        }
    }
    return n_other;
}

static void generate_draws_what_scikit_learn_draws(void **state)
{
    (void)state;
    static char line[MAX_LINE];
    size_t n = 0;
    size_t n_other = 0;
    size_t n_cells = 0;
    FILE *stream = fopen(MLP_TEST_VECTORS "/points.txt", "r");
    assert_non_null(stream);
    for (; fgets(line, sizeof line, stream); n++) {
        hook_record record = {0};
        char name[16];
        char format[] = "%15s %zu %lf %u %n";
        mlp_data_points points;
        unsigned seed = 0;
        int used = 0;
        assert_int_equal(sscanf(line, format, name, &points.rows, &points.noise,
                                &seed, &used),
                         4);
        points.seed = seed;
        points.shape = shape_of(name);
        mlp_data *data = generate(&points, &record);
        assert_int_equal(mlp_data_rows(data), points.rows);
        assert_int_equal(mlp_data_kind_of(data, 2), MLP_DATA_CATEGORY);
        n_other += compare(data, line + used);
        n_cells += 2 * points.rows;
        mlp_data_free(data);
        assert_int_equal(record.live, 0);
    }
    (void)fclose(stream);
    assert_int_equal(n, 20);
    assert_true(n_other * 100 < n_cells);
}

/* The sine at pi, where most digits of pi cancel. */
static void generate_is_exact_where_digits_cancel(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data_points points = {MLP_DATA_MOONS, 4, 0.0, 0};
    mlp_data *data = generate(&points, &record);
    mlp_cview values = mlp_data_values(data);
    size_t found = 0;
    for (size_t i = 0; i < 4; i++) {
        if (mlp_cview_at(values, i, 0) == -1.0) {
            assert_true(mlp_cview_at(values, i, 1) == 0x1.1a62633145c07p-53);
            found++;
        }
    }
    assert_int_equal(found, 1);
    mlp_data_free(data);
    assert_int_equal(record.live, 0);
}

static void generate_refuses_wrong_points(void **state)
{
    (void)state;
    static const struct {
        mlp_data_points points;
        const char *message;
    } cases[] = {
        {{(mlp_data_shape)5, 9, 0, 0}, "shape: expects"},
        {{(mlp_data_shape)-1, 9, 0, 0}, "shape: expects"},
        {{MLP_DATA_BLOBS, 2, 0, 0}, "rows: expects 3 to 2147483646, got 2"},
        {{MLP_DATA_XOR, 0, 0, 0}, "rows: expects 2 to"},
        {{MLP_DATA_XOR, SIZE_MAX, 0, 0}, "rows: expects 2 to"},
        {{MLP_DATA_XOR, 9, -0.1, 0}, "noise: expects"},
        {{MLP_DATA_XOR, 9, NAN, 0}, "noise: expects"},
        {{MLP_DATA_XOR, 9, INFINITY, 0}, "noise: expects"},
    };
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_data *data = NULL;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_told(&record, mlp_data_generate(&cases[i].points, &hooks, &data),
                    MLP_ERR_ARGUMENT, cases[i].message);
    }
    assert_told(&record, mlp_data_generate(NULL, &hooks, &data), MLP_ERR_NULL,
                "points is NULL");
    assert_null(data);
    assert_int_equal(record.live, 0);
}

static void generate_survives_a_lack_of_memory(void **state)
{
    (void)state;
    mlp_data_points points = {MLP_DATA_SPIRALS, 9, 0.1, 3};
    mlp_status status = MLP_ERR_MEMORY;
    for (size_t n = 1; status == MLP_ERR_MEMORY; n++) {
        hook_record record = {.fail_at = n};
        mlp_hooks hooks = recording_hooks(&record);
        mlp_data *data = NULL;
        status = mlp_data_generate(&points, &hooks, &data);
        assert_int_equal(record.messages, status == MLP_OK ? 0 : 1);
        assert_true((data != NULL) == (status == MLP_OK));
        mlp_data_free(data);
        assert_int_equal(record.live, 0);
    }
    assert_int_equal(status, MLP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generate_draws_what_scikit_learn_draws),
        cmocka_unit_test(generate_is_exact_where_digits_cancel),
        cmocka_unit_test(generate_refuses_wrong_points),
        cmocka_unit_test(generate_survives_a_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
