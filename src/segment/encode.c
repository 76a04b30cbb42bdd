/* SPDX-License-Identifier: Apache-2.0 */
/* Bars into the canonical bytes of a segment. */
#include "segment/decimal.h"
#include "segment/plan.h"
#include "segment/section.h"

#include "market/time.h"

enum { BLOCK_BYTES_MAX = 8 + SEGMENT_COLUMN_COUNT * SECTION_BYTES_MAX };

struct encoding {
    const struct series *series;
    struct range period;
    const struct bars *bars;
    struct segment_column column[SEGMENT_COLUMN_COUNT];
    struct section_draft draft[4];
    /* Of the block at hand, for the prediction of vwap. */
    int64_t high[SEGMENT_BLOCK_ROWS];
    int64_t low[SEGMENT_BLOCK_ROWS];
    struct bytes output; /* owned until it is handed over */
    size_t capacity;
};

static void encoding_free(struct encoding **encoding)
{
    if (*encoding != NULL) {
        bytes_reset(&(*encoding)->output);
        free(*encoding);
        *encoding = NULL;
    }
}

static iso_status reserve(struct encoding *encoding, size_t extra_bytes, struct iso_error *err)
{
    size_t need = encoding->output.length + extra_bytes;
    if (need <= encoding->capacity) {
        return ISO_OK;
    }
    size_t grown = encoding->capacity + encoding->capacity / 2;
    size_t capacity = need > grown ? need : grown;
    uint8_t *moved = realloc(encoding->output.data, capacity);
    if (moved == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a segment of %zu bytes", capacity);
    }
    encoding->output.data = moved;
    encoding->capacity = capacity;
    return ISO_OK;
}

static iso_status check_input(struct range period, const struct bars *bars, struct iso_error *err)
{
    if (bars->count == 0 || bars->count > SEGMENT_ROWS_MAX) {
        ISO_FAIL(LIMIT, err, "a segment holds 1 to %d bars, not %zu", SEGMENT_ROWS_MAX,
                 bars->count);
    }
    if (period.from_us < TIME_MIN_US || period.from_us >= period.to_us ||
        period.to_us > TIME_MAX_US) {
        ISO_FAIL(BAD_ARGUMENT, err, "the period %lld..%lld us is empty or out of range",
                 (long long)period.from_us, (long long)period.to_us);
    }
    for (size_t i = 0; i < bars->count; i++) {
        int64_t time_us = bars->time_us[i];
        if (time_us < period.from_us || time_us >= period.to_us) {
            ISO_FAIL(BAR_ORDER, err, "bar %zu at %lld us is outside the period", i,
                     (long long)time_us);
        }
        if (i > 0 && time_us <= bars->time_us[i - 1]) {
            ISO_FAIL(BAR_ORDER, err, "bar %zu at %lld us does not follow the one before it", i,
                     (long long)time_us);
        }
    }
    return ISO_OK;
}

static unsigned remainder_bits(const struct segment_column *column)
{
    return bit_length((uint64_t)column->grid - 1);
}

static void finish_section(struct encoding *encoding, const struct section_draft *draft,
                           unsigned width)
{
    encoding->output.length +=
        section_write(draft, width, encoding->output.data + encoding->output.length);
}

/* The integer that a value stands on: its own, or the predicted one where it has none. */
static struct grid_point classify(struct section_draft *draft, size_t row,
                                  const struct segment_column *column, double value,
                                  const struct grid_point *predicted)
{
    struct decimal decimal = decimal_of(value, column->scale);
    if (decimal.kind == DECIMAL_FITS) {
        return grid_point_of(decimal.integer, column->grid);
    }
    if (decimal.kind == DECIMAL_OTHER) {
        draft->raw_at[draft->raw_count] = row;
        draft->raw[draft->raw_count++] = format_double_bits(value);
        return *predicted;
    }
    bool near = decimal.kind == DECIMAL_NEAR;
    draft->near_at[draft->near_count] = row;
    draft->near[draft->near_count++] = (uint64_t)(near ? decimal.ulps : FORMAT_NEAR_ABSENT);
    return near ? grid_point_of(decimal.integer, column->grid) : *predicted;
}

