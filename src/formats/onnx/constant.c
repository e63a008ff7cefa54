/* SPDX-License-Identifier: MIT */
/*
 * How the numbers of a tensor are found and checked.
 *
 * Before a constant is handed out, its dimensions have been multiplied without
 * overflow and compared with the bytes or numbers that the file has. So the
 * functions that return an element need no checks.
 *
 * External data is the one place where an ONNX file names another file. Only a
 * plain file name in the same folder is accepted, and base/file.h does not
 * follow a symbolic link: otherwise a file from the internet could make the
 * library read any file of its user. The size of the other file is checked
 * before memory is allocated for its content.
 */
#include "formats/onnx/constant.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

/* Reports a tensor that cannot be read, with its name. */
static mlp_status refuse(const mlpi_arena *arena, mlp_status status,
                         const onnx_tensor *t, const char *what)
{
    return mlpi_error(&arena->hooks, status, "tensor %.64s: %s",
                      t->name ? t->name : "without a name", what);
}

/* Returns the bytes of one element. */
static size_t element_size(int32_t type)
{
    return type == ONNX_FLOAT || type == ONNX_INT32 ? 4 : 8;
}

/* ---------------------------------------------------------------------------
 * Shape
 *
 * A constant is a matrix at most. Larger tensors belong to convolutions and
 * attention, which no multi-layer perceptron has.
 */

/* Sets rank, rows and cols of the constant. A tensor without dimensions is a
 * single number. A segment is a part of a large tensor, which no exporter
 * writes. */
