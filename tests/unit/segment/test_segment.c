/* SPDX-License-Identifier: Apache-2.0 */
#include "series_kinds.h"

#include "base/text.h"
#include "market/time.h"
#include "segment/segment.h"

#include <stdio.h>

#ifndef TEST_DATA
#define TEST_DATA "tests/data" /* the build names the absolute path */
#endif

enum { HASH_AT = 8, HASHED_AT = 24 };

static struct iso_error err;

static struct series series_of(const char *interval)
{
    struct series series = {0};
    assert_ok(series_make("BTC/USD", interval, &series, &err));
    return series;
}

/* A period that holds any test series. */
static struct range wide_period(void)
{
    return (struct range){TIME_MIN_US, TIME_MAX_US};
}

static struct bytes encode(const struct series *series, struct range period,
                           const struct bars *bars)
{
    struct bytes bytes = {0};
    assert_ok(segment_encode(series, period, bars, &bytes, &err));
    return bytes;
}

/* Encode, decode, compare in every bit, encode again, compare in every byte. */
static size_t assert_round_trip(const struct series *series, const struct bars *bars)
{
    struct bytes bytes = encode(series, wide_period(), bars);
    struct segment segment;
    struct bars decoded = {0};
    assert_ok(segment_open(bytes.data, bytes.length, &segment, &err));
    assert_ok(segment_decode(&segment, segment.period, &decoded, NULL, &err));
    assert_true(bars_equal(bars, &decoded));
    assert_int_equal(segment.rows, bars->count);
    assert_true(segment.first_us == bars->time_us[0]);
    assert_true(segment.last_us == bars->time_us[bars->count - 1]);
    assert_string_equal(segment.series.symbol, series->symbol);
    assert_ptr_equal(segment.series.interval, series->interval);
    struct bytes again = encode(series, wide_period(), &decoded);
    assert_int_equal(again.length, bytes.length);
    assert_memory_equal(again.data, bytes.data, bytes.length);
    size_t length = bytes.length;
    bytes_reset(&bytes);
    bytes_reset(&again);
    bars_reset(&decoded);
    return length;
}

static void every_kind_of_series_round_trips_in_every_bit(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 2, 3, 1023, 1024, 1025, 2500};
    struct series series = series_of("1m");
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            struct bars bars = {0};
            print_message("# %s, %zu rows\n", kind_names[kind], lengths[i]);
            add_series(&bars, (enum series_kind)kind, lengths[i], series.interval, 1700000040000000,
                       i % 2 == 0 ? 0 : 20, (uint32_t)i);
            (void)assert_round_trip(&series, &bars);
            bars_reset(&bars);
        }
    }
}

static void thousands_of_short_series_round_trip(void **state)
{
    (void)state;
    struct series series = series_of("5m");
    struct bars bars = {0};
    for (uint32_t seed = 0; seed < 5000; seed++) {
        bars.count = 0;
        struct rng rng = rng_stream(seed, 9, 9, RNG_TEST);
        add_series(&bars, (enum series_kind)rng_below(&rng, KIND_COUNT), 1 + rng_below(&rng, 40),
                   series.interval, 1700000100000000, rng_below(&rng, 5), seed);
        (void)assert_round_trip(&series, &bars);
    }
    bars_reset(&bars);
}

static void every_interval_round_trips(void **state)
{
    (void)state;
    for (size_t i = 0; interval_row(i) != NULL; i++) {
        struct series series = series_of(interval_row(i)->name);
        struct bars bars = {0};
        add_series(&bars, KIND_decimal2, 1100, series.interval, 0, 100, 1);
        (void)assert_round_trip(&series, &bars);
        bars_reset(&bars);
    }
}

static void times_off_the_grid_and_far_apart_round_trip(void **state)
{
    (void)state;
    struct series series = series_of("1m");
    struct bars bars = {0};
    add_series(&bars, KIND_decimal2, 5, series.interval, 0, 0, 1);
    int64_t times[] = {TIME_MIN_US, TIME_MIN_US + 1, -7, 1700000000123457, TIME_MAX_US - 1};
    memcpy(bars.time_us, times, sizeof times);
    (void)assert_round_trip(&series, &bars);
    bars_reset(&bars);
}

