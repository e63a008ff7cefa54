/* SPDX-License-Identifier: MIT */
/*
 * Pictures: the numbers in their scripts are the library's, and every refusal
 * leaves a picture as it was. test_drawing.c shows what gnuplot makes of them.
 */
#include "support/pictures.h"

/* Returns the first number of a block of data. */
static char *block_of(const char *text, const char *block)
{
    char head[32];
    (void)snprintf(head, sizeof head, "$%s << EOD\n", block);
    char *at = strstr(text, head);
    assert_non_null(at);
    return at + strlen(head);
}

static double next_number(char **at)
{
    char *end = NULL;
    double x = strtod(*at, &end);
    assert_true(end != *at);
    *at = end;
    return x;
}

/* Copies a script, which has room. */
static void keep(const char *text, char *copy, size_t size)
{
    assert_true(strlen(text) < size);
    memcpy(copy, text, strlen(text) + 1);
}

/* ---------------------------------------------------------------------------
 * Numbers
 */

static void losses_are_those_of_the_history(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    assert_int_equal(add(picture, 1), MLP_OK);
    const char *text = script_of(picture);
    char *at = block_of(text, "c0");
    char *other = block_of(text, "c1");
    for (size_t i = 10; i < 30; i++) {
        assert_true(next_number(&at) == (double)i);
        assert_true(next_number(&at) == mlp_history_losses(history)[i]);
        assert_true(next_number(&other) == (double)i);
        assert_true(next_number(&other) ==
                    mlp_history_validation_losses(history)[i]);
    }
    assert_memory_equal(at, "\nEOD\n", 5);
    size_t best = mlp_history_best_epoch(history);
    at = block_of(text, "c2");
    assert_true(next_number(&at) == (double)best);
    assert_true(next_number(&at) ==
                mlp_history_validation_losses(history)[best]);
    mlp_picture_free(picture);
    assert_int_equal(record.live, 0);
}

static void long_lines_are_thinned_to_their_extremes(void **state)
{
    (void)state;
    enum { N = 100000 };
    static double y[N];
    for (size_t i = 0; i < N; i++) {
        y[i] = sin((double)i * 1e-4);
    }
    for (size_t i = 0; i < N; i += 2) {
        y[i] = NAN; /* among them the first of each piece */
    }
    y[77777] = 5;
    y[12345] = -4;
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    mlp_curve curve = {NULL, NULL, y, N, false};
    assert_int_equal(mlp_picture_curves(picture, NULL, &curve, 1), MLP_OK);
    char *at = block_of(script_of(picture), "c0");
    double last = -1;
    size_t points = 0;
    size_t extremes = 0;
    while (memcmp(at, "\nEOD", 4) != 0) {
        double x = next_number(&at);
        assert_true(x > last && x < N);
        assert_true(next_number(&at) == y[(size_t)x]); /* no NaN */
        extremes += x == 77777 || x == 12345;
        points++;
        last = x;
    }
    assert_true(points <= 1000 && points > 500);
    assert_int_equal(extremes, 2);
    mlp_picture_free(picture);
}

/* On a logarithmic axis the first points lie far apart, and all others stay. */
static void logarithmic_axes_keep_each_point(void **state)
{
    (void)state;
    enum { N = 3000 };
    static double x[N];
    static double y[N];
    for (size_t i = 0; i < N; i++) {
        x[i] = (double)i - 1; /* the first two cannot be seen */
        y[i] = sin((double)i);
    }
    x[7] = NAN;
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    const mlp_curve curve = {NULL, x, y, N, false};
    const mlp_axes axes = {.log_x = true};
    assert_int_equal(mlp_picture_curves(picture, &axes, &curve, 1), MLP_OK);
    const char *text = script_of(picture);
    assert_non_null(strstr(text, "set logscale x\n"));
    assert_null(strstr(text, "\neval x_scale("));
    char *at = block_of(text, "c0");
    for (size_t i = 0; i < N; i++) {
        double shown = next_number(&at);
        assert_true(shown == x[i] || (i == 7 && isnan(shown)));
        assert_true(next_number(&at) == y[i]);
    }
    assert_memory_equal(at, "\nEOD\n", 5);
    mlp_picture_free(picture);
}

