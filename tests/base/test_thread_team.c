/* SPDX-License-Identifier: MIT */
/* Teams of threads split work, wait at barriers, and train with the same bits
 * for any number of threads. The thread sanitizer runs this test as well. */
#include "support/training.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "base/thread_team.h"

static const size_t sizes[] = {1, 2, 3, 8};

/* The build puts __wrap_pthread_create in the place of pthread_create, so that
 * the system seems to run out of threads after this many. */
static size_t threads_left = SIZE_MAX;

typedef void *thread_function(void *argument);

/* The linker demands these names. */
/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming) */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          thread_function *function, void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          thread_function *function, void *argument);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          thread_function *function, void *argument)
{
    if (threads_left == 0) {
        return EAGAIN;
    }
    threads_left--;
    return __real_pthread_create(thread, attributes, function, argument);
}
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

/* getpid is replaced in the same way: in a container inside of a container
 * parent and child may both be process 1. */
static pid_t seeming_process; /* 0: the true one */

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming) */
pid_t __real_getpid(void);
pid_t __wrap_getpid(void);
pid_t __wrap_getpid(void)
{
    return seeming_process ? seeming_process : __real_getpid();
}
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

/* So are the calls that make a lock, which may want memory of the system. */
static struct locks {
    bool no_mutex, no_condition;
    int mutexes; /* that are there */
} locks;

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming) */
int __real_pthread_mutex_init(pthread_mutex_t *mutex,
                              const pthread_mutexattr_t *attributes);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex,
                              const pthread_mutexattr_t *attributes);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex,
                              const pthread_mutexattr_t *attributes)
{
    locks.mutexes += !locks.no_mutex;
    return locks.no_mutex ? ENOMEM
                          : __real_pthread_mutex_init(mutex, attributes);
}

