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
#include <string.h>

/* Seconds of training that pass before the first drawing, and between two. */
static const double first_pause = 0.2;
static const double pause_between = 0.1;

/* MAX_LINE limits the bytes of a line, which are its columns too: a window that
 * gets narrower than the line would break it. MAX_BAR and MIN_BAR limit the
 * columns between the brackets of the bar. PART is the room of a part, and
 * ROOM that of all parts before some are left out. */
enum { MAX_LINE = 100, MAX_BAR = 30, MIN_BAR = 5, PART = 48, ROOM = 512 };

/* What the environment and the stream say is asked once, and not for each
 * epoch. */
mlp_show_progress mlp_show_progress_on(FILE *to)
{
    mlpi_terminal t = mlpi_terminal_of(to ? fileno(to) : -1);
    return (mlp_show_progress){.to = to,
                               .is_terminal = t.is_terminal && !t.is_dumb,
                               .is_plain = t.is_plain};
}

/* Writes a time such as "12 s", "3 min 20 s" or "2 h 5 min". It is rounded up,
 * so that a run which goes on never has 0 s left. Two units are enough for an
 * estimate. */
static void format_time(double seconds, char *text, size_t size)
{
    double s = ceil(seconds);
    if (s < 60) {
        (void)snprintf(text, size, "%.0f s left", s);
    } else if (s < 3600) {
        (void)snprintf(text, size, "%.0f min %.0f s left", floor(s / 60),
                       fmod(s, 60));
    } else {
        (void)snprintf(text, size, "%.0f h %.0f min left", floor(s / 3600),
                       floor(fmod(s, 3600) / 60));
    }
}

/* The parts of a line behind the epoch, in the order in which they appear. */
enum { LOSS, VALIDATION, RATE, LEFT, N_PARTS };

/* Writes each part by itself. */
static void format_parts(const mlp_show_progress *line,
                         const mlp_epoch_progress *p, char parts[N_PARTS][PART])
{
    char number[MLPI_NUMBER_SIZE];
    size_t done = p->epoch + 1;
    size_t to_do = p->epochs > done ? p->epochs - done : 0;
    format_time(line->seconds / (double)line->epochs * (double)to_do,
                parts[LEFT], PART);
    (void)snprintf(parts[LOSS], PART, "loss %s",
                   mlpi_text_number(p->loss, 4, number));
    (void)snprintf(parts[VALIDATION], PART, "validation %s",
                   mlpi_text_number(p->validation_loss, 4, number));
    (void)snprintf(parts[RATE], PART, "rate %s",
                   mlpi_text_number(p->rate, 4, number));
}

/* Joins the parts that a number of bits names: "loss 0.0213, 12 s left". */
static int join(char parts[N_PARTS][PART], unsigned shown, char text[ROOM / 2])
{
    int used = 0;
    text[0] = '\0';
    for (int i = 0; i < N_PARTS; i++) {
        if (shown & 1u << i) {
            used += snprintf(text + used, ROOM / 2 - (size_t)used, "%s%s",
                             used > 0 ? ", " : "", parts[i]);
        }
    }
    return used;
}

/* Leaves out the rate, the time, the validation and the loss, until the rest
 * fits: the time left matters more than the learning rate. The room that is
 * left over becomes a bar. Epochs count from 1 here, because a bar that is full
 * means that all are done. In a very narrow terminal even the epoch is cut. */
static void format_line(const mlp_show_progress *line,
                        const mlp_epoch_progress *p, int width, char text[ROOM])
{
    static const int dispensable[] = {RATE, LEFT, VALIDATION, LOSS};
    char parts[N_PARTS][PART];
    char rest[ROOM / 2];
    char bar[MAX_BAR + 1] = "";
    unsigned shown = isnan(p->validation_loss) ? ~(1u << VALIDATION) : ~0u;
    format_parts(line, p, parts);
    int used =
        snprintf(text, ROOM, "epoch %zu of %zu", p->epoch + 1, p->epochs);
    for (int i = 0; used + 2 + join(parts, shown, rest) > width && i < N_PARTS;
         i++) {
        shown &= ~(1u << dispensable[i]);
    }
    int room = width - used - (int)strlen(rest) - 4; /* blanks and brackets */
    int bars = room < MAX_BAR ? room : MAX_BAR;
    if (bars >= MIN_BAR) {
        double share = (double)(p->epoch + 1) / (double)p->epochs;
        int full = share < 1 ? (int)(share * bars) : bars;
        memset(bar, '=', (size_t)full);
        bar[full] = full < bars ? '>' : '\0';
        (void)snprintf(text + used, ROOM - (size_t)used, " [%-*s] %s", bars,
                       bar, rest);
    } else if (rest[0] != '\0') {
        (void)snprintf(text + used, ROOM - (size_t)used, ", %s", rest);
    }
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
        char text[ROOM];
        /* In the last column some terminals would begin a new line. The width
         * is asked for each drawing, because a window may change it. */
        int width = mlpi_terminal_of(fileno(line->to)).columns;
        format_line(line, progress, (width < MAX_LINE ? width : MAX_LINE) - 1,
                    text);
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
