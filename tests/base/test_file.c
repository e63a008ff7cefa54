/* SPDX-License-Identifier: MIT */
/*
 * Files are saved while the file system fails at each of its calls in turn,
 * while it is full, and while the process is killed: afterwards there is the
 * old file or the new one, complete. The linker puts the functions __wrap_* in
 * the place of those of libc.
 */
#include "support/folder.h"
#include "support/model_files.h"
#include "support/ignore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* ---------------------------------------------------------------------------
 * Calls that fail
 */

static struct faults {
    size_t calls,
        fail_at; /* the fail_at-th call fails, counted from 1; 0: none */
    int error;
    bool interrupts; /* each call is interrupted once, halfway */
    size_t begun;
} faults;

/* Counts a call; returns true, with errno set, if it must fail. */
static bool is_to_fail(void)
{
    if (++faults.calls == faults.fail_at) {
        errno = faults.error;
        return true;
    }
    if (faults.interrupts && ++faults.begun % 2 == 1) {
        errno = EINTR;
        return true;
    }
    return false;
}

static size_t portion_of(size_t n)
{
    return faults.interrupts && n > 1 ? n / 2 : n;
}

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming) */
#define WRAP(type, name, parameters, arguments)                                \
    type __real_##name parameters;                                             \
    type __wrap_##name parameters;                                             \
    type __wrap_##name parameters                                              \
    {                                                                          \
        return is_to_fail() ? -1 : __real_##name arguments;                    \
    }

WRAP(ssize_t, write, (int fd, const void *bytes, size_t n),
     (fd, bytes, portion_of(n)))
WRAP(ssize_t, read, (int fd, void *bytes, size_t n), (fd, bytes, portion_of(n)))
WRAP(int, fsync, (int fd), (fd))

/* Calls that the library makes only once, because they do not wait. */
static bool is_to_fail_at_once(void)
{
    bool kept = faults.interrupts;
    faults.interrupts = false;
    bool fails = is_to_fail();
    faults.interrupts = kept;
    return fails;
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    return is_to_fail_at_once() ? -1 : __real_rename(from, to);
}

/* The permissions of the last file before fchmod has changed them. */
static mode_t first_mode;

int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode)
{
    struct stat is = {0};
    first_mode = fstat(fd, &is) == 0 ? is.st_mode & 07777 : 0;
    return is_to_fail_at_once() ? -1 : __real_fchmod(fd, mode);
}

/* A close that fails closes the descriptor all the same, as on Linux. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    int result = __real_close(fd);
    return is_to_fail() ? -1 : result;
}

/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

static void no_faults(void)
{
    faults = (struct faults){0};
}

/* ---------------------------------------------------------------------------
 * A folder of its own, and what is in it
 */

static char folder[64];
static char path[96];

static int make_folder(void **state)
{
    (void)state;
    no_faults();
    (void)snprintf(folder, sizeof folder, "%s", "/tmp/mlp-test-XXXXXX");
    if (!mkdtemp(folder)) {
        return 1;
    }
    (void)snprintf(path, sizeof path, "%s/net.mlp", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    no_faults();
    DIR *dir = opendir(folder);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char name[512];
        (void)snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        (void)unlink(name);
    }
    (void)closedir(dir);
    return rmdir(folder);
}

/* Returns true if the file has exactly the bytes of this network. */
static bool holds(const mlp_net *net)
{
    file f = file_of(net);
    unsigned char *bytes = malloc(f.size + 1);
    assert_non_null(bytes);
    FILE *stream = fopen(path, "rb");
    bool same = stream && fread(bytes, 1, f.size + 1, stream) == f.size &&
                memcmp(bytes, f.bytes, f.size) == 0;
    if (stream) {
        (void)fclose(stream);
    }
    free(bytes);
    guarded_free(f.bytes);
    return same;
}

static mlp_net *seeded(uint32_t seed, hook_record *record)
{
    mlp_config config = config_of(&square_model, MLP_F64, record);
    config.seed = seed;
    return net_of(&config);
}

