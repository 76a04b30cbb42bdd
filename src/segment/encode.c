/* SPDX-License-Identifier: Apache-2.0 */
/* Bars into the canonical bytes of a segment. */
#include "segment/decimal.h"
#include "segment/kernel.h"
#include "segment/plan.h"
#include "segment/section.h"

#include "market/time.h"

enum {
    COLUMNS = SEGMENT_COLUMN_COUNT,
    BLOCK_LISTS_BYTES_MAX = COLUMNS * SECTION_LISTS_BYTES_MAX,
    BLOCK_CODES_BYTES_MAX =
        INTEGER_BYTES_MAX + COLUMNS * (SECTION_CODES_BYTES_MAX + BITS_SLACK_BYTES),
    HEADER_BYTES_MAX = FORMAT_SYMBOL_AT + SYMBOL_BYTES_MAX + 3 * INTEGER_BYTES_MAX +
                       COLUMNS * (LEVELS_BYTES_MAX + BITS_SLACK_BYTES)
};
_Static_assert((int)SECTION_RAW_BYTES_MAX <= (int)SECTION_CODES_BYTES_MAX + 16, "room for raw");

struct buffer {
    struct bytes bytes;
    size_t capacity;
};

/*
 * Two passes: the first makes integers, residuals and lists of the whole segment, from which
 * classes and levels are chosen; the second writes.
 */
struct encoding {
    const struct series *series;
    struct range period;
    const struct bars *bars;
    size_t block_count;
    struct segment_column column[COLUMNS];
    struct levels levels[COLUMNS];
    unsigned class_offset;
    struct buffer output;
    struct buffer lists;        /* of all blocks, in the order in which they will stand */
    void *memory;               /* in which these lie */
    int64_t *residual[COLUMNS]; /* of decimal columns, by row; NULL of others */
    int64_t *base_price;        /* by block */
    uint32_t *lists_bytes;      /* by block and column */
    uint8_t *class;             /* by row */
    struct section_draft draft[4];
    /* Of the block at hand, by enum bar_value: the integers of values, and which of them fit. */
    int64_t integer[BAR_VALUE_COUNT][SEGMENT_BLOCK_ROWS];
    uint64_t fits[BAR_VALUE_COUNT][SEGMENT_BLOCK_ROWS / 64];
    struct grid_point last_close; /* of the block before */
};

static void encoding_free(struct encoding **encoding)
{
    if (*encoding == NULL) {
        return;
    }
    bytes_reset(&(*encoding)->output.bytes);
    bytes_reset(&(*encoding)->lists.bytes);
    free((*encoding)->memory);
    free(*encoding);
    *encoding = NULL;
}

