/* SPDX-License-Identifier: MIT */
/*
 * An iteration of L-BFGS. First a direction d = -H g from the pairs; then a
 * line search on phi(t) = J(w + t d), which ends at a t that meets the strong
 * Wolfe conditions
 *
 *     phi(t) <= phi(0) + c1 t phi'(0)      the loss falls enough
 *     |phi'(t)| <= -c2 phi'(0)             and the slope is flat enough
 *
 * The first one keeps steps from being too long, the second one from being too
 * short; with both, y s > 0 for the new pair, so H stays positive definite.
 * Then the pair is added.
 *
 * Vectors are in the network's precision, and sums over them are in double, in
 * eight lanes: they have the same bits with every table of kernels.
 */
#include "train/lbfgs.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 64 };      /* numbers that are converted to double at once */
enum { MAX_TRIALS = 25 }; /* evaluations of one line search */

static const double c1 = 1e-4;
static const double c2 = 0.9;

/* A pair is not added if y s is at most this part of y y: its curvature would
 * be rounding noise. The value is the spacing of doubles at 1. */
static const double min_curvature = 0x1p-52;

/* A line search ends when its bracket moves no coordinate by this much. */
static const double min_progress = 1e-16;

void mlpi_lbfgs_lay_out(mlpi_lbfgs *l, mlpi_cursor *cursor)
{
    size_t size = l->kernels->real_size;
    l->projection = mlpi_take(cursor, l->max_pairs, sizeof *l->projection);
    l->curvature = mlpi_take(cursor, l->max_pairs, sizeof *l->curvature);
    l->w = mlpi_take(cursor, l->n, size);
    l->g = mlpi_take(cursor, l->n, size);
    l->direction = mlpi_take(cursor, l->n, size);
    l->trial = mlpi_take(cursor, l->n, size);
    l->g_low = mlpi_take(cursor, l->n, size);
    l->g_new = mlpi_take(cursor, l->n, size);
}

/* ---------------------------------------------------------------------------
 * Vectors of n numbers
 */

/* Converts at most BLOCK elements of x from number i on, and returns how
 * many. */
static size_t load_block(const mlpi_lbfgs *l, const void *x, size_t i,
                         double block[BLOCK])
{
    size_t n = mlpi_min_size(l->n - i, BLOCK);
    const unsigned char *bytes = x;
    l->kernels->to_double(n, bytes + i * l->kernels->real_size, block);
    return n;
}

/* Returns the scalar product x y. */
static double dot(const mlpi_lbfgs *l, const void *x, const void *y)
{
    double lanes[MLPI_LANES] = {0};
    double a[BLOCK];
    double b[BLOCK];
    for (size_t i = 0; i < l->n; i += BLOCK) {
        size_t n = load_block(l, x, i, a);
        (void)load_block(l, y, i, b);
        l->kernels->f64->add_products(n, a, b, lanes);
    }
    return mlpi_join_lanes(lanes);
}

/* The sum of |x|. */
static double sum_of_magnitudes(const mlpi_lbfgs *l, const void *x)
{
    double lanes[MLPI_LANES] = {0};
    double block[BLOCK];
    for (size_t i = 0; i < l->n; i += BLOCK) {
        size_t n = load_block(l, x, i, block);
        l->kernels->f64->add_magnitudes(n, block, lanes);
    }
    return mlpi_join_lanes(lanes);
}

/* The largest |x|; NaN does not count. */
static double largest_magnitude(const mlpi_lbfgs *l, const void *x)
{
    double largest = 0.0;
    double block[BLOCK];
    for (size_t i = 0; i < l->n; i += BLOCK) {
        size_t n = load_block(l, x, i, block);
        for (size_t j = 0; j < n; j++) {
            largest = mlpi_max(largest, fabs(block[j]));
        }
    }
    return largest;
}

/* Computes y = y + a x. sgd_step subtracts, hence the sign. */
static void add(const mlpi_lbfgs *l, double a, const void *x, void *y)
{
    l->kernels->sgd_step(l->n, -a, x, y);
}

static void copy(const mlpi_lbfgs *l, const void *from, void *to)
{
    memcpy(to, from, l->n * l->kernels->real_size);
}

/* Computes y = a x, rounded once. */
static void scale(const mlpi_lbfgs *l, double a, const void *x, void *y)
{
    memset(y, 0, l->n * l->kernels->real_size);
    add(l, a, x, y);
}

/* ---------------------------------------------------------------------------
 * The direction
 */

/* How many pairs are kept. */
static size_t count_pairs(const mlpi_lbfgs *l)
{
    return l->pairs_added < l->max_pairs ? (size_t)l->pairs_added
                                         : l->max_pairs;
}

