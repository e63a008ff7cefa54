/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

mlp_status mlpi_error(const mlp_hooks *hooks, mlp_status status,
                      const char *format, ...)
{
    if (!hooks->log) {
        return status;
    }
    char message[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    for (char *c = message; *c != '\0';
         c++) { /* one line, whatever a name is */
        if ((unsigned char)*c < ' ') {
            *c = '?';
        }
    }
    hooks->log(status, message, hooks->user);
    return status;
}
