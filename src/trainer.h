/* SPDX-License-Identifier: MIT */
/*
 * A batch on its way through a network and back. The public steps check their
 * arguments and call these; mlp_fit, which has checked all rows at once, calls
 * these alone.
 */
#ifndef MLPI_TRAINER_H
#define MLPI_TRAINER_H

#include "net.h"

struct mlp_trainer {
    mlp_hooks hooks;
    mlp_net *net; /* borrowed */
    size_t max_rows;
    size_t m;           /* rows of the last forward; 0: there was none */
    bool has_gradients; /* a backward has followed it */
    void **Z, **A;      /* [L + 1] real [max_rows][n[l]]; Z[0] is NULL */
    void *dZ[2];        /* real [max_rows][widest]: of layer l and l - 1 */
    void *Y;            /* real [max_rows][n[L]] */
    void *gradients;    /* real, laid out as the parameters */
    void *scratch;
};

/* Rows order[0..m-1] (all m in turn, if order is NULL) of X become A[0], and
 * those of Y the targets. */
void mlpi_trainer_take_X(mlp_trainer *trainer, mlp_cview X, const size_t *order,
                         size_t m);
void mlpi_trainer_take_Y(mlp_trainer *trainer, mlp_cview Y, const size_t *order,
                         size_t m);

/* Forward from A[0], the loss against Y, backward from it, and the update. */
void mlpi_trainer_forward(mlp_trainer *trainer, size_t m);
double mlpi_trainer_loss(const mlp_trainer *trainer);
void mlpi_trainer_backward(mlp_trainer *trainer);
void mlpi_trainer_update(mlp_trainer *trainer, double alpha);

#endif
