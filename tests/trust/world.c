/* SPDX-License-Identifier: MIT */
/*
 * The objects of a world and the hash of what can be observed of them. A world
 * is made the same way each time, so that two of them differ only by what was
 * called since.
 */
#include "trust/faults.h"

#include <dirent.h>
#include <sys/stat.h>

char mlp_fault_untouched[1];

/* Outputs hold these bytes until a call writes them. */
enum { PATTERN = 0xa5 };

/* ---------------------------------------------------------------------------
 * Hashes
 */

void mlp_fault_note_bytes(uint64_t *hash, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < n; i++) {
        *hash = (*hash ^ b[i]) * 0x100000001b3;
    }
}

void mlp_fault_note_text(uint64_t *hash, const char *text)
{
    mlp_fault_note_bytes(hash, text ? text : "", text ? strlen(text) + 1 : 0);
}

void mlp_fault_note_net(uint64_t *hash, const mlp_net *net)
{
    size_t n = mlp_net_save_size(net);
    void *bytes = malloc(n + 1);
    assert_non_null(bytes);
    assert_int_equal(mlp_net_save_memory(net, bytes, n), MLP_OK);
    mlp_fault_note_bytes(hash, bytes, n);
    free(bytes);
}

static void note_trainer(uint64_t *hash, const mlp_trainer *trainer)
{
    size_t n = mlp_trainer_save_size(trainer);
    void *bytes = malloc(n + 1);
    assert_non_null(bytes);
    assert_int_equal(mlp_trainer_save_memory(trainer, bytes, n), MLP_OK);
    mlp_fault_note_bytes(hash, bytes, n);
    free(bytes);
}

/* Seconds differ from run to run. */
static void note_history(uint64_t *hash, const mlp_history *history)
{
    size_t n = mlp_history_epochs(history) * sizeof(double);
    size_t best = mlp_history_best_epoch(history);
    mlp_fault_note_bytes(hash, mlp_history_losses(history), n);
    mlp_fault_note_bytes(hash, mlp_history_validation_losses(history), n);
    mlp_fault_note_bytes(hash, mlp_history_validation_accuracies(history), n);
    mlp_fault_note_bytes(hash, mlp_history_rates(history), n);
    mlp_fault_note_bytes(hash, &best, sizeof best);
}

/* A made object adds nothing while it is not there. */
static void note_made(uint64_t *hash, const world *w)
{
    bool is_made[] = {w->made.net != UNTOUCHED, w->made.trainer != UNTOUCHED,
                      w->made.workspace != UNTOUCHED,
                      w->made.history != UNTOUCHED, w->made.more != UNTOUCHED};
    mlp_fault_note_bytes(hash, is_made, sizeof is_made);
    if (is_made[0]) {
        mlp_fault_note_net(hash, w->made.net);
    }
    if (is_made[1]) {
        note_trainer(hash, w->made.trainer);
    }
    if (is_made[3]) {
        note_history(hash, w->made.history);
    }
}

/* ---------------------------------------------------------------------------
 * Files
 */

void mlp_fault_put_file(const char *name, const void *bytes, size_t n)
{
    FILE *stream = fopen(name, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, n, stream), n);
    assert_int_equal(fclose(stream), 0);
}

/* Reads a file into a new block. */
static unsigned char *content_of(const char *name, size_t *n)
{
    struct stat info;
    assert_int_equal(stat(name, &info), 0);
    *n = (size_t)info.st_size;
    unsigned char *bytes = malloc(*n + 1);
    FILE *stream = fopen(name, "rb");
    assert_true(bytes && stream && fread(bytes, 1, *n, stream) == *n);
    (void)fclose(stream);
    return bytes;
}

void mlp_fault_take_file(world *w, const char *name)
{
    free(w->bytes);
    w->bytes = content_of(name, &w->size);
}

/* Calls a function for each file of the current folder. The order of the files
 * is that of the folder. */
static void each_file(void (*does)(const char *name, void *context),
                      void *context)
{
    DIR *folder = opendir(".");
    assert_non_null(folder);
    for (struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        if (e->d_name[0] != '.') {
            does(e->d_name, context);
        }
    }
    (void)closedir(folder);
}

static void remove_one(const char *name, void *context)
{
    (void)context;
    assert_int_equal(unlink(name), 0);
}

void mlp_fault_empty_folder(void)
{
    each_file(remove_one, NULL);
}

typedef struct folder_hash {
    uint64_t sum; /* of the files' hashes, whatever their order */
    bool without_beside;
} folder_hash;

static void note_file(const char *name, void *context)
{
    folder_hash *folder = context;
    if (folder->without_beside &&
        (strstr(name, ".tmp.") || strstr(name, ".old."))) {
        return;
    }
    size_t n = 0;
    unsigned char *bytes = content_of(name, &n);
    uint64_t hash = 0xcbf29ce484222325;
    mlp_fault_note_text(&hash, name);
    mlp_fault_note_bytes(&hash, bytes, n);
    folder->sum += hash;
    free(bytes);
}

uint64_t mlp_fault_world_hash(const world *w, const fault_suite *suite,
                              bool without_beside)
{
    uint64_t hash = 0xcbf29ce484222325;
    mlp_fault_note_net(&hash, w->net);
    mlp_fault_note_net(&hash, w->plain);
    note_trainer(&hash, w->trainer);
    mlp_fault_note_bytes(&hash, &w->out, sizeof w->out);
    note_made(&hash, w);
    if (suite->note) {
        suite->note(&hash, w);
    }
    if (w->made.more != UNTOUCHED) {
        suite->note_made(&hash, w);
    }
    folder_hash folder = {0, without_beside};
    each_file(note_file, &folder);
    mlp_fault_note_bytes(&hash, &folder.sum, sizeof folder.sum);
    return hash;
}

