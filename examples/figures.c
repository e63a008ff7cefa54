/* SPDX-License-Identifier: MIT */
/*
 * The twelve figures of the tutorial, and a trained network, each drawn by one
 * function from numbers that the library computes. The drawings of chapters
 * 1.2, 2.2 and 3.2, which show no numbers but boxes and arrows, are commands
 * for gnuplot.
 *     figures DIRECTORY
 */
#include "chapter6.h"
#include "example.h"
#include "flags.h"

#include <stdarg.h>

static const char usage[] =
    "figures DIRECTORY\n"
    "Draws the twelve figures of the tutorial, and a trained network, as SVG\n"
    "files in the directory.\n";

/* ---------------------------------------------------------------------------
 * Drawings of boxes, circles, arrows and words
 */

/* The commands of one drawing. */
typedef struct drawing {
    char text[8192];
    size_t used;
    int objects;
} drawing;

static void command(drawing *d, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(d->text + d->used, sizeof d->text - d->used, format,
                      arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= sizeof d->text - d->used) {
        (void)fprintf(stderr, "figures: a drawing has too many commands\n");
        exit(EXIT_FAILURE);
    }
    d->used += (size_t)n;
}

/* Begins a drawing with places from (x0, y0) to (x1, y1). */
static void begin(drawing *d, double x0, double x1, double y0, double y1)
{
    *d = (drawing){.used = 0};
    command(d,
            "set xrange [%g:%g]\nset yrange [%g:%g]\nunset border\n"
            "unset tics\nunset key\nunset grid\n",
            x0, x1, y0, y1);
}

static void box(drawing *d, double x, double y, double width, double height,
                const char *colour)
{
    command(d,
            "set object %d rectangle from %g,%g to %g,%g fillcolor rgb '%s' "
            "fillstyle solid 1 border rgb 'black' back\n",
            ++d->objects, x, y, x + width, y + height, colour);
}

static void circle(drawing *d, double x, double y, double radius,
                   const char *colour)
{
    command(d,
            "set object %d circle at %g,%g size %g fillcolor rgb '%s' "
            "fillstyle solid 1 border rgb 'black' front\n",
            ++d->objects, x, y, radius, colour);
}

static void arrow(drawing *d, double x0, double y0, double x1, double y1)
{
    command(d,
            "set arrow from %g,%g to %g,%g filled linewidth 1.5 linecolor rgb "
            "'#404040'\n",
            x0, y0, x1, y1);
}

/* Writes a word centred at a place. An empty colour is black. */
static void word(drawing *d, double x, double y, const char *text)
{
    command(d, "set label \"%s\" at %g,%g center front noenhanced\n", text, x,
            y);
}

static void finish(drawing *d, const char *path)
{
    command(d, "plot NaN notitle\n");
    mlp_picture *picture = new_picture(NULL, 1);
    check(mlp_picture_commands(picture, d->text));
    finish_picture(picture, path);
}

/* Pale colours, on which black words can be read. */
static const char blue[] = "#a6cee3", orange[] = "#fdd49e", green[] = "#b2df8a",
                  red[] = "#fbb4ae";

/* ---------------------------------------------------------------------------
 * Chapters 1 to 3
 */

/* Makes a network of four hidden neurons, without a word. */
static mlp_net *make_net(size_t inputs, mlp_activation hidden, size_t outputs)
{
    const mlp_layer layers[] = {
        {.width = 4, .activation = hidden},
        {.width = outputs, .activation = MLP_ACT_SIGMOID},
    };
    mlp_config config = mlp_config_defaults();
    config.inputs = inputs;
    config.layers = layers;
    config.n_layers = 2;
    config.init = MLP_INIT_HE;
    config.seed = 42;
    config.hooks = mlp_hooks_stderr();
    mlp_net *net = NULL;
    check(mlp_net_create(&config, &net));
    return net;
}

/* Makes the network of chapters 1 and 2. */
static mlp_net *simple_net(void)
{
    return make_net(3, MLP_ACT_SIGMOID, 2);
}

