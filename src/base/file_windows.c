/* SPDX-License-Identifier: MIT */
/*
 * What file.h declares, for Windows, where CMake takes this file instead of
 * file.c. The four stages of replacing a file are the same:
 *
 *     1. create <path>.tmp.<process>.<try>, a name that no file has
 *     2. write  the bytes
 *     3. flush  the file: the bytes are on the disk before the name changes
 *     4. move   it to <path>, and return when the folder is on the disk
 *
 * Calls of Windows are used, because C's library there neither flushes to the
 * disk nor replaces a file, and translates line ends unless it is told not to.
 * A path is in the code page of the program, as fopen expects it; a program
 * whose manifest chooses UTF-8 passes UTF-8. A new file has the permissions
 * that its folder gives; a read-only file is not replaced.
 */
#include "base/file.h"

#include <stdio.h>
#include <string.h>
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/number_text.h"

/* How many names are tried for a temporary file; and the bytes that a name adds
 * to the path: ".tmp.", a process, a dot, a number below TRIES, the zero. */
enum { TRIES = 100, SUFFIX = 32 };

/* Bytes that one call reads or writes at most: it counts in 32 bits. */
static const size_t portion = (size_t)1 << 30;

/* Reports an error of the system: "<path>: cannot <what>: <reason> (error
 * <number>)". The reason that Windows gives ends with a dot and a line end,
 * which are cut. */
static mlp_status report(const mlp_hooks *hooks, const char *path,
                         const char *what, DWORD error)
{
    char text[128] = "";
    DWORD n = FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM |
                                 FORMAT_MESSAGE_IGNORE_INSERTS,
                             NULL, error, 0, text, sizeof text, NULL);
    while (n > 0 && (text[n - 1] <= ' ' || text[n - 1] == '.')) {
        n--;
    }
    text[n] = '\0';
    return mlpi_error(hooks, MLP_ERR_IO, "%s: cannot %s: %s (error %lu)", path,
                      what, text, (unsigned long)error);
}

/* ---------------------------------------------------------------------------
 * Reading
 */

/* Reads n bytes. Returns 0 or the system's error, which is ERROR_HANDLE_EOF if
 * the file ended. */
static DWORD read_all(HANDLE file, unsigned char *bytes, size_t n)
{
    while (n > 0) {
        DWORD got = 0;
        if (!ReadFile(file, bytes, (DWORD)mlpi_min_size(n, portion), &got,
                      NULL)) {
            return GetLastError();
        }
        if (got == 0) {
            return ERROR_HANDLE_EOF;
        }
        bytes += got;
        n -= got;
    }
    return 0;
}

/* Opens an ordinary file and returns its size. Others may replace or remove the
 * file meanwhile, as on other systems. */
