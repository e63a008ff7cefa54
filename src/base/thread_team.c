/* SPDX-License-Identifier: MIT */
/*
 * Teams of POSIX threads if the build defines MLPI_THREADS; otherwise teams of
 * the caller alone.
 *
 * Threads wait for two things: the next run, and the other threads at a
 * barrier. Both are counters that only grow, so a waiting thread needs to see
 * no more than that the counter has changed. It polls the counter for about 50
 * microseconds, because the next work mostly comes within a few. For about 500
 * more it polls, too, but offers its core to other threads in between: the one
 * that it waits for may need this core, and to sleep and be woken would cost
 * tens of microseconds. Then it sleeps on a condition variable. If the team has
 * more threads than there are cores, polling would take the cores from threads
 * that work: then they sleep at once.
 *
 * A run in time, from top to bottom:
 *
 *     caller                              threads 1, 2 ...
 *     mlpi_team_run                       wait until `runs` changes
 *       stores work and context
 *       advances `runs`           ---->   see the new number, call work
 *       calls work                        ...
 *       arrives at the barrier    <--->   arrive at the barrier
 *       returns                           wait until `runs` changes
 *
 * The last to arrive, whoever that is, advances `generation`, which counts the
 * barriers that all threads have reached; the others wait for that change. A
 * function may use barriers of its own in between.
 *
 * Memory: the thread that advances a counter does so with release order, the
 * one that waits reads it with acquire order; so everything written before is
 * visible after, as thread_team.h promises. Inside the barrier the counter of
 * arrivals collects what all threads wrote.
 *
 * Cancellation: a caller that is cancelled in the middle of a run would unwind
 * its stack, which the threads are still using. So cancellation is disabled
 * until the run has ended.
 */
/* This declares sched_getaffinity.
 * NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _GNU_SOURCE

#include "base/thread_team.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/host.h"
#include "base/memory.h"
#include "base/thread_choice.h"

mlp_status mlpi_team_check(const mlp_hooks *hooks, size_t threads)
{
    if (threads > MLP_MAX_THREADS) {
        return mlpi_error(hooks, MLP_ERR_LIMIT,
                          "threads: expects at most %d, got %zu",
                          MLP_MAX_THREADS, threads);
    }
    return MLP_OK;
}

/* The first `more` threads take one grain more than the others. */
void mlpi_partition(const mlpi_thread *thread, size_t n, size_t grain,
                    size_t *first, size_t *count)
{
    if (thread->count == 1) {
        *first = 0;
        *count = n;
        return;
    }
    size_t grains = n / grain + (n % grain > 0);
    size_t each = grains / thread->count;
    size_t more = grains % thread->count;
    size_t index = thread->index;
    size_t from = (index * each + mlpi_min_size(index, more)) * grain;
    size_t to = from + (each + (index < more)) * grain;
    *first = mlpi_min_size(from, n);
    *count = mlpi_min_size(to, n) - *first;
}

static void work_alone(mlpi_work *work, void *context)
{
    const mlpi_thread alone = {.team = NULL, .index = 0, .count = 1};
    work(&alone, context);
}

#ifdef MLPI_THREADS

#include <pthread.h>
#include <stdatomic.h>
#ifdef _WIN32
#include <windows.h>
#else
#include <sched.h>
#include <signal.h>
#endif
#include <unistd.h>

/* How often a counter is polled before a sleep. After EAGER_SPINS the core is
 * offered to others once in SPINS_PER_YIELD polls. */
enum { EAGER_SPINS = 2000, SPINS = 20000, SPINS_PER_YIELD = 64 };

