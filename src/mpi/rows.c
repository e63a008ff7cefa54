/* SPDX-License-Identifier: MIT */
/*
 * Moving rows. First every rank learns the shape of what all ranks have; then
 * all come to the same verdict, without a further word. An array is sent by one
 * MPI_Alltoallv, whose unit is a row, so that MPI's counts, which are int,
 * count rows.
 *
 * For the example of rows.h, each rank computes from the numbers of rows, 7 and
 * 3, that rank 0 needs the rows 0 to 4 and rank 1 the rows 5 to 9:
 *
 *     rank    sends                   receives
 *     0       0 to 4 to itself,       0 to 4 from itself
 *             5 and 6 to rank 1
 *     1       7 to 9 to itself        5 and 6 from rank 0, 7 to 9 from itself
 *
 * A run is the intersection of the rows that one rank has and another needs.
 * Rows come in the order of the ranks that send them, which is their order in
 * the data set. Since both ranks of a run compute it from the same numbers, no
 * rank has to tell another what it is about to send.
 */
#include "rows.h"

#include <limits.h>
#include <string.h>

enum { VIEWS = 5, TOLD = 3 * VIEWS };

/* What a rank tells about its views: rows, columns and type of each. Every rank
 * tells the same number of words, so that one MPI_Allgather is enough, whatever
 * views a rank has. A view that it lacks has no rows. */
typedef struct shapes {
    uint64_t of[TOLD];
} shapes;

/* Runs of rows between this rank and each other, in the order of the ranks. */
typedef struct row_runs {
    int *sent, *sent_begin, *received, *received_begin;
    void *block;
} row_runs;

static const char *const names[VIEWS] = {"X", "Y", "row_weights",
                                         "X_validation", "Y_validation"};

/* Returns view number v of the rows, in the order of `names`. */
static mlp_cview *view_of(mlpi_mpi_rows *rows, size_t v)
{
    mlp_cview *const views[VIEWS] = {&rows->X, &rows->Y, &rows->row_weights,
                                     &rows->X_validation, &rows->Y_validation};
    return views[v];
}

/* Classes are int32_t, as long as a float. */
static size_t element_size(mlp_dtype dtype)
{
    return dtype == MLP_F64 ? sizeof(double) : sizeof(float);
}

/* Returns floor(p m / parts), the first row of block p of m rows. The product
 * p m could exceed a size_t, so whole blocks and the rest are computed
 * separately. */
static size_t block_begin(size_t m, size_t parts, size_t p)
{
    return m / parts * p + m % parts * p / parts;
}

/* Returns the first row that rank r needs; with r = ranks, the number of rows.
 * Each rank has the same number of blocks. */
static size_t needed_begin(const mlpi_world *world, size_t m, size_t parts,
                           int r)
{
    return block_begin(m, parts, parts / (size_t)world->ranks * (size_t)r);
}

/* Returns the error for memory that this rank does not get. */
static mlp_status no_memory(const mlpi_world *world, size_t bytes)
{
    return mlpi_mpi_error(&world->hooks, MLP_ERR_MEMORY,
                          "out of memory: %zu bytes for rows that move to "
                          "another rank",
                          bytes);
}

/* ---------------------------------------------------------------------------
 * Shapes
 */

/* Checks what this rank can check by itself: what would make moving rows go
 * wrong. Everything else about rows is checked by the fit, after they have
 * moved, with the messages that a fit has. */
static mlp_status check_views(const mlpi_world *world, mlpi_mpi_rows *rows)
{
    const size_t most_cols = INT_MAX / sizeof(double);
    for (size_t v = 0; v < VIEWS; v++) {
        const mlp_cview *view = view_of(rows, v);
        if (view->rows > 0 && !view->data) {
            return mlpi_mpi_error(&world->hooks, MLP_ERR_NULL,
                                  "%s: the data is NULL", names[v]);
        }
        if (view->rows > INT_MAX || view->cols > most_cols) {
            return mlpi_mpi_error(&world->hooks, MLP_ERR_LIMIT,
                                  "%s: expects at most %d rows of %zu columns "
                                  "on a rank, got %zu of %zu",
                                  names[v], INT_MAX, most_cols, view->rows,
                                  view->cols);
        }
    }
    size_t m = rows->X.rows;
    size_t n = rows->row_weights.rows;
    if (rows->Y.rows != m || (n > 0 && n != m) ||
        rows->X_validation.rows != rows->Y_validation.rows) {
        return mlpi_mpi_error(
            &world->hooks, MLP_ERR_SHAPE,
            "rank %d of %d: expects as many rows of X as of Y, got %zu and "
            "%zu; %zu row_weights; %zu and %zu for validation",
            world->rank, world->ranks, m, rows->Y.rows, n,
            rows->X_validation.rows, rows->Y_validation.rows);
    }
    return MLP_OK;
}

