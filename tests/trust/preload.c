/* SPDX-License-Identifier: MIT */
/*
 * A library that is loaded before a program (LD_PRELOAD) and gives it one
 * fault. The environment chooses:
 *
 *     FAIL_ALLOCATION=n    the n-th allocation of main, from 1, fails
 *     FAIL_CALL=n          the n-th system call of main fails, with the error
 *     FAIL_WITH=error      of this number
 *     COUNT_TO=file        receives their number, and then the name of each
 *                          call in a line of its own
 *
 * For 0 nothing fails. When main has ended, the file is written, and what runs
 * later, such as the counters of a build for coverage, has all memory.
 *
 * To watch system calls, main runs in a thread of its own (failing_system.h).
 * This shows also the calls that the C library makes for streams, but not those
 * of the dynamic loader before main. If the kernel does not show calls, the
 * program exits with CANNOT_WATCH. scripts/failing_programs.sh compiles and
 * uses all this.
 */
/* This declares RTLD_NEXT. NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "trust/failing_system.h"

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-*) */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t bytes);

enum { CANNOT_WATCH = 77 };

typedef int main_function(int, char **, char **);
typedef void hook(void);

static struct run {
    main_function *main;
    int argc;
    char **argv, **environment;
} run;

static atomic_long count;  /* of allocations */
static system_trace trace; /* of system calls */
static long fail_at;       /* the number of an allocation, or 0 */
static bool is_on;         /* main runs */
static bool is_watched;
static pid_t process; /* it may have children, which write no counts */

static long number_in(const char *variable)
{
    const char *text = getenv(variable);
    return text ? strtol(text, NULL, 10) : 0;
}

/* Writes the counts. Its own calls come after those that count. */
static void end(void)
{
    is_on = false;
    size_t calls = trace.n;
    const char *name = getenv("COUNT_TO");
    FILE *to = name && getpid() == process ? fopen(name, "w") : NULL;
    if (to) {
        (void)fprintf(to, "%ld\n", is_watched ? (long)calls : (long)count);
        for (size_t i = 0; i < calls; i++) {
            (void)fprintf(to, "%s\n", trace.calls[i]->name);
        }
        (void)fclose(to);
    }
}

/* Functions that are given to atexit run from the last to the first, so `end`
 * runs after those of main. */
static void run_main(void *unused)
{
    (void)unused;
    process = getpid();
    (void)atexit(end);
    is_on = true;
    exit(run.main(run.argc, run.argv, run.environment));
}

static int begin(int argc, char **argv, char **environment)
{
    run.argc = argc;
    run.argv = argv;
    run.environment = environment;
    is_watched = getenv("FAIL_CALL") != NULL;
    if (!is_watched) {
        fail_at = number_in("FAIL_ALLOCATION");
        run_main(NULL);
    }
    long n = number_in("FAIL_CALL");
    (void)mlp_fault_run_watched(run_main, NULL, n > 0 ? FAILS : NO_FAULT,
                                (size_t)n, (int)number_in("FAIL_WITH"), &trace);
    _exit(CANNOT_WATCH);
}

/* The first code of a program calls this function with main. */
int __libc_start_main(main_function *main, int argc, char **argv, hook *init,
                      hook *fini, hook *rtld_fini, void *stack_end)
{
    int (*start)(main_function *, int, char **, hook *, hook *, hook *,
                 void *) = NULL;
    *(void **)&start = dlsym(RTLD_NEXT, "__libc_start_main");
    run.main = main;
    return start(begin, argc, argv, init, fini, rtld_fini, stack_end);
}

static bool is_to_fail(void)
{
    if (!is_on || ++count != fail_at) {
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