/* Note how point differs from what the reader will expect. */
static void note_residual(struct section_draft *draft, size_t row, const struct grid_point *point,
                          const struct grid_point *expected)
{
    int64_t residual = point->quotient - expected->quotient;
    draft->residual[row] = residual;
    if (point->remainder != (residual == 0 ? expected->remainder : 0)) {
        draft->remainder_at[draft->remainder_count] = row;
        draft->remainder[draft->remainder_count++] = (uint64_t)point->remainder;
    }
}

static void encode_times(struct encoding *encoding, size_t first, size_t rows)
{
    struct section_draft *draft = &encoding->draft[0];
    const int64_t *time_us = encoding->bars->time_us + first;
    section_begin(draft, rows);
    draft->residual[0] = 0;
    for (size_t i = 1; i < rows; i++) {
        int64_t residual = time_us[i] - time_us[i - 1] - encoding->series->interval->step_us;
        draft->residual[i] = residual / encoding->column[COLUMN_TIME].grid;
    }
    finish_section(encoding, draft, 0);
}

static const struct segment_column *price_column(const struct encoding *encoding, size_t order)
{
    return &encoding->column[COLUMN_VALUES + format_price_order[order]];
}

static struct grid_point encode_price(struct encoding *encoding, size_t order, size_t first,
                                      size_t row, const struct grid_point *predicted)
{
    const struct segment_column *column = price_column(encoding, order);
    if (column->encoding != SEGMENT_DECIMAL) {
        return *predicted;
    }
    struct section_draft *draft = &encoding->draft[order];
    double value = encoding->bars->value[format_price_order[order]][first + row];
    struct grid_point point = classify(draft, row, column, value, predicted);
    note_residual(draft, row, &point, predicted);
    return point;
}

/* The first integer among the prices of the block, row by row; 0 where there is none. */
static int64_t price_base(const struct encoding *encoding, size_t first, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t order = 0; order < 4; order++) {
            const struct segment_column *column = price_column(encoding, order);
            double value = encoding->bars->value[format_price_order[order]][first + i];
            struct decimal decimal = decimal_of(value, column->scale);
            if (column->encoding == SEGMENT_DECIMAL && decimal.kind <= DECIMAL_NEAR) {
                return decimal.integer;
            }
        }
    }
    return 0;
}

static void encode_decimal_prices(struct encoding *encoding, size_t first, size_t rows,
                                  int64_t grid)
{
    int64_t base = price_base(encoding, first, rows);
    store_u64(encoding->output.data + encoding->output.length, (uint64_t)base);
    encoding->output.length += 8;
    struct grid_point before = grid_point_of(base, grid);
    for (size_t order = 0; order < 4; order++) {
        section_begin(&encoding->draft[order], rows);
    }
    for (size_t i = 0; i < rows; i++) {
        struct grid_point open = encode_price(encoding, 0, first, i, &before);
        struct grid_point close = encode_price(encoding, 1, first, i, &open);
        bool rising = close.value >= open.value;
        struct grid_point high = encode_price(encoding, 2, first, i, rising ? &close : &open);
        struct grid_point low = encode_price(encoding, 3, first, i, rising ? &open : &close);
        encoding->high[i] = high.value;
        encoding->low[i] = low.value;
        before = close;
    }
}

static void encode_prices(struct encoding *encoding, size_t first, size_t rows)
{
    for (size_t order = 0; order < 4; order++) {
        if (price_column(encoding, order)->encoding == SEGMENT_DECIMAL) {
            encode_decimal_prices(encoding, first, rows, price_column(encoding, order)->grid);
            break;
        }
    }
    for (size_t order = 0; order < 4; order++) {
        const struct segment_column *column = price_column(encoding, order);
        if (column->encoding == SEGMENT_DECIMAL) {
            finish_section(encoding, &encoding->draft[order], remainder_bits(column));
        } else if (column->encoding == SEGMENT_RAW) {
            encoding->output.length +=
                section_raw_write(encoding->bars->value[format_price_order[order]] + first, rows,
                                  encoding->output.data + encoding->output.length);
        }
    }
}

