/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things stand in a segment; docs/segment-format.md says what they mean.
 *
 *   magic, version, hash | header | column directory | symbol | block directory | blocks | 8 zeros
 */
#ifndef SEGMENT_FORMAT_H
#define SEGMENT_FORMAT_H

#include "segment/bits.h"
#include "segment/segment.h"

#define FORMAT_MAGIC "ISOBSEG"

enum {
    FORMAT_MAGIC_BYTES = 7,
    FORMAT_VERSION_AT = 7,
    FORMAT_HASH_AT = 8,
    FORMAT_HASHED_AT = 24, /* the hash covers everything from here on */
    FORMAT_LENGTH_AT = 24,
    FORMAT_DIRECTORY_AT = 28,
    FORMAT_ROWS_AT = 32,
    FORMAT_BLOCK_ROWS_AT = 36,
    FORMAT_INTERVAL_AT = 38,
    FORMAT_SYMBOL_LENGTH_AT = 39,
    FORMAT_PERIOD_FROM_AT = 40,
    FORMAT_PERIOD_TO_AT = 48,
    FORMAT_FIRST_AT = 56,
    FORMAT_LAST_AT = 64,
    FORMAT_FLAGS_AT = 72,
    FORMAT_COLUMNS_AT = 76,
    FORMAT_COLUMN_BYTES = 12,
    FORMAT_SYMBOL_AT = FORMAT_COLUMNS_AT + FORMAT_COLUMN_BYTES * SEGMENT_COLUMN_COUNT,
    FORMAT_ENTRY_BYTES = 20, /* of the block directory */
    FORMAT_ENTRY_LAST_AT = 8,
    FORMAT_ENTRY_END_AT = 16,
    FORMAT_TAIL_BYTES = BITS_SLACK_BYTES,

    FORMAT_POSITION_BITS = 10, /* of a row within its block */
    FORMAT_SCALE_MAX = 18,
    FORMAT_NEAR_ABSENT = -128, /* in the list of ulps: the value is absent */
    FORMAT_NEAR_MAX = 127,
    FORMAT_WIDTH_MAX = 61, /* of an integer field and of a patch */
};
_Static_assert(SEGMENT_BLOCK_ROWS == 1 << FORMAT_POSITION_BITS, "positions address a block");

/* Integers on a decimal scale are below this: all of them are doubles. */
#define FORMAT_INTEGER_LIMIT (INT64_C(1) << 53)
/* Grids, and with them remainders, are below this. */
#define FORMAT_GRID_LIMIT (INT64_C(1) << 53)
#define FORMAT_TIME_GRID_LIMIT (INT64_C(1) << 60)

/* Columns in the order of the column directory. */
enum {
    COLUMN_TIME = 0,
    COLUMN_VALUES = 1, /* column of a bar value = COLUMN_VALUES + enum bar_value */
    COLUMN_TRADE_COUNT = COLUMN_VALUES + BAR_VALUE_COUNT
};

/* Flags of a section beside the length of its base in the low four bits. */
enum {
    SECTION_BASE_MASK = 15,
    SECTION_PATCHED = 16,
    SECTION_REMAINDERS = 32,
    SECTION_NEAR = 64,
    SECTION_RAW = 128
};

/* The four prices in the order in which they are predicted, and stored. */
static const uint8_t format_price_order[4] = {BAR_open, BAR_close, BAR_high, BAR_low};

extern const double format_power[FORMAT_SCALE_MAX + 1]; /* 10^k, exact */
extern const char *const format_column_name[SEGMENT_COLUMN_COUNT];

static inline size_t format_block_rows(size_t rows, size_t block)
{
    size_t left = rows - block * SEGMENT_BLOCK_ROWS;
    return left < SEGMENT_BLOCK_ROWS ? left : SEGMENT_BLOCK_ROWS;
}

static inline uint64_t format_double_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double format_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value != value ? BAR_ABSENT : value;
}

/* An integer on a grid: value = quotient * grid + remainder, 0 <= remainder < grid. */
struct grid_point {
    int64_t value;
    int64_t quotient;
    int64_t remainder;
};

static inline struct grid_point grid_point_of(int64_t value, int64_t grid)
{
    struct grid_point point = {value, value, 0};
    if (grid > 1) {
        point.quotient = value / grid;
        point.remainder = value % grid;
        if (point.remainder < 0) {
            point.remainder += grid;
            point.quotient--;
        }
    }
    return point;
}

/* The hash as its hexadecimal digits read: most significant byte first. */
static inline void format_store_hash(uint8_t *target, struct hash128 hash)
{
    store_u64(target, __builtin_bswap64(hash.high));
    store_u64(target + 8, __builtin_bswap64(hash.low));
}

static inline struct hash128 format_load_hash(const uint8_t *source)
{
    return (struct hash128){__builtin_bswap64(load_u64(source)),
                            __builtin_bswap64(load_u64(source + 8))};
}

/* Whether vwap is measured from the middle of high and low. */
static inline bool format_has_middle(const struct segment_column *column)
{
    return column[COLUMN_VALUES + BAR_high].encoding == SEGMENT_DECIMAL;
}

/* Half the sum of high and low in units of vwap (multiple units of vwap make one of price), rounded
 * down; 0 where that leaves the range of integers. */
static inline int64_t format_middle(int64_t high, int64_t low, int64_t multiple)
{
    int64_t sum = high + low; /* each below 2^53 */
    int64_t limit = FORMAT_INTEGER_LIMIT / multiple;
    return sum < limit && sum > -limit ? (sum * multiple) >> 1 : 0;
}

#endif
