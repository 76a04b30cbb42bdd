/* SPDX-License-Identifier: Apache-2.0 */
#include "local/import_table.h"

#include "local/bars_csv.h"
#include "local/duck.h"
#include "market/quality.h"
#include "market/time.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How the column of times is written. */
enum stamp_kind { STAMP_MICROSECONDS, STAMP_WALL, STAMP_EPOCH, STAMP_TEXT };

/* A table being read. */
struct reader {
    const struct import_table *table;
    struct duck duck;
    struct text from; /* what stands behind FROM */
    enum stamp_kind stamps;
    struct text line; /* of a refused row */
    int64_t row;      /* from 1 */
    int file;         /* of a Parquet file */
};

static void reader_reset(struct reader *reader)
{
    duck_close(&reader->duck);
    text_reset(&reader->from);
    text_reset(&reader->line);
    if (reader->file >= 0) {
        (void)close(reader->file);
    }
}

/* DuckDB takes [ and * in a path for a pattern: it is given the open file instead. */
static iso_status open_parquet(struct reader *reader, struct iso_error *err)
{
    reader->file = open(reader->table->path, O_RDONLY | O_CLOEXEC);
    if (reader->file < 0) {
        ISO_FAIL(IO, err, "it cannot be opened a second time");
    }
    text_addf(&reader->from, "read_parquet('/proc/self/fd/%d')", reader->file);
    return text_check(&reader->from, err);
}

static void read_string(const void *data, size_t row, struct text *target)
{
    duckdb_string_t string = ((const duckdb_string_t *)data)[row];
    text_append(target, duckdb_string_t_data(&string), duckdb_string_t_length(string));
}

/* The table of bars: ohlcv_bars, or the only one there is. */
static iso_status find_table(struct reader *reader, struct text *name, struct iso_error *err)
{
    ISO_DEFER(duck_rows_reset) struct duck_rows rows = {0};
    ISO_DEFER(text_reset) struct text all = {0};
    size_t count;
    size_t tables = 0;
    ISO_TRY(duck_query(&reader->duck,
                       "SELECT table_name FROM (SELECT table_name FROM duckdb_tables() WHERE "
                       "database_name = 'source' UNION ALL SELECT view_name FROM duckdb_views() "
                       "WHERE database_name = 'source' AND NOT internal) ORDER BY table_name <> "
                       "'ohlcv_bars', table_name",
                       &rows, err));
    ISO_TRY(duck_next(&rows, &count, err));
    for (size_t i = 0; i < count; i++) {
        uint64_t *validity;
        struct text *target = tables == 0 ? name : &all;
        text_add(target, tables > 1 ? ", " : "");
        read_string(duck_column(&rows, 0, &validity), i, target);
        tables++;
    }
    if (tables == 0 || (tables > 1 && strcmp(text_get(name), "ohlcv_bars") != 0)) {
        ISO_FAIL(BAD_FORMAT, err,
                 "this DuckDB file has no table ohlcv_bars, %s%s%s%s; rename the right one, or "
                 "export it as Parquet",
                 tables == 0 ? "nor any other" : "but ", text_get(name), tables > 0 ? ", " : "",
                 text_get(&all));
    }
    return text_check(name, err);
}

static iso_status open_duckdb(struct reader *reader, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text sql = {0};
    ISO_DEFER(text_reset) struct text name = {0};
    text_add(&sql, "ATTACH ");
    duck_add_literal(&sql, reader->table->path);
    text_add(&sql, " AS source (READ_ONLY)");
    ISO_TRY(text_check(&sql, err));
    ISO_TRY(duck_run(&reader->duck, sql.data, err));
    ISO_TRY(find_table(reader, &name, err));
    text_add(&reader->from, "source.");
    duck_add_name(&reader->from, name.data);
    return text_check(&reader->from, err);
}

/* The names of the columns as a header of CSV, for the dialects to map. */
static iso_status map_columns(struct reader *reader, struct duck_rows *empty, struct iso_error *err)
{
    const struct import_table *table = reader->table;
    ISO_DEFER(text_reset) struct text header = {0};
    size_t count = (size_t)duckdb_column_count(&empty->result);
    for (size_t i = 0; i < count; i++) {
        text_add(&header, i > 0 ? "," : "");
        duck_add_name(&header, duckdb_column_name(&empty->result, i));
    }
    ISO_TRY(text_check(&header, err));
    const char *dialect = table->kind == SOURCE_PARQUET ? "Parquet" : "a table of a DuckDB file";
    return dialect_of_names(text_get(&header), dialect, table->hints, table->mapping, err);
}

static enum stamp_kind stamp_kind_of(duckdb_type type)
{
    switch (type) {
    case DUCKDB_TYPE_TIMESTAMP_TZ:
    case DUCKDB_TYPE_TIMESTAMP_TZ_NS:
        return STAMP_MICROSECONDS;
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
    case DUCKDB_TYPE_DATE:
        return STAMP_WALL;
    case DUCKDB_TYPE_VARCHAR:
        return STAMP_TEXT;
    default:
        return STAMP_EPOCH;
    }
}

