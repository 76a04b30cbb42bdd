/* SPDX-License-Identifier: Apache-2.0 */
#include "local/dialect.h"

#include "local/column_names.h"
#include "local/import_row.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { SAMPLE_ROWS = 200 };

/* clang-format off */
/* Files without a header: what stands in which field, - for what is left out. The first row whose
 * fields make bars of the file's first rows is taken. Lean's are told by their path. */
static const struct {
    const char *name;
    const char *columns;
    bool is_lean;
} headerless[] = {
    {"Binance klines", "timestamp,open,high,low,close,volume,-close_time,quote_volume,trade_count,"
                       "-taker_buy_volume,-taker_buy_quote_volume,-ignore", false},
    {"bars without a header", "timestamp,open,high,low,close,volume", false},
    {"bars without a header or volume", "timestamp,open,high,low,close", false},
    {"Bitfinex candles", "timestamp,open,close,high,low,volume", false},
    {"Kraken bars", "timestamp,open,high,low,close,volume,trade_count", false},
    {"MetaTrader bars", "timestamp,clock,open,high,low,close,volume", false},
    {"MetaTrader bars without volume", "timestamp,clock,open,high,low,close", false},
    {"Bybit klines", "timestamp,open,high,low,close,volume,quote_volume", false},
    {"Kraken OHLC", "timestamp,open,high,low,close,vwap,volume,trade_count", false},
    {"QuantConnect Lean trades", "timestamp,open,high,low,close,volume", true},
    {"QuantConnect Lean quotes", "timestamp,open,high,low,close,-bid_size,"
                                 "ask_open,ask_high,ask_low,ask_close,-ask_size", true},
};
enum { HEADERLESS_COUNT = sizeof headerless / sizeof headerless[0] };

/* Vendors that their files' names tell, and the zone of all their times. */
static const struct {
    const char *word;
    const char *vendor;
    const char *zone;
} vendors[] = {
    {"HISTDATA", "HistData", "-05:00"}, {"DAT_ASCII_", "HistData", "-05:00"},
    {"DAT_NT_", "HistData", "-05:00"}, {"DAT_MT_", "HistData", "-05:00"},
    {"DAT_MS_", "HistData", "-05:00"}, {"DAT_XLSX_", "HistData", "-05:00"},
};
/* clang-format on */

void mapping_reset(struct mapping *mapping)
{
    zone_close(&mapping->zone);
    text_reset(&mapping->left_out);
    text_reset(&mapping->explanation);
}

static void map_nothing(struct mapping *mapping)
{
    for (int i = 0; i < COLUMN_COUNT; i++) {
        mapping->column[i] = -1;
    }
    mapping->time_kind = TIME_KIND_TEXT;
    mapping->epoch_per_second = 1;
    mapping->price_divisor = 1;
}

/* Whether a field reads as a number or a time, so that the line is no header. */
static bool is_value(const struct csv_field *field)
{
    double number;
    return field->begin < field->end && (number_parse(field->begin, field->end, &number) ||
                                         (*field->begin >= '0' && *field->begin <= '9'));
}

static bool is_header(const struct csv_row *row)
{
    for (size_t i = 0; i < row->field_count && i < CSV_FIELDS_MAX; i++) {
        if (is_value(&row->field[i])) {
            return false;
        }
    }
    return row->problem == NULL;
}

/* Lines that some sources put above the header: comments, and the address they came from. */
static bool is_preamble(const struct csv_row *row)
{
    size_t length = (size_t)(row->end - row->begin);
    return row->begin[0] == '#' || memmem(row->begin, length, "://", 3) != NULL;
}

/* The rows that decide what the tables leave open. */
struct sample {
    const struct sniff_hints *hints;
    const struct lean *lean;  /* of hints, where there is no header: Lean writes none */
    struct csv_reader reader; /* before the first row of data */
    struct csv_row header;    /* valid where has_header */
    struct csv_row first;     /* row of data */
    bool has_header;
    bool has_rows;
    bool has_address; /* a line with an address stands above the header */
};

static void read_separator(struct csv_reader *reader)
{
    const char *stop = memchr(reader->at, reader->newline, (size_t)(reader->end - reader->at));
    reader->separator = csv_separator(reader->at, stop != NULL ? stop : reader->end);
}

