/* SPDX-License-Identifier: Apache-2.0 */
/* Files that DuckDB writes, read by the importer. */
#include "../fixture.h"

#include "local/bars_csv.h"
#include "local/duck.h"
#include "local/import.h"
#include "market/time.h"

static const struct range all_time = {TIME_MIN_US, TIME_MAX_US};
static struct iso_error err;

/* Run one statement in a DuckDB whose directory is the scratch one. */
static void duck(const char *sql)
{
    ISO_DEFER(duck_close) struct duck engine = {0};
    assert_ok(duck_open(&engine, &err));
    ISO_DEFER(text_reset) struct text text = {0};
    for (const char *at = sql; *at != '\0'; at++) {
        if (*at == '@') {
            text_add(&text, scratch);
        } else {
            text_add_char(&text, *at);
        }
    }
    assert_ok(duck_run(&engine, text.data, &err));
}

static void file_path(const char *name, char target[160])
{
    (void)snprintf(target, 160, "%s/%s", scratch, name);
}

static struct store *open_store(void)
{
    struct store *store = NULL;
    char path[160];
    file_path("store", path);
    assert_ok(store_open(os_system(), path, STORE_WRITE, &store, &err));
    return store;
}

static void assert_bars(struct store *store, const char *symbol, const char *interval,
                        const char *expected)
{
    struct series series;
    ISO_DEFER(text_reset) struct text text = {0};
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    assert_ok(series_make(symbol, interval, &series, &err));
    assert_ok(store_read(store, &series, all_time, &bars, &coverage, &err));
    bars_csv_rows(&text, &series, &bars);
    assert_string_equal(text_get(&text), expected);
}

/* Import a file into a new store, which holds then what is expected. */
static void assert_imports(const char *name, const struct import_request *options,
                           const char *symbol, const char *expected)
{
    char path[160];
    ISO_DEFER(import_report_reset) struct import_report report = {0};
    struct import_request request = *options;
    file_path(name, path);
    request.path = path;
    struct store *store = open_store();
    assert_ok(import_file(store, &request, &report, &err));
    assert_bars(store, symbol, report.series[0].interval->name, expected);
    store_close(&store);
}

static void assert_refused(const char *name, const char *reason)
{
    char path[160];
    ISO_DEFER(import_report_reset) struct import_report report = {0};
    struct import_request request = {.path = path};
    file_path(name, path);
    assert_fails(import_read(&request, &report, &err), BAD_FORMAT);
    if (strstr(err.text, reason) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, reason);
    }
}

static const struct import_request plain = {.side = SIDE_MID};

static void parquet_is_read_bit_for_bit_with_its_types(void **state)
{
    (void)state;
    duck("COPY (SELECT * FROM (VALUES"
         " (TIMESTAMPTZ '2024-01-01 00:00:00+00', 0.1::DOUBLE, 5e-324, '-0'::DOUBLE, "
         "1.7976931348623157e308,"
         "  123456789.12345678::DECIMAL(18, 8), 7::UINTEGER, 'x'),"
         " (TIMESTAMPTZ '2024-01-01 01:01:00+01', 1, 2, 1, 2, NULL, NULL, 'y'))"
         " t(ts, open, high, low, close, volume, trades, note)) TO '@/AAA[1]_1m.parquet'");
    assert_imports("AAA[1]_1m.parquet", &plain, "AAA[1]",
                   "AAA[1],2024-01-01T00:00:00Z,0.1,5e-324,-0,1.7976931348623157e+308,"
                   "123456789.12345678,,7\n"
                   "AAA[1],2024-01-01T00:01:00Z,1,2,1,2,,,\n");
}

static void decimals_and_epochs_are_rounded_once(void **state)
{
    (void)state;
    duck("COPY (SELECT * FROM (VALUES"
         " ('B', 1700000000000, 0.3::DECIMAL(18, 17), 0.30000000000000004, 0.1, 0.2,"
         "  123456789.12345678::DECIMAL(18, 8), 0.25::FLOAT, 7::UINTEGER),"
         " ('B', 1700000060000, 1, 2, 1, 2, NULL, NULL, NULL))"
         " t(Ticker, t, o, h, l, c, v, vw, n)) TO '@/b.parquet'");
    assert_imports(
        "b.parquet", &plain, "B",
        "B,2023-11-14T22:13:20Z,0.3,0.30000000000000004,0.1,0.2,123456789.12345678,0.25,7\n"
        "B,2023-11-14T22:14:20Z,1,2,1,2,,,\n");
}

