/* SPDX-License-Identifier: Apache-2.0 */
#include "local/import_rows.h"

#include "base/hash.h"
#include "local/import_row.h"
#include "market/interval.h"

#include <string.h>

enum { SLOTS_FIRST = 64 };

void import_rows_reset(struct import_rows *rows)
{
    for (size_t i = 0; i < rows->series_count; i++) {
        bars_reset(&rows->series[i].bars);
        free(rows->series[i].places);
    }
    for (size_t i = 0; i < rows->member_count; i++) {
        free(rows->members[i]);
    }
    free(rows->members);
    free(rows->series);
    free(rows->slots);
    free(rows->refused);
    text_reset(&rows->raw);
    text_reset(&rows->explanation);
    *rows = (struct import_rows){0};
}

static iso_status grow_series(struct import_rows *rows, struct iso_error *err)
{
    if (rows->series_count < rows->series_capacity) {
        return ISO_OK;
    }
    if (rows->series_count >= IMPORT_SERIES_MAX) {
        ISO_FAIL(LIMIT, err, "the file holds more than %d symbols; split it", IMPORT_SERIES_MAX);
    }
    size_t grown = rows->series_capacity == 0 ? 4 : rows->series_capacity * 2;
    struct row_series *series = realloc(rows->series, grown * sizeof *series);
    if (series == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu series", grown);
    }
    rows->series = series;
    rows->series_capacity = grown;
    return ISO_OK;
}

static iso_status add_series(struct import_rows *rows, const char *symbol, size_t length,
                             struct iso_error *err)
{
    ISO_TRY(grow_series(rows, err));
    struct row_series *added = &rows->series[rows->series_count++];
    *added = (struct row_series){0};
    memcpy(added->symbol, symbol, length);
    return ISO_OK;
}

/* The slot of a symbol: its own, or the free one where it belongs. */
static size_t *find_slot(const struct import_rows *rows, const char *symbol, size_t length)
{
    size_t at = (size_t)hash_bytes(symbol, length).low & (rows->slot_count - 1);
    for (;; at = (at + 1) & (rows->slot_count - 1)) {
        size_t used = rows->slots[at];
        if (used == 0) {
            return &rows->slots[at];
        }
        const char *name = rows->series[used - 1].symbol;
        if (strncmp(name, symbol, length) == 0 && name[length] == '\0') {
            return &rows->slots[at];
        }
    }
}

/* Keep at least half of the slots free. */
static iso_status grow_slots(struct import_rows *rows, struct iso_error *err)
{
    if ((rows->series_count + 1) * 2 <= rows->slot_count) {
        return ISO_OK;
    }
    free(rows->slots);
    rows->slots = NULL;
    rows->slot_count = rows->slot_count == 0 ? SLOTS_FIRST : rows->slot_count * 2;
    ISO_NEW(rows->slots, rows->slot_count, err);
    for (size_t i = 0; i < rows->series_count; i++) {
        const char *symbol = rows->series[i].symbol;
        *find_slot(rows, symbol, strlen(symbol)) = i + 1;
    }
    return ISO_OK;
}

static bool is_current(const struct import_rows *rows, const struct csv_field *symbol)
{
    size_t length = (size_t)(symbol->end - symbol->begin);
    if (rows->series_count == 0 || length == 0 || length > SYMBOL_BYTES_MAX) {
        return false;
    }
    const char *name = rows->series[rows->current].symbol;
    return memcmp(name, symbol->begin, length) == 0 && name[length] == '\0';
}

/* Set rows->current to the series of the symbol. Rows that stand before the first good symbol are
 * counted with it. */
static iso_status enter_series(struct import_rows *rows, const struct csv_field *symbol,
                               struct iso_error *err)
{
    size_t length = (size_t)(symbol->end - symbol->begin);
    if (is_current(rows, symbol)) {
        return ISO_OK;
    }
    ISO_TRY(grow_slots(rows, err));
    size_t *slot = find_slot(rows, symbol->begin, length);
    bool by_row = rows->mapping->column[COLUMN_symbol] >= 0;
    if (*slot == 0 && by_row && rows->series_count == 1 && rows->series[0].symbol[0] == '\0') {
        *find_slot(rows, "", 0) = 0;
        slot = find_slot(rows, symbol->begin, length);
        memcpy(rows->series[0].symbol, symbol->begin, length);
        *slot = 1;
    } else if (*slot == 0) {
        ISO_TRY(add_series(rows, symbol->begin, length, err));
        *slot = rows->series_count;
    }
    rows->current = *slot - 1;
    return ISO_OK;
}

