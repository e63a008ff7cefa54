/* SPDX-License-Identifier: MIT */
#include "train/lbfgs.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 64, TRIALS = 25 };

static const double sufficient = 1e-4; /* decrease, of what the slope says */
static const double flat = 0.9;        /* slope, of that at the start */
static const double least_curvature = 0x1p-52; /* y s, of y y */
static const double least_change = 1e-16; /* of a coordinate, in a search */

void mlpi_lbfgs_lay_out(mlpi_lbfgs *l, mlpi_cursor *cursor)
{
    size_t size = l->kernels->real_size;
    l->along = mlpi_take(cursor, l->memory, sizeof *l->along);
    l->curvature = mlpi_take(cursor, l->memory, sizeof *l->curvature);
    l->w = mlpi_take(cursor, l->n, size);
    l->g = mlpi_take(cursor, l->n, size);
    l->direction = mlpi_take(cursor, l->n, size);
    l->trial = mlpi_take(cursor, l->n, size);
    l->g_low = mlpi_take(cursor, l->n, size);
    l->g_new = mlpi_take(cursor, l->n, size);
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* At most BLOCK elements of x from the i-th on, as double; says how many. */
static size_t widen(const mlpi_lbfgs *l, const void *x, size_t i,
                    double block[BLOCK])
{
    size_t n = l->n - i < BLOCK ? l->n - i : BLOCK;
    const unsigned char *bytes = x;
    l->kernels->to_double(n, bytes + i * l->kernels->real_size, block);
    return n;
}

/* x y, in eight lanes. */
static double dot(const mlpi_lbfgs *l, const void *x, const void *y)
{
    double lanes[MLPI_LANES] = {0};
    double a[BLOCK];
    double b[BLOCK];
    for (size_t i = 0; i < l->n; i += BLOCK) {
        size_t n = widen(l, x, i, a);
        (void)widen(l, y, i, b);
        l->kernels->f64->add_products(n, a, b, lanes);
    }
    return mlpi_join_lanes(lanes);
}

static double sum_of_magnitudes(const mlpi_lbfgs *l, const void *x)
{
    double lanes[MLPI_LANES] = {0};
    double block[BLOCK];
    for (size_t i = 0; i < l->n; i += BLOCK) {
        size_t n = widen(l, x, i, block);
        l->kernels->f64->add_magnitudes(n, block, lanes);
    }
    return mlpi_join_lanes(lanes);
}

static double largest(const mlpi_lbfgs *l, const void *x)
{
    double most = 0.0;
    double block[BLOCK];
    for (size_t i = 0; i < l->n; i += BLOCK) {
        size_t n = widen(l, x, i, block);
        for (size_t j = 0; j < n; j++) {
            most = larger(most, fabs(block[j]));
        }
    }
    return most;
}

/* y := y + a x */
static void add(const mlpi_lbfgs *l, double a, const void *x, void *y)
{
    l->kernels->sgd_step(l->n, -a, x, y);
}

static void copy(const mlpi_lbfgs *l, const void *from, void *to)
{
    memcpy(to, from, l->n * l->kernels->real_size);
}

/* y := a x */
static void scale(const mlpi_lbfgs *l, double a, const void *x, void *y)
{
    memset(y, 0, l->n * l->kernels->real_size);
    add(l, a, x, y);
}

/* How many pairs there are, and where the one is that is `age` pairs older than
 * the youngest. */
static size_t pairs_of(const mlpi_lbfgs *l)
{
    return l->pairs_added < l->memory ? (size_t)l->pairs_added : l->memory;
}

static size_t pair_at(const mlpi_lbfgs *l, size_t age)
{
    return (size_t)((l->pairs_added - 1 - age) % l->memory);
}

/* ---------------------------------------------------------------------------
 * The direction
 */

/* direction = -H g by the two loops over the pairs, from the youngest to the
 * oldest and back; H begins as a multiple of the identity. */
static void find_direction(mlpi_lbfgs *l)
{
    size_t pairs = pairs_of(l);
    double gamma = 1.0;
    void *q = l->g_new; /* free between line searches */
    scale(l, -1.0, l->g, q);
    for (size_t age = 0; age < pairs; age++) {
        size_t i = pair_at(l, age);
        l->curvature[i] = dot(l, l->Y[i], l->S[i]);
        l->along[i] = dot(l, l->S[i], q) / l->curvature[i];
        add(l, -l->along[i], l->Y[i], q);
        if (age == 0) {
            gamma = l->curvature[i] / dot(l, l->Y[i], l->Y[i]);
        }
    }
    scale(l, gamma, q, l->direction);
    for (size_t age = pairs; age-- > 0;) {
        size_t i = pair_at(l, age);
        double back = dot(l, l->Y[i], l->direction) / l->curvature[i];
        add(l, l->along[i] - back, l->S[i], l->direction);
    }
}

/* Keeps the pair of a step t along the direction, with the gradient g_low after
 * it; unless there is no curvature along it, for H must stay positive. */
static void keep_pair(mlpi_lbfgs *l, double t)
{
    size_t i = (size_t)(l->pairs_added % l->memory);
    void *s = l->trial; /* free between line searches, */
    void *y = l->g_new; /* as this */
    scale(l, t, l->direction, s);
    copy(l, l->g_low, y);
    add(l, -1.0, l->g, y);
    if (dot(l, y, s) > least_curvature * dot(l, y, y)) {
        copy(l, s, l->S[i]);
        copy(l, y, l->Y[i]);
        l->pairs_added++;
    }
}

/* ---------------------------------------------------------------------------
 * The line search, on phi(t) = J(w + t direction)
 */

typedef struct point {
    double t, J, slope; /* phi and its derivative */
} point;

typedef struct search {
    mlpi_lbfgs *l;
    mlpi_objective *objective;
    void *context;
    point start, low, high; /* g_low is the gradient at low */
    size_t trials;
} search;

/* Leaves the gradient in g_new. What is no number counts as infinitely high. */
static point try_at(search *s, double t)
{
    mlpi_lbfgs *l = s->l;
    copy(l, l->w, l->trial);
    add(l, t, l->direction, l->trial);
    point p = {.t = t};
    p.J = s->objective(s->context, l->trial, l->g_new);
    p.slope = dot(l, l->g_new, l->direction);
    if (!isfinite(p.J) || !isfinite(p.slope)) {
        p.J = INFINITY;
    }
    return p;
}

static bool falls_too_little(const search *s, const point *p)
{
    return p->J > s->start.J + sufficient * p->t * s->start.slope;
}

static bool is_flat(const search *s, const point *p)
{
    return fabs(p->slope) <= -flat * s->start.slope;
}

/* The point whose gradient is in g_new becomes the best one. */
static void make_low(search *s, const point *p)
{
    void *g = s->l->g_low;
    s->l->g_low = s->l->g_new;
    s->l->g_new = g;
    s->low = *p;
}

static double within(double t, double low, double high)
{
    return t < low ? low : t > high ? high : t;
}

/* The minimum of the cubic through two points with their slopes (Nocedal and
 * Wright, 3.59), held between the bounds; their middle if there is none. */
static double cubic_minimum(const point *a, const point *b, double low,
                            double high)
{
    const point *left = a->t <= b->t ? a : b;
    const point *right = a->t <= b->t ? b : a;
    double width = right->t - left->t;
    double d1 =
        left->slope + right->slope - 3.0 * (left->J - right->J) / -width;
    double square = d1 * d1 - left->slope * right->slope;
    if (square >= 0.0) {
        double d2 = sqrt(square);
        double t = right->t - width * ((right->slope + d2 - d1) /
                                       (right->slope - left->slope + 2.0 * d2));
        if (isfinite(t)) {
            return within(t, low, high);
        }
    }
    return (low + high) / 2.0;
}

/* A minimum lies between the best point so far and p: the lower one is the best
 * from now on. */
static void close_bracket(search *s, const point *p)
{
    s->high = *p;
    if (p->J < s->low.J) {
        s->high = s->low;
        make_low(s, p);
    }
}

/* Larger and larger steps, until a minimum lies between two of them. True if
 * the last one will do already. */
static bool bracket(search *s, double t)
{
    copy(s->l, s->l->g, s->l->g_low);
    s->low = s->start;
    s->high = s->start;
    for (s->trials = 0; s->trials < TRIALS; s->trials++) {
        point p = try_at(s, t);
        if (falls_too_little(s, &p) || (s->trials > 1 && p.J >= s->low.J)) {
            close_bracket(s, &p);
            return false;
        }
        if (is_flat(s, &p)) {
            make_low(s, &p);
            return true;
        }
        if (p.slope >= 0.0) {
            close_bracket(s, &p);
            return false;
        }
        t = cubic_minimum(&s->low, &p, p.t + 0.01 * (p.t - s->low.t),
                          10.0 * p.t);
        make_low(s, &p);
    }
    return false;
}

/* Between low and high, but not too near to either twice in a row: that would
 * be slow. */
static double choose(const search *s, bool *near_an_end)
{
    double first = smaller(s->low.t, s->high.t);
    double last = larger(s->low.t, s->high.t);
    double margin = 0.1 * (last - first);
    double t = cubic_minimum(&s->low, &s->high, first, last);
    if (smaller(last - t, t - first) >= margin) {
        *near_an_end = false;
    } else if (*near_an_end || t >= last || t <= first) {
        t = last - t < t - first ? last - margin : first + margin;
        *near_an_end = false;
    } else {
        *near_an_end = true;
    }
    return t;
}

/* Narrows the bracket down to a point that will do. */
static void zoom(search *s, double longest)
{
    bool near_an_end = false;
    while (s->trials < TRIALS &&
           fabs(s->high.t - s->low.t) * longest >= least_change) {
        point p = try_at(s, choose(s, &near_an_end));
        s->trials++;
        if (falls_too_little(s, &p) || p.J >= s->low.J) {
            close_bracket(s, &p);
            continue;
        }
        bool will_do = is_flat(s, &p);
        if (!will_do && p.slope * (s->high.t - s->low.t) >= 0.0) {
            s->high = s->low;
        }
        make_low(s, &p);
        if (will_do) {
            return;
        }
    }
}

/* ---------------------------------------------------------------------------
 * An iteration
 */

/* Goes along the direction, whose slope is below 0, from the first step t on;
 * false if no step is good. */
static bool search_line(mlpi_lbfgs *l, mlpi_objective *objective, void *context,
                        double slope, double t)
{
    search s = {.l = l, .objective = objective, .context = context};
    s.start = (point){.t = 0.0, .J = l->J, .slope = slope};
    if (!bracket(&s, t)) {
        zoom(&s, largest(l, l->direction));
    }
    if (!(s.low.t > 0.0)) {
        return false;
    }
    keep_pair(l, s.low.t);
    add(l, s.low.t, l->direction, l->w);
    void *g = l->g;
    l->g = l->g_low;
    l->g_low = g;
    l->J = s.low.J;
    return true;
}

/* The slope along a new direction, below 0 unless g is 0. Rounding, or pairs
 * that are not what they should be, may spoil a direction made of pairs. */
static double descend(mlpi_lbfgs *l)
{
    find_direction(l);
    double slope = dot(l, l->g, l->direction);
    if (l->pairs_added > 0 && !(slope < 0.0 && isfinite(slope))) {
        l->pairs_added = 0;
        find_direction(l);
        slope = dot(l, l->g, l->direction);
    }
    return slope;
}

double mlpi_lbfgs_gradient_square(const mlpi_lbfgs *l)
{
    return dot(l, l->g, l->g);
}

void mlpi_lbfgs_iterate(mlpi_lbfgs *l, mlpi_objective *objective, void *context,
                        double alpha)
{
    if (alpha == l->failed_rate) {
        return;
    }
    double slope = descend(l);
    bool has_pairs = l->pairs_added > 0;
    double t = alpha;
    if (!has_pairs) {
        t *= smaller(1.0, 1.0 / sum_of_magnitudes(l, l->g));
    }
    l->failed_rate = 0.0;
    if (!(slope < 0.0) || !search_line(l, objective, context, slope, t)) {
        l->failed_rate = has_pairs ? 0.0 : alpha;
        l->pairs_added = 0;
    }
}
