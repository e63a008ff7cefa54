/* SPDX-License-Identifier: MIT */
/*
 * Files: read whole, and replaced whole. The new content goes to a temporary
 * file in the same folder, to the disk, and then takes the name of the old
 * file, in one step of the file system: there is always the one or the other,
 * whole. Only ordinary files are read or replaced.
 */
#ifndef MLPI_BASE_FILE_H
#define MLPI_BASE_FILE_H

#include "mlp.h"

typedef struct mlpi_file_content {
    unsigned char *bytes; /* to be released by mlpi_release */
    size_t size;
} mlpi_file_content;

enum { MLPI_FILE_HEAD = 8 };

/* Reads a file, if it has MLPI_FILE_HEAD bytes, and `begins` finds that one of
 * this size may begin with them: before that nothing is allocated. MLP_ERR_IO,
 * MLP_ERR_FORMAT. */
mlp_status mlpi_file_read(const mlp_hooks *hooks, const char *path,
                          bool (*begins)(const unsigned char *head,
                                         size_t size),
                          mlpi_file_content *file);

/* Reads part.size bytes from `offset` on to part.bytes; where that is NULL,
 * only looks whether they are there. A symbolic link is not followed.
 * MLP_ERR_IO, MLP_ERR_FORMAT. */
mlp_status mlpi_file_read_part(const mlp_hooks *hooks, const char *path,
                               size_t offset, mlpi_file_content part);

/* Makes n bytes the content of a file, old or new. Where that fails there is no
 * temporary file left. MLP_ERR_IO. */
mlp_status mlpi_file_write(const mlp_hooks *hooks, const char *path,
                           const void *bytes, size_t n);

/* Likewise of up to MLPI_FILE_MAX_WRITES files: all are on the disk before the first
 * takes its name, so that only a failure of that last step, which needs no
 * room, can leave some old and some new. */
typedef struct mlpi_new_file {
    const char *path;
    const void *bytes;
    size_t size;
} mlpi_new_file;

enum { MLPI_FILE_MAX_WRITES = 2 };

mlp_status mlpi_file_write_all(const mlp_hooks *hooks,
                               const mlpi_new_file *parts, size_t n);

#endif
