/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>

mlp_status mlpi_report(const mlp_hooks *hooks, mlp_status status,
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
    hooks->log(status, message, hooks->user);
    return status;
}
