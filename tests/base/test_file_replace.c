/* SPDX-License-Identifier: MIT */
/*
 * The edges of saving and loading: names as long as the file system takes,
 * temporary files that others have left, owners, links to open files, limits on
 * the size of files, files that belong together, threads that are cancelled,
 * and messages about long paths. test_file.c has the calls that fail.
 */
#include "support/model_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/file_replace.h"
#include "base/file_stages.h"

/* ---------------------------------------------------------------------------
 * Calls that fail. The linker puts these functions in the place of libc's.
 */

static struct faults {
    const char *no_rename_to; /* paths with this end are not renamed to */
    const char *no_rename_in; /* nor those that contain this */
    bool no_links;            /* as on file systems without second names */
    size_t taken; /* how many of the next second names exist already */
    size_t left;  /* bytes that read still gives before the end; 0: all */
} faults;

static bool ends_with(const char *path, const char *end)
{
    size_t n = strlen(path);
    size_t m = strlen(end);
    return n >= m && strcmp(path + n - m, end) == 0;
}

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming) */
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    if (faults.no_rename_to && ends_with(to, faults.no_rename_to)) {
        errno = EBUSY;
        return -1;
    }
    if (faults.no_rename_in && strstr(to, faults.no_rename_in)) {
        errno = EACCES;
        return -1;
    }
    return __real_rename(from, to);
}

int __real_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to)
{
    if (faults.no_links) {
        errno = EPERM;
        return -1;
    }
    if (faults.taken > 0) {
        faults.taken--;
        errno = EEXIST;
        return -1;
    }
    return __real_link(from, to);
}

ssize_t __real_read(int fd, void *bytes, size_t n);
ssize_t __wrap_read(int fd, void *bytes, size_t n);
ssize_t __wrap_read(int fd, void *bytes, size_t n)
{
    if (faults.left == 0) {
        return __real_read(fd, bytes, n);
    }
    ssize_t got =
        __real_read(fd, bytes, n < faults.left - 1 ? n : faults.left - 1);
    faults.left -= got > 0 ? (size_t)got : 0;
    return got;
}
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

/* ---------------------------------------------------------------------------
 * A folder of its own, in which the test stands
 */

static char folder[64];
static int before; /* the folder that the test began in */

static int enter_folder(void **state)
{
    (void)state;
    faults = (struct faults){0};
    (void)snprintf(folder, sizeof folder, "%s", "/tmp/mlp-edge-XXXXXX");
    before = open(".", O_RDONLY);
    return before >= 0 && mkdtemp(folder) && chdir(folder) == 0 ? 0 : 1;
}

/* Counts the files; removes them if `removes`. */
static size_t files_there(bool removes)
{
    size_t n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0) {
            n++;
            if (removes) {
                (void)unlink(entry->d_name);
            }
        }
    }
    (void)closedir(dir);
    return n;
}

static int leave_folder(void **state)
{
    (void)state;
    faults = (struct faults){0};
    (void)files_there(true);
    bool back = fchdir(before) == 0;
    (void)close(before);
    return back && rmdir(folder) == 0 ? 0 : 1;
}

/* Returns the sum of a file's bytes with their places, 0 if there is none. */
static uint64_t sum_of(const char *path)
{
    uint64_t sum = 0;
    FILE *stream = fopen(path, "rb");
    for (int c = stream ? fgetc(stream) : EOF; c != EOF; c = fgetc(stream)) {
        sum = sum * 31 + (uint64_t)c + 1;
    }
    if (stream) {
        (void)fclose(stream);
    }
    return sum;
}

static mlp_net *seeded(uint32_t seed, hook_record *record)
{
    mlp_config config = config_of(&square_model, MLP_F64, record);
    config.seed = seed;
    return net_of(&config);
}

/* ---------------------------------------------------------------------------
 * Names
 */

/* A name of 255 bytes is the longest that usual file systems take. The names of
 * two bytes a character must not be cut within one. */
