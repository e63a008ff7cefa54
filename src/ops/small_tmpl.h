/* SPDX-License-Identifier: MIT */
/*
 * Small products: those of networks whose weights fit a few cache lines, where
 * blocks, packed tiles and calls would cost more than the arithmetic. One
 * function passes over all rows, in straight loops. Parameters: the vocabulary,
 * loop_tmpl.h and math_tmpl.h.
 *
 * Each element is the chain of gemm_tmpl.h, so nobody can tell which of the two
 * computed it. Eight accumulators at work at once hide the latency of fma;
 * where there are registers for sixteen, loads are fewer.
 */
enum {
    MANY = TILE_ROWS * TILE_VECS >= 16, /* are there? */
    CHAINS = MANY ? 16 : 8,             /* accumulators of a tile */
    SMALL_REALS = 2048 /* of B: these stay in L1 without packing */
};

/* C = A B, then as in mlpi_product; the columns of B and C are contiguous. */
typedef struct strip {
    size_t m, k;
    const real *a;
    size_t a_row, a_k;
    const real *b;
    size_t b_k;
    real *c;
    size_t c_row;
    const real *bias, *gate;
    bool relu;   /* C receives max(0, C) */
    size_t last; /* lanes of the last vector, if it is partial */
} strip;

/* The first rows, whose accumulators are in registers: `rows`, `vecs` and
 * `part` are constants at each call. Leaves p at the row after them. */
static inline ALWAYS_INLINE void small_tile(strip *p, size_t rows, size_t vecs,
                                            bool part)
{
    vec s[CHAINS];
    const size_t whole = part ? vecs - 1 : vecs;
    const real *a = p->a;
    const real *b = p->b;
    UNROLL
    for (size_t r = 0; r < rows * vecs; r++) {
        s[r] = vzero();
    }
    for (size_t k = 0; k < p->k; k++, a += p->a_k, b += p->b_k) {
        vec row[CHAINS];
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            row[v] = load_lanes(b + v * VLEN, v >= whole, p->last);
        }
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            vec x = vset1(a[r * p->a_row]);
            UNROLL
            for (size_t v = 0; v < vecs; v++) {
                s[r * vecs + v] = vfma(x, row[v], s[r * vecs + v]);
            }
        }
    }
    p->a += rows * p->a_row;
    if (p->bias) {
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            vec bias = load_lanes(p->bias + v * VLEN, v >= whole, p->last);
            UNROLL
            for (size_t r = 0; r < rows; r++) {
                s[r * vecs + v] = vadd(s[r * vecs + v], bias);
            }
        }
    }
    if (p->gate) {
        UNROLL
        for (size_t r = 0; r < rows; r++, p->gate += p->c_row) {
            UNROLL
            for (size_t v = 0; v < vecs; v++) {
                vec g = load_lanes(p->gate + v * VLEN, v >= whole, p->last);
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
    for (size_t r = 0; r < rows; r++, p->c += p->c_row) {
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            store_lanes(p->c + v * VLEN, s[r * vecs + v], v >= whole, p->last);
        }
    }
}

/* All rows, `most` at a time, which is 8 or 4. B's columns are contiguous. */
static inline ALWAYS_INLINE void small_rows(const mlpi_product *all,
                                            size_t most, size_t vecs, bool part)
{
    strip p = {.m = all->m,
               .k = all->k,
               .a = all->A.data,
               .a_row = all->A.row_stride,
               .a_k = all->A.col_stride,
               .b = all->B.data,
               .b_k = all->B.row_stride,
               .c = all->C,
               .c_row = all->n,
               .bias = all->bias,
               .gate = all->gate,
               .relu = all->C == all->relu,
               .last = all->n - (vecs - 1) * VLEN};
    for (; p.m >= most; p.m -= most) {
        small_tile(&p, most, vecs, part);
    }
    if (most > 4 && p.m >= 4) {
        small_tile(&p, 4, vecs, part);
        p.m -= 4;
    }
    if (p.m >= 2) {
        small_tile(&p, 2, vecs, part);
        p.m -= 2;
    }
    if (p.m > 0) {
        small_tile(&p, 1, vecs, part);
    }
}

static NEVER_INLINE void small_vector(const mlpi_product *p)
{
    small_rows(p, 8, 1, false);
}

static NEVER_INLINE void small_part(const mlpi_product *p)
{
    small_rows(p, 8, 1, true);
}

static NEVER_INLINE void small_vectors(const mlpi_product *p)
{
    small_rows(p, CHAINS / 2, 2, false);
}

static NEVER_INLINE void small_vectors_part(const mlpi_product *p)
{
    small_rows(p, CHAINS / 2, 2, true);
}

/* For up to two vectors of columns, which are contiguous in B. */
static inline mlpi_product_way *small_columns(size_t n)
{
    if (n <= VLEN) {
        return n == VLEN ? small_vector : small_part;
    }
    return n == 2 * VLEN ? small_vectors : small_vectors_part;
}

/* B (k, n) as rows of n numbers. */
static const real *small_pack(const mlpi_product *p)
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
static NEVER_INLINE void small_packed(const mlpi_product *p)
{
    mlpi_product packed = *p;
    packed.B = (mlpi_operand){small_pack(p), p->n, 1};
    small_columns(p->n)(&packed);
}

/* C^T = B^T A^T, which is the same chains, for a b = b a. */
static NEVER_INLINE void small_transposed(const mlpi_product *p)
{
    mlpi_product turned = {.m = p->n,
                           .n = p->m,
                           .k = p->k,
                           .A = {p->B.data, p->B.col_stride, p->B.row_stride},
                           .B = {p->A.data, p->A.col_stride, 1},
                           .C = p->n > 1 ? p->scratch : p->C};
    small_columns(p->m)(&turned);
    real *c = p->C;
    for (size_t j = 0; p->n > 1 && j < p->n; j++) {
        const real *row = (const real *)p->scratch + j * p->m;
        for (size_t i = 0; i < p->m; i++) {
            c[i * p->n + j] = row[i];
        }
    }
}

/* `rows` rows of a single column, which lie too far apart for vectors. */
static inline ALWAYS_INLINE void column_tile(const strip *p, size_t rows)
{
    real s[CHAINS];
    const real *a = p->a;
    const real *b = p->b;
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        s[r] = R(0.0);
    }
    for (size_t k = 0; k < p->k; k++, a += p->a_k, b += p->b_k) {
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            s[r] = fma_real(a[r * p->a_row], *b, s[r]);
        }
    }
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        p->c[r] = p->bias ? s[r] + p->bias[0] : s[r];
    }
}

