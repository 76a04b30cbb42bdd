/* SPDX-License-Identifier: Apache-2.0 */
/* Reading DuckDB's results, chunk by chunk. */
#ifndef LOCAL_SQL_RESULT_H
#define LOCAL_SQL_RESULT_H

#include "local/sql.h"

#include <duckdb.h>

/* Whether sql_result_visit reads values of the type; DuckDB must turn all others into text. */
bool sql_type_is_plain(duckdb_type type);
/* Types that are numbers, but too wide for a plain one: shown by their digits. */
bool sql_type_is_digits(duckdb_type type);

/*
 * Hand all rows of the result to the sink and count them. digits[i] marks the columns of text that
 * hold numbers; NULL: none. Fails with QUERY, LIMIT, and as the sink.
 */
iso_status sql_result_visit(duckdb_result *result, const bool *digits, const struct sql_sink *sink,
                            size_t *rows, struct iso_error *err);

#endif
