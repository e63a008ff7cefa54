/* SPDX-License-Identifier: MIT */
/*
 * Matrix product C = A B + bias, and column sums. Parameters: the vocabulary,
 * with TILE_ROWS and TILE_VECS, and loop_tmpl.h.
 *
 * C is computed in tiles of up to TILE_ROWS rows by TILE_VECS vectors, whose
 * accumulators stay in registers while k runs:
 *
 *                  B  k |  [ b b ]          one row of the panel: TILE_VECS
 *                       |  [ b b ]          vectors, shared by all tile rows
 *        A   k             -------
 *      [ a a a a ]         [ s s ]          s = fma(a, b, s), a broadcast
 *      [ a a a a ]         [ s s ]
 *
 * Each element is one chain over k ascending; long chains are cut into blocks
 * and the accumulator goes through C in between, which changes no bit. B's
 * block is packed into panels when its rows are not contiguous or when many
 * tiles will read it; A's tile is packed when many panels will. (K. Goto and
 * R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM
 * TOMS 34, 2008.)
 */
enum {
    PANEL = TILE_VECS * VLEN,      /* columns of a tile */
    K_BLOCK = 256,                 /* rows of B's block: a panel fits L1 */
    N_BLOCK = 512 / PANEL * PANEL, /* its columns: 0.5 or 1 MB, near L2 */
    ROW_VECS = 8,   /* of a single row: chains enough to hide fma's latency */
    PACK_ROWS = 32, /* rows packed at once: their lines stay in L1 */
    AHEAD = 8,      /* jumps by which packing asks for memory early */
    CACHE_LINE = 64,
    PACK_A_PANELS = 4, /* panels from which packing A's tile pays */
    SMALL_B = 2048     /* reals of B that L1 holds without packing */
};

typedef struct tile {
    size_t k;
    const real *a;
    size_t a_row, a_k; /* strides of A by row and by k */
    const real *b;
    size_t b_k; /* stride of B by k; columns are contiguous */
    real *c;
    size_t c_row;
    size_t last;          /* lanes of the last vector, if it is partial */
    bool resume;          /* go on from C, not from 0 */
    const real *bias;     /* added at the end; or NULL */
    size_t bias_row_step; /* 1: an element for each row of C; 0: column */
    real *relu;           /* receives max(0, C), with C's strides; or NULL */
    const real *gate;     /* where it is <= 0, C is 0; likewise */
} tile;

/* The accumulators of a tile; unused ones cost nothing. */
typedef vec accumulators[TILE_ROWS][ROW_VECS];

static inline ALWAYS_INLINE void
add_bias(const tile *t, size_t rows, size_t vecs, bool part, accumulators s)
{
    const size_t whole = part ? vecs - 1 : vecs;
    UNROLL
    for (size_t v = 0; v < vecs; v++) {
        vec b = t->bias_row_step
                    ? vzero()
                    : load_lanes(t->bias + v * VLEN, v >= whole, t->last);
        UNROLL
        for (size_t i = 0; i < rows; i++) {
            s[i][v] = vadd(s[i][v], t->bias_row_step ? vset1(t->bias[i]) : b);
        }
    }
}

static inline ALWAYS_INLINE void
close_gates(const tile *t, size_t rows, size_t vecs, bool part, accumulators s)
{
    const size_t whole = part ? vecs - 1 : vecs;
    UNROLL
    for (size_t i = 0; i < rows; i++) {
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            vec g = load_lanes(t->gate + i * t->c_row + v * VLEN, v >= whole,
                               t->last);
            s[i][v] = vselect(vle(g, vzero()), vzero(), s[i][v]);
        }
    }
}

