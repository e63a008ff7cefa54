/* SPDX-License-Identifier: MIT */
/*
 * How the numbers of a tensor are found and checked.
 *
 * Before a constant is handed out, its dimensions have been multiplied without
 * overflow and compared with the bytes or numbers that the file has. So the
 * functions that return an element need no checks.
 *
 * External data is the one place where an ONNX file names another file. Only a
 * plain file name in the same folder is accepted: otherwise a file from the
 * internet could make the library read any file of its user. Under that name
 * may be a symbolic link, since model hubs and mounted volumes make every file
 * one; who can put a link into the folder can put anything there. The size of
 * the other file is checked before memory is allocated for its content.
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

/* Returns the bytes of one element; 0 for a type that is not read. */
static size_t element_size(int32_t type)
{
    switch (type) {
    case ONNX_FLOAT16:
    case ONNX_BFLOAT16:
        return 2;
    case ONNX_FLOAT:
    case ONNX_INT32:
        return 4;
    case ONNX_DOUBLE:
    case ONNX_INT64:
        return 8;
    default:
        return 0;
    }
}

/* ---------------------------------------------------------------------------
 * Shape
 */

/* Sets rank, dims, rows and cols of the constant. A tensor without dimensions
 * is a single number. A segment is a part of a large tensor, which no exporter
 * writes. */
static mlp_status read_shape(const mlpi_arena *arena, const onnx_tensor *t,
                             mlpi_constant *c)
{
    size_t count = 1;
    if (t->segment || t->n_dims > MLPI_MAX_RANK) {
        return refuse(arena, MLP_ERR_UNSUPPORTED, t,
                      "expects at most eight dimensions, in one piece");
    }
    for (size_t i = 0; i < t->n_dims; i++) {
        if (t->dims[i] < 1 || (uint64_t)t->dims[i] > SIZE_MAX ||
            !mlpi_size_mul(count, (size_t)t->dims[i], &count)) {
            return refuse(arena, MLP_ERR_FORMAT, t,
                          "expects dimensions of 1 or more, whose product is a "
                          "size");
        }
        c->dims[i] = (size_t)t->dims[i];
    }
    c->rank = t->n_dims;
    c->cols = c->rank > 0 ? c->dims[c->rank - 1] : 1;
    c->rows = count / c->cols;
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

/* Skips "./" at the start of a name, which changes nothing. */
static const char *without_dot(const char *name)
{
    while (name[0] == '.' && name[1] == '/') {
        name += 2;
    }
    return name;
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
            name = without_dot(value);
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
    case ONNX_INT64:
        c->i64 = t->int64_data;
        return t->n_int64_data;
    default:
        c->i32 = t->int32_data;
        return t->n_int32_data;
    }
}

/* The type decides how many bytes the numbers must have, the dimensions how
 * many numbers there are. Whatever the file has, raw bytes or a list, must
 * match both. */
