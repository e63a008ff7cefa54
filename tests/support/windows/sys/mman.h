/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for POSIX's header of this name: what the tests ask of pages of
 * memory, by calls of Windows. Only whole, private, anonymous mappings are
 * made, so the arguments that say so are ignored.
 */
#ifndef TESTS_STAND_IN_MMAN_H
#define TESTS_STAND_IN_MMAN_H

#include <stddef.h>

/* Declared here, because windows.h defines `far`, `small` and the like as
 * macros. */
void *VirtualAlloc(void *where, size_t bytes, unsigned long kind,
                   unsigned long protection);
int VirtualFree(void *start, size_t bytes, unsigned long kind);
int VirtualProtect(void *start, size_t bytes, unsigned long protection,
                   unsigned long *old);

enum { PROT_NONE, PROT_READ, PROT_WRITE };
enum { MAP_PRIVATE = 1, MAP_ANONYMOUS = 2, _SC_PAGESIZE = 1 };
#define MAP_FAILED NULL

/* Only the size of a page is asked for. */
static inline long sysconf(int what)
{
    (void)what;
    return 4096;
}

static inline void *mmap(void *where, size_t bytes, int protection, int flags,
                         int file, long offset)
{
    (void)where, (void)protection, (void)flags, (void)file, (void)offset;
    enum { RESERVE_AND_COMMIT = 0x3000, PAGE_READWRITE = 4 };
    return VirtualAlloc(NULL, bytes, RESERVE_AND_COMMIT, PAGE_READWRITE);
}

/* Forbids every access, which is all that is asked for. */
static inline int mprotect(void *start, size_t bytes, int protection)
{
    enum { PAGE_NOACCESS = 1 };
    unsigned long old = 0;
    return protection == PROT_NONE &&
                   VirtualProtect(start, bytes, PAGE_NOACCESS, &old)
               ? 0
               : -1;
}

static inline int munmap(void *start, size_t bytes)
{
    enum { RELEASE = 0x8000 };
    (void)bytes;
    return VirtualFree(start, 0, RELEASE) ? 0 : -1;
}

#endif
