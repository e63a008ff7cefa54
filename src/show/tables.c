/* SPDX-License-Identifier: MIT */
/*
 * Tables for a terminal show the layers of a network, a confusion matrix and
 * the scores of classes. A history becomes CSV. The confusion matrix has three
 * forms:
 *
 *     true \ predicted   cat   dog     names head the columns
 *     cat                  40     2
 *     dog                   .    45
 *
 *     true \ predicted   0   1         numbers head them, where names are long
 *     0  a long name     40   2
 *     1  another name     .  45
 *
 *     class  predicted right, and most often mistaken for
 *     0      40 of 42; 2 for 1         a list, where the matrix is too wide
 *     1      45 of 45
 *
 * Columns are those of a terminal, which a name of UTF-8 may fill with more or
 * fewer characters, and with more bytes.
 */
#include "mlp_show.h"

#include "show/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* MAX_TABLE limits the columns of a matrix, to what every terminal shows. */
enum { MAX_TABLE = 80 };

/* Ends a table. Streams collect what is written, so a full disk shows only when
 * the stream is flushed. */
static mlp_status end(FILE *to)
{
    bool is_written = fflush(to) == 0 && !ferror(to);
    return is_written ? MLP_OK : MLP_ERR_IO;
}

/* Returns the larger of two widths. */
static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* ---------------------------------------------------------------------------
 * The summary
 */

/* Writes what a layer has besides its columns, such as "dropout 0.2, batch
 * norm". Most layers have nothing, so this is no column of the table. Only two
 * activations read the slope. */
static void put_extras(const mlp_layer *layer, FILE *to)
{
    char number[MLPI_NUMBER_SIZE];
    const char *before = "  ";
    if (layer->activation == MLP_ACT_LEAKY_RELU ||
        layer->activation == MLP_ACT_ELU) {
        (void)fprintf(to, "%sslope %s", before,
                      mlpi_text_number(layer->slope, 6, number));
        before = ", ";
    }
    if (layer->dropout > 0) {
        (void)fprintf(to, "%sdropout %s", before,
                      mlpi_text_number(layer->dropout, 6, number));
        before = ", ";
    }
    if (layer->batch_norm) {
        (void)fprintf(to, "%sbatch norm", before);
    }
}

/* Tells whether a network scales its inputs: some mean is not 0, or some
 * standard deviation not 1. mlp.h has no shorter question. The memory comes
 * from the hooks of the network, as everything that the network needs. */
static mlp_status find_scaling(const mlp_net *net, bool *scales)
{
    mlp_hooks hooks = mlp_net_hooks(net);
    size_t n = mlp_net_inputs(net);
    double *mean =
        mlpi_show_allocate(&hooks, 2 * n * sizeof(double), "a summary");
    if (!mean) {
        return MLP_ERR_MEMORY;
    }
    mlp_status status = mlp_net_scaling(net, mean, mean + n);
    *scales = false;
    for (size_t i = 0; status == MLP_OK && i < n; i++) {
        *scales = *scales || mean[i] != 0 || mean[n + i] != 1;
    }
    mlpi_show_release(&hooks, mean);
    return status;
}

/* The shape of weights is that of W in mlp.h: neurons x inputs. A neuron has a
 * bias and, with batch norm, a scale besides. */
mlp_status mlp_show_summary(const mlp_net *net, FILE *to)
{
    if (!net) {
        return MLP_ERR_NULL;
    }
    const mlp_hooks hooks = mlp_net_hooks(net);
    if (!to) {
        return mlpi_refuse(&hooks, MLP_ERR_NULL,
                           "a summary: the stream is NULL");
    }
    char count[MLPI_NUMBER_SIZE];
    char shape[2 * MLPI_NUMBER_SIZE];
    bool scales = false;
    size_t n_before = mlp_net_inputs(net);
    size_t total = mlp_net_parameter_count(net);
    TRY(find_scaling(net, &scales));
    (void)fprintf(
        to, "layer  weights              activation    parameters\ninput  %s\n",
        mlpi_text_count(n_before, count));
    for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
        mlp_layer layer;
        TRY(mlp_net_layer(net, l, &layer));
        size_t n = layer.width * (n_before + 1 + (layer.batch_norm ? 1 : 0));
        (void)snprintf(shape, sizeof shape, "%zu x %zu", layer.width, n_before);
        (void)fprintf(to, "%-5zu  %-19s  %-10s  %12s", l, shape,
                      mlp_activation_name(layer.activation),
                      mlpi_text_count(n, count));
        put_extras(&layer, to);
        (void)fputc('\n', to);
        n_before = layer.width;
    }
    size_t size = mlp_net_precision(net) == MLP_F32 ? 4 : 8;
    /* A network has at least a weight and a bias. */
    (void)fprintf(to, "%s parameters of %s, ", mlpi_text_count(total, count),
                  mlp_dtype_name(mlp_net_precision(net)));
    (void)fprintf(to, "%s bytes; loss %s; inputs are %s\n",
                  mlpi_text_count(total * size, count),
                  mlp_loss_name(mlp_net_loss(net)),
                  scales ? "scaled" : "not scaled");
    return end(to) == MLP_OK
               ? MLP_OK
               : mlpi_refuse(&hooks, MLP_ERR_IO,
                             "a summary: cannot write to the stream");
}

