/* SPDX-License-Identifier: MIT */
/*
 * The common support of the unit tests: cmocka's includes in their order,
 * memory that faults when overrun, hooks that count, fail and record messages,
 * comparisons, and the reader of tests/vectors. It must be included before any
 * system header.
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#ifndef _DEFAULT_SOURCE
/* This declares mmap's MAP_ANONYMOUS.
 * NOLINTNEXTLINE(bugprone-reserved-identifier) */
#define _DEFAULT_SOURCE
#endif

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/data.h"
#include "support/tutorial.h"
#include "mlp.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* ---------------------------------------------------------------------------
 * Memory that ends at a page which must not be touched: an array that is read
 * or written past its end faults.
 */

typedef struct mapping {
    void *start;
    size_t bytes;
} mapping; /* stored directly before the block, perhaps not aligned */

static inline void *guarded_alloc(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    mapping map = {.bytes = (bytes / page + 3) * page};
    map.start = mmap(NULL, map.bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(map.start != MAP_FAILED);
    unsigned char *fence = (unsigned char *)map.start + map.bytes - page;
    memset(map.start, 0xee, map.bytes - page);
    assert_int_equal(mprotect(fence, page, PROT_NONE), 0);
    unsigned char *block = fence - bytes;
    memcpy(block - sizeof map, &map, sizeof map);
    return block;
}

/* NULL is allowed. */
static inline void guarded_free(void *block)
{
    if (block) {
        mapping map;
        memcpy(&map, (unsigned char *)block - sizeof map, sizeof map);
        assert_int_equal(munmap(map.start, map.bytes), 0);
    }
}

/* ---------------------------------------------------------------------------
 * Hooks
 */

/* Counts blocks, fails the fail_at-th allocation (from 1; 0: none), and keeps
 * the last message. */
/* Appends `more` to a text that lies in `size` bytes. */
static inline void append(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);
    assert_true(used + strlen(more) < size);
    (void)snprintf(text + used, size - used, "%s", more);
}

typedef struct hook_record {
    size_t allocations, live, fail_at;
    size_t messages;
    mlp_status status;
    char message[256];
    size_t hints; /* of all messages with MLP_OK, which are not in `messages` */
    char hint[256]; /* the first one */
} hook_record;

static inline void *record_allocate(size_t bytes, void *user)
{
    hook_record *record = user;
    record->allocations++;
    if (record->allocations == record->fail_at) {
        return NULL;
    }
    void *block = malloc(bytes);
    record->live += block != NULL;
    return block;
}

static inline void record_release(void *block, void *user)
{
    hook_record *record = user;
    assert_non_null(block);
    assert_true(record->live > 0);
    record->live--;
    free(block);
}

static inline void record_log(mlp_status status, const char *message,
                              void *user)
{
    hook_record *record = user;
    if (status == MLP_OK) {
        if (record->hints == 0) {
            (void)snprintf(record->hint, sizeof record->hint, "%s", message);
        }
        record->hints++;
        return;
    }
    record->messages++;
    record->status = status;
    (void)snprintf(record->message, sizeof record->message, "%s", message);
}

static inline mlp_hooks recording_hooks(hook_record *record)
{
    return (mlp_hooks){record_allocate, record_release, record_log, record};
}

/* Checks that the call failed with this status and one message, which contains
 * `part`: assert_told(&record, call, MLP_ERR_SHAPE, "expects 2 columns, got
 * 3"). */
#define assert_told(record, call, expected, part)                              \
    do {                                                                       \
        size_t told_before = (record)->messages;                               \
        assert_int_equal((call), (expected));                                  \
        assert_int_equal((record)->messages, told_before + 1);                 \
        assert_int_equal((record)->status, (expected));                        \
        if (!strstr((record)->message, (part))) {                              \
            fail_msg("expected \"%s\" in \"%s\"", (part), (record)->message);  \
        }                                                                      \
    } while (0)

/* ---------------------------------------------------------------------------
 * Comparisons
 */

/* Maps doubles to integers in the same order: neighbours differ by one. */
static inline int64_t double_position(double x)
{
    int64_t bits = 0;
    memcpy(&bits, &x, sizeof bits);
    return bits < 0 ? INT64_MIN - bits : bits;
}

static inline uint64_t ulps_between(double a, double b)
{
    uint64_t pa = (uint64_t)double_position(a);
    uint64_t pb = (uint64_t)double_position(b);
    return double_position(a) > double_position(b) ? pa - pb : pb - pa;
}

static inline void check_ulps(double got, double expected, uint64_t most,
                              const char *file, int line)
{
    if (isnan(got) || isnan(expected) || ulps_between(got, expected) > most) {
        print_message("%s:%d: got %.17g, expected %.17g within %llu ulp\n",
                      file, line, got, expected, (unsigned long long)most);
        _fail(file, line);
    }
}

/* Checks |got - expected| <= relative |expected| + absolute, which fails for
 * NaN. */
static inline void check_near(double got, double expected, double relative,
                              double absolute, const char *file, int line)
{
    if (!(fabs(got - expected) <= relative * fabs(expected) + absolute)) {
        print_message("%s:%d: got %.17g, expected %.17g\n", file, line, got,
                      expected);
        _fail(file, line);
    }
}

#define assert_ulps(got, expected, most)                                       \
    check_ulps(got, expected, most, __FILE__, __LINE__)
#define assert_relative(got, expected, relative)                               \
    check_near(got, expected, relative, 0, __FILE__, __LINE__)
#define assert_absolute(got, expected, absolute)                               \
    check_near(got, expected, 0, absolute, __FILE__, __LINE__)

/* Reads tests/vectors/<name>.txt. */
static inline vector read_vector(const char *name)
{
    vector v = {0, 0, NULL};
    if (!load_vector(name, &v)) {
        fail_msg("cannot read %s/%s.txt", MLP_TEST_VECTORS, name);
        abort(); /* never reached, but clang-tidy does not know */
    }
    return v;
}

#endif