static void look_at_sample(struct sample *sample)
{
    struct csv_row row;
    struct csv_reader before;
    for (;;) {
        before = sample->reader;
        read_separator(&sample->reader);
        if (!csv_next(&sample->reader, &row)) {
            return;
        }
        if (!is_preamble(&row)) {
            break;
        }
        sample->has_address = sample->has_address || row.begin[0] != '#';
    }
    sample->has_header = is_header(&row);
    if (sample->has_header) {
        sample->header = row;
    } else {
        char separator = sample->reader.separator;
        sample->reader = before;
        sample->reader.separator = separator;
    }
    struct csv_reader ahead = sample->reader;
    sample->has_rows = csv_next(&ahead, &sample->first);
}

/* Digits of the longest whole number in the column of times; 0 where one is no number. */
static size_t longest_epoch(const struct sample *sample, const struct mapping *mapping)
{
    struct csv_reader reader = sample->reader;
    struct csv_row row;
    size_t longest = 0;
    size_t rows = 0;
    size_t numbers = 0;
    int column = mapping->column[COLUMN_timestamp];
    while (rows < SAMPLE_ROWS && csv_next(&reader, &row)) {
        if (row.problem != NULL || row.field_count != mapping->field_count) {
            continue;
        }
        rows++;
        const struct csv_field *field = &row.field[column];
        double number;
        if (number_parse(field->begin, field->end, &number)) {
            const char *point = memchr(field->begin, '.', (size_t)(field->end - field->begin));
            size_t digits = (size_t)((point != NULL ? point : field->end) - field->begin);
            longest = digits > longest ? digits : longest;
            numbers++;
        }
    }
    return numbers * 2 > rows ? longest : 0;
}

/* Eight digits are a date (20240131). */
static void decide_time_kind(const struct sample *sample, struct mapping *mapping)
{
    size_t digits = longest_epoch(sample, mapping);
    int64_t time_us;
    const struct lean *lean = sample->lean;
    mapping->time_kind = TIME_KIND_TEXT;
    if (lean != NULL && lean->counts_from_day) {
        mapping->time_kind = TIME_KIND_DAY;
        mapping->day_us = lean->day_us;
        return;
    }
    if (digits == 0 || digits == 8 || import_row_time(mapping, &sample->first, &time_us) == NULL) {
        return;
    }
    int64_t per_second = epoch_per_second(digits);
    if (per_second > 0 && mapping->column[COLUMN_clock] < 0) {
        mapping->time_kind = TIME_KIND_EPOCH;
        mapping->epoch_per_second = per_second;
    }
}

/* How many of the first rows make bars, of how many; *line and *why tell of the first that does
 * not. */
struct trial {
    size_t rows;
    size_t good;
    size_t shaped;  /* rows with as many fields as a row must have */
    size_t outside; /* rows whose open or close is not between low and high */
    int64_t line;
    const char *why;
};

static bool is_outside(const struct bar *bar)
{
    double high = bar->value[BAR_high];
    double low = bar->value[BAR_low];
    return bar->value[BAR_open] > high || bar->value[BAR_close] > high ||
           bar->value[BAR_open] < low || bar->value[BAR_close] < low;
}

static struct trial try_rows(const struct sample *sample, const struct mapping *mapping)
{
    struct trial trial = {0};
    struct csv_reader reader = sample->reader;
    struct csv_row fields;
    while (trial.rows < SAMPLE_ROWS && csv_next(&reader, &fields)) {
        struct import_row row;
        const char *reason = import_row_read(mapping, &fields, &row);
        trial.rows++;
        trial.good += reason == NULL;
        trial.shaped += fields.field_count == mapping->field_count;
        trial.outside += reason == NULL && is_outside(&row.bar);
        if (reason != NULL && trial.why == NULL) {
            trial.why = reason;
            trial.line = fields.line;
        }
    }
    return trial;
}

/* Set the mapping from a row of the headerless table; false where it has another count of fields.
 */
static bool map_by_places(const char *columns, size_t field_count, struct mapping *mapping)
{
    size_t place = 0;
    map_nothing(mapping);
    for (const char *at = columns; at != NULL && *at != '\0'; place++) {
        const char *comma = strchrnul(at, ',');
        for (int i = 0; i < COLUMN_COUNT; i++) {
            const char *name = column_name((enum column)i);
            if (strlen(name) == (size_t)(comma - at) && memcmp(name, at, strlen(name)) == 0) {
                mapping->column[i] = (int)place;
            }
        }
        at = *comma == ',' ? comma + 1 : comma;
    }
    mapping->field_count = field_count;
    return place == field_count;
}

