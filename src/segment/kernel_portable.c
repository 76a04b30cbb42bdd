/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel in plain C, for every machine. */
#include "segment/kernel_parts.h"

#define KERNEL kernel_portable
#define KERNEL_NAME "portable"

static bool available(void)
{
    return true;
}

static inline uint64_t members(const struct classes *classes, size_t word, uint16_t set)
{
    uint64_t found = 0;
    for (unsigned left = set; left != 0; left &= left - 1) {
        found |= classes->member[__builtin_ctz(left)][word];
    }
    return found;
}

/* A few bits are placed one by one. */
static inline uint64_t deposit_few(uint64_t bits, uint64_t mask)
{
    uint64_t spread = 0;
    for (uint64_t left = mask; left != 0; left &= left - 1, bits >>= 1) {
        spread |= (left & -left) & (0 - (bits & 1));
    }
    return spread;
}

/* Others by six steps, the widest first: step k moves bits up by 2^k, those that have an odd number
 * of 2^k zeros of the mask below them. */
static inline uint64_t deposit_many(uint64_t bits, uint64_t mask)
{
    uint64_t moves[6];
    uint64_t left = mask;
    uint64_t zeros_below = ~mask << 1;
    for (unsigned k = 0; k < 6; k++) {
        uint64_t odd = zeros_below;
        for (size_t i = 0; i < 6; i++) {
            odd ^= odd << (1U << i);
        }
        uint64_t move = odd & left;
        moves[k] = move;
        left = (left ^ move) | move >> (1U << k);
        zeros_below &= ~odd;
    }
    for (unsigned k = 6; k-- > 0;) {
        uint64_t moved = bits << (1U << k);
        bits = (bits & ~moves[k]) | (moved & moves[k]);
    }
    return bits & mask;
}

static inline uint64_t deposit(uint64_t bits, uint64_t mask)
{
    return mask == UINT64_MAX                ? bits
           : __builtin_popcountll(mask) < 24 ? deposit_few(bits, mask)
                                             : deposit_many(bits, mask);
}

/* A byte of 1 for each set bit of the low eight. */
static inline uint64_t spread_bits(uint64_t bits)
{
    uint64_t each = (bits & 255) * UINT64_C(0x0101010101010101) & UINT64_C(0x8040201008040201);
    return (each + UINT64_C(0x7f7f7f7f7f7f7f7f)) >> 7 & UINT64_C(0x0101010101010101);
}

static inline void slots(const struct word_fields *fields, uint8_t slot[64])
{
    for (size_t i = 0; i < 64; i += 8) {
        uint64_t eight = load_u64(fields->class + i) * LEVELS_MAX;
        for (size_t k = 0; k < LEVELS_MAX - 1; k++) {
            eight += spread_bits(fields->reach[k] >> i);
        }
        store_u64(slot + i, eight);
    }
}

/* Bit k of 64 classes, one bit of the result for each. */
static inline uint64_t gather_bits(const uint8_t *class, unsigned k)
{
    uint64_t gathered = 0;
    for (size_t i = 0; i < 64; i += 8) {
        uint64_t bits = load_u64(class + i) >> k & UINT64_C(0x0101010101010101);
        gathered |= bits * UINT64_C(0x0102040810204080) >> 56 << i;
    }
    return gathered;
}

static bool classify(const int64_t *integer, size_t rows, unsigned offset, unsigned shift,
                     struct classes *classes)
{
    uint64_t beyond = 0;
    for (size_t i = 0; i < rows; i++) {
        beyond |= integer_extent(integer[i]);
        classes->of[i] = format_class(integer[i], offset, shift);
    }
    memset(classes->of + rows, 0, SEGMENT_BLOCK_ROWS - rows);
    for (size_t w = 0; 64 * w < rows; w++) {
        uint64_t half[2][4]; /* by the low two bits, and by the high two */
        for (unsigned h = 0; h < 2; h++) {
            uint64_t low = gather_bits(classes->of + 64 * w, 2 * h);
            uint64_t high = gather_bits(classes->of + 64 * w, 2 * h + 1);
            half[h][0] = ~low & ~high;
            half[h][1] = low & ~high;
            half[h][2] = ~low & high;
            half[h][3] = low & high;
        }
        for (unsigned c = 0; c < LEVELS_CLASSES_MAX; c++) {
            classes->member[c][w] = half[0][c & 3] & half[1][c >> 2];
        }
    }
    return beyond >> 53 == 0;
}

static void add_up(int64_t *integer, size_t rows, int64_t before)
{
    uint64_t sum = (uint64_t)before;
    for (size_t i = 0; i < rows; i++) {
        sum += (uint64_t)integer[i];
        integer[i] = (int64_t)sum;
    }
}

#include "segment/kernel_body.h"
