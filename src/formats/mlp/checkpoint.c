/* SPDX-License-Identifier: MIT */
/*
 * Checkpoints in memory: the state of a trainer as bytes. A trainer of an equal
 * network that loads them continues to the same bits as the one that was saved.
 *
 * All numbers are little-endian (bytes.h): u32, u64, f64, and real, which is a
 * float or a double as the network's precision says. A u32 that is a flag is 0
 * or 1. N is the number of parameters, R that of running moments.
 *
 *     head       "MLPTRAIN" | u32 format, 1 | u32 MLP_NUMERICS
 *                | u64 bytes of the whole state
 *     network    u32 precision | u32 loss | f64 huber_delta
 *                | f64 label_smoothing | f64 batch_norm_momentum
 *                | f64 batch_norm_epsilon | u64 L | for l = 0 to L: u64 n[l]
 *                | u32 activation | u32 batch norm, a flag | f64 slope
 *                | f64 dropout | for the loss quantile: n[L] f64 tau
 *     scaling    u32: 0, or 1 for inputs + 2 for outputs + 4 for a new network
 *                | mean, std: n[0] reals each, if inputs are scaled
 *                | mean, std: n[L] reals each, if outputs are scaled
 *     optimizer  u32 kind | 14 f64: momentum, beta1, beta2, rho, epsilon, l2,
 *                l1, weight_decay, clip_value, clip_norm, rprop_grow,
 *                rprop_shrink, rprop_min, rprop_max
 *                | u64 lbfgs_history | u64 steps | f64 beta1^steps
 *                | f64 beta2^steps
 *     dropout    u64 seed | u64 forward_count: forward passes with this seed
 *     epochs     u32 begun, a flag | u32 validates, a flag | u64 finished
 *                epochs | u64 best epoch | u64 bad epochs | f64 best loss
 *                | f64 threshold
 *     plateau    f64 scale | f64 best | u64 bad epochs
 *     shuffling  624 u32 | u32 remaining | u32 has_gauss | f64 gauss: the
 *                members of mlp_rng
 *     best       u32: a flag, 1 if the best weights follow
 *     arrays     N + R reals: parameters and running moments
 *                | N reals for each array of the optimizer
 *                | N + R reals: the best parameters and moments, if there
 *     checksum   u32 CRC-32 of all bytes before
 *
 * Loading first checks everything before the arrays, and reads the optimizer
 * and the epochs into a struct on the stack. Then it allocates what the state
 * needs, and only then it changes the trainer and its network. So a state that
 * is refused changes nothing.
 */
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "train/trainer_state.h"

enum { FORMAT = 1, MAGIC_BYTES = 8, CRC_BYTES = 4 };

/* The head takes 24 bytes: the magic, two u32 and one u64. */
enum { HEAD_BYTES = 24 };

/* The number of f64 members of mlp_optimizer that are saved. */
enum { OPTIMIZER_NUMBERS = 14 };

/* Bits of the number that says which sides of the network are scaled, and
 * whether the network is new: then a fit may set the scaling. */
static const uint32_t scales_in = 1;
static const uint32_t scales_out = 2;
static const uint32_t is_new = 4;

static const char magic[] = "MLPTRAIN";

/* The values that are read and checked before the trainer changes. */
typedef struct saved_values {
    bool has_best;
    mlp_optimizer optimizer;
    uint64_t steps;               /* of the optimizer */
    double power[2];              /* beta1^steps, beta2^steps */
    uint64_t seed, forward_count; /* of dropout */
    mlpi_epoch_state epoch_state;
} saved_values;

/* ---------------------------------------------------------------------------
 * The parts of a state, each written and read by a pair of functions
 *
 * A function that reads values and returns a bool returns true if all of them
 * are in their ranges. Past the end of the bytes the reader delivers zeros and
 * remembers its failure (bytes.h), so no function needs to check each read.
 */

/* Returns a count. One that is no size_t becomes SIZE_MAX, which no range
 * contains. */
