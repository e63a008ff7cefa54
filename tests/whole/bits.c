/* SPDX-License-Identifier: MIT */
/*
 * bits [quick]
 *
 * Trains networks and prints a hash of the bits of their final weights: a line
 * "<run> <kernels> <threads> <hash>" for each run, table of kernels and number
 * of threads. The hashes must be the same on every machine;
 * tests/scripts/bits.sh compares them.
 *
 * The runs are the tutorial's, those of the benchmark (W3 to W8 of
 * bench/mlp_bench.c) with fewer rows, and odd sizes everywhere. `quick`, for
 * emulated machines and slow builds, leaves the long ones out, and tries one
 * number of threads.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "support/data.h"
#include "support/golden.h"
#include "support/ignore.h"
#include "mlp.h"

typedef enum source {
    XOR_ROWS,
    MOONS_ROWS,
    DIGITS_ROWS,
    CLASS_ROWS,  /* random inputs, one-hot targets */
    NUMBER_ROWS, /* random inputs, targets in [0, 1] */
    INDEX_ROWS,  /* targets: index of the largest of random numbers */
} source;

typedef struct plan {
    const char *name;
    source from;
    mlp_dtype precision;
    size_t rows, widths[4]; /* inputs, then layers; 0: there is no such layer */
    mlp_activation hidden[2], last;
    mlp_loss loss;
    mlp_weight_init init;
    size_t epochs, batch_size;
    double rate;
    mlp_optimizer_kind kind;
    bool busy;         /* large enough for several threads */
    bool normed[3];    /* layers that have batch norm */
    double dropout[2]; /* per hidden layer */
    bool has_weights;  /* rows and classes have weights */
    double slopes[3];
    bool penalised; /* with l1 and l2, and gradients are clipped */
    double smoothing;
    bool scales;  /* inputs and targets; predictions are hashed, too */
    size_t parts; /* of a batch; 0: one */
} plan;

#define XOR(precision, epochs)                                                 \
    XOR_ROWS, precision, 4, {2, 4, 1}, {MLP_ACT_TANH}, MLP_ACT_SIGMOID,        \
        MLP_LOSS_BCE, MLP_INIT_HE, epochs, 0, 0.5, MLP_OPTIMIZER_SGD, false
#define MOONS(precision, epochs)                                               \
    MOONS_ROWS, precision, 400, {2, 16, 8, 1}, {MLP_ACT_RELU, MLP_ACT_RELU},   \
        MLP_ACT_SIGMOID, MLP_LOSS_BCE, MLP_INIT_HE, epochs, 0, 0.1,            \
        MLP_OPTIMIZER_SGD, false
#define BATCHES(precision)                                                     \
    MOONS_ROWS, precision, 400, {2, 37, 19, 1},                                \
        {MLP_ACT_TANH, MLP_ACT_SIGMOID}, MLP_ACT_IDENTITY, MLP_LOSS_MSE,       \
        MLP_INIT_GLOROT, 20, 32, 0.05, MLP_OPTIMIZER_SGD, false
/* No size here is a multiple of a tile of the kernels. */
#define ODD_SIZES                                                              \
    157, {101, 129, 67, 7},                                                    \
    {                                                                          \
        MLP_ACT_TANH, MLP_ACT_RELU                                             \
    }
#define ODD(precision)                                                         \
    NUMBER_ROWS, precision, ODD_SIZES, MLP_ACT_SIGMOID, MLP_LOSS_BCE,          \
        MLP_INIT_HE, 2, 100, 0.5, MLP_OPTIMIZER_SGD, true
/* With batch norm, the threads of a step need more barriers. */
#define NORMED(precision)                                                      \
    ODD(precision), {true, true, true},                                        \
    {                                                                          \
        0.3, 0.5                                                               \
    }
/* The line searches decide how often the loss is evaluated. */
#define LBFGS(precision, epochs)                                               \
    NUMBER_ROWS, precision, ODD_SIZES, MLP_ACT_SIGMOID, MLP_LOSS_BCE,          \
        MLP_INIT_HE, epochs, 0, 1, MLP_OPTIMIZER_LBFGS, true,                  \
    {                                                                          \
        true                                                                   \
    }
