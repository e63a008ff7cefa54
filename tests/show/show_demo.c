/* SPDX-License-Identifier: MIT */
/*
 * Draws each panel once, into the folder that its argument names, to be looked
 * at: show_demo DIR [svg|png].
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>

#include "mlp_show.h"

enum { ROWS = 200 };

static double moons_X[ROWS][2], moons_Y[ROWS][1];
static double blobs_X[ROWS][2];
static int32_t blobs_Y[ROWS][1];

static void check(mlp_status s)
{
    if (s != MLP_OK) {
        (void)fprintf(stderr, "show_demo: %s\n", mlp_status_text(s));
        exit(1);
    }
}

static void make_data(void)
{
    mlp_rng rng = mlp_rng_seeded(42);
    for (int i = 0; i < ROWS; i++) {
        double t = 3.14159 * mlp_rng_random_sample(&rng);
        int k = i % 2;
        moons_X[i][0] =
            (k ? 1 - cos(t) : cos(t)) + mlp_rng_normal(&rng, 0, 0.15);
        moons_X[i][1] =
            (k ? 0.5 - sin(t) : sin(t)) + mlp_rng_normal(&rng, 0, 0.15);
        moons_Y[i][0] = k;
        int c = i % 4;
        blobs_Y[i][0] = c;
        blobs_X[i][0] = 3 * (c % 2) + mlp_rng_randn(&rng);
        blobs_X[i][1] = (c >= 2 ? 3 : 0) + mlp_rng_randn(&rng);
    }
}

static const char *folder, *suffix;

static void write(mlp_picture *picture, const char *name)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s.%s", folder, name, suffix);
    check(mlp_picture_write(picture, strcmp(suffix, "text") ? path : NULL));
    mlp_picture_free(picture);
}

static mlp_picture *fresh(const char *title, int columns)
{
    mlp_picture_options o = mlp_picture_defaults();
    mlp_picture *p = NULL;
    o.title = title, o.columns = columns, o.hooks = mlp_hooks_stderr();
    check(mlp_picture_create(&o, &p));
    return p;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return 2;
    }
    folder = argv[1];
    suffix = argc > 2 ? argv[2] : "png";
    make_data();
    mlp_layer layers[] = {{.width = 16}, {.width = 8}, {.width = 1}};
    mlp_config config = mlp_config_defaults();
    mlp_net *net = NULL, *net4 = NULL;
    mlp_history *history = NULL;
    config.inputs = 2, config.layers = layers, config.n_layers = 3;
    config.hooks = mlp_hooks_stderr();
    check(mlp_net_create(&config, &net));
    mlp_train_options o = mlp_train_defaults();
    o.validation_fraction = 0.25;
    mlp_cview X = mlp_cview_f64(moons_X[0], ROWS, 2),
              Y = mlp_cview_f64(moons_Y[0], ROWS, 1);
    check(mlp_fit(net, X, Y, &o, &history));
    layers[2].width = 4;
    config.loss = MLP_LOSS_CCE;
    check(mlp_net_create(&config, &net4));
    mlp_cview X4 = mlp_cview_f64(blobs_X[0], ROWS, 2),
              Y4 = mlp_cview_i32(blobs_Y[0], ROWS, 1);
    check(mlp_fit(net4, X4, Y4, NULL, NULL));
    const char *names[] = {"north", "south-west", "plain", "a long name"};
    check(mlp_net_set_class_names(net4, names, 4));

    mlp_picture *p = fresh(NULL, 0);
    mlp_axes axes = {.title = "Decision regions of two moons"};
    check(mlp_picture_regions(p, &axes, net, X, Y));
    write(p, "regions");

    p = fresh("Two panels: 100 % 'quoted' `date` a_b^2", 0);
    mlp_axes log = {.title = "Losses", .log_y = true};
    mlp_axes late = {.title = "From epoch 100 on"};
    check(mlp_picture_losses(p, &log, history, 0));
    check(mlp_picture_losses(p, &late, history, 100));
    write(p, "losses");

    p = fresh(NULL, 0);
    check(mlp_picture_regions(p, NULL, net4, X4, Y4));
    check(mlp_picture_points(p, NULL, X4, Y4));
    write(p, "classes");

    p = fresh("Activations", 0);
    mlp_activation all[] = {MLP_ACT_SIGMOID, MLP_ACT_TANH, MLP_ACT_RELU,
                            MLP_ACT_ELU,     MLP_ACT_GELU, MLP_ACT_SOFTPLUS};
    for (int i = 0; i < 6; i++) {
        mlp_axes a = {.title = mlp_activation_name(all[i])};
        check(mlp_picture_activation(p, &a, all[i], 0));
    }
    write(p, "activations");

    p = fresh(NULL, 0);
    mlp_axes drawn = {.title = "A network of two inputs"};
    const char *inputs[] = {"petal length", "petal width"};
    check(mlp_picture_network(p, &drawn, net4, inputs));
    write(p, "network");

    int32_t counts[16] = {40, 2, 0, 1, 3, 45, 1, 0, 0, 0, 50, 2, 7, 1, 1, 30};
    double many[900];
    int32_t many_counts[900];
    for (int i = 0; i < 900; i++) {
        many_counts[i] = i % 31 == 0 ? 90 : i % 7 == 0;
        many[i] = sin(i * 0.05) * (i % 30);
    }
    p = fresh(NULL, 0);
    check(mlp_picture_confusion(p, NULL, mlp_cview_i32(counts, 4, 4), names));
    check(mlp_picture_confusion(p, NULL, mlp_cview_i32(many_counts, 30, 30),
                                NULL));
    write(p, "confusion");

    p = fresh(NULL, 0);
    const char *bars[] = {"0.001", "0.01", "0.1", "0.5", "1.0"};
    const char *series[] = {"train", "test"};
    double accuracies[] = {0.81, 0.9,  0.955, 0.97, 0.985,
                           0.8,  0.87, 0.94,  0.96, 0.96};
    mlp_axes acc = {.title = "Accuracy by learning rate",
                    .x = "learning rate",
                    .y = "accuracy",
                    .y_max = 1.1};
    check(mlp_picture_bars(p, &acc, bars, 5, series, 2, accuracies));
    const char *archs[] = {"Shallow (2→4→1)", "Medium (2→8→1)", "Wide (2→16→1)",
                           "Deep (2→8→8→1)", "Wide-Deep (2→16→8→1)"};
    check(mlp_picture_bars(p, NULL, archs, 5, NULL, 1, accuracies));
    write(p, "bars");

    p = fresh(NULL, 0);
    check(mlp_picture_surface(p, NULL, net, X, Y, 1, 0, 1, 2));
    check(mlp_picture_image(p, NULL, mlp_cview_f64(many, 30, 30)));
    write(p, "surface");

    p = fresh(NULL, 0);
    double y5[8][50];
    mlp_curve curves[8];
    for (int k = 0; k < 8; k++) {
        for (int i = 0; i < 50; i++) {
            y5[k][i] = exp(-0.02 * i * (k + 1)) + 0.1 * k;
        }
        static char text[8][32];
        (void)snprintf(text[k], 32, "lr = %g", 0.1 * (k + 1));
        curves[k] = (mlp_curve){text[k], NULL, y5[k], 50, false};
    }
    check(mlp_picture_curves(p, NULL, curves, 8));
    check(mlp_picture_commands(
        p, "unset border\nunset tics\nunset grid\nset xrange [0:10]\nset "
           "yrange [0:5]\n"
           "set object rect from 1,1 to 3,2 fc rgb '#cfe2f3'\nset label 'z = W "
           "x + b' at 2,1.5 center\nset arrow from 3,1.5 to 6,1.5\nplot NaN "
           "notitle"));
    write(p, "curves");
    check(mlp_show_summary(net4, stdout));
    check(mlp_show_confusion(mlp_cview_i32(counts, 4, 4), names, stdout));
    check(mlp_show_confusion(mlp_cview_i32(many_counts, 30, 30), NULL, stdout));
    check(mlp_show_class_scores(mlp_cview_i32(counts, 4, 4), names, stdout));
    mlp_history_free(history);
    mlp_net_free(net);
    mlp_net_free(net4);
    return 0;
}
