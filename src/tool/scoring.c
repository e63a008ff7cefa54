/* SPDX-License-Identifier: MIT */
/*
 * Scores beside a simple answer, and the hash of a network's parameters.
 *
 * An accuracy of 0.9 is poor if nine rows in ten have the same class. So each
 * score stands beside what can be had without a network. For numbers, R2 says
 * the same: it is 0 for always the mean, and 1 if every prediction is exact.
 * D2 is the same of another error than the square: of the pinball loss for
 * quantiles, where the simple answer is always the quantile of the targets, and
 * of Poisson's deviance for counts (scikit-learn's d2_pinball_score and
 * d2_tweedie_score). With gaussian_nll the scores are those of the means.
 *
 * Example: the targets 1, 2, 3 and 10, and a network that predicts 2 for all.
 * Its mean absolute error is (1 + 0 + 1 + 8) / 4 = 2.5. Always the mean, 4, has
 * (3 + 2 + 1 + 6) / 4 = 3. As quantile 0.9, the 2 has the pinball loss
 * (0.1 * 1 + 0 + 0.9 * 1 + 0.9 * 8) / 4 = 2.05, and it covers two of the four
 * targets, 1 and 2, where nine of ten should be covered.
 *
 * The hash tells whether two networks have equal parameters, for whoever wants
 * to compare two machines or two runs and has no patience for 16 digits of 803
 * numbers. It is a CRC-32, which finds accidents; it is no proof against
 * somebody who means to deceive.
 */
#include "tool/scoring.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Returns the mean of column j. */
static double mean_of(mlp_cview Y, size_t j)
{
    double sum = 0;
    for (size_t i = 0; i < Y.rows; i++) {
        sum += mlp_cview_at(Y, i, j);
    }
    return sum / (double)Y.rows;
}

/* Returns the mean of |y - mean of y|, the error of always the mean. Each
 * column has its own mean. */
static double error_of_mean(mlp_cview Y)
{
    double error = 0;
    for (size_t j = 0; j < Y.cols; j++) {
        double mean = mean_of(Y, j);
        for (size_t i = 0; i < Y.rows; i++) {
            error += fabs(mlp_cview_at(Y, i, j) - mean);
        }
    }
    return error / ((double)Y.rows * (double)Y.cols);
}

/* Scores classes. mlp_log_loss has checked that each target is a class, so the
 * loop may count with it. */
static void score_classes(const tool_answers *answers, mlp_cview Y,
                          const mlp_hooks *hooks, tool_scores *scores)
{
    mlp_cview A = mlp_view_const(answers->A);
    mlp_cview labels = mlp_view_const(answers->labels);
    size_t classes = A.cols == 1 ? 2 : A.cols;
    mlpi_tool_check(mlp_log_loss(A, Y, hooks, &scores->bad));
    size_t *counts = mlpi_tool_memory(classes, sizeof *counts);
    size_t right = 0;
    for (size_t i = 0; i < Y.rows; i++) {
        double y = mlp_cview_at(Y, i, 0);
        right += mlp_cview_at(labels, i, 0) == y;
        counts[(size_t)y]++;
    }
    for (size_t k = 1; k < classes; k++) {
        scores->usual = counts[k] > counts[scores->usual] ? k : scores->usual;
    }
    scores->good = (double)right / (double)Y.rows;
    scores->simple = (double)counts[scores->usual] / (double)Y.rows;
    free(counts);
}

/* Returns the pinball loss of a prediction: the loss quantile in the target's
 * units. With tau = 0.9 a target above the prediction costs nine times as much
 * as one that is as far below, so the best prediction is one that nine of ten
 * targets do not exceed. */
static double pinball(double y, double predicted, double tau)
{
    return y > predicted ? tau * (y - predicted) : (1 - tau) * (predicted - y);
}

/* Compares numbers for qsort. There is no NaN among them, because the reader of
 * tables leaves out rows without a target. */
static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Returns the quantile tau of column j, between the two numbers that are next
 * to it, as np.quantile does. Of 1, 2, 3 and 10 the quantile 0.5 has the place
 * 0.5 * 3 = 1.5, half-way between number 1, which is 2, and number 2, which is
 * 3: it is 2.5. */
static double quantile_of(mlp_cview Y, size_t j, double tau)
{
    double *sorted = mlpi_tool_memory(Y.rows, sizeof *sorted);
    for (size_t i = 0; i < Y.rows; i++) {
        sorted[i] = mlp_cview_at(Y, i, j);
    }
    qsort(sorted, Y.rows, sizeof *sorted, compare);
    double place = tau * (double)(Y.rows - 1);
    size_t low = (size_t)place;
    double below = sorted[low];
    double above = sorted[low + 1 < Y.rows ? low + 1 : low];
    free(sorted);
    return below + (place - (double)low) * (above - below);
}

/* Scores quantiles, A (m, n[L]). The losses are means over all outputs. An
 * output covers a target if this is at or below it: of the targets, a share tau
 * should be covered, also on rows that the network has not seen. */
