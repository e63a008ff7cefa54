/* SPDX-License-Identifier: MIT */
/*
 * mlp_show.h - seeing a network, its training and its results: as text for a
 * terminal, and as pictures, which gnuplot draws.
 *
 *   mlp_show_progress line = mlp_show_progress_on(stderr);
 *   options.on_epoch = mlp_show_epoch, options.user = &line;
 *   mlp_status s = mlp_fit(net, X, Y, &options, &history);
 *   mlp_show_progress_end(&line);
 *
 *   mlp_picture *picture = NULL;
 *   mlp_axes axes = {.title = "Training", .log_y = true};
 *   if (!s) s = mlp_picture_create(NULL, &picture);
 *   if (!s) s = mlp_picture_losses(picture, &axes, history, 0);
 *   if (!s) s = mlp_picture_regions(picture, NULL, net, X, labels);
 *   if (!s) s = mlp_picture_write(picture, "training.svg");
 *   mlp_picture_free(picture);
 *
 * The functions are in a library of their own, mlp_show, which needs only mlp.
 * It needs POSIX, so Windows does not have it. Statuses, hooks, ownership and
 * threads follow the rules of mlp.h. The locale of the program does not matter:
 * numbers have a decimal point. Texts are UTF-8, and are shown as they stand:
 * no character has a special meaning, except that '\n' begins a new line in a
 * picture. In place of other control characters, and of bytes that are not
 * UTF-8, a '?' is shown.
 */
#ifndef LIBMLP_MLP_SHOW_H
#define LIBMLP_MLP_SHOW_H

#include <stdio.h>

#include "mlp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------
 * Text
 *
 * These functions write to a stream of the caller, and flush it. MLP_ERR_IO:
 * the stream could not be written to; it may hold a part of the text then. With
 * another error nothing is written. There are no hooks, so a status has no
 * message, except that mlp_show_summary uses the hooks of its network.
 */

/* Writes a table of the layers: for each its number, the shape of its weights,
 * its activation and its parameters; then the sum of the parameters, their
 * bytes, the loss, and whether the network scales its inputs. Allocates. */
MLP_NODISCARD mlp_status mlp_show_summary(const mlp_net *net, FILE *to);

/* Writes the confusion matrix counts (k, k) of MLP_I32, as mlp_confusion makes
 * it: a row for each true class, and a column for each predicted one. names[k]
 * are the names of the classes; NULL: their numbers. A dot stands for 0. Where
 * names are long, columns are headed by numbers. Where even that is wider than
 * 80 columns, there is one line for each class: how many of its rows were
 * predicted right, and for which class the others were mistaken most often.
 * MLP_ERR_DTYPE, MLP_ERR_SHAPE; MLP_ERR_ARGUMENT: a negative count. */
MLP_NODISCARD mlp_status mlp_show_confusion(mlp_cview counts,
                                            const char *const *names, FILE *to);

/* Writes precision, recall, f1 and the number of rows of each class, their
 * plain means, their means weighted by the rows, and the accuracy. Arguments
 * and errors are those above. Allocates, by malloc.
 * MLP_ERR_ARGUMENT: also if there are no rows. */
MLP_NODISCARD mlp_status mlp_show_class_scores(mlp_cview counts,
                                               const char *const *names,
                                               FILE *to);

/* Writes a history as CSV, with the columns epoch, loss, validation_loss,
 * validation_accuracy, rate and seconds. Epochs count from 0. Numbers read back
 * to the same bits, and a NaN is an empty cell. */
MLP_NODISCARD mlp_status mlp_show_history(const mlp_history *history, FILE *to);

/* ---------------------------------------------------------------------------
 * A line of progress
 */

/* The state of a line that shows how far a training run is. Its fields belong
 * to the functions below. Nothing is allocated. */
typedef struct mlp_show_progress {
    FILE *to;
    double seconds;       /* how long the epochs of this run took */
    double drawn_at;      /* `seconds` at the last drawing; 0: not drawn */
    size_t epochs;        /* finished epochs of this run */
    int width;            /* columns of the line as it was last drawn */
    bool is_terminal;     /* false: nothing is ever written */
    bool is_plain;        /* NO_COLOR is set: no escape sequences */
    uint64_t reserved[4]; /* 0 */
} mlp_show_progress;

/* Returns a line for this stream, which it borrows. The line is drawn only if
 * the stream is a terminal, and the environment's TERM is neither "dumb" nor
 * missing. If NO_COLOR is set there, and not empty, the line is drawn without
 * escape sequences: blanks erase what was there before. */
mlp_show_progress mlp_show_progress_on(FILE *to);