/* Name what a headerless row has and we do not store. */
static void note_left_out_places(const char *columns, bool derive_vwap, struct mapping *mapping)
{
    static const char quote[] = "quote_volume";
    for (const char *at = columns; *at != '\0';) {
        const char *comma = strchrnul(at, ',');
        bool unused = !derive_vwap && strncmp(at, quote, sizeof quote - 1) == 0;
        if (*at == '-' || unused) {
            const char *name = *at == '-' ? at + 1 : at;
            text_add(&mapping->left_out, mapping->left_out.length > 0 ? ", " : "");
            text_append(&mapping->left_out, name, (size_t)(comma - name));
        }
        at = *comma == ',' ? comma + 1 : comma;
    }
}

static iso_status map_headerless(const struct sample *sample, struct mapping *mapping,
                                 struct iso_error *err)
{
    size_t best = HEADERLESS_COUNT;
    size_t fewest_outside = SIZE_MAX;
    for (size_t i = 0; i < HEADERLESS_COUNT; i++) {
        if (headerless[i].is_lean != (sample->lean != NULL) ||
            !map_by_places(headerless[i].columns, sample->first.field_count, mapping)) {
            continue;
        }
        decide_time_kind(sample, mapping);
        struct trial trial = try_rows(sample, mapping);
        size_t outside = trial.outside + (trial.rows - trial.good);
        if (trial.good * 2 >= trial.rows && outside < fewest_outside) {
            fewest_outside = outside;
            best = i;
        }
    }
    if (best == HEADERLESS_COUNT) {
        ISO_FAIL(BAD_FORMAT, err,
                 "line %lld is neither a header nor a row of a known kind (%zu fields, parted by "
                 "'%c'); give the file a header line, or name columns by number, as --columns "
                 "timestamp=1,open=2,high=3,low=4,close=5",
                 (long long)sample->first.line, sample->first.field_count, mapping->separator);
    }
    (void)map_by_places(headerless[best].columns, sample->first.field_count, mapping);
    note_left_out_places(headerless[best].columns, sample->hints->derive_vwap, mapping);
    mapping->dialect = headerless[best].name;
    return ISO_OK;
}

/* The place that a person named: a name of the header, or a number from 1; -1 for "-". */
static iso_status find_place(const struct sample *sample, const char *given, size_t length,
                             int *place, struct iso_error *err)
{
    struct csv_field wanted = {given, given + length};
    char wanted_name[COLUMN_NAME_BYTES];
    int64_t number;
    *place = -1;
    if (length == 0 || (length == 1 && *given == '-')) {
        return ISO_OK;
    }
    column_plain_name(&wanted, wanted_name);
    const struct csv_row *row = sample->has_header ? &sample->header : &sample->first;
    for (size_t i = 0; sample->has_header && i < row->field_count && i < CSV_FIELDS_MAX; i++) {
        char plain[COLUMN_NAME_BYTES];
        column_plain_name(&row->field[i], plain);
        if (strcmp(plain, wanted_name) == 0) {
            *place = (int)i;
            return ISO_OK;
        }
    }
    if (integer_parse(wanted.begin, wanted.end, &number) && number >= 1 &&
        number <= CSV_FIELDS_MAX && (size_t)number <= row->field_count) {
        *place = (int)number - 1;
        return ISO_OK;
    }
    ISO_FAIL(BAD_ARGUMENT, err, "--columns: the file has no column \"%.*s\"", (int)length, given);
}

static iso_status apply_one(const struct sample *sample, const char *begin, const char *end,
                            struct mapping *mapping, struct iso_error *err)
{
    const char *equals = memchr(begin, '=', (size_t)(end - begin));
    for (int i = 0; equals != NULL && i < COLUMN_COUNT; i++) {
        const char *name = column_name((enum column)i);
        if (strlen(name) == (size_t)(equals - begin) &&
            strncasecmp(name, begin, strlen(name)) == 0) {
            if (i == COLUMN_timestamp) {
                mapping->column[COLUMN_clock] = -1;
            }
            return find_place(sample, equals + 1, (size_t)(end - equals - 1), &mapping->column[i],
                              err);
        }
    }
    ISO_FAIL(BAD_ARGUMENT, err,
             "--columns: \"%.*s\" is not OURS=THEIRS; ours are symbol, timestamp, open, high, low, "
             "close, volume, vwap, trade_count, clock",
             (int)(end - begin), begin);
}

