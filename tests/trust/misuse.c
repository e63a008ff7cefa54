/* SPDX-License-Identifier: MIT */
/*
 * The worlds of misuse.h, and the program that makes all calls and checks each.
 * It prints what is wrong, and at the end how many calls there were.
 */
#ifndef _DEFAULT_SOURCE
/* This declares dup and mkdir.
 * NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _DEFAULT_SOURCE
#endif

#include "trust/misuse.h"
#include "trust/misuse_state.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* More is refused, as on a small machine. */
static const size_t most_bytes = (size_t)1 << 26;

saved model, checkpoint, tensors, fann, genann, onnx, csv;
static saved checkpoints[2]; /* of networks of each precision */
char out_path[256], script_path[256], code_path[256];
char long_text[TEXT + 1];

static world *now;    /* the world of the call; a bad case may be a NULL user */
static FILE *console; /* standard output as it was at the start */
static int console_descriptor;
static int printed;    /* a file that got its place, and standard error's */
static size_t n_wrong; /* findings */
mlp_net *paper;

void need(bool good, const char *what)
{
    if (!good) {
        (void)fprintf(console, "FAILED: the test cannot make %s\n", what);
        exit(1);
    }
}

void need_ok(mlp_status status, const char *what)
{
    need(status == MLP_OK, what);
}

/* ---------------------------------------------------------------------------
 * The caller's functions
 */

static void *allocate(size_t bytes, void *user)
{
    void *block = bytes <= most_bytes ? malloc(bytes) : NULL;
    (void)user;
    now->live += block != NULL;
    return block;
}

static void release(void *block, void *user)
{
    (void)user;
    now->live--;
    free(block);
}

/* Hints are no failures. Ranks that fail together hear of the first of them,
 * too; here each has told its own failure before. */
static void hear(mlp_status status, const char *message, void *user)
{
    (void)user;
    bool is_of_rank =
        message && strstr(message, " has failed, which ends the ");
    if (status != MLP_OK && !is_of_rank) {
        now->messages++;
        now->told = status;
        if (!message || strchr(message, '\n')) {
            now->messages += 100;
        }
    }
}

/* A fit of very many epochs must end. */
static bool stop_soon(const mlp_epoch_progress *progress, void *user)
{
    (void)user;
    return progress->epoch < 4;
}

/* Every epoch has one chunk. */
mlp_status some_rows(size_t epoch, size_t number, mlp_chunk *chunk, void *user)
{
    (void)epoch;
    (void)user;
    if (number == 0) {
        chunk->X = in(now, &now->X, 4, 2);
        chunk->Y = in(now, &now->Y, 4, 2);
    }
    return MLP_OK;
}

mlp_cview in(const world *w, const numbers *n, size_t rows, size_t cols)
{
    return w->precision == MLP_F32 ? mlp_cview_f32(n->narrow, rows, cols)
                                   : mlp_cview_f64(n->wide, rows, cols);
}

mlp_view out(world *w, size_t rows, size_t cols)
{
    return (mlp_view){w->precision, rows, cols, cols, 1, w->out.A};
}

mlp_dtype other(const world *w)
{
    return w->precision == MLP_F32 ? MLP_F64 : MLP_F32;
}

/* The view is dense; the last of its numbers is replaced. */
const void *with_number(world *w, mlp_cview view, double number)
{
    size_t n = view.rows * view.cols;
    if (n == 0 || n > SPARE || view.dtype == MLP_I32) {
        return view.data;
    }
    size_t size = view.dtype == MLP_F32 ? sizeof(float) : sizeof(double);
    memcpy(w->bad, view.data, n * size);
    mlp_view copy = {view.dtype, 1, n, n, 1, w->bad};
    (void)mlp_view_set(copy, 0, n - 1, number);
    return w->bad;
}

/* ---------------------------------------------------------------------------
 * A world
 */

