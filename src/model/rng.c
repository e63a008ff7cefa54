/* SPDX-License-Identifier: MIT */
/*
 * Random numbers, the same as those of NumPy's legacy RandomState.
 *
 * The generator is MT19937 (M. Matsumoto and T. Nishimura, "Mersenne twister: a
 * 623-dimensionally equidistributed uniform pseudo-random number generator",
 * ACM TOMACS 8, 1998). Its state is 624 words x of 32 bits. After all words
 * have been used, all are replaced in one loop by
 *
 *     x[i] = x[i + 397] ^ twist(highest bit of x[i], other bits of x[i + 1])
 *
 * with indices modulo 624. Each word is used once; before that its bits are
 * mixed ("tempering" in the paper).
 *
 * NumPy promises that its legacy distributions will always use the words in the
 * same order. The functions below use the words in that order, too, and tests
 * compare each function with NumPy's output:
 *
 *     random_sample   53 bits of two words, as a number in [0, 1)
 *     randn           Marsaglia's polar method, which makes two numbers at once
 *     randint         low bits of one or two words, until they are in range
 *     shuffle         Fisher and Yates, from the last item to the second
 *
 * The whole state is in mlp_rng, which the caller may copy. There are no global
 * variables.
 */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/kernels.h"

enum { WORDS = 624, SHIFT = 397 }; /* n and m of the paper */

#define REFERENCE_SEED 5489u /* of the authors' reference program */

/* Each word of the state is computed from the previous word, as in the
 * reference program. The multiplier is from Knuth, "The art of computer
 * programming", volume 2. */
mlp_rng mlp_rng_seeded(uint32_t seed)
{
    mlp_rng rng;
    memset(&rng, 0, sizeof rng);
    rng.key[0] = seed;
    for (uint32_t i = 1; i < WORDS; i++) {
        uint32_t previous = rng.key[i - 1];
        rng.key[i] = 1812433253u * (previous ^ (previous >> 30)) + i;
    }
    return rng;
}

/* Returns the new word. `far` is the word SHIFT places ahead; the highest bit
 * of `high` and the other bits of `low` make a word that is multiplied by the
 * matrix of the paper (the shift and the constant). */
static uint32_t twisted(uint32_t far, uint32_t high, uint32_t low)
{
    uint32_t y = (high & 0x80000000u) | (low & 0x7fffffffu);
    return far ^ (y >> 1) ^ ((y & 1u) ? 0x9908b0dfu : 0u);
}

/* Replaces all words of the state. Returns 0 only if all new words are 0. The
 * loop is in three parts, because i + SHIFT, and at the end i + 1, must be
 * reduced modulo WORDS. */
static uint32_t renew(uint32_t key[WORDS])
{
    uint32_t any = 0;
    for (size_t i = 0; i < WORDS - SHIFT; i++) {
        key[i] = twisted(key[i + SHIFT], key[i], key[i + 1]);
        any |= key[i];
    }
    for (size_t i = WORDS - SHIFT; i < WORDS - 1; i++) {
        key[i] = twisted(key[i + SHIFT - WORDS], key[i], key[i + 1]);
        any |= key[i];
    }
    key[WORDS - 1] = twisted(key[SHIFT - 1], key[WORDS - 1], key[0]);
    return any | key[WORDS - 1];
}

/* Returns the next 32 random bits. If the number of remaining words is
 * impossible (the caller may have read it from a damaged file), the state is
 * replaced. */
