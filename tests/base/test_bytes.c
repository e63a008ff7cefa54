/* SPDX-License-Identifier: MIT */
/* Numbers are written as bytes, the lowest first, and read back; checksums are
 * those that other programs compute. */
#include "support/support.h"

#include "base/bytes.h"

static void numbers_begin_with_their_lowest_byte(void **state)
{
    (void)state;
    static const unsigned char expected[] = {
        'a',  'b',  0x04, 0x03, 0x02, 0x01, 0xf8, 0xf7, 0xf6, 0xf5,
        0xf4, 0xf3, 0xf2, 0xf1, 0,    0,    0,    0,    0,    0,
        0xf8, 0xbf, 0,    0,    0xc0, 0xbf, 0,    0,    0,    0x40,
        0,    0,    0,    0,    0,    0,    0x04, 0x40};
    static const float singles[] = {-1.5f, 2.0f};
    static const double doubles[] = {2.5};
    unsigned char *bytes = guarded_alloc(sizeof expected);
    mlpi_writer count = {0};
    mlpi_writer w = {.bytes = bytes};
    for (size_t i = 0; i < 2; i++) {
        mlpi_writer *to = i ? &w : &count;
        mlpi_put_bytes(to, 2, "ab");
        mlpi_put_bytes(to, 0, NULL);
        mlpi_put_u32(to, 0x01020304);
        mlpi_put_u64(to, 0xf1f2f3f4f5f6f7f8);
        mlpi_put_f64(to, -1.5);
        mlpi_put_reals(to, 4, 2, singles);
        mlpi_put_reals(to, 8, 1, doubles);
        assert_int_equal(to->used, sizeof expected);
    }
    assert_memory_equal(bytes, expected, sizeof expected);
    mlpi_reader r = {.bytes = bytes, .size = sizeof expected};
    float f[2];
    double d = 0;
    assert_memory_equal(mlpi_get_bytes(&r, 2), "ab", 2);
    assert_int_equal(mlpi_get_u32(&r), 0x01020304);
    assert_true(mlpi_get_u64(&r) == 0xf1f2f3f4f5f6f7f8);
    assert_true(mlpi_get_f64(&r) == -1.5);
    mlpi_get_reals(&r, 4, 2, f);
    mlpi_get_reals(&r, 8, 1, &d);
    assert_true(f[0] == -1.5f && f[1] == 2.0f && d == 2.5);
    assert_false(r.failed);
    assert_int_equal(r.used, r.size);
    guarded_free(bytes);
}

static void readers_fail_once_and_for_all(void **state)
{
    (void)state;
    unsigned char *bytes = guarded_alloc(7);
    memset(bytes, 0xff, 7);
    mlpi_reader r = {.bytes = bytes, .size = 7};
    assert_true(mlpi_get_u64(&r) == 0);
    assert_true(r.failed);
    assert_int_equal(mlpi_get_u32(&r), 0); /* even though four bytes are left */
    assert_null(mlpi_get_bytes(&r, 1));
    mlpi_reader other = {.bytes = bytes, .size = 7};
    assert_null(mlpi_get_bytes(&other, SIZE_MAX));
    double d[2] = {1, 1};
    mlpi_get_reals(&other, 8, 2, d);
    assert_true(d[0] == 0 && d[1] == 0);
    guarded_free(bytes);
}

/* Catalogues of CRCs give the checksum of "123456789" to compare with. */
static void crc32_is_everyones(void **state)
{
    (void)state;
    const unsigned char *digits = (const unsigned char *)"123456789";
    assert_int_equal(mlpi_crc32(9, digits), 0xcbf43926);
    assert_int_equal(mlpi_crc32(0, NULL), 0);
    assert_int_equal(mlpi_crc32(1, digits), 0x83dcefb7);
    assert_int_equal(mlpi_crc32_on(0x83dcefb7, 8, digits + 1), 0xcbf43926);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_begin_with_their_lowest_byte),
        cmocka_unit_test(readers_fail_once_and_for_all),
        cmocka_unit_test(crc32_is_everyones),
    };
    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