static void fill_numbers(world *w)
{
    for (size_t i = 0; i < SPARE; i++) {
        w->X.wide[i] = (double)(i * 7 % 5) / 4;
        w->Y.wide[i] = (double)((i / 2 + i) % 2);
        w->weights.wide[i] = 1 + (double)(i % 3);
        w->labels[i] = (int32_t)(i % 2);
        w->order[i] = i % ROWS;
    }
    numbers *all[] = {&w->X, &w->Y, &w->weights};
    for (size_t i = 0; i < 3 * SPARE; i++) {
        numbers *n = all[i / SPARE];
        n->narrow[i % SPARE] = (float)n->wide[i % SPARE];
    }
    w->means[0] = 0.5;
    w->means[1] = 0.25;
    w->stds[0] = w->stds[1] = 2;
    w->names[0] = w->modules[0] = "a";
    w->names[1] = "b";
    w->modules[0] = "layers.0";
    w->modules[1] = "layers.1";
}

static void make_options(world *w)
{
    w->optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
    w->schedule = mlp_schedule_defaults(MLP_SCHEDULE_PLATEAU);
    w->plain_options = mlp_train_defaults();
    w->plain_options.epochs = 3;
    w->plain_options.batch_size = 4;
    w->plain_options.threads = 1;
    w->plain_options.optimizer = w->optimizer;
    w->plain_options.schedule = w->schedule;
    w->plain_options.on_epoch = stop_soon;
    w->stream_options = w->plain_options;
    w->stream_options.class_weights = w->weights.wide;
    w->stream_options.X_validation = in(w, &w->X, 4, 2);
    w->stream_options.Y_validation = in(w, &w->Y, 4, 2);
    w->options = w->stream_options;
    w->options.row_weights = in(w, &w->weights, ROWS, 1);
    w->plain_options.validation_fraction = 0.5;
    w->split = mlp_split_defaults();
    w->split.hooks = w->hooks;
    w->split.folds = 3;
    w->export = mlp_export_defaults();
    w->export.prefix = "p";
    w->export.header_text = w->export.code_text = "/* none */\n";
    w->export.int8 = true;
    w->export.X = in(w, &w->X, ROWS, 2);
    w->export.Y = in(w, &w->Y, ROWS, 2);
    w->export.max_score_drop = 1;
}

static void make_net(world *w, size_t n, mlp_loss loss, mlp_net **net)
{
    w->layers[0] = (mlp_layer){.width = 3, .activation = MLP_ACT_ELU};
    w->layers[1] = (mlp_layer){.width = n};
    w->config = mlp_config_defaults();
    w->config.inputs = 2;
    w->config.layers = w->layers;
    w->config.n_layers = 2;
    w->config.loss = loss;
    w->config.precision = w->precision;
    w->config.hooks = w->hooks;
    need_ok(mlp_net_create(&w->config, net), "a network");
}

/* The networks are trained, so that they have scaling. */
static void make_objects(world *w)
{
    mlp_cview X = in(w, &w->X, ROWS, 2);
    mlp_cview Y = in(w, &w->Y, ROWS, 2);
    make_net(w, 1, MLP_LOSS_MSE, &w->line);
    make_net(w, 2, MLP_LOSS_CCE, &w->net);
    need_ok(mlp_net_standardise(w->net, X), "scaling");
    need_ok(mlp_net_set_class_names(w->net, w->names, 2), "names");
    need_ok(mlp_net_set_metadata(w->net, "key", "value"), "metadata");
    need_ok(mlp_net_clone(w->net, &w->other_net), "a copy");
    need_ok(mlp_workspace_create(w->net, &w->workspace), "a workspace");
    need_ok(mlp_workspace_create(w->net, &w->other_workspace), "a workspace");
    need_ok(mlp_trainer_create(w->net, ROWS, &w->trainer), "a trainer");
    need_ok(mlp_trainer_create(w->net, ROWS, &w->other_trainer), "a trainer");
    need_ok(mlp_trainer_fit(w->trainer, X, Y, &w->plain_options, &w->history),
            "a fit");
    need_ok(
        mlp_trainer_fit(w->trainer, X, Y, &w->plain_options, &w->other_history),
        "a fit");
    need_ok(mlp_trainer_set_optimizer(w->trainer, &w->optimizer), "adam");
    need_ok(mlp_trainer_forward(w->trainer, X), "a forward");
    need_ok(mlp_trainer_backward(w->trainer, Y), "a backward");
    w->progress =
        (mlp_epoch_progress){.epochs = 3, .net = w->net, .trainer = w->trainer};
}

