/* SPDX-License-Identifier: MIT */
/*
 * CSV files: what each part of the grammar means, and that each of more than 60
 * malformed tables gives a status and one message with the place.
 */
#include "support/support.h"

#include <sys/stat.h>

#include "support/packed.h"
#include "mlp_data.h"

/* The name "t.csv" stands for a path. */
static mlp_status load(const char *text, size_t size,
                       const mlp_data_options *options, hook_record *record,
                       mlp_data **data)
{
    mlp_hooks hooks = recording_hooks(record);
    /* A read past the end of the text faults. */
    char *copy = guarded_alloc(size);
    if (size > 0) {
        memcpy(copy, text, size);
    }
    mlp_status status =
        mlp_data_load_memory(copy, size, "t.csv", options, &hooks, data);
    guarded_free(copy);
    return status;
}

static mlp_data *loaded(const char *text, const mlp_data_options *options,
                        hook_record *record)
{
    mlp_data *data = NULL;
    mlp_status status = load(text, strlen(text), options, record, &data);
    if (status != MLP_OK) {
        fail_msg("%s: %s", text, record->message);
    }
    return data;
}

static void end(mlp_data *data, const hook_record *record)
{
    mlp_data_free(data);
    assert_int_equal(record->live, 0);
}

static double at(const mlp_data *data, size_t i, size_t j)
{
    return mlp_cview_at(mlp_data_values(data), i, j);
}

#define NINE_ROWS "1\n2\n3\n4\n5\n6\n7\n8\n9\n"
#define NINE_ROWS_OF_TWO "1;1\n2;1\n3;1\n4;1\n5;1\n6;1\n7;1\n8;1\n9;1\n"

/* Fails for more than 10 MB. */
static void *allocate_little(size_t bytes, void *user)
{
    return bytes <= 10000000 ? record_allocate(bytes, user) : NULL;
}

/* ---------------------------------------------------------------------------
 * What is read
 */

static void csv_reads_names_numbers_and_categories(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data *data =
        loaded("a,colour,b\n1,red,2.5\n-3e1,blue,\n.5,red,NA\n", NULL, &record);
    assert_int_equal(mlp_data_rows(data), 3);
    assert_int_equal(mlp_data_cols(data), 3);
    assert_string_equal(mlp_data_name(data, 1), "colour");
    assert_null(mlp_data_name(data, 3));
    assert_int_equal(mlp_data_find(data, "b"), 2);
    assert_true(mlp_data_find(data, "c") == SIZE_MAX);
    assert_int_equal(mlp_data_kind_of(data, 0), MLP_DATA_NUMBER);
    assert_int_equal(mlp_data_kind_of(data, 1), MLP_DATA_CATEGORY);
    assert_int_equal(mlp_data_n_categories(data, 1), 2);
    assert_string_equal(mlp_data_category(data, 1, 0), "blue");
    assert_string_equal(mlp_data_category(data, 1, 1), "red");
    assert_null(mlp_data_category(data, 1, 2));
    assert_true(at(data, 0, 0) == 1 && at(data, 1, 0) == -30);
    assert_true(at(data, 2, 0) == 0.5 && at(data, 0, 2) == 2.5);
    assert_true(at(data, 0, 1) == 1 && at(data, 1, 1) == 0);
    assert_int_equal(mlp_data_empty_cells(data, 2), 2);
    assert_true(isnan(at(data, 1, 2)) && isnan(at(data, 2, 2)));
    end(data, &record);
}

