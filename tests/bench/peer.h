/* SPDX-License-Identifier: MIT */
/*
 * What the peers written in C share: their command line,
 *
 *     <program> <peer> <threads> <seconds> [<workload> ...],
 *
 * timing as in measure.c (the median of at least seven repetitions, each long
 * enough for the clock, after one that does not count), and lines that read as
 * mlp_bench's do. They know nothing of libmlp.
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
    double seconds; /* to spend on each result, at least */
    char **choices;
    int n_choices;
} peer;

/* Something to do `calls` times. */
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

/* W9 means all that begin with W9-, as it does for mlp_bench. */
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

/* Seconds of a call: the median, and the best. */
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

/* Prints the time of a call, in a second's `unit`s. */
static inline void peer_print_time(const peer *p, const char *result,
                                   const double times[2], double scale,
                                   const char *unit)
{
    (void)printf("%s %s %d %.6g %s min=%.6g\n", result, p->name, p->threads,
                 times[0] * scale, unit, times[1] * scale);
    (void)fflush(stdout);
}

/* Prints how much of an amount that a call does is done in a second. */
static inline void peer_print_rate(const peer *p, const char *result,
                                   const double times[2], double amount,
                                   const char *unit)
{
    (void)printf("%s %s %d %.6g %s max=%.6g\n", result, p->name, p->threads,
                 amount / times[0], unit, amount / times[1]);
    (void)fflush(stdout);
}

#endif