static mlp_status open_to_read(const mlp_hooks *hooks, const char *path,
                               HANDLE *file, uint64_t *size)
{
    BY_HANDLE_FILE_INFORMATION info;
    HANDLE opened =
        CreateFileA(path, GENERIC_READ,
                    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                    NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    if (opened == INVALID_HANDLE_VALUE) {
        return report(hooks, path, "open it", GetLastError());
    }
    if (GetFileType(opened) != FILE_TYPE_DISK ||
        !GetFileInformationByHandle(opened, &info)) {
        (void)CloseHandle(opened);
        return mlpi_error(hooks, MLP_ERR_IO, "%s: expects an ordinary file",
                          path);
    }
    *size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
    *file = opened;
    return MLP_OK;
}

/* Reads an open file of `length` bytes; mlpi_file_read has the contract. The
 * head is read first, so that a file of another kind is refused before memory
 * is allocated. */
static mlp_status read_open(const mlp_hooks *hooks, const char *path,
                            HANDLE opened, uint64_t length,
                            mlpi_check_head *begins, mlpi_file_content *file)
{
    unsigned char head[MLPI_FILE_HEAD];
    if (length < MLPI_FILE_HEAD || length > SIZE_MAX) {
        return mlpi_error(hooks, MLP_ERR_FORMAT,
                          "%s: size out of range: expects %d to %zu bytes, "
                          "got %llu",
                          path, MLPI_FILE_HEAD, SIZE_MAX,
                          (unsigned long long)length);
    }
    size_t size = (size_t)length;
    DWORD error = read_all(opened, head, sizeof head);
    if (error) {
        return report(hooks, path, "read it", error);
    }
    if (!begins(head, size)) {
        return mlpi_error(hooks, MLP_ERR_FORMAT,
                          "%s: expects another kind of file", path);
    }
    void *block = NULL;
    TRY(mlpi_allocate_array(hooks, size, 1, "a file", &block));
    memcpy(block, head, sizeof head);
    error = read_all(opened, (unsigned char *)block + sizeof head,
                     size - sizeof head);
    if (error) {
        mlpi_release(hooks, block);
        return report(hooks, path, "read all of it", error);
    }
    *file = (mlpi_file_content){block, size};
    return MLP_OK;
}

mlp_status mlpi_file_read(const mlp_hooks *hooks, const char *path,
                          mlpi_check_head *begins, mlpi_file_content *file)
{
    HANDLE opened = NULL;
    uint64_t length = 0;
    TRY(open_to_read(hooks, path, &opened, &length));
    mlp_status status = read_open(hooks, path, opened, length, begins, file);
    (void)CloseHandle(opened);
    return status;
}

/* Moves to an offset and reads from there. Returns 0 or the system's error. */
static DWORD read_from(HANDLE opened, size_t offset, size_t size,
                       unsigned char *bytes)
{
    LARGE_INTEGER to = {.QuadPart = (LONGLONG)offset};
    return SetFilePointerEx(opened, to, NULL, FILE_BEGIN)
               ? read_all(opened, bytes, size)
               : GetLastError();
}

/* A symbolic link is refused; file.h says why. */
mlp_status mlpi_file_read_part(const mlp_hooks *hooks, const char *path,
                               size_t offset, size_t size, unsigned char *bytes)
{
    DWORD attributes = GetFileAttributesA(path);
    if (attributes != INVALID_FILE_ATTRIBUTES &&
        (attributes & FILE_ATTRIBUTE_REPARSE_POINT)) {
        return mlpi_error(hooks, MLP_ERR_IO,
                          "%s: expects a file, got a link to one", path);
    }
    HANDLE opened = NULL;
    uint64_t length = 0;
    size_t end = 0;
    TRY(open_to_read(hooks, path, &opened, &length));
    mlp_status status = MLP_OK;
    DWORD error = 0;
    if (!mlpi_size_add(offset, size, &end) || length < end) {
        status = mlpi_error(hooks, MLP_ERR_FORMAT,
                            "%s: expects an ordinary file with %zu bytes at "
                            "%zu",
                            path, size, offset);
    } else if (bytes && (error = read_from(opened, offset, size, bytes)) != 0) {
        status = report(hooks, path, "read it", error);
    }
    (void)CloseHandle(opened);
    return status;
}

/* ---------------------------------------------------------------------------
 * Replacing
 */

/* Creates a file under a name that no file has, and writes the name to `name`,
 * which has SUFFIX bytes more than the path. */
static HANDLE create_temporary(const char *path, char *name)
{
    size_t n = strlen(path);
    memcpy(name, path, n + 1);
    memcpy(name + n, ".tmp.", sizeof ".tmp.");
    char *end = mlpi_put_decimal(GetCurrentProcessId(), name + n + 5);
    HANDLE file = INVALID_HANDLE_VALUE;
    for (unsigned try = 0; try < TRIES; try++) {
        *end = '.';
        *mlpi_put_decimal(try, end + 1) = '\0';
        file = CreateFileA(name, GENERIC_WRITE, 0, NULL, CREATE_NEW,
                           FILE_ATTRIBUTE_NORMAL, NULL);
        if (file != INVALID_HANDLE_VALUE ||
            GetLastError() != ERROR_FILE_EXISTS) {
            break;
        }
    }
    return file;
}

/* Writes n bytes and flushes them. Returns 0 or the system's error. */
static DWORD write_all(HANDLE file, const unsigned char *bytes, size_t n)
{
    while (n > 0) {
        DWORD put = 0;
        if (!WriteFile(file, bytes, (DWORD)mlpi_min_size(n, portion), &put,
                       NULL)) {
            return GetLastError();
        }
        bytes += put;
        n -= put;
    }
    return FlushFileBuffers(file) ? 0 : GetLastError();
}

/* Stages 1 to 3: writes a file under a temporary name, which it leaves in
 * `name`. */
static mlp_status stage(const mlp_hooks *hooks, const mlpi_new_file *file,
                        char *name)
{
    DWORD attributes = GetFileAttributesA(file->path);
    if (attributes != INVALID_FILE_ATTRIBUTES &&
        (attributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_DEVICE))) {
        return mlpi_error(hooks, MLP_ERR_IO,
                          "%s: expects an ordinary file, or none", file->path);
    }
    HANDLE opened = create_temporary(file->path, name);
    if (opened == INVALID_HANDLE_VALUE) {
        return report(hooks, name, "make it", GetLastError());
    }
    DWORD error = write_all(opened, file->bytes, file->size);
    if (!CloseHandle(opened) && !error) {
        error = GetLastError();
    }
    if (error) {
        (void)DeleteFileA(name);
        return report(hooks, name, "write it", error);
    }
    return MLP_OK;
}

/* Stage 4: gives the temporary file its final name. */
static mlp_status replace(const mlp_hooks *hooks, const mlpi_new_file *file,
                          const char *name)
{
    if (!MoveFileExA(name, file->path,
                     MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
        return report(hooks, file->path, "replace it", GetLastError());
    }
    return MLP_OK;
}

/* Stages all files, then moves all. After a failure the temporary files that
 * have not been moved are removed. */
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
        (void)DeleteFileA(names[i]);
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
