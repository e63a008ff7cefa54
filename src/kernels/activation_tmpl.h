/* SPDX-License-Identifier: MIT */
/*
 * Activations and their derivatives side by side (chapter 1.3 of the tutorial).
 * Parameters: the vocabulary of vec_portable.h, above all vselect, vle and
 * vmul; loops_tmpl.h, elementary_tmpl.h, softmax_tmpl.h, and
 * activation_functions_tmpl.h, which has the relatives of ReLU.
 *
 *              a                    da/dz
 *   identity   z                    1
 *   sigmoid    1 / (1 + e^-z)       a (1 - a)
 *   tanh       tanh z               1 - a^2
 *   relu       z > 0 ? z : 0        z > 0 ? 1 : 0
 *   softmax    softmax_tmpl.h: each output depends on all inputs of the row
 *   others     activation_functions_tmpl.h
 *
 * The derivative is computed from a, so that training need not keep z, but for
 * the activations for which mlpi_needs_z is true. A NaN stays a NaN in all of
 * them, ReLU included.
 */

/* The loops of tanh and sigmoid contain them, so that constants stay in
 * registers. */
static NEVER_INLINE void tanh_each(size_t n, const real *z, real *a)
{
    map_vectors(vtanh, n, z, a);
}

static NEVER_INLINE void sigmoid_each(size_t n, const real *z, real *a)
{
    map_vectors(vsigmoid, n, z, a);
}

/* Applies an elementary function to n numbers. */
static void map(mlpi_elementary f, size_t n, const void *in, void *out)
{
    const real *x = in;
    real *y = out;
    switch (f) {
    case MLPI_MAP_EXP:
        map_by_call(vexp, n, x, y);
        break;
    case MLPI_MAP_LOG:
        map_by_call(vlog, n, x, y);
        break;
    case MLPI_MAP_TANH:
        tanh_each(n, x, y);
        break;
    case MLPI_MAP_SIGMOID:
        sigmoid_each(n, x, y);
        break;
    }
}

/* Computes a = activation(z) for m rows of n numbers; `a` may be z. */
static void activate(const mlpi_activation_args *layer, const void *z, void *a)
{
    size_t n = layer->m * layer->n;
    switch (layer->f) {
    case MLP_ACT_AUTO: /* a network never has it */
    case MLP_ACT_IDENTITY:
        if (a != z) {
            memcpy(a, z, n * sizeof(real));
        }
        break;
    case MLP_ACT_SIGMOID:
        sigmoid_each(n, z, a);
        break;
    case MLP_ACT_TANH:
        tanh_each(n, z, a);
        break;
    case MLP_ACT_RELU:
        map_each(vrelu, n, z, a);
        break;
    case MLP_ACT_SOFTMAX:
        softmax(layer->m, layer->n, z, a);
        break;
    case MLP_ACT_LEAKY_RELU:
        map_constant_by_call(vleaky, n, z, layer->slope, a);
        break;
    case MLP_ACT_ELU:
        map_constant_by_call(velu, n, z, layer->slope, a);
        break;
    case MLP_ACT_GELU:
        map_constant_by_call(vgelu, n, z, 0.0, a);
        break;
    case MLP_ACT_GELU_TANH:
        map_constant_by_call(vgelu_tanh, n, z, 0.0, a);
        break;
    case MLP_ACT_SILU:
        map_constant_by_call(vsilu, n, z, 0.0, a);
        break;
    case MLP_ACT_SOFTPLUS:
        map_constant_by_call(vsoftplus, n, z, 0.0, a);
        break;
    case MLP_ACT_EXP:
        map_by_call(vexp, n, z, a);
        break;
    }
}

/* Each backward function returns da times the derivative of its activation. */
static inline vec backward_sigmoid(vec z, vec a, vec da)
{
    (void)z;
    return vmul(da, vmul(a, vsub(vset1(R(1.0)), a)));
}

static inline vec backward_tanh(vec z, vec a, vec da)
{
    (void)z;
    return vmul(da, vsub(vset1(R(1.0)), vmul(a, a)));
}

static inline vec backward_relu(vec z, vec a, vec da)
{
    (void)z;
    return vselect(vle(a, vzero()), vzero(), da);
}

/* Replaces da by dz, from z if mlpi_needs_z is true, else from a. */
static void activate_backward(const mlpi_activation_args *layer,
                              const void *z_in, const void *a_in, void *da_in)
{
    size_t n = layer->m * layer->n;
    const real *z = z_in;
    const real *a = a_in;
    real *da = da_in;
    switch (layer->f) {
    case MLP_ACT_AUTO: /* a network never has it */
    case MLP_ACT_IDENTITY:
        break;
    case MLP_ACT_SIGMOID:
        combine_in_place(backward_sigmoid, n, z, a, da);
        break;
    case MLP_ACT_TANH:
        combine_in_place(backward_tanh, n, z, a, da);
        break;
    case MLP_ACT_RELU:
        combine_in_place(backward_relu, n, z, a, da);
        break;
    case MLP_ACT_SOFTMAX:
        softmax_backward(layer->m, layer->n, a, da);
        break;
    case MLP_ACT_LEAKY_RELU:
        combine_by_call(backward_leaky, n, a, da, layer->slope, da);
        break;
    case MLP_ACT_ELU:
        combine_by_call(backward_elu, n, a, da, layer->slope, da);
        break;
    case MLP_ACT_GELU:
        combine_by_call(backward_gelu, n, z, da, 0.0, da);
        break;
    case MLP_ACT_GELU_TANH:
        combine_by_call(backward_gelu_tanh, n, z, da, 0.0, da);
        break;
    case MLP_ACT_SILU:
        combine_by_call(backward_silu, n, z, da, 0.0, da);
        break;
    case MLP_ACT_SOFTPLUS:
        combine_by_call(backward_softplus, n, a, da, 0.0, da);
        break;
    case MLP_ACT_EXP:
        combine_by_call(backward_exp, n, a, da, 0.0, da);
        break;
    }
}

/* Computes factor * (x - shift) for one vector of a row, or a part of it. */
static inline ALWAYS_INLINE void scale_lanes(vec factor, const real *shift,
                                             const real *x, real *y, bool part,
                                             size_t left)
{
    vec a = load_lanes(x, part, left);
    if (shift) {
        a = vsub(a, load_lanes(shift, part, left));
    }
    store_lanes(y, vmul(factor, a), part, left);
}

/* Multiplies each row of a matrix by the derivative of its neuron. If X is Y
 * and rows are short, a load has to wait for the store of the row before. */
static void scale_rows(const mlpi_scale_rows_args *args)
{
    const size_t n = args->n;
    const real *shift = args->shift;
    const real *factors = args->factor;
    const real *x = args->X;
    real *y = args->Y;
    for (size_t i = 0; i < args->m; i++, x += n, y += n) {
        const vec factor = vset1(factors[i]);
        size_t j = 0;
        for (; j + VLEN <= n; j += VLEN) {
            scale_lanes(factor, shift ? shift + j : NULL, x + j, y + j, false,
                        VLEN);
        }
        if (j < n) {
            scale_lanes(factor, shift ? shift + j : NULL, x + j, y + j, true,
                        n - j);
        }
    }
}
