/* SPDX-License-Identifier: MIT */
/*
 * Tests the elementwise kernels of every table against formulas that are
 * written out here. Results must be equal bit for bit, so the tables also agree
 * with each other. test_gemm.c tests products, test_elementary.c the accuracy
 * of exp, log, tanh and sigmoid.
 */
#include "support/numbers.h"

#include <fenv.h>

enum { MOST = 41 }; /* lengths 0 to MOST - 1 cover every width and tail */

/* Returns numbers of all kinds: usual, huge, tiny and special ones. */
static double any_number(mlp_rng *rng, size_t i)
{
    static const double special[] = {0.0,   -0.0,        1.0,  -1.0,  0.5,
                                     1e-15, 1.0 - 1e-15, 1e30, -1e30, 1e-42};
    switch (i % 7) {
    case 0:
        return special[i / 7 % (sizeof special / sizeof special[0])];
    case 1:
        return mlp_rng_uniform(rng, -800, 800);
    case 2:
        return i % 2 ? (double)INFINITY : -(double)INFINITY;
    case 3:
        return (double)NAN;
    default:
        return mlp_rng_uniform(rng, -2, 2);
    }
}

/* Returns random numbers, among which are those that formulas treat in a way of
 * their own. */
static void *any_numbers(mlp_dtype dtype, mlp_rng *rng, size_t n)
{
    void *reals = guarded_alloc(n * size_of(dtype));
    for (size_t i = 0; i < n; i++) {
        set(dtype, reals, i, any_number(rng, i));
    }
    return reals;
}

/* Asserts that n numbers are the same to the bit; a NaN equals a NaN. */
static void assert_all_same(mlp_dtype dtype, const void *a, const void *b,
                            size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_true(same(get(dtype, a, i), get(dtype, b, i)));
    }
}

/* The portable kernels are the reference, whose errors test_elementary.c
 * measures. */
static void map_equals_the_portable_one(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        const mlpi_kernels *portable = mlpi_kernels_get(dtype, 0);
        mlp_rng rng = mlp_rng_seeded(1);
        for (size_t n = 0; n < 20000; n = n < MOST ? n + 1 : n * 20) {
            void *x = any_numbers(dtype, &rng, n);
            void *y = guarded_alloc(n * size_of(dtype));
            void *expected = guarded_alloc(n * size_of(dtype));
            for (int f = MLPI_MAP_EXP; f <= MLPI_MAP_SIGMOID; f++) {
                portable->map((mlpi_elementary)f, n, x, expected);
                kernels->map((mlpi_elementary)f, n, x, y);
                assert_all_same(dtype, y, expected, n);
            }
            guarded_free(expected);
            guarded_free(y);
            guarded_free(x);
        }
    }
}

/* Returns an elementary function of a single number. */
static double apply(const mlpi_kernels *kernels, mlpi_elementary f, double x)
{
    double in[1];
    double out[1];
    set(kernels->dtype, in, 0, x);
    kernels->map(f, 1, in, out);
    return get(kernels->dtype, out, 0);
}

static const double any_slope = 0.3; /* of leaky ReLU and ELU */

/* Computes an activation of the ReLU family by the portable table; the formulas
 * are in test_elementary.c. */
static double portable_activation(mlp_dtype dtype, mlp_activation f, double z)
{
    double in[1];
    double out[1];
    set(dtype, in, 0, z);
    mlpi_activation_args how = {.f = f, .slope = any_slope, .m = 1, .n = 1};
    mlpi_kernels_get(dtype, 0)->activate(&how, in, out);
    return get(dtype, out, 0);
}

/* Returns da times the derivative, by the portable kernels. */
static double portable_backward(mlp_dtype dtype, mlp_activation f, double z,
                                double a, double da)
{
    double in[2];
    double out[1];
    set(dtype, &in[0], 0, z);
    set(dtype, &in[1], 0, a);
    set(dtype, out, 0, da);
    mlpi_activation_args how = {.f = f, .slope = any_slope, .m = 1, .n = 1};
    mlpi_kernels_get(dtype, 0)->activate_backward(&how, &in[0], &in[1], out);
    return get(dtype, out, 0);
}

/* Returns the activation of z by its formula where the formula fixes the bits,
 * else by the portable kernels. */
