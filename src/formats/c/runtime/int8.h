/* SPDX-License-Identifier: MIT */
/*
 * Networks of int8, exported and here, where they are tried: quantise.h. All is
 * done in integers. Parameters: READ8(p) and READ32(p), which are *p for
 * constants. See export_pieces.h.
 *
 * Numbers q stand for a = step (q - zero). A neuron adds its bias and products
 * of weights and inputs up in 32 bits, and the sum times multiplier / 2^shift
 * is its output's q - zero.
 */
#include <stdint.h>

/* Exported files define these for their machine: on an AVR constants lie in
 * another address space. Elsewhere a constant is read as it is. */
#ifndef READ8
#define READ8(p) (*(p))
#define READ32(p) (*(p))
#endif

typedef struct layer_numbers {
    int inputs, outputs;
    int shift;
    int zero; /* of the sums; of ReLU it is the least number, -128 */
} layer_numbers;

/* sum multiplier / 2^shift, to the nearest whole number. Negative numbers are
 * not shifted, which a compiler may do as it likes. */
static inline int64_t rescaled(int32_t sum, int32_t multiplier, int shift)
{
    int64_t product = (int64_t)sum * multiplier + ((int64_t)1 << (shift - 1));
    return product < 0 ? ~(~product >> shift) : product >> shift;
}

/* Weights come neuron by neuron; `channels` are a bias and a multiplier of
 * each. */
static inline void dense(const layer_numbers *layer, const int8_t *w,
                         const int32_t *channels, const int8_t *x, int8_t *y)
{
    for (int j = 0; j < layer->outputs; j++, w += layer->inputs) {
        int32_t sum = READ32(channels + 2 * j);
        for (int k = 0; k < layer->inputs; k++) {
            sum += READ8(w + k) * x[k];
        }
        int64_t q = rescaled(sum, READ32(channels + 2 * j + 1), layer->shift);
        q += layer->zero;
        y[j] = (int8_t)(q < -128 ? -128 : q > 127 ? 127 : q);
    }
}

/* Any activation: a number for each of the 256. */
static inline void look_up(const int8_t *table, int n, int8_t *y)
{
    for (int j = 0; j < n; j++) {
        y[j] = READ8(table + (y[j] + 128));
    }
}

/* The first of the largest. */
static inline int first_largest(int n, const int8_t *y)
{
    int first = 0;
    for (int j = 0; j < n; j++) {
        first = y[first] < y[j] ? j : first;
    }
    return first;
}

/* The nearest of -127 to 127 to (x - center) / step. */
static inline int8_t quantised(float x, float center, float step)
{
    float q = (x - center) / step;
    q += q < 0 ? -0.5f : 0.5f;
    return (int8_t)(q >= 127 ? 127 : q > -127 ? (int)q : -127);
}
