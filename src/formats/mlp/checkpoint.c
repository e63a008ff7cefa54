/* SPDX-License-Identifier: MIT */
/*
 * A trainer as bytes, from which another one, of an equal network, goes on as
 * this one would have. All numbers have their lowest byte first (bytes.h):
 *
 *     "MLPTRAIN" | format u32 | MLP_NUMERICS u32 | bytes in all u64
 *     network    | precision, loss, layers: what must be equal
 *     scaling    | 1 if inputs are, 2 if outputs are, 3 if both, 0 u32 |
 *                | mean, std: n[0] reals each | mean, std: n[L] reals each
 *     optimizer  | rule, its numbers | steps, powers
 *     dropout    | seed, draw
 *     course     | counters, losses, the random generator
 *     arrays     | parameters and running moments | the optimizer's arrays |
 *                | the best weights, if there are some
 *     CRC-32 of all before
 *
 * Whoever reads has nothing changed until all has been looked at.
 */
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/error.h"
#include "train/trainer_state.h"

enum { FORMAT = 1, MAGIC_BYTES = 8, CRC_BYTES = 4, NUMBERS = 14 };

/* The bytes before the network's. */
enum { HEAD_BYTES = 24 };

/* Which side is scaled. */
static const uint32_t scales_in = 1;
static const uint32_t scales_out = 2;

static const char magic[] = "MLPTRAIN";

/* What is read before anything is changed. */
typedef struct saved {
    bool has_best;
    mlp_optimizer optimizer;
    uint64_t steps;
    double power[2];
    uint64_t seed, draw;
    mlpi_epoch_state epoch_state;
} saved;

/* ---------------------------------------------------------------------------
 * The parts
 */

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
        const mlpi_shape *shape = &net->layout.layer[l];
        mlpi_put_u64(to, shape->width);
        mlpi_put_u32(to, (uint32_t)shape->activation);
        mlpi_put_u32(to, shape->batch_norm);
        mlpi_put_f64(to, shape->slope);
        mlpi_put_f64(to, shape->dropout);
    }
}

static void put_moments(mlpi_writer *to, const mlp_net *net,
                        const mlpi_scaling *s)
{
    mlpi_put_reals(to, net->kernels->real_size, s->scales ? s->n : 0, s->mean);
    mlpi_put_reals(to, net->kernels->real_size, s->scales ? s->n : 0, s->std);
}

static void put_scaling(mlpi_writer *to, const mlp_net *net)
{
    mlpi_put_u32(to, (net->in.scales ? scales_in : 0) |
                         (net->out.scales ? scales_out : 0));
    put_moments(to, net, &net->in);
    put_moments(to, net, &net->out);
}

/* Looks at n means and standard deviations without taking them: are they what
 * they may be? */
static bool skip_moments(mlpi_reader *from, const mlp_net *net, size_t n)
{
    bool good = true;
    for (size_t i = 0; i < 2 * n; i++) {
        double real = 0.0; /* room for either precision */
        double x = 0.0;
        mlpi_get_reals(from, net->kernels->real_size, 1, &real);
        net->kernels->to_double(1, &real, &x);
        good = good && isfinite(x) && (i < n || x > 0.0);
    }
    return good && !from->failed;
}

static bool skip_scaling(mlpi_reader *from, const mlp_net *net)
{
    uint32_t scales = mlpi_get_u32(from);
    bool known = scales <= (scales_in | scales_out);
    bool in = scales & scales_in;
    bool out = scales & scales_out;
    return known && (!out || mlpi_is_regression(net->loss)) &&
           skip_moments(from, net, in ? net->in.n : 0) &&
           skip_moments(from, net, out ? net->out.n : 0);
}

static void get_moments(mlpi_reader *from, const mlp_net *net, bool scales,
                        mlpi_scaling *s)
{
    s->scales = scales;
    mlpi_get_reals(from, net->kernels->real_size, scales ? s->n : 0, s->mean);
    mlpi_get_reals(from, net->kernels->real_size, scales ? s->n : 0, s->std);
}

static void get_scaling(mlpi_reader *from, mlp_net *net)
{
    uint32_t scales = mlpi_get_u32(from);
    get_moments(from, net, scales & scales_in, &net->in);
    get_moments(from, net, scales & scales_out, &net->out);
}

/* The optimizer's numbers, in the order of the struct. */
static void numbers_of(mlp_optimizer *is, double *numbers[NUMBERS])
{
    double *all[NUMBERS] = {
        &is->momentum,   &is->beta1,     &is->beta2,      &is->rho,
        &is->epsilon,    &is->l2,        &is->l1,         &is->weight_decay,
        &is->clip_value, &is->clip_norm, &is->rprop_grow, &is->rprop_shrink,
        &is->rprop_min,  &is->rprop_max};
    memcpy(numbers, all, sizeof all);
}

