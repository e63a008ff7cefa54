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
 * has one line more. It names the file, because nobody redirects the output:
 *
 *     set terminal svg size 640,480 font 'sans-serif,14' ...
 *     set output './training.svg'
 *     as_text = 0
 *     mark = 0.6
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
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* What a script draws. SCRIPT is the script itself, which draws SVG or PNG when
 * somebody runs it. TEXT and SIXEL go to a terminal. */
typedef enum target { SVG, PNG, SCRIPT, TEXT, SIXEL } target;

/* ---------------------------------------------------------------------------
 * The script
 */

/* The text of look.gp, which CMake makes an array of. */
extern const char mlpi_show_look[];

/* Returns how many panels stand side by side. Text is too coarse for more than
 * one. */
static size_t columns_of(const mlp_picture *p, target kind)
{
    size_t columns = p->columns > 0 ? (size_t)p->columns : 3;
    if (kind == TEXT) {
        return 1;
    }
    return columns < p->panels ? columns : p->panels;
}

/* Writes the command that sets up a terminal of text. A panel is as wide as the
 * terminal. Letters are about twice as high as wide, so half as many lines as
 * columns make a panel that is as high as wide; it must also fit on the screen,
 * with a line for the prompt. Output that is no terminal gets 80 columns. The
 * last column stays free, where some terminals would begin a new line. */
