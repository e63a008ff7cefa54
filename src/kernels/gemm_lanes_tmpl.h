/* SPDX-License-Identifier: MIT */
/*
 * Products with ten columns. Ten classes are common, and ten columns leave most
 * of the second vector of eight lanes empty, or six lanes of one of sixteen.
 * Here the lanes hold rows of C, which leaves none empty: C^T is computed, two
 * vectors of rows at a time, and transposed when its chains are complete.
 * Parameters: the vocabulary of vec_portable.h, above all VLEN, vload_columns
 * and TRANSPOSE_ROWS; loops_tmpl.h, gemm_pack_tmpl.h and gemm_finish_tmpl.h.
 *
 *                      A^T (k, rows)
 *                      [ a a a a | a a a a ]     columns of A are loaded; rows
 *                       -------------------      of A are transposed as they
 *     B^T   (10, k)                              are loaded
 *         [ b       ]  [ s s s s | s s s s ]     s = fma(a, b, s), b broadcast
 *         [ b       ]  [ s s s s | s s s s ]
 *
 * The chains are those of C, since a b = b a. The number of columns is a
 * constant, so that the sums stay in registers.
 */
enum {
    LANES_COLUMNS = 10,
    LANES_VECS = 2, /* vectors of rows; they share each broadcast of B */
    LANES_ROWS = LANES_VECS * VLEN
};

/* True if gemm_rows_as_lanes computes the product: the machine has 32 registers
 * of at least eight lanes, B is dense and stays in L2. */
static inline bool suits_rows_as_lanes(const mlpi_gemm_args *p)
{
    return VLEN >= 8 && MR > LANES_COLUMNS && p->n == LANES_COLUMNS &&
           p->m >= VLEN && p->B.col_stride == 1 && p->B.row_stride == p->n &&
           p->k * p->n <= L2_B_REALS &&
           (p->A.col_stride == 1 || p->A.row_stride == 1) && !p->resumes;
}

/* Rows of A, and the sums of C^T that belong to them. */
typedef struct lanes_tile {
    const real *row[LANES_ROWS];
    const real *b;
    vec s[LANES_COLUMNS][LANES_VECS];
} lanes_tile;

/* Adds one term to the sums; x holds a term of each row of A. */
static inline ALWAYS_INLINE void add_lanes_term(lanes_tile *t, const vec *x,
                                                size_t stride, size_t vecs)
{
    UNROLL
    for (size_t j = 0; j < LANES_COLUMNS; j++) {
        vec b = vset1(t->b[j]);
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            t->s[j][v] = vfma(x[v * stride], b, t->s[j][v]);
        }
    }
    t->b += LANES_COLUMNS;
}

/* Adds k terms whose rows of A are contiguous. */
static inline ALWAYS_INLINE void add_lanes_of_rows(lanes_tile *t, size_t k,
                                                   size_t vecs)
{
    size_t done = 0;
    for (; done + TRANSPOSE_ROWS <= k; done += TRANSPOSE_ROWS) {
        vec x[LANES_VECS * TRANSPOSE_ROWS];
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            vload_columns(t->row + v * VLEN, done, x + v * TRANSPOSE_ROWS);
        }
        UNROLL
        for (size_t i = 0; i < TRANSPOSE_ROWS; i++) {
            add_lanes_term(t, x + i, TRANSPOSE_ROWS, vecs);
        }
    }
    for (; done < k; done++) {
        real a[LANES_ROWS];
        vec x[LANES_VECS];
        for (size_t r = 0; r < vecs * VLEN; r++) {
            a[r] = t->row[r][done];
        }
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            x[v] = vload(a + v * VLEN);
        }
        add_lanes_term(t, x, 1, vecs);
    }
}

/* Adds k terms whose columns of A are contiguous, and `cs_a` apart. */
static inline ALWAYS_INLINE void add_lanes_of_columns(lanes_tile *t, size_t k,
                                                      size_t cs_a, size_t vecs)
{
    const real *a = t->row[0];
    for (; k > 0; k--, a += cs_a) {
        vec x[LANES_VECS];
        prefetch(a, PREFETCH_ROWS * cs_a, vecs * VLEN);
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            x[v] = vload(a + v * VLEN);
        }
        add_lanes_term(t, x, 1, vecs);
    }
}

