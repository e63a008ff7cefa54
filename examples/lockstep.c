/* SPDX-License-Identifier: MIT */
/*
 * Lockstep: two processes that never exchange data stay equal to the bit. Both
 * play the same pursuit from one seed. In each tick a network steers the
 * pursuer, the evader moves, and the network learns from what came. One process
 * uses the portable kernels, the other the fastest ones of this machine. They
 * compare a hash of the whole state after each tick, as games do whose players
 * send each other only their inputs, and simulation codes that are checked bit
 * for bit. The hashes are the same on every machine.
 */
#include "example.h"
#include "flags.h"

#include <sys/wait.h>
#include <unistd.h>

enum { TICKS = 200, LINE_EVERY = 40 };

/* Continues an FNV-1a hash with numbers, lowest byte first on every machine. */
static uint64_t hash_on(uint64_t hash, mlp_cview numbers)
{
    for (size_t k = 0; k < numbers.rows * numbers.cols; k++) {
        double number = mlp_cview_at(numbers, k % numbers.rows, k / numbers.rows);
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        for (int shift = 0; shift < 64; shift += 8) {
            hash = (hash ^ (bits >> shift & 255)) * UINT64_C(1099511628211);
        }
    }
    return hash;
}

/* Plays all ticks and writes the hash of each to a pipe. */
static void play(const char *kernels, int pipe_end)
{
    mlp_layer layers[] = {{.width = 32}, {.width = 32}, {.width = 2}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 4, config.layers = layers, config.n_layers = 3;
    config.loss = MLP_LOSS_MSE;
    config.kernels = kernels;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = NULL;
    mlp_trainer *trainer = NULL;
    check(mlp_net_create(&config, &net));
    check(mlp_trainer_create(net, 1, &trainer));
    mlp_rng rng = mlp_rng_seeded(42);
    /* The pursuer's place, then the evader's. */
    double state[4] = {0, 0, 1, 1}, move[2], way[2], old[4];
    for (int tick = 0; tick < TICKS; tick++) {
        memcpy(old, state, sizeof old);
        check(mlp_predict(net, mlp_cview_f64(state, 1, 4),
                          mlp_view_f64(move, 1, 2)));
        for (int i = 0; i < 2; i++) {
            way[i] = (state[2 + i] - state[i]) / 4; /* what is right */
            state[i] += move[i];
            state[2 + i] = 0.9 * state[2 + i] + mlp_rng_normal(&rng, 0, 0.2);
        }
        check(mlp_trainer_step(trainer, mlp_cview_f64(old, 1, 4),
                               mlp_cview_f64(way, 1, 2), 0.05, NULL));
        uint64_t hash = hash_on(UINT64_C(14695981039346656037),
                                mlp_cview_f64(state, 1, 4));
        for (size_t l = 1; l <= config.n_layers; l++) {
            mlp_cview W;
            check(mlp_net_ctensor(net, MLP_W, l, &W));
            hash = hash_on(hash, W);
        }
        if (write(pipe_end, &hash, sizeof hash) != sizeof hash) {
            exit(EXIT_FAILURE);
        }
    }
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}