/* ---------------------------------------------------------------------------
 * Classes
 */

/* Returns how many columns a count needs. */
static size_t digits_of(size_t n)
{
    char text[MLPI_NUMBER_SIZE];
    return (size_t)snprintf(text, sizeof text, "%zu", n);
}

/* Returns the columns that the longest name needs, or without names the last
 * number. */
static size_t widest_name(const char *const *names, size_t k)
{
    size_t width = names ? 1 : digits_of(k - 1);
    for (size_t i = 0; names && i < k; i++) {
        width = larger(width, mlpi_text_columns(names[i]));
    }
    return width;
}

/* Returns a count, which mlpi_check_counts has found to be 0 or more. */
static size_t count_at(mlp_cview counts, size_t i, size_t j)
{
    return (size_t)mlp_cview_at(counts, i, j);
}

/* Returns the digits of the largest count. All columns of a matrix get the same
 * width, so that the eye finds the diagonal. */
static size_t widest_count(mlp_cview counts)
{
    size_t k = counts.rows;
    size_t most = 0;
    for (size_t i = 0; i < k * k; i++) {
        most = larger(most, count_at(counts, i / k, i % k));
    }
    return digits_of(most);
}

/* Writes one line for each class, for matrices that are too wide. Of the
 * mistakes only the most frequent one is told: the others would need the
 * matrix. Among equal ones the first class counts, and a class without mistakes
 * has no second half of its line. */
static void put_mistakes(mlp_cview counts, const char *const *names, FILE *to)
{
    char text[MLPI_NUMBER_SIZE];
    size_t width = larger(widest_name(names, counts.rows), 5);
    size_t digits = widest_count(counts);
    mlpi_text_put(to, "class", width, false);
    (void)fputs("  predicted right, and most often mistaken for\n", to);
    for (size_t i = 0; i < counts.rows; i++) {
        size_t sum = 0;
        size_t most = 0;
        size_t worst = 0;
        for (size_t j = 0; j < counts.cols; j++) {
            size_t count = count_at(counts, i, j);
            sum += count;
            if (j != i && count > most) {
                most = count;
                worst = j;
            }
        }
        mlpi_text_put(to, mlpi_text_name(names, i, text), width, false);
        (void)fprintf(to, "  %*zu of %zu", (int)digits, count_at(counts, i, i),
                      sum);
        if (most > 0) {
            (void)fprintf(to, "; %zu for ", most);
            mlpi_text_put(to, mlpi_text_name(names, worst, text), 0, false);
        }
        (void)fputc('\n', to);
    }
}

/* Writes the matrix. If the columns are headed by numbers, these stand before
 * the names of the rows, too. */
static void put_matrix(mlp_cview counts, const char *const *names, size_t left,
                       size_t cell, bool numbered, FILE *to)
{
    char text[MLPI_NUMBER_SIZE];
    size_t k = counts.rows;
    size_t number = numbered ? digits_of(k - 1) : 0;
    mlpi_text_put(to, "true \\ predicted", left, false);
    for (size_t j = 0; j < k; j++) {
        (void)fputs("  ", to);
        mlpi_text_put(to, mlpi_text_name(numbered ? NULL : names, j, text),
                      cell, true);
    }
    for (size_t i = 0; i < k; i++) {
        (void)fputc('\n', to);
        if (numbered) {
            (void)fprintf(to, "%*zu  ", (int)number, i);
        }
        mlpi_text_put(to, mlpi_text_name(names, i, text),
                      numbered ? left - number - 2 : left, false);
        for (size_t j = 0; j < k; j++) {
            size_t count = count_at(counts, i, j);
            (void)snprintf(text, sizeof text, "%zu", count);
            (void)fprintf(to, "  %*s", (int)cell, count > 0 ? text : ".");
        }
    }
    (void)fputc('\n', to);
}

/* Three forms are tried, from the clearest to the narrowest: columns headed by
 * names, columns headed by numbers, and a list. One class always fits. */