static void long_names_can_be_saved(void **state)
{
    (void)state;
    static const char *const letters[] = {"n", "\xc3\xa9", "\xe2\x82\xac"};
    mlp_net *net = seeded(1, NULL);
    for (size_t a = 0; a < COUNT(letters); a++) {
        size_t bytes = strlen(letters[a]);
        for (size_t n = 80; n + bytes <= 255; n += n < 230 ? 30 : 1) {
            char name[256] = "";
            while (strlen(name) + bytes <= n) {
                append(name, sizeof name, letters[a]);
            }
            assert_int_equal(mlp_net_save(net, name), MLP_OK);
            mlp_net *loaded = NULL;
            assert_int_equal(mlp_net_load(name, NULL, &loaded), MLP_OK);
            mlp_net_free(loaded);
            assert_int_equal(files_there(true), 1);
        }
    }
    mlp_net_free(net);
}

/* A process that is killed while it saves leaves its temporary file, and in a
 * container the next process has the same number. */
static void what_others_left_disturbs_nobody(void **state)
{
    (void)state;
    mlp_net *net = seeded(1, NULL);
    for (int i = 0; i < 120; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "net.mlp.tmp.%ld.%d", (long)getpid(),
                       i);
        FILE *left = fopen(name, "wb");
        assert_non_null(left);
        (void)fclose(left);
    }
    assert_int_equal(mlp_net_save(net, "net.mlp"), MLP_OK);
    assert_int_equal(files_there(false), 121);
    mlp_net_free(net);
}

/* Many processes that save one file at the same time have a temporary file
 * each. */
static void temporary_names_differ(void **state)
{
    (void)state;
    const mlp_hooks hooks = {0};
    const mlpi_new_file new_file = {.path = "net.mlp", .bytes = "1", .size = 1};
    for (size_t i = 0; i < 120; i++) {
        char name[64];
        assert_int_equal(mlpi_stage_write(&hooks, &new_file, name), MLP_OK);
        assert_int_equal(files_there(false), i + 1);
    }
}

/* The path is shown by its two ends, and the reason stands behind it. */
static void messages_about_long_paths_name_the_reason(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *net = seeded(1, &record);
    mlp_net *loaded = NULL;
    static const char *const letters[] = {"d", "\xc3\xa9"};
    for (size_t a = 0; a < COUNT(letters); a++) {
        for (size_t n = 100; n < 4500; n += n < 140 ? 1 : 350) {
            char path[4600] = "/tmp/";
            while (strlen(path) < n) {
                append(path, sizeof path, letters[a]);
            }
            append(path, sizeof path, "/net.mlp");
            assert_int_equal(mlp_net_load(path, &hooks, &loaded), MLP_ERR_IO);
            assert_non_null(strstr(record.message, "/net.mlp: cannot open it"));
            assert_non_null(strstr(record.message, "(error "));
            assert_int_equal(mlp_net_save(net, path), MLP_ERR_IO);
            assert_non_null(strstr(record.message, "(error "));
            char shown[MLPI_SHOWN_PATH];
            const char *text = mlpi_shown_path(path, shown);
            assert_true(strlen(text) < MLPI_SHOWN_PATH);
            assert_true(mlp_net_set_metadata(net, "path", text) == MLP_OK);
        }
    }
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Owners and links
 */

static void the_owner_stays(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip(); /* only root may give files away */
    }
    struct stat is;
    mlp_net *net = seeded(1, NULL);
    assert_int_equal(mlp_net_save(net, "net.mlp"), MLP_OK);
    assert_int_equal(chown("net.mlp", 1000, 1001), 0);
    assert_int_equal(chmod("net.mlp", 0640), 0);
    assert_int_equal(mlp_net_save(net, "net.mlp"), MLP_OK);
    assert_int_equal(stat("net.mlp", &is), 0);
    assert_int_equal(is.st_uid, 1000);
    assert_int_equal(is.st_gid, 1001);
    assert_int_equal(is.st_mode & 0777, 0640);
    mlp_net_free(net);
}