#define CLASSES(precision)                                                     \
    INDEX_ROWS, precision, ODD_SIZES, MLP_ACT_SOFTMAX, MLP_LOSS_CCE,           \
        MLP_INIT_HE, 2, 100, 0.5, MLP_OPTIMIZER_SGD, true
#define WEIGHTED(precision) CLASSES(precision), {false}, {0.0}, true
/* Up to six threads take these rows in micro-batches, more threads at once. */
#define LARGE_BATCH(precision)                                                 \
    INDEX_ROWS, precision, 1571, {101, 129, 67, 7},                            \
        {MLP_ACT_TANH, MLP_ACT_RELU}, MLP_ACT_SOFTMAX, MLP_LOSS_CCE,           \
        MLP_INIT_HE, 3, 0, 0.5, MLP_OPTIMIZER_SGD, true, {false}, {0.3, 0.5},  \
        true
/* RECTIFIERS and MORE_RECTIFIERS have all rectifiers but ReLU, with an
 * initialisation for each. */
#define RECTIFIER_SIZES                                                        \
    157,                                                                       \
    {                                                                          \
        101, 40, 30, 7                                                         \
    }
#define RECTIFIERS(precision)                                                  \
    NUMBER_ROWS, precision, RECTIFIER_SIZES, {MLP_ACT_GELU, MLP_ACT_SILU},     \
        MLP_ACT_SOFTPLUS, MLP_LOSS_MSE, MLP_INIT_HE, 2, 100, 0.1,              \
        MLP_OPTIMIZER_SGD, true
#define MORE_RECTIFIERS(precision)                                             \
    NUMBER_ROWS, precision, RECTIFIER_SIZES, {MLP_ACT_GELU_TANH, MLP_ACT_ELU}, \
        MLP_ACT_LEAKY_RELU, MLP_LOSS_MSE, MLP_INIT_HE_UNIFORM, 2, 100, 0.1,    \
        MLP_OPTIMIZER_SGD, true, {false}, {0.0}, false,                        \
    {                                                                          \
        0.0, 0.7, 0.01                                                         \
    }

/* Eight parts, the last batch with shorter ones; a fit standardises and shuffles
 * by parts, too. */
#define PARTS(precision)                                                       \
    INDEX_ROWS, precision, 1571, {101, 129, 67, 7},                            \
        {MLP_ACT_TANH, MLP_ACT_RELU}, MLP_ACT_SOFTMAX, MLP_LOSS_CCE,           \
        MLP_INIT_HE, 2, 512, 0.5, MLP_OPTIMIZER_MOMENTUM, true, {false},       \
        {0.3, 0.5}, true, .penalised = true, .parts = 8

/* Inputs and targets are scaled inside the network. */
#define SCALED(precision)                                                      \
    NUMBER_ROWS, precision, ODD_SIZES, MLP_ACT_IDENTITY, MLP_LOSS_HUBER,       \
        MLP_INIT_HE, 2, 100, 0.1, MLP_OPTIMIZER_SGD, true, .scales = true

/* The losses that treat columns differently, and that of counts. The hash of
 * gaussian_nll has the scaling of its variances. */
#define DISTRIBUTION(precision, outputs, last, loss, scaled)                   \
    NUMBER_ROWS, precision, 157, {101, 129, 67, outputs},                      \
        {MLP_ACT_TANH, MLP_ACT_TANH}, last, loss, MLP_INIT_GLOROT, 2, 100,     \
        0.02, MLP_OPTIMIZER_SGD, true, .scales = (scaled)
#define QUANTILE(precision)                                                    \
    DISTRIBUTION(precision, 7, MLP_ACT_IDENTITY, MLP_LOSS_QUANTILE, true)
#define POISSON(precision)                                                     \
    DISTRIBUTION(precision, 7, MLP_ACT_EXP, MLP_LOSS_POISSON, false)
#define GAUSSIAN(precision)                                                    \
    DISTRIBUTION(precision, 14, MLP_ACT_IDENTITY, MLP_LOSS_GAUSSIAN_NLL, true)

/* The benchmark's networks have ReLU, and either softmax with cross-entropy or
 * linear outputs with the squared error. */
#define RELU                                                                   \
    {                                                                          \
        MLP_ACT_RELU, MLP_ACT_RELU                                             \
    }