mlp_status mlp_show_confusion(mlp_cview counts, const char *const *names,
                              FILE *to)
{
    if (!to) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_counts(NULL, counts, names));
    const size_t head = strlen("true \\ predicted");
    size_t k = counts.rows;
    size_t name = widest_name(names, k);
    size_t digits = widest_count(counts);
    size_t cell = larger(digits, name);
    size_t left = larger(head, name);
    bool numbered = names && k > 1 && left + k * (cell + 2) > MAX_TABLE;
    if (numbered) {
        cell = larger(digits, digits_of(k - 1));
        left = larger(head, digits_of(k - 1) + 2 + name);
    }
    if (k > 1 && left + k * (cell + 2) > MAX_TABLE) {
        put_mistakes(counts, names, to);
    } else {
        put_matrix(counts, names, left, cell, numbered, to);
    }
    return end(to);
}

/* Writes a line of scores, with the digits of scikit-learn's report, which
 * readers may know. */
static void put_scores(const char *name, size_t width,
                       const mlp_class_scores *scores, FILE *to)
{
    char precision[MLPI_NUMBER_SIZE];
    char recall[MLPI_NUMBER_SIZE];
    char f1[MLPI_NUMBER_SIZE];
    mlpi_text_put(to, name, width, false);
    (void)fprintf(to, "  %9s  %6s  %5s  %9zu\n",
                  mlpi_text_score(scores->precision, precision),
                  mlpi_text_score(scores->recall, recall),
                  mlpi_text_score(scores->f1, f1), scores->support);
}

/* The weighted mean counts a class as often as it has rows. mlp_score_classes
 * has made sure that there are some. */
static void put_class_scores(const mlp_class_scores *each, size_t k,
                             const mlp_class_scores *mean, double accuracy,
                             const char *const *names, FILE *to)
{
    char text[MLPI_NUMBER_SIZE];
    char number[MLPI_NUMBER_SIZE];
    size_t width = larger(widest_name(names, k), strlen("weighted mean"));
    mlp_class_scores weighted = {.support = mean->support};
    mlpi_text_put(to, "class", width, false);
    (void)fputs("  precision  recall     f1       rows\n", to);
    for (size_t i = 0; i < k; i++) {
        double weight = (double)each[i].support / (double)mean->support;
        weighted.precision += weight * each[i].precision;
        weighted.recall += weight * each[i].recall;
        weighted.f1 += weight * each[i].f1;
        put_scores(mlpi_text_name(names, i, text), width, &each[i], to);
    }
    put_scores("mean", width, mean, to);
    put_scores("weighted mean", width, &weighted, to);
    (void)fprintf(to, "accuracy %s\n", mlpi_text_score(accuracy, number));
}

/* The scores are computed before the first line is written, so a failure writes
 * nothing. */
mlp_status mlp_show_class_scores(mlp_cview counts, const char *const *names,
                                 FILE *to)
{
    if (!to) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_counts(NULL, counts, names));
    double accuracy = 0;
    mlp_class_scores mean;
    mlp_class_scores *each = malloc(counts.rows * sizeof *each);
    if (!each) {
        return MLP_ERR_MEMORY;
    }
    mlp_status status = mlp_score_classes(counts, NULL, each, &mean, &accuracy);
    if (status == MLP_OK) {
        put_class_scores(each, counts.rows, &mean, accuracy, names, to);
        status = end(to);
    }
    free(each);
    return status;
}

/* ---------------------------------------------------------------------------
 * The history
 */

/* An epoch without validation has NaN there, and an empty cell is what readers
 * of CSV take for a missing number. */
mlp_status mlp_show_history(const mlp_history *history, FILE *to)
{
    if (!history || !to) {
        return MLP_ERR_NULL;
    }
    const double *const columns[] = {
        mlp_history_losses(history), mlp_history_validation_losses(history),
        mlp_history_validation_accuracies(history), mlp_history_rates(history),
        mlp_history_seconds(history)};
    char number[MLPI_NUMBER_SIZE];
    (void)fputs("epoch,loss,validation_loss,validation_accuracy,rate,seconds\n",
                to);
    for (size_t epoch = 0; epoch < mlp_history_epochs(history); epoch++) {
        (void)fprintf(to, "%zu", epoch);
        for (size_t j = 0; j < sizeof columns / sizeof columns[0]; j++) {
            double x = columns[j][epoch];
            (void)fprintf(to, ",%s",
                          isnan(x) ? "" : mlpi_text_number(x, 0, number));
        }
        (void)fputc('\n', to);
    }
    return end(to);
}