static mlp_status read_shape(const mlpi_arena *arena, const onnx_tensor *t,
                             mlpi_constant *c)
{
    size_t count = 1;
    if (t->segment || t->n_dims > 2) {
        return refuse(arena, MLP_ERR_UNSUPPORTED, t,
                      "expects at most two dimensions, in one piece");
    }
    for (size_t i = 0; i < t->n_dims; i++) {
        if (t->dims[i] < 1 || (uint64_t)t->dims[i] > SIZE_MAX ||
            !mlpi_size_mul(count, (size_t)t->dims[i], &count)) {
            return refuse(arena, MLP_ERR_FORMAT, t,
                          "expects dimensions of 1 or more, whose product is a "
                          "size");
        }
    }
    c->rank = t->n_dims;
    c->rows = c->rank == 2 ? (size_t)t->dims[0] : 1;
    c->cols = count / c->rows;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * External data
 *
 * Large models keep their numbers outside the ONNX file, since protobuf limits
 * a message to 2 GB. The tensor then has properties, which are pairs of
 * strings, instead of data.
 */

/* Parses a decimal number without sign. Returns false if the text is anything
 * else, or if the number is not a size_t. */
static bool parse_size(const char *text, size_t *value)
{
    size_t result = 0;
    bool good = *text != '\0';
    for (; good && *text != '\0'; text++) {
        good = *text >= '0' && *text <= '9' &&
               mlpi_size_mul(result, 10, &result) &&
               mlpi_size_add(result, (size_t)(*text - '0'), &result);
    }
    *value = result;
    return good;
}

/* Returns true if the name has no folder in it, whatever the system's
 * separator. */
static bool is_plain_name(const char *name)
{
    return name && *name != '\0' && !strchr(name, '/') && !strchr(name, '\\') &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Returns the path of the file `name` in the folder of the file `path`. */
static char *path_in_folder(mlpi_arena *arena, const char *path,
                            const char *name)
{
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    size_t n = strlen(name) + 1;
    char *result = mlpi_arena_allocate(arena, folder + n, 1);
    if (result) {
        memcpy(result, path, folder);
        memcpy(result + folder, name, n);
    }
    return result;
}

/* Reads the tensor's `bytes` bytes from another file and makes them its raw
 * data, as if they had been in the ONNX file. The properties "location",
 * "offset" and "length" say where the bytes are; the last two may be absent. */
static mlp_status read_external(mlpi_arena *arena, const char *path,
                                onnx_tensor *t, size_t bytes)
{
    const char *name = NULL;
    size_t offset = 0;
    size_t length = bytes;
    bool good = true;
    for (size_t i = 0; i < t->n_external_data; i++) {
        const onnx_property *p = t->external_data[i];
        const char *key = p->key ? p->key : "";
        const char *value = p->value ? p->value : "";
        if (strcmp(key, "location") == 0) {
            name = value;
        } else if (strcmp(key, "offset") == 0) {
            good = good && parse_size(value, &offset);
        } else if (strcmp(key, "length") == 0) {
            good = good && parse_size(value, &length);
        }
    }
    if (!path || !is_plain_name(name)) {
        return refuse(arena, MLP_ERR_UNSUPPORTED, t,
                      "expects its numbers in the file, or in one of the same "
                      "folder");
    }
    if (!good || length != bytes) {
        return refuse(arena, MLP_ERR_FORMAT, t,
                      "expects place and length of its numbers");
    }
    char *external = path_in_folder(arena, path, name);
    TRY(arena->status);
    TRY(mlpi_file_read_part(&arena->hooks, external, offset, bytes,
                            NULL)); /* size only */
    unsigned char *data = mlpi_arena_allocate(arena, bytes, 1);
    TRY(arena->status);
    TRY(mlpi_file_read_part(&arena->hooks, external, offset, bytes, data));
    t->data_location = MLPI_ONNX__TENSOR_PROTO__DATA_LOCATION__DEFAULT;
    t->has_raw_data = 1;
    t->raw_data.len = bytes;
    t->raw_data.data = data;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Making a constant
 */

/* Points the constant to the tensor's list of its type. Returns the length of
 * the list. */
static size_t use_list(const onnx_tensor *t, mlpi_constant *c)
{
    switch (c->type) {
    case ONNX_FLOAT:
        c->f32 = t->float_data;
        return t->n_float_data;
    case ONNX_DOUBLE:
        c->f64 = t->double_data;
        return t->n_double_data;
    case ONNX_INT32:
        c->i32 = t->int32_data;
        return t->n_int32_data;
    default:
        c->i64 = t->int64_data;
        return t->n_int64_data;
    }
}

/* The type decides how many bytes the numbers must have, the dimensions how
 * many numbers there are. Whatever the file has, raw bytes or a list, must
 * match both. */
mlp_status mlpi_constant_from_tensor(mlpi_arena *arena, const char *path,
                                     onnx_tensor *t, mlpi_constant *c)
{
    size_t bytes = 0;
    *c = (mlpi_constant){.type = t->data_type};
    if (c->type != ONNX_FLOAT && c->type != ONNX_DOUBLE &&
        c->type != ONNX_INT32 && c->type != ONNX_INT64) {
        return refuse(arena, MLP_ERR_UNSUPPORTED, t,
                      "expects float, double, int32 or int64");
    }
    TRY(read_shape(arena, t, c));
    if (!mlpi_size_mul(mlpi_constant_count(c), element_size(c->type), &bytes)) {
        return refuse(arena, MLP_ERR_FORMAT, t, "is larger than memory");
    }
    if (t->data_location == MLPI_ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) {
        TRY(read_external(arena, path, t, bytes));
    }
    if (t->has_raw_data ? t->raw_data.len != bytes
                        : use_list(t, c) != mlpi_constant_count(c)) {
        return refuse(arena, MLP_ERR_FORMAT, t,
                      "expects as many numbers as its dimensions say");
    }
    c->raw = t->has_raw_data ? t->raw_data.data : NULL;
    return MLP_OK;
}

mlpi_constant mlpi_constant_from_floats(size_t n, const float *values)
{
    return (mlpi_constant){
        .type = ONNX_FLOAT, .rank = 1, .rows = 1, .cols = n, .f32 = values};
}

mlpi_constant mlpi_constant_from_ints(size_t n, const int64_t *values)
{
    return (mlpi_constant){
        .type = ONNX_INT64, .rank = 1, .rows = 1, .cols = n, .i64 = values};
}

/* ---------------------------------------------------------------------------
 * Elements
 *
 * An element is converted each time it is read. Every weight is read only
 * once while the network is filled, so a converted copy would only cost
 * memory.
 */

/* Returns the element that is stored at `index`. Raw bytes may be unaligned and
 * are little-endian, so a reader of base/bytes.h converts them. */
static double real_at(const mlpi_constant *c, size_t index)
{
    size_t size = element_size(c->type);
    if (c->raw && c->type == ONNX_FLOAT) {
        mlpi_reader from = {.bytes = c->raw + index * size, .size = size};
        float x = 0;
        mlpi_get_reals(&from, size, 1, &x);
        return x;
    }
    if (c->raw) {
        mlpi_reader from = {.bytes = c->raw + index * size, .size = size};
        return mlpi_get_f64(&from);
    }
    return c->f32 ? c->f32[index] : c->f64[index];
}

/* A transposed constant is stored by columns: element (i, j) is behind j
 * columns of `rows` elements each. */
double mlpi_constant_at(const mlpi_constant *c, size_t i, size_t j)
{
    double x = real_at(c, c->transposed ? j * c->rows + i : i * c->cols + j);
    return c->round_to_float ? (float)x : x;
}

/* The rounding to float is that of a Cast node between the tensor and its
 * use. */
double mlpi_constant_broadcast(const mlpi_constant *c, size_t j)
{
    size_t n = mlpi_constant_count(c);
    double x = real_at(c, n == 1 ? 0 : j);
    return c->round_to_float ? (float)x : x;
}

/* Integers are dimensions of shapes, axes and indices. int32 numbers are
 * widened with their sign. */
int64_t mlpi_constant_int(const mlpi_constant *c, size_t j)
{
    size_t size = element_size(c->type);
    if (c->raw) {
        mlpi_reader from = {.bytes = c->raw + j * size, .size = size};
        return size == 4 ? (int32_t)mlpi_get_u32(&from)
                         : (int64_t)mlpi_get_u64(&from);
    }
    return c->i32 ? c->i32[j] : c->i64[j];
}

/* Tries 0, 1, 2, ... digits after the point, rounds x to that many, and takes
 * the first result that is x again as a float. A float needs at most nine
 * digits, so a number of more than 1e9 units is not tried. */
double mlpi_shortest_decimal(float x)
{
    enum { DIGITS = 15 };
    double unit = 1;
    for (int digits = 0; digits < DIGITS && isfinite(x); digits++) {
        double scaled = fabs((double)x) * unit + 0.5;
        if (scaled < 1e9) {
            double decimal = (double)(int64_t)scaled / unit;
            if ((float)decimal == fabsf(x)) {
                return x < 0 ? -decimal : decimal;
            }
        }
        unit *= 10;
    }
    return x;
}
