/* SPDX-License-Identifier: MIT */
/* Copies of networks: of all of one, or of what there is beside parameters. */
#include <string.h>

#include "model/net.h"
#include "base/error.h"

static void lay_out_copy(mlp_net *copy, const mlp_net *net,
                         mlpi_layout_copier *copier, mlpi_cursor *cursor)
{
    (void)mlpi_take(cursor, 1, sizeof *copy);
    copier(&copy->layout, &net->layout, cursor);
    mlpi_net_take_arrays(copy, net->in.n, net->out.n, cursor);
}

static mlp_status copy_names(const mlp_net *net, mlp_net *copy)
{
    copy->metadata = (mlpi_string_list){.text = NULL};
    TRY(mlpi_string_list_copy(&net->hooks, &net->class_names,
                              &copy->class_names));
    mlp_status status =
        mlpi_string_list_copy(&net->hooks, &net->metadata, &copy->metadata);
    if (status != MLP_OK) {
        mlpi_net_release_names(copy);
    }
    return status;
}

static void copy_scaling(const mlp_net *net, const mlpi_scaling *from,
                         const mlpi_scaling *to)
{
    if (from->scales) {
        memcpy(to->mean, from->mean, from->n * net->kernels->real_size);
        memcpy(to->std, from->std, from->n * net->kernels->real_size);
    }
}

mlp_status mlpi_net_copy(const mlp_net *net, mlpi_layout_copier *copier,
                         mlp_net **copy)
{
    mlp_net made = *net;
    mlpi_cursor measure = {0};
    lay_out_copy(&made, net, copier, &measure);
    void *block = NULL;
    TRY(copy_names(net, &made));
    mlp_status status =
        mlpi_allocate(&net->hooks, &measure, "a copy of a network", &block);
    if (status != MLP_OK) {
        mlpi_net_release_names(&made);
        return status;
    }
    mlpi_cursor carve = {.base = block};
    lay_out_copy(&made, net, copier, &carve);
    copy_scaling(net, &net->in, &made.in);
    copy_scaling(net, &net->out, &made.out);
    *copy = block;
    **copy = made;
    return MLP_OK;
}

mlp_status mlp_net_clone(const mlp_net *net, mlp_net **copy)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!copy) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL,
                          "the place for the copy is NULL");
    }
    TRY(mlpi_net_copy(net, mlpi_layout_copy, copy));
    memcpy((*copy)->parameters, net->parameters,
           mlpi_net_state(net).cols * net->kernels->real_size);
    return MLP_OK;
}
