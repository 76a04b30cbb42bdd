/* SPDX-License-Identifier: Apache-2.0 */
/* Printing results: JSON, text, tables. */
#include "cli/command.h"

#include "market/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { FLUSH_BYTES = 1 << 18, HELD_BYTES_MAX = 1 << 26 };

void result_json_begin(struct json *json)
{
    json_begin_object(json, NULL);
    json_add_integer(json, "schema_version", JSON_SCHEMA_VERSION);
}

iso_status result_write(const struct text *text, struct iso_error *err)
{
    ISO_TRY(text_check(text, err));
    size_t length = text->length;
    if ((length > 0 && fwrite(text->data, 1, length, stdout) != length) || fflush(stdout) != 0) {
        ISO_FAIL(IO, err, "the result could not be written: %s", strerror(errno));
    }
    return ISO_OK;
}

iso_status result_flow(const struct call *call, struct text *text, size_t rows,
                       struct iso_error *err)
{
    ISO_TRY(call_check_rows(call, rows, err));
    bool held = call_may_flood(call) && text->length < HELD_BYTES_MAX;
    if (!held && text->length >= FLUSH_BYTES) {
        ISO_TRY(result_write(text, err));
        text_clear(text);
    }
    return ISO_OK;
}

iso_status result_json_end(struct json *json, struct iso_error *err)
{
    json_end_object(json);
    ISO_ASSERT(json->depth == 0);
    text_add_char(json->text, '\n');
    return result_write(json->text, err);
}

static void add_ranges(struct json *json, const char *key, const struct coverage *coverage,
                       bool holes)
{
    json_begin_array(json, key);
    for (size_t i = 0; i < coverage->range_count; i++) {
        const struct missing_range *missing = &coverage->ranges[i];
        char text[TIME_TEXT_BYTES];
        if (missing->hole != holes) {
            continue;
        }
        json_begin_object(json, NULL);
        (void)time_format(missing->range.from_us, text);
        json_add_string(json, "from", text);
        (void)time_format(missing->range.to_us, text);
        json_add_string(json, "to", text);
        json_add_string(json, "reason", missing->reason);
        json_end_object(json);
    }
    json_end_array(json);
}

void result_json_coverage(struct json *json, const struct coverage *coverage)
{
    json_begin_object(json, "coverage");
    json_add_bool(json, "complete", coverage->complete);
    add_ranges(json, "missing", coverage, false);
    add_ranges(json, "holes", coverage, true);
    json_end_object(json);
}

void result_say_missing(const struct call *call, const struct series *series,
                        const struct missing_range *missing)
{
    char from[TIME_TEXT_BYTES];
    char to[TIME_TEXT_BYTES];
    (void)time_format(missing->range.from_us, from);
    (void)time_format(missing->range.to_us, to);
    call_say(call, "isobar: %s%s%s%s%s %s to %s: %s", series != NULL ? series->symbol : "",
             series != NULL ? " " : "", series != NULL ? series->interval->name : "",
             series != NULL ? ": " : "", missing->hole ? "no bars from" : "missing", from, to,
             missing->reason);
}

void result_say_coverage(const struct call *call, const struct coverage *coverage)
{
    for (size_t i = 0; i < coverage->range_count; i++) {
        result_say_missing(call, NULL, &coverage->ranges[i]);
    }
}

void result_say_work(const struct call *call, struct view_work work)
{
    call_say(call, "isobar: read %zu segments, decoded %zu blocks of up to %d bars: %zu bars",
             work.segments, work.blocks, SEGMENT_BLOCK_ROWS, work.bars);
}

void listing_begin(struct listing *listing, const struct call *call, struct text *text,
                   const char *key, const char *const *heads, size_t column_count)
{
    *listing = (struct listing){.call = call,
                                .text = text,
                                .is_json = call_flag(call, OPTION_json),
                                .json = {.text = text}};
    if (listing->is_json) {
        result_json_begin(&listing->json);
        json_begin_array(&listing->json, key);
    } else {
        table_begin(&listing->table, heads, column_count);
        listing->table.screen = call_screen(call);
    }
}

void listing_end_rows(struct listing *listing)
{
    if (listing->is_json) {
        json_end_array(&listing->json);
    } else {
        table_end(&listing->table, listing->text);
    }
}

void listing_end(struct listing *listing)
{
    listing_end_rows(listing);
    if (listing->is_json) {
        json_end_object(&listing->json);
        text_add_char(listing->text, '\n');
    }
}