/* Chapter 1.1: a network. */
static void draw_simple_network(const char *path)
{
    static const char *const inputs[] = {"x1", "x2", "x3"};
    mlp_net *net = simple_net();
    mlp_picture *picture = new_picture(NULL, 1);
    mlp_axes axes = {.title = "A Simple Neural Network"};
    check(mlp_picture_network(picture, &axes, net, inputs));
    finish_picture(picture, path);
    mlp_net_free(net);
}

/* Chapter 1.2: one neuron. */
static void draw_neuron(const char *path)
{
    drawing d;
    begin(&d, -1.2, 11, -1.2, 4.8);
    word(&d, 5, 4.5, "Anatomy of a Single Neuron");
    for (int i = 1; i <= 3; i++) {
        double y = 4 - i;
        char text[8];
        circle(&d, 0, y, 0.2, blue);
        arrow(&d, 0.2, y, 3.5, 2);
        (void)snprintf(text, sizeof text, "x%d", i);
        word(&d, -0.6, y, text);
        (void)snprintf(text, sizeof text, "w%d", i);
        word(&d, 1.5, y * 0.6 + 1.15, text);
    }
    circle(&d, 4, 2, 0.55, orange);
    word(&d, 4, 2, "SUM");
    arrow(&d, 4, 0.5, 4, 1.45);
    word(&d, 4.3, 0.9, "b");
    word(&d, 4, 0.25, "bias");
    arrow(&d, 4.55, 2, 6, 2);
    word(&d, 5.25, 2.35, "z");
    box(&d, 6, 1.5, 1.5, 1, green);
    word(&d, 6.75, 2, "f(z)");
    arrow(&d, 7.5, 2, 9.25, 2);
    word(&d, 8.4, 2.35, "a");
    circle(&d, 9.5, 2, 0.25, red);
    word(&d, 10.2, 2, "a");
    word(&d, 5, -0.45, "z = w1*x1 + w2*x2 + w3*x3 + b = w^T x + b");
    word(&d, 5, -0.95, "a = activation(z)");
    finish(&d, path);
}

enum { PLACES = 201 };

/* Adds a panel with one curve. */
static void add_curve(mlp_picture *picture, const char *title, const double *x,
                      const double *y, double low, double high)
{
    mlp_axes axes = {.title = title, .x = "z", .y_min = low, .y_max = high};
    mlp_curve curve = {.x = x, .y = y, .n = PLACES};
    check(mlp_picture_curves(picture, &axes, &curve, 1));
}

/* Chapter 1.3: activation functions above their derivatives. */
static void draw_activations(const char *path)
{
    static const struct {
        mlp_activation f;
        const char *value, *derivative;
        double low, high;
    } functions[] = {
        {MLP_ACT_SIGMOID, "Sigmoid: σ(z) = 1 / (1 + exp(-z))",
         "Derivative: σ(z) (1 - σ(z))", -0.1, 1.1},
        {MLP_ACT_TANH, "Tanh: tanh(z)", "Derivative: 1 - tanh²(z)", -1.2, 1.2},
        {MLP_ACT_RELU, "ReLU: max(0, z)", "Derivative: 1 if z > 0, else 0",
         -0.5, 5},
    };
    mlp_picture *picture = new_picture(NULL, 3);
    double z[PLACES], y[PLACES];
    for (int i = 0; i < PLACES; i++) {
        z[i] = -5 + 10.0 * i / (PLACES - 1);
    }
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < PLACES; i++) {
            y[i] = mlp_activation_value(functions[k].f, 0, z[i]);
        }
        add_curve(picture, functions[k].value, z, y, functions[k].low,
                  functions[k].high);
    }
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < PLACES; i++) {
            y[i] = mlp_activation_derivative(functions[k].f, 0, z[i]);
        }
        add_curve(picture, functions[k].derivative, z, y, -0.1,
                  k == 0 ? 0.3 : 1.2);
    }
    finish_picture(picture, path);
}

