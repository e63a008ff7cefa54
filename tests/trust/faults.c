/* SPDX-License-Identifier: MIT */
/*
 * The driver of the tables. For each row, precision, and with or without old
 * files:
 *
 *     a world without faults        gives the expected hash and the list of the
 *                                   system calls
 *     the n-th allocation fails     n = 1, 2, ... until the call succeeds
 *     the n-th system call fails    n = 1, 2, ... through the list, once with
 *                                   each fault that can happen to it
 *
 * A world lives on after a fault that the call reports. After one that the call
 * gets over, the next fault gets a new world.
 */
#include "trust/faults.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>

#include "trust/left_out.h"

/* What all rows have counted. */
static struct totals {
    size_t allocations, failed, interrupted, shortened, leaks, changes;
    bool is_unseen; /* the kernel does not show calls */
} totals;

/* A trial is one row in one precision. */
typedef struct trial {
    const fault_suite *suite;
    const fault_case *row;
    mlp_dtype precision;
    bool has_old;
    uint64_t expected; /* the hash after success */
    system_trace clean;
    world w;
    bool is_made;
    long live_before; /* the world was made */
    mlp_status status;
    char fault[80]; /* its name, for messages */
} trial;

static const fault_suite *the_suite;

#define COMPLAIN(t, ...)                                                       \
    do {                                                                       \
        print_message("# %s, %s, %s old files, %s:\n", (t)->row->name,         \
                      mlp_dtype_name((t)->precision),                          \
                      (t)->has_old ? "with" : "without", (t)->fault);          \
        fail_msg(__VA_ARGS__);                                                 \
    } while (0)

/* ---------------------------------------------------------------------------
 * Worlds
 */

static void need_world(trial *t)
{
    if (!t->is_made) {
        t->live_before = mlp_fault_memory_live();
        mlp_fault_world_make(&t->w, t->suite, t->precision, t->has_old);
        if (t->row->prepare) {
            t->row->prepare(&t->w);
        }
        t->is_made = true;
    }
}

/* Ends a world; then nothing of it may be left. */
static void drop_world(trial *t)
{
    mlp_fault_world_end(&t->w, t->suite);
    t->is_made = false;
    long left = mlp_fault_memory_live() - t->live_before;
    if (left != 0) {
        totals.leaks++;
        COMPLAIN(t, "%ld blocks are left after all was freed", left);
    }
}

static void call(void *context)
{
    trial *t = context;
    t->w.messages = 0;
    t->w.message[0] = '\0';
    t->status = t->row->call(&t->w);
}

static size_t open_descriptors(void)
{
    size_t n = 0;
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *e = folder ? readdir(folder) : NULL; e;
         e = readdir(folder)) {
        n++;
    }
    if (folder) {
        (void)closedir(folder);
    }
    return n;
}

/* What must be the same after a failure as before the call. */
typedef struct snapshot {
    uint64_t hash;
    long live;
    size_t descriptors;
} snapshot;

static snapshot snapshot_of(const trial *t, bool without_beside)
{
    uint64_t hash = mlp_fault_world_hash(&t->w, t->suite, without_beside);
    return (snapshot){hash, mlp_fault_memory_live(), open_descriptors()};
}

/* ---------------------------------------------------------------------------
 * Checks after a call
 */

static void check_success(trial *t, bool without_beside)
{
    snapshot now = snapshot_of(t, without_beside);
    if (t->status != MLP_OK) {
        COMPLAIN(t, "expected success, got: %s (%s)",
                 mlp_status_text(t->status), t->w.message);
    }
    if (now.hash != t->expected) {
        totals.changes++;
        COMPLAIN(t, "the result is another than without a fault");
    }
}

static void check_message(trial *t)
{
    const world *w = &t->w;
    if (t->row->uses & NO_HOOKS) {
        return;
    }
    if (w->messages != 1 || w->told != t->status) {
        COMPLAIN(t, "expected one message of the status %d, got %zu: %s",
                 (int)t->status, w->messages, w->message);
    }
    if (t->status == MLP_ERR_IO && w->file && !strstr(w->message, w->file) &&
        !(w->beside && strstr(w->message, w->beside))) {
        COMPLAIN(t, "expected a message with the name %s, got \"%s\"", w->file,
                 w->message);
    }
}

