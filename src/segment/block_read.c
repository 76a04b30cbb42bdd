/* SPDX-License-Identifier: Apache-2.0 */
#include "segment/block.h"

static const uint8_t *entry_of(const struct segment *segment, size_t index)
{
    return segment->bytes + segment->directory_offset + index * FORMAT_ENTRY_BYTES;
}

int64_t block_first_us(const struct segment *segment, size_t index)
{
    return (int64_t)load_u64(entry_of(segment, index));
}

int64_t block_last_us(const struct segment *segment, size_t index)
{
    return (int64_t)load_u64(entry_of(segment, index) + FORMAT_ENTRY_LAST_AT);
}

static size_t block_end(const struct segment *segment, size_t index)
{
    return load_u32(entry_of(segment, index) + FORMAT_ENTRY_END_AT);
}

static iso_status read_price_base(struct section_source *source, const struct segment *segment,
                                  struct block *block, struct iso_error *err)
{
    for (size_t i = 0; i < 4; i++) {
        size_t column = COLUMN_VALUES + format_price_order[i];
        block->has_price_base |= segment->column[column].encoding == SEGMENT_DECIMAL;
    }
    if (!block->has_price_base) {
        return ISO_OK;
    }
    if (source->end - source->cursor < 8) {
        ISO_FAIL(CORRUPT, err, "offset %zu: the block ends before its base price",
                 (size_t)(source->cursor - source->begin));
    }
    block->price_base = (int64_t)load_u64(source->cursor);
    if (block->price_base <= -FORMAT_INTEGER_LIMIT || block->price_base >= FORMAT_INTEGER_LIMIT) {
        ISO_FAIL(CORRUPT, err, "offset %zu: the base price is out of range",
                 (size_t)(source->cursor - source->begin));
    }
    source->cursor += 8;
    return ISO_OK;
}

static iso_status read_column(struct section_source *source, const struct segment *segment,
                              size_t index, struct block *block, struct iso_error *err)
{
    const struct segment_column *column = &segment->column[index];
    const uint8_t *begin = source->cursor;
    source->column = format_column_name[index];
    if (column->encoding == SEGMENT_RAW) {
        ISO_TRY(section_raw_read(source, block->rows, &block->section[index], err));
    } else if (column->encoding == SEGMENT_DECIMAL) {
        bool on_grid = index != COLUMN_TIME && column->grid > 1;
        struct section_rules rules = {.remainder_bits =
                                          on_grid ? bit_length((uint64_t)column->grid - 1) : 0,
                                      .exceptions = index != COLUMN_TIME};
        ISO_TRY(section_read(source, block->rows, rules, &block->section[index], err));
    }
    block->column_bytes[index] = (size_t)(source->cursor - begin);
    return ISO_OK;
}

iso_status block_read(const struct segment *segment, size_t index, struct block *block,
                      struct iso_error *err)
{
    static const uint8_t rest[] = {COLUMN_VALUES + BAR_volume, COLUMN_VALUES + BAR_vwap,
                                   COLUMN_TRADE_COUNT};
    size_t begin = index == 0 ? segment->blocks_offset : block_end(segment, index - 1);
    struct section_source source = {.begin = segment->bytes,
                                    .cursor = segment->bytes + begin,
                                    .end = segment->bytes + block_end(segment, index)};
    *block = (struct block){.rows = format_block_rows(segment->rows, index),
                            .first_us = block_first_us(segment, index),
                            .last_us = block_last_us(segment, index)};
    ISO_TRY(read_column(&source, segment, COLUMN_TIME, block, err));
    ISO_TRY(read_price_base(&source, segment, block, err));
    for (size_t i = 0; i < 4; i++) {
        ISO_TRY(read_column(&source, segment, COLUMN_VALUES + format_price_order[i], block, err));
    }
    for (size_t i = 0; i < sizeof rest; i++) {
        ISO_TRY(read_column(&source, segment, rest[i], block, err));
    }
    if (source.cursor != source.end) {
        ISO_FAIL(CORRUPT, err, "offset %zu: block %zu goes on behind its last column",
                 (size_t)(source.cursor - source.begin), index);
    }
    return ISO_OK;
}
