/* SPDX-License-Identifier: Apache-2.0 */
/* The public interface as a program outside sees it: linked with libisobar alone. */
#include "../test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char directory[64];
static struct iso_error err;

static int make_directory(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/isobar-api-XXXXXX");
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int remove_directory(void **state)
{
    (void)state;
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command); /* NOLINT(cert-env33-c): the path is our own */
}

static void assert_success(iso_status status)
{
    if (status.word != 0) {
        fail_msg("%s", err.text);
    }
}

static void bars_go_in_and_come_back(void **state)
{
    (void)state;
    const int64_t time_us[] = {0, 60000000, 120000000};
    const double price[] = {1.5, 2.25, 0.1};
    const double volume[] = {10, -0.0, 0};
    struct iso_bars given = {.count = 3,
                             .time_us = time_us,
                             .open = price,
                             .high = price,
                             .low = price,
                             .close = price,
                             .volume = volume};
    struct iso_bars read = {0};
    struct iso_store *store = NULL;
    struct iso_write_report report = {0};
    int complete = 0;
    assert_success(iso_store_open(directory, 1, &store, &err));
    assert_success(iso_store_write(store, "X", "1m", &given, &report, &err));
    assert_int_equal(report.stored, 3);
    assert_success(iso_store_write(store, "X", "1m", &given, &report, &err));
    assert_int_equal(report.duplicates, 3);
    assert_success(iso_store_read(store, "X", "1m", 60000000, 120000001, &read, &complete, &err));
    assert_int_equal(read.count, 2);
    assert_true(complete);
    assert_memory_equal(read.close, price + 1, 2 * sizeof *price);
    assert_memory_equal(read.volume, volume + 1, 2 * sizeof *volume);
    assert_true(isnan(read.vwap[0]));
    assert_true(read.trade_count[0] == ISO_TRADE_COUNT_ABSENT);
    iso_bars_release(&read);
    assert_int_equal(read.count, 0);
    iso_store_close(&store);
    assert_null(store);
}

static void wrong_arguments_are_refused_with_the_usage_class(void **state)
{
    (void)state;
    struct iso_store *store = NULL;
    struct iso_bars read = {0};
    struct iso_bars half = {.count = 1};
    iso_status status = iso_store_open("/nonexistent/isobar", 0, &store, &err);
    assert_int_equal(iso_failure_class_of(status), ISO_FAILURE_USAGE);
    assert_null(store);
    status = iso_store_open(NULL, 0, &store, &err);
    assert_int_equal(iso_failure_class_of(status), ISO_FAILURE_USAGE);
    assert_success(iso_store_open(directory, 1, &store, &err));
    status = iso_store_read(store, "X", "7q", 0, 1, &read, NULL, &err);
    assert_int_equal(iso_failure_class_of(status), ISO_FAILURE_USAGE);
    status = iso_store_write(store, "X", "1m", &half, NULL, &err);
    assert_int_equal(iso_failure_class_of(status), ISO_FAILURE_USAGE);
    status = iso_store_read(store, "X", "1m", 0, 1, &read, NULL, NULL); /* err may be NULL */
    assert_int_equal(iso_failure_class_of(status), ISO_FAILURE_REPORT);
    iso_store_close(&store);
    iso_store_close(&store);
    assert_string_equal(iso_version(), ISOBAR_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bars_go_in_and_come_back, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(wrong_arguments_are_refused_with_the_usage_class,
                                        make_directory, remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