int __real_pthread_mutex_destroy(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_destroy(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_destroy(pthread_mutex_t *mutex)
{
    locks.mutexes--;
    return __real_pthread_mutex_destroy(mutex);
}

int __real_pthread_cond_init(pthread_cond_t *condition,
                             const pthread_condattr_t *attributes);
int __wrap_pthread_cond_init(pthread_cond_t *condition,
                             const pthread_condattr_t *attributes);
int __wrap_pthread_cond_init(pthread_cond_t *condition,
                             const pthread_condattr_t *attributes)
{
    return locks.no_condition ? ENOMEM
                              : __real_pthread_cond_init(condition, attributes);
}
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

static mlpi_team *new_team(const mlp_hooks *hooks, size_t threads)
{
    mlpi_team *team = NULL;
    assert_int_equal(mlpi_team_replace(hooks, threads, 100, &team), MLP_OK);
    return team;
}

/* ---------------------------------------------------------------------------
 * Partitions
 */

static void parts_are_whole_grains_and_leave_nothing(void **state)
{
    (void)state;
    static const size_t grains[] = {1, 4, 12, 64};
    for (size_t n = 0; n < 300; n += n < 70 ? 1 : 37) {
        for (size_t g = 0; g < COUNT(grains); g++) {
            for (size_t size = 1; size <= 9; size++) {
                size_t next = 0;
                for (size_t i = 0; i < size; i++) {
                    mlpi_thread thread = {NULL, i, size};
                    size_t first = 99;
                    size_t count = 99;
                    mlpi_partition(&thread, n, grains[g], &first, &count);
                    assert_int_equal(first, next);
                    next += count;
                    assert_true(next == n || next % grains[g] == 0);
                }
                assert_int_equal(next, n);
            }
        }
    }
}

static void parts_differ_by_one_grain_at_most(void **state)
{
    (void)state;
    size_t least = SIZE_MAX;
    size_t most = 0;
    for (size_t i = 0; i < 7; i++) {
        mlpi_thread thread = {NULL, i, 7};
        size_t first = 0;
        size_t count = 0;
        mlpi_partition(&thread, 1000, 4, &first, &count);
        least = count < least ? count : least;
        most = count > most ? count : most;
    }
    assert_true(most - least <= 4);
}

/* ---------------------------------------------------------------------------
 * Runs and barriers
 */

enum { MOST = 8, ROUNDS = 200 };

typedef struct tally {
    atomic_size_t came[MOST];
    size_t written[MOST]; /* not atomic: the barrier must order the writes */
    atomic_size_t wrong;
} tally;

/* Each thread writes, waits for all, and reads what the others wrote. */
static void write_meet_read(const mlpi_thread *self, void *context)
{
    tally *t = context;
    for (size_t round = 1; round <= 3; round++) {
        t->written[self->index] += round;
        mlpi_barrier(self);
        for (size_t i = 0; i < self->count; i++) {
            if (t->written[i] != t->written[self->index]) {
                (void)atomic_fetch_add(&t->wrong, 1);
            }
        }
        mlpi_barrier(self);
    }
    (void)atomic_fetch_add(&t->came[self->index], 1);
}

static void threads_wait_at_barriers(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    for (size_t s = 0; s < COUNT(sizes); s++) {
        mlpi_team *team = new_team(&hooks, sizes[s]);
        size_t size = mlpi_team_size(team);
        assert_int_equal(size, sizes[s]);
        tally t = {.wrong = 0};
        for (size_t run = 0; run < ROUNDS; run++) {
            mlpi_team_run(team, write_meet_read, &t);
        }
        for (size_t i = 0; i < MOST; i++) {
            assert_int_equal(t.came[i], i < size ? ROUNDS : 0);
        }
        assert_int_equal(t.wrong, 0);
        mlpi_team_free(team);
    }
    assert_int_equal(record.live, 0);
}

/* Threads that have fallen asleep are woken, too. */
static void sleeping_members_wake(void **state)
{
    (void)state;
    mlp_hooks none = {NULL, NULL, NULL, NULL};
    mlpi_team *team = new_team(&none, 3);
    tally t = {.wrong = 0};
    for (size_t run = 0; run < 5; run++) {
        (void)usleep(20000);
        mlpi_team_run(team, write_meet_read, &t);
    }
    assert_int_equal(t.came[mlpi_team_size(team) - 1], 5);
    mlpi_team_free(team);
}

static void no_team_is_the_caller_alone(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    assert_null(new_team(&hooks, 1));
    assert_int_equal(record.allocations, 0);
    assert_int_equal(mlpi_team_size(NULL), 1);
    mlpi_team_free(NULL);
    tally t = {.wrong = 0};
    mlpi_team_run(NULL, write_meet_read, &t);
    assert_int_equal(t.came[0], 1);
}

/* The team's second thread takes 6 ms, the caller alone takes 1 ms. */
static void team_is_slower(const mlpi_thread *self, void *context)
{
    size_t *count = context;
    if (self->index == 0) {
        *count = self->count;
    }
    (void)usleep(self->count == 1 ? 1000 : self->index == 1 ? 6000 : 0);
}

static void tell_count(const mlpi_thread *self, void *context)
{
    size_t *count = context;
    if (self->index == 0) {
        *count = self->count;
    }
}

/* Repeats until the count of threads is `expected`. */
static void repeat_until(mlpi_team *team, size_t expected)
{
    size_t count = 0;
    for (size_t run = 0; run < 2000 && count != expected; run++) {
        mlpi_team_repeat(team, team_is_slower, &count, 1);
    }
    assert_int_equal(count, expected);
}

/* A pause is several windows of 20 ms, so it does not end in its first run, and
 * another function finds the caller alone, too. */
static void a_slower_team_gives_way_and_tries_again(void **state)
{
    (void)state;
    mlp_hooks none = {NULL, NULL, NULL, NULL};
    mlpi_team *team = new_team(&none, 2);
    for (int i = 0; i < 3; i++) {
        size_t count = 0;
        repeat_until(team, 2);
        repeat_until(team, 1);
        mlpi_team_repeat(team, tell_count, &count, 1);
        assert_int_equal(count, 1);
        mlpi_team_run(team, tell_count, &count);
        assert_int_equal(count, 2);
    }
    mlpi_team_free(team);
    size_t count = 0;
    mlpi_team_repeat(NULL, tell_count, &count, 1);
    assert_int_equal(count, 1);
}

/* A function that is never run again cannot bring the team back. */
static void another_function_brings_the_team_back(void **state)
{
    (void)state;
    mlp_hooks none = {NULL, NULL, NULL, NULL};
    mlpi_team *team = new_team(&none, 2);
    size_t count = 0;
    repeat_until(team, 1);
    for (int run = 0; run < 100 && count != 2; run++) {
        mlpi_team_repeat(team, tell_count, &count, 1);
    }
    assert_int_equal(count, 2);
    mlpi_team_free(team);
}

/* If the system runs out of threads, those that could be started work, each
 * with its scratch. */
static void a_team_takes_the_threads_there_are(void **state)
{
    (void)state;
    for (size_t left = 0; left < 5; left++) {
        hook_record record = {0};
        mlp_hooks hooks = recording_hooks(&record);
        threads_left = left;
        mlpi_team *team = new_team(&hooks, 4);
        threads_left = SIZE_MAX;
        size_t size = left < 3 ? left + 1 : 4;
        assert_int_equal(mlpi_team_size(team), size);
        assert_int_equal(record.messages, 0);
        tally t = {.wrong = 0};
        mlpi_team_run(team, write_meet_read, &t);
        assert_int_equal(t.came[size - 1], 1);
        assert_int_equal(t.came[size], 0);
        mlpi_team_free(team);
        assert_int_equal(record.live, 0);
    }
}

static void without_a_lock_the_caller_works_alone(void **state)
{
    (void)state;
    int mutexes = locks.mutexes;
    for (int i = 0; i < 2; i++) {
        hook_record record = {0};
        mlp_hooks hooks = recording_hooks(&record);
        locks.no_mutex = i == 0;
        locks.no_condition = i == 1;
        mlpi_team *team = new_team(&hooks, 4);
        locks.no_mutex = locks.no_condition = false;
        assert_null(team);
        assert_int_equal(record.allocations, 1);
        assert_int_equal(record.live, 0);
        assert_int_equal(record.messages, 0);
        assert_int_equal(locks.mutexes, mutexes);
    }
}

/* Each thread fills its own scratch; that of the others must not change. */
static void fill_scratch(const mlpi_thread *self, void *context)
{
    size_t *bytes = context;
    if (self->index > 0) {
        memset(mlpi_team_scratch(self), (int)self->index, *bytes);
    }
    mlpi_barrier(self);
    for (size_t i = 0; self->index > 0 && i < *bytes; i++) {
        unsigned char *own = mlpi_team_scratch(self);
        if (own[i] != self->index) {
            *bytes += 1000000;
        }
    }
}

static void threads_have_scratch_of_their_own(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlpi_team *team = new_team(&hooks, 4);
    size_t bytes = 100;
    mlpi_team_run(team, fill_scratch, &bytes);
    assert_int_equal(bytes, 100);
    mlpi_team_free(team);
    assert_int_equal(record.live, 0);
}

static void team_creation_fails_without_harm(void **state)
{
    (void)state;
    static const char *const blocks[] = {"a team of threads", "scratch"};
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlpi_team *team = new_team(&hooks, 3);
    mlpi_team *before = team;
    for (size_t i = 0; i < COUNT(blocks); i++) {
        record.fail_at = record.allocations + 1 + i;
        assert_told(&record, mlpi_team_replace(&hooks, 2, 100, &team),
                    MLP_ERR_MEMORY, blocks[i]);
        assert_ptr_equal(team, before);
    }
    assert_told(&record, mlpi_team_replace(&hooks, 2, SIZE_MAX, &team),
                MLP_ERR_LIMIT, "scratch");
    assert_told(&record, mlpi_team_replace(&hooks, 257, 100, &team),
                MLP_ERR_LIMIT, "at most 256, got 257");
    assert_told(&record, mlpi_team_replace(&hooks, SIZE_MAX, 100, &team),
                MLP_ERR_LIMIT, "at most 256");
    assert_ptr_equal(team, before);
    assert_int_equal(mlpi_team_size(team), 3);
    mlpi_team_free(team);
    assert_int_equal(record.live, 0);
    team = new_team(&hooks, 0);
    assert_int_equal(mlpi_team_size(team), mlpi_cores());
    mlpi_team_free(team);
}

/* A caller that is cancelled while its team runs ends only after the run has
 * ended. So another thread can use the team, and free it. */
typedef struct cancelled_run {
    mlpi_team *team;
    tally t;
    atomic_bool begun;
} cancelled_run;

static void work_slowly(const mlpi_thread *self, void *context)
{
    cancelled_run *c = context;
    atomic_store(&c->begun, true);
    if (self->index > 0) {
        (void)usleep(100000);
    }
    write_meet_read(self, &c->t);
}

static void *run_and_be_cancelled(void *argument)
{
    cancelled_run *c = argument;
    mlpi_team_run(c->team, work_slowly, c);
    pthread_testcancel();
    return argument;
}

static void cancelling_waits_for_the_work(void **state)
{
    (void)state;
    mlp_hooks none = {NULL, NULL, NULL, NULL};
    cancelled_run c = {.team = new_team(&none, 3)};
    pthread_t thread;
    void *end = NULL;
    assert_int_equal(pthread_create(&thread, NULL, run_and_be_cancelled, &c),
                     0);
    while (!atomic_load(&c.begun)) {
        (void)usleep(100);
    }
    assert_int_equal(pthread_cancel(thread), 0);
    assert_int_equal(pthread_join(thread, &end), 0);
    assert_true(end == PTHREAD_CANCELED);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(c.t.came[i], 1);
    }
    mlpi_team_run(c.team, write_meet_read, &c.t);
    assert_int_equal(c.t.came[2], 2);
    mlpi_team_free(c.team);
}

/* ---------------------------------------------------------------------------
 * Training
 */

/* This model is large enough for threads, and its sizes fit no tile. */
static const model odd_model = {
    101,
    3,
    {{129, MLP_ACT_TANH}, {67, MLP_ACT_RELU}, {7, MLP_ACT_SIGMOID}},
    MLP_LOSS_BCE};

/* With batch norm, threads must wait for each other in each layer. */
static const model normed_model = {101,
                                   3,
                                   {{129, MLP_ACT_TANH, 0, 0.3, true},
                                    {67, MLP_ACT_RELU, 0, 0, true},
                                    {7, MLP_ACT_SIGMOID, 0, 0, true}},
                                   MLP_LOSS_BCE};

/* Threads split outputs instead of rows where a layer has at least as many
 * outputs as the batch has rows: here two layers in a row, and the last one,
 * which has elementwise work after its product. */
static const model wide_model = {
    101,
    3,
    {{530, MLP_ACT_RELU}, {201, MLP_ACT_TANH, 0, 0.3}, {7, MLP_ACT_SIGMOID}},
    MLP_LOSS_BCE};
static const model wide_normed_model = {101,
                                        3,
                                        {{7, MLP_ACT_TANH},
                                         {201, MLP_ACT_RELU, 0, 0, true},
                                         {203, MLP_ACT_SIGMOID}},
                                        MLP_LOSS_BCE};

enum { ROWS = 157 };

static data odd_data(mlp_dtype dtype, const model *m)
{
    size_t outputs = m->layers[m->n_layers - 1].width;
    return (data){random_matrix(dtype, ROWS, 101, -1, 1),
                  random_matrix(dtype, ROWS, outputs, 0, 1)};
}

static mlp_net *fitted(mlp_dtype dtype, const model *m, data d, size_t threads,
                       size_t batch)
{
    mlp_net *net = new_net(m, dtype, NULL);
    mlp_train_options options = tutorial_options();
    options.epochs = 4;
    options.learning_rate = 0.5;
    options.optimizer.l2 = m == &wide_model && batch == 0 ? 0.01 : 0.0;
    options.batch_size = batch;
    options.threads = threads;
    mlp_history *history = NULL;
    assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, &history),
                     MLP_OK);
    assert_true(mlp_history_losses(history)[3] <
                mlp_history_losses(history)[0]);
    mlp_history_free(history);
    return net;
}

