/* SPDX-License-Identifier: MIT */
/*
 * JSON, read by recursive descent without the recursion: the caller's code is
 * the grammar of what it expects, and mlpi_json_skip, the one place where
 * values of any depth come, keeps its own small stack of brackets.
 *
 *     value  = object | array | string | number | true | false | null
 *     object = { } | { string : value , string : value ... }
 *     array  = [ ] | [ value , value ... ]
 *     string = " any characters but control characters, escapes as below "
 *
 *     \" \\ \/ \b \f \n \r \t    one character each
 *     \uXXXX                     a code point below 10000 (hexadecimal)
 *     \uD8XX\uDCXX               a surrogate pair: a code point from 10000 on
 *
 * Bytes are read only below `size`; a byte 0 inside of the text is never
 * taken for anything but a mistake. Strings are checked when they are read, so
 * the functions on spans (decoding, comparing, writing) need no checks.
 */
#include "base/json.h"
#include "base/number_text.h"

#include <string.h>

enum { MAX_DEPTH = 16 }; /* brackets inside each other */

mlpi_json mlpi_json_of(const char *text, size_t size)
{
    return (mlpi_json){.text = text, .size = size};
}

/* Later mistakes follow from the first one and would only hide it. */
bool mlpi_json_fail(mlpi_json *r, const char *expected)
{
    if (!r->wrong) {
        r->wrong = expected;
    }
    return false;
}

/* Skips white space and returns the next byte without taking it; 0 at the
 * end. */
static char peek(mlpi_json *r)
{
    /* RFC 8259 knows these four characters as white space, and no others. */
    while (r->at < r->size &&
           (r->text[r->at] == ' ' || r->text[r->at] == '\n' ||
            r->text[r->at] == '\t' || r->text[r->at] == '\r')) {
        r->at++;
    }
    return r->at < r->size ? r->text[r->at] : '\0';
}

/* Takes the next byte that is not white space if it is c, which is not 0. */
static bool take(mlpi_json *r, char c)
{
    if (r->wrong || peek(r) != c) {
        return false;
    }
    r->at++;
    return true;
}

/* `fresh` tells mlpi_json_more that no comma may come before the next
 * element. */
bool mlpi_json_open(mlpi_json *r, char bracket)
{
    r->fresh = true;
    return take(r, bracket) ||
           mlpi_json_fail(r, bracket == '{' ? "an object" : "an array");
}

/* A comma before the first element or after the last, and a missing comma
 * between two, are mistakes. Strict readers find them; lenient ones guess. */
bool mlpi_json_more(mlpi_json *r, char closing)
{
    bool fresh = r->fresh;
    r->fresh = false;
    if (r->wrong || take(r, closing)) {
        return false;
    }
    return fresh || take(r, ',') ||
           mlpi_json_fail(r, "a comma or a closing bracket");
}

/* ---------------------------------------------------------------------------
 * Strings
 */

/* Returns the value of a hexadecimal digit of either case, or -1. */
static int hex_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Returns the UTF-16 code unit of the four hexadecimal digits at `at`; -1 if
 * they are not all there. */
