/* SPDX-License-Identifier: MIT */
/*
 * Replacing files, each of them whole.
 *
 * New content is written to a temporary file in the same folder and flushed
 * to the disk; then the temporary file takes the name of the old one, which is
 * one atomic operation of the file system. So under that name there is always
 * the old content or the new one, complete, even if the program or the machine
 * stops in between. Only regular files are replaced: no folders, pipes or
 * devices. A symbolic link is replaced, not followed.
 *
 * Failures are reported as those of file.h. A thread is not cancelled while it
 * writes.
 */
#ifndef MLPI_BASE_FILE_REPLACE_H
#define MLPI_BASE_FILE_REPLACE_H

#include "base/file_stages.h"

/* Makes n bytes the content of a file, which may exist or not. The permissions
 * of an old file stay, and its owner, where the process may give files away. On
 * failure the old content stays, and no temporary file is left. MLP_ERR_IO,
 * MLP_ERR_MEMORY. */
mlp_status mlpi_file_write(const mlp_hooks *hooks, const char *path,
                           const void *bytes, size_t n);

enum { MLPI_FILE_MAX_WRITES = 2 };

/* Writes up to MLPI_FILE_MAX_WRITES files that belong together, all or none.
 * All of them are on the disk under temporary names before the first is
 * renamed, and while the later ones are renamed, the old content of the earlier
 * ones is kept under a second name, from which a failure restores it. */
mlp_status mlpi_file_write_all(const mlp_hooks *hooks,
                               const mlpi_new_file *files, size_t n);

#endif
