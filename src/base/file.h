/* SPDX-License-Identifier: MIT */
/*
 * Reading files, whole or in part. Only regular files are read: no folders,
 * pipes or devices.
 *
 * Every failure is reported with the path, what failed, and the system's
 * reason. A thread is not cancelled while it reads (host.h): nobody would close
 * the file.
 */
#ifndef MLPI_BASE_FILE_H
#define MLPI_BASE_FILE_H

#include "base/file_kind.h"
#include "mlp.h"

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

/* The rules of a format whose files begin with a header that says how long they
 * are. */
typedef struct mlpi_file_rules {
    /* Returns how many bytes head and header have together. */
    size_t (*header_size)(const unsigned char *head);
    /* Checks the header against the size of the file, with a message. */
    mlp_status (*check_header)(const mlp_hooks *hooks,
                               const unsigned char *header, size_t n,
                               size_t file_size);
} mlpi_file_rules;

/* Like mlpi_file_read, but the header of a large file is read and checked
 * before memory is allocated for the rest: a sparse file may claim any size. */
mlp_status mlpi_file_read_headed(const mlp_hooks *hooks, const char *path,
                                 const mlpi_file_kind *kind,
                                 const mlpi_file_rules *rules,
                                 mlpi_file_content *file);

/* Reads `size` bytes from `offset` on into the caller's `bytes`. If `bytes` is
 * NULL, the function only checks that the file has so many, so that a caller
 * need not allocate them in vain. Symbolic links are followed. MLP_ERR_IO,
 * MLP_ERR_FORMAT. */
mlp_status mlpi_file_read_part(const mlp_hooks *hooks, const char *path,
                               size_t offset, size_t size,
                               unsigned char *bytes);

/* ---------------------------------------------------------------------------
 * For other modules that make system calls
 */

/* Report a failed call and return MLP_ERR_IO: the first with the reason that
 * errno names, "<path>: cannot <what>: <reason> (error <number>)"; the second
 * that the path is no regular file, "<path>: expects <expected>". */
mlp_status mlpi_report_errno(const mlp_hooks *hooks, const char *path,
                             const char *what);
mlp_status mlpi_report_kind(const mlp_hooks *hooks, const char *path,
                            const char *expected);

/* Closes a descriptor. Returns false if the system reports that writing has
 * failed. */
bool mlpi_close(int fd);

#endif
