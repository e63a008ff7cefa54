/* SPDX-License-Identifier: MIT */
/* Calls that train: fits, trainers and splits. */
#include "fuzz/api.h"

#include <math.h>

/* ---------------------------------------------------------------------------
 * Options
 */

static mlp_optimizer any_optimizer(api *a)
{
    mlp_optimizer o =
        mlp_optimizer_defaults((mlp_optimizer_kind)fuzz_below(a->draw, 11));
    double *const fields[] = {
        &o.momentum,   &o.beta1,        &o.beta2,      &o.rho,       &o.epsilon,
        &o.rprop_grow, &o.rprop_shrink, &o.rprop_min,  &o.rprop_max, &o.l2,
        &o.l1,         &o.weight_decay, &o.clip_value, &o.clip_norm};
    if (fuzz_once_in(a->draw, 3)) {
        *fields[fuzz_below(a->draw, sizeof fields / sizeof fields[0])] =
            fuzz_real(a->draw);
    }
    o.lbfgs_history = fuzz_once_in(a->draw, 8) ? api_count(a, 4) : 2;
    return o;
}

static double falling_rate(size_t epoch, double alpha, void *user)
{
    (void)user;
    return alpha / (1 + (double)epoch);
}

static double bad_rate(size_t epoch, double alpha, void *user)
{
    (void)user;
    return epoch > 0 ? -alpha : alpha;
}

static mlp_schedule any_schedule(api *a)
{
    mlp_schedule s =
        mlp_schedule_defaults((mlp_schedule_kind)fuzz_below(a->draw, 8));
    s.decay = api_number(a, s.decay);
    s.factor = api_number(a, s.factor);
    s.min_delta = api_number(a, s.min_delta);
    s.min_rate = api_number(a, s.min_rate);
    s.every = 1 + api_count(a, 3);
    s.warm_up = api_count(a, 3);
    s.epochs = api_count(a, 3);
    s.patience = api_count(a, 3);
    s.rate = fuzz_once_in(a->draw, 8) ? bad_rate : falling_rate;
    return s;
}

/* Ends a training that would never end. */
static bool stop_early(const mlp_epoch_progress *progress, void *user)
{
    (void)user;
    NEED(progress->epoch < progress->epochs);
    return progress->epoch < 4;
}

static bool go_on(const mlp_batch_progress *progress, void *user)
{
    (void)user;
    return progress->batch < 5;
}

static const double weights[MAX_COLS] = {1, 2, 0.5, 0, 1, 3};

static void set_validation(api *a, const mlp_net *net, mlp_train_options *o)
{
    o->validation_fraction = api_number(a, fuzz_once_in(a->draw, 2) ? 0.3 : 0);
    if (fuzz_once_in(a->draw, 4)) {
        o->X_validation = api_X(a, net, 2);
        o->Y_validation = api_Y(a, net, 2);
    }
    o->restore_best = fuzz_once_in(a->draw, 2);
    o->patience = fuzz_once_in(a->draw, 4) ? api_count(a, 3) : SIZE_MAX;
    o->min_delta = api_number(a, 0);
}

static size_t any_threads(api *a)
{
    return fuzz_once_in(a->draw, 256)  ? 2
           : fuzz_once_in(a->draw, 64) ? MLP_MAX_THREADS + 1
                                       : 1;
}

/* Stands for ranks that have nothing to add. */
static mlp_status add_nothing(void *numbers, size_t n, mlp_dtype dtype,
                              void *user)
{
    (void)user;
    NEED(numbers && n > 0 && (dtype == MLP_F32 || dtype == MLP_F64));
    return MLP_OK;
}

/* Cuts batches into parts, of which other ranks may have some. */
static void set_parts(api *a, mlp_train_options *o)
{
    mlp_exchange *exchange = api_in(a, 1, sizeof *exchange);
    *exchange =
        (mlp_exchange){.ranks = 1 + api_count(a, 2), .sum = add_nothing};
    exchange->rank = fuzz_below(a->draw, 8) ? 0 : api_count(a, 2);
    o->parts = api_count(a, 5);
    o->batch_size = fuzz_once_in(a->draw, 2) ? 4 : o->batch_size;
    o->exchange = fuzz_once_in(a->draw, 2) ? exchange : NULL;
    a->may_repeat = o->exchange != NULL;
}

