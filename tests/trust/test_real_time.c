/* SPDX-License-Identifier: MIT */
/*
 * A prediction or a Jacobian with a workspace, and a step of a trainer on one
 * thread, make no allocation, take no lock, wait for no other thread and wake
 * none, and make no system call. Allocations and locks are counted by functions
 * in the place of the C library's. System calls are forbidden: a child process
 * gives up all but the one that ends it (seccomp), and the kernel kills it if it
 * makes another.
 */
#include "support/training.h"

#include "trust/failing_memory.h"
#include "trust/left_out.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { MOST_ROWS = 80, INPUTS = 12, OUTPUTS = 5, TIMES = 250 };

static const size_t row_counts[] = {1, 2, 33, MOST_ROWS};

/* ---------------------------------------------------------------------------
 * Counting and forbidding
 */

/* What takes a lock, waits for another thread, or wakes one: functions with one
 * or two parameters. The linker puts ours in their place. */
#define LOCK_LIST(X)                                                           \
    X(pthread_mutex_lock, (pthread_mutex_t * a), (a))                          \
    X(pthread_mutex_trylock, (pthread_mutex_t * a), (a))                       \
    X(pthread_rwlock_rdlock, (pthread_rwlock_t * a), (a))                      \
    X(pthread_rwlock_wrlock, (pthread_rwlock_t * a), (a))                      \
    X(pthread_cond_wait, (pthread_cond_t * a, pthread_mutex_t * b), (a, b))    \
    X(pthread_cond_signal, (pthread_cond_t * a), (a))                          \
    X(pthread_cond_broadcast, (pthread_cond_t * a), (a))                       \
    X(sem_wait, (sem_t * a), (a))

#define LOCK_NUMBER(function, parameters, arguments) NUMBER_OF_##function,
enum { LOCK_LIST(LOCK_NUMBER) N_LOCKS };

#define LOCK_NAME(function, parameters, arguments) #function,
static const char *const lock_names[] = {LOCK_LIST(LOCK_NAME)};

