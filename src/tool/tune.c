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

void mlpi_tool_write_layers(const tool_plan *plan, char *text, size_t size)
{
    size_t used = 0;
    for (size_t l = 0; l < plan->n_hidden && used < size; l++) {
        used += (size_t)snprintf(text + used, size - used, "%s%zu",
                                 l > 0 ? "," : "", plan->hidden[l]);
    }
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

/* Splits the training rows again. *order [n_train] is for the caller to
 * free. */
static mlp_status split_again(const tool_table *table, tool_split split,
                              uint32_t seed, size_t **order, tool_split *inner)
{
    mlp_split_options options = mlp_split_defaults();
    options.test_fraction = 0.2;
    options.seed = seed;
    options.hooks = mlp_hooks_stderr();
    mlp_view Y = mlpi_tool_view(table->Y.dtype, split.n_train, 1);
    size_t *rows = malloc(split.n_train * sizeof *rows);
    mlp_status s = Y.data && rows ? MLP_OK : MLP_ERR_MEMORY;
    if (!s) {
        s = mlp_gather_rows(mlp_view_const(table->Y), split.order,
                            &options.hooks, Y);
    }
    if (!s) {
        s = mlp_train_test_split(mlp_view_const(Y), &options, rows,
                                 &inner->n_test);
    }
    for (size_t i = 0; !s && i < split.n_train; i++) {
        rows[i] = split.order[rows[i]];
    }
    free(Y.data);
    inner->order = *order = rows;
    inner->n_train = split.n_train - inner->n_test;
    return s;
}

/* Says what a network of the search has reached. */
static void say_best(size_t tried, const tool_plan *plan,
                     const tool_scores *scores)
{
    char layers[128];
    mlpi_tool_write_layers(plan, layers, sizeof layers);
    mlpi_tool_say("  network %zu: --layers %s --rate %g --dropout %g: %s %.4f",
                  tried, layers, plan->rate, plan->dropout,
                  scores->is_classes ? "log loss" : "R2",
                  scores->is_classes ? scores->log_loss : scores->r2);
}

/* Trains one network, and keeps it in *best if it is better than *least, a loss
 * that is smaller for better networks. A network that the deadline stopped does
 * not count. */
static mlp_status try_plan(const tool_table *table, tool_split split,
                           const tool_plan *plan, size_t *tried, double *least,
                           tool_plan *best)
{
    tool_result r = {.net = NULL};
    mlp_status s = mlpi_tool_learn(table, plan, split, &r);
    if (s == MLP_ERR_DIVERGED) {
        return MLP_OK;
    }
    if (!s && !r.is_stopped) {
        ++*tried;
        double loss = r.scores.is_classes ? r.scores.log_loss : -r.scores.r2;
        if (loss < *least) {
            *least = loss;
            *best = *plan;
            say_best(*tried, plan, &r.scores);
        }
    }
    mlpi_tool_free_result(&r);
    return s;
}

mlp_status mlpi_tool_tune(const tool_table *table, tool_split split,
                          double seconds, tool_plan *plan)
{
    size_t *order = NULL;
    tool_split inner;
    mlp_rng rng = mlp_rng_seeded(plan->seed);
    tool_plan best = *plan;
    double least = INFINITY;
    size_t tried = 0;
    mlp_status s = split_again(table, split, plan->seed, &order, &inner);
    if (!s) {
        mlpi_tool_say("searching for %g s: networks learn %zu rows and are "
                      "scored on %zu",
                      seconds, inner.n_train, inner.n_test);
    }
    tool_plan next = *plan;
    next.deadline = mlpi_tool_now() + seconds;
    while (!s && mlpi_tool_now() < next.deadline &&
           !mlpi_tool_is_interrupted()) {
        s = try_plan(table, inner, &next, &tried, &least, &best);
        draw(&rng, &next);
    }
    if (!s) {
        mlpi_tool_say(tried > 0 ? "%zu network%s tried"
                                : "%zu network%s tried: the time was too short",
                      tried, tried == 1 ? "" : "s");
        best.deadline = plan->deadline;
        *plan = best;
    }
    free(order);
    return s;
}
