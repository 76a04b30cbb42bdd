/* SPDX-License-Identifier: Apache-2.0 */
#include "segment/bits.h"

size_t bits_pack(const uint64_t *values, size_t count, unsigned width, uint8_t *target)
{
    uint64_t mask = bits_mask(width);
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

void bits_unpack(const uint8_t *source, size_t count, unsigned width, uint64_t *values)
{
    if (width > BITS_ONE_LOAD_WIDTH) {
        for (size_t i = 0; i < count; i++) {
            values[i] = bits_get(source, i, width);
        }
        return;
    }
    uint64_t mask = bits_mask(width);
    size_t bit = 0;
    for (size_t i = 0; i < count; i++) {
        values[i] = load_u64(source + bit / 8) >> (bit & 7) & mask;
        bit += width;
    }
}

uint64_t bits_take(struct bit_source *source, unsigned width)
{
    uint64_t field = 0;
    for (unsigned i = 0; i < width; i++, source->bit++) {
        if (source->bit / 8 < source->length) {
            uint64_t bit = source->bytes[source->bit / 8] >> source->bit % 8 & 1U;
            field |= bit << i;
        }
    }
    return field;
}

size_t integer_write(uint8_t *target, int64_t value)
{
    uint64_t code = zigzag(value);
    unsigned length = (bit_length(code) + 7) / 8;
    target[0] = (uint8_t)length;
    for (unsigned i = 0; i < length; i++) {
        target[1 + i] = (uint8_t)(code >> (8 * i));
    }
    return 1 + length;
}

bool integer_read(const uint8_t *bytes, size_t length, size_t *at, int64_t *value)
{
    size_t count = *at < length ? bytes[*at] : SIZE_MAX;
    if (count > INTEGER_BYTES_MAX - 1 || count > length - *at - 1) {
        return false;
    }
    uint64_t code = 0;
    for (size_t i = 0; i < count; i++) {
        code |= (uint64_t)bytes[*at + 1 + i] << (8 * i);
    }
    *at += 1 + count;
    *value = (int64_t)unzigzag(code);
    return (bit_length(code) + 7) / 8 == count;
}
