/* SPDX-License-Identifier: MIT */
/*
 * The ranks of a call. MPI's errors come back as codes, because the duplicate
 * of the communicator has the handler MPI_ERRORS_RETURN; most of them leave MPI
 * in a state from which nobody can go on, so they end the call at once.
 *
 * The bytes of a sum. In the first phase a rank sends a half of the array, then
 * a quarter, and so on, until it holds 1 / R of the sums; in the second phase
 * the same in the other order. So it sends 2 (R - 1) / R times the array, and
 * receives as much. No exchange can do with less: each rank must send all
 * numbers but those that it adds itself, and must send the sums of these.
 *
 * The bits. In the round with the distance d, a rank has sums over the d ranks
 * of its group, and its partner has those of the neighbouring group. The group
 * of the lower ranks is the left branch of the tree, the other one the right
 * branch. For d = 1, 2, 4 these are the pairs, fours and eights of the tree in
 * mlp.h. Whether a + b or b + a is computed makes no difference.
 */
#include "world.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------
 * Messages and memory
 */

/* A long message is cut, and control characters are replaced: MPI's texts may
 * have several lines. The library's own mlpi_error is not for other libraries:
 * this one knows only the public headers. */
mlp_status mlpi_mpi_error(const mlp_hooks *hooks, mlp_status status,
                          const char *format, ...)
{
    if (hooks->log) {
        char message[512];
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(message, sizeof message, format, arguments);
        va_end(arguments);
        for (char *c = message; *c != '\0'; c++) {
            *c = (unsigned char)*c < ' ' ? '?' : *c;
        }
        hooks->log(status, message, hooks->user);
    }
    return status;
}

/* MPI has a text for each of its codes. If it fails to give one, the message
 * still names the call. */
mlp_status mlpi_mpi_check(const mlpi_world *world, int code, const char *what)
{
    if (code == MPI_SUCCESS) {
        return MLP_OK;
    }
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) {
        length = 0;
    }
    return mlpi_mpi_error(&world->hooks, MLP_ERR_IO, "rank %d of %d: %s: %.*s",
                          world->rank, world->ranks, what, length, text);
}

/* malloc(0) may return NULL, which would look like a failure. */
void *mlpi_mpi_allocate(const mlp_hooks *hooks, size_t bytes)
{
    bytes = bytes > 0 ? bytes : 1;
    return hooks->allocate ? hooks->allocate(bytes, hooks->user)
                           : malloc(bytes);
}

void mlpi_mpi_release(const mlp_hooks *hooks, void *block)
{
    if (block && hooks->release) {
        hooks->release(block, hooks->user);
    } else {
        free(block);
    }
}

/* ---------------------------------------------------------------------------
 * The ordered sum
 */

/* Up to so many bytes an array is traded as a whole: the time of a short
 * message is its latency, so fewer messages are faster. */
enum { SHORT_BYTES = 4096 };

/* Returns the bytes of a number; an exchange adds floats or doubles. */
static size_t size_of(mlp_dtype dtype)
{
    return dtype == MLP_F64 ? sizeof(double) : sizeof(float);
}

/* Returns the address of number i. */
static void *number_at(void *numbers, size_t i, mlp_dtype dtype)
{
    return (unsigned char *)numbers + i * size_of(dtype);
}

/* Adds n numbers to others. Each sum is rounded once, to its own type: the
 * library's build sees to that (see CMakeLists.txt). */
static void add(void *to, const void *from, size_t n, mlp_dtype dtype)
{
    if (dtype == MLP_F64) {
        double *a = to;
        const double *b = from;
        for (size_t i = 0; i < n; i++) {
            a[i] += b[i];
        }
    } else {
        float *a = to;
        const float *b = from;
        for (size_t i = 0; i < n; i++) {
            a[i] += b[i];
        }
    }
}

/* Sends numbers to the partner and receives others from it, at the same time:
 * two ranks that both sent first could wait for each other for ever. */
static mlp_status trade(const mlpi_world *world, int partner, void *sent,
                        size_t n_sent, void *received, size_t n_received,
                        mlp_dtype dtype)
{
    MPI_Datatype type = dtype == MLP_F64 ? MPI_DOUBLE : MPI_FLOAT;
    return mlpi_mpi_check(world,
                          MPI_Sendrecv(sent, (int)n_sent, type, partner, 0,
                                       received, (int)n_received, type, partner,
                                       0, world->comm, MPI_STATUS_IGNORE),
                          "MPI_Sendrecv");
}

/* Numbers [begin, end) of the array. */
typedef struct range {
    size_t begin, end;
} range;

/* Cuts a range into the half that this rank keeps in the round with this
 * distance, and the half that its partner keeps. */
