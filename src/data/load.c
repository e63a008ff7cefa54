/* SPDX-License-Identifier: MIT */
/*
 * Loading a table: the options are checked, the file is read into memory and
 * unpacked, and the reader for its kind fills a table, which is freed if that
 * fails.
 *
 * The block grows while a stream is read, so a pipe is read like a file, and
 * the size of a file need not be known. What gzip has packed begins with the
 * bytes 1f 8b. Several packed files that were put together are one file, as
 * gzip itself reads them. What zlib allocates comes from the hooks too.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#ifdef MLPI_DATA_ZLIB
#define ZLIB_CONST /* the input is const */
#include <zlib.h>
#endif

#include "data/arrays.h"
#include "data/csv.h"

/* ---------------------------------------------------------------------------
 * Files
 */

/* How many bytes are read or unpacked at once, at least. */
enum { CHUNK = 1 << 16 };

/* Returns how many bytes a regular file has, if that is more than `at`, where
 * the stream stands; else 0. */
static size_t length_of(FILE *stream, size_t at)
{
    long length = 0;
    if (at <= CHUNK && fseek(stream, 0, SEEK_END) == 0) {
        length = ftell(stream);
        (void)fseek(stream, (long)at, SEEK_SET);
    }
    return length > 0 && (size_t)length > at ? (size_t)length : 0;
}

/* Reads a stream to its end. The block belongs to the caller also after a
 * failure. After the first piece the block gets the size of the file, and one
 * byte more, so that the end is met without another piece. */
static mlp_status read_stream(const mlp_hooks *hooks, FILE *stream,
                              unsigned char **bytes, size_t *size)
{
    size_t capacity = 0;
    size_t n = 1;
    while (n > 0) {
        if (capacity == *size) {
            size_t length = *size > 0 ? length_of(stream, *size) : 0;
            size_t room = length > 0 ? length + 1 : *size + CHUNK;
            TRY(mlpi_data_reserve(hooks, room, 1, &capacity, (void *)bytes));
        }
        n = fread(*bytes + *size, 1, capacity - *size, stream);
        *size += n;
    }
    return ferror(stream) ? MLP_ERR_IO : MLP_OK;
}

/* Reads a whole file. The caller releases *bytes. The message names the usual
 * reasons itself, because strerror depends on the locale. */
static mlp_status read_file(const mlp_hooks *hooks, const char *path,
                            unsigned char **bytes, size_t *size)
{
    unsigned char *block = NULL;
    size_t n = 0;
    FILE *stream = fopen(path, "rb");
    mlp_status status =
        stream ? read_stream(hooks, stream, &block, &n) : MLP_ERR_IO;
    int reason = errno;
    if (stream) {
        (void)fclose(stream);
    }
    if (status != MLP_OK) {
        mlpi_data_release(hooks, block);
        return status != MLP_ERR_IO
                   ? status
                   : mlpi_data_error(hooks, status, "%s: cannot be read: %s",
                                     path,
                                     reason == ENOENT ? "there is no such file"
                                     : reason == EACCES ? "permission denied"
                                     : reason == EISDIR ? "it is a folder"
                                                        : "an error of the "
                                                          "system");
    }
    *bytes = block;
    *size = n;
    return MLP_OK;
}

