/* SPDX-License-Identifier: MIT */
/*
 * The table of options. A line holds the option's name and letter, its argument
 * as --help shows it, the verbs that take it, what its argument must be, where
 * the value goes, and its line of --help. getopt_long finds options between
 * operands, and accepts `--name=value`, `--name value` and unique beginnings of
 * names.
 */
#include "tool/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an argument must be. WIDTHS is a list such as 64,32, TIME is 90, 60s, 5m
 * or 1h, and TASK is a word. A FLAG has no argument. */
typedef enum kind { TEXT, FLAG, COUNT, NUMBER, TIME, WIDTHS, TASK } kind;

typedef struct option_line {
    const char *name;
    char letter; /* or 0 */
    const char *argument;
    const char *verbs; /* that take it */
    kind kind;
    double low, high; /* of COUNT and NUMBER; both are allowed */
    size_t place;     /* in tool_options */
    const char *help;
} option_line;

/* The value goes to this place. The field must have the type that the kind
 * writes: const char * for TEXT, bool for FLAG, size_t for COUNT, double for
 * NUMBER and TIME. */
#define PLACE(field) offsetof(tool_options, field)

/* Options of the same verbs stand together, because --help prints a title
 * before each group. Limits keep numbers sane, not useful: a rate of 1000 is
 * the user's business. */
static const option_line lines[] = {
    {"output", 'o', "FILE", "train", TEXT, 0, 0, PLACE(output),
     "the file to write (TABLE's name with .mlp)"},
    {"layers", 0, "N,N,...", "train", WIDTHS, 0, 0, PLACE(hidden),
     "neurons of the hidden layers (by the size of TABLE)"},
    {"epochs", 0, "N", "train", COUNT, 0, 1e9, PLACE(epochs),
     "passes over the rows (by the size of TABLE)"},
    {"rate", 0, "X", "train", NUMBER, 1e-12, 1e6, PLACE(rate),
     "learning rate at first (by the size of TABLE)"},
    {"dropout", 0, "P", "train", NUMBER, 0, 0.99, PLACE(dropout),
     "part of the hidden neurons that each step leaves out"},
    {"seed", 0, "N", "train", COUNT, 0, 4294967295.0, PLACE(seed),
     "seeds rows held out, weights and orders (42)"},
    {"task", 0, "KIND", "train", TASK, 0, 0, PLACE(task),
     "classes or numbers: what TARGET holds"},
    {"ignore", 0, "COL,...", "train", TEXT, 0, 0, PLACE(ignore),
     "columns to leave out: the number of the row, say"},
    {"cv", 0, "K", "train", COUNT, 2, 1e6, PLACE(folds),
     "also score K networks, each on a K-th of the rows"},
    {"tune", 0, "TIME", "train", TIME, 0, 0, PLACE(tune_seconds),
     "search layers, rate and dropout for 60s, 5m or 1h"},
    {"from", 0, "MODEL", "train", TEXT, 0, 0, PLACE(from),
     "go on from a trained network"},
    {"int8", 0, NULL, "export", FLAG, 0, 0, PLACE(int8),
     "C code of 8-bit integers, which needs --rows"},
    {"rows", 0, "TABLE", "export", TEXT, 0, 0, PLACE(rows),
     "rows from which --int8 takes the ranges of numbers"},
    {"plot", 0, "FILE", "train, test, info", TEXT, 0, 0, PLACE(plot),
     "draw a picture, *.svg or *.png (- : in the terminal)"},
    {"json", 0, NULL, "train, test, predict, info", FLAG, 0, 0, PLACE(json),
     "print the result as JSON to the standard output"},
};

enum { N_LINES = sizeof lines / sizeof *lines };

/* ---------------------------------------------------------------------------
 * Help
 */

/* A column of 20 characters holds the longest option with its argument. */
void mlpi_tool_print_options(void)
{
    const char *verbs = "";
    for (size_t i = 0; i < N_LINES; i++) {
        const option_line *l = &lines[i];
        char left[40];
        if (strcmp(l->verbs, verbs) != 0) {
            verbs = l->verbs;
            printf("\nOptions of %s:\n", verbs);
        }
        (void)snprintf(left, sizeof left, "%s--%s%s%s",
                       l->letter ? (char[]){'-', l->letter, ',', ' ', 0} : "",
                       l->name, l->argument ? " " : "",
                       l->argument ? l->argument : "");
        printf("  %-20s %s\n", left, l->help);
    }
}

/* ---------------------------------------------------------------------------
 * Parsing
 */

/* Parses a number of plain decimals; strtod would accept 0x10 and inf too. */
static bool parse_number(const option_line *l, const char *text, double *value)
{
    char *end = NULL;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && *value >= l->low &&
           *value <= l->high && text[strspn(text, "0123456789.e-")] == '\0';
}

/* Parses a whole number: digits alone, no sign, no point. A double holds every
 * number up to 2^53, which is above all limits. */