/* Where the pair lies that is `age` pairs older than the youngest one. */
static size_t pair_at(const mlpi_lbfgs *l, size_t age)
{
    return (size_t)((l->pairs_added - 1 - age) % l->max_pairs);
}

/* Computes the direction d = -H g by algorithm 7.4, two loops over the pairs:
 *
 *     q = -g
 *     from the youngest pair to the oldest:
 *         projection = s q / (y s)
 *         q = q - projection y
 *     d = gamma q
 *     from the oldest pair to the youngest:
 *         d = d + (projection - y d / (y s)) s
 *
 * The pairs refine gamma times the identity, where gamma = s y / (y y) of the
 * youngest pair is the size of the inverse Hessian along it. */
static void find_direction(mlpi_lbfgs *l)
{
    size_t pairs = count_pairs(l);
    double gamma = 1.0;
    void *q = l->g_new; /* nobody needs g_new between line searches */
    scale(l, -1.0, l->g, q);
    for (size_t age = 0; age < pairs; age++) {
        size_t i = pair_at(l, age);
        l->curvature[i] = dot(l, l->Y[i], l->S[i]);
        l->projection[i] = dot(l, l->S[i], q) / l->curvature[i];
        add(l, -l->projection[i], l->Y[i], q);
        if (age == 0) {
            gamma = l->curvature[i] / dot(l, l->Y[i], l->Y[i]);
        }
    }
    scale(l, gamma, q, l->direction);
    for (size_t age = pairs; age-- > 0;) {
        size_t i = pair_at(l, age);
        double back = dot(l, l->Y[i], l->direction) / l->curvature[i];
        add(l, l->projection[i] - back, l->S[i], l->direction);
    }
}

/* Computes a direction and returns the slope along it, which is below 0 unless
 * g is 0. Rounding may spoil a direction, and so may pairs that a damaged
 * checkpoint brought: then the pairs are forgotten, and the direction is -g. */
static double find_descent(mlpi_lbfgs *l)
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

/* Adds the pair of a step t along the direction, with the gradient g_low after
 * it; unless there is hardly any curvature along it. */
static void add_pair(mlpi_lbfgs *l, double t)
{
    size_t i = (size_t)(l->pairs_added % l->max_pairs);
    void *s = l->trial; /* nobody needs trial and g_new after the line search */
    void *y = l->g_new;
    scale(l, t, l->direction, s);
    copy(l, l->g_low, y);
    add(l, -1.0, l->g, y);
    if (dot(l, y, s) > min_curvature * dot(l, y, y)) {
        copy(l, s, l->S[i]);
        copy(l, y, l->Y[i]);
        l->pairs_added++;
    }
}

/* ---------------------------------------------------------------------------
 * The line search, on phi(t) = J(w + t direction)
 */

typedef struct point {
    double t, J, slope; /* J and slope are phi(t) and phi'(t) */
} point;

/* A line search. `low` is the best point so far; once a minimum is bracketed it
 * lies between `low` and `high`, in either order of t. g_low is the gradient at
 * low. */
typedef struct search {
    mlpi_lbfgs *l;
    mlpi_objective *objective;
    void *context;
    point start, low, high;
    size_t trials; /* evaluations so far, less one */
} search;

/* Evaluates phi at t, and leaves the gradient in g_new. A loss or slope that is
 * not finite counts as infinitely high: the minimum is before it. */
static point evaluate(search *s, double t)
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

/* True if p breaks the first Wolfe condition. */
static bool falls_too_little(const search *s, const point *p)
{
    return p->J > s->start.J + c1 * p->t * s->start.slope;
}

/* True if p meets the second Wolfe condition. */
static bool is_flat(const search *s, const point *p)
{
    return fabs(p->slope) <= -c2 * s->start.slope;
}

/* Makes the point whose gradient is in g_new the best one. */
static void set_low(search *s, const point *p)
{
    void *g = s->l->g_low;
    s->l->g_low = s->l->g_new;
    s->l->g_new = g;
    s->low = *p;
}

/* The number in [low, high] that is nearest to t. */
static double clamp(double t, double low, double high)
{
    return t < low ? low : t > high ? high : t;
}

/* The minimum of the cubic through two points with their slopes (Nocedal and
 * Wright, 3.59), clamped to [low, high]; the middle of that if the cubic has no
 * minimum. */
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
            return clamp(t, low, high);
        }
    }
    return (low + high) / 2.0;
}

/* Makes p the other end of the bracket, or, if p is the better one, the best
 * point, and the old best point the other end. */
static void set_bracket(search *s, const point *p)
{
    s->high = *p;
    if (p->J < s->low.J) {
        s->high = s->low;
        set_low(s, p);
    }
}

