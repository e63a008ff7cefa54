/* SPDX-License-Identifier: MIT */
/*
 * Fuzzing of checkpoints: the state of a trainer, alone or in a file. An input
 * is one byte that chooses a trainer, and the bytes that it loads. A trainer
 * whose load fails is as before; one that loads saves what it has loaded, and
 * trains on.
 */
#include "fuzz/fuzz.h"

#include "formats/mlp/model_format.h"
#include "formats/mlp/model_writer.h"
#include "support/damage.h"

/* The first byte is the number of a trainer, and IN_FILE if the bytes are a
 * whole file. */
enum { TRAINERS = 10, IN_FILE = 16, ROWS = 4, CHECKSUM = 4 };
/* The last two trainers have the network of the golden checkpoints, the old
 * files of tests/vectors (support/golden.h). */
enum { GOLDEN = 8 };

typedef struct kept {
    mlp_net *net;
    mlp_trainer *trainer;
    unsigned char *state; /* as the trainer has it before each input */
    size_t size;
} kept;

static kept all[TRAINERS];

/* ---------------------------------------------------------------------------
 * Trainers
 */

static mlp_net *make_net(size_t i)
{
    mlp_layer layers[] = {{.width = 3, .batch_norm = i % 3 == 1},
                          {.width = 1, .activation = MLP_ACT_IDENTITY}};
    mlp_layer golden[] = {{.width = 5, .activation = MLP_ACT_RELU},
                          {.width = 4,
                           .activation = MLP_ACT_TANH,
                           .dropout = 0.1,
                           .batch_norm = true},
                          {.width = 3, .activation = MLP_ACT_IDENTITY},
                          {.width = 2, .activation = MLP_ACT_SIGMOID}};
    mlp_config config = mlp_config_defaults();
    config.inputs = i < GOLDEN ? 2 : 3;
    config.layers = i < GOLDEN ? layers : golden;
    config.n_layers = i < GOLDEN ? 2 : 4;
    config.loss = i < GOLDEN ? MLP_LOSS_MSE : MLP_LOSS_BCE;
    if (i >= GOLDEN) {
        config.batch_norm_momentum = 0.3;
        config.batch_norm_epsilon = 0.001;
    }
    config.precision = i % 2 ? MLP_F32 : MLP_F64;
    config.hooks = fuzz_hooks();
    mlp_net *net = NULL;
    NEED(mlp_net_create(&config, &net) == MLP_OK);
    return net;
}

/* Trains one epoch, which may diverge, because a state may have any weights. */
static mlp_status train(const kept *k, bool validates)
{
    static const double X[] = {0, 0, 0, 1, 1, 0, 1, 1, 1, 0, 0, 1};
    static const float X32[] = {0, 0, 0, 1, 1, 0, 1, 1, 1, 0, 0, 1};
    bool is_single = mlp_net_precision(k->net) == MLP_F32;
    size_t inputs = mlp_net_inputs(k->net);
    mlp_cview x = is_single ? mlp_cview_f32(X32, ROWS, inputs)
                            : mlp_cview_f64(X, ROWS, inputs);
    mlp_cview y = mlp_cview_cols(x, 0, mlp_net_outputs(k->net));
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 1;
    options.batch_size = 0;
    options.threads = 1;
    options.patience = 2;
    options.schedule = mlp_schedule_defaults(MLP_SCHEDULE_PLATEAU);
    options.validation_fraction = validates ? 0.25 : 0;
    return mlp_trainer_fit(k->trainer, x, y, &options, NULL);
}

static unsigned char *saved_state(const mlp_trainer *trainer, size_t *size)
{
    *size = mlp_trainer_save_size(trainer);
    unsigned char *bytes = fuzz_zeros(*size, 1);
    NEED(mlp_trainer_save_memory(trainer, bytes, *size) == MLP_OK);
    return bytes;
}

/* Every trainer validates once, so that each has the memory for best weights,
 * which it keeps. */
static void begin(void)
{
    static const mlp_optimizer_kind kinds[TRAINERS] = {
        MLP_OPTIMIZER_SGD,   MLP_OPTIMIZER_ADAM,    MLP_OPTIMIZER_RPROP,
        MLP_OPTIMIZER_LBFGS, MLP_OPTIMIZER_ADAMW,   MLP_OPTIMIZER_MOMENTUM,
        MLP_OPTIMIZER_LBFGS, MLP_OPTIMIZER_RMSPROP, MLP_OPTIMIZER_ADAM,
        MLP_OPTIMIZER_ADAM};
    for (size_t i = 0; i < TRAINERS; i++) {
        kept *k = &all[i];
        mlp_optimizer optimizer = mlp_optimizer_defaults(kinds[i]);
        optimizer.lbfgs_history = 2;
        k->net = make_net(i);
        NEED(mlp_trainer_create(k->net, ROWS, &k->trainer) == MLP_OK);
        NEED(mlp_trainer_set_optimizer(k->trainer, &optimizer) == MLP_OK);
        k->state = saved_state(k->trainer, &k->size);
        NEED(train(k, true) == MLP_OK);
        if (i % 2 == 0) {
            NEED(mlp_trainer_load_memory(k->trainer, k->state, k->size) ==
                 MLP_OK);
            NEED(i == 0 || train(k, false) == MLP_OK);
        }
        free(k->state);
        k->state = saved_state(k->trainer, &k->size);
    }
}

/* ---------------------------------------------------------------------------
 * Inputs
 */

