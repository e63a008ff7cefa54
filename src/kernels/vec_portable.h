/* SPDX-License-Identifier: MIT */
/*
 * The vector vocabulary in plain C, with vectors of one element. It is the
 * reference: every other vocabulary gives the same bits. It also serves CPUs
 * that have no vocabulary of their own. Parameter: REAL_BITS, 32 or 64.
 *
 * A vocabulary is what the templates of this folder are written in. It defines
 * the types `real`, `vec` (VLEN reals) and `mask` (the result of a comparison,
 * for each lane true or false). VLEN is a constant and vec has a size, because
 * templates keep arrays of vec; SVE and RISC-V's V would need a vocabulary for
 * one length of their vectors. Vectors of double have at most 8 lanes, because
 * sums have 8. The functions are:
 *
 *   vset1 x, vzero            a vector with x, or 0, in all lanes
 *   vload, vstore             VLEN reals from or to memory, at any alignment
 *   vload_part, vstore_part   the first n lanes only, 1 <= n <= VLEN: the other
 *                             lanes are loaded as 0, and stored nowhere
 *   vload_columns column i out
 *                             a transposition: lane r of out[k] is
 *                             column[r][i + k], for k < TRANSPOSE_ROWS, a
 *                             constant that suits the CPU
 *   vadd vsub vmul vdiv vsqrt vneg vabs vcopysign
 *                             the operation in each lane, correctly rounded
 *   vfma a b c                a b + c, rounded once
 *   vfnma a b c               c - a b, rounded once
 *   vmin a b, vmax a b        the smaller and the larger; b if one is a NaN
 *   vlt, vle                  a < b and a <= b; false if one is a NaN
 *   vall                      true if the mask is true in every lane
 *   vselect mask yes no       `yes` where the mask is true, else `no`
 *   vpow2 n                   2^n, for an integer n such that 2^n is normal
 *   vscale a n                a 2^n, rounded once, for an integer n such that
 *                             2^(n/2) is normal
 *   vsplit x k                m in [sqrt(1/2), sqrt(2)), where x = m 2^k, for a
 *                             positive normal x
 *
 * These constants describe `real` to elementary_tmpl.h: FRACTION_BITS, the bits
 * behind the binary point; TWO_TO_FRACTION, 2^FRACTION_BITS; and EXPONENT_BIAS,
 * what is added to the exponent of a stored number.
 *
 * A vocabulary also defines the sizes of a matrix product by BLIS's names
 * (gemm_tmpl.h): MR rows by NR_VECS vectors of C are a micro-tile, which stays
 * in registers; KC terms of each chain, a multiple of VLEN, and MC rows of A, a
 * multiple of MR, are a block, which stays in a cache. DEEP_KC takes the place
 * of KC in products of more than MC rows.
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
#define DEEP_KC KC
#define MC 128

#if REAL_BITS == 32
typedef float real;
typedef uint32_t bits;
#define FMA fmaf /* fma_real of loops_tmpl.h comes after this file */
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

/* Without an instruction for fma, calls of it take nearly all of the time, and
 * unrolled loops would only be longer. See loops_tmpl.h. */
#if !defined(FP_FAST_FMA) && !defined(NO_UNROLL)
#define NO_UNROLL
#endif

typedef real vec;
typedef bool mask;

/* Returns the bits of a number; memcpy is how C allows it. */
static inline bits bits_of(real x)
{
    bits u = 0;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* Returns the number that has these bits. */
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

/* Two shifts clear the sign bit, of a NaN as well. */
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

static inline vec vmin(vec a, vec b)
{
    return a < b ? a : b;
}

static inline vec vmax(vec a, vec b)
{
    return a > b ? a : b;
}

/* Returns 2^n. In the sum with 1.5 2^FRACTION_BITS the integer n stands in the
 * last bits, from where it is shifted to the exponent. */
static inline vec vpow2(vec n)
{
    bits sum = bits_of(n + (real)1.5 * TWO_TO_FRACTION);
    return real_of((sum << FRACTION_BITS) + bits_of(1));
}

/* 2^n may be subnormal or overflow where a 2^n is not, so it is two factors. The
 * first product is exact. */
static inline vec vscale(vec a, vec n)
{
    const vec shift = vset1((real)1.5 * TWO_TO_FRACTION);
    vec half = vsub(vfma(n, vset1((real)0.5), shift), shift);
    return vmul(vmul(a, vpow2(half)), vpow2(vsub(n, half)));
}

/* Splits x = m 2^k and returns m. The exponent is counted from sqrt(1/2)
 * instead of 1: the bits of sqrt(1/2) are subtracted from those of x, the
 * difference is split into exponent and fraction, and they are added back to
 * the fraction. */
static inline vec vsplit(vec x, vec *k)
{
    const bits fraction = ((bits)1 << FRACTION_BITS) - 1;
    bits u = bits_of(x) - SQRT_HALF;
    bits biased = (u + bits_of(1)) >> FRACTION_BITS;
    *k = (real)biased - (real)EXPONENT_BIAS;
    return real_of((u & fraction) + SQRT_HALF);
}
