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

/* The bytes of a file, which lie in the scratch memory of a table. A block that
 * grows has room for `capacity` of them. */
typedef struct bytes {
    unsigned char *block;
    size_t size, capacity;
} bytes;

/* How many bytes are read or unpacked at once, at least. */
enum { CHUNK = 1 << 16 };

/* ---------------------------------------------------------------------------
 * Files
 */

/* Finds how many bytes a regular file has from where the stream stands; 0 for
 * other streams. Returns false if the stream cannot get back there. */
static bool find_rest(FILE *stream, size_t *rest)
{
    long here = ftell(stream);
    bool moves = here >= 0 && fseek(stream, 0, SEEK_END) == 0;
    long end = moves ? ftell(stream) : -1;
    *rest = end > here ? (size_t)(end - here) : 0;
    return !moves || fseek(stream, here, SEEK_SET) == 0;
}

/* Reads at most n bytes. Returns 0 at the end, and after an error; a signal is
 * none. */
static size_t read_piece(FILE *stream, unsigned char *piece, size_t n)
{
    size_t got = 0;
    bool is_interrupted = false;
    do {
        errno = 0;
        got = fread(piece, 1, n, stream);
        is_interrupted = ferror(stream) && errno == EINTR;
        if (is_interrupted) {
            clearerr(stream);
        }
    } while (got == 0 && is_interrupted);
    return got;
}

/* Reads a stream to its end. After the first piece the block gets the size of
 * the file, and one byte more, so that the end is met without another piece.
 * (The first piece fails for a folder, which has no size.) */
static mlp_status read_stream(mlp_data *data, FILE *stream, bytes *b)
{
    for (size_t n = 1; n > 0; b->size += n) {
        if (b->size == b->capacity) {
            size_t rest = 0;
            if (b->size > 0 && !find_rest(stream, &rest)) {
                return MLP_ERR_IO;
            }
            TRY(RESERVE(&data->scratch, b->size + (rest > 0 ? rest + 1 : CHUNK),
                        &b->capacity, &b->block));
        }
        n = read_piece(stream, b->block + b->size, b->capacity - b->size);
    }
    return ferror(stream) ? MLP_ERR_IO : MLP_OK;
}

/* Opens a file. A signal may come while a pipe waits for its other end. */
static FILE *open_to_read(const char *path)
{
    FILE *stream = NULL;
    do {
        stream = fopen(path, "rb");
    } while (!stream && errno == EINTR);
    return stream;
}

/* Reads the file of a table. The message names the usual reasons itself,
 * because strerror depends on the locale. */
static mlp_status read_file(mlp_data *data, bytes *b)
{
    bool is_input = strcmp(data->pool.path, "-") == 0;
    FILE *stream = is_input ? stdin : open_to_read(data->pool.path);
    mlp_status status = stream ? read_stream(data, stream, b) : MLP_ERR_IO;
    int reason = errno;
    if (stream && !is_input) {
        (void)fclose(stream);
    }
    return status != MLP_ERR_IO
               ? status
               : mlpi_data_error(&data->pool, status, 0, "cannot %s it: %s",
                                 stream ? "read" : "open",
                                 reason == ENOENT ? "No such file or directory"
                                 : reason == EACCES ? "Permission denied"
                                 : reason == EISDIR ? "Is a directory"
                                                    : "an error of the system");
}

/* ---------------------------------------------------------------------------
 * Unpacking
 */

#ifdef MLPI_DATA_ZLIB

/* Unpacks to the end, and through all packed files. The counters of zlib have
 * 32 bits, so it gets its input and its room in pieces. */
static mlp_status inflate_all(mlp_data *data, z_stream *z, size_t size,
                              bytes *b)
{
    const size_t most = 1U << 30;
    int result = Z_OK;
    while (size > 0 || z->avail_in > 0 || result == Z_OK) {
        if (result == Z_STREAM_END) {
            (void)inflateReset(z); /* if it failed, so would inflate */
        }
        if (z->avail_in == 0) {
            z->avail_in = (unsigned)(size < most ? size : most);
            size -= z->avail_in;
        }
        TRY(RESERVE(&data->scratch, b->size + CHUNK, &b->capacity, &b->block));
        z->next_out = b->block + b->size;
        size_t room = b->capacity - b->size;
        z->avail_out = (unsigned)(room < most ? room : most);
        result = inflate(z, Z_NO_FLUSH);
        b->size = (size_t)(z->next_out - b->block);
        if (result != Z_OK && result != Z_STREAM_END) {
            return result == Z_MEM_ERROR ? MLP_ERR_IO : MLP_ERR_FORMAT;
        }
    }
    return MLP_OK;
}

