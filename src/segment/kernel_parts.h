/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a kernel share: rows are taken 64 at a time, a bit of a word for each. */
#ifndef SEGMENT_KERNEL_PARTS_H
#define SEGMENT_KERNEL_PARTS_H

#include "segment/kernel.h"

enum { KERNEL_WORDS = SEGMENT_BLOCK_ROWS / 64 };

/* Bit i of word w of [k]: row 64 * w + i has reached level k + 1. */
struct reach {
    uint64_t word[LEVELS_MAX - 1][KERNEL_WORDS];
};

/* The fields of 64 rows. */
struct word_fields {
    const struct levels *levels;
    const uint8_t *class; /* of the 64 rows */
    const uint8_t *run;   /* the fields of the block */
    size_t bit;           /* where in the run theirs begin */
    size_t end_bit;       /* where the block ends */
    const uint8_t *limit; /* bytes up to here may be read */
    uint64_t reach[LEVELS_MAX - 1];
};

#endif