static bool parse_count(const option_line *l, const char *text, size_t *value)
{
    double number = 0;
    bool is_count = text[strspn(text, "0123456789")] == '\0' &&
                    parse_number(l, text, &number);
    *value = is_count ? (size_t)number : 0;
    return is_count;
}

/* Parses "90", "90s", "5m" or "1h" as seconds. */
static bool parse_time(const char *text, double *seconds)
{
    char *unit = NULL;
    *seconds = strtod(text, &unit);
    bool is_time = unit != text && (*unit == '\0' || unit[1] == '\0') &&
                   strchr("smh", *unit); /* finds '\0', too */
    *seconds *= *unit == 'h' ? 3600 : *unit == 'm' ? 60 : 1;
    return is_time && *seconds > 0 && *seconds < 1e6;
}

/* Parses "64,32", which may end with a comma. */
static bool parse_widths(const char *text, tool_options *options)
{
    static const option_line width = {.low = 1, .high = MLP_MAX_WIDTH};
    char word[16];
    options->n_hidden = 0;
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        (void)snprintf(word, sizeof word, "%.*s", (int)length, text);
        if (options->n_hidden == TOOL_MAX_HIDDEN || length >= sizeof word ||
            !parse_count(&width, word, &options->hidden[options->n_hidden++])) {
            return false;
        }
        text += length + (text[length] == ',');
    }
    return options->n_hidden > 0;
}

/* Parses the word after --task. */
static bool parse_task(const char *text, tool_task *task)
{
    *task =
        strcmp(text, "classes") == 0 ? TOOL_TASK_CLASSES : TOOL_TASK_NUMBERS;
    return *task == TOOL_TASK_CLASSES || strcmp(text, "numbers") == 0;
}

/* Ends the program for a value that is not what the option expects: says what
 * that is, and what came. */
_Noreturn static void refuse_value(const option_line *l, const char *text)
{
    char range[80];
    (void)snprintf(range, sizeof range, "a %snumber from %.10g to %.10g",
                   l->kind == COUNT ? "whole " : "", l->low, l->high);
    mlpi_tool_refuse("--%s expects %s, got \"%s\"", l->name,
                     l->kind == TIME     ? "a time such as 60s, 5m or 1h"
                     : l->kind == WIDTHS ? "1 to 8 widths such as 64,32"
                     : l->kind == TASK   ? "classes or numbers"
                                         : range,
                     text);
}

/* Parses an argument, and writes it to its place. The kind tells the type that
 * stands there. Returns false if the argument is not what is expected. */
static bool parse_value(const option_line *l, const char *text,
                        tool_options *options)
{
    void *place = (char *)options + l->place;
    switch (l->kind) {
    case TEXT:
        *(const char **)place = text;
        return true;
    case FLAG:
        *(bool *)place = true;
        return true;
    case COUNT:
        return parse_count(l, text, place);
    case NUMBER:
        return parse_number(l, text, place);
    case TIME:
        return parse_time(text, place);
    case WIDTHS:
        return parse_widths(text, options);
    default:
        return parse_task(text, place);
    }
}

/* Takes the operands that getopt_long has moved to the end. */
static void take_operands(int argc, char **argv, const tool_verb *verb,
                          tool_options *options)
{
    size_t n = (size_t)(argc - optind);
    if (n < verb->least || n > verb->most) {
        mlpi_tool_refuse("%s expects %s, got %zu argument%s", verb->name,
                         verb->usage, n, n == 1 ? "" : "s");
    }
    for (size_t i = 0; i < n; i++) {
        options->operands[i] = argv[(size_t)optind + i];
    }
}

/* getopt_long returns 'o', 256 + the number of the line, or '?' and ':' for
 * what is no option and for a missing argument; the latter because the short
 * options begin with a colon. */
tool_options mlpi_tool_parse(int argc, char **argv, const tool_verb *verb)
{
    struct option longs[N_LINES + 1] = {0};
    for (size_t i = 0; i < N_LINES; i++) {
        longs[i] = (struct option){lines[i].name,
                                   lines[i].kind == FLAG ? no_argument
                                                         : required_argument,
                                   NULL, (int)(256 + i)};
    }
    tool_options options = {.epochs = MLP_AUTO_COUNT,
                            .rate = MLP_AUTO,
                            .dropout = MLP_AUTO,
                            .seed = 42};
    opterr = 0; /* the messages are ours */
    for (int found;
         (found = getopt_long(argc, argv, ":o:", longs, NULL)) != -1;) {
        if (found == ':') {
            mlpi_tool_refuse("%s needs a value", argv[optind - 1]);
        }
        if (found == '?') {
            mlpi_tool_refuse("there is no option %s; mlp --help lists them",
                             argv[optind - 1]);
        }
        const option_line *l = &lines[found == 'o' ? 0 : found - 256];
        if (!strstr(l->verbs, verb->name)) {
            mlpi_tool_refuse("%s has no option --%s; it belongs to %s",
                             verb->name, l->name, l->verbs);
        }
        if (!parse_value(l, optarg, &options)) {
            refuse_value(l, optarg);
        }
    }
    take_operands(argc, argv, verb, &options);
    return options;
}