/* Each text means the same table: x = 1, 2 and y = "p", "q". */
static void csv_reads_the_same_table_in_many_forms(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "x,y\n1,p\n2,q\n",
        "x,y\r\n1,p\r\n2,q",
        "\xef\xbb\xbfx,y\n1,p\n2,q\n",
        "x;y\n1;p\n2;q\n",
        "x\ty\n1\tp\n2\tq\n",
        "x|y\n1|p\n2|q\n",
        "\"x\",\"y\"\n\"1\",\"p\"\n\"2\",\"q\"\n",
        "\"x\",\"y\"\n\"1\",\"p\"\n\"2\",\"q\"",
        "\n\n  \nx,y\n\n1,p\n \t\n2,q\n\n",
        " x , y \n 1 , p \n +2.0 ,q\n",
        "x;y\n1;p\n0.2e1;q",
        "\"x\" , \"y\"\r\n1e0,\"p\"\r\n2,\"q\" \r\n\r\n",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        hook_record record = {0};
        mlp_data *data = loaded(texts[i], NULL, &record);
        assert_int_equal(mlp_data_rows(data), 2);
        assert_string_equal(mlp_data_name(data, 0), "x");
        assert_string_equal(mlp_data_name(data, 1), "y");
        assert_true(at(data, 0, 0) == 1 && at(data, 1, 0) == 2);
        assert_string_equal(mlp_data_category(data, 1, 0), "p");
        assert_true(at(data, 0, 1) == 0 && at(data, 1, 1) == 1);
        end(data, &record);
    }
}

static void csv_reads_quotes(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data *data = loaded("t,n\n\"a,b\",1\n\"say \"\"hi\"\"\",2\n"
                            "\"two\nlines\",3\n5\" disk,4\n\"NA\",5\n\"\",6\n",
                            NULL, &record);
    static const char *const texts[] = {"5\" disk", "NA", "a,b", "say \"hi\"",
                                        "two\nlines"};
    static const double numbers[] = {2, 3, 4, 0, 1};
    assert_int_equal(mlp_data_rows(data), 6);
    assert_int_equal(mlp_data_n_categories(data, 0), COUNT(texts));
    for (size_t k = 0; k < COUNT(texts); k++) {
        assert_string_equal(mlp_data_category(data, 0, k), texts[k]);
        assert_true(at(data, k, 0) == numbers[k]);
    }
    assert_int_equal(mlp_data_empty_cells(data, 0), 1);
    end(data, &record);
}

/* Of each length the first and the last character, and those around what is
 * left out. */
static void csv_reads_all_of_utf8(void **state)
{
    (void)state;
    static const char *const texts[] = {"~",
                                        "\xc2\x80",
                                        "\xdf\xbf",
                                        "\xe0\xa0\x80",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "\xef\xbf\xbf",
                                        "\xf0\x90\x80\x80",
                                        "\xf3\xbf\xbf\xbf",
                                        "\xf4\x8f\xbf\xbf"};
    hook_record record = {0};
    char text[256] = "t\n";
    for (size_t k = 0; k < COUNT(texts); k++) {
        append(text, sizeof text, texts[k]);
        append(text, sizeof text, "\n");
    }
    mlp_data *data = loaded(text, NULL, &record);
    assert_int_equal(mlp_data_n_categories(data, 0), COUNT(texts));
    for (size_t k = 0; k < COUNT(texts); k++) {
        assert_string_equal(mlp_data_category(data, 0, k), texts[k]);
        assert_true(at(data, k, 0) == (double)k);
    }
    end(data, &record);
}

/* Separators in quotes do not count, and quotes inside of text open nothing. */
static void csv_finds_the_separator_beside_quotes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        char separator;
    } cases[] = {
        {"5\" disk;y\n1;2\n", ';'}, {"\"a\"\"b;c\",y\n1,2\n", ','},
        {"x, \"a;b\"\n1,2\n", ','}, {"\"p\tq\";y\n1;2\n", ';'},
        {"x|z,y\n1,2\n", ','},      {"\"\";\"y\ty\"\n1;2\n", ';'},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        hook_record record = {0};
        mlp_data *data = NULL;
        mlp_status status =
            load(cases[i].text, strlen(cases[i].text), NULL, &record, &data);
        if (status != MLP_OK ||
            mlp_data_separator(data) != cases[i].separator ||
            mlp_data_cols(data) != 2) {
            fail_msg("%s: %s", cases[i].text, record.message);
        }
        end(data, &record);
    }
}

