/* SPDX-License-Identifier: MIT */
/*
 * Small products: those of networks whose weights fit a few cache lines, where
 * blocks, packed tiles and calls would cost more than the arithmetic. Tiles of
 * whole rows of C run over all of B, in straight loops. Parameters: the
 * vocabulary, loop_tmpl.h, math_tmpl.h.
 *
 * Each element is the chain of gemm_tmpl.h, so nobody can tell which of the two
 * computed it. Eight accumulators at once hide the latency of fma; where there
 * are registers for sixteen, loads are fewer.
 */
enum {
    ACCUMULATORS = HAS_16_ACCUMULATORS ? 16 : 8, /* accumulators of a tile */
    SMALL_ROWS = 4,    /* rows whose chains take as long as one's */
    SMALL_REALS = 2048 /* of B: these stay in L1 without packing */
};

/* Where the next rows of A, C and the gate begin, and how many are left. */
typedef struct strip {
    size_t m;
    const real *a, *gate;
    real *c;
} strip;

static inline ALWAYS_INLINE strip strip_of(const mlpi_gemm_args *p)
{
    return (strip){p->m, p->A.data, p->gate, p->C};
}

/* How many rows the next tile of SMALL_ROWS has, of so many: 4, 2 or 1. */
static inline size_t low_tile_rows(size_t rows)
{
    return rows >= SMALL_ROWS ? SMALL_ROWS : rows > 1 ? 2 : 1;
}

/* Where they begin, `stride` apart; what it lacks is what it has, again. */
static inline ALWAYS_INLINE void low_tile_offsets(size_t done, size_t stride,
                                                  size_t at[SMALL_ROWS])
{
    at[0] = 0;
    at[1] = done > 1 ? stride : 0;
    at[2] = done > 2 ? 2 * stride : 0;
    at[3] = at[1] + at[2];
}

/* The next rows, whose accumulators are in registers; B's columns are
 * contiguous. `rows`, `vecs` and `part` are constants at each call. A tile of
 * SMALL_ROWS may have 4, 2 or 1, in the same time: who waits for the chains of one can
 * wait for four. */
static inline ALWAYS_INLINE void small_tile(const mlpi_gemm_args *p, strip *at,
                                            size_t rows, size_t vecs, bool part)
{
    vec s[ACCUMULATORS];
    size_t offset[ACCUMULATORS];
    const size_t whole = part ? vecs - 1 : vecs;
    const size_t last = p->n - (vecs - 1) * VLEN; /* lanes of a part */
    const size_t rs_a = p->A.row_stride;
    const size_t done = rows > SMALL_ROWS ? rows : low_tile_rows(at->m);
    const real *a = at->a;
    const real *b = p->B.data;
    const real *bias = p->bias;
    if (rows == SMALL_ROWS) {
        low_tile_offsets(done, rs_a, offset);
    }
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        offset[r] = rows > SMALL_ROWS ? r * rs_a : offset[r];
    }
    UNROLL
    for (size_t r = 0; r < rows * vecs; r++) {
        s[r] = vzero();
    }
    for (size_t k = p->k; k > 0; k--) {
        vec row[ACCUMULATORS];
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            row[v] = load_lanes(b + v * VLEN, v >= whole, last);
        }
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            vec x = vset1(a[offset[r]]);
            UNROLL
            for (size_t v = 0; v < vecs; v++) {
                s[r * vecs + v] = vfma(x, row[v], s[r * vecs + v]);
            }
        }
        a += p->A.col_stride;
        b += p->B.row_stride;
    }
    if (bias) {
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            vec x = load_lanes(bias + v * VLEN, v >= whole, last);
            UNROLL
            for (size_t r = 0; r < rows; r++) {
                s[r * vecs + v] = vadd(s[r * vecs + v], x);
            }
        }
    }
    if (at->gate) {
        UNROLL
        for (size_t r = 0; r < rows && r < done; r++, at->gate += p->n) {
            UNROLL
            for (size_t v = 0; v < vecs; v++) {
                vec g = load_lanes(at->gate + v * VLEN, v >= whole, last);
                s[r * vecs + v] =
                    vselect(vle(g, vzero()), vzero(), s[r * vecs + v]);
            }
        }
    }
    if (p->relu) {
        UNROLL
        for (size_t r = 0; r < rows * vecs; r++) {
            s[r] = vrelu(s[r]);
        }
    }
    UNROLL
    for (size_t r = 0; r < rows && r < done; r++, at->c += p->n) {
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            store_lanes(at->c + v * VLEN, s[r * vecs + v], v >= whole, last);
        }
    }
    at->a += done * rs_a;
    at->m -= done;
}