static void score_quantiles(const double *tau, mlp_cview A, mlp_cview Y,
                            tool_scores *scores)
{
    double terms = (double)Y.rows * (double)A.cols;
    scores->bad = scores->simple = 0;
    for (size_t j = 0; j < A.cols; j++) {
        double simple = quantile_of(Y, j, tau[j]);
        double covered = 0;
        for (size_t i = 0; i < Y.rows; i++) {
            double y = mlp_cview_at(Y, i, j);
            double a = mlp_cview_at(A, i, j);
            scores->bad += pinball(y, a, tau[j]) / terms;
            scores->simple += pinball(y, simple, tau[j]) / terms;
            covered += y <= a;
        }
        if (j < TOOL_MOST_COVERED) {
            scores->covered[j] = covered / (double)Y.rows;
            scores->n_covered = j + 1;
        }
    }
    scores->good = 1 - scores->bad / scores->simple;
}

/* Returns Poisson's deviance of a count y, for a rate above 0: twice the
 * difference of log p(y) between the rate y, which suits it best, and this
 * rate. It is 0 if the rate is y. For y = 0 the limit of y log(y / rate) is
 * 0. */
static double deviance(double y, double rate)
{
    return 2 * ((y > 0 ? y * log(y / rate) : 0) - y + rate);
}

/* Replaces R2 by D2: both sums have the same divisor, so it is left out. A rate
 * of 0, to which e^z may be rounded, has an infinite deviance from a count
 * above 0, and D2 is then -infinity. */
static void score_counts(mlp_cview A, mlp_cview Y, tool_scores *scores)
{
    double of_network = 0;
    double of_mean = 0;
    for (size_t j = 0; j < Y.cols; j++) {
        double mean = mean_of(Y, j);
        for (size_t i = 0; i < Y.rows; i++) {
            double y = mlp_cview_at(Y, i, j);
            of_network += deviance(y, mlp_cview_at(A, i, j));
            of_mean += deviance(y, mean);
        }
    }
    scores->good = 1 - of_network / of_mean;
}

/* Sets the share of targets that lie where 95 of 100 should: at most 1.96
 * standard deviations from the mean, if errors are normal. The outputs A are
 * means and then logarithms of variances. */
static void cover(mlp_cview A, mlp_cview Y, tool_scores *scores)
{
    double covered = 0;
    for (size_t i = 0; i < Y.rows * Y.cols; i++) {
        size_t row = i / Y.cols;
        size_t j = i % Y.cols;
        double error = mlp_cview_at(Y, row, j) - mlp_cview_at(A, row, j);
        double variance = exp(mlp_cview_at(A, row, Y.cols + j));
        covered += fabs(error) <= 1.96 * sqrt(variance);
    }
    scores->n_covered = 1;
    scores->covered[0] = covered / ((double)Y.rows * (double)Y.cols);
}

tool_scores mlpi_tool_score(const mlp_net *net, const tool_answers *answers,
                            mlp_cview Y)
{
    mlp_hooks hooks = mlp_net_hooks(net);
    tool_scores scores = {.rows = Y.rows,
                          .is_classes = mlpi_tool_classes(net) > 0};
    if (scores.is_classes) {
        score_classes(answers, Y, &hooks, &scores);
        return scores;
    }
    mlp_cview A = mlp_view_const(answers->A);
    mlp_loss loss = mlp_net_loss(net);
    if (loss == MLP_LOSS_QUANTILE) {
        score_quantiles(mlp_net_quantiles(net), A, Y, &scores);
        return scores;
    }
    mlp_regression_scores mean = {0};
    mlpi_tool_check(mlp_score_regression(Y, mlp_cview_cols(A, 0, Y.cols),
                                         &hooks, NULL, &mean));
    scores.good = mean.r2;
    scores.bad = mean.mae;
    scores.simple = error_of_mean(Y);
    if (loss == MLP_LOSS_POISSON) {
        score_counts(A, Y, &scores);
    } else if (loss == MLP_LOSS_GAUSSIAN_NLL) {
        cover(A, Y, &scores);
    }
    return scores;
}

/* `good` is better the larger it is, and `bad` the smaller. The names depend on
 * what is scored: classes, quantiles, counts or other numbers. */
const tool_score_names *mlpi_tool_score_names(const mlp_net *net)
{
    static const tool_score_names of_classes = {"accuracy", "log loss",
                                                "accuracy", "log_loss",
                                                "most_frequent_class_accuracy"};
    static const tool_score_names of_quantiles = {
        "D2", "pinball loss", "d2", "pinball_loss", "quantiles_pinball_loss"};
    static const tool_score_names of_counts = {"D2", "mean absolute error",
                                               "d2", "mae", "mean_mae"};
    static const tool_score_names of_numbers = {"R2", "mean absolute error",
                                                "r2", "mae", "mean_mae"};
    mlp_loss loss = mlp_net_loss(net);
    return mlpi_tool_classes(net) > 0  ? &of_classes
           : loss == MLP_LOSS_QUANTILE ? &of_quantiles
           : loss == MLP_LOSS_POISSON  ? &of_counts
                                       : &of_numbers;
}

