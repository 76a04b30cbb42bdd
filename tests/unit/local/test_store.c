/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

#include "segment/segment.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static iso_status keep_hash(void *context, const struct segment_row *row, struct iso_error *e)
{
    struct hash128 *sum = context;
    (void)e;
    sum->high = sum->high * 31 + row->hash.high;
    sum->low = sum->low * 31 + row->hash.low;
    return ISO_OK;
}

static struct hash128 segments_digest(struct store *store)
{
    struct hash128 sum = {0, 0};
    assert_ok(store_each_segment(store, NULL, keep_hash, &sum, &err));
    return sum;
}

static void bars_written_are_read_back_bit_for_bit(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    ISO_DEFER(bars_reset) struct bars bars = {0};
    struct series series = minute_series("X");
    add_bars(&bars, monday_us, TIME_MINUTE_US, 30000, 1); /* three weeks, the last one partial */
    struct write_report report = write_all(store, &series, &bars);
    assert_int_equal(report.stored, 30000);
    assert_int_equal(report.duplicates + report.corrected, 0);
    assert_reads(store, &series, all_time, &bars);
    struct bars part = bars_slice(&bars, 9000, 2000); /* across a border of weeks */
    assert_reads(store, &series, (struct range){part.time_us[0], bars.time_us[11000]}, &part);
    assert_int_equal(count_problems(store), 0);
}

/* Filled in backwards, a little a week: the tail holds the week at hand, the one before, and the
 * newest. */
static void a_tail_stays_short_whichever_way_it_is_filled(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    struct series series = minute_series("X");
    for (int64_t week = 20; week > 0; week--) {
        ISO_DEFER(bars_reset) struct bars bars = {0};
        add_bars(&bars, monday_us + week * 7 * TIME_DAY_US, TIME_MINUTE_US, 50, 1);
        assert_int_equal(write_all(store, &series, &bars).stored, 50);
        assert_true(catalog_number("SELECT count(*) FROM tail") <= 150);
    }
    assert_true(catalog_number("SELECT count(*) FROM segments") >= 17);
    assert_int_equal(count_problems(store), 0);
}

static void the_same_bars_again_change_nothing(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    ISO_DEFER(bars_reset) struct bars bars = {0};
    struct series series = minute_series("X");
    add_bars(&bars, monday_us, TIME_MINUTE_US, 12000, 1);
    (void)write_all(store, &series, &bars);
    struct hash128 before = segments_digest(store);
    int64_t outbox_before = catalog_number("SELECT count(*) FROM outbox");
    struct write_report report = write_all(store, &series, &bars);
    assert_int_equal(report.duplicates, 12000);
    assert_int_equal(report.stored + report.corrected, 0);
    assert_true(hash_equal(before, segments_digest(store)));
    assert_int_equal(catalog_number("SELECT count(*) FROM outbox"), outbox_before);
}

static void a_correction_wins_whether_it_comes_alone_or_with_many(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(bars_reset) struct bars fixed = {0};
    struct series series = minute_series("X");
    add_bars(&bars, monday_us, TIME_MINUTE_US, 5000, 1);
    (void)write_all(store, &series, &bars);
    add_bars(&fixed, bars.time_us[100], TIME_MINUTE_US, 1, 2);
    struct write_report report = write_all(store, &series, &fixed); /* goes to the tail */
    assert_int_equal(report.corrected, 1);
    struct bar bar = bars_get(&fixed, 0);
    bars_set(&bars, 100, &bar);
    assert_reads(store, &series, all_time, &bars);
    bars_reset(&fixed);
    add_bars(&fixed, bars.time_us[2000], TIME_MINUTE_US, 400, 3); /* makes a new segment */
    report = write_all(store, &series, &fixed);
    assert_int_equal(report.corrected, 400);
    for (size_t i = 0; i < 400; i++) {
        bar = bars_get(&fixed, i);
        bars_set(&bars, 2000 + i, &bar);
    }
    assert_reads(store, &series, all_time, &bars);
    assert_int_equal(catalog_number("SELECT count(*) FROM retired"), 1);
}

