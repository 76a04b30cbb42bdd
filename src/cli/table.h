/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables for people: cells in rows, columns aligned, numbers to the right. On a terminal a table is
 * made to fit: long texts are cut with an ellipsis, then columns are left out and named below; a
 * number is never cut. Elsewhere nothing is cut and nothing left out.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "base/text.h"

enum { TABLE_COLUMNS_MAX = 64 };

enum table_style { TABLE_PLAIN, TABLE_BOX, TABLE_MARKDOWN };

/* What standard output can show. */
struct screen {
    size_t width; /* characters a line; 0: it is no terminal, anything fits */
    bool color;
    size_t rows; /* lines; 0: not known */
};

/* All zero but what table_begin sets is a plain table for a file. */
struct table {
    enum table_style style;
    struct screen screen;
    size_t column_count;
    struct text cells; /* each cell NUL-terminated; the heads first */
    size_t cell_count;
    size_t width[TABLE_COLUMNS_MAX]; /* of what was printed so far */
    bool right[TABLE_COLUMNS_MAX];
    bool hidden[TABLE_COLUMNS_MAX];
    bool is_laid_out; /* heads are printed, widths are fixed but for wider cells */
    struct text heads;
};

/* heads[i] beginning with '>' aligns the column to the right. */
void table_begin(struct table *table, const char *const *heads, size_t column_count);
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A cell of any length; line breaks and other control characters become spaces. */
void table_add(struct table *table, const char *cell);
/* The shortest text of a number; nothing for NaN. */
void table_number(struct table *table, double value);
/*
 * Append the rows so far to target and forget them. Widths are settled at the first flush: a later
 * cell that is wider moves its row.
 */
void table_flush(struct table *table, struct text *target);
/* Flush, close a box, name the columns left out, free the cells. */
void table_end(struct table *table, struct text *target);
/* Free the cells of a table that is not ended. */
void table_reset(struct table *table);

#endif