static size_t get_size(mlpi_reader *from)
{
    uint64_t n = mlpi_get_u64(from);
    return n < SIZE_MAX ? (size_t)n : SIZE_MAX;
}

/* Returns a flag; sets *good to false if it is neither 0 nor 1. */
static bool get_flag(mlpi_reader *from, bool *good)
{
    uint32_t flag = mlpi_get_u32(from);
    *good = *good && flag <= 1;
    return flag == 1;
}

/* Writes everything that must be equal in the network that loads the state.
 * Such a network writes the same bytes, so nothing needs to read them. */
static void put_network(mlpi_writer *to, const mlp_net *net)
{
    mlpi_put_u32(to, (uint32_t)net->kernels->dtype);
    mlpi_put_u32(to, (uint32_t)net->loss);
    mlpi_put_f64(to, net->huber_delta);
    mlpi_put_f64(to, net->label_smoothing);
    mlpi_put_f64(to, net->norm_momentum);
    mlpi_put_f64(to, net->norm_epsilon);
    mlpi_put_u64(to, net->layout.L);
    for (size_t l = 0; l <= net->layout.L; l++) {
        const mlpi_layer_layout *layer = &net->layout.layer[l];
        mlpi_put_u64(to, layer->width);
        mlpi_put_u32(to, (uint32_t)layer->activation);
        mlpi_put_u32(to, layer->batch_norm);
        mlpi_put_f64(to, layer->slope);
        mlpi_put_f64(to, layer->dropout);
    }
    for (size_t j = 0; net->quantiles && j < mlpi_net_outputs(net); j++) {
        mlpi_put_f64(to, net->quantiles[j]);
    }
}

/* Writes mean and standard deviation of each column, if they are used. */
static void put_moments(mlpi_writer *to, const mlp_net *net,
                        const mlpi_scaling *s)
{
    mlpi_put_reals(to, net->kernels->real_size, s->scales ? s->n : 0, s->mean);
    mlpi_put_reals(to, net->kernels->real_size, s->scales ? s->n : 0, s->std);
}

/* Writes which sides are scaled, then their moments. */
static void put_scaling(mlpi_writer *to, const mlp_net *net)
{
    mlpi_put_u32(to, (net->in.scales ? scales_in : 0) |
                         (net->out.scales ? scales_out : 0) |
                         (net->is_trained ? 0 : is_new));
    put_moments(to, net, &net->in);
    put_moments(to, net, &net->out);
}

/* Checks n means, which must be finite, and n standard deviations, which must
 * be above 0 too. The values stay in the bytes. */
static bool check_moments(mlpi_reader *from, const mlp_net *net, size_t n)
{
    bool good = true;
    for (size_t i = 0; i < 2 * n; i++) {
        double real = 0.0; /* large enough for either precision */
        double x = 0.0;
        mlpi_get_reals(from, net->kernels->real_size, 1, &real);
        net->kernels->to_double(1, &real, &x);
        good = good && isfinite(x) && (i < n || x > 0.0);
    }
    return good && !from->failed;
}

/* Checks the scaling without a change to the network, which get_scaling makes
 * after all other checks. Only quantities can be scaled. */
static bool check_scaling(mlpi_reader *from, const mlp_net *net)
{
    uint32_t scales = mlpi_get_u32(from);
    bool known = scales <= (scales_in | scales_out | is_new);
    bool in = scales & scales_in;
    bool out = scales & scales_out;
    return known && (!out || mlpi_may_scale(net->loss)) &&
           check_moments(from, net, in ? net->in.n : 0) &&
           check_moments(from, net, out ? net->out.n : 0);
}

/* Reads mean and standard deviation of each column, which check_moments has
 * accepted, or none. */
static void get_moments(mlpi_reader *from, const mlp_net *net, bool scales,
                        mlpi_scaling *s)
{
    s->scales = scales;
    mlpi_get_reals(from, net->kernels->real_size, scales ? s->n : 0, s->mean);
    mlpi_get_reals(from, net->kernels->real_size, scales ? s->n : 0, s->std);
}

