/* SPDX-License-Identifier: MIT */
/*
 * Defaults and checks of mlp_train_options. The defaults are plain gradient
 * descent on all rows at once, as in the tutorial: batches, Adam and early
 * stopping must be asked for. The checks stop at the first option that is
 * wrong, and the message names the option, its range and its value.
 */
#include "train/train_options.h"

#include <math.h>

#include "base/error.h"
#include "base/thread_team.h"
#include "model/data_check.h"
#include "train/optimizer.h"
#include "train/sample_weights.h"
#include "train/schedule.h"

/* Members that are not named are 0 or NULL: no validation, no weights, no
 * callbacks, and one thread for each core. */
mlp_train_options mlp_train_defaults(void)
{
    return (mlp_train_options){
        .epochs = 1000,
        .batch_size = 0,
        .learning_rate = 0.01,
        .optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_SGD),
        .schedule = mlp_schedule_defaults(MLP_SCHEDULE_CONSTANT),
        .shuffle = true,
        .seed = 42,
        .restore_best = true,
        .patience = SIZE_MAX};
}

/* A log hook that puts "validation: " before a message, and passes it on to the
 * caller's hooks, which are `user`. */
static void log_validation(mlp_status status, const char *message, void *user)
{
    (void)mlpi_error(user, status, "validation: %s", message);
}

/* If only one of the two views has rows, that counts as a set, too, so that the
 * check of shapes reports the error. */
bool mlpi_has_validation_set(const mlp_train_options *options)
{
    return options->X_validation.rows > 0 || options->Y_validation.rows > 0;
}

/* The check gets hooks with log_validation as log hook. They have no other
 * hook, because checks do not allocate. */
mlp_status mlpi_validation_set_check(const mlp_net *net,
                                     const mlp_train_options *options,
                                     mlpi_data_check *check)
{
    if (!mlpi_has_validation_set(options)) {
        return MLP_OK;
    }
    mlp_hooks target = net->hooks;
    const mlp_hooks hooks = {.log = log_validation, .user = &target};
    return check(net, &hooks, &options->X_validation, &options->Y_validation);
}

/* Checks the options of early stopping. A patience of 0 is an error, because
 * training would end before it begins. */
static mlp_status check_stopping(const mlp_hooks *hooks,
                                 const mlp_train_options *options)
{
    if (options->patience == 0) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "patience: expects 1 or more, got 0");
    }
    if (!(options->min_delta >= 0.0) || !isfinite(options->min_delta)) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "min_delta: expects a finite number, 0 or more, "
                          "got %g",
                          options->min_delta);
    }
    return MLP_OK;
}

/* Numbers are checked first, because that is cheap. The learning rate must be
 * above 0 in the network's precision, too: a tiny double may be 0 as a float.
 *  */
mlp_status mlpi_train_options_check(const mlp_net *net,
                                    const mlp_train_options *options)
{
    const mlp_hooks *hooks = &net->hooks;
    TRY(mlpi_check_arithmetic(hooks));
    TRY(mlpi_check_positive(hooks, net->kernels, "learning_rate",
                            options->learning_rate));
    TRY(check_stopping(hooks, options));
    if (mlpi_has_validation_set(options) &&
        options->validation_fraction != 0.0) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "validation: expects a fraction or rows of their "
                          "own, got both");
    }
    /* The values of these rows are checked in the second phase. */
    TRY(mlpi_validation_set_check(net, options, mlpi_check_shapes));
    TRY(mlpi_class_weights_check(net, options->class_weights));
    TRY(mlpi_schedule_check(hooks, &options->schedule));
    TRY(mlpi_optimizer_check(net, &options->optimizer));
    return mlpi_team_check(hooks, options->threads);
}
