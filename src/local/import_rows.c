/* SPDX-License-Identifier: Apache-2.0 */
#include "local/import_rows.h"

#include "base/hash.h"
#include "local/import_row.h"
#include "market/interval.h"

#include <string.h>

enum { SLOTS_FIRST = 64, INTERVALS_MAX = 64 };

void import_rows_reset(struct import_rows *rows)
{
    for (size_t i = 0; i < rows->series_count; i++) {
        bars_reset(&rows->series[i].bars);
    }
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
    if (*slot == 0 && rows->series_count == 1 && rows->series[0].symbol[0] == '\0') {
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

iso_status import_rows_begin(struct import_rows *rows, const struct mapping *mapping,
                             int64_t zone_us, const char *symbol, struct iso_error *err)
{
    rows->mapping = mapping;
    rows->zone_us = zone_us;
    if (mapping->column[COLUMN_symbol] < 0) {
        text_addf(&rows->explanation, "symbol \"%s\": from the name of the file\n", symbol);
        return add_series(rows, symbol, strlen(symbol), err);
    }
    return ISO_OK;
}

/* Keep the first bytes of a refused row; a NUL in them would end the text. */
static void keep_raw(struct text *raw, const struct csv_row *fields)
{
    size_t length = (size_t)(fields->end - fields->begin);
    length = length < IMPORT_RAW_BYTES_MAX ? length : IMPORT_RAW_BYTES_MAX;
    size_t offset = raw->length;
    text_append(raw, fields->begin, length);
    for (size_t i = offset; i < raw->length; i++) {
        raw->data[i] = raw->data[i] == '\0' ? '?' : raw->data[i];
    }
    text_append(raw, "", 1);
}

static iso_status refuse_row(struct import_rows *rows, const struct csv_row *fields,
                             const char *reason, struct iso_error *err)
{
    if (rows->refused_count >= IMPORT_QUARANTINE_MAX) {
        ISO_FAIL(LIMIT, err,
                 "more than %d rows cannot be stored (line %lld: %s); this file is read "
                 "the wrong way, see --explain and --columns",
                 IMPORT_QUARANTINE_MAX, (long long)fields->line, reason);
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
        .line = fields->line,
        .series_index = rows->current,
        .raw_offset = rows->raw.length,
        .reason = reason,
    };
    keep_raw(&rows->raw, fields);
    rows->series[rows->current].counts.quarantined++;
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

iso_status import_rows_add(struct import_rows *rows, const struct csv_row *fields,
                           struct iso_error *err)
{
    struct import_row row;
    if (rows->row_count >= IMPORT_ROWS_MAX) {
        ISO_FAIL(LIMIT, err, "the file holds more than %d rows; split it", IMPORT_ROWS_MAX);
    }
    const char *reason = import_row_read(rows->mapping, fields, rows->zone_us, &row);
    ISO_TRY(place_row(rows, &row.symbol, &reason, err));
    struct row_series *series = &rows->series[rows->current];
    rows->row_count++;
    series->counts.rows_read++;
    return reason != NULL ? refuse_row(rows, fields, reason, err)
                          : bars_append(&series->bars, &row.bar, err);
}

iso_status import_rows_name(struct import_rows *rows, const char *symbol, const char *path,
                            struct iso_error *err)
{
    struct series series;
    if (symbol == NULL) {
        if (rows->series_count == 1 && rows->series[0].symbol[0] == '\0') {
            ISO_FAIL(BAD_ARGUMENT, err,
                     "%s: neither its name nor a column tells the symbol; give "
                     "--symbol",
                     path);
        }
        return ISO_OK;
    }
    if (rows->series_count > 1) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "%s: it holds %zu symbols (%s, %s, ...), so --symbol cannot "
                 "name them; leave it out",
                 path, rows->series_count, rows->series[0].symbol, rows->series[1].symbol);
    }
    ISO_TRY(series_make(symbol, "1d", &series, err));
    memcpy(rows->series[0].symbol, series.symbol, sizeof series.symbol);
    text_clear(&rows->explanation);
    text_addf(&rows->explanation, "symbol \"%s\": given\n", symbol);
    return ISO_OK;
}

iso_status import_rows_sort(struct import_rows *rows, struct iso_error *err)
{
    for (size_t i = 0; i < rows->series_count; i++) {
        struct row_series *series = &rows->series[i];
        ISO_TRY(bars_normalise(&series->bars, &series->counts.duplicates, &series->counts.corrected,
                               err));
    }
    return ISO_OK;
}

/* How often each interval of the table is the step from one bar to the next. */
struct steps {
    size_t count[INTERVALS_MAX];
    size_t total;
    int64_t shortest_us;
};

/* Months have no fixed step: 28 to 31 days. */
static bool is_step_of(const struct interval *interval, int64_t from_us, int64_t to_us)
{
    return interval->step_us > 0 ? to_us - from_us == interval->step_us
                                 : interval_next(interval, from_us) == to_us;
}

static void count_steps(const struct bars *bars, struct steps *steps)
{
    size_t likely = 0; /* the step before, tried first */
    for (size_t i = 1; i < bars->count; i++) {
        int64_t from_us = bars->time_us[i - 1];
        int64_t to_us = bars->time_us[i];
        steps->total++;
        if (steps->shortest_us == 0 || to_us - from_us < steps->shortest_us) {
            steps->shortest_us = to_us - from_us;
        }
        size_t at = is_step_of(interval_row(likely), from_us, to_us) ? likely : 0;
        while (interval_row(at) != NULL && !is_step_of(interval_row(at), from_us, to_us)) {
            at++;
        }
        if (interval_row(at) != NULL) {
            likely = at;
            steps->count[at]++;
        }
    }
}

static const struct interval *modal_interval(const struct steps *steps)
{
    size_t best = 0;
    for (size_t i = 1; i < INTERVALS_MAX && interval_row(i) != NULL; i++) {
        best = steps->count[i] > steps->count[best] ? i : best;
    }
    return steps->count[best] > 0 ? interval_row(best) : NULL;
}

/* The file's name is believed unless the stamps are closer together than it says, or never as
 * close. */
static const struct interval *choose_interval(const struct steps *steps,
                                              const struct interval *guessed, const char **why)
{
    const struct interval *modal = modal_interval(steps);
    *why = "the most frequent step";
    if (guessed == NULL) {
        return modal;
    }
    int64_t often_us = modal != NULL ? modal->step_us : steps->shortest_us;
    bool closer = often_us > 0 && often_us < guessed->step_us;
    bool wider = modal != NULL && steps->total >= 8 && steps->shortest_us == modal->step_us &&
                 modal->step_us > guessed->step_us && guessed->step_us > 0;
    if (closer || wider) {
        *why = "the most frequent step, though the file's name says otherwise";
        return modal;
    }
    *why = "the name of the file";
    return guessed;
}

static size_t count_gaps(const struct bars *bars, const struct interval *interval)
{
    size_t gaps = 0;
    for (size_t i = 1; i < bars->count; i++) {
        gaps += bars->time_us[i] > interval_next(interval, bars->time_us[i - 1]);
    }
    return gaps;
}

iso_status import_rows_interval(struct import_rows *rows, const struct interval *given,
                                const struct interval *guessed, const char *path,
                                struct iso_error *err)
{
    struct steps steps = {0};
    size_t bars = 0;
    const char *why = "given";
    for (size_t i = 0; i < rows->series_count; i++) {
        count_steps(&rows->series[i].bars, &steps);
        bars += rows->series[i].bars.count;
    }
    rows->interval = given != NULL ? given : choose_interval(&steps, guessed, &why);
    if (rows->interval == NULL && bars > 0) {
        ISO_FAIL(BAD_FORMAT, err,
                 "%s: its times are at no interval that is known (shortest step "
                 "%.6g s); give --interval",
                 path, (double)steps.shortest_us / 1e6);
    }
    if (rows->interval != NULL) {
        text_addf(&rows->explanation, "interval %s: %s\n", rows->interval->name, why);
        for (size_t i = 0; i < rows->series_count; i++) {
            rows->series[i].counts.gaps = count_gaps(&rows->series[i].bars, rows->interval);
        }
    }
    return ISO_OK;
}
