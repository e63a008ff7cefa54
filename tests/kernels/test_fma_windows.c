/* SPDX-License-Identifier: MIT */
/*
 * The fma and fmaf that the library brings for Windows, beside those of this
 * machine's C library, whose every bit IEEE 754 defines: random numbers of all
 * kinds, sums that nearly cancel, and every combination of special values.
 */
#include "support/support.h"

/* What math.h declares on Windows. */
double mlpi_fma(double x, double y, double z);
float mlpi_fmaf(float x, float y, float z);

enum { FRACTION = 52 }; /* bits behind the leading one of a double */

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

static uint64_t random_state = 88172645463325252U;

/* Marsaglia's xorshift generator makes them, with a multiplication. */
static uint64_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * 2685821657736338717U;
}

static double random_double(void)
{
    const uint64_t bits = random_bits();
    const uint64_t sign_and_fraction = bits & 0x800fffffffffffffU;
    switch (random_bits() % 5) {
    case 0: /* any bits */
        return from_bits(bits);
    case 1: /* about 1 */
        return from_bits(sign_and_fraction | (1019 + random_bits() % 8)
                                                 << FRACTION);
    case 2: /* subnormal */
        return from_bits(sign_and_fraction);
    case 3: /* few digits */
        return ldexp((double)(bits >> 40) - 8388608,
                     (int)(random_bits() % 60) - 30);
    default: /* a power of two, or just below it */
        return from_bits((bits & 0x7ff0000000000000U) - (bits & 1));
    }
}

static float random_float(void)
{
    return (float)ldexp(random_double(), (int)(random_bits() % 3) * 900 - 900);
}

static void check_double(double x, double y, double z)
{
    double got = mlpi_fma(x, y, z);
    double expected = fma(x, y, z);
    if (bits_of(got) != bits_of(expected) && !(isnan(got) && isnan(expected))) {
        fail_msg("%a * %a + %a: expected %a, got %a", x, y, z, expected, got);
    }
}

static void check_float(float x, float y, float z)
{
    double got = (double)mlpi_fmaf(x, y, z);
    double expected = (double)fmaf(x, y, z);
    if (bits_of(got) != bits_of(expected) && !(isnan(got) && isnan(expected))) {
        fail_msg("%a * %a + %a: expected %a, got %a", (double)x, (double)y,
                 (double)z, expected, got);
    }
}

static void fma_rounds_once(void **state)
{
    (void)state;
    for (int i = 0; i < 2000000; i++) {
        double x = random_double();
        double y = random_double();
        check_double(x, y, random_double());
        double near = from_bits(bits_of(-x * y) + random_bits() % 5 - 2);
        check_double(x, y, near);
        check_double(x, near, y);
    }
}

static void fmaf_rounds_once(void **state)
{
    (void)state;
    for (int i = 0; i < 2000000; i++) {
        float x = random_float();
        float y = random_float();
        check_float(x, y, random_float());
        check_float(x, y, -x * y);
    }
}

static void special_values_are_ieees(void **state)
{
    (void)state;
    static const double values[] = {0,
                                    -0.0,
                                    1,
                                    -1,
                                    0.5,
                                    INFINITY,
                                    -INFINITY,
                                    NAN,
                                    0x1p-74,
                                    0x1p-149,
                                    0x1p127,
                                    -0x1.fffffep127,
                                    0x1p-537,
                                    -0x1p-1022,
                                    0x1p-1074,
                                    0x1p1023,
                                    0x1.fffffffffffffp1023,
                                    -0x1.fffffffffffffp1023};
    enum { N = COUNT(values) };
    for (size_t i = 0; i < N * N * N; i++) {
        double x = values[i % N];
        double y = values[i / N % N];
        double z = values[i / N / N];
        check_double(x, y, z);
        check_float((float)x, (float)y, (float)z);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fma_rounds_once),
        cmocka_unit_test(fmaf_rounds_once),
        cmocka_unit_test(special_values_are_ieees),
    };
    return cmocka_run_group_tests_name("fma_windows", tests, NULL, NULL);
}
