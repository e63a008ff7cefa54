/* SPDX-License-Identifier: MIT */
/*
 * The command lines of the examples: moons has many flags, xor has only
 * --precision, digits takes a file, other programs take nothing. Every program
 * says on --help what it shows. A wrong argument ends the program with status 2
 * and one line that says what was expected.
 */
#ifndef LIBMLP_EXAMPLE_FLAGS_H
#define LIBMLP_EXAMPLE_FLAGS_H

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <mlp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void refuse(const char *flag, const char *expected,
                          const char *came)
{
    (void)fprintf(stderr, "%s: expected %s, got '%s'\n", flag, expected, came);
    exit(2);
}

static inline mlp_dtype parse_precision(const char *text)
{
    if (strcmp(text, "f64") != 0 && strcmp(text, "f32") != 0) {
        refuse("--precision", "f64 or f32", text);
    }
    return strcmp(text, "f32") == 0 ? MLP_F32 : MLP_F64;
}

/* What --help prints about a program. */
typedef struct usage {
    const char *program, *arguments, *shows;
} usage;

/* Prints it and ends the program if the argument is --help. */
static inline void print_help_if_asked(usage u, const char *argument)
{
    if (strcmp(argument, "--help") == 0) {
        printf("%s%s%s\n%s\n", u.program, *u.arguments == '\0' ? "" : " ",
               u.arguments, u.shows);
        exit(0);
    }
}

/* Reads the command line of a program that takes no arguments. */
static inline void parse_nothing(const char *program, const char *shows,
                                 int argc, char **argv)
{
    if (argc > 1) {
        print_help_if_asked((usage){program, "", shows}, argv[1]);
        refuse(program, "no argument but --help", argv[1]);
    }
}

/* Reads the command line of a program that takes the name of a file or nothing.
 * Returns NULL for nothing. */
static inline const char *
parse_only_file(const char *program, const char *shows, int argc, char **argv)
{
    if (argc < 2) {
        return NULL;
    }
    print_help_if_asked((usage){program, "[FILE]", shows}, argv[1]);
    if (argv[1][0] == '-' || argc > 2) {
        refuse(program, "one file, or --help", argv[argc > 2 ? 2 : 1]);
    }
    return argv[1];
}

/* Reads the command line of a program whose only flag is --precision. */
static inline mlp_dtype parse_only_precision(const char *program,
                                             const char *shows, int argc,
                                             char **argv)
{
    mlp_dtype precision = MLP_F64;
    for (int i = 1; i < argc; i += 2) {
        print_help_if_asked((usage){program, "[--precision f64|f32]", shows},
                            argv[i]);
        if (strcmp(argv[i], "--precision") != 0 || i + 1 == argc) {
            refuse(program, "--precision f64 or f32, or --help", argv[i]);
        }
        precision = parse_precision(argv[i + 1]);
    }
    return precision;
}

/* ---------------------------------------------------------------------------
 * The command line of moons
 */

static const char moons_usage[] =
    "moons: trains a network to tell two moons apart (chapter 5)\n"
    "  --epochs N            passes over the training rows (2000)\n"
    "  --lr X                learning rate (0.1)\n"
    "  --hidden N,N,...      neurons of the hidden layers (16,8)\n"
    "  --noise X             standard deviation of the points' noise (0.2)\n"
    "  --samples N           points, an even number (500)\n"
    "  --seed N              of data, split and weights (42)\n"
    "  --every N             epochs from line to line (200)\n"
    "  --precision f64|f32   of the network (f64)\n"
    "  --help                this text\n";

/* Training on a million points takes half a gigabyte. */
enum { MOST_SAMPLES = 1000000, MOST_EPOCHS = 1000000000, MOST_NEURONS = 10000 };

typedef struct settings {
    size_t epochs, samples, every;
    double lr, noise;
    uint32_t seed;
    mlp_dtype precision;
    mlp_layer layers[MLP_MAX_LAYERS]; /* hidden layers, then the output */
    size_t n_layers;
} settings;

static inline size_t parse_count(const char *flag, const char *text, size_t low,
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
        refuse(flag, expected, text);
    }
    return (size_t)n;
}

static inline double parse_number(const char *flag, const char *text, bool zero)
{
    char *end = NULL;
    double x = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(x) || x < 0 ||
        (x == 0 && !zero)) {
        refuse(flag, zero ? "a number, 0 or above" : "a number above 0", text);
    }
    return x;
}

/* Reads "16,8", the neurons of hidden layers with ReLU. The caller adds the
 * output layer. */
static inline void parse_hidden(settings *s, const char *list)
{
    s->n_layers = 0;
    const char *text = list;
    for (size_t length;; text += length + 1) {
        length = strcspn(text, ",");
        char width[24]; /* a longer number is too large even if cut */
        (void)snprintf(width, sizeof width, "%.*s", (int)length, text);
        if (s->n_layers == MLP_MAX_LAYERS - 1) {
            refuse("--hidden", "at most 255 layers", list);
        }
        s->layers[s->n_layers++] = (mlp_layer){
            .width = parse_count("--hidden", width, 1, MOST_NEURONS),
            .activation = MLP_ACT_RELU};
        if (text[length] == '\0') {
            break;
        }
    }
    s->layers[s->n_layers++] =
        (mlp_layer){.width = 1, .activation = MLP_ACT_SIGMOID};
}

static inline void parse_flag(settings *s, const char *flag, const char *value)
{
    if (strcmp(flag, "--epochs") == 0) {
        s->epochs = parse_count(flag, value, 0, MOST_EPOCHS);
    } else if (strcmp(flag, "--lr") == 0) {
        s->lr = parse_number(flag, value, false);
    } else if (strcmp(flag, "--hidden") == 0) {
        parse_hidden(s, value);
    } else if (strcmp(flag, "--noise") == 0) {
        s->noise = parse_number(flag, value, true);
    } else if (strcmp(flag, "--samples") == 0) {
        s->samples = parse_count(flag, value, 2, MOST_SAMPLES);
        if (s->samples % 2 != 0) {
            refuse(flag, "an even number, half for each moon", value);
        }
    } else if (strcmp(flag, "--seed") == 0) {
        s->seed = (uint32_t)parse_count(flag, value, 0, UINT32_MAX);
    } else if (strcmp(flag, "--every") == 0) {
        s->every = parse_count(flag, value, 1, MOST_EPOCHS);
    } else if (strcmp(flag, "--precision") == 0) {
        s->precision = parse_precision(value);
    } else {
        refuse("moons", "a flag that --help names", flag);
    }
}

static inline settings parse_settings(int argc, char **argv)
{
    settings s = {.epochs = 2000,
                  .samples = 500,
                  .every = 200,
                  .lr = 0.1,
                  .noise = 0.2,
                  .seed = 42,
                  .precision = MLP_F64};
    parse_hidden(&s, "16,8");
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--help") == 0) {
            printf("%s", moons_usage);
            exit(0);
        }
        if (i + 1 == argc) {
            refuse("moons", "a flag and its value", argv[i]);
        }
        parse_flag(&s, argv[i], argv[i + 1]);
    }
    return s;
}

#endif
