/* SPDX-License-Identifier: MIT */
/*
 * Schedules of the learning rate: checks, rates, and the plateau state.
 *
 * The rates must have the same bits on every machine, since every trained
 * weight depends on them. The C library's cos and pow do not promise that, so
 * both are computed here with products, sums and fma alone: powers with whole
 * exponents by repeated squaring, the cosine by a Taylor polynomial.
 */
#include "train/schedule.h"

#include <math.h>

#include "base/arithmetic.h"
#include "base/error.h"

mlp_schedule mlp_schedule_defaults(mlp_schedule_kind kind)
{
    return (mlp_schedule){.kind = kind,
                          .decay = 0.01,
                          .factor = MLP_AUTO,
                          .every = 10,
                          .patience = 10};
}

/* Returns the factor in use. An exponential schedule multiplies the rate after
 * each epoch, the others once in many epochs, so their usual factors differ. */
static double factor_of(const mlp_schedule *s)
{
    double usual = s->kind == MLP_SCHEDULE_EXPONENTIAL ? 0.99 : 0.1;
    return s->factor == MLP_AUTO ? usual : s->factor;
}

/* ---------------------------------------------------------------------------
 * Checks
 */

/* The first field of a schedule that is outside its range. */
typedef struct bad_field {
    const char *name;     /* NULL: all fields are good */
    const char *expected; /* the range, in words */
    double got;
} bad_field;

/* True if x can be a factor of a decreasing rate. NaN fails. */
static bool is_factor(double x)
{
    return x > 0.0 && x <= 1.0;
}

/* True if x is finite and not negative. NaN fails. */
static bool is_finite_from_0(double x)
{
    return x >= 0.0 && isfinite(x);
}

/* Finds the first bad field. Only fields that the kind uses are checked, so a
 * caller may leave the others unset. */
static bad_field find_bad_field(const mlp_schedule *s)
{
    const bad_field decay = {"decay", "a finite number, 0 or more", s->decay};
    const bad_field factor = {"factor", "a number above 0, at most 1",
                              s->factor};
    const bad_field every = {"every", "1 or more", (double)s->every};
    const bad_field patience = {"patience", "1 or more", (double)s->patience};
    const bad_field min_rate = {"min_rate", "a finite number, 0 or more",
                                s->min_rate};
    const bad_field min_delta = {"min_delta", "a finite number, 0 or more",
                                 s->min_delta};
    const bad_field none = {NULL, NULL, 0.0};
    /* A schedule without hooks is checked here, too, so the words are fields
     * like others. */
    for (size_t i = 0; i < sizeof s->reserved / sizeof s->reserved[0]; i++) {
        if (s->reserved[i] != 0) {
            return (bad_field){"reserved", "zeros", (double)s->reserved[i]};
        }
    }
    switch (s->kind) {
    case MLP_SCHEDULE_CONSTANT:
        return none;
    case MLP_SCHEDULE_INVERSE_TIME:
        return is_finite_from_0(s->decay) ? none : decay;
    case MLP_SCHEDULE_STEP:
        return !is_factor(factor_of(s)) ? factor : s->every == 0 ? every : none;
    case MLP_SCHEDULE_EXPONENTIAL:
        return is_factor(factor_of(s)) ? none : factor;
    case MLP_SCHEDULE_COSINE:
        return is_finite_from_0(s->min_rate) ? none : min_rate;
    case MLP_SCHEDULE_PLATEAU:
        return !is_factor(factor_of(s))          ? factor
               : s->patience == 0                ? patience
               : !is_finite_from_0(s->min_delta) ? min_delta
               : !is_finite_from_0(s->min_rate)  ? min_rate
                                                 : none;
    case MLP_SCHEDULE_CUSTOM:
        return s->rate ? none : (bad_field){"rate", "a function", 0.0};
    }
    return (bad_field){"kind", "one of the kinds", (double)s->kind};
}

