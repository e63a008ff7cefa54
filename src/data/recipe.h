/* SPDX-License-Identifier: MIT */
/*
 * What a reader of new rows asks a recipe.
 */
#ifndef MLPI_DATA_RECIPE_H
#define MLPI_DATA_RECIPE_H

#include "data/table.h"

/* Sets *kind to the kind that a column of this name has in the recipe. Returns
 * false if the recipe is NULL or does not know the column. */
bool mlpi_recipe_kind(const mlp_data_recipe *recipe, const char *name,
                      mlp_data_kind *kind);

#endif
