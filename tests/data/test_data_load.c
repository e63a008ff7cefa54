/* SPDX-License-Identifier: MIT */
/*
 * What the options of loading do for tables of every kind: targets from a
 * second file, columns that are ignored, categories of numbers, and texts that
 * are kept.
 */
#include "support/support.h"

#include "mlp_data.h"

/* IDX files hold two images of 2 x 1 pixels, and their labels 11 and 2. */
static const char images[] = "\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\001abcd";
static const char labels[] = "\0\0\x08\x01\0\0\0\x02\x0b\x02";

static void write_file(const char *name, const void *bytes, size_t size)
{
    FILE *stream = fopen(name, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

static mlp_status load(const void *text, size_t size,
                       const mlp_data_options *options, hook_record *record,
                       mlp_data **data)
{
    mlp_hooks hooks = recording_hooks(record);
    char *copy = guarded_alloc(size);
    memcpy(copy, text, size);
    mlp_status status =
        mlp_data_load_memory(copy, size, "t", options, &hooks, data);
    guarded_free(copy);
    return status;
}

static mlp_data *loaded(const void *text, size_t size,
                        const mlp_data_options *options, hook_record *record)
{
    mlp_data *data = NULL;
    if (load(text, size, options, record, &data) != MLP_OK) {
        fail_msg("%s", record->message);
    }
    return data;
}

static mlp_data *loaded_text(const char *text, const mlp_data_options *options,
                             hook_record *record)
{
    return loaded(text, strlen(text), options, record);
}

static double at(const mlp_data *data, size_t i, size_t j)
{
    return mlp_cview_at(mlp_data_values(data), i, j);
}

static void end(mlp_data *data, const hook_record *record)
{
    mlp_data_free(data);
    assert_int_equal(record->live, 0);
}

/* ---------------------------------------------------------------------------
 * Targets
 */

/* The labels 11 and 2 are the classes "2" and "11", in the order of the numbers
 * and not of strcmp. */
static void targets_of_images_become_classes(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data_options options = mlp_data_defaults();
    options.targets = "data_load_labels.idx";
    write_file(options.targets, labels, sizeof labels - 1);
    mlp_data *data = loaded(images, sizeof images - 1, &options, &record);
    assert_int_equal(mlp_data_cols(data), 3);
    assert_int_equal(mlp_data_rows(data), 2);
    assert_int_equal(mlp_data_values(data).dtype, MLP_F32);
    assert_string_equal(mlp_data_name(data, 2), "target");
    assert_int_equal(mlp_data_kind_of(data, 2), MLP_DATA_CATEGORY);
    assert_int_equal(mlp_data_n_categories(data, 2), 2);
    assert_string_equal(mlp_data_category(data, 2, 0), "2");
    assert_string_equal(mlp_data_category(data, 2, 1), "11");
    static const double expected[] = {'a', 'b', 1, 'c', 'd', 0};
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_true(at(data, i / 3, i % 3) == expected[i]);
    }
    mlp_data_recipe *recipe = NULL;
    int32_t Y[2];
    assert_int_equal(mlp_data_recipe_make(data, "target", NULL, 0, &recipe),
                     MLP_OK);
    assert_int_equal(mlp_data_recipe_inputs(recipe), 2);
    assert_int_equal(
        mlp_data_recipe_encode_target(recipe, data, mlp_view_i32(Y, 2, 1)),
        MLP_OK);
    assert_true(Y[0] == 1 && Y[1] == 0);
    mlp_data_recipe_free(recipe);
    end(data, &record);
}

/* Words are classes, numbers are numbers unless the options say otherwise, and
 * whole numbers in one dimension are inputs if targets join them. */
static void targets_may_be_a_table_of_any_kind(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data_options options = mlp_data_defaults();
    const char *const names[] = {"target"};
    options.targets = "data_load_words.csv";
    write_file(options.targets, "v\nq\np\n", 6);
    mlp_data *data = loaded_text("a,b\n1,x\n2,y\n", &options, &record);
    assert_string_equal(mlp_data_category(data, 2, 1), "q");
    assert_true(at(data, 0, 2) == 1 && at(data, 1, 2) == 0);
    assert_true(at(data, 1, 0) == 2 && at(data, 1, 1) == 1);
    end(data, &record);

    options.targets = "data_load_numbers.csv";
    write_file(options.targets, "v\n-1\n\"\"\n", 8);
    data = loaded(labels, sizeof labels - 1, &options, &record);
    assert_int_equal(mlp_data_kind_of(data, 1), MLP_DATA_NUMBER);
    assert_int_equal(mlp_data_empty_cells(data, 1), 1);
    assert_true(at(data, 0, 0) == 11 && at(data, 0, 1) == -1);
    assert_true(isnan(at(data, 1, 1)));
    end(data, &record);

    options.categories = names;
    options.n_categories = 1;
    data = loaded(labels, sizeof labels - 1, &options, &record);
    assert_int_equal(mlp_data_kind_of(data, 1), MLP_DATA_CATEGORY);
    assert_string_equal(mlp_data_category(data, 1, 0), "-1");
    assert_true(at(data, 0, 1) == 0 && isnan(at(data, 1, 1)));
    end(data, &record);
}

static void targets_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *targets, *message;
        mlp_status status;
    } cases[] = {
        {"v\n1\n",
         "f.csv: expects 2 x 1 cells, a target for each row of t, got 1 x 1",
         MLP_ERR_FORMAT},
        {"v,w\n1,2\n3,4\n", "a target for each row of t, got 2 x 2",
         MLP_ERR_FORMAT},
        {"v\n", "f.csv:2: expects rows", MLP_ERR_FORMAT},
        {NULL, "none.csv: cannot open it: No such file or directory",
         MLP_ERR_IO},
    };
    mlp_data_options options = mlp_data_defaults();
    for (size_t i = 0; i < COUNT(cases); i++) {
        hook_record record = {0};
        mlp_data *data = NULL;
        options.targets = "none.csv";
        if (cases[i].targets) {
            options.targets = "data_load_f.csv";
            write_file(options.targets, cases[i].targets,
                       strlen(cases[i].targets));
        }
        assert_told(&record, load("a\n1\n2\n", 6, &options, &record, &data),
                    cases[i].status, cases[i].message);
        assert_null(data);
        assert_int_equal(record.live, 0);
    }
    hook_record record = {0};
    mlp_data *data = NULL;
    assert_told(&record, load("target\n1\n", 9, &options, &record, &data),
                MLP_ERR_FORMAT, "expects a name of its own, got \"target\"");
}

