/* SPDX-License-Identifier: MIT */
/*
 * mpi_faults
 *
 * Every fault happens to every function of mlp_mpi.h that can fail, run by
 * mpirun with 1, 2 or 4 ranks (tests/scripts/mpi.sh). On the first rank, then on
 * the last, the first allocation fails, then the second, and so on; and each
 * call of MPI fails in turn (failing_mpi.h). After each fault
 *
 *   - all ranks have the same status, which is that of the fault, and a message;
 *   - there is no history, and network and trainer are as before;
 *   - no block is left;
 *   - the same call succeeds, with the bits of a call without faults.
 *
 * If the exchange of a fit fails, the network may have been trained meanwhile.
 * All ranks have the same one then.
 */
#include "mpi/failing_mpi.h"
#include "support/ranks.h"

enum { VALIDATED = 7, WEIGHTED_STREAM = 11 }; /* cases of support/parts.h */

/* What a call works on, and what it makes. */
typedef struct objects {
    parts_case c;
    record hooks;
    mlp_net *net;
    mlp_trainer *trainer; /* NULL for calls with a network */
    mlp_history *history;
} objects;

typedef struct fault_case {
    const char *name; /* the public function */
    size_t parts_case;
    bool has_trainer;
    bool differs; /* each rank begins with other weights */
    mlp_status (*call)(objects *o);
} fault_case;

/* A fault: an allocation of one rank, or a call of MPI; n counts from 1. */
typedef struct fault {
    bool is_of_mpi, has_text;
    int culprit;
    size_t n;
} fault;

/* What has happened to all cases. */
static size_t allocations, mpi_calls;

/* ---------------------------------------------------------------------------
 * Calls
 */

/* The case's options with views that move: rank 0 has no rows. */
static mlp_train_options options_of(const parts_case *c)
{
    mlp_train_options options = c->options;
    options.parts = 1;
    options.row_weights =
        c->streams ? (mlp_cview){.rows = 0} : own_rows(c->row_weights, true);
    options.X_validation = own_rows(c->X_validation, true);
    options.Y_validation = own_rows(c->Y_validation, true);
    return options;
}

static mlp_status call_fit(objects *o)
{
    mlp_train_options options = options_of(&o->c);
    return mlp_mpi_fit(o->net, own_rows(o->c.X, true), own_rows(o->c.Y, true),
                       &options, NULL, &o->history);
}

static mlp_status call_fit_stream(objects *o)
{
    mlp_train_options options = options_of(&o->c);
    return mlp_mpi_fit_stream(o->net, next_parts_chunk, &o->c, &options, NULL,
                              &o->history);
}

static mlp_status call_trainer_fit(objects *o)
{
    mlp_train_options options = options_of(&o->c);
    return mlp_mpi_trainer_fit(o->trainer, own_rows(o->c.X, true),
                               own_rows(o->c.Y, true), &options, NULL,
                               &o->history);
}

static mlp_status call_trainer_fit_stream(objects *o)
{
    mlp_train_options options = options_of(&o->c);
    return mlp_mpi_trainer_fit_stream(o->trainer, next_parts_chunk, &o->c,
                                      &options, NULL, &o->history);
}

static mlp_status call_broadcast(objects *o)
{
    return mlp_mpi_broadcast(o->net, ranks - 1, MPI_COMM_WORLD);
}

static const fault_case cases[] = {
    {"mlp_mpi_fit", VALIDATED, false, false, call_fit},
    {"mlp_mpi_fit_stream", WEIGHTED_STREAM, false, false, call_fit_stream},
    {"mlp_mpi_trainer_fit", VALIDATED, true, false, call_trainer_fit},
    {"mlp_mpi_trainer_fit_stream", WEIGHTED_STREAM, true, false,
     call_trainer_fit_stream},
    {"mlp_mpi_broadcast", VALIDATED, false, true, call_broadcast},
};

/* ---------------------------------------------------------------------------
 * Objects
 */

/* Makes what the case needs, for a fit of one epoch with two updates. */
static void make_objects(const fault_case *f, const parts_rows *rows,
                         objects *o)
{
    *o = (objects){.history = NULL};
    set_parts_case(f->parts_case, rows, &o->c);
    o->c.options.epochs = 1;
    o->c.options.batch_size = 104;
    o->c.config.seed += f->differs ? (uint32_t)rank : 0;
    o->net = net_of(&o->c, &o->hooks);
    if (f->has_trainer &&
        (mlp_trainer_create(o->net, 104, &o->trainer) != MLP_OK ||
         mlp_trainer_set_optimizer(o->trainer, &o->c.options.optimizer) !=
             MLP_OK)) {
        abort();
    }
}

static void free_objects(const fault_case *f, objects *o)
{
    mlp_history_free(o->history);
    mlp_trainer_free(o->trainer);
    mlp_net_free(o->net);
    expect(o->hooks.live == 0, "memory is lost", f->name);
}

