/* SPDX-License-Identifier: MIT */
/*
 * The reader of CSV files; csv.h has the grammar and the two passes.
 *
 * Functions call each other from the bottom of this file to its top:
 *
 *     read_table
 *         read_header    names
 *         read_rows
 *             first_pass     numbers, with read_number
 *             choose_kind
 *             second_pass    categories, with read_cell
 *
 * Both read_number and read_cell move the reader behind the separator or the
 * line end, and leave the cell in r->cell, r->length and r->is_last. The cell
 * points into the text of the file, or into the room of the reader.
 */
#include "data/csv.h"

#include <math.h>
#include <string.h>

#include "data/decimal.h"

/* What the first pass learns about a column. `stray` is the first cell that is
 * neither a number nor empty, as it stands in the file. */
typedef struct census {
    size_t n_numbers, n_strays;
    size_t stray_line, stray_length;
    const char *stray;
} census;

/* The place in the text, and the cell that was read last. */
typedef struct reader {
    mlp_data *data;
    size_t cols; /* of the file; targets from a second file are one more */
    const char *text, *next, *end;
    mlpi_record names; /* the line with the names of the columns */
    char separator, point;
    size_t line, row_line; /* where `next` is, and where the row begins */
    /* The last cell, and whether the row ends behind it. */
    const char *cell;
    size_t length;
    bool is_quoted, is_last;
    /* Room for a cell with doubled quotes. */
    char *room;
    size_t capacity;
} reader;

static bool is_blank(const reader *r, char c)
{
    return (c == ' ' || c == '\t') && c != r->separator;
}

/* Returns true at the end of a line, and sets *length to its 0 (the end of the
 * text), 1 or 2 characters. */
static bool is_line_end(const reader *r, const char *s, size_t *length)
{
    *length = s == r->end                                    ? 0
              : *s == '\n'                                   ? 1
              : *s == '\r' && s + 1 < r->end && s[1] == '\n' ? 2
                                                             : 3;
    return *length < 3;
}

/* Fails with the line, what is expected there, and the text that stands
 * there. */
static mlp_status fail_at(const reader *r, size_t line, const char *what,
                          const char *text, size_t length)
{
    char quote[MLPI_QUOTE_SIZE];
    return mlpi_table_error(r->data, MLP_ERR_FORMAT, line,
                            "expects %s, got \"%s\"", what,
                            mlpi_data_quote(text, length, quote));
}

/* Ends a cell at `s`: reads the separator or the line end. */
static mlp_status end_cell(reader *r, const char *s)
{
    size_t length = 0;
    r->is_last = is_line_end(r, s, &length);
    if (r->is_last) {
        r->line += length > 0;
        r->next = s + length;
    } else if (*s == r->separator) {
        r->next = s + 1;
    } else {
        return fail_at(r, r->line, "a separator after the closing quote", s,
                       (size_t)(r->end - s));
    }
    return MLP_OK;
}

/* Copies the quoted text without the quotes that double others. The text of the
 * file is the caller's and stays as it is, so the copy lies in the room of the
 * reader, until the next such cell. */
static mlp_status copy_quoted(reader *r, const char *text, size_t length)
{
    size_t n = 0;
    TRY(mlpi_data_reserve(&r->data->hooks, length, 1, &r->capacity,
                          (void *)&r->room));
    for (size_t i = 0; i < length; i++) {
        i += text[i] == '"';
        r->room[n++] = text[i];
    }
    r->cell = r->room;
    r->length = n;
    return MLP_OK;
}

/* Reads a cell whose opening quote is at `s`. The quote that closes it is the
 * first one that no other follows. Line ends inside are part of the text; they
 * are counted, and a message about a quote that is not closed names the line of
 * the opening one, because the end of the file would tell nothing. */
