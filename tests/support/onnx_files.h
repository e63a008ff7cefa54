/* SPDX-License-Identifier: MIT */
/*
 * Reads the ONNX files that tests/vectors/make_onnx.py has made with other
 * software. tests/vectors/onnx_<name>.txt contains
 *
 *     X rows inputs    the numbers of X, row by row
 *     A rows outputs   what the other software predicts for these rows
 *     file name size   the bytes of the file as hexadecimal digits
 *
 * and, if the model has external data, a second file. onnx_cases.txt has many
 * of these, each after a line "case <name>"; make_onnx_cases.py writes it.
 * onnx_refused.txt contains files that must be refused, each with a status and
 * a part of the message.
 */
#ifndef TESTS_ONNX_FILES_H
#define TESTS_ONNX_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlp.h"

enum { FOREIGN_MAX = 4096, FOREIGN_NUMBERS = 64 };

typedef struct foreign {
    size_t rows, inputs, outputs;
    double X[FOREIGN_NUMBERS], A[FOREIGN_NUMBERS];
    char name[2][32];
    unsigned char bytes[2][FOREIGN_MAX];
    size_t size[2];
} foreign;

static const char *const foreign_names[] = {
    "torch_gates", "torch_flatten",     "torch_norm",   "torch_double",
    "torch_view",  "torch_static",      "torch_column", "keras",
    "sklearn_two", "sklearn_regressor", "gemm",         "beside"};

/* Returns the text of onnx_<name>.txt, which the caller frees; NULL if it
 * cannot be read. */
static inline char *read_onnx_text(const char *folder, const char *name)
{
    enum { MAX_BYTES = 1 << 18 };
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/onnx_%s.txt", folder, name);
    FILE *from = fopen(path, "r");
    char *text = calloc(1, MAX_BYTES);
    bool good = from && text && fread(text, 1, MAX_BYTES - 1, from) > 0;
    if (from) {
        (void)fclose(from);
    }
    if (!good) {
        free(text);
        return NULL;
    }
    return text;
}

/* Skips the word if it is the next one. Returns true if it was. */
static inline bool skip_word(char **at, const char *word)
{
    while (**at == ' ' || **at == '\n') {
        (*at)++;
    }
    bool is_next = strncmp(*at, word, strlen(word)) == 0;
    *at += is_next ? strlen(word) : 0;
    return is_next;
}

/* Reads characters up to one of `ends`: the rest of a line or of a word. */
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
    bool good = n <= FOREIGN_MAX;
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

/* Reads X, A and the files. Returns false if the text is anything else. */
static inline bool read_numbers_and_files(char **at, foreign *f)
{
    memset(f, 0, sizeof *f);
    bool good = skip_word(at, "X");
    if (good) {
        read_matrix(at, &f->rows, &f->inputs, f->X);
        good = skip_word(at, "A");
    }
    if (good) {
        read_matrix(at, &f->rows, &f->outputs, f->A);
    }
    for (size_t i = 0; good && i < 2 && skip_word(at, "file"); i++) {
        read_until(at, " ", f->name[i], sizeof f->name[i]);
        f->size[i] = strtoul(*at, at, 10);
        good = read_hex(at, f->size[i], f->bytes[i]);
    }
    return good && f->size[0] > 0;
}

/* Reads onnx_<name>.txt. Returns false if it cannot be read. */
static inline bool read_foreign(const char *folder, const char *name,
                                foreign *f)
{
    char *text = read_onnx_text(folder, name);
    char *at = text;
    bool good = text && read_numbers_and_files(&at, f);
    free(text);
    return good;
}

/* Reads the next case of the text onnx_cases.txt, whose name goes to `name`.
 * Returns false at its end. */
static inline bool read_case(char **at, char *name, size_t n, foreign *f)
{
    if (!skip_word(at, "case")) {
        return false;
    }
    read_until(at, "\n", name, n);
    return read_numbers_and_files(at, f);
}

/* A file that must be refused, with the status and a part of the message. */
typedef struct refused {
    int status;
    char message[128];
    unsigned char bytes[FOREIGN_MAX];
    size_t size;
} refused;

/* Reads the next file of the text onnx_refused.txt. Returns false at its
 * end. */
static inline bool read_refused(char **at, refused *f)
{
    if (!skip_word(at, "refused")) {
        return false;
    }
    f->status = (int)strtol(*at, at, 10);
    f->size = strtoul(*at, at, 10);
    read_until(at, "\n", f->message, sizeof f->message);
    return read_hex(at, f->size, f->bytes);
}

#endif