static void csv_finds_out_or_is_told_whether_there_is_a_header(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data *data = loaded("1,a\n2,b\n", NULL, &record);
    assert_int_equal(mlp_data_rows(data), 2);
    assert_string_equal(mlp_data_name(data, 1), "c2");
    end(data, &record);
    mlp_data_options options = mlp_data_defaults();
    options.header = MLP_DATA_HEADER_YES;
    data = loaded("1990,1991\n2,3\n", &options, &record);
    assert_int_equal(mlp_data_rows(data), 1);
    assert_string_equal(mlp_data_name(data, 0), "1990");
    end(data, &record);
    options.header = MLP_DATA_HEADER_NO;
    data = loaded("x,y\nx,z\n", &options, &record);
    assert_int_equal(mlp_data_rows(data), 2);
    assert_int_equal(mlp_data_n_categories(data, 1), 2);
    end(data, &record);
    data = loaded(",x\n1,2\n", NULL, &record);
    assert_string_equal(mlp_data_name(data, 0), "c1");
    end(data, &record);
}

static void csv_obeys_the_options(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data_options options = mlp_data_defaults();
    const char *const names[] = {"class"};
    options.decimal_comma = true;
    options.categories = names;
    options.n_categories = 1;
    mlp_data *data =
        loaded("x|class\n1,5|10\n-,25e1|9\n3|10\n", &options, &record);
    assert_true(at(data, 0, 0) == 1.5 && at(data, 1, 0) == -2.5);
    assert_int_equal(mlp_data_n_categories(data, 1), 2);
    assert_string_equal(mlp_data_category(data, 1, 0), "9");
    assert_true(at(data, 0, 1) == 1 && at(data, 1, 1) == 0);
    end(data, &record);
    options.n_categories = 0;
    const char *text = "x;y\n" NINE_ROWS_OF_TWO "1.5;2\n";
    assert_told(&record, load(text, strlen(text), &options, &record, &data),
                MLP_ERR_FORMAT,
                "t.csv:11: column 1 (x): expects a number, got \"1.5\"");
}

/* A comma that is the decimal point separates no cells. */
static void csv_reads_decimal_commas_without_a_separator(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data_options options = mlp_data_defaults();
    options.decimal_comma = true;
    mlp_data *data = loaded("x\n1,5\n2,\n", &options, &record);
    assert_int_equal(mlp_data_cols(data), 1);
    assert_true(at(data, 0, 0) == 1.5 && at(data, 1, 0) == 2);
    end(data, &record);
    data = loaded("x,y\n1,5\n", &options, &record);
    assert_int_equal(mlp_data_cols(data), 1);
    assert_string_equal(mlp_data_name(data, 0), "x,y");
    end(data, &record);
    data = loaded("x;y\n1,5;,5\n", &options, &record);
    assert_true(at(data, 0, 0) == 1.5 && at(data, 0, 1) == 0.5);
    end(data, &record);
}

/* Memory is taken for as many cells as the file has bytes, not for a row of
 * 10,000 cells at each of 10,000 blank lines. */
static void csv_with_many_columns_and_blank_lines_stays_small(void **state)
{
    (void)state;
    enum { N = 10000 };
    static char text[2 * N];
    hook_record record = {0};
    mlp_data *data = NULL;
    memset(text, ',', N);
    memset(text + N, '\n', N);
    mlp_hooks hooks = recording_hooks(&record);
    hooks.allocate = allocate_little;
    assert_told(
        &record,
        mlp_data_load_memory(text, sizeof text, "t", NULL, &hooks, &data),
        MLP_ERR_FORMAT, "expects rows");
    assert_int_equal(record.live, 0);
}

/* The order of categories is that of the numbers that they are, then strcmp's.
 * Equal numbers that are written differently stay different categories. */
static void csv_sorts_categories_by_number_and_then_by_text(void **state)
{
    (void)state;
    hook_record record = {0};
    static const char *const texts[] = {"-1", "1", "1.0", "9",
                                        "10", "B", "a",   "a1"};
    mlp_data *data = loaded("t\na\n10\n9\na1\n1.0\nB\n1\n-1\n", NULL, &record);
    for (size_t k = 0; k < COUNT(texts); k++) {
        assert_string_equal(mlp_data_category(data, 0, k), texts[k]);
    }
    assert_true(at(data, 0, 0) == 6 && at(data, 1, 0) == 4);
    end(data, &record);
}

