/* SPDX-License-Identifier: MIT */
/*
 * The public functions: each opens a world of ranks, gives the state of rank 0
 * to all, moves rows to where they are needed, and calls the fit of mlp.h with
 * an exchange. From then on the library agrees by itself.
 *
 * State is sent as a checkpoint, which has all that decides about the bits of a
 * fit. For a network alone a trainer for one row is made, whose checkpoint
 * holds no more than what the network has learnt.
 *
 * A call goes through these stages, and all ranks fail in the same one:
 *
 *     mlpi_world_open       a duplicate of the communicator, a buffer
 *     agree_on_parts        the number of parts is that of rank 0
 *     share_...             weights, scaling and what a trainer remembers
 *     mlpi_mpi_rows_move    rows to the ranks that have their blocks
 *     mlp_fit, ...          the fit, whose exchange is the world's sum
 *
 * The caller's options are copied, and only the copy gets the rows that have
 * moved, the parts and the exchange.
 */
#include "rows.h"

#include <string.h>

/* Eight parts serve up to eight ranks, and divide the default batch of 32. */
mlp_mpi_options mlp_mpi_defaults(void)
{
    return (mlp_mpi_options){.comm = MPI_COMM_WORLD, .parts = 8};
}

/* ---------------------------------------------------------------------------
 * The state of one rank for all
 */

/* What a trainer remembers, as bytes. */
typedef struct state {
    void *bytes;
    size_t size;
} state;

static mlp_status allocate_state(const mlpi_world *world, state *s)
{
    s->bytes = mlpi_mpi_allocate(&world->hooks, s->size);
    return s->bytes ? MLP_OK
                    : mlpi_mpi_error(&world->hooks, MLP_ERR_MEMORY,
                                     "out of memory: %zu bytes for a "
                                     "checkpoint",
                                     s->size);
}

/* Loads the root's state. If another rank cannot, the trainer gets back its own
 * state. To load it needs memory, so the root's state is released first. A
 * failure of this second load is logged; the status of the call is that of the
 * first failure. */
static mlp_status load_or_keep(const mlpi_world *world, mlp_trainer *trainer,
                               state *roots, const state *own)
{
    mlp_status loaded =
        mlp_trainer_load_memory(trainer, roots->bytes, roots->size);
    mlp_status status = mlpi_world_agree(world, loaded);
    mlpi_mpi_release(&world->hooks, roots->bytes);
    roots->bytes = NULL;
    if (status != MLP_OK && loaded == MLP_OK) {
        (void)!mlp_trainer_load_memory(trainer, own->bytes, own->size);
    }
    return status;
}

/* Sends the checkpoint of the root's trainer to all. The others load it, which
 * fails if they have other layers, loss or precision. */
static mlp_status share_trainer(const mlpi_world *world, int root,
                                mlp_trainer *trainer)
{
    bool is_root = world->rank == root;
    state own = {.size = mlp_trainer_save_size(trainer)};
    uint64_t size = own.size;
    mlp_status status = mlpi_world_broadcast(world, root, &size, sizeof size);
    if (status != MLP_OK) {
        return status;
    }
    state roots = {.size = (size_t)size};
    status = allocate_state(world, &own);
    if (status == MLP_OK) {
        status = mlp_trainer_save_memory(trainer, own.bytes, own.size);
    }
    if (status == MLP_OK && !is_root) {
        status = allocate_state(world, &roots);
    }
    status = mlpi_world_agree(world, status);
    if (status == MLP_OK) {
        status = mlpi_world_broadcast(
            world, root, is_root ? own.bytes : roots.bytes, roots.size);
    }
    if (status == MLP_OK) {
        status = is_root ? mlpi_world_agree(world, MLP_OK)
                         : load_or_keep(world, trainer, &roots, &own);
    }
    mlpi_mpi_release(&world->hooks, roots.bytes);
    mlpi_mpi_release(&world->hooks, own.bytes);
    return status;
}

/* Sends what the root's network has learnt to all: parameters, scaling, and
 * whether it has been trained, which decides whether a fit standardises. The
 * trainer has plain gradient descent, which remembers nothing. */
static mlp_status share_net(const mlpi_world *world, int root, mlp_net *net)
{
    mlp_trainer *trainer = NULL;
    mlp_status status =
        mlpi_world_agree(world, mlp_trainer_create(net, 1, &trainer));
    if (status == MLP_OK) {
        status = share_trainer(world, root, trainer);
    }
    mlp_trainer_free(trainer);
    return status;
}

