/* SPDX-License-Identifier: MIT */
/*
 * This target tests the reader of IDX files. A file has two zeros, the type,
 * the number of dimensions, the dimensions as big-endian numbers of 4 bytes,
 * and the elements.
 */
#include "fuzz/tables.h"

static void put_number(fuzz_file *f, size_t n)
{
    unsigned char bytes[4] = {0, 0, (unsigned char)(n >> 8), (unsigned char)n};
    fuzz_append(f, bytes, sizeof bytes);
}

static void build(fuzz_file *f, fuzz_draw *d)
{
    static const struct {
        unsigned char code, width;
    } types[] = {{8, 1}, {9, 1}, {11, 2}, {12, 4}, {13, 4}, {14, 8}};
    size_t type = fuzz_below(d, 6);
    size_t rank = 1 + fuzz_below(d, 3);
    size_t count = types[type].width;
    unsigned char head[4] = {0, 0, types[type].code, (unsigned char)rank};
    fuzz_append(f, head, sizeof head);
    for (size_t i = 0; i < rank; i++) {
        size_t n = 1 + fuzz_below(d, 4);
        put_number(f, n);
        count *= n;
    }
    for (size_t i = 0; i < count; i++) {
        unsigned char byte = (unsigned char)fuzz_below(d, 64);
        fuzz_append(f, &byte, 1);
    }
    fuzz_end_table(f, d);
}

/* Every second lie is in the type or in the dimensions. */
static void lie(fuzz_file *f, fuzz_draw *d)
{
    size_t n = f->size - 1;
    (void)fuzz_lie_in_fields(f, d, 0, n > 16 && fuzz_once_in(d, 2) ? 16 : n);
}

const fuzz_target fuzz_this = {build, lie, fuzz_check_table, NULL};