/* Volume and average price. The latter is measured from the middle of high and low. */
static void encode_value(struct encoding *encoding, size_t first, size_t rows, enum bar_value which)
{
    const struct segment_column *column = &encoding->column[COLUMN_VALUES + which];
    const struct segment_column *high = &encoding->column[COLUMN_VALUES + BAR_high];
    const double *values = encoding->bars->value[which] + first;
    struct section_draft *draft = &encoding->draft[0];
    section_begin(draft, rows);
    bool middle = which == BAR_vwap && format_has_middle(encoding->column);
    int64_t multiple = middle ? (int64_t)format_power[column->scale - high->scale] : 1;
    struct grid_point stand_in = {0};
    for (size_t i = 0; i < rows; i++) {
        struct grid_point expected = {0};
        if (middle) {
            int64_t value = format_middle(encoding->high[i], encoding->low[i], multiple);
            stand_in = expected = grid_point_of(value, 1);
        }
        struct grid_point point = classify(draft, i, column, values[i], &stand_in);
        note_residual(draft, i, &point, &expected);
        stand_in = grid_point_of(point.value - point.remainder, column->grid);
    }
    finish_section(encoding, draft, remainder_bits(column));
}

static void encode_counts(struct encoding *encoding, size_t first, size_t rows)
{
    struct section_draft *draft = &encoding->draft[0];
    const int64_t *counts = encoding->bars->trade_count + first;
    int64_t before = 0;
    section_begin(draft, rows);
    for (size_t i = 0; i < rows; i++) {
        if (counts[i] > -FORMAT_INTEGER_LIMIT && counts[i] < FORMAT_INTEGER_LIMIT) {
            before = counts[i];
        } else if (counts[i] == BAR_COUNT_ABSENT) {
            draft->near_at[draft->near_count] = i;
            draft->near[draft->near_count++] = (uint64_t)FORMAT_NEAR_ABSENT;
        } else {
            draft->raw_at[draft->raw_count] = i;
            draft->raw[draft->raw_count++] = (uint64_t)counts[i];
        }
        draft->residual[i] = before;
    }
    finish_section(encoding, draft, 0);
}

static void encode_block(struct encoding *encoding, size_t first, size_t rows)
{
    encode_times(encoding, first, rows);
    encode_prices(encoding, first, rows);
    static const enum bar_value others[] = {BAR_volume, BAR_vwap};
    for (size_t i = 0; i < 2; i++) {
        uint8_t how = encoding->column[COLUMN_VALUES + others[i]].encoding;
        if (how == SEGMENT_DECIMAL) {
            encode_value(encoding, first, rows, others[i]);
        } else if (how == SEGMENT_RAW) {
            encoding->output.length +=
                section_raw_write(encoding->bars->value[others[i]] + first, rows,
                                  encoding->output.data + encoding->output.length);
        }
    }
    if (encoding->column[COLUMN_TRADE_COUNT].encoding != SEGMENT_ABSENT) {
        encode_counts(encoding, first, rows);
    }
}

