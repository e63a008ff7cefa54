/* SPDX-License-Identifier: MIT */
/*
 * Drawings: a network, bars, a confusion matrix and an image. The lines of their
 * blocks of data are:
 *
 *     network    x y weight, in pairs: the two ends of a line
 *     bars       the values of all series
 *     confusion  column row share count
 *     image      the numbers of a row
 *
 * A network of three layers stands in this grid. The x of a layer is its number
 * and the y of a neuron its place, from the middle up and down:
 *
 *        y
 *      1 |         o
 *        |  o            o      A line of the drawing goes from neuron k of
 *      0 |         o            layer l-1 to neuron j of layer l, and is as
 *        |  o            o      wide as W[l](j, k) is large.
 *     -1 |         o
 *        +--0------1-----2-- x
 */
#include "show/picture.h"

#include "show/text.h"

#include <math.h>

/* MOST_SHOWN limits the neurons of a layer that are drawn, MOST_DRAWN the
 * layers, and MOST_CLASSES the classes of a confusion matrix. */
enum { MOST_SHOWN = 10, MOST_DRAWN = 20, MOST_CLASSES = 100 };

/* ---------------------------------------------------------------------------
 * The network
 */

/* Returns layer l; layer 0 are the inputs. */
static mlp_layer layer_of(const mlp_net *net, size_t l)
{
    mlp_layer layer = {.width = mlp_net_inputs(net)};
    if (l > 0) {
        (void)!mlp_net_layer(net, l, &layer);
    }
    return layer;
}

/* A layer of more than MOST_SHOWN neurons is drawn as its first and last ones,
 * with dots at the place between them. */
static size_t places_of(size_t n)
{
    return n <= MOST_SHOWN ? n : MOST_SHOWN;
}

/* Returns the neuron at a place, or n for the dots. */
static size_t neuron_at(size_t n, size_t place)
{
    const size_t dots = MOST_SHOWN / 2;
    if (n <= MOST_SHOWN || place < dots) {
        return place;
    }
    return place == dots ? n : n - MOST_SHOWN + place;
}

/* Returns the y of a place. Places are 1 apart, the first one is on top, and
 * the middle of each layer is at 0, so that layers of all widths stand on one
 * axis. */
static double height_of(size_t n, size_t place)
{
    return (double)(places_of(n) - 1) / 2 - (double)place;
}

/* Writes the weights between all neurons that are drawn as pairs of lines
 * "x y weight", and the largest weight of the network. gnuplot sorts them by
 * their signs and sizes. */
static void put_weights(mlp_picture *p, const mlp_net *net)
{
    double largest = 0;
    mlpi_put(p, "$d << EOD\n");
    for (size_t l = 1; l <= mlp_net_layer_count(net); l++) {
        mlp_cview W = {.rows = 0};
        (void)!mlp_net_ctensor(net, MLP_W, l, &W);
        for (size_t i = 0; i < W.rows * W.cols; i++) {
            double w = mlp_cview_at(W, i / W.cols, i % W.cols);
            largest = fmax(largest, fabs(w));
        }
        for (size_t i = 0; i < places_of(W.rows) * places_of(W.cols); i++) {
            size_t a = i / places_of(W.cols);
            size_t b = i % places_of(W.cols);
            /* The dots are no neuron, so their weights are NaN: gaps. */
            double w =
                mlp_cview_at(W, neuron_at(W.rows, a), neuron_at(W.cols, b));
            mlpi_put(p, "%z %g %r\n%z %g %r\n\n", l - 1, height_of(W.cols, b),
                     w, l, height_of(W.rows, a), w);
        }
    }
    mlpi_put(p, "EOD\nlargest = %r\n", largest > 0 ? largest : 1);
}

/* Returns what stands beside a neuron. Inputs have the caller's names, and
 * outputs those of the classes, or a letter with the number, as the tutorial
 * writes them; hidden neurons have none. A single output has the names of two
 * classes, of which neither is its own. */
static const char *name_of(const mlp_net *net, const char *const *inputs,
                           size_t l, size_t i, char text[32])
{
    const char *name = NULL;
    if (l == 0) {
        name = inputs ? inputs[i] : NULL;
    } else if (l < mlp_net_layer_count(net)) {
        name = "";
    } else if (mlp_net_outputs(net) > 1) {
        name = mlp_net_class_name(net, i);
    }
    (void)snprintf(text, 32, "%s%zu", l == 0 ? "x" : "y", i + 1);
    return name ? name : text;
}

/* Writes the neurons of a layer as marks with their names, the dots, and the
 * caption of the layer below. Returns the columns of the longest name. */
