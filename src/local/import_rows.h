/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of one file on their way into the store: bars by symbol, and those that were refused. */
#ifndef LOCAL_IMPORT_ROWS_H
#define LOCAL_IMPORT_ROWS_H

#include "local/dialect.h"
#include "local/import.h"

struct row_series {
    char symbol[SYMBOL_BYTES_MAX + 1];
    struct bars bars;
    struct import_counts counts;
};

struct refused_row {
    int64_t line;
    size_t series_index;
    size_t raw_offset; /* of its NUL-terminated text in raw */
    const char *reason;
};

/* Begins all zero; import_rows_reset frees. */
struct import_rows {
    const struct mapping *mapping;
    int64_t zone_us;
    size_t row_count;
    struct row_series *series;
    size_t series_count;
    size_t series_capacity;
    size_t *slots; /* symbol's hash -> index + 1 of its series; 0 is free */
    size_t slot_count;
    size_t current; /* the series of the row before: rows of one symbol mostly stand together */
    struct refused_row *refused;
    size_t refused_count;
    size_t refused_capacity;
    struct text raw;
    const struct interval *interval;
    struct text explanation;
};

void import_rows_reset(struct import_rows *rows);

/* symbol is that of rows without a column of symbols; it may be empty. */
iso_status import_rows_begin(struct import_rows *rows, const struct mapping *mapping,
                             int64_t zone_us, const char *symbol, struct iso_error *err);
/* Take one row: as a bar of its series, or as a refused row. Fails with LIMIT, OUT_OF_MEMORY. */
iso_status import_rows_add(struct import_rows *rows, const struct csv_row *fields,
                           struct iso_error *err);

/* Steps once all rows are in, in this order: name the series that a person named, or that only the
 * file's name tells; sort, with duplicates and conflicts counted; decide the interval and count
 * gaps. Each fails with BAD_ARGUMENT or BAD_FORMAT where the file does not tell enough. */
iso_status import_rows_name(struct import_rows *rows, const char *symbol, const char *path,
                            struct iso_error *err);
iso_status import_rows_sort(struct import_rows *rows, struct iso_error *err);
iso_status import_rows_interval(struct import_rows *rows, const struct interval *given,
                                const struct interval *guessed, const char *path,
                                struct iso_error *err);

#endif