static void check_failure(trial *t, const snapshot *before)
{
    check_message(t);
    if (t->row->uses & PARTIAL) {
        assert_int_equal(truncate(t->w.file, 0), 0);
    }
    snapshot now = snapshot_of(t, false);
    bool kept = (t->row->uses & KEEPS) && now.live > before->live;
    if ((now.live != before->live && !kept) ||
        now.descriptors != before->descriptors) {
        totals.leaks++;
        COMPLAIN(t, "%ld blocks and %ld descriptors are left",
                 now.live - before->live,
                 (long)now.descriptors - (long)before->descriptors);
    }
    if (now.hash != before->hash) {
        totals.changes++;
        COMPLAIN(t, "objects, outputs or files are not as before: %s",
                 mlp_status_text(t->status));
    }
    if (t->row->uses & PARTIAL) { /* the stream has failed for good */
        drop_world(t);
    }
}

/* ---------------------------------------------------------------------------
 * Faults
 */

/* Runs the row without faults twice: the first run also makes what the C
 * library makes once. */
static void run_clean(trial *t)
{
    for (int i = 0; i < 2; i++) {
        need_world(t);
        (void)snprintf(t->fault, sizeof t->fault, "no fault");
        size_t before = open_descriptors();
        totals.is_unseen =
            !mlp_fault_run_watched(call, t, NO_FAULT, 0, 0, &t->clean);
        if (totals.is_unseen) {
            left_out = "faults of system calls, which the kernel does not show";
            call(t);
        }
        if (i == 0) {
            t->expected = mlp_fault_world_hash(&t->w, t->suite, false);
        }
        check_success(t, false);
        assert_int_equal(open_descriptors(), before);
        t->live_before = i == 0 ? mlp_fault_memory_live() : t->live_before;
        if (i == 0) {
            mlp_fault_world_end(&t->w, t->suite);
            t->is_made = false;
        } else {
            drop_world(t);
        }
    }
    bool uses_files = false;
    for (size_t n = 0; n < t->clean.n; n++) {
        uses_files = uses_files || !(t->clean.calls[n]->traits & IS_MEMORY);
    }
    if (!totals.is_unseen && !(t->row->uses & THREADS) &&
        uses_files != ((t->row->uses & FILES) != 0)) {
        COMPLAIN(t, "its row does not tell whether it uses files");
    }
}

/* Returns true if the call makes fewer than n allocations. */
static bool survives_allocation(trial *t, size_t n)
{
    unsigned uses = t->row->uses;
    need_world(t);
    (void)snprintf(t->fault, sizeof t->fault, "allocation %zu fails", n);
    snapshot before = snapshot_of(t, false);
    mlp_fault_memory_watch(n);
    call(t);
    memory_report report = mlp_fault_memory_unwatch();
    if (!report.has_failed) {
        bool may = uses & (ALLOCATES | MALLOC | STREAMS | THREADS);
        if (may ? (uses & ALLOCATES) && report.allocations == 0
                : report.allocations > 0) {
            COMPLAIN(t, "its row does not tell whether it allocates");
        }
        check_success(t, false);
        drop_world(t);
        return true;
    }
    totals.allocations++;
    bool is_own = report.was_hooks || (uses & MALLOC);
    if (t->status == MLP_OK && !is_own) {
        check_success(t, false);
        drop_world(t);
    } else if (t->status == MLP_ERR_MEMORY ||
               (!is_own && t->status == MLP_ERR_IO)) {
        check_failure(t, &before);
    } else {
        COMPLAIN(t, "got: %s (%s)", mlp_status_text(t->status), t->w.message);
    }
    return false;
}

/* True if a failed call must make the row fail: before the first file is
 * replaced, nothing that is written may be lost. */
static bool must_fail(const trial *t, size_t n)
{
    size_t first = 1;
    while (first <= t->clean.n &&
           !(t->clean.calls[first - 1]->traits & IS_RENAME)) {
        first++;
    }
    unsigned traits = t->clean.calls[n - 1]->traits;
    bool replaces = first <= t->clean.n;
    return (traits & IS_FATAL) &&
           (replaces ? n < first || (traits & IS_RENAME)
                     : (t->row->uses & PARTIAL) && (traits & CAN_SHORTEN));
}