struct mlpi_team {
    mlp_hooks hooks;
    mlpi_process process; /* has the threads, which a fork of it has not */
    size_t size;          /* threads, the caller included */
    int spins;            /* SPINS; 0 if there are more threads than cores */
    mlpi_work *work;      /* of the current run */
    void *context;
    atomic_bool stop;         /* threads end instead of beginning a run */
    atomic_size_t runs;       /* runs that have begun */
    atomic_size_t arrived;    /* threads that wait at the barrier */
    atomic_size_t generation; /* barriers that all threads have reached */
    pthread_mutex_t lock;     /* guards sleeping and waking, nothing else */
    pthread_cond_t changed;   /* one of the counters was advanced */
    mlpi_thread *thread;      /* [size]; what each thread's function gets */
    pthread_t *handle;        /* [size]; [0], the caller, is not used */
    size_t scratch_size;      /* bytes for each thread */
    void *scratch;            /* of threads 1, 2 ..., one after another */
    double waited; /* seconds that the caller has spent at barriers, in all */
    mlpi_work *repeated; /* the function that `choice` measures; NULL: none */
    size_t others;       /* runs of other functions since `repeated` last ran */
    mlpi_thread_choice choice; /* for mlpi_team_repeat */
};

#ifdef _WIN32

/* Windows knows no signals, so there is nothing to block. */
typedef int signal_mask;

static void block_signals(signal_mask *previous)
{
    *previous = 0;
}

static void restore_signals(const signal_mask *previous)
{
    (void)previous;
}

static void yield_core(void)
{
    (void)SwitchToThread();
}

/* A program uses the processors of its group, at most 64. */
size_t mlpi_cores(void)
{
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwNumberOfProcessors > 1 ? info.dwNumberOfProcessors : 1;
}

#else

/* Threads of a team block all signals, which are for threads of the program
 * that uses the library. */
typedef sigset_t signal_mask;

static void block_signals(signal_mask *previous)
{
    sigset_t all;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, previous);
}

static void restore_signals(const signal_mask *previous)
{
    (void)pthread_sigmask(SIG_SETMASK, previous, NULL);
}

/* Lets another thread that waits for this core run first, if there is one. */
static void yield_core(void)
{
    (void)sched_yield();
}

/* The affinity mask is what containers and taskset restrict. */
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

#endif

/* Tells the CPU that this thread polls, so that it saves power and leaves the
 * core to its other hardware thread. */
static void relax_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Waits until *counter is not `seen`: first polls, then sleeps. */
static void wait_for_change(mlpi_team *team, atomic_size_t *counter,
                            size_t seen)
{
    for (int i = 0; i < team->spins; i++) {
        if (atomic_load_explicit(counter, memory_order_acquire) != seen) {
            return;
        }
        relax_cpu();
        if (i >= EAGER_SPINS && i % SPINS_PER_YIELD == 0) {
            yield_core();
        }
    }
    (void)pthread_mutex_lock(&team->lock);
    while (atomic_load_explicit(counter, memory_order_acquire) == seen) {
        (void)pthread_cond_wait(&team->changed, &team->lock);
    }
    (void)pthread_mutex_unlock(&team->lock);
}

/* Adds 1 to a counter and wakes all that sleep. The addition is under the lock:
 * otherwise a thread could read the old number, and fall asleep after the wake
 * that was meant for it. */
static void advance(mlpi_team *team, atomic_size_t *counter)
{
    (void)pthread_mutex_lock(&team->lock);
    (void)atomic_fetch_add_explicit(counter, 1, memory_order_release);
    (void)pthread_cond_broadcast(&team->changed);
    (void)pthread_mutex_unlock(&team->lock);
}

/* The last thread to arrive resets the count of arrivals and lets the others
 * pass. `generation` is read before arriving: afterwards it might have
 * changed. */
void mlpi_barrier(const mlpi_thread *thread)
{
    mlpi_team *team = thread->team;
    if (!team) {
        return;
    }
    size_t seen = atomic_load_explicit(&team->generation, memory_order_acquire);
    size_t before =
        atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel);
    if (before + 1 < thread->count) {
        bool is_caller = thread->index == 0;
        double begin = is_caller ? mlpi_seconds() : 0.0;
        wait_for_change(team, &team->generation, seen);
        if (is_caller) {
            team->waited += mlpi_seconds() - begin;
        }
        return;
    }
    /* Nobody arrives at the next barrier before `generation` has changed. */
    atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
    advance(team, &team->generation);
}

