/* SPDX-License-Identifier: MIT */
/*
 * Recipes: what columns become, that new rows are encoded alike after the
 * recipe has travelled in a network's file, and what is refused.
 */
#include "support/support.h"

#include "mlp_data.h"

static mlp_data *load(const char *text, const mlp_data_recipe *recipe,
                      hook_record *record)
{
    mlp_hooks hooks = recording_hooks(record);
    mlp_data_options options = mlp_data_defaults();
    mlp_data *data = NULL;
    options.recipe = recipe;
    mlp_status status = mlp_data_load_memory(text, strlen(text), "t.csv",
                                             &options, &hooks, &data);
    if (status != MLP_OK) {
        fail_msg("%s: %s", text, record->message);
    }
    return data;
}

static mlp_data_recipe *make(const mlp_data *data, const char *target)
{
    mlp_data_recipe *recipe = NULL;
    assert_int_equal(mlp_data_recipe_make(data, target, NULL, 0, &recipe),
                     MLP_OK);
    return recipe;
}

static mlp_net *net_with(size_t inputs)
{
    mlp_layer layer = {.width = 1};
    mlp_config config = mlp_config_defaults();
    config.inputs = inputs, config.layers = &layer, config.n_layers = 1;
    mlp_net *net = NULL;
    assert_int_equal(mlp_net_create(&config, &net), MLP_OK);
    return net;
}

static void check_rows(const mlp_data_recipe *recipe, const mlp_data *data,
                       const double *expected)
{
    double X[64];
    size_t m = mlp_data_rows(data);
    size_t n = mlp_data_recipe_inputs(recipe);
    assert_true(m * n <= COUNT(X));
    assert_int_equal(
        mlp_data_recipe_encode(recipe, data, mlp_view_f64(X, m, n)), MLP_OK);
    for (size_t i = 0; i < m * n; i++) {
        if (X[i] != expected[i]) {
            fail_msg("row %zu, input %zu: expected %g, got %g", i / n, i % n,
                     expected[i], X[i]);
        }
    }
}

static const char table[] = "age,colour,size,species\n"
                            "10,red,1,setosa\n"
                            ",blue,2,virginica\n"
                            "40,,3,setosa\n"
                            "10,red,4,versicolor\n";

/* The mean of 10, 40 and 10 is 20. */
static const double table_inputs[] = {10, 0, 0, 1, 0, 1, 20, 1, 1, 0, 0, 2,
                                      40, 0, 0, 0, 1, 3, 10, 0, 0, 1, 0, 4};

static void recipe_makes_inputs_and_targets(void **state)
{
    (void)state;
    hook_record record = {0};
    int32_t Y[4];
    static const int32_t classes[] = {0, 2, 0, 1};
    mlp_data *data = load(table, NULL, &record);
    mlp_data_recipe *recipe = make(data, "species");
    assert_int_equal(mlp_data_recipe_inputs(recipe), 6);
    assert_string_equal(mlp_data_recipe_target(recipe), "species");
    assert_int_equal(mlp_data_recipe_classes(recipe), 3);
    assert_string_equal(mlp_data_recipe_class(recipe, 2), "virginica");
    assert_null(mlp_data_recipe_class(recipe, 3));
    check_rows(recipe, data, table_inputs);
    assert_int_equal(
        mlp_data_recipe_encode_target(recipe, data, mlp_view_i32(Y, 4, 1)),
        MLP_OK);
    assert_memory_equal(Y, classes, sizeof classes);
    mlp_data_recipe_free(recipe);

    recipe = make(data, "size");
    float y[4];
    assert_int_equal(mlp_data_recipe_classes(recipe), 0);
    assert_int_equal(
        mlp_data_recipe_encode_target(recipe, data, mlp_view_f32(y, 4, 1)),
        MLP_OK);
    assert_true(y[0] == 1 && y[3] == 4);
    mlp_data_recipe_free(recipe);
    mlp_data_free(data);
    assert_int_equal(record.live, 0);
}

