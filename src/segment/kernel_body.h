/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a kernel, compiled once for each kind of processor. A file that includes it defines
 *
 *   KERNEL, KERNEL_NAME     the variable, and the name for people
 *   available()             whether this machine runs it
 *   members(classes, word, set)
 *                           the rows of a word whose classes are in a set
 *   deposit(bits, mask)     the low bits, spread over the set bits of mask
 *   slots(fields, slot)     class * LEVELS_MAX + level of 64 rows
 *   classify                see struct kernel
 *   add_up(integer, rows, before)
 *                           each becomes the sum of before and all up to it
 *   KERNEL_CHAINS           where it also defines chain
 *   KERNEL_FITS_WORDS       where it also defines
 *   fits_word(value, rows, scale, integer)
 *                           integers of up to 64 rows, see struct kernel; the bits of fits
 *   KERNEL_ADDS_WORDS       where it also defines
 *   add_word(integer, mask, fields, bit, width, limit, greatest)
 *                           add_listed of 64 rows, whose fields begin at a bit; the greatest of
 *                           them and of greatest
 *   KERNEL_READS_WORDS      where it also defines
 *   struct tables           whatever read_word looks up; make_tables(levels, tables) fills it
 *   read_word(fields, tables, residual)
 *                           the residuals of 64 rows at once; the bits of their fields, or SIZE_MAX
 *                           where they have to be read one by one
 */
#include "segment/decimal.h"
#include "segment/kernel_parts.h"

#ifndef KERNEL_READS_WORDS
struct tables {
    char none;
};
#define make_tables(levels, tables) ((tables)->none = 0)
#define read_word(fields, tables, residual) ((void)(tables), SIZE_MAX)
#endif

/* What scalar loops look up by slot. */
struct slot_table {
    const uint8_t *width;
    struct {
        uint64_t mask;
        uint64_t origin; /* base included, where there is one */
    } slot[LEVELS_SLOTS];
};

static inline size_t word_rows(size_t rows, size_t word)
{
    size_t left = rows - 64 * word;
    return left < 64 ? left : 64;
}

static inline uint64_t low_bits(size_t count)
{
    return count < 64 ? (UINT64_C(1) << count) - 1 : UINT64_MAX;
}

/* 64 bits from a bit on, of which at least one is within the run. */
static inline uint64_t load_bits(const uint8_t *run, size_t bit)
{
    const uint8_t *at = run + bit / 8;
    unsigned shift = bit & 7;
    return load_u64(at) >> shift | (uint64_t)at[8] << 1 << (63 - shift);
}

/* One plane: a bit for each row of candidates, true where it goes on to the next level. */
static bool read_plane(const uint64_t *candidates, size_t words, struct kernel_source *source,
                       uint64_t *reached)
{
    size_t total = 0;
    for (size_t w = 0; w < words; w++) {
        total += (size_t)__builtin_popcountll(candidates[w]);
    }
    if (bits_bytes(total, 1) > (size_t)(source->end - source->cursor)) {
        return false;
    }
    size_t bit = 0;
    for (size_t w = 0; w < words; w++) {
        reached[w] = 0;
        if (candidates[w] != 0) {
            reached[w] = deposit(load_bits(source->cursor, bit), candidates[w]);
            bit += (size_t)__builtin_popcountll(candidates[w]);
        }
    }
    source->cursor += bits_bytes(total, 1);
    return true;
}

static bool read_planes(const struct levels *levels, const struct classes *classes, size_t rows,
                        struct kernel_source *source, struct reach *reach)
{
    size_t words = (rows + 63) / 64;
    for (size_t k = 0; k < LEVELS_MAX - 1; k++) {
        uint64_t candidates[KERNEL_WORDS];
        if ((classes != NULL ? levels->deeper[k] : levels->deeper[k] & 1) == 0) {
            memset(reach->word[k], 0, words * sizeof reach->word[k][0]);
            continue;
        }
        for (size_t w = 0; w < words; w++) {
            uint64_t before = k > 0 ? reach->word[k - 1][w] : low_bits(word_rows(rows, w));
            candidates[w] = before == 0       ? 0
                            : classes == NULL ? before
                                              : before & members(classes, w, levels->deeper[k]);
        }
        if (!read_plane(candidates, words, source, reach->word[k])) {
            return false;
        }
    }
    return true;
}

/* Only where rows are read one by one. */
static void make_slot_table(const struct levels *levels, struct slot_table *table)
{
    table->width = levels->width;
    for (size_t slot = 0; slot < LEVELS_SLOTS; slot++) {
        table->slot[slot].mask = bits_mask(levels->width[slot]);
        table->slot[slot].origin = levels->origin[slot] + (uint64_t)levels->base;
    }
}