/* The life of a thread: runs what the team runs until the team ends. The
 * barrier behind each run is the one that mlpi_team_run waits at. */
static void *worker_main(void *argument)
{
    const mlpi_thread *thread = argument;
    mlpi_team *team = thread->team;
    for (size_t run = 0;; run++) {
        wait_for_change(team, &team->runs, run);
        if (atomic_load_explicit(&team->stop, memory_order_acquire)) {
            return NULL;
        }
        team->work(thread, team->context);
        mlpi_barrier(thread);
    }
}

/* The struct begins the block; both arrays have an entry for the caller. */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    mlpi_team *team = object;
    (void)mlpi_take(cursor, 1, sizeof *team);
    team->thread = mlpi_take(cursor, team->size, sizeof *team->thread);
    team->handle = mlpi_take(cursor, team->size, sizeof *team->handle);
}

/* Starts threads until the system refuses one, and returns how many there are
 * with the caller. They inherit the blocked signals. */
static size_t start(mlpi_team *team)
{
    signal_mask previous;
    block_signals(&previous);
    size_t started = 1;
    while (started < team->size &&
           pthread_create(&team->handle[started], NULL, worker_main,
                          &team->thread[started]) == 0) {
        started++;
    }
    restore_signals(&previous);
    return started;
}

/* Ends the threads and frees the team. In a forked child there are no threads
 * to end, and the lock may be in any state: there only memory is freed. */
static void finish(mlpi_team *team)
{
    if (mlpi_is_this_process(&team->process)) {
        int previous = mlpi_defer_cancellation();
        atomic_store_explicit(&team->stop, true, memory_order_release);
        advance(team, &team->runs);
        for (size_t i = 1; i < team->size; i++) {
            (void)pthread_join(team->handle[i], NULL);
        }
        (void)pthread_cond_destroy(&team->changed);
        (void)pthread_mutex_destroy(&team->lock);
        mlpi_restore_cancellation(previous);
    }
    mlpi_forget_process(&team->process);
    mlp_hooks hooks = team->hooks;
    mlpi_release(&hooks, team->scratch);
    mlpi_release(&hooks, team);
}

/* Makes the lock and the condition variable, both or neither. */
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

/* Makes a team of at most `size` threads, as many as can be started. *team
 * stays NULL if the system has no lock for it: the caller then works alone. */
static mlp_status create(const mlp_hooks *hooks, size_t size, mlpi_team **team)
{
    mlpi_team made = {.hooks = *hooks,
                      .size = size,
                      .spins = size > mlpi_cores() ? 0 : SPINS};
    void *block = NULL;
    TRY(mlpi_allocate_layout(hooks, lay_out, &made, "a team of threads",
                             &block));
    mlpi_team *new_team = block;
    *new_team = made;
    if (!make_lock(new_team)) {
        mlpi_release(hooks, block);
        return MLP_OK;
    }
    new_team->process = mlpi_this_process();
    for (size_t i = 0; i < size; i++) {
        new_team->thread[i] = (mlpi_thread){new_team, i, size};
    }
    new_team->size = start(new_team);
    /* The threads wait for the first run, which makes these writes visible. */
    for (size_t i = 0; i < new_team->size; i++) {
        new_team->thread[i].count = new_team->size;
    }
    *team = new_team;
    return MLP_OK;
}

/* Allocates the scratch of the threads that were started, which may be fewer
 * than were asked for. Each part is a whole number of cache lines, so that
 * threads do not write to a common one. */
static mlp_status make_scratch(mlpi_team *team, size_t scratch)
{
    mlpi_cursor measure = {0};
    (void)mlpi_take(&measure, 1, scratch);
    team->scratch_size = measure.used; /* rounded up to the alignment */
    measure = (mlpi_cursor){.overflow = measure.overflow};
    (void)mlpi_take(&measure, team->size - 1, team->scratch_size);
    return mlpi_allocate(&team->hooks, &measure, "the scratch of threads",
                         &team->scratch);
}

