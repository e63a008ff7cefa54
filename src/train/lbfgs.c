/* SPDX-License-Identifier: MIT */
/*
 * An iteration of L-BFGS. It computes a direction d = -H g from the pairs. Then
 * it does a line search on phi(t) = J(w + t d), which ends at a t that meets
 * the strong Wolfe conditions
 *
 *     phi(t) <= phi(0) + c1 t phi'(0)      the loss falls enough
 *     |phi'(t)| <= -c2 phi'(0)             and the slope is flat enough
 *
 * The first condition prevents a t that is too large, the second one a t that
 * is too small. With both, y s > 0 for the new pair, so H stays positive
 * definite. At the end the pair is added.
 *
 * Vectors are in the network's precision. Sums over them are in double, in
 * eight partial sums (lanes, see kernels.h), so they have the same bits with
 * every table of kernels.
 */
#include "train/lbfgs.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 64 };      /* numbers that are converted to double at once */
enum { MAX_TRIALS = 25 }; /* a line search evaluates at most one time more */

static const double c1 = 1e-4;
static const double c2 = 0.9;

/* A pair is not added if y s is at most this part of y y: its curvature would
 * be rounding noise. The value is the spacing of doubles at 1. */
static const double min_curvature = 0x1p-52;

/* A line search ends when its bracket is so narrow that no coordinate changes
 * by this much between the two ends. */
static const double min_progress = 1e-16;

void mlpi_lbfgs_lay_out(mlpi_lbfgs *lbfgs, mlpi_cursor *cursor)
{
    size_t size = lbfgs->kernels->real_size;
    lbfgs->projection =
        mlpi_take(cursor, lbfgs->max_pairs, sizeof *lbfgs->projection);
    lbfgs->curvature =
        mlpi_take(cursor, lbfgs->max_pairs, sizeof *lbfgs->curvature);
    lbfgs->w = mlpi_take(cursor, lbfgs->n, size);
    lbfgs->g = mlpi_take(cursor, lbfgs->n, size);
    lbfgs->direction = mlpi_take(cursor, lbfgs->n, size);
    lbfgs->trial = mlpi_take(cursor, lbfgs->n, size);
    lbfgs->g_low = mlpi_take(cursor, lbfgs->n, size);
    lbfgs->g_new = mlpi_take(cursor, lbfgs->n, size);
}

/* ---------------------------------------------------------------------------
 * Vectors of n numbers
 */

/* Converts at most BLOCK elements of x from number i on, and returns how
 * many. */
static size_t load_block(const mlpi_lbfgs *lbfgs, const void *x, size_t i,
                         double block[BLOCK])
{
    size_t n = mlpi_min_size(lbfgs->n - i, BLOCK);
    const unsigned char *bytes = x;
    lbfgs->kernels->to_double(n, bytes + i * lbfgs->kernels->real_size, block);
    return n;
}

/* Returns the scalar product x y. */
static double dot(const mlpi_lbfgs *lbfgs, const void *x, const void *y)
{
    double lanes[MLPI_LANES] = {0};
    double a[BLOCK];
    double b[BLOCK];
    for (size_t i = 0; i < lbfgs->n; i += BLOCK) {
        size_t n = load_block(lbfgs, x, i, a);
        (void)load_block(lbfgs, y, i, b);
        lbfgs->kernels->f64->add_products(n, a, b, lanes);
    }
    return mlpi_join_lanes(lanes);
}

/* Returns the sum of |x|. */
static double sum_of_magnitudes(const mlpi_lbfgs *lbfgs, const void *x)
{
    double lanes[MLPI_LANES] = {0};
    double block[BLOCK];
    for (size_t i = 0; i < lbfgs->n; i += BLOCK) {
        size_t n = load_block(lbfgs, x, i, block);
        lbfgs->kernels->f64->add_magnitudes(n, block, lanes);
    }
    return mlpi_join_lanes(lanes);
}

/* Returns the largest |x|; NaN does not count. */
static double largest_magnitude(const mlpi_lbfgs *lbfgs, const void *x)
{
    double largest = 0.0;
    double block[BLOCK];
    for (size_t i = 0; i < lbfgs->n; i += BLOCK) {
        size_t n = load_block(lbfgs, x, i, block);
        for (size_t j = 0; j < n; j++) {
            largest = mlpi_max(largest, fabs(block[j]));
        }
    }
    return largest;
}

/* Computes y = y + a x. The factor is -a because sgd_step subtracts. */
static void add(const mlpi_lbfgs *lbfgs, double a, const void *x, void *y)
{
    lbfgs->kernels->sgd_step(lbfgs->n, -a, x, y);
}

