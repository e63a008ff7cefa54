/* SPDX-License-Identifier: MIT */
/* A user's program with mlp_foreign: it loads the network y = 2 x - 1 from a
 * genann file and predicts with it. */
#include <mlp_foreign.h>

int main(void)
{
    static const char file[] = "1 0 0 1 1.0 2.0";
    double x = 3;
    double y = 0;
    mlp_net *net = NULL;
    mlp_foreign_options options = mlp_foreign_defaults();
    options.output = MLP_ACT_IDENTITY;
    mlp_status status =
        mlp_genann_load_memory(file, sizeof file - 1, &options, &net);
    if (status == MLP_OK) {
        status =
            mlp_predict(net, mlp_cview_f64(&x, 1, 1), mlp_view_f64(&y, 1, 1));
    }
    mlp_net_free(net);
    return status != MLP_OK || y != 5;
}