static mlp_status read_quoted(reader *r, const char *s)
{
    size_t opened = r->line;
    bool has_doubled = false;
    const char *begin = ++s;
    for (; s < r->end; s++) {
        r->line += *s == '\n';
        if (*s != '"') {
            continue;
        }
        if (s + 1 == r->end || s[1] != '"') {
            break;
        }
        has_doubled = true;
        s++;
    }
    if (s == r->end) {
        return fail_at(r, opened, "a closing quote", begin - 1,
                       (size_t)(s - begin) + 1);
    }
    r->cell = begin;
    r->length = (size_t)(s - begin);
    r->is_quoted = true;
    if (has_doubled) {
        TRY(copy_quoted(r, begin, r->length));
    }
    for (s++; s < r->end && is_blank(r, *s); s++) {
    }
    return end_cell(r, s);
}

/* Reads a cell of any kind. A lone CR ended the lines of old Macintosh files;
 * if it were text, such a file would be a single long line. */
static mlp_status read_cell(reader *r)
{
    const char *s = r->next;
    size_t length = 0;
    for (; s < r->end && is_blank(r, *s); s++) {
    }
    if (s < r->end && *s == '"') {
        return read_quoted(r, s);
    }
    r->cell = s;
    r->is_quoted = false;
    for (; !is_line_end(r, s, &length) && *s != r->separator; s++) {
        if (*s == '\r') {
            return fail_at(r, r->line, "lines that end with LF or CRLF",
                           "a lone CR", 9);
        }
    }
    const char *stop = s;
    for (; stop > r->cell && is_blank(r, stop[-1]); stop--) {
    }
    r->length = (size_t)(stop - r->cell);
    return end_cell(r, s);
}

/* Reads a cell that may be a number. Most cells are nothing but a number, which
 * needs no search for its end. Other cells are read as text first, without
 * blanks and quotes, and then as a number. Sets *is_number to whether the cell
 * is a finite number. */
static mlp_status read_number(reader *r, double *x, bool *is_number)
{
    const char *begin = r->next;
    const char *s = mlpi_decimal_read(begin, r->end, r->point, x);
    size_t length = 0;
    *is_number =
        s && isfinite(*x) &&
        ((s < r->end && *s == r->separator) || is_line_end(r, s, &length));
    if (*is_number) {
        r->cell = begin;
        r->length = (size_t)(s - begin);
        return end_cell(r, s);
    }
    TRY(read_cell(r));
    const char *stop = r->cell + r->length;
    *is_number = mlpi_decimal_read(r->cell, stop, r->point, x) == stop &&
                 r->length > 0 && isfinite(*x);
    return MLP_OK;
}

/* Returns true if the last cell is empty or says that nothing is known. In
 * quotes such a word is a text, as the code of Namibia is. */
static bool is_empty(const reader *r)
{
    static const char *const words[] = {"",    "NA",   "N/A",  "NaN",
                                        "nan", "null", "NULL", "?"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (r->length == strlen(words[i]) &&
            memcmp(r->cell, words[i], r->length) == 0) {
            return !r->is_quoted || r->length == 0;
        }
    }
    return false;
}

/* Moves to the next line that is not blank. Returns false at the end. A blank
 * line is no row even if the table has one column: an empty cell of such a
 * table has to stand as "" or NA. */
static bool next_row(reader *r)
{
    size_t length = 0;
    while (r->next < r->end) {
        const char *s = r->next;
        for (; s < r->end && is_blank(r, *s); s++) {
        }
        if (!is_line_end(r, s, &length)) {
            break;
        }
        r->next = s + length;
        r->line += length > 0;
    }
    r->row_line = r->line;
    return r->next < r->end;
}

/* Checks that cell j is the last one exactly if it should be. Of a line that is
 * too long the rest is read, to tell how long it is. */
static mlp_status check_length(reader *r, size_t j)
{
    if (r->is_last == (j + 1 == r->cols)) {
        return MLP_OK;
    }
    for (; !r->is_last; j++) {
        TRY(read_cell(r));
    }
    return mlpi_table_error(r->data, MLP_ERR_FORMAT, r->row_line,
                            "expects %zu cell%s, got %zu", r->cols,
                            r->cols == 1 ? "" : "s", j + 1);
}

/* ---------------------------------------------------------------------------
 * The first line
 */