static double activation_of(const mlpi_kernels *kernels, mlp_activation f,
                            double z)
{
    switch (f) {
    case MLP_ACT_IDENTITY:
        return z;
    case MLP_ACT_SIGMOID:
        return apply(kernels, MLPI_MAP_SIGMOID, z);
    case MLP_ACT_TANH:
        return apply(kernels, MLPI_MAP_TANH, z);
    case MLP_ACT_EXP:
        return apply(kernels, MLPI_MAP_EXP, z);
    case MLP_ACT_RELU:
        return z <= 0 ? 0 : z;
    case MLP_ACT_LEAKY_RELU:
        return z <= 0 ? rounded(kernels->dtype,
                                rounded(kernels->dtype, any_slope) * z)
                      : z;
    case MLP_ACT_ELU:
    case MLP_ACT_GELU:
    case MLP_ACT_GELU_TANH:
    case MLP_ACT_SILU:
    case MLP_ACT_SOFTPLUS:
        return portable_activation(kernels->dtype, f, z);
    case MLP_ACT_AUTO:
    case MLP_ACT_SOFTMAX:
        break;
    }
    fail();
    return 0;
}

/* Returns da times the derivative by its formula, rounded after each operation,
 * or by the portable kernels. */
static double derivative_times(mlp_dtype dtype, mlp_activation f, double z,
                               double a, double da)
{
    const double alpha = rounded(dtype, any_slope);
    switch (f) {
    case MLP_ACT_IDENTITY:
        return da;
    case MLP_ACT_SIGMOID: {
        double derivative = rounded(dtype, a * rounded(dtype, 1 - a));
        return rounded(dtype, da * derivative);
    }
    case MLP_ACT_TANH: {
        double derivative = rounded(dtype, 1 - rounded(dtype, a * a));
        return rounded(dtype, da * derivative);
    }
    case MLP_ACT_EXP:
        return rounded(dtype, da * a);
    case MLP_ACT_RELU:
        return z <= 0 ? 0 : da;
    case MLP_ACT_LEAKY_RELU:
        return z <= 0 ? rounded(dtype, da * alpha) : da;
    case MLP_ACT_ELU:
        return z <= 0 ? rounded(dtype, da * rounded(dtype, a + alpha)) : da;
    case MLP_ACT_GELU:
    case MLP_ACT_GELU_TANH:
    case MLP_ACT_SILU:
    case MLP_ACT_SOFTPLUS:
        return portable_backward(dtype, f, z, a, da);
    case MLP_ACT_AUTO:
    case MLP_ACT_SOFTMAX:
        break;
    }
    fail();
    return 0;
}

/* Compares n activations and derivatives with their formulas. The activation
 * may also overwrite z. */
static void check_activation(const mlpi_kernels *kernels, mlp_activation f,
                             size_t n)
{
    mlp_dtype dtype = kernels->dtype;
    mlp_rng rng = mlp_rng_seeded((uint32_t)n);
    void *z = any_numbers(dtype, &rng, n);
    void *a = guarded_alloc(n * size_of(dtype));
    void *da = random_reals(dtype, &rng, n, -1, 1);
    void *dz = guarded_alloc(n * size_of(dtype));
    mlpi_activation_args how = {.f = f, .slope = any_slope, .m = n, .n = 1};
    kernels->activate(&how, z, a);
    for (size_t i = 0; i < n; i++) {
        assert_true(same(get(dtype, a, i),
                         activation_of(kernels, f, get(dtype, z, i))));
        set(dtype, dz, i, get(dtype, da, i));
    }
    kernels->activate_backward(&how, z, a, dz);
    for (size_t i = 0; i < n; i++) {
        assert_true(
            same(get(dtype, dz, i),
                 derivative_times(dtype, f, get(dtype, z, i), get(dtype, a, i),
                                  get(dtype, da, i))));
    }
    kernels->activate(&how, z, z);
    assert_all_same(dtype, z, a, n);
    guarded_free(dz);
    guarded_free(da);
    guarded_free(a);
    guarded_free(z);
}

/* The sizes go beyond two of the longest vectors, so that tails of all lengths
 * are computed. */
static void activations_follow_their_formulas_both_ways(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        for (int f = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)f);
             f++) {
            for (size_t n = 0; n < MOST && f != MLP_ACT_SOFTMAX; n++) {
                check_activation(kernels, (mlp_activation)f, n);
            }
        }
    }
}

static const double delta = 0.25; /* of Huber's loss */

/* Returns -(y log p + (1 - y) log(1 - p)), where p is clipped unless it is NaN.
 * */
static double bce_term(const mlpi_kernels *kernels, double a, double y)
{
    double p = a < 1e-15 ? 1e-15 : a > 1 - 1e-15 ? 1 - 1e-15 : a;
    return -(y * apply(kernels, MLPI_MAP_LOG, p) +
             (1 - y) * apply(kernels, MLPI_MAP_LOG, 1 - p));
}

/* Returns -y log p. A class with y = 0 contributes nothing, also where p is
 * NaN. */
