/* SPDX-License-Identifier: MIT */
/* Time for measuring how long something takes. It is not the time of day: a
 * user who sets the clock must not change what training reports. */
#ifndef MLPI_BASE_CLOCK_H
#define MLPI_BASE_CLOCK_H

/* Returns seconds since some moment in the past. Only differences mean
 * anything. They are never negative where the system has a monotonic clock;
 * where it has none, a change of the time of day shows. */
double mlpi_seconds(void);

#endif
