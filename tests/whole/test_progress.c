/* SPDX-License-Identifier: MIT */
/*
 * The progress line of the examples: what it says, how often it is drawn, and
 * that nothing is written where there is no terminal.
 */
/* This declares the functions of terminals.
 * NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _XOPEN_SOURCE 700
#include "support/support.h"

#include <fcntl.h>

#include "examples/progress.h"

static void line_tells_how_far_it_is(void **state)
{
    (void)state;
    progress_line line = {.epochs = 100, .seconds = 5};
    mlp_epoch_progress p = {.epoch = 99,
                            .epochs = 500,
                            .loss = 0.0213,
                            .validation_loss = 0.034512,
                            .best_epoch = 95};
    char text[160];
    format_progress(&line, &p, text, sizeof text);
    assert_string_equal(text, "epoch 99 of 500, loss 0.0213, validation "
                              "0.03451 (best: 95), 20 s left");
    p.validation_loss = NAN;
    p.epoch = 499;
    format_progress(&line, &p, text, sizeof text);
    assert_string_equal(text, "epoch 499 of 500, loss 0.0213, 0 s left");
    /* After a training is resumed, the speed of this run counts, not of the
     * epochs before. */
    p.epoch = 489;
    line.epochs = 10;
    format_progress(&line, &p, text, sizeof text);
    assert_string_equal(text, "epoch 489 of 500, loss 0.0213, 5 s left");
}

/* Redirects standard error to another file. Returns a copy of its old
 * descriptor, for turn_stderr_back. */
static int turn_stderr_to(int to)
{
    (void)fflush(stderr);
    int kept = dup(STDERR_FILENO);
    assert_true(kept >= 0 && dup2(to, STDERR_FILENO) >= 0);
    return kept;
}

static void turn_stderr_back(int kept)
{
    (void)fflush(stderr);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
}

static void show_epochs(progress_line *line, size_t n, double seconds)
{
    for (size_t epoch = 0; epoch < n; epoch++) {
        mlp_epoch_progress p = {.epoch = epoch,
                                .epochs = n,
                                .loss = 0.5,
                                .validation_loss = NAN,
                                .seconds = seconds};
        assert_true(show_progress(&p, line));
    }
    end_progress(line);
}

static void files_hear_nothing(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    progress_line line = {.epochs = 0};
    int kept = turn_stderr_to(fileno(file));
    show_epochs(&line, 100, 1);
    turn_stderr_back(kept);
    assert_int_equal(lseek(fileno(file), 0, SEEK_END), 0);
    (void)fclose(file);
}

/* Shows n epochs on a pseudoterminal and reads from its other end what a
 * terminal would get. */
static void hear(size_t n, double seconds, char *heard, size_t size)
{
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        skip();
    }
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0);
    progress_line line = {.epochs = 0};
    int kept = turn_stderr_to(terminal);
    show_epochs(&line, n, seconds);
    (void)fputs("!", stderr); /* marks the end, since reads may return parts */
    turn_stderr_back(kept);
    size_t length = 0;
    while (length == 0 || heard[length - 1] != '!') {
        ssize_t more = read(master, heard + length, size - 1 - length);
        assert_true(more > 0);
        length += (size_t)more;
    }
    heard[length] = '\0';
    (void)close(terminal);
    (void)close(master);
}

static void terminals_see_a_line_now_and_then(void **state)
{
    (void)state;
    char heard[1024];
    hear(3, 0.25, heard, sizeof heard);
    assert_string_equal(heard, "\repoch 0 of 3, loss 0.5, 1 s left\033[K"
                               "\repoch 1 of 3, loss 0.5, 1 s left\033[K"
                               "\repoch 2 of 3, loss 0.5, 0 s left\033[K"
                               "\r\033[K!");
    hear(5, 0.125, heard, sizeof heard);
    assert_string_equal(heard, "\repoch 1 of 5, loss 0.5, 1 s left\033[K"
                               "\repoch 3 of 5, loss 0.5, 1 s left\033[K"
                               "\r\033[K!");
    hear(100, 0.001, heard,
         sizeof heard); /* the run is shorter than a redraw takes */
    assert_string_equal(heard, "!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_tells_how_far_it_is),
        cmocka_unit_test(files_hear_nothing),
        cmocka_unit_test(terminals_see_a_line_now_and_then),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
