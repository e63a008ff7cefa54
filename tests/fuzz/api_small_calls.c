/* SPDX-License-Identifier: MIT */
/* Calls without a network: views, names, metrics, random numbers. */
#include "fuzz/api.h"

#include <math.h>

/* ---------------------------------------------------------------------------
 * Views and names
 */

/* Cuts a view at random, and reads what is left. */
static void cut_views(api *a)
{
    static const float f32[12];
    static const double f64[12];
    static const int32_t i32[12];
    size_t kind = fuzz_below(a->draw, 3);
    mlp_cview v = kind == 0   ? mlp_cview_f32(f32, 3, 4)
                  : kind == 1 ? mlp_cview_f64(f64, 3, 4)
                              : mlp_cview_i32(i32, 3, 4);
    v = fuzz_once_in(a->draw, 2) ? mlp_cview_transpose(v) : v;
    v = mlp_cview_rows(v, api_count(a, 4), api_count(a, 5));
    v = mlp_cview_cols(v, api_count(a, 4), api_count(a, 5));
    NEED(v.rows <= 4 && v.cols <= 4);
    for (size_t i = 0; i <= v.rows; i++) {
        for (size_t j = 0; j <= v.cols; j++) {
            double x = mlp_cview_at(v, i, j);
            NEED(i < v.rows && j < v.cols ? x == 0 : isnan(x));
        }
    }
    NEED(isnan(mlp_cview_at(v, api_count(a, 2) + 8, 0)));
}

static void set_in_views(api *a)
{
    float f32[12] = {0};
    double f64[12] = {0};
    int32_t i32[12] = {0};
    size_t kind = fuzz_below(a->draw, 3);
    mlp_view v = kind == 0   ? mlp_view_f32(f32, 3, 4)
                 : kind == 1 ? mlp_view_f64(f64, 3, 4)
                             : mlp_view_i32(i32, 3, 4);
    v = mlp_view_rows(v, api_count(a, 4), api_count(a, 5));
    v = mlp_view_cols(v, api_count(a, 4), api_count(a, 5));
    size_t i = api_count(a, 4);
    size_t j = api_count(a, 4);
    double x = fuzz_real(a->draw);
    bool is_set = mlp_view_set(v, i, j, x);
    NEED(!is_set || (i < v.rows && j < v.cols));
    double y = mlp_cview_at(mlp_view_const(v), i, j);
    NEED(!is_set || kind != 1 || y == x || isnan(x));
}

/* Each list of names ends, and no number makes a name of nothing. */
static void names(api *a)
{
    int n = (int)api_count(a, 16);
    const char *all[] = {mlp_dtype_name((mlp_dtype)n),
                         mlp_activation_name((mlp_activation)n),
                         mlp_loss_name((mlp_loss)n),
                         mlp_weight_init_name((mlp_weight_init)n),
                         mlp_tensor_name((mlp_tensor)n),
                         mlp_optimizer_name((mlp_optimizer_kind)n),
                         mlp_schedule_name((mlp_schedule_kind)n),
                         mlp_status_text((mlp_status)n),
                         mlp_kernels((size_t)n),
                         mlp_version()};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        NEED(!all[i] || all[i][0]);
    }
    NEED(mlp_status_text((mlp_status)n) && mlp_numerics() == MLP_NUMERICS);
    NEED(mlp_hooks_stderr().log != NULL);
}

static void activations(api *a)
{
    mlp_activation f = (mlp_activation)fuzz_below(a->draw, 16);
    double slope = api_number(a, 0);
    double z = fuzz_real(a->draw);
    double x = mlp_activation_value(f, slope, z);
    double dx = mlp_activation_derivative(f, slope, z);
    NEED(f != MLP_ACT_SIGMOID || isnan(z) || (x >= 0 && x <= 1));
    NEED(f != MLP_ACT_TANH || isnan(z) || (dx >= 0 && dx <= 1));
}

/* ---------------------------------------------------------------------------
 * Metrics
 */

static void confusion(api *a)
{
    size_t rows = fuzz_below(a->draw, MAX_ROWS);
    size_t k = fuzz_below(a->draw, 4);
    mlp_cview labels = api_labels(a, rows, k);
    mlp_cview predicted = api_labels(a, rows, k);
    const mlp_hooks *hooks = api_hooks(a);
    mlp_view counts = api_view(a, MLP_I32, k, k);
    api_arm(a);
    (void)api_done(a, mlp_confusion(labels, predicted, hooks, counts));
}