/* Codes of some rows, one by one; returns the bits of their fields. */
static inline size_t scalar_codes(const struct slot_table *table, bool is_wide, const uint8_t *slot,
                                  size_t rows, const uint8_t *run, size_t begin, int64_t *code)
{
    size_t bit = begin;
    for (size_t i = 0; i < rows; i++) {
        unsigned width = table->width[slot[i]];
        uint64_t field = is_wide ? bits_field(run, bit, width)
                                 : load_u64(run + bit / 8) >> (bit & 7) & table->slot[slot[i]].mask;
        code[i] = (int64_t)(field + table->slot[slot[i]].origin);
        bit += width;
    }
    return bit - begin;
}

static size_t sum_widths(const struct levels *levels, const uint8_t *slot, size_t rows)
{
    size_t sum = 0;
    for (size_t i = 0; i < rows; i++) {
        sum += levels->width[slot[i]];
    }
    return sum;
}

/* The residuals of up to 64 rows, one by one. Returns the bits of their fields, or SIZE_MAX where
 * the block ends before. */
static size_t read_rows(const struct word_fields *fields, struct slot_table *table, size_t rows,
                        int64_t *residual)
{
    const struct levels *levels = fields->levels;
    uint8_t slot[64];
    if (table->width == NULL) {
        make_slot_table(levels, table);
    }
    slots(fields, slot);
    size_t left = fields->end_bit - fields->bit;
    if (left < rows * levels->width_max && left < sum_widths(levels, slot, rows)) {
        return SIZE_MAX;
    }
    size_t bits = levels->width_max > BITS_ONE_LOAD_WIDTH
                      ? scalar_codes(table, true, slot, rows, fields->run, fields->bit, residual)
                      : scalar_codes(table, false, slot, rows, fields->run, fields->bit, residual);
    for (size_t i = 0; i < rows && levels->zigzag; i++) {
        residual[i] = (int64_t)unzigzag((uint64_t)residual[i]);
    }
    return bits;
}

static bool read_fields(const struct levels *levels, const uint8_t *class, size_t rows,
                        const struct reach *reach, struct kernel_source *source, int64_t *residual)
{
    struct slot_table table = {.width = NULL};
    struct tables tables;
    make_tables(levels, &tables);
    struct word_fields fields = {.levels = levels,
                                 .run = source->cursor,
                                 .end_bit = 8 * (size_t)(source->end - source->cursor),
                                 .limit = source->limit};
    for (size_t w = 0; 64 * w < rows; w++) {
        fields.class = class + 64 * w;
        for (size_t k = 0; k < LEVELS_MAX - 1; k++) {
            fields.reach[k] = reach->word[k][w];
        }
        size_t count = word_rows(rows, w);
        size_t bits = count == 64 ? read_word(&fields, &tables, residual + 64 * w) : SIZE_MAX;
        bits = bits == SIZE_MAX ? read_rows(&fields, &table, count, residual + 64 * w) : bits;
        if (bits == SIZE_MAX) {
            return false;
        }
        fields.bit += bits;
    }
    source->cursor += bits_bytes(fields.bit, 1);
    return true;
}

static bool unpack(const struct levels *levels, const struct classes *classes, size_t rows,
                   struct kernel_source *source, int64_t *residual)
{
    static const uint8_t zero[SEGMENT_BLOCK_ROWS];
    struct reach reach;
    if (levels->width_max == 0 && levels->deeper[0] == 0) {
        for (size_t i = 0; i < rows; i++) {
            residual[i] = levels->base;
        }
        return true;
    }
    return read_planes(levels, classes, rows, source, &reach) &&
           read_fields(levels, classes != NULL ? classes->of : zero, rows, &reach, source,
                       residual);
}

static bool times(int64_t *residual, size_t rows, int64_t first_us, int64_t step, int64_t grid,
                  int64_t limit_us)
{
    uint64_t wrong = 0; /* the highest bit is set where anything is */
    residual[0] = 0;
    for (size_t i = 1; i < rows; i++) {
        uint64_t moved = (uint64_t)residual[i] * (uint64_t)grid + (uint64_t)step;
        wrong |= (moved - 1) | ((uint64_t)limit_us - (uint64_t)first_us - moved);
        residual[i] = (int64_t)moved;
    }
    add_up(residual, rows, first_us);
    for (size_t i = 0; i < rows; i++) {
        wrong |= (uint64_t)limit_us - (uint64_t)residual[i];
    }
    return wrong >> 63 == 0;
}

#ifndef KERNEL_CHAINS
static void chain(int64_t *open, int64_t *close, size_t rows, int64_t before)
{
    for (size_t i = 0; i < rows; i++) {
        open[i] = (int64_t)((uint64_t)open[i] + (uint64_t)close[i]);
    }
    add_up(open, rows, before);
    for (size_t i = 0; i < rows; i++) {
        int64_t closed = open[i];
        open[i] = (int64_t)((uint64_t)closed - (uint64_t)close[i]);
        close[i] = closed;
    }
}
#endif

