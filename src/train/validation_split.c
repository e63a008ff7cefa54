/* SPDX-License-Identifier: MIT */
/*
 * The validation split: what the network and the options of training ask of a
 * split. The split itself is drawn by model/split.c.
 */
#include "train/validation_split.h"

#include "base/error.h"
#include "model/data_check.h"
#include "model/split.h"

mlp_status mlpi_validation_rows(const mlp_hooks *hooks, double fraction,
                                size_t m, size_t *validation_rows)
{
    *validation_rows = 0;
    if (fraction == 0.0) {
        return MLP_OK;
    }
    if (!(fraction > 0.0 && fraction < 1.0)) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "validation_fraction: expects 0 or more and less "
                          "than 1, got %g",
                          fraction);
    }
    size_t count = mlpi_rows_of_fraction(fraction, m);
    if (count == 0 || count == m) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "validation_fraction: %g of %zu %s leaves none to "
                          "%s",
                          fraction, m, m == 1 ? "row" : "rows",
                          count == 0 ? "validate with" : "train");
    }
    *validation_rows = count;
    return MLP_OK;
}

/* True if each number of a column is a class of the network. */
static bool are_classes(const mlp_net *net, const mlp_cview *Y)
{
    size_t n = mlpi_net_outputs(net);
    for (size_t i = 0; i < Y->rows; i++) {
        double class = mlp_cview_at(*Y, i, 0);
        if (!(class >= 0.0 && class < (double)n)) {
            return false;
        }
    }
    return true;
}

/* True if the loss has classes and an int32 column names only those of the
 * network. Whether other targets are one-hot rows, or 0 and 1, is found out by
 * the split. Rows of a single class are split as rows without classes. */
static bool has_classes(const mlp_net *net, const mlp_cview *Y)
{
    if (net->loss == MLP_LOSS_CCE) {
        return Y->dtype != MLP_I32 || are_classes(net, Y);
    }
    return net->loss == MLP_LOSS_BCE && mlpi_net_outputs(net) == 1;
}

mlp_status mlpi_validation_split(const mlp_net *net, const mlp_cview *Y,
                                 size_t validation_rows, mlp_rng *rng,
                                 size_t *order)
{
    const mlpi_split_args args = {
        .Y = Y, .stratify = has_classes(net, Y), .test_rows = validation_rows};
    return mlpi_split(&net->hooks, &args, rng, order);
}
