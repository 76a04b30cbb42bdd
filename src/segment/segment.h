/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The segment: an immutable, compressed, self-describing run of bars of one series in one calendar
 * period. docs/segment-format.md specifies every byte. The encoding is canonical: the same bars
 * give the same bytes on every machine, and a segment's name is the XXH3-128 hash that it carries.
 */
#ifndef SEGMENT_SEGMENT_H
#define SEGMENT_SEGMENT_H

#include "base/file.h"
#include "base/hash.h"
#include "market/bars.h"
#include "market/series.h"
#include "segment/levels.h"

enum {
    SEGMENT_ROWS_MAX = 1 << 20,
    SEGMENT_BLOCK_ROWS = 1024,
    SEGMENT_VERSION = 2,
    SEGMENT_COLUMN_COUNT = BAR_VALUE_COUNT + 2, /* time, the values, trade count */
    SEGMENT_BYTES_MAX = 1 << 28
};

/* How a column is coded; the numbers stand in the file. */
enum segment_encoding {
    SEGMENT_ABSENT = 0,  /* no row has a value */
    SEGMENT_DECIMAL = 1, /* integers: quotients on a grid in units of 10^-scale */
    SEGMENT_RAW = 2      /* the bits of doubles, each less those before it */
};

struct segment_column {
    uint8_t encoding;
    uint8_t scale;
    int64_t grid; /* of DECIMAL: at least 1. Of the time column: microseconds */
};

/* An opened segment: a view that borrows the bytes it was opened over. Lives in the caller's
 * memory. */
struct segment {
    struct series series;
    struct range period;
    size_t rows;
    int64_t first_us; /* open times of its first and last bar */
    int64_t last_us;
    struct hash128 hash; /* its name */
    struct segment_column column[SEGMENT_COLUMN_COUNT];
    struct levels levels[SEGMENT_COLUMN_COUNT]; /* of decimal columns */
    unsigned class_offset;
    const uint8_t *bytes;
    size_t length;
    size_t block_count;
    size_t directory_offset; /* where the block directory begins */
    size_t blocks_offset;    /* where the first block begins */
};

/* How the bytes are spent, for people. */
struct segment_column_info {
    const char *name;     /* "time", "open", ... */
    const char *encoding; /* "absent", "decimal", "raw" */
    int32_t scale;        /* decimals, or -1 where that means nothing */
    int64_t grid;         /* units of the scale (time: microseconds) that steps are multiples of */
    uint64_t bits;        /* payload bits of the column over all blocks */
    size_t exceptions;
    size_t class_count; /* of its table of levels; 0 where it has none */
};

struct segment_info {
    struct segment_column_info column[SEGMENT_COLUMN_COUNT];
    const char *class_source; /* the column whose numbers class the rows; NULL: one class */
    uint64_t overhead_bits;   /* header, tables, directory, base prices, tail */
};

struct segment_block_info {
    int64_t first_us;
    size_t rows;
    size_t offset; /* from the beginning of the segment */
    size_t bytes;
    uint64_t bits[SEGMENT_COLUMN_COUNT];
    uint64_t overhead_bits; /* its base price */
};

/*
 * Encode bars of one period into *target (empty; the caller owns what it gets).
 *
 * Fails, checked in this order, with LIMIT (no rows, or more than SEGMENT_ROWS_MAX),
 * BAD_ARGUMENT (the period is empty or outside TIME_MIN_US..TIME_MAX_US), BAR_ORDER (times not
 * strictly rising, or outside the period; the message names the bar), OUT_OF_MEMORY. A failed call
 * leaves *target untouched.
 */
iso_status segment_encode(const struct series *series, struct range period, const struct bars *bars,
                          struct bytes *target, struct iso_error *err);

/*
 * Check the header, the directory and the hash of length bytes, and set *segment to view them.
 * After this, every offset that a decode uses lies inside the bytes. Fails with NEWER_VERSION or
 * CORRUPT, naming offset and reason.
 */
iso_status segment_open(const void *bytes, size_t length, struct segment *segment,
                        struct iso_error *err);

/*
 * Append the bars with range.from_us <= time < range.to_us to target. Only blocks that reach into
 * the range are decoded; *blocks_decoded (may be NULL) is increased by their number. Fails with
 * CORRUPT (target->count unchanged) or OUT_OF_MEMORY; no memory is taken but target's own.
 */
iso_status segment_decode(const struct segment *segment, struct range range, struct bars *target,
                          size_t *blocks_decoded, struct iso_error *err);

/*
 * The bits that the residuals of each column would take if every value among them took minus the
 * logarithm of its share of the segment's rows (zero-order entropy); 0 for columns that are not
 * decimal. What a coder pays to say which values there are is not in it. Fails with CORRUPT or
 * OUT_OF_MEMORY.
 */
iso_status segment_entropy(const struct segment *segment, double bits[SEGMENT_COLUMN_COUNT],
                           struct iso_error *err);

/* Account for every bit. Fails with CORRUPT. */
iso_status segment_inspect(const struct segment *segment, struct segment_info *info,
                           struct iso_error *err);

/* Account for every bit of the block at index, which is below block_count. Fails with CORRUPT. */
iso_status segment_inspect_block(const struct segment *segment, size_t index,
                                 struct segment_block_info *info, struct iso_error *err);

/* The least activity of the rows of a class; of class 0, 0. */
uint64_t segment_class_activity(const struct segment *segment, size_t class);

#endif
