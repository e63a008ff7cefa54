/* SPDX-License-Identifier: MIT */
/*
 * Scores of a network on rows that it was not trained on, beside those of an
 * answer that needs no network: always the most frequent class of these rows,
 * or always their mean. train, its folds and its search, and test all score in
 * this way.
 */
#ifndef MLPI_TOOL_SCORING_H
#define MLPI_TOOL_SCORING_H

#include "mlp.h"

typedef struct tool_scores {
    size_t rows;
    bool is_classes;
    double accuracy, log_loss; /* of classes */
    double r2, mae;            /* of numbers, in the target's units */
    double simple;      /* the accuracy, or the mae, of the simple answer */
    size_t usual_class; /* the simple answer: the first most frequent class */
} tool_scores;

/* Scores the network on the rows X, whose targets are Y (m, 1): class numbers
 * of any type if the network classifies (its loss is cce, or bce with one
 * output), else numbers in the network's precision. Allocates. */
MLP_NODISCARD mlp_status mlpi_tool_score(const mlp_net *net, mlp_cview X,
                                         mlp_cview Y, tool_scores *scores);

/* Writes the scores as text, such as
 *   accuracy 0.967, log loss 0.081  (always "setosa": 0.333)
 * and prints them to the standard error stream, after `what` and ": ". */
void mlpi_tool_write_scores(const mlp_net *net, const tool_scores *scores,
                            char *text, size_t size);
void mlpi_tool_say_scores(const char *what, const mlp_net *net,
                          const tool_scores *scores);

/* Prints the scores as members of a JSON object, such as `"rows": 30,
 * "accuracy": 0.967`, to the standard output. */
void mlpi_tool_print_scores(const tool_scores *scores);

/* Returns a 32-bit number that tells networks apart: the CRC-32 (that of zlib)
 * of the parameters as little-endian bytes, in the order W, b, scale, mean,
 * variance of layer 1, then of layer 2 and so on; W row by row. Equal
 * parameters give an equal number on every machine. */
uint32_t mlpi_tool_hash(const mlp_net *net);

#endif