static void extremes(const int64_t *open, const int64_t *close, size_t rows, int64_t *high,
                     int64_t *low)
{
    for (size_t i = 0; i < rows; i++) {
        int64_t greater = open[i] > close[i] ? open[i] : close[i];
        int64_t lesser = open[i] > close[i] ? close[i] : open[i];
        high[i] = (int64_t)((uint64_t)greater + (uint64_t)high[i]);
        low[i] = (int64_t)((uint64_t)lesser - (uint64_t)low[i]);
    }
}

#ifndef KERNEL_ADDS_WORDS
/* Add the fields of 64 rows one by one; returns the greatest, or the one before if that is. */
static inline uint64_t add_word(int64_t *integer, uint64_t mask, const uint8_t *fields, size_t bit,
                                unsigned width, const uint8_t *limit, uint64_t greatest)
{
    (void)limit;
    for (uint64_t left = mask; left != 0; left &= left - 1, bit += width) {
        uint64_t field = bits_field(fields, bit, width);
        int64_t *at = &integer[__builtin_ctzll(left)];
        *at = (int64_t)((uint64_t)*at + field);
        greatest = field > greatest ? field : greatest;
    }
    return greatest;
}
#endif

static uint64_t add_listed(int64_t *integer, size_t rows, const uint64_t *mask,
                           const uint8_t *fields, unsigned width, const uint8_t *limit)
{
    uint64_t greatest = 0;
    size_t bit = 0;
    for (size_t w = 0; 64 * w < rows; w++) {
        greatest = add_word(integer + 64 * w, mask[w], fields, bit, width, limit, greatest);
        bit += width * (size_t)__builtin_popcountll(mask[w]);
    }
    return greatest;
}

static bool multiply(int64_t *integer, size_t rows, int64_t grid)
{
    uint64_t extent = 0;
    for (size_t i = 0; i < rows; i++) {
        extent |= integer_extent(integer[i]);
        integer[i] = (int64_t)((uint64_t)integer[i] * (uint64_t)grid);
    }
    return bit_length(extent) + bit_length((uint64_t)grid) < 64;
}

/* The correctly rounded value / power: docs/decisions/0006 shows that three steps with a fused
 * multiply-add suffice. */
static inline double quotient(double value, double power, double inverse)
{
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    double about = value * inverse;
    return __builtin_fma(__builtin_fma(-about, power, value), inverse, about);
#else
    (void)inverse;
    return value / power;
#endif
}

#ifdef __AVX512DQ__
/* One instruction turns integers of 64 bits into doubles. */
static bool divide(const int64_t *integer, size_t rows, unsigned scale, double *value)
{
    const double power = format_power[scale];
    const double inverse = 1.0 / power;
    uint64_t beyond = 0;
    for (size_t i = 0; i < rows; i++) {
        beyond |= integer_extent(integer[i]);
        value[i] = quotient((double)integer[i], power, inverse);
    }
    return beyond >> 53 == 0;
}
#else
static bool divide(const int64_t *integer, size_t rows, unsigned scale, double *value)
{
    /* An integer below 2^51 that is added to the bits of 1.5 * 2^52 adds itself to its value. */
    static const double shift = 0x1.8p52;
    const double power = format_power[scale];
    const double inverse = 1.0 / power;
    uint64_t beyond = 0;
    for (size_t i = 0; i < rows; i++) {
        beyond |= integer_extent(integer[i]);
    }
    if (beyond >> 51 == 0) {
        uint64_t shift_bits = format_double_bits(shift);
        for (size_t i = 0; i < rows; i++) {
            double shifted;
            uint64_t bits = shift_bits + (uint64_t)integer[i];
            memcpy(&shifted, &bits, sizeof shifted);
            value[i] = quotient(shifted - shift, power, inverse);
        }
        return true;
    }
    for (size_t i = 0; i < rows; i++) {
        value[i] = quotient((double)integer[i], power, inverse);
    }
    return beyond >> 53 == 0;
}
#endif

#ifndef KERNEL_FITS_WORDS
static inline uint64_t fits_word(const double *value, size_t rows, unsigned scale, int64_t *integer)
{
    uint64_t fits = 0;
    for (size_t i = 0; i < rows; i++) {
        fits |= (uint64_t)decimal_fits(value[i], scale, &integer[i]) << i;
    }
    return fits;
}
#endif

static void integers(const double *value, size_t rows, unsigned scale, int64_t *integer,
                     uint64_t *fits)
{
    for (size_t w = 0; 64 * w < rows; w++) {
        fits[w] = fits_word(value + 64 * w, word_rows(rows, w), scale, integer + 64 * w);
    }
}

const struct kernel KERNEL = {.name = KERNEL_NAME,
                              .available = available,
                              .unpack = unpack,
                              .classify = classify,
                              .times = times,
                              .chain = chain,
                              .extremes = extremes,
                              .multiply = multiply,
                              .add_listed = add_listed,
                              .integers = integers,
                              .divide = divide};
