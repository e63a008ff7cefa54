/* SPDX-License-Identifier: MIT */
/* What the fuzz targets of the readers of tables and of recipes share. */
#ifndef TESTS_FUZZ_TABLES_H
#define TESTS_FUZZ_TABLES_H

#include "fuzz/fuzz.h"

/* Writes a CSV file of a few rows and columns, without the byte that chooses
 * options; fuzz_end_table writes it behind any table. */
void fuzz_build_csv(fuzz_file *f, fuzz_draw *d);
void fuzz_end_table(fuzz_file *f, fuzz_draw *d);
/* Tells a lie in a table that is a text, before the last byte. */
void fuzz_lie_in_table(fuzz_file *f, fuzz_draw *d);
/* Loads the bytes as a table, and uses it. */
void fuzz_check_table(const unsigned char *bytes, size_t size);

/* Writes the recipe of such a table, which has no byte for options. */
void fuzz_build_recipe(fuzz_file *f, fuzz_draw *d);
/* Loads the bytes as a recipe, and uses it. */
void fuzz_check_recipe(const unsigned char *bytes, size_t size);

#endif