static void sealing_gives_the_same_segments_whatever_the_order_of_writes(void **state)
{
    (void)state;
    struct series series = minute_series("X");
    ISO_DEFER(bars_reset) struct bars bars = {0};
    add_bars(&bars, monday_us, TIME_MINUTE_US, 11000, 1);
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    for (size_t at = bars.count; at > 0; at -= 100) { /* backwards, in small pieces */
        struct bars piece = bars_slice(&bars, at - 100, 100);
        (void)write_all(store, &series, &piece);
    }
    size_t sealed = 0;
    assert_reads(store, &series, all_time, &bars);
    assert_ok(store_seal(store, &series, &sealed, &err));
    assert_true(sealed > 0 && sealed < 11000); /* long tails were packed on the way */
    struct hash128 piecewise = segments_digest(store);
    assert_int_equal(catalog_number("SELECT count(*) FROM tail"), 0);
    assert_reads(store, &series, all_time, &bars);
    store_close(&store);
    assert_int_equal(scratch_remove(NULL), 0);
    assert_int_equal(scratch_make(NULL), 0);
    store = open_for(STORE_WRITE);
    (void)write_all(store, &series, &bars);
    assert_true(hash_equal(piecewise, segments_digest(store)));
}

static iso_status count_bars(void *context, const struct series_row *row, struct iso_error *e)
{
    (void)e;
    *(size_t *)context += row->bars;
    return ISO_OK;
}

static void the_list_counts_each_bar_once_with_corrections_in_the_tail(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(bars_reset) struct bars more = {0};
    struct series series = minute_series("X");
    add_bars(&bars, monday_us, TIME_MINUTE_US, 500, 1);
    (void)write_all(store, &series, &bars);
    add_bars(&more, bars.time_us[495], TIME_MINUTE_US, 20, 2); /* 5 corrections, 15 new */
    (void)write_all(store, &series, &more);
    (void)write_all(store, &series, &more);
    size_t listed = 0;
    assert_ok(store_each_series(store, count_bars, &listed, &err));
    assert_int_equal(listed, 515);
}

static void what_was_never_written_is_named_as_a_hole(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(bars_reset) struct bars later = {0};
    ISO_DEFER(bars_reset) struct bars read = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    struct series series = minute_series("X");
    add_bars(&bars, monday_us, TIME_MINUTE_US, 500, 1);
    add_bars(&later, monday_us + 600 * TIME_MINUTE_US, TIME_MINUTE_US, 500, 1);
    (void)write_all(store, &series, &bars);
    (void)write_all(store, &series, &later);
    assert_ok(store_read(store, &series, all_time, &read, &coverage, &err));
    assert_int_equal(read.count, 1000);
    assert_true(coverage.complete);
    assert_int_equal(coverage.range_count, 1);
    assert_true(coverage.ranges[0].hole);
    assert_true(coverage.ranges[0].range.from_us == monday_us + 500 * TIME_MINUTE_US);
    assert_true(coverage.ranges[0].range.to_us == monday_us + 600 * TIME_MINUTE_US);
    struct series unknown = minute_series("Y");
    assert_fails(store_read(store, &unknown, all_time, &read, &coverage, &err), NOT_FOUND);
}

static void a_flipped_bit_is_found_and_never_returned(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    ISO_DEFER(bars_reset) struct bars bars = {0};
    struct series series = minute_series("X");
    char path[512];
    add_bars(&bars, monday_us, TIME_MINUTE_US, 2000, 1);
    (void)write_all(store, &series, &bars);
    first_segment_path(path, sizeof path);
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    off_t size = lseek(file, 0, SEEK_END);
    for (off_t at = 0; at < size; at += 61) {
        uint8_t byte;
        assert_int_equal(pread(file, &byte, 1, at), 1);
        uint8_t flipped = byte ^ (uint8_t)(1 << (at % 8));
        assert_int_equal(pwrite(file, &flipped, 1, at), 1);
        ISO_DEFER(bars_reset) struct bars read = {0};
        ISO_DEFER(coverage_reset) struct coverage coverage = {0};
        assert_ok(store_read(store, &series, all_time, &read, &coverage, &err));
        assert_false(coverage.complete);
        assert_false(coverage.ranges[0].hole);
        assert_int_equal(read.count, 0);
        assert_int_equal(count_problems(store), 1);
        assert_int_equal(pwrite(file, &byte, 1, at), 1);
    }
    assert_int_equal(close(file), 0);
    assert_reads(store, &series, all_time, &bars);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(count_problems(store), 1);
}

