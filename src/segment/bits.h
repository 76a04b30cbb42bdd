/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian words and runs of bits: what the segment's bytes are made of. */
#ifndef SEGMENT_BITS_H
#define SEGMENT_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define BITS_LITTLE_16(word) __builtin_bswap16(word)
#define BITS_LITTLE_32(word) __builtin_bswap32(word)
#define BITS_LITTLE_64(word) __builtin_bswap64(word)
#else
#define BITS_LITTLE_16(word) (word)
#define BITS_LITTLE_32(word) (word)
#define BITS_LITTLE_64(word) (word)
#endif

/* A run may be read in words that reach this far past its last byte. */
enum { BITS_SLACK_BYTES = 8 };

static inline uint16_t load_u16(const uint8_t *source)
{
    uint16_t word;
    memcpy(&word, source, sizeof word);
    return BITS_LITTLE_16(word);
}

static inline uint32_t load_u32(const uint8_t *source)
{
    uint32_t word;
    memcpy(&word, source, sizeof word);
    return BITS_LITTLE_32(word);
}

static inline uint64_t load_u64(const uint8_t *source)
{
    uint64_t word;
    memcpy(&word, source, sizeof word);
    return BITS_LITTLE_64(word);
}

static inline void store_u16(uint8_t *target, uint16_t word)
{
    word = BITS_LITTLE_16(word);
    memcpy(target, &word, sizeof word);
}

static inline void store_u32(uint8_t *target, uint32_t word)
{
    word = BITS_LITTLE_32(word);
    memcpy(target, &word, sizeof word);
}

static inline void store_u64(uint8_t *target, uint64_t word)
{
    word = BITS_LITTLE_64(word);
    memcpy(target, &word, sizeof word);
}

/* All bits below width (0..64). */
static inline uint64_t bits_mask(unsigned width)
{
    return width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

enum { BITS_ONE_LOAD_WIDTH = 57 }; /* such a field lies within 8 bytes, however it begins */

/* The field of width (0..64) bits from a bit on. */
static inline uint64_t bits_field(const uint8_t *source, size_t bit, unsigned width)
{
    unsigned shift = bit & 7;
    uint64_t word = load_u64(source + bit / 8) >> shift;
    if (__builtin_expect(width > BITS_ONE_LOAD_WIDTH, 0)) {
        word |= (uint64_t)source[bit / 8 + 8] << 1 << (63 - shift);
    }
    return word & bits_mask(width);
}

/* Its magnitude, but for one in negative ones: below 2^n for -2^n <= value < 2^n. */
static inline uint64_t integer_extent(int64_t value)
{
    return (uint64_t)(value < 0 ? ~value : value);
}

/* Bits needed for a value; 0 for 0. */
static inline unsigned bit_length(uint64_t value)
{
    return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

/* 0, -1, 1, -2, ... become 0, 1, 2, 3, ... */
static inline uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

static inline uint64_t unzigzag(uint64_t code)
{
    return code >> 1 ^ (0 - (code & 1));
}

/* An integer as a byte that counts the bytes of its zig-zag, and these; returns how many in all. */
size_t integer_write(uint8_t *target, int64_t value);
/* Read it at offset *at of bytes, and move *at on; false where it is cut off or longer than need
 * be. */
bool integer_read(const uint8_t *bytes, size_t length, size_t *at, int64_t *value);

enum { INTEGER_BYTES_MAX = 9 };

/* Fields of any widths written back to back. Eight bytes behind the cursor are scratch. */
struct bit_sink {
    uint8_t *cursor;
    uint64_t pending;
    unsigned filled; /* bits of pending, below 8 between calls */
};

/* Append a value of at most 57 bits, which has no bits above its width. */
static inline void bits_put(struct bit_sink *sink, uint64_t value, unsigned width)
{
    sink->pending |= value << sink->filled;
    sink->filled += width;
    store_u64(sink->cursor, sink->pending);
    sink->cursor += sink->filled / 8;
    sink->pending = sink->filled >= 64 ? 0 : sink->pending >> (sink->filled & ~7U);
    sink->filled &= 7;
}

/* Same, of at most 64 bits. */
static inline void bits_put_wide(struct bit_sink *sink, uint64_t value, unsigned width)
{
    unsigned low = width < 32 ? width : 32;
    bits_put(sink, value & ((UINT64_C(1) << low) - 1), low);
    bits_put(sink, width > 32 ? value >> 32 : 0, width - low);
}

/* Fill up the last byte with zeros; returns the end. */
static inline uint8_t *bits_finish(struct bit_sink *sink)
{
    return sink->cursor + (sink->filled > 0);
}

/* Fields of any widths read back to back: zeros behind the end, where bit says so. */
struct bit_source {
    const uint8_t *bytes;
    size_t length;
    size_t bit; /* taken so far */
};

/* The next field, of at most 32 bits. */
uint64_t bits_take(struct bit_source *source, unsigned width);

/* Bytes of count fields of width bits. */
static inline size_t bits_bytes(size_t count, unsigned width)
{
    return (count * width + 7) / 8;
}

/*
 * Write count fields of width (0..64) bits back to back, the lowest bit first; the last byte is
 * filled up with zeros. Bits of a value above its width are ignored. Returns the bytes written.
 */
size_t bits_pack(const uint64_t *values, size_t count, unsigned width, uint8_t *target);

/* Read what bits_pack wrote. BITS_SLACK_BYTES behind the run must be readable. */
void bits_unpack(const uint8_t *source, size_t count, unsigned width, uint64_t *values);

/* The one field at index. */
static inline uint64_t bits_get(const uint8_t *source, size_t index, unsigned width)
{
    return bits_field(source, index * width, width);
}

#endif
