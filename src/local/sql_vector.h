/* SPDX-License-Identifier: Apache-2.0 */
/* Between DuckDB's vectors and values and the store's own. */
#ifndef LOCAL_SQL_VECTOR_H
#define LOCAL_SQL_VECTOR_H

#include "market/bars.h"
#include "market/series.h"

#include <duckdb.h>

/* The columns of bars as SQL has them, in this order. */
enum { SQL_BARS_SYMBOL, SQL_BARS_INTERVAL, SQL_BARS_TIME, SQL_BARS_FIRST_VALUE };
enum { SQL_BARS_TRADE_COUNT = SQL_BARS_FIRST_VALUE + BAR_VALUE_COUNT, SQL_BARS_COLUMNS };

struct sql_table_column {
    const char *name;
    duckdb_type type;
};
extern const struct sql_table_column sql_bars_columns[SQL_BARS_COLUMNS];

void sql_add_columns(duckdb_bind_info info, const struct sql_table_column *columns, size_t count);

void sql_fill_text(duckdb_vector vector, idx_t count, const char *text);
/* NaN becomes NULL. */
void sql_fill_numbers(duckdb_vector vector, const double *values, idx_t count);
/* Fill the vector with one column of bars. */
void sql_fill_bars(duckdb_vector vector, idx_t column, const struct series *series,
                   const struct bars *bars);

/* A named parameter as text, which the caller frees with duckdb_free; NULL where it is not given.
 */
char *sql_parameter(duckdb_bind_info info, const char *name);

/* The named parameters from and to, read as on the command line; the accepted years where they are
 * not given. Fails with BAD_ARGUMENT. */
iso_status sql_read_range(duckdb_bind_info info, struct range *range, struct iso_error *err);
/* A named parameter that is an interval; *interval is NULL where it is not given. Fails with
 * BAD_ARGUMENT. */
iso_status sql_read_interval(duckdb_bind_info info, const char *name,
                             const struct interval **interval, struct iso_error *err);

/* The named parameter last, a number of bars; 0 where it is not given. Fails with BAD_ARGUMENT. */
iso_status sql_read_last(duckdb_bind_info info, size_t *last, struct iso_error *err);

/* Add named parameters of a type to a function. */
void sql_add_parameters(duckdb_table_function function, const char *const *names, size_t count,
                        duckdb_type type);

/* Register the function and destroy it. Fails with QUERY, naming it. */
iso_status sql_register_function(duckdb_connection connection, duckdb_table_function *function,
                                 const char *name, struct iso_error *err);

#endif
