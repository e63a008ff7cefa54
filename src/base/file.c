/* SPDX-License-Identifier: MIT */
/* For files beyond 2 GB where off_t is small, and for open's O_CLOEXEC.
 * NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _FILE_OFFSET_BITS 64
/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _POSIX_C_SOURCE 200809L

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/error.h"

enum { TRIES = 100, SUFFIX = 32 }; /* of names; bytes of ".tmp.", pid, try */

/* How much is asked for at once: some systems refuse more than 2 GB. */
static const size_t portion = (size_t)1 << 30;

static mlp_status report_errno(const mlp_hooks *hooks, const char *path,
                               const char *what)
{
    int error = errno;
    char text[128] = "";
    if (strerror_r(error, text, sizeof text) != 0) {
        text[0] = '\0';
    }
    return mlpi_error(hooks, MLP_ERR_IO, "%s: cannot %s: %s (error %d)", path,
                      what, text, error);
}

/* ---------------------------------------------------------------------------
 * Calls that a signal may interrupt
 */

/* False with errno, or 0 where the file ended. */
static bool read_all(int fd, unsigned char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t got = read(fd, bytes, n < portion ? n : portion);
        if (got > 0) {
            bytes += got;
            n -= (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            errno = got == 0 ? 0 : errno;
            return false;
        }
    }
    return true;
}

static bool write_all(int fd, const unsigned char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, bytes, n < portion ? n : portion);
        if (put >= 0) {
            bytes += put;
            n -= (size_t)put;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool flush_to_disk(int fd)
{
    int result = 0;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

/* Whatever close says, the descriptor is no more; an interrupted one is shut
 * in the background, with all on the disk already. */
static bool shut(int fd)
{
    return close(fd) == 0 || errno == EINTR;
}

/* ---------------------------------------------------------------------------
 * Reading
 */

static mlp_status read_open(const mlp_hooks *hooks, const char *path, int fd,
                            bool (*begins)(const unsigned char *, size_t),
                            mlpi_file_content *file)
{
    struct stat is;
    unsigned char head[MLPI_FILE_HEAD];
    if (fstat(fd, &is) != 0) {
        return report_errno(hooks, path, "look at it");
    }
    if (!S_ISREG(is.st_mode)) {
        return mlpi_error(hooks, MLP_ERR_IO, "%s: expects an ordinary file",
                          path);
    }
    if (is.st_size < MLPI_FILE_HEAD || (uintmax_t)is.st_size > SIZE_MAX) {
        return mlpi_error(hooks, MLP_ERR_FORMAT,
                          "%s: expects a file of a size that can be", path);
    }
    size_t size = (size_t)is.st_size;
    if (!read_all(fd, head, sizeof head)) {
        return report_errno(hooks, path, "read it");
    }
    if (!begins(head, size)) {
        return mlpi_error(hooks, MLP_ERR_FORMAT,
                          "%s: expects another kind of file", path);
    }
    mlpi_cursor measure = {0};
    void *block = NULL;
    (void)mlpi_take(&measure, size, 1);
    TRY(mlpi_allocate(hooks, &measure, "a file", &block));
    memcpy(block, head, sizeof head);
    if (!read_all(fd, (unsigned char *)block + sizeof head,
                  size - sizeof head)) {
        mlp_status status = report_errno(hooks, path, "read all of it");
        mlpi_release(hooks, block);
        return status;
    }
    *file = (mlpi_file_content){block, size};
    return MLP_OK;
}

mlp_status mlpi_file_read(const mlp_hooks *hooks, const char *path,
                          bool (*begins)(const unsigned char *head,
                                         size_t size),
                          mlpi_file_content *file)
{
    int fd = -1;
    do { /* without waiting for whoever might write into a pipe */
        fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return report_errno(hooks, path, "open it");
    }
    mlp_status status = read_open(hooks, path, fd, begins, file);
    (void)shut(fd);
    return status;
}

static mlp_status read_part_open(const mlp_hooks *hooks, const char *path,
                                 int fd, size_t offset, mlpi_file_content part)
{
    struct stat is;
    size_t end = 0;
    if (fstat(fd, &is) != 0) {
        return report_errno(hooks, path, "look at it");
    }
    if (!S_ISREG(is.st_mode) || !mlpi_size_add(offset, part.size, &end) ||
        is.st_size < 0 || (uintmax_t)is.st_size < end) {
        return mlpi_error(hooks, MLP_ERR_FORMAT,
                          "%s: expects an ordinary file with %zu bytes at %zu",
                          path, part.size, offset);
    }
    if (part.bytes && (lseek(fd, (off_t)offset, SEEK_SET) < 0 ||
                       !read_all(fd, part.bytes, part.size))) {
        return report_errno(hooks, path, "read it");
    }
    return MLP_OK;
}

mlp_status mlpi_file_read_part(const mlp_hooks *hooks, const char *path,
                               size_t offset, mlpi_file_content part)
{
    int fd = -1;
    do {
        fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return report_errno(hooks, path, "open it");
    }
    mlp_status status = read_part_open(hooks, path, fd, offset, part);
    (void)shut(fd);
    return status;
}

/* ---------------------------------------------------------------------------
 * Replacing
 */

static char *put_decimal(char *to, unsigned long n)
{
    unsigned long unit = 1;
    while (n / unit >= 10) {
        unit *= 10;
    }
    for (; unit > 0; unit /= 10) {
        *to++ = (char)('0' + n / unit % 10);
    }
    return to;
}

/* Opens a file of a new name: <path>.tmp.<process>.<try>. */
static int open_temporary(const char *path, mode_t mode, char *name)
{
    size_t n = strlen(path);
    memcpy(name, path, n + 1);
    memcpy(name + n, ".tmp.", sizeof ".tmp.");
    char *process = put_decimal(name + n + 5, (unsigned long)getpid());
    int fd = -1;
    for (unsigned long try = 0; try < TRIES; try++) {
        *process = '.';
        *put_decimal(process + 1, try) = '\0';
        do {
            fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        } while (fd < 0 && errno == EINTR);
        if (fd >= 0 || errno != EEXIST) {
            break;
        }
    }
    return fd;
}

/* Puts the name of a file onto the disk, too: the folder's content. It has been
 * replaced already, so that a failure is none of the caller's. */
static void flush_folder(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash) {
        slash[slash == path ? 1 : 0] = '\0';
    }
    int fd = open(slash ? path : ".", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)flush_to_disk(fd);
        (void)shut(fd);
    }
}

