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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/model.h"
#include "tool/talk.h"

#ifdef MLPI_TOOL_ONNX
#include "mlp_onnx.h"
#endif

/* The texts that go along into header and code, while they are written. */
typedef struct writer {
    const mlp_data_recipe *recipe;
    FILE *header, *code;
    char *header_text, *code_text; /* set when the streams are closed */
    const char *cast;              /* to float, or nothing */
    char **fields;                 /* names of columns; [0] is not used */
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

/* Names the field of column i. A name that an earlier field has gets the number
 * of its column: three times at most, because only a damaged recipe needs more.
 * Its code then does not compile. Returns false if there is no memory. */
static bool name_field(const writer *w, size_t i)
{
    const char *name = mlp_data_recipe_column(w->recipe, i)->name;
    size_t size = strlen(name) + 96;
    char *field = malloc(size);
    w->fields[i] = field;
    size_t n = field ? copy_name(name, field) : 0;
    for (int tries = 0; field && tries < 3; tries++) {
        size_t k = 1;
        while (k < i && strcmp(w->fields[k], field) != 0) {
            k++;
        }
        if (k == i) {
            break;
        }
        n += (size_t)snprintf(field + n, size - n, "_%zu", i);
    }
    return field != NULL;
}

/* ---------------------------------------------------------------------------
 * Text
 */

/* Writes a text for a comment. Control characters, and the general punctuation
 * of Unicode, which holds marks that reverse the direction of writing, become
 * '?'. A '/' beside a '*' becomes '|'. */
static void put_remark(FILE *to, const char *text)
{
    char before = '\0';
    for (; *text; text++) {
        bool is_mark = memcmp(text, "\xe2\x80", 2) == 0 ||
                       memcmp(text, "\xe2\x81", 2) == 0;
        bool ends_comment = *text == '/' && (before == '*' || text[1] == '*');
        before = *text;
        (void)putc(is_mark || iscntrl((unsigned char)*text) ? '?'
                   : ends_comment                           ? '|'
                                                            : *text,
                   to);
        for (; is_mark && ((unsigned char)text[1] & 0xc0) == 0x80; text++) {
        }
    }
}

/* Writes a text as a string constant. Octal escapes end after three digits, and
 * two question marks would begin a trigraph. */
static void put_literal(FILE *to, const char *text)
{
    (void)putc('"', to);
    for (; *text; text++) {
        bool is_plain = *text >= ' ' && *text <= '~' && !strchr("\"\\?", *text);
        (void)fprintf(to, is_plain ? "%c" : "\\%03o", (unsigned char)*text);
    }
    (void)putc('"', to);
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
    (void)fputs("    /* \"", w->header);
    put_remark(w->header, column->name);
    (void)fprintf(w->header, "\": x[%zu]", x);
    if (is_number) {
        (void)fprintf(w->header, ", about %.6g if missing", column->mean);
        (void)fprintf(w->code,
                      "    x[%zu] = %s(row->%s == row->%s ? row->%s : %s);\n",
                      x++, w->cast, f, f, f,
                      mlpi_tool_decimals(column->mean, MLP_F64, mean));
    }
    for (size_t k = 0; k < column->n_categories; k++) {
        (void)fputs(k == 0 ? " and on: \"" : ", \"", w->header);
        put_remark(w->header, column->categories[k]);
        (void)putc('"', w->header);
        (void)fprintf(w->code, "    x[%zu] = %s(row->%s && !strcmp(row->%s, ",
                      x++, w->cast, f, f);
        put_literal(w->code, column->categories[k]);
        (void)fputs("));\n", w->code);
    }
    if (column->has_flag) {
        (void)fprintf(w->header, "; x[%zu] is 1 if missing", x);
        (void)fprintf(w->code,
                      is_number ? "    x[%zu] = %s(row->%s != row->%s);\n"
                                : "    x[%zu] = %s(!row->%s || !*row->%s);\n",
                      x, w->cast, f, f);
    }
    (void)fprintf(w->header, " */\n    %s%s;\n",
                  is_number ? "double " : "const char *", f);
}

/* Writes both texts. `p` begins all names. */
static void put_texts(const writer *w, const char *p, const char *type)
{
    (void)fputs("/* A row of the table: the columns that the network reads. A "
                "number that is\n * missing is a NaN; a text that is missing "
                "is NULL or \"\". The network answers\n * \"",
                w->header);
    put_remark(w->header, mlp_data_recipe_target(w->recipe));
    (void)fprintf(w->header, "\". */\ntypedef struct %s_row {\n", p);
    (void)fprintf(w->code,
                  "#include <string.h>\n\n"
                  "void %s_encode(const %s_row *row, %s *x)\n{\n",
                  p, p, type);
    for (size_t i = 1; i < mlp_data_recipe_columns(w->recipe); i++) {
        put_column(w, i);
    }
    (void)fprintf(w->header,
                  "} %s_row;\n\n/* Sets x to the inputs that a row becomes. A "
                  "text that is no category becomes\n * only zeros. */\n"
                  "void %s_encode(const %s_row *row, %s *x);\n",
                  p, p, p, type);
    (void)fputs("}\n", w->code);
}

/* Closes a stream. Returns whether all was written. */
static bool is_complete(FILE *stream)
{
    bool is_written = stream && !ferror(stream);
    return stream && fclose(stream) == 0 && is_written;
}

/* Makes the texts of a recipe, which the caller frees. */
static mlp_status write_texts(writer *w, const char *prefix, const char *type)
{
    size_t sizes[2];
    size_t n = mlp_data_recipe_columns(w->recipe);
    w->cast = strcmp(type, "float") == 0 ? "(float)" : "";
    w->fields = calloc(n, sizeof *w->fields);
    w->header = open_memstream(&w->header_text, &sizes[0]);
    w->code = open_memstream(&w->code_text, &sizes[1]);
    bool is_good = w->fields && w->header && w->code;
    for (size_t i = 1; is_good && i < n; i++) {
        is_good = name_field(w, i);
    }
    if (is_good) {
        put_texts(w, prefix, type);
    }
    is_good = is_complete(w->header) && is_good;
    is_good = is_complete(w->code) && is_good;
    for (size_t i = 1; w->fields && i < n; i++) {
        free(w->fields[i]);
    }
    free(w->fields);
    if (!is_good) {
        mlpi_tool_complain("no memory for the code of %zu columns", n - 1);
    }
    return is_good ? MLP_OK : MLP_ERR_MEMORY;
}

/* ---------------------------------------------------------------------------
 * Files
 */

/* Writes C code. Its names begin with the name of the file, which mlp_export_c
 * checks. */
static mlp_status write_code(const tool_model *model, const tool_rows *rows,
                             bool int8, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char prefix[80];
    writer w = {.recipe = model->recipe};
    mlp_export_report report;
    mlp_export_options options = mlp_export_defaults();
    bool is_single = int8 || mlp_net_precision(model->net) == MLP_F32;
    (void)snprintf(prefix, sizeof prefix, "%.*s", (int)strlen(name) - 2, name);
    mlp_status status =
        model->recipe ? write_texts(&w, prefix, is_single ? "float" : "double")
                      : MLP_OK;
    options.prefix = prefix;
    options.int8 = int8;
    options.header_text = w.header_text;
    options.code_text = w.code_text;
    if (rows->X.data) {
        options.X = mlp_view_const(rows->X);
    }
    /* Class numbers are targets of a network that has an output for each. */
    if (int8 && rows->Y.data && (!model->classes || rows->A.cols > 1)) {
        options.Y = mlp_view_const(rows->Y);
    }
    if (status == MLP_OK) {
        status = mlp_export_c(model->net, path, &options, &report);
    }
    if (status == MLP_OK) {
        mlpi_tool_say("%s and %s.h written: %zu bytes of constants%s%s%s", path,
                      prefix, report.constant_bytes, w.code ? "; " : "",
                      w.code ? prefix : "",
                      w.code ? "_encode makes inputs of a row" : "");
    }
    if (status == MLP_OK && !isnan(report.score_before)) {
        mlpi_tool_say("score on these rows: %.3f, as integers %.3f",
                      report.score_before, report.score_after);
    }
    free(w.header_text);
    free(w.code_text);
    return status;
}

static mlp_status write_onnx(const tool_model *model, const char *path)
{
#ifdef MLPI_TOOL_ONNX
    return mlp_onnx_save(model->net, path);
#else
    mlpi_tool_complain("%s: the mlp that reads %s was built without ONNX", path,
                       model->path);
    return MLP_ERR_UNSUPPORTED;
#endif
}

static bool ends_with(const char *path, const char *suffix)
{
    size_t n = strlen(path);
    size_t length = strlen(suffix);
    return n > length && strcmp(path + n - length, suffix) == 0;
}

/* Writes the file. A .mlp file is a safetensors file. */
static int write_file(const tool_model *model, const tool_rows *rows,
                      const tool_options *options)
{
    const char *path = options->operands[1];
    bool is_code = ends_with(path, ".c");
    mlp_status status = is_code ? write_code(model, rows, options->int8, path)
                        : ends_with(path, ".onnx")
                            ? write_onnx(model, path)
                            : mlp_net_save(model->net, path);
    if (status == MLP_OK && !is_code) {
        mlpi_tool_say("%s written", path);
    }
    return status == MLP_OK ? TOOL_DONE : TOOL_FAILED;
}

static int run_export(const tool_options *options)
{
    const char *path = options->operands[1];
    bool is_code = ends_with(path, ".c");
    if (!is_code && !ends_with(path, ".onnx") &&
        !ends_with(path, ".safetensors") && !ends_with(path, ".mlp")) {
        mlpi_tool_complain("%s: expects a name that ends in .c, .onnx, "
                           ".safetensors or .mlp, which tells what to write",
                           path);
        return TOOL_MISUSED;
    }
    if (is_code ? options->int8 && !options->rows
                : options->int8 || options->rows) {
        mlpi_tool_complain(
            "%s: %s", path,
            is_code ? "--int8 needs --rows TABLE: typical rows, from which it "
                      "takes the ranges of numbers"
                    : "--int8 and --rows are for C code, in a file that ends "
                      "in .c");
        return TOOL_MISUSED;
    }
    return mlpi_tool_use(options, options->rows, TOOL_TARGETS, write_file);
}

const tool_verb mlpi_tool_export = {
    "export",
    TOOL_EXPORT,
    2,
    2,
    run_export,
    "MODEL FILE",
    "write the model as FILE.c, FILE.onnx or FILE.safetensors"};
