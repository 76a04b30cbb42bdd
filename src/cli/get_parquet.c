/* SPDX-License-Identifier: Apache-2.0 */
/* isobar get --format parquet: DuckDB writes the file, standard output gets its bytes. */
#include "cli/get_parquet.h"

#include "cli/sql_print.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 16 };

/* A file that is gone when its scope is left. */
struct scratch {
    char path[256];
    FILE *file;
};

static void scratch_reset(struct scratch *scratch)
{
    if (scratch->file != NULL) {
        (void)fclose(scratch->file);
    }
    if (scratch->path[0] != '\0') {
        (void)unlink(scratch->path);
    }
}

static iso_status scratch_open(struct scratch *scratch, struct iso_error *err)
{
    const char *folder = getenv("TMPDIR");
    int length = snprintf(scratch->path, sizeof scratch->path, "%s/isobar-XXXXXX",
                          folder != NULL && folder[0] != '\0' ? folder : "/tmp");
    int descriptor = (size_t)length < sizeof scratch->path ? mkstemp(scratch->path) : -1;
    if (descriptor < 0 || close(descriptor) != 0) {
        scratch->path[0] = '\0';
        ISO_FAIL(IO, err, "no file can be made in %s: %s; set TMPDIR to a folder with room",
                 folder != NULL ? folder : "/tmp", strerror(errno));
    }
    return ISO_OK;
}

/* Open what was written and take its name away, so that nothing is left whatever comes. */
static iso_status scratch_take(struct scratch *scratch, struct iso_error *err)
{
    scratch->file = fopen(scratch->path, "r");
    if (scratch->file == NULL || unlink(scratch->path) != 0) {
        ISO_FAIL(IO, err, "%s cannot be read back: %s", scratch->path, strerror(errno));
    }
    scratch->path[0] = '\0';
    return ISO_OK;
}

static iso_status make_query(const struct call *call, const char *path, struct text *query,
                             struct iso_error *err)
{
    static const enum option_id options[] = {OPTION_from, OPTION_to, OPTION_last, OPTION_resample};
    text_add(query, "COPY (SELECT * EXCLUDE (interval) FROM bars(symbol := ");
    query_add_string(query, call->arguments[0]);
    text_add(query, ", interval := ");
    query_add_string(query, call->arguments[1]);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        query_add_option(query, call, options[i]);
    }
    text_add(query, ")");
    if (call_has(call, OPTION_limit)) {
        text_addf(query, " LIMIT %lld", (long long)call_integer(call, OPTION_limit));
    }
    text_add(query, ") TO ");
    query_add_string(query, path);
    text_add(query, " (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)");
    return text_check(query, err);
}

static iso_status copy_out(struct scratch *scratch, struct iso_error *err)
{
    ISO_DEFER(mem_defer_free) char *piece = NULL;
    ISO_NEW(piece, PIECE_BYTES, err);
    size_t got = fread(piece, 1, PIECE_BYTES, scratch->file);
    while (got > 0) {
        if (fwrite(piece, 1, got, stdout) != got) {
            ISO_FAIL(IO, err, "the result could not be written: %s", strerror(errno));
        }
        got = fread(piece, 1, PIECE_BYTES, scratch->file);
    }
    if (ferror(scratch->file) != 0 || fflush(stdout) != 0) {
        ISO_FAIL(IO, err, "the result could not be written: %s", strerror(errno));
    }
    return ISO_OK;
}

/* A series that is not there is a failure of the question, not an empty file. */
static iso_status check_series(const struct call *call, struct iso_error *err)
{
    struct bar_request request;
    ISO_DEFER(view_close) struct view *view = NULL;
    ISO_DEFER(bar_stream_close) struct bar_stream *stream = NULL;
    ISO_TRY(call_bars(call, &request, err));
    ISO_TRY(call_view(call, &view, err));
    return bar_stream_open(view, &request, &stream, err);
}

iso_status get_parquet(struct call *call, struct iso_error *err)
{
    ISO_DEFER(scratch_reset) struct scratch scratch = {0};
    ISO_DEFER(text_reset) struct text query = {0};
    ISO_DEFER(sql_close) struct sql *sql = NULL;
    struct sql_sink sink = {.cancelled = interrupt_flag()};
    struct sql_report report;
    if (isatty(STDOUT_FILENO) != 0) {
        ISO_FAIL(BAD_ARGUMENT, err, "Parquet is not for a terminal; send it elsewhere, as > FILE");
    }
    ISO_TRY(check_series(call, err));
    ISO_TRY(scratch_open(&scratch, err));
    ISO_TRY(make_query(call, scratch.path, &query, err));
    ISO_TRY(sql_open(os_system(), call_text(call, OPTION_store), &sql, err));
    ISO_TRY(sql_run(sql, text_get(&query), &sink, &report, err));
    ISO_TRY(scratch_take(&scratch, err));
    ISO_TRY(copy_out(&scratch, err));
    for (size_t i = 0; i < report.missing_count; i++) {
        result_say_missing(call, &report.missing[i].series, &report.missing[i].missing);
    }
    if (call_flag(call, OPTION_explain)) {
        result_say_work(call, report.work);
    }
    call->exit_code = report.missing_count == 0 ? ISO_CLASS_OK : ISO_CLASS_PROBLEM;
    return ISO_OK;
}
