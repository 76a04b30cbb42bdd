/* SPDX-License-Identifier: Apache-2.0 */
#include "local/import.h"

#include "local/dialect.h"
#include "local/import_name.h"
#include "local/import_rows.h"
#include "local/import_source.h"
#include "market/time.h"

#include <string.h>
#include <strings.h>

void import_report_reset(struct import_report *report)
{
    free(report->series);
    text_reset(&report->left_out);
    text_reset(&report->explanation);
    *report = (struct import_report){0};
}

void import_counts_add(struct import_counts *sum, const struct import_counts *more)
{
    sum->rows_read += more->rows_read;
    sum->stored += more->stored;
    sum->duplicates += more->duplicates;
    sum->corrected += more->corrected;
    sum->quarantined += more->quarantined;
    sum->gaps += more->gaps;
}

iso_status import_zone_parse(const char *text, int64_t *zone_us, struct iso_error *err)
{
    if (strcasecmp(text, "UTC") == 0 || strcasecmp(text, "GMT") == 0 ||
        strcasecmp(text, "Z") == 0) {
        *zone_us = 0;
        return ISO_OK;
    }
    bool sign = text[0] == '+' || text[0] == '-';
    const char *digits = text + sign;
    size_t length = strlen(digits);
    const char *colon = memchr(digits, ':', length);
    size_t hour_digits = colon != NULL ? (size_t)(colon - digits)
                         : length > 2  ? length - 2
                                       : length;
    const char *minute_at = colon != NULL ? colon + 1 : digits + hour_digits;
    int64_t hours;
    int64_t minutes = 0;
    if (!sign || length > 5 || !integer_parse(digits, digits + hour_digits, &hours) ||
        ((colon != NULL || *minute_at != '\0') &&
         !integer_parse(minute_at, digits + length, &minutes)) ||
        hours > 14 || hours < 0 || minutes < 0 || minutes > 59) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "\"%.40s\" is no time zone; give UTC or a fixed offset, as +01:00 or -0500", text);
    }
    int64_t offset_us = hours * TIME_HOUR_US + minutes * TIME_MINUTE_US;
    *zone_us = text[0] == '-' ? -offset_us : offset_us;
    return ISO_OK;
}

static iso_status check_cancelled(const struct import_request *request, struct iso_error *err)
{
    if (request->cancelled != NULL && *request->cancelled != 0) {
        ISO_FAIL(INTERRUPTED, err, "%s: interrupted; nothing of it was stored", request->path);
    }
    return ISO_OK;
}

/* The reader over a block that follows on what was read before. */
static struct csv_reader reader_over(const struct mapping *mapping,
                                     const struct source_block *block, int64_t line)
{
    return (struct csv_reader){.at = block->begin,
                               .end = block->end,
                               .separator = mapping->separator,
                               .newline = block->newline,
                               .line = line};
}

static iso_status read_block(struct import_rows *rows, struct csv_reader *reader,
                             struct iso_error *err)
{
    struct csv_row row;
    while (csv_next(reader, &row)) {
        ISO_TRY(import_rows_add(rows, &row, err));
    }
    return ISO_OK;
}

static iso_status read_blocks(const struct import_request *request, struct source *source,
                              struct source_block *block, struct import_rows *rows,
                              struct iso_error *err)
{
    const struct mapping *mapping = rows->mapping;
    block->begin += mapping->header_bytes;
    int64_t line = mapping->lines_before;
    while (block->begin < block->end) {
        struct csv_reader reader = reader_over(mapping, block, line);
        ISO_TRY(check_cancelled(request, err));
        ISO_TRY(read_block(rows, &reader, err));
        line = reader.line;
        if (request->progress != NULL) {
            struct source_progress at = source_progress(source);
            struct import_progress progress = {at.done_bytes, at.total_bytes, rows->row_count};
            request->progress(request->progress_context, &progress);
        }
        ISO_TRY(source_next(source, block, err));
    }
    return ISO_OK;
}

