/* SPDX-License-Identifier: MIT */
/*
 * A function of MPI for each that the library calls.
 */
#include "mpi/failing_mpi.h"

#include <mpi.h>
#include <string.h>

static struct {
    bool is_on, is_culprit, has_no_text;
    size_t calls, fail_at;
    mpi_report report;
} watch;

void mlp_fault_mpi_watch(size_t n, bool is_culprit, bool has_text)
{
    watch.is_on = true;
    watch.is_culprit = is_culprit;
    watch.has_no_text = !has_text;
    watch.calls = 0;
    watch.fail_at = n;
    watch.report = (mpi_report){.name = NULL};
}

mpi_report mlp_fault_mpi_unwatch(void)
{
    watch.is_on = false;
    watch.has_no_text = false;
    return watch.report;
}

/* Counts a call; returns true if it must fail. */
static bool fails(const char *name, mpi_failure leads_to, bool is_alone)
{
    if (!watch.is_on || ++watch.calls != watch.fail_at) {
        return false;
    }
    watch.report = (mpi_report){name, leads_to, is_alone};
    return !is_alone || watch.is_culprit;
}

/* A function that fails, or is the real one. */
#define DO(name, leads_to, is_alone, ...)                                      \
    return fails("MPI_" #name, leads_to, is_alone) ? MPI_ERR_OTHER             \
                                                   : PMPI_##name(__VA_ARGS__)

/* A function that frees, and then fails. */
#define DO_AND_FAIL(name, ...)                                                 \
    bool is_to_fail = fails("MPI_" #name, CHANGES_NOTHING, true);              \
    int code = PMPI_##name(__VA_ARGS__);                                       \
    return is_to_fail ? MPI_ERR_OTHER : code

int MPI_Initialized(int *flag)
{
    DO(Initialized, IS_NOT_READY, false, flag);
}

int MPI_Finalized(int *flag)
{
    DO(Finalized, CHANGES_NOTHING, false, flag);
}

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm *copy)
{
    DO(Comm_dup, ENDS_THE_CALL, false, comm, copy);
}

int MPI_Comm_set_errhandler(MPI_Comm comm, MPI_Errhandler handler)
{
    DO(Comm_set_errhandler, ENDS_THE_CALL, false, comm, handler);
}

int MPI_Comm_size(MPI_Comm comm, int *size)
{
    DO(Comm_size, ENDS_THE_CALL, false, comm, size);
}

int MPI_Comm_rank(MPI_Comm comm, int *number)
{
    DO(Comm_rank, ENDS_THE_CALL, false, comm, number);
}

int MPI_Comm_free(MPI_Comm *comm)
{
    DO_AND_FAIL(Comm_free, comm);
}

int MPI_Allreduce(const void *from, void *to, int n, MPI_Datatype type,
                  MPI_Op operation, MPI_Comm comm)
{
    DO(Allreduce, ENDS_THE_CALL, false, from, to, n, type, operation, comm);
}

int MPI_Bcast(void *buffer, int n, MPI_Datatype type, int root, MPI_Comm comm)
{
    DO(Bcast, ENDS_THE_CALL, false, buffer, n, type, root, comm);
}

int MPI_Allgather(const void *from, int n_from, MPI_Datatype from_type,
                  void *to, int n_to, MPI_Datatype to_type, MPI_Comm comm)
{
    DO(Allgather, ENDS_THE_CALL, false, from, n_from, from_type, to, n_to,
       to_type, comm);
}

int MPI_Alltoallv(const void *from, const int n_from[], const int from_begin[],
                  MPI_Datatype from_type, void *to, const int n_to[],
                  const int to_begin[], MPI_Datatype to_type, MPI_Comm comm)
{
    DO(Alltoallv, ENDS_THE_CALL, false, from, n_from, from_begin, from_type, to,
       n_to, to_begin, to_type, comm);
}

int MPI_Type_contiguous(int n, MPI_Datatype old, MPI_Datatype *made)
{
    DO(Type_contiguous, ENDS_THE_CALL, true, n, old, made);
}

int MPI_Type_commit(MPI_Datatype *type)
{
    DO(Type_commit, ENDS_THE_CALL, true, type);
}

int MPI_Type_free(MPI_Datatype *type)
{
    DO_AND_FAIL(Type_free, type);
}

int MPI_Sendrecv(const void *from, int n_from, MPI_Datatype from_type,
                 int to_rank, int to_tag, void *to, int n_to,
                 MPI_Datatype to_type, int from_rank, int from_tag,
                 MPI_Comm comm, MPI_Status *status)
{
    DO(Sendrecv, ENDS_THE_TRAINING, false, from, n_from, from_type, to_rank,
       to_tag, to, n_to, to_type, from_rank, from_tag, comm, status);
}

/* This call has no number of its own: it follows one that has failed. Its text
 * may have several lines. */
int MPI_Error_string(int code, char *text, int *length)
{
    int status = watch.has_no_text ? MPI_ERR_OTHER
                                   : PMPI_Error_string(code, text, length);
    char *blank = status == MPI_SUCCESS ? strchr(text, ' ') : NULL;
    if (blank) {
        *blank = '\n';
    }
    return status;
}
