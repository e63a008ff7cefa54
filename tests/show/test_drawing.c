/* SPDX-License-Identifier: MIT */
/*
 * Pictures that gnuplot draws: what happens with it, without it, and when it
 * fails. test_gnuplot.c has the cases for which a script stands in for it.
 */
#include "support/pictures.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void without_gnuplot_the_script_stays(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    char path[1024];
    (void)snprintf(path, sizeof path, "%s", getenv("PATH"));
    assert_int_equal(add(picture, 0), MLP_OK);
    size_t before = files_in_folder();
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    mlp_status status = mlp_picture_write(picture, path_of("missing.svg"));
    mlp_status on_terminal = mlp_picture_write(picture, NULL);
    assert_int_equal(setenv("PATH", path, 1), 0);
    assert_int_equal(status, MLP_ERR_UNSUPPORTED);
    assert_int_equal(on_terminal, MLP_ERR_UNSUPPORTED);
    assert_int_equal(record.messages, 2);
    assert_non_null(strstr(record.message, "there is no program gnuplot"));
    assert_int_equal(files_in_folder(), before + 1);
    const char *text = content_of("missing.svg.gp");
    assert_non_null(text);
    assert_non_null(strstr(text, "set terminal svg "));
    if (has_gnuplot()) {
        char command[512];
        (void)snprintf(command, sizeof command,
                       "cd %s && gnuplot missing.svg.gp > missing.svg", folder);
        assert_int_equal(system(command), 0);
        assert_non_null(strstr(content_of("missing.svg"), "</svg>"));
    }
    mlp_picture_free(picture);
}

static void a_failing_gnuplot_is_quoted(void **state)
{
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    FILE *old = fopen(path_of("old.png"), "w");
    assert_true(old && fputs("old", old) >= 0 && fclose(old) == 0);
    assert_int_equal(mlp_picture_commands(picture, "plot no_function(x)"),
                     MLP_OK);
    size_t before = files_in_folder();
    assert_told(&record, mlp_picture_write(picture, path_of("old.png")),
                MLP_ERR_IO, "undefined function: no_function");
    assert_string_equal(content_of("old.png"), "old");
    assert_int_equal(files_in_folder(), before);
    mlp_picture_free(picture);
    picture = made_picture(&record);
    assert_int_equal(mlp_picture_commands(picture, "system 'kill -9 $PPID'"),
                     MLP_OK);
    assert_told(&record, mlp_picture_write(picture, path_of("old.png")),
                MLP_ERR_IO, "killed");
    mlp_picture_free(picture);
}

/* A file may have 8 kB here, and the picture needs more. With the signal
 * ignored, this looks like a full disk, of which gnuplot says nothing. */
