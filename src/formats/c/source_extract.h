/* SPDX-License-Identifier: MIT */
/*
 * Code to be exported, taken from this library's own text, so that no algorithm
 * is written twice. CMake puts the files below into the library as strings;
 * what stands in their first columns (functions, constants, types, macros,
 * enums, each with the comment just above it) are snippets, of one name each, or
 * the names in an enum. Who exports names the snippets that it calls; they come
 * out in the order of the files, together with all that they mention, and
 * nothing else. Of two snippets of one name the first counts.
 *
 *     sources -- lines for the precision --> snippets -- needed ones --> text
 *
 * Of conditions `#if REAL_BITS == 32` and `== 64` are decided; NO_UNROLL is
 * defined; of any other the part after #else is taken. Hexadecimal floats
 * become decimal ones, for C++ has none before C++17.
 */
#ifndef MLPI_FORMATS_C_SOURCE_EXTRACT_H
#define MLPI_FORMATS_C_SOURCE_EXTRACT_H

#include "base/bytes.h"

/* src/kernels/ and src/formats/c/runtime/: texts with a closing 0. */
extern const char mlpi_text_vec_portable[], mlpi_text_loops_tmpl[],
    mlpi_text_elementary_tmpl[], mlpi_text_column_sums_tmpl[],
    mlpi_text_softmax_tmpl[], mlpi_text_activation_functions_tmpl[];
extern const char mlpi_text_libm[], mlpi_text_canonical[], mlpi_text_real[],
    mlpi_text_int8[];

typedef struct mlpi_snippet {
    const char *text, *end; /* with its comment */
    const char *name;       /* NULL: an enum */
    size_t name_size;
    bool needed, followed;
} mlpi_snippet;

enum { MLPI_MAX_SNIPPETS = 400 };

typedef struct mlpi_snippets {
    mlp_dtype dtype;
    char *text; /* all lines that count */
    size_t count;
    mlpi_snippet snippet[MLPI_MAX_SNIPPETS];
} mlpi_snippets;

/* Reads sources, up to a NULL. Allocates *snippets: one block. */
mlp_status mlpi_snippets_read(const mlp_hooks *hooks,
                              const char *const *sources, mlp_dtype dtype,
                              mlpi_snippets **snippets);

/* Marks what is called so, and what it mentions, as needed. */
void mlpi_snippets_require(mlpi_snippets *snippets, const char *name);

/* How many numbers the arrays that are needed have. */
size_t mlpi_snippets_numbers(const mlpi_snippets *snippets);

/* Writes all that is needed. */
void mlpi_snippets_put(const mlpi_snippets *snippets, mlpi_writer *to);

#endif