/* Sets the scaling of the network, which check_scaling has accepted. */
static void get_scaling(mlpi_reader *from, mlp_net *net)
{
    uint32_t scales = mlpi_get_u32(from);
    get_moments(from, net, scales & scales_in, &net->in);
    get_moments(from, net, scales & scales_out, &net->out);
    net->is_trained = !(scales & is_new);
}

/* Sets numbers[i] to the address of the optimizer's i-th number in the file, so
 * that the writer and the reader cannot disagree about the order. */
static void optimizer_numbers(mlp_optimizer *o,
                              double *numbers[OPTIMIZER_NUMBERS])
{
    double *all[OPTIMIZER_NUMBERS] = {
        &o->momentum,   &o->beta1,     &o->beta2,      &o->rho,
        &o->epsilon,    &o->l2,        &o->l1,         &o->weight_decay,
        &o->clip_value, &o->clip_norm, &o->rprop_grow, &o->rprop_shrink,
        &o->rprop_min,  &o->rprop_max};
    memcpy(numbers, all, sizeof all);
}

/* Writes the options of the optimizer and how many steps it has done. Its
 * arrays are written by put_arrays. */
static void put_optimizer(mlpi_writer *to, const mlpi_optimizer *o)
{
    mlp_optimizer options = o->options;
    double *numbers[OPTIMIZER_NUMBERS];
    optimizer_numbers(&options, numbers);
    mlpi_put_u32(to, (uint32_t)options.kind);
    for (size_t i = 0; i < OPTIMIZER_NUMBERS; i++) {
        mlpi_put_f64(to, *numbers[i]);
    }
    mlpi_put_u64(to, options.lbfgs_history);
    mlpi_put_u64(to, o->steps);
    mlpi_put_f64(to, o->power[0]);
    mlpi_put_f64(to, o->power[1]);
}

/* The options are checked by mlpi_optimizer_check later. Powers of beta begin
 * at 1 and fall; Adam divides by 1 minus one of them. */
static bool get_optimizer(mlpi_reader *from, saved_values *s)
{
    double *numbers[OPTIMIZER_NUMBERS];
    optimizer_numbers(&s->optimizer, numbers);
    s->optimizer.kind = (mlp_optimizer_kind)mlpi_get_u32(from);
    for (size_t i = 0; i < OPTIMIZER_NUMBERS; i++) {
        *numbers[i] = mlpi_get_f64(from);
    }
    s->optimizer.lbfgs_history = get_size(from);
    s->steps = mlpi_get_u64(from);
    bool good = true;
    for (size_t i = 0; i < 2; i++) {
        s->power[i] = mlpi_get_f64(from);
        good = good && s->power[i] >= 0.0 && s->power[i] <= 1.0;
    }
    return good;
}

/* Writes the generator of the shuffling member by member: with its 624 words it
 * continues the same sequence. */
static void put_rng(mlpi_writer *to, const mlp_rng *rng)
{
    for (size_t i = 0; i < sizeof rng->key / sizeof *rng->key; i++) {
        mlpi_put_u32(to, rng->key[i]);
    }
    mlpi_put_u32(to, rng->remaining);
    mlpi_put_u32(to, rng->has_gauss);
    mlpi_put_f64(to, rng->gauss);
}

/* Reads the generator. Every value is allowed: rng.c treats `remaining` and
 * `has_gauss` of any value without harm. */
static void get_rng(mlpi_reader *from, mlp_rng *rng)
{
    for (size_t i = 0; i < sizeof rng->key / sizeof *rng->key; i++) {
        rng->key[i] = mlpi_get_u32(from);
    }
    rng->remaining = mlpi_get_u32(from);
    rng->has_gauss = mlpi_get_u32(from);
    rng->gauss = mlpi_get_f64(from);
}

/* True if the trainer holds the best weights of a fit with validation: without
 * validation nothing restores them. */
