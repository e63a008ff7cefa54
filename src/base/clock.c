/* SPDX-License-Identifier: MIT */
/* This declares clock_gettime. NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _POSIX_C_SOURCE 199309L

#include "base/clock.h"

#include <time.h>

/* If the clock fails, which POSIX allows only for an unknown clock, the time
 * stands still at 0. */
double mlpi_seconds(void)
{
    struct timespec now = {0};
#ifdef CLOCK_MONOTONIC
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
#else
    (void)timespec_get(&now, TIME_UTC);
#endif
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
