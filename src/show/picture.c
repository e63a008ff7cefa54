/* SPDX-License-Identifier: MIT */
/*
 * The script of a picture. A panel with two curves is this piece of it:
 *
 *     reset                          what the panel before has set
 *     eval look                      what look.gp says of all panels
 *     set title 'Training'
 *     set xlabel 'epoch'
 *     set ylabel 'loss'
 *     $c0 << EOD                     a block of data, one line for each point
 *     0 0.6931471805599453
 *     1 0.6120935128341201
 *     EOD
 *     $c1 << EOD
 *     ...
 *     plot $c0 using 1:2 with lines lt 1 title 'training', $c1 ...
 *
 * The blocks of the next panel may have the same names, since each panel is
 * drawn before the next one begins.
 *
 * Numbers have as many digits as read back to the same bits, so a script is
 * also a record of what was computed.
 *
 * Texts of the caller reach gnuplot only between single quotes, where only the
 * quote itself has a meaning: in double quotes gnuplot would run what stands
 * between backquotes. The terminals are set up without enhanced mode, which
 * would take '_' and '^' for commands.
 */
#include "show/picture.h"

#include "show/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_PIXELS = 100, MAX_PIXELS = 10000 };

/* ---------------------------------------------------------------------------
 * Life
 */

/* All defaults are zeros, which stand for a choice at the time of writing: only
 * then is the number of panels known. */
mlp_picture_options mlp_picture_defaults(void)
{
    return (mlp_picture_options){.title = NULL};
}

/* Checks the hooks first, because the messages of the rest need them. */
static mlp_status check_options(const mlp_picture_options *o)
{
    const mlp_hooks *hooks = &o->hooks;
    if (!hooks->allocate != !hooks->release) {
        return mlpi_refuse(
            hooks, MLP_ERR_ARGUMENT,
            "a picture: expects both of `allocate` and `release`, or none");
    }
    TRY(SHOW_CHECK_RESERVED(hooks, "hooks", hooks));
    TRY(SHOW_CHECK_RESERVED(hooks, "options", o));
    bool fits = (o->width == 0 || o->width >= MIN_PIXELS) &&
                (o->height == 0 || o->height >= MIN_PIXELS) &&
                o->width <= MAX_PIXELS && o->height <= MAX_PIXELS &&
                o->columns >= 0;
    if (!fits) {
        return mlpi_refuse(hooks, MLP_ERR_ARGUMENT,
                           "a picture: expects width and height of 0, or from "
                           "%d to %d, and 0 or more columns, got %d, %d and %d",
                           MIN_PIXELS, MAX_PIXELS, o->width, o->height,
                           o->columns);
    }
    return MLP_OK;
}

/* The title goes to the front of the script, in quotes, and stays there:
 * writing puts it behind the command that begins the grid of panels. */
mlp_status mlp_picture_create(const mlp_picture_options *options,
                              mlp_picture **picture)
{
    mlp_picture_options o = options ? *options : mlp_picture_defaults();
    if (!picture) {
        return mlpi_refuse(&o.hooks, MLP_ERR_NULL,
                           "a picture: the output is NULL");
    }
    TRY(check_options(&o));
    mlp_picture *fresh =
        mlpi_show_allocate(&o.hooks, sizeof *fresh, "a picture");
    if (!fresh) {
        return MLP_ERR_MEMORY;
    }
    *fresh = (mlp_picture){.hooks = o.hooks,
                           .width = o.width,
                           .height = o.height,
                           .columns = o.columns};
    if (o.title) {
        mlpi_put(fresh, "%q", o.title);
    }
    mlp_status status = fresh->status;
    if (status == MLP_OK) {
        fresh->title = fresh->used;
        *picture = fresh;
    } else {
        mlp_picture_free(fresh);
    }
    return status;
}

/* The hooks are copied first, because they lie in the block that they release.
 */
void mlp_picture_free(mlp_picture *picture)
{
    if (picture) {
        mlp_hooks hooks = picture->hooks;
        mlpi_show_release(&hooks, picture->script);
        mlpi_show_release(&hooks, picture);
    }
}

/* ---------------------------------------------------------------------------
 * The script
 */

/* Appends bytes, unless something has failed before in this panel. The hooks
 * have no realloc, so a script that grows is copied. Since the room more than
 * doubles, each byte is copied at most once on average. */
static void append(mlp_picture *p, const char *bytes, size_t n)
{
    if (p->status == MLP_OK && n > p->capacity - p->used) {
        size_t capacity = 2 * p->capacity + n + 4096;
        char *fresh = mlpi_show_allocate(&p->hooks, capacity, "a picture");
        if (!fresh) {
            p->status = MLP_ERR_MEMORY;
            return;
        }
        if (p->used > 0) {
            memcpy(fresh, p->script, p->used);
        }
        mlpi_show_release(&p->hooks, p->script);
        p->script = fresh;
        p->capacity = capacity;
    }
    /* Without a byte yet there may be no script. */
    if (p->status == MLP_OK && n > 0) {
        memcpy(p->script + p->used, bytes, n);
        p->used += n;
    }
}

/* Appends a text without its end. */
static void append_text(mlp_picture *p, const char *text)
{
    append(p, text, strlen(text));
}

