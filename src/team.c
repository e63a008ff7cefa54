/* SPDX-License-Identifier: MIT */
/*
 * POSIX threads, or none if the library was built without them (the build
 * defines MLPI_THREADS).
 *
 * There are two things to wait for: the next run, and the others at a barrier.
 * Both are counters that only grow. Who waits looks at the counter for a while,
 * since the next piece of work mostly comes within microseconds, and then
 * sleeps until it is woken; so a waiting team costs nothing, and no core is
 * kept from those who work.
 */
/* For sched_getaffinity. NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _GNU_SOURCE

#include "team.h"

#include "memory.h"
#include "report.h"

mlp_status mlpi_team_count(const mlp_hooks *hooks, size_t threads,
                           size_t *count)
{
    if (threads > MLP_MAX_THREADS) {
        return mlpi_report(hooks, MLP_ERR_LIMIT,
                           "threads: expects at most %d, got %zu",
                           MLP_MAX_THREADS, threads);
    }
    size_t cores = mlpi_cores();
    *count = threads > 0               ? threads
             : cores < MLP_MAX_THREADS ? cores
                                       : MLP_MAX_THREADS;
    return MLP_OK;
}

void mlpi_share(const mlpi_member *self, size_t n, size_t grain, size_t *first,
                size_t *count)
{
    if (self->count == 1) {
        *first = 0;
        *count = n;
        return;
    }
    size_t grains = n / grain + (n % grain > 0);
    size_t each = grains / self->count;
    size_t more = grains % self->count; /* members that take one more */
    size_t index = self->index;
    size_t from = (index * each + (index < more ? index : more)) * grain;
    size_t to = from + (each + (index < more)) * grain;
    *first = from < n ? from : n;
    *count = (to < n ? to : n) - *first;
}

static void work_alone(mlpi_work *work, void *context)
{
    const mlpi_member alone = {.team = NULL, .index = 0, .count = 1};
    work(&alone, context);
}

#ifdef MLPI_THREADS

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum { SPINS = 2000 }; /* looks before a sleep: some 50 microseconds */

struct mlpi_team {
    mlp_hooks hooks;
    pid_t process; /* that the threads are in */
    size_t size;   /* members, the caller included */
    int spins; /* 0 where members outnumber cores: they would be in the way */
    mlpi_work *work;
    void *context;
    atomic_bool stop;
    atomic_size_t runs;    /* that were begun */
    atomic_size_t arrived; /* members at the barrier */
    atomic_size_t passed;  /* barriers that all have come to */
    pthread_mutex_t lock;  /* for sleeping and waking alone */
    pthread_cond_t changed;
    mlpi_member *members;
    pthread_t *threads; /* [size]; [0] is not used */
};

size_t mlpi_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef CPU_COUNT
    cpu_set_t usable;
    if (sched_getaffinity(0, sizeof usable, &usable) == 0) {
        cores = CPU_COUNT(&usable);
    }
#endif
    return cores > 1 ? (size_t)cores : 1;
}

/* Waits until *counter is not `seen`. */
static void await(mlpi_team *team, atomic_size_t *counter, size_t seen)
{
    for (int i = 0; i < team->spins; i++) {
        if (atomic_load_explicit(counter, memory_order_acquire) != seen) {
            return;
        }
        mlpi_pause();
    }
    (void)pthread_mutex_lock(&team->lock);
    while (atomic_load_explicit(counter, memory_order_acquire) == seen) {
        (void)pthread_cond_wait(&team->changed, &team->lock);
    }
    (void)pthread_mutex_unlock(&team->lock);
}

/* Under the lock, so that nobody falls asleep between looking and waiting. */
static void advance(mlpi_team *team, atomic_size_t *counter)
{
    (void)pthread_mutex_lock(&team->lock);
    (void)atomic_fetch_add_explicit(counter, 1, memory_order_release);
    (void)pthread_cond_broadcast(&team->changed);
    (void)pthread_mutex_unlock(&team->lock);
}

void mlpi_barrier(const mlpi_member *self)
{
    mlpi_team *team = self->team;
    if (!team) {
        return;
    }
    size_t seen = atomic_load_explicit(&team->passed, memory_order_acquire);
    size_t before =
        atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel);
    if (before + 1 < self->count) {
        await(team, &team->passed, seen);
        return;
    }
    atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
    advance(team, &team->passed);
}

