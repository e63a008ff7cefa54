/* SPDX-License-Identifier: MIT */
/*
 * Decimal numbers: decimal.h has the formulas and the bounds of their errors.
 */
#include "data/decimal.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All powers of ten that a double holds exactly. */
static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { MAX_POWER = 22 };

/* The number D 10^power while its characters are read. */
typedef struct decimal {
    uint64_t D;
    int64_t power;
    bool cut; /* digits other than 0 do not fit into D */
} decimal;

/* isdigit would depend on the locale. */
static bool is_digit(const char *s, const char *end)
{
    return s < end && *s >= '0' && *s <= '9';
}

/* Adds digits to D while it has at most 18. Each digit after the point makes
 * the power less by 1, and each digit that does not fit makes it more. */
static const char *read_digits(const char *s, const char *end, decimal *d,
                               bool after_point)
{
    const uint64_t limit = UINT64_C(1000000000000000000);
    for (; is_digit(s, end); s++) {
        unsigned digit = (unsigned)(*s - '0');
        if (d->D < limit) {
            d->D = 10 * d->D + digit;
            d->power -= after_point;
        } else {
            d->cut = d->cut || digit != 0;
            d->power += !after_point;
        }
    }
    return s;
}

/* Reads an exponent. `s` stands at its e. If its digits are missing, there is
 * none. It stops growing long after the number is 0 or infinite. */
static const char *read_exponent(const char *s, const char *end,
                                 int64_t *exponent)
{
    const int64_t limit = INT64_C(1) << 50;
    const char *e = s + 1;
    bool is_negative = e < end && *e == '-';
    int64_t value = 0;
    e += e < end && (*e == '-' || *e == '+');
    if (!is_digit(e, end)) {
        return s;
    }
    for (; is_digit(e, end); e++) {
        value = value < limit ? 10 * value + (*e - '0') : value;
    }
    *exponent = is_negative ? -value : value;
    return e;
}

/* Sets *x to D 10^k if the formulas of decimal.h give it for certain. Where D
 * is a double itself, lo is 0, and the one operation that is left rounds right.
 * The conversion of D - hi is exact, since |lo| is at most 1024. */
static bool convert(uint64_t D, int64_t k, double *x)
{
    double hi = (double)D;
    double lo = (double)(int64_t)(D - (uint64_t)hi);
    double p = powers[k < 0 ? -k : k];
    double q = k < 0 ? hi / p : hi * p;
    double rest = k < 0 ? (fma(-q, p, hi) + lo) / p : fma(hi, p, -q) + lo * p;
    double doubt = q * 0x1p-98;
    *x = lo == 0.0 ? q : q + (rest + doubt);
    return lo == 0.0 || *x == q + (rest - doubt);
}

/* Converts the digits from `s` to `end`, with or without a point, times
 * 10^exponent. */
static double convert_slowly(const char *s, const char *end, int64_t exponent)
{
    char text[MLPI_DECIMAL_MAX + 32];
    const int64_t limit = 100000;
    size_t n = 0;
    bool after_point = false;
    for (; s < end; s++) {
        if (is_digit(s, end)) {
            text[n++] = *s;
            exponent -= after_point;
        } else {
            after_point = true;
        }
    }
    exponent = exponent > limit ? limit : exponent < -limit ? -limit : exponent;
    (void)snprintf(text + n, sizeof text - n, "e%d", (int)exponent);
    return strtod(text, NULL);
}

/* Nearly all numbers of real tables have at most 19 digits and a small
 * exponent: these are converted by one product, and only the rest by strtod.
 * strtod is asked through a text of our own, without a point, because the point
 * that it expects depends on the locale. */
const char *mlpi_decimal_read(const char *text, const char *end, char point,
                              double *value)
{
    const char *s = text;
    bool is_negative = s < end && *s == '-';
    s += s < end && (*s == '-' || *s == '+');
    const char *digits = s;
    decimal d = {0, 0, false};
    s = read_digits(s, end, &d, false);
    bool found = s > digits;
    if (s < end && *s == point) {
        const char *fraction = s + 1;
        s = read_digits(fraction, end, &d, true);
        found = found || s > fraction;
    }
    if (!found || s - digits > MLPI_DECIMAL_MAX) {
        return NULL;
    }
    const char *digits_end = s;
    int64_t exponent = 0;
    if (s < end && (*s == 'e' || *s == 'E')) {
        s = read_exponent(s, end, &exponent);
    }
    double x = 0.0;
    int64_t k = d.power + exponent;
    bool is_quick = !d.cut && k >= -MAX_POWER && k <= MAX_POWER;
    if (d.D != 0 && !(is_quick && convert(d.D, k, &x))) {
        x = convert_slowly(digits, digits_end, exponent);
    }
    *value = is_negative ? -x : x;
    return s;
}

/* printf writes d.ddde+dd, where the point depends on the locale and may take
 * several bytes. So digits are counted from both ends. */
void mlpi_decimal_write(double value, char text[MLPI_DECIMAL_SIZE])
{
    char printed[64];
    (void)snprintf(printed, sizeof printed, "%.16e", value);
    const char *e = strchr(printed, 'e');
    size_t head = printed[0] == '-' ? 2 : 1;
    (void)snprintf(text, MLPI_DECIMAL_SIZE, "%.*s.%s", (int)head, printed,
                   e ? e - 16 : "");
}
