/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool text_reserve(struct text *text, size_t extra_bytes)
{
    size_t need = text->length + extra_bytes + 1;
    if (need <= text->capacity) {
        return true;
    }
    size_t capacity = text->capacity < 64 ? 64 : text->capacity;
    while (capacity < need) {
        capacity += capacity / 2;
    }
    char *data = realloc(text->data, capacity);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void text_append(struct text *text, const char *bytes, size_t length)
{
    if (text_reserve(text, length)) {
        memcpy(text->data + text->length, bytes, length);
        text->length += length;
        text->data[text->length] = '\0';
    }
}

void text_add(struct text *text, const char *string)
{
    text_append(text, string, strlen(string));
}

void text_add_char(struct text *text, char character)
{
    text_append(text, &character, 1);
}

void text_add_shown(struct text *text, const char *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t character = utf8_character(bytes + at, length - at);
        bool plain = character > 0 && (unsigned char)bytes[at] >= 0x20 && bytes[at] != 0x7f;
        if (plain) {
            text_append(text, bytes + at, character);
        } else {
            text_add_char(text, bytes[at] == '\t' ? ' ' : '?');
        }
        at += plain ? character : 1;
    }
}

void text_addf(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length > 0 && text_reserve(text, (size_t)length)) {
        (void)vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void text_add_number(struct text *text, double value)
{
    if (!isnan(value)) {
        char number[NUMBER_TEXT_BYTES];
        text_append(text, number, number_format(value, number));
    }
}

void text_clear(struct text *text)
{
    text->length = 0;
    if (text->data != NULL) {
        text->data[0] = '\0';
    }
}

void text_reset(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

const char *text_get(const struct text *text)
{
    return text->data != NULL ? text->data : "";
}

iso_status text_check(const struct text *text, struct iso_error *err)
{
    if (text->failed) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a text of more than %zu bytes", text->length);
    }
    return ISO_OK;
}

/* Powers of ten that a double holds exactly. */
static const double exact_powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { EXACT_POWER_MAX = 22 };

/* Digits of value, at least width of them with zeros before; returns what follows the last. */
static char *put_digits(uint64_t value, int width, char *target)
{
    char digits[24];
    int length = 0;
    do {
        digits[length++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (int i = length; i < width; i++) {
        *target++ = '0';
    }
    while (length > 0) {
        *target++ = digits[--length];
    }
    return target;
}

size_t integer_format(int64_t value, char target[NUMBER_TEXT_BYTES])
{
    char *at = target;
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (value < 0) {
        *at++ = '-';
    }
    at = put_digits(magnitude, 1, at);
    *at = '\0';
    return (size_t)(at - target);
}

/* digits / 10^scale, with its sign. */
static size_t put_decimal(bool negative, uint64_t digits, int scale, char *target)
{
    char *at = target;
    uint64_t power = (uint64_t)exact_powers[scale];
    if (negative) {
        *at++ = '-';
    }
    at = put_digits(digits / power, 1, at);
    if (scale > 0) {
        *at++ = '.';
        at = put_digits(digits % power, scale, at);
    }
    *at = '\0';
    return (size_t)(at - target);
}

/*
 * Decimals of up to 15 digits: the smallest scale k at which value is integer / 10^k. Both operands
 * are exact, so the division is the correctly rounded value of the decimal, hence what a reader of
 * the text gets.
 */
static size_t format_decimal(double value, char *target)
{
    double magnitude = fabs(value);
    if (!(magnitude < 1e15) || magnitude < 1e-5) {
        return 0;
    }
    for (int scale = 0; scale <= 15; scale++) {
        double scaled = nearbyint(magnitude * exact_powers[scale]);
        if (scaled >= 1e15) {
            return 0;
        }
        if (scaled / exact_powers[scale] == magnitude) {
            return put_decimal(value < 0, (uint64_t)scaled, scale, target);
        }
    }
    return 0;
}

size_t number_format(double value, char target[NUMBER_TEXT_BYTES])
{
    if (value == 0) {
        return (size_t)snprintf(target, NUMBER_TEXT_BYTES, "%s", signbit(value) ? "-0" : "0");
    }
    size_t length = format_decimal(value, target);
    int first = fabs(value) < DBL_MIN ? 1 : 15; /* a denormal has fewer digits */
    for (int precision = first; length == 0; precision++) {
        int written = snprintf(target, NUMBER_TEXT_BYTES, "%.*g", precision, value);
        if (precision >= 17 || strtod(target, NULL) == value) {
            length = (size_t)written;
        }
    }
    return length;
}

static locale_t c_locale;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* The slow, always right path of number_parse: the text is known to be a decimal number. */
static bool parse_by_library(const char *begin, size_t length, double *value)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_c_locale);
    char copy[512]; /* longer numbers are no market data */
    if (length >= sizeof copy || c_locale == (locale_t)0) {
        return false;
    }
    memcpy(copy, begin, length);
    copy[length] = '\0';
    char *stop = NULL;
    *value = strtod_l(copy, &stop, c_locale);
    return stop == copy + length && isfinite(*value);
}

/* Digits, at most one point, at most one exponent: mantissa * 10^exponent, if the mantissa fits
 * 2^53. */
struct decimal {
    uint64_t mantissa;
    int exponent;
    int digit_count;
    bool exact;
};

static const char *scan_digits(const char *at, const char *end, struct decimal *decimal,
                               int exponent_step)
{
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        decimal->digit_count++;
        if (decimal->mantissa > (UINT64_C(1) << 53) / 10 - 1) {
            decimal->exact = false;
        } else {
            decimal->mantissa = decimal->mantissa * 10 + (uint64_t)(*at - '0');
            decimal->exponent += exponent_step;
        }
    }
    return at;
}

