/* SPDX-License-Identifier: Apache-2.0 */
#include "segment/block.h"

static const char *encoding_name(uint8_t encoding)
{
    static const char *const names[] = {
        [SEGMENT_ABSENT] = "absent", [SEGMENT_DECIMAL] = "decimal", [SEGMENT_RAW] = "raw"};
    return names[encoding];
}

iso_status segment_inspect(const struct segment *segment, struct segment_info *info,
                           struct iso_error *err)
{
    struct segment_info found = {0};
    struct block_account account = {0};
    uint64_t column_bits = 0;
    ISO_TRY(segment_account(segment, &account, err));
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        const struct segment_column *column = &segment->column[i];
        bool scaled = column->encoding == SEGMENT_DECIMAL && i != COLUMN_TIME;
        found.column[i].name = format_column_name[i];
        found.column[i].encoding = encoding_name(column->encoding);
        found.column[i].scale = scaled ? column->scale : -1;
        found.column[i].grid = column->grid;
        found.column[i].bits = 8 * account.bytes[i];
        found.column[i].exceptions = account.exceptions[i];
        found.column[i].class_count = column->encoding == SEGMENT_DECIMAL
                                          ? format_class_count(segment->column, i, segment->rows)
                                          : 0;
        column_bits += found.column[i].bits;
    }
    size_t source = format_class_source(segment->column);
    found.class_source = source == COLUMN_TIME ? NULL : format_column_name[source];
    found.overhead_bits = 8 * (uint64_t)segment->length - column_bits;
    *info = found;
    return ISO_OK;
}

uint64_t segment_class_activity(const struct segment *segment, size_t class)
{
    size_t halves = class << format_class_shift(segment->rows);
    halves += class > 0 ? segment->class_offset : 0;
    if (halves == 0) {
        return 0;
    }
    size_t octave = (halves - 1) / 2;
    size_t half = (halves - 1) % 2;
    return octave == 0 ? 1 + half : (2 + half) << (octave - 1);
}

iso_status segment_inspect_block(const struct segment *segment, size_t index,
                                 struct segment_block_info *info, struct iso_error *err)
{
    struct block_account account = {0};
    ISO_ASSERT(index < segment->block_count);
    ISO_TRY(segment_account_block(segment, index, &account, err));
    size_t begin = block_begin(segment, index);
    *info = (struct segment_block_info){
        .first_us = block_first_us(segment, index),
        .rows = format_block_rows(segment->rows, index),
        .offset = begin,
        .bytes = block_begin(segment, index + 1) - begin,
    };
    uint64_t column_bits = 0;
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        info->bits[i] = 8 * account.bytes[i];
        column_bits += info->bits[i];
    }
    info->overhead_bits = 8 * (uint64_t)info->bytes - column_bits;
    return ISO_OK;
}
