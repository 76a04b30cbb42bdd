/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks into bars. Nothing here trusts a byte. All arithmetic on what the bytes say is modulo
 * 2^64; the range is checked once, when the integers are final.
 */
#include "segment/block.h"

#include "segment/section.h"

struct integers {
    int64_t at[SEGMENT_BLOCK_ROWS];
};

/* A block that is being decoded. */
struct decoding {
    const struct segment *segment;
    const struct kernel *kernel;
    struct section_source source;
    size_t rows;
    struct block_account *account;
    struct classes classes;
    size_t section_at[SEGMENT_COLUMN_COUNT]; /* where the sections of decimal columns begin */
    /* In the order of format_price_order. */
    struct integers price[4];
    struct section_lists price_lists[4];
};

static const uint8_t *entry_of(const struct segment *segment, size_t index)
{
    return segment->bytes + segment->directory_offset + index * FORMAT_ENTRY_BYTES;
}

int64_t block_first_us(const struct segment *segment, size_t index)
{
    return (int64_t)load_u64(entry_of(segment, index));
}

int64_t block_limit_us(const struct segment *segment, size_t index)
{
    bool final = index + 1 == segment->block_count;
    return final ? segment->last_us : block_first_us(segment, index + 1) - 1;
}

size_t block_begin(const struct segment *segment, size_t index)
{
    return index == 0 ? segment->blocks_offset
                      : load_u32(entry_of(segment, index - 1) + FORMAT_ENTRY_END_AT);
}

static size_t offset_of(const struct decoding *decoding)
{
    return (size_t)(decoding->source.cursor - decoding->source.begin);
}

/* --- sections ----------------------------------------------------------------------------------*/

static const struct segment_column *begin_column(struct decoding *decoding, size_t index)
{
    decoding->source.column = format_column_name[index];
    return &decoding->segment->column[index];
}

static void account_for(struct decoding *decoding, size_t index, size_t begin,
                        const struct section_lists *lists)
{
    if (decoding->account != NULL) {
        decoding->account->bytes[index] += offset_of(decoding) - begin;
        decoding->account->exceptions[index] +=
            lists->remainders.count + lists->near.count + lists->raw.count;
    }
}

/* The residuals of a decimal column, and its lists. */
static iso_status read_section(struct decoding *decoding, size_t index, struct section_lists *lists,
                               int64_t *residual, struct iso_error *err)
{
    const struct segment *segment = decoding->segment;
    const struct segment_column *column = begin_column(decoding, index);
    size_t begin = offset_of(decoding);
    bool is_time = index == COLUMN_TIME;
    decoding->section_at[index] = begin;
    struct section_rules rules = {
        .remainder_bits = is_time ? 0 : bit_length((uint64_t)column->grid - 1),
        .exceptions = !is_time,
    };
    ISO_TRY(section_read_lists(&decoding->source, decoding->rows, rules, lists, err));
    bool one_class = format_class_count(segment->column, index, segment->rows) == 1;
    struct kernel_source source = {decoding->source.cursor, decoding->source.end,
                                   segment->bytes + segment->length};
    if (!decoding->kernel->unpack(&segment->levels[index], one_class ? NULL : &decoding->classes,
                                  decoding->rows, &source, residual)) {
        ISO_FAIL(CORRUPT, err, "offset %zu: the codes of %s reach beyond their block",
                 offset_of(decoding), decoding->source.column);
    }
    decoding->source.cursor = source.cursor;
    account_for(decoding, index, begin, lists);
    if (decoding->account != NULL && decoding->account->residual[index] != NULL) {
        memcpy(decoding->account->residual[index], residual, decoding->rows * sizeof residual[0]);
        decoding->account->residual[index] += decoding->rows;
    }
    return ISO_OK;
}

/* A column that is not of integers: absent or raw. */
static iso_status read_plain(struct decoding *decoding, size_t index, double *values,
                             struct iso_error *err)
{
    static const struct section_lists none;
    size_t begin = offset_of(decoding);
    if (begin_column(decoding, index)->encoding == SEGMENT_RAW) {
        ISO_TRY(section_read_raw(&decoding->source, decoding->rows, values, err));
        account_for(decoding, index, begin, &none);
        return ISO_OK;
    }
    for (size_t i = 0; i < decoding->rows; i++) {
        values[i] = BAR_ABSENT;
    }
    return ISO_OK;
}