/* Draws a layer of chapter 2.2 as a box with the shapes of its arrays. */
static void draw_layer(drawing *d, const mlp_net *net, size_t l, double x,
                       const char *colour)
{
    mlp_cview W;
    check(mlp_net_ctensor(net, MLP_W, l, &W));
    char text[80];
    box(d, x, 4, 4.6, 5, colour);
    word(d, x + 2.3, 8.6, l == 1 ? "Layer 1" : "Layer 2 (Output)");
    (void)snprintf(text, sizeof text, "z[%zu] = W[%zu] a[%zu] + b[%zu]", l, l,
                   l - 1, l);
    word(d, x + 2.3, 7.8, text);
    (void)snprintf(text, sizeof text, "W[%zu]: (%zu, %zu)", l, W.rows, W.cols);
    word(d, x + 2.3, 7, text);
    (void)snprintf(text, sizeof text, "a[%zu]: (%zu, 1)", l - 1, W.cols);
    word(d, x + 2.3, 6.4, text);
    (void)snprintf(text, sizeof text, "b[%zu]: (%zu, 1)", l, W.rows);
    word(d, x + 2.3, 5.8, text);
    (void)snprintf(text, sizeof text, "a[%zu] = sigmoid(z[%zu])", l, l);
    word(d, x + 2.3, 5, text);
    (void)snprintf(text, sizeof text, "%s(%zu, 1)",
                   l == 2 ? "= y_hat, shape " : "shape ", W.rows);
    word(d, x + 2.3, 4.4, text);
}

/* Chapter 2.2: forward propagation as products of matrices. */
static void draw_forward(const char *path)
{
    mlp_net *net = simple_net();
    drawing d;
    begin(&d, 0, 16, 0.5, 10);
    word(&d, 8, 9.6, "Forward Propagation: Matrix Operations");
    box(&d, 0.3, 5, 2.6, 3, blue);
    word(&d, 1.6, 7.5, "Input");
    word(&d, 1.6, 6.8, "a[0] = x");
    word(&d, 1.6, 6.1, "(x1, x2, x3)");
    word(&d, 1.6, 5.4, "shape (3, 1)");
    arrow(&d, 2.9, 6.5, 4.4, 6.5);
    draw_layer(&d, net, 1, 4.4, orange);
    arrow(&d, 9, 6.5, 10.6, 6.5);
    draw_layer(&d, net, 2, 10.6, green);
    mlp_cview W1, W2;
    check(mlp_net_ctensor(net, MLP_W, 1, &W1));
    check(mlp_net_ctensor(net, MLP_W, 2, &W2));
    char text[120];
    (void)snprintf(text, sizeof text,
                   "Network: %zu -> %zu -> %zu (input -> hidden -> output)",
                   W1.cols, W1.rows, W2.rows);
    word(&d, 8, 2.5, text);
    (void)snprintf(text, sizeof text,
                   "Total Parameters: W[1] (%zu) + b[1] (%zu) + W[2] (%zu) + "
                   "b[2] (%zu) = %zu",
                   W1.rows * W1.cols, W1.rows, W2.rows * W2.cols, W2.rows,
                   mlp_net_parameter_count(net));
    word(&d, 8, 1.7, text);
    finish(&d, path);
    mlp_net_free(net);
}

/* Trains the network of chapter 4.2. The caller frees both. */
static mlp_net *learn_xor(mlp_cview X, mlp_cview Y, mlp_history **history)
{
    mlp_net *net = make_net(2, MLP_ACT_TANH, 1);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 5000;
    options.batch_size = 0; /* all rows */
    options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_SGD);
    options.learning_rate = 0.5;
    options.standardise = false;
    check(mlp_fit(net, X, Y, &options, history));
    return net;
}

static const double xor_inputs[] = {0, 0, 0, 1, 1, 0, 1, 1};
static const double xor_outputs[] = {0, 1, 1, 0};

/* Chapter 3.1: the loss of a prediction, and the loss of XOR's network over two
 * of its weights. (The tutorial's second panel is a formula.) */
