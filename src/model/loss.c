/* SPDX-License-Identifier: MIT */
/*
 * The loss: targets, the sum of its terms, and its derivative.
 *
 * The loss is summed in double for networks of both precisions, because the sum
 * of a million float terms can lose several of its seven digits. A float
 * network converts its outputs block by block on the stack; a double network is
 * read in place. Derivatives are in the network's own precision, as all of the
 * backward pass is.
 *
 * Two pairs of loss and activation are computed from z instead of a, where that
 * is exact and the literal formula is not: a sigmoid near 1 rounds to 1, while
 * the logarithm of 1 - sigmoid(z) is still an ordinary number.
 *
 *     sigmoid with bce   log(1 + e^-z) for y = 1; dterm/dz = a - y
 *     softmax with cce   log(sum of e^z) - z[class]; dterm/dz = a - y
 */
#include "model/loss.h"

/* Terms that are converted to double at once, on the stack. */
enum { BLOCK = 64 };

_Static_assert(BLOCK % MLPI_LANES == 0, "a block must begin with lane 0");

/* ---------------------------------------------------------------------------
 * Targets
 */

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
        net->kernels->scalar->one_hot(&gather);
    } else {
        net->kernels->gather(&gather);
    }
}

/* bce has two answers for each output, yes and no; cce has n for each row. */
void mlpi_loss_smooth(const mlp_net *net, size_t m, void *targets)
{
    size_t n = mlpi_net_outputs(net);
    double s = net->label_smoothing;
    if (s > 0.0) {
        double answers = net->loss == MLP_LOSS_CCE ? (double)n : 2.0;
        net->kernels->scale_and_shift(m * n, 1.0 - s, s / answers, targets);
    }
}

/* ---------------------------------------------------------------------------
 * The loss J
 */

static mlp_activation last_activation(const mlp_net *net)
{
    return net->layout.layer[net->layout.L].activation;
}

static bool is_softmax_cce(const mlp_net *net)
{
    return net->loss == MLP_LOSS_CCE && last_activation(net) == MLP_ACT_SOFTMAX;
}

/* True if the loss takes the logarithm of a sigmoid. */
static bool is_log_sigmoid(const mlp_net *net)
{
    return (net->loss == MLP_LOSS_BCE || net->loss == MLP_LOSS_CCE) &&
           last_activation(net) == MLP_ACT_SIGMOID;
}

/* Returns how many terms a row has: the sum of the terms is divided by rows for
 * cce, by all outputs for the other losses. */
static double terms_of_a_row(const mlp_net *net)
{
    return net->loss == MLP_LOSS_CCE ? 1.0 : (double)mlpi_net_outputs(net);
}

double mlpi_sum_row_weights(size_t m, const double *row_weights)
{
    if (!row_weights) {
        return (double)m;
    }
    double sum = 0.0;
    for (size_t i = 0; i < m; i++) {
        sum += row_weights[i];
    }
    return sum;
}

/* Returns elements [first, first + n) as doubles: where they are if the network
 * is one of doubles, else converted into `block`. */
static const double *as_doubles(const mlp_net *net, const void *reals,
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

/* Adds the terms of elements [first, first + n), n <= BLOCK unless they are
 * doubles without row weights. Element `first` belongs to lane 0. */
static void add_block(mlpi_loss_sum *sum, const mlp_net *net,
                      const mlpi_outputs *outputs, size_t first, size_t n)
{
    size_t outs = mlpi_net_outputs(net);
    bool of_logits = is_log_sigmoid(net);
    double a[BLOCK];
    double y[BLOCK];
    double row_weights[BLOCK];
    mlpi_loss_terms_args terms = {
        .loss = net->loss,
        .delta = net->huber_delta,
        .of_logits = of_logits,
        .n = n,
        .a = as_doubles(net, of_logits ? outputs->Z : outputs->A, first, n, a),
        .y = as_doubles(net, outputs->Y, first, n, y)};
    if (outputs->row_weights) {
        for (size_t i = 0; i < n; i++) {
            row_weights[i] = outputs->row_weights[(first + i) / outs];
        }
        terms.weight = row_weights;
    }
    net->kernels->f64->loss_terms(&terms, sum->lanes);
}

/* Computes the three sums over row i that its cce term is made of, with
 * d[j] = z[j] - shift:
 *
 *     power = sum of e^d[j]     mass = sum of y[j]     cross = sum of y[j] d[j]
 *     term = log(power) * mass - cross = -sum of y[j] log softmax(z)[j]
 *
 * The shift is the largest z of the row. It cancels out of the term, and with
 * it no e^d exceeds 1, so power cannot overflow. */
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
        part = kernels == kernels->f64 ? n : mlpi_min_size(BLOCK, n - j);
        kernels->f64->cce_lanes(
            part, shift, as_doubles(net, outputs->Z, first + j, part, z),
            as_doubles(net, outputs->Y, first + j, part, y), lanes);
    }
}

