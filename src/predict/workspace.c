/* SPDX-License-Identifier: MIT */
/*
 * Creation, layout and destruction of workspaces.
 *
 * A workspace is one block: the struct, a copy of the network's layout, and the
 * buffers of the calling thread. The layout is copied because the network may
 * be freed before the workspace, which then must still recognise networks of
 * the same layers (see mlp_predict_with).
 *
 *     | mlp_workspace | layer[L + 1] | derivatives | buffers |
 *
 * The buffers are X, hidden[0], hidden[1], Z, A, Y and scratch, in this order.
 *
 * Each other thread has in its scratch memory a mlpi_predict_buffers, followed
 * by the arrays that its pointers lead to.
 */
#include "predict/workspace.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/layer.h"

/* A chunk has about CHUNK_REALS numbers in the widest layer: 256 KiB of float,
 * which an L2 cache holds. More than MAX_CHUNK_ROWS rows make the products no
 * faster, however narrow the layers are. */
enum { CHUNK_REALS = 65536, MAX_CHUNK_ROWS = 256 };

/* Returns the number of rows of a full chunk. It is a multiple of MLPI_LANES,
 * because sums over rows go to the lanes in turn: the lane of a row must not
 * depend on where a chunk begins (see mlpi_loss_add). */
static size_t chunk_rows(const mlp_net *net)
{
    size_t widest = mlpi_max_size(mlpi_net_inputs(net), net->layout.widest);
    size_t rows = mlpi_min_size(CHUNK_REALS / widest, MAX_CHUNK_ROWS);
    return mlpi_max_size(rows / MLPI_LANES * MLPI_LANES, MLPI_LANES);
}

/* Takes the arrays of one thread from the cursor. */
static void take_buffers(const mlp_workspace *ws, mlpi_predict_buffers *buffers,
                         mlpi_cursor *cursor)
{
    const mlpi_layer_layout *layer = ws->layout.layer;
    size_t size = ws->kernels->real_size;
    size_t inputs = ws->rows * layer[0].width;
    size_t outputs = ws->rows * layer[ws->layout.L].width;
    size_t widest = ws->rows * ws->layout.widest;
    buffers->X = mlpi_take(cursor, inputs, size);
    buffers->hidden[0] = mlpi_take(cursor, widest, size);
    buffers->hidden[1] = mlpi_take(cursor, widest, size);
    buffers->Z = mlpi_take(cursor, outputs, size);
    buffers->A = mlpi_take(cursor, outputs, size);
    buffers->Y = mlpi_take(cursor, outputs, size);
    buffers->scratch = mlpi_take(cursor, ws->scratch_size, size);
}

/* A workspace, the network that it is made for, and the number of derivatives
 * that it has room for, for lay_out. */
typedef struct new_workspace {
    mlp_workspace ws;
    const mlp_net *net;
    size_t derivatives;
} new_workspace;

/* Lays out the block of a workspace. While measuring there is no copy of the
 * layout yet, and the sizes of the buffers come from the network's. */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    new_workspace *made = object;
    mlp_workspace *ws = &made->ws;
    (void)mlpi_take(cursor, 1, sizeof *ws);
    mlpi_layout_copy(&ws->layout, &made->net->layout, cursor);
    if (!ws->layout.layer) {
        ws->layout = made->net->layout;
    }
    ws->derivatives =
        mlpi_take(cursor, made->derivatives, ws->kernels->real_size);
    take_buffers(ws, &ws->buffers, cursor);
}

/* Allocates the workspace that `made` describes so far. */
static mlp_status make(new_workspace *made, mlp_workspace **workspace)
{
    const mlp_net *net = made->net;
    TRY(mlpi_check_rounding(&net->hooks));
    made->ws.hooks = net->hooks;
    made->ws.kernels = net->kernels;
    made->ws.scratch_size = mlpi_max_size(
        made->ws.scratch_size, mlpi_forward_scratch(net, made->ws.rows));
    void *block = NULL;
    TRY(mlpi_allocate_layout(&net->hooks, lay_out, made, "a workspace",
                             &block));
    *workspace = block;
    **workspace = made->ws;
    return MLP_OK;
}

