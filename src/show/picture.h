/* SPDX-License-Identifier: MIT */
/*
 * A picture is a script for gnuplot, which grows by a piece for each panel. A
 * panel begins with mlpi_panel_begin, and ends with mlpi_panel_end, which takes
 * its piece back if anything has failed meanwhile. Therefore no other function
 * here that writes returns a status.
 */
#ifndef LIBMLP_SHOW_PICTURE_H
#define LIBMLP_SHOW_PICTURE_H

#include "mlp_show.h"

struct mlp_picture {
    mlp_hooks hooks;
    int width, height, columns;
    char *script; /* [capacity], of which `used` bytes are text */
    size_t used, capacity;
    size_t title; /* so many bytes, the first ones, are the title in quotes */
    size_t start; /* where the piece of the present panel begins */
    size_t panels;
    mlp_status status; /* the first failure in the present panel */
};

/* Appends text to the script. It has conversions of its own:
 *   %s  a text (const char *) as it stands
 *   %q  a text as a string of gnuplot, in which nothing has a meaning
 *   %t  like %q, for the label of a tic, where a '%' must be doubled
 *   %z  a size_t
 *   %g  a double with six digits
 *   %r  a double that reads back to the same bits
 *   %%  a percent sign */
void mlpi_put(mlp_picture *picture, const char *format, ...);

/* Begins a panel: the look of all panels, then the title, the labels and the
 * ranges of the axes, which may be NULL. x and y are the labels if the axes
 * have none. */
void mlpi_panel_begin(mlp_picture *picture, const mlp_axes *axes, const char *x,
                      const char *y);

/* Ends a panel. Returns the first failure in it, after which the picture is as
 * it was at the beginning. */
mlp_status mlpi_panel_end(mlp_picture *picture);

/* Checks that there is a picture, and what it shall draw. */
mlp_status mlpi_check_given(const mlp_picture *picture, const void *given,
                            const char *what);

#endif
