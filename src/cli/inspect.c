/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "cli/command.h"
#include "market/time.h"
#include "segment/segment.h"

#include <stdio.h>

static double bits_per_value(size_t rows, uint64_t bits)
{
    return (double)bits / (double)rows;
}

/* The widths of a class's levels, as 4+5+7; nothing where there is no such class. */
static void format_widths(const struct segment *segment, const struct segment_info *info,
                          size_t column, size_t class, struct text *text)
{
    const struct levels *levels = &segment->levels[column];
    if (class >= info->column[column].class_count) {
        text_add(text, "-");
        return;
    }
    for (size_t k = 0; k < levels_count(levels, class); k++) {
        text_addf(text, "%s%u", k > 0 ? "+" : "", levels->width[class * LEVELS_MAX + k]);
    }
}

/* --- JSON --------------------------------------------------------------------------------------*/

static void add_levels_json(const struct segment *segment, const struct segment_info *info,
                            size_t column, struct json *json)
{
    const struct levels *levels = &segment->levels[column];
    json_begin_object(json, "levels");
    json_add_bool(json, "zigzag", levels->zigzag);
    json_add_integer(json, "base", levels->base);
    json_begin_array(json, "widths");
    for (size_t class = 0; class < info->column[column].class_count; class++) {
        json_begin_array(json, NULL);
        for (size_t k = 0; k < levels_count(levels, class); k++) {
            json_add_integer(json, NULL, levels->width[class * LEVELS_MAX + k]);
        }
        json_end_array(json);
    }
    json_end_array(json);
    json_end_object(json);
}

static void add_columns_json(const struct segment *segment, const struct segment_info *info,
                             bool with_levels, struct json *json)
{
    json_begin_array(json, "columns");
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        const struct segment_column_info *column = &info->column[i];
        json_begin_object(json, NULL);
        json_add_string(json, "name", column->name);
        json_add_string(json, "encoding", column->encoding);
        json_add_integer(json, "scale", column->scale);
        json_add_integer(json, "grid", column->grid);
        json_add_integer(json, "bits", (int64_t)column->bits);
        json_add_number(json, "bits_per_value", bits_per_value(segment->rows, column->bits));
        json_add_integer(json, "exceptions", (int64_t)column->exceptions);
        if (with_levels && column->class_count > 0) {
            add_levels_json(segment, info, i, json);
        }
        json_end_object(json);
    }
    json_end_array(json);
}

static iso_status add_blocks_json(const struct segment *segment, const struct segment_info *info,
                                  struct json *json, struct iso_error *err)
{
    char time[TIME_TEXT_BYTES];
    json_begin_array(json, "block_directory");
    for (size_t i = 0; i < segment->block_count; i++) {
        struct segment_block_info block;
        ISO_TRY(segment_inspect_block(segment, i, &block, err));
        json_begin_object(json, NULL);
        (void)time_format(block.first_us, time);
        json_add_string(json, "first", time);
        json_add_integer(json, "rows", (int64_t)block.rows);
        json_add_integer(json, "offset", (int64_t)block.offset);
        json_add_integer(json, "bytes", (int64_t)block.bytes);
        json_add_integer(json, "overhead_bits", (int64_t)block.overhead_bits);
        json_begin_object(json, "bits");
        for (size_t column = 0; column < SEGMENT_COLUMN_COUNT; column++) {
            json_add_integer(json, info->column[column].name, (int64_t)block.bits[column]);
        }
        json_end_object(json);
        json_end_object(json);
    }
    json_end_array(json);
    return ISO_OK;
}

static iso_status inspect_json(const struct segment *segment, const struct segment_info *info,
                               bool with_blocks, struct text *text, struct iso_error *err)
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
    add_columns_json(segment, info, with_blocks, &json);
    if (with_blocks) {
        json_add_string(&json, "class_source", info->class_source);
        json_add_integer(&json, "class_offset", segment->class_offset);
        ISO_TRY(add_blocks_json(segment, info, &json, err));
    }
    json_end_object(&json);
    text_add_char(text, '\n');
    return ISO_OK;
}

/* --- text --------------------------------------------------------------------------------------*/

