/* SPDX-License-Identifier: MIT */
/*
 * Regression: the network predicts a number instead of a class. The data follow
 * Friedman's formula of five inputs, with noise of standard deviation 1 (J. H.
 * Friedman, "Multivariate Adaptive Regression Splines", The Annals of
 * Statistics, 1991). Training stops when the loss of a held-out fifth of the
 * rows no longer falls. The noise is about 1/25 of the targets' variance, so R2
 * can reach 0.96 and not more.
 */
#include "example.h"
#include "flags.h"

#include <mlp_show.h>

enum { INPUTS = 5, TRAINING = 2000, TEST = 500 };

static double friedman(const double x[INPUTS])
{
    const double pi = 3.14159265358979323846;
    return 10 * sin(pi * x[0] * x[1]) + 20 * (x[2] - 0.5) * (x[2] - 0.5) +
           10 * x[3] + 5 * x[4];
}

static samples draw(mlp_rng *rng, size_t rows)
{
    samples s = {new_array(MLP_F64, rows, INPUTS), new_array(MLP_F64, rows, 1)};
    double *X = s.X.data, *Y = s.Y.data;
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < INPUTS; j++) {
            X[i * INPUTS + j] = mlp_rng_random_sample(rng);
        }
        Y[i] = friedman(X + i * INPUTS) + mlp_rng_randn(rng);
    }
    return s;
}

static void print_scores(const char *rows, mlp_cview Y, mlp_cview predicted)
{
    mlp_regression_scores scores;
    check(mlp_score_regression(Y, predicted, NULL, NULL, &scores));
    printf("%-8s MSE %.2f   MAE %.2f   R2 %.3f\n", rows, scores.mse, scores.mae,
           scores.r2);
}

static const char usage[] =
    "regression\n"
    "A network predicts numbers: early stopping, R2 and a line of progress.\n";

int main(int argc, char **argv)
{
    parse_flags(usage, NULL, 0, argc, argv);
    mlp_rng rng = mlp_rng_seeded(42);
    samples train = draw(&rng, TRAINING), test = draw(&rng, TEST);
    mlp_cview X = mlp_view_const(train.X), Y = mlp_view_const(train.Y);
    mlp_cview X_test = mlp_view_const(test.X), Y_test = mlp_view_const(test.Y);

    /* ReLU, the default, is made of straight pieces; tanh suits a smooth
     * formula better. */
    mlp_layer layers[] = {{.width = 32, .activation = MLP_ACT_TANH},
                          {.width = 32, .activation = MLP_ACT_TANH},
                          {.width = 1}};
    mlp_config config = mlp_config_defaults();
    config.inputs = INPUTS;
    config.layers = layers;
    config.n_layers = 3;
    config.loss = MLP_LOSS_MSE; /* the last layer gets identity */
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = new_net(&config);

    mlp_train_options options = mlp_train_defaults();
    options.epochs = 500;
    options.validation_fraction = 0.2;
    options.patience = 20; /* the fit restores the best weights */
    mlp_show_progress line = mlp_show_progress_on(stderr);
    options.on_epoch = mlp_show_epoch;
    options.user = &line;
    mlp_history *history = NULL;
    check(mlp_fit(net, X, Y, &options, &history));
    mlp_show_progress_end(&line);
    printf("Stopped after %zu epochs\n\n", mlp_history_epochs(history));

    mlp_view A = new_array(MLP_F64, TRAINING, 1);
    check(mlp_predict(net, X, A));
    print_scores("Training", Y, mlp_view_const(A));
    A.rows = TEST;
    check(mlp_predict(net, X_test, A));
    print_scores("Test", Y_test, mlp_view_const(A));

    printf("\nPredicted | Formula | With noise\n");
    const double *x = test.X.data, *y = test.Y.data, *a = A.data;
    for (size_t i = 0; i < 5; i++) {
        printf("%9.1f | %7.1f | %10.1f\n", a[i], friedman(x + i * INPUTS),
               y[i]);
    }
    free(A.data);
    mlp_history_free(history);
    mlp_net_free(net);
    free_samples(train);
    free_samples(test);
    return 0;
}
