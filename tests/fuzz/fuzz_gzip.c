/* SPDX-License-Identifier: MIT */
/*
 * This target tests the reader of gzip files. Files that are built hold a CSV
 * file as it is, in one block that is not compressed, so that a lie in it can
 * have a true checksum. Those of the corpus are compressed.
 *
 *     head, 10 bytes | 1 | length, 2 bytes | ~length | text | CRC-32 | length
 */
#include "fuzz/tables.h"

#include "base/bytes.h"

enum { TEXT_AT = 15, END = 8 };

static const unsigned char head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};

/* Packs a text. */
static void pack(fuzz_file *f, const unsigned char *text, size_t n)
{
    unsigned char length[5] = {1, (unsigned char)n, (unsigned char)(n >> 8)};
    unsigned char end[END];
    mlpi_writer to = {.bytes = end};
    length[3] = (unsigned char)~length[1];
    length[4] = (unsigned char)~length[2];
    mlpi_put_u32(&to, mlpi_crc32(n, text));
    mlpi_put_u32(&to, (uint32_t)n);
    f->size = 0;
    fuzz_append(f, head, sizeof head);
    fuzz_append(f, length, sizeof length);
    fuzz_append(f, text, n);
    fuzz_append(f, end, sizeof end);
}

static void build(fuzz_file *f, fuzz_draw *d)
{
    unsigned char bytes[1024];
    fuzz_file text = {bytes, 0, sizeof bytes};
    fuzz_build_csv(&text, d);
    pack(f, bytes, text.size);
    fuzz_end_table(f, d);
}

/* One lie in four is in the text, one in four cuts or doubles a part, and the
 * others are anywhere. */
static void lie(fuzz_file *f, fuzz_draw *d)
{
    unsigned char bytes[1024];
    size_t kind = fuzz_below(d, 4);
    size_t n = f->size > TEXT_AT + END ? f->size - 1 - TEXT_AT - END : 0;
    if (kind == 0 && n > 0 && n < sizeof bytes) {
        unsigned char options = f->bytes[f->size - 1];
        fuzz_file text = {bytes, n, sizeof bytes};
        memcpy(bytes, f->bytes + TEXT_AT, n);
        (void)fuzz_lie_in_text(&text, d, 0, n);
        pack(f, bytes, text.size);
        fuzz_append(f, &options, 1);
    } else if (kind == 1 && n > 0) {
        size_t whole = f->size - 1;
        fuzz_splice(f, fuzz_below(d, whole), 0, f->bytes, whole);
    } else {
        (void)fuzz_lie_in_fields(f, d, 0, f->size - 1);
    }
}

const fuzz_target fuzz_this = {build, lie, fuzz_check_table, NULL};