/* Algorithm 3.5: tries larger and larger steps, from t on, until a minimum lies
 * between two of them. Returns true if the last one meets both conditions, so
 * that no bracket is needed. */
static bool find_bracket(search *s, double t)
{
    copy(s->l, s->l->g, s->l->g_low);
    s->low = s->start;
    s->high = s->start;
    for (s->trials = 0; s->trials < MAX_TRIALS; s->trials++) {
        point p = evaluate(s, t);
        if (falls_too_little(s, &p) || (s->trials > 1 && p.J >= s->low.J)) {
            set_bracket(s, &p);
            return false;
        }
        if (is_flat(s, &p)) {
            set_low(s, &p);
            return true;
        }
        if (p.slope >= 0.0) {
            set_bracket(s, &p);
            return false;
        }
        /* phi still falls: the next step is longer, but at most ten times. */
        t = cubic_minimum(&s->low, &p, p.t + 0.01 * (p.t - s->low.t),
                          10.0 * p.t);
        set_low(s, &p);
    }
    return false;
}

/* The next t to try in a bracket: the cubic's minimum, but not within a tenth
 * of an end twice in a row, because then the bracket would hardly shrink. */
static double next_trial(const search *s, bool *near_an_end)
{
    double first = mlpi_min(s->low.t, s->high.t);
    double last = mlpi_max(s->low.t, s->high.t);
    double margin = 0.1 * (last - first);
    double t = cubic_minimum(&s->low, &s->high, first, last);
    if (mlpi_min(last - t, t - first) >= margin) {
        *near_an_end = false;
    } else if (*near_an_end || t >= last || t <= first) {
        t = last - t < t - first ? last - margin : first + margin;
        *near_an_end = false;
    } else {
        *near_an_end = true;
    }
    return t;
}

/* Algorithm 3.6: narrows the bracket until `low` meets both conditions, or
 * until there is nothing left to narrow. `largest` is the largest coordinate of
 * the direction. */
static void zoom(search *s, double largest)
{
    bool near_an_end = false;
    while (s->trials < MAX_TRIALS &&
           fabs(s->high.t - s->low.t) * largest >= min_progress) {
        point p = evaluate(s, next_trial(s, &near_an_end));
        s->trials++;
        if (falls_too_little(s, &p) || p.J >= s->low.J) {
            set_bracket(s, &p);
            continue;
        }
        bool is_accepted = is_flat(s, &p);
        /* The minimum is where phi falls from p. If it rises towards `high`,
         * the minimum lies on the other side, between p and the old `low`. */
        if (!is_accepted && p.slope * (s->high.t - s->low.t) >= 0.0) {
            s->high = s->low;
        }
        set_low(s, &p);
        if (is_accepted) {
            return;
        }
    }
}

/* ---------------------------------------------------------------------------
 * An iteration
 */

/* Searches along the direction, whose slope is below 0, with t as the first
 * step, and moves w, g and J to the best point. Returns false, and moves
 * nothing, if no point is better than w. */
static bool search_line(mlpi_lbfgs *l, mlpi_objective *objective, void *context,
                        double slope, double t)
{
    search s = {.l = l, .objective = objective, .context = context};
    s.start = (point){.t = 0.0, .J = l->J, .slope = slope};
    if (!find_bracket(&s, t)) {
        zoom(&s, largest_magnitude(l, l->direction));
    }
    if (!(s.low.t > 0.0)) {
        return false;
    }
    add_pair(l, s.low.t);
    add(l, s.low.t, l->direction, l->w);
    /* Exchanging pointers saves a copy of n numbers. */
    void *g = l->g;
    l->g = l->g_low;
    l->g_low = g;
    l->J = s.low.J;
    return true;
}

double mlpi_lbfgs_gradient_square(const mlpi_lbfgs *l)
{
    return dot(l, l->g, l->g);
}

/* Without pairs the direction is -g, whose length says nothing about how far to
 * go; so the first step moves all coordinates together by at most the learning
 * rate. */
void mlpi_lbfgs_iterate(mlpi_lbfgs *l, mlpi_objective *objective, void *context,
                        double learning_rate)
{
    if (learning_rate == l->failed_rate) {
        return;
    }
    double slope = find_descent(l);
    bool has_pairs = l->pairs_added > 0;
    double t = learning_rate;
    if (!has_pairs) {
        t *= mlpi_min(1.0, 1.0 / sum_of_magnitudes(l, l->g));
    }
    l->failed_rate = 0.0;
    if (!(slope < 0.0) || !search_line(l, objective, context, slope, t)) {
        l->failed_rate = has_pairs ? 0.0 : learning_rate;
        l->pairs_added = 0;
    }
}
