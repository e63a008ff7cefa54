/* SPDX-License-Identifier: MIT */
/*
 * Every number goes through split and join, which move one byte at a time from
 * the lowest to the highest. A compiler turns them into one load or store where
 * the machine has the same byte order. Floats are copied into integers of their
 * size with memcpy, the only conversion of bits that C defines for all types.
 */
#include "base/bytes.h"

#include <string.h>

/* Advances the writer by n bytes and returns where they belong; NULL if it only
 * counts. */
static unsigned char *reserve(mlpi_writer *to, size_t n)
{
    unsigned char *place = to->bytes ? to->bytes + to->used : NULL;
    to->used += n;
    return place;
}

/* Writes the n lowest bytes of a value, the lowest first. */
static void split(uint64_t value, size_t n, unsigned char *bytes)
{
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (unsigned char)(value >> (8 * i));
    }
}

/* Returns the value of n <= 8 bytes, the lowest first. */
static uint64_t join(size_t n, const unsigned char *bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

/* Writes the n lowest bytes of a value, unless the writer only counts. */
static void put(mlpi_writer *to, uint64_t value, size_t n)
{
    unsigned char *place = reserve(to, n);
    if (place) {
        split(value, n, place);
    }
}

/* memcpy must not be called with NULL, even for no bytes. */
void mlpi_put_bytes(mlpi_writer *to, size_t n, const void *bytes)
{
    unsigned char *place = reserve(to, n);
    if (place && n > 0) {
        memcpy(place, bytes, n);
    }
}

void mlpi_put_u32(mlpi_writer *to, uint32_t value)
{
    put(to, value, sizeof value);
}

void mlpi_put_u64(mlpi_writer *to, uint64_t value)
{
    put(to, value, sizeof value);
}

/* A double is written as the 64 bits of its IEEE 754 form. */
void mlpi_put_f64(mlpi_writer *to, double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    mlpi_put_u64(to, bits);
}

/* Reals may lie at any address, so they are copied by memcpy, too. */
void mlpi_put_reals(mlpi_writer *to, size_t size, size_t n, const void *reals)
{
    unsigned char *place = reserve(to, n * size);
    const unsigned char *x = reals;
    for (size_t i = 0; place && i < n; i++, x += size, place += size) {
        uint32_t low = 0; /* the bits of a float */
        uint64_t bits = 0;
        if (size == sizeof low) {
            memcpy(&low, x, sizeof low);
            bits = low;
        } else {
            memcpy(&bits, x, sizeof bits);
        }
        split(bits, size, place);
    }
}

/* The comparison cannot overflow, because `used` never exceeds `size`. */
const unsigned char *mlpi_get_bytes(mlpi_reader *from, size_t n)
{
    if (from->failed || n > from->size - from->used) {
        from->failed = true;
        return NULL;
    }
    const unsigned char *bytes = from->bytes + from->used;
    from->used += n;
    return bytes;
}

/* Reads n bytes as a number. */
static uint64_t get(mlpi_reader *from, size_t n)
{
    const unsigned char *bytes = mlpi_get_bytes(from, n);
    return bytes ? join(n, bytes) : 0;
}

/* A failure leaves 0, the number whose use does the least harm as a size. */
uint32_t mlpi_get_u32(mlpi_reader *from)
{
    return (uint32_t)get(from, sizeof(uint32_t));
}

uint64_t mlpi_get_u64(mlpi_reader *from)
{
    return get(from, sizeof(uint64_t));
}

double mlpi_get_f64(mlpi_reader *from)
{
    uint64_t bits = mlpi_get_u64(from);
    double value = 0.0; /* copied bit by bit: a NaN keeps its payload */
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* After a failure the rest of the reals are 0. */
void mlpi_get_reals(mlpi_reader *from, size_t size, size_t n, void *reals)
{
    unsigned char *x = reals;
    for (size_t i = 0; i < n; i++, x += size) {
        uint64_t bits = get(from, size);
        if (size == sizeof(uint32_t)) {
            uint32_t low = (uint32_t)bits;
            memcpy(x, &low, sizeof low);
        } else {
            memcpy(x, &bits, sizeof bits);
        }
    }
}

/* The remainder of a division of polynomials over two elements, four bits at a
 * time: table[i] is the remainder of i, shifted by four bits. A table of 256
 * would be twice as fast and take 1 KB; reading a file takes longer anyway. */
uint32_t mlpi_crc32_on(uint32_t crc, size_t n, const unsigned char *bytes)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    crc = ~crc; /* a complement makes leading zeros count */
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i]; /* then the lower and the upper four bits */
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

/* The checksum of no bytes is 0, so a checksum is a continuation of that. */
uint32_t mlpi_crc32(size_t n, const unsigned char *bytes)
{
    return mlpi_crc32_on(0, n, bytes);
}