mlp_status mlpi_schedule_check(const mlp_hooks *hooks,
                               const mlp_schedule *schedule)
{
    bad_field found = find_bad_field(schedule);
    if (found.name && found.got == 0.0 &&
        schedule->kind == MLP_SCHEDULE_CUSTOM) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "schedule, %s: expects %s, got NULL", found.name,
                          found.expected);
    }
    if (found.name) {
        return mlpi_error(
            hooks, MLP_ERR_ARGUMENT, "schedule, %s: expects %s, got %g%s",
            found.name, found.expected, found.got,
            found.got == 0.0 ? " (start from mlp_schedule_defaults())" : "");
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Rates
 */

/* Returns x^n by squaring: with n = sum of b_k 2^k, b_k in {0, 1}, x^n is the
 * product of all x^(2^k) with b_k = 1. This takes log2(n) squarings. */
static double power(double x, size_t n)
{
    double result = 1.0;
    for (; n > 0; n /= 2) {
        if (n % 2 == 1) {
            result *= x;
        }
        x *= x;
    }
    return result;
}

/* Returns c[0] x^(n-1) + ... + c[n-1] by Horner's scheme. */
static double polynomial(double x, const double *c, size_t n)
{
    double sum = c[0];
    for (size_t i = 1; i < n; i++) {
        sum = fma(sum, x, c[i]);
    }
    return sum;
}

#define TERMS(list) (sizeof(list) / sizeof(list)[0])
#define HALF_PI 1.57079632679489661923

/* Returns (1 + cos(pi t)) / 2 = cos(pi t / 2)^2 for t in [0, 1]. The right side
 * has no cancellation near t = 1, where the result is small. The polynomials
 * are used for arguments up to pi / 4 only, where the first omitted term is
 * below 2^-58:
 *
 *     t <= 1/2, x = pi t / 2:        cos x = 1 - x^2 / 2! + ... + x^16 / 16!
 *     t > 1/2,  x = pi (1 - t) / 2:  cos(pi t / 2) = sin x
 *                                     = x (1 - x^2 / 3! + ... + x^16 / 17!)
 */
static double half_cosine(double t)
{
    static const double cosine[] = {1.0 / 20922789888000.0,
                                    -1.0 / 87178291200.0,
                                    1.0 / 479001600.0,
                                    -1.0 / 3628800.0,
                                    1.0 / 40320.0,
                                    -1.0 / 720.0,
                                    1.0 / 24.0,
                                    -1.0 / 2.0,
                                    1.0};
    static const double sine[] = {1.0 / 355687428096000.0,
                                  -1.0 / 1307674368000.0,
                                  1.0 / 6227020800.0,
                                  -1.0 / 39916800.0,
                                  1.0 / 362880.0,
                                  -1.0 / 5040.0,
                                  1.0 / 120.0,
                                  -1.0 / 6.0,
                                  1.0};
    double x = HALF_PI * (t <= 0.5 ? t : 1.0 - t);
    double y = t <= 0.5 ? polynomial(x * x, cosine, TERMS(cosine))
                        : x * polynomial(x * x, sine, TERMS(sine));
    return y * y;
}

/* Returns the rate of the cosine schedule. The rate rises linearly during the
 * warm-up, is `initial` in epoch `warm_up`, and then falls. It reaches `lowest`
 * in epoch `epochs`. A min_rate above `initial` counts as `initial`, since the
 * rate must not rise after the warm-up. */
static double cosine_rate(const mlp_schedule *s, double initial, size_t epoch,
                          size_t epochs)
{
    if (epoch < s->warm_up) {
        return initial * (((double)epoch + 1.0) / ((double)s->warm_up + 1.0));
    }
    double lowest = mlpi_min(initial, s->min_rate);
    /* A warm-up that ends with the training, or later, leaves no epochs for the
     * fall. */
    if (epoch >= epochs) {
        return epoch == s->warm_up ? initial : lowest;
    }
    /* Here warm_up <= epoch < epochs, so t is in [0, 1). */
    double t = (double)(epoch - s->warm_up) / (double)(epochs - s->warm_up);
    return lowest + (initial - lowest) * half_cosine(t);
}

/* The formulas are in mlp.h. The cosine ends with the schedule's `epochs` or,
 * if that is 0, with the training. Training that is resumed ends later, so a
 * caller who will resume sets `epochs`. The step schedule divides whole
 * numbers, which rounds down. */
double mlpi_schedule_rate(const mlp_schedule *schedule,
                          const mlpi_plateau *plateau, double initial,
                          size_t epoch, size_t epochs)
{
    const mlp_schedule *s = schedule;
    switch (s->kind) {
    case MLP_SCHEDULE_CONSTANT:
        break;
    case MLP_SCHEDULE_INVERSE_TIME:
        return initial / (1.0 + s->decay * (double)epoch);
    case MLP_SCHEDULE_STEP:
        return initial * power(factor_of(s), epoch / s->every);
    case MLP_SCHEDULE_EXPONENTIAL:
        return initial * power(factor_of(s), epoch);
    case MLP_SCHEDULE_COSINE:
        return cosine_rate(s, initial, epoch, s->epochs ? s->epochs : epochs);
    case MLP_SCHEDULE_PLATEAU:
        return mlpi_max(initial * plateau->scale,
                        mlpi_min(initial, s->min_rate));
    case MLP_SCHEDULE_CUSTOM:
        return s->rate(epoch, initial, s->user);
    }
    return initial;
}

/* ---------------------------------------------------------------------------
 * The plateau schedule
 */

/* The best loss is infinite at first, so that the first epoch is always an
 * improvement. */
mlpi_plateau mlpi_plateau_begin(void)
{
    return (mlpi_plateau){.best = (double)INFINITY, .scale = 1.0};
}

void mlpi_plateau_reset(mlpi_plateau *plateau)
{
    plateau->best = (double)INFINITY;
    plateau->bad_epochs = 0;
}

/* After a reduction bad_epochs starts at 0 again, but the best loss stays. So
 * the lower rate must improve on the best loss of all epochs, within `patience`
 * epochs. */
void mlpi_plateau_advance(mlpi_plateau *plateau, const mlp_schedule *schedule,
                          double loss)
{
    if (schedule->kind != MLP_SCHEDULE_PLATEAU) {
        return;
    }
    if (loss < plateau->best - schedule->min_delta) {
        plateau->best = loss;
        plateau->bad_epochs = 0;
        return;
    }
    plateau->bad_epochs++;
    if (plateau->bad_epochs >= schedule->patience) {
        plateau->scale *= factor_of(schedule);
        plateau->bad_epochs = 0;
    }
}

/* ---------------------------------------------------------------------------
 * Public function
 */

/* For a bad field this returns NaN, because there is no object with a log hook
 * for a message. A plateau schedule gives its first rate, because no losses are
 * known. */
double mlp_schedule_rate(const mlp_schedule *schedule, double alpha,
                         size_t epoch, size_t epochs)
{
    const mlp_hooks silent = {.log = NULL};
    if (!schedule || alpha == MLP_AUTO || epochs == MLP_AUTO_COUNT ||
        mlpi_schedule_check(&silent, schedule) != MLP_OK) {
        return (double)NAN;
    }
    mlpi_plateau plateau = mlpi_plateau_begin();
    return mlpi_schedule_rate(schedule, &plateau, alpha, epoch, epochs);
}
