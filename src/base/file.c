/* SPDX-License-Identifier: MIT */
/*
 * Reading and replacing files with POSIX calls, because C's streams can neither
 * flush to the disk nor replace a file atomically. Replacing has four stages:
 *
 *     1. open   <path>.tmp.<process>.<try>, a name that no file has
 *     2. write  the bytes, with the permissions of the old file
 *     3. fsync  the file: the bytes are on the disk before the name changes
 *     4. rename to <path>, and fsync the folder, which holds the name
 *
 * A failure in stages 1 to 3 removes the temporary file. Two processes that
 * write the same path cannot meet in one temporary file; the last rename wins.
 *
 * Signals may interrupt open, read, write and fsync; these are called again.
 * The only exception is the open of the folder, whose failure is not reported.
 */
/* These declare off_t with 64 bits, for files beyond 2 GB, and O_CLOEXEC.
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

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/number_text.h"

/* How many names are tried for a temporary file; and the bytes that a name adds
 * to the path: ".tmp.", a process, a dot, a number below TRIES, the zero. */
enum { TRIES = 100, SUFFIX = 32 };

/* Bytes that one call reads or writes at most: some systems refuse more than
 * 2 GB. */
static const size_t portion = (size_t)1 << 30;

/* Reports errno: "<path>: cannot <what>: <reason> (error <number>)". */
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