/* A column with a few numbers among its words holds categories. */
static void csv_takes_mixed_columns_for_categories(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data *data = loaded("t\n1\nA5\n2\n1e400\n2.0\n", NULL, &record);
    assert_int_equal(mlp_data_kind_of(data, 0), MLP_DATA_CATEGORY);
    assert_int_equal(mlp_data_n_categories(data, 0), 5);
    end(data, &record);
}

static void csv_numbers_many_categories_right(void **state)
{
    (void)state;
    enum { N = 5000 };
    static char text[N * 16];
    hook_record record = {0};
    size_t used = (size_t)snprintf(text, sizeof text, "t\n");
    for (unsigned i = 0; i < N; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "k%04u\n",
                                 i * 7919U % N);
    }
    mlp_data *data = loaded(text, NULL, &record);
    assert_int_equal(mlp_data_n_categories(data, 0), N);
    for (unsigned i = 0; i < N; i++) {
        assert_true(at(data, i, 0) == i * 7919U % N);
    }
    end(data, &record);
}

/* ---------------------------------------------------------------------------
 * What is refused
 */

#define FORTY "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd"

/* 48 bytes, each of which goes on with a character that has not begun. */
#define EIGHT "\x80\x80\x80\x80\x80\x80\x80\x80"
#define BYTES_OF_NO_TEXT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT

/* Each row: the text, what the message contains, and the status, which is
 * MLP_ERR_FORMAT unless another one stands there. */
