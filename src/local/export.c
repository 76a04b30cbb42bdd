/* SPDX-License-Identifier: Apache-2.0 */
#include "local/export.h"

#include "local/bars_csv.h"
#include "local/export_feed.h"
#include "local/export_sink.h"

#include <string.h>

enum { ROWS_AT_ONCE = 1 << 14 };

void export_report_reset(struct export_report *report)
{
    coverage_reset(&report->coverage);
    for (size_t i = 0; i < report->file_count; i++) {
        free(report->files[i]);
    }
    free(report->files);
    *report = (struct export_report){0};
}

iso_status export_report_add(struct export_report *report, const char *path, struct iso_error *err)
{
    size_t count = report->file_count;
    if ((count & (count - 1)) == 0) {
        char **grown = realloc(report->files, (count == 0 ? 1 : 2 * count) * sizeof *grown);
        if (grown == NULL) {
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu paths", count + 1);
        }
        report->files = grown;
    }
    report->files[count] = strdup(path);
    if (report->files[count] == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu paths", count + 1);
    }
    report->file_count++;
    return ISO_OK;
}

static iso_status check_request(const struct export_request *request, struct iso_error *err)
{
    if (request->series_count == 0) {
        ISO_FAIL(BAD_ARGUMENT, err, "there is no series to export; see isobar ls");
    }
    if (request->format != EXPORT_CSV && strcmp(request->path, "-") == 0) {
        ISO_FAIL(BAD_ARGUMENT, err, "only CSV can be written to standard output");
    }
    if (request->partitioned && request->format != EXPORT_PARQUET) {
        ISO_FAIL(BAD_ARGUMENT, err, "--partition is for --format parquet");
    }
    for (size_t i = 1; i < request->series_count && !request->partitioned; i++) {
        if (request->series[i].interval != request->series[0].interval) {
            ISO_FAIL(BAD_ARGUMENT, err,
                     "the series are of several intervals (%s, %s), which one file cannot tell "
                     "apart; choose one with --interval, or write a folder of Parquet with "
                     "--partition",
                     request->series[0].interval->name, request->series[i].interval->name);
        }
    }
    return ISO_OK;
}

static iso_status write_bars(struct sink *sink, const struct series *series,
                             const struct bars *bars, struct export_report *report,
                             struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    for (size_t at = 0; at < bars->count; at += ROWS_AT_ONCE) {
        size_t rest = bars->count - at;
        struct bars slice = bars_slice(bars, at, rest < ROWS_AT_ONCE ? rest : ROWS_AT_ONCE);
        text_clear(&text);
        bars_csv_rows(&text, series, &slice);
        ISO_TRY(sink_write(sink, &text, err));
        report->bytes += text.length;
    }
    return ISO_OK;
}

static iso_status write_all(struct sink *sink, struct export_feed *feed, struct iso_error *err)
{
    const struct series *series = NULL;
    ISO_DEFER(store_view_release) struct store_view view = {0};
    ISO_TRY(export_feed_next(feed, &series, &view, err));
    while (view.bars.count > 0) {
        ISO_TRY(write_bars(sink, series, &view.bars, feed->report, err));
        store_view_release(&view);
        ISO_TRY(export_feed_next(feed, &series, &view, err));
    }
    return ISO_OK;
}

static iso_status export_csv(struct store *store, const struct export_request *request,
                             struct export_report *report, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text header = {0};
    ISO_DEFER(sink_close) struct sink sink = {.file = -1};
    ISO_DEFER(export_feed_reset)
    struct export_feed feed = {.store = store, .request = request, .report = report};
    bars_csv_head(&header);
    ISO_TRY(sink_open(&sink, store_os(store), request->path, err));
    ISO_TRY(sink_write(&sink, &header, err));
    report->bytes += header.length;
    ISO_TRY(write_all(&sink, &feed, err));
    ISO_TRY(sink_publish(&sink, err));
    return export_report_add(report, request->path, err);
}

iso_status export_bars(struct store *store, const struct export_request *request,
                       struct export_report *report, struct iso_error *err)
{
    ISO_TRY(check_request(request, err));
    report->coverage.complete = true;
    return request->format == EXPORT_CSV ? export_csv(store, request, report, err)
                                         : export_by_duckdb(store, request, report, err);
}