static void full_disks_are_seen(void **state)
{
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    struct rlimit old;
    assert_int_equal(add(picture, 0), MLP_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    const struct rlimit small = {.rlim_cur = 8192, .rlim_max = old.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    size_t before = files_in_folder();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    mlp_status status = mlp_picture_write(picture, path_of("full.svg"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, MLP_ERR_IO);
    assert_non_null(strstr(record.message, "is the disk full?"));
    /* A script of that size does not fit at all. */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(add(picture, 5), MLP_OK);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    status = mlp_picture_write(picture, path_of("full.svg"));
    mlp_status of_script = mlp_picture_write(picture, path_of("full.gp"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(status, MLP_ERR_IO);
    assert_int_equal(of_script, MLP_ERR_IO);
    assert_non_null(strstr(record.message, "File too large"));
    assert_int_equal(files_in_folder(), before);
    mlp_picture_free(picture);
}

static void paths_are_checked(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    assert_int_equal(add(picture, 0), MLP_OK);
    size_t before = files_in_folder();
    static const char *const bad[] = {"a.jpg", "a", "svg", "a.svg ", ""};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_told(&record, mlp_picture_write(picture, path_of(bad[i])),
                    MLP_ERR_ARGUMENT, "expects the end .svg, .png or .gp");
    }
    /* A name cannot begin a line of its own in the log. */
    assert_told(&record, mlp_picture_write(picture, path_of("a\nb\033.jpg")),
                MLP_ERR_ARGUMENT, "a?b?.jpg: expects the end");
    assert_told(&record, mlp_picture_write(picture, path_of("none/a.svg")),
                MLP_ERR_IO, "No such file");
    assert_told(&record, mlp_picture_write(picture, path_of("none/a.gp")),
                MLP_ERR_IO, "No such file");
    assert_int_equal(mkdir(path_of("folder.png"), 0700), 0);
    assert_told(&record, mlp_picture_write(picture, path_of("folder.png")),
                MLP_ERR_IO, "regular file");
    assert_int_equal(files_in_folder(), before + 1);
    mlp_picture_free(picture);
}

/* Names that would mean something to a shell or to gnuplot. */
static void every_name_of_a_file_works(void **state)
{
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    static const char *const names[] = {
        "it's.svg",       "a b.PNG",       "%d \"q\".svg",
        "`touch x`.svg",  "new\nline.svg", "|cat.svg",
        "\u00e9\xff.png", "~.svg",         "$HOME.svg"};
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    char here[1024];
    assert_int_equal(add(picture, 0), MLP_OK);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    for (size_t i = 0; i < COUNT(names); i++) {
        char name[64];
        struct stat info;
        assert_int_equal(mlp_picture_write(picture, names[i]), MLP_OK);
        assert_int_equal(stat(names[i], &info), 0);
        assert_true(info.st_size > 1000);
        assert_int_equal(unlink(names[i]), 0);
        /* The name of a script means as little. */
        (void)snprintf(name, sizeof name, "%s.gp", names[i]);
        assert_int_equal(mlp_picture_write(picture, name), MLP_OK);
        assert_int_equal(rename(name, "run.gp"), 0);
        assert_int_equal(system("gnuplot run.gp >run.svg"), 0);
        assert_int_equal(stat("run.svg", &info), 0);
        assert_true(info.st_size > 1000);
    }
    assert_int_equal(access("x", F_OK), -1);
    assert_int_equal(chdir(here), 0);
    mlp_picture_free(picture);
}

static void every_panel_is_drawn(void **state)
{
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    for (int which = 0; which < N_PANELS; which++) {
        hook_record record = {0};
        mlp_picture *picture = made_picture(&record);
        struct stat info;
        assert_int_equal(add(picture, which), MLP_OK);
        assert_int_equal(mlp_picture_write(picture, path_of("a.svg")), MLP_OK);
        assert_non_null(strstr(content_of("a.svg"), "</svg>"));
        assert_int_equal(stat(path_of("a.svg"), &info), 0);
        assert_true(info.st_size < 80000);
        assert_int_equal(info.st_mode & 0400, 0400);
        assert_int_equal(mlp_picture_write(picture, path_of("a.png")), MLP_OK);
        assert_memory_equal(content_of("a.png"), "\x89PNG", 4);
        mlp_picture_free(picture);
        assert_int_equal(record.live, 0);
        assert_int_equal(record.messages, 0);
    }
}

/* Reads from the SVG the points of the line, which is the only path with four
 * of them: they must lie as the numbers do, up to a scale of each axis. */
static void a_line_is_drawn_where_its_numbers_are(void **state)
{
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    const double x[] = {1, 2, 3, 5};
    const double y[] = {10, 40, 25, 20};
    mlp_curve curve = {NULL, x, y, 4, false};
    double u[4] = {0};
    double v[4] = {0};
    bool found = false;
    assert_int_equal(mlp_picture_curves(picture, NULL, &curve, 1), MLP_OK);
    assert_int_equal(mlp_picture_write(picture, path_of("line.svg")), MLP_OK);
    assert_non_null(content_of("line.svg"));
    char *at = strstr(script, "d='M");
    while (at && !found) {
        size_t n = 0;
        at += strlen("d='");
        for (; n < 4 && *at == (n == 0 ? 'M' : 'L'); n++) {
            u[n] = strtod(at + 1, &at);
            v[n] = strtod(at + 1, &at);
            at += strspn(at, " \n");
        }
        found = n == 4 && *at == '\'';
        at = strstr(at, "d='M");
    }
    assert_true(found);
    for (int i = 1; i < 4; i++) {
        assert_absolute((u[i] - u[0]) / (u[3] - u[0]), (x[i] - 1) / 4, 1e-3);
        assert_absolute((v[i] - v[0]) / (v[1] - v[0]), (y[i] - 10) / 30, 1e-3);
    }
    assert_true(u[3] > u[0] && v[1] < v[0]);
    mlp_picture_free(picture);
}

/* Draws a line into panels side by side, and returns the SVG. */
static const char *drawn_line(const mlp_axes *axes, const double *x,
                              const double *y, int panels)
{
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    mlp_curve curve = {NULL, x, y, 2, false};
    for (int i = 0; i < panels; i++) {
        assert_int_equal(mlp_picture_curves(picture, axes, &curve, 1), MLP_OK);
    }
    assert_int_equal(mlp_picture_write(picture, path_of("tics.svg")), MLP_OK);
    mlp_picture_free(picture);
    return content_of("tics.svg");
}

static void narrow_panels_have_few_tics(void **state)
{
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    const double x[] = {1000, 1500};
    const double y[] = {1, 2};
    assert_non_null(strstr(drawn_line(NULL, x, y, 1), "<text> 1100<"));
    const char *narrow = drawn_line(NULL, x, y, 3);
    assert_non_null(strstr(narrow, "<text> 1200<"));
    assert_null(strstr(narrow, "<text> 1100<"));
}

static void logarithmic_axes_end_near_the_numbers(void **state)
{
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    const double x[] = {1000, 1500};
    const double y[] = {0.06, 0.15};
    const mlp_axes axes = {.log_y = true};
    const char *text = drawn_line(&axes, x, y, 1);
    assert_non_null(strstr(text, "<text> 0.1<"));
    assert_non_null(strstr(text, "<text> 0.05<"));
    assert_null(strstr(text, "<text> 0.01<"));
    assert_null(strstr(text, "<text> 1<"));
}

/* A host may have closed its standard streams. The new files then get their
 * numbers. */
static void hosts_may_have_closed_their_streams(void **state)
{
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    for (int closed = 1; closed < 8; closed++) {
        hook_record record = {0};
        mlp_picture *picture = made_picture(&record);
        int kept[3];
        assert_int_equal(add(picture, 0), MLP_OK);
        (void)fflush(stdout);
        for (int i = 0; i < 3; i++) {
            kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
        }
        for (int i = 0; i < 3; i++) {
            (void)(closed & 1 << i ? close(i) : 0);
        }
        mlp_status status = mlp_picture_write(picture, path_of("closed.svg"));
        for (int i = 0; i < 3; i++) {
            (void)dup2(kept[i], i);
            (void)close(kept[i]);
        }
        assert_int_equal(status, MLP_OK);
        assert_non_null(strstr(content_of("closed.svg"), "</svg>"));
        assert_int_equal(unlink(path_of("closed.svg")), 0);
        mlp_picture_free(picture);
    }
}

/* A host may ignore the end of its children. */
static void hosts_may_ignore_their_children(void **state)
{
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    assert_int_equal(add(picture, 0), MLP_OK);
    void (*old)(int) = signal(SIGCHLD, SIG_IGN);
    mlp_status status = mlp_picture_write(picture, path_of("child.svg"));
    (void)signal(SIGCHLD, old);
    assert_int_equal(status, MLP_OK);
    mlp_picture_free(picture);
}

/* Standard output is a file here, so the text has 79 columns and no colours. */
static void terminals_get_text(void **state)
{
    (void)state;
    if (!has_gnuplot()) {
        skip();
    }
    hook_record record = {0};
    mlp_picture *picture = made_picture(&record);
    for (int which = 0; which < N_PANELS; which++) {
        assert_int_equal(add(picture, which), MLP_OK);
    }
    (void)fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    int file = open(path_of("text"), O_RDWR | O_CREAT, 0600);
    assert_true(kept >= 0 && file >= 0 && dup2(file, STDOUT_FILENO) >= 0);
    mlp_status status = mlp_picture_write(picture, NULL);
    assert_true(dup2(kept, STDOUT_FILENO) >= 0);
    (void)close(kept);
    (void)close(file);
    assert_int_equal(status, MLP_OK);
    const char *text = content_of("text");
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, "derivative"));
    size_t lines = 0;
    for (const char *at = text; *at != '\0'; at += strcspn(at, "\n") + 1) {
        lines++;
    }
    assert_true(lines >= (size_t)N_PANELS * 20);
    mlp_picture_free(picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_gnuplot_the_script_stays),
        cmocka_unit_test(a_failing_gnuplot_is_quoted),
        cmocka_unit_test(full_disks_are_seen),
        cmocka_unit_test(paths_are_checked),
        cmocka_unit_test(every_name_of_a_file_works),
        cmocka_unit_test(every_panel_is_drawn),
        cmocka_unit_test(a_line_is_drawn_where_its_numbers_are),
        cmocka_unit_test(narrow_panels_have_few_tics),
        cmocka_unit_test(logarithmic_axes_end_near_the_numbers),
        cmocka_unit_test(hosts_may_have_closed_their_streams),
        cmocka_unit_test(hosts_may_ignore_their_children),
        cmocka_unit_test(terminals_get_text),
    };
    return cmocka_run_group_tests_name("drawing", tests, make_all, free_all);
}
