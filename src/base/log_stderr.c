/* SPDX-License-Identifier: MIT */
/*
 * The ready-made log hook, which prints to the standard error stream. It is the
 * only place of the library that prints, and it does so only in a program that
 * asks for these hooks. The function has a file of its own, because a linker
 * takes whole files from an archive: a program that does not call it gets
 * nothing of stdio's streams.
 *
 *     mlp: X: expects 4 columns, got 3
 *     mlp: hint: ...
 *
 * The prefix tells the user of a large program which part of it speaks. Errors
 * and hints look alike but for the word "hint": an error also changes what the
 * call returns, so the program decides what becomes of it.
 */
#include <errno.h>
#include <stdio.h>

#include "mlp.h"

/* Prints one line with one call, so that lines of several threads do not mix. A
 * message has no line end in it. It may tell of a failure of the system, and
 * the caller may still want the number of that failure, so errno is kept. If
 * the stream is closed, nobody reads the message, and there is no other place
 * to report that. */
static void print_line(mlp_status status, const char *message, void *user)
{
    (void)status; /* the message says it in words */
    (void)user;
    int error = errno;
    (void)fprintf(stderr, "mlp: %s\n", message);
    errno = error;
}

/* Memory stays with malloc and free, the defaults. */
mlp_hooks mlp_hooks_stderr(void)
{
    return (mlp_hooks){.log = print_line};
}