static void make_others(world *w)
{
    (void)w;
#ifdef MISUSE_DATA
    w->data_options = mlp_data_defaults();
    w->data_options.categories = w->names + 2;
    w->data_options.n_categories = 1;
    w->data_options.ignored = w->names + 3;
    w->data_options.n_ignored = 1;
    w->data_options.keep_text = true;
    w->names[2] = "kind";
    w->names[3] = "row";
    w->points = (mlp_data_points){MLP_DATA_MOONS, ROWS, 0.1, 1};
    mlp_data **tables[] = {&w->data, &w->other_data};
    mlp_data_recipe **recipes[] = {&w->recipe, &w->other_recipe};
    for (size_t i = 0; i < 2; i++) {
        need_ok(mlp_data_load_memory(csv.bytes, csv.size, "csv",
                                     &w->data_options, &w->hooks, tables[i]),
                "a table");
        need_ok(mlp_data_recipe_make(*tables[i], "kind", NULL, 0, recipes[i]),
                "a recipe");
    }
    need_ok(mlp_data_recipe_save(w->recipe, w->net), "metadata of a recipe");
#endif
#ifdef MISUSE_FOREIGN
    w->foreign = mlp_foreign_defaults();
    w->foreign.hooks = w->hooks;
#endif
#ifdef MISUSE_MPI
    w->mpi = mlp_mpi_defaults();
    w->mpi.parts = 2;
#endif
#ifdef MISUSE_ONNX
    w->onnx = mlp_onnx_defaults();
#endif
#ifdef MISUSE_SHOW
    w->picture_options = mlp_picture_defaults();
    w->picture_options.hooks = w->hooks;
    need_ok(mlp_picture_create(&w->picture_options, &w->picture), "a picture");
    need_ok(mlp_picture_create(&w->picture_options, &w->other_picture),
            "a picture");
    w->axes = (mlp_axes){.title = "t", .x = "x", .y = "y", .y_max = 1};
    w->curve =
        (mlp_curve){.name = "c", .x = w->X.wide, .y = w->Y.wide, .n = ROWS};
    need_ok(mlp_picture_curves(w->picture, &w->axes, &w->curve, 1), "a panel");
    w->line_of_progress = mlp_show_progress_on(w->to);
#endif
}

static void world_begin(world *w, mlp_dtype precision, FILE *to)
{
    memset(w, 0, sizeof *w);
    now = w;
    w->precision = precision;
    checkpoint = checkpoints[precision];
    w->hooks = (mlp_hooks){
        .allocate = allocate, .release = release, .log = hear, .user = w};
    w->rng = mlp_rng_seeded(1);
    w->to = to;
    fill_numbers(w);
    make_options(w);
    make_objects(w);
    make_others(w);
    memset(&w->out, PATTERN, sizeof w->out);
    w->messages = 0;
    w->written = ftell(to);
}

/* True if a call has put an object there. */
static bool is_made(const void *object)
{
    unsigned char pattern[sizeof object];
    memset(pattern, PATTERN, sizeof pattern);
    return memcmp(&object, pattern, sizeof pattern) != 0;
}

/* Frees an object of the outputs, if there is one. */
#define FREE_MADE(object, free_it)                                             \
    do {                                                                       \
        if (is_made(object)) {                                                 \
            free_it(object);                                                   \
        }                                                                      \
    } while (0)

static void world_end(world *w)
{
    FREE_MADE(w->out.trainer, mlp_trainer_free);
    FREE_MADE(w->out.workspace, mlp_workspace_free);
    FREE_MADE(w->out.history, mlp_history_free);
    FREE_MADE(w->out.net, mlp_net_free);
    mlp_history_free(w->history);
    mlp_history_free(w->other_history);
    mlp_trainer_free(w->trainer);
    mlp_trainer_free(w->other_trainer);
    mlp_workspace_free(w->workspace);
    mlp_workspace_free(w->other_workspace);
#ifdef MISUSE_DATA
    FREE_MADE(w->out.data, mlp_data_free);
    FREE_MADE(w->out.recipe, mlp_data_recipe_free);
    mlp_data_recipe_free(w->recipe);
    mlp_data_recipe_free(w->other_recipe);
    mlp_data_free(w->data);
    mlp_data_free(w->other_data);
#endif
#ifdef MISUSE_SHOW
    FREE_MADE(w->out.picture, mlp_picture_free);
    mlp_picture_free(w->picture);
    mlp_picture_free(w->other_picture);
#endif
    mlp_net_free(w->other_net);
    mlp_net_free(w->line);
    mlp_net_free(w->net);
}