/* ---------------------------------------------------------------------------
 * Tests
 */

static void files_travel(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *net = seeded(1, &record);
    mlp_net *other = seeded(2, &record);
    mlp_net *loaded = NULL;
    assert_int_equal(mlp_net_save(net, path), MLP_OK);
    assert_true(holds(net));
    assert_int_equal(mlp_net_save(other, path), MLP_OK);
    assert_true(holds(other));
    assert_int_equal(files_in(folder), 1);
    assert_int_equal(mlp_net_load(path, &hooks, &loaded), MLP_OK);
    assert_same_net(loaded, other);
    assert_int_equal(mlp_net_import(net, path), MLP_OK);
    assert_same_net(net, other);
    mlp_net_free(net);
    mlp_net_free(other);
    mlp_net_free(loaded);
    assert_int_equal(record.live, 0);
}

static void names_without_a_folder_are_of_this_one(void **state)
{
    (void)state;
    char here[1024];
    mlp_net *net = seeded(1, NULL);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(mlp_net_save(net, "net.mlp"), MLP_OK);
    assert_int_equal(chdir(here), 0);
    assert_true(holds(net));
    mlp_net_free(net);
}

static void permissions_stay(void **state)
{
    (void)state;
    struct stat is;
    mlp_net *net = seeded(1, NULL);
    mode_t kept = umask(022);
    assert_int_equal(mlp_net_save(net, path), MLP_OK);
    assert_int_equal(stat(path, &is), 0);
    assert_int_equal(is.st_mode & 0777, 0644);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(mlp_net_save(net, path), MLP_OK);
    assert_int_equal(stat(path, &is), 0);
    assert_int_equal(is.st_mode & 0777, 0640);
    /* Nobody else could open the new file before. */
    assert_int_equal(first_mode, 0600);
    (void)umask(kept);
    mlp_net_free(net);
}

static void every_call_may_fail(void **state)
{
    (void)state;
    static const int errors[] = {ENOSPC, EIO, EDQUOT};
    hook_record record = {0};
    mlp_net *old = seeded(1, &record);
    mlp_net *new = seeded(2, &record);
    for (size_t e = 0; e < COUNT(errors); e++) {
        size_t failed = 0;
        assert_int_equal(mlp_net_save(old, path), MLP_OK);
        for (size_t n = 1;; n++) {
            faults = (struct faults){.fail_at = n, .error = errors[e]};
            mlp_status status = mlp_net_save(new, path);
            bool reached = faults.calls >= n;
            no_faults();
            assert_int_equal(files_in(folder), 1);
            if (status == MLP_OK) {
                assert_true(holds(new));
                assert_int_equal(mlp_net_save(old, path), MLP_OK);
                if (!reached) {
                    break;
                }
                continue; /* after the file was replaced */
            }
            failed++;
            assert_int_equal(status, MLP_ERR_IO);
            assert_said(&record, strerror(errors[e]));
            assert_true(holds(old));
        }
        assert_int_equal(failed, 5); /* fchmod, write, fsync, close, rename */
    }
    faults = (struct faults){.fail_at = 1, .error = EIO};
    mlp_net *loaded = NULL;
    assert_int_equal(mlp_net_load(path, NULL, &loaded), MLP_ERR_IO);
    faults = (struct faults){.fail_at = 2, .error = EIO};
    assert_int_equal(mlp_net_load(path, NULL, &loaded), MLP_ERR_IO);
    no_faults();
    assert_null(loaded);
    mlp_net_free(old);
    mlp_net_free(new);
    assert_int_equal(record.live, 0);
}

/* Returns true if two files have the same first bytes, enough to tell two
 * networks of 193 parameters apart. */
