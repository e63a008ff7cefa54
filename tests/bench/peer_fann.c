/* SPDX-License-Identifier: MIT */
/*
 * Measures FANN (2.2, as Debian builds it) with the workloads of mlp_bench. The
 * program is linked with -lfloatfann, or compiled with -DDOUBLE and linked with
 * -ldoublefann:
 *
 *     peer_fann <peer> <threads> <seconds> <moons> <digits> [<workload> ...]
 *
 * <moons> and <digits> are the files that mlp_bench reads, too.
 *
 * FANN goes row by row, so W5 and the widest of W8 are left out, and W7 has
 * fewer rows. It knows the squared error alone, and for the ReLU only a ramp
 * clipped to [0, 1], which is as cheap. Its full and mini-batch descent has no
 * momentum; W3 is its row by row training, with tanh, since the ramp does not
 * learn there.
 */
/* This declares clock_gettime. */
#define _POSIX_C_SOURCE 200809L

#include "peer.h"

#ifdef DOUBLE
#include <doublefann.h>
#else
#include <floatfann.h>
#endif

enum { MOONS = 400, DIGITS = 1797, PIXELS = 64, CLASSES = 10 };

typedef struct kind {
    unsigned n; /* number of layers, counting the inputs */
    unsigned widths[4];
    enum fann_activationfunc_enum hidden, last;
} kind;

static const kind xor_kind = {
    3, {2, 4, 1}, FANN_SIGMOID_SYMMETRIC, FANN_SIGMOID};
static const kind moons_kind = {
    4, {2, 16, 8, 1}, FANN_LINEAR_PIECE, FANN_SIGMOID};
static const kind digits_kind = {
    4, {64, 128, 64, 10}, FANN_SIGMOID_SYMMETRIC, FANN_SIGMOID};

static struct fann *make(const kind *k, enum fann_train_enum training)
{
    struct fann *net = fann_create_standard_array(k->n, k->widths);
    fann_randomize_weights(net, (fann_type)-0.5, (fann_type)0.5);
    fann_set_activation_function_hidden(net, k->hidden);
    fann_set_activation_function_output(net, k->last);
    fann_set_activation_steepness_hidden(net, 1);
    fann_set_activation_steepness_output(net, 1);
    fann_set_training_algorithm(net, training);
    return net;
}

/* Reads rows of `inputs` numbers and a target. The numbers are divided by
 * `scale`. The target is a number if there is one output, else a class. */
static struct fann_train_data *load(const char *path, unsigned rows,
                                    unsigned inputs, unsigned outputs,
                                    double scale)
{
    FILE *file = fopen(path, "r");
    struct fann_train_data *data = fann_create_train(rows, inputs, outputs);
    if (file) {
        (void)fscanf(file, "#%*[^\n]"); /* skips a comment in the first line */
    }
    for (unsigned i = 0; i < rows; i++) {
        for (unsigned j = 0; j <= inputs; j++) {
            double x = 0.0;
            if (!file || fscanf(file, "%lf%*1[,]", &x) < 1) {
                (void)fprintf(stderr, "%s: no such data\n", path);
                exit(1);
            }
            if (j < inputs) {
                data->input[i][j] = (fann_type)(x / scale);
                continue;
            }
            for (unsigned k = 0; k < outputs; k++) {
                data->output[i][k] =
                    (fann_type)(outputs > 1 ? k == (unsigned)x : x);
            }
        }
    }
    (void)fclose(file);
    return data;
}

/* ---------------------------------------------------------------------------
 * W1, W2: full batches
 */

typedef struct training {
    const kind *kind;
    struct fann_train_data *data;
    float rate;
    unsigned epochs;
    double accuracy;
} training;

static void full_batches(void *state, long calls)
{
    const training *t = state;
    for (long i = 0; i < calls; i++) {
        struct fann *net = make(t->kind, FANN_TRAIN_BATCH);
        fann_set_learning_rate(net, t->rate);
        for (unsigned e = 0; e < t->epochs; e++) {
            (void)fann_train_epoch(net, t->data);
        }
        fann_destroy(net);
    }
}

static void w1(const peer *p)
{
    struct fann_train_data *data = fann_create_train(4, 2, 1);
    for (unsigned i = 0; i < 4; i++) {
        data->input[i][0] = i / 2;
        data->input[i][1] = i % 2;
        data->output[i][0] = i / 2 ^ i % 2;
    }
    double times[2];
    training t = {&xor_kind, data, 0.5F, 5000, 0.0};
    peer_time(p, full_batches, &t, times);
    peer_print_time(p, "W1", times, 1.0, "s");
}

static void w2(const peer *p, const char *result, const char *moons)
{
    double times[2];
    training t = {&moons_kind, load(moons, MOONS, 2, 1, 1.0), 0.1F, 2000, 0.0};
    peer_time(p, full_batches, &t, times);
    peer_print_time(p, result, times, 1.0, "s");
}

/* ---------------------------------------------------------------------------
 * W3
 */

static double accuracy(struct fann *net, struct fann_train_data *data)
{
    unsigned right = 0;
    for (unsigned i = 0; i < data->num_data; i++) {
        const fann_type *y = fann_run(net, data->input[i]);
        unsigned best = 0;
        for (unsigned j = 1; j < CLASSES; j++) {
            best = y[j] > y[best] ? j : best;
        }
        right += data->output[i][best] > 0.5F;
    }
    return (double)right / data->num_data;
}