/* Flip a bit of the only segment. */
static void damage_segment(void)
{
    char path[256];
    first_segment_path(path, sizeof path);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 600, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, 600, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 4, file), byte ^ 4);
    assert_int_equal(fclose(file), 0);
}

/* Few bars or many, over the damaged ones and beside them: kept, and the damage stays named. */
static void damage_to_old_bars_does_not_stop_new_ones(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars old = {0};
    ISO_DEFER(bars_reset) struct bars few = {0};
    ISO_DEFER(bars_reset) struct bars many = {0};
    ISO_DEFER(bars_reset) struct bars both = {0};
    struct series series = minute_series("X");
    add_bars(&old, monday_us, TIME_MINUTE_US, 3000, 1);
    add_bars(&few, monday_us, TIME_MINUTE_US, 7, 2);
    add_bars(&many, monday_us + 2500 * TIME_MINUTE_US, TIME_MINUTE_US, 1000, 3);
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    (void)write_all(store, &series, &old);
    store_close(&store);
    damage_segment();
    store = open_for(STORE_CHANGE);
    (void)write_all(store, &series, &few);
    (void)write_all(store, &series, &many);
    size_t sealed;
    assert_ok(store_seal(store, &series, &sealed, &err));
    ISO_DEFER(bars_reset) struct bars read = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    assert_ok(store_read(store, &series, all_time, &read, &coverage, &err));
    assert_false(coverage.complete);
    assert_ok(bars_append_all(&both, &few, &err));
    assert_ok(bars_append_all(&both, &many, &err));
    assert_bars_equal(&read, &both);
    assert_int_equal(count_problems(store), 1);
    /* The old bars again mend the segment; they are the newest word on the times they name. */
    (void)write_all(store, &series, &old);
    ISO_DEFER(bars_reset) struct bars mended = {0};
    struct bars beyond = bars_slice(&many, 500, 500);
    assert_ok(bars_append_all(&mended, &old, &err));
    assert_ok(bars_append_all(&mended, &beyond, &err));
    assert_reads(store, &series, all_time, &mended);
    assert_int_equal(count_problems(store), 0);
}

static void damage_that_newer_bars_cover_wholly_is_over(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars old = {0};
    ISO_DEFER(bars_reset) struct bars newer = {0};
    struct series series = minute_series("X");
    add_bars(&old, monday_us, TIME_MINUTE_US, 3000, 1);
    add_bars(&newer, monday_us, TIME_MINUTE_US, 3000, 2);
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    (void)write_all(store, &series, &old);
    damage_segment();
    struct bars most = bars_slice(&newer, 0, 2999);
    struct bars last = bars_slice(&newer, 2999, 1);
    (void)write_all(store, &series, &most);
    assert_int_equal(count_problems(store), 1); /* the last old bar has nothing over it */
    (void)write_all(store, &series, &last);
    assert_reads(store, &series, all_time, &newer);
    assert_int_equal(count_problems(store), 0);
}

static void bars_out_of_order_are_refused_and_nothing_is_stored(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    ISO_DEFER(bars_reset) struct bars bars = {0};
    struct series series = minute_series("X");
    struct write_report report = {0};
    add_bars(&bars, monday_us, TIME_MINUTE_US, 300, 1);
    bars.time_us[200] = bars.time_us[199];
    assert_fails(store_write(store, &series, &bars, whole(&bars), &report, &err), BAR_ORDER);
    assert_non_null(strstr(err.text, "bar 200"));
    assert_int_equal(report.stored, 0);
    assert_int_equal(catalog_number("SELECT count(*) FROM segments"), 0);
}

