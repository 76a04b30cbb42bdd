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

static iso_status take_base(struct section_source *source, unsigned length, int64_t *base,
                            struct iso_error *err)
{
    const uint8_t *at = source->cursor;
    if (length > 8) {
        ISO_FAIL(CORRUPT, err, "offset %zu: %s has a base of %u bytes",
                 (size_t)(at - source->begin), source->column, length);
    }
    ISO_TRY(take(source, length, &at, err));
    uint64_t code = 0;
    for (unsigned i = 0; i < length; i++) {
        code |= (uint64_t)at[i] << (8 * i);
    }
    *base = (int64_t)unzigzag(code);
    return ISO_OK;
}

/* Widths and counts of the lists whose flags are set. */
static iso_status take_counts(struct section_source *source, unsigned flags,
                              struct section_rules rules, struct section *section,
                              struct iso_error *err)
{
    if ((flags & SECTION_PATCHED) != 0) {
        ISO_TRY(take_count(source, section->rows, &section->patches.count, err));
        ISO_TRY(take_width(source, FORMAT_WIDTH_MAX, &section->patches.width, err));
    }
    if ((flags & SECTION_REMAINDERS) != 0) {
        ISO_TRY(take_count(source, section->rows, &section->remainders.count, err));
        section->remainders.width = rules.remainder_bits;
    }
    if ((flags & SECTION_NEAR) != 0) {
        ISO_TRY(take_count(source, section->rows, &section->near.count, err));
        section->near.width = 8;
    }
    if ((flags & SECTION_RAW) != 0) {
        ISO_TRY(take_count(source, section->rows, &section->raw.count, err));
        section->raw.width = 64;
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

void section_list_rows(const struct section_list *list, size_t rows,
                       uint16_t at[SEGMENT_BLOCK_ROWS])
{
    if (!section_list_is_map(list->count, rows)) {
        uint64_t position[SEGMENT_BLOCK_ROWS / FORMAT_POSITION_BITS + 1];
        bits_unpack(list->positions, list->count, FORMAT_POSITION_BITS, position);
        for (size_t i = 0; i < list->count; i++) {
            at[i] = (uint16_t)position[i];
        }
        return;
    }
    size_t found = 0;
    for (size_t byte = 0; byte < bits_bytes(rows, 1); byte++) {
        for (unsigned left = list->positions[byte]; left != 0; left &= left - 1) {
            at[found++] = (uint16_t)(8 * byte + (unsigned)__builtin_ctz(left));
        }
    }
}

iso_status section_read(struct section_source *source, size_t rows, struct section_rules rules,
                        struct section *section, struct iso_error *err)
{
    *section = (struct section){.rows = rows};
    const uint8_t *at;
    ISO_TRY(take_width(source, FORMAT_WIDTH_MAX, &section->width, err));
    ISO_TRY(take(source, 1, &at, err));
    unsigned flags = *at;
    unsigned refused = (rules.remainder_bits == 0 ? (unsigned)SECTION_REMAINDERS : 0) |
                       (rules.exceptions ? 0 : (unsigned)(SECTION_NEAR | SECTION_RAW));
    if ((flags & refused) != 0) {
        ISO_FAIL(CORRUPT, err, "offset %zu: %s may not have the lists that flags %u announce",
                 (size_t)(at - source->begin), source->column, flags);
    }
    ISO_TRY(take_base(source, flags & SECTION_BASE_MASK, &section->base, err));
    ISO_TRY(take_counts(source, flags, rules, section, err));
    ISO_TRY(take(source, bits_bytes(rows, section->width), &section->fields, err));
    ISO_TRY(take_list(source, rows, &section->patches, err));
    ISO_TRY(take_list(source, rows, &section->remainders, err));
    ISO_TRY(take_list(source, rows, &section->near, err));
    ISO_TRY(take_list(source, rows, &section->raw, err));
    section->end = source->cursor;
    return ISO_OK;
}

void section_residuals(const struct section *section, int64_t residual[SEGMENT_BLOCK_ROWS])
{
    uint64_t fields[SEGMENT_BLOCK_ROWS];
    bits_unpack(section->fields, section->rows, section->width, fields);
    uint16_t at[SEGMENT_BLOCK_ROWS];
    uint64_t patch[SEGMENT_BLOCK_ROWS];
    const struct section_list *patches = &section->patches;
    section_list_rows(patches, section->rows, at);
    bits_unpack(patches->fields, patches->count, patches->width, patch);
    for (size_t i = 0; i < patches->count; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.*): section_list_rows filled at[0, count). */
        fields[at[i]] += unzigzag(patch[i]) << section->width;
    }
    uint64_t base = (uint64_t)section->base;
    for (size_t i = 0; i < section->rows; i++) {
        residual[i] = (int64_t)(fields[i] + base);
    }
}

iso_status section_raw_read(struct section_source *source, size_t rows, struct section *section,
                            struct iso_error *err)
{
    *section = (struct section){.rows = rows};
    const uint8_t *at;
    ISO_TRY(take_width(source, 64, &section->width, err));
    ISO_TRY(take(source, 8, &at, err));
    section->base = (int64_t)load_u64(at);
    ISO_TRY(take(source, bits_bytes(rows, section->width), &section->fields, err));
    section->end = source->cursor;
    return ISO_OK;
}

void section_raw_values(const struct section *section, double *values)
{
    uint64_t fields[SEGMENT_BLOCK_ROWS];
    bits_unpack(section->fields, section->rows, section->width, fields);
    uint64_t bits = (uint64_t)section->base;
    for (size_t i = 0; i < section->rows; i++) {
        bits += unzigzag(fields[i]);
        values[i] = format_double(bits);
    }
}
