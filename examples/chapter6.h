/* SPDX-License-Identifier: MIT */
/*
 * The runs of chapter 6: networks with several architectures and learning rates
 * learn the moons. experiments prints what came of them, and figures draws it.
 */
#ifndef LIBMLP_EXAMPLE_CHAPTER6_H
#define LIBMLP_EXAMPLE_CHAPTER6_H

#include "pictures.h"
#include "two_moons.h"

typedef struct architecture {
    const char *name;
    size_t n_hidden, hidden[2]; /* hidden layers, and neurons of each */
} architecture;

static const architecture architectures[] = {
    {"Shallow (2→4→1)", 1, {4}},          {"Medium (2→8→1)", 1, {8}},
    {"Wide (2→16→1)", 1, {16}},           {"Deep (2→8→8→1)", 2, {8, 8}},
    {"Wide-Deep (2→16→8→1)", 2, {16, 8}},
};
static const char *const rates[] = {"0.001", "0.01", "0.1", "0.5", "1.0"};
enum {
    ARCHITECTURES = sizeof architectures / sizeof architectures[0],
    WIDE_DEEP = ARCHITECTURES - 1, /* chapter 5 has this one too */
    RATES = sizeof rates / sizeof rates[0]
};

typedef struct outcome {
    double train, test; /* accuracies */
    mlp_history *history;
} outcome;

/* The network of an architecture, with random weights. */
static inline mlp_config chapter6_config(const architecture *a,
                                         mlp_layer layers[3])
{
    for (size_t i = 0; i < a->n_hidden; i++) {
        layers[i] =
            (mlp_layer){.width = a->hidden[i], .activation = MLP_ACT_RELU};
    }
    layers[a->n_hidden] =
        (mlp_layer){.width = 1, .activation = MLP_ACT_SIGMOID};
    mlp_config config = mlp_config_defaults();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = a->n_hidden + 1;
    config.loss = MLP_LOSS_BCE;
    config.init = MLP_INIT_HE;
    config.seed = 42;
    config.hooks = mlp_hooks_stderr();
    return config;
}

/* Trains a network by gradient descent, all rows in one batch. */
static inline outcome learn_moons(mlp_net *net, size_t epochs, double lr,
                                  samples train, samples test)
{
    mlp_cview X = mlp_view_const(train.X), Y = mlp_view_const(train.Y);
    check(mlp_net_standardise(net, X));
    mlp_train_options options = mlp_train_defaults();
    options.epochs = epochs;
    options.batch_size = 0; /* all rows */
    options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_SGD);
    options.learning_rate = lr;
    options.standardise = false; /* done above */
    outcome o = {.history = NULL};
    check(mlp_fit(net, X, Y, &options, &o.history));
    o.train = accuracy(net, train);
    o.test = accuracy(net, test);
    return o;
}

/* Chapter 6.2 marks test accuracies: above 80 %, above 60 %, below. */
static inline const char *mark_of(double test)
{
    return test > 0.8 ? "✅" : test > 0.6 ? "⚠️" : "❌";
}

static inline void free_outcomes(outcome *outcomes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mlp_history_free(outcomes[i].history);
    }
}

#ifdef EXAMPLE_SHOW

/* Chapter 6.1 draws the loss of each architecture. */
static inline void draw_architectures(const outcome outcomes[ARCHITECTURES],
                                      const char *path)
{
    mlp_picture *picture = new_picture(NULL, 3);
    for (size_t i = 0; i < ARCHITECTURES; i++) {
        char title[80];
        (void)snprintf(title, sizeof title, "%s, Test Acc: %.2f%%",
                       architectures[i].name, 100 * outcomes[i].test);
        mlp_axes axes = {
            .title = title, .x = "Epoch", .y = "Loss", .log_y = true};
        check(mlp_picture_losses(picture, &axes, outcomes[i].history, 0));
    }
    finish_picture(picture, path);
}

/* Chapter 6.2 draws the losses for each learning rate, and the accuracies. */
static inline void draw_learning_rates(const outcome outcomes[RATES],
                                       const char *path)
{
    mlp_picture *picture = new_picture(NULL, 2);
    char names[RATES][16];
    mlp_curve curves[RATES];
    double accuracies[RATES];
    for (size_t i = 0; i < RATES; i++) {
        (void)snprintf(names[i], sizeof names[i], "lr=%s", rates[i]);
        curves[i] = (mlp_curve){.name = names[i],
                                .y = mlp_history_losses(outcomes[i].history),
                                .n = mlp_history_epochs(outcomes[i].history)};
        accuracies[i] = outcomes[i].test;
    }
    mlp_axes losses = {.title = "Loss vs Learning Rate",
                       .x = "Epoch",
                       .y = "Loss",
                       .log_y = true};
    mlp_axes bars = {.title = "Test Accuracy vs Learning Rate",
                     .x = "Learning Rate",
                     .y = "Test Accuracy",
                     .y_min = 0,
                     .y_max = 1.1};
    check(mlp_picture_curves(picture, &losses, curves, RATES));
    check(mlp_picture_bars(picture, &bars, rates, RATES, NULL, 1, accuracies));
    finish_picture(picture, path);
}

#else

static inline void draw_architectures(const outcome *outcomes, const char *path)
{
    (void)outcomes, (void)path;
    refuse_picture();
}

static inline void draw_learning_rates(const outcome *outcomes,
                                       const char *path)
{
    (void)outcomes, (void)path;
    refuse_picture();
}

#endif

#endif
