/* SPDX-License-Identifier: MIT */
/*
 * Points in the plane, drawn in the order in which scikit-learn draws them:
 *
 *     blobs   centres, then the points of each class, then the permutation
 *     others  the permutation, then the noise of each row
 *
 * The sine and cosine are our own, because those of C libraries differ in the
 * last bit. With k the integer that is nearest to 2 t / pi, and r = t - k pi/2,
 *
 *     sin r = r - r^3/3! + r^5/5! - ...
 *     cos r = 1 - r^2/2! + r^4/4! - ...
 *
 * are summed up in pairs of doubles hi + lo (Dekker, 1971), which hold 106 bits,
 * and rounded once. They are right to the last bit, but where the exact value
 * lies within 2^-100 of the middle between two doubles.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/table.h"

/* ---------------------------------------------------------------------------
 * Sine and cosine
 */

/* A number as the sum of two doubles, which together have about 106 bits:
 * enough for the double that is nearest to a sine to be found in nearly all
 * cases. */
typedef struct pair {
    double hi, lo;
} pair;

/* The first sum and its rounding error are exact (Knuth). */
static pair add(pair a, pair b)
{
    double s = a.hi + b.hi;
    double t = s - a.hi;
    double e = (a.hi - (s - t)) + (b.hi - t) + (a.lo + b.lo);
    double hi = s + e;
    return (pair){hi, e - (hi - s)};
}

/* The rounding error of the product is exact, because fma rounds once. The
 * product of the low parts is below the last bit of the sum and left out. */
static pair multiply(pair a, pair b)
{
    double p = a.hi * b.hi;
    double e = fma(a.hi, b.hi, -p) + (a.hi * b.lo + a.lo * b.hi);
    double hi = p + e;
    return (pair){hi, e - (hi - p)};
}

/* Divides by a whole number, such as the factors of a factorial. The remainder
 * that fma gives is exact, so one correction is enough. */
static pair divide(pair a, double n)
{
    double q = a.hi / n;
    double e = (fma(-q, n, a.hi) + a.lo) / n;
    double hi = q + e;
    return (pair){hi, e - (hi - q)};
}

/* Returns the sum of the series that begins with r^n / n! = `term`. Each term
 * is the last one times -r^2 / ((n + 1) (n + 2)). Since |r| is below 0.79, the
 * terms after r^28 are below 2^-106 of the sum. */
static double sum_series(pair r, pair term, int n)
{
    pair square = multiply(r, (pair){-r.hi, -r.lo});
    pair sum = term;
    for (; n < 28; n += 2) {
        term = divide(multiply(term, square), (n + 1) * (n + 2));
        sum = add(sum, term);
    }
    return sum.hi;
}

/* Sets the sine and cosine of an angle of a few turns. pi/2 is the sum of three
 * doubles, so that r has 106 bits also where the angle is nearly k pi/2. */
static void sine_cosine(double angle, double *sine, double *cosine)
{
    const double half_pi = 0x1.921fb54442d18p+0;
    const pair rest = {0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110};
    double k = floor(angle / half_pi + 0.5);
    double p = k * half_pi;
    pair r = add((pair){angle, 0.0}, (pair){-p, -fma(k, half_pi, -p)});
    r = add(r, multiply(rest, (pair){-k, 0.0}));
    double s = sum_series(r, r, 1);
    double c = sum_series(r, (pair){1.0, 0.0}, 0);
    int quarter = (int)k & 3;
    *sine = quarter == 0 ? s : quarter == 1 ? c : quarter == 2 ? -s : -c;
    *cosine = quarter == 0 ? c : quarter == 1 ? -s : quarter == 2 ? -c : s;
}

/* ---------------------------------------------------------------------------
 * Points
 */

static const double pi = 0x1.921fb54442d18p+1;

/* Each shape has so many classes. */
#define CLASSES(constant, number, name, classes) [constant] = classes,
static const size_t n_classes[] = {MLP_DATA_SHAPE_LIST(CLASSES)};

/* Sets point k of the m of class c, without noise. The angles are those of
 * np.linspace. */