static iso_status reserve(struct buffer *buffer, size_t extra_bytes, struct iso_error *err)
{
    size_t need = buffer->bytes.length + extra_bytes;
    if (need <= buffer->capacity) {
        return ISO_OK;
    }
    size_t grown = buffer->capacity + buffer->capacity / 2;
    size_t capacity = need > grown ? need : grown;
    uint8_t *moved = realloc(buffer->bytes.data, capacity);
    if (moved == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a segment of %zu bytes", capacity);
    }
    buffer->bytes.data = moved;
    buffer->capacity = capacity;
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

/* Write the lists of a draft; the second pass will put them where they stand. */
static void finish_lists(struct encoding *encoding, size_t block, size_t index,
                         const struct section_draft *draft, unsigned width)
{
    struct bytes *lists = &encoding->lists.bytes;
    size_t written = section_write_lists(draft, width, lists->data + lists->length);
    encoding->lists_bytes[block * COLUMNS + index] = (uint32_t)written;
    lists->length += written;
}

/* Find the integers of a decimal column in a block. True where all values fit. */
static bool find_integers(struct encoding *encoding, enum bar_value which, size_t first,
                          size_t rows)
{
    unsigned scale = encoding->column[COLUMN_VALUES + which].scale;
    uint64_t *fits = encoding->fits[which];
    size_t count = 0;
    kernel_best()->integers(encoding->bars->value[which] + first, rows, scale,
                            encoding->integer[which], fits);
    for (size_t w = 0; 64 * w < rows; w++) {
        count += (size_t)__builtin_popcountll(fits[w]);
    }
    return count == rows;
}

/* The integer that a value which does not fit stands on, noted in its list. */
static struct grid_point stand_in_for(struct section_draft *draft, size_t row,
                                      const struct segment_column *column, double value,
                                      const struct grid_point *predicted)
{
    struct decimal decimal = decimal_of(value, column->scale);
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

/* The integer that a value stands on: its own, or another where it has none. */
static struct grid_point classify(struct encoding *encoding, struct section_draft *draft,
                                  enum bar_value which, size_t first, size_t row,
                                  const struct grid_point *predicted)
{
    const struct segment_column *column = &encoding->column[COLUMN_VALUES + which];
    if ((encoding->fits[which][row / 64] >> row % 64 & 1) != 0) {
        return grid_point_of(encoding->integer[which][row], column->grid);
    }
    double value = encoding->bars->value[which][first + row];
    return stand_in_for(draft, row, column, value, predicted);
}

/* Note how point differs from what the reader will expect. Returns the residual. */
static int64_t note_residual(struct section_draft *draft, size_t row,
                             const struct grid_point *point, const struct grid_point *expected)
{
    int64_t residual = point->quotient - expected->quotient;
    if (point->remainder != (residual == 0 ? expected->remainder : 0)) {
        draft->remainder_at[draft->remainder_count] = row;
        draft->remainder[draft->remainder_count++] = (uint64_t)point->remainder;
    }
    return residual;
}

/* Of the whole segment. The first row of a block needs no residual: it gets the one of code 0. */
static void encode_times(struct encoding *encoding)
{
    const int64_t *time_us = encoding->bars->time_us;
    int64_t step = encoding->series->interval->step_us;
    int64_t grid = encoding->column[COLUMN_TIME].grid;
    int64_t *residual = encoding->residual[COLUMN_TIME];
    int64_t least = INT64_MAX;
    for (size_t i = 1; i < encoding->bars->count; i++) {
        int64_t unexpected = time_us[i] - time_us[i - 1] - step;
        residual[i] = unexpected == 0 ? 0 : unexpected / grid;
        bool first = i % SEGMENT_BLOCK_ROWS == 0;
        least = !first && residual[i] < least ? residual[i] : least;
    }
    least = least < 0 || least == INT64_MAX ? 0 : least;
    for (size_t i = 0; i < encoding->bars->count; i += SEGMENT_BLOCK_ROWS) {
        residual[i] = least;
    }
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
    enum bar_value which = format_price_order[order];
    struct grid_point point = classify(encoding, draft, which, first, row, predicted);
    int64_t residual = note_residual(draft, row, &point, predicted);
    encoding->residual[COLUMN_VALUES + which][first + row] =
        which == BAR_low ? -residual : residual;
    return point;
}

/* The first integer among the prices, row by row; 0 where there is none. */
static int64_t first_price(const struct encoding *encoding)
{
    for (size_t i = 0; i < encoding->bars->count; i++) {
        for (size_t order = 0; order < 4; order++) {
            const struct segment_column *column = price_column(encoding, order);
            double value = encoding->bars->value[format_price_order[order]][i];
            struct decimal decimal = decimal_of(value, column->scale);
            if (column->encoding == SEGMENT_DECIMAL && decimal.kind <= DECIMAL_NEAR) {
                return decimal.integer;
            }
        }
    }
    return 0;
}

/* The grid of the prices; 0 where none is decimal. */
static int64_t price_grid(const struct encoding *encoding)
{
    for (size_t order = 0; order < 4; order++) {
        if (price_column(encoding, order)->encoding == SEGMENT_DECIMAL) {
            return price_column(encoding, order)->grid;
        }
    }
    return 0;
}

/* The plain case, row by row without a branch: all prices fit, on a grid of 1. */
static struct grid_point chain_plain_prices(struct encoding *encoding, size_t first, size_t rows,
                                            struct grid_point before)
{
    const int64_t *open = encoding->integer[BAR_open];
    const int64_t *close = encoding->integer[BAR_close];
    const int64_t *high = encoding->integer[BAR_high];
    const int64_t *low = encoding->integer[BAR_low];
    int64_t *const *residual = encoding->residual + COLUMN_VALUES;
    for (size_t i = 0; i < rows; i++) {
        residual[BAR_open][first + i] = open[i] - (i > 0 ? close[i - 1] : before.value);
        residual[BAR_close][first + i] = close[i] - open[i];
        residual[BAR_high][first + i] = high[i] - (open[i] > close[i] ? open[i] : close[i]);
        residual[BAR_low][first + i] = (open[i] > close[i] ? close[i] : open[i]) - low[i];
    }
    return grid_point_of(close[rows - 1], 1);
}

/* Leaves the integers that high and low stand on in place of their own, for vwap. */
static struct grid_point chain_prices(struct encoding *encoding, size_t first, size_t rows,
                                      struct grid_point before)
{
    for (size_t i = 0; i < rows; i++) {
        struct grid_point open = encode_price(encoding, 0, first, i, &before);
        struct grid_point close = encode_price(encoding, 1, first, i, &open);
        bool rising = close.value >= open.value;
        struct grid_point high = encode_price(encoding, 2, first, i, rising ? &close : &open);
        struct grid_point low = encode_price(encoding, 3, first, i, rising ? &open : &close);
        encoding->integer[BAR_high][i] = high.value;
        encoding->integer[BAR_low][i] = low.value;
        before = close;
    }
    return before;
}

static void encode_prices(struct encoding *encoding, size_t block, size_t first, size_t rows)
{
    int64_t grid = price_grid(encoding);
    bool plain = grid == 1;
    if (grid == 0) {
        return;
    }
    if (block == 0) {
        encoding->last_close = grid_point_of(first_price(encoding), grid);
    }
    encoding->base_price[block] = encoding->last_close.value;
    for (size_t order = 0; order < 4; order++) {
        bool decimal = price_column(encoding, order)->encoding == SEGMENT_DECIMAL;
        section_begin(&encoding->draft[order], rows);
        plain &= decimal && find_integers(encoding, format_price_order[order], first, rows);
    }
    encoding->last_close = plain ? chain_plain_prices(encoding, first, rows, encoding->last_close)
                                 : chain_prices(encoding, first, rows, encoding->last_close);
    for (size_t order = 0; order < 4; order++) {
        const struct segment_column *column = price_column(encoding, order);
        if (column->encoding == SEGMENT_DECIMAL) {
            finish_lists(encoding, block, COLUMN_VALUES + format_price_order[order],
                         &encoding->draft[order], remainder_bits(column));
        }
    }
}

/* Volume and average price. The latter is measured from the middle of high and low. */
static void encode_value(struct encoding *encoding, size_t block, size_t first, size_t rows,
                         enum bar_value which)
{
    const size_t index = COLUMN_VALUES + which;
    const struct segment_column *column = &encoding->column[index];
    if (column->encoding != SEGMENT_DECIMAL) {
        return;
    }
    struct section_draft *draft = &encoding->draft[0];
    section_begin(draft, rows);
    (void)find_integers(encoding, which, first, rows);
    bool middle = which == BAR_vwap && format_has_middle(encoding->column);
    uint8_t high_scale = encoding->column[COLUMN_VALUES + BAR_high].scale;
    int64_t multiple = middle ? (int64_t)format_power[column->scale - high_scale] : 1;
    struct grid_point stand_in = {0};
    for (size_t i = 0; i < rows; i++) {
        struct grid_point expected = {0};
        if (middle) {
            int64_t value = format_middle(encoding->integer[BAR_high][i],
                                          encoding->integer[BAR_low][i], multiple);
            stand_in = expected = grid_point_of(value, 1);
        }
        struct grid_point point = classify(encoding, draft, which, first, i, &stand_in);
        encoding->residual[index][first + i] = note_residual(draft, i, &point, &expected);
        stand_in = grid_point_of(point.value - point.remainder, column->grid);
    }
    finish_lists(encoding, block, index, draft, remainder_bits(column));
}

static void encode_counts(struct encoding *encoding, size_t block, size_t first, size_t rows)
{
    struct section_draft *draft = &encoding->draft[0];
    const int64_t *counts = encoding->bars->trade_count + first;
    int64_t before = 0;
    if (encoding->column[COLUMN_TRADE_COUNT].encoding != SEGMENT_DECIMAL) {
        return;
    }
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
        encoding->residual[COLUMN_TRADE_COUNT][first + i] = before;
    }
    finish_lists(encoding, block, COLUMN_TRADE_COUNT, draft, 0);
}

/* --- the first pass ----------------------------------------------------------------------------*/

static iso_status make_integers(struct encoding *encoding, struct iso_error *err)
{
    encode_times(encoding);
    for (size_t block = 0; block < encoding->block_count; block++) {
        size_t first = block * SEGMENT_BLOCK_ROWS;
        size_t rows = format_block_rows(encoding->bars->count, block);
        ISO_TRY(reserve(&encoding->lists, BLOCK_LISTS_BYTES_MAX, err));
        section_begin(&encoding->draft[0], rows);
        finish_lists(encoding, block, COLUMN_TIME, &encoding->draft[0], 0);
        encode_counts(encoding, block, first, rows);
        encode_value(encoding, block, first, rows, BAR_volume);
        encode_prices(encoding, block, first, rows);
        encode_value(encoding, block, first, rows, BAR_vwap);
    }
    return ISO_OK;
}

/* The 16 highest half octaves of activity have classes of their own, a rare few rows at the top
 * left aside. */
static void choose_classes(struct encoding *encoding)
{
    size_t rows = encoding->bars->count;
    size_t source = format_class_source(encoding->column);
    size_t histogram[FORMAT_HALVES_MAX + 1] = {0};
    if (source == COLUMN_TIME) {
        return; /* all are 0 */
    }
    const int64_t *activity = encoding->residual[source];
    for (size_t i = 0; i < rows; i++) {
        histogram[format_halves(activity[i])]++;
    }
    unsigned top = FORMAT_HALVES_MAX;
    size_t above = histogram[top];
    while (top > 0 && above <= rows / FORMAT_RARE_ROWS) {
        above += histogram[--top];
    }
    encoding->class_offset = top < LEVELS_CLASSES_MAX ? 0 : top - (LEVELS_CLASSES_MAX - 1);
    for (size_t i = 0; i < rows; i++) {
        encoding->class[i] =
            format_class(activity[i], encoding->class_offset, format_class_shift(rows));
    }
}

static void choose_levels(struct encoding *encoding)
{
    size_t rows = encoding->bars->count;
    for (size_t i = 0; i < COLUMNS; i++) {
        if (encoding->residual[i] != NULL) {
            bool one_class = format_class_count(encoding->column, i, rows) == 1;
            levels_choose(encoding->residual[i], one_class ? NULL : encoding->class, rows,
                          &encoding->levels[i]);
        }
    }
}

/* --- the second pass ---------------------------------------------------------------------------*/

/* Everything before the block directory, but for what is known only at the end. */
static void write_header(struct encoding *encoding)
{
    uint8_t *header = encoding->output.bytes.data;
    const struct bars *bars = encoding->bars;
    memcpy(header, FORMAT_MAGIC, FORMAT_MAGIC_BYTES);
    header[FORMAT_VERSION_AT] = SEGMENT_VERSION;
    store_u32(header + FORMAT_ROWS_AT, (uint32_t)bars->count);
    header[FORMAT_INTERVAL_AT] = encoding->series->interval->code;
    header[FORMAT_SYMBOL_LENGTH_AT] = (uint8_t)strlen(encoding->series->symbol);
    header[FORMAT_CLASS_OFFSET_AT] = (uint8_t)encoding->class_offset;
    header[FORMAT_FLAGS_AT] = 0;
    store_u64(header + FORMAT_PERIOD_FROM_AT, (uint64_t)encoding->period.from_us);
    store_u64(header + FORMAT_PERIOD_TO_AT, (uint64_t)encoding->period.to_us);
    store_u64(header + FORMAT_LAST_AT, (uint64_t)bars->time_us[bars->count - 1]);
    for (size_t i = 0; i < COLUMNS; i++) {
        const struct segment_column *column = &encoding->column[i];
        header[FORMAT_COLUMNS_AT + i] =
            (uint8_t)(column->encoding | column->scale << FORMAT_ENCODING_BITS);
    }
    memcpy(header + FORMAT_SYMBOL_AT, encoding->series->symbol, header[FORMAT_SYMBOL_LENGTH_AT]);
    size_t at = FORMAT_SYMBOL_AT + header[FORMAT_SYMBOL_LENGTH_AT];
    int64_t grids[] = {encoding->column[COLUMN_TIME].grid, price_grid(encoding),
                       encoding->column[COLUMN_VALUES + BAR_volume].grid};
    for (size_t i = 0; i < sizeof grids / sizeof grids[0]; i++) {
        at += integer_write(header + at, grids[i]);
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        size_t index = format_column_order[i];
        if (encoding->residual[index] != NULL) {
            at +=
                levels_write(&encoding->levels[index],
                             format_class_count(encoding->column, index, bars->count), header + at);
        }
    }
    encoding->output.bytes.length = at;
}

static size_t write_section(struct encoding *encoding, size_t block, size_t index,
                            const uint8_t **lists, uint8_t *target)
{
    static const uint8_t class_zero[SEGMENT_BLOCK_ROWS];
    size_t first = block * SEGMENT_BLOCK_ROWS;
    size_t rows = format_block_rows(encoding->bars->count, block);
    if (encoding->column[index].encoding == SEGMENT_RAW) {
        return section_write_raw(encoding->bars->value[index - COLUMN_VALUES] + first, rows,
                                 target);
    }
    if (encoding->column[index].encoding == SEGMENT_ABSENT) {
        return 0;
    }
    size_t lists_bytes = encoding->lists_bytes[block * COLUMNS + index];
    memcpy(target, *lists, lists_bytes);
    *lists += lists_bytes;
    bool one_class = format_class_count(encoding->column, index, encoding->bars->count) == 1;
    return lists_bytes + section_write_codes(&encoding->levels[index],
                                             one_class ? class_zero : encoding->class + first,
                                             encoding->residual[index] + first, rows,
                                             target + lists_bytes);
}

static iso_status write_blocks(struct encoding *encoding, struct iso_error *err)
{
    struct bytes *output = &encoding->output.bytes;
    size_t directory_offset = output->length;
    const uint8_t *lists = encoding->lists.bytes.data;
    ISO_TRY(reserve(&encoding->output, encoding->block_count * FORMAT_ENTRY_BYTES, err));
    output->length += encoding->block_count * FORMAT_ENTRY_BYTES;
    for (size_t block = 0; block < encoding->block_count; block++) {
        ISO_TRY(reserve(&encoding->output, BLOCK_CODES_BYTES_MAX + BLOCK_LISTS_BYTES_MAX, err));
        if (price_grid(encoding) > 0) {
            output->length +=
                integer_write(output->data + output->length, encoding->base_price[block]);
        }
        for (size_t i = 0; i < COLUMNS; i++) {
            output->length += write_section(encoding, block, format_column_order[i], &lists,
                                            output->data + output->length);
        }
        uint8_t *entry = output->data + directory_offset + block * FORMAT_ENTRY_BYTES;
        store_u64(entry, (uint64_t)encoding->bars->time_us[block * SEGMENT_BLOCK_ROWS]);
        store_u32(entry + FORMAT_ENTRY_END_AT, (uint32_t)output->length);
    }
    ISO_TRY(reserve(&encoding->output, FORMAT_TAIL_BYTES, err));
    memset(output->data + output->length, 0, FORMAT_TAIL_BYTES);
    output->length += FORMAT_TAIL_BYTES;
    return ISO_OK;
}

static void seal(struct bytes *output)
{
    ISO_ASSERT(output->length <= SEGMENT_BYTES_MAX);
    store_u32(output->data + FORMAT_LENGTH_AT, (uint32_t)output->length);
    struct hash128 hash =
        hash_bytes(output->data + FORMAT_HASHED_AT, output->length - FORMAT_HASHED_AT);
    format_store_hash(output->data + FORMAT_HASH_AT, hash);
}

/* All that has a known size lies in one allocation: many would be given back to the system, and
 * taken again, for every segment. */
static iso_status take_memory(struct encoding *encoding, struct iso_error *err)
{
    size_t rows = encoding->bars->count;
    size_t blocks = encoding->block_count;
    size_t words = blocks;
    for (size_t i = 0; i < COLUMNS; i++) {
        words += encoding->column[i].encoding == SEGMENT_DECIMAL ? rows : 0;
    }
    size_t bytes = words * sizeof(int64_t) + blocks * COLUMNS * sizeof(uint32_t) + rows;
    encoding->memory = malloc(bytes);
    if (encoding->memory == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu bytes", bytes);
    }
    int64_t *next = encoding->memory;
    for (size_t i = 0; i < COLUMNS; i++) {
        if (encoding->column[i].encoding == SEGMENT_DECIMAL) {
            encoding->residual[i] = next;
            next += rows;
        }
    }
    encoding->base_price = next;
    encoding->lists_bytes = (uint32_t *)(void *)(next + blocks);
    encoding->class = (uint8_t *)(encoding->lists_bytes + blocks * COLUMNS);
    memset(encoding->class, 0, rows);
    return reserve(&encoding->output, HEADER_BYTES_MAX, err);
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
    encoding->block_count = (bars->count + SEGMENT_BLOCK_ROWS - 1) / SEGMENT_BLOCK_ROWS;
    plan_make(bars, series->interval, encoding->column);
    ISO_TRY(take_memory(encoding, err));
    ISO_TRY(make_integers(encoding, err));
    choose_classes(encoding);
    choose_levels(encoding);
    write_header(encoding);
    ISO_TRY(write_blocks(encoding, err));
    struct bytes *output = &encoding->output.bytes;
    seal(output);
    uint8_t *shrunk = realloc(output->data, output->length);
    *target = *output;
    target->data = shrunk != NULL ? shrunk : target->data;
    *output = (struct bytes){0};
    return ISO_OK;
}
