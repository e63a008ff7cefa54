/* SPDX-License-Identifier: MIT */
/*
 * Calls of mlp_show.h: text, lines of progress, and pictures. No gnuplot is ever
 * run, because that takes a hundred times as long as all the rest: a picture is
 * written as a script, and PATH names a folder that is not there.
 */
/* NOLINTNEXTLINE(bugprone-reserved-identifier): open_memstream needs it */
#define _POSIX_C_SOURCE 200809L
#include "fuzz/api.h"

#include <math.h>
#include <stdio.h>

#include "mlp_show.h"

/* ---------------------------------------------------------------------------
 * Pictures
 */

static void *make_picture(fuzz_draw *d)
{
    mlp_picture_options options = mlp_picture_defaults();
    mlp_picture *picture = NULL;
    options.title = fuzz_once_in(d, 2) ? "it's\n100 %" : NULL;
    options.hooks = fuzz_hooks();
    NEED(mlp_picture_create(&options, &picture) == MLP_OK);
    for (size_t n = fuzz_below(d, 3); n > 0; n--) {
        NEED(mlp_picture_commands(picture, "plot x") == MLP_OK);
    }
    return picture;
}

/* Tells the size of the script, and its end, where panels are added. */
static void tell_picture(const void *object, fuzz_file *f)
{
    enum { LAST = 8192 };
    unsigned char bytes[LAST];
    char path[128];
    (void)snprintf(path, sizeof path, "%s/told.gp", api_folder());
    if (mlp_picture_write(object, path) == MLP_ERR_ORDER) {
        return; /* there are no panels */
    }
    FILE *from = fopen(path, "rb");
    NEED(from && fseek(from, 0, SEEK_END) == 0);
    long size = ftell(from);
    (void)fseek(from, size > LAST ? size - LAST : 0, SEEK_SET);
    size_t n = fread(bytes, 1, LAST, from);
    (void)fclose(from);
    fuzz_print(f, "%ld\n", size);
    fuzz_append(f, bytes, n);
}

static void free_picture(void *object)
{
    mlp_picture_free(object);
}

static const api_kind pictures = {PICTURES, make_picture, tell_picture,
                                  free_picture};

static void picture_create(api *a)
{
    mlp_picture_options options = mlp_picture_defaults();
    options.title = api_text(a);
    options.width = (int)(fuzz_once_in(a->draw, 4) ? api_count(a, 999) : 0);
    options.height = (int)(fuzz_once_in(a->draw, 4) ? api_count(a, 999) : 0);
    options.columns = (int)api_count(a, 4);
    options.hooks = *api_hooks(a);
    options.reserved[3] = fuzz_once_in(a->draw, 64) ? 1 : 0;
    bool is_given = !fuzz_once_in(a->draw, 16);
    mlp_picture **picture = api_out(a, 1, sizeof(void *));
    a->logs = is_given;
    api_arm(a);
    if (api_done(a, mlp_picture_create(is_given ? &options : NULL, picture))) {
        NEED(!is_given || options.columns >= 0);
        if (is_given) {
            api_put_other(a, &pictures, *picture);
        } else {
            mlp_picture_free(*picture); /* has no hooks */
        }
    }
}

static void picture_free(api *a)
{
    mlp_picture_free(NULL);
    api_drop_other(a, &pictures);
}

/* One time in eight, because the system is slow. Without gnuplot the script
 * stays, and the call fails. */
static void picture_write(api *a)
{
    static const char *const names[] = {"picture.gp", "picture.gp",
                                        "picture.svg", "picture.gif"};
    if (!fuzz_once_in(a->draw, 8)) {
        return;
    }
    const mlp_picture *picture = api_other(a, &pictures);
    const char *path = api_path(a, names[fuzz_below(a->draw, 4)]);
    (void)setenv("PATH", "/none", 1);
    a->logs = picture != NULL;
    api_arm(a);
    mlp_status status = mlp_picture_write(picture, path);
    NEED(status != MLP_OK || strstr(path, ".gp"));
    (void)api_done(a, status);
}

/* ---------------------------------------------------------------------------
 * Panels
 */