/* Serves as on_epoch, with the line as `user`. Draws
 *   epoch 118 of 500 [====>          ] loss 0.0213, validation 0.0345, rate
 *   0.001, 12 s left
 * in one line, from 0.2 seconds after the start on, and at most ten times a
 * second. In a narrow terminal some parts are left out. Always returns true. */
bool mlp_show_epoch(const mlp_epoch_progress *progress, void *user);

/* Erases the line, so that the next output takes its place. The line may then
 * serve for another run. */
void mlp_show_progress_end(mlp_show_progress *line);

/* ---------------------------------------------------------------------------
 * Pictures
 *
 * A picture is a grid of panels. Each function below adds one panel. It
 * computes at once and copies what it needs. If it fails, the picture is as
 * before. All of them allocate. Colours suit the colour-blind, and marks,
 * dashes and greys tell apart what colours do.
 */

typedef struct mlp_picture mlp_picture;

typedef struct mlp_picture_options {
    const char *title; /* above all panels; default NULL: none */
    /* Pixels, 100 to 10,000; default 0. One column of panels is then 640
     * pixels wide, and more columns are 960. A panel is then 480, 400 or 320
     * pixels high for one, two or more columns: letters have the same size in
     * each picture, and can be read where a page shows it. */
    int width, height;
    int columns;     /* panels side by side; default 0: all, but at most 3 */
    mlp_hooks hooks; /* for memory and messages; default: none */
    uint64_t reserved[4]; /* 0 */
} mlp_picture_options;

/* Returns options with the defaults named above. */
mlp_picture_options mlp_picture_defaults(void);

/* Makes a picture without panels, which the caller owns. `options` may be NULL,
 * which means the defaults. Allocates. MLP_ERR_ARGUMENT: a size outside its
 * range, a negative number of columns, or only one of `allocate` and
 * `release`. */
MLP_NODISCARD mlp_status mlp_picture_create(const mlp_picture_options *options,
                                            mlp_picture **picture);

/* Frees a picture. NULL is allowed. */
void mlp_picture_free(mlp_picture *picture);

/* Draws a picture. The end of `path` says as what:
 *   .svg, .png  a file, which gnuplot draws. An old file is replaced in one
 *               moment; after a failure it is as before
 *   .gp         a script of gnuplot's commands, which holds all numbers:
 *               "gnuplot a.gp > a.svg" draws it
 * NULL draws text onto standard output, as wide as the terminal. It has colours
 * only on a terminal, and if NO_COLOR is not set.
 *
 * The program gnuplot is looked for in PATH, and needs the version 5.4 or
 * later. Allocates. MLP_ERR_UNSUPPORTED: there is no gnuplot. If there is a
 * path, the script then stays as <path>.gp, and the message says so.
 * MLP_ERR_ARGUMENT: another end of the path. MLP_ERR_ORDER: there are no
 * panels. MLP_ERR_IO: a file could not be written, or gnuplot failed: its
 * message is in ours. */
MLP_NODISCARD mlp_status mlp_picture_write(const mlp_picture *picture,
                                           const char *path);

/* ---------------------------------------------------------------------------
 * Panels. Their errors are MLP_ERR_SHAPE and MLP_ERR_DTYPE for views that do
 * not fit; MLP_ERR_NOT_FINITE for a NaN or an infinity, or if nothing is left
 * to draw; and MLP_ERR_ARGUMENT for a label that is no whole number from 0 to
 * 99, or y_min and y_max that are not finite or, with log_y, not above 0.
 */

/* The title and the axes of a panel. All zeros, or NULL instead of axes, mean
 * what the panel chooses by itself. Panels without axes use only the title. */
typedef struct mlp_axes {
    const char *title;    /* above the panel */
    const char *x, *y;    /* what the axes show */
    bool log_x, log_y;    /* logarithmic axes; numbers from 0 down are gaps */
    double y_min, y_max;  /* the range of y; equal: chosen by the numbers */
    uint64_t reserved[4]; /* 0 */
} mlp_axes;

/* A line through n points, or the points themselves. A NaN or an infinity is a
 * gap. A line of more than 1000 points is thinned, on a linear x axis: of each
 * piece the lowest and the highest point stay, and no gap that is shorter. */
typedef struct mlp_curve {
    const char *name;    /* in the key; NULL: none */
    const double *x, *y; /* x NULL: 0, 1, 2 ... */
    size_t n;
    bool points;          /* marks instead of a line */
    uint64_t reserved[4]; /* 0 */
} mlp_curve;

/* Draws n curves. */
MLP_NODISCARD mlp_status mlp_picture_curves(mlp_picture *picture,
                                            const mlp_axes *axes,
                                            const mlp_curve *curves, size_t n);