static const char *stamp_name(enum stamp_kind kind)
{
    switch (kind) {
    case STAMP_MICROSECONDS:
        return "timestamps with a time zone";
    case STAMP_WALL:
        return "timestamps; those that name no zone are of UTC unless --tz says otherwise";
    case STAMP_EPOCH:
        return "epochs, their unit told by their digits";
    default:
        return "text";
    }
}

/* Numbers as doubles: decimals by way of their text, so that each is rounded once. */
static void add_number(struct text *sql, const char *name, duckdb_type type)
{
    bool decimal = type == DUCKDB_TYPE_DECIMAL;
    text_add(sql, decimal ? ", TRY_CAST(CAST(" : ", TRY_CAST(");
    duck_add_name(sql, name);
    text_add(sql, decimal ? " AS VARCHAR) AS DOUBLE)" : " AS DOUBLE)");
}

/* SELECT time, symbol, open, high, low, close, volume, vwap, trade_count, ask_open ... */
static iso_status write_select(struct reader *reader, struct duck_rows *empty, struct text *sql,
                               struct iso_error *err)
{
    const int *place = reader->table->mapping->column;
    static const char *const casts[] = {"epoch_us(CAST(", "epoch_us(CAST(", "CAST(", "("};
    static const char *const ends[] = {" AS TIMESTAMPTZ))", " AS TIMESTAMP))", " AS BIGINT)", ")"};
    idx_t stamp = (idx_t)place[COLUMN_timestamp];
    reader->stamps = stamp_kind_of(duckdb_column_type(&empty->result, stamp));
    text_addf(sql, "SELECT %s", casts[reader->stamps]);
    duck_add_name(sql, duckdb_column_name(&empty->result, stamp));
    text_add(sql, ends[reader->stamps]);
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (i == COLUMN_timestamp || i == COLUMN_clock) {
            continue;
        }
        if (place[i] < 0) {
            text_add(sql, ", NULL");
            continue;
        }
        const char *name = duckdb_column_name(&empty->result, (idx_t)place[i]);
        duckdb_type type = duckdb_column_type(&empty->result, (idx_t)place[i]);
        if (i == COLUMN_symbol || i == COLUMN_trade_count) {
            text_add(sql, ", TRY_CAST(");
            duck_add_name(sql, name);
            text_add(sql, i == COLUMN_symbol ? " AS VARCHAR)" : " AS BIGINT)");
        } else {
            add_number(sql, name, type);
        }
    }
    text_addf(sql, " FROM %s", text_get(&reader->from));
    return text_check(sql, err);
}

/* Where the columns of write_select stand. */
enum selected {
    AT_TIME,
    AT_SYMBOL,
    AT_OPEN,
    AT_COUNT = AT_OPEN + BAR_VALUE_COUNT,
    AT_ASK,
    AT_QUOTE = AT_ASK + 4,
    AT_END
};

struct chunk {
    const void *data[AT_END];
    uint64_t *validity[AT_END];
};

static bool is_null(const struct chunk *chunk, size_t column, size_t row)
{
    return chunk->data[column] == NULL ||
           (chunk->validity[column] != NULL &&
            !duckdb_validity_row_is_valid(chunk->validity[column], row));
}

static const char *read_time(struct reader *reader, const struct chunk *chunk, size_t row,
                             int64_t *time_us)
{
    const struct mapping *mapping = reader->table->mapping;
    if (is_null(chunk, AT_TIME, row)) {
        return "the time is missing";
    }
    if (reader->stamps == STAMP_TEXT) {
        ISO_DEFER(text_reset) struct text text = {0};
        read_string(chunk->data[AT_TIME], row, &text);
        return import_row_text_time(mapping, text_get(&text), text_get(&text) + text.length,
                                    time_us);
    }
    int64_t value = ((const int64_t *)chunk->data[AT_TIME])[row];
    if (reader->stamps == STAMP_EPOCH) {
        return import_row_epoch(value, time_us);
    }
    *time_us = value;
    if (reader->stamps == STAMP_WALL && mapping->zone != NULL) {
        return zone_to_utc(mapping->zone, value, time_us);
    }
    return value >= TIME_MIN_US && value < TIME_MAX_US ? NULL : "the time cannot be read";
}

static double read_number(const struct chunk *chunk, size_t column, size_t row)
{
    return is_null(chunk, column, row) ? BAR_ABSENT : ((const double *)chunk->data[column])[row];
}

static const char *read_values(struct reader *reader, const struct chunk *chunk, size_t row,
                               struct bar *bar)
{
    double ask[4];
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        bar->value[i] = read_number(chunk, AT_OPEN + i, row);
    }
    for (size_t i = 0; i < 4; i++) {
        ask[i] = read_number(chunk, AT_ASK + i, row);
    }
    bar->trade_count = is_null(chunk, AT_COUNT, row)
                           ? BAR_COUNT_ABSENT
                           : ((const int64_t *)chunk->data[AT_COUNT])[row];
    import_row_derive_vwap(read_number(chunk, AT_QUOTE, row), bar);
    const struct mapping *mapping = reader->table->mapping;
    return mapping->column[COLUMN_ask_close] >= 0
               ? import_row_take_side(mapping->side, ask, bar->value)
               : NULL;
}