mlp_status mlpi_workspace_make(const mlp_net *net, size_t m,
                               mlp_workspace **workspace)
{
    new_workspace made = {.ws = {.rows = mlpi_min_size(m, chunk_rows(net))},
                          .net = net};
    return make(&made, workspace);
}

/* Writes to all buffers of the calling thread. An operating system provides
 * memory only when it is first used, which takes longer than the prediction of
 * a row. */
static void touch_buffers(const mlp_workspace *ws)
{
    mlpi_predict_buffers measured;
    mlpi_cursor measure = {0};
    take_buffers(ws, &measured, &measure);
    memset(ws->buffers.X, 0, measure.used); /* X is the first of them */
}

/* Returns the reals of scratch for the products of a Jacobian of `columns`
 * columns, that of softmax included. */
static size_t jacobian_scratch(const mlp_net *net, size_t columns)
{
    const mlpi_layer_layout *layer = net->layout.layer;
    const bool forward = mlpi_jacobian_is_forward(&net->layout);
    size_t reals =
        net->kernels->gemm_scratch(1, columns, layer[net->layout.L].width);
    for (size_t l = 1; l <= net->layout.L; l++) {
        size_t m = layer[forward ? l : l - 1].width;
        size_t k = layer[forward ? l - 1 : l].width;
        reals = mlpi_max_size(reals, net->kernels->gemm_scratch(m, columns, k));
    }
    return reals;
}

/* The number of rows is not known here, so chunks may be as large as they
 * usefully can be. */
mlp_status mlp_workspace_create(const mlp_net *net, mlp_workspace **workspace)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&net->hooks, workspace,
                           "the place for the workspace"));
    size_t rows = chunk_rows(net);
    new_workspace made = {
        .ws = {.rows = rows,
               .scratch_size = jacobian_scratch(
                   net,
                   mlpi_min_size(rows, mlpi_jacobian_columns(&net->layout)))},
        .net = net};
    for (size_t l = 0; l <= net->layout.L; l++) {
        made.derivatives += net->layout.layer[l].width;
    }
    TRY(make(&made, workspace));
    touch_buffers(*workspace);
    return MLP_OK;
}

void mlp_workspace_free(mlp_workspace *workspace)
{
    if (workspace) {
        /* The hooks are copied because the block that holds them goes away. */
        mlp_hooks hooks = workspace->hooks;
        mlpi_team_free(workspace->team);
        mlpi_release(&hooks, workspace);
    }
}

/* Lays out the scratch memory of a thread that is not the caller. */
static void take_scratch(const mlp_workspace *ws, mlpi_predict_buffers *buffers,
                         mlpi_cursor *cursor)
{
    (void)mlpi_take(cursor, 1, sizeof *buffers);
    take_buffers(ws, buffers, cursor);
}

/* The team allocates the scratch memory of its threads itself, so it is
 * measured here and laid out after the team has been created. */
mlp_status mlp_workspace_set_threads(mlp_workspace *workspace, size_t threads)
{
    if (!workspace) {
        return MLP_ERR_NULL;
    }
    mlpi_predict_buffers buffers;
    mlpi_cursor measure = {0};
    take_scratch(workspace, &buffers, &measure);
    TRY(mlpi_team_replace(&workspace->hooks, threads, measure.used,
                          &workspace->team));
    for (size_t i = 1; i < mlpi_team_size(workspace->team); i++) {
        mlpi_thread member = {workspace->team, i, i + 1};
        void *scratch = mlpi_team_scratch(&member);
        mlpi_cursor carve = {.base = scratch};
        take_scratch(workspace, scratch, &carve);
    }
    return MLP_OK;
}
