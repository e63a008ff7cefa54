/* SPDX-License-Identifier: MIT */
#include "formats/c/source_extract.h"

#include <string.h>

#include "formats/c/c_writer.h"
#include "base/hexfloat.h"
#include "base/memory.h"
#include "base/error.h"

typedef struct span {
    const char *at, *end;
} span;

static bool begins(span s, const char *with)
{
    size_t n = strlen(with);
    return (size_t)(s.end - s.at) >= n && memcmp(s.at, with, n) == 0;
}

/* Takes the next line, with its newline, off the rest. */
static span take_line(span *rest)
{
    span line = {rest->at, rest->at};
    while (line.end < rest->end && *line.end++ != '\n') {
    }
    rest->at = line.end;
    return line;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---------------------------------------------------------------------------
 * Lines that count
 */

enum { MOST_DEPTH = 8 };

/* The conditions around a line: is this part taken? */
typedef struct conditions {
    bool takes[MOST_DEPTH];
    size_t depth;
} conditions;

static bool holds(span line, mlp_dtype dtype)
{
    return begins(line, "#ifdef NO_UNROLL") ||
           (begins(line, "#if REAL_BITS == 32") && dtype == MLP_F32) ||
           (begins(line, "#if REAL_BITS == 64") && dtype == MLP_F64);
}

/* Is the line one to keep? Directives but #define are none. */
static bool keeps(conditions *c, span line, mlp_dtype dtype)
{
    if (begins(line, "#if") && c->depth + 1 < MOST_DEPTH) {
        c->takes[c->depth++] = holds(line, dtype);
    } else if (begins(line, "#else") && c->depth > 0) {
        c->takes[c->depth - 1] = !c->takes[c->depth - 1];
    } else if (begins(line, "#endif") && c->depth > 0) {
        c->depth--;
    }
    for (size_t i = 0; i < c->depth; i++) {
        if (!c->takes[i]) {
            return false;
        }
    }
    return !begins(line, "#") || begins(line, "#define");
}

static size_t filter(const char *source, mlp_dtype dtype, char *to)
{
    conditions around = {.depth = 0};
    span rest = {source, source + strlen(source)};
    size_t used = 0;
    while (rest.at < rest.end) {
        span line = take_line(&rest);
        if (keeps(&around, line, dtype)) {
            size_t n = (size_t)(line.end - line.at);
            memcpy(to + used, line.at, n);
            used += n;
        }
    }
    return used;
}

/* ---------------------------------------------------------------------------
 * Pieces
 */

/* Takes a comment that begins here, up to its line's end. */
static void take_comment(span *rest)
{
    bool open = true;
    while (open && rest->at < rest->end) {
        span line = take_line(rest);
        open = line.end - line.at < 3 || memcmp(line.end - 3, "*/\n", 3) != 0;
    }
}

/* Takes a definition: lines up to one whose last character is no backslash, or
 * outside of braces a semicolon or a brace. */
static void take_definition(span *rest)
{
    const bool macro = begins(*rest, "#");
    int depth = 0;
    char last = '\\';
    while (rest->at < rest->end) {
        span line = take_line(rest);
        for (const char *at = line.at; at < line.end; at++) {
            depth += *at == '{' ? 1 : 0;
            depth -= *at == '}' ? 1 : 0;
            last = *at == '\n' ? last : *at;
        }
        if (macro ? last != '\\' : depth == 0 && (last == ';' || last == '}')) {
            return;
        }
    }
}

/* The name is what stands before the first bracket, sign or, of a type, before
 * the semicolon. An enum has many, and no such one. */
static void find_name(span text, mlpi_snippet *snippet)
{
    const char *stop = text.at;
    if (begins(text, "enum {")) {
        return;
    }
    if (begins(text, "#define ")) {
        snippet->name = stop = text.at + strlen("#define ");
        while (is_letter(*stop) || is_digit(*stop)) {
            stop++;
        }
        snippet->name_size = (size_t)(stop - snippet->name);
        return;
    }
    if (begins(text, "typedef")) {
        stop = text.end;
        while (*stop != ';') {
            stop--;
        }
    } else {
        while (stop < text.end && !strchr("([=;", *stop)) {
            stop++;
        }
    }
    const char *end = stop;
    while (end > text.at && !is_letter(end[-1]) && !is_digit(end[-1])) {
        end--;
    }
    snippet->name = end;
    while (is_letter(snippet->name[-1]) || is_digit(snippet->name[-1])) {
        snippet->name--;
    }
    snippet->name_size = (size_t)(end - snippet->name);
}

/* What a file begins with is about the whole file. */
static void find_pieces(mlpi_snippets *snippets, span rest)
{
    const char *comment = NULL;
    while (begins(rest, "/*")) {
        take_comment(&rest);
    }
    while (rest.at < rest.end && snippets->count < MLPI_MAX_SNIPPETS) {
        if (begins(rest, "\n")) {
            (void)take_line(&rest);
            comment = NULL;
        } else if (begins(rest, "/*")) {
            comment = rest.at;
            take_comment(&rest);
        } else {
            span text = rest;
            take_definition(&rest);
            text.end = rest.at;
            mlpi_snippet *snippet = &snippets->snippet[snippets->count++];
            *snippet = (mlpi_snippet){.text = comment ? comment : text.at,
                                      .end = text.end};
            find_name(text, snippet);
            comment = NULL;
        }
    }
}

mlp_status mlpi_snippets_read(const mlp_hooks *hooks,
                              const char *const *sources, mlp_dtype dtype,
                              mlpi_snippets **snippets)
{
    size_t size = 0;
    for (size_t i = 0; sources[i]; i++) {
        size += strlen(sources[i]) + 1;
    }
    mlpi_cursor measure = {0};
    void *block = NULL;
    (void)mlpi_take(&measure, 1, sizeof **snippets);
    (void)mlpi_take(&measure, size, 1);
    TRY(mlpi_allocate(hooks, &measure, "code", &block));
    mlpi_cursor carve = {.base = block};
    mlpi_snippets *made = mlpi_take(&carve, 1, sizeof *made);
    made->dtype = dtype;
    made->text = mlpi_take(&carve, size, 1);
    made->count = 0;
    char *to = made->text;
    for (size_t i = 0; sources[i]; i++) {
        size_t n = filter(sources[i], dtype, to);
        to[n++] = '\n';
        find_pieces(made, (span){to, to + n});
        to += n;
    }
    *snippets = made;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * What is needed
 */

/* Takes the next name that is no part of a comment or a number. */
static bool take_name(span *rest, span *name)
{
    const char *at = rest->at;
    while (at < rest->end) {
        if (begins((span){at, rest->end}, "/*")) {
            while (at < rest->end && !begins((span){at, rest->end}, "*/")) {
                at++;
            }
        } else if (!is_letter(*at) && !is_digit(*at)) {
            at++;
        } else {
            name->at = at;
            while (is_letter(*at) || is_digit(*at)) {
                at++;
            }
            name->end = rest->at = at;
            return true;
        }
    }
    return false;
}

static bool is_same(span a, span b)
{
    size_t n = (size_t)(a.end - a.at);
    return n == (size_t)(b.end - b.at) && memcmp(a.at, b.at, n) == 0;
}

/* The last character before `at` that is neither blank nor of a comment. */
static char character_before(const char *start, const char *at)
{
    while (--at > start) {
        if (at[0] == '/' && at[-1] == '*') {
            at--;
            while (--at > start && (at[-1] != '/' || at[0] != '*')) {
            }
            at -= at > start;
        } else if (*at != ' ' && *at != '\n') {
            break;
        }
    }
    return *at;
}

/* Is it the constant of an enum, which comes after a brace or a comma? */
static bool is_constant(const mlpi_snippet *snippet, span name)
{
    span rest = {snippet->text, snippet->end};
    span other = {NULL, NULL};
    while (take_name(&rest, &other)) {
        if (is_same(other, name) && other.at > snippet->text &&
            strchr("{,", character_before(snippet->text, other.at))) {
            return true;
        }
    }
    return false;
}

static void mark(mlpi_snippets *snippets, span name)
{
    for (size_t i = 0; i < snippets->count; i++) {
        mlpi_snippet *snippet = &snippets->snippet[i];
        if (snippet->name ? is_same((span){snippet->name,
                                           snippet->name + snippet->name_size},
                                    name)
                          : is_constant(snippet, name)) {
            snippet->needed = true;
            return;
        }
    }
}

void mlpi_snippets_require(mlpi_snippets *snippets, const char *name)
{
    mark(snippets, (span){name, name + strlen(name)});
    for (size_t i = 0; i < snippets->count;) {
        mlpi_snippet *snippet = &snippets->snippet[i++];
        if (snippet->needed && !snippet->followed) {
            span rest = {snippet->text, snippet->end};
            span mentioned = {NULL, NULL};
            while (take_name(&rest, &mentioned)) {
                mark(snippets, mentioned);
            }
            snippet->followed = true;
            i = 0; /* what is mentioned may stand before */
        }
    }
}

/* Of `... = {a, b, c};`, with a comma after the last or without. */
static size_t count_numbers(const mlpi_snippet *snippet)
{
    size_t n = 0;
    bool fresh = true;
    const char *at = snippet->name;
    while (*at != '{') {
        at++;
    }
    while (*++at != '}') {
        n += fresh && *at != ' ' && *at != '\n';
        fresh = *at == ',' || (fresh && (*at == ' ' || *at == '\n'));
    }
    return n;
}

size_t mlpi_snippets_numbers(const mlpi_snippets *snippets)
{
    size_t n = 0;
    for (size_t i = 0; i < snippets->count; i++) {
        const mlpi_snippet *snippet = &snippets->snippet[i];
        if (snippet->needed && snippet->name &&
            begins((span){snippet->name + snippet->name_size, snippet->end},
                   "[]")) {
            n += count_numbers(snippet);
        }
    }
    return n;
}

/* ---------------------------------------------------------------------------
 * Writing
 */

/* Takes a hexadecimal float, without its suffix, if one begins here. */
static bool take_hexfloat(span *rest, double *x)
{
    if (!begins(*rest, "0x")) {
        return false;
    }
    const char *end = rest->at;
    bool exponent = false;
    while (end < rest->end &&
           (is_digit(*end) || *end == '.' || is_letter(*end) ||
            (end[-1] == 'p' && (*end == '+' || *end == '-')))) {
        if (exponent && is_letter(*end)) {
            break;
        }
        exponent = exponent || *end == 'p';
        end++;
    }
    if (!mlpi_hexfloat_read(rest->at, (size_t)(end - rest->at), x)) {
        return false;
    }
    rest->at = end;
    return true;
}

static void put_piece(const mlpi_snippet *snippet, mlpi_writer *to)
{
    span rest = {snippet->text, snippet->end};
    const char *done = rest.at;
    while (rest.at < rest.end) {
        const char *before = rest.at;
        double x = 0;
        if (take_hexfloat(&rest, &x)) {
            char text[MLPI_REAL_SIZE];
            bool single = *rest.at == 'f';
            mlpi_real_text(single ? MLP_F32 : MLP_F64, x, text);
            mlpi_put_bytes(to, (size_t)(before - done), done);
            mlpi_put_bytes(to, strlen(text), text);
            rest.at += single;
            done = rest.at;
        } else {
            rest.at++;
        }
    }
    mlpi_put_bytes(to, (size_t)(rest.end - done), done);
}

void mlpi_snippets_put(const mlpi_snippets *snippets, mlpi_writer *to)
{
    const mlpi_snippet *last = NULL;
    for (size_t i = 0; i < snippets->count; i++) {
        const mlpi_snippet *snippet = &snippets->snippet[i];
        if (!snippet->needed) {
            continue;
        }
        /* Macros stand together. */
        if (!last || *last->text != '#' || *snippet->text != '#') {
            mlpi_put_text(to, "\n");
        }
        put_piece(snippet, to);
        last = snippet;
    }
}
