/* SPDX-License-Identifier: Apache-2.0 */
/* The checks that make bytes a segment. */
#include "segment/format.h"

#include "market/time.h"

static iso_status check_magic(const uint8_t *bytes, size_t length, struct iso_error *err)
{
    if (length < FORMAT_MAGIC_BYTES + 1 || memcmp(bytes, FORMAT_MAGIC, FORMAT_MAGIC_BYTES) != 0) {
        ISO_FAIL(CORRUPT, err, "offset 0: not a segment (no \"" FORMAT_MAGIC "\")");
    }
    unsigned version = bytes[FORMAT_VERSION_AT];
    if (version > SEGMENT_VERSION) {
        ISO_FAIL(NEWER_VERSION, err, "segment of version %u; this isobar reads up to version %d",
                 version, SEGMENT_VERSION);
    }
    if (version == 1) {
        ISO_FAIL(CORRUPT, err,
                 "offset %d: version 1 was never released and is no longer read; import the bars"
                 " again from where they came",
                 FORMAT_VERSION_AT);
    }
    if (version == 0) {
        ISO_FAIL(CORRUPT, err, "offset %d: version 0 does not exist", FORMAT_VERSION_AT);
    }
    if (length < FORMAT_SYMBOL_AT + FORMAT_TAIL_BYTES) {
        ISO_FAIL(CORRUPT, err, "offset %zu: the header is cut off", length);
    }
    if (load_u32(bytes + FORMAT_LENGTH_AT) != length) {
        ISO_FAIL(CORRUPT, err, "offset %d: %u bytes announced, %zu found", FORMAT_LENGTH_AT,
                 load_u32(bytes + FORMAT_LENGTH_AT), length);
    }
    struct hash128 found = hash_bytes(bytes + FORMAT_HASHED_AT, length - FORMAT_HASHED_AT);
    if (!hash_equal(found, format_load_hash(bytes + FORMAT_HASH_AT))) {
        ISO_FAIL(CORRUPT, err, "offset %d: the bytes do not match their hash", FORMAT_HASH_AT);
    }
    return ISO_OK;
}

static iso_status read_series(const uint8_t *bytes, size_t length, struct segment *segment,
                              struct iso_error *err)
{
    unsigned symbol_length = bytes[FORMAT_SYMBOL_LENGTH_AT];
    const struct interval *interval = interval_coded(bytes[FORMAT_INTERVAL_AT]);
    if (interval == NULL) {
        ISO_FAIL(CORRUPT, err, "offset %d: interval code %u is unknown", FORMAT_INTERVAL_AT,
                 bytes[FORMAT_INTERVAL_AT]);
    }
    if (symbol_length == 0 || symbol_length > SYMBOL_BYTES_MAX ||
        FORMAT_SYMBOL_AT + symbol_length + FORMAT_TAIL_BYTES > length) {
        ISO_FAIL(CORRUPT, err, "offset %d: a symbol of %u bytes", FORMAT_SYMBOL_LENGTH_AT,
                 symbol_length);
    }
    char symbol[SYMBOL_BYTES_MAX + 1] = {0};
    memcpy(symbol, bytes + FORMAT_SYMBOL_AT, symbol_length);
    if (strlen(symbol) != symbol_length ||
        iso_failed(series_make(symbol, interval->name, &segment->series, NULL))) {
        ISO_FAIL(CORRUPT, err, "offset %d: not a symbol", FORMAT_SYMBOL_AT);
    }
    segment->directory_offset = FORMAT_SYMBOL_AT + symbol_length; /* so far */
    return ISO_OK;
}

static iso_status read_period(const uint8_t *bytes, struct segment *segment, struct iso_error *err)
{
    struct range period = {(int64_t)load_u64(bytes + FORMAT_PERIOD_FROM_AT),
                           (int64_t)load_u64(bytes + FORMAT_PERIOD_TO_AT)};
    int64_t last_us = (int64_t)load_u64(bytes + FORMAT_LAST_AT);
    if (period.from_us < TIME_MIN_US || period.from_us >= TIME_MAX_US) {
        ISO_FAIL(CORRUPT, err, "offset %d: the period begins out of range", FORMAT_PERIOD_FROM_AT);
    }
    if (period.to_us <= period.from_us || period.to_us > TIME_MAX_US) {
        ISO_FAIL(CORRUPT, err, "offset %d: the period ends out of range", FORMAT_PERIOD_TO_AT);
    }
    if (last_us < period.from_us || last_us >= period.to_us) {
        ISO_FAIL(CORRUPT, err, "offset %d: the last bar is not within the period", FORMAT_LAST_AT);
    }
    segment->period = period;
    segment->last_us = last_us;
    return ISO_OK;
}