/* A point that is no number widens no axis. */
static void scales_are_those_of_what_is_seen(void **state)
{
    (void)state;
    static const double x[] = {NAN, 2, 4, INFINITY};
    static const double y[] = {9, 0.25, 8, 9};
    static const double z[] = {-1, 0.25, 8, 0};
    static const struct {
        const double *y;
        mlp_axes axes;
        const char *first, *second;
    } cases[] = {
        {y, {.log_y = false}, "\neval x_scale(2,4)\n", "$c0 << EOD"},
        {y, {.log_y = true}, "set logscale y\n", "eval log_scale(0.25,8)\n"},
        {z, {.log_y = true}, "eval x_scale(2,4)\n", "eval log_scale(0.25,8)"},
        {y, {.log_x = true, .log_y = true}, "set logscale xy\n", "(0.25,8)\n"},
        {y,
         {.log_y = true, .y_min = 0.5, .y_max = 2},
         "set logscale y\n",
         "set yrange [0.5:2]\n"},
        {y, {.y_min = -1, .y_max = 2}, "set yrange [-1:2]\n", "(2,4)"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        hook_record record = {0};
        mlp_picture *picture = made_picture(&record);
        const mlp_curve curve = {NULL, x, cases[i].y, 4, false};
        assert_int_equal(mlp_picture_curves(picture, &cases[i].axes, &curve, 1),
                         MLP_OK);
        const char *text = strstr(script_of(picture), "eval look\n");
        assert_non_null(strstr(text, cases[i].first));
        assert_non_null(strstr(text, cases[i].second));
        mlp_picture_free(picture);
    }
}

/* Steps that are far too large make the first epoch the best. */
static void losses_mark_the_best_epoch_if_it_is_shown(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *net = made_net(1, MLP_LOSS_BCE);
    mlp_history *rising = NULL;
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 5, options.batch_size = 0, options.learning_rate = 100;
    assert_int_equal(mlp_fit(net, mlp_cview_f64(X[0], ROWS, 2),
                             mlp_cview_f64(Y[0], ROWS, 1), &options, &rising),
                     MLP_OK);
    assert_int_equal(mlp_history_best_epoch(rising), 0);
    for (size_t first = 0; first < 2; first++) {
        mlp_picture *picture = made_picture(&record);
        assert_int_equal(mlp_picture_losses(picture, NULL, rising, first),
                         MLP_OK);
        const char *text = script_of(picture);
        assert_int_equal(strstr(text, "title 'best epoch: 0'") != NULL,
                         first == 0);
        mlp_picture_free(picture);
    }
    mlp_history_free(rising);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* The epoch that a trainer calls the best may be one of an earlier fit, whose
 * number is that of another epoch here. */
static void losses_mark_no_best_epoch_of_another_fit(void **state)
{
    (void)state;
    double opposite[ROWS];
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    mlp_net *net = made_net(1, MLP_LOSS_BCE);
    mlp_trainer *trainer = NULL;
    mlp_train_options options = mlp_train_defaults();
    mlp_cview data = mlp_cview_f64(X[0], ROWS, 2);
    for (size_t i = 0; i < ROWS; i++) {
        opposite[i] = 1 - Y[i][0];
    }
    assert_int_equal(mlp_trainer_create(net, ROWS, &trainer), MLP_OK);
    options.epochs = 10;
    assert_int_equal(mlp_trainer_fit(trainer, data,
                                     mlp_cview_f64(Y[0], ROWS, 1), &options,
                                     NULL),
                     MLP_OK);
    options.learning_rate = 1e-6; /* so that no later loss is as low */
    for (options.epochs = 3; options.epochs <= 13; options.epochs += 10) {
        mlp_history *later = NULL;
        assert_int_equal(mlp_trainer_fit(trainer, data,
                                         mlp_cview_f64(opposite, ROWS, 1),
                                         &options, &later),
                         MLP_OK);
        assert_int_equal(mlp_history_best_epoch(later), 9);
        assert_int_equal(mlp_picture_losses(picture, NULL, later, 0), MLP_OK);
        mlp_history_free(later);
    }
    const char *text = script_of(picture);
    assert_null(strstr(text, "title 'best epoch"));
    assert_null(strstr(text, "$c1 << EOD"));
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    mlp_picture_free(picture);
    assert_int_equal(record.live, 0);
}

static void activation_is_the_librarys(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    assert_int_equal(add(picture, 5), MLP_OK);
    const char *text = script_of(picture);
    char *at = block_of(text, "c0");
    char *derivative = block_of(text, "c1");
    for (size_t i = 0; i < 101; i++) {
        double z = next_number(&at);
        assert_true(z == ((double)i - 50) / 10);
        assert_true(next_number(&at) ==
                    mlp_activation_value(MLP_ACT_GELU, 0, z));
        (void)next_number(&derivative);
        assert_true(next_number(&derivative) ==
                    mlp_activation_derivative(MLP_ACT_GELU, 0, z));
    }
    mlp_picture_free(picture);
}

static double named_number(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    assert_non_null(at);
    return strtod(at + strlen(name), NULL);
}

/* The grid of points for which a panel of regions asks the network. */
enum { GRID = 150 };
typedef struct grid {
    double x0, dx, y0, dy;
} grid;

static grid grid_of(const char *text)
{
    return (grid){named_number(text, "\nx0 = "), named_number(text, "\ndx = "),
                  named_number(text, "\ny0 = "), named_number(text, "\ndy = ")};
}

/* Sets the coordinates of point i, which are counted row by row. */
static void set_point(const grid *g, size_t i, double point[2])
{
    size_t row = i / GRID;
    point[0] = g->x0 + (double)(i % GRID) * g->dx;
    point[1] = g->y0 + (double)row * g->dy;
}

static void regions_are_predictions(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    assert_int_equal(add(picture, 3), MLP_OK);
    const char *text = script_of(picture);
    grid g = grid_of(text);
    char *at = block_of(text, "d");
    for (size_t i = 0; i < (size_t)GRID * GRID; i++) {
        double point[2];
        set_point(&g, i, point);
        double a = 0;
        assert_int_equal(mlp_predict(moons, mlp_cview_f64(point, 1, 2),
                                     mlp_view_f64(&a, 1, 1)),
                         MLP_OK);
        assert_relative(next_number(&at), a, 1e-5);
    }
    at = block_of(text, "points");
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(next_number(&at) == X[i][0]);
        assert_true(next_number(&at) == X[i][1]);
        assert_true(next_number(&at) == Y[i][0]);
        assert_true(X[i][0] > g.x0 && X[i][0] < g.x0 + (GRID - 1) * g.dx);
        assert_true(X[i][1] > g.y0 && X[i][1] < g.y0 + (GRID - 1) * g.dy);
    }
    mlp_picture_free(picture);
}

static void regions_of_classes_are_the_largest_outputs(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    assert_int_equal(add(picture, 4), MLP_OK);
    const char *text = script_of(picture);
    grid g = grid_of(text);
    char *at = block_of(text, "d");
    for (size_t i = 0; i < (size_t)GRID * GRID; i++) {
        double point[2];
        set_point(&g, i, point);
        int32_t label = -1;
        mlp_cview row = mlp_cview_f64(point, 1, 2);
        ignore(mlp_classify(classes, row, 0.5, mlp_view_i32(&label, 1, 1)));
        assert_true(next_number(&at) == (double)label);
    }
    mlp_picture_free(picture);
}

static void surface_is_the_loss(void **state)
{
    (void)state;
    enum { SIDE = 9 };
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    assert_int_equal(add(picture, 9), MLP_OK);
    const char *text = script_of(picture);
    char *at = block_of(text, "d");
    mlp_net *copy = NULL;
    mlp_view W;
    ignore(mlp_net_clone(moons, &copy));
    ignore(mlp_net_tensor(copy, MLP_W, 1, &W));
    /* W is (12, 2): elements 0 and 3 are (0, 0) and (1, 1). */
    double w0 = mlp_cview_at(mlp_view_const(W), 0, 0);
    double w1 = mlp_cview_at(mlp_view_const(W), 1, 1);
    for (size_t i = 0; i < (size_t)SIDE * SIDE; i++) {
        mlp_scores scores;
        double a = next_number(&at);
        double b = next_number(&at);
        assert_absolute(a, w0 - 0.5 + (double)(i % SIDE) / 8, 1e-12);
        assert_absolute(b, w1 - 0.5 + (double)(size_t)(i / SIDE) / 8, 1e-12);
        assert_true(mlp_view_set(W, 0, 0, a) && mlp_view_set(W, 1, 1, b));
        ignore(mlp_evaluate(copy, mlp_cview_f64(X[0], ROWS, 2),
                            mlp_cview_f64(Y[0], ROWS, 1), &scores));
        assert_true(next_number(&at) == scores.loss);
        /* An empty line ends a row. */
        assert_memory_equal(at, i % SIDE == SIDE - 1 ? "\n\n" : "\n",
                            i % SIDE == SIDE - 1 ? 2 : 1);
        assert_int_equal(at[1] == '\n', i % SIDE == SIDE - 1);
    }
    static const char mark[] = "set label 'the network' at ";
    mlp_scores scores;
    at = strstr(text, mark);
    assert_non_null(at);
    at += strlen(mark);
    ignore(mlp_evaluate(moons, mlp_cview_f64(X[0], ROWS, 2),
                        mlp_cview_f64(Y[0], ROWS, 1), &scores));
    assert_true(strtod(at, &at) == w0 && strtod(at + 1, &at) == w1);
    assert_true(strtod(at + 1, &at) == scores.loss);
    assert_non_null(strstr(text, "set xlabel 'W[1](1, 1)'"));
    assert_non_null(strstr(text, "set ylabel 'W[1](2, 2)'"));
    mlp_net_free(copy);
    mlp_picture_free(picture);
}

/* All weights between drawn neurons are in the script once. The hidden layer has
 * 12 neurons, of which 9 are drawn, with dots as the sixth place. */
static void network_holds_its_weights(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    assert_int_equal(add(picture, 6), MLP_OK);
    const char *text = script_of(picture);
    mlp_cview W[2];
    double largest = 0;
    size_t found = 0;
    for (size_t l = 0; l < 2; l++) {
        ignore(mlp_net_ctensor(moons, MLP_W, l + 1, &W[l]));
        for (size_t i = 0; i < W[l].rows * W[l].cols; i++) {
            largest =
                fmax(largest,
                     fabs(mlp_cview_at(W[l], i / W[l].cols, i % W[l].cols)));
        }
    }
    assert_true(named_number(text, "\nlargest = ") == largest);
    for (char *at = block_of(text, "d");
         memcmp(at + strspn(at, "\n"), "EOD", 3) != 0;) {
        double from = next_number(&at);
        double y = next_number(&at);
        double w = next_number(&at);
        assert_true(next_number(&at) == from + 1);
        double y2 = next_number(&at);
        double same = next_number(&at);
        size_t hidden = (size_t)(4.5 - (from == 0 ? y2 : y));
        if (hidden == 5) {
            assert_true(isnan(w) && isnan(same));
            continue;
        }
        hidden = hidden > 5 ? hidden + 2 : hidden;
        double expected = from == 0
                              ? mlp_cview_at(W[0], hidden, (size_t)(0.5 - y))
                              : mlp_cview_at(W[1], 0, hidden);
        assert_true(w == expected && same == w);
        found++;
    }
    assert_int_equal(found, 9 * 2 + 9);
    assert_non_null(strstr(text, "set label 'two' at 0,-0.5 right"));
    assert_non_null(strstr(text, "set label '12 relu' at 1"));
    mlp_picture_free(picture);
}

static void neurons_have_their_names(void **state)
{
    (void)state;
    static const char *const kinds[] = {"setosa", "versicolor", "virginica"};
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    mlp_net *net = made_net(3, MLP_LOSS_CCE);
    assert_int_equal(mlp_picture_network(picture, NULL, net, NULL), MLP_OK);
    const char *text = script_of(picture);
    assert_non_null(strstr(text, "set label 'x2' at 0,"));
    assert_non_null(strstr(text, "set label '' at 1,"));
    assert_non_null(strstr(text, "set label 'y3' at 2,"));
    assert_int_equal(mlp_net_set_class_names(net, kinds, 3), MLP_OK);
    assert_int_equal(mlp_picture_network(picture, NULL, net, NULL), MLP_OK);
    assert_non_null(strstr(script_of(picture), "set label 'virginica' at 2,"));
    mlp_net_free(net);
    mlp_picture_free(picture);
}

/* Without any weight there is no largest one to divide by. */
static void networks_may_have_zeros_and_one_input(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    const mlp_layer layer = {.width = 2};
    mlp_config config = mlp_config_defaults();
    config.inputs = 1, config.layers = &layer, config.n_layers = 1;
    config.loss = MLP_LOSS_MSE;
    mlp_net *net = NULL;
    mlp_view W;
    assert_int_equal(mlp_net_create(&config, &net), MLP_OK);
    ignore(mlp_net_tensor(net, MLP_W, 1, &W));
    assert_true(mlp_view_set(W, 0, 0, 0) && mlp_view_set(W, 1, 0, 0));
    assert_int_equal(mlp_picture_network(picture, NULL, net, NULL), MLP_OK);
    const char *text = script_of(picture);
    assert_true(named_number(text, "\nlargest = ") == 1);
    assert_non_null(strstr(text, "set label '1 input' at 0,"));
    assert_non_null(strstr(text, "set label '2 identity' at 1,"));
    mlp_net_free(net);
    mlp_picture_free(picture);
}

/* Names that do not fit side by side are turned: a few by a little. Values
 * stand above eight bars at most. */
static void bars_with_long_names_are_turned(void **state)
{
    (void)state;
    static const char *const names[30] = {"a name of eighteen",
                                          "another such name,",
                                          "and a third of them",
                                          "d",
                                          "e",
                                          "f",
                                          "g",
                                          "h",
                                          "i",
                                          "j",
                                          "k",
                                          "l",
                                          "m",
                                          "n",
                                          "o",
                                          "p",
                                          "q",
                                          "r",
                                          "s",
                                          "t",
                                          "u",
                                          "v",
                                          "w",
                                          "x",
                                          "y",
                                          "z",
                                          "A",
                                          "B",
                                          "C",
                                          "D"};
    static const double values[30] = {1, 2, 3};
    static const struct {
        size_t n;
        const char *tics;
        bool has_values;
    } cases[] = {
        {2, "set xtics scale 0 ('a name of eighteen' 0, ", true},
        {3, "set xtics scale 0 rotate by 35 right ('a name", true},
        {8, "set xtics scale 0 rotate by 35 right ('a name", true},
        {9, "set xtics scale 0 rotate by 90 right ('a name", false},
        {24, "such name,' 1, 'and a third", false},
        {25, "('a name of eighteen' 0, 'and a third of them' 2, 'e' 4", false},
        {30, "'C' 28)\n", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        hook_record record = {0};
        mlp_picture *picture = made_picture(&record);
        assert_int_equal(
            mlp_picture_bars(picture, NULL, names, cases[i].n, NULL, 1, values),
            MLP_OK);
        const char *text = script_of(picture);
        assert_non_null(strstr(text, cases[i].tics));
        assert_int_equal(strstr(text, "gprintf('%.3g',$1)") != NULL,
                         cases[i].has_values);
        mlp_picture_free(picture);
    }
}

/* More than 20 classes have no room for numbers, and more than 400 cells are
 * embedded as pixels. */
static void matrices_of_many_cells_have_another_look(void **state)
{
    (void)state;
    static int32_t many[21 * 21];
    static const double greys[401] = {1};
    hook_record record = {0};
    for (size_t k = 20; k <= 21; k++) {
        mlp_picture *picture = made_picture(&record);
        assert_int_equal(mlp_picture_confusion(picture, NULL,
                                               mlp_cview_i32(many, k, k), NULL),
                         MLP_OK);
        const char *text = script_of(picture);
        const char *plot = strstr(text, "\nplot for");
        assert_non_null(strstr(plot, k == 20 ? "with image pixels notitle"
                                             : "with image notitle"));
        assert_non_null(strstr(plot, k == 20 ? ", @numbers" : ", @marks"));
        assert_non_null(strstr(text, "('0' 0, '2' 2"));
        mlp_picture_free(picture);
    }
    for (size_t cols = 400; cols <= 401; cols++) {
        mlp_picture *picture = made_picture(&record);
        assert_int_equal(
            mlp_picture_image(picture, NULL, mlp_cview_f64(greys, 1, cols)),
            MLP_OK);
        assert_non_null(
            strstr(script_of(picture), cols == 400 ? "with image pixels notitle"
                                                   : "with image notitle"));
        mlp_picture_free(picture);
    }
    assert_int_equal(record.live, 0);
}

/* Zeros stand for a size that fits. A label of a tic gets 80 pixels, and an axis
 * has one tic at least. */
static void pictures_have_the_size_that_options_ask_for(void **state)
{
    (void)state;
    static const struct {
        int width, height, columns, panels;
        const char *title, *terminal, *tics, *layout;
    } cases[] = {
        {0, 0, 0, 1, NULL, "svg size 640,480 ", "\ntics = 8\n", " 1,1\n"},
        {0, 0, 0, 2, NULL, "svg size 960,400 ", "\ntics = 6\n", " 1,2\n"},
        {0, 0, 0, 4, NULL, "svg size 960,640 ", "\ntics = 4\n", " 2,3\n"},
        {0, 0, 1, 2, NULL, "svg size 640,960 ", "\ntics = 8\n", " 2,1\n"},
        {0, 0, 5, 2, NULL, "svg size 960,400 ", "\ntics = 6\n", " 1,2\n"},
        {0, 0, 0, 1, "t", "svg size 640,520 ", "\ntics = 8\n",
         " 1,1 title 't'"},
        {500, 300, 0, 1, "t", "svg size 500,300 ", "\ntics = 6\n", " 1,1 t"},
        {100, 100, 0, 1, NULL, "svg size 100,100 ", "\ntics = 1\n", " 1,1\n"},
        {10000, 10000, 0, 1, NULL, "svg size 10000,10000 ", "\ntics = 125\n",
         " 1,1\n"},
        {100, 0, 0, 2, NULL, "svg size 100,400 ", "\ntics = 1\n", " 1,2\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        hook_record record = {0};
        mlp_picture_options options = mlp_picture_defaults();
        mlp_picture *picture = NULL;
        options.hooks = recording_hooks(&record);
        options.width = cases[i].width, options.height = cases[i].height;
        options.columns = cases[i].columns, options.title = cases[i].title;
        assert_int_equal(mlp_picture_create(&options, &picture), MLP_OK);
        for (int j = 0; j < cases[i].panels; j++) {
            assert_int_equal(add(picture, 0), MLP_OK);
        }
        const char *text = script_of(picture);
        assert_non_null(strstr(text, cases[i].terminal));
        assert_non_null(strstr(text, cases[i].tics));
        const char *layout = strstr(text, "\nset multiplot layout");
        assert_non_null(layout);
        layout += strlen("\nset multiplot layout");
        assert_memory_equal(layout, cases[i].layout, strlen(cases[i].layout));
        mlp_picture_free(picture);
    }
}

static void confusion_and_bars_hold_their_numbers(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    assert_int_equal(add(picture, 7), MLP_OK);
    assert_int_equal(add(picture, 8), MLP_OK);
    const char *text = script_of(picture);
    assert_non_null(strstr(text, "$d << EOD\n0 0 1 5\n1 0 NaN 0\n"
                                 "0 1 0.222222 2\n1 1 0.777778 7\nEOD\n"));
    assert_non_null(strstr(text, "$d << EOD\n0.5\n2\nEOD\n"));
    assert_non_null(strstr(text, "set xtics scale 0 ('one' 0, 'two' 1)"));
    mlp_picture_free(picture);
}

/* ---------------------------------------------------------------------------
 * Texts
 */

static void texts_have_no_meaning_for_gnuplot(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    mlp_axes axes = {.title = "it's 100 % `touch x`\n$y @a \"q\" \\n\tz\x80"};
    const char *names[] = {"50 %", "b"};
    const double values[] = {1, 2};
    assert_int_equal(
        mlp_picture_bars(picture, &axes, names, 2, NULL, 1, values), MLP_OK);
    const char *text = script_of(picture);
    assert_non_null(strstr(text,
                           "set title 'it''s 100 % `touch x`'.\"\\n\".'$y "
                           "@a \"q\" \\n?z?'\n"));
    assert_non_null(strstr(text, "('50 %%' 0, 'b' 1)"));
    if (has_gnuplot()) {
        assert_int_equal(mlp_picture_write(picture, path_of("texts.svg")),
                         MLP_OK);
        text = content_of("texts.svg");
        assert_non_null(strstr(text, "it's 100 % `touch x`"));
        assert_non_null(strstr(text, "50 %<"));
    }
    mlp_picture_free(picture);
}

/* ---------------------------------------------------------------------------
 * Refusals
 */

/* Expects the failure of a call that adds a panel: one message, and a picture
 * as before. */
#define assert_refused(call, expected, part)                                   \
    do {                                                                       \
        assert_told(&record, call, expected, part);                            \
        assert_string_equal(script_of(picture), before);                       \
    } while (0)

static void panels_refuse_what_they_cannot_draw(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    assert_int_equal(add(picture, 0), MLP_OK);
    static char before[1 << 16];
    keep(script_of(picture), before, sizeof before);

    const double bad[] = {1, NAN, 2, 3};
    const double negative[] = {-1, 0};
    const char *missing[] = {"a", NULL};
    const int32_t minus[] = {1, -1, 0, 0};
    static int32_t large[101 * 101];
    mlp_cview one = mlp_cview_f64(X[0], 1, 1);
    mlp_cview two = mlp_cview_f64(X[0], 2, 2);
    mlp_cview unfit = mlp_cview_f64(bad, 2, 2);
    mlp_cview class0 = mlp_cview_f64(Y[0], 2, 1);
    mlp_curve curve = {NULL, NULL, negative, 2, false};
    mlp_curve empty = {NULL, NULL, NULL, 2, false};
    mlp_axes log = {.log_y = true};
    mlp_axes range = {.y_min = 0, .y_max = NAN};
    mlp_axes log_x = {.log_x = true};
    mlp_axes zero = {.log_y = true, .y_min = 0, .y_max = 1};

    assert_refused(mlp_picture_curves(picture, NULL, NULL, 1), MLP_ERR_NULL,
                   "curves");
    assert_refused(mlp_picture_curves(picture, NULL, &empty, 1), MLP_ERR_NULL,
                   "curve 0");
    assert_refused(mlp_picture_curves(picture, NULL, &curve, 0),
                   MLP_ERR_NOT_FINITE, "got none");
    assert_refused(mlp_picture_curves(picture, &log, &curve, 1),
                   MLP_ERR_NOT_FINITE, "above 0");
    curve.x = negative;
    curve.y = X[0];
    assert_refused(mlp_picture_curves(picture, &log_x, &curve, 1),
                   MLP_ERR_NOT_FINITE, "above 0");
    curve.x = NULL;
    curve.y = negative;
    assert_refused(mlp_picture_curves(picture, &range, &curve, 1),
                   MLP_ERR_ARGUMENT, "finite bounds");
    curve.y = X[0];
    assert_refused(mlp_picture_curves(picture, &zero, &curve, 1),
                   MLP_ERR_ARGUMENT, "above 0");
    assert_refused(mlp_picture_losses(picture, NULL, NULL, 0), MLP_ERR_NULL,
                   "history");
    assert_refused(mlp_picture_losses(picture, NULL, history, 30),
                   MLP_ERR_ARGUMENT, "below 30, got 30");
    assert_refused(mlp_picture_points(picture, NULL, one, class0),
                   MLP_ERR_SHAPE, "(1, 2)");
    assert_refused(mlp_picture_points(picture, NULL, two, one), MLP_ERR_SHAPE,
                   "labels");
    assert_refused(mlp_picture_points(picture, NULL, unfit, class0),
                   MLP_ERR_NOT_FINITE, "row 0, column 1");
    assert_refused(
        mlp_picture_points(picture, NULL, two, mlp_cview_f64(negative, 2, 1)),
        MLP_ERR_ARGUMENT, "got -1 in row 0");
    two.dtype = (mlp_dtype)7;
    assert_refused(mlp_picture_points(picture, NULL, two, class0),
                   MLP_ERR_DTYPE, "an unknown type");
    two.dtype = MLP_F64;
    two.data = NULL;
    assert_refused(mlp_picture_image(picture, NULL, two), MLP_ERR_NULL,
                   "the data is NULL");
    two.data = X[0];
    assert_refused(mlp_picture_image(picture, NULL, unfit), MLP_ERR_NOT_FINITE,
                   "nan");
    assert_refused(mlp_picture_image(picture, NULL, mlp_cview_f64(bad, 0, 2)),
                   MLP_ERR_SHAPE, "no 0");
    assert_refused(mlp_picture_regions(picture, NULL, NULL, two, class0),
                   MLP_ERR_NULL, "a network");
    assert_refused(mlp_picture_activation(picture, NULL, MLP_ACT_SOFTMAX, 0),
                   MLP_ERR_ARGUMENT, "softmax");
    assert_refused(mlp_picture_activation(picture, NULL, MLP_ACT_ELU, -1),
                   MLP_ERR_ARGUMENT, "elu and -1");
    assert_refused(mlp_picture_network(picture, NULL, moons, missing),
                   MLP_ERR_NULL, "inputs: name 1 is NULL");
    assert_refused(mlp_picture_network(picture, NULL, NULL, NULL), MLP_ERR_NULL,
                   "a network");
    assert_refused(mlp_picture_confusion(picture, NULL, two, NULL),
                   MLP_ERR_DTYPE, "expects int32");
    assert_refused(
        mlp_picture_confusion(picture, NULL, mlp_cview_i32(minus, 2, 2), NULL),
        MLP_ERR_ARGUMENT, "got -1 in row 0, column 1");
    assert_refused(mlp_picture_confusion(picture, NULL,
                                         mlp_cview_i32(counts, 2, 2), missing),
                   MLP_ERR_NULL, "name 1");
    assert_refused(mlp_picture_confusion(picture, NULL,
                                         mlp_cview_i32(large, 101, 101), NULL),
                   MLP_ERR_LIMIT, "got 101");
    assert_refused(
        mlp_picture_bars(picture, NULL, missing, 2, NULL, 1, negative),
        MLP_ERR_NULL, "bars: name 1 is NULL");
    assert_refused(mlp_picture_bars(picture, NULL, missing, 1, NULL, 1, NULL),
                   MLP_ERR_NULL, "the data is NULL");
    assert_refused(
        mlp_picture_bars(picture, NULL, missing, 1, missing, 2, negative),
        MLP_ERR_NULL, "series of bars: name 1 is NULL");
    assert_refused(mlp_picture_bars(picture, NULL, missing, 1, NULL, 2, bad),
                   MLP_ERR_NOT_FINITE, "nan");
    assert_refused(mlp_picture_bars(picture, NULL, missing, 0, NULL, 1, bad),
                   MLP_ERR_SHAPE, "(1, 0)");
    assert_refused(mlp_picture_commands(picture, NULL), MLP_ERR_NULL,
                   "commands");
    mlp_picture_free(picture);
    assert_int_equal(record.live, 0);
}

static void surfaces_and_regions_check_the_network(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    assert_int_equal(add(picture, 0), MLP_OK);
    static char before[1 << 16];
    keep(script_of(picture), before, sizeof before);
    mlp_cview data = mlp_cview_f64(X[0], ROWS, 2);
    mlp_cview targets = mlp_cview_f64(Y[0], ROWS, 1);
    const struct {
        size_t i0, i1;
        double span;
    } bad[] = {{0, 0, 1}, {24, 0, 1}, {0, 24, 1}, {0, 1, 0}, {0, 1, INFINITY}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_refused(mlp_picture_surface(picture, NULL, moons, data, targets,
                                           1, bad[i].i0, bad[i].i1,
                                           bad[i].span),
                       MLP_ERR_ARGUMENT, "numbers below 24");
    }
    /* The network's own functions tell these to its own log. */
    quiet.messages = 0;
    assert_int_equal(
        mlp_picture_surface(picture, NULL, moons, data, targets, 3, 0, 1, 1),
        MLP_ERR_ARGUMENT);
    assert_int_equal(
        mlp_picture_surface(picture, NULL, moons, targets, targets, 1, 0, 1, 1),
        MLP_ERR_SHAPE);
    assert_int_equal(quiet.messages, 2);
    assert_string_equal(script_of(picture), before);

    /* A network with a NaN computes nothing that could be drawn. */
    mlp_net *broken = NULL;
    mlp_view W;
    ignore(mlp_net_clone(moons, &broken));
    ignore(mlp_net_tensor(broken, MLP_W, 2, &W));
    assert_true(mlp_view_set(W, 0, 0, NAN));
    assert_refused(mlp_picture_regions(picture, NULL, broken, data, targets),
                   MLP_ERR_NOT_FINITE, "outputs of the network");
    assert_refused(
        mlp_picture_surface(picture, NULL, broken, data, targets, 1, 0, 1, 1),
        MLP_ERR_NOT_FINITE, "expects a finite loss, got a NaN");
    /* Where the axes are wrong as well, only they are told. */
    mlp_axes range = {.y_max = NAN};
    assert_refused(mlp_picture_regions(picture, &range, broken, data, targets),
                   MLP_ERR_ARGUMENT, "finite bounds");
    assert_refused(
        mlp_picture_surface(picture, &range, broken, data, targets, 1, 0, 1, 1),
        MLP_ERR_ARGUMENT, "finite bounds");
    mlp_net_free(broken);

    mlp_net *real = made_net(1, MLP_LOSS_MSE);
    mlp_cview huge = mlp_cview_f64((const double[]){1e308, -1e308}, 2, 1);
    assert_refused(
        mlp_picture_surface(picture, NULL, real, mlp_cview_rows(data, 0, 2),
                            huge, 1, 0, 1, 1),
        MLP_ERR_NOT_FINITE, "expects a finite loss, got an infinity");
    mlp_net_free(real);

    mlp_net *wide = made_net(100, MLP_LOSS_MSE);
    assert_refused(mlp_picture_regions(picture, NULL, wide, data, targets),
                   MLP_ERR_SHAPE, "at most 99 outputs, got 2 and 100");
    mlp_net_free(wide);

    mlp_layer layers[21] = {{.width = 1}};
    mlp_config config = mlp_config_defaults();
    mlp_net *net = NULL;
    config.inputs = 3, config.layers = layers, config.n_layers = 21;
    config.loss = MLP_LOSS_MSE;
    for (size_t i = 0; i < 21; i++) {
        layers[i].width = 1;
    }
    assert_int_equal(mlp_net_create(&config, &net), MLP_OK);
    assert_refused(mlp_picture_regions(picture, NULL, net, data, targets),
                   MLP_ERR_SHAPE, "2 inputs and at most 99 outputs, got 3");
    assert_refused(mlp_picture_network(picture, NULL, net, NULL), MLP_ERR_LIMIT,
                   "20 layers, got 21");
    mlp_net_free(net);
    config.n_layers = 20;
    assert_int_equal(mlp_net_create(&config, &net), MLP_OK);
    assert_int_equal(mlp_picture_network(picture, NULL, net, NULL), MLP_OK);
    assert_non_null(strstr(script_of(picture),
                           "\nset lmargin 6\nset rmargin 6\nset xrange "
                           "[-0.1:20.1]\n"));
    mlp_net_free(net);
    mlp_picture_free(picture);
}

static void creation_checks_its_options(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_picture *picture = NULL;
    mlp_picture_options options = mlp_picture_defaults();
    options.hooks = recording_hooks(&record);
    options.width = 99;
    assert_told(&record, mlp_picture_create(&options, &picture),
                MLP_ERR_ARGUMENT, "got 99, 0 and 0");
    options.width = 0, options.height = 10001;
    assert_told(&record, mlp_picture_create(&options, &picture),
                MLP_ERR_ARGUMENT, "got 0, 10001 and 0");
    options.height = 0, options.columns = -1;
    assert_told(&record, mlp_picture_create(&options, &picture),
                MLP_ERR_ARGUMENT, "got 0, 0 and -1");
    options.columns = 0, options.hooks.release = NULL;
    assert_told(&record, mlp_picture_create(&options, &picture),
                MLP_ERR_ARGUMENT, "both");
    assert_null(picture);
    options.hooks = recording_hooks(&record);
    assert_told(&record, mlp_picture_create(&options, NULL), MLP_ERR_NULL,
                "output");
    assert_int_equal(mlp_picture_create(NULL, &picture), MLP_OK);
    assert_int_equal(mlp_picture_write(picture, path_of("none.gp")),
                     MLP_ERR_ORDER);
    mlp_picture_free(picture);
    mlp_picture_free(NULL);
    assert_int_equal(mlp_picture_write(NULL, NULL), MLP_ERR_NULL);
    assert_int_equal(add(NULL, 0), MLP_ERR_NULL);
}

/* Every allocation fails once, in each panel and in writing. */
static void failing_allocations_change_nothing(void **state)
{
    (void)state;
    mlp_picture_options options = mlp_picture_defaults();
    options.title = "title";
    for (int which = 0; which < N_PANELS; which++) {
        for (size_t n = 1;; n++) {
            hook_record record = {.fail_at = n};
            mlp_picture *picture = NULL;
            options.hooks = recording_hooks(&record);
            mlp_status s = mlp_picture_create(&options, &picture);
            if (s == MLP_OK) {
                s = add(picture, which);
            }
            if (s == MLP_OK) {
                s = mlp_picture_write(picture, path_of("memory.gp"));
            }
            mlp_picture_free(picture);
            assert_int_equal(record.live, 0);
            if (s == MLP_OK) {
                assert_true(n > 3);
                break;
            }
            assert_int_equal(s, MLP_ERR_MEMORY);
            assert_int_equal(record.messages, 1);
            assert_null(content_of("memory.gp"));
        }
        assert_int_equal(unlink(path_of("memory.gp")), 0);
    }
}

/* The network's own allocations, in a clone and in predictions, fail too. */
static void failing_networks_change_nothing(void **state)
{
    (void)state;
    for (int which = 3; which < 10; which += 6) {
        size_t n = 1;
        for (mlp_status s = MLP_ERR_MEMORY; s != MLP_OK; n++) {
            hook_record record = {0};
            mlp_picture *picture = made_picture(&record);
            size_t live = quiet.live;
            quiet.fail_at = quiet.allocations + n;
            s = add(picture, which);
            quiet.fail_at = 0;
            assert_true(s == MLP_OK || s == MLP_ERR_MEMORY);
            assert_int_equal(quiet.live, live);
            assert_int_equal(mlp_picture_write(picture, path_of("net.gp")),
                             s == MLP_OK ? MLP_OK : MLP_ERR_ORDER);
            mlp_picture_free(picture);
        }
        assert_true(n > 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_those_of_the_history),
        cmocka_unit_test(long_lines_are_thinned_to_their_extremes),
        cmocka_unit_test(logarithmic_axes_keep_each_point),
        cmocka_unit_test(scales_are_those_of_what_is_seen),
        cmocka_unit_test(losses_mark_the_best_epoch_if_it_is_shown),
        cmocka_unit_test(losses_mark_no_best_epoch_of_another_fit),
        cmocka_unit_test(activation_is_the_librarys),
        cmocka_unit_test(regions_are_predictions),
        cmocka_unit_test(regions_of_classes_are_the_largest_outputs),
        cmocka_unit_test(surface_is_the_loss),
        cmocka_unit_test(network_holds_its_weights),
        cmocka_unit_test(neurons_have_their_names),
        cmocka_unit_test(networks_may_have_zeros_and_one_input),
        cmocka_unit_test(bars_with_long_names_are_turned),
        cmocka_unit_test(matrices_of_many_cells_have_another_look),
        cmocka_unit_test(pictures_have_the_size_that_options_ask_for),
        cmocka_unit_test(confusion_and_bars_hold_their_numbers),
        cmocka_unit_test(texts_have_no_meaning_for_gnuplot),
        cmocka_unit_test(panels_refuse_what_they_cannot_draw),
        cmocka_unit_test(surfaces_and_regions_check_the_network),
        cmocka_unit_test(creation_checks_its_options),
        cmocka_unit_test(failing_allocations_change_nothing),
        cmocka_unit_test(failing_networks_change_nothing),
    };
    return cmocka_run_group_tests_name("pictures", tests, make_all, free_all);
}