/* Read the whole file into rows, in order of time, with its interval decided. */
static iso_status read_file(const struct import_request *request, struct mapping *mapping,
                            struct import_rows *rows, struct iso_error *err)
{
    ISO_DEFER(source_close) struct source *source = NULL;
    struct source_block block;
    ISO_TRY(source_open(request->path, &source, err));
    ISO_TRY(source_next(source, &block, err));
    ISO_TRY(iso_context(
        dialect_sniff(block.begin, block.end, block.newline, request->columns, mapping, err), err,
        "%s", request->path));
    struct name_guess guess = import_name_guess(request->path);
    ISO_TRY(import_rows_begin(rows, mapping, request->zone_us, guess.symbol, err));
    ISO_TRY(read_blocks(request, source, &block, rows, err));
    ISO_TRY(import_rows_name(rows, request->symbol, request->path, err));
    ISO_TRY(import_rows_sort(rows, err));
    return import_rows_interval(rows, request->interval, guess.interval, request->path, err);
}

static iso_status report_rows(const struct import_request *request, struct mapping *mapping,
                              const struct import_rows *rows, struct import_report *report,
                              struct iso_error *err)
{
    ISO_NEW(report->series, rows->series_count, err);
    for (size_t i = 0; i < rows->series_count; i++) {
        const struct row_series *from = &rows->series[i];
        report->series[i] =
            (struct import_series){.interval = rows->interval, .counts = from->counts};
        memcpy(report->series[i].symbol, from->symbol, sizeof from->symbol);
    }
    report->series_count = rows->series_count;
    text_addf(&report->explanation, "%s\n%s%s", request->path, text_get(&mapping->explanation),
              text_get(&rows->explanation));
    text_add(&report->left_out, text_get(&mapping->left_out));
    ISO_TRY(text_check(&report->left_out, err));
    return text_check(&report->explanation, err);
}

iso_status import_read(const struct import_request *request, struct import_report *report,
                       struct iso_error *err)
{
    ISO_DEFER(mapping_reset) struct mapping mapping = {0};
    ISO_DEFER(import_rows_reset) struct import_rows rows = {0};
    ISO_TRY(read_file(request, &mapping, &rows, err));
    return report_rows(request, &mapping, &rows, report, err);
}

static iso_status write_series(struct store *store, const struct import_rows *rows, size_t index,
                               struct import_counts *counts, struct iso_error *err)
{
    const struct row_series *from = &rows->series[index];
    if (from->bars.count == 0) {
        return ISO_OK;
    }
    struct series series;
    struct write_report written = {0};
    ISO_TRY(series_make(from->symbol, rows->interval->name, &series, err));
    struct range covered = {
        from->bars.time_us[0],
        interval_next(rows->interval, from->bars.time_us[from->bars.count - 1])};
    ISO_TRY(store_write(store, &series, &from->bars, covered, &written, err));
    counts->stored += written.stored;
    counts->duplicates += written.duplicates;
    counts->corrected += written.corrected;
    return ISO_OK;
}

static iso_status write_quarantine(struct store *store, const struct import_request *request,
                                   const struct import_rows *rows, struct iso_error *err)
{
    ISO_DEFER(mem_defer_free) struct quarantine_row *refused = NULL;
    if (rows->refused_count == 0) {
        return ISO_OK;
    }
    ISO_NEW(refused, rows->refused_count, err);
    for (size_t i = 0; i < rows->refused_count; i++) {
        const struct refused_row *from = &rows->refused[i];
        refused[i] = (struct quarantine_row){.file = request->path,
                                             .line = from->line,
                                             .symbol = rows->series[from->series_index].symbol,
                                             .reason = from->reason,
                                             .text = text_get(&rows->raw) + from->raw_offset};
    }
    return store_quarantine(store, refused, rows->refused_count, err);
}

iso_status import_file(struct store *store, const struct import_request *request,
                       struct import_report *report, struct iso_error *err)
{
    ISO_DEFER(mapping_reset) struct mapping mapping = {0};
    ISO_DEFER(import_rows_reset) struct import_rows rows = {0};
    ISO_TRY(read_file(request, &mapping, &rows, err));
    ISO_TRY(report_rows(request, &mapping, &rows, report, err));
    ISO_TRY(check_cancelled(request, err));
    for (size_t i = 0; i < rows.series_count; i++) {
        ISO_TRY(write_series(store, &rows, i, &report->series[i].counts, err));
    }
    return write_quarantine(store, request, &rows, err);
}
