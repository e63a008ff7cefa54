/* SPDX-License-Identifier: MIT */
/*
 * Reads safetensors files (safetensors.h). The header is read twice: the first
 * pass checks its syntax and counts the tensors, the second fills a table of
 * that size. Then the table is sorted twice:
 *
 *     1. by offsets, to check that the tensors fill the data without gaps
 *     2. by names, to check that no two are equal; it stays in this order, in
 *        which a tensor is found by binary search
 *
 * Both passes are linear in the size of the header and both sorts take
 * n log n comparisons at worst (sort.h), so a hostile file cannot cost much
 * more time than an honest one of its size. For the same reason the escapes in
 * a name are resolved once, not in every comparison. Data are not touched until
 * a caller asks for an element.
 */
#include "formats/mlp/safetensors.h"

#include <string.h>

#include "base/arithmetic.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/sort.h"
#include "formats/mlp/tensor_names.h"

static const char metadata_key[] = "__metadata__";

/* The dtypes of the format and the bytes of an element, real numbers first.
 * Tensors of other dtypes are accepted with whatever size they have, because
 * new ones may come and a caller may not need these tensors. */
enum { F64, F32, F16, BF16, REALS };
static const struct {
    const char *name;
    size_t bytes;
} types[] = {
    [F64] = {"F64", 8},   [F32] = {"F32", 4}, [F16] = {"F16", 2},
    [BF16] = {"BF16", 2}, {"I64", 8},         {"I32", 4},
    {"I16", 2},           {"I8", 1},          {"U64", 8},
    {"U32", 4},           {"U16", 2},         {"U8", 1},
    {"BOOL", 1},
};

/* Returns the index of a dtype in `types`, or -1. */
static int type_of(mlpi_span dtype)
{
    int known = (int)(sizeof types / sizeof types[0]);
    for (int type = 0; type < known; type++) {
        if (mlpi_span_is(dtype, types[type].name)) {
            return type;
        }
    }
    return -1;
}

/* Reports a file that is no safetensors file. */
static mlp_status refuse(const mlp_hooks *hooks, const char *what)
{
    return mlpi_error(hooks, MLP_ERR_FORMAT,
                      "expects a safetensors file, got %s", what);
}

/* ---------------------------------------------------------------------------
 * The syntax of the header
 *
 * Functions named get_* read one value and return false after a mistake, which
 * the JSON reader keeps for the message.
 */

/* Reads a shape and computes *elements, the product of all dimensions. A
 * product that overflows becomes SIZE_MAX, which is more than the bytes of any
 * file, so that get_tensor refuses it. Of an empty shape the product is 1: a
 * scalar. */
static bool get_shape(mlpi_json *r, mlpi_tensor_entry *t, size_t *elements)
{
    bool fits = true;
    *elements = 1;
    t->rank = 0;
    mlpi_json_open(r, '[');
    while (mlpi_json_more(r, ']')) {
        uint64_t n = 0;
        (void)mlpi_json_number(r, &n);
        fits = fits && n <= SIZE_MAX &&
               mlpi_size_mul(*elements, (size_t)n, elements);
        if (t->rank < 2) {
            t->shape[t->rank] = (size_t)n;
        }
        t->rank++;
    }
    if (!fits) {
        *elements = SIZE_MAX;
    }
    return !r->wrong;
}

/* Reads the two offsets [begin, end] of a tensor, in bytes, and checks that
 * they lie inside of the data. The array has exactly two elements:
 * mlpi_json_more must find one, one more, and then the closing bracket. */
static bool get_offsets(mlpi_json *r, mlpi_tensor_entry *t, size_t data_size)
{
    uint64_t begin = 0;
    uint64_t end = 0;
    mlpi_json_open(r, '[');
    mlpi_json_more(r, ']');
    (void)mlpi_json_number(r, &begin);
    mlpi_json_more(r, ']');
    (void)mlpi_json_number(r, &end);
    if (mlpi_json_more(r, ']')) {
        return mlpi_json_fail(r, "two offsets");
    }
    if (!r->wrong && (begin > end || end > data_size)) {
        return mlpi_json_fail(r, "offsets inside of the data");
    }
    /* Both are at most data_size, so they are a size_t. */
    t->begin = (size_t)begin;
    t->size = (size_t)(end - begin);
    return !r->wrong;
}

