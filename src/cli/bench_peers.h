/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peers of `isobar bench`: bench/codec_peers.py and bench/import_peers.py in the source tree,
 * run by the Python of .deps/bench-venv there (scripts/setup-bench-peers installs it). Bars go to
 * the first as files of columns, whose form it describes, names of files to the second; rows come
 * back as lines of text.
 */
#ifndef CLI_BENCH_PEERS_H
#define CLI_BENCH_PEERS_H

#include "cli/bench.h"
#include "market/bars.h"

enum { PEERS_PATH_BYTES = 4096, PEERS_COLUMNS_MAX = BAR_VALUE_COUNT + 2 };

/* A column as it is handed over: bars->count words of 8 bytes, borrowed from the bars. */
struct peers_column {
    const char *name;
    const char *kind; /* "i8" or "f8" */
    const void *words;
};

/* The columns that hold a value in any bar, times first; returns how many. */
size_t peers_columns(const struct bars *bars, struct peers_column columns[PEERS_COLUMNS_MAX]);

struct peers {
    char python[PEERS_PATH_BYTES];
    char script[PEERS_PATH_BYTES];
    char directory[BENCH_DIRECTORY_BYTES + 16]; /* inside the benchmark's */
    size_t file_count;
};

/*
 * Look for the peers in the tree of --bench-peers, else in the folder above that of the program.
 * *found is false where they are not installed; standard error then says how to. Makes a directory
 * for the bars. script is its path in the tree. Fails with IO, LIMIT.
 */
iso_status peers_init(struct peers *peers, const struct bench *bench, const char *script,
                      bool *found, struct iso_error *err);

/* Hand over the bars of one file, named "group/file": peers_columns. Fails with IO. */
iso_status peers_give(struct peers *peers, const char *name, const struct bars *bars,
                      struct iso_error *err);

/* Hand over the paths of files, and of this program, as JSON in files.json. Fails with IO. */
iso_status peers_name(struct peers *peers, char *const *paths, size_t count, struct iso_error *err);

/*
 * Measure all that was given, and add the rows and versions to bench. Takes minutes; ends early
 * where a signal came. Fails with INTERRUPTED, IO, LIMIT (past its time or its output),
 * BAD_FORMAT (it failed, or printed what is no row).
 */
iso_status peers_run(const struct peers *peers, struct bench *bench, struct iso_error *err);

#endif
