/* SPDX-License-Identifier: MIT */
/*
 * The stages of replacing files with POSIX calls, because C's streams can
 * neither flush to the disk nor replace a file atomically. The new file gets
 * the owner and the permissions of the old one. An old file is kept by a link,
 * so that its path always has a file.
 *
 * Two processes that write the same path cannot meet in one temporary file; the
 * last rename wins. A process that is killed leaves its temporary file, which
 * disturbs nobody.
 *
 * Signals may interrupt open, write and fsync; these are called again. The only
 * exception is the open of the folder, whose failure is not reported.
 */
/* This declares O_CLOEXEC, and off_t with 64 bits in struct stat.
 * NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _FILE_OFFSET_BITS 64
/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _POSIX_C_SOURCE 200809L

#include "base/file_stages.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arithmetic.h"
#include "base/error.h"
#include "base/file.h"
#include "base/host.h"
#include "base/number_text.h"

/* How many names are tried for a temporary file. */
enum { TRIES = 100 };

/* File systems limit a name to 255 bytes, some to less. From this length on a
 * temporary name is no longer than the name itself. */
enum { LONG_NAME = 100 };

/* Bytes that one call writes at most: some systems refuse more than 2 GB. */
static const size_t portion = (size_t)1 << 30;

/* ---------------------------------------------------------------------------
 * Writing and flushing
 */

/* A limit on the size of files (RLIMIT_FSIZE) makes write fail with EFBIG, and
 * sends SIGXFSZ, which would end the program. The library must not change how
 * the program handles signals, so the thread blocks the signal for a while. */
typedef struct size_signal {
    sigset_t itself, previous; /* the signal; what the thread blocked before */
    bool was_pending;
} size_signal;

static bool is_pending(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ) == 1;
}

static void block_size_signal(size_signal *s)
{
    (void)sigemptyset(&s->itself);
    (void)sigaddset(&s->itself, SIGXFSZ);
    (void)pthread_sigmask(SIG_BLOCK, &s->itself, &s->previous);
    s->was_pending = is_pending();
}

/* Takes the signal back if a write has caused it. One that was pending before
 * is the program's. */
static void restore_size_signal(const size_signal *s)
{
    int taken = 0;
    if (!s->was_pending && is_pending()) {
        (void)sigwait(&s->itself, &taken);
    }
    (void)pthread_sigmask(SIG_SETMASK, &s->previous, NULL);
}