/* A refused row is kept as a line of CSV. */
static iso_status write_line(struct reader *reader, const struct bar *bar, const char *symbol,
                             struct csv_row *fields, struct iso_error *err)
{
    ISO_DEFER(bars_reset) struct bars one = {0};
    struct series name = {0};
    (void)snprintf(name.symbol, sizeof name.symbol, "%s", symbol);
    ISO_TRY(bars_append(&one, bar, err));
    text_clear(&reader->line);
    bars_csv_rows(&reader->line, &name, &one);
    ISO_TRY(text_check(&reader->line, err));
    fields->begin = reader->line.data;
    fields->end = reader->line.data + reader->line.length - 1;
    return ISO_OK;
}

static iso_status read_row(struct reader *reader, const struct chunk *chunk, size_t row,
                           struct text *symbol, struct iso_error *err)
{
    struct import_row read = {.bar = {.time_us = 0}};
    struct csv_row fields = {.line = ++reader->row};
    const char *reason = read_time(reader, chunk, row, &read.bar.time_us);
    read.bar.time_us = reason == NULL ? read.bar.time_us : 0;
    const char *bad = read_values(reader, chunk, row, &read.bar);
    reason = reason != NULL ? reason : bad != NULL ? bad : quality_reason(&read.bar);
    text_clear(symbol);
    if (!is_null(chunk, AT_SYMBOL, row)) {
        read_string(chunk->data[AT_SYMBOL], row, symbol);
    }
    read.symbol = (struct csv_field){text_get(symbol), text_get(symbol) + symbol->length};
    if (reason != NULL) {
        ISO_TRY(write_line(reader, &read.bar, text_get(symbol), &fields, err));
    } else {
        fields.begin = read.symbol.begin;
        fields.end = read.symbol.end;
    }
    return import_rows_add_row(reader->table->rows, &read, reason, &fields, err);
}

static iso_status read_chunks(struct reader *reader, const char *sql, struct iso_error *err)
{
    ISO_DEFER(duck_rows_reset) struct duck_rows rows = {0};
    ISO_DEFER(text_reset) struct text symbol = {0};
    const struct import_table *table = reader->table;
    size_t count;
    ISO_TRY(duck_query(&reader->duck, sql, &rows, err));
    ISO_TRY(duck_next(&rows, &count, err));
    while (count > 0) {
        struct chunk chunk = {0};
        for (size_t i = 0; i < AT_END; i++) {
            const void *data = duck_column(&rows, i, &chunk.validity[i]);
            duckdb_type type = duckdb_column_type(&rows.result, i);
            bool absent = type == DUCKDB_TYPE_INTEGER || type == DUCKDB_TYPE_SQLNULL;
            chunk.data[i] = absent ? NULL : data; /* SELECT NULL */
        }
        for (size_t i = 0; i < count; i++) {
            ISO_TRY(read_row(reader, &chunk, i, &symbol, err));
        }
        ISO_TRY(table->tick(table->context, err));
        ISO_TRY(duck_next(&rows, &count, err));
    }
    return ISO_OK;
}

static iso_status read_table(struct reader *reader, struct iso_error *err)
{
    const struct import_table *table = reader->table;
    ISO_DEFER(text_reset) struct text sql = {0};
    ISO_DEFER(duck_rows_reset) struct duck_rows empty = {0};
    ISO_TRY(table->kind == SOURCE_PARQUET ? open_parquet(reader, err) : open_duckdb(reader, err));
    text_addf(&sql, "SELECT * FROM %s LIMIT 0", text_get(&reader->from));
    ISO_TRY(text_check(&sql, err));
    ISO_TRY(duck_query(&reader->duck, sql.data, &empty, err));
    ISO_TRY(map_columns(reader, &empty, err));
    text_clear(&sql);
    ISO_TRY(write_select(reader, &empty, &sql, err));
    duck_rows_reset(&empty);
    text_addf(&table->mapping->explanation, "times are %s\n", stamp_name(reader->stamps));
    ISO_TRY(table->begin(table->context, table->mapping, err));
    return read_chunks(reader, sql.data, err);
}

iso_status import_table_read(const struct import_table *table, struct iso_error *err)
{
    ISO_DEFER(reader_reset) struct reader reader = {.table = table, .file = -1};
    ISO_TRY(duck_open(&reader.duck, err));
    iso_status status = read_table(&reader, err);
    if (iso_status_code(status) == ISO_ERROR_QUERY && err != NULL) {
        char why[sizeof err->text];
        (void)snprintf(why, sizeof why, "%.*s", (int)strcspn(err->text, "\n"), err->text);
        ISO_FAIL(BAD_FORMAT, err, "it is a %s file that DuckDB cannot read: %s",
                 table->kind == SOURCE_PARQUET ? "Parquet" : "DuckDB", why);
    }
    return status;
}
