/* SPDX-License-Identifier: MIT */
/*
 * Lies in files. A text is a sequence of words (letters, digits and what stands
 * in numbers) and marks (every other byte). A lie replaces a word by another of
 * the same file, so that a key comes twice and two ranges overlap, or by a
 * number that readers get wrong, or it moves what stands between two marks.
 */
#include "fuzz/fuzz.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "support/damage.h"

/* ---------------------------------------------------------------------------
 * Bytes
 */

void fuzz_splice(fuzz_file *f, size_t at, size_t removed, const void *added,
                 size_t n)
{
    at = at < f->size ? at : f->size;
    removed = removed < f->size - at ? removed : f->size - at;
    size_t behind = f->size - at - removed;
    n = n < f->room - at ? n : f->room - at;
    behind = behind < f->room - at - n ? behind : f->room - at - n;
    /* `added` may point into the file. */
    unsigned char *copy = fuzz_copy(added, n);
    memmove(f->bytes + at + n, f->bytes + at + removed, behind);
    memcpy(f->bytes + at, copy, n);
    free(copy);
    f->size = at + n + behind;
}

void fuzz_append(fuzz_file *f, const void *bytes, size_t n)
{
    n = n < f->room - f->size ? n : f->room - f->size;
    memcpy(f->bytes + f->size, bytes, n);
    f->size += n;
}

void fuzz_print(fuzz_file *f, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    NEED(n >= 0 && (size_t)n < sizeof text);
    fuzz_append(f, text, (size_t)n);
}

/* ---------------------------------------------------------------------------
 * Texts
 */

typedef struct range {
    size_t from, to;
} range;

static bool in_word(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '+' ||
           c == '.' || c >= 0x80;
}

/* Returns the word or the mark at a random place. */
static range any_token(const fuzz_file *f, fuzz_draw *d, range text)
{
    size_t at = text.from + fuzz_below(d, text.to - text.from);
    range token = {at, at + 1};
    if (in_word(f->bytes[at])) {
        while (token.from > text.from && in_word(f->bytes[token.from - 1])) {
            token.from--;
        }
        while (token.to < text.to && in_word(f->bytes[token.to])) {
            token.to++;
        }
    }
    return token;
}

static bool is_number(const fuzz_file *f, range token)
{
    unsigned char c = f->bytes[token.from];
    return (c >= '0' && c <= '9') || c == '-';
}

/* Returns a token of the same kind as another, if a few attempts find one. */
static range similar_token(const fuzz_file *f, fuzz_draw *d, range text,
                           range like)
{
    range other = like;
    for (int i = 0; i < 8; i++) {
        other = any_token(f, d, text);
        if (other.from != like.from &&
            in_word(f->bytes[other.from]) == in_word(f->bytes[like.from]) &&
            is_number(f, other) == is_number(f, like)) {
            break;
        }
    }
    return other;
}

/* Returns what stands between two marks that are equal to one at a random
 * place, with the second of them: a line, a cell, a member. */
static range any_part(const fuzz_file *f, fuzz_draw *d, range text)
{
    static const char marks[] = "\n,;\t }\"";
    unsigned char mark = (unsigned char)marks[fuzz_below(d, sizeof marks - 1)];
    size_t at = text.from + fuzz_below(d, text.to - text.from);
    range part = {at, at};
    while (part.from > text.from && f->bytes[part.from - 1] != mark) {
        part.from--;
    }
    while (part.to < text.to && f->bytes[part.to++] != mark) {
    }
    return part;
}

static void put_number(fuzz_file *f, fuzz_draw *d, range token)
{
    static const char *const numbers[] = {"0",
                                          "1",
                                          "2",
                                          "3",
                                          "4",
                                          "7",
                                          "8",
                                          "15",
                                          "16",
                                          "255",
                                          "256",
                                          "257",
                                          "65535",
                                          "65536",
                                          "65537",
                                          "16777216",
                                          "16777217",
                                          "2147483647",
                                          "2147483648",
                                          "4294967295",
                                          "4294967296",
                                          "4294967297",
                                          "9007199254740993",
                                          "2305843009213693952",
                                          "4611686018427387904",
                                          "9223372036854775807",
                                          "9223372036854775808",
                                          "18446744073709551615",
                                          "18446744073709551616",
                                          "99999999999999999999999999999999",
                                          "-1",
                                          "-0",
                                          "00",
                                          "1.5",
                                          "1e3",
                                          "1e999",
                                          "-1e999",
                                          "1e-999",
                                          "nan",
                                          "inf",
                                          "-inf",
                                          "0x1p3",
                                          "0x1.fffffffffffffp1023",
                                          "1,5",
                                          ".",
                                          "1.",
                                          ".5",
                                          "+1",
                                          "1e",
                                          ""};
    const char *text =
        numbers[fuzz_below(d, sizeof numbers / sizeof numbers[0])];
    fuzz_splice(f, token.from, token.to - token.from, text, strlen(text));
}

enum { DIGITS = 24 };

