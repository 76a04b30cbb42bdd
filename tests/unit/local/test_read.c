/* SPDX-License-Identifier: Apache-2.0 */
/* Reading through the cache: the same bars as without it, and no more work than there must be. */
#include "store_fixture.h"

enum { WEEK_ROWS = 10080 };

static struct bars made; /* of the scratch store's series X, whole weeks but the last */

static int fill(void **state)
{
    (void)state;
    struct series series = minute_series("X");
    if (scratch_make(NULL) != 0) {
        return -1;
    }
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    made = (struct bars){0};
    add_bars(&made, monday_us, TIME_MINUTE_US, (size_t)3 * WEEK_ROWS + 100, 1);
    struct bars first = bars_slice(&made, 0, (size_t)3 * WEEK_ROWS);
    (void)write_all(store, &series, &first);
    for (size_t at = (size_t)3 * WEEK_ROWS; at < made.count; at += 50) { /* stays in the tail */
        struct bars part = bars_slice(&made, at, 50);
        (void)write_all(store, &series, &part);
    }
    return 0;
}

static int clean(void **state)
{
    bars_reset(&made);
    return scratch_remove(state);
}

/* Read by walking, the pieces laid one behind the other. */
static void walk(struct store *store, const struct series *series, struct range range,
                 struct bars *target, size_t *pieces)
{
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    ISO_DEFER(store_scan_close) struct store_scan *scan = NULL;
    assert_ok(store_scan_open(store, series, range, &coverage, &scan, &err));
    *pieces = 0;
    for (bool more = true; more;) {
        ISO_DEFER(store_view_release) struct store_view view = {0};
        assert_ok(store_scan_next(scan, &view, &err));
        more = view.bars.count > 0;
        *pieces += more ? 1 : 0;
        assert_ok(bars_append_all(target, &view.bars, &err));
    }
    assert_true(coverage.complete);
}

static void reading_and_walking_give_the_same_bars_cold_and_warm(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_READ);
    struct series series = minute_series("X");
    struct rng rng = rng_stream(5, 0, 0, RNG_TEST);
    for (int i = 0; i < 60; i++) {
        size_t first = (size_t)rng_below(&rng, (uint32_t)made.count);
        size_t count = (size_t)rng_below(&rng, (uint32_t)(made.count - first)) + 1;
        struct bars expected = bars_slice(&made, first, count);
        ISO_DEFER(bars_reset) struct bars walked = {0};
        size_t pieces;
        assert_reads(store, &series, whole(&expected), &expected);
        walk(store, &series, whole(&expected), &walked, &pieces);
        assert_bars_equal(&walked, &expected);
        assert_true(pieces <= 4);
        store_set_cache_bytes(store, (size_t)(i % 4) * 700000); /* none, one, two, three segments */
        assert_true(store_cache_stats(store).bytes <= (size_t)(i % 4) * 700000);
    }
}

static void a_warm_walk_borrows_and_reads_no_file(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_READ);
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    struct series series = minute_series("X");
    struct range week = {monday_us, monday_us + 7 * TIME_DAY_US};
    const double *column = NULL;
    for (int i = 0; i < 4; i++) {
        ISO_DEFER(store_scan_close) struct store_scan *scan = NULL;
        ISO_DEFER(store_view_release) struct store_view view = {0};
        assert_ok(store_scan_open(store, &series, week, &coverage, &scan, &err));
        assert_ok(store_scan_next(scan, &view, &err));
        assert_int_equal(view.bars.count, WEEK_ROWS);
        assert_true((view.pin != NULL) == (i > 0)); /* kept from the second time of asking */
        assert_true(i < 2 || view.bars.value[BAR_close] == column); /* the same memory */
        column = view.bars.value[BAR_close];
        if (i == 1) { /* without its files the rest must come from memory */
            char command[160];
            (void)snprintf(command, sizeof command, "rm '%s'/segments/*.seg", scratch);
            assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the path is our own */
        }
    }
}

