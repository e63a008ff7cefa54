/* SPDX-License-Identifier: MIT */
/*
 * System calls that fail on demand. A function runs in a thread of its own,
 * whose calls the kernel shows to the caller (seccomp's user notifications)
 * before it makes them. So every call is met, whoever makes it: the library, or
 * the C library on its behalf.
 *
 * The calls that are shown are those on files, memory maps and threads; others,
 * such as asking for the time or waiting for a lock, go on unseen.
 */
#ifndef TESTS_FAILING_SYSTEM_H
#define TESTS_FAILING_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

typedef enum system_fault {
    NO_FAULT,
    FAILS,       /* the call does nothing and gives an error */
    INTERRUPTED, /* a signal comes: EINTR */
    SHORT        /* fewer bytes are read or written than were asked for */
} system_fault;

/* What is known of a system call. */
typedef struct system_call {
    int number;
    const char *name;
    unsigned traits;
} system_call;

enum {
    CAN_INTERRUPT = 1, /* may return EINTR */
    CAN_SHORTEN = 2,
    IS_CLOSE = 4,   /* the descriptor is gone, whatever the call returns */
    IS_FATAL = 8,   /* to go on after a failure would lose what is written */
    IS_RENAME = 16, /* an old file is replaced */
    IS_UNLINK = 32,
    IS_MEMORY = 64, /* maps memory or starts a thread */
    IS_FLUSH = 128  /* takes long, and nothing can be seen of it */
};

enum { MOST_CALLS = 4096 };

/* The system calls that a function made, in order, and the one that had the
 * fault; NULL: there were fewer calls. */
typedef struct system_trace {
    size_t n;
    const system_call *calls[MOST_CALLS];
    const system_call *hit;
} system_trace;

/* Runs function(argument) in a thread of its own, while the n-th of its calls
 * that are shown (from 1) has this fault; `error` is the errno of FAILS. Fills
 * *trace. Returns false, and does not run the function, if the kernel does not
 * show calls, or if a sanitizer makes calls of its own. */
bool mlp_fault_run_watched(void (*function)(void *), void *argument,
                           system_fault fault, size_t n, int error,
                           system_trace *trace);

#endif