/* Appends a text in single quotes. A quote in it is doubled, and a new line can
 * only stand in double quotes, which are joined by the operator "." of gnuplot:
 *
 *     it's two        'it''s two'."\n".'lines'
 *     lines
 *
 * Characters pass one by one, so that none is in the script that would end the
 * quotes or break the picture. */
static void append_quoted(mlp_picture *p, const char *text, bool is_format)
{
    append_text(p, "'");
    while (*text != '\0') {
        bool is_line_end = *text == '\n';
        mlpi_character c = mlpi_text_next(&text);
        if (is_line_end) {
            append_text(p, "'.\"\\n\".'");
        } else {
            bool is_double = *c.bytes == '\'' || (is_format && *c.bytes == '%');
            append(p, c.bytes, c.length);
            append(p, c.bytes, is_double ? 1 : 0);
        }
    }
    append_text(p, "'");
}

/* The format is read from one '%' to the next, and what stands between goes to
 * the script as it is. The conversions differ from those of printf where that
 * would be wrong here: a double of printf has the decimal point of the locale,
 * and a text of printf has no quotes. A title may hold a single percent sign; the
 * label of a tic may not, because gnuplot prints it with the value of the tic.
 * An unknown conversion counts as %g. */
void mlpi_put(mlp_picture *picture, const char *format, ...)
{
    char number[MLPI_NUMBER_SIZE];
    va_list arguments;
    va_start(arguments, format);
    /* NOLINTBEGIN(clang-analyzer-valist.Uninitialized) */
    for (;;) {
        size_t plain = strcspn(format, "%");
        append(picture, format, plain);
        format += plain;
        if (*format == '\0') {
            break;
        }
        switch (format[1]) {
        case '%':
            append_text(picture, "%");
            break;
        case 's':
            append_text(picture, va_arg(arguments, const char *));
            break;
        case 'q':
        case 't':
            append_quoted(picture, va_arg(arguments, const char *),
                          format[1] == 't');
            break;
        case 'z':
            (void)snprintf(number, sizeof number, "%zu",
                           va_arg(arguments, size_t));
            append_text(picture, number);
            break;
        default:
            append_text(picture,
                        mlpi_text_number(va_arg(arguments, double),
                                         format[1] == 'r' ? 0 : 6, number));
        }
        format += 2;
    }
    /* NOLINTEND(clang-analyzer-valist.Uninitialized) */
    va_end(arguments);
}

/* ---------------------------------------------------------------------------
 * Panels
 */

/* `reset` undoes what the panel before has set, except the terminal and the
 * types of lines. The range of y is set even if it is wrong: the panel then
 * fails, and the piece is taken back. */
void mlpi_panel_begin(mlp_picture *picture, const mlp_axes *axes, const char *x,
                      const char *y)
{
    const mlp_axes none = {.title = NULL};
    const mlp_axes *a = axes ? axes : &none;
    picture->start = picture->used;
    picture->status = MLP_OK;
    mlpi_put(picture, "\nreset\neval look\n");
    if (a->title) {
        mlpi_put(picture, "set title %q\n", a->title);
    }
    mlpi_put(picture, "set xlabel %q\nset ylabel %q\n", a->x ? a->x : x,
             a->y ? a->y : y);
    if (a->log_x || a->log_y) {
        mlpi_put(picture, "set logscale %s\n",
                 !a->log_y   ? "x"
                 : !a->log_x ? "y"
                             : "xy");
    }
    if (a->y_min != a->y_max) {
        mlpi_put(picture, "set yrange [%r:%r]\n", a->y_min, a->y_max);
    }
    /* One failure has one message: after a lack of memory above nothing else is
     * checked. */
    if (picture->status == MLP_OK) {
        picture->status = SHOW_CHECK_RESERVED(&picture->hooks, "axes", a);
    }
    bool is_finite = isfinite(a->y_min) && isfinite(a->y_max);
    bool is_linear = !a->log_y || a->y_min == a->y_max;
    if (picture->status == MLP_OK &&
        (!is_finite || !(is_linear || fmin(a->y_min, a->y_max) > 0))) {
        picture->status =
            mlpi_refuse(&picture->hooks, MLP_ERR_ARGUMENT,
                        "a panel: expects finite bounds y_min and y_max, above "
                        "0 if the axis is logarithmic, got %g and %g",
                        a->y_min, a->y_max);
    }
}

/* The status of the picture is that of one panel, so it is cleared for the next
 * one. */
mlp_status mlpi_panel_end(mlp_picture *picture)
{
    mlpi_put(picture, "\n");
    if (picture->status == MLP_OK) {
        picture->panels++;
    } else {
        picture->used = picture->start;
    }
    mlp_status status = picture->status;
    picture->status = MLP_OK;
    return status;
}

/* A picture that is NULL has no hooks, and so no message. */
mlp_status mlpi_check_given(const mlp_picture *picture, const void *given,
                            const char *what)
{
    return picture && given ? MLP_OK
                            : mlpi_refuse(picture ? &picture->hooks : NULL,
                                          MLP_ERR_NULL, "%s: is NULL", what);
}