static double cce_term(const mlpi_kernels *kernels, double a, double y)
{
    double p = a < 1e-15 ? 1e-15 : a > 1 - 1e-15 ? 1 - 1e-15 : a;
    return y == 0 ? 0 : -(y * apply(kernels, MLPI_MAP_LOG, p));
}

/* `extra` is the quantile, or the logarithm of the variance. */
static double term_of(const mlpi_kernels *kernels, mlp_loss loss, double a,
                      double y, double extra)
{
    double d = a - y;
    switch (loss) {
    case MLP_LOSS_BCE:
        return bce_term(kernels, a, y);
    case MLP_LOSS_MSE:
        return d * d;
    case MLP_LOSS_CCE:
        return cce_term(kernels, a, y);
    case MLP_LOSS_MAE:
        return fabs(d);
    case MLP_LOSS_HUBER:
        return fabs(d) <= delta ? d * d / 2 : delta * (fabs(d) - delta / 2);
    case MLP_LOSS_QUANTILE:
        return d > 0 ? (extra - 1) * -d : extra * -d;
    case MLP_LOSS_POISSON:
        return apply(kernels, MLPI_MAP_EXP, a) - y * a;
    case MLP_LOSS_GAUSSIAN_NLL:
        return 0.5 * (extra + d * apply(kernels, MLPI_MAP_EXP, -extra) * d);
    }
    fail();
    return 0;
}

/* A sample holds n outputs a, n targets y, some of which are 0 or 1, n weights,
 * and n numbers more. */
typedef struct sample {
    mlp_dtype dtype;
    void *a, *y;
    double *weight, *extra;
} sample;

/* Makes a sample in guarded memory: a read or write behind it ends the test. */
static sample new_sample(mlp_dtype dtype, size_t n)
{
    mlp_rng rng = mlp_rng_seeded((uint32_t)n);
    sample s = {dtype, random_reals(dtype, &rng, n, -0.1, 1.1),
                random_reals(dtype, &rng, n, 0, 1),
                random_reals(MLP_F64, &rng, n, 0, 3),
                random_reals(MLP_F64, &rng, n, -1, 1)};
    for (size_t i = 2; i < n; i += 3) {
        set(dtype, s.y, i, (double)(i / 3 % 2));
    }
    return s;
}

static void free_sample(sample *s)
{
    guarded_free(s->extra);
    guarded_free(s->weight);
    guarded_free(s->y);
    guarded_free(s->a);
}

/* The lanes hold other sums before, to which the terms are added. */
static void check_terms(const mlpi_kernels *kernels, mlp_loss loss, size_t n,
                        bool weights)
{
    sample s = new_sample(MLP_F64, n);
    double lanes[MLPI_LANES] = {1, 2, 3, 4, 5, 6, 7, 8};
    double expected[MLPI_LANES] = {1, 2, 3, 4, 5, 6, 7, 8};
    mlpi_loss_terms_args terms = {.loss = loss,
                                  .delta = delta,
                                  .n = n,
                                  .a = s.a,
                                  .y = s.y,
                                  .extra = s.extra,
                                  .weight = weights ? s.weight : NULL};
    kernels->loss_terms(&terms, lanes);
    for (size_t i = 0; i < n; i++) {
        double term = term_of(kernels, loss, get(MLP_F64, s.a, i),
                              get(MLP_F64, s.y, i), s.extra[i]);
        expected[i % MLPI_LANES] += weights ? term * s.weight[i] : term;
    }
    assert_all_same(MLP_F64, lanes, expected, MLPI_LANES);
    free_sample(&s);
}

/* Term i goes to lane i mod 8, whatever the vectors are. */
static void loss_terms_fall_into_their_lanes(void **state)
{
    (void)state;
    const mlpi_kernels *kernels = NULL;
    for (size_t t = 0; (kernels = mlpi_kernels_get(MLP_F64, t)) != NULL; t++) {
        for (int loss = 0; mlp_loss_name((mlp_loss)loss); loss++) {
            for (size_t n = 0; n < MOST; n++) {
                check_terms(kernels, (mlp_loss)loss, n, false);
                check_terms(kernels, (mlp_loss)loss, n, true);
            }
        }
    }
}

/* Compares the terms of many logits with those of each logit alone. All targets
 * are 0 or 1, except that of index `not_binary`. The single terms have a weight
 * of 1, because terms with weights are never computed in groups. */