/* At least one row. */
static inline ALWAYS_INLINE void small_few(const mlpi_gemm_args *p, size_t vecs,
                                           bool part)
{
    strip at = strip_of(p);
    do {
        small_tile(p, &at, SMALL_ROWS, vecs, part);
    } while (at.m > 0);
}

/* All rows, `most` at a time; `few` does what is left. */
static inline ALWAYS_INLINE void small_rows(const mlpi_gemm_args *p,
                                            size_t most, size_t vecs, bool part,
                                            mlpi_gemm_function *few)
{
    strip at = strip_of(p);
    while (at.m >= most) {
        small_tile(p, &at, most, vecs, part);
    }
    if (at.m > 0) {
        mlpi_gemm_args rest = *p;
        rest.m = at.m;
        rest.A.data = at.a;
        rest.gate = at.gate;
        rest.C = at.c;
        few(&rest);
    }
}

static NEVER_INLINE void few_vector(const mlpi_gemm_args *p)
{
    small_few(p, 1, false);
}

static NEVER_INLINE void few_part(const mlpi_gemm_args *p)
{
    small_few(p, 1, true);
}

static NEVER_INLINE void few_vectors(const mlpi_gemm_args *p)
{
    small_few(p, 2, false);
}

static NEVER_INLINE void few_vectors_part(const mlpi_gemm_args *p)
{
    small_few(p, 2, true);
}

static NEVER_INLINE void small_vector(const mlpi_gemm_args *p)
{
    small_rows(p, 8, 1, false, few_vector);
}

static NEVER_INLINE void small_part(const mlpi_gemm_args *p)
{
    small_rows(p, 8, 1, true, few_part);
}

/* Without registers for more, tiles of two vectors are all of SMALL_ROWS rows. */
static NEVER_INLINE void small_vectors(const mlpi_gemm_args *p)
{
    HAS_16_ACCUMULATORS ? small_rows(p, 8, 2, false, few_vectors)
                        : few_vectors(p);
}

static NEVER_INLINE void small_vectors_part(const mlpi_gemm_args *p)
{
    HAS_16_ACCUMULATORS ? small_rows(p, 8, 2, true, few_vectors_part)
                        : few_vectors_part(p);
}

/* For m rows and up to two vectors of columns, which are contiguous in B. */
static NEVER_INLINE mlpi_gemm_function *small_columns(size_t m, size_t n)
{
    const bool few = m < 8;
    if (n == VLEN) {
        return few ? few_vector : small_vector;
    }
    if (n < VLEN) {
        return few ? few_part : small_part;
    }
    if (n == 2 * VLEN) {
        return few ? few_vectors : small_vectors;
    }
    return few ? few_vectors_part : small_vectors_part;
}

/* B (k, n) as rows of n numbers. */
static const real *small_pack(const mlpi_gemm_args *p)
{
    const real *b = p->B.data;
    real *packed = p->scratch;
    for (size_t k = 0; k < p->k; k++, b += p->B.row_stride) {
        for (size_t j = 0; j < p->n; j++) {
            *packed++ = b[j * p->B.col_stride];
        }
    }
    return p->scratch;
}

/* B's columns lie apart. */
static NEVER_INLINE void small_packed(const mlpi_gemm_args *p)
{
    mlpi_gemm_args packed = *p;
    packed.B = (mlpi_operand){small_pack(p), p->n, 1};
    small_columns(p->m, p->n)(&packed);
}

/* C^T = B^T A^T: a b = b a: the same chains. */
static NEVER_INLINE void small_transposed(const mlpi_gemm_args *p)
{
    mlpi_gemm_args transposed = {
        .m = p->n,
        .n = p->m,
        .k = p->k,
        .A = {p->B.data, p->B.col_stride, p->B.row_stride},
        .B = {p->A.data, p->A.col_stride, 1},
        .C = p->n > 1 ? p->scratch : p->C};
    small_columns(p->n, p->m)(&transposed);
    real *c = p->C;
    for (size_t j = 0; p->n > 1 && j < p->n; j++) {
        const real *row = (const real *)p->scratch + j * p->m;
        for (size_t i = 0; i < p->m; i++) {
            c[i * p->n + j] = row[i];
        }
    }
}

/* A single column, of which VLEN rows of contiguous elements are transposed as
 * they are loaded, TRANSPOSE_ROWS columns at a time; `at` is where the first begins. */