static uint32_t next_word(mlp_rng *rng)
{
    if (rng->remaining == 0 || rng->remaining > WORDS) {
        if (renew(rng->key) == 0) {
            /* A state of zeros would give zeros for ever. */
            *rng = mlp_rng_seeded(REFERENCE_SEED);
            (void)renew(rng->key);
        }
        rng->remaining = WORDS;
    }
    uint32_t y = rng->key[WORDS - rng->remaining];
    rng->remaining--;
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* Returns the next 64 random bits, the higher half first. */
static uint64_t next_two_words(mlp_rng *rng)
{
    uint64_t high = next_word(rng);
    return high << 32 | next_word(rng);
}

double mlp_rng_random_sample(mlp_rng *rng)
{
    if (!rng) {
        return (double)NAN;
    }
    /* 27 and 26 bits make the 53 bits of a double: (high 2^26 + low) / 2^53. */
    double high = next_word(rng) >> 5;
    double low = next_word(rng) >> 6;
    return (high * 67108864.0 + low) / 9007199254740992.0;
}

/* The product is rounded before the sum, as in NumPy. */
double mlp_rng_uniform(mlp_rng *rng, double low, double high)
{
    return low + (high - low) * mlp_rng_random_sample(rng);
}

/* Marsaglia's polar method: from a random point (x, y) in the unit disc, with
 * r2 = x^2 + y^2, it makes two independent normal numbers x f and y f, where
 * f = sqrt(-2 log(r2) / r2). It returns y f and stores x f for the next call.
 * The logarithm is the library's own, so that the bits do not depend on the C
 * library. */
double mlp_rng_randn(mlp_rng *rng)
{
    if (!rng) {
        return (double)NAN;
    }
    if (rng->has_gauss) {
        double second = rng->gauss;
        rng->has_gauss = 0;
        rng->gauss = 0.0;
        return second;
    }
    double x = 0.0;
    double y = 0.0;
    double r2 = 0.0;
    do {
        x = 2.0 * mlp_rng_random_sample(rng) - 1.0;
        y = 2.0 * mlp_rng_random_sample(rng) - 1.0;
        r2 = x * x + y * y;
    } while (r2 >= 1.0 || r2 == 0.0);
    double log_r2 = 0.0;
    mlpi_kernels_portable_f64.map(MLPI_MAP_LOG, 1, &r2, &log_r2);
    double f = sqrt(-2.0 * log_r2 / r2);
    rng->gauss = f * x;
    rng->has_gauss = 1;
    return f * y;
}

double mlp_rng_normal(mlp_rng *rng, double mean, double std)
{
    return mean + std * mlp_rng_randn(rng);
}

/* Returns the smallest number of the form 2^k - 1 that is at least `max`. It is
 * a mask of all bits that a number up to `max` can have. */
static uint64_t mask_over(uint64_t max)
{
    for (unsigned shift = 1; shift < 64; shift *= 2) {
        max |= max >> shift;
    }
    return max;
}

/* Returns an integer that is uniform on [0, max], by rejection: draws words and
 * masks them until one is at most `max`, which takes less than two draws on
 * average. For max = 0 no word is drawn. */
static uint64_t draw_up_to(mlp_rng *rng, uint64_t max, uint64_t mask)
{
    if (max == 0) {
        return 0;
    }
    uint64_t value = 0;
    do {
        value = max <= UINT32_MAX ? next_word(rng) : next_two_words(rng);
        value &= mask;
    } while (value > max);
    return value;
}

/* The difference high - low may be too large for an int64_t, so it is computed
 * as uint64_t. */
mlp_status mlp_rng_randint(mlp_rng *rng, int64_t low, int64_t high,
                           int64_t *value)
{
    if (!rng || !value) {
        return MLP_ERR_NULL;
    }
    if (low >= high) {
        return MLP_ERR_ARGUMENT;
    }
    uint64_t max = (uint64_t)high - (uint64_t)low - 1;
    uint64_t offset = draw_up_to(rng, max, mask_over(max));
    /* The offset is added in two halves, because the whole of it may be too
     * large for an int64_t. */
    int64_t half = (int64_t)(offset / 2);
    *value = low + half + (int64_t)(offset - offset / 2);
    return MLP_OK;
}

/* Exchanges two items, 8 bytes at a time as far as possible. The usual items
 * are row numbers (size_t), which have 8 bytes. */
static void swap(unsigned char *a, unsigned char *b, size_t size)
{
    for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t)) {
        uint64_t words[2];
        memcpy(&words[0], a, sizeof(uint64_t));
        memcpy(&words[1], b, sizeof(uint64_t));
        memcpy(a, &words[1], sizeof(uint64_t));
        memcpy(b, &words[0], sizeof(uint64_t));
        a += sizeof(uint64_t);
        b += sizeof(uint64_t);
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = a[i];
        a[i] = b[i];
        b[i] = byte;
    }
}

/* Exchanges each item i, from the last to the second, with a random item from 0
 * to i. The mask is updated as i becomes smaller; to compute it again for each
 * item would take longer than the draw. */
mlp_status mlp_rng_shuffle(mlp_rng *rng, void *items, size_t n, size_t size)
{
    if (!rng || (!items && n > 0)) {
        return MLP_ERR_NULL;
    }
    if (size == 0) {
        return MLP_ERR_ARGUMENT;
    }
    size_t bytes = 0;
    if (!mlpi_size_mul(n, size, &bytes)) {
        return MLP_ERR_LIMIT;
    }
    unsigned char *base = items;
    uint64_t mask = mask_over(n);
    for (size_t i = n; i-- > 1;) {
        while (mask >> 1 >= i) {
            mask >>= 1;
        }
        size_t j = (size_t)draw_up_to(rng, i, mask);
        if (j != i) {
            swap(base + i * size, base + j * size, size);
        }
    }
    return MLP_OK;
}

/* Shuffles 0, 1, ..., n - 1, with the same draws as NumPy's permutation. */
mlp_status mlp_rng_permutation(mlp_rng *rng, size_t n, size_t *order)
{
    if (!rng || (!order && n > 0)) {
        return MLP_ERR_NULL;
    }
    size_t bytes = 0;
    if (!mlpi_size_mul(n, sizeof *order, &bytes)) {
        return MLP_ERR_LIMIT;
    }
    for (size_t i = 0; i < n; i++) {
        order[i] = i;
    }
    return mlp_rng_shuffle(rng, order, n, sizeof *order);
}
