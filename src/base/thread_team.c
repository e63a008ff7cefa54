/* SPDX-License-Identifier: MIT */
/*
 * POSIX threads, or none if the library was built without them (the build
 * defines MLPI_THREADS).
 *
 * There are two things to wait for: the next run, and the others at a barrier.
 * Both are counters that only grow. Who waits looks at the counter for a while,
 * since the next piece of work mostly comes within microseconds, and then
 * sleeps until it is woken. Where members outnumber cores, looking would keep
 * cores from those who work: then they sleep at once.
 *
 * A thread that is cancelled while others work for it would leave them its
 * stack and its locks: cancelling waits until the work is done.
 */
/* For sched_getaffinity. NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _GNU_SOURCE

#include "base/thread_team.h"

#include "base/memory.h"
#include "base/error.h"

mlp_status mlpi_team_check(const mlp_hooks *hooks, size_t threads)
{
    if (threads > MLP_MAX_THREADS) {
        return mlpi_error(hooks, MLP_ERR_LIMIT,
                          "threads: expects at most %d, got %zu",
                          MLP_MAX_THREADS, threads);
    }
    return MLP_OK;
}

void mlpi_partition(const mlpi_thread *self, size_t n, size_t grain,
                    size_t *first, size_t *count)
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
    const mlpi_thread alone = {.team = NULL, .index = 0, .count = 1};
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
    mlpi_thread *members;
    pthread_t *threads; /* [size]; [0] is not used */
    size_t room;        /* bytes */
    void *rooms;        /* of members 1.., one after another */
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

void mlpi_barrier(const mlpi_thread *self)
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
    const mlpi_thread *self = argument;
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
        int kept = 0;
        (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &kept);
        atomic_store_explicit(&team->stop, true, memory_order_release);
        advance(team, &team->runs);
        for (size_t i = 1; i < team->size; i++) {
            (void)pthread_join(team->threads[i], NULL);
        }
        (void)pthread_cond_destroy(&team->changed);
        (void)pthread_mutex_destroy(&team->lock);
        (void)pthread_setcancelstate(kept, NULL);
    }
    mlp_hooks hooks = team->hooks;
    mlpi_release(&hooks, team->rooms);
    mlpi_release(&hooks, team);
}

static bool make_lock(mlpi_team *team)
{
    if (pthread_mutex_init(&team->lock, NULL) != 0) {
        return false;
    }
    if (pthread_cond_init(&team->changed, NULL) != 0) {
        (void)pthread_mutex_destroy(&team->lock);
        return false;
    }
    return true;
}

/* *team = as many as can be started, of at most `size`; or NULL. */
static mlp_status create(const mlp_hooks *hooks, size_t size, mlpi_team **team)
{
    mlpi_team made = {.hooks = *hooks,
                      .process = getpid(),
                      .size = size,
                      .spins = size > mlpi_cores() ? 0 : SPINS};
    mlpi_cursor measure = {0};
    lay_out(&made, &measure);
    void *block = NULL;
    TRY(mlpi_allocate(hooks, &measure, "a team of threads", &block));
    mlpi_cursor carve = {.base = block};
    lay_out(&made, &carve);
    mlpi_team *new_team = block;
    *new_team = made;
    if (!make_lock(new_team)) {
        mlpi_release(hooks, block);
        return MLP_OK;
    }
    for (size_t i = 0; i < size; i++) {
        new_team->members[i] = (mlpi_thread){new_team, i, size};
    }
    new_team->size = start(new_team);
    /* They wait for the first run, which publishes what is written here. */
    for (size_t i = 0; i < new_team->size; i++) {
        new_team->members[i].count = new_team->size;
    }
    *team = new_team;
    return MLP_OK;
}

/* Rooms for the threads there are, not for those that were asked for. */
static mlp_status make_rooms(mlpi_team *team, size_t room)
{
    mlpi_cursor measure = {0};
    (void)mlpi_take(&measure, 1, room);
    team->room = measure.used; /* a whole number of cache lines */
    measure = (mlpi_cursor){.overflow = measure.overflow};
    (void)mlpi_take(&measure, team->size - 1, team->room);
    return mlpi_allocate(&team->hooks, &measure, "the rooms of threads",
                         &team->rooms);
}

mlp_status mlpi_team_create(const mlp_hooks *hooks, size_t threads, size_t room,
                            mlpi_team **team)
{
    TRY(mlpi_team_check(hooks, threads));
    size_t cores = mlpi_cores();
    size_t all = cores < MLP_MAX_THREADS ? cores : MLP_MAX_THREADS;
    size_t size = threads > 0 ? threads : all;
    mlpi_team *made = NULL;
    if (size > 1) {
        TRY(create(hooks, size, &made));
    }
    if (made && made->size == 1) {
        finish(made);
        made = NULL;
    }
    if (made) {
        mlp_status status = make_rooms(made, room);
        if (status != MLP_OK) {
            finish(made);
            return status;
        }
    }
    mlpi_team_free(*team);
    *team = made;
    return MLP_OK;
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

void *mlpi_team_scratch(const mlpi_thread *self)
{
    return (unsigned char *)self->team->rooms +
           (self->index - 1) * self->team->room;
}

void mlpi_team_run(mlpi_team *team, mlpi_work *work, void *context)
{
    if (mlpi_team_size(team) == 1) {
        work_alone(work, context);
        return;
    }
    int kept = 0;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &kept);
    team->work = work;
    team->context = context;
    advance(team, &team->runs);
    work(&team->members[0], context);
    mlpi_barrier(&team->members[0]);
    (void)pthread_setcancelstate(kept, NULL);
}

#else

size_t mlpi_cores(void)
{
    return 1;
}

mlp_status mlpi_team_create(const mlp_hooks *hooks, size_t threads, size_t room,
                            mlpi_team **team)
{
    (void)room;
    (void)team; /* it is NULL already */
    return mlpi_team_check(hooks, threads);
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

void *mlpi_team_scratch(const mlpi_thread *self)
{
    (void)self;
    return NULL;
}

void mlpi_team_run(mlpi_team *team, mlpi_work *work, void *context)
{
    (void)team;
    work_alone(work, context);
}

void mlpi_barrier(const mlpi_thread *self)
{
    (void)self;
}

#endif
