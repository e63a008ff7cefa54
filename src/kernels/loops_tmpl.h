/* SPDX-License-Identifier: MIT */
/*
 * What the other templates share: how loops are written, and the loops over
 * flat arrays. Parameters: the vocabulary.
 *
 * The functions that a loop is given are constants at each call, and the loops
 * are always inlined, so that no call is left in them. The last lanes of an
 * array go through the same function as all others.
 */
#include <float.h>
#include <math.h>
#include <string.h>

/* NO_UNROLL leaves that to the compiler. vec_portable.h asks for it where calls
 * of fma cost more than all around them, and CMake for builds with sanitizers,
 * which would be long at thousands of copies of each check. */
#ifdef NO_UNROLL
#define ALWAYS_INLINE
#define UNROLL
#else
#define ALWAYS_INLINE __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define NEVER_INLINE __attribute__((noinline))
/* Of functions that take no time beside what they call, or are rarely called:
 * compilers make their code small, and that of what only these call, unless it
 * is HOT. */
#define COLD __attribute__((noinline, cold))
#define HOT __attribute__((noinline, hot))
#define R(x) ((real)(x))

/* Are there registers for sixteen vectors of sums, and what else they need? */
enum { HAS_16_ACCUMULATORS = MR * NR_VECS >= 16 };

/* a b + c of single numbers, rounded once. */
static inline real fma_real(real a, real b, real c)
{
#if REAL_BITS == 32
    return fmaf(a, b, c);
#else
    return fma(a, b, c);
#endif
}

static inline size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A whole vector, or its first n lanes. */
static inline ALWAYS_INLINE vec load_lanes(const real *p, bool part, size_t n)
{
    return part ? vload_part(p, n) : vload(p);
}

static inline ALWAYS_INLINE void store_lanes(real *p, vec a, bool part,
                                             size_t n)
{
    if (part) {
        vstore_part(p, a, n);
    } else {
        vstore(p, a);
    }
}

/* y[i] = f(x[i]) */
static inline ALWAYS_INLINE void map_each(vec (*f)(vec), size_t n,
                                          const real *x, real *y)
{
    size_t i = 0;
    for (; i + VLEN <= n; i += VLEN) {
        vstore(y + i, f(vload(x + i)));
    }
    if (i < n) {
        vstore_part(y + i, f(vload_part(x + i, n - i)), n - i);
    }
}

/* out[i] = f(a[i], b[i], constant) */
static inline ALWAYS_INLINE void combine(vec (*f)(vec, vec, vec), size_t n,
                                         const real *a, const real *b,
                                         double constant, real *out)
{
    const vec c = vset1((real)constant);
    size_t i = 0;
    for (; i + VLEN <= n; i += VLEN) {
        vstore(out + i, f(vload(a + i), vload(b + i), c));
    }
    if (i < n) {
        size_t left = n - i;
        vec last = f(vload_part(a + i, left), vload_part(b + i, left), c);
        vstore_part(out + i, last, left);
    }
}

/* c[i] = f(a[i], b[i], c[i]) */
static inline ALWAYS_INLINE void combine_in_place(vec (*f)(vec, vec, vec),
                                                  size_t n, const real *a,
                                                  const real *b, real *c)
{
    size_t i = 0;
    for (; i + VLEN <= n; i += VLEN) {
        vstore(c + i, f(vload(a + i), vload(b + i), vload(c + i)));
    }
    if (i < n) {
        size_t left = n - i;
        vec last = f(vload_part(a + i, left), vload_part(b + i, left),
                     vload_part(c + i, left));
        vstore_part(c + i, last, left);
    }
}

/* Like map_each and combine, but one for all functions that are long beside a
 * call, or rarely wanted: y[i] = f(x[i]), y[i] = f(x[i], constant), and
 * out[i] = f(a[i], b[i], constant).
 */
static NEVER_INLINE void map_called(vec (*f)(vec), size_t n, const real *x,
                                    real *y)
{
    for (size_t i = 0; i < n; i += VLEN) {
        const bool part = n - i < VLEN;
        vec in = load_lanes(x + i, part, n - i);
        store_lanes(y + i, f(in), part, n - i);
    }
}

static NEVER_INLINE void map_long(vec (*f)(vec, vec), size_t n, const real *x,
                                  double constant, real *y)
{
    const vec c = vset1((real)constant);
    for (size_t i = 0; i < n; i += VLEN) {
        const bool part = n - i < VLEN;
        vec in = load_lanes(x + i, part, n - i);
        store_lanes(y + i, f(in, c), part, n - i);
    }
}

static NEVER_INLINE void combine_long(vec (*f)(vec, vec, vec), size_t n,
                                      const real *a, const real *b,
                                      double constant, real *out)
{
    const vec c = vset1((real)constant);
    for (size_t i = 0; i < n; i += VLEN) {
        const bool part = n - i < VLEN;
        vec x = load_lanes(a + i, part, n - i);
        vec y = load_lanes(b + i, part, n - i);
        store_lanes(out + i, f(x, y, c), part, n - i);
    }
}
