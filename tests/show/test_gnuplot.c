/* SPDX-License-Identifier: MIT */
/*
 * Running gnuplot and making the files: what a terminal is asked for, whose
 * message is told, and which files stay. A shell script stands in for gnuplot:
 * it keeps its commands in the file "commands", and then does what a test wants.
 */
/* This declares the functions of pseudoterminals.
 * NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _XOPEN_SOURCE 700
#include "support/support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "mlp_show.h"

static char folder[] = "/tmp/mlp_gnuplot_XXXXXX";
static char here[1024], path_before[4096];

static int go_into_folder(void **state)
{
    (void)state;
    const char *path = getenv("PATH");
    char both[sizeof path_before + sizeof folder];
    (void)snprintf(path_before, sizeof path_before, "%s", path ? path : "");
    if (!getcwd(here, sizeof here) || !mkdtemp(folder)) {
        return 1;
    }
    (void)snprintf(both, sizeof both, "%s:%s", folder, path_before);
    return chdir(folder) || setenv("PATH", both, 1);
}

static int leave_folder(void **state)
{
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    return chdir(here) || setenv("PATH", path_before, 1) || system(command);
}

static void put(const char *name, const char *text, mode_t mode)
{
    FILE *file = fopen(name, "w");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
    assert_int_equal(chmod(name, mode), 0);
}

/* Makes the stand-in, which ends with these commands of the shell. */
static void stand_in(const char *commands)
{
    char text[1024] = "#!/bin/sh\ncat >commands\n";
    append(text, sizeof text, commands);
    put("gnuplot", text, 0700);
}

#define DRAWS "echo '<svg></svg>'\n"

