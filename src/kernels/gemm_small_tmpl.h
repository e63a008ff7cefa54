/* SPDX-License-Identifier: MIT */
/*
 * Small products, in which packing, blocks and calls would cost more than the
 * arithmetic: those whose B has at most SMALL_REALS numbers and fits two
 * vectors of columns.
 * Parameters: the vocabulary of vec_portable.h, above all VLEN, vfma,
 * vload_columns and TRANSPOSE_ROWS; loops_tmpl.h and elementary_tmpl.h (vrelu).
 *
 * A tile has whole rows of C, one or two vectors wide, and runs over all of B:
 *
 *               B (k, n), n <= 2 VLEN, stays in L1
 *             [ b b b b | b b . . ]
 *                 -----------------
 *   a a a a   [ s s s s | s s . . ]    8 or SMALL_ROWS rows at a time;
 *   a a a a   [ s s s s | s s . . ]    the last vector may be a part
 *
 * Each element is the chain that kernels.h defines, so the result does not
 * depend on which file computed it. Eight accumulators are independent chains
 * of fma, which hide the latency of one fma; sixteen, if there are registers
 * for them, need fewer loads.
 */
enum {
    ACCUMULATORS = HAS_16_ACCUMULATORS ? 16 : 8, /* most in a tile */
    SMALL_ROWS = 4, /* chains that run in the latency of one fma, so that fewer
                       rows take no less time */
    SMALL_REALS = 2048, /* the most numbers of B; L1 holds them */
    /* C^T pays if (lanes saved) * k is at least this. Less does not outweigh
     * the time to transpose. */
    TRANSPOSE_MIN_SAVING = 256
};

_Static_assert(2 * VLEN < MLPI_GEMM_MIN_STRIDED_COLUMNS,
               "small products have a dense C");

/* What is left of a product: m rows, and where those of A, C and relu_mask
 * begin. */
typedef struct strip {
    size_t m;
    const real *a, *relu_mask;
    real *c;
} strip;

static inline ALWAYS_INLINE strip strip_of(const mlpi_gemm_args *p)
{
    return (strip){p->m, p->A.data, p->relu_mask, p->C};
}

/* Returns the rows of the next low tile if `rows` are left: 4, 2 or 1. */
static inline size_t low_tile_rows(size_t rows)
{
    return rows >= SMALL_ROWS ? SMALL_ROWS : rows > 1 ? 2 : 1;
}

/* Sets offset[r] to the offset of row r in A, for `done` rows that are `stride`
 * apart. Rows that the tile lacks repeat rows that it has. */
static inline ALWAYS_INLINE void low_tile_offsets(size_t done, size_t stride,
                                                  size_t offset[SMALL_ROWS])
{
    offset[0] = 0;
    offset[1] = done > 1 ? stride : 0;
    offset[2] = done > 2 ? 2 * stride : 0;
    offset[3] = offset[1] + offset[2];
}

/* Loads the sums of the next rows of C, whose last vector is a part. Rows that
 * C lacks repeat its last row. */
static inline ALWAYS_INLINE void small_sums(const mlpi_gemm_args *p,
                                            const strip *rest, size_t rows,
                                            size_t vecs, vec *s)
{
    const size_t last = p->n - (vecs - 1) * VLEN; /* lanes of the part */
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        const real *c = rest->c + min_size(r, rest->m - 1) * p->n;
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            s[r * vecs + v] = load_lanes(c + v * VLEN, v + 1 == vecs, last);
        }
    }
}

/* Computes the next rows of C, bias, relu_mask and ReLU included, and advances
 * the strip. If `resumes`, the sums start from C. `rows`, `vecs`, `part` and
 * `resumes` are constants at each call. A low tile,
 * with rows == SMALL_ROWS, has 4, 2 or 1 rows and takes the same time for all,
 * because the chains of four rows run in the latency of one.
 *
 * Assumptions: B is row-major (unit column stride); C and relu_mask are real
 * [m][n]; n has `vecs` vectors, of which the last is a part if `part` is true;
 * m >= 1. */
