/* SPDX-License-Identifier: MIT */
/*
 * IDX, NPY and FANN's training data. The files, and what is in them, come from
 * NumPy: tests/vectors/data_arrays.py writes them.
 */
#include "support/support.h"

#include "mlp_data.h"

enum { MAX_LINE = 1 << 13 };

/* The bytes end at a page that must not be touched. */
static mlp_status load(const void *bytes, size_t size, hook_record *record,
                       mlp_data **data)
{
    mlp_hooks hooks = recording_hooks(record);
    char *copy = guarded_alloc(size);
    memcpy(copy, bytes, size);
    mlp_status status =
        mlp_data_load_memory(copy, size, "file", NULL, &hooks, data);
    guarded_free(copy);
    return status;
}

/* A line of data_arrays.txt. `values` is the text behind the bytes. */
typedef struct sample {
    char name[64], dtype[8];
    size_t rows, cols, size;
    unsigned char bytes[MAX_LINE / 2];
    char *values;
} sample;

/* Reads the next line. Returns false at the end. */
static bool next_sample(FILE *stream, char line[MAX_LINE], sample *s)
{
    char format[] = "%63s %zu %zu %7s %n";
    int used = 0;
    if (!fgets(line, MAX_LINE, stream)) {
        return false;
    }
    assert_int_equal(
        sscanf(line, format, s->name, &s->rows, &s->cols, s->dtype, &used), 4);
    char *hex = line + used;
    for (s->size = 0; hex[0] != ' '; hex += 2) {
        char digits[3] = {hex[0], hex[1], '\0'};
        s->bytes[s->size++] = (unsigned char)strtoul(digits, NULL, 16);
    }
    s->values = hex;
    return true;
}

static FILE *open_samples(void)
{
    FILE *stream = fopen(MLP_TEST_VECTORS "/data_arrays.txt", "r");
    assert_non_null(stream);
    return stream;
}

static void check_sample(const sample *s, const mlp_data *data)
{
    mlp_cview values = mlp_data_values(data);
    char *next = s->values;
    size_t n_empty = 0;
    if (values.rows != s->rows || values.cols != s->cols) {
        fail_msg("%s: got the shape (%zu, %zu)", s->name, values.rows,
                 values.cols);
    }
    assert_int_equal(values.dtype, s->dtype[0] == 'i'             ? MLP_I32
                                   : strcmp(s->dtype, "f32") == 0 ? MLP_F32
                                                                  : MLP_F64);
    for (size_t i = 0; i < s->rows; i++) {
        for (size_t j = 0; j < s->cols; j++) {
            double expected = strtod(next, &next);
            double x = mlp_cview_at(values, i, j);
            n_empty += isnan(x) ? 1 : 0;
            if (x != expected && !(isnan(x) && isnan(expected))) {
                fail_msg("%s: (%zu, %zu): expected %g, got %g", s->name, i, j,
                         expected, x);
            }
        }
    }
    for (size_t j = 0; j < s->cols; j++) {
        n_empty -= mlp_data_empty_cells(data, j);
    }
    assert_int_equal(n_empty, 0);
}

static void arrays_hold_what_numpy_wrote(void **state)
{
    (void)state;
    static char line[MAX_LINE];
    static sample s;
    size_t n = 0;
    FILE *stream = open_samples();
    for (; next_sample(stream, line, &s); n++) {
        hook_record record = {0};
        mlp_data *data = NULL;
        mlp_status status = load(s.bytes, s.size, &record, &data);
        if (status != MLP_OK) {
            fail_msg("%s: %s", s.name, record.message);
        }
        check_sample(&s, data);
        mlp_data_free(data);
        assert_int_equal(record.live, 0);
    }
    assert_int_equal(n, 22);
    (void)fclose(stream);
}

/* A file that is cut anywhere, or has a byte too many, gives one message. A cut
 * before the end of the mark is a CSV file, or none. */
static void arrays_that_are_cut_are_refused(void **state)
{
    (void)state;
    static char line[MAX_LINE];
    static sample s;
    FILE *stream = open_samples();
    while (next_sample(stream, line, &s)) {
        for (size_t size = 0; size <= s.size + 1; size++) {
            hook_record record = {0};
            mlp_data *data = NULL;
            mlp_status status = load(s.bytes, size, &record, &data);
            if ((status == MLP_OK) != (size == s.size)) {
                fail_msg("%s: %zu of %zu bytes: got %d", s.name, size, s.size,
                         (int)status);
            }
            assert_int_equal(record.messages, size != s.size);
            mlp_data_free(data);
            assert_int_equal(record.live, 0);
        }
    }
    (void)fclose(stream);
}