/* Fails where a list has a remainder that its column's grid does not. */
static iso_status check_remainders(const struct decoding *decoding, size_t index,
                                   const struct section_list *list, struct iso_error *err)
{
    int64_t grid = decoding->segment->column[index].grid;
    for (size_t i = 0; i < list->count; i++) {
        uint64_t remainder = section_list_field(list, i);
        if (remainder >= (uint64_t)grid) {
            ISO_FAIL(CORRUPT, err, "offset %zu: %s has a remainder of %llu on a grid of %lld",
                     (size_t)(list->fields - decoding->source.begin) + i * list->width / 8,
                     format_column_name[index], (unsigned long long)remainder, (long long)grid);
        }
    }
    return ISO_OK;
}

static iso_status range_fails(const struct decoding *decoding, size_t index, struct iso_error *err)
{
    ISO_FAIL(CORRUPT, err, "offset %zu: %s has an integer out of range",
             decoding->section_at[index], format_column_name[index]);
}

/* What the lists say of rows whose values are not their integers. */
static void apply_exceptions(const struct section_lists *lists, size_t rows, double *values)
{
    uint16_t at[SEGMENT_BLOCK_ROWS];
    section_list_rows(&lists->near, rows, at);
    for (size_t i = 0; i < lists->near.count; i++) {
        int8_t ulps = (int8_t)section_list_field(&lists->near, i);
        uint64_t bits = format_double_bits(values[at[i]]) + (uint64_t)(int64_t)ulps;
        values[at[i]] = ulps == FORMAT_NEAR_ABSENT ? BAR_ABSENT : format_double(bits);
    }
    section_list_rows(&lists->raw, rows, at);
    for (size_t i = 0; i < lists->raw.count; i++) {
        values[at[i]] = format_double(section_list_field(&lists->raw, i));
    }
}

/* Final integers of the column at index into doubles. */
static iso_status finish_values(const struct decoding *decoding, size_t index,
                                const struct section_lists *lists, const int64_t *integer,
                                double *values, struct iso_error *err)
{
    unsigned scale = decoding->segment->column[index].scale;
    if (!decoding->kernel->divide(integer, decoding->rows, scale, values)) {
        return range_fails(decoding, index, err);
    }
    apply_exceptions(lists, decoding->rows, values);
    return ISO_OK;
}

/* --- columns -----------------------------------------------------------------------------------*/

static iso_status decode_times(struct decoding *decoding, size_t index, int64_t *time_us,
                               struct iso_error *err)
{
    const struct segment *segment = decoding->segment;
    struct section_lists none;
    size_t offset = offset_of(decoding);
    int64_t limit_us = block_limit_us(segment, index);
    ISO_TRY(read_section(decoding, COLUMN_TIME, &none, time_us, err));
    if (!decoding->kernel->times(time_us, decoding->rows, block_first_us(segment, index),
                                 segment->series.interval->step_us,
                                 segment->column[COLUMN_TIME].grid, limit_us)) {
        ISO_FAIL(CORRUPT, err, "offset %zu: the times of block %zu are out of order", offset,
                 index);
    }
    if (index + 1 == segment->block_count && time_us[decoding->rows - 1] != limit_us) {
        ISO_FAIL(CORRUPT, err, "offset %zu: the last bar is not at the last time", offset);
    }
    return ISO_OK;
}

static iso_status count_exceptions(const struct decoding *decoding,
                                   const struct section_lists *lists, int64_t *counts,
                                   struct iso_error *err)
{
    uint16_t at[SEGMENT_BLOCK_ROWS];
    section_list_rows(&lists->near, decoding->rows, at);
    for (size_t i = 0; i < lists->near.count; i++) {
        if ((int8_t)section_list_field(&lists->near, i) != FORMAT_NEAR_ABSENT) {
            ISO_FAIL(CORRUPT, err, "offset %zu: a trade count cannot be near another",
                     (size_t)(lists->near.fields - decoding->source.begin) + i);
        }
        counts[at[i]] = BAR_COUNT_ABSENT;
    }
    section_list_rows(&lists->raw, decoding->rows, at);
    for (size_t i = 0; i < lists->raw.count; i++) {
        counts[at[i]] = (int64_t)section_list_field(&lists->raw, i);
    }
    return ISO_OK;
}

/* Class the rows by the integers of the column at index, where it is the source. False where an
 * integer is out of range, which those of other columns may be. */