static range kept_half(const mlpi_world *world, range all, int distance,
                       range *other)
{
    size_t middle = all.begin + (all.end - all.begin) / 2;
    range lower = {all.begin, middle};
    range upper = {middle, all.end};
    bool keeps_lower = (world->rank & distance) == 0;
    *other = keeps_lower ? upper : lower;
    return keeps_lower ? lower : upper;
}

/* An example with four ranks and eight numbers. "01" stands for a sum over the
 * ranks 0 and 1, "all" for one over all, and a dot for a number that the rank
 * has given away:
 *
 *     rank    round 0, d = 1              round 1, d = 2
 *     0       01 01 01 01 .  .  .  .      all all .   .   .   .   .   .
 *     1       .  .  .  .  01 01 01 01     .   .   .   .   all all .   .
 *     2       23 23 23 23 .  .  .  .      .   .   all all .   .   .   .
 *     3       .  .  .  .  23 23 23 23     .   .   .   .   .   .   all all
 *
 * Then round 1 backwards: ranks 0 and 2, and 1 and 3, trade their two sums for
 * the other's two. In round 0 backwards, ranks 0 and 1, and 2 and 3, trade
 * four, and each has all eight.
 *
 * Adds an array whose half fits into the buffer. kept[k] is what this rank adds
 * before round k, and other[k] is what its partner of round k takes away from
 * it. In the second loop the two are put together again. */
static mlp_status sum_by_halves(const mlpi_world *world, void *numbers,
                                size_t n, mlp_dtype dtype)
{
    range kept[32] = {{0, n}}; /* before each round */
    range other[32];
    int rounds = 0;
    for (int d = 1; d < world->ranks; d *= 2, rounds++) {
        range mine = kept_half(world, kept[rounds], d, &other[rounds]);
        range theirs = other[rounds];
        mlp_status status = trade(world, world->rank ^ d,
                                  number_at(numbers, theirs.begin, dtype),
                                  theirs.end - theirs.begin, world->buffer,
                                  mine.end - mine.begin, dtype);
        if (status != MLP_OK) {
            return status;
        }
        add(number_at(numbers, mine.begin, dtype), world->buffer,
            mine.end - mine.begin, dtype);
        kept[rounds + 1] = mine;
    }
    while (rounds-- > 0) {
        /* This rank has the sums in `mine`, its partner those in `theirs`. */
        range mine = kept[rounds + 1];
        range theirs = other[rounds];
        mlp_status status =
            trade(world, world->rank ^ (1 << rounds),
                  number_at(numbers, mine.begin, dtype), mine.end - mine.begin,
                  number_at(numbers, theirs.begin, dtype),
                  theirs.end - theirs.begin, dtype);
        if (status != MLP_OK) {
            return status;
        }
    }
    return MLP_OK;
}

/* Adds an array that fits into the buffer. After the round with the distance d
 * a rank has the sums over its group of 2 d ranks:
 *
 *     rank        0      1      2      3
 *     d = 1       01     01     23     23
 *     d = 2       all    all    all    all
 */
static mlp_status sum_as_a_whole(const mlpi_world *world, void *numbers,
                                 size_t n, mlp_dtype dtype)
{
    for (int d = 1; d < world->ranks; d *= 2) {
        mlp_status status =
            trade(world, world->rank ^ d, numbers, n, world->buffer, n, dtype);
        if (status != MLP_OK) {
            return status;
        }
        add(numbers, world->buffer, n, dtype);
    }
    return MLP_OK;
}

/* The function of the exchange. A long array goes in pieces whose half fits
 * into the buffer; gradients are one piece. */
