/* SPDX-License-Identifier: MIT */
/*
 * Characters of UTF-8: how many bytes each has, how many columns a terminal
 * gives it, and that no control character and no damaged one passes. The columns
 * are about those of Unicode's East Asian Width: U+10000, for example, counts as
 * wide.
 */
#include "support/support.h"

#include "show/text.h"

/* Each begins with a character of `length` bytes and `columns` columns. */
static const struct good {
    const char *text;
    size_t length, columns;
} good[] = {
    {"a", 1, 1},
    {" ", 1, 1},
    {"~", 1, 1},
    {"\xc2\xa0", 2, 1},         /* U+00A0, the first behind the controls */
    {"\xc3\xa9z", 2, 1},        /* e with acute */
    {"\xcb\xbf", 2, 1},         /* U+02FF */
    {"\xcc\x81", 2, 0},         /* U+0301, combines */
    {"\xdf\xbf", 2, 1},         /* U+07FF, the last of two bytes */
    {"\xe0\xa0\x80", 3, 1},     /* U+0800, the first of three */
    {"\xe2\x82\xac", 3, 1},     /* U+20AC, the euro sign */
    {"\xe3\x81\x82", 3, 2},     /* U+3042, hiragana */
    {"\xe6\xbc\xa2", 3, 2},     /* U+6F22, han */
    {"\xed\x95\x9c", 3, 2},     /* U+D55C, hangul */
    {"\xed\x9f\xbf", 3, 2},     /* U+D7FF, the last before the surrogates */
    {"\xee\x80\x80", 3, 1},     /* U+E000, the first behind them */
    {"\xef\xbf\xbd", 3, 1},     /* U+FFFD */
    {"\xf0\x90\x80\x80", 4, 2}, /* U+10000, the first of four */
    {"\xf0\x9f\x98\x80", 4, 2}, /* U+1F600, a face */
    {"\xf1\x80\x80\x80", 4, 1}, /* U+40000 */
    {"\xf4\x8f\xbf\xbf", 4, 1}, /* U+10FFFF, the last of all */
};

static void characters_have_bytes_and_columns(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        const char *at = good[i].text;
        mlpi_character c = mlpi_text_next(&at);
        if (c.bytes != good[i].text || c.length != good[i].length ||
            c.columns != good[i].columns) {
            fail_msg("case %zu: got %zu bytes and %zu columns", i, c.length,
                     c.columns);
        }
        assert_ptr_equal(at, good[i].text + good[i].length);
    }
}

/* The first byte of each becomes '?'. A terminal would obey the controls; the
 * others are cut, longer than needed, halves of pairs, or above 0x10ffff. */
static const char *const bad[] = {
    "\x01",
    "\t",
    "\x1f",
    "\x7f",
    "\xc2\x80",
    "\xc2\x9f",
    "\x80",
    "\xbf",
    "\xc0\x80",
    "\xc1\xbf",
    "\xc3",
    "\xc3z",
    "\xe0\x80\x80",
    "\xe0\x9f\xbf",
    "\xe2\x82",
    "\xe2\x82z",
    "\xed\xa0\x80",
    "\xed\xbf\xbf",
    "\xf0\x9f\x98",
    "\xf0\x80\x80\x80",
    "\xf0\x8f\xbf\xbf",
    "\xf4\x90\x80\x80",
    "\xf5\x80\x80\x80",
    "\xff",
};

static void what_is_no_character_becomes_a_question_mark(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        size_t size = strlen(bad[i]) + 1;
        char *text = guarded_alloc(size); /* nothing behind the end is read */
        memcpy(text, bad[i], size);
        const char *at = text;
        mlpi_character c = mlpi_text_next(&at);
        if (c.length != 1 || c.columns != 1 || *c.bytes != '?') {
            fail_msg("case %zu: got %zu bytes and %zu columns", i, c.length,
                     c.columns);
        }
        /* A control character of two bytes is one, not two. */
        assert_ptr_equal(at, text + (bad[i][0] == '\xc2' ? 2 : 1));
        guarded_free(text);
    }
}

static void a_text_ends_where_it_ends(void **state)
{
    (void)state;
    const char *text = "";
    const char *at = text;
    mlpi_character c = mlpi_text_next(&at);
    assert_ptr_equal(at, text);
    assert_int_equal(c.length, 0);
    assert_int_equal(c.columns, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_have_bytes_and_columns),
        cmocka_unit_test(what_is_no_character_becomes_a_question_mark),
        cmocka_unit_test(a_text_ends_where_it_ends),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
