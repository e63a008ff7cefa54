/* SPDX-License-Identifier: MIT */
/*
 * Writing a recipe as C. Names of columns and categories come from the user's
 * table, or from a hostile file, and may be any UTF-8. As names of fields they
 * keep their letters, digits and _; in string constants other characters are
 * octal escapes; in comments those are left out that could end the comment or
 * mislead its reader.
 */
#define _POSIX_C_SOURCE 200809L /* open_memstream */

#include "tool/row_code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/talk.h"

/* Words that are no names of fields: keywords of C and C++ that a column may
 * well have as its name, and macros of common headers and compilers. */
static const char reserved[] =
    " NULL EOF and asm assert auto bool break case catch char class concept "
    "const continue default delete do double else enum errno explicit export "
    "extern false float for friend goto if inline int linux long mutable "
    "namespace new not nullptr operator or private protected public register "
    "requires restrict return short signed sizeof static struct switch "
    "template this throw true try typedef typeid typename union unix unsigned "
    "using virtual void volatile while xor ";

/* Recipe, names and place of a text that is being written. */
typedef struct writer {
    FILE *to;
    const mlp_data_recipe *recipe;
    const char *prefix, *type;
    const char *cast; /* to the type, where C would warn without it */
    char **fields;    /* the name of each column's field; [0] is not used */
} writer;

/* ---------------------------------------------------------------------------
 * Names
 */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_reserved(const char *name)
{
    size_t n = strlen(name);
    const char *at = strstr(reserved, name);
    while (at && (at[-1] != ' ' || at[n] != ' ')) {
        at = strstr(at + 1, name);
    }
    return at != NULL;
}

/* Returns whether a column before column i has this field. */
static bool is_taken(const writer *w, size_t i, const char *field)
{
    for (size_t k = 1; k < i; k++) {
        if (strcmp(w->fields[k], field) == 0) {
            return true;
        }
    }
    return false;
}

/* Copies a name to a field that has room for it and 2 bytes: "petal width (cm)"
 * becomes petal_width_cm. Other characters between become one _, and what does
 * not begin with a letter gets one. Returns the length. */
static size_t copy_name(const char *name, char *field)
{
    size_t n = 0;
    for (; *name; name++) {
        bool is_kept = is_letter(*name) || is_digit(*name) || *name == '_';
        if (n == 0 && is_kept && !is_letter(*name)) {
            field[n++] = 'c';
        }
        if (is_kept || (n > 0 && field[n - 1] != '_')) {
            field[n++] = is_kept ? *name : '_';
        }
    }
    while (n > 0 && field[n - 1] == '_') {
        n--;
    }
    if (n == 0) {
        field[n++] = 'c';
    }
    field[n] = '\0';
    return n;
}

/* Returns the name of column i's field, or NULL if there is no memory. A name
 * that is reserved gets a _, and one that an earlier field has gets the number of
 * its column: three times at most, because only a damaged recipe needs more. Its
 * code then does not compile. */
static char *new_field(const writer *w, size_t i)
{
    const char *name = mlp_data_recipe_column(w->recipe, i)->name;
    size_t size = strlen(name) + 96;
    char *field = malloc(size);
    if (field) {
        size_t n = copy_name(name, field);
        if (is_reserved(field)) {
            field[n++] = '_';
            field[n] = '\0';
        }
        for (int k = 0; k < 3 && is_taken(w, i, field); k++) {
            n += (size_t)snprintf(field + n, size - n, "_%zu", i);
        }
    }
    return field;
}

