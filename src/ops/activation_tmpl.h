/* SPDX-License-Identifier: MIT */
/*
 * Activations and their derivatives (chapter 1.3 of the tutorial), side by
 * side. Parameters: the vocabulary and math_tmpl.h.
 *
 *             a                    da/dz from z and a
 *   identity  z                    1
 *   sigmoid   1 / (1 + e^-z)       a (1 - a)
 *   tanh      tanh z               1 - a^2
 *   relu      z > 0 ? z : 0        z > 0 ? 1 : 0
 *
 * A NaN must come out as a NaN, also of relu; so relu asks z <= 0, which a NaN
 * answers with no.
 */

/* Applies a function of vectors to n elements; the tail is the same function
 * on the lanes that are left. */
#define MAP(n, x, y, expression)                                               \
    do {                                                                       \
        size_t at = 0;                                                         \
        for (; at + VLEN <= (n); at += VLEN) {                                 \
            vec v = vload((x) + at);                                           \
            vstore((y) + at, (expression));                                    \
        }                                                                      \
        if (at < (n)) {                                                        \
            vec v = vload_part((x) + at, (n)-at);                              \
            vstore_part((y) + at, (expression), (n)-at);                       \
        }                                                                      \
    } while (0)

static inline vec vrelu(vec z)
{
    return vselect(vle(z, vzero()), vzero(), z);
}

static void map(mlpi_function f, size_t n, const void *in, void *out)
{
    const real *x = in;
    real *y = out;
    switch (f) {
    case MLPI_MAP_EXP:
        MAP(n, x, y, vexp(v));
        break;
    case MLPI_MAP_LOG:
        MAP(n, x, y, vlog(v));
        break;
    case MLPI_MAP_TANH:
        MAP(n, x, y, vtanh(v));
        break;
    case MLPI_MAP_SIGMOID:
        MAP(n, x, y, vsigmoid(v));
        break;
    }
}

static void activate(mlp_activation f, size_t n, const void *z, void *a)
{
    switch (f) {
    case MLP_ACT_IDENTITY:
        if (a != z) {
            memcpy(a, z, n * sizeof(real));
        }
        break;
    case MLP_ACT_SIGMOID:
        map(MLPI_MAP_SIGMOID, n, z, a);
        break;
    case MLP_ACT_TANH:
        map(MLPI_MAP_TANH, n, z, a);
        break;
    case MLP_ACT_RELU: {
        const real *x = z;
        real *y = a;
        MAP(n, x, y, vrelu(v));
        break;
    }
    }
}

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
    (void)a;
    return vselect(vle(z, vzero()), vzero(), da);
}

#define MAP_BACKWARD(n, z, a, da, function)                                    \
    do {                                                                       \
        size_t at = 0;                                                         \
        for (; at + VLEN <= (n); at += VLEN) {                                 \
            vstore((da) + at, function(vload((z) + at), vload((a) + at),       \
                                       vload((da) + at)));                     \
        }                                                                      \
        if (at < (n)) {                                                        \
            size_t left = (n)-at;                                              \
            vstore_part((da) + at,                                             \
                        function(vload_part((z) + at, left),                   \
                                 vload_part((a) + at, left),                   \
                                 vload_part((da) + at, left)),                 \
                        left);                                                 \
        }                                                                      \
    } while (0)

static void activate_backward(mlp_activation f, size_t n, const void *z_in,
                              const void *a_in, void *da_in)
{
    const real *z = z_in;
    const real *a = a_in;
    real *da = da_in;
    switch (f) {
    case MLP_ACT_IDENTITY:
        break;
    case MLP_ACT_SIGMOID:
        MAP_BACKWARD(n, z, a, da, backward_sigmoid);
        break;
    case MLP_ACT_TANH:
        MAP_BACKWARD(n, z, a, da, backward_tanh);
        break;
    case MLP_ACT_RELU:
        MAP_BACKWARD(n, z, a, da, backward_relu);
        break;
    }
}
