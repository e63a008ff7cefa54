/* SPDX-License-Identifier: MIT */
/*
 * mpi_faults [FUNCTION]
 *
 * Every fault happens to every function of mlp_mpi.h that can fail, or to the
 * one that is named, run by mpirun (tests/scripts/mpi.sh). On the first rank,
 * then on the last, the first allocation fails, then the second, and so on; and
 * each call of MPI fails in turn (failing_mpi.h). After each fault
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

/* What a call works on, and what it makes. */
typedef struct objects {
    parts_case c;
    record hooks;
    mlp_net *net;
    mlp_trainer *trainer; /* NULL for calls with a network */
    mlp_history *history;
} objects;

typedef struct fault_case {
    const char *name;       /* the public function */
    const char *parts_case; /* of support/parts.h */
    size_t width; /* of the first layer; 60: the gradients go in halves */
    bool has_trainer;
    bool differs; /* each rank begins with other weights */
    mlp_status (*call)(objects *o);
} fault_case;

/* Which allocation of one rank fails, and which call of MPI. Both count from 1;
 * 0: none. */
typedef struct fault {
    int culprit;
    size_t allocation, mpi_call;
    bool has_text; /* MPI explains its error */
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
        c->streams ? (mlp_cview){.rows = 0} : own_rows(c->row_weights, GROWING);
    options.X_validation = own_rows(c->X_validation, GROWING);
    options.Y_validation = own_rows(c->Y_validation, GROWING);
    return options;
}

static mlp_status call_fit(objects *o)
{
    mlp_train_options options = options_of(&o->c);
    return mlp_mpi_fit(o->net, own_rows(o->c.X, GROWING),
                       own_rows(o->c.Y, GROWING), &options, NULL, &o->history);
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
    return mlp_mpi_trainer_fit(o->trainer, own_rows(o->c.X, GROWING),
                               own_rows(o->c.Y, GROWING), &options, NULL,
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
    {"mlp_mpi_fit", "validation", 60, false, false, call_fit},
    {"mlp_mpi_fit_stream", "weighted stream", 5, false, false, call_fit_stream},
    {"mlp_mpi_trainer_fit", "validation", 5, true, false, call_trainer_fit},
    {"mlp_mpi_trainer_fit_stream", "weighted stream", 5, true, false,
     call_trainer_fit_stream},
    {"mlp_mpi_broadcast", "validation", 5, false, true, call_broadcast},
};

/* ---------------------------------------------------------------------------
 * Objects
 */

/* Makes what the case needs, for a fit of one epoch with two updates. */
static void make_objects(const fault_case *f, const parts_rows *rows,
                         objects *o)
{
    *o = (objects){.history = NULL};
    find_case(f->parts_case, rows, &o->c);
    o->c.options.epochs = 1;
    o->c.options.batch_size = 104;
    o->c.layers[0].width = f->width;
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
    if (!o->trainer) {
        return hash;
    }
    size_t size = mlp_trainer_save_size(o->trainer);
    void *bytes = malloc(size);
    if (!bytes || mlp_trainer_save_memory(o->trainer, bytes, size) != MLP_OK) {
        abort();
    }
    hash = hash_bytes(hash, bytes, size);
    free(bytes);
    return hash;
}

/* ---------------------------------------------------------------------------
 * Faults
 */

/* Writes what a message must contain after an error. */
static void write_told(const fault *what, const mpi_report *mpi, char *told,
                       size_t size)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    if (mpi->leads_to == IS_NOT_READY) {
        (void)snprintf(told, size, "MPI_Init");
    } else if (mpi->name && !mpi->is_alone) {
        if (what->has_text) {
            (void)MPI_Error_string(MPI_ERR_OTHER, text, &length);
            char *end = strchr(text, '\n'); /* a message has one line */
            expect(end != NULL, "a text of several lines", "MPI_Error_string");
            *(end ? end : text) = '?';
        }
        (void)snprintf(told, size, "%s: %s", mpi->name, text);
    } else if (ranks > 1) {
        (void)snprintf(told, size, "rank %d of %d", what->culprit, ranks);
    } else {
        (void)snprintf(told, size, "%s", mpi->name ? mpi->name : "memory");
    }
}

/* Checks status and message after a fault. An error of MPI is told rather than
 * a lack of memory. */
static void expect_told(const fault_case *f, const fault *what,
                        const mpi_report *mpi, mlp_status status,
                        const objects *o)
{
    mlp_status expected = !mpi->name                         ? MLP_ERR_MEMORY
                          : mpi->leads_to == CHANGES_NOTHING ? MLP_OK
                          : mpi->leads_to == IS_NOT_READY    ? MLP_ERR_ORDER
                                                             : MLP_ERR_IO;
    expect(status == expected, mlp_status_text(status), f->name);
    if (expected != MLP_OK) {
        char told[MPI_MAX_ERROR_STRING + 64];
        write_told(what, mpi, told, sizeof told);
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
    o.hooks.fail_at = is_culprit ? what->allocation : 0;
    mlp_fault_mpi_watch(what->mpi_call, is_culprit, what->has_text);
    mlp_status status = f->call(&o);
    mpi_report mpi = mlp_fault_mpi_unwatch();
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
        what.allocation = 1;
        for (; try_fault(f, rows, &what, &hash); what.allocation++) {
            allocations++;
        }
        expect(what.allocation > 1, "it allocates nothing", f->name);
    }
    what.allocation = 0;
    what.mpi_call = 1;
    for (; try_fault(f, rows, &what, &hash); what.mpi_call++) {
        mpi_calls++;
        what.has_text = !what.has_text; /* for every other call */
    }
}

/* A rank has no memory for the first block, and MPI fails when the others learn
 * of it: after the six calls that open a world, the ranks find the one that has
 * failed by MPI_Allreduce, and MPI_Bcast tells its status. */
static void try_two_faults(const parts_rows *rows)
{
    uint64_t hash = 0;
    const fault what = {.allocation = 1, .mpi_call = 8, .has_text = true};
    expect(try_fault(&cases[0], rows, &what, &hash), "no faults", "two faults");
}

int main(int argc, char **argv)
{
    if (!start_ranks(&argc, &argv)) {
        return EXIT_FAILURE;
    }
    parts_rows *rows = new_parts_rows();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (argc < 2 || strcmp(argv[1], cases[i].name) == 0) {
            try_case(&cases[i], rows);
        }
    }
    try_two_faults(rows);
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
