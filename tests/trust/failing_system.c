/* SPDX-License-Identifier: MIT */
/*
 * The thread that runs the function installs a filter for itself, which sends
 * its calls to a descriptor (seccomp_unotify(2)). The caller waits there:
 *
 *     caller                               thread
 *     starts the thread           ---->    installs the filter
 *     receives a call             <----    makes a call, which waits
 *       decides what becomes of it
 *       answers                   ---->    goes on
 *     sees the end                <----    ends
 *
 * Both have the same memory and the same descriptors, so the caller can make a
 * shortened call in the thread's place.
 */
/* This declares syscall. NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _GNU_SOURCE

#include "trust/failing_system.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Machines of later date lack the older forms of some calls. */
static const system_call calls[] = {
#ifdef SYS_open
    {SYS_open, "open", CAN_INTERRUPT},
    {SYS_rename, "rename", IS_FATAL | IS_RENAME},
    {SYS_unlink, "unlink", IS_UNLINK},
    {SYS_link, "link", 0},
    {SYS_stat, "stat", 0},
    {SYS_lstat, "lstat", 0},
    {SYS_readlink, "readlink", 0},
    {SYS_dup2, "dup2", 0},
#endif
    {SYS_openat, "openat", CAN_INTERRUPT},
    {SYS_read, "read", CAN_INTERRUPT | CAN_SHORTEN},
    {SYS_pread64, "pread", CAN_INTERRUPT | CAN_SHORTEN},
    {SYS_write, "write", CAN_INTERRUPT | CAN_SHORTEN | IS_FATAL},
    {SYS_pwrite64, "pwrite", CAN_INTERRUPT | CAN_SHORTEN | IS_FATAL},
    {SYS_writev, "writev", IS_FATAL},
    {SYS_fsync, "fsync", CAN_INTERRUPT | IS_FATAL | IS_FLUSH},
    {SYS_fdatasync, "fdatasync", CAN_INTERRUPT | IS_FATAL | IS_FLUSH},
    {SYS_ftruncate, "ftruncate", IS_FATAL},
    {SYS_close, "close", CAN_INTERRUPT | IS_CLOSE | IS_FATAL},
    {SYS_renameat, "renameat", IS_FATAL | IS_RENAME},
    {SYS_renameat2, "renameat2", IS_FATAL | IS_RENAME},
    {SYS_unlinkat, "unlinkat", IS_UNLINK},
    {SYS_linkat, "linkat", 0},
    {SYS_fstat, "fstat", 0},
    {SYS_newfstatat, "fstatat", 0},
    {SYS_statx, "statx", 0},
    {SYS_lseek, "lseek", 0},
    {SYS_fchmod, "fchmod", IS_FATAL},
    {SYS_fchown, "fchown", 0},
    {SYS_readlinkat, "readlinkat", 0},
    {SYS_fcntl, "fcntl", 0},
    {SYS_ioctl, "ioctl", 0},
    {SYS_dup, "dup", 0},
    {SYS_dup3, "dup3", 0},
    {SYS_pipe2, "pipe2", 0},
    {SYS_mmap, "mmap", IS_MEMORY},
    {SYS_madvise, "madvise", IS_MEMORY},
    {SYS_clone, "clone", IS_MEMORY},
#ifdef SYS_clone3
    {SYS_clone3, "clone3", IS_MEMORY},
#endif
};

enum { N_CALLS = sizeof calls / sizeof calls[0] };

/* A run, which both threads see. */
typedef struct run {
    void (*function)(void *);
    void *argument;
    system_fault fault;
    size_t n, seen;
    int error;
    system_trace *trace;
    pid_t thread;        /* its number for the kernel */
    atomic_int listener; /* NOT_YET, then the descriptor, or NONE */
    atomic_bool has_ended;
} run;

enum { NOT_YET = -2, NONE = -1 };

/* ---------------------------------------------------------------------------
 * The thread
 */

/* Makes the calling thread's calls in the list wait for the caller. Returns the
 * descriptor, or NONE. The program jumps to its last instruction if the number
 * is in the list. */
