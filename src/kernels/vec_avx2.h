/* SPDX-License-Identifier: MIT */
/*
 * The vector vocabulary of AVX2 with FMA: vectors of 256 bits. vec_portable.h
 * says what each word means. Parameter: REAL_BITS, 32 or 64.
 *
 * The functions of both precisions differ in the suffix of their intrinsics
 * only, which the macros V (reals) and VI (integers of the same size) append.
 */
#if !defined(__AVX2__) || !defined(__FMA__)
#error "compile with -mavx2 -mfma"
#endif

#include <immintrin.h>
#include <stddef.h>

#define MR 6 /* 12 accumulators, 2 for B, 1 for A: 15 registers of 16 */
#define NR_VECS 2
/* A micro-panel of B, KC NR reals = 16 KB, stays in L1. A block of A, MC KC
 * reals = 144 or 288 KB, stays in L2 or near it. */
#define KC 256
#define DEEP_KC KC
#define MC 144

#if REAL_BITS == 32

#define VLEN 8
#define TRANSPOSE_ROWS 4
typedef float real;
typedef __m256 vec;
#define V(operation) _mm256_##operation##_ps
#define VI(operation) _mm256_##operation##_epi32
#define VCAST _mm256_castps_si256
#define VCAST_BACK _mm256_castsi256_ps
#define VMASKLOAD _mm256_maskload_ps
#define VMASKSTORE _mm256_maskstore_ps
#define LANE_NUMBERS _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)
#define SET_INTEGER(x) _mm256_set1_epi32((int)(x))
#define FRACTION_BITS 23
#define EXPONENT_BIAS 127
#define SQRT_HALF 0x3f3504f3u
#define TWO_TO_FRACTION 0x1p23f /* its last bit has the value 1 */

#else

#define VLEN 4
#define TRANSPOSE_ROWS 2
typedef double real;
typedef __m256d vec;
#define V(operation) _mm256_##operation##_pd
#define VI(operation) _mm256_##operation##_epi64
#define VCAST _mm256_castpd_si256
#define VCAST_BACK _mm256_castsi256_pd
#define VMASKLOAD _mm256_maskload_pd
#define VMASKSTORE _mm256_maskstore_pd
#define LANE_NUMBERS _mm256_setr_epi64x(0, 1, 2, 3)
#define SET_INTEGER(x) _mm256_set1_epi64x((long long)(x))
#define FRACTION_BITS 52
#define EXPONENT_BIAS 1023
#define SQRT_HALF 0x3fe6a09e667f3bcdu
#define TWO_TO_FRACTION 0x1p52

#endif

typedef vec mask; /* a lane is true if all its bits are 1 */

static inline vec vset1(real x)
{
    return V(set1)(x);
}

static inline vec vzero(void)
{
    return V(setzero)();
}

static inline vec vload(const real *p)
{
    return V(loadu)(p);
}

static inline void vstore(real *p, vec a)
{
    V(storeu)(p, a);
}

/* Returns integers whose first n lanes have all bits set. */
static inline __m256i first_lanes(size_t n)
{
    return VI(cmpgt)(SET_INTEGER(n), LANE_NUMBERS);
}

/* Masked loads and stores do not touch memory in the lanes that are off, so a
 * part may end at the end of a page. */
static inline vec vload_part(const real *p, size_t n)
{
    return VMASKLOAD(p, first_lanes(n));
}

static inline void vstore_part(real *p, vec a, size_t n)
{
    VMASKSTORE(p, first_lanes(n), a);
}

/* Loads 128 bits of each of the rows a and b into one vector. */
static inline vec halves(const real *a, const real *b)
{
#if REAL_BITS == 32
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(a)),
                                _mm_loadu_ps(b), 1);
#else
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(a)),
                                _mm_loadu_pd(b), 1);
#endif
}

/* Loads squares of 128 by 128 bits straight to their final half of the vector,
 * so that only the squares themselves remain to be transposed. */
