/* SPDX-License-Identifier: MIT */
/*
 * Drawings that a network makes: the regions that it decides, the surface of
 * its loss, and the network itself. The lines of their blocks of data are:
 *
 *     regions    a matrix of outputs or classes, and the points as in panels.c
 *     surface    weight weight loss, with an empty line after each row
 *     network    x y weight, in pairs: the two ends of a line
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

/* GRID counts the points of regions along each axis: 150 make pixels that are
 * hardly seen, and a file of a few kB. SURFACE counts the points of a surface
 * along each weight: each of its 64 patches takes 0.4 kB of an SVG file.
 * MOST_SHOWN limits the neurons of a layer that are drawn, and MOST_DRAWN the
 * layers. */
enum { GRID = 150, SURFACE = 9, MOST_SHOWN = 10, MOST_DRAWN = 20 };

/* ---------------------------------------------------------------------------
 * Regions
 */

/* Predicts a grid of points, which is `range` and a tenth more on each side, so
 * that no point of the data lies on the border. Where all rows are equal, the
 * range is 1 wide on each side. Writes the lower left corner and the distances
 * of the grid, then the outputs, or of several the number of the largest, and
 * then the range of these. A row of the grid is computed at once, into
 * `block`, which has room for its points and for their outputs. */
static mlp_status put_grid(mlp_picture *p, const mlp_net *net,
                           const mlpi_range *range, void *block)
{
    size_t k = mlp_net_outputs(net);
    bool is_f32 = mlp_net_precision(net) == MLP_F32;
    mlp_view X =
        is_f32 ? mlp_view_f32(block, GRID, 2) : mlp_view_f64(block, GRID, 2);
    mlp_view A = is_f32 ? mlp_view_f32((float *)block + 2 * GRID, GRID, k)
                        : mlp_view_f64((double *)block + 2 * GRID, GRID, k);
    const double low[] = {range->x0, range->y0};
    const double high[] = {range->x1, range->y1};
    double from[2];
    double pace[2];
    double least = INFINITY;
    double most = -INFINITY;
    for (int i = 0; i < 2; i++) {
        double more = high[i] > low[i] ? (high[i] - low[i]) / 10 : 1;
        from[i] = low[i] - more;
        pace[i] = (high[i] - low[i] + 2 * more) / (GRID - 1);
    }
    mlpi_put(p, "x0 = %r\ndx = %r\ny0 = %r\ndy = %r\nside = %z\n$d << EOD\n",
             from[0], pace[0], from[1], pace[1], (size_t)GRID);
    for (size_t i = 0; i < GRID; i++) {
        for (size_t j = 0; j < GRID; j++) {
            (void)mlp_view_set(X, j, 0, from[0] + (double)j * pace[0]);
            (void)mlp_view_set(X, j, 1, from[1] + (double)i * pace[1]);
        }
        TRY(mlp_predict(net, mlp_view_const(X), A));
        mlp_cview a = mlp_view_const(A);
        TRY(mlpi_check_numbers(&p->hooks, "outputs of the network", a, GRID, k,
                               MLPI_FINITE));
        for (size_t j = 0; j < GRID; j++) {
            size_t c = 0;
            for (size_t other = 1; other < k; other++) {
                bool is_more =
                    mlp_cview_at(a, j, other) > mlp_cview_at(a, j, c);
                c = is_more ? other : c;
            }
            double shown = k > 1 ? (double)c : mlp_cview_at(a, j, 0);
            least = fmin(least, shown);
            most = fmax(most, shown);
            mlpi_put(p, j + 1 < GRID ? "%g " : "%g\n", shown);
        }
    }
    mlpi_put(p, "EOD\nleast = %r\nmost = %r\n", least, most);
    return MLP_OK;
}

/* Outputs that are not finite are refused: an image with holes would look like
 * a region of its own. The commands are those of look.gp, for one output or for
 * several. */
mlp_status mlp_picture_regions(mlp_picture *picture, const mlp_axes *axes,
                               const mlp_net *net, mlp_cview X,
                               mlp_cview labels)
{
    mlpi_range range;
    TRY(mlpi_check_given(picture, net, "a network"));
    TRY(mlpi_points_check(picture, X, labels, &range));
    size_t k = mlp_net_outputs(net);
    if (mlp_net_inputs(net) != 2 || k > 99) {
        return mlpi_refuse(&picture->hooks, MLP_ERR_SHAPE,
                           "regions: expects a network with 2 inputs and at "
                           "most 99 outputs, got %zu and %zu",
                           mlp_net_inputs(net), k);
    }
    void *block = mlpi_show_allocate(
        &picture->hooks, GRID * (2 + k) * sizeof(double), "regions");
    if (!block) {
        return MLP_ERR_MEMORY;
    }
    mlpi_panel_begin(picture, axes, "x1", "x2");
    mlp_status status = put_grid(picture, net, &range, block);
    picture->status = picture->status != MLP_OK ? picture->status : status;
    mlpi_show_release(&picture->hooks, block);
    mlpi_points_put(picture, X, labels);
    mlpi_put(picture, k == 1
                          ? "eval output\neval regions\nplot @plot_output"
                          : "eval classes\neval regions\nplot @plot_classes");
    mlpi_points_plot(picture, labels, ", ");
    return mlpi_panel_end(picture);
}