/* ---------------------------------------------------------------------------
 * A fit
 */

/* What one of the four fits is called with. `next` is NULL for rows in memory,
 * and one of net and trainer is NULL. */
typedef struct call {
    mlp_net *net;
    mlp_trainer *trainer;
    mlp_next_chunk *next;
    void *user;
    mlp_train_options options;
    mlpi_mpi_rows rows;
    mlp_mpi_options mpi;
} call;

/* Returns the bytes of a gradient, the longest array of an exchange. What other
 * ranks send of it is received into a buffer of the world. */
static size_t gradient_bytes(const mlp_net *net)
{
    bool is_wide = mlp_net_precision(net) == MLP_F64;
    return mlp_net_parameter_count(net) *
           (is_wide ? sizeof(double) : sizeof(float));
}

/* Checks that the ranks can share the parts. Three ranks, for example, cannot
 * share eight parts: their sums would not be those of the tree. */
static mlp_status check_parts(const mlpi_world *world, size_t parts)
{
    size_t ranks = (size_t)world->ranks;
    if (parts == 0 || parts > MLP_MAX_PARTS || (parts & (parts - 1)) != 0) {
        return mlpi_mpi_error(&world->hooks, MLP_ERR_ARGUMENT,
                              "parts: expects a power of two up to %d, got %zu",
                              MLP_MAX_PARTS, parts);
    }
    if (parts % ranks != 0) {
        return mlpi_mpi_error(&world->hooks, MLP_ERR_ARGUMENT,
                              "ranks: expects a power of two up to the %zu "
                              "part%s, got %zu",
                              parts, parts == 1 ? "" : "s", ranks);
    }
    return MLP_OK;
}

/* Checks that all ranks ask for as many parts as rank 0. This must be so before
 * anything else, because rows move according to the parts, and the agreement
 * inside a fit needs them. */
static mlp_status agree_on_parts(const mlpi_world *world, size_t parts)
{
    uint64_t first = parts;
    mlp_status status = mlpi_world_broadcast(world, 0, &first, sizeof first);
    if (status != MLP_OK) {
        return status;
    }
    status = check_parts(world, parts);
    if (status == MLP_OK && first != parts) {
        status =
            mlpi_mpi_error(&world->hooks, MLP_ERR_ARGUMENT,
                           "rank %d of %d: expects %zu parts, as rank 0 "
                           "has, got %zu",
                           world->rank, world->ranks, (size_t)first, parts);
    }
    return mlpi_world_agree(world, status);
}

/* Calls the fit of mlp.h that belongs to the call: rows in memory or a stream,
 * with a network or with a trainer. From here on the library and its exchange
 * see to it that all ranks return the same status. */
static mlp_status call_fit(const call *c, mlp_history **history)
{
    const mlp_train_options *options = &c->options;
    if (c->next && c->trainer) {
        return mlp_trainer_fit_stream(c->trainer, c->next, c->user, options,
                                      history);
    }
    if (c->next) {
        return mlp_fit_stream(c->net, c->next, c->user, options, history);
    }
    return c->trainer ? mlp_trainer_fit(c->trainer, c->rows.X, c->rows.Y,
                                        options, history)
                      : mlp_fit(c->net, c->rows.X, c->rows.Y, options, history);
}

/* Prepares the ranks and fits. A failure in any of these calls is the same
 * status on all ranks, so each may be left without telling the others. The fit
 * itself checks that options and networks are the same everywhere, before it
 * makes the first step. Threads of several ranks on one machine would take each
 * other's cores, so the default is one. */
static mlp_status fit_in(mlpi_world *world, call *c, mlp_history **history)
{
    mlp_train_options *options = &c->options;
    mlp_status status = agree_on_parts(world, c->mpi.parts);
    if (status == MLP_OK) {
        status = c->trainer ? share_trainer(world, 0, c->trainer)
                            : share_net(world, 0, c->net);
    }
    if (status == MLP_OK) {
        c->rows.row_weights = options->row_weights;
        c->rows.X_validation = options->X_validation;
        c->rows.Y_validation = options->Y_validation;
        status = mlpi_mpi_rows_move(world, c->mpi.parts, &c->rows);
    }
    if (status == MLP_OK) {
        options->row_weights = c->rows.row_weights;
        options->X_validation = c->rows.X_validation;
        options->Y_validation = c->rows.Y_validation;
        options->parts = c->mpi.parts;
        options->exchange = &world->exchange;
        options->threads = options->threads == 0 ? 1 : options->threads;
        status = call_fit(c, history);
    }
    mlpi_mpi_rows_release(world, &c->rows);
    return status;
}