static mlp_train_options any_options(api *a, const mlp_net *net, size_t rows)
{
    mlp_train_options o = mlp_train_defaults();
    o.epochs = api_count(a, 4);
    o.batch_size = fuzz_once_in(a->draw, 2) ? 0 : api_count(a, 5);
    o.learning_rate = api_number(a, 0.01);
    o.optimizer = any_optimizer(a);
    o.schedule = fuzz_once_in(a->draw, 2) ? any_schedule(a) : o.schedule;
    o.standardise = fuzz_once_in(a->draw, 2);
    o.shuffle = fuzz_once_in(a->draw, 2);
    o.threads = any_threads(a);
    o.row_weights = fuzz_once_in(a->draw, 8) ? api_rows(a, MLP_F64, rows, 1)
                                             : o.row_weights;
    o.class_weights = fuzz_once_in(a->draw, 8) ? weights : NULL;
    set_validation(a, net, &o);
    if (fuzz_once_in(a->draw, 4)) {
        set_parts(a, &o);
    }
    o.on_epoch = stop_early;
    o.on_batch = fuzz_once_in(a->draw, 2) ? go_on : NULL;
    return o;
}

/* ---------------------------------------------------------------------------
 * Fits
 */

/* Makes a history of a few epochs, mostly with validation. */
static void *make_history(fuzz_draw *d)
{
    static const double X[] = {-1, 0, 1, 2};
    static const double Y[] = {0, 1, 2, 4};
    const mlp_cview x = mlp_cview_f64(X, 4, 1);
    const mlp_cview y = mlp_cview_f64(Y, 4, 1);
    const mlp_layer layer = {.width = 1};
    mlp_config config = mlp_config_defaults();
    mlp_train_options options = mlp_train_defaults();
    mlp_net *net = NULL;
    mlp_history *history = NULL;
    config.inputs = config.n_layers = 1;
    config.loss = MLP_LOSS_MSE;
    config.layers = &layer;
    config.precision = MLP_F64;
    config.hooks = fuzz_hooks();
    options.epochs = 1 + fuzz_below(d, 4);
    options.validation_fraction = fuzz_once_in(d, 4) ? 0 : 0.5;
    NEED(mlp_net_create(&config, &net) == MLP_OK);
    NEED(mlp_fit(net, x, y, &options, &history) == MLP_OK);
    mlp_net_free(net);
    return history;
}

static void tell_history(const void *object, fuzz_file *f)
{
    const mlp_history *history = object;
    size_t n = mlp_history_epochs(history);
    fuzz_print(f, "%zu %zu", n, mlp_history_best_epoch(history));
    for (size_t i = 0; i < n; i++) {
        fuzz_print(f, " %a %a", mlp_history_losses(history)[i],
                   mlp_history_validation_losses(history)[i]);
    }
}

static void free_history(void *object)
{
    mlp_history_free(object);
}

const api_kind api_histories = {HISTORIES, make_history, tell_history,
                                free_history};

/* Reads a history, and puts it into the pool. */
static void use_history(api *a, mlp_history *history)
{
    size_t n = mlp_history_epochs(history);
    for (size_t i = 0; i < n; i++) {
        NEED(mlp_history_seconds(history)[i] >= 0);
        NEED(mlp_history_rates(history)[i] >= 0);
        (void)mlp_history_losses(history)[i];
        (void)mlp_history_validation_losses(history)[i];
        (void)mlp_history_validation_accuracies(history)[i];
    }
    (void)mlp_history_best_epoch(history);
    api_put_other(a, &api_histories, history);
}

/* Chunks of rows that a call has drawn. */
typedef struct stream {
    mlp_cview X, Y;
    size_t chunks;
} stream;

static mlp_status next_chunk(size_t epoch, size_t number, mlp_chunk *chunk,
                             void *user)
{
    const stream *s = user;
    if (number < s->chunks) {
        chunk->X = s->X;
        chunk->Y = s->Y;
    }
    return epoch == 3 ? MLP_ERR_IO : MLP_OK;
}

