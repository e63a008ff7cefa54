/* SPDX-License-Identifier: MIT */
/*
 * Records what happened in each epoch of a fit, and lets callers read it.
 * history.h shows the block of memory. Callers get pointers to the arrays, not
 * copies, so that they can plot a million epochs; the arrays live as long as
 * the history.
 */
#include "train/history.h"

#include "base/error.h"
#include "base/memory.h"

/* Takes the struct and its five arrays from the block (see memory.h). */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    mlp_history *history = object;
    double **arrays[] = {&history->losses, &history->validation_losses,
                         &history->validation_accuracies, &history->rates,
                         &history->seconds};
    (void)mlpi_take(cursor, 1, sizeof *history);
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        *arrays[i] = mlpi_take(cursor, history->capacity, sizeof **arrays[i]);
    }
}

/* The history is made in a local variable, because its block does not exist
 * before its size is known, and then copied to the start of the block. */
mlp_status mlpi_history_make(const mlp_hooks *hooks, size_t capacity,
                             mlp_history **history)
{
    mlp_history made = {.hooks = *hooks, .capacity = capacity};
    void *block = NULL;
    TRY(mlpi_allocate_layout(hooks, lay_out, &made, "a history", &block));
    *history = block;
    **history = made;
    return MLP_OK;
}

/* The duration is not set before mlpi_history_set_seconds. The training loop
 * calls that before any caller can read it. */
void mlpi_history_add(mlp_history *history, const mlpi_record *record,
                      size_t best_epoch)
{
    if (history) {
        size_t i = history->epochs++;
        history->losses[i] = record->loss;
        history->validation_losses[i] = record->validation_loss;
        history->validation_accuracies[i] = record->validation_accuracy;
        history->rates[i] = record->rate;
        history->best_epoch = best_epoch;
    }
}

/* At least `count` epochs have been recorded, so the index is never negative.
 *  */
void mlpi_history_set_seconds(mlp_history *history, size_t count,
                              double seconds)
{
    for (size_t i = 1; history && i <= count; i++) {
        history->seconds[history->epochs - i] = seconds;
    }
}

/* Releases the block, which contains the struct and all arrays. */
void mlp_history_free(mlp_history *history)
{
    if (history) {
        /* The hooks are copied, because they lie in the block. */
        mlp_hooks hooks = history->hooks;
        mlpi_release(&hooks, history);
    }
}

/* ---------------------------------------------------------------------------
 * Functions that read. They take NULL as a history without epochs, so a program
 * that did not ask for a history can call them, too.
 */

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
