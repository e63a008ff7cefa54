/* SPDX-License-Identifier: MIT */
/*
 * Panels of numbers: curves, points, bars, a confusion matrix and an image.
 * Each writes its numbers as a block of data, and then the commands that draw
 * it. The lines of the blocks are:
 *
 *     curves     x y                            $c0, $c1 ...
 *     points     x1 x2 class                    $points
 *     bars       the values of all series       $d
 *     confusion  column row share count         $d
 *     image      the numbers of a row           $d
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
 * one for each pixel of a panel. */
enum { MOST_POINTS = 1000, ACTIVATION_POINTS = 101, MOST_CLASSES = 100 };

/* Chooses the tics of the axes for numbers in this range, where the axes do not
 * ask for another one. */
static void put_scale(mlp_picture *p, const mlp_axes *axes, const mlpi_range *r)
{
    if (!axes || !axes->log_x) {
        mlpi_put(p, "eval x_scale(%r,%r)\n", r->x0, r->x1);
    }
    if (axes && axes->log_y && axes->y_min == axes->y_max) {
        mlpi_put(p, "eval log_scale(%r,%r)\n", r->y0, r->y1);
    }
}

/* Widens a range to hold a point. */
static void widen(mlpi_range *r, double x, double y)
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

/* A piece of a line keeps its lowest and its highest point, in their order. So
 * a peak of one epoch stays as high as it is, which an average would not show.
 * A NaN stays only where the piece has nothing else. */
static void put_piece(mlp_picture *p, const frame *f, const mlp_curve *c,
                      size_t first, size_t end)
{
    size_t low = first;
    size_t high = first;
    for (size_t i = first; i < end; i++) {
        low = isnan(c->y[low]) || c->y[i] < c->y[low] ? i : low;
        high = isnan(c->y[high]) || c->y[i] > c->y[high] ? i : high;
    }
    size_t kept[] = {low < high ? low : high, low < high ? high : low};
    for (int i = 0; i < (low == high ? 1 : 2); i++) {
        mlpi_put(p, "%r %r\n", x_of(f, c, kept[i]), c->y[kept[i]]);
    }
}

/* A long line is cut into pieces of about equal size, and each piece gives two
 * points. An eye could not tell more of them apart on a screen, and the file
 * would grow with the number of epochs. On a logarithmic axis the first points
 * lie far apart, so none of them can go. */
static void put_curve(mlp_picture *p, const frame *f, const mlp_curve *c,
                      size_t number)
{
    bool is_whole =
        c->points || c->n <= MOST_POINTS || (f->axes && f->axes->log_x);
    size_t pieces = is_whole ? c->n : MOST_POINTS / 2;
    double size = (double)c->n / (double)pieces;
    mlpi_put(p, "$c%z << EOD\n", number);
    for (size_t i = 0; i < pieces; i++) {
        put_piece(p, f, c, (size_t)((double)i * size),
                  i + 1 < pieces ? (size_t)((double)(i + 1) * size) : c->n);
    }
    mlpi_put(p, "EOD\n");
}

/* Finds the range of the points that can be seen. Without any, gnuplot would
 * fail. */
static mlp_status check_curves(const mlp_picture *p, const frame *f,
                               const mlp_curve *curves, size_t n,
                               mlpi_range *range)
{
    bool log_x = f->axes && f->axes->log_x;
    bool log_y = f->axes && f->axes->log_y;
    *range = (mlpi_range){INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (size_t i = 0; i < n; i++) {
        if (!curves[i].y) {
            return mlpi_refuse(&p->hooks, MLP_ERR_NULL,
                               "curves: y of curve %zu is NULL", i);
        }
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
    mlpi_range range;
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

/* The best epoch is a curve of one point. Validation losses are all NaN, or
 * none is, so the first one tells. The best epoch may be one of an earlier fit,
 * which this history does not have. */
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
        {"training", NULL, losses + first, epochs - first, false}};
    size_t n = 1;
    if (others && !isnan(others[first])) {
        curves[n++] = (mlp_curve){"validation", NULL, others + first,
                                  epochs - first, false};
        losses = others;
    }
    if (best >= first && best < epochs) {
        curves[n++] = (mlp_curve){name, &x, losses + best, 1, true};
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
        {name, z, a, ACTIVATION_POINTS, false},
        {"derivative", z, derivative, ACTIVATION_POINTS, false}};
    frame around = {axes, "z", "", 0};
    return draw_curves(picture, &around, curves, 2);
}

/* ---------------------------------------------------------------------------
 * Points
 */

/* The range comes with the checks, because both visit each row. */
mlp_status mlpi_points_check(const mlp_picture *picture, mlp_cview X,
                             mlp_cview labels, mlpi_range *range)
{
    const mlp_hooks *hooks = &picture->hooks;
    TRY(mlpi_check_numbers(hooks, "points", X, X.rows, 2, MLPI_FINITE));
    TRY(mlpi_check_numbers(hooks, "labels", labels, X.rows, 1, MLPI_LABELS));
    *range = (mlpi_range){INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (size_t i = 0; i < X.rows; i++) {
        widen(range, mlp_cview_at(X, i, 0), mlp_cview_at(X, i, 1));
    }
    return MLP_OK;
}

/* One block serves all classes: each is plotted from the lines with its number.
 */
void mlpi_points_put(mlp_picture *picture, mlp_cview X, mlp_cview labels)
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
void mlpi_points_plot(mlp_picture *picture, mlp_cview labels,
                      const char *before)
{
    static const char *const marks[] = {"7",  "9",  "5", "13",
                                        "11", "15", "6", "8"};
    bool has_points[100] = {false};
    for (size_t i = 0; i < labels.rows; i++) {
        has_points[(size_t)mlp_cview_at(labels, i, 0)] = true;
    }
    for (size_t k = 0; k < 100; k++) {
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
    mlpi_range range;
    TRY(mlpi_check_given(picture, picture, "a picture"));
    TRY(mlpi_points_check(picture, X, labels, &range));
    mlpi_panel_begin(picture, axes, "x1", "x2");
    put_scale(picture, axes, &range);
    mlpi_points_put(picture, X, labels);
    mlpi_put(picture,
             "set offsets graph 0.05, graph 0.05, graph 0.05, graph 0.05\n");
    mlpi_points_plot(picture, labels, "plot ");
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
 * is the number of the line. The values stand above the bars where they are not
 * too many; more than 6 are turned,
 * which text cannot do. */
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
    bool is_turned = n * n_series > 6;
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
        if (n * n_series <= 16) {
            mlpi_put(picture,
                     ", for [i=%s:0] $d using ($0+%g):%z:(gprintf('%%.3g',$%z))"
                     " with labels %s notitle",
                     is_turned ? "as_text" : "0", center, s + 1, s + 1,
                     is_turned ? "rotate by 90 left offset 0,0.4"
                               : "center offset 0,0.6");
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
