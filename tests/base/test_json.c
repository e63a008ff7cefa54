/* SPDX-License-Identifier: MIT */
/* The reader of JSON accepts exactly what RFC 8259 allows, and the writer
 * writes what it reads. Texts end where memory ends. */
#include "support/support.h"

#include "base/json.h"

/* Returns a copy of a text; reading past its end is a fault. */
static char *fenced(const char *text, size_t n)
{
    char *copy = guarded_alloc(n);
    memcpy(copy, text, n);
    return copy;
}

/* Returns true if the text is one value and nothing else. */
static bool is_json(const char *text, size_t n)
{
    char *copy = fenced(text, n);
    mlpi_json r = mlpi_json_of(copy, n);
    bool skipped = mlpi_json_skip(&r);
    bool good = mlpi_json_end(&r);
    assert_true(good == (r.wrong == NULL));
    assert_true(skipped || !good);
    guarded_free(copy);
    return good;
}

static void valid_texts_are_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "-0",
        "12",
        "-1.5e+10",
        "1E5",
        "0.25",
        "true",
        "false",
        "null",
        "\"\"",
        "[]",
        "{}",
        " [ ] ",
        "\t{\n}\r",
        "[1,2,[3,{\"a\":[]}]]",
        "{\"a\":1,\"b\":{\"c\":\"d\"},\"e\":[true,null]}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"",
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"",
        "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", /* 16 deep */
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (!is_json(texts[i], strlen(texts[i]))) {
            fail_msg("refused %s", texts[i]);
        }
    }
}

static void invalid_texts_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "[",
        "]",
        "{",
        "}",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "{\"a\":1 \"b\":2}",
        "[}",
        "{]",
        "[1}",
        "{\"a\":1]",
        "1 2",
        "[] []",
        "01",
        "-",
        "-01",
        "+1",
        ".5",
        "1.",
        "1.e5",
        "1e",
        "1e+",
        "0x1",
        "1,5",
        "NaN",
        "Infinity",
        "True",
        "tru",
        "nul",
        "truefalse",
        "'a'",
        "\"",
        "\"a",
        "\"\\\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\U0041\"",
        "\"\\ud83d\"",
        "\"\\ud83d\\n\"",
        "\"\\ud83d\\u0041\"",
        "\"\\ude00\"",
        "\"\n\"",
        "\"\t\"",
        "\"\x01\"",
        "/**/1",
        "1//",
        "\357\273\2771",
        "\"\x80\"",
        "\"\xc3\"",
        "\"\xc3(\"",
        "\"\xc0\xaf\"",
        "\"\xc1\xbf\"",
        "\"\xe0\x80\xaf\"",
        "\"\xe2\x82\"",
        "\"\xe2(\xac\"",
        "\"\xed\xa0\x80\"",
        "\"\xf0\x80\x80\xaf\"",
        "\"\xf0\x9f\x98\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xf5\x80\x80\x80\"",
        "\"\xff\"",
        "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", /* 17 deep */
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (is_json(texts[i], strlen(texts[i]))) {
            fail_msg("read %s", texts[i]);
        }
    }
    assert_false(is_json("1\0", 2));
    assert_false(is_json("\"\0\"", 3));
    assert_false(is_json("\"\\\0\"", 4));
    assert_false(is_json("[\0]", 3));
}

/* No proper beginning of a text is a text, and neither is a text with a random
 * byte in it that makes no sense. */
