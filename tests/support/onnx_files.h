/* SPDX-License-Identifier: MIT */
/*
 * The ONNX files of tests/vectors/make_onnx.py: tests/vectors/onnx_<name>.txt
 * has rows X and A, and the bytes of one file or two as hexadecimal text;
 * onnx_refused.txt has files with status and message.
 */
#ifndef TESTS_ONNX_FILES_H
#define TESTS_ONNX_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlp.h"

enum { FOREIGN_MOST = 4096, FOREIGN_NUMBERS = 64 };

typedef struct foreign {
    size_t rows, inputs, outputs;
    double X[FOREIGN_NUMBERS], A[FOREIGN_NUMBERS];
    char name[2][32];
    unsigned char bytes[2][FOREIGN_MOST];
    size_t size[2];
} foreign;

static const char *const foreign_names[] = {
    "torch_gates", "torch_flatten",     "torch_norm",   "torch_double",
    "torch_view",  "torch_static",      "torch_column", "keras",
    "sklearn_two", "sklearn_regressor", "gemm",         "beside"};

/* All of tests/vectors/onnx_<name>.txt, to be freed; NULL: it is not there. */
static inline char *read_onnx_text(const char *folder, const char *name)
{
    enum { MOST = 1 << 17 };
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/onnx_%s.txt", folder, name);
    FILE *from = fopen(path, "r");
    char *text = calloc(1, MOST);
    bool good = from && text && fread(text, 1, MOST - 1, from) > 0;
    if (from) {
        (void)fclose(from);
    }
    if (!good) {
        free(text);
        return NULL;
    }
    return text;
}

/* Passes the word, if it is the next one. */
static inline bool pass_word(char **at, const char *word)
{
    while (**at == ' ' || **at == '\n') {
        (*at)++;
    }
    bool is_next = strncmp(*at, word, strlen(word)) == 0;
    *at += is_next ? strlen(word) : 0;
    return is_next;
}

/* The rest of the line, or of the word. */
static inline void read_until(char **at, const char *ends, char *word, size_t n)
{
    *at += strspn(*at, " ");
    size_t length = strcspn(*at, ends);
    (void)snprintf(word, n, "%.*s", (int)length, *at);
    *at += length;
}

static inline void read_matrix(char **at, size_t *rows, size_t *cols,
                               double *numbers)
{
    *rows = strtoul(*at, at, 10);
    *cols = strtoul(*at, at, 10);
    for (size_t i = 0; i < *rows * *cols && i < FOREIGN_NUMBERS; i++) {
        numbers[i] = strtod(*at, at);
    }
}

static inline bool read_hex(char **at, size_t n, unsigned char *bytes)
{
    static const char digits[] = "0123456789abcdef";
    bool good = n <= FOREIGN_MOST;
    for (size_t i = 0; good && i < 2 * n; i++) {
        *at += strspn(*at, "\n");
        const char *digit = **at ? strchr(digits, **at) : NULL;
        good = digit != NULL;
        if (good) {
            unsigned high = i % 2 ? bytes[i / 2] * 16u : 0;
            bytes[i / 2] = (unsigned char)(high + (unsigned)(digit - digits));
            (*at)++;
        }
    }
    return good;
}

/* False if it cannot be read. */
static inline bool read_foreign(const char *folder, const char *name,
                                foreign *f)
{
    char *text = read_onnx_text(folder, name);
    char *at = text;
    memset(f, 0, sizeof *f);
    bool good = text && pass_word(&at, "X");
    if (good) {
        read_matrix(&at, &f->rows, &f->inputs, f->X);
        good = pass_word(&at, "A");
    }
    if (good) {
        read_matrix(&at, &f->rows, &f->outputs, f->A);
    }
    for (size_t i = 0; good && i < 2 && pass_word(&at, "file"); i++) {
        read_until(&at, " ", f->name[i], sizeof f->name[i]);
        f->size[i] = strtoul(at, &at, 10);
        good = read_hex(&at, f->size[i], f->bytes[i]);
    }
    free(text);
    return good && f->size[0] > 0;
}

/* A file that cannot be read, and what is said about it. */
typedef struct refused {
    int status;
    char message[128];
    unsigned char bytes[FOREIGN_MOST];
    size_t size;
} refused;

/* The next one in the text of onnx_refused.txt; false at its end. */
static inline bool read_refused(char **at, refused *f)
{
    if (!pass_word(at, "refused")) {
        return false;
    }
    f->status = (int)strtol(*at, at, 10);
    f->size = strtoul(*at, at, 10);
    read_until(at, "\n", f->message, sizeof f->message);
    return read_hex(at, f->size, f->bytes);
}

#endif
