/* SPDX-License-Identifier: MIT */
/* The objects and arguments of api.h, and the promises after each call. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier): mkdtemp needs it */
#define _POSIX_C_SOURCE 200809L
#include "fuzz/api.h"

#include <stdio.h>
#include <unistd.h>

enum { PATTERN = 0xa5 };

/* ---------------------------------------------------------------------------
 * Objects
 */

static unsigned char *save(const api_object *o, size_t *size)
{
    enum { MOST_TOLD = 16384 };
    if (o->net) {
        return fuzz_saved(o->net, size);
    }
    if (o->other) {
        fuzz_file f = {fuzz_zeros(MOST_TOLD, 1), 0, MOST_TOLD};
        o->kind->tell(o->other, &f);
        *size = f.size;
        return f.bytes;
    }
    *size = mlp_trainer_save_size(o->trainer);
    unsigned char *bytes = fuzz_zeros(*size, 1);
    NEED(mlp_trainer_save_memory(o->trainer, bytes, *size) == MLP_OK);
    return bytes;
}

static void forget_saved(api_object *o)
{
    free(o->saved);
    o->saved = NULL;
}

/* Notes that the call gets an object, and saves it. */
static void touch(api *a, api_object *o)
{
    if (!o->saved) {
        o->saved = save(o, &o->size);
    }
    NEED(a->n_touched < MAX_TOUCHED);
    a->touched[a->n_touched++] = o;
    a->logs = true;
}

static void drop_trainer(api_object *t)
{
    forget_saved(t);
    mlp_trainer_free(t->trainer);
    t->trainer = NULL;
}

/* Trainers borrow their network, so they go first. */
static void drop_net(api *a, size_t i)
{
    for (size_t k = 0; k < TRAINERS; k++) {
        if (a->trainers[k].trainer && a->trainers[k].owner == i) {
            drop_trainer(&a->trainers[k]);
        }
    }
    forget_saved(&a->nets[i]);
    mlp_net_free(a->nets[i].net);
    a->nets[i].net = NULL;
}

static api_object *net_at(api *a, size_t i)
{
    if (!a->nets[i].net) {
        a->nets[i].net = fuzz_net(a->draw);
    }
    return &a->nets[i];
}

mlp_net *api_net(api *a)
{
    if (fuzz_once_in(a->draw, 64)) {
        return NULL;
    }
    api_object *o = net_at(a, fuzz_below(a->draw, NETS));
    touch(a, o);
    return o->net;
}

mlp_trainer *api_trainer(api *a)
{
    if (fuzz_once_in(a->draw, 64)) {
        return NULL;
    }
    api_object *t = &a->trainers[fuzz_below(a->draw, TRAINERS)];
    if (!t->trainer) {
        t->owner = fuzz_below(a->draw, NETS);
        NEED(mlp_trainer_create(net_at(a, t->owner)->net, MAX_ROWS,
                                &t->trainer) == MLP_OK);
    }
    touch(a, t);
    touch(a, &a->nets[t->owner]);
    return t->trainer;
}

mlp_workspace *api_workspace(api *a)
{
    size_t i = fuzz_below(a->draw, WORKSPACES);
    if (fuzz_once_in(a->draw, 64)) {
        return NULL;
    }
    if (!a->workspaces[i]) {
        api_object *o = net_at(a, fuzz_below(a->draw, NETS));
        NEED(mlp_workspace_create(o->net, &a->workspaces[i]) == MLP_OK);
    }
    a->logs = true;
    return a->workspaces[i];
}

mlp_net *api_net_of(api *a, const mlp_trainer *trainer)
{
    for (size_t k = 0; trainer && k < TRAINERS; k++) {
        if (a->trainers[k].trainer == trainer) {
            return a->nets[a->trainers[k].owner].net;
        }
    }
    return NULL;
}

/* A large network would make the calls that follow slow. */
void api_put_net(api *a, mlp_net *net)
{
    enum { MOST_PARAMETERS = 300 };
    size_t i = fuzz_below(a->draw, NETS);
    if (mlp_net_parameter_count(net) > MOST_PARAMETERS ||
        mlp_net_inputs(net) > MAX_COLS || mlp_net_outputs(net) > MAX_COLS) {
        mlp_net_free(net);
        return;
    }
    drop_net(a, i);
    a->nets[i].net = net;
}