static void a_missing_store_and_a_newer_one_are_refused(void **state)
{
    (void)state;
    struct store *store = NULL;
    char path[128];
    assert_fails(store_open(os_system(), "/nonexistent/isobar", STORE_READ, &store, &err),
                 BAD_ARGUMENT);
    assert_fails(store_open(os_system(), scratch, STORE_READ, &store, &err), BAD_ARGUMENT);
    assert_null(store);
    store = open_for(STORE_WRITE);
    assert_ok(database_run(store_database(store), "PRAGMA user_version = 1000", &err));
    store_close(&store);
    assert_fails(store_open(os_system(), scratch, STORE_READ, &store, &err), NEWER_VERSION);
    assert_fails(store_open(os_system(), scratch, STORE_WRITE, &store, &err), NEWER_VERSION);
    (void)snprintf(path, sizeof path, "%s/catalog.db", scratch);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("this is no database, whatever its name says ....................", file);
    assert_int_equal(fclose(file), 0);
    assert_fails(store_open(os_system(), scratch, STORE_READ, &store, &err), CORRUPT);
}

/* Fail the n-th call to the system, once and for ever after, for every n until none is left to
 * fail. */
static void each_failing_system_call_leaves_all_or_nothing(void **state)
{
    (void)state;
    struct series series = minute_series("X");
    ISO_DEFER(bars_reset) struct bars first = {0};
    ISO_DEFER(bars_reset) struct bars both = {0};
    add_bars(&first, monday_us, TIME_MINUTE_US, 400, 1);
    add_bars(&both, monday_us, TIME_MINUTE_US, 400, 1);
    add_bars(&both, monday_us + 400 * TIME_MINUTE_US, TIME_MINUTE_US, 12000, 1);
    struct bars second = bars_slice(&both, 400, 12000);
    for (int mode = 0; mode < 2; mode++) {
        bool injected = true;
        for (int n = 0; injected; n++) {
            struct failing_os failing;
            struct write_report report = {0};
            ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
            (void)write_all(store, &series, &first);
            store_close(&store);
            failing_init(&failing, n, mode == 1);
            iso_status status = store_open(&failing.os, scratch, STORE_WRITE, &store, &err);
            if (!iso_failed(status)) {
                status = store_write(store, &series, &second, whole(&second), &report, &err);
            }
            injected = failing.failed;
            store_close(&store);
            store = open_for(STORE_READ);
            assert_reads(store, &series, all_time, iso_failed(status) ? &first : &both);
            assert_int_equal(count_problems(store), 0);
            assert_true(n < 100);
            store_close(&store);
            assert_int_equal(scratch_remove(NULL), 0);
            assert_int_equal(scratch_make(NULL), 0);
        }
    }
}

/* A writer of the tests' own: bars one after another, in pieces, each acknowledged through a pipe.
 */
static void write_until_killed(int acknowledge, int64_t first_index)
{
    struct store *store = open_for(STORE_WRITE);
    struct series series = minute_series("X");
    for (int64_t at = first_index;; at += 50) {
        struct bars bars = {0};
        add_bars(&bars, monday_us + at * TIME_MINUTE_US, TIME_MINUTE_US, at % 3 == 0 ? 300 : 50, 1);
        (void)write_all(store, &series, &bars);
        int64_t written = at + (int64_t)bars.count;
        bars_reset(&bars);
        if (write(acknowledge, &written, sizeof written) != sizeof written) {
            _exit(0);
        }
    }
}

static void a_killed_writer_loses_no_acknowledged_bar(void **state)
{
    (void)state;
    enum { KILLS = 25 };
    struct series series = minute_series("X");
    struct rng rng = rng_stream(9, 0, 0, RNG_TEST);
    int64_t acknowledged = 0;
    for (int kill_index = 0; kill_index < KILLS; kill_index++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)close(ends[0]);
            write_until_killed(ends[1], acknowledged);
        }
        (void)close(ends[1]);
        struct timespec pause = {0, (long)rng_below(&rng, 60) * 1000000 + 5000000};
        (void)nanosleep(&pause, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        int64_t written;
        while (read(ends[0], &written, sizeof written) == sizeof written) {
            acknowledged = written;
        }
        (void)close(ends[0]);
        if (acknowledged == 0) {
            continue; /* killed before the first acknowledgement */
        }
        ISO_DEFER(store_close) struct store *store = open_for(STORE_READ);
        ISO_DEFER(bars_reset) struct bars read = {0};
        ISO_DEFER(bars_reset) struct bars expected = {0};
        ISO_DEFER(coverage_reset) struct coverage coverage = {0};
        assert_ok(store_read(store, &series, all_time, &read, &coverage, &err));
        assert_true(coverage.complete);
        assert_true((int64_t)read.count >= acknowledged);
        add_bars(&expected, monday_us, TIME_MINUTE_US, read.count, 1);
        assert_bars_equal(&read, &expected);
        assert_int_equal(count_problems(store), 0);
    }
    assert_true(acknowledged > 0);
}

