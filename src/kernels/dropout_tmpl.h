/* SPDX-License-Identifier: MIT */
/*
 * Dropout's masks. Parameters: `real`, loop_tmpl.h and lent.h.
 *
 * Nothing is stored: whether element i is dropped follows from a key and i, by
 * the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable
 * pseudorandom number generators", 2014), so any part of a mask can be made
 * anywhere, and again on the way back. A word of 64 bits serves two elements.
 * They are 8 apart, so that vectors take the halves without a shuffle:
 *
 *     elements 16 g + 0..7    low halves of words 8 g + 0..7
 *     elements 16 g + 8..15   high halves of the same
 *
 * The words are GNU C's vectors, which each compiler makes of what the CPU has;
 * integers have one answer.
 */
enum { DROP_WORDS = 8, DROP_GROUP = 2 * DROP_WORDS };

#if REAL_BITS == 32
typedef uint32_t drop_bits;
#else
typedef int64_t drop_bits; /* signed: half a word fits, and AVX2 compares it */
#endif
#define DROP_VECTOR(type)                                                      \
    __attribute__((vector_size(DROP_WORDS * sizeof(type)))) type
typedef DROP_VECTOR(uint64_t) drop_words;
typedef DROP_VECTOR(drop_bits) drop_masks;
typedef DROP_VECTOR(real) drop_reals;

/* What all groups have in common. */
typedef struct dropper {
    uint64_t key;
    drop_bits threshold;
    drop_masks scale; /* the bits of 1 / (1 - p), */
    real factor;      /* which is this */
} dropper;

static inline dropper dropper_of(const mlpi_dropout *d)
{
    dropper made = {
        d->key, (drop_bits)(d->p * 0x1p32), {0}, R(1.0 / (1.0 - d->p))};
    drop_reals scale = made.factor - (drop_reals){0};
    memcpy(&made.scale, &scale, sizeof scale);
    return made;
}

#if VLEN > 1

/* out = in * factors, which are 0 for elements to be dropped, of a group. */
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
        /* A comparison gives all bits of a lane, or none. */
        drop_masks stays = (drop_masks)(halves[h] >= d->threshold);
        drop_reals factors = (drop_reals)(stays & d->scale);
        drop_reals x;
        memcpy(&x, in + h * DROP_WORDS, sizeof x);
        x *= factors;
        memcpy(out + h * DROP_WORDS, &x, sizeof x);
    }
}

#else

/* The same, word by word. */
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

COLD void LENT(dropout)(const mlpi_dropout *d)
{
    const dropper all = dropper_of(d);
    const real *in = d->in;
    real *out = d->out;
    size_t group = d->first / DROP_GROUP;
    size_t skipped = d->first % DROP_GROUP;
    for (size_t i = 0, count = 0; i < d->n; i += count, group++, skipped = 0) {
        count = min_size(DROP_GROUP - skipped, d->n - i);
        real part[DROP_GROUP] = {0};
        bool whole = count == DROP_GROUP;
        const real *from = whole ? in + i : part;
        real *to = whole ? out + i : part;
        if (!whole) {
            memcpy(part + skipped, in + i, count * sizeof(real));
        }
        drop_group(&all, group, from, to);
        if (!whole) {
            memcpy(out + i, part + skipped, count * sizeof(real));
        }
    }
}
