/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measurements on files of bars: imported into a store of the benchmark's own, timed with the
 * monotonic clock, medians of --runs repetitions. Absolute times depend on the machine; compare
 * within one run only.
 */
#include "cli/command.h"
#include "local/import.h"
#include "market/time.h"
#include "segment/segment.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>

enum { RUNS_MAX = 1000 };

/* The benchmark's store and what it has to say. */
struct bench {
    struct call *call;
    char directory[256];
    struct store *store;
    size_t bars; /* imported */
    double import_seconds;
    struct json json;
    struct table table;
};

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void bench_reset(struct bench *bench)
{
    store_close(&bench->store);
    text_reset(&bench->table.cells);
    if (bench->directory[0] != '\0') {
        (void)nftw(bench->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
}

static double seconds_now(void)
{
    const struct os *os = os_system();
    return (double)os->monotonic_us(os->context) * 1e-6;
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

static void report(struct bench *bench, const char *name, double value, const char *unit)
{
    json_begin_object(&bench->json, NULL);
    json_add_string(&bench->json, "name", name);
    json_add_number(&bench->json, "value", value);
    json_add_string(&bench->json, "unit", unit);
    json_end_object(&bench->json);
    table_cell(&bench->table, "%s", name);
    table_cell(&bench->table, "%.3f", value);
    table_cell(&bench->table, "%s", unit);
}

/* Each file is a series of its own, named by its place, so that equal symbols do not mix. */
static iso_status import_files(struct bench *bench, struct iso_error *err)
{
    const char *parent = getenv("TMPDIR");
    (void)snprintf(bench->directory, sizeof bench->directory, "%s/isobar-bench-XXXXXX",
                   parent != NULL ? parent : "/tmp");
    if (mkdtemp(bench->directory) == NULL) {
        bench->directory[0] = '\0';
        ISO_FAIL(IO, err, "no directory can be made in %s", parent != NULL ? parent : "/tmp");
    }
    ISO_TRY(store_open(os_system(), bench->directory, STORE_WRITE, &bench->store, err));
    double begin = seconds_now();
    for (int i = 1; i < bench->call->argument_count; i++) {
        char symbol[SYMBOL_BYTES_MAX];
        (void)snprintf(symbol, sizeof symbol, "file-%06d", i);
        struct import_request request = {
            .path = bench->call->arguments[i], .symbol = symbol, .cancelled = interrupt_flag()};
        ISO_DEFER(import_report_reset) struct import_report imported = {0};
        ISO_TRY(iso_context(import_file(bench->store, &request, &imported, err), err, "%s",
                            request.path));
        for (size_t j = 0; j < imported.series_count; j++) {
            bench->bars += imported.series[j].counts.stored;
        }
    }
    bench->import_seconds = seconds_now() - begin;
    size_t sealed;
    ISO_TRY(store_seal(bench->store, NULL, &sealed, err));
    if (bench->bars == 0) {
        ISO_FAIL(BAD_ARGUMENT, err, "isobar bench %s wants files of bars: isobar bench %s FILE...",
                 bench->call->arguments[0], bench->call->arguments[0]);
    }
    return ISO_OK;
}

/* One pass over all segments: every bar decoded, encoded again, and the bytes compared. */
struct codec_pass {
    struct store *store;
    struct bars bars;
    double encode_seconds;
    double decode_seconds;
    size_t bytes;
};

static iso_status pass_segment(void *context, const struct segment_row *row, struct iso_error *err)
{
    struct codec_pass *pass = context;
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    ISO_DEFER(bytes_reset) struct bytes again = {0};
    struct segment segment;
    ISO_TRY(store_load_segment(pass->store, row->hash, &bytes, &segment, err));
    pass->bars.count = 0;
    ISO_TRY(bars_reserve(&pass->bars, row->rows, err));
    double begin = seconds_now();
    ISO_TRY(segment_decode(&segment, segment.period, &pass->bars, NULL, err));
    double middle = seconds_now();
    ISO_TRY(segment_encode(&row->series, row->period, &pass->bars, &again, err));
    pass->encode_seconds += seconds_now() - middle;
    pass->decode_seconds += middle - begin;
    pass->bytes += bytes.length;
    if (again.length != bytes.length || memcmp(again.data, bytes.data, bytes.length) != 0) {
        ISO_FAIL(CORRUPT, err, "a decoded segment encodes to other bytes");
    }
    return ISO_OK;
}

static iso_status bench_codec(struct bench *bench, struct iso_error *err)
{
    double encode[RUNS_MAX] = {0};
    double decode[RUNS_MAX] = {0};
    size_t runs = (size_t)call_integer(bench->call, OPTION_runs);
    size_t bytes = 0;
    for (size_t i = 0; i < runs; i++) {
        struct codec_pass pass = {.store = bench->store};
        iso_status status = store_each_segment(bench->store, NULL, pass_segment, &pass, err);
        bars_reset(&pass.bars);
        ISO_TRY(status);
        encode[i] = pass.encode_seconds;
        decode[i] = pass.decode_seconds;
        bytes = pass.bytes;
    }
    double millions = (double)bench->bars * 1e-6;
    report(bench, "isobar.bytes_per_bar", (double)bytes / (double)bench->bars, "B");
    report(bench, "isobar.encode", millions / median(encode, runs), "M bars/s");
    report(bench, "isobar.decode", millions / median(decode, runs), "M bars/s");
    return ISO_OK;
}

static iso_status bench_import(struct bench *bench, struct iso_error *err)
{
    (void)err;
    report(bench, "isobar.import", (double)bench->bars * 1e-6 / bench->import_seconds, "M rows/s");
    return ISO_OK;
}

struct largest {
    struct series_row row;
};

static iso_status keep_largest(void *context, const struct series_row *row, struct iso_error *err)
{
    struct largest *largest = context;
    (void)err;
    if (row->bars > largest->row.bars) {
        largest->row = *row;
    }
    return ISO_OK;
}

/* A week of the largest series, at places spread evenly over it. */
static iso_status bench_read(struct bench *bench, struct iso_error *err)
{
    double took[RUNS_MAX] = {0};
    struct largest largest = {0};
    ISO_TRY(store_each_series(bench->store, keep_largest, &largest, err));
    size_t runs = (size_t)call_integer(bench->call, OPTION_runs);
    int64_t span_us = largest.row.last_us - largest.row.first_us;
    for (size_t i = 0; i < runs; i++) {
        ISO_DEFER(bars_reset) struct bars bars = {0};
        ISO_DEFER(coverage_reset) struct coverage coverage = {0};
        int64_t from_us = largest.row.first_us + span_us / (int64_t)runs * (int64_t)i;
        struct range week = {from_us, from_us + 7 * TIME_DAY_US};
        double begin = seconds_now();
        ISO_TRY(store_read(bench->store, &largest.row.series, week, &bars, &coverage, err));
        took[i] = (seconds_now() - begin) * 1e6;
    }
    report(bench, "isobar.week_p50", median(took, runs), "us");
    return ISO_OK;
}

static const struct {
    const char *name;
    iso_status (*run)(struct bench *bench, struct iso_error *err);
} benches[] = {{"codec", bench_codec}, {"import", bench_import}, {"read", bench_read}};

iso_status command_bench(struct call *call, struct iso_error *err)
{
    static const char *const heads[] = {"name", ">value", "unit"};
    ISO_DEFER(text_reset) struct text text = {0};
    ISO_DEFER(bench_reset) struct bench bench = {.call = call, .json = {.text = &text}};
    for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++) {
        if (strcmp(benches[i].name, call->arguments[0]) != 0) {
            continue;
        }
        ISO_TRY(import_files(&bench, err));
        result_json_begin(&bench.json);
        json_begin_array(&bench.json, "rows");
        table_begin(&bench.table, heads, sizeof heads / sizeof heads[0]);
        ISO_TRY(benches[i].run(&bench, err));
        json_end_array(&bench.json);
        if (call_flag(call, OPTION_json)) {
            return result_json_end(&bench.json, err);
        }
        text_clear(&text);
        table_end(&bench.table, &text);
        return result_write(&text, err);
    }
    ISO_FAIL(BAD_ARGUMENT, err, "isobar bench measures %s", call->command->arguments);
}