static long unit_at(const char *text, size_t size, size_t at)
{
    long unit = 0;
    if (size < 4 || at > size - 4) {
        return -1;
    }
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_of(text[at + i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

/* Returns how many bytes the UTF-8 sequence at `text` has; 0 if it is invalid,
 * or a control character, which JSON does not allow. The table is that of RFC
 * 3629, section 4; its ranges for the second byte exclude overlong forms,
 * surrogates and code points above 10FFFF. */
static size_t sequence_at(const unsigned char *text, size_t left)
{
    static const struct {
        unsigned char first, last, low, high; /* of the first two bytes */
        size_t bytes;
    } forms[] = {
        {0x20, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2},
        {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
        {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (text[0] < forms[i].first || text[0] > forms[i].last) {
            continue;
        }
        if (forms[i].bytes > left ||
            (forms[i].bytes > 1 &&
             (text[1] < forms[i].low || text[1] > forms[i].high))) {
            return 0;
        }
        /* Bytes after the second are 10xxxxxx in every form. */
        for (size_t j = 2; j < forms[i].bytes; j++) {
            if ((text[j] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return forms[i].bytes;
    }
    return 0;
}

/* Returns how many bytes the escape at the backslash has: 2 for \n and the
 * like, 6 for \u and four digits, 12 for a surrogate pair, which is one
 * character; 0 if it is invalid. Half a pair is invalid, because no UTF-8
 * stands for it. */
static size_t escape_at(const char *text, size_t size, size_t at)
{
    if (at + 1 >= size) {
        return 0;
    }
    if (text[at + 1] != 'u') {
        return text[at + 1] != '\0' && strchr("\"\\/bfnrt", text[at + 1]) ? 2
                                                                          : 0;
    }
    /* D800 to DBFF is the first half of a pair, DC00 to DFFF the second. */
    long unit = unit_at(text, size, at + 2);
    if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff)) {
        return 0;
    }
    if (unit < 0xd800 || unit > 0xdbff) {
        return 6;
    }
    bool paired = at + 7 < size && text[at + 6] == '\\' && text[at + 7] == 'u';
    long second = paired ? unit_at(text, size, at + 8) : -1;
    return second >= 0xdc00 && second <= 0xdfff ? 12 : 0;
}

/* Checks every character of the string, and leaves its escapes for later. */
bool mlpi_json_string(mlpi_json *r, mlpi_span *text)
{
    *text = (mlpi_span){"", 0};
    if (!take(r, '"')) {
        return mlpi_json_fail(r, "a string");
    }
    size_t first = r->at;
    while (r->at < r->size && r->text[r->at] != '"') {
        const char *here = r->text + r->at;
        size_t bytes = *here == '\\' ? escape_at(r->text, r->size, r->at)
                                     : sequence_at((const unsigned char *)here,
                                                   r->size - r->at);
        if (bytes == 0) {
            return mlpi_json_fail(r, "valid UTF-8 and escapes in a string");
        }
        r->at += bytes;
    }
    size_t size = r->at - first;
    if (!take(r, '"')) {
        return mlpi_json_fail(r, "the end of a string");
    }
    *text = (mlpi_span){r->text + first, size};
    return true;
}

/* A key is a string, followed by a colon. */
bool mlpi_json_key(mlpi_json *r, mlpi_span *key)
{
    return mlpi_json_string(r, key) &&
           (take(r, ':') || mlpi_json_fail(r, "a colon"));
}

/* Returns the code point of a valid UTF-8 sequence of n bytes. */
static uint32_t decode(const unsigned char *text, size_t n)
{
    /* The bits of the first of 1, 2, 3 or 4 bytes that belong to it. */
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = text[0] & masks[n];
    for (size_t i = 1; i < n; i++) {
        c = c << 6 | (text[i] & 0x3f);
    }
    return c;
}

/* Returns the character that a valid escape of n bytes stands for. The escapes
 * of a quote, a backslash and a slash are those characters themselves. */
static uint32_t decode_escape(const char *escape, size_t n)
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    if (n == 2) {
        const char *known = strchr(letters, escape[1]);
        return (unsigned char)(known ? meanings[known - letters] : escape[1]);
    }
    /* A pair holds 20 bits of a code point above FFFF, ten in each half. */
    uint32_t unit = (uint32_t)unit_at(escape, n, 2);
    if (n == 6) {
        return unit;
    }
    uint32_t second = (uint32_t)unit_at(escape, n, 8);
    return 0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00);
}

/* The string was checked when it was read, so n is never 0 here. */
bool mlpi_span_next(mlpi_span *rest, uint32_t *character)
{
    if (rest->size == 0) {
        return false;
    }
    const unsigned char *here = (const unsigned char *)rest->text;
    size_t n = 0;
    if (*here == '\\') {
        n = escape_at(rest->text, rest->size, 0);
        *character = decode_escape(rest->text, n);
    } else {
        n = sequence_at(here, rest->size);
        *character = decode(here, n);
    }
    rest->text += n;
    rest->size -= n;
    return true;
}

/* Code points are compared, not bytes: the text may write one character as an
 * escape and another as UTF-8. */
int mlpi_span_compare(mlpi_span a, mlpi_span b)
{
    for (;;) {
        uint32_t x = 0;
        uint32_t y = 0;
        bool more_a = mlpi_span_next(&a, &x);
        bool more_b = mlpi_span_next(&b, &y);
        if (!more_a || !more_b) {
            return more_a - more_b; /* the shorter one comes first */
        }
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
}

bool mlpi_span_is(mlpi_span span, const char *ascii)
{
    return mlpi_span_compare(span, (mlpi_span){ascii, strlen(ascii)}) == 0;
}

/* Writes a code point as UTF-8 of 1 to 4 bytes. */
static void encode(mlpi_writer *to, uint32_t c)
{
    /* The first of 1, 2, 3 or 4 bytes begins with these bits. */
    static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    unsigned char bytes[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6) {
        bytes[i] = (unsigned char)(0x80 | (c & 0x3f));
    }
    bytes[0] = (unsigned char)(marks[n] | c);
    mlpi_put_bytes(to, n, bytes);
}

/* An escape of 6 bytes becomes at most 3 bytes, one of 12 becomes 4. */
void mlpi_put_span(mlpi_writer *to, mlpi_span span)
{
    uint32_t c = 0;
    while (mlpi_span_next(&span, &c)) {
        encode(to, c);
    }
}

bool mlpi_is_utf8(const char *text, size_t n)
{
    size_t bytes = 1;
    for (; n > 0 && bytes > 0; text += bytes, n -= bytes) {
        const unsigned char *here = (const unsigned char *)text;
        /* JSON forbids control characters in strings; UTF-8 has them. */
        bytes = *here < 0x20 ? 1 : sequence_at(here, n);
    }
    return bytes > 0;
}

/* ---------------------------------------------------------------------------
 * Numbers, words, and values that are skipped
 */

/* isdigit would depend on the locale. */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* True if the next byte is one of `any`. */
static bool next_is(const mlpi_json *r, const char *any)
{
    return r->at < r->size && r->text[r->at] != '\0' &&
           strchr(any, r->text[r->at]);
}

/* A number with a leading zero, a fraction or an exponent is a mistake, even if
 * it is whole: the writers of these files have no reason to write one. */
bool mlpi_json_number(mlpi_json *r, uint64_t *number)
{
    *number = 0;
    if (r->wrong || !is_digit(peek(r))) {
        return mlpi_json_fail(r, "a whole number");
    }
    uint64_t n = 0;
    size_t first = r->at;
    for (; r->at < r->size && is_digit(r->text[r->at]); r->at++) {
        uint64_t digit = (uint64_t)(r->text[r->at] - '0');
        if (n > (UINT64_MAX - digit) / 10) { /* 10 n + digit overflows */
            return mlpi_json_fail(r, "a number below 2^64");
        }
        n = n * 10 + digit;
    }
    bool leads = r->text[first] == '0' && r->at > first + 1;
    if (leads || next_is(r, ".eE")) {
        return mlpi_json_fail(r, "a whole number");
    }
    *number = n;
    return true;
}

/* Takes digits; true if there was at least one. */
static bool skip_digits(mlpi_json *r)
{
    size_t first = r->at;
    while (r->at < r->size && is_digit(r->text[r->at])) {
        r->at++;
    }
    return r->at > first;
}

/* Takes any number of RFC 8259: -0.5e+3. */
static bool skip_number(mlpi_json *r)
{
    r->at += next_is(r, "-");
    bool zero = next_is(r, "0");
    size_t first = r->at;
    bool good = skip_digits(r) && !(zero && r->at > first + 1);
    if (good && next_is(r, ".")) {
        r->at++;
        good = skip_digits(r);
    }
    if (good && next_is(r, "eE")) {
        r->at++;
        r->at += next_is(r, "+-");
        good = skip_digits(r);
    }
    return good || mlpi_json_fail(r, "a value");
}

/* Takes true, false or null. */
static bool take_word(mlpi_json *r, const char *word)
{
    size_t n = strlen(word);
    (void)peek(r);
    if (r->wrong || r->size - r->at < n ||
        memcmp(r->text + r->at, word, n) != 0) {
        return false;
    }
    r->at += n;
    return true;
}

/* After a failure the flag is false, and the call returns false as well. */
bool mlpi_json_flag(mlpi_json *r, bool *flag)
{
    *flag = take_word(r, "true");
    return *flag || take_word(r, "false") || mlpi_json_fail(r, "true or false");
}

bool mlpi_json_null(mlpi_json *r)
{
    return take_word(r, "null");
}

/* Takes any value but an array or an object. */
static bool skip_simple(mlpi_json *r)
{
    mlpi_span text;
    char c = peek(r);
    if (c == '"') {
        return mlpi_json_string(r, &text);
    }
    if (c == '-' || is_digit(c)) {
        return skip_number(r);
    }
    return take_word(r, "true") || take_word(r, "false") ||
           take_word(r, "null") || mlpi_json_fail(r, "a value");
}

/* The stack `closing` holds the closing brackets that are still to come. Each
 * round of the loop takes a simple value or opens a bracket, then closes what
 * ends there, then takes the key before the next value of an object. */
bool mlpi_json_skip(mlpi_json *r)
{
    char closing[MAX_DEPTH];
    size_t depth = 0;
    do {
        char c = peek(r);
        mlpi_span key;
        if (!r->wrong && (c == '{' || c == '[')) {
            if (depth == MAX_DEPTH) {
                return mlpi_json_fail(r, "fewer brackets inside each other");
            }
            (void)mlpi_json_open(r, c);
            closing[depth++] = c == '{' ? '}' : ']';
        } else if (!r->wrong) {
            (void)skip_simple(r);
        }
        while (depth > 0 && !mlpi_json_more(r, closing[depth - 1])) {
            if (r->wrong) {
                return false;
            }
            depth--;
        }
        if (depth > 0 && closing[depth - 1] == '}') {
            (void)mlpi_json_key(r, &key);
        }
    } while (depth > 0 && !r->wrong);
    return !r->wrong;
}

/* A byte 0 before the end is not the end: peek returns 0 for both. */
bool mlpi_json_end(mlpi_json *r)
{
    if (!r->wrong && (peek(r) != '\0' || r->at < r->size)) {
        (void)mlpi_json_fail(r, "nothing more");
    }
    return !r->wrong;
}

/* ---------------------------------------------------------------------------
 * Writing
 */

/* Writes a byte, escaped once more if the writer is nested. */
static void put(mlpi_json_writer w, char c)
{
    if (w.nested && (c == '"' || c == '\\')) {
        mlpi_put_bytes(w.to, 1, "\\");
    }
    mlpi_put_bytes(w.to, 1, &c);
}

/* Names and brackets contain no characters that need escapes of their own. */
void mlpi_json_put(mlpi_json_writer w, const char *json)
{
    for (; *json; json++) {
        put(w, *json);
    }
}

/* A quote and a backslash get a backslash; a control character becomes \u00xx.
 * Everything else is UTF-8 as it is. */
void mlpi_json_put_string(mlpi_json_writer w, const char *utf8)
{
    static const char digits[] = "0123456789abcdef";
    put(w, '"');
    for (; *utf8; utf8++) {
        unsigned char c = (unsigned char)*utf8;
        if (c < 0x20) {
            mlpi_json_put(w, "\\u00");
            put(w, digits[c >> 4]);
            put(w, digits[c & 15]);
        } else {
            if (c == '"' || c == '\\') {
                put(w, '\\');
            }
            put(w, *utf8);
        }
    }
    put(w, '"');
}

/* Digits need no escapes, nested or not. */
void mlpi_json_put_number(mlpi_json_writer w, uint64_t number)
{
    char digits[MLPI_DECIMAL_DIGITS];
    char *end = mlpi_put_decimal(number, digits);
    mlpi_put_bytes(w.to, (size_t)(end - digits), digits);
}
