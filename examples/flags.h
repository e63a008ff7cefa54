/* SPDX-License-Identifier: MIT */
/*
 * The command lines of the examples. A program lists its flags in a table, and
 * its --help is a text that begins with its name. A wrong argument ends the
 * program with status 2 and one line that says what was expected.
 */
#ifndef LIBMLP_EXAMPLE_FLAGS_H
#define LIBMLP_EXAMPLE_FLAGS_H

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <mlp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum flag_kind { TEXT, COUNT, NUMBER, POSITIVE, PRECISION } flag_kind;

/* A flag and where its value goes: a const char * for TEXT, a size_t for COUNT,
 * a double for NUMBER (0 or above) and POSITIVE, an mlp_dtype for PRECISION.
 * The flag NULL is an argument that stands alone. */
typedef struct flag {
    const char *name;
    flag_kind kind;
    void *value;
    size_t low, high; /* the range of a COUNT */
} flag;

static inline void refuse(const char *name, const char *expected,
                          const char *came)
{
    (void)fprintf(stderr, "%s: expected %s, got '%s'\n", name, expected, came);
    exit(2);
}

static inline size_t parse_count(const char *name, const char *text, size_t low,
                                 size_t high)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    /* strtoull would accept blanks and signs, even -1. */
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 ||
        n < low || n > high) {
        char expected[80];
        (void)snprintf(expected, sizeof expected,
                       "a whole number from %zu to %zu", low, high);
        refuse(name, expected, text);
    }
    return (size_t)n;
}

static inline double parse_number(const char *name, const char *text, bool zero)
{
    char *end = NULL;
    double x = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(x) || x < 0 ||
        (x == 0 && !zero)) {
        refuse(name, zero ? "a number, 0 or above" : "a number above 0", text);
    }
    return x;
}

static inline mlp_dtype parse_precision(const char *name, const char *text)
{
    if (strcmp(text, "f64") != 0 && strcmp(text, "f32") != 0) {
        refuse(name, "f64 or f32", text);
    }
    return strcmp(text, "f32") == 0 ? MLP_F32 : MLP_F64;
}

static inline void parse_value(const flag *f, const char *text)
{
    switch (f->kind) {
    case TEXT:
        *(const char **)f->value = text;
        break;
    case COUNT:
        *(size_t *)f->value = parse_count(f->name, text, f->low, f->high);
        break;
    case NUMBER:
    case POSITIVE:
        *(double *)f->value = parse_number(f->name, text, f->kind == NUMBER);
        break;
    case PRECISION:
        *(mlp_dtype *)f->value = parse_precision(f->name, text);
        break;
    }
}

/* Reads the command line of the program whose --help is `usage`. */
static inline void parse_flags(const char *usage, const flag *flags, size_t n,
                               int argc, char **argv)
{
    char program[32];
    (void)snprintf(program, sizeof program, "%.*s", (int)strcspn(usage, " :\n"),
                   usage);
    bool is_alone_given = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            printf("%s", usage);
            exit(0);
        }
        bool is_flag = argv[i][0] == '-';
        size_t k = 0;
        while (k < n &&
               (flags[k].name == NULL ? is_flag || is_alone_given
                                      : strcmp(argv[i], flags[k].name) != 0)) {
            k++;
        }
        if (k == n) {
            refuse(program, n > 0 ? "what --help names" : "only --help",
                   argv[i]);
        }
        if (flags[k].name == NULL) {
            is_alone_given = true;
        } else if (++i == argc) {
            refuse(program, "a flag and its value", flags[k].name);
        }
        parse_value(&flags[k], argv[i]);
    }
}

#endif
