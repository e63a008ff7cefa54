/* SPDX-License-Identifier: MIT */
/*
 * The reader of CSV files.
 *
 * The grammar is that of RFC 4180, with other separators and line ends:
 *
 *     file    [byte order mark] line { end line } [end]
 *     line    cell { separator cell }, or blank
 *     cell    blanks text blanks, or blanks " quoted " blanks
 *     quoted  any characters, where "" stands for "
 *     end     LF or CRLF
 *
 * A quote inside of text is a character like others. All lines have as many
 * cells as the first one, which names the columns or is the first row. That line
 * also tells what separates cells.
 *
 * The text is read twice. The first pass stores numbers, and counts how many
 * cells of each column are numbers, empty, and strays: any other text. Then the
 * kinds of the columns are known. The second pass stores categories, and is left
 * out if no column has any. mlp_data.h says what is a number, an empty cell, and
 * a mistake. Quotes make no number a text: "12" is 12. A number beyond the range
 * of a double is no number.
 *
 * In a file whose separator is not a comma, a column of strays that begins with
 * a number such as 1,5 is a mistake too: its decimal point is a comma, and as
 * categories all its values would be lost without a word.
 *
 * Texts that are kept, which are names and categories, must be UTF-8, because
 * they travel in a network's metadata. Bytes elsewhere do not matter.
 *
 * Each message begins with the path and a line: that in which the row begins, or
 * the quote that is not closed, or the lone CR. Lines are counted by LF, also
 * inside of quotes.
 *
 * Functions call each other from the bottom of csv.c to its top:
 *
 *     mlpi_csv_read
 *         read_header    names
 *         read_rows
 *             first_pass     numbers, with read_number
 *             choose_kind
 *             second_pass    categories, with read_cell
 *
 * Both read_number and read_cell move the reader behind the separator or the
 * line end, and leave the cell as it stands in the file. Before a text is kept,
 * finish_text checks it, and makes doubled quotes single.
 *
 * Memory for the rows is allocated once, before the first pass: there are at
 * most as many rows as line ends, plus one.
 */
#ifndef MLPI_DATA_CSV_H
#define MLPI_DATA_CSV_H

#include "data/table.h"

/* Fills a table, which has only its path, hooks and options, from the text of a
 * CSV file. */
mlp_status mlpi_csv_read(const char *text, size_t size, mlp_data *data);

#endif
