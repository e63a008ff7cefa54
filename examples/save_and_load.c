/* SPDX-License-Identifier: MIT */
/*
 * Saves and loads a network. The first run trains on two moons, writes
 * moons.mlp into the current folder, loads the file, and shows that the loaded
 * network predicts the same bits. It also exports the network as C (moons_net.c
 * and moons_net.h) and, if the library mlp_onnx was built, as moons.onnx. A
 * second run finds moons.mlp and does not train.
 */
#include "example.h"
#include "flags.h"
#include "two_moons.h"

#ifdef EXAMPLE_ONNX
#include "mlp_onnx.h"
#endif

static const char path[] = "moons.mlp";

static mlp_net *train(samples rows)
{
    const char *const classes[] = {"upper moon", "lower moon"};
    mlp_layer layers[] = {{.width = 16}, {.width = 8}, {.width = 1}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = 3;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = NULL;
    mlp_cview X = mlp_view_const(rows.X), Y = mlp_view_const(rows.Y);
    check(mlp_net_create(&config, &net));
    check(mlp_fit(net, X, Y, NULL, NULL));
    check(mlp_net_set_class_names(net, classes, 2));
    check(mlp_net_set_metadata(net, "made by", "examples/save_and_load.c"));
    return net;
}

/* Counts the rows for which two networks predict the same bits. */
static size_t count_equal(const mlp_net *a, const mlp_net *b, mlp_cview X)
{
    size_t equal = 0;
    mlp_view A = new_array(MLP_F64, X.rows, 1);
    mlp_view B = new_array(MLP_F64, X.rows, 1);
    check(mlp_predict(a, X, A));
    check(mlp_predict(b, X, B));
    for (size_t i = 0; i < X.rows; i++) {
        equal += mlp_cview_at(mlp_view_const(A), i, 0) ==
                 mlp_cview_at(mlp_view_const(B), i, 0);
    }
    free(A.data);
    free(B.data);
    return equal;
}

/* Loads the network from the file and classifies a point with it. */
static mlp_net *load(void)
{
    const mlp_hooks hooks = mlp_hooks_stderr();
    mlp_net *net = NULL;
    check(mlp_net_load(path, &hooks, &net));
    printf("Loaded %s, made by %s: %zu parameters\n", path,
           mlp_net_metadata(net, "made by"), mlp_net_parameter_count(net));

    double x[2] = {0, 1}, a = 0;
    check(mlp_predict(net, mlp_cview_f64(x, 1, 2), mlp_view_f64(&a, 1, 1)));
    printf("(%g, %g) is of the %s\n", x[0], x[1],
           mlp_net_class_name(net, a >= 0.5));
    return net;
}

static const char usage[] =
    "save_and_load\n"
    "Saves a network as moons.mlp in this folder, exports it as C and as\n"
    "ONNX, and loads it. A second run loads without training.\n";

int main(int argc, char **argv)
{
    parse_flags(usage, NULL, 0, argc, argv);
    samples all = make_moons(500, 0.2, 42), rows, test;
    split(all, 42, MLP_F64, &rows, &test);
    FILE *there = fopen(path, "rb");
    if (there == NULL && errno != ENOENT) { /* keep what may be there */
        perror(path);
        return EXIT_FAILURE;
    }
    if (there == NULL) {
        mlp_net *net = train(rows);
        check(mlp_net_save(net, path));
        printf("Trained, and saved as %s\n", path);
        mlp_export_report size;
        check(mlp_export_c(net, "moons_net.c", NULL, &size));
        printf("As C: moons_net.c, %zu bytes of constants, %zu of scratch\n",
               size.constant_bytes, size.scratch_bytes);
#ifdef EXAMPLE_ONNX
        check(mlp_onnx_save(net, "moons.onnx"));
        printf("As ONNX: moons.onnx\n");
#endif
        mlp_net *loaded = load();
        printf("Equal predictions: %zu of %zu\n",
               count_equal(net, loaded, mlp_view_const(test.X)), test.X.rows);
        mlp_net_free(net);
        mlp_net_free(loaded);
    } else {
        (void)fclose(there);
        mlp_net *loaded = load();
        printf("Test accuracy: %.2f%%\n", 100 * accuracy(loaded, test));
        mlp_net_free(loaded);
    }
    free_samples(all);
    free_samples(rows);
    free_samples(test);
    return 0;
}
