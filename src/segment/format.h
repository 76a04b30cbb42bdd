/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things stand in a segment; docs/segment-format.md says what they mean.
 *
 *   magic, version, hash | header | symbol | grids | tables of levels | block directory | blocks |
 *   8 zeros
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
    FORMAT_ROWS_AT = 28,
    FORMAT_INTERVAL_AT = 32,
    FORMAT_SYMBOL_LENGTH_AT = 33,
    FORMAT_CLASS_OFFSET_AT = 34,
    FORMAT_FLAGS_AT = 35,
    FORMAT_PERIOD_FROM_AT = 36,
    FORMAT_PERIOD_TO_AT = 44,
    FORMAT_LAST_AT = 52,
    FORMAT_COLUMNS_AT = 60, /* a byte each: encoding, and scale above it */
    FORMAT_SYMBOL_AT = FORMAT_COLUMNS_AT + SEGMENT_COLUMN_COUNT,
    FORMAT_ENCODING_BITS = 2,
    FORMAT_ENTRY_BYTES = 12, /* of the block directory */
    FORMAT_ENTRY_END_AT = 8,
    FORMAT_TAIL_BYTES = BITS_SLACK_BYTES,

    FORMAT_POSITION_BITS = 10, /* of a row within its block */
    FORMAT_SCALE_MAX = 18,
    FORMAT_NEAR_ABSENT = -128, /* in the list of ulps: the value is absent */
    FORMAT_NEAR_MAX = 127,
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

/* Which lists a section has. */
enum { SECTION_REMAINDERS = 1, SECTION_NEAR = 2, SECTION_RAW = 4 };

/* The columns in the order in which they stand in a block. */
static const uint8_t format_column_order[SEGMENT_COLUMN_COUNT] = {
    COLUMN_TIME,
    COLUMN_TRADE_COUNT,
    COLUMN_VALUES + BAR_volume,
    COLUMN_VALUES + BAR_open,
    COLUMN_VALUES + BAR_close,
    COLUMN_VALUES + BAR_high,
    COLUMN_VALUES + BAR_low,
    COLUMN_VALUES + BAR_vwap,
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

/*
 * Rows are classed by their activity: the trade count where that is a decimal column, else the
 * quotients of volume. This is the column that says so, or COLUMN_TIME where there is none and all
 * rows are of class 0.
 */
static inline size_t format_class_source(const struct segment_column *column)
{
    static const uint8_t sources[] = {COLUMN_TRADE_COUNT, COLUMN_VALUES + BAR_volume};
    for (size_t i = 0; i < sizeof sources; i++) {
        if (column[sources[i]].encoding == SEGMENT_DECIMAL) {
            return sources[i];
        }
    }
    return COLUMN_TIME;
}

/* Short segments have fewer classes: bits by which the number of a class is shortened. */
static inline unsigned format_class_shift(size_t rows)
{
    return rows >= 4096 ? 0 : rows >= 1024 ? 1 : rows >= 256 ? 2 : LEVELS_CLASS_BITS;
}

/* How many classes the rows of a column are in. */
static inline size_t format_class_count(const struct segment_column *column, size_t index,
                                        size_t rows)
{
    size_t source = format_class_source(column);
    bool before_source = index == COLUMN_TIME || index == source;
    return source == COLUMN_TIME || before_source
               ? 1
               : (size_t)LEVELS_CLASSES_MAX >> format_class_shift(rows);
}

enum {
    FORMAT_HALVES_MAX = 2 * 53,
    FORMAT_RARE_ROWS = 500 /* one row in so many may be above the highest class */
};

/* Half octaves of an integer below 2^53: 0 of 0 and less, 1 of 1, 3 of 2, 4 of 3, 5 of 4 and 5 ...
 * The exponent of a double and the first bit behind it. */
static inline int64_t format_halves(int64_t integer)
{
    int64_t halves =
        (int64_t)(format_double_bits((double)(integer > 0 ? integer : 0)) >> 51) - 2045;
    return halves > 0 ? halves : 0;
}

static inline uint8_t format_class(int64_t integer, unsigned offset, unsigned shift)
{
    int64_t class = format_halves(integer) - (int64_t)offset;
    class = class > 0 ? class : 0;
    return (uint8_t)((class < LEVELS_CLASSES_MAX ? class : LEVELS_CLASSES_MAX - 1) >> shift);
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