/* Loads bytes with the n-th allocation failing, for each n. */
static void check_lack_of_memory(const void *bytes, size_t size)
{
    mlp_status status = MLP_ERR_MEMORY;
    for (size_t n = 1; status == MLP_ERR_MEMORY; n++) {
        hook_record record = {.fail_at = n};
        mlp_data *data = NULL;
        status = load(bytes, size, &record, &data);
        assert_int_equal(record.messages, status == MLP_OK ? 0 : 1);
        assert_true((data != NULL) == (status == MLP_OK));
        mlp_data_free(data);
        assert_int_equal(record.live, 0);
    }
    assert_int_equal(status, MLP_OK);
}

static void arrays_survive_a_lack_of_memory(void **state)
{
    (void)state;
    static char line[MAX_LINE];
    static sample s;
    FILE *stream = open_samples();
    while (next_sample(stream, line, &s)) {
        check_lack_of_memory(s.bytes, s.size);
    }
    (void)fclose(stream);
    check_lack_of_memory("2 1 1\n1\n2\n3\n4\n", 14);
}

/* Makes the bytes of a NPY file of version 1 with one byte behind its header.
 * */
static size_t npy_bytes(const char *header, unsigned version,
                        unsigned char bytes[512])
{
    size_t n = strlen(header);
    memcpy(bytes, "\x93NUMPY", 6);
    bytes[6] = (unsigned char)version;
    bytes[7] = 0;
    bytes[8] = (unsigned char)n;
    bytes[9] = 0;
    memcpy(bytes + 10, header, n);
    bytes[10 + n] = 0;
    return 11 + n;
}

static void npy_headers_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *header, *message;
        mlp_status status;
        unsigned version;
    } cases[] = {
        {"{'descr': '<f2', 'fortran_order': False, 'shape': (1,), }",
         "expects elements f4, f8, i4, i8 or u1, got '<f2'",
         MLP_ERR_UNSUPPORTED, 1},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
         "expects elements f4, f8", MLP_ERR_UNSUPPORTED, 1},
        {"{'fortran_order': False, 'shape': (1,), }", "expects elements f4",
         MLP_ERR_UNSUPPORTED, 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }",
         "expects version 1, 2 or 3 of NPY, got 4", MLP_ERR_UNSUPPORTED, 4},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }",
         "expects version 1, 2 or 3 of NPY, got 0", MLP_ERR_UNSUPPORTED, 0},
        {"{'descr': '<f44', 'fortran_order': False, 'shape': (1,), }",
         "expects elements f4, f8, i4, i8 or u1, got '<f44'",
         MLP_ERR_UNSUPPORTED, 1},
        {"{'descr': '|u1', 'fortran_order': True, 'shape': (1, 1, 1), }",
         "expects at most 2 dimensions in Fortran's order, got 3",
         MLP_ERR_UNSUPPORTED, 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (), }",
         "cut or damaged", MLP_ERR_FORMAT, 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1", "cut or",
         MLP_ERR_FORMAT, 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (-1,), }",
         "cut or damaged", MLP_ERR_FORMAT, 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1.5,), }",
         "cut or damaged", MLP_ERR_FORMAT, 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1e30,), }",
         "cut or damaged", MLP_ERR_FORMAT, 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': 1, }",
         "cut or damaged", MLP_ERR_FORMAT, 1},
        {"{'descr': '|u1', 'shape': (1,), }", "cut or damaged", MLP_ERR_FORMAT,
         1},
        {"", "cut or damaged", MLP_ERR_FORMAT, 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (0,), }",
         "expects rows and columns, got the shape (0, 1)", MLP_ERR_FORMAT, 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1, 0, 5), }",
         "expects rows and columns, got the shape (1, 0)", MLP_ERR_FORMAT, 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }",
         "expects 2 x 1 elements of 1 byte after the header, got 1 byte",
         MLP_ERR_FORMAT, 1},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': "
         "(999999999999999999, 999), }",
         "elements of 8 bytes after the header, got 1", MLP_ERR_FORMAT, 1},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': "
         "(4000000000000000000,), }",
         "elements of 8 bytes after the header, got 1", MLP_ERR_FORMAT, 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': "
         "(1, 999999999999999999, 999999999999999999), }",
         "cut or damaged", MLP_ERR_FORMAT, 1},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1, 65537), }",
         "expects at most 65536 columns, got 65537", MLP_ERR_LIMIT, 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        hook_record record = {0};
        mlp_data *data = NULL;
        unsigned char bytes[512];
        size_t size = npy_bytes(cases[i].header, cases[i].version, bytes);
        assert_told(&record, load(bytes, size, &record, &data), cases[i].status,
                    cases[i].message);
        assert_null(data);
        assert_int_equal(record.live, 0);
    }
}