/* A link to a regular file is replaced, as mlp.h says; one to what a process
 * has open is not, even if that is a regular file. */
static void links_to_open_files_stay(void **state)
{
    (void)state;
    static const char *const targets[] = {"/proc/self/fd/0", "/dev/fd/0",
                                          "/dev/stdin"};
    hook_record record = {0};
    mlp_net *net = seeded(1, &record);
    struct stat is;
    int kept = dup(0);
    assert_int_equal(mlp_net_save(net, "open"), MLP_OK);
    int fd = open("open", O_RDWR);
    assert_true(fd >= 0 && dup2(fd, 0) == 0); /* standard input is a file */
    for (size_t i = 0; i < COUNT(targets); i++) {
        char second[128];
        (void)snprintf(second, sizeof second, "%s/link", folder);
        if (lstat(targets[i], &is) != 0) {
            continue; /* this system has no such link */
        }
        assert_int_equal(symlink(targets[i], "link"), 0);
        assert_int_equal(symlink(second, "link2"), 0);
        assert_told(&record, mlp_net_save(net, "link"), MLP_ERR_IO,
                    "expects a regular file, or none");
        assert_told(&record, mlp_net_save(net, "link2"), MLP_ERR_IO,
                    "expects a regular file, or none");
        assert_int_equal(lstat("link", &is), 0);
        assert_true(S_ISLNK(is.st_mode));
        assert_int_equal(unlink("link"), 0);
        assert_int_equal(unlink("link2"), 0);
    }
    assert_true(dup2(kept, 0) == 0);
    (void)close(kept);
    (void)close(fd);
    assert_int_equal(symlink("open", "link"), 0);
    assert_int_equal(mlp_net_save(net, "link"), MLP_OK);
    assert_int_equal(lstat("link", &is), 0);
    assert_true(S_ISREG(is.st_mode));
    mlp_net_free(net);
}

/* The end of a long chain of links is not looked for. */
static void a_chain_of_links_is_replaced_at_its_beginning(void **state)
{
    (void)state;
    enum { LINKS = 12 };
    char name[128];
    char target[128];
    struct stat is;
    mlp_net *old = seeded(1, NULL);
    mlp_net *new = seeded(2, NULL);
    (void)snprintf(name, sizeof name, "%s/0", folder);
    assert_int_equal(mlp_net_save(old, name), MLP_OK);
    uint64_t sum = sum_of("0");
    for (int i = 1; i <= LINKS; i++) {
        memcpy(target, name, sizeof target);
        (void)snprintf(name, sizeof name, "%s/%d", folder, i);
        assert_int_equal(symlink(target, name), 0);
    }
    assert_int_equal(mlp_net_save(new, name), MLP_OK);
    assert_int_equal(lstat(name, &is), 0);
    assert_true(S_ISREG(is.st_mode));
    assert_true(sum_of(name) != sum);
    assert_true(sum_of("0") == sum);
    assert_int_equal(files_there(false), LINKS + 1);
    mlp_net_free(old);
    mlp_net_free(new);
}

/* ---------------------------------------------------------------------------
 * Limits on the size of files
 */

/* A child may write 512 bytes only. Returns 0 if saving failed with an error,
 * without the signal, and left the signals as they were. */
static int save_beyond_the_limit(const mlp_net *net)
{
    struct rlimit usual;
    sigset_t blocked;
    sigset_t pending;
    if (getrlimit(RLIMIT_FSIZE, &usual) != 0) {
        return 2;
    }
    struct rlimit limit = {512, usual.rlim_max};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return 2;
    }
    for (int i = 0; i < 3; i++) {
        if (mlp_net_save(net, "net.mlp") != MLP_ERR_IO) {
            return 3;
        }
    }
    (void)setrlimit(RLIMIT_FSIZE, &usual);
    (void)pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    (void)sigpending(&pending);
    return sigismember(&blocked, SIGXFSZ) || sigismember(&pending, SIGXFSZ);
}

