/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel for x86-64 with AVX-512 and its byte permutations (VBMI). Fields of up to 14 bits are
 * read 32 at a time: four of them lie within eight bytes, which a permutation of bytes brings to a
 * lane, and a multishift takes apart. Wider ones are read eight at a time, by permutation and
 * shift.
 */
#include "segment/kernel_parts.h"

#include <immintrin.h>

#define KERNEL kernel_avx512
#define KERNEL_ADDS_WORDS
#define KERNEL_CHAINS
#define KERNEL_FITS_WORDS
#define KERNEL_READS_WORDS
#define KERNEL_NAME "avx512"

enum { SMALL_WIDTH = 14, WIDE_WIDTH = 57, SUMMED_WIDTH = 36 /* seven of them are below 256 */ };

static bool available(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") &&
           __builtin_cpu_supports("fma");
}

static inline uint64_t members(const struct classes *classes, size_t word, uint16_t set)
{
    __m512i class = _mm512_loadu_si512(classes->of + 64 * word);
    __m128i table = _mm_movm_epi8(set);
    return _cvtmask64_u64(
        _mm512_movepi8_mask(_mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), class)));
}

static inline uint64_t deposit(uint64_t bits, uint64_t mask)
{
    return _pdep_u64(bits, mask);
}

/* By slot. */
struct tables {
    __m512i width; /* bytes */
    __m512i large; /* bytes: the high bit where a code takes more than 16 bits or a field more than
                    * SMALL_WIDTH */
    __m512i mask[2];   /* words: of a field */
    __m512i origin[2]; /* words */
    /* Of level k + 1 by class, in lanes of 64 bits; only where some are large. */
    __m512i wide_origin[LEVELS_MAX - 1][2];
};

static void make_tables(const struct levels *levels, struct tables *tables)
{
    uint8_t large[LEVELS_SLOTS];
    uint16_t mask[LEVELS_SLOTS];
    uint16_t origin[LEVELS_SLOTS];
    for (size_t slot = 0; slot < LEVELS_SLOTS; slot++) {
        uint64_t least = levels->origin[slot];
        uint64_t width = levels->width[slot];
        large[slot] = least < 1U << 15 && width <= SMALL_WIDTH ? 0 : 128;
        mask[slot] = (uint16_t)((1U << (width & 15)) - 1);
        origin[slot] = (uint16_t)least;
    }
    tables->width = _mm512_loadu_si512(levels->width);
    tables->large = _mm512_loadu_si512(large);
    tables->mask[0] = _mm512_loadu_si512(mask);
    tables->mask[1] = _mm512_loadu_si512(mask + 32);
    tables->origin[0] = _mm512_loadu_si512(origin);
    tables->origin[1] = _mm512_loadu_si512(origin + 32);
    if (_mm512_movepi8_mask(tables->large) != 0) {
        const __m512i slots = _mm512_set_epi64(28, 24, 20, 16, 12, 8, 4, 0);
        for (size_t k = 0; k < LEVELS_MAX - 1; k++) {
            const uint64_t *next = levels->origin + k + 1;
            tables->wide_origin[k][0] = _mm512_i64gather_epi64(slots, next, 8);
            tables->wide_origin[k][1] = _mm512_i64gather_epi64(slots, next + 32, 8);
        }
    }
}

static inline __m512i slots_of(const struct word_fields *fields)
{
    const __m512i one = _mm512_set1_epi8(1);
    __m512i slot = _mm512_slli_epi32(_mm512_loadu_si512(fields->class), 2);
    for (size_t k = 0; k < LEVELS_MAX - 1; k++) {
        slot = _mm512_mask_add_epi8(slot, fields->reach[k], slot, one);
    }
    return slot;
}

static inline void slots(const struct word_fields *fields, uint8_t slot[64])
{
    _mm512_storeu_si512(slot, slots_of(fields));
}

/* Eight bytes, each in a lane of 64 bits. */
static inline __m512i load_eight(const uint8_t *bytes)
{
    return _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(const void *)bytes));
}

/* --- small fields ------------------------------------------------------------------------------*/

/* Zig-zag codes in lanes of 16 bits into residuals. */
static inline __m512i unzigzag_words(__m512i code)
{
    __m512i odd = _mm512_and_si512(code, _mm512_set1_epi16(1));
    return _mm512_xor_si512(_mm512_srli_epi16(code, 1),
                            _mm512_sub_epi16(_mm512_setzero_si512(), odd));
}

