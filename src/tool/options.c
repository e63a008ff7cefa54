/* SPDX-License-Identifier: MIT */
/*
 * The table of options. A line holds the option's name and letter, its argument
 * as --help shows it, the verbs that take it, what its argument must be, where
 * the value goes, and its line of --help. getopt_long finds options between
 * operands, and accepts `--name=value`, `--name value` and unique beginnings of
 * names.
 */
#include "tool/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/talk.h"

typedef enum kind { TEXT, FLAG, COUNT, NUMBER, TIME, WIDTHS, TASK } kind;

typedef struct option_line {
    const char *name;
    char letter; /* or 0 */
    const char *argument;
    unsigned verbs;
    kind kind;
    double low, high; /* of COUNT and NUMBER; both are allowed */
    size_t place;     /* in tool_options */
    const char *help;
} option_line;

#define PLACE(field) offsetof(tool_options, field)

static const option_line lines[] = {
    {"output", 'o', "FILE", TOOL_TRAIN, TEXT, 0, 0, PLACE(output),
     "the file to write (TABLE's name with .mlp)"},
    {"layers", 0, "N,N,...", TOOL_TRAIN, WIDTHS, 0, 0, PLACE(hidden),
     "neurons of the hidden layers (by the size of TABLE)"},
    {"epochs", 0, "N", TOOL_TRAIN, COUNT, 0, 1e9, PLACE(epochs),
     "passes over the rows (by the size of TABLE)"},
    {"rate", 0, "X", TOOL_TRAIN, NUMBER, 1e-12, 1e6, PLACE(rate),
     "learning rate (0.001)"},
    {"dropout", 0, "P", TOOL_TRAIN, NUMBER, 0, 0.99, PLACE(dropout),
     "part of the hidden neurons that each step leaves out"},
    {"seed", 0, "N", TOOL_TRAIN, COUNT, 0, 4294967295.0, PLACE(seed),
     "seeds rows held out, weights and orders (42)"},
    {"task", 0, "KIND", TOOL_TRAIN, TASK, 0, 0, PLACE(task),
     "classes or numbers: what TARGET holds"},
    {"ignore", 0, "COL,...", TOOL_TRAIN, TEXT, 0, 0, PLACE(ignore),
     "columns to leave out: the number of the row, say"},
    {"cv", 0, "K", TOOL_TRAIN, COUNT, 2, 1e6, PLACE(folds),
     "also score K networks, each on a K-th of the rows"},
    {"tune", 0, "TIME", TOOL_TRAIN, TIME, 0, 0, PLACE(tune_seconds),
     "search layers, rate and dropout for 60s, 5m or 1h"},
    {"from", 0, "MODEL", TOOL_TRAIN, TEXT, 0, 0, PLACE(from),
     "go on from a trained network"},
    {"int8", 0, NULL, TOOL_EXPORT, FLAG, 0, 0, PLACE(int8),
     "C code of 8-bit integers, which needs --rows"},
    {"rows", 0, "TABLE", TOOL_EXPORT, TEXT, 0, 0, PLACE(rows),
     "rows from which --int8 takes the ranges of numbers"},
    {"plot", 0, "FILE", TOOL_TRAIN | TOOL_TEST | TOOL_INFO, TEXT, 0, 0,
     PLACE(plot), "draw a picture, *.svg or *.png (- : in the terminal)"},
    {"json", 0, NULL, TOOL_TRAIN | TOOL_TEST | TOOL_PREDICT | TOOL_INFO, FLAG,
     0, 0, PLACE(json), "print the result as JSON to the standard output"},
};

enum { N_LINES = sizeof lines / sizeof *lines };

/* The names of the verbs, in the order of their bits. */
static const char *const verb_names[] = {"train", "test", "predict", "info",
                                         "export"};
enum { N_VERBS = sizeof verb_names / sizeof *verb_names };

/* ---------------------------------------------------------------------------
 * Help
 */

/* Fills names[] with the verbs of an option: "train, test: ". */
static void name_verbs(unsigned verbs, char *names, size_t size)
{
    size_t n = 0;
    names[0] = '\0';
    for (size_t v = 0; v < N_VERBS && n < size; v++) {
        if (verbs >> v & 1) {
            n += (size_t)snprintf(names + n, size - n, "%s%s",
                                  n > 0 ? ", " : "", verb_names[v]);
        }
    }
}

