/* SPDX-License-Identifier: MIT */
/* Heap sort: in place, n log n steps at worst, whoever chose the order. */
#ifndef MLPI_BASE_SORT_H
#define MLPI_BASE_SORT_H

#include "mlp.h"

/* Puts n items of `size` bytes into ascending order. */
void mlpi_sort(void *items, size_t n, size_t size,
               bool (*less)(const void *, const void *));

#endif
