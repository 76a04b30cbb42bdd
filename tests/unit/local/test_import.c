/* SPDX-License-Identifier: Apache-2.0 */
#include "../fixture.h"

#include "local/bars_csv.h"
#include "local/export.h"
#include "local/import.h"
#include "market/time.h"

#include <zlib.h>

static const struct range all_time = {TIME_MIN_US, TIME_MAX_US};
static struct iso_error err;

/* Samples lie beside the tests; this file's own path leads there from where meson runs it. */
static void sample_path(const char *name, char target[256])
{
    const char *here = __FILE__;
    size_t length = strlen(here) - strlen("unit/local/test_import.c");
    (void)snprintf(target, 256, "%.*sdata/import/%s", (int)length, here, name);
}

static struct store *open_store(void)
{
    struct store *store = NULL;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/store", scratch);
    assert_ok(store_open(os_system(), path, STORE_WRITE, &store, &err));
    return store;
}

static struct import_counts total(const struct import_report *report)
{
    struct import_counts sum = {0};
    for (size_t i = 0; i < report->series_count; i++) {
        const struct import_counts *counts = &report->series[i].counts;
        assert_int_equal(counts->rows_read, counts->stored + counts->duplicates +
                                                counts->corrected + counts->quarantined);
        import_counts_add(&sum, counts);
    }
    return sum;
}

/* Import a file that must succeed, and give its sums. */
static struct import_counts import_whole(struct store *store, const char *path)
{
    ISO_DEFER(import_report_reset) struct import_report report = {0};
    struct import_request request = {.path = path};
    assert_ok(import_file(store, &request, &report, &err));
    return total(&report);
}

struct gathering {
    struct store *store;
    struct text *text;
};

static iso_status gather(void *context, const struct series_row *row, struct iso_error *error)
{
    struct gathering *gathering = context;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    ISO_TRY(store_read(gathering->store, &row->series, all_time, &bars, &coverage, error));
    bars_csv_rows(gathering->text, &row->series, &bars);
    return ISO_OK;
}

/* All bars of the store as CSV. */
static void assert_store_holds(struct store *store, const char *expected)
{
    ISO_DEFER(text_reset) struct text text = {0};
    struct gathering gathering = {store, &text};
    bars_csv_head(&text);
    assert_ok(store_each_series(store, gather, &gathering, &err));
    assert_string_equal(text_get(&text), expected);
}

static void assert_store_equals_file(struct store *store, const char *name)
{
    char path[256];
    ISO_DEFER(bytes_reset) struct bytes expected = {0};
    ISO_DEFER(text_reset) struct text text = {0};
    sample_path(name, path);
    assert_ok(file_read(path, 1 << 20, &expected, &err));
    text_append(&text, (const char *)expected.data, expected.length);
    assert_store_holds(store, text_get(&text));
}

static const struct {
    const char *name;
    const char *interval;
    size_t rows;
    size_t quarantined;
    size_t gaps;
    const char *left_out;
} samples[] = {
    {"AAA-1m-2024-01.csv", "1m", 3, 0, 1,
     "close_time, quote_volume, taker_buy_volume, taker_buy_quote_volume, ignore"},
    {"BBB-1h-2025-01.csv", "1h", 2, 0, 0,
     "close_time, quote_volume, taker_buy_volume, taker_buy_quote_volume, ignore"},
    {"Binance_CCC_d.csv", "1d", 3, 0, 0, "Date, Volume USDT"},
    {"DDD_daily.csv", "1d", 2, 0, 0, ""},
    {"EEE_H4.csv", "4h", 2, 0, 0, "<TICKVOL>, <SPREAD>"},
    {"FFF_2019_1m.csv", "1m", 2, 0, 0, ""},
    {"GGG-2011-yahoo.csv", "1d", 3, 1, 0, "Adj Close"},
    {"HHH.Last.txt", "1m", 2, 0, 0, ""},
    {"several.csv", "5m", 5, 0, 0, ""},
    {"LLL_1m.csv", "1m", 14, 8, 3, ""},
    {"HISTDATA_COM_ASCII_OOOUSD_M12024.zip", "1m", 2, 0, 0,
     "DAT_ASCII_OOOUSD_M1_2024.txt (line 1 names no column for timestamp, open, high, low, close)"},
    {"PPP-googlefinance.csv", "1d", 3, 1, 0, ""},
    {"QQQ_USDT-1h.json", "1h", 2, 0, 0, ""},
    {"RRR_5m.json", "5m", 3, 2, 0, "note"},
    {"SSS_1.csv", "1m", 2, 0, 0, ""},
    {"TTT60.csv", "1h", 2, 0, 0, ""},
    {"UUU-kline-1m.csv", "1m", 2, 0, 0, "quote_volume"},
    {"VVV_1m_both.csv", "1m", 5, 1, 1, ""},
    {"lean/equity/usa/minute/mmm/20240105_trade.zip", "1m", 2, 0, 0, ""},
    {"lean/equity/usa/minute/mmm/20240705_quote.zip", "1m", 2, 0, 0, "bid_size, ask_size"},
    {"lean/future/cme/daily/nn_trade.zip", "1d", 3, 0, 1, ""},
};

