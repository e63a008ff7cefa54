/* SPDX-License-Identifier: MIT */
/*
 * A line of progress.
 *
 * Each drawing is one write: a carriage return, the text, and what erases the
 * rest of the line before. One write cannot be seen half done, so the line does
 * not flicker.
 *
 *     \r epoch 118 of 500 [====>        ] loss 0.0213, 12 s left ESC [ K
 *
 * The text is shorter than the terminal is wide, as this is at that moment, so
 * the line never wraps, and the next carriage return leads to its beginning.
 * Only if a window gets narrower than the line, some terminals break it, and a
 * piece stays above.
 */
#include "mlp_show.h"

#include "show/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Seconds of training that pass before the first drawing, and between two. */
static const double first_pause = 0.2;
static const double pause_between = 0.1;

/* MAX_LINE limits the bytes of a line, which are its columns too: a window that
 * gets narrower than the line would break it. MAX_BAR and MIN_BAR limit the
 * columns between the brackets of the bar. */
enum { MAX_LINE = 100, MAX_BAR = 30, MIN_BAR = 5 };

/* What the environment and the stream say is asked once, and not for each
 * epoch. */
mlp_show_progress mlp_show_progress_on(FILE *to)
{
    const char *term = getenv("TERM");
    const char *no_color = getenv("NO_COLOR");
    return (mlp_show_progress){
        .to = to,
        .is_terminal = to && isatty(fileno(to)) && term && *term != '\0' &&
                       strcmp(term, "dumb") != 0,
        .is_plain = no_color && *no_color != '\0',
    };
}

/* Returns how many columns a line may use. In the last one some terminals
 * would begin a new line. The size is asked for each drawing, because a window
 * may change it, and signals belong to the host. */
static int columns_of(FILE *to)
{
    struct winsize size = {0};
    int width = 80;
    if (ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        width = size.ws_col;
    }
    return width <= MAX_LINE ? width - 1 : MAX_LINE - 1;
}

/* Writes a time such as "12 s", "3 min 20 s" or "2 h 5 min". It is rounded up,
 * so that a run which goes on never has 0 s left. Two units are enough for an
 * estimate. */
static void format_time(double seconds, char *text, size_t size)
{
    double s = ceil(seconds);
    if (s < 60) {
        (void)snprintf(text, size, "%.0f s", s);
    } else if (s < 3600) {
        (void)snprintf(text, size, "%.0f min %.0f s", floor(s / 60),
                       fmod(s, 60));
    } else {
        (void)snprintf(text, size, "%.0f h %.0f min", floor(s / 3600),
                       floor(fmod(s, 3600) / 60));
    }
}

/* The parts of a line in the order in which they appear. What a narrow terminal
 * leaves out first is not what stands last: the time left matters more than the
 * learning rate. */
enum { EPOCH, LOSS, VALIDATION, RATE, LEFT, N_PARTS };

/* Writes each part of the line by itself. A part that is unknown is empty.
 * Epochs count from 1 here, because a bar that is full means that all are done.
 */
static void format_parts(const mlp_show_progress *line,
                         const mlp_epoch_progress *p,
                         char parts[N_PARTS][MAX_LINE])
{
    char number[MLPI_NUMBER_SIZE];
    char left[MAX_LINE / 2];
    size_t done = p->epoch + 1;
    size_t to_do = p->epochs > done ? p->epochs - done : 0;
    format_time(line->seconds / (double)line->epochs * (double)to_do, left,
                sizeof left);
    (void)snprintf(parts[EPOCH], MAX_LINE, "epoch %zu of %zu", done, p->epochs);
    (void)snprintf(parts[LOSS], MAX_LINE, "loss %.20s",
                   mlpi_text_number(p->loss, 4, number));
    parts[VALIDATION][0] = '\0';
    if (!isnan(p->validation_loss)) {
        (void)snprintf(parts[VALIDATION], MAX_LINE, "validation %.20s",
                       mlpi_text_number(p->validation_loss, 4, number));
    }
    (void)snprintf(parts[RATE], MAX_LINE, "rate %.20s",
                   mlpi_text_number(p->rate, 4, number));
    (void)snprintf(parts[LEFT], MAX_LINE, "%s left", left);
}

