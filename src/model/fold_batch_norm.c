/* SPDX-License-Identifier: MIT */
/*
 * Batch norm that has learnt is one more linear map of each neuron's U, which
 * its weights can do as well: with s = scale / sqrt(variance + epsilon),
 *
 *     s (U - mean) + b = (s W) A_prev + (b - s mean)
 *
 * Both products are taken in double and rounded once.
 */
#include <math.h>
#include <string.h>

#include "model/net.h"
#include "base/error.h"

enum { BLOCK = 64 }; /* neurons that are widened at once */

/* Neurons [first, first + n) of layer l. */
typedef struct neurons {
    const mlp_net *net;
    mlp_net *folded;
    size_t l, first, n;
} neurons;

static void widen(const neurons *part, const void *reals, size_t offset,
                  double *out)
{
    const mlpi_kernels *kernels = part->net->kernels;
    kernels->to_double(
        part->n, mlpi_const_at(kernels, reals, offset + part->first), out);
}

static void narrow(const neurons *part, const double *x, size_t offset)
{
    const mlpi_kernels *kernels = part->net->kernels;
    kernels->scalar->from_double(
        part->n, x,
        mlpi_at(kernels, part->folded->parameters, offset + part->first));
}

static void fold_neurons(const neurons *part)
{
    const mlp_net *net = part->net;
    const mlpi_shape *from = &net->layout.layer[part->l];
    const mlpi_shape *to = &part->folded->layout.layer[part->l];
    double s[BLOCK];
    double b[BLOCK];
    double x[BLOCK];
    widen(part, net->parameters, from->scale, s);
    widen(part, net->running, from->variance, x);
    for (size_t j = 0; j < part->n; j++) {
        s[j] /= sqrt(x[j] + net->norm_epsilon);
    }
    widen(part, net->parameters, from->b, b);
    widen(part, net->running, from->mean, x);
    for (size_t j = 0; j < part->n; j++) {
        b[j] -= s[j] * x[j];
    }
    narrow(part, b, to->b);
    for (size_t i = 0; i < net->layout.layer[part->l - 1].width; i++) {
        widen(part, net->parameters, from->W + i * from->width, x);
        for (size_t j = 0; j < part->n; j++) {
            x[j] *= s[j];
        }
        narrow(part, x, to->W + i * to->width);
    }
}

/* W and b of layer l lie side by side. */
static mlp_cview weights_of(const mlp_net *net, size_t l)
{
    const mlpi_shape *shape = &net->layout.layer[l];
    size_t n = shape->b + shape->width - shape->W;
    return (mlp_cview){net->kernels->dtype,
                       1,
                       n,
                       n,
                       1,
                       mlpi_const_at(net->kernels, net->parameters, shape->W)};
}

static mlp_status check_folded(const mlp_net *net, size_t l)
{
    size_t row = 0;
    size_t col = 0;
    if (net->kernels->find_not_finite(weights_of(net, l), &row, &col)) {
        return mlpi_error(&net->hooks, MLP_ERR_NOT_FINITE,
                          "layer %zu: expects weights that are finite with "
                          "batch norm in them, got one that is not",
                          l);
    }
    return MLP_OK;
}

static mlp_status fold(const mlp_net *net, mlp_net *folded)
{
    for (size_t l = 1; l <= net->layout.L; l++) {
        size_t width = net->layout.layer[l].width;
        if (!net->layout.layer[l].batch_norm) {
            mlp_cview from = weights_of(net, l);
            size_t at = folded->layout.layer[l].W;
            memcpy(mlpi_at(net->kernels, folded->parameters, at), from.data,
                   from.cols * net->kernels->real_size);
            continue;
        }
        for (size_t j = 0; j < width; j += BLOCK) {
            size_t n = width - j < BLOCK ? width - j : BLOCK;
            fold_neurons(&(neurons){net, folded, l, j, n});
        }
        TRY(check_folded(folded, l));
    }
    return MLP_OK;
}

mlp_status mlp_net_fold_batch_norm(const mlp_net *net, mlp_net **folded)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!folded) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL,
                          "the place for the copy is NULL");
    }
    mlp_net *made = NULL;
    TRY(mlpi_net_copy(net, mlpi_layout_fold, &made));
    mlp_status status = fold(net, made);
    if (status != MLP_OK) {
        mlp_net_free(made);
        return status;
    }
    *folded = made;
    return MLP_OK;
}