static iso_status read_extent(const uint8_t *bytes, struct segment *segment, struct iso_error *err)
{
    segment->rows = load_u32(bytes + FORMAT_ROWS_AT);
    segment->class_offset = bytes[FORMAT_CLASS_OFFSET_AT];
    if (segment->rows == 0 || segment->rows > SEGMENT_ROWS_MAX) {
        ISO_FAIL(CORRUPT, err, "offset %d: %zu rows", FORMAT_ROWS_AT, segment->rows);
    }
    if (segment->class_offset > FORMAT_HALVES_MAX) {
        ISO_FAIL(CORRUPT, err, "offset %d: class offset %u", FORMAT_CLASS_OFFSET_AT,
                 segment->class_offset);
    }
    if (bytes[FORMAT_FLAGS_AT] != 0) {
        ISO_FAIL(CORRUPT, err, "offset %d: flags %u", FORMAT_FLAGS_AT, bytes[FORMAT_FLAGS_AT]);
    }
    return read_period(bytes, segment, err);
}

/* Whether encoding and scale of a column can stand together. */
static bool column_valid(const struct segment_column *column, size_t index)
{
    bool value = index >= COLUMN_VALUES && index < COLUMN_TRADE_COUNT;
    switch (column->encoding) {
    case SEGMENT_DECIMAL:
        return column->scale <= (value ? FORMAT_SCALE_MAX : 0);
    case SEGMENT_RAW:
        return value && column->scale == 0;
    case SEGMENT_ABSENT:
        return index != COLUMN_TIME && column->scale == 0;
    default:
        return false;
    }
}

/* The prices that are not absent have one encoding and one scale, which vwap may refine. The first
 * column that does not agree; SEGMENT_COLUMN_COUNT where all do. */
static size_t disagreeing_column(const struct segment_column *column)
{
    const struct segment_column *first = NULL;
    for (size_t i = 0; i < 4; i++) {
        size_t index = COLUMN_VALUES + format_price_order[i];
        const struct segment_column *price = &column[index];
        if (price->encoding != SEGMENT_ABSENT) {
            first = first == NULL ? price : first;
            if (price->encoding != first->encoding || price->scale != first->scale) {
                return index;
            }
        }
    }
    const struct segment_column *vwap = &column[COLUMN_VALUES + BAR_vwap];
    bool coarser = vwap->encoding == SEGMENT_DECIMAL && format_has_middle(column) &&
                   vwap->scale < column[COLUMN_VALUES + BAR_high].scale;
    return coarser ? COLUMN_VALUES + BAR_vwap : SEGMENT_COLUMN_COUNT;
}

static iso_status read_columns(const uint8_t *bytes, struct segment *segment, struct iso_error *err)
{
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        unsigned byte = bytes[FORMAT_COLUMNS_AT + i];
        struct segment_column *column = &segment->column[i];
        column->encoding = byte & ((1U << FORMAT_ENCODING_BITS) - 1);
        column->scale = (uint8_t)(byte >> FORMAT_ENCODING_BITS);
        if (!column_valid(column, i)) {
            ISO_FAIL(CORRUPT, err, "offset %zu: %s cannot have encoding %u and scale %u",
                     FORMAT_COLUMNS_AT + i, format_column_name[i], column->encoding, column->scale);
        }
    }
    size_t other = disagreeing_column(segment->column);
    if (other < SEGMENT_COLUMN_COUNT) {
        ISO_FAIL(CORRUPT, err, "offset %zu: the scale of %s does not agree with the prices before",
                 FORMAT_COLUMNS_AT + other, format_column_name[other]);
    }
    return ISO_OK;
}

/* A grid, 0 where no column of its kind is decimal. */
static iso_status read_grid(struct segment *segment, const uint8_t *columns, size_t count,
                            int64_t limit, struct iso_error *err)
{
    size_t at = segment->directory_offset;
    int64_t grid;
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        any |= segment->column[columns[i]].encoding == SEGMENT_DECIMAL;
    }
    if (!integer_read(segment->bytes, segment->length, &segment->directory_offset, &grid) ||
        (any ? grid < 1 || grid >= limit : grid != 0)) {
        ISO_FAIL(CORRUPT, err, "offset %zu: no grid of %s", at, format_column_name[columns[0]]);
    }
    for (size_t i = 0; i < count; i++) {
        bool decimal = segment->column[columns[i]].encoding == SEGMENT_DECIMAL;
        segment->column[columns[i]].grid = decimal ? grid : 0;
    }
    return ISO_OK;
}