static void a_wall_clock_follows_the_zone_and_text_is_read_as_text(void **state)
{
    (void)state;
    static const char expected[] = "C,2024-01-02T00:00:00Z,1,1,1,1,,,\n"
                                   "C,2024-01-02T04:00:00Z,1,1,1,1,,,\n";
    struct import_request east = {.zone = "+02:00"};
    duck("COPY (SELECT 'C' AS symbol, TIMESTAMP '2024-01-02 02:00' + i * INTERVAL 4 HOUR AS "
         "timestamp, 1.0 AS open, 1.0 AS high, 1.0 AS low, 1.0 AS close FROM range(2) r(i)) TO "
         "'@/c.parquet'");
    assert_imports("c.parquet", &east, "C", expected);
    duck(
        "COPY (SELECT 'C' AS symbol, (TIMESTAMP '2024-01-02 02:00' + i * INTERVAL 4 HOUR)::VARCHAR "
        "AS timestamp, 1.0 AS open, 1.0 AS high, 1.0 AS low, 1.0 AS close FROM range(2) r(i)) TO "
        "'@/c.parquet'");
    assert_imports("c.parquet", &east, "C", expected);
}

static void rows_of_tables_are_refused_with_their_number(void **state)
{
    (void)state;
    char path[160];
    ISO_DEFER(import_report_reset) struct import_report report = {0};
    struct import_request request = {.path = path};
    file_path("d.parquet", path);
    duck(
        "COPY (SELECT 'D' AS symbol, DATE '2024-01-01' + i::INTEGER AS date, 1.0 AS open, "
        "CASE i WHEN 1 THEN 0.5 ELSE 2 END AS high, 1.0 AS low, CASE i WHEN 2 THEN NULL ELSE 1 END "
        "AS close FROM range(4) r(i)) TO '@/d.parquet'");
    assert_ok(import_read(&request, &report, &err));
    assert_int_equal(report.series[0].counts.rows_read, 4);
    assert_int_equal(report.series[0].counts.quarantined, 2);
    assert_string_equal(report.series[0].interval->name, "1d");
}

#define TABLE                                                                                    \
    "(symbol VARCHAR, timestamp TIMESTAMP, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE, " \
    "volume DOUBLE, vwap DOUBLE, trade_count BIGINT, PRIMARY KEY (symbol, timestamp))"

static void a_duckdb_file_of_either_age_gives_its_ohlcv_bars(void **state)
{
    (void)state;
    static const char *const versions[] = {"v1.0.0", "v2.0.0"};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        ISO_DEFER(text_reset) struct text sql = {0};
        text_addf(
            &sql,
            "ATTACH '@/%s.duckdb' AS d (STORAGE_VERSION '%s'); CREATE TABLE d.other(a INTEGER);"
            "CREATE TABLE d.ohlcv_bars" TABLE ";"
            "INSERT INTO d.ohlcv_bars VALUES ('E', '2024-01-01', 1, 2, 0.5, 1.5, 10, 1.25, 3), "
            "('E', '2024-01-02', 1, 2, 0.5, 1.5, NULL, NULL, NULL); DETACH d",
            versions[i], versions[i]);
        duck(sql.data);
        text_clear(&sql);
        text_addf(&sql, "%s.duckdb", versions[i]);
        assert_imports(sql.data, &plain, "E",
                       "E,2024-01-01T00:00:00Z,1,2,0.5,1.5,10,1.25,3\n"
                       "E,2024-01-02T00:00:00Z,1,2,0.5,1.5,,,\n");
        assert_int_equal(scratch_remove(NULL) | scratch_make(NULL), 0);
    }
}

static void files_without_bars_say_what_is_in_them(void **state)
{
    (void)state;
    duck("ATTACH '@/none.duckdb' AS d; DETACH d");
    assert_refused("none.duckdb", "no table ohlcv_bars, nor any other");
    duck("ATTACH '@/two.duckdb' AS d; CREATE TABLE d.a(x INTEGER); CREATE TABLE d.b(x INTEGER); "
         "DETACH d");
    assert_refused("two.duckdb", "but a, b; rename");
    duck("ATTACH '@/one.duckdb' AS d; CREATE TABLE d.a(x INTEGER); DETACH d");
    assert_refused("one.duckdb", "names no column for timestamp, open");
    duck("COPY (SELECT 1 AS x) TO '@/x.parquet'");
    assert_refused("x.parquet", "names no column for timestamp, open");
    char path[160];
    file_path("x.parquet", path);
    assert_int_equal(truncate(path, 100), 0);
    assert_refused("x.parquet", "it is a Parquet file that DuckDB cannot read");
}

#define in_scratch(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch(parquet_is_read_bit_for_bit_with_its_types),
        in_scratch(decimals_and_epochs_are_rounded_once),
        in_scratch(a_wall_clock_follows_the_zone_and_text_is_read_as_text),
        in_scratch(rows_of_tables_are_refused_with_their_number),
        in_scratch(a_duckdb_file_of_either_age_gives_its_ohlcv_bars),
        in_scratch(files_without_bars_say_what_is_in_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
