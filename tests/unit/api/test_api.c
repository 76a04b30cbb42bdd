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

static struct iso_bars some_bars(int64_t time_us[300], double price[300])
{
    for (int i = 0; i < 300; i++) {
        time_us[i] = (int64_t)i * 60000000;
        price[i] = 100 + i % 7 * 0.25;
    }
    return (struct iso_bars){.count = 300,
                             .time_us = time_us,
                             .open = price,
                             .high = price,
                             .low = price,
                             .close = price,
                             .volume = price};
}

/* Two weeks: a segment each. */
static void a_cursor_walks_in_pieces_that_stay_valid_after_closing(void **state)
{
    (void)state;
    int64_t time_us[300];
    double price[300];
    struct iso_bars given = some_bars(time_us, price);
    struct iso_bars piece[3] = {{0}};
    struct iso_store *store = NULL;
    struct iso_cursor *cursor = NULL;
    assert_success(iso_store_open(directory, 1, &store, &err));
    assert_success(iso_store_write(store, "X", "1m", &given, NULL, &err));
    for (int i = 0; i < 300; i++) {
        time_us[i] += INT64_C(7) * 86400 * 1000000;
    }
    assert_success(iso_store_write(store, "X", "1m", &given, NULL, &err));
    assert_success(iso_store_scan(store, "X", "1m", INT64_MIN, INT64_MAX, &cursor, &err));
    iso_store_close(&store);
    for (int i = 0; i < 3; i++) {
        assert_success(iso_cursor_next(cursor, &piece[i], &err));
        assert_int_equal(piece[i].count, i < 2 ? 300 : 0);
    }
    assert_int_equal(iso_cursor_complete(cursor), 1);
    iso_cursor_close(&cursor);
    assert_null(cursor);
    assert_memory_equal(piece[0].close, price, sizeof price);
    assert_memory_equal(piece[1].time_us, time_us, sizeof time_us);
    for (int i = 0; i < 3; i++) {
        iso_bars_release(&piece[i]);
    }
}

static void a_read_within_one_segment_is_not_copied(void **state)
{
    (void)state;
    int64_t time_us[300];
    double price[300];
    struct iso_bars given = some_bars(time_us, price);
    struct iso_bars read[3] = {{0}}; /* kept from the second time of asking */
    struct iso_store *store = NULL;
    assert_success(iso_store_open(directory, 1, &store, &err));
    assert_success(iso_store_write(store, "X", "1m", &given, NULL, &err));
    for (int i = 0; i < 3; i++) {
        assert_success(
            iso_store_read(store, "X", "1m", time_us[100], INT64_MAX, &read[i], NULL, &err));
        assert_int_equal(read[i].count, 200);
    }
    assert_ptr_equal(read[1].close, read[2].close);
    iso_store_set_cache_bytes(store, 0);
    struct iso_bars copied = {0};
    assert_success(iso_store_read(store, "X", "1m", time_us[100], INT64_MAX, &copied, NULL, &err));
    assert_memory_equal(copied.close, read[0].close, 200 * sizeof *price);
    iso_store_close(&store);
    assert_memory_equal(read[1].close, price + 100, 200 * sizeof *price);
    iso_bars_release(&copied);
    iso_bars_release(&read[0]);
    iso_bars_release(&read[1]);
    iso_bars_release(&read[2]);
}

static void a_cursor_refuses_what_cannot_be_meant(void **state)
{
    (void)state;
    struct iso_store *store = NULL;
    struct iso_cursor *cursor = NULL;
    assert_success(iso_store_open(directory, 1, &store, &err));
    iso_status status = iso_store_scan(store, "X", "1m", 2, 1, &cursor, &err);
    assert_int_equal(iso_failure_class_of(status), ISO_FAILURE_USAGE);
    status = iso_store_scan(store, "X", "1m", 0, 1, &cursor, &err); /* no such series */
    assert_int_equal(iso_failure_class_of(status), ISO_FAILURE_REPORT);
    status = iso_cursor_next(NULL, NULL, &err);
    assert_int_equal(iso_failure_class_of(status), ISO_FAILURE_USAGE);
    assert_null(cursor);
    iso_cursor_close(&cursor);
    iso_store_close(&store);
}

static void indicators_are_named_and_computed_by_the_caller(void **state)
{
    (void)state;
    const int64_t time_us[] = {0, 60000000, 120000000};
    const double price[] = {1, 3, 8};
    const struct iso_bars bars = {.count = 3,
                                  .time_us = time_us,
                                  .open = price,
                                  .high = price,
                                  .low = price,
                                  .close = price,
                                  .volume = price};
    double values[ISO_INDICATOR_OUTPUTS_MAX][3];
    double *const targets[] = {values[0], values[1], values[2]};
    struct iso_summary summary;
    size_t outputs;
    char label[16];
    assert_success(iso_indicator_outputs("donchian:2", &outputs, &err));
    assert_int_equal(outputs, 3);
    assert_success(iso_indicator_compute("donchian:2", &bars, targets, outputs, &err));
    assert_true(isnan(values[1][0]) && values[1][1] == 2.0 && values[2][2] == 8.0);
    assert_success(iso_indicator_compute("sma:2", &bars, targets, 1, &err));
    assert_true(values[0][2] == 5.5);
    assert_success(iso_indicator_label("sma:2", 0, label, sizeof label, &err));
    assert_string_equal(label, "sma_2");
    assert_success(iso_bars_summary(&bars, &summary, &err));
    assert_true(summary.bars == 3 && summary.change == 7.0 && isnan(summary.rsi_14));
}

static void wrong_calls_of_indicators_are_refused(void **state)
{
    (void)state;
    const double price[] = {1};
    const struct iso_bars no_time = {.count = 1, .high = price};
    double value;
    double *const targets[] = {&value, NULL};
    const struct iso_bars none = {0};
    size_t outputs = 7;
    char label[4] = "abc";
    assert_int_equal(iso_failure_class_of(iso_indicator_outputs("smb", &outputs, &err)),
                     ISO_FAILURE_USAGE);
    assert_int_equal(outputs, 7);
    assert_non_null(strstr(err.text, "sma ema"));
    assert_true(iso_indicator_outputs(NULL, &outputs, NULL).word != 0);
    assert_true(iso_indicator_outputs("sma", NULL, NULL).word != 0);
    assert_true(iso_indicator_compute("sma", &no_time, targets, 1, NULL).word != 0);
    assert_true(iso_indicator_compute("sma", &none, targets, 2, NULL).word != 0);
    assert_true(iso_indicator_compute("macd", &none, targets, 3, NULL).word != 0);
    assert_true(iso_indicator_label("sma", 0, label, sizeof label, NULL).word != 0);
    assert_string_equal(label, "abc");
    assert_true(iso_indicator_label("sma", 1, label, sizeof label, NULL).word != 0);
    assert_true(iso_bars_summary(&no_time, NULL, NULL).word != 0);
    assert_success(iso_indicator_compute("sma", &none, targets, 1, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bars_go_in_and_come_back, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(wrong_arguments_are_refused_with_the_usage_class,
                                        make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(a_cursor_walks_in_pieces_that_stay_valid_after_closing,
                                        make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(a_read_within_one_segment_is_not_copied, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(a_cursor_refuses_what_cannot_be_meant, make_directory,
                                        remove_directory),
        cmocka_unit_test(indicators_are_named_and_computed_by_the_caller),
        cmocka_unit_test(wrong_calls_of_indicators_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
