/* SPDX-License-Identifier: MIT */
/*
 * The vector vocabulary of AArch64 (NEON): vectors of 128 bits. vec_portable.h
 * says what each word means. Parameter: REAL_BITS, 32 or 64.
 *
 * The functions of both precisions differ in the suffix of their intrinsics
 * only, which the macros V (reals) and VI (integers of the same size) append.
 */
#ifndef __aarch64__
#error "compile for AArch64"
#endif

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MR 12 /* 24 accumulators, 2 for B, 1 for A: 27 registers of 32 */
#define NR_VECS 2
/* A micro-panel of B, KC NR reals = 8 KB, and a micro-panel of A, MR KC reals
 * = 12 or 24 KB, stay in L1. A block of A, MC KC reals = 240 or 480 KB, stays
 * in L2. */
#define KC 256
#define DEEP_KC KC
#define MC 240

#if REAL_BITS == 32

#define VLEN 4
#define TRANSPOSE_ROWS VLEN
typedef float real;
typedef float32x4_t vec;
typedef uint32x4_t mask;
typedef uint32x4_t vbits;
#define V(operation) v##operation##q_f32
#define VI(operation) v##operation##q_u32
#define VSET1 vdupq_n_f32
#define VISET1 vdupq_n_u32
#define VSHIFT_LEFT vshlq_n_u32
#define VSHIFT_RIGHT vshrq_n_u32
#define VCAST vreinterpretq_u32_f32
#define VHALVES(m) (m)
#define VCAST_BACK vreinterpretq_f32_u32
#define FRACTION_BITS 23
#define EXPONENT_BIAS 127
#define SQRT_HALF 0x3f3504f3u
#define TWO_TO_FRACTION 0x1p23f /* its last bit has the value 1 */

#else

#define VLEN 2
#define TRANSPOSE_ROWS VLEN
typedef double real;
typedef float64x2_t vec;
typedef uint64x2_t mask;
typedef uint64x2_t vbits;
#define V(operation) v##operation##q_f64
#define VI(operation) v##operation##q_u64
#define VSET1 vdupq_n_f64
#define VISET1 vdupq_n_u64
#define VSHIFT_LEFT vshlq_n_u64
#define VSHIFT_RIGHT vshrq_n_u64
#define VCAST vreinterpretq_u64_f64
#define VHALVES vreinterpretq_u32_u64
#define VCAST_BACK vreinterpretq_f64_u64
#define FRACTION_BITS 52
#define EXPONENT_BIAS 1023
#define SQRT_HALF 0x3fe6a09e667f3bcdu
#define TWO_TO_FRACTION 0x1p52

#endif

static inline vec vset1(real x)
{
    return VSET1(x);
}

static inline vec vzero(void)
{
    return VSET1((real)0.0);
}

static inline vec vload(const real *p)
{
    return V(ld1)(p);
}

static inline void vstore(real *p, vec a)
{
    V(st1)(p, a);
}

/* NEON has no masked loads and stores, so parts go through an array. */
static inline vec vload_part(const real *p, size_t n)
{
    real lanes[VLEN] = {0};
    memcpy(lanes, p, n * sizeof(real));
    return vload(lanes);
}

static inline void vstore_part(real *p, vec a, size_t n)
{
    real lanes[VLEN];
    vstore(lanes, a);
    memcpy(p, lanes, n * sizeof(real));
}

/* Transposes a square of VLEN by VLEN numbers in registers. */
static inline void vload_columns(const real *const column[VLEN], size_t i,
                                 vec out[TRANSPOSE_ROWS])
{
    vec a = vload(column[0] + i);
    vec b = vload(column[1] + i);
#if REAL_BITS == 32
    vec c = vload(column[2] + i);
    vec d = vload(column[3] + i);
    float64x2_t ab = vreinterpretq_f64_f32(vtrn1q_f32(a, b));
    float64x2_t cd = vreinterpretq_f64_f32(vtrn1q_f32(c, d));
    out[0] = vreinterpretq_f32_f64(vtrn1q_f64(ab, cd));
    out[2] = vreinterpretq_f32_f64(vtrn2q_f64(ab, cd));
    ab = vreinterpretq_f64_f32(vtrn2q_f32(a, b));
    cd = vreinterpretq_f64_f32(vtrn2q_f32(c, d));
    out[1] = vreinterpretq_f32_f64(vtrn1q_f64(ab, cd));
    out[3] = vreinterpretq_f32_f64(vtrn2q_f64(ab, cd));
#else
    out[0] = vtrn1q_f64(a, b);
    out[1] = vtrn2q_f64(a, b);
#endif
}

