/* SPDX-License-Identifier: MIT */
/*
 * Tables, dictionaries, memory and messages.
 *
 * A dictionary is a hash table with linear probing. The slots hold numbers of
 * texts, and the texts lie one after the other in one growing block:
 *
 *     text    s e t o s a 0 v e r s i c o l o r 0
 *     starts  0             7
 *     slots   . . 2 . . 1 . .
 */
#include "data/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------
 * Messages and memory
 */

mlp_status mlpi_data_error(const mlp_hooks *hooks, mlp_status status,
                           const char *format, ...)
{
    if (hooks->log) {
        char message[256];
        va_list arguments;
        va_start(arguments, format);
        /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
        (void)vsnprintf(message, sizeof message, format, arguments);
        va_end(arguments);
        hooks->log(status, message, hooks->user);
    }
    return status;
}

mlp_status mlpi_table_error(const mlp_data *data, mlp_status status,
                            size_t line, const char *format, ...)
{
    char message[256];
    char number[32] = "";
    va_list arguments;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (line > 0) {
        (void)snprintf(number, sizeof number, ":%zu", line);
    }
    return mlpi_data_error(&data->hooks, status, "%s%s: %s", data->path, number,
                           message);
}

/* A block of one allocator must not be released by another. */
mlp_status mlpi_data_use_hooks(const mlp_hooks *hooks, mlp_hooks *used)
{
    *used = hooks ? *hooks : (mlp_hooks){.allocate = NULL};
    if ((used->allocate == NULL) != (used->release == NULL)) {
        return mlpi_data_error(used, MLP_ERR_ARGUMENT,
                               "hooks: expects allocate and release together, "
                               "got one of them");
    }
    return MLP_OK;
}

/* A cut text ends before the first byte of a character that is not whole. */
const char *mlpi_data_quote(const char *text, size_t length,
                            char quote[MLPI_QUOTE_SIZE])
{
    const size_t room = MLPI_QUOTE_SIZE - 4;
    size_t n = length < room ? length : room;
    while (n < length && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) {
        n--;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        quote[i] = c < 0x20 || c == 0x7f ? '?' : text[i];
    }
    memcpy(quote + n, n < length ? "..." : "", n < length ? 4 : 1);
    return quote;
}

const char *mlpi_table_place(const mlp_data *data, size_t j,
                             char place[MLPI_PLACE_SIZE])
{
    char quote[MLPI_QUOTE_SIZE];
    const char *name = mlpi_dictionary_text(&data->names, j);
    (void)snprintf(place, MLPI_PLACE_SIZE, "column %zu (%s)", j + 1,
                   mlpi_data_quote(name, strlen(name), quote));
    return place;
}

/* malloc(0) may return NULL, so an array without elements gets room for one.
 * The address of the pointer is void, and the pointer copied, because C has no
 * type for "the address of any pointer". clang-tidy does not see through the
 * copy, and takes the pointers of callers for NULL. */
mlp_status mlpi_data_allocate(const mlp_hooks *hooks, size_t count, size_t size,
                              void *block)
{
    size_t n = count > 0 ? count : 1;
    void *fresh = NULL;
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): no size is 0. */
    if (n <= SIZE_MAX / size) {
        fresh = hooks->allocate ? hooks->allocate(n * size, hooks->user)
                                : malloc(n * size);
    }
    if (!fresh) {
        return mlpi_data_error(hooks, MLP_ERR_MEMORY,
                               "a table: no memory for %zu x %zu bytes", count,
                               size);
    }
    memcpy(block, &fresh, sizeof fresh);
    return MLP_OK;
}

void mlpi_data_release(const mlp_hooks *hooks, void *block)
{
    if (block && hooks->release) {
        hooks->release(block, hooks->user);
    } else {
        free(block);
    }
}

/* The hooks have no realloc, so a block that grows is copied. Since the room
 * doubles, each byte is copied at most twice on average. */