static void draw_loss(const char *path)
{
    double p[PLACES], loss[2][PLACES];
    for (int i = 0; i < PLACES; i++) {
        p[i] = 0.01 + 0.98 * i / (PLACES - 1);
        for (int32_t y = 0; y < 2; y++) {
            check(mlp_log_loss(mlp_cview_f64(&p[i], 1, 1),
                               mlp_cview_i32(&y, 1, 1), NULL, &loss[y][i]));
        }
    }
    mlp_picture *picture = new_picture(NULL, 2);
    mlp_axes axes = {.title = "Binary Cross-Entropy Loss",
                     .x = "Predicted probability",
                     .y = "Loss",
                     .y_min = 0,
                     .y_max = 5};
    const mlp_curve curves[] = {
        {.name = "True label y=1", .x = p, .y = loss[1], .n = PLACES},
        {.name = "True label y=0", .x = p, .y = loss[0], .n = PLACES},
    };
    check(mlp_picture_curves(picture, &axes, curves, 2));

    mlp_history *history = NULL;
    mlp_cview X = mlp_cview_f64(xor_inputs, 4, 2);
    mlp_cview Y = mlp_cview_f64(xor_outputs, 4, 1);
    mlp_net *net = learn_xor(X, Y, &history);
    mlp_axes surface = {
        .title = "Loss Landscape (XOR)", .x = "Weight 1", .y = "Weight 2"};
    check(mlp_picture_surface(picture, &surface, net, X, Y, 1, 0, 1, 4));
    finish_picture(picture, path);
    mlp_history_free(history);
    mlp_net_free(net);
}

/* Chapter 3.2: the chain rule. */
static void draw_chain_rule(const char *path)
{
    static const char *const values[] = {"x", "z[1]", "a[1]", "z[2]", "y_hat"};
    static const char *const kinds[] = {"Input", "Linear", "Activation",
                                        "Linear", "Output"};
    static const char *const gradients[] = {"dL/dW[1]", "dL/dz[1]", "dL/da[1]",
                                            "dL/dz[2]", "dL/dy_hat"};
    drawing d;
    begin(&d, 0, 16.2, 0, 8);
    word(&d, 8, 7.7, "Backpropagation: Following the Chain Rule");
    word(&d, 8, 7.1, "FORWARD PASS");
    word(&d, 8, 4.2, "BACKWARD PASS (Gradients)");
    for (int i = 0; i < 5; i++) {
        double x = 0.1 + 3 * i;
        box(&d, x, 5.2, 2.3, 0.8, blue);
        word(&d, x + 1.15, 5.6, values[i]);
        word(&d, x + 1.15, 6.3, kinds[i]);
        arrow(&d, x + 2.3, 5.6, x + 3, 5.6);
        box(&d, x, 2.5, 2.3, 0.8, red);
        word(&d, x + 1.15, 2.9, gradients[i]);
        if (i > 0) {
            arrow(&d, x, 2.9, x - 0.7, 2.9);
        }
    }
    box(&d, 15.1, 5.2, 1, 0.8, orange);
    word(&d, 15.6, 5.6, "L");
    word(&d, 8, 1.3,
         "dL/dW[1] = dL/dy_hat * dy_hat/dz[2] * dz[2]/da[1] * da[1]/dz[1] * "
         "dz[1]/dW[1]");
    word(&d, 8, 0.6,
         "Each gradient depends on the gradients that come after it");
    finish(&d, path);
}

/* ---------------------------------------------------------------------------
 * Chapters 4 to 6
 */

/* Chapter 4.2: how XOR is learned. */
static void draw_xor(const char *path)
{
    mlp_history *history = NULL;
    mlp_net *net = learn_xor(mlp_cview_f64(xor_inputs, 4, 2),
                             mlp_cview_f64(xor_outputs, 4, 1), &history);
    draw_learning_curve(history, path);
    mlp_history_free(history);
    mlp_net_free(net);
}

/* Chapter 5.1: the rows. */
static void draw_moons(samples train, samples test, const char *path)
{
    mlp_picture *picture = new_picture(NULL, 2);
    mlp_axes axes = {
        .title = "Training Data", .x = "Feature 1", .y = "Feature 2"};
    check(mlp_picture_points(picture, &axes, mlp_view_const(train.X),
                             mlp_view_const(train.Y)));
    axes.title = "Test Data";
    check(mlp_picture_points(picture, &axes, mlp_view_const(test.X),
                             mlp_view_const(test.Y)));
    finish_picture(picture, path);
}

