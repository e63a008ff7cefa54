/* SPDX-License-Identifier: MIT */
/*
 * Optimizer steps on flat arrays. Parameters: the vocabulary.
 *
 *   descend   w := w - alpha dw         (gradient descent, chapter 3.3)
 *
 * Product and difference are rounded one after the other, as NumPy does.
 */
static void descend(size_t n, double alpha, const void *dw_in, void *w_inout)
{
    const real *dw = dw_in;
    real *w = w_inout;
    const vec rate = vset1((real)alpha);
    size_t i = 0;
    for (; i + VLEN <= n; i += VLEN) {
        vec step = vmul(rate, vload(dw + i));
        vstore(w + i, vsub(vload(w + i), step));
    }
    if (i < n) {
        vec step = vmul(rate, vload_part(dw + i, n - i));
        vstore_part(w + i, vsub(vload_part(w + i, n - i), step), n - i);
    }
}