/* Calls one of the four fits. A fit changes its network as it goes. */
static void fit(api *a)
{
    bool has_trainer = fuzz_once_in(a->draw, 2);
    bool streams = fuzz_once_in(a->draw, 3);
    mlp_trainer *trainer = has_trainer ? api_trainer(a) : NULL;
    mlp_net *net = has_trainer ? api_net_of(a, trainer) : api_net(a);
    size_t rows = fuzz_below(a->draw, MAX_ROWS + 1);
    mlp_train_options options = any_options(a, net, rows);
    stream s = {api_X(a, net, rows), api_Y(a, net, rows),
                fuzz_below(a->draw, 3)};
    mlp_history **history = api_out(a, 1, sizeof(void *));
    mlp_status status = MLP_OK;
    a->may_train = true;
    api_arm(a);
    if (has_trainer) {
        status = streams
                     ? mlp_trainer_fit_stream(trainer, next_chunk, &s, &options,
                                              history)
                     : mlp_trainer_fit(trainer, s.X, s.Y, &options, history);
    } else {
        status = streams
                     ? mlp_fit_stream(net, next_chunk, &s, &options, history)
                     : mlp_fit(net, s.X, s.Y, &options, history);
    }
    /* Errors before anything is changed. */
    a->may_train = status == MLP_OK || streams || status == MLP_ERR_DIVERGED ||
                   options.schedule.rate == bad_rate;
    if (streams && status == MLP_ERR_IO) {
        a->logs = false; /* the caller's own function knows what went wrong */
        (void)fuzz_messages();
    }
    if (api_done(a, status) && history) {
        use_history(a, *history);
    }
}

static void check_gradients(api *a)
{
    if (!fuzz_once_in(a->draw, 8)) {
        return; /* costs some hundred forwards */
    }
    const mlp_net *net = api_net(a);
    mlp_train_options options = any_options(a, net, 2);
    mlp_cview X = api_X(a, net, 2);
    mlp_cview Y = api_Y(a, net, 2);
    mlp_gradient_check *worst = api_out(a, 1, sizeof *worst);
    api_arm(a);
    (void)api_done(a, mlp_check_gradients(net, X, Y, &options, worst));
}

/* ---------------------------------------------------------------------------
 * Trainers
 */

static void trainer_create(api *a)
{
    mlp_net *net = api_net(a);
    size_t rows = api_count(a, MAX_ROWS) + 1;
    mlp_trainer **trainer = api_out(a, 1, sizeof(void *));
    api_arm(a);
    if (api_done(a, mlp_trainer_create(net, rows, trainer))) {
        api_put_trainer(a, *trainer, net);
    }
}

static void trainer_set(api *a)
{
    mlp_trainer *trainer = api_trainer(a);
    mlp_optimizer optimizer = any_optimizer(a);
    const mlp_optimizer *given = fuzz_once_in(a->draw, 32) ? NULL : &optimizer;
    size_t threads = any_threads(a);
    size_t kind = fuzz_below(a->draw, 3);
    api_arm(a);
    (void)api_done(a, kind == 0   ? mlp_trainer_set_threads(trainer, threads)
                      : kind == 1 ? mlp_trainer_set_seed(trainer, 5)
                                  : mlp_trainer_set_optimizer(trainer, given));
}

static void trainer_forward(api *a)
{
    mlp_trainer *trainer = api_trainer(a);
    size_t rows = fuzz_below(a->draw, MAX_ROWS + 1);
    mlp_cview X = api_X(a, api_net_of(a, trainer), rows);
    api_arm(a);
    (void)api_done(a, mlp_trainer_forward(trainer, X));
}

/* Returns the rows of the last forward, or 1. */
static size_t rows_of_forward(mlp_trainer *trainer)
{
    mlp_view A = {.rows = 1};
    if (mlp_trainer_tensor(trainer, MLP_A, 0, &A) != MLP_OK) {
        (void)fuzz_messages();
    }
    return A.rows;
}

static void trainer_loss(api *a)
{
    mlp_trainer *trainer = api_trainer(a);
    const mlp_net *net = api_net_of(a, trainer);
    mlp_cview Y = api_Y(a, net, rows_of_forward(trainer));
    double *loss = api_out(a, 1, sizeof *loss);
    bool backward = fuzz_once_in(a->draw, 2);
    api_arm(a);
    (void)api_done(a, backward ? mlp_trainer_backward(trainer, Y)
                               : mlp_trainer_loss(trainer, Y, loss));
}

