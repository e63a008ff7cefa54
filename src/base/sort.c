/* SPDX-License-Identifier: MIT */
/*
 * Heap sort (Williams, "Algorithm 232: Heapsort", 1964). The items are a binary
 * tree in an array, the children of item i at 2 i + 1 and 2 i + 2. In a heap no
 * item is less than its children, so the first is the largest. Sorting makes a
 * heap; then it exchanges the first item with the last, leaves that out of the
 * heap, and lets the new first item sink to its place, until one item is left.
 */
#include "base/sort.h"

typedef struct tree {
    unsigned char *items;
    size_t n, size; /* items in the heap; bytes of each */
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

/* Exchanges item i with its larger child until no child is larger. The trees
 * below the children must be heaps already. */
static void sink(const tree *t, size_t i)
{
    while (i < t->n / 2) { /* item i has a child */
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