static void *serve(void *argument)
{
    const mlpi_member *self = argument;
    mlpi_team *team = self->team;
    for (size_t run = 0;; run++) {
        await(team, &team->runs, run);
        if (atomic_load_explicit(&team->stop, memory_order_acquire)) {
            return NULL;
        }
        team->work(self, team->context);
        mlpi_barrier(self);
    }
}

static void lay_out(mlpi_team *team, mlpi_cursor *cursor)
{
    (void)mlpi_take(cursor, 1, sizeof *team);
    team->members = mlpi_take(cursor, team->size, sizeof *team->members);
    team->threads = mlpi_take(cursor, team->size, sizeof *team->threads);
}

/* Starts threads until one cannot be had. They leave the host's signals to the
 * host's threads. */
static size_t start(mlpi_team *team)
{
    sigset_t all;
    sigset_t kept;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &kept);
    size_t started = 1;
    while (started < team->size &&
           pthread_create(&team->threads[started], NULL, serve,
                          &team->members[started]) == 0) {
        started++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &kept, NULL);
    return started;
}

static void finish(mlpi_team *team)
{
    if (team->process == getpid()) {
        atomic_store_explicit(&team->stop, true, memory_order_release);
        advance(team, &team->runs);
        for (size_t i = 1; i < team->size; i++) {
            (void)pthread_join(team->threads[i], NULL);
        }
        (void)pthread_cond_destroy(&team->changed);
        (void)pthread_mutex_destroy(&team->lock);
    }
    mlp_hooks hooks = team->hooks;
    mlpi_release(&hooks, team);
}

mlpi_team *mlpi_team_create(const mlp_hooks *hooks, size_t threads)
{
    if (threads < 2) {
        return NULL;
    }
    mlpi_team measured = {.size = threads};
    mlpi_cursor measure = {0};
    lay_out(&measured, &measure);
    /* Nobody is told: a smaller team is no failure. */
    mlp_hooks quiet = *hooks;
    quiet.log = NULL;
    void *block = NULL;
    if (mlpi_allocate(&quiet, &measure, "a team", &block) != MLP_OK) {
        return NULL;
    }
    mlpi_team *team = block;
    team->hooks = *hooks;
    team->process = getpid();
    team->size = threads;
    team->spins = threads > mlpi_cores() ? 0 : SPINS;
    atomic_init(&team->stop, false);
    atomic_init(&team->runs, 0);
    atomic_init(&team->arrived, 0);
    atomic_init(&team->passed, 0);
    mlpi_cursor carve = {.base = block};
    lay_out(team, &carve);
    if (pthread_mutex_init(&team->lock, NULL) != 0) {
        mlpi_release(&quiet, block);
        return NULL;
    }
    if (pthread_cond_init(&team->changed, NULL) != 0) {
        (void)pthread_mutex_destroy(&team->lock);
        mlpi_release(&quiet, block);
        return NULL;
    }
    /* Members learn their number when all have started: until then they wait
     * for the first run. */
    for (size_t i = 0; i < threads; i++) {
        team->members[i] = (mlpi_member){team, i, threads};
    }
    team->size = start(team);
    for (size_t i = 0; i < team->size; i++) {
        team->members[i].count = team->size;
    }
    if (team->size < 2) {
        finish(team);
        return NULL;
    }
    return team;
}

void mlpi_team_free(mlpi_team *team)
{
    if (team) {
        finish(team);
    }
}

size_t mlpi_team_size(const mlpi_team *team)
{
    return team && team->process == getpid() ? team->size : 1;
}

void mlpi_team_run(mlpi_team *team, mlpi_work *work, void *context)
{
    if (mlpi_team_size(team) == 1) {
        work_alone(work, context);
        return;
    }
    team->work = work;
    team->context = context;
    advance(team, &team->runs);
    work(&team->members[0], context);
    mlpi_barrier(&team->members[0]);
}

#else

size_t mlpi_cores(void)
{
    return 1;
}

mlpi_team *mlpi_team_create(const mlp_hooks *hooks, size_t threads)
{
    (void)hooks;
    (void)threads;
    return NULL;
}

void mlpi_team_free(mlpi_team *team)
{
    (void)team;
}

size_t mlpi_team_size(const mlpi_team *team)
{
    (void)team;
    return 1;
}

void mlpi_team_run(mlpi_team *team, mlpi_work *work, void *context)
{
    (void)team;
    work_alone(work, context);
}

void mlpi_barrier(const mlpi_member *self)
{
    (void)self;
}

#endif
