/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside `isobar bench`: the benchmark's store of imported files, the rows that measuring finds,
 * and the peers that are measured beside isobar.
 */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "cli/command.h"

enum {
    BENCH_RUNS_MAX = 1000,
    BENCH_DIRECTORY_BYTES = 256,
    BENCH_NAME_BYTES = 640, /* who.what/folder/file */
    BENCH_UNIT_BYTES = 16,
    BENCH_VERSIONS_MAX = 16,
    BENCH_VERSION_BYTES = 64,
};

/* One figure. The name is "who.what" over all files, "who.what/group" or "who.what/group/file". */
struct bench_row {
    char name[BENCH_NAME_BYTES];
    double value;
    char unit[BENCH_UNIT_BYTES];
};

struct bench_version {
    char who[BENCH_VERSION_BYTES];
    char version[BENCH_VERSION_BYTES];
};

struct bench {
    const struct call *call; /* arguments[0] is what to measure, the others are files */
    char directory[BENCH_DIRECTORY_BYTES]; /* removed with all that is in it */
    struct store *store;                   /* file i is the series "file-00000i" */
    size_t bars;                           /* imported */
    struct bench_row *rows;                /* owned, as are the versions */
    size_t row_count;
    size_t row_capacity;
    struct bench_version versions[BENCH_VERSIONS_MAX];
    size_t version_count;
};

/* Scans and prints the index of a file as the symbol of its series. */
#define BENCH_SYMBOL_PREFIX "file-"
#define BENCH_SYMBOL_FORMAT BENCH_SYMBOL_PREFIX "%06d"
size_t bench_runs(const struct bench *bench);
/* Of the monotonic clock. */
double bench_seconds(void);

/* The middle one of the values, which are put in order; of an even number the upper one. */
double bench_median(double *values, size_t count);

/* Keep a figure; scope is "" or "/group" or "/group/file". Fails with LIMIT, OUT_OF_MEMORY. */
iso_status bench_add(struct bench *bench, const char *measure, const char *scope, double value,
                     const char *unit, struct iso_error *err);
/* NULL where there is no such row. */
const struct bench_row *bench_find(const struct bench *bench, const char *measure,
                                   const char *scope);
/* Keep the version of what was measured. Fails with LIMIT. */
iso_status bench_add_version(struct bench *bench, const char *who, const char *version,
                             struct iso_error *err);

/* bench_import.c: rows a second, end to end, beside the peers'. */
iso_status bench_import(struct bench *bench, struct iso_error *err);

/* bench_codec.c: sizes and speeds by file, by folder and in all, beside the peers'. */
iso_status bench_codec(struct bench *bench, struct iso_error *err);
/* bench_pool.c: connections of the cloud shared by threads, beside other pools. */
iso_status bench_pool(struct bench *bench, struct iso_error *err);
/* Figures side by side: a line for each scope and codec. Files only where asked for. */
void bench_codec_print(const struct bench *bench, bool files, struct text *target);

/* bench_read.c: weeks of one symbol out of a large store, beside DuckDB's table of the same bars.
 */
iso_status bench_read(struct bench *bench, struct iso_error *err);

#endif
