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
 * cells as the first one, which names the columns or is the first row.
 *
 * The text is read twice. The first pass stores numbers, and counts how many
 * cells of each column are numbers, empty, and neither. Then the kinds of the
 * columns are known. The second pass stores categories, and is left out if no
 * column has any.
 *
 * Memory for the rows is allocated once, before the first pass: there are at
 * most as many rows as line ends, plus one.
 */
#ifndef MLPI_DATA_CSV_H
#define MLPI_DATA_CSV_H

#include "data/table.h"

/* Fills a table, which has only its path and hooks, from the text of a CSV
 * file. */
mlp_status mlpi_csv_read(const char *text, size_t size,
                         const mlp_data_options *options, mlp_data *data);

#endif
