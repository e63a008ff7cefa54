/* SPDX-License-Identifier: MIT */
/*
 * Trains on stored data and prints a hash of the final weights' bits, a line
 * "<run> <kernels> <threads> <hash>" for each run, kernel table and number of
 * threads. The hashes must be the same wherever it runs: tests/scripts/bits.sh
 * compares them.
 */
#include <inttypes.h>
#include <string.h>

#include "data.h"
#include "golden.h"
#include "mlp.h"

enum { MOONS = 400, ROWS = 157, INPUTS = 101, OUTPUTS = 7 };

typedef struct data {
    size_t m, n, outputs;
    double *X, *Y;
    float *X32, *Y32;
    int32_t *classes; /* the largest of each row of Y */
} data;

typedef enum source { XOR_ROWS, MOONS_ROWS, RANDOM_ROWS, SOURCES } source;

typedef struct plan {
    const char *name;
    mlp_layer layers[3];
    size_t n_layers, epochs, batch_size;
    double learning_rate;
    mlp_loss loss;
    mlp_init init;
    source from;
    mlp_dtype precision;
    mlp_rule rule;
    bool weighs; /* rows and classes */
} plan;

#define XOR                                                                    \
    {{4, MLP_ACT_TANH}, {1, MLP_ACT_SIGMOID}}, 2, 5000, 0, 0.5, MLP_LOSS_BCE,  \
        MLP_INIT_HE, XOR_ROWS
#define MOONS_RELU                                                             \
    {{16, MLP_ACT_RELU}, {8, MLP_ACT_RELU}, {1, MLP_ACT_SIGMOID}}, 3, 2000, 0, \
        0.1, MLP_LOSS_BCE, MLP_INIT_HE, MOONS_ROWS
#define MOONS_BATCHES                                                          \
    {{37, MLP_ACT_TANH}, {19, MLP_ACT_SIGMOID}, {1, MLP_ACT_IDENTITY}}, 3, 20, \
        32, 0.05, MLP_LOSS_MSE, MLP_INIT_GLOROT, MOONS_ROWS
/* Large enough for several threads, of sizes that fit no tile. */
#define ODD                                                                    \
    {{129, MLP_ACT_TANH}, {67, MLP_ACT_RELU}, {OUTPUTS, MLP_ACT_SIGMOID}}, 3,  \
        2, 100, 0.5, MLP_LOSS_BCE, MLP_INIT_HE, RANDOM_ROWS
/* And members must meet. */
#define NORMED                                                                 \
    {{129, MLP_ACT_TANH, 0, 0.3, true},                                        \
     {67, MLP_ACT_RELU, 0, 0.5, true},                                         \
     {OUTPUTS, MLP_ACT_SIGMOID, 0, 0, true}},                                  \
        3, 2, 100, 0.5, MLP_LOSS_BCE, MLP_INIT_HE, RANDOM_ROWS
/* As often as its line searches ask. */
#define LBFGS                                                                  \
    {{129, MLP_ACT_TANH, 0, 0, true},                                          \
     {67, MLP_ACT_RELU},                                                       \
     {OUTPUTS, MLP_ACT_SIGMOID}},                                              \
        3, 8, 0, 1, MLP_LOSS_BCE, MLP_INIT_HE, RANDOM_ROWS
/* Y as classes. */
#define CLASSES                                                                \
    {{129, MLP_ACT_TANH}, {67, MLP_ACT_RELU}, {OUTPUTS, MLP_ACT_SOFTMAX}}, 3,  \
        2, 100, 0.5, MLP_LOSS_CCE, MLP_INIT_HE, RANDOM_ROWS

/* The kin of ReLU, and an init for each. */
#define RECTIFIERS                                                             \
    {{40, MLP_ACT_GELU}, {30, MLP_ACT_SILU}, {OUTPUTS, MLP_ACT_SOFTPLUS}}, 3,  \
        2, 100, 0.1, MLP_LOSS_MSE, MLP_INIT_AUTO, RANDOM_ROWS
#define MORE_RECTIFIERS                                                        \
    {{40, MLP_ACT_GELU_TANH},                                                  \
     {30, MLP_ACT_ELU, 0.7},                                                   \
     {OUTPUTS, MLP_ACT_LEAKY_RELU, 0.01}},                                     \
        3, 2, 100, 0.1, MLP_LOSS_MSE, MLP_INIT_HE_UNIFORM, RANDOM_ROWS