static inline vec vadd(vec a, vec b)
{
    return V(add)(a, b);
}

static inline vec vsub(vec a, vec b)
{
    return V(sub)(a, b);
}

static inline vec vmul(vec a, vec b)
{
    return V(mul)(a, b);
}

static inline vec vdiv(vec a, vec b)
{
    return V(div)(a, b);
}

static inline vec vsqrt(vec a)
{
    return V(sqrt)(a);
}

/* The intrinsics take the summand first: vfma(c, a, b) is c + a b. */
static inline vec vfma(vec a, vec b, vec c)
{
    return V(fma)(c, a, b);
}

static inline vec vfnma(vec a, vec b, vec c)
{
    return V(fms)(c, a, b);
}

static inline vec vneg(vec a)
{
    return V(neg)(a);
}

static inline vec vabs(vec a)
{
    return V(abs)(a);
}

/* The sign bit comes from `sign`, all other bits from `magnitude`. */
static inline vec vcopysign(vec magnitude, vec sign)
{
    return V(bsl)(VCAST(vset1((real)-0.0)), sign, magnitude);
}

/* The comparisons are false if one number is a NaN. */
static inline mask vlt(vec a, vec b)
{
    return V(clt)(a, b);
}

static inline mask vle(vec a, vec b)
{
    return V(cle)(a, b);
}

/* A false lane has only zero bits, so the minimum is 0 if there is one. */
static inline int vall(mask m)
{
    return vminvq_u32(VHALVES(m)) != 0;
}

static inline vec vselect(mask m, vec yes, vec no)
{
    return V(bsl)(m, yes, no);
}

static inline vec vmin(vec a, vec b)
{
    return vselect(vlt(a, b), a, b);
}

static inline vec vmax(vec a, vec b)
{
    return vselect(vlt(b, a), a, b);
}

/* The sum with 1.5 2^FRACTION_BITS has the integer n in its last bits. */
static inline vec vpow2(vec n)
{
    vec sum = vadd(n, vset1((real)1.5 * TWO_TO_FRACTION));
    vbits shifted = VSHIFT_LEFT(VCAST(sum), FRACTION_BITS);
    return VCAST_BACK(VI(add)(shifted, VCAST(vset1((real)1.0))));
}

/* 2^n may be subnormal or overflow where a 2^n is not, so it is two factors. The
 * first product is exact. */
static inline vec vscale(vec a, vec n)
{
    const vec shift = vset1((real)1.5 * TWO_TO_FRACTION);
    vec half = vsub(vfma(n, vset1((real)0.5), shift), shift);
    return vmul(vmul(a, vpow2(half)), vpow2(vsub(n, half)));
}

/* The bits of sqrt(1/2) are subtracted from those of x, the difference is split
 * into exponent and fraction, and they are added back to the fraction. */
static inline vec vsplit(vec x, vec *k)
{
    const vbits sqrt_half = VISET1(SQRT_HALF);
    const vbits bias = VCAST(vset1((real)1.0));
    vbits u = VI(sub)(VCAST(x), sqrt_half);
    vbits biased = VSHIFT_RIGHT(VI(add)(u, bias), FRACTION_BITS);
    vbits whole = VI(orr)(biased, VCAST(vset1(TWO_TO_FRACTION)));
    *k = vsub(VCAST_BACK(whole), vset1(TWO_TO_FRACTION + (real)EXPONENT_BIAS));
    const vbits fraction = VISET1(((uint64_t)1 << FRACTION_BITS) - 1);
    return VCAST_BACK(VI(add)(VI(and)(u, fraction), sqrt_half));
}
