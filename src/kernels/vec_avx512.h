/* SPDX-License-Identifier: MIT */
/*
 * The vector vocabulary of AVX-512 (F, VL and DQ): vectors of 512 bits.
 * vec_portable.h says what each word means. Parameter: REAL_BITS, 32 or 64.
 *
 * The functions of both precisions differ in the suffix of their intrinsics
 * only, which the macros V (reals) and VI (integers of the same size) append.
 * Masks have registers of their own, with one bit for each lane.
 */
#if !defined(__AVX512F__) || !defined(__AVX512DQ__)
#error "compile with -mavx512f -mavx512dq"
#endif

#include <immintrin.h>
#include <stddef.h>

#define MR 12 /* 24 accumulators, 2 for B, 1 for A: 27 registers of 32 */
#define NR_VECS 2
/* A micro-panel of B, KC NR reals = 64 KB, and a block of A, MC KC reals = 720
 * KB, stay in L2, which has 1 MB or more. The micro-panel is more than L1
 * holds, but it arrives in time, and sums go through C half as often as they
 * would with a KC that suits L1. In products of many rows B has several readers
 * and C is larger than L2: there, twice KC halves the traffic of C again. */
#define KC 512
#define DEEP_KC 1024

#if REAL_BITS == 32

#define MC 360

#define VLEN 16
#define TRANSPOSE_ROWS 4
typedef float real;
typedef __m512 vec;
typedef __mmask16 mask;
#define V(operation) _mm512_##operation##_ps
#define VCOMPARE _mm512_cmp_ps_mask
#define VI(operation) _mm512_##operation##_epi32
#define VCAST _mm512_castps_si512
#define VCAST_BACK _mm512_castsi512_ps
#define SET_INTEGER(x) _mm512_set1_epi32((int)(x))
#define FRACTION_BITS 23
#define EXPONENT_BIAS 127
#define SQRT_HALF 0x3f3504f3u
#define TWO_TO_FRACTION 0x1p23f /* its last bit has the value 1 */

#else

#define MC 180

#define VLEN 8
#define TRANSPOSE_ROWS 4
typedef double real;
typedef __m512d vec;
typedef __mmask8 mask;
#define V(operation) _mm512_##operation##_pd
#define VCOMPARE _mm512_cmp_pd_mask
#define VI(operation) _mm512_##operation##_epi64
#define VCAST _mm512_castpd_si512
#define VCAST_BACK _mm512_castsi512_pd
#define SET_INTEGER(x) _mm512_set1_epi64((long long)(x))
#define FRACTION_BITS 52
#define EXPONENT_BIAS 1023
#define SQRT_HALF 0x3fe6a09e667f3bcdu
#define TWO_TO_FRACTION 0x1p52

#endif

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

/* Returns a mask that is true in the first n lanes. */
static inline mask first_lanes(size_t n)
{
    return (mask)((1u << n) - 1u);
}

/* Masked loads and stores do not touch memory in the lanes that are off, so a
 * part may end at the end of a page. */
static inline vec vload_part(const real *p, size_t n)
{
    return V(maskz_loadu)(first_lanes(n), p);
}

static inline void vstore_part(real *p, vec a, size_t n)
{
    V(mask_storeu)(p, first_lanes(n), a);
}

#if REAL_BITS == 32

/* Loads 128 bits of each of the rows a, b, c and d into one vector. */
static inline vec quarters(const real *a, const real *b, const real *c,
                           const real *d)
{
    vec x = _mm512_castps128_ps512(_mm_loadu_ps(a));
    x = _mm512_insertf32x4(x, _mm_loadu_ps(b), 1);
    x = _mm512_insertf32x4(x, _mm_loadu_ps(c), 2);
    return _mm512_insertf32x4(x, _mm_loadu_ps(d), 3);
}

/* Loads squares of 128 by 128 bits straight to their final quarter of the
 * vector, so that only the squares themselves remain to be transposed. */
