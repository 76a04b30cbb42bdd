/* SPDX-License-Identifier: Apache-2.0 */
/* Flipped bits in the catalog and its log: named, and never given as data. */
#include "store_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { PAGE = 4096, LOG_HEADER = 32, FRAME_HEADER = 24 };

static void catalog_path(const char *suffix, char *path, size_t bytes)
{
    (void)snprintf(path, bytes, "%s/catalog.db%s", scratch, suffix);
}

static off_t file_bytes(const char *suffix)
{
    char path[128];
    struct stat info;
    catalog_path(suffix, path, sizeof path);
    assert_int_equal(stat(path, &info), 0);
    return info.st_size;
}

/* No handle of this process may be open: closing the file would drop SQLite's locks. */
static void flip(const char *suffix, off_t offset, int bit)
{
    char path[128];
    uint8_t byte;
    catalog_path(suffix, path, sizeof path);
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, offset), 1);
    byte ^= (uint8_t)(1 << bit);
    assert_int_equal(pwrite(file, &byte, 1, offset), 1);
    assert_int_equal(close(file), 0);
}

/* Many series, so that the catalog has many pages of every kind; the last one has a tail. */
static void make_store(struct bars *bars)
{
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    add_bars(bars, monday_us, TIME_MINUTE_US, 40, 1);
    for (int i = 0; i < 60; i++) {
        char symbol[16];
        (void)snprintf(symbol, sizeof symbol, "S%02d", i);
        struct series series = minute_series(symbol);
        (void)write_all(store, &series, bars);
    }
}

/* What a reader gets: the true bars or a failure that names the damage. True where it failed. */
static bool refuses(const struct bars *bars)
{
    bool refused = false;
    ISO_DEFER(store_close) struct store *store = NULL;
    iso_status status = store_open(os_system(), scratch, STORE_READ, &store, &err);
    for (int i = 0; i < 60 && !iso_failed(status); i++) {
        char symbol[16];
        ISO_DEFER(bars_reset) struct bars read = {0};
        ISO_DEFER(coverage_reset) struct coverage coverage = {0};
        (void)snprintf(symbol, sizeof symbol, "S%02d", i);
        struct series series = minute_series(symbol);
        status = store_read(store, &series, all_time, &read, &coverage, &err);
        if (!iso_failed(status)) {
            assert_true(coverage.complete);
            assert_bars_equal(&read, bars);
        }
    }
    refused = iso_failed(status);
    if (refused) {
        enum iso_error_code code = iso_status_code(status);
        if ((code != ISO_ERROR_CORRUPT && code != ISO_ERROR_NEWER_VERSION) ||
            strstr(err.text, scratch) == NULL) {
            fail_msg("%s", err.text);
        }
    }
    return refused;
}

/* verify goes on behind damage, and names it. */
static size_t verify_problems(void)
{
    ISO_DEFER(store_close) struct store *store = NULL;
    iso_status status = store_open(os_system(), scratch, STORE_READ, &store, &err);
    if (iso_failed(status)) {
        return 1;
    }
    return count_problems(store);
}

static void a_flipped_bit_in_any_page_is_found(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    make_store(&bars);
    off_t size = file_bytes("");
    assert_true(size / PAGE > 20);
    for (off_t at = 100; at < size; at += 1021) { /* each page four times */
        flip("", at, (int)(at % 8));
        assert_true(verify_problems() > 0);
        (void)refuses(&bars);
        flip("", at, (int)(at % 8));
    }
    assert_int_equal(verify_problems(), 0);
    assert_false(refuses(&bars));
}

static void a_flipped_bit_in_the_header_gives_no_wrong_answer(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    make_store(&bars);
    for (off_t at = 0; at < 100; at++) {
        bool left_out = (at >= 24 && at < 28) || at >= 92; /* any SQLite may rewrite these */
        for (int bit = 0; bit < 8; bit++) {
            flip("", at, bit);
            assert_true(refuses(&bars) || left_out);
            flip("", at, bit);
        }
    }
    assert_false(refuses(&bars));
}

/* Writes, and keeps the log from being moved into the catalog and deleted. */
static void hold_log(int ready, int done)
{
    char byte = 0;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    make_store(&bars);
    assert_int_equal(write(ready, &byte, 1), 1);
    assert_int_equal(read(done, &byte, 1), 0);
    assert_non_null(store);
    _exit(0);
}

static void a_flipped_bit_in_the_log_is_found_while_it_is_in_use(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    int ready[2];
    int done[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(done), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(done[1]);
        hold_log(ready[1], done[0]);
    }
    (void)close(ready[1]);
    (void)close(done[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    add_bars(&bars, monday_us, TIME_MINUTE_US, 40, 1);
    assert_false(refuses(&bars));
    size_t found = 0;
    off_t frames = (file_bytes("-wal") - LOG_HEADER) / (FRAME_HEADER + PAGE);
    assert_true(frames > 20);
    for (off_t frame = 0; frame < frames; frame++) {
        off_t at = LOG_HEADER + frame * (FRAME_HEADER + PAGE) + FRAME_HEADER + 4000;
        flip("-wal", at, 3);
        found += refuses(&bars); /* frames that a later one replaced are not read */
        flip("-wal", at, 3);
    }
    assert_true(found >= 4);
    assert_false(refuses(&bars));
    (void)close(done[1]);
    (void)close(ready[0]);
    int wait_status;
    assert_int_equal(waitpid(child, &wait_status, 0), child);
    assert_int_equal(wait_status, 0);
}

/* A killed writer's store: its log is all there is of the last bars. */
static void leave_log(void)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        ISO_DEFER(bars_reset) struct bars bars = {0};
        struct store *keeper = open_for(STORE_WRITE);
        make_store(&bars);
        _exit(keeper == NULL);
    }
    int wait_status;
    assert_int_equal(waitpid(child, &wait_status, 0), child);
    assert_int_equal(wait_status, 0);
}