static inline strip strip_of_column(const mlpi_product *p)
{
    return (strip){.k = p->k,
                   .a = p->A.data,
                   .a_row = p->A.row_stride,
                   .a_k = p->A.col_stride,
                   .b = p->B.data,
                   .b_k = p->B.row_stride,
                   .c = p->C,
                   .bias = p->bias};
}

/* The same for VLEN rows of contiguous elements, which are transposed as they are
 * loaded, SIDE columns at a time; `at` is where the first begins. */
static inline ALWAYS_INLINE void
column_vector(const strip *p, const real *const row[VLEN], size_t at, real *c)
{
    vec s = vzero();
    size_t k = 0;
    for (; k + SIDE <= p->k; k += SIDE) {
        vec a[SIDE];
        vload_columns(row, at + k, a);
        UNROLL
        for (size_t i = 0; i < SIDE; i++) {
            s = vfma(a[i], vset1(p->b[(k + i) * p->b_k]), s);
        }
    }
    for (; k < p->k; k++) {
        real a[VLEN];
        for (size_t r = 0; r < VLEN; r++) {
            a[r] = row[r][at + k];
        }
        s = vfma(vload(a), vset1(p->b[k * p->b_k]), s);
    }
    vstore(c, p->bias ? vadd(s, vset1(*p->bias)) : s);
}

/* m >= VLEN rows, some of the last perhaps twice. */
static NEVER_INLINE void small_column_of_rows(const mlpi_product *p)
{
    strip s = strip_of_column(p);
    const real *row[VLEN];
    for (size_t r = 0; r < VLEN; r++) {
        row[r] = s.a + r * s.a_row;
    }
    for (size_t done = 0; done < p->m; done += VLEN) {
        size_t i = least(done, p->m - VLEN);
        column_vector(&s, row, i * s.a_row, s.c + i);
    }
}

static NEVER_INLINE void small_column(const mlpi_product *p)
{
    strip s = strip_of_column(p);
    size_t m = p->m;
    for (; m >= 8; m -= 8, s.a += 8 * s.a_row, s.c += 8) {
        column_tile(&s, 8);
    }
    for (; m >= 4; m -= 4, s.a += 4 * s.a_row, s.c += 4) {
        column_tile(&s, 4);
    }
    for (; m > 0; m--, s.a += s.a_row, s.c++) {
        column_tile(&s, 1);
    }
}

/* Vectors that hold n numbers. */
static inline size_t vectors(size_t n)
{
    return n / VLEN + (n % VLEN > 0);
}

/* Where Z is kept as well as its ReLU. */
static NEVER_INLINE void small_then_relu(const mlpi_product *p)
{
    p->B.col_stride == 1 ? small_columns(p->n)(p) : small_packed(p);
    map_each(vrelu, p->m * p->n, p->C, p->relu);
}

/* The quickest way of a product, if it is small, or NULL. Vectors run over the
 * columns of C or, where that leaves fewer lanes empty, over its rows. */
static mlpi_product_way *small_way(const mlpi_product *p)
{
    bool no_more = !p->bias && !p->gate && !p->relu;
    bool is_turned = p->A.row_stride == 1 && p->m > 1;
    if (is_turned && no_more && p->n < p->m && p->m <= 2 * VLEN &&
        p->n * vectors(p->m) <= p->m * vectors(p->n)) {
        return small_transposed;
    }
    if (p->n == 1) {
        mlpi_product_way *way = p->A.col_stride == 1 && p->m >= VLEN && VLEN > 1
                                    ? small_column_of_rows
                                    : small_column;
        return is_turned || p->gate || p->relu ? NULL : way;
    }
    if (p->n > 2 * VLEN || p->k * p->n > SMALL_REALS) {
        return NULL;
    }
    if (p->relu && p->relu != p->C) {
        return small_then_relu;
    }
    return p->B.col_stride == 1 ? small_columns(p->n) : small_packed;
}
