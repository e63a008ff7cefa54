/* SPDX-License-Identifier: MIT */
/*
 * The reader of CSV files; csv.h has the grammar, the two passes, and how the
 * functions call each other.
 */
#include "data/csv.h"

#include <math.h>
#include <string.h>

#include "data/decimal.h"

/* What the first pass learns about a column. `stray` is the first cell that is
 * neither a number nor empty, as it stands in the file. */
typedef struct census {
    size_t n_strays, stray_line, stray_length;
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
    const char *row_end;   /* where the line end of the last row is */
    /* The last cell, whether the row ends behind it, and whether quotes in it
     * are doubled. */
    const char *cell;
    size_t length;
    bool is_quoted, is_doubled, is_last;
    char *room; /* for a text whose doubled quotes are single again */
    size_t capacity;
} reader;

/* A tab is a blank, unless it is what separates the cells. */
static bool is_blank(const reader *r, char c)
{
    return (c == ' ' || c == '\t') && c != r->separator;
}

static const char *skip_blanks(const reader *r, const char *s)
{
    while (s < r->end && is_blank(r, *s)) {
        s++;
    }
    return s;
}

/* Returns the place behind the line end at `s`, or NULL if there is none. The
 * end of the text is a line end. */
static inline const char *end_line(const reader *r, const char *s)
{
    if (s == r->end || *s == '\n') {
        return s + (s < r->end);
    }
    return *s == '\r' && s + 1 < r->end && s[1] == '\n' ? s + 2 : NULL;
}

/* Fails with the line, what is expected there, and the text that stands
 * there. */
static mlp_status fail_at(const reader *r, size_t line, const char *what,
                          const char *text, size_t length)
{
    return mlpi_data_error(&r->data->pool, MLP_ERR_FORMAT, line,
                           "expects %s, got \"%s\"", what,
                           mlpi_data_quote(text, length).text);
}

/* Ends a cell at `s`: reads the separator or the line end. This runs for each
 * cell, so the separator comes first. */
static inline mlp_status end_cell(reader *r, const char *s)
{
    r->is_last = s == r->end || *s != r->separator;
    if (!r->is_last) {
        r->next = s + 1;
        return MLP_OK;
    }
    r->row_end = s;
    r->next = end_line(r, s);
    if (!r->next) {
        return fail_at(r, r->line, "a separator after the closing quote", s,
                       (size_t)(r->end - s));
    }
    r->line += r->next > s;
    return MLP_OK;
}

/* Reads a cell whose opening quote is at `s`. The quote that closes it is the
 * first one that no other follows. Line ends inside are part of the text; they
 * are counted, and a message about a quote that is not closed names the line of
 * the opening one, because the end of the file would tell nothing. */
static mlp_status read_quoted(reader *r, const char *s)
{
    size_t opened = r->line;
    const char *begin = ++s;
    for (; s < r->end; s++) {
        r->line += *s == '\n';
        if (*s != '"') {
            continue;
        }
        if (s + 1 == r->end || s[1] != '"') {
            break;
        }
        r->is_doubled = true;
        s++;
    }
    if (s == r->end) {
        return fail_at(r, opened, "a closing quote", begin - 1,
                       (size_t)(s - begin) + 1);
    }
    r->cell = begin;
    r->length = (size_t)(s - begin);
    r->is_quoted = true;
    return end_cell(r, skip_blanks(r, s + 1));
}

/* Reads a cell of any kind. A lone CR ended the lines of old Macintosh files;
 * if it were text, such a file would be a single long line. */