static void set_point(mlp_data_shape shape, size_t c, size_t k, size_t m,
                      double x[2])
{
    double t = (double)k;
    double sine = 0.0;
    double cosine = 0.0;
    if (shape == MLP_DATA_MOONS) {
        double step = m > 1 ? pi / (double)(m - 1) : 0.0;
        sine_cosine(m > 1 && k == m - 1 ? pi : t * step, &sine, &cosine);
        x[0] = c ? 1.0 - cosine : cosine;
        x[1] = c ? 1.0 - sine - 0.5 : sine;
    } else if (shape == MLP_DATA_CIRCLES) {
        sine_cosine(t * (2.0 * pi / (double)m), &sine, &cosine);
        x[0] = c ? cosine * 0.8 : cosine;
        x[1] = c ? sine * 0.8 : sine;
    } else if (shape == MLP_DATA_SPIRALS) {
        double radius = (t + 1.0) / (double)m;
        sine_cosine(3.0 * pi * radius + (c ? pi : 0.0), &sine, &cosine);
        x[0] = radius * cosine;
        x[1] = radius * sine;
    } else {
        x[0] = (double)(k % 2);
        x[1] = c ? 1.0 - x[0] : x[0];
    }
}

/* Sets the points and classes of all rows. If the classes cannot have equally
 * many points, the first classes of blobs have one more, and the last class of
 * other shapes, as in scikit-learn. */
static void draw(const mlp_data_points *p, mlp_rng *rng, double (*rows)[3])
{
    double centres[3][2];
    bool are_blobs = p->shape == MLP_DATA_BLOBS;
    for (size_t i = 0; are_blobs && i < 6; i++) {
        centres[i / 2][i % 2] = mlp_rng_uniform(rng, -10.0, 10.0);
    }
    size_t i = 0;
    for (size_t c = 0; c < n_classes[p->shape]; c++) {
        size_t m = are_blobs ? (p->rows + 2 - c) / 3 : (p->rows + c) / 2;
        for (size_t k = 0; k < m; k++, i++) {
            rows[i][2] = (double)c;
            if (are_blobs) {
                rows[i][0] = mlp_rng_normal(rng, centres[c][0], p->noise);
                rows[i][1] = mlp_rng_normal(rng, centres[c][1], p->noise);
            } else {
                set_point(p->shape, c, k, m, rows[i]);
            }
        }
    }
}

/* Fills the table. A shuffle of the rows draws what a permutation draws. */
static mlp_status fill(const mlp_data_points *p, mlp_data *data)
{
    static const char *const names[] = {"x1", "x2", "class"};
    mlp_rng rng = mlp_rng_seeded(p->seed);
    for (size_t j = 0; j < 3; j++) {
        TRY(mlpi_table_add_name(data, names[j], strlen(names[j]), 0));
    }
    TRY(mlpi_table_allocate(data, MLP_F64, p->rows, true));
    data->values.rows = p->rows;
    double(*rows)[3] = data->values.data;
    draw(p, &rng, rows);
    TRY(mlp_rng_shuffle(&rng, rows, p->rows, sizeof *rows));
    for (size_t i = 0; p->shape != MLP_DATA_BLOBS && i < p->rows; i++) {
        rows[i][0] += mlp_rng_normal(&rng, 0.0, p->noise);
        rows[i][1] += mlp_rng_normal(&rng, 0.0, p->noise);
    }
    return mlpi_table_make_classes(data, 2);
}

/* Checks what the caller wants. */
static mlp_status check(const mlp_data_points *p, const mlp_data *data)
{
    size_t shapes = sizeof n_classes / sizeof *n_classes;
    if ((size_t)p->shape >= shapes) {
        return mlpi_data_error(&data->pool, MLP_ERR_ARGUMENT, 0,
                               "shape: expects a constant of mlp_data_shape, "
                               "got %d",
                               (int)p->shape);
    }
    if (p->rows < n_classes[p->shape] || p->rows >= INT32_MAX) {
        return mlpi_data_error(&data->pool, MLP_ERR_ARGUMENT, 0,
                               "rows: expects %zu to %d, got %zu",
                               n_classes[p->shape], (int)INT32_MAX - 1,
                               p->rows);
    }
    return p->noise >= 0.0 && isfinite(p->noise)
               ? MLP_OK
               : mlpi_data_error(&data->pool, MLP_ERR_ARGUMENT, 0,
                                 "noise: expects a finite number of at least "
                                 "0, got %g",
                                 p->noise);
}

mlp_status mlp_data_generate(const mlp_data_points *points,
                             const mlp_hooks *hooks, mlp_data **data)
{
    mlp_data *fresh = NULL;
    mlp_data_options options = mlp_data_defaults();
    TRY(mlpi_data_need(hooks, points, "points"));
    TRY(mlpi_data_need(hooks, data, "the place for the table"));
    TRY(mlpi_table_create(hooks, "points", &options, &fresh));
    mlp_status status = check(points, fresh);
    if (status == MLP_OK) {
        status = fill(points, fresh);
    }
    return mlpi_table_finish(fresh, status, data);
}