static void random_doubles_cost_little_more_than_their_bits(void **state)
{
    (void)state;
    struct series series = series_of("1m");
    struct bars bars = {0};
    add_series(&bars, KIND_any_bits, 10080, series.interval, 1700000040000000, 0, 1);
    double bytes = (double)assert_round_trip(&series, &bars);
    assert_true(bytes / 10080 <= BAR_VALUE_COUNT * 8.2 + 2);
    bars_reset(&bars);
}

static void absent_columns_cost_nothing(void **state)
{
    (void)state;
    struct series series = series_of("1m");
    struct bars bars = {0};
    add_series(&bars, KIND_all_absent, 2048, series.interval, 1700000040000000, 0, 1);
    struct bytes bytes = encode(&series, wide_period(), &bars);
    struct segment segment;
    struct segment_info info;
    assert_ok(segment_open(bytes.data, bytes.length, &segment, &err));
    assert_ok(segment_inspect(&segment, &info, &err));
    for (size_t i = 1; i < SEGMENT_COLUMN_COUNT; i++) {
        assert_string_equal(info.column[i].encoding, "absent");
        assert_true(info.column[i].bits == 0);
    }
    bytes_reset(&bytes);
    bars_reset(&bars);
}

static void ticks_are_found_and_every_bit_is_accounted_for(void **state)
{
    (void)state;
    struct series series = series_of("1m");
    struct bars bars = {0};
    add_series(&bars, KIND_thirtyseconds, 3000, series.interval, 1700000040000000, 0, 1);
    struct bytes bytes = encode(&series, wide_period(), &bars);
    struct segment segment;
    struct segment_info info;
    assert_ok(segment_open(bytes.data, bytes.length, &segment, &err));
    assert_ok(segment_inspect(&segment, &info, &err));
    assert_int_equal(info.column[1].scale, 5);
    assert_true(info.column[1].grid == 3125); /* 1/32 = 3125 / 10^5 */
    uint64_t bits = info.overhead_bits;
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        bits += info.column[i].bits;
    }
    assert_true(bits == 8 * (uint64_t)bytes.length);
    bytes_reset(&bytes);
    bars_reset(&bars);
}

static void assert_range_is_a_slice(const struct segment *segment, const struct bars *all,
                                    struct range range)
{
    struct bars part = {0};
    size_t blocks = 0;
    assert_ok(segment_decode(segment, range, &part, &blocks, &err));
    size_t first = bars_find(all, range.from_us);
    size_t end = bars_find(all, range.to_us);
    struct bars slice = bars_slice(all, first, end > first ? end - first : 0);
    assert_true(bars_equal(&slice, &part));
    size_t touched =
        slice.count == 0 ? 0 : (end - 1) / SEGMENT_BLOCK_ROWS - first / SEGMENT_BLOCK_ROWS + 1;
    assert_in_range(blocks, touched, touched + 1); /* a range within a gap may cost one */
    if (slice.count > 0) {
        assert_int_equal(blocks, touched);
    }
    bars_reset(&part);
}

static void a_range_is_a_slice_of_the_whole_and_decodes_only_its_blocks(void **state)
{
    (void)state;
    struct series series = series_of("1m");
    struct bars bars = {0};
    add_series(&bars, KIND_mixed, 5000, series.interval, 1700000040000000, 30, 1);
    struct bytes bytes = encode(&series, wide_period(), &bars);
    struct segment segment;
    assert_ok(segment_open(bytes.data, bytes.length, &segment, &err));
    struct rng rng = rng_stream(4, 4, 4, RNG_TEST);
    for (int i = 0; i < 2000; i++) {
        int64_t from_us = bars.time_us[rng_below(&rng, 5000)] + (int64_t)rng_below(&rng, 3) - 1;
        int64_t to_us = bars.time_us[rng_below(&rng, 5000)] + (int64_t)rng_below(&rng, 3) - 1;
        assert_range_is_a_slice(&segment, &bars, (struct range){from_us, to_us});
    }
    int64_t second_us = bars.time_us[SEGMENT_BLOCK_ROWS];
    assert_range_is_a_slice(&segment, &bars, (struct range){second_us, second_us + 1});
    assert_range_is_a_slice(&segment, &bars, (struct range){INT64_MIN, INT64_MAX});
    assert_range_is_a_slice(&segment, &bars, (struct range){INT64_MIN, bars.time_us[0]});
    assert_range_is_a_slice(&segment, &bars, (struct range){segment.last_us + 1, INT64_MAX});
    bytes_reset(&bytes);
    bars_reset(&bars);
}