/* NumPy's own headers are far shorter. */
static void npy_headers_have_less_than_4096_bytes(void **state)
{
    (void)state;
    static const char words[] =
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }";
    for (size_t n = 4095; n <= 4096; n++) {
        hook_record record = {0};
        mlp_data *data = NULL;
        unsigned char bytes[10 + 4096 + 1] = "\x93NUMPY\1";
        bytes[8] = (unsigned char)(n & 0xff);
        bytes[9] = (unsigned char)(n >> 8);
        memset(bytes + 10, ' ', n);
        memcpy(bytes + 10, words, sizeof words - 1);
        bytes[10 + n] = 7;
        mlp_status status = load(bytes, 11 + n, &record, &data);
        if (n == 4095) {
            assert_int_equal(status, MLP_OK);
            assert_true(mlp_cview_at(mlp_data_values(data), 0, 0) == 7);
        } else {
            assert_int_equal(status, MLP_ERR_FORMAT);
            assert_non_null(strstr(record.message, "cut or damaged"));
            assert_null(data);
        }
        mlp_data_free(data);
        assert_int_equal(record.live, 0);
    }
}

/* Without the two zeros, or with an unknown type, the bytes are no IDX file. */
static void idx_headers_are_checked(void **state)
{
    (void)state;
    static const struct {
        unsigned char bytes[20];
        size_t size;
        const char *message;
    } cases[] = {
        {{0, 0, 8, 0}, 4, "expects an IDX header of 0 dimensions, got one"},
        {{0, 0, 8, 1, 0, 0, 1}, 7, "expects an IDX header of 1 dimension, got"},
        {{0,   0,   8,   4,   0,   0,   0,   1,   255, 255,
          255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
         20,
         "expects an IDX header of 4 dimensions, got one"},
        {{0, 0, 8, 1, 0, 0, 0, 0}, 8, "got the shape (0, 1)"},
        {{0, 1, 8, 1, 0, 0, 0, 1, 5}, 9, "expects text, got a byte that is 0"},
        {{1, 0, 8, 1, 0, 0, 0, 1, 5}, 9, "expects text, got a byte that is 0"},
        {{0, 0, 7, 1, 0, 0, 0, 1, 5}, 9, "expects text, got a byte that is 0"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        hook_record record = {0};
        mlp_data *data = NULL;
        assert_told(&record,
                    load(cases[i].bytes, cases[i].size, &record, &data),
                    MLP_ERR_FORMAT, cases[i].message);
        assert_null(data);
        assert_int_equal(record.live, 0);
    }
}

/* A class number beyond an int32: 2^40 as i8. */
static void npy_refuses_large_class_numbers(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data *data = NULL;
    unsigned char bytes[512];
    size_t size = npy_bytes(
        "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }", 1, bytes);
    memset(bytes + size - 1, 0, 8);
    bytes[size + 4] = 1;
    assert_told(&record, load(bytes, size + 7, &record, &data), MLP_ERR_LIMIT,
                "row 1: expects a class number, which is an int32, got "
                "1099511627776");
    assert_int_equal(record.live, 0);
}

/* xor.data, as it comes with FANN. */
static void fann_rows_become_x_and_y(void **state)
{
    (void)state;
    static const char text[] = "4 2 1\n-1 -1\n-1\n-1 1\n1\n1 -1\n1\n1 1\n-1\n";
    static const double values[] = {-1, -1, -1, -1, 1, 1, 1, -1, 1, 1, 1, -1};
    hook_record record = {0};
    mlp_data *data = NULL;
    assert_int_equal(load(text, strlen(text), &record, &data), MLP_OK);
    assert_int_equal(mlp_data_rows(data), 4);
    assert_string_equal(mlp_data_name(data, 0), "x1");
    assert_string_equal(mlp_data_name(data, 1), "x2");
    assert_string_equal(mlp_data_name(data, 2), "y1");
    for (size_t i = 0; i < COUNT(values); i++) {
        assert_true(mlp_cview_at(mlp_data_values(data), i / 3, i % 3) ==
                    values[i]);
    }
    mlp_data_free(data);
    assert_int_equal(record.live, 0);
}

static void fann_numbers_may_have_a_decimal_comma(void **state)
{
    (void)state;
    static const char text[] = "1 1 1\n0,5\n-1,25e1\n";
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_data *data = NULL;
    mlp_data_options options = mlp_data_defaults();
    options.decimal_comma = true;
    assert_int_equal(mlp_data_load_memory(text, sizeof text - 1, "file",
                                          &options, &hooks, &data),
                     MLP_OK);
    assert_true(mlp_cview_at(mlp_data_values(data), 0, 0) == 0.5);
    assert_true(mlp_cview_at(mlp_data_values(data), 0, 1) == -12.5);
    mlp_data_free(data);
    assert_int_equal(record.live, 0);
}

/* The first line has three counts and no more, and words follow. What differs
 * is a CSV file. */
static void fann_files_begin_with_three_counts(void **state)
{
    (void)state;
    static const char *const texts[] = {"1 1 1 1\n2\n3\n", "1 1\n2\n3\n",
                                        "1 1 x\n2\n3\n", "1 1 0.5\n2\n3\n"};
    hook_record record = {0};
    mlp_data *data = NULL;
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_int_equal(load(texts[i], strlen(texts[i]), &record, &data),
                         MLP_OK);
        assert_int_equal(mlp_data_cols(data), 1);
        assert_int_equal(mlp_data_rows(data), 2);
        assert_int_equal(mlp_data_separator(data), ',');
        mlp_data_free(data);
    }
    data = NULL;
    assert_told(&record, load("1 1 1\n \n", 8, &record, &data), MLP_ERR_FORMAT,
                "expects rows after the names");
    assert_told(&record, load("1 1 1", 5, &record, &data), MLP_ERR_FORMAT,
                "expects rows after the names");
    assert_null(data);
    assert_int_equal(record.live, 0);
}

static void fann_errors_name_the_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"1 1 1\n1\nabc\n", "file:3: expects a number, got \"abc\""},
        {"1 1 1\n\n1\n", "file:4: expects a number, got \"the end\""},
        {"1 1 1\n1\n2\n3\n", "file:4: expects the end of the file, got \"3\""},
        {"1 1 1\n1\n1e999\n", "file:3: expects a number, got \"1e999\""},
        {"0 1 1\n1\n", "file:1: expects 0 x (1 + 1) numbers, of inputs and"},
        {"1 0 1\n1\n", "file:1: expects 1 x (0 + 1) numbers"},
        {"1 1 0\n1\n", "file:1: expects 1 x (1 + 0) numbers"},
        {"9 9 9\n1\n", "got a file that is too short"},
        {"999999999999999999 999999999999999999 1\n1\n", "too short"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        hook_record record = {0};
        mlp_data *data = NULL;
        assert_told(&record,
                    load(cases[i].text, strlen(cases[i].text), &record, &data),
                    MLP_ERR_FORMAT, cases[i].message);
        assert_null(data);
        assert_int_equal(record.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_hold_what_numpy_wrote),
        cmocka_unit_test(arrays_that_are_cut_are_refused),
        cmocka_unit_test(arrays_survive_a_lack_of_memory),
        cmocka_unit_test(npy_headers_are_checked),
        cmocka_unit_test(npy_headers_have_less_than_4096_bytes),
        cmocka_unit_test(idx_headers_are_checked),
        cmocka_unit_test(npy_refuses_large_class_numbers),
        cmocka_unit_test(fann_rows_become_x_and_y),
        cmocka_unit_test(fann_numbers_may_have_a_decimal_comma),
        cmocka_unit_test(fann_files_begin_with_three_counts),
        cmocka_unit_test(fann_errors_name_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
