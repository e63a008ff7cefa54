/* SPDX-License-Identifier: MIT */
/*
 * Numbers as bytes, the lowest first, whatever the machine: floats as the
 * integers of their bits. A writer without bytes only counts, so that the one
 * function that writes something tells its size, too.
 */
#ifndef MLPI_BASE_BYTES_H
#define MLPI_BASE_BYTES_H

#include "mlp.h"

typedef struct mlpi_writer {
    unsigned char *bytes; /* NULL: only counts */
    size_t used;
} mlpi_writer;

void mlpi_put_bytes(mlpi_writer *to, size_t n, const void *bytes);
void mlpi_put_u32(mlpi_writer *to, uint32_t value);
void mlpi_put_u64(mlpi_writer *to, uint64_t value);
void mlpi_put_f64(mlpi_writer *to, double value);
/* n floats or doubles: `size` is 4 or 8. */
void mlpi_put_reals(mlpi_writer *to, size_t size, size_t n, const void *reals);

typedef struct mlpi_reader {
    const unsigned char *bytes;
    size_t size, used;
    bool failed; /* more was wanted than there was; zeros came */
} mlpi_reader;

/* The next n bytes where they are; NULL if there are not so many. */
const unsigned char *mlpi_get_bytes(mlpi_reader *from, size_t n);
uint32_t mlpi_get_u32(mlpi_reader *from);
uint64_t mlpi_get_u64(mlpi_reader *from);
double mlpi_get_f64(mlpi_reader *from);
void mlpi_get_reals(mlpi_reader *from, size_t size, size_t n, void *reals);

/* 32 bits as eight hexadecimal digits in lower case, without a closing zero.
 * Reading returns false, and writes nothing, if one of the characters is no
 * such digit. */
enum { MLPI_HEX32_DIGITS = 8 };
void mlpi_put_hex32(uint32_t value, char digits[MLPI_HEX32_DIGITS]);
bool mlpi_get_hex32(const char digits[MLPI_HEX32_DIGITS], uint32_t *value);

/* CRC-32 as in PNG and zlib: polynomial 0xedb88320, reflected. It finds each
 * damage within 32 bits. */
uint32_t mlpi_crc32(size_t n, const unsigned char *bytes);

/* That of what has the checksum `crc`, and n bytes more. */
uint32_t mlpi_crc32_on(uint32_t crc, size_t n, const unsigned char *bytes);

#endif
