/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of bars out of a segment. */
#include "segment/block.h"

/* A block that the range cuts is decoded here first. */
struct scratch {
    int64_t time_us[SEGMENT_BLOCK_ROWS];
    double value[BAR_VALUE_COUNT][SEGMENT_BLOCK_ROWS];
    int64_t trade_count[SEGMENT_BLOCK_ROWS];
};

/* Number of blocks whose bound is before time_us. */
static size_t blocks_before(const struct segment *segment, int64_t time_us,
                            int64_t bound_of(const struct segment *segment, size_t index))
{
    size_t low = 0;
    size_t high = segment->block_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bound_of(segment, middle) < time_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct bars columns_from(const struct bars *bars, size_t row)
{
    struct bars view = {.time_us = bars->time_us + row, .trade_count = bars->trade_count + row};
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        view.value[i] = bars->value[i] + row;
    }
    return view;
}

static struct bars columns_of(struct scratch *scratch, size_t rows)
{
    struct bars columns = {
        .count = rows, .time_us = scratch->time_us, .trade_count = scratch->trade_count};
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        columns.value[i] = scratch->value[i];
    }
    return columns;
}

iso_status segment_account_block(const struct segment *segment, size_t index,
                                 struct block_account *account, struct iso_error *err)
{
    struct scratch scratch;
    struct bars columns = columns_of(&scratch, format_block_rows(segment->rows, index));
    return block_decode(segment, kernel_best(), index, &columns, account, err);
}

iso_status segment_account(const struct segment *segment, struct block_account *account,
                           struct iso_error *err)
{
    for (size_t i = 0; i < segment->block_count; i++) {
        ISO_TRY(segment_account_block(segment, i, account, err));
    }
    return ISO_OK;
}

static iso_status decode_cut(const struct segment *segment, const struct kernel *kernel,
                             size_t index, struct range range, struct bars *target, size_t *count,
                             struct iso_error *err)
{
    struct scratch scratch;
    struct bars cut = columns_of(&scratch, format_block_rows(segment->rows, index));
    ISO_TRY(block_decode(segment, kernel, index, &cut, NULL, err));
    size_t first = bars_find(&cut, range.from_us);
    size_t rows = bars_find(&cut, range.to_us) - first;
    struct bars wanted = columns_from(&cut, first);
    memcpy(target->time_us + *count, wanted.time_us, rows * sizeof wanted.time_us[0]);
    memcpy(target->trade_count + *count, wanted.trade_count, rows * sizeof wanted.trade_count[0]);
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        memcpy(target->value[i] + *count, wanted.value[i], rows * sizeof wanted.value[i][0]);
    }
    *count += rows;
    return ISO_OK;
}

iso_status segment_decode_by(const struct segment *segment, const struct kernel *kernel,
                             struct range range, struct bars *target, size_t *blocks_decoded,
                             struct iso_error *err)
{
    size_t first = blocks_before(segment, range.from_us, block_limit_us);
    size_t end = blocks_before(segment, range.to_us, block_first_us);
    if (range.from_us >= range.to_us || first >= end) {
        return ISO_OK;
    }
    size_t room =
        (end - first - 1) * SEGMENT_BLOCK_ROWS + format_block_rows(segment->rows, end - 1);
    ISO_TRY(bars_reserve(target, target->count + room, err));
    size_t count = target->count;
    for (size_t i = first; i < end; i++) {
        if (range.from_us <= block_first_us(segment, i) &&
            block_limit_us(segment, i) < range.to_us) {
            struct bars rest = columns_from(target, count);
            ISO_TRY(block_decode(segment, kernel, i, &rest, NULL, err));
            count += format_block_rows(segment->rows, i);
        } else {
            ISO_TRY(decode_cut(segment, kernel, i, range, target, &count, err));
        }
    }
    target->count = count;
    if (blocks_decoded != NULL) {
        *blocks_decoded += end - first;
    }
    return ISO_OK;
}

iso_status segment_decode(const struct segment *segment, struct range range, struct bars *target,
                          size_t *blocks_decoded, struct iso_error *err)
{
    return segment_decode_by(segment, kernel_best(), range, target, blocks_decoded, err);
}