/* What a program that writes the recipe in another language needs. A constant
 * column is an input like others. */
static void recipe_describes_its_columns(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data *data = load("age,colour,one,species\n10,red,7,setosa\n"
                          ",blue,7,virginica\n40,red,7,setosa\n",
                          NULL, &record);
    mlp_data_recipe *recipe = make(data, "species");
    assert_int_equal(mlp_data_recipe_columns(recipe), 4);
    assert_null(mlp_data_recipe_column(recipe, 4));
    assert_null(mlp_data_recipe_column(NULL, 0));
    const mlp_data_column *c = mlp_data_recipe_column(recipe, 0);
    assert_string_equal(c->name, "species");
    assert_int_equal(c->kind, MLP_DATA_CATEGORY);
    assert_int_equal(c->n_categories, 2);
    assert_string_equal(c->categories[1], "virginica");
    assert_int_equal(c->n_inputs, 0);
    assert_false(c->has_flag);
    c = mlp_data_recipe_column(recipe, 1);
    assert_string_equal(c->name, "age");
    assert_int_equal(c->kind, MLP_DATA_NUMBER);
    assert_true(c->has_flag && c->mean == 25);
    assert_true(c->first_input == 0 && c->n_inputs == 2);
    c = mlp_data_recipe_column(recipe, 2);
    assert_string_equal(c->categories[0], "blue");
    assert_true(!c->has_flag && c->n_categories == 2);
    assert_true(c->first_input == 2 && c->n_inputs == 2);
    c = mlp_data_recipe_column(recipe, 3);
    assert_true(c->mean == 7 && c->first_input == 4 && c->n_inputs == 1);
    assert_int_equal(mlp_data_recipe_inputs(recipe), 5);
    mlp_data_recipe_free(recipe);
    mlp_data_free(data);
    assert_int_equal(record.live, 0);
}

/* The mean of numbers whose sum overflows, and of an infinity, which only
 * arrays can hold and networks refuse. */
static void recipe_has_a_finite_mean(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data *data = load("a,b,y\n1.7976931348623157e308,-1e308,1\n"
                          "1.7976931348623157e308,-1e308,2\n"
                          "1.7976931348623157e308,1e308,2\n,,3\n",
                          NULL, &record);
    mlp_data_recipe *recipe = make(data, "y");
    assert_true(mlp_data_recipe_column(recipe, 1)->mean ==
                1.7976931348623157e308);
    assert_relative(mlp_data_recipe_column(recipe, 2)->mean, -1e308 / 3, 1e-15);
    mlp_data_recipe_free(recipe);
    mlp_data_free(data);

    static const char npy[] = "\x93NUMPY\1\0\x46\0{'descr': '>f4', "
                              "'fortran_order': False, 'shape': (2, 2), }"
                              "          \n\x7f\x80\0\0\x3f\x80\0\0\x40"
                              "\0\0\0\x3f\x80\0\0";
    mlp_hooks hooks = recording_hooks(&record);
    if (mlp_data_load_memory(npy, sizeof npy - 1, "t.npy", NULL, &hooks,
                             &data) != MLP_OK) {
        fail_msg("%s", record.message);
    }
    recipe = make(data, "c2");
    assert_true(mlp_data_recipe_column(recipe, 1)->mean == 1);
    mlp_data_recipe_free(recipe);
    mlp_data_free(data);
    assert_int_equal(record.live, 0);
}

