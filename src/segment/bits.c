/* SPDX-License-Identifier: Apache-2.0 */
#include "segment/bits.h"

enum {
    ONE_LOAD_WIDTH_MAX = 57
}; /* a field of so many bits lies within 8 bytes, however it begins */

static uint64_t mask_of(unsigned width)
{
    return width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

size_t bits_pack(const uint64_t *values, size_t count, unsigned width, uint8_t *target)
{
    uint64_t mask = mask_of(width);
    uint64_t pending = 0;
    unsigned filled = 0;
    uint8_t *cursor = target;
    for (size_t i = 0; i < count && width > 0; i++) {
        uint64_t value = values[i] & mask;
        pending |= value << filled;
        filled += width;
        if (filled >= 64) {
            store_u64(cursor, pending);
            cursor += 8;
            filled -= 64;
            pending = filled > 0 ? value >> (width - filled) : 0;
        }
    }
    for (; filled > 0; filled = filled > 8 ? filled - 8 : 0) {
        *cursor++ = (uint8_t)pending;
        pending >>= 8;
    }
    return (size_t)(cursor - target);
}

static uint64_t get_wide(const uint8_t *source, size_t index, unsigned width)
{
    size_t bit = index * width;
    unsigned shift = bit & 7;
    uint64_t word = load_u64(source + bit / 8) >> shift;
    if (shift > 0) {
        word |= (uint64_t)source[bit / 8 + 8] << (64 - shift);
    }
    return word & mask_of(width);
}

uint64_t bits_get(const uint8_t *source, size_t index, unsigned width)
{
    if (width > ONE_LOAD_WIDTH_MAX) {
        return get_wide(source, index, width);
    }
    size_t bit = index * width;
    return load_u64(source + bit / 8) >> (bit & 7) & mask_of(width);
}

void bits_unpack(const uint8_t *source, size_t count, unsigned width, uint64_t *values)
{
    if (width > ONE_LOAD_WIDTH_MAX) {
        for (size_t i = 0; i < count; i++) {
            values[i] = get_wide(source, i, width);
        }
        return;
    }
    uint64_t mask = mask_of(width);
    size_t bit = 0;
    for (size_t i = 0; i < count; i++) {
        values[i] = load_u64(source + bit / 8) >> (bit & 7) & mask;
        bit += width;
    }
}