/* Appends the shares of covered targets to a text. A network that knows how
 * uncertain it is has shares near those that it was asked for. */
static void write_covered(const mlp_net *net, const tool_scores *s,
                          char text[TOOL_SCORES_SIZE])
{
    size_t used = strlen(text);
    const double *tau = mlp_net_quantiles(net);
    for (size_t j = 0; j < s->n_covered && used < TOOL_SCORES_SIZE; j++) {
        int n =
            tau ? snprintf(text + used, TOOL_SCORES_SIZE - used, "%s%g: %.3f",
                           j == 0 ? "; targets at or below quantile " : ", ",
                           tau[j], s->covered[j])
                : snprintf(text + used, TOOL_SCORES_SIZE - used,
                           "; targets within 1.96 standard deviations: %.3f",
                           s->covered[j]);
        used += (size_t)n;
    }
}

/* A name that is too long for a line of talk, or that has line ends, gives way
 * to its number. Three digits are what a few hundred rows can tell. */
void mlpi_tool_write_scores(const mlp_net *net, const tool_scores *scores,
                            char text[TOOL_SCORES_SIZE])
{
    char number[24];
    const char *usual = mlp_net_class_name(net, scores->usual);
    (void)snprintf(number, sizeof number, "%zu", scores->usual);
    if (!usual || strlen(usual) > 100 || strpbrk(usual, "\r\n\033")) {
        usual = number;
    }
    if (scores->is_classes) {
        (void)snprintf(text, TOOL_SCORES_SIZE,
                       "accuracy %.3f, log loss %.3f  (always \"%s\": %.3f)",
                       scores->good, scores->bad, usual, scores->simple);
    } else {
        const tool_score_names *names = mlpi_tool_score_names(net);
        (void)snprintf(
            text, TOOL_SCORES_SIZE, "%s %.3f, %s %.4g  (always the %s: %.4g)",
            names->good, scores->good, names->bad, scores->bad,
            mlp_net_quantiles(net) ? "quantiles" : "mean", scores->simple);
        write_covered(net, scores, text);
    }
}

/* JSON has the same scores with all their digits. */
void mlpi_tool_print_scores(const mlp_net *net, const tool_scores *s)
{
    const tool_score_names *names = mlpi_tool_score_names(net);
    mlpi_tool_json("'rows': %zu, %s: %g, %s: %g, %s: %g", s->rows,
                   names->json_good, s->good, names->json_bad, s->bad,
                   names->json_simple, s->simple);
    for (size_t j = 0; j < s->n_covered; j++) {
        mlpi_tool_json(j == 0 ? ", 'covered': [%g" : ", %g", s->covered[j]);
    }
    (void)fputs(s->n_covered > 0 ? "]" : "", stdout);
}

/* ---------------------------------------------------------------------------
 * Hash. A CRC-32 shows whether two networks are the same, which is all that
 * people compare by eye; it protects nothing. Every language has it, so a
 * script can compute it from the tensors of the file. The table of 256
 * remainders that makes a CRC fast is not worth its lines: the largest networks
 * of tables have a million parameters.
 */

/* Adds the elements of a tensor, row by row, to a CRC-32 with the reversed
 * polynomial edb88320, as the bytes of their IEEE numbers, the lowest byte
 * first. The view of W has strides, so that its order here is that of PyTorch
 * and of the file, not that of memory. */
static uint32_t add_tensor(uint32_t crc, mlp_cview t)
{
    int size = t.dtype == MLP_F32 ? 32 : 64;
    for (size_t i = 0; i < t.rows * t.cols; i++) {
        double x = mlp_cview_at(t, i / t.cols, i % t.cols);
        float narrow = (float)x;
        uint32_t bits32;
        uint64_t bits;
        memcpy(&bits32, &narrow, sizeof bits32);
        memcpy(&bits, &x, sizeof bits);
        bits = size == 32 ? bits32 : bits;
        for (int bit = 0; bit < size; bit++) {
            uint32_t is_odd = (crc ^ (uint32_t)(bits >> bit)) & 1;
            crc = crc >> 1 ^ (is_odd ? 0xedb88320U : 0);
        }
    }
    return crc;
}

/* Only a layer with batch norm has the last three tensors. The conversion to
 * float loses nothing where the network has floats. */
const char *mlpi_tool_hash(const mlp_net *net, char text[TOOL_HASH_SIZE])
{
    static const mlp_tensor order[] = {MLP_W, MLP_B, MLP_SCALE, MLP_MEAN,
                                       MLP_VARIANCE};
    uint32_t crc = 0xffffffffU;
    for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
        mlp_layer layer = {0};
        (void)!mlp_net_layer(net, l, &layer);
        size_t n = layer.batch_norm ? 5 : 2;
        for (size_t i = 0; i < n; i++) {
            mlp_cview t = {.rows = 0};
            (void)!mlp_net_ctensor(net, order[i], l, &t);
            crc = add_tensor(crc, t);
        }
    }
    (void)snprintf(text, TOOL_HASH_SIZE, "%08" PRIx32, ~crc);
    return text;
}