/* Chapter 5.4: the loss of all epochs, and of the last 500. */
static void draw_progress(const mlp_history *history, const char *path)
{
    mlp_picture *picture = new_picture(NULL, 2);
    mlp_axes axes = {.title = "Training Loss Over Time",
                     .x = "Epoch",
                     .y = "Loss",
                     .log_y = true};
    check(mlp_picture_losses(picture, &axes, history, 0));
    axes.title = "Training Loss (Last 500 Epochs)";
    axes.log_y = false;
    check(mlp_picture_losses(picture, &axes, history,
                             mlp_history_epochs(history) - 500));
    finish_picture(picture, path);
}

/* The network of chapter 5 after its training; the tutorial has no such
 * figure. */
static void draw_trained_network(const mlp_net *net, const char *path)
{
    static const char *const inputs[] = {"x1", "x2"};
    mlp_picture *picture = new_picture(NULL, 1);
    mlp_axes axes = {.title = "The network that has learned the moons"};
    check(mlp_picture_network(picture, &axes, net, inputs));
    finish_picture(picture, path);
}

/* Trains a network of chapter 6, without a word. */
static mlp_net *train_quietly(size_t a, size_t epochs, double lr, samples train,
                              samples test, outcome *o)
{
    mlp_layer layers[3];
    mlp_config config = chapter6_config(&architectures[a], layers);
    mlp_net *net = NULL;
    check(mlp_net_create(&config, &net));
    *o = learn_moons(net, epochs, lr, train, test);
    return net;
}

/* Chapter 6: what architectures and learning rates change. */
static void draw_experiments(samples train, samples test,
                             const char *architectures_path,
                             const char *rates_path)
{
    outcome first[ARCHITECTURES], second[RATES];
    for (size_t i = 0; i < ARCHITECTURES; i++) {
        mlp_net_free(train_quietly(i, 1500, 0.1, train, test, &first[i]));
    }
    for (size_t i = 0; i < RATES; i++) {
        mlp_net_free(train_quietly(WIDE_DEEP, 1000, strtod(rates[i], NULL),
                                   train, test, &second[i]));
    }
    draw_architectures(first, architectures_path);
    draw_learning_rates(second, rates_path);
    free_outcomes(first, ARCHITECTURES);
    free_outcomes(second, RATES);
}

int main(int argc, char **argv)
{
    const char *directory = NULL;
    const flag flags[] = {{.name = NULL, .kind = TEXT, .value = &directory}};
    parse_flags(usage, flags, 1, argc, argv);
    if (!directory) {
        refuse("figures", "a directory", "nothing");
    }
    static const char *const names[] = {
        "network",         "neuron",        "activations",
        "forward",         "loss",          "chain_rule",
        "xor_loss",        "moons",         "decision_boundary",
        "learning_curves", "architectures", "learning_rates",
        "trained_network"};
    enum { FIGURES = sizeof names / sizeof names[0] };
    static char paths[FIGURES][1024];
    for (size_t i = 0; i < FIGURES; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%02zu_%s.svg", i + 1, names[i]);
        path_in(directory, name, paths[i], sizeof paths[i]);
    }
    draw_simple_network(paths[0]);
    draw_neuron(paths[1]);
    draw_activations(paths[2]);
    draw_forward(paths[3]);
    draw_loss(paths[4]);
    draw_chain_rule(paths[5]);
    draw_xor(paths[6]);

    samples all = make_moons(500, 0.2, 42), train, test;
    split(all, 42, MLP_F64, &train, &test);
    outcome o;
    mlp_net *net = train_quietly(WIDE_DEEP, 2000, 0.1, train, test, &o);
    draw_moons(train, test, paths[7]);
    draw_decision_boundary(net, test, paths[8]);
    draw_progress(o.history, paths[9]);
    draw_experiments(train, test, paths[10], paths[11]);
    draw_trained_network(net, paths[12]);
    free_outcomes(&o, 1);
    mlp_net_free(net);
    free_samples(all);
    free_samples(train);
    free_samples(test);
    return 0;
}