static bool has_best(const mlp_trainer *t)
{
    return t->epoch_state.validates &&
           mlpi_epoch_state_has_best(&t->epoch_state);
}

/* Writes dropout, epochs, plateau, shuffling and best, as the head of this file
 * calls them. */
static void put_epoch_state(mlpi_writer *to, const mlp_trainer *t)
{
    const mlpi_epoch_state *e = &t->epoch_state;
    mlpi_put_u64(to, t->seed);
    mlpi_put_u64(to, t->forward_count);
    mlpi_put_u32(to, e->begun);
    mlpi_put_u32(to, e->validates);
    mlpi_put_u64(to, e->epochs);
    mlpi_put_u64(to, e->best_epoch);
    mlpi_put_u64(to, e->bad_epochs);
    mlpi_put_f64(to, e->best_loss);
    mlpi_put_f64(to, e->threshold);
    mlpi_put_f64(to, e->plateau.scale);
    mlpi_put_f64(to, e->plateau.best);
    mlpi_put_u64(to, e->plateau.bad_epochs);
    put_rng(to, &e->rng);
    mlpi_put_u32(to, has_best(t));
}

/* Reads what put_epoch_state wrote. No count of epochs can be above that of all
 * epochs, and losses may be infinite, as they are before the first epoch, but
 * not NaN. The best weights are there exactly if the values say so. */
static bool get_epoch_state(mlpi_reader *from, saved_values *s)
{
    mlpi_epoch_state *e = &s->epoch_state;
    bool good = true;
    s->seed = mlpi_get_u64(from);
    s->forward_count = mlpi_get_u64(from);
    e->begun = get_flag(from, &good);
    e->validates = get_flag(from, &good);
    e->epochs = get_size(from);
    e->best_epoch = get_size(from);
    e->bad_epochs = get_size(from);
    e->best_loss = mlpi_get_f64(from);
    e->threshold = mlpi_get_f64(from);
    e->plateau.scale = mlpi_get_f64(from);
    e->plateau.best = mlpi_get_f64(from);
    e->plateau.bad_epochs = get_size(from);
    get_rng(from, &e->rng);
    s->has_best = get_flag(from, &good);
    bool counts_fit = e->epochs < SIZE_MAX / 2 && e->best_epoch <= e->epochs &&
                      e->bad_epochs <= e->epochs &&
                      e->plateau.bad_epochs <= e->epochs;
    bool losses_fit = !isnan(e->best_loss) && !isnan(e->threshold) &&
                      !isnan(e->plateau.best) && e->plateau.scale >= 0.0 &&
                      e->plateau.scale <= 1.0;
    return good && counts_fit && losses_fit && !from->failed &&
           s->has_best == (e->validates && mlpi_epoch_state_has_best(e));
}

/* ---------------------------------------------------------------------------
 * Saving
 */

/* Writes all that grows with the number of parameters. */
static void put_arrays(mlpi_writer *to, const mlp_trainer *t)
{
    size_t size = t->net->kernels->real_size;
    size_t n = mlpi_snapshot_size(t->net);
    mlpi_put_reals(to, size, n, t->net->parameters);
    for (size_t k = 0; k < t->optimizer.n_states; k++) {
        mlpi_put_reals(to, size, t->net->layout.parameters,
                       t->optimizer.state[k]);
    }
    mlpi_put_reals(to, size, has_best(t) ? n : 0, t->best);
}

/* Writes all but the checksum. `size` is that of the whole state. */
static void put_state(mlpi_writer *to, const mlp_trainer *t, size_t size)
{
    mlpi_put_bytes(to, MAGIC_BYTES, magic);
    mlpi_put_u32(to, FORMAT);
    mlpi_put_u32(to, MLP_NUMERICS);
    mlpi_put_u64(to, size);
    put_network(to, t->net);
    put_scaling(to, t->net);
    put_optimizer(to, &t->optimizer);
    put_epoch_state(to, t);
    put_arrays(to, t);
}

