/* SPDX-License-Identifier: MIT */
/*
 * Scores of a network on rows that it was not trained on, beside those of an
 * answer that needs no network: always the most frequent class of these rows,
 * or always their mean. train, its folds and its search, and test all score in
 * this way.
 */
#ifndef MLPI_TOOL_SCORING_H
#define MLPI_TOOL_SCORING_H

#include "tool/model.h"

enum { TOOL_MOST_COVERED = 8 };

typedef struct tool_scores {
    size_t rows;
    bool is_classes;
    double good;      /* accuracy of classes; R2 of numbers, D2 of counts and
                      quantiles */
    double bad;       /* log loss of classes; mean absolute error of numbers, in
                      the target's units; pinball loss of quantiles */
    double simple;    /* the accuracy, or the error, of the simple answer */
    size_t usual;     /* the simple answer: the first most frequent class */
    size_t n_covered; /* of quantiles, for the first TOOL_MOST_COVERED outputs:
                         the share of targets at or below each; of means and
                         variances, within 1.96 standard deviations */
    double covered[TOOL_MOST_COVERED];
} tool_scores;

/* Scores what a network answers to rows whose targets are Y: class numbers
 * (m, 1) of any type if it answers classes, else numbers (m, mlp_net_targets)
 * in its precision. */
tool_scores mlpi_tool_score(const mlp_net *net, const tool_answers *answers,
                            mlp_cview Y);

/* What the members `good`, `bad` and `simple` are called: in text, such as
 * "R2", and in JSON, such as "r2". */
typedef struct tool_score_names {
    const char *good, *bad;
    const char *json_good, *json_bad, *json_simple;
} tool_score_names;

/* Returns the names of the scores of a network. */
const tool_score_names *mlpi_tool_score_names(const mlp_net *net);

/* Writes the scores as text, such as
 *   accuracy 0.967, log loss 0.081  (always "setosa": 0.333) */
enum { TOOL_SCORES_SIZE = 400 };
void mlpi_tool_write_scores(const mlp_net *net, const tool_scores *scores,
                            char text[TOOL_SCORES_SIZE]);

/* Prints the scores as members of a JSON object, such as `"rows": 30,
 * "accuracy": 0.967`, to the standard output. */
void mlpi_tool_print_scores(const mlp_net *net, const tool_scores *scores);

/* Writes a number of 32 bits that tells networks apart, as 8 digits: the CRC-32
 * (that of zlib) of the parameters as little-endian bytes, in the order W, b,
 * scale, mean, variance of layer 1, then of layer 2 and so on; W row by row.
 * Returns `text`. Equal parameters give an equal number on every machine. */
enum { TOOL_HASH_SIZE = 9 };
const char *mlpi_tool_hash(const mlp_net *net, char text[TOOL_HASH_SIZE]);

#endif
