/* SPDX-License-Identifier: MIT */
/*
 * Kinds of files: how a reader recognises the files of its format, and what the
 * message says about any other file. People pass the wrong file more often than
 * a damaged one, so the message names what the file is:
 *
 *     iris.csv: not a .mlp file: it begins with "sepal_le"
 *     net.pt: not a .mlp file: it is a zip archive, such as PyTorch's .pt
 */
#ifndef MLPI_BASE_FILE_KIND_H
#define MLPI_BASE_FILE_KIND_H

#include "mlp.h"

/* Bytes that tell the kind of a file. Every file that the library reads has
 * at least these. */
enum { MLPI_FILE_HEAD = 8 };

/* True if a file of `size` bytes may begin with the MLPI_FILE_HEAD bytes at
 * `head`. Each file format has a function of this type. */
typedef bool mlpi_check_head(const unsigned char *head, size_t size);

/* A kind of file, as a caller expects it. */
typedef struct mlpi_file_kind {
    const char *name; /* for messages, with its article: "a .mlp file" */
    mlpi_check_head *begins;
} mlpi_file_kind;

/* Returns what a file is by its first MLPI_FILE_HEAD bytes, in words that end a
 * message: "a zip archive ...". NULL if they do not tell. */
const char *mlpi_content_name(const unsigned char *head);

/* Reports a file that is not of the expected kind, and says what it is or how
 * it begins, as far as the MLPI_FILE_HEAD bytes at `head` tell. `size` is that
 * of the file. Returns MLP_ERR_FORMAT. */
mlp_status mlpi_refuse_content(const mlp_hooks *hooks, const char *path,
                               const mlpi_file_kind *expected,
                               const unsigned char *head, size_t size);

/* Returns true if a byte continues a character of UTF-8, so that a name must
 * not be cut before it. */
static inline bool mlpi_continues_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* The bytes of a path that a message shows, with the closing zero. They leave
 * room for the reason, which comes last. */
enum { MLPI_SHOWN_PATH = 121 };

/* Returns the path as messages show it: a long one is cut in the middle, "..."
 * in its place, and written to `shown`. */
const char *mlpi_shown_path(const char *path, char shown[MLPI_SHOWN_PATH]);

#endif
