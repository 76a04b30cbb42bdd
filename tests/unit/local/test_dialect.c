/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "local/dialect.h"
#include "local/import_name.h"
#include "local/import_row.h"

#include <string.h>

static struct iso_error err;

static iso_status sniff(const char *text, const char *columns, struct mapping *mapping)
{
    struct sniff_hints hints = {.columns = columns};
    return dialect_sniff(text, text + strlen(text), '\n', &hints, mapping, &err);
}

static void assert_mapped(const char *header_and_rows, const int expected[COLUMN_clock + 1])
{
    ISO_DEFER(mapping_reset) struct mapping mapping = {0};
    assert_ok(sniff(header_and_rows, NULL, &mapping));
    for (int i = 0; i <= COLUMN_clock; i++) {
        if (mapping.column[i] != expected[i]) {
            fail_msg("%s is column %d, not %d, of: %s", column_name((enum column)i), expected[i],
                     mapping.column[i], header_and_rows);
        }
    }
}

static void names_are_known_in_any_order_case_and_spelling(void **state)
{
    (void)state;
    /* symbol timestamp open high low close volume vwap trade_count clock */
    assert_mapped("close,LOW,High,open,Time\n1,1,1,1,2024-01-01\n",
                  (int[]){-1, 4, 3, 2, 1, 0, -1, -1, -1, -1});
    assert_mapped("<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\n2015.01.02\t01:00\t1\t1\t1\t1\n",
                  (int[]){-1, 0, 2, 3, 4, 5, -1, -1, -1, 1});
    assert_mapped("Unix,Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USDT,tradecount\n"
                  "1700000000,2023-11-14,A,1,1,1,1,1,1,1\n",
                  (int[]){2, 0, 3, 4, 5, 6, 7, -1, 9, -1});
    assert_mapped("Date,Open,High,Low,Close,Adj Close,Volume\n2024-01-01,1,1,1,1,1,1\n",
                  (int[]){-1, 0, 1, 2, 3, 4, 6, -1, -1, -1});
    assert_mapped("t,o,h,l,c,v,vw,n\n1700000000,1,1,1,1,1,1,1\n",
                  (int[]){-1, 0, 1, 2, 3, 4, 5, 6, 7, -1});
}

static void headerless_rows_are_told_by_what_makes_sense(void **state)
{
    (void)state;
    assert_mapped("1700000000000,1,4,1,2,9\n", (int[]){-1, 0, 1, 2, 3, 4, 5, -1, -1, -1});
    assert_mapped("1700000000000,1,2,4,1,9\n", (int[]){-1, 0, 1, 3, 4, 2, 5, -1, -1, -1});
    assert_mapped("20240131,1,4,1,2\n", (int[]){-1, 0, 1, 2, 3, 4, -1, -1, -1, -1});
}

static void assert_epoch(const char *epoch, enum time_kind kind, int64_t per_second)
{
    ISO_DEFER(text_reset) struct text text = {0};
    ISO_DEFER(mapping_reset) struct mapping mapping = {0};
    text_addf(&text, "time,open,high,low,close\n%s,1,1,1,1\n", epoch);
    assert_ok(sniff(text.data, NULL, &mapping));
    assert_int_equal(mapping.time_kind, kind);
    assert_int_equal(mapping.epoch_per_second, per_second);
}

static void the_unit_of_an_epoch_is_told_by_its_digits(void **state)
{
    (void)state;
    assert_epoch("1700000000", TIME_KIND_EPOCH, 1);
    assert_epoch("1700000000.25", TIME_KIND_EPOCH, 1);
    assert_epoch("946684800", TIME_KIND_EPOCH, 1);
    assert_epoch("1700000000000", TIME_KIND_EPOCH, 1000);
    assert_epoch("1700000000000000", TIME_KIND_EPOCH, 1000000);
    assert_epoch("1700000000000000000", TIME_KIND_EPOCH, 1000000000);
    assert_epoch("20240131", TIME_KIND_TEXT, 1);
    assert_epoch("2024-01-31", TIME_KIND_TEXT, 1);
}

