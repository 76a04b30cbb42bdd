/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sections into bars. All arithmetic on what the bytes say is modulo 2^64; the range is checked
 * once, when the integers are final.
 */
#include "segment/block.h"

struct integers {
    int64_t at[SEGMENT_BLOCK_ROWS];
};

/* The four prices, in the order of format_price_order. */
struct price_integers {
    struct integers price[4];
};

static iso_status check_integers(const struct integers *integers, size_t rows, const char *column,
                                 struct iso_error *err)
{
    uint64_t beyond = 0;
    for (size_t i = 0; i < rows; i++) {
        beyond |= ((uint64_t)integers->at[i] + (uint64_t)FORMAT_INTEGER_LIMIT) >> 54;
    }
    if (beyond != 0) {
        ISO_FAIL(CORRUPT, err, "%s has an integer out of range", column);
    }
    return ISO_OK;
}

static void multiply(struct integers *integers, size_t rows, int64_t grid)
{
    for (size_t i = 0; i < rows && grid != 1; i++) {
        integers->at[i] = (int64_t)((uint64_t)integers->at[i] * (uint64_t)grid);
    }
}

static iso_status decode_times(const struct segment *segment, const struct block *block,
                               int64_t *time_us, struct iso_error *err)
{
    const struct section *section = &block->section[COLUMN_TIME];
    uint64_t step = (uint64_t)segment->series.interval->step_us;
    struct integers residual;
    section_residuals(section, residual.at);
    multiply(&residual, block->rows, segment->column[COLUMN_TIME].grid);
    int64_t before = block->first_us;
    time_us[0] = before;
    for (size_t i = 1; i < block->rows; i++) {
        int64_t time = (int64_t)((uint64_t)before + step + (uint64_t)residual.at[i]);
        if (time <= before || time > block->last_us) {
            ISO_FAIL(CORRUPT, err, "offset %zu: the time of row %zu of the block is out of order",
                     (size_t)(section->fields - segment->bytes), i);
        }
        time_us[i] = time;
        before = time;
    }
    if (before != block->last_us) {
        ISO_FAIL(CORRUPT, err, "offset %zu: the block does not end at its last time",
                 (size_t)(section->fields - segment->bytes));
    }
    return ISO_OK;
}

/* Values of a list spread over the rows; -1 where the row is not in it. */
static iso_status spread_remainders(const struct section_list *list, int64_t grid, size_t rows,
                                    struct integers *spread, struct iso_error *err)
{
    uint16_t at[SEGMENT_BLOCK_ROWS];
    memset(spread->at, 255, rows * sizeof spread->at[0]);
    section_list_rows(list, rows, at);
    for (size_t i = 0; i < list->count; i++) {
        uint64_t remainder = section_list_field(list, i);
        if (remainder >= (uint64_t)grid) {
            ISO_FAIL(CORRUPT, err, "remainder %llu on a grid of %lld",
                     (unsigned long long)remainder, (long long)grid);
        }
        spread->at[at[i]] = (int64_t)remainder;
    }
    return ISO_OK;
}

static int64_t wrapping_sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* Residuals into quotients, where no row has a remainder. */
static void chain_quotients(struct price_integers *prices, size_t rows, int64_t before)
{
    struct integers *price = prices->price;
    for (size_t i = 0; i < rows; i++) {
        int64_t open = wrapping_sum(before, price[0].at[i]);
        before = wrapping_sum(open, price[1].at[i]);
        price[0].at[i] = open;
        price[1].at[i] = before;
    }
    for (size_t i = 0; i < rows; i++) {
        int64_t open = price[0].at[i];
        int64_t close = price[1].at[i];
        price[2].at[i] = wrapping_sum(open > close ? open : close, price[2].at[i]);
        price[3].at[i] = wrapping_sum(open < close ? open : close, price[3].at[i]);
    }
}

static struct grid_point move(const struct grid_point *from, int64_t residual, int64_t listed,
                              int64_t grid)
{
    struct grid_point point = {.quotient = wrapping_sum(from->quotient, residual),
                               .remainder = residual == 0 ? from->remainder : 0};
    point.remainder = listed >= 0 ? listed : point.remainder;
    point.value = (int64_t)((uint64_t)point.quotient * (uint64_t)grid + (uint64_t)point.remainder);
    return point;
}

