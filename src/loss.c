/* SPDX-License-Identifier: MIT */
#include "loss.h"

enum { BLOCK = 64 }; /* terms that are widened at once; whole lanes */

_Static_assert(BLOCK % MLPI_LANES == 0, "a block begins with lane 0");

static void add_terms(mlpi_loss_sum *sum, const mlp_net *net, size_t n,
                      const double *a, const double *y)
{
    const mlpi_ops *wide = net->ops->wide;
    switch (net->loss) {
    case MLP_LOSS_BCE:
        wide->bce_terms(n, a, y, sum->lanes);
        break;
    case MLP_LOSS_MSE:
        wide->mse_terms(n, a, y, sum->lanes);
        break;
    }
}

static bool is_sigmoid_bce(const mlp_net *net)
{
    return net->loss == MLP_LOSS_BCE &&
           net->layout.layer[net->layout.L].activation == MLP_ACT_SIGMOID;
}

/* Adds terms [first, first + n), in double. A float cannot tell 1 from what is
 * closer to it than 2^-25, though its logarithm can: so a sigmoid before bce is
 * computed again. */
static void add_block(mlpi_loss_sum *sum, const mlp_net *net,
                      const mlpi_outputs *outputs, size_t first, size_t n)
{
    const mlpi_ops *ops = net->ops;
    double a[BLOCK];
    double y[BLOCK];
    if (is_sigmoid_bce(net)) {
        ops->widen(n, mlpi_const_at(ops, outputs->Z, first), a);
        ops->wide->map(MLPI_MAP_SIGMOID, n, a, a);
    } else {
        ops->widen(n, mlpi_const_at(ops, outputs->A, first), a);
    }
    ops->widen(n, mlpi_const_at(ops, outputs->Y, first), y);
    add_terms(sum, net, n, a, y);
}

void mlpi_loss_add(mlpi_loss_sum *sum, const mlp_net *net,
                   const mlpi_outputs *outputs)
{
    size_t n = outputs->m * mlp_net_outputs(net);
    sum->count += n;
    if (net->ops == net->ops->wide) {
        add_terms(sum, net, n, outputs->A, outputs->Y);
        return;
    }
    for (size_t i = 0; i < n; i += BLOCK) {
        add_block(sum, net, outputs, i, n - i < BLOCK ? n - i : BLOCK);
    }
}

double mlpi_loss_mean(const mlpi_loss_sum *sum)
{
    return mlpi_join_lanes(sum->lanes) / (double)sum->count;
}

void mlpi_loss_gradient(const mlp_net *net, const mlpi_outputs *outputs,
                        size_t batch, void *dZ)
{
    const mlpi_ops *ops = net->ops;
    size_t n = outputs->m * mlp_net_outputs(net);
    double share = 1.0 / (double)(batch * mlp_net_outputs(net));
    if (is_sigmoid_bce(net)) {
        ops->difference(n, share, outputs->A, outputs->Y, dZ);
        return;
    }
    switch (net->loss) {
    case MLP_LOSS_BCE:
        ops->bce_gradient(n, share, outputs->A, outputs->Y, dZ);
        break;
    case MLP_LOSS_MSE:
        ops->difference(n, 2.0 * share, outputs->A, outputs->Y, dZ);
        break;
    }
    ops->activate_backward(net->layout.layer[net->layout.L].activation, n,
                           outputs->Z, outputs->A, dZ);
}
