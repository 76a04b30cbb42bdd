/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "market/time.h"

/* Walking bars for stretches that the interval's grid has and the store has not. */
struct gap_search {
    const struct call *call;
    struct view *view;
    struct range range;
    struct listing listing;
    size_t left; /* rows that may still be listed */
    size_t bars; /* missing, listed or not */
    bool is_damaged;
};

/* Bars that would stand in [from_us, to_us). */
static int64_t missing_bars(const struct interval *interval, int64_t from_us, int64_t to_us)
{
    if (interval->step_us > 0) {
        return (to_us - from_us + interval->step_us - 1) / interval->step_us;
    }
    int64_t count = 0;
    for (int64_t at_us = from_us; at_us < to_us; at_us = interval_next(interval, at_us)) {
        count++;
    }
    return count;
}

static iso_status add_gap(struct gap_search *search, const struct series *series, int64_t from_us,
                          int64_t to_us, struct iso_error *err)
{
    struct listing *listing = &search->listing;
    int64_t missing = missing_bars(series->interval, from_us, to_us);
    char from[TIME_TEXT_BYTES];
    char to[TIME_TEXT_BYTES];
    (void)call_time(search->call, from_us, from);
    (void)call_time(search->call, to_us, to);
    listing->count++;
    search->bars += (size_t)missing;
    if (search->left == 0) {
        return ISO_OK;
    }
    search->left--;
    if (listing->is_json) {
        json_begin_object(&listing->json, NULL);
        json_add_string(&listing->json, "symbol", series->symbol);
        json_add_string(&listing->json, "interval", series->interval->name);
        json_add_string(&listing->json, "from", from);
        json_add_string(&listing->json, "to", to);
        json_add_integer(&listing->json, "bars", missing);
        json_end_object(&listing->json);
    } else {
        table_add(&listing->table, series->symbol);
        table_add(&listing->table, series->interval->name);
        table_add(&listing->table, from);
        table_add(&listing->table, to);
        table_cell(&listing->table, "%lld", (long long)missing);
    }
    return call_check_rows(search->call, listing->count, err);
}

static iso_status search_series(struct gap_search *search, const struct series *series,
                                struct iso_error *err)
{
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    ISO_DEFER(cursor_close) struct cursor *cursor = NULL;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_TRY(cursor_open(search->view, series, search->range, &coverage, &cursor, err));
    ISO_TRY(cursor_next(cursor, &bars, err));
    int64_t expected_us = bars.count > 0 ? bars.time_us[0] : 0;
    while (bars.count > 0) {
        for (size_t i = 0; i < bars.count; i++) {
            if (bars.time_us[i] > expected_us) {
                ISO_TRY(add_gap(search, series, expected_us, bars.time_us[i], err));
            }
            expected_us = interval_next(series->interval, bars.time_us[i]);
        }
        ISO_TRY(cursor_next(cursor, &bars, err));
    }
    if (!coverage.complete) {
        search->is_damaged = true;
        result_say_coverage(search->call, &coverage);
    }
    return ISO_OK;
}

struct series_list {
    struct series *series; /* owned */
    size_t count;
};

static void series_list_reset(struct series_list *list)
{
    free(list->series);
}

static iso_status add_series(void *context, const struct series_row *row, struct iso_error *err)
{
    struct series_list *list = context;
    struct series *grown = realloc(list->series, (list->count + 1) * sizeof *grown);
    if (grown == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu series", list->count + 1);
    }
    list->series = grown;
    list->series[list->count++] = row->series;
    return ISO_OK;
}

static iso_status search_all(struct gap_search *search, struct iso_error *err)
{
    ISO_DEFER(series_list_reset) struct series_list list = {0};
    ISO_TRY(view_each_series(search->view, add_series, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        ISO_TRY(search_series(search, &list.series[i], err));
    }
    return ISO_OK;
}

static iso_status run_search(struct gap_search *search, struct iso_error *err)
{
    struct series series;
    if (search->call->argument_count == 0) {
        return search_all(search, err);
    }
    ISO_TRY(call_named_series(search->call, &series, err));
    return search_series(search, &series, err);
}

iso_status command_gaps(struct call *call, struct iso_error *err)
{
    static const char *const heads[] = {"symbol", "interval", "from", "to", ">bars"};
    ISO_DEFER(view_close) struct view *view = NULL;
    ISO_DEFER(text_reset) struct text text = {0};
    struct gap_search search = {.call = call, .left = SIZE_MAX};
    ISO_TRY(call_range(call, &search.range, err));
    ISO_TRY(call_view(call, &view, err));
    search.view = view;
    if (call_has(call, OPTION_limit)) {
        search.left = (size_t)call_integer(call, OPTION_limit);
    }
    listing_begin(&search.listing, call, &text, "gaps", heads, sizeof heads / sizeof heads[0]);
    iso_status status = run_search(&search, err);
    listing_end(&search.listing);
    ISO_TRY(status);
    call->exit_code = search.is_damaged ? ISO_CLASS_PROBLEM : ISO_CLASS_OK;
    if (search.listing.is_json || search.listing.count > 0) {
        ISO_TRY(result_write(&text, err));
    }
    call_say(call, "isobar: %zu gaps, %zu bars missing", search.listing.count, search.bars);
    return ISO_OK;
}