mlp_status mlpi_data_reserve(const mlp_hooks *hooks, size_t count, size_t size,
                             size_t *capacity, void *block)
{
    if (count <= *capacity) {
        return MLP_OK;
    }
    size_t twice = *capacity <= SIZE_MAX / 2 ? 2 * *capacity : SIZE_MAX;
    size_t more = count > twice ? count : twice;
    void *old = NULL;
    void *fresh = NULL;
    TRY(mlpi_data_allocate(hooks, more, size, (void *)&fresh));
    memcpy(&old, block, sizeof old);
    if (old) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
        memcpy(fresh, old, *capacity * size);
    }
    mlpi_data_release(hooks, old);
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
        const char *other = mlpi_dictionary_text(d, d->slots[slot] - 1);
        if (strlen(other) == length && memcmp(other, text, length) == 0) {
            break;
        }
    }
    return slot;
}

const char *mlpi_dictionary_text(const mlpi_dictionary *d, size_t number)
{
    return d->text + d->starts[number];
}

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
        const char *text = mlpi_dictionary_text(d, i);
        d->slots[slot_of(d, text, strlen(text))] = (uint32_t)(i + 1);
    }
}

/* Doubles the hash table when half of it is full. At this load a search looks
 * at two slots on average. */
static mlp_status grow_slots(const mlp_hooks *hooks, mlpi_dictionary *d)
{
    if (2 * (d->n + 1) > d->n_slots) {
        size_t n_slots = d->n_slots ? 2 * d->n_slots : 16;
        uint32_t *slots = NULL;
        TRY(mlpi_data_allocate(hooks, n_slots, sizeof *slots, (void *)&slots));
        mlpi_data_release(hooks, d->slots);
        d->slots = slots;
        d->n_slots = n_slots;
        fill_slots(d);
    }
    return MLP_OK;
}

/* All memory is reserved before anything is stored, so a failure leaves the
 * dictionary as it was. */
mlp_status mlpi_dictionary_add(const mlp_hooks *hooks, mlpi_dictionary *d,
                               const char *text, size_t length, size_t *number)
{
    *number = mlpi_dictionary_find(d, text, length);
    if (*number != SIZE_MAX) {
        return MLP_OK;
    }
    if (d->n >= INT32_MAX) {
        return mlpi_data_error(hooks, MLP_ERR_LIMIT,
                               "a column: expects at most %d categories",
                               (int)INT32_MAX);
    }
    TRY(grow_slots(hooks, d));
    TRY(mlpi_data_reserve(hooks, d->used + length + 1, 1, &d->text_capacity,
                          (void *)&d->text));
    TRY(mlpi_data_reserve(hooks, d->n + 1, sizeof *d->starts, &d->capacity,
                          (void *)&d->starts));
    size_t slot = slot_of(d, text, length);
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
    memcpy(d->text + d->used, text, length);
    d->text[d->used + length] = '\0';
    d->starts[d->n] = d->used;
    d->used += length + 1;
    *number = d->n++;
    d->slots[slot] = (uint32_t)d->n;
    return MLP_OK;
}

static void free_dictionary(const mlp_hooks *hooks, mlpi_dictionary *d)
{
    mlpi_data_release(hooks, d->text);
    mlpi_data_release(hooks, d->starts);
    mlpi_data_release(hooks, d->slots);
}

/* ---------------------------------------------------------------------------
 * Tables
 */

mlp_status mlpi_table_create(const mlp_hooks *hooks, const char *path,
                             const mlp_data_options *options, mlp_data **data)
{
    mlp_data *fresh = NULL;
    size_t size = strlen(path) + 1;
    TRY(mlpi_data_allocate(hooks, 1, sizeof *fresh, (void *)&fresh));
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    *fresh = (mlp_data){.hooks = *hooks, .options = options};
    mlp_status status =
        mlpi_data_allocate(hooks, size, 1, (void *)&fresh->path);
    if (status != MLP_OK) {
        mlp_data_free(fresh);
        return status;
    }
    memcpy(fresh->path, path, size);
    *data = fresh;
    return MLP_OK;
}

