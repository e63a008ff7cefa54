/* SPDX-License-Identifier: MIT */
/*
 * Selects the snippets that an exported file needs, and writes them.
 *
 * A snippet needs only earlier ones, so that one pass from the last to the
 * first finds all that is needed, directly or not.
 *
 * The sources write constants as hexadecimal floats, which are exact, but which
 * C++ has only since C++17. They are written as decimal ones with enough digits
 * to be read back as the same number.
 */
#include "formats/c/snippets.h"

#include <string.h>

#include "base/number_text.h"
#include "formats/c/c_writer.h"

/* Tables are short, so the name is searched from the start. */
bool mlpi_snippets_require(mlpi_snippets *snippets, const char *name)
{
    const mlpi_snippet *snippet = snippets->table->snippet;
    size_t i = 0;
    while (i < snippets->table->count && strcmp(snippet[i].name, name) != 0) {
        i++;
    }
    if (i == snippets->table->count) {
        return false;
    }
    /* All later snippets are settled: none of them is needed by this one. */
    snippets->needed[i] = true;
    for (i++; i-- > 0;) {
        for (const short *k = snippet[i].dependencies; *k >= 0; k++) {
            snippets->needed[*k] |= snippets->needed[i];
        }
    }
    return true;
}

/* The build has counted the numbers of each array. */
size_t mlpi_snippets_constants(const mlpi_snippets *snippets)
{
    size_t n = 0;
    for (size_t i = 0; i < snippets->table->count; i++) {
        n += snippets->needed[i] ? snippets->table->snippet[i].n_constants : 0;
    }
    return n;
}

/* ---------------------------------------------------------------------------
 * Writing
 */

/* Skips characters of a set. Returns the place of the first character from
 * place n on that is not one of `set`. */
static size_t skip(const char *text, size_t n, const char *set)
{
    while (text[n] && strchr(set, text[n])) {
        n++;
    }
    return n;
}

/* Returns the length of the hexadecimal float that begins here, without its
 * suffix, and reads it; 0 if there is none. Its form is 0x1.8p-3. */
static size_t read_hexfloat(const char *at, double *x)
{
    if (strncmp(at, "0x", 2) != 0) {
        return 0;
    }
    size_t n = skip(at, 2, "0123456789abcdef.");
    if (at[n] == 'p') {
        n += at[n + 1] == '+' || at[n + 1] == '-' ? 2 : 1;
        n = skip(at, n, "0123456789");
    }
    return mlpi_hexfloat_read(at, n, x) ? n : 0;
}

/* Writes a snippet. A hexadecimal float ends with f if it is one of type float:
 * 0x1p-126f. What stands between two such numbers is written at once. */
static void put_snippet(const mlpi_snippet *snippet, mlpi_writer *to)
{
    const char *written = snippet->text;
    const char *at = written;
    while (*at) {
        double x = 0;
        size_t n = read_hexfloat(at, &x);
        if (n == 0) {
            at++;
            continue;
        }
        char text[MLPI_REAL_SIZE];
        bool is_float = at[n] == 'f';
        mlpi_real_text(is_float ? MLP_F32 : MLP_F64, x, text);
        mlpi_put_bytes(to, (size_t)(at - written), written);
        mlpi_put_bytes(to, strlen(text), text);
        at += n + is_float;
        written = at;
    }
    mlpi_put_bytes(to, (size_t)(at - written), written);
}

void mlpi_snippets_put(const mlpi_snippets *snippets, mlpi_writer *to)
{
    bool after_macro = false;
    for (size_t i = 0; i < snippets->table->count; i++) {
        const mlpi_snippet *snippet = &snippets->table->snippet[i];
        if (!snippets->needed[i]) {
            continue;
        }
        /* An empty line stands before each snippet, but not between macros. */
        bool is_macro = snippet->text[0] == '#';
        if (!after_macro || !is_macro) {
            mlpi_put_text(to, "\n");
        }
        put_snippet(snippet, to);
        after_macro = is_macro;
    }
}