/* Returns true if gzip has packed these bytes. */
static bool is_packed(const unsigned char *bytes, size_t size)
{
    return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

#ifdef MLPI_DATA_ZLIB

/* zlib has no place for a message: it returns Z_MEM_ERROR, for which the caller
 * gives the only one. */
static void *allocate_for_zlib(void *hooks, unsigned count, unsigned size)
{
    void *block = NULL;
    mlp_hooks quiet = *(const mlp_hooks *)hooks;
    quiet.log = NULL;
    return mlpi_data_allocate(&quiet, count, size, (void *)&block) == MLP_OK
               ? block
               : NULL;
}

static void release_for_zlib(void *hooks, void *block)
{
    mlpi_data_release(hooks, block);
}

/* Unpacks to the end. The counters of zlib have 32 bits, so it gets its input
 * and its room in pieces. */
static mlp_status unpack(const mlp_hooks *hooks, z_stream *z, size_t size,
                         unsigned char **block, size_t *n)
{
    size_t capacity = 0;
    int result = Z_OK;
    size_t left = size;
    while (left > 0 || z->avail_in > 0 || result == Z_OK) {
        if (result == Z_STREAM_END && inflateReset(z) != Z_OK) {
            return MLP_ERR_FORMAT;
        }
        if (z->avail_in == 0) {
            size_t piece = left < (1U << 30) ? left : 1U << 30;
            z->avail_in = (unsigned)piece;
            left -= piece;
        }
        TRY(mlpi_data_reserve(hooks, *n + CHUNK, 1, &capacity, (void *)block));
        size_t room = capacity - *n;
        unsigned part = (unsigned)(room < (1U << 30) ? room : 1U << 30);
        z->next_out = *block + *n;
        z->avail_out = part;
        result = inflate(z, Z_NO_FLUSH);
        *n += part - z->avail_out;
        if (result == Z_MEM_ERROR) {
            return mlpi_data_error(hooks, MLP_ERR_MEMORY,
                                   "a table: no memory to unpack it");
        }
        if (result != Z_OK && result != Z_STREAM_END) {
            return MLP_ERR_FORMAT;
        }
    }
    return MLP_OK;
}

/* Unpacks bytes. The caller releases *unpacked. MLP_ERR_FORMAT: they are cut or
 * damaged. MLP_ERR_UNSUPPORTED: there was no zlib when this was built. */
static mlp_status unpack_all(const mlp_hooks *hooks, const char *path,
                             const unsigned char *bytes, size_t size,
                             unsigned char **unpacked, size_t *unpacked_size)
{
    mlp_hooks own = *hooks;
    unsigned char *block = NULL;
    size_t n = 0;
    z_stream z = {.zalloc = allocate_for_zlib,
                  .zfree = release_for_zlib,
                  .opaque = &own,
                  .next_in = bytes};
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) {
        return mlpi_data_error(hooks, MLP_ERR_MEMORY,
                               "%s: no memory to unpack it", path);
    }
    mlp_status status = unpack(hooks, &z, size, &block, &n);
    (void)inflateEnd(&z);
    if (status != MLP_OK) {
        mlpi_data_release(hooks, block);
        return status == MLP_ERR_FORMAT
                   ? mlpi_data_error(hooks, status,
                                     "%s: expects what gzip has packed, got "
                                     "bytes that are cut or damaged",
                                     path)
                   : status;
    }
    *unpacked = block;
    *unpacked_size = n;
    return MLP_OK;
}

#else

static mlp_status unpack_all(const mlp_hooks *hooks, const char *path,
                             const unsigned char *bytes, size_t size,
                             unsigned char **unpacked, size_t *unpacked_size)
{
    (void)bytes, (void)size, (void)unpacked, (void)unpacked_size;
    return mlpi_data_error(hooks, MLP_ERR_UNSUPPORTED,
                           "%s: gzip has packed it, and this library was built "
                           "without zlib: unpack it first",
                           path);
}

#endif

/* ---------------------------------------------------------------------------
 * Tables
 */

mlp_data_options mlp_data_defaults(void)
{
    return (mlp_data_options){
        .separator = '\0', .header = MLP_DATA_HEADER_AUTO, .sorted = true};
}

/* Sets *used to the hooks, or to none, and checks that they come together: a
 * block of one allocator must not be released by another. */
static mlp_status use_hooks(const mlp_hooks *hooks, mlp_hooks *used)
{
    *used = hooks ? *hooks : (mlp_hooks){.allocate = NULL};
    if ((used->allocate == NULL) != (used->release == NULL)) {
        return mlpi_data_error(used, MLP_ERR_ARGUMENT,
                               "hooks: expects allocate and release together, "
                               "got one of them");
    }
    return MLP_OK;
}

/* A separator must not be a character of numbers or a quote: then a cell could
 * be read in two ways. */