static void score_classes(api *a)
{
    size_t k = fuzz_below(a->draw, 5);
    mlp_cview counts = api_rows(a, MLP_I32, k, k);
    const mlp_hooks *hooks = api_hooks(a);
    mlp_class_scores *each = api_out(a, MAX_COLS, sizeof *each);
    mlp_class_scores *macro = api_out(a, 1, sizeof *macro);
    double *accuracy = api_out(a, 1, sizeof *accuracy);
    api_arm(a);
    (void)api_done(a, mlp_score_classes(counts, hooks, each, macro, accuracy));
}

static void probabilities(api *a)
{
    size_t rows = fuzz_below(a->draw, MAX_ROWS);
    bool is_auc = fuzz_once_in(a->draw, 2);
    size_t k = is_auc ? 1 : 1 + fuzz_below(a->draw, 3);
    mlp_cview p = api_rows(a, (mlp_dtype)fuzz_below(a->draw, 2), rows, k);
    mlp_cview labels = api_labels(a, rows, is_auc ? 2 : k);
    const mlp_hooks *hooks = api_hooks(a);
    double *score = api_out(a, 1, sizeof *score);
    api_arm(a);
    if (api_done(a, is_auc ? mlp_roc_auc(p, labels, hooks, score)
                           : mlp_log_loss(p, labels, hooks, score))) {
        NEED(*score >= 0);
    }
}

static void score_regression(api *a)
{
    size_t rows = fuzz_below(a->draw, MAX_ROWS);
    size_t cols = fuzz_below(a->draw, 4);
    mlp_cview Y = api_rows(a, (mlp_dtype)fuzz_below(a->draw, 2), rows, cols);
    mlp_cview A = api_rows(a, (mlp_dtype)fuzz_below(a->draw, 2), rows, cols);
    const mlp_hooks *hooks = api_hooks(a);
    mlp_regression_scores *each = api_out(a, MAX_COLS, sizeof *each);
    mlp_regression_scores *mean = api_out(a, 1, sizeof *mean);
    api_arm(a);
    (void)api_done(a, mlp_score_regression(Y, A, hooks, each, mean));
}

/* ---------------------------------------------------------------------------
 * Random numbers
 */

/* Draws from a generator, whose words may have any value. */
static void random_numbers(api *a)
{
    mlp_rng rng = mlp_rng_seeded(3);
    if (fuzz_once_in(a->draw, 2)) {
        rng.remaining = (uint32_t)api_count(a, 700);
        rng.has_gauss = (uint32_t)fuzz_below(a->draw, 3);
        rng.gauss = fuzz_real(a->draw);
    }
    mlp_rng *given = fuzz_once_in(a->draw, 16) ? NULL : &rng;
    double x = mlp_rng_random_sample(given);
    NEED(given ? x >= 0 && x < 1 : isnan(x));
    (void)mlp_rng_uniform(given, fuzz_real(a->draw), fuzz_real(a->draw));
    (void)mlp_rng_randn(given);
    (void)mlp_rng_normal(given, fuzz_real(a->draw), fuzz_real(a->draw));
}

/* A generator has no hooks, so that failures have no message. */
static void random_orders(api *a)
{
    mlp_rng rng = mlp_rng_seeded(4);
    mlp_rng *given = fuzz_once_in(a->draw, 32) ? NULL : &rng;
    int64_t low = (int64_t)fuzz_word(a->draw) >> fuzz_below(a->draw, 64);
    int64_t high = (int64_t)fuzz_word(a->draw) >> fuzz_below(a->draw, 64);
    int64_t *value = api_out(a, 1, sizeof *value);
    size_t *order = api_out(a, MAX_ROWS, sizeof *order);
    size_t n = api_count(a, MAX_ROWS);
    size_t kind = fuzz_below(a->draw, 3);
    size_t size = fuzz_below(a->draw, 9);
    char items[64] = {0};
    /* Only a size that overflows may be larger than the arrays. */
    n = n > MAX_ROWS && n <= SIZE_MAX / sizeof *order ? MAX_ROWS : n;
    size = n > MAX_ROWS ? 64 : size;
    api_arm(a);
    if (kind == 0) {
        if (api_done(a, mlp_rng_randint(given, low, high, value))) {
            NEED(*value >= low && *value < high);
        }
    } else {
        (void)api_done(a, kind == 1 ? mlp_rng_permutation(given, n, order)
                                    : mlp_rng_shuffle(given, items, n, size));
    }
}

static api_call *const calls[] = {
    cut_views,      set_in_views,  names,         activations,
    confusion,      score_classes, probabilities, score_regression,
    random_numbers, random_orders};
const api_list api_small_calls = {calls, sizeof calls / sizeof calls[0]};
