/* SPDX-License-Identifier: MIT */
#include "formats/mlp/safetensors.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/error.h"
#include "base/sort.h"

static const char metadata_key[] = "__metadata__";

/* Element types and their bytes, first those that are real numbers. Of others
 * than these nothing is known but where they lie. */
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

static mlp_status refuse(const mlp_hooks *hooks, const char *what)
{
    return mlpi_error(hooks, MLP_ERR_FORMAT,
                      "expects a safetensors file, got %s", what);
}

/* ---------------------------------------------------------------------------
 * The header's syntax. Numbers are compared with the size of the data here.
 */

/* Shape, and how many elements that makes; SIZE_MAX: too many for any file. */
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
    t->begin = (size_t)begin;
    t->size = (size_t)(end - begin);
    return !r->wrong;
}

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
        if (now == 0 || seen & now) {
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

static bool check_metadata(mlpi_json *r)
{
    mlpi_span span;
    mlpi_json_open(r, '{');
    while (mlpi_json_more(r, '}') && mlpi_json_key(r, &span)) {
        (void)mlpi_json_string(r, &span);
    }
    return !r->wrong;
}

/* Goes through the header: counts the tensors, or reads them into the table. An
 * entry that counts has some fifty bytes of text, so that the table is no more
 * than twice the header. */
static bool get_header(mlpi_safetensors *c, mlpi_json *r)
{
    size_t data_size = c->size - MLPI_LENGTH_BYTES - c->header_size;
    bool has_metadata = false;
    mlpi_span key;
    c->count = 0;
    mlpi_json_open(r, '{');
    while (mlpi_json_more(r, '}') && mlpi_json_key(r, &key)) {
        if (mlpi_span_is(key, metadata_key)) {
            if (has_metadata) {
                return mlpi_json_fail(r, "metadata once");
            }
            has_metadata = true;
            c->metadata = r->at;
            (void)check_metadata(r);
        } else {
            mlpi_tensor_entry t = {.name = key};
            (void)get_tensor(r, &t, data_size);
            if (c->tensor) {
                c->tensor[c->count] = t;
            }
            c->count++;
        }
    }
    return mlpi_json_end(r);
}

/* ---------------------------------------------------------------------------
 * The order of tensors
 */

static bool lies_before(const void *a, const void *b)
{
    const mlpi_tensor_entry *x = a;
    const mlpi_tensor_entry *y = b;
    return x->begin < y->begin || (x->begin == y->begin && x->size < y->size);
}

/* The next character as a number; digits as one: all of them, of a number that
 * is too large the lowest bits, which is as good an order as any. Characters
 * stand before all numbers, or behind them. */
static bool next_part(mlpi_span *rest, uint64_t *part)
{
    static const uint64_t past = (uint64_t)1 << 60;
    uint32_t c = 0;
    if (!mlpi_span_next(rest, &c)) {
        return false;
    }
    if (c < '0' || c > '9') {
        *part = c < '0' ? c : past + c;
        return true;
    }
    uint64_t number = c - '0';
    mlpi_span after = *rest;
    while (mlpi_span_next(&after, &c) && c >= '0' && c <= '9') {
        number = number * 10 + (c - '0');
        *rest = after;
    }
    *part = '0' + number % (past / 2);
    return true;
}

/* Below 0, 0, above 0: by characters, but numbers by their value; where that is
 * equal, as "1" and "01" are, by characters alone. */
static int compare_texts(mlpi_span a, mlpi_span b)
{
    mlpi_span x = a;
    mlpi_span y = b;
    uint64_t p = 0;
    uint64_t q = 0;
    bool more_x = true;
    bool more_y = true;
    while (more_x && more_y && p == q) {
        more_x = next_part(&x, &p);
        more_y = next_part(&y, &q);
    }
    if (more_x && more_y) {
        return p < q ? -1 : 1;
    }
    if (more_x || more_y) {
        return more_y ? -1 : 1;
    }
    return mlpi_span_compare(a, b);
}

mlpi_span mlpi_split_name(mlpi_span name, mlpi_span *owner)
{
    size_t n = name.size;
    while (n > 0 && name.text[n - 1] != '.') {
        n--;
    }
    *owner = (mlpi_span){name.text, n};
    return (mlpi_span){name.text + n, name.size - n};
}

/* By owners, then by what they own: so tensors of one owner are neighbours. */
static bool is_named_before(const void *a, const void *b)
{
    mlpi_span owner_a;
    mlpi_span owner_b;
    mlpi_span part_a =
        mlpi_split_name(((const mlpi_tensor_entry *)a)->name, &owner_a);
    mlpi_span part_b =
        mlpi_split_name(((const mlpi_tensor_entry *)b)->name, &owner_b);
    int owners = compare_texts(owner_a, owner_b);
    return owners < 0 || (owners == 0 && compare_texts(part_a, part_b) < 0);
}

static mlp_status check_places(const mlp_hooks *hooks, mlpi_safetensors *c)
{
    size_t end = 0;
    mlpi_sort(c->tensor, c->count, sizeof *c->tensor, lies_before);
    for (size_t i = 0; i < c->count; i++) {
        if (c->tensor[i].begin != end) {
            return refuse(hooks, "tensors with a gap between or in each other");
        }
        end += c->tensor[i].size;
    }
    if (end != c->size - MLPI_LENGTH_BYTES - c->header_size) {
        return refuse(hooks, "data after the last tensor");
    }
    mlpi_sort(c->tensor, c->count, sizeof *c->tensor, is_named_before);
    for (size_t i = 1; i < c->count; i++) {
        if (mlpi_span_compare(c->tensor[i - 1].name, c->tensor[i].name) == 0) {
            return refuse(hooks, "two tensors of one name");
        }
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Opening and closing
 */

bool mlpi_safetensors_may_begin(const unsigned char *head, size_t size)
{
    mlpi_reader from = {.bytes = head, .size = MLPI_LENGTH_BYTES};
    uint64_t n = mlpi_get_u64(&from);
    return n >= 2 && n <= MLPI_HEADER_MAX && n <= size - MLPI_LENGTH_BYTES;
}

static mlp_status report_syntax(const mlp_hooks *hooks, const mlpi_json *r)
{
    return mlpi_error(hooks, MLP_ERR_FORMAT,
                      "header of a safetensors file: expects %s, at byte %zu",
                      r->wrong, MLPI_LENGTH_BYTES + r->at);
}

static mlp_status read_table(const mlp_hooks *hooks, mlpi_safetensors *c)
{
    mlpi_json r = mlpi_json_of(c->header, c->header_size);
    if (!get_header(c, &r)) {
        return report_syntax(hooks, &r);
    }
    /* One entry more than there are tensors, so that a file without tensors has
     * a table, too: get_header tells its two passes apart by c->tensor. */
    void *block = NULL;
    TRY(mlpi_allocate_array(hooks, c->count + 1, sizeof *c->tensor,
                            "a table of tensors", &block));
    c->tensor = block;
    r = mlpi_json_of(c->header, c->header_size);
    return get_header(c, &r) ? check_places(hooks, c)
                             : report_syntax(hooks, &r);
}

mlp_status mlpi_safetensors_open(const mlp_hooks *hooks, const void *bytes,
                                 size_t size, mlpi_safetensors *c)
{
    *c = (mlpi_safetensors){.bytes = bytes, .size = size};
    if (size < MLPI_LENGTH_BYTES || !mlpi_safetensors_may_begin(bytes, size)) {
        return refuse(hooks, "no header of a length that can be");
    }
    mlpi_reader from = {.bytes = bytes, .size = size};
    c->header_size = (size_t)mlpi_get_u64(&from);
    c->header = (const char *)bytes + MLPI_LENGTH_BYTES;
    if (c->header[0] != '{') {
        return refuse(hooks, "no { after the header's length");
    }
    mlp_status status = read_table(hooks, c);
    if (status != MLP_OK) {
        mlpi_safetensors_close(hooks, c);
    }
    return status;
}

void mlpi_safetensors_close(const mlp_hooks *hooks, mlpi_safetensors *c)
{
    mlpi_release(hooks, c->tensor);
    c->tensor = NULL;
    c->count = 0;
}

const mlpi_tensor_entry *mlpi_safetensors_find(const mlpi_safetensors *c,
                                               const char *name)
{
    mlpi_tensor_entry wanted = {.name = {name, strlen(name)}};
    size_t low = 0;
    size_t high = c->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_named_before(&c->tensor[middle], &wanted)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < c->count && mlpi_span_is(c->tensor[low].name, name)
               ? &c->tensor[low]
               : NULL;
}

mlpi_json mlpi_safetensors_pairs(const mlpi_safetensors *c)
{
    mlpi_json r = mlpi_json_of(c->header, c->header_size);
    r.at = c->metadata;
    if (c->metadata == 0) {
        r = mlpi_json_of("{}", 2);
    }
    mlpi_json_open(&r, '{');
    return r;
}

bool mlpi_safetensors_metadata(const mlpi_safetensors *c, const char *key,
                               mlpi_span *value)
{
    mlpi_json r = mlpi_safetensors_pairs(c);
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
 */

bool mlpi_tensor_is_real(const mlpi_tensor_entry *t)
{
    return t->type >= 0 && t->type < REALS;
}

static double float_of(uint32_t bits)
{
    float x = 0.0F;
    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

/* IEEE 754's 16 bits: sign, 5 of exponent, 10 of fraction. As a float with the
 * same fields they are 2^112 too small, which is made good exactly. */
static double half_of(uint32_t bits)
{
    uint32_t sign = (bits & 0x8000) << 16;
    uint32_t rest = (bits & 0x7fff) << 13;
    if ((bits & 0x7c00) == 0x7c00) {
        return float_of(sign | 0x7f800000 | rest);
    }
    return float_of(sign | rest) * 0x1p112;
}

double mlpi_tensor_real(const mlpi_safetensors *c, const mlpi_tensor_entry *t,
                        size_t index)
{
    mlpi_reader from = {.bytes = (const unsigned char *)c->header +
                                 c->header_size + t->begin,
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

void mlpi_safetensors_copy(const mlpi_safetensors *c,
                           const mlpi_tensor_entry *t,
                           const mlpi_kernels *kernels, mlp_view view)
{
    for (size_t i = 0; i < view.rows; i++) {
        for (size_t j = 0; j < view.cols; j++) {
            double x = mlpi_tensor_real(c, t, i * view.cols + j);
            kernels->from_double(
                1, &x,
                mlpi_at(kernels, view.data,
                        i * view.row_stride + j * view.col_stride));
        }
    }
}
