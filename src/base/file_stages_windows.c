/* SPDX-License-Identifier: MIT */
/*
 * What file_stages.h declares, for Windows, where CMake takes this file instead
 * of file_stages.c. An old file that is kept is moved to its other name.
 *
 * Calls of Windows are used, because C's library there neither flushes to the
 * disk nor replaces a file. A new file has the permissions that its folder
 * gives; a read-only file is not replaced.
 */
#include "base/file_stages.h"

#include <stdio.h>
#include <string.h>
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include "base/arithmetic.h"
#include "base/error.h"
#include "base/file.h"
#include "base/number_text.h"

/* How many names are tried for a temporary file. */
enum { TRIES = 100 };

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

/* Writes a name beside the path, <path><middle><eight digits>, to `name`. The
 * digits are those of a clock that
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

mlp_status mlpi_stage_write(const mlp_hooks *hooks, const mlpi_new_file *file,
                            char *temporary)
{
    DWORD attributes = GetFileAttributesA(file->path);
    if (attributes != INVALID_FILE_ATTRIBUTES &&
        (attributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_DEVICE))) {
        return mlpi_report_kind(
            hooks, file->path,
            "a regular file, or none, got a folder or a device");
    }
    HANDLE opened = create_temporary(file->path, temporary);
    if (opened == INVALID_HANDLE_VALUE) {
        return report(hooks, file->path, "create a file in its folder",
                      GetLastError());
    }
    DWORD error = write_all(opened, file->bytes, file->size);
    if (!CloseHandle(opened) && !error) {
        error = GetLastError();
    }
    if (error) {
        (void)DeleteFileA(temporary);
        return report(hooks, file->path, "write a file in its folder", error);
    }
    return MLP_OK;
}

static bool move(const char *from, const char *to)
{
    return MoveFileExA(from, to,
                       MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) != 0;
}

mlp_status mlpi_stage_keep(const mlp_hooks *hooks, const char *path, char *kept)
{
    kept[0] = '\0';
    if (GetFileAttributesA(path) == INVALID_FILE_ATTRIBUTES) {
        return MLP_OK;
    }
    name_beside(path, ".old.", 0, kept);
    if (!move(path, kept)) {
        kept[0] = '\0';
        return report(hooks, path, "keep it under another name",
                      GetLastError());
    }
    return MLP_OK;
}

mlp_status mlpi_stage_rename(const mlp_hooks *hooks, const char *path,
                             char *temporary)
{
    return move(temporary, path)
               ? MLP_OK
               : report(hooks, path, "replace it", GetLastError());
}

void mlpi_stage_restore(const char *path, const char *kept, bool is_renamed)
{
    if (kept[0] != '\0') {
        (void)move(kept, path);
    } else if (is_renamed) {
        (void)DeleteFileA(path);
    }
}

void mlpi_stage_remove(const char *name)
{
    (void)DeleteFileA(name);
}