static bool classify(struct decoding *decoding, size_t index, const int64_t *integer)
{
    const struct segment *segment = decoding->segment;
    return format_class_source(segment->column) != index ||
           decoding->kernel->classify(integer, decoding->rows, segment->class_offset,
                                      format_class_shift(segment->rows), &decoding->classes);
}

static iso_status decode_counts(struct decoding *decoding, int64_t *counts, struct iso_error *err)
{
    struct section_lists lists;
    if (decoding->segment->column[COLUMN_TRADE_COUNT].encoding == SEGMENT_ABSENT) {
        for (size_t i = 0; i < decoding->rows; i++) {
            counts[i] = BAR_COUNT_ABSENT;
        }
        return ISO_OK;
    }
    ISO_TRY(read_section(decoding, COLUMN_TRADE_COUNT, &lists, counts, err));
    if (!classify(decoding, COLUMN_TRADE_COUNT, counts)) {
        return range_fails(decoding, COLUMN_TRADE_COUNT, err);
    }
    return count_exceptions(decoding, &lists, counts, err);
}

static int64_t wrapping_sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static iso_status decode_volume(struct decoding *decoding, double *values, struct iso_error *err)
{
    const size_t index = COLUMN_VALUES + BAR_volume;
    const struct segment_column *column = &decoding->segment->column[index];
    if (column->encoding != SEGMENT_DECIMAL) {
        return read_plain(decoding, index, values, err);
    }
    struct section_lists lists;
    struct integers integers;
    ISO_TRY(read_section(decoding, index, &lists, integers.at, err));
    if (!classify(decoding, index, integers.at)) {
        return range_fails(decoding, index, err);
    }
    if (column->grid != 1 &&
        !decoding->kernel->multiply(integers.at, decoding->rows, column->grid)) {
        return range_fails(decoding, index, err);
    }
    if (lists.remainders.count > 0) {
        uint64_t mask[SECTION_MASK_WORDS];
        section_list_mask(&lists.remainders, decoding->rows, mask);
        uint64_t greatest = decoding->kernel->add_listed(
            integers.at, decoding->rows, mask, lists.remainders.fields, lists.remainders.width,
            decoding->segment->bytes + decoding->segment->length);
        if (greatest >= (uint64_t)column->grid) {
            return check_remainders(decoding, index, &lists.remainders, err);
        }
    }
    return finish_values(decoding, index, &lists, integers.at, values, err);
}

/* --- prices ------------------------------------------------------------------------------------*/

/* A list of remainders whose rows are met in order. */
struct remainder_cursor {
    const uint8_t *fields;
    size_t bit; /* of the next field */
    unsigned width;
    uint64_t mask[SECTION_MASK_WORDS];
};

/* Prices that lie on the grid, and the remainders of some, which come on top. */
struct remainders {
    struct integers *price;
    struct remainder_cursor cursor[4];
    uint64_t greatest; /* of all that were met */
};

/* The remainder of a row: the listed one, else that of its prediction while nothing moves. Without
 * a branch, as neither can be foreseen: a field is read (behind the last one, bits that are not
 * used) whether or not the row is listed. */
static inline int64_t take_remainder(struct remainders *remainders, size_t order, size_t row,
                                     bool moved, int64_t predicted)
{
    struct remainder_cursor *cursor = &remainders->cursor[order];
    uint64_t listed = 0 - (cursor->mask[row / 64] >> row % 64 & 1);
    uint64_t kept = (uint64_t)predicted & ~(0 - (uint64_t)moved);
    uint64_t field = bits_field(cursor->fields, cursor->bit, cursor->width) & listed;
    cursor->bit += cursor->width & listed;
    remainders->greatest = field > remainders->greatest ? field : remainders->greatest;
    return (int64_t)(field | (kept & ~listed));
}

/* Add the remainders of one row, whose close before was on the grid at before. Returns that of
 * close. */
