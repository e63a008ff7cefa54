/* SPDX-License-Identifier: MIT */
/*
 * Faults in texts and pictures. A script stands in for gnuplot: it reads its
 * commands, and writes the end of an SVG file.
 */
#include "trust/faults.h"

#include <sys/stat.h>

#include "mlp_show.h"

/* ---------------------------------------------------------------------------
 * Worlds
 */

/* w->more is a picture without panels. */
static void make(world *w)
{
    mlp_picture_options options = mlp_picture_defaults();
    mlp_picture *picture = NULL;
    options.hooks = w->hooks;
    assert_int_equal(mlp_picture_create(&options, &picture), MLP_OK);
    w->more = picture;
}

static void end(world *w)
{
    mlp_picture_free(w->more);
}

/* A picture is what its script says. */
static void note_picture(uint64_t *hash, const mlp_picture *picture)
{
    unsigned char bytes[4096];
    size_t n = 0;
    mlp_status status = mlp_picture_write(picture, "noted.gp");
    mlp_fault_note_bytes(hash, &status, sizeof status);
    FILE *stream = status == MLP_OK ? fopen("noted.gp", "rb") : NULL;
    while (stream && (n = fread(bytes, 1, sizeof bytes, stream)) > 0) {
        mlp_fault_note_bytes(hash, bytes, n);
    }
    if (stream) {
        (void)fclose(stream);
        (void)unlink("noted.gp");
    }
}

static void note(uint64_t *hash, const world *w)
{
    note_picture(hash, w->more);
}

static void note_made(uint64_t *hash, const world *w)
{
    note_picture(hash, w->made.more);
}

static void free_made(world *w)
{
    mlp_picture_free(w->made.more);
}

/* ---------------------------------------------------------------------------
 * Texts
 */

static const char *const names[] = {"red", "green", "blue", "white"};
static const int32_t counts[] = {5, 1, 0, 2, 7, 3, 0, 0, 9};

/* The stream gets its buffer here, so that no fault can keep it from one. */
static void open_stream(world *w, const char *path)
{
    w->stream = fopen(path, "w");
    assert_non_null(w->stream);
    assert_int_equal(
        setvbuf(w->stream, (char *)w->buffer, _IOFBF, sizeof w->buffer), 0);
}

static void has_stream(world *w)
{
    w->file = "text";
    open_stream(w, "text");
}

static mlp_status summary(world *w)
{
    return mlp_show_summary(w->net, w->stream);
}

static mlp_status confusion(world *w)
{
    return mlp_show_confusion(mlp_cview_i32(counts, OUTPUTS, OUTPUTS), names,
                              w->stream);
}

static mlp_status class_scores(world *w)
{
    return mlp_show_class_scores(mlp_cview_i32(counts, OUTPUTS, OUTPUTS), names,
                                 w->stream);
}

static mlp_history *history_of(const world *w)
{
    mlp_train_options options = mlp_train_defaults();
    mlp_net *net = clone_of(w->net);
    mlp_history *history = NULL;
    options.epochs = 5;
    options.threads = 1;
    assert_int_equal(mlp_fit(net, ro(w->X), ro(w->Y), &options, &history),
                     MLP_OK);
    mlp_net_free(net);
    return history;
}

static void has_history(world *w)
{
    w->history = history_of(w);
}

/* Seconds differ from run to run, so nothing is compared of what is written.
 * The file "text" is there nevertheless, and stays empty. */
static void writes_history(world *w)
{
    has_history(w);
    has_stream(w);
    (void)fclose(w->stream);
    open_stream(w, "/dev/null");
}

static mlp_status history(world *w)
{
    return mlp_show_history(w->history, w->stream);
}

/* ---------------------------------------------------------------------------
 * Panels
 */

static mlp_status create(world *w)
{
    mlp_picture_options options = mlp_picture_defaults();
    options.hooks = w->hooks;
    options.title = "Another";
    mlp_picture *picture = w->made.more;
    mlp_status status = mlp_picture_create(&options, &picture);
    w->made.more = picture;
    return status;
}

static mlp_status curves(world *w)
{
    static double y[3000];
    for (size_t i = 0; i < COUNT(y); i++) {
        y[i] = (double)(i * i % 17);
    }
    const mlp_curve curve = {"it's", NULL, y, COUNT(y), false};
    const mlp_axes axes = {.title = "title", .x = "x", .log_y = true};
    return mlp_picture_curves(w->more, &axes, &curve, 1);
}

static mlp_status losses(world *w)
{
    return mlp_picture_losses(w->more, NULL, w->history, 0);
}

static mlp_cview plane_of(const world *w)
{
    return mlp_cview_cols(ro(w->X), 0, 2);
}

static mlp_status points(world *w)
{
    return mlp_picture_points(w->more, NULL, plane_of(w),
                              mlp_cview_i32(w->labels, ROWS, 1));
}

