/* SPDX-License-Identifier: MIT */
#include "model/loss.h"

enum { BLOCK = 64 }; /* terms that are widened at once; whole lanes */

_Static_assert(BLOCK % MLPI_LANES == 0, "a block begins with lane 0");

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

void mlpi_loss_targets(const mlp_net *net, const mlpi_targets *targets,
                       void *out)
{
    mlpi_gather gather = {.m = targets->m,
                          .n = mlpi_net_outputs(net),
                          .X = mlpi_operand_of(*targets->Y),
                          .order = targets->order,
                          .prefetch_ahead = targets->prefetch_ahead,
                          .mean = net->out.scales ? net->out.mean : NULL,
                          .std = net->out.scales ? net->out.std : NULL,
                          .out = out};
    if (targets->Y->dtype == MLP_I32) {
        net->kernels->one_hot(&gather);
    } else {
        net->kernels->gather(&gather);
    }
}

void mlpi_loss_smooth(const mlp_net *net, size_t m, void *targets)
{
    size_t n = mlpi_net_outputs(net);
    double s = net->label_smoothing;
    if (s > 0.0) {
        double answers = net->loss == MLP_LOSS_CCE ? (double)n : 2.0;
        net->kernels->affine(m * n, 1.0 - s, s / answers, targets);
    }
}

/* ---------------------------------------------------------------------------
 * J
 */

static mlp_activation last_activation(const mlp_net *net)
{
    return net->layout.layer[net->layout.L].activation;
}

static bool is_softmax_cce(const mlp_net *net)
{
    return net->loss == MLP_LOSS_CCE && last_activation(net) == MLP_ACT_SOFTMAX;
}

/* Is the logarithm of a sigmoid taken? */
static bool is_log_sigmoid(const mlp_net *net)
{
    return (net->loss == MLP_LOSS_BCE || net->loss == MLP_LOSS_CCE) &&
           last_activation(net) == MLP_ACT_SIGMOID;
}

/* What 1 / count is of: rows for cce, else outputs. */
static double terms_of_a_row(const mlp_net *net)
{
    return net->loss == MLP_LOSS_CCE ? 1.0 : (double)mlpi_net_outputs(net);
}

double mlpi_sum_row_weights(size_t m, const double *weight)
{
    double sum = weight ? 0.0 : (double)m;
    for (size_t i = 0; weight && i < m; i++) {
        sum += weight[i];
    }
    return sum;
}

/* Elements [first, first + n) in double: in place if they are. */
static const double *widened(const mlp_net *net, const void *reals,
                             size_t first, size_t n, double block[BLOCK])
{
    const mlpi_kernels *kernels = net->kernels;
    const void *from = mlpi_const_at(kernels, reals, first);
    if (kernels == kernels->f64) {
        return from;
    }
    kernels->to_double(n, from, block);
    return block;
}

/* Adds terms [first, first + n), in double. A sigmoid cannot tell 1 from what
 * is closer to it than rounding, though its logarithm can: so that is taken of
 * z. */
static void add_block(mlpi_loss_sum *sum, const mlp_net *net,
                      const mlpi_outputs *outputs, size_t first, size_t n)
{
    size_t outs = mlpi_net_outputs(net);
    bool of_logits = is_log_sigmoid(net);
    double a[BLOCK];
    double y[BLOCK];
    double weight[BLOCK];
    mlpi_terms terms = {
        .loss = net->loss,
        .delta = net->huber_delta,
        .of_logits = of_logits,
        .n = n,
        .a = widened(net, of_logits ? outputs->Z : outputs->A, first, n, a),
        .y = widened(net, outputs->Y, first, n, y)};
    if (outputs->row_weights) {
        for (size_t i = 0; i < n; i++) {
            weight[i] = outputs->row_weights[(first + i) / outs];
        }
        terms.weight = weight;
    }
    net->kernels->f64->loss_terms(&terms, sum->lanes);
}

