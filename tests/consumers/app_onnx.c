/* SPDX-License-Identifier: MIT */
/* A user's program with mlp_onnx: it prints the size of a network as an ONNX
 * file. */
#include <mlp_onnx.h>
#include <stdio.h>

int main(void)
{
    mlp_layer layers[] = {{.width = 2, .activation = MLP_ACT_SOFTMAX}};
    mlp_config config = mlp_config_defaults();
    mlp_net *net = NULL;
    config.inputs = 3;
    config.layers = layers;
    config.n_layers = 1;
    config.loss = MLP_LOSS_CCE;
    mlp_status status = mlp_net_create(&config, &net);
    size_t size = mlp_onnx_save_size(net);
    (void)printf("%zu\n", size);
    mlp_net_free(net);
    return status != MLP_OK || size == 0;
}