static atomic_size_t locks[N_LOCKS];

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming) */
#define LOCK_COUNT(function, parameters, arguments)                            \
    int __real_##function parameters;                                          \
    int __wrap_##function parameters;                                          \
    int __wrap_##function parameters                                           \
    {                                                                          \
        locks[NUMBER_OF_##function]++;                                         \
        return __real_##function arguments;                                    \
    }
LOCK_LIST(LOCK_COUNT)
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

static size_t locks_taken(void)
{
    size_t n = 0;
    for (size_t i = 0; i < N_LOCKS; i++) {
        n += locks[i];
    }
    return n;
}

/* From here on the process may only end, and leaves no file with its memory if
 * it is killed. Returns false if the kernel cannot forbid the rest. */
static bool forbid_system_calls(void)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog filter = {COUNT(program), program};
    return prctl(PR_SET_DUMPABLE, 0) == 0 &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/* ---------------------------------------------------------------------------
 * What is called
 */

/* Everything that a call needs, made before. */
typedef struct setting {
    mlp_net *net;
    mlp_workspace *workspace;
    mlp_trainer *trainer;
    mlp_view X, Y, A;
} setting;

static setting make_setting(mlp_dtype p, const char *kernels, size_t threads)
{
    static const mlp_layer layers[] = {
        {.width = 40, .activation = MLP_ACT_GELU, .dropout = 0.1},
        {.width = 17, .activation = MLP_ACT_TANH, .batch_norm = true},
        {.width = OUTPUTS}};
    mlp_config config = mlp_config_defaults();
    mlp_optimizer adam = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
    config.inputs = INPUTS;
    config.layers = layers;
    config.n_layers = COUNT(layers);
    config.loss = MLP_LOSS_MSE;
    config.precision = p;
    config.kernels = kernels;
    config.hooks =
        (mlp_hooks){mlp_fault_allocate, mlp_fault_release, NULL, NULL};
    setting s = {.X = random_matrix(p, MOST_ROWS, INPUTS, -1, 1),
                 .Y = random_matrix(p, MOST_ROWS, OUTPUTS, -1, 1),
                 .A = new_matrix(p, MOST_ROWS, OUTPUTS, NULL)};
    s.net = net_of(&config);
    assert_int_equal(mlp_net_standardise(s.net, ro(s.X)), MLP_OK);
    assert_int_equal(mlp_net_standardise_targets(s.net, ro(s.Y)), MLP_OK);
    assert_int_equal(mlp_workspace_create(s.net, &s.workspace), MLP_OK);
    assert_int_equal(mlp_workspace_set_threads(s.workspace, threads), MLP_OK);
    assert_int_equal(mlp_trainer_create(s.net, MOST_ROWS, &s.trainer), MLP_OK);
    assert_int_equal(mlp_trainer_set_optimizer(s.trainer, &adam), MLP_OK);
    return s;
}

static void free_setting(setting *s)
{
    mlp_trainer_free(s->trainer);
    mlp_workspace_free(s->workspace);
    mlp_net_free(s->net);
    free(s->X.data);
    free(s->Y.data);
    free(s->A.data);
}

static bool predicts(const setting *s, size_t m)
{
    mlp_view A = s->A;
    A.rows = m;
    return mlp_predict_with(s->net, s->workspace,
                            mlp_cview_rows(ro(s->X), 0, m), A) == MLP_OK;
}

/* J takes the place of the outputs. */
static bool derives(const setting *s, size_t m)
{
    mlp_view J = s->A;
    J.rows = OUTPUTS;
    J.cols = J.row_stride = INPUTS;
    return mlp_jacobian(s->net, s->workspace,
                        mlp_cview_rows(ro(s->X), m - 1, 1), J) == MLP_OK;
}

static bool trains(const setting *s, size_t m)
{
    double loss = 0;
    mlp_cview X = mlp_cview_rows(ro(s->X), 0, m);
    mlp_cview Y = mlp_cview_rows(ro(s->Y), 0, m);
    return mlp_trainer_step(s->trainer, X, Y, 0.001, &loss) == MLP_OK &&
           mlp_trainer_forward(s->trainer, X) == MLP_OK &&
           mlp_trainer_loss(s->trainer, Y, &loss) == MLP_OK &&
           mlp_trainer_backward(s->trainer, Y) == MLP_OK &&
           mlp_trainer_update(s->trainer, 0.001) == MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Children
 */

/* What the exit status of a child says. */
enum { CLEAN, CALL_FAILED, HAS_ALLOCATED, HAS_LOCKED, CANNOT_FORBID };

typedef bool real_time_call(const setting *s, size_t m);

/* Makes the call TIMES times for each number of rows, in a process that may
 * make no system call. Returns the status of its end. */
static int status_of_child(real_time_call *call, const setting *s)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        size_t allocations = mlp_fault_memory_allocations();
        size_t locked = locks_taken();
        int result = forbid_system_calls() ? CLEAN : CANNOT_FORBID;
        for (size_t i = 0; result == CLEAN && i < COUNT(row_counts); i++) {
            for (int t = 0; result == CLEAN && t < TIMES; t++) {
                result = call(s, row_counts[i]) ? CLEAN : CALL_FAILED;
            }
        }
        if (result == CLEAN && mlp_fault_memory_allocations() != allocations) {
            result = HAS_ALLOCATED;
        }
        if (result == CLEAN && locks_taken() != locked) {
            result = HAS_LOCKED;
        }
        _exit(result);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_FORBID) {
        LEAVE_OUT("real time, because the kernel cannot forbid system calls");
    }
    return status;
}

static void check_clean(const char *what, real_time_call *call,
                        const setting *s)
{
    int status = status_of_child(call, s);
    if (WIFSIGNALED(status)) {
        fail_msg("%s made a system call (signal %d)", what, WTERMSIG(status));
    }
    switch (WEXITSTATUS(status)) {
    case CLEAN:
        break;
    case HAS_ALLOCATED:
        fail_msg("%s allocated", what);
        break;
    case HAS_LOCKED:
        fail_msg("%s took a lock, waited or woke a thread", what);
        break;
    default:
        fail_msg("%s failed", what);
    }
}

/* ---------------------------------------------------------------------------
 * Tests
 */

static size_t calls_made;

static void check_all_kernels(const char *what, real_time_call *call)
{
    for (size_t k = 0; mlp_kernels(k); k++) {
        FOR_EACH_PRECISION(p)
        {
            setting s = make_setting(p, mlp_kernels(k), 1);
            check_clean(what, call, &s);
            calls_made += COUNT(row_counts) * (size_t)TIMES;
            free_setting(&s);
        }
    }
    print_message("# %s: %zu calls, 0 allocations, 0 locks, 0 system calls\n",
                  what, calls_made);
    calls_made = 0;
}

