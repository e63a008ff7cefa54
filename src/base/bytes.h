/* SPDX-License-Identifier: MIT */
/*
 * Numbers as bytes, for files that every machine can read: integers with the
 * lowest byte first, and floats as the integers of their IEEE 754 bits. The
 * code never depends on the byte order of the machine that runs it.
 *
 * A writer without bytes only counts. So one function that writes an object
 * also computes its size: it runs once to count and once to write, and the two
 * cannot disagree.
 */
#ifndef MLPI_BASE_BYTES_H
#define MLPI_BASE_BYTES_H

#include "mlp.h"

/* ---------------------------------------------------------------------------
 * Writing. The caller has allocated enough; nothing is checked.
 */

typedef struct mlpi_writer {
    unsigned char *bytes; /* NULL: the writer only counts */
    size_t used;          /* bytes written, or counted, so far */
} mlpi_writer;

void mlpi_put_bytes(mlpi_writer *to, size_t n, const void *bytes);
void mlpi_put_u32(mlpi_writer *to, uint32_t value);
void mlpi_put_u64(mlpi_writer *to, uint64_t value);
void mlpi_put_f64(mlpi_writer *to, double value);

/* Writes n floats (size 4) or doubles (size 8). */
void mlpi_put_reals(mlpi_writer *to, size_t size, size_t n, const void *reals);

/* ---------------------------------------------------------------------------
 * Reading. Every call checks that the bytes exist. After the first failure all
 * calls fail, so a caller may read a whole structure and check once.
 */

typedef struct mlpi_reader {
    const unsigned char *bytes;
    size_t size, used;
    bool failed; /* the bytes ended too early; numbers were read as 0 */
} mlpi_reader;

/* Returns the next n bytes where they are, without a copy; NULL if there are
 * fewer. */
const unsigned char *mlpi_get_bytes(mlpi_reader *from, size_t n);

/* Return the next number, or 0 after a failure. */
uint32_t mlpi_get_u32(mlpi_reader *from);
uint64_t mlpi_get_u64(mlpi_reader *from);
double mlpi_get_f64(mlpi_reader *from);

/* Reads n floats (size 4) or doubles (size 8). */
void mlpi_get_reals(mlpi_reader *from, size_t size, size_t n, void *reals);

/* ---------------------------------------------------------------------------
 * Checksums
 */

/* Returns the CRC-32 of PNG and zlib: polynomial 0xedb88320, reflected. It
 * detects any damage that is confined to 32 bits in a row. */
uint32_t mlpi_crc32(size_t n, const unsigned char *bytes);

/* Continues a checksum: given the CRC-32 of some bytes, returns that of these
 * bytes and the n that follow. */
uint32_t mlpi_crc32_on(uint32_t crc, size_t n, const unsigned char *bytes);

#endif