static void fit_gives_the_same_bits_with_any_threads(void **state)
{
    (void)state;
    static const model *const models[] = {&odd_model, &wide_model};
    static const size_t batches[] = {0, 80};
    FOR_EACH_PRECISION(p)
    {
        for (size_t i = 0; i < COUNT(models) * COUNT(batches); i++) {
            const model *m = models[i / COUNT(batches)];
            size_t batch = batches[i % COUNT(batches)];
            data d = odd_data(p, m);
            mlp_net *expected = fitted(p, m, d, 1, batch);
            for (size_t s = 0; s < COUNT(sizes); s++) {
                mlp_net *net = fitted(p, m, d, sizes[s], batch);
                assert_same_net(net, expected);
                mlp_net_free(net);
            }
            mlp_net *net = fitted(p, m, d, 0, batch);
            assert_same_net(net, expected);
            mlp_net_free(net);
            mlp_net_free(expected);
            free_data(d);
        }
    }
}

/* A tensor that one trainer's layer lacks, the other's lacks, too. */
static void assert_same_tensors(mlp_trainer *a, mlp_trainer *b)
{
    for (size_t l = 1; l <= 3; l++) {
        for (int which = 0; mlp_tensor_name((mlp_tensor)which); which++) {
            mlp_view x;
            mlp_view y;
            mlp_status status = mlp_trainer_tensor(a, (mlp_tensor)which, l, &x);
            assert_int_equal(mlp_trainer_tensor(b, (mlp_tensor)which, l, &y),
                             status);
            if (status == MLP_OK) {
                assert_same(ro(x), ro(y));
            } else {
                assert_true(which >= MLP_SCALE);
            }
        }
    }
}