/* Replaces packed bytes by what gzip has packed. */
static mlp_status unpack(mlp_data *data, bytes *b)
{
    bytes unpacked = {.block = NULL};
    z_stream z = {.next_in = b->block};
    mlp_status status = MLP_ERR_IO; /* zlib has no memory */
    if (inflateInit2(&z, 16 + MAX_WBITS) == Z_OK) {
        status = inflate_all(data, &z, b->size, &unpacked);
        (void)inflateEnd(&z);
    }
    *b = unpacked;
    if (status == MLP_ERR_IO) {
        return mlpi_data_error(&data->pool, MLP_ERR_MEMORY, 0,
                               "no memory to unpack it");
    }
    return status != MLP_ERR_FORMAT
               ? status
               : mlpi_data_error(&data->pool, status, 0,
                                 "expects what gzip has packed, got bytes "
                                 "that are cut or damaged");
}

#else

static mlp_status unpack(mlp_data *data, bytes *b)
{
    (void)b;
    return mlpi_data_error(&data->pool, MLP_ERR_UNSUPPORTED, 0,
                           "gzip has packed it, and this library was built "
                           "without zlib: unpack it first");
}

#endif

/* ---------------------------------------------------------------------------
 * Tables
 */

/* All other defaults are zeros. */
mlp_data_options mlp_data_defaults(void)
{
    return (mlp_data_options){.header = MLP_DATA_HEADER_AUTO};
}

/* Names of columns are checked later, when the columns are known. An enum may
 * hold any number, since a caller can fill the structure with anything. */
static mlp_status check_options(const mlp_data *data)
{
    const mlp_data_options *o = data->options;
    const mlp_hooks *hooks = &data->pool.hooks;
    TRY(DATA_CHECK_RESERVED(&data->pool, "options", o));
    if ((unsigned)o->header > MLP_DATA_HEADER_NO) {
        return mlpi_data_error(&data->pool, MLP_ERR_ARGUMENT, 0,
                               "header: expects a constant of mlp_data_header, "
                               "got %d",
                               (int)o->header);
    }
    if (o->n_categories > 0) {
        TRY(mlpi_data_need(hooks, o->categories, "categories"));
    }
    return o->n_ignored > 0 ? mlpi_data_need(hooks, o->ignored, "ignored")
                            : MLP_OK;
}

/* Joins the targets of the second file, such as the labels of MNIST, as a last
 * column. Its numbers are written as those of the table are, so it is read with
 * the same decimal comma. */
static mlp_status add_targets(mlp_data *data)
{
    mlp_data *targets = NULL;
    mlp_data_options options = mlp_data_defaults();
    options.decimal_comma = data->options->decimal_comma;
    TRY(mlp_data_load(data->options->targets, &options, &data->pool.hooks,
                      &targets));
    mlp_status status = mlpi_table_join(data, targets);
    mlp_data_free(targets);
    return status;
}

/* Fills a table from bytes, and adds to it what the options say. Whatever has
 * no mark of its own is CSV. The text of a CSV file is copied if it is kept,
 * because it may be the caller's. */
static mlp_status fill(mlp_data *data, bytes b)
{
    bool is_array = false;
    if (b.size >= 2 && b.block[0] == 0x1f && b.block[1] == 0x8b) {
        TRY(unpack(data, &b));
    }
    TRY(mlpi_arrays_read(b.block, b.size, data, &is_array));
    if (!is_array) {
        TRY(mlpi_csv_read((const char *)b.block, b.size, data));
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
        TRY(ALLOCATE(&data->pool, b.size, &data->text));
        /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
        memcpy(data->text, b.block, b.size);
    }
    return MLP_OK;
}

/* Loads a table from bytes, or if they are NULL from the file `path`. A failure
 * at any point goes on to mlpi_table_finish, which frees the table. An empty
 * array may have no address, but the readers want one: they get that of an
 * empty text. */
static mlp_status load(const char *path, const bytes *b,
                       const mlp_data_options *options, const mlp_hooks *hooks,
                       mlp_data **data)
{
    mlp_data_options defaults = mlp_data_defaults();
    bytes file = {.block = (unsigned char *)""};
    mlp_data *fresh = NULL;
    TRY(mlpi_data_need(hooks, data, "the place for the table"));
    TRY(mlpi_table_create(hooks, path, options ? options : &defaults, &fresh));
    mlp_status status = check_options(fresh);
    if (status == MLP_OK && !b) {
        file.block = NULL;
        status = read_file(fresh, &file);
    }
    if (status == MLP_OK) {
        status = fill(fresh, b && b->size > 0 ? *b : file);
    }
    return mlpi_table_finish(fresh, status, data);
}

/* The bytes are only read: the cast takes away a const that the structure,
 * which may also own its bytes, cannot express. */
mlp_status mlp_data_load_memory(const void *block, size_t size,
                                const char *name,
                                const mlp_data_options *options,
                                const mlp_hooks *hooks, mlp_data **data)
{
    TRY(mlpi_data_need(hooks, name, "name"));
    TRY(mlpi_data_need(hooks, size > 0 ? block : name, "bytes"));
    return load(name, &(bytes){(unsigned char *)block, size, 0}, options, hooks,
                data);
}

mlp_status mlp_data_load(const char *path, const mlp_data_options *options,
                         const mlp_hooks *hooks, mlp_data **data)
{
    TRY(mlpi_data_need(hooks, path, "path"));
    return load(path, NULL, options, hooks, data);
}