static void run_writer(uint32_t parity)
{
    struct store *store = open_for(STORE_WRITE);
    struct series series = minute_series("X");
    for (int i = 0; i < 30; i++) {
        struct bars bars = {0};
        int64_t from_us = monday_us + (int64_t)(2 * i * 20 + (int)parity * 20) * TIME_MINUTE_US;
        add_bars(&bars, from_us, TIME_MINUTE_US, 20, 1);
        (void)write_all(store, &series, &bars);
        bars_reset(&bars);
        if (i % 10 == 9) {
            size_t sealed;
            assert_ok(store_seal(store, &series, &sealed, &err));
        }
    }
    store_close(&store);
}

static void two_writers_and_a_reader_at_once_lose_nothing(void **state)
{
    (void)state;
    struct series series = minute_series("X");
    pid_t children[2];
    struct store *made = open_for(STORE_WRITE);
    store_close(&made);
    for (uint32_t i = 0; i < 2; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            run_writer(i);
            _exit(0);
        }
    }
    ISO_DEFER(store_close) struct store *store = open_for(STORE_READ);
    size_t seen = 0;
    int running = 2;
    while (running > 0) {
        ISO_DEFER(bars_reset) struct bars read = {0};
        ISO_DEFER(coverage_reset) struct coverage coverage = {0};
        iso_status status = store_read(store, &series, all_time, &read, &coverage, &err);
        assert_true(!iso_failed(status) || iso_status_code(status) == ISO_ERROR_NOT_FOUND);
        assert_true(coverage.complete);
        assert_true(read.count >= seen && read.count % 20 == 0); /* whole writes only, none lost */
        seen = read.count;
        int result;
        pid_t ended = waitpid(-1, &result, WNOHANG);
        if (ended > 0) {
            assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
            running--;
        }
    }
    ISO_DEFER(bars_reset) struct bars expected = {0};
    add_bars(&expected, monday_us, TIME_MINUTE_US, 1200, 1);
    assert_reads(store, &series, all_time, &expected);
    assert_int_equal(count_problems(store), 0);
}

static iso_status keep_reason(void *context, const struct quarantine_row *row, struct iso_error *e)
{
    (void)e;
    size_t *count = context;
    assert_string_equal(row->file, "a.csv");
    assert_int_equal(row->line, 7);
    assert_string_equal(row->reason, "high is below low");
    *count += 1;
    return ISO_OK;
}

static void a_quarantined_row_is_kept_once_and_dropped_on_request(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    struct quarantine_row row = {"a.csv", 7, "X", "high is below low", "1,2,3"};
    size_t count = 0;
    size_t dropped = 0;
    assert_ok(store_quarantine(store, &row, 1, &err));
    assert_ok(store_quarantine(store, &row, 1, &err));
    assert_ok(store_each_quarantined(store, keep_reason, &count, &err));
    assert_int_equal(count, 1);
    assert_ok(store_quarantine_drop(store, NULL, &dropped, &err));
    assert_int_equal(dropped, 1);
}

static void every_write_that_changes_something_enters_the_outbox(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    ISO_DEFER(bars_reset) struct bars bars = {0};
    struct series series = minute_series("X");
    add_bars(&bars, monday_us, TIME_MINUTE_US, 10, 1);
    (void)write_all(store, &series, &bars);
    assert_int_equal(catalog_number("SELECT count(*) FROM outbox WHERE hash IS NULL"), 1);
    assert_int_equal(catalog_number("SELECT rows FROM outbox"), 10);
    size_t sealed;
    assert_ok(store_seal(store, NULL, &sealed, &err));
    assert_int_equal(catalog_number("SELECT count(*) FROM outbox JOIN segments USING (hash)"), 1);
}

