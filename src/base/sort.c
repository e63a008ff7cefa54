/* SPDX-License-Identifier: MIT */
/*
 * Items stand as a binary tree, the children of i at 2 i + 1 and 2 i + 2, none
 * less than its children: so the first is the largest. It changes places with
 * the last, the tree shrinks by one, and its new top sinks to where it belongs.
 * Williams, "Algorithm 232: Heapsort" (1964).
 */
#include "base/sort.h"

typedef struct tree {
    unsigned char *items;
    size_t n, size;
    bool (*less)(const void *, const void *);
} tree;

static unsigned char *item(const tree *t, size_t i)
{
    return t->items + i * t->size;
}

static bool is_less(const tree *t, size_t i, size_t j)
{
    return t->less(item(t, i), item(t, j));
}

static void exchange(const tree *t, size_t i, size_t j)
{
    unsigned char *a = item(t, i);
    unsigned char *b = item(t, j);
    for (size_t k = 0; k < t->size; k++) {
        unsigned char byte = a[k];
        a[k] = b[k];
        b[k] = byte;
    }
}

static void sink(const tree *t, size_t i)
{
    while (i < t->n / 2) { /* there is a child */
        size_t child = 2 * i + 1;
        if (child + 1 < t->n && is_less(t, child, child + 1)) {
            child++;
        }
        if (!is_less(t, i, child)) {
            return;
        }
        exchange(t, i, child);
        i = child;
    }
}

void mlpi_sort(void *items, size_t n, size_t size,
               bool (*less)(const void *, const void *))
{
    tree t = {items, n, size, less};
    for (size_t i = n / 2; i-- > 0;) {
        sink(&t, i);
    }
    while (t.n > 1) {
        t.n--;
        exchange(&t, 0, t.n);
        sink(&t, 0);
    }
}
