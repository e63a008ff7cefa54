/* SPDX-License-Identifier: MIT */
/*
 * Prediction for one row through all layers in one call. For a tiny network the
 * calls and checks of the general path would cost more than its arithmetic.
 * Parameters: the vocabulary of vec_portable.h, above all VLEN, vfma,
 * vload_part and vset1; loops_tmpl.h, gemm_pack_tmpl.h (prefetch),
 * activation_tmpl.h and elementary_tmpl.h (vrelu).
 *
 * A layer is z = x W + b with W (n_prev, n), and each output is the chain that
 * kernels.h defines, so a row predicted alone has the bits that it has in a
 * batch. Each weight is read once. There are two orders:
 *
 *     narrow   for each group of 8 vectors of outputs: all inputs; the
 *              accumulators stay in registers
 *     wide     for each group of 4 inputs: all outputs; the accumulators
 *              stay in z, and W is read in the order of memory
 *
 * The wide order is used if L1 does not hold the weights of the network and the
 * layer has more than 8 vectors of outputs. If L1 does not hold the weights,
 * they are prefetched in both orders.
 */
enum {
    ROW_ACCUMULATORS = 8, /* vectors of a narrow layer in registers */
    ROW_INPUTS = 4,       /* inputs of a wide layer at a time */
    ROW_PREFETCH = 2048 / (int)sizeof(real) /* 32 cache lines ahead */
};

/* Adds the bias, applies ReLU if that is the activation, and stores a vector of
 * outputs. The array of a hidden layer has space for whole vectors. They are
 * stored there, because a load soon after a partial store is slow. */
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

/* Computes `vecs` vectors of outputs from j on, with accumulators in registers.
 * `vecs` and `part` are constants at each call. */
static inline ALWAYS_INLINE void row_narrow(const mlpi_row_layer *p,
                                            const real *x, size_t j, real *z,
                                            size_t vecs, bool part,
                                            bool prefetches, bool hidden)
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
        if (prefetches) {
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
                                      size_t j, real *z, bool prefetches)
{
    row_narrow(p, x, j, z, ROW_ACCUMULATORS, false, prefetches, true);
}

static NEVER_INLINE void row_narrow_4(const mlpi_row_layer *p, const real *x,
                                      size_t j, real *z, bool prefetches)
{
    row_narrow(p, x, j, z, ROW_ACCUMULATORS / 2, false, prefetches, true);
}

/* Continues the chains of one vector of outputs with `count` more inputs.
 * `count` is a constant at each call; the sums are in z, unless these inputs
 * are the first. */
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

/* Continues the chains of all n outputs with `count` more inputs, whose weights
 * are `count` rows of W. */
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

/* Computes a layer in the wide order. */
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

/* Computes a layer with a single output, whose weights are contiguous. The
 * chain has no neighbours to fill a vector with, so it uses single numbers. */
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

/* Computes a layer: z = x W + b in the order that suits its size, then its
 * activation. `hidden` means that z has space for whole vectors. */
static inline ALWAYS_INLINE void row_layer(const mlpi_row_layer *p,
                                           const real *x, real *z,
                                           bool prefetches, bool hidden)
{
    const size_t n = p->activation.n;
    if (n == 1) {
        row_dot(p, x, z);
    } else if (prefetches && n > ROW_ACCUMULATORS * VLEN) {
        row_wide(p, x, z);
    } else {
        size_t j = 0;
        for (; n - j >= ROW_ACCUMULATORS * VLEN; j += ROW_ACCUMULATORS * VLEN) {
            row_narrow_8(p, x, j, z, prefetches);
        }
        for (; n - j >= ROW_ACCUMULATORS / 2 * VLEN;
             j += ROW_ACCUMULATORS / 2 * VLEN) {
            row_narrow_4(p, x, j, z, prefetches);
        }
        for (; n - j >= VLEN; j += VLEN) {
            row_narrow(p, x, j, z, 1, false, prefetches, true);
        }
        if (j < n) {
            row_narrow(p, x, j, z, 1, true, prefetches, hidden);
        }
    }
    if (p->activation.f != MLP_ACT_RELU &&
        p->activation.f != MLP_ACT_IDENTITY) {
        activate(&p->activation, z, z);
    }
}

/* Sends the row through the layers. The outputs of hidden layers alternate
 * between two arrays. */
static void predict_row(const mlpi_predict_row_args *row)
{
    const real *x = row->x;
    for (size_t l = 0; l < row->L; l++) {
        const bool hidden = l + 1 < row->L;
        real *z = hidden ? row->hidden[l % 2] : row->out;
        row_layer(&row->layer[l], x, z, row->exceeds_l1, hidden);
        x = z;
    }
}
