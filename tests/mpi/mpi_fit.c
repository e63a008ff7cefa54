/* SPDX-License-Identifier: MIT */
/*
 * mpi_fit equal | uneven | failures | misuse | save FILE | resume FILE
 *
 * What the ranks of a fit must get, run by mpirun with 1, 2, 4 or 8 of them
 * (tests/scripts/mpi.sh). Each rank has the rows of all, so it can compute by
 * itself what one process gets. A rank that finds something wrong says so, and
 * the program ends with 1 on all ranks.
 *
 * `save FILE` trains for some epochs and saves a checkpoint on rank 0; `resume
 * FILE` goes on from it, with another number of ranks.
 */
#include <math.h>

#include "support/ranks.h"

/* Cases of support/parts.h, both streams and rows of doubles among them. */
enum { ADAM = 0, MOMENTUM = 1, DROPOUT = 3, WEIGHTED_STREAM = 11 };

/* Fits the case in this process alone, and returns the hash. */
static uint64_t hash_alone(parts_case *c)
{
    mlp_net *net = net_of(c, NULL);
    mlp_history *history = NULL;
    mlp_train_options options = c->options;
    options.X_validation = c->X_validation;
    options.Y_validation = c->Y_validation;
    mlp_status status = MLP_OK;
    if (c->streams) {
        status = mlp_fit_stream(net, next_parts_chunk, c, &options, &history);
    } else {
        options.row_weights = c->row_weights;
        status = mlp_fit(net, c->X, c->Y, &options, &history);
    }
    expect(status == MLP_OK, "one process fails", c->name);
    uint64_t hash = hash_of_fit(net, history, c->X);
    mlp_history_free(history);
    mlp_net_free(net);
    return hash;
}

/* Fits the case on all ranks. */
static mlp_status fit_all(mlp_net *net, parts_case *c, bool uneven,
                          mlp_history **history)
{
    static double memory[CASE_ROWS * (2 * CASE_INPUTS + 3)];
    mlp_train_options options = c->options;
    options.parts = 1; /* mlp_mpi_options has it */
    options.X_validation = own_rows(c->X_validation, uneven);
    options.Y_validation = own_rows(c->Y_validation, uneven);
    if (c->streams) {
        return mlp_mpi_fit_stream(net, next_parts_chunk, c, &options, NULL,
                                  history);
    }
    mlp_cview X = uneven ? strided(c->X, memory) : c->X;
    options.row_weights = own_rows(c->row_weights, uneven);
    return mlp_mpi_fit(net, own_rows(X, uneven), own_rows(c->Y, uneven),
                       &options, NULL, history);
}

/* All cases give the bits of one process. */
static void try_equal(const parts_rows *rows, bool uneven)
{
    for (size_t i = 0; i < PARTS_CASES; i++) {
        parts_case c;
        record r = {.fail_at = 0};
        mlp_history *history = NULL;
        set_parts_case(i, rows, &c);
        mlp_net *net = net_of(&c, &r);
        mlp_status status = fit_all(net, &c, uneven, &history);
        expect(status == MLP_OK, r.message, c.name);
        if (status == MLP_OK) {
            expect(hash_of_fit(net, history, c.X) == hash_alone(&c),
                   "other bits than one process", c.name);
        }
        mlp_history_free(history);
        mlp_net_free(net);
        expect(r.live == 0, "memory is lost", c.name);
    }
}

/* Sets *c to a case whose trainer has a state that must be kept. */
static void set_resumable(const parts_rows *rows, parts_case *c)
{
    set_parts_case(DROPOUT, rows, c); /* dropout, whose masks count all steps */
    c->options.optimizer = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
}

static mlp_trainer *trainer_of(mlp_net *net, const parts_case *c)
{
    mlp_trainer *trainer = NULL;
    if (mlp_trainer_create(net, 24, &trainer) != MLP_OK ||
        mlp_trainer_set_optimizer(trainer, &c->options.optimizer) != MLP_OK) {
        abort();
    }
    return trainer;
}

/* Trains for two epochs and saves, or goes on for three from the file. Other
 * ranks have other weights, so that rank 0 must share its own. */
