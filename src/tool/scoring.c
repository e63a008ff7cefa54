/* SPDX-License-Identifier: MIT */
/*
 * Scores beside a simple answer, and the hash of a network's parameters.
 *
 * An accuracy of 0.9 is poor if nine rows in ten have the same class. So each
 * score stands beside what can be had without a network. For numbers, R2 says
 * the same: it is 0 for always the mean, and 1 if every prediction is exact.
 */
#include "tool/scoring.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/talk.h"

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

/* Returns the class that the outputs A of row i tell: the first with the
 * largest probability, as mlp_classify. One output is the probability of class
 * 1. */
static size_t predicted(mlp_cview A, size_t i)
{
    size_t best = 0;
    for (size_t k = 1; k < A.cols; k++) {
        best = mlp_cview_at(A, i, k) > mlp_cview_at(A, i, best) ? k : best;
    }
    return A.cols > 1 ? best : mlp_cview_at(A, i, 0) >= 0.5;
}

/* Scores classes. mlp_log_loss has checked that each target is a class, so the
 * loop may count with it. */
static mlp_status score_classes(mlp_cview Y, mlp_cview A,
                                const mlp_hooks *hooks, tool_scores *scores)
{
    size_t classes = A.cols == 1 ? 2 : A.cols;
    mlp_status status = mlp_log_loss(A, Y, hooks, &scores->log_loss);
    size_t *counts = calloc(classes, sizeof *counts);
    if (status || !counts) {
        free(counts);
        return status ? status : MLP_ERR_MEMORY;
    }
    size_t right = 0;
    for (size_t i = 0; i < Y.rows; i++) {
        size_t y = (size_t)mlp_cview_at(Y, i, 0);
        right += predicted(A, i) == y;
        counts[y]++;
    }
    for (size_t k = 1; k < classes; k++) {
        scores->usual_class =
            counts[k] > counts[scores->usual_class] ? k : scores->usual_class;
    }
    scores->accuracy = (double)right / (double)Y.rows;
    scores->simple = (double)counts[scores->usual_class] / (double)Y.rows;
    free(counts);
    return MLP_OK;
}

/* Scores numbers. The error is in the target's own units, which people know. */
static mlp_status score_numbers(mlp_cview Y, mlp_cview A,
                                const mlp_hooks *hooks, tool_scores *scores)
{
    mlp_regression_scores mean = {0};
    mlp_status status = mlp_score_regression(Y, A, hooks, NULL, &mean);
    scores->r2 = mean.r2;
    scores->mae = mean.mae;
    scores->simple = error_of_mean(Y);
    return status;
}

/* The outputs need a room for doubles, or for half as many bytes of floats. */
mlp_status mlpi_tool_score(const mlp_net *net, mlp_cview X, mlp_cview Y,
                           tool_scores *scores)
{
    size_t outputs = mlp_net_outputs(net);
    mlp_hooks hooks = mlp_net_hooks(net);
    mlp_loss loss = mlp_net_loss(net);
    double *room = calloc(X.rows * outputs + 1, sizeof *room);
    mlp_view A = mlp_net_precision(net) == MLP_F32
                     ? mlp_view_f32((void *)room, X.rows, outputs)
                     : mlp_view_f64(room, X.rows, outputs);
    mlp_status status = room ? mlp_predict(net, X, A) : MLP_ERR_MEMORY;
    *scores = (tool_scores){.rows = X.rows,
                            .is_classes =
                                loss == MLP_LOSS_CCE || loss == MLP_LOSS_BCE};
    if (!status) {
        status = (scores->is_classes ? score_classes : score_numbers)(
            Y, mlp_view_const(A), &hooks, scores);
    }
    free(room);
    return status;
}

/* A name that is too long for a line of talk, or that has line ends, gives way
 * to its number. Three digits are what a few hundred rows can tell. */
void mlpi_tool_write_scores(const mlp_net *net, const tool_scores *scores,
                            char *text, size_t size)
{
    char number[24];
    const char *usual = mlp_net_class_name(net, scores->usual_class);
    (void)snprintf(number, sizeof number, "%zu", scores->usual_class);
    if (!usual || strlen(usual) > 100 || strpbrk(usual, "\r\n\033")) {
        usual = number;
    }
    if (scores->is_classes) {
        (void)snprintf(
            text, size, "accuracy %.3f, log loss %.3f  (always \"%s\": %.3f)",
            scores->accuracy, scores->log_loss, usual, scores->simple);
    } else {
        (void)snprintf(text, size,
                       "R2 %.3f, mean absolute error %.4g  (always the mean: "
                       "%.4g)",
                       scores->r2, scores->mae, scores->simple);
    }
}

void mlpi_tool_say_scores(const char *what, const mlp_net *net,
                          const tool_scores *scores)
{
    char text[400];
    mlpi_tool_write_scores(net, scores, text, sizeof text);
    mlpi_tool_say("%s: %s", what, text);
}

/* JSON has the same scores with all their digits. */
void mlpi_tool_print_scores(const tool_scores *scores)
{
    printf("\"rows\": %zu, ", scores->rows);
    if (scores->is_classes) {
        mlpi_tool_json_number("accuracy", scores->accuracy);
        mlpi_tool_json_number(", log_loss", scores->log_loss);
        mlpi_tool_json_number(", most_frequent_class_accuracy", scores->simple);
    } else {
        mlpi_tool_json_number("r2", scores->r2);
        mlpi_tool_json_number(", mae", scores->mae);
        mlpi_tool_json_number(", mean_mae", scores->simple);
    }
}

/* ---------------------------------------------------------------------------
 * Hash. A CRC-32 shows whether two networks are the same, which is all that
 * people compare by eye; it protects nothing. Every language has it, so a
 * script can compute it from the tensors of the file. The table of 256
 * remainders that makes a CRC fast is not worth its lines: the largest networks
 * of tables have a million parameters.
 */

/* Adds a byte to a CRC-32 with the reversed polynomial edb88320. */
static uint32_t add_byte(uint32_t crc, unsigned byte)
{
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++) {
        crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
    }
    return crc;
}

/* Adds the elements of a tensor, row by row, as the bytes of their IEEE
 * numbers, the lowest byte first. The view of W has strides, so that its order
 * here is that of PyTorch and of the file, not that of memory. */
static uint32_t add_tensor(uint32_t crc, mlp_cview t)
{
    size_t bytes = t.dtype == MLP_F32 ? 4 : 8;
    for (size_t i = 0; i < t.rows * t.cols; i++) {
        double x = mlp_cview_at(t, i / t.cols, i % t.cols);
        float narrow = (float)x;
        uint32_t bits32;
        uint64_t bits;
        memcpy(&bits32, &narrow, sizeof bits32);
        memcpy(&bits, &x, sizeof bits);
        bits = bytes == 4 ? bits32 : bits;
        for (size_t k = 0; k < bytes; k++) {
            crc = add_byte(crc, (unsigned)(bits >> 8 * k & 255));
        }
    }
    return crc;
}

/* Only a layer with batch norm has the last three tensors. The conversion to
 * float loses nothing where the network has floats. */
uint32_t mlpi_tool_hash(const mlp_net *net)
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
    return ~crc;
}