static iso_status apply_columns(const struct sample *sample, const char *columns,
                                struct mapping *mapping, struct iso_error *err)
{
    for (const char *at = columns; *at != '\0';) {
        const char *comma = strchrnul(at, ',');
        ISO_TRY(apply_one(sample, at, comma, mapping, err));
        at = *comma == ',' ? comma + 1 : comma;
    }
    return ISO_OK;
}

static void add_shown(struct text *text, const char *begin, const char *end, size_t limit)
{
    size_t length = (size_t)(end - begin);
    text_add_shown(text, begin, length < limit ? length : limit);
}

static iso_status check_complete(const struct sample *sample, const struct mapping *mapping,
                                 struct iso_error *err)
{
    static const enum column needed[] = {COLUMN_timestamp, COLUMN_open, COLUMN_high, COLUMN_low,
                                         COLUMN_close};
    ISO_DEFER(text_reset) struct text missing = {0};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (mapping->column[needed[i]] < 0) {
            text_addf(&missing, "%s%s", missing.length > 0 ? ", " : "", column_name(needed[i]));
        }
    }
    if (missing.length == 0) {
        return ISO_OK;
    }
    const struct csv_row *row = sample->has_header ? &sample->header : &sample->first;
    ISO_DEFER(text_reset) struct text shown = {0};
    add_shown(&shown, row->begin, row->end, 160);
    ISO_FAIL(BAD_FORMAT, err,
             "line %lld names no column for %s; it reads \"%s\"; name the columns with "
             "--columns, as --columns %s=NAME",
             (long long)row->line, text_get(&missing), text_get(&shown),
             column_name(mapping->column[COLUMN_timestamp] < 0 ? COLUMN_timestamp : COLUMN_close));
}

static bool is_mapped(const struct mapping *mapping, size_t place)
{
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (mapping->column[i] == (int)place) {
            return true;
        }
    }
    return false;
}

static void note_left_out_names(const struct csv_row *header, struct mapping *mapping)
{
    text_clear(&mapping->left_out);
    for (size_t i = 0; i < header->field_count && i < CSV_FIELDS_MAX; i++) {
        const struct csv_field *field = &header->field[i];
        if (!is_mapped(mapping, i) && field->begin < field->end) {
            text_add(&mapping->left_out, mapping->left_out.length > 0 ? ", " : "");
            add_shown(&mapping->left_out, field->begin, field->end, 80);
        }
    }
}

static const char *header_dialect(const struct sample *sample)
{
    static const char ours[] = "symbol,timestamp,open,high,low,close,volume,vwap,trade_count";
    const struct csv_row *header = &sample->header;
    size_t length = (size_t)(header->end - header->begin);
    if (length == sizeof ours - 1 && memcmp(header->begin, ours, length) == 0) {
        return "isobar's own CSV";
    }
    if (sample->has_address) {
        return "CryptoDataDownload";
    }
    char plain[COLUMN_NAME_BYTES];
    column_plain_name(&header->field[0], plain);
    bool klines = header->field_count == 12 && strcmp(plain, "opentime") == 0;
    return klines ? "Binance klines with a header" : "a table with a header";
}

static void explain_column(const struct sample *sample, struct mapping *mapping, int column)
{
    struct text *out = &mapping->explanation;
    int place = mapping->column[column];
    const char *name = column_name((enum column)column);
    if (place < 0) {
        return;
    }
    if (sample->has_header) {
        const struct csv_field *field = &sample->header.field[place];
        text_addf(out, "  %-11s <- \"", name);
        add_shown(out, field->begin, field->end, 80);
        text_addf(out, "\" (column %d)\n", place + 1);
    } else {
        text_addf(out, "  %-11s <- column %d\n", name, place + 1);
    }
}

const char *side_name(enum quote_side side)
{
    static const char *const names[] = {"mid", "bid", "ask"};
    return names[side];
}

