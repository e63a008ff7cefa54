/* SPDX-License-Identifier: MIT */
/*
 * Recipes as text. A recipe is a text, which is made from a table or taken from
 * a network's metadata, and read in the same way in both cases:
 *
 *     libmlp data recipe 1
 *     category <name> <class> <class> ...             the target
 *     number <name> <flag> <mean>                     an input column
 *     category <name> <flag> <category> <category> ...
 *
 * The target is the first column, and may be a number too: "number <name>". A
 * flag is 1 if the column had empty cells, else 0. Lines end with LF. Words are
 * separated by tabs; in a word \t, \n, \r and \\ stand for a tab, LF, CR and a
 * backslash. All words are UTF-8, as metadata must be.
 *
 * The text may come from a hostile file, so each line is checked when it is
 * read. A name that occurs twice is allowed: both lines take the same column of
 * a table.
 */
#ifndef MLPI_DATA_RECIPE_TEXT_H
#define MLPI_DATA_RECIPE_TEXT_H

#include "data/table.h"

/* The first line names the format and its version. */
#define MLPI_RECIPE_TITLE "libmlp data recipe 1"

/* What a line says of one column. */
typedef struct mlpi_ingredient {
    mlp_data_kind kind;
    const char *name;
    bool has_flag;
    double mean;  /* of a number */
    char **words; /* the categories */
    size_t n_words;
} mlpi_ingredient;

struct mlp_data_recipe {
    mlp_hooks hooks;
    char *text;
    char *copy;               /* the text with 0 behind each word */
    char **words;             /* all words of all lines */
    mlpi_ingredient *columns; /* column 0 is the target */
    size_t n_columns;
    size_t inputs;
};

/* Makes a recipe from a text of `size` bytes and a 0. `where` begins messages.
 * MLP_ERR_FORMAT, MLP_ERR_LIMIT, MLP_ERR_MEMORY. */
mlp_status mlpi_recipe_create(const mlp_hooks *hooks, const char *text,
                              size_t size, const char *where,
                              mlp_data_recipe **recipe);

/* Returns how many inputs the column of an ingredient becomes. */
size_t mlpi_inputs_of(const mlpi_ingredient *column);

/* Sets *kind to the kind that a column of this name has in the recipe. Returns
 * false if the recipe is NULL or does not know the column. */
bool mlpi_recipe_kind(const mlp_data_recipe *recipe, const char *name,
                      mlp_data_kind *kind);

#endif