static int64_t synchronous_of(struct store *store)
{
    struct statement *read = NULL;
    bool has_row = false;
    assert_ok(statement_new(store_database(store), "PRAGMA synchronous", &read, &err));
    assert_ok(statement_step(read, &has_row, &err));
    int64_t level = statement_integer(read, 0);
    statement_free(&read);
    return level;
}

static void commits_are_synced_in_full(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    assert_int_equal(synchronous_of(store), 2); /* sqlite.org/pragma.html: 2 is FULL */
}

static void ranges_that_touch_are_kept_as_one(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    ISO_DEFER(bars_reset) struct bars bars = {0};
    struct series series = minute_series("X");
    add_bars(&bars, monday_us, TIME_MINUTE_US, 20, 1);
    struct bars first = bars_slice(&bars, 0, 10);
    struct bars second = bars_slice(&bars, 10, 10);
    (void)write_all(store, &series, &first);
    (void)write_all(store, &series, &second);
    assert_int_equal(catalog_number("SELECT count(*) FROM coverage"), 1);
    assert_int_equal(catalog_number("SELECT to_us - from_us FROM coverage"), 20 * TIME_MINUTE_US);
}

static void a_hole_of_one_microsecond_is_named(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(bars_reset) struct bars read = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    struct series series = minute_series("X");
    struct write_report report = {0};
    add_bars(&bars, monday_us, TIME_MINUTE_US, 2, 1);
    for (size_t i = 0; i < 2; i++) {
        struct bars one = bars_slice(&bars, i, 1);
        struct range covered = {bars.time_us[i] + (int64_t)i, bars.time_us[i] + TIME_MINUTE_US};
        assert_ok(store_write(store, &series, &one, covered, &report, &err));
    }
    assert_ok(store_read(store, &series, all_time, &read, &coverage, &err));
    assert_int_equal(coverage.range_count, 1);
    assert_int_equal(coverage.ranges[0].range.to_us - coverage.ranges[0].range.from_us, 1);
}

static void a_segment_that_is_current_again_is_not_retired(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    ISO_DEFER(bars_reset) struct bars first = {0};
    ISO_DEFER(bars_reset) struct bars second = {0};
    struct series series = minute_series("X");
    add_bars(&first, monday_us, TIME_MINUTE_US, 400, 1);
    add_bars(&second, monday_us, TIME_MINUTE_US, 400, 2);
    (void)write_all(store, &series, &first);
    (void)write_all(store, &series, &second);
    (void)write_all(store, &series, &first);
    assert_int_equal(catalog_number("SELECT count(*) FROM retired"), 1);
    assert_int_equal(catalog_number("SELECT count(*) FROM retired JOIN segments USING (hash)"), 0);
}

/* Another whole segment under a segment's name is as wrong as a flipped bit. */
static void a_file_under_another_name_is_refused(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(bars_reset) struct bars read = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    struct series series = minute_series("X");
    struct series other = series;
    struct range period = interval_period(series.interval, monday_us);
    char path[512];
    add_bars(&bars, monday_us, TIME_MINUTE_US, 400, 1);
    (void)write_all(store, &series, &bars);
    first_segment_path(path, sizeof path);
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    add_bars(&bars, monday_us + 400 * TIME_MINUTE_US, TIME_MINUTE_US, 1, 1);
    assert_ok(segment_encode(&other, period, &bars, &bytes, &err));
    assert_ok(file_write(os_system(), path, bytes.data, bytes.length, &err));
    assert_ok(store_read(store, &series, all_time, &read, &coverage, &err));
    assert_false(coverage.complete);
    assert_int_equal(read.count, 0);
    assert_int_equal(count_problems(store), 1);
}

static void an_index_row_that_disagrees_with_its_file_is_found(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    ISO_DEFER(bars_reset) struct bars bars = {0};
    struct series series = minute_series("X");
    add_bars(&bars, monday_us, TIME_MINUTE_US, 400, 1);
    (void)write_all(store, &series, &bars);
    assert_ok(database_run(store_database(store), "UPDATE segments SET rows = rows + 1", &err));
    assert_int_equal(count_problems(store), 1);
    assert_ok(database_run(store_database(store), "UPDATE segments SET rows = rows - 1", &err));
    assert_int_equal(count_problems(store), 0);
}

