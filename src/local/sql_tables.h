/* SPDX-License-Identifier: Apache-2.0 */
/* The store's tables as DuckDB table functions. */
#ifndef LOCAL_SQL_TABLES_H
#define LOCAL_SQL_TABLES_H

#include "local/sql_state.h"

/* Register all of the store's tables over the state, which must outlive the connection. Fails with
 * QUERY. */
iso_status sql_tables_register(duckdb_connection connection, struct sql_state *state,
                               struct iso_error *err);

/*
 * Register bars(symbol := VARCHAR, interval := VARCHAR, "from" := VARCHAR, "to" := VARCHAR,
 * resample := VARCHAR, last := BIGINT, symbols := VARCHAR[], intervals := VARCHAR[]): the bars of
 * the series that all parameters given allow. Times are read as on the command line. Fails with
 * QUERY.
 */
iso_status sql_bars_register(duckdb_connection connection, struct sql_state *state,
                             struct iso_error *err);

/*
 * Register indicators(symbol, interval, names VARCHAR[], "from" := ..., "to" := ..., resample :=
 * ...): the columns of bars, and one for each output of the indicators named. Fails with QUERY.
 */
iso_status sql_indicators_register(duckdb_connection connection, struct sql_state *state,
                                   struct iso_error *err);

/*
 * Register market_summary(symbol := ..., interval := ..., "from" := ..., "to" := ..., symbols :=
 * ..., intervals := ...): a row for each series. Fails with QUERY.
 */
iso_status sql_summary_register(duckdb_connection connection, struct sql_state *state,
                                struct iso_error *err);

/* SQL that makes views of the same names, so that a plain FROM bars works. */
extern const char sql_tables_views[];

#endif