/* ---------------------------------------------------------------------------
 * The files that calls read
 */

static void read_saved(saved *s, const char *path)
{
    (void)snprintf(s->path, sizeof s->path, "%s", path);
    FILE *file = fopen(path, "rb");
    need(file != NULL, path);
    s->size = fread(s->bytes, 1, sizeof s->bytes, file);
    (void)fclose(file);
}

/* The bytes are the checkpoint alone. */
static void make_checkpoint(const char *path, mlp_dtype p, saved *s)
{
    static world w;
    world_begin(&w, p, console);
    need_ok(mlp_trainer_save(w.trainer, path), "a checkpoint");
    read_saved(s, path);
    s->size = mlp_trainer_save_size(w.trainer);
    need_ok(mlp_trainer_save_memory(w.trainer, s->bytes, s->size),
            "a checkpoint");
    world_end(&w);
}

/* Writes the files into the folder that the program runs in. */
static void make_files(void)
{
    static world w;
    static const char table[] = "row,x,y,kind\n1,0,1,a\n2,1,0,b\n3,1,1,a\n"
                                "4,0,,b\n5,1,2,a\n6,3,1,b\n";
    csv.size = sizeof table - 1;
    memcpy(csv.bytes, table, csv.size);
    (void)snprintf(csv.path, sizeof csv.path, "in.csv");
    FILE *file = fopen(csv.path, "wb");
    need(file && fwrite(table, 1, csv.size, file) == csv.size, "in.csv");
    (void)fclose(file);

    world_begin(&w, MLP_F64, console);
    need_ok(mlp_net_save(w.net, "in.mlp"), "in.mlp");
    read_saved(&model, "in.mlp");
    /* A file for importing has weights alone. */
    make_net(&w, 2, MLP_LOSS_CCE, &w.out.net);
    need_ok(mlp_net_save(w.out.net, "in.safetensors"), "in.safetensors");
    read_saved(&tensors, "in.safetensors");
#ifdef MISUSE_ONNX
    need_ok(mlp_onnx_save(w.net, "in.onnx"), "in.onnx");
    read_saved(&onnx, "in.onnx");
#endif
    world_end(&w);
    w.hooks = (mlp_hooks){0};
    make_net(&w, 2, MLP_LOSS_CCE, &paper);
    make_checkpoint("in.f32", MLP_F32, &checkpoints[MLP_F32]);
    make_checkpoint("in.f64", MLP_F64, &checkpoints[MLP_F64]);
    read_saved(&fann, MLP_TEST_VECTORS "/fann_xor.net");
    read_saved(&genann, MLP_TEST_VECTORS "/genann_tanh.ann");
    (void)snprintf(out_path, sizeof out_path, "out.mlp");
    (void)snprintf(script_path, sizeof script_path, "out.gp");
    (void)snprintf(code_path, sizeof code_path, "out.c");
    memset(long_text, 'a', TEXT);
}

/* ---------------------------------------------------------------------------
 * A call and its checks
 */

static struct {
    mlp_status status;
    bool is_harmless;
    bool is_clean; /* all that was lent is as before */
} result;

void returned_status(mlp_status status)
{
    result.status = status;
    result.is_clean = loans_are_same();
}

void returned_value(bool is_harmless)
{
    result.is_harmless = is_harmless;
    result.is_clean = loans_are_same();
}

/* The call that is being made, for the message of a crash. */
static const char *in_function = "no function", *in_case = "";

/* Only `write` may be called here. The signal then comes again, and ends the
 * program. */
static void crashed(int number)
{
    const char *parts[] = {"FAILED: a crash in ", in_function, ", ", in_case,
                           "\n"};
    (void)signal(number, SIG_DFL);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (write(console_descriptor, parts[i], strlen(parts[i])) < 0) {
            return;
        }
    }
}

static void wrong(const function *f, const misuse *m, const char *what)
{
    n_wrong++;
    (void)fprintf(console, "FAILED: %s, %s: %s (status %d)\n", f->name, m->text,
                  what, (int)result.status);
    (void)fflush(console);
}

