/* SPDX-License-Identifier: MIT */
/*
 * Tables, dictionaries, memory and messages.
 *
 * A pool is a list of its blocks. A failure anywhere needs nothing but its end.
 *
 *     block   before | bytes of the caller
 *
 * A dictionary is a hash table with linear probing, whose slots hold numbers of
 * texts:
 *
 *     texts   "setosa" "versicolor"
 *     slots   . . 2 . . 1 . .
 */
#include "data/table.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/decimal.h"

/* ---------------------------------------------------------------------------
 * Messages and memory
 */

/* The message begins with the place, in the form in which compilers name one,
 * so that editors find it. It is written in two parts because a path may hold a
 * percent sign. A longer message is cut, for the log takes one line. Control
 * characters are replaced, so that the name of a file cannot forge a line of the
 * log. */
mlp_status mlpi_data_error(const mlpi_pool *pool, mlp_status status,
                           size_t line, const char *format, ...)
{
    char message[256];
    int n = line > 0 ? snprintf(message, sizeof message, "%s:%zu: ", pool->path,
                                line)
                     : snprintf(message, sizeof message, "%s: ", pool->path);
    size_t used = n < (int)sizeof message ? (size_t)n : sizeof message - 1;
    va_list arguments;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    (void)vsnprintf(message + used, sizeof message - used, format, arguments);
    va_end(arguments);
    for (char *c = message; *c != '\0'; c++) {
        *c = (unsigned char)*c < ' ' ? '?' : *c;
    }
    if (pool->hooks.log) {
        pool->hooks.log(status, message, pool->hooks.user);
    }
    return status;
}

/* This runs before there is a pool, whose hooks may be half given, so it calls
 * the log itself. */
mlp_status mlpi_data_need(const mlp_hooks *hooks, const void *argument,
                          const char *what)
{
    if (!argument && hooks && hooks->log) {
        char message[64];
        (void)snprintf(message, sizeof message, "%s is NULL", what);
        hooks->log(MLP_ERR_NULL, message, hooks->user);
    }
    return argument ? MLP_OK : MLP_ERR_NULL;
}

/* The core has the same check, but this library knows only public headers. */
mlp_status mlpi_data_check_reserved(const mlpi_pool *pool, const char *what,
                                    const uint64_t *reserved, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (reserved[i] != 0) {
            return mlpi_data_error(pool, MLP_ERR_ARGUMENT, 0,
                                   "%s, reserved: expects zeros, got %llu in "
                                   "element %zu (a later version's option, or "
                                   "a struct that was not set)",
                                   what, (unsigned long long)reserved[i], i);
        }
    }
    return MLP_OK;
}

/* A cut text ends before the first byte of a character that is not whole. */
mlpi_phrase mlpi_data_quote(const char *text, size_t length)
{
    const size_t room = 44;
    mlpi_phrase quote;
    size_t n = length < room ? length : room;
    while (n < length && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) {
        n--;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        quote.text[i] = c < 0x20 || c == 0x7f ? '?' : text[i];
    }
    memcpy(quote.text + n, n < length ? "..." : "", n < length ? 4 : 1);
    return quote;
}

/* Columns count from 1 here, as in a spreadsheet and as editors do. The name is
 * shorter than a quote may be, so that it leaves room for what was expected. */
mlpi_phrase mlpi_table_place(const mlp_data *data, size_t j)
{
    mlpi_phrase place;
    const char *name = data->names.texts[j];
    (void)snprintf(place.text, sizeof place.text, "column %zu (%.47s)", j + 1,
                   mlpi_data_quote(name, strlen(name)).text);
    return place;
}

/* ---------------------------------------------------------------------------
 * Pools
 */

/* What stands before the bytes of the caller, which are aligned for all
 * types. */
typedef struct mlpi_block {
    struct mlpi_block *before;
    max_align_t bytes[];
} mlpi_block;

/* A block of one allocator must not be released by another. */
mlp_status mlpi_data_begin(const mlp_hooks *hooks, const char *path,
                           mlpi_pool *pool)
{
    *pool = (mlpi_pool){.path = path};
    if (hooks) {
        pool->hooks = *hooks;
    }
    return (pool->hooks.allocate == NULL) == (pool->hooks.release == NULL)
               ? DATA_CHECK_RESERVED(pool, "hooks", &pool->hooks)
               : mlpi_data_error(pool, MLP_ERR_ARGUMENT, 0,
                                 "hooks: expects allocate and release "
                                 "together, got one of them");
}

