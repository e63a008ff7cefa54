/* SPDX-License-Identifier: MIT */
/*
 * One row through all layers in one call: for a tiny network calls and checks
 * would cost more than its arithmetic. Parameters: the vocabulary, loop_tmpl.h,
 * pack_tmpl.h and activation_tmpl.h.
 *
 * Each weight is read once. Chains (those of gemm_tmpl.h) run over outputs side
 * by side, in registers if a layer is from_double; a wide one takes some inputs at a
 * time, so that its weights are read in the order in which they lie:
 *
 *     from_double   W  - - - >     wide   W  | | | >    four rows of W by turns,
 *                 - - - >               | | | >    z in memory between
 *
 * Weights that L1 does not hold are asked for early.
 */
enum {
    ROW_ACCUMULATORS = 8,                   /* vectors of a from_double layer */
    ROW_INPUTS = 4,                         /* of a wide one at a time */
    ROW_PREFETCH = 2048 / (int)sizeof(real) /* how early: 32 cache lines */
};

/* z + b, its ReLU if that is wanted, to `z`. What is hidden has room for whole
 * vectors, which a load just behind the store gets sooner than parts. */
static inline ALWAYS_INLINE void row_finish(const mlpi_row_layer *p, vec s,
                                            size_t j, real *z, bool part,
                                            bool hidden)
{
    size_t left = p->activation.n - j;
    s = vadd(s, load_lanes((const real *)p->b + j, part, left));
    if (p->activation.f == MLP_ACT_RELU) {
        s = vrelu(s);
    }
    store_lanes(z + j, s, part && !hidden, left);
}

/* `vecs` vectors of outputs from j on; `vecs` and `part` are constants. */
static inline ALWAYS_INLINE void row_narrow(const mlpi_row_layer *p,
                                            const real *x, size_t j, real *z,
                                            size_t vecs, bool part, bool far,
                                            bool hidden)
{
    const size_t n = p->activation.n;
    const size_t inputs = p->n_prev;
    const real *w = (const real *)p->W + j;
    vec s[ROW_ACCUMULATORS];
    UNROLL
    for (size_t v = 0; v < vecs; v++) {
        s[v] = vzero();
    }
    for (size_t k = 0; k < inputs; k++, w += n) {
        if (far) {
            prefetch(w, ROW_PREFETCH, vecs * VLEN);
        }
        vec input = vset1(x[k]);
        UNROLL
        for (size_t v = 0; v < vecs; v++) {
            s[v] = vfma(input, load_lanes(w + v * VLEN, part, n - j), s[v]);
        }
    }
    UNROLL
    for (size_t v = 0; v < vecs; v++) {
        row_finish(p, s[v], j + v * VLEN, z, part, hidden);
    }
}

static NEVER_INLINE void row_narrow_8(const mlpi_row_layer *p, const real *x,
                                      size_t j, real *z, bool far)
{
    row_narrow(p, x, j, z, ROW_ACCUMULATORS, false, far, true);
}

static NEVER_INLINE void row_narrow_4(const mlpi_row_layer *p, const real *x,
                                      size_t j, real *z, bool far)
{
    row_narrow(p, x, j, z, ROW_ACCUMULATORS / 2, false, far, true);
}

/* One vector of chains takes `count` more inputs, which is a constant. */
static inline ALWAYS_INLINE void row_add_inputs(size_t count, const vec *input,
                                                const real *w, size_t n,
                                                real *z, bool is_first,
                                                bool part, size_t left)
{
    vec s = is_first ? vzero() : load_lanes(z, part, left);
    UNROLL
    for (size_t i = 0; i < count; i++) {
        prefetch(w, (count + i) * n, VLEN);
        s = vfma(input[i], load_lanes(w + i * n, part, left), s);
    }
    store_lanes(z, s, part, left);
}

static inline ALWAYS_INLINE void row_inputs(size_t count, size_t n,
                                            const real *x, const real *w,
                                            real *z, bool is_first)
{
    vec input[ROW_INPUTS];
    UNROLL
    for (size_t i = 0; i < count; i++) {
        input[i] = vset1(x[i]);
    }
    size_t j = 0;
    for (; j + VLEN <= n; j += VLEN) {
        row_add_inputs(count, input, w + j, n, z + j, is_first, false, VLEN);
    }
    if (j < n) {
        row_add_inputs(count, input, w + j, n, z + j, is_first, true, n - j);
    }
}

static NEVER_INLINE void row_wide(const mlpi_row_layer *p, const real *x,
                                  real *z)
{
    const size_t n = p->activation.n;
    const real *w = p->W;
    size_t k = 0;
    for (; k + ROW_INPUTS <= p->n_prev; k += ROW_INPUTS, w += ROW_INPUTS * n) {
        row_inputs(ROW_INPUTS, n, x + k, w, z, k == 0);
    }
    for (; k < p->n_prev; k++, w += n) {
        row_inputs(1, n, x + k, w, z, k == 0);
    }
    for (size_t j = 0; j < n; j += VLEN) {
        const size_t left = min_size(VLEN, n - j);
        vec s = load_lanes(z + j, left < VLEN, left);
        row_finish(p, s, j, z, left < VLEN, false);
    }
}

/* A single output. */
static inline ALWAYS_INLINE void row_dot(const mlpi_row_layer *p, const real *x,
                                         real *z)
{
    const real *w = p->W;
    real s = R(0.0);
    for (size_t k = 0; k < p->n_prev; k++) {
        s = fma_real(x[k], w[k], s);
    }
    s += *(const real *)p->b;
    *z = p->activation.f == MLP_ACT_RELU && s <= R(0.0) ? R(0.0) : s;
}

static inline ALWAYS_INLINE void row_layer(const mlpi_row_layer *p,
                                           const real *x, real *z, bool far,
                                           bool hidden)
{
    const size_t n = p->activation.n;
    if (n == 1) {
        row_dot(p, x, z);
    } else if (far && n > ROW_ACCUMULATORS * VLEN) {
        row_wide(p, x, z);
    } else {
        size_t j = 0;
        for (; n - j >= ROW_ACCUMULATORS * VLEN; j += ROW_ACCUMULATORS * VLEN) {
            row_narrow_8(p, x, j, z, far);
        }
        for (; n - j >= ROW_ACCUMULATORS / 2 * VLEN;
             j += ROW_ACCUMULATORS / 2 * VLEN) {
            row_narrow_4(p, x, j, z, far);
        }
        for (; n - j >= VLEN; j += VLEN) {
            row_narrow(p, x, j, z, 1, false, far, true);
        }
        if (j < n) {
            row_narrow(p, x, j, z, 1, true, far, hidden);
        }
    }
    if (p->activation.f != MLP_ACT_RELU &&
        p->activation.f != MLP_ACT_IDENTITY) {
        activate(&p->activation, z, z);
    }
}

static void predict_row(const mlpi_row_args *row)
{
    const real *x = row->x;
    for (size_t l = 0; l < row->L; l++) {
        const bool hidden = l + 1 < row->L;
        real *z = hidden ? row->hidden[l % 2] : row->out;
        row_layer(&row->layer[l], x, z, row->exceeds_l1, hidden);
        x = z;
    }
}
