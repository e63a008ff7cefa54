/* SPDX-License-Identifier: MIT */
/*
 * How a decimal number becomes a double, whatever the locale.
 *
 * The number is D 10^k, where the integer D has at most 19 digits and fits into
 * 64 bits. 10^k is a product of the powers 10^1, 10^2, 10^4, ..., 10^256, one
 * for each bit of k:
 *
 *     123.4e7 = 1234 10^6 = 1234 10^4 10^2
 *
 * All factors are held as m 2^e with a mantissa m of 64 bits, 11 more than a
 * double has.
 *
 * Error bound. A product drops less than 2^-62 of its value, a table entry is
 * off by at most 2^-64, and a finite result takes at most nine products. Digits
 * beyond the 19th are worth less than 2^-59. Together this is less than 2^-57
 * of the value, 1/16 of a double's unit in the last place; only a number that
 * lies that close to the middle between two doubles may be rounded to the other
 * one.
 */
#include "formats/foreign/scan.h"

#include <math.h>
#include <string.h>

/* A number m 2^e. It is normalised if the highest bit of m is set. */
typedef struct extended {
    uint64_t m;
    int e;
} extended;

/* The number of powers in a table, the largest |k| that they make, and the
 * digits that count. Every double has a |k| below 400. */
enum { POWERS = 9, MAX_POWER = (1 << POWERS) - 1, DIGITS = 19 };

