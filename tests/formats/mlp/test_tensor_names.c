/* SPDX-License-Identifier: MIT */
/*
 * The order of names, and whether numbers tell it. test_import.c tests what
 * becomes of the layers of a file.
 */
#include "support/support.h"

#include "formats/mlp/tensor_names.h"

/* This beginning is longer than the 32 bytes that are compared at once. */
#define LONG(end) "c.name.of.more.than.thirty-two.characters." end

static mlpi_span span_of(const char *text)
{
    return (mlpi_span){text, strlen(text)};
}

/* Each name stands before all that follow it. */
static void names_have_one_order(void **state)
{
    (void)state;
    static const char *const ascending[] = {"",
                                            "0",
                                            "00",
                                            "01",
                                            "1",
                                            "2",
                                            "9",
                                            "10",
                                            "10a",
                                            "a",
                                            "a/",
                                            "a00",
                                            "a0.1",
                                            "a1",
                                            "a01b",
                                            "a1b",
                                            "a2",
                                            "a10",
                                            "a:",
                                            "ab",
                                            "b",
                                            "b\xc3\xa4",
                                            LONG(""),
                                            LONG("9"),
                                            LONG("10"),
                                            LONG("10.w"),
                                            LONG("99999999999999999999"),
                                            LONG("100000000000000000000")};
    for (size_t i = 0; i < COUNT(ascending); i++) {
        for (size_t k = 0; k < COUNT(ascending); k++) {
            mlpi_span a = span_of(ascending[i]);
            mlpi_span b = span_of(ascending[k]);
            int result = mlpi_names_compare(a, b);
            if ((result > 0) != (i > k) || (result < 0) != (i < k)) {
                fail_msg("\"%s\" and \"%s\": got %d", ascending[i],
                         ascending[k], result);
            }
            assert_true(mlpi_names_equal(a, b) == (i == k));
        }
    }
}

/* The order of two names is known if they first differ in the value of a
 * number. */
static void numbers_tell_an_order(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool by_number;
    } cases[] = {
        {"fc2", "fc10", true},
        {"fc2_b", "fc10_a", true},
        {"1", "2", true},
        {"01x3", "1x4", true},
        {LONG("7"), LONG("8"), true},
        {"fc", "fc2", false},
        {"fc1", "fc1", false},
        {"fc1", "fc01", false},
        {"fc1_up", "fc1_down", false},
        {"fc1a", "fc1b", false},
        {"fc1", "fc1.2", false},
        {"a1", "b2", false},
        {"a1", "ab", false},
        {"", "1", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        mlpi_span a = span_of(cases[i].a);
        mlpi_span b = span_of(cases[i].b);
        if (mlpi_names_differ_by_number(a, b) != cases[i].by_number ||
            mlpi_names_differ_by_number(b, a) != cases[i].by_number) {
            fail_msg("\"%s\" and \"%s\"", cases[i].a, cases[i].b);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_one_order),
        cmocka_unit_test(numbers_tell_an_order),
    };
    return cmocka_run_group_tests_name("tensor_names", tests, NULL, NULL);
}
