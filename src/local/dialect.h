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
#include "local/lean.h"
#include "market/zone.h"

/* clang-format off */
/* Our columns, in the order of our own CSV; clock is a second column that goes with a date. Where a
 * file quotes both sides, open to close are the bid. quote_volume is read only to derive vwap. */
#define ISO_COLUMN_TABLE(X) \
    X(symbol) X(timestamp) X(open) X(high) X(low) X(close) X(volume) X(vwap) X(trade_count) X(clock) \
    X(ask_open) X(ask_high) X(ask_low) X(ask_close) X(quote_volume)
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
    TIME_KIND_DAY,   /* milliseconds since the midnight of day_us */
};

/* Which prices of a file that quotes bid and ask become bars. */
enum quote_side { SIDE_MID, SIDE_BID, SIDE_ASK };
const char *side_name(enum quote_side side);
/* The side named so; SIDE_MID where none is. */
enum quote_side side_named(const char *name);

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
    int64_t day_us;           /* as the zone's wall shows it */
    struct zone *zone;        /* of times that name none; NULL: UTC. Owned */
    enum quote_side side;
    double price_divisor;    /* prices are written as so many times as much */
    struct text left_out;    /* names of columns that are not stored, parted by ", " */
    struct text explanation; /* lines that say what was chosen and why */
};

void mapping_reset(struct mapping *mapping);

/* What is known about a file beside its text. */
struct sniff_hints {
    const char *columns; /* what a person gave to override the mapping, or NULL */
    const char *zone;    /* given by a person, or NULL */
    const char *name;    /* of the file and its member: some vendors are told by it alone */
    enum quote_side side;
    bool derive_vwap;        /* from the volume in the quote currency */
    const struct lean *lean; /* NULL, or not Lean's */
};

/*
 * Decide the mapping from the first block of a file. hints->columns is as
 * "timestamp=Time,open=O,volume=-": names of the header or numbers from 1; - leaves one out. Fails
 * with BAD_FORMAT (what is missing, and what to do) or BAD_ARGUMENT (columns names what is not
 * there, zone is none).
 */
iso_status dialect_sniff(const char *begin, const char *end, char newline,
                         const struct sniff_hints *hints, struct mapping *mapping,
                         struct iso_error *err);

/* As dialect_sniff, of a table whose columns have these names, as a header of CSV; dialect says
 * what kind it is. Its times are the caller's business. */
iso_status dialect_of_names(const char *header, const char *dialect,
                            const struct sniff_hints *hints, struct mapping *mapping,
                            struct iso_error *err);

#endif
