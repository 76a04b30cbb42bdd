/* SPDX-License-Identifier: Apache-2.0 */
/* Printing results: JSON, text, tables. */
#include "cli/command.h"

#include "market/time.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

void result_say_coverage(const struct call *call, const struct coverage *coverage)
{
    for (size_t i = 0; i < coverage->range_count; i++) {
        char from[TIME_TEXT_BYTES];
        char to[TIME_TEXT_BYTES];
        const struct missing_range *missing = &coverage->ranges[i];
        (void)time_format(missing->range.from_us, from);
        (void)time_format(missing->range.to_us, to);
        call_say(call, "isobar: %s %s to %s: %s", missing->hole ? "no bars from" : "missing", from,
                 to, missing->reason);
    }
}

void table_begin(struct table *table, const char *const *heads, size_t column_count)
{
    ISO_ASSERT(column_count <= TABLE_COLUMNS_MAX);
    *table = (struct table){.column_count = column_count};
    for (size_t i = 0; i < column_count; i++) {
        table_cell(table, "%s", heads[i]);
    }
}

void table_cell(struct table *table, const char *format, ...)
{
    char cell[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(cell, sizeof cell, format, arguments);
    va_end(arguments);
    if (length >= 0) {
        text_append(&table->cells, cell, strlen(cell) + 1);
        table->cell_count++;
    }
}

/* Characters a terminal shows: UTF-8 continuation bytes take no place. */
static size_t shown_width(const char *cell)
{
    size_t width = 0;
    for (; *cell != '\0'; cell++) {
        width += ((unsigned char)*cell & 0xc0) != 0x80;
    }
    return width;
}

static void add_padded(struct text *target, const char *cell, size_t width, bool right, bool last)
{
    size_t padding = width - shown_width(cell);
    for (size_t i = 0; right && i < padding; i++) {
        text_add_char(target, ' ');
    }
    text_add(target, cell);
    for (size_t i = 0; !right && !last && i < padding; i++) {
        text_add_char(target, ' ');
    }
    text_add(target, last ? "\n" : "  ");
}

void table_end(struct table *table, struct text *target)
{
    size_t width[TABLE_COLUMNS_MAX] = {0};
    bool right[TABLE_COLUMNS_MAX] = {false};
    const char *cell = text_get(&table->cells);
    for (size_t i = 0; !table->cells.failed && i < table->cell_count; i++) {
        size_t column = i % table->column_count;
        right[column] = i < table->column_count ? cell[0] == '>' : right[column];
        size_t shown = shown_width(cell) - (i < table->column_count && right[column]);
        width[column] = shown > width[column] ? shown : width[column];
        cell += strlen(cell) + 1;
    }
    cell = text_get(&table->cells);
    for (size_t i = 0; !table->cells.failed && i < table->cell_count; i++) {
        size_t column = i % table->column_count;
        bool head = i < table->column_count && right[column];
        add_padded(target, cell + head, width[column], right[column],
                   column + 1 == table->column_count);
        cell += strlen(cell) + 1;
    }
    target->failed = target->failed || table->cells.failed;
    text_reset(&table->cells);
}

void listing_begin(struct listing *listing, const struct call *call, struct text *text,
                   const char *key, const char *const *heads, size_t column_count)
{
    *listing = (struct listing){
        .text = text, .is_json = call_flag(call, OPTION_json), .json = {.text = text}};
    if (listing->is_json) {
        result_json_begin(&listing->json);
        json_begin_array(&listing->json, key);
    } else {
        table_begin(&listing->table, heads, column_count);
    }
}

void listing_end(struct listing *listing)
{
    if (listing->is_json) {
        json_end_array(&listing->json);
        json_end_object(&listing->json);
        text_add_char(listing->text, '\n');
    } else {
        table_end(&listing->table, listing->text);
    }
}