static void single_rows(void *state, long calls)
{
    training *t = state;
    for (long i = 0; i < calls; i++) {
        struct fann *net = make(t->kind, FANN_TRAIN_INCREMENTAL);
        fann_set_learning_rate(net, t->rate);
        fann_set_learning_momentum(net, 0.9F);
        for (unsigned e = 0; e < t->epochs; e++) {
            fann_shuffle_train_data(t->data);
            for (unsigned k = 0; k < t->data->num_data; k++) {
                fann_train(net, t->data->input[k], t->data->output[k]);
            }
        }
        t->accuracy = accuracy(net, t->data);
        fann_destroy(net);
    }
}

static void w3(const peer *p, const char *digits)
{
    double times[2];
    training t = {&digits_kind, load(digits, DIGITS, PIXELS, CLASSES, 16.0),
                  0.02F, 20, 0.0};
    peer_time(p, single_rows, &t, times);
    (void)printf("W3 %s 1 %.6g s min=%.6g accuracy=%.4g\n", p->name, times[0],
                 times[1], t.accuracy);
}

/* ---------------------------------------------------------------------------
 * W4, W8: mini-batches
 */

typedef struct stepping {
    struct fann *net;
    struct fann_train_data *data, batch;
    unsigned at;
} stepping;

static void steps(void *state, long calls)
{
    stepping *s = state;
    for (long i = 0; i < calls; i++) {
        for (unsigned k = 0; k < s->batch.num_data; k++, s->at++) {
            unsigned row = s->at % s->data->num_data;
            s->batch.input[k] = s->data->input[row];
            s->batch.output[k] = s->data->output[row];
        }
        (void)fann_train_epoch(s->net, &s->batch);
    }
}

static void measure_steps(const peer *p, const char *result, kind k,
                          unsigned batch)
{
    if (!peer_wants(p, result)) {
        return;
    }
    unsigned rows = 10 * batch;
    stepping s = {.net = make(&k, FANN_TRAIN_BATCH),
                  .data = fann_create_train(rows, k.widths[0], CLASSES)};
    for (unsigned i = 0; i < rows; i++) {
        for (unsigned j = 0; j < k.widths[0]; j++) {
            s.data->input[i][j] = (fann_type)rand() / (fann_type)RAND_MAX;
        }
        for (unsigned j = 0; j < CLASSES; j++) {
            s.data->output[i][j] = 0;
        }
        s.data->output[i][rand() % CLASSES] = 1;
    }
    s.batch = *s.data;
    s.batch.num_data = batch;
    s.batch.input = peer_memory(batch, sizeof *s.batch.input);
    s.batch.output = peer_memory(batch, sizeof *s.batch.output);
    fann_set_learning_rate(s.net, 0.01F);
    double times[2];
    peer_time(p, steps, &s, times);
    peer_print_time(p, result, times, 1e3, "ms/step");
}

/* ---------------------------------------------------------------------------
 * W6, W7
 */

typedef struct prediction {
    struct fann *net;
    fann_type *x;
    unsigned inputs, rows;
} prediction;

static void predict(void *state, long calls)
{
    prediction *p = state;
    for (long i = 0; i < calls; i++) {
        for (unsigned row = 0; row < p->rows; row++) {
            (void)fann_run(p->net, p->x + (size_t)row * p->inputs);
        }
    }
}

static void measure_rows(const peer *all, const char *result, kind k,
                         unsigned rows)
{
    if (!peer_wants(all, result)) {
        return;
    }
    k.hidden = FANN_LINEAR_PIECE;
    k.last = FANN_LINEAR;
    prediction p = {make(&k, FANN_TRAIN_BATCH),
                    peer_memory((size_t)rows * k.widths[0], sizeof *p.x),
                    k.widths[0], rows};
    for (size_t i = 0; i < (size_t)rows * p.inputs; i++) {
        p.x[i] = (fann_type)rand() / (fann_type)RAND_MAX;
    }
    double times[2];
    peer_time(all, predict, &p, times);
    if (rows == 1) {
        peer_print_time(all, result, times, 1e9, "ns/call");
    } else {
        peer_print_rate(all, result, times, rows, "rows/s");
    }
    fann_destroy(p.net);
    free(p.x);
}

static void many_widths(const peer *p)
{
    const kind mnist = {
        4, {784, 512, 512, CLASSES}, FANN_LINEAR_PIECE, FANN_SIGMOID};
    measure_steps(p, "W4-sgd", mnist, 128);
    measure_rows(p, "W6-2-16-8-1", moons_kind, 1);
    measure_rows(p, "W6-64-128-64-10", digits_kind, 1);
    measure_rows(p, "W6-784-512-512-10", mnist, 1);
    measure_rows(p, "W7", mnist, 500);
    for (unsigned w = 16; w <= 256; w *= 4) {
        char name[32];
        (void)snprintf(name, sizeof name, "W8-%u", w);
        measure_steps(
            p, name,
            (kind){4, {w, w, w, CLASSES}, FANN_LINEAR_PIECE, FANN_SIGMOID}, 64);
    }
}

int main(int argc, char **argv)
{
    peer p = peer_of(argc, argv);
    if (argc < 6) {
        (void)fprintf(stderr, "%s: no files of moons and digits\n", argv[0]);
        return 2;
    }
    const char *moons = argv[4];
    p.choices += 2;
    p.n_choices -= 2;
    bool wide = sizeof(fann_type) == sizeof(double);
    if (wide && peer_wants(&p, "W1")) {
        w1(&p);
    }
    if (peer_wants(&p, wide ? "W2-f64" : "W2-f32")) {
        w2(&p, wide ? "W2-f64" : "W2-f32", moons);
    }
    if (!wide && peer_wants(&p, "W3")) {
        w3(&p, argv[5]);
    }
    if (!wide) {
        many_widths(&p);
    }
    return 0;
}