enum quote_side side_named(const char *name)
{
    return strcmp(name, "bid") == 0 ? SIDE_BID : strcmp(name, "ask") == 0 ? SIDE_ASK : SIDE_MID;
}

static void explain_times(const struct mapping *mapping, struct text *out)
{
    int64_t per_second = mapping->epoch_per_second;
    switch (mapping->time_kind) {
    case TIME_KIND_EPOCH:
        text_addf(out, "times are %s since 1970 UTC, told by their digits\n",
                  per_second == 1         ? "seconds"
                  : per_second == 1000    ? "milliseconds"
                  : per_second == 1000000 ? "microseconds"
                                          : "nanoseconds");
        return;
    case TIME_KIND_DAY:
        text_add(out, "times are milliseconds since the midnight of the day in the file's name\n");
        break;
    default:
        text_add(out, "times are calendar dates and times\n");
    }
    text_addf(out, "times that name no zone are of %s (--tz chooses)\n",
              mapping->zone != NULL ? zone_name(mapping->zone) : "UTC");
}

static void explain_rest(struct mapping *mapping)
{
    struct text *out = &mapping->explanation;
    if (mapping->column[COLUMN_ask_close] >= 0) {
        text_addf(out, "it quotes bid and ask: the bars are the %s (--side chooses)\n",
                  side_name(mapping->side));
    }
    if (mapping->column[COLUMN_quote_volume] >= 0) {
        text_add(out, "vwap is quote_volume / volume\n");
    }
    if (mapping->price_divisor != 1) {
        text_addf(out, "prices are divided by %g\n", mapping->price_divisor);
    }
    text_addf(out, "left out: %s\n",
              mapping->left_out.length > 0 ? text_get(&mapping->left_out) : "nothing");
}

static void explain(const struct sample *sample, struct mapping *mapping)
{
    struct text *out = &mapping->explanation;
    text_addf(out, "read as %s: %s, fields parted by %s\n", mapping->dialect,
              sample->has_header ? "a header line names the columns" : "columns known by place",
              mapping->separator == '\t'  ? "tabs"
              : mapping->separator == ',' ? "commas"
              : mapping->separator == ';' ? "semicolons"
                                          : "bars");
    if (sample->has_header) {
        text_addf(out, "header on line %lld\n", (long long)sample->header.line);
    }
    for (int i = 0; i < COLUMN_COUNT; i++) {
        explain_column(sample, mapping, i);
    }
    explain_times(mapping, out);
    explain_rest(mapping);
}

/* The mapping must make a bar of at least one of the first rows, or it is the wrong one. */
static iso_status check_trial(const struct sample *sample, const struct mapping *mapping,
                              struct iso_error *err)
{
    struct trial trial = try_rows(sample, mapping);
    if (trial.shaped == 0) {
        ISO_FAIL(BAD_FORMAT, err, "line %lld names %zu columns, but the rows below have %zu fields",
                 (long long)sample->header.line, mapping->field_count, sample->first.field_count);
    }
    if (trial.good > 0 || trial.why == NULL) {
        return ISO_OK;
    }
    int64_t time_us;
    const struct csv_row *first = &sample->first;
    if (first->problem == NULL && first->field_count == mapping->field_count &&
        import_row_time(mapping, first, &time_us) != NULL) {
        const struct csv_field *field = &first->field[mapping->column[COLUMN_timestamp]];
        ISO_DEFER(text_reset) struct text shown = {0};
        add_shown(&shown, field->begin, field->end, 40);
        ISO_FAIL(
            BAD_FORMAT, err,
            "line %lld: \"%s\" is no time that is understood, nor are those below it; "
            "write ISO times (2024-01-31T23:59:00Z) or an epoch, or choose another column with "
            "--columns timestamp=NAME",
            (long long)first->line, text_get(&shown));
    }
    return ISO_OK; /* rows that are all bad go to quarantine, each with its reason */
}

