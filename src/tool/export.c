/* SPDX-License-Identifier: MIT */
/*
 * mlp export: the network in another form, which the suffix of the file names.
 * What the recipe does to columns goes along: in C as a struct and a function,
 * in the other files as the recipe's text among the metadata, with which mlp
 * itself can use them.
 *
 *     typedef struct iris_row {       a field for each column of the table
 *         double petal_width;
 *         const char *colour;
 *     } iris_row;
 *     void iris_encode(const iris_row *row, double *x);
 *
 * A program sets the fields by their names, so that nobody feeds columns in
 * another order, and iris_encode makes what iris_predict takes. Names come from
 * the user's table, or from a hostile file, and may be any UTF-8. As names of
 * fields they keep their letters and digits; in string constants other
 * characters are octal escapes; in comments those are left out that could end
 * the comment or mislead its reader.
 */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tool/model.h"
#include "tool/options.h"

#ifdef MLPI_TOOL_ONNX
#include "mlp_onnx.h"
#endif

/* A text that grows. */
typedef struct text {
    char *bytes; /* with a '\0' behind them */
    size_t size, capacity;
} text;

/* The texts that go along into header and code, while they are written. */
typedef struct writer {
    const mlp_data_recipe *recipe;
    text *header, *code;
    const char *prefix; /* begins all names */
    const char *type;   /* of x: "float" or "double" */
    const char *cast;   /* to float, or nothing */
    char **fields;      /* names of columns; [0] is not used */
} writer;

/* ---------------------------------------------------------------------------
 * Names of fields. The program never sets a locale, so isalnum knows ASCII
 * alone.
 */

/* Returns whether a name is no name of a field: a keyword of C or C++ that a
 * column may well have, or a macro of common headers and compilers. */
static bool is_reserved(const char *name)
{
    static const char reserved[] =
        " NULL EOF and asm assert auto bool break case catch char class "
        "concept const continue default delete do double else enum errno "
        "explicit export extern false float for friend goto if inline int "
        "linux long mutable namespace new not nullptr operator or private "
        "protected public register requires restrict return short signed "
        "sizeof static struct switch template this throw true try typedef "
        "typeid typename union unix unsigned using virtual void volatile "
        "while xor ";
    char word[32];
    int n = snprintf(word, sizeof word, " %s ", name);
    return n < (int)sizeof word && strstr(reserved, word);
}

/* Copies a name to a field that has room for it and 3 bytes: "petal width (cm)"
 * becomes petal_width_cm. What stands between letters and digits becomes one _,
 * and what does not begin with a letter gets one. Returns the length. */
static size_t copy_name(const char *name, char *field)
{
    size_t n = 0;
    for (; *name; name++) {
        bool is_kept = isalnum((unsigned char)*name);
        if (n == 0 && is_kept && !isalpha((unsigned char)*name)) {
            field[n++] = 'c';
        }
        if (is_kept || (n > 0 && field[n - 1] != '_')) {
            field[n++] = is_kept ? *name : '_';
        }
    }
    n -= n > 0 && field[n - 1] == '_';
    if (n == 0) {
        field[n++] = 'c';
    }
    field[n] = '\0';
    if (is_reserved(field)) {
        field[n++] = '_';
        field[n] = '\0';
    }
    return n;
}

/* Returns whether one of the fields before i has this name. */
static bool is_taken(const writer *w, size_t i, const char *field)
{
    for (size_t k = 1; k < i; k++) {
        if (strcmp(w->fields[k], field) == 0) {
            return true;
        }
    }
    return false;
}

/* Names the field of column i. A name that an earlier field has gets the number
 * of its column, or if that is taken too, the next number that is free. */
static void name_field(const writer *w, size_t i)
{
    const char *name = mlp_data_recipe_column(w->recipe, i)->name;
    size_t size = strlen(name) + 32;
    char *field = mlpi_tool_memory(size, 1);
    size_t n = copy_name(name, field);
    w->fields[i] = field;
    for (size_t number = i; is_taken(w, i, field); number++) {
        (void)snprintf(field + n, size - n, "_%zu", number);
    }
}

/* ---------------------------------------------------------------------------
 * Text
 */

/* Makes room for n more bytes and the '\0'. */
static bool reserve(text *to, size_t n)
{
    size_t needed = to->size + n + 1;
    if (needed <= to->capacity) {
        return true;
    }
    char *bytes = realloc(to->bytes, 2 * needed);
    if (!bytes) {
        return false;
    }
    to->bytes = bytes;
    to->capacity = 2 * needed;
    return true;
}

/* Appends to a text. A stream of open_memstream would not do: without memory,
 * that of glibc leaves text out and reports no error. */
