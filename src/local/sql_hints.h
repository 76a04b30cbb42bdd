/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hints: what the WHERE of a query says about symbol, interval and timestamp, handed to the scan of
 * bars as parameters, so that only the blocks it needs are decoded. DuckDB's C interface offers no
 * push-down of filters; its own parse tree (json_serialize_sql) tells the same. The WHERE stays and
 * DuckDB still applies it, so a hint that is missed costs time and nothing else.
 *
 * A hint is taken where it cannot change the answer: FROM bars, alone or in inner and outer joins,
 * and a conjunct of the same SELECT's WHERE that compares a column of it with a constant (=, <, <=,
 * >, >=, BETWEEN, IN).
 */
#ifndef LOCAL_SQL_HINTS_H
#define LOCAL_SQL_HINTS_H

#include "base/text.h"

#include <duckdb.h>

/*
 * Append the statement with its hints to target; *hinted says whether there are any. A statement
 * that is no SELECT, or cannot be parsed, is appended as it is. Fails with OUT_OF_MEMORY.
 */
iso_status sql_add_hints(duckdb_connection connection, const char *statement, struct text *target,
                         bool *hinted, struct iso_error *err);

#endif
