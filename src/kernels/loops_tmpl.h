/* SPDX-License-Identifier: MIT */
/*
 * Loops over flat arrays, and the macros that say how loops are compiled. All
 * other templates use this one. Parameters: the vocabulary of vec_portable.h,
 * above all vec, VLEN, vload_part and vstore_part.
 *
 * A loop takes a function of vectors and applies it to every vector of an
 * array. The function is a constant at each call and the loop is always
 * inlined, so no call is left in the loop. Only map_by_call,
 * map_constant_by_call and combine_by_call really call the function; they are
 * meant for long functions. The last lanes of an array, fewer than VLEN, go
 * through the same function as all others, so a result does not depend on its
 * position.
 */
#include <float.h>
#include <math.h>
#include <string.h>

/* NO_UNROLL leaves unrolling and inlining to the compiler. vec_portable.h
 * defines it where fma is a call, which costs more than anything around it.
 * CMake defines it for Debug and for sanitizers, which take long to compile
 * thousands of copies of each check. */
#ifdef NO_UNROLL
#define ALWAYS_INLINE
#define UNROLL
#else
#define ALWAYS_INLINE __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")
#endif
/* NEVER_INLINE keeps long functions out of their callers, where their code
 * would be repeated. */
#define NEVER_INLINE __attribute__((noinline))
/* COLD marks functions that are called rarely or do little work themselves. The
 * compiler optimizes them, and functions that only they call, for size. HOT
 * exempts a function from that. */
#define COLD __attribute__((noinline, cold))
#define HOT __attribute__((noinline, hot))
/* R(x) is the constant x in the precision of `real`. */
#define R(x) ((real)(x))

/* True if MR * NR_VECS >= 16: the registers then hold sixteen vectors of sums
 * beside the operands of a loop, as they do for a micro-tile. */
enum { HAS_16_ACCUMULATORS = MR * NR_VECS >= 16 };

#if REAL_BITS == 64
enum { LANE_VECS = MLPI_LANES / VLEN }; /* vectors that hold the eight lanes */

_Static_assert(MLPI_LANES % VLEN == 0, "lanes are whole vectors");
#endif

/* Returns a b + c, rounded once, for single numbers. */
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

/* Returns the number of vectors that hold n numbers. */
static inline size_t vector_count(size_t n)
{
    return n / VLEN + (n % VLEN > 0);
}

static inline size_t round_up_to_vec(size_t n)
{
    return vector_count(n) * VLEN;
}

/* Loads a whole vector, or its first n lanes if `part`. */
static inline ALWAYS_INLINE vec load_lanes(const real *p, bool part, size_t n)
{
    return part ? vload_part(p, n) : vload(p);
}

/* Stores a whole vector, or its first n lanes if `part`. */
static inline ALWAYS_INLINE void store_lanes(real *p, vec a, bool part,
                                             size_t n)
{
    if (part) {
        vstore_part(p, a, n);
    } else {
        vstore(p, a);
    }
}

/* Copies n numbers. Rows are often so short that a call of memcpy would take
 * longer than the copy. */
static inline ALWAYS_INLINE void copy_row(size_t n, const real *x, real *out)
{
    size_t j = 0;
    for (; j + VLEN <= n; j += VLEN) {
        vstore(out + j, vload(x + j));
    }
    if (j < n) {
        vstore_part(out + j, vload_part(x + j, n - j), n - j);
    }
}

/* Computes y[i] = f(x[i]). */
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

/* Computes out[i] = f(a[i], b[i], constant). */
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

/* Computes c[i] = f(a[i], b[i], c[i]). */
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

/* Computes y[i] = f(x[i]) with one copy of f. */
static inline ALWAYS_INLINE void map_vectors(vec (*f)(vec), size_t n,
                                             const real *x, real *y)
{
    for (size_t i = 0; i < n; i += VLEN) {
        const bool part = n - i < VLEN;
        vec in = load_lanes(x + i, part, n - i);
        store_lanes(y + i, f(in), part, n - i);
    }
}

/* Computes y[i] = f(x[i]) through calls of f. The loop is compiled once for all
 * f, which suits an f that takes long beside a call. */
static NEVER_INLINE void map_by_call(vec (*f)(vec), size_t n, const real *x,
                                     real *y)
{
    map_vectors(f, n, x, y);
}

/* Computes y[i] = f(x[i], constant) through calls of f. */
static NEVER_INLINE void map_constant_by_call(vec (*f)(vec, vec), size_t n,
                                              const real *x, double constant,
                                              real *y)
{
    const vec c = vset1((real)constant);
    for (size_t i = 0; i < n; i += VLEN) {
        const bool part = n - i < VLEN;
        vec in = load_lanes(x + i, part, n - i);
        store_lanes(y + i, f(in, c), part, n - i);
    }
}

/* Computes out[i] = f(a[i], b[i], constant) through calls of f. */
static NEVER_INLINE void combine_by_call(vec (*f)(vec, vec, vec), size_t n,
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
