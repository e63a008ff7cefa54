/* SPDX-License-Identifier: MIT */
/*
 * Panels whose axes are numbers: curves, points, the regions that a network
 * decides, and the surface of its loss. Each writes its numbers as a block of
 * data, and then the commands that draw it. The lines of the blocks are:
 *
 *     curves     x y                                      $c0, $c1 ...
 *     points     x1 x2 class                              $points
 *     regions    a matrix of outputs or classes           $d, and $points
 *     surface    weight weight loss, with an empty line   $d
 *                after each row
 *
 * What is drawn is chosen by conditions in the commands, as
 *
 *     plot $points using 1:($3==0?$2:NaN) with points
 *
 * draws the points of class 0: gnuplot takes a NaN for a gap. So the numbers
 * are there once, and in the order of the caller's rows.
 */
#include "show/picture.h"

#include "show/text.h"

#include <math.h>

/* A line of more than MOST_POINTS is thinned to at most as many, which is about
 * one for each pixel of a panel. GRID counts the points of regions along each
 * axis: 150 make pixels that are hardly seen, and a file of a few kB. SURFACE
 * counts the points of a surface along each weight: each of its 64 patches
 * takes 0.4 kB of an SVG file. */
enum {
    MOST_POINTS = 1000,
    ACTIVATION_POINTS = 101,
    MOST_CLASSES = 100,
    GRID = 150,
    SURFACE = 9
};

/* The least and the largest of the numbers that a panel draws. */
typedef struct extent {
    double x0, x1, y0, y1;
} extent;

/* Chooses the tics of the axes for numbers in this range, where the axes do not
 * ask for another one. */
static void put_scale(mlp_picture *p, const mlp_axes *axes, const extent *r)
{
    if (!axes || !axes->log_x) {
        mlpi_put(p, "eval x_scale(%r,%r)\n", r->x0, r->x1);
    }
    if (axes && axes->log_y && r->y0 > 0 && axes->y_min == axes->y_max) {
        mlpi_put(p, "eval log_scale(%r,%r)\n", r->y0, r->y1);
    }
}

/* Widens a range to hold a point. */
static void widen(extent *r, double x, double y)
{
    r->x0 = fmin(r->x0, x);
    r->x1 = fmax(r->x1, x);
    r->y0 = fmin(r->y0, y);
    r->y1 = fmax(r->y1, y);
}

/* ---------------------------------------------------------------------------
 * Curves
 */

/* What curves have in common: the axes, and the x of the first point where a
 * curve has no x of its own. */
typedef struct frame {
    const mlp_axes *axes;
    const char *x, *y; /* labels, unless the axes have some */
    size_t first;
} frame;

/* Returns the x of a point. */
static double x_of(const frame *f, const mlp_curve *c, size_t i)
{
    return c->x ? c->x[i] : (double)(f->first + i);
}

/* A long line is cut into pieces of equal size, of which each keeps its lowest
 * and its highest point, in their order. An eye could not tell more of them
 * apart on a screen, the file would grow with the number of epochs, and a peak
 * of one epoch stays as high as it is, which an average would not show. A NaN
 * stays only where the piece has nothing else. On a logarithmic axis the first
 * points lie far apart, so none of them can go. */
static void put_curve(mlp_picture *p, const frame *f, const mlp_curve *c,
                      size_t number)
{
    bool is_whole =
        c->points || c->n <= MOST_POINTS || (f->axes && f->axes->log_x);
    size_t piece = is_whole ? 1 : 2 * (c->n / MOST_POINTS + 1);
    mlpi_put(p, "$c%z << EOD\n", number);
    for (size_t first = 0; first < c->n; first += piece) {
        size_t low = first;
        size_t high = first;
        for (size_t i = first; i < c->n && i < first + piece; i++) {
            low = isnan(c->y[low]) || c->y[i] < c->y[low] ? i : low;
            high = isnan(c->y[high]) || c->y[i] > c->y[high] ? i : high;
        }
        const size_t kept[] = {low < high ? low : high,
                               low < high ? high : low};
        for (int i = 0; i < (low == high ? 1 : 2); i++) {
            mlpi_put(p, "%r %r\n", x_of(f, c, kept[i]), c->y[kept[i]]);
        }
    }
    mlpi_put(p, "EOD\n");
}

/* Finds the range of the points that can be seen. Without any, gnuplot would
 * fail. */