static void check_logits(const mlpi_kernels *kernels, size_t n,
                         size_t not_binary)
{
    mlp_rng rng = mlp_rng_seeded((uint32_t)n);
    double *z = random_reals(MLP_F64, &rng, n, -50, 50);
    double *y = random_reals(MLP_F64, &rng, n, 0, 1);
    for (size_t i = 0; i < n; i++) {
        y[i] = i == not_binary ? 0.25 : (double)(i / 3 % 2);
    }
    double lanes[MLPI_LANES] = {1, 2, 3, 4, 5, 6, 7, 8};
    double expected[MLPI_LANES] = {1, 2, 3, 4, 5, 6, 7, 8};
    kernels->loss_terms(
        &(mlpi_loss_terms_args){
            .loss = MLP_LOSS_BCE, .from_z = true, .n = n, .a = z, .y = y},
        lanes);
    for (size_t i = 0; i < n; i++) {
        const double one = 1.0;
        double term[MLPI_LANES] = {0};
        kernels->loss_terms(&(mlpi_loss_terms_args){.loss = MLP_LOSS_BCE,
                                                    .from_z = true,
                                                    .n = 1,
                                                    .a = z + i,
                                                    .y = y + i,
                                                    .weight = &one},
                            term);
        expected[i % MLPI_LANES] += term[0];
    }
    assert_all_same(MLP_F64, lanes, expected, MLPI_LANES);
    guarded_free(y);
    guarded_free(z);
}

static void loss_of_many_logits_is_that_of_each(void **state)
{
    (void)state;
    const mlpi_kernels *kernels = NULL;
    for (size_t t = 0; (kernels = mlpi_kernels_get(MLP_F64, t)) != NULL; t++) {
        for (size_t n = 0; n < 80; n++) {
            check_logits(kernels, n, n);
            check_logits(kernels, n, n / 2);
        }
    }
}

/* A network that has diverged must show it: neither an output nor a target that
 * is NaN may vanish in a comparison. */
static void loss_of_a_nan_is_a_nan(void **state)
{
    (void)state;
    const mlpi_kernels *kernels = NULL;
    for (size_t t = 0; (kernels = mlpi_kernels_get(MLP_F64, t)) != NULL; t++) {
        for (int loss = 0; mlp_loss_name((mlp_loss)loss); loss++) {
            double lanes[MLPI_LANES] = {0};
            double a[3] = {0.5, (double)NAN, 0.5};
            double y[3] = {1, 1, (double)NAN};
            double extra[3] = {0.5, 0.5, 0.5};
            kernels->loss_terms(&(mlpi_loss_terms_args){.loss = (mlp_loss)loss,
                                                        .delta = delta,
                                                        .n = 3,
                                                        .a = a,
                                                        .y = y,
                                                        .extra = extra},
                                lanes);
            assert_true(!isnan(lanes[0]));
            assert_true(isnan(lanes[1]) && isnan(lanes[2]));
        }
    }
}

/* True if bce and cce clip this output, so that its derivative is 0. */
static bool is_clipped(mlp_dtype dtype, double a)
{
    return a <= rounded(dtype, 1e-15) || a >= rounded(dtype, 1 - 1e-15);
}

/* Returns dterm/da, or half of it for mse. */
static double derivative_of(mlp_dtype dtype, mlp_loss loss, double a, double y)
{
    double d = rounded(dtype, a - y);
    switch (loss) {
    case MLP_LOSS_BCE:
        return is_clipped(dtype, a)
                   ? 0
                   : rounded(dtype,
                             d / rounded(dtype, a * rounded(dtype, 1 - a)));
    case MLP_LOSS_MSE:
        return d;
    case MLP_LOSS_CCE:
        return is_clipped(dtype, a) ? 0 : -rounded(dtype, y / a);
    case MLP_LOSS_MAE:
        return d > 0 ? 1 : d < 0 ? -1 : 0;
    case MLP_LOSS_HUBER:
        return d > delta ? delta : d < -delta ? -delta : d;
    case MLP_LOSS_QUANTILE:
    case MLP_LOSS_POISSON:
    case MLP_LOSS_GAUSSIAN_NLL:
        break; /* other kernels give their gradients */
    }
    fail();
    return 0;
}

