/* SPDX-License-Identifier: MIT */
/*
 * elementary_errors [<doubles>]
 *
 * Prints the errors of the elementary functions and of the relatives of ReLU as
 * a table: how many arguments were tried, the largest error in units in the
 * last place (ulp) and where it is, and how often the result stepped back
 * between two neighbours where the function rises.
 *
 * f32: all 2^32 arguments, so the table is a proof. f64: <doubles> arguments,
 * 10^8 if none are given. Half of them are random; from each of these, a short
 * run of neighbours is compared with each other. Runs around each change of
 * formula come in addition.
 *
 * The reference is libm in a wider type, double for f32 and long double for
 * f64. Where long double is no wider than double, f64 is left out. The exit
 * status is 1 if an error is above what mlp.h and kernels.h promise, or if a
 * function steps back where they promise that it does not. f32 takes some
 * minutes, and f64 as many.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/ignore.h"

#include "support/elementary.h"

enum { CHUNK = 4096, RUN = 64, HALF_RUN = RUN / 2 };

/* What was seen of one function in one precision. `mild` counts steps back that
 * is_monotone allows, close to the minimum of silu and gelu. */
typedef struct seen {
    uint64_t arguments, falls, mild;
    double worst, where;
} seen;

static void note_error(seen *s, double error, double x)
{
    s->arguments++;
    if (error > s->worst) {
        s->worst = error;
        s->where = x;
    }
}

/* Compares the results of two arguments that follow each other. */
static void note_pair(seen *s, function f, double x, double before, double now,
                      double ulp)
{
    if (isnan(before) || isnan(now)) {
        return;
    }
    if (!is_monotone(f, x, before, now, ulp)) {
        s->falls++;
    } else if (x > functions[f].minimum ? now < before : now > before) {
        s->mild++;
    }
}

static seen all_floats(function f)
{
    const mlpi_kernels *kernels = mlpi_kernels_find(MLP_F32, NULL);
    static float x[CHUNK];
    static float y[CHUNK];
    seen s = {0};
    float previous = NAN;
    for (uint64_t at = 0; at < UINT64_C(1) << 32; at += CHUNK) {
        for (size_t i = 0; i < CHUNK; i++) {
            x[i] = ordered(at + i);
        }
        apply(kernels, f, CHUNK, x, y);
        for (size_t i = 0; i < CHUNK; i++) {
            double in = (double)x[i];
            double out = (double)y[i];
            note_error(&s, ulps_f32(y[i], exact_double(f, in)), in);
            note_pair(&s, f, in, (double)previous, out, ulp_f32(out));
            previous = y[i];
        }
    }
    return s;
}

/* Tries a number and the next RUN - 1, or as many as are left. */
static void try_run(seen *s, function f, double x)
{
    const mlpi_kernels *kernels = mlpi_kernels_find(MLP_F64, NULL);
    double in[RUN];
    double y[RUN];
    for (size_t i = 0; i < RUN; i++, x = nextafter(x, HUGE_VAL)) {
        in[i] = x;
    }
    apply(kernels, f, RUN, in, y);
    for (size_t i = 0; i < RUN; i++) {
        note_error(s, ulps_f64(y[i], exact_long(f, (long double)in[i])), in[i]);
        if (i > 0) {
            note_pair(s, f, in[i], y[i - 1], y[i], ulp_f64((long double)y[i]));
        }
    }
}

static seen many_doubles(function f, uint64_t count)
{
    const mlpi_kernels *kernels = mlpi_kernels_find(MLP_F64, NULL);
    mlp_rng rng = mlp_rng_seeded(1000 + (uint32_t)f);
    static double x[CHUNK];
    static double y[CHUNK];
    seen s = {0};
    double at = 0;
    for (size_t i = 0; !isnan(at = formula_change(f, i)); i++) {
        double ulp = nextafter(fabs(at), HUGE_VAL) - fabs(at);
        try_run(&s, f, at - HALF_RUN * ulp);
    }
    while (s.arguments < count) {
        for (size_t i = 0; i < CHUNK; i++) {
            x[i] = random_argument(&rng, f, i);
        }
        apply(kernels, f, CHUNK, x, y);
        for (size_t i = 0; i < CHUNK; i++) {
            double error = ulps_f64(y[i], exact_long(f, (long double)x[i]));
            note_error(&s, error, x[i]);
        }
        for (size_t i = 0; i < CHUNK / RUN; i++) {
            try_run(&s, f, x[i * RUN + 1 + i % 3]);
        }
    }
    return s;
}

/* Prints a line of the table. Returns true if the promises hold. */
static bool report(function f, const char *type, seen s)
{
    const char *monotone = s.falls > 0  ? "no"
                           : s.mild > 0 ? "but near its minimum"
                                        : "yes";
    printf("| %-9s | %s | %10" PRIu64 " | %6.4f | %24a | %s |\n",
           functions[f].name, type, s.arguments, s.worst, s.where, monotone);
    (void)fflush(stdout);
    return s.falls == 0 && s.worst <= functions[f].max_ulps;
}

int main(int argc, char **argv)
{
    uint64_t doubles = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000000;
    bool is_good = true;
    puts("| function  | type | arguments | worst ulp | at | monotone |");
    puts("|---|---|---|---|---|---|");
    for (function f = 0; f < FUNCTIONS; f++) {
        is_good = report(f, "f32", all_floats(f)) && is_good;
    }
    for (function f = 0; f < FUNCTIONS && LDBL_MANT_DIG > DBL_MANT_DIG; f++) {
        is_good = report(f, "f64", many_doubles(f, doubles)) && is_good;
    }
    return is_good ? 0 : 1;
}
