/* SPDX-License-Identifier: MIT */
/*
 * Prints lines of talk, the parts of JSON, and pictures.
 *
 * The program never calls setlocale, so numbers have a decimal point wherever
 * it runs. Failures of the standard output are found once, at the end of main.
 */
#include "tool/talk.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Prints a line. If the standard error stream is closed, nobody listens. */
void mlpi_tool_put(const char *text, FILE *to)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        /* U+0080 to U+009F are controls, too. */
        bool is_long = c == 0xc2 && (unsigned char)text[1] < 0xa0;
        (void)putc(is_long || c < 32 || c == 0x7f ? '?' : c, to);
        text += is_long && text[1];
    }
}

/* Prints a line, of which a very long one is cut. */
static void print_line(const char *begin, const char *format, va_list arguments)
{
    char text[4096];
    (void)vsnprintf(text, sizeof text, format, arguments);
    (void)fputs(begin, stderr);
    mlpi_tool_put(text, stderr);
    (void)fputc('\n', stderr);
}

void mlpi_tool_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line("", format, arguments);
    va_end(arguments);
}

void mlpi_tool_complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line("mlp: ", format, arguments);
    va_end(arguments);
}

/* One element at least, so that NULL always means that there is no memory. */
void *mlpi_tool_memory(size_t n, size_t size)
{
    void *block = calloc(n > 0 ? n : 1, size);
    if (!block) {
        mlpi_tool_complain("there is no memory for %zu times %zu bytes", n,
                           size);
    }
    return block;
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

/* RFC 8259: quotes, backslashes and control characters are escaped. Names in
 * tables are UTF-8, as JSON is. */
void mlpi_tool_json_text(const char *text)
{
    if (!text) {
        (void)fputs("null", stdout);
        return;
    }
    (void)putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            (void)putchar('\\');
        }
        if ((unsigned char)*text < 32) {
            printf("\\u%04x", (unsigned)*text);
        } else {
            (void)putchar(*text);
        }
    }
    (void)putchar('"');
}

/* JSON has no NaN and no infinity. */
void mlpi_tool_json_number(const char *name, double value)
{
    bool has_comma = strncmp(name, ", ", 2) == 0;
    printf("%s\"%s\": ", has_comma ? ", " : "", name + 2 * has_comma);
    if (!isfinite(value)) {
        (void)fputs("null", stdout);
        return;
    }
    char text[TOOL_NUMBER_SIZE];
    (void)fputs(mlpi_tool_decimals(value, MLP_F64, text), stdout);
}

mlp_picture *mlpi_tool_picture(void)
{
    mlp_picture *picture = NULL;
    mlp_picture_options options = mlp_picture_defaults();
    options.hooks = mlp_hooks_stderr();
    return mlp_picture_create(&options, &picture) == MLP_OK ? picture : NULL;
}

mlp_status mlpi_tool_draw(mlp_picture *picture, mlp_status status,
                          const char *path)
{
    if (status == MLP_OK) {
        status = mlp_picture_write(picture, strcmp(path, "-") ? path : NULL);
    }
    mlp_picture_free(picture);
    return status;
}
