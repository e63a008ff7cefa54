/* SPDX-License-Identifier: MIT */
/*
 * Decimal numbers: the bits are those of the C library's strtod, whatever the
 * locale, for random numbers, for the shortest and the longest texts, and for
 * the middles between two doubles.
 */
#include "support/support.h"

#include <locale.h>

#include "data/decimal.h"
#include "data/table.h"

/* Checks one text, up to its end, against strtod. */
static void check(const char *text)
{
    double x = -1.0;
    double expected = strtod(text, NULL);
    const char *end = text + strlen(text);
    assert_ptr_equal(mlpi_decimal_read(text, end, '.', &x), end);
    uint64_t bits[2];
    memcpy(&bits[0], &x, sizeof x);
    memcpy(&bits[1], &expected, sizeof x);
    if (bits[0] != bits[1]) {
        fail_msg("%s: expected %a, got %a", text, expected, x);
    }
}

static void decimal_has_the_bits_of_strtod(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "-0",
        "+1",
        "1.",
        ".5",
        "-.5e1",
        "007",
        "1e400",
        "-1e400",
        "1e-400",
        "4.9e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1.7976931348623157e308",
        "1.7976931348623159e308",
        "9007199254740993",
        "9007199254740992.5",
        "9007199254740993.0000000000000000000000000001",
        "1E5",
        "-2.5E-3",
        "1e22",
        "1e23",
        "123456789012345678901234567890",
        "1e999999999999999999",
        "9999999999999999999",
        "0.000000000000000000000000000000000000001",
        "1e-999999999999999999",
        "0e999",
        "18446744073709551615e-5",
        "1.00000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203126",
        "1.00000000000000011102230246251565404236316680908203124"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        check(texts[i]);
    }
}

static void decimal_reads_random_numbers_exactly(void **state)
{
    (void)state;
    static const char *const formats[] = {"%.17g", "%.16g", "%.15e",
                                          "%.18e", "%.3f",  "%.25f"};
    mlp_rng rng = mlp_rng_seeded(1);
    char text[400];
    for (size_t i = 0; i < 200000; i++) {
        double x = mlp_rng_randn(&rng);
        if (i % 3 == 1) {
            x = ldexp(x, (int)(mlp_rng_random_sample(&rng) * 120) - 60);
        } else if (i % 30 == 2) {
            x = ldexp(x, (int)(mlp_rng_random_sample(&rng) * 2100) - 1070);
        }
        if (isfinite(x)) {
            (void)snprintf(text, sizeof text, formats[i % COUNT(formats)], x);
            check(text);
        }
    }
}

/* The digits of the middle between two neighbours, then one more or less in the
 * last place: the exact formula must pass these on to strtod. */
static void decimal_decides_near_the_middle(void **state)
{
    (void)state;
    mlp_rng rng = mlp_rng_seeded(2);
    char text[64];
    for (size_t i = 0; i < 50000; i++) {
        uint64_t D = UINT64_C(9007199254740993) +
                     2 * (uint64_t)(mlp_rng_random_sample(&rng) * 0x1p52);
        (void)snprintf(text, sizeof text, "%llu%s", (unsigned long long)D,
                       (const char *[]){"", ".0001", "e1", "0", "1"}[i % 5]);
        check(text);
        (void)snprintf(text, sizeof text, "%llu.5e-%u", (unsigned long long)D,
                       (unsigned)i % 24);
        check(text);
    }
}

/* A thousand characters, of which the last one decides; and one more, which no
 * table needs. */
static void decimal_reads_long_texts(void **state)
{
    (void)state;
    static char text[1200];
    double x = 0.0;
    const char *middle =
        "1.00000000000000011102230246251565404236316680908203125";
    size_t n = strlen(middle);
    memset(text, '0', 1000);
    for (size_t i = 0; i < n; i++) {
        text[i] = middle[i];
    }
    check(text);
    text[999] = '1';
    check(text);
    text[1000] = '1';
    assert_null(mlpi_decimal_read(text, text + strlen(text), '.', &x));
    memset(text, '0', 999);
    text[1] = '.';
    memcpy(text + 990, "7e2", 4);
    check(text);
}

static void decimal_stops_where_the_number_ends(void **state)
{
    (void)state;
    double x = 0.0;
    static const char *const none[] = {"", "-", ".", "+.", "e5", "abc", "-e"};
    for (size_t i = 0; i < COUNT(none); i++) {
        const char *end = none[i] + strlen(none[i]);
        assert_null(mlpi_decimal_read(none[i], end, '.', &x));
    }
    const char *text = "12e+;";
    assert_ptr_equal(mlpi_decimal_read(text, text + 5, '.', &x), text + 2);
    text = "1,5.0";
    assert_ptr_equal(mlpi_decimal_read(text, text + 5, ',', &x), text + 3);
    assert_true(x == 1.5);
    assert_ptr_equal(mlpi_decimal_read(text, text + 1, ',', &x), text + 1);
    assert_true(x == 1.0);
}

/* Written numbers come back with the same bits, also where a comma is the
 * decimal point, if the machine has such a locale. */
static void decimal_does_not_depend_on_the_locale(void **state)
{
    (void)state;
    static const char *const locales[] = {"C", "de_DE.UTF-8", "fr_FR.UTF-8",
                                          "ps_AF.UTF-8"};
    char text[MLPI_DECIMAL_SIZE];
    for (size_t i = 0; i < COUNT(locales); i++) {
        (void)setlocale(LC_ALL, locales[i]);
        mlp_rng rng = mlp_rng_seeded(3);
        for (size_t k = 0; k < 2000; k++) {
            double x = ldexp(mlp_rng_randn(&rng), (int)k - 1000);
            double y = 0.0;
            mlpi_decimal_write(x, text);
            assert_null(strchr(text, ','));
            assert_ptr_equal(
                mlpi_decimal_read(text, text + strlen(text), '.', &y),
                text + strlen(text));
            assert_memory_equal(&x, &y, sizeof x);
        }
        (void)setlocale(LC_ALL, "C");
    }
}

/* A table may keep the numbers of categories as floats, and they are indices. */
static void dictionaries_end_where_floats_skip_numbers(void **state)
{
    (void)state;
    uint32_t slots[16] = {0};
    size_t number = 0;
    hook_record record = {0};
    mlpi_pool pool = {recording_hooks(&record), "t", NULL};
    mlpi_dictionary d = {.n = 1 << 24, .slots = slots, .n_slots = 16};
    assert_told(&record, mlpi_dictionary_add(&pool, &d, "x", 1, &number),
                MLP_ERR_LIMIT, "t: expects at most 16777216 categories");
    assert_int_equal(record.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimal_has_the_bits_of_strtod),
        cmocka_unit_test(decimal_reads_random_numbers_exactly),
        cmocka_unit_test(decimal_decides_near_the_middle),
        cmocka_unit_test(decimal_reads_long_texts),
        cmocka_unit_test(decimal_stops_where_the_number_ends),
        cmocka_unit_test(decimal_does_not_depend_on_the_locale),
        cmocka_unit_test(dictionaries_end_where_floats_skip_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
