/* SPDX-License-Identifier: MIT */
/*
 * A table in memory, and what all readers of tables need: memory from the
 * hooks, messages, and dictionaries.
 *
 *     values   doubles or floats; a category is its number in the dictionary,
 *              an empty cell is a NaN
 *     names    a dictionary: the name with number j is that of column j
 *     columns  kind, empty cells and dictionary of each column
 *
 * A reader names the columns, allocates the cells, and fills them. If targets
 * come from a second file, the allocation adds their column as the last one,
 * which the reader leaves alone.
 *
 * This library knows only the public headers, so it has its own helpers.
 */
#ifndef MLPI_DATA_TABLE_H
#define MLPI_DATA_TABLE_H

#include "mlp_data.h"

/* Like the macro of the same name in base/error.h: returns from the calling
 * function if the call fails. */
#define TRY(call)                                                              \
    do {                                                                       \
        mlp_status try_status = (call);                                        \
        if (try_status != MLP_OK) {                                            \
            return try_status;                                                 \
        }                                                                      \
    } while (0)

/* The limits of a table, which keep a hostile file from taking all memory. */
enum { MLPI_MAX_COLUMNS = 1 << 16, MLPI_MAX_CELL = 1000000 };

/* Distinct texts, numbered in the order in which they were added. All zeros is
 * an empty one. */
typedef struct mlpi_dictionary {
    char *text; /* the texts, each with a 0 at its end */
    size_t used, text_capacity;
    size_t *starts; /* where text i begins */
    size_t n, capacity;
    uint32_t *slots; /* a hash table of 1 + i; 0 is a free slot */
    size_t n_slots;  /* a power of 2, at least 2 n */
} mlpi_dictionary;

typedef struct mlpi_column {
    mlp_data_kind kind;
    bool is_ignored; /* no recipe uses it */
    bool is_told;    /* the options or the recipe say its kind */
    size_t n_empty;
    mlpi_dictionary categories;
} mlpi_column;

/* Where a row of a CSV file lies in the text of the file. */
typedef struct mlpi_record {
    size_t begin, size;
} mlpi_record;

struct mlp_data {
    mlp_hooks hooks;
    const mlp_data_options *options; /* while the table is loaded */
    char *path;
    mlp_cview values;
    void *block;           /* the memory of the values */
    mlpi_dictionary names; /* of the columns */
    mlpi_column *columns;
    /* CSV files have the line of each row, what separates cells, and if the text
     * is kept, the text and its records. Record 0 is that of the names, record
     * 1 + i that of row i. */
    uint32_t *lines;
    char separator;
    char *text;
    mlpi_record *records;
};

/* Formats a message for the log hook, if there is one, and returns the status.
 * Messages of more than 255 characters are cut. */
mlp_status mlpi_data_error(const mlp_hooks *hooks, mlp_status status,
                           const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Like mlpi_data_error, with the path before the message, and the line unless
 * it is 0. */
mlp_status mlpi_table_error(const mlp_data *data, mlp_status status,
                            size_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The bytes of a text that mlpi_data_quote has made fit for a message. */
enum { MLPI_QUOTE_SIZE = 48, MLPI_PLACE_SIZE = 96 };

/* Copies the begin of a text for a message, with ? for control characters. */
const char *mlpi_data_quote(const char *text, size_t length,
                            char quote[MLPI_QUOTE_SIZE]);

/* Writes where column j is: column 3 (age). */
const char *mlpi_table_place(const mlp_data *data, size_t j,
                             char place[MLPI_PLACE_SIZE]);

/* Sets *used to the hooks, or to none if they are NULL. MLP_ERR_ARGUMENT: one of
 * allocate and release is missing. */
mlp_status mlpi_data_use_hooks(const mlp_hooks *hooks, mlp_hooks *used);

/* Allocates `count` elements of `size` bytes. MLP_ERR_MEMORY, also if the
 * product exceeds a size_t. */
mlp_status mlpi_data_allocate(const mlp_hooks *hooks, size_t count, size_t size,
                              void *block);

/* Makes room for `count` elements in an array that has room for *capacity. The
 * room at least doubles. `block` is the address of the array's pointer. */
mlp_status mlpi_data_reserve(const mlp_hooks *hooks, size_t count, size_t size,
                             size_t *capacity, void *block);

/* Releases a block. NULL is allowed. */
void mlpi_data_release(const mlp_hooks *hooks, void *block);

/* Adds a text, unless it is there, and sets *number to its number. */
mlp_status mlpi_dictionary_add(const mlp_hooks *hooks, mlpi_dictionary *d,
                               const char *text, size_t length, size_t *number);

/* Returns the number of a text, or SIZE_MAX. */
size_t mlpi_dictionary_find(const mlpi_dictionary *d, const char *text,
                            size_t length);

/* Returns the text with this number, which must be there. */
const char *mlpi_dictionary_text(const mlpi_dictionary *d, size_t number);

/* Makes a table without cells. It borrows the options until it is loaded. */
mlp_status mlpi_table_create(const mlp_hooks *hooks, const char *path,
                             const mlp_data_options *options, mlp_data **data);

/* Gives the next column its name. MLP_ERR_FORMAT: another one has it, with a
 * message for this line (0: none). */
mlp_status mlpi_table_add_name(mlp_data *data, const char *name, size_t length,
                               size_t line);

/* Allocates the columns, which have names, and their values: `rows` elements of
 * `dtype` each. No row is there yet. The columns lie one after the other, or
 * if `by_row` is true, the rows do. Columns hold numbers unless the options say
 * otherwise. MLP_ERR_ARGUMENT: the options name a column that is not there. */
mlp_status mlpi_table_allocate(mlp_data *data, mlp_dtype dtype, size_t rows,
                               bool by_row);

/* Numbers the categories of column j in strcmp's order, or in the order of the
 * numbers that they are. */
mlp_status mlpi_table_sort_categories(mlp_data *data, size_t j, bool by_number);

/* Makes categories of the numbers of column j, in the order of the numbers.
 * MLP_ERR_FORMAT: one is no class number. */
mlp_status mlpi_table_make_classes(mlp_data *data, size_t j);

/* Fills the last column from a table of one column. MLP_ERR_FORMAT: that has
 * more columns, or another number of rows. */
mlp_status mlpi_table_join(mlp_data *data, mlp_data *targets);

#endif