/* Lets the n-th system call have a fault, and checks what comes of it. */
static void break_call(trial *t, size_t n, system_fault fault, int error)
{
    static system_trace trace;
    need_world(t);
    (void)snprintf(t->fault, sizeof t->fault, "system call %zu of %zu, %s, %s",
                   n, t->clean.n, t->clean.calls[n - 1]->name,
                   fault == FAILS         ? strerror(error)
                   : fault == INTERRUPTED ? "is interrupted"
                                          : "is cut short");
    snapshot before = snapshot_of(t, false);
    assert_true(mlp_fault_run_watched(call, t, fault, n, error, &trace));
    if (!trace.hit) {
        drop_world(t);
        return;
    }
    size_t *count = fault == FAILS         ? &totals.failed
                    : fault == INTERRUPTED ? &totals.interrupted
                                           : &totals.shortened;
    ++*count;
    if (t->status == MLP_OK) {
        check_success(t, trace.hit->traits & IS_UNLINK);
        if (fault == FAILS && must_fail(t, n)) {
            COMPLAIN(t, "the call that failed was ignored");
        }
        drop_world(t);
        return;
    }
    bool is_memory = trace.hit->traits & IS_MEMORY;
    bool may_stop = fault == FAILS || (t->row->uses & STREAMS);
    if (!may_stop || (t->status != MLP_ERR_IO &&
                      !(is_memory && t->status == MLP_ERR_MEMORY))) {
        COMPLAIN(t, "got: %s (%s)", mlp_status_text(t->status), t->w.message);
    }
    check_failure(t, &before);
}

static void break_system_calls(trial *t)
{
    static const int errors[] = {EIO, ENOSPC};
    for (size_t n = 1; n <= t->clean.n; n++) {
        unsigned traits = t->clean.calls[n - 1]->traits;
        if (traits & IS_MEMORY) {
            break_call(t, n, FAILS, EAGAIN);
            break_call(t, n, FAILS, ENOMEM);
            continue;
        }
        for (size_t e = 0; e < COUNT(errors); e++) {
            break_call(t, n, FAILS, errors[e]);
        }
        if (traits & CAN_INTERRUPT) {
            break_call(t, n, INTERRUPTED, 0);
        }
        if (traits & CAN_SHORTEN) {
            break_call(t, n, SHORT, 0);
        }
    }
    if (t->is_made) {
        (void)snprintf(t->fault, sizeof t->fault, "after all faults");
        call(t);
        check_success(t, false);
        drop_world(t);
    }
}

/* ---------------------------------------------------------------------------
 * The program
 */

static void try_row(void **state)
{
    static trial t;
    const fault_case *row = *state;
    mlp_fault_empty_folder(); /* of what a row left that failed */
    FOR_EACH_PRECISION(p)
    {
        for (int old = 0; old < (row->uses & FILES ? 2 : 1); old++) {
            t = (trial){.suite = the_suite,
                        .row = row,
                        .precision = p,
                        .has_old = old == 1};
            run_clean(&t);
            for (size_t n = 1; !survives_allocation(&t, n); n++) {
            }
            if (!totals.is_unseen) {
                break_system_calls(&t);
            }
        }
    }
}

static char folder[] = "/tmp/mlp-trust-XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? chdir(folder) : 1;
}

static int leave_folder(void **state)
{
    (void)state;
    mlp_fault_empty_folder();
    return chdir("/") == 0 ? rmdir(folder) : 1;
}

int mlp_fault_main(const fault_suite *suite, int argc, char **argv)
{
    enum { MOST_ROWS = 200 };
    static struct CMUnitTest tests[MOST_ROWS];
    bool lists = argc > 1 && strcmp(argv[1], "rows") == 0;
    assert_true(suite->n <= MOST_ROWS);
    the_suite = suite;
    for (size_t i = 0; i < suite->n; i++) {
        tests[i] =
            (struct CMUnitTest){.name = suite->cases[i].name,
                                .test_func = try_row,
                                .initial_state = (void *)&suite->cases[i]};
        if (lists) {
            (void)puts(suite->cases[i].name);
        }
    }
    if (lists) {
        return 0;
    }
    if (!mlp_fault_memory_is_replaced()) {
        left_out = "faults of malloc, which cannot be replaced";
    }
    /* Threads share one arena of malloc, and no block moves between arenas and
     * maps: so the system calls of a row are the same each time. */
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 24);
    int failures = _cmocka_run_group_tests(suite->name, tests, suite->n,
                                           enter_folder, leave_folder);
    (void)printf("faults, %s: %zu rows; %zu allocations failed%s; %zu system "
                 "calls failed, %zu were interrupted, %zu cut short%s; %zu "
                 "leaks, %zu changed objects\n",
                 suite->name, suite->n, totals.allocations,
                 mlp_fault_memory_is_replaced() ? "" : " (of the hooks)",
                 totals.failed, totals.interrupted, totals.shortened,
                 totals.is_unseen ? " (no calls are shown here)" : "",
                 totals.leaks, totals.changes);
    return exit_status(failures);
}
