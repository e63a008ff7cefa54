/* SPDX-License-Identifier: MIT */
/*
 * Functions of MPI that fail on demand. MPI lets a program define MPI_Xxx itself
 * and calls the real function PMPI_Xxx (its profiling interface), so each call
 * of the library is met here first.
 *
 * A call that fails does nothing, and returns an error. Most functions fail on
 * all ranks at once: the others would wait for ever for one rank that does not
 * take part. Those that concern one process alone fail on a single rank, and a
 * function that frees something frees it, and returns an error all the same.
 */
#ifndef TESTS_FAILING_MPI_H
#define TESTS_FAILING_MPI_H

#include <stdbool.h>
#include <stddef.h>

/* What a failure leads to. */
typedef enum mpi_failure {
    NO_CALL = 0,
    ENDS_THE_CALL,     /* MLP_ERR_IO, with the objects as before */
    ENDS_THE_TRAINING, /* MLP_ERR_IO; the fit may have begun */
    IS_NOT_READY,      /* MLP_ERR_ORDER: MPI may be uninitialized */
    CHANGES_NOTHING
} mpi_failure;

typedef struct mpi_report {
    const char *name; /* of the function; NULL: there were fewer calls */
    mpi_failure leads_to;
    bool is_alone; /* it fails on one rank only */
} mpi_report;

/* From now on calls are counted, and the n-th, from 1 on, fails; 0: none does.
 * A call that concerns one process alone fails only if `is_culprit`. Without
 * `has_text` MPI has no text for its errors. */
void mlp_fault_mpi_watch(size_t n, bool is_culprit, bool has_text);

/* Ends the count and tells what has failed. */
mpi_report mlp_fault_mpi_unwatch(void);

#endif