static bool same_files(const char *a, const char *b)
{
    enum { MOST = 1 << 15 };
    static char text[2][MOST];
    size_t n[2];
    const char *const names[] = {a, b};
    for (size_t i = 0; i < 2; i++) {
        FILE *stream = fopen(names[i], "rb");
        assert_non_null(stream);
        n[i] = fread(text[i], 1, MOST, stream);
        (void)fclose(stream);
    }
    return n[0] == n[1] && memcmp(text[0], text[1], n[0]) == 0;
}

/* Code and header of an export change together. */
static void two_files_are_replaced_or_none(void **state)
{
    (void)state;
    mlp_net *old = seeded(1, NULL);
    mlp_net *new = seeded(2, NULL);
    char names
        [2][2]
        [160]; /* [0]: the old files, kept; [1]: the files that are replaced */
    mlp_export_options options = mlp_export_defaults();
    options.prefix = "net";
    for (size_t i = 0; i < 2; i++) {
        const char *to = i ? "now" : "kept";
        (void)snprintf(names[i][0], sizeof *names[i], "%s/%s.c", folder, to);
        (void)snprintf(names[i][1], sizeof *names[i], "%s/%s.h", folder, to);
    }
    size_t failed = 0;
    mlp_status status = MLP_ERR_IO;
    for (size_t n = 1; status != MLP_OK; n++) {
        no_faults();
        assert_int_equal(mlp_export_c(old, names[0][0], &options, NULL),
                         MLP_OK);
        assert_int_equal(rename(names[0][0], names[1][0]), 0);
        assert_int_equal(rename(names[0][1], names[1][1]), 0);
        assert_int_equal(mlp_export_c(old, names[0][0], &options, NULL),
                         MLP_OK);
        faults = (struct faults){.fail_at = n, .error = ENOSPC};
        status = mlp_export_c(new, names[1][0], &options, NULL);
        bool reached = faults.calls >= n;
        no_faults();
        assert_int_equal(files_in(folder), 4);
        if (status == MLP_OK && reached) {
            status = MLP_ERR_IO; /* the folder's flush may fail */
        } else if (status != MLP_OK) {
            failed++;
            assert_true(same_files(names[0][0], names[1][0]));
            assert_true(same_files(names[0][1], names[1][1]));
        }
    }
    /* Each file has fchmod, write, fsync, close and rename. */
    assert_int_equal(failed, 10);
    mlp_net_free(old);
    mlp_net_free(new);
}

static void interrupted_calls_go_on(void **state)
{
    (void)state;
    mlp_net *net = seeded(1, NULL);
    mlp_net *loaded = NULL;
    faults = (struct faults){.interrupts = true};
    assert_int_equal(mlp_net_save(net, path), MLP_OK);
    assert_int_equal(mlp_net_load(path, NULL, &loaded), MLP_OK);
    no_faults();
    assert_true(holds(net));
    assert_same_net(net, loaded);
    mlp_net_free(net);
    mlp_net_free(loaded);
}

/* Devices are reached through links in the test's own folder, so that a mistake
 * would replace a link, not a device. */
static void what_is_no_ordinary_file_is_left_alone(void **state)
{
    (void)state;
    static const char *const devices[] = {"/dev/full", "/dev/null",
                                          "/dev/zero"};
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *net = seeded(1, &record);
    mlp_net *loaded = NULL;
    char names[5][160];
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(names[i], sizeof names[i], "%s/link%zu", folder, i);
        assert_int_equal(symlink(devices[i], names[i]), 0);
    }
    (void)snprintf(names[3], sizeof names[3], "%s/fifo", folder);
    assert_int_equal(mkfifo(names[3], 0600), 0);
    (void)snprintf(names[4], sizeof names[4], "%s/.", folder);
    for (size_t i = 0; i < 5; i++) {
        assert_told(&record, mlp_net_save(net, names[i]), MLP_ERR_IO,
                    "expects a regular file");
        assert_told(&record, mlp_net_load(names[i], &hooks, &loaded),
                    MLP_ERR_IO, "expects a regular file");
    }
    assert_told(&record, mlp_net_save(net, "/nowhere/at/all"), MLP_ERR_IO,
                "cannot create a file in its folder");
    assert_told(&record, mlp_net_save(net, ""), MLP_ERR_IO, "cannot");
    assert_told(&record, mlp_net_load("", &hooks, &loaded), MLP_ERR_IO,
                "cannot open");
    assert_told(&record, mlp_net_load(path, &hooks, &loaded), MLP_ERR_IO,
                "cannot open");
    struct stat is;
    assert_true(lstat(names[0], &is) == 0 && S_ISLNK(is.st_mode));
    assert_int_equal(files_in(folder), 4);
    mlp_net_free(net);
}

