/* SPDX-License-Identifier: MIT */
/*
 * mlp_data.h - reading tables, and turning them into what a network learns
 * from.
 *
 *   mlp_data *data = NULL;
 *   mlp_data_recipe *recipe = NULL;
 *   mlp_hooks hooks = mlp_hooks_stderr();
 *   mlp_status s = mlp_data_load("iris.csv", NULL, &hooks, &data);
 *   if (!s) s = mlp_data_recipe_make(data, "species", NULL, 0, &recipe);
 *   ... X (rows, mlp_data_recipe_inputs), Y (rows, 1) of MLP_I32 ...
 *   if (!s) s = mlp_data_recipe_encode(recipe, data, X);
 *   if (!s) s = mlp_data_recipe_encode_target(recipe, data, Y);
 *   if (!s) s = mlp_data_recipe_save(recipe, net);
 *
 * The functions are in a library of their own, mlp_data, which needs only mlp,
 * and zlib if it was there when the library was built. Statuses, hooks,
 * ownership and threads follow the rules of mlp.h; a const mlp_data and a const
 * mlp_data_recipe may be shared by threads. But how the thread rounds is not
 * checked: it must round to nearest.
 *
 * No byte of a file is trusted: a damaged or hostile file gives a status, and a
 * message of one line with the file, the line, the column, and what stood
 * there. The locale of the program does not matter. What a call takes comes
 * from the hooks' allocator; only zlib and the C library's streams and qsort
 * have buffers of their own.
 */
#ifndef LIBMLP_MLP_DATA_H
#define LIBMLP_MLP_DATA_H

#include "mlp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------
 * Tables
 */

/* A table in memory: columns with names, which hold numbers or categories. */
typedef struct mlp_data mlp_data;

/* How the columns of a table become inputs; described below. */
typedef struct mlp_data_recipe mlp_data_recipe;

typedef enum mlp_data_kind { MLP_DATA_NUMBER, MLP_DATA_CATEGORY } mlp_data_kind;

/* Whether the first line of a CSV file names the columns. AUTO: it does if none
 * of its cells is a number. */
typedef enum mlp_data_header {
    MLP_DATA_HEADER_AUTO,
    MLP_DATA_HEADER_YES,
    MLP_DATA_HEADER_NO
} mlp_data_header;

/* How a file is loaded. Start from mlp_data_defaults(). */
typedef struct mlp_data_options {
    mlp_data_header header; /* default MLP_DATA_HEADER_AUTO */
    bool decimal_comma;     /* numbers of texts are 1,5; default false */
    /* Columns that hold categories, even if all their cells are numbers: class
     * numbers, say. In an array these must be whole numbers. Default none. */
    const char *const *categories;
    size_t n_categories;
    /* Columns that a recipe leaves out, such as the number of a row. Whatever
     * stands there is no error, and cells that are no numbers count as empty.
     * With a recipe they need not be there. Default none. */
    const char *const *ignored;
    size_t n_ignored;
    /* The path of a second file, with one column and as many rows, which
     * becomes the last column under the name "target": the labels of MNIST.
     * Class numbers of an array become categories. Default NULL. */
    const char *targets;
    /* For new rows: columns that the recipe knows get the kind that they have
     * there, and others are ignored. The table may have no rows. Default
     * NULL. */
    const mlp_data_recipe *recipe;
    bool keep_text; /* true: mlp_data_record returns what stands in a CSV file;
                       the table keeps the whole file. Default false */
    uint64_t reserved[8]; /* 0 */
} mlp_data_options;

/* Returns the default options. */
mlp_data_options mlp_data_defaults(void);

