/* SPDX-License-Identifier: MIT */
/*
 * The loss: the targets, the sum of the terms, and dJ/dZ; loss.h has the
 * formulas. "Kernels" are the functions of kernels/kernels.h.
 *
 * The sum is computed in double for networks of both precisions, because the
 * sum of a million float terms can lose several of its seven digits. The
 * outputs of a float network are converted to double on the stack, a block at a
 * time; those of a double network are read in place. The derivative is computed
 * in the network's own precision, like the rest of the backward pass.
 *
 * After a sigmoid (bce or cce), and after softmax with cce, the loss is
 * computed from z, not from a. A sigmoid near 1 is rounded to 1, so 1 - a
 * becomes 0; the logarithm of 1 - sigmoid(z), computed from z, is still
 * accurate. The terms and dterm/dz are
 *
 *     sigmoid with bce   y log(1 + e^-z) + (1 - y) log(1 + e^z)     a - y
 *     softmax with cce   log(sum of e^z) - z[k], if y[k] = 1        a - y
 *     sigmoid with cce   sum over j of y[j] log(1 + e^-z[j])        chain rule
 *     exp with poisson   e^z - y z                                  a - y
 *
 * (Only networks of files of MLP_NUMERICS 1 have the last of them, and bce or
 * cce after other activations: activation_choice.h.)
 *
 * In three of these pairs the derivatives of loss and activation cancel to
 * a - y. Every other pair has dZ = dA * activation'(Z), the chain rule.
 *
 * The terms of quantile and gaussian_nll depend on their column. With
 * gaussian_nll an output row has two numbers for each of the k targets, and the
 * terms are counted as the targets are:
 *
 *     A  mu[0] ... mu[k-1]  s[0] ... s[k-1]        Y  y[0] ... y[k-1]
 */
#include "model/loss.h"

/* How many numbers are converted to double at a time, on the stack. */
enum { BLOCK = 64 };

_Static_assert(BLOCK % MLPI_LANES == 0, "a block must begin with lane 0");

/* ---------------------------------------------------------------------------
 * Targets
 */

void mlpi_loss_targets(const mlp_net *net, const mlpi_targets *targets,
                       void *out)
{
    mlpi_load_rows_args load = {.m = targets->m,
                                .n = mlpi_net_targets(net),
                                .X = mlpi_operand_of(*targets->Y),
                                .order = targets->order,
                                .prefetch_ahead = targets->prefetch_ahead,
                                .mean = net->out.scales ? net->out.mean : NULL,
                                .std = net->out.scales ? net->out.std : NULL,
                                .out = out};
    if (targets->Y->dtype == MLP_I32) {
        net->kernels->scalar->one_hot(&load);
    } else {
        net->kernels->load_rows(&load);
    }
}

