/* SPDX-License-Identifier: MIT */
/*
 * Learning rates, epoch by epoch. Every schedule but one is a function of the
 * epoch number alone. The exception is the plateau schedule, which reduces the
 * rate when the watched loss (see epoch_state.h) no longer falls, so it needs a
 * state. The formulas are in mlp.h, at MLP_SCHEDULE_LIST.
 *
 * The plateau schedule is Keras' ReduceLROnPlateau with mode "min" and without
 * cooldown:
 *
 *     loss < best - min_delta:  best = loss, bad_epochs = 0
 *     otherwise:                bad_epochs += 1; if bad_epochs == patience,
 *                               then scale *= factor, bad_epochs = 0
 *     rate = max(alpha * scale, min(alpha, min_rate))
 *
 * where alpha is the initial rate.
 *
 * The rate of an epoch is computed from alpha and the number of the epoch,
 * never from the rate of the epoch before. Epochs are counted over all fits of
 * a trainer, and the plateau state is part of a checkpoint. So training that is
 * resumed gets the same rates, to the bit, as training without a stop.
 */
#ifndef MLPI_TRAIN_SCHEDULE_H
#define MLPI_TRAIN_SCHEDULE_H

#include "mlp.h"

/* State of the plateau schedule. */
typedef struct mlpi_plateau {
    double scale;      /* current rate / initial rate; 1 at first */
    double best;       /* watched loss at the last improvement */
    size_t bad_epochs; /* epochs since the last improvement or reduction of
                          the rate, whichever is later */
} mlpi_plateau;

/* MLP_ERR_ARGUMENT if a field that the kind uses is outside its range; the
 * message names the field. */
mlp_status mlpi_schedule_check(const mlp_hooks *hooks,
                               const mlp_schedule *schedule);

/* Returns the learning rate of `epoch`, one of 0 .. epochs - 1, by a checked
 * schedule that starts with the rate `initial`. A custom schedule may return
 * any number, so the caller checks the result. */
double mlpi_schedule_rate(const mlp_schedule *schedule,
                          const mlpi_plateau *plateau, double initial,
                          size_t epoch, size_t epochs);

/* Returns the state before the first epoch. */
mlpi_plateau mlpi_plateau_begin(void);

/* Forgets the losses so far, but keeps the scale. The caller does this when
 * another loss is watched, because the two losses cannot be compared. */
void mlpi_plateau_reset(mlpi_plateau *plateau);

/* Updates the state with the watched loss of a finished epoch. With other kinds
 * of schedules it does nothing. */
void mlpi_plateau_advance(mlpi_plateau *plateau, const mlp_schedule *schedule,
                          double loss);

#endif