void mlp_data_free(mlp_data *data)
{
    if (!data) {
        return;
    }
    mlp_hooks hooks = data->hooks;
    for (size_t j = 0; data->columns && j < data->names.n; j++) {
        free_dictionary(&hooks, &data->columns[j].categories);
    }
    free_dictionary(&hooks, &data->names);
    mlpi_data_release(&hooks, data->columns);
    mlpi_data_release(&hooks, data->lines);
    mlpi_data_release(&hooks, data->records);
    mlpi_data_release(&hooks, data->text);
    mlpi_data_release(&hooks, data->block);
    mlpi_data_release(&hooks, data->path);
    mlpi_data_release(&hooks, data);
}

/* A column without a name gets one from its place. The dictionary of the names
 * tells a name that is there already by its number. */
mlp_status mlpi_table_add_name(mlp_data *data, const char *name, size_t length,
                               size_t line)
{
    char place[32];
    char quote[MLPI_QUOTE_SIZE];
    size_t j = data->names.n;
    size_t number = 0;
    if (length == 0) {
        (void)snprintf(place, sizeof place, "c%zu", j + 1);
        name = place;
        length = strlen(place);
    }
    if (j == MLPI_MAX_COLUMNS) {
        return mlpi_table_error(data, MLP_ERR_LIMIT, line,
                                "expects at most %d columns",
                                (int)MLPI_MAX_COLUMNS);
    }
    TRY(mlpi_dictionary_add(&data->hooks, &data->names, name, length, &number));
    if (number == j) {
        return MLP_OK;
    }
    return mlpi_table_error(data, MLP_ERR_FORMAT, line,
                            "column %zu: expects a name of its own, got "
                            "\"%s\", which is that of column %zu",
                            j + 1, mlpi_data_quote(name, length, quote),
                            number + 1);
}

/* Sets what the options say of columns: those of the recipe first, because the
 * names that the caller gives count more. */
