/* SPDX-License-Identifier: MIT */
/*
 * The vector vocabulary in plain C: vectors of one element. It is the reference
 * that every other vocabulary must equal in bits, and runs where there is no
 * other. Parameter: REAL_BITS, 32 or 64.
 *
 * A vocabulary names the type `vec` of VLEN `real`s, the result `mask` of a
 * comparison, and the functions below, with these meanings:
 *
 *   vload_part, vstore_part   the first n lanes, 1 <= n <= VLEN; others 0, or
 *                             untouched in memory
 *   vfma a b c                a b + c rounded once; vfnma: c - a b
 *   vall                      does the mask hold in every lane?
 *   vselect                   yes where the mask holds, else no
 *   vpow2                     2^n, for an n that is a whole number, in the
 *                             range of normal numbers
 *   vsplit                    x = m 2^k with m in [sqrt(1/2), sqrt(2)), for a
 *                             positive normal x
 *
 *   vload_columns column i out
 *                             lane r of out[k] is column[r][i + k], k < TRANSPOSE_ROWS
 *
 * and the tile that the matrix product keeps in registers, MR x
 * NR_VECS vectors, and the blocks that it keeps in caches: of B's rows
 * KC at a time, a multiple of VLEN; of A's rows MC.
 */
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "results are rounded to their own type only where FLT_EVAL_METHOD is 0"
#endif

#define VLEN 1
#define TRANSPOSE_ROWS 1
#define MR 4
#define NR_VECS 2
#define KC 256
#define MC 128

#if REAL_BITS == 32
typedef float real;
typedef uint32_t bits;
#define FMA fmaf
#define FRACTION_BITS 23
#define EXPONENT_BIAS 127
#define SQRT_HALF 0x3f3504f3u
#define TWO_TO_FRACTION 0x1p23f
#else
typedef double real;
typedef uint64_t bits;
#define FMA fma
#define FRACTION_BITS 52
#define EXPONENT_BIAS 1023
#define SQRT_HALF 0x3fe6a09e667f3bcdu
#define TWO_TO_FRACTION 0x1p52
#endif

/* Where fma is no instruction. See loop_tmpl.h. */
#if !defined(FP_FAST_FMA) && !defined(NO_UNROLL)
#define NO_UNROLL
#endif

typedef real vec;
typedef bool mask;

static inline bits bits_of(real x)
{
    bits u = 0;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline real real_of(bits u)
{
    real x = 0;
    memcpy(&x, &u, sizeof x);
    return x;
}

static inline vec vset1(real x)
{
    return x;
}

static inline vec vzero(void)
{
    return 0;
}

static inline vec vload(const real *p)
{
    return *p;
}

static inline vec vload_part(const real *p, size_t n)
{
    (void)n;
    return *p;
}

static inline void vstore(real *p, vec a)
{
    *p = a;
}

static inline void vstore_part(real *p, vec a, size_t n)
{
    (void)n;
    *p = a;
}

static inline void vload_columns(const real *const column[VLEN], size_t i,
                                 vec out[TRANSPOSE_ROWS])
{
    out[0] = column[0][i];
}

static inline vec vadd(vec a, vec b)
{
    return a + b;
}

static inline vec vsub(vec a, vec b)
{
    return a - b;
}

static inline vec vmul(vec a, vec b)
{
    return a * b;
}

static inline vec vdiv(vec a, vec b)
{
    return a / b;
}

static inline vec vsqrt(vec a)
{
#if REAL_BITS == 32
    return sqrtf(a);
#else
    return sqrt(a);
#endif
}

static inline vec vfma(vec a, vec b, vec c)
{
    return FMA(a, b, c);
}

static inline vec vfnma(vec a, vec b, vec c)
{
    return FMA(-a, b, c);
}

static inline vec vneg(vec a)
{
    return -a;
}

static inline vec vabs(vec a)
{
    return real_of(bits_of(a) << 1 >> 1);
}

static inline vec vcopysign(vec magnitude, vec sign)
{
    bits s = bits_of(sign) >> (REAL_BITS - 1) << (REAL_BITS - 1);
    return real_of(bits_of(vabs(magnitude)) | s);
}

static inline mask vlt(vec a, vec b)
{
    return a < b;
}

static inline mask vle(vec a, vec b)
{
    return a <= b;
}

static inline bool vall(mask m)
{
    return m;
}

static inline vec vselect(mask m, vec yes, vec no)
{
    return m ? yes : no;
}

/* Added to 1.5 * 2^FRACTION_BITS, n stands in the last bits of the sum. */
static inline vec vpow2(vec n)
{
    bits sum = bits_of(n + (real)1.5 * TWO_TO_FRACTION);
    return real_of((sum << FRACTION_BITS) + bits_of(1));
}

/* Exponents are counted from sqrt(1/2) instead of 1: its bits are subtracted,
 * the rest is split, and they are added back to the fraction. */
static inline vec vsplit(vec x, vec *k)
{
    const bits fraction = ((bits)1 << FRACTION_BITS) - 1;
    bits u = bits_of(x) - SQRT_HALF;
    bits biased = (u + bits_of(1)) >> FRACTION_BITS;
    *k = (real)biased - (real)EXPONENT_BIAS;
    return real_of((u & fraction) + SQRT_HALF);
}
