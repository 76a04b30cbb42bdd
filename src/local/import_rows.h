/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of one file on their way into the store: bars by symbol, and those that were refused. */
#ifndef LOCAL_IMPORT_ROWS_H
#define LOCAL_IMPORT_ROWS_H

#include "local/dialect.h"
#include "local/import.h"
#include "local/import_row.h"

struct row_series {
    char symbol[SYMBOL_BYTES_MAX + 1];
    struct bars bars;
    uint64_t *places; /* of each bar in the file, until they are sorted */
    size_t place_capacity;
    struct import_counts counts;
};

struct refused_row {
    uint64_t place;
    size_t series_index;
    size_t raw_offset; /* of its NUL-terminated text in raw */
    const char *reason;
};

/* A place is a member of the file (0 is the first) and a line of it (from 1). */
enum { PLACE_LINE_BITS = 44 };
#define PLACE_LINE_MASK ((UINT64_C(1) << PLACE_LINE_BITS) - 1)

/* Begins all zero; import_rows_reset frees. */
struct import_rows {
    const struct mapping *mapping; /* of the member that is read */
    char **members;                /* their names; "" where the file is no archive */
    size_t member_count;
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
    bool phase_is_known; /* the rows are part of a file whose grid was told by those before */
    int64_t phase_us;
    struct text explanation;
};

void import_rows_reset(struct import_rows *rows);

/*
 * Begin a member. symbol is that of its rows where it has no column of symbols; it may be empty.
 * why says where it is from.
 */
iso_status import_rows_begin(struct import_rows *rows, const struct mapping *mapping,
                             const char *member, const char *symbol, const char *why,
                             struct iso_error *err);
/* Take one row: as a bar of its series, or as a refused row. Fails with LIMIT, OUT_OF_MEMORY. */
iso_status import_rows_add(struct import_rows *rows, const struct csv_row *fields,
                           struct iso_error *err);

/* Room for as many rows of the current series in all, so that its columns need not move as they
 * grow. */
iso_status import_rows_expect(struct import_rows *rows, size_t row_count, struct iso_error *err);
/* Take a row of a table that is no text: as it would be read from one. */
iso_status import_rows_add_row(struct import_rows *rows, const struct import_row *row,
                               const char *reason, const struct csv_row *fields,
                               struct iso_error *err);
/* Keep a row that cannot be stored, with its text and the reason (a fixed sentence). */
iso_status import_rows_refuse(struct import_rows *rows, size_t series_index, uint64_t place,
                              const char *text, size_t length, const char *reason,
                              struct iso_error *err);

/* Steps once all rows are in, in this order. Name the series that a person named, or that only the
 * file's name tells. Decide the interval (given, else the guess where the stamps do not belie it,
 * else the most frequent step) and refuse the bars beside its grid: import_interval.c. Sort, with
 * duplicates and conflicts counted, and count gaps. Each fails with BAD_ARGUMENT or BAD_FORMAT
 * where the file does not tell enough, or the interval does not fit. */
iso_status import_rows_name(struct import_rows *rows, const char *symbol, struct iso_error *err);
iso_status import_rows_interval(struct import_rows *rows, const struct interval *given,
                                const struct interval *guessed, struct iso_error *err);
iso_status import_rows_sort(struct import_rows *rows, struct iso_error *err);

/* What the rows are, for a report; to be called once they are sorted. */
iso_status import_report_rows(const struct import_rows *rows, struct import_report *report,
                              struct iso_error *err);
/* Write the bars, then the refused rows. */
iso_status import_store_rows(struct store *store, const struct import_request *request,
                             const struct import_rows *rows, struct import_report *report,
                             struct iso_error *err);

#endif