/* Gives the derivative of a loss of the caller's own, by A[L] or Z[L]. */
static void backward_from(api *a)
{
    mlp_trainer *trainer = api_trainer(a);
    const mlp_net *net = api_net_of(a, trainer);
    size_t rows = rows_of_forward(trainer);
    size_t outputs = net ? mlp_net_outputs(net) : 1;
    mlp_cview dA = api_rows(a, mlp_net_precision(net), rows, outputs);
    bool is_dZ = fuzz_once_in(a->draw, 2);
    api_arm(a);
    (void)api_done(a, is_dZ ? mlp_trainer_backward_from_dZ(trainer, dA)
                            : mlp_trainer_backward_from(trainer, dA));
}

static void trainer_set_row_weights(api *a)
{
    mlp_trainer *trainer = api_trainer(a);
    size_t rows = fuzz_below(a->draw, MAX_ROWS);
    mlp_cview w = api_rows(a, MLP_F64, rows, 1);
    api_arm(a);
    (void)api_done(a, mlp_trainer_set_row_weights(trainer, w));
}

static void trainer_update(api *a)
{
    mlp_trainer *trainer = api_trainer(a);
    double alpha = api_number(a, 0.01);
    api_arm(a);
    (void)api_done(a, mlp_trainer_update(trainer, alpha));
}

static void trainer_step(api *a)
{
    mlp_trainer *trainer = api_trainer(a);
    const mlp_net *net = api_net_of(a, trainer);
    size_t rows = fuzz_below(a->draw, MAX_ROWS);
    mlp_cview X = api_X(a, net, rows);
    mlp_cview Y = api_Y(a, net, rows);
    double alpha = api_number(a, 0.01);
    double *loss = api_out(a, 1, sizeof *loss);
    api_arm(a);
    mlp_status status = mlp_trainer_step(trainer, X, Y, alpha, loss);
    if (mlp_trainer_net(trainer) != net) {
        abort();
    }
    a->may_step = status == MLP_ERR_DIVERGED; /* a forward was done */
    (void)api_done(a, status);
}

static void trainer_tensor(api *a)
{
    mlp_trainer *trainer = api_trainer(a);
    mlp_tensor which = (mlp_tensor)fuzz_below(a->draw, 14);
    size_t l = fuzz_once_in(a->draw, 3) ? 0 : api_count(a, 4);
    bool takes_all = fuzz_once_in(a->draw, 4);
    mlp_view *view = api_out(a, 1, sizeof *view);
    api_arm(a);
    if (api_done(a, takes_all ? mlp_trainer_gradients(trainer, view)
                              : mlp_trainer_tensor(trainer, which, l, view))) {
        for (size_t i = 0; i < view->rows * view->cols; i++) {
            (void)mlp_cview_at(mlp_view_const(*view), i / view->cols,
                               i % view->cols);
        }
    }
}

/* ---------------------------------------------------------------------------
 * Checkpoints
 */

static void trainer_save_memory(api *a)
{
    const mlp_trainer *trainer = api_trainer(a);
    size_t n = mlp_trainer_save_size(trainer);
    size_t size = fuzz_once_in(a->draw, 16) ? api_count(a, 99) : n;
    if (n <= BLOB_BYTES) {
        api_arm(a);
        if (api_done(a, mlp_trainer_save_memory(trainer, a->blob, size))) {
            a->blob_size = size;
        }
    }
}

static void trainer_load_memory(api *a)
{
    mlp_trainer *trainer = api_trainer(a);
    fuzz_file f = {fuzz_zeros(BLOB_BYTES, 1), a->blob_size, BLOB_BYTES};
    memcpy(f.bytes, a->blob, f.size);
    if (fuzz_once_in(a->draw, 4)) {
        (void)fuzz_lie_in_fields(&f, a->draw, 0, f.size);
    }
    api_arm(a);
    (void)api_done(a, mlp_trainer_load_memory(trainer, f.bytes, f.size));
    free(f.bytes);
}

