/* SPDX-License-Identifier: MIT */
/*
 * Reading files with POSIX calls, which tell a regular file from a pipe or a
 * device before they read from it.
 *
 * Signals may interrupt open and read; these are called again.
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

#include "base/error.h"
#include "base/host.h"
#include "base/memory.h"

/* Files below this size are read at once, headers and all: 16 MB. */
static const size_t large = (size_t)1 << 24;

/* Bytes that one call reads or writes at most: some systems refuse more than
 * 2 GB. */
static const size_t portion = (size_t)1 << 30;

/* read_all sets errno to 0 if the file ended too early. */
mlp_status mlpi_report_errno(const mlp_hooks *hooks, const char *path,
                             const char *what)
{
    int error = errno;
    char shown[MLPI_SHOWN_PATH];
    char text[100] = "";
    const char *name = mlpi_shown_path(path, shown);
    if (error == 0) {
        return mlpi_error(hooks, MLP_ERR_IO,
                          "%s: cannot %s: it has become shorter", name, what);
    }
    if (strerror_r(error, text, sizeof text) != 0) {
        text[0] = '\0';
    }
    return mlpi_error(hooks, MLP_ERR_IO, "%s: cannot %s: %s (error %d)", name,
                      what, text, error);
}

mlp_status mlpi_report_kind(const mlp_hooks *hooks, const char *path,
                            const char *expected)
{
    char shown[MLPI_SHOWN_PATH];
    return mlpi_error(hooks, MLP_ERR_IO, "%s: expects %s",
                      mlpi_shown_path(path, shown), expected);
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

/* Opens a file. With O_NONBLOCK open returns at once even for a pipe without a
 * writer, which is refused later. */
static mlp_status open_to_read(const mlp_hooks *hooks, const char *path,
                               int *fd)
{
    do {
        *fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    } while (*fd < 0 && errno == EINTR);
    return *fd < 0 ? mlpi_report_errno(hooks, path, "open it") : MLP_OK;
}

/* Closes a descriptor. It is gone whatever close returns, so close is not
 * called again after a signal; and the bytes of an interrupted close are on the
 * disk already. */
bool mlpi_close(int fd)
{
    return close(fd) == 0 || errno == EINTR;
}

/* ---------------------------------------------------------------------------
 * Reading
 */

/* Reads n bytes, of which the first are `head` and have been read, into a new
 * block. */
static mlp_status read_block(const mlp_hooks *hooks, const char *path, int fd,
                             const unsigned char *head, size_t n,
                             unsigned char **bytes)
{
    void *block = NULL;
    TRY(mlpi_allocate_array(hooks, n, 1, "a file", &block));
    *bytes = block;
    memcpy(*bytes, head, MLPI_FILE_HEAD);
    if (!read_all(fd, *bytes + MLPI_FILE_HEAD, n - MLPI_FILE_HEAD)) {
        mlp_status status = mlpi_report_errno(hooks, path, "read all of it");
        mlpi_release(hooks, block);
        return status;
    }
    return MLP_OK;
}

/* Reads the header of a large file, whose head has been read, and lets the
 * format check it. Then the head counts as read again, and nothing more. */
static mlp_status check_head(const mlp_hooks *hooks, const char *path, int fd,
                             const mlpi_file_rules *rules,
                             const unsigned char *head, size_t size)
{
    unsigned char *header = NULL;
    size_t n = rules->header_size(head);
    TRY(read_block(hooks, path, fd, head, n, &header));
    mlp_status status = rules->check_header(hooks, header, n, size);
    mlpi_release(hooks, header);
    if (status == MLP_OK && lseek(fd, MLPI_FILE_HEAD, SEEK_SET) < 0) {
        return mlpi_report_errno(hooks, path, "read it");
    }
    return status;
}

/* Finds the size of an open file, and checks that it is an ordinary one. */
static mlp_status find_size(const mlp_hooks *hooks, const char *path, int fd,
                            const mlpi_file_kind *kind, size_t *size)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return mlpi_report_errno(hooks, path, "get its status");
    }
    if (!S_ISREG(info.st_mode)) {
        return mlpi_report_kind(hooks, path,
                                "a regular file, got a folder, a pipe or a "
                                "device");
    }
    /* The size is signed, and may exceed a size_t of 32 bits. */
    if (info.st_size < MLPI_FILE_HEAD || (uintmax_t)info.st_size > SIZE_MAX) {
        char shown[MLPI_SHOWN_PATH];
        return mlpi_error(hooks, MLP_ERR_FORMAT,
                          "%s: not %s: expects %d to %zu bytes, got %lld",
                          mlpi_shown_path(path, shown), kind->name,
                          MLPI_FILE_HEAD, SIZE_MAX, (long long)info.st_size);
    }
    *size = (size_t)info.st_size;
    return MLP_OK;
}

