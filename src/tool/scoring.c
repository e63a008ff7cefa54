/* SPDX-License-Identifier: MIT */
/*
 * Scores beside a simple answer, and the hash of a network's parameters.
 *
 * An accuracy of 0.9 is poor if nine rows in ten have the same class. So each
 * score stands beside what can be had without a network. For numbers, R2 says
 * the same: it is 0 for always the mean, and 1 if every prediction is exact.
 */
#include "tool/scoring.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Returns the mean of |y - mean of y|, the error of always the mean. */
static double error_of_mean(mlp_cview Y)
{
    double sum = 0;
    double error = 0;
    for (size_t i = 0; i < Y.rows; i++) {
        sum += mlp_cview_at(Y, i, 0);
    }
    for (size_t i = 0; i < Y.rows; i++) {
        error += fabs(mlp_cview_at(Y, i, 0) - sum / (double)Y.rows);
    }
    return error / (double)Y.rows;
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
    mlp_regression_scores mean = {0};
    mlpi_tool_check(mlp_score_regression(Y, mlp_view_const(answers->A), &hooks,
                                         NULL, &mean));
    scores.good = mean.r2;
    scores.bad = mean.mae;
    scores.simple = error_of_mean(Y);
    return scores;
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
        (void)snprintf(text, TOOL_SCORES_SIZE,
                       "R2 %.3f, mean absolute error %.4g  (always the mean: "
                       "%.4g)",
                       scores->good, scores->bad, scores->simple);
    }
}

/* JSON has the same scores with all their digits. */
void mlpi_tool_print_scores(const tool_scores *s)
{
    mlpi_tool_json("'rows': %zu, ", s->rows);
    if (s->is_classes) {
        mlpi_tool_json("'accuracy': %g, 'log_loss': %g, "
                       "'most_frequent_class_accuracy': %g",
                       s->good, s->bad, s->simple);
    } else {
        mlpi_tool_json("'r2': %g, 'mae': %g, 'mean_mae': %g", s->good, s->bad,
                       s->simple);
    }
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
        size_t n =
            mlp_net_layer(net, l, &layer) == MLP_OK && layer.batch_norm ? 5 : 2;
        for (size_t i = 0; i < n; i++) {
            mlp_cview t;
            if (mlp_net_ctensor(net, order[i], l, &t) == MLP_OK) {
                crc = add_tensor(crc, t);
            }
        }
    }
    (void)snprintf(text, TOOL_HASH_SIZE, "%08" PRIx32, ~crc);
    return text;
}