/* Loads a table from a file, whose kind is found out from its first bytes. The
 * caller owns *data. `options` and `hooks` may be NULL, which means the
 * defaults. The path "-" is the standard input.
 *
 * CSV (RFC 4180), in UTF-8, with or without a byte order mark. Cells are
 * separated by what the first line has outside of quotes: a tab, else ; else a
 * comma (unless it is the decimal point), else |. Lines end with LF or CRLF,
 * and blank ones are skipped. A cell may stand in quotes, with quotes doubled
 * and line ends inside; blanks around other cells do not count. A cell is empty
 * if nothing stands there, or one of the words NA, N/A, NaN, nan, null, NULL
 * and ? without quotes. A column holds numbers if all its other cells are
 * decimal numbers, which are rounded right to the last bit. If at least nine in
 * ten are, the first other one is an error: it looks like a mistake. So is a
 * number with a decimal comma, if it is the first one and commas do not
 * separate the cells, unless decimal_comma is set. Else the column holds
 * categories, which have the order of the numbers that they are, and otherwise
 * strcmp's. Columns without a name are called c1, c2, ... by their place.
 *
 * IDX (the files of MNIST) and NPY (NumPy; versions 1 to 3; elements f4, f8,
 * i4, i8 and u1 in either order of bytes and of elements). The first dimension
 * counts the rows, the others together the columns, named c1, c2, ... Whole
 * numbers in one dimension are class numbers, and stay such.
 *
 * FANN's training data: the numbers of rows, inputs and outputs in the first
 * line, then a line of inputs and a line of outputs for each row. Columns are
 * named x1, x2, ... and y1, y2, ...
 *
 * A file that gzip has compressed is unpacked first. Allocates the size of the
 * file, which is released again, and 8 bytes for each cell; while a pipe is
 * read or a file unpacked, up to three times the size.
 *
 * MLP_ERR_FORMAT: the file is not what is described here, and the message says
 * where. MLP_ERR_ARGUMENT: an option outside its range, or it names a
 * column that is not there. MLP_ERR_UNSUPPORTED: UTF-16, gzip without zlib, or
 * a NPY file of another kind. MLP_ERR_LIMIT: more than 65,536 columns, 2^24
 * categories in a column, a cell of more than a million bytes that is no
 * number, or a class number of an array that no int32 can hold. MLP_ERR_IO. */
MLP_NODISCARD mlp_status mlp_data_load(const char *path,
                                       const mlp_data_options *options,
                                       const mlp_hooks *hooks, mlp_data **data);

/* Like mlp_data_load, but reads `size` bytes from memory. `name` stands for the
 * path in messages. */
MLP_NODISCARD mlp_status mlp_data_load_memory(const void *bytes, size_t size,
                                              const char *name,
                                              const mlp_data_options *options,
                                              const mlp_hooks *hooks,
                                              mlp_data **data);

/* Frees a table. NULL is allowed. */
void mlp_data_free(mlp_data *data);

/* Return the numbers of rows and columns; 0 for NULL. */
size_t mlp_data_rows(const mlp_data *data);
size_t mlp_data_cols(const mlp_data *data);

/* Return facts about column j, from 0: its name, its kind, its number of empty
 * cells, its number of categories, and the name of category k. Names live as
 * long as the table. Where there is none, the result is NULL, 0 or
 * MLP_DATA_NUMBER. */
const char *mlp_data_name(const mlp_data *data, size_t j);
mlp_data_kind mlp_data_kind_of(const mlp_data *data, size_t j);
size_t mlp_data_empty_cells(const mlp_data *data, size_t j);
size_t mlp_data_n_categories(const mlp_data *data, size_t j);
const char *mlp_data_category(const mlp_data *data, size_t j, size_t k);

/* Returns the column with this name, or SIZE_MAX if there is none. */
size_t mlp_data_find(const mlp_data *data, const char *name);

/* Returns a view (rows, cols) of all cells. A category is a number from 0, and
 * an empty cell is a NaN. The type is MLP_F64; or for an array MLP_F32 if that
 * holds its elements, and MLP_I32 if they are class numbers. The view lives as
 * long as the table. */
mlp_cview mlp_data_values(const mlp_data *data);