/* A function without a status has only values to promise. */
static void check_outcome(const function *f, const misuse *m)
{
    bool failed = result.status != MLP_OK;
    if (!(f->flags & HAS_STATUS)) {
        if (m->outcome == FAILS && !result.is_harmless) {
            wrong(f, m, "another value than the header names");
        }
        if (m->outcome == PASSES && (f->flags & HAS_VALUE) &&
            result.is_harmless) {
            wrong(f, m, "the value of a NULL");
        }
        return;
    }
    if (strcmp(mlp_status_text(result.status), "unknown status") == 0) {
        wrong(f, m, "a status that is none");
    }
    if (m->outcome != MAY_FAIL && failed != (m->outcome == FAILS)) {
        wrong(f, m, failed ? "a failure" : "success");
    }
}

/* One message tells a failure. Nothing can tell it if the argument with the
 * hooks is NULL, or the hooks are. */
static void check_messages(const function *f, const misuse *m, const world *w)
{
    bool failed = result.status != MLP_OK;
    size_t n = strlen(f->speaker);
    bool is_mute = n == 0 ||
                   (strncmp(m->text, f->speaker, n) == 0 &&
                    strcmp(m->text + n, " = NULL") == 0) ||
                   strstr(m->text, "hooks") || strstr(m->text, "log = NULL");
    size_t expected = failed ? 1 : 0;
    if (w->messages > expected || (!is_mute && w->messages != expected)) {
        wrong(f, m, w->messages ? "too many messages" : "no message");
    }
    if (w->messages == 1 && w->told != result.status) {
        wrong(f, m, "a message with another status");
    }
}

/* True if a result is not written, or its reserved words are 0. */
static bool is_settled(const void *object, size_t size, const uint64_t words[4])
{
    static unsigned char pattern[sizeof(outputs)];
    memset(pattern, PATTERN, size);
    return memcmp(pattern, object, size) == 0 ||
           (words[0] | words[1] | words[2] | words[3]) == 0;
}

#define IS_SETTLED(object)                                                     \
    is_settled(&(object), sizeof(object), (object).reserved)

static void check_results(const function *f, const misuse *m, const outputs *o)
{
    if (!IS_SETTLED(o->scores) || !IS_SETTLED(o->layer) ||
        !IS_SETTLED(o->check)) {
        wrong(f, m, "a reserved word of a result is not 0");
    }
}

/* After MLP_ERR_DIVERGED a network has the weights of the epoch before. */
static void check_objects(const function *f, const misuse *m, const world *w,
                          const snapshot before)
{
    static snapshot after;
    bool failed = result.status != MLP_OK;
    take_snapshot(w, after);
    for (size_t i = 0; i < N_ACCOUNTS; i++) {
        bool may = !failed && (f->flags & may_change[i].flag);
        bool has_diverged =
            result.status == MLP_ERR_DIVERGED && may_change[i].flag == CHANGES;
        if (!may && !has_diverged &&
            memcmp(&before[i], &after[i], sizeof after[i]) != 0) {
            wrong(f, m, may_change[i].changed);
        }
    }
    if (!result.is_clean) {
        wrong(f, m, "something that is only read is changed");
    }
}

static void check_effects(const function *f, const misuse *m, const world *w)
{
    static unsigned char pattern[sizeof(outputs)];
    const unsigned char *out = (const unsigned char *)&w->out;
    bool failed = result.status != MLP_OK;
    /* A function without a status tells by its value that it did nothing. */
    bool did_nothing = failed || ((f->flags & HAS_VALUE) &&
                                  m->outcome == FAILS && result.is_harmless);
    memset(pattern, PATTERN, sizeof pattern);
    if (did_nothing && !(f->flags & REPORTS) &&
        memcmp(pattern, out, sizeof pattern) != 0) {
        wrong(f, m, "an output is written");
    }
    if (lseek(printed, 0, SEEK_END) != 0) {
        wrong(f, m, "it prints");
        need(ftruncate(printed, 0) == 0, "an empty file");
    }
    (void)fflush(w->to);
    if (ftell(w->to) != w->written && (failed || !(f->flags & PRINTS)) &&
        result.status != MLP_ERR_IO) {
        wrong(f, m, "it writes to the stream");
    }
}