static void a_limit_of_size_is_an_error(void **state)
{
    (void)state;
    mlp_net *old = seeded(1, NULL);
    mlp_net *new = seeded(2, NULL);
    assert_int_equal(mlp_net_save(old, "net.mlp"), MLP_OK);
    uint64_t sum = sum_of("net.mlp");
    (void)fflush(NULL);
    int result = -1;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGXFSZ, SIG_DFL);
        result = save_beyond_the_limit(new);
        mlp_net_free(old);
        mlp_net_free(new);
        _exit(result);
    }
    assert_true(waitpid(child, &result, 0) == child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
    assert_int_equal(files_there(false), 1);
    assert_true(sum_of("net.mlp") == sum);
    mlp_net_free(old);
    mlp_net_free(new);
}

/* Raises the limit before it asserts: cmocka may print to a file. */
static void a_signal_of_the_program_stays_pending(void **state)
{
    (void)state;
    mlp_net *net = seeded(1, NULL);
    struct rlimit limit;
    sigset_t size_signal;
    sigset_t kept;
    sigset_t pending[2];
    mlp_status status[2];
    int taken = 0;
    (void)sigemptyset(&size_signal);
    (void)sigaddset(&size_signal, SIGXFSZ);
    (void)fflush(NULL);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &size_signal, &kept), 0);
    struct rlimit small = {512, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 2; i++) {
        if (i == 1) {
            (void)raise(SIGXFSZ);
        }
        status[i] = mlp_net_save(net, "net.mlp");
        (void)sigpending(&pending[i]);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    if (sigismember(&pending[1], SIGXFSZ) == 1) {
        (void)sigwait(&size_signal, &taken);
    }
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &kept, NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(status[i], MLP_ERR_IO);
        assert_int_equal(sigismember(&pending[i], SIGXFSZ), i);
    }
    assert_int_equal(files_there(false), 0);
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Files that belong together
 */

/* The second file cannot be renamed, as if it were mounted by itself. */
static void the_first_file_comes_back(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_net *old = seeded(1, &record);
    mlp_net *new = seeded(2, &record);
    for (int links = 0; links < 2; links++) {
        faults = (struct faults){.no_links = !links, .no_rename_to = "net.c"};
        assert_told(&record, mlp_export_c(new, "net.c", NULL, NULL), MLP_ERR_IO,
                    "net.c: cannot replace it, perhaps because it is mounted "
                    "by itself: ");
        assert_int_equal(files_there(false), 0);

        faults.no_rename_to = NULL;
        assert_int_equal(mlp_export_c(old, "net.c", NULL, NULL), MLP_OK);
        assert_int_equal(files_there(false), 2);
        uint64_t sums[] = {sum_of("net.c"), sum_of("net.h")};
        assert_true(sums[0] != 0 && sums[1] != 0);
        static const char *const ends[] = {"net.c", "net.h"};
        for (size_t i = 0; i < COUNT(ends); i++) {
            faults.no_rename_to = ends[i];
            if (!links && i == 1) {
                break; /* the old file could not come back either */
            }
            assert_int_equal(mlp_export_c(new, "net.c", NULL, NULL),
                             MLP_ERR_IO);
            assert_int_equal(files_there(false), 2);
            assert_true(sum_of("net.c") == sums[0]);
            assert_true(sum_of("net.h") == sums[1]);
        }
        faults.no_rename_to = NULL;
        assert_int_equal(mlp_export_c(new, "net.c", NULL, NULL), MLP_OK);
        assert_int_equal(files_there(false), 2);
        assert_true(sum_of("net.c") != sums[0]);
        assert_int_equal(files_there(true), 2);
    }
    mlp_net_free(old);
    mlp_net_free(new);
    assert_int_equal(record.live, 0);
}

/* Returns the sum of the only file whose name has this in it. */
static uint64_t sum_of_name_with(const char *part)
{
    uint64_t sum = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (strstr(entry->d_name, part)) {
            assert_true(sum == 0);
            sum = sum_of(entry->d_name);
        }
    }
    (void)closedir(dir);
    return sum;
}

