/* SPDX-License-Identifier: MIT */
/* A user's program with mlp_mpi: it learns XOR on the ranks that there are, with
 * four parts of one row. */
#include <mlp_mpi.h>

int main(int argc, char **argv)
{
    static const double X[] = {0, 0, 0, 1, 1, 0, 1, 1};
    static const double Y[] = {0, 1, 1, 0};
    const mlp_layer layers[] = {{.width = 8}, {.width = 1}};
    int rank = 0;
    int ranks = 1;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    mlp_config config = mlp_config_defaults();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = 2;
    mlp_net *net = NULL;
    mlp_train_options options = mlp_train_defaults();
    options.batch_size = 4;
    mlp_mpi_options mpi = mlp_mpi_defaults();
    mpi.parts = 4;
    size_t m = rank == 0 ? 4 : 0; /* the rows move to where they are needed */
    double A[4];
    mlp_status status = mlp_net_create(&config, &net);
    if (status == MLP_OK) {
        status = mlp_mpi_fit(net, mlp_cview_f64(X, m, 2),
                             mlp_cview_f64(Y, m, 1), &options, &mpi, NULL);
    }
    if (status == MLP_OK) {
        status =
            mlp_predict(net, mlp_cview_f64(X, 4, 2), mlp_view_f64(A, 4, 1));
    }
    mlp_net_free(net);
    MPI_Finalize();
    return status != MLP_OK || A[0] > 0.5 || A[1] < 0.5 || A[2] < 0.5;
}
