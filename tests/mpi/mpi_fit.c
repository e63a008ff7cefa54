/* SPDX-License-Identifier: MIT */
/*
 * mpi_fit equal | uneven | long | failures | misuse | save FILE | resume FILE
 *
 * What the ranks of a fit must get, run by mpirun with 1, 2, 4 or 8 of them
 * (tests/scripts/mpi.sh). Each rank has the rows of all, so it can compute by
 * itself what one process gets. A rank that finds something wrong says so, and
 * the program ends with 1 on all ranks.
 *
 * `save FILE` trains for some epochs and saves a checkpoint on rank 0; `resume
 * FILE` goes on from it, with another number of ranks.
 */
#include <limits.h>
#include <math.h>

#include "support/ranks.h"

/* The rows that a hash is made of, which has room for no more. */
static mlp_cview first_rows(const parts_case *c)
{
    return mlp_cview_rows(c->X, 0, CASE_ROWS);
}

/* Fits the case on all ranks. */
static mlp_status fit_all(mlp_net *net, parts_case *c, bool uneven,
                          mlp_history **history)
{
    static double memory[CASE_ROWS * (2 * CASE_INPUTS + 3)];
    mlp_train_options options = c->options;
    options.parts = 1; /* mlp_mpi_options has it */
    share of_rows = uneven ? GROWING : EQUAL;
    share of_validation = uneven ? SHRINKING : EQUAL;
    options.X_validation = own_rows(c->X_validation, of_validation);
    options.Y_validation = own_rows(c->Y_validation, of_validation);
    if (c->streams) {
        return mlp_mpi_fit_stream(net, next_parts_chunk, c, &options, NULL,
                                  history);
    }
    mlp_cview X = uneven ? strided(c->X, memory) : c->X;
    options.row_weights = own_rows(c->row_weights, of_rows);
    return mlp_mpi_fit(net, own_rows(X, of_rows), own_rows(c->Y, of_rows),
                       &options, NULL, history);
}

/* The ranks give the bits of one process. */
static void try_case(parts_case *c, bool uneven)
{
    record r = {.fail_at = 0};
    mlp_history *history = NULL;
    mlp_net *net = net_of(c, &r);
    mlp_status status = fit_all(net, c, uneven, &history);
    expect(status == MLP_OK, r.message, c->name);
    if (status == MLP_OK) {
        expect(hash_of_fit(net, history, first_rows(c)) == hash_alone(c),
               "other bits than one process", c->name);
    }
    mlp_history_free(history);
    mlp_net_free(net);
    expect(r.live == 0, "memory is lost", c->name);
}

static void try_equal(const parts_rows *rows, bool uneven)
{
    for (size_t i = 0; i < PARTS_CASES; i++) {
        parts_case c;
        set_parts_case(i, rows, &c);
        try_case(&c, uneven);
    }
}

/* Gradients of both types that go in halves, since they exceed 4 kB. */
static void try_long_gradients(const parts_rows *rows)
{
    static const char *const names[] = {"adam", "momentum"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        parts_case c;
        find_case(names[i], rows, &c);
        c.layers[0].width = 151;
        try_case(&c, false);
    }
}

/* The weights of 1030 batches are an array that is longer than the gradient and
 * than twice the buffer of 4 kB, so it goes in pieces. */
static void try_many_batches(const parts_rows *rows)
{
    enum { BATCHES = 1030, MANY = BATCHES * CASE_PARTS };
    static double X[MANY * CASE_INPUTS], Y[MANY * CASE_CLASSES], weights[MANY];
    parts_case c;
    find_case("adam", rows, &c);
    for (size_t i = 0; i < MANY; i++) {
        size_t k = i % CASE_ROWS;
        memcpy(X + i * CASE_INPUTS, rows->X64 + k * CASE_INPUTS,
               CASE_INPUTS * sizeof *X);
        memcpy(Y + i * CASE_CLASSES, rows->Y64 + k * CASE_CLASSES,
               CASE_CLASSES * sizeof *Y);
        weights[i] = 1.0 + 0.001 * (double)i;
    }
    c.name = "many batches";
    c.X = mlp_cview_f64(X, MANY, CASE_INPUTS);
    c.Y = mlp_cview_f64(Y, MANY, CASE_CLASSES);
    c.row_weights = mlp_cview_f64(weights, MANY, 1);
    c.options.batch_size = CASE_PARTS;
    c.options.epochs = 1;
    c.layers[0] = (mlp_layer){.width = CASE_CLASSES};
    c.config.n_layers = 1;
    try_case(&c, false);
}