TOOL_FORMAT(2) static void put(text *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    bool is_put = n >= 0 && reserve(to, (size_t)n);
    if (is_put) {
        va_start(arguments, format);
        is_put = vsnprintf(to->bytes + to->size, (size_t)n + 1, format,
                           arguments) == n;
        va_end(arguments);
    }
    if (!is_put) {
        TOOL_FAIL("no memory for the code of the columns");
    }
    to->size += (size_t)n;
}

/* Writes a text for a comment. Control characters, and the general punctuation
 * of Unicode, which holds marks that reverse the direction of writing, become
 * '?'. A '/' beside a '*' becomes '|'. */
static void put_remark(text *to, const char *remark)
{
    for (char before = '\0'; *remark; before = *remark++) {
        bool is_mark = memcmp(remark, "\xe2\x80", 2) == 0 ||
                       memcmp(remark, "\xe2\x81", 2) == 0;
        bool ends_comment =
            *remark == '/' && (before == '*' || remark[1] == '*');
        put(to, "%c",
            is_mark || iscntrl((unsigned char)*remark) ? '?'
            : ends_comment                             ? '|'
                                                       : *remark);
        remark += is_mark && remark[2] ? 2 : 0;
    }
}

/* Writes a text as a string constant. Octal escapes end after three digits, and
 * two question marks would begin a trigraph. */
static void put_literal(text *to, const char *literal)
{
    put(to, "\"");
    for (const char *at = literal; *at; at++) {
        bool is_plain = *at >= ' ' && *at <= '~' && !strchr("\"\\?", *at);
        put(to, is_plain ? "%c" : "\\%03o", (unsigned char)*at);
    }
    put(to, "\"");
}

/* Writes the field of a column, below a comment that says what it becomes, and
 * the statements that encode it. A NaN is not equal to itself. */
static void put_column(const writer *w, size_t i)
{
    const mlp_data_column *column = mlp_data_recipe_column(w->recipe, i);
    bool is_number = column->kind == MLP_DATA_NUMBER;
    const char *f = w->fields[i];
    size_t x = column->first_input;
    char mean[TOOL_NUMBER_SIZE];
    put(w->header, "    /* \"");
    put_remark(w->header, column->name);
    put(w->header, "\": x[%zu]", x);
    if (is_number) {
        put(w->header, ", about %.6g if missing", column->mean);
        put(w->code, "    x[%zu] = %s(row->%s == row->%s ? row->%s : %s);\n",
            x++, w->cast, f, f, f,
            mlpi_tool_decimals(column->mean, MLP_F64, mean));
    }
    for (size_t k = 0; k < column->n_categories; k++) {
        put(w->header, k == 0 ? " and on: \"" : ", \"");
        put_remark(w->header, column->categories[k]);
        put(w->header, "\"");
        put(w->code, "    x[%zu] = %s(row->%s && !strcmp(row->%s, ", x++,
            w->cast, f, f);
        put_literal(w->code, column->categories[k]);
        put(w->code, "));\n");
    }
    if (column->has_flag) {
        put(w->header, "; x[%zu] is 1 if missing", x);
        put(w->code,
            is_number ? "    x[%zu] = %s(row->%s != row->%s);\n"
                      : "    x[%zu] = %s(!row->%s || !*row->%s);\n",
            x, w->cast, f, f);
    }
    put(w->header, " */\n    %s%s;\n", is_number ? "double " : "const char *",
        f);
}

/* Writes both texts. */
static void put_texts(const writer *w)
{
    const char *p = w->prefix;
    size_t n = mlp_data_recipe_columns(w->recipe);
    put(w->header,
        "/* A row of the table: the columns that the network reads. A "
        "number that is\n * missing is a NaN; a text that is missing "
        "is NULL or \"\". The network answers\n * \"");
    put_remark(w->header, mlp_data_recipe_target(w->recipe));
    put(w->header, "\". */\ntypedef struct %s_row {\n", p);
    put(w->code,
        "#include <string.h>\n\n"
        "void %s_encode(const %s_row *row, %s *x)\n{\n",
        p, p, w->type);
    for (size_t i = 1; i < n; i++) {
        name_field(w, i);
        put_column(w, i);
    }
    put(w->header,
        "} %s_row;\n\n/* Sets x to the inputs that a row becomes. A "
        "text that is no category becomes\n * only zeros. */\n"
        "void %s_encode(const %s_row *row, %s *x);\n",
        p, p, p, w->type);
    put(w->code, "}\n");
}

