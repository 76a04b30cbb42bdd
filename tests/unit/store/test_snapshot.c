/* SPDX-License-Identifier: Apache-2.0 */
#include "../fixture.h"

#include "market/time.h"
#include "store/snapshot.h"

static const int64_t monday_us = INT64_C(1704067200000000);
static const struct range all_time = {TIME_MIN_US, TIME_MAX_US};
static struct iso_error err;

static struct store *store_with(struct series *series, size_t count)
{
    struct store *store = NULL;
    struct write_report report = {0};
    ISO_DEFER(bars_reset) struct bars bars = {0};
    assert_ok(series_make("X", "1m", series, &err));
    assert_ok(store_open(os_system(), scratch, STORE_WRITE, &store, &err));
    add_bars(&bars, monday_us, TIME_MINUTE_US, count, 1);
    struct range covered = {monday_us, monday_us + (int64_t)count * TIME_MINUTE_US};
    assert_ok(store_write(store, series, &bars, covered, &report, &err));
    return store;
}

static void correct_one(struct store *store, const struct series *series, size_t index)
{
    struct write_report report = {0};
    ISO_DEFER(bars_reset) struct bars fixed = {0};
    int64_t at_us = monday_us + (int64_t)index * TIME_MINUTE_US;
    add_bars(&fixed, at_us, TIME_MINUTE_US, 1, 2);
    assert_ok(store_write(store, series, &fixed, (struct range){at_us, at_us + TIME_MINUTE_US},
                          &report, &err));
    assert_int_equal(report.corrected, 1);
}

static void a_snapshot_keeps_its_bars_after_corrections(void **state)
{
    (void)state;
    struct series series;
    struct snapshot before;
    struct snapshot after;
    ISO_DEFER(store_close) struct store *store = store_with(&series, 12000);
    ISO_DEFER(bars_reset) struct bars expected = {0};
    ISO_DEFER(bars_reset) struct bars read = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    assert_ok(snapshot_create(store, "a", &series, 1, all_time, &before, &err));
    assert_int_equal(before.bars, 12000);
    assert_int_equal(before.segments, 2);
    correct_one(store, &series, 500);
    assert_ok(snapshot_create(store, "b", &series, 1, all_time, &after, &err));
    assert_string_not_equal(before.root, after.root);
    add_bars(&expected, monday_us, TIME_MINUTE_US, 12000, 1);
    assert_ok(snapshot_read(store, "a", &series, &read, &coverage, &err));
    assert_true(coverage.complete);
    assert_bars_equal(&read, &expected);
}

static void the_root_depends_on_the_bars_alone(void **state)
{
    (void)state;
    struct series series;
    struct snapshot first;
    struct snapshot second;
    struct store *store = store_with(&series, 3000);
    assert_ok(snapshot_create(store, "a", NULL, 0, all_time, &first, &err));
    store_close(&store);
    assert_int_equal(scratch_remove(NULL), 0);
    assert_int_equal(scratch_make(NULL), 0);
    store = store_with(&series, 2900);
    ISO_DEFER(bars_reset) struct bars rest = {0};
    struct write_report report = {0};
    add_bars(&rest, monday_us + 2900 * TIME_MINUTE_US, TIME_MINUTE_US, 100, 1);
    struct range covered = {rest.time_us[0], rest.time_us[99] + TIME_MINUTE_US};
    assert_ok(store_write(store, &series, &rest, covered, &report, &err));
    assert_ok(snapshot_create(store, "another-name", NULL, 0, all_time, &second, &err));
    assert_string_equal(first.root, second.root);
    store_close(&store);
}

static void a_name_is_given_once(void **state)
{
    (void)state;
    struct series series;
    struct snapshot snapshot;
    ISO_DEFER(store_close) struct store *store = store_with(&series, 1000);
    assert_ok(snapshot_create(store, "a", NULL, 0, all_time, &snapshot, &err));
    assert_false(snapshot.already);
    assert_ok(snapshot_create(store, "a", NULL, 0, all_time, &snapshot, &err));
    assert_true(snapshot.already);
    correct_one(store, &series, 5);
    assert_fails(snapshot_create(store, "a", NULL, 0, all_time, &snapshot, &err), BAD_ARGUMENT);
    assert_fails(snapshot_create(store, "a/b", NULL, 0, all_time, &snapshot, &err), BAD_ARGUMENT);
    assert_fails(snapshot_create(store, "", NULL, 0, all_time, &snapshot, &err), BAD_ARGUMENT);
}

