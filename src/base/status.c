/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    enum iso_class class;
} error_rows[ISO_ERROR_COUNT] = {[ISO_ERROR_NONE] = {"OK", ISO_CLASS_OK},
#define X(error, error_class, help) [ISO_ERROR_##error] = {#error, ISO_CLASS_##error_class},
                                 ISO_ERROR_TABLE(X)
#undef X
};

iso_status iso_fail(enum iso_error_code code, struct iso_error *err, const char *format, ...)
{
    ISO_ASSERT(code > ISO_ERROR_NONE && code < ISO_ERROR_COUNT);
    iso_status status = {(uint32_t)error_rows[code].class << 24 | (uint32_t)code};
    if (err != NULL) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(err->text, sizeof err->text, format, arguments);
        va_end(arguments);
        err->word = status.word;
    }
    return status;
}

iso_status iso_context(iso_status status, struct iso_error *err, const char *format, ...)
{
    if (!iso_failed(status) || err == NULL) {
        return status;
    }
    char text[sizeof err->text];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length + 2 < sizeof text) {
        (void)snprintf(text + length, sizeof text - (size_t)length, ": %s", err->text);
    }
    memcpy(err->text, text, sizeof text);
    return status;
}

const char *iso_status_name(iso_status status)
{
    enum iso_error_code code = iso_status_code(status);
    return code < ISO_ERROR_COUNT ? error_rows[code].name : "UNKNOWN";
}

void iso_assert_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "isobar: internal error: %s does not hold at %s:%d; please report it\n",
                  condition, file, line);
    abort();
}
