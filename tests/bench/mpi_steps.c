/* SPDX-License-Identifier: MIT */
/*
 * mpi_steps WORKLOAD PARTS THREADS SECONDS
 *
 * Measures training steps on the ranks of mpirun: W4-sgd, W4-adam and W5 of
 * mlp_bench.c. It prints the median time of a step in ms, the share of the
 * step that is spent in the exchange, the bytes that a rank sends in a step, and
 * the least bytes that any exchange of the gradients needs. With one rank PARTS
 * may be 1. tests/bench/mpi.py runs it beside PyTorch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlp_mpi.h"

/* ---------------------------------------------------------------------------
 * What MPI does: the profiling interface lets a program put a function of its
 * own before each of MPI's.
 */

static double exchange_seconds;
static double sent_bytes;

int MPI_Sendrecv(const void *sent, int n_sent, MPI_Datatype type, int to,
                 int tag, void *received, int n_received,
                 MPI_Datatype received_type, int from, int received_tag,
                 MPI_Comm comm, MPI_Status *status)
{
    int size = 0;
    double begin = MPI_Wtime();
    int code = PMPI_Sendrecv(sent, n_sent, type, to, tag, received, n_received,
                             received_type, from, received_tag, comm, status);
    exchange_seconds += MPI_Wtime() - begin;
    (void)PMPI_Type_size(type, &size);
    sent_bytes += (double)n_sent * size;
    return code;
}

/* ---------------------------------------------------------------------------
 * Workloads
 */

enum { LAYERS = 3, MOST = 100000 };

typedef struct workload {
    const char *name;
    size_t widths[LAYERS + 1];
    size_t batch, batches; /* of an epoch */
    bool classes;
    mlp_optimizer_kind kind;
} workload;

static const workload workloads[] = {
    {"W4-sgd", {784, 512, 512, 10}, 128, 40, true, MLP_OPTIMIZER_SGD},
    {"W4-adam", {784, 512, 512, 10}, 128, 40, true, MLP_OPTIMIZER_ADAM},
    {"W5", {1024, 2048, 2048, 1024}, 256, 4, false, MLP_OPTIMIZER_SGD},
};

static void check(mlp_status status)
{
    if (status != MLP_OK) {
        (void)fprintf(stderr, "%s\n", mlp_status_text(status));
        (void)MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
    }
}

static void *need(size_t n, size_t size)
{
    void *memory = calloc(n, size);
    if (!memory) {
        check(MLP_ERR_MEMORY);
    }
    return memory;
}

static mlp_net *net_of(const workload *w)
{
    mlp_layer layers[LAYERS];
    memset(layers, 0, sizeof layers);
    for (size_t l = 0; l < LAYERS; l++) {
        layers[l].width = w->widths[l + 1];
        layers[l].activation = l + 1 < LAYERS ? MLP_ACT_RELU : MLP_ACT_AUTO;
    }
    mlp_config config = mlp_config_defaults();
    config.inputs = w->widths[0];
    config.layers = layers;
    config.n_layers = LAYERS;
    config.loss = w->classes ? MLP_LOSS_CCE : MLP_LOSS_MSE;
    config.precision = MLP_F32;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = NULL;
    check(mlp_net_create(&config, &net));
    return net;
}

/* ---------------------------------------------------------------------------
 * Time
 */

typedef struct watch {
    double end, last;
    size_t steps;
    double times[MOST]; /* of steps */
} watch;

/* Notes the time of a step. The first ones warm up the caches. */
static bool on_batch(const mlp_batch_progress *progress, void *user)
{
    enum { WARM_UP = 8 };
    watch *w = user;
    double now = MPI_Wtime();
    if (progress->epoch == 0 && progress->batch < WARM_UP) {
        exchange_seconds = sent_bytes = 0.0;
        w->steps = 0;
    } else {
        w->times[w->steps++] = now - w->last;
    }
    w->last = now;
    return now < w->end && w->steps < MOST;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Prints what rank 0 has measured. */
static void print(const mlp_net *net, watch *w, int ranks)
{
    double sum = 0.0;
    for (size_t i = 0; i < w->steps; i++) {
        sum += w->times[i];
    }
    qsort(w->times, w->steps, sizeof w->times[0], compare);
    double least = 2.0 * (ranks - 1) / ranks *
                   (double)mlp_net_parameter_count(net) * sizeof(float);
    printf("%.4f %.4f %.0f %.0f\n", 1e3 * w->times[w->steps / 2],
           exchange_seconds / sum, sent_bytes / (double)w->steps, least);
}

/* Measures one workload. */
static void measure(const workload *task, size_t parts, size_t threads,
                    double seconds)
{
    static watch w;
    int rank = 0;
    int ranks = 1;
    (void)MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    (void)MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    size_t m = task->batch * task->batches / (size_t)ranks;
    size_t outputs = task->classes ? 1 : task->widths[LAYERS];
    mlp_rng rng = mlp_rng_seeded((uint32_t)rank);
    float *X = need(m * task->widths[0], sizeof *X);
    float *Y = need(m * outputs, sizeof *Y);
    int32_t *classes = need(m, sizeof *classes);
    for (size_t i = 0; i < m * task->widths[0]; i++) {
        X[i] = (float)mlp_rng_random_sample(&rng);
    }
    for (size_t i = 0; i < m * outputs; i++) {
        Y[i] = (float)mlp_rng_randn(&rng);
    }
    for (size_t i = 0; i < m; i++) {
        int64_t class = 0;
        check(mlp_rng_randint(&rng, 0, 10, &class));
        classes[i] = (int32_t) class;
    }
    mlp_net *net = net_of(task);
    mlp_train_options options = mlp_train_defaults();
    options.optimizer = mlp_optimizer_defaults(task->kind);
    options.learning_rate = 0.001;
    options.standardise = false;
    options.batch_size = task->batch;
    options.threads = threads;
    options.epochs = MOST;
    options.on_batch = on_batch;
    options.user = &w;
    options.parts = parts;
    mlp_mpi_options mpi = {.comm = MPI_COMM_WORLD, .parts = parts};
    mlp_cview rows = mlp_cview_f32(X, m, task->widths[0]);
    mlp_cview targets = task->classes ? mlp_cview_i32(classes, m, 1)
                                      : mlp_cview_f32(Y, m, outputs);
    w.end = MPI_Wtime() + seconds;
    check(ranks > 1 ? mlp_mpi_fit(net, rows, targets, &options, &mpi, NULL)
                    : mlp_fit(net, rows, targets, &options, NULL));
    if (rank == 0) {
        print(net, &w, ranks);
    }
    mlp_net_free(net);
    free(X);
    free(Y);
    free(classes);
}

int main(int argc, char **argv)
{
    if (MPI_Init(&argc, &argv) != MPI_SUCCESS || argc != 5) {
        (void)fprintf(stderr, "mpi_steps WORKLOAD PARTS THREADS SECONDS\n");
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++) {
        if (strcmp(argv[1], workloads[i].name) == 0) {
            measure(&workloads[i], strtoul(argv[2], NULL, 10),
                    strtoul(argv[3], NULL, 10), strtod(argv[4], NULL));
        }
    }
    return MPI_Finalize() == MPI_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