/* A sparse file of 1 TB is refused by its head, before memory for it is
 * allocated. */
static void files_of_zeros_take_no_memory(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *loaded = NULL;
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 7), 0);
    assert_told(&record, mlp_net_load(path, &hooks, &loaded), MLP_ERR_FORMAT,
                "net.mlp: not a .mlp file: expects 8 to ");
    int large = ftruncate(fd, (off_t)1 << 40);
    (void)close(fd);
    if (large != 0) {
        skip();
    }
    assert_told(&record, mlp_net_load(path, &hooks, &loaded), MLP_ERR_FORMAT,
                "not a .mlp file: it begins with the bytes 00 00 00 00");
    assert_int_equal(record.allocations, 0);
}

/* Runs a function in a child process; returns what it returned. */
static bool child_says(bool (*does)(const mlp_net *))
{
    mlp_net *net = seeded(2, NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(does(net) ? 0 : 1);
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    mlp_net_free(net);
    return WIFEXITED(result) && WEXITSTATUS(result) == 0;
}

static bool save_without_rights(const mlp_net *net)
{
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
        return false;
    }
    return mlp_net_save(net, path) == MLP_ERR_IO;
}

static bool save_beyond_the_limit(const mlp_net *net)
{
    struct rlimit usual;
    if (getrlimit(RLIMIT_FSIZE, &usual) != 0) {
        return false;
    }
    struct rlimit limit = {512, usual.rlim_max};
    return signal(SIGXFSZ, SIG_IGN) != SIG_ERR &&
           setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
           mlp_net_save(net, path) == MLP_ERR_IO &&
           setrlimit(RLIMIT_FSIZE, &usual) == 0;
}

static void old_files_survive_what_cannot_be_written(void **state)
{
    (void)state;
    mlp_net *old = seeded(1, NULL);
    assert_int_equal(mlp_net_save(old, path), MLP_OK);
    assert_true(child_says(save_beyond_the_limit));
    assert_int_equal(files_in(folder), 1);
    assert_true(holds(old));
    assert_int_equal(chmod(folder, 0555), 0);
    bool refused = child_says(save_without_rights);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_true(refused);
    assert_int_equal(files_in(folder), 1);
    assert_true(holds(old));
    mlp_net_free(old);
}

/* A child saves two networks in turn until it is killed. */
static void killed_processes_leave_a_whole_file(void **state)
{
    (void)state;
    enum { KILLS = 40 };
    mlp_net *nets[] = {seeded(1, NULL), seeded(2, NULL)};
    mlp_rng rng = mlp_rng_seeded(5);
    assert_int_equal(mlp_net_save(nets[0], path), MLP_OK);
    for (size_t i = 0; i < KILLS; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            for (size_t n = 0;; n++) {
                ignore(mlp_net_save(nets[n % 2], path));
            }
        }
        int64_t microseconds = 0;
        assert_int_equal(mlp_rng_randint(&rng, 0, 4000, &microseconds), MLP_OK);
        struct timespec wait = {0, 1000 * (long)microseconds};
        (void)nanosleep(&wait, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_true(holds(nets[0]) || holds(nets[1]));
    }
    mlp_net_free(nets[0]);
    mlp_net_free(nets[1]);
}

/* ---------------------------------------------------------------------------
 * Trainers
 */

