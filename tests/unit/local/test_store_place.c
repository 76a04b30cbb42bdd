/* SPDX-License-Identifier: Apache-2.0 */
/* Where stores may lie, and directories that cannot be written. */
#include "store_fixture.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

/* Takes the place of the C library's: the type of every file system, unless it is 0. */
static __typeof__(((struct statfs *)NULL)->f_type) pretended;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): reserved names there */
int statfs(const char *path, struct statfs *system)
{
    int result = (int)syscall(SYS_statfs, path, system);
    system->f_type = pretended != 0 ? pretended : system->f_type;
    return result;
}

static void assert_refused(const char *directory, enum store_mode mode, const char *reason)
{
    struct store *store = NULL;
    assert_true(iso_failed(store_open(os_system(), directory, mode, &store, &err)));
    assert_null(store);
    if (strstr(err.text, reason) == NULL || strstr(err.text, directory) == NULL) {
        fail_msg("%s", err.text);
    }
}

static void a_store_on_another_hosts_file_system_is_refused(void **state)
{
    (void)state;
    char deep[128];
    struct store *store = open_for(STORE_WRITE);
    store_close(&store);
    (void)snprintf(deep, sizeof deep, "%s/not/made/yet", scratch);
    pretended = NFS_SUPER_MAGIC;
    assert_refused(scratch, STORE_READ, "lies on NFS");
    assert_refused(scratch, STORE_WRITE, "lies on NFS");
    assert_refused(deep, STORE_WRITE, "lies on NFS");
    assert_int_equal(access(deep, F_OK), -1);
    pretended = SMB2_SUPER_MAGIC;
    assert_refused(scratch, STORE_CHANGE, "lies on SMB");
    pretended = 0;
    store = open_for(STORE_CHANGE);
    store_close(&store);
}

static void a_store_that_is_not_there_is_not_made_by_reading_or_changing(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/file", scratch);
    assert_refused(scratch, STORE_READ, "there is no store");
    assert_refused(scratch, STORE_CHANGE, "there is no store");
    assert_refused(path, STORE_READ, "there is no store");
    assert_int_equal(access(path, F_OK), -1);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_refused(path, STORE_READ, "there is no store");
    assert_refused(path, STORE_WRITE, "is no directory");
}

static const struct timespec recent = {1700000000, 0};

static void set_writable(bool writable)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/segments", scratch);
    assert_int_equal(chmod(path, writable ? 0755 : 0555), 0);
    assert_int_equal(chmod(scratch, writable ? 0755 : 0555), 0);
}

/* As somebody whom permissions bind, in a process of its own: what a test asserts there fails it.
 */
static void as_anybody(void (*work)(const struct bars *bars), const struct bars *bars)
{
    int wait_status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
            _exit(2);
        }
        work(bars);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &wait_status, 0), child);
    assert_int_equal(wait_status, 0);
}

static void read_all_of_it(const struct bars *bars)
{
    struct series series = minute_series("X");
    ISO_DEFER(store_close) struct store *store = open_for(STORE_READ);
    assert_reads(store, &series, all_time, bars);
    assert_int_equal(count_problems(store), 0);
}

static void fail_to_write(const struct bars *bars)
{
    (void)bars;
    assert_refused(scratch, STORE_WRITE, "reading it is possible");
    assert_refused(scratch, STORE_CHANGE, "Permission denied");
}

static void fail_to_read_the_log(const struct bars *bars)
{
    (void)bars;
    assert_refused(scratch, STORE_READ, "a log that cannot be read here");
}

static void a_directory_that_cannot_be_written_is_read(void **state)
{
    (void)state;
    struct series series = minute_series("X");
    ISO_DEFER(bars_reset) struct bars bars = {0};
    struct store *store = open_for(STORE_WRITE);
    add_bars(&bars, monday_us, TIME_MINUTE_US, 300, 1);
    (void)write_all(store, &series, &bars);
    set_writable(false);
    as_anybody(read_all_of_it, &bars); /* beside a writer, by its log */
    store_close(&store);
    as_anybody(read_all_of_it, &bars);
    as_anybody(fail_to_write, &bars);
    set_writable(true);
}

static void leave_a_log(const struct bars *bars)
{
    struct series series = minute_series("X");
    struct store *store = open_for(STORE_WRITE);
    (void)write_all(store, &series, bars);
    _exit(0);
}

static void a_killed_writers_log_is_not_passed_over_by_who_cannot_write(void **state)
{
    (void)state;
    char path[128];
    ISO_DEFER(bars_reset) struct bars bars = {0};
    add_bars(&bars, monday_us, TIME_MINUTE_US, 300, 1);
    assert_int_equal(chmod(scratch, 0777), 0);
    as_anybody(leave_a_log, &bars);
    set_writable(false);
    as_anybody(read_all_of_it, &bars);
    (void)snprintf(path, sizeof path, "%s/catalog.db-shm", scratch);
    assert_int_equal(unlink(path), 0); /* as a copy of the directory has it */
    as_anybody(fail_to_read_the_log, &bars);
    set_writable(true);
    read_all_of_it(&bars);
}

static void write_while_it_is_still(const struct bars *bars)
{
    char path[128];
    struct series series = minute_series("X");
    ISO_DEFER(store_close) struct store *store = open_for(STORE_READ);
    ISO_DEFER(bars_reset) struct bars read = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    assert_reads(store, &series, all_time, bars);
    (void)snprintf(path, sizeof path, "%s/catalog.db", scratch);
    struct timespec times[2] = {recent, recent};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0); /* as a writer's checkpoint does */
    assert_fails(store_read(store, &series, all_time, &read, &coverage, &err), BUSY);
    assert_int_equal(read.count, 0);
}

static void make_own(const struct bars *bars)
{
    struct series series = minute_series("X");
    ISO_DEFER(store_close) struct store *store = open_for(STORE_WRITE);
    (void)write_all(store, &series, bars);
    store_close(&store);
    set_writable(false);
    write_while_it_is_still(bars);
    set_writable(true);
}

static void a_still_store_that_is_written_must_be_opened_anew(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    add_bars(&bars, monday_us, TIME_MINUTE_US, 300, 1);
    if (geteuid() == 0) {
        assert_int_equal(chown(scratch, 65534, 65534), 0);
    }
    as_anybody(make_own, &bars);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(a_store_on_another_hosts_file_system_is_refused),
        TEST(a_store_that_is_not_there_is_not_made_by_reading_or_changing),
        TEST(a_directory_that_cannot_be_written_is_read),
        TEST(a_killed_writers_log_is_not_passed_over_by_who_cannot_write),
        TEST(a_still_store_that_is_written_must_be_opened_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