static void put_file(const char *name, const void *bytes, size_t length, char path[128])
{
    assert_ok(file_publish(os_system(), scratch, name, bytes, length, &err));
    (void)snprintf(path, 128, "%s/%s", scratch, name);
}

static void a_vwap_is_derived_from_the_quote_volume_where_asked(void **state)
{
    (void)state;
    static const char *const files[] = {
        /* quote volume by place, by name, as the second volume; the last has a vwap of its own */
        "1700000100000,2,3,1,2.5,10,25.5\n1700000160000,2,3,1,2.5,0,0\n",
        "time,open,high,low,close,volume,Quote Volume\n1700000100,2,3,1,2.5,10,25.5\n"
        "1700000160,2,3,1,2.5,0,0\n",
        "unix,open,high,low,close,Volume BTC,Volume USD\n1700000100,2,3,1,2.5,10,25.5\n"
        "1700000160,2,3,1,2.5,0,0\n",
        "unix,open,high,low,close,volume,vwap,turnover\n1700000100,2,3,1,2.5,10,2.55,99\n"
        "1700000160,2,3,1,2.5,0,,0\n"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[128];
        ISO_DEFER(import_report_reset) struct import_report report = {0};
        struct import_request request = {.path = path, .derive_vwap = true};
        put_file("A_1m.csv", files[i], strlen(files[i]), path);
        struct store *store = open_store();
        assert_ok(import_file(store, &request, &report, &err));
        assert_store_holds(store, "symbol,timestamp,open,high,low,close,volume,vwap,trade_count\n"
                                  "A,2023-11-14T22:15:00Z,2,3,1,2.5,10,2.55,\n"
                                  "A,2023-11-14T22:16:00Z,2,3,1,2.5,0,,\n");
        store_close(&store);
        assert_int_equal(scratch_remove(state) | scratch_make(state), 0);
    }
}

static void expected_name(const char *name, char target[64])
{
    (void)snprintf(target, 64, "%.*s.expected.csv", (int)(strrchr(name, '.') - name), name);
}

static void every_sample_gives_its_expected_bars(void **state)
{
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        char path[256];
        char expected[64];
        ISO_DEFER(import_report_reset) struct import_report report = {0};
        struct import_request request = {.path = path};
        sample_path(samples[i].name, path);
        expected_name(samples[i].name, expected);
        struct store *store = open_store();
        assert_ok(import_file(store, &request, &report, &err));
        struct import_counts counts = total(&report);
        assert_int_equal(counts.rows_read, samples[i].rows);
        assert_int_equal(counts.quarantined, samples[i].quarantined);
        assert_int_equal(counts.gaps, samples[i].gaps);
        assert_string_equal(report.series[0].interval->name, samples[i].interval);
        assert_string_equal(text_get(&report.left_out), samples[i].left_out);
        assert_store_equals_file(store, expected);
        store_close(&store);
        assert_int_equal(scratch_remove(state) | scratch_make(state), 0);
    }
}

static void a_second_import_counts_duplicates_and_changes_nothing(void **state)
{
    (void)state;
    char path[256];
    sample_path("LLL_1m.csv", path);
    struct store *store = open_store();
    struct import_counts first = import_whole(store, path);
    struct import_counts again = import_whole(store, path);
    assert_int_equal(first.stored, 4);
    assert_int_equal(first.duplicates, 1);
    assert_int_equal(first.corrected, 1);
    assert_int_equal(again.stored, 0);
    assert_int_equal(again.rows_read, first.rows_read);
    assert_int_equal(again.duplicates, first.duplicates + first.stored);
    assert_store_equals_file(store, "LLL_1m.expected.csv");
    store_close(&store);
}

struct reasons {
    size_t count;
    int64_t line[16];
    char reason[16][80];
    char text[16][80];
};

static iso_status keep_reason(void *context, const struct quarantine_row *row,
                              struct iso_error *error)
{
    struct reasons *reasons = context;
    (void)error;
    ISO_ASSERT(reasons->count < 16);
    reasons->line[reasons->count] = row->line;
    (void)snprintf(reasons->reason[reasons->count], 80, "%s", row->reason);
    (void)snprintf(reasons->text[reasons->count++], 80, "%s", row->text);
    return ISO_OK;
}

