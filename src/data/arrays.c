/* SPDX-License-Identifier: MIT */
/*
 * Readers of IDX, NPY and FANN; arrays.h draws the three layouts.
 *
 * IDX and NPY differ only in their headers. Each header becomes a struct array,
 * from which one function stores the elements. The product of the dimensions is
 * checked against the bytes that are there before anything is allocated, so a
 * header cannot make this library allocate more than a few times the size of
 * its file.
 */
#include "data/arrays.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/decimal.h"

/* The elements of an array, as a header describes them. */
typedef struct array {
    const unsigned char *elements;
    size_t bytes;      /* that follow the header */
    char kind;         /* f: floating-point, i: signed, u: unsigned */
    size_t width;      /* bytes of an element: 1, 2, 4 or 8 */
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

/* Adds a dimension: the first one counts the rows. */
static bool add_dimension(array *a, size_t n)
{
    a->n_dims++;
    if (a->n_dims == 1) {
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
 * for the negative half, so 2^n is subtracted from it in double, or for 64 bits
 * by the complement. */
static double element(const array *a, size_t i)
{
    uint64_t bits = read_bits(a->elements + i * a->width, a->width, a->is_big);
    if (a->kind == 'f' && a->width == 4) {
        uint32_t half = (uint32_t)bits;
        float x = 0;
        memcpy(&x, &half, sizeof x);
        return x;
    }
    if (a->kind == 'f') {
        double x = 0;
        memcpy(&x, &bits, sizeof x);
        return x;
    }
    bool is_negative = a->kind == 'i' && bits >> (8 * a->width - 1);
    uint64_t ones = a->width < 8 ? UINT64_MAX << (8 * a->width) : 0;
    return is_negative ? -1.0 - (double)~(bits | ones) : (double)bits;
}

/* Chooses the type in memory: class numbers for whole numbers in one dimension,
 * else the shorter type that holds all elements exactly. */
static mlp_dtype dtype_of(const array *a)
{
    if (a->kind != 'f' && a->n_dims == 1) {
        return MLP_I32;
    }
    bool is_short = a->kind == 'f' ? a->width == 4 : a->width <= 2;
    return is_short ? MLP_F32 : MLP_F64;
}

/* Checks the shape against the bytes that are there. */
static mlp_status check_shape(const array *a, const mlp_data *data)
{
    size_t bytes = 0;
    if (a->rows == 0 || a->cols == 0) {
        return mlpi_data_error(&data->hooks, MLP_ERR_FORMAT,
                               "%s: expects rows and columns, got the shape "
                               "(%zu, %zu)",
                               data->path, a->rows, a->cols);
    }
    if (a->cols > MLPI_MAX_COLUMNS) {
        return mlpi_data_error(&data->hooks, MLP_ERR_LIMIT,
                               "%s: expects at most %d columns, got %zu",
                               data->path, (int)MLPI_MAX_COLUMNS, a->cols);
    }
    if (!multiply(a->rows, a->cols, &bytes) ||
        !multiply(bytes, a->width, &bytes) || bytes != a->bytes) {
        return mlpi_data_error(
            &data->hooks, MLP_ERR_FORMAT,
            "%s: expects %zu x %zu elements of %zu bytes after the header, got "
            "%zu bytes",
            data->path, a->rows, a->cols, a->width, a->bytes);
    }
    return MLP_OK;
}

/* Stores one element, in the type of the table. A class number must be an
 * int32. NaN is an empty cell of its column. */
static mlp_status store(mlp_data *data, size_t i, double x)
{
    if (data->values.dtype == MLP_F32) {
        ((float *)data->block)[i] = (float)x;
    } else if (data->values.dtype == MLP_F64) {
        ((double *)data->block)[i] = x;
    } else if (fabs(x) <= INT32_MAX) {
        ((int32_t *)data->block)[i] = (int32_t)x;
    } else {
        return mlpi_data_error(&data->hooks, MLP_ERR_LIMIT,
                               "%s: row %zu: expects a class number, which is "
                               "an int32, got %.0f",
                               data->path, i + 1, x);
    }
    return MLP_OK;
}

/* Makes the table of an array. The elements keep their order: rows one after
 * the other, or columns in Fortran's order. The strides of the view tell which.
 * */
static mlp_status fill(const array *a, mlp_data *data)
{
    TRY(check_shape(a, data));
    for (size_t j = 0; j < a->cols; j++) {
        TRY(mlpi_table_add_name(data, "", 0, 0));
    }
    TRY(mlpi_table_allocate(data, dtype_of(a), a->rows));
    if (!a->is_by_column) {
        data->values.row_stride = a->cols;
        data->values.col_stride = 1;
    }
    for (size_t i = 0; i < a->rows * a->cols; i++) {
        double x = element(a, i);
        TRY(store(data, i, x));
        if (isnan(x)) {
            size_t j = a->is_by_column ? i / a->rows : i % a->cols;
            data->columns[j].n_empty++;
        }
    }
    data->values.rows = a->rows;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * IDX
 */

/* Sets the type of the elements. Returns false if there is none. MNIST's own
 * files are of type 08; the other types come from its description. */
static bool set_idx_type(array *a, unsigned type)
{
    static const struct {
        unsigned type;
        char kind;
        size_t width;
    } types[] = {{0x08, 'u', 1}, {0x09, 'i', 1}, {0x0b, 'i', 2},
                 {0x0c, 'i', 4}, {0x0d, 'f', 4}, {0x0e, 'f', 8}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].type == type) {
            a->kind = types[i].kind;
            a->width = types[i].width;
            return true;
        }
    }
    return false;
}

/* No text begins with two bytes that are 0. */
bool mlpi_idx_begins(const unsigned char *bytes, size_t size)
{
    array a = {.is_big = true};
    return size >= 4 && bytes[0] == 0 && bytes[1] == 0 &&
           set_idx_type(&a, bytes[2]);
}

mlp_status mlpi_idx_read(const unsigned char *bytes, size_t size,
                         mlp_data *data)
{
    array a = {.is_big = true};
    size_t n = bytes[3];
    size_t head = 4 + 4 * n;
    bool is_right = set_idx_type(&a, bytes[2]) && n > 0 && size >= head;
    for (size_t i = 0; is_right && i < n; i++) {
        uint64_t dimension = read_bits(bytes + 4 + 4 * i, 4, true);
        is_right = add_dimension(&a, (size_t)dimension);
    }
    if (!is_right) {
        return mlpi_data_error(&data->hooks, MLP_ERR_FORMAT,
                               "%s: expects an IDX header of %zu dimension%s, "
                               "got one that is cut or damaged",
                               data->path, n, n == 1 ? "" : "s");
    }
    a.elements = bytes + head;
    a.bytes = size - head;
    return fill(&a, data);
}

/* ---------------------------------------------------------------------------
 * NPY
 */

bool mlpi_npy_begins(const unsigned char *bytes, size_t size)
{
    return size >= 10 && memcmp(bytes, "\x93NUMPY", 6) == 0;
}

/* Returns where the value of a key begins in a header that ends with 0, or
 * NULL. The key stands in quotes and has a colon and blanks behind it. */
static const char *find_value(const char *header, const char *key)
{
    const char *s = strstr(header, key);
    if (s) {
        s += strlen(key);
        s += *s == ':';
        s += strspn(s, " ");
    }
    return s;
}

/* Reads the type: an order, a letter and a digit, in quotes. Without an order,
 * and with | or =, the bytes are little-endian: on a big-endian machine NumPy
 * writes > explicitly. */
static bool read_type(const char *s, array *a)
{
    static const char *const types[] = {"f4", "f8", "i4", "i8", "u1"};
    if (!s || *s != '\'' || !s[1]) {
        return false;
    }
    s++;
    a->is_big = *s == '>';
    s += strchr("<>|=", *s) != NULL;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strncmp(s, types[i], 2) == 0 && s[2] == '\'') {
            a->kind = s[0];
            a->width = (size_t)(s[1] - '0');
            return true;
        }
    }
    return false;
}

