/* SPDX-License-Identifier: MIT */
/*
 * The process, the thread and the CPU that call the library (host.h).
 *
 * A forked child is recognised by two signs. It has another number than its
 * parent, unless it is the first process of a container inside of a container:
 * then both are number 1. And a page that is marked MADV_WIPEONFORK holds zeros
 * in a child, whatever its number is. Systems without that call have no such
 * containers. pthread_atfork could count forks, but the count would be a
 * variable of the library, which has none.
 */
/* This declares madvise, MADV_WIPEONFORK and MAP_ANONYMOUS.
 * NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _GNU_SOURCE

#include "base/host.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------
 * Arithmetic
 */

#if defined(__x86_64__)

/* The control register of SSE: bits 13 and 14 hold the rounding mode, 0 for
 * nearest; bit 15 makes subnormal results 0 (FTZ), and bit 6 takes subnormal
 * operands for 0 (DAZ). */
bool mlpi_rounds_to_nearest(void)
{
    return (__builtin_ia32_stmxcsr() & 0x6000) == 0;
}

bool mlpi_keeps_subnormals(void)
{
    return (__builtin_ia32_stmxcsr() & 0x8040) == 0;
}

#elif defined(__aarch64__)

static unsigned long long control_register(void)
{
    unsigned long long control = 0;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return control;
}

/* The control register FPCR: bits 22 and 23 hold the rounding mode, 0 for
 * nearest; bit 24 makes subnormal results and operands 0, bit 0 operands alone;
 * bit 1 changes both and other details. */
bool mlpi_rounds_to_nearest(void)
{
    return (control_register() & 0xc00000) == 0;
}

bool mlpi_keeps_subnormals(void)
{
    return (control_register() & 0x1000003) == 0;
}

#else

/* Other CPUs are asked by sums whose result depends on the environment. The
 * operands are volatile, so that the compiler cannot compute the sums itself.
 * To nearest, 1 and -1 absorb a number as small as 2^-60; each other rounding
 * mode changes one of the three sums. */
bool mlpi_rounds_to_nearest(void)
{
    const volatile double one = 1.0;
    const volatile double tiny = 0x1p-60;
    return one + tiny == one && one - tiny == one && -one - tiny == -one;
}

bool mlpi_keeps_subnormals(void)
{
    const volatile double subnormal = 0x1p-1070;
    const volatile double smallest = 0x1p-1022; /* that is not subnormal */
    const volatile double half = 0.5;
    return smallest * half > 0.0 && subnormal + subnormal > 0.0;
}

#endif

/* ---------------------------------------------------------------------------
 * Cancellation
 */

int mlpi_defer_cancellation(void)
{
    int previous = 0;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &previous);
    return previous;
}

void mlpi_restore_cancellation(int previous)
{
    (void)pthread_setcancelstate(previous, NULL);
}

void mlpi_allow_cancellation(void)
{
    pthread_testcancel();
}

/* ---------------------------------------------------------------------------
 * Processes
 */

/* The whole page is the mark, since the system wipes nothing smaller. */
static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Returns a page that begins with a 1 and is all zeros in a child; NULL if the
 * system has none. */
static unsigned char *make_mark(void)
{
#ifdef MADV_WIPEONFORK
    void *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return NULL;
    }
    if (madvise(page, page_size(), MADV_WIPEONFORK) != 0) {
        (void)munmap(page, page_size());
        return NULL;
    }
    *(unsigned char *)page = 1;
    return page;
#else
    return NULL;
#endif
}

mlpi_process mlpi_this_process(void)
{
    return (mlpi_process){.number = getpid(), .mark = make_mark()};
}

void mlpi_forget_process(mlpi_process *process)
{
    if (process->mark) {
        (void)munmap(process->mark, page_size());
    }
    *process = (mlpi_process){.mark = NULL};
}

/* The mark alone would do where it works; but an emulator may accept the call
 * that asks for it, and ignore it. */
bool mlpi_is_this_process(const mlpi_process *process)
{
    return process->number == getpid() &&
           (!process->mark || *process->mark == 1);
}