static inline ALWAYS_INLINE void small_tile(const mlpi_gemm_args *p,
                                            strip *rest, size_t rows,
                                            size_t vecs, bool part,
                                            bool resumes)
{
    vec s[ACCUMULATORS];
    size_t offset[ACCUMULATORS];
    const size_t whole = part ? vecs - 1 : vecs;
    const size_t last = p->n - (vecs - 1) * VLEN; /* lanes of a part */
    const size_t rs_a = p->A.row_stride;
    const size_t done = rows > SMALL_ROWS ? rows : low_tile_rows(rest->m);
    const real *a = rest->a;
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
    if (resumes) {
        small_sums(p, rest, rows, vecs, s);
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
    if (rest->relu_mask) {
        UNROLL
        for (size_t r = 0; r < rows && r < done; r++, rest->relu_mask += p->n) {
            UNROLL
            for (size_t v = 0; v < vecs; v++) {
                vec mask_values =
                    load_lanes(rest->relu_mask + v * VLEN, v >= whole, last);
                s[r * vecs + v] = vselect(vle(mask_values, vzero()), vzero(),
                                          s[r * vecs + v]);
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
    for (size_t r = 0; r < rows && r < done; r++, rest->c += p->n) {
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            store_lanes(rest->c + v * VLEN, s[r * vecs + v], v >= whole, last);
        }
    }
    rest->a += done * rs_a;
    rest->m -= done;
}

/* Computes all rows by low tiles; m >= 1. */
static inline ALWAYS_INLINE void small_few(const mlpi_gemm_args *p, size_t vecs,
                                           bool part)
{
    strip rest = strip_of(p);
    do {
        small_tile(p, &rest, SMALL_ROWS, vecs, part, false);
    } while (rest.m > 0);
}

/* Computes all rows, `height` at a time, and calls `few` for the last rows,
 * which are fewer. */
static inline ALWAYS_INLINE void small_rows(const mlpi_gemm_args *p,
                                            size_t height, size_t vecs,
                                            bool part, mlpi_gemm_function *few)
{
    strip rest = strip_of(p);
    while (rest.m >= height) {
        small_tile(p, &rest, height, vecs, part, false);
    }
    if (rest.m > 0) {
        mlpi_gemm_args last = *p;
        last.m = rest.m;
        last.A.data = rest.a;
        last.relu_mask = rest.relu_mask;
        last.C = rest.c;
        few(&last);
    }
}

/* There is one function for each shape, from which small_columns chooses:
 *
 *   few_...     low tiles, for fewer than 8 rows
 *   small_...   tiles of 8 rows, and low tiles for the last rows
 *   ..._1vec    n == VLEN            ..._1vec_edge   n < VLEN
 *   ..._2vec    n == 2 VLEN          ..._2vec_edge   VLEN < n < 2 VLEN */
static NEVER_INLINE void few_1vec(const mlpi_gemm_args *p)
{
    small_few(p, 1, false);
}

static NEVER_INLINE void few_1vec_edge(const mlpi_gemm_args *p)
{
    small_few(p, 1, true);
}

static NEVER_INLINE void few_2vec(const mlpi_gemm_args *p)
{
    small_few(p, 2, false);
}

static NEVER_INLINE void few_2vec_edge(const mlpi_gemm_args *p)
{
    small_few(p, 2, true);
}

static NEVER_INLINE void small_1vec(const mlpi_gemm_args *p)
{
    small_rows(p, 8, 1, false, few_1vec);
}

static NEVER_INLINE void small_1vec_edge(const mlpi_gemm_args *p)
{
    small_rows(p, 8, 1, true, few_1vec_edge);
}

/* Tiles of two vectors have SMALL_ROWS rows if the registers do not hold 16
 * accumulators. */
static NEVER_INLINE void small_2vec(const mlpi_gemm_args *p)
{
    if (HAS_16_ACCUMULATORS) {
        small_rows(p, 8, 2, false, few_2vec);
    } else {
        few_2vec(p);
    }
}

static NEVER_INLINE void small_2vec_edge(const mlpi_gemm_args *p)
{
    if (HAS_16_ACCUMULATORS) {
        small_rows(p, 8, 2, true, few_2vec_edge);
    } else {
        few_2vec_edge(p);
    }
}

/* Returns the function for m rows and n <= 2 VLEN columns, if B is row-major
 * (unit column stride). */
static NEVER_INLINE mlpi_gemm_function *small_columns(size_t m, size_t n)
{
    const bool few = m < 8;
    if (n == VLEN) {
        return few ? few_1vec : small_1vec;
    }
    if (n < VLEN) {
        return few ? few_1vec_edge : small_1vec_edge;
    }
    if (n == 2 * VLEN) {
        return few ? few_2vec : small_2vec;
    }
    return few ? few_2vec_edge : small_2vec_edge;
}

/* Computes a product that resumes, whose last vector of columns counts as a
 * part in any case. */
static inline ALWAYS_INLINE void small_resumed(const mlpi_gemm_args *p,
                                               size_t vecs)
{
    strip rest = strip_of(p);
    while (rest.m >= 8 && (vecs == 1 || HAS_16_ACCUMULATORS)) {
        small_tile(p, &rest, 8, vecs, true, true);
    }
    while (rest.m > 0) {
        small_tile(p, &rest, SMALL_ROWS, vecs, true, true);
    }
}

static NEVER_INLINE void resumed_1vec(const mlpi_gemm_args *p)
{
    small_resumed(p, 1);
}

static NEVER_INLINE void resumed_2vec(const mlpi_gemm_args *p)
{
    small_resumed(p, 2);
}

/* Packs B (k, n) into dense rows, one number at a time, because B is small. */
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

/* Computes a product whose B is not row-major. */
static NEVER_INLINE void small_packed(const mlpi_gemm_args *p)
{
    mlpi_gemm_args packed = *p;
    packed.B = (mlpi_operand){small_pack(p), p->n, 1};
    small_columns(p->m, p->n)(&packed);
}

/* Computes C^T = B^T A^T, whose chains are the same, and transposes it. A
 * single column needs no transposition. */
static NEVER_INLINE void small_transposed(const mlpi_gemm_args *p)
{
    mlpi_gemm_args transposed = {
        .m = p->n,
        .n = p->m,
        .k = p->k,
        .A = {p->B.data, p->B.col_stride, p->B.row_stride},
        .B = {p->A.data, p->A.col_stride, 1},
        .C = p->n > 1 ? p->scratch : p->C};
    real *c = p->C;
    if (p->resumes) {
        for (size_t j = 0; p->n > 1 && j < p->n; j++) {
            real *row = (real *)p->scratch + j * p->m;
            for (size_t i = 0; i < p->m; i++) {
                row[i] = c[i * p->n + j];
            }
        }
        p->m > VLEN ? resumed_2vec(&transposed) : resumed_1vec(&transposed);
    } else {
        small_columns(p->n, p->m)(&transposed);
    }
    for (size_t j = 0; p->n > 1 && j < p->n; j++) {
        const real *row = (const real *)p->scratch + j * p->m;
        for (size_t i = 0; i < p->m; i++) {
            c[i * p->n + j] = row[i];
        }
    }
}

/* Computes VLEN rows of a C with one column. The lanes are the rows: VLEN rows
 * of A are transposed as they are loaded, TRANSPOSE_ROWS terms at a time. They
 * begin `row_offset` elements past the pointers in `row`. */
static inline ALWAYS_INLINE void column_vector(const mlpi_gemm_args *p,
                                               const real *const row[VLEN],
                                               size_t row_offset, real *c)
{
    vec s = vzero();
    const real *b = p->B.data;
    const real *bias = p->bias;
    size_t k = 0;
    for (; k + TRANSPOSE_ROWS <= p->k; k += TRANSPOSE_ROWS) {
        vec a[TRANSPOSE_ROWS];
        vload_columns(row, row_offset + k, a);
        UNROLL
        for (size_t i = 0; i < TRANSPOSE_ROWS; i++, b += p->B.row_stride) {
            s = vfma(a[i], vset1(*b), s);
        }
    }
    for (; k < p->k; k++, b += p->B.row_stride) {
        real a[VLEN];
        for (size_t r = 0; r < VLEN; r++) {
            a[r] = row[r][row_offset + k];
        }
        s = vfma(vload(a), vset1(*b), s);
    }
    vstore(c, bias ? vadd(s, vset1(*bias)) : s);
}

/* Computes a C with one column and m >= VLEN rows. The last rows overlap those
 * before if m is no multiple of VLEN; both store the same sums. */
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

/* Computes a C with one column without vectors, for an A that has too few rows
 * or is not row-major. */
static NEVER_INLINE void small_column(const mlpi_gemm_args *p)
{
    const size_t rs_a = p->A.row_stride;
    const real *bias = p->bias;
    real *c = p->C;
    for (size_t i = 0, done = 0; i < p->m; i += done) {
        size_t offset[SMALL_ROWS];
        real s[SMALL_ROWS];
        const real *a = (const real *)p->A.data + i * rs_a;
        const real *b = p->B.data;
        done = low_tile_rows(p->m - i);
        low_tile_offsets(done, rs_a, offset);
        UNROLL
        for (size_t r = 0; r < SMALL_ROWS; r++) {
            s[r] = R(0.0);
        }
        for (size_t k = p->k; k > 0; k--) {
            UNROLL
            for (size_t r = 0; r < SMALL_ROWS; r++) {
                s[r] = fma_real(a[offset[r]], *b, s[r]);
            }
            a += p->A.col_stride;
            b += p->B.row_stride;
        }
        /* `done` is 4, 2 or 1, so the mask maps each row that the tile lacks to
         * the row that it repeats. */
        UNROLL
        for (size_t r = 0; r < SMALL_ROWS; r++) {
            c[i + (r & (done - 1))] = bias ? s[r] + *bias : s[r];
        }
    }
}

/* Keeps Z in C and stores its ReLU in another array. */
static NEVER_INLINE void small_then_relu(const mlpi_gemm_args *p)
{
    mlpi_gemm_args z = *p;
    z.relu = NULL;
    p->B.col_stride == 1 ? small_columns(p->m, p->n)(&z) : small_packed(&z);
    map_each(vrelu, p->m * p->n, p->C, p->relu);
}

/* True if C has so many rows that it pays to compute C^T with the micro-tiles
 * of gemm_tmpl.h, whose rows are then the few columns of C. Here a row of C
 * costs VLEN lanes for each k. There it costs one lane for each column, and n
 * is rounded up to SMALL_ROWS, because no micro-tile is lower. */
static inline bool pays_to_transpose(const mlpi_gemm_args *p)
{
    const size_t lanes = (p->n + SMALL_ROWS - 1) / SMALL_ROWS * SMALL_ROWS;
    return lanes < VLEN && p->m >= 4 * VLEN &&
           (VLEN - lanes) * p->k >= TRANSPOSE_MIN_SAVING;
}

/* Returns the fastest function for a small product, or NULL if the product is
 * not small. Vectors run over the columns of C, or over its rows if that leaves
 * fewer lanes empty. */
static mlpi_gemm_function *select_small(const mlpi_gemm_args *p)
{
    bool is_plain = !p->bias && !p->relu_mask && !p->relu;
    bool a_is_transposed = p->A.row_stride == 1 && p->m > 1;
    /* C^T leaves no more lanes empty than C. */
    if (a_is_transposed && is_plain && p->n < p->m && p->m <= 2 * VLEN &&
        p->n * vector_count(p->m) <= p->m * vector_count(p->n)) {
        return small_transposed;
    }
    if (p->resumes) { /* others are rare */
        return NULL;
    }
    if (p->n == 1) {
        mlpi_gemm_function *column =
            p->A.col_stride == 1 && p->m >= VLEN && VLEN > 1
                ? small_column_of_rows
                : small_column;
        return a_is_transposed || p->relu_mask || p->relu ? NULL : column;
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
