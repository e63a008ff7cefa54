/* SPDX-License-Identifier: MIT */
/*
 * The floating-point environment is recognised, and calls that compute are
 * refused in any but the default; forks are recognised by more than their
 * number; cancellation is deferred.
 */
#include "support/training.h"

#include <fenv.h>
#include <pthread.h>
#include <sys/wait.h>

#include "base/host.h"

/* The build puts __wrap_getpid in the place of getpid. */
/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming) */
pid_t __wrap_getpid(void);
pid_t __wrap_getpid(void)
{
    return 1;
}
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

/* ---------------------------------------------------------------------------
 * Arithmetic
 */

/* The environments that a host may set: rounding modes, and subnormal numbers
 * taken for 0. FLUSHED stands for the latter, where the test knows how to set
 * it. */
enum { FLUSHED = -1 };
static const int environments[] = {
#ifdef FE_UPWARD
    FE_UPWARD,
    FE_DOWNWARD,
    FE_TOWARDZERO,
#endif
#if defined(__x86_64__) || defined(__aarch64__)
    FLUSHED,
#endif
};

/* Sets a subnormal mode: FTZ alone or DAZ alone on x86-64, FZ on AArch64. */
static void flush_subnormals(unsigned which)
{
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | (which ? 0x40 : 0x8000));
#elif defined(__aarch64__)
    (void)which;
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)1 << 24));
#else
    (void)which;
#endif
}

static fenv_t usual;

static void set_environment(int mode, unsigned which)
{
    if (mode == FLUSHED) {
        flush_subnormals(which);
    } else {
        (void)fesetround(mode);
    }
}

static void environments_are_recognised(void **state)
{
    (void)state;
    assert_true(mlpi_rounds_to_nearest() && mlpi_keeps_subnormals());
    (void)fegetenv(&usual);
    for (size_t i = 0; i < COUNT(environments); i++) {
        for (unsigned which = 0; which < 2; which++) {
            set_environment(environments[i], which);
            bool rounds = mlpi_rounds_to_nearest();
            bool keeps = mlpi_keeps_subnormals();
            (void)fesetenv(&usual);
            assert_true(rounds == (environments[i] == FLUSHED));
            assert_true(keeps == (environments[i] != FLUSHED));
        }
    }
    /* Flags of earlier operations are no environment. */
    (void)feraiseexcept(FE_ALL_EXCEPT);
    assert_true(mlpi_rounds_to_nearest() && mlpi_keeps_subnormals());
    (void)feclearexcept(FE_ALL_EXCEPT);
}

enum { ROWS = 4000, CALLS = 18 };

/* Everything that the calls below need. */
typedef struct objects {
    mlp_config config;
    mlp_net *net, *made;
    mlp_trainer *trainer, *made_trainer;
    mlp_workspace *workspace, *made_workspace;
    data d;
    mlp_view A;
} objects;

/* Calls function number i; returns false past the last one. All of them
 * compute, and none predicts a single row. */
static bool call(objects *o, int i, mlp_status *status)
{
    mlp_cview X = ro(o->d.X);
    mlp_cview Y = ro(o->d.Y);
    mlp_train_options options = mlp_train_defaults();
    options.epochs = 1;
    mlp_scores scores;
    const double one[] = {1, 1, 1, 1};
    mlp_gradient_check worst;
    mlp_regression_scores errors;
    mlp_split_options split = mlp_split_defaults();
    split.hooks = o->config.hooks;
    static size_t order[ROWS];
    size_t n_test = 0;
    switch (i) {
    case 0:
        *status = mlp_net_create(&o->config, &o->made);
        return true;
    case 1:
        *status = mlp_net_initialise(o->net, MLP_INIT_HE, 1);
        return true;
    case 2:
        *status = mlp_net_standardise(o->net, X);
        return true;
    case 3:
        *status = mlp_net_set_scaling(o->net, one, one);
        return true;
    case 4:
        *status = mlp_predict(o->net, X, o->A);
        return true;
    case 5:
        *status = mlp_evaluate(o->net, X, Y, &scores);
        return true;
    case 6:
        *status = mlp_fit(o->net, X, Y, &options, NULL);
        return true;
    case 7:
        *status = mlp_trainer_fit(o->trainer, X, Y, &options, NULL);
        return true;
    case 8:
        *status = mlp_trainer_create(o->net, 4, &o->made_trainer);
        return true;
    case 9:
        *status = mlp_trainer_set_threads(o->trainer, 2);
        return true;
    case 10:
        *status = mlp_workspace_create(o->net, &o->made_workspace);
        return true;
    case 11:
        *status = mlp_net_fold_batch_norm(o->net, &o->made);
        return true;
    case 12:
        *status = mlp_check_gradients(o->net, X, Y, NULL, &worst);
        return true;
    case 13:
        *status = mlp_predict_with(o->net, o->workspace, X, o->A);
        return true;
    case 14:
        *status = mlp_score_regression(X, X, &o->config.hooks, NULL, &errors);
        return true;
    case 15:
        *status = mlp_train_test_split(Y, &split, order, &n_test);
        return true;
    case 16:
        *status = mlp_k_fold(Y, &split, 0, order, &n_test);
        return true;
    case 17:
        *status = mlp_jacobian(o->net, o->workspace, mlp_cview_rows(X, 0, 1),
                               mlp_view_f64(o->A.data, 1, 4));
        return true;
    default:
        return false;
    }
}

