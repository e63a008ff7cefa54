/* SPDX-License-Identifier: MIT */
/*
 * Drawings that a network makes: the regions that it decides, the surface of
 * its loss, and the network itself. The lines of their blocks of data are:
 *
 *     regions    a matrix of outputs or classes, and the points as in panels.c
 *     surface    weight weight loss, with an empty line after each row
 *     network    x y weight, in pairs: the two ends of a line; then x y of the
 *                neurons
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
#include "show/panels.h"
#include "show/text.h"

#include <math.h>

/* GRID counts the points of regions along each axis: 150 make pixels that are
 * hardly seen, and a file of a few kB. SURFACE counts the points of a surface
 * along each weight: each of its 144 patches takes 0.4 kB of an SVG file.
 * MOST_SHOWN limits the neurons of a layer that are drawn, and MOST_DRAWN the
 * layers. */
enum { GRID = 150, SURFACE = 13, MOST_SHOWN = 10, MOST_DRAWN = 20 };

/* ---------------------------------------------------------------------------
 * Regions
 */

/* A grid of GRID x GRID points: x of point j is x0 + j dx. */
typedef struct grid {
    double x0, dx, y0, dy;
    mlp_view A; /* outputs, row i GRID + j for point (i, j) */
} grid;

/* Finds the range of a column and a tenth more on each side, so that no point
 * lies on the border. *first receives the lowest number, and *pace the distance
 * of two points of the grid. Where all rows are equal, the range is 1 wide on
 * each side. */
static void find_range(mlp_cview X, size_t column, double *first, double *pace)
{
    double low = mlp_cview_at(X, 0, column);
    double high = low;
    for (size_t i = 1; i < X.rows; i++) {
        low = fmin(low, mlp_cview_at(X, i, column));
        high = fmax(high, mlp_cview_at(X, i, column));
    }
    double more = high > low ? (high - low) / 10 : 1;
    *first = low - more;
    *pace = (high - low + 2 * more) / (GRID - 1);
}

/* Predicts the points of a grid. A row of the grid is computed at once, which
 * needs little memory. The points are double, and are rounded to the precision
 * of the network: the caller of mlp_predict would do the same. */
static mlp_status predict_grid(const mlp_net *net, const grid *g)
{
    double row[GRID][2];
    float single[GRID][2];
    bool is_f32 = mlp_net_precision(net) == MLP_F32;
    for (size_t i = 0; i < GRID; i++) {
        for (size_t j = 0; j < GRID; j++) {
            row[j][0] = g->x0 + (double)j * g->dx;
            row[j][1] = g->y0 + (double)i * g->dy;
            single[j][0] = (float)row[j][0];
            single[j][1] = (float)row[j][1];
        }
        mlp_cview X = is_f32 ? mlp_cview_f32(single[0], GRID, 2)
                             : mlp_cview_f64(row[0], GRID, 2);
        TRY(mlp_predict(net, X, mlp_view_rows(g->A, i * GRID, GRID)));
    }
    return MLP_OK;
}

/* Returns what a picture shows of a point: the output, or if there are several,
 * the number of the largest. */
static double shown_at(const grid *g, size_t point)
{
    mlp_cview A = mlp_view_const(g->A);
    size_t largest = 0;
    for (size_t j = 1; j < A.cols; j++) {
        bool is_larger =
            mlp_cview_at(A, point, j) > mlp_cview_at(A, point, largest);
        largest = is_larger ? j : largest;
    }
    return A.cols > 1 ? (double)largest : mlp_cview_at(A, point, 0);
}