static inline ALWAYS_INLINE void column_vector(const mlpi_gemm_args *p,
                                               const real *const row[VLEN],
                                               size_t at, real *c)
{
    vec s = vzero();
    const real *b = p->B.data;
    const real *bias = p->bias;
    size_t k = 0;
    for (; k + TRANSPOSE_ROWS <= p->k; k += TRANSPOSE_ROWS) {
        vec a[TRANSPOSE_ROWS];
        vload_columns(row, at + k, a);
        UNROLL
        for (size_t i = 0; i < TRANSPOSE_ROWS; i++, b += p->B.row_stride) {
            s = vfma(a[i], vset1(*b), s);
        }
    }
    for (; k < p->k; k++, b += p->B.row_stride) {
        real a[VLEN];
        for (size_t r = 0; r < VLEN; r++) {
            a[r] = row[r][at + k];
        }
        s = vfma(vload(a), vset1(*b), s);
    }
    vstore(c, bias ? vadd(s, vset1(*bias)) : s);
}

/* m >= VLEN rows, some of the last perhaps twice. */
static NEVER_INLINE void small_column_of_rows(const mlpi_gemm_args *p)
{
    real *c = p->C;
    const size_t rs_a = p->A.row_stride;
    const real *row[VLEN];
    for (size_t r = 0; r < VLEN; r++) {
        row[r] = (const real *)p->A.data + r * rs_a;
    }
    for (size_t done = 0; done < p->m; done += VLEN) {
        size_t i = min_size(done, p->m - VLEN);
        column_vector(p, row, i * rs_a, c + i);
    }
}

/* Rows too few, or too far apart, for vectors. */
static NEVER_INLINE void small_column(const mlpi_gemm_args *p)
{
    const size_t rs_a = p->A.row_stride;
    const real *bias = p->bias;
    real *c = p->C;
    for (size_t i = 0, done = 0; i < p->m; i += done) {
        size_t at[SMALL_ROWS];
        real s[SMALL_ROWS];
        const real *a = (const real *)p->A.data + i * rs_a;
        const real *b = p->B.data;
        done = low_tile_rows(p->m - i);
        low_tile_offsets(done, rs_a, at);
        UNROLL
        for (size_t r = 0; r < SMALL_ROWS; r++) {
            s[r] = R(0.0);
        }
        for (size_t k = p->k; k > 0; k--) {
            UNROLL
            for (size_t r = 0; r < SMALL_ROWS; r++) {
                s[r] = fma_real(a[at[r]], *b, s[r]);
            }
            a += p->A.col_stride;
            b += p->B.row_stride;
        }
        UNROLL
        for (size_t r = 0; r < SMALL_ROWS; r++) {
            c[i + (r & (done - 1))] = bias ? s[r] + *bias : s[r];
        }
    }
}

/* Vectors that hold n numbers. */
static inline size_t vectors(size_t n)
{
    return n / VLEN + (n % VLEN > 0);
}

/* Where Z is kept as well as its ReLU. */
static NEVER_INLINE void small_then_relu(const mlpi_gemm_args *p)
{
    mlpi_gemm_args z = *p;
    z.relu = NULL;
    p->B.col_stride == 1 ? small_columns(p->m, p->n)(&z) : small_packed(&z);
    map_each(vrelu, p->m * p->n, p->C, p->relu);
}

/* Are there rows enough that C^T in tiles of gemm_tmpl.h, whose rows are the
 * few columns of C, saves more lanes than it costs to turn it? */
static inline bool pays_to_transpose(const mlpi_gemm_args *p)
{
    const size_t lanes = (p->n + 3) / 4 * 4;
    return lanes < VLEN && p->m >= 4 * VLEN && (VLEN - lanes) * p->k >= 256;
}

/* The quickest way of a product, if it is small, or NULL. Vectors run over the
 * columns of C or, where that leaves fewer lanes empty, over its rows. */
static mlpi_gemm_function *select_small(const mlpi_gemm_args *p)
{
    bool is_plain = !p->bias && !p->gate && !p->relu;
    bool a_is_transposed = p->A.row_stride == 1 && p->m > 1;
    if (a_is_transposed && is_plain && p->n < p->m && p->m <= 2 * VLEN &&
        p->n * vectors(p->m) <= p->m * vectors(p->n)) {
        return small_transposed;
    }
    if (p->n == 1) {
        mlpi_gemm_function *column =
            p->A.col_stride == 1 && p->m >= VLEN && VLEN > 1
                ? small_column_of_rows
                : small_column;
        return a_is_transposed || p->gate || p->relu ? NULL : column;
    }
    if (p->n > 2 * VLEN || p->k * p->n > SMALL_REALS ||
        (a_is_transposed && is_plain && pays_to_transpose(p))) {
        return NULL;
    }
    if (p->relu && p->relu != p->C) {
        return small_then_relu;
    }
    return p->B.col_stride == 1 ? small_columns(p->m, p->n) : small_packed;
}
