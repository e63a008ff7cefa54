/* SPDX-License-Identifier: MIT */
/*
 * The choice between a team of threads and the caller alone, for work that is
 * repeated, such as the steps of training. A team is slower than one thread if
 * another program holds one of the cores: at each barrier all threads wait for
 * the one that has no core. No rule about sizes can know this, so the choice
 * follows from measured times. Results have the same bits either way.
 *
 *     mlpi_thread_choice choice = {0};
 *     for each run:
 *         if (choice.alone) the caller works alone; else the team works
 *         mlpi_choice_add(&choice, &(mlpi_run_time){...});
 *
 * The choice changes only at the end of a window: runs of one kind, one after
 * another, that took 20 ms or more in all. Times are per unit of work. In the
 * drawing, each letter is a window of the team (T) or of the caller alone (A),
 * and another program takes a core at the arrow:
 *
 *     T T T T T T A A A A T A A A A A A A A T A A A ...
 *             ^
 *
 *   - The team works until the caller waits much at barriers. Only then is
 *     there a reason to measure how long the caller takes alone.
 *   - The faster of the two goes on.
 *   - The caller does not stay alone for ever: after a pause the team tries
 *     again. Each time it is slower the next pause is twice as long, so that
 *     the trials cost little.
 */
#ifndef MLPI_BASE_THREAD_CHOICE_H
#define MLPI_BASE_THREAD_CHOICE_H

#include "mlp.h"

/* The choice and what it follows from. All zeros is a new choice: the team
 * works, and nothing is known. */
typedef struct mlpi_thread_choice {
    bool alone; /* true if the next run should be the caller's alone */

    /* The window so far is kept as sums over its runs. */
    double seconds, waited, amount;
    size_t runs;

    /* Seconds for each unit of work, in the last window of each kind. */
    double team_time;
    double alone_time; /* 0: unknown */

    /* Numbers of windows. */
    size_t left;  /* alone: until the team tries again; team: until alone_time
                     is forgotten, because it is old */
    size_t pause; /* the length of the next pause; 0 before the first window */
} mlpi_thread_choice;

/* What was measured of one run. */
typedef struct mlpi_run_time {
    double seconds; /* from its beginning to its end */
    double waited;  /* part of it that the caller spent at barriers */
    double amount;  /* of work, in a unit such as rows; above 0 */
} mlpi_run_time;

/* Adds a run that was made as choice->alone says. If it completes a window, the
 * choice may change. */
void mlpi_choice_add(mlpi_thread_choice *choice, const mlpi_run_time *run);

#endif