static const char *content_of(const char *name)
{
    static char text[1 << 16];
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

static bool is_there(const char *name)
{
    return access(name, F_OK) == 0;
}

/* A picture of one panel. */
static mlp_picture *made_picture(hook_record *record)
{
    static const double y[] = {1, 2};
    const mlp_curve curve = {"line", NULL, y, 2, false};
    mlp_picture_options options = mlp_picture_defaults();
    mlp_picture *picture = NULL;
    options.hooks = recording_hooks(record);
    assert_int_equal(mlp_picture_create(&options, &picture), MLP_OK);
    assert_int_equal(mlp_picture_curves(picture, NULL, &curve, 1), MLP_OK);
    return picture;
}

/* ---------------------------------------------------------------------------
 * Terminals
 */

static void set_or_not(const char *name, const char *value)
{
    assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

/* Writes a picture on a terminal of this size, which is standard output
 * meanwhile. */
static mlp_status written_on(struct winsize size)
{
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        skip();
    }
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_int_equal(ioctl(terminal, TIOCSWINSZ, &size), 0);
    (void)fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    assert_true(kept >= 0 && dup2(terminal, STDOUT_FILENO) >= 0);
    mlp_status status = mlp_picture_write(picture, NULL);
    assert_true(dup2(kept, STDOUT_FILENO) >= 0);
    (void)close(kept);
    (void)close(terminal);
    (void)close(master);
    mlp_picture_free(picture);
    return status;
}

/* A panel is as wide as the terminal but for a column, and half as high as
 * wide, or as high as the screen but for a line. */
static void terminals_get_their_size_and_colours(void **state)
{
    (void)state;
    static const struct {
        unsigned short columns, rows;
        const char *term, *no_color, *command;
    } cases[] = {
        {60, 40, "xterm", NULL, "size 59,30 ansi256 noenhanced\n"},
        {100, 40, "xterm", NULL, "size 99,39 ansi256 "},
        {20, 12, "xterm", NULL, "size 19,10 ansi256 "},
        {30, 12, "xterm", NULL, "size 29,11 ansi256 "},
        {19, 11, "xterm", NULL, "size 79,24 ansi256 "},
        {0, 0, "xterm", NULL, "size 79,24 ansi256 "},
        {60, 40, "xterm", "", "size 59,30 ansi256 "},
        {60, 40, "xterm", "1", "size 59,30 mono "},
        {60, 40, "dumb", NULL, "size 59,30 mono "},
        {60, 40, "", NULL, "size 59,30 mono "},
        {60, 40, NULL, NULL, "size 59,30 mono "},
    };
    stand_in("");
    for (size_t i = 0; i < COUNT(cases); i++) {
        char expected[64];
        const struct winsize size = {.ws_row = cases[i].rows,
                                     .ws_col = cases[i].columns};
        set_or_not("TERM", cases[i].term);
        set_or_not("NO_COLOR", cases[i].no_color);
        assert_int_equal(written_on(size), MLP_OK);
        (void)snprintf(expected, sizeof expected, "set terminal dumb %s",
                       cases[i].command);
        assert_memory_equal(content_of("commands"), expected, strlen(expected));
    }
    set_or_not("NO_COLOR", NULL);
}

/* ---------------------------------------------------------------------------
 * Running
 */

/* The last line of what gnuplot writes tells what is wrong. */
static void messages_are_the_last_line(void **state)
{
    (void)state;
    static const struct {
        const char *commands, *message;
    } cases[] = {
        {"echo 'no memory' >&2; exit 1", "gnuplot: failed: no memory"},
        {"printf 'plot x\\n     ^\\n  line 7: bad\\n\\n' >&2; exit 2",
         "gnuplot: failed: line 7: bad"},
        {"exit 1", "gnuplot: failed: it gave no reason"},
        {"kill -9 $$", "gnuplot: failed: it was killed"},
        {"echo 'not told' >&2; kill -9 $$", "gnuplot: failed: it was killed"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        hook_record record = {0};
        mlp_picture *picture = made_picture(&record);
        stand_in(cases[i].commands);
        put("a.svg", "old", 0600);
        assert_told(&record, mlp_picture_write(picture, "a.svg"), MLP_ERR_IO,
                    cases[i].message);
        assert_string_equal(strstr(record.message, "gnuplot"),
                            cases[i].message);
        assert_string_equal(content_of("a.svg"), "old");
        assert_false(is_there("a.svg.tmp.0"));
        mlp_picture_free(picture);
        assert_int_equal(record.live, 0);
    }
}

static void notice(int number)
{
    (void)number;
}

/* Signals arrive all the time, and interrupt what can be interrupted. */
static void signals_do_not_end_the_wait(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    struct sigaction old;
    struct sigaction action = {.sa_handler = notice};
    const struct itimerval often = {{0, 10000}, {0, 10000}};
    const struct itimerval never = {{0, 0}, {0, 0}};
    stand_in("sleep 0.2\n" DRAWS);
    assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    mlp_status status = mlp_picture_write(picture, "signals.svg");
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
    assert_int_equal(status, MLP_OK);
    assert_string_equal(content_of("signals.svg"), "<svg></svg>\n");
    mlp_picture_free(picture);
}

/* Whatever keeps gnuplot from running, the script stays. */
static void what_cannot_run_is_no_gnuplot(void **state)
{
    (void)state;
    static const struct {
        const char *path; /* NULL: as it is */
        mode_t mode;
    } cases[] = {
        {"/nowhere", 0700}, {".", 0600}, {"commands", 0700}, {NULL, 0700}};
    char path[sizeof path_before + sizeof folder];
    (void)snprintf(path, sizeof path, "%s", getenv("PATH"));
    put("commands", "", 0600);
    for (size_t i = 0; i < COUNT(cases); i++) {
        hook_record record = {0};
        mlp_picture *picture = made_picture(&record);
        stand_in("exit 127");
        assert_int_equal(chmod("gnuplot", cases[i].mode), 0);
        assert_int_equal(
            setenv("PATH", cases[i].path ? cases[i].path : path, 1), 0);
        mlp_status status = mlp_picture_write(picture, "b.png");
        assert_int_equal(setenv("PATH", path, 1), 0);
        assert_int_equal(status, MLP_ERR_UNSUPPORTED);
        assert_int_equal(record.messages, 1);
        assert_non_null(strstr(record.message, "\"gnuplot b.png.gp > b.png\""));
        assert_false(is_there("b.png") || is_there("b.png.tmp.0"));
        assert_non_null(
            strstr(content_of("b.png.gp"), "set terminal pngcairo"));
        assert_int_equal(unlink("b.png.gp"), 0);
        mlp_picture_free(picture);
        assert_int_equal(record.live, 0);
    }
}

/* ---------------------------------------------------------------------------
 * Files
 */

static void a_script_that_cannot_stay_is_told(void **state)
{
    (void)state;
    mlp_status status = MLP_ERR_MEMORY;
    stand_in("exit 127");
    for (size_t n = 1; status == MLP_ERR_MEMORY; n++) {
        hook_record record = {0};
        mlp_picture *picture = made_picture(&record);
        record.fail_at = record.allocations + n;
        status = mlp_picture_write(picture, "c.svg");
        assert_int_equal(record.messages, 1);
        assert_int_equal(is_there("c.svg.gp"), status == MLP_ERR_UNSUPPORTED);
        mlp_picture_free(picture);
        assert_int_equal(record.live, 0);
    }
    assert_int_equal(status, MLP_ERR_UNSUPPORTED);

    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    assert_int_equal(mkdir("d.svg.gp", 0700), 0);
    assert_told(&record, mlp_picture_write(picture, "d.svg"), MLP_ERR_IO,
                "d.svg.gp: expects the name of a regular file");
    assert_false(is_there("d.svg"));
    mlp_picture_free(picture);
    assert_int_equal(record.live, 0);
}

/* Another program may be drawing the same picture, or have left its files. */
static void new_files_take_a_free_number(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    char name[32];
    stand_in(DRAWS);
    put("e.svg", "old", 0600);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof name, "e.svg.tmp.%d", i);
        put(name, "another's", 0600);
    }
    assert_told(&record, mlp_picture_write(picture, "e.svg"), MLP_ERR_IO,
                "e.svg: cannot create a file beside it: File exists");
    assert_string_equal(content_of("e.svg"), "old");
    assert_int_equal(unlink("e.svg.tmp.999"), 0);
    assert_int_equal(mlp_picture_write(picture, "e.svg"), MLP_OK);
    assert_string_equal(content_of("e.svg"), "<svg></svg>\n");
    assert_false(is_there("e.svg.tmp.999"));
    assert_string_equal(content_of("e.svg.tmp.998"), "another's");
    mlp_picture_free(picture);
    assert_int_equal(record.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terminals_get_their_size_and_colours),
        cmocka_unit_test(messages_are_the_last_line),
        cmocka_unit_test(signals_do_not_end_the_wait),
        cmocka_unit_test(what_cannot_run_is_no_gnuplot),
        cmocka_unit_test(a_script_that_cannot_stay_is_told),
        cmocka_unit_test(new_files_take_a_free_number),
    };
    return cmocka_run_group_tests_name("gnuplot", tests, go_into_folder,
                                       leave_folder);
}