/* Returns names for n classes, inputs or bars; sometimes one is NULL. */
static const char *const *any_names(api *a, size_t n)
{
    const char **names = api_in(a, n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++) {
        const char *text = api_text(a);
        names[i] = text || fuzz_once_in(a->draw, 4) ? text : "x";
    }
    return fuzz_once_in(a->draw, 4) ? NULL : names;
}

static const mlp_axes *any_axes(api *a)
{
    mlp_axes *axes = api_in(a, 1, sizeof *axes);
    *axes = (mlp_axes){.title = api_text(a), .x = api_text(a)};
    axes->log_x = fuzz_once_in(a->draw, 8);
    axes->log_y = fuzz_once_in(a->draw, 8);
    if (fuzz_once_in(a->draw, 4)) {
        axes->y_min = fuzz_real(a->draw);
        axes->y_max = fuzz_real(a->draw);
    }
    axes->reserved[3] = fuzz_once_in(a->draw, 64) ? 1 : 0;
    return fuzz_once_in(a->draw, 2) ? NULL : axes;
}

/* Arms a call that adds a panel. Without a picture there are no hooks. */
static void arm_panel(api *a, const mlp_picture *picture)
{
    a->logs = picture != NULL;
    api_arm(a);
}

/* Ends it. Pictures must not grow for ever. */
static void end_panel(api *a, mlp_status status)
{
    if (api_done(a, status) && fuzz_once_in(a->draw, 4)) {
        api_drop_other(a, &pictures);
    }
}

static void curves(api *a)
{
    enum { POINTS = 9, CURVES = 3 };
    mlp_curve all[CURVES];
    mlp_picture *picture = api_other(a, &pictures);
    const mlp_axes *axes = any_axes(a);
    for (size_t k = 0; k < CURVES; k++) {
        double *x = api_in(a, POINTS, sizeof *x);
        double *y = api_in(a, POINTS, sizeof *y);
        for (size_t i = 0; i < POINTS; i++) {
            x[i] = api_number(a, (double)i);
            y[i] = api_number(a, (double)(i % 4));
        }
        all[k] = (mlp_curve){.name = api_text(a), .x = x, .y = y};
        all[k].x = fuzz_once_in(a->draw, 2) ? NULL : x;
        all[k].y = fuzz_once_in(a->draw, 32) ? NULL : y;
        all[k].n = fuzz_below(a->draw, POINTS + 1);
        all[k].points = fuzz_once_in(a->draw, 4);
        all[k].reserved[0] = fuzz_once_in(a->draw, 64) ? 1 : 0;
    }
    size_t n = fuzz_below(a->draw, CURVES + 1);
    const mlp_curve *given = fuzz_once_in(a->draw, 32) ? NULL : all;
    arm_panel(a, picture);
    end_panel(a, mlp_picture_curves(picture, axes, given, n));
}

/* A long line is thinned. */
static void long_curve(api *a)
{
    static double y[4321];
    if (!fuzz_once_in(a->draw, 32)) {
        return;
    }
    mlp_picture *picture = api_other(a, &pictures);
    const mlp_axes *axes = any_axes(a);
    size_t n = fuzz_below(a->draw, sizeof y / sizeof *y);
    for (size_t i = 0; i < n; i++) {
        y[i] = fuzz_real(a->draw);
    }
    const mlp_curve curve = {.y = y, .n = n};
    arm_panel(a, picture);
    end_panel(a, mlp_picture_curves(picture, axes, &curve, 1));
}

static void losses(api *a)
{
    mlp_picture *picture = api_other(a, &pictures);
    const mlp_axes *axes = any_axes(a);
    const mlp_history *history = api_other(a, &api_histories);
    size_t first = api_count(a, 3);
    arm_panel(a, picture);
    end_panel(a, mlp_picture_losses(picture, axes, history, first));
}

/* Draws points alone, or over the regions of a network, which has 22,500
 * outputs to compute, so it is rare. */