static const plan plans[] = {
    {"xor_f64", XOR, MLP_F64},
    {"xor_f32", XOR, MLP_F32},
    {"moons_f64", MOONS_RELU, MLP_F64},
    {"moons_f32", MOONS_RELU, MLP_F32},
    {"batches_f64", MOONS_BATCHES, MLP_F64},
    {"batches_f32", MOONS_BATCHES, MLP_F32},
    {"odd_f64", ODD, MLP_F64},
    {"odd_f32", ODD, MLP_F32},
    {"normed_f64", NORMED, MLP_F64},
    {"normed_f32", NORMED, MLP_F32},
    {"lbfgs_f64", LBFGS, MLP_F64, MLP_RULE_LBFGS},
    {"lbfgs_f32", LBFGS, MLP_F32, MLP_RULE_LBFGS},
    {"classes_f64", CLASSES, MLP_F64},
    {"classes_f32", CLASSES, MLP_F32},
    {"weighed_f64", CLASSES, MLP_F64, MLP_RULE_SGD, true},
    {"weighed_f32", CLASSES, MLP_F32, MLP_RULE_SGD, true},
    {"rectifiers_f64", RECTIFIERS, MLP_F64},
    {"rectifiers_f32", RECTIFIERS, MLP_F32},
    {"more_rectifiers_f64", MORE_RECTIFIERS, MLP_F64},
    {"more_rectifiers_f32", MORE_RECTIFIERS, MLP_F32},
};

static void *need_memory(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory) {
        (void)fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return memory;
}

static data new_data(size_t m, size_t n, size_t outputs)
{
    return (data){m,
                  n,
                  outputs,
                  need_memory(m * n, sizeof(double)),
                  need_memory(m * outputs, sizeof(double)),
                  need_memory(m * n, sizeof(float)),
                  need_memory(m * outputs, sizeof(float)),
                  need_memory(m, sizeof(int32_t))};
}

static void free_data(data d)
{
    free(d.X);
    free(d.Y);
    free(d.X32);
    free(d.Y32);
    free(d.classes);
}

static data xor_data(void)
{
    static const double X[8] = {0, 0, 0, 1, 1, 0, 1, 1};
    static const double Y[4] = {0, 1, 1, 0};
    data d = new_data(4, 2, 1);
    memcpy(d.X, X, sizeof X);
    memcpy(d.Y, Y, sizeof Y);
    return d;
}

static data moons_data(void)
{
    data d = new_data(MOONS, 2, 1);
    vector rows = need_vector("moons_train", 3 * MOONS); /* x1, x2, y */
    for (size_t i = 0; i < MOONS; i++) {
        d.X[2 * i] = rows.data[3 * i];
        d.X[2 * i + 1] = rows.data[3 * i + 1];
        d.Y[i] = rows.data[3 * i + 2];
    }
    free(rows.data);
    return d;
}

static data random_data(void)
{
    data d = new_data(ROWS, INPUTS, OUTPUTS);
    mlp_rng rng = mlp_rng_seeded(7);
    for (size_t i = 0; i < (size_t)ROWS * INPUTS; i++) {
        d.X[i] = mlp_rng_uniform(&rng, -1, 1);
    }
    for (size_t i = 0; i < (size_t)ROWS * OUTPUTS; i++) {
        d.Y[i] = mlp_rng_uniform(&rng, 0, 1);
    }
    return d;
}

static void round_to_floats(data d)
{
    for (size_t i = 0; i < d.m * d.n; i++) {
        d.X32[i] = (float)d.X[i];
    }
    for (size_t i = 0; i < d.m * d.outputs; i++) {
        d.Y32[i] = (float)d.Y[i];
    }
}

