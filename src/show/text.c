/* SPDX-License-Identifier: MIT */
/*
 * Numbers, columns and messages.
 *
 * The columns of a character are those of Unicode's East Asian Width and of
 * its combining marks, by a short list of ranges: the C library's wcwidth
 * depends on the locale.
 *
 *     text      bytes  characters  columns
 *     cat           3           3        3
 *     café          5           4        4
 *     漢字          6           2        4
 *
 * Numbers are written by printf, whose decimal point is that of the locale, and
 * then get a point.
 */
#include "show/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------
 * Numbers
 */

/* Replaces the decimal point of the locale by a point. It is all that stands in
 * a number and that C's own text of a number cannot have: a comma, say, or a
 * character of several bytes. Functions that would tell it are not safe in a
 * program with threads. */
static char *fix_point(char *text)
{
    size_t before = strspn(text, "+-0123456789einfa");
    char *rest = text + before;
    if (*rest != '\0') {
        size_t point = strcspn(rest, "0123456789e");
        memmove(rest + 1, rest + point, strlen(rest + point) + 1);
        *rest = '.';
    }
    return text;
}

/* The largest double has 309 digits before the point, which the room holds with
 * some to spare. */
char *mlpi_text_fixed(double x, int decimals, char text[MLPI_NUMBER_SIZE])
{
    (void)snprintf(text, MLPI_NUMBER_SIZE, "%.*f", decimals, x);
    return fix_point(text);
}

/* 15 digits are enough for most numbers that people write, such as 0.1, and 17
 * for all. Reading back uses the locale that has written the text, so this
 * comes before the point is mended. */
char *mlpi_text_number(double x, int digits, char text[MLPI_NUMBER_SIZE])
{
    if (!isfinite(x)) {
        memcpy(text, "NaN", 4);
        return text;
    }
    int least = digits > 0 ? digits : 15;
    (void)snprintf(text, MLPI_NUMBER_SIZE, "%.*g", least, x);
    while (digits == 0 && least < 17 && strtod(text, NULL) != x) {
        least++;
        (void)snprintf(text, MLPI_NUMBER_SIZE, "%.*g", least, x);
    }
    return fix_point(text);
}

/* The digits are written from the last to the first, into the end of the room.
 */
char *mlpi_text_count(size_t n, char text[MLPI_COUNT_SIZE])
{
    size_t at = MLPI_COUNT_SIZE - 1;
    text[at] = '\0';
    for (size_t digits = 0; digits == 0 || n > 0; digits++, n /= 10) {
        if (digits > 0 && digits % 3 == 0) {
            text[--at] = ',';
        }
        text[--at] = (char)('0' + n % 10);
    }
    memmove(text, text + at, MLPI_COUNT_SIZE - at);
    return text;
}

/* ---------------------------------------------------------------------------
 * Columns
 */

/* Reads a character of UTF-8 and returns its bytes, 0 if it is none:
 *
 *     0xxxxxxx                              to 0x7f
 *     110xxxxx 10xxxxxx                     to 0x7ff
 *     1110xxxx 10xxxxxx 10xxxxxx            to 0xffff
 *     11110xxx 10xxxxxx 10xxxxxx 10xxxxxx   to 0x10ffff
 *
 * A text that is cut ends in a byte 0, which continues no character, so nothing
 * is read behind the end. The last lines refuse forms that are longer than
 * needed, halves of surrogate pairs, and numbers above Unicode's. */
static size_t read_character(const char *text, uint32_t *c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)text[0];
    size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    *c = n == 1 ? first : first & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        unsigned char next = (unsigned char)text[i];
        if ((next & 0xc0) != 0x80) {
            return 0;
        }
        *c = *c << 6 | (next & 0x3f);
    }
    bool is_valid = (first < 0x80 || (first >= 0xc2 && first < 0xf5)) &&
                    *c >= least[n] && *c <= 0x10ffff &&
                    !(*c >= 0xd800 && *c < 0xe000);
    return is_valid ? n : 0;
}

/* The list is short, so it is searched from its front. Characters that it lacks
 * have one column, as nearly all do. */