/* ---------------------------------------------------------------------------
 * Columns that the options name
 */

/* The ignored columns hold bytes that are no UTF-8, a mistake, and a word for
 * each row. */
static void ignored_columns_may_hold_anything(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data_options options = mlp_data_defaults();
    const char *const names[] = {"id", "b"};
    const char *text = "id,a,b,y\n\xff,1,1,u\nk,2,x,v\n7,3,1,u\n";
    options.ignored = names;
    options.n_ignored = 2;
    mlp_data *data = loaded_text(text, &options, &record);
    assert_int_equal(mlp_data_kind_of(data, 0), MLP_DATA_NUMBER);
    assert_int_equal(mlp_data_empty_cells(data, 0), 2);
    assert_true(at(data, 2, 0) == 7 && isnan(at(data, 0, 0)));
    mlp_data_recipe *recipe = NULL;
    assert_int_equal(mlp_data_recipe_make(data, "y", NULL, 0, &recipe), MLP_OK);
    assert_int_equal(mlp_data_recipe_columns(recipe), 2);
    assert_string_equal(mlp_data_recipe_column(recipe, 1)->name, "a");
    mlp_data_free(data);

    /* A recipe ignores what it does not know. */
    options = mlp_data_defaults();
    options.recipe = recipe;
    options.ignored = (const char *const[]){"y"}; /* need not be there */
    options.n_ignored = 1;
    data = loaded_text("x,a\n\xff,1\n2,5\n", &options, &record);
    assert_int_equal(mlp_data_n_categories(data, 0), 0);
    assert_true(at(data, 1, 1) == 5);
    mlp_data_free(data);
    mlp_data_recipe_free(recipe);

    options = mlp_data_defaults();
    options.n_ignored = 1;
    data = NULL;
    assert_told(&record, load("a\n1\n", 4, &options, &record, &data),
                MLP_ERR_NULL, "ignored is NULL");
    options.ignored = names;
    assert_told(&record, load("a\n1\n", 4, &options, &record, &data),
                MLP_ERR_ARGUMENT, "t: there is no column \"id\"");
    assert_null(data);
    assert_int_equal(record.live, 0);
}