static void cut_texts_are_refused(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[1.5e3,\"\\ud83d\\ude00\xe2\x82\xac\"],\"b\":{\"c\":true}}";
    size_t n = sizeof text - 1;
    assert_true(is_json(text, n));
    for (size_t i = 0; i < n; i++) {
        assert_false(is_json(text, i));
    }
    for (size_t i = 0; i < n; i++) { /* harmless; often right */
        for (int byte = 0; byte < 256; byte++) {
            char changed[sizeof text];
            memcpy(changed, text, sizeof text);
            changed[i] = (char)byte;
            (void)is_json(changed, n);
        }
    }
}

static void readers_go_through_elements(void **state)
{
    (void)state;
    static const char text[] =
        "{ \"n\" : [ 18446744073709551615 , 0 ], \"s\":\"x\", \"e\":{},"
        "\"t\":true,\"f\" : false }";
    mlpi_json r = mlpi_json_of(text, sizeof text - 1);
    mlpi_span key;
    mlpi_span value;
    uint64_t n = 7;
    bool flag = false;
    assert_true(mlpi_json_open(&r, '{') && mlpi_json_more(&r, '}'));
    assert_true(mlpi_json_key(&r, &key) && mlpi_span_is(key, "n"));
    assert_true(mlpi_json_open(&r, '[') && mlpi_json_more(&r, ']'));
    assert_true(mlpi_json_number(&r, &n) && n == UINT64_MAX);
    assert_true(mlpi_json_more(&r, ']') && mlpi_json_number(&r, &n) && n == 0);
    assert_false(mlpi_json_more(&r, ']'));
    assert_true(mlpi_json_more(&r, '}') && mlpi_json_key(&r, &key));
    assert_true(mlpi_json_string(&r, &value) && mlpi_span_is(value, "x"));
    assert_true(mlpi_json_more(&r, '}') && mlpi_json_key(&r, &key));
    assert_true(mlpi_json_open(&r, '{'));
    assert_false(mlpi_json_more(&r, '}'));
    assert_true(mlpi_json_more(&r, '}') && mlpi_json_key(&r, &key));
    assert_true(mlpi_json_flag(&r, &flag) && flag);
    assert_true(mlpi_json_more(&r, '}') && mlpi_json_key(&r, &key));
    assert_true(mlpi_json_flag(&r, &flag) && !flag);
    assert_false(mlpi_json_more(&r, '}'));
    assert_true(mlpi_json_end(&r));
}

/* The first mistake stays, and nothing is read after it. */
static void first_mistakes_stay(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wrong;
    } cases[] = {
        {"18446744073709551616", "a number below 2^64"},
        {"99999999999999999999999", "a number below 2^64"},
        {"1.0", "a whole number"},
        {"1e0", "a whole number"},
        {"-1", "a whole number"},
        {"007", "a whole number"},
        {"\"1\"", "a whole number"},
        {"", "a whole number"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        mlpi_json r = mlpi_json_of(cases[i].text, strlen(cases[i].text));
        uint64_t n = 7;
        bool flag = true;
        mlpi_span span = {"?", 1};
        assert_false(mlpi_json_number(&r, &n));
        assert_int_equal(n, 0);
        assert_string_equal(r.wrong, cases[i].wrong);
        r.at = 0;
        assert_false(mlpi_json_open(&r, '{') || mlpi_json_more(&r, '}') ||
                     mlpi_json_key(&r, &span) || mlpi_json_string(&r, &span) ||
                     mlpi_json_number(&r, &n) || mlpi_json_flag(&r, &flag) ||
                     mlpi_json_skip(&r) || mlpi_json_end(&r) ||
                     mlpi_json_fail(&r, "else"));
        assert_true(n == 0 && !flag && span.size == 0);
        assert_string_equal(r.wrong, cases[i].wrong);
    }
}

/* Each reader says what it wanted, and takes nothing that comes later. */
static void readers_say_what_they_expect(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wrong;
    } cases[] = {
        {"1", "an object"},
        {"{", "an array"},
        {"x", "a comma or a closing bracket"},
        {"\"a\" 1", "a colon"},
        {"a:1", "a string"},
        {"2", "true or false"},
        {"-", "a value"},
        {"nil", "a value"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        mlpi_json r = mlpi_json_of(cases[i].text, strlen(cases[i].text));
        mlpi_span span;
        bool flag = true;
        switch (i) {
        case 0:
            assert_false(mlpi_json_open(&r, '{'));
            break;
        case 1:
            assert_false(mlpi_json_open(&r, '['));
            break;
        case 2:
            assert_false(mlpi_json_more(&r, ']'));
            break;
        case 3:
        case 4:
            assert_false(mlpi_json_key(&r, &span));
            break;
        case 5:
            assert_false(mlpi_json_flag(&r, &flag) || flag);
            break;
        default:
            assert_false(mlpi_json_skip(&r));
            break;
        }
        assert_string_equal(r.wrong, cases[i].wrong);
        assert_false(mlpi_json_more(&r, '}') || mlpi_json_null(&r));
        assert_string_equal(r.wrong, cases[i].wrong);
    }
}

static void escapes_are_resolved(void **state)
{
    (void)state;
    static const char text[] = "\"a\\u0041\\n\\\"\\\\\\/\\b\\f\\r\\t\\u00e9"
                               "\\u20ac\\ud83d\\ude00\xc3\xa9\\udbff\\udfff\"";
    static const char expected[] = "aA\n\"\\/\b\f\r\t\xc3\xa9\xe2\x82\xac"
                                   "\xf0\x9f\x98\x80\xc3\xa9\xf4\x8f\xbf\xbf";
    mlpi_json r = mlpi_json_of(text, sizeof text - 1);
    mlpi_span span;
    assert_true(mlpi_json_string(&r, &span) && mlpi_json_end(&r));
    unsigned char bytes[sizeof text];
    mlpi_writer to = {.bytes = bytes};
    mlpi_put_span(&to, span);
    assert_int_equal(to.used, sizeof expected - 1);
    assert_memory_equal(bytes, expected, sizeof expected - 1);
}

static int compared(const char *a, const char *b)
{
    return mlpi_span_compare((mlpi_span){a, strlen(a)},
                             (mlpi_span){b, strlen(b)});
}

static void strings_compare_by_characters(void **state)
{
    (void)state;
    assert_true(compared("", "") == 0 && compared("ab", "ab") == 0);
    assert_true(compared("a\\u0062", "ab") == 0);
    assert_true(compared("\\u00e9", "\xc3\xa9") == 0);
    assert_true(compared("a", "ab") < 0 && compared("ab", "a") > 0);
    assert_true(compared("b", "ab") > 0 && compared("a", "\xc3\xa9") < 0);
    assert_true(mlpi_span_is((mlpi_span){"\\u0061", 6}, "a"));
    assert_false(mlpi_span_is((mlpi_span){"a\\u0000", 7}, "a"));
}

static void utf8_is_told_from_bytes(void **state)
{
    (void)state;
    assert_true(mlpi_is_utf8("", 0) && mlpi_is_utf8("a\n\x01\xc3\xa9", 5));
    assert_false(mlpi_is_utf8("\xc3", 1));
    assert_false(mlpi_is_utf8("a\xff", 2));
    assert_false(mlpi_is_utf8("\xed\xa0\x80", 3));
}

/* Strings that are written read back, also from a string inside of a string. */
static void written_strings_read_back(void **state)
{
    (void)state;
    static const char text[] = "q\" b\\ n\n \x01\x1f\x7f \xc3\xa9 \\u0041";
    for (int nested = 0; nested < 2; nested++) {
        unsigned char bytes[400];
        unsigned char inner[400];
        mlpi_writer to = {.bytes = bytes};
        mlpi_json_writer w = {&to, nested == 1};
        mlpi_put_bytes(&to, (size_t)nested, "\"");
        mlpi_json_put(w, "{");
        mlpi_json_put_string(w, text);
        mlpi_json_put(w, ":");
        mlpi_json_put_number(w, UINT64_MAX);
        mlpi_json_put(w, "}");
        mlpi_put_bytes(&to, (size_t)nested, "\"");
        mlpi_json r = mlpi_json_of((const char *)bytes, to.used);
        mlpi_span span = {NULL, 0};
        if (nested) {
            assert_true(mlpi_json_string(&r, &span) && mlpi_json_end(&r));
            mlpi_writer out = {.bytes = inner};
            mlpi_put_span(&out, span);
            r = mlpi_json_of((const char *)inner, out.used);
        }
        uint64_t n = 0;
        assert_true(mlpi_json_open(&r, '{') && mlpi_json_more(&r, '}') &&
                    mlpi_json_key(&r, &span) && mlpi_json_number(&r, &n));
        assert_true(n == UINT64_MAX && !mlpi_json_more(&r, '}') &&
                    mlpi_json_end(&r));
        mlpi_writer out = {.bytes = bytes};
        mlpi_put_span(&out, span);
        assert_int_equal(out.used, sizeof text - 1);
        assert_memory_equal(bytes, text, sizeof text - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_texts_are_read),
        cmocka_unit_test(invalid_texts_are_refused),
        cmocka_unit_test(cut_texts_are_refused),
        cmocka_unit_test(readers_go_through_elements),
        cmocka_unit_test(first_mistakes_stay),
        cmocka_unit_test(readers_say_what_they_expect),
        cmocka_unit_test(escapes_are_resolved),
        cmocka_unit_test(strings_compare_by_characters),
        cmocka_unit_test(utf8_is_told_from_bytes),
        cmocka_unit_test(written_strings_read_back),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