static void inspect_text(const struct segment *segment, const struct segment_info *info,
                         struct text *text)
{
    static const char *const heads[] = {"column", "encoding",  ">scale",
                                        ">grid",  ">bits/bar", ">exceptions"};
    char hash[HASH_HEX_BYTES];
    char first[TIME_TEXT_BYTES];
    char last[TIME_TEXT_BYTES];
    char from[TIME_TEXT_BYTES];
    char to[TIME_TEXT_BYTES];
    hash_hex(segment->hash, hash);
    (void)time_format(segment->period.from_us, from);
    (void)time_format(segment->period.to_us, to);
    (void)time_format(segment->first_us, first);
    (void)time_format(segment->last_us, last);
    text_addf(text, "format   version %d\n", SEGMENT_VERSION);
    text_addf(text, "series   %s %s\n", segment->series.symbol, segment->series.interval->name);
    text_addf(text, "hash     %s\n", hash);
    text_addf(text, "period   %s to %s\n", from, to);
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
        if (column->grid > 0) {
            table_cell(&table, "%lld", (long long)column->grid);
        } else {
            table_cell(&table, "-");
        }
        table_cell(&table, "%.2f", bits_per_value(segment->rows, column->bits));
        table_cell(&table, "%zu", column->exceptions);
    }
    table_cell(&table, "(headers)");
    table_cell(&table, "-");
    table_cell(&table, "-");
    table_cell(&table, "-");
    table_cell(&table, "%.2f", bits_per_value(segment->rows, info->overhead_bits));
    table_cell(&table, "-");
    table_end(&table, text);
}

static void levels_text(const struct segment *segment, const struct segment_info *info,
                        struct text *text)
{
    const char *heads[SEGMENT_COLUMN_COUNT + 2] = {"class", ">activity"};
    size_t shown[SEGMENT_COLUMN_COUNT];
    size_t count = 0;
    size_t classes = 1;
    ISO_DEFER(text_reset) struct text cell = {0};
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        size_t own = info->column[i].class_count;
        if (own > 0) {
            heads[2 + count] = info->column[i].name;
            shown[count++] = i;
        }
        classes = own > classes ? own : classes;
    }
    text_addf(text, "\nwidths of levels in bits, by class of %s\n",
              info->class_source != NULL ? info->class_source : "nothing: all rows are alike");
    struct table table;
    table_begin(&table, heads, 2 + count);
    for (size_t class = 0; class < classes; class++) {
        table_cell(&table, "%zu", class);
        table_cell(&table, "%llu+", (unsigned long long)segment_class_activity(segment, class));
        for (size_t i = 0; i < count; i++) {
            text_clear(&cell);
            format_widths(segment, info, shown[i], class, &cell);
            table_add(&table, text_get(&cell));
        }
    }
    table_cell(&table, "base");
    table_cell(&table, "-");
    for (size_t i = 0; i < count; i++) {
        const struct levels *levels = &segment->levels[shown[i]];
        if (levels->zigzag) {
            table_cell(&table, "zigzag");
        } else {
            table_cell(&table, "%lld", (long long)levels->base);
        }
    }
    table_end(&table, text);
}

static iso_status blocks_text(const struct segment *segment, const struct segment_info *info,
                              struct text *text, struct iso_error *err)
{
    const char *heads[5 + SEGMENT_COLUMN_COUNT] = {">block", "first", ">rows", ">offset", ">bytes"};
    char right[SEGMENT_COLUMN_COUNT][16];
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        (void)snprintf(right[i], sizeof right[i], ">%s", info->column[i].name);
        heads[5 + i] = right[i];
    }
    text_add(text, "\nblocks, and bits a bar in each\n");
    ISO_DEFER(table_reset) struct table table = {0};
    table_begin(&table, heads, 5 + SEGMENT_COLUMN_COUNT);
    for (size_t i = 0; i < segment->block_count; i++) {
        struct segment_block_info block;
        char first[TIME_TEXT_BYTES];
        ISO_TRY(segment_inspect_block(segment, i, &block, err));
        (void)time_format(block.first_us, first);
        table_cell(&table, "%zu", i);
        table_cell(&table, "%s", first);
        table_cell(&table, "%zu", block.rows);
        table_cell(&table, "%zu", block.offset);
        table_cell(&table, "%zu", block.bytes);
        for (size_t column = 0; column < SEGMENT_COLUMN_COUNT; column++) {
            table_cell(&table, "%.2f", bits_per_value(block.rows, block.bits[column]));
        }
    }
    table_end(&table, text);
    return ISO_OK;
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
    bool with_blocks = call_flag(call, OPTION_blocks);
    if (call_flag(call, OPTION_json)) {
        ISO_TRY(inspect_json(&segment, &info, with_blocks, &text, err));
        return result_write(&text, err);
    }
    inspect_text(&segment, &info, &text);
    if (with_blocks) {
        levels_text(&segment, &info, &text);
        ISO_TRY(blocks_text(&segment, &info, &text, err));
    }
    return result_write(&text, err);
}
