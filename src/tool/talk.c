/* SPDX-License-Identifier: MIT */
/* Lines of talk, and the parts of JSON. */
#include "tool/talk.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void print_line(const char *begin, const char *format, va_list arguments)
{
    (void)fputs(begin, stderr);
    (void)vfprintf(stderr, format, arguments);
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

void mlpi_tool_json_number(const char *name, double value)
{
    bool has_comma = strncmp(name, ", ", 2) == 0;
    printf("%s\"%s\": ", has_comma ? ", " : "", name + 2 * has_comma);
    if (!isfinite(value)) {
        (void)fputs("null", stdout);
        return;
    }
    char text[32];
    mlpi_tool_shortest(value, text);
    (void)fputs(text, stdout);
}

void mlpi_tool_shortest(double value, char text[32])
{
    int digits = 1;
    do {
        (void)snprintf(text, 32, "%.*g", digits, value);
    } while (digits++ < 17 && strtod(text, NULL) != value);
}