static void decoding_appends_to_what_the_target_holds(void **state)
{
    (void)state;
    struct series series = series_of("1m");
    struct bars bars = {0};
    struct bars target = {0};
    add_series(&bars, KIND_decimal2, 100, series.interval, 1700000040000000, 0, 1);
    struct bytes bytes = encode(&series, wide_period(), &bars);
    struct segment segment;
    assert_ok(segment_open(bytes.data, bytes.length, &segment, &err));
    assert_ok(segment_decode(&segment, segment.period, &target, NULL, &err));
    assert_ok(segment_decode(&segment, segment.period, &target, NULL, &err));
    assert_int_equal(target.count, 200);
    struct bars second = bars_slice(&target, 100, 100);
    assert_true(bars_equal(&bars, &second));
    bytes_reset(&bytes);
    bars_reset(&bars);
    bars_reset(&target);
}

static void a_segment_does_not_depend_on_where_its_bars_lie(void **state)
{
    (void)state;
    struct series series = series_of("1m");
    struct bars bars = {0};
    struct bars moved = {0};
    struct bar other = {.time_us = 1};
    add_series(&bars, KIND_mixed, 1500, series.interval, 1700000040000000, 9, 1);
    assert_ok(bars_append(&moved, &other, &err));
    assert_ok(bars_append_all(&moved, &bars, &err));
    struct bars view = bars_slice(&moved, 1, bars.count);
    struct bytes a = encode(&series, wide_period(), &bars);
    struct bytes b = encode(&series, wide_period(), &view);
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.data, b.data, a.length);
    bytes_reset(&a);
    bytes_reset(&b);
    bars_reset(&bars);
    bars_reset(&moved);
}

static void foreign_nans_become_the_absent_value(void **state)
{
    (void)state;
    struct series series = series_of("1m");
    struct bars bars = {0};
    add_series(&bars, KIND_random17, 50, series.interval, 1700000040000000, 0, 1);
    uint64_t signalling = UINT64_C(0xfff0000000000001);
    memcpy(&bars.value[BAR_open][7], &signalling, sizeof signalling);
    struct bytes bytes = encode(&series, wide_period(), &bars);
    struct segment segment;
    struct bars decoded = {0};
    assert_ok(segment_open(bytes.data, bytes.length, &segment, &err));
    assert_ok(segment_decode(&segment, segment.period, &decoded, NULL, &err));
    bars.value[BAR_open][7] = BAR_ABSENT;
    assert_true(bars_equal(&bars, &decoded));
    bytes_reset(&bytes);
    bars_reset(&bars);
    bars_reset(&decoded);
}

static void bars_that_are_no_segment_are_refused(void **state)
{
    (void)state;
    struct series series = series_of("1m");
    struct bars bars = {0};
    struct bytes bytes = {0};
    add_series(&bars, KIND_decimal2, 10, series.interval, 60000000, 0, 1);
    struct bars none = {0};
    assert_fails(segment_encode(&series, wide_period(), &none, &bytes, &err), LIMIT);
    assert_fails(segment_encode(&series, (struct range){5, 5}, &bars, &bytes, &err), BAD_ARGUMENT);
    assert_fails(segment_encode(&series, (struct range){INT64_MIN, 5}, &bars, &bytes, &err),
                 BAD_ARGUMENT);
    assert_fails(segment_encode(&series, (struct range){0, 600000000}, &bars, &bytes, &err),
                 BAR_ORDER);
    assert_non_null(strstr(err.text, "bar 9"));
    bars.time_us[4] = bars.time_us[3];
    assert_fails(segment_encode(&series, wide_period(), &bars, &bytes, &err), BAR_ORDER);
    assert_non_null(strstr(err.text, "bar 4"));
    assert_null(bytes.data);
    assert_int_equal(bytes.length, 0);
    bars_reset(&bars);
}