static void refused_rows_are_kept_with_line_reason_and_text(void **state)
{
    (void)state;
    static const struct {
        int64_t line;
        const char *reason;
    } expected[] = {
        {5, "high is below low"},
        {7, "the time cannot be read"},
        {8, "the row has fewer fields than the others"},
        {9, "the row has more fields than the others"},
        {12, "a price is missing or not finite"},
        {13, "close is no number"},
        {14, "volume is negative"},
        {15, "a quote is not closed on its line"},
    };
    char path[256];
    struct reasons reasons = {0};
    sample_path("LLL_1m.csv", path);
    struct store *store = open_store();
    (void)import_whole(store, path);
    assert_ok(store_each_quarantined(store, keep_reason, &reasons, &err));
    assert_int_equal(reasons.count, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < reasons.count; i++) {
        assert_int_equal(reasons.line[i], expected[i].line);
        assert_string_equal(reasons.reason[i], expected[i].reason);
    }
    assert_string_equal(reasons.text[1], "2024-02-30 00:00,1,1,1,1,1");
    store_close(&store);
}

static void assert_refused(const char *name, const void *bytes, size_t length, const char *reason)
{
    char path[128];
    ISO_DEFER(import_report_reset) struct import_report report = {0};
    struct import_request request = {.path = path};
    put_file(name, bytes, length, path);
    assert_true(iso_failed(import_read(&request, &report, &err)));
    if (strstr(err.text, reason) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, reason);
    }
}

#define refused(bytes, reason) assert_refused("A_1m.csv", bytes, sizeof(bytes) - 1, reason)

static void files_that_are_no_text_of_bars_are_named_for_what_they_are(void **state)
{
    (void)state;
    refused("", "empty");
    refused("\0\0\0\0", "binary");
    refused("PAR1....PAR1", "Parquet");
    refused("ARROW1\0\0", "the Python package does");
    refused("PK\003\004....", "zip");
    refused("\xff\xfet\0i\0m\0e\0", "UTF-16");
    refused("\x28\xb5\x2f\xfd....", "zstd");
    refused("[[1700000000000,1,1,1,1,1]", "JSON, but damaged");
    refused("{\"a\": [1, 2]}", "names no column");
    refused("<html>", "web page");
    refused("\x1f\x8b\x08....", "gzip");
}

static void a_time_series_of_unknown_step_or_symbol_asks_for_it(void **state)
{
    (void)state;
    static const char odd[] = "time,open,high,low,close\n2024-01-01 00:00:00,1,1,1,1\n"
                              "2024-01-01 00:00:07,1,1,1,1\n";
    assert_refused("A_1m.csv", odd, sizeof odd - 1, "--interval");
    assert_refused("A.csv", odd, sizeof odd - 1, "--interval");
    assert_refused("2024.csv", odd, sizeof odd - 1, "--symbol");
}

static void a_missing_file_a_directory_and_a_cut_gzip_are_refused(void **state)
{
    (void)state;
    ISO_DEFER(import_report_reset) struct import_report report = {0};
    struct import_request request = {.path = "/nonexistent/file.csv"};
    assert_fails(import_read(&request, &report, &err), NOT_FOUND);
    request.path = scratch;
    assert_fails(import_read(&request, &report, &err), IO);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/B_1m.csv.gz", scratch);
    gzFile file = gzopen(path, "wb");
    for (int i = 0; i < 5000; i++) {
        gzprintf(file, "%s%d,1,%d,1,1\n", i == 0 ? "time,open,high,low,close\n" : "",
                 1700000000 + 60 * i, i + 1);
    }
    assert_int_equal(gzclose(file), Z_OK);
    request.path = path;
    assert_ok(import_read(&request, &report, &err));
    assert_int_equal(report.series[0].counts.rows_read, 5000);
    assert_int_equal(truncate(path, 9000), 0);
    ISO_DEFER(import_report_reset) struct import_report cut = {0};
    assert_fails(import_read(&request, &cut, &err), BAD_FORMAT);
    assert_non_null(strstr(err.text, "ends early"));
}