static inline void put_words(const struct levels *levels, __m512i code, int64_t residual[32])
{
    const __m128i parts[] = {_mm512_castsi512_si128(code), _mm512_extracti64x2_epi64(code, 1),
                             _mm512_extracti64x2_epi64(code, 2),
                             _mm512_extracti64x2_epi64(code, 3)};
    __m512i base = _mm512_set1_epi64(levels->base);
    for (size_t i = 0; i < 4; i++) {
        __m512i wide = levels->zigzag ? _mm512_cvtepi16_epi64(parts[i])
                                      : _mm512_add_epi64(_mm512_cvtepu16_epi64(parts[i]), base);
        _mm512_storeu_si512(residual + 8 * i, wide);
    }
}

/* Byte i of the result is byte stride * (i / 8) + first of a vector. */
static inline __m512i eightfold(size_t stride, size_t first)
{
    const __m512i each = _mm512_set1_epi64(0x0101010101010101);
    const __m512i lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    __m512i index = _mm512_add_epi64(_mm512_mullo_epi64(lane, _mm512_set1_epi64((int64_t)stride)),
                                     _mm512_set1_epi64((int64_t)first));
    return _mm512_mullo_epi64(index, each);
}

/* Byte i of the result is byte first + i / 2 of a vector. */
static inline __m512i twofold(size_t first)
{
    const __m512i word = _mm512_cvtepu8_epi16(
        _mm256_set_epi8(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13,
                        12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
    __m512i index = _mm512_add_epi16(word, _mm512_set1_epi16((short)first));
    return _mm512_or_si512(index, _mm512_slli_epi16(index, 8));
}

/* 32 fields that begin at a bit. before: widths before each field within its four. start: bits
 * before each four, in words. */
static inline __m512i take_words(const uint8_t *run, size_t bit, size_t half, __m512i before,
                                 __m256i start)
{
    start = _mm256_add_epi16(start, _mm256_set1_epi16((short)(bit & 7)));
    __m256i split =
        _mm256_or_si256(_mm256_srli_epi16(start, 3),
                        _mm256_slli_epi16(_mm256_and_si256(start, _mm256_set1_epi16(7)), 8));
    __m512i wide = _mm512_castsi256_si512(split);
    __m512i byte = _mm512_add_epi8(_mm512_permutexvar_epi8(eightfold(2, 16 * half), wide),
                                   _mm512_set1_epi64(0x0706050403020100));
    __m512i fours = _mm512_permutexvar_epi8(byte, _mm512_loadu_si512(run + bit / 8));
    __m512i shift = _mm512_permutexvar_epi8(eightfold(2, 16 * half + 1), wide);
    shift = _mm512_add_epi8(shift, _mm512_permutexvar_epi8(twofold(32 * half), before));
    shift = _mm512_add_epi8(shift, _mm512_set1_epi16(0x0800));
    return _mm512_multishift_epi64_epi8(shift, fours);
}

static inline void small_fields(const struct word_fields *fields, const struct tables *tables,
                                __m512i slot, __m512i width, int64_t residual[64])
{
    __m512i sum = _mm512_add_epi8(width, _mm512_slli_epi32(width, 8));
    sum = _mm512_add_epi8(sum, _mm512_slli_epi32(sum, 16));
    __m512i before = _mm512_sub_epi8(sum, width);
    __m256i fours = _mm512_cvtepi32_epi16(_mm512_srli_epi32(sum, 24));
    __m256i start = _mm256_slli_si256(fours, 2); /* within each half, which are lanes here */
    start = _mm256_add_epi16(start, _mm256_slli_si256(start, 2));
    start = _mm256_add_epi16(start, _mm256_slli_si256(start, 4));
    start = _mm256_add_epi16(start, _mm256_slli_si256(start, 8));
    size_t half_bits =
        (size_t)_mm256_extract_epi16(start, 7) + (size_t)_mm256_extract_epi16(fours, 7);
    for (size_t half = 0; half < 2; half++) {
        size_t bit = fields->bit + (half == 0 ? 0 : half_bits);
        __m512i code = take_words(fields->run, bit, half, before, start);
        __m512i slots = _mm512_cvtepu8_epi16(half == 0 ? _mm512_castsi512_si256(slot)
                                                       : _mm512_extracti64x4_epi64(slot, 1));
        code = _mm512_and_si512(code,
                                _mm512_permutex2var_epi16(tables->mask[0], slots, tables->mask[1]));
        code = _mm512_add_epi16(
            code, _mm512_permutex2var_epi16(tables->origin[0], slots, tables->origin[1]));
        code = fields->levels->zigzag ? unzigzag_words(code) : code;
        put_words(fields->levels, code, residual + 32 * half);
    }
}

/* --- wide fields -------------------------------------------------------------------------------*/

/* Residuals out of the codes of eight rows. */
static inline void put_eight(const struct levels *levels, __m512i code, int64_t *residual)
{
    if (levels->zigzag) {
        __m512i odd = _mm512_and_si512(code, _mm512_set1_epi64(1));
        code = _mm512_xor_si512(_mm512_srli_epi64(code, 1),
                                _mm512_sub_epi64(_mm512_setzero_si512(), odd));
    } else {
        code = _mm512_add_epi64(code, _mm512_set1_epi64(levels->base));
    }
    _mm512_storeu_si512(residual, code);
}

/* Sums of the bytes before each byte within its eight; good while they stay below 256. */
static inline __m512i byte_sums_before(__m512i width)
{
    __m512i sum = _mm512_add_epi8(width, _mm512_slli_epi64(width, 8));
    sum = _mm512_add_epi8(sum, _mm512_slli_epi64(sum, 16));
    sum = _mm512_add_epi8(sum, _mm512_slli_epi64(sum, 32));
    return _mm512_sub_epi8(sum, width);
}

/* Sums of the lanes before each lane. */
static inline __m512i lane_sums_before(__m512i width)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i sum = _mm512_alignr_epi64(width, zero, 7);
    sum = _mm512_add_epi64(sum, _mm512_alignr_epi64(sum, zero, 7));
    sum = _mm512_add_epi64(sum, _mm512_alignr_epi64(sum, zero, 6));
    return _mm512_add_epi64(sum, _mm512_alignr_epi64(sum, zero, 4));
}

static inline void wide_fields(const struct word_fields *fields, const struct tables *tables,
                               __m512i widths, int64_t residual[64])
{
    const __m512i spread = _mm512_set4_epi32(0x08080808, 0x08080808, 0, 0);
    const __m512i eight = _mm512_set1_epi64(0x0706050403020100);
    const __m512i seven = _mm512_set1_epi64(7);
    const struct levels *levels = fields->levels;
    const bool summed = levels->width_max <= SUMMED_WIDTH;
    uint64_t total[8];
    uint8_t width[64];
    uint8_t before[64];
    _mm512_storeu_si512(total, _mm512_sad_epu8(widths, _mm512_setzero_si512()));
    _mm512_storeu_si512(width, widths);
    _mm512_storeu_si512(before, byte_sums_before(widths));
    size_t bit = fields->bit;
    for (size_t g = 0; g < 8; g++) {
        __m512i bits = load_eight(width + 8 * g);
        __m512i at = summed ? load_eight(before + 8 * g) : lane_sums_before(bits);
        at = _mm512_add_epi64(at, _mm512_set1_epi64((int64_t)(bit & 7)));
        __m512i bytes = _mm512_shuffle_epi8(_mm512_srli_epi64(at, 3), spread);
        __m512i code = _mm512_permutexvar_epi8(_mm512_add_epi8(bytes, eight),
                                               _mm512_loadu_si512(fields->run + bit / 8));
        code = _mm512_srlv_epi64(code, _mm512_and_si512(at, seven));
        code = _mm512_andnot_si512(_mm512_sllv_epi64(_mm512_set1_epi64(-1), bits), code);
        __m512i class = load_eight(fields->class + 8 * g);
        __m512i origin = _mm512_setzero_si512();
        for (size_t k = 0; k < LEVELS_MAX - 1; k++) {
            __m512i own = _mm512_permutex2var_epi64(tables->wide_origin[k][0], class,
                                                    tables->wide_origin[k][1]);
            origin = _mm512_mask_mov_epi64(origin, (__mmask8)(fields->reach[k] >> 8 * g), own);
        }
        put_eight(levels, _mm512_add_epi64(code, origin), residual + 8 * g);
        bit += total[g];
    }
}

static inline size_t read_word(const struct word_fields *fields, const struct tables *tables,
                               int64_t residual[64])
{
    const struct levels *levels = fields->levels;
    __m512i slot = slots_of(fields);
    __m512i width = _mm512_permutexvar_epi8(slot, tables->width);
    size_t bits = (size_t)_mm512_reduce_add_epi64(_mm512_sad_epu8(width, _mm512_setzero_si512()));
    size_t end = fields->bit + bits;
    if (end > fields->end_bit || end / 8 + 64 > (size_t)(fields->limit - fields->run)) {
        return SIZE_MAX;
    }
    if (_mm512_movepi8_mask(_mm512_permutexvar_epi8(slot, tables->large)) == 0) {
        small_fields(fields, tables, slot, width, residual);
        return bits;
    }
    if (levels->width_max > WIDE_WIDTH) {
        return SIZE_MAX;
    }
    wide_fields(fields, tables, width, residual);
    return bits;
}

/* --- the rest ----------------------------------------------------------------------------------*/

static inline __mmask8 lanes_left(size_t rows, size_t row)
{
    return (__mmask8)(rows - row < 8 ? (1U << (rows - row)) - 1 : 255);
}

static bool classify(const int64_t *integer, size_t rows, unsigned offset, unsigned shift,
                     struct classes *classes)
{
    const __m512i zero = _mm512_setzero_si512();
    const __m512i least = _mm512_set1_epi64(2045 + (int64_t)offset);
    const __m512i most = _mm512_set1_epi64(LEVELS_CLASSES_MAX - 1);
    __m512i beyond = zero;
    for (size_t i = 0; i < rows; i += 8) {
        __m512i signed_integer = _mm512_maskz_loadu_epi64(lanes_left(rows, i), integer + i);
        __m512i positive = _mm512_max_epi64(signed_integer, zero);
        __m512i halves = _mm512_srli_epi64(_mm512_castpd_si512(_mm512_cvtepi64_pd(positive)), 51);
        __m512i number = _mm512_max_epi64(_mm512_sub_epi64(halves, least), zero);
        number = _mm512_srl_epi64(_mm512_min_epi64(number, most), _mm_cvtsi32_si128((int)shift));
        _mm_storel_epi64((__m128i *)(void *)(classes->of + i), _mm512_cvtepi64_epi8(number));
        __m512i sign = _mm512_srai_epi64(signed_integer, 63);
        beyond = _mm512_or_si512(beyond, _mm512_xor_si512(signed_integer, sign));
    }
    size_t written = (rows + 7) & ~(size_t)7;
    memset(classes->of + written, 0, SEGMENT_BLOCK_ROWS - written);
    return (uint64_t)_mm512_reduce_or_epi64(beyond) >> 53 == 0;
}

/* Each lane becomes the sum of the lanes up to it. */
static inline __m512i lane_sums(__m512i sum)
{
    const __m512i zero = _mm512_setzero_si512();
    sum = _mm512_add_epi64(sum, _mm512_alignr_epi64(sum, zero, 7));
    sum = _mm512_add_epi64(sum, _mm512_alignr_epi64(sum, zero, 6));
    return _mm512_add_epi64(sum, _mm512_alignr_epi64(sum, zero, 4));
}

static void add_up(int64_t *integer, size_t rows, int64_t before)
{
    __m512i carry = _mm512_set1_epi64(before);
    for (size_t i = 0; i < rows; i += 8) {
        __mmask8 in = lanes_left(rows, i);
        __m512i sum = lane_sums(_mm512_maskz_loadu_epi64(in, integer + i));
        sum = _mm512_add_epi64(sum, carry);
        _mm512_mask_storeu_epi64(integer + i, in, sum);
        carry = _mm512_permutexvar_epi64(_mm512_set1_epi64(7), sum);
    }
}

static void chain(int64_t *open, int64_t *close, size_t rows, int64_t before)
{
    __m512i carry = _mm512_set1_epi64(before);
    for (size_t i = 0; i < rows; i += 8) {
        __mmask8 in = lanes_left(rows, i);
        __m512i body = _mm512_maskz_loadu_epi64(in, close + i);
        __m512i sum = lane_sums(_mm512_add_epi64(_mm512_maskz_loadu_epi64(in, open + i), body));
        sum = _mm512_add_epi64(sum, carry);
        _mm512_mask_storeu_epi64(open + i, in, _mm512_sub_epi64(sum, body));
        _mm512_mask_storeu_epi64(close + i, in, sum);
        carry = _mm512_permutexvar_epi64(_mm512_set1_epi64(7), sum);
    }
}

static inline uint64_t fits_word(const double *value, size_t rows, unsigned scale, int64_t *integer)
{
    const __m512d power = _mm512_set1_pd(format_power[scale]);
    const __m512d inverse = _mm512_set1_pd(1.0 / format_power[scale]);
    const __m512d limit = _mm512_set1_pd((double)FORMAT_INTEGER_LIMIT);
    const __m512d half = _mm512_set1_pd(0.5);
    uint64_t fits = 0;
    for (size_t i = 0; i < rows; i += 8) {
        __mmask8 in = lanes_left(rows, i);
        __m512d own = _mm512_maskz_loadu_pd(in, value + i);
        __m512d scaled = _mm512_mul_pd(own, power);
        __mmask8 below = _mm512_cmp_pd_mask(scaled, _mm512_setzero_pd(), _CMP_LT_OQ);
        __m512d moved = _mm512_mask_sub_pd(_mm512_add_pd(scaled, half), below, scaled, half);
        in = _mm512_mask_cmp_pd_mask(in, _mm512_abs_pd(moved), limit, _CMP_LT_OQ);
        __m512i found = _mm512_cvttpd_epi64(moved);
        __m512d exact = _mm512_cvtepi64_pd(found);
        __m512d about = _mm512_mul_pd(exact, inverse); /* as quotient() in the body */
        about = _mm512_fmadd_pd(_mm512_fnmadd_pd(about, power, exact), inverse, about);
        in = _mm512_mask_cmpeq_epi64_mask(in, _mm512_castpd_si512(about), _mm512_castpd_si512(own));
        _mm512_mask_storeu_epi64(integer + i, in, found);
        fits |= (uint64_t)in << i;
    }
    return fits;
}

/* Eight fields of one width are brought to lanes as wide_fields does it, and spread by the mask. */
static inline uint64_t add_word(int64_t *integer, uint64_t mask, const uint8_t *fields, size_t bit,
                                unsigned width, const uint8_t *limit, uint64_t greatest)
{
    const __m512i spread = _mm512_set4_epi32(0x08080808, 0x08080808, 0, 0);
    const __m512i eight = _mm512_set1_epi64(0x0706050403020100);
    const __m512i lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i begin = _mm512_mullo_epi64(lane, _mm512_set1_epi64((int64_t)width));
    const __m512i low = _mm512_set1_epi64((int64_t)bits_mask(width));
    __m512i most = _mm512_set1_epi64((int64_t)greatest);
    for (size_t i = 0; mask != 0; i += 8, mask >>= 8) {
        __mmask8 listed = (__mmask8)mask;
        __m512i at = _mm512_add_epi64(begin, _mm512_set1_epi64((int64_t)(bit & 7)));
        __m512i bytes = _mm512_shuffle_epi8(_mm512_srli_epi64(at, 3), spread);
        size_t readable = (size_t)(limit - fields) - bit / 8;
        __mmask64 in = readable < 64 ? (UINT64_C(1) << readable) - 1 : UINT64_MAX;
        __m512i loaded = _mm512_maskz_loadu_epi8(in, fields + bit / 8);
        __m512i field = _mm512_permutexvar_epi8(_mm512_add_epi8(bytes, eight), loaded);
        field = _mm512_srlv_epi64(field, _mm512_and_si512(at, _mm512_set1_epi64(7)));
        field = _mm512_maskz_expand_epi64(listed, _mm512_and_si512(field, low));
        __m512i sum = _mm512_maskz_loadu_epi64(listed, integer + i);
        _mm512_mask_storeu_epi64(integer + i, listed, _mm512_add_epi64(sum, field));
        most = _mm512_max_epu64(most, field);
        bit += width * (size_t)__builtin_popcount(listed);
    }
    return _mm512_reduce_max_epu64(most);
}

#include "segment/kernel_body.h"
