/* SPDX-License-Identifier: MIT */
/*
 * The digits of problem 1, learned by several processes:
 *     mpirun -n 4 mpi_digits
 * Each has a share of the images. The network is the same for 1, 2, 4 and 8 of
 * them, to the last bit.
 */
#include "digits.h"

#include <mlp_mpi.h>

/* Splits the images into those to train on and those to test, the same ones on
 * each process. Of a large file each process would read its own rows only: see
 * mlp_data.h. */
static void split_digits(const char *path, samples *train, samples *test)
{
    size_t order[ROWS], test_rows;
    samples all = read_digits(path, MLP_F64, 16);
    check(mlp_train_test_split(mlp_view_const(all.Y), NULL, order, &test_rows));
    *train = take_digits(all, order, ROWS - test_rows);
    *test = take_digits(all, order + ROWS - test_rows, test_rows);
    free_samples(all);
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
    split_digits(path, &train, &test);
    size_t m = train.X.rows;

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