static const char *scan_exponent(const char *at, const char *end, struct decimal *decimal)
{
    if (at == end || (*at != 'e' && *at != 'E')) {
        return at;
    }
    at++;
    bool negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    int exponent = 0;
    const char *first = at;
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        exponent = exponent < 10000 ? exponent * 10 + (*at - '0') : exponent;
    }
    decimal->exponent += negative ? -exponent : exponent;
    return at == first ? NULL : at;
}

enum { PLAIN_DIGITS_MAX = 18 }; /* always fit a uint64_t */

/* Digits into *value until something else comes; the caller counts them, and judges whether they
 * fit. */
static const char *take_digits(const char *at, const char *end, uint64_t *value)
{
    uint64_t sum = *value;
    while (at < end && (unsigned char)(*at - '0') <= 9) {
        sum = sum * 10 + (uint64_t)(*at++ - '0');
    }
    *value = sum;
    return at;
}

/* What nearly all numbers of market data are: digits, perhaps a point among them, exact as a double
 * times a power of ten. False where it is anything else. */
static bool parse_plain(const char *begin, const char *end, double *value)
{
    uint64_t mantissa = 0;
    const char *at = take_digits(begin, end, &mantissa);
    size_t decimals = 0;
    size_t digits = (size_t)(at - begin);
    if (at < end && *at == '.') {
        const char *first = at + 1;
        at = take_digits(first, end, &mantissa);
        decimals = (size_t)(at - first);
        digits += decimals;
    }
    if (at != end || digits == 0 || digits > PLAIN_DIGITS_MAX || mantissa > UINT64_C(1) << 53) {
        return false;
    }
    *value = (double)mantissa / exact_powers[decimals];
    return true;
}

bool number_parse(const char *begin, const char *end, double *value)
{
    const char *at = begin;
    struct decimal decimal = {.exact = true};
    if (parse_plain(begin, end, value)) {
        return true;
    }
    bool negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    at = scan_digits(at, end, &decimal, 0);
    if (at < end && *at == '.') {
        at = scan_digits(at + 1, end, &decimal, -1);
    }
    at = scan_exponent(at, end, &decimal);
    if (at != end || at == NULL || decimal.digit_count == 0) {
        return false;
    }
    int exponent = decimal.exponent;
    if (!decimal.exact || exponent < -EXACT_POWER_MAX || exponent > EXACT_POWER_MAX) {
        return parse_by_library(begin, (size_t)(end - begin), value);
    }
    /* Both operands exact, one rounding: Clinger 1990, "How to read floating point numbers
     * accurately". */
    double magnitude = (double)decimal.mantissa;
    magnitude =
        exponent < 0 ? magnitude / exact_powers[-exponent] : magnitude * exact_powers[exponent];
    *value = negative ? -magnitude : magnitude;
    return true;
}

bool integer_parse(const char *begin, const char *end, int64_t *value)
{
    bool negative = begin < end && *begin == '-';
    const char *at = begin + negative;
    uint64_t magnitude = 0;
    if (at == end) {
        return false;
    }
    if (end - at <= PLAIN_DIGITS_MAX) {
        if (take_digits(at, end, &magnitude) != end) {
            return false;
        }
        *value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
        return true;
    }
    for (; at < end; at++) {
        if (*at < '0' || *at > '9' || magnitude > (uint64_t)INT64_MAX / 10) {
            return false;
        }
        magnitude = magnitude * 10 + (uint64_t)(*at - '0');
    }
    if (magnitude > (uint64_t)INT64_MAX) {
        return false;
    }
    *value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

size_t utf8_character(const char *at, size_t available)
{
    const unsigned char *byte = (const unsigned char *)at;
    if (available == 0) {
        return 0;
    }
    uint32_t first = byte[0];
    size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || length > available) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((byte[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (first == 0xe0 && byte[1] < 0xa0) || (first == 0xf0 && byte[1] < 0x90);
    bool beyond = (first == 0xed && byte[1] > 0x9f) || (first == 0xf4 && byte[1] > 0x8f);
    return overlong || beyond ? 0 : length;
}
