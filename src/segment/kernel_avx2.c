/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel for x86-64 with AVX2, BMI2 and FMA: planes by shuffles and deposits, small fields
 * four at a time, others one by one. */
#include "segment/kernel_parts.h"

#include <immintrin.h>

#define KERNEL kernel_avx2
#define KERNEL_READS_WORDS
#define KERNEL_NAME "avx2"

static bool available(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt") &&
           __builtin_cpu_supports("fma");
}

static inline __m256i load_bytes(const void *bytes)
{
    return _mm256_loadu_si256(bytes);
}

static inline uint64_t members(const struct classes *classes, size_t word, uint16_t set)
{
    uint8_t in[LEVELS_CLASSES_MAX];
    for (unsigned c = 0; c < LEVELS_CLASSES_MAX; c++) {
        in[c] = (uint8_t)((set >> c & 1) << 7);
    }
    __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(void *)in));
    uint64_t found = 0;
    for (size_t i = 0; i < 64; i += 32) {
        __m256i class = load_bytes(classes->of + 64 * word + i);
        uint32_t half = (uint32_t)_mm256_movemask_epi8(_mm256_shuffle_epi8(table, class));
        found |= (uint64_t)half << i;
    }
    return found;
}

static inline uint64_t deposit(uint64_t bits, uint64_t mask)
{
    return _pdep_u64(bits, mask);
}

/* All ones in each byte whose bit of 32 is set. */
static inline __m256i spread_bits(uint32_t bits)
{
    const __m256i which =
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i each = _mm256_set1_epi64x((int64_t)UINT64_C(0x8040201008040201));
    __m256i copies = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), which);
    return _mm256_cmpeq_epi8(_mm256_and_si256(copies, each), each);
}

static inline void slots(const struct word_fields *fields, uint8_t slot[64])
{
    for (size_t i = 0; i < 64; i += 32) {
        __m256i at = load_bytes(fields->class + i);
        at = _mm256_slli_epi32(at, 2); /* classes have four bits */
        for (size_t k = 0; k < LEVELS_MAX - 1; k++) {
            at = _mm256_sub_epi8(at, spread_bits((uint32_t)(fields->reach[k] >> i)));
        }
        _mm256_storeu_si256((__m256i *)(void *)(slot + i), at);
    }
}

/* Fields of up to 14 bits are read four at a time: they lie within eight bytes, and are deposited
 * in lanes of 16 bits. */
enum { SMALL_WIDTH = 14 };

/* Bytes by class, for each level, in both halves. */
struct tables {
    __m256i width[LEVELS_MAX]; /* the high bit is set where a code takes more than 16 bits or a
                                * field more than SMALL_WIDTH */
    __m256i origin_low[LEVELS_MAX];
    __m256i origin_high[LEVELS_MAX];
};

static void make_tables(const struct levels *levels, struct tables *tables)
{
    uint8_t width[LEVELS_MAX][LEVELS_CLASSES_MAX];
    uint8_t low[LEVELS_MAX][LEVELS_CLASSES_MAX];
    uint8_t high[LEVELS_MAX][LEVELS_CLASSES_MAX];
    for (size_t k = 0; k < LEVELS_MAX; k++) {
        for (size_t c = 0; c < LEVELS_CLASSES_MAX; c++) {
            uint64_t least = levels->origin[c * LEVELS_MAX + k];
            uint8_t own = levels->width[c * LEVELS_MAX + k];
            width[k][c] = least < 1U << 15 && own <= SMALL_WIDTH ? own : 128;
            low[k][c] = (uint8_t)least;
            high[k][c] = (uint8_t)(least >> 8);
        }
        tables->width[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128((void *)width[k]));
        tables->origin_low[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128((void *)low[k]));
        tables->origin_high[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128((void *)high[k]));
    }
}

/* 32 rows: their classes, and all ones where they have reached a level. */
struct half_word {
    __m256i class;
    __m256i reached[LEVELS_MAX - 1];
};

static inline __m256i look_up(const __m256i table[LEVELS_MAX], const struct half_word *rows)
{
    __m256i found = _mm256_shuffle_epi8(table[0], rows->class);
    for (size_t k = 1; k < LEVELS_MAX; k++) {
        __m256i own = _mm256_shuffle_epi8(table[k], rows->class);
        found = _mm256_blendv_epi8(found, own, rows->reached[k - 1]);
    }
    return found;
}