/* Reads the shape: (3, 4) or (3,). A dimension of 19 digits and more exceeds
 * any file. */
static bool read_shape(const char *s, array *a)
{
    if (!s || *s != '(') {
        return false;
    }
    for (s++; *s != ')';) {
        size_t digits = strspn(s, "0123456789");
        size_t n = 0;
        if (digits == 0 || digits > 18) {
            return false;
        }
        for (size_t i = 0; i < digits; i++) {
            n = 10 * n + (size_t)(s[i] - '0');
        }
        if (!add_dimension(a, n)) {
            return false;
        }
        s += digits;
        s += *s == ',';
        s += strspn(s, " ");
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
    if (!order || !read_shape(find_value(header, "'shape'"), a)) {
        return mlpi_data_error(&data->hooks, MLP_ERR_FORMAT,
                               "%s: expects a NPY header with an order and a "
                               "shape, got one that is cut or damaged",
                               data->path);
    }
    if (!read_type(find_value(header, "'descr'"), a)) {
        const char *type = find_value(header, "'descr'");
        char quote[MLPI_QUOTE_SIZE];
        size_t n = type ? strcspn(type, ",}") : 0;
        return mlpi_data_error(&data->hooks, MLP_ERR_UNSUPPORTED,
                               "%s: expects elements f4, f8, i4, i8 or u1, got "
                               "%s",
                               data->path,
                               mlpi_data_quote(type ? type : "", n, quote));
    }
    a->is_by_column = strncmp(order, "True", 4) == 0;
    if (a->is_by_column && a->n_dims > 2) {
        return mlpi_data_error(&data->hooks, MLP_ERR_UNSUPPORTED,
                               "%s: expects at most 2 dimensions in Fortran's "
                               "order, got %zu",
                               data->path, a->n_dims);
    }
    return MLP_OK;
}

mlp_status mlpi_npy_read(const unsigned char *bytes, size_t size,
                         mlp_data *data)
{
    array a = {.width = 0};
    unsigned version = bytes[6];
    if (version < 1 || version > 3) {
        return mlpi_data_error(&data->hooks, MLP_ERR_UNSUPPORTED,
                               "%s: expects version 1, 2 or 3 of NPY, got %u",
                               data->path, version);
    }
    size_t width = version == 1 ? 2 : 4;
    size_t head = 8 + width;
    size_t length =
        size < head ? SIZE_MAX : (size_t)read_bits(bytes + 8, width, false);
    if (size < head || length > size - head) {
        return mlpi_data_error(&data->hooks, MLP_ERR_FORMAT,
                               "%s: expects a NPY header, got a file that is "
                               "cut",
                               data->path);
    }
    TRY(read_npy_header(bytes + head, length, &a, data));
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
    size_t line;
} scanner;

/* Moves to the next word. Returns its length, which is 0 at the end. */
static size_t next_word(scanner *s)
{
    for (; s->next < s->end && strchr(" \t\r\n", *s->next); s->next++) {
        if (*s->next == '\0') {
            break; /* strchr finds the 0 at the end of its text too */
        }
        s->line += *s->next == '\n';
    }
    const char *e = s->next;
    for (; e < s->end && (*e == '\0' || !strchr(" \t\r\n", *e)); e++) {
    }
    return (size_t)(e - s->next);
}

/* Reads a count of at most 18 digits. */
static bool read_count(scanner *s, size_t *n)
{
    size_t length = next_word(s);
    *n = 0;
    for (size_t i = 0; i < length; i++, s->next++) {
        if (*s->next < '0' || *s->next > '9' || length > 18) {
            return false;
        }
        *n = 10 * *n + (size_t)(*s->next - '0');
    }
    return length > 0;
}

/* A CSV file has no line of three counts with blanks between them. */
bool mlpi_fann_begins(const unsigned char *bytes, size_t size)
{
    scanner s = {(const char *)bytes, (const char *)bytes + size, 1};
    size_t n = 0;
    for (size_t i = 0; i < 3; i++) {
        if (!read_count(&s, &n) || s.line > 1) {
            return false;
        }
    }
    return next_word(&s) > 0 && s.line > 1;
}

/* Names the columns x1, x2, ... and y1, y2, ... */
static mlp_status name_columns(mlp_data *data, size_t inputs, size_t outputs)
{
    char name[32];
    for (size_t j = 0; j < inputs + outputs; j++) {
        int length =
            snprintf(name, sizeof name, "%c%zu", j < inputs ? 'x' : 'y',
                     1 + (j < inputs ? j : j - inputs));
        TRY(mlpi_table_add_name(data, name, (size_t)length, 1));
    }
    return MLP_OK;
}

/* Each number takes at least two bytes, with the blank behind it, so counts
 * that exceed the file are refused before anything is allocated. */
mlp_status mlpi_fann_read(const unsigned char *bytes, size_t size, char point,
                          mlp_data *data)
{
    scanner s = {(const char *)bytes, (const char *)bytes + size, 1};
    size_t n[3] = {0, 0, 0};
    size_t count = 0;
    for (size_t i = 0; i < 3; i++) {
        (void)read_count(&s, &n[i]); /* mlpi_fann_begins has read them */
    }
    size_t cols = n[1] + n[2];
    if (n[0] == 0 || n[1] == 0 || n[2] == 0 || !multiply(n[0], cols, &count) ||
        count > size / 2) {
        return mlpi_data_error(&data->hooks, MLP_ERR_FORMAT,
                               "%s:1: expects %zu rows of %zu inputs and %zu "
                               "outputs, got a file that is too short",
                               data->path, n[0], n[1], n[2]);
    }
    TRY(name_columns(data, n[1], n[2]));
    TRY(mlpi_table_allocate(data, MLP_F64, n[0]));
    data->values.row_stride = cols;
    data->values.col_stride = 1;
    for (size_t i = 0; i <= count; i++) {
        size_t length = next_word(&s);
        double x = 0.0;
        bool is_number = length > 0 &&
                         mlpi_decimal_read(s.next, s.next + length, point,
                                           &x) == s.next + length &&
                         isfinite(x);
        if (i == count ? length > 0 : !is_number) {
            char quote[MLPI_QUOTE_SIZE];
            return mlpi_data_error(
                &data->hooks, MLP_ERR_FORMAT, "%s:%zu: expects %s, got \"%s\"",
                data->path, s.line,
                i == count ? "the end of the file" : "a number",
                length ? mlpi_data_quote(s.next, length, quote) : "the end");
        }
        if (i < count) {
            ((double *)data->block)[i] = x;
        }
        s.next += length;
    }
    data->values.rows = n[0];
    return MLP_OK;
}