/* ---------------------------------------------------------------------------
 * The surface of the loss
 */

/* Writes the losses, row by row, and where the network itself stands, a mark.
 * Three tics on each axis are the two ends of the span and the weight of the
 * network between them. The clone has the hooks of its network, which get the
 * messages of what fails there. */
static mlp_status put_surface(mlp_picture *p, mlp_net *net, mlp_cview X,
                              mlp_cview Y, mlp_view W, const size_t at[2],
                              double span)
{
    size_t cols = W.cols;
    double center[2];
    mlp_scores scores;
    TRY(mlp_evaluate(net, X, Y, &scores));
    if (!isfinite(scores.loss)) {
        return mlpi_refuse(&p->hooks, MLP_ERR_NOT_FINITE,
                           "a surface: expects a finite loss, got %g",
                           scores.loss);
    }
    for (int i = 0; i < 2; i++) {
        center[i] = mlp_cview_at(mlp_view_const(W), at[i] / cols, at[i] % cols);
    }
    mlpi_put(p,
             "eval surface\nset xtics %r,%r\nset ytics %r,%r\nset label 'the "
             "network' at %r,%r,%r @network_mark\n$d << EOD\n",
             center[0] - span, span, center[1] - span, span, center[0],
             center[1], scores.loss);
    for (size_t i = 0; i < (size_t)SURFACE * SURFACE; i++) {
        const size_t place[2] = {i % SURFACE, i / SURFACE};
        double w[2];
        for (int j = 0; j < 2; j++) {
            double t = 2 * (double)place[j] / (SURFACE - 1) - 1;
            w[j] = center[j] + t * span;
            (void)mlp_view_set(W, at[j] / cols, at[j] % cols, w[j]);
        }
        TRY(mlp_evaluate(net, X, Y, &scores));
        mlpi_put(p, "%r %r %r\n%s", w[0], w[1], scores.loss,
                 place[0] == SURFACE - 1 ? "\n" : "");
    }
    mlpi_put(p, "EOD\nsplot $d using 1:2:3 with pm3d notitle");
    return MLP_OK;
}

/* The weights are changed in a copy, so the network of the caller is const
 * indeed. Elements are named as in the tutorial, whose rows and columns count
 * from 1. */
mlp_status mlp_picture_surface(mlp_picture *picture, const mlp_axes *axes,
                               const mlp_net *net, mlp_cview X, mlp_cview Y,
                               size_t l, size_t i0, size_t i1, double span)
{
    mlp_net *copy = NULL;
    mlp_view W;
    char names[2][64];
    TRY(mlpi_check_given(picture, net, "a network"));
    TRY(mlp_net_clone(net, &copy));
    mlp_status status = mlp_net_tensor(copy, MLP_W, l, &W);
    if (status == MLP_OK && !(i0 < W.rows * W.cols && i1 < W.rows * W.cols &&
                              i0 != i1 && span > 0 && isfinite(span))) {
        status =
            mlpi_refuse(&picture->hooks, MLP_ERR_ARGUMENT,
                        "a surface: expects two elements of W[%zu], numbers "
                        "below %zu, and a span above 0, got %zu, %zu and %g",
                        l, W.rows * W.cols, i0, i1, span);
    }
    if (status == MLP_OK) {
        const size_t at[] = {i0, i1};
        for (int i = 0; i < 2; i++) {
            (void)snprintf(names[i], sizeof names[i], "W[%zu](%zu, %zu)", l,
                           at[i] / W.cols + 1, at[i] % W.cols + 1);
        }
        mlpi_panel_begin(picture, axes, names[0], names[1]);
        status = put_surface(picture, copy, X, Y, W, at, span);
        picture->status = picture->status != MLP_OK ? picture->status : status;
        status = mlpi_panel_end(picture);
    }
    mlp_net_free(copy);
    return status;
}

/* ---------------------------------------------------------------------------
 * The network
 */

/* Returns layer l; layer 0 are the inputs. */
static mlp_layer layer_of(const mlp_net *net, size_t l)
{
    mlp_layer layer = {.width = mlp_net_inputs(net)};
    bool is_known = l == 0 || mlp_net_layer(net, l, &layer) == MLP_OK;
    return is_known ? layer : (mlp_layer){.width = 0};
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
    bool is_last = l == mlp_net_layer_count(net);
    bool has_classes = is_last && mlp_net_outputs(net) > 1;
    const char *name = l == 0        ? (inputs ? inputs[i] : NULL)
                       : has_classes ? mlp_net_class_name(net, i)
                                     : NULL;
    (void)snprintf(text, 32, l == 0 ? "x%zu" : is_last ? "y%zu" : "", i + 1);
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
    size_t columns[MOST_DRAWN + 1];
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
        columns[l] = put_neurons(picture, net, l, inputs);
    }
    mlpi_put(picture,
             "eval network\nset lmargin %z\nset rmargin %z\nset xrange "
             "[-0.1:%z.1]\nset yrange [%g:%g]\nplot @weights",
             columns[0] + 4, columns[layers] + 4, layers, -top - 1.6,
             top + 0.6);
    return mlpi_panel_end(picture);
}
