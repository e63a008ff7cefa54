/* SPDX-License-Identifier: MIT */
/* A user's program with mlp_show: it prints the summary of a network. */
#include <mlp_show.h>

int main(void)
{
    mlp_layer layers[] = {{.width = 3}, {.width = 1}};
    mlp_config config = mlp_config_defaults();
    mlp_net *net = NULL;
    mlp_picture *picture = NULL;
    config.inputs = 2, config.layers = layers, config.n_layers = 2;
    mlp_status status = mlp_net_create(&config, &net);
    if (status == MLP_OK) {
        status = mlp_show_summary(net, stdout);
    }
    if (status == MLP_OK) {
        status = mlp_picture_create(NULL, &picture);
    }
    if (status == MLP_OK) {
        status = mlp_picture_network(picture, NULL, net, NULL);
    }
    mlp_picture_free(picture);
    mlp_net_free(net);
    return status != MLP_OK;
}
