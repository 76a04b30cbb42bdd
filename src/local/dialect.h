/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which column of a text file is what. A file with a header is mapped by the names in it (any
 * order, synonyms); one without by the first row of the dialect table whose columns make sense of
 * its first rows. To add a dialect is to add a row there, and a sample file to its test.
 */
#ifndef LOCAL_DIALECT_H
#define LOCAL_DIALECT_H

#include "base/text.h"
#include "local/csv.h"

/* clang-format off */
/* Our columns, in the order of our own CSV; clock is a second column that goes with a date. */
#define ISO_COLUMN_TABLE(X) \
    X(symbol) X(timestamp) X(open) X(high) X(low) X(close) X(volume) X(vwap) X(trade_count) X(clock)
/* clang-format on */

enum column {
#define X(name) COLUMN_##name,
    ISO_COLUMN_TABLE(X)
#undef X
        COLUMN_COUNT
};

const char *column_name(enum column column);

/* How the timestamps are written. */
enum time_kind {
    TIME_KIND_TEXT,  /* what time_parse reads */
    TIME_KIND_EPOCH, /* a number since 1970 UTC, in epoch units */
};

/* What to read from where; lives in the caller's memory, holds text: mapping_reset. */
struct mapping {
    const char *dialect; /* its name */
    char separator;
    int64_t header_line;      /* 0 where there is none */
    size_t header_bytes;      /* of the text before the first row of data */
    int64_t lines_before;     /* in these bytes */
    size_t field_count;       /* of a whole row; a row must have as many */
    int column[COLUMN_COUNT]; /* index of the field, from 0; -1 where the file has none */
    enum time_kind time_kind;
    int64_t epoch_per_second; /* 1, 1000, 1000000 or 1000000000 */
    struct text left_out;     /* names of columns that are not stored, parted by ", " */
    struct text explanation;  /* lines that say what was chosen and why */
};

void mapping_reset(struct mapping *mapping);

/*
 * Decide the mapping from the first block of a file. columns is what a person gave to override it
 * ("timestamp=Time,open=O,volume=-": names of the header or numbers from 1; - leaves one out) or
 * NULL. Fails with BAD_FORMAT (what is missing, and what to do) or BAD_ARGUMENT (columns names what
 * is not there).
 */
iso_status dialect_sniff(const char *begin, const char *end, char newline, const char *columns,
                         struct mapping *mapping, struct iso_error *err);

#endif
