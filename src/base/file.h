/* SPDX-License-Identifier: MIT */
/*
 * Files are read whole or in part, and replaced whole.
 *
 * New content is written to a temporary file in the same folder and flushed
 * to the disk; then the temporary file takes the name of the old one, which is
 * one atomic operation of the file system. So under that name there is always
 * the old content or the new one, complete, even if the program or the machine
 * stops in between. Only ordinary files are read or replaced: no folders, pipes
 * or devices.
 *
 * Every failure is reported with the path, what failed, and the system's
 * reason.
 */
#ifndef MLPI_BASE_FILE_H
#define MLPI_BASE_FILE_H

#include "base/file_kind.h"
#include "mlp.h"

/* ---------------------------------------------------------------------------
 * Reading
 */

typedef struct mlpi_file_content {
    unsigned char *bytes; /* a block, to be released by mlpi_release */
    size_t size;
} mlpi_file_content;

/* Reads a whole file. kind->begins is called before any memory is allocated, so
 * a path to a wrong, huge file costs nothing. The message about such a file
 * says what it is or how it begins. MLP_ERR_IO, MLP_ERR_FORMAT (another kind of
 * file), MLP_ERR_MEMORY. */
mlp_status mlpi_file_read(const mlp_hooks *hooks, const char *path,
                          const mlpi_file_kind *kind, mlpi_file_content *file);

/* Reads `size` bytes from `offset` on into the caller's `bytes`. If `bytes` is
 * NULL, the function only checks that the file has so many, so that a caller
 * need not allocate them in vain. A symbolic link is not followed, because the
 * path stands in another file, which the user may not have written. MLP_ERR_IO,
 * MLP_ERR_FORMAT. */
mlp_status mlpi_file_read_part(const mlp_hooks *hooks, const char *path,
                               size_t offset, size_t size,
                               unsigned char *bytes);

/* ---------------------------------------------------------------------------
 * Writing
 */

/* Makes n bytes the content of a file, which may exist or not. The permissions
 * of an old file stay. On failure the old content stays, and no temporary file
 * is left. MLP_ERR_IO, MLP_ERR_MEMORY. */
mlp_status mlpi_file_write(const mlp_hooks *hooks, const char *path,
                           const void *bytes, size_t n);

/* A file and what it shall contain. */
typedef struct mlpi_new_file {
    const char *path;
    const void *bytes;
    size_t size;
} mlpi_new_file;

enum { MLPI_FILE_MAX_WRITES = 2 };

/* Writes up to MLPI_FILE_MAX_WRITES files that belong together. All of them are
 * on the disk under temporary names before the first is renamed. So a full disk
 * leaves all old files; only a failure of a rename, which needs no space, can
 * leave some old files and some new ones. */
mlp_status mlpi_file_write_all(const mlp_hooks *hooks,
                               const mlpi_new_file *files, size_t n);

#endif