/* The old team is freed last, so that it is still there after a failure. */
mlp_status mlpi_team_replace(const mlp_hooks *hooks, size_t threads,
                             size_t scratch, mlpi_team **team)
{
    TRY(mlpi_team_check(hooks, threads));
    size_t cores = mlpi_cores();
    size_t all = mlpi_min_size(cores, MLP_MAX_THREADS);
    size_t size = threads > 0 ? threads : all;
    mlpi_team *made = NULL;
    if (size > 1) { /* new threads inherit the caller's environment */
        TRY(mlpi_check_rounding(hooks));
        TRY(create(hooks, size, &made));
    }
    if (made && made->size == 1) { /* not one thread could be started */
        finish(made);
        made = NULL;
    }
    if (made) {
        mlp_status status = make_scratch(made, scratch);
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

/* A forked child has the struct of its parent, but is another process. */
size_t mlpi_team_size(const mlpi_team *team)
{
    return team && mlpi_is_this_process(&team->process) ? team->size : 1;
}

/* Thread 0 has none: the caller brings its own scratch. */
void *mlpi_team_scratch(const mlpi_thread *thread)
{
    return (unsigned char *)thread->team->scratch +
           (thread->index - 1) * thread->team->scratch_size;
}

/* Advancing `runs` publishes work and context; the barrier at the end is the
 * one that worker_main waits at, so that the last thread ends the run. */
void mlpi_team_run(mlpi_team *team, mlpi_work *work, void *context)
{
    if (mlpi_team_size(team) == 1) {
        work_alone(work, context);
        return;
    }
    int previous = mlpi_defer_cancellation();
    team->work = work;
    team->context = context;
    advance(team, &team->runs);
    work(&team->thread[0], context);
    mlpi_barrier(&team->thread[0]);
    mlpi_restore_cancellation(previous);
}

/* The first function that a team repeats is the one that is measured. Others
 * follow the choice, which is about the machine more than about the work. But
 * if OTHERS runs of others follow each other, as when a fit comes after single
 * steps in parts, the choice would never change again. Then the function of the
 * last of them is measured, and the choice is new. */
void mlpi_team_repeat(mlpi_team *team, mlpi_work *work, void *context,
                      size_t amount)
{
    if (mlpi_team_size(team) == 1) {
        work_alone(work, context);
        return;
    }
    enum { OTHERS = 16 }; /* more than the parts of a step */
    if (!team->repeated ||
        (work != team->repeated && ++team->others == OTHERS)) {
        team->repeated = work;
        team->choice = (mlpi_thread_choice){0};
    }
    if (work == team->repeated) {
        team->others = 0;
    }
    bool alone = team->choice.alone;
    double waited = team->waited;
    double begin = mlpi_seconds();
    mlpi_team_run(alone ? NULL : team, work, context);
    if (team->repeated == work) {
        mlpi_choice_add(&team->choice,
                        &(mlpi_run_time){.seconds = mlpi_seconds() - begin,
                                         .waited = team->waited - waited,
                                         .amount = (double)amount});
    }
}

#else /* without threads every function works for the caller alone */

size_t mlpi_cores(void)
{
    return 1;
}

mlp_status mlpi_team_replace(const mlp_hooks *hooks, size_t threads,
                             size_t scratch, mlpi_team **team)
{
    (void)scratch;
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

void *mlpi_team_scratch(const mlpi_thread *thread)
{
    (void)thread;
    return NULL;
}

void mlpi_team_run(mlpi_team *team, mlpi_work *work, void *context)
{
    (void)team;
    work_alone(work, context);
}

void mlpi_team_repeat(mlpi_team *team, mlpi_work *work, void *context,
                      size_t amount)
{
    (void)team;
    (void)amount;
    work_alone(work, context);
}

void mlpi_barrier(const mlpi_thread *thread)
{
    (void)thread;
}

#endif