static void make_call(const function *f, size_t n, mlp_dtype precision,
                      FILE *to)
{
    static world w;
    static snapshot before;
    world_begin(&w, precision, to);
    take_first_snapshot(&w, before);
    result.status = MLP_OK;
    result.is_harmless = result.is_clean = false;
    in_function = f->name;
    in_case = f->cases[n].text;
    f->call(&w, n);
    check_messages(f, &f->cases[n], &w);
    check_outcome(f, &f->cases[n]);
    check_objects(f, &f->cases[n], &w, before);
    check_effects(f, &f->cases[n], &w);
    check_results(f, &f->cases[n], &w.out);
    world_end(&w);
    if (w.live != 0) {
        wrong(f, &f->cases[n], "memory is leaked");
    }
}

/* Standard output and standard error become one file, which must stay empty. */
static void watch_printing(void)
{
    console_descriptor = dup(STDOUT_FILENO);
    console = fdopen(console_descriptor, "w");
    FILE *file = tmpfile();
    need(console && file, "a temporary file");
    printed = fileno(file);
    (void)fflush(stdout);
    need(dup2(printed, STDOUT_FILENO) >= 0 && dup2(printed, STDERR_FILENO) >= 0,
         "a file of what is printed");
}

/* MPI may be used only by the process that initializes it, and may print
 * warnings of its own. All ranks make the same calls, in folders of their
 * own. */
static void begin_mpi(void)
{
#ifdef MISUSE_MPI
    int rank = 0;
    char folder[16];
    need(MPI_Init(NULL, NULL) == MPI_SUCCESS, "MPI ready");
    (void)MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    (void)snprintf(folder, sizeof folder, "%d", rank);
    (void)mkdir(folder, 0777);
    need(chdir(folder) == 0, "the folder of a rank");
    need(ftruncate(printed, 0) == 0, "an empty file");
#endif
}

static void end_mpi(void)
{
#ifdef MISUSE_MPI
    (void)MPI_Finalize();
#endif
}

/* Makes all calls, or those of one function. */
static void make_calls(const char *only)
{
    size_t calls = 0, made = 0;
    FILE *to = tmpfile();
    need(to != NULL, "a temporary file");
    make_files();
    for (size_t i = 0; i < n_functions; i++) {
        const function *f = &functions[i];
        if (only && strcmp(only, f->name) != 0) {
            continue;
        }
        made++;
        if (f->n_cases == 0) {
            n_wrong++;
            (void)fprintf(console,
                          "FAILED: misuse_table.py has no valid arguments for "
                          "%s\n",
                          f->name);
        }
        for (size_t n = 0; n < 2 * f->n_cases; n++) {
            make_call(f, n / 2, n % 2 ? MLP_F32 : MLP_F64, to);
            calls++;
        }
    }
    (void)fprintf(console, "misuse: %zu functions, %zu calls\n", made, calls);
    mlp_net_free(paper);
    (void)fclose(to);
}

/* Shows what was printed, which after a failure may be a sanitizer's report. */
static void show_printed(void)
{
    char text[4096];
    (void)lseek(printed, 0, SEEK_SET);
    for (ssize_t n = read(printed, text, sizeof text); n > 0;
         n = read(printed, text, sizeof text)) {
        (void)fwrite(text, 1, (size_t)n, console);
    }
}

/* misuse FOLDER [FUNCTION]. A child makes the calls, so that its end can be
 * reported, whatever it is. */
int main(int argc, char **argv)
{
    int ended = 0;
    console = stdout;
    need(argc > 1, "a folder: misuse FOLDER [FUNCTION]");
    (void)mkdir(argv[1], 0777);
    need(chdir(argv[1]) == 0, "the folder");
    watch_printing();
    pid_t child = fork();
    need(child >= 0, "a process");
    if (child == 0) {
        (void)signal(SIGSEGV, crashed);
        (void)signal(SIGFPE, crashed);
        begin_mpi();
        make_calls(argv[2]);
        end_mpi();
        return n_wrong > 0;
    }
    need(waitpid(child, &ended, 0) == child, "an end");
    if (ended != 0) {
        show_printed();
    }
    return ended != 0;
}