static size_t put_neurons(mlp_picture *p, const mlp_net *net, size_t l,
                          const char *const *inputs)
{
    mlp_layer layer = layer_of(net, l);
    size_t n = layer.width;
    size_t widest = 0;
    char text[32];
    for (size_t place = 0; place < places_of(n); place++) {
        size_t i = neuron_at(n, place);
        double y = height_of(n, place);
        if (i == n) {
            mlpi_put(p, "set label '⋮' at %z,%g center\n", l, y);
            continue;
        }
        const char *name = name_of(net, inputs, l, i, text);
        size_t columns = mlpi_text_columns(name);
        widest = columns > widest ? columns : widest;
        mlpi_put(
            p, "set label %q at %z,%g %s @neuron\nset label at %z,%g @inside\n",
            name, l, y, l == 0 ? "right offset -1.8" : "left offset 1.8", l, y);
    }
    mlpi_put(p, "set label '%z %s' at %z,graph 0.03 center\n", n,
             l > 0    ? mlp_activation_name(layer.activation)
             : n == 1 ? "input"
                      : "inputs",
             l);
    return widest;
}

/* Labels belong to the panel, and gnuplot draws them last: the marks of neurons
 * cover the ends of the lines. */
mlp_status mlp_picture_network(mlp_picture *picture, const mlp_axes *axes,
                               const mlp_net *net, const char *const *inputs)
{
    TRY(mlpi_check_given(picture, net, "a network"));
    size_t layers = mlp_net_layer_count(net);
    double top = 0;
    size_t left = 0; /* the columns of the longest names on both sides */
    size_t right = 0;
    if (layers > MOST_DRAWN) {
        return mlpi_refuse(&picture->hooks, MLP_ERR_LIMIT,
                           "a drawing: expects at most %d layers, got %zu",
                           (int)MOST_DRAWN, layers);
    }
    TRY(mlpi_check_names(&picture->hooks, "inputs", inputs,
                         mlp_net_inputs(net)));
    mlpi_panel_begin(picture, axes, "", "");
    put_weights(picture, net);
    for (size_t l = 0; l <= layers; l++) {
        top = fmax(top, height_of(layer_of(net, l).width, 0));
        right = put_neurons(picture, net, l, inputs);
        left = l == 0 ? right : left;
    }
    mlpi_put(picture,
             "eval network\nset lmargin %z\nset rmargin %z\nset xrange "
             "[-0.1:%z.1]\nset yrange [%g:%g]\nplot @weights",
             left + 4, right + 4, layers, -top - 1.6, top + 0.6);
    return mlpi_panel_end(picture);
}

/* ---------------------------------------------------------------------------
 * Bars
 */

/* Sets the labels of an axis to names, or to numbers where these are NULL. Side
 * by side, a panel of 480 pixels has room for 44 columns or 15 numbers of two
 * digits, and turned by a quarter for 24 lines. Long names of the axis x are
 * turned, a few of them only as far as needed. Of more than 15 numbers, or 24
 * names, each second one is left out, or more. */
static void put_tics(mlp_picture *p, const char *axis, const char *const *names,
                     size_t n)
{
    char number[MLPI_NUMBER_SIZE];
    size_t columns = 0;
    size_t pace = (n + (names ? 23 : 14)) / (names ? 24 : 15);
    for (size_t i = 0; names && i < n; i++) {
        columns += mlpi_text_columns(names[i]) + 2;
    }
    bool is_turned = *axis == 'x' && columns > 44;
    mlpi_put(p, "set %stics scale 0 %s(", axis,
             !is_turned ? ""
             : n > 8    ? "rotate by 90 right "
                        : "rotate by 35 right ");
    for (size_t i = 0; i < n; i += pace) {
        mlpi_put(p, "%s%t %z", i == 0 ? "" : ", ",
                 mlpi_text_name(names, i, number), i);
    }
    mlpi_put(p, ")\nset rmargin 2\n");
}

/* The bars of a name fill four fifths of the room from it to the next one; $0
 * is the number of the line. The values stand above the bars where there is
 * room for them. */