static void trainer_files(api *a)
{
    if (!fuzz_once_in(a->draw, 8)) {
        return;
    }
    mlp_trainer *trainer = api_trainer(a);
    const char *path = api_path(a, "state.mlp");
    bool saves = fuzz_once_in(a->draw, 2);
    api_arm(a);
    (void)api_done(a, saves ? mlp_trainer_save(trainer, path)
                            : mlp_trainer_load(trainer, path));
}

/* ---------------------------------------------------------------------------
 * Splits and schedules
 */

static void validation_split(api *a)
{
    const mlp_net *net = api_net(a);
    size_t rows = fuzz_below(a->draw, MAX_ROWS);
    mlp_train_options options = any_options(a, net, rows);
    mlp_cview Y = api_Y(a, net, rows);
    size_t *order = api_out(a, MAX_ROWS + 1, sizeof *order);
    size_t *held = api_out(a, 1, sizeof *held);
    api_arm(a);
    if (api_done(a, mlp_validation_split(net, Y, &options, order, held))) {
        NEED(*held < Y.rows || Y.rows == 0);
    }
}

static void split(api *a)
{
    mlp_split_options options = mlp_split_defaults();
    size_t rows = fuzz_below(a->draw, MAX_ROWS);
    mlp_cview Y = fuzz_once_in(a->draw, 2) ? api_labels(a, rows, 2)
                                           : api_rows(a, MLP_F64, rows, 2);
    options.test_fraction = api_number(a, 0.5);
    options.folds = fuzz_once_in(a->draw, 4) ? api_count(a, 6) : 2;
    options.stratify = fuzz_once_in(a->draw, 2);
    options.hooks = *api_hooks(a);
    size_t fold = api_count(a, 2);
    bool folds = fuzz_once_in(a->draw, 2);
    size_t *order = api_out(a, MAX_ROWS + 1, sizeof *order);
    size_t *test_rows = api_out(a, 1, sizeof *test_rows);
    api_arm(a);
    if (api_done(a,
                 folds ? mlp_k_fold(Y, &options, fold, order, test_rows)
                       : mlp_train_test_split(Y, &options, order, test_rows))) {
        NEED(*test_rows > 0 && *test_rows < Y.rows);
    }
}

static void gather_rows(api *a)
{
    mlp_dtype type = (mlp_dtype)fuzz_below(a->draw, 3);
    mlp_cview from = api_rows(a, type, 1 + fuzz_below(a->draw, MAX_ROWS), 3);
    mlp_view to = api_view(a, type, fuzz_below(a->draw, MAX_ROWS), 3);
    size_t order[MAX_ROWS + 1];
    for (size_t i = 0; i <= MAX_ROWS; i++) {
        order[i] = fuzz_once_in(a->draw, 64)
                       ? api_count(a, 9)
                       : fuzz_below(a->draw, from.rows ? from.rows : 1);
    }
    const mlp_hooks *hooks = api_hooks(a);
    api_arm(a);
    (void)api_done(a, mlp_gather_rows(from, order, hooks, to));
}

/* The rate is a number of an epoch, or NaN. */
static void schedule_rate(api *a)
{
    mlp_schedule s = any_schedule(a);
    double alpha = api_number(a, 0.1);
    size_t epochs = api_count(a, 9);
    size_t epoch = api_count(a, 9);
    double rate = mlp_schedule_rate(&s, alpha, epoch, epochs);
    NEED(isnan(rate) || rate >= 0 || s.rate == bad_rate || alpha < 0);
    NEED(isnan(mlp_schedule_rate(NULL, alpha, epoch, epochs)));
}

static api_call *const calls[] = {fit,
                                  fit,
                                  check_gradients,
                                  trainer_create,
                                  trainer_set,
                                  trainer_forward,
                                  trainer_loss,
                                  backward_from,
                                  trainer_set_row_weights,
                                  trainer_update,
                                  trainer_step,
                                  trainer_tensor,
                                  trainer_save_memory,
                                  trainer_load_memory,
                                  trainer_files,
                                  validation_split,
                                  split,
                                  gather_rows,
                                  schedule_rate};
const api_list api_train_calls = {calls, sizeof calls / sizeof calls[0]};