/* ---------------------------------------------------------------------------
 * Objects
 */

static void world_log(mlp_status status, const char *message, void *user)
{
    world *w = user;
    if (status != MLP_OK) { /* no hint */
        w->messages++;
        w->told = status;
        (void)snprintf(w->message, sizeof w->message, "%s", message);
    }
}

static mlp_net *make_net(const world *w)
{
    static const mlp_layer layers[] = {{.width = 7,
                                        .activation = MLP_ACT_TANH,
                                        .dropout = 0.25,
                                        .batch_norm = true},
                                       {.width = 5},
                                       {.width = OUTPUTS}};
    static const char *const names[] = {"red", "green", "blue"};
    mlp_config config = mlp_config_defaults();
    config.inputs = INPUTS;
    config.layers = layers;
    config.n_layers = COUNT(layers);
    config.loss = MLP_LOSS_CCE;
    config.precision = w->precision;
    config.hooks = w->hooks;
    mlp_net *net = net_of(&config);
    assert_int_equal(mlp_net_standardise(net, ro(w->X)), MLP_OK);
    assert_int_equal(mlp_net_set_class_names(net, names, OUTPUTS), MLP_OK);
    assert_int_equal(mlp_net_set_metadata(net, "key", "value"), MLP_OK);
    return net;
}

static mlp_net *make_plain(const world *w)
{
    static const mlp_layer layers[] = {{.width = 6, .activation = MLP_ACT_GELU},
                                       {.width = 1}};
    mlp_config config = mlp_config_defaults();
    config.inputs = INPUTS;
    config.layers = layers;
    config.n_layers = COUNT(layers);
    config.precision = w->precision;
    config.hooks = w->hooks;
    return net_of(&config);
}

static void make_trainer(world *w)
{
    mlp_optimizer adam = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
    double loss = 0;
    assert_int_equal(mlp_trainer_create(w->net, ROWS, &w->trainer), MLP_OK);
    assert_int_equal(mlp_trainer_set_optimizer(w->trainer, &adam), MLP_OK);
    assert_int_equal(
        mlp_trainer_step(w->trainer, ro(w->X), ro(w->Y), 0.01, &loss), MLP_OK);
    assert_int_equal(mlp_trainer_forward(w->trainer, ro(w->X)), MLP_OK);
    assert_int_equal(mlp_trainer_backward(w->trainer, ro(w->Y)), MLP_OK);
}

static void reset_made(world *w)
{
    w->made.net = UNTOUCHED;
    w->made.trainer = UNTOUCHED;
    w->made.workspace = UNTOUCHED;
    w->made.history = UNTOUCHED;
    w->made.more = UNTOUCHED;
}

void mlp_fault_world_make(world *w, const fault_suite *suite,
                          mlp_dtype precision, bool has_old)
{
    memset(w, 0, sizeof *w); /* it holds no pointer that matters yet */
    w->precision = precision;
    w->has_old = has_old;
    w->hooks = (mlp_hooks){mlp_fault_allocate, mlp_fault_release, world_log, w};
    w->X = random_matrix(precision, ROWS, INPUTS, -1, 1);
    w->Y = new_matrix(precision, ROWS, OUTPUTS, NULL);
    for (size_t i = 0; i < ROWS; i++) {
        w->labels[i] = (int32_t)(i * i % OUTPUTS);
        put(w->Y, i, (size_t)w->labels[i], 1);
    }
    w->net = make_net(w);
    w->plain = make_plain(w);
    make_trainer(w);
    assert_int_equal(mlp_workspace_create(w->net, &w->workspace), MLP_OK);
    if (suite->make) {
        suite->make(w);
    }
    reset_made(w);
    memset(&w->out, PATTERN, sizeof w->out);
}

void mlp_fault_world_forget(world *w, const fault_suite *suite)
{
    if (w->made.more != UNTOUCHED) {
        suite->free_made(w);
    }
    if (w->made.workspace != UNTOUCHED) {
        mlp_workspace_free(w->made.workspace);
    }
    if (w->made.trainer != UNTOUCHED) {
        mlp_trainer_free(w->made.trainer);
    }
    if (w->made.history != UNTOUCHED) {
        mlp_history_free(w->made.history);
    }
    if (w->made.net != UNTOUCHED) {
        mlp_net_free(w->made.net);
    }
    reset_made(w);
}

void mlp_fault_world_end(world *w, const fault_suite *suite)
{
    mlp_fault_world_forget(w, suite);
    if (suite->end) {
        suite->end(w);
    }
    if (w->stream) {
        (void)fclose(w->stream);
    }
    mlp_history_free(w->history);
    mlp_workspace_free(w->workspace);
    mlp_trainer_free(w->trainer);
    mlp_net_free(w->net);
    mlp_net_free(w->plain);
    free(w->X.data);
    free(w->Y.data);
    free(w->bytes);
    mlp_fault_empty_folder();
}

mlp_view mlp_fault_out_view(world *w, size_t rows, size_t cols)
{
    return w->precision == MLP_F32 ? mlp_view_f32(w->out.floats, rows, cols)
                                   : mlp_view_f64(w->out.numbers, rows, cols);
}