static iso_status add_member(struct import_rows *rows, const char *member, struct iso_error *err)
{
    size_t count = rows->member_count;
    if ((count & (count - 1)) == 0) {
        char **grown = realloc(rows->members, (count == 0 ? 1 : count * 2) * sizeof *grown);
        if (grown == NULL) {
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu members", count + 1);
        }
        rows->members = grown;
    }
    rows->members[count] = strdup(member);
    if (rows->members[count] == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu members", count + 1);
    }
    rows->member_count++;
    return ISO_OK;
}

iso_status import_rows_begin(struct import_rows *rows, const struct mapping *mapping,
                             const char *member, const char *symbol, const char *why,
                             struct iso_error *err)
{
    rows->mapping = mapping;
    ISO_TRY(add_member(rows, member, err));
    if (mapping->column[COLUMN_symbol] < 0) {
        struct csv_field name = {symbol, symbol + strlen(symbol)};
        text_addf(&rows->explanation, "symbol \"%s\": from %s\n", symbol, why);
        if (rows->series_count > 0 && strcmp(rows->series[rows->current].symbol, symbol) == 0) {
            return ISO_OK;
        }
        return enter_series(rows, &name, err);
    }
    return ISO_OK;
}

/* Keep the first bytes of a refused row; a NUL in them would end the text. */
static void keep_raw(struct text *raw, const char *text, size_t length)
{
    length = length < IMPORT_RAW_BYTES_MAX ? length : IMPORT_RAW_BYTES_MAX;
    size_t offset = raw->length;
    text_append(raw, text, length);
    for (size_t i = offset; i < raw->length; i++) {
        raw->data[i] = raw->data[i] == '\0' ? '?' : raw->data[i];
    }
    text_append(raw, "", 1);
}

iso_status import_rows_refuse(struct import_rows *rows, size_t series_index, uint64_t place,
                              const char *text, size_t length, const char *reason,
                              struct iso_error *err)
{
    if (rows->refused_count >= IMPORT_QUARANTINE_MAX) {
        ISO_FAIL(LIMIT, err,
                 "more than %d rows cannot be stored (line %llu: %s); this file is read "
                 "the wrong way, see --explain and --columns",
                 IMPORT_QUARANTINE_MAX, (unsigned long long)(place & PLACE_LINE_MASK), reason);
    }
    if (rows->refused_count == rows->refused_capacity) {
        size_t grown = rows->refused_capacity == 0 ? 16 : rows->refused_capacity * 2;
        struct refused_row *refused = realloc(rows->refused, grown * sizeof *refused);
        if (refused == NULL) {
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu refused rows", grown);
        }
        rows->refused = refused;
        rows->refused_capacity = grown;
    }
    rows->refused[rows->refused_count++] = (struct refused_row){
        .place = place,
        .series_index = series_index,
        .raw_offset = rows->raw.length,
        .reason = reason,
    };
    keep_raw(&rows->raw, text, length);
    rows->series[series_index].counts.quarantined++;
    return text_check(&rows->raw, err);
}

/* A symbol that a series can have, copied out of a row where each row names its own. */
static bool symbol_is_good(const struct csv_field *symbol)
{
    char copy[SYMBOL_BYTES_MAX + 1];
    struct series series;
    size_t length = (size_t)(symbol->end - symbol->begin);
    if (length == 0 || length > SYMBOL_BYTES_MAX || memchr(symbol->begin, '\0', length) != NULL) {
        return false;
    }
    memcpy(copy, symbol->begin, length);
    copy[length] = '\0';
    return !iso_failed(series_make(copy, "1d", &series, NULL));
}

/* Find the row's series. A row whose symbol is unknown counts with the row before it. */
static iso_status place_row(struct import_rows *rows, const struct csv_field *symbol,
                            const char **reason, struct iso_error *err)
{
    if (rows->mapping->column[COLUMN_symbol] < 0) {
        return ISO_OK;
    }
    if (is_current(rows, symbol) || symbol_is_good(symbol)) {
        return enter_series(rows, symbol, err);
    }
    *reason = *reason != NULL ? *reason : "the symbol is missing or not 1 to 64 bytes of UTF-8";
    struct csv_field nobody = {symbol->begin, symbol->begin};
    return rows->series_count == 0 ? enter_series(rows, &nobody, err) : ISO_OK;
}