/* Gives what the old file had of permissions, where there was one. */
static bool write_and_close(int fd, const struct stat *old, const void *bytes,
                            size_t n)
{
    bool good = (!old || fchmod(fd, old->st_mode & 0777) == 0) &&
                write_all(fd, bytes, n) && flush_to_disk(fd);
    int error = errno;
    if (!shut(fd) && good) {
        return false;
    }
    errno = error;
    return good;
}

/* Writes the part to a file of a new name, which it leaves there. */
static mlp_status stage(const mlp_hooks *hooks, const mlpi_new_file *part,
                        char *name)
{
    struct stat old;
    bool is_old = stat(part->path, &old) == 0;
    if (!is_old && errno != ENOENT) {
        return report_errno(hooks, part->path, "look at it");
    }
    if (is_old && !S_ISREG(old.st_mode)) {
        return mlpi_error(hooks, MLP_ERR_IO,
                          "%s: expects an ordinary file, or none", part->path);
    }
    /* Nobody may open it with more rights than the old one gives. */
    int fd = open_temporary(part->path, is_old ? 0600 : 0666, name);
    if (fd < 0) {
        return report_errno(hooks, name, "make it");
    }
    if (!write_and_close(fd, is_old ? &old : NULL, part->bytes, part->size)) {
        mlp_status status = report_errno(hooks, name, "write it");
        (void)unlink(name);
        return status;
    }
    return MLP_OK;
}

/* Gives the new file the old one's name. */
static mlp_status replace(const mlp_hooks *hooks, const mlpi_new_file *part,
                          char *name)
{
    if (rename(name, part->path) != 0) {
        return report_errno(hooks, part->path, "replace it");
    }
    flush_folder(name);
    return MLP_OK;
}

static mlp_status write_parts(const mlp_hooks *hooks,
                              const mlpi_new_file *parts, size_t n,
                              char *const *names)
{
    mlp_status status = MLP_OK;
    size_t staged = 0;
    size_t replaced = 0;
    while (status == MLP_OK && staged < n) {
        status = stage(hooks, &parts[staged], names[staged]);
        staged += status == MLP_OK;
    }
    while (status == MLP_OK && replaced < n) {
        status = replace(hooks, &parts[replaced], names[replaced]);
        replaced += status == MLP_OK;
    }
    for (size_t i = replaced; i < staged; i++) {
        (void)unlink(names[i]);
    }
    return status;
}

mlp_status mlpi_file_write_all(const mlp_hooks *hooks,
                               const mlpi_new_file *parts, size_t n)
{
    char *names[MLPI_FILE_MAX_WRITES] = {NULL};
    mlpi_cursor measure = {0};
    void *block = NULL;
    for (size_t i = 0; i < n; i++) {
        (void)mlpi_take(&measure, strlen(parts[i].path) + SUFFIX, 1);
    }
    TRY(mlpi_allocate(hooks, &measure, "a name", &block));
    mlpi_cursor carve = {.base = block};
    for (size_t i = 0; i < n; i++) {
        names[i] = mlpi_take(&carve, strlen(parts[i].path) + SUFFIX, 1);
    }
    mlp_status status = write_parts(hooks, parts, n, names);
    mlpi_release(hooks, block);
    return status;
}

mlp_status mlpi_file_write(const mlp_hooks *hooks, const char *path,
                           const void *bytes, size_t n)
{
    const mlpi_new_file part = {path, bytes, n};
    return mlpi_file_write_all(hooks, &part, 1);
}