static void build(fuzz_file *f, fuzz_draw *d)
{
    size_t i = fuzz_below(d, TRAINERS);
    unsigned char first = (unsigned char)(i + IN_FILE * fuzz_below(d, 2));
    const kept *k = &all[i];
    fuzz_append(f, &first, 1);
    if (first < IN_FILE) {
        fuzz_append(f, k->state, k->size);
        return;
    }
    size_t size = 0;
    NEED(mlpi_model_measure(k->net, k->size, &size) == MLP_OK);
    unsigned char *file = fuzz_zeros(size, 1);
    mlpi_model_write(k->net, k->size, file);
    memcpy(file + size - k->size, k->state, k->size);
    mlpi_model_seal(file, size);
    fuzz_append(f, file, size);
    free(file);
}

/* Makes the size and the checksum of a state true again. */
static void seal_state(unsigned char *bytes, size_t size)
{
    enum { SIZE_AT = 16, SIZE_END = 24 };
    if (size >= SIZE_END + CHECKSUM) {
        mlpi_writer to = {.bytes = bytes + SIZE_AT};
        mlpi_put_u64(&to, size);
        to = (mlpi_writer){.bytes = bytes + size - CHECKSUM};
        mlpi_put_u32(&to, mlpi_crc32(size - CHECKSUM, bytes));
    }
}

/* Tells a lie in a state, mostly in the numbers between the network, which the
 * reader only compares, and the generator, in which every number is allowed. */
static void lie_in_state(fuzz_file *f, fuzz_draw *d)
{
    enum { LAYERS_AT = 64, PER_LAYER = 32, NUMBERS = 330 };
    size_t from = LAYERS_AT + 8 + 3 * PER_LAYER;
    size_t end = from + NUMBERS;
    size_t kind = fuzz_below(d, 8);
    if (kind == 0) {
        f->size -= fuzz_below(d, f->size);
    } else if (kind < 3 || f->size <= end) {
        (void)fuzz_lie_in_fields(f, d, 0, f->size);
    } else {
        (void)fuzz_lie_in_fields(f, d, from, end);
    }
    if (!fuzz_once_in(d, 16)) {
        seal_state(f->bytes, f->size);
    }
}

static void lie(fuzz_file *f, fuzz_draw *d)
{
    static const char magic[] = "MLPTRAIN";
    fuzz_file rest = {f->bytes + 1, f->size - 1, f->room - 1};
    if (f->bytes[0] < IN_FILE && rest.size > 0) {
        lie_in_state(&rest, d);
    } else if (rest.size > 0) {
        size_t at = 0;
        while (at + sizeof magic < rest.size &&
               memcmp(rest.bytes + at, magic, sizeof magic - 1) != 0) {
            at++;
        }
        size_t n = rest.size - at;
        fuzz_file state = {rest.bytes + at, n, n};
        if (fuzz_once_in(d, 2)) {
            lie_in_state(&state, d);
            seal_file(rest.bytes, rest.size);
        } else {
            fuzz_lie_in_tensors(&rest, d);
        }
    }
    f->size = 1 + rest.size;
}

/* ---------------------------------------------------------------------------
 * The check
 */

/* Loads what mlp_trainer_load would load from a file of these bytes. */
static mlp_status load_file(mlp_trainer *trainer, const unsigned char *bytes,
                            size_t size)
{
    mlp_hooks hooks = fuzz_hooks();
    mlpi_safetensors file;
    mlp_status status = mlpi_model_open(&hooks, bytes, size, &file);
    if (status != MLP_OK) {
        return status;
    }
    const mlpi_tensor_entry *state =
        mlpi_safetensors_find(&file, MLPI_STATE_NAME);
    if (state) {
        status = mlp_trainer_load_memory(
            trainer, mlpi_safetensors_data(&file) + state->begin, state->size);
    }
    mlpi_safetensors_close(&hooks, &file);
    return status;
}

/* Checks that the trainer has exactly this state. */
static void need_state(const mlp_trainer *trainer, const unsigned char *bytes,
                       size_t size)
{
    size_t n = 0;
    unsigned char *now = saved_state(trainer, &n);
    NEED(n == size && memcmp(now, bytes, n) == 0);
    free(now);
}

/* Lets a trainer go on from a state that it has loaded. */
static void go_on(const kept *k, bool validates)
{
    size_t n = 0;
    unsigned char *now = saved_state(k->trainer, &n);
    NEED(mlp_trainer_load_memory(k->trainer, now, n) == MLP_OK);
    need_state(k->trainer, now, n);
    (void)train(k, validates);
    (void)fuzz_messages();
    free(now);
    NEED(mlp_trainer_load_memory(k->trainer, k->state, k->size) == MLP_OK);
}

static void check(const unsigned char *bytes, size_t size)
{
    if (size == 0) {
        return;
    }
    const kept *k = &all[bytes[0] % IN_FILE % TRAINERS];
    mlp_status status =
        bytes[0] & IN_FILE
            ? load_file(k->trainer, bytes + 1, size - 1)
            : mlp_trainer_load_memory(k->trainer, bytes + 1, size - 1);
    if (status == MLP_OK) {
        fuzz_accept();
        /* The bytes may differ: an optimizer `auto` becomes another, and its
         * options are rounded to the precision. */
        NEED(bytes[0] & IN_FILE ||
             mlp_trainer_save_size(k->trainer) == size - 1);
        go_on(k, size % 2);
    } else {
        NEED(fuzz_messages() == 1);
        need_state(k->trainer, k->state, k->size);
    }
}

const fuzz_target fuzz_this = {build, lie, check, begin};
