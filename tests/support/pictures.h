/* SPDX-License-Identifier: MIT */
/*
 * What the tests of pictures draw, in a folder of their own: rows, two networks
 * and a history. make_all and free_all are the setup and teardown of a group.
 */
#ifndef TESTS_PICTURES_H
#define TESTS_PICTURES_H

#include "support/support.h"

#include <dirent.h>

#include "support/ignore.h"
#include "mlp_show.h"

enum { ROWS = 40, MOST_BYTES = 1 << 22, N_PANELS = 11 };

static char folder[] = "/tmp/mlp_show_XXXXXX";
static char script[MOST_BYTES];

/* What the tests draw. */
static double X[ROWS][2];
static double Y[ROWS][1];
static double labels[ROWS][1];
static const int32_t counts[] = {5, 0, 2, 7};
static hook_record quiet;
static mlp_net *moons;
static mlp_net *classes;
static mlp_history *history;

static inline mlp_net *made_net(size_t outputs, mlp_loss loss)
{
    mlp_layer layers[] = {{.width = 12}, {.width = outputs}};
    mlp_config config = mlp_config_defaults();
    mlp_net *net = NULL;
    config.inputs = 2, config.layers = layers, config.n_layers = 2;
    config.loss = loss;
    config.hooks = recording_hooks(&quiet);
    assert_int_equal(mlp_net_create(&config, &net), MLP_OK);
    return net;
}

static inline int make_all(void **state)
{
    (void)state;
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 30;
    options.validation_fraction = 0.25;
    for (size_t i = 0; i < ROWS; i++) {
        X[i][0] = sin((double)(i * i));
        X[i][1] = cos((double)(7 * i));
        Y[i][0] = X[i][0] * X[i][1] > 0;
        labels[i][0] = (double)(i % 3);
    }
    moons = made_net(1, MLP_LOSS_BCE);
    classes = made_net(3, MLP_LOSS_CCE);
    ignore(mlp_fit(moons, mlp_cview_f64(X[0], ROWS, 2),
                   mlp_cview_f64(Y[0], ROWS, 1), &options, &history));
    return !history || !mkdtemp(folder);
}

static inline int free_all(void **state)
{
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    mlp_history_free(history);
    mlp_net_free(moons);
    mlp_net_free(classes);
    return quiet.live != 0 || system(command) != 0;
}

static inline mlp_picture *made_picture(hook_record *record)
{
    mlp_picture_options options = mlp_picture_defaults();
    mlp_picture *picture = NULL;
    options.hooks = recording_hooks(record);
    assert_int_equal(mlp_picture_create(&options, &picture), MLP_OK);
    return picture;
}

/* Adds one of N_PANELS panels. */
static inline mlp_status add(mlp_picture *picture, int which)
{
    const char *const names[] = {"one", "two"};
    const double values[] = {0.5, 2};
    const mlp_curve curve = {"it's", NULL, values, 2, false};
    mlp_cview data = mlp_cview_f64(X[0], ROWS, 2);
    mlp_cview targets = mlp_cview_f64(Y[0], ROWS, 1);
    mlp_cview three = mlp_cview_f64(labels[0], ROWS, 1);
    switch (which) {
    case 0:
        return mlp_picture_curves(picture, NULL, &curve, 1);
    case 1:
        return mlp_picture_losses(picture, NULL, history, 10);
    case 2:
        return mlp_picture_points(picture, NULL, data, three);
    case 3:
        return mlp_picture_regions(picture, NULL, moons, data, targets);
    case 4:
        return mlp_picture_regions(picture, NULL, classes, data, three);
    case 5:
        return mlp_picture_activation(picture, NULL, MLP_ACT_GELU, 0);
    case 6:
        return mlp_picture_network(picture, NULL, moons, names);
    case 7:
        return mlp_picture_confusion(picture, NULL, mlp_cview_i32(counts, 2, 2),
                                     names);
    case 8:
        return mlp_picture_bars(picture, NULL, names, 2, NULL, 1, values);
    case 9:
        return mlp_picture_surface(picture, NULL, moons, data, targets, 1, 0, 3,
                                   0.5);
    default:
        return mlp_picture_image(picture, NULL, data);
    }
}

static inline const char *path_of(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Reads a file of the folder; an absent one gives NULL. */
static inline const char *content_of(const char *name)
{
    FILE *file = fopen(path_of(name), "r");
    if (!file) {
        return NULL;
    }
    size_t length = fread(script, 1, sizeof script - 1, file);
    (void)fclose(file);
    memset(script + length, 0, 1);
    return script;
}

static inline size_t files_in_folder(void)
{
    DIR *stream = opendir(folder);
    size_t n = 0;
    assert_non_null(stream);
    while (readdir(stream)) {
        n++;
    }
    (void)closedir(stream);
    return n - 2; /* . and .. */
}

static inline const char *script_of(const mlp_picture *picture)
{
    assert_int_equal(mlp_picture_write(picture, path_of("script.gp")), MLP_OK);
    return content_of("script.gp");
}

static inline bool has_gnuplot(void)
{
    bool found = system("gnuplot --version >/dev/null 2>&1") == 0;
    if (!found) {
        print_message("there is no gnuplot\n");
    }
    return found;
}

#endif