static inline void vload_columns(const real *const column[VLEN], size_t i,
                                 vec out[TRANSPOSE_ROWS])
{
#define HALVES(r) halves(column[(r)] + i, column[(r) + TRANSPOSE_ROWS] + i)
#if REAL_BITS == 32
    vec a = HALVES(0);
    vec b = HALVES(1);
    vec c = HALVES(2);
    vec d = HALVES(3);
    __m256d ab = _mm256_castps_pd(_mm256_unpacklo_ps(a, b));
    __m256d cd = _mm256_castps_pd(_mm256_unpacklo_ps(c, d));
    out[0] = _mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd));
    out[1] = _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd));
    ab = _mm256_castps_pd(_mm256_unpackhi_ps(a, b));
    cd = _mm256_castps_pd(_mm256_unpackhi_ps(c, d));
    out[2] = _mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd));
    out[3] = _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd));
#else
    vec a = HALVES(0);
    vec b = HALVES(1);
    out[0] = _mm256_unpacklo_pd(a, b);
    out[1] = _mm256_unpackhi_pd(a, b);
#endif
#undef HALVES
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

static inline vec vfma(vec a, vec b, vec c)
{
    return V(fmadd)(a, b, c);
}

static inline vec vfnma(vec a, vec b, vec c)
{
    return V(fnmadd)(a, b, c);
}

/* -0.0 has the sign bit and no other, so bit operations with it change or keep
 * the sign of any number, NaNs included. */
static inline vec vneg(vec a)
{
    return V(xor)(a, vset1((real)-0.0));
}

static inline vec vabs(vec a)
{
    return V(andnot)(vset1((real)-0.0), a);
}

static inline vec vcopysign(vec magnitude, vec sign)
{
    return V(or)(vabs(magnitude), V(and)(sign, vset1((real)-0.0)));
}

/* Comparisons are ordered and quiet: false for a NaN, without an exception. */
static inline mask vlt(vec a, vec b)
{
    return V(cmp)(a, b, _CMP_LT_OQ);
}

static inline mask vle(vec a, vec b)
{
    return V(cmp)(a, b, _CMP_LE_OQ);
}

/* Each lane gives one bit, and all of them must be 1. */
static inline int vall(mask m)
{
    return V(movemask)(m) == (1 << VLEN) - 1;
}

/* The intrinsic takes the choice for `false` first. */
static inline vec vselect(mask m, vec yes, vec no)
{
    return V(blendv)(no, yes, m);
}

/* The instructions return b if a number is a NaN. */
static inline vec vmin(vec a, vec b)
{
    return V(min)(a, b);
}

static inline vec vmax(vec a, vec b)
{
    return V(max)(a, b);
}

/* The sum with 1.5 2^FRACTION_BITS has the integer n in its last bits. */
static inline vec vpow2(vec n)
{
    vec sum = vadd(n, vset1((real)1.5 * TWO_TO_FRACTION));
    __m256i shifted = VI(slli)(VCAST(sum), FRACTION_BITS);
    __m256i one = VCAST(vset1((real)1.0));
    return VCAST_BACK(VI(add)(shifted, one));
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
    const __m256i sqrt_half = SET_INTEGER(SQRT_HALF);
    const __m256i bias = VCAST(vset1((real)1.0));
    const __m256i base = VCAST(vset1(TWO_TO_FRACTION));
    const __m256i fraction =
        SET_INTEGER(((unsigned long long)1 << FRACTION_BITS) - 1);
    __m256i u = VI(sub)(VCAST(x), sqrt_half);
    __m256i biased = VI(srli)(VI(add)(u, bias), FRACTION_BITS);
    *k = vsub(VCAST_BACK(_mm256_or_si256(biased, base)),
              vset1(TWO_TO_FRACTION + (real)EXPONENT_BIAS));
    return VCAST_BACK(VI(add)(_mm256_and_si256(u, fraction), sqrt_half));
}