static void a_line_longer_than_a_block_is_one_refused_row(void **state)
{
    (void)state;
    char path[128];
    size_t huge = 3 << 20;
    ISO_DEFER(text_reset) struct text text = {0};
    text_add(&text, "time,open,high,low,close\n2024-01-01,1,1,1,1\n");
    for (size_t i = 0; i < huge; i++) {
        text_add_char(&text, '9');
    }
    text_add(&text, "\n2024-01-02,1,1,1,1\n2024-01-03,1,1,1,1");
    ISO_DEFER(import_report_reset) struct import_report report = {0};
    struct import_request request = {.path = path};
    put_file("C_1d.csv", text.data, text.length, path);
    assert_ok(import_read(&request, &report, &err));
    assert_int_equal(report.series[0].counts.rows_read, 4);
    assert_int_equal(report.series[0].counts.quarantined, 1);
}

static void an_interrupted_import_stores_nothing(void **state)
{
    (void)state;
    char path[256];
    volatile int cancelled = 1;
    ISO_DEFER(import_report_reset) struct import_report report = {0};
    struct import_request request = {.path = path, .cancelled = &cancelled};
    sample_path("several.csv", path);
    struct store *store = open_store();
    assert_fails(import_file(store, &request, &report, &err), INTERRUPTED);
    assert_store_holds(store, "symbol,timestamp,open,high,low,close,volume,vwap,trade_count\n");
    store_close(&store);
}

static void what_is_given_overrides_what_is_guessed(void **state)
{
    (void)state;
    char path[256];
    ISO_DEFER(import_report_reset) struct import_report report = {0};
    struct import_request request = {.path = path,
                                     .symbol = "MINE",
                                     .interval = interval_named("4h"),
                                     .columns = "close=Adj Close",
                                     .zone = "-05:00"};
    sample_path("GGG-2011-yahoo.csv", path);
    struct store *store = open_store();
    assert_ok(import_file(store, &request, &report, &err));
    assert_store_holds(store, "symbol,timestamp,open,high,low,close,volume,vwap,trade_count\n"
                              "MINE,2011-12-29T05:00:00Z,125.24,126.25,124.86,119.84,123507200,,\n"
                              "MINE,2011-12-30T05:00:00Z,126.02,126.33,125.5,119.25,95599000,,\n");
    assert_string_equal(report.series[0].interval->name, "4h");
    ISO_DEFER(import_report_reset) struct import_report wide = {0};
    request.interval = interval_named("1w");
    assert_fails(import_file(store, &request, &wide, &err), BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "so interval 1w does not fit"));
    sample_path("several.csv", path);
    ISO_DEFER(import_report_reset) struct import_report other = {0};
    struct import_request several = {.path = path, .symbol = "MINE"};
    assert_fails(import_file(store, &several, &other, &err), BAD_ARGUMENT);
    store_close(&store);
}

static void an_export_reads_back_bit_for_bit_and_replaces_whole_files_only(void **state)
{
    (void)state;
    char path[256];
    char out[128];
    sample_path("several.csv", path);
    (void)snprintf(out, sizeof out, "%s/out.csv", scratch);
    struct store *store = open_store();
    (void)import_whole(store, path);
    struct series series[2];
    assert_ok(series_make("III", "5m", &series[0], &err));
    assert_ok(series_make("JJJ", "5m", &series[1], &err));
    struct export_request request = {
        .series = series, .series_count = 2, .range = all_time, .path = out};
    ISO_DEFER(export_report_reset) struct export_report report = {0};
    assert_ok(export_bars(store, &request, &report, &err));
    assert_int_equal(report.rows, 4);
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    assert_ok(file_read(out, 1 << 20, &bytes, &err));
    assert_int_equal(report.bytes, bytes.length);
    struct import_counts again = import_whole(store, out);
    assert_int_equal(again.duplicates, 4);
    series[1].interval = interval_named("1m");
    assert_fails(export_bars(store, &request, &report, &err), BAD_ARGUMENT);
    bytes_reset(&bytes);
    assert_ok(file_read(out, 1 << 20, &bytes, &err));
    store_close(&store);
}

#define in_scratch(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch(every_sample_gives_its_expected_bars),
        in_scratch(a_vwap_is_derived_from_the_quote_volume_where_asked),
        in_scratch(a_second_import_counts_duplicates_and_changes_nothing),
        in_scratch(refused_rows_are_kept_with_line_reason_and_text),
        in_scratch(files_that_are_no_text_of_bars_are_named_for_what_they_are),
        in_scratch(a_time_series_of_unknown_step_or_symbol_asks_for_it),
        in_scratch(a_missing_file_a_directory_and_a_cut_gzip_are_refused),
        in_scratch(a_line_longer_than_a_block_is_one_refused_row),
        in_scratch(an_interrupted_import_stores_nothing),
        in_scratch(what_is_given_overrides_what_is_guessed),
        in_scratch(an_export_reads_back_bit_for_bit_and_replaces_whole_files_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
