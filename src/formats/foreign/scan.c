/* SPDX-License-Identifier: MIT */
/*
 * Decimal to binary: up to 19 digits are a whole number D of 64 bits, and D
 * 10^k is D times those of ten's powers 10^1, 10^2, 10^4, ... that k consists
 * of, each with a mantissa of 64 bits, too. A product drops less than 2^-63 of
 * its value, there are at most nine, and digits beyond the 19th are worth less
 * than 2^-59: together less than 1/64 of a double's last place.
 */
#include "formats/foreign/scan.h"

#include <math.h>
#include <string.h>

/* m 2^e, 2^63 <= m. */
typedef struct wide {
    uint64_t m;
    int e;
} wide;

enum { POWERS = 9, MOST_POWER = (1 << POWERS) - 1, DIGITS = 19 };

/* 10^(2^i), and 10^-(2^i). */
static const wide up[POWERS] = {
    {UINT64_C(0xa000000000000000), -60}, {UINT64_C(0xc800000000000000), -57},
    {UINT64_C(0x9c40000000000000), -50}, {UINT64_C(0xbebc200000000000), -37},
    {UINT64_C(0x8e1bc9bf04000000), -10}, {UINT64_C(0x9dc5ada82b70b59e), 43},
    {UINT64_C(0xc2781f49ffcfa6d5), 149}, {UINT64_C(0x93ba47c980e98ce0), 362},
    {UINT64_C(0xaa7eebfb9df9de8e), 787},
};
static const wide down[POWERS] = {
    {UINT64_C(0xcccccccccccccccd), -67},  {UINT64_C(0xa3d70a3d70a3d70a), -70},
    {UINT64_C(0xd1b71758e219652c), -77},  {UINT64_C(0xabcc77118461cefd), -90},
    {UINT64_C(0xe69594bec44de15b), -117}, {UINT64_C(0xcfb11ead453994ba), -170},
    {UINT64_C(0xa87fea27a539e9a5), -276}, {UINT64_C(0xddd0467c64bce4a1), -489},
    {UINT64_C(0xc0314325637a193a), -914},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_blanks(mlpi_scanner *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' ||
                              *s->at == '\n' || *s->at == '\r')) {
        s->at++;
    }
}

/* The character at hand, 0 at the end. */
static char peek(const mlpi_scanner *s)
{
    return s->at < s->end ? *s->at : '\0';
}

static bool starts(const mlpi_scanner *s, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(s->end - s->at) >= n && memcmp(s->at, word, n) == 0;
}

bool mlpi_scan_word(mlpi_scanner *s, const char *word)
{
    skip_blanks(s);
    if (!starts(s, word)) {
        return false;
    }
    s->at += strlen(word);
    return true;
}

bool mlpi_scan_end(mlpi_scanner *s)
{
    skip_blanks(s);
    return s->at == s->end;
}

bool mlpi_scan_line(mlpi_scanner *s, const char *key)
{
    while (s->at < s->end) {
        const char *line = memchr(s->at, '\n', (size_t)(s->end - s->at));
        s->at = line ? line + 1 : s->end;
        if (starts(s, key)) {
            s->at += strlen(key);
            return true;
        }
    }
    return false;
}

bool mlpi_scan_count(mlpi_scanner *s, size_t *n)
{
    size_t value = 0;
    skip_blanks(s);
    if (!is_digit(peek(s))) {
        return false;
    }
    for (; is_digit(peek(s)); s->at++) {
        size_t digit = (size_t)(*s->at - '0');
        if (value > (SIZE_MAX - digit) / 10) {
            return false;
        }
        value = 10 * value + digit;
    }
    *n = value;
    return true;
}

/* ---------------------------------------------------------------------------
 * Decimal numbers
 */

/* value 10^power */
typedef struct decimal {
    uint64_t value;
    int digits; /* of the value */
    int power;
} decimal;

/* More digits, of which the first `most` count; each moves the point. Powers
 * stay far inside of an int: a text has fewer digits than that, or they are
 * cut. */
static bool take_digits(mlpi_scanner *s, decimal *d, int move)
{
    enum { FAR = 1 << 20 };
    bool some = false;
    for (; is_digit(peek(s)); s->at++, some = true) {
        bool counts = d->digits < DIGITS;
        if (counts) {
            d->value = 10 * d->value + (uint64_t)(*s->at - '0');
            d->digits += d->value > 0;
        }
        int by = move + (counts ? 0 : 1);
        if (d->power + by > -FAR && d->power + by < FAR) {
            d->power += by;
        }
    }
    return some;
}

static bool take_mark(mlpi_scanner *s)
{
    bool is_mark = (peek(s) == '.' || peek(s) == ',') && s->at + 1 < s->end &&
                   is_digit(s->at[1]);
    s->at += is_mark;
    return is_mark;
}

static bool take_sign(mlpi_scanner *s)
{
    bool is_negative = peek(s) == '-';
    s->at += is_negative || peek(s) == '+';
    return is_negative;
}

static bool take_power(mlpi_scanner *s, decimal *d)
{
    enum { FAR = 1 << 24 };
    int power = 0;
    if (peek(s) != 'e' && peek(s) != 'E') {
        return true;
    }
    s->at++;
    bool is_negative = take_sign(s);
    bool some = false;
    for (; is_digit(peek(s)); s->at++, some = true) {
        power = power < FAR ? 10 * power + (*s->at - '0') : FAR;
    }
    d->power += is_negative ? -power : power;
    return some;
}

static wide normal(wide x)
{
    for (; x.m >> 63 == 0; x.e--) {
        x.m <<= 1;
    }
    return x;
}

/* The upper half of the product, from four of halves. */
static wide product(wide a, wide b)
{
    const uint64_t low = UINT32_MAX;
    uint64_t ah = a.m >> 32;
    uint64_t al = a.m & low;
    uint64_t bh = b.m >> 32;
    uint64_t bl = b.m & low;
    uint64_t middle = ah * bl + (al * bl >> 32);
    uint64_t other = al * bh + (middle & low);
    return normal(
        (wide){ah * bh + (middle >> 32) + (other >> 32), a.e + b.e + 64});
}

/* m 2^e, rounded; powers of two are exact, unless the number becomes smaller
 * than normal ones. */
static double narrowed(wide x)
{
    double value = (double)x.m;
    for (; x.e >= 64; x.e -= 64) {
        value *= 0x1p64;
    }
    for (; x.e <= -64; x.e += 64) {
        value *= 0x1p-64;
    }
    return x.e < 0 ? value / (double)(UINT64_C(1) << -x.e)
                   : value * (double)(UINT64_C(1) << x.e);
}

static double value_of(const decimal *d)
{
    if (d->value == 0 || d->power < -MOST_POWER) {
        return 0.0;
    }
    if (d->power > MOST_POWER) {
        return (double)INFINITY;
    }
    wide x = normal((wide){d->value, 0});
    unsigned power = (unsigned)(d->power < 0 ? -d->power : d->power);
    for (size_t i = 0; i < POWERS; i++) {
        if (power >> i & 1) {
            x = product(x, d->power < 0 ? down[i] : up[i]);
        }
    }
    return narrowed(x);
}

bool mlpi_scan_real(mlpi_scanner *s, double *x)
{
    decimal d = {.value = 0};
    skip_blanks(s);
    bool is_negative = take_sign(s);
    if (!take_digits(s, &d, 0)) {
        return false;
    }
    if (take_mark(s)) {
        (void)take_digits(s, &d, -1);
    }
    if (!take_power(s, &d)) {
        return false;
    }
    double size = value_of(&d);
    *x = is_negative ? -size : size;
    return isfinite(size);
}
