/* SPDX-License-Identifier: MIT */
/*
 * A library that is loaded before a program (LD_PRELOAD) and lets one of its
 * allocations fail: the one whose number, from 1, is in the environment's
 * FAIL_AT. When main has ended, the number of its allocations goes to the file
 * that COUNT_TO names, and what runs later, such as the counters of a build for
 * coverage, has all memory. scripts/failing_programs.sh compiles and uses it.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-*) */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t bytes);

static atomic_long count;
static long fail_at;
static bool is_on; /* main is about to begin, and has not ended */

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("FAIL_AT");
    fail_at = text ? strtol(text, NULL, 10) : 0;
    is_on = true;
}

static void end(void)
{
    is_on = false;
    const char *name = getenv("COUNT_TO");
    FILE *to = name ? fopen(name, "w") : NULL;
    if (to) {
        (void)fprintf(to, "%ld\n", (long)count);
        (void)fclose(to);
    }
}

/* Functions that are given to atexit run from the last to the first, so the
 * first allocation of main is early enough. */
static bool is_to_fail(void)
{
    if (!is_on) {
        return false;
    }
    long number = ++count;
    if (number == 1) {
        (void)atexit(end);
    }
    if (number != fail_at) {
        return false;
    }
    errno = ENOMEM;
    return true;
}

void *malloc(size_t bytes)
{
    return is_to_fail() ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t n, size_t size)
{
    return is_to_fail() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *block, size_t bytes)
{
    return is_to_fail() ? NULL : __libc_realloc(block, bytes);
}
/* NOLINTEND(bugprone-reserved-identifier,readability-*) */
