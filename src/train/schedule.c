/* SPDX-License-Identifier: MIT */
#include "train/schedule.h"

#include <math.h>

#include "base/error.h"

mlp_schedule mlp_schedule_defaults(mlp_schedule_kind kind)
{
    return (mlp_schedule){.kind = kind,
                          .decay = 0.01,
                          .factor =
                              kind == MLP_SCHEDULE_EXPONENTIAL ? 0.99 : 0.1,
                          .every = 10,
                          .patience = 10};
}

/* ---------------------------------------------------------------------------
 * What is asked for
 */

/* What is wrong with a schedule: the field, what it should be, what it is. */
typedef struct complaint {
    const char *field, *expected;
    double got;
} complaint;

static bool is_share(double x)
{
    return x > 0.0 && x <= 1.0;
}

static bool is_amount(double x)
{
    return x >= 0.0 && isfinite(x);
}

static complaint find_fault(const mlp_schedule *s)
{
    const complaint decay = {"decay", "a finite number, 0 or more", s->decay};
    const complaint factor = {"factor", "a number above 0, at most 1",
                              s->factor};
    const complaint every = {"every", "1 or more", (double)s->every};
    const complaint patience = {"patience", "1 or more", (double)s->patience};
    const complaint least = {"min_rate", "a finite number, 0 or more",
                             s->min_rate};
    const complaint change = {"min_delta", "a finite number, 0 or more",
                              s->min_delta};
    const complaint none = {NULL, NULL, 0.0};
    switch (s->kind) {
    case MLP_SCHEDULE_CONSTANT:
        return none;
    case MLP_SCHEDULE_INVERSE_TIME:
        return is_amount(s->decay) ? none : decay;
    case MLP_SCHEDULE_STEP:
        return !is_share(s->factor) ? factor : s->every == 0 ? every : none;
    case MLP_SCHEDULE_EXPONENTIAL:
        return is_share(s->factor) ? none : factor;
    case MLP_SCHEDULE_COSINE:
        return is_amount(s->min_rate) ? none : least;
    case MLP_SCHEDULE_PLATEAU:
        return !is_share(s->factor)       ? factor
               : s->patience == 0         ? patience
               : !is_amount(s->min_delta) ? change
               : !is_amount(s->min_rate)  ? least
                                          : none;
    case MLP_SCHEDULE_CUSTOM:
        return s->rate ? none : (complaint){"rate", "a function", 0.0};
    }
    return (complaint){"kind", "one of the kinds", (double)s->kind};
}

mlp_status mlpi_schedule_check(const mlp_hooks *hooks,
                               const mlp_schedule *schedule)
{
    complaint fault = find_fault(schedule);
    if (fault.field) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "schedule, %s: expects %s, got %g", fault.field,
                          fault.expected, fault.got);
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Rates
 */

/* x^n by squaring: n = sum of powers of 2. */
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

/* (1 + cos(pi t)) / 2 = cos(pi t / 2)^2 for t in [0, 1]. By Taylor, up to
 * pi / 4; beyond, it is the sine of what is left to pi / 2. */
static double cosine_fall(double t)
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

static double lesser(double a, double b)
{
    return a < b ? a : b;
}

static double greater(double a, double b)
{
    return a > b ? a : b;
}

/* Up to the initial rate, which is that of epoch `warm_up`, then down. */
static double cosine_rate(const mlp_schedule *s, double initial, size_t epoch,
                          size_t epochs)
{
    if (epoch < s->warm_up) {
        return initial * (((double)epoch + 1.0) / ((double)s->warm_up + 1.0));
    }
    double least = lesser(initial, s->min_rate);
    if (epoch >= epochs) {
        return epoch == s->warm_up ? initial : least;
    }
    double t = (double)(epoch - s->warm_up) / (double)(epochs - s->warm_up);
    return least + (initial - least) * cosine_fall(t);
}

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
        return initial * power(s->factor, epoch / s->every);
    case MLP_SCHEDULE_EXPONENTIAL:
        return initial * power(s->factor, epoch);
    case MLP_SCHEDULE_COSINE:
        return cosine_rate(s, initial, epoch, s->epochs ? s->epochs : epochs);
    case MLP_SCHEDULE_PLATEAU:
        return greater(initial * plateau->scale, lesser(initial, s->min_rate));
    case MLP_SCHEDULE_CUSTOM:
        return s->rate(epoch, initial, s->user);
    }
    return initial;
}

/* ---------------------------------------------------------------------------
 * Plateaus
 */

mlpi_plateau mlpi_plateau_begin(void)
{
    mlpi_plateau plateau = {.scale = 1.0};
    mlpi_plateau_forget(&plateau);
    return plateau;
}

void mlpi_plateau_forget(mlpi_plateau *plateau)
{
    plateau->best = (double)INFINITY;
    plateau->bad_epochs = 0;
}

void mlpi_plateau_note(mlpi_plateau *plateau, const mlp_schedule *schedule,
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
        plateau->scale *= schedule->factor;
        plateau->bad_epochs = 0;
    }
}

double mlp_schedule_rate(const mlp_schedule *schedule, double alpha,
                         size_t epoch, size_t epochs)
{
    const mlp_hooks nobody = {.log = NULL};
    if (!schedule || mlpi_schedule_check(&nobody, schedule) != MLP_OK) {
        return (double)NAN;
    }
    mlpi_plateau plateau = mlpi_plateau_begin();
    return mlpi_schedule_rate(schedule, &plateau, alpha, epoch, epochs);
}
