/* SPDX-License-Identifier: MIT */
#include "predict/workspace.h"

#include "base/error.h"
#include "base/memory.h"
#include "model/layer.h"

/* Rows of a chunk: what is near CHUNK_REALS numbers in the widest layer, but a
 * multiple of the lanes, and not so many that more bring nothing. */
enum { CHUNK_REALS = 65536, MOST_ROWS = 256 };

static size_t chunk_rows(const mlp_net *net)
{
    size_t inputs = mlpi_net_inputs(net);
    size_t widest = net->layout.widest;
    size_t rows = CHUNK_REALS / (inputs > widest ? inputs : widest);
    if (rows > MOST_ROWS) {
        return MOST_ROWS;
    }
    return rows < MLPI_LANES ? MLPI_LANES : rows / MLPI_LANES * MLPI_LANES;
}

void mlpi_workspace_lay_out(const mlp_workspace *ws,
                            mlpi_predict_buffers *buffers, mlpi_cursor *cursor)
{
    const mlpi_shape *layer = ws->layout.layer;
    size_t size = ws->kernels->real_size;
    size_t inputs = ws->rows * layer[0].width;
    size_t outputs = ws->rows * layer[ws->layout.L].width;
    size_t widest = ws->rows * ws->layout.widest;
    *buffers = (mlpi_predict_buffers){
        .X = mlpi_take(cursor, inputs, size),
        .hidden = {mlpi_take(cursor, widest, size),
                   mlpi_take(cursor, widest, size)},
        .Z = mlpi_take(cursor, outputs, size),
        .A = mlpi_take(cursor, outputs, size),
        .Y = mlpi_take(cursor, outputs, size),
        .scratch = mlpi_take(cursor, ws->scratch_size, size)};
}

/* The layout is the network's until there is room for a copy. */
static void lay_out(mlp_workspace *ws, const mlp_net *net, mlpi_cursor *cursor)
{
    (void)mlpi_take(cursor, 1, sizeof *ws);
    mlpi_layout_copy(&ws->layout, &net->layout, cursor);
    if (!ws->layout.layer) {
        ws->layout = net->layout;
    }
    mlpi_workspace_lay_out(ws, &ws->buffers, cursor);
}

mlp_status mlpi_workspace_make(const mlp_net *net, size_t m,
                               mlp_workspace **workspace)
{
    size_t most = chunk_rows(net);
    size_t rows = m < most ? m : most;
    mlp_workspace made = {.hooks = net->hooks,
                          .kernels = net->kernels,
                          .rows = rows,
                          .scratch_size = mlpi_forward_scratch(net, rows)};
    mlpi_cursor measure = {0};
    lay_out(&made, net, &measure);
    void *block = NULL;
    TRY(mlpi_allocate(&net->hooks, &measure, "a workspace", &block));
    mlpi_cursor carve = {.base = block};
    lay_out(&made, net, &carve);
    *workspace = block;
    **workspace = made;
    return MLP_OK;
}

void mlp_workspace_free(mlp_workspace *workspace)
{
    if (workspace) {
        mlp_hooks hooks = workspace->hooks;
        mlpi_team_free(workspace->team);
        mlpi_release(&hooks, workspace);
    }
}

/*
 * Workspaces that the caller keeps: for chunks of any size, with threads, and
 * for networks of the same layers.
 */
mlp_status mlp_workspace_create(const mlp_net *net, mlp_workspace **workspace)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!workspace) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL,
                          "the place for the workspace is NULL");
    }
    return mlpi_workspace_make(net, SIZE_MAX, workspace);
}

static void lay_out_room(const mlp_workspace *ws, mlpi_predict_buffers *buffers,
                         mlpi_cursor *cursor)
{
    (void)mlpi_take(cursor, 1, sizeof *buffers);
    mlpi_workspace_lay_out(ws, buffers, cursor);
}

mlp_status mlp_workspace_set_threads(mlp_workspace *workspace, size_t threads)
{
    if (!workspace) {
        return MLP_ERR_NULL;
    }
    mlpi_predict_buffers buffers;
    mlpi_cursor measure = {0};
    lay_out_room(workspace, &buffers, &measure);
    TRY(mlpi_team_create(&workspace->hooks, threads, measure.used,
                         &workspace->team));
    for (size_t i = 1; i < mlpi_team_size(workspace->team); i++) {
        mlpi_thread member = {workspace->team, i, i + 1};
        void *room = mlpi_team_scratch(&member);
        mlpi_cursor carve = {.base = room};
        lay_out_room(workspace, room, &carve);
    }
    return MLP_OK;
}