static void numbers_of_arrays_become_categories(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data_options options = mlp_data_defaults();
    const char *const names[] = {"y1"};
    options.categories = names;
    options.n_categories = 1;
    mlp_data *data =
        loaded_text("3 1 1\n0.5\n10\n1\n-2\n0\n10\n", &options, &record);
    assert_int_equal(mlp_data_kind_of(data, 1), MLP_DATA_CATEGORY);
    assert_string_equal(mlp_data_category(data, 1, 0), "-2");
    assert_string_equal(mlp_data_category(data, 1, 1), "10");
    assert_true(at(data, 0, 1) == 1 && at(data, 1, 1) == 0);
    assert_true(at(data, 0, 0) == 0.5);
    end(data, &record);
    data = NULL;
    assert_told(&record,
                load("2 1 1\n1\n2\n3\n0.5\n", 16, &options, &record, &data),
                MLP_ERR_FORMAT,
                "t: row 2, column 2 (y1): expects a class number, got 0.5");
    assert_told(&record,
                load("2 1 1\n1\n2\n3\n1e300\n", 18, &options, &record, &data),
                MLP_ERR_FORMAT, "expects a class number, got 1e+300");
    assert_null(data);
    assert_int_equal(record.live, 0);
}

/* The name of a file cannot begin a line of its own in the log, or send escape
 * sequences to the terminal that shows it. */
static void names_stay_in_one_line(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_data *data = NULL;
    assert_told(
        &record,
        mlp_data_load_memory("a,b\n1\n", 6, "x\ny\033[2J", NULL, &hooks, &data),
        MLP_ERR_FORMAT, "x?y?[2J:2: expects");
    assert_null(data);
    assert_int_equal(record.live, 0);
}

/* ---------------------------------------------------------------------------
 * Texts that are kept
 */

static void check_record(const mlp_data *data, size_t row, const char *text)
{
    size_t size = 0;
    const char *record = mlp_data_record(data, row, &size);
    if (!record || size != strlen(text) || memcmp(record, text, size) != 0) {
        fail_msg("row %zu: expected %s", row, text);
    }
}

static void records_are_what_stands_in_the_file(void **state)
{
    (void)state;
    hook_record record = {0};
    size_t size = 0;
    mlp_data_options options = mlp_data_defaults();
    options.keep_text = true;
    mlp_data *data = loaded_text("\xef\xbb\xbf\n n;\"t\"\r\n1 ; \"a\n\"\"\"\r\n"
                                 "\r\n\n ;2\n3;",
                                 &options, &record);
    assert_int_equal(mlp_data_rows(data), 3);
    assert_int_equal(mlp_data_separator(data), ';');
    check_record(data, MLP_DATA_NAMES, " n;\"t\"");
    check_record(data, 0, "1 ; \"a\n\"\"\"");
    check_record(data, 1, " ;2");
    check_record(data, 2, "3;");
    assert_int_equal(mlp_data_line(data, 0), 3);
    assert_int_equal(mlp_data_line(data, 1), 7);
    assert_int_equal(mlp_data_line(data, 3), 0);
    assert_null(mlp_data_record(data, 3, &size));
    assert_null(mlp_data_record(data, 0, NULL));
    end(data, &record);

    data = loaded_text("1,2\n3,4\n", &options, &record);
    assert_null(mlp_data_record(data, MLP_DATA_NAMES, &size));
    check_record(data, 1, "3,4");
    end(data, &record);

    data = loaded(images, sizeof images - 1, &options, &record);
    assert_null(mlp_data_record(data, 0, &size));
    assert_int_equal(mlp_data_line(data, 0), 0);
    assert_int_equal(mlp_data_separator(data), '\0');
    end(data, &record);

    options.keep_text = false;
    data = loaded_text("a\n1\n", &options, &record);
    assert_null(mlp_data_record(data, 0, &size));
    assert_int_equal(mlp_data_line(data, 0), 2);
    end(data, &record);
}

