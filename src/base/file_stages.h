/* SPDX-License-Identifier: MIT */
/*
 * The steps of replacing a file (file_replace.h), with the calls of the system:
 * file_stages.c makes those of POSIX, file_stages_windows.c those of Windows.
 *
 * Each file goes through four stages:
 *
 *     1. open   <path>.tmp.<random number>, a name that no file has
 *     2. write  the bytes
 *     3. flush  the file: the bytes are on the disk before the name changes
 *     4. rename it to <path>, and flush the folder, which holds the name
 *
 * Between them an old file may be kept as <path>.old.<random number>, so that
 * it can come back.
 */
#ifndef MLPI_BASE_FILE_STAGES_H
#define MLPI_BASE_FILE_STAGES_H

#include "mlp.h"

/* A file and what it shall contain. */
typedef struct mlpi_new_file {
    const char *path;
    const void *bytes;
    size_t size;
} mlpi_new_file;

/* The bytes that a name beside a path adds to it: ".tmp." and eight digits. */
enum { MLPI_NAME_BESIDE = 13 };

/* Stages 1 to 3: writes a file under a temporary name, and that name to
 * `temporary`. A failure leaves no file. MLP_ERR_IO. */
mlp_status mlpi_stage_write(const mlp_hooks *hooks, const mlpi_new_file *file,
                            char *temporary);

/* Keeps the old file of a path under another name, which goes to `kept`; "" if
 * there is no old file. The path may have none until it is renamed or
 * restored. MLP_ERR_IO. */
mlp_status mlpi_stage_keep(const mlp_hooks *hooks, const char *path,
                           char *kept);

/* Stage 4: gives the temporary file its final name. MLP_ERR_IO. */
mlp_status mlpi_stage_rename(const mlp_hooks *hooks, const char *path,
                             char *temporary);

/* Undoes what mlpi_stage_keep has done and, if it has succeeded, what
 * mlpi_stage_rename has done to the path. */
void mlpi_stage_restore(const char *path, const char *kept, bool is_renamed);

/* Removes a file beside the path. */
void mlpi_stage_remove(const char *name);

#endif