/* Reads the object of one tensor, for example
 *
 *     {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
 *
 * Its three members come in any order, each exactly once, perhaps among others,
 * which the reference reader passes over, too. If the dtype is
 * known, the product of the shape and of the size of an element must be the
 * number of bytes: whoever reads elements relies on it. */
static bool get_tensor(mlpi_json *r, mlpi_tensor_entry *t, size_t data_size)
{
    enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4, ALL = 7 };
    unsigned seen = 0;
    size_t elements = 0;
    mlpi_span key;
    mlpi_json_open(r, '{');
    while (mlpi_json_more(r, '}') && mlpi_json_key(r, &key)) {
        unsigned now = 0;
        if (mlpi_span_is(key, "dtype")) {
            now = DTYPE;
            (void)mlpi_json_string(r, &t->dtype);
        } else if (mlpi_span_is(key, "shape")) {
            now = SHAPE;
            (void)get_shape(r, t, &elements);
        } else if (mlpi_span_is(key, "data_offsets")) {
            now = OFFSETS;
            (void)get_offsets(r, t, data_size);
        }
        if (now == 0) {
            (void)mlpi_json_skip(r);
        } else if (seen & now) {
            return mlpi_json_fail(r, "dtype, shape and data_offsets, once");
        }
        seen |= now;
    }
    if (!r->wrong && seen != ALL) {
        return mlpi_json_fail(r, "dtype, shape and data_offsets");
    }
    t->type = type_of(t->dtype);
    size_t bytes = 0;
    if (!r->wrong && t->type >= 0 &&
        (!mlpi_size_mul(elements, types[t->type].bytes, &bytes) ||
         bytes != t->size)) {
        return mlpi_json_fail(r, "as many bytes as the shape needs");
    }
    return !r->wrong;
}

/* Checks that the metadata are strings only, or null, which counts as none.
 * They are not stored: a caller walks over the text again
 * (mlpi_safetensors_pairs) and finds no mistake there. */
static bool check_metadata(mlpi_safetensors *file, mlpi_json *r)
{
    mlpi_span span;
    if (mlpi_json_null(r)) {
        return true;
    }
    file->metadata = r->at;
    mlpi_json_open(r, '{');
    while (mlpi_json_more(r, '}') && mlpi_json_key(r, &span)) {
        (void)mlpi_json_string(r, &span);
    }
    return !r->wrong;
}

/* Returns the characters of a name, and sets the bytes of its module. Escapes
 * are resolved into file->names, once there is memory for it. */
static mlpi_span resolved(mlpi_safetensors *file, mlpi_span key, size_t *module)
{
    if (memchr(key.text, '\\', key.size)) {
        if (file->names) {
            char *place = file->names + file->named;
            mlpi_writer to = {.bytes = (unsigned char *)place};
            mlpi_put_span(&to, key);
            file->named += to.used;
            key = (mlpi_span){place, to.used};
        } else {
            file->named += key.size;
        }
    }
    for (*module = key.size; *module > 0 && key.text[*module - 1] != '.';) {
        --*module;
    }
    return key;
}

/* Enters a tensor into the table, if there is one, and counts it. */
static void add_tensor(mlpi_safetensors *file, mlpi_tensor_entry t)
{
    t.name = resolved(file, t.name, &t.module);
    if (file->tensor) {
        file->tensor[file->count] = t;
    }
    file->count++;
    if (!mlpi_size_add(file->data, t.size, &file->data)) {
        file->data = SIZE_MAX;
    }
}

/* Reads the whole header: counts the tensors, and writes them to the table if
 * there is one. The text of a tensor has at least 47 bytes, more than half of
 * the 88 bytes of its entry. So the table takes at most twice the header's
 * bytes, and a hostile header cannot demand much memory. */