/* The factor 2 of mse is a part of the scale, because that rounds once less. */
static void check_gradient(const mlpi_kernels *kernels, mlp_loss loss, size_t n)
{
    mlp_dtype dtype = kernels->dtype;
    sample s = new_sample(dtype, n);
    void *d = guarded_alloc(n * size_of(dtype));
    double scale = rounded(dtype, (loss == MLP_LOSS_MSE ? 2.0 : 1.0) / 3.0);
    if (n > 3) { /* mae has no derivative where a = y */
        set(dtype, s.a, 3, get(dtype, s.y, 3));
    }
    mlpi_loss_terms_args terms = {
        .loss = loss, .delta = delta, .n = n, .a = s.a, .y = s.y};
    kernels->loss_gradient(&terms, 1.0 / 3.0, d);
    for (size_t i = 0; i < n; i++) {
        double derivative =
            derivative_of(dtype, loss, get(dtype, s.a, i), get(dtype, s.y, i));
        assert_true(same(get(dtype, d, i), rounded(dtype, derivative * scale)));
    }
    kernels->difference(n, 1.0 / 3.0, s.a, s.y, d);
    for (size_t i = 0; i < n; i++) {
        double e = rounded(dtype, get(dtype, s.a, i) - get(dtype, s.y, i));
        assert_true(same(get(dtype, d, i),
                         rounded(dtype, e * rounded(dtype, 1.0 / 3.0))));
    }
    guarded_free(d);
    free_sample(&s);
}

/* The losses after huber have gradients that other kernels compute. */
static void loss_gradients_follow_their_formulas(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        for (int loss = 0; loss <= MLP_LOSS_HUBER; loss++) {
            for (size_t n = 0; n < MOST; n++) {
                check_gradient(kernels, (mlp_loss)loss, n);
            }
        }
    }
}

/* Checks m rows of n targets. The loop goes over all outputs, of which
 * gaussian_nll has 2 n in a row. */
static void check_column_gradient(const mlpi_kernels *kernels, mlp_loss loss,
                                  size_t m, size_t n)
{
    mlp_dtype dtype = kernels->dtype;
    size_t width = loss == MLP_LOSS_GAUSSIAN_NLL ? 2 * n : n;
    sample s = new_sample(dtype, m * width);
    void *d = guarded_alloc(m * width * size_of(dtype));
    double scale = rounded(dtype, 1.0 / 3.0);
    mlpi_column_loss_args rows = {loss, m, n, s.extra, s.a, s.y};
    kernels->column_loss_gradient(&rows, 1.0 / 3.0, d);
    for (size_t i = 0; i < m * width; i++) {
        size_t row = i / width;
        size_t j = i % width % n;
        double a = get(dtype, s.a, row * width + j);
        double error = rounded(dtype, a - get(dtype, s.y, row * n + j));
        double tau = rounded(dtype, s.extra[j]);
        double expected = error > 0 ? rounded(dtype, 1 - tau) : -tau;
        if (loss == MLP_LOSS_GAUSSIAN_NLL) {
            double log_variance = get(dtype, s.a, row * width + n + j);
            double by_mean = rounded(
                dtype, error * apply(kernels, MLPI_MAP_EXP, -log_variance));
            double by_s = dtype == MLP_F32
                              ? fmaf((float)-error, (float)by_mean, 1.0F)
                              : fma(-error, by_mean, 1);
            expected = i % width < n ? by_mean : by_s / 2;
        }
        assert_true(same(get(dtype, d, i), rounded(dtype, expected * scale)));
    }
    guarded_free(d);
    free_sample(&s);
}

/* The losses that treat columns differently have one to four rows here, of
 * every width. */
static void gradients_of_columns_follow_their_formulas(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        for (size_t n = 1; n < MOST; n++) {
            check_column_gradient(kernels, MLP_LOSS_QUANTILE, 1 + n % 4, n);
            check_column_gradient(kernels, MLP_LOSS_GAUSSIAN_NLL, 1 + n % 4, n);
        }
    }
}

/* Where a mean is exact, a variance of 0 has infinite precision, and 0 times
 * infinity would be a NaN. */
static void an_exact_mean_with_no_variance_gives_numbers(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        double reals[4];
        double d[2];
        set(dtype, reals, 0, 0.25);
        set(dtype, reals, 1, -1e30);
        set(dtype, &reals[2], 0, 0.25);
        mlpi_column_loss_args rows = {
            MLP_LOSS_GAUSSIAN_NLL, 1, 1, NULL, reals, &reals[2]};
        kernels->column_loss_gradient(&rows, 1, d);
        assert_true(get(dtype, d, 0) == 0 && get(dtype, d, 1) == 0.5);
    }
}

/* A NaN among the outputs reaches the weights, so that training ends with an
 * error. */
