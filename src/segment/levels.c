/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of levels, written and read. */
#include "segment/levels.h"

enum { COUNT_BITS = 2, WIDTH_BITS = 6, DELTA_BITS = 2, FLAG_ZIGZAG = 1 };

void levels_set(struct levels *levels, size_t class, size_t count, const uint8_t *width)
{
    uint64_t origin = 0;
    for (size_t k = 0; k < LEVELS_MAX; k++) {
        uint8_t own = k < count ? width[k] : 0;
        levels->width[class * LEVELS_MAX + k] = own;
        levels->origin[class * LEVELS_MAX + k] = k < count ? origin : UINT64_MAX;
        levels->width_max = own > levels->width_max ? own : levels->width_max;
        if (k > 0) {
            uint16_t bit = (uint16_t)(1U << class);
            levels->deeper[k - 1] &= (uint16_t)~bit;
            levels->deeper[k - 1] |= k < count ? bit : 0;
        }
        origin += UINT64_C(1) << own;
    }
}

size_t levels_count(const struct levels *levels, size_t class)
{
    size_t count = 1;
    for (size_t k = 0; k < LEVELS_MAX - 1; k++) {
        count += levels->deeper[k] >> class & 1;
    }
    return count;
}

static void write_class(const struct levels *levels, size_t class, struct bit_sink *sink)
{
    const uint8_t *width = levels->width + class * LEVELS_MAX;
    size_t count = levels_count(levels, class);
    bits_put(sink, count - 1, COUNT_BITS);
    bits_put(sink, width[0], WIDTH_BITS);
    for (size_t k = 1; k + 1 < count; k++) {
        bits_put(sink, (uint64_t)(width[k] - width[k - 1]), DELTA_BITS);
    }
    if (count > 1) {
        bits_put(sink, width[count - 1], WIDTH_BITS);
    }
}

size_t levels_write(const struct levels *levels, size_t class_count, uint8_t *target)
{
    target[0] = levels->zigzag ? FLAG_ZIGZAG : 0;
    size_t head = 1;
    if (!levels->zigzag) {
        head += integer_write(target + 1, levels->base);
    }
    struct bit_sink sink = {.cursor = target + head};
    for (size_t class = 0; class < class_count; class++) {
        write_class(levels, class, &sink);
    }
    return (size_t)(bits_finish(&sink) - target);
}

/* Fails where a width is too great. */
static bool read_class(struct bit_source *source, struct levels *levels, size_t class)
{
    uint8_t width[LEVELS_MAX];
    size_t count = bits_take(source, COUNT_BITS) + 1;
    width[0] = (uint8_t)bits_take(source, WIDTH_BITS);
    for (size_t k = 1; k + 1 < count; k++) {
        width[k] = (uint8_t)(width[k - 1] + bits_take(source, DELTA_BITS));
    }
    if (count > 1) {
        width[count - 1] = (uint8_t)bits_take(source, WIDTH_BITS);
    }
    for (size_t k = 0; k < count; k++) {
        if (width[k] > LEVELS_WIDTH_MAX) {
            return false;
        }
    }
    levels_set(levels, class, count, width);
    return true;
}

iso_status levels_read(const uint8_t *bytes, size_t length, size_t *at, size_t class_count,
                       struct levels *levels, struct iso_error *err)
{
    size_t begin = *at;
    size_t next = begin + 1;
    *levels = (struct levels){0};
    if (begin >= length || bytes[begin] > FLAG_ZIGZAG) {
        ISO_FAIL(CORRUPT, err, "offset %zu: no table of levels", begin);
    }
    levels->zigzag = (bytes[begin] & FLAG_ZIGZAG) != 0;
    if (!levels->zigzag && !integer_read(bytes, length, &next, &levels->base)) {
        ISO_FAIL(CORRUPT, err, "offset %zu: no base", begin + 1);
    }
    struct bit_source source = {.bytes = bytes + next, .length = length - next};
    for (size_t class = 0; class < class_count; class++) {
        size_t class_at = next + source.bit / 8;
        if (!read_class(&source, levels, class)) {
            ISO_FAIL(CORRUPT, err, "offset %zu: class %zu has a width of more than %d bits",
                     class_at, class, LEVELS_WIDTH_MAX);
        }
    }
    if (source.bit > 8 * source.length) {
        ISO_FAIL(CORRUPT, err, "offset %zu: the table of levels is cut off", next);
    }
    *at = next + (source.bit + 7) / 8;
    return ISO_OK;
}
