/* SPDX-License-Identifier: MIT */
/*
 * Workspaces that the caller keeps: for chunks of any size, with threads, and
 * for networks of the same layers.
 */
#include "predict/predict.h"
#include "base/error.h"

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
        mlpi_member member = {workspace->team, i, i + 1};
        void *room = mlpi_team_scratch(&member);
        mlpi_cursor carve = {.base = room};
        lay_out_room(workspace, room, &carve);
    }
    return MLP_OK;
}

/* May this workspace serve the network? */
static mlp_status check_workspace(const mlp_workspace *workspace,
                                  const mlp_net *net)
{
    if (workspace->kernels != net->kernels ||
        !mlpi_layout_equal(&workspace->layout, &net->layout)) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "expects a workspace for the network's layers, "
                          "precision and kernels, got another's");
    }
    return MLP_OK;
}

mlp_status mlp_predict_with(const mlp_net *net, mlp_workspace *workspace,
                            mlp_cview X, mlp_view A)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!workspace) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL, "workspace is NULL");
    }
    TRY(check_workspace(workspace, net));
    TRY(mlpi_predict_check(net, &X, &A));
    mlpi_predict(net, workspace, &X, &A);
    return MLP_OK;
}
