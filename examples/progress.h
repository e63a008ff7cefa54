/* SPDX-License-Identifier: MIT */
/*
 * One line on standard error that shows the progress of a training run of more
 * than a moment. The line appears only on a terminal. Each drawing overwrites
 * the one before, and the last one is erased.
 *
 *     progress_line line = {.epochs = 0};
 *     options.on_epoch = show_progress;
 *     options.user = &line;
 *     check(mlp_fit(net, X, Y, &options, NULL));
 *     end_progress(&line);
 */
#ifndef LIBMLP_PROGRESS_H
#define LIBMLP_PROGRESS_H

#include <math.h>
#include <mlp.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h> /* isatty, of POSIX */

/* How many seconds pass before the first drawing and between two drawings. */
static const double progress_pause = 0.2;

typedef struct progress_line {
    size_t epochs;        /* finished epochs of this training run */
    double seconds;       /* how long these epochs took */
    double drawn_seconds; /* the time of the last drawing */
    bool drawn;
} progress_line;

/* Draws "epoch 118 of 500, loss 0.0213, validation 0.0345 (best: 105), 12 s
 * left". Epochs count from 0, as in the tutorial. */
static inline void format_progress(const progress_line *line,
                                   const mlp_epoch_progress *progress,
                                   char *text, size_t size)
{
    char validation[64] = "";
    double left = (double)(progress->epochs - progress->epoch - 1);
    if (!isnan(progress->validation_loss)) {
        (void)snprintf(validation, sizeof validation,
                       ", validation %.4g (best: %zu)",
                       progress->validation_loss, progress->best_epoch);
    }
    (void)snprintf(text, size, "epoch %zu of %zu, loss %.4g%s, %.0f s left",
                   progress->epoch, progress->epochs, progress->loss,
                   validation,
                   ceil(left * line->seconds / (double)line->epochs));
}

/* Serves as on_epoch, with the progress_line as `user`. */
static inline bool show_progress(const mlp_epoch_progress *progress, void *user)
{
    progress_line *line = user;
    line->epochs++;
    line->seconds += progress->seconds;
    if (line->seconds - line->drawn_seconds >= progress_pause) {
        line->drawn_seconds = line->seconds;
        if (isatty(STDERR_FILENO)) {
            char text[160];
            format_progress(line, progress, text, sizeof text);
            /* Go to column 1, print the text, and erase the rest of the
             * line. */
            (void)fprintf(stderr, "\r%s\033[K", text);
            (void)fflush(stderr);
            line->drawn = true;
        }
    }
    return true;
}

/* Erases the line, so that the next output starts in its place. */
static inline void end_progress(progress_line *line)
{
    if (line->drawn) {
        (void)fputs("\r\033[K", stderr);
        (void)fflush(stderr);
        line->drawn = false;
    }
}

#endif
