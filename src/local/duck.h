/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DuckDB in memory, for reading and writing files of its kinds: Parquet and DuckDB's own. It
 * fetches no extensions and runs one statement at a time.
 */
#ifndef LOCAL_DUCK_H
#define LOCAL_DUCK_H

#include "base/text.h"

#include <duckdb.h>

/* Lives in the caller's memory, begins all zero; duck_close releases. */
struct duck {
    duckdb_database database;
    duckdb_connection connection;
};

/* Fails with QUERY. */
iso_status duck_open(struct duck *duck, struct iso_error *err);
void duck_close(struct duck *duck);

/* Run a statement without rows. Fails with QUERY and DuckDB's own words. */
iso_status duck_run(struct duck *duck, const char *sql, struct iso_error *err);

/* Rows of a query that come as they are made. All zero is none; duck_rows_reset releases. */
struct duck_rows {
    duckdb_prepared_statement statement;
    duckdb_result result;
    duckdb_data_chunk chunk;
    bool has_result;
};

iso_status duck_query(struct duck *duck, const char *sql, struct duck_rows *rows,
                      struct iso_error *err);
void duck_rows_reset(struct duck_rows *rows);
/* Set *count to the rows of the next chunk, 0 at the end. */
iso_status duck_next(struct duck_rows *rows, size_t *count, struct iso_error *err);
/* Data and validity of a column of the chunk; *validity is NULL where all rows are valid. */
const void *duck_column(struct duck_rows *rows, size_t column, uint64_t **validity);

/* Append a string as SQL writes it, with its quotes. */
void duck_add_literal(struct text *sql, const char *string);
/* Append a name as SQL writes it, with its quotes. */
void duck_add_name(struct text *sql, const char *name);

#endif