static void every_truncation_and_every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct series series = series_of("1m");
    struct bars bars = {0};
    add_series(&bars, KIND_mixed, 40, series.interval, 1700000040000000, 9, 1);
    struct bytes bytes = encode(&series, wide_period(), &bars);
    struct segment before;
    struct segment segment;
    memset(&segment, 0x5a, sizeof segment);
    memcpy(&before, &segment, sizeof segment);
    for (size_t length = 0; length < bytes.length; length++) {
        assert_fails(segment_open(bytes.data, length, &segment, &err), CORRUPT);
        assert_non_null(strstr(err.text, "offset "));
    }
    for (size_t bit = 0; bit < 8 * bytes.length; bit++) {
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        iso_status status = segment_open(bytes.data, bytes.length, &segment, &err);
        assert_true(iso_status_code(status) == ISO_ERROR_CORRUPT ||
                    (bit / 8 == 7 && iso_status_code(status) == ISO_ERROR_NEWER_VERSION));
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_memory_equal(&before, &segment, sizeof segment);
    assert_ok(segment_open(bytes.data, bytes.length, &segment, &err));
    bytes_reset(&bytes);
    bars_reset(&bars);
}

static void rehash(struct bytes *bytes)
{
    struct hash128 hash = hash_bytes(bytes->data + HASHED_AT, bytes->length - HASHED_AT);
    for (int i = 0; i < 8; i++) {
        bytes->data[HASH_AT + i] = (uint8_t)(hash.high >> (56 - 8 * i));
        bytes->data[HASH_AT + 8 + i] = (uint8_t)(hash.low >> (56 - 8 * i));
    }
}

/* An attacker can compute hashes: each byte is set to hostile values under a right hash. */
static void rehashed_damage_never_leaves_the_target_changed(void **state)
{
    (void)state;
    static const uint8_t hostile[] = {0, 1, 64, 127, 128, 255};
    struct series series = series_of("1m");
    struct bars bars = {0};
    struct bars target = {0};
    add_series(&bars, KIND_mixed, 70, series.interval, 1700000040000000, 9, 1);
    struct bytes bytes = encode(&series, wide_period(), &bars);
    size_t refused = 0;
    for (size_t at = HASHED_AT; at < bytes.length; at++) {
        uint8_t original = bytes.data[at];
        for (size_t i = 0; i < sizeof hostile; i++) {
            bytes.data[at] = hostile[i];
            rehash(&bytes);
            struct segment segment;
            struct segment_info info;
            if (iso_failed(segment_open(bytes.data, bytes.length, &segment, &err))) {
                assert_non_null(strstr(err.text, "offset "));
                refused++;
                continue;
            }
            iso_ignore(segment_inspect(&segment, &info, &err), "damage need not show here");
            target.count = 0;
            iso_status status = segment_decode(&segment, segment.period, &target, NULL, &err);
            if (iso_failed(status)) {
                assert_int_equal(iso_status_code(status), ISO_ERROR_CORRUPT);
                assert_non_null(strstr(err.text, "offset "));
                assert_int_equal(target.count, 0);
                refused++;
            } else {
                assert_int_equal(target.count, segment.rows);
            }
        }
        bytes.data[at] = original;
    }
    assert_true(refused > 500);
    bytes_reset(&bytes);
    bars_reset(&bars);
    bars_reset(&target);
}

static void a_newer_version_is_refused_by_name(void **state)
{
    (void)state;
    struct series series = series_of("1m");
    struct bars bars = {0};
    add_series(&bars, KIND_decimal2, 3, series.interval, 0, 0, 1);
    struct bytes bytes = encode(&series, wide_period(), &bars);
    bytes.data[7] = SEGMENT_VERSION + 1;
    struct segment segment;
    assert_fails(segment_open(bytes.data, bytes.length, &segment, &err), NEWER_VERSION);
    assert_non_null(strstr(err.text, "version 3"));
    bytes.data[7] = 1;
    assert_fails(segment_open(bytes.data, bytes.length, &segment, &err), CORRUPT);
    assert_non_null(strstr(err.text, "never released"));
    bytes_reset(&bytes);
    bars_reset(&bars);
}

/* A sample's bars, from which it was made and which it must give forever. */
struct sample {
    const char *name;
    enum series_kind kinds[4];
};

static void make_sample(const struct sample *sample, struct bars *bars,
                        const struct interval *interval)
{
    int64_t time_us = 1704067200000000;
    for (size_t i = 0; i < 4; i++) {
        add_series(bars, sample->kinds[i], 400, interval, time_us, 25, (uint32_t)i);
        time_us = bars->time_us[bars->count - 1] + interval->step_us;
    }
}