/* Returns the length of a valid character of UTF-8 at `s`, or 0. What the last
 * line refuses are characters that a shorter form could write, halves of
 * surrogate pairs, and numbers above 0x10ffff. */
static size_t utf8_length(const char *s, const char *end)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char c = (unsigned char)*s;
    size_t n = c < 0x80                ? 1
               : c >= 0xc0 && c < 0xe0 ? 2
               : c >= 0xe0 && c < 0xf0 ? 3
               : c >= 0xf0 && c < 0xf8 ? 4
                                       : 0;
    if (n < 2 || (size_t)(end - s) < n) {
        return n < 2 ? n : 0;
    }
    uint32_t code = c & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)s[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | ((unsigned char)s[i] & 0x3f);
    }
    bool is_half = code >= 0xd800 && code < 0xe000;
    return code >= least[n] && code <= 0x10ffff && !is_half ? n : 0;
}

/* Checks that the last cell may be kept as a text: recipes travel in a
 * network's metadata, which is UTF-8. */
static mlp_status check_text(const reader *r)
{
    const char *end = r->cell + r->length;
    if (r->length > MLPI_MAX_CELL) {
        return mlpi_table_error(r->data, MLP_ERR_LIMIT, r->row_line,
                                "expects at most %d bytes in a cell, got %zu",
                                (int)MLPI_MAX_CELL, r->length);
    }
    for (const char *s = r->cell; s < end;) {
        size_t n = utf8_length(s, end);
        if (n == 0) {
            return mlpi_table_error(r->data, MLP_ERR_FORMAT, r->row_line,
                                    "expects text in UTF-8, got the byte "
                                    "0x%02x (convert it, with iconv say)",
                                    (unsigned)(unsigned char)*s);
        }
        s += n;
    }
    return MLP_OK;
}

/* Returns the separator that the first line has outside of quotes. A comma may
 * stand for a decimal point or be part of a name in a file with another
 * separator, and tabs hardly ever stand in a text; so the rarer wins. A comma
 * that is the decimal point separates nothing. */
static char find_separator(const char *s, const char *end, char point)
{
    bool is_quoted = false;
    bool has_semicolon = false;
    for (; s < end && (is_quoted || *s != '\n'); s++) {
        is_quoted = is_quoted != (*s == '"');
        if (*s == '\t' && !is_quoted) {
            return '\t';
        }
        has_semicolon = has_semicolon || (*s == ';' && !is_quoted);
    }
    return has_semicolon || point == ',' ? ';' : ',';
}

/* Returns the bytes from `begin` to the line end before r->next. */
static size_t record_size(const reader *r, const char *begin)
{
    size_t n = (size_t)(r->next - begin);
    n -= n > 0 && begin[n - 1] == '\n';
    n -= n > 0 && r->next[-1] == '\n' && begin[n - 1] == '\r';
    return n;
}

/* Names the columns. The first line is read as numbers to find out whether it
 * is a row, and again as text. If it is a row, its place is restored, and
 * columns are named by their places. */