static void copy_file(const char *from, const char *to)
{
    char command[300];
    char paths[2][128];
    catalog_path(from, paths[0], sizeof paths[0]);
    catalog_path(to, paths[1], sizeof paths[1]);
    (void)snprintf(command, sizeof command, "cp '%s' '%s'", paths[0], paths[1]);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the paths are our own */
}

static void crash_again(void)
{
    char index[128];
    catalog_path("-shm", index, sizeof index);
    assert_true(unlink(index) == 0 || errno == ENOENT); /* as after a restart of the system */
    copy_file(".kept", "");
    copy_file("-wal.kept", "-wal");
}

static void keep_crashed(void)
{
    leave_log();
    copy_file("", ".kept");
    copy_file("-wal", "-wal.kept");
    crash_again();
}

static void a_flipped_bit_in_a_killed_writers_log_is_found(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    add_bars(&bars, monday_us, TIME_MINUTE_US, 40, 1);
    keep_crashed();
    assert_false(refuses(&bars));
    crash_again();
    off_t size = file_bytes("-wal");
    off_t step = size / 30 / 2 * 2 + 1; /* odd, so that all parts of frames are met */
    for (off_t at = 0; at < size; at += step) {
        flip("-wal", at, (int)(at / step % 8));
        assert_true(refuses(&bars));
        assert_non_null(strstr(err.text, "of its log"));
        crash_again();
    }
    for (off_t at = size - PAGE - FRAME_HEADER; at < size; at += 797) { /* the last transaction */
        flip("-wal", at, (int)(at % 8));
        assert_true(refuses(&bars));
        crash_again();
    }
    assert_false(refuses(&bars));
}

/* What a power cut tears is no damage: the unfinished transaction goes, those before it stay. */
static void a_torn_end_of_the_log_is_no_damage(void **state)
{
    (void)state;
    char path[128];
    keep_crashed();
    off_t size = file_bytes("-wal");
    catalog_path("-wal", path, sizeof path);
    for (off_t torn = 1; torn < PAGE; torn += 577) {
        assert_int_equal(truncate(path, size - torn), 0);
        ISO_DEFER(store_close) struct store *store = open_for(STORE_READ);
        assert_int_equal(count_problems(store), 0);
        store_close(&store);
        crash_again();
    }
    for (off_t block = 0; block < 8; block++) { /* a sector that was never written */
        static const uint8_t zeros[512];
        int file = open(path, O_RDWR);
        assert_int_equal(pwrite(file, zeros, 512, size - PAGE + block * 512), 512);
        assert_int_equal(close(file), 0);
        ISO_DEFER(store_close) struct store *store = open_for(STORE_READ);
        assert_int_equal(count_problems(store), 0);
        store_close(&store);
        crash_again();
    }
}

/* A sector lost from the middle of what was acknowledged: transactions behind it prove it. */
static void a_lost_sector_before_later_transactions_is_damage(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    static const uint8_t zeros[512];
    char path[128];
    add_bars(&bars, monday_us, TIME_MINUTE_US, 40, 1);
    keep_crashed();
    catalog_path("-wal", path, sizeof path);
    off_t frames = (file_bytes("-wal") - LOG_HEADER) / (FRAME_HEADER + PAGE);
    for (off_t frame = 0; frame < frames - 20; frame += 7) {
        int file = open(path, O_RDWR);
        off_t at = LOG_HEADER + frame * (FRAME_HEADER + PAGE) + PAGE - 512;
        uint8_t was[512];
        assert_int_equal(pread(file, was, 512, at), 512);
        assert_int_equal(pwrite(file, zeros, 512, at), 512);
        assert_int_equal(close(file), 0);
        assert_true(refuses(&bars) || memcmp(was, zeros, 512) == 0);
        crash_again();
    }
}

/* Another page's bytes in a page's place are whole, but not that page. */
static void a_page_in_another_ones_place_is_found(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    char path[128];
    uint8_t page[PAGE];
    make_store(&bars);
    catalog_path("", path, sizeof path);
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pread(file, page, PAGE, (off_t)2 * PAGE), PAGE);
    assert_int_equal(pwrite(file, page, PAGE, (off_t)5 * PAGE), PAGE);
    assert_int_equal(close(file), 0);
    assert_true(verify_problems() > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(a_flipped_bit_in_any_page_is_found),
        TEST(a_flipped_bit_in_the_header_gives_no_wrong_answer),
        TEST(a_flipped_bit_in_the_log_is_found_while_it_is_in_use),
        TEST(a_flipped_bit_in_a_killed_writers_log_is_found),
        TEST(a_torn_end_of_the_log_is_no_damage),
        TEST(a_lost_sector_before_later_transactions_is_damage),
        TEST(a_page_in_another_ones_place_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