/* The k of label smoothing is 2 classes for bce, n classes for cce. */
void mlpi_loss_smooth(const mlp_net *net, size_t m, void *targets)
{
    size_t n = mlpi_net_outputs(net);
    double s = net->label_smoothing;
    if (s > 0.0) {
        double k = net->loss == MLP_LOSS_CCE ? (double)n : 2.0;
        net->kernels->scale_and_shift(m * n, 1.0 - s, s / k, targets);
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

/* True if the terms are computed from z: if they contain the logarithm of a
 * sigmoid, or that of a power of e. */
static bool is_from_z(const mlp_net *net)
{
    bool is_log_sigmoid =
        (net->loss == MLP_LOSS_BCE || net->loss == MLP_LOSS_CCE) &&
        last_activation(net) == MLP_ACT_SIGMOID;
    return is_log_sigmoid || net->loss == MLP_LOSS_POISSON;
}

/* True if dZ is a - y: if the derivatives of loss and activation cancel, and
 * the term is that of one output. */
static bool is_difference(const mlp_net *net)
{
    return net->loss != MLP_LOSS_CCE && is_from_z(net);
}

/* True if the terms need a number beside the output and the target. */
static bool has_extra(mlp_loss loss)
{
    return loss == MLP_LOSS_QUANTILE || loss == MLP_LOSS_GAUSSIAN_NLL;
}

/* Returns T, the number of terms in a row. */
static double terms_in_a_row(const mlp_net *net)
{
    return net->loss == MLP_LOSS_CCE ? 1.0 : (double)mlpi_net_targets(net);
}

double mlpi_add_row_weights(double sum, size_t m, const double *row_weights)
{
    if (!row_weights) {
        return sum + (double)m;
    }
    for (size_t i = 0; i < m; i++) {
        sum += row_weights[i];
    }
    return sum;
}

/* Returns elements [first, first + n) of an array as doubles. In a double
 * network they are doubles already, and the result points into the array. In a
 * float network they are converted into `block`, and n <= BLOCK. kernels->f64
 * is the table for double; the table of a double network points to itself. */
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

/* Copies the means and the logarithms of variances of targets [first, first +
 * n), counted through all rows. */
static void split_outputs(const mlp_net *net, const void *A, size_t first,
                          size_t n, double mean[BLOCK],
                          double log_variance[BLOCK])
{
    const mlpi_kernels *kernels = net->kernels;
    size_t k = mlpi_net_targets(net);
    for (size_t i = 0, part = 0; i < n; i += part) {
        size_t row = (first + i) / k;
        size_t column = (first + i) % k;
        size_t from = row * 2 * k + column;
        part = mlpi_min_size(k - column, n - i);
        kernels->to_double(part, mlpi_const_at(kernels, A, from), mean + i);
        kernels->to_double(part, mlpi_const_at(kernels, A, from + k),
                           log_variance + i);
    }
}

/* Adds the terms of targets [first, first + n), counted through all rows. Their
 * number n is at most BLOCK, except where is_in_place is true. The term of
 * target `first` goes to lane 0. */
static void add_block(mlpi_loss_sum *sum, const mlp_net *net,
                      const mlpi_loss_args *args, size_t first, size_t n)
{
    size_t n_targets = mlpi_net_targets(net);
    bool from_z = is_from_z(net);
    double a[BLOCK];
    double y[BLOCK];
    double row_weights[BLOCK];
    double extra[BLOCK];
    mlpi_loss_terms_args terms = {.loss = net->loss,
                                  .delta = net->huber_delta,
                                  .from_z = from_z,
                                  .n = n,
                                  .a = a,
                                  .y = as_doubles(net, args->Y, first, n, y),
                                  .extra = extra};
    if (net->loss == MLP_LOSS_GAUSSIAN_NLL) {
        split_outputs(net, args->A, first, n, a, extra);
    } else {
        terms.a = as_doubles(net, from_z ? args->Z : args->A, first, n, a);
    }
    /* Only the loss quantile has quantiles, one for each column. */
    for (size_t i = 0; net->quantiles && i < n; i++) {
        extra[i] = net->quantiles[(first + i) % n_targets];
    }
    if (args->row_weights) {
        for (size_t i = 0; i < n; i++) {
            row_weights[i] = args->row_weights[(first + i) / n_targets];
        }
        terms.weight = row_weights;
    }
    net->kernels->f64->loss_terms(&terms, sum->lanes);
}

/* True if no number has to be copied or made: in a double network without row
 * weights, except for the losses that need one more number for each term. */
static bool is_in_place(const mlp_net *net, const mlpi_loss_args *args)
{
    return net->kernels == net->kernels->f64 && !args->row_weights &&
           !has_extra(net->loss);
}

/* Adds the cce terms of rows [first, first + m), m <= BLOCK, after softmax. The
 * term of row `first` goes to lane 0. With d[j] = z[j] - shift, and sums over
 * all j of a row,
 *
 *     sum_exp = sum of e^d[j]
 *     sum_y   = sum of y[j]
 *     sum_y_d = sum of y[j] d[j]
 *     term = log(sum_exp) * sum_y - sum_y_d = -sum of y[j] log softmax(z)[j]
 *
 * The shift is the largest z of the row. The term does not depend on it; but
 * with this shift no e^d is larger than 1, so sum_exp cannot overflow. One call
 * computes the logarithms of all rows, so that it can use vectors. */
static void add_rows(mlpi_loss_sum *sum, const mlp_net *net,
                     const mlpi_loss_args *args, size_t first, size_t m)
{
    const mlpi_kernels *kernels = net->kernels;
    size_t n = mlpi_net_outputs(net);
    double sum_exp[BLOCK];
    double sum_y[BLOCK];
    double sum_y_d[BLOCK];
    double log_sum_exp[BLOCK];
    mlpi_cce_rows rows = {.m = m,
                          .n = n,
                          .is_float = kernels != kernels->f64,
                          .z = mlpi_const_at(kernels, args->Z, first * n),
                          .y = mlpi_const_at(kernels, args->Y, first * n)};
    kernels->f64->cce_sums(&rows, sum_exp, sum_y, sum_y_d);
    kernels->f64->map(MLPI_MAP_LOG, m, sum_exp, log_sum_exp);
    for (size_t i = 0; i < m; i++) {
        double term = log_sum_exp[i] * sum_y[i] - sum_y_d[i];
        double weight = args->row_weights ? args->row_weights[first + i] : 1.0;
        sum->lanes[i % MLPI_LANES] += term * weight;
    }
}

/* After softmax with cce the loss is added row by row, otherwise element by
 * element. (After sigmoid with cce, the elements of a row add up to its term.)
 * Every block begins with lane 0, because BLOCK is a multiple of MLPI_LANES. */
void mlpi_loss_add(mlpi_loss_sum *sum, const mlp_net *net,
                   const mlpi_loss_args *args)
{
    size_t m = args->m;
    size_t n = m * mlpi_net_targets(net);
    sum->weight = mlpi_add_row_weights(sum->weight, m, args->row_weights);
    if (is_softmax_cce(net)) {
        for (size_t i = 0; i < m; i += BLOCK) {
            add_rows(sum, net, args, i, mlpi_min_size(BLOCK, m - i));
        }
    } else if (is_in_place(net, args)) {
        add_block(sum, net, args, 0, n);
    } else {
        for (size_t i = 0; i < n; i += BLOCK) {
            add_block(sum, net, args, i, mlpi_min_size(BLOCK, n - i));
        }
    }
}

/* The lanes are added in a fixed order, so the bits of J do not depend on how
 * many calls have added the terms. */
double mlpi_loss_mean(const mlp_net *net, const mlpi_loss_sum *sum)
{
    return mlpi_join_lanes(sum->lanes) / (sum->weight * terms_in_a_row(net));
}

/* ---------------------------------------------------------------------------
 * The derivative dJ/dZ
 */

/* Writes dZ of rows [first, first + m). Each row is multiplied by `scale` = row
 * weight / (total weight * terms in a row).
 *
 * For bce with sigmoid, poisson with exp and cce with softmax the product of
 * both derivatives is simply (a - y) * scale. (To be exact, cce has (a * sum -
 * y) * scale, with the sum of the row's y, which may differ from 1 by
 * rounding.) For all other pairs two kernels apply the chain rule: the first
 * writes dA, the second replaces it by dZ. */
static void write_derivatives(const mlp_net *net, const mlpi_loss_args *args,
                              size_t first, size_t m, double scale, void *dZ)
{
    const mlpi_kernels *kernels = net->kernels;
    size_t offset = first * mlpi_net_outputs(net);
    size_t n = m * mlpi_net_outputs(net);
    const void *a = mlpi_const_at(kernels, args->A, offset);
    const void *y =
        mlpi_const_at(kernels, args->Y, first * mlpi_net_targets(net));
    void *d = mlpi_at(kernels, dZ, offset);
    if (is_difference(net)) {
        kernels->difference(n, scale, a, y, d);
        return;
    }
    mlpi_activation_args activation =
        mlpi_net_activation(net, net->layout.L, m);
    if (is_softmax_cce(net)) {
        kernels->cce_gradient(&activation, scale, a, y, d);
        return;
    }
    if (has_extra(net->loss)) {
        mlpi_column_loss_args rows = {.loss = net->loss,
                                      .m = m,
                                      .n = mlpi_net_targets(net),
                                      .tau = net->quantiles,
                                      .A = a,
                                      .Y = y};
        kernels->column_loss_gradient(&rows, scale, d);
    } else {
        mlpi_loss_terms_args terms = {.loss = net->loss,
                                      .delta = net->huber_delta,
                                      .n = n,
                                      .a = a,
                                      .y = y};
        kernels->loss_gradient(&terms, scale, d);
    }
    kernels->activate_backward(&activation,
                               mlpi_const_at(kernels, args->Z, offset), a, d);
}

/* Without row weights all rows have the same scale, so one call is enough. */
void mlpi_loss_gradient(const mlp_net *net, const mlpi_loss_args *args,
                        double total_weight, void *dZ)
{
    double scale = 1.0 / (total_weight * terms_in_a_row(net));
    if (!args->row_weights) {
        write_derivatives(net, args, 0, args->m, scale, dZ);
        return;
    }
    for (size_t i = 0; i < args->m; i++) {
        write_derivatives(net, args, i, 1, args->row_weights[i] * scale, dZ);
    }
}