void api_put_trainer(api *a, mlp_trainer *trainer, const mlp_net *net)
{
    size_t k = fuzz_below(a->draw, TRAINERS);
    drop_trainer(&a->trainers[k]);
    a->trainers[k].trainer = trainer;
    while (a->nets[a->trainers[k].owner].net != net) {
        a->trainers[k].owner = (a->trainers[k].owner + 1) % NETS;
    }
}

void api_put_workspace(api *a, mlp_workspace *workspace)
{
    size_t i = fuzz_below(a->draw, WORKSPACES);
    mlp_workspace_free(a->workspaces[i]);
    a->workspaces[i] = workspace;
}

static void drop_other(api_object *o)
{
    if (o->other) {
        forget_saved(o);
        o->kind->release(o->other);
        o->other = NULL;
    }
}

void *api_other(api *a, const api_kind *kind)
{
    api_object *o = &a->others[kind->place][fuzz_below(a->draw, EACH)];
    if (fuzz_once_in(a->draw, 64)) {
        return NULL;
    }
    if (!o->other) {
        o->kind = kind;
        o->other = kind->make(a->draw);
    }
    touch(a, o);
    return o->other;
}

void api_put_other(api *a, const api_kind *kind, void *object)
{
    api_object *o = &a->others[kind->place][fuzz_below(a->draw, EACH)];
    drop_other(o);
    o->kind = kind;
    o->other = object;
}

void api_drop_other(api *a, const api_kind *kind)
{
    kind->release(NULL);
    drop_other(&a->others[kind->place][fuzz_below(a->draw, EACH)]);
}

void api_drop(api *a)
{
    size_t i = fuzz_below(a->draw, NETS + TRAINERS);
    if (i < NETS) {
        drop_net(a, i);
    } else {
        drop_trainer(&a->trainers[i - NETS]);
    }
}

void api_end(api *a)
{
    for (size_t i = 0; i < NETS; i++) {
        drop_net(a, i);
    }
    for (size_t i = 0; i < WORKSPACES; i++) {
        mlp_workspace_free(a->workspaces[i]);
    }
    for (size_t i = 0; i < (size_t)KINDS * EACH; i++) {
        drop_other(&a->others[i / EACH][i % EACH]);
    }
}

/* ---------------------------------------------------------------------------
 * A call
 */

void api_begin(api *a, fuzz_draw *draw)
{
    a->draw = draw;
    memset(a->out, PATTERN, sizeof a->out);
    a->out_used = a->in_used = a->n_touched = 0;
    a->logs = a->may_train = a->may_step = a->may_repeat = false;
}

void api_arm(api *a)
{
    (void)fuzz_messages();
    fuzz_fail_after(fuzz_once_in(a->draw, 4) ? fuzz_below(a->draw, 12)
                                             : SIZE_MAX);
}

static void need_untouched(const api *a)
{
    for (size_t i = 0; i < a->out_used; i++) {
        NEED(a->out[i] == PATTERN);
    }
    for (size_t i = 0; !a->may_train && i < a->n_touched; i++) {
        const api_object *o = a->touched[i];
        size_t n = 0;
        unsigned char *now = save(o, &n);
        NEED((a->may_step && o->trainer) ||
             (n == o->size && memcmp(now, o->saved, n) == 0));
        free(now);
    }
}

/* A call may have changed the objects that it got, and with a network all
 * trainers of it, whose state holds its parameters. */
static void forget_touched(api *a)
{
    for (size_t i = 0; i < a->n_touched; i++) {
        forget_saved(a->touched[i]);
    }
    for (size_t k = 0; k < TRAINERS; k++) {
        if (!a->nets[a->trainers[k].owner].saved) {
            forget_saved(&a->trainers[k]);
        }
    }
}