static void copy(const mlpi_lbfgs *lbfgs, const void *from, void *to)
{
    memcpy(to, from, lbfgs->n * lbfgs->kernels->real_size);
}

/* Computes y = a x, rounded once. */
static void scale(const mlpi_lbfgs *lbfgs, double a, const void *x, void *y)
{
    memset(y, 0, lbfgs->n * lbfgs->kernels->real_size);
    add(lbfgs, a, x, y);
}

/* ---------------------------------------------------------------------------
 * The direction
 */

/* Returns how many pairs are stored now. */
static size_t count_pairs(const mlpi_lbfgs *lbfgs)
{
    return lbfgs->pairs_added < lbfgs->max_pairs ? (size_t)lbfgs->pairs_added
                                                 : lbfgs->max_pairs;
}

/* Returns the index in S and Y of the pair that is `age` pairs older than the
 * youngest one. */
static size_t pair_at(const mlpi_lbfgs *lbfgs, size_t age)
{
    return (size_t)((lbfgs->pairs_added - 1 - age) % lbfgs->max_pairs);
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
static void find_direction(mlpi_lbfgs *lbfgs)
{
    size_t pairs = count_pairs(lbfgs);
    double gamma = 1.0;
    void *q = lbfgs->g_new; /* g_new is free between line searches */
    scale(lbfgs, -1.0, lbfgs->g, q);
    for (size_t age = 0; age < pairs; age++) {
        size_t i = pair_at(lbfgs, age);
        lbfgs->curvature[i] = dot(lbfgs, lbfgs->Y[i], lbfgs->S[i]);
        lbfgs->projection[i] = dot(lbfgs, lbfgs->S[i], q) / lbfgs->curvature[i];
        add(lbfgs, -lbfgs->projection[i], lbfgs->Y[i], q);
        if (age == 0) {
            gamma = lbfgs->curvature[i] / dot(lbfgs, lbfgs->Y[i], lbfgs->Y[i]);
        }
    }
    scale(lbfgs, gamma, q, lbfgs->direction);
    for (size_t age = pairs; age-- > 0;) {
        size_t i = pair_at(lbfgs, age);
        double back =
            dot(lbfgs, lbfgs->Y[i], lbfgs->direction) / lbfgs->curvature[i];
        add(lbfgs, lbfgs->projection[i] - back, lbfgs->S[i], lbfgs->direction);
    }
}

/* Computes a direction and returns the slope along it, which is below 0 unless
 * g is 0. A direction can be wrong because of rounding, or because of pairs
 * from a damaged checkpoint. Then the pairs are forgotten, and the direction is
 * -g. */
static double find_descent(mlpi_lbfgs *lbfgs)
{
    find_direction(lbfgs);
    double slope = dot(lbfgs, lbfgs->g, lbfgs->direction);
    if (lbfgs->pairs_added > 0 && !(slope < 0.0 && isfinite(slope))) {
        lbfgs->pairs_added = 0;
        find_direction(lbfgs);
        slope = dot(lbfgs, lbfgs->g, lbfgs->direction);
    }
    return slope;
}

/* Adds the pair for a move by t along the direction, where g_low is the
 * gradient after the move. If the curvature along the direction is nearly 0, no
 * pair is added. */
static void add_pair(mlpi_lbfgs *lbfgs, double t)
{
    size_t i = (size_t)(lbfgs->pairs_added % lbfgs->max_pairs);
    void *s = lbfgs->trial; /* trial and g_new are free after the search */
    void *y = lbfgs->g_new;
    scale(lbfgs, t, lbfgs->direction, s);
    copy(lbfgs, lbfgs->g_low, y);
    add(lbfgs, -1.0, lbfgs->g, y);
    if (dot(lbfgs, y, s) > min_curvature * dot(lbfgs, y, y)) {
        copy(lbfgs, s, lbfgs->S[i]);
        copy(lbfgs, y, lbfgs->Y[i]);
        lbfgs->pairs_added++;
    }
}

/* ---------------------------------------------------------------------------
 * The line search, on phi(t) = J(w + t direction)
 */

typedef struct point {
    double t, J, slope; /* J and slope are phi(t) and phi'(t) */
} point;

/* A line search. `low` is the best point so far, and g_low is the gradient
 * there. As soon as there is a bracket, a minimum lies between `low` and
 * `high`; the t of `low` may be the larger one. */
typedef struct search {
    mlpi_lbfgs *lbfgs;
    mlpi_objective *objective;
    void *context;
    point start, low, high;
    size_t trials; /* the loops' counter; a bracket has used one more */
} search;

/* Evaluates phi at t, and writes the gradient to g_new. If the loss or the
 * slope is not finite, the loss counts as infinite, so that the minimum is
 * looked for at smaller t. */
static point evaluate(search *s, double t)
{
    mlpi_lbfgs *lbfgs = s->lbfgs;
    copy(lbfgs, lbfgs->w, lbfgs->trial);
    add(lbfgs, t, lbfgs->direction, lbfgs->trial);
    point p = {.t = t};
    p.J = s->objective(s->context, lbfgs->trial, lbfgs->g_new);
    p.slope = dot(lbfgs, lbfgs->g_new, lbfgs->direction);
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

/* Makes *p, whose gradient is in g_new, the best point. */
static void set_low(search *s, const point *p)
{
    void *g = s->lbfgs->g_low;
    s->lbfgs->g_low = s->lbfgs->g_new;
    s->lbfgs->g_new = g;
    s->low = *p;
}

/* Returns the number in [low, high] that is nearest to t. */
static double clamp(double t, double low, double high)
{
    return t < low ? low : t > high ? high : t;
}

/* Returns the t at which the cubic through two points with their slopes has its
 * minimum (Nocedal and Wright, 3.59), clamped to [low, high]. If the cubic has
 * no minimum, returns the middle of [low, high]. */
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

/* Makes the bracket from `low` and p. The better of the two becomes `low`, the
 * other one `high`. */
static void set_bracket(search *s, const point *p)
{
    s->high = *p;
    if (p->J < s->low.J) {
        s->high = s->low;
        set_low(s, p);
    }
}

/* Algorithm 3.5, but the comparison with the trial before starts at the third
 * trial, as in PyTorch: tries larger and larger t until a minimum lies between
 * two of them. Returns true if the last t meets both conditions, so that no
 * bracket is needed. */
static bool find_bracket(search *s, double t)
{
    copy(s->lbfgs, s->lbfgs->g, s->lbfgs->g_low);
    s->low = s->start;
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
        /* phi still falls: the next t is larger, but at most ten times. */
        t = cubic_minimum(&s->low, &p, p.t + 0.01 * (p.t - s->low.t),
                          10.0 * p.t);
        set_low(s, &p);
    }
    return false;
}

/* Returns the next t to try in a bracket: the minimum of the cubic. If that is
 * near an end of the bracket (within a tenth of its length) for the second time
 * in a row, it is moved inwards, because otherwise the bracket would hardly
 * shrink. */
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

/* Algorithm 3.6: narrows the bracket until `low` meets both conditions, the
 * bracket is too narrow, or the trials are used up. `largest` is the largest
 * coordinate of the direction. */
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
        /* From p, phi falls towards the minimum. If phi rises towards `high`,
         * the minimum lies between p and the old `low`. */
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

/* Searches along the direction, whose slope is below 0, and tries t first. Sets
 * w, g and J to the best point. If no point is better than w, returns false and
 * changes nothing. */
static bool search_line(mlpi_lbfgs *lbfgs, mlpi_objective *objective,
                        void *context, double slope, double t)
{
    search s = {.lbfgs = lbfgs, .objective = objective, .context = context};
    s.start = (point){.t = 0.0, .J = lbfgs->J, .slope = slope};
    if (!find_bracket(&s, t)) {
        zoom(&s, largest_magnitude(lbfgs, lbfgs->direction));
    }
    if (!(s.low.t > 0.0)) {
        return false;
    }
    add_pair(lbfgs, s.low.t);
    add(lbfgs, s.low.t, lbfgs->direction, lbfgs->w);
    /* Exchanging pointers saves a copy of n numbers. */
    void *g = lbfgs->g;
    lbfgs->g = lbfgs->g_low;
    lbfgs->g_low = g;
    lbfgs->J = s.low.J;
    return true;
}

double mlpi_lbfgs_gradient_square(const mlpi_lbfgs *lbfgs)
{
    return dot(lbfgs, lbfgs->g, lbfgs->g);
}

/* Without pairs the direction is -g, and its length does not say how far to go.
 * So the first t is such that the moves of all coordinates sum to at most
 * learning_rate. */
void mlpi_lbfgs_iterate(mlpi_lbfgs *lbfgs, mlpi_objective *objective,
                        void *context, double learning_rate)
{
    if (learning_rate == lbfgs->failed_rate) {
        return;
    }
    double slope = find_descent(lbfgs);
    bool has_pairs = lbfgs->pairs_added > 0;
    double t = learning_rate;
    if (!has_pairs) {
        t *= mlpi_min(1.0, 1.0 / sum_of_magnitudes(lbfgs, lbfgs->g));
    }
    lbfgs->failed_rate = 0.0;
    if (!(slope < 0.0) || !search_line(lbfgs, objective, context, slope, t)) {
        lbfgs->failed_rate = has_pairs ? 0.0 : learning_rate;
        lbfgs->pairs_added = 0;
    }
}