static void train(mlp_trainer *trainer, data d, size_t epochs)
{
    mlp_train_options options = tutorial_options();
    options.epochs = epochs;
    options.batch_size = 7;
    assert_int_equal(mlp_trainer_fit(trainer, ro(d.X), ro(d.Y), &options, NULL),
                     MLP_OK);
}

static void trainers_go_on_from_their_file(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    data d = {random_matrix(MLP_F64, 20, 5, -1, 1),
              random_matrix(MLP_F64, 20, 5, 0, 1)};
    mlp_optimizer adam = mlp_optimizer_defaults(MLP_OPTIMIZER_ADAM);
    mlp_net *net = seeded(1, &record);
    mlp_net *loaded = NULL;
    mlp_trainer *first = NULL;
    mlp_trainer *second = NULL;
    assert_int_equal(mlp_net_set_metadata(net, "a", "b"), MLP_OK);
    assert_int_equal(mlp_trainer_create(net, 7, &first), MLP_OK);
    assert_int_equal(mlp_trainer_set_optimizer(first, &adam), MLP_OK);
    train(first, d, 3);
    assert_int_equal(mlp_trainer_save(first, path), MLP_OK);
    train(first, d, 3);

    assert_int_equal(mlp_net_load(path, &hooks, &loaded), MLP_OK);
    assert_string_equal(mlp_net_metadata(loaded, "a"), "b");
    assert_int_equal(mlp_trainer_create(loaded, 7, &second), MLP_OK);
    assert_int_equal(mlp_trainer_load(second, path), MLP_OK);
    train(second, d, 3);
    assert_same_net(net, loaded);

    assert_int_equal(mlp_net_save(net, path), MLP_OK);
    assert_told(&record, mlp_trainer_load(second, path), MLP_ERR_FORMAT,
                "got a network alone");
    assert_told(&record, mlp_trainer_load(second, "/nowhere/at/all"),
                MLP_ERR_IO, "cannot open");
    assert_told(&record, mlp_trainer_save(second, "/nowhere/at/all"),
                MLP_ERR_IO, "cannot create");
    assert_told(&record, mlp_trainer_load(second, NULL), MLP_ERR_NULL, "path");
    assert_told(&record, mlp_trainer_save(second, NULL), MLP_ERR_NULL, "path");
    assert_int_equal(mlp_trainer_save(NULL, path), MLP_ERR_NULL);
    assert_int_equal(mlp_trainer_load(NULL, path), MLP_ERR_NULL);
    for (size_t n = 1; n <= 2; n++) {
        record.fail_at = record.allocations + n;
        assert_int_equal(mlp_trainer_save(second, path), MLP_ERR_MEMORY);
        record.fail_at = record.allocations + n;
        assert_int_equal(mlp_net_save(net, path), MLP_ERR_MEMORY);
        record.fail_at = record.allocations + n;
        assert_int_equal(mlp_trainer_load(second, path), MLP_ERR_MEMORY);
    }
    assert_true(holds(net));
    mlp_trainer_free(first);
    mlp_trainer_free(second);
    mlp_net_free(net);
    mlp_net_free(loaded);
    assert_int_equal(record.live, 0);
    free_data(d);
}

#define IN_FOLDER(test)                                                        \
    cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(files_travel),
        IN_FOLDER(names_without_a_folder_are_of_this_one),
        IN_FOLDER(permissions_stay),
        IN_FOLDER(every_call_may_fail),
        IN_FOLDER(two_files_are_replaced_or_none),
        IN_FOLDER(interrupted_calls_go_on),
        IN_FOLDER(what_is_no_ordinary_file_is_left_alone),
        IN_FOLDER(files_of_zeros_take_no_memory),
        IN_FOLDER(old_files_survive_what_cannot_be_written),
        IN_FOLDER(killed_processes_leave_a_whole_file),
        IN_FOLDER(trainers_go_on_from_their_file),
    };
    return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
