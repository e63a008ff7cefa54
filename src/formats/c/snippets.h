/* SPDX-License-Identifier: MIT */
/*
 * Code to be exported, cut from this library's own source, so that elementary
 * functions and activations are not written twice.
 *
 * A snippet is one definition of that source, with its comment: a function, a
 * constant, a type, an enum or a macro. When the library is built,
 * cut_snippets.cmake makes the tables below; its head says how a source is cut
 * and which of its lines count. Whoever exports a network names the snippets
 * that the network calls. They are written in the order of the sources,
 * together with all that they need, and nothing else:
 *
 *     sources --(build)--> table --(require)--> needed snippets --(put)--> C
 *
 * Each snippet stands behind those that it needs, as C itself demands.
 */
#ifndef MLPI_FORMATS_C_SNIPPETS_H
#define MLPI_FORMATS_C_SNIPPETS_H

#include "base/bytes.h"

typedef struct mlpi_snippet {
    const char *name;          /* of an enum, its first constant */
    size_t n_constants;        /* elements of the array that it defines, or 0 */
    const short *dependencies; /* earlier snippets: indices, ended by -1 */
    const char *text;          /* whole lines */
} mlpi_snippet;

/* All snippets of one arithmetic, in the order of their sources. */
typedef struct mlpi_snippet_table {
    size_t count;
    const mlpi_snippet *snippet;
} mlpi_snippet_table;

/* Arithmetic by libm; libmlp's own, which gives libmlp's bits; each for float
 * and double; and arithmetic of integers. */
extern const mlpi_snippet_table mlpi_snippets_libm_f32, mlpi_snippets_libm_f64,
    mlpi_snippets_canonical_f32, mlpi_snippets_canonical_f64,
    mlpi_snippets_int8;

enum { MLPI_MAX_SNIPPETS = 200 }; /* of a table, which the build checks */

/* The snippets of a table that one exported file needs; at first none. */
typedef struct mlpi_snippets {
    const mlpi_snippet_table *table;
    bool needed[MLPI_MAX_SNIPPETS];
} mlpi_snippets;

/* Marks the snippet of that name, and all that it needs, as needed. Returns
 * false, and marks nothing, if the table has none: cut_snippets.cmake lists the
 * names that may be asked for. */
bool mlpi_snippets_require(mlpi_snippets *snippets, const char *name);

/* Returns how many numbers the needed arrays of constants have. */
size_t mlpi_snippets_constants(const mlpi_snippets *snippets);

/* Writes all needed snippets. */
void mlpi_snippets_put(const mlpi_snippets *snippets, mlpi_writer *to);

#endif