static void put_optimizer(mlpi_writer *to, const mlpi_optimizer *o)
{
    mlp_optimizer is = o->options;
    double *numbers[NUMBERS];
    numbers_of(&is, numbers);
    mlpi_put_u32(to, (uint32_t)is.kind);
    for (size_t i = 0; i < NUMBERS; i++) {
        mlpi_put_f64(to, *numbers[i]);
    }
    mlpi_put_u64(to, is.lbfgs_history);
    mlpi_put_u64(to, o->steps);
    mlpi_put_f64(to, o->power[0]);
    mlpi_put_f64(to, o->power[1]);
}

static bool get_optimizer(mlpi_reader *from, saved *s)
{
    double *numbers[NUMBERS];
    numbers_of(&s->optimizer, numbers);
    s->optimizer.kind = (mlp_optimizer_kind)mlpi_get_u32(from);
    for (size_t i = 0; i < NUMBERS; i++) {
        *numbers[i] = mlpi_get_f64(from);
    }
    uint64_t pairs = mlpi_get_u64(from);
    s->optimizer.lbfgs_history = pairs < SIZE_MAX ? (size_t)pairs : SIZE_MAX;
    s->steps = mlpi_get_u64(from);
    s->power[0] = mlpi_get_f64(from);
    s->power[1] = mlpi_get_f64(from);
    bool good = true;
    for (size_t i = 0; i < 2; i++) { /* they fall from 1 */
        good = good && s->power[i] >= 0.0 && s->power[i] <= 1.0;
    }
    return good;
}

static void put_rng(mlpi_writer *to, const mlp_rng *rng)
{
    for (size_t i = 0; i < sizeof rng->key / sizeof *rng->key; i++) {
        mlpi_put_u32(to, rng->key[i]);
    }
    mlpi_put_u32(to, rng->remaining);
    mlpi_put_u32(to, rng->has_gauss);
    mlpi_put_f64(to, rng->gauss);
}

static void get_rng(mlpi_reader *from, mlp_rng *rng)
{
    for (size_t i = 0; i < sizeof rng->key / sizeof *rng->key; i++) {
        rng->key[i] = mlpi_get_u32(from);
    }
    rng->remaining = mlpi_get_u32(from);
    rng->has_gauss = mlpi_get_u32(from);
    rng->gauss = mlpi_get_f64(from);
}

static bool has_best(const mlp_trainer *t)
{
    return t->epoch_state.validates &&
           mlpi_epoch_state_has_best(&t->epoch_state);
}

static void put_epoch_state(mlpi_writer *to, const mlp_trainer *t)
{
    const mlpi_epoch_state *c = &t->epoch_state;
    mlpi_put_u64(to, t->seed);
    mlpi_put_u64(to, t->draw);
    mlpi_put_u32(to, c->begun);
    mlpi_put_u32(to, c->validates);
    mlpi_put_u64(to, c->epochs);
    mlpi_put_u64(to, c->best_epoch);
    mlpi_put_u64(to, c->bad_epochs);
    mlpi_put_f64(to, c->best_loss);
    mlpi_put_f64(to, c->threshold);
    mlpi_put_f64(to, c->plateau.scale);
    mlpi_put_f64(to, c->plateau.best);
    mlpi_put_u64(to, c->plateau.bad_epochs);
    put_rng(to, &c->rng);
    mlpi_put_u32(to, has_best(t));
}

/* Are the numbers what they may be? */
static bool get_epoch_state(mlpi_reader *from, saved *s)
{
    mlpi_epoch_state *c = &s->epoch_state;
    s->seed = mlpi_get_u64(from);
    s->draw = mlpi_get_u64(from);
    uint32_t begun = mlpi_get_u32(from);
    uint32_t validates = mlpi_get_u32(from);
    uint64_t counts[4]; /* epochs, the best, waited, and on the plateau */
    for (size_t i = 0; i < 3; i++) {
        counts[i] = mlpi_get_u64(from);
    }
    c->best_loss = mlpi_get_f64(from);
    c->threshold = mlpi_get_f64(from);
    c->plateau.scale = mlpi_get_f64(from);
    c->plateau.best = mlpi_get_f64(from);
    counts[3] = mlpi_get_u64(from);
    get_rng(from, &c->rng);
    uint32_t best = mlpi_get_u32(from);
    c->begun = begun == 1;
    c->validates = validates == 1;
    c->epochs = (size_t)counts[0];
    c->best_epoch = (size_t)counts[1];
    c->bad_epochs = (size_t)counts[2];
    c->plateau.bad_epochs = (size_t)counts[3];
    s->has_best = best == 1;
    bool are_flags = begun <= 1 && validates <= 1 && best <= 1;
    bool are_counts = counts[0] < SIZE_MAX / 2 && counts[1] <= counts[0] &&
                      counts[2] <= counts[0] && counts[3] <= counts[0];
    bool are_losses = !isnan(c->best_loss) && !isnan(c->threshold) &&
                      !isnan(c->plateau.best) && c->plateau.scale >= 0.0 &&
                      c->plateau.scale <= 1.0;
    return are_flags && are_counts && are_losses && !from->failed &&
           s->has_best == (c->validates && mlpi_epoch_state_has_best(c));
}

