/* SPDX-License-Identifier: MIT */
/*
 * Dropout: out = in * mask, where an element of the mask is 0 with probability
 * p and 1 / (1 - p) otherwise (Srivastava et al., "Dropout: a simple way to
 * prevent neural networks from overfitting", 2014).
 *
 * Masks are not stored. A counter-based generator, the finaliser of SplitMix64
 * (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
 * 2014), makes word w from a key and w alone. So every thread can make its part
 * of a mask, and the backward pass makes the same mask again:
 *
 *   z = key + (w + 1) golden,  golden = 0x9e3779b97f4a7c15,
 *   then two rounds of a shift and a product, and a last shift
 *
 * An element is dropped if its 32 random bits, as an integer, are below
 * p * 2^32. One word of 64 bits serves two elements that are 8 apart, so that
 * vectors take the halves of eight words without a shuffle:
 *
 *   elements 16 g + 0..7     low halves of words 8 g + 0..7
 *   elements 16 g + 8..15    high halves of words 8 g + 0..7
 *
 * Words are vectors of GNU C, which every compiler maps to what the CPU has.
 * Integer arithmetic has one result, so all tables agree.
 *
 * This file is a template. Its parameters are `real`, VLEN (1 selects plain
 * loops) and min_size of loops_tmpl.h.
 */
enum { DROP_WORDS = 8, DROP_GROUP = 2 * DROP_WORDS };

#if REAL_BITS == 32
typedef uint32_t drop_bits;
#else
typedef int64_t drop_bits; /* AVX2 compares signed integers only; half a word,
                            * below 2^32, is never negative in it */
#endif
#define DROP_VECTOR(type)                                                      \
    __attribute__((vector_size(DROP_WORDS * sizeof(type)))) type
typedef DROP_VECTOR(uint64_t) drop_words;
typedef DROP_VECTOR(drop_bits) drop_masks;
typedef DROP_VECTOR(real) drop_reals;

/* Constants that all groups of elements share. */
typedef struct dropper {
    uint64_t key;
    drop_bits threshold; /* p * 2^32 */
    drop_masks scale;    /* the bits of `factor` in all lanes */
    real factor;         /* 1 / (1 - p) */
} dropper;

static inline dropper dropper_of(const mlpi_dropout_kernel_args *d)
{
    dropper made = {
        d->key, (drop_bits)(d->p * 0x1p32), {0}, R(1.0 / (1.0 - d->p))};
    drop_reals scale = made.factor - (drop_reals){0};
    memcpy(&made.scale, &scale, sizeof scale);
    return made;
}

#if VLEN > 1

/* Computes one group of DROP_GROUP elements. A factor is the bits of
 * 1 / (1 - p) and-ed with the comparison's result, which is 0 for a dropped
 * element. A NaN or infinity that is dropped becomes NaN, since the factor 0 is
 * multiplied like any other. */
static inline ALWAYS_INLINE void drop_group(const dropper *d, size_t group,
                                            const real *in, real *out)
{
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
    const drop_words numbers = {1, 2, 3, 4, 5, 6, 7, 8};
    drop_words z =
        d->key + (uint64_t)group * DROP_WORDS * golden + numbers * golden;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z = z ^ (z >> 31);
    drop_masks halves[2] = {__builtin_convertvector(z & UINT32_MAX, drop_masks),
                            __builtin_convertvector(z >> 32, drop_masks)};
    for (size_t h = 0; h < 2; h++) {
        /* A comparison sets all bits of a lane or none. */
        drop_masks stays = (drop_masks)(halves[h] >= d->threshold);
        drop_reals factors = (drop_reals)(stays & d->scale);
        drop_reals x;
        memcpy(&x, in + h * DROP_WORDS, sizeof x);
        x *= factors;
        memcpy(out + h * DROP_WORDS, &x, sizeof x);
    }
}

#else

/* Computes one group like the function with vectors, word by word. */
static void drop_group(const dropper *d, size_t group, const real *in,
                       real *out)
{
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
    const real scale = d->factor;
    for (size_t w = 0; w < DROP_WORDS; w++) {
        uint64_t z = d->key + ((uint64_t)group * DROP_WORDS + w + 1) * golden;
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        z = z ^ (z >> 31);
        drop_bits low = (drop_bits)(z & UINT32_MAX);
        drop_bits high = (drop_bits)(z >> 32);
        out[w] = in[w] * (low >= d->threshold ? scale : R(0.0));
        out[w + DROP_WORDS] =
            in[w + DROP_WORDS] * (high >= d->threshold ? scale : R(0.0));
    }
}

#endif

/* Computes `count` elements of a group, from number `skipped` on. The group is
 * computed in a buffer, and the wanted elements are copied out of it. */
static COLD void drop_part(const dropper *all, size_t group, size_t skipped,
                           size_t count, const real *in, real *out)
{
    real part[DROP_GROUP] = {0};
    memcpy(part + skipped, in, count * sizeof(real));
    drop_group(all, group, part, part);
    memcpy(out, part + skipped, count * sizeof(real));
}

/* The first and the last group may be partial. They are apart from the loop
 * over whole groups, which takes a few cycles for each. */
static HOT void dropout(const mlpi_dropout_kernel_args *d)
{
    const dropper all = dropper_of(d);
    const real *in = d->in;
    real *out = d->out;
    size_t group = d->first / DROP_GROUP;
    const size_t skipped = d->first % DROP_GROUP;
    size_t i = 0;
    if (skipped > 0) {
        i = min_size(DROP_GROUP - skipped, d->n);
        drop_part(&all, group++, skipped, i, in, out);
    }
    for (; i + DROP_GROUP <= d->n; i += DROP_GROUP) {
        drop_group(&all, group++, in + i, out + i);
    }
    if (i < d->n) {
        drop_part(&all, group, 0, d->n - i, in + i, out + i);
    }
}
