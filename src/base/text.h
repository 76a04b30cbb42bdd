/* SPDX-License-Identifier: Apache-2.0 */
/* Growing text, and numbers as text that reads back to the same bits. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/status.h"

/* A growing, NUL-terminated text. All zero is the empty one. Owns data; text_reset frees it. */
struct text {
    char *data;
    size_t length;
    size_t capacity;
    bool failed; /* sticky: an append found no memory; text_check reports it */
};

/* Make room for extra_bytes more; false (and failed set) where there is no memory. */
bool text_reserve(struct text *text, size_t extra_bytes);
void text_append(struct text *text, const char *bytes, size_t length);
void text_add(struct text *text, const char *string);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_char(struct text *text, char character);
/* Append what a stranger wrote, fit for a terminal: control characters and malformed UTF-8 as ?. */
void text_add_shown(struct text *text, const char *bytes, size_t length);
/* The shortest decimal that reads back to the same double; NaN adds nothing. */
void text_add_number(struct text *text, double value);
/* Empty the text and keep its memory. */
void text_clear(struct text *text);
void text_reset(struct text *text);
/* The text so far, never NULL. */
const char *text_get(const struct text *text);
/* Fails with OUT_OF_MEMORY where an append had failed. */
iso_status text_check(const struct text *text, struct iso_error *err);

enum { NUMBER_TEXT_BYTES = 32 };

/* Write the shortest decimal of a finite or infinite value, NUL-terminated; returns its length. */
size_t number_format(double value, char target[NUMBER_TEXT_BYTES]);

/* Write an integer, NUL-terminated; returns its length. */
size_t integer_format(int64_t value, char target[NUMBER_TEXT_BYTES]);

/*
 * Read one decimal number that fills [begin, end) wholly, correctly rounded, in the C locale
 * whatever the process has set. "inf", "nan", hexadecimal and surrounding blanks are refused
 * (false).
 */
bool number_parse(const char *begin, const char *end, double *value);

/* Read a whole int64 from [begin, end); false where it is none or does not fit. */
bool integer_parse(const char *begin, const char *end, int64_t *value);

/*
 * Length of the UTF-8 character at at (RFC 3629: no overlong forms, no surrogates), of which
 * available bytes are there; 0 where it is malformed or cut.
 */
size_t utf8_character(const char *at, size_t available);

#endif
