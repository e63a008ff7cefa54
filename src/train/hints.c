/* SPDX-License-Identifier: MIT */
/*
 * The limits of the hints, and where they come from.
 *
 * Inputs. With the usual initial weights a layer expects numbers of about 1. A
 * column of size 100 makes its part of the gradient 100 times too large. A
 * column whose mean is 30 times its spread acts as a second bias that drowns
 * the first, with a curvature 900 times that of its spread. If all columns are
 * below 0.1, the sums that reach the first neurons hardly differ from row to
 * row. Pixels from 0 to 16, ages, and columns of 0 and 1 pass.
 *
 * The loss at the beginning. A fifth more than in the first epoch is more than
 * the noise of epochs. But a rate that is far too large ruins the first epoch
 * already, so in a new network the first batch counts, too, which no update has
 * changed yet. A batch may be easier than the others by chance: squares of
 * normal errors have means of 1 +- 0.25 in batches of 32 rows, and of 1 +- 1.4
 * in those of one. So the last epoch must also be worse, by half, than an
 * output that is the same for all rows, which every network can learn. Where
 * nobody knows the loss of that, because targets have any size, the last epoch
 * must have twice the loss of the first batch, and three standard deviations of
 * its own batches more.
 */
#include "train/hints.h"

#include <math.h>
#include <string.h>

#include "base/arithmetic.h"
#include "base/error.h"
#include "model/scaling.h"

enum { BLOCK = MLPI_MOMENT_COLUMNS };

/* ---------------------------------------------------------------------------
 * Size and spread of columns
 */

/* The first column that is too large, too small or too far from 0. */
typedef struct bad_column {
    bool found;
    size_t index;
    double mean, std;
} bad_column;

/* True if a column of these moments is too large, or too far from 0 for what it
 * varies. A column that does not vary is another bias, and harmless unless it
 * is large. */
static bool is_badly_scaled(double mean, double std)
{
    const double too_large = 100.0;
    const double too_far = 30.0;
    return fabs(mean) + std > too_large ||
           (std > 0.0 && fabs(mean) > too_far * std);
}

/* Finds a badly scaled column or, if all columns are tiny, the largest one. A
 * matrix of zeros has no such column. */
static bad_column find_bad_column(const mlp_net *net, mlp_cview rows,
                                  const size_t *order, size_t m)
{
    const double tiny = 0.1;
    bad_column largest = {.found = false};
    for (size_t first = 0; first < rows.cols; first += BLOCK) {
        double mean[BLOCK];
        double std[BLOCK];
        mlp_cview block = mlpi_scaling_columns(net, rows, first);
        net->kernels->scalar->column_moments(block, order, m, mean, std);
        for (size_t j = 0; j < block.cols; j++) {
            bad_column column = {true, first + j, mean[j], std[j]};
            if (is_badly_scaled(mean[j], std[j])) {
                return column;
            }
            if (fabs(mean[j]) + std[j] > fabs(largest.mean) + largest.std) {
                largest = column;
            }
        }
    }
    largest.found = largest.found && fabs(largest.mean) + largest.std < tiny;
    return largest;
}

/* Gives the hint about inputs or targets, if they have such a column. `remedy`
 * ends the message. */
static void hint_about_size(const mlp_net *net, const char *name,
                            const char *remedy, mlp_cview rows,
                            const size_t *order, size_t m)
{
    bad_column column = find_bad_column(net, rows, order, m);
    if (column.found) {
        mlpi_hint(&net->hooks,
                  "%s, column %zu has mean %.4g and standard deviation %.4g: "
                  "such numbers train badly; %s",
                  name, column.index, column.mean, column.std, remedy);
    }
}

/* ---------------------------------------------------------------------------
 * Targets
 */

/* The numbers that an activation can give. */
typedef struct span {
    double low, high;
} span;

/* Returns the span of the last activation. The lower ends of gelu and silu are
 * their minima, rounded down. */
static span outputs_of(const mlpi_layer_layout *layer)
{
    const double infinity = (double)INFINITY;
    switch (layer->activation) {
    case MLP_ACT_SIGMOID:
    case MLP_ACT_SOFTMAX:
        return (span){0.0, 1.0};
    case MLP_ACT_TANH:
        return (span){-1.0, 1.0};
    case MLP_ACT_RELU:
    case MLP_ACT_SOFTPLUS:
    case MLP_ACT_EXP:
        return (span){0.0, infinity};
    case MLP_ACT_ELU:
        return (span){-layer->slope, infinity};
    case MLP_ACT_GELU:
    case MLP_ACT_GELU_TANH:
        return (span){-0.18, infinity};
    case MLP_ACT_SILU:
        return (span){-0.28, infinity};
    case MLP_ACT_LEAKY_RELU:
        return (span){layer->slope > 0.0 ? -infinity : 0.0, infinity};
    case MLP_ACT_IDENTITY:
    case MLP_ACT_AUTO: /* no network has it */
        break;
    }
    return (span){-infinity, infinity};
}