/* Writes the grid as a block of data, and finds the range of its numbers. */
static void put_grid(mlp_picture *p, const grid *g, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    mlpi_put(p, "x0 = %r\ndx = %r\ny0 = %r\ndy = %r\nside = %z\n", g->x0, g->dx,
             g->y0, g->dy, (size_t)GRID);
    mlpi_block_begin(p);
    for (size_t i = 0; i < (size_t)GRID * GRID; i++) {
        double value = shown_at(g, i);
        *low = fmin(*low, value);
        *high = fmax(*high, value);
        mlpi_put(p, i % GRID + 1 < GRID ? "%g " : "%g\n", value);
    }
    mlpi_block_end(p);
}

/* The levels of a probability are those of all its range, from 0 to 1. */
static void put_regions(mlp_picture *p, const grid *g, mlp_cview X,
                        mlp_cview labels, size_t classes)
{
    double low = 0;
    double high = 0;
    bool is_single = g->A.cols == 1;
    put_grid(p, g, &low, &high);
    bool has_line = is_single ? low < 0.5 && high > 0.5 : low < high;
    bool is_share = low >= 0 && high <= 1;
    mlpi_put(p, "low = %g\nhigh = %g\neval %s\n%s", is_share ? 0 : low,
             is_share ? 1 : high, is_single ? "levels" : "tints",
             has_line ? "eval contours\n" : "");
    mlpi_points_put(p, X, labels);
    mlpi_put(p,
             "eval regions\nplot for [i=as_text:0] $d%z matrix using "
             "(x0+$1*dx):(y0+$2*dy):(%s) with image notitle, ",
             p->blocks - 1, is_single ? "$3" : "int($3)%8");
    if (has_line) {
        mlpi_put(p, "$line using 1:2 with lines lt 3 dt %s lw 1.5 %s, ",
                 is_single ? "2" : "1", is_single ? "title '0.5'" : "notitle");
    }
    mlpi_points_plot(p, labels, classes);
}

/* The network is used before the panel begins, so that its failures need no
 * repair. A grid that is not finite is refused: an image with holes would look
 * like a region of its own. */
mlp_status mlp_picture_regions(mlp_picture *picture, const mlp_axes *axes,
                               const mlp_net *net, mlp_cview X,
                               mlp_cview labels)
{
    grid g = {.x0 = 0};
    size_t classes = 0;
    TRY(mlpi_check_given(picture, net, "a network"));
    TRY(mlpi_check_points(picture, X, labels, &classes));
    size_t k = mlp_net_outputs(net);
    if (mlp_net_inputs(net) != 2 || k > 99) {
        return mlpi_refuse(&picture->hooks, MLP_ERR_SHAPE,
                           "regions: expects a network with 2 inputs and at "
                           "most 99 outputs, got %zu and %zu",
                           mlp_net_inputs(net), k);
    }
    size_t n = (size_t)GRID * GRID;
    void *outputs =
        mlpi_picture_allocate(&picture->hooks, n * k * sizeof(double));
    if (!outputs) {
        return MLP_ERR_MEMORY;
    }
    g.A = mlp_net_precision(net) == MLP_F32 ? mlp_view_f32(outputs, n, k)
                                            : mlp_view_f64(outputs, n, k);
    find_range(X, 0, &g.x0, &g.dx);
    find_range(X, 1, &g.y0, &g.dy);
    mlp_status status = predict_grid(net, &g);
    if (status == MLP_OK) {
        status = mlpi_check_numbers(picture, "outputs of the network",
                                    mlp_view_const(g.A), n, k);
    }
    if (status == MLP_OK) {
        mlpi_panel_begin(picture, axes, "x1", "x2");
        put_regions(picture, &g, X, labels, classes);
        status = mlpi_panel_end(picture);
    }
    mlpi_picture_release(&picture->hooks, outputs);
    return status;
}

/* ---------------------------------------------------------------------------
 * The surface of the loss
 */

/* Writes the losses, row by row, and at last that of the network itself, where
 * a mark stands. Three tics on each axis are the two ends of the span and the
 * weight of the network between them. The clone has the hooks of its network,
 * which get the messages of what fails there. */