/* The block before must be read first: it is named in the block that goes. */
void mlpi_data_end(mlpi_pool *pool)
{
    while (pool->last) {
        mlpi_block *block = pool->last;
        pool->last = block->before;
        if (pool->hooks.release) {
            pool->hooks.release(block, pool->hooks.user);
        } else {
            free(block);
        }
    }
}

void *mlpi_data_allocate(mlpi_pool *pool, size_t count, size_t size)
{
    mlpi_block *fresh = NULL;
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): no size is 0. */
    if (count <= (SIZE_MAX - sizeof *fresh) / size) {
        size_t n = sizeof *fresh + count * size;
        fresh = pool->hooks.allocate ? pool->hooks.allocate(n, pool->hooks.user)
                                     : malloc(n);
    }
    if (!fresh) {
        (void)mlpi_data_error(pool, MLP_ERR_MEMORY, 0,
                              "no memory for %zu x %zu bytes", count, size);
        return NULL;
    }
    fresh->before = pool->last;
    pool->last = fresh;
    return fresh->bytes;
}

/* A block that grows is copied, and the old one stays in the pool. Since the
 * room doubles, the old ones together are no larger than the new one. The
 * address of the pointer is void, and the pointer copied, because C has no type
 * for "the address of any pointer", and a failure must leave the pointer as it
 * was. */
mlp_status mlpi_data_reserve(mlpi_pool *pool, size_t count, size_t size,
                             size_t *capacity, void *block)
{
    if (count <= *capacity) {
        return MLP_OK;
    }
    size_t twice = *capacity <= SIZE_MAX / 2 ? 2 * *capacity : SIZE_MAX;
    size_t more = count > twice ? count : twice;
    void *old = NULL;
    memcpy(&old, block, sizeof old);
    void *fresh = mlpi_data_allocate(pool, more, size);
    if (!fresh) {
        return MLP_ERR_MEMORY;
    }
    if (old) {
        memcpy(fresh, old, *capacity * size);
    }
    memcpy(block, &fresh, sizeof fresh);
    *capacity = more;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Dictionaries
 */

/* Returns the slot of a text: its own, or the free one where it belongs. The
 * hash is FNV-1a (Fowler, Noll, Vo). */
static size_t slot_of(const mlpi_dictionary *d, const char *text, size_t length)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    }
    size_t slot = (size_t)(hash ^ hash >> 32) & (d->n_slots - 1);
    for (; d->slots[slot] != 0; slot = (slot + 1) & (d->n_slots - 1)) {
        const char *other = d->texts[d->slots[slot] - 1];
        if (strlen(other) == length && memcmp(other, text, length) == 0) {
            break;
        }
    }
    return slot;
}

/* An empty dictionary has no slots yet, and 0 in a slot means that it is free;
 * so the numbers in the slots are one more than those of the texts. */
size_t mlpi_dictionary_find(const mlpi_dictionary *d, const char *text,
                            size_t length)
{
    size_t i = d->n > 0 ? d->slots[slot_of(d, text, length)] : 0;
    return i > 0 ? i - 1 : SIZE_MAX;
}

/* Empties the hash table and adds all texts to it. */
static void fill_slots(mlpi_dictionary *d)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
    memset(d->slots, 0, d->n_slots * sizeof *d->slots);
    for (size_t i = 0; i < d->n; i++) {
        size_t slot = slot_of(d, d->texts[i], strlen(d->texts[i]));
        d->slots[slot] = (uint32_t)(i + 1);
    }
}

/* All memory is taken before anything is stored, so a failure leaves the
 * dictionary as it was. The hash table doubles when half of it is full: at this
 * load a search looks at two slots on average. */
