/* SPDX-License-Identifier: MIT */
/*
 * What the library must know of the process, the thread and the CPU that call
 * it:
 *
 *     arithmetic    rounding to nearest with subnormal numbers, or something
 *                   else that the host has set for its thread
 *     cancellation  pthread_cancel ends a thread in the middle of a system
 *                   call, so a cancelled save would never close its file
 *     process       a fork copies all memory, but no threads
 *
 * The library changes none of these for longer than a call, and keeps no state
 * of its own.
 */
#ifndef MLPI_BASE_HOST_H
#define MLPI_BASE_HOST_H

#include "mlp.h"

/* ---------------------------------------------------------------------------
 * The CPU and the thread
 */

/* Return what the calling thread's floating-point environment is: whether it
 * rounds to nearest, and whether it computes with subnormal numbers instead of
 * taking 0 for them. C's default is both; any other environment gives other
 * bits. A call takes a few nanoseconds; functions that are called for every row
 * do without it. */
bool mlpi_rounds_to_nearest(void);
bool mlpi_keeps_subnormals(void);

/* Defers cancellation of the calling thread until mlpi_restore_cancellation
 * gets the number that the first call has returned. Calls may be nested. */
int mlpi_defer_cancellation(void);
void mlpi_restore_cancellation(int previous);

/* Ends the calling thread here if somebody has cancelled it. A function that
 * saves or loads calls this while it holds nothing yet: else a thread that does
 * nothing but save could not be cancelled at all. */
void mlpi_allow_cancellation(void);

/* ---------------------------------------------------------------------------
 * The process
 */

/* A process, to be recognised later. */
typedef struct mlpi_process {
    long long number;    /* the system's, which a child may have again */
    unsigned char *mark; /* points to a 1, which is a 0 in a child; NULL: the
                            system has no such memory */
} mlpi_process;

/* Returns the process that calls. mlpi_forget_process releases what the result
 * holds, in this process as well as in a child. */
mlpi_process mlpi_this_process(void);
void mlpi_forget_process(mlpi_process *process);

/* Returns true if the caller is still in that process and not in a child of it.
 */
bool mlpi_is_this_process(const mlpi_process *process);

#endif
