/* SPDX-License-Identifier: MIT */
/*
 * Ranges of the numbers in a network (calibrate.h): predicts rows as
 * mlp_predict does, in the network's own precision, and looks at what
 * predicting does not store: the least and the largest z of each layer, over
 * all neurons and rows. Those of the last layer are kept for each output, too.
 *
 *     layer 1    z = -1.2  0.4 | 0.1  2.9       c->z[1] = [-1.2, 2.9]
 *     layer 2    z =  7    0   | 8    1         c->z[2] = [0, 8],
 *                                               c->each = [7, 8], [0, 1]
 *
 * (Here two rows went through layers of two neurons.)
 */
#include "formats/c/calibrate.h"

#include <math.h>

#include "base/error.h"
#include "model/layer.h"

enum {
    CHUNK = 64, /* rows that are predicted at once */
    BLOCK = 256 /* reals that are converted to double at once */
};

/* ---------------------------------------------------------------------------
 * Ranges
 */

const mlpi_range mlpi_no_range = {INFINITY, -INFINITY};

/* Comparisons alone would pass over a NaN. */
mlpi_range mlpi_range_with(mlpi_range r, double x)
{
    return isnan(x) ? (mlpi_range){-INFINITY, INFINITY}
                    : (mlpi_range){mlpi_min(x, r.least), mlpi_max(x, r.most)};
}

bool mlpi_range_is_finite(mlpi_range r)
{
    return isfinite(r.least) && isfinite(r.most);
}

void mlpi_range_columns(const mlp_net *net, size_t count, const void *reals,
                        size_t n, mlpi_range *ranges)
{
    double x[BLOCK];
    for (size_t i = 0; i < count; i += BLOCK) {
        size_t part = mlpi_min_size(count - i, BLOCK);
        net->kernels->to_double(part, mlpi_const_at(net->kernels, reals, i), x);
        for (size_t j = 0; j < part; j++) {
            mlpi_range *r = &ranges[(i + j) % n];
            *r = mlpi_range_with(*r, x[j]);
        }
    }
}

/* ---------------------------------------------------------------------------
 * Calibration
 */

/* A chunk bounds the memory, however many rows there are. A[0] and A[1] serve
 * the layers by turns: a layer reads what the one before has written. */
void mlpi_calibration_lay_out(void *object, mlpi_cursor *cursor)
{
    mlpi_calibration *c = object;
    const mlp_net *net = c->net;
    size_t size = net->kernels->real_size;
    size_t wide = net->layout.widest;
    c->z = mlpi_take(cursor, net->layout.L + 1, sizeof *c->z);
    c->each = mlpi_take(cursor, mlpi_net_outputs(net), sizeof *c->each);
    c->s = mlpi_take(cursor, wide, sizeof *c->s);
    c->unit = mlpi_take(cursor, wide, sizeof *c->unit);
    c->X = mlpi_take(cursor, CHUNK * mlpi_net_inputs(net), size);
    c->Z = mlpi_take(cursor, CHUNK * wide, size);
    c->A[0] = mlpi_take(cursor, CHUNK * wide, size);
    c->A[1] = mlpi_take(cursor, CHUNK * wide, size);
    c->scratch = mlpi_take(cursor, mlpi_forward_scratch(net, CHUNK), size);
}

/* Predicts at most CHUNK rows as mlp_predict does, but keeps the range of every
 * layer's z, which predicting does not store. */
static void calibrate_chunk(const mlp_net *net, const mlpi_calibration *c,
                            mlp_cview X)
{
    size_t n = mlpi_net_inputs(net);
    net->kernels->load_rows(
        &(mlpi_load_rows_args){.m = X.rows,
                               .n = n,
                               .X = mlpi_operand_of(X),
                               .mean = net->in.scales ? net->in.mean : NULL,
                               .std = net->in.scales ? net->in.std : NULL,
                               .out = c->X});
    mlpi_operand A_prev = {c->X, n, 1};
    for (size_t l = 1; l <= net->layout.L; l++) {
        n = net->layout.layer[l].width;
        mlpi_forward(net, &(mlpi_forward_args){.l = l,
                                               .m = X.rows,
                                               .A_prev = A_prev,
                                               .Z = c->Z,
                                               .A = c->A[l % 2],
                                               .scratch = c->scratch});
        mlpi_range_columns(net, X.rows * n, c->Z, 1, &c->z[l]);
        A_prev = (mlpi_operand){c->A[l % 2], n, 1};
    }
    mlpi_range_columns(net, X.rows * n, c->Z, n, c->each);
}

/* The ranges begin with no number, and each chunk widens them. A z that is NaN
 * or infinite makes a range infinite, which is found at the end. */
mlp_status mlpi_calibrate(const mlp_net *net, const mlpi_calibration *c,
                          mlp_cview X)
{
    for (size_t l = 1; l <= net->layout.L; l++) {
        c->z[l] = mlpi_no_range;
    }
    for (size_t j = 0; j < mlpi_net_outputs(net); j++) {
        c->each[j] = mlpi_no_range;
    }
    for (size_t i = 0; i < X.rows; i += CHUNK) {
        calibrate_chunk(net, c, mlp_cview_rows(X, i, CHUNK));
    }
    for (size_t l = 1; l <= net->layout.L; l++) {
        if (!mlpi_range_is_finite(c->z[l])) {
            return mlpi_error(&net->hooks, MLP_ERR_NOT_FINITE,
                              "layer %zu: expects finite sums for the rows X",
                              l);
        }
    }
    return MLP_OK;
}
