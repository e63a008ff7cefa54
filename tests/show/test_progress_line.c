/* SPDX-License-Identifier: MIT */
/*
 * The progress line on a pseudoterminal: what a terminal gets, and that
 * everything else gets nothing.
 */
/* This declares the functions of pseudoterminals.
 * NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _XOPEN_SOURCE 700
#include "support/support.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include "mlp_show.h"

typedef struct terminal {
    int master;
    FILE *stream;
} terminal;

static terminal opened(unsigned short columns)
{
    terminal t = {.master = open("/dev/ptmx", O_RDWR | O_NOCTTY)};
    if (t.master < 0 || grantpt(t.master) != 0 || unlockpt(t.master) != 0) {
        skip();
    }
    t.stream = fopen(ptsname(t.master), "w");
    assert_non_null(t.stream);
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    assert_int_equal(ioctl(t.master, TIOCSWINSZ, &size), 0);
    return t;
}

/* Reads all that was written since the last call. The byte '!' marks the end,
 * since reads may return parts. */
static const char *heard(terminal *t)
{
    static char text[4096];
    size_t length = 0;
    assert_true(fputc('!', t->stream) == '!' && fflush(t->stream) == 0);
    while (length == 0 || text[length - 1] != '!') {
        ssize_t more = read(t->master, text + length, sizeof text - length);
        assert_true(more > 0);
        length += (size_t)more;
    }
    text[length - 1] = '\0';
    return text;
}

static void closed(terminal *t)
{
    (void)fclose(t->stream);
    (void)close(t->master);
}

static mlp_epoch_progress epoch_of(size_t epoch, double seconds)
{
    return (mlp_epoch_progress){.epoch = epoch,
                                .epochs = 200,
                                .loss = 0.0213,
                                .validation_loss = 0.034512,
                                .rate = 0.001,
                                .seconds = seconds};
}

static void draw(mlp_show_progress *line, size_t epoch, double seconds)
{
    mlp_epoch_progress progress = epoch_of(epoch, seconds);
    assert_true(mlp_show_epoch(&progress, line));
}

static void line_holds_what_is_known(void **state)
{
    (void)state;
    terminal t = opened(121);
    mlp_show_progress line = mlp_show_progress_on(t.stream);
    draw(&line, 99, 0.5);
    assert_string_equal(heard(&t),
                        "\repoch 100 of 200 [============>            ] "
                        "loss 0.0213, validation 0.03451, rate 0.001, 50 s "
                        "left\033[K");
    mlp_epoch_progress last = epoch_of(199, 1000);
    last.validation_loss = NAN;
    assert_true(mlp_show_epoch(&last, &line));
    assert_string_equal(heard(&t),
                        "\repoch 200 of 200 [==============================] "
                        "loss 0.0213, rate 0.001, 0 s left\033[K");
    mlp_show_progress_end(&line);
    assert_string_equal(heard(&t), "\r\033[K");
    mlp_show_progress_end(&line);
    assert_string_equal(heard(&t), "");
    closed(&t);
}

static void times_have_units(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *left;
    } cases[] = {{0.5, "50 s left"},
                 {2.004, "3 min 21 s left"},
                 {75.1, "2 h 5 min left"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        terminal t = opened(121);
        mlp_show_progress line = mlp_show_progress_on(t.stream);
        draw(&line, 99, cases[i].seconds);
        assert_non_null(strstr(heard(&t), cases[i].left));
        closed(&t);
    }
}

/* At every width the line is shorter than the terminal is wide, and below that
 * only as long as an epoch needs. */
static void line_fits_every_terminal(void **state)
{
    (void)state;
    for (unsigned short width = 1; width < 400; width++) {
        terminal t = opened(width);
        mlp_show_progress line = mlp_show_progress_on(t.stream);
        draw(&line, 99, 0.5);
        const char *text = heard(&t);
        assert_true(text[0] == '\r' && !strchr(text, '\n'));
        const char *end = strstr(text, "\033[K");
        assert_non_null(end);
        assert_true(end - text - 1 < width);
        if (width > 20) {
            assert_non_null(strstr(text, "epoch 100 of 200"));
        }
        closed(&t);
    }
}

