/* SPDX-License-Identifier: Apache-2.0 */
#include "local/export.h"

#include "local/bars_csv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_AT_ONCE = 1 << 14 };

/* Where the text goes; temporary is NULL for standard output and for what is no regular file. */
struct sink {
    const struct os *os;
    const char *path;
    char *target; /* path with links followed */
    char *temporary;
    int file;
    bool published;
};

static void sink_close(struct sink *sink)
{
    if (sink->file > STDERR_FILENO) {
        (void)sink->os->close(sink->os->context, sink->file);
    }
    if (sink->temporary != NULL && !sink->published) {
        (void)sink->os->unlink(sink->os->context, sink->temporary);
    }
    free(sink->temporary);
    free(sink->target);
}

static iso_status sink_failed(const struct sink *sink, struct iso_error *err)
{
    ISO_FAIL(IO, err, "%s could not be written: %s", sink->path, strerror(errno));
}

static iso_status sink_open(struct sink *sink, struct iso_error *err)
{
    if (strcmp(sink->path, "-") == 0) {
        sink->file = STDOUT_FILENO;
        sink->path = "standard output";
        return ISO_OK;
    }
    bool regular;
    ISO_TRY(file_resolve(sink->path, &sink->target, &regular, err));
    if (!regular) {
        sink->file = sink->os->open(sink->os->context, sink->target, O_WRONLY, 0);
        return sink->file < 0 ? sink_failed(sink, err) : ISO_OK;
    }
    uint32_t chance;
    os_entropy(&chance, sizeof chance);
    int length = asprintf(&sink->temporary, "%s.tmp.%08x", sink->target, chance);
    if (length < 0) {
        sink->temporary = NULL;
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a path");
    }
    sink->file =
        sink->os->open(sink->os->context, sink->temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (sink->file < 0) {
        sink->published = true; /* nothing to remove */
        return sink_failed(sink, err);
    }
    return ISO_OK;
}

static iso_status sink_write(struct sink *sink, const struct text *text, struct iso_error *err)
{
    ISO_TRY(text_check(text, err));
    for (size_t done = 0; done < text->length;) {
        ssize_t wrote =
            sink->os->write(sink->os->context, sink->file, text->data + done, text->length - done);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            errno = wrote == 0 ? EIO : errno;
            return sink_failed(sink, err);
        }
        done += (size_t)wrote;
    }
    return ISO_OK;
}

static iso_status sink_publish(struct sink *sink, struct iso_error *err)
{
    if (sink->temporary == NULL) {
        return ISO_OK;
    }
    if (sink->os->fsync(sink->os->context, sink->file) != 0) {
        return sink_failed(sink, err);
    }
    int closed = sink->os->close(sink->os->context, sink->file);
    sink->file = -1;
    if (closed != 0 || sink->os->rename(sink->os->context, sink->temporary, sink->target) != 0) {
        return sink_failed(sink, err);
    }
    sink->published = true;
    return file_sync_directory(sink->os, sink->target, err);
}

void export_report_reset(struct export_report *report)
{
    coverage_reset(&report->coverage);
    *report = (struct export_report){0};
}

static iso_status check_request(const struct export_request *request, struct iso_error *err)
{
    if (request->series_count == 0) {
        ISO_FAIL(BAD_ARGUMENT, err, "there is no series to export; see isobar ls");
    }
    for (size_t i = 1; i < request->series_count; i++) {
        if (request->series[i].interval != request->series[0].interval) {
            ISO_FAIL(BAD_ARGUMENT, err,
                     "the series are of several intervals (%s, %s), which one CSV cannot tell "
                     "apart; choose one with --interval",
                     request->series[0].interval->name, request->series[i].interval->name);
        }
    }
    return ISO_OK;
}

static iso_status write_bars(struct sink *sink, const struct export_request *request,
                             const struct series *series, const struct bars *bars,
                             struct export_report *report, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    for (size_t at = 0; at < bars->count; at += ROWS_AT_ONCE) {
        size_t rest = bars->count - at;
        struct bars slice = bars_slice(bars, at, rest < ROWS_AT_ONCE ? rest : ROWS_AT_ONCE);
        if (request->cancelled != NULL && *request->cancelled != 0) {
            ISO_FAIL(INTERRUPTED, err, "interrupted; %s is as it was", sink->path);
        }
        text_clear(&text);
        bars_csv_rows(&text, series, &slice);
        ISO_TRY(sink_write(sink, &text, err));
        report->bytes += text.length;
    }
    report->rows += bars->count;
    return ISO_OK;
}

static iso_status write_series(struct store *store, struct sink *sink,
                               const struct export_request *request, const struct series *series,
                               struct export_report *report, struct iso_error *err)
{
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    ISO_TRY(store_read(store, series, request->range, &bars, &coverage, err));
    for (size_t i = 0; i < coverage.range_count; i++) {
        const struct missing_range *missing = &coverage.ranges[i];
        char reason[sizeof missing->reason];
        (void)snprintf(reason, sizeof reason, "%s: %s", series->symbol, missing->reason);
        ISO_TRY(coverage_add(&report->coverage, missing->range, missing->hole, reason, err));
    }
    return write_bars(sink, request, series, &bars, report, err);
}

iso_status export_csv(struct store *store, const struct export_request *request,
                      struct export_report *report, struct iso_error *err)
{
    ISO_TRY(check_request(request, err));
    ISO_DEFER(text_reset) struct text header = {0};
    ISO_DEFER(sink_close)
    struct sink sink = {.os = store_os(store), .path = request->path, .file = -1};
    report->coverage.complete = true;
    bars_csv_head(&header);
    ISO_TRY(sink_open(&sink, err));
    ISO_TRY(sink_write(&sink, &header, err));
    report->bytes += header.length;
    for (size_t i = 0; i < request->series_count; i++) {
        ISO_TRY(write_series(store, &sink, request, &request->series[i], report, err));
    }
    return sink_publish(&sink, err);
}
