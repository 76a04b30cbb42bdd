/* SPDX-License-Identifier: Apache-2.0 */
#include "local/csv.h"

#include <string.h>

static const char *find_or_end(const char *at, const char *end, char wanted)
{
    const char *found = at < end ? memchr(at, wanted, (size_t)(end - at)) : NULL;
    return found != NULL ? found : end;
}

/* at stands behind the opening quote; sets *field and returns what follows the closing one, NULL
 * where there is none. */
static const char *cut_quoted(const char *at, const char *end, struct csv_field *field)
{
    field->begin = at;
    for (;;) {
        at = find_or_end(at, end, '"');
        if (at == end) {
            return NULL;
        }
        if (at + 1 == end || at[1] != '"') {
            field->end = at;
            return at + 1;
        }
        at += 2;
    }
}

static void trim_blanks(struct csv_field *field)
{
    while (field->begin < field->end && *field->begin == ' ') {
        field->begin++;
    }
    while (field->end > field->begin && field->end[-1] == ' ') {
        field->end--;
    }
}

/* Cut one field; returns where the separator behind it stands, or end. */
static const char *cut_field(const struct csv_row *row, const char *at, char separator,
                             struct csv_field *field, const char **problem)
{
    const char *end = row->end;
    if (at < end && *at == '"') {
        const char *behind = cut_quoted(at + 1, end, field);
        if (behind == NULL) {
            *problem = "a quote is not closed on its line";
            return end;
        }
        if (behind < end && *behind != separator) {
            *problem = "text follows a closing quote";
            return end;
        }
        return behind;
    }
    const char *stop = at;
    while (stop < end && *stop != separator) {
        stop++;
    }
    *field = (struct csv_field){at, stop};
    trim_blanks(field);
    return stop;
}

static void cut_fields(struct csv_row *row, char separator)
{
    const char *at = row->begin;
    for (;;) {
        struct csv_field spare = {0};
        struct csv_field *field =
            row->field_count < CSV_FIELDS_MAX ? &row->field[row->field_count] : &spare;
        at = cut_field(row, at, separator, field, &row->problem);
        if (row->problem != NULL) {
            return;
        }
        row->field_count++;
        if (at == row->end) {
            return;
        }
        at++;
    }
}

static size_t count_of(const char *at, const char *end, char wanted)
{
    size_t count = 0;
    for (; at < end; at++) {
        count += *at == wanted;
    }
    return count;
}

/* A line without quotes: nearly all there are. */
static void cut_plain(struct csv_row *row, char separator, size_t wanted)
{
    const char *at = row->begin;
    while (row->field_count < wanted) {
        const char *stop = at;
        while (stop < row->end && *stop != separator) {
            stop++;
        }
        struct csv_field *field = &row->field[row->field_count++];
        *field = (struct csv_field){at, stop};
        trim_blanks(field);
        if (stop == row->end) {
            return;
        }
        at = stop + 1;
    }
    row->field_count += 1 + count_of(at, row->end, separator);
}

bool csv_next(struct csv_reader *reader, struct csv_row *row)
{
    while (reader->at < reader->end) {
        const char *begin = reader->at;
        const char *end = find_or_end(begin, reader->end, reader->newline);
        reader->at = end < reader->end ? end + 1 : end;
        reader->line++;
        end -= end > begin && end[-1] == '\r';
        if (end == begin) {
            continue;
        }
        row->line = reader->line;
        row->begin = begin;
        row->end = end;
        row->field_count = 0;
        row->problem = NULL;
        if (end - begin > CSV_LINE_BYTES_MAX) {
            row->problem = "the line is longer than 64 KiB";
        } else if (memchr(begin, '"', (size_t)(end - begin)) == NULL) {
            bool all = reader->wanted == 0 || reader->wanted > CSV_FIELDS_MAX;
            cut_plain(row, reader->separator, all ? CSV_FIELDS_MAX : reader->wanted);
        } else {
            cut_fields(row, reader->separator);
        }
        return true;
    }
    return false;
}

char csv_separator(const char *begin, const char *end)
{
    static const char candidates[] = {',', ';', '\t', '|'};
    size_t counts[sizeof candidates] = {0};
    bool quoted = false;
    for (const char *at = begin; at < end; at++) {
        quoted ^= *at == '"';
        for (size_t i = 0; !quoted && i < sizeof candidates; i++) {
            counts[i] += *at == candidates[i];
        }
    }
    size_t best = 0;
    for (size_t i = 1; i < sizeof candidates; i++) {
        best = counts[i] > counts[best] ? i : best;
    }
    return candidates[best];
}
