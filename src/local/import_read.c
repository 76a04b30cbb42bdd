/* SPDX-License-Identifier: Apache-2.0 */
#include "local/import_read.h"

#include "local/import_name.h"
#include "local/import_source.h"
#include "local/import_table.h"
#include "market/time.h"

#include <stdio.h>
#include <string.h>

enum { EXPECTED_RATIO_MAX = 4096 };

iso_status import_check_cancelled(const struct import_request *request, struct iso_error *err)
{
    if (request->cancelled != NULL && *request->cancelled != 0) {
        ISO_FAIL(INTERRUPTED, err, "interrupted; nothing of it was stored");
    }
    return ISO_OK;
}

/* The reader over a block that follows on what was read before. */
static struct csv_reader reader_over(const struct mapping *mapping,
                                     const struct source_block *block, int64_t line)
{
    int last = 0;
    for (int i = 0; i < COLUMN_COUNT; i++) {
        last = mapping->column[i] > last ? mapping->column[i] : last;
    }
    return (struct csv_reader){.at = block->begin,
                               .end = block->end,
                               .separator = mapping->separator,
                               .newline = block->newline,
                               .line = line,
                               .wanted = (size_t)last + 1};
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

static void report_progress(const struct import_request *request, const struct source *source,
                            const struct import_rows *rows)
{
    if (request->progress != NULL) {
        struct archive_progress at = source_progress(source);
        struct import_progress progress = {at.done_bytes, at.total_bytes, rows->row_count};
        request->progress(request->progress_context, &progress);
    }
}

/* From the first block of a big file: how many rows there will be, if they are all alike. */
static iso_status expect_rows(const struct source *source, struct import_rows *rows,
                              struct iso_error *err)
{
    struct archive_progress at = source_progress(source);
    bool tells = at.done_bytes >= SOURCE_BLOCK_BYTES / 8 && at.total_bytes > at.done_bytes &&
                 rows->series_count == 1;
    double ratio = tells ? (double)at.total_bytes / (double)at.done_bytes : 0;
    return tells && ratio < EXPECTED_RATIO_MAX
               ? import_rows_expect(rows, (size_t)((double)rows->row_count * ratio * 1.05), err)
               : ISO_OK;
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
        ISO_TRY(import_check_cancelled(request, err));
        ISO_TRY(read_block(rows, &reader, err));
        if (line == mapping->lines_before) {
            ISO_TRY(expect_rows(source, rows, err));
        }
        line = reader.line;
        report_progress(request, source, rows);
        ISO_TRY(source_next(source, block, err));
    }
    return ISO_OK;
}

/* A file on its way into rows. */
struct reading {
    const struct import_request *request;
    struct source *source;
    struct import_rows *rows;
    struct import_report *report;
    struct name_guess guess;         /* of the file's name */
    const struct interval *interval; /* that Lean's folders tell, or NULL */
    struct iso_error first_error;    /* of a member that holds no bars */
    iso_status first_status;
};

static void explain_member(struct reading *reading, const char *member,
                           const struct mapping *mapping)
{
    struct import_report *report = reading->report;
    text_addf(&report->explanation, "%s%s", import_label(reading->request),
              member[0] != '\0' ? ": " : "");
    text_add_shown(&report->explanation, member, strlen(member));
    text_addf(&report->explanation, "\n%s", text_get(&mapping->explanation));
    if (strstr(text_get(&report->left_out), text_get(&mapping->left_out)) == NULL) {
        text_add(&report->left_out, report->left_out.length > 0 ? ", " : "");
        text_add(&report->left_out, text_get(&mapping->left_out));
    }
}

/* Lean's quotes are a series of their own beside the trades: "SPY.usa.mid". */
static void name_lean(const struct lean *lean, const struct mapping *mapping,
                      char target[SYMBOL_BYTES_MAX + 1])
{
    bool quotes = mapping->column[COLUMN_ask_close] >= 0;
    (void)snprintf(target, SYMBOL_BYTES_MAX + 1, "%s%s%s", lean->symbol, quotes ? "." : "",
                   quotes ? side_name(mapping->side) : "");
}

static iso_status begin_rows(struct reading *reading, const char *member, const struct lean *lean,
                             const struct mapping *mapping, struct iso_error *err)
{
    if (lean->is_lean) {
        char symbol[SYMBOL_BYTES_MAX + 1];
        name_lean(lean, mapping, symbol);
        reading->interval = lean->interval;
        return import_rows_begin(reading->rows, mapping, member, symbol, "Lean's folders", err);
    }
    struct name_guess guess = import_name_guess(member);
    if (reading->guess.interval == NULL) {
        reading->guess.interval = guess.interval;
    }
    bool own = guess.symbol[0] != '\0';
    return import_rows_begin(reading->rows, mapping, member,
                             own ? guess.symbol : reading->guess.symbol,
                             own ? "the name of the member" : "the name of the file", err);
}

/* What the names and a person say about the rows; name is room for both names. */
static struct sniff_hints make_hints(const struct import_request *request, const char *member,
                                     const struct lean *lean, struct text *name)
{
    const char *slash = strrchr(request->path, '/');
    text_addf(name, "%s %s", slash != NULL ? slash + 1 : request->path, member);
    return (struct sniff_hints){.columns = request->columns,
                                .zone = request->zone,
                                .name = text_get(name),
                                .side = request->side,
                                .derive_vwap = request->derive_vwap,
                                .lean = lean->is_lean ? lean : NULL};
}

