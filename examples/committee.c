/* SPDX-License-Identifier: MIT */
/*
 * A committee: how sure is a network? Twenty networks learn a curve from noisy
 * points, each from its own initial weights and its own bootstrap sample: as
 * many points, drawn with repetition. Where there are points, the networks
 * agree; in a gap, each goes its own way. So the spread (standard deviation) of
 * their predictions tells how far to trust the mean. All may still err alike.
 */
#include "example.h"
#include "flags.h"

enum { MEMBERS = 20, POINTS = 200, TEST = 17 };

/* The truth, x^3 - 2 x, is learnt with noise of standard deviation 0.3. */
static double curve(double x)
{
    return x * x * x - 2 * x;
}

/* Trains a member. A row's weight is how often the bootstrap drew the row. */
static mlp_net *new_member(mlp_cview X, mlp_cview Y, uint32_t seed)
{
    mlp_layer layers[] = {{.width = 16, .activation = MLP_ACT_TANH},
                          {.width = 1}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 1, config.layers = layers, config.n_layers = 2;
    config.loss = MLP_LOSS_MSE, config.seed = seed;
    config.hooks = mlp_hooks_stderr();
    mlp_rng rng = mlp_rng_seeded(seed);
    double drawn[POINTS] = {0};
    for (int i = 0; i < POINTS; i++) {
        drawn[(int)(POINTS * mlp_rng_random_sample(&rng))]++;
    }
    mlp_train_options options = mlp_train_defaults();
    options.learning_rate = 0.01;
    options.row_weights = mlp_cview_f64(drawn, POINTS, 1);
    mlp_net *net = NULL;
    check(mlp_net_create(&config, &net));
    check(mlp_fit(net, X, Y, &options, NULL));
    return net;
}

int main(int argc, char **argv)
{
    parse_flags("committee\nTells how sure twenty networks are of a curve.\n",
                NULL, 0, argc, argv);
    mlp_rng rng = mlp_rng_seeded(42);
    double x[POINTS], y[POINTS], at[TEST], a[MEMBERS][TEST];
    for (int i = 0; i < POINTS; i++) { /* the gap is from -0.5 to 0.75 */
        double low = i % 2 ? -2 : 0.75, high = i % 2 ? -0.5 : 2;
        x[i] = mlp_rng_uniform(&rng, low, high);
        y[i] = curve(x[i]) + mlp_rng_normal(&rng, 0, 0.3);
    }
    for (int i = 0; i < TEST; i++) {
        at[i] = -2 + i / 4.0;
    }
    for (uint32_t k = 0; k < MEMBERS; k++) {
        mlp_net *net = new_member(mlp_cview_f64(x, POINTS, 1),
                                  mlp_cview_f64(y, POINTS, 1), k);
        check(mlp_predict(net, mlp_cview_f64(at, TEST, 1),
                          mlp_view_f64(a[k], TEST, 1)));
        mlp_net_free(net);
    }

    int within = 0;
    printf("    x | truth |  mean | spread\n");
    for (int i = 0; i < TEST; i++) {
        double sum = 0, squares = 0, truth = curve(at[i]);
        for (int k = 0; k < MEMBERS; k++) {
            sum += a[k][i], squares += a[k][i] * a[k][i];
        }
        double mean = sum / MEMBERS;
        double spread = sqrt((squares - sum * mean) / (MEMBERS - 1));
        within += fabs(truth - mean) <= 2 * spread;
        printf("%5.2f | %5.2f | %5.2f | %6.2f\n", at[i], truth, mean, spread);
    }
    printf("Within 2 spreads of the mean: %d of %d truths\n", within, TEST);
    return 0;
}