static inline void vload_columns(const real *const column[VLEN], size_t i,
                                 vec out[TRANSPOSE_ROWS])
{
#define QUARTERS(r)                                                            \
    quarters(column[(r)] + i, column[(r) + TRANSPOSE_ROWS] + i,                \
             column[(r) + 2 * TRANSPOSE_ROWS] + i,                             \
             column[(r) + 3 * TRANSPOSE_ROWS] + i)
    vec a = QUARTERS(0);
    vec b = QUARTERS(1);
    vec c = QUARTERS(2);
    vec d = QUARTERS(3);
#undef QUARTERS
    __m512d ab = _mm512_castps_pd(_mm512_unpacklo_ps(a, b));
    __m512d cd = _mm512_castps_pd(_mm512_unpacklo_ps(c, d));
    out[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
    out[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd));
    ab = _mm512_castps_pd(_mm512_unpackhi_ps(a, b));
    cd = _mm512_castps_pd(_mm512_unpackhi_ps(c, d));
    out[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
    out[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd));
}

#else

/* Loads 256 bits of each of the rows a and b into one vector. */
static inline vec halves(const real *a, const real *b)
{
    return _mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_loadu_pd(a)),
                              _mm256_loadu_pd(b), 1);
}

/* Transposes in two stages: the numbers of a pair of rows are interleaved, then
 * the pairs are shuffled in units of 128 bits. */
static inline void vload_columns(const real *const column[VLEN], size_t i,
                                 vec out[TRANSPOSE_ROWS])
{
#define HALVES(r) halves(column[(r)] + i, column[(r) + 2] + i)
    vec a = HALVES(0);
    vec b = HALVES(1);
    vec c = HALVES(4);
    vec d = HALVES(5);
#undef HALVES
    vec ab = _mm512_unpacklo_pd(a, b);
    vec cd = _mm512_unpacklo_pd(c, d);
    out[0] = _mm512_shuffle_f64x2(ab, cd, _MM_SHUFFLE(2, 0, 2, 0));
    out[2] = _mm512_shuffle_f64x2(ab, cd, _MM_SHUFFLE(3, 1, 3, 1));
    ab = _mm512_unpackhi_pd(a, b);
    cd = _mm512_unpackhi_pd(c, d);
    out[1] = _mm512_shuffle_f64x2(ab, cd, _MM_SHUFFLE(2, 0, 2, 0));
    out[3] = _mm512_shuffle_f64x2(ab, cd, _MM_SHUFFLE(3, 1, 3, 1));
}

#endif

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
    return VCOMPARE(a, b, _CMP_LT_OQ);
}

static inline mask vle(vec a, vec b)
{
    return VCOMPARE(a, b, _CMP_LE_OQ);
}

/* Each lane gives one bit, and all of them must be 1. */
static inline int vall(mask m)
{
    return m == (mask)-1;
}

/* The intrinsic takes the choice for `false` first. */
static inline vec vselect(mask m, vec yes, vec no)
{
    return V(mask_blend)(m, no, yes);
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
    __m512i shifted = VI(slli)(VCAST(sum), FRACTION_BITS);
    __m512i one = VCAST(vset1((real)1.0));
    return VCAST_BACK(VI(add)(shifted, one));
}

static inline vec vscale(vec a, vec n)
{
    return V(scalef)(a, n);
}

/* The bits of sqrt(1/2) are subtracted from those of x, the difference is split
 * into exponent and fraction, and they are added back to the fraction. */
static inline vec vsplit(vec x, vec *k)
{
    const __m512i sqrt_half = SET_INTEGER(SQRT_HALF);
    const __m512i bias = VCAST(vset1((real)1.0));
    const __m512i base = VCAST(vset1(TWO_TO_FRACTION));
    const __m512i fraction =
        SET_INTEGER(((unsigned long long)1 << FRACTION_BITS) - 1);
    __m512i u = VI(sub)(VCAST(x), sqrt_half);
    __m512i biased = VI(srli)(VI(add)(u, bias), FRACTION_BITS);
    *k = vsub(VCAST_BACK(_mm512_or_si512(biased, base)),
              vset1(TWO_TO_FRACTION + (real)EXPONENT_BIAS));
    return VCAST_BACK(VI(add)(_mm512_and_si512(u, fraction), sqrt_half));
}
