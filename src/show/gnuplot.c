/* SPDX-License-Identifier: MIT */
/*
 * Drawing by gnuplot.
 *
 * The script is gnuplot's standard input, and the picture its standard output:
 * no name of a file passes through a shell or through gnuplot. Script and
 * errors lie in temporary files instead of pipes, so that nothing can block,
 * and no signal is raised if gnuplot ends early. The picture is drawn into a
 * new file beside `path`, which is renamed when it is whole:
 *
 *     script in /tmp  ->  gnuplot  ->  <path>.tmp.0  ->  <path>
 *
 * The script that stays, where there is no gnuplot or a script was asked for,
 * is the same, and draws onto standard output, too:
 *
 *     set terminal svg size 640,480 font 'sans-serif,14' ...
 *     as_text = 0
 *     mark = 0.6
 *     tics = 9
 *     ...                            look.gp
 *     set multiplot layout 1,1
 *     ...                            the panels, of picture.c
 *     unset multiplot
 *
 * The script sets up the terminal, goes on with look.gp, which has what all
 * pictures share, and ends with the panels.
 */
#include "show/picture.h"

#include "show/text.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* What is written. SCRIPT is the script itself, which draws SVG or PNG when
 * somebody runs it. TEXT goes to a terminal. */
typedef enum target { UNKNOWN, SVG, PNG, SCRIPT, TEXT } target;

/* Tells what the end of a path names, in small or capital letters. A name that
 * consists of the end alone does not count. */
static target kind_of_path(const char *path)
{
    static const struct {
        const char *end;
        target kind;
    } kinds[] = {{".svg", SVG}, {".png", PNG}, {".gp", SCRIPT}};
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t n = strlen(kinds[i].end);
        if (length > n &&
            strncasecmp(path + length - n, kinds[i].end, n) == 0) {
            return kinds[i].kind;
        }
    }
    return UNKNOWN;
}

/* ---------------------------------------------------------------------------
 * The script
 */

/* The text of look.gp, which CMake makes an array of. */
extern const char mlpi_show_look[];

/* Writes the command that sets up a terminal of text, and returns the columns
 * of a panel, which is as wide as the terminal. Letters are about twice as high
 * as wide, so half as many lines as columns make a panel that is as high as
 * wide; it must also fit on the screen, with a line for the prompt. The last
 * column stays free, where some terminals would begin a new line. */
static int put_terminal_of_text(size_t panels, FILE *to)
{
    mlpi_terminal t = mlpi_terminal_of(STDOUT_FILENO);
    int width = t.columns >= 20 ? t.columns : 80;
    int height = t.rows >= 12 ? t.rows - 1 : 24;
    height = height < width / 2 ? height : width / 2;
    bool has_colors = t.is_terminal && !t.is_dumb && !t.is_plain;
    (void)fprintf(to, "set terminal dumb size %d,%zu %s noenhanced\n",
                  width - 1, (size_t)height * panels,
                  has_colors ? "ansi256" : "mono");
    return width - 1;
}

/* Writes the command that sets up a terminal of pixels, and returns the pixels
 * of the width. The sizes are chosen for a page that shows a picture about 900
 * pixels wide: a single panel fits beside text, and several fill the width, so
 * letters of 14 pixels stay readable. PNG counts letters in points, of
 * which 10.5 are 14 pixels. */
static int put_terminal(const mlp_picture *p, target kind, size_t columns,
                        size_t rows, FILE *to)
{
    static const char *const terminals[] = {
        [SVG] = "svg size %d,%zu font 'sans-serif,14'",
        [PNG] = "pngcairo size %d,%zu font 'sans-serif,10.5'"};
    size_t high = columns == 1 ? 480 : columns == 2 ? 400 : 320;
    size_t height = high * rows + (p->title > 0 ? 40 : 0);
    int width = p->width > 0 ? p->width : columns == 1 ? 640 : 960;
    (void)fputs("set terminal ", to);
    (void)fprintf(to, terminals[kind], width,
                  p->height > 0 ? (size_t)p->height : height);
    (void)fputs(" background '#ffffff' noenhanced\n", to);
    return width;
}

/* Writes the whole script. The first bytes of the picture's own are its title.
 * Text is too coarse for several panels side by side. */
static void put_script(const mlp_picture *p, target kind, FILE *to)
{
    size_t columns = p->columns > 0 ? (size_t)p->columns : 3;
    columns = kind == TEXT ? 1 : columns < p->panels ? columns : p->panels;
    size_t rows = (p->panels + columns - 1) / columns;
    int width = kind == TEXT ? put_terminal_of_text(p->panels, to)
                             : put_terminal(p, kind, columns, rows, to);
    /* SVG's marks of size 1 are larger than those of the other terminals. A
     * label of a tic gets 10 letters or 80 pixels. */
    size_t tics = (size_t)width / columns / (kind == TEXT ? 10 : 80);
    (void)fprintf(to, "as_text = %d\nmark = %s\ntics = %zu\n%s", kind == TEXT,
                  kind == SVG ? "0.6" : "1", tics > 0 ? tics : 1,
                  mlpi_show_look);
    (void)fprintf(to, "set multiplot layout %zu,%zu%s", rows, columns,
                  p->title > 0 ? " title " : "");
    (void)fwrite(p->script, 1, p->used, to);
    (void)fputs("\nunset multiplot\n", to);
}

