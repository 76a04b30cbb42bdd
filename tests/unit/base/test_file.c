/* SPDX-License-Identifier: Apache-2.0 */
#include "../fixture.h"

#include "base/file.h"

#include <sys/stat.h>

static const char before[] = "what stood there before";
static const char after[] = "what is to stand there after";
static struct iso_error err;

struct names {
    size_t count;
    size_t temporaries;
};

static iso_status count_name(void *context, const char *name, struct iso_error *error)
{
    struct names *names = context;
    (void)error;
    names->count++;
    names->temporaries += strncmp(name, FILE_TEMPORARY_PREFIX, strlen(FILE_TEMPORARY_PREFIX)) == 0;
    return ISO_OK;
}

static void assert_holds(const char *expected)
{
    char path[128];
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    (void)snprintf(path, sizeof path, "%s/name", scratch);
    assert_ok(file_read(path, 1000, &bytes, &err));
    assert_int_equal(bytes.length, strlen(expected));
    assert_memory_equal(bytes.data, expected, bytes.length);
}

static void a_publish_whose_nth_call_fails_leaves_the_old_file_and_no_litter(void **state)
{
    (void)state;
    bool failed = true;
    int failures = 0;
    for (int at = 0; failed; at++) {
        struct failing_os failing;
        assert_ok(file_publish(os_system(), scratch, "name", before, strlen(before), &err));
        failing_init(&failing, at, false);
        failed = iso_failed(file_publish(&failing.os, scratch, "name", after, strlen(after), &err));
        assert_int_equal(failed, failing.failed);
        assert_holds(failed ? before : after);
        struct names names = {0};
        assert_ok(directory_walk(scratch, count_name, &names, &err));
        assert_int_equal(names.count, 1);
        assert_int_equal(names.temporaries, 0);
        failures += failed;
    }
    assert_int_equal(failures, 5); /* open, write, fsync, close, rename */
}

/* Names 0 to count - 1, each holding its number. */
static iso_status publish_many(const struct os *os, int count)
{
    ISO_DEFER(file_batch_reset) struct file_batch batch = {.os = os, .directory = scratch};
    for (int i = 0; i < count; i++) {
        char name[16];
        int length = snprintf(name, sizeof name, "%d", i);
        ISO_TRY(file_batch_add(&batch, name, name, (size_t)length, &err));
    }
    return file_batch_publish(&batch, &err);
}

static void a_batch_whose_nth_call_fails_leaves_whole_files_and_no_litter(void **state)
{
    (void)state;
    enum { FILES = FILE_BATCH_MAX + 2 };
    bool failed = true;
    int failures = 0;
    for (int at = 0; failed; at++) {
        struct failing_os failing;
        struct names names = {0};
        failing_init(&failing, at, false);
        failed = iso_failed(publish_many(&failing.os, FILES));
        assert_int_equal(failed, failing.failed);
        assert_ok(directory_walk(scratch, count_name, &names, &err));
        assert_int_equal(names.temporaries, 0);
        assert_true(failed || names.count == FILES);
        for (size_t i = 0; i < names.count; i++) { /* they get their names in order */
            char path[128];
            char name[16];
            ISO_DEFER(bytes_reset) struct bytes bytes = {0};
            int length = snprintf(name, sizeof name, "%zu", i);
            (void)snprintf(path, sizeof path, "%s/%s", scratch, name);
            assert_ok(file_read(path, 1000, &bytes, &err));
            assert_int_equal(bytes.length, length);
            assert_memory_equal(bytes.data, name, bytes.length);
            assert_int_equal(unlink(path), 0);
        }
        failures += failed;
    }
    assert_int_equal(failures, 5 * FILES); /* open, write, fsync, close, rename */
}

static void directories_are_made_with_their_parents_or_the_failure_is_reported(void **state)
{
    (void)state;
    char deep[128];
    struct stat info;
    (void)snprintf(deep, sizeof deep, "%s/a/b/c", scratch);
    struct failing_os failing = {.failed = true};
    for (int at = 0; failing.failed; at++) {
        failing_init(&failing, at, false);
        iso_status status = directory_make(&failing.os, deep, &err);
        /* a directory that stands already is fine whatever mkdir said of it */
        assert_true(!iso_failed(status) || failing.failed);
    }
    assert_int_equal(stat(deep, &info), 0);
    assert_ok(directory_make(os_system(), deep, &err));
    (void)snprintf(deep, sizeof deep, "%s/file/under", scratch);
    assert_ok(file_publish(os_system(), scratch, "file", "", 0, &err));
    assert_fails(directory_make(os_system(), deep, &err), IO);
}

static void a_failed_sync_of_a_directory_is_reported(void **state)
{
    (void)state;
    struct failing_os failing;
    failing_init(&failing, 1, false); /* open succeeds, fsync does not */
    assert_fails(directory_sync(&failing.os, scratch, &err), IO);
    assert_int_equal(failing.calls_left, -2); /* it was closed none the less */
    assert_ok(directory_sync(os_system(), scratch, &err));
}

static void reading_refuses_what_is_missing_too_long_or_no_file(void **state)
{
    (void)state;
    char path[128];
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    (void)snprintf(path, sizeof path, "%s/name", scratch);
    assert_fails(file_read(path, 10, &bytes, &err), NOT_FOUND);
    assert_fails(file_read(scratch, 10, &bytes, &err), IO);
    assert_fails(file_read("/dev/null", 10, &bytes, &err), IO);
    assert_ok(file_publish(os_system(), scratch, "name", before, 11, &err));
    assert_fails(file_read(path, 10, &bytes, &err), LIMIT);
    assert_null(bytes.data);
    assert_ok(file_read(path, 11, &bytes, &err));
    assert_int_equal(bytes.length, 11);
}

#define in_scratch(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch(a_publish_whose_nth_call_fails_leaves_the_old_file_and_no_litter),
        in_scratch(a_batch_whose_nth_call_fails_leaves_whole_files_and_no_litter),
        in_scratch(directories_are_made_with_their_parents_or_the_failure_is_reported),
        in_scratch(a_failed_sync_of_a_directory_is_reported),
        in_scratch(reading_refuses_what_is_missing_too_long_or_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
