/* SPDX-License-Identifier: Apache-2.0 */
/* The writing half of sections. */
#include "segment/section.h"

void section_begin(struct section_draft *draft, size_t rows)
{
    draft->rows = rows;
    draft->remainder_count = 0;
    draft->near_count = 0;
    draft->raw_count = 0;
}

static size_t write_map(const uint64_t *at, size_t count, size_t rows, uint8_t *target)
{
    size_t length = bits_bytes(rows, 1);
    memset(target, 0, length);
    for (size_t i = 0; i < count; i++) {
        target[at[i] / 8] |= (uint8_t)(1 << at[i] % 8);
    }
    return length;
}

static size_t write_list(const uint64_t *at, const uint64_t *fields, size_t count, size_t rows,
                         unsigned width, uint8_t *target)
{
    size_t written = section_list_is_map(count, rows)
                         ? write_map(at, count, rows, target)
                         : bits_pack(at, count, FORMAT_POSITION_BITS, target);
    return written + bits_pack(fields, count, width, target + written);
}

static uint8_t *write_count(uint8_t *cursor, size_t count)
{
    if (count == 0) {
        return cursor;
    }
    store_u16(cursor, (uint16_t)count);
    return cursor + 2;
}

size_t section_write_lists(const struct section_draft *draft, unsigned remainder_bits,
                           uint8_t *target)
{
    size_t rows = draft->rows;
    target[0] = (uint8_t)((draft->remainder_count > 0 ? SECTION_REMAINDERS : 0) |
                          (draft->near_count > 0 ? SECTION_NEAR : 0) |
                          (draft->raw_count > 0 ? SECTION_RAW : 0));
    uint8_t *cursor = write_count(target + 1, draft->remainder_count);
    cursor = write_count(cursor, draft->near_count);
    cursor = write_count(cursor, draft->raw_count);
    cursor += write_list(draft->remainder_at, draft->remainder, draft->remainder_count, rows,
                         remainder_bits, cursor);
    cursor += write_list(draft->near_at, draft->near, draft->near_count, rows, 8, cursor);
    cursor += write_list(draft->raw_at, draft->raw, draft->raw_count, rows, 64, cursor);
    return (size_t)(cursor - target);
}

/* Where planes and fields gather until their lengths are known. */
struct code_sinks {
    uint8_t plane_bytes[LEVELS_MAX - 1][SEGMENT_BLOCK_ROWS / 8 + 2 * BITS_SLACK_BYTES];
    uint8_t field_bytes[SECTION_CODES_BYTES_MAX];
    struct bit_sink planes[LEVELS_MAX - 1];
    struct bit_sink fields;
};

enum { CHUNK_ROWS = 32 };

/* By slot, for one plane: whether it has a bit for such a row, and which. */
struct plane_table {
    uint8_t has_bit[LEVELS_SLOTS];
    uint8_t goes_on[LEVELS_SLOTS];
};

static void make_plane_table(const struct levels *levels, unsigned k, struct plane_table *table)
{
    for (size_t slot = 0; slot < LEVELS_SLOTS; slot++) {
        bool deeper = (levels->deeper[k] >> slot / LEVELS_MAX & 1) != 0;
        table->has_bit[slot] = deeper && slot % LEVELS_MAX >= k;
        table->goes_on[slot] = deeper && slot % LEVELS_MAX > k;
    }
}

/* The level of each of some rows, and its code there. */
static inline void find_levels(const struct levels *levels, const uint8_t *class,
                               const int64_t *residual, size_t rows, uint8_t slot[CHUNK_ROWS],
                               uint64_t code[CHUNK_ROWS])
{
    const uint64_t base = (uint64_t)levels->base;
    for (size_t i = 0; i < rows; i++) {
        code[i] = levels->zigzag ? zigzag(residual[i]) : (uint64_t)residual[i] - base;
    }
    for (size_t i = 0; i < rows; i++) {
        const uint64_t *origin = levels->origin + class[i] * (size_t)LEVELS_MAX;
        unsigned level = 0;
        for (size_t k = 1; k < LEVELS_MAX; k++) {
            level += code[i] >= origin[k];
        }
        slot[i] = (uint8_t)(class[i] * LEVELS_MAX + level);
        code[i] -= origin[level];
    }
}