/* Stores C^T, real [LANES_COLUMNS][LANES_ROWS], to `rows` rows of C. The columns
 * that do not fill a vector are few and go one by one. */
static inline ALWAYS_INLINE void store_lanes_tile(const real *sums, size_t rows,
                                                  real *c)
{
    const size_t whole = min_size(VLEN, LANES_COLUMNS);
    const real *column[VLEN];
    UNROLL
    for (size_t j = 0; j < VLEN; j++) {
        column[j] = sums + min_size(j, LANES_COLUMNS - 1) * LANES_ROWS;
    }
    for (size_t i = 0; i < rows; i += TRANSPOSE_ROWS) {
        vec x[TRANSPOSE_ROWS];
        vload_columns(column, i, x);
        UNROLL
        for (size_t r = 0; r < TRANSPOSE_ROWS; r++, c += LANES_COLUMNS) {
            store_lanes(c, x[r], whole < VLEN, whole);
            UNROLL
            for (size_t j = whole; j < LANES_COLUMNS; j++) {
                c[j] = sums[j * LANES_ROWS + i + r];
            }
        }
    }
}

/* Computes `vecs` vectors of rows of C, which begin at `c` and with row i of A.
 * `vecs` and `of_columns` are constants at each call. */
static inline ALWAYS_INLINE void
run_lanes_tile(const mlpi_gemm_args *p, size_t i, size_t vecs, bool of_columns)
{
    const size_t rs_a = p->A.row_stride;
    const real *a = (const real *)p->A.data + i * rs_a;
    real *sums = p->scratch;
    lanes_tile t = {.b = p->B.data, .row = {a}};
    for (size_t r = 1; !of_columns && r < vecs * VLEN; r++) {
        t.row[r] = a + r * rs_a;
    }
    UNROLL
    for (size_t j = 0; j < LANES_COLUMNS; j++) {
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            t.s[j][v] = vzero();
        }
    }
    if (of_columns) {
        add_lanes_of_columns(&t, p->k, p->A.col_stride, vecs);
    } else {
        add_lanes_of_rows(&t, p->k, vecs);
    }
    UNROLL
    for (size_t j = 0; j < LANES_COLUMNS; j++) {
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            vstore(sums + j * LANES_ROWS + v * VLEN, t.s[j][v]);
        }
    }
    store_lanes_tile(sums, vecs * VLEN, (real *)p->C + i * LANES_COLUMNS);
}

static HOT void two_vecs_of_rows(const mlpi_gemm_args *p, size_t i)
{
    run_lanes_tile(p, i, LANES_VECS, false);
}

static HOT void one_vec_of_rows(const mlpi_gemm_args *p, size_t i)
{
    run_lanes_tile(p, i, 1, false);
}

static HOT void two_vecs_of_columns(const mlpi_gemm_args *p, size_t i)
{
    run_lanes_tile(p, i, LANES_VECS, true);
}

static HOT void one_vec_of_columns(const mlpi_gemm_args *p, size_t i)
{
    run_lanes_tile(p, i, 1, true);
}

/* Computes two vectors of rows of C at a time, or one where fewer are left. The
 * last vector overlaps the one before if m is no multiple of VLEN; both store
 * the same sums. */
static void gemm_rows_as_lanes(const mlpi_gemm_args *args)
{
    const bool of_columns = args->A.row_stride == 1;
    for (size_t done = 0, rows = 0; done < args->m; done += rows) {
        rows = args->m - done >= LANES_ROWS ? LANES_ROWS : VLEN;
        const size_t i = min_size(done, args->m - rows);
        if (rows == LANES_ROWS) {
            of_columns ? two_vecs_of_columns(args, i)
                       : two_vecs_of_rows(args, i);
        } else {
            of_columns ? one_vec_of_columns(args, i) : one_vec_of_rows(args, i);
        }
        if (args->bias || args->relu_mask || args->relu) {
            const strided_gemm p = args_of(args);
            real *c = p.c + i * p.rs_c;
            finish_tile(&p, &(tile_area){i, 0, rows, p.n, c, p.rs_c}, true);
        }
    }
}