/* One walk over everything takes no more memory than a segment, whatever the budget. */
static void what_is_walked_once_is_not_kept(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_READ);
    ISO_DEFER(bars_reset) struct bars walked = {0};
    struct series series = minute_series("X");
    size_t pieces;
    walk(store, &series, all_time, &walked, &pieces);
    assert_bars_equal(&walked, &made);
    assert_true(store_cache_stats(store).bytes < 100000); /* what the catalog said of the series */
}

static void a_view_outlives_scan_and_store(void **state)
{
    (void)state;
    struct store *store = open_for(STORE_READ);
    struct series series = minute_series("X");
    struct coverage coverage = {0};
    struct store_scan *scan = NULL;
    ISO_DEFER(store_view_release) struct store_view view = {0};
    ISO_DEFER(store_view_release) struct store_view tail = {0};
    struct bars first = bars_slice(&made, 0, WEEK_ROWS);
    struct bars last = bars_slice(&made, (size_t)3 * WEEK_ROWS, 100);
    assert_ok(store_scan_open(store, &series, whole(&first), &coverage, &scan, &err));
    assert_ok(store_scan_next(scan, &view, &err));
    store_scan_close(&scan);
    assert_ok(store_scan_open(store, &series, whole(&last), &coverage, &scan, &err));
    assert_ok(store_scan_next(scan, &tail, &err));
    store_scan_close(&scan);
    store_close(&store);
    assert_bars_equal(&view.bars, &first);
    assert_bars_equal(&tail.bars, &last);
    coverage_reset(&coverage);
}

static void a_write_is_seen_by_the_next_read_of_every_handle(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *reader = open_for(STORE_READ);
    ISO_DEFER(store_close) struct store *writer = open_for(STORE_WRITE);
    struct series series = minute_series("X");
    struct series other = minute_series("Y");
    for (size_t i = 0; i < 30; i++) {
        ISO_DEFER(bars_reset) struct bars more = {0};
        struct bars expected = bars_slice(&made, 0, made.count);
        assert_reads(reader, &series, all_time, &expected);
        assert_reads(writer, &series, all_time, &expected);
        add_bars(&more, made.time_us[made.count - 1] + TIME_MINUTE_US, TIME_MINUTE_US, i + 1, 1);
        (void)write_all(writer, &series, &more);
        (void)write_all(writer, &other, &more);
        assert_ok(bars_append_all(&made, &more, &err));
    }
}

/* Nobody wrote: the range that is now known to be complete must be told all the same. */
static void coverage_alone_is_seen_too(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *reader = open_for(STORE_READ);
    ISO_DEFER(store_close) struct store *writer = open_for(STORE_WRITE);
    struct series series = minute_series("X");
    struct range wide = {monday_us - TIME_DAY_US, monday_us + TIME_DAY_US};
    struct write_report report = {0};
    struct bars one = bars_slice(&made, 0, 1);
    for (int i = 0; i < 2; i++) {
        ISO_DEFER(bars_reset) struct bars read = {0};
        ISO_DEFER(coverage_reset) struct coverage coverage = {0};
        assert_ok(store_read(reader, &series, wide, &read, &coverage, &err));
        assert_int_equal(coverage.range_count, i == 0 ? 1 : 0);
        assert_ok(store_write(writer, &series, &one, wide, &report, &err));
    }
    assert_int_equal(report.duplicates, 2);
}

static void a_walk_keeps_to_the_state_it_began_with(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *reader = open_for(STORE_READ);
    ISO_DEFER(store_close) struct store *writer = open_for(STORE_WRITE);
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    ISO_DEFER(store_scan_close) struct store_scan *scan = NULL;
    ISO_DEFER(bars_reset) struct bars fixed = {0};
    ISO_DEFER(bars_reset) struct bars read = {0};
    struct series series = minute_series("X");
    assert_ok(store_scan_open(reader, &series, all_time, &coverage, &scan, &err));
    add_bars(&fixed, monday_us + 8 * TIME_DAY_US, TIME_MINUTE_US, 3000, 2);
    (void)write_all(writer, &series, &fixed); /* a new revision of the second week */
    for (bool more = true; more;) {
        ISO_DEFER(store_view_release) struct store_view view = {0};
        assert_ok(store_scan_next(scan, &view, &err));
        more = view.bars.count > 0;
        assert_ok(bars_append_all(&read, &view.bars, &err));
    }
    assert_bars_equal(&read, &made);
}