#define DIGITS(precision)                                                      \
    DIGITS_ROWS, precision, 179, {64, 128, 64, 10}, RELU, MLP_ACT_SOFTMAX,     \
        MLP_LOSS_CCE, MLP_INIT_HE, 2, 32, 0.05, MLP_OPTIMIZER_MOMENTUM, false
#define WIDE(precision, in, hidden, rows, kind)                                \
    CLASS_ROWS, precision, rows, {in, hidden, hidden, 10}, RELU,               \
        MLP_ACT_SOFTMAX, MLP_LOSS_CCE, MLP_INIT_HE, 1, 9, 0.01, kind, true
#define NUMBERS(precision, width)                                              \
    NUMBER_ROWS, precision, 9, {width, 2 * (width), 2 * (width), width}, RELU, \
        MLP_ACT_IDENTITY, MLP_LOSS_MSE, MLP_INIT_HE, 1, 9, 0.01,               \
        MLP_OPTIMIZER_SGD, true

static const plan quick_plans[] = {
    {"xor_quick_f64", XOR(MLP_F64, 50)},
    {"xor_quick_f32", XOR(MLP_F32, 50)},
    {"moons_quick_f64", MOONS(MLP_F64, 20)},
    {"moons_quick_f32", MOONS(MLP_F32, 20)},
    {"batches_f64", BATCHES(MLP_F64)},
    {"batches_f32", BATCHES(MLP_F32)},
    {"odd_f64", ODD(MLP_F64)},
    {"odd_f32", ODD(MLP_F32)},
    {"normed_f64", NORMED(MLP_F64)},
    {"normed_f32", NORMED(MLP_F32)},
    {"large_batch_f64", LARGE_BATCH(MLP_F64)},
    {"large_batch_f32", LARGE_BATCH(MLP_F32)},
    {"parts_f64", PARTS(MLP_F64)},
    {"parts_f32", PARTS(MLP_F32)},
    {"lbfgs_quick_f64", LBFGS(MLP_F64, 2)},
    {"lbfgs_quick_f32", LBFGS(MLP_F32, 2)},
    {"classes_f64", CLASSES(MLP_F64)},
    {"classes_f32", CLASSES(MLP_F32)},
    {"weighed_f64", WEIGHTED(MLP_F64)},
    {"weighed_f32", WEIGHTED(MLP_F32)},
    {"rectifiers_f64", RECTIFIERS(MLP_F64)},
    {"rectifiers_f32", RECTIFIERS(MLP_F32)},
    {"more_rectifiers_f64", MORE_RECTIFIERS(MLP_F64)},
    {"more_rectifiers_f32", MORE_RECTIFIERS(MLP_F32)},
    {"scaled_f64", SCALED(MLP_F64)},
    {"scaled_f32", SCALED(MLP_F32)},
    {"quantile_f64", QUANTILE(MLP_F64)},
    {"quantile_f32", QUANTILE(MLP_F32)},
    {"poisson_f64", POISSON(MLP_F64)},
    {"poisson_f32", POISSON(MLP_F32)},
    {"gaussian_f64", GAUSSIAN(MLP_F64)},
    {"gaussian_f32", GAUSSIAN(MLP_F32)},
    {"w3_f32", DIGITS(MLP_F32)},
    {"w4_adam_f32", WIDE(MLP_F32, 784, 512, 12, MLP_OPTIMIZER_ADAM)},
    {"w5_quarter_f32", NUMBERS(MLP_F32, 256)},
    {"w8_16_f32", WIDE(MLP_F32, 16, 16, 90, MLP_OPTIMIZER_SGD)},
    {"w8_64_f32", WIDE(MLP_F32, 64, 64, 36, MLP_OPTIMIZER_SGD)},
    {"w8_256_f32", WIDE(MLP_F32, 256, 256, 18, MLP_OPTIMIZER_SGD)},
};

static const plan long_plans[] = {
    {"xor_f64", XOR(MLP_F64, 5000)},
    {"xor_f32", XOR(MLP_F32, 5000)},
    {"moons_f64", MOONS(MLP_F64, 2000)},
    {"moons_f32", MOONS(MLP_F32, 2000)},
    {"lbfgs_f64", LBFGS(MLP_F64, 8)},
    {"lbfgs_f32", LBFGS(MLP_F32, 8)},
    {"w3_f64", DIGITS(MLP_F64)},
    {"w4_sgd_f32", WIDE(MLP_F32, 784, 512, 12, MLP_OPTIMIZER_SGD)},
    {"w4_adam_f64", WIDE(MLP_F64, 784, 512, 12, MLP_OPTIMIZER_ADAM)},
    {"w5_half_f32", NUMBERS(MLP_F32, 512)},
    {"w8_1024_f32", WIDE(MLP_F32, 1024, 1024, 9, MLP_OPTIMIZER_SGD)},
};

