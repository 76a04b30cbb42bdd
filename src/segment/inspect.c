/* SPDX-License-Identifier: Apache-2.0 */
#include "segment/block.h"

static const char *encoding_name(uint8_t encoding)
{
    static const char *const names[] = {
        [SEGMENT_ABSENT] = "absent", [SEGMENT_DECIMAL] = "decimal", [SEGMENT_RAW] = "raw"};
    return names[encoding];
}

static void add_block(const struct block *block, struct segment_info *info)
{
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        const struct section *section = &block->section[i];
        info->column[i].bits += 8 * (uint64_t)block->column_bytes[i];
        info->column[i].exceptions += section->patches.count + section->remainders.count +
                                      section->near.count + section->raw.count;
    }
}

iso_status segment_inspect(const struct segment *segment, struct segment_info *info,
                           struct iso_error *err)
{
    struct segment_info found = {0};
    uint64_t column_bits = 0;
    for (size_t i = 0; i < segment->block_count; i++) {
        struct block block;
        ISO_TRY(block_read(segment, i, &block, err));
        add_block(&block, &found);
    }
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        const struct segment_column *column = &segment->column[i];
        bool scaled = column->encoding == SEGMENT_DECIMAL && i != COLUMN_TIME;
        found.column[i].name = format_column_name[i];
        found.column[i].encoding = encoding_name(column->encoding);
        found.column[i].scale = scaled ? column->scale : -1;
        found.column[i].grid = column->grid;
        column_bits += found.column[i].bits;
    }
    found.overhead_bits = 8 * (uint64_t)segment->length - column_bits;
    *info = found;
    return ISO_OK;
}
