/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/series_rows.h"
#include "market/time.h"

#include <string.h>

/* The store in numbers, and the series that was asked for. */
struct summing {
    struct listing *listing;
    const struct series *wanted; /* NULL: all */
    size_t series;
    size_t segments;
    size_t bars;
    size_t bytes;
    size_t refused;
};

static iso_status add_row(void *context, const struct series_row *row, struct iso_error *err)
{
    struct summing *sum = context;
    if (sum->wanted != NULL && (strcmp(sum->wanted->symbol, row->series.symbol) != 0 ||
                                sum->wanted->interval != row->series.interval)) {
        return ISO_OK;
    }
    sum->series++;
    sum->segments += row->segments;
    sum->bars += row->bars;
    sum->bytes += row->bytes;
    return series_rows_add(sum->listing, row, err);
}

static iso_status count_refused(void *context, const struct quarantine_row *row,
                                struct iso_error *err)
{
    struct summing *sum = context;
    (void)row;
    (void)err;
    sum->refused++;
    return ISO_OK;
}

/* What came from nowhere: ranges between the first and the last bar that nobody ever stored. */
static iso_status read_holes(struct view *view, const struct series *series,
                             struct coverage *coverage, struct iso_error *err)
{
    ISO_DEFER(cursor_close) struct cursor *cursor = NULL;
    struct range all = {TIME_MIN_US, TIME_MAX_US};
    return cursor_open(view, series, all, coverage, &cursor, err);
}

static void add_totals(const struct summing *sum, const char *directory, struct listing *listing)
{
    struct json *json = &listing->json;
    double bytes_per_bar = sum->bars > 0 ? (double)sum->bytes / (double)sum->bars : 0.0;
    if (listing->is_json) {
        json_begin_object(json, "total");
        json_add_string(json, "store", directory);
        json_add_integer(json, "series", (int64_t)sum->series);
        json_add_integer(json, "bars", (int64_t)sum->bars);
        json_add_integer(json, "segments", (int64_t)sum->segments);
        json_add_integer(json, "bytes", (int64_t)sum->bytes);
        json_add_number(json, "bytes_per_bar", bytes_per_bar);
        json_add_integer(json, "quarantined", (int64_t)sum->refused);
        json_end_object(json);
        return;
    }
    text_addf(listing->text, "\n%zu series, %zu bars in %zu segments of %zu bytes (%.2f a bar)\n",
              sum->series, sum->bars, sum->segments, sum->bytes, bytes_per_bar);
    text_addf(listing->text, "%zu rows in quarantine; the store is %s\n", sum->refused, directory);
}

iso_status command_info(struct call *call, struct iso_error *err)
{
    struct series series = {0};
    struct listing listing;
    ISO_DEFER(view_close) struct view *view = NULL;
    ISO_DEFER(text_reset) struct text text = {0};
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    struct summing sum = {.listing = &listing, .wanted = call->argument_count > 0 ? &series : NULL};
    if (sum.wanted != NULL) {
        ISO_TRY(call_named_series(call, &series, err));
    }
    ISO_TRY(call_view(call, &view, err));
    if (sum.wanted != NULL) {
        ISO_TRY(read_holes(view, &series, &coverage, err));
    }
    ISO_TRY(view_each_quarantined(view, count_refused, &sum, err));
    series_rows_begin(&listing, call, &text);
    iso_status status = view_each_series(view, add_row, &sum, err);
    listing_end_rows(&listing);
    add_totals(&sum, view_directory(view), &listing);
    if (listing.is_json && sum.wanted != NULL) {
        result_json_coverage(&listing.json, &coverage);
    }
    if (listing.is_json) {
        json_end_object(&listing.json);
        text_add_char(&text, '\n');
    }
    ISO_TRY(status);
    result_say_coverage(call, &coverage);
    return result_write(&text, err);
}