static const struct malformed {
    const char *text, *message;
    size_t size; /* 0: strlen(text) */
    mlp_status status;
} malformed[] = {
    {"", "t.csv:1: expects a table, got an empty file"},
    {"\n", "t.csv:1: expects a table, got an empty file"},
    {"\r\n\r\n", "t.csv:1: expects a table, got an empty file"},
    {"  \t \n", "t.csv:1: expects a table, got an empty file"},
    {"\xef\xbb\xbf", "t.csv:1: expects a table, got an empty file"},
    {"\xef\xbb\xbf\n\n", "t.csv:1: expects a table"},
    {"a,b\n", "t.csv:2: expects rows after the names"},
    {"a,b", "t.csv:1: expects rows after the names"},
    {"a,b\n\n\n", "expects rows after the names"},
    {"\"a\nb\",c\n", "t.csv:3: expects rows after the names"},
    {"a,b\n1\n", "t.csv:2: expects 2 cells, got 1"},
    {"a,b\n1,2,3\n", "t.csv:2: expects 2 cells, got 3"},
    {"a,b\n1,2\n3,4,5,6\n", "t.csv:3: expects 2 cells, got 4"},
    {"a,b\n1,2\n\n3\n", "t.csv:4: expects 2 cells, got 1"},
    {"a,b\n1,2,\n", "t.csv:2: expects 2 cells, got 3"},
    {"a,b\n1,2,\"3\n", "t.csv:2: expects a closing quote"},
    {"a\n1,2\n", "t.csv:2: expects 1 cell, got 2"},
    {"a,b\n\"1\n2\",3\n4\n", "t.csv:4: expects 2 cells, got 1"},
    {"a;b\n1,5\n", "t.csv:2: expects 2 cells, got 1"},
    {"a\tb\n1,2\n", "t.csv:2: expects 2 cells, got 1"},
    {"1,2\n3\n", "t.csv:2: expects 2 cells, got 1"},
    {"a,b\r\n1,2\r\n3\r\n", "t.csv:3: expects 2 cells, got 1"},
    {"a,b\n1,\"2\n", "t.csv:2: expects a closing quote, got \"\"2?\""},
    {"\"a,b\n1,2\n", "t.csv:1: expects a closing quote"},
    {"a,b\n1,\"\n", "t.csv:2: expects a closing quote"},
    {"a,b\n1,\"", "t.csv:2: expects a closing quote, got \"\"\""},
    {"a,b\n1,\"2\"\"\n", "t.csv:2: expects a closing quote"},
    {"a,b\n\"x\ny\nz,2\n", "t.csv:2: expects a closing quote"},
    {"a,b\n\"x\"y,2\n", "t.csv:2: expects a separator after the closing quote"},
    {"a,b\n1,\"x\" \"y\"\n", "t.csv:2: expects a separator after the closing"},
    {"\"a\"b\n1\n", "t.csv:1: expects a separator after the closing quote"},
    {"a,b\n\"x\ny\"z,2\n", "t.csv:3: expects a separator after the closing"},
    {"a,b\n\"1\"\r2\n", "t.csv:2: expects a separator after the closing"},
    {"a\r1\r2\r", "t.csv:1: expects lines that end with LF or CRLF"},
    {"a,b\n1,2\r3,4\n", "t.csv:2: expects lines that end with LF or CRLF"},
    {"a,b\n1\r,2\n", "t.csv:2: expects lines that end with LF or CRLF"},
    {"a,b\n1,2\r", "t.csv:2: expects lines that end with LF or CRLF"},
    {"a,a\n1,2\n", "t.csv:1: column 2: expects a name of its own, got \"a\", "
                   "which is that of column 1"},
    {"a,b,\"a\"\n1,2,3\n", "t.csv:1: column 3: expects a name of its own"},
    {"c2,,\n1,2,3\n", "t.csv:1: column 2: expects a name of its own"},
    {"\n\na, a\n1,2\n", "t.csv:3: column 2: expects a name of its own"},
    {"a,b\n1,\0\n", "t.csv:2: expects text, got a byte that is 0", 8},
    {"\0", "t.csv:1: expects text, got a byte that is 0", 1},
    {"a\n1\n\"\0\"\n", "t.csv:3: expects text, got a byte that is 0", 8},
    {"a\0,\0b\0\n\0", "t.csv:1: expects text, got a byte that is 0", 8},
    {"\xff\xfe"
     "a\0,\0b\0\n\0",
     "t.csv:1: expects text in UTF-8, got UTF-16", 10, MLP_ERR_UNSUPPORTED},
    {"\xfe\xff\0a\0,", "t.csv:1: expects text in UTF-8, got UTF-16", 6,
     MLP_ERR_UNSUPPORTED},
    {"a,\xe9\n1,2\n", "t.csv:1: expects text in UTF-8, got the byte 0xe9"},
    {"a\ncaf\xe9\n", "t.csv:2: expects text in UTF-8, got the byte 0xe9"},
    {"a\nx\n\xc0\x80\n", "t.csv:3: expects text in UTF-8, got the byte 0xc0"},
    {"a\n\xed\xa0\x80\n", "t.csv:2: expects text in UTF-8, got the byte 0xed"},
    {"a\n\xf5\x80\x80\x80\n", "t.csv:2: expects text in UTF-8"},
    {"a\n\xe2\x82\n", "t.csv:2: expects text in UTF-8"},
    {"a\n\xc3x\n", "t.csv:2: expects text in UTF-8, got the byte 0xc3"},
    {"a\n\xe2\x82x\n", "t.csv:2: expects text in UTF-8, got the byte 0xe2"},
    {"a\nx\n\xff\n", "t.csv:3: expects text in UTF-8, got the byte 0xff"},
    {"a\n\xf4\x90\x80\x80\n", "t.csv:2: expects text in UTF-8"},
    {"a\n\xe0\x9f\xbf\n", "t.csv:2: expects text in UTF-8"},
    {"a\n\"\xf0\x80\x80\x80\"\n", "t.csv:2: expects text in UTF-8"},
    {"a\n" NINE_ROWS "abc\n",
     "t.csv:11: column 1 (a): expects a number, got \"abc\""},
    {"a\n" NINE_ROWS "1e400\n",
     "t.csv:11: column 1 (a): expects a number, got \"1e400\""},
    {"a\nabc\n" NINE_ROWS,
     "t.csv:2: column 1 (a): expects a number, got \"abc\""},
    {"a\n" NINE_ROWS "1.2.3\n", "t.csv:11: column 1 (a): expects a number"},
    {"a\n" NINE_ROWS "0x10\n", "got \"0x10\""},
    {"a\n" NINE_ROWS "inf\n", "got \"inf\""},
    {"a\n" NINE_ROWS "1 2\n", "got \"1 2\""},
    {"a\n" NINE_ROWS "1e\n", "got \"1e\""},
    {"a\n" NINE_ROWS "--1\n", "got \"--1\""},
    {"a\n" NINE_ROWS "12%\n", "got \"12%\""},
    {"a\n" NINE_ROWS "x\x7fy\n", "got \"x?y\""},
    {"a\n" NINE_ROWS FORTY "xyz\xc3\xa9\xc3\xa9\n", "got \"" FORTY "xyz...\""},
    {"a\n" NINE_ROWS FORTY "wxyz\xc3\xa9\n", "got \"" FORTY "wxyz...\""},
    {"a\n" NINE_ROWS BYTES_OF_NO_TEXT "\n", "got \"...\""},
    {"a\n" NINE_ROWS "\"x\"\"y\"\n",
     "t.csv:11: column 1 (a): expects a number"},
    {"a;b\n1,5;2\n", "t.csv:2: column 1 (a): expects a number with a decimal "
                     "point, got \"1,5\""},
    {"a;b\n1;2\n2;2,5\n",
     "t.csv:3: column 2 (b): expects a number with a decimal point"},
    {"1,5;2,5\n3,5;4,5\n", "expects a number with a decimal point"},
    {"\x1f\x8b\x08\0\0\0\0\0", "expects what gzip has packed", 8},
    {"\x1f\x8b", "expects what gzip has packed"},
};

