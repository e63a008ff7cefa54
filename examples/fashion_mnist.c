/* SPDX-License-Identifier: MIT */
/*
 * Fashion-MNIST: 60,000 images of clothes, of 28 x 28 grey values, in ten
 * classes; and 10,000 more for the test (H. Xiao, K. Rasul and R. Vollgraf,
 * 2017). Debian's package dataset-fashion-mnist holds the four files, which are
 * read as they are. Pixels are standardised by one mean and one standard
 * deviation for all, because pixels at the border are blank in nearly all
 * images: each by itself, their noise would become large.
 *     fashion_mnist [--epochs N] [--plot FILE] [DIRECTORY]
 */
#include "example.h"
#include "flags.h"

#include <mlp_data.h>
#include <mlp_show.h>

#define DIRECTORY "/usr/share/datasets/fashion-mnist"

static const char usage[] =
    "fashion_mnist [--epochs N] [--plot FILE] [DIRECTORY]\n"
    "A network learns to tell ten kinds of clothes from images in the\n"
    "directory (" DIRECTORY "). Twelve images that it takes\n"
    "for something else are drawn into the file, which ends with .svg or\n"
    ".png.\n";

enum { CLASSES = 10, SIDE = 28, PIXELS = SIDE * SIDE, MISREAD = 12 };

static const char *const names[CLASSES] = {
    "T-shirt", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal",  "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

/* Images and their labels, which are views of a table. */
typedef struct images {
    mlp_data *pixels, *classes;
    mlp_cview X, labels;
} images;

static mlp_data *load(const char *directory, const char *name)
{
    char path[1024];
    mlp_data *data = NULL;
    mlp_hooks hooks = mlp_hooks_stderr();
    int length = snprintf(path, sizeof path, "%s/%s", directory, name);
    if (length < 0 || (size_t)length >= sizeof path) {
        refuse("fashion_mnist", "a shorter name of the directory", directory);
    }
    check(mlp_data_load(path, NULL, &hooks, &data));
    return data;
}

static images load_images(const char *directory, const char *pixels,
                          const char *classes)
{
    images set = {load(directory, pixels), load(directory, classes),
                  .X = {.rows = 0}};
    set.X = mlp_data_values(set.pixels);
    set.labels = mlp_data_values(set.classes);
    return set;
}

static void free_images(images set)
{
    mlp_data_free(set.pixels);
    mlp_data_free(set.classes);
}

/* Makes a network that subtracts the mean of all pixels and divides by their
 * standard deviation. */
static mlp_net *make_net(mlp_cview X)
{
    const mlp_layer layers[] = {{.width = 256, .dropout = 0.2},
                                {.width = 128, .dropout = 0.2},
                                {.width = CLASSES}};
    mlp_config config = mlp_config_defaults();
    config.inputs = PIXELS;
    config.layers = layers;
    config.n_layers = 3;
    config.loss = MLP_LOSS_CCE;   /* the last layer gets softmax */
    config.init = MLP_INIT_TORCH; /* 90.1 %, and the default 89.8 % */
    config.precision = MLP_F32;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = NULL;
    check(mlp_net_create(&config, &net));

    double n = (double)(X.rows * X.cols), sum = 0, squares = 0;
    double mean[PIXELS], std[PIXELS];
    for (size_t i = 0; i < X.rows; i++) {
        for (size_t j = 0; j < X.cols; j++) {
            double x = mlp_cview_at(X, i, j);
            sum += x;
            squares += x * x;
        }
    }
    for (size_t j = 0; j < PIXELS; j++) {
        mean[j] = sum / n;
        std[j] = sqrt(squares / n - mean[j] * mean[j]);
    }
    check(mlp_net_set_scaling(net, mean, std));
    return net;
}

static void train(mlp_net *net, images set, size_t epochs)
{
    mlp_show_progress line = mlp_show_progress_on(stderr);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = epochs;
    options.batch_size = 128;
    options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAMW);
    options.schedule.kind = MLP_SCHEDULE_COSINE;
    options.standardise = false; /* done above */
    options.threads = 0;         /* as many as the machine has */
    options.on_epoch = mlp_show_epoch;
    options.user = &line;
    check(mlp_fit(net, set.X, set.labels, &options, NULL));
    mlp_show_progress_end(&line);
}

/* Draws the first images that are taken for something else. */
static void draw_misread(images set, mlp_cview predicted, const char *path)
{
    mlp_picture_options options = mlp_picture_defaults();
    options.title = "Misread: what it is, and what the network takes it for";
    options.columns = 4;
    options.width = 800;
    options.height = 700;
    options.hooks = mlp_hooks_stderr();
    mlp_picture *picture = NULL;
    check(mlp_picture_create(&options, &picture));
    size_t drawn = 0;
    for (size_t i = 0; i < set.X.rows && drawn < MISREAD; i++) {
        size_t is = (size_t)mlp_cview_at(set.labels, i, 0);
        size_t taken_for = (size_t)mlp_cview_at(predicted, i, 0);
        if (is != taken_for) {
            char title[64];
            (void)snprintf(title, sizeof title, "%s: %s", names[is],
                           names[taken_for]);
            const float *image =
                (const float *)set.X.data + i * (size_t)set.X.row_stride;
            mlp_axes axes = {.title = title};
            check(mlp_picture_image(picture, &axes,
                                    mlp_cview_f32(image, SIDE, SIDE)));
            drawn++;
        }
    }
    check(mlp_picture_write(picture, path));
    mlp_picture_free(picture);
}

int main(int argc, char **argv)
{
    const char *directory = DIRECTORY, *plot = NULL;
    size_t epochs = 20;
    const flag flags[] = {
        {.name = "--epochs", COUNT, &epochs, .low = 0, .high = 1000},
        {.name = "--plot", TEXT, &plot},
        {.name = NULL, TEXT, &directory}};
    parse_flags(usage, flags, 3, argc, argv);
    images set = load_images(directory, "train-images-idx3-ubyte.gz",
                             "train-labels-idx1-ubyte.gz");
    images test = load_images(directory, "t10k-images-idx3-ubyte.gz",
                              "t10k-labels-idx1-ubyte.gz");
    mlp_net *net = make_net(set.X);
    check(mlp_show_summary(net, stdout));
    train(net, set, epochs);

    size_t m = test.X.rows;
    int32_t *predicted = calloc(m, sizeof *predicted);
    int32_t counts[CLASSES][CLASSES];
    if (!predicted) {
        check(MLP_ERR_MEMORY);
    }
    check(mlp_classify(net, test.X, 0.5, mlp_view_i32(predicted, m, 1)));
    check(mlp_confusion(test.labels, mlp_cview_i32(predicted, m, 1), NULL,
                        mlp_view_i32(counts[0], CLASSES, CLASSES)));
    mlp_cview confusion = mlp_cview_i32(counts[0], CLASSES, CLASSES);
    printf("\n");
    check(mlp_show_confusion(confusion, names, stdout));
    printf("\n");
    check(mlp_show_class_scores(confusion, names, stdout));
    double accuracy_of_test = 0;
    check(mlp_score_classes(confusion, NULL, NULL, NULL, &accuracy_of_test));
    printf("\nTest Accuracy: %.2f%%\n", 100 * accuracy_of_test);
    if (plot) {
        draw_misread(test, mlp_cview_i32(predicted, m, 1), plot);
    }
    free(predicted);
    mlp_net_free(net);
    free_images(set);
    free_images(test);
    return 0;
}