static mlp_status put_surface(mlp_picture *p, mlp_net *net, mlp_cview X,
                              mlp_cview Y, mlp_view W, const size_t at[2],
                              double span)
{
    double center[2];
    size_t cols = W.cols;
    for (int i = 0; i < 2; i++) {
        center[i] = mlp_cview_at(mlp_view_const(W), at[i] / cols, at[i] % cols);
    }
    mlpi_block_begin(p);
    for (size_t i = 0; i <= (size_t)SURFACE * SURFACE; i++) {
        bool is_last = i == (size_t)SURFACE * SURFACE;
        const size_t place[2] = {i % SURFACE, i / SURFACE};
        mlp_scores scores;
        double w[2];
        for (int j = 0; j < 2; j++) {
            double t = 2 * (double)place[j] / (SURFACE - 1) - 1;
            w[j] = center[j] + (is_last ? 0 : t * span);
            (void)mlp_view_set(W, at[j] / cols, at[j] % cols, w[j]);
        }
        TRY(mlp_evaluate(net, X, Y, &scores));
        if (is_last && !isfinite(scores.loss)) {
            return mlpi_refuse(&p->hooks, MLP_ERR_NOT_FINITE,
                               "a surface: expects a finite loss, got %g",
                               scores.loss);
        }
        if (is_last) {
            mlpi_block_end(p);
            mlpi_put(p,
                     "set label 'the network' at %r,%r,%r point lt 4 ps "
                     "1.8*mark front offset 1.2,0.6\n",
                     w[0], w[1], scores.loss);
        } else {
            mlpi_put(p, "%r %r %r\n", w[0], w[1], scores.loss);
            mlpi_put(p, place[0] == SURFACE - 1 ? "\n" : "");
        }
    }
    mlpi_put(p,
             "eval surface\nset xtics %r,%r\nset ytics %r,%r\nsplot $d%z using "
             "1:2:3 with pm3d notitle",
             center[0] - span, span, center[1] - span, span, p->blocks);
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
        picture->status = status != MLP_OK ? status : picture->status;
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

/* Writes the weights between all neurons that are drawn as a block of pairs of
 * lines "x y weight", and finds the largest weight of the network. gnuplot
 * sorts them by their signs and sizes. */
static void put_weights(mlp_picture *p, const mlp_net *net)
{
    double largest = 0;
    mlpi_block_begin(p);
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
    mlpi_block_end(p);
    mlpi_put(p, "largest = %r\n", largest > 0 ? largest : 1);
}

/* Returns the name of an input or of an output: the caller's, that of a class,
 * or a letter with the number, as the tutorial writes them. A single output has
 * the names of two classes, of which neither is its own. */
static const char *name_of(const mlp_net *net, const char *const *inputs,
                           bool is_input, size_t i, char text[32])
{
    bool has_classes = mlp_net_outputs(net) > 1;
    const char *name = is_input      ? (inputs ? inputs[i] : NULL)
                       : has_classes ? mlp_net_class_name(net, i)
                                     : NULL;
    (void)snprintf(text, 32, "%s%zu", is_input ? "x" : "y", i + 1);
    return name ? name : text;
}

/* Returns the columns of the longest of these names that are drawn. */
static size_t widest(const mlp_net *net, const char *const *inputs,
                     bool is_input)
{
    char text[32];
    size_t n = is_input ? mlp_net_inputs(net) : mlp_net_outputs(net);
    size_t most = 0;
    for (size_t place = 0; place < places_of(n); place++) {
        size_t i = neuron_at(n, place);
        size_t columns =
            i < n ? mlpi_text_columns(name_of(net, inputs, is_input, i, text))
                  : 0;
        most = columns > most ? columns : most;
    }
    return most;
}

/* Writes the neurons of a layer as lines "x y", and as labels its dots, its
 * caption below, and the names of inputs or outputs. */
static void put_neurons(mlp_picture *p, const mlp_net *net, size_t l,
                        const char *const *inputs, bool as_labels)
{
    mlp_layer layer = layer_of(net, l);
    size_t n = layer.width;
    char text[32];
    bool is_last = l == mlp_net_layer_count(net);
    for (size_t place = 0; place < places_of(n); place++) {
        size_t i = neuron_at(n, place);
        double y = height_of(n, place);
        if (!as_labels && i < n) {
            mlpi_put(p, "%z %g\n", l, y);
        } else if (as_labels && i == n) {
            mlpi_put(p, "set label '⋮' at %z,%g center\n", l, y);
        } else if (as_labels && (l == 0 || is_last)) {
            mlpi_put(p, "set label %q at %z,%g %s,0\n",
                     name_of(net, inputs, l == 0, i, text), l, y,
                     l == 0 ? "right offset -1.8" : "left offset 1.8");
        }
    }
    if (as_labels) {
        mlpi_put(p, "set label '%z %s' at %z,graph 0.03 center\n", n,
                 l == 0 ? (n == 1 ? "input" : "inputs")
                        : mlp_activation_name(layer.activation),
                 l);
    }
}

/* Plots weights and neurons. A neuron is a white circle on a dark one:
 * it covers the ends of the lines. */
static void plot_network(mlp_picture *p, size_t layers, double top, size_t left,
                         size_t right)
{
    static const char *const signs[] = {">=0", "<0"};
    mlpi_put(p,
             "eval network\nset lmargin %z\nset rmargin %z\nset xrange "
             "[-0.1:%z.1]\nset yrange [%g:%g]\nplot ",
             left + 4, right + 4, layers, -top - 1.6, top + 0.6);
    for (size_t i = 0; i < 2; i++) {
        mlpi_put(p,
                 "for [i=0:4] $d%z using ($3%s&&fifth($3)==i?$1:NaN):2 with "
                 "lines lt %z lw 0.5+1.1*i notitle, ",
                 p->blocks - 1, signs[i], 3 * i + 1);
    }
    mlpi_put(p,
             "keyentry with lines lt 1 lw 4 title 'positive weight', keyentry "
             "with lines lt 4 lw 4 title 'negative weight', $d%z using 1:2 "
             "with points pt 7 ps 2.8*mark lc rgb '#404040' notitle, $d%z "
             "using 1:2 with points pt 7 ps 2.2*mark lc rgb '#ffffff' notitle",
             p->blocks, p->blocks);
}

/* The order of drawing is the order of layers in the picture: lines first, then
 * the neurons that cover their ends. Labels belong to the panel, and gnuplot
 * draws them last. */
mlp_status mlp_picture_network(mlp_picture *picture, const mlp_axes *axes,
                               const mlp_net *net, const char *const *inputs)
{
    TRY(mlpi_check_given(picture, net, "a network"));
    size_t layers = mlp_net_layer_count(net);
    double top = 0;
    if (layers > MOST_DRAWN) {
        return mlpi_refuse(&picture->hooks, MLP_ERR_LIMIT,
                           "a drawing: expects at most %d layers, got %zu",
                           (int)MOST_DRAWN, layers);
    }
    for (size_t i = 0; inputs && i < mlp_net_inputs(net); i++) {
        TRY(mlpi_check_given(picture, inputs[i], "the name of an input"));
    }
    mlpi_panel_begin(picture, axes, "", "");
    put_weights(picture, net);
    for (size_t l = 0; l <= layers; l++) {
        top = fmax(top, height_of(layer_of(net, l).width, 0));
        put_neurons(picture, net, l, inputs, true);
    }
    mlpi_block_begin(picture);
    for (size_t l = 0; l <= layers; l++) {
        put_neurons(picture, net, l, inputs, false);
    }
    mlpi_block_end(picture);
    plot_network(picture, layers, top, widest(net, inputs, true),
                 widest(net, inputs, false));
    return mlpi_panel_end(picture);
}