static void points(api *a)
{
    mlp_picture *picture = api_other(a, &pictures);
    const mlp_axes *axes = any_axes(a);
    bool has_regions = fuzz_once_in(a->draw, 64);
    const mlp_net *net = has_regions ? api_net(a) : NULL;
    size_t rows = fuzz_below(a->draw, MAX_ROWS);
    mlp_dtype type = fuzz_once_in(a->draw, 2) ? MLP_F32 : MLP_F64;
    mlp_cview X = api_rows(a, type, rows, 2);
    mlp_cview labels = api_labels(a, rows, 3);
    arm_panel(a, picture);
    end_panel(a, has_regions
                     ? mlp_picture_regions(picture, axes, net, X, labels)
                     : mlp_picture_points(picture, axes, X, labels));
}

static void activation(api *a)
{
    mlp_picture *picture = api_other(a, &pictures);
    const mlp_axes *axes = any_axes(a);
    mlp_activation f = (mlp_activation)fuzz_below(a->draw, 16);
    double slope = api_number(a, 0.1);
    arm_panel(a, picture);
    end_panel(a, mlp_picture_activation(picture, axes, f, slope));
}

static void network(api *a)
{
    mlp_picture *picture = api_other(a, &pictures);
    const mlp_axes *axes = any_axes(a);
    const mlp_net *net = api_net(a);
    const char *const *names = any_names(a, mlp_net_inputs(net));
    arm_panel(a, picture);
    end_panel(a, mlp_picture_network(picture, axes, net, names));
}

static void confusion(api *a)
{
    mlp_picture *picture = api_other(a, &pictures);
    const mlp_axes *axes = any_axes(a);
    size_t k = fuzz_below(a->draw, 5);
    mlp_cview counts = api_rows(a, MLP_I32, k, k);
    const char *const *names = any_names(a, counts.rows);
    arm_panel(a, picture);
    end_panel(a, mlp_picture_confusion(picture, axes, counts, names));
}

static void bars(api *a)
{
    enum { MOST = 5 };
    double values[MOST * MOST];
    mlp_picture *picture = api_other(a, &pictures);
    const mlp_axes *axes = any_axes(a);
    size_t n = fuzz_below(a->draw, MOST + 1);
    size_t n_series = fuzz_below(a->draw, MOST + 1);
    const char *const *names = any_names(a, n);
    const char *const *series = any_names(a, n_series);
    for (size_t i = 0; i < (size_t)MOST * MOST; i++) {
        values[i] = fuzz_once_in(a->draw, 99) ? fuzz_real(a->draw) : (double)i;
    }
    const double *given = fuzz_once_in(a->draw, 32) ? NULL : values;
    arm_panel(a, picture);
    end_panel(
        a, mlp_picture_bars(picture, axes, names, n, series, n_series, given));
}

/* Computes the loss 82 times, so it is rare. */
static void surface(api *a)
{
    if (!fuzz_once_in(a->draw, 4)) {
        return;
    }
    mlp_picture *picture = api_other(a, &pictures);
    const mlp_axes *axes = any_axes(a);
    const mlp_net *net = api_net(a);
    mlp_cview X = api_X(a, net, 2);
    mlp_cview Y = api_Y(a, net, 2);
    size_t l = 1 + api_count(a, 2);
    size_t i0 = api_count(a, 3);
    size_t i1 = api_count(a, 3);
    double span = api_number(a, 1);
    arm_panel(a, picture);
    end_panel(a,
              mlp_picture_surface(picture, axes, net, X, Y, l, i0, i1, span));
}

static void image(api *a)
{
    mlp_picture *picture = api_other(a, &pictures);
    const mlp_axes *axes = any_axes(a);
    mlp_cview pixels =
        api_rows(a, (mlp_dtype)fuzz_below(a->draw, 3),
                 fuzz_below(a->draw, MAX_ROWS), fuzz_below(a->draw, MAX_COLS));
    arm_panel(a, picture);
    end_panel(a, mlp_picture_image(picture, axes, pixels));
}

static void commands(api *a)
{
    mlp_picture *picture = api_other(a, &pictures);
    const char *text = api_text(a);
    arm_panel(a, picture);
    end_panel(a, mlp_picture_commands(picture, text));
}

/* ---------------------------------------------------------------------------
 * Text
 */