/* Return what messages and copies of a CSV file need: what separates its cells;
 * the line, from 1, in which a row begins; and the text of a row without its
 * line end. MLP_DATA_NAMES stands for the row with the names of the columns.
 * The text has *size bytes, no 0 follows, and it lives as long as the table,
 * which must be loaded with keep_text. Where there is none, the result is '\0',
 * 0 or NULL. */
#define MLP_DATA_NAMES SIZE_MAX
char mlp_data_separator(const mlp_data *data);
size_t mlp_data_line(const mlp_data *data, size_t row);
const char *mlp_data_record(const mlp_data *data, size_t row, size_t *size);

/* ---------------------------------------------------------------------------
 * Recipes
 *
 * A recipe names one column, the target, which a network learns from the other
 * columns. They become inputs in the order of the table that made the recipe:
 *
 *     a number    itself; an empty cell becomes the mean
 *     a category  one input for each: 1 for that of the row, else 0. An empty
 *                 cell, and a category that the recipe does not know, are all 0
 *     either      and one more input if the column had empty cells: 1 if the
 *                 cell is empty, else 0
 *
 * Another table is encoded by the names of its columns: their order does not
 * matter, and columns that the recipe does not know are ignored.
 */

/* Makes a recipe for the column `target`. Means, categories and empty cells are
 * those of the n rows with the numbers rows[n], usually the training rows; or
 * of all rows if `rows` is NULL and n is 0. Columns that are empty there, or
 * ignored, are left out; one whose cells are all equal is not. The classes of
 * the target are those of the whole table. The caller owns *recipe, which uses
 * the hooks of the table. Allocates.
 * MLP_ERR_ARGUMENT: no such column, a row that is not there, no inputs, or a
 * target that is empty in all rows.
 * MLP_ERR_LIMIT: the inputs are more than MLP_MAX_WIDTH. */
MLP_NODISCARD mlp_status mlp_data_recipe_make(const mlp_data *data,
                                              const char *target,
                                              const size_t *rows, size_t n,
                                              mlp_data_recipe **recipe);

/* Frees a recipe. NULL is allowed. */
void mlp_data_recipe_free(mlp_data_recipe *recipe);

/* Return the number of inputs, the name of the target, the number of its
 * classes (0: it is a number), and the name of class k. */
size_t mlp_data_recipe_inputs(const mlp_data_recipe *recipe);
const char *mlp_data_recipe_target(const mlp_data_recipe *recipe);
size_t mlp_data_recipe_classes(const mlp_data_recipe *recipe);
const char *mlp_data_recipe_class(const mlp_data_recipe *recipe, size_t k);

/* What a recipe makes of one column: enough to print it, or to write it in
 * another language. */
typedef struct mlp_data_column {
    const char *name;
    mlp_data_kind kind;
    bool has_flag; /* the last input tells whether the cell is empty */
    double mean;   /* of a number: what an empty cell becomes */
    const char *const *categories; /* of a category: their names, in order */
    size_t n_categories;
    size_t first_input, n_inputs; /* which inputs the column becomes */
    uint64_t reserved[4];         /* 0 */
} mlp_data_column;

/* Return the number of columns that a recipe knows, and what it makes of column
 * i, or NULL if there is none. Column 0 is the target, which has no inputs and
 * no flag; the others stand in the order of their inputs. Both live as long as
 * the recipe. */
size_t mlp_data_recipe_columns(const mlp_data_recipe *recipe);
const mlp_data_column *mlp_data_recipe_column(const mlp_data_recipe *recipe,
                                              size_t i);

/* Fills X (rows, inputs), of MLP_F64 or MLP_F32, with the inputs of a table. A
 * number that MLP_F32 cannot hold becomes infinite. Allocates. MLP_ERR_FORMAT:
 * the table lacks a column, or its column has the other kind. MLP_ERR_SHAPE,
 * MLP_ERR_DTYPE. After a failure X is untouched. */
