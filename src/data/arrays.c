/* SPDX-License-Identifier: MIT */
/*
 * Readers of IDX, NPY and FANN's training data; arrays.h draws the layouts.
 */
#include "data/arrays.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/decimal.h"

/* The types of elements, and their names in IDX and NPY. */
static const struct type {
    unsigned idx;
    const char *npy;
    char kind; /* f: floating-point, i: signed, u: unsigned */
    size_t width;
} types[] = {
    {0x08, "u1", 'u', 1}, {0x09, "", 'i', 1}, {0x0b, "", 'i', 2},
    {0x0c, "i4", 'i', 4}, {0, "i8", 'i', 8},  {0x0d, "f4", 'f', 4},
    {0x0e, "f8", 'f', 8},
};

/* The elements of an array, as a header describes them. */
typedef struct array {
    const unsigned char *elements;
    size_t bytes; /* that follow the header */
    const struct type *type;
    bool is_big;       /* big-endian */
    bool is_by_column; /* Fortran's order */
    size_t n_dims;
    size_t rows, cols;
} array;

/* Multiplies sizes that come from a file. Returns false if the product exceeds
 * a size_t. */
static bool multiply(size_t a, size_t b, size_t *product)
{
    bool fits = b == 0 || a <= SIZE_MAX / b;
    *product = fits ? a * b : 0;
    return fits;
}

/* Reads a count. Returns where it ends, or NULL if there is none. No file has a
 * quarter of all sizes. */
static const char *read_count(const char *s, const char *end, size_t *n)
{
    double x = 0.0;
    s = mlpi_decimal_read(s, end, '.', &x);
    if (!s || !(x >= 0.0 && x < (double)(SIZE_MAX / 4) && x == floor(x))) {
        return NULL;
    }
    *n = (size_t)x;
    return s;
}

/* Adds a dimension: the first one counts the rows. */
static bool add_dimension(array *a, size_t n)
{
    if (a->n_dims++ == 0) {
        a->rows = n;
        a->cols = 1;
        return true;
    }
    return multiply(a->cols, n, &a->cols);
}

/* Reads `width` bytes as an unsigned number. */
static uint64_t read_bits(const unsigned char *p, size_t width, bool is_big)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < width; i++) {
        bits = bits << 8 | p[is_big ? i : width - 1 - i];
    }
    return bits;
}

/* Returns element i. C11 does not say what a conversion to a signed type gives
 * for the negative half, so the complement is converted. */
static double element(const array *a, size_t i)
{
    size_t width = a->type->width;
    uint64_t bits = read_bits(a->elements + i * width, width, a->is_big);
    if (a->type->kind == 'f' && width == 4) {
        uint32_t half = (uint32_t)bits;
        float x = 0;
        memcpy(&x, &half, sizeof x);
        return x;
    }
    if (a->type->kind == 'f') {
        double x = 0;
        memcpy(&x, &bits, sizeof x);
        return x;
    }
    bool is_negative = a->type->kind == 'i' && bits >> (8 * width - 1);
    uint64_t ones = width < 8 ? UINT64_MAX << (8 * width) : 0;
    return is_negative ? -1.0 - (double)~(bits | ones) : (double)bits;
}

/* Stores element i of those in memory, which is in column j. A class number
 * must be an int32. NaN is an empty cell of its column. */
static mlp_status store(mlp_data *data, size_t i, size_t j, double x)
{
    if (data->values.dtype == MLP_F32) {
        ((float *)data->values.data)[i] = (float)x;
    } else if (data->values.dtype == MLP_F64) {
        ((double *)data->values.data)[i] = x;
    } else if (fabs(x) <= INT32_MAX) {
        ((int32_t *)data->values.data)[i] = (int32_t)x;
    } else {
        return mlpi_data_error(&data->pool, MLP_ERR_LIMIT, 0,
                               "row %zu: expects a class number, which is an "
                               "int32, got %.0f",
                               i + 1, x);
    }
    data->columns[j].n_empty += isnan(x) ? 1 : 0;
    return MLP_OK;
}

