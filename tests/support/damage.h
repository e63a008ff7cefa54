/* SPDX-License-Identifier: MIT */
/* Damages model files at random, and makes their checksums true again. */
#ifndef TESTS_DAMAGE_H
#define TESTS_DAMAGE_H

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/number_text.h"
#include "support/ignore.h"
#include "mlp.h"

/* Writes a true checksum into the file, if it has the field: readers then see
 * the damage itself. */
static inline void seal_file(unsigned char *bytes, size_t size)
{
    static const char key[] = "\"mlp.crc32\":\"";
    for (size_t i = 0; i + sizeof key + MLPI_HEX32_DIGITS < size; i++) {
        if (memcmp(bytes + i, key, sizeof key - 1) == 0) {
            char *digits = (char *)bytes + i + sizeof key - 1;
            memcpy(digits, "00000000", MLPI_HEX32_DIGITS);
            mlpi_put_hex32(mlpi_crc32(size, bytes), digits);
            return;
        }
    }
}

/* Draws a number from 0 to n - 1; n is at least 1. */
static inline size_t draw_below(mlp_rng *rng, size_t n)
{
    int64_t x = 0;
    ignore(mlp_rng_randint(rng, 0, (int64_t)n, &x));
    return (size_t)x;
}

/* Makes one random change of a kind that finds mistakes in readers. Three of
 * four are in the header. The file has at least 16 bytes. */
static inline void edit_file(unsigned char *bytes, size_t size, mlp_rng *rng)
{
    static const char marks[] = "{}[]\":,\\0123456789eE.-+u \x80\xff";
    size_t header = 8 + (size_t)bytes[0] + ((size_t)bytes[1] << 8);
    bool in_header = header < size && draw_below(rng, 4) > 0;
    size_t i = draw_below(rng, in_header ? header : size);
    size_t n = 1 + draw_below(rng, 8);
    switch (draw_below(rng, 5)) {
    case 0:
        bytes[i] = (unsigned char)draw_below(rng, 256);
        break;
    case 1:
        bytes[i] = (unsigned char)marks[draw_below(rng, sizeof marks)];
        break;
    case 2: /* adds -1, 0 or 1, which makes another digit of a digit */
        bytes[i] = (unsigned char)(bytes[i] + draw_below(rng, 3) - 1);
        break;
    case 3: /* copies up to 8 bytes to another place */
        n = i + n <= size ? n : size - i;
        memmove(bytes + draw_below(rng, size - n + 1), bytes + i, n);
        break;
    default: /* removes up to 8 bytes: those behind them move */
        n = i + n < size ? n : size - i - 1;
        memmove(bytes + i, bytes + i + n, size - i - n);
        break;
    }
}

#endif
