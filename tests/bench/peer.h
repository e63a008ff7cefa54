/* SPDX-License-Identifier: MIT */
/*
 * What the peers that are written in C have in common: the command line
 *
 *     <program> <peer> <threads> <seconds> [<workload> ...],
 *
 * the timing of measure.c (the median of at least seven repetitions, each long
 * enough for the clock, after one that does not count), and the format of
 * mlp_bench's lines. Peers do not use libmlp.
 */
#ifndef TESTS_BENCH_PEER_H
#define TESTS_BENCH_PEER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct peer {
    const char *name;
    int threads;
    double seconds; /* least time to spend on each result */
    char **choices;
    int n_choices;
} peer;

/* Work that can be done `calls` times in a row. */
typedef void peer_work(void *state, long calls);

static inline peer peer_of(int argc, char **argv)
{
    if (argc < 4) {
        (void)fprintf(stderr,
                      "usage: %s <peer> <threads> <seconds> [<workload> ...]\n",
                      argv[0]);
        exit(2);
    }
    return (peer){argv[1], atoi(argv[2]), atof(argv[3]), argv + 4, argc - 4};
}

/* Returns true if the user wants the result. As for mlp_bench, W9 stands for W9
 * and for every name that begins with "W9-". */
static inline bool peer_wants(const peer *p, const char *result)
{
    for (int i = 0; i < p->n_choices; i++) {
        size_t n = strlen(p->choices[i]);
        if (strncmp(result, p->choices[i], n) == 0 &&
            (result[n] == '\0' || result[n] == '-')) {
            return true;
        }
    }
    return false;
}

static inline void *peer_memory(size_t n, size_t size)
{
    void *block = aligned_alloc(64, (n * size / 64 + 1) * 64);
    if (!block) {
        (void)fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return block;
}

static inline double peer_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline double peer_run(peer_work *work, void *state, long calls)
{
    double start = peer_now();
    work(state, calls);
    return peer_now() - start;
}

static inline int peer_compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Measures the seconds of a call: times[0] is the median, times[1] the best. */
static inline void peer_time(const peer *p, peer_work *work, void *state,
                             double times[2])
{
    enum { LEAST = 7, MOST = 1000 };
    static double seconds[MOST];
    double least = p->seconds / 20;
    long calls = 1;
    double once = peer_run(work, state, calls);
    while (once < least) {
        double more = once > 0.0 ? 1.2 * least / once : 100.0;
        more = more < 1.5 ? 1.5 : more > 100.0 ? 100.0 : more;
        calls = (long)((double)calls * more) + 1;
        once = peer_run(work, state, calls);
    }
    double start = peer_now();
    size_t n = 0;
    while (n < LEAST || (n < MOST && peer_now() - start < p->seconds)) {
        seconds[n++] = peer_run(work, state, calls) / (double)calls;
    }
    qsort(seconds, n, sizeof seconds[0], peer_compare);
    times[0] = 0.5 * (seconds[(n - 1) / 2] + seconds[n / 2]);
    times[1] = seconds[0];
}

/* Prints the time of a call. `scale` is how many units a second has. */
static inline void peer_print_time(const peer *p, const char *result,
                                   const double times[2], double scale,
                                   const char *unit)
{
    (void)printf("%s %s %d %.6g %s min=%.6g\n", result, p->name, p->threads,
                 times[0] * scale, unit, times[1] * scale);
    (void)fflush(stdout);
}

/* Prints how much is done in a second, if a call does `amount`. */
static inline void peer_print_rate(const peer *p, const char *result,
                                   const double times[2], double amount,
                                   const char *unit)
{
    (void)printf("%s %s %d %.6g %s max=%.6g\n", result, p->name, p->threads,
                 amount / times[0], unit, amount / times[1]);
    (void)fflush(stdout);
}

#endif
