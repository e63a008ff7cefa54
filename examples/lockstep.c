/* SPDX-License-Identifier: MIT */
/*
 * Lockstep: two processes play the same game and stay equal to the bit, though
 * one computes with the portable kernels and the other with the fastest ones of
 * this machine. In each tick a network moves the hunter, the prey moves by
 * chance, and the network learns from where it should have gone. Then the two
 * compare a hash of the places and the weights, as games do whose players send
 * each other nothing but their inputs. The hashes are the same on every machine.
 */
#include "example.h"
#include "flags.h"

#include <unistd.h>

enum { TICKS = 1000, LINE_EVERY = 200 };

/* Continues an FNV-1a hash with numbers, the lowest byte of each first. */
static uint64_t hash_on(uint64_t hash, mlp_cview numbers)
{
    for (size_t k = 0; k < numbers.rows * numbers.cols; k++) {
        uint64_t bits;
        double x = mlp_cview_at(numbers, k / numbers.cols, k % numbers.cols);
        memcpy(&bits, &x, sizeof bits);
        for (int shift = 0; shift < 64; shift += 8) {
            hash = (hash ^ (bits >> shift & 255)) * UINT64_C(1099511628211);
        }
    }
    return hash;
}

/* Plays one tick and returns the hash. The place of the hunter is x, y; that of
 * the prey follows. All products are exact, so a compiler may round as it
 * likes. */
static uint64_t play(mlp_trainer *trainer, mlp_rng *rng, double place[4])
{
    mlp_view A, W;
    double way[2] = {place[2] - place[0], place[3] - place[1]};
    check(mlp_trainer_step(trainer, mlp_cview_f64(place, 1, 4),
                           mlp_cview_f64(way, 1, 2), 0.01, NULL));
    check(mlp_trainer_tensor(trainer, MLP_A, 3, &A)); /* before the update */
    for (size_t i = 0; i < 2; i++) {
        place[i] += mlp_cview_at(mlp_view_const(A), 0, i) / 4;
        place[2 + i] = place[2 + i] / 2 + mlp_rng_uniform(rng, -1, 1);
    }
    uint64_t hash =
        hash_on(UINT64_C(14695981039346656037), mlp_cview_f64(place, 1, 4));
    for (size_t l = 1; l <= 3; l++) {
        check(mlp_trainer_tensor(trainer, MLP_W, l, &W));
        hash = hash_on(hash, mlp_view_const(W));
    }
    return hash;
}

int main(int argc, char **argv)
{
    parse_flags("lockstep\nTwo processes play the same game, bit for bit.\n",
                NULL, 0, argc, argv);
    int ends[2]; /* of a pipe, from the child to the parent */
    int child = pipe(ends) == 0 ? fork() : -1;
    if (child < 0) {
        check(MLP_ERR_IO);
    }
    mlp_layer layers[] = {{.width = 32}, {.width = 32}, {.width = 2}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 4, config.layers = layers, config.n_layers = 3;
    config.loss = MLP_LOSS_MSE;
    config.kernels = child == 0 ? "portable" : NULL; /* NULL: the fastest */
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = NULL;
    mlp_trainer *trainer = NULL;
    check(mlp_net_create(&config, &net));
    check(mlp_trainer_create(net, 1, &trainer));
    mlp_rng rng = mlp_rng_seeded(42);
    double place[4] = {0, 0, 1, 1};
    bool equal = true;
    (void)close(ends[child == 0 ? 0 : 1]);
    for (int tick = 1; equal && tick <= TICKS; tick++) {
        uint64_t hash = play(trainer, &rng, place), other = 0;
        if (child == 0) {
            equal = write(ends[1], &hash, sizeof hash) == sizeof hash;
            continue;
        }
        if (read(ends[0], &other, sizeof other) != sizeof other) {
            check(MLP_ERR_IO); /* for example, the child has ended */
        }
        equal = other == hash;
        if (tick % LINE_EVERY == 0 || !equal) {
            printf("Tick %4d | hash %016llx | %s\n", tick,
                   (unsigned long long)hash, equal ? "equal" : "different");
        }
    }
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    return equal ? EXIT_SUCCESS : EXIT_FAILURE;
}
