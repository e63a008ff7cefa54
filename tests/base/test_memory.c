/* SPDX-License-Identifier: MIT */
/* Sizes never overflow in silence, blocks are aligned, and the cursor measures
 * and places arrays alike. */
#include "support/support.h"

#include "base/memory.h"

static void size_mul_refuses_what_is_no_size(void **state)
{
    (void)state;
    size_t product = 77;
    assert_false(mlpi_size_mul(SIZE_MAX, 2, &product));
    assert_false(mlpi_size_mul(SIZE_MAX / 2 + 1, 2, &product));
    assert_false(mlpi_size_mul(2, SIZE_MAX, &product));
    assert_int_equal(product, 77);
    assert_true(mlpi_size_mul(SIZE_MAX, 1, &product));
    assert_true(product == SIZE_MAX);
    assert_true(mlpi_size_mul(SIZE_MAX, 0, &product));
    assert_int_equal(product, 0);
    assert_true(mlpi_size_mul(0, SIZE_MAX, &product));
    assert_int_equal(product, 0);
    assert_true(mlpi_size_mul(6, 7, &product));
    assert_int_equal(product, 42);
}

static void size_add_refuses_what_is_no_size(void **state)
{
    (void)state;
    size_t sum = 77;
    assert_false(mlpi_size_add(SIZE_MAX, 1, &sum));
    assert_false(mlpi_size_add(1, SIZE_MAX, &sum));
    assert_int_equal(sum, 77);
    assert_true(mlpi_size_add(SIZE_MAX - 1, 1, &sum));
    assert_true(sum == SIZE_MAX);
    assert_true(mlpi_size_add(40, 2, &sum));
    assert_int_equal(sum, 42);
}

static void cursor_carves_what_it_measured(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 0, 3, 100, 64, 7};
    static const size_t sizes[] = {1, 8, 4, 8, 1, 16};
    mlpi_cursor measure = {0};
    for (size_t i = 0; i < COUNT(counts); i++) {
        assert_null(mlpi_take(&measure, counts[i], sizes[i]));
    }
    assert_false(measure.overflow);
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    void *block = NULL;
    assert_int_equal(mlpi_allocate(&hooks, &measure, "a test", &block), MLP_OK);
    mlpi_cursor carve = {.base = block};
    unsigned char *end = block;
    for (size_t i = 0; i < COUNT(counts); i++) {
        unsigned char *array = mlpi_take(&carve, counts[i], sizes[i]);
        assert_int_equal((uintptr_t)array % MLPI_ALIGNMENT, 0);
        assert_true(array >= end);
        end = array + counts[i] * sizes[i];
        memset(array, (int)i, counts[i] * sizes[i]);
    }
    assert_true(carve.used == measure.used);
    assert_true((size_t)(end - (unsigned char *)block) <= measure.used);
    mlpi_release(&hooks, block);
    assert_int_equal(record.live, 0);
}

static void cursor_adds_no_more_than_alignment_needs(void **state)
{
    (void)state;
    mlpi_cursor measure = {0};
    (void)mlpi_take(&measure, 64, 1);
    assert_int_equal(measure.used, 64);
    (void)mlpi_take(&measure, 65, 1);
    assert_int_equal(measure.used, 192);
    (void)mlpi_take(&measure, 0, 8);
    assert_int_equal(measure.used, 192);
}

static void cursor_carves_nothing_after_an_overflow(void **state)
{
    (void)state;
    unsigned char memory[64];
    mlpi_cursor carve = {.base = memory};
    assert_null(mlpi_take(&carve, SIZE_MAX, 8));
    assert_null(mlpi_take(&carve, 1, 1));
    /* Each array has a size; the two together have none. */
    mlpi_cursor both = {.used = 0};
    (void)mlpi_take(&both, SIZE_MAX / 2, 1);
    assert_false(both.overflow);
    assert_null(mlpi_take(&both, SIZE_MAX / 2 + 1, 1));
    assert_null(mlpi_take(&both, SIZE_MAX / 2, 1));
    assert_true(both.overflow);
}

static void cursor_remembers_an_overflow(void **state)
{
    (void)state;
    static const size_t too_many[] = {SIZE_MAX, SIZE_MAX / 8 + 1,
                                      SIZE_MAX / 8 - 4};
    for (size_t i = 0; i < COUNT(too_many); i++) {
        hook_record record = {0};
        mlp_hooks hooks = recording_hooks(&record);
        mlpi_cursor measure = {0};
        (void)mlpi_take(&measure, 100, 8);
        assert_null(mlpi_take(&measure, too_many[i], 8));
        assert_true(measure.overflow);
        assert_null(mlpi_take(&measure, 1, 1));
        assert_true(measure.overflow);
        void *block = &record;
        assert_told(&record, mlpi_allocate(&hooks, &measure, "a tower", &block),
                    MLP_ERR_LIMIT, "a tower");
        assert_ptr_equal(block, &record);
        assert_int_equal(record.allocations, 0);
    }
}

static void allocate_says_when_there_is_none(void **state)
{
    (void)state;
    hook_record record = {.fail_at = 1};
    mlp_hooks hooks = recording_hooks(&record);
    mlpi_cursor measure = {.used = 1000};
    void *block = &record;
    assert_told(&record, mlpi_allocate(&hooks, &measure, "a house", &block),
                MLP_ERR_MEMORY, "a house: out of memory (1");
    assert_ptr_equal(block, &record);
    mlpi_cursor edge = {.used = SIZE_MAX - 8};
    assert_told(&record, mlpi_allocate(&hooks, &edge, "a city", &block),
                MLP_ERR_LIMIT, "a city");
    assert_int_equal(record.live, 0);
}