/* ---------------------------------------------------------------------------
 * Data
 */

typedef struct data {
    mlp_cview X, Y;
    double *x, *y; /* in float32 they take the first half of the memory */
    int32_t *classes;
} data;

static void *need_memory(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory) {
        (void)fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return memory;
}

static size_t outputs_of(const plan *p)
{
    return p->widths[3] > 0 ? p->widths[3] : p->widths[2];
}

static size_t targets_of(const plan *p)
{
    size_t n = outputs_of(p);
    return p->loss == MLP_LOSS_GAUSSIAN_NLL ? n / 2 : n;
}

static void fill_xor(data *d)
{
    static const double x[8] = {0, 0, 0, 1, 1, 0, 1, 1};
    static const double y[4] = {0, 1, 1, 0};
    memcpy(d->x, x, sizeof x);
    memcpy(d->y, y, sizeof y);
}

static void fill_moons(data *d, size_t m)
{
    vector rows = need_vector("moons_train", 3 * m); /* each row is x1, x2, y */
    for (size_t i = 0; i < m; i++) {
        d->x[2 * i] = rows.data[3 * i];
        d->x[2 * i + 1] = rows.data[3 * i + 1];
        d->y[i] = rows.data[3 * i + 2];
    }
    free(rows.data);
}

static void fill_digits(data *d, size_t m)
{
    enum { CLASSES = 10 };
    unsigned char *digits = need_digits(m);
    for (size_t i = 0; i < m; i++) {
        const unsigned char *row = digits + i * (DIGIT_PIXELS + 1);
        for (size_t j = 0; j < DIGIT_PIXELS; j++) {
            d->x[i * DIGIT_PIXELS + j] = row[j] / 16.0;
        }
        d->y[i * CLASSES + row[DIGIT_PIXELS]] = 1.0;
    }
    free(digits);
}

static void fill_randomly(data *d, const plan *p)
{
    size_t outputs = targets_of(p);
    mlp_rng rng = mlp_rng_seeded(7);
    for (size_t i = 0; i < p->rows * p->widths[0]; i++) {
        d->x[i] = mlp_rng_uniform(&rng, -1, 1);
    }
    if (p->from != CLASS_ROWS) {
        for (size_t i = 0; i < p->rows * outputs; i++) {
            d->y[i] = mlp_rng_uniform(&rng, 0, 1);
        }
        return;
    }
    for (size_t i = 0; i < p->rows; i++) {
        int64_t label = 0;
        ignore(mlp_rng_randint(&rng, 0, (int64_t)outputs, &label));
        d->y[i * outputs + (size_t)label] = 1.0;
    }
}

/* Sets the class of each row to the index of its largest target. */
static void fill_classes(data *d, const plan *p)
{
    size_t outputs = outputs_of(p);
    for (size_t i = 0; i < p->rows; i++) {
        const double *y = d->y + i * outputs;
        for (size_t j = 1; j < outputs; j++) {
            d->classes[i] =
                y[j] > y[d->classes[i]] ? (int32_t)j : d->classes[i];
        }
    }
}

/* Returns a view of the numbers, which are rounded to floats in place if that
 * is the precision. */
static mlp_cview view_of(double *numbers, mlp_dtype precision, size_t rows,
                         size_t cols)
{
    if (precision == MLP_F64) {
        return mlp_cview_f64(numbers, rows, cols);
    }
    float *narrow = (float *)(void *)numbers;
    for (size_t i = 0; i < rows * cols; i++) {
        float rounded = (float)numbers[i];
        memcpy(&narrow[i], &rounded, sizeof rounded);
    }
    return mlp_cview_f32(narrow, rows, cols);
}

