/* SPDX-License-Identifier: MIT */
/*
 * Adversarial images, by the fast gradient sign method (FGSM; Goodfellow,
 * Shlens and Szegedy, 2015). A network reads nine of ten handwritten digits
 * rightly. Then each pixel changes by epsilon in the direction that raises the
 * loss, the sign of dJ/dX, and the network is misled. Changes of the same size
 * with random signs hardly matter.
 */
#include "digits.h"

enum { TRAIN = 1400, TEST = ROWS - TRAIN };

/* Trains a network on images whose pixels are from 0 (white) to 16 (black). */
static mlp_net *new_reader(mlp_cview X, mlp_cview labels)
{
    const mlp_layer layers[] = {{.width = 64}, {.width = CLASSES}};
    mlp_config config = mlp_config_defaults();
    config.inputs = PIXELS, config.layers = layers, config.n_layers = 2;
    config.loss = MLP_LOSS_CCE;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = NULL;
    double mean[PIXELS], std[PIXELS];
    for (size_t j = 0; j < PIXELS; j++) { /* one scale for all pixels */
        mean[j] = 0, std[j] = 16;
    }
    mlp_train_options options = mlp_train_defaults();
    options.standardise = false;
    check(mlp_net_create(&config, &net));
    check(mlp_net_set_scaling(net, mean, std));
    check(mlp_fit(net, X, labels, &options, NULL));
    return net;
}

/* Finds the sign of dJ/dX. J is the mean loss of all rows, and no row changes
 * the loss of another, so a row of dJ/dX tells how to raise its own loss. */
static void find_sign(mlp_net *net, mlp_cview X, mlp_cview labels,
                      double sign[TEST][PIXELS])
{
    mlp_trainer *trainer = NULL;
    mlp_view dX;
    check(mlp_trainer_create(net, X.rows, &trainer));
    check(mlp_trainer_forward(trainer, X));
    check(mlp_trainer_backward(trainer, labels));
    check(mlp_trainer_tensor(trainer, MLP_DX, 0, &dX));
    for (size_t i = 0; i < TEST; i++) {
        for (size_t j = 0; j < PIXELS; j++) {
            double d = mlp_cview_at(mlp_view_const(dX), i, j);
            sign[i][j] = (d > 0) - (d < 0);
        }
    }
    mlp_trainer_free(trainer);
}

/* Returns the accuracy in percent after each pixel has changed by epsilon with
 * its sign, but not beyond white and black. */
static double accuracy_after(const mlp_net *net, mlp_cview X, mlp_cview labels,
                             double epsilon, double sign[TEST][PIXELS])
{
    static double changed[TEST][PIXELS];
    mlp_scores scores;
    for (size_t i = 0; i < TEST; i++) {
        for (size_t j = 0; j < PIXELS; j++) {
            double x = mlp_cview_at(X, i, j) + epsilon * sign[i][j];
            changed[i][j] = fmin(fmax(x, 0), 16);
        }
    }
    check(mlp_evaluate(net, mlp_cview_f64(changed[0], TEST, PIXELS), labels,
                       &scores));
    return 100 * scores.accuracy;
}

static const char usage[] =
    "adversarial [FILE]\n"
    "Learns the digits of FILE, whose pixels are from 0 to 16. Then changes\n"
    "each pixel of other images by epsilon, and prints the accuracy.\n";

int main(int argc, char **argv)
{
    static double sign[TEST][PIXELS], random_sign[TEST][PIXELS];
    const char *path = DIGITS_CSV;
    const flag flags[] = {{.name = NULL, TEXT, &path}};
    parse_flags(usage, flags, 1, argc, argv);
    samples all = read_digits(path, MLP_F64, 16);
    mlp_rng rng = mlp_rng_seeded(42);
    for (size_t i = 0; i < TEST; i++) {
        for (size_t j = 0; j < PIXELS; j++) {
            random_sign[i][j] = mlp_rng_random_sample(&rng) < 0.5 ? -1 : 1;
        }
    }
    mlp_cview X = mlp_view_const(all.X);
    mlp_cview labels = mlp_view_const(all.Y);
    mlp_net *net = new_reader(mlp_cview_rows(X, 0, TRAIN),
                              mlp_cview_rows(labels, 0, TRAIN));
    X = mlp_cview_rows(X, TRAIN, TEST);
    labels = mlp_cview_rows(labels, TRAIN, TEST);
    find_sign(net, X, labels, sign);
    printf("Epsilon | sign of dJ/dX | random sign\n");
    for (int i = 0; i <= 6; i++) {
        double epsilon = 0.5 * i;
        printf("%7.1f | %12.2f%% | %10.2f%%\n", epsilon,
               accuracy_after(net, X, labels, epsilon, sign),
               accuracy_after(net, X, labels, epsilon, random_sign));
    }
    mlp_net_free(net);
    free_samples(all);
    return 0;
}