/* Without zlib a packed file is unsupported. */
static void csv_refuses_malformed_tables(void **state)
{
    (void)state;
    assert_true(COUNT(malformed) >= 60);
    for (size_t i = 0; i < COUNT(malformed); i++) {
        const struct malformed *m = &malformed[i];
        hook_record record = {0};
        mlp_data *data = NULL;
        mlp_status expected = m->status ? m->status : MLP_ERR_FORMAT;
        mlp_status status = load(m->text, m->size ? m->size : strlen(m->text),
                                 NULL, &record, &data);
        if (status == MLP_ERR_UNSUPPORTED && m->text[0] == '\x1f') {
            assert_non_null(strstr(record.message, "without zlib"));
            continue;
        }
        if (status != expected || !strstr(record.message, m->message)) {
            fail_msg("case %zu: expected %d \"%s\", got %d \"%s\"", i,
                     (int)expected, m->message, (int)status, record.message);
        }
        assert_int_equal(record.messages, 1);
        assert_null(strchr(record.message, '\n'));
        assert_null(data);
        assert_int_equal(record.live, 0);
    }
}

static void csv_refuses_what_is_too_long(void **state)
{
    (void)state;
    enum { SIZE = 100000000 };
    hook_record record = {0};
    mlp_data *data = NULL;
    char *text = malloc(SIZE);
    assert_non_null(text);
    mlp_hooks hooks = recording_hooks(&record);
    memset(text, 'x', SIZE);
    assert_told(&record,
                mlp_data_load_memory(text, SIZE, "t.csv", NULL, &hooks, &data),
                MLP_ERR_LIMIT,
                "t.csv:1: expects at most 1000000 bytes in a cell, got "
                "100000000");
    memset(text, ',', SIZE);
    assert_told(&record,
                mlp_data_load_memory(text, SIZE, "t.csv", NULL, &hooks, &data),
                MLP_ERR_LIMIT, "t.csv:1: expects at most 65536 columns");
    memset(text, '7', SIZE);
    text[0] = 'a';
    text[1] = '\n';
    assert_told(
        &record, mlp_data_load_memory(text, SIZE, "t.csv", NULL, &hooks, &data),
        MLP_ERR_LIMIT, "t.csv:2: expects at most 1000000 bytes in a cell");
    assert_int_equal(record.live, 0);
    free(text);
}

#ifdef _WIN32
#define FOLDER_TEXT ".: cannot open it: Permission denied"
#else
#define FOLDER_TEXT ".: cannot read it: Is a directory"
#endif