static inline ALWAYS_INLINE void
store_sums(const tile *t, size_t rows, size_t vecs, bool part, accumulators s)
{
    const size_t whole = part ? vecs - 1 : vecs;
    /* Copies, for the compiler cannot know that C is not the tile itself. */
    real *const c = t->c;
    real *const relu = t->relu;
    const size_t c_row = t->c_row;
    const size_t last = t->last;
    if (c != relu) {
        UNROLL
        for (size_t i = 0; i < rows; i++) {
            UNROLL
            for (size_t v = 0; v < vecs; v++) {
                store_lanes(c + i * c_row + v * VLEN, s[i][v], v >= whole,
                            last);
            }
        }
    }
    if (relu) {
        UNROLL
        for (size_t i = 0; i < rows; i++) {
            UNROLL
            for (size_t v = 0; v < vecs; v++) {
                store_lanes(relu + i * c_row + v * VLEN, vrelu(s[i][v]),
                            v >= whole, last);
            }
        }
    }
}

/* `rows`, `vecs` and `part` are constants at each call, so that the loops over
 * them unroll and s lives in registers. */
static inline ALWAYS_INLINE void run_tile(const tile *t, size_t rows,
                                          size_t vecs, bool part)
{
    accumulators s;
    const size_t whole = part ? vecs - 1 : vecs; /* vectors that are full */
    UNROLL
    for (size_t i = 0; i < rows; i++) {
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            s[i][v] = t->resume ? load_lanes(t->c + i * t->c_row + v * VLEN,
                                             v >= whole, t->last)
                                : vzero();
        }
    }
    const real *a = t->a;
    const real *b = t->b;
    for (size_t k = 0; k < t->k; k++, a += t->a_k, b += t->b_k) {
        vec row[ROW_VECS];
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            row[v] = load_lanes(b + v * VLEN, v >= whole, t->last);
        }
        UNROLL
        for (size_t i = 0; i < rows; i++) {
            vec x = vset1(a[i * t->a_row]);
            UNROLL
            for (size_t v = 0; v < vecs; v++) {
                s[i][v] = vfma(x, row[v], s[i][v]);
            }
        }
    }
    if (t->bias) {
        add_bias(t, rows, vecs, part, s);
    }
    if (t->gate) {
        close_gates(t, rows, vecs, part, s);
    }
    store_sums(t, rows, vecs, part, s);
}

/* One function for each number of rows: its tiles of all widths. */
static inline ALWAYS_INLINE void run_rows(const tile *t, size_t rows,
                                          size_t cols)
{
    if (cols == PANEL) {
        run_tile(t, rows, TILE_VECS, false);
    } else if (TILE_VECS > 1 && cols > VLEN) {
        run_tile(t, rows, 2, true);
    } else if (cols == VLEN) {
        run_tile(t, rows, 1, false);
    } else {
        run_tile(t, rows, 1, true);
    }
}

_Static_assert(TILE_VECS <= 2, "run_rows has widths of one and two vectors");
_Static_assert(ROW_VECS == 8, "run_row has widths of eight and four vectors");

static NEVER_INLINE void run_full_rows(const tile *t, size_t cols)
{
    run_rows(t, TILE_ROWS, cols);
}

static NEVER_INLINE void run_four_rows(const tile *t, size_t cols)
{
    run_rows(t, 4, cols);
}

static NEVER_INLINE void run_two_rows(const tile *t, size_t cols)
{
    run_rows(t, 2, cols);
}

static NEVER_INLINE void run_one_row(const tile *t, size_t cols)
{
    run_rows(t, 1, cols);
}

/* The tile of `rows` rows, as tiles that there are functions for. Leaves t at
 * the row after them. (Tiles are never copied: reading a struct in one piece
 * that was just written in several stalls the processor.) */
static void run_any_rows(tile *t, size_t rows, size_t cols)
{
    while (rows > 0) {
        size_t done = 1;
        if (rows >= TILE_ROWS) {
            run_full_rows(t, cols);
            done = TILE_ROWS;
        } else if (rows >= 4) {
            run_four_rows(t, cols);
            done = 4;
        } else if (rows >= 2) {
            run_two_rows(t, cols);
            done = 2;
        } else {
            run_one_row(t, cols);
        }
        rows -= done;
        t->a += done * t->a_row;
        t->c += done * t->c_row;
        if (t->relu) {
            t->relu += done * t->c_row;
        }
        if (t->gate) {
            t->gate += done * t->c_row;
        }
        if (t->bias) {
            t->bias += done * t->bias_row_step;
        }
    }
}

