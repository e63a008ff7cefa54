/* SPDX-License-Identifier: MIT */
/*
 * Numbers, columns, memory and messages.
 *
 * The columns of a character are about those of Unicode's East Asian Width: the
 * C library's wcwidth depends on the locale.
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

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

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

/* Scores lie between 0 and 1, so the room is large enough. */
char *mlpi_text_score(double x, char text[MLPI_NUMBER_SIZE])
{
    (void)snprintf(text, MLPI_NUMBER_SIZE, "%.3f", x);
    return fix_point(text);
}

/* The digits are written from the last to the first, into the end of the room.
 */
char *mlpi_text_count(size_t n, char text[MLPI_NUMBER_SIZE])
{
    size_t at = MLPI_NUMBER_SIZE - 1;
    text[at] = '\0';
    for (size_t digits = 0; digits == 0 || n > 0; digits++, n /= 10) {
        if (digits > 0 && digits % 3 == 0) {
            text[--at] = ',';
        }
        text[--at] = (char)('0' + n % 10);
    }
    memmove(text, text + at, MLPI_NUMBER_SIZE - at);
    return text;
}

/* The number is as good as a name where the classes have none. */
const char *mlpi_text_name(const char *const *names, size_t i,
                           char text[MLPI_NUMBER_SIZE])
{
    (void)snprintf(text, MLPI_NUMBER_SIZE, "%zu", i);
    return names ? names[i] : text;
}

/* ---------------------------------------------------------------------------
 * Columns
 */

/* Returns how many bytes a character of UTF-8 has, 0 if it is none:
 *
 *     0xxxxxxx                              to 0x7f
 *     110xxxxx 10xxxxxx                     to 0x7ff
 *     1110xxxx 10xxxxxx 10xxxxxx            to 0xffff
 *     11110xxx 10xxxxxx 10xxxxxx 10xxxxxx   to 0x10ffff
 *
 * A text that is cut ends in a byte 0, which continues no character, so nothing
 * is read behind the end. The last lines refuse forms that are longer than
 * needed, halves of surrogate pairs, and numbers above Unicode's: the first two
 * bytes tell them. */
static size_t length_of(const char *text)
{
    unsigned char first = (unsigned char)text[0];
    unsigned char second = first < 0x80 ? 0 : (unsigned char)text[1];
    size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool is_bad =
        (first >= 0x80 && first < 0xc2) || first > 0xf4 ||
        (first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ||
        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90);
    return is_bad ? 0 : n;
}

/* A terminal obeys control characters, among them those from 0x80 to 0x9f, so a
 * name from a file must not reach it with one. The first byte tells nearly all
 * about the columns: 0xcc begins marks that combine with the letter before,
 * 0xe3 to 0xed the scripts of East Asia, and 0xf0 rare ones of these and
 * pictures. */
mlpi_character mlpi_text_next(const char **text)
{
    const char *at = *text;
    unsigned char first = (unsigned char)at[0];
    size_t n = length_of(at);
    if (first == 0) {
        return (mlpi_character){at, 0, 0};
    }
    *text += n > 0 ? n : 1;
    if (n == 0 || first < 0x20 || first == 0x7f ||
        (first == 0xc2 && (unsigned char)at[1] < 0xa0)) {
        return (mlpi_character){"?", 1, 1};
    }
    bool is_wide = (first >= 0xe3 && first <= 0xed) || first == 0xf0;
    return (mlpi_character){at, n, first == 0xcc ? 0 : is_wide ? 2 : 1};
}

/* A text of several lines counts as one: '\n' is a control character here. */
size_t mlpi_text_columns(const char *text)
{
    size_t sum = 0;
    while (*text != '\0') {
        sum += mlpi_text_next(&text).columns;
    }
    return sum;
}

/* Blanks are counted by columns, which printf would count by bytes. */
void mlpi_text_put(FILE *to, const char *text, size_t width, bool right)
{
    size_t columns = mlpi_text_columns(text);
    int blanks = columns < width ? (int)(width - columns) : 0;
    (void)fprintf(to, "%*s", right ? blanks : 0, "");
    while (*text != '\0') {
        mlpi_character c = mlpi_text_next(&text);
        (void)fwrite(c.bytes, 1, c.length, to);
    }
    (void)fprintf(to, "%*s", right ? 0 : blanks, "");
}

/* The size is asked each time, because a window may change it, and signals
 * belong to the host. */
mlpi_terminal mlpi_terminal_of(int descriptor)
{
    const char *term = getenv("TERM");
    const char *no_color = getenv("NO_COLOR");
    struct winsize size = {0};
    bool is_terminal = isatty(descriptor);
    if (is_terminal) {
        (void)ioctl(descriptor, TIOCGWINSZ, &size);
    }
    return (mlpi_terminal){
        .is_terminal = is_terminal,
        .is_dumb = !term || *term == '\0' || strcmp(term, "dumb") == 0,
        .is_plain = no_color && *no_color != '\0',
        .columns = size.ws_col > 0 ? size.ws_col : 80,
        .rows = size.ws_row > 0 ? size.ws_row : 25,
    };
}

