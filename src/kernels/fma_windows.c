/* SPDX-License-Identifier: MIT */
/*
 * fma and fmaf for Windows, where the C library of mingw-w64 rounds one result
 * in four wrongly. CMake defines fma as mlpi_fma and fmaf as mlpi_fmaf there,
 * so that math.h declares these two; only the kernels whose CPU has an
 * instruction for fma keep the name.
 *
 * IEEE 754 defines every bit: x y + z as if computed exactly, then rounded
 * once.
 *
 * float: double holds the product exactly. The sum is rounded to double "to
 * odd": if it is not exact, its last bit is set. Then rounding it to float
 * gives what one rounding gives, because a double has more than two bits more
 * than a float (Boldo and Melquiond, "Emulation of a FMA and correctly rounded
 * sums: proved algorithms using rounding to odd", 2008).
 *
 * double: the product of two fractions of 53 bits has 106, so the sum is an
 * integer of 128 bits times a power of two. What an operand that is much
 * smaller loses at the lower end is kept as one bit that is set, which is
 * enough to round by.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The fraction of a double has 52 bits behind its leading one. Its last bit is
 * worth 2^LEAST in a subnormal number and at most 2^MOST in any. */
enum { FRACTION = 52, LEAST = -1074, MOST = 971 };

__extension__ typedef unsigned __int128 wide;

/* A number: (-1)^is_negative * digits * 2^exponent. */
typedef struct number {
    bool is_negative;
    wide digits;
    int exponent;
} number;

static uint64_t bits_of(double x)
{
    uint64_t bits = 0;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits)
{
    double x = 0;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Splits a finite number that is not 0 so that its leading digit is bit 52. */
static number split(double x)
{
    uint64_t bits = bits_of(x);
    uint64_t one = (uint64_t)1 << FRACTION;
    uint64_t digits = bits & (one - 1);
    int exponent = (int)(bits >> FRACTION & 0x7ff);
    if (exponent > 0) {
        digits |= one;
    } else { /* subnormal */
        exponent = 1;
        while (digits < one) {
            digits <<= 1;
            exponent--;
        }
    }
    return (number){bits >> 63, digits, exponent - 1 + LEAST};
}

/* Shifts right by any number of bits; the last bit of the result tells whether
 * a bit that is set was lost. */
static wide shift_right(wide digits, int n)
{
    if (n > 127) {
        return digits != 0;
    }
    wide kept = digits >> n;
    return kept | (kept << n != digits);
}

/* Rounds to the nearest double, and to an even one between two. The digits are
 * not 0. */
static double round_number(number x)
{
    int top = 127;
    while (!(x.digits >> top & 1)) {
        top--;
    }
    /* The exponent that the last of 53 bits has, or that of a subnormal. */
    int last = x.exponent + top - FRACTION;
    last = last < LEAST ? LEAST : last;
    int dropped = last - x.exponent;
    wide kept = 0;
    if (dropped <= 0) {
        kept = x.digits << -dropped;
    } else {
        /* Two bits more than will be kept: the half, and "there is more". */
        wide more = shift_right(dropped > 1 ? x.digits : x.digits << 1,
                                dropped > 1 ? dropped - 2 : 0);
        kept = more >> 2;
        kept += (more & 3) > 2 || ((more & 3) == 2 && (kept & 1));
    }
    uint64_t sign = (uint64_t)x.is_negative << 63;
    if (last > MOST) {
        return from_bits(sign | (uint64_t)0x7ff << FRACTION);
    }
    /* A carry out of the fraction adds 1 to the exponent, as it should. The
     * leading one adds 1, too, so a subnormal, which has none, gets 0. */
    return from_bits(sign |
                     (((uint64_t)(last - LEAST) << FRACTION) + (uint64_t)kept));
}

/* Adds two numbers whose leading digit is bit 124 or 125. Returns digits that
 * are 0 only if the sum is. */
static number add(number a, number b)
{
    if (a.exponent < b.exponent) {
        number larger = b;
        b = a;
        a = larger;
    }
    b.digits = shift_right(b.digits, a.exponent - b.exponent);
    if (a.is_negative == b.is_negative) {
        a.digits += b.digits;
    } else if (a.digits >= b.digits) {
        a.digits -= b.digits;
    } else {
        a.digits = b.digits - a.digits;
        a.is_negative = b.is_negative;
    }
    return a;
}

double mlpi_fma(double x, double y, double z)
{
    if (!isfinite(x) || !isfinite(y) || x == 0 || y == 0) {
        return x * y + z; /* the product is exact */
    }
    if (!isfinite(z)) {
        return z; /* even if x * y is too large for a double */
    }
    if (z == 0) {
        return x * y;
    }
    number a = split(x);
    number b = split(y);
    number c = split(z);
    /* The leading digit of the product is bit 104 or 105; here 124 or 125. */
    number product = {a.is_negative != b.is_negative,
                      (a.digits * b.digits) << 20,
                      a.exponent + b.exponent - 20};
    number addend = {c.is_negative, c.digits << 72, c.exponent - 72};
    number sum = add(product, addend);
    return sum.digits == 0 ? 0 : round_number(sum);
}

float mlpi_fmaf(float x, float y, float z)
{
    double product = (double)x * y;
    double sum = product + z;
    if (!isfinite(sum)) {
        return (float)sum;
    }
    /* Knuth's exact error of a sum. */
    double added = sum - product;
    double lost = (product - (sum - added)) + (z - added);
    uint64_t bits = bits_of(sum);
    if (lost != 0 && !(bits & 1)) {
        bits += (lost > 0) == (sum > 0) ? 1 : UINT64_MAX; /* or minus 1 */
    }
    return (float)from_bits(bits);
}
