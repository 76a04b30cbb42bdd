/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds for every series whatever it is: the bars come back in every bit, by every kernel; the
 * bars that came back give the same bytes; a range is a slice. Over generated series, as many as
 * PROPERTY_SERIES says (`make properties`); a failure names the number of the series, which
 * PROPERTY_FIRST begins with.
 */
#include "series_kinds.h"

#include "market/time.h"
#include "segment/block.h"

#include <stdlib.h>
#include <time.h>

enum { SERIES_PRESET = 20000, SERIES_MAX = 1000000000, RANGES = 2, KIND_wild = KIND_COUNT };

static struct iso_error err;

/* One series after another uses the same memory. */
struct subject {
    uint32_t number;
    struct rng rng;
    struct series series;
    struct range period;
    struct bars bars;
    struct bars decoded;
    struct bytes bytes;
    struct segment segment;
    uint64_t rows;   /* of all series so far */
    uint64_t length; /* of all segments so far */
};

static void require(bool holds, const struct subject *subject, const char *what)
{
    if (!holds) {
        fail_msg("series %u (%zu bars): %s; %s", subject->number, subject->bars.count, what,
                 err.text);
    }
}

static uint32_t number_from(const char *name, uint32_t preset)
{
    const char *text = getenv(name);
    unsigned long number = text != NULL ? strtoul(text, NULL, 10) : preset;
    assert_true(number <= SERIES_MAX);
    return (uint32_t)number;
}

/* Mostly short, so that there can be many; a few reach into a second block, or a fifth. */
static size_t pick_rows(struct rng *rng)
{
    uint32_t which = rng_below(rng, 1000);
    if (which < 850) {
        return 1 + rng_below(rng, 40);
    }
    if (which < 970) {
        return 1 + rng_below(rng, 400);
    }
    return 1 + rng_below(rng, which < 998 ? 1500 : 5000);
}

static void make_series(struct subject *subject, uint32_t number)
{
    subject->number = number;
    subject->rng = rng_stream(number, 11, 11, RNG_TEST);
    struct rng *rng = &subject->rng;
    const struct interval *interval = interval_coded((uint8_t)(1 + rng_below(rng, 18)));
    int kind = (int)rng_below(rng, KIND_COUNT + 8);
    size_t rows = pick_rows(rng);
    subject->bars.count = 0;
    assert_ok(series_make("BTC/USD", interval->name, &subject->series, &err));
    if (kind < KIND_wild) {
        add_series(&subject->bars, (enum series_kind)kind, rows, interval, 1700006400000000,
                   rng_below(rng, 30), number);
    } else {
        add_wild(&subject->bars, rng, rows, 2 + rng_below(rng, 50));
    }
    int64_t first_us = subject->bars.time_us[0];
    while (subject->bars.time_us[subject->bars.count - 1] >= TIME_MAX_US) {
        subject->bars.count--; /* thousands of months */
    }
    int64_t last_us = subject->bars.time_us[subject->bars.count - 1];
    subject->period = (struct range){first_us - rng_below(rng, 2), last_us + 1};
    subject->rows += subject->bars.count;
}

static void require_kernels(struct subject *subject)
{
    for (size_t i = 0; kernel_table[i] != NULL; i++) {
        if (kernel_table[i]->available()) {
            subject->decoded.count = 0;
            assert_ok(segment_decode_by(&subject->segment, kernel_table[i], subject->period,
                                        &subject->decoded, NULL, &err));
            require(bars_equal(&subject->bars, &subject->decoded), subject, kernel_table[i]->name);
        }
    }
}

static void require_canonical(struct subject *subject)
{
    struct bytes again = {0};
    assert_ok(segment_encode(&subject->series, subject->period, &subject->decoded, &again, &err));
    require(again.length == subject->bytes.length &&
                memcmp(again.data, subject->bytes.data, again.length) == 0,
            subject, "the bars decoded give other bytes");
    bytes_reset(&again);
}

/* From a bar to a bar, or a little beside them. */
static void require_slice(struct subject *subject)
{
    const struct bars *bars = &subject->bars;
    size_t from = rng_below(&subject->rng, (uint32_t)bars->count);
    size_t to = from + rng_below(&subject->rng, (uint32_t)(bars->count - from));
    struct range range = {bars->time_us[from] - rng_below(&subject->rng, 2),
                          bars->time_us[to] + rng_below(&subject->rng, 2)};
    size_t first = bars_find(bars, range.from_us);
    size_t rows = bars_find(bars, range.to_us) - first;
    size_t blocks = 0;
    struct bars slice = bars_slice(bars, first, rows);
    subject->decoded.count = 0;
    assert_ok(segment_decode(&subject->segment, range, &subject->decoded, &blocks, &err));
    require(bars_equal(&slice, &subject->decoded), subject, "a range is no slice");
    size_t needed =
        rows == 0 ? 0 : (first + rows - 1) / SEGMENT_BLOCK_ROWS - first / SEGMENT_BLOCK_ROWS + 1;
    /* One more where the range begins between the last bar of a block and the next block. */
    require(blocks == needed || blocks == needed + 1, subject,
            "a range decodes other blocks than it needs");
}

static void require_all(struct subject *subject)
{
    require(!iso_failed(segment_encode(&subject->series, subject->period, &subject->bars,
                                       &subject->bytes, &err)),
            subject, "not encoded");
    require(!iso_failed(
                segment_open(subject->bytes.data, subject->bytes.length, &subject->segment, &err)),
            subject, "not opened");
    subject->length += subject->bytes.length;
    require_kernels(subject);
    require_canonical(subject);
    for (int i = 0; i < RANGES; i++) {
        require_slice(subject);
    }
    bytes_reset(&subject->bytes);
}

static double seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void every_series_keeps_every_promise(void **state)
{
    (void)state;
    struct subject subject = {0};
    uint32_t first = number_from("PROPERTY_FIRST", 0);
    uint32_t count = number_from("PROPERTY_SERIES", SERIES_PRESET);
    double begin = seconds_now();
    for (uint32_t i = 0; i < count; i++) {
        make_series(&subject, first + i);
        require_all(&subject);
    }
    print_message("# %u series of %llu bars in segments of %llu bytes; %.1f s\n", count,
                  (unsigned long long)subject.rows, (unsigned long long)subject.length,
                  seconds_now() - begin);
    assert_true(count > 0);
    bars_reset(&subject.bars);
    bars_reset(&subject.decoded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_series_keeps_every_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