/* Checks what the call is made with. A rank without a network has no hook that
 * could tell. */
static mlp_status check_call(const mlp_hooks *hooks, bool is_complete,
                             const mlp_mpi_options *mpi)
{
    if (!is_complete) {
        return mlpi_mpi_error(hooks, MLP_ERR_NULL, "next is NULL");
    }
    for (size_t i = 0; i < sizeof mpi->reserved / sizeof *mpi->reserved; i++) {
        if (mpi->reserved[i] != 0) {
            return mlpi_mpi_error(hooks, MLP_ERR_ARGUMENT,
                                  "MPI options, reserved: expects zeros, got "
                                  "%llu in element %zu (start from "
                                  "mlp_mpi_defaults())",
                                  (unsigned long long)mpi->reserved[i], i);
        }
    }
    return MLP_OK;
}

/* The four public functions. A world is opened even for a call that cannot be,
 * because the other ranks wait for this one in it. A rank that has no network,
 * or nothing else that it needs, says so to the others. */
static mlp_status fit(call *c, const mlp_train_options *options,
                      const mlp_mpi_options *mpi, bool is_complete,
                      mlp_history **history)
{
    const mlp_net *net = c->trainer ? mlp_trainer_net(c->trainer) : c->net;
    mlp_hooks hooks = mlp_net_hooks(net);
    mlpi_world world;
    c->options = options ? *options : mlp_train_defaults();
    c->mpi = mpi ? *mpi : mlp_mpi_defaults();
    mlp_status status =
        mlpi_world_open(c->mpi.comm, &hooks, net ? gradient_bytes(net) : 0,
                        check_call(&hooks, is_complete, &c->mpi), &world);
    if (status == MLP_OK) {
        status = fit_in(&world, c, history);
    }
    mlpi_world_close(&world);
    return status;
}

/* A call with NULL fails on all ranks, not only where it is NULL, because the
 * ranks open the world before anything else and agree there. */
mlp_status mlp_mpi_fit(mlp_net *net, mlp_cview X, mlp_cview Y,
                       const mlp_train_options *options,
                       const mlp_mpi_options *mpi, mlp_history **history)
{
    call c = {.net = net, .rows = {.X = X, .Y = Y}};
    return fit(&c, options, mpi, net != NULL, history);
}

mlp_status mlp_mpi_fit_stream(mlp_net *net, mlp_next_chunk *next, void *user,
                              const mlp_train_options *options,
                              const mlp_mpi_options *mpi, mlp_history **history)
{
    call c = {.net = net, .next = next, .user = user};
    return fit(&c, options, mpi, net && next, history);
}

mlp_status mlp_mpi_trainer_fit(mlp_trainer *trainer, mlp_cview X, mlp_cview Y,
                               const mlp_train_options *options,
                               const mlp_mpi_options *mpi,
                               mlp_history **history)
{
    call c = {.trainer = trainer, .rows = {.X = X, .Y = Y}};
    return fit(&c, options, mpi, trainer != NULL, history);
}

mlp_status mlp_mpi_trainer_fit_stream(mlp_trainer *trainer,
                                      mlp_next_chunk *next, void *user,
                                      const mlp_train_options *options,
                                      const mlp_mpi_options *mpi,
                                      mlp_history **history)
{
    call c = {.trainer = trainer, .next = next, .user = user};
    return fit(&c, options, mpi, trainer && next, history);
}

/* The agreement on the root comes first, because ranks that name different
 * roots would wait for each other; those whose root is wrong by itself are
 * found. */
mlp_status mlp_mpi_broadcast(mlp_net *net, int root, MPI_Comm comm)
{
    mlp_hooks hooks = mlp_net_hooks(net);
    mlpi_world world;
    mlp_status status =
        mlpi_world_open(comm, &hooks, 0, net ? MLP_OK : MLP_ERR_NULL, &world);
    if (status == MLP_OK) {
        status = root >= 0 && root < world.ranks
                     ? MLP_OK
                     : mlpi_mpi_error(&hooks, MLP_ERR_ARGUMENT,
                                      "root: expects 0 to %d, got %d",
                                      world.ranks - 1, root);
        status = mlpi_world_agree(&world, status);
    }
    if (status == MLP_OK) {
        status = share_net(&world, root, net);
    }
    mlpi_world_close(&world);
    return status;
}
