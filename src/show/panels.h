/* SPDX-License-Identifier: MIT */
/* Draws points with a mark for each class, alone or above a drawing. */
#ifndef LIBMLP_SHOW_PANELS_H
#define LIBMLP_SHOW_PANELS_H

#include "show/picture.h"

/* Writes the rows of X (m, 2) with their labels as a block of data. */
void mlpi_points_put(mlp_picture *picture, mlp_cview X, mlp_cview labels);

/* Goes on with a command "plot": draws the points of the last block, with an
 * entry in the key for each class of which there is a point. */
void mlpi_points_plot(mlp_picture *picture, mlp_cview labels, size_t classes);

#endif
