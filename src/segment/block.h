/* SPDX-License-Identifier: Apache-2.0 */
/* One block: its entry in the directory, its sections, its bars. */
#ifndef SEGMENT_BLOCK_H
#define SEGMENT_BLOCK_H

#include "segment/kernel.h"

/* How the bytes of blocks are spent, by column. */
struct block_account {
    uint64_t bytes[SEGMENT_COLUMN_COUNT];
    size_t exceptions[SEGMENT_COLUMN_COUNT]; /* rows in lists */
    /* Where the residuals of the next block go, which moves on by its rows; NULL: nowhere. */
    int64_t *residual[SEGMENT_COLUMN_COUNT];
};

int64_t block_first_us(const struct segment *segment, size_t index);
/* No bar of the block is later. */
int64_t block_limit_us(const struct segment *segment, size_t index);
/* Bytes of the block begin here; block_begin of the one behind the last is its end. */
size_t block_begin(const struct segment *segment, size_t index);

/*
 * Check and decode the block at index into the columns of target, which have room for its rows.
 * What it finds is added to account, which may be NULL. Fails with CORRUPT; what the columns hold
 * then is undefined.
 */
iso_status block_decode(const struct segment *segment, const struct kernel *kernel, size_t index,
                        const struct bars *target, struct block_account *account,
                        struct iso_error *err);

/* Decode the block at index, and add what it is found to be made of. Fails with CORRUPT. */
iso_status segment_account_block(const struct segment *segment, size_t index,
                                 struct block_account *account, struct iso_error *err);
/* Same, of all blocks. */
iso_status segment_account(const struct segment *segment, struct block_account *account,
                           struct iso_error *err);

/* segment_decode by a kernel of the caller's choice. */
iso_status segment_decode_by(const struct segment *segment, const struct kernel *kernel,
                             struct range range, struct bars *target, size_t *blocks_decoded,
                             struct iso_error *err);

#endif
