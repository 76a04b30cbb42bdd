/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing half of sections. The search is part of the format, since other bytes for the same
 * bars would have another name: docs/segment-format.md, "Choosing base and width".
 */
#include "segment/section.h"

void section_begin(struct section_draft *draft, size_t rows)
{
    draft->rows = rows;
    draft->remainder_count = 0;
    draft->near_count = 0;
    draft->raw_count = 0;
}

struct choice {
    uint64_t cost_bits;
    unsigned width;
    unsigned patch_width;
    size_t patch_count;
    int64_t base;
};

/* Sort by the low passes * 8 bits. Leaves the result in values. */
static void radix_sort(uint64_t *values, uint64_t *spare, size_t count, unsigned passes)
{
    uint64_t *from = values;
    uint64_t *to = spare;
    for (unsigned pass = 0; pass < passes; pass++) {
        uint32_t begin[257] = {0};
        for (size_t i = 0; i < count; i++) {
            begin[(from[i] >> (8 * pass) & 255) + 1]++;
        }
        for (unsigned digit = 0; digit < 256; digit++) {
            begin[digit + 1] += begin[digit];
        }
        for (size_t i = 0; i < count; i++) {
            to[begin[from[i] >> (8 * pass) & 255]++] = from[i];
        }
        uint64_t *swapped = from;
        from = to;
        to = swapped;
    }
    if (from != values) {
        memcpy(values, from, count * sizeof *values);
    }
}

static unsigned base_bytes(int64_t base)
{
    uint64_t code = zigzag(base);
    return (bit_length(code) + 7) / 8;
}

/* Among the windows of 2^width values that begin at a value, the first of those that hold most. */
static size_t fullest_window(const uint64_t *sorted, size_t count, unsigned width, size_t *held)
{
    uint64_t span = UINT64_C(1) << width;
    size_t best = 0;
    size_t end = 0;
    *held = 0;
    for (size_t begin = 0; begin < count && count - begin > *held; begin++) {
        end = end < begin ? begin : end;
        while (end < count && sorted[end] - sorted[begin] < span) {
            end++;
        }
        if (end - begin > *held) {
            *held = end - begin;
            best = begin;
        }
    }
    return best;
}

/* What a patch holds for a value that lies distance above (below) the base: see section_write. */
static unsigned patch_width_of(uint64_t below, uint64_t above, unsigned width)
{
    uint64_t span = UINT64_C(1) << width;
    uint64_t low = below == 0 ? 0 : 2 * ((below + span - 1) >> width) - 1;
    uint64_t high = 2 * (above >> width);
    return bit_length(low > high ? low : high);
}

static struct choice choose(const struct section_draft *draft)
{
    uint64_t sorted[SEGMENT_BLOCK_ROWS];
    uint64_t spare[SEGMENT_BLOCK_ROWS];
    size_t count = draft->rows;
    int64_t lowest = draft->residual[0];
    for (size_t i = 1; i < count; i++) {
        lowest = draft->residual[i] < lowest ? draft->residual[i] : lowest;
    }
    uint64_t any = 0;
    for (size_t i = 0; i < count; i++) {
        sorted[i] = (uint64_t)draft->residual[i] - (uint64_t)lowest;
        any |= sorted[i];
    }
    unsigned widest = bit_length(any);
    radix_sort(sorted, spare, count, (widest + 7) / 8);
    struct choice best = {.cost_bits = UINT64_MAX};
    for (unsigned width = 0; width <= widest && count * width < best.cost_bits; width++) {
        size_t held;
        size_t first = fullest_window(sorted, count, width, &held);
        /* NOLINTNEXTLINE(clang-analyzer-core.*): sorted[0, count) was filled above. */
        int64_t base = lowest + (int64_t)sorted[first];
        struct choice choice = {.width = width, .patch_count = count - held, .base = base};
        choice.cost_bits = count * width + UINT64_C(8) * base_bytes(choice.base);
        if (choice.patch_count > 0) {
            choice.patch_width =
                patch_width_of(sorted[first], sorted[count - 1] - sorted[first], width);
            choice.cost_bits += 24 + section_list_bits(choice.patch_count, count) +
                                choice.patch_count * choice.patch_width;
        }
        if (choice.cost_bits < best.cost_bits) {
            best = choice;
        }
    }
    return best;
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

static uint8_t *write_head(const struct section_draft *draft, const struct choice *choice,
                           uint8_t *cursor)
{
    unsigned length = base_bytes(choice->base);
    *cursor++ = (uint8_t)choice->width;
    *cursor++ = (uint8_t)(length | (choice->patch_count > 0 ? SECTION_PATCHED : 0) |
                          (draft->remainder_count > 0 ? SECTION_REMAINDERS : 0) |
                          (draft->near_count > 0 ? SECTION_NEAR : 0) |
                          (draft->raw_count > 0 ? SECTION_RAW : 0));
    uint64_t base = zigzag(choice->base);
    for (unsigned i = 0; i < length; i++) {
        *cursor++ = (uint8_t)(base >> (8 * i));
    }
    cursor = write_count(cursor, choice->patch_count);
    if (choice->patch_count > 0) {
        *cursor++ = (uint8_t)choice->patch_width;
    }
    cursor = write_count(cursor, draft->remainder_count);
    cursor = write_count(cursor, draft->near_count);
    return write_count(cursor, draft->raw_count);
}

size_t section_write(const struct section_draft *draft, unsigned remainder_bits, uint8_t *target)
{
    struct choice choice = choose(draft);
    uint64_t low[SEGMENT_BLOCK_ROWS];
    uint64_t patch_at[SEGMENT_BLOCK_ROWS];
    uint64_t patch[SEGMENT_BLOCK_ROWS];
    size_t patch_count = 0;
    for (size_t i = 0; i < draft->rows; i++) {
        int64_t above = draft->residual[i] - choice.base;
        int64_t high = above >> choice.width; /* rounds down */
        low[i] = (uint64_t)above;
        if (high != 0) {
            patch_at[patch_count] = i;
            patch[patch_count++] = zigzag(high);
        }
    }
    ISO_ASSERT(patch_count == choice.patch_count);
    uint8_t *cursor = write_head(draft, &choice, target);
    cursor += bits_pack(low, draft->rows, choice.width, cursor);
    cursor += write_list(patch_at, patch, patch_count, draft->rows, choice.patch_width, cursor);
    cursor += write_list(draft->remainder_at, draft->remainder, draft->remainder_count, draft->rows,
                         remainder_bits, cursor);
    cursor += write_list(draft->near_at, draft->near, draft->near_count, draft->rows, 8, cursor);
    cursor += write_list(draft->raw_at, draft->raw, draft->raw_count, draft->rows, 64, cursor);
    return (size_t)(cursor - target);
}

size_t section_raw_write(const double *values, size_t rows, uint8_t *target)
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
