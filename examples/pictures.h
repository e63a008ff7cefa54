/* SPDX-License-Identifier: MIT */
/*
 * The pictures that several examples draw, by mlp_show. A program that is built
 * without mlp_show refuses --plot.
 */
#ifndef LIBMLP_EXAMPLE_PICTURES_H
#define LIBMLP_EXAMPLE_PICTURES_H

#include "example.h"

#ifdef EXAMPLE_SHOW
#include <mlp_show.h>
#endif

/* Writes the path of a file in a directory. */
static inline void path_in(const char *directory, const char *name, char *path,
                           size_t size)
{
    int length = snprintf(path, size, "%s/%s", directory, name);
    if (length < 0 || (size_t)length >= size) {
        (void)fprintf(stderr, "--plot: the directory's name is too long\n");
        exit(2);
    }
}

#ifdef EXAMPLE_SHOW

/* Returns an empty picture with this many panels side by side. */
static inline mlp_picture *new_picture(const char *title, int columns)
{
    mlp_picture_options options = mlp_picture_defaults();
    options.title = title;
    options.columns = columns;
    options.hooks = mlp_hooks_stderr();
    mlp_picture *picture = NULL;
    check(mlp_picture_create(&options, &picture));
    return picture;
}

/* Draws the picture into a file, and frees it. */
static inline void finish_picture(mlp_picture *picture, const char *path)
{
    check(mlp_picture_write(picture, path));
    mlp_picture_free(picture);
}

/* Chapter 4.2 draws the loss of each epoch. */
static inline void draw_learning_curve(const mlp_history *history,
                                       const char *path)
{
    mlp_picture *picture = new_picture(NULL, 1);
    mlp_axes axes = {.title = "XOR Learning Curve",
                     .x = "Epoch",
                     .y = "Loss",
                     .log_y = true};
    check(mlp_picture_losses(picture, &axes, history, 0));
    finish_picture(picture, path);
}

/* Chapter 5.3 draws what a network decides at each point, and the test rows. */
static inline void draw_decision_boundary(const mlp_net *net, samples test,
                                          const char *path)
{
    char title[80];
    (void)snprintf(title, sizeof title,
                   "MLP Decision Boundary (Test Accuracy: %.2f%%)",
                   100 * accuracy(net, test));
    mlp_picture *picture = new_picture(NULL, 1);
    mlp_axes axes = {.title = title, .x = "Feature 1", .y = "Feature 2"};
    check(mlp_picture_regions(picture, &axes, net, mlp_view_const(test.X),
                              mlp_view_const(test.Y)));
    finish_picture(picture, path);
}

#else

static inline void refuse_picture(void)
{
    (void)fprintf(stderr, "--plot: this program was built without mlp_show, "
                          "which draws; build it with CMake\n");
    exit(2);
}

static inline void draw_learning_curve(const mlp_history *history,
                                       const char *path)
{
    (void)history, (void)path;
    refuse_picture();
}

static inline void draw_decision_boundary(const mlp_net *net, samples test,
                                          const char *path)
{
    (void)net, (void)test, (void)path;
    refuse_picture();
}

#endif

#endif