MLP_NODISCARD mlp_status mlp_data_recipe_encode(const mlp_data_recipe *recipe,
                                                const mlp_data *data,
                                                mlp_view X);

/* Fills Y (rows, 1) with the targets of a table: class numbers of MLP_I32 for a
 * category, numbers of MLP_F64 or MLP_F32 for a number. Errors as above, and
 * MLP_ERR_FORMAT: a target is empty, or a class that the recipe does not
 * know. */
MLP_NODISCARD mlp_status mlp_data_recipe_encode_target(
    const mlp_data_recipe *recipe, const mlp_data *data, mlp_view Y);

/* Save a recipe in the network's metadata, as a text under the key
 * "data.recipe", and load it from there. The caller owns *recipe. Saving also
 * gives the network the names of the target's classes, if it has any; with
 * MLP_ERR_MEMORY these may be set already. Allocates.
 * MLP_ERR_FORMAT: the network has no recipe, or it is damaged.
 * MLP_ERR_ARGUMENT: the network has outputs for another number of classes. */
MLP_NODISCARD mlp_status mlp_data_recipe_save(const mlp_data_recipe *recipe,
                                              mlp_net *net);
MLP_NODISCARD mlp_status mlp_data_recipe_load(const mlp_net *net,
                                              const mlp_hooks *hooks,
                                              mlp_data_recipe **recipe);

/* ---------------------------------------------------------------------------
 * Points to try a network on
 *
 * X(constant, number, name, classes). Tables of points in the plane, with the
 * columns x1, x2 and class, whose names are "0", "1" and so on:
 *
 *     xor      the corners (0, 0), (1, 1) of class 0 and (0, 1), (1, 0) of
 *              class 1
 *     moons    two half circles, as sklearn.datasets.make_moons
 *     circles  one circle in another, of radius 0.8 and 1, as make_circles
 *     spirals  two spirals: point k of the m points of class c has the radius
 *              r = (k + 1) / m and the angle 3 pi r + c pi
 *     blobs    three normal distributions with centres in the square from -10
 *              to 10, as make_blobs
 *
 * The rows are shuffled, and both coordinates get normal noise; of blobs it is
 * the standard deviation. With the seed as its random_state, scikit-learn 1.2
 * draws the same rows in the same order. The bits here are the same on every
 * machine. Those of scikit-learn come from the C library's sine, cosine and
 * logarithm: about one coordinate in 300 differs, by one or two units in its
 * last place. (NumPy's own sine for AVX-512 differs more often.)
 */
#define MLP_DATA_SHAPE_LIST(X)                                                 \
    X(MLP_DATA_XOR, 0, "xor", 2)                                               \
    X(MLP_DATA_MOONS, 1, "moons", 2)                                           \
    X(MLP_DATA_CIRCLES, 2, "circles", 2)                                       \
    X(MLP_DATA_SPIRALS, 3, "spirals", 2)                                       \
    X(MLP_DATA_BLOBS, 4, "blobs", 3)

#define MLP_DATA_SHAPE_VALUE(constant, number, name, classes) constant = number,
typedef enum mlp_data_shape {
    MLP_DATA_SHAPE_LIST(MLP_DATA_SHAPE_VALUE)
} mlp_data_shape;

/* What mlp_data_generate draws. */
typedef struct mlp_data_points {
    mlp_data_shape shape;
    size_t rows;   /* one for each class at least, 2^31 - 2 at most */
    double noise;  /* standard deviation, 0 or more */
    uint32_t seed; /* of mlp_rng_seeded */
} mlp_data_points;

/* Makes a table of points. The caller owns *data. `hooks` may be NULL.
 * Allocates. MLP_ERR_ARGUMENT: shape, rows or noise outside their range. */
MLP_NODISCARD mlp_status mlp_data_generate(const mlp_data_points *points,
                                           const mlp_hooks *hooks,
                                           mlp_data **data);

#ifdef __cplusplus
}
#endif

#endif