static int install_filter(void)
{
#ifdef TRUST_SANITIZED
    return NONE;
#endif
    struct sock_filter program[N_CALLS + 3];
    program[0] = (struct sock_filter)BPF_STMT(
        BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < N_CALLS; i++) {
        program[1 + i] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number,
            (unsigned char)(N_CALLS - i), 0);
    }
    program[N_CALLS + 1] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    program[N_CALLS + 2] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    struct sock_fprog filter = {N_CALLS + 3, program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return NONE;
    }
    long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                            SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
    return listener >= 0 ? (int)listener : NONE;
}

static void *thread_main(void *argument)
{
    run *r = argument;
    r->thread = (pid_t)syscall(SYS_gettid);
    int listener = install_filter();
    r->listener = listener;
    if (listener != NONE) {
        r->function(r->argument);
    }
    r->has_ended = true;
    return NULL;
}

/* ---------------------------------------------------------------------------
 * The caller
 */

static const system_call *call_of(int number)
{
    for (size_t i = 0; i < N_CALLS; i++) {
        if (calls[i].number == number) {
            return &calls[i];
        }
    }
    return NULL;
}

/* Makes the call with half of its bytes, and at least one. */
static long shortened(const struct seccomp_data *data)
{
    const __u64 *a = data->args;
    __u64 n = a[2] > 1 ? a[2] / 2 : a[2];
    return syscall(data->nr, a[0], a[1], n, a[3], a[4], a[5]);
}

/* Decides what becomes of a call: fills the answer. */
static void answer(run *r, const struct seccomp_notif *asked,
                   struct seccomp_notif_resp *answered)
{
    const system_call *call = call_of(asked->data.nr);
    answered->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    /* Children have the filter, too, and their calls do not count; nor do those
     * by which a thread ends. */
    if ((pid_t)asked->pid != r->thread || r->has_ended || !call) {
        return;
    }
    if (r->trace->n < MOST_CALLS) {
        r->trace->calls[r->trace->n++] = call;
    }
    if (++r->seen != r->n || r->fault == NO_FAULT) {
        if (call->traits & IS_FLUSH) { /* it is left out, and succeeds */
            answered->flags = 0;
        }
        return;
    }
    r->trace->hit = call;
    answered->flags = 0;
    if (r->fault == SHORT) {
        long result = shortened(&asked->data);
        answered->val = result >= 0 ? result : 0;
        answered->error = result >= 0 ? 0 : -errno;
        return;
    }
    if (call->traits & IS_CLOSE) {
        (void)close((int)asked->data.args[0]);
    }
    answered->error = r->fault == INTERRUPTED ? -EINTR : -r->error;
}

/* Receives one call and answers it. */
static void serve(run *r)
{
    /* The kernel may have a longer form of the structures than this one. */
    union {
        struct seccomp_notif notif;
        struct seccomp_notif_resp resp;
        unsigned char space[512];
    } asked, answered;
    memset(&asked, 0, sizeof asked);
    memset(&answered, 0, sizeof answered);
    if (ioctl(r->listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) == 0) {
        answered.resp.id = asked.notif.id;
        answer(r, &asked.notif, &answered.resp);
        (void)ioctl(r->listener, SECCOMP_IOCTL_NOTIF_SEND, &answered);
    }
}

bool mlp_fault_run_watched(void (*function)(void *), void *argument,
                           system_fault fault, size_t n, int error,
                           system_trace *trace)
{
    run r = {.function = function,
             .argument = argument,
             .fault = fault,
             .n = n,
             .error = error,
             .trace = trace,
             .listener = NOT_YET};
    trace->n = 0;
    trace->hit = NULL;
    pthread_t thread;
    if (pthread_create(&thread, NULL, thread_main, &r) != 0) {
        return false;
    }
    while (r.listener == NOT_YET) {
        (void)usleep(10);
    }
    if (r.listener == NONE) {
        (void)pthread_join(thread, NULL);
        return false;
    }
    /* A team of threads that the function has started has the filter, too, and
     * may live on. So the end is that of the first thread. */
    while (pthread_tryjoin_np(thread, NULL) != 0) {
        struct pollfd wait = {.fd = r.listener, .events = POLLIN};
        if (poll(&wait, 1, 1) > 0 && (wait.revents & POLLIN)) {
            serve(&r);
        }
    }
    (void)close(r.listener);
    return true;
}
