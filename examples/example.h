/* SPDX-License-Identifier: MIT */
/*
 * What the examples share: they end with a message when a call fails, hold
 * arrays of either precision, and print the lines of the tutorial.
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

/* Ends the program if a call failed. The hooks of mlp_hooks_stderr have printed
 * what the library expected and what came. */
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

/* Allocates a dense array of zeros. free(array.data) frees it. */
static inline mlp_view new_array(mlp_dtype precision, size_t rows, size_t cols)
{
    /* calloc(0, ...) may return NULL, which would look like a failure. */
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

/* Data to learn from: rows X with their targets Y. */
typedef struct samples {
    mlp_view X, Y;
} samples;

static inline void free_samples(samples s)
{
    free(s.X.data);
    free(s.Y.data);
}

/* Returns the fraction of rows that get their class; NaN for no rows, as
 * np.mean does. */
static inline double accuracy(const mlp_net *net, samples s)
{
    mlp_scores scores = {.accuracy = NAN};
    if (s.X.rows > 0) {
        check(mlp_evaluate(net, mlp_view_const(s.X), mlp_view_const(s.Y),
                           &scores));
    }
    return scores.accuracy;
}

/* ---------------------------------------------------------------------------
 * Lines of the tutorial
 */

static inline void print_line_of(char c, int length)
{
    while (length-- > 0) {
        putchar(c);
    }
    putchar('\n');
}

static inline void print_title(const char *title, int length)
{
    print_line_of('=', length);
    printf("%s\n", title);
    print_line_of('=', length);
}

/* Makes a network and prints its architecture, as the tutorial's MLP does. */
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
    for (size_t l = 1; l <= config->n_layers; l++) {
        mlp_layer layer; /* with the activation that the library chose */
        check(mlp_net_layer(net, l, &layer));
        printf("%s'%s'", l == 1 ? "[" : ", ",
               mlp_activation_name(layer.activation));
    }
    printf("]\nTotal parameters: %zu\n", mlp_net_parameter_count(net));
    print_line_of('=', 60);
    return net;
}

/* For on_epoch: prints a line every `every` epochs and at the last one. As in
 * chapter 4.1, the loss is computed before the epoch's update and the accuracy
 * after it. */
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