static void predictions_are_real_time(void **state)
{
    (void)state;
    check_all_kernels("mlp_predict_with", predicts);
}

static void jacobians_are_real_time(void **state)
{
    (void)state;
    check_all_kernels("mlp_jacobian", derives);
}

static void steps_on_one_thread_are_real_time(void **state)
{
    (void)state;
    check_all_kernels("mlp_trainer_step", trains);
}

static bool predicts_one_row(const setting *s, size_t m)
{
    (void)m;
    return predicts(s, 1);
}

/* Threads of a workspace sleep while a row is predicted. */
static void single_rows_do_not_wake_threads(void **state)
{
    (void)state;
    setting s = make_setting(MLP_F32, NULL, 3);
    check_clean("mlp_predict_with of one row", predicts_one_row, &s);
    free_setting(&s);
}

static bool clones(const setting *s, size_t m)
{
    (void)m;
    mlp_net *copy = NULL;
    mlp_status status = mlp_net_clone(s->net, &copy);
    mlp_net_free(copy);
    return status == MLP_OK;
}

static bool takes_a_lock(const setting *s, size_t m)
{
    (void)s;
    (void)m;
    static pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
    return pthread_mutex_lock(&own) == 0 && pthread_mutex_unlock(&own) == 0;
}

static bool saves(const setting *s, size_t m)
{
    (void)m;
    return mlp_net_save(s->net, "/nowhere/net.mlp") == MLP_ERR_IO;
}

/* What is forbidden is noticed. */
static void the_watch_is_awake(void **state)
{
    (void)state;
    setting s = make_setting(MLP_F64, NULL, 1);
    int status = status_of_child(clones, &s);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == HAS_ALLOCATED);
    status = status_of_child(takes_a_lock, &s);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == HAS_LOCKED);
    status = status_of_child(saves, &s);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    free_setting(&s);
}

/* A thread that lets use_locks go on. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static bool may_go_on;

static void *let_go_on(void *argument)
{
    (void)argument;
    bool good = pthread_mutex_lock(&mutex) == 0;
    may_go_on = true;
    good = good && pthread_cond_signal(&condition) == 0 &&
           pthread_cond_broadcast(&condition) == 0;
    return pthread_mutex_unlock(&mutex) == 0 && good ? &may_go_on : NULL;
}

/* Calls each function of the list. The thread cannot take the mutex before this
 * one waits. */
static void use_locks(void)
{
    pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
    pthread_t thread;
    sem_t semaphore;
    void *good = NULL;
    assert_int_equal(sem_init(&semaphore, 0, 1), 0);
    assert_int_equal(sem_wait(&semaphore), 0);
    assert_int_equal(sem_destroy(&semaphore), 0);
    assert_int_equal(pthread_rwlock_rdlock(&rwlock), 0);
    assert_int_equal(pthread_rwlock_unlock(&rwlock), 0);
    assert_int_equal(pthread_rwlock_wrlock(&rwlock), 0);
    assert_int_equal(pthread_rwlock_unlock(&rwlock), 0);
    assert_int_equal(pthread_mutex_trylock(&mutex), 0);
    assert_int_equal(pthread_create(&thread, NULL, let_go_on, NULL), 0);
    while (!may_go_on) {
        assert_int_equal(pthread_cond_wait(&condition, &mutex), 0);
    }
    assert_int_equal(pthread_mutex_unlock(&mutex), 0);
    assert_int_equal(pthread_join(thread, &good), 0);
    assert_non_null(good);
}

static void each_lock_is_counted(void **state)
{
    (void)state;
    size_t before[N_LOCKS];
    for (size_t i = 0; i < N_LOCKS; i++) {
        before[i] = locks[i];
    }
    use_locks();
    for (size_t i = 0; i < N_LOCKS; i++) {
        if (locks[i] == before[i]) {
            fail_msg("%s is not counted", lock_names[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predictions_are_real_time),
        cmocka_unit_test(jacobians_are_real_time),
        cmocka_unit_test(steps_on_one_thread_are_real_time),
        cmocka_unit_test(single_rows_do_not_wake_threads),
        cmocka_unit_test(the_watch_is_awake),
        cmocka_unit_test(each_lock_is_counted),
    };
    return exit_status(
        cmocka_run_group_tests_name("real_time", tests, NULL, NULL));
}