static void csv_refuses_wrong_options(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_data *data = NULL;
    const char *const names[] = {"z"};
    mlp_data_options options = mlp_data_defaults();
    options.header = (mlp_data_header)7;
    assert_told(&record, load("a\n1\n", 4, &options, &record, &data),
                MLP_ERR_ARGUMENT, "header: expects");
    options = mlp_data_defaults();
    options.n_categories = 1;
    assert_told(&record, load("a\n1\n", 4, &options, &record, &data),
                MLP_ERR_NULL, "categories is NULL");
    options.categories = names;
    assert_told(&record, load("a\n1\n", 4, &options, &record, &data),
                MLP_ERR_ARGUMENT, "t.csv: there is no column \"z\"");
    options.categories = (const char *const[]){NULL};
    assert_told(&record, load("a\n1\n", 4, &options, &record, &data),
                MLP_ERR_ARGUMENT, "t.csv: there is no column \"NULL\"");
    assert_told(&record, mlp_data_load("no/such.csv", NULL, &hooks, &data),
                MLP_ERR_IO,
                "no/such.csv: cannot open it: No such file or directory");
    assert_told(&record, mlp_data_load(".", NULL, &hooks, &data), MLP_ERR_IO,
                FOLDER_TEXT);
    assert_told(&record, mlp_data_load(NULL, NULL, &hooks, &data), MLP_ERR_NULL,
                "path is NULL");
    assert_null(data);
    assert_int_equal(record.live, 0);
}

/* A user who may do everything becomes one who may not for a moment. */
static void csv_tells_why_a_file_cannot_be_opened(void **state)
{
    (void)state;
#ifdef _WIN32
    skip(); /* has other words for it, and no such users */
#else
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_data *data = NULL;
    char name[] = "csv_XXXXXX";
    int file = mkstemp(name);
    assert_true(file >= 0 && fchmod(file, 0) == 0 && close(file) == 0);
    bool is_root = geteuid() == 0;
    assert_int_equal(is_root ? seteuid(65534) : 0, 0);
    mlp_status status = mlp_data_load(name, NULL, &hooks, &data);
    assert_int_equal(is_root ? seteuid(0) : 0, 0);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(status, MLP_ERR_IO);
    assert_int_equal(record.messages, 1);
    assert_non_null(strstr(record.message, ": cannot open it: Permission"));
    assert_told(&record,
                mlp_data_load(MLP_TEST_DIGITS "/x", NULL, &hooks, &data),
                MLP_ERR_IO, "x: cannot open it: an error of the system");
    assert_null(data);
    assert_int_equal(record.live, 0);
#endif
}

/* Memory then comes from malloc, and the status alone tells a mistake. */
static void csv_needs_no_hooks(void **state)
{
    (void)state;
    const mlp_hooks none = {.log = NULL};
    const mlp_hooks *const hooks[] = {NULL, &none};
    for (size_t i = 0; i < COUNT(hooks); i++) {
        mlp_data *data = NULL;
        assert_int_equal(
            mlp_data_load_memory("a,b\n1\n", 6, "t", NULL, hooks[i], &data),
            MLP_ERR_FORMAT);
        assert_int_equal(mlp_data_load(NULL, NULL, hooks[i], &data),
                         MLP_ERR_NULL);
        assert_int_equal(
            mlp_data_load_memory("a\n1\n", 4, "t", NULL, hooks[i], NULL),
            MLP_ERR_NULL);
        assert_null(data);
        assert_int_equal(
            mlp_data_load_memory("a,b\n1,x\n", 8, "t", NULL, hooks[i], &data),
            MLP_OK);
        assert_string_equal(mlp_data_category(data, 1, 0), "x");
        mlp_data_free(data);
    }
}

static void csv_survives_a_lack_of_memory(void **state)
{
    (void)state;
    const char *text = "a,b\n1,x\n2,\"y\"\"\"\n3,z\n";
    mlp_status status = MLP_ERR_MEMORY;
    for (size_t n = 1; status == MLP_ERR_MEMORY; n++) {
        hook_record record = {.fail_at = n};
        mlp_data *data = NULL;
        status = load(text, strlen(text), NULL, &record, &data);
        assert_int_equal(record.messages, status == MLP_OK ? 0 : 1);
        assert_true((data != NULL) == (status == MLP_OK));
        mlp_data_free(data);
        assert_int_equal(record.live, 0);
    }
    assert_int_equal(status, MLP_OK);
}