static data data_of(const plan *p)
{
    size_t outputs = targets_of(p);
    data d = {.x = need_memory(p->rows * p->widths[0], sizeof(double)),
              .y = need_memory(p->rows * outputs, sizeof(double)),
              .classes = need_memory(p->rows, sizeof(int32_t))};
    if (p->from == XOR_ROWS) {
        fill_xor(&d);
    } else if (p->from == MOONS_ROWS) {
        fill_moons(&d, p->rows);
    } else if (p->from == DIGITS_ROWS) {
        fill_digits(&d, p->rows);
    } else {
        fill_randomly(&d, p);
    }
    d.X = view_of(d.x, p->precision, p->rows, p->widths[0]);
    if (p->from == INDEX_ROWS) {
        fill_classes(&d, p);
        d.Y = mlp_cview_i32(d.classes, p->rows, 1);
    } else {
        d.Y = view_of(d.y, p->precision, p->rows, outputs);
    }
    return d;
}

static void free_data(data d)
{
    free(d.x);
    free(d.y);
    free(d.classes);
}

/* ---------------------------------------------------------------------------
 * Hashes
 */

/* Adds bytes to an FNV-1a hash, the lowest of each number first, so that the
 * hash does not depend on the byte order. */
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

static const uint64_t first_hash = UINT64_C(14695981039346656037);

