/* SPDX-License-Identifier: MIT */
/*
 * Messages to the log hook. A message is one line of at most 255 characters,
 * even if it quotes the name of a file that has line ends or escape sequences
 * in it: such a name must not be able to write to the log of a program, or to
 * the terminal that shows it, what looks like another message.
 *
 * A hook that prints makes system calls, in which a thread may be cancelled,
 * while the function that failed still holds a file or memory. So cancellation
 * is deferred until the hook has returned.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_SIZE = 256 };

/* Passes a message on, without control characters. */
static void pass_on(const mlp_hooks *hooks, mlp_status status, char *message)
{
    for (char *c = message; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ') {
            *c = '?';
        }
    }
    int previous = mlpi_defer_cancellation();
    hooks->log(status, message, hooks->user);
    mlpi_restore_cancellation(previous);
}

mlp_status mlpi_error(const mlp_hooks *hooks, mlp_status status,
                      const char *format, ...)
{
    if (!hooks->log) {
        return status;
    }
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    pass_on(hooks, status, message);
    return status;
}

void mlpi_hint(const mlp_hooks *hooks, const char *format, ...)
{
    if (!hooks->log) {
        return;
    }
    static const char mark[] = "hint: ";
    enum { MARK = sizeof mark - 1 };
    char message[MESSAGE_SIZE];
    memcpy(message, mark, MARK);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message + MARK, sizeof message - MARK, format, arguments);
    va_end(arguments);
    pass_on(hooks, MLP_OK, message);
}

/* The number in the message helps: one that looks random was never set, and one
 * that a program has set is the option of a later version. */
mlp_status mlpi_check_reserved(const mlp_hooks *hooks, const char *what,
                               const uint64_t *reserved, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (reserved[i] != 0) {
            return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                              "%s, reserved: expects zeros, got %llu in "
                              "element %zu (a later version's option, or a "
                              "struct that does not start from the defaults)",
                              what, (unsigned long long)reserved[i], i);
        }
    }
    return MLP_OK;
}