/* Checks the shape against the bytes that are there. */
static mlp_status check_shape(const array *a, const mlp_data *data)
{
    size_t bytes = 0;
    if (a->rows == 0 || a->cols == 0) {
        return mlpi_data_error(&data->pool, MLP_ERR_FORMAT, 0,
                               "expects rows and columns, got the shape (%zu, "
                               "%zu)",
                               a->rows, a->cols);
    }
    if (a->cols > MLPI_MAX_COLUMNS) {
        return mlpi_data_error(&data->pool, MLP_ERR_LIMIT, 0,
                               "expects at most %d columns, got %zu",
                               (int)MLPI_MAX_COLUMNS, a->cols);
    }
    if (!multiply(a->rows, a->cols, &bytes) ||
        !multiply(bytes, a->type->width, &bytes) || bytes != a->bytes) {
        return mlpi_data_error(&data->pool, MLP_ERR_FORMAT, 0,
                               "expects %zu x %zu elements of %zu byte%s after "
                               "the header, got %zu byte%s",
                               a->rows, a->cols, a->type->width,
                               a->type->width == 1 ? "" : "s", a->bytes,
                               a->bytes == 1 ? "" : "s");
    }
    return MLP_OK;
}

/* Makes the table of an array. */
static mlp_status fill(const array *a, mlp_data *data)
{
    TRY(check_shape(a, data));
    bool is_float = a->type->kind == 'f';
    bool is_class = !is_float && a->n_dims == 1 && !data->options->targets;
    bool is_short = a->type->width <= (is_float ? 4 : 2);
    mlp_dtype dtype = is_class ? MLP_I32 : is_short ? MLP_F32 : MLP_F64;
    for (size_t j = 0; j < a->cols; j++) {
        TRY(mlpi_table_add_name(data, "", 0, 0));
    }
    TRY(mlpi_table_allocate(data, dtype, a->rows, !a->is_by_column));
    size_t cols = data->names.n; /* one more than the array's with targets */
    for (size_t i = 0; i < a->rows * a->cols; i++) {
        size_t j = a->is_by_column ? i / a->rows : i % a->cols;
        size_t at = a->is_by_column ? i : i / a->cols * cols + j;
        TRY(store(data, at, j, element(a, i)));
    }
    data->values.rows = a->rows;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * IDX
 */

/* Finds a type of elements by its number in IDX, or if that is 0, by the two
 * characters of NPY. Returns NULL if there is none. */
static const struct type *find_type(unsigned idx, const char *npy)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const struct type *t = &types[i];
        if (idx ? t->idx == idx : *t->npy && strncmp(npy, t->npy, 2) == 0) {
            return t;
        }
    }
    return NULL;
}

/* The fourth byte counts the dimensions, which follow as big-endian numbers of
 * four bytes. */
static mlp_status read_idx(const unsigned char *bytes, size_t size,
                           const struct type *type, mlp_data *data)
{
    array a = {.is_big = true, .type = type};
    size_t n = bytes[3];
    size_t head = 4 + 4 * n;
    bool is_right = n > 0 && size >= head;
    for (size_t i = 0; is_right && i < n; i++) {
        uint64_t dimension = read_bits(bytes + 4 + 4 * i, 4, true);
        is_right = add_dimension(&a, (size_t)dimension);
    }
    if (!is_right) {
        return mlpi_data_error(&data->pool, MLP_ERR_FORMAT, 0,
                               "expects an IDX header of %zu dimension%s, got "
                               "one that is cut or damaged",
                               n, n == 1 ? "" : "s");
    }
    a.elements = bytes + head;
    a.bytes = size - head;
    return fill(&a, data);
}

/* ---------------------------------------------------------------------------
 * NPY
 */

/* Returns where the value of a key begins in a header that ends with 0, or "".
 * The key stands in quotes and has a colon and blanks behind it. */
