/* SPDX-License-Identifier: MIT */
/*
 * The counters that are carried from epoch to epoch. epoch_state.h defines the
 * watched loss, the best epoch and an improvement.
 *
 * An infinite loss stands for "none yet": every finite loss is below it, so the
 * first epoch is the best so far and an improvement, without a special case.
 */
#include "train/epoch_state.h"

#include <math.h>

/* Forgets the watched losses, so that the next epoch is the best in any case.
 * The scale that the plateau schedule has reached is kept: the learning rate
 * must not jump up again in the middle of training. */
static void forget_losses(mlpi_epoch_state *state)
{
    state->best_epoch = state->epochs;
    state->best_loss = state->threshold = (double)INFINITY;
    state->bad_epochs = 0;
    mlpi_plateau_reset(&state->plateau);
}

mlpi_epoch_state mlpi_epoch_state_begin(uint32_t seed)
{
    mlpi_epoch_state state = {.begun = true,
                              .rng = mlp_rng_seeded(seed),
                              .plateau = mlpi_plateau_begin()};
    forget_losses(&state);
    return state;
}

void mlpi_epoch_state_watch(mlpi_epoch_state *state, bool validates)
{
    if (state->validates != validates) {
        state->validates = validates;
        forget_losses(state);
    }
}

/* NaN is neither best nor an improvement, since comparisons with it are false;
 * but training ends with an error before a NaN comes here. */
bool mlpi_epoch_state_advance(mlpi_epoch_state *state, double loss,
                              double min_delta)
{
    bool is_best = loss < state->best_loss;
    if (is_best) {
        state->best_loss = loss;
        state->best_epoch = state->epochs;
    }
    /* Many falls of less than min_delta are an improvement when their sum
     * exceeds it, because the threshold stays where it is. */
    if (loss < state->threshold - min_delta) {
        state->threshold = loss;
        state->bad_epochs = 0;
    } else {
        state->bad_epochs++;
    }
    state->epochs++;
    return is_best;
}

bool mlpi_epoch_state_has_best(const mlpi_epoch_state *state)
{
    return state->best_loss < (double)INFINITY;
}