/* ---------------------------------------------------------------------------
 * Saving
 */

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

/* All but the checksum. */
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

size_t mlp_trainer_save_size(const mlp_trainer *trainer)
{
    mlpi_writer count = {.bytes = NULL};
    if (!trainer) {
        return 0;
    }
    put_state(&count, trainer, 0);
    return count.used + CRC_BYTES;
}

mlp_status mlp_trainer_save_memory(const mlp_trainer *trainer, void *bytes,
                                   size_t size)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    if (!bytes) {
        return mlpi_error(&trainer->hooks, MLP_ERR_NULL,
                          "the place for the state is NULL");
    }
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

static mlp_status report_damage(const mlp_trainer *t, const char *what)
{
    return mlpi_error(
        &t->hooks, MLP_ERR_FORMAT,
        "state: expects what mlp_trainer_save_memory wrote, got %s", what);
}

/* Looks at what no state can be without, and at the checksum. */
static mlp_status check_whole(const mlp_trainer *t, mlpi_reader *from)
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

/* Is the network that was saved like this trainer's? */
static mlp_status check_network(const mlp_trainer *t, mlpi_reader *from)
{
    mlpi_writer own = {.bytes = NULL};
    put_network(&own, t->net);
    mlpi_cursor measure = {0};
    (void)mlpi_take(&measure, own.used, 1);
    void *block = NULL;
    TRY(mlpi_allocate(&t->hooks, &measure, "a description", &block));
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

/* Reads all but the arrays; *scaling is where that begins. */
static mlp_status check_values(const mlp_trainer *t, mlpi_reader *from,
                               mlpi_reader *scaling, saved *s)
{
    *scaling = *from;
    bool good = skip_scaling(from, t->net);
    good = get_optimizer(from, s) && good;
    if (!get_epoch_state(from, s) || !good) {
        return report_damage(t, "numbers that cannot be");
    }
    return mlpi_optimizer_check(t->net, &s->optimizer);
}

/* Allocates what the state needs; then nothing can fail any more. */
static mlp_status prepare(mlp_trainer *t, const saved *s,
                          const mlpi_reader *from, mlpi_optimizer *optimizer)
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

static void take_state(mlp_trainer *t, const saved *s, mlpi_reader *from,
                       const mlpi_optimizer *optimizer)
{
    size_t size = t->net->kernels->real_size;
    size_t n = mlpi_snapshot_size(t->net);
    mlpi_optimizer_release(&t->hooks, &t->optimizer);
    t->optimizer = *optimizer;
    t->optimizer.steps = s->steps;
    t->optimizer.power[0] = s->power[0];
    t->optimizer.power[1] = s->power[1];
    t->seed = s->seed;
    t->draw = s->draw;
    t->epoch_state = s->epoch_state;
    t->has_forward = false;
    t->has_gradients = false;
    mlpi_get_reals(from, size, n, t->net->parameters);
    for (size_t k = 0; k < optimizer->n_states; k++) {
        mlpi_get_reals(from, size, t->net->layout.parameters,
                       t->optimizer.state[k]);
    }
    mlpi_get_reals(from, size, s->has_best ? n : 0, t->best);
}

mlp_status mlp_trainer_load_memory(mlp_trainer *trainer, const void *bytes,
                                   size_t size)
{
    if (!trainer) {
        return MLP_ERR_NULL;
    }
    if (!bytes) {
        return mlpi_error(&trainer->hooks, MLP_ERR_NULL, "the state is NULL");
    }
    mlpi_reader from = {.bytes = bytes, .size = size};
    mlpi_reader scaling;
    saved s = {.has_best = false};
    mlpi_optimizer optimizer = {.block = NULL};
    TRY(check_whole(trainer, &from));
    TRY(check_network(trainer, &from));
    TRY(check_values(trainer, &from, &scaling, &s));
    TRY(prepare(trainer, &s, &from, &optimizer));
    get_scaling(&scaling, trainer->net);
    take_state(trainer, &s, &from, &optimizer);
    return MLP_OK;
}
