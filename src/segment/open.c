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
    if (symbol_length > SYMBOL_BYTES_MAX ||
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
    segment->directory_offset = FORMAT_SYMBOL_AT + symbol_length;
    return ISO_OK;
}

static iso_status read_extent(const uint8_t *bytes, struct segment *segment, struct iso_error *err)
{
    segment->rows = load_u32(bytes + FORMAT_ROWS_AT);
    segment->period.from_us = (int64_t)load_u64(bytes + FORMAT_PERIOD_FROM_AT);
    segment->period.to_us = (int64_t)load_u64(bytes + FORMAT_PERIOD_TO_AT);
    segment->first_us = (int64_t)load_u64(bytes + FORMAT_FIRST_AT);
    segment->last_us = (int64_t)load_u64(bytes + FORMAT_LAST_AT);
    if (segment->rows == 0 || segment->rows > SEGMENT_ROWS_MAX) {
        ISO_FAIL(CORRUPT, err, "offset %d: %zu rows", FORMAT_ROWS_AT, segment->rows);
    }
    if (load_u32(bytes + FORMAT_DIRECTORY_AT) != segment->directory_offset) {
        ISO_FAIL(CORRUPT, err, "offset %d: the block directory is not at %zu", FORMAT_DIRECTORY_AT,
                 segment->directory_offset);
    }
    if (load_u16(bytes + FORMAT_BLOCK_ROWS_AT) != SEGMENT_BLOCK_ROWS ||
        load_u32(bytes + FORMAT_FLAGS_AT) != 0) {
        ISO_FAIL(CORRUPT, err, "offset %d or %d: block rows are not %d or flags not 0",
                 FORMAT_BLOCK_ROWS_AT, FORMAT_FLAGS_AT, SEGMENT_BLOCK_ROWS);
    }
    if (segment->period.from_us < TIME_MIN_US || segment->period.to_us > TIME_MAX_US ||
        segment->period.from_us > segment->first_us || segment->first_us > segment->last_us ||
        segment->last_us >= segment->period.to_us) {
        ISO_FAIL(CORRUPT, err, "offset %d: first and last bar are not in order within the period",
                 FORMAT_PERIOD_FROM_AT);
    }
    return ISO_OK;
}

/* Whether encoding, scale and grid of a column can stand together. */
static bool column_valid(const struct segment_column *column, size_t index, uint16_t reserved)
{
    bool value = index >= COLUMN_VALUES && index < COLUMN_TRADE_COUNT;
    int64_t grid_limit = index == COLUMN_TIME ? FORMAT_TIME_GRID_LIMIT : FORMAT_GRID_LIMIT;
    if (reserved != 0) {
        return false;
    }
    if (column->encoding == SEGMENT_DECIMAL) {
        bool plain = index == COLUMN_TRADE_COUNT || index == COLUMN_VALUES + BAR_vwap;
        return column->scale <= (value ? FORMAT_SCALE_MAX : 0) && column->grid >= 1 &&
               column->grid < (plain ? 2 : grid_limit);
    }
    return (column->encoding == SEGMENT_ABSENT ? index != COLUMN_TIME
                                               : column->encoding == SEGMENT_RAW && value) &&
           column->scale == 0 && column->grid == 0;
}

/* The prices that are decimals have one scale and one grid, which vwap may refine. */
static bool columns_agree(const struct segment_column *column)
{
    const struct segment_column *first = NULL;
    for (size_t i = 0; i < 4; i++) {
        const struct segment_column *price = &column[COLUMN_VALUES + format_price_order[i]];
        if (price->encoding != SEGMENT_ABSENT) {
            first = first == NULL ? price : first;
            if (price->encoding != first->encoding || price->scale != first->scale ||
                price->grid != first->grid) {
                return false;
            }
        }
    }
    const struct segment_column *vwap = &column[COLUMN_VALUES + BAR_vwap];
    return vwap->encoding != SEGMENT_DECIMAL || !format_has_middle(column) ||
           vwap->scale >= column[COLUMN_VALUES + BAR_high].scale;
}

static iso_status read_columns(const uint8_t *bytes, struct segment *segment, struct iso_error *err)
{
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        const uint8_t *entry = bytes + FORMAT_COLUMNS_AT + FORMAT_COLUMN_BYTES * i;
        struct segment_column *column = &segment->column[i];
        *column = (struct segment_column){entry[0], entry[1], (int64_t)load_u64(entry + 4)};
        if (!column_valid(column, i, load_u16(entry + 2))) {
            ISO_FAIL(CORRUPT, err, "offset %zu: %s cannot have encoding %u, scale %u, grid %lld",
                     (size_t)(entry - bytes), format_column_name[i], column->encoding,
                     column->scale, (long long)column->grid);
        }
    }
    if (!columns_agree(segment->column)) {
        ISO_FAIL(CORRUPT, err, "offset %d: the scales and grids of the prices do not agree",
                 FORMAT_COLUMNS_AT);
    }
    return ISO_OK;
}

/* Every block begins where the one before it ends, in bytes, and after it, in time. */
static iso_status check_directory(const struct segment *segment, struct iso_error *err)
{
    int64_t before_us = INT64_MIN;
    size_t begin = segment->blocks_offset;
    for (size_t i = 0; i < segment->block_count; i++) {
        size_t at = segment->directory_offset + i * FORMAT_ENTRY_BYTES;
        const uint8_t *entry = segment->bytes + at;
        int64_t first_us = (int64_t)load_u64(entry);
        int64_t last_us = (int64_t)load_u64(entry + FORMAT_ENTRY_LAST_AT);
        size_t end = load_u32(entry + FORMAT_ENTRY_END_AT);
        bool final = i + 1 == segment->block_count;
        if (first_us <= before_us || last_us < first_us || last_us > segment->last_us ||
            (i == 0 && first_us != segment->first_us) || (final && last_us != segment->last_us)) {
            ISO_FAIL(CORRUPT, err, "offset %zu: the times of block %zu are out of order", at, i);
        }
        if (end < begin || end > segment->length - FORMAT_TAIL_BYTES ||
            (final && end != segment->length - FORMAT_TAIL_BYTES)) {
            ISO_FAIL(CORRUPT, err, "offset %zu: block %zu ends at %zu", at + FORMAT_ENTRY_END_AT, i,
                     end);
        }
        before_us = last_us;
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
    opened.hash = format_load_hash(data + FORMAT_HASH_AT);
    opened.block_count = (opened.rows + SEGMENT_BLOCK_ROWS - 1) / SEGMENT_BLOCK_ROWS;
    opened.blocks_offset = opened.directory_offset + opened.block_count * FORMAT_ENTRY_BYTES;
    if (opened.blocks_offset > length - FORMAT_TAIL_BYTES) {
        ISO_FAIL(CORRUPT, err, "offset %zu: the block directory is cut off",
                 opened.directory_offset);
    }
    ISO_TRY(check_directory(&opened, err));
    if (load_u64(data + length - FORMAT_TAIL_BYTES) != 0) {
        ISO_FAIL(CORRUPT, err, "offset %zu: the tail is not zero", length - FORMAT_TAIL_BYTES);
    }
    *segment = opened;
    return ISO_OK;
}