/* A stream into memory, or one that cannot be written to, or none. */
typedef struct text {
    FILE *to;
    char *bytes;
    size_t size;
    bool is_bad;
} text;

static void open_text(api *a, text *t)
{
    static char room[8];
    *t = (text){.is_bad = fuzz_once_in(a->draw, 16)};
    if (!fuzz_once_in(a->draw, 32)) {
        t->to = t->is_bad ? fmemopen(room, sizeof room, "r")
                          : open_memstream(&t->bytes, &t->size);
        NEED(t->to != NULL);
    }
}

/* A text was written exactly if the call has succeeded, and it ends with its
 * line. */
static void close_text(text *t, mlp_status status)
{
    if (t->to) {
        (void)fclose(t->to);
        NEED((status == MLP_ERR_IO) <= t->is_bad);
        NEED(t->is_bad || (status == MLP_OK) == (t->size > 0));
        NEED(t->size == 0 || t->bytes[t->size - 1] == '\n');
    }
    NEED(status != MLP_OK || (t->to && !t->is_bad));
    free(t->bytes);
}

static void show_net(api *a)
{
    text t;
    const mlp_net *net = api_net(a);
    open_text(a, &t);
    api_arm(a);
    mlp_status status = mlp_show_summary(net, t.to);
    (void)api_done(a, status);
    close_text(&t, status);
}

/* A name of a class may stand anywhere in the text. */
static void show_counts(api *a)
{
    text t;
    size_t k = fuzz_below(a->draw, 5);
    mlp_cview counts = api_rows(a, MLP_I32, k, k);
    const char *const *names = any_names(a, counts.rows);
    bool is_matrix = fuzz_once_in(a->draw, 2);
    open_text(a, &t);
    api_arm(a);
    mlp_status status = is_matrix ? mlp_show_confusion(counts, names, t.to)
                                  : mlp_show_class_scores(counts, names, t.to);
    (void)api_done(a, status);
    close_text(&t, status);
}

static void show_history(api *a)
{
    text t;
    const mlp_history *history = api_other(a, &api_histories);
    open_text(a, &t);
    a->logs = false;
    api_arm(a);
    mlp_status status = mlp_show_history(history, t.to);
    (void)api_done(a, status);
    close_text(&t, status);
}

/* A stream that is no terminal gets nothing. One that is said to be a terminal
 * gets lines without a control character but those of a terminal. */
static void show_progress(api *a)
{
    text t;
    open_text(a, &t);
    mlp_show_progress line = mlp_show_progress_on(t.to);
    NEED(line.to == t.to && !line.is_terminal);
    line.is_terminal = t.to && fuzz_once_in(a->draw, 2);
    line.is_plain = fuzz_once_in(a->draw, 2);
    bool is_terminal = line.is_terminal;
    for (size_t n = fuzz_below(a->draw, 4); n > 0; n--) {
        mlp_epoch_progress progress = {.epoch = api_count(a, 9),
                                       .epochs = api_count(a, 9),
                                       .loss = fuzz_real(a->draw),
                                       .validation_loss = api_number(a, NAN),
                                       .rate = fuzz_real(a->draw),
                                       .seconds = api_number(a, 1)};
        NEED(mlp_show_epoch(fuzz_once_in(a->draw, 16) ? NULL : &progress,
                            fuzz_once_in(a->draw, 16) ? NULL : &line));
    }
    mlp_show_progress_end(fuzz_once_in(a->draw, 16) ? NULL : &line);
    if (t.to) {
        (void)fclose(t.to);
    }
    NEED(is_terminal || t.size == 0);
    for (size_t i = 0; i < t.size; i++) {
        unsigned char c = (unsigned char)t.bytes[i];
        NEED(c >= ' ' || c == '\r' || (c == '\033' && !line.is_plain));
    }
    free(t.bytes);
}

static api_call *const calls[] = {
    picture_create, picture_free, picture_write, curves,   long_curve,
    losses,         points,       activation,    network,  confusion,
    bars,           surface,      image,         commands, show_net,
    show_counts,    show_history, show_progress};
const api_list api_show_calls = {calls, sizeof calls / sizeof calls[0]};
