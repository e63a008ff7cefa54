/* SPDX-License-Identifier: MIT */
#include "train/epoch_state.h"

#include <math.h>

static void forget(mlpi_epoch_state *state)
{
    state->best_epoch = state->epochs;
    state->best_loss = state->threshold = (double)INFINITY;
    state->bad_epochs = 0;
    mlpi_plateau_forget(&state->plateau);
}

mlpi_epoch_state mlpi_epoch_state_begin(uint32_t seed)
{
    mlpi_epoch_state epoch_state = {.begun = true,
                                    .rng = mlp_rng_seeded(seed),
                                    .plateau = mlpi_plateau_begin()};
    forget(&epoch_state);
    return epoch_state;
}

void mlpi_epoch_state_watch(mlpi_epoch_state *state, bool validates)
{
    if (state->validates != validates) {
        state->validates = validates;
        forget(state);
    }
}

bool mlpi_epoch_state_advance(mlpi_epoch_state *state, double loss,
                              double min_delta)
{
    bool is_best = loss < state->best_loss;
    if (is_best) {
        state->best_loss = loss;
        state->best_epoch = state->epochs;
    }
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