/* A table of names alone is an error, but not for new rows. */
static void new_rows_may_be_none(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data_options options = mlp_data_defaults();
    mlp_data *data = loaded_text("a,y\n1,p\n2,q\n", NULL, &record);
    mlp_data_recipe *recipe = NULL;
    assert_int_equal(mlp_data_recipe_make(data, "y", NULL, 0, &recipe), MLP_OK);
    mlp_data_free(data);
    options.recipe = recipe;
    options.keep_text = true;
    data = loaded_text("a,b\n", &options, &record);
    assert_int_equal(mlp_data_rows(data), 0);
    check_record(data, MLP_DATA_NAMES, "a,b");
    assert_int_equal(
        mlp_data_recipe_encode(recipe, data, mlp_view_f64(NULL, 0, 1)), MLP_OK);
    mlp_data_recipe_free(recipe);
    end(data, &record);
}

/* The standard input is read from where it stands. */
static void a_dash_is_the_standard_input(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_data *data = NULL;
    static char text[200000] = "skip\na,b\n";
    for (size_t i = 9; i < sizeof text; i += 4) {
        memcpy(text + i, "1,2\n", sizeof text - i < 4 ? sizeof text - i : 4);
    }
    write_file("data_load_input.csv", text, sizeof text);
    FILE *input = freopen("data_load_input.csv", "rb", stdin);
    assert_non_null(input);
    assert_int_equal(fread(text, 1, 5, stdin), 5);
    assert_int_equal(mlp_data_load("-", NULL, &hooks, &data), MLP_OK);
    assert_string_equal(mlp_data_name(data, 0), "a");
    assert_int_equal(mlp_data_rows(data), (sizeof text - 9) / 4 + 1);
    end(data, &record);
}

/* Every allocation fails once, with all options in use. */
static void options_survive_a_lack_of_memory(void **state)
{
    (void)state;
    const char *const names[] = {"target"};
    const char *const ignored[] = {"b"};
    mlp_data_options options = mlp_data_defaults();
    options.categories = names, options.n_categories = 1;
    options.ignored = ignored, options.n_ignored = 1;
    options.keep_text = true;
    options.targets = "data_load_memory.csv";
    write_file(options.targets, "v\n1\n0\n", 6);
    mlp_status status = MLP_ERR_MEMORY;
    for (size_t n = 1; status == MLP_ERR_MEMORY; n++) {
        hook_record record = {.fail_at = n};
        mlp_data *data = NULL;
        status = load("a,b\nx,1\ny,2\n", 12, &options, &record, &data);
        assert_int_equal(record.messages, status == MLP_OK ? 0 : 1);
        assert_true((data != NULL) == (status == MLP_OK));
        end(data, &record);
    }
    assert_int_equal(status, MLP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_of_images_become_classes),
        cmocka_unit_test(targets_may_be_a_table_of_any_kind),
        cmocka_unit_test(targets_that_do_not_fit_are_refused),
        cmocka_unit_test(ignored_columns_may_hold_anything),
        cmocka_unit_test(numbers_of_arrays_become_categories),
        cmocka_unit_test(names_stay_in_one_line),
        cmocka_unit_test(records_are_what_stands_in_the_file),
        cmocka_unit_test(new_rows_may_be_none),
        cmocka_unit_test(a_dash_is_the_standard_input),
        cmocka_unit_test(options_survive_a_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
