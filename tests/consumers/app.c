/* SPDX-License-Identifier: MIT */
/* A user's program: it trains XOR and prints the predictions in hexadecimal, so
 * that the outputs of two builds can be compared bit by bit. */
#include <mlp.h>
#include <stdio.h>

int main(void)
{
    static const double X[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    static const double Y[4][1] = {{0}, {1}, {1}, {0}};
    double A[4][1] = {{0}};

    mlp_layer layers[] = {{.width = 4, .activation = MLP_ACT_TANH},
                          {.width = 1, .activation = MLP_ACT_SIGMOID}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = 2;
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 200;
    options.learning_rate = 0.5;

    mlp_net *net = NULL;
    mlp_status status = mlp_net_create(&config, &net);
    if (!status) {
        status = mlp_fit(net, mlp_cview_f64(&X[0][0], 4, 2),
                         mlp_cview_f64(&Y[0][0], 4, 1), &options, NULL);
    }
    if (!status) {
        status = mlp_predict(net, mlp_cview_f64(&X[0][0], 4, 2),
                             mlp_view_f64(&A[0][0], 4, 1));
    }
    mlp_net_free(net);
    for (int i = 0; i < 4; i++) {
        printf("%a\n", A[i][0]);
    }
    return status != MLP_OK;
}
