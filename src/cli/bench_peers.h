/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peers of `isobar bench`: bench/codec_peers.py, read_peers.py and import_peers.py in the
 * source tree, run by the Python of .deps/bench-venv there (scripts/setup-bench-peers installs it).
 * Bars go to the first two as files of columns, whose form codec_peers.py describes, names of files
 * to the third; rows come back as lines of text.
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

/* A path in the tree of --bench-peers, else in the folder above that of the program. */
iso_status peers_path(const struct bench *bench, const char *name, char target[PEERS_PATH_BYTES],
                      struct iso_error *err);

/*
 * Run a program that prints lines of name, value and unit with tabs between, and add them to bench.
 * Fails as peers_run.
 */
iso_status peers_script(struct bench *bench, const char *name, const char *const arguments[],
                        struct iso_error *err);

struct peers {
    char python[PEERS_PATH_BYTES];
    char script[PEERS_PATH_BYTES];
    char directory[BENCH_DIRECTORY_BYTES + 16]; /* inside the benchmark's */
    size_t file_count;
};

/*
 * Look for a script of the peers, as "codec_peers.py", in the tree of --bench-peers, else in the
 * folder above that of the program. *found is false where they are not installed; standard error
 * then says how to. Makes a directory for the bars. Fails with IO, LIMIT.
 */
iso_status peers_init(struct peers *peers, const struct bench *bench, const char *script,
                      bool *found, struct iso_error *err);

/* "000000.columns" is the first file that is handed over. */
enum { PEERS_FILE_BYTES = 32 };
void peers_file_name(size_t index, char name[PEERS_FILE_BYTES]);

/* Hand over the bars of one file, named "group/file": peers_columns. Fails with IO. */
iso_status peers_give(struct peers *peers, const char *name, const struct bars *bars,
                      struct iso_error *err);

/* Hand over another file, of text. Fails with IO. */
iso_status peers_give_text(const struct peers *peers, const char *name, const struct text *text,
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