/* Sets *c to a case whose trainer has a state that must be kept. */
static void set_resumable(const parts_rows *rows, parts_case *c)
{
    find_case("dropout", rows, c); /* its masks count all steps */
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
        mlp_mpi_trainer_fit(trainer, own_rows(c.X, EQUAL), own_rows(c.Y, EQUAL),
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
    find_case(strcmp(what, "chunk") == 0 ? "weighted stream" : "adam", rows,
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
                  : mlp_mpi_fit(net, own_rows(c.X, EQUAL), own_rows(c.Y, EQUAL),
                                &options, NULL, NULL);
    find_case("adam", given, &c); /* whose X has no NaN */
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

/* A mistake of one rank. `told` is in a message of this rank. */
typedef struct mistake {
    const char *name, *told;
    mlp_status expected;
    bool needs_others; /* it is a mistake only beside another rank */
    void (*make)(parts_case *c, mlp_mpi_options *mpi);
} mistake;

static void spoil_reserved(parts_case *c, mlp_mpi_options *mpi)
{
    (void)c;
    mpi->reserved[3] = 1;
}

static void ask_for_no_parts(parts_case *c, mlp_mpi_options *mpi)
{
    (void)c;
    mpi->parts = 0;
}

static void ask_for_three_parts(parts_case *c, mlp_mpi_options *mpi)
{
    (void)c;
    mpi->parts = 3;
}

static void ask_for_many_parts(parts_case *c, mlp_mpi_options *mpi)
{
    (void)c;
    mpi->parts = (size_t)MLP_MAX_PARTS * 2;
}

static void ask_for_one_part(parts_case *c, mlp_mpi_options *mpi)
{
    (void)c;
    mpi->parts = 1;
}

static void ask_for_other_parts(parts_case *c, mlp_mpi_options *mpi)
{
    (void)c;
    mpi->parts = 16;
}

static void lose_data(parts_case *c, mlp_mpi_options *mpi)
{
    (void)mpi;
    c->X.data = NULL;
}

static void claim_many_rows(parts_case *c, mlp_mpi_options *mpi)
{
    (void)mpi;
    c->Y.rows = (size_t)INT_MAX + 1;
}

static void claim_many_columns(parts_case *c, mlp_mpi_options *mpi)
{
    (void)mpi;
    c->X.cols = INT_MAX;
}

static void lose_a_target(parts_case *c, mlp_mpi_options *mpi)
{
    (void)mpi;
    c->Y.rows--;
}

static void lose_a_weight(parts_case *c, mlp_mpi_options *mpi)
{
    (void)mpi;
    c->options.row_weights = mlp_cview_rows(c->Y, 0, CASE_ROWS - 1);
}

static void lose_validation_targets(parts_case *c, mlp_mpi_options *mpi)
{
    (void)mpi;
    c->options.X_validation = c->X;
}

static void lose_a_column(parts_case *c, mlp_mpi_options *mpi)
{
    (void)mpi;
    c->X.cols--;
}

static void take_classes(parts_case *c, mlp_mpi_options *mpi)
{
    (void)mpi;
    c->Y.dtype = MLP_I32;
}

static const mistake mistakes[] = {
    {"reserved", "got 1 in element 3", MLP_ERR_ARGUMENT, false, spoil_reserved},
    {"no parts", "parts: expects a power of two up to 1024, got 0",
     MLP_ERR_ARGUMENT, false, ask_for_no_parts},
    {"three parts", "parts: expects a power of two up to 1024, got 3",
     MLP_ERR_ARGUMENT, false, ask_for_three_parts},
    {"2048 parts", "parts: expects a power of two up to 1024, got 2048",
     MLP_ERR_ARGUMENT, false, ask_for_many_parts},
    {"one part", "ranks: expects a power of two up to the 1 part, got",
     MLP_ERR_ARGUMENT, true, ask_for_one_part},
    {"other parts", "expects 8 parts, as rank 0 has, got 16", MLP_ERR_ARGUMENT,
     true, ask_for_other_parts},
    {"no data", "X: the data is NULL", MLP_ERR_NULL, false, lose_data},
    {"many rows", "Y: expects at most 2147483647 rows of", MLP_ERR_LIMIT, false,
     claim_many_rows},
    {"many columns", "columns on a rank, got 203 of 2147483647", MLP_ERR_LIMIT,
     false, claim_many_columns},
    {"a target too few", "expects as many rows of X as of Y, got 203 and 202",
     MLP_ERR_SHAPE, false, lose_a_target},
    {"a weight too few", "202 row_weights", MLP_ERR_SHAPE, false,
     lose_a_weight},
    {"validation without targets", "203 and 0 for validation", MLP_ERR_SHAPE,
     false, lose_validation_targets},
    {"a column too few", "X: ", MLP_ERR_SHAPE, false, lose_a_column},
    {"another type", "Y: ", MLP_ERR_DTYPE, false, take_classes},
};

/* The last rank makes the mistake, and all ranks fail, each with a message that
 * names this rank, before their networks change. */
static void try_mistake(const mistake *m, const parts_rows *rows)
{
    parts_case c;
    record r = {.fail_at = 0};
    mlp_mpi_options mpi = mlp_mpi_defaults();
    mlp_history *history = NULL;
    find_case("adam", rows, &c);
    mlp_net *net = net_of(&c, &r);
    uint64_t before = hash_of_fit(net, NULL, c.X);
    bool is_made = ranks > 1 || !m->needs_others;
    mlp_cview X = c.X;
    if (is_made && is_culprit()) {
        m->make(&c, &mpi);
    }
    mlp_status status = mlp_mpi_fit(net, c.X, c.Y, &c.options, &mpi, &history);
    expect(status == (is_made ? m->expected : MLP_OK), mlp_status_text(status),
           m->name);
    if (is_made) {
        char text[32];
        (void)snprintf(text, sizeof text, "rank %d", ranks - 1);
        expect(is_culprit() || strstr(r.message, text) != NULL, r.message,
               m->name);
        expect(!is_culprit() || strstr(r.message, m->told) != NULL, r.message,
               m->name);
        expect(!history, "there is a history", m->name);
        expect(hash_of_fit(net, NULL, X) == before, "the network has changed",
               m->name);
    }
    mlp_history_free(history);
    mlp_net_free(net);
    expect(r.live == 0, "memory is lost", m->name);
}

/* A NULL of the last rank, which has no object with a hook then, is an error of
 * all. */
static void try_null(const parts_rows *rows)
{
    parts_case c;
    record r = {.fail_at = 0};
    find_case("weighted stream", rows, &c);
    mlp_net *net = net_of(&c, &r);
    mlp_trainer *trainer = trainer_of(net, &c);
    bool has = !is_culprit();
    mlp_net *no_net = has ? net : NULL;
    mlp_trainer *no_trainer = has ? trainer : NULL;
    mlp_next_chunk *next = next_parts_chunk;
    mlp_next_chunk *no_next = has ? next : NULL;
    const mlp_train_options *o = &c.options;
    uint64_t before = hash_of_fit(net, NULL, c.X);
    mlp_status got[] = {
        mlp_mpi_fit(no_net, c.X, c.Y, o, NULL, NULL),
        mlp_mpi_fit_stream(no_net, next, &c, o, NULL, NULL),
        mlp_mpi_fit_stream(net, no_next, &c, o, NULL, NULL),
        mlp_mpi_trainer_fit(no_trainer, c.X, c.Y, o, NULL, NULL),
        mlp_mpi_trainer_fit_stream(no_trainer, next, &c, o, NULL, NULL),
        mlp_mpi_trainer_fit_stream(trainer, no_next, &c, o, NULL, NULL),
        mlp_mpi_broadcast(no_net, 0, MPI_COMM_WORLD)};
    for (size_t i = 0; i < sizeof got / sizeof *got; i++) {
        expect(got[i] == MLP_ERR_NULL, mlp_status_text(got[i]), "NULL");
    }
    expect(hash_of_fit(net, NULL, c.X) == before, "the network has changed",
           "NULL");
    mlp_trainer_free(trainer);
    mlp_net_free(net);
    expect(r.live == 0, "memory is lost", "NULL");
}

/* What makes a call of all ranks impossible. */
static void try_misuse(const parts_rows *rows)
{
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        try_mistake(&mistakes[i], rows);
    }
    try_null(rows);
    parts_case c;
    record r = {.fail_at = 0};
    find_case("adam", rows, &c);
    mlp_net *net = net_of(&c, &r);
    mlp_mpi_options mpi = mlp_mpi_defaults();
    mpi.comm = MPI_COMM_NULL;
#define FIT(net) mlp_mpi_fit(net, c.X, c.Y, &c.options, &mpi, NULL)
    expect(FIT(net) == MLP_ERR_ARGUMENT, "no communicator", "misuse");
    mpi = mlp_mpi_defaults();
    for (int root = -1; root <= ranks; root += ranks + 1) {
        int its = is_culprit() ? root : 0;
        expect(mlp_mpi_broadcast(net, its, MPI_COMM_WORLD) == MLP_ERR_ARGUMENT,
               "no such root", "misuse");
    }
    mlp_net_free(net);
    find_case("adam", rows, &c);
    c.layers[1].width += is_culprit() && ranks > 1 ? 1 : 0;
    net = net_of(&c, &r);
    expect(FIT(net) == (ranks > 1 ? MLP_ERR_ARGUMENT : MLP_OK),
           "another network", "misuse");
    mlp_net_free(net);
    expect(r.live == 0, "memory is lost", "misuse");
}

/* Before MPI_Init and after MPI_Finalize there are no ranks. */
static void try_without_mpi(const parts_rows *rows, const char *when)
{
    parts_case c;
    record r = {.fail_at = 0};
    find_case("adam", rows, &c);
    mlp_net *net = net_of(&c, &r);
    mlp_status status = mlp_mpi_broadcast(net, 0, MPI_COMM_WORLD);
    expect(status == MLP_ERR_ORDER, mlp_status_text(status), when);
    expect(strstr(r.message, "between MPI_Init and MPI_Finalize") != NULL,
           r.message, when);
    mlp_net_free(net);
}

/* All get the network of the last rank. */
static void try_broadcast(const parts_rows *rows)
{
    parts_case c;
    find_case("momentum", rows, &c);
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
    parts_rows *rows = new_parts_rows();
    try_without_mpi(rows, "before MPI_Init");
    if (!start_ranks(&argc, &argv)) {
        return EXIT_FAILURE;
    }
    const char *what = argc > 1 ? argv[1] : "equal";
    if (strcmp(what, "equal") == 0) {
        try_equal(rows, false);
        try_broadcast(rows);
    } else if (strcmp(what, "uneven") == 0) {
        try_equal(rows, true);
    } else if (strcmp(what, "long") == 0) {
        try_long_gradients(rows);
        if (ranks <= 2) { /* more would show no more pieces, and take long */
            try_many_batches(rows);
        }
    } else if (argc > 2) {
        try_checkpoint(rows, argv[2], strcmp(what, "resume") == 0);
    } else if (strcmp(what, "failures") == 0) {
        try_failures(rows);
    } else {
        try_misuse(rows);
    }
    failed = most_of_all(failed) > 0;
    (void)MPI_Finalize();
    try_without_mpi(rows, "after MPI_Finalize");
    free(rows);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
