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

/* What the last lines refuse are characters that a shorter form could write,
 * halves of surrogate pairs, and numbers above 0x10ffff. */
size_t mlpi_data_utf8_length(const char *s, const char *end)
{
    unsigned char c = (unsigned char)*s;
    size_t n = c < 0x80                ? 1
               : c >= 0xc2 && c < 0xe0 ? 2
               : c >= 0xe0 && c < 0xf0 ? 3
               : c >= 0xf0 && c < 0xf5 ? 4
                                       : 0;
    if (n == 0 || (size_t)(end - s) < n) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    unsigned char d = n > 2 ? (unsigned char)s[1] : 0xa0;
    bool is_valid = !(c == 0xe0 && d < 0xa0) && !(c == 0xed && d >= 0xa0) &&
                    !(c == 0xf0 && d < 0x90) && !(c == 0xf4 && d >= 0x90);
    return is_valid ? n : 0;
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

/* Doubles the hash table when half of it is full. At this load a search looks
 * at two slots on average. */
static mlp_status grow_slots(const mlp_hooks *hooks, mlpi_dictionary *d)
{
    if (2 * (d->n + 1) <= d->n_slots) {
        return MLP_OK;
    }
    size_t n_slots = d->n_slots ? 2 * d->n_slots : 16;
    uint32_t *slots = NULL;
    TRY(mlpi_data_allocate(hooks, n_slots, sizeof *slots, (void *)&slots));
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
    memset(slots, 0, n_slots * sizeof *slots);
    mlpi_data_release(hooks, d->slots);
    d->slots = slots;
    d->n_slots = n_slots;
    for (size_t i = 0; i < d->n; i++) {
        const char *text = mlpi_dictionary_text(d, i);
        slots[slot_of(d, text, strlen(text))] = (uint32_t)(i + 1);
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

void mlpi_dictionary_free(const mlp_hooks *hooks, mlpi_dictionary *d)
{
    mlpi_data_release(hooks, d->text);
    mlpi_data_release(hooks, d->starts);
    mlpi_data_release(hooks, d->slots);
}

/* ---------------------------------------------------------------------------
 * Tables
 */

mlp_status mlpi_table_create(const mlp_hooks *hooks, const char *path,
                             mlp_data **data)
{
    mlp_data *fresh = NULL;
    TRY(mlpi_data_allocate(hooks, 1, sizeof *fresh, (void *)&fresh));
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    *fresh = (mlp_data){.hooks = *hooks};
    size_t size = strlen(path) + 1;
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
        mlpi_dictionary_free(&hooks, &data->columns[j].categories);
    }
    mlpi_dictionary_free(&hooks, &data->names);
    mlpi_data_release(&hooks, data->columns);
    mlpi_data_release(&hooks, data->lines);
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
        return mlpi_data_error(&data->hooks, MLP_ERR_LIMIT,
                               "%s:%zu: expects at most %d columns", data->path,
                               line, (int)MLPI_MAX_COLUMNS);
    }
    TRY(mlpi_dictionary_add(&data->hooks, &data->names, name, length, &number));
    if (number == j) {
        return MLP_OK;
    }
    return mlpi_data_error(
        &data->hooks, MLP_ERR_FORMAT,
        "%s:%zu: column %zu: expects a name of its own, got \"%s\", which is "
        "that of column %zu",
        data->path, line, j + 1, mlpi_data_quote(name, length, quote),
        number + 1);
}

/* The bytes of a row are few, because columns are; so only their product with
 * the rows can overflow, which the allocation checks. */
mlp_status mlpi_table_allocate(mlp_data *data, mlp_dtype dtype, size_t rows)
{
    size_t cols = data->names.n;
    size_t size = dtype == MLP_F32 ? sizeof(float) : sizeof(double);
    TRY(mlpi_data_allocate(&data->hooks, cols, sizeof *data->columns,
                           (void *)&data->columns));
    memset(data->columns, 0, cols * sizeof *data->columns);
    size *= cols;
    TRY(mlpi_data_allocate(&data->hooks, rows, size, (void *)&data->block));
    data->values = (mlp_cview){dtype, 0, cols, 1, rows, data->block};
    return MLP_OK;
}

/* Sorts numbers[n] by merging, with room for as many; stays fast for equal and
 * sorted texts. */
static void sort(const mlpi_dictionary *d, uint32_t *numbers, uint32_t *room,
                 size_t n)
{
    if (n < 2) {
        return;
    }
    size_t half = n / 2;
    sort(d, numbers, room, half);
    sort(d, numbers + half, room, n - half);
    memcpy(room, numbers, n * sizeof *numbers);
    for (size_t i = 0, j = half, k = 0; k < n; k++) {
        bool take_first =
            j == n ||
            (i < half && strcmp(mlpi_dictionary_text(d, room[i]),
                                mlpi_dictionary_text(d, room[j])) < 0);
        numbers[k] = take_first ? room[i++] : room[j++];
    }
}

/* The numbers of the sorted dictionary are found by sorting numbers of the old
 * one: order[i] is the old number of text i, and new_number is its inverse. The
 * cells are changed last, when nothing can fail any more. */
mlp_status mlpi_table_sort_categories(mlp_data *data, size_t j)
{
    mlpi_dictionary *old = &data->columns[j].categories;
    mlpi_dictionary fresh = {.text = NULL};
    uint32_t *order = NULL;
    size_t number = 0;
    TRY(mlpi_data_allocate(&data->hooks, 2 * old->n, sizeof *order,
                           (void *)&order));
    for (size_t i = 0; i < old->n; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        order[i] = (uint32_t)i;
    }
    sort(old, order, order + old->n, old->n);
    uint32_t *new_number = order + old->n;
    mlp_status status = MLP_OK;
    for (size_t i = 0; status == MLP_OK && i < old->n; i++) {
        const char *text = mlpi_dictionary_text(old, order[i]);
        status = mlpi_dictionary_add(&data->hooks, &fresh, text, strlen(text),
                                     &number);
        new_number[order[i]] = (uint32_t)i;
    }
    double *cells = (double *)data->block + j * data->values.col_stride;
    for (size_t i = 0; status == MLP_OK && i < data->values.rows; i++) {
        cells[i] = isnan(cells[i]) ? cells[i] : new_number[(size_t)cells[i]];
    }
    mlpi_data_release(&data->hooks, order);
    mlpi_dictionary_free(&data->hooks, status == MLP_OK ? old : &fresh);
    if (status == MLP_OK) {
        *old = fresh;
    }
    return status;
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