static mlp_status apply_options(mlp_data *data)
{
    const mlp_data_options *o = data->options;
    for (size_t j = 0; o->recipe && j < data->names.n; j++) {
        data->columns[j].is_ignored = true;
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
        if (j == SIZE_MAX) {
            return mlpi_table_error(data, MLP_ERR_ARGUMENT, 0,
                                    "there is no column \"%s\", which the "
                                    "options name",
                                    name ? name : "NULL");
        }
        data->columns[j] = (mlpi_column){.kind = is_category ? MLP_DATA_CATEGORY
                                                             : MLP_DATA_NUMBER,
                                         .is_ignored = !is_category,
                                         .is_told = is_category};
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
    TRY(mlpi_data_allocate(&data->hooks, cols, sizeof *data->columns,
                           (void *)&data->columns));
    memset(data->columns, 0, cols * sizeof *data->columns);
    TRY(apply_options(data));
    TRY(mlpi_data_allocate(&data->hooks, rows, size * cols,
                           (void *)&data->block));
    data->values = (mlp_cview){
        dtype, 0, cols, by_row ? cols : 1, by_row ? 1 : rows, data->block};
    return MLP_OK;
}

/* Returns a view of column j that can be written. */
static mlp_view cells_of(const mlp_data *data, size_t j)
{
    mlp_cview v = mlp_cview_cols(data->values, j, 1);
    size_t size = v.dtype == MLP_F64 ? sizeof(double) : sizeof(float);
    return (mlp_view){v.dtype,
                      v.rows,
                      1,
                      v.row_stride,
                      v.col_stride,
                      (char *)data->block + j * v.col_stride * size};
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Class numbers have no decimal point, so the locale does not matter. */
static int compare_numbers(const void *a, const void *b)
{
    double x = strtod(*(const char *const *)a, NULL);
    double y = strtod(*(const char *const *)b, NULL);
    return (x > y) - (x < y);
}

/* The texts stay where they are; only their numbers change. */
mlp_status mlpi_table_sort_categories(mlp_data *data, size_t j, bool by_number)
{
    mlpi_dictionary *d = &data->columns[j].categories;
    const char **texts = NULL;
    uint32_t *new_number = NULL;
    TRY(mlpi_data_allocate(&data->hooks, d->n, sizeof *texts, (void *)&texts));
    mlp_status status = mlpi_data_allocate(
        &data->hooks, d->n, sizeof *new_number, (void *)&new_number);
    if (status == MLP_OK && d->n > 1) {
        for (size_t i = 0; i < d->n; i++) {
            /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
            texts[i] = mlpi_dictionary_text(d, i);
        }
        qsort((void *)texts, d->n, sizeof *texts,
              by_number ? compare_numbers : compare_texts);
        for (size_t i = 0; i < d->n; i++) {
            size_t old = mlpi_dictionary_find(d, texts[i], strlen(texts[i]));
            /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
            new_number[old] = (uint32_t)i;
        }
        for (size_t i = 0; i < d->n; i++) {
            d->starts[i] = (size_t)(texts[i] - d->text);
        }
        fill_slots(d);
        mlp_view cells = cells_of(data, j);
        for (size_t i = 0; i < cells.rows; i++) {
            double x = mlp_cview_at(data->values, i, j);
            if (!isnan(x)) {
                (void)mlp_view_set(cells, i, 0, new_number[(size_t)x]);
            }
        }
    }
    mlpi_data_release(&data->hooks, new_number);
    mlpi_data_release(&data->hooks, (void *)texts);
    return status;
}

mlp_status mlpi_table_make_classes(mlp_data *data, size_t j)
{
    mlp_view cells = cells_of(data, j);
    for (size_t i = 0; i < cells.rows; i++) {
        double x = mlp_cview_at(data->values, i, j);
        char text[32];
        char place[MLPI_PLACE_SIZE];
        size_t number = 0;
        if (isnan(x)) {
            continue;
        }
        if (!(fabs(x) < 0x1p53 && x == floor(x))) {
            return mlpi_table_error(
                data, MLP_ERR_FORMAT, 0,
                "row %zu, %s: expects a class number, got %g", i + 1,
                mlpi_table_place(data, j, place), x);
        }
        int length = snprintf(text, sizeof text, "%.0f", x == 0 ? 0.0 : x);
        TRY(mlpi_dictionary_add(&data->hooks, &data->columns[j].categories,
                                text, (size_t)length, &number));
        (void)mlp_view_set(cells, i, 0, (double)number);
    }
    data->columns[j].kind = MLP_DATA_CATEGORY;
    return mlpi_table_sort_categories(data, j, true);
}

/* The dictionary of the other table moves to this one. */
mlp_status mlpi_table_join(mlp_data *data, mlp_data *targets)
{
    size_t j = data->names.n - 1;
    mlpi_column *column = &data->columns[j];
    mlpi_column *from = &targets->columns[0];
    mlp_view cells = cells_of(data, j);
    size_t cols = targets->names.n;
    if (cols != 1 || targets->values.rows != cells.rows) {
        return mlpi_table_error(targets, MLP_ERR_FORMAT, 0,
                                "expects %zu x 1 cells, a target for each row "
                                "of %s, got %zu x %zu",
                                cells.rows, data->path, targets->values.rows,
                                cols);
    }
    bool is_told = column->is_told && column->kind == MLP_DATA_CATEGORY;
    if (from->kind == MLP_DATA_NUMBER &&
        (is_told || targets->values.dtype == MLP_I32)) {
        TRY(mlpi_table_make_classes(targets, 0));
    }
    for (size_t i = 0; i < cells.rows; i++) {
        (void)mlp_view_set(cells, i, 0, mlp_cview_at(targets->values, i, 0));
    }
    column->kind = from->kind;
    column->n_empty = from->n_empty;
    column->categories = from->categories;
    from->categories = (mlpi_dictionary){.text = NULL};
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
    return j < mlp_data_cols(data) ? mlpi_dictionary_text(&data->names, j)
                                   : NULL;
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
               ? mlpi_dictionary_text(&data->columns[j].categories, k)
               : NULL;
}

size_t mlp_data_find(const mlp_data *data, const char *name)
{
    return data && name ? mlpi_dictionary_find(&data->names, name, strlen(name))
                        : SIZE_MAX;
}

mlp_cview mlp_data_values(const mlp_data *data)
{
    return data ? data->values : (mlp_cview){.dtype = MLP_F64};
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
