/* SPDX-License-Identifier: MIT */
/* Doubles are written as hexadecimal text like Python's float.hex does it, and
 * read back exactly. Whole numbers and checksums have one form each. */
#include "support/support.h"

#include <float.h>

#include "base/number_text.h"

/* The texts come from Python's x.hex(). */
static const struct {
    double x;
    const char *text;
} pairs[] = {
    {0.0, "0x0.0p+0"},
    {-0.0, "-0x0.0p+0"},
    {1.0, "0x1.0000000000000p+0"},
    {0.1, "0x1.999999999999ap-4"},
    {-1e-5, "-0x1.4f8b588e368f1p-17"},
    {DBL_MAX, "0x1.fffffffffffffp+1023"},
    {-DBL_MAX, "-0x1.fffffffffffffp+1023"},
    {DBL_MIN, "0x1.0000000000000p-1022"},
    {0x1p-1074, "0x0.0000000000001p-1022"},
    {1e-310, "0x0.012688b70e62bp-1022"},
    {100.0, "0x1.9000000000000p+6"},
};

static bool is_same(double a, double b)
{
    return a == b && (signbit(a) != 0) == (signbit(b) != 0);
}

static bool reads_as(const char *text, double expected)
{
    double x = 7;
    return mlpi_hexfloat_read(text, strlen(text), &x) && is_same(x, expected);
}

static void texts_are_those_of_python(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        char text[MLPI_HEXFLOAT_SIZE];
        mlpi_hexfloat_write(pairs[i].x, text);
        assert_string_equal(text, pairs[i].text);
        assert_true(reads_as(pairs[i].text, pairs[i].x));
    }
}

static void every_double_survives(void **state)
{
    (void)state;
    mlp_rng rng = mlp_rng_seeded(1);
    for (size_t i = 0; i < 100000; i++) {
        char text[MLPI_HEXFLOAT_SIZE];
        double x = ldexp(mlp_rng_uniform(&rng, -1, 1), (int)(i % 2100) - 1075);
        mlpi_hexfloat_write(x, text);
        assert_true(reads_as(text, x));
        assert_true(is_same(strtod(text, NULL), x));
    }
}

static void other_forms_are_read(void **state)
{
    (void)state;
    assert_true(reads_as("0x8p-3", 1));
    assert_true(reads_as("0x.8p1", 1));
    assert_true(reads_as("0x1.p+0", 1));
    assert_true(reads_as("0x00000001p0", 1));
    assert_true(reads_as("0x1000000000000000p-60", 1));
    assert_true(reads_as("0x0p9999", 0));
    assert_true(reads_as("0x1p-1074", 0x1p-1074));
    assert_true(reads_as("0x1000p-1086", 0x1p-1074));
    assert_true(reads_as("0x8p1020", 0x1p1023));
}

static void what_is_no_double_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "-",
        "0",
        "0x",
        "0x1",
        "0xp0",
        "0x.p0",
        "0x1p",
        "0x1p+",
        "0x1p+-1",
        "0x1p 1",
        "0x1.0.0p1",
        "0x1p1 ",
        " 0x1p1",
        "+0x1p1",
        "0X1p1",
        "0xAp1",
        "0x1P1",
        "0x1p10000",
        "0x1p1024",
        "0x8p1021",
        "0x1p-1075",
        "0x3p-1075",
        "inf",
        "nan",
        "1.5",
        "0x1,8p0",
        "0x00000000000000001p0",
        "0x20000000000001p0",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        double x = 7;
        if (mlpi_hexfloat_read(texts[i], strlen(texts[i]), &x) || x != 7) {
            fail_msg("read \"%s\"", texts[i]);
        }
    }
    double x = 7; /* reads no further than n */
    assert_true(mlpi_hexfloat_read("0x1p12", 5, &x) && x == 2);
}

static void whole_numbers_are_decimal(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        const char *text;
    } numbers[] = {{0, "0"},
                   {9, "9"},
                   {10, "10"},
                   {1000, "1000"},
                   {1234567890, "1234567890"},
                   {UINT64_MAX, "18446744073709551615"}};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        char text[MLPI_DECIMAL_DIGITS + 1];
        *mlpi_put_decimal(numbers[i].value, text) = '\0';
        assert_string_equal(text, numbers[i].text);
    }
}

static void checksums_have_eight_digits(void **state)
{
    (void)state;
    static const struct {
        uint32_t value;
        const char *text;
    } sums[] = {
        {0, "00000000"}, {0x0f3a9c02, "0f3a9c02"}, {UINT32_MAX, "ffffffff"}};
    for (size_t i = 0; i < COUNT(sums); i++) {
        char digits[MLPI_HEX32_DIGITS + 1] = {0};
        mlpi_put_hex32(sums[i].value, digits);
        assert_string_equal(digits, sums[i].text);
        uint32_t value = 7;
        assert_true(mlpi_get_hex32(digits, &value));
        assert_int_equal(value, sums[i].value);
    }
}

static void other_digits_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"0F3a9c02", "0f3a9c0g", " f3a9c02",
                                        "0f3a9c0", ""};
    for (size_t i = 0; i < COUNT(texts); i++) {
        char digits[MLPI_HEX32_DIGITS] = {0};
        memcpy(digits, texts[i], strlen(texts[i]));
        uint32_t value = 7;
        assert_false(mlpi_get_hex32(digits, &value));
        assert_int_equal(value, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_those_of_python),
        cmocka_unit_test(every_double_survives),
        cmocka_unit_test(other_forms_are_read),
        cmocka_unit_test(what_is_no_double_is_refused),
        cmocka_unit_test(whole_numbers_are_decimal),
        cmocka_unit_test(checksums_have_eight_digits),
        cmocka_unit_test(other_digits_are_refused),
    };
    return cmocka_run_group_tests_name("number_text", tests, NULL, NULL);
}
