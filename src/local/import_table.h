/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bars in tables that DuckDB reads: a Parquet file, or the table ohlcv_bars (else the only table)
 * of a DuckDB file, of any version that the library reads. Columns are named as in a CSV header;
 * times may be timestamps, dates, epochs or text.
 */
#ifndef LOCAL_IMPORT_TABLE_H
#define LOCAL_IMPORT_TABLE_H

#include "local/import_rows.h"
#include "local/import_source.h"

/* Called once the columns are known and before the first row. */
typedef iso_status import_table_begin(void *context, const struct mapping *mapping,
                                      struct iso_error *err);
/* Called after each chunk of rows. Fails to stop. */
typedef iso_status import_table_tick(void *context, struct iso_error *err);

struct import_table {
    const char *path;
    enum source_kind kind; /* SOURCE_PARQUET or SOURCE_DUCKDB */
    const struct sniff_hints *hints;
    struct mapping *mapping; /* set; the caller's, to outlive rows */
    struct import_rows *rows;
    import_table_begin *begin;
    import_table_tick *tick;
    void *context;
};

/* Read the table into rows. Fails with BAD_FORMAT (damaged; no table or columns of bars). */
iso_status import_table_read(const struct import_table *table, struct iso_error *err);

#endif