/* Writes a whole number that differs by at most 8 from one in the file. */
static void near_number(const fuzz_file *f, fuzz_draw *d, range token,
                        char digits[DIGITS])
{
    enum { MOST = 8 };
    size_t n = token.to - token.from;
    memset(digits, 0, DIGITS);
    memcpy(digits, f->bytes + token.from, n < 20 ? n : 20);
    unsigned long long value = strtoull(digits, NULL, 10);
    value += fuzz_below(d, 2 * MOST + 1);
    (void)snprintf(digits, DIGITS, "%llu", value > MOST ? value - MOST : 0);
}

/* Changes a whole number: an offset is off by one. */
static void change_number(fuzz_file *f, fuzz_draw *d, range token)
{
    char digits[DIGITS];
    near_number(f, d, token, digits);
    fuzz_splice(f, token.from, token.to - token.from, digits, strlen(digits));
}

/* Changes every number of a text that equals the token: a border of two ranges
 * moves, or a layer gets another width everywhere. */
static void change_everywhere(fuzz_file *f, fuzz_draw *d, range text,
                              range token)
{
    char old[DIGITS] = "";
    char new[DIGITS];
    size_t n = token.to - token.from;
    if (n >= sizeof old) {
        return;
    }
    memcpy(old, f->bytes + token.from, n);
    near_number(f, d, token, new);
    size_t m = strlen(new);
    for (size_t at = text.from; at + n <= text.to && at + n <= f->size; at++) {
        bool begins = at == text.from || !in_word(f->bytes[at - 1]);
        bool ends = at + n == f->size || !in_word(f->bytes[at + n]);
        if (begins && ends && memcmp(f->bytes + at, old, n) == 0) {
            fuzz_splice(f, at, n, new, m);
            text.to = text.to - n + m;
            at += m;
        }
    }
}

/* Inserts what texts rarely have. */
static void insert_oddity(fuzz_file *f, fuzz_draw *d, size_t at)
{
    static const struct {
        size_t n;
        const char *text;
    } odd[] = {{6, "\\u0000"},
               {6, "\\u0061"},
               {6, "\\ud800"},
               {2, "\\\""},
               {1, "\\"},
               {2, "\\\\"},
               {1, "\""},
               {1, ""},
               {1, "\x80"},
               {1, "\xff"},
               {3, "\xef\xbb\xbf"},
               {2, "\xc0\x80"},
               {4, "\xf4\x90\x80\x80"},
               {1, "\r"},
               {2, "\r\n"},
               {1, "\n"},
               {2, "\n\n"},
               {1, "{"},
               {1, "["},
               {1, "}"},
               {1, "]"},
               {1, ","},
               {1, ":"},
               {1, "\t"},
               {1, "\x1b"},
               {1, "\v"},
               {16, "[[[[[[[[[[[[[[[["},
               {3, "NaN"},
               {4, "null"},
               {4, "true"},
               {1, " "}};
    size_t i = fuzz_below(d, sizeof odd / sizeof odd[0]);
    fuzz_splice(f, at, 0, odd[i].text, odd[i].n);
}

/* Repeats a byte, so that a word becomes longer than a buffer for it. */
static void repeat_byte(fuzz_file *f, fuzz_draw *d, size_t at)
{
    unsigned char run[5000];
    size_t most = fuzz_once_in(d, 8) ? sizeof run : 300;
    memset(run, f->bytes[at], most);
    fuzz_splice(f, at, 0, run, 1 + fuzz_below(d, most));
}

/* Moves, doubles or removes what stands between two marks. */
static void move_part(fuzz_file *f, fuzz_draw *d, range text)
{
    range part = any_part(f, d, text);
    size_t n = part.to - part.from;
    size_t to = fuzz_once_in(d, 2)
                    ? part.from
                    : text.from + fuzz_below(d, text.to - text.from);
    if (!fuzz_once_in(d, 3)) {
        fuzz_splice(f, to, 0, f->bytes + part.from, n);
    } else {
        fuzz_splice(f, part.from, n, "", 0);
    }
}

size_t fuzz_lie_in_text(fuzz_file *f, fuzz_draw *d, size_t from, size_t to)
{
    if (from >= to) {
        return to;
    }
    range text = {from, to};
    size_t behind = f->size - to;
    range token = any_token(f, d, text);
    range other = similar_token(f, d, text, token);
    switch (fuzz_below(d, 12)) {
    case 0:
    case 1:
    case 2:
        if (is_number(f, token) && fuzz_once_in(d, 3)) {
            change_everywhere(f, d, text, token);
            break;
        }
        if (is_number(f, token) && fuzz_once_in(d, 2)) {
            change_number(f, d, token);
            break;
        }
        put_number(f, d, is_number(f, token) ? token : other);
        break;
    case 3:
    case 4:
    case 5:
        fuzz_splice(f, token.from, token.to - token.from, f->bytes + other.from,
                    other.to - other.from);
        break;
    case 6:
        fuzz_splice(f, token.from, token.to - token.from, "", 0);
        break;
    case 7:
        f->bytes[token.from] ^= (unsigned char)(1U << fuzz_below(d, 8));
        break;
    case 8:
        insert_oddity(f, d, token.from);
        break;
    case 9:
        repeat_byte(f, d, token.from);
        break;
    default:
        move_part(f, d, text);
        break;
    }
    return f->size > behind ? f->size - behind : 0;
}

