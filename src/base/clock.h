/* SPDX-License-Identifier: MIT */
#ifndef MLPI_BASE_CLOCK_H
#define MLPI_BASE_CLOCK_H

/* Seconds since some moment, which never go backwards where the system has
 * such a clock. Only their differences mean something. */
double mlpi_seconds(void);

#endif