static mlp_status read_header(reader *r)
{
    reader start = *r;
    bool has_number = false;
    double x = 0.0;
    for (r->is_last = false; !r->is_last;) {
        bool is_number = false;
        TRY(read_number(r, &x, &is_number));
        has_number = has_number || is_number;
    }
    bool is_header =
        r->data->options->header == MLP_DATA_HEADER_YES ||
        (r->data->options->header == MLP_DATA_HEADER_AUTO && !has_number);
    r->next = start.next;
    r->line = start.line;
    for (r->is_last = false; !r->is_last;) {
        TRY(read_cell(r));
        if (is_header) {
            TRY(check_text(r));
        }
        TRY(mlpi_table_add_name(r->data, r->cell, is_header ? r->length : 0,
                                r->row_line));
    }
    r->cols = r->data->names.n;
    r->names = (mlpi_record){(size_t)(start.next - r->text),
                             is_header ? record_size(r, start.next) : 0};
    if (!is_header) {
        r->next = start.next;
        r->line = start.line;
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * The two passes
 */

/* Stores numbers and NaN, and counts. The columns of the table lie one after
 * the other, so cell (i, j) is cells[j * stride]. The first stray cell of each
 * column is kept for a message: its text is still there when the pass has
 * ended, except where it lies in the room of the reader. */
static mlp_status first_pass(reader *r, census *counts)
{
    mlp_data *data = r->data;
    size_t stride = data->values.col_stride;
    for (size_t i = 0; next_row(r); i++) {
        const char *begin = r->next;
        double *cells = (double *)data->block + i;
        data->lines[i] = (uint32_t)r->row_line;
        for (size_t j = 0; j < r->cols; j++) {
            bool is_number = false;
            double x = 0.0;
            TRY(read_number(r, &x, &is_number));
            TRY(check_length(r, j));
            cells[j * stride] = is_number ? x : (double)NAN;
            counts[j].n_numbers += is_number;
            if (is_number) {
                continue;
            }
            if (is_empty(r)) {
                data->columns[j].n_empty++;
            } else if (counts[j].n_strays++ == 0) {
                counts[j].stray = r->cell;
                counts[j].stray_length = r->length;
                counts[j].stray_line = r->row_line;
                if (r->cell == r->room) { /* the room is used again */
                    counts[j].stray = "\"...\"";
                    counts[j].stray_length = 5;
                }
            }
        }
        if (data->records) {
            data->records[i + 1] =
                (mlpi_record){(size_t)(begin - r->text), record_size(r, begin)};
        }
        data->values.rows = i + 1;
    }
    return MLP_OK;
}

/* Stores the categories. The rows are known to have the right length, since the
 * first pass has read them all. */
static mlp_status second_pass(reader *r)
{
    mlp_data *data = r->data;
    size_t stride = data->values.col_stride;
    for (size_t i = 0; next_row(r); i++) {
        for (size_t j = 0; j < r->cols; j++) {
            mlpi_column *column = &data->columns[j];
            size_t number = 0;
            TRY(read_cell(r));
            if (column->kind != MLP_DATA_CATEGORY || is_empty(r)) {
                continue;
            }
            TRY(check_text(r));
            TRY(mlpi_dictionary_add(&data->hooks, &column->categories, r->cell,
                                    r->length, &number));
            ((double *)data->block)[i + j * stride] = (double)number;
        }
    }
    return MLP_OK;
}

/* Returns true if a stray cell is a number with a comma as its point. */
static bool has_comma(const reader *r, const census *counts)
{
    double x = 0.0;
    const char *end = counts->stray + counts->stray_length;
    return r->point != ',' && r->separator != ',' &&
           mlpi_decimal_read(counts->stray, end, ',', &x) == end;
}

/* Fails with the place of the first stray cell of column j. */
static mlp_status fail_with_stray(const reader *r, size_t j,
                                  const census *counts)
{
    char place[MLPI_PLACE_SIZE];
    char got[MLPI_QUOTE_SIZE];
    return mlpi_table_error(
        r->data, MLP_ERR_FORMAT, counts->stray_line,
        "%s: expects a number%s, got \"%s\"",
        mlpi_table_place(r->data, j, place),
        has_comma(r, counts) ? " with a decimal point" : "",
        mlpi_data_quote(counts->stray, counts->stray_length, got));
}

/* Decides the kind of column j: by the options or the recipe, else by what
 * stands there. An ignored column has no mistakes, because nobody will read it.
 * Counts are divided and not multiplied, so that they cannot overflow. */
static mlp_status choose_kind(reader *r, size_t j, const census *counts)
{
    mlpi_column *column = &r->data->columns[j];
    if (column->is_ignored) {
        column->n_empty += counts->n_strays;
    } else if (counts->n_strays > 0 && column->kind == MLP_DATA_NUMBER) {
        if (column->is_told || counts->n_numbers / 9 >= counts->n_strays ||
            has_comma(r, counts)) {
            return fail_with_stray(r, j, counts);
        }
        column->kind = MLP_DATA_CATEGORY;
    }
    return MLP_OK;
}

/* Reads the rows. The first line has been read or is the first row. If the
 * kinds are numbers only, the second pass is left out. */
static mlp_status read_rows(reader *r, census *counts)
{
    mlp_data *data = r->data;
    reader start = *r;
    bool has_categories = false;
    memset(counts, 0, r->cols * sizeof *counts);
    TRY(first_pass(r, counts));
    if (data->values.rows == 0 && !data->options->recipe) {
        return mlpi_table_error(data, MLP_ERR_FORMAT, r->line,
                                "expects rows after the names of the columns, "
                                "got the end of the file");
    }
    for (size_t j = 0; j < r->cols; j++) {
        TRY(choose_kind(r, j, &counts[j]));
        has_categories =
            has_categories || data->columns[j].kind == MLP_DATA_CATEGORY;
    }
    if (has_categories) {
        r->next = start.next;
        r->line = start.line;
        TRY(second_pass(r));
    }
    for (size_t j = 0; data->options->sorted && j < r->cols; j++) {
        if (data->columns[j].kind == MLP_DATA_CATEGORY) {
            TRY(mlpi_table_sort_categories(data, j, false));
        }
    }
    return MLP_OK;
}

/* Refuses what is no text in UTF-8. A 0 is looked for in the whole file before
 * anything else, because all that follows may then take the text for one. */
static mlp_status check_bytes(const mlp_data *data, const char *text,
                              size_t size)
{
    const char *nul = memchr(text, 0, size);
    size_t line = 1;
    for (const char *s = text; nul && s < nul; s++) {
        line += *s == '\n';
    }
    if (size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 ||
                      memcmp(text, "\xfe\xff", 2) == 0)) {
        return mlpi_table_error(data, MLP_ERR_UNSUPPORTED, 1,
                                "expects text in UTF-8, got UTF-16 (convert "
                                "it, with iconv say)");
    }
    return nul ? mlpi_table_error(data, MLP_ERR_FORMAT, line,
                                  "expects text, got a byte that is 0")
               : MLP_OK;
}

/* Returns a bound of the number of rows that is exact for a file without blank
 * lines and without line ends in quotes. A row takes at least a byte for each
 * cell, so a short file with many columns cannot make the table large. */
static size_t count_rows(const char *s, const char *end, size_t cols)
{
    size_t n = 1;
    size_t most = 1 + (size_t)(end - s) / cols;
    while (s < end && (s = memchr(s, '\n', (size_t)(end - s))) != NULL) {
        s++;
        n++;
    }
    return n < most ? n : most;
}

/* Reads the whole text. The caller releases the room and the counts, also after
 * a failure. */
static mlp_status read_table(reader *r, census **counts)
{
    mlp_data *data = r->data;
    if (!next_row(r)) {
        return mlpi_table_error(data, MLP_ERR_FORMAT, 1,
                                "expects a table, got an empty file");
    }
    r->separator = data->options->separator;
    if (r->separator == '\0') {
        r->separator = find_separator(r->next, r->end, r->point);
    }
    data->separator = r->separator;
    TRY(read_header(r));
    size_t rows = count_rows(r->next, r->end, r->cols);
    TRY(mlpi_table_allocate(data, MLP_F64, rows, false));
    TRY(mlpi_data_allocate(&data->hooks, rows, sizeof *data->lines,
                           (void *)&data->lines));
    if (data->options->keep_text) {
        TRY(mlpi_data_allocate(&data->hooks, rows + 1, sizeof *data->records,
                               (void *)&data->records));
        data->records[0] = r->names;
    }
    TRY(mlpi_data_allocate(&data->hooks, r->cols, sizeof **counts,
                           (void *)counts));
    return read_rows(r, *counts);
}

mlp_status mlpi_csv_read(const char *text, size_t size, mlp_data *data)
{
    census *counts = NULL;
    reader r = {.data = data, .text = text, .end = text + size, .line = 1};
    r.next = text;
    r.point = data->options->decimal_comma ? ',' : '.';
    TRY(check_bytes(data, text, size));
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        r.next += 3;
    }
    mlp_status status = read_table(&r, &counts);
    mlpi_data_release(&data->hooks, counts);
    mlpi_data_release(&data->hooks, r.room);
    return status;
}