/* Regions need a network of two inputs; the plain one becomes such. */
static void has_two_inputs(world *w)
{
    static const mlp_layer layers[] = {{.width = 3}, {.width = 1}};
    mlp_config config = mlp_config_defaults();
    config.inputs = 2;
    config.layers = layers;
    config.n_layers = COUNT(layers);
    config.precision = w->precision;
    config.hooks = w->hooks;
    mlp_net_free(w->plain);
    w->plain = net_of(&config);
}

static mlp_status regions(world *w)
{
    return mlp_picture_regions(w->more, NULL, w->plain, plane_of(w),
                               mlp_cview_cols(ro(w->Y), 0, 1));
}

static mlp_status activation(world *w)
{
    return mlp_picture_activation(w->more, NULL, MLP_ACT_GELU, 0);
}

static mlp_status network(world *w)
{
    return mlp_picture_network(w->more, NULL, w->net, names);
}

static mlp_status picture_confusion(world *w)
{
    return mlp_picture_confusion(
        w->more, NULL, mlp_cview_i32(counts, OUTPUTS, OUTPUTS), names);
}

static mlp_status bars(world *w)
{
    static const double values[] = {1, 2, 3, 4};
    return mlp_picture_bars(w->more, NULL, names, 2, names, 2, values);
}

static mlp_status surface(world *w)
{
    return mlp_picture_surface(w->more, NULL, w->plain, plane_of(w),
                               mlp_cview_cols(ro(w->Y), 0, 1), 1, 0, 3, 0.5);
}

static mlp_status image(world *w)
{
    return mlp_picture_image(w->more, NULL, ro(w->X));
}

static mlp_status commands(world *w)
{
    return mlp_picture_commands(w->more, "plot sin(x)");
}

/* ---------------------------------------------------------------------------
 * Writing pictures
 */

static void put_old(const world *w, const char *name)
{
    if (w->has_old) {
        mlp_fault_put_file(name, "old", 3);
    }
}

static void will_write_script(world *w)
{
    w->file = "picture.gp";
    assert_int_equal(curves(w), MLP_OK);
    put_old(w, "picture.gp");
}

static mlp_status write_script(world *w)
{
    return mlp_picture_write(w->more, "picture.gp");
}

/* The stand-in is the first gnuplot in PATH (see main). Messages about
 * temporary files have no path, so w->file is not set. */
static void will_draw(world *w)
{
    static const char script[] =
        "#!/bin/sh\ncat >/dev/null\necho '<svg></svg>'\n";
    assert_int_equal(curves(w), MLP_OK);
    put_old(w, "picture.svg");
    mlp_fault_put_file("gnuplot", script, sizeof script - 1);
    assert_int_equal(chmod("gnuplot", 0700), 0);
}

static mlp_status draw(world *w)
{
    return mlp_picture_write(w->more, "picture.svg");
}

enum {
    TEXT = FILES | STREAMS | PARTIAL | NO_HOOKS,
    DRAWS = ALLOCATES | FILES | STREAMS
};

static const fault_case cases[] = {
    {"mlp_show_summary", TEXT, summary, has_stream},
    {"mlp_show_confusion", TEXT, confusion, has_stream},
    {"mlp_show_class_scores", TEXT | MALLOC, class_scores, has_stream},
    {"mlp_show_history", TEXT, history, writes_history},
    {"mlp_picture_create", ALLOCATES, create, NULL},
    {"mlp_picture_curves", ALLOCATES | KEEPS, curves, NULL},
    {"mlp_picture_losses", ALLOCATES | KEEPS, losses, has_history},
    {"mlp_picture_points", ALLOCATES | KEEPS, points, NULL},
    {"mlp_picture_regions", ALLOCATES | KEEPS, regions, has_two_inputs},
    {"mlp_picture_activation", ALLOCATES | KEEPS, activation, NULL},
    {"mlp_picture_network", ALLOCATES | KEEPS, network, NULL},
    {"mlp_picture_confusion", ALLOCATES | KEEPS, picture_confusion, NULL},
    {"mlp_picture_bars", ALLOCATES | KEEPS, bars, NULL},
    {"mlp_picture_surface", ALLOCATES | KEEPS, surface, has_two_inputs},
    {"mlp_picture_image", ALLOCATES | KEEPS, image, NULL},
    {"mlp_picture_commands", ALLOCATES | KEEPS, commands, NULL},
    {"mlp_picture_write a script", DRAWS, write_script, will_write_script},
    {"mlp_picture_write", DRAWS, draw, will_draw},
};

int main(int argc, char **argv)
{
    const fault_suite suite = {.name = "show",
                               .cases = cases,
                               .n = COUNT(cases),
                               .make = make,
                               .end = end,
                               .note = note,
                               .note_made = note_made,
                               .free_made = free_made};
    char path[4096];
    const char *rest = getenv("PATH");
    (void)snprintf(path, sizeof path, ".:%s", rest ? rest : "");
    return setenv("PATH", path, 1) == 0 ? mlp_fault_main(&suite, argc, argv)
                                        : 1;
}