/* The sums over row i that its term is made of. */
static void add_row(mlpi_cce_lanes *lanes, const mlp_net *net,
                    const mlpi_outputs *outputs, size_t i)
{
    const mlpi_kernels *kernels = net->kernels;
    size_t n = mlpi_net_outputs(net);
    size_t first = i * n;
    double shift =
        kernels->largest(n, mlpi_const_at(kernels, outputs->Z, first));
    double z[BLOCK];
    double y[BLOCK];
    for (size_t j = 0, part = 0; j < n; j += part) {
        part = kernels == kernels->f64 ? n : least(BLOCK, n - j);
        kernels->f64->cce_lanes(
            part, shift, widened(net, outputs->Z, first + j, part, z),
            widened(net, outputs->Y, first + j, part, y), lanes);
    }
}

/* Rows [first, first + m), m <= BLOCK; row `first` belongs to lane 0. */
static void add_rows(mlpi_loss_sum *sum, const mlp_net *net,
                     const mlpi_outputs *outputs, size_t first, size_t m)
{
    double logs[BLOCK];
    double mass[BLOCK];
    double cross[BLOCK];
    for (size_t i = 0; i < m; i++) {
        mlpi_cce_lanes lanes = {.power = {0}};
        add_row(&lanes, net, outputs, first + i);
        logs[i] = mlpi_join_lanes(lanes.power);
        mass[i] = mlpi_join_lanes(lanes.mass);
        cross[i] = mlpi_join_lanes(lanes.cross);
    }
    net->kernels->f64->map(MLPI_MAP_LOG, m, logs, logs);
    for (size_t i = 0; i < m; i++) {
        double term = logs[i] * mass[i] - cross[i];
        double weight =
            outputs->row_weights ? outputs->row_weights[first + i] : 1.0;
        sum->lanes[i % MLPI_LANES] += term * weight;
    }
}

void mlpi_loss_add(mlpi_loss_sum *sum, const mlp_net *net,
                   const mlpi_outputs *outputs)
{
    size_t m = outputs->m;
    size_t n = m * mlpi_net_outputs(net);
    sum->total +=
        mlpi_sum_row_weights(m, outputs->row_weights) * terms_of_a_row(net);
    if (is_softmax_cce(net)) {
        for (size_t i = 0; i < m; i += BLOCK) {
            add_rows(sum, net, outputs, i, least(BLOCK, m - i));
        }
    } else if (net->kernels == net->kernels->f64 && !outputs->row_weights) {
        add_block(sum, net, outputs, 0, n);
    } else {
        for (size_t i = 0; i < n; i += BLOCK) {
            add_block(sum, net, outputs, i, least(BLOCK, n - i));
        }
    }
}

double mlpi_loss_mean(const mlpi_loss_sum *sum)
{
    return mlpi_join_lanes(sum->lanes) / sum->total;
}

/* ---------------------------------------------------------------------------
 * dJ/dZ
 */

/* m rows from `first` on, each with the same share of J. */
static void put_slopes(const mlp_net *net, const mlpi_outputs *outputs,
                       size_t first, size_t m, double share, void *dZ)
{
    const mlpi_kernels *kernels = net->kernels;
    size_t at = first * mlpi_net_outputs(net);
    size_t n = m * mlpi_net_outputs(net);
    const void *a = mlpi_const_at(kernels, outputs->A, at);
    const void *y = mlpi_const_at(kernels, outputs->Y, at);
    void *d = mlpi_at(kernels, dZ, at);
    if (net->loss == MLP_LOSS_BCE && is_log_sigmoid(net)) {
        kernels->difference(n, share, a, y, d);
        return;
    }
    mlpi_activation how = mlpi_net_activation(net, net->layout.L, m);
    if (is_softmax_cce(net)) {
        kernels->cce_slopes(&how, share, a, y, d);
        return;
    }
    mlpi_terms terms = {
        .loss = net->loss, .delta = net->huber_delta, .n = n, .a = a, .y = y};
    kernels->loss_slopes(&terms, share, d);
    kernels->activate_backward(&how, mlpi_const_at(kernels, outputs->Z, at), a,
                               d);
}

void mlpi_loss_gradient(const mlp_net *net, const mlpi_outputs *outputs,
                        double batch, void *dZ)
{
    double share = 1.0 / (batch * terms_of_a_row(net));
    if (!outputs->row_weights) {
        put_slopes(net, outputs, 0, outputs->m, share, dZ);
        return;
    }
    for (size_t i = 0; i < outputs->m; i++) {
        put_slopes(net, outputs, i, 1, outputs->row_weights[i] * share, dZ);
    }
}
