/* SPDX-License-Identifier: MIT */
/* Damage done to model files, by chance, and a checksum that hides it. */
#ifndef TESTS_DAMAGE_H
#define TESTS_DAMAGE_H

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "mlp.h"

/* Gives the file a checksum that is true, if it has the field. */
static inline void seal_file(unsigned char *bytes, size_t size)
{
    static const char key[] = "\"mlp.crc32\":\"";
    for (size_t i = 0; i + sizeof key + 8 < size; i++) {
        if (memcmp(bytes + i, key, sizeof key - 1) == 0) {
            char digits[9] = "00000000";
            unsigned char *place = bytes + i + sizeof key - 1;
            memcpy(place, digits, 8);
            (void)snprintf(digits, sizeof digits, "%08x",
                           (unsigned)mlpi_crc32(size, bytes));
            memcpy(place, digits, 8);
            return;
        }
    }
}

/* From 0 to below n, which is 1 or more. */
static inline size_t draw_below(mlp_rng *rng, size_t n)
{
    int64_t x = 0;
    (void)mlp_rng_randint(rng, 0, (int64_t)n, &x);
    return (size_t)x;
}

/* One change of the kinds that find mistakes in readers, mostly in the header;
 * the file has 16 bytes or more. */
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
    case 2: /* a digit more or less */
        bytes[i] = (unsigned char)(bytes[i] + draw_below(rng, 3) - 1);
        break;
    case 3: /* some bytes to another place */
        n = i + n <= size ? n : size - i;
        memmove(bytes + draw_below(rng, size - n + 1), bytes + i, n);
        break;
    default: /* some bytes less: the rest moves */
        n = i + n < size ? n : size - i - 1;
        memmove(bytes + i, bytes + i + n, size - i - n);
        break;
    }
}

#endif