static void a_range_cuts_the_bars_of_its_border_segments(void **state)
{
    (void)state;
    struct series series;
    struct snapshot snapshot;
    ISO_DEFER(store_close) struct store *store = store_with(&series, 12000);
    ISO_DEFER(bars_reset) struct bars expected = {0};
    ISO_DEFER(bars_reset) struct bars read = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    struct range range = {monday_us + 10 * TIME_MINUTE_US, monday_us + 30 * TIME_MINUTE_US};
    assert_ok(snapshot_create(store, "part", &series, 1, range, &snapshot, &err));
    assert_int_equal(snapshot.bars, 20);
    assert_int_equal(snapshot.segments, 1);
    assert_ok(snapshot_read(store, "part", &series, &read, &coverage, &err));
    add_bars(&expected, range.from_us, TIME_MINUTE_US, 20, 1);
    assert_bars_equal(&read, &expected);
}

static void holes_are_part_of_the_snapshot(void **state)
{
    (void)state;
    struct series series;
    struct snapshot snapshot;
    struct write_report report = {0};
    ISO_DEFER(store_close) struct store *store = store_with(&series, 1000);
    ISO_DEFER(bars_reset) struct bars later = {0};
    ISO_DEFER(bars_reset) struct bars read = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    int64_t from_us = monday_us + 2000 * TIME_MINUTE_US;
    add_bars(&later, from_us, TIME_MINUTE_US, 500, 1);
    assert_ok(store_write(store, &series, &later,
                          (struct range){from_us, from_us + 500 * TIME_MINUTE_US}, &report, &err));
    assert_ok(snapshot_create(store, "holed", &series, 1, all_time, &snapshot, &err));
    assert_ok(snapshot_read(store, "holed", &series, &read, &coverage, &err));
    assert_int_equal(read.count, 1500);
    assert_true(coverage.complete);
    assert_int_equal(coverage.range_count, 1);
    assert_true(coverage.ranges[0].range.to_us == from_us);
}

static void what_is_not_there_is_refused_by_name(void **state)
{
    (void)state;
    struct series series;
    struct series other;
    struct snapshot snapshot;
    ISO_DEFER(store_close) struct store *store = store_with(&series, 1000);
    ISO_DEFER(bars_reset) struct bars read = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    assert_ok(series_make("Y", "1m", &other, &err));
    assert_fails(snapshot_create(store, "a", &other, 1, all_time, &snapshot, &err), NOT_FOUND);
    assert_non_null(strstr(err.text, "Y 1m"));
    assert_fails(snapshot_read(store, "a", &series, &read, &coverage, &err), NOT_FOUND);
    assert_ok(snapshot_create(store, "a", &series, 1, all_time, &snapshot, &err));
    assert_fails(snapshot_read(store, "a", &other, &read, &coverage, &err), NOT_FOUND);
}

static void a_changed_manifest_is_refused(void **state)
{
    (void)state;
    struct series series;
    struct snapshot snapshot;
    ISO_DEFER(store_close) struct store *store = store_with(&series, 1000);
    ISO_DEFER(bars_reset) struct bars read = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    assert_ok(snapshot_create(store, "a", &series, 1, all_time, &snapshot, &err));
    assert_ok(database_run(store_database(store),
                           "UPDATE snapshots SET manifest = replace(manifest, '1000', '1001')",
                           &err));
    assert_fails(snapshot_read(store, "a", &series, &read, &coverage, &err), CORRUPT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(a_snapshot_keeps_its_bars_after_corrections),
        TEST(the_root_depends_on_the_bars_alone),
        TEST(a_name_is_given_once),
        TEST(a_range_cuts_the_bars_of_its_border_segments),
        TEST(holes_are_part_of_the_snapshot),
        TEST(what_is_not_there_is_refused_by_name),
        TEST(a_changed_manifest_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
