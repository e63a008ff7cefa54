/* SPDX-License-Identifier: MIT */
/*
 * Loading a table: the options are checked, the file is read into memory and
 * unpacked, and the reader for its kind fills a table, which is freed if that
 * fails.
 *
 * The block grows while a stream is read, so a pipe is read like a file, and
 * the size of a file need not be known. What gzip has packed begins with the
 * bytes 1f 8b. Several packed files that were put together are one file, as
 * gzip itself reads them.
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

/* A block of bytes that grows. */
typedef struct bytes {
    unsigned char *block;
    size_t size, capacity;
} bytes;

/* ---------------------------------------------------------------------------
 * Files
 */

/* How many bytes are read or unpacked at once, at least. */
enum { CHUNK = 1 << 16 };

/* Returns how many bytes a regular file has from where the stream stands; 0 for
 * other streams. */
static size_t rest_of(FILE *stream)
{
    long here = ftell(stream);
    long end = -1;
    if (here >= 0 && fseek(stream, 0, SEEK_END) == 0) {
        end = ftell(stream);
        (void)fseek(stream, here, SEEK_SET);
    }
    return end > here ? (size_t)(end - here) : 0;
}

/* Reads a stream to its end. After the first piece the block gets the size of
 * the file, and one byte more, so that the end is met without another piece.
 * (The first piece fails for a folder, which has no size.) */
static mlp_status read_stream(const mlp_hooks *hooks, FILE *stream, bytes *b)
{
    for (size_t n = 1; n > 0; b->size += n) {
        if (b->capacity == b->size) {
            size_t rest = b->size > 0 ? rest_of(stream) : 0;
            TRY(mlpi_data_reserve(hooks,
                                  b->size + (rest > 0 ? rest + 1 : CHUNK), 1,
                                  &b->capacity, (void *)&b->block));
        }
        n = fread(b->block + b->size, 1, b->capacity - b->size, stream);
    }
    return ferror(stream) ? MLP_ERR_IO : MLP_OK;
}

/* Reads a whole file. The block belongs to the caller also after a failure. The
 * message names the usual reasons itself, because strerror depends on the
 * locale. */
static mlp_status read_file(const mlp_hooks *hooks, const char *path, bytes *b)
{
    bool is_input = strcmp(path, "-") == 0;
    FILE *stream = is_input ? stdin : fopen(path, "rb");
    mlp_status status = stream ? read_stream(hooks, stream, b) : MLP_ERR_IO;
    int reason = errno;
    if (stream && !is_input) {
        (void)fclose(stream);
    }
    return status != MLP_ERR_IO
               ? status
               : mlpi_data_error(hooks, status, "%s: cannot be read: %s", path,
                                 reason == ENOENT   ? "there is no such file"
                                 : reason == EACCES ? "permission denied"
                                 : reason == EISDIR ? "it is a folder"
                                                    : "an error of the system");
}

/* ---------------------------------------------------------------------------
 * Unpacking
 */

/* Returns true if gzip has packed these bytes. */
static bool is_packed(const unsigned char *block, size_t size)
{
    return size >= 2 && block[0] == 0x1f && block[1] == 0x8b;
}

#ifdef MLPI_DATA_ZLIB

/* Unpacks to the end, and through all packed files. The counters of zlib have
 * 32 bits, so it gets its input and its room in pieces. */
static mlp_status inflate_all(const mlp_hooks *hooks, z_stream *z, size_t size,
                              bytes *b)
{
    const size_t most = 1U << 30;
    int result = Z_OK;
    while (size > 0 || z->avail_in > 0 || result == Z_OK) {
        if (result == Z_STREAM_END && inflateReset(z) != Z_OK) {
            return MLP_ERR_FORMAT;
        }
        if (z->avail_in == 0) {
            z->avail_in = (unsigned)(size < most ? size : most);
            size -= z->avail_in;
        }
        TRY(mlpi_data_reserve(hooks, b->size + CHUNK, 1, &b->capacity,
                              (void *)&b->block));
        size_t room = b->capacity - b->size;
        z->next_out = b->block + b->size;
        z->avail_out = (unsigned)(room < most ? room : most);
        result = inflate(z, Z_NO_FLUSH);
        b->size = (size_t)(z->next_out - b->block);
        if (result != Z_OK && result != Z_STREAM_END) {
            return result == Z_MEM_ERROR ? MLP_ERR_IO : MLP_ERR_FORMAT;
        }
    }
    return MLP_OK;
}

/* Unpacks bytes. The block belongs to the caller also after a failure. */
static mlp_status unpack(const mlp_hooks *hooks, const char *path,
                         const unsigned char *packed, size_t size, bytes *b)
{
    z_stream z = {.next_in = packed};
    mlp_status status = MLP_ERR_IO;
    if (inflateInit2(&z, 16 + MAX_WBITS) == Z_OK) {
        status = inflate_all(hooks, &z, size, b);
        (void)inflateEnd(&z);
    }
    if (status == MLP_ERR_IO) {
        return mlpi_data_error(hooks, MLP_ERR_MEMORY,
                               "%s: no memory to unpack it", path);
    }
    return status != MLP_ERR_FORMAT
               ? status
               : mlpi_data_error(hooks, status,
                                 "%s: expects what gzip has packed, got bytes "
                                 "that are cut or damaged",
                                 path);
}