static void gradient_of_a_nan_is_a_nan(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        for (int loss = 0; loss <= MLP_LOSS_HUBER; loss++) {
            double a[1];
            double y[1];
            double d[1];
            set(dtype, a, 0, (double)NAN);
            set(dtype, y, 0, 1);
            mlpi_loss_terms_args terms = {
                .loss = (mlp_loss)loss, .delta = delta, .n = 1, .a = a, .y = y};
            kernels->loss_gradient(&terms, 1, d);
            assert_true(isnan(get(dtype, d, 0)));
        }
        double reals[2];
        double d[2];
        const double half = 0.5;
        for (size_t wrong = 0; wrong < 2; wrong++) {
            set(dtype, reals, wrong, (double)NAN);
            set(dtype, reals, 1 - wrong, 1);
            mlpi_column_loss_args rows = {
                MLP_LOSS_GAUSSIAN_NLL, 1, 1, &half, reals, reals};
            kernels->column_loss_gradient(&rows, 1, d);
            assert_true(isnan(get(dtype, d, 1)));
            rows.loss = MLP_LOSS_QUANTILE;
            kernels->column_loss_gradient(&rows, 1, d);
            assert_true((isnan(get(dtype, d, 0)) != 0) == (wrong == 0));
        }
    }
}

static void sgd_step_rounds_product_and_difference(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        for (size_t n = 0; n < MOST; n++) {
            mlp_rng rng = mlp_rng_seeded((uint32_t)n);
            void *dw = random_reals(dtype, &rng, n, -1, 1);
            void *w = random_reals(dtype, &rng, n, -1, 1);
            void *before = guarded_alloc(n * size_of(dtype));
            memcpy(before, w, n * size_of(dtype));
            kernels->sgd_step(n, 0.1, dw, w);
            for (size_t i = 0; i < n; i++) {
                double step =
                    rounded(dtype, rounded(dtype, 0.1) * get(dtype, dw, i));
                assert_true(same(get(dtype, w, i),
                                 rounded(dtype, get(dtype, before, i) - step)));
            }
            guarded_free(before);
            guarded_free(w);
            guarded_free(dw);
        }
    }
}

static void load_rows_orders_strides_and_scales(void **state)
{
    (void)state;
    enum { ROWS = 5, COLS = 3 };
    static const size_t order[] = {4, 0, 0, 2};
    FOR_EACH_TABLE(dtype, kernels)
    {
        mlp_rng rng = mlp_rng_seeded(7);
        void *X = random_reals(dtype, &rng, 2 * ROWS * COLS, -1, 1);
        void *mean = random_reals(dtype, &rng, COLS, -1, 1);
        void *std = random_reals(dtype, &rng, COLS, 1, 2);
        void *out = guarded_alloc(4 * COLS * size_of(dtype));
        mlpi_load_rows_args args = {
            .m = 4,
            .n = COLS,
            .X = {X, 1, 2 * ROWS}, /* every column, every other */
            .order = order,
            .mean = mean,
            .std = std,
            .out = out};
        kernels->load_rows(&args);
        for (size_t i = 0; i < 4; i++) {
            for (size_t j = 0; j < COLS; j++) {
                double x = get(dtype, X, order[i] + j * 2 * ROWS);
                double d = rounded(dtype, x - get(dtype, mean, j));
                assert_true(same(get(dtype, out, i * COLS + j),
                                 rounded(dtype, d / get(dtype, std, j))));
            }
        }
        args.order = NULL;
        args.mean = args.std = NULL;
        kernels->load_rows(&args);
        for (size_t i = 0; i < 4 * COLS; i++) {
            assert_true(get(dtype, out, i) ==
                        get(dtype, X, i / COLS + i % COLS * 2 * ROWS));
        }
        guarded_free(out);
        guarded_free(std);
        guarded_free(mean);
        guarded_free(X);
    }
}

/* Rows of all widths around those of vectors, dense and with gaps, in order and
 * not. */
static void load_rows_standardises_every_width(void **state)
{
    (void)state;
    enum { ROWS = 5, WIDEST = 35 };
    static const size_t order[ROWS] = {4, 0, 0, 2, 1};
    FOR_EACH_TABLE(dtype, kernels)
    {
        mlp_rng rng = mlp_rng_seeded(11);
        for (size_t trial = 0; trial < 4 * WIDEST; trial++) {
            size_t n = 1 + trial / 4;
            size_t stride = trial & 1 ? n : n + 3;
            bool in_order = trial & 2;
            void *X = random_reals(dtype, &rng, ROWS * stride, -1, 1);
            void *mean = random_reals(dtype, &rng, n, -1, 1);
            void *std = random_reals(dtype, &rng, n, 1, 2);
            void *out = guarded_alloc(ROWS * n * size_of(dtype));
            (void)feclearexcept(FE_ALL_EXCEPT);
            kernels->load_rows(
                &(mlpi_load_rows_args){.m = ROWS,
                                       .n = n,
                                       .X = {X, stride, 1},
                                       .order = in_order ? NULL : order,
                                       .mean = mean,
                                       .std = std,
                                       .out = out});
            assert_false(fetestexcept(FE_INVALID | FE_DIVBYZERO));
            for (size_t i = 0; i < ROWS * n; i++) {
                size_t row = in_order ? i / n : order[i / n];
                double x = get(dtype, X, row * stride + i % n);
                double d = rounded(dtype, x - get(dtype, mean, i % n));
                assert_true(same(get(dtype, out, i),
                                 rounded(dtype, d / get(dtype, std, i % n))));
            }
            guarded_free(out);
            guarded_free(std);
            guarded_free(mean);
            guarded_free(X);
        }
    }
}