static size_t columns_of(uint32_t c)
{
    static const struct {
        uint32_t first, last;
        size_t columns;
    } ranges[] = {
        {0x300, 0x36f, 0},     {0x1100, 0x115f, 2},   {0x200b, 0x200f, 0},
        {0x20d0, 0x20ff, 0},   {0x2e80, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},
        {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},   {0xfe30, 0xfe6f, 2},
        {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2},
        {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) {
            return ranges[i].columns;
        }
    }
    return 1;
}

/* A terminal obeys control characters, among them those from 0x80 to 0x9f, so a
 * name from a file must not reach it with one. */
const char *mlpi_text_next(const char **text, size_t *length, size_t *columns)
{
    uint32_t c = 0;
    const char *at = *text;
    *columns = 0;
    *length = 0;
    if (*at == '\0') {
        return at;
    }
    size_t n = read_character(at, &c);
    *text += n > 0 ? n : 1;
    *length = n;
    if (n == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0)) {
        *length = *columns = 1;
        return "?";
    }
    *columns = columns_of(c);
    return at;
}

/* A text of several lines counts as one: '\n' is a control character here. */
size_t mlpi_text_columns(const char *text)
{
    size_t sum = 0;
    size_t length = 0;
    size_t columns = 0;
    do {
        (void)mlpi_text_next(&text, &length, &columns);
        sum += columns;
    } while (length > 0);
    return sum;
}

/* A wide character that would stick out is left out, and a blank stands in its
 * place, so that the next column begins where it should. */
void mlpi_text_put(FILE *to, const char *text, size_t width, bool right)
{
    size_t whole = mlpi_text_columns(text);
    size_t room = whole > width ? width - 3 : width;
    size_t used = 0;
    size_t length = 0;
    size_t columns = 0;
    if (right && whole < width) {
        (void)fprintf(to, "%*s", (int)(width - whole), "");
    }
    for (;;) {
        const char *c = mlpi_text_next(&text, &length, &columns);
        if (length == 0 || used + columns > room) {
            break;
        }
        (void)fwrite(c, 1, length, to);
        used += columns;
    }
    if (whole > width) {
        (void)fputs("...", to);
        used += 3;
    }
    if (!right && used < width) {
        (void)fprintf(to, "%*s", (int)(width - used), "");
    }
}

/* ---------------------------------------------------------------------------
 * Failures
 */

/* A message that is longer than the room is cut. Paths can be that long. */
mlp_status mlpi_refuse(const mlp_hooks *hooks, mlp_status status,
                       const char *format, ...)
{
    if (hooks && hooks->log) {
        char message[512];
        va_list arguments;
        va_start(arguments, format);
        /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
        (void)vsnprintf(message, sizeof message, format, arguments);
        va_end(arguments);
        hooks->log(status, message, hooks->user);
    }
    return status;
}

/* A matrix of another type is refused even if its numbers are whole:
 * mlp_score_classes would refuse it, too. */
mlp_status mlpi_check_counts(const mlp_hooks *hooks, mlp_cview counts,
                             const char *const *names)
{
    size_t k = counts.rows;
    if (counts.dtype != MLP_I32) {
        return mlpi_refuse(hooks, MLP_ERR_DTYPE,
                           "a confusion matrix: expects int32");
    }
    if (k == 0 || counts.cols != k) {
        return mlpi_refuse(hooks, MLP_ERR_SHAPE,
                           "a confusion matrix: expects as many rows as "
                           "columns, got (%zu, %zu)",
                           k, counts.cols);
    }
    if (!counts.data) {
        return mlpi_refuse(hooks, MLP_ERR_NULL,
                           "a confusion matrix: the counts are NULL");
    }
    for (size_t i = 0; i < k * k; i++) {
        if (mlp_cview_at(counts, i / k, i % k) < 0) {
            return mlpi_refuse(hooks, MLP_ERR_ARGUMENT,
                               "a confusion matrix: expects counts of 0 or "
                               "more, got %.0f in row %zu, column %zu",
                               mlp_cview_at(counts, i / k, i % k), i / k,
                               i % k);
        }
    }
    for (size_t i = 0; names && i < k; i++) {
        if (!names[i]) {
            return mlpi_refuse(hooks, MLP_ERR_NULL,
                               "class names: name %zu is NULL", i);
        }
    }
    return MLP_OK;
}
