/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "cli/command.h"
#include "market/time.h"
#include "segment/segment.h"

static double bits_per_value(const struct segment *segment, uint64_t bits)
{
    return (double)bits / (double)segment->rows;
}

static void inspect_json(const struct segment *segment, const struct segment_info *info,
                         struct text *text)
{
    struct json json = {.text = text};
    char hash[HASH_HEX_BYTES];
    char time[TIME_TEXT_BYTES];
    hash_hex(segment->hash, hash);
    result_json_begin(&json);
    json_add_string(&json, "symbol", segment->series.symbol);
    json_add_string(&json, "interval", segment->series.interval->name);
    json_add_integer(&json, "rows", (int64_t)segment->rows);
    json_add_integer(&json, "bytes", (int64_t)segment->length);
    json_add_string(&json, "hash", hash);
    (void)time_format(segment->period.from_us, time);
    json_add_string(&json, "period_from", time);
    (void)time_format(segment->period.to_us, time);
    json_add_string(&json, "period_to", time);
    (void)time_format(segment->first_us, time);
    json_add_string(&json, "first", time);
    (void)time_format(segment->last_us, time);
    json_add_string(&json, "last", time);
    json_add_integer(&json, "blocks", (int64_t)segment->block_count);
    json_add_integer(&json, "overhead_bits", (int64_t)info->overhead_bits);
    json_begin_array(&json, "columns");
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        const struct segment_column_info *column = &info->column[i];
        json_begin_object(&json, NULL);
        json_add_string(&json, "name", column->name);
        json_add_string(&json, "encoding", column->encoding);
        json_add_integer(&json, "scale", column->scale);
        json_add_integer(&json, "bits", (int64_t)column->bits);
        json_add_number(&json, "bits_per_value", bits_per_value(segment, column->bits));
        json_add_integer(&json, "exceptions", (int64_t)column->exceptions);
        json_end_object(&json);
    }
    json_end_array(&json);
    json_end_object(&json);
    text_add_char(text, '\n');
}

static void inspect_text(const struct segment *segment, const struct segment_info *info,
                         struct text *text)
{
    static const char *const heads[] = {"column", "encoding", ">scale", ">bits/bar", ">exceptions"};
    char hash[HASH_HEX_BYTES];
    char first[TIME_TEXT_BYTES];
    char last[TIME_TEXT_BYTES];
    hash_hex(segment->hash, hash);
    (void)time_format(segment->first_us, first);
    (void)time_format(segment->last_us, last);
    text_addf(text, "series   %s %s\n", segment->series.symbol, segment->series.interval->name);
    text_addf(text, "hash     %s\n", hash);
    text_addf(text, "bars     %zu, %s to %s\n", segment->rows, first, last);
    text_addf(text, "bytes    %zu, %.2f a bar; %zu blocks\n\n", segment->length,
              (double)segment->length / (double)segment->rows, segment->block_count);
    struct table table;
    table_begin(&table, heads, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        const struct segment_column_info *column = &info->column[i];
        table_cell(&table, "%s", column->name);
        table_cell(&table, "%s", column->encoding);
        if (column->scale >= 0) {
            table_cell(&table, "%d", column->scale);
        } else {
            table_cell(&table, "-");
        }
        table_cell(&table, "%.2f", bits_per_value(segment, column->bits));
        table_cell(&table, "%zu", column->exceptions);
    }
    table_cell(&table, "(headers)");
    table_cell(&table, "-");
    table_cell(&table, "-");
    table_cell(&table, "%.2f", bits_per_value(segment, info->overhead_bits));
    table_cell(&table, "-");
    table_end(&table, text);
}

iso_status command_inspect(struct call *call, struct iso_error *err)
{
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    ISO_DEFER(text_reset) struct text text = {0};
    struct segment segment;
    struct segment_info info;
    const char *path = call->arguments[0];
    ISO_TRY(file_read(path, SEGMENT_BYTES_MAX, &bytes, err));
    ISO_TRY(iso_context(segment_open(bytes.data, bytes.length, &segment, err), err, "%s", path));
    ISO_TRY(iso_context(segment_inspect(&segment, &info, err), err, "%s", path));
    if (call_flag(call, OPTION_json)) {
        inspect_json(&segment, &info, &text);
    } else {
        inspect_text(&segment, &info, &text);
    }
    return result_write(&text, err);
}