mlp_status mlpi_dictionary_add(mlpi_pool *pool, mlpi_dictionary *d,
                               const char *text, size_t length, size_t *number)
{
    *number = mlpi_dictionary_find(d, text, length);
    if (*number != SIZE_MAX) {
        return MLP_OK;
    }
    if (d->n >= MLPI_MAX_CATEGORIES) {
        return mlpi_data_error(pool, MLP_ERR_LIMIT, 0,
                               "expects at most %d categories in a column",
                               (int)MLPI_MAX_CATEGORIES);
    }
    char *copy = NULL;
    TRY(ALLOCATE(pool, length + 1, &copy));
    TRY(RESERVE(pool, d->n + 1, &d->capacity, &d->texts));
    if (2 * (d->n + 1) > d->n_slots) {
        TRY(RESERVE(pool, d->n_slots ? d->n_slots + 1 : 16, &d->n_slots,
                    &d->slots));
        fill_slots(d);
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    d->slots[slot_of(d, copy, length)] = (uint32_t)(d->n + 1);
    d->texts[d->n] = copy;
    *number = d->n++;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * Tables
 */

/* The table lies in its own pool, with its path behind it, because messages
 * name the path as long as the table lives. What only the reader needs goes
 * into `scratch`, which ends before the caller gets the table. */
mlp_status mlpi_table_create(const mlp_hooks *hooks, const char *path,
                             const mlp_data_options *options, mlp_data **data)
{
    mlpi_pool pool;
    size_t size = strlen(path) + 1;
    TRY(mlpi_data_begin(hooks, path, &pool));
    mlp_data *fresh = mlpi_data_allocate(&pool, size + sizeof *fresh, 1);
    if (!fresh) {
        return MLP_ERR_MEMORY;
    }
    pool.path = memcpy(fresh + 1, path, size);
    *fresh = (mlp_data){.pool = pool,
                        .scratch = {pool.hooks, pool.path, NULL},
                        .options = options};
    *data = fresh;
    return MLP_OK;
}

/* The options belong to the caller and may be gone after the call, so the table
 * forgets them. */
mlp_status mlpi_table_finish(mlp_data *fresh, mlp_status status,
                             mlp_data **data)
{
    fresh->options = NULL;
    if (status == MLP_OK) {
        mlpi_data_end(&fresh->scratch);
        *data = fresh;
    } else {
        mlp_data_free(fresh);
    }
    return status;
}

/* The table lies in its own pool. */
void mlp_data_free(mlp_data *data)
{
    if (data) {
        mlpi_data_end(&data->scratch);
        mlpi_pool pool = data->pool;
        mlpi_data_end(&pool);
    }
}

/* A column without a name gets one from its place. The dictionary of the names
 * tells a name that is there already by its number. */
mlp_status mlpi_table_add_name(mlp_data *data, const char *name, size_t length,
                               size_t line)
{
    char place[32];
    size_t j = data->names.n;
    size_t number = 0;
    if (length == 0) {
        (void)snprintf(place, sizeof place, "c%zu", j + 1);
        name = place;
        length = strlen(place);
    }
    if (j == MLPI_MAX_COLUMNS) {
        return mlpi_data_error(&data->pool, MLP_ERR_LIMIT, line,
                               "expects at most %d columns",
                               (int)MLPI_MAX_COLUMNS);
    }
    TRY(mlpi_dictionary_add(&data->pool, &data->names, name, length, &number));
    if (number == j) {
        return MLP_OK;
    }
    return mlpi_data_error(&data->pool, MLP_ERR_FORMAT, line,
                           "column %zu: expects a name of its own, got "
                           "\"%s\", which is that of column %zu",
                           j + 1, mlpi_data_quote(name, length).text,
                           number + 1);
}

/* `who` says who needs the column, because the same mistake is made in options,
 * in a recipe and as a target. */
mlp_status mlpi_table_find(const mlp_data *data, const char *name,
                           mlp_status status, const char *who, size_t *j)
{
    *j = mlp_data_find(data, name);
    if (*j != SIZE_MAX) {
        return MLP_OK;
    }
    name = name ? name : "NULL";
    return mlpi_data_error(&data->pool, status, 0,
                           "there is no column \"%s\", which %s",
                           mlpi_data_quote(name, strlen(name)).text, who);
}

/* Sets what the options say of columns: those of the recipe first, because the
 * names that the caller gives count more. */
static mlp_status apply_options(mlp_data *data)
{
    const mlp_data_options *o = data->options;
    for (size_t j = 0; j < data->names.n; j++) {
        data->columns[j] = (mlpi_column){.is_ignored = o->recipe != NULL};
    }
    for (size_t i = 0; i < mlp_data_recipe_columns(o->recipe); i++) {
        const mlp_data_column *known = mlp_data_recipe_column(o->recipe, i);
        size_t j = mlp_data_find(data, known->name);
        if (j != SIZE_MAX) {
            data->columns[j] = (mlpi_column){known->kind, .is_told = true};
        }
    }
    for (size_t i = 0; i < o->n_categories + o->n_ignored; i++) {
        bool is_category = i < o->n_categories;
        const char *name =
            is_category ? o->categories[i] : o->ignored[i - o->n_categories];
        size_t j = mlp_data_find(data, name);
        if (j == SIZE_MAX && !is_category && o->recipe) {
            continue; /* new rows need not have what nobody reads */
        }
        TRY(mlpi_table_find(data, name, MLP_ERR_ARGUMENT, "the options name",
                            &j));
        data->columns[j] =
            is_category ? (mlpi_column){MLP_DATA_CATEGORY, .is_told = true}
                        : (mlpi_column){.is_ignored = true};
    }
    return MLP_OK;
}

/* The bytes of a row are few, because columns are; so only their product with
 * the rows can overflow, which the allocation checks. */
mlp_status mlpi_table_allocate(mlp_data *data, mlp_dtype dtype, size_t rows,
                               bool by_row)
{
    size_t size = dtype == MLP_F32 ? sizeof(float) : sizeof(double);
    if (data->options->targets) {
        TRY(mlpi_table_add_name(data, "target", strlen("target"), 0));
    }
    size_t cols = data->names.n;
    TRY(ALLOCATE(&data->pool, cols, &data->columns));
    TRY(apply_options(data));
    void *cells = mlpi_data_allocate(&data->pool, rows, size * cols);
    if (!cells) {
        return MLP_ERR_MEMORY;
    }
    data->values =
        (mlp_view){dtype, 0, cols, by_row ? cols : 1, by_row ? 1 : rows, cells};
    return MLP_OK;
}

/* Compares two categories. Numbers are compared by their values, so that class
 * 10 comes after class 9. */
static int compare_texts(const void *a, const void *b)
{
    const char *texts[] = {*(const char *const *)a, *(const char *const *)b};
    double x[2] = {0.0, 0.0};
    bool are_numbers[2];
    for (size_t i = 0; i < 2; i++) {
        const char *end = texts[i] + strlen(texts[i]);
        are_numbers[i] = mlpi_decimal_read(texts[i], end, '.', &x[i]) == end;
    }
    if (are_numbers[0] != are_numbers[1]) {
        return are_numbers[0] ? -1 : 1;
    }
    if (are_numbers[0] && x[0] != x[1]) {
        return x[0] < x[1] ? -1 : 1;
    }
    return strcmp(texts[0], texts[1]);
}

/* The texts are found by their old numbers, and then what these become. */
mlp_status mlpi_table_sort_categories(mlp_data *data, size_t j)
{
    mlpi_dictionary *d = &data->columns[j].categories;
    const char **old = NULL;
    uint32_t *map = NULL;
    if (d->n < 2) {
        return MLP_OK;
    }
    TRY(ALLOCATE(&data->scratch, d->n, &old));
    TRY(ALLOCATE(&data->scratch, d->n, &map));
    memcpy((void *)old, (void *)d->texts, d->n * sizeof *old);
    qsort((void *)d->texts, d->n, sizeof *d->texts, compare_texts);
    fill_slots(d);
    for (size_t k = 0; k < d->n; k++) {
        map[k] = (uint32_t)mlpi_dictionary_find(d, old[k], strlen(old[k]));
    }
    for (size_t i = 0; i < data->values.rows; i++) {
        double x = mlpi_table_cell(data, i, j);
        if (!isnan(x)) {
            (void)mlp_view_set(data->values, i, j, map[(size_t)x]);
        }
    }
    return MLP_OK;
}

/* Numbers become the texts that a CSV file would hold for them, so that labels
 * of NPY, of IDX and of CSV have the same names and the same order. -0 is 0. */
mlp_status mlpi_table_make_classes(mlp_data *data, size_t j)
{
    for (size_t i = 0; i < data->values.rows; i++) {
        double x = mlpi_table_cell(data, i, j);
        char text[32];
        size_t number = 0;
        if (isnan(x)) {
            continue;
        }
        if (!(fabs(x) < 0x1p53 && x == floor(x))) {
            return mlpi_data_error(
                &data->pool, MLP_ERR_FORMAT, 0,
                "row %zu, %s: expects a class number, got %g", i + 1,
                mlpi_table_place(data, j).text, x);
        }
        int length = snprintf(text, sizeof text, "%.0f", x == 0 ? 0.0 : x);
        TRY(mlpi_dictionary_add(&data->pool, &data->columns[j].categories, text,
                                (size_t)length, &number));
        (void)mlp_view_set(data->values, i, j, (double)number);
    }
    data->columns[j].kind = MLP_DATA_CATEGORY;
    return mlpi_table_sort_categories(data, j);
}

/* The targets are alone in their file, and the table has kept an empty column
 * for them as its last: a second copy of all rows would double the memory. */
mlp_status mlpi_table_join(mlp_data *data, mlp_data *targets)
{
    size_t rows = data->values.rows;
    size_t j = data->names.n - 1;
    mlpi_column *column = &data->columns[j];
    mlpi_column *from = &targets->columns[0];
    if (targets->names.n != 1 || targets->values.rows != rows) {
        return mlpi_data_error(&targets->pool, MLP_ERR_FORMAT, 0,
                               "expects %zu x 1 cells, a target for each row "
                               "of %s, got %zu x %zu",
                               rows, data->pool.path, targets->values.rows,
                               targets->names.n);
    }
    if (from->kind == MLP_DATA_NUMBER && (column->kind == MLP_DATA_CATEGORY ||
                                          targets->values.dtype == MLP_I32)) {
        TRY(mlpi_table_make_classes(targets, 0));
    }
    for (size_t i = 0; i < rows; i++) {
        (void)mlp_view_set(data->values, i, j, mlpi_table_cell(targets, i, 0));
    }
    for (size_t k = 0; k < from->categories.n; k++) {
        const char *text = from->categories.texts[k];
        TRY(mlpi_dictionary_add(&data->pool, &column->categories, text,
                                strlen(text), &(size_t){0}));
    }
    column->kind = from->kind;
    column->n_empty = from->n_empty;
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * What callers ask
 */

size_t mlp_data_rows(const mlp_data *data)
{
    return data ? data->values.rows : 0;
}

size_t mlp_data_cols(const mlp_data *data)
{
    return data ? data->names.n : 0;
}

const char *mlp_data_name(const mlp_data *data, size_t j)
{
    return j < mlp_data_cols(data) ? data->names.texts[j] : NULL;
}

mlp_data_kind mlp_data_kind_of(const mlp_data *data, size_t j)
{
    return j < mlp_data_cols(data) ? data->columns[j].kind : MLP_DATA_NUMBER;
}

size_t mlp_data_empty_cells(const mlp_data *data, size_t j)
{
    return j < mlp_data_cols(data) ? data->columns[j].n_empty : 0;
}

size_t mlp_data_n_categories(const mlp_data *data, size_t j)
{
    return j < mlp_data_cols(data) ? data->columns[j].categories.n : 0;
}

const char *mlp_data_category(const mlp_data *data, size_t j, size_t k)
{
    return k < mlp_data_n_categories(data, j)
               ? data->columns[j].categories.texts[k]
               : NULL;
}

size_t mlp_data_find(const mlp_data *data, const char *name)
{
    return data && name ? mlpi_dictionary_find(&data->names, name, strlen(name))
                        : SIZE_MAX;
}

mlp_cview mlp_data_values(const mlp_data *data)
{
    return data ? mlp_view_const(data->values) : (mlp_cview){.dtype = MLP_F64};
}

char mlp_data_separator(const mlp_data *data)
{
    return data ? data->separator : '\0';
}

size_t mlp_data_line(const mlp_data *data, size_t row)
{
    return row < mlp_data_rows(data) && data->lines ? data->lines[row] : 0;
}

/* Since MLP_DATA_NAMES is the largest size, 1 more than it is 0. */
const char *mlp_data_record(const mlp_data *data, size_t row, size_t *size)
{
    bool is_there = data && data->records && size &&
                    row + 1 <= data->values.rows &&
                    data->records[row + 1].size > 0;
    if (is_there) {
        *size = data->records[row + 1].size;
    }
    return is_there ? data->text + data->records[row + 1].begin : NULL;
}