static uint64_t hash_weights(uint64_t hash, const mlp_net *net)
{
    static const mlp_tensor tensors[] = {MLP_W, MLP_B, MLP_SCALE, MLP_MEAN,
                                         MLP_VARIANCE};
    for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
        mlp_layer layer = {.width = 0};
        ignore(mlp_net_layer(net, l, &layer));
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

/* ---------------------------------------------------------------------------
 * Runs
 */

typedef struct variant {
    const char *kernels;
    size_t threads;
} variant;

/* Sets row weights and class weights. They are no sums of powers of two, so
 * that their products and sums are rounded. */
static double *set_weights(const plan *p, mlp_train_options *options)
{
    static const double of_classes[] = {1, 0.3, 2, 0.7, 1, 5, 0.1};
    double *weights = need_memory(p->rows, sizeof *weights);
    for (size_t i = 0; i < p->rows; i++) {
        weights[i] = (double)(i % 7) / 5;
    }
    options->row_weights = mlp_cview_f64(weights, p->rows, 1);
    options->class_weights = of_classes;
    return weights;
}

static mlp_status standardise(mlp_net *net, const data *d)
{
    mlp_status status = mlp_net_standardise(net, d->X);
    return status == MLP_OK ? mlp_net_standardise_targets(net, d->Y) : status;
}

static uint64_t hash_predictions(uint64_t hash, const plan *p,
                                 const mlp_net *net, const data *d)
{
    size_t n = outputs_of(p);
    void *memory = need_memory(p->rows * n, sizeof(double));
    mlp_view A = {p->precision, p->rows, n, n, 1, memory};
    if (mlp_predict(net, d->X, A) == MLP_OK) {
        hash = hash_view(hash, mlp_view_const(A));
    }
    free(memory);
    return hash;
}

/* Trains a network and adds its weights to the hash; ends the program on an
 * error. */
static uint64_t train(const plan *p, variant v, const data *d, uint64_t hash)
{
    mlp_layer layers[3];
    size_t L = 0;
    for (size_t l = 1; l < 4 && p->widths[l] > 0; l++, L++) {
        bool is_last = l == 3 || p->widths[l + 1] == 0;
        layers[L] =
            (mlp_layer){.width = p->widths[l],
                        .activation = is_last ? p->last : p->hidden[l - 1],
                        .slope = p->slopes[l - 1],
                        .dropout = is_last ? 0.0 : p->dropout[l - 1],
                        .batch_norm = p->normed[l - 1]};
    }
    static const double quantiles[] = {0.05, 0.1, 0.3, 0.5, 0.6, 0.9, 0.99};
    mlp_config config = tutorial_config();
    config.quantiles = p->loss == MLP_LOSS_QUANTILE ? quantiles : NULL;
    config.inputs = p->widths[0];
    config.layers = layers;
    config.n_layers = L;
    config.loss = p->loss;
    config.precision = p->precision;
    config.init = p->init;
    config.label_smoothing = p->smoothing;
    config.kernels = v.kernels;
    mlp_net *net = NULL;
    mlp_status status = mlp_net_create(&config, &net);
    mlp_train_options options = tutorial_options();
    options.epochs = p->epochs;
    options.batch_size = p->batch_size;
    options.learning_rate = p->rate;
    options.optimizer = mlp_optimizer_defaults(p->kind);
    options.threads = v.threads;
    if (p->parts > 0) {
        options.parts = p->parts;
        options.shuffle = options.standardise = true;
    }
    if (p->penalised) {
        options.optimizer.l1 = 0.01;
        options.optimizer.l2 = 0.1;
        options.optimizer.clip_norm = 0.5;
        options.optimizer.clip_value = 0.05;
    }
    double *weights = p->has_weights ? set_weights(p, &options) : NULL;
    if (status == MLP_OK && p->scales) {
        status = standardise(net, d);
    }
    if (status == MLP_OK) {
        status = mlp_fit(net, d->X, d->Y, &options, NULL);
    }
    if (status != MLP_OK) {
        (void)fprintf(stderr, "%s: %s\n", p->name, mlp_status_text(status));
        exit(1);
    }
    hash = hash_weights(hash, net);
    hash = p->scales ? hash_predictions(hash, p, net, d) : hash;
    mlp_net_free(net);
    free(weights);
    return hash;
}

static void print(const char *name, variant v, uint64_t hash)
{
    (void)printf("%s %s %zu %016" PRIx64 "\n", name, v.kernels, v.threads,
                 hash);
    (void)fflush(stdout);
}

static void run(const plan *p, bool quick)
{
    static const size_t threads[] = {1, 2, 3, 8};
    data d = data_of(p);
    for (size_t k = 0; mlp_kernels(k); k++) {
        for (size_t t = 0; t < 4; t++) {
            /* Plans that are not busy use one thread anyway. */
            if (p->busy ? !quick || threads[t] == 3 : t == 0) {
                variant v = {mlp_kernels(k), threads[t]};
                print(p->name, v, train(p, v, &d, first_hash));
            }
        }
    }
    free_data(d);
}

/* ---------------------------------------------------------------------------
 * Odd sizes of rows, of inputs (and outputs), and of neurons. Each pair of
 * sizes meets once in each pair of places; all share one hash.
 */

enum { SIZES = 8 };

static uint64_t train_sizes(mlp_dtype precision, variant v)
{
    static const size_t sizes[SIZES] = {1, 2, 3, 7, 17, 33, 100, 129};
    static const mlp_activation functions[] = {
        MLP_ACT_TANH, MLP_ACT_RELU, MLP_ACT_SIGMOID, MLP_ACT_IDENTITY};
    uint64_t hash = first_hash;
    for (size_t i = 0; i < SIZES * SIZES; i++) {
        size_t rows = i % SIZES;
        size_t ins = i / SIZES;
        plan p = {
            .name = "sizes",
            .from = NUMBER_ROWS,
            .precision = precision,
            .rows = sizes[rows],
            .widths = {sizes[ins], sizes[(rows + ins) % SIZES], sizes[ins], 0},
            .hidden = {functions[i % 4], MLP_ACT_IDENTITY},
            .last = MLP_ACT_IDENTITY,
            .loss = MLP_LOSS_MSE,
            .init = MLP_INIT_HE,
            .epochs = 1,
            .rate = 0.1,
            .kind = MLP_OPTIMIZER_SGD};
        data d = data_of(&p);
        hash = train(&p, v, &d, hash);
        free_data(d);
    }
    return hash;
}

static void run_sizes(void)
{
    for (size_t k = 0; mlp_kernels(k); k++) {
        for (size_t threads = 1; threads <= 3; threads += 2) {
            variant v = {mlp_kernels(k), threads};
            print("sizes_f64", v, train_sizes(MLP_F64, v));
            print("sizes_f32", v, train_sizes(MLP_F32, v));
        }
    }
}

/* ---------------------------------------------------------------------------
 * Each optimizer but lbfgs with each of the first five losses, also with
 * penalties, clipping and, where it is possible, label smoothing; all share one
 * hash. Steps with several threads have each optimizer once.
 */

/* `index` counts the kinds from MLP_OPTIMIZER_SGD. */
static plan optimizer_plan(mlp_dtype precision, int index, int loss, bool busy)
{
    static const mlp_activation last[] = {[MLP_LOSS_BCE] = MLP_ACT_SIGMOID,
                                          [MLP_LOSS_MSE] = MLP_ACT_IDENTITY,
                                          [MLP_LOSS_CCE] = MLP_ACT_SOFTMAX,
                                          [MLP_LOSS_MAE] = MLP_ACT_IDENTITY,
                                          [MLP_LOSS_HUBER] = MLP_ACT_IDENTITY};
    bool even = (index + loss) % 2 == 0;
    bool smooths = loss == MLP_LOSS_BCE || loss == MLP_LOSS_CCE;
    return (plan){.name = "rules",
                  .from = loss == MLP_LOSS_CCE ? CLASS_ROWS : NUMBER_ROWS,
                  .precision = precision,
                  .rows = busy ? 202 : 67,
                  .widths = {busy ? 64 : 31, busy ? 150 : 40, 7, 0},
                  .hidden = {MLP_ACT_TANH},
                  .last = last[loss],
                  .loss = (mlp_loss)loss,
                  .init = MLP_INIT_GLOROT,
                  .epochs = busy ? 1 : 2,
                  .batch_size = busy ? 101 : 41,
                  .rate = 0.01,
                  .kind = (mlp_optimizer_kind)(MLP_OPTIMIZER_SGD + index),
                  .penalised = even,
                  .smoothing = even && smooths ? 0.1 : 0.0};
}

static uint64_t train_optimizers(mlp_dtype precision, variant v, bool busy)
{
    uint64_t hash = first_hash;
    for (int i = 0; i < MLP_OPTIMIZER_LBFGS - MLP_OPTIMIZER_SGD; i++) {
        for (int loss = 0; loss <= MLP_LOSS_HUBER; loss++) {
            if (!busy || loss == i % 5) {
                plan p = optimizer_plan(precision, i, loss, busy);
                data d = data_of(&p);
                hash = train(&p, v, &d, hash);
                free_data(d);
            }
        }
    }
    return hash;
}

static void run_optimizers(void)
{
    for (size_t k = 0; mlp_kernels(k); k++) {
        variant v = {mlp_kernels(k), 1};
        print("rules_f64", v, train_optimizers(MLP_F64, v, false));
        print("rules_f32", v, train_optimizers(MLP_F32, v, false));
        for (v.threads = 1; v.threads <= 3; v.threads += 2) {
            print("shared_rules_f64", v, train_optimizers(MLP_F64, v, true));
            print("shared_rules_f32", v, train_optimizers(MLP_F32, v, true));
        }
    }
}

/* ---------------------------------------------------------------------------
 * Jacobians in both modes, of networks with all activations
 */

/* Returns a network of three layers, of which the second has batch norm, with
 * scaled inputs and targets. Softmax is for the last layer only. Exp is, too,
 * because the exponential of an exponential overflows, and the bits of a NaN
 * differ from machine to machine. */
static mlp_net *jacobian_net(mlp_dtype precision, mlp_activation f,
                             size_t inputs, const char *kernels)
{
    static const double mean[] = {0.5, -1, 2, 0, 1, -0.25, 3, 0.125, 7, 1, 2};
    static const double std[] = {2, 0.75, 1, 3, 0.5, 1.25, 4, 1.5, 3, 2, 0.3};
    bool is_for_outputs = f == MLP_ACT_SOFTMAX || f == MLP_ACT_EXP;
    mlp_activation hidden = is_for_outputs ? MLP_ACT_TANH : f;
    const mlp_layer layers[] = {
        {.width = 37, .activation = hidden},
        {.width = 23, .activation = hidden, .batch_norm = true},
        {.width = 7, .activation = f}};
    mlp_config config = mlp_config_defaults();
    config.inputs = inputs;
    config.layers = layers;
    config.n_layers = 3;
    config.loss = MLP_LOSS_MSE;
    config.precision = precision;
    config.init = MLP_INIT_GLOROT;
    config.kernels = kernels;
    mlp_net *net = NULL;
    if (mlp_net_create(&config, &net) != MLP_OK ||
        mlp_net_set_scaling(net, mean, std) != MLP_OK ||
        mlp_net_set_target_scaling(net, mean, std) != MLP_OK) {
        (void)fprintf(stderr, "jacobians: cannot make a network\n");
        exit(1);
    }
    return net;
}

static uint64_t hash_jacobians(mlp_dtype precision, const char *kernels)
{
    enum { MOST = 11, OUTPUTS = 7 };
    uint64_t hash = first_hash;
    for (int f = MLP_ACT_AUTO + 1; mlp_activation_name((mlp_activation)f);
         f++) {
        for (size_t inputs = 3; inputs <= MOST; inputs += 8) {
            static double x[MOST];
            static double memory[OUTPUTS * MOST];
            mlp_net *net =
                jacobian_net(precision, (mlp_activation)f, inputs, kernels);
            mlp_workspace *workspace = NULL;
            mlp_view J = {precision, OUTPUTS, inputs, inputs, 1, memory};
            for (size_t i = 0; i < inputs; i++) {
                x[i] = (double)i / 8 - 0.5;
            }
            mlp_status status = mlp_workspace_create(net, &workspace);
            if (status == MLP_OK) {
                status = mlp_jacobian(net, workspace,
                                      view_of(x, precision, 1, inputs), J);
            }
            if (status != MLP_OK) {
                (void)fprintf(stderr, "jacobians: %s\n",
                              mlp_status_text(status));
                exit(1);
            }
            if (!isfinite(mlp_cview_at(mlp_view_const(J), 0, 0))) {
                (void)fprintf(stderr, "jacobians: not finite\n");
                exit(1);
            }
            hash = hash_view(hash, mlp_view_const(J));
            mlp_workspace_free(workspace);
            mlp_net_free(net);
        }
    }
    return hash;
}

static void run_jacobians(void)
{
    for (size_t k = 0; mlp_kernels(k); k++) {
        variant v = {mlp_kernels(k), 1};
        print("jacobians_f64", v, hash_jacobians(MLP_F64, v.kernels));
        print("jacobians_f32", v, hash_jacobians(MLP_F32, v.kernels));
    }
}

/* ---------------------------------------------------------------------------
 * A golden file is loaded: its network, what that predicts, and the bytes of
 * the file that it is saved to.
 */

static void run_golden(int kind, mlp_dtype p)
{
    enum { M = 4, INPUTS = M * GOLDEN_INPUTS };
    static const double rows[INPUTS] = {1, 2,  3,  -1, -2, -3,
                                        0, .5, 50, 2,  -9, 700};
    unsigned char *bytes = need_memory(GOLDEN_MAX, 1);
    double *x = need_memory(INPUTS, sizeof *x);
    double *a = need_memory((size_t)M * GOLDEN_OUTPUTS, sizeof *a);
    memcpy(x, rows, sizeof rows);
    mlp_cview X = view_of(x, p, M, GOLDEN_INPUTS);
    mlp_view A = {p, M, GOLDEN_OUTPUTS, GOLDEN_OUTPUTS, 1, a};
    mlp_net *net = NULL;
    size_t n = golden_bytes(kind, p, bytes);
    bool ok = mlp_net_load_memory(bytes, n, NULL, &net) == MLP_OK &&
              mlp_predict(net, X, A) == MLP_OK &&
              mlp_net_save_size(net) <= GOLDEN_MAX;
    n = mlp_net_save_size(net);
    if (!ok || mlp_net_save_memory(net, bytes, n) != MLP_OK) {
        (void)fprintf(stderr, "%s: cannot be used\n", golden_name(kind, p));
        exit(1);
    }
    uint64_t hash = hash_weights(first_hash, net);
    hash = hash_view(hash, mlp_view_const(A));
    for (size_t i = 0; i < n; i++) {
        hash = hash_bits(hash, bytes[i], 1);
    }
    print(golden_name(kind, p), (variant){mlp_net_kernels(net), 1}, hash);
    mlp_net_free(net);
    free(a);
    free(x);
    free(bytes);
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "quick") == 0;
    for (size_t i = 0; i < sizeof quick_plans / sizeof quick_plans[0]; i++) {
        run(&quick_plans[i], quick);
    }
    run_sizes();
    run_optimizers();
    run_jacobians();
    for (int kind = 0; kind < GOLDEN_KINDS; kind++) {
        run_golden(kind, MLP_F32);
        run_golden(kind, MLP_F64);
    }
    for (size_t i = 0; !quick && i < sizeof long_plans / sizeof long_plans[0];
         i++) {
        run(&long_plans[i], false);
    }
    return 0;
}
