/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arbitrary bytes, opened as a segment: once as they are, once with magic, version, length and hash
 * put right, so that the mutator reaches what lies behind them. Bytes that open must decode or be
 * refused, whole and in parts, and both must agree; so must all kernels that this machine runs.
 */
#include "fuzz.h"

#include "segment/block.h"

#include <string.h>

enum { LENGTH_AT = 24, HASH_AT = 8, HASHED_AT = 24, PARTS = 4 };

static void check_order(const struct segment *segment, const struct bars *bars)
{
    ISO_ASSERT(bars->count == segment->rows);
    for (size_t i = 0; i < bars->count; i++) {
        ISO_ASSERT(bars->time_us[i] >= segment->period.from_us);
        ISO_ASSERT(bars->time_us[i] < segment->period.to_us);
        ISO_ASSERT(i == 0 || bars->time_us[i] > bars->time_us[i - 1]);
        for (size_t value = 0; value < BAR_VALUE_COUNT; value++) {
            double absent = BAR_ABSENT;
            double found = bars->value[value][i];
            ISO_ASSERT(found == found || memcmp(&absent, &found, sizeof found) == 0);
        }
    }
}

/* Parts cut at bars of the whole join to the whole. */
static void check_parts(const struct segment *segment, const struct bars *whole)
{
    ISO_DEFER(bars_reset) struct bars joined = {0};
    int64_t from_us = INT64_MIN;
    for (size_t part = 1; part <= PARTS; part++) {
        size_t end = whole->count * part / PARTS;
        int64_t to_us = end < whole->count ? whole->time_us[end] : INT64_MAX;
        struct range range = {from_us, to_us};
        ISO_ASSERT(!iso_failed(segment_decode(segment, range, &joined, NULL, NULL)));
        from_us = to_us;
    }
    ISO_ASSERT(bars_equal(&joined, whole));
}

/* Every kernel decodes what expected holds, or is refused where that is NULL. */
static void check_kernels(const struct segment *segment, const struct bars *expected)
{
    for (size_t i = 0; kernel_table[i] != NULL; i++) {
        ISO_DEFER(bars_reset) struct bars found = {0};
        struct range all = {INT64_MIN, INT64_MAX};
        if (kernel_table[i]->available()) {
            bool failed =
                iso_failed(segment_decode_by(segment, kernel_table[i], all, &found, NULL, NULL));
            ISO_ASSERT(failed == (expected == NULL));
            ISO_ASSERT(failed || bars_equal(&found, expected));
        }
    }
}

static void run(const uint8_t *bytes, size_t length)
{
    struct segment segment;
    struct segment_info info;
    struct iso_error err;
    ISO_DEFER(bars_reset) struct bars whole = {0};
    if (iso_failed(segment_open(bytes, length, &segment, &err))) {
        return;
    }
    bool inspected = !iso_failed(segment_inspect(&segment, &info, &err));
    struct range all = {INT64_MIN, INT64_MAX};
    if (iso_failed(segment_decode(&segment, all, &whole, NULL, &err))) {
        ISO_ASSERT(whole.count == 0);
        check_kernels(&segment, NULL);
        struct range cut = {segment.first_us + 1, segment.last_us};
        iso_ignore(segment_decode(&segment, cut, &whole, NULL, &err), "a part may be whole");
        return;
    }
    ISO_ASSERT(inspected);
    check_kernels(&segment, &whole);
    check_order(&segment, &whole);
    check_parts(&segment, &whole);
}

static void put_right(uint8_t *bytes, size_t length)
{
    memcpy(bytes, "ISOBSEG", 7);
    bytes[7] = SEGMENT_VERSION;
    for (int i = 0; i < 4; i++) {
        bytes[LENGTH_AT + i] = (uint8_t)(length >> (8 * i));
    }
    struct hash128 hash = hash_bytes(bytes + HASHED_AT, length - HASHED_AT);
    for (int i = 0; i < 8; i++) {
        bytes[HASH_AT + i] = (uint8_t)(hash.high >> (56 - 8 * i));
        bytes[HASH_AT + 8 + i] = (uint8_t)(hash.low >> (56 - 8 * i));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run(data, size);
    if (size > LENGTH_AT + 4) {
        /* A block of its own size, so that a read past its end is seen. */
        uint8_t *bytes = malloc(size);
        ISO_ASSERT(bytes != NULL);
        memcpy(bytes, data, size);
        put_right(bytes, size);
        run(bytes, size);
        free(bytes);
    }
    return 0;
}
