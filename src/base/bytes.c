/* SPDX-License-Identifier: MIT */
#include "base/bytes.h"

#include <string.h>

/* Room for the next n bytes; NULL if they are only counted. */
static unsigned char *make_room(mlpi_writer *to, size_t n)
{
    unsigned char *room = to->bytes ? to->bytes + to->used : NULL;
    to->used += n;
    return room;
}

static void split(uint64_t value, size_t n, unsigned char *bytes)
{
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (unsigned char)(value >> (8 * i));
    }
}

static uint64_t join(size_t n, const unsigned char *bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

static void put(mlpi_writer *to, uint64_t value, size_t n)
{
    unsigned char *room = make_room(to, n);
    if (room) {
        split(value, n, room);
    }
}

void mlpi_put_bytes(mlpi_writer *to, size_t n, const void *bytes)
{
    unsigned char *room = make_room(to, n);
    if (room && n > 0) {
        memcpy(room, bytes, n);
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

void mlpi_put_f64(mlpi_writer *to, double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    mlpi_put_u64(to, bits);
}

void mlpi_put_reals(mlpi_writer *to, size_t size, size_t n, const void *reals)
{
    unsigned char *room = make_room(to, n * size);
    const unsigned char *x = reals;
    for (size_t i = 0; room && i < n; i++, x += size, room += size) {
        uint32_t low = 0;
        uint64_t bits = 0;
        if (size == sizeof low) {
            memcpy(&low, x, sizeof low);
            bits = low;
        } else {
            memcpy(&bits, x, sizeof bits);
        }
        split(bits, size, room);
    }
}

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

static uint64_t get(mlpi_reader *from, size_t n)
{
    const unsigned char *bytes = mlpi_get_bytes(from, n);
    return bytes ? join(n, bytes) : 0;
}

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
    double value = 0.0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

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

static const char hex_digits[] = "0123456789abcdef";

void mlpi_put_hex32(uint32_t value, char digits[MLPI_HEX32_DIGITS])
{
    for (size_t i = MLPI_HEX32_DIGITS; i-- > 0; value >>= 4) {
        digits[i] = hex_digits[value & 15];
    }
}

bool mlpi_get_hex32(const char digits[MLPI_HEX32_DIGITS], uint32_t *value)
{
    uint32_t result = 0;
    for (size_t i = 0; i < MLPI_HEX32_DIGITS; i++) {
        const char *found = memchr(hex_digits, digits[i], 16);
        if (!found) {
            return false;
        }
        result = result << 4 | (uint32_t)(found - hex_digits);
    }
    *value = result;
    return true;
}

/* Four bits at a time. */
uint32_t mlpi_crc32_on(uint32_t crc, size_t n, const unsigned char *bytes)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

uint32_t mlpi_crc32(size_t n, const unsigned char *bytes)
{
    return mlpi_crc32_on(0, n, bytes);
}