/* ---------------------------------------------------------------------------
 * Files
 */

/* Reports what the system refused. errno is that of the failed call. */
static mlp_status io_error(const mlp_hooks *hooks, const char *path,
                           const char *what)
{
    char text[128];
    (void)strerror_r(errno, text, sizeof text);
    return mlpi_refuse(hooks, MLP_ERR_IO, "%s: cannot %s: %s", path, what,
                       text);
}

/* A file that will be `path` when it is whole. It lies in the same folder,
 * since only there a file can be renamed in one moment. */
typedef struct new_file {
    const mlp_hooks *hooks;
    const char *path;
    char *name; /* the present one */
    FILE *stream;
} new_file;

/* Opens <path>.tmp.<number>, with the first number that is free: two programs
 * may draw the same picture at once. What is no regular file, such as a folder
 * or /dev/null, is refused, because the new file would take its place. */
static mlp_status open_new(const mlp_hooks *hooks, const char *path,
                           new_file *file)
{
    struct stat old;
    size_t size = strlen(path) + 16;
    int fd = -1;
    *file = (new_file){.hooks = hooks, .path = path};
    if (stat(path, &old) == 0 && !S_ISREG(old.st_mode)) {
        return mlpi_refuse(hooks, MLP_ERR_IO,
                           "%s: expects the name of a regular file", path);
    }
    file->name = mlpi_show_allocate(hooks, size, path);
    if (!file->name) {
        return MLP_ERR_MEMORY;
    }
    for (int i = 0; fd < 0 && i < 1000; i++) {
        (void)snprintf(file->name, size, "%s.tmp.%d", path, i);
        fd = open(file->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST) {
            break;
        }
    }
    /* The stream is for a script. gnuplot gets the descriptor below it. */
    file->stream = fd >= 0 ? fdopen(fd, "w+") : NULL;
    if (file->stream) {
        return MLP_OK;
    }
    mlp_status status = io_error(hooks, path, "create a file beside it");
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(file->name);
    }
    mlpi_show_release(hooks, file->name);
    return status;
}

/* Gives the file its name if the status is MLP_OK; else removes it. Closing
 * a stream may be the first call to learn of a full disk. The status of an
 * earlier failure stays, since its message has been sent. */
