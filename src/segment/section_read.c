/* SPDX-License-Identifier: Apache-2.0 */
/* The reading half of sections. Nothing here trusts a byte: a hash proves that bytes are as they
 * were written, not that they were written by us. */
#include "segment/section.h"

static iso_status take(struct section_source *source, size_t bytes, const uint8_t **taken,
                       struct iso_error *err)
{
    size_t left = (size_t)(source->end - source->cursor);
    if (bytes > left) {
        ISO_FAIL(CORRUPT, err, "offset %zu: %s needs %zu bytes where its block has %zu left",
                 (size_t)(source->cursor - source->begin), source->column, bytes, left);
    }
    *taken = source->cursor;
    source->cursor += bytes;
    return ISO_OK;
}

static iso_status take_count(struct section_source *source, size_t rows, size_t *count,
                             struct iso_error *err)
{
    const uint8_t *at;
    ISO_TRY(take(source, 2, &at, err));
    *count = load_u16(at);
    if (*count == 0 || *count > rows) {
        ISO_FAIL(CORRUPT, err, "offset %zu: %s lists %zu exceptions among %zu rows",
                 (size_t)(at - source->begin), source->column, *count, rows);
    }
    return ISO_OK;
}

static iso_status take_width(struct section_source *source, unsigned limit, unsigned *width,
                             struct iso_error *err)
{
    const uint8_t *at;
    ISO_TRY(take(source, 1, &at, err));
    *width = *at;
    if (*width > limit) {
        ISO_FAIL(CORRUPT, err, "offset %zu: %s has a width of %u bits; %u are allowed",
                 (size_t)(at - source->begin), source->column, *width, limit);
    }
    return ISO_OK;
}

/* Counts and widths of the lists whose flags are set. */
static iso_status take_counts(struct section_source *source, unsigned flags, size_t rows,
                              struct section_rules rules, struct section_lists *lists,
                              struct iso_error *err)
{
    const struct {
        unsigned flag;
        unsigned width;
        struct section_list *list;
    } kinds[] = {{SECTION_REMAINDERS, rules.remainder_bits, &lists->remainders},
                 {SECTION_NEAR, 8, &lists->near},
                 {SECTION_RAW, 64, &lists->raw}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if ((flags & kinds[i].flag) != 0) {
            ISO_TRY(take_count(source, rows, &kinds[i].list->count, err));
            kinds[i].list->width = kinds[i].width;
        }
    }
    return ISO_OK;
}

/* Positions rise and lie within the block. */
static bool positions_valid(const struct section_list *list, size_t rows)
{
    uint64_t position[SEGMENT_BLOCK_ROWS / FORMAT_POSITION_BITS + 1];
    uint64_t next = 0;
    bool rising = true;
    bits_unpack(list->positions, list->count, FORMAT_POSITION_BITS, position);
    for (size_t i = 0; i < list->count; i++) {
        rising = rising && position[i] >= next;
        next = position[i] + 1;
    }
    return rising && next <= rows;
}

/* As many bits are set as the list has rows, none behind the last row. */
static bool map_valid(const struct section_list *list, size_t rows)
{
    size_t set = 0;
    for (size_t i = 0; i < bits_bytes(rows, 1); i++) {
        set += (size_t)__builtin_popcount(list->positions[i]);
    }
    unsigned spare = rows % 8 == 0 ? 0 : (unsigned)list->positions[rows / 8] >> rows % 8;
    return set == list->count && spare == 0;
}

static iso_status take_list(struct section_source *source, size_t rows, struct section_list *list,
                            struct iso_error *err)
{
    if (list->count == 0) {
        return ISO_OK;
    }
    size_t position_bits = section_list_bits(list->count, rows);
    ISO_TRY(take(source, bits_bytes(position_bits, 1), &list->positions, err));
    ISO_TRY(take(source, bits_bytes(list->count, list->width), &list->fields, err));
    if (section_list_is_map(list->count, rows) ? !map_valid(list, rows)
                                               : !positions_valid(list, rows)) {
        ISO_FAIL(CORRUPT, err, "offset %zu: %s lists %zu rows that are not among its %zu",
                 (size_t)(list->positions - source->begin), source->column, list->count, rows);
    }
    return ISO_OK;
}

void section_list_mask(const struct section_list *list, size_t rows,
                       uint64_t mask[SECTION_MASK_WORDS])
{
    memset(mask, 0, SECTION_MASK_WORDS * sizeof mask[0]);
    if (list->count == 0) {
        return;
    }
    if (section_list_is_map(list->count, rows)) {
        size_t bytes = bits_bytes(rows, 1);
        for (size_t i = 0; i < bytes; i++) {
            mask[i / 8] |= (uint64_t)list->positions[i] << i % 8 * 8;
        }
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        uint64_t row = bits_get(list->positions, i, FORMAT_POSITION_BITS);
        mask[row / 64] |= UINT64_C(1) << row % 64;
    }
}

void section_list_rows(const struct section_list *list, size_t rows,
                       uint16_t at[SEGMENT_BLOCK_ROWS])
{
    uint64_t mask[SECTION_MASK_WORDS];
    size_t found = 0;
    if (list->count == 0) {
        return;
    }
    section_list_mask(list, rows, mask);
    for (size_t w = 0; w < SECTION_MASK_WORDS; w++) {
        for (uint64_t left = mask[w]; left != 0; left &= left - 1) {
            at[found++] = (uint16_t)(64 * w + (unsigned)__builtin_ctzll(left));
        }
    }
}

iso_status section_read_lists(struct section_source *source, size_t rows,
                              struct section_rules rules, struct section_lists *lists,
                              struct iso_error *err)
{
    const uint8_t *at;
    *lists = (struct section_lists){0};
    ISO_TRY(take(source, 1, &at, err));
    unsigned allowed = (rules.remainder_bits > 0 ? (unsigned)SECTION_REMAINDERS : 0) |
                       (rules.exceptions ? (unsigned)(SECTION_NEAR | SECTION_RAW) : 0);
    if ((*at & ~allowed) != 0) {
        ISO_FAIL(CORRUPT, err, "offset %zu: %s may not have the lists that flags %u announce",
                 (size_t)(at - source->begin), source->column, *at);
    }
    ISO_TRY(take_counts(source, *at, rows, rules, lists, err));
    ISO_TRY(take_list(source, rows, &lists->remainders, err));
    ISO_TRY(take_list(source, rows, &lists->near, err));
    return take_list(source, rows, &lists->raw, err);
}

iso_status section_read_raw(struct section_source *source, size_t rows, double *values,
                            struct iso_error *err)
{
    const uint8_t *at;
    const uint8_t *fields;
    uint64_t field[SEGMENT_BLOCK_ROWS];
    unsigned width;
    ISO_TRY(take_width(source, 64, &width, err));
    ISO_TRY(take(source, 8, &at, err));
    ISO_TRY(take(source, bits_bytes(rows, width), &fields, err));
    bits_unpack(fields, rows, width, field);
    uint64_t bits = load_u64(at);
    for (size_t i = 0; i < rows; i++) {
        bits += unzigzag(field[i]);
        values[i] = format_double(bits);
    }
    return ISO_OK;
}