static void write_header(struct encoding *encoding, size_t directory_offset)
{
    uint8_t *header = encoding->output.data;
    const struct bars *bars = encoding->bars;
    memcpy(header, FORMAT_MAGIC, FORMAT_MAGIC_BYTES);
    header[FORMAT_VERSION_AT] = SEGMENT_VERSION;
    store_u32(header + FORMAT_LENGTH_AT, (uint32_t)encoding->output.length);
    store_u32(header + FORMAT_DIRECTORY_AT, (uint32_t)directory_offset);
    store_u32(header + FORMAT_ROWS_AT, (uint32_t)bars->count);
    store_u16(header + FORMAT_BLOCK_ROWS_AT, SEGMENT_BLOCK_ROWS);
    header[FORMAT_INTERVAL_AT] = encoding->series->interval->code;
    header[FORMAT_SYMBOL_LENGTH_AT] = (uint8_t)strlen(encoding->series->symbol);
    store_u64(header + FORMAT_PERIOD_FROM_AT, (uint64_t)encoding->period.from_us);
    store_u64(header + FORMAT_PERIOD_TO_AT, (uint64_t)encoding->period.to_us);
    store_u64(header + FORMAT_FIRST_AT, (uint64_t)bars->time_us[0]);
    store_u64(header + FORMAT_LAST_AT, (uint64_t)bars->time_us[bars->count - 1]);
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        uint8_t *entry = header + FORMAT_COLUMNS_AT + FORMAT_COLUMN_BYTES * i;
        entry[0] = encoding->column[i].encoding;
        entry[1] = encoding->column[i].scale;
        store_u64(entry + 4, (uint64_t)encoding->column[i].grid);
    }
    memcpy(header + FORMAT_SYMBOL_AT, encoding->series->symbol, header[FORMAT_SYMBOL_LENGTH_AT]);
    struct hash128 hash =
        hash_bytes(header + FORMAT_HASHED_AT, encoding->output.length - FORMAT_HASHED_AT);
    format_store_hash(header + FORMAT_HASH_AT, hash);
}

static iso_status encode_blocks(struct encoding *encoding, size_t directory_offset,
                                struct iso_error *err)
{
    const struct bars *bars = encoding->bars;
    size_t block_count = (bars->count + SEGMENT_BLOCK_ROWS - 1) / SEGMENT_BLOCK_ROWS;
    size_t blocks_offset = directory_offset + block_count * FORMAT_ENTRY_BYTES;
    ISO_TRY(reserve(encoding, blocks_offset, err));
    memset(encoding->output.data, 0, blocks_offset);
    encoding->output.length = blocks_offset;
    for (size_t block = 0; block < block_count; block++) {
        size_t first = block * SEGMENT_BLOCK_ROWS;
        size_t rows = format_block_rows(bars->count, block);
        ISO_TRY(reserve(encoding, BLOCK_BYTES_MAX, err));
        encode_block(encoding, first, rows);
        uint8_t *entry = encoding->output.data + directory_offset + block * FORMAT_ENTRY_BYTES;
        store_u64(entry, (uint64_t)bars->time_us[first]);
        store_u64(entry + FORMAT_ENTRY_LAST_AT, (uint64_t)bars->time_us[first + rows - 1]);
        store_u32(entry + FORMAT_ENTRY_END_AT, (uint32_t)encoding->output.length);
    }
    ISO_TRY(reserve(encoding, FORMAT_TAIL_BYTES, err));
    memset(encoding->output.data + encoding->output.length, 0, FORMAT_TAIL_BYTES);
    encoding->output.length += FORMAT_TAIL_BYTES;
    return ISO_OK;
}

iso_status segment_encode(const struct series *series, struct range period, const struct bars *bars,
                          struct bytes *target, struct iso_error *err)
{
    ISO_TRY(check_input(period, bars, err));
    ISO_DEFER(encoding_free) struct encoding *encoding = NULL;
    ISO_NEW(encoding, 1, err);
    encoding->series = series;
    encoding->period = period;
    encoding->bars = bars;
    plan_make(bars, series->interval, encoding->column);
    size_t directory_offset = FORMAT_SYMBOL_AT + strlen(series->symbol);
    ISO_TRY(encode_blocks(encoding, directory_offset, err));
    ISO_ASSERT(encoding->output.length <= SEGMENT_BYTES_MAX);
    write_header(encoding, directory_offset);
    uint8_t *shrunk = realloc(encoding->output.data, encoding->output.length);
    *target = encoding->output;
    target->data = shrunk != NULL ? shrunk : target->data;
    encoding->output = (struct bytes){0};
    return ISO_OK;
}