static mlp_status close_new(new_file *file, mlp_status status)
{
    bool is_bad = ferror(file->stream) != 0;
    is_bad = fclose(file->stream) != 0 || is_bad;
    if (status == MLP_OK && is_bad) {
        status = io_error(file->hooks, file->path, "write");
    }
    if (status == MLP_OK && rename(file->name, file->path) != 0) {
        status = io_error(file->hooks, file->path, "replace");
    }
    if (status != MLP_OK) {
        /* A file that is open has a name.
         * NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
        (void)unlink(file->name);
    }
    mlpi_show_release(file->hooks, file->name);
    return status;
}

/* Writes a script that draws SVG or PNG. */
static mlp_status write_script(const mlp_picture *picture, const char *path,
                               target kind)
{
    new_file file;
    TRY(open_new(&picture->hooks, path, &file));
    put_script(picture, kind, file.stream);
    return close_new(&file, MLP_OK);
}

/* ---------------------------------------------------------------------------
 * The program
 */

/* Reads the last bytes of a file as a text, at most `size` - 1. */
static void read_tail(int fd, char *text, size_t size)
{
    off_t end = lseek(fd, 0, SEEK_END);
    off_t most = (off_t)size - 1;
    ssize_t n = pread(fd, text, size - 1, end > most ? end - most : 0);
    text[n > 0 ? n : 0] = '\0';
}

/* Waits for a child. Where the host ignores its children's end, or collects
 * them itself, there is no status, and 0 is taken. */
static int wait_for(pid_t child)
{
    int status = 0;
    pid_t ended = 0;
    do {
        ended = waitpid(child, &status, 0);
    } while (ended < 0 && errno == EINTR);
    return ended == child ? status : 0;
}

/* Runs gnuplot with a script, and waits for its end. It draws into the file
 * `output`, or if that is -1, onto standard output. The files were opened in
 * the order of the numbers that they get, so none of them stands where another
 * one goes, even if the host has closed its standard streams. gnuplot's
 * messages begin with the line that failed and a mark below the place; the last
 * line says what is wrong, and becomes ours:
 *
 *     plot no_function(x)
 *          ^
 *     line 79: undefined function: no_function
 *
 * MLP_ERR_UNSUPPORTED: there is no gnuplot; this has no message. */
static mlp_status run_gnuplot(const mlp_hooks *hooks, int script, int output,
                              int errors)
{
    /* With -d, gnuplot ignores the settings of its user: a picture looks the
     * same everywhere. */
    char *const command[] = {"gnuplot", "-d", NULL};
    const int files[] = {script, output, errors};
    char text[256] = "";
    pid_t child = 0;
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error == 0) {
        for (int i = 0; i < 3 && error == 0; i++) {
            error =
                files[i] < 0
                    ? 0
                    : posix_spawn_file_actions_adddup2(&actions, files[i], i);
        }
        if (error == 0) {
            error = posix_spawnp(&child, command[0], &actions, NULL, command,
                                 environ);
        }
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    int status = error == 0 ? wait_for(child) : 0;
    /* Where posix_spawnp cannot know, the child ends with 127. */
    if (error == ENOENT || error == EACCES || error == ENOTDIR ||
        (WIFEXITED(status) && WEXITSTATUS(status) == 127)) {
        return MLP_ERR_UNSUPPORTED;
    }
    if (error == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return MLP_OK;
    }
    if (error != 0) {
        (void)strerror_r(error, text, sizeof text);
    } else if (!WIFSIGNALED(status)) { /* else it could not say why */
        read_tail(errors, text, sizeof text);
    }
    for (size_t n = strlen(text); n > 0 && text[n - 1] == '\n'; n--) {
        text[n - 1] = '\0';
    }
    const char *before = strrchr(text, '\n');
    const char *line = before ? before + 1 + strspn(before + 1, " \t") : text;
    return mlpi_refuse(hooks, MLP_ERR_IO, "gnuplot: failed: %s",
                       *line != '\0'         ? line
                       : WIFSIGNALED(status) ? "it was killed"
                                             : "it gave no reason");
}

/* Draws the file `path`, or if that is NULL, onto standard output. Whatever
 * fails, the new file is removed, and an old one stays as it was. */
static mlp_status draw(const mlp_picture *picture, target kind,
                       const char *path)
{
    const mlp_hooks *hooks = &picture->hooks;
    new_file file = {.stream = NULL};
    FILE *errors = NULL;
    FILE *script = tmpfile();
    mlp_status status = MLP_OK;
    if (script) {
        put_script(picture, kind, script);
    }
    if (!script || fflush(script) != 0 || ferror(script)) {
        status = io_error(hooks, "gnuplot", "write a temporary file");
    }
    if (status == MLP_OK && path) {
        status = open_new(hooks, path, &file);
    }
    if (status == MLP_OK && !(errors = tmpfile())) {
        status = io_error(hooks, "gnuplot", "write a temporary file");
    }
    if (status == MLP_OK) {
        /* The child shares the position in the script, which is at its end. */
        (void)lseek(fileno(script), 0, SEEK_SET);
        (void)fflush(stdout);
        status = run_gnuplot(hooks, fileno(script),
                             path ? fileno(file.stream) : -1, fileno(errors));
    }
    if (status == MLP_OK && path) {
        /* A full disk does not make gnuplot fail. */
        char end[9];
        read_tail(fileno(file.stream), end, sizeof end);
        if (!strstr(end, kind == SVG ? "</svg>" : "IEND")) {
            status = mlpi_refuse(
                hooks, MLP_ERR_IO,
                "%s: the picture is not whole: is the disk full?", path);
        }
    }
    if (file.stream) {
        status = close_new(&file, status);
    }
    if (script) {
        (void)fclose(script);
    }
    if (errors) {
        (void)fclose(errors);
    }
    return status;
}

/* Keeps the script, where there is no gnuplot, so that another machine can draw
 * the picture. */
static mlp_status leave_script(const mlp_picture *picture, const char *path,
                               target kind)
{
    const mlp_hooks *hooks = &picture->hooks;
    size_t size = strlen(path) + sizeof ".gp";
    char *name = mlpi_show_allocate(hooks, size, path);
    if (!name) {
        return MLP_ERR_MEMORY;
    }
    (void)snprintf(name, size, "%s.gp", path);
    mlp_status status = write_script(picture, name, kind);
    if (status == MLP_OK) {
        status = mlpi_refuse(hooks, MLP_ERR_UNSUPPORTED,
                             "%s: there is no program gnuplot; install it, and "
                             "\"gnuplot %s > %s\" draws the picture",
                             path, name, path);
    }
    mlpi_show_release(hooks, name);
    return status;
}

/* The end of the path alone decides, not what lies there already. A terminal
 * has no name beside which a script could stay. */
mlp_status mlp_picture_write(const mlp_picture *picture, const char *path)
{
    if (!picture) {
        return MLP_ERR_NULL;
    }
    const mlp_hooks *hooks = &picture->hooks;
    target kind = path ? kind_of_path(path) : TEXT;
    if (picture->panels == 0) {
        return mlpi_refuse(hooks, MLP_ERR_ORDER,
                           "a picture: expects a panel before it is written");
    }
    if (kind == UNKNOWN) {
        return mlpi_refuse(hooks, MLP_ERR_ARGUMENT,
                           "%s: expects the end .svg, .png or .gp", path);
    }
    if (kind == SCRIPT) {
        return write_script(picture, path, SVG);
    }
    mlp_status status = draw(picture, kind, path);
    if (status != MLP_ERR_UNSUPPORTED) {
        return status;
    }
    return path ? leave_script(picture, path, kind)
                : mlpi_refuse(hooks, status,
                              "a picture: there is no program gnuplot (install "
                              "it, or write to a path that ends in .gp)");
}
