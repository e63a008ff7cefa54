/* SPDX-License-Identifier: MIT */
/*
 * This target tests the reader of NPY files. A file has a magic string, the
 * version, the length of the header, the header (the text of a Python
 * dictionary), and the elements.
 */
#include "fuzz/tables.h"

enum { VERSION_AT = 6, LENGTH_AT = 8, TEXT_AT = 10 };

static void put_length(fuzz_file *f, size_t end)
{
    size_t n = end > TEXT_AT ? end - TEXT_AT : 0;
    f->bytes[LENGTH_AT] = (unsigned char)n;
    f->bytes[LENGTH_AT + 1] = (unsigned char)(n >> 8);
}

static void build(fuzz_file *f, fuzz_draw *d)
{
    static const char *const types[] = {"<f4", ">f4", "<f8", ">f8", "<i4",
                                        ">i4", "<i8", ">i8", "|u1"};
    const char *type = types[fuzz_below(d, 9)];
    size_t rows = 1 + fuzz_below(d, 4);
    size_t cols = 1 + fuzz_below(d, 3);
    bool is_column = fuzz_once_in(d, 3);
    size_t bytes = rows * (is_column ? 1 : cols) * (size_t)(type[2] - '0');
    fuzz_append(f, "\x93NUMPY\1\0\0\0", TEXT_AT);
    fuzz_print(f, "{'descr': '%s', 'fortran_order': %s, 'shape': (%zu,", type,
               fuzz_once_in(d, 2) ? "True" : "False", rows);
    if (!is_column) {
        fuzz_print(f, " %zu", cols);
    }
    fuzz_print(f, "), }%*s\n", (int)fuzz_below(d, 20), "");
    put_length(f, f->size);
    for (size_t i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)fuzz_below(d, 64);
        fuzz_append(f, &byte, 1);
    }
    fuzz_end_table(f, d);
}

/* Mostly tells a lie in the text, whose length stays true. */
static void lie(fuzz_file *f, fuzz_draw *d)
{
    size_t kind = fuzz_below(d, 8);
    if (f->size < TEXT_AT + 2) {
        return;
    }
    size_t n = f->bytes[LENGTH_AT] + ((size_t)f->bytes[LENGTH_AT + 1] << 8);
    size_t end = TEXT_AT + n < f->size - 1 ? TEXT_AT + n : f->size - 1;
    if (kind == 0) {
        (void)fuzz_lie_in_fields(f, d, VERSION_AT, TEXT_AT);
    } else if (kind == 1) {
        (void)fuzz_lie_in_fields(f, d, end, f->size - 1);
    } else {
        end = fuzz_lie_in_text(f, d, TEXT_AT, end);
        put_length(f, end);
    }
}

const fuzz_target fuzz_this = {build, lie, fuzz_check_table, NULL};
