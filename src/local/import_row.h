/* SPDX-License-Identifier: Apache-2.0 */
/* From the fields of a row to a bar. */
#ifndef LOCAL_IMPORT_ROW_H
#define LOCAL_IMPORT_ROW_H

#include "local/dialect.h"
#include "market/bars.h"

/* What a row says; symbol is empty where the file has no such column. */
struct import_row {
    struct bar bar;
    struct csv_field symbol;
    char decoded[2 * SYMBOL_BYTES_MAX]; /* where the symbol has doubled quotes: without them */
};

/*
 * Read a row. Returns NULL, or why the row cannot be stored (a fixed sentence); row->symbol is set
 * whenever the row has that field.
 */
const char *import_row_read(const struct mapping *mapping, const struct csv_row *fields,
                            struct import_row *row);

/* The time in the fields; returns NULL, or why it cannot be read. */
const char *import_row_time(const struct mapping *mapping, const struct csv_row *fields,
                            int64_t *time_us);

/* The pieces, for rows that are no text; each returns NULL, or why the row cannot be stored. */
const char *import_row_text_time(const struct mapping *mapping, const char *begin, const char *end,
                                 int64_t *time_us);
/* A whole number since 1970 whose digits tell its unit. */
const char *import_row_epoch(int64_t epoch, int64_t *time_us);
/* price holds the bid, open to close, and becomes the side that is asked for. The middle of one
 * side is that side. */
const char *import_row_take_side(enum quote_side side, const double ask[4], double price[4]);

/* The mean price of what was traded: quote volume over volume, where the bar has no vwap of its
 * own.
 */
void import_row_derive_vwap(double quote_volume, struct bar *bar);

/* Count of an epoch a second for a number of as many digits before the point: 10 or fewer are
 * seconds, 13 milliseconds, 16 microseconds, 19 nanoseconds; 0 for none of these. */
int64_t epoch_per_second(size_t digit_count);

#endif
