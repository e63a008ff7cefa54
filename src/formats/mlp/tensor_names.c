/* SPDX-License-Identifier: MIT */
/*
 * Comparing the names of tensors (tensor_names.h).
 *
 * Names come from files, and a file of 100 MB can hold 100,000 names of 1,000
 * characters that differ in the last ones. So a comparison first skips what
 * both names begin with, many bytes at once, and steps back to the beginning of
 * a number if the difference lies in one:
 *
 *     layers.127.weight
 *     layers.128.weight
 *            ^ from here on numbers and bytes are compared
 */
#include "formats/mlp/tensor_names.h"

#include <string.h>

#include "base/arithmetic.h"

bool mlpi_names_equal(mlpi_span a, mlpi_span b)
{
    return a.size == b.size && memcmp(a.text, b.text, a.size) == 0;
}

bool mlpi_name_is(mlpi_span name, const char *ascii)
{
    return mlpi_names_equal(name, (mlpi_span){ascii, strlen(ascii)});
}

/* isdigit would depend on the locale. */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Returns how many bytes two names have in common at their beginning, but not
 * the first digits of a number that differs. memcmp skips most of them. */
static size_t common_beginning(mlpi_span a, mlpi_span b)
{
    enum { STRIDE = 32 };
    size_t n = mlpi_min_size(a.size, b.size);
    size_t i = 0;
    while (n - i >= STRIDE && memcmp(a.text + i, b.text + i, STRIDE) == 0) {
        i += STRIDE;
    }
    while (i < n && a.text[i] == b.text[i]) {
        i++;
    }
    while (i > 0 && is_digit(a.text[i - 1])) {
        i--;
    }
    return i;
}

/* Takes a run of digits at *at, and returns those after leading zeros. */
static mlpi_span take_number(mlpi_span name, size_t *at)
{
    while (*at < name.size && name.text[*at] == '0') {
        ++*at;
    }
    size_t first = *at;
    while (*at < name.size && is_digit(name.text[*at])) {
        ++*at;
    }
    return (mlpi_span){name.text + first, *at - first};
}

/* Compares two numbers without leading zeros, of any length. */
static int compare_numbers(mlpi_span a, mlpi_span b)
{
    if (a.size != b.size) {
        return a.size < b.size ? -1 : 1;
    }
    return memcmp(a.text, b.text, a.size);
}

/* Compares parts of both names in turn: a number, or another byte. *by_number
 * becomes true if the first parts that differ are numbers. If all parts are
 * equal, as those of "1" and "01" are, bytes decide. */
static int compare(mlpi_span a, mlpi_span b, bool *by_number)
{
    size_t i = common_beginning(a, b);
    size_t j = i;
    *by_number = false;
    while (i < a.size && j < b.size) {
        char x = a.text[i];
        char y = b.text[j];
        if (is_digit(x) && is_digit(y)) {
            mlpi_span p = take_number(a, &i);
            int result = compare_numbers(p, take_number(b, &j));
            if (result != 0) {
                *by_number = true;
                return result;
            }
        } else if (x != y) {
            return (unsigned char)x < (unsigned char)y ? -1 : 1;
        } else {
            i++;
            j++;
        }
    }
    if (i < a.size || j < b.size) {
        return i < a.size ? 1 : -1;
    }
    int bytes = memcmp(a.text, b.text, mlpi_min_size(a.size, b.size));
    return bytes != 0 ? bytes : (a.size > b.size) - (a.size < b.size);
}

int mlpi_names_compare(mlpi_span a, mlpi_span b)
{
    bool by_number = false;
    return compare(a, b, &by_number);
}

bool mlpi_names_differ_by_number(mlpi_span a, mlpi_span b)
{
    bool by_number = false;
    (void)compare(a, b, &by_number);
    return by_number;
}
