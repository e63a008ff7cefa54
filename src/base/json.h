/* SPDX-License-Identifier: MIT */
/*
 * JSON (RFC 8259), as far as the header of a safetensors file needs it: a
 * reader and a writer.
 *
 * The reader is strict, because the text may come from a hostile file. It goes
 * over the text once, builds no tree, and allocates nothing: its caller asks
 * for the value that must come next. Numbers are unsigned integers; no other
 * numbers are ever asked for.
 *
 * The first mistake in the text is kept in `wrong`. After that every call does
 * nothing and returns false, so a caller may read everything and check once, at
 * the end. The keys of an object, for example, are read like this:
 *
 *     mlpi_json r = mlpi_json_of(text, size);
 *     mlpi_span key;
 *     mlpi_json_open(&r, '{');
 *     while (mlpi_json_more(&r, '}')) {
 *         mlpi_json_key(&r, &key);
 *         mlpi_json_skip(&r);
 *     }
 *     bool good = mlpi_json_end(&r);
 */
#ifndef MLPI_BASE_JSON_H
#define MLPI_BASE_JSON_H

#include "base/bytes.h"

/* A string of the text without its quotes: valid UTF-8 with valid escapes,
 * which are not resolved. It points into the text. */
typedef struct mlpi_span {
    const char *text;
    size_t size;
} mlpi_span;

typedef struct mlpi_json {
    const char *text;
    size_t size, at;   /* bytes of the text; bytes read */
    const char *wrong; /* what was expected at `at`; NULL: no mistake yet */
    bool fresh;        /* a bracket was opened, and nothing read since */
} mlpi_json;

/* Returns a reader at the beginning of a text, which need not end with a
 * zero. */
mlpi_json mlpi_json_of(const char *text, size_t size);

/* Reads an opening bracket, { or [. */
bool mlpi_json_open(mlpi_json *r, char bracket);

/* A caller asks this before each element of an object or array. Reads the comma
 * before it, if it is not the first, and returns true; or reads the closing
 * bracket and returns false. */
bool mlpi_json_more(mlpi_json *r, char closing);

/* Read a key with its colon, a string, a whole number below 2^64, and true or
 * false. After a failure the result is an empty text, 0 or false. */
bool mlpi_json_key(mlpi_json *r, mlpi_span *key);
bool mlpi_json_string(mlpi_json *r, mlpi_span *text);
bool mlpi_json_number(mlpi_json *r, uint64_t *number);
bool mlpi_json_flag(mlpi_json *r, bool *flag);

/* Reads null if it comes next, and returns whether it did. Anything else is no
 * mistake, and is left for the next call. */
bool mlpi_json_null(mlpi_json *r);

/* Reads any value and forgets it. Brackets may be nested 16 deep; the limit is
 * what makes the reader safe from a text of a million brackets. */
bool mlpi_json_skip(mlpi_json *r);

/* Records a mistake that the caller has found: what was expected instead.
 * Returns false. */
bool mlpi_json_fail(mlpi_json *r, const char *expected);

/* Returns true if there was no mistake and only white space is left. */
bool mlpi_json_end(mlpi_json *r);

/* Takes the next character of a string as a code point, escapes resolved, and
 * leaves the rest in `rest`. Returns false at the end. */
bool mlpi_span_next(mlpi_span *rest, uint32_t *character);

/* Compares two strings by their characters, whether escaped or not: "a" equals
 * "\u0061". Returns a number below, equal to or above 0. */
int mlpi_span_compare(mlpi_span a, mlpi_span b);
/* True if a string has exactly these ASCII characters. */
bool mlpi_span_is(mlpi_span span, const char *ascii);

/* Writes a string as UTF-8 with its escapes resolved. That is never longer than
 * span.size bytes. */
void mlpi_put_span(mlpi_writer *to, mlpi_span span);

/* True if n bytes are valid UTF-8. */
bool mlpi_is_utf8(const char *text, size_t n);

/* Where JSON is written. A nested writer writes inside of a string of JSON, so
 * quotes and backslashes are escaped once more. */
typedef struct mlpi_json_writer {
    mlpi_writer *to;
    bool nested;
} mlpi_json_writer;

/* Writes JSON text as it is: brackets, commas, names in quotes. */
void mlpi_json_put(mlpi_json_writer w, const char *json);
/* Writes a string in quotes, with the escapes that it needs. */
void mlpi_json_put_string(mlpi_json_writer w, const char *utf8);
/* Writes a whole number. */
void mlpi_json_put_number(mlpi_json_writer w, uint64_t number);

#endif