static NEVER_INLINE void run_eight_vectors(const tile *t)
{
    run_tile(t, 1, 8, false);
}

static NEVER_INLINE void run_four_vectors(const tile *t)
{
    run_tile(t, 1, 4, false);
}

/* A product whose operands are real, with the bias by column or by row. */
typedef struct job {
    size_t m, n, k;
    const real *a;
    size_t a_row, a_k;
    const real *b;
    size_t b_k, b_col;
    real *c;
    size_t c_row;
    const real *bias;
    size_t bias_row_step;
    real *relu;
    const real *gate;
} job;

/* Asks for `count` reals from x[offset] on, which need not exist. */
static void prefetch(const real *x, size_t offset, size_t count)
{
    uintptr_t at = (uintptr_t)x + offset * sizeof(real);
    for (size_t i = 0; i < count * sizeof(real); i += CACHE_LINE) {
        /* Not an offset of x, since it may lie outside of x's object.
         * NOLINTNEXTLINE(performance-no-int-to-ptr) */
        __builtin_prefetch((const void *)(at + i));
    }
}

/* m x n elements of a strided matrix as dense rows of `width`. Elements
 * that are neighbours in memory are read one after another, some cache lines of
 * them at a time: strides are often powers of two, and lines that far apart
 * push each other out of the cache. What comes AHEAD jumps later is asked for
 * now, since no processor guesses such jumps. */
static void pack(size_t m, size_t n, mlpi_operand from, real *to, size_t width)
{
    const real *x = from.data;
    if (from.col_stride == 1) {
        for (size_t i = 0; i < m; i++) {
            prefetch(x, (i + AHEAD) * from.row_stride, n);
            memcpy(to + i * width, x + i * from.row_stride, n * sizeof(real));
        }
        return;
    }
    for (size_t first = 0; first < m; first += PACK_ROWS) {
        size_t end = first + least(PACK_ROWS, m - first);
        const real *block = x + first * from.row_stride;
        for (size_t j = 0; j < n; j++) {
            prefetch(block, (j + AHEAD) * from.col_stride, end - first);
            for (size_t i = first; i < end; i++) {
                to[i * width + j] =
                    x[i * from.row_stride + j * from.col_stride];
            }
        }
    }
}

static bool packs_b(const job *p)
{
    return p->b_col != 1 || (p->m > 2 * TILE_ROWS && p->k * p->n > SMALL_B);
}

/* One block of B, rows [k, k + depth) and columns [j, j + width), into C. */
static void run_block(const job *p, size_t k, size_t depth, size_t j,
                      size_t width, real *scratch)
{
    bool pack_b = packs_b(p);
    real *packed_a = scratch + depth * N_BLOCK;
    if (pack_b) {
        for (size_t v = 0; v < width; v += PANEL) {
            const real *b = p->b + k * p->b_k + (j + v) * p->b_col;
            pack(depth, least(PANEL, width - v),
                 (mlpi_operand){b, p->b_k, p->b_col}, scratch + v * depth,
                 PANEL);
        }
    }
    bool ends = k + depth == p->k;
    for (size_t i = 0; i < p->m; i += TILE_ROWS) {
        size_t rows = least(TILE_ROWS, p->m - i);
        const real *a = p->a + i * p->a_row + k * p->a_k;
        tile t = {.k = depth,
                  .a = a,
                  .a_row = p->a_row,
                  .a_k = p->a_k,
                  .b_k = pack_b ? PANEL : p->b_k,
                  .c_row = p->c_row,
                  .resume = k > 0,
                  .bias_row_step = p->bias_row_step};
        if (width > PACK_A_PANELS * PANEL) {
            pack(depth, rows, (mlpi_operand){a, p->a_k, p->a_row}, packed_a,
                 TILE_ROWS);
            a = packed_a;
            t.a_row = 1;
            t.a_k = TILE_ROWS;
        }
        for (size_t v = 0; v < width; v += PANEL) {
            size_t cols = least(PANEL, width - v);
            t.a = a;
            t.b = pack_b ? scratch + v * depth : p->b + k * p->b_k + j + v;
            t.c = p->c + i * p->c_row + j + v;
            t.last = cols % VLEN ? cols % VLEN : VLEN;
            if (p->bias && ends) {
                t.bias = p->bias + (p->bias_row_step ? i : j + v);
            }
            if (p->relu && ends) {
                t.relu = p->relu + i * p->c_row + j + v;
            }
            if (p->gate && ends) {
                t.gate = p->gate + i * p->c_row + j + v;
            }
            /* C of the next tile comes while this one is computed. */
            for (size_t r = 0; r < rows; r++) {
                prefetch(t.c, r * t.c_row + PANEL, PANEL);
            }
            run_any_rows(&t, rows, cols);
        }
    }
}

