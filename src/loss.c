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

static bool ends_in_probability(const mlp_net *net)
{
    return net->loss == MLP_LOSS_BCE &&
           net->layout.layer[net->layout.L].activation == MLP_ACT_SIGMOID;
}

/* A float holds no probability between 1 - 2^-24 and 1, whose logarithm would
 * be taken: a sigmoid before bce is computed anew, in double. */
static void add_block(mlpi_loss_sum *sum, const mlp_net *net, size_t n,
                      const void *z, const void *a, const void *y)
{
    const mlpi_ops *ops = net->ops;
    double wide_a[BLOCK];
    double wide_y[BLOCK];
    if (ends_in_probability(net)) {
        ops->widen(n, z, wide_a);
        ops->wide->map(MLPI_MAP_SIGMOID, n, wide_a, wide_a);
    } else {
        ops->widen(n, a, wide_a);
    }
    ops->widen(n, y, wide_y);
    add_terms(sum, net, n, wide_a, wide_y);
}

void mlpi_loss_add(mlpi_loss_sum *sum, const mlp_net *net, size_t m,
                   const void *Z, const void *A, const void *Y)
{
    const mlpi_ops *ops = net->ops;
    size_t n = m * mlp_net_outputs(net);
    sum->count += n;
    if (ops == ops->wide) {
        add_terms(sum, net, n, A, Y);
        return;
    }
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t left = n - i < BLOCK ? n - i : BLOCK;
        add_block(sum, net, left, mlpi_const_at(ops, Z, i),
                  mlpi_const_at(ops, A, i), mlpi_const_at(ops, Y, i));
    }
}

double mlpi_loss_mean(const mlpi_loss_sum *sum)
{
    return MLPI_JOIN_LANES(sum->lanes) / (double)sum->count;
}

void mlpi_loss_gradient(const mlp_net *net, size_t m, const void *Z,
                        const void *A, const void *Y, void *dZ)
{
    const mlpi_ops *ops = net->ops;
    size_t n = m * mlp_net_outputs(net);
    double share = 1.0 / (double)n;
    if (ends_in_probability(net)) {
        ops->difference(n, share, A, Y, dZ);
        return;
    }
    switch (net->loss) {
    case MLP_LOSS_BCE:
        ops->bce_gradient(n, share, A, Y, dZ);
        break;
    case MLP_LOSS_MSE:
        ops->difference(n, 2.0 * share, A, Y, dZ);
        break;
    }
    ops->activate_backward(net->layout.layer[net->layout.L].activation, n, Z, A,
                           dZ);
}
