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

/* Forgets the watched losses, so that the next epoch becomes the best one. The
 * plateau schedule keeps its scale, because the learning rate must not jump up
 * again in the middle of training. */
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

/* The loss is never NaN, because training ends with an error before. */
bool mlpi_epoch_state_advance(mlpi_epoch_state *state, double loss,
                              double min_delta)
{
    bool is_best = loss < state->best_loss;
    if (is_best) {
        state->best_loss = loss;
        state->best_epoch = state->epochs;
    }
    /* The threshold does not change without an improvement. So many small falls
     * of the loss become an improvement when their sum exceeds min_delta. */
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
