/* SPDX-License-Identifier: MIT */
/*
 * What file_replace.h declares, for Windows, where CMake takes this file
 * instead of file_replace.c. The four stages of replacing a file are the same:
 *
 *     1. create <path>.tmp.<number>, a name that no file has
 *     2. write  the bytes
 *     3. flush  the file: the bytes are on the disk before the name changes
 *     4. move   it to <path>, and return when the folder is on the disk
 *
 * Of two files that belong together, the old first one is moved to
 * <path>.old.<number> meanwhile, so that it can come back if the second cannot
 * be replaced.
 *
 * Calls of Windows are used, because C's library there neither flushes to the
 * disk nor replaces a file. A new file has the permissions that its folder
 * gives; a read-only file is not replaced.
 */
#include "base/file_replace.h"

#include <stdio.h>
#include <string.h>
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/number_text.h"

/* How many names are tried for a file beside the path; and the bytes that such
 * a name adds to it: ".tmp.", eight digits, the zero. */
enum { TRIES = 100, SUFFIX = 14 };

/* Bytes that one call writes at most: it counts in 32 bits. */
static const size_t portion = (size_t)1 << 30;

/* Reports an error of the system: "<path>: cannot <what>: <reason> (error
 * <number>)". The reason that Windows gives ends with a dot and a line end,
 * which are cut. */
static mlp_status report(const mlp_hooks *hooks, const char *path,
                         const char *what, DWORD error)
{
    char shown[MLPI_SHOWN_PATH];
    char text[100] = "";
    DWORD n = FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM |
                                 FORMAT_MESSAGE_IGNORE_INSERTS,
                             NULL, error, 0, text, sizeof text, NULL);
    while (n > 0 && (text[n - 1] <= ' ' || text[n - 1] == '.')) {
        n--;
    }
    text[n] = '\0';
    return mlpi_error(hooks, MLP_ERR_IO, "%s: cannot %s: %s (error %lu)",
                      mlpi_shown_path(path, shown), what, text,
                      (unsigned long)error);
}

/* Writes a name beside the path, <path><middle><eight digits>, to `name`, which
 * has SUFFIX bytes more than the path. The digits are those of a clock that
 * counts in 100 nanoseconds, spread by a multiplication. */
static void name_beside(const char *path, const char *middle, unsigned try,
                        char *name)
{
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    uint64_t x = ((uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime) ^
                 (uint64_t)GetCurrentThreadId() << 32;
    x = (x + try) * 0x9e3779b97f4a7c15;
    size_t n = strlen(path);
    size_t length = strlen(middle);
    memcpy(name, path, n);
    memcpy(name + n, middle, length);
    mlpi_put_hex32((uint32_t)(x >> 32), name + n + length);
    name[n + length + 8] = '\0';
}

/* Creates a file under a name that no file has. */
static HANDLE create_temporary(const char *path, char *name)
{
    HANDLE file = INVALID_HANDLE_VALUE;
    for (unsigned try = 0; try < TRIES; try++) {
        name_beside(path, ".tmp.", try, name);
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
        return mlpi_report_kind(hooks, file->path, "an ordinary file, or none");
    }
    HANDLE opened = create_temporary(file->path, name);
    if (opened == INVALID_HANDLE_VALUE) {
        return report(hooks, file->path, "make a file beside it",
                      GetLastError());
    }
    DWORD error = write_all(opened, file->bytes, file->size);
    if (!CloseHandle(opened) && !error) {
        error = GetLastError();
    }
    if (error) {
        (void)DeleteFileA(name);
        return report(hooks, file->path, "write a file beside it", error);
    }
    return MLP_OK;
}

/* The names beside the path of one file. */
typedef struct names_beside {
    char *temporary; /* of the new file until stage 4 */
    char *kept;      /* of the old file meanwhile; "": there is none */
} names_beside;

static bool move(const char *from, const char *to)
{
    return MoveFileExA(from, to,
                       MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) != 0;
}

/* Stage 4, for one file. Keeps the old file if others follow. On failure the
 * old file has its name. */
static mlp_status replace(const mlp_hooks *hooks, const mlpi_new_file *file,
                          const names_beside *names, bool keeps)
{
    names->kept[0] = '\0';
    if (keeps && GetFileAttributesA(file->path) != INVALID_FILE_ATTRIBUTES) {
        name_beside(file->path, ".old.", 0, names->kept);
        if (!move(file->path, names->kept)) {
            return report(hooks, file->path, "keep it under another name",
                          GetLastError());
        }
    }
    if (!move(names->temporary, file->path)) {
        DWORD error = GetLastError();
        if (names->kept[0] != '\0') {
            (void)move(names->kept, file->path);
        }
        return report(hooks, file->path, "replace it", error);
    }
    return MLP_OK;
}

/* Undoes stage 4, or removes what it has kept. */
static void finish(const mlpi_new_file *file, const names_beside *names,
                   bool undo)
{
    if (undo && names->kept[0] != '\0') {
        (void)move(names->kept, file->path);
    } else if (undo) {
        (void)DeleteFileA(file->path);
    } else if (names->kept[0] != '\0') {
        (void)DeleteFileA(names->kept);
    }
}

/* Stages all files, then replaces all or none. After a failure the temporary
 * files are removed, as far as they still have those names. */
static mlp_status write_files(const mlp_hooks *hooks,
                              const mlpi_new_file *files, size_t n,
                              const names_beside *names)
{
    mlp_status status = MLP_OK;
    size_t staged = 0;
    size_t replaced = 0;
    while (status == MLP_OK && staged < n) {
        status = stage(hooks, &files[staged], names[staged].temporary);
        staged += status == MLP_OK;
    }
    while (status == MLP_OK && replaced < n) {
        status = replace(hooks, &files[replaced], &names[replaced],
                         replaced + 1 < n);
        replaced += status == MLP_OK;
    }
    for (size_t i = 0; i < replaced; i++) {
        finish(&files[i], &names[i], status != MLP_OK);
    }
    for (size_t i = replaced; i < staged; i++) {
        (void)DeleteFileA(names[i].temporary);
    }
    return status;
}

/* The places of the names, in one block. */
typedef struct name_space {
    const mlpi_new_file *files;
    size_t n;
    names_beside names[MLPI_FILE_MAX_WRITES];
} name_space;

/* Computes where each name goes; it is written there later. */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    name_space *s = object;
    for (size_t i = 0; i < s->n; i++) {
        size_t bytes = strlen(s->files[i].path) + SUFFIX;
        s->names[i].temporary = mlpi_take(cursor, bytes, 1);
        s->names[i].kept = mlpi_take(cursor, bytes, 1);
    }
}

mlp_status mlpi_file_write_all(const mlp_hooks *hooks,
                               const mlpi_new_file *files, size_t n)
{
    name_space s = {.files = files, .n = n};
    void *block = NULL;
    TRY(mlpi_allocate_layout(hooks, lay_out, &s, "a name", &block));
    mlp_status status = write_files(hooks, files, n, s.names);
    mlpi_release(hooks, block);
    return status;
}

mlp_status mlpi_file_write(const mlp_hooks *hooks, const char *path,
                           const void *bytes, size_t n)
{
    const mlpi_new_file file = {path, bytes, n};
    return mlpi_file_write_all(hooks, &file, 1);
}
