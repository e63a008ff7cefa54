/* SPDX-License-Identifier: MIT */
/*
 * A picture is a script for gnuplot, which grows by a piece for each panel. A
 * panel begins with mlpi_panel_begin, and ends with mlpi_panel_end, which takes
 * its piece back if anything has failed meanwhile. Therefore no other function
 * here returns a status.
 */
#ifndef LIBMLP_SHOW_PICTURE_H
#define LIBMLP_SHOW_PICTURE_H

#include <stdio.h>

#include "mlp_show.h"

struct mlp_picture {
    mlp_hooks hooks;
    int width, height, columns;
    char *script; /* [capacity], of which `used` bytes are text */
    size_t used, capacity;
    size_t title; /* so many bytes, the first ones, are the title in quotes */
    size_t start; /* where the piece of the present panel begins */
    size_t panels;
    size_t blocks;     /* blocks of data, which are named $d1, $d2 ... */
    mlp_status status; /* the first failure in the present panel */
};

/* Take memory from the hooks, and give it back. Without memory the first sends a
 * message and returns NULL. */
void *mlpi_picture_allocate(const mlp_hooks *hooks, size_t bytes);
void mlpi_picture_release(const mlp_hooks *hooks, void *block);

/* Appends text to the script. It has conversions of its own:
 *   %s  a text (const char *) as it stands
 *   %q  a text as a string of gnuplot, in which nothing has a meaning
 *   %z  a size_t
 *   %g  a double with six digits
 *   %r  a double that reads back to the same bits
 *   %%  a percent sign */
void mlpi_put(mlp_picture *picture, const char *format, ...);

/* Appends a text like %q, with each '%' doubled: labels of tics are formats. */
void mlpi_put_tic(mlp_picture *picture, const char *text);

/* Begins a panel: the look of all panels, then the title, the labels and the
 * ranges of the axes, which may be NULL. x and y are the labels if the axes
 * have none. */
void mlpi_panel_begin(mlp_picture *picture, const mlp_axes *axes, const char *x,
                      const char *y);

/* Ends a panel. Returns the first failure in it, after which the picture is as
 * it was at the beginning. */
mlp_status mlpi_panel_end(mlp_picture *picture);

/* Begins a block of data, whose number is in picture->blocks then; lines follow
 * until mlpi_block_end. */
void mlpi_block_begin(mlp_picture *picture);
void mlpi_block_end(mlp_picture *picture);

/* Checks that there is a picture, and what it shall draw. */
mlp_status mlpi_check_given(const mlp_picture *picture, const void *given,
                            const char *what);

/* Checks that X has this shape, without a 0 in it, and that its numbers are
 * finite. `what` names it in messages. */
mlp_status mlpi_check_numbers(const mlp_picture *picture, const char *what,
                              mlp_cview X, size_t rows, size_t cols);

/* Checks X (m, 2) and labels (m, 1), which are whole numbers from 0 to 99.
 * *classes receives the largest and one more. */
mlp_status mlpi_check_points(const mlp_picture *picture, mlp_cview X,
                             mlp_cview labels, size_t *classes);

#endif