static void assert_same_steps(const model *m)
{
    data d = odd_data(MLP_F32, m);
    mlp_net *nets[2] = {new_net(m, MLP_F32, NULL), new_net(m, MLP_F32, NULL)};
    mlp_trainer *trainers[2] = {NULL, NULL};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(mlp_trainer_create(nets[i], ROWS, &trainers[i]),
                         MLP_OK);
    }
    for (size_t step = 0; step < 8; step++) {
        assert_int_equal(mlp_trainer_set_threads(
                             trainers[1], sizes[(step + 1) % COUNT(sizes)]),
                         MLP_OK);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(mlp_trainer_forward(trainers[i], ro(d.X)), MLP_OK);
            assert_int_equal(mlp_trainer_backward(trainers[i], ro(d.Y)),
                             MLP_OK);
            assert_int_equal(mlp_trainer_update(trainers[i], 0.5), MLP_OK);
        }
        assert_same_tensors(trainers[0], trainers[1]);
    }
    for (size_t i = 0; i < 2; i++) {
        mlp_trainer_free(trainers[i]);
        mlp_net_free(nets[i]);
    }
    free_data(d);
}

static void steps_give_the_same_bits_with_any_threads(void **state)
{
    (void)state;
    assert_same_steps(&odd_model);
    assert_same_steps(&normed_model);
    assert_same_steps(&wide_model);
    assert_same_steps(&wide_normed_model);
}