static mlp_status check_curves(const mlp_picture *p, const frame *f,
                               const mlp_curve *curves, size_t n, extent *range)
{
    bool log_x = f->axes && f->axes->log_x;
    bool log_y = f->axes && f->axes->log_y;
    *range = (extent){INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (size_t i = 0; i < n; i++) {
        if (!curves[i].y) {
            return mlpi_refuse(&p->hooks, MLP_ERR_NULL,
                               "curves: y of curve %zu is NULL", i);
        }
        TRY(SHOW_CHECK_RESERVED(&p->hooks, "curves", &curves[i]));
        for (size_t j = 0; j < curves[i].n; j++) {
            double x = x_of(f, &curves[i], j);
            double y = curves[i].y[j];
            if (isfinite(x) && isfinite(y) && !(log_x && x <= 0) &&
                !(log_y && y <= 0)) {
                widen(range, x, y);
            }
        }
    }
    return range->x0 <= range->x1
               ? MLP_OK
               : mlpi_refuse(
                     &p->hooks, MLP_ERR_NOT_FINITE,
                     "curves: expects a finite number%s to draw, got none",
                     log_x || log_y ? " above 0" : "");
}

/* The blocks come first, because a command "plot" is one line. */
static mlp_status draw_curves(mlp_picture *p, const frame *f,
                              const mlp_curve *curves, size_t n)
{
    extent range;
    TRY(check_curves(p, f, curves, n, &range));
    mlpi_panel_begin(p, f->axes, f->x, f->y);
    put_scale(p, f->axes, &range);
    for (size_t i = 0; i < n; i++) {
        put_curve(p, f, &curves[i], i);
    }
    mlpi_put(p, "set autoscale xfix\n");
    for (size_t i = 0; i < n; i++) {
        mlpi_put(p, "%s$c%z using 1:2 with %s lt %z ", i == 0 ? "plot " : ", ",
                 i, curves[i].points ? "points ps 1.1*mark" : "lines", i + 1);
        mlpi_put(p, curves[i].name ? "title %q" : "notitle", curves[i].name);
    }
    return mlpi_panel_end(p);
}

/* Without labels the axes have none: only the caller knows what the numbers
 * are. */
mlp_status mlp_picture_curves(mlp_picture *picture, const mlp_axes *axes,
                              const mlp_curve *curves, size_t n)
{
    TRY(mlpi_check_given(picture, curves, "curves"));
    frame f = {axes, "", "", 0};
    return draw_curves(picture, &f, curves, n);
}

/* Returns the first of the lowest losses. */
static size_t lowest_of(const double *losses, size_t n)
{
    size_t lowest = 0;
    for (size_t i = 1; i < n; i++) {
        lowest = losses[i] < losses[lowest] ? i : lowest;
    }
    return lowest;
}

/* The best epoch is a curve of one point. Validation losses are all NaN, or
 * none is, so the first one tells. The best epoch may be one of an earlier fit,
 * which this history does not have: then another one is the lowest here. */
mlp_status mlp_picture_losses(mlp_picture *picture, const mlp_axes *axes,
                              const mlp_history *history, size_t first)
{
    TRY(mlpi_check_given(picture, history, "a history"));
    size_t epochs = mlp_history_epochs(history);
    if (first >= epochs) {
        return mlpi_refuse(&picture->hooks, MLP_ERR_ARGUMENT,
                           "losses: expects a first epoch below %zu, got %zu",
                           epochs, first);
    }
    frame f = {axes, "epoch", "loss", first};
    const double *losses = mlp_history_losses(history);
    const double *others = mlp_history_validation_losses(history);
    size_t best = mlp_history_best_epoch(history);
    double x = (double)best;
    char name[64];
    (void)snprintf(name, sizeof name, "best epoch: %zu", best);
    mlp_curve curves[3] = {
        {.name = "training", .y = losses + first, .n = epochs - first}};
    size_t n = 1;
    if (!isnan(others[first])) {
        curves[n++] = (mlp_curve){
            .name = "validation", .y = others + first, .n = epochs - first};
        losses = others;
    }
    if (best >= first && best == lowest_of(losses, epochs)) {
        curves[n++] = (mlp_curve){
            .name = name, .x = &x, .y = losses + best, .n = 1, .points = true};
    }
    return draw_curves(picture, &f, curves, n);
}

/* The numbers of both curves are the library's own, as a network computes them.
 * From -5 to 5 all functions show both of their ends. The distance of 0.1 puts
 * a point on 0, where relu bends. */
mlp_status mlp_picture_activation(mlp_picture *picture, const mlp_axes *axes,
                                  mlp_activation f, double slope)
{
    TRY(mlpi_check_given(picture, picture, "a picture"));
    double z[ACTIVATION_POINTS];
    double a[ACTIVATION_POINTS];
    double derivative[ACTIVATION_POINTS];
    const char *name = mlp_activation_name(f);
    if (isnan(mlp_activation_value(f, slope, 0))) {
        return mlpi_refuse(&picture->hooks, MLP_ERR_ARGUMENT,
                           "an activation: expects a function of one z and a "
                           "slope that a layer may have, got %s and %g",
                           name ? name : "an unknown constant", slope);
    }
    for (size_t i = 0; i < ACTIVATION_POINTS; i++) {
        z[i] = ((double)i - 0.5 * (ACTIVATION_POINTS - 1)) / 10;
        a[i] = mlp_activation_value(f, slope, z[i]);
        derivative[i] = mlp_activation_derivative(f, slope, z[i]);
    }
    const mlp_curve curves[] = {
        {.name = name, .x = z, .y = a, .n = ACTIVATION_POINTS},
        {.name = "derivative",
         .x = z,
         .y = derivative,
         .n = ACTIVATION_POINTS}};
    frame around = {axes, "z", "", 0};
    return draw_curves(picture, &around, curves, 2);
}

/* ---------------------------------------------------------------------------
 * Points
 */

/* The range comes with the checks, because both visit each row. */
static mlp_status check_points(const mlp_picture *picture, mlp_cview X,
                               mlp_cview labels, extent *range)
{
    const mlp_hooks *hooks = &picture->hooks;
    TRY(mlpi_check_numbers(hooks, "points", X, X.rows, 2, MLPI_FINITE));
    TRY(mlpi_check_numbers(hooks, "labels", labels, X.rows, 1, MLPI_LABELS));
    *range = (extent){INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (size_t i = 0; i < X.rows; i++) {
        widen(range, mlp_cview_at(X, i, 0), mlp_cview_at(X, i, 1));
    }
    return MLP_OK;
}

/* One block serves all classes: each is plotted from the lines with its number.
 */
static void put_points(mlp_picture *picture, mlp_cview X, mlp_cview labels)
{
    mlpi_put(picture, "$points << EOD\n");
    for (size_t i = 0; i < X.rows; i++) {
        mlpi_put(picture, "%r %r %g\n", mlp_cview_at(X, i, 0),
                 mlp_cview_at(X, i, 1), mlp_cview_at(labels, i, 0));
    }
    mlpi_put(picture, "EOD\n");
}

/* There are eight colours and eight marks. From one round of the colours to the
 * next the marks move on by one, so 64 classes look different. The marks are
 * numbers of gnuplot's points: those of the colours, in look.gp. */
static void plot_points(mlp_picture *picture, mlp_cview labels,
                        const char *before)
{
    static const char *const marks[] = {"7",  "9",  "5", "13",
                                        "11", "15", "6", "8"};
    bool has_points[MOST_CLASSES] = {false};
    for (size_t i = 0; i < labels.rows; i++) {
        has_points[(size_t)mlp_cview_at(labels, i, 0)] = true;
    }
    for (size_t k = 0; k < MOST_CLASSES; k++) {
        if (has_points[k]) {
            mlpi_put(picture,
                     "%s$points using 1:($3==%z?$2:NaN) with points lt %z pt "
                     "%s ps 1.1*mark lw 1 title 'class %z'",
                     before, k, k % 8 + 1, marks[(k + k / 8) % 8], k);
            before = ", ";
        }
    }
}

/* Around the points some room is left, so that no mark lies on an axis. */
mlp_status mlp_picture_points(mlp_picture *picture, const mlp_axes *axes,
                              mlp_cview X, mlp_cview labels)
{
    extent range;
    TRY(mlpi_check_given(picture, picture, "a picture"));
    TRY(check_points(picture, X, labels, &range));
    mlpi_panel_begin(picture, axes, "x1", "x2");
    put_scale(picture, axes, &range);
    put_points(picture, X, labels);
    mlpi_put(picture,
             "set offsets graph 0.05, graph 0.05, graph 0.05, graph 0.05\n");
    plot_points(picture, labels, "plot ");
    return mlpi_panel_end(picture);
}

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
                           const extent *range, void *block)
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
        TRY(p->status); /* an earlier failure has sent its message already */
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
    extent range;
    TRY(mlpi_check_given(picture, net, "a network"));
    TRY(check_points(picture, X, labels, &range));
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
    put_points(picture, X, labels);
    mlpi_put(picture, k == 1
                          ? "eval output\neval regions\nplot @plot_output"
                          : "eval classes\neval regions\nplot @plot_classes");
    plot_points(picture, labels, ", ");
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
    TRY(p->status); /* an earlier failure has sent its message already */
    TRY(mlp_evaluate(net, X, Y, &scores));
    if (!isfinite(scores.loss)) {
        return mlpi_refuse(&p->hooks, MLP_ERR_NOT_FINITE,
                           "a surface: expects a finite loss, got %s",
                           isnan(scores.loss) ? "a NaN" : "an infinity");
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
        TRY(p->status);
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