/* Number 13 needs rows enough for several threads. */
static const model wide_model = {
    4, 2, {{64, MLP_ACT_TANH}, {1, MLP_ACT_SIGMOID}}, MLP_LOSS_BCE};

static void other_rounding_modes_are_refused(void **state)
{
    (void)state;
    hook_record record = {0};
    objects o = {.config = config_of(&wide_model, MLP_F64, &record)};
    o.net = net_of(&o.config);
    o.d = (data){random_matrix(MLP_F64, ROWS, 4, -1, 1),
                 new_matrix(MLP_F64, ROWS, 1, NULL)};
    o.A = new_matrix(MLP_F64, ROWS, 1, NULL);
    assert_int_equal(mlp_trainer_create(o.net, ROWS, &o.trainer), MLP_OK);
    assert_int_equal(mlp_workspace_create(o.net, &o.workspace), MLP_OK);
    assert_int_equal(mlp_workspace_set_threads(o.workspace, 2), MLP_OK);
    size_t live = record.live;
    (void)fegetenv(&usual);
    for (size_t e = 0; e < COUNT(environments); e++) {
        if (environments[e] == FLUSHED) {
            continue; /* the next test */
        }
        mlp_status status = MLP_OK;
        size_t messages = record.messages;
        set_environment(environments[e], 0);
        int i = 0;
        for (; call(&o, i, &status) && status == MLP_ERR_UNSUPPORTED; i++) {
        }
        (void)fesetenv(&usual);
        if (i != CALLS) {
            fail_msg("environment %d, call %d: status %d", environments[e], i,
                     (int)status);
        }
        assert_int_equal(record.messages, messages + CALLS);
        assert_non_null(strstr(record.message, "floating-point environment"));
        assert_int_equal(record.live, live);
    }
    mlp_workspace_free(o.workspace);
    mlp_trainer_free(o.trainer);
    mlp_net_free(o.net);
    free(o.A.data);
    free_data(o.d);
    assert_int_equal(record.live, 0);
}

/* Programs that are linked with -ffast-math take 0 for subnormal numbers. */
static void flushed_subnormals_give_a_hint(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 2; which++) {
        hook_record record = {0};
        mlp_config config = config_of(&xor_model, MLP_F64, &record);
        data d = xor_data(MLP_F64);
        mlp_net *net = NULL;
        mlp_train_options options = tutorial_options();
        options.epochs = 1;
        (void)fegetenv(&usual);
        flush_subnormals(which);
        mlp_status created = mlp_net_create(&config, &net);
        size_t hints = record.hints;
        mlp_status fitted = mlp_fit(net, ro(d.X), ro(d.Y), &options, NULL);
        (void)fesetenv(&usual);
        assert_int_equal(created, MLP_OK);
        assert_int_equal(fitted, MLP_OK);
#if defined(__x86_64__) || defined(__aarch64__)
        assert_int_equal(hints, 1);
        assert_int_equal(record.hints, 2);
        assert_non_null(strstr(record.hint, "takes 0 for subnormal numbers"));
#else
        assert_int_equal(hints, 0);
#endif
        mlp_net_free(net);
        free_data(d);
    }
}

/* ---------------------------------------------------------------------------
 * Processes and cancellation
 */

/* Both processes are number 1, as in a container inside of a container. */
static void children_are_recognised_by_more_than_their_number(void **state)
{
    (void)state;
    mlpi_process process = mlpi_this_process();
    assert_true(mlpi_is_this_process(&process));
    if (!process.mark) {
        mlpi_forget_process(&process);
        skip(); /* the system has no memory that a fork wipes */
    }
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool same = mlpi_is_this_process(&process);
        mlpi_forget_process(&process);
        _exit(same ? 1 : 0);
    }
    int result = -1;
    assert_true(waitpid(child, &result, 0) == child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    assert_true(mlpi_is_this_process(&process));
    mlpi_forget_process(&process);
    assert_null(process.mark);
}

static void *cancel_while_deferred(void *reached)
{
    int outer = mlpi_defer_cancellation();
    (void)pthread_cancel(pthread_self());
    int inner = mlpi_defer_cancellation();
    pthread_testcancel();
    mlpi_restore_cancellation(inner);
    pthread_testcancel(); /* the outer call still defers */
    *(int *)reached = 1;
    mlpi_restore_cancellation(outer);
    pthread_testcancel();
    *(int *)reached = 2;
    return NULL;
}

static void cancellation_waits_for_the_outer_end(void **state)
{
    (void)state;
    pthread_t thread;
    int reached = 0;
    void *result = NULL;
    assert_int_equal(
        pthread_create(&thread, NULL, cancel_while_deferred, &reached), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal(reached, 1);
    assert_true(result == PTHREAD_CANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environments_are_recognised),
        cmocka_unit_test(other_rounding_modes_are_refused),
        cmocka_unit_test(flushed_subnormals_give_a_hint),
        cmocka_unit_test(children_are_recognised_by_more_than_their_number),
        cmocka_unit_test(cancellation_waits_for_the_outer_end),
    };
    return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
