/* SPDX-License-Identifier: MIT */
/*
 * Whole numbers are cut into digits from the highest, 32 bits of a checksum
 * from the lowest.
 *
 * A double has 1 bit of sign, 11 bits of exponent e and 52 bits of fraction f:
 *
 *     e > 0    (-1)^sign * (2^52 + f) * 2^(e - 1075)    normal numbers
 *     e = 0    (-1)^sign * f * 2^(1 - 1075)             zero and subnormals
 *
 * The 2^52 is the hidden bit. Four bits of the fraction are one hexadecimal
 * digit, so no digit is ever rounded: writing cuts the bits into digits, and
 * reading shifts the digits until they are the bits of a double, or finds that
 * a bit would be lost.
 */
#include "base/number_text.h"

#include <string.h>

/* Position i holds the digit of i, for writing and for reading. */
static const char hex_digits[] = "0123456789abcdef";

/* The last digit has the lowest four bits, so digits are written from the
 * end. */
void mlpi_put_hex32(uint32_t value, char digits[MLPI_HEX32_DIGITS])
{
    for (size_t i = MLPI_HEX32_DIGITS; i-- > 0; value >>= 4) {
        digits[i] = hex_digits[value & 15];
    }
}

/* Capital letters are refused: a text has one form, so files can be
 * compared. */
bool mlpi_get_hex32(const char digits[MLPI_HEX32_DIGITS], uint32_t *value)
{
    uint32_t result = 0;
    for (size_t i = 0; i < MLPI_HEX32_DIGITS; i++) {
        const char *found = digits[i] ? strchr(hex_digits, digits[i]) : NULL;
        if (!found) {
            return false;
        }
        result = result << 4 | (uint32_t)(found - hex_digits);
    }
    *value = result;
    return true;
}

char *mlpi_put_decimal(uint64_t value, char *digits)
{
    uint64_t unit = 1; /* the power of ten of the next digit */
    while (value / unit >= 10) {
        unit *= 10;
    }
    for (; unit > 0; unit /= 10) {
        *digits++ = (char)('0' + value / unit % 10);
    }
    return digits;
}

enum {
    FRACTION_BITS = 52,
    BIAS = 1023,
    MIN_EXPONENT = -1074, /* of the last bit of a double */
    MAX_DIGITS = 16       /* that fit 64 bits */
};

/* The hidden bit. */
#define HIDDEN ((uint64_t)1 << FRACTION_BITS)

/* The digit before the point is the hidden bit; zero has no digits behind
 * it. */
void mlpi_hexfloat_write(double x, char text[MLPI_HEXFLOAT_SIZE])
{
    uint64_t bits = 0;
    memcpy(&bits, &x, sizeof bits);
    /* The two fields are e and f of the formula. */
    unsigned biased = (unsigned)(bits >> FRACTION_BITS) & 0x7ff;
    uint64_t fraction = bits & (HIDDEN - 1);
    char *at = text;
    if (bits >> 63) {
        *at++ = '-';
    }
    memcpy(at, biased > 0 ? "0x1." : "0x0.", 4);
    at += 4;
    if (bits << 1 == 0) { /* zero of either sign */
        memcpy(at, "0p+0", 5);
        return;
    }
    for (unsigned shift = FRACTION_BITS; shift > 0;) {
        shift -= 4;
        *at++ = hex_digits[fraction >> shift & 15];
    }
    /* Subnormals have the exponent of e = 1, and 0 before the point. */
    int exponent = (int)(biased > 0 ? biased : 1) - BIAS;
    *at++ = 'p';
    *at++ = exponent < 0 ? '-' : '+';
    at = mlpi_put_decimal((uint64_t)(exponent < 0 ? -exponent : exponent), at);
    *at = '\0';
}

/* The rest of the text to be read. */
typedef struct cursor {
    const char *at, *end;
} cursor;

/* Takes the next character if it is this one. */
static bool take(cursor *c, char wanted)
{
    if (c->at == c->end || *c->at != wanted) {
        return false;
    }
    c->at++;
    return true;
}

/* Takes the next character if it is a digit of the base, and gives its
 * value. */
static bool take_digit(cursor *c, unsigned base, unsigned *digit)
{
    const char *found =
        c->at == c->end ? NULL : memchr(hex_digits, *c->at, (size_t)base);
    if (!found) {
        return false;
    }
    *digit = (unsigned)(found - hex_digits);
    c->at++;
    return true;
}

/* Takes digits with or without a point: the value is *mantissa * 2^*exponent.
 * Too many digits shift the first ones out of the mantissa; then they are
 * refused. */
static bool take_mantissa(cursor *c, uint64_t *mantissa, int *exponent)
{
    unsigned digit = 0;
    size_t n = 0;
    bool point = false;
    for (;;) {
        if (take_digit(c, 16, &digit)) {
            *mantissa = *mantissa << 4 | digit;
            *exponent -= point ? 4 : 0;
            n++;
        } else if (point || !take(c, '.')) {
            return n > 0 && n <= MAX_DIGITS;
        } else {
            point = true;
        }
    }
}

/* Takes p, a sign or none, and one to four decimal digits, and adds them to the
 * exponent. Four digits are enough for any double and cannot overflow. */
static bool take_exponent(cursor *c, int *exponent)
{
    if (!take(c, 'p')) {
        return false;
    }
    int sign = take(c, '-') ? -1 : 1;
    (void)(sign > 0 && take(c, '+'));
    unsigned digit = 0;
    int value = 0;
    size_t n = 0;
    for (; n < 5 && take_digit(c, 10, &digit); n++) {
        value = 10 * value + (int)digit;
    }
    *exponent += sign * value;
    return n > 0 && n < 5;
}

/* Gives the bits of mantissa * 2^exponent without its sign. Returns false if no
 * double has that value: if it is too large, or a bit that is not zero would
 * have to be shifted out at the end. */
static bool assemble(uint64_t mantissa, int exponent, uint64_t *bits)
{
    *bits = 0;
    if (mantissa == 0) {
        return true;
    }
    /* Shift up until the hidden bit is set, or the number is subnormal. */
    while (mantissa < HIDDEN && exponent > MIN_EXPONENT) {
        mantissa <<= 1;
        exponent--;
    }
    /* Shift down what has too many bits, as long as they are zeros. */
    while (mantissa >= 2 * HIDDEN || exponent < MIN_EXPONENT) {
        if (mantissa & 1) {
            return false;
        }
        mantissa >>= 1;
        exponent++;
    }
    /* MIN_EXPONENT belongs to e = 1; e = 2047 would be an infinity. */
    uint64_t biased = (uint64_t)exponent + (uint64_t)(1 - MIN_EXPONENT);
    if (biased >= 0x7ff) {
        return false;
    }
    *bits = mantissa < HIDDEN
                ? mantissa
                : biased << FRACTION_BITS | (mantissa & (HIDDEN - 1));
    return true;
}

/* The text must end where the number ends. */
bool mlpi_hexfloat_read(const char *text, size_t n, double *x)
{
    cursor c = {text, text + n};
    uint64_t mantissa = 0;
    uint64_t bits = 0;
    int exponent = 0;
    bool negative = take(&c, '-');
    if (!take(&c, '0') || !take(&c, 'x') ||
        !take_mantissa(&c, &mantissa, &exponent) ||
        !take_exponent(&c, &exponent) || c.at != c.end ||
        !assemble(mantissa, exponent, &bits)) {
        return false;
    }
    bits |= (uint64_t)negative << 63;
    memcpy(x, &bits, sizeof *x);
    return true;
}