/* Gives the hint about the first target that the last layer cannot give. The
 * targets of bce and cce are probabilities, which are checked elsewhere. */
static void hint_about_targets(const mlp_net *net, mlp_cview Y,
                               const size_t *order, size_t m)
{
    const mlpi_layer_layout *last = &net->layout.layer[net->layout.L];
    span possible = outputs_of(last);
    if (!isfinite(possible.low) && !isfinite(possible.high)) {
        return;
    }
    for (size_t i = 0; i < m; i++) {
        size_t row = order ? order[i] : i;
        for (size_t j = 0; j < Y.cols; j++) {
            double y = mlpi_scaled_target(net, j, mlp_cview_at(Y, row, j));
            if (y < possible.low || y > possible.high) {
                mlpi_hint(&net->hooks,
                          "Y, row %zu, column %zu is %.4g%s, which the last "
                          "layer cannot give: %s gives %g to %g, and "
                          "identity every number",
                          row, j, y, net->out.scales ? " when scaled" : "",
                          mlp_activation_name(last->activation), possible.low,
                          possible.high);
                return;
            }
        }
    }
}

/* ---------------------------------------------------------------------------
 * Before the first epoch
 */

/* Returns the remedy for targets. The first fit scales them only if the last
 * activation is identity, and another one could not give scaled targets, half
 * of which are below 0. */
static const char *remedy_for_targets(const mlp_net *net)
{
    return net->layout.layer[net->layout.L].activation == MLP_ACT_IDENTITY
               ? "call mlp_net_standardise_targets before the first fit, or "
                 "leave mlp_fit's option standardise true in it"
               : "give the last layer identity (MLP_ACT_AUTO), and the first "
                 "fit of the network scales them";
}

void mlpi_hint_about_rows(const mlp_net *net, mlp_cview X, mlp_cview Y,
                          const size_t *order, size_t m)
{
    if (!net->hooks.log) {
        return;
    }
    if (!net->in.scales) {
        hint_about_size(net, "X",
                        "call mlp_net_standardise before the first fit, or "
                        "leave mlp_fit's option standardise true in it",
                        X, order, m);
    }
    if (mlpi_is_regression(net->loss)) {
        if (!net->out.scales && mlpi_may_scale(net->loss)) {
            hint_about_size(net, "Y", remedy_for_targets(net), Y, order, m);
        }
        hint_about_targets(net, Y, order, m);
    }
}

/* In a batch of one row each number is its own mean, so that batch norm turns
 * it into 0. If there is only one row, no batch size helps. */
void mlpi_hint_about_batches(const mlp_net *net, size_t m, size_t batch_size)
{
    bool has_single = m % batch_size == 1 % batch_size;
    if (!has_single || net->layout.running_count == 0) {
        return;
    }
    if (m == 1) {
        mlpi_hint(&net->hooks, "X has one row, of which batch norm leaves only "
                               "the bias: train on more rows");
    } else {
        mlpi_hint(&net->hooks,
                  "%s one row, of which batch norm leaves only the bias: "
                  "choose another batch_size than %zu",
                  batch_size == 1 ? "batches have" : "the last batch has",
                  batch_size);
    }
}

/* ---------------------------------------------------------------------------
 * During the fit, and after it
 */

void mlpi_watch_begin(mlpi_watch *watch, const mlp_trainer *trainer)
{
    watch->is_on = trainer->hooks.log != NULL;
    watch->is_new = !trainer->net->is_trained;
}

void mlpi_watch_begin_epoch(mlpi_watch *watch)
{
    if (watch->is_on) {
        watch->in_epoch = true;
        watch->batches = 0;
        watch->sum = watch->sum_of_squares = 0.0;
        memset(watch->is_alive, 0, sizeof watch->is_alive);
    }
}