/* A network has names for its classes, or none: then nothing is saved. */
static void recipe_names_the_classes_of_the_network(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_data *data = load("a,y\n1,p\n2,q\n3,r\n", NULL, &record);
    mlp_data_recipe *recipe = make(data, "y");
    mlp_net *net = net_with(1);
    assert_int_equal(mlp_data_recipe_save(recipe, net), MLP_ERR_ARGUMENT);
    assert_null(mlp_net_metadata(net, "data.recipe"));
    mlp_data_recipe_free(recipe);
    mlp_data_free(data);
    data = load("a,y\n1,p\n2,q\n", NULL, &record);
    recipe = make(data, "y");
    assert_int_equal(mlp_data_recipe_save(recipe, net), MLP_OK);
    assert_string_equal(mlp_net_class_name(net, 1), "q");
    assert_non_null(mlp_net_metadata(net, "data.recipe"));
    mlp_data_recipe_free(recipe);
    mlp_data_free(data);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* Rows that are not for training must not change the recipe. */
static void recipe_sees_only_the_training_rows(void **state)
{
    (void)state;
    hook_record record = {0};
    static const size_t rows[] = {0, 3};
    static const double expected[] = {10, 1, 1, 10, 0, 2, 40, 0, 3, 10, 1, 4};
    mlp_data *data = load(table, NULL, &record);
    mlp_data_recipe *recipe = NULL;
    assert_int_equal(mlp_data_recipe_make(data, "species", rows, 2, &recipe),
                     MLP_OK);
    assert_int_equal(mlp_data_recipe_inputs(recipe), 3);
    assert_int_equal(mlp_data_recipe_classes(recipe), 3);
    check_rows(recipe, data, expected);
    mlp_data_recipe_free(recipe);
    mlp_data_free(data);
    assert_int_equal(record.live, 0);
}

/* The recipe travels through the bytes of a model file. The new rows have other
 * columns in another order, no target, a category that looks like a number, and
 * one that is unknown. */
static void recipe_encodes_new_rows_after_a_model_file(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    static char bytes[1 << 14];
    mlp_data *data =
        load("zip,\"a\tb\\\",y\n10,0.1,1\nB\\1,0.25,2\n10,,3\nC,1,4\n", NULL,
             &record);
    mlp_data_recipe *recipe = make(data, "y");
    mlp_net *net = net_with(5);
    mlp_net *again = NULL;
    assert_int_equal(mlp_data_recipe_save(recipe, net), MLP_OK);
    size_t size = mlp_net_save_size(net);
    assert_true(size <= sizeof bytes);
    assert_int_equal(mlp_net_save_memory(net, bytes, size), MLP_OK);
    assert_int_equal(mlp_net_load_memory(bytes, size, NULL, &again), MLP_OK);
    mlp_data_recipe_free(recipe);
    assert_int_equal(mlp_data_recipe_load(again, &hooks, &recipe), MLP_OK);
    assert_int_equal(mlp_data_recipe_inputs(recipe), 5);
    assert_string_equal(mlp_data_recipe_target(recipe), "y");

    double mean = (0.1 + 0.25 + 1.0) / 3;
    const double expected[] = {1, 0, 0, mean, 1, 0, 0, 0, 7, 0};
    mlp_data_free(data);
    data = load("more,\"a\tb\\\",zip\nu,,10\nv,7,11\n", recipe, &record);
    check_rows(recipe, data, expected);
    mlp_data_free(data);
    mlp_data_recipe_free(recipe);
    mlp_net_free(net);
    mlp_net_free(again);
    assert_int_equal(record.live, 0);
}

static void recipe_names_what_new_rows_lack(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    double X[8] = {5, 5, 5, 5, 5, 5, 5, 5};
    int32_t Y[8] = {5, 5};
    mlp_data *data = load("a,c,y\n1,p,u\n2,q,v\n", NULL, &record);
    mlp_data_recipe *recipe = make(data, "y");
    mlp_data_free(data);
    static const struct {
        const char *text, *message;
        bool is_target;
    } cases[] = {
        {"c,y\np,u\n", "t.csv: there is no column \"a\", which the recipe"},
        {"a,c\nx,p\n", "t.csv: column 1 (a): expects numbers, got categories"},
        {"a,c\n1,2\n", "t.csv: column 2 (c): expects categories, got numbers"},
        {"a,c\n1,p\n", "t.csv: there is no column \"y\"", true},
        {"a,c,y\n1,p,u\n\n1,p,w\n",
         "t.csv:4: column 3 (y): expects a class that the recipe knows, got "
         "\"w\"",
         true},
        {"a,c,y\n1,p,\n",
         "t.csv:2: column 3 (y): expects a target, got an "
         "empty cell",
         true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        data = load(cases[i].text, NULL, &record);
        size_t m = mlp_data_rows(data);
        if (cases[i].is_target) {
            assert_told(&record,
                        mlp_data_recipe_encode_target(recipe, data,
                                                      mlp_view_i32(Y, m, 1)),
                        MLP_ERR_FORMAT, cases[i].message);
        } else {
            assert_told(
                &record,
                mlp_data_recipe_encode(recipe, data, mlp_view_f64(X, m, 3)),
                MLP_ERR_FORMAT, cases[i].message);
        }
        assert_true(X[0] == 5 && Y[0] == 5 && Y[1] == 5);
        mlp_data_free(data);
    }
    mlp_data_recipe_free(recipe);

    /* Rows of an array have no lines, and are named by their numbers. */
    data = load("x1,y1\n1,7\n2,v\n", NULL, &record);
    recipe = make(data, "y1");
    mlp_data_free(data);
    data = load("2 1 1\n1\n7\n2\n8\n", recipe, &record);
    assert_told(
        &record,
        mlp_data_recipe_encode_target(recipe, data, mlp_view_i32(Y, 2, 1)),
        MLP_ERR_FORMAT,
        "t.csv:2: column 2 (y1): expects a class that the recipe knows, got "
        "\"8\"");
    assert_true(Y[0] == 5 && Y[1] == 5);
    mlp_data_free(data);
    mlp_data_recipe_free(recipe);

    /* A message is one line, whatever the name of the column. */
    mlp_data *other = load("\"a\nb\",y\n1,u\n2,v\n", NULL, &record);
    recipe = make(other, "y");
    mlp_data_free(other);
    data = load("y\nu\n", NULL, &record);
    assert_told(&record,
                mlp_data_recipe_encode(recipe, data, mlp_view_f64(X, 1, 1)),
                MLP_ERR_FORMAT, "t.csv: there is no column \"a?b\", which the");
    mlp_data_free(data);
    mlp_data_recipe_free(recipe);
    other = load("a,c,y\n1,p,u\n2,q,v\n", NULL, &record);
    recipe = make(other, "y");
    mlp_data_free(other);

    const char *text = "c,a\np,1\np,abc\n";
    mlp_data_options options = mlp_data_defaults();
    options.recipe = recipe;
    assert_told(&record,
                mlp_data_load_memory(text, strlen(text), "t.csv", &options,
                                     &hooks, &data),
                MLP_ERR_FORMAT,
                "t.csv:3: column 2 (a): expects a number, got \"abc\"");
    mlp_data_recipe_free(recipe);
    assert_int_equal(record.live, 0);
}

static void recipe_refuses_wrong_calls(void **state)
{
    (void)state;
    hook_record record = {0};
    double X[16];
    static const size_t rows[] = {0, 2};
    mlp_data *data = load("a,b,y\n1,,u\n2,,v\n", NULL, &record);
    mlp_data_recipe *recipe = NULL;
    assert_told(&record, mlp_data_recipe_make(data, "z", NULL, 0, &recipe),
                MLP_ERR_ARGUMENT, "t.csv: there is no column \"z\"");
    assert_told(&record, mlp_data_recipe_make(data, "b", NULL, 0, &recipe),
                MLP_ERR_ARGUMENT, "column 2 (b): expects targets, got only");
    assert_told(&record, mlp_data_recipe_make(data, "y", rows, 2, &recipe),
                MLP_ERR_ARGUMENT, "rows[1]: expects a row below 2, got 2");
    assert_told(&record, mlp_data_recipe_make(data, "y", rows, 0, &recipe),
                MLP_ERR_ARGUMENT, "expects columns beside the target");
    assert_told(&record, mlp_data_recipe_make(data, "y", NULL, 1, &recipe),
                MLP_ERR_NULL, "rows is NULL");
    assert_told(&record, mlp_data_recipe_make(data, NULL, NULL, 0, &recipe),
                MLP_ERR_NULL, "target is NULL");
    assert_null(recipe);
    recipe = make(data, "y");
    assert_int_equal(mlp_data_recipe_inputs(recipe), 1);
    assert_told(&record,
                mlp_data_recipe_encode(recipe, data, mlp_view_f64(X, 2, 2)),
                MLP_ERR_SHAPE, "X: expects the shape (2, 1), got (2, 2)");
    assert_told(
        &record,
        mlp_data_recipe_encode_target(recipe, data, mlp_view_f64(X, 2, 1)),
        MLP_ERR_DTYPE, "Y: expects int32, for class numbers");
    assert_told(&record,
                mlp_data_recipe_encode(recipe, data, mlp_view_f64(NULL, 2, 1)),
                MLP_ERR_NULL, "X: its data is NULL");
    mlp_data_recipe_free(recipe);
    mlp_data_free(data);
    assert_int_equal(record.live, 0);
}

static void recipe_refuses_elements_that_share_memory(void **state)
{
    (void)state;
    static const struct {
        size_t rows, cols, row_stride, col_stride;
        bool fits;
    } views[] = {
        {2, 2, 2, 1, true},  {2, 2, 1, 2, true},        {2, 2, 3, 2, true},
        {2, 2, 2, 3, true},  {2, 2, 1, 1, false},       {2, 2, 2, 2, false},
        {2, 2, 0, 1, false}, {2, 2, 1, 0, false},       {2, 2, 0, 0, false},
        {2, 1, 1, 0, true},  {2, 1, 0, 1, false},       {2, 1, 2, 2, true},
        {1, 2, 0, 1, true},  {1, 2, 1, 0, false},       {1, 2, 5, 3, true},
        {2, 2, 0, 5, false}, {2, 2, SIZE_MAX, 1, false}};
    hook_record record = {0};
    for (size_t i = 0; i < COUNT(views); i++) {
        double X[16];
        mlp_data *data = load(views[i].rows == 1   ? "a,b,y\n1,2,3\n"
                              : views[i].cols == 1 ? "a,y\n1,3\n2,4\n"
                                                   : "a,b,y\n1,2,3\n4,5,6\n",
                              NULL, &record);
        mlp_data_recipe *recipe = make(data, "y");
        mlp_view view = {MLP_F64,
                         views[i].rows,
                         views[i].cols,
                         views[i].row_stride,
                         views[i].col_stride,
                         X};
        mlp_status status = mlp_data_recipe_encode(recipe, data, view);
        assert_int_equal(status, views[i].fits ? MLP_OK : MLP_ERR_SHAPE);
        mlp_data_recipe_free(recipe);
        mlp_data_free(data);
    }
    assert_int_equal(record.live, 0);
}

/* Other programs may write recipes. A backslash before another letter, and one
 * at the end of a word, mean nothing. */
static void recipe_reads_backslashes_that_mean_nothing(void **state)
{
    (void)state;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *net = net_with(1);
    mlp_data_recipe *recipe = NULL;
    assert_int_equal(
        mlp_net_set_metadata(net, "data.recipe",
                             "libmlp data recipe 1\n"
                             "number\ty\nnumber\t\\q\\\\r\\\t0\t1\n"),
        MLP_OK);
    assert_int_equal(mlp_data_recipe_load(net, &hooks, &recipe), MLP_OK);
    assert_string_equal(mlp_data_recipe_column(recipe, 1)->name, "q\\r\\");
    mlp_data_recipe_free(recipe);
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

/* No network has more inputs. The categories of this recipe are empty words. */
static void recipe_has_at_most_the_inputs_of_a_network(void **state)
{
    (void)state;
    static const char head[] =
        "libmlp data recipe 1\nnumber\ty\ncategory\ta\t0";
    const size_t n = sizeof head - 1;
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *net = net_with(1);
    mlp_data_recipe *recipe = NULL;
    char *text = malloc(n + MLP_MAX_WIDTH + 3);
    assert_non_null(text);
    memcpy(text, head, n);
    memset(text + n, '\t', MLP_MAX_WIDTH + 1);
    memcpy(text + n + MLP_MAX_WIDTH + 1, "\n", 2);
    assert_int_equal(mlp_net_set_metadata(net, "data.recipe", text), MLP_OK);
    assert_told(&record, mlp_data_recipe_load(net, &hooks, &recipe),
                MLP_ERR_LIMIT,
                "the network's recipe: expects at most 16777216 inputs, got "
                "16777217");
    assert_null(recipe);
    memcpy(text + n + MLP_MAX_WIDTH, "\n", 2);
    assert_int_equal(mlp_net_set_metadata(net, "data.recipe", text), MLP_OK);
    assert_int_equal(mlp_data_recipe_load(net, &hooks, &recipe), MLP_OK);
    assert_int_equal(mlp_data_recipe_inputs(recipe), MLP_MAX_WIDTH);
    mlp_data_recipe_free(recipe);
    mlp_net_free(net);
    free(text);
    assert_int_equal(record.live, 0);
}

static void recipe_refuses_damaged_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "libmlp data recipe 1",
        "libmlp data recipe 1\n",
        "libmlp data recipe 2\nnumber\ty\nnumber\ta\t0\t1\n",
        "libmlp data recipe 1\nnumber\ty\n",
        "libmlp data recipe 1\nnumber\ty\nnumber\ta\t0\t1",
        "libmlp data recipe 1\nnumber\ty\nnumber\ta\t0\t1\nnumber\tb\t0\t1",
        "libmlp data recipe 1\nnumber\ty\tu\nnumber\ta\t0\t1\n",
        "libmlp data recipe 1\ncategory\ty\nnumber\ta\t0\t1\n",
        "libmlp data recipe 1\nword\ty\nnumber\ta\t0\t1\n",
        "libmlp data recipe 1\nnumber\ty\nnumber\ta\t0\n",
        "libmlp data recipe 1\nnumber\ty\nnumber\ta\t2\t1\n",
        "libmlp data recipe 1\nnumber\ty\nnumber\ta\t0\t1x\n",
        "libmlp data recipe 1\nnumber\ty\nnumber\ta\t0\t1e999\n",
        "libmlp data recipe 1\nnumber\ty\nnumber\ta\t0\t\n",
        "libmlp data recipe 1\nnumber\ty\ncategory\ta\t0\n",
        "libmlp data recipe 1\nnumber\ty\n\n",
        "libmlp data recipe 1\n\n\n",
    };
    hook_record record = {0};
    mlp_hooks hooks = recording_hooks(&record);
    mlp_net *net = net_with(1);
    mlp_data_recipe *recipe = NULL;
    assert_told(&record, mlp_data_recipe_load(net, &hooks, &recipe),
                MLP_ERR_FORMAT, "the network: expects a recipe, got none");
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_int_equal(mlp_net_set_metadata(net, "data.recipe", texts[i]),
                         MLP_OK);
        assert_told(&record, mlp_data_recipe_load(net, &hooks, &recipe),
                    MLP_ERR_FORMAT, "cut or damaged");
        assert_null(recipe);
    }
    mlp_net_free(net);
    assert_int_equal(record.live, 0);
}

