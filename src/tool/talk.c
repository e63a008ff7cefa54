/* SPDX-License-Identifier: MIT */
/*
 * Prints lines of talk, JSON and pictures, and ends the program.
 *
 * The program never calls setlocale, so numbers have a decimal point wherever
 * it runs. Failures of the standard output are found once, at the end of main.
 */
#include "tool/talk.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------
 * Lines and failures
 */

/* A very long line is cut. If the standard error stream is closed, nobody
 * listens. */
void mlpi_tool_say(const char *format, ...)
{
    char line[4096];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    mlpi_tool_put(line, stderr);
    (void)fputc('\n', stderr);
}

void mlpi_tool_check(mlp_status status)
{
    if (status != MLP_OK) {
        exit(TOOL_FAILED);
    }
}

/* ---------------------------------------------------------------------------
 * Memory and texts
 */

/* One element at least, because calloc may return NULL for none. */
void *mlpi_tool_memory(size_t n, size_t size)
{
    void *block = calloc(n > 0 ? n : 1, size);
    if (!block) {
        TOOL_FAIL("there is no memory for %zu times %zu bytes", n, size);
    }
    return block;
}

mlp_view mlpi_tool_view(mlp_dtype dtype, size_t rows, size_t cols)
{
    size_t size = dtype == MLP_F64 ? sizeof(double) : sizeof(float);
    bool fits = cols == 0 || rows < SIZE_MAX / cols;
    void *data = mlpi_tool_memory(fits ? rows * cols : SIZE_MAX, size);
    return (mlp_view){dtype, rows, cols, cols, 1, data};
}

const char *mlpi_tool_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool mlpi_tool_ends_with(const char *path, const char *suffix)
{
    size_t n = strlen(path);
    size_t length = strlen(suffix);
    return n > length && strcmp(path + n - length, suffix) == 0;
}

/* Returns the length of the character at `text`, from 1 to 4 bytes, or 0 if no
 * character of UTF-8 begins there. The first byte tells the length. Some second
 * bytes are excluded: shorter forms exist, or the character does not. */
static size_t length_of(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t n = c[0] < 0x80                   ? 1
               : c[0] >= 0xc2 && c[0] < 0xe0 ? 2
               : (c[0] & 0xf0) == 0xe0       ? 3
               : c[0] >= 0xf0 && c[0] < 0xf5 ? 4
                                             : 0;
    for (size_t k = 1; k < n; k++) {
        if ((c[k] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool is_excluded =
        (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] >= 0xa0) ||
        (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] >= 0x90);
    return is_excluded ? 0 : n;
}

char *mlpi_tool_utf8(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = mlpi_tool_memory(size, 1);
    memcpy(copy, text, size);
    for (char *at = copy; *at != '\0';) {
        size_t n = length_of(at);
        *at = n > 0 ? *at : '?';
        at += n > 0 ? n : 1;
    }
    return copy;
}

/* U+0080 to U+009F, which begin with the byte c2, are controls, too. */
void mlpi_tool_put(const char *text, FILE *to)
{
    while (*text != '\0') {
        size_t n = length_of(text);
        unsigned char c = (unsigned char)*text;
        bool is_control =
            c < 32 || c == 0x7f || (c == 0xc2 && (unsigned char)text[1] < 0xa0);
        (void)fwrite(n == 0 || is_control ? "?" : text, 1,
                     n == 0 || is_control ? 1 : n, to);
        text += n > 0 ? n : 1;
    }
}

/* With 15 digits %g prints every double of up to 15 digits as it stands,
 * because it leaves out zeros at the end; with 6 every float of up to 6. */
const char *mlpi_tool_decimals(double x, mlp_dtype precision,
                               char text[TOOL_NUMBER_SIZE])
{
    bool is_same = false;
    for (int digits = precision == MLP_F32 ? 6 : 15; digits <= 17 && !is_same;
         digits++) {
        (void)snprintf(text, TOOL_NUMBER_SIZE, "%.*g", digits, x);
        is_same = precision == MLP_F32 ? strtof(text, NULL) == (float)x
                                       : strtod(text, NULL) == x;
    }
    return isnan(x) ? "nan" : text;
}

/* ---------------------------------------------------------------------------
 * JSON
 */

/* Prints a string. RFC 8259: quotes, backslashes and control characters are
 * escaped, and the text is UTF-8. */
static void print_string(const char *text)
{
    if (!text) {
        (void)fputs("null", stdout);
        return;
    }
    char *clean = mlpi_tool_utf8(text);
    (void)putchar('"');
    for (const char *at = clean; *at; at++) {
        if ((unsigned char)*at < 32) {
            printf("\\u%04x", (unsigned)*at);
        } else {
            (void)fputs(*at == '"' || *at == '\\' ? "\\" : "", stdout);
            (void)putchar(*at);
        }
    }
    (void)putchar('"');
    free(clean);
}

/* JSON has no NaN and no infinity. */
void mlpi_tool_json(const char *format, ...)
{
    char text[TOOL_NUMBER_SIZE];
    va_list arguments;
    va_start(arguments, format);
    for (const char *at = format; *at; at++) {
        if (*at != '%') {
            (void)putchar(*at == '\'' ? '"' : *at);
        } else if (*++at == 's') {
            print_string(va_arg(arguments, const char *));
        } else if (*at == 'g') {
            double x = va_arg(arguments, double);
            (void)fputs(isfinite(x) ? mlpi_tool_decimals(x, MLP_F64, text)
                                    : "null",
                        stdout);
        } else { /* %zu */
            at++;
            printf("%zu", va_arg(arguments, size_t));
        }
    }
    va_end(arguments);
}

/* ---------------------------------------------------------------------------
 * Pictures
 */

mlp_picture *mlpi_tool_picture(void)
{
    mlp_picture *picture = NULL;
    mlp_picture_options options = mlp_picture_defaults();
    options.hooks = mlp_hooks_stderr();
    mlpi_tool_check(mlp_picture_create(&options, &picture));
    return picture;
}

void mlpi_tool_draw(mlp_picture *picture, const char *path)
{
    mlpi_tool_check(
        mlp_picture_write(picture, strcmp(path, "-") ? path : NULL));
    mlp_picture_free(picture);
}