static mlp_status read_cell(reader *r)
{
    const char *s = skip_blanks(r, r->next);
    r->is_quoted = r->is_doubled = false;
    if (s < r->end && *s == '"') {
        return read_quoted(r, s);
    }
    r->cell = s;
    for (; !end_line(r, s) && *s != r->separator; s++) {
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
    *is_number = s && isfinite(*x) &&
                 ((s < r->end && *s == r->separator) || end_line(r, s));
    if (*is_number) {
        r->cell = begin;
        r->length = (size_t)(s - begin);
        return end_cell(r, s);
    }
    TRY(read_cell(r));
    const char *stop = r->cell + r->length;
    *is_number =
        mlpi_decimal_read(r->cell, stop, r->point, x) == stop && isfinite(*x);
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
    const char *next = r->next;
    while (next && r->next < r->end) {
        next = end_line(r, skip_blanks(r, r->next));
        if (next) {
            r->line += next[-1] == '\n';
            r->next = next;
        }
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
    return mlpi_data_error(&r->data->pool, MLP_ERR_FORMAT, r->row_line,
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
 * network's metadata, which is UTF-8. Doubled quotes become single ones in a
 * copy, since the text of the file is the caller's. */
static mlp_status finish_text(reader *r)
{
    const char *end = r->cell + r->length;
    if (r->length > MLPI_MAX_CELL) {
        return mlpi_data_error(&r->data->pool, MLP_ERR_LIMIT, r->row_line,
                               "expects at most %d bytes in a cell, got %zu",
                               (int)MLPI_MAX_CELL, r->length);
    }
    for (const char *s = r->cell; s < end;) {
        size_t n = utf8_length(s, end);
        if (n == 0) {
            return mlpi_data_error(&r->data->pool, MLP_ERR_FORMAT, r->row_line,
                                   "expects text in UTF-8, got the byte "
                                   "0x%02x (convert it, with iconv say)",
                                   (unsigned)(unsigned char)*s);
        }
        s += n;
    }
    if (r->is_doubled) {
        size_t n = 0;
        TRY(RESERVE(&r->data->scratch, r->length, &r->capacity, &r->room));
        for (const char *s = r->cell; s < end; s++) {
            s += *s == '"';
            r->room[n++] = *s;
        }
        r->cell = r->room;
        r->length = n;
    }
    return MLP_OK;
}

/* Returns the separator that the first line has outside of quotes. A comma may
 * stand for a decimal point or be part of a name in a file with another
 * separator, and tabs hardly ever stand in a text; so the rarer wins. A comma
 * that is the decimal point separates nothing. A quote opens a cell only where
 * that begins, and after a closing one, which two doubled quotes look like. */
static char find_separator(const char *s, const char *end, char point)
{
    const char *kinds = point == ',' ? "\t;|" : "\t;,|";
    const char *best = NULL;
    bool is_quoted = false;
    bool may_open = true;
    for (; s < end && (is_quoted || *s != '\n'); s++) {
        const char *kind = is_quoted ? NULL : strchr(kinds, *s);
        bool is_quote = *s == '"' && (is_quoted || may_open);
        is_quoted = is_quoted != is_quote;
        may_open = is_quote || kind || (may_open && *s == ' ');
        best = kind && (!best || kind < best) ? kind : best;
    }
    return best ? *best : kinds[point == ',' ? 1 : 2];
}

/* Names the columns. The first line is read as numbers to find out whether it
 * is a row, and else again as text. If it is a row, columns are named by their
 * places. */
static mlp_status read_header(reader *r)
{
    reader start = *r;
    mlp_data_header header = r->data->options->header;
    bool is_header = header != MLP_DATA_HEADER_NO;
    while (!r->is_last) {
        double x = 0.0;
        bool is_number = false;
        TRY(read_number(r, &x, &is_number));
        is_header = is_header && (header == MLP_DATA_HEADER_YES || !is_number);
        r->cols++;
    }
    size_t cols = r->cols;
    *r = start;
    for (r->cols = 0; r->cols < cols; r->cols++) {
        if (is_header) {
            TRY(read_cell(r));
            TRY(finish_text(r));
        }
        TRY(mlpi_table_add_name(r->data, r->cell, r->length, r->row_line));
    }
    if (is_header) {
        r->names = (mlpi_record){(size_t)(start.next - r->text),
                                 (size_t)(r->row_end - start.next)};
    }
    return MLP_OK;
}

/* ---------------------------------------------------------------------------
 * The two passes
 */

/* Stores numbers and NaN, and counts. The columns of the table lie one after
 * the other, so cell (i, j) is cells[j * stride]. The first stray cell of each
 * column is kept for a message. */
static mlp_status first_pass(reader *r, census *counts)
{
    mlp_data *data = r->data;
    size_t stride = data->values.col_stride;
    for (size_t i = 0; next_row(r); i++) {
        const char *begin = r->next;
        double *cells = (double *)data->values.data + i;
        data->lines[i] = (uint32_t)r->row_line;
        for (size_t j = 0; j < r->cols; j++) {
            bool is_number = false;
            double x = 0.0;
            TRY(read_number(r, &x, &is_number));
            TRY(check_length(r, j));
            cells[j * stride] = is_number ? x : (double)NAN;
            if (is_number) {
                continue;
            }
            if (is_empty(r)) {
                data->columns[j].n_empty++;
            } else if (counts[j].n_strays++ == 0) {
                counts[j].stray = r->cell;
                counts[j].stray_length = r->length;
                counts[j].stray_line = r->row_line;
            }
        }
        if (data->records) {
            data->records[i + 1] = (mlpi_record){(size_t)(begin - r->text),
                                                 (size_t)(r->row_end - begin)};
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
            TRY(finish_text(r));
            TRY(mlpi_dictionary_add(&data->pool, &column->categories, r->cell,
                                    r->length, &number));
            ((double *)data->values.data)[i + j * stride] = (double)number;
        }
    }
    return MLP_OK;
}

/* Decides the kind of column j: by the options or the recipe, else by what
 * stands there. An ignored column has no mistakes, because nobody will read it.
 * Counts are divided and not multiplied, so that they cannot overflow. */
static mlp_status choose_kind(reader *r, size_t j, const census *counts)
{
    mlpi_column *column = &r->data->columns[j];
    if (column->is_ignored) {
        column->n_empty += counts->n_strays;
        return MLP_OK;
    }
    if (counts->n_strays == 0 || column->kind == MLP_DATA_CATEGORY) {
        return MLP_OK;
    }
    const char *end = counts->stray + counts->stray_length;
    double x = 0.0;
    bool has_comma = r->point != ',' && r->separator != ',' &&
                     mlpi_decimal_read(counts->stray, end, ',', &x) == end;
    size_t others = column->n_empty + counts->n_strays;
    size_t n_numbers = r->data->values.rows - others;
    if (!column->is_told && !has_comma && n_numbers / 9 < counts->n_strays) {
        column->kind = MLP_DATA_CATEGORY;
        return MLP_OK;
    }
    return mlpi_data_error(
        &r->data->pool, MLP_ERR_FORMAT, counts->stray_line,
        "%s: expects a number%s, got \"%s\"", mlpi_table_place(r->data, j).text,
        has_comma ? " with a decimal point" : "",
        mlpi_data_quote(counts->stray, counts->stray_length).text);
}

/* Reads the rows. If the kinds are numbers only, the second pass is left
 * out. */
static mlp_status read_rows(reader *r)
{
    mlp_data *data = r->data;
    reader start = *r;
    bool has_categories = false;
    census *counts = NULL;
    TRY(ALLOCATE(&data->scratch, r->cols, &counts));
    memset(counts, 0, r->cols * sizeof *counts);
    TRY(first_pass(r, counts));
    if (data->values.rows == 0 && !data->options->recipe) {
        return mlpi_data_error(&data->pool, MLP_ERR_FORMAT, r->line,
                               "expects rows after the names of the columns, "
                               "got the end of the file");
    }
    for (size_t j = 0; j < r->cols; j++) {
        TRY(choose_kind(r, j, &counts[j]));
        has_categories =
            has_categories || data->columns[j].kind == MLP_DATA_CATEGORY;
    }
    if (has_categories) {
        *r = start;
        TRY(second_pass(r));
    }
    for (size_t j = 0; j < r->cols; j++) {
        TRY(mlpi_table_sort_categories(data, j));
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
        return mlpi_data_error(&data->pool, MLP_ERR_UNSUPPORTED, 1,
                               "expects text in UTF-8, got UTF-16 (convert "
                               "it, with iconv say)");
    }
    return nul ? mlpi_data_error(&data->pool, MLP_ERR_FORMAT, line,
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

/* The rows are counted before they are read: then the table is allocated once,
 * in its final size, and no block is ever copied. To count takes a tenth of the
 * time of reading. The first line is read by itself, because the separator and
 * the header are found in it. */
mlp_status mlpi_csv_read(const char *text, size_t size, mlp_data *data)
{
    reader r = {.data = data, .text = text, .end = text + size, .line = 1};
    bool has_mark = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
    r.next = text + (has_mark ? 3 : 0);
    r.point = data->options->decimal_comma ? ',' : '.';
    TRY(check_bytes(data, text, size));
    if (!next_row(&r)) {
        return mlpi_data_error(&data->pool, MLP_ERR_FORMAT, 1,
                               "expects a table, got an empty file");
    }
    r.separator = find_separator(r.next, r.end, r.point);
    data->separator = r.separator;
    TRY(read_header(&r));
    size_t rows = count_rows(r.next, r.end, r.cols);
    TRY(mlpi_table_allocate(data, MLP_F64, rows, false));
    TRY(ALLOCATE(&data->pool, rows, &data->lines));
    if (data->options->keep_text) {
        TRY(ALLOCATE(&data->pool, rows + 1, &data->records));
        data->records[0] = r.names;
    }
    return read_rows(&r);
}
