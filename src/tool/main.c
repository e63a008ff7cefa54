/* SPDX-License-Identifier: MIT */
/*
 * mlp: trains a network on a table, and tests, uses, shows and exports it. The
 * first argument is the verb, which is in the file of its name.
 *
 * One table describes every option. A line of it holds the option's name and
 * letter, its argument as --help shows it, the verbs that take it, what its
 * argument must be, where the value goes, and its line of --help. getopt_long
 * finds options between operands, and accepts `--name=value`, `--name value`
 * and unique beginnings of names.
 *
 * The standard output is for data, which another program may read, and standard
 * error for talk. The exit status is 0 if all went well, 1 if something could
 * not be done (a file that is damaged, a full disk), and 2 if it was asked for
 * wrongly (an unknown option, a column that is missing).
 */
/* This declares SIGPIPE. NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _POSIX_C_SOURCE 200809L
#include "tool/options.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const tool_verb *const verbs[] = {&mlpi_tool_train,   &mlpi_tool_test,
                                         &mlpi_tool_predict, &mlpi_tool_info,
                                         &mlpi_tool_export,  NULL};

/* What an argument must be. WIDTHS is a list such as 64,32, TIME is 90, 60s, 5m
 * or 1h, and TASK is a word. A FLAG has no argument. */
typedef enum kind { TEXT, FLAG, COUNT, NUMBER, TIME, WIDTHS, TASK } kind;

typedef struct option_line {
    const char *name;
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

/* The first one has the letter o. Options of the same verbs stand together,
 * because --help prints a title before each group. Limits keep numbers sane,
 * not useful: a rate of 1000 is the user's business. */
static const option_line lines[] = {
    {"output", "FILE", "train", TEXT, 0, 0, PLACE(output),
     "the file to write (TABLE's name with .mlp)"},
    {"layers", "N,N,...", "train", WIDTHS, 0, 0, PLACE(hidden),
     "neurons of the hidden layers (by the size of TABLE)"},
    {"epochs", "N", "train", COUNT, 0, 1e9, PLACE(epochs),
     "passes over the rows (by the size of TABLE)"},
    {"rate", "X", "train", NUMBER, 1e-12, 1e6, PLACE(rate),
     "learning rate at first (by the size of TABLE)"},
    {"dropout", "P", "train", NUMBER, 0, 0.99, PLACE(dropout),
     "part of the hidden neurons that each step leaves out"},
    {"seed", "N", "train", COUNT, 0, 4294967295.0, PLACE(seed),
     "seeds rows held out, weights and orders (42)"},
    {"task", "KIND", "train", TASK, 0, 0, PLACE(task),
     "classes or numbers: what TARGET holds"},
    {"loss", "NAME", "train", TEXT, 0, 0, PLACE(loss),
     "of numbers: mse, mae, huber, quantile, poisson, ..."},
    {"ignore", "COL,...", "train", TEXT, 0, 0, PLACE(ignore),
     "columns to leave out: the number of the row, say"},
    {"cv", "K", "train", COUNT, 2, 1e6, PLACE(folds),
     "also score K networks, each on a K-th of the rows"},
    {"tune", "TIME", "train", TIME, 0, 0, PLACE(tune_seconds),
     "search layers, rate and dropout for 60s, 5m or 1h"},
    {"from", "MODEL", "train", TEXT, 0, 0, PLACE(from),
     "go on from a trained network"},
    {"int8", NULL, "export", FLAG, 0, 0, PLACE(int8),
     "C code of 8-bit integers, which needs --rows"},
    {"rows", "TABLE", "export", TEXT, 0, 0, PLACE(rows),
     "rows from which --int8 takes the ranges of numbers"},
    {"jacobian", NULL, "export", FLAG, 0, 0, PLACE(jacobian),
     "C code that also computes the Jacobian"},
    {"plot", "FILE", "train, test, info", TEXT, 0, 0, PLACE(plot),
     "draw a picture, *.svg or *.png (- : in the terminal)"},
    {"json", NULL, "train, test, predict, info", FLAG, 0, 0, PLACE(json),
     "print the result as JSON to the standard output"},
};

enum { N_LINES = sizeof lines / sizeof *lines };

/* ---------------------------------------------------------------------------
 * Help
 */

/* A column of 20 characters holds the longest option with its argument. */
static void print_options(void)
{
    const char *group = "";
    for (size_t i = 0; i < N_LINES; i++) {
        const option_line *l = &lines[i];
        char left[40];
        if (strcmp(l->verbs, group) != 0) {
            group = l->verbs;
            printf("\nOptions of %s:\n", group);
        }
        (void)snprintf(left, sizeof left, "%s--%s%s%s", i == 0 ? "-o, " : "",
                       l->name, l->argument ? " " : "",
                       l->argument ? l->argument : "");
        printf("  %-20s %s\n", left, l->help);
    }
}

/* Prints verbs and options; mlp.1 tells the rest. A test compares the two. */
static void print_help(void)
{
    printf(
        "mlp trains neural networks (multi-layer perceptrons) on tables, and "
        "uses them.\n\n");
    for (size_t i = 0; verbs[i]; i++) {
        char left[40];
        (void)snprintf(left, sizeof left, "mlp %s %s", verbs[i]->name,
                       verbs[i]->usage);
        printf("  %-30s %s\n", left, verbs[i]->help);
    }
    printf(
        "\nTABLE is CSV, NPY or IDX (also packed as .gz), or FANN's .data. "
        "TARGET is a\ncolumn, or a file that holds it (MNIST's labels). MODEL "
        "is what train writes.\n");
    print_options();
    printf("\nmlp --help prints this text, mlp --version the version; man mlp "
           "tells more.\n");
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
    TOOL_REFUSE("--%s expects %s, got \"%s\"", l->name,
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
        TOOL_REFUSE("%s expects %s, got %zu argument%s", verb->name,
                    verb->usage, n, n == 1 ? "" : "s");
    }
    for (size_t i = 0; i < n; i++) {
        options->operands[i] = argv[(size_t)optind + i];
    }
}

/* Ends the program for what is no option. getopt_long leaves in optopt a letter
 * or, for a word, 0 or what it returns for the word. */
_Noreturn static void refuse_option(const char *argument)
{
    const char letter[] = {'-', (char)optopt, '\0'};
    bool is_letter = optopt > 0 && optopt < 256;
    TOOL_REFUSE("there is no option %s; mlp --help lists them",
                is_letter ? letter : argument);
}

/* getopt_long returns 'o', 256 + the number of the line, or '?' and ':' for
 * what is no option and for a missing argument; the latter because the short
 * options begin with a colon. */
static tool_options parse(int argc, char **argv, const tool_verb *verb)
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
            TOOL_REFUSE("%s needs a value", argv[optind - 1]);
        }
        if (found == '?') {
            refuse_option(argv[optind - 1]);
        }
        const option_line *l = &lines[found == 'o' ? 0 : found - 256];
        if (!strstr(l->verbs, verb->name)) {
            TOOL_REFUSE("%s has no option --%s; it belongs to %s", verb->name,
                        l->name, l->verbs);
        }
        if (!parse_value(l, optarg, &options)) {
            refuse_value(l, optarg);
        }
    }
    take_operands(argc, argv, verb, &options);
    return options;
}