static void put_terminal_of_text(FILE *to, size_t panels)
{
    const char *term = getenv("TERM");
    const char *no_color = getenv("NO_COLOR");
    struct winsize size = {.ws_row = 25, .ws_col = 80};
    bool is_terminal = isatty(STDOUT_FILENO);
    bool has_colors = is_terminal && term && strcmp(term, "dumb") != 0 &&
                      !(no_color && *no_color != '\0');
    if (is_terminal) {
        (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    }
    size_t width = size.ws_col >= 20 ? size.ws_col : 80;
    size_t height = size.ws_row >= 12 ? size.ws_row - 1u : 24;
    height = height < width / 2 ? height : width / 2;
    (void)fprintf(to, "set terminal dumb size %zu,%zu %s noenhanced\n",
                  width - 1, height * panels, has_colors ? "ansi256" : "mono");
}

/* Writes the command that sets up a terminal of pixels. The sizes are chosen
 * for a page that shows a picture about 900 pixels wide: a single panel fits
 * beside text, and several fill the width, so letters of 14 pixels stay
 * readable. The other terminals than SVG count letters in points, of which 10.5
 * are 14 pixels. */
static void put_terminal(const mlp_picture *p, target kind, size_t columns,
                         size_t rows, FILE *to)
{
    static const char *const terminals[] = {
        [SVG] = "svg size %zu,%zu font 'sans-serif,14'",
        [PNG] = "pngcairo size %zu,%zu font 'sans-serif,10.5'",
        [SIXEL] = "sixelgd size %zu,%zu font 'sans,10.5' truecolor"};
    size_t high = columns == 1 ? 480 : columns == 2 ? 400 : 320;
    size_t width = columns == 1 ? 640 : 960;
    size_t height = high * rows + (p->title > 0 ? 40 : 0);
    width = p->width > 0 ? (size_t)p->width : width;
    height = p->height > 0 ? (size_t)p->height : height;
    (void)fputs("set terminal ", to);
    (void)fprintf(to, terminals[kind], width, height);
    (void)fputs(" background '#ffffff' noenhanced\n", to);
}

/* Writes the command that names the output. Its bytes are kept, because a name
 * of a file is no text: only the quote and the line end need another form. A
 * name that begins with '|' or '~' would mean something else to gnuplot, so a
 * relative name begins with "./". */
static void put_output(const char *output, FILE *to)
{
    (void)fprintf(to, "set output '%s", output[0] == '/' ? "" : "./");
    for (const char *c = output; *c != '\0'; c++) {
        const char same[] = {*c, '\0'};
        const char *other = *c == '\'' ? "''" : "'.\"\\n\".'";
        (void)fputs(*c == '\'' || *c == '\n' ? other : same, to);
    }
    (void)fputs("'\n", to);
}

/* Writes the whole script. Without an output, gnuplot writes to its standard
 * output. The first bytes of the picture's script are its title. */
static void put_script(const mlp_picture *p, target kind, const char *output,
                       FILE *to)
{
    size_t columns = columns_of(p, kind);
    size_t rows = (p->panels + columns - 1) / columns;
    if (kind == TEXT) {
        put_terminal_of_text(to, p->panels);
    } else {
        put_terminal(p, kind, columns, rows, to);
    }
    if (output) {
        put_output(output, to);
    }
    /* SVG's marks of size 1 are larger than those of the other terminals. */
    (void)fprintf(to, "as_text = %d\nmark = %s\n%s", kind == TEXT ? 1 : 0,
                  kind == SVG ? "0.6" : "1", mlpi_show_look);
    (void)fprintf(to, "set multiplot layout %zu,%zu%s", rows, columns,
                  p->title > 0 ? " title " : "");
    (void)fwrite(p->script, 1, p->used, to);
    (void)fputs("\nunset multiplot\n", to);
}

/* ---------------------------------------------------------------------------
 * The program
 */

/* gnuplot's messages begin with the line that failed and a mark below the
 * place; the last line says what is wrong:
 *
 *     plot no_function(x)
 *          ^
 *     line 79: undefined function: no_function
 *
 * Copies the last line of a file that is not blank, up to `size` - 1 bytes. */
static void last_line(FILE *file, char *line, size_t size)
{
    char next[256];
    line[0] = '\0';
    rewind(file);
    while (fgets(next, sizeof next, file)) {
        const char *text = next + strspn(next, " \t");
        if (*text != '\n' && *text != '\0') {
            (void)snprintf(line, size, "%s", text);
            line[strcspn(line, "\n")] = '\0';
        }
    }
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
 * `output`, or if that is -1, onto standard output. MLP_ERR_UNSUPPORTED: there
 * is no gnuplot; this has no message. */
static mlp_status run_gnuplot(const mlp_hooks *hooks, FILE *script,
                              FILE *errors, int output)
{
    /* With -d, gnuplot ignores the settings of its user: a picture looks the
     * same everywhere. */
    char *const command[] = {"gnuplot", "-d", NULL};
    char line[256];
    pid_t child = 0;
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return mlpi_refuse(hooks, MLP_ERR_MEMORY,
                           "a picture: no memory for a process");
    }
    /* The child shares the position in the file, which is at its end. */
    int error = lseek(fileno(script), 0, SEEK_SET) < 0 ? errno : 0;
    const int files[] = {fileno(script), output, fileno(errors)};
    for (int i = 0; i < 3 && error == 0; i++) {
        if (files[i] >= 0) {
            error = posix_spawn_file_actions_adddup2(&actions, files[i], i);
        }
    }
    if (error == 0) {
        error =
            posix_spawnp(&child, command[0], &actions, NULL, command, environ);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    int status = error == 0 ? wait_for(child) : 0;
    /* Where posix_spawnp cannot know, the child ends with 127. */
    if (error == ENOENT || error == EACCES || error == ENOTDIR ||
        (WIFEXITED(status) && WEXITSTATUS(status) == 127)) {
        return MLP_ERR_UNSUPPORTED;
    }
    if (error != 0) {
        (void)strerror_r(error, line, sizeof line);
        return mlpi_refuse(hooks, MLP_ERR_IO, "gnuplot: cannot start: %s",
                           line);
    }
    last_line(errors, line, sizeof line);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return MLP_OK;
    }
    return mlpi_refuse(hooks, MLP_ERR_IO, "gnuplot: failed: %s",
                       line[0] != '\0' ? line : "it was killed");
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
    file->name = mlpi_picture_allocate(hooks, size);
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
    mlpi_picture_release(hooks, file->name);
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
    mlpi_picture_release(file->hooks, file->name);
    return status;
}

/* Tells whether a path of this length ends so, in small or capital letters. A
 * name that consists of the end alone does not count. */
static bool ends_in(const char *path, size_t length, const char *end)
{
    size_t n = strlen(end);
    return length > n && strncasecmp(path + length - n, end, n) == 0;
}

/* Writes the script <path>.gp, or if the path ends in .gp already, with this
 * name. */
static mlp_status write_script(const mlp_picture *picture, const char *path)
{
    const mlp_hooks *hooks = &picture->hooks;
    size_t length = strlen(path);
    bool is_script = ends_in(path, length, ".gp");
    size_t base = is_script ? length - 3 : length;
    bool is_png = ends_in(path, base, ".png");
    bool is_svg = ends_in(path, base, ".svg");
    char *names = mlpi_picture_allocate(hooks, 2 * (length + 8));
    if (!names) {
        return MLP_ERR_MEMORY;
    }
    char *output = names + length + 8;
    (void)snprintf(names, length + 8, "%s%s", path, is_script ? "" : ".gp");
    (void)snprintf(output, length + 8, "%.*s%s", (int)base, path,
                   is_png || is_svg ? "" : ".svg");
    new_file file;
    mlp_status status = open_new(hooks, names, &file);
    if (status == MLP_OK) {
        put_script(picture, is_png ? PNG : SVG, output, file.stream);
        status = close_new(&file, MLP_OK);
    }
    mlpi_picture_release(hooks, names);
    return status;
}

/* A full disk does not make gnuplot fail, so the last bytes of the picture
 * tell whether it is whole. */
static mlp_status check_end(const mlp_hooks *hooks, const char *path, int fd)
{
    char tail[33] = "";
    off_t size = lseek(fd, 0, SEEK_END);
    off_t from = size > 32 ? size - 32 : 0;
    ssize_t n = pread(fd, tail, 32, from);
    for (ssize_t i = 0; i + 4 <= n; i++) {
        if (memcmp(tail + i, "/svg", 4) == 0 ||
            memcmp(tail + i, "IEND", 4) == 0) {
            return MLP_OK;
        }
    }
    return mlpi_refuse(hooks, MLP_ERR_IO,
                       "%s: the picture is not whole: is the disk full?", path);
}

/* Draws onto the file, or if that is NULL, onto standard output. */
static mlp_status draw(const mlp_picture *picture, target kind, new_file *file)
{
    const mlp_hooks *hooks = &picture->hooks;
    int output = file ? fileno(file->stream) : -1;
    FILE *script = tmpfile();
    FILE *errors = tmpfile();
    mlp_status status = MLP_OK;
    if (script && errors) {
        put_script(picture, kind, NULL, script);
    }
    if (!script || !errors || fflush(script) != 0 || ferror(script)) {
        status = io_error(hooks, "gnuplot", "write a temporary file");
    } else {
        (void)fflush(stdout);
        status = run_gnuplot(hooks, script, errors, output);
    }
    if (status == MLP_OK && file) {
        status = check_end(hooks, file->path, output);
    }
    if (script) {
        (void)fclose(script);
    }
    if (errors) {
        (void)fclose(errors);
    }
    return status;
}

/* ---------------------------------------------------------------------------
 * Writing
 */

/* Tells what terminal standard output is. No program can see that from TERM for
 * certain; these names are of terminals that always show sixels. */
static target kind_of_terminal(void)
{
    static const char *const known[] = {"foot", "mlterm", "contour", "yaft",
                                        "sixel"};
    const char *term = getenv("TERM");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (term && isatty(STDOUT_FILENO) && strstr(term, known[i])) {
            return SIXEL;
        }
    }
    return TEXT;
}

