/* SPDX-License-Identifier: MIT */
/*
 * One line on standard error that says how far a training is, for those that
 * take longer than a moment, and only where somebody may be looking: on a
 * terminal. It is drawn over itself, and erased in the end.
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

/* Seconds before the first drawing, and between two. */
static const double progress_pause = 0.2;

typedef struct progress_line {
    size_t epochs;        /* done so far, of this training */
    double seconds;       /* that they took, */
    double drawn_seconds; /* when the line was drawn last */
    bool drawn;
} progress_line;

/* "epoch 118 of 500, loss 0.0213, validation 0.0345 (best: 105), 12 s left";
 * epochs are counted from 0, as the tutorial does. */
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

/* For on_epoch; `user` is the line. */
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
            /* To the beginning, the text, and erase what is behind it. */
            (void)fprintf(stderr, "\r%s\033[K", text);
            (void)fflush(stderr);
            line->drawn = true;
        }
    }
    return true;
}

/* Erases the line: what is printed next begins where it did. */
static inline void end_progress(progress_line *line)
{
    if (line->drawn) {
        (void)fputs("\r\033[K", stderr);
        (void)fflush(stderr);
        line->drawn = false;
    }
}

#endif
