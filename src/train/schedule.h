/* SPDX-License-Identifier: MIT */
/*
 * Learning rates, epoch by epoch. All but one are functions of the epoch; on a
 * plateau the rate depends on the losses so far.
 */
#ifndef MLPI_TRAIN_SCHEDULE_H
#define MLPI_TRAIN_SCHEDULE_H

#include "mlp.h"

/* What a plateau schedule remembers. */
typedef struct mlpi_plateau {
    double scale;      /* of the initial rate; 1 at first */
    double best;       /* the loss that an improvement must fall below */
    size_t bad_epochs; /* epochs since the last improvement, or reduction */
} mlpi_plateau;

/* MLP_ERR_ARGUMENT if a field that the kind looks at is outside its range. */
mlp_status mlpi_schedule_check(const mlp_hooks *hooks,
                               const mlp_schedule *schedule);

/* The rate of an epoch, from 0, of `epochs`, by a checked schedule. */
double mlpi_schedule_rate(const mlp_schedule *schedule,
                          const mlpi_plateau *plateau, double initial,
                          size_t epoch, size_t epochs);

/* At scale 1, with no loss known; and with no loss known, the scale as it
 * is. */
mlpi_plateau mlpi_plateau_begin(void);
void mlpi_plateau_forget(mlpi_plateau *plateau);

/* Takes note of the watched loss of an epoch; nothing for other kinds. */
void mlpi_plateau_note(mlpi_plateau *plateau, const mlp_schedule *schedule,
                       double loss);

#endif