/* The hash of the network, of the history if there is one, and of what the
 * trainer remembers. */
static uint64_t hash_of(const objects *o)
{
    uint64_t hash = hash_of_fit(o->net, o->history, o->c.X);
    size_t size = mlp_trainer_save_size(o->trainer);
    void *bytes = malloc(size + 1);
    if (!bytes || (o->trainer && mlp_trainer_save_memory(o->trainer, bytes,
                                                         size) != MLP_OK)) {
        abort();
    }
    hash = hash_bytes(hash, bytes, size);
    free(bytes);
    return hash;
}

/* ---------------------------------------------------------------------------
 * Faults
 */

/* Checks status and message after a fault. `name` is that of the function of MPI
 * that has failed, or NULL. */
static void expect_told(const fault_case *f, const fault *what,
                        const mpi_report *mpi, mlp_status status,
                        const objects *o)
{
    mlp_status expected = !what->is_of_mpi                   ? MLP_ERR_MEMORY
                          : mpi->leads_to == CHANGES_NOTHING ? MLP_OK
                          : mpi->leads_to == IS_NOT_READY    ? MLP_ERR_ORDER
                                                             : MLP_ERR_IO;
    char text[64];
    (void)snprintf(text, sizeof text, "rank %d of %d", what->culprit, ranks);
    const char *told = what->is_of_mpi ? mpi->name
                       : ranks > 1     ? text
                                       : "memory";
    told = mpi->is_alone ? text : told;
    told = expected == MLP_ERR_ORDER ? "MPI_Init" : told;
    expect(status == expected, mlp_status_text(status), f->name);
    if (expected != MLP_OK) {
        expect(strstr(o->hooks.message, told) != NULL, o->hooks.message,
               f->name);
        expect(!o->history, "there is a history", f->name);
    }
}

/* Makes the call with a fault. Returns false if the call has no such fault:
 * then it succeeds, and *hash becomes its hash, if that was 0. */
static bool try_fault(const fault_case *f, const parts_rows *rows,
                      const fault *what, uint64_t *hash)
{
    objects o;
    make_objects(f, rows, &o);
    uint64_t before = hash_of(&o);
    bool is_culprit = rank == what->culprit;
    o.hooks.allocations = 0;
    o.hooks.fail_at = !what->is_of_mpi && is_culprit ? what->n : 0;
    mpi_watch(what->is_of_mpi ? what->n : 0, is_culprit, what->has_text);
    mlp_status status = f->call(&o);
    mpi_report mpi = mpi_unwatch();
    bool has_happened =
        most_of_all(mpi.name || (o.hooks.fail_at > 0 &&
                                 o.hooks.allocations >= o.hooks.fail_at)) > 0;
    o.hooks.fail_at = 0;
    bool may_train = mpi.leads_to == ENDS_THE_TRAINING;
    if (has_happened) {
        expect_told(f, what, &mpi, status, &o);
    }
    if (may_train) {
        expect_as_rank_0(hash_of(&o), f->name);
    } else if (has_happened && mpi.leads_to != CHANGES_NOTHING) {
        expect(hash_of(&o) == before, "the objects are not as before", f->name);
        status = f->call(&o);
    }
    if (!may_train) {
        expect(status == MLP_OK, o.hooks.message, f->name);
        uint64_t after = hash_of(&o);
        *hash = *hash == 0 ? after : *hash;
        expect(after == *hash, "other bits than without a fault", f->name);
    }
    free_objects(f, &o);
    return has_happened;
}

static void try_case(const fault_case *f, const parts_rows *rows)
{
    uint64_t hash = 0;
    fault what = {.has_text = true};
    (void)try_fault(f, rows, &what, &hash); /* without one */
    for (int k = 0; k < (ranks > 1 ? 2 : 1); k++) {
        what.culprit = k * (ranks - 1);
        for (what.n = 1; try_fault(f, rows, &what, &hash); what.n++) {
            allocations++;
        }
        expect(what.n > 1, "it allocates nothing", f->name);
    }
    what.is_of_mpi = true;
    for (what.n = 1; try_fault(f, rows, &what, &hash); what.n++) {
        mpi_calls++;
        what.has_text = !what.has_text; /* for every other call */
    }
}

int main(int argc, char **argv)
{
    if (!start_ranks(&argc, &argv)) {
        return EXIT_FAILURE;
    }
    parts_rows *rows = new_parts_rows();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        try_case(&cases[i], rows);
    }
    free(rows);
    int any = most_of_all(failed);
    if (rank == 0) {
        (void)printf("faults on %d rank%s: %zu allocations and %zu calls of "
                     "MPI failed\n",
                     ranks, ranks == 1 ? "" : "s", allocations, mpi_calls);
    }
    (void)MPI_Finalize();
    return any ? EXIT_FAILURE : EXIT_SUCCESS;
}
