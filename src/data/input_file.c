/* SPDX-License-Identifier: MIT */
/*
 * Whole files in memory; input_file.h says more. The block grows while a stream
 * is read, so a pipe is read like a file, and the size of a file need not be
 * known.
 */
#include "data/input_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#ifdef MLPI_DATA_ZLIB
#include <zlib.h>
#endif

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

mlp_status mlpi_input_file_read(const mlp_hooks *hooks, const char *path,
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

bool mlpi_input_is_packed(const unsigned char *bytes, size_t size)
{
    return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

#ifdef MLPI_DATA_ZLIB

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

mlp_status mlpi_input_unpack(const mlp_hooks *hooks, const char *path,
                             const unsigned char *bytes, size_t size,
                             unsigned char **unpacked, size_t *unpacked_size)
{
    mlp_hooks own = *hooks;
    unsigned char *block = NULL;
    size_t n = 0;
    z_stream z = {.zalloc = allocate_for_zlib,
                  .zfree = release_for_zlib,
                  .opaque = &own,
                  .next_in = (unsigned char *)(uintptr_t)bytes};
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

mlp_status mlpi_input_unpack(const mlp_hooks *hooks, const char *path,
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