static mlp_status check_options(const mlp_hooks *hooks,
                                const mlp_data_options *options)
{
    unsigned char c = (unsigned char)options->separator;
    bool is_separator =
        c == '\t' || c == '\0' || (c >= ' ' && c < 0x7f && !strchr("\"+-.", c));
    if (!is_separator || (c >= '0' && c <= '9') ||
        (options->decimal_comma && c == ',')) {
        return mlpi_data_error(hooks, MLP_ERR_ARGUMENT,
                               "separator: expects a character of ASCII that "
                               "is no part of a number and no quote, got %u",
                               (unsigned)c);
    }
    if ((unsigned)options->header > MLP_DATA_HEADER_NO) {
        return mlpi_data_error(hooks, MLP_ERR_ARGUMENT,
                               "header: expects a constant of mlp_data_header, "
                               "got %d",
                               (int)options->header);
    }
    if (options->n_categories > 0 && !options->categories) {
        return mlpi_data_error(hooks, MLP_ERR_NULL, "categories is NULL");
    }
    return MLP_OK;
}

/* Fills a table by the reader for the kind of file that the bytes begin as.
 * Whatever has no mark of its own is CSV. A separator says that too. */
static mlp_status read_by_kind(const unsigned char *bytes, size_t size,
                               const mlp_data_options *options, mlp_data *data)
{
    bool is_idx = mlpi_idx_begins(bytes, size);
    bool is_npy = mlpi_npy_begins(bytes, size);
    bool is_fann = options->separator == '\0' && mlpi_fann_begins(bytes, size);
    if (!is_idx && !is_npy && !is_fann) {
        return mlpi_csv_read((const char *)bytes, size, options, data);
    }
    if (options->n_categories > 0) {
        return mlpi_data_error(&data->hooks, MLP_ERR_ARGUMENT,
                               "%s: expects no categories for a file that is "
                               "not CSV, got %zu",
                               data->path, options->n_categories);
    }
    return is_idx   ? mlpi_idx_read(bytes, size, data)
           : is_npy ? mlpi_npy_read(bytes, size, data)
                    : mlpi_fann_read(bytes, size,
                                     options->decimal_comma ? ',' : '.', data);
}

/* Makes a table from bytes that are not packed. What a reader leaves half done
 * belongs to the table, and is freed with it. */
static mlp_status read_bytes(const unsigned char *bytes, size_t size,
                             const char *name, const mlp_data_options *options,
                             const mlp_hooks *hooks, mlp_data **data)
{
    mlp_data *fresh = NULL;
    TRY(mlpi_table_create(hooks, name, &fresh));
    mlp_status status = read_by_kind(bytes, size, options, fresh);
    if (status != MLP_OK) {
        mlp_data_free(fresh);
        return status;
    }
    *data = fresh;
    return MLP_OK;
}

mlp_status mlp_data_load_memory(const void *bytes, size_t size,
                                const char *name,
                                const mlp_data_options *options,
                                const mlp_hooks *hooks, mlp_data **data)
{
    mlp_hooks used;
    mlp_data_options defaults = mlp_data_defaults();
    unsigned char *unpacked = NULL;
    size_t n = 0;
    TRY(use_hooks(hooks, &used));
    if (!name || !data || (!bytes && size > 0)) {
        return mlpi_data_error(&used, MLP_ERR_NULL, "%s is NULL",
                               !name   ? "name"
                               : !data ? "the place for the table"
                                       : "bytes");
    }
    options = options ? options : &defaults;
    bytes = size > 0 ? bytes : "";
    TRY(check_options(&used, options));
    if (!is_packed(bytes, size)) {
        return read_bytes(bytes, size, name, options, &used, data);
    }
    TRY(unpack_all(&used, name, bytes, size, &unpacked, &n));
    mlp_status status = read_bytes(unpacked, n, name, options, &used, data);
    mlpi_data_release(&used, unpacked);
    return status;
}

mlp_status mlp_data_load(const char *path, const mlp_data_options *options,
                         const mlp_hooks *hooks, mlp_data **data)
{
    mlp_hooks used;
    unsigned char *bytes = NULL;
    size_t size = 0;
    TRY(use_hooks(hooks, &used));
    if (!path || !data) {
        return mlpi_data_error(&used, MLP_ERR_NULL, "%s is NULL",
                               !path ? "path" : "the place for the table");
    }
    TRY(read_file(&used, path, &bytes, &size));
    mlp_status status =
        mlp_data_load_memory(bytes, size, path, options, &used, data);
    mlpi_data_release(&used, bytes);
    return status;
}