/* This allocator aligns to 16 bytes and never to 32. */
static void *allocate_askew(size_t bytes, void *user)
{
    unsigned char *raw = malloc(bytes + 128);
    assert_non_null(raw);
    *(unsigned char **)user = raw;
    uintptr_t past = (uintptr_t)raw % 64;
    return raw + (past <= 16 ? 16 - past : 80 - past);
}

static void release_raw(void *block, void *user)
{
    assert_non_null(block);
    free(*(unsigned char **)user);
}

static void allocate_aligns_what_the_hook_does_not(void **state)
{
    (void)state;
    unsigned char *raw = NULL;
    mlp_hooks hooks = {allocate_askew, release_raw, NULL, &raw};
    mlpi_cursor measure = {.used = 256};
    void *block = NULL;
    assert_int_equal(mlpi_allocate(&hooks, &measure, "a test", &block), MLP_OK);
    assert_int_equal((uintptr_t)block % MLPI_ALIGNMENT, 0);
    memset(block, 1, 256);
    mlpi_release(&hooks, block);
}

/* Where the next block begins, and how many bytes were asked for. */
typedef struct given {
    unsigned char *start;
    size_t bytes;
} given;

static void *give(size_t bytes, void *user)
{
    ((given *)user)->bytes = bytes;
    return ((given *)user)->start;
}

static void take_back(void *block, void *user)
{
    assert_ptr_equal(block, ((given *)user)->start);
}

static void allocate_stays_inside_what_it_asked_for(void **state)
{
    (void)state;
    static _Alignas(64) unsigned char memory[512];
    mlpi_cursor measure = {.used = 256};
    for (size_t offset = 0; offset < 64; offset += sizeof(void *)) {
        given g = {.start = memory + offset};
        mlp_hooks hooks = {give, take_back, NULL, &g};
        void *block = NULL;
        assert_int_equal(mlpi_allocate(&hooks, &measure, "a test", &block),
                         MLP_OK);
        unsigned char *first = block;
        assert_true(first >= g.start + sizeof(void *));
        assert_true(first + 256 <= g.start + g.bytes);
        mlpi_release(&hooks, block);
    }
}

static void allocate_uses_malloc_without_hooks(void **state)
{
    (void)state;
    mlp_hooks none = {NULL, NULL, NULL, NULL};
    mlpi_cursor measure = {.used = 4096};
    void *block = NULL;
    assert_int_equal(mlpi_allocate(&none, &measure, "a test", &block), MLP_OK);
    memset(block, 1, 4096);
    mlpi_release(&none, block);
    mlpi_release(&none, NULL);
}

/* The layout of the tests takes two arrays. */
typedef struct two_arrays {
    uint32_t *a;
    double *b;
    size_t count;
} two_arrays;

static void lay_out_two(void *object, mlpi_cursor *cursor)
{
    two_arrays *t = object;
    t->a = mlpi_take(cursor, t->count, sizeof *t->a);
    t->b = mlpi_take(cursor, 7, sizeof *t->b);
}

static void a_layout_sets_pointers_into_its_block(void **state)
{
    (void)state;
    mlp_hooks none = {NULL, NULL, NULL, NULL};
    two_arrays t = {.count = 5};
    void *block = NULL;
    assert_int_equal(
        mlpi_allocate_layout(&none, lay_out_two, &t, "a test", &block), MLP_OK);
    assert_ptr_equal(t.a, block);
    assert_ptr_equal(t.b, (unsigned char *)block + MLPI_ALIGNMENT);
    memset(t.a, 1, t.count * sizeof *t.a);
    memset(t.b, 2, 7 * sizeof *t.b);
    mlpi_release(&none, block);
}

static void a_layout_that_is_no_size_is_refused(void **state)
{
    (void)state;
    mlp_hooks none = {NULL, NULL, NULL, NULL};
    two_arrays t = {.count = SIZE_MAX};
    char nothing = 0;
    void *block = &nothing;
    assert_int_equal(
        mlpi_allocate_layout(&none, lay_out_two, &t, "a test", &block),
        MLP_ERR_LIMIT);
    assert_ptr_equal(block, &nothing);
    assert_null(t.a);
    assert_null(t.b);
    assert_int_equal(mlpi_allocate_array(&none, SIZE_MAX, 8, "a test", &block),
                     MLP_ERR_LIMIT);
    assert_ptr_equal(block, &nothing);
}

static void an_array_has_the_size_that_was_asked_for(void **state)
{
    (void)state;
    mlp_hooks none = {NULL, NULL, NULL, NULL};
    void *block = NULL;
    assert_int_equal(mlpi_allocate_array(&none, 1000, 8, "a test", &block),
                     MLP_OK);
    memset(block, 1, 8000);
    mlpi_release(&none, block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_mul_refuses_what_is_no_size),
        cmocka_unit_test(size_add_refuses_what_is_no_size),
        cmocka_unit_test(cursor_carves_what_it_measured),
        cmocka_unit_test(cursor_adds_no_more_than_alignment_needs),
        cmocka_unit_test(cursor_carves_nothing_after_an_overflow),
        cmocka_unit_test(cursor_remembers_an_overflow),
        cmocka_unit_test(allocate_says_when_there_is_none),
        cmocka_unit_test(allocate_aligns_what_the_hook_does_not),
        cmocka_unit_test(allocate_stays_inside_what_it_asked_for),
        cmocka_unit_test(allocate_uses_malloc_without_hooks),
        cmocka_unit_test(a_layout_sets_pointers_into_its_block),
        cmocka_unit_test(a_layout_that_is_no_size_is_refused),
        cmocka_unit_test(an_array_has_the_size_that_was_asked_for),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