/* Two vectors of bytes into words, in the order of the rows. */
static inline void store_words(__m256i low, __m256i high, uint16_t word[32])
{
    __m256i even = _mm256_unpacklo_epi8(low, high); /* rows 0-7 and 16-23 */
    __m256i odd = _mm256_unpackhi_epi8(low, high);
    _mm256_storeu_si256((void *)word, _mm256_permute2x128_si256(even, odd, 0x20));
    _mm256_storeu_si256((void *)(word + 16), _mm256_permute2x128_si256(even, odd, 0x31));
}

/* Residuals of sixteen rows out of fields and origins. */
static inline void put_words(const struct levels *levels, const uint16_t *field,
                             const uint16_t *origin, int64_t *residual)
{
    __m256i code = _mm256_add_epi16(load_bytes(field), load_bytes(origin));
    if (levels->zigzag) {
        __m256i odd = _mm256_and_si256(code, _mm256_set1_epi16(1));
        code = _mm256_xor_si256(_mm256_srli_epi16(code, 1),
                                _mm256_sub_epi16(_mm256_setzero_si256(), odd));
    }
    __m256i base = _mm256_set1_epi64x(levels->base);
    __m128i half[] = {_mm256_castsi256_si128(code), _mm256_extracti128_si256(code, 1)};
    for (size_t i = 0; i < 4; i++) {
        __m128i four = i % 2 == 0 ? half[i / 2] : _mm_srli_si128(half[i / 2], 8);
        __m256i wide = levels->zigzag ? _mm256_cvtepi16_epi64(four)
                                      : _mm256_add_epi64(_mm256_cvtepu16_epi64(four), base);
        _mm256_storeu_si256((void *)(residual + 4 * i), wide);
    }
}

/* The fields of 32 rows from a bit on; returns the bit behind them, or SIZE_MAX where some are not
 * small or the block ends before. */
static inline size_t read_half(const struct word_fields *fields, const struct tables *tables,
                               size_t begin, size_t bit, int64_t *residual)
{
    const __m256i mask_low = _mm256_setr_epi64x((int64_t)0x7f3f1f0f07030100, (int64_t)~UINT64_C(0),
                                                (int64_t)0x7f3f1f0f07030100, (int64_t)~UINT64_C(0));
    const __m256i mask_high = _mm256_setr_epi64x(0, 0x003f1f0f07030100, 0, 0x003f1f0f07030100);
    struct half_word rows = {.class = load_bytes(fields->class + begin)};
    for (size_t k = 0; k < LEVELS_MAX - 1; k++) {
        rows.reached[k] = spread_bits((uint32_t)(fields->reach[k] >> begin));
    }
    __m256i width = look_up(tables->width, &rows);
    __m256i sums = _mm256_sad_epu8(width, _mm256_setzero_si256());
    __m128i sum = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    size_t bits = (size_t)(_mm_cvtsi128_si64(sum) + _mm_extract_epi64(sum, 1));
    if (_mm256_movemask_epi8(width) != 0 || bits > fields->end_bit - bit) {
        return SIZE_MAX;
    }
    uint16_t mask[32];
    uint16_t origin[32];
    uint16_t field[32];
    store_words(_mm256_shuffle_epi8(mask_low, width), _mm256_shuffle_epi8(mask_high, width), mask);
    store_words(look_up(tables->origin_low, &rows), look_up(tables->origin_high, &rows), origin);
    for (size_t i = 0; i < 32; i += 4) {
        uint64_t four = load_u64((const uint8_t *)(mask + i));
        uint64_t packed = load_u64(fields->run + bit / 8) >> (bit & 7);
        store_u64((uint8_t *)(field + i), _pdep_u64(packed, four));
        bit += (size_t)__builtin_popcountll(four);
    }
    put_words(fields->levels, field, origin, residual);
    put_words(fields->levels, field + 16, origin + 16, residual + 16);
    return bit;
}

static inline size_t read_word(const struct word_fields *fields, const struct tables *tables,
                               int64_t residual[64])
{
    size_t bit = read_half(fields, tables, 0, fields->bit, residual);
    bit = bit != SIZE_MAX ? read_half(fields, tables, 32, bit, residual + 32) : bit;
    return bit != SIZE_MAX ? bit - fields->bit : SIZE_MAX;
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
