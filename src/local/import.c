/* SPDX-License-Identifier: Apache-2.0 */
#include "local/import.h"

#include "local/import_read.h"

#include <stdio.h>
#include <string.h>

struct import {
    struct import_rows rows;
};

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

iso_status import_report_rows(const struct import_rows *rows, struct import_report *report,
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
    text_add(&report->explanation, text_get(&rows->explanation));
    ISO_TRY(text_check(&report->left_out, err));
    return text_check(&report->explanation, err);
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

const char *import_label(const struct import_request *request)
{
    return strcmp(request->path, "-") == 0 ? "standard input" : request->path;
}

/* "path", or "path: member" where the file is an archive; for the caller to free. */
static iso_status name_members(const struct import_request *request, const struct import_rows *rows,
                               char **names, struct iso_error *err)
{
    for (size_t i = 0; i < rows->member_count; i++) {
        const char *member = rows->members[i];
        int length = asprintf(&names[i], "%s%s%s", import_label(request),
                              member[0] != '\0' ? ": " : "", member);
        if (length < 0) {
            names[i] = NULL;
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a name");
        }
    }
    return ISO_OK;
}

static iso_status put_quarantine(struct store *store, const struct import_rows *rows, char **names,
                                 struct iso_error *err)
{
    ISO_DEFER(mem_defer_free) struct quarantine_row *refused = NULL;
    ISO_NEW(refused, rows->refused_count, err);
    for (size_t i = 0; i < rows->refused_count; i++) {
        const struct refused_row *from = &rows->refused[i];
        refused[i] = (struct quarantine_row){.file = names[from->place >> PLACE_LINE_BITS],
                                             .line = (int64_t)(from->place & PLACE_LINE_MASK),
                                             .symbol = rows->series[from->series_index].symbol,
                                             .reason = from->reason,
                                             .text = text_get(&rows->raw) + from->raw_offset};
    }
    return store_quarantine(store, refused, rows->refused_count, err);
}

static iso_status write_quarantine(struct store *store, const struct import_request *request,
                                   const struct import_rows *rows, struct iso_error *err)
{
    ISO_DEFER(mem_defer_free) char **names = NULL;
    if (rows->refused_count == 0) {
        return ISO_OK;
    }
    ISO_NEW(names, rows->member_count, err);
    iso_status status = name_members(request, rows, names, err);
    if (!iso_failed(status)) {
        status = put_quarantine(store, rows, names, err);
    }
    for (size_t i = 0; i < rows->member_count; i++) {
        free(names[i]);
    }
    return status;
}

void import_free(struct import **import)
{
    if (*import != NULL) {
        import_rows_reset(&(*import)->rows);
        free(*import);
        *import = NULL;
    }
}

iso_status import_load(const struct import_request *request, struct import **import,
                       struct import_report *report, struct iso_error *err)
{
    ISO_DEFER(import_free) struct import *loaded = NULL;
    ISO_NEW(loaded, 1, err);
    ISO_TRY(iso_context(import_read_file(request, &loaded->rows, report, err), err, "%s",
                        import_label(request)));
    ISO_TRY(import_report_rows(&loaded->rows, report, err));
    ISO_TRY(iso_context(import_check_cancelled(request, err), err, "%s", import_label(request)));
    *import = loaded;
    loaded = NULL;
    return ISO_OK;
}

iso_status import_store_rows(struct store *store, const struct import_request *request,
                             const struct import_rows *rows, struct import_report *report,
                             struct iso_error *err)
{
    for (size_t i = 0; i < rows->series_count; i++) {
        ISO_TRY(write_series(store, rows, i, &report->series[i].counts, err));
    }
    return write_quarantine(store, request, rows, err);
}

iso_status import_store(struct store *store, const struct import_request *request,
                        const struct import *import, struct import_report *report,
                        struct iso_error *err)
{
    return import_store_rows(store, request, &import->rows, report, err);
}

iso_status import_read(const struct import_request *request, struct import_report *report,
                       struct iso_error *err)
{
    ISO_DEFER(import_free) struct import *import = NULL;
    return import_load(request, &import, report, err);
}

iso_status import_file(struct store *store, const struct import_request *request,
                       struct import_report *report, struct iso_error *err)
{
    ISO_DEFER(import_free) struct import *import = NULL;
    ISO_TRY(import_load(request, &import, report, err));
    return import_store(store, request, import, report, err);
}
