/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL over the store: DuckDB in memory, with the store's bars, series, segments and quarantine as
 * tables. Bars are decoded as DuckDB asks for them, only in the columns that the query reads. The
 * store is never written through here.
 */
#ifndef LOCAL_SQL_H
#define LOCAL_SQL_H

#include "base/text.h"
#include "local/store.h"

enum sql_kind { SQL_NULL, SQL_BOOL, SQL_INTEGER, SQL_NUMBER, SQL_TEXT };

/* One value of a result; text (also set for times, in ISO 8601) lives until the visit returns. */
struct sql_value {
    enum sql_kind kind;
    int64_t integer; /* SQL_BOOL, SQL_INTEGER */
    double number;   /* SQL_NUMBER */
    const char *text;
};

/* Called for each row, in order; names[i] is the column's name. The first failing visit ends the
 * query. */
typedef iso_status sql_visit(void *context, const char *const *names,
                             const struct sql_value *values, size_t column_count,
                             struct iso_error *err);

struct sql_report {
    size_t rows;
    size_t columns;
};

/*
 * Run the query against the store, calling visit for each row. directory names the store; every
 * thread of DuckDB opens it for itself. begin (may be NULL) is called once, with the columns'
 * names, before the first row. Fails with QUERY (DuckDB's own words), and as store_open.
 */
typedef iso_status sql_begin(void *context, const char *const *names, size_t column_count,
                             struct iso_error *err);
iso_status sql_run(const struct os *os, const char *directory, const char *query, sql_begin *begin,
                   sql_visit *visit, void *context, struct sql_report *report,
                   struct iso_error *err);

#endif
