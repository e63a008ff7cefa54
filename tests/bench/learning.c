/* SPDX-License-Identifier: MIT */
/*
 * learning FILE
 *
 * Trains with the library's defaults on each fold of a set of rows, and prints
 * a score for each fit, fold by fold for each seed: the accuracy, or R2 in a
 * regression, on the rows that were left out. Nothing is set but layers, loss,
 * seeds, and one thread. learning.py writes the file and compares the scores
 * with those of others.
 *
 * The file is text. Its first line has the numbers of rows, inputs, classes (0
 * in a regression), seeds, folds and the first seed. Then each row has its
 * inputs, its target, and the fold that leaves it out for each seed.
 */
#include "mlp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HIDDEN = 100 };

typedef struct rows {
    size_t count, inputs, classes, seeds, folds, first_seed;
    double *X;         /* (count, inputs) */
    double *y;         /* (count) */
    size_t *test_fold; /* (count, seeds): the fold that tests a row */
} rows;

/* Rows to train on, or to test with. */
typedef struct part {
    size_t count;
    double *X, *y;
    int32_t *classes;
} part;

static void check(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "learning: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static void *array(size_t count, size_t size)
{
    void *made = calloc(count > 0 ? count : 1, size);
    check(made != NULL, "no memory");
    return made;
}

/* Reads the next number of the file. */
static double next_number(FILE *file)
{
    char word[64];
    char *end = word;
    check(fscanf(file, "%63s", word) == 1, "the file ends too early");
    double x = strtod(word, &end);
    check(end != word && *end == '\0', "something in the file is no number");
    return x;
}

static size_t next_count(FILE *file)
{
    return (size_t)next_number(file);
}

static rows read_rows(const char *path)
{
    rows r = {0};
    FILE *file = fopen(path, "r");
    check(file != NULL, "the file cannot be opened");
    r.count = next_count(file);
    r.inputs = next_count(file);
    r.classes = next_count(file);
    r.seeds = next_count(file);
    r.folds = next_count(file);
    r.first_seed = next_count(file);
    r.X = array(r.count * r.inputs, sizeof *r.X);
    r.y = array(r.count, sizeof *r.y);
    r.test_fold = array(r.count * r.seeds, sizeof *r.test_fold);
    for (size_t i = 0; i < r.count; i++) {
        for (size_t j = 0; j < r.inputs; j++) {
            r.X[i * r.inputs + j] = next_number(file);
        }
        r.y[i] = next_number(file);
        for (size_t s = 0; s < r.seeds; s++) {
            r.test_fold[i * r.seeds + s] = next_count(file);
        }
    }
    (void)fclose(file);
    return r;
}

static part new_part(const rows *r)
{
    return (part){.X = array(r->count * r->inputs, sizeof(double)),
                  .y = array(r->count, sizeof(double)),
                  .classes = array(r->count, sizeof(int32_t))};
}

static void free_part(part p)
{
    free(p.X);
    free(p.y);
    free(p.classes);
}

/* Copies row i to the end of the part. */
static void append(part *to, const rows *r, size_t i)
{
    memcpy(to->X + to->count * r->inputs, r->X + i * r->inputs,
           r->inputs * sizeof(double));
    to->y[to->count] = r->y[i];
    to->classes[to->count] = (int32_t)r->y[i];
    to->count++;
}

static mlp_cview inputs_of(const rows *r, part p)
{
    return mlp_cview_f64(p.X, p.count, r->inputs);
}

/* Class numbers for the loss cce, else one column of numbers. */
static mlp_cview targets_of(const rows *r, part p)
{
    return r->classes > 2 ? mlp_cview_i32(p.classes, p.count, 1)
                          : mlp_cview_f64(p.y, p.count, 1);
}

/* Makes a network of which only layers and loss are chosen. */
static mlp_net *new_net(const rows *r, uint32_t seed)
{
    const mlp_layer layers[] = {{.width = HIDDEN},
                                {.width = r->classes > 2 ? r->classes : 1}};
    mlp_config config = mlp_config_defaults();
    config.inputs = r->inputs;
    config.layers = layers;
    config.n_layers = 2;
    config.loss = r->classes > 2    ? MLP_LOSS_CCE
                  : r->classes == 2 ? MLP_LOSS_BCE
                                    : MLP_LOSS_MSE;
    config.seed = seed;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = NULL;
    check(mlp_net_create(&config, &net) == MLP_OK, "no network");
    return net;
}

static double score_of(const mlp_net *net, const rows *r, part test)
{
    if (r->classes > 0) {
        mlp_scores scores = {0};
        check(mlp_evaluate(net, inputs_of(r, test), targets_of(r, test),
                           &scores) == MLP_OK,
              "no score");
        return scores.accuracy;
    }
    mlp_view A = mlp_view_f64(array(test.count, sizeof(double)), test.count, 1);
    mlp_regression_scores scores = {0};
    check(mlp_predict(net, inputs_of(r, test), A) == MLP_OK &&
              mlp_score_regression(targets_of(r, test), mlp_view_const(A), NULL,
                                   NULL, &scores) == MLP_OK,
          "no score");
    free(A.data);
    return scores.r2;
}

/* Trains on all rows but those of a fold, and returns the score of the fold. */
static double fit(const rows *r, size_t seed, size_t fold)
{
    part train = new_part(r), test = new_part(r);
    for (size_t i = 0; i < r->count; i++) {
        bool tests = r->test_fold[i * r->seeds + seed] == fold;
        append(tests ? &test : &train, r, i);
    }
    mlp_net *net = new_net(r, (uint32_t)(r->first_seed + seed));
    mlp_train_options options = mlp_train_defaults();
    options.seed = (uint32_t)(r->first_seed + seed);
    options.threads = 1; /* as the others; the bits are the same */
    check(mlp_fit(net, inputs_of(r, train), targets_of(r, train), &options,
                  NULL) == MLP_OK,
          "no training");
    double score = score_of(net, r, test);
    mlp_net_free(net);
    free_part(train);
    free_part(test);
    return score;
}

int main(int argc, char **argv)
{
    check(argc == 2, "expects one file, which learning.py writes");
    rows r = read_rows(argv[1]);
    for (size_t seed = 0; seed < r.seeds; seed++) {
        for (size_t fold = 0; fold < r.folds; fold++) {
            printf("%.17g\n", fit(&r, seed, fold));
        }
    }
    free(r.X);
    free(r.y);
    free(r.test_fold);
    return 0;
}
