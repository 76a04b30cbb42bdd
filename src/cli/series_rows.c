/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/series_rows.h"

#include "market/time.h"

void series_rows_begin(struct listing *listing, const struct call *call, struct text *text)
{
    static const char *const heads[] = {"symbol", "interval",  "first", "last",
                                        ">bars",  ">segments", ">bytes"};
    listing_begin(listing, call, text, "series", heads, sizeof heads / sizeof heads[0]);
}

iso_status series_rows_add(void *context, const struct series_row *row, struct iso_error *err)
{
    struct listing *listing = context;
    char first[TIME_TEXT_BYTES];
    char last[TIME_TEXT_BYTES];
    (void)err;
    (void)call_time(listing->call, row->first_us, first);
    (void)call_time(listing->call, row->last_us, last);
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
        table_add(&listing->table, row->series.symbol);
        table_add(&listing->table, row->series.interval->name);
        table_add(&listing->table, first);
        table_add(&listing->table, last);
        table_cell(&listing->table, "%zu", row->bars);
        table_cell(&listing->table, "%zu", row->segments);
        table_cell(&listing->table, "%zu", row->bytes);
    }
    return ISO_OK;
}