/* Residuals into values, where some rows have remainders. */
static void chain_points(struct price_integers *prices, const struct price_integers *listed,
                         size_t rows, struct grid_point before, int64_t grid)
{
    struct integers *price = prices->price;
    const struct integers *list = listed->price;
    for (size_t i = 0; i < rows; i++) {
        struct grid_point open = move(&before, price[0].at[i], list[0].at[i], grid);
        struct grid_point close = move(&open, price[1].at[i], list[1].at[i], grid);
        bool rising = close.value >= open.value;
        price[0].at[i] = open.value;
        price[1].at[i] = close.value;
        price[2].at[i] = move(rising ? &close : &open, price[2].at[i], list[2].at[i], grid).value;
        price[3].at[i] = move(rising ? &open : &close, price[3].at[i], list[3].at[i], grid).value;
        before = close;
    }
}

static const struct section *price_section(const struct block *block, size_t order)
{
    return &block->section[COLUMN_VALUES + format_price_order[order]];
}

static iso_status decode_price_integers(const struct block *block, int64_t grid,
                                        struct price_integers *prices, struct iso_error *err)
{
    struct grid_point before = grid_point_of(block->price_base, grid);
    bool on_grid = before.remainder == 0;
    for (size_t order = 0; order < 4; order++) {
        const struct section *section = price_section(block, order);
        on_grid = on_grid && section->remainders.count == 0;
        if (section->rows > 0) {
            section_residuals(section, prices->price[order].at);
        } else {
            memset(prices->price[order].at, 0, block->rows * sizeof prices->price[order].at[0]);
        }
    }
    if (on_grid) {
        chain_quotients(prices, block->rows, before.quotient);
        for (size_t order = 0; order < 4; order++) {
            multiply(&prices->price[order], block->rows, grid);
        }
    } else {
        struct price_integers listed;
        for (size_t order = 0; order < 4; order++) {
            ISO_TRY(spread_remainders(&price_section(block, order)->remainders, grid, block->rows,
                                      &listed.price[order], err));
        }
        chain_points(prices, &listed, block->rows, before, grid);
    }
    for (size_t order = 0; order < 4; order++) {
        ISO_TRY(check_integers(&prices->price[order], block->rows,
                               format_column_name[COLUMN_VALUES + format_price_order[order]], err));
    }
    return ISO_OK;
}

/* What the lists say of rows whose values are not their integers. */
static void apply_exceptions(const struct section *section, double *values)
{
    uint16_t at[SEGMENT_BLOCK_ROWS];
    section_list_rows(&section->near, section->rows, at);
    for (size_t i = 0; i < section->near.count; i++) {
        int8_t ulps = (int8_t)section_list_field(&section->near, i);
        uint64_t bits = format_double_bits(values[at[i]]) + (uint64_t)(int64_t)ulps;
        values[at[i]] = ulps == FORMAT_NEAR_ABSENT ? BAR_ABSENT : format_double(bits);
    }
    section_list_rows(&section->raw, section->rows, at);
    for (size_t i = 0; i < section->raw.count; i++) {
        values[at[i]] = format_double(section_list_field(&section->raw, i));
    }
}

static void finish_values(const struct section *section, const struct integers *integers,
                          unsigned scale, double *values)
{
    double power = format_power[scale];
    for (size_t i = 0; i < section->rows; i++) {
        values[i] = (double)integers->at[i] / power;
    }
    apply_exceptions(section, values);
}

static void fill_absent(double *values, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        values[i] = BAR_ABSENT;
    }
}

/* What needs no integers: true where the column is done with that. */
static bool decode_simply(const struct segment *segment, const struct block *block, size_t which,
                          const struct bars *target)
{
    uint8_t encoding = segment->column[COLUMN_VALUES + which].encoding;
    if (encoding == SEGMENT_ABSENT) {
        fill_absent(target->value[which], block->rows);
    } else if (encoding == SEGMENT_RAW) {
        section_raw_values(&block->section[COLUMN_VALUES + which], target->value[which]);
    }
    return encoding != SEGMENT_DECIMAL;
}

static iso_status decode_prices(const struct segment *segment, const struct block *block,
                                struct price_integers *prices, const struct bars *target,
                                struct iso_error *err)
{
    int64_t grid = 0;
    for (size_t order = 0; order < 4; order++) {
        int64_t own = segment->column[COLUMN_VALUES + format_price_order[order]].grid;
        grid = own > 0 ? own : grid;
    }
    if (grid > 0) {
        ISO_TRY(decode_price_integers(block, grid, prices, err));
    }
    for (size_t order = 0; order < 4; order++) {
        size_t which = format_price_order[order];
        if (!decode_simply(segment, block, which, target)) {
            finish_values(price_section(block, order), &prices->price[order],
                          segment->column[COLUMN_VALUES + which].scale, target->value[which]);
        }
    }
    return ISO_OK;
}

