/* SPDX-License-Identifier: MIT */
/*
 * Sorting in place, without recursion or memory, in O(n log n) comparisons for
 * every order of the items. The C library's qsort guarantees none of this, and
 * the items come from files: a hostile file must not be able to choose an order
 * that takes O(n^2) or overflows the stack.
 */
#ifndef MLPI_BASE_SORT_H
#define MLPI_BASE_SORT_H

#include "mlp.h"

/* Puts n items of `size` bytes into ascending order of `less`, which returns
 * true if its first argument comes before its second. Items that are equal may
 * end in any order, the same one every time. */
void mlpi_sort(void *items, size_t n, size_t size,
               bool (*less)(const void *, const void *));

#endif