static inline int64_t add_remainders(struct remainders *remainders, size_t row, int64_t before,
                                     int64_t remainder_before)
{
    struct integers *price = remainders->price;
    int64_t open = price[0].at[row];
    int64_t close = price[1].at[row];
    int64_t of_open = take_remainder(remainders, 0, row, open != before, remainder_before);
    int64_t of_close = take_remainder(remainders, 1, row, close != open, of_open);
    bool rising = close > open || (close == open && of_close >= of_open);
    int64_t top = rising ? close : open;
    int64_t bottom = rising ? open : close;
    int64_t of_high =
        take_remainder(remainders, 2, row, price[2].at[row] != top, rising ? of_close : of_open);
    int64_t of_low =
        take_remainder(remainders, 3, row, price[3].at[row] != bottom, rising ? of_open : of_close);
    price[0].at[row] = wrapping_sum(open, of_open);
    price[1].at[row] = wrapping_sum(close, of_close);
    price[2].at[row] = wrapping_sum(price[2].at[row], of_high);
    price[3].at[row] = wrapping_sum(price[3].at[row], of_low);
    return of_close;
}

/* The first row from row on that has a bit in mask; rows where there is none. */
static inline size_t next_row(const uint64_t mask[SECTION_MASK_WORDS], size_t row, size_t rows)
{
    while (row < rows) {
        uint64_t left = mask[row / 64] >> row % 64;
        if (left != 0) {
            return row + (size_t)__builtin_ctzll(left);
        }
        row = (row | 63) + 1;
    }
    return rows;
}

/* A row has remainders only where one is listed, or follows a row that has. */
static iso_status add_all_remainders(struct decoding *decoding, struct grid_point before,
                                     int64_t grid, struct iso_error *err)
{
    struct remainders remainders = {.price = decoding->price};
    uint64_t listed[SECTION_MASK_WORDS] = {0};
    for (size_t order = 0; order < 4; order++) {
        struct remainder_cursor *cursor = &remainders.cursor[order];
        const struct section_list *list = &decoding->price_lists[order].remainders;
        cursor->fields = list->count > 0 ? list->fields : decoding->source.begin;
        cursor->width = list->width;
        section_list_mask(list, decoding->rows, cursor->mask);
        for (size_t w = 0; w < SECTION_MASK_WORDS; w++) {
            listed[w] |= cursor->mask[w];
        }
    }
    int64_t close_before = before.value - before.remainder;
    int64_t remainder = before.remainder;
    for (size_t i = 0; i < decoding->rows; i++) {
        if (remainder == 0) {
            i = next_row(listed, i, decoding->rows);
            if (i == decoding->rows) {
                break;
            }
            close_before = i > 0 ? decoding->price[1].at[i - 1] : close_before;
        }
        int64_t close = decoding->price[1].at[i];
        remainder = add_remainders(&remainders, i, close_before, remainder);
        close_before = close;
    }
    for (size_t order = 0; order < 4 && remainders.greatest >= (uint64_t)grid; order++) {
        ISO_TRY(check_remainders(decoding, COLUMN_VALUES + format_price_order[order],
                                 &decoding->price_lists[order].remainders, err));
    }
    return ISO_OK;
}

static iso_status chain_prices(struct decoding *decoding, int64_t base, int64_t grid,
                               struct iso_error *err)
{
    const struct kernel *kernel = decoding->kernel;
    struct integers *price = decoding->price;
    struct grid_point before = grid_point_of(base, grid);
    bool on_grid = before.remainder == 0;
    for (size_t order = 0; order < 4; order++) {
        on_grid = on_grid && decoding->price_lists[order].remainders.count == 0;
    }
    kernel->chain(price[0].at, price[1].at, decoding->rows, before.quotient);
    kernel->extremes(price[0].at, price[1].at, decoding->rows, price[2].at, price[3].at);
    for (size_t order = 0; order < 4 && grid != 1; order++) {
        if (!kernel->multiply(price[order].at, decoding->rows, grid)) {
            return range_fails(decoding, COLUMN_VALUES + format_price_order[order], err);
        }
    }
    return on_grid ? ISO_OK : add_all_remainders(decoding, before, grid, err);
}

static iso_status read_base_price(struct decoding *decoding, int64_t *base, struct iso_error *err)
{
    const struct section_source *source = &decoding->source;
    size_t offset = offset_of(decoding);
    if (!integer_read(source->begin, (size_t)(source->end - source->begin), &offset, base) ||
        *base <= -FORMAT_INTEGER_LIMIT || *base >= FORMAT_INTEGER_LIMIT) {
        ISO_FAIL(CORRUPT, err, "offset %zu: no base price", offset_of(decoding));
    }
    decoding->source.cursor = source->begin + offset;
    return ISO_OK;
}