static void the_newest_bars_are_read_without_the_older_segments(void **state)
{
    (void)state;
    struct series series = minute_series("X");
    const size_t counts[] = {
        1, 99, 100, 101, WEEK_ROWS, 2 * WEEK_ROWS + 1, made.count, made.count + 1};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        ISO_DEFER(store_close) struct store *store = open_for(STORE_READ);
        ISO_DEFER(bars_reset) struct bars read = {0};
        ISO_DEFER(coverage_reset) struct coverage coverage = {0};
        size_t count = counts[i] < made.count ? counts[i] : made.count;
        struct bars expected = bars_slice(&made, made.count - count, count);
        assert_ok(store_read_last(store, &series, all_time, counts[i], &read, &coverage, &err));
        assert_bars_equal(&read, &expected);
        assert_true(coverage.complete);
        /* One miss for the series' state, one for each segment opened. Tail bars may be corrections
         * of a segment's, so they count only where they suffice alone. */
        size_t segments = count <= 100 ? 0 : (count + WEEK_ROWS - 1) / WEEK_ROWS;
        assert_int_equal(store_cache_stats(store).misses, 1 + (segments < 3 ? segments : 3));
    }
}

static void the_newest_of_a_range_that_ends_within_a_segment(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_READ);
    struct series series = minute_series("X");
    struct rng rng = rng_stream(6, 0, 0, RNG_TEST);
    for (int i = 0; i < 40; i++) {
        ISO_DEFER(bars_reset) struct bars read = {0};
        ISO_DEFER(coverage_reset) struct coverage coverage = {0};
        size_t first = (size_t)rng_below(&rng, (uint32_t)made.count - 1);
        size_t count = (size_t)rng_below(&rng, (uint32_t)(made.count - first - 1)) + 1;
        size_t last = (size_t)rng_below(&rng, (uint32_t)count) + 1;
        struct bars asked = bars_slice(&made, first, count);
        struct bars expected = bars_slice(&asked, count - last, last);
        assert_ok(store_read_last(store, &series, whole(&asked), last, &read, &coverage, &err));
        assert_bars_equal(&read, &expected);
    }
}

static void damage_before_the_newest_bars_does_not_matter_to_them(void **state)
{
    (void)state;
    struct series series = minute_series("X");
    char command[200];
    /* every segment but the tail's week is gone */
    (void)snprintf(command, sizeof command, "rm '%s'/segments/*.seg", scratch);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the path is our own */
    ISO_DEFER(store_close) struct store *store = open_for(STORE_READ);
    ISO_DEFER(bars_reset) struct bars read = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    assert_ok(store_read_last(store, &series, all_time, 50, &read, &coverage, &err));
    assert_int_equal(read.count, 50);
    assert_true(coverage.complete);
    bars_reset(&read);
    assert_ok(store_read_last(store, &series, all_time, 150, &read, &coverage, &err));
    assert_int_equal(read.count, 100);
    assert_false(coverage.complete);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fill, clean)
    const struct CMUnitTest tests[] = {
        TEST(reading_and_walking_give_the_same_bars_cold_and_warm),
        TEST(a_warm_walk_borrows_and_reads_no_file),
        TEST(what_is_walked_once_is_not_kept),
        TEST(a_view_outlives_scan_and_store),
        TEST(a_write_is_seen_by_the_next_read_of_every_handle),
        TEST(coverage_alone_is_seen_too),
        TEST(a_walk_keeps_to_the_state_it_began_with),
        TEST(the_newest_bars_are_read_without_the_older_segments),
        TEST(the_newest_of_a_range_that_ends_within_a_segment),
        TEST(damage_before_the_newest_bars_does_not_matter_to_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
