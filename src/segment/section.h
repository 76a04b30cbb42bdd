/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A section: one column in one block. First its lists, of what the integers do not say; then planes
 * and fields, which kernels read.
 */
#ifndef SEGMENT_SECTION_H
#define SEGMENT_SECTION_H

#include "segment/format.h"

/* What an encoder gathers for a section. */
struct section_draft {
    size_t rows;
    size_t remainder_count;
    uint64_t remainder_at[SEGMENT_BLOCK_ROWS];
    uint64_t remainder[SEGMENT_BLOCK_ROWS];
    size_t near_count;
    uint64_t near_at[SEGMENT_BLOCK_ROWS];
    uint64_t near[SEGMENT_BLOCK_ROWS];
    size_t raw_count;
    uint64_t raw_at[SEGMENT_BLOCK_ROWS];
    uint64_t raw[SEGMENT_BLOCK_ROWS];
};

enum {
    SECTION_LISTS_BYTES_MAX = 16 + SEGMENT_BLOCK_ROWS / 8 * (3 + 53 + 8 + 64),
    SECTION_CODES_BYTES_MAX = 16 + SEGMENT_BLOCK_ROWS / 8 * (LEVELS_MAX - 1 + LEVELS_WIDTH_MAX),
    SECTION_RAW_BYTES_MAX = 9 + SEGMENT_BLOCK_ROWS * 8
};

/* Empty the draft for a block of rows rows. */
void section_begin(struct section_draft *draft, size_t rows);
/* Write the lists; remainder_bits is the width of remainders. Returns the bytes written. */
size_t section_write_lists(const struct section_draft *draft, unsigned remainder_bits,
                           uint8_t *target);
/* Write the planes and fields of rows rows in the given classes. Returns the bytes written; eight
 * bytes behind them are scratch. */
size_t section_write_codes(const struct levels *levels, const uint8_t *class,
                           const int64_t *residual, size_t rows, uint8_t *target);
/* Write doubles as differences of their bits. Returns the bytes written. */
size_t section_write_raw(const double *values, size_t rows, uint8_t *target);

/* A list of one section: count rows, where they are and fields of width bits. */
struct section_list {
    size_t count;
    unsigned width;
    const uint8_t *positions;
    const uint8_t *fields;
};

/* Whether so many rows are named by a bit of each row of the block, not by their positions. */
static inline bool section_list_is_map(size_t count, size_t rows)
{
    return count * FORMAT_POSITION_BITS > rows;
}

/* Bits that naming count of rows rows takes. */
static inline size_t section_list_bits(size_t count, size_t rows)
{
    return section_list_is_map(count, rows) ? rows : count * FORMAT_POSITION_BITS;
}

/* The lists of a section, which were checked: everything in them lies within the segment. */
struct section_lists {
    struct section_list remainders;
    struct section_list near;
    struct section_list raw;
};

/* A block that is being read; errors name offsets from begin. */
struct section_source {
    const uint8_t *begin;
    const uint8_t *cursor;
    const uint8_t *end;
    const char *column;
};

/* What a kind of column allows. */
struct section_rules {
    unsigned remainder_bits; /* 0: no remainders */
    bool exceptions;         /* near and raw lists may stand */
};

/* Check the lists at the cursor and move on behind them. Fails with CORRUPT. */
iso_status section_read_lists(struct section_source *source, size_t rows,
                              struct section_rules rules, struct section_lists *lists,
                              struct iso_error *err);
/* Read a column of raw doubles. Fails with CORRUPT. */
iso_status section_read_raw(struct section_source *source, size_t rows, double *values,
                            struct iso_error *err);

enum { SECTION_MASK_WORDS = SEGMENT_BLOCK_ROWS / 64 };

/* A bit for each row of the block: whether the list has it. */
void section_list_mask(const struct section_list *list, size_t rows,
                       uint64_t mask[SECTION_MASK_WORDS]);
/* The rows of a list of a section that was checked. */
void section_list_rows(const struct section_list *list, size_t rows,
                       uint16_t at[SEGMENT_BLOCK_ROWS]);

static inline uint64_t section_list_field(const struct section_list *list, size_t index)
{
    return bits_get(list->fields, index, list->width);
}

#endif