/* The old file has another name while the new one comes. If it cannot come back
 * it keeps that name; and if it gets none, it stays. */
static void old_files_are_never_lost(void **state)
{
    (void)state;
    static const struct faults cases[] = {
        {.no_links = true, .no_rename_to = "net.h"},
        {.no_links = true, .no_rename_in = ".old."},
        {.taken = SIZE_MAX},
        {.taken = 3},
    };
    hook_record record = {0};
    mlp_net *old = seeded(1, &record);
    mlp_net *new = seeded(2, &record);
    assert_int_equal(mlp_export_c(old, "net.c", NULL, NULL), MLP_OK);
    uint64_t sums[] = {sum_of("net.c"), sum_of("net.h")};
    for (size_t i = COUNT(cases); i-- > 0;) {
        faults = cases[i];
        mlp_status status =
            mlp_export_c(i < 3 ? new : old, "net.c", NULL, NULL);
        faults = (struct faults){0};
        assert_int_equal(status, i < 3 ? MLP_ERR_IO : MLP_OK);
        if (i == 1 || i == 2) {
            assert_said(&record, "cannot keep it under another name: ");
        }
        assert_int_equal(files_there(false), 2);
        assert_true(sum_of("net.c") == sums[0]);
        assert_true(sum_of_name_with("net.h") == sums[1]);
    }
    assert_true(sum_of_name_with("net.h.old.") == sums[1]);
    mlp_net_free(old);
    mlp_net_free(new);
    assert_int_equal(record.live, 0);
}

/* ---------------------------------------------------------------------------
 * Cancellation
 */

typedef struct cancelled {
    mlp_net *net;
    mlp_trainer *trainer;
    mlp_net *loaded;
    int i;
    mlp_status status; /* of the call; MLP_ERR_ORDER: it did not return */
} cancelled;

static void cancellable_log(mlp_status status, const char *message, void *user)
{
    pthread_testcancel(); /* as printing may be cancelled */
    record_log(status, message, user);
}

static bool cancels; /* the next allocation cancels its thread */

static void *cancelling_allocate(size_t bytes, void *user)
{
    if (cancels) {
        cancels = false;
        (void)pthread_cancel(pthread_self());
    }
    return record_allocate(bytes, user);
}

/* Makes a call in a thread that is cancelled at the first allocation, so that
 * the next system call which may be cancelled would end it. */
static void *call_while_cancelled(void *argument)
{
    cancelled *c = argument;
    mlp_hooks hooks = mlp_net_hooks(c->net);
    cancels = true;
    switch (c->i) {
    case 0:
        c->status = mlp_net_save(c->net, "net.mlp");
        break;
    case 1:
        c->status = mlp_net_load("net.mlp", &hooks, &c->loaded);
        break;
    case 2:
        c->status = mlp_net_import(c->net, "net.mlp");
        break;
    case 3:
        c->status = mlp_trainer_save(c->trainer, "trainer.mlp");
        break;
    case 4:
        c->status = mlp_trainer_load(c->trainer, "trainer.mlp");
        break;
    case 5:
        c->status = mlp_export_c(c->net, "net.c", NULL, NULL);
        break;
    case 6: /* fails while it holds the file's bytes, and prints */
        c->status = mlp_net_load("net.c.mlp", &hooks, &c->loaded);
        break;
    default:
        c->status = mlp_trainer_load(c->trainer, "net.mlp");
        break;
    }
    pthread_testcancel();
    return NULL;
}

