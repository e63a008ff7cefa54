/* SPDX-License-Identifier: MIT */
/* What a fit would do, told before: its rates, and which rows it holds out. */
#include <math.h>

#include "base/error.h"
#include "train/schedule.h"
#include "train/validation_split.h"

double mlp_schedule_rate(const mlp_schedule *schedule, double alpha,
                         size_t epoch, size_t epochs)
{
    const mlp_hooks nobody = {.log = NULL};
    if (!schedule || mlpi_schedule_check(&nobody, schedule) != MLP_OK) {
        return (double)NAN;
    }
    mlpi_plateau plateau = mlpi_plateau_begin();
    return mlpi_schedule_rate(schedule, &plateau, alpha, epoch, epochs);
}

mlp_status mlp_split(const mlp_net *net, mlp_cview Y,
                     const mlp_train_options *options, size_t *order,
                     size_t *held)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    if (!options || !order || !held) {
        return mlpi_error(&net->hooks, MLP_ERR_NULL,
                          "options, order or held is NULL");
    }
    TRY(mlpi_check_targets(net, &Y, MLPI_ANY_ROWS));
    size_t count = 0;
    TRY(mlpi_split_size(&net->hooks, options->validation_fraction, Y.rows,
                        &count));
    mlp_rng rng = mlp_rng_seeded(options->seed);
    TRY(mlpi_split(net, &Y, count, &rng, order));
    *held = count;
    return MLP_OK;
}
