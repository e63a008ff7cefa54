/* SPDX-License-Identifier: MIT */
/* What callers read of a history. */
#include "train/history.h"

size_t mlp_history_epochs(const mlp_history *history)
{
    return history ? history->epochs : 0;
}

size_t mlp_history_best_epoch(const mlp_history *history)
{
    return history ? history->best_epoch : 0;
}

const double *mlp_history_losses(const mlp_history *history)
{
    return history ? history->losses : NULL;
}

const double *mlp_history_validation_losses(const mlp_history *history)
{
    return history ? history->validation_losses : NULL;
}

const double *mlp_history_validation_accuracies(const mlp_history *history)
{
    return history ? history->validation_accuracies : NULL;
}

const double *mlp_history_rates(const mlp_history *history)
{
    return history ? history->rates : NULL;
}

const double *mlp_history_seconds(const mlp_history *history)
{
    return history ? history->seconds : NULL;
}
