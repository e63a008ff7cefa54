/* SPDX-License-Identifier: MIT */
/*
 * An allocator that fails on demand. Where the C library lets a program replace
 * malloc, the program's is replaced, so that allocations of the C library, of
 * zlib and of protobuf-c fail as well. Elsewhere, and with sanitizers, which
 * have a malloc of their own, only the hooks' allocations fail.
 */
#ifndef TESTS_FAILING_MEMORY_H
#define TESTS_FAILING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* The library calls these two as its hooks. */
void *mlp_fault_allocate(size_t bytes, void *user);
void mlp_fault_release(void *block, void *user);

/* Starts to count the allocations of the calling thread; the n-th fails, from
 * 1. With 0, and with a number that is not reached, none fails. */
void mlp_fault_memory_watch(size_t n);

typedef struct memory_report {
    size_t allocations; /* since mlp_fault_memory_watch */
    bool has_failed;
    bool was_hooks; /* the failed allocation came through the hooks */
} memory_report;

/* Ends what mlp_fault_memory_watch has started. */
memory_report mlp_fault_memory_unwatch(void);

/* Returns the number of blocks of all threads that are not freed yet. */
long mlp_fault_memory_live(void);

/* Returns how many allocations the calling thread has made in all. */
size_t mlp_fault_memory_allocations(void);

/* True if malloc itself is replaced. */
bool mlp_fault_memory_is_replaced(void);

#endif
