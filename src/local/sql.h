/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL over the store: DuckDB in memory, with the store's bars, series, segments and quarantine as
 * tables. Bars are decoded as DuckDB asks for them, and results are handed on as they come. Every
 * statement sees one state of the store, whatever is written beside it. The store is never written
 * through here.
 */
#ifndef LOCAL_SQL_H
#define LOCAL_SQL_H

#include "base/text.h"
#include "local/view.h"

enum sql_kind { SQL_NULL, SQL_BOOL, SQL_INTEGER, SQL_NUMBER, SQL_DIGITS, SQL_TIME, SQL_TEXT };

/* One value of a result; text lives until the visit returns. */
struct sql_value {
    enum sql_kind kind;
    int64_t integer;  /* SQL_BOOL, SQL_INTEGER; SQL_TIME: microseconds since 1970 UTC */
    double number;    /* SQL_NUMBER */
    const char *text; /* SQL_DIGITS (a number too wide for the others, in decimals), SQL_TEXT */
};

struct sql_column {
    const char *name;
    bool is_number;
};

/* Where a result goes. The first failing call ends the query. */
struct sql_sink {
    /* Once, before the first row. */
    iso_status (*begin)(void *context, const struct sql_column *columns, size_t column_count,
                        struct iso_error *err);
    /* For each row, in order. */
    iso_status (*row)(void *context, const struct sql_column *columns,
                      const struct sql_value *values, size_t column_count, struct iso_error *err);
    void *context;
    size_t rows_max;               /* no more are fetched; 0: all */
    const volatile int *cancelled; /* ends the query once it is not 0; may be NULL */
};

/* A part of the store that a statement could not read, and so left out. */
struct sql_missing {
    struct series series;
    struct missing_range missing;
};

struct sql_report {
    bool has_result; /* false for statements that give no rows, as SET */
    size_t rows;
    struct view_work work;             /* what was read for it */
    const struct sql_missing *missing; /* until the next run */
    size_t missing_count;
};

struct sql;

/* Fails as store_open, and with QUERY where DuckDB does not start. The caller owns *sql; the
 * directory is copied. */
iso_status sql_open(const struct os *os, const char *directory, struct sql **sql,
                    struct iso_error *err);
void sql_close(struct sql **sql);

/*
 * Run the statements of the query in order, handing the rows of the last one to the sink. *report
 * is about the last one but for work and missing, which are of all. Damaged bars are left out and
 * listed as missing. Fails with BAD_ARGUMENT (there is no statement), QUERY (DuckDB's own words),
 * INTERRUPTED, LIMIT (too many columns), and as the sink and store_open.
 */
iso_status sql_run(struct sql *sql, const char *query, const struct sql_sink *sink,
                   struct sql_report *report, struct iso_error *err);

#endif