/* If there is no memory for threads, the fit trains with one. */
static void fit_does_without_threads_that_have_no_memory(void **state)
{
    (void)state;
    data d = odd_data(MLP_F64, &odd_model);
    mlp_net *expected = fitted(MLP_F64, &odd_model, d, 1, 0);
    for (size_t failing = 0; failing < 2; failing++) {
        hook_record record = {0};
        mlp_net *net = new_net(&odd_model, MLP_F64, &record);
        mlp_train_options options = tutorial_options();
        options.epochs = 4;
        options.learning_rate = 0.5;
        options.threads = 2;
        record.fail_at =
            record.allocations + 2 + failing; /* the trainer's is 1 */
        assert_int_equal(mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                         MLP_OK);
        assert_true(record.allocations >= record.fail_at);
        assert_int_equal(record.messages, 0);
        assert_same_net(net, expected);
        mlp_net_free(net);
        assert_int_equal(record.live, 0);
    }
    mlp_net_free(expected);
    free_data(d);
}

/* With more threads than rows some threads have nothing to do. */
static void more_threads_than_rows_do_no_harm(void **state)
{
    (void)state;
    static const model wide = {
        700, 2, {{301, MLP_ACT_RELU}, {5, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};
    data d = {random_matrix(MLP_F32, 9, 700, -1, 1),
              random_matrix(MLP_F32, 9, 5, 0, 1)};
    mlp_view A[2] = {new_matrix(MLP_F32, 9, 5, NULL),
                     new_matrix(MLP_F32, 9, 5, NULL)};
    mlp_net *nets[2];
    for (size_t i = 0; i < 2; i++) {
        nets[i] = new_net(&wide, MLP_F32, NULL);
        mlp_train_options options = tutorial_options();
        options.epochs = 2;
        options.threads = i == 0 ? 1 : 40;
        assert_int_equal(mlp_fit(nets[i], ro(d.X), ro(d.Y), &options, NULL),
                         MLP_OK);
        mlp_workspace *workspace = NULL;
        assert_int_equal(mlp_workspace_create(nets[i], &workspace), MLP_OK);
        assert_int_equal(mlp_workspace_set_threads(workspace, options.threads),
                         MLP_OK);
        assert_int_equal(mlp_predict_with(nets[i], workspace, ro(d.X), A[i]),
                         MLP_OK);
        mlp_workspace_free(workspace);
    }
    assert_same_net(nets[0], nets[1]);
    assert_same(ro(A[0]), ro(A[1]));
    for (size_t i = 0; i < 2; i++) {
        mlp_net_free(nets[i]);
        free(A[i].data);
    }
    free_data(d);
}

static void too_many_threads_are_refused(void **state)
{
    (void)state;
    hook_record record = {0};
    data d = xor_data(MLP_F64);
    mlp_net *net = new_net(&xor_model, MLP_F64, &record);
    mlp_net *before = clone_of(net);
    mlp_train_options options = tutorial_options();
    options.threads = MLP_MAX_THREADS + 1;
    assert_told(&record, mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL),
                MLP_ERR_LIMIT, "threads: expects at most 256, got 257");
    assert_same_net(net, before);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, 4, &trainer), MLP_OK);
    assert_told(&record, mlp_trainer_set_threads(trainer, SIZE_MAX),
                MLP_ERR_LIMIT, "threads: expects at most 256");
    assert_int_equal(mlp_trainer_set_threads(NULL, 1), MLP_ERR_NULL);
    record.fail_at = record.allocations + 1;
    assert_told(&record, mlp_trainer_set_threads(trainer, 2), MLP_ERR_MEMORY,
                "a team of threads");
    mlp_trainer_free(trainer);
    mlp_workspace *workspace = NULL;
    assert_int_equal(mlp_workspace_create(net, &workspace), MLP_OK);
    assert_told(&record, mlp_workspace_set_threads(workspace, 257),
                MLP_ERR_LIMIT, "threads: expects at most 256, got 257");
    assert_int_equal(mlp_workspace_set_threads(NULL, 1), MLP_ERR_NULL);
    record.fail_at = record.allocations + 1;
    assert_told(&record, mlp_workspace_set_threads(workspace, 2),
                MLP_ERR_MEMORY, "a team of threads");
    mlp_workspace_free(workspace);
    mlp_net_free(before);
    mlp_net_free(net);
    free_data(d);
    assert_int_equal(record.live, 0);
}

