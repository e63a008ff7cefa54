/* SPDX-License-Identifier: MIT */
/*
 * The small JSON (RFC 8259) of a safetensors header, which anybody may have
 * written: a strict reader, which goes over the text once, allocates nothing
 * and asks for what it expects; and a writer.
 *
 * The reader's first mistake is kept in `wrong`; after it every call does
 * nothing and gives false, so that callers may look once, at the end.
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

/* What stands between two quotes: valid UTF-8 with valid escapes. */
typedef struct mlpi_span {
    const char *text;
    size_t size;
} mlpi_span;

typedef struct mlpi_json {
    const char *text;
    size_t size, at;
    const char *wrong; /* what was expected; NULL: nothing wrong yet */
    bool fresh;        /* a bracket was opened, and nothing read since */
} mlpi_json;

mlpi_json mlpi_json_of(const char *text, size_t size);

/* An opening bracket; then, before each element, whether there is one more: the
 * comma or the closing bracket is read. */
bool mlpi_json_open(mlpi_json *r, char bracket);
bool mlpi_json_more(mlpi_json *r, char closing);

/* "key" and the colon; "text"; a whole number below 2^64; true or false. Of a
 * failure comes an empty text, 0 and false. */
bool mlpi_json_key(mlpi_json *r, mlpi_span *key);
bool mlpi_json_string(mlpi_json *r, mlpi_span *text);
bool mlpi_json_number(mlpi_json *r, uint64_t *number);
bool mlpi_json_flag(mlpi_json *r, bool *flag);

/* Any value, at most 16 brackets deep. */
bool mlpi_json_skip(mlpi_json *r);

/* The caller's own mistake to find: what was expected. Gives false. */
bool mlpi_json_fail(mlpi_json *r, const char *expected);

/* Only white space is left, and nothing was wrong. */
bool mlpi_json_end(mlpi_json *r);

/* The next character of a string, its escapes resolved: a code point, and
 * `rest` is what follows; false at the end. */
bool mlpi_span_next(mlpi_span *rest, uint32_t *character);

/* The order of two strings by their characters: below, at or above 0. */
int mlpi_span_compare(mlpi_span a, mlpi_span b);
bool mlpi_span_is(mlpi_span span, const char *ascii);

/* The text with its escapes resolved, as UTF-8, of at most span.size bytes. */
void mlpi_put_span(mlpi_writer *to, mlpi_span span);

/* Is this valid UTF-8? */
bool mlpi_is_utf8(const char *text, size_t n);

/* Writes JSON; if `nested`, inside of a string of JSON, so that quotes and
 * backslashes are escaped once more. */
typedef struct mlpi_json_writer {
    mlpi_writer *to;
    bool nested;
} mlpi_json_writer;

/* Brackets, commas and names, as they are; text in quotes, escaped; numbers. */
void mlpi_json_put(mlpi_json_writer w, const char *json);
void mlpi_json_put_string(mlpi_json_writer w, const char *utf8);
void mlpi_json_put_number(mlpi_json_writer w, uint64_t number);

#endif