/* A terminal has no name beside which a script could stay. */
static mlp_status draw_on_terminal(const mlp_picture *picture)
{
    mlp_status status = draw(picture, kind_of_terminal(), NULL);
    return status != MLP_ERR_UNSUPPORTED
               ? status
               : mlpi_refuse(&picture->hooks, status,
                             "a picture: there is no program gnuplot (install "
                             "it, or write to a path that ends in .gp)");
}

/* Whatever fails, the new file is removed, and an old one stays as it was.
 * Without gnuplot the script takes the place of the picture, so that another
 * machine can draw it. */
static mlp_status draw_file(const mlp_picture *picture, const char *path,
                            target kind)
{
    const mlp_hooks *hooks = &picture->hooks;
    new_file file;
    TRY(open_new(hooks, path, &file));
    mlp_status status = close_new(&file, draw(picture, kind, &file));
    if (status != MLP_ERR_UNSUPPORTED) {
        return status;
    }
    TRY(write_script(picture, path));
    return mlpi_refuse(hooks, status,
                       "%s: there is no program gnuplot; install it, and "
                       "\"gnuplot %s.gp\" draws the picture",
                       path, path);
}

/* The end of the path alone decides, not what lies there already. */
mlp_status mlp_picture_write(const mlp_picture *picture, const char *path)
{
    if (!picture) {
        return MLP_ERR_NULL;
    }
    const mlp_hooks *hooks = &picture->hooks;
    size_t length = path ? strlen(path) : 0;
    if (picture->panels == 0) {
        return mlpi_refuse(hooks, MLP_ERR_ORDER,
                           "a picture: expects a panel before it is written");
    }
    if (!path) {
        return draw_on_terminal(picture);
    }
    if (ends_in(path, length, ".gp")) {
        return write_script(picture, path);
    }
    if (ends_in(path, length, ".svg") || ends_in(path, length, ".png")) {
        return draw_file(picture, path,
                         ends_in(path, length, ".svg") ? SVG : PNG);
    }
    return mlpi_refuse(hooks, MLP_ERR_ARGUMENT,
                       "%s: expects the end .svg, .png or .gp", path);
}