static void times_beyond_the_accepted_years_are_refused(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    ISO_DEFER(bars_reset) struct bars bars = {0};
    struct series series = minute_series("X");
    struct write_report report = {0};
    struct bar bar = make_bar(monday_us, 1);
    bar.time_us = TIME_MAX_US;
    assert_ok(bars_append(&bars, &bar, &err));
    struct range none = {0, 0};
    assert_fails(store_write(store, &series, &bars, none, &report, &err), LIMIT);
    bars.time_us[0] = TIME_MIN_US - 1;
    assert_fails(store_write(store, &series, &bars, none, &report, &err), LIMIT);
}

/* Between prepare and commit of one handle, another one writes: both writes must be there. */
struct intruder {
    struct os os;
    struct store *other;
    const struct bars *bars;
    bool done;
};

static int fsync_after_intrusion(void *context, int file)
{
    struct intruder *intruder = context;
    if (!intruder->done) {
        struct series series = minute_series("X");
        intruder->done = true;
        (void)write_all(intruder->other, &series, intruder->bars);
    }
    return os_system()->fsync(NULL, file);
}

static void a_write_between_prepare_and_commit_is_not_lost(void **state)
{
    (void)state;
    ISO_DEFER(store_close) struct store *other = open_for(STORE_WRITE);
    ISO_DEFER(bars_reset) struct bars bars = {0};
    struct series series = minute_series("X");
    add_bars(&bars, monday_us, TIME_MINUTE_US, 1000, 1);
    struct bars mine = bars_slice(&bars, 0, 500);
    struct bars theirs = bars_slice(&bars, 500, 500);
    struct intruder intruder = {.os = *os_system(), .other = other, .bars = &theirs};
    intruder.os.context = &intruder;
    intruder.os.fsync = fsync_after_intrusion;
    ISO_DEFER(store_close) struct store *store = NULL;
    struct write_report report = {0};
    assert_ok(store_open(&intruder.os, scratch, STORE_WRITE, &store, &err));
    assert_ok(store_write(store, &series, &mine, whole(&mine), &report, &err));
    assert_true(intruder.done);
    assert_int_equal(report.stored, 500);
    assert_reads(store, &series, all_time, &bars);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(bars_written_are_read_back_bit_for_bit),
        TEST(a_tail_stays_short_whichever_way_it_is_filled),
        TEST(the_same_bars_again_change_nothing),
        TEST(a_correction_wins_whether_it_comes_alone_or_with_many),
        TEST(sealing_gives_the_same_segments_whatever_the_order_of_writes),
        TEST(the_list_counts_each_bar_once_with_corrections_in_the_tail),
        TEST(what_was_never_written_is_named_as_a_hole),
        TEST(a_flipped_bit_is_found_and_never_returned),
        TEST(damage_to_old_bars_does_not_stop_new_ones),
        TEST(damage_that_newer_bars_cover_wholly_is_over),
        TEST(bars_out_of_order_are_refused_and_nothing_is_stored),
        TEST(a_missing_store_and_a_newer_one_are_refused),
        TEST(each_failing_system_call_leaves_all_or_nothing),
        TEST(a_killed_writer_loses_no_acknowledged_bar),
        TEST(two_writers_and_a_reader_at_once_lose_nothing),
        TEST(a_quarantined_row_is_kept_once_and_dropped_on_request),
        TEST(every_write_that_changes_something_enters_the_outbox),
        TEST(commits_are_synced_in_full),
        TEST(ranges_that_touch_are_kept_as_one),
        TEST(a_hole_of_one_microsecond_is_named),
        TEST(a_segment_that_is_current_again_is_not_retired),
        TEST(a_file_under_another_name_is_refused),
        TEST(an_index_row_that_disagrees_with_its_file_is_found),
        TEST(times_beyond_the_accepted_years_are_refused),
        TEST(a_write_between_prepare_and_commit_is_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