static void predictions_have_the_same_bits_with_any_threads(void **state)
{
    (void)state;
    static const size_t rows[] = {1, 48, 49, 157};
    FOR_EACH_PRECISION(p)
    {
        data d = odd_data(p, &odd_model);
        mlp_net *net = new_net(&odd_model, p, NULL);
        assert_int_equal(mlp_net_standardise(net, ro(d.X)), MLP_OK);
        mlp_workspace *workspace = NULL;
        assert_int_equal(mlp_workspace_create(net, &workspace), MLP_OK);
        mlp_view expected = new_matrix(p, ROWS, 7, NULL);
        assert_int_equal(mlp_predict(net, ro(d.X), expected), MLP_OK);
        for (size_t s = 0; s < COUNT(sizes) * COUNT(rows); s++) {
            mlp_view A = new_matrix(p, rows[s % COUNT(rows)], 7, NULL);
            mlp_cview X = mlp_cview_rows(ro(d.X), 0, A.rows);
            assert_int_equal(
                mlp_workspace_set_threads(workspace, sizes[s / COUNT(rows)]),
                MLP_OK);
            assert_int_equal(mlp_predict_with(net, workspace, X, A), MLP_OK);
            assert_same(ro(A), mlp_cview_rows(ro(expected), 0, A.rows));
            free(A.data);
        }
        free(expected.data);
        mlp_workspace_free(workspace);
        mlp_net_free(net);
        free_data(d);
    }
}

