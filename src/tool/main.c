/* SPDX-License-Identifier: MIT */
/*
 * mlp: trains a network on a table, and tests, uses, shows and exports it. The
 * first argument is the verb, which is in the file of its name.
 */
/* For SIGPIPE. */
#define _POSIX_C_SOURCE 200809L
#include "tool/options.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const tool_verb *const verbs[] = {&mlpi_tool_train,   &mlpi_tool_test,
                                         &mlpi_tool_predict, &mlpi_tool_info,
                                         &mlpi_tool_export,  NULL};

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
    mlpi_tool_print_options();
    printf("\nmlp --help prints this text, mlp --version the version; man mlp "
           "tells more.\n");
}

/* Returns the verb of a name. */
static const tool_verb *find_verb(const char *name)
{
    for (size_t i = 0; verbs[i]; i++) {
        if (strcmp(verbs[i]->name, name) == 0) {
            return verbs[i];
        }
    }
    mlpi_tool_refuse(
        "expects train, test, predict, info or export, got \"%s\"; "
        "mlp --help tells more",
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
        tool_options options = mlpi_tool_parse(argc - 1, argv + 1, verb);
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
        mlpi_tool_fail("the standard output could not be written%s%s",
                       errno ? ": " : "", errno ? strerror(errno) : "");
    }
    return 0;
}
