/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store into files: CSV (bars_csv.h), Parquet, a DuckDB file with the table ohlcv_bars.
 * Whatever is written reads back to the same bars, bit for bit.
 */
#ifndef LOCAL_EXPORT_H
#define LOCAL_EXPORT_H

#include "local/store.h"

enum export_format { EXPORT_CSV, EXPORT_PARQUET, EXPORT_DUCKDB };

struct export_request {
    enum export_format format;
    bool partitioned;            /* Parquet: path is a folder of symbol=S/interval=I/bars.parquet */
    const struct series *series; /* all of one interval, unless partitioned */
    size_t series_count;
    struct range range;
    const char *path;              /* "-" is standard output, for CSV */
    const volatile int *cancelled; /* may be NULL; non-zero stops with INTERRUPTED */
};

/* Begins all zero; export_report_reset frees. */
struct export_report {
    size_t rows;
    size_t bytes;
    char **files; /* that were written */
    size_t file_count;
    struct coverage coverage; /* of all series: what the store could not give */
};

void export_report_reset(struct export_report *report);

/* Note a file that was written. */
iso_status export_report_add(struct export_report *report, const char *path, struct iso_error *err);

/*
 * Write the bars. A file is written beside its place, fsynced and renamed, so path is at any time
 * the old file or the whole new one. Fails with BAD_ARGUMENT (no series, or of several intervals),
 * NOT_FOUND, IO, QUERY (DuckDB cannot write), INTERRUPTED, and as store_scan_next.
 */
iso_status export_bars(struct store *store, const struct export_request *request,
                       struct export_report *report, struct iso_error *err);

/* The kinds that DuckDB writes; export_bars has checked the request. */
iso_status export_by_duckdb(struct store *store, const struct export_request *request,
                            struct export_report *report, struct iso_error *err);

#endif