static void add_sample_line(struct text *text, const struct bar *bar)
{
    text_addf(text, "%lld", (long long)bar->time_us);
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        text_add_char(text, ',');
        text_add_number(text, bar->value[i]);
    }
    text_add_char(text, ',');
    if (bar->trade_count != BAR_COUNT_ABSENT) {
        text_addf(text, "%lld", (long long)bar->trade_count);
    }
    text_add_char(text, '\n');
}

static void write_whole(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void format_csv(const struct bars *bars, struct text *csv)
{
    text_add(csv, "time_us,open,high,low,close,volume,vwap,trade_count\n");
    for (size_t i = 0; i < bars->count; i++) {
        struct bar bar = bars_get(bars, i);
        add_sample_line(csv, &bar);
    }
}

static void write_sample(const char *path, const char *csv_path, const struct series *series,
                         const struct bars *bars, const struct text *csv)
{
    struct bytes made = encode(series, interval_period(series->interval, bars->time_us[0]), bars);
    write_whole(path, made.data, made.length);
    write_whole(csv_path, csv->data, csv->length);
    bytes_reset(&made);
}

/* With ISOBAR_WRITE_SAMPLE set, writes the sample first; for a new version only. */
static void assert_sample_reads(const struct sample *sample)
{
    struct series series = series_of("1m");
    struct bars bars = {0};
    struct bars decoded = {0};
    struct text csv = {0};
    struct bytes stored = {0};
    struct bytes expected = {0};
    struct segment segment;
    char path[512];
    char csv_path[512];
    (void)snprintf(path, sizeof path, TEST_DATA "/%s.seg", sample->name);
    (void)snprintf(csv_path, sizeof csv_path, TEST_DATA "/%s.csv", sample->name);
    make_sample(sample, &bars, series.interval);
    format_csv(&bars, &csv);
    if (getenv("ISOBAR_WRITE_SAMPLE") != NULL) {
        write_sample(path, csv_path, &series, &bars, &csv);
    }
    assert_ok(file_read(path, 1 << 20, &stored, &err));
    assert_ok(file_read(csv_path, 1 << 20, &expected, &err));
    assert_ok(segment_open(stored.data, stored.length, &segment, &err));
    assert_ok(segment_decode(&segment, segment.period, &decoded, NULL, &err));
    assert_true(bars_equal(&bars, &decoded));
    assert_int_equal(csv.length, expected.length);
    assert_memory_equal(csv.data, expected.data, csv.length);
    struct bytes again = encode(&series, segment.period, &decoded);
    assert_int_equal(again.length, stored.length);
    assert_memory_equal(again.data, stored.data, stored.length);
    bytes_reset(&again);
    bytes_reset(&stored);
    bytes_reset(&expected);
    bars_reset(&decoded);
    bars_reset(&bars);
    text_reset(&csv);
}

static void the_samples_of_version_2_read_as_ever(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"segment-v2", {KIND_decimal2, KIND_thin_off_grid, KIND_ulps_off, KIND_some_absent}},
        {"segment-v2-raw", {KIND_any_bits, KIND_random17, KIND_hostile_counts, KIND_infinite}}};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        assert_sample_reads(&samples[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_series_round_trips_in_every_bit),
        cmocka_unit_test(thousands_of_short_series_round_trip),
        cmocka_unit_test(every_interval_round_trips),
        cmocka_unit_test(times_off_the_grid_and_far_apart_round_trip),
        cmocka_unit_test(random_doubles_cost_little_more_than_their_bits),
        cmocka_unit_test(absent_columns_cost_nothing),
        cmocka_unit_test(ticks_are_found_and_every_bit_is_accounted_for),
        cmocka_unit_test(a_range_is_a_slice_of_the_whole_and_decodes_only_its_blocks),
        cmocka_unit_test(decoding_appends_to_what_the_target_holds),
        cmocka_unit_test(a_segment_does_not_depend_on_where_its_bars_lie),
        cmocka_unit_test(foreign_nans_become_the_absent_value),
        cmocka_unit_test(bars_that_are_no_segment_are_refused),
        cmocka_unit_test(every_truncation_and_every_flipped_bit_is_refused),
        cmocka_unit_test(rehashed_damage_never_leaves_the_target_changed),
        cmocka_unit_test(a_newer_version_is_refused_by_name),
        cmocka_unit_test(the_samples_of_version_2_read_as_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
