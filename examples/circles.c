/* SPDX-License-Identifier: MIT */
/*
 * The tutorial's exercises. Two data sets, the moons and one circle inside
 * another (problem 5), are learned by plain gradient descent, with L2
 * regularisation (problem 2), with momentum (problem 3) and with a decaying
 * learning rate (problem 4). digits.c solves problem 1, softmax.
 */
#include "example.h"
#include "flags.h"
#include "two_moons.h"

enum { POINTS = 500, EPOCHS = 2000 };

/* Draws points on a circle of radius 1 and as many on a circle of radius 0.5,
 * with noise. */
static samples make_circles(double noise, uint32_t seed)
{
    const double pi = 3.14159265358979323846;
    mlp_rng rng = mlp_rng_seeded(seed);
    samples circles = {new_array(MLP_F64, POINTS, 2),
                       new_array(MLP_F64, POINTS, 1)};
    for (size_t i = 0; i < POINTS; i++) {
        double theta = 4 * pi * (double)i / POINTS;
        double inner = i < POINTS / 2 ? 0 : 1, radius = 1 - inner / 2;
        double x = radius * cos(theta) + mlp_rng_normal(&rng, 0, noise);
        double y = radius * sin(theta) + mlp_rng_normal(&rng, 0, noise);
        mlp_view_set(circles.X, i, 0, x);
        mlp_view_set(circles.X, i, 1, y);
        mlp_view_set(circles.Y, i, 0, inner);
    }
    return circles;
}

/* Trains 2-16-8-1, the tutorial's network, on four fifths of the rows, and
 * prints its losses and accuracies. Returns the accuracy on the last fifth. */
static double learn(const char *data, samples all, const char *how,
                    const mlp_train_options *options)
{
    samples train, test;
    split(all, 42, MLP_F64, &train, &test);
    const mlp_layer layers[] = {{.width = 16, .activation = MLP_ACT_RELU},
                                {.width = 8, .activation = MLP_ACT_RELU},
                                {.width = 1, .activation = MLP_ACT_SIGMOID}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = 3;
    config.loss = MLP_LOSS_BCE;
    config.init = MLP_INIT_HE;
    config.seed = 42;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = NULL;
    mlp_history *history = NULL;
    mlp_cview X = mlp_view_const(train.X), Y = mlp_view_const(train.Y);
    check(mlp_net_create(&config, &net));
    check(mlp_net_standardise(net, X));
    check(mlp_fit(net, X, Y, options, &history));
    double score = accuracy(net, test);
    printf("%-8s %-25s %9.6f %8.2f%% %8.2f%%\n", data, how,
           mlp_history_losses(history)[EPOCHS - 1], 100 * accuracy(net, train),
           100 * score);
    mlp_history_free(history);
    mlp_net_free(net);
    free_samples(train);
    free_samples(test);
    return score;
}

static const char usage[] =
    "circles\n"
    "Problems 2 to 5: moons and circles are learned plainly, with L2, with\n"
    "momentum and with a decaying learning rate.\n";

int main(int argc, char **argv)
{
    parse_flags(usage, NULL, 0, argc, argv);
    samples circles = make_circles(0.12, 42), moons = make_moons(500, 0.2, 42);
    mlp_train_options plain = mlp_train_defaults();
    plain.epochs = EPOCHS;
    plain.batch_size = 0; /* all rows */
    plain.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_SGD);
    plain.learning_rate = 0.1;
    plain.standardise = false; /* `learn` scales */
    mlp_train_options l2 = plain, momentum = plain, decay = plain;
    l2.optimizer.l2 = 1;
    momentum.optimizer.kind = MLP_OPTIMIZER_TUTORIAL_MOMENTUM;
    momentum.optimizer.momentum = 0.9;
    decay.schedule.kind = MLP_SCHEDULE_INVERSE_TIME;
    decay.schedule.decay = 0.001;

    print_title("CIRCLES BESIDE MOONS", 64);
    printf(
        "Data     Training                       Loss     Train      Test\n");
    print_line_of('-', 64);
    double score = learn("circles", circles, "gradient descent", &plain);
    (void)learn("moons", moons, "gradient descent", &plain);
    (void)learn("circles", circles, "L2, lambda = 1", &l2);
    (void)learn("moons", moons, "L2, lambda = 1", &l2);
    (void)learn("circles", circles, "momentum, beta = 0.9", &momentum);
    (void)learn("moons", moons, "momentum, beta = 0.9", &momentum);
    (void)learn("circles", circles, "decay of the rate, 0.001", &decay);
    (void)learn("moons", moons, "decay of the rate, 0.001", &decay);
    print_line_of('=', 64);
    printf("Test Accuracy: %.2f%%\n", 100 * score);
    free_samples(circles);
    free_samples(moons);
    return 0;
}