/* ---------------------------------------------------------------------------
 * Fields
 */

/* Writes an integer of `width` bytes. */
static void put_integer(unsigned char *to, size_t width, uint64_t value,
                        bool big_endian)
{
    for (size_t i = 0; i < width; i++) {
        size_t at = big_endian ? width - 1 - i : i;
        to[at] = (unsigned char)(value >> (8 * i));
    }
}

static uint64_t get_integer(const unsigned char *from, size_t width,
                            bool big_endian)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++) {
        size_t at = big_endian ? width - 1 - i : i;
        value |= (uint64_t)from[at] << (8 * i);
    }
    return value;
}

/* Returns a value near a power of two, or near the old one. */
static uint64_t any_integer(fuzz_draw *d, uint64_t old)
{
    uint64_t near = (uint64_t)fuzz_below(d, 5) - 2;
    switch (fuzz_below(d, 3)) {
    case 0:
        return old + near;
    case 1:
        return fuzz_below(d, 20);
    default:
        return (UINT64_C(1) << fuzz_below(d, 64)) + near;
    }
}

static void change_field(fuzz_file *f, fuzz_draw *d, range field)
{
    size_t n = field.to - field.from;
    size_t width = (size_t)1 << fuzz_below(d, 4);
    width = width <= n ? width : 1;
    size_t places = (n - width) / width + 1;
    unsigned char *at = f->bytes + field.from + width * fuzz_below(d, places);
    bool big = fuzz_once_in(d, 2);
    double real = fuzz_real(d);
    float single = (float)real;
    if (width >= 4 && fuzz_once_in(d, 3)) {
        memcpy(at, width == 4 ? (void *)&single : (void *)&real, width);
    } else {
        put_integer(at, width, any_integer(d, get_integer(at, width, big)),
                    big);
    }
}

size_t fuzz_lie_in_fields(fuzz_file *f, fuzz_draw *d, size_t from, size_t to)
{
    if (from >= to) {
        return to;
    }
    size_t behind = f->size - to;
    size_t at = from + fuzz_below(d, to - from);
    size_t other = from + fuzz_below(d, to - from);
    size_t n = (size_t)1 << fuzz_below(d, 5);
    n = n < to - at ? n : to - at;
    n = n < to - other ? n : to - other;
    switch (fuzz_below(d, 8)) {
    case 0: /* copies a field over another */
        memmove(f->bytes + at, f->bytes + other, n);
        break;
    case 1:
        fuzz_splice(f, at, 0, f->bytes + other, n);
        break;
    case 2:
        fuzz_splice(f, at, n, "", 0);
        break;
    default:
        change_field(f, d, (range){from, to});
        break;
    }
    return f->size > behind ? f->size - behind : 0;
}

/* ---------------------------------------------------------------------------
 * Safetensors
 */

/* Cuts or extends the data, and lets the ranges that end with them end with
 * them still. */
static void resize_data(fuzz_file *f, fuzz_draw *d, size_t header_end)
{
    static const unsigned char zeros[64];
    size_t n = f->size - header_end;
    char old[24] = "";
    char new[24] = "";
    size_t m = fuzz_once_in(d, 2) ? n + fuzz_below(d, sizeof zeros)
                                  : n - fuzz_below(d, n < 64 ? n + 1 : 64);
    (void)snprintf(old, sizeof old, ",%zu]", n);
    (void)snprintf(new, sizeof new, ",%zu]", m);
    size_t length = strlen(old);
    for (size_t at = 0; at + length < header_end; at++) {
        if (memcmp(f->bytes + at, old, length) == 0) {
            fuzz_splice(f, at, length, new, strlen(new));
            header_end = header_end - length + strlen(new);
        }
    }
    if (m < n) {
        f->size -= n - m;
    } else {
        fuzz_append(f, zeros, m - n);
    }
    put_integer(f->bytes, 8, header_end - 8, false);
}

void fuzz_lie_in_tensors(fuzz_file *f, fuzz_draw *d)
{
    enum { LENGTH = 8 };
    if (f->size <= LENGTH) {
        return;
    }
    uint64_t n = get_integer(f->bytes, LENGTH, false);
    size_t end = n < f->size - LENGTH ? LENGTH + (size_t)n : f->size;
    size_t kind = fuzz_below(d, 16);
    if (kind == 0) {
        (void)fuzz_lie_in_fields(f, d, 0, LENGTH);
    } else if (kind < 3) {
        (void)fuzz_lie_in_fields(f, d, end, f->size);
    } else if (kind == 3) {
        f->size -= fuzz_below(d, f->size - LENGTH);
    } else if (kind == 4) {
        resize_data(f, d, end);
    } else {
        end = fuzz_lie_in_text(f, d, LENGTH, end);
        end = end > LENGTH ? end - LENGTH : 0;
        put_integer(f->bytes, LENGTH, end, false);
    }
    if (!fuzz_once_in(d, 32)) {
        seal_file(f->bytes, f->size);
    }
}