bool api_done(api *a, mlp_status status)
{
    size_t messages = fuzz_messages();
    bool was_refused = fuzz_was_refused();
    fuzz_fail_after(SIZE_MAX);
    NEED(status >= MLP_OK && status <= MLP_ERR_ACCURACY);
    NEED(status != MLP_ERR_MEMORY || was_refused);
    NEED((messages > 0) == (status != MLP_OK && a->logs));
    NEED(messages <= (a->may_repeat ? 2 : 1));
    if (status != MLP_OK) {
        need_untouched(a);
    }
    if (status == MLP_OK || a->may_train || a->may_step) {
        forget_touched(a);
    }
    if (status == MLP_OK) {
        fuzz_accept();
    }
    return status == MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Arguments
 */

void *api_out(api *a, size_t n, size_t size)
{
    size_t bytes = (n * size + 15) / 16 * 16;
    NEED(bytes <= OUT_BYTES - a->out_used);
    if (fuzz_once_in(a->draw, 64)) {
        return NULL;
    }
    void *room = a->out + a->out_used;
    a->out_used += bytes;
    return room;
}

void *api_in(api *a, size_t n, size_t size)
{
    size_t bytes = (n * size + 15) / 16 * 16;
    NEED(bytes <= IN_BYTES - a->in_used);
    void *room = a->in + a->in_used;
    a->in_used += bytes;
    return room;
}

size_t api_count(api *a, size_t n)
{
    static const size_t wild[] = {
        0,          1,          SIZE_MAX,   SIZE_MAX - 1, SIZE_MAX / 2,
        (1U << 24), 2147483647, (1U << 31), 65536,        257};
    return fuzz_once_in(a->draw, 24) ? wild[fuzz_below(a->draw, 10)]
                                     : fuzz_below(a->draw, n);
}

double api_number(api *a, double usual)
{
    return fuzz_once_in(a->draw, 12) ? fuzz_real(a->draw) : usual;
}

const mlp_hooks *api_hooks(api *a)
{
    mlp_hooks *hooks = api_in(a, 1, sizeof *hooks);
    *hooks = fuzz_hooks();
    if (fuzz_once_in(a->draw, 32)) {
        hooks->release = NULL;
    }
    a->logs = true;
    return hooks;
}

const char *api_text(api *a)
{
    static const char *const texts[] = {
        "a",     "made by",          "mlp",      "mlp.x", "",     "data.recipe",
        "\n",    "\xc3\xa9\xe2\x82", "\xc3\xa9", "\x01",  "\"\\", "fc1",
        "input", "portable",         "norm",     NULL};
    return texts[fuzz_below(a->draw, sizeof texts / sizeof texts[0])];
}

static char folder[64];

static void remove_folder(void)
{
    static const char *const names[] = {
        "net.mlp",  "state.mlp",  "net.c",   "net.h",
        "net.onnx", "table.csv",  "net.ann", "net.net",
        "labels",   "picture.gp", "told.gp", "picture.svg.gp"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

/* A folder in memory, where the system has one, is not slowed by a disk. */
static void make_folder(void)
{
    (void)snprintf(folder, sizeof folder, "/dev/shm/fuzz_api.XXXXXX");
    if (!mkdtemp(folder)) {
        (void)snprintf(folder, sizeof folder, "/tmp/fuzz_api.XXXXXX");
        NEED(mkdtemp(folder) != NULL);
    }
    (void)atexit(remove_folder);
}

const char *api_folder(void)
{
    if (!folder[0]) {
        make_folder();
    }
    return folder;
}

const char *api_path(api *a, const char *name)
{
    enum { LENGTH = 128 };
    char *path = api_in(a, LENGTH, 1);
    bool is_wrong = fuzz_once_in(a->draw, 8);
    (void)snprintf(path, LENGTH, "%s%s/%s", api_folder(),
                   is_wrong ? "/none" : "", name);
    return fuzz_once_in(a->draw, 32) ? NULL : path;
}

void api_write(const char *path, const fuzz_file *f)
{
    FILE *to = path ? fopen(path, "wb") : NULL;
    if (to) {
        (void)fwrite(f->bytes, 1, f->size, to);
        (void)fclose(to);
    }
}

/* ---------------------------------------------------------------------------
 * Views
 */

static size_t size_of(mlp_dtype type)
{
    return type == MLP_F64 ? sizeof(double) : sizeof(float);
}

/* Returns the number of rows or columns, sometimes one more or less. */
static size_t nearly(api *a, size_t n)
{
    if (!fuzz_once_in(a->draw, 32)) {
        return n;
    }
    return n > 1 && fuzz_once_in(a->draw, 2) ? n - 1 : n + 1;
}

static mlp_view any_order(api *a, mlp_view view)
{
    if (fuzz_once_in(a->draw, 8)) {
        view.row_stride = 1;
        view.col_stride = view.rows;
    }
    return view;
}

mlp_view api_view(api *a, mlp_dtype type, size_t rows, size_t cols)
{
    rows = nearly(a, rows);
    cols = nearly(a, cols);
    type = fuzz_once_in(a->draw, 32) ? (mlp_dtype)fuzz_below(a->draw, 4) : type;
    mlp_view view = {type, rows, cols,
                     cols, 1,    api_out(a, rows * cols, sizeof(double))};
    view = any_order(a, view);
    view.row_stride = fuzz_once_in(a->draw, 64) ? 0 : view.row_stride;
    return view;
}

/* Sets each element to what `draw_one` returns; sometimes one is wild. */
static mlp_cview fill(api *a, mlp_dtype type, size_t rows, size_t cols,
                      double (*draw_one)(fuzz_draw *d, size_t col), size_t k)
{
    rows = nearly(a, rows);
    cols = nearly(a, cols);
    mlp_view view = {type, rows, cols,
                     cols, 1,    api_in(a, rows * cols, size_of(type))};
    view = any_order(a, view);
    for (size_t i = 0; i < rows; i++) {
        size_t one = fuzz_below(a->draw, k);
        for (size_t j = 0; j < cols; j++) {
            double x = draw_one ? draw_one(a->draw, j) : (double)(j == one);
            (void)mlp_view_set(view, i, j, type == MLP_I32 ? (double)one : x);
        }
    }
    if (rows * cols > 0 && fuzz_once_in(a->draw, 12)) {
        (void)mlp_view_set(view, fuzz_below(a->draw, rows),
                           fuzz_below(a->draw, cols), fuzz_real(a->draw));
    }
    mlp_cview result = mlp_view_const(view);
    result.dtype =
        fuzz_once_in(a->draw, 64) ? (mlp_dtype)fuzz_below(a->draw, 4) : type;
    if (size_of(result.dtype) > size_of(type)) {
        result.dtype = type; /* the memory holds the smaller type */
    }
    if (fuzz_once_in(a->draw, 64)) {
        result.data = NULL;
    }
    return result;
}

static double small(fuzz_draw *d, size_t col)
{
    (void)col;
    return ((double)fuzz_below(d, 4001) - 2000) / 1000;
}

static double zero_or_one(fuzz_draw *d, size_t col)
{
    (void)col;
    return (double)fuzz_below(d, 2);
}

mlp_cview api_rows(api *a, mlp_dtype type, size_t rows, size_t cols)
{
    return fill(a, type, rows, cols, small, MAX_COLS);
}

mlp_cview api_X(api *a, const mlp_net *net, size_t rows)
{
    size_t cols = net ? mlp_net_inputs(net) : 1;
    return fill(a, mlp_net_precision(net), rows, cols, small, MAX_COLS);
}

mlp_cview api_labels(api *a, size_t rows, size_t classes)
{
    mlp_dtype type = (mlp_dtype)fuzz_below(a->draw, 3);
    mlp_cview view = fill(a, MLP_I32, rows, 1, NULL, classes ? classes : 1);
    if (type != MLP_I32) {
        view = fill(a, type, rows, 1, zero_or_one, classes ? classes : 1);
    }
    return view;
}

mlp_cview api_Y(api *a, const mlp_net *net, size_t rows)
{
    size_t cols = net ? mlp_net_targets(net) : 1;
    mlp_dtype type = mlp_net_precision(net);
    mlp_loss loss = mlp_net_loss(net);
    if (loss == MLP_LOSS_CCE && fuzz_once_in(a->draw, 2)) {
        return fill(a, MLP_I32, rows, 1, NULL, cols);
    }
    if (loss == MLP_LOSS_CCE) {
        return fill(a, type, rows, cols, NULL, cols);
    }
    return fill(a, type, rows, cols,
                loss == MLP_LOSS_BCE || loss == MLP_LOSS_POISSON ? zero_or_one
                                                                 : small,
                MAX_COLS);
}