/* Grids and tables of levels; moves the offset of the directory behind them. */
static iso_status read_tables(struct segment *segment, struct iso_error *err)
{
    static const uint8_t time[] = {COLUMN_TIME};
    static const uint8_t prices[] = {COLUMN_VALUES + BAR_open, COLUMN_VALUES + BAR_high,
                                     COLUMN_VALUES + BAR_low, COLUMN_VALUES + BAR_close};
    static const uint8_t volume[] = {COLUMN_VALUES + BAR_volume};
    static const uint8_t ungridded[] = {COLUMN_VALUES + BAR_vwap, COLUMN_TRADE_COUNT};
    ISO_TRY(read_grid(segment, time, sizeof time, FORMAT_TIME_GRID_LIMIT, err));
    ISO_TRY(read_grid(segment, prices, sizeof prices, FORMAT_GRID_LIMIT, err));
    ISO_TRY(read_grid(segment, volume, sizeof volume, FORMAT_GRID_LIMIT, err));
    for (size_t i = 0; i < sizeof ungridded; i++) {
        struct segment_column *column = &segment->column[ungridded[i]];
        column->grid = column->encoding == SEGMENT_DECIMAL ? 1 : 0;
    }
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        size_t index = format_column_order[i];
        if (segment->column[index].encoding == SEGMENT_DECIMAL) {
            ISO_TRY(
                iso_context(levels_read(segment->bytes, segment->length, &segment->directory_offset,
                                        format_class_count(segment->column, index, segment->rows),
                                        &segment->levels[index], err),
                            err, "%s", format_column_name[index]));
        }
    }
    return ISO_OK;
}

/* Every block begins where the one before it ends, in bytes, and after it, in time. */
static iso_status check_directory(const struct segment *segment, struct iso_error *err)
{
    int64_t before_us = segment->period.from_us - 1;
    size_t begin = segment->blocks_offset;
    for (size_t i = 0; i < segment->block_count; i++) {
        size_t at = segment->directory_offset + i * FORMAT_ENTRY_BYTES;
        const uint8_t *entry = segment->bytes + at;
        int64_t first_us = (int64_t)load_u64(entry);
        size_t end = load_u32(entry + FORMAT_ENTRY_END_AT);
        bool final = i + 1 == segment->block_count;
        if (first_us <= before_us || first_us > segment->last_us) {
            ISO_FAIL(CORRUPT, err, "offset %zu: the time of block %zu is out of order", at, i);
        }
        if (end < begin || end > segment->length - FORMAT_TAIL_BYTES ||
            (final && end != segment->length - FORMAT_TAIL_BYTES)) {
            ISO_FAIL(CORRUPT, err, "offset %zu: block %zu ends at %zu", at + FORMAT_ENTRY_END_AT, i,
                     end);
        }
        before_us = first_us;
        begin = end;
    }
    return ISO_OK;
}

iso_status segment_open(const void *bytes, size_t length, struct segment *segment,
                        struct iso_error *err)
{
    const uint8_t *data = bytes;
    struct segment opened = {.bytes = data, .length = length};
    ISO_TRY(check_magic(data, length, err));
    ISO_TRY(read_series(data, length, &opened, err));
    ISO_TRY(read_extent(data, &opened, err));
    ISO_TRY(read_columns(data, &opened, err));
    ISO_TRY(read_tables(&opened, err));
    opened.hash = format_load_hash(data + FORMAT_HASH_AT);
    opened.block_count = (opened.rows + SEGMENT_BLOCK_ROWS - 1) / SEGMENT_BLOCK_ROWS;
    opened.blocks_offset = opened.directory_offset + opened.block_count * FORMAT_ENTRY_BYTES;
    if (opened.blocks_offset > length - FORMAT_TAIL_BYTES) {
        ISO_FAIL(CORRUPT, err, "offset %zu: the block directory is cut off",
                 opened.directory_offset);
    }
    ISO_TRY(check_directory(&opened, err));
    opened.first_us = (int64_t)load_u64(data + opened.directory_offset);
    uint64_t tail = load_u64(data + length - FORMAT_TAIL_BYTES);
    if (tail != 0) {
        ISO_FAIL(CORRUPT, err, "offset %zu: the tail is not zero",
                 length - FORMAT_TAIL_BYTES + (size_t)__builtin_ctzll(tail) / 8);
    }
    *segment = opened;
    return ISO_OK;
}
