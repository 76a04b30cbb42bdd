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
        column_bits += found.column[i].bits;
    }
    found.overhead_bits = 8 * (uint64_t)segment->length - column_bits;
    *info = found;
    return ISO_OK;
}