static void columns_may_be_named_by_a_person(void **state)
{
    (void)state;
    ISO_DEFER(mapping_reset) struct mapping mapping = {0};
    static const char text[] = "when,w,x,y,z,volume\n2024-01-01,1,1,1,1,1\n";
    assert_fails(sniff(text, NULL, &mapping), BAD_FORMAT);
    assert_non_null(strstr(err.text, "timestamp, open, high, low, close"));
    assert_non_null(strstr(err.text, "when,w,x,y,z"));
    assert_ok(sniff(text, "timestamp=When,open=w,high=x,low=y,close=5,volume=-", &mapping));
    assert_int_equal(mapping.column[COLUMN_timestamp], 0);
    assert_int_equal(mapping.column[COLUMN_close], 4);
    assert_int_equal(mapping.column[COLUMN_volume], -1);
    assert_string_equal(text_get(&mapping.left_out), "volume");
    static const char *const wrong[] = {"timestamp=nope", "what=w", "open", "open=99", "=", ",,"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ISO_DEFER(mapping_reset) struct mapping other = {0};
        assert_fails(sniff(text, wrong[i], &other), BAD_ARGUMENT);
    }
}

static void files_that_hold_no_bars_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"", "no line of data"},
        {"\n\n", "no line of data"},
        {"# only\n# comments\n", "no line of data"},
        {"time,open,high,low,close\n", "no row below it"},
        {"a,b,c\n1,2,3\n", "names no column for timestamp, open"},
        {"1,2,3\n", "neither a header nor a row"},
        {"time,open,high,low,close\n1,2,3,4,5,6\n", "names 5 columns, but the rows below have 6"},
        {"time,open,high,low,close\n31-Foo-10,1,1,1,1\n", "\"31-Foo-10\" is no time"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ISO_DEFER(mapping_reset) struct mapping mapping = {0};
        assert_fails(sniff(cases[i].text, NULL, &mapping), BAD_FORMAT);
        if (strstr(err.text, cases[i].reason) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].reason);
        }
    }
}

static void assert_guess(const char *path, const char *symbol, const char *interval)
{
    struct name_guess guess = import_name_guess(path);
    assert_string_equal(guess.symbol, symbol);
    assert_string_equal(guess.interval != NULL ? guess.interval->name : "", interval);
}

static void names_of_files_tell_symbol_and_interval(void **state)
{
    (void)state;
    assert_guess("data/BTCUSDT-1m-2024-01.csv.gz", "BTCUSDT", "1m");
    assert_guess("Binance_ADAUSDT_d.csv", "ADAUSDT", "1d");
    assert_guess("LTCUSD_2013_1m.csv.gz", "LTCUSD", "1m");
    assert_guess("QQQ_daily_long.csv", "QQQ", "1d");
    assert_guess("EURUSD_H1.CSV", "EURUSD", "1h");
    assert_guess("USDCADh4.csv.gz", "USDCAD", "4h");
    assert_guess("6EH4.XCME_1min_bars_20240101_20240131.csv.gz", "6EH4.XCME", "1m");
    assert_guess("005930_h1.csv", "005930", "1h");
    assert_guess("EURUSD_1M.csv", "EURUSD", "1M");
    assert_guess("x/symbol=BTC%2FUSDT/interval=1m/bars.parquet", "BTC/USDT", "1m");
    assert_guess("symbol=A%/interval=1M/x.parquet", "A%", "1M");
    assert_guess("symbol=A/ETH_1d.parquet", "A", "");
    assert_guess("xsymbol=A/ETH_1d.parquet", "ETH", "1d");
    assert_guess("2006-min-005.txt", "", "");
    assert_guess("UNITTEST_BTC-1m.json.gz", "UNITTEST_BTC", "1m");
    assert_guess("XRP_USDT_USDT-1h-futures.json", "XRP_USDT_USDT", "1h");
    assert_guess("BTC-USD-1d-2024.csv", "BTC-USD", "1d");
    assert_guess("BTC-USD.csv", "BTC-USD", "");
    assert_guess("GOOGL-1d-USD.csv", "GOOGL", "1d");
    assert_guess("ADAUSDT_5m.parquet", "ADAUSDT", "5m");
    assert_guess("all.tar.xz", "all", "");
    assert_guess("DAT_ASCII_EURUSD_M1_2018.csv", "EURUSD", "1m");
    assert_guess("", "", "");
    assert_guess("a/", "", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_known_in_any_order_case_and_spelling),
        cmocka_unit_test(headerless_rows_are_told_by_what_makes_sense),
        cmocka_unit_test(the_unit_of_an_epoch_is_told_by_its_digits),
        cmocka_unit_test(columns_may_be_named_by_a_person),
        cmocka_unit_test(files_that_hold_no_bars_are_refused_with_the_reason),
        cmocka_unit_test(names_of_files_tell_symbol_and_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
