/* SPDX-License-Identifier: MIT */
/*
 * The replacement of malloc and its relatives. The macro TRUST_MALLOC says that
 * the C library has the names __libc_malloc and so on for its own functions.
 */
#include "trust/failing_memory.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/* What a thread counts from mlp_fault_memory_watch on. */
static _Thread_local struct watch {
    bool is_on;
    size_t fail_at;
    memory_report report;
} watch;

static _Thread_local size_t allocations;
static atomic_long live;

#ifdef TRUST_MALLOC

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming) */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *block);
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */
#define REAL(function) __libc_##function

#else

#define REAL(function) function

#endif

/* Counts an allocation; returns true if it must fail. */
static bool is_to_fail(bool is_hooks)
{
    allocations++;
    if (!watch.is_on || ++watch.report.allocations != watch.fail_at) {
        return false;
    }
    watch.report.has_failed = true;
    watch.report.was_hooks = is_hooks;
    errno = ENOMEM;
    return true;
}

static void *counted(void *block)
{
    live += block != NULL;
    return block;
}

void *mlp_fault_allocate(size_t bytes, void *user)
{
    (void)user;
    return is_to_fail(true) ? NULL : counted(REAL(malloc)(bytes));
}

void mlp_fault_release(void *block, void *user)
{
    (void)user;
    live -= block != NULL;
    REAL(free)(block);
}

void mlp_fault_memory_watch(size_t n)
{
    watch = (struct watch){.is_on = true, .fail_at = n};
}

memory_report mlp_fault_memory_unwatch(void)
{
    watch.is_on = false;
    return watch.report;
}

long mlp_fault_memory_live(void)
{
    return live;
}

size_t mlp_fault_memory_allocations(void)
{
    return allocations;
}

#ifdef TRUST_MALLOC

bool mlp_fault_memory_is_replaced(void)
{
    return true;
}

/* The C library asks a program that replaces malloc to replace all of these.
 * NOLINTBEGIN(readability-*)
 */

void *malloc(size_t bytes)
{
    return is_to_fail(false) ? NULL : counted(REAL(malloc)(bytes));
}

void *calloc(size_t n, size_t size)
{
    return is_to_fail(false) ? NULL : counted(REAL(calloc)(n, size));
}

/* A block that is moved stays one block. */
void *realloc(void *block, size_t bytes)
{
    if (is_to_fail(false)) {
        return NULL;
    }
    void *moved = REAL(realloc)(block, bytes);
    live += (moved && !block) - (block && !moved && bytes == 0);
    return moved;
}

void *memalign(size_t alignment, size_t bytes);
void *memalign(size_t alignment, size_t bytes)
{
    return is_to_fail(false) ? NULL : counted(REAL(memalign)(alignment, bytes));
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

int posix_memalign(void **block, size_t alignment, size_t bytes);
int posix_memalign(void **block, size_t alignment, size_t bytes)
{
    void *made = memalign(alignment, bytes);
    if (made) {
        *block = made;
    }
    return made ? 0 : ENOMEM;
}

void free(void *block)
{
    live -= block != NULL;
    REAL(free)(block);
}

/* NOLINTEND(readability-*)
 */

#else

bool mlp_fault_memory_is_replaced(void)
{
    return false;
}

#endif
