/* SPDX-License-Identifier: MIT */
/*
 * Online learning: rows come one at a time. For each row the program predicts,
 * receives the true answer, makes one training step, and forgets the row. The
 * question is whether a point lies inside a circle. Halfway through, the circle
 * moves without notice, and the network follows. Each point is predicted before
 * the network learns from it, so the whole stream is a test.
 */
#include "example.h"
#include "flags.h"

enum { POINTS = 40000, LINE_EVERY = 4000 };

/* Draws a point x of [-1, 1]^2. Returns 1 if it lies inside the circle, else
 * 0. */
static double next_point(mlp_rng *rng, double center, double x[2])
{
    x[0] = mlp_rng_uniform(rng, -1, 1);
    x[1] = mlp_rng_uniform(rng, -1, 1);
    double dx = x[0] - center, dy = x[1] - center;
    return dx * dx + dy * dy < 0.36 ? 1 : 0;
}

/* Makes one training step and adds its loss. Returns the prediction made before
 * the step. */
static double learn(mlp_trainer *trainer, const double x[2], double y,
                    double *loss_sum)
{
    double loss = 0;
    mlp_view A; /* outputs of the step's forward */
    check(mlp_trainer_step(trainer, mlp_cview_f64(x, 1, 2),
                           mlp_cview_f64(&y, 1, 1), 0.1, &loss));
    check(mlp_trainer_tensor(trainer, MLP_A, 2, &A));
    *loss_sum += loss;
    return mlp_cview_at(mlp_view_const(A), 0, 0);
}

static const char usage[] =
    "online\n"
    "A network learns from one row at a time, and follows a circle that\n"
    "moves.\n";

int main(int argc, char **argv)
{
    parse_flags(usage, NULL, 0, argc, argv);
    mlp_layer layers[] = {{.width = 16}, {.width = 1}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = 2;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = new_net(&config);
    mlp_trainer *trainer = NULL;
    check(mlp_trainer_create(net, 1, &trainer));

    mlp_rng rng = mlp_rng_seeded(42);
    double loss_sum = 0;
    size_t hits = 0;
    for (size_t i = 1; i <= POINTS; i++) {
        double x[2];
        double center = i <= POINTS / 2 ? 0.3 : -0.3;
        double y = next_point(&rng, center, x);
        double a = learn(trainer, x, y, &loss_sum);
        hits += (a >= 0.5) == (y == 1);
        if (i % LINE_EVERY == 0) {
            printf("Point %5zu | Loss: %.3f | Accuracy: %.1f%%%s\n", i,
                   loss_sum / LINE_EVERY, 100.0 * (double)hits / LINE_EVERY,
                   i == POINTS / 2 ? " | the circle moves" : "");
            loss_sum = 0;
            hits = 0;
        }
    }
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    return 0;
}