static void a_narrower_terminal_gets_a_shorter_line(void **state)
{
    (void)state;
    terminal t = opened(100);
    mlp_show_progress line = mlp_show_progress_on(t.stream);
    draw(&line, 99, 0.5);
    (void)heard(&t);
    struct winsize size = {.ws_row = 24, .ws_col = 40};
    assert_int_equal(ioctl(t.master, TIOCSWINSZ, &size), 0);
    draw(&line, 100, 0.5);
    assert_string_equal(heard(&t),
                        "\repoch 101 of 200 [====>   ] loss 0.0213\033[K");
    closed(&t);
}

static void drawings_are_rare(void **state)
{
    (void)state;
    terminal t = opened(100);
    mlp_show_progress line = mlp_show_progress_on(t.stream);
    for (size_t epoch = 0; epoch < 64; epoch++) { /* a second of 1/64 s */
        draw(&line, epoch, 0.015625);
    }
    const char *text = heard(&t);
    size_t drawings = 0;
    for (const char *at = text; (at = strchr(at, '\r')); at++) {
        drawings++;
    }
    /* The first is drawn after 13 epochs, 0.203 s, and then one for 7. */
    assert_int_equal(drawings, 8);
    mlp_show_progress_end(&line);
    (void)heard(&t);
    for (size_t epoch = 0; epoch < 12; epoch++) {
        draw(&line, epoch, 0.015625);
    }
    mlp_show_progress_end(&line);
    assert_string_equal(heard(&t), "");
    closed(&t);
}

static void no_color_means_no_escapes(void **state)
{
    (void)state;
    terminal t = opened(60);
    assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
    mlp_show_progress line = mlp_show_progress_on(t.stream);
    assert_int_equal(unsetenv("NO_COLOR"), 0);
    draw(&line, 99, 0.5);
    const char *text = heard(&t);
    assert_null(strchr(text, '\033'));
    size_t first = strlen(text) - 1;
    struct winsize size = {.ws_row = 24, .ws_col = 30};
    assert_int_equal(ioctl(t.master, TIOCSWINSZ, &size), 0);
    draw(&line, 100, 0.5);
    text = heard(&t);
    assert_int_equal(strlen(text) - 1, first);
    assert_int_equal(text[strlen(text) - 1], ' ');
    mlp_show_progress_end(&line);
    text = heard(&t);
    assert_int_equal(strspn(text + 1, " "), strlen(text) - 2);
    assert_true(text[0] == '\r' && text[strlen(text) - 1] == '\r');
    closed(&t);
}

/* Runs epochs on a stream and returns whether anything was written. */
static void expect_silence(FILE *stream)
{
    mlp_show_progress line = mlp_show_progress_on(stream);
    for (size_t epoch = 0; epoch < 10; epoch++) {
        draw(&line, epoch, 1);
    }
    mlp_show_progress_end(&line);
}

static void other_streams_get_nothing(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    expect_silence(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    assert_int_equal(ftell(file), 0);
    (void)fclose(file);
    expect_silence(NULL);
    terminal t = opened(80);
    assert_int_equal(setenv("TERM", "dumb", 1), 0);
    expect_silence(t.stream);
    assert_int_equal(unsetenv("TERM"), 0);
    expect_silence(t.stream);
    assert_int_equal(setenv("TERM", "xterm", 1), 0);
    assert_string_equal(heard(&t), "");
    closed(&t);
}

static int set_terminal(void **state)
{
    (void)state;
    return setenv("TERM", "xterm", 1) != 0 || unsetenv("NO_COLOR") != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_holds_what_is_known),
        cmocka_unit_test(times_have_units),
        cmocka_unit_test(line_fits_every_terminal),
        cmocka_unit_test(a_narrower_terminal_gets_a_shorter_line),
        cmocka_unit_test(drawings_are_rare),
        cmocka_unit_test(no_color_means_no_escapes),
        cmocka_unit_test(other_streams_get_nothing),
    };
    return cmocka_run_group_tests_name("progress_line", tests, set_terminal,
                                       NULL);
}