static void recipe_survives_a_lack_of_memory(void **state)
{
    (void)state;
    static const size_t rows[] = {0, 1, 2};
    mlp_layer layer = {.width = 3};
    mlp_config config = mlp_config_defaults();
    config.inputs = 6, config.layers = &layer, config.n_layers = 1;
    mlp_status status = MLP_ERR_MEMORY;
    for (size_t n = 1; status == MLP_ERR_MEMORY; n++) {
        hook_record record = {0};
        mlp_hooks hooks = recording_hooks(&record);
        double X[24] = {-1};
        int32_t Y[4] = {-1};
        mlp_data_recipe *recipe = NULL;
        mlp_data_recipe *again = NULL;
        mlp_net *net = NULL;
        mlp_data *data = load(table, NULL, &record);
        config.hooks = hooks;
        assert_int_equal(mlp_net_create(&config, &net), MLP_OK);
        record.fail_at = record.allocations + n;
        status = mlp_data_recipe_make(data, "species", rows, 3, &recipe);
        assert_true((recipe != NULL) == (status == MLP_OK));
        if (status == MLP_OK) {
            status =
                mlp_data_recipe_encode(recipe, data, mlp_view_f64(X, 4, 6));
            assert_true((X[0] == -1) == (status != MLP_OK));
        }
        if (status == MLP_OK) {
            status = mlp_data_recipe_encode_target(recipe, data,
                                                   mlp_view_i32(Y, 4, 1));
            assert_true((Y[0] == -1) == (status != MLP_OK));
        }
        if (status == MLP_OK) {
            status = mlp_data_recipe_save(recipe, net);
            assert_true((mlp_net_metadata(net, "data.recipe") != NULL) ==
                        (status == MLP_OK));
        }
        if (status == MLP_OK) {
            status = mlp_data_recipe_load(net, &hooks, &again);
            assert_true((again != NULL) == (status == MLP_OK));
        }
        assert_int_equal(record.messages, status != MLP_OK);
        mlp_data_recipe_free(again);
        mlp_data_recipe_free(recipe);
        mlp_data_free(data);
        mlp_net_free(net);
        assert_int_equal(record.live, 0);
    }
    assert_int_equal(status, MLP_OK);
}

