/* SPDX-License-Identifier: MIT */
/*
 * Faults of files that the tables of faults do not make: a name beside a file
 * that is taken already, and calls and allocations for a file so large that its
 * header is read and checked before the rest. A test also shows what is flushed.
 */
#include "support/folder.h"
#include "support/model_files.h"

#include <errno.h>
#include <unistd.h>

#include "trust/failing_system.h"
#include "trust/left_out.h"

static char folder[64];

static int enter_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s", "/tmp/mlp-fault-XXXXXX");
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : 1;
}

static int leave_folder(void **state)
{
    (void)state;
    (void)unlink("net.mlp");
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : 1;
}

static const char unseen[] =
    "faults of system calls, which the kernel does not show";

static system_trace trace; /* too long for the stack */

/* A call of the library, which runs in a thread of its own. */
typedef struct file_call {
    hook_record record;
    const char *path; /* of what is saved */
    const mlp_net *net;
    mlp_net *loaded;
    mlp_status status;
} file_call;

static void save(void *argument)
{
    file_call *c = argument;
    c->status = mlp_net_save(c->net, c->path);
}

static void load(void *argument)
{
    file_call *c = argument;
    mlp_hooks hooks = recording_hooks(&c->record);
    c->status = mlp_net_load("net.mlp", &hooks, &c->loaded);
}

/* Returns a network whose file exceeds 16 MB. */
static mlp_net *large_net(void)
{
    const model m = {2000, 1, {{1100, MLP_ACT_RELU}}, MLP_LOSS_MSE};
    return new_net(&m, MLP_F64, NULL);
}

/* The first open of a save is that of the new file. */
static void a_name_that_is_taken_is_passed_over(void **state)
{
    (void)state;
    mlp_net *net = new_net(&square_model, MLP_F64, NULL);
    mlp_net *loaded = NULL;
    file_call c = {.path = "net.mlp", .net = net};
    for (size_t n = 1;; n++) {
        if (!mlp_fault_run_watched(save, &c, FAILS, n, EEXIST, &trace)) {
            mlp_net_free(net);
            LEAVE_OUT(unseen);
        }
        assert_non_null(trace.hit);
        if (strncmp(trace.hit->name, "open", 4) == 0) {
            break;
        }
        (void)unlink("net.mlp");
    }
    assert_int_equal(c.status, MLP_OK);
    assert_int_equal(files_in(folder), 1);
    assert_int_equal(mlp_net_load("net.mlp", NULL, &loaded), MLP_OK);
    assert_same_net(net, loaded);
    mlp_net_free(net);
    mlp_net_free(loaded);
}

/* After a loss of power a file that has been saved is there, by its name: its
 * bytes are flushed, and so is the folder, which holds the name. */
static void a_file_and_its_folder_are_flushed(void **state)
{
    (void)state;
    char whole[96];
    (void)snprintf(whole, sizeof whole, "%s/net.mlp", folder);
    const char *const paths[] = {"net.mlp", "./net.mlp", whole};
    mlp_net *net = new_net(&square_model, MLP_F64, NULL);
    for (size_t k = 0; k < COUNT(paths); k++) {
        file_call c = {.path = paths[k], .net = net};
        size_t flushed = 0;
        if (!mlp_fault_run_watched(save, &c, NO_FAULT, 0, 0, &trace)) {
            mlp_net_free(net);
            LEAVE_OUT(unseen);
        }
        for (size_t i = 0; i < trace.n; i++) {
            flushed += strcmp(trace.calls[i]->name, "fsync") == 0;
        }
        assert_int_equal(c.status, MLP_OK);
        assert_int_equal(flushed, 2);
    }
    mlp_net_free(net);
}

/* A failure has one message, and leaves no network and no block. */
static void assert_file_failed(const file_call *c, mlp_status status)
{
    assert_int_equal(c->status, status);
    assert_null(c->loaded);
    assert_int_equal(c->record.messages, 1);
    assert_int_equal(c->record.live, 0);
}

static void each_call_for_a_large_file_may_fail(void **state)
{
    (void)state;
    mlp_net *net = large_net();
    assert_int_equal(mlp_net_save(net, "net.mlp"), MLP_OK);
    bool has_sought = false;
    for (size_t n = 1;; n++) {
        file_call c = {.path = "net.mlp", .net = net};
        if (!mlp_fault_run_watched(load, &c, FAILS, n, EIO, &trace)) {
            mlp_net_free(net);
            LEAVE_OUT(unseen);
        }
        if (c.status == MLP_OK) { /* the fault was of malloc, or close */
            assert_same_net(c.loaded, net);
            mlp_net_free(c.loaded);
        } else {
            assert_file_failed(&c, MLP_ERR_IO);
            assert_said(&c.record, "net.mlp: cannot ");
        }
        if (!trace.hit) {
            break;
        }
        if (strcmp(trace.hit->name, "lseek") == 0) {
            has_sought = true;
            assert_said(&c.record, "net.mlp: cannot read it: ");
        }
    }
    assert_true(has_sought);
    mlp_net_free(net);
}

static void each_block_for_a_large_file_may_fail(void **state)
{
    (void)state;
    mlp_net *net = large_net();
    assert_int_equal(mlp_net_save(net, "net.mlp"), MLP_OK);
    size_t n = 1;
    for (;; n++) {
        file_call c = {.record = {.fail_at = n}};
        load(&c);
        if (c.status == MLP_OK) {
            assert_same_net(c.loaded, net);
            mlp_net_free(c.loaded);
            break;
        }
        assert_file_failed(&c, MLP_ERR_MEMORY);
    }
    assert_true(n > 3);
    mlp_net_free(net);
}

#define IN_FOLDER(test)                                                        \
    cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_name_that_is_taken_is_passed_over),
        IN_FOLDER(a_file_and_its_folder_are_flushed),
        IN_FOLDER(each_call_for_a_large_file_may_fail),
        IN_FOLDER(each_block_for_a_large_file_may_fail),
    };
    return exit_status(
        cmocka_run_group_tests_name("file_faults", tests, NULL, NULL));
}