/* What lies between the columns of the caller's view stays as it is. */
static void scatter_leaves_the_padding_alone(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        mlp_rng rng = mlp_rng_seeded(8);
        void *dense = random_reals(dtype, &rng, 6, -1, 1);
        void *out = random_reals(dtype, &rng, 14, 5, 6);
        mlp_view view = {dtype, 2, 3, 7, 2, out};
        kernels->scalar->copy_out(2, 3, dense, view);
        for (size_t i = 0; i < 14; i++) {
            size_t col = i % 7;
            bool written = col % 2 == 0 && col < 6;
            double x = get(dtype, out, i);
            assert_true(written ? x == get(dtype, dense, i / 7 * 3 + col / 2)
                                : x >= 5);
        }
        guarded_free(out);
        guarded_free(dense);
    }
}

static void conversions_round_once(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        double wide[5] = {0.1, -1e300, (double)NAN, 1e-320, 16777217.0};
        double narrow[5];
        double back[5];
        kernels->scalar->from_double(5, wide, narrow);
        kernels->to_double(5, narrow, back);
        for (size_t i = 0; i < 5; i++) {
            assert_true(same(back[i], rounded(dtype, wide[i])));
        }
    }
}

/* Rows are searched in order, and the padding between columns is not looked at.
 * */
static void find_names_the_first_place(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        double reals[12];
        mlp_cview view = {dtype, 3, 2, 4, 2, reals};
        size_t row = 99;
        size_t col = 99;
        for (size_t i = 0; i < 12; i++) { /* odd columns are padding */
            set(dtype, reals, i, i % 2 ? (double)NAN : 0.25);
        }
        assert_false(kernels->find_not_finite(view, &row, &col));
        assert_false(kernels->scalar->find_not_unit(view, &row, &col));
        assert_int_equal(row, 99);
        set(dtype, reals, 6, 1.5);
        set(dtype, reals, 8, -(double)INFINITY);
        assert_true(kernels->scalar->find_not_unit(view, &row, &col));
        assert_int_equal(row, 1);
        assert_int_equal(col, 1);
        assert_true(kernels->find_not_finite(view, &row, &col));
        assert_int_equal(row, 2);
        assert_int_equal(col, 0);
        view.rows = 0;
        assert_false(kernels->find_not_finite(view, &row, &col));
    }
}

static void one_number_that_is_not_finite_is_seen(void **state)
{
    (void)state;
    enum { N = 35 };
    FOR_EACH_TABLE(dtype, kernels)
    {
        double reals[N];
        for (size_t i = 0; i < N; i++) {
            set(dtype, reals, i, i % 2 ? -1e38 : 0.0);
        }
        for (size_t n = 0; n <= N; n++) {
            assert_true(kernels->is_finite(n, reals));
        }
        for (size_t i = 0; i < N; i++) {
            set(dtype, reals, i, i % 2 ? (double)NAN : (double)INFINITY);
            for (size_t n = 0; n <= N; n++) {
                assert_int_equal(kernels->is_finite(n, reals), n <= i);
            }
            set(dtype, reals, i, 1.0);
        }
    }
}

/* A column of equal numbers has the standard deviation 0, not a rounding error.
 * */
static void column_moments_are_exact_for_equal_values(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        double reals[20];
        for (size_t i = 0; i < 10; i++) {
            set(dtype, reals, 2 * i, 0.1);
            set(dtype, reals, 2 * i + 1, (double)i);
        }
        double mean[2];
        double std[2];
        mlp_cview X = {dtype, 10, 2, 2, 1, reals};
        kernels->scalar->column_moments(X, NULL, 10, mean, std);
        assert_true(mean[0] == rounded(dtype, 0.1) && std[0] == 0);
        assert_true(mean[1] == 4.5 && std[1] == sqrt(8.25));
    }
}

