/* SPDX-License-Identifier: MIT */
/*
 * Defaults and checks of mlp_train_options.
 *
 * The defaults are for whoever sets nothing but layers and loss: with them, raw
 * numbers and a few rows or many must give a good network. Adam is forgiving
 * about the learning rate; batches make many updates of one pass; standardised
 * columns have gradients of one size. (The tutorial's settings, plain gradient
 * descent on all rows as they are, stand in its examples.)
 *
 * Some defaults cannot be a number, because they depend on the rows or on
 * another option. They are MLP_AUTO or MLP_AUTO_COUNT until a fit resolves
 * them. The checks come after that. They stop at the first option that is
 * wrong, and the message names the option, its range and its value.
 */
#include "train/train_options.h"

#include <math.h>

#include "base/arithmetic.h"
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
        .epochs = MLP_AUTO_COUNT,
        .batch_size = MLP_AUTO_COUNT,
        .learning_rate = MLP_AUTO,
        .optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_AUTO),
        .schedule = mlp_schedule_defaults(MLP_SCHEDULE_CONSTANT),
        .standardise = true,
        .shuffle = true,
        .seed = 42,
        .parts = 1,
        .restore_best = true,
        .patience = SIZE_MAX};
}

mlp_train_options mlpi_train_options_resolve(const mlp_train_options *given,
                                             mlp_optimizer_kind kind)
{
    mlp_train_options options = given ? *given : mlp_train_defaults();
    if (options.learning_rate == MLP_AUTO) {
        options.learning_rate = mlpi_optimizer_usual_rate(kind);
    }
    return options;
}

/* Without the minimum of updates, the four rows of XOR would get 200 updates in
 * 200 epochs, and learn nothing. A kind that needs all rows makes an update of
 * an epoch that is worth many of another kind's. */
void mlpi_train_options_resolve_counts(mlp_train_options *options,
                                       mlp_optimizer_kind kind, size_t m,
                                       size_t max_rows)
{
    enum { EPOCHS = 200, MIN_UPDATES = 2000, BATCH_SIZE = 32 };
    bool needs_all_rows = mlpi_optimizer_needs_all_rows(kind);
    size_t rows = options->batch_size;
    if (rows == MLP_AUTO_COUNT) {
        rows = needs_all_rows ? m : mlpi_min_size(BATCH_SIZE, max_rows);
    }
    rows = rows == 0 ? m : mlpi_min_size(rows, m);
    options->batch_size = mlpi_max_size(rows, 1); /* for clang-tidy: m >= 1 */
    if (options->epochs == MLP_AUTO_COUNT) {
        size_t batches = mlpi_divide_up(m, options->batch_size);
        size_t enough = mlpi_divide_up(MIN_UPDATES, mlpi_max_size(batches, 1));
        options->epochs =
            needs_all_rows || enough < EPOCHS ? (size_t)EPOCHS : enough;
    }
}

/* A log hook that puts "validation: " before a message, and passes it on to the
 * caller's hooks, which are `user`. */
static void log_validation(mlp_status status, const char *message, void *user)
{
    (void)mlpi_error(user, status, "validation: %s", message);
}

/* If only one of the two views has rows, that counts as a set, too, so that
 * check_validation reports the error. */
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

/* Returns what a message about the value 0 ends with, where 0 is out of range:
 * most likely the options were not begun with the defaults. */
static const char *advice_for_zero(bool is_zero)
{
    return is_zero ? " (start from mlp_train_defaults())" : "";
}

/* The learning rate must be above 0 in the network's precision, too: a tiny
 * double may be 0 as a float. */
static mlp_status check_learning_rate(const mlp_net *net, double rate)
{
    double rounded = net->kernels->scalar->round_to_real(rate);
    if (!(rounded > 0.0) || !isfinite(rounded)) {
        return mlpi_error(&net->hooks, MLP_ERR_ARGUMENT,
                          "learning_rate: expects a finite %s above 0, got "
                          "%g%s",
                          mlp_dtype_name(net->kernels->dtype), rate,
                          advice_for_zero(rate == 0.0));
    }
    return MLP_OK;
}

/* Checks that validation rows are a fraction or two views, not both, and not
 * one view alone. */
static mlp_status check_validation(const mlp_hooks *hooks,
                                   const mlp_train_options *options)
{
    if (!mlpi_has_validation_set(options)) {
        return MLP_OK;
    }
    if (options->validation_fraction != 0.0) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "validation: expects validation_fraction or "
                          "X_validation with Y_validation, got both");
    }
    bool no_X = options->X_validation.rows == 0;
    if (no_X || options->Y_validation.rows == 0) {
        return mlpi_error(hooks, MLP_ERR_SHAPE,
                          "expects X_validation and Y_validation together, "
                          "got no rows in one: set %c_validation, too",
                          no_X ? 'X' : 'Y');
    }
    return MLP_OK;
}

/* Checks the options of early stopping. A patience of 0 is an error, because
 * training would end before it begins. */
static mlp_status check_stopping(const mlp_hooks *hooks,
                                 const mlp_train_options *options)
{
    if (options->patience == 0) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "patience: expects 1 or more, got 0%s",
                          advice_for_zero(true));
    }
    if (!(options->min_delta >= 0.0) || !isfinite(options->min_delta)) {
        return mlpi_error(hooks, MLP_ERR_ARGUMENT,
                          "min_delta: expects a finite number, 0 or more, "
                          "got %g",
                          options->min_delta);
    }
    return MLP_OK;
}

/* Numbers are checked first, because that is cheap. */
mlp_status mlpi_train_options_check(const mlp_net *net,
                                    const mlp_train_options *options)
{
    const mlp_hooks *hooks = &net->hooks;
    TRY(mlpi_check_rounding(hooks));
    mlpi_hint_about_subnormals(hooks);
    TRY(CHECK_RESERVED(hooks, "options", options));
    TRY(check_learning_rate(net, options->learning_rate));
    TRY(check_stopping(hooks, options));
    TRY(check_validation(hooks, options));
    /* The values of these rows are checked in the second phase. */
    TRY(mlpi_validation_set_check(net, options, mlpi_check_shapes));
    TRY(mlpi_class_weights_check(net, options->class_weights));
    TRY(mlpi_schedule_check(hooks, &options->schedule));
    TRY(mlpi_optimizer_check(net, &options->optimizer));
    return mlpi_team_check(hooks, options->threads);
}
