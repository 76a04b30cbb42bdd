/* SPDX-License-Identifier: Apache-2.0 */
/* One block: its entry in the directory, its sections, its bars. */
#ifndef SEGMENT_BLOCK_H
#define SEGMENT_BLOCK_H

#include "segment/section.h"

/* A block whose sections were checked: all lie within the segment. */
struct block {
    size_t rows;
    int64_t first_us;
    int64_t last_us;
    bool has_price_base;
    int64_t price_base;
    struct section section[SEGMENT_COLUMN_COUNT]; /* of absent columns: all zero */
    size_t column_bytes[SEGMENT_COLUMN_COUNT];
};

int64_t block_first_us(const struct segment *segment, size_t index);
int64_t block_last_us(const struct segment *segment, size_t index);

/* Check the sections of the block at index. Fails with CORRUPT. */
iso_status block_read(const struct segment *segment, size_t index, struct block *block,
                      struct iso_error *err);

/* Decode into the columns of target, which have room for block->rows. Fails with CORRUPT; what the
 * columns hold then is undefined. */
iso_status block_decode(const struct segment *segment, const struct block *block,
                        const struct bars *target, struct iso_error *err);

#endif
