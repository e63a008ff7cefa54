/* SPDX-License-Identifier: MIT */
/*
 * Trains on stored data and prints a hash of the final weights' bits, one line
 * for each run and kernel table: "<run> <kernels> <hash>". What it prints must
 * be the same wherever it runs; tests/scripts/bits.sh compares.
 */
#include <inttypes.h>
#include <string.h>

#include "data.h"
#include "mlp.h"

enum { MOONS = 400, MOST = 3 * MOONS };

typedef struct data {
    size_t m, n; /* rows, inputs */
    double X[MOST], Y[MOST];
    float X32[MOST], Y32[MOST];
} data;

typedef struct plan {
    const char *name;
    mlp_layer layers[3];
    size_t n_layers, epochs, batch_size;
    double learning_rate;
    mlp_loss loss;
    mlp_init init;
    bool moons;
    mlp_dtype precision;
} plan;

#define XOR                                                                    \
    {{4, MLP_ACT_TANH}, {1, MLP_ACT_SIGMOID}}, 2, 5000, 0, 0.5, MLP_LOSS_BCE,  \
        MLP_INIT_HE, false
#define MOONS_RELU                                                             \
    {{16, MLP_ACT_RELU}, {8, MLP_ACT_RELU}, {1, MLP_ACT_SIGMOID}}, 3, 2000, 0, \
        0.1, MLP_LOSS_BCE, MLP_INIT_HE, true
#define MOONS_BATCHES                                                          \
    {{37, MLP_ACT_TANH}, {19, MLP_ACT_SIGMOID}, {1, MLP_ACT_IDENTITY}}, 3, 20, \
        32, 0.05, MLP_LOSS_MSE, MLP_INIT_GLOROT, true

static const plan plans[] = {
    {"xor_f64", XOR, MLP_F64},
    {"xor_f32", XOR, MLP_F32},
    {"moons_f64", MOONS_RELU, MLP_F64},
    {"moons_f32", MOONS_RELU, MLP_F32},
    {"batches_f64", MOONS_BATCHES, MLP_F64},
    {"batches_f32", MOONS_BATCHES, MLP_F32},
};

static void load(data *xor_data, data *moons)
{
    static const double X[8] = {0, 0, 0, 1, 1, 0, 1, 1};
    static const double Y[4] = {0, 1, 1, 0};
    xor_data->m = 4;
    xor_data->n = 2;
    memcpy(xor_data->X, X, sizeof X);
    memcpy(xor_data->Y, Y, sizeof Y);
    moons->m = MOONS;
    moons->n = 2;
    vector rows = need_vector("moons_train", 3 * MOONS); /* x1, x2, y */
    for (size_t i = 0; i < MOONS; i++) {
        moons->X[2 * i] = rows.data[3 * i];
        moons->X[2 * i + 1] = rows.data[3 * i + 1];
        moons->Y[i] = rows.data[3 * i + 2];
    }
    free(rows.data);
    data *both[2] = {xor_data, moons};
    for (size_t d = 0; d < 2; d++) {
        for (size_t i = 0; i < MOST; i++) {
            both[d]->X32[i] = (float)both[d]->X[i];
            both[d]->Y32[i] = (float)both[d]->Y[i];
        }
    }
}

/* FNV-1a over the bytes of each number, lowest first, whatever their order in
 * memory. */
static uint64_t hash_bits(uint64_t hash, uint64_t bits, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        hash = (hash ^ (bits >> (8 * i) & 0xff)) * UINT64_C(1099511628211);
    }
    return hash;
}

static uint64_t hash_view(uint64_t hash, mlp_cview view)
{
    for (size_t i = 0; i < view.rows; i++) {
        for (size_t j = 0; j < view.cols; j++) {
            double wide = mlp_cview_at(view, i, j);
            float narrow = (float)wide;
            uint64_t bits = 0;
            uint32_t short_bits = 0;
            memcpy(&bits, &wide, sizeof bits);
            memcpy(&short_bits, &narrow, sizeof short_bits);
            hash = view.dtype == MLP_F32 ? hash_bits(hash, short_bits, 4)
                                         : hash_bits(hash, bits, 8);
        }
    }
    return hash;
}

static uint64_t hash_weights(const mlp_net *net)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
        mlp_cview W;
        mlp_cview b;
        if (mlp_net_ctensor(net, MLP_W, l, &W) == MLP_OK &&
            mlp_net_ctensor(net, MLP_B, l, &b) == MLP_OK) {
            hash = hash_view(hash_view(hash, W), b);
        }
    }
    return hash;
}

static mlp_status run(const plan *p, const char *kernels, const data *d,
                      uint64_t *hash)
{
    mlp_config config = mlp_config_defaults();
    config.inputs = d->n;
    config.layers = p->layers;
    config.n_layers = p->n_layers;
    config.loss = p->loss;
    config.precision = p->precision;
    config.init = p->init;
    config.kernels = kernels;
    mlp_net *net = NULL;
    mlp_status status = mlp_net_create(&config, &net);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = p->epochs;
    options.batch_size = p->batch_size;
    options.learning_rate = p->learning_rate;
    bool f32 = p->precision == MLP_F32;
    mlp_cview X = f32 ? mlp_cview_f32(d->X32, d->m, d->n)
                      : mlp_cview_f64(d->X, d->m, d->n);
    mlp_cview Y =
        f32 ? mlp_cview_f32(d->Y32, d->m, 1) : mlp_cview_f64(d->Y, d->m, 1);
    if (status == MLP_OK) {
        status = mlp_fit(net, X, Y, &options, NULL);
    }
    *hash = hash_weights(net);
    mlp_net_free(net);
    return status;
}

int main(void)
{
    static data xor_data;
    static data moons;
    load(&xor_data, &moons);
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        const plan *p = &plans[i];
        for (size_t k = 0; mlp_kernels(k); k++) {
            uint64_t hash = 0;
            mlp_status status =
                run(p, mlp_kernels(k), p->moons ? &moons : &xor_data, &hash);
            if (status != MLP_OK) {
                (void)fprintf(stderr, "%s: %s\n", p->name,
                              mlp_status_text(status));
                return 1;
            }
            (void)printf("%s %s %016" PRIx64 "\n", p->name, mlp_kernels(k),
                         hash);
        }
    }
    return 0;
}