static bool get_header(mlpi_safetensors *file, mlpi_json *r)
{
    size_t data_size = file->size - MLPI_LENGTH_BYTES - file->header_size;
    bool has_metadata = false;
    mlpi_span key;
    file->count = 0;
    file->data = 0;
    file->named = 0;
    mlpi_json_open(r, '{');
    while (mlpi_json_more(r, '}') && mlpi_json_key(r, &key)) {
        if (mlpi_span_is(key, metadata_key)) {
            if (has_metadata) {
                return mlpi_json_fail(r, "metadata once");
            }
            has_metadata = true;
            (void)check_metadata(file, r);
        } else {
            mlpi_tensor_entry t = {.name = key};
            (void)get_tensor(r, &t, data_size);
            add_tensor(file, t);
        }
    }
    return mlpi_json_end(r);
}

/* ---------------------------------------------------------------------------
 * The order of tensors
 */

/* Orders entries by their offsets. An empty tensor comes before the tensor that
 * begins at the same offset, so that check_places finds no gap there. */
static bool lies_before(const void *a, const void *b)
{
    const mlpi_tensor_entry *x = a;
    const mlpi_tensor_entry *y = b;
    return x->begin < y->begin || (x->begin == y->begin && x->size < y->size);
}

mlpi_span mlpi_split_name(const mlpi_tensor_entry *t, mlpi_span *module)
{
    *module = (mlpi_span){t->name.text, t->module};
    return (mlpi_span){t->name.text + t->module, t->name.size - t->module};
}

/* Orders entries by modules, then by the rest of their names. Whole names in
 * the order of characters would tear modules apart: "fc.norm.bias" stands
 * between "fc.bias" and "fc.weight". */
static bool is_named_before(const void *a, const void *b)
{
    mlpi_span module_a;
    mlpi_span module_b;
    mlpi_span part_a = mlpi_split_name(a, &module_a);
    mlpi_span part_b = mlpi_split_name(b, &module_b);
    int modules = mlpi_names_compare(module_a, module_b);
    return modules < 0 ||
           (modules == 0 && mlpi_names_compare(part_a, part_b) < 0);
}

/* Checks that the tensors fill the data without gaps and that their names
 * differ. Leaves the table in the order of names. */
