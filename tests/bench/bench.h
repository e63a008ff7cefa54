/* SPDX-License-Identifier: MIT */
/*
 * What all workloads of mlp_bench use: choosing results, timing them, and
 * printing a line for each,
 *
 *     workload peer threads median unit min=X note
 *
 * A rate has max=X instead of min=X. The note may contain gflops=X and
 * gbytes=X, the arithmetic and the memory traffic of one second, loss=X and
 * accuracy=X.
 */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include "mlp.h"
#include "support/tutorial.h"

enum { LEAST_REPETITIONS = 7, MOST_REPETITIONS = 1000 };

/* A workload's name as the user gave it. */
typedef struct choice {
    const char *name;
    bool used; /* true if a result has this name */
} choice;

typedef struct bench {
    const char *kernels; /* name of a table, or NULL for the fastest */
    double seconds;      /* least time to spend on each result */
    size_t threads;      /* number of threads */
    size_t count;        /* if not 0: times to do the work, without timing */
    choice *choices;
    size_t n_choices; /* 0: everything */
} bench;

/* Returns true if the user wants the result. The choice W9 stands for W9 and
 * for every name that begins with "W9-". Without choices, all are wanted. */
bool mlp_bench_wants(bench *b, const char *result);

/* Like mlp_bench_wants, but returns false without choices: for results that are
 * measured only on demand. */
bool mlp_bench_chooses(bench *b, const char *result);

/* Prints what is wrong with a result and ends the program with exit status
 * 1. */
_Noreturn void mlp_bench_fail(const char *result, const char *what);

/* Calls mlp_bench_fail unless the status is MLP_OK. */
void mlp_bench_expect(const char *result, mlp_status status);

/* Returns memory that is aligned to 64 bytes. Ends the program if there is
 * none. */
void *mlp_bench_allocate(size_t n, size_t size);

/* Creates a network of float32 with widths[0] inputs and three layers of
 * widths[1..3]; all but the last have ReLU. The biases are not 0, so that a
 * check notices if they are left out. */
enum { BENCH_LAYERS = 3 };
mlp_net *mlp_bench_net(const bench *b, const char *result, const size_t *widths,
                       mlp_layer last, mlp_loss loss);

/* ---------------------------------------------------------------------------
 * Time
 */

/* Repetitions of the same work: the seconds of each. */
typedef struct timing {
    double start, seconds[MOST_REPETITIONS];
    size_t n;
} timing;

/* Returns the seconds of a clock that only runs forward. */
double mlp_bench_now(void);

/* Begins the measurement of a result. */
void mlp_bench_start(timing *t);

/* Records the time of one repetition. */
void mlp_bench_note(timing *t, double seconds);

/* Returns true until there are enough repetitions and enough time has
 * passed. */
bool mlp_bench_goes_on(const bench *b, const timing *t);

/* Work that can be done `calls` times in a row. */
typedef struct work {
    void (*run)(void *state, size_t calls);
    void *state;
} work;

/* Times one call of the work. A repetition has as many calls as are needed for
 * the error of the clock not to matter. */
void mlp_bench_repeat(const bench *b, const work *w, timing *t);

/* ---------------------------------------------------------------------------
 * Results
 */

typedef struct report {
    const char *name, *peer, *unit;
    double amount; /* units of work in a repetition */
    double gflop;  /* arithmetic of a repetition in GFLOP, 0: not printed */
    double gbyte;  /* least memory traffic in GB, 0: not printed */
    double loss, accuracy; /* NaN: not printed */
} report;

/* Returns a report with name, unit and amount only. */
report mlp_bench_report(const char *name, const char *unit, double amount);

/* Prints the median time for one unit of work. `unit` is how many units of time
 * a second has, such as 1e3 for milliseconds. */
void mlp_bench_print_time(const bench *b, const report *r, timing *t,
                          double unit);

/* Prints the amount of work that is done in a second. */
void mlp_bench_print_rate(const bench *b, const report *r, timing *t);

/* ---------------------------------------------------------------------------
 * Workloads
 */

void mlp_bench_machine(bench *b);
void mlp_bench_whole(bench *b);    /* W1, W2 */
void mlp_bench_digits(bench *b);   /* W3 */
void mlp_bench_steps(bench *b);    /* W4, W5, W8 */
void mlp_bench_predict(bench *b);  /* W6, W7 */
void mlp_bench_products(bench *b); /* W9 */
void mlp_bench_scaling(bench *b);  /* on demand only */
void mlp_bench_latency(bench *b);  /* on demand only */
void mlp_bench_jacobian(bench *b); /* on demand only */

/* Mini-batch training, whose steps are checked first and then timed. */
typedef struct stepping {
    const char *name;
    size_t widths[BENCH_LAYERS + 1];
    size_t batch, steps; /* in an epoch */
    bool classes;        /* true: one-hot targets, false: normal numbers */
    bool streams;        /* true if the weights do not fit into caches */
    mlp_optimizer_kind kind;
} stepping;

void mlp_bench_stepping(const bench *b, const stepping *t);

/* One training step of a network, for the check in step_check.c. */
typedef struct step {
    const char *result;
    mlp_net *net;
    mlp_cview X, Y;
    mlp_optimizer_kind kind; /* SGD, or the first step of Adam */
    double alpha;
} step;

/* Performs the step, and fails unless every tensor is what plain loops
 * compute. */
void mlp_bench_check_step(const step *s, mlp_trainer *trainer);

#endif
