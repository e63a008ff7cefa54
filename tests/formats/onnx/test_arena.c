/* SPDX-License-Identifier: MIT */
/* Tests the memory that the messages of an ONNX file lie in. */
#include "support/support.h"

#include "formats/onnx/arena.h"

/* Sizes around that of a block, 16 KB, and much larger ones. */
static void objects_are_zero_aligned_and_apart(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,     1,     15,    16,    17,  1000,
                                   16383, 16384, 16385, 50000, 3,   16380,
                                   8,     0,     24,    70000, 999, 1};
    hook_record record = {0};
    mlpi_arena arena = {.hooks = recording_hooks(&record)};
    unsigned char *objects[COUNT(sizes)];
    for (size_t i = 0; i < COUNT(sizes); i++) {
        objects[i] = mlpi_arena_allocate(&arena, sizes[i], 1);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t)objects[i] % 16, 0);
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(objects[i][j], 0);
            objects[i][j] = (unsigned char)(i + 1);
        }
    }
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(objects[i][j], i + 1);
        }
    }
    assert_in_range(record.live, 2, COUNT(sizes) - 1);
    assert_int_equal(arena.status, MLP_OK);
    mlpi_arena_free(&arena);
    assert_int_equal(record.live, 0);
}

static void lists_begin_with_null(void **state)
{
    (void)state;
    hook_record record = {0};
    mlpi_arena arena = {.hooks = recording_hooks(&record)};
    void **list = mlpi_arena_pointers(&arena, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_null(list[i]);
    }
    mlpi_arena_free(&arena);
    assert_int_equal(record.live, 0);
}

static void sizes_beyond_a_size_t_are_a_limit(void **state)
{
    (void)state;
    static const struct {
        size_t count, size;
    } sizes[] = {{SIZE_MAX, 1}, {SIZE_MAX - 14, 1}, {SIZE_MAX / 2 + 1, 2}};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        hook_record record = {0};
        mlpi_arena arena = {.hooks = recording_hooks(&record)};
        assert_non_null(mlpi_arena_allocate(&arena, 8, 1));
        assert_null(mlpi_arena_allocate(&arena, sizes[i].count, sizes[i].size));
        assert_int_equal(arena.status, MLP_ERR_LIMIT);
        assert_int_equal(record.messages, 1);
        assert_non_null(strstr(record.message, "more bytes than a size_t"));
        mlpi_arena_free(&arena);
        assert_int_equal(record.live, 0);
    }
}

/* After the first failure nothing is allocated, and nothing more is told. */
static void a_failure_stays(void **state)
{
    (void)state;
    hook_record record = {.fail_at = 2};
    mlpi_arena arena = {.hooks = recording_hooks(&record)};
    assert_non_null(mlpi_arena_allocate(&arena, 10000, 1));
    assert_null(mlpi_arena_allocate(&arena, 10000, 1));
    assert_int_equal(arena.status, MLP_ERR_MEMORY);
    assert_null(mlpi_arena_allocate(&arena, 1, 1));
    assert_null(mlpi_arena_pointers(&arena, 1));
    assert_null(mlpi_arena_printf(&arena, "%d", 1));
    assert_null(mlpi_arena_allocate(&arena, SIZE_MAX, 2));
    assert_int_equal(arena.status, MLP_ERR_MEMORY);
    assert_int_equal(record.allocations, 2);
    assert_int_equal(record.messages, 1);
    mlpi_arena_free(&arena);
    assert_int_equal(record.live, 0);
    assert_int_equal(arena.status, MLP_ERR_MEMORY);
}

static void strings_have_at_most_255_characters(void **state)
{
    (void)state;
    hook_record record = {0};
    mlpi_arena arena = {.hooks = recording_hooks(&record)};
    assert_string_equal(mlpi_arena_printf(&arena, "%s_%zu", "Gemm", (size_t)3),
                        "Gemm_3");
    assert_string_equal(mlpi_arena_printf(&arena, "%s", ""), "");
    for (int n = 254; n < 258; n++) {
        const char *text = mlpi_arena_printf(&arena, "%*d", n, 7);
        assert_int_equal(strlen(text), n < 255 ? n : 255);
        assert_int_equal(text[253], n == 254 ? '7' : ' ');
    }
    mlpi_arena_free(&arena);
    assert_int_equal(record.live, 0);
}

static void an_unused_arena_can_be_freed(void **state)
{
    (void)state;
    hook_record record = {0};
    mlpi_arena arena = {.hooks = recording_hooks(&record)};
    mlpi_arena_free(&arena);
    assert_int_equal(record.allocations, 0);
    assert_int_equal(arena.status, MLP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_zero_aligned_and_apart),
        cmocka_unit_test(lists_begin_with_null),
        cmocka_unit_test(sizes_beyond_a_size_t_are_a_limit),
        cmocka_unit_test(a_failure_stays),
        cmocka_unit_test(strings_have_at_most_255_characters),
        cmocka_unit_test(an_unused_arena_can_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
