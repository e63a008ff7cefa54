/* SPDX-License-Identifier: MIT */
/* Lets every call fail that reads tables or works with recipes. */
#include "trust/faults.h"

#include "support/packed.h"
#include "mlp_data.h"

/* What a world has besides: a table and its recipe. */
typedef struct tables {
    mlp_data *table;
    mlp_data_recipe *recipe;
    bool made_recipe; /* what a call made is a recipe, not a table */
} tables;

static const char flowers[] = "length;width;colour;species\n"
                              "5.1;3.5;blue;setosa\n4.9;;red;setosa\n"
                              "7.0;3.2;\"blue; dark\";versicolor\n"
                              "6.4;3.2;red;virginica\n5.5;2.5;NA;virginica\n";

/* The first IDX file holds three rows of two bytes, the other their labels. */
static const unsigned char idx[] = {0, 0, 8, 2, 0, 0, 0, 3, 0,
                                    0, 0, 2, 1, 2, 3, 4, 5, 6};
static const unsigned char idx_labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 7};

static const char fann[] = "2 3 1\n0 0.5 1\n1\n1 0 1\n0\n";

static tables *tables_of(const world *w)
{
    return w->more;
}

/* ---------------------------------------------------------------------------
 * Worlds
 */

static void make(world *w)
{
    tables *t = calloc(1, sizeof *t);
    assert_non_null(t);
    w->more = t;
    assert_int_equal(mlp_data_load_memory(flowers, sizeof flowers - 1, "f.csv",
                                          NULL, &w->hooks, &t->table),
                     MLP_OK);
    assert_int_equal(
        mlp_data_recipe_make(t->table, "species", NULL, 0, &t->recipe), MLP_OK);
    assert_int_equal(mlp_data_recipe_save(t->recipe, w->net), MLP_OK);
}

static void end(world *w)
{
    mlp_data_recipe_free(tables_of(w)->recipe);
    mlp_data_free(tables_of(w)->table);
    free(w->more);
}

static void note_data(uint64_t *hash, const mlp_data *table)
{
    mlp_cview values = mlp_data_values(table);
    for (size_t i = 0; i < values.rows; i++) {
        for (size_t j = 0; j < values.cols; j++) {
            double x = mlp_cview_at(values, i, j);
            mlp_fault_note_bytes(hash, &x, sizeof x);
        }
    }
    for (size_t j = 0; j < values.cols; j++) {
        mlp_fault_note_text(hash, mlp_data_name(table, j));
        for (size_t k = 0; k < mlp_data_n_categories(table, j); k++) {
            mlp_fault_note_text(hash, mlp_data_category(table, j, k));
        }
    }
}

static void note_recipe(uint64_t *hash, const mlp_data_recipe *recipe)
{
    for (size_t i = 0; i < mlp_data_recipe_columns(recipe); i++) {
        const mlp_data_column *c = mlp_data_recipe_column(recipe, i);
        mlp_fault_note_text(hash, c->name);
        mlp_fault_note_bytes(hash, &c->mean, sizeof c->mean);
        mlp_fault_note_bytes(hash, &c->first_input, sizeof c->first_input);
        for (size_t k = 0; k < c->n_categories; k++) {
            mlp_fault_note_text(hash, c->categories[k]);
        }
    }
}

static void note(uint64_t *hash, const world *w)
{
    note_data(hash, tables_of(w)->table);
    note_recipe(hash, tables_of(w)->recipe);
}

static void note_made(uint64_t *hash, const world *w)
{
    if (tables_of(w)->made_recipe) {
        note_recipe(hash, w->made.more);
    } else {
        note_data(hash, w->made.more);
    }
}

static void free_made(world *w)
{
    if (tables_of(w)->made_recipe) {
        mlp_data_recipe_free(w->made.more);
    } else {
        mlp_data_free(w->made.more);
    }
}

/* ---------------------------------------------------------------------------
 * Tables
 */

static mlp_status load_with(world *w, const mlp_data_options *options)
{
    mlp_data *table = w->made.more;
    mlp_status status = mlp_data_load(w->file, options, &w->hooks, &table);
    w->made.more = table;
    return status;
}

static mlp_status load(world *w)
{
    return load_with(w, NULL);
}

static mlp_status load_with_options(world *w)
{
    static const char *const ignored[] = {"length"};
    mlp_data_options options = mlp_data_defaults();
    options.ignored = ignored;
    options.n_ignored = 1;
    options.recipe = tables_of(w)->recipe;
    options.keep_text = true;
    return load_with(w, &options);
}

static mlp_status load_with_targets(world *w)
{
    mlp_data_options options = mlp_data_defaults();
    options.targets = "labels.idx";
    return load_with(w, &options);
}

static mlp_status load_memory(world *w)
{
    mlp_data *table = w->made.more;
    mlp_status status = mlp_data_load_memory(flowers, sizeof flowers - 1,
                                             "f.csv", NULL, &w->hooks, &table);
    w->made.more = table;
    return status;
}