static mlp_status ordered_sum(void *numbers, size_t n, mlp_dtype dtype,
                              void *user)
{
    const mlpi_world *world = user;
    size_t piece = world->capacity / size_of(dtype) * 2;
    if (n * size_of(dtype) <= SHORT_BYTES) {
        return sum_as_a_whole(world, numbers, n, dtype);
    }
    for (size_t i = 0, m = 0; i < n; i += m) {
        m = n - i < piece ? n - i : piece;
        mlp_status status =
            sum_by_halves(world, number_at(numbers, i, dtype), m, dtype);
        if (status != MLP_OK) {
            return status;
        }
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * The world
 */

/* Agreement needs no memory, so that a rank without memory can agree, too: the
 * ranks find the first that has failed, which sends its status. */
mlp_status mlpi_world_agree(const mlpi_world *world, mlp_status status)
{
    int mine = status == MLP_OK ? world->ranks : world->rank;
    int first = 0;
    int agreed = (int)status;
    mlp_status sent = mlpi_mpi_check(
        world, MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, world->comm),
        "MPI_Allreduce");
    if (sent != MLP_OK || first == world->ranks) {
        return sent;
    }
    sent = mlpi_mpi_check(
        world, MPI_Bcast(&agreed, 1, MPI_INT, first, world->comm), "MPI_Bcast");
    if (sent != MLP_OK) {
        return sent;
    }
    return mlpi_mpi_error(&world->hooks, (mlp_status)agreed,
                          "rank %d of %d has failed, which ends the call of "
                          "all: %s",
                          first, world->ranks,
                          mlp_status_text((mlp_status)agreed));
}

/* Large arrays go in pieces, because MPI counts in int. If a piece fails, the
 * call ends on this rank; what the others get is up to MPI. */
mlp_status mlpi_world_broadcast(const mlpi_world *world, int root, void *bytes,
                                size_t size)
{
    mlp_status status = MLP_OK;
    for (size_t i = 0, m = 0; status == MLP_OK && i < size; i += m) {
        m = size - i < INT_MAX ? size - i : INT_MAX;
        status = mlpi_mpi_check(world,
                                MPI_Bcast((unsigned char *)bytes + i, (int)m,
                                          MPI_BYTE, root, world->comm),
                                "MPI_Bcast");
    }
    return status;
}

/* Checks that MPI can be called. The two functions that tell may be called at
 * any time, also before MPI_Init. */
static mlp_status check_mpi(const mlp_hooks *hooks, MPI_Comm comm)
{
    int is_ready = 0;
    int is_over = 0;
    (void)MPI_Initialized(&is_ready);
    (void)MPI_Finalized(&is_over);
    if (!is_ready || is_over) {
        return mlpi_mpi_error(hooks, MLP_ERR_ORDER,
                              "MPI: expects a call between MPI_Init and "
                              "MPI_Finalize");
    }
    if (comm == MPI_COMM_NULL) {
        return mlpi_mpi_error(hooks, MLP_ERR_ARGUMENT,
                              "MPI: the communicator is MPI_COMM_NULL");
    }
    return MLP_OK;
}

/* Gives the world a duplicate of the communicator, whose errors are codes, and
 * the number of this rank. */
static mlp_status set_ranks(MPI_Comm comm, mlpi_world *world)
{
    mlp_status status =
        mlpi_mpi_check(world, MPI_Comm_dup(comm, &world->comm), "MPI_Comm_dup");
    if (status == MLP_OK) {
        status = mlpi_mpi_check(
            world, MPI_Comm_set_errhandler(world->comm, MPI_ERRORS_RETURN),
            "MPI_Comm_set_errhandler");
    }
    if (status == MLP_OK) {
        status = mlpi_mpi_check(
            world, MPI_Comm_size(world->comm, &world->ranks), "MPI_Comm_size");
    }
    if (status == MLP_OK) {
        status = mlpi_mpi_check(world, MPI_Comm_rank(world->comm, &world->rank),
                                "MPI_Comm_rank");
    }
    return status;
}

/* A rank whose MPI is not ready, or that does not know its number, cannot tell
 * the others, and returns; all are in the same state then. After that the ranks
 * agree. The largest buffer is limited, so that MPI's counts fit into an int. */
mlp_status mlpi_world_open(MPI_Comm comm, const mlp_hooks *hooks, size_t bytes,
                           mlp_status status, mlpi_world *world)
{
    *world = (mlpi_world){.comm = MPI_COMM_NULL, .ranks = 1, .hooks = *hooks};
    mlp_status ready = check_mpi(hooks, comm);
    if (ready == MLP_OK) {
        ready = set_ranks(comm, world);
    }
    if (ready != MLP_OK) {
        return ready;
    }
    const size_t most = (size_t)INT_MAX / sizeof(double) * sizeof(float);
    world->capacity = bytes / 2 + sizeof(double);
    world->capacity = world->capacity < SHORT_BYTES ? SHORT_BYTES
                      : world->capacity > most      ? most
                                                    : world->capacity;
    world->buffer = mlpi_mpi_allocate(hooks, world->capacity);
    world->exchange = (mlp_exchange){.rank = (size_t)world->rank,
                                     .ranks = (size_t)world->ranks,
                                     .sum = ordered_sum,
                                     .user = world};
    if (status == MLP_OK && !world->buffer) {
        status = mlpi_mpi_error(hooks, MLP_ERR_MEMORY,
                                "out of memory: %zu bytes for an exchange",
                                world->capacity);
    }
    return mlpi_world_agree(world, status);
}

/* All ranks free the duplicate together, as MPI asks for. */
void mlpi_world_close(mlpi_world *world)
{
    mlpi_mpi_release(&world->hooks, world->buffer);
    if (world->comm != MPI_COMM_NULL) {
        (void)MPI_Comm_free(&world->comm);
    }
}
