/* SPDX-License-Identifier: MIT */
/*
 * The digits of problem 1, learned by several processes:
 *     mpirun -n 4 mpi_digits
 * Each has a share of the images. The network is the same for 1, 2, 4 and 8 of
 * them, to the last bit.
 */
#include "example.h"
#include "flags.h"

#include <inttypes.h>
#include <mlp_data.h>
#include <mlp_mpi.h>

#ifndef DIGITS_CSV
#define DIGITS_CSV "examples/data/digits.csv"
#endif

enum { PIXELS = 64, CLASSES = 10 };

/* Splits the file into images to train on and images to test, the same ones on
 * each process. Of a large file each process would read its own rows only: see
 * mlp_data.h. Returns the number of training images. */
static size_t read_digits(const char *path, samples *train, samples *test)
{
    mlp_hooks hooks = mlp_hooks_stderr();
    mlp_data *data = NULL;
    check(mlp_data_load(path, NULL, &hooks, &data));
    mlp_cview all = mlp_data_values(data);
    size_t *order = calloc(all.rows, sizeof *order);
    int32_t *labels = calloc(all.rows, sizeof *labels);
    if (!order || !labels) {
        check(MLP_ERR_MEMORY);
    }
    for (size_t i = 0; i < all.rows; i++) {
        labels[i] = (int32_t)mlp_cview_at(all, i, PIXELS);
    }
    size_t tested = 0;
    check(mlp_train_test_split(mlp_cview_i32(labels, all.rows, 1), NULL, order,
                               &tested));
    size_t trained = all.rows - tested;
    samples *sets[] = {train, test};
    for (size_t k = 0; k < 2; k++) {
        size_t n = k == 0 ? trained : tested;
        const size_t *rows = order + (k == 0 ? 0 : trained);
        sets[k]->X = new_array(MLP_F64, n, PIXELS);
        sets[k]->Y = mlp_view_i32(calloc(n, sizeof(int32_t)), n, 1);
        check(mlp_gather_rows(mlp_cview_cols(all, 0, PIXELS), rows, &hooks,
                              sets[k]->X));
        check(mlp_gather_rows(mlp_cview_i32(labels, all.rows, 1), rows, &hooks,
                              sets[k]->Y));
    }
    free(order);
    free(labels);
    mlp_data_free(data);
    return trained;
}

static const char usage[] =
    "mpi_digits [FILE]\n"
    "Processes of MPI learn the handwritten digits of FILE together, as\n"
    "mpirun -n 4 mpi_digits\n"
    "(" DIGITS_CSV ").\n";

int main(int argc, char **argv)
{
    int rank = 0, ranks = 1;
    const char *path = DIGITS_CSV;
    const flag flags[] = {{.name = NULL, TEXT, &path}};
    parse_flags(usage, flags, 1, argc, argv);
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    samples train, test;
    size_t m = read_digits(path, &train, &test);

    const mlp_layer layers[] = {
        {.width = 128, .dropout = 0.3}, {.width = 64}, {.width = CLASSES}};
    mlp_config config = mlp_config_defaults();
    config.inputs = PIXELS;
    config.layers = layers;
    config.n_layers = 3;
    config.loss = MLP_LOSS_CCE;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = NULL;
    check(mlp_net_create(&config, &net));

    mlp_train_options options = mlp_train_defaults();
    options.standardise = false; /* pixels have one scale: see digits.c */
    options.epochs = 30;
    options.learning_rate = 0.0003; /* for pixels from 0 to 16 */
    size_t first = m * (size_t)rank / (size_t)ranks;
    size_t share = m * (size_t)(rank + 1) / (size_t)ranks - first;
    check(mlp_mpi_fit(net, mlp_view_const(mlp_view_rows(train.X, first, share)),
                      mlp_view_const(mlp_view_rows(train.Y, first, share)),
                      &options, NULL, NULL));

    mlp_scores scores;
    check(mlp_evaluate(net, mlp_view_const(test.X), mlp_view_const(test.Y),
                       &scores));
    if (rank == 0) {
        printf("%d rank%s\n", ranks, ranks == 1 ? "" : "s");
        printf("Test Accuracy: %.2f%%\n", 100 * scores.accuracy);
        printf("Test loss: %.17g\n", scores.loss);
    }
    mlp_net_free(net);
    free_samples(train);
    free_samples(test);
    return MPI_Finalize() == MPI_SUCCESS ? 0 : 1;
}
