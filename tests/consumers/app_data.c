/* SPDX-License-Identifier: MIT */
/* A user's program with mlp_data: it reads a table and encodes its inputs. */
#include <mlp_data.h>

int main(void)
{
    static const char file[] = "colour,size\nred,1\nblue,2\n";
    double X[4] = {9, 9, 9, 9};
    mlp_data *data = NULL;
    mlp_data_recipe *recipe = NULL;
    mlp_status status =
        mlp_data_load_memory(file, sizeof file - 1, "file", NULL, NULL, &data);
    if (status == MLP_OK) {
        status = mlp_data_recipe_make(data, "size", NULL, 0, &recipe);
    }
    if (status == MLP_OK) {
        status = mlp_data_recipe_encode(recipe, data, mlp_view_f64(X, 2, 2));
    }
    mlp_data_recipe_free(recipe);
    mlp_data_free(data);
    return status != MLP_OK || X[0] != 0 || X[1] != 1 || X[2] != 1;
}
