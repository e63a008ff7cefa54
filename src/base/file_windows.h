/* SPDX-License-Identifier: MIT */
/*
 * The calls of POSIX that file.c makes, on Windows, whose C library has them
 * under other names, with other types, or not at all. CMake includes this
 * header before file.c there, so that file.c itself need not know.
 *
 * Files are opened as binary, since the C library would translate line ends. A
 * path is in the code page of the program, as fopen expects it; a program whose
 * manifest chooses UTF-8 passes UTF-8. A folder cannot be opened, so file.c does
 * not flush it; MoveFileExA does. A new file has the permissions that its folder
 * gives, and a read-only file is not replaced.
 */
#ifndef MLPI_BASE_FILE_WINDOWS_H
#define MLPI_BASE_FILE_WINDOWS_H

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <string.h>
#include <sys/stat.h>

/* Declared here, because windows.h defines many short names as macros. */
__declspec(dllimport) int __stdcall MoveFileExA(const char *from,
                                                const char *to,
                                                unsigned long flags);

/* Nothing waits in open, links are followed, and a program that is started does
 * not inherit what this one has opened. */
enum { O_NONBLOCK = 0, O_NOFOLLOW = 0, O_CLOEXEC = _O_NOINHERIT };

static inline int windows_open(const char *path, int flags, ...)
{
    return _open(path, flags | _O_BINARY, _S_IREAD | _S_IWRITE);
}

/* One call moves at most 2 GB, which is more than file.c asks for. */
static inline int windows_read(int fd, void *bytes, size_t n)
{
    return _read(fd, bytes, (unsigned)n);
}

static inline int windows_write(int fd, const void *bytes, size_t n)
{
    return _write(fd, bytes, (unsigned)n);
}

/* Replaces an existing file, which rename refuses here. */
static inline int windows_rename(const char *from, const char *to)
{
    enum { REPLACE_EXISTING = 1, WRITE_THROUGH = 8 };
    if (MoveFileExA(from, to, REPLACE_EXISTING | WRITE_THROUGH)) {
        return 0;
    }
    errno = EACCES;
    return -1;
}

static inline int windows_fchmod(int fd, int mode)
{
    (void)fd;
    (void)mode;
    return 0;
}

/* Like POSIX's, this strerror_r returns 0 on success. */
static inline int windows_strerror_r(int error, char *text, size_t size)
{
    return strerror_s(text, size, error);
}

#define open windows_open
#define read windows_read
#define write windows_write
#define close _close
#define fsync _commit
#define rename windows_rename
#define unlink _unlink
#define fchmod windows_fchmod
#define getpid _getpid
#define strerror_r windows_strerror_r
#define stat _stati64
#define fstat _fstati64
#define lseek _lseeki64
#define off_t long long

#endif