/* With names of many lengths, the text of a recipe grows at any of its words. A
 * backslash takes two bytes there. */
static void recipe_survives_a_lack_of_memory_at_each_word(void **state)
{
    (void)state;
    for (size_t i = 2; i < 200; i++) {
        char text[256] = "";
        memset(text, i % 2 == 0 ? 'x' : '\\', i / 2);
        append(text, sizeof text, ",c,y\n1,p,1\n,q,2\n");
        mlp_status status = MLP_ERR_MEMORY;
        for (size_t n = 1; status == MLP_ERR_MEMORY; n++) {
            hook_record record = {0};
            mlp_data *data = load(text, NULL, &record);
            mlp_data_recipe *recipe = NULL;
            record.fail_at = record.allocations + n;
            status = mlp_data_recipe_make(data, "y", NULL, 0, &recipe);
            assert_true((recipe != NULL) == (status == MLP_OK));
            assert_int_equal(record.messages, status != MLP_OK);
            mlp_data_recipe_free(recipe);
            mlp_data_free(data);
            assert_int_equal(record.live, 0);
        }
        assert_int_equal(status, MLP_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recipe_makes_inputs_and_targets),
        cmocka_unit_test(recipe_describes_its_columns),
        cmocka_unit_test(recipe_has_a_finite_mean),
        cmocka_unit_test(recipe_names_the_classes_of_the_network),
        cmocka_unit_test(recipe_sees_only_the_training_rows),
        cmocka_unit_test(recipe_encodes_new_rows_after_a_model_file),
        cmocka_unit_test(recipe_names_what_new_rows_lack),
        cmocka_unit_test(recipe_refuses_wrong_calls),
        cmocka_unit_test(recipe_refuses_elements_that_share_memory),
        cmocka_unit_test(recipe_reads_backslashes_that_mean_nothing),
        cmocka_unit_test(recipe_has_at_most_the_inputs_of_a_network),
        cmocka_unit_test(recipe_refuses_damaged_texts),
        cmocka_unit_test(recipe_survives_a_lack_of_memory),
        cmocka_unit_test(recipe_survives_a_lack_of_memory_at_each_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