/* Leaves out the rate, the time, the validation and the loss, until the rest
 * fits; the room that is left over becomes a bar. */
static void format_line(const mlp_show_progress *line,
                        const mlp_epoch_progress *p, int width,
                        char text[MAX_LINE])
{
    static const int dispensable[] = {RATE, LEFT, VALIDATION, LOSS};
    char parts[N_PARTS][MAX_LINE];
    char bar[MAX_BAR + 4] = "";
    format_parts(line, p, parts);
    /* The length counts two columns between parts, and two at the end. */
    int length = 0;
    for (int i = 0; i < N_PARTS; i++) {
        length += parts[i][0] != '\0' ? (int)strlen(parts[i]) + 2 : 0;
    }
    for (int i = 0; i < 4 && length - 2 > width; i++) {
        char *part = parts[dispensable[i]];
        length -= part[0] != '\0' ? (int)strlen(part) + 2 : 0;
        part[0] = '\0';
    }
    /* The bar has a blank and two brackets besides its columns, but needs no
     * comma behind it. */
    int room = width - length - 1;
    if (room >= MIN_BAR) {
        int bars = room < MAX_BAR ? room : MAX_BAR;
        double share = (double)(p->epoch + 1) / (double)p->epochs;
        int full = share < 1 ? (int)(share * bars) : bars;
        memset(bar, ' ', (size_t)bars + 3);
        memset(bar + 2, '=', (size_t)full);
        bar[1] = '[';
        bar[bars + 2] = ']';
        bar[full + 2] = full < bars ? '>' : ']';
        bar[bars + 3] = '\0';
    }
    (void)snprintf(text, MAX_LINE, "%.60s%s", parts[EPOCH], bar);
    const char *before = bar[0] != '\0' ? " " : ", ";
    for (int i = LOSS; i < N_PARTS; i++) {
        size_t used = strlen(text);
        if (parts[i][0] != '\0') {
            (void)snprintf(text + used, MAX_LINE - used, "%s%s", before,
                           parts[i]);
            before = ", ";
        }
    }
    /* In a very narrow terminal even the epoch is cut. */
    text[width > 0 ? width : 0] = '\0';
}

/* Replaces the text of the line by another, whose columns are its bytes. The
 * sequence ESC [ K erases what is right of the text. Without escape sequences,
 * blanks go over the rest of the text before, and at the end of the run another
 * carriage return leads back to the beginning. */
static void draw(mlp_show_progress *line, const char *text)
{
    char bytes[2 * MAX_LINE + 16];
    int length = (int)strlen(text);
    int blanks =
        line->is_plain && line->width > length ? line->width - length : 0;
    int n = snprintf(bytes, sizeof bytes, "\r%s%*s%s%s", text, blanks, "",
                     line->is_plain ? "" : "\033[K",
                     line->is_plain && length == 0 ? "\r" : "");
    (void)fwrite(bytes, 1, (size_t)n, line->to);
    (void)fflush(line->to);
    line->width = length;
}

/* The time is that of the epochs, so the time left does not count what the
 * program did before. */
bool mlp_show_epoch(const mlp_epoch_progress *progress, void *user)
{
    mlp_show_progress *line = user;
    if (!line || !progress || !line->is_terminal) {
        return true;
    }
    line->epochs++;
    line->seconds += progress->seconds;
    if (line->seconds >= first_pause &&
        line->seconds - line->drawn_at >= pause_between) {
        char text[MAX_LINE];
        format_line(line, progress, columns_of(line->to), text);
        draw(line, text);
        line->drawn_at = line->seconds;
    }
    return true;
}

/* A line that was never drawn needs no erasing: a short run leaves no trace. */
void mlp_show_progress_end(mlp_show_progress *line)
{
    if (line && line->is_terminal && line->drawn_at > 0) {
        draw(line, "");
    }
    if (line) {
        line->seconds = line->drawn_at = 0;
        line->epochs = 0;
        line->width = 0;
    }
}
