/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "market/time.h"

static iso_status list_series(void *context, const struct series_row *row, struct iso_error *err)
{
    struct listing *listing = context;
    char first[TIME_TEXT_BYTES];
    char last[TIME_TEXT_BYTES];
    (void)err;
    (void)time_format(row->first_us, first);
    (void)time_format(row->last_us, last);
    listing->count++;
    if (listing->is_json) {
        struct json *json = &listing->json;
        json_begin_object(json, NULL);
        json_add_string(json, "symbol", row->series.symbol);
        json_add_string(json, "interval", row->series.interval->name);
        json_add_string(json, "first", first);
        json_add_string(json, "last", last);
        json_add_integer(json, "bars", (int64_t)row->bars);
        json_add_integer(json, "segments", (int64_t)row->segments);
        json_add_integer(json, "bytes", (int64_t)row->bytes);
        json_end_object(json);
    } else {
        table_cell(&listing->table, "%s", row->series.symbol);
        table_cell(&listing->table, "%s", row->series.interval->name);
        table_cell(&listing->table, "%s", first);
        table_cell(&listing->table, "%s", last);
        table_cell(&listing->table, "%zu", row->bars);
        table_cell(&listing->table, "%zu", row->segments);
        table_cell(&listing->table, "%zu", row->bytes);
    }
    return ISO_OK;
}

iso_status command_ls(struct call *call, struct iso_error *err)
{
    static const char *const heads[] = {"symbol", "interval",  "first", "last",
                                        ">bars",  ">segments", ">bytes"};
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_DEFER(text_reset) struct text text = {0};
    ISO_TRY(call_store(call, STORE_READ, &store, err));
    struct listing listing;
    listing_begin(&listing, call, &text, "series", heads, sizeof heads / sizeof heads[0]);
    iso_status status = store_each_series(store, list_series, &listing, err);
    listing_end(&listing);
    ISO_TRY(status);
    if (listing.count == 0 && !listing.is_json) {
        call_say(call, "isobar: the store at %s is empty; \"isobar import FILE\" fills it",
                 store_directory(store));
        return ISO_OK;
    }
    return result_write(&text, err);
}