/* Makes the texts of a recipe, whose bytes the caller frees. */
static void write_texts(writer *w)
{
    size_t n = mlp_data_recipe_columns(w->recipe);
    w->fields = mlpi_tool_memory(n, sizeof *w->fields);
    put_texts(w);
    for (size_t i = 1; i < n; i++) {
        free(w->fields[i]);
    }
    free(w->fields);
}

/* ---------------------------------------------------------------------------
 * Files
 */

/* Writes C code. Its names begin with the name of the file, which mlp_export_c
 * checks. The rows have X only if --rows named a table. */
static void write_code(const tool_model *model, const tool_rows *rows,
                       const tool_options *o, const char *path)
{
    bool is_single = o->int8 || mlp_net_precision(model->net) == MLP_F32;
    const char *name = mlpi_tool_base_name(path);
    char prefix[80];
    text header = {.bytes = NULL};
    text code = {.bytes = NULL};
    mlp_export_report report;
    mlp_export_options options = mlp_export_defaults();
    (void)snprintf(prefix, sizeof prefix, "%.*s", (int)strlen(name) - 2, name);
    if (model->recipe) {
        write_texts(&(writer){.recipe = model->recipe,
                              .header = &header,
                              .code = &code,
                              .prefix = prefix,
                              .type = is_single ? "float" : "double",
                              .cast = is_single ? "(float)" : ""});
    }
    options.prefix = prefix;
    options.int8 = o->int8;
    options.jacobian = o->jacobian;
    options.header_text = header.bytes;
    options.code_text = code.bytes;
    if (rows->X.data) {
        options.X = mlp_view_const(rows->X);
    }
    /* Class numbers are targets of a network that has an output for each. */
    if (o->int8 && rows->Y.data &&
        (!model->classes || mlp_net_outputs(model->net) > 1)) {
        options.Y = mlpi_tool_spread(model->net, rows->Y);
    }
    mlpi_tool_check(mlp_export_c(model->net, path, &options, &report));
    mlpi_tool_say("%s and %s.h written: %zu bytes of constants%s%s%s", path,
                  prefix, report.constant_bytes, model->recipe ? "; " : "",
                  model->recipe ? prefix : "",
                  model->recipe ? "_encode makes inputs of a row" : "");
    if (!isnan(report.score_before)) {
        mlpi_tool_say("score on these rows: %.3f, as integers %.3f",
                      report.score_before, report.score_after);
    }
    free(header.bytes);
    free(code.bytes);
}

static mlp_status write_onnx(const tool_model *model, const char *path)
{
#ifdef MLPI_TOOL_ONNX
    return mlp_onnx_save(model->net, path);
#else
    TOOL_FAIL("%s: the mlp that reads %s was built without ONNX", path,
              model->path);
#endif
}

/* Refuses what does not go together. */
static void check(const tool_options *o, const char *path)
{
    bool is_code = mlpi_tool_ends_with(path, ".c");
    if (!is_code && !mlpi_tool_ends_with(path, ".onnx") &&
        !mlpi_tool_ends_with(path, ".safetensors") &&
        !mlpi_tool_ends_with(path, ".mlp")) {
        TOOL_REFUSE("%s: expects a name that ends in .c, .onnx, .safetensors "
                    "or .mlp, which tells what to write",
                    path);
    }
    if (is_code && o->int8 && !o->rows) {
        TOOL_REFUSE("%s: --int8 needs --rows TABLE: typical rows, from which "
                    "it takes the ranges of numbers",
                    path);
    }
    if (!is_code && (o->int8 || o->rows || o->jacobian)) {
        TOOL_REFUSE("%s: --int8, --rows and --jacobian are for C code, in a "
                    "file that ends in .c",
                    path);
    }
}

/* Writes the file. A .mlp file is a safetensors file. */
static void write_file(const tool_options *options)
{
    const char *path = options->operands[1];
    check(options, path);
    tool_model model = mlpi_tool_open(options->operands[0]);
    tool_rows rows = {.data = NULL};
    if (options->rows) {
        rows = mlpi_tool_read(&model, options->rows, NULL);
    }
    if (mlpi_tool_ends_with(path, ".c")) {
        write_code(&model, &rows, options, path);
    } else {
        mlpi_tool_check(mlpi_tool_ends_with(path, ".onnx")
                            ? write_onnx(&model, path)
                            : mlp_net_save(model.net, path));
        mlpi_tool_say("%s written", path);
    }
    mlpi_tool_free_rows(&rows);
    mlpi_tool_close(&model);
}

const tool_verb mlpi_tool_export = {
    "export",
    "MODEL FILE",
    "write the model to FILE, which ends in .c, .onnx, .safetensors or .mlp",
    2,
    2,
    write_file};