static iso_status decode_volume(const struct segment *segment, const struct block *block,
                                const struct bars *target, struct iso_error *err)
{
    if (decode_simply(segment, block, BAR_volume, target)) {
        return ISO_OK;
    }
    const struct segment_column *column = &segment->column[COLUMN_VALUES + BAR_volume];
    const struct section *section = &block->section[COLUMN_VALUES + BAR_volume];
    struct integers integers;
    section_residuals(section, integers.at);
    multiply(&integers, block->rows, column->grid);
    uint16_t at[SEGMENT_BLOCK_ROWS];
    section_list_rows(&section->remainders, block->rows, at);
    for (size_t i = 0; i < section->remainders.count; i++) {
        uint64_t remainder = section_list_field(&section->remainders, i);
        if (remainder >= (uint64_t)column->grid) {
            ISO_FAIL(CORRUPT, err, "remainder %llu on a grid of %lld",
                     (unsigned long long)remainder, (long long)column->grid);
        }
        integers.at[at[i]] = wrapping_sum(integers.at[at[i]], (int64_t)remainder);
    }
    ISO_TRY(check_integers(&integers, block->rows, "volume", err));
    finish_values(section, &integers, column->scale, target->value[BAR_volume]);
    return ISO_OK;
}

static iso_status decode_vwap(const struct segment *segment, const struct block *block,
                              const struct price_integers *prices, const struct bars *target,
                              struct iso_error *err)
{
    if (decode_simply(segment, block, BAR_vwap, target)) {
        return ISO_OK;
    }
    const struct segment_column *column = &segment->column[COLUMN_VALUES + BAR_vwap];
    const struct section *section = &block->section[COLUMN_VALUES + BAR_vwap];
    struct integers integers;
    section_residuals(section, integers.at);
    if (format_has_middle(segment->column)) {
        uint8_t high_scale = segment->column[COLUMN_VALUES + BAR_high].scale;
        int64_t multiple = (int64_t)format_power[column->scale - high_scale];
        for (size_t i = 0; i < block->rows; i++) {
            int64_t middle =
                format_middle(prices->price[2].at[i], prices->price[3].at[i], multiple);
            integers.at[i] = wrapping_sum(integers.at[i], middle);
        }
    }
    ISO_TRY(check_integers(&integers, block->rows, "vwap", err));
    finish_values(section, &integers, column->scale, target->value[BAR_vwap]);
    return ISO_OK;
}

static iso_status decode_counts(const struct segment *segment, const struct block *block,
                                int64_t *counts, struct iso_error *err)
{
    const struct section *section = &block->section[COLUMN_TRADE_COUNT];
    struct integers integers;
    if (segment->column[COLUMN_TRADE_COUNT].encoding == SEGMENT_ABSENT) {
        for (size_t i = 0; i < block->rows; i++) {
            counts[i] = BAR_COUNT_ABSENT;
        }
        return ISO_OK;
    }
    section_residuals(section, integers.at);
    ISO_TRY(check_integers(&integers, block->rows, "trade_count", err));
    memcpy(counts, integers.at, block->rows * sizeof counts[0]);
    uint16_t at[SEGMENT_BLOCK_ROWS];
    section_list_rows(&section->near, block->rows, at);
    for (size_t i = 0; i < section->near.count; i++) {
        if ((int8_t)section_list_field(&section->near, i) != FORMAT_NEAR_ABSENT) {
            ISO_FAIL(CORRUPT, err, "offset %zu: a trade count cannot be near another",
                     (size_t)(section->near.fields - segment->bytes));
        }
        counts[at[i]] = BAR_COUNT_ABSENT;
    }
    section_list_rows(&section->raw, block->rows, at);
    for (size_t i = 0; i < section->raw.count; i++) {
        counts[at[i]] = (int64_t)section_list_field(&section->raw, i);
    }
    return ISO_OK;
}

static iso_status decode_all(const struct segment *segment, const struct block *block,
                             const struct bars *target, struct iso_error *err)
{
    struct price_integers prices;
    ISO_TRY(decode_times(segment, block, target->time_us, err));
    ISO_TRY(decode_prices(segment, block, &prices, target, err));
    ISO_TRY(decode_volume(segment, block, target, err));
    ISO_TRY(decode_vwap(segment, block, &prices, target, err));
    return decode_counts(segment, block, target->trade_count, err);
}

iso_status block_decode(const struct segment *segment, const struct block *block,
                        const struct bars *target, struct iso_error *err)
{
    size_t offset = (size_t)(block->section[COLUMN_TIME].fields - segment->bytes);
    return iso_context(decode_all(segment, block, target, err), err,
                       "offset %zu: block of bars from %lld us", offset,
                       (long long)block->first_us);
}