static void try_checkpoint(const parts_rows *rows, const char *file,
                           bool resumes)
{
    parts_case c;
    set_resumable(rows, &c);
    uint64_t seed = c.config.seed;
    c.config.seed = (uint32_t)(seed + (unsigned)rank);
    mlp_net *net = net_of(&c, NULL);
    mlp_trainer *trainer = trainer_of(net, &c);
    c.options.epochs = resumes ? 3 : 2;
    mlp_status status = MLP_OK;
    if (resumes && rank == 0) {
        status = mlp_trainer_load(trainer, file);
    }
    expect(status == MLP_OK, "the checkpoint cannot be loaded", c.name);
    mlp_history *history = NULL;
    status =
        mlp_mpi_trainer_fit(trainer, own_rows(c.X, false), own_rows(c.Y, false),
                            &c.options, NULL, &history);
    expect(status == MLP_OK, "the fit fails", c.name);
    if (!resumes && rank == 0) {
        expect(mlp_trainer_save(trainer, file) == MLP_OK,
               "the checkpoint cannot be saved", c.name);
    }
    if (resumes) {
        c.config.seed = (uint32_t)seed;
        mlp_net *whole = net_of(&c, NULL);
        mlp_trainer *alone = trainer_of(whole, &c);
        c.options.epochs = 2;
        expect(mlp_trainer_fit(alone, c.X, c.Y, &c.options, NULL) == MLP_OK,
               "one process fails", c.name);
        c.options.epochs = 3;
        mlp_history *expected = NULL;
        expect(mlp_trainer_fit(alone, c.X, c.Y, &c.options, &expected) ==
                   MLP_OK,
               "one process fails", c.name);
        expect(hash_of_fit(net, history, c.X) ==
                   hash_of_fit(whole, expected, c.X),
               "a resumed fit has other bits", c.name);
        mlp_history_free(expected);
        mlp_trainer_free(alone);
        mlp_net_free(whole);
    }
    mlp_history_free(history);
    mlp_trainer_free(trainer);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Failures. The last rank causes them.
 */

static bool is_culprit(void)
{
    return rank == ranks - 1;
}

static bool stop(const mlp_batch_progress *progress, void *user)
{
    (void)user;
    return !(is_culprit() && progress->epoch == 1 && progress->batch == 2);
}

static double bad_rate(size_t epoch, double alpha, void *user)
{
    (void)user;
    return is_culprit() && epoch == 1 ? (double)NAN : alpha;
}

static mlp_status bad_chunk(size_t epoch, size_t number, mlp_chunk *chunk,
                            void *user)
{
    if (is_culprit() && epoch == 1 && number >= CASE_PARTS) {
        return MLP_ERR_FORMAT;
    }
    return next_parts_chunk(epoch, number, chunk, user);
}

/* Checks that all ranks have ended alike. */
static void expect_end(const char *name, mlp_status got, mlp_status expected,
                       const record *r, const mlp_net *net, mlp_cview X)
{
    char rank_text[32];
    (void)snprintf(rank_text, sizeof rank_text, "rank %d", ranks - 1);
    expect(got == expected, mlp_status_text(got), name);
    if (expected != MLP_OK && ranks > 1) {
        expect(strstr(r->message, rank_text) != NULL, r->message, name);
    }
    expect_as_rank_0(hash_of_fit(net, NULL, X), name);
}

/* Plants one failure. */
static void try_failure(const parts_rows *given, const char *what,
                        mlp_status expected)
{
    parts_rows *rows = malloc(sizeof *rows);
    if (!rows) {
        abort();
    }
    *rows = *given;
    parts_case c;
    record r = {.fail_at = 0};
    set_parts_case(strcmp(what, "chunk") == 0 ? WEIGHTED_STREAM : ADAM, rows,
                   &c);
    mlp_net *net = net_of(&c, &r);
    size_t last = CASE_ROWS - 3; /* a row of the last block */
    if (strcmp(what, "row") == 0 && is_culprit()) {
        rows->X64[last * CASE_INPUTS] = (double)NAN;
    } else if (strcmp(what, "loss") == 0 && is_culprit()) {
        rows->Y64[last * CASE_CLASSES] = 1e200;
    } else if (strcmp(what, "rate") == 0) {
        c.options.schedule = mlp_schedule_defaults(MLP_SCHEDULE_CUSTOM);
        c.options.schedule.rate = bad_rate;
    } else if (strcmp(what, "stop") == 0) {
        c.options.on_batch = stop;
    } else if (strcmp(what, "batch size") == 0 && is_culprit()) {
        c.options.batch_size = 41;
    }
    c.options.standardise = strcmp(what, "loss") != 0;
    mlp_train_options options = c.options;
    options.parts = 1;
    mlp_status status =
        c.streams ? mlp_mpi_fit_stream(net, bad_chunk, &c, &options, NULL, NULL)
                  : mlp_mpi_fit(net, own_rows(c.X, false), own_rows(c.Y, false),
                                &options, NULL, NULL);
    set_parts_case(ADAM, given, &c); /* whose X has no NaN */
    expect_end(what, status, expected, &r, net, c.X);
    mlp_net_free(net);
    expect(r.live == 0, "memory is lost", what);
    free(rows);
}

static void try_failures(const parts_rows *rows)
{
    try_failure(rows, "row", MLP_ERR_NOT_FINITE);
    try_failure(rows, "loss", MLP_ERR_DIVERGED);
    try_failure(rows, "rate", MLP_ERR_ARGUMENT);
    try_failure(rows, "stop", MLP_OK);
    try_failure(rows, "chunk", MLP_ERR_FORMAT);
    try_failure(rows, "batch size", MLP_ERR_ARGUMENT);
    try_failure(rows, "none", MLP_OK);
}

/* ---------------------------------------------------------------------------
 * Calls that cannot be
 */

static void try_misuse(const parts_rows *rows)
{
    parts_case c;
    record r = {.fail_at = 0};
    set_parts_case(ADAM, rows, &c);
    mlp_net *net = net_of(&c, &r);
    mlp_mpi_options mpi = mlp_mpi_defaults();
#define FIT(net) mlp_mpi_fit(net, c.X, c.Y, &c.options, &mpi, NULL)
    expect(FIT(is_culprit() ? NULL : net) == MLP_ERR_NULL, "no network",
           "misuse");
    mpi.parts = is_culprit() ? 3 : 8;
    expect(FIT(net) == MLP_ERR_ARGUMENT, "three parts", "misuse");
    mpi.parts = is_culprit() && ranks > 1 ? 16 : 8;
    expect(FIT(net) == (ranks > 1 ? MLP_ERR_ARGUMENT : MLP_OK), "other parts",
           "misuse");
    mpi.parts = 8;
    mpi.comm = MPI_COMM_NULL;
    expect(FIT(net) == MLP_ERR_ARGUMENT, "no communicator", "misuse");
    expect(mlp_mpi_broadcast(net, ranks, MPI_COMM_WORLD) == MLP_ERR_ARGUMENT,
           "no such root", "misuse");
    mpi = mlp_mpi_defaults();
    c.X.cols -= is_culprit() ? 1 : 0;
    expect(FIT(net) == MLP_ERR_SHAPE, "a column too few", "misuse");
    mlp_net_free(net);
    set_parts_case(ADAM, rows, &c);
    c.layers[1].width += is_culprit() && ranks > 1 ? 1 : 0;
    net = net_of(&c, &r);
    expect(FIT(net) == (ranks > 1 ? MLP_ERR_ARGUMENT : MLP_OK),
           "another network", "misuse");
    mlp_net_free(net);
    expect(r.live == 0, "memory is lost", "misuse");
}

/* All get the network of the last rank. */
static void try_broadcast(const parts_rows *rows)
{
    parts_case c;
    set_parts_case(MOMENTUM, rows, &c);
    c.config.seed += (uint32_t)rank;
    mlp_net *net = net_of(&c, NULL);
    expect(mlp_mpi_broadcast(net, ranks - 1, MPI_COMM_WORLD) == MLP_OK,
           "it fails", "broadcast");
    c.config.seed += (uint32_t)(ranks - 1 - rank);
    mlp_net *last = net_of(&c, NULL);
    expect(hash_of_fit(net, NULL, c.X) == hash_of_fit(last, NULL, c.X),
           "another network", "broadcast");
    mlp_net_free(last);
    mlp_net_free(net);
}

int main(int argc, char **argv)
{
    if (!start_ranks(&argc, &argv)) {
        return EXIT_FAILURE;
    }
    parts_rows *rows = new_parts_rows();
    const char *what = argc > 1 ? argv[1] : "equal";
    if (strcmp(what, "equal") == 0) {
        try_equal(rows, false);
        try_broadcast(rows);
    } else if (strcmp(what, "uneven") == 0) {
        try_equal(rows, true);
    } else if (argc > 2) {
        try_checkpoint(rows, argv[2], strcmp(what, "resume") == 0);
    } else if (strcmp(what, "failures") == 0) {
        try_failures(rows);
    } else {
        try_misuse(rows);
    }
    free(rows);
    int any = most_of_all(failed);
    (void)MPI_Finalize();
    return any ? EXIT_FAILURE : EXIT_SUCCESS;
}