static iso_status map_sample(const struct sample *sample, const char *columns,
                             struct mapping *mapping, struct iso_error *err)
{
    mapping->field_count =
        sample->has_header ? sample->header.field_count : sample->first.field_count;
    if (mapping->field_count > CSV_FIELDS_MAX) {
        ISO_FAIL(LIMIT, err, "line %lld has %zu fields; at most %d are read",
                 (long long)sample->first.line, mapping->field_count, CSV_FIELDS_MAX);
    }
    if (sample->has_header) {
        columns_by_name(&sample->header, mapping->column);
        mapping->dialect = header_dialect(sample);
    } else if (columns == NULL) {
        ISO_TRY(map_headerless(sample, mapping, err));
    } else {
        mapping->dialect = "columns named by number";
    }
    if (!sample->hints->derive_vwap || mapping->column[COLUMN_vwap] >= 0) {
        mapping->column[COLUMN_quote_volume] = -1;
    }
    if (columns != NULL) {
        ISO_TRY(apply_columns(sample, columns, mapping, err));
    }
    ISO_TRY(check_complete(sample, mapping, err));
    if (sample->has_header) {
        note_left_out_names(&sample->header, mapping);
    }
    return ISO_OK;
}

/* The zone of times that name none: what a person gave, or what the vendor is known for. */
static iso_status decide_zone(const struct sample *sample, struct mapping *mapping,
                              struct iso_error *err)
{
    const struct sniff_hints *hints = sample->hints;
    const char *zone = hints->zone;
    for (size_t i = 0; zone == NULL && i < sizeof vendors / sizeof vendors[0]; i++) {
        if (hints->name != NULL && strstr(hints->name, vendors[i].word) != NULL) {
            zone = vendors[i].zone;
            mapping->dialect = vendors[i].vendor;
        }
    }
    if (sample->lean != NULL) {
        mapping->price_divisor = sample->lean->price_divisor;
        zone = zone == NULL || sample->lean->zone == NULL ? sample->lean->zone : zone;
    }
    return zone != NULL ? iso_context(zone_open(zone, &mapping->zone, err), err, "--tz") : ISO_OK;
}

iso_status dialect_sniff(const char *begin, const char *end, char newline,
                         const struct sniff_hints *hints, struct mapping *mapping,
                         struct iso_error *err)
{
    struct sample sample = {.hints = hints,
                            .reader = {.at = begin, .end = end, .newline = newline}};
    look_at_sample(&sample);
    sample.lean = sample.has_header ? NULL : hints->lean;
    map_nothing(mapping);
    mapping->separator = sample.reader.separator;
    if (!sample.has_header && !sample.has_rows) {
        ISO_FAIL(BAD_FORMAT, err, "there is no line of data in it");
    }
    ISO_TRY(map_sample(&sample, hints->columns, mapping, err));
    mapping->side = hints->side;
    ISO_TRY(decide_zone(&sample, mapping, err));
    if (!sample.has_rows) {
        ISO_FAIL(BAD_FORMAT, err, "there is a header, but no row below it");
    }
    mapping->header_line = sample.has_header ? sample.header.line : 0;
    mapping->header_bytes = (size_t)(sample.reader.at - begin);
    mapping->lines_before = sample.reader.line;
    if (sample.first.field_count == mapping->field_count && sample.first.problem == NULL) {
        decide_time_kind(&sample, mapping);
    }
    ISO_TRY(check_trial(&sample, mapping, err));
    explain(&sample, mapping);
    ISO_TRY(text_check(&mapping->left_out, err));
    return text_check(&mapping->explanation, err);
}

iso_status dialect_of_names(const char *header, const char *dialect,
                            const struct sniff_hints *hints, struct mapping *mapping,
                            struct iso_error *err)
{
    struct sample sample = {.hints = hints, .has_header = true};
    sample.reader = (struct csv_reader){
        .at = header, .end = header + strlen(header), .separator = ',', .newline = '\n'};
    map_nothing(mapping);
    if (!csv_next(&sample.reader, &sample.header)) {
        ISO_FAIL(BAD_FORMAT, err, "the table has no columns");
    }
    ISO_TRY(map_sample(&sample, hints->columns, mapping, err));
    mapping->column[COLUMN_clock] = -1; /* tables keep a time in one column */
    mapping->dialect = dialect;
    mapping->side = hints->side;
    ISO_TRY(decide_zone(&sample, mapping, err));
    text_addf(&mapping->explanation, "read as %s: the names of the columns tell\n", dialect);
    for (int i = 0; i < COLUMN_COUNT; i++) {
        explain_column(&sample, mapping, i);
    }
    explain_rest(mapping);
    ISO_TRY(text_check(&mapping->left_out, err));
    return text_check(&mapping->explanation, err);
}
