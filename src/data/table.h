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
enum {
    MLPI_MAX_COLUMNS = 1 << 16,
    MLPI_MAX_CELL = 1000000,
    MLPI_MAX_CATEGORIES = 1 << 24 /* a float holds their numbers exactly */
};

/* Blocks of memory that are released together, and what begins the messages
 * about what they hold: a path. */
typedef struct mlpi_pool {
    mlp_hooks hooks;
    const char *path;
    struct mlpi_block *last;
} mlpi_pool;

/* Distinct texts, numbered in the order in which they were added. All zeros is
 * an empty one. */
typedef struct mlpi_dictionary {
    const char **texts;
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
    mlpi_pool pool;                  /* all that the table owns */
    mlpi_pool scratch;               /* what is needed while it is loaded, */
    const mlp_data_options *options; /* as the options are */
    mlp_view values;
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

/* Returns the status, and formats a message for the log hook, if there is one,
 * with the path before it, and the line unless it is 0. Messages of more than
 * 255 characters are cut. */
mlp_status mlpi_data_error(const mlpi_pool *pool, mlp_status status,
                           size_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* MLP_ERR_ARGUMENT unless the n words are 0 which the struct called `what`
 * reserves for later versions. */
mlp_status mlpi_data_check_reserved(const mlpi_pool *pool, const char *what,
                                    const uint64_t *reserved, size_t n);

/* Does so for the struct that `object` points to. */
#define DATA_CHECK_RESERVED(pool, what, object)                                \
    mlpi_data_check_reserved(pool, what, (object)->reserved,                   \
                             sizeof(object)->reserved / sizeof(uint64_t))

/* MLP_ERR_NULL if the argument called `what` is NULL. The hooks may be NULL. */
mlp_status mlpi_data_need(const mlp_hooks *hooks, const void *argument,
                          const char *what);

/* A text for a message, which is passed on at once. */
typedef struct mlpi_phrase {
    char text[96];
} mlpi_phrase;

/* Returns the begin of a text, at most 44 bytes, with ? for control
 * characters. */
mlpi_phrase mlpi_data_quote(const char *text, size_t length);

/* Returns where column j is: column 3 (age). */
mlpi_phrase mlpi_table_place(const mlp_data *data, size_t j);

/* Sets *j to the column with this name. The given status, if there is none, with
 * a message that says who names or needs it. */
mlp_status mlpi_table_find(const mlp_data *data, const char *name,
                           mlp_status status, const char *who, size_t *j);

/* Makes an empty pool with these hooks, or with none if they are NULL.
 * MLP_ERR_ARGUMENT: one of allocate and release is missing. */
mlp_status mlpi_data_begin(const mlp_hooks *hooks, const char *path,
                           mlpi_pool *pool);

/* Releases all blocks. */
void mlpi_data_end(mlpi_pool *pool);

/* Allocates `count` elements of `size` bytes. Returns NULL, with a message, if
 * there is no memory for them, also if the product exceeds a size_t. */
void *mlpi_data_allocate(mlpi_pool *pool, size_t count, size_t size);

/* Makes room for `count` elements in an array of the pool that has room for
 * *capacity. The room at least doubles. */
mlp_status mlpi_data_reserve(mlpi_pool *pool, size_t count, size_t size,
                             size_t *capacity, void *block);

/* Like mlpi_data_allocate and mlpi_data_reserve; the pointer tells the size, and
 * a status whether there was memory. */
#define ALLOCATE(pool, count, pointer)                                         \
    ((*(pointer) = mlpi_data_allocate(pool, count, sizeof **(pointer)))        \
         ? MLP_OK                                                              \
         : MLP_ERR_MEMORY)
#define RESERVE(pool, count, capacity, pointer)                                \
    mlpi_data_reserve(pool, count, sizeof **(pointer), capacity,               \
                      (void *)(pointer))

/* Returns a cell. The functions of mlp.h check its place at each call, which
 * would take most of the time of images. */
static inline double mlpi_table_cell(const mlp_data *data, size_t i, size_t j)
{
    const mlp_view *v = &data->values;
    size_t at = i * v->row_stride + j * v->col_stride;
    return v->dtype == MLP_F64   ? ((const double *)v->data)[at]
           : v->dtype == MLP_F32 ? (double)((const float *)v->data)[at]
                                 : (double)((const int32_t *)v->data)[at];
}

/* Adds a text, unless it is there, and sets *number to its number. */
mlp_status mlpi_dictionary_add(mlpi_pool *pool, mlpi_dictionary *d,
                               const char *text, size_t length, size_t *number);

/* Returns the number of a text, or SIZE_MAX. */
size_t mlpi_dictionary_find(const mlpi_dictionary *d, const char *text,
                            size_t length);

/* Makes a table without cells. It borrows the options until it is loaded. */
mlp_status mlpi_table_create(const mlp_hooks *hooks, const char *path,
                             const mlp_data_options *options, mlp_data **data);

/* Ends loading: sets *data to the table, or if that failed, frees it. */
mlp_status mlpi_table_finish(mlp_data *fresh, mlp_status status,
                             mlp_data **data);

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

/* Numbers the categories of column j anew: first numbers in their order, then
 * texts in strcmp's. */
mlp_status mlpi_table_sort_categories(mlp_data *data, size_t j);

/* Makes categories of the numbers of column j, in the order of the numbers.
 * MLP_ERR_FORMAT: one is no class number. */
mlp_status mlpi_table_make_classes(mlp_data *data, size_t j);

/* Fills the last column from a table of one column. MLP_ERR_FORMAT: that has
 * more columns, or another number of rows. */
mlp_status mlpi_table_join(mlp_data *data, mlp_data *targets);

#endif
