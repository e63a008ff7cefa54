// SPDX-License-Identifier: MIT
// A user's program in C++: it does what app.c does and must print the same.
#include <mlp.h>

#include <cstdio>
#include <memory>

int main()
{
    const double X[] = {0, 0, 0, 1, 1, 0, 1, 1};
    const double Y[] = {0, 1, 1, 0};
    double A[4] = {};

    const mlp_layer layers[] = {{4, MLP_ACT_TANH}, {1, MLP_ACT_SIGMOID}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = 2;
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 200;
    options.learning_rate = 0.5;

    mlp_net *made = nullptr;
    if (mlp_net_create(&config, &made) != MLP_OK) {
        return 1;
    }
    const std::unique_ptr<mlp_net, decltype(&mlp_net_free)> net(made,
                                                                mlp_net_free);
    if (mlp_fit(net.get(), mlp_cview_f64(X, 4, 2), mlp_cview_f64(Y, 4, 1),
                &options, nullptr) != MLP_OK ||
        mlp_predict(net.get(), mlp_cview_f64(X, 4, 2), mlp_view_f64(A, 4, 1)) !=
            MLP_OK) {
        return 1;
    }
    for (const double a : A) {
        std::printf("%a\n", a);
    }
}