/* A forked child has no threads: it works alone, and can free the team. If it
 * waited for threads that are not there, the alarm would end it. */
static void fork_a_child(void)
{
    data d = odd_data(MLP_F64, &odd_model);
    mlp_net *net = new_net(&odd_model, MLP_F64, NULL);
    mlp_trainer *trainer = NULL;
    assert_int_equal(mlp_trainer_create(net, ROWS, &trainer), MLP_OK);
    assert_int_equal(mlp_trainer_set_threads(trainer, 2), MLP_OK);
    assert_int_equal(mlp_trainer_forward(trainer, ro(d.X)), MLP_OK);
    mlp_workspace *workspace = NULL;
    mlp_view A = new_matrix(MLP_F64, ROWS, 7, NULL);
    assert_int_equal(mlp_workspace_create(net, &workspace), MLP_OK);
    assert_int_equal(mlp_workspace_set_threads(workspace, 2), MLP_OK);
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(20);
        bool ok = mlp_trainer_forward(trainer, ro(d.X)) == MLP_OK &&
                  mlp_trainer_backward(trainer, ro(d.Y)) == MLP_OK &&
                  mlp_trainer_update(trainer, 0.1) == MLP_OK &&
                  mlp_predict_with(net, workspace, ro(d.X), A) == MLP_OK;
        mlp_trainer_free(trainer);
        mlp_workspace_free(workspace);
        mlp_net_free(net);
        free(A.data);
        free_data(d);
        _exit(ok ? 0 : 1);
    }
    int status = -1;
    assert_true(waitpid(child, &status, 0) == child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(mlp_trainer_backward(trainer, ro(d.Y)), MLP_OK);
    assert_int_equal(mlp_predict_with(net, workspace, ro(d.X), A), MLP_OK);
    mlp_trainer_free(trainer);
    mlp_workspace_free(workspace);
    mlp_net_free(net);
    free(A.data);
    free_data(d);
}

static void a_forked_child_goes_on_alone(void **state)
{
    (void)state;
    fork_a_child();
    seeming_process = 1;
    fork_a_child();
    seeming_process = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_whole_grains_and_leave_nothing),
        cmocka_unit_test(parts_differ_by_one_grain_at_most),
        cmocka_unit_test(threads_wait_at_barriers),
        cmocka_unit_test(sleeping_members_wake),
        cmocka_unit_test(no_team_is_the_caller_alone),
        cmocka_unit_test(a_slower_team_gives_way_and_tries_again),
        cmocka_unit_test(another_function_brings_the_team_back),
        cmocka_unit_test(a_team_takes_the_threads_there_are),
        cmocka_unit_test(without_a_lock_the_caller_works_alone),
        cmocka_unit_test(threads_have_scratch_of_their_own),
        cmocka_unit_test(team_creation_fails_without_harm),
        cmocka_unit_test(cancelling_waits_for_the_work),
        cmocka_unit_test(fit_gives_the_same_bits_with_any_threads),
        cmocka_unit_test(steps_give_the_same_bits_with_any_threads),
        cmocka_unit_test(predictions_have_the_same_bits_with_any_threads),
        cmocka_unit_test(fit_does_without_threads_that_have_no_memory),
        cmocka_unit_test(more_threads_than_rows_do_no_harm),
        cmocka_unit_test(too_many_threads_are_refused),
        cmocka_unit_test(a_forked_child_goes_on_alone),
    };
    return cmocka_run_group_tests_name("team", tests, NULL, NULL);
}