/* A bit for each row that has reached level k and could go on, true where it does. */
static inline void put_plane(const struct plane_table *table, const uint8_t *slot, size_t rows,
                             struct bit_sink *sink)
{
    uint64_t plane = 0;
    unsigned length = 0;
    for (size_t i = 0; i < rows; i++) {
        plane |= (uint64_t)table->goes_on[slot[i]] << length;
        length += table->has_bit[slot[i]];
    }
    bits_put(sink, plane, length);
}

static inline void put_fields(const struct levels *levels, const uint8_t *slot,
                              const uint64_t *code, size_t rows, struct bit_sink *sink)
{
    struct bit_sink local = *sink;
    if (levels->width_max > BITS_ONE_LOAD_WIDTH) {
        for (size_t i = 0; i < rows; i++) {
            bits_put_wide(&local, code[i], levels->width[slot[i]]);
        }
    } else {
        for (size_t i = 0; i < rows; i++) {
            bits_put(&local, code[i], levels->width[slot[i]]);
        }
    }
    *sink = local;
}

static uint8_t *put_run(struct bit_sink *sink, const uint8_t *bytes, uint8_t *target)
{
    size_t length = (size_t)(bits_finish(sink) - bytes);
    memcpy(target, bytes, length);
    return target + length;
}

size_t section_write_codes(const struct levels *levels, const uint8_t *class,
                           const int64_t *residual, size_t rows, uint8_t *target)
{
    uint8_t slot[CHUNK_ROWS];
    uint64_t code[CHUNK_ROWS];
    struct code_sinks sinks;
    struct plane_table tables[LEVELS_MAX - 1];
    sinks.fields = (struct bit_sink){.cursor = sinks.field_bytes};
    for (unsigned k = 0; k < LEVELS_MAX - 1; k++) {
        sinks.planes[k] = (struct bit_sink){.cursor = sinks.plane_bytes[k]};
        make_plane_table(levels, k, &tables[k]);
    }
    for (size_t i = 0; i < rows; i += CHUNK_ROWS) {
        size_t count = rows - i < CHUNK_ROWS ? rows - i : CHUNK_ROWS;
        find_levels(levels, class + i, residual + i, count, slot, code);
        for (unsigned k = 0; k < LEVELS_MAX - 1 && levels->deeper[k] != 0; k++) {
            put_plane(&tables[k], slot, count, &sinks.planes[k]);
        }
        put_fields(levels, slot, code, count, &sinks.fields);
    }
    uint8_t *cursor = target;
    for (size_t k = 0; k < LEVELS_MAX - 1; k++) {
        cursor = put_run(&sinks.planes[k], sinks.plane_bytes[k], cursor);
    }
    return (size_t)(put_run(&sinks.fields, sinks.field_bytes, cursor) - target);
}

size_t section_write_raw(const double *values, size_t rows, uint8_t *target)
{
    uint64_t fields[SEGMENT_BLOCK_ROWS];
    uint64_t first = format_double_bits(format_double(format_double_bits(values[0])));
    uint64_t before = first;
    uint64_t any = 0;
    for (size_t i = 0; i < rows; i++) {
        uint64_t bits = format_double_bits(format_double(format_double_bits(values[i])));
        fields[i] = zigzag((int64_t)(bits - before));
        any |= fields[i];
        before = bits;
    }
    target[0] = (uint8_t)bit_length(any);
    store_u64(target + 1, first);
    return 9 + bits_pack(fields, rows, target[0], target + 9);
}
