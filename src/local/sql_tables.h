/* SPDX-License-Identifier: Apache-2.0 */
/* The store's tables as DuckDB table functions. */
#ifndef LOCAL_SQL_TABLES_H
#define LOCAL_SQL_TABLES_H

#include "local/store.h"

#include <duckdb.h>

/* What the table functions read; borrowed until the connection is closed. */
struct sql_store {
    const struct os *os;
    const char *directory;
};

/*
 * Register bars(symbol := VARCHAR, interval := VARCHAR), series(), segments() and quarantine().
 * Fails with QUERY.
 */
iso_status sql_tables_register(duckdb_connection connection, const struct sql_store *store,
                               struct iso_error *err);

/* SQL that makes views of the same names, so that a plain FROM bars works. */
extern const char sql_tables_views[];

#endif