/* Entry i is 10^(2^i), rounded to 64 bits. */
static const extended positive_powers[POWERS] = {
    {UINT64_C(0xa000000000000000), -60}, {UINT64_C(0xc800000000000000), -57},
    {UINT64_C(0x9c40000000000000), -50}, {UINT64_C(0xbebc200000000000), -37},
    {UINT64_C(0x8e1bc9bf04000000), -10}, {UINT64_C(0x9dc5ada82b70b59e), 43},
    {UINT64_C(0xc2781f49ffcfa6d5), 149}, {UINT64_C(0x93ba47c980e98ce0), 362},
    {UINT64_C(0xaa7eebfb9df9de8e), 787},
};
/* Entry i is 10^-(2^i), rounded to 64 bits. */
static const extended negative_powers[POWERS] = {
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

/* Skips the four characters that separate numbers and words. isspace would
 * depend on the locale. */
static void skip_blanks(mlpi_scanner *s)
{
    while (s->next < s->end && (*s->next == ' ' || *s->next == '\t' ||
                                *s->next == '\n' || *s->next == '\r')) {
        s->next++;
    }
}

/* Returns the next character without reading it; 0 at the end. */
static char peek(const mlpi_scanner *s)
{
    return s->next < s->end ? *s->next : '\0';
}

/* Returns true if the text continues with `word`. */
static bool starts_with(const mlpi_scanner *s, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(s->end - s->next) >= n && memcmp(s->next, word, n) == 0;
}

bool mlpi_scan_word(mlpi_scanner *s, const char *word)
{
    skip_blanks(s);
    if (!starts_with(s, word)) {
        return false;
    }
    s->next += strlen(word);
    return true;
}

bool mlpi_scan_end(mlpi_scanner *s)
{
    skip_blanks(s);
    return s->next == s->end;
}

/* memchr finds the ends of lines. The scanner stands somewhere in a line when
 * the search begins; that line is not searched, since its key has been read. */
bool mlpi_scan_line(mlpi_scanner *s, const char *key)
{
    while (s->next < s->end) {
        const char *line = memchr(s->next, '\n', (size_t)(s->end - s->next));
        s->next = line ? line + 1 : s->end;
        if (starts_with(s, key)) {
            s->next += strlen(key);
            return true;
        }
    }
    return false;
}

/* The number is checked before each digit is added, so that the sum never
 * exceeds SIZE_MAX. */
bool mlpi_scan_count(mlpi_scanner *s, size_t *n)
{
    size_t value = 0;
    skip_blanks(s);
    if (!is_digit(peek(s))) {
        return false;
    }
    for (; is_digit(peek(s)); s->next++) {
        size_t digit = (size_t)(*s->next - '0');
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
 *
 * The characters of a number are gathered into a struct decimal first, and then
 * converted at once. A number may have any length: digits that do not fit move
 * the power of ten.
 */

/* The number value 10^power, while its characters are read. */
typedef struct decimal {
    uint64_t value;
    int digits; /* of the value, at most DIGITS */
    int power;
} decimal;

/* Reads digits. The first DIGITS digits that are not leading zeros extend the
 * value; for each later one the power grows instead. Each digit after the point
 * makes the power less by 1: `shift` is -1 there, 0 before the point.
 *
 * The power stays within MAX_SHIFT, so that a text of millions of digits cannot
 * overflow an int. Returns true if there was a digit. */
static bool read_digits(mlpi_scanner *s, decimal *d, int shift)
{
    enum { MAX_SHIFT = 1 << 20 };
    bool found = false;
    for (; is_digit(peek(s)); s->next++, found = true) {
        bool extends = d->digits < DIGITS;
        if (extends) {
            d->value = 10 * d->value + (uint64_t)(*s->next - '0');
            d->digits += d->value > 0;
        }
        int power = d->power + shift + (extends ? 0 : 1);
        if (power > -MAX_SHIFT && power < MAX_SHIFT) {
            d->power = power;
        }
    }
    return found;
}

/* Reads a decimal point or comma, if a digit follows it. Otherwise the point is
 * no part of the number, and the caller finds it where it expects a blank. */
static bool read_point(mlpi_scanner *s)
{
    bool is_point = (peek(s) == '.' || peek(s) == ',') &&
                    s->next + 1 < s->end && is_digit(s->next[1]);
    s->next += is_point;
    return is_point;
}

/* Reads a sign, if there is one. Returns true if it is a minus. */
static bool read_sign(mlpi_scanner *s)
{
    bool is_negative = peek(s) == '-';
    s->next += is_negative || peek(s) == '+';
    return is_negative;
}

/* Reads an exponent such as e-3, if there is one. Returns false if digits are
 * missing. The exponent stops growing long after the number is 0 or infinite,
 * so that it cannot overflow an int. */
static bool read_power(mlpi_scanner *s, decimal *d)
{
    enum { MAX_EXPONENT = 1 << 24 };
    int power = 0;
    if (peek(s) != 'e' && peek(s) != 'E') {
        return true;
    }
    s->next++;
    bool is_negative = read_sign(s);
    bool found = false;
    for (; is_digit(peek(s)); s->next++, found = true) {
        power =
            power < MAX_EXPONENT ? 10 * power + (*s->next - '0') : MAX_EXPONENT;
    }
    d->power += is_negative ? -power : power;
    return found;
}

/* Shifts the mantissa until its highest bit is set. It must not be 0. */
static extended normalised(extended x)
{
    for (; x.m >> 63 == 0; x.e--) {
        x.m <<= 1;
    }
    return x;
}

/* Returns a b, with the upper 64 of the 128 bits of the product of mantissas.
 * C11 has no type of 128 bits, so four products of 32-bit halves are added. */
static extended product(extended a, extended b)
{
    const uint64_t low = UINT32_MAX;
    uint64_t ah = a.m >> 32;
    uint64_t al = a.m & low;
    uint64_t bh = b.m >> 32;
    uint64_t bl = b.m & low;
    uint64_t middle = ah * bl + (al * bl >> 32);
    uint64_t other = al * bh + (middle & low);
    return normalised(
        (extended){ah * bh + (middle >> 32) + (other >> 32), a.e + b.e + 64});
}

/* Returns m 2^e. Only the conversion of m rounds: products with powers of two
 * are exact, unless the result is subnormal. */
static double to_double(extended x)
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

/* Returns value 10^power; infinity if that is too large, 0 if it is too small.
 * Beyond MAX_POWER no value of up to 19 digits is a double, so the tables need
 * no more powers. */
static double value_of(const decimal *d)
{
    if (d->value == 0 || d->power < -MAX_POWER) {
        return 0.0;
    }
    if (d->power > MAX_POWER) {
        return (double)INFINITY;
    }
    extended x = normalised((extended){d->value, 0});
    unsigned power = (unsigned)(d->power < 0 ? -d->power : d->power);
    for (size_t i = 0; i < POWERS; i++) {
        if (power >> i & 1) {
            x = product(x,
                        d->power < 0 ? negative_powers[i] : positive_powers[i]);
        }
    }
    return to_double(x);
}

/* Reads the parts of a number in their order: sign, digits, point and digits,
 * exponent. Only the first digits are required. */
bool mlpi_scan_real(mlpi_scanner *s, double *x)
{
    decimal d = {.value = 0};
    skip_blanks(s);
    bool is_negative = read_sign(s);
    if (!read_digits(s, &d, 0)) {
        return false;
    }
    if (read_point(s)) {
        (void)read_digits(s, &d, -1);
    }
    if (!read_power(s, &d)) {
        return false;
    }
    double magnitude = value_of(&d);
    *x = is_negative ? -magnitude : magnitude;
    return isfinite(magnitude);
}