static mlp_status check_places(const mlp_hooks *hooks, mlpi_safetensors *file)
{
    size_t end = 0;
    mlpi_sort(file->tensor, file->count, sizeof *file->tensor, lies_before);
    for (size_t i = 0; i < file->count; i++) {
        if (file->tensor[i].begin != end) {
            return refuse(hooks, "a gap, or overlapping tensors");
        }
        end += file->tensor[i].size;
    }
    if (end != file->size - MLPI_LENGTH_BYTES - file->header_size) {
        return refuse(hooks, "data after the last tensor");
    }
    mlpi_sort(file->tensor, file->count, sizeof *file->tensor, is_named_before);
    for (size_t i = 1; i < file->count; i++) {
        if (mlpi_names_equal(file->tensor[i - 1].name, file->tensor[i].name)) {
            return refuse(hooks, "two tensors of one name");
        }
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Opening and closing
 */

/* The shortest header is "{}". */
enum { MIN_HEADER = 2 };

/* Returns the most bytes that the header of a file of `size` bytes can have. */
static size_t max_header(size_t size)
{
    return mlpi_min_size(size - MLPI_LENGTH_BYTES, MLPI_HEADER_MAX);
}

/* The caller guarantees that `size` is at least MLPI_LENGTH_BYTES. */
bool mlpi_safetensors_may_begin(const unsigned char *head, size_t size)
{
    mlpi_reader from = {.bytes = head, .size = MLPI_LENGTH_BYTES};
    uint64_t n = mlpi_get_u64(&from);
    return n >= MIN_HEADER && n <= max_header(size);
}

/* Reports the first mistake in the header, with its offset in the file. */
static mlp_status report_syntax(const mlp_hooks *hooks, const mlpi_json *r)
{
    return mlpi_error(hooks, MLP_ERR_FORMAT,
                      "header of a safetensors file: expects %s, at byte %zu",
                      r->wrong, MLPI_LENGTH_BYTES + r->at);
}

/* Returns the size of a header, which mlpi_safetensors_may_begin has accepted,
 * with its length. */
static size_t header_end(const unsigned char *head)
{
    mlpi_reader from = {.bytes = head, .size = MLPI_LENGTH_BYTES};
    return MLPI_LENGTH_BYTES + (size_t)mlpi_get_u64(&from);
}

/* Checks the syntax of a header, and that the tensors have as many bytes as the
 * file has behind the header. */
static mlp_status check_header(const mlp_hooks *hooks,
                               const unsigned char *header, size_t n,
                               size_t file_size)
{
    mlpi_safetensors file = {.bytes = header,
                             .size = file_size,
                             .header_size = n - MLPI_LENGTH_BYTES};
    mlpi_json r =
        mlpi_json_of(mlpi_safetensors_header(&file), file.header_size);
    if (!get_header(&file, &r)) {
        return report_syntax(hooks, &r);
    }
    if (file.data != file_size - n) {
        return mlpi_error(hooks, MLP_ERR_FORMAT,
                          "header of a safetensors file: expects %zu bytes of "
                          "data as its tensors have, got %zu",
                          file.data, file_size - n);
    }
    return MLP_OK;
}

const mlpi_file_rules mlpi_safetensors_rules = {header_end, check_header};

/* Takes the table and the names, which a first pass has counted. There is one
 * entry more than there are tensors: a file without tensors needs a table too,
 * by which get_header knows that this is the second pass. */
static void lay_out(void *object, mlpi_cursor *cursor)
{
    mlpi_safetensors *file = object;
    file->tensor = mlpi_take(cursor, file->count + 1, sizeof *file->tensor);
    file->names = mlpi_take(cursor, file->named, 1);
}

/* Counts the tensors, allocates the table and fills it. If this fails the
 * caller releases the table. */
static mlp_status read_table(const mlp_hooks *hooks, mlpi_safetensors *file)
{
    mlpi_json r =
        mlpi_json_of(mlpi_safetensors_header(file), file->header_size);
    if (!get_header(file, &r)) {
        return report_syntax(hooks, &r);
    }
    void *block = NULL; /* begins with the table */
    TRY(mlpi_allocate_layout(hooks, lay_out, file, "a table of tensors",
                             &block));
    r = mlpi_json_of(mlpi_safetensors_header(file), file->header_size);
    return get_header(file, &r) ? check_places(hooks, file)
                                : report_syntax(hooks, &r);
}

/* The format demands that the header begin with its bracket; only the end of
 * the header may be white space. */
mlp_status mlpi_safetensors_open(const mlp_hooks *hooks, const void *bytes,
                                 size_t size, mlpi_safetensors *file)
{
    *file = (mlpi_safetensors){.bytes = bytes, .size = size};
    if (size < MLPI_LENGTH_BYTES + MIN_HEADER) {
        return refuse(hooks, "a shorter file");
    }
    mlpi_reader from = {.bytes = bytes, .size = size};
    uint64_t n = mlpi_get_u64(&from);
    if (!mlpi_safetensors_may_begin(bytes, size)) {
        return mlpi_error(hooks, MLP_ERR_FORMAT,
                          "header length of a safetensors file out of range: "
                          "expects %d to %zu bytes, got %llu",
                          MIN_HEADER, max_header(size), (unsigned long long)n);
    }
    file->header_size = (size_t)n;
    if (*mlpi_safetensors_header(file) != '{') {
        return refuse(hooks, "no { after the header's length");
    }
    mlp_status status = read_table(hooks, file);
    if (status != MLP_OK) {
        mlpi_safetensors_close(hooks, file);
    }
    return status;
}

void mlpi_safetensors_close(const mlp_hooks *hooks, mlpi_safetensors *file)
{
    mlpi_release(hooks, file->tensor);
    file->tensor = NULL;
    file->names = NULL;
    file->count = 0;
}

/* Searches by bisection for the first entry that is not before the name. */
const mlpi_tensor_entry *mlpi_safetensors_find(const mlpi_safetensors *file,
                                               const char *name)
{
    const char *point = strrchr(name, '.');
    mlpi_tensor_entry wanted = {.name = {name, strlen(name)},
                                .module =
                                    point ? (size_t)(point - name) + 1 : 0};
    size_t low = 0;
    size_t high = file->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_named_before(&file->tensor[middle], &wanted)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < file->count && mlpi_name_is(file->tensor[low].name, name)
               ? &file->tensor[low]
               : NULL;
}

/* An offset of 0 cannot be that of metadata: the header begins with a
 * bracket. */
mlpi_json mlpi_safetensors_pairs(const mlpi_safetensors *file)
{
    mlpi_json r =
        mlpi_json_of(mlpi_safetensors_header(file), file->header_size);
    r.at = file->metadata;
    if (file->metadata == 0) {
        r = mlpi_json_of("{}", 2);
    }
    mlpi_json_open(&r, '{');
    return r;
}

/* Searches from the first key on. Metadata are few, and only two keys are
 * looked up in a file. */
bool mlpi_safetensors_metadata(const mlpi_safetensors *file, const char *key,
                               mlpi_span *value)
{
    mlpi_json r = mlpi_safetensors_pairs(file);
    mlpi_span found;
    while (mlpi_json_more(&r, '}') && mlpi_json_key(&r, &found) &&
           mlpi_json_string(&r, value)) {
        if (mlpi_span_is(found, key)) {
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------------------
 * Elements
 *
 * The formats of 16 bits are widened to float by moving their bits:
 *
 *              sign  exponent  fraction
 *     F32       1       8         23
 *     BF16      1       8          7     the upper half of an F32
 *     F16       1       5         10     IEEE 754's binary16
 */

bool mlpi_tensor_is_real(const mlpi_tensor_entry *t)
{
    return t->type >= 0 && t->type < REALS;
}

/* Returns the float with these bits. */
static double float_of(uint32_t bits)
{
    float x = 0.0F;
    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

/* Returns the F16 with these bits. Its exponent is biased by 15, that of a
 * float by 127. So the same fields as a float are a number that is 2^112 times
 * too small, and the product with 2^112 is exact, for subnormal numbers, too.
 * Infinities and NaNs, whose exponent is all ones, get the exponent of
 * theirs. */
static double half_of(uint32_t bits)
{
    uint32_t sign = (bits & 0x8000) << 16;
    uint32_t rest = (bits & 0x7fff) << 13;
    if ((bits & 0x7c00) == 0x7c00) {
        return float_of(sign | 0x7f800000 | rest);
    }
    return float_of(sign | rest) * 0x1p112;
}

/* The index is in the tensor, whose size get_tensor has compared with its
 * shape: the reader cannot run past the end. */
double mlpi_tensor_real(const mlpi_safetensors *file,
                        const mlpi_tensor_entry *t, size_t index)
{
    mlpi_reader from = {.bytes = mlpi_safetensors_data(file) + t->begin,
                        .size = t->size};
    from.used = index * types[t->type].bytes;
    if (t->type == F64) {
        return mlpi_get_f64(&from);
    }
    if (t->type == F32) {
        return float_of(mlpi_get_u32(&from));
    }
    const unsigned char *two = mlpi_get_bytes(&from, 2);
    uint32_t bits = (uint32_t)two[0] | (uint32_t)two[1] << 8;
    return t->type == BF16 ? float_of(bits << 16) : half_of(bits);
}

/* Elements are converted one by one, because the view may be transposed in
 * memory, as that of W is. NaNs and infinities are copied as they are. */
void mlpi_safetensors_copy(const mlpi_safetensors *file,
                           const mlpi_tensor_entry *t,
                           const mlpi_kernels *kernels, mlp_view view)
{
    for (size_t i = 0; i < view.rows; i++) {
        for (size_t j = 0; j < view.cols; j++) {
            double x = mlpi_tensor_real(file, t, i * view.cols + j);
            kernels->scalar->from_double(
                1, &x,
                mlpi_at(kernels, view.data,
                        i * view.row_stride + j * view.col_stride));
        }
    }
}
