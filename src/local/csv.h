/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of separated fields, cut out of memory that the caller owns: nothing is copied and nothing
 * is written. RFC 4180 quotes, except that a quoted field may not reach over the end of its line:
 * bars never need it, and an unclosed quote then costs one row instead of the rest of the file.
 */
#ifndef LOCAL_CSV_H
#define LOCAL_CSV_H

#include "base/status.h"

enum {
    CSV_FIELDS_MAX = 64,         /* fields past these are counted and not kept */
    CSV_LINE_BYTES_MAX = 1 << 16 /* a longer line is no row of bars */
};

/* What lies between two separators; without its quotes, doubled quotes inside left as they are. */
struct csv_field {
    const char *begin;
    const char *end;
};

struct csv_row {
    int64_t line; /* from 1 */
    const char *begin;
    const char *end; /* of the whole line, without its end-of-line bytes */
    size_t field_count;
    const char *problem; /* why the line is no row, as a fixed sentence; NULL where it is one */
    struct csv_field field[CSV_FIELDS_MAX];
};

/* Lives in the caller's memory: {.at, .end, .separator, .newline = '\n'}; line counts those read.
 */
struct csv_reader {
    const char *at;
    const char *end;
    char separator;
    char newline; /* '\n', or '\r' in files of old */
    int64_t line;
    size_t wanted; /* fields past so many need only be counted; 0: none */
};

/* Cut the next line that is not blank; false at the end. */
bool csv_next(struct csv_reader *reader, struct csv_row *row);

/* The separator of a line: whichever of , ; tab | stands in it most often outside of quotes. */
char csv_separator(const char *begin, const char *end);

#endif