#else

static mlp_status unpack(const mlp_hooks *hooks, const char *path,
                         const unsigned char *packed, size_t size, bytes *b)
{
    (void)packed, (void)size, (void)b;
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

/* A separator must not be a character of numbers or a quote: then a cell could
 * be read in two ways. */
static mlp_status check_options(const mlp_hooks *hooks,
                                const mlp_data_options *options)
{
    char c = options->separator;
    bool is_separator = c == '\t' || c == '\0' || (c >= ' ' && c < 0x7f);
    if (!is_separator || (c != '\0' && strchr("\"+-.0123456789", c)) ||
        (options->decimal_comma && c == ',')) {
        return mlpi_data_error(hooks, MLP_ERR_ARGUMENT,
                               "separator: expects a character of ASCII that "
                               "is no part of a number and no quote, got %u",
                               (unsigned)(unsigned char)c);
    }
    if ((unsigned)options->header > MLP_DATA_HEADER_NO) {
        return mlpi_data_error(hooks, MLP_ERR_ARGUMENT,
                               "header: expects a constant of mlp_data_header, "
                               "got %d",
                               (int)options->header);
    }
    bool lacks_ignored = options->n_ignored > 0 && !options->ignored;
    if (lacks_ignored || (options->n_categories > 0 && !options->categories)) {
        return mlpi_data_error(hooks, MLP_ERR_NULL, "%s is NULL",
                               lacks_ignored ? "ignored" : "categories");
    }
    return MLP_OK;
}

/* Joins the targets of the second file, whose options are like those of the
 * table. */
static mlp_status add_targets(mlp_data *data)
{
    mlp_data *targets = NULL;
    mlp_data_options options = mlp_data_defaults();
    options.sorted = data->options->sorted;
    options.decimal_comma = data->options->decimal_comma;
    TRY(mlp_data_load(data->options->targets, &options, &data->hooks,
                      &targets));
    mlp_status status = mlpi_table_join(data, targets);
    mlp_data_free(targets);
    return status;
}

/* Reads a table that is not packed, and adds to it what the options say.
 * Whatever has no mark of its own is CSV. The text of a CSV file is copied if it
 * is kept, because it may be the caller's. */
static mlp_status fill(const unsigned char *block, size_t size, mlp_data *data)
{
    bool is_array = false;
    TRY(mlpi_arrays_read(block, size, data, &is_array));
    if (!is_array) {
        TRY(mlpi_csv_read((const char *)block, size, data));
    }
    if (data->options->targets) {
        TRY(add_targets(data));
    }
    for (size_t j = 0; j < data->names.n; j++) {
        const mlpi_column *column = &data->columns[j];
        if (column->kind == MLP_DATA_CATEGORY && column->categories.n == 0 &&
            column->n_empty < data->values.rows) {
            TRY(mlpi_table_make_classes(data, j));
        }
    }
    if (data->records) {
        TRY(mlpi_data_allocate(&data->hooks, size, 1, (void *)&data->text));
        /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
        memcpy(data->text, block, size);
    }
    data->options = NULL;
    return MLP_OK;
}

mlp_status mlp_data_load_memory(const void *block, size_t size,
                                const char *name,
                                const mlp_data_options *options,
                                const mlp_hooks *hooks, mlp_data **data)
{
    mlp_hooks used;
    mlp_data_options defaults = mlp_data_defaults();
    bytes unpacked = {.block = NULL};
    mlp_data *fresh = NULL;
    TRY(mlpi_data_use_hooks(hooks, &used));
    if (!name || !data || (!block && size > 0)) {
        return mlpi_data_error(&used, MLP_ERR_NULL, "%s is NULL",
                               !name   ? "name"
                               : !data ? "the place for the table"
                                       : "bytes");
    }
    options = options ? options : &defaults;
    TRY(check_options(&used, options));
    TRY(mlpi_table_create(&used, name, options, &fresh));
    block = size > 0 ? block : "";
    mlp_status status = MLP_OK;
    if (is_packed(block, size)) {
        status = unpack(&used, name, block, size, &unpacked);
        block = unpacked.block;
        size = unpacked.size;
    }
    if (status == MLP_OK) {
        status = fill(block, size, fresh);
    }
    mlpi_data_release(&used, unpacked.block);
    if (status != MLP_OK) {
        mlp_data_free(fresh);
        return status;
    }
    *data = fresh;
    return MLP_OK;
}

mlp_status mlp_data_load(const char *path, const mlp_data_options *options,
                         const mlp_hooks *hooks, mlp_data **data)
{
    mlp_hooks used;
    bytes file = {.block = NULL};
    TRY(mlpi_data_use_hooks(hooks, &used));
    if (!path || !data) {
        return mlpi_data_error(&used, MLP_ERR_NULL, "%s is NULL",
                               !path ? "path" : "the place for the table");
    }
    mlp_status status = read_file(&used, path, &file);
    if (status == MLP_OK) {
        status = mlp_data_load_memory(file.block, file.size, path, options,
                                      &used, data);
    }
    mlpi_data_release(&used, file.block);
    return status;
}
