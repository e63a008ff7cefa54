/* SPDX-License-Identifier: MIT */
/*
 * Random search, which finds good settings sooner than a grid does: Bergstra
 * and Bengio, "Random Search for Hyper-Parameter Optimization" (2012). Numbers
 * have two digits, so that the command that makes the winner again is short.
 */
#include "tool/tune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool/talk.h"

void mlpi_tool_write_plan(const tool_plan *plan, char *text, size_t size)
{
    char rate[TOOL_NUMBER_SIZE];
    char dropout[TOOL_NUMBER_SIZE];
    int n = snprintf(text, size, "--layers");
    for (size_t l = 0; l < plan->n_hidden; l++) {
        n += snprintf(text + n, size - (size_t)n, "%c%zu", l > 0 ? ',' : ' ',
                      plan->hidden[l]);
    }
    (void)snprintf(text + n, size - (size_t)n, " --rate %s --dropout %s",
                   mlpi_tool_decimals(plan->rate, MLP_F64, rate),
                   mlpi_tool_decimals(plan->dropout, MLP_F64, dropout));
}

/* Draws one to three hidden layers of 16 to 256 neurons, none wider than the
 * one before; a rate from 0.0002 to 0.02; and dropout 0, 0.1, ... 0.5, where 0
 * is as likely as all others. */
static void draw(mlp_rng *rng, tool_plan *plan)
{
    double log_width = mlp_rng_uniform(rng, 4, 8.5);
    plan->n_hidden = 1 + (size_t)mlp_rng_uniform(rng, 0, 3);
    for (size_t l = 0; l < plan->n_hidden; l++) {
        plan->hidden[l] = (size_t)1 << (size_t)log_width;
        log_width = mlp_rng_uniform(rng, 4, log_width);
    }
    char text[32];
    (void)snprintf(text, sizeof text, "%.1e",
                   0.0002 * pow(100, mlp_rng_random_sample(rng)));
    plan->rate = strtod(text, NULL);
    double tenths = floor(mlp_rng_uniform(rng, -5, 6));
    plan->dropout = tenths > 0 ? tenths / 10 : 0;
}

/* Splits the training rows again, into order[n_train]. */
static int split_again(const tool_table *table, tool_split split, uint32_t seed,
                       size_t *order, tool_split *inner)
{
    mlp_split_options options = mlp_split_defaults();
    options.test_fraction = 0.2;
    options.seed = seed;
    options.hooks = mlp_hooks_stderr();
    mlp_view Y = mlpi_tool_view(table->Y.dtype, split.n_train, 1);
    mlp_status status =
        Y.data ? mlp_gather_rows(mlp_view_const(table->Y), split.order, NULL, Y)
               : MLP_ERR_MEMORY;
    if (!status) {
        status = mlp_train_test_split(mlp_view_const(Y), &options, order,
                                      &inner->n_test);
    }
    free(Y.data);
    TRY_MLP(status);
    for (size_t i = 0; i < split.n_train; i++) {
        order[i] = split.order[order[i]];
    }
    inner->order = order;
    inner->n_train = split.n_train - inner->n_test;
    return TOOL_DONE;
}

/* What the search has found. */
typedef struct found {
    size_t tried;
    double least; /* the loss of the best network */
    tool_plan best;
} found;

/* Trains one network, and keeps its plan if its loss is the least so far. A
 * network does not count if the time was over before its last epoch, or if it
 * diverged, which the library tells. */
static void try_plan(const tool_table *table, tool_split split,
                     const tool_plan *plan, found *f)
{
    char text[200];
    tool_result r;
    if (mlpi_tool_learn(table, plan, split, &r) == TOOL_DONE && !r.is_stopped) {
        double score = r.scores.is_classes ? r.scores.log_loss : r.scores.r2;
        double loss = r.scores.is_classes ? score : -score;
        f->tried++;
        if (loss < f->least) {
            f->least = loss;
            f->best = *plan;
            mlpi_tool_write_plan(plan, text, sizeof text);
            mlpi_tool_say("  network %zu: %s %.4f  %s", f->tried,
                          r.scores.is_classes ? "log loss" : "R2", score, text);
        }
    }
    mlpi_tool_free_result(&r);
}

int mlpi_tool_tune(const tool_table *table, tool_split split, double seconds,
                   tool_plan *plan)
{
    mlp_rng rng = mlp_rng_seeded(plan->seed);
    tool_split inner;
    found f = {.least = INFINITY, .best = *plan};
    size_t *order = mlpi_tool_memory(split.n_train, sizeof *order);
    int status = order ? split_again(table, split, plan->seed, order, &inner)
                       : TOOL_FAILED;
    if (status == TOOL_DONE) {
        mlpi_tool_say("searching for %g s: networks learn %zu of these rows "
                      "and are scored on %zu",
                      seconds, inner.n_train, inner.n_test);
        plan->deadline = mlpi_tool_now() + seconds;
        while (mlpi_tool_now() < plan->deadline &&
               !mlpi_tool_is_interrupted()) {
            try_plan(table, inner, plan, &f);
            draw(&rng, plan);
        }
        *plan = f.best;
        plan->deadline = INFINITY;
        mlpi_tool_say("%zu network%s tried; the best one now learns all %zu "
                      "rows",
                      f.tried, f.tried == 1 ? "" : "s", split.n_train);
    }
    free(order);
    return status;
}
