/* SPDX-License-Identifier: MIT */
/*
 * What the examples share: a way out when a call fails, arrays of either
 * precision, NumPy's way of printing them, the tutorial's lines, its two moons.
 */
#ifndef LIBMLP_EXAMPLE_H
#define LIBMLP_EXAMPLE_H

#include <math.h>
#include <mlp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------
 * Failures
 */

/* The log hook: the library tells what it expected and what came. */
static inline void tell(mlp_status status, const char *message, void *user)
{
    (void)user;
    (void)status;
    (void)fprintf(stderr, "%s\n", message);
}

/* Ends the program unless a call went well. */
static inline void check(mlp_status status)
{
    if (status != MLP_OK) {
        (void)fprintf(stderr, "stopped: %s\n", mlp_status_text(status));
        exit(EXIT_FAILURE);
    }
}

/* A flag of the command line is wrong. */
static inline void refuse(const char *flag, const char *expected,
                          const char *came)
{
    (void)fprintf(stderr, "%s: expected %s, got '%s'\n", flag, expected, came);
    exit(2);
}

static inline mlp_dtype parse_precision(const char *text)
{
    if (strcmp(text, "f64") != 0 && strcmp(text, "f32") != 0) {
        refuse("--precision", "f64 or f32", text);
    }
    return strcmp(text, "f32") == 0 ? MLP_F32 : MLP_F64;
}

/* ---------------------------------------------------------------------------
 * Arrays
 */

/* A dense array of zeros; free(array.data) takes it back. */
static inline mlp_view new_array(mlp_dtype precision, size_t rows, size_t cols)
{
    /* One row more, so that no rows are still an array. */
    void *data = calloc(rows + 1, cols * sizeof(double));
    if (data == NULL) {
        check(MLP_ERR_MEMORY);
    }
    return precision == MLP_F32 ? mlp_view_f32(data, rows, cols)
                                : mlp_view_f64(data, rows, cols);
}

static inline void put(mlp_view array, size_t row, size_t col, double value)
{
    size_t i = row * array.row_stride + col * array.col_stride;
    if (array.dtype == MLP_F32) {
        ((float *)array.data)[i] = (float)value;
    } else {
        ((double *)array.data)[i] = value;
    }
}

/* Fills an array from its elements row by row. */
static inline void put_all(mlp_view array, const double *values)
{
    for (size_t i = 0; i < array.rows * array.cols; i++) {
        put(array, i / array.cols, i % array.cols, values[i]);
    }
}

/* The decimals NumPy shows: at most `digits`, no zeros at the end. It writes
 * integers without the point, which here is digits = 0. */
static inline void number_text(char text[64], double value, int digits)
{
    (void)snprintf(text, 64, "%.*f", digits, value);
    size_t length = strlen(text);
    while (strchr(text, '.') != NULL && text[length - 1] == '0') {
        text[--length] = '\0';
    }
}

/* Prints one row. All points of an array stand below each other. */
static inline void print_row(mlp_cview array, size_t row, int digits)
{
    char text[64];
    size_t before = 0, after = 0; /* the widest, left and right of the point */
    for (size_t i = 0; i < array.rows * array.cols; i++) {
        number_text(text, mlp_cview_at(array, i / array.cols, i % array.cols),
                    digits);
        size_t left = strcspn(text, "."), right = strlen(text) - left;
        before = left > before ? left : before;
        after = right > after ? right : after;
    }
    for (size_t j = 0; j < array.cols; j++) {
        number_text(text, mlp_cview_at(array, row, j), digits);
        size_t left = strcspn(text, ".");
        printf("%s%*s%.*s%-*s", j == 0 ? "[" : " ", (int)(before - left), "",
               (int)left, text, (int)after, text + left);
    }
    printf("]");
}

/* Prints an array of one row as print(f"{before}{array.flatten()}"). */
static inline void print_vector(const char *before, mlp_cview array, int digits)
{
    printf("%s", before);
    print_row(array, 0, digits);
}

/* Prints an array as print(f"{before}{array}"). */
static inline void print_matrix(const char *before, mlp_cview array, int digits)
{
    printf("%s[", before);
    for (size_t i = 0; i < array.rows; i++) {
        printf("%s", i == 0 ? "" : "\n ");
        print_row(array, i, digits);
    }
    printf("]");
}

/* ---------------------------------------------------------------------------
 * Lines of the tutorial
 */

static inline void print_rule(char c, int length)
{
    while (length-- > 0) {
        putchar(c);
    }
    putchar('\n');
}

static inline void print_title(const char *title, int length)
{
    print_rule('=', length);
    printf("%s\n", title);
    print_rule('=', length);
}