/* Measures the state by writing it with a writer that only counts. */
size_t mlp_trainer_save_size(const mlp_trainer *trainer)
{
    mlpi_writer count = {.bytes = NULL};
    if (!trainer) {
        return 0;
    }
    put_state(&count, trainer, 0);
    return count.used + CRC_BYTES;
}

/* The size must be exact: a state knows its own size, and the checksum is its
 * last four bytes. */
mlp_status mlp_trainer_save_memory(const mlp_trainer *trainer, void *bytes,
                                   size_t size)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&trainer->hooks, bytes, "the place for the state"));
    size_t needed = mlp_trainer_save_size(trainer);
    if (size != needed) {
        return mlpi_error(&trainer->hooks, MLP_ERR_SHAPE,
                          "state: expects room for %zu bytes, got %zu", needed,
                          size);
    }
    mlpi_writer to = {.bytes = bytes};
    put_state(&to, trainer, size);
    mlpi_put_u32(&to, mlpi_crc32(to.used, bytes));
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Loading
 */

/* Reports bytes that are not a whole state. `what` completes "got ...". */
static mlp_status report_damage(const mlp_trainer *t, const char *what)
{
    return mlpi_error(
        &t->hooks, MLP_ERR_FORMAT,
        "state: expects what mlp_trainer_save_memory wrote, got %s", what);
}

/* Checks the head and the checksum, and removes the checksum from the reader.
 * The version is checked after the checksum, so that damage is not taken for
 * another version. */
static mlp_status check_head(const mlp_trainer *t, mlpi_reader *from)
{
    const unsigned char *bytes = from->bytes;
    if (from->size < HEAD_BYTES + CRC_BYTES) {
        return report_damage(t, "too few bytes");
    }
    if (memcmp(mlpi_get_bytes(from, MAGIC_BYTES), magic, MAGIC_BYTES) != 0) {
        return report_damage(t, "something else");
    }
    uint32_t format = mlpi_get_u32(from);
    uint32_t numerics = mlpi_get_u32(from);
    uint64_t size = mlpi_get_u64(from);
    if (size != from->size) {
        return report_damage(t, "another number of bytes than it says");
    }
    /* From here on the reader ends before the checksum. */
    from->size -= CRC_BYTES;
    mlpi_reader end = {.bytes = bytes + from->size, .size = CRC_BYTES};
    if (mlpi_get_u32(&end) != mlpi_crc32(from->size, bytes)) {
        return report_damage(t, "bytes that were changed");
    }
    if (format != FORMAT || numerics != MLP_NUMERICS) {
        return mlpi_error(&t->hooks, MLP_ERR_UNSUPPORTED,
                          "state: expects format %d and numerics %d, got %u "
                          "and %u",
                          FORMAT, MLP_NUMERICS, (unsigned)format,
                          (unsigned)numerics);
    }
    return MLP_OK;
}

/* Checks that the network that was saved equals the trainer's in all that
 * put_network writes: writes the trainer's to memory and compares bytes. */
static mlp_status check_network(const mlp_trainer *t, mlpi_reader *from)
{
    mlpi_writer own = {.bytes = NULL};
    put_network(&own, t->net);
    void *block = NULL;
    TRY(mlpi_allocate_array(&t->hooks, own.used, 1, "a description", &block));
    size_t n = own.used;
    own = (mlpi_writer){.bytes = block};
    put_network(&own, t->net);
    const unsigned char *other = mlpi_get_bytes(from, n);
    bool equal = other && memcmp(other, block, n) == 0;
    mlpi_release(&t->hooks, block);
    if (!equal) {
        return mlpi_error(&t->hooks, MLP_ERR_ARGUMENT,
                          "state: expects a network of the same layers, loss "
                          "and precision, got another's");
    }
    return MLP_OK;
}

/* Reads and checks everything between the network and the arrays. *scaling
 * becomes a reader that stands before the scaling, for get_scaling. */
