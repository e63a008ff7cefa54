/* SPDX-License-Identifier: MIT */
/*
 * What the workloads of mlp_bench share: choosing them, timing them, and
 * printing a line for each result,
 *
 *     workload peer threads median unit min=X note
 *
 * where a rate has max=X, and the note may hold gflops=X and gbytes=X, the
 * arithmetic and the memory traffic of a second, loss=X and accuracy=X.
 */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include "mlp.h"

enum { LEAST_REPETITIONS = 7, MOST_REPETITIONS = 1000 };

/* A workload's name as the user gave it. */
typedef struct choice {
    const char *name;
    bool used; /* it is the name of something */
} choice;

typedef struct bench {
    const char *kernels; /* a table's name, or NULL for the fastest */
    double seconds;      /* to spend on each result, at least */
    size_t threads;      /* that share the work */
    size_t count;        /* unless 0: do the work so often, and time nothing */
    choice *choices;
    size_t n_choices; /* 0: everything */
} bench;

/* Is the result wanted? A choice W9 means all that begin with W9 or W9-. */
bool mlp_bench_wants(bench *b, const char *result);

/* The same, but for those that are not measured unless they are asked for. */
bool mlp_bench_chooses(bench *b, const char *result);

/* Ends the program with exit status 1, saying what is wrong with a result. */
_Noreturn void mlp_bench_fail(const char *result, const char *what);

/* Fails unless the status is MLP_OK. */
void mlp_bench_expect(const char *result, mlp_status status);

/* Ends the program where there is no memory; else 64-byte aligned. */
void *mlp_bench_allocate(size_t n, size_t size);

/* A network with the layers of widths[1..3], widths[0] inputs, ReLUs but for
 * the last layer, and float32. Its biases are not 0, so that a check sees
 * if they are left out. */
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

double mlp_bench_now(void);

/* Begins; notes a repetition; are more needed for a good median? */
void mlp_bench_start(timing *t);
void mlp_bench_note(timing *t, double seconds);
bool mlp_bench_goes_on(const bench *b, const timing *t);

/* Something to do `calls` times. */
typedef struct work {
    void (*run)(void *state, size_t calls);
    void *state;
} work;

/* Times a call, with so many in a repetition that the clock is no matter. */
void mlp_bench_repeat(const bench *b, const work *w, timing *t);

/* ---------------------------------------------------------------------------
 * Results
 */

typedef struct report {
    const char *name, *peer, *unit;
    double amount; /* of what is done in a repetition */
    double gflop;  /* in a repetition; 0: nothing is said of them */
    double gbyte;  /* of memory that cannot but be read or written; as gflop */
    double loss, accuracy; /* NaN: there is none */
} report;

/* Nothing to say but name, unit and amount. */
report mlp_bench_report(const char *name, const char *unit, double amount);

/* Prints the median time for one of the amount, in a second's `unit`s; and
 * the amount done in a second. */
void mlp_bench_print_time(const bench *b, const report *r, timing *t,
                          double unit);
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
void mlp_bench_scaling(bench *b);  /* only if it is asked for */

/* Mini-batch training, measured by the step, once it has been checked. */
typedef struct stepping {
    const char *name;
    size_t widths[BENCH_LAYERS + 1];
    size_t batch, steps; /* in an epoch */
    bool classes;        /* one-hot targets, or normal numbers */
    bool streams;        /* the weights are too many for caches */
    mlp_optimizer_kind kind;
} stepping;

void mlp_bench_stepping(const bench *b, const stepping *t);

/* A step on a network, for the check of steps in step_check.c. */
typedef struct step {
    const char *result;
    mlp_net *net;
    mlp_cview X, Y;
    mlp_optimizer_kind kind; /* SGD, or the first step of Adam */
    double alpha;
} step;

/* Does the step and fails unless each tensor is what plain loops give. */
void mlp_bench_check_step(const step *s, mlp_trainer *trainer);

#endif
