/* SPDX-License-Identifier: MIT */
/*
 * A whole file in memory, unpacked if gzip has packed it.
 *
 * The packed form begins with the bytes 1f 8b. What zlib allocates comes from
 * the hooks. Several packed files that were put together are one file, as
 * gzip itself reads them.
 */
#ifndef MLPI_DATA_INPUT_FILE_H
#define MLPI_DATA_INPUT_FILE_H

#include "data/table.h"

/* Reads a file, and unpacks it. The caller releases *bytes. MLP_ERR_IO,
 * MLP_ERR_MEMORY. */
mlp_status mlpi_input_file_read(const mlp_hooks *hooks, const char *path,
                                unsigned char **bytes, size_t *size);

/* Returns true if gzip has packed these bytes. */
bool mlpi_input_is_packed(const unsigned char *bytes, size_t size);

/* Unpacks bytes. The caller releases *unpacked. MLP_ERR_FORMAT: they are cut or
 * damaged. MLP_ERR_UNSUPPORTED: this library was built without zlib. */
mlp_status mlpi_input_unpack(const mlp_hooks *hooks, const char *path,
                             const unsigned char *bytes, size_t size,
                             unsigned char **unpacked, size_t *unpacked_size);

#endif