static mlp_status check_values(const mlp_trainer *t, mlpi_reader *from,
                               mlpi_reader *scaling, saved_values *s)
{
    *scaling = *from;
    bool good = check_scaling(from, t->net);
    good = get_optimizer(from, s) && good;
    if (!get_epoch_state(from, s) || !good) {
        return report_damage(t, "numbers that cannot be");
    }
    return mlpi_optimizer_check(t->net, &s->optimizer);
}

/* Checks that the arrays fill the rest of the bytes, then allocates the new
 * optimizer and, if needed, memory for the best weights. After that nothing can
 * fail. The size is checked first, so no state leads to more memory than its
 * bytes take. The size fits in 64 bits: mlpi_optimizer_check bounds the number
 * of arrays, and MLP_MAX_PARAMETERS their length. */
static mlp_status allocate_state(mlp_trainer *t, const saved_values *s,
                                 const mlpi_reader *from,
                                 mlpi_optimizer *optimizer)
{
    size_t size = t->net->kernels->real_size;
    size_t n = mlpi_snapshot_size(t->net);
    size_t states = mlpi_optimizer_states(&s->optimizer);
    uint64_t arrays = (uint64_t)states * t->net->layout.parameters;
    arrays += s->has_best ? 2 * (uint64_t)n : n;
    if (from->size - from->used != arrays * size) {
        return report_damage(t, "arrays of another size");
    }
    TRY(mlpi_optimizer_make(t->net, &t->hooks, &s->optimizer, optimizer));
    mlp_status status = s->has_best ? mlpi_trainer_keep_best(t) : MLP_OK;
    if (status != MLP_OK) {
        mlpi_optimizer_release(&t->hooks, optimizer);
    }
    return status;
}

/* Reads the arrays, in the order of put_arrays. */
static void get_arrays(mlpi_reader *from, mlp_trainer *t, bool best)
{
    size_t size = t->net->kernels->real_size;
    size_t n = mlpi_snapshot_size(t->net);
    mlpi_get_reals(from, size, n, t->net->parameters);
    for (size_t k = 0; k < t->optimizer.n_states; k++) {
        mlpi_get_reals(from, size, t->net->layout.parameters,
                       t->optimizer.state[k]);
    }
    mlpi_get_reals(from, size, best ? n : 0, t->best);
}

/* Gives the trainer the values that were read, and the arrays. Activations and
 * gradients of an earlier batch belong to other parameters, so they count as
 * not computed. */
static void set_state(mlp_trainer *t, const saved_values *s, mlpi_reader *from,
                      const mlpi_optimizer *optimizer)
{
    mlpi_optimizer_release(&t->hooks, &t->optimizer);
    t->optimizer = *optimizer;
    t->optimizer.steps = s->steps;
    t->optimizer.power[0] = s->power[0];
    t->optimizer.power[1] = s->power[1];
    t->seed = s->seed;
    t->forward_count = s->forward_count;
    t->epoch_state = s->epoch_state;
    t->has_forward = false;
    t->has_gradients = false;
    get_arrays(from, t, s->has_best);
}

/* Makes four checks, of which the last allocates. The two calls that follow
 * change the trainer and its network, and cannot fail. */
mlp_status mlp_trainer_load_memory(mlp_trainer *trainer, const void *bytes,
                                   size_t size)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    TRY(mlpi_check_pointer(&trainer->hooks, bytes, "the state"));
    mlpi_reader from = {.bytes = bytes, .size = size};
    mlpi_reader scaling;
    saved_values s = {.has_best = false};
    /* A new optimizer replaces the trainer's only when all has succeeded. */
    mlpi_optimizer optimizer = {.block = NULL};
    TRY(check_head(trainer, &from));
    TRY(check_network(trainer, &from));
    TRY(check_values(trainer, &from, &scaling, &s));
    TRY(allocate_state(trainer, &s, &from, &optimizer));
    get_scaling(&scaling, trainer->net);
    set_state(trainer, &s, &from, &optimizer);
    return MLP_OK;
}
