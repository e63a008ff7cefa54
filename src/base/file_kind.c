/* SPDX-License-Identifier: MIT */
/*
 * The first bytes of a file tell its kind. Many formats begin with a mark of
 * their own (a "magic number"). Of the formats that this library reads,
 *
 *     .mlp, safetensors  begin with the length of a header, eight bytes, lowest
 *                        first, of which at least the last four are 0
 *     ONNX               begins with field 1 of a message, the format's version
 *     FANN               begins with "FANN_F"
 *     genann             begins with digits and blanks
 *
 * Text without a mark, such as a table of numbers, is quoted.
 */
#include "base/file_kind.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

/* The first bytes of files that people try to load, and what such a file is.
 * Each mark fills the first `size` bytes of a file. */
static const struct {
    const char *mark;
    size_t size;
    const char *name;
} marks[] = {
    {"PK\3\4", 4,
     "a zip archive, such as PyTorch's .pt or NumPy's .npz (save the tensors "
     "as safetensors)"},
    {"\x80\2", 2, "a Python pickle (save the tensors as safetensors)"},
    {"\x80\3", 2, "a Python pickle (save the tensors as safetensors)"},
    {"\x80\4", 2, "a Python pickle (save the tensors as safetensors)"},
    {"\x80\5", 2, "a Python pickle (save the tensors as safetensors)"},
    {"\x93NUMPY", 6, "an array of NumPy (.npy)"},
    {"\x89HDF", 4, "an HDF5 file, such as Keras' .h5"},
    {"FANN_F", 6, "a FANN file (load it by mlp_fann_load)"},
};

/* True for the length of a header that safetensors allows: an integer of eight
 * bytes, lowest first, from 2 (for "{}") to 100 MB. */
static bool is_header_length(uint64_t length)
{
    return length >= 2 && length <= 100000000;
}

/* True if the head is that of an ONNX file as exporters write it: field 1, the
 * version of the format, is a small number, and a longer field follows. Its tag
 * has the wire type 2, or 0 for the model's own version. */
static bool is_onnx(const unsigned char *head)
{
    return head[0] == 0x08 && head[1] > 0 && head[1] < 32 && head[2] > 8 &&
           head[2] < 0x78 && (head[2] & 5) == 0;
}

/* No ONNX file has the four zeros of a header's length. */
const char *mlpi_content_name(const unsigned char *head)
{
    mlpi_reader from = {.bytes = head, .size = MLPI_FILE_HEAD};
    if (is_header_length(mlpi_get_u64(&from))) {
        return "a .mlp or safetensors file";
    }
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (memcmp(head, marks[i].mark, marks[i].size) == 0) {
            return marks[i].name;
        }
    }
    return is_onnx(head) ? "an ONNX file (load it by mlp_onnx_load)" : NULL;
}

/* True if all bytes are printable ASCII or white space. */
static bool is_text(const unsigned char *head)
{
    for (size_t i = 0; i < MLPI_FILE_HEAD; i++) {
        bool blank = head[i] == '\t' || head[i] == '\n' || head[i] == '\r';
        if (!blank && (head[i] < ' ' || head[i] > '~')) {
            return false;
        }
    }
    return true;
}

/* A third of the space shows the beginning; the end, with the file's name, gets
 * the rest. */
const char *mlpi_shown_path(const char *path, char shown[MLPI_SHOWN_PATH])
{
    size_t n = strlen(path);
    if (n < MLPI_SHOWN_PATH) {
        return path;
    }
    size_t head = MLPI_SHOWN_PATH / 3;
    size_t tail = n - (MLPI_SHOWN_PATH - head - sizeof "...");
    while (head > 0 && mlpi_continues_character(path[head])) {
        head--;
    }
    while (mlpi_continues_character(path[tail])) {
        tail++;
    }
    (void)snprintf(shown, MLPI_SHOWN_PATH, "%.*s...%s", (int)head, path,
                   path + tail);
    return shown;
}

mlp_status mlpi_refuse_content(const mlp_hooks *hooks, const char *path,
                               const mlpi_file_kind *expected,
                               const unsigned char *head, size_t size)
{
    char buffer[MLPI_SHOWN_PATH];
    const char *shown = mlpi_shown_path(path, buffer);
    const char *name = mlpi_content_name(head);
    mlpi_reader from = {.bytes = head, .size = MLPI_FILE_HEAD};
    uint64_t length = mlpi_get_u64(&from);
    if (is_header_length(length) && length > size - MLPI_FILE_HEAD) {
        return mlpi_error(hooks, MLP_ERR_FORMAT,
                          "%s: not %s: it is cut off in its header of %llu "
                          "bytes",
                          shown, expected->name, (unsigned long long)length);
    }
    /* The file is of this kind, so that only its size is wrong. */
    if (name && strncmp(name, expected->name, strlen(expected->name)) == 0) {
        return mlpi_error(hooks, MLP_ERR_FORMAT,
                          "%s: %zu bytes are more than %s can have", shown,
                          size, expected->name);
    }
    if (name) {
        return mlpi_error(hooks, MLP_ERR_FORMAT, "%s: not %s: it is %s", shown,
                          expected->name, name);
    }
    if (is_text(head)) {
        return mlpi_error(hooks, MLP_ERR_FORMAT,
                          "%s: not %s: it begins with \"%.*s\"", shown,
                          expected->name, MLPI_FILE_HEAD, (const char *)head);
    }
    return mlpi_error(hooks, MLP_ERR_FORMAT,
                      "%s: not %s: it begins with the bytes %02x %02x %02x "
                      "%02x",
                      shown, expected->name, head[0], head[1], head[2],
                      head[3]);
}