/* ---------------------------------------------------------------------------
 * The program
 */

/* Returns the verb of a name. */
static const tool_verb *find_verb(const char *name)
{
    for (size_t i = 0; verbs[i]; i++) {
        if (strcmp(verbs[i]->name, name) == 0) {
            return verbs[i];
        }
    }
    TOOL_REFUSE("expects train, test, predict, info or export, got \"%s\"; mlp "
                "--help tells more",
                name);
}

/* Returns whether --help is among the arguments. */
static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

/* Runs the verb that the first argument names. --help may stand anywhere,
 * because people add it to a command that does not do what they expect. */
static void run(int argc, char **argv)
{
    if (wants_help(argc, argv)) {
        print_help();
    } else if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("mlp %s\n", mlp_version());
    } else {
        const tool_verb *verb = find_verb(argc > 1 ? argv[1] : "");
        tool_options options = parse(argc - 1, argv + 1, verb);
        verb->run(&options);
    }
}

/* Closes the standard output itself: a full disk often shows only then, and a
 * program that takes the output must not believe that it is whole. */
int main(int argc, char **argv)
{
    /* Writing into a closed pipe then fails with EPIPE, which is told. */
    (void)signal(SIGPIPE, SIG_IGN);
    run(argc, argv);
    errno = 0;
    bool is_written = !ferror(stdout);
    if (fclose(stdout) != 0 || !is_written) {
        TOOL_FAIL("the standard output could not be written%s%s",
                  errno ? ": " : "", errno ? strerror(errno) : "");
    }
    return 0;
}
