/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for cmocka, which no package brings for Windows: the part of its
 * interface that the unit tests use. A test that fails is left by longjmp. The
 * output is that of cmocka's format TAP, a line for every test function.
 */
#ifndef TESTS_STAND_IN_CMOCKA_H
#define TESTS_STAND_IN_CMOCKA_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*test)(void **state);
    int (*setup)(void **state);
    int (*teardown)(void **state);
    void *state;
};

#define cmocka_unit_test(f)                                                    \
    {                                                                          \
#f, f, NULL, NULL, NULL                                                \
    }
#define cmocka_unit_test_setup_teardown(f, setup, teardown)                    \
    {                                                                          \
#f, f, setup, teardown, NULL                                           \
    }

/* What _fail and skip hand to the loop over the tests. */
enum { STAND_IN_FAILED = 1, STAND_IN_SKIPPED = 2 };
static jmp_buf stand_in_jump;

/* Prints to standard error, where the text does not mix with TAP. */
__attribute__((format(gnu_printf, 1, 2))) static inline void
print_message(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
}

__attribute__((noreturn)) static inline void _fail(const char *file, int line)
{
    print_message("%s:%d: error: failure\n", file, line);
    longjmp(stand_in_jump, STAND_IN_FAILED);
}

#define fail() _fail(__FILE__, __LINE__)
#define fail_msg(...)                                                          \
    do {                                                                       \
        print_message("ERROR: " __VA_ARGS__);                                  \
        print_message("\n");                                                   \
        fail();                                                                \
    } while (0)
#define skip() longjmp(stand_in_jump, STAND_IN_SKIPPED)

/* Fails unless a condition is true, and then shows two numbers. */
static inline void stand_in_check(int is_true, const char *what, uintmax_t a,
                                  uintmax_t b, const char *file, int line)
{
    if (!is_true) {
        print_message("%s: %#" PRIxMAX " and %#" PRIxMAX "\n", what, a, b);
        _fail(file, line);
    }
}

/* The macros evaluate each argument once, as cmocka's do. */
static inline void stand_in_equal(uintmax_t a, uintmax_t b, int equal,
                                  const char *what, const char *file, int line)
{
    stand_in_check((a == b) == equal, what, a, b, file, line);
}

static inline void stand_in_range(uintmax_t x, uintmax_t least, uintmax_t most,
                                  const char *file, int line)
{
    stand_in_check(x >= least && x <= most, "out of range", x, most, file,
                   line);
}

static inline void stand_in_strings(const char *a, const char *b, int equal,
                                    const char *file, int line)
{
    if ((strcmp(a, b) == 0) != equal) {
        print_message("\"%s\" and \"%s\"\n", a, b);
        _fail(file, line);
    }
}

#define STAND_IN_NUMBERS(a, b, equal)                                          \
    stand_in_equal((uintmax_t)(a), (uintmax_t)(b), equal, #a ", " #b,          \
                   __FILE__, __LINE__)
#define STAND_IN_POINTERS(a, b, equal)                                         \
    STAND_IN_NUMBERS((uintptr_t)(a), (uintptr_t)(b), equal)
#define assert_int_equal(a, b) STAND_IN_NUMBERS(a, b, 1)
#define assert_int_not_equal(a, b) STAND_IN_NUMBERS(a, b, 0)
#define assert_ptr_equal(a, b) STAND_IN_POINTERS(a, b, 1)
#define assert_ptr_not_equal(a, b) STAND_IN_POINTERS(a, b, 0)
#define assert_null(a) STAND_IN_POINTERS(a, NULL, 1)
#define assert_non_null(a) STAND_IN_POINTERS(a, NULL, 0)
#define assert_true(a) stand_in_check((a) ? 1 : 0, #a, 0, 0, __FILE__, __LINE__)
#define assert_false(a)                                                        \
    stand_in_check((a) ? 0 : 1, #a, 0, 0, __FILE__, __LINE__)
#define assert_in_range(x, least, most)                                        \
    stand_in_range((uintmax_t)(x), (uintmax_t)(least), (uintmax_t)(most),      \
                   __FILE__, __LINE__)
#define assert_string_equal(a, b) stand_in_strings(a, b, 1, __FILE__, __LINE__)
#define assert_string_not_equal(a, b)                                          \
    stand_in_strings(a, b, 0, __FILE__, __LINE__)
#define assert_memory_equal(a, b, n)                                           \
    stand_in_check(memcmp(a, b, n) == 0, #a ", " #b, 0, 0, __FILE__, __LINE__)
#define assert_memory_not_equal(a, b, n)                                       \
    stand_in_check(memcmp(a, b, n) != 0, #a ", " #b, 0, 0, __FILE__, __LINE__)

/* Runs one test with its setup and teardown, and prints its line. Returns 1 if
 * it failed. */
static inline int stand_in_run(const struct CMUnitTest *test, size_t number)
{
    void *state = test->state;
    /* The compiler must not keep in a register what the jump would lose. */
    volatile int result = STAND_IN_FAILED;
    if (!test->setup || test->setup(&state) == 0) {
        int jumped = setjmp(stand_in_jump);
        result = jumped;
        if (jumped == 0) {
            test->test(&state);
        }
        if (test->teardown && test->teardown(&state) != 0) {
            result = STAND_IN_FAILED;
        }
    }
    printf("%s %u - %s%s\n", result == STAND_IN_FAILED ? "not ok" : "ok",
           (unsigned)number, test->name,
           result == STAND_IN_SKIPPED ? " # SKIP" : "");
    (void)fflush(stdout);
    return result == STAND_IN_FAILED;
}

static inline int stand_in_run_all(const struct CMUnitTest *tests, size_t n,
                                   int (*setup)(void **state),
                                   int (*teardown)(void **state))
{
    void *state = NULL;
    int failed = setup && setup(&state) != 0;
    printf("1..%u\n", (unsigned)n);
    for (size_t i = 0; i < n && !(setup && failed && i == 0); i++) {
        struct CMUnitTest test = tests[i];
        test.state = test.state ? test.state : state;
        failed += stand_in_run(&test, i + 1);
    }
    if (teardown && teardown(&state) != 0) {
        failed++;
    }
    return failed;
}

#define cmocka_run_group_tests(tests, setup, teardown)                         \
    stand_in_run_all(tests, sizeof(tests) / sizeof(tests)[0], setup, teardown)
#define cmocka_run_group_tests_name(name, tests, setup, teardown)              \
    cmocka_run_group_tests(tests, setup, teardown)

#endif
