/* SPDX-License-Identifier: MIT */
/* What the first bytes of a file tell, and how messages show paths. */
#include "support/support.h"

#include "base/file_kind.h"

/* The heads are those of files that programs have written; with another byte in
 * one place they are nothing that is known. */
static void files_are_known_by_their_heads(void **state)
{
    (void)state;
    static const struct {
        const char *head, *said; /* NULL: nothing is known */
    } cases[] = {
        {"PK\3\4\0\0\x08\x08", "a zip archive"}, /* PyTorch's */
        {"PK\3\4\x14\0\0\0", "a zip archive"},   /* NumPy's */
        {"\x80\2]q\0X\1\0", "a Python pickle"},
        {"\x80\5\x95\x1a\0\0\0\0", "a Python pickle"},
        {"\x80\6\x95\1\0\0\0\1", NULL},
        {"\x93NUMPY\1\0", "an array of NumPy"},
        {"\x89HDF\r\n\x1a\n", "an HDF5 file"},
        {"FANN_FLO", "a FANN file"},
        {"FANN_DLO", NULL},
        {"\2\0\0\0\0\0\0\0", "a .mlp or safetensors file"},
        {"\1\0\0\0\0\0\0\0", NULL},
        {"\0\xe1\xf5\5\0\0\0\0", "a .mlp or safetensors file"},
        {"\1\xe1\xf5\5\0\0\0\0", NULL},
        {"\x08\x07\x12\x07pyto", "an ONNX file"}, /* PyTorch's */
        {"\x08\x08\x28\1:+\n\x0e", "an ONNX file"},
        {"\x08\x01\x12\x07pyto", "an ONNX file"},
        {"\x08\x1f\x12\x07pyto", "an ONNX file"},
        {"\x09\x07\x12\x07pyto", NULL}, /* another field, or wire type */
        {"\x08\0\x12\x07pyto", NULL},   /* no version */
        {"\x08\x20\x12\x07pyto", NULL}, /* a version that nobody knows */
        {"\x08\x07\x08\x07pyto", NULL}, /* the version once more */
        {"\x08\x07\x78\x07pyto", NULL}, /* a field that no model has */
        {"\x08\x07\x15\x07pyto", NULL}, /* wire type 5 */
        {"\x08\x07\x11\x07pyto", NULL}, /* wire type 1 */
        {"\x08\x07\x14\x07pyto", NULL}, /* wire type 4 */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned char *head = guarded_alloc(MLPI_FILE_HEAD);
        memcpy(head, cases[i].head, MLPI_FILE_HEAD);
        const char *name = mlpi_content_name(head);
        if (!name != !cases[i].said || (name && !strstr(name, cases[i].said))) {
            fail_msg("case %zu: %s", i, name ? name : "unknown");
        }
        guarded_free(head);
    }
}

static bool begins(const unsigned char *head, size_t size)
{
    (void)head, (void)size;
    return false;
}

/* What is not known is quoted if people can read it. */
static void other_files_are_told_by_how_they_begin(void **state)
{
    (void)state;
    static const struct {
        const char *head, *said;
    } cases[] = {
        {"1,2.5,-3", "net: not a test: it begins with \"1,2.5,-3\""},
        {" a\tb\r\n~~", "net: not a test: it begins with \" a?b??~~\""},
        {"1,2.5,\x1f"
         "3",
         "it begins with the bytes 31 2c 32 2e"},
        {"caf\xc3\xa9 1", "it begins with the bytes 63 61 66 c3"},
        {"\x7f"
         "ELF\2\1\1\1",
         "it begins with the bytes 7f 45 4c 46"},
        {"PK\3\4\0\0\x08\x08", "net: not a test: it is a zip archive"},
        {"\x5c\0\0\0\0\0\0\0", "it is a .mlp or safetensors file"},
        {"\x5d\0\0\0\0\0\0\0", "it is cut off in its header of 93 bytes"},
    };
    const mlpi_file_kind kind = {"a test", begins};
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_told(&record,
                    mlpi_refuse_content(&hooks, "net", &kind,
                                        (const unsigned char *)cases[i].head,
                                        100),
                    MLP_ERR_FORMAT, cases[i].said);
    }
}

/* The places where a path is cut lie between characters. A path that is no
 * UTF-8 has no such place, and loses the whole part. */
static void long_paths_are_cut_between_characters(void **state)
{
    (void)state;
    static const struct {
        const char *letter, *begin, *end; /* of what is shown */
    } cases[] = {
        {"d", "dddd", "dddd"},
        {"\xc3\xa9", "\xc3\xa9", "\xc3\xa9"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"\x80", "...", "..."},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t bytes = strlen(cases[i].letter);
        for (size_t n = bytes; n < 300; n += bytes) {
            char path[304] = "";
            char shown[MLPI_SHOWN_PATH];
            while (strlen(path) < n) {
                append(path, sizeof path, cases[i].letter);
            }
            const char *text = mlpi_shown_path(path, shown);
            size_t length = strlen(text);
            if (n < MLPI_SHOWN_PATH) {
                assert_ptr_equal(text, path);
                continue;
            }
            const char *end = cases[i].end;
            assert_ptr_equal(text, shown);
            assert_true(length < MLPI_SHOWN_PATH);
            assert_non_null(strstr(text, "..."));
            assert_memory_equal(text, cases[i].begin, strlen(cases[i].begin));
            assert_string_equal(text + length - strlen(end), end);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_known_by_their_heads),
        cmocka_unit_test(other_files_are_told_by_how_they_begin),
        cmocka_unit_test(long_paths_are_cut_between_characters),
    };
    return cmocka_run_group_tests_name("file_kind", tests, NULL, NULL);
}
