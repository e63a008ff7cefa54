/* SPDX-License-Identifier: MIT */
/*
 * The process, the thread and the CPU that call the library (host.h), on
 * Windows, where CMake takes this file instead of host.c. A process cannot fork
 * there, so a process number says all, and the system calls are no points of
 * cancellation.
 */
#include "base/host.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

/* The control register of SSE; host.c explains the bits. */
bool mlpi_rounds_to_nearest(void)
{
    return (__builtin_ia32_stmxcsr() & 0x6000) == 0;
}

bool mlpi_keeps_subnormals(void)
{
    return (__builtin_ia32_stmxcsr() & 0x8040) == 0;
}

int mlpi_defer_cancellation(void)
{
    return 0;
}

void mlpi_restore_cancellation(int previous)
{
    (void)previous;
}

void mlpi_allow_cancellation(void)
{
}

mlpi_process mlpi_this_process(void)
{
    return (mlpi_process){.number = (long long)GetCurrentProcessId()};
}

void mlpi_forget_process(mlpi_process *process)
{
    *process = (mlpi_process){.mark = NULL};
}

bool mlpi_is_this_process(const mlpi_process *process)
{
    return process->number == (long long)GetCurrentProcessId();
}
