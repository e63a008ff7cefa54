/* SPDX-License-Identifier: MIT */
/*
 * What each row counts in training: its own weight times that of its class.
 * A class's weight is the sum over classes of target times class weight, so
 * that a target between classes has a weight between theirs.
 */
#ifndef MLPI_TRAIN_SAMPLE_WEIGHTS_H
#define MLPI_TRAIN_SAMPLE_WEIGHTS_H

#include "model/net.h"

/* Rows that are weighed. */
typedef struct mlpi_sample_weights {
    const double *classes; /* their weights, or NULL */
    mlp_cview rows;        /* weights (m, 1); no rows: none */
    mlp_cview Y;           /* targets of m rows */
} mlpi_sample_weights;

static inline bool mlpi_has_sample_weights(const mlpi_sample_weights *w)
{
    return w->classes || w->rows.rows > 0;
}

/* Class weights: finite, 0 or more, and of a loss that has classes.
 * MLP_ERR_ARGUMENT. */
mlp_status mlpi_class_weights_check(const mlp_net *net, const double *classes);

/* Row weights (m, 1), unless there are none: their shape and type.
 * MLP_ERR_SHAPE, MLP_ERR_DTYPE. */
mlp_status mlpi_row_weights_check(const mlp_net *net, const mlp_hooks *hooks,
                                  const mlp_cview *rows, size_t m);

/* Weights of checked shape, with checked class weights and targets, or none:
 * each finite and 0 or more. MLP_ERR_NOT_FINITE, MLP_ERR_ARGUMENT. */
mlp_status mlpi_sample_weights_check(const mlp_net *net, const mlp_hooks *hooks,
                                     const mlpi_sample_weights *w);

/* The sum of checked ones, one after another; m if there are none. */
double mlpi_sample_weights_sum(const mlp_net *net,
                               const mlpi_sample_weights *w);

/* weights[m], of checked ones. */
void mlpi_sample_weights_make(const mlp_net *net, const mlpi_sample_weights *w,
                              double *weights);

/* MLP_ERR_ARGUMENT unless that can be a sum of weights to learn by. */
mlp_status mlpi_sample_weights_check_sum(const mlp_hooks *hooks, double sum);

#endif