/* Makes a network and says what it is, as the tutorial's MLP does. */
static inline mlp_net *new_net(const mlp_config *config)
{
    mlp_net *net = NULL;
    check(mlp_net_create(config, &net));
    print_title("MLP INITIALIZED", 60);
    printf("Architecture: %zu", mlp_net_inputs(net));
    mlp_layer layer;
    for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
        check(mlp_net_layer(net, l, &layer));
        printf(" → %zu", layer.width);
    }
    printf("\nActivations: ");
    for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
        check(mlp_net_layer(net, l, &layer));
        printf("%s'%s'", l == 1 ? "[" : ", ",
               mlp_activation_name(layer.activation));
    }
    printf("]\nTotal parameters: %zu\n", mlp_net_parameter_count(net));
    print_rule('=', 60);
    return net;
}

/* Rows and their targets. */
typedef struct samples {
    mlp_view X, Y;
} samples;

static inline void free_samples(samples s)
{
    free(s.X.data);
    free(s.Y.data);
}

/* Share of rows that get their class; NaN of no rows, as np.mean. */
static inline double accuracy(const mlp_net *net, samples s)
{
    mlp_scores scores = {0, NAN};
    if (s.X.rows > 0) {
        check(mlp_evaluate(net, mlp_view_const(s.X), mlp_view_const(s.Y),
                           &scores));
    }
    return scores.accuracy;
}

/* For on_epoch: a line every `every` epochs and at the last one. The loss is
 * that before the epoch's update, the accuracy that after it (chapter 4.1). */
typedef struct epoch_lines {
    samples train;
    size_t every;
} epoch_lines;

static inline bool print_epoch(const mlp_progress *progress, void *user)
{
    const epoch_lines *lines = user;
    if (progress->epoch % lines->every == 0 ||
        progress->epoch + 1 == progress->epochs) {
        printf("Epoch %5zu | Loss: %.6f | Accuracy: %.2f%%\n", progress->epoch,
               progress->loss, 100 * accuracy(progress->net, lines->train));
    }
    return true;
}

/* ---------------------------------------------------------------------------
 * Two moons (chapter 5.1)
 */

/* X[order[:m]], Y[order[:m]] */
static inline samples take(samples from, const size_t *order, size_t m,
                           mlp_dtype precision)
{
    mlp_cview X = mlp_view_const(from.X), Y = mlp_view_const(from.Y);
    samples s = {new_array(precision, m, X.cols), new_array(precision, m, 1)};
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < X.cols; j++) {
            put(s.X, i, j, mlp_cview_at(X, order[i], j));
        }
        put(s.Y, i, 0, mlp_cview_at(Y, order[i], 0));
    }
    return s;
}

static inline size_t *new_permutation(mlp_rng *rng, size_t n)
{
    size_t *order = calloc(n + 1, sizeof *order);
    if (order == NULL) {
        check(MLP_ERR_MEMORY);
    }
    check(mlp_rng_permutation(rng, n, order));
    return order;
}

/* make_moons_manual: two half circles of n / 2 points, noise, shuffled. */
static inline samples make_moons(size_t n, double noise, uint32_t seed)
{
    const double pi = 3.14159265358979323846;
    mlp_rng rng = mlp_rng_seeded(seed);
    samples moons = {new_array(MLP_F64, n, 2), new_array(MLP_F64, n, 1)};
    size_t half = n / 2;
    for (size_t i = 0; i < n; i++) {
        size_t k = i % half, lower = i / half;
        /* np.linspace(0, pi, half), which begins and ends exactly. */
        double step = half > 1 ? pi / (double)(half - 1) : 0;
        double theta = k > 0 && k == half - 1 ? pi : (double)k * step;
        double x = lower ? 1 - cos(theta) : cos(theta);
        double y = lower ? 1 - sin(theta) - 0.5 : sin(theta);
        put(moons.X, i, 0, x + mlp_rng_normal(&rng, 0, noise));
        put(moons.X, i, 1, y + mlp_rng_normal(&rng, 0, noise));
        put(moons.Y, i, 0, (double)lower);
    }
    size_t *order = new_permutation(&rng, n);
    samples shuffled = take(moons, order, n, MLP_F64);
    free(order);
    free_samples(moons);
    return shuffled;
}

/* train_test_split_manual: another permutation; its first fifth is for tests.
 * Only here the rows get the network's precision. */
static inline void split(samples all, uint32_t seed, mlp_dtype precision,
                         samples *train, samples *test)
{
    mlp_rng rng = mlp_rng_seeded(seed);
    size_t n = all.X.rows, n_test = (size_t)((double)n * 0.2);
    size_t *order = new_permutation(&rng, n);
    *test = take(all, order, n_test, precision);
    *train = take(all, order + n_test, n - n_test, precision);
    free(order);
}

#endif