/* One row: B is read once, so there is nothing to pack or to block either, but
 * there must be many columns at work at once. */
static void run_row(const job *p)
{
    tile t = {.k = p->k,
              .a = p->a,
              .a_k = p->a_k,
              .b_k = p->b_k,
              .bias_row_step = p->bias_row_step};
    for (size_t j = 0, cols = 0; j < p->n; j += cols) {
        size_t left = p->n - j;
        t.b = p->b + j;
        t.c = p->c + j;
        if (p->bias) {
            t.bias = p->bias + (p->bias_row_step ? 0 : j);
        }
        if (p->relu) {
            t.relu = p->relu + j;
        }
        if (p->gate) {
            t.gate = p->gate + j;
        }
        if (left >= 8 * VLEN) {
            cols = 8 * VLEN;
            run_eight_vectors(&t);
        } else if (left >= 4 * VLEN) {
            cols = 4 * VLEN;
            run_four_vectors(&t);
        } else {
            cols = least(PANEL, left);
            t.last = cols % VLEN ? cols % VLEN : VLEN;
            run_one_row(&t, cols);
        }
    }
}

/* One panel of columns whose chains are not cut: all rows go by it at once. */
static void run_panel(const job *p, real *scratch)
{
    bool pack_b = packs_b(p);
    if (pack_b) {
        pack(p->k, p->n, (mlpi_operand){p->b, p->b_k, p->b_col}, scratch,
             PANEL);
    }
    tile t = {.k = p->k,
              .a = p->a,
              .a_row = p->a_row,
              .a_k = p->a_k,
              .b = pack_b ? scratch : p->b,
              .b_k = pack_b ? PANEL : p->b_k,
              .c = p->c,
              .c_row = p->c_row,
              .last = p->n % VLEN ? p->n % VLEN : VLEN,
              .bias = p->bias,
              .bias_row_step = p->bias_row_step,
              .relu = p->relu,
              .gate = p->gate};
    run_any_rows(&t, p->m, p->n);
}

static void run_job(const job *p, real *scratch)
{
    if (p->m == 1 && p->b_col == 1) {
        run_row(p);
        return;
    }
    if (p->n <= PANEL && p->k <= K_BLOCK) {
        run_panel(p, scratch);
        return;
    }
    for (size_t k = 0; k < p->k; k += K_BLOCK) {
        for (size_t j = 0; j < p->n; j += N_BLOCK) {
            run_block(p, k, least(K_BLOCK, p->k - k), j,
                      least(N_BLOCK, p->n - j), scratch);
        }
    }
}

static size_t product_scratch(size_t m, size_t n, size_t k)
{
    (void)m;
    (void)n;
    return least(k, K_BLOCK) * (size_t)(N_BLOCK + TILE_ROWS);
}