mlp_status mlpi_constant_from_tensor(mlpi_arena *arena, const char *path,
                                     onnx_tensor *t, mlpi_constant *c)
{
    size_t bytes = 0;
    *c = (mlpi_constant){.type = t->data_type, .repeat = 1};
    if (element_size(c->type) == 0) {
        return refuse(arena, MLP_ERR_UNSUPPORTED, t,
                      "expects float, double, float16, bfloat16, int32 or "
                      "int64");
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
    return (mlpi_constant){.type = ONNX_FLOAT,
                           .rank = 1,
                           .dims = {n},
                           .rows = 1,
                           .cols = n,
                           .repeat = 1,
                           .f32 = values};
}

mlpi_constant mlpi_constant_from_ints(size_t n, const int64_t *values)
{
    return (mlpi_constant){.type = ONNX_INT64,
                           .rank = 1,
                           .dims = {n},
                           .rows = 1,
                           .cols = n,
                           .repeat = 1,
                           .i64 = values};
}

/* ---------------------------------------------------------------------------
 * Elements
 *
 * An element is converted each time it is read. Every weight is read only
 * once while the network is filled, so a converted copy would only cost
 * memory.
 */

/* Returns 2^n, for an n from -1022 to 1023. */
static double power_of_2(int n)
{
    uint64_t bits = (uint64_t)(n + 1023) << 52;
    double x = 0;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Returns the number with the bits of a float16: one bit of sign, five of
 * exponent and ten of fraction. An exponent of 0 means a subnormal number, one
 * of 31 an infinity or a NaN. */
static double half_of(uint32_t bits)
{
    int exponent = (int)(bits >> 10 & 31);
    int fraction = (int)(bits & 1023);
    double x = exponent == 31  ? (fraction ? (double)NAN : (double)INFINITY)
               : exponent == 0 ? fraction * power_of_2(-24)
                               : (1024 + fraction) * power_of_2(exponent - 25);
    return bits >> 15 & 1 ? -x : x;
}

/* Returns the number with the bits of a float16 or a bfloat16. The latter is
 * the upper half of a float. */
static double short_of(int32_t type, uint32_t bits)
{
    uint32_t upper = bits << 16;
    float x = 0;
    memcpy(&x, &upper, sizeof x);
    return type == ONNX_FLOAT16 ? half_of(bits) : (double)x;
}

/* Returns the integer that is stored at `index`. int32 numbers are widened with
 * their sign. */
static int64_t integer_at(const mlpi_constant *c, size_t index)
{
    size_t size = element_size(c->type);
    if (c->raw) {
        mlpi_reader from = {.bytes = c->raw + index * size, .size = size};
        return size == 4 ? (int32_t)mlpi_get_u32(&from)
                         : (int64_t)mlpi_get_u64(&from);
    }
    return c->i32 ? c->i32[index] : c->i64[index];
}

/* Returns the element that is stored at `index`, before any Cast. Raw bytes may
 * be unaligned and are little-endian, so a reader of base/bytes.h converts
 * them. */
static double stored_at(const mlpi_constant *c, size_t index)
{
    size_t size = element_size(c->type);
    mlpi_reader from = {.bytes = c->raw, .used = index * size};
    from.size = from.used + size;
    if (!mlpi_type_is_real(c->type)) {
        return (double)integer_at(c, index);
    }
    if (c->type == ONNX_FLOAT) {
        float x = c->raw ? 0 : c->f32[index];
        if (c->raw) {
            mlpi_get_reals(&from, size, 1, &x);
        }
        return x;
    }
    if (c->type == ONNX_DOUBLE) {
        return c->raw ? mlpi_get_f64(&from) : c->f64[index];
    }
    if (c->raw) {
        const unsigned char *two = mlpi_get_bytes(&from, 2);
        return short_of(c->type, (uint32_t)two[0] | (uint32_t)two[1] << 8);
    }
    return short_of(c->type, (uint32_t)c->i32[index] & 0xffff);
}

/* Rounds x to a number of `digits` binary digits that is a multiple of
 * 2^smallest; a result above `largest` becomes infinite. x is below 2^exponent,
 * so it has fewer than 2^digits units. The sum with 1.5 2^52 has no digit after
 * the point, and so the addition rounds the units to an integer. */
static double round_to(double x, int digits, int smallest, double largest)
{
    const double shift = 0x1.8p52;
    uint64_t bits = 0;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52 & 2047) - 1022;
    if (!isfinite(x)) {
        return x;
    }
    int last = exponent - digits > smallest ? exponent - digits : smallest;
    double unit = power_of_2(last);
    double rounded = (x / unit + shift - shift) * unit;
    return fabs(rounded) <= largest ? rounded
           : x > 0                  ? (double)INFINITY
                                    : -(double)INFINITY;
}

/* Converts x to a type, as a Cast node does. */
static double cast(double x, int32_t type)
{
    return type == ONNX_FLOAT      ? (double)(float)x
           : type == ONNX_FLOAT16  ? round_to(x, 11, -24, 65504)
           : type == ONNX_BFLOAT16 ? round_to(x, 8, -133, 0x1.fep127)
                                   : x;
}

/* Returns the element that is stored at `index`, after all Casts. */
static double real_at(const mlpi_constant *c, size_t index)
{
    double x = stored_at(c, index);
    for (size_t i = 0; i < c->n_casts; i++) {
        x = cast(x, c->casts[i]);
    }
    return x;
}

/* A transposed constant is stored by columns: element (i, j) is behind j
 * columns of `rows` elements each. */
double mlpi_constant_at(const mlpi_constant *c, size_t i, size_t j)
{
    return real_at(c, c->transposed ? j * c->rows + i : i * c->cols + j);
}

double mlpi_constant_broadcast(const mlpi_constant *c, size_t j)
{
    size_t index = j / c->repeat % mlpi_constant_count(c);
    return mlpi_constant_at(c, index / c->cols, index % c->cols);
}

/* Integers are dimensions of shapes, axes and indices. */
int64_t mlpi_constant_int(const mlpi_constant *c, size_t j)
{
    return integer_at(c, j);
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