/* Names all fields. They are freed with the writer, also after a failure. */
static bool name_fields(writer *w)
{
    size_t n = mlp_data_recipe_columns(w->recipe);
    w->fields = calloc(n, sizeof *w->fields);
    bool is_done = w->fields != NULL;
    for (size_t i = 1; is_done && i < n; i++) {
        w->fields[i] = new_field(w, i);
        is_done = w->fields[i] != NULL;
    }
    return is_done;
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
        bool is_mark =
            (unsigned char)text[0] == 0xe2 &&
            ((unsigned char)text[1] == 0x80 || (unsigned char)text[1] == 0x81);
        bool is_control = (unsigned char)*text < 32 || *text == 0x7f;
        bool ends_comment = *text == '/' && (before == '*' || text[1] == '*');
        before = *text;
        (void)putc(is_mark || is_control ? '?'
                   : ends_comment        ? '|'
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

/* Writes the field of column i, below a comment that says what it becomes. */
static void put_field(const writer *w, size_t i)
{
    const mlp_data_column *column = mlp_data_recipe_column(w->recipe, i);
    (void)fputs("    /* \"", w->to);
    put_remark(w->to, column->name);
    (void)fprintf(w->to, "\": x[%zu]", column->first_input);
    if (column->kind == MLP_DATA_NUMBER) {
        (void)fprintf(w->to, ", about %.6g if missing", column->mean);
    }
    for (size_t k = 0; k < column->n_categories; k++) {
        (void)fputs(k == 0 ? " and on: \"" : ", \"", w->to);
        put_remark(w->to, column->categories[k]);
        (void)fputs("\"", w->to);
    }
    if (column->has_flag) {
        (void)fprintf(w->to, "; x[%zu] is 1 if missing",
                      column->first_input + column->n_inputs - 1);
    }
    (void)fprintf(w->to, " */\n    %s%s;\n",
                  column->kind == MLP_DATA_NUMBER ? "double " : "const char *",
                  w->fields[i]);
}

/* Writes what goes into the header. */
static void put_header(const writer *w)
{
    const char *p = w->prefix;
    (void)fprintf(w->to,
                  "/* A row of the table: the columns that the network reads. "
                  "A number that is\n * missing is a NaN; a text that is "
                  "missing is NULL or \"\". The network answers\n * \"");
    put_remark(w->to, mlp_data_recipe_target(w->recipe));
    (void)fprintf(w->to, "\". */\ntypedef struct %s_row {\n", p);
    for (size_t i = 1; i < mlp_data_recipe_columns(w->recipe); i++) {
        put_field(w, i);
    }
    (void)fprintf(
        w->to,
        "} %s_row;\n\n/* Sets x to the inputs that a row becomes. A text "
        "that is no category becomes\n * only zeros. */\n"
        "void %s_encode(const %s_row *row, %s *x);\n",
        p, p, p, w->type);
}

/* Writes the statements that encode column i. A NaN is not equal to itself. */
static void put_column(const writer *w, size_t i)
{
    const mlp_data_column *column = mlp_data_recipe_column(w->recipe, i);
    const char *f = w->fields[i];
    bool is_number = column->kind == MLP_DATA_NUMBER;
    char mean[TOOL_NUMBER_SIZE];
    size_t input = column->first_input;
    if (is_number) {
        (void)fprintf(w->to,
                      "    x[%zu] = %s(row->%s == row->%s ? row->%s : %s);\n",
                      input++, w->cast, f, f, f,
                      mlpi_tool_decimals(column->mean, MLP_F64, mean));
    }
    for (size_t k = 0; k < column->n_categories; k++) {
        (void)fprintf(w->to, "    x[%zu] = %s(row->%s && !strcmp(row->%s, ",
                      input++, w->cast, f, f);
        put_literal(w->to, column->categories[k]);
        (void)fputs("));\n", w->to);
    }
    if (column->has_flag) {
        (void)fprintf(w->to,
                      is_number ? "    x[%zu] = %s(row->%s != row->%s);\n"
                                : "    x[%zu] = %s(!row->%s || !*row->%s);\n",
                      input, w->cast, f, f);
    }
}

/* Writes what goes into the code. */
static void put_code(const writer *w)
{
    (void)fprintf(w->to,
                  "#include <string.h>\n\n"
                  "void %s_encode(const %s_row *row, %s *x)\n{\n",
                  w->prefix, w->prefix, w->type);
    for (size_t i = 1; i < mlp_data_recipe_columns(w->recipe); i++) {
        put_column(w, i);
    }
    (void)fputs("}\n", w->to);
}

/* Lets a function write into fresh memory, which the caller frees. */
static bool write_text(writer *w, void (*put)(const writer *w), char **text)
{
    size_t size = 0;
    w->to = open_memstream(text, &size);
    if (!w->to) {
        return false;
    }
    put(w);
    bool is_written = !ferror(w->to);
    return fclose(w->to) == 0 && is_written;
}

bool mlpi_tool_row_code(const mlp_data_recipe *recipe, const char *prefix,
                        const char *type, tool_row_code *code)
{
    writer w = {.recipe = recipe,
                .prefix = prefix,
                .type = type,
                .cast = strcmp(type, "float") == 0 ? "(float)" : ""};
    size_t n = mlp_data_recipe_columns(recipe);
    bool is_done = name_fields(&w) &&
                   write_text(&w, put_header, &code->header) &&
                   write_text(&w, put_code, &code->code);
    for (size_t i = 1; w.fields && i < n; i++) {
        free(w.fields[i]);
    }
    free(w.fields);
    if (!is_done) {
        mlpi_tool_complain("no memory for the code of %zu columns", n - 1);
    }
    return is_done;
}