/* Reads n bytes. On failure errno says why, and is 0 if the file ended. */
static bool read_all(int fd, unsigned char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t got = read(fd, bytes, mlpi_min_size(n, portion));
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

/* Closes a descriptor. It is gone whatever close returns, so close is not
 * called again after a signal; and the bytes of an interrupted close are on the
 * disk already. */
static bool close_file(int fd)
{
    return close(fd) == 0 || errno == EINTR;
}

/* ---------------------------------------------------------------------------
 * Reading
 */

/* Reads an open file; mlpi_file_read has the contract. The head is read first,
 * so that a file of another kind is refused before memory is allocated. */
static mlp_status read_open(const mlp_hooks *hooks, const char *path, int fd,
                            const mlpi_file_kind *kind, mlpi_file_content *file)
{
    struct stat info;
    unsigned char head[MLPI_FILE_HEAD];
    if (fstat(fd, &info) != 0) {
        return report_errno(hooks, path, "get its status");
    }
    if (!S_ISREG(info.st_mode)) {
        return mlpi_error(
            hooks, MLP_ERR_IO,
            "%s: expects an ordinary file, got a folder, a pipe or "
            "a device",
            path);
    }
    /* The size is signed, and may exceed a size_t of 32 bits. */
    if (info.st_size < MLPI_FILE_HEAD || (uintmax_t)info.st_size > SIZE_MAX) {
        return mlpi_error(hooks, MLP_ERR_FORMAT,
                          "%s: not %s: expects %d to %zu bytes, got %lld", path,
                          kind->name, MLPI_FILE_HEAD, SIZE_MAX,
                          (long long)info.st_size);
    }
    size_t size = (size_t)info.st_size;
    if (!read_all(fd, head, sizeof head)) {
        return report_errno(hooks, path, "read it");
    }
    if (!kind->begins(head, size)) {
        return mlpi_refuse_content(hooks, path, kind, head, size);
    }
    void *block = NULL;
    TRY(mlpi_allocate_array(hooks, size, 1, "a file", &block));
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
                          const mlpi_file_kind *kind, mlpi_file_content *file)
{
    int fd = -1;
    do { /* O_NONBLOCK: opening a pipe must not wait for a writer */
        fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return report_errno(hooks, path, "open it");
    }
    mlp_status status = read_open(hooks, path, fd, kind, file);
    (void)close_file(fd);
    return status;
}

/* Reads a part of an open file; mlpi_file_read_part has the contract. */
static mlp_status read_part_open(const mlp_hooks *hooks, const char *path,
                                 int fd, size_t offset, size_t size,
                                 unsigned char *bytes)
{
    struct stat info;
    size_t end = 0;
    if (fstat(fd, &info) != 0) {
        return report_errno(hooks, path, "get its status");
    }
    if (!S_ISREG(info.st_mode) || !mlpi_size_add(offset, size, &end) ||
        info.st_size < 0 || (uintmax_t)info.st_size < end) {
        return mlpi_error(hooks, MLP_ERR_FORMAT,
                          "%s: expects an ordinary file with %zu byte%s at %zu",
                          path, size, mlpi_plural(size), offset);
    }
    if (bytes && (lseek(fd, (off_t)offset, SEEK_SET) < 0 ||
                  !read_all(fd, bytes, size))) {
        return report_errno(hooks, path, "read it");
    }
    return MLP_OK;
}

/* O_NOFOLLOW makes open fail for a symbolic link; file.h says why. */
mlp_status mlpi_file_read_part(const mlp_hooks *hooks, const char *path,
                               size_t offset, size_t size, unsigned char *bytes)
{
    int fd = -1;
    do {
        fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return report_errno(hooks, path, "open it");
    }
    mlp_status status = read_part_open(hooks, path, fd, offset, size, bytes);
    (void)close_file(fd);
    return status;
}

/* ---------------------------------------------------------------------------
 * Replacing
 */

/* Creates a file under a name that no file has, and writes the name to `name`,
 * which has SUFFIX bytes more than the path. Returns -1 with errno. */
static int open_temporary(const char *path, mode_t mode, char *name)
{
    size_t n = strlen(path);
    memcpy(name, path, n + 1);
    memcpy(name + n, ".tmp.", sizeof ".tmp.");
    char *end = mlpi_put_decimal((uint64_t)getpid(), name + n + 5);
    int fd = -1;
    for (unsigned try = 0; try < TRIES; try++) {
        *end = '.';
        *mlpi_put_decimal(try, end + 1) = '\0';
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
 * the folder. The path is cut at its last slash. A failure is not reported: the
 * file has been replaced already, and the caller could not undo it. */
static void flush_folder(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash) {
        slash[slash == path ? 1 : 0] = '\0';
    }
    int fd = open(slash ? path : ".", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)flush_to_disk(fd);
        (void)close_file(fd);
    }
}

/* Writes the bytes, with the permissions of the old file if there is one,
 * flushes them and closes the file. On failure errno says why. */
static bool write_and_close(int fd, const struct stat *old, const void *bytes,
                            size_t n)
{
    bool good = (!old || fchmod(fd, old->st_mode & 0777) == 0) &&
                write_all(fd, bytes, n) && flush_to_disk(fd);
    int error = errno; /* close must not hide the first failure */
    if (!close_file(fd) && good) {
        return false;
    }
    errno = error;
    return good;
}

/* Stages 1 to 3: writes a file under a temporary name, which it leaves in
 * `name`. */
static mlp_status stage(const mlp_hooks *hooks, const mlpi_new_file *file,
                        char *name)
{
    struct stat old;
    bool is_old = stat(file->path, &old) == 0;
    if (!is_old && errno != ENOENT) {
        return report_errno(hooks, file->path, "get its status");
    }
    /* Replacing a device or a pipe by a file would break the system. */
    if (is_old && !S_ISREG(old.st_mode)) {
        return mlpi_error(hooks, MLP_ERR_IO,
                          "%s: expects an ordinary file, or none", file->path);
    }
    /* With an old file, the new one is private until it has its permissions:
     * its content may be secret. */
    int fd = open_temporary(file->path, is_old ? 0600 : 0666, name);
    if (fd < 0) {
        return report_errno(hooks, name, "make it");
    }
    if (!write_and_close(fd, is_old ? &old : NULL, file->bytes, file->size)) {
        mlp_status status = report_errno(hooks, name, "write it");
        (void)unlink(name);
        return status;
    }
    return MLP_OK;
}

/* Stage 4: gives the temporary file its final name. On success a `name` with a
 * slash has been cut to its folder; on failure it is unchanged. */
static mlp_status replace(const mlp_hooks *hooks, const mlpi_new_file *file,
                          char *name)
{
    if (rename(name, file->path) != 0) {
        return report_errno(hooks, file->path, "replace it");
    }
    flush_folder(name);
    return MLP_OK;
}

/* Stages all files, then renames all. After a failure the temporary files that
 * have not been renamed are removed. */
static mlp_status write_files(const mlp_hooks *hooks,
                              const mlpi_new_file *files, size_t n,
                              char *const *names)
{
    mlp_status status = MLP_OK;
    size_t staged = 0;
    size_t replaced = 0;
    while (status == MLP_OK && staged < n) {
        status = stage(hooks, &files[staged], names[staged]);
        staged += status == MLP_OK;
    }
    while (status == MLP_OK && replaced < n) {
        status = replace(hooks, &files[replaced], names[replaced]);
        replaced += status == MLP_OK;
    }
    for (size_t i = replaced; i < staged; i++) {
        (void)unlink(names[i]);
    }
    return status;
}

/* The places of the temporary names, one for each file, in one block. */
typedef struct temporary_names {
    const mlpi_new_file *files;
    size_t n;
    char *name[MLPI_FILE_MAX_WRITES];
} temporary_names;

/* Computes where each name goes; its SUFFIX is appended later. */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    temporary_names *t = object;
    for (size_t i = 0; i < t->n; i++) {
        t->name[i] = mlpi_take(cursor, strlen(t->files[i].path) + SUFFIX, 1);
    }
}

mlp_status mlpi_file_write_all(const mlp_hooks *hooks,
                               const mlpi_new_file *files, size_t n)
{
    temporary_names t = {.files = files, .n = n};
    void *block = NULL;
    TRY(mlpi_allocate_layout(hooks, lay_out, &t, "a name", &block));
    mlp_status status = write_files(hooks, files, n, t.name);
    mlpi_release(hooks, block);
    return status;
}

mlp_status mlpi_file_write(const mlp_hooks *hooks, const char *path,
                           const void *bytes, size_t n)
{
    const mlpi_new_file file = {path, bytes, n};
    return mlpi_file_write_all(hooks, &file, 1);
}
