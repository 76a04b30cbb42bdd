/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian words and runs of bits: what the segment's bytes are made of. */
#ifndef SEGMENT_BITS_H
#define SEGMENT_BITS_H

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
uint64_t bits_get(const uint8_t *source, size_t index, unsigned width);

#endif
