/* SPDX-License-Identifier: MIT */
/*
 * mlp: trains a network on a table, and tests, uses, shows and exports it. The
 * first argument is the verb, which the table below leads to its function.
 */
#include "tool/options.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tool/talk.h"

/* A verb takes from `least` to `most` operands. --help prints its usage, and
 * says what it does. */
typedef struct verb {
    const char *name;
    unsigned bit; /* in option tables */
    size_t least, most;
    int (*run)(const tool_options *options);
    const char *usage, *help;
} verb;

static const verb verbs[] = {
    {"train", TOOL_TRAIN, 2, 2, mlpi_tool_train, "TABLE TARGET",
     "learn the column TARGET from the others"},
    {"test", TOOL_TEST, 2, 3, mlpi_tool_test, "MODEL TABLE [LABELS]",
     "score the model on another table"},
    {"predict", TOOL_PREDICT, 2, 2, mlpi_tool_predict, "MODEL TABLE|-",
     "print TABLE with the answers as new columns"},
    {"info", TOOL_INFO, 1, 1, mlpi_tool_info, "MODEL",
     "say what the model is and how it was trained"},
    {"export", TOOL_EXPORT, 2, 2, mlpi_tool_export, "MODEL FILE",
     "write the model as FILE.c, FILE.onnx or FILE.safetensors"},
};

enum { N_VERBS = sizeof verbs / sizeof *verbs };

/* Prints verbs and options; mlp.1 tells the rest. A test compares the two. */
static void print_help(void)
{
    printf(
        "mlp trains neural networks (multi-layer perceptrons) on tables, and "
        "uses them.\n\n");
    for (size_t i = 0; i < N_VERBS; i++) {
        char left[40];
        (void)snprintf(left, sizeof left, "mlp %s %s", verbs[i].name,
                       verbs[i].usage);
        printf("  %-30s %s\n", left, verbs[i].help);
    }
    printf(
        "\nTABLE is CSV, NPY or IDX (also packed as .gz), or FANN's .data. "
        "TARGET is a\ncolumn, or a file that holds it (MNIST's labels). MODEL "
        "is what train writes.\n");
    mlpi_tool_print_options();
    printf("\nmlp --help prints this text, mlp --version the version; man mlp "
           "tells more.\n");
}

/* Returns the verb of a name, or NULL if there is none. */
static const verb *find_verb(const char *name)
{
    for (size_t i = 0; i < N_VERBS; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
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
static int run(int argc, char **argv)
{
    if (wants_help(argc, argv)) {
        print_help();
        return TOOL_DONE;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("mlp %s\n", mlp_version());
        return TOOL_DONE;
    }
    const verb *v = argc > 1 ? find_verb(argv[1]) : NULL;
    if (!v) {
        mlpi_tool_complain(
            "expects train, test, predict, info or export%s%s%s; "
            "mlp --help tells more",
            argc > 1 ? ", got \"" : "", argc > 1 ? argv[1] : "",
            argc > 1 ? "\"" : "");
        return TOOL_MISUSED;
    }
    tool_options options;
    int status = mlpi_tool_parse(argc - 1, argv + 1, v->bit, v->least, v->most,
                                 &options);
    return status == TOOL_DONE ? v->run(&options) : status;
}

/* Closes the standard output itself: a full disk often shows only then, and a
 * program that takes the output must not believe that it is whole. */
int main(int argc, char **argv)
{
#ifdef SIGPIPE
    /* Writing into a closed pipe then fails with EPIPE, which is told. */
    (void)signal(SIGPIPE, SIG_IGN);
#endif
    int status = run(argc, argv);
    errno = 0;
    bool is_written = !ferror(stdout);
    is_written = fclose(stdout) == 0 && is_written;
    if (!is_written && status == TOOL_DONE) {
        mlpi_tool_complain("the standard output could not be written%s%s",
                           errno ? ": " : "", errno ? strerror(errno) : "");
        status = TOOL_FAILED;
    }
    return status;
}
