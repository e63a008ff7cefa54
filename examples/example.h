/* SPDX-License-Identifier: MIT */
/*
 * What every example needs: a way out when a call fails, arrays of either
 * precision, and the lines that the tutorial prints.
 */
#ifndef LIBMLP_EXAMPLE_H
#define LIBMLP_EXAMPLE_H

#include <math.h>
#include <mlp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* ---------------------------------------------------------------------------
 * Failures
 */

/* The log hook: the library says what it expected and what came. */
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

/* ---------------------------------------------------------------------------
 * Arrays
 */

/* A dense array of zeros; free(array.data) takes it back. */
static inline mlp_view new_array(mlp_dtype precision, size_t rows, size_t cols)
{
    /* No rows are still an array. */
    void *data = calloc(rows > 0 ? rows : 1, cols * sizeof(double));
    if (data == NULL) {
        check(MLP_ERR_MEMORY);
    }
    return precision == MLP_F32 ? mlp_view_f32(data, rows, cols)
                                : mlp_view_f64(data, rows, cols);
}

/* Sets all elements, row by row. */
static inline void fill(mlp_view array, const double *values)
{
    for (size_t i = 0; i < array.rows * array.cols; i++) {
        mlp_view_set(array, i / array.cols, i % array.cols, values[i]);
    }
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
    printf("Architecture: %zu", config->inputs);
    for (size_t l = 0; l < config->n_layers; l++) {
        printf(" → %zu", config->layers[l].width);
    }
    printf("\nActivations: ");
    for (size_t l = 0; l < config->n_layers; l++) {
        printf("%s'%s'", l == 0 ? "[" : ", ",
               mlp_activation_name(config->layers[l].activation));
    }
    printf("]\nTotal parameters: %zu\n", mlp_net_parameter_count(net));
    print_rule('=', 60);
    return net;
}

/* For on_epoch: a line every `every` epochs and at the last one. The loss is
 * that before the epoch's update, the accuracy that after it (chapter 4.1). */
typedef struct epoch_lines {
    samples train;
    size_t every;
} epoch_lines;

static inline bool print_epoch(const mlp_epoch_progress *progress, void *user)
{
    const epoch_lines *lines = user;
    if (progress->epoch % lines->every == 0 ||
        progress->epoch + 1 == progress->epochs) {
        printf("Epoch %5zu | Loss: %.6f | Accuracy: %.2f%%\n", progress->epoch,
               progress->loss, 100 * accuracy(progress->net, lines->train));
    }
    return true;
}

#endif