void mlpi_tool_print_options(void)
{
    unsigned verbs = 0;
    for (size_t i = 0; i < N_LINES; i++) {
        const option_line *l = &lines[i];
        char left[40];
        char names[64];
        if (l->verbs != verbs) {
            verbs = l->verbs;
            name_verbs(verbs, names, sizeof names);
            printf("\nOptions of %s:\n", names);
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

static bool parse_count(const option_line *l, const char *text, size_t *value)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    *value = (size_t)n;
    /* strtoull would accept blanks and signs, even -1. */
    if (isdigit((unsigned char)text[0]) && *end == '\0' && errno == 0 &&
        (double)n >= l->low && (double)n <= l->high) {
        return true;
    }
    mlpi_tool_complain("--%s expects a whole number from %.0f to %.0f, got "
                       "\"%s\"",
                       l->name, l->low, l->high, text);
    return false;
}

static bool parse_number(const option_line *l, const char *text, double *value)
{
    char *end = NULL;
    *value = strtod(text, &end);
    if (end != text && *end == '\0' && *value >= l->low && *value <= l->high) {
        return true;
    }
    mlpi_tool_complain("--%s expects a number from %g to %g, got \"%s\"",
                       l->name, l->low, l->high, text);
    return false;
}

/* Parses "90", "90s", "5m" or "1h" as seconds. */
static bool parse_time(const option_line *l, const char *text, double *value)
{
    static const char units[] = "smh";
    char *end = NULL;
    *value = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end) : units;
    if (end != text && unit && (*end == '\0' || end[1] == '\0')) {
        *value *= unit[0] == 'h' ? 3600 : unit[0] == 'm' ? 60 : 1;
        if (*value > 0 && *value <= 1e6) {
            return true;
        }
    }
    mlpi_tool_complain("--%s expects a time such as 60s, 5m or 1h, got \"%s\"",
                       l->name, text);
    return false;
}

/* Parses "64,32" into widths, after which their number stands. */
static bool parse_widths(const option_line *l, const char *text,
                         tool_options *options)
{
    size_t n = 0;
    const char *at = text;
    bool is_right = true;
    while (is_right && n < TOOL_MAX_HIDDEN) {
        char *end = NULL;
        unsigned long width = strtoul(at, &end, 10);
        is_right = isdigit((unsigned char)*at) && width >= 1 &&
                   width <= MLP_MAX_WIDTH && (*end == ',' || *end == '\0');
        options->hidden[n++] = width;
        if (*end == '\0') {
            options->n_hidden = n;
            break;
        }
        at = end + 1;
    }
    if (!is_right || options->n_hidden != n) {
        mlpi_tool_complain("--%s expects 1 to %d widths such as 64,32, got "
                           "\"%s\"",
                           l->name, TOOL_MAX_HIDDEN, text);
        return false;
    }
    return true;
}

static bool parse_task(const option_line *l, const char *text, tool_task *task)
{
    bool is_classes = strcmp(text, "classes") == 0;
    if (is_classes || strcmp(text, "numbers") == 0) {
        *task = is_classes ? TOOL_TASK_CLASSES : TOOL_TASK_NUMBERS;
        return true;
    }
    mlpi_tool_complain("--%s expects classes or numbers, got \"%s\"", l->name,
                       text);
    return false;
}

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
        return parse_time(l, text, place);
    case WIDTHS:
        return parse_widths(l, text, options);
    default:
        return parse_task(l, text, place);
    }
}

/* Takes the operands that getopt_long has moved to the end. */
static bool take_operands(int argc, char **argv, size_t least, size_t most,
                          tool_options *options)
{
    size_t n = (size_t)(argc - optind);
    if (n < least || n > most) {
        const char *verb = argv[0];
        mlpi_tool_complain("%s expects %zu%s argument%s, got %zu; mlp --help "
                           "shows how it is called",
                           verb, n < least ? least : most,
                           least == most ? ""
                           : n < least   ? " or more"
                                         : " or fewer",
                           most == 1 ? "" : "s", n);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        options->operands[i] = argv[(size_t)optind + i];
    }
    options->n_operands = n;
    return true;
}

int mlpi_tool_parse(int argc, char **argv, unsigned verb, size_t least,
                    size_t most, tool_options *options)
{
    struct option longs[N_LINES + 1] = {0};
    for (size_t i = 0; i < N_LINES; i++) {
        longs[i] = (struct option){lines[i].name,
                                   lines[i].kind == FLAG ? no_argument
                                                         : required_argument,
                                   NULL, (int)(256 + i)};
    }
    *options = (tool_options){.epochs = MLP_AUTO_COUNT,
                              .rate = MLP_AUTO,
                              .dropout = MLP_AUTO,
                              .seed = 42};
    opterr = 0;
    for (;;) {
        int found = getopt_long(argc, argv, ":o:", longs, NULL);
        if (found == -1) {
            break;
        }
        if (found == '?' || found == ':') {
            mlpi_tool_complain(found == ':' ? "%s needs a value"
                                            : "there is no option %s; mlp "
                                              "--help lists them",
                               argv[optind - 1]);
            return TOOL_MISUSED;
        }
        const option_line *l = &lines[found == 'o' ? 0 : found - 256];
        if (!(l->verbs & verb)) {
            char names[64];
            name_verbs(l->verbs, names, sizeof names);
            mlpi_tool_complain("%s has no option --%s; it belongs to %s",
                               argv[0], l->name, names);
            return TOOL_MISUSED;
        }
        if (!parse_value(l, optarg, options)) {
            return TOOL_MISUSED;
        }
    }
    return take_operands(argc, argv, least, most, options) ? TOOL_DONE
                                                           : TOOL_MISUSED;
}