/* Draws the loss and, if there is one, the validation loss of a history from
 * epoch `first` on, which counts from 0 in each history. Of a trainer's first
 * fit the best epoch is marked, if it is among them.
 * MLP_ERR_ARGUMENT: no epoch is left. */
MLP_NODISCARD mlp_status mlp_picture_losses(mlp_picture *picture,
                                            const mlp_axes *axes,
                                            const mlp_history *history,
                                            size_t first);

/* Draws the rows X (m, 2) as points, with a mark and a colour for each class of
 * `labels` (m, 1), which are whole numbers from 0 to 99. */
MLP_NODISCARD mlp_status mlp_picture_points(mlp_picture *picture,
                                            const mlp_axes *axes, mlp_cview X,
                                            mlp_cview labels);

/* Draws the same points over the regions that a network decides, which has two
 * inputs: ten levels of its output, and the line where that is 0.5; or if it
 * has several outputs, for each point the class of the largest. The range of
 * the axes is that of X and a tenth more. Uses the network for 22,500 points.
 * MLP_ERR_SHAPE: also for another number of inputs, or more than 99
 * outputs. */
MLP_NODISCARD mlp_status mlp_picture_regions(mlp_picture *picture,
                                             const mlp_axes *axes,
                                             const mlp_net *net, mlp_cview X,
                                             mlp_cview labels);

/* Draws an activation function and its derivative for z from -5 to 5; the slope
 * is that of mlp_layer. MLP_ERR_ARGUMENT: an activation or slope for which
 * mlp_activation_value gives NaN. */
MLP_NODISCARD mlp_status mlp_picture_activation(mlp_picture *picture,
                                                const mlp_axes *axes,
                                                mlp_activation f, double slope);

/* Draws a network: its neurons, and its weights as lines, whose widths are the
 * sizes. A positive weight is a whole blue line, and a negative one a broken
 * red line. Dots stand for the middle of a layer of more than 10 neurons.
 * inputs[n[0]] are names; NULL: x1, x2 ... MLP_ERR_LIMIT: more than 20
 * layers. */
MLP_NODISCARD mlp_status mlp_picture_network(mlp_picture *picture,
                                             const mlp_axes *axes,
                                             const mlp_net *net,
                                             const char *const *inputs);

/* Draws a confusion matrix, with the arguments and errors of
 * mlp_show_confusion. A cell is the darker, the more of the rows of its class
 * it holds. MLP_ERR_LIMIT: more than 100 classes. */
MLP_NODISCARD mlp_status mlp_picture_confusion(mlp_picture *picture,
                                               const mlp_axes *axes,
                                               mlp_cview counts,
                                               const char *const *names);

/* Draws bars: for each of n names one bar of each series, as high as
 * values[n_series][n] says. The names of the series are in the key; `series`
 * NULL: no key. */
MLP_NODISCARD mlp_status mlp_picture_bars(
    mlp_picture *picture, const mlp_axes *axes, const char *const *names,
    size_t n, const char *const *series, size_t n_series, const double *values);

/* Draws the loss of the rows X and targets Y, as mlp_evaluate computes it, over
 * two weights of layer l: element i0 and element i1 of W, counted row by row.
 * Each goes from `span` below its value to `span` above, and a mark shows where
 * it is. Makes a copy of the network for the time of the call, which computes
 * the loss 82 times. MLP_ERR_ARGUMENT: no such layer or element, i0 equal to
 * i1, or a span that is not above 0. Other errors are those of mlp_evaluate. */
MLP_NODISCARD mlp_status mlp_picture_surface(mlp_picture *picture,
                                             const mlp_axes *axes,
                                             const mlp_net *net, mlp_cview X,
                                             mlp_cview Y, size_t l, size_t i0,
                                             size_t i1, double span);

/* Draws numbers (rows, cols) as an image in greys, row 0 above. The smallest is
 * white and the largest black. */
MLP_NODISCARD mlp_status mlp_picture_image(mlp_picture *picture,
                                           const mlp_axes *axes,
                                           mlp_cview pixels);

/* Draws anything else, in the look of the other panels: lines of gnuplot's
 * commands, of which one draws ("plot", "splot"). Before them the panel has a
 * border on the left and below, a light grid, and lines, dashes and marks
 * numbered from 1 on. Texts have no enhanced mode. The commands must not change
 * the terminal or the output; they are trusted, because gnuplot can run any
 * program. */
MLP_NODISCARD mlp_status mlp_picture_commands(mlp_picture *picture,
                                              const char *commands);

#ifdef __cplusplus
}
#endif

#endif
