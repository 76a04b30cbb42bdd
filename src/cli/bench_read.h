/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside `isobar bench read`: what is read, and DuckDB, which is asked for the same in the same
 * process.
 */
#ifndef CLI_BENCH_READ_H
#define CLI_BENCH_READ_H

#include "cli/bench.h"

enum { WEEK_ROWS = 10080, WEEKS_MAX = 64, SERIES_MAX = 4096 };

/* Between the symbol of an imported series and the number of its copy. */
#define BENCH_COPY_MARK "+"

/* Every series of the benchmark's store. */
struct series_list {
    struct series_row rows[SERIES_MAX];
    size_t count;
    size_t bars;
};

/* What is read: ranges of exactly rows bars, WEEK_ROWS or what the longest series has, spread over
 * series and time. */
struct week {
    const struct series *series;
    struct range range;
};

struct plan {
    struct week weeks[WEEKS_MAX];
    size_t count;
    size_t rows;
};

/* What one read gave: the sum of the closes in order of time. */
struct answer {
    size_t rows;
    double closes;
    double us;
};

/* bench_read.c: in place, as a program reads with iso_store_scan. */
iso_status own_read(struct store *store, const struct series *series, struct range range,
                    struct answer *answer, struct iso_error *err);

/* bench_duckdb.c: a native table of the store's bars with the primary key (symbol, timestamp). */
struct duckdb;
/* Make the table, from every series of the list, in its order. Fails with QUERY. */
iso_status duckdb_fill(const struct bench *bench, const struct series_list *list,
                       struct iso_error *err);
/* Open it for reading with a statement prepared; 0 threads are as many as DuckDB wants. The caller
 * owns *duckdb. Fails with QUERY. */
iso_status duckdb_begin(const struct bench *bench, int threads, struct duckdb **duckdb,
                        struct iso_error *err);
void duckdb_end(struct duckdb **duckdb);
iso_status duckdb_read(const struct duckdb *duckdb, const struct series *series, struct range range,
                       struct answer *answer, struct iso_error *err);
/* Every bar of the table once. */
iso_status duckdb_scan(const struct duckdb *duckdb, struct answer *answer, struct iso_error *err);

/* bench_together.c: 1, 2 and 8 processes at once, each on its own; and the first read of a process.
 */
iso_status bench_together(struct bench *bench, const struct plan *plan, int threads,
                          struct iso_error *err);

/* bench_read_peers.c: bench/read_peers.py on the same bars and weeks, where it is installed. */
iso_status bench_read_peers(struct bench *bench, const struct series_list *list,
                            const struct plan *plan, struct iso_error *err);

#endif
