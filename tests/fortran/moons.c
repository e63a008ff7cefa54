/* SPDX-License-Identifier: MIT */
/*
 * This program does in C what examples/fortran_moons.f90 does, and prints its
 * last line: scripts/fortran.sh compares the hashes.
 */
#include <inttypes.h>
#include <math.h>
#include <mlp.h>
#include <stdio.h>

enum { M = 400, M_TRAIN = 300 };

static void draw_moons(double X[M][2], double Y[M])
{
    mlp_rng rng = mlp_rng_seeded(42);
    for (int i = 0; i < M; i++) {
        int moon = (i + 1) % 2;
        double angle = mlp_rng_uniform(&rng, 0, 3.14159265358979);
        double x = cos(angle), y = sin(angle);
        Y[i] = moon;
        X[i][0] = moon ? 1 - x : x;
        X[i][1] = moon ? 0.5 - y : y;
        X[i][0] += mlp_rng_normal(&rng, 0, 0.1);
        X[i][1] += mlp_rng_normal(&rng, 0, 0.1);
    }
}

/* Continues the FNV-1a hash with the elements of a tensor, column by column. */
static uint32_t hash_on(uint32_t hash, mlp_cview p)
{
    for (size_t k = 0; k < p.rows * p.cols; k++) {
        union {
            double number;
            uint64_t bits;
        } u = {mlp_cview_at(p, k % p.rows, k / p.rows)};
        for (int shift = 0; shift < 64; shift += 8) {
            hash = (hash ^ (u.bits >> shift & 255)) * UINT32_C(16777619);
        }
    }
    return hash;
}

int main(void)
{
    static double X[M][2], Y[M];
    draw_moons(X, Y);
    mlp_layer layers[] = {{.width = 16}, {.width = 1}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = 2;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = NULL;
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 200;
    options.learning_rate = 0.01;
    mlp_status s = mlp_net_create(&config, &net);
    if (!s)
        s = mlp_fit(net, mlp_cview_f64(X[0], M_TRAIN, 2),
                    mlp_cview_f64(Y, M_TRAIN, 1), &options, NULL);
    uint32_t hash = UINT32_C(0x811c9dc5);
    for (size_t l = 1; !s && l <= mlp_net_layer_count(net); l++) {
        mlp_cview W, b;
        s = mlp_net_ctensor(net, MLP_W, l, &W);
        if (!s)
            s = mlp_net_ctensor(net, MLP_B, l, &b);
        if (!s)
            hash = hash_on(hash_on(hash, W), b);
    }
    if (!s)
        printf("Hash of the parameters: %08" PRIX32 "\n", hash);
    mlp_net_free(net);
    return s;
}