/* The integers of all four prices, where any is decimal; those of absent ones are predictions. */
static iso_status decode_price_integers(struct decoding *decoding, int64_t base,
                                        struct iso_error *err)
{
    int64_t grid = 0;
    for (size_t order = 0; order < 4; order++) {
        size_t index = COLUMN_VALUES + format_price_order[order];
        const struct segment_column *column = &decoding->segment->column[index];
        if (column->encoding == SEGMENT_DECIMAL) {
            grid = column->grid;
            ISO_TRY(read_section(decoding, index, &decoding->price_lists[order],
                                 decoding->price[order].at, err));
        } else {
            memset(&decoding->price[order], 0, sizeof decoding->price[order]);
            decoding->price_lists[order] = (struct section_lists){0};
        }
    }
    return chain_prices(decoding, base, grid, err);
}

static iso_status decode_prices(struct decoding *decoding, bool any_decimal, int64_t base,
                                const struct bars *target, struct iso_error *err)
{
    if (any_decimal) {
        ISO_TRY(decode_price_integers(decoding, base, err));
    }
    for (size_t order = 0; order < 4; order++) {
        size_t index = COLUMN_VALUES + format_price_order[order];
        double *values = target->value[format_price_order[order]];
        if (decoding->segment->column[index].encoding == SEGMENT_DECIMAL) {
            ISO_TRY(finish_values(decoding, index, &decoding->price_lists[order],
                                  decoding->price[order].at, values, err));
        } else {
            ISO_TRY(read_plain(decoding, index, values, err));
        }
    }
    return ISO_OK;
}

static iso_status decode_vwap(struct decoding *decoding, double *values, struct iso_error *err)
{
    const size_t index = COLUMN_VALUES + BAR_vwap;
    const struct segment_column *columns = decoding->segment->column;
    if (columns[index].encoding != SEGMENT_DECIMAL) {
        return read_plain(decoding, index, values, err);
    }
    struct section_lists lists;
    struct integers integers;
    ISO_TRY(read_section(decoding, index, &lists, integers.at, err));
    if (format_has_middle(columns)) {
        uint8_t high_scale = columns[COLUMN_VALUES + BAR_high].scale;
        int64_t multiple = (int64_t)format_power[columns[index].scale - high_scale];
        for (size_t i = 0; i < decoding->rows; i++) {
            int64_t middle =
                format_middle(decoding->price[2].at[i], decoding->price[3].at[i], multiple);
            integers.at[i] = wrapping_sum(integers.at[i], middle);
        }
    }
    return finish_values(decoding, index, &lists, integers.at, values, err);
}

static iso_status decode_all(struct decoding *decoding, size_t index, const struct bars *target,
                             struct iso_error *err)
{
    bool any_decimal = false;
    int64_t base = 0;
    for (size_t i = 0; i < 4; i++) {
        size_t price = COLUMN_VALUES + format_price_order[i];
        any_decimal |= decoding->segment->column[price].encoding == SEGMENT_DECIMAL;
    }
    if (any_decimal) {
        ISO_TRY(read_base_price(decoding, &base, err));
    }
    ISO_TRY(decode_times(decoding, index, target->time_us, err));
    ISO_TRY(decode_counts(decoding, target->trade_count, err));
    ISO_TRY(decode_volume(decoding, target->value[BAR_volume], err));
    ISO_TRY(decode_prices(decoding, any_decimal, base, target, err));
    ISO_TRY(decode_vwap(decoding, target->value[BAR_vwap], err));
    if (decoding->source.cursor != decoding->source.end) {
        ISO_FAIL(CORRUPT, err, "offset %zu: block %zu goes on behind its last column",
                 offset_of(decoding), index);
    }
    return ISO_OK;
}

iso_status block_decode(const struct segment *segment, const struct kernel *kernel, size_t index,
                        const struct bars *target, struct block_account *account,
                        struct iso_error *err)
{
    struct decoding decoding;
    decoding.segment = segment;
    decoding.kernel = kernel;
    decoding.rows = format_block_rows(segment->rows, index);
    decoding.account = account;
    decoding.source =
        (struct section_source){.begin = segment->bytes,
                                .cursor = segment->bytes + block_begin(segment, index),
                                .end = segment->bytes + block_begin(segment, index + 1)};
    return iso_context(decode_all(&decoding, index, target, err), err,
                       "block %zu of bars from %lld us", index,
                       (long long)block_first_us(segment, index));
}