/* ---------------------------------------------------------------------------
 * Memory and failures
 */

/* Hooks have both of the functions, or none, as the library itself demands. */
void *mlpi_show_allocate(const mlp_hooks *hooks, size_t bytes, const char *what)
{
    void *block =
        hooks->allocate ? hooks->allocate(bytes, hooks->user) : malloc(bytes);
    if (!block) {
        (void)mlpi_refuse(hooks, MLP_ERR_MEMORY, "%s: no memory for %zu bytes",
                          what, bytes);
    }
    return block;
}

/* As free does, this takes NULL, which the function of a host may not. */
void mlpi_show_release(const mlp_hooks *hooks, void *block)
{
    if (block && hooks->release) {
        hooks->release(block, hooks->user);
    } else {
        free(block);
    }
}

/* A message that is longer than the room is cut. Paths can be that long. Control
 * characters are replaced, so that the name of a file cannot forge a line of the
 * log. */
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
        for (char *c = message; *c != '\0'; c++) {
            *c = (unsigned char)*c < ' ' ? '?' : *c;
        }
        hooks->log(status, message, hooks->user);
    }
    return status;
}

/* The core has the same check, but this library knows only public headers. */
mlp_status mlpi_show_check_reserved(const mlp_hooks *hooks, const char *what,
                                    const uint64_t *reserved, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (reserved[i] != 0) {
            return mlpi_refuse(hooks, MLP_ERR_ARGUMENT,
                               "%s, reserved: expects zeros, got %llu in "
                               "element %zu (a later version's option, or a "
                               "struct that was not set)",
                               what, (unsigned long long)reserved[i], i);
        }
    }
    return MLP_OK;
}

/* The shape is checked before the pointer, because a view without rows may have
 * none, and deserves the clearer message. Two digits are enough for the classes
 * of a picture; the targets of a regression mostly fail here. */
mlp_status mlpi_check_numbers(const mlp_hooks *hooks, const char *what,
                              mlp_cview X, size_t rows, size_t cols,
                              mlpi_numbers kind)
{
    static const struct {
        const char *expected;
        double least, most;
    } kinds[] = {
        [MLPI_FINITE] = {"finite numbers", -DBL_MAX, DBL_MAX},
        [MLPI_LABELS] = {"whole numbers from 0 to 99", 0, 99},
        [MLPI_COUNTS] = {"counts of 0 or more", 0, DBL_MAX},
    };
    if (!mlp_dtype_name(X.dtype) ||
        (kind == MLPI_COUNTS && X.dtype != MLP_I32)) {
        return mlpi_refuse(hooks, MLP_ERR_DTYPE, "%s: expects %sint32, got %s",
                           what,
                           kind == MLPI_COUNTS ? "" : "float32, float64 or ",
                           mlp_dtype_name(X.dtype) ? mlp_dtype_name(X.dtype)
                                                   : "an unknown type");
    }
    if (X.rows != rows || X.cols != cols || rows == 0 || cols == 0) {
        return mlpi_refuse(
            hooks, MLP_ERR_SHAPE,
            "%s: expects the shape (%zu, %zu), and no 0 in it, got (%zu, %zu)",
            what, rows, cols, X.rows, X.cols);
    }
    if (!X.data) {
        return mlpi_refuse(hooks, MLP_ERR_NULL, "%s: the data is NULL", what);
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < cols; j++) {
            double x = mlp_cview_at(X, i, j);
            if (!(x >= kinds[kind].least && x <= kinds[kind].most) ||
                (kind == MLPI_LABELS && x != floor(x))) {
                return mlpi_refuse(
                    hooks, isfinite(x) ? MLP_ERR_ARGUMENT : MLP_ERR_NOT_FINITE,
                    "%s: expects %s, got %g in row %zu, column %zu", what,
                    kinds[kind].expected, x, i, j);
            }
        }
    }
    return MLP_OK;
}

/* The place in the list is the only name that a missing name has. */
mlp_status mlpi_check_names(const mlp_hooks *hooks, const char *what,
                            const char *const *names, size_t n)
{
    for (size_t i = 0; names && i < n; i++) {
        if (!names[i]) {
            return mlpi_refuse(hooks, MLP_ERR_NULL, "%s: name %zu is NULL",
                               what, i);
        }
    }
    return MLP_OK;
}

/* A matrix of another type is refused even if its numbers are whole:
 * mlp_score_classes would refuse it, too. */
mlp_status mlpi_check_counts(const mlp_hooks *hooks, mlp_cview counts,
                             const char *const *names)
{
    size_t k = counts.rows;
    TRY(mlpi_check_numbers(hooks, "a confusion matrix", counts, k, k,
                           MLPI_COUNTS));
    return mlpi_check_names(hooks, "classes", names, k);
}