static mlp_status generate(world *w)
{
    const mlp_data_points points = {MLP_DATA_MOONS, 10, 0.1, 3};
    mlp_data *table = w->made.more;
    mlp_status status = mlp_data_generate(&points, &w->hooks, &table);
    w->made.more = table;
    return status;
}

static void has_csv(world *w)
{
    w->file = "flowers.csv";
    mlp_fault_put_file("flowers.csv", flowers, sizeof flowers - 1);
}

/* A table that the first piece does not hold. */
static void has_long_csv(world *w)
{
    static char text[200000];
    size_t n = 0;
    w->file = "long.csv";
    for (int i = 0; n + 40 < sizeof text; i++) {
        n += (size_t)snprintf(text + n, 40, "%d,%d,name%d\n", i, i * 3, i % 7);
    }
    mlp_fault_put_file("long.csv", text, n);
}

static void has_packed(world *w)
{
    w->file = "packed.csv.gz";
    mlp_fault_put_file("packed.csv.gz", packed, sizeof packed);
}

/* zlib takes memory for what it has unpacked if that goes on. */
static void has_long_packed(world *w)
{
    w->file = "packed.csv.gz";
    mlp_fault_put_file("packed.csv.gz", long_packed, sizeof long_packed);
}

static void has_arrays(world *w)
{
    w->file = "image.idx";
    mlp_fault_put_file("image.idx", idx, sizeof idx);
}

static void has_labels(world *w)
{
    has_arrays(w);
    w->beside = "labels.idx";
    mlp_fault_put_file("labels.idx", idx_labels, sizeof idx_labels);
}

static void has_fann(world *w)
{
    w->file = "xor.data";
    mlp_fault_put_file("xor.data", fann, sizeof fann - 1);
}

/* ---------------------------------------------------------------------------
 * Recipes
 */

static mlp_status make_recipe(world *w)
{
    static const size_t rows[] = {0, 2, 3};
    tables *t = tables_of(w);
    t->made_recipe = true;
    mlp_data_recipe *recipe = w->made.more;
    mlp_status status =
        mlp_data_recipe_make(t->table, "species", rows, COUNT(rows), &recipe);
    w->made.more = recipe;
    return status;
}

static mlp_status encode(world *w)
{
    tables *t = tables_of(w);
    return mlp_data_recipe_encode(
        t->recipe, t->table,
        mlp_fault_out_view(w, mlp_data_rows(t->table),
                           mlp_data_recipe_inputs(t->recipe)));
}

static mlp_status encode_target(world *w)
{
    tables *t = tables_of(w);
    return mlp_data_recipe_encode_target(
        t->recipe, t->table,
        mlp_view_i32(w->out.labels, mlp_data_rows(t->table), 1));
}

/* The network has the names of the recipe's classes already: mlp_data.h allows
 * a failure to leave new ones. */
static mlp_status save_recipe(world *w)
{
    return mlp_data_recipe_save(tables_of(w)->recipe, w->net);
}

static void lacks_recipe(world *w)
{
    assert_int_equal(mlp_net_set_metadata(w->net, "data.recipe", NULL), MLP_OK);
}

static mlp_status load_recipe(world *w)
{
    tables_of(w)->made_recipe = true;
    mlp_data_recipe *recipe = w->made.more;
    mlp_status status = mlp_data_recipe_load(w->net, &w->hooks, &recipe);
    w->made.more = recipe;
    return status;
}

static const fault_case cases[] = {
    {"mlp_data_load", ALLOCATES | FILES, load, has_csv},
    {"mlp_data_load of a long file", ALLOCATES | FILES, load, has_long_csv},
    {"mlp_data_load with options", ALLOCATES | FILES, load_with_options,
     has_csv},
    {"mlp_data_load of what gzip packed", ALLOCATES | FILES, load, has_packed},
    {"mlp_data_load of much that gzip packed", ALLOCATES | FILES, load,
     has_long_packed},
    {"mlp_data_load of an array", ALLOCATES | FILES, load, has_arrays},
    {"mlp_data_load with targets", ALLOCATES | FILES, load_with_targets,
     has_labels},
    {"mlp_data_load of FANN's data", ALLOCATES | FILES, load, has_fann},
    {"mlp_data_load_memory", ALLOCATES, load_memory, NULL},
    {"mlp_data_generate", ALLOCATES, generate, NULL},
    {"mlp_data_recipe_make", ALLOCATES, make_recipe, NULL},
    {"mlp_data_recipe_encode", ALLOCATES, encode, NULL},
    {"mlp_data_recipe_encode_target", ALLOCATES, encode_target, NULL},
    {"mlp_data_recipe_save", ALLOCATES, save_recipe, lacks_recipe},
    {"mlp_data_recipe_load", ALLOCATES, load_recipe, NULL},
};

int main(int argc, char **argv)
{
    const fault_suite suite = {.name = "data",
                               .cases = cases,
                               .n = COUNT(cases),
                               .make = make,
                               .end = end,
                               .note = note,
                               .note_made = note_made,
                               .free_made = free_made};
    return mlp_fault_main(&suite, argc, argv);
}
