/* SPDX-License-Identifier: MIT */
/*
 * The calls of POSIX that file.c makes, on Windows, whose C library has them
 * under other names, or with other types. CMake includes this header before
 * file.c there, so that file.c itself need not know.
 *
 * Files are opened as binary, since the C library would translate line ends. A
 * path is in the code page of the program, as fopen expects it; a program whose
 * manifest chooses UTF-8 passes UTF-8.
 */
#ifndef MLPI_BASE_FILE_WINDOWS_H
#define MLPI_BASE_FILE_WINDOWS_H

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <string.h>
#include <sys/stat.h>

/* Nothing waits in open, and a program that is started does not inherit what
 * this one has opened. */
enum { O_NONBLOCK = 0, O_CLOEXEC = _O_NOINHERIT };

static inline int windows_open(const char *path, int flags)
{
    return _open(path, flags | _O_BINARY);
}

/* One call moves at most 2 GB, which is more than file.c asks for. */
static inline int windows_read(int fd, void *bytes, size_t n)
{
    return _read(fd, bytes, (unsigned)n);
}

/* Like POSIX's, this strerror_r returns 0 on success. */
static inline int windows_strerror_r(int error, char *text, size_t size)
{
    return strerror_s(text, size, error);
}

#define open windows_open
#define read windows_read
#define close _close
#define strerror_r windows_strerror_r
#define stat _stati64
#define fstat _fstati64
#define lseek _lseeki64
#define off_t long long
#undef S_ISREG
#define S_ISREG(mode) (((mode)&_S_IFMT) == _S_IFREG)
#define O_RDONLY _O_RDONLY

#endif