static const char *find_value(const char *header, const char *key)
{
    const char *s = strstr(header, key);
    return s ? s + strlen(key) + strspn(s + strlen(key), ": ") : "";
}

/* Reads the type: an order, a letter and a digit, in quotes. Without an order,
 * and with | or =, the bytes are little-endian: on a big-endian machine NumPy
 * writes > explicitly. */
static bool read_type(const char *s, array *a)
{
    if (*s++ != '\'') {
        return false;
    }
    a->is_big = *s == '>';
    s += strspn(s, "<>|=");
    a->type = find_type(0, s);
    return a->type && s[2] == '\'';
}

/* Reads the shape, (3, 4) or (3,), from a text that ends with 0. */
static bool read_shape(const char *s, array *a)
{
    const char *end = s + strlen(s);
    if (*s != '(') {
        return false;
    }
    for (s++; *s != ')'; s += strspn(s, ", ")) {
        size_t n = 0;
        s = read_count(s, end, &n);
        if (!s || !add_dimension(a, n)) {
            return false;
        }
    }
    return a->n_dims > 0;
}

/* Reads the header of `length` bytes, which lie before the elements. It is
 * copied, so that a 0 ends it. NumPy's headers have less than 200 bytes. */
static mlp_status read_npy_header(const unsigned char *bytes, size_t length,
                                  array *a, const mlp_data *data)
{
    char header[4096] = "";
    if (length < sizeof header) {
        memcpy(header, bytes, length);
    }
    const char *order = find_value(header, "'fortran_order'");
    const char *type = find_value(header, "'descr'");
    a->is_by_column = strncmp(order, "True", 4) == 0;
    if (!*order || !read_shape(find_value(header, "'shape'"), a)) {
        return mlpi_data_error(&data->pool, MLP_ERR_FORMAT, 0,
                               "expects a NPY header with an order and a "
                               "shape, got one that is cut or damaged");
    }
    if (!read_type(type, a)) {
        return mlpi_data_error(&data->pool, MLP_ERR_UNSUPPORTED, 0,
                               "expects elements f4, f8, i4, i8 or u1, got %s",
                               mlpi_data_quote(type, strcspn(type, ",}")).text);
    }
    return !a->is_by_column || a->n_dims <= 2
               ? MLP_OK
               : mlpi_data_error(&data->pool, MLP_ERR_UNSUPPORTED, 0,
                                 "expects at most 2 dimensions in Fortran's "
                                 "order, got %zu",
                                 a->n_dims);
}

/* After the magic bytes stand two bytes of the version and the length of the
 * header, which version 1 gives in two bytes and later ones in four. A file
 * that is cut within its header is refused by read_npy_header, which finds no
 * dictionary in it. */
static mlp_status read_npy(const unsigned char *bytes, size_t size,
                           mlp_data *data)
{
    array a = {.is_big = false, .type = types};
    unsigned version = bytes[6];
    if (version < 1 || version > 3) {
        return mlpi_data_error(&data->pool, MLP_ERR_UNSUPPORTED, 0,
                               "expects version 1, 2 or 3 of NPY, got %u",
                               version);
    }
    size_t width = version == 1 ? 2 : 4;
    size_t head = 8 + width;
    size_t length =
        size < head ? 0 : (size_t)read_bits(bytes + 8, width, false);
    bool is_cut = size < head || length > size - head;
    TRY(read_npy_header(bytes + (is_cut ? 0 : head), is_cut ? 0 : length, &a,
                        data));
    a.elements = bytes + head + length;
    a.bytes = size - head - length;
    return fill(&a, data);
}

/* ---------------------------------------------------------------------------
 * FANN
 */

/* A place in the text of a FANN file, whose numbers may be spread over lines in
 * any way, as FANN itself reads them. Words are separated by blanks and line
 * ends. */
typedef struct scanner {
    const char *next, *end;
} scanner;

