/* SPDX-License-Identifier: MIT */
/*
 * See thread_choice.h for the idea. The constants are measured ones. A system
 * gives a core to one program for 3 to 4 ms before another has its turn, so a
 * window of 20 ms sees several turns. A trial of a team that takes 1.5 times as
 * long costs 10 ms; with the longest pause that is less than 1 % of the time.
 */
#include "base/thread_choice.h"

/* A window is at least this long, and has at least two runs. */
static const double window_seconds = 0.02;
enum { WINDOW_RUNS = 2 };

/* Pauses, and how long alone_time is believed, in windows. */
enum { SHORT_PAUSE = 4, LONG_PAUSE = 64, BELIEVED = 100 };

/* In a team without disturbance the caller waits less than this part of the
 * time, unless the parts of the threads are very unequal. */
static const double suspicious_part = 0.125;

static void choose_alone(mlpi_thread_choice *choice, size_t windows)
{
    choice->alone = true;
    choice->left = windows;
}

static void choose_team(mlpi_thread_choice *choice)
{
    choice->alone = false;
    choice->left = BELIEVED;
}

/* Decides after a window of the team. */
static void judge_team(mlpi_thread_choice *choice, double time)
{
    choice->team_time = time;
    if (choice->alone_time == 0.0) {
        if (choice->waited > suspicious_part * choice->seconds) {
            choose_alone(choice, 1);
        }
    } else if (time > choice->alone_time) {
        choose_alone(choice, choice->pause);
        choice->pause *= choice->pause < LONG_PAUSE ? 2 : 1;
    } else {
        choice->pause = SHORT_PAUSE;
        choice->left--;
        if (choice->left == 0) {
            choice->alone_time = 0.0;
        }
    }
}

/* Decides after a window of the caller alone. The first one of all only
 * measures; if the caller was faster, its pause begins. */
static void judge_alone(mlpi_thread_choice *choice, double time)
{
    bool is_first = choice->alone_time == 0.0;
    choice->alone_time = time;
    choice->left--;
    if (is_first && time < choice->team_time) {
        choose_alone(choice, choice->pause);
    } else if (time > choice->team_time || choice->left == 0) {
        choose_team(choice);
    }
}

/* The very first runs are not judged, however long they take: they touch memory
 * for the first time, and the threads have just started. */
void mlpi_choice_add(mlpi_thread_choice *choice, const mlpi_run_time *run)
{
    choice->seconds += run->seconds;
    choice->waited += run->waited;
    choice->amount += run->amount;
    choice->runs++;
    bool is_first = choice->pause == 0;
    if (choice->runs < WINDOW_RUNS ||
        (choice->seconds < window_seconds && !is_first)) {
        return;
    }
    double time = choice->seconds / choice->amount;
    if (is_first) {
        choice->pause = SHORT_PAUSE;
    } else if (choice->alone) {
        judge_alone(choice, time);
    } else {
        judge_team(choice, time);
    }
    choice->seconds = 0.0;
    choice->waited = 0.0;
    choice->amount = 0.0;
    choice->runs = 0;
}