static iso_status reserve_places(struct row_series *series, size_t capacity, struct iso_error *err)
{
    uint64_t *places = realloc(series->places, capacity * sizeof *places);
    if (places == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu bars", capacity);
    }
    series->places = places;
    series->place_capacity = capacity;
    return ISO_OK;
}

iso_status import_rows_expect(struct import_rows *rows, size_t row_count, struct iso_error *err)
{
    struct row_series *series = &rows->series[rows->current];
    row_count = row_count < IMPORT_ROWS_MAX ? row_count : IMPORT_ROWS_MAX;
    if (row_count <= series->place_capacity) {
        return ISO_OK;
    }
    ISO_TRY(reserve_places(series, row_count, err));
    return bars_reserve(&series->bars, row_count, err);
}

static iso_status append_bar(struct row_series *series, const struct bar *bar, uint64_t place,
                             struct iso_error *err)
{
    if (series->bars.count == series->place_capacity) {
        ISO_TRY(reserve_places(series,
                               series->place_capacity == 0 ? 64 : series->place_capacity * 2, err));
    }
    series->places[series->bars.count] = place;
    return bars_append(&series->bars, bar, err);
}

iso_status import_rows_add_row(struct import_rows *rows, const struct import_row *row,
                               const char *reason, const struct csv_row *fields,
                               struct iso_error *err)
{
    if (rows->row_count >= IMPORT_ROWS_MAX) {
        ISO_FAIL(LIMIT, err, "the file holds more than %d rows; split it", IMPORT_ROWS_MAX);
    }
    ISO_TRY(place_row(rows, &row->symbol, &reason, err));
    uint64_t place = (uint64_t)(rows->member_count - 1) << PLACE_LINE_BITS |
                     ((uint64_t)fields->line & PLACE_LINE_MASK);
    struct row_series *series = &rows->series[rows->current];
    rows->row_count++;
    series->counts.rows_read++;
    if (reason != NULL) {
        return import_rows_refuse(rows, rows->current, place, fields->begin,
                                  (size_t)(fields->end - fields->begin), reason, err);
    }
    return append_bar(series, &row->bar, place, err);
}

iso_status import_rows_add(struct import_rows *rows, const struct csv_row *fields,
                           struct iso_error *err)
{
    struct import_row row;
    const char *reason = import_row_read(rows->mapping, fields, &row);
    return import_rows_add_row(rows, &row, reason, fields, err);
}

iso_status import_rows_name(struct import_rows *rows, const char *symbol, struct iso_error *err)
{
    struct series series;
    if (symbol == NULL) {
        for (size_t i = 0; i < rows->series_count; i++) {
            if (rows->series[i].symbol[0] == '\0') {
                ISO_FAIL(BAD_ARGUMENT, err,
                         "neither its name nor a column tells the symbol; give --symbol");
            }
        }
        return ISO_OK;
    }
    if (rows->series_count > 1) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "it holds %zu symbols (%s, %s, ...), so --symbol cannot name them; leave it out",
                 rows->series_count, rows->series[0].symbol, rows->series[1].symbol);
    }
    ISO_TRY(series_make(symbol, "1d", &series, err));
    memcpy(rows->series[0].symbol, series.symbol, sizeof series.symbol);
    text_addf(&rows->explanation, "symbol \"%s\": given\n", symbol);
    return ISO_OK;
}

static size_t count_gaps(const struct bars *bars, const struct interval *interval)
{
    size_t gaps = 0;
    for (size_t i = 1; i < bars->count; i++) {
        gaps += bars->time_us[i] > interval_next(interval, bars->time_us[i - 1]);
    }
    return gaps;
}

iso_status import_rows_sort(struct import_rows *rows, struct iso_error *err)
{
    for (size_t i = 0; i < rows->series_count; i++) {
        struct row_series *series = &rows->series[i];
        free(series->places);
        series->places = NULL;
        series->place_capacity = 0;
        ISO_TRY(bars_normalise(&series->bars, &series->counts.duplicates, &series->counts.corrected,
                               err));
        series->counts.gaps =
            rows->interval != NULL ? count_gaps(&series->bars, rows->interval) : 0;
    }
    return ISO_OK;
}