static iso_status sniff(struct reading *reading, const char *member,
                        const struct source_block *block, const struct lean *lean,
                        struct mapping *mapping, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text name = {0};
    struct sniff_hints hints = make_hints(reading->request, member, lean, &name);
    return dialect_sniff(block->begin, block->end, block->newline, &hints, mapping, err);
}

static iso_status map_member(struct reading *reading, const char *member,
                             struct source_block *block, struct lean *lean, struct mapping *mapping,
                             struct iso_error *err)
{
    ISO_TRY(lean_look(reading->request->path, member, lean, err));
    ISO_TRY(source_next(reading->source, block, err));
    if (block->begin == block->end) {
        ISO_FAIL(BAD_FORMAT, err, "it is empty");
    }
    return sniff(reading, member, block, lean, mapping, err);
}

static iso_status read_member(struct reading *reading, const char *member, struct iso_error *err)
{
    ISO_DEFER(mapping_reset) struct mapping mapping = {0};
    struct source_block block;
    struct lean lean;
    struct iso_error why = {0};
    iso_status status = map_member(reading, member, &block, &lean, &mapping, &why);
    bool skipped = iso_status_code(status) == ISO_ERROR_BAD_FORMAT && member[0] != '\0';
    if (iso_failed(status) && !skipped) {
        return iso_fail(iso_status_code(status), err, "%s", why.text);
    }
    if (skipped) { /* a member that holds no bars, such as a note beside them */
        struct text *left_out = &reading->report->left_out;
        text_add(left_out, left_out->length > 0 ? ", " : "");
        text_add_shown(left_out, member, strlen(member));
        text_addf(left_out, " (%.60s)", why.text);
        if (!iso_failed(reading->first_status)) {
            reading->first_status = iso_context(status, &why, "%s", member);
            reading->first_error = why;
        }
        return ISO_OK;
    }
    lean.is_lean = lean.is_lean && mapping.header_line == 0; /* Lean writes none */
    ISO_TRY(begin_rows(reading, member, &lean, &mapping, err));
    explain_member(reading, member, &mapping);
    return read_blocks(reading->request, reading->source, &block, reading->rows, err);
}

static iso_status read_members(struct reading *reading, struct iso_error *err)
{
    const char *member;
    ISO_TRY(source_next_member(reading->source, &member, err));
    while (member != NULL) {
        ISO_DEFER(mem_defer_free) char *name = strdup(member);
        if (name == NULL) {
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a name");
        }
        ISO_TRY(read_member(reading, name, err));
        ISO_TRY(source_next_member(reading->source, &member, err));
    }
    if (reading->rows->member_count == 0 && iso_failed(reading->first_status)) {
        return iso_fail(iso_status_code(reading->first_status), err, "%s",
                        reading->first_error.text);
    }
    if (reading->rows->member_count == 0) {
        ISO_FAIL(BAD_FORMAT, err, "there is no file in the archive");
    }
    return ISO_OK;
}

static iso_status begin_table(void *context, const struct mapping *mapping, struct iso_error *err)
{
    struct reading *reading = context;
    static const struct lean none = {.is_lean = false};
    ISO_TRY(begin_rows(reading, "", &none, mapping, err));
    explain_member(reading, "", mapping);
    return ISO_OK;
}

static iso_status tick_table(void *context, struct iso_error *err)
{
    const struct reading *reading = context;
    report_progress(reading->request, reading->source, reading->rows);
    return import_check_cancelled(reading->request, err);
}

static iso_status read_table(struct reading *reading, struct mapping *mapping,
                             struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text name = {0};
    static const struct lean none = {.is_lean = false};
    struct sniff_hints hints = make_hints(reading->request, "", &none, &name);
    struct import_table table = {.path = reading->request->path,
                                 .kind = source_kind(reading->source),
                                 .hints = &hints,
                                 .mapping = mapping,
                                 .rows = reading->rows,
                                 .begin = begin_table,
                                 .tick = tick_table,
                                 .context = reading};
    return import_table_read(&table, err);
}

/* Read the whole file into rows, in order of time, with its interval decided. */
iso_status import_read_file(const struct import_request *request, struct import_rows *rows,
                            struct import_report *report, struct iso_error *err)
{
    ISO_DEFER(source_close) struct source *source = NULL;
    ISO_DEFER(mapping_reset) struct mapping mapping = {0};
    ISO_TRY(source_open(request->path, &source, err));
    struct reading reading = {.request = request,
                              .source = source,
                              .rows = rows,
                              .report = report,
                              .guess = import_name_guess(request->path)};
    ISO_TRY(source_kind(source) == SOURCE_TEXT ? read_members(&reading, err)
                                               : read_table(&reading, &mapping, err));
    ISO_TRY(import_rows_name(rows, request->symbol, err));
    bool told = request->interval == NULL && reading.interval != NULL;
    ISO_TRY(import_rows_interval(rows, told ? reading.interval : request->interval,
                                 reading.guess.interval, err));
    return import_rows_sort(rows, err);
}