static void cancelled_threads_finish_their_files(void **state)
{
    (void)state;
    static const mlp_status expected[] = {MLP_OK,         MLP_OK,        MLP_OK,
                                          MLP_OK,         MLP_OK,        MLP_OK,
                                          MLP_ERR_FORMAT, MLP_ERR_FORMAT};
    static const size_t files[] = {1, 1, 1, 2, 2, 4, 5, 5};
    hook_record record = {0};
    mlp_config config = config_of(&square_model, MLP_F64, &record);
    config.hooks.log = cancellable_log;
    config.hooks.allocate = cancelling_allocate;
    cancelled c = {.net = net_of(&config)};
    assert_int_equal(mlp_trainer_create(c.net, 4, &c.trainer), MLP_OK);
    size_t live = record.live;
    int next = dup(0);
    (void)close(next);
    for (c.i = 0; c.i < (int)COUNT(expected); c.i++) {
        if (c.i == 6) { /* a file whose checksum is wrong */
            file f = file_of(c.net);
            f.bytes[f.size - 1] ^= 1;
            FILE *stream = fopen("net.c.mlp", "wb");
            assert_non_null(stream);
            assert_int_equal(fwrite(f.bytes, 1, f.size, stream), f.size);
            (void)fclose(stream);
            guarded_free(f.bytes);
        }
        pthread_t thread;
        void *result = NULL;
        c.status = MLP_ERR_ORDER;
        assert_int_equal(
            pthread_create(&thread, NULL, call_while_cancelled, &c), 0);
        assert_int_equal(pthread_join(thread, &result), 0);
        assert_true(result == PTHREAD_CANCELED);
        assert_int_equal(c.status, expected[c.i]);
        mlp_net_free(c.loaded);
        c.loaded = NULL;
        int now = dup(0);
        (void)close(now);
        assert_int_equal(now, next);
        assert_int_equal(record.live, live);
        assert_int_equal(files_there(false), files[c.i]);
    }
    mlp_trainer_free(c.trainer);
    mlp_net_free(c.net);
    assert_int_equal(record.live, 0);
}

static void *save_for_ever(void *net)
{
    while (mlp_net_save(net, "net.mlp") == MLP_OK) {
    }
    return NULL;
}

/* A thread that does nothing but save can be cancelled, between two saves. */
static void saving_threads_can_be_cancelled(void **state)
{
    (void)state;
    mlp_net *net = seeded(1, NULL);
    for (int i = 0; i < 5; i++) {
        pthread_t thread;
        void *result = NULL;
        assert_int_equal(pthread_create(&thread, NULL, save_for_ever, net), 0);
        (void)usleep(2000);
        assert_int_equal(pthread_cancel(thread), 0);
        assert_int_equal(pthread_join(thread, &result), 0);
        assert_true(result == PTHREAD_CANCELED);
        assert_true(files_there(true) <= 1);
    }
    mlp_net_free(net);
}

/* ---------------------------------------------------------------------------
 * Messages and parts of files
 */

/* C has no text for this number of an error. */
static void unknown_errors_have_their_number(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    errno = 54321;
    assert_told(&record, mlpi_report_errno(&hooks, "net.mlp", "read it"),
                MLP_ERR_IO, "net.mlp: cannot read it: ");
    assert_said(&record, "(error 54321)");
}

static void parts_must_be_in_the_file(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    unsigned char bytes[4] = {1, 2, 3, 4};
    static const struct {
        const char *path;
        size_t offset, size;
        const char *said; /* NULL: the part is there */
    } cases[] = {
        {"file", 0, 4, NULL},
        {"file", 2, 1, NULL},
        {"file", 4, 0, NULL},
        {"file", 4, 1, "file: expects a regular file with 1 byte at 4"},
        {"file", 0, 5, "file: expects a regular file with 5 bytes at 0"},
        {"file", SIZE_MAX, 2, "file: expects a regular file with 2 bytes at "},
        {".", 0, 0, ".: expects a regular file with 0 bytes at 0"},
    };
    FILE *stream = fopen("file", "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite("abcd", 1, 4, stream), 4);
    (void)fclose(stream);
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int reads = 0; reads < 2; reads++) {
            unsigned char got[4] = {1, 2, 3, 4};
            mlp_status status =
                mlpi_file_read_part(&hooks, cases[i].path, cases[i].offset,
                                    cases[i].size, reads ? got : NULL);
            assert_int_equal(status, cases[i].said ? MLP_ERR_FORMAT : MLP_OK);
            if (cases[i].said) {
                assert_said(&record, cases[i].said);
            }
            size_t n = reads && !cases[i].said ? cases[i].size : 0;
            assert_memory_equal(got, &"abcd"[n ? cases[i].offset : 0], n);
            assert_memory_equal(got + n, bytes + n, sizeof got - n);
        }
    }
}

