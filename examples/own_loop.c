/* SPDX-License-Identifier: MIT */
/*
 * Your own training loop, made of four calls: forward, loss, backward, update.
 * Together they do what one step of mlp_fit does. Between the calls a program
 * can read and change everything. This one doubles the batch size instead of
 * reducing the learning rate (both make the updates less noisy), and stops when
 * dW of all rows is small.
 */
#include "example.h"
#include "flags.h"
#include "two_moons.h"

enum { EPOCHS = 200, FIRST_BATCH = 10, PRINT_EVERY = 20, DOUBLE_EVERY = 20 };

static const double small_gradient = 1e-2;

/* Returns the norm of dW of both layers, for the last batch. */
static double gradient_norm(mlp_trainer *trainer)
{
    double sum = 0;
    for (size_t l = 1; l <= 2; l++) {
        mlp_view dW;
        check(mlp_trainer_tensor(trainer, MLP_DW, l, &dW));
        for (size_t i = 0; i < dW.rows * dW.cols; i++) {
            double g =
                mlp_cview_at(mlp_view_const(dW), i / dW.cols, i % dW.cols);
            sum += g * g;
        }
    }
    return sqrt(sum);
}

/* Trains on all rows once, in a new random order. Returns their mean loss. */
static double run_epoch(mlp_trainer *trainer, samples rows, size_t batch,
                        mlp_rng *rng)
{
    size_t n = rows.X.rows;
    size_t *order = new_permutation(rng, n);
    double sum = 0;
    for (size_t i = 0; i < n; i += batch) {
        size_t m = n - i < batch ? n - i : batch;
        samples part = select_rows(rows, order + i, m, MLP_F64);
        mlp_cview X = mlp_view_const(part.X), Y = mlp_view_const(part.Y);
        double loss = 0;
        check(mlp_trainer_forward(trainer, X));
        check(mlp_trainer_loss(trainer, Y, &loss));
        check(mlp_trainer_backward(trainer, Y));
        check(mlp_trainer_update(trainer, 0.03));
        sum += loss * (double)m;
        free_samples(part);
    }
    free(order);
    return sum / (double)n;
}

static const char usage[] =
    "own_loop\n"
    "A training loop of your own: forward, loss, backward, update.\n";

int main(int argc, char **argv)
{
    parse_flags(usage, NULL, 0, argc, argv);
    samples all = make_moons(500, 0.2, 42);
    samples train, test;
    split(all, 42, MLP_F64, &train, &test);
    const mlp_layer layers[] = {{.width = 16}, {.width = 1}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = 2;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = new_net(&config);
    /* A fit does this by itself; forward does not. */
    check(mlp_net_standardise(net, mlp_view_const(train.X)));

    mlp_trainer *trainer = NULL;
    check(mlp_trainer_create(net, train.X.rows, &trainer));
    mlp_optimizer nesterov = mlp_optimizer_defaults(MLP_OPTIMIZER_NESTEROV);
    check(mlp_trainer_set_optimizer(trainer, &nesterov));
    mlp_rng rng = mlp_rng_seeded(42);
    size_t batch = FIRST_BATCH;
    bool done = false;
    for (size_t epoch = 0; epoch < EPOCHS && !done; epoch++) {
        if (epoch > 0 && epoch % DOUBLE_EVERY == 0) {
            batch = 2 * batch < train.X.rows ? 2 * batch : train.X.rows;
        }
        double loss = run_epoch(trainer, train, batch, &rng);
        double norm = gradient_norm(trainer); /* of the last batch */
        done = batch == train.X.rows && norm <= small_gradient;
        if (epoch % PRINT_EVERY == 0 || done) {
            printf("Epoch %3zu | Batch %3zu | Loss: %.6f | Gradient: %.6f\n",
                   epoch, batch, loss, norm);
        }
    }
    printf("Training Accuracy: %.2f%%\n", 100 * accuracy(net, train));
    printf("Test Accuracy: %.2f%%\n", 100 * accuracy(net, test));
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    free_samples(all);
    free_samples(train);
    free_samples(test);
    return 0;
}
