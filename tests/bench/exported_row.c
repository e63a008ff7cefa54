/* SPDX-License-Identifier: MIT */
/*
 * exported_row <workload> <peer> <seconds>
 *
 * Times one prediction of an exported network, or one Jacobian if the export
 * has that, and prints a line as mlp_bench does:
 *
 *     cc -O2 -I<folder> -DHEADER='"real_2_16_8_1.h"' -DNUMBER=float
 *        exported_row.c <folder>/real_2_16_8_1.c -lm
 *
 * The time is the median of at least seven repetitions of many calls. The
 * program needs neither the library nor its headers, so that any compiler of
 * the machine that it runs on will do.
 */
/* This declares clock_gettime. NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include HEADER

enum { ROWS = 8, LEAST = 7, MOST = 1000 };

#ifdef NET_JACOBIAN_SCRATCH
enum { RESULTS = NET_OUTPUTS * NET_INPUTS, SCRATCH = NET_JACOBIAN_SCRATCH };
#define COMPUTE net_jacobian
#else
enum { RESULTS = NET_OUTPUTS, SCRATCH = NET_SCRATCH };
#define COMPUTE net_predict
#endif

static NUMBER x[ROWS][NET_INPUTS], y[ROWS][RESULTS], scratch[SCRATCH];

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Returns the seconds of that many calls. */
static double run(long calls)
{
    double start = now();
    for (long i = 0; i < calls; i++) {
        COMPUTE(x[i % ROWS], y[i % ROWS], scratch);
    }
    return now() - start;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

int main(int argc, char **argv)
{
    static double times[MOST];
    double seconds = argc == 4 ? strtod(argv[3], NULL) : 0;
    if (!(seconds > 0)) {
        (void)fprintf(stderr, "usage: exported_row workload peer seconds\n");
        return 2;
    }
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < NET_INPUTS; k++) {
            x[i][k] = (NUMBER)((5 * i + 3 * k) % 8 * (NUMBER)0.125);
        }
    }
    long calls = 1;
    while (run(calls) < seconds / 20) {
        calls *= 2;
    }
    int n = 0;
    for (double start = now();
         n < LEAST || (n < MOST && now() - start < seconds); n++) {
        times[n] = run(calls) / (double)calls;
    }
    qsort(times, (size_t)n, sizeof times[0], compare);
    (void)printf("%s %s 1 %.6g ns/call min=%.6g\n", argv[1], argv[2],
                 1e9 * times[n / 2], 1e9 * times[0]);
    return 0;
}