/* ---------------------------------------------------------------------------
 * Files that lie about their size
 */

static void files_that_shrink_say_so(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *net = seeded(1, &record);
    mlp_net *loaded = NULL;
    assert_int_equal(mlp_net_save(net, "net.mlp"), MLP_OK);
    for (size_t left = 1; left < 100; left += 30) {
        faults.left = left;
        assert_told(&record, mlp_net_load("net.mlp", &hooks, &loaded),
                    MLP_ERR_IO, "it has become shorter");
    }
    mlp_net_free(net);
}

static size_t largest; /* of the blocks that were allocated */

static void *note_size(size_t bytes, void *user)
{
    largest = bytes > largest ? bytes : largest;
    return record_allocate(bytes, user);
}

/* Makes a sparse file of 6 GB with this header. Returns false if the file
 * system has no sparse files. */
static bool make_sparse(const char *header)
{
    size_t n = strlen(header);
    unsigned char length[8] = {(unsigned char)n, (unsigned char)(n >> 8)};
    int fd = open("sparse.mlp", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    bool good = write(fd, length, 8) == 8 &&
                write(fd, header, n) == (ssize_t)n &&
                ftruncate(fd, (off_t)6 << 30) == 0;
    (void)close(fd);
    return good;
}

/* The header of 6 GB of zeros says that there is one byte of data, or is no
 * JSON at all: nothing but the header is read. */
static void headers_are_checked_before_the_rest(void **state)
{
    (void)state;
    static const char *const headers[][2] = {
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
         "expects 6442450880 bytes of data"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
         "expects 6442450880 bytes of data"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,1]}}",
         "as many bytes as the shape needs"},
        {"{ ", "expects a string"},
    };
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    hooks.allocate = note_size;
    mlp_net *loaded = NULL;
    mlp_net *net = seeded(1, NULL);
    for (size_t i = 0; i < COUNT(headers); i++) {
        if (!make_sparse(headers[i][0])) {
            skip();
        }
        largest = 0;
        assert_told(&record, mlp_net_load("sparse.mlp", &hooks, &loaded),
                    MLP_ERR_FORMAT, i < 2 ? "bytes of data" : headers[i][1]);
        assert_true(largest < 4096);
        assert_int_equal(mlp_net_import(net, "sparse.mlp"), MLP_ERR_FORMAT);
        assert_int_equal(record.live, 0);
    }
    mlp_net_free(net);
}

#define IN_FOLDER(test)                                                        \
    cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(long_names_can_be_saved),
        IN_FOLDER(what_others_left_disturbs_nobody),
        IN_FOLDER(temporary_names_differ),
        IN_FOLDER(messages_about_long_paths_name_the_reason),
        IN_FOLDER(the_owner_stays),
        IN_FOLDER(links_to_open_files_stay),
        IN_FOLDER(a_chain_of_links_is_replaced_at_its_beginning),
        IN_FOLDER(a_limit_of_size_is_an_error),
        IN_FOLDER(a_signal_of_the_program_stays_pending),
        IN_FOLDER(the_first_file_comes_back),
        IN_FOLDER(old_files_are_never_lost),
        IN_FOLDER(cancelled_threads_finish_their_files),
        IN_FOLDER(saving_threads_can_be_cancelled),
        IN_FOLDER(unknown_errors_have_their_number),
        IN_FOLDER(parts_must_be_in_the_file),
        IN_FOLDER(files_that_shrink_say_so),
        IN_FOLDER(headers_are_checked_before_the_rest),
    };
    return cmocka_run_group_tests_name("file_replace", tests, NULL, NULL);
}