mlp_status mlp_picture_bars(mlp_picture *picture, const mlp_axes *axes,
                            const char *const *names, size_t n,
                            const char *const *series, size_t n_series,
                            const double *values)
{
    TRY(mlpi_check_given(picture, names, "the names of bars"));
    const mlp_hooks *hooks = &picture->hooks;
    TRY(mlpi_check_numbers(hooks, "bars", mlp_cview_f64(values, n_series, n),
                           n_series, n, MLPI_FINITE));
    TRY(mlpi_check_names(hooks, "bars", names, n));
    TRY(mlpi_check_names(hooks, "series of bars", series, n_series));
    double width = 0.8 / (double)n_series;
    mlpi_panel_begin(picture, axes, "", "");
    put_tics(picture, "x", names, n);
    mlpi_put(picture, "eval bars\nset xrange [-0.6:%z.6]\nset boxwidth %g\n%s",
             n - 1, width,
             axes && axes->y_min != axes->y_max ? "" : "eval from_0\n");
    mlpi_put(picture, "$d << EOD\n");
    for (size_t i = 0; i < n * n_series; i++) {
        mlpi_put(picture, (i + 1) % n_series > 0 ? "%r " : "%r\n",
                 values[i % n_series * n + i / n_series]);
    }
    mlpi_put(picture, "EOD\n");
    for (size_t s = 0; s < n_series; s++) {
        double center = ((double)s - (double)(n_series - 1) / 2) * width;
        mlpi_put(picture, "%s$d using ($0+%g):%z with boxes lt %z dt 1 lw 1 ",
                 s == 0 ? "plot " : ", ", center, s + 1, s + 1);
        mlpi_put(picture, series ? "title %q" : "notitle",
                 series ? series[s] : "");
        if (n * n_series <= 8) {
            mlpi_put(picture,
                     ", $d using ($0+%g):%z:(gprintf('%%.3g',$%z)) with labels "
                     "center offset 0,0.6 notitle",
                     center, s + 1, s + 1);
        }
    }
    return mlpi_panel_end(picture);
}

/* ---------------------------------------------------------------------------
 * Matrices
 */

/* Begins a panel of cells. A few cells are drawn as boxes, which stay sharp.
 * Many are embedded as pixels, which programs smooth when they enlarge a
 * picture, and need less room. */
static const char *begin_cells(mlp_picture *p, const mlp_axes *axes,
                               const char *x, const char *y, mlp_cview cells)
{
    mlpi_panel_begin(p, axes, x, y);
    mlpi_put(p, "rows = %z\ncols = %z\neval cells\n", cells.rows, cells.cols);
    mlpi_put(p, "$d << EOD\n");
    return cells.rows * cells.cols <= 400 ? "image pixels" : "image";
}

/* A cell is shaded by its share of the row, and not by its count, so that a
 * rare class is seen as well as a frequent one. A line of the block is: column,
 * row, share of the row, count. A share of 0 is a gap. */
mlp_status mlp_picture_confusion(mlp_picture *picture, const mlp_axes *axes,
                                 mlp_cview counts, const char *const *names)
{
    TRY(mlpi_check_given(picture, picture, "a picture"));
    TRY(mlpi_check_counts(&picture->hooks, counts, names));
    size_t k = counts.rows;
    if (k > MOST_CLASSES) {
        return mlpi_refuse(
            &picture->hooks, MLP_ERR_LIMIT,
            "a confusion matrix: expects at most %d classes, got %zu",
            (int)MOST_CLASSES, k);
    }
    const char *image = begin_cells(picture, axes, "predicted", "true", counts);
    for (size_t i = 0; i < k; i++) {
        double sum = 0;
        for (size_t j = 0; j < k; j++) {
            sum += mlp_cview_at(counts, i, j);
        }
        for (size_t j = 0; j < k; j++) {
            double count = mlp_cview_at(counts, i, j);
            mlpi_put(picture, "%z %z %g %r\n", j, i,
                     count > 0 ? count / sum : NAN, count);
        }
    }
    mlpi_put(picture, "EOD\n");
    put_tics(picture, "x", names, k);
    put_tics(picture, "y", names, k);
    mlpi_put(picture,
             "eval shares\nplot for [i=as_text:0] $d using 1:2:3 with %s "
             "notitle, ",
             image);
    /* More numbers would not fit into their cells, so text then has marks. */
    mlpi_put(picture, k <= 20 ? "@numbers" : "@marks");
    return mlpi_panel_end(picture);
}

/* The block is read as a matrix. */
mlp_status mlp_picture_image(mlp_picture *picture, const mlp_axes *axes,
                             mlp_cview pixels)
{
    TRY(mlpi_check_given(picture, picture, "a picture"));
    TRY(mlpi_check_numbers(&picture->hooks, "an image", pixels, pixels.rows,
                           pixels.cols, MLPI_FINITE));
    const char *image = begin_cells(picture, axes, "", "", pixels);
    for (size_t i = 0; i < pixels.rows; i++) {
        for (size_t j = 0; j < pixels.cols; j++) {
            mlpi_put(picture, "%r ", mlp_cview_at(pixels, i, j));
        }
        mlpi_put(picture, "\n");
    }
    mlpi_put(picture, "EOD\neval greys\nplot $d matrix with %s notitle", image);
    return mlpi_panel_end(picture);
}

/* The commands are not checked. If gnuplot refuses them, mlp_picture_write
 * tells its message. */
mlp_status mlp_picture_commands(mlp_picture *picture, const char *commands)
{
    TRY(mlpi_check_given(picture, commands, "commands"));
    mlpi_panel_begin(picture, NULL, "", "");
    mlpi_put(picture, "%s", commands);
    return mlpi_panel_end(picture);
}