/* Adds the cce terms of rows [first, first + m), m <= BLOCK. Row `first`
 * belongs to lane 0. The logarithms of all rows are one call, so that they are
 * computed in vectors. */
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

/* A term is a row after softmax with cce, else an element. Blocks begin with
 * lane 0, because BLOCK is a multiple of the lanes. */
void mlpi_loss_add(mlpi_loss_sum *sum, const mlp_net *net,
                   const mlpi_outputs *outputs)
{
    size_t m = outputs->m;
    size_t n = m * mlpi_net_outputs(net);
    sum->total +=
        mlpi_sum_row_weights(m, outputs->row_weights) * terms_of_a_row(net);
    if (is_softmax_cce(net)) {
        for (size_t i = 0; i < m; i += BLOCK) {
            add_rows(sum, net, outputs, i, mlpi_min_size(BLOCK, m - i));
        }
    } else if (net->kernels == net->kernels->f64 && !outputs->row_weights) {
        add_block(sum, net, outputs, 0, n);
    } else {
        for (size_t i = 0; i < n; i += BLOCK) {
            add_block(sum, net, outputs, i, mlpi_min_size(BLOCK, n - i));
        }
    }
}

/* The lanes are joined in a fixed order, once, at the end. */
double mlpi_loss_mean(const mlpi_loss_sum *sum)
{
    return mlpi_join_lanes(sum->lanes) / sum->total;
}

/* ---------------------------------------------------------------------------
 * The derivative dJ/dZ
 */

/* Writes dZ of m rows from `first` on, which all count `scale`: their weight
 * divided by the number of terms. For bce with sigmoid and cce with softmax the
 * derivatives of loss and activation are known in one, (a - y) * scale, without
 * the division by a (1 - a) that the chain rule would make and undo. For the
 * others the chain rule is two kernels, dA = dJ/dA and then dZ = dA act'(Z) in
 * its place. */
static void write_derivatives(const mlp_net *net, const mlpi_outputs *outputs,
                              size_t first, size_t m, double scale, void *dZ)
{
    const mlpi_kernels *kernels = net->kernels;
    size_t at = first * mlpi_net_outputs(net);
    size_t n = m * mlpi_net_outputs(net);
    const void *a = mlpi_const_at(kernels, outputs->A, at);
    const void *y = mlpi_const_at(kernels, outputs->Y, at);
    void *d = mlpi_at(kernels, dZ, at);
    if (net->loss == MLP_LOSS_BCE && is_log_sigmoid(net)) {
        kernels->difference(n, scale, a, y, d);
        return;
    }
    mlpi_activation_args how = mlpi_net_activation(net, net->layout.L, m);
    if (is_softmax_cce(net)) {
        kernels->cce_gradient(&how, scale, a, y, d);
        return;
    }
    mlpi_loss_terms_args terms = {
        .loss = net->loss, .delta = net->huber_delta, .n = n, .a = a, .y = y};
    kernels->loss_gradient(&terms, scale, d);
    kernels->activate_backward(&how, mlpi_const_at(kernels, outputs->Z, at), a,
                               d);
}

/* Without row weights all rows count the same, so one call does them all. */
void mlpi_loss_gradient(const mlp_net *net, const mlpi_outputs *outputs,
                        double batch, void *dZ)
{
    double scale = 1.0 / (batch * terms_of_a_row(net));
    if (!outputs->row_weights) {
        write_derivatives(net, outputs, 0, outputs->m, scale, dZ);
        return;
    }
    for (size_t i = 0; i < outputs->m; i++) {
        write_derivatives(net, outputs, i, 1, outputs->row_weights[i] * scale,
                          dZ);
    }
}