/* The empty chain is 0, plus the bias. */
static void fill_empty(const mlpi_product *p)
{
    real *c = p->C;
    const real *bias = p->bias;
    const real *gate = p->gate;
    for (size_t i = 0; i < p->m; i++) {
        for (size_t j = 0; j < p->n; j++) {
            real z = bias ? R(0.0) + bias[j] : R(0.0);
            z = gate && gate[i * p->n + j] <= R(0.0) ? R(0.0) : z;
            c[i * p->n + j] = z;
            if (p->relu) {
                ((real *)p->relu)[i * p->n + j] = z <= R(0.0) ? R(0.0) : z;
            }
        }
    }
}

static void product(const mlpi_product *p)
{
    if (p->m == 0 || p->n == 0) {
        return;
    }
    if (p->k == 0) {
        fill_empty(p);
        return;
    }
    if (product_is_small(p)) {
        return;
    }
    if (p->n == 1 && p->A.row_stride == 1) {
        /* A dense column is a dense row: C^T = B^T A^T puts its elements side
         * by side in vectors, if those of A are. a b = b a, so the chains are
         * the same. */
        run_job(&(job){.m = 1,
                       .n = p->m,
                       .k = p->k,
                       .a = p->B.data,
                       .a_row = p->B.col_stride,
                       .a_k = p->B.row_stride,
                       .b = p->A.data,
                       .b_k = p->A.col_stride,
                       .b_col = p->A.row_stride,
                       .c = p->C,
                       .c_row = p->m,
                       .bias = p->bias,
                       .bias_row_step = 1,
                       .relu = p->relu,
                       .gate = p->gate},
                p->scratch);
    } else {
        run_job(&(job){.m = p->m,
                       .n = p->n,
                       .k = p->k,
                       .a = p->A.data,
                       .a_row = p->A.row_stride,
                       .a_k = p->A.col_stride,
                       .b = p->B.data,
                       .b_k = p->B.row_stride,
                       .b_col = p->B.col_stride,
                       .c = p->C,
                       .c_row = p->n,
                       .bias = p->bias,
                       .relu = p->relu,
                       .gate = p->gate},
                p->scratch);
    }
}

/* A single column lies in memory as the lanes do: a vector of lanes. */
static real sum_of(size_t m, const real *x)
{
    real s[MLPI_LANES] = {0};
    size_t i = 0;
    for (; i + MLPI_LANES <= m; i += MLPI_LANES) {
        UNROLL
        for (size_t r = 0; r < MLPI_LANES; r++) {
            s[r] += x[i + r];
        }
    }
    /* Unrolled, so that s stays in registers. */
    UNROLL
    for (size_t r = 0; r < MLPI_LANES; r++) {
        if (i + r < m) {
            s[r] += x[i + r];
        }
    }
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* Eight rows at a time, one for each lane. */
static void column_sums(size_t m, size_t n, const void *X, void *sums)
{
    const real *x = X;
    real *out = sums;
    if (n == 1) {
        out[0] = sum_of(m, x);
        return;
    }
    for (size_t j = 0; j < n; j += VLEN) {
        size_t cols = least(VLEN, n - j);
        bool part = cols < VLEN;
        vec s[MLPI_LANES];
        UNROLL
        for (size_t r = 0; r < MLPI_LANES; r++) {
            s[r] = vzero();
        }
        size_t i = 0;
        for (; i + MLPI_LANES <= m; i += MLPI_LANES) {
            UNROLL
            for (size_t r = 0; r < MLPI_LANES; r++) {
                s[r] = vadd(s[r], load_lanes(x + (i + r) * n + j, part, cols));
            }
        }
        UNROLL
        for (size_t r = 0; r < MLPI_LANES; r++) {
            if (i + r < m) {
                s[r] = vadd(s[r], load_lanes(x + (i + r) * n + j, part, cols));
            }
        }
        vec even = vadd(vadd(s[0], s[4]), vadd(s[2], s[6]));
        vec odd = vadd(vadd(s[1], s[5]), vadd(s[3], s[7]));
        store_lanes(out + j, vadd(even, odd), part, cols);
    }
}