void mlpi_watch_batch(mlpi_watch *watch, const mlp_trainer *trainer,
                      double loss)
{
    if (!watch->is_on) {
        return;
    }
    if (!watch->has_batch) {
        watch->batch_loss = loss;
    }
    watch->has_batch = true;
    watch->batches++;
    watch->sum += loss;
    watch->sum_of_squares += loss * loss;
    for (size_t l = 1; l < trainer->net->layout.L; l++) {
        if (mlpi_is_hidden_relu(trainer->net, l) && !watch->is_alive[l]) {
            watch->is_alive[l] = trainer->batch.has_output[l];
        }
    }
}

void mlpi_watch_end_epoch(mlpi_watch *watch, double loss)
{
    if (watch->epochs == 0) {
        watch->first_loss = loss;
    }
    watch->last_loss = loss;
    if (watch->batches > 0) {
        double n = (double)watch->batches;
        double mean = watch->sum / n;
        watch->spread =
            sqrt(mlpi_max(watch->sum_of_squares / n - mean * mean, 0.0));
    }
    watch->in_epoch = false;
    watch->epochs++;
}

/* Gives the hint about the first hidden layer that is dead. If training was
 * stopped inside an epoch, the rows that were left might have shown an output.
 */
static void hint_about_dead_layers(const mlpi_watch *watch,
                                   const mlp_trainer *trainer)
{
    const mlp_net *net = trainer->net;
    for (size_t l = 1; l < net->layout.L && !watch->in_epoch; l++) {
        if (mlpi_is_hidden_relu(net, l) && !watch->is_alive[l]) {
            mlpi_hint(&trainer->hooks,
                      "layer %zu: every ReLU was 0 for every row of the last "
                      "epoch, so that nothing passes through the layer any "
                      "more; a lower learning rate, standardised inputs or "
                      "leaky_relu may help",
                      l);
            return;
        }
    }
}

/* Returns the loss, or a bound of it, of the best output that is the same for
 * all rows: the probability 1/2 or 1/k for classes, the mean, 0, for targets
 * that are scaled. The bound of log k counts the bits of k. Returns 0 if it is
 * not known. */
static double constant_loss(const mlp_net *net)
{
    const double log_2 = 0.69314718055994531;
    double bits = 0.0;
    switch (net->loss) {
    case MLP_LOSS_BCE:
        return log_2;
    case MLP_LOSS_CCE:
        for (size_t k = 1; k < mlpi_net_outputs(net); k *= 2) {
            bits += 1.0;
        }
        return bits * log_2;
    case MLP_LOSS_MSE:
    case MLP_LOSS_MAE:
    case MLP_LOSS_HUBER:
    case MLP_LOSS_QUANTILE:
    case MLP_LOSS_POISSON:
        break;
    case MLP_LOSS_GAUSSIAN_NLL:
        return net->out.scales ? 0.5 : 0.0; /* variance 1 */
    }
    return net->out.scales ? 1.0 : 0.0;
}

/* True if the last epoch is worse than the first batch of a new network, by
 * more than chance. */
static bool is_worse_than_batch(const mlpi_watch *watch, const mlp_net *net)
{
    double constant = constant_loss(net);
    if (!watch->is_new) {
        return false;
    }
    if (constant > 0.0) {
        return watch->last_loss > 1.5 * mlpi_max(watch->batch_loss, constant);
    }
    return watch->last_loss > 2.0 * watch->batch_loss &&
           watch->last_loss > watch->batch_loss + 3.0 * watch->spread;
}

/* Gives the hint about a loss that rose. The losses poisson and gaussian_nll may
 * be negative, where a fifth more of them has no meaning: a loss below 0 gives
 * no hint. */
static void hint_about_loss(const mlpi_watch *watch, const mlp_trainer *trainer)
{
    const double a_fifth_more = 1.2;
    const double nothing = 1e-6; /* a loss below this may jump as it likes */
    bool from_batch = is_worse_than_batch(watch, trainer->net);
    if (watch->last_loss > nothing &&
        (from_batch || watch->last_loss > a_fifth_more * watch->first_loss)) {
        mlpi_hint(&trainer->hooks,
                  "the loss rose from %.4g to %.4g: a lower learning rate may "
                  "help",
                  from_batch ? watch->batch_loss : watch->first_loss,
                  watch->last_loss);
    }
}

void mlpi_watch_end(const mlpi_watch *watch, const mlp_trainer *trainer,
                    bool restored)
{
    if (!watch->is_on || watch->epochs == 0 || restored) {
        return;
    }
    hint_about_loss(watch, trainer);
    hint_about_dead_layers(watch, trainer);
}