static void column_moments_are_those_of_the_rows_in_the_order(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        double reals[5];
        static const double values[5] = {100, 1, 200, 4, 7};
        static const size_t order[3] = {4, 1, 3};
        for (size_t i = 0; i < 5; i++) {
            set(dtype, reals, i, values[i]);
        }
        double mean = 0;
        double std = 0;
        mlp_cview X = {dtype, 5, 1, 1, 1, reals};
        kernels->scalar->column_moments(X, order, 3, &mean, &std);
        assert_true(mean == 4 && std == sqrt(6));
        kernels->scalar->column_moments(X, NULL, 2, &mean, &std);
        assert_true(mean == 50.5 && std == 49.5);
    }
}

/* The sum of a thousand times in microseconds since 1970 is rounded to more
 * than the times differ by. */
static void column_moments_survive_a_large_offset(void **state)
{
    (void)state;
    enum { M = 1000 };
    const mlpi_kernels *kernels = mlpi_kernels_get(MLP_F64, 0);
    double times[M];
    for (size_t i = 0; i < M; i++) {
        times[i] = 1.7e15 + (double)(i % 40);
    }
    double mean = 0;
    double std = 0;
    kernels->scalar->column_moments((mlp_cview){MLP_F64, M, 1, 1, 1, times},
                                    NULL, M, &mean, &std);
    assert_true(mean == 1.7e15 + 19.5);
    assert_true(fabs(std - sqrt(133.25)) < 1e-12);
}

static void labels_and_counts_treat_a_nan_as_no_class(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        double a[4];
        double y[4];
        int32_t labels[8] = {7, 7, 7, 7, 7, 7, 7, 7};
        static const double outputs[4] = {0.5, 0.4, (double)NAN, 0.9};
        static const double targets[4] = {1, 0, 0, 0};
        for (size_t i = 0; i < 4; i++) {
            set(dtype, a, i, outputs[i]);
            set(dtype, y, i, targets[i]);
        }
        kernels->scalar->threshold_labels(
            2, 2, 0.5, a, (mlp_view){MLP_I32, 2, 2, 4, 2, labels});
        static const int32_t expected[8] = {1, 7, 0, 7, -1, 7, 1, 7};
        assert_memory_equal(labels, expected, sizeof expected);
        assert_int_equal(kernels->scalar->count_correct(4, a, y), 2);
    }
}

/* A name that no table has, or that this machine cannot run, gives none. */
static void tables_are_found_by_name(void **state)
{
    (void)state;
    FOR_EACH_TABLE(dtype, kernels)
    {
        assert_int_equal(kernels->dtype, dtype);
        assert_int_equal(kernels->real_size, size_of(dtype));
        assert_ptr_equal(mlpi_kernels_find(dtype, kernels->name), kernels);
        assert_ptr_equal(kernels->f64,
                         mlpi_kernels_find(MLP_F64, kernels->name));
        assert_string_equal(mlp_kernels(table), kernels->name);
    }
    assert_string_equal(mlp_kernels(0), "portable");
    assert_null(mlp_kernels(1000));
    assert_null(mlp_kernels(SIZE_MAX));
    assert_null(mlpi_kernels_find(MLP_F64, "abacus"));
    assert_null(mlpi_kernels_find(MLP_F64, ""));
    size_t last = 0;
    while (mlp_kernels(last + 1)) {
        last++;
    }
    assert_ptr_equal(mlpi_kernels_find(MLP_F32, NULL),
                     mlpi_kernels_get(MLP_F32, last));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_equals_the_portable_one),
        cmocka_unit_test(activations_follow_their_formulas_both_ways),
        cmocka_unit_test(loss_terms_fall_into_their_lanes),
        cmocka_unit_test(loss_of_many_logits_is_that_of_each),
        cmocka_unit_test(loss_of_a_nan_is_a_nan),
        cmocka_unit_test(loss_gradients_follow_their_formulas),
        cmocka_unit_test(gradients_of_columns_follow_their_formulas),
        cmocka_unit_test(an_exact_mean_with_no_variance_gives_numbers),
        cmocka_unit_test(gradient_of_a_nan_is_a_nan),
        cmocka_unit_test(sgd_step_rounds_product_and_difference),
        cmocka_unit_test(load_rows_orders_strides_and_scales),
        cmocka_unit_test(load_rows_standardises_every_width),
        cmocka_unit_test(scatter_leaves_the_padding_alone),
        cmocka_unit_test(conversions_round_once),
        cmocka_unit_test(find_names_the_first_place),
        cmocka_unit_test(one_number_that_is_not_finite_is_seen),
        cmocka_unit_test(column_moments_are_exact_for_equal_values),
        cmocka_unit_test(column_moments_are_those_of_the_rows_in_the_order),
        cmocka_unit_test(column_moments_survive_a_large_offset),
        cmocka_unit_test(labels_and_counts_treat_a_nan_as_no_class),
        cmocka_unit_test(tables_are_found_by_name),
    };
    return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