static void csv_is_unpacked(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data *data = NULL;
    mlp_status status =
        load((const char *)packed, sizeof packed, NULL, &record, &data);
    if (status == MLP_ERR_UNSUPPORTED) {
        skip();
    }
    assert_int_equal(status, MLP_OK);
    assert_true(mlp_data_rows(data) == 1 && at(data, 0, 1) == 2);
    end(data, &record);
    char two[2 * sizeof packed]; /* one file after the other is one file */
    memcpy(two, packed, sizeof packed);
    memcpy(two + sizeof packed, packed, sizeof packed);
    status = load(two, sizeof two, NULL, &record, &data);
    assert_int_equal(status, MLP_OK);
    assert_int_equal(mlp_data_rows(data), 3);
    end(data, &record);
    for (size_t size = 2; size < sizeof packed; size++) {
        data = NULL;
        assert_told(&record,
                    load((const char *)packed, size, NULL, &record, &data),
                    MLP_ERR_FORMAT, "t.csv: expects what gzip has packed");
        assert_int_equal(record.live, 0);
    }
    for (size_t n = 1; n < record.allocations; n++) {
        hook_record failing = {.fail_at = n};
        data = NULL;
        status =
            load((const char *)packed, sizeof packed, NULL, &failing, &data);
        assert_int_equal(failing.messages, status == MLP_OK ? 0 : 1);
        end(data, &failing);
        if (status == MLP_OK) {
            break;
        }
        assert_int_equal(status, MLP_ERR_MEMORY);
    }
}

static void csv_is_unpacked_in_pieces(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data *data = NULL;
    mlp_status status = load((const char *)long_packed, sizeof long_packed,
                             NULL, &record, &data);
    if (status == MLP_ERR_UNSUPPORTED) {
        skip();
    }
    assert_int_equal(status, MLP_OK);
    assert_int_equal(mlp_data_rows(data), LONG_PACKED_ROWS);
    assert_string_equal(mlp_data_name(data, 1), "b");
    for (size_t i = 0; i < LONG_PACKED_ROWS; i++) {
        assert_true(at(data, i, 0) == 1 && at(data, i, 1) == 2);
    }
    end(data, &record);
}

/* What gzip packs begins with two bytes, of which a text may have the first. */
static void csv_is_not_unpacked_for_one_byte(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data *data = loaded("\x1f,b\n1,2\n", NULL, &record);
    assert_string_equal(mlp_data_name(data, 0), "\x1f");
    assert_true(at(data, 0, 1) == 2);
    end(data, &record);
}

/* The digits that come with the examples: 1797 rows of 64 pixels and a class.
 * */
static void csv_reads_the_digits(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_data *data = NULL;
    assert_int_equal(mlp_data_load(MLP_TEST_DIGITS, NULL, &hooks, &data),
                     MLP_OK);
    assert_int_equal(mlp_data_cols(data), 65);
    assert_true(mlp_data_rows(data) > 1000);
    end(data, &record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_reads_names_numbers_and_categories),
        cmocka_unit_test(csv_reads_the_same_table_in_many_forms),
        cmocka_unit_test(csv_reads_quotes),
        cmocka_unit_test(csv_reads_all_of_utf8),
        cmocka_unit_test(csv_finds_the_separator_beside_quotes),
        cmocka_unit_test(csv_finds_out_or_is_told_whether_there_is_a_header),
        cmocka_unit_test(csv_obeys_the_options),
        cmocka_unit_test(csv_reads_decimal_commas_without_a_separator),
        cmocka_unit_test(csv_with_many_columns_and_blank_lines_stays_small),
        cmocka_unit_test(csv_sorts_categories_by_number_and_then_by_text),
        cmocka_unit_test(csv_takes_mixed_columns_for_categories),
        cmocka_unit_test(csv_numbers_many_categories_right),
        cmocka_unit_test(csv_refuses_malformed_tables),
        cmocka_unit_test(csv_refuses_what_is_too_long),
        cmocka_unit_test(csv_refuses_wrong_options),
        cmocka_unit_test(csv_tells_why_a_file_cannot_be_opened),
        cmocka_unit_test(csv_needs_no_hooks),
        cmocka_unit_test(csv_survives_a_lack_of_memory),
        cmocka_unit_test(csv_is_unpacked),
        cmocka_unit_test(csv_is_unpacked_in_pieces),
        cmocka_unit_test(csv_is_not_unpacked_for_one_byte),
        cmocka_unit_test(csv_reads_the_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