/* Checks that all ranks that have rows have the same columns and type. A rank
 * without rows takes them from the first that has. */
static mlp_status compare_shapes(const mlpi_world *world, const shapes *all,
                                 mlpi_mpi_rows *rows)
{
    for (size_t v = 0; v < VIEWS; v++) {
        const uint64_t *first = NULL;
        for (int r = 0; r < world->ranks; r++) {
            const uint64_t *told = all[r].of + 3 * v;
            first = first || told[0] == 0 ? first : told;
            if (told[0] > 0 && (told[1] != first[1] || told[2] != first[2])) {
                return mlpi_mpi_error(
                    &world->hooks,
                    told[1] != first[1] ? MLP_ERR_SHAPE : MLP_ERR_DTYPE,
                    "%s: rank %d has another type or other columns than the "
                    "ranks before",
                    names[v], r);
            }
        }
        if (first) {
            view_of(rows, v)->cols = (size_t)first[1];
            view_of(rows, v)->dtype = (mlp_dtype)first[2];
        }
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Moving
 */

/* Returns how many rows [a, a_end) and [b, b_end) have in common. It fits into
 * an int, because no rank has more rows than that. */
static int common(size_t a, size_t a_end, size_t b, size_t b_end)
{
    size_t begin = a > b ? a : b;
    size_t end = a_end < b_end ? a_end : b_end;
    return begin < end ? (int)(end - begin) : 0;
}

/* The four arrays have an element for each rank. */
static mlp_status allocate_runs(const mlpi_world *world, row_runs *runs)
{
    size_t n = (size_t)world->ranks;
    runs->block = mlpi_mpi_allocate(&world->hooks, 4 * n * sizeof(int));
    runs->sent = runs->block;
    if (!runs->sent) {
        return no_memory(world, 4 * n * sizeof(int));
    }
    runs->sent_begin = runs->sent + n;
    runs->received = runs->sent + 2 * n;
    runs->received_begin = runs->sent + 3 * n;
    return MLP_OK;
}

/* Each rank plans its own runs from what all have told, so that what it sends
 * is what the others expect. Sets the runs of view v, and returns how many rows
 * this rank needs. *moves is true if one of the ranks, not only this one, has
 * other rows than it needs: all ranks must call MPI_Alltoallv, or none. On rank
 * 0 of the example above, where it has the rows 0 to 6 and needs 0 to 4:
 *
 *     r    given      needed     sent           received
 *     0    [0, 7)     [0, 5)     5, from 0 on   5, from 0 on
 *     1    [7, 10)    [5, 10)    2, from 5 on   0
 */
static size_t plan_runs(const mlpi_world *world, const shapes *all, size_t v,
                        size_t parts, row_runs *runs, bool *moves)
{
    size_t m = 0;
    for (int r = 0; r < world->ranks; r++) {
        m += (size_t)all[r].of[3 * v];
    }
    size_t mine = 0;
    for (int r = 0; r < world->rank; r++) {
        mine += (size_t)all[r].of[3 * v];
    }
    size_t mine_end = mine + (size_t)all[world->rank].of[3 * v];
    size_t wanted = needed_begin(world, m, parts, world->rank);
    size_t wanted_end = needed_begin(world, m, parts, world->rank + 1);
    size_t given = 0;
    int sent = 0;
    int received = 0;
    *moves = false;
    for (int r = 0; r < world->ranks; r++) {
        size_t given_end = given + (size_t)all[r].of[3 * v];
        size_t needed = needed_begin(world, m, parts, r);
        size_t needed_end = needed_begin(world, m, parts, r + 1);
        /* All ranks have agreed that they have their arrays.
         * NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        runs->sent_begin[r] = sent;
        runs->received_begin[r] = received;
        runs->sent[r] = common(mine, mine_end, needed, needed_end);
        runs->received[r] = common(given, given_end, wanted, wanted_end);
        sent += runs->sent[r];
        received += runs->received[r];
        *moves = *moves || given != needed || given_end != needed_end;
        given = given_end;
    }
    return wanted_end - wanted;
}

/* Copies a view, which may have any strides, to dense rows. The elements are
 * bytes here: nothing is computed with them. All ranks have agreed that they
 * have the memory. */
static void pack(const mlp_cview *view, unsigned char *to)
{
    size_t size = element_size(view->dtype);
    for (size_t i = 0; i < view->rows; i++) {
        const unsigned char *row =
            (const unsigned char *)view->data + i * view->row_stride * size;
        if (view->col_stride == 1) {
            /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
            memcpy(to, row, view->cols * size);
            to += view->cols * size;
            continue;
        }
        for (size_t j = 0; j < view->cols; j++, to += size) {
            /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
            memcpy(to, row + j * view->col_stride * size, size);
        }
    }
}

/* Describes dense rows of `bytes` each to MPI. The caller frees the
 * description, also after an error, unless it is MPI_DATATYPE_NULL. */
static mlp_status describe_row(const mlpi_world *world, size_t bytes,
                               MPI_Datatype *row)
{
    mlp_status status =
        mlpi_mpi_check(world, MPI_Type_contiguous((int)bytes, MPI_BYTE, row),
                       "MPI_Type_contiguous");
    if (status != MLP_OK) {
        *row = MPI_DATATYPE_NULL;
        return status;
    }
    return mlpi_mpi_check(world, MPI_Type_commit(row), "MPI_Type_commit");
}

/* The rows are sent from a dense copy, because MPI sends what lies together,
 * and a view may have gaps. The copy lives only as long as the call, and that
 * of the received rows as long as the fit. A rank sends its own rows to itself
 * in the same way, so that the received rows are complete. Moves the rows of
 * view v, if a rank has others than it needs. */
static mlp_status move_view(const mlpi_world *world, const shapes *all,
                            size_t v, size_t parts, row_runs *runs,
                            mlpi_mpi_rows *rows)
{
    bool moves = false;
    mlp_cview *view = view_of(rows, v);
    size_t m = plan_runs(world, all, v, parts, runs, &moves);
    if (!moves) {
        return MLP_OK;
    }
    size_t bytes = view->cols * element_size(view->dtype);
    void *sent = mlpi_mpi_allocate(&world->hooks, view->rows * bytes);
    rows->copies[v] = mlpi_mpi_allocate(&world->hooks, m * bytes);
    MPI_Datatype row = MPI_DATATYPE_NULL;
    mlp_status status = sent && rows->copies[v]
                            ? describe_row(world, bytes, &row)
                            : no_memory(world, (view->rows + m) * bytes);
    status = mlpi_world_agree(world, status);
    if (status == MLP_OK) {
        pack(view, sent);
        status = mlpi_mpi_check(
            world,
            MPI_Alltoallv(sent, runs->sent, runs->sent_begin, row,
                          rows->copies[v], runs->received, runs->received_begin,
                          row, world->comm),
            "MPI_Alltoallv");
    }
    if (row != MPI_DATATYPE_NULL) {
        (void)MPI_Type_free(&row);
    }
    mlpi_mpi_release(&world->hooks, sent);
    view->rows = m;
    view->row_stride = view->cols;
    view->col_stride = 1;
    view->data = rows->copies[v];
    return status;
}

/* Moves all views. The shapes of all ranks have been gathered, so that each
 * finds the same fault in them, or none. The views of a rank without rows get
 * columns and type here, which the fit's checks would miss otherwise. */
static mlp_status move_views(const mlpi_world *world, const shapes *all,
                             size_t parts, mlpi_mpi_rows *rows)
{
    row_runs runs = {.block = NULL};
    mlp_status status = compare_shapes(world, all, rows);
    if (status != MLP_OK) {
        return status; /* the same on all ranks */
    }
    status = mlpi_world_agree(world, allocate_runs(world, &runs));
    for (size_t v = 0; status == MLP_OK && v < VIEWS; v++) {
        status = move_view(world, all, v, parts, &runs, rows);
    }
    mlpi_mpi_release(&world->hooks, runs.block);
    return status;
}

/* Shapes are told even if this rank has no rows. Whoever has failed says so
 * before, so that nobody waits in MPI_Allgather. */
mlp_status mlpi_mpi_rows_move(const mlpi_world *world, size_t parts,
                              mlpi_mpi_rows *rows)
{
    shapes mine;
    mlp_status status = check_views(world, rows);
    shapes *all =
        mlpi_mpi_allocate(&world->hooks, (size_t)world->ranks * sizeof *all);
    if (status == MLP_OK && !all) {
        status = no_memory(world, (size_t)world->ranks * sizeof *all);
    }
    status = mlpi_world_agree(world, status);
    if (status == MLP_OK) {
        for (size_t v = 0; v < VIEWS; v++) {
            const mlp_cview *view = view_of(rows, v);
            mine.of[3 * v] = view->rows;
            mine.of[3 * v + 1] = view->cols;
            mine.of[3 * v + 2] = (uint64_t)view->dtype;
        }
        status = mlpi_mpi_check(world,
                                MPI_Allgather(mine.of, TOLD, MPI_UINT64_T, all,
                                              TOLD, MPI_UINT64_T, world->comm),
                                "MPI_Allgather");
    }
    if (status == MLP_OK) {
        status = move_views(world, all, parts, rows);
    }
    mlpi_mpi_release(&world->hooks, all);
    return status;
}

/* Views that have not moved show the caller's memory, which stays. */
void mlpi_mpi_rows_release(const mlpi_world *world, mlpi_mpi_rows *rows)
{
    for (size_t v = 0; v < VIEWS; v++) {
        mlpi_mpi_release(&world->hooks, rows->copies[v]);
    }
}
