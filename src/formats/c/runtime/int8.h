/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic of networks in int8, all of it in integers. It runs in
 * exported networks, and in the library, which tries a network before it is
 * written (quantise.h describes the numbers).
 *
 * This file is both included and cut into snippets by cut_snippets.cmake, which
 * leaves out the conditional part; so it has no include guard.
 *
 * An output's q stands for a = scale (q - zero). A neuron adds its bias and the
 * products of weights and inputs in 32 bits, and the sum times multiplier /
 * 2^shift is its output's q - zero. Each neuron has its multiplier; the shift
 * is the same for a layer. Nothing depends on the compiler: no signed overflow,
 * no shift of a negative number.
 */
#include <stdint.h>

/* An exported file defines these macros for its machine. READ8 and READ32 read
 * a constant: on an AVR constants lie in an address space of their own,
 * elsewhere they are read like variables. FOURS is how many of n products are
 * added in fours, and ADD_FOUR adds four: some ARM processors have instructions
 * for it, and elsewhere there are none such. */
#ifndef READ8
#define READ8(p) (*(p))
#define READ32(p) (*(p))
#define FOURS(n) 0
#define ADD_FOUR(sum, w, x) (sum)
#endif

/* What a layer's arithmetic needs besides its arrays. */
typedef struct layer_numbers {
    int inputs, outputs;
    int shift; /* of all multipliers, from 1 to 62 */
    int zero;  /* of the sums; for ReLU it is the smallest number, -128 */
} layer_numbers;

/* Returns sum * multiplier / 2^shift, rounded to the nearest whole number, and
 * halves up. C leaves the right shift of a negative number to the compiler, so
 * none is shifted. */
static inline int64_t rescaled(int32_t sum, int32_t multiplier, int shift)
{
    int64_t product = (int64_t)sum * multiplier + ((int64_t)1 << (shift - 1));
    return product < 0 ? ~(~product >> shift) : product >> shift;
}

/* Computes the sums y[outputs] of x[inputs]. The weights w[outputs][inputs] lie
 * neuron by neuron; channels[outputs][2] hold the bias and the multiplier of
 * each. Sums beyond the range of int8 saturate. */
static inline void dense(const layer_numbers *layer, const int8_t *w,
                         const int32_t *channels, const int8_t *x, int8_t *y)
{
    for (int j = 0; j < layer->outputs; j++, w += layer->inputs) {
        int32_t sum = READ32(channels + 2 * j);
        int k = 0;
        for (; k < FOURS(layer->inputs); k += 4) {
            sum = ADD_FOUR(sum, w + k, x + k);
        }
        for (; k < layer->inputs; k++) {
            sum += READ8(w + k) * x[k];
        }
        int64_t q = rescaled(sum, READ32(channels + 2 * j + 1), layer->shift);
        q += layer->zero;
        y[j] = (int8_t)(q < -128 ? -128 : q > 127 ? 127 : q);
    }
}

/* Replaces each sum by the activation of it, which table[256] holds for every
 * number from -128 to 127. */
static inline void look_up(const int8_t *table, int n, int8_t *y)
{
    for (int j = 0; j < n; j++) {
        y[j] = READ8(table + (y[j] + 128));
    }
}

/* Like look_up, but with a table for each sum, one behind the other. */
static inline void look_up_each(const int8_t *table, int n, int8_t *y)
{
    for (int j = 0; j < n; j++, table += 256) {
        y[j] = READ8(table + (y[j] + 128));
    }
}

/* Returns the index of the first of the largest numbers. */
static inline int first_largest(int n, const int8_t *y)
{
    int first = 0;
    for (int j = 0; j < n; j++) {
        first = y[first] < y[j] ? j : first;
    }
    return first;
}

/* Returns the integer from -127 to 127 that is nearest to (x - center) / scale;
 * -127 for a NaN. */
static inline int8_t quantised(float x, float center, float scale)
{
    float q = (x - center) / scale;
    q += q < 0 ? -0.5f : 0.5f;
    return (int8_t)(q >= 127 ? 127 : q > -127 ? (int)q : -127);
}