/* Writes n bytes. On failure errno says why. */
static bool write_all(int fd, const unsigned char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, bytes, mlpi_min_size(n, portion));
        if (put >= 0) {
            bytes += put;
            n -= (size_t)put;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* Waits until the disk has the content of a file, or of a folder. */
static bool flush_to_disk(int fd)
{
    int result = 0;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

/* ---------------------------------------------------------------------------
 * Names beside a path
 */

/* Returns a number that another call, thread or process hardly returns, too. It
 * need not be secret, because a name that exists is never opened. */
static uint32_t draw(unsigned try)
{
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    /* The address of a local variable differs between threads. */
    uint64_t x = ((uint64_t)now.tv_sec << 30) ^ (uint64_t)now.tv_nsec ^
                 ((uint64_t)getpid() << 40) ^ (uint64_t)(uintptr_t)&now;
    /* splitmix64 (Steele et al., 2014) spreads all bits. */
    x += (try + 1) * 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return (uint32_t)(x >> 32);
}

/* Writes a name beside the path, <path><middle><eight digits>, to `name`. A
 * long name of a file is cut, so that the new one is not longer. */
static void name_beside(const char *path, const char *middle, unsigned try,
                        char *name)
{
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    size_t n = strlen(path);
    if (n - folder >= LONG_NAME) {
        n -= MLPI_NAME_BESIDE;
        while (mlpi_continues_character(path[n])) {
            n--;
        }
    }
    size_t length = strlen(middle);
    memcpy(name, path, n);
    memcpy(name + n, middle, length);
    mlpi_put_hex32(draw(try), name + n + length);
    name[n + length + 8] = '\0';
}

/* ---------------------------------------------------------------------------
 * Stages 1 to 3
 */

/* Creates a file under a name that no file has, and writes the name to `name`.
 * Returns -1 with errno. */
static int open_temporary(const char *path, mode_t mode, char *name)
{
    int fd = -1;
    for (unsigned try = 0; try < TRIES; try++) {
        name_beside(path, ".tmp.", try, name);
        do {
            fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        } while (fd < 0 && errno == EINTR);
        if (fd >= 0 || errno != EEXIST) {
            break;
        }
    }
    return fd;
}

/* Flushes the folder of a path to the disk, since the new name is content of
 * the folder. A failure is not reported: the file has been replaced already,
 * and the caller could not undo it. */
static void flush_folder(char *path)
{
    char *slash = strrchr(path, '/');
    char *end = slash ? slash + (slash == path) : path;
    char kept = *end;
    *end = '\0'; /* for the moment of the call */
    int fd = open(slash ? path : ".", O_RDONLY | O_CLOEXEC);
    *end = kept;
    if (fd >= 0) {
        (void)flush_to_disk(fd);
        (void)mlpi_close(fd);
    }
}

/* Gives a new file the owner, the group and the permissions of the old one. A
 * process without rights may not give files away, but perhaps to a group; and
 * fchmod comes last, because giving a file away may change its permissions. */
static bool take_over(int fd, const struct stat *old)
{
    if (fchown(fd, old->st_uid, old->st_gid) != 0) {
        (void)!fchown(fd, (uid_t)-1, old->st_gid);
    }
    return fchmod(fd, old->st_mode & 0777) == 0;
}

/* Writes the bytes, flushes them and closes the file. `old` is NULL if there is
 * no old file. On failure errno says why. */
static bool write_and_close(int fd, const struct stat *old, const void *bytes,
                            size_t n)
{
    size_signal signal;
    block_size_signal(&signal);
    bool good = (!old || take_over(fd, old)) && write_all(fd, bytes, n) &&
                flush_to_disk(fd);
    int error = errno; /* what follows must not hide the first failure */
    restore_size_signal(&signal);
    if (!mlpi_close(fd) && good) {
        return false;
    }
    errno = error;
    return good;
}

/* True if a path is a link to what a process has open, such as /dev/stdout: the
 * new file would replace the link, and the open file would get nothing. Links
 * to links are followed, as long as their targets are whole paths. */
static bool is_link_to_open_file(const char *path)
{
    char targets[2][256]; /* by turns: a link and its target */
    for (int i = 0; i < 8; i++) {
        char *target = targets[i % 2];
        ssize_t n = readlink(path, target, sizeof targets[0] - 1);
        if (n <= 0) {
            return false;
        }
        target[n] = '\0';
        if (strncmp(target, "/proc/", 6) == 0 ||
            strncmp(target, "/dev/fd/", 8) == 0) {
            return true;
        }
        if (target[0] != '/') {
            return false;
        }
        path = target;
    }
    return false;
}

mlp_status mlpi_stage_write(const mlp_hooks *hooks, const mlpi_new_file *file,
                            char *temporary)
{
    struct stat old;
    bool is_old = stat(file->path, &old) == 0;
    if (!is_old && errno != ENOENT) {
        return mlpi_report_errno(hooks, file->path, "get its status");
    }
    /* Replacing a device or a pipe by a file would break the system. */
    if ((is_old && !S_ISREG(old.st_mode)) || is_link_to_open_file(file->path)) {
        return mlpi_report_kind(hooks, file->path,
                                "a regular file, or none, got a folder, a "
                                "pipe, a device or a link to an open file");
    }
    /* With an old file, the new one is private until it has its permissions:
     * its content may be secret. */
    int fd = open_temporary(file->path, is_old ? 0600 : 0666, temporary);
    if (fd < 0) {
        return mlpi_report_errno(hooks, file->path,
                                 "create a file in its folder");
    }
    if (!write_and_close(fd, is_old ? &old : NULL, file->bytes, file->size)) {
        mlp_status status =
            mlpi_report_errno(hooks, file->path, "write a file in its folder");
        (void)unlink(temporary);
        return status;
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Stage 4
 */

mlp_status mlpi_stage_rename(const mlp_hooks *hooks, const char *path,
                             char *temporary)
{
    if (rename(temporary, path) != 0) {
        return mlpi_report_errno(hooks, path,
                                 errno == EBUSY ? "replace it, perhaps because "
                                                  "it is mounted by itself"
                                                : "replace it");
    }
    flush_folder(temporary);
    return MLP_OK;
}

/* Gives the old file of a path a second name, or its only one where the file
 * system knows no second names. That must not be the name of another file. */
mlp_status mlpi_stage_keep(const mlp_hooks *hooks, const char *path, char *kept)
{
    int result = -1;
    for (unsigned try = 0; try < TRIES && result != 0; try++) {
        name_beside(path, ".old.", try, kept);
        result = link(path, kept);
        if (result != 0 && errno != EEXIST) {
            break;
        }
    }
    if (result != 0 && errno != ENOENT && errno != EEXIST) {
        result = rename(path, kept);
    }
    if (result != 0 && errno != ENOENT) {
        return mlpi_report_errno(hooks, path, "keep it under another name");
    }
    if (result != 0) {
        kept[0] = '\0';
    }
    return MLP_OK;
}

/* True if two names are of one file. */
static bool are_one_file(const char *a, const char *b)
{
    struct stat x;
    struct stat y;
    return lstat(a, &x) == 0 && lstat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

/* If it was the rename to `path` that failed, both names are of
 * the old file, and rename would do nothing; and where there was no old file,
 * one that has come meanwhile is not ours. */
void mlpi_stage_restore(const char *path, const char *kept, bool is_renamed)
{
    if (kept[0] == '\0') {
        if (is_renamed) {
            (void)unlink(path);
        }
    } else if (are_one_file(path, kept) || rename(kept, path) == 0) {
        (void)unlink(kept);
    }
}

void mlpi_stage_remove(const char *name)
{
    (void)unlink(name);
}