/* Reads an open file; mlpi_file_read_headed has the contract. The head is read
 * first, so that a file of another kind is refused before memory is
 * allocated. */
static mlp_status read_open(const mlp_hooks *hooks, const char *path, int fd,
                            const mlpi_file_kind *kind,
                            const mlpi_file_rules *rules,
                            mlpi_file_content *file)
{
    size_t size = 0;
    unsigned char head[MLPI_FILE_HEAD];
    TRY(find_size(hooks, path, fd, kind, &size));
    if (!read_all(fd, head, sizeof head)) {
        return mlpi_report_errno(hooks, path, "read it");
    }
    if (!kind->begins(head, size)) {
        return mlpi_refuse_content(hooks, path, kind, head, size);
    }
    if (rules && size > large) {
        TRY(check_head(hooks, path, fd, rules, head, size));
    }
    unsigned char *bytes = NULL;
    TRY(read_block(hooks, path, fd, head, size, &bytes));
    *file = (mlpi_file_content){bytes, size};
    return MLP_OK;
}

mlp_status mlpi_file_read_headed(const mlp_hooks *hooks, const char *path,
                                 const mlpi_file_kind *kind,
                                 const mlpi_file_rules *rules,
                                 mlpi_file_content *file)
{
    int fd = -1;
    int cancellation = mlpi_defer_cancellation();
    mlp_status status = open_to_read(hooks, path, &fd);
    if (status == MLP_OK) {
        status = read_open(hooks, path, fd, kind, rules, file);
        (void)mlpi_close(fd);
    }
    mlpi_restore_cancellation(cancellation);
    return status;
}

mlp_status mlpi_file_read(const mlp_hooks *hooks, const char *path,
                          const mlpi_file_kind *kind, mlpi_file_content *file)
{
    return mlpi_file_read_headed(hooks, path, kind, NULL, file);
}

/* Reads a part of an open file; mlpi_file_read_part has the contract. */
static mlp_status read_part_open(const mlp_hooks *hooks, const char *path,
                                 int fd, size_t offset, size_t size,
                                 unsigned char *bytes)
{
    struct stat info;
    size_t end = 0;
    if (fstat(fd, &info) != 0) {
        return mlpi_report_errno(hooks, path, "get its status");
    }
    if (!S_ISREG(info.st_mode) || !mlpi_size_add(offset, size, &end) ||
        info.st_size < 0 || (uintmax_t)info.st_size < end) {
        char shown[MLPI_SHOWN_PATH];
        return mlpi_error(hooks, MLP_ERR_FORMAT,
                          "%s: expects a regular file with %zu byte%s at %zu",
                          mlpi_shown_path(path, shown), size, mlpi_plural(size),
                          offset);
    }
    if (bytes && (lseek(fd, (off_t)offset, SEEK_SET) < 0 ||
                  !read_all(fd, bytes, size))) {
        return mlpi_report_errno(hooks, path, "read it");
    }
    return MLP_OK;
}

mlp_status mlpi_file_read_part(const mlp_hooks *hooks, const char *path,
                               size_t offset, size_t size, unsigned char *bytes)
{
    int fd = -1;
    int cancellation = mlpi_defer_cancellation();
    mlp_status status = open_to_read(hooks, path, &fd);
    if (status == MLP_OK) {
        status = read_part_open(hooks, path, fd, offset, size, bytes);
        (void)mlpi_close(fd);
    }
    mlpi_restore_cancellation(cancellation);
    return status;
}
