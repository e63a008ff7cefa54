/* SPDX-License-Identifier: MIT */
/*
 * Optimizer steps on flat arrays. Parameters: the vocabulary and loop_tmpl.h.
 *
 *   descend   w := w - alpha dw         (gradient descent, chapter 3.3)
 *
 * Product and difference are rounded one after the other, as NumPy does.
 */
static inline vec descended(vec dw, vec w, vec alpha)
{
    return vsub(w, vmul(alpha, dw));
}

static void descend(size_t n, double alpha, const void *dw, void *w)
{
    combine(descended, n, dw, w, alpha, w);
}