static void classify(data d)
{
    for (size_t i = 0; i < d.m; i++) {
        const double *y = d.Y + i * d.outputs;
        for (size_t j = 1; j < d.outputs; j++) {
            d.classes[i] = y[j] > y[d.classes[i]] ? (int32_t)j : d.classes[i];
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
    static const mlp_tensor tensors[] = {MLP_W, MLP_B, MLP_SCALE, MLP_MEAN,
                                         MLP_VARIANCE};
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
        mlp_layer layer = {.width = 0};
        (void)mlp_net_layer(net, l, &layer);
        size_t count = layer.batch_norm ? 5 : 2;
        for (size_t i = 0; i < count; i++) {
            mlp_cview view;
            if (mlp_net_ctensor(net, tensors[i], l, &view) == MLP_OK) {
                hash = hash_view(hash, view);
            }
        }
    }
    return hash;
}

typedef struct variant {
    const char *kernels;
    size_t threads;
} variant;

/* Fifths of whole numbers: their products and sums are rounded. */
static void weigh(const data *d, double weights[ROWS],
                  mlp_train_options *options)
{
    static const double of_classes[OUTPUTS] = {1, 0.3, 2, 0.7, 1, 5, 0.1};
    for (size_t i = 0; i < d->m; i++) {
        weights[i] = (double)(i % 7) / 5;
    }
    options->row_weights = mlp_cview_f64(weights, d->m, 1);
    options->class_weights = of_classes;
}

static mlp_status run(const plan *p, variant v, const data *d, uint64_t *hash)
{
    mlp_config config = mlp_config_defaults();
    config.inputs = d->n;
    config.layers = p->layers;
    config.n_layers = p->n_layers;
    config.loss = p->loss;
    config.precision = p->precision;
    config.init = p->init;
    config.kernels = v.kernels;
    mlp_net *net = NULL;
    mlp_status status = mlp_net_create(&config, &net);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = p->epochs;
    options.batch_size = p->batch_size;
    options.learning_rate = p->learning_rate;
    options.threads = v.threads;
    options.optimizer = mlp_optimizer_defaults(p->rule);
    double weights[ROWS];
    if (p->weighs) {
        weigh(d, weights, &options);
    }
    bool f32 = p->precision == MLP_F32;
    mlp_cview X = f32 ? mlp_cview_f32(d->X32, d->m, d->n)
                      : mlp_cview_f64(d->X, d->m, d->n);
    mlp_cview Y = f32 ? mlp_cview_f32(d->Y32, d->m, d->outputs)
                      : mlp_cview_f64(d->Y, d->m, d->outputs);
    if (p->loss == MLP_LOSS_CCE) {
        Y = mlp_cview_i32(d->classes, d->m, 1);
    }
    if (status == MLP_OK) {
        status = mlp_fit(net, X, Y, &options, NULL);
    }
    *hash = hash_weights(net);
    mlp_net_free(net);
    return status;
}

static bool print_run(const plan *p, variant v, const data *d)
{
    uint64_t hash = 0;
    mlp_status status = run(p, v, d, &hash);
    if (status != MLP_OK) {
        (void)fprintf(stderr, "%s: %s\n", p->name, mlp_status_text(status));
        return false;
    }
    (void)printf("%s %s %zu %016" PRIx64 "\n", p->name, v.kernels, v.threads,
                 hash);
    return true;
}

/* A golden file, loaded: its network, what it predicts, and the bytes of the
 * file that it is saved to. */
static bool print_golden(mlp_dtype p)
{
    enum { M = 4 };
    static const float rows[M * GOLDEN_INPUTS] = {1, 2,  3,  -1, -2, -3,
                                                  0, .5, 50, 2,  -9, 700};
    unsigned char *bytes = need_memory(GOLDEN_MOST, 1);
    data d = new_data(M, GOLDEN_INPUTS, GOLDEN_OUTPUTS);
    for (size_t i = 0; i < (size_t)M * GOLDEN_INPUTS; i++) {
        d.X[i] = d.X32[i] = rows[i];
    }
    mlp_net *net = NULL;
    size_t n = golden_bytes(p, bytes);
    mlp_view A = p == MLP_F32 ? mlp_view_f32(d.Y32, M, GOLDEN_OUTPUTS)
                              : mlp_view_f64(d.Y, M, GOLDEN_OUTPUTS);
    mlp_cview X = p == MLP_F32 ? mlp_cview_f32(d.X32, M, GOLDEN_INPUTS)
                               : mlp_cview_f64(d.X, M, GOLDEN_INPUTS);
    bool ok = mlp_net_load_memory(bytes, n, NULL, &net) == MLP_OK &&
              mlp_predict(net, X, A) == MLP_OK &&
              mlp_net_save_size(net) <= GOLDEN_MOST;
    n = mlp_net_save_size(net);
    ok = ok && mlp_net_save_memory(net, bytes, n) == MLP_OK;
    uint64_t hash = hash_view(hash_weights(net), mlp_view_const(A));
    for (size_t i = 0; ok && i < n; i++) {
        hash = hash_bits(hash, bytes[i], 1);
    }
    (void)printf("%s %s 1 %016" PRIx64 "\n", golden_name(p),
                 mlp_net_kernels(net), hash);
    mlp_net_free(net);
    free_data(d);
    free(bytes);
    return ok;
}

int main(void)
{
    static const size_t threads[] = {1, 2, 3, 8};
    data from[SOURCES] = {xor_data(), moons_data(), random_data()};
    for (size_t i = 0; i < SOURCES; i++) {
        round_to_floats(from[i]);
        classify(from[i]);
    }
    bool ok = true;
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        const plan *p = &plans[i];
        /* The others are too small to be shared. */
        size_t counts = p->from == RANDOM_ROWS ? 4 : 1;
        for (size_t k = 0; mlp_kernels(k); k++) {
            for (size_t t = 0; ok && t < counts; t++) {
                variant v = {mlp_kernels(k), threads[t]};
                ok = print_run(p, v, &from[p->from]);
            }
        }
    }
    ok = ok && print_golden(MLP_F32) && print_golden(MLP_F64);
    for (size_t i = 0; i < SOURCES; i++) {
        free_data(from[i]);
    }
    return ok ? 0 : 1;
}
