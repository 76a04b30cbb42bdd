/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A section: the integers of one column in one block, as fields of one width above a base, with
 * patches for those that need more, and lists of what the integers do not say.
 */
#ifndef SEGMENT_SECTION_H
#define SEGMENT_SECTION_H

#include "segment/format.h"

/* What an encoder gathers for a section. */
struct section_draft {
    size_t rows;
    int64_t residual[SEGMENT_BLOCK_ROWS];
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

/* Room that section_write takes at most; section_raw_write takes less. */
enum { SECTION_BYTES_MAX = 64 + SEGMENT_BLOCK_ROWS * 8 * 6 };

/* Empty the draft for a block of rows rows. */
void section_begin(struct section_draft *draft, size_t rows);
/* Choose base and width and write the section; remainder_bits is the width of remainders. Returns
 * the bytes written. */
size_t section_write(const struct section_draft *draft, unsigned remainder_bits, uint8_t *target);
/* Write doubles as differences of their bits. Returns the bytes written. */
size_t section_raw_write(const double *values, size_t rows, uint8_t *target);

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

/* A section that was checked: everything in it lies within the segment. */
struct section {
    size_t rows;
    unsigned width;
    int64_t base;
    const uint8_t *fields;
    struct section_list patches;
    struct section_list remainders;
    struct section_list near;
    struct section_list raw;
    const uint8_t *end;
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

/* Check the section at the cursor and move on behind it. Fails with CORRUPT. */
iso_status section_read(struct section_source *source, size_t rows, struct section_rules rules,
                        struct section *section, struct iso_error *err);
/* The residuals of a section, wrapping around modulo 2^64. */
void section_residuals(const struct section *section, int64_t residual[SEGMENT_BLOCK_ROWS]);
/* Same for a column of raw doubles: section_raw_read sets rows, width, base and fields. */
iso_status section_raw_read(struct section_source *source, size_t rows, struct section *section,
                            struct iso_error *err);
void section_raw_values(const struct section *section, double *values);

/* The rows of a list of a section that was checked. */
void section_list_rows(const struct section_list *list, size_t rows,
                       uint16_t at[SEGMENT_BLOCK_ROWS]);

static inline uint64_t section_list_field(const struct section_list *list, size_t index)
{
    return bits_get(list->fields, index, list->width);
}

#endif