/* isspace would depend on the locale. */
static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Moves to the next word. Returns its length, which is 0 at the end. */
static size_t next_word(scanner *s)
{
    for (; s->next < s->end && is_space(*s->next); s->next++) {
    }
    const char *e = s->next;
    for (; e < s->end && !is_space(*e); e++) {
    }
    return (size_t)(e - s->next);
}

/* Reads the next word, if it is a number. */
static bool read_number(scanner *s, char point, double *x)
{
    size_t length = next_word(s);
    const char *end = s->next + length;
    bool is_number =
        mlpi_decimal_read(s->next, end, point, x) == end && isfinite(*x);
    s->next = is_number ? end : s->next;
    return is_number;
}

/* Reads the three counts of the first line. Returns false if that holds
 * anything else, or no words follow. A CSV file has no line of three counts
 * with blanks between them. */
static bool read_counts(scanner *s, size_t n[3])
{
    const char *line_end = memchr(s->next, '\n', (size_t)(s->end - s->next));
    scanner line = {s->next, line_end};
    for (size_t i = 0; line_end && i < 3; i++) {
        size_t length = next_word(&line);
        const char *end = line.next + length;
        if (read_count(line.next, end, &n[i]) != end) {
            return false;
        }
        line.next = end;
    }
    s->next = line_end;
    return line_end && next_word(&line) == 0 && next_word(s) > 0;
}

/* Each number takes at least two bytes, with the blank behind it, so counts
 * that exceed the file are refused before anything is allocated. */
static mlp_status read_fann(const char *text, scanner s, const size_t n[3],
                            mlp_data *data)
{
    size_t cols = n[1] + n[2];
    size_t count = 0;
    if (n[0] == 0 || n[1] == 0 || n[2] == 0 || !multiply(n[0], cols, &count) ||
        count > (size_t)(s.end - text) / 2) {
        return mlpi_data_error(&data->pool, MLP_ERR_FORMAT, 1,
                               "expects %zu x (%zu + %zu) numbers, of inputs "
                               "and outputs, got a file that is too short",
                               n[0], n[1], n[2]);
    }
    for (size_t j = 0; j < cols; j++) {
        char name[32];
        bool is_input = j < n[1];
        int length = snprintf(name, sizeof name, "%c%zu", is_input ? 'x' : 'y',
                              1 + (is_input ? j : j - n[1]));
        TRY(mlpi_table_add_name(data, name, (size_t)length, 1));
    }
    TRY(mlpi_table_allocate(data, MLP_F64, n[0], true));
    double *cells = data->values.data;
    char point = data->options->decimal_comma ? ',' : '.';
    double x = 0.0;
    size_t i = 0;
    for (; i < count && read_number(&s, point, &x); i++) {
        cells[i / cols * data->names.n + i % cols] = x;
    }
    data->values.rows = n[0];
    size_t length = next_word(&s);
    if (i == count && length == 0) {
        return MLP_OK;
    }
    size_t line = 1;
    for (; text < s.next; text++) {
        line += *text == '\n';
    }
    return mlpi_data_error(
        &data->pool, MLP_ERR_FORMAT, line, "expects %s, got \"%s\"",
        i < count ? "a number" : "the end of the file",
        length > 0 ? mlpi_data_quote(s.next, length).text : "the end");
}

/* No text begins with two bytes that are 0. */
mlp_status mlpi_arrays_read(const unsigned char *bytes, size_t size,
                            mlp_data *data, bool *is_array)
{
    const char *text = (const char *)bytes;
    scanner s = {text, text + size};
    size_t n[3] = {0, 0, 0};
    *is_array = true;
    const struct type *type = size >= 4 ? find_type(bytes[2], "") : NULL;
    if (type && bytes[0] == 0 && bytes[1] == 0) {
        return read_idx(bytes, size, type, data);
    }
    if (size >= 10 && memcmp(bytes, "\x93NUMPY", 6) == 0) {
        return read_npy(bytes, size, data);
    }
    *is_array = read_counts(&s, n);
    return *is_array ? read_fann(text, s, n, data) : MLP_OK;
}
