/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status and errors: the one way a function says that it failed.
 *
 * A status is a type of its own so that the compiler will not let anyone drop it or take it for a
 * number. Its class says what a caller can do and is, at the same time, the exit code of the
 * command.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include "../../include/isobar.h"

#include <stdbool.h>
#include <stdlib.h>

/* What a caller can do; the value is the command's exit code (docs/reference: exit codes). */
enum iso_class {
    ISO_CLASS_OK = 0,
    ISO_CLASS_FAILED = 1,  /* report it */
    ISO_CLASS_USAGE = 2,   /* ask differently */
    ISO_CLASS_PROBLEM = 3, /* the data is damaged or partial: repair or quarantine */
    ISO_CLASS_CLOUD = 4,   /* the cloud did not answer: go on without it, try again later */
    ISO_CLASS_BUDGET = 5, /* a quota or budget is used up: raise it, or wait for its period's end */
    ISO_CLASS_BUSY = 6,   /* retry later */
    ISO_CLASS_ACCESS = 7, /* authentication or TLS: mend the credentials, do not retry */
};

/* clang-format off */
/* name, class, what it means */
#define ISO_ERROR_TABLE(X)                                                                  \
    X(OUT_OF_MEMORY, FAILED,  "the system gave no memory")                                  \
    X(IO,            FAILED,  "a file or directory could not be read or written")           \
    X(NOT_FOUND,     FAILED,  "what was asked for does not exist")                          \
    X(BUFFER_SHORT,  FAILED,  "the target is too small; nothing was written")               \
    X(BAR_ORDER,     FAILED,  "bars are not in strictly rising order of time")              \
    X(BAD_FORMAT,    FAILED,  "the bytes or the text are not of the expected form")         \
    X(NEWER_VERSION, FAILED,  "written by a newer version than this one")                   \
    X(LIMIT,         FAILED,  "a named limit is exceeded")                                  \
    X(CATALOG,       FAILED,  "SQLite refused")                                             \
    X(QUERY,         FAILED,  "DuckDB refused")                                             \
    X(INTERRUPTED,   FAILED,  "stopped by a signal")                                        \
    X(BAD_ARGUMENT,  USAGE,   "an argument, option or setting is wrong")                    \
    X(CORRUPT,       PROBLEM, "stored bytes do not match their hash or their own structure") \
    X(PARTIAL,       PROBLEM, "the answer would be incomplete")                             \
    X(CLOUD_DOWN,    CLOUD,   "the cloud was not reached, or did not answer in time; nothing was done") \
    X(CLOUD_UNKNOWN, CLOUD,   "the cloud's answer was lost: the work may have been done, or not") \
    X(CLOUD_REFUSED, FAILED,  "PostgreSQL or Neon refused")                                 \
    X(QUOTA,         BUDGET,  "a quota or budget is used up")                               \
    X(AUTHENTICATION, ACCESS, "the cloud did not accept who we are, or where from")         \
    X(TLS,           ACCESS,  "no connection that is safe from others could be made")       \
    X(CONFLICT,      BUSY,    "another transaction was in the way; try again")              \
    X(BUSY,          BUSY,    "somebody else holds it; try again")
/* clang-format on */

enum iso_error_code {
    ISO_ERROR_NONE = 0,
#define X(name, class, help) ISO_ERROR_##name,
    ISO_ERROR_TABLE(X)
#undef X
        ISO_ERROR_COUNT
};

#define ISO_OK ((iso_status){0})

/* Fill err (may be NULL) with the formatted text and return the status of code. */
iso_status iso_fail(enum iso_error_code code, struct iso_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "prefix: " before the text of err; returns status unchanged. For adding where it happened. */
iso_status iso_context(iso_status status, struct iso_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Name of the error in a status ("CORRUPT"), "OK" for success. */
const char *iso_status_name(iso_status status);

static inline bool iso_failed(iso_status status)
{
    return status.word != 0;
}

static inline enum iso_class iso_status_class(iso_status status)
{
    return (enum iso_class)(status.word >> 24);
}

static inline enum iso_error_code iso_status_code(iso_status status)
{
    return (enum iso_error_code)(status.word & 0xffffffu);
}

/* Tells compilers and analysers what iso_fail promises: its status is a failure. */
static inline iso_status iso_never_ok(iso_status status)
{
    if (status.word == 0) {
        __builtin_unreachable();
    }
    return status;
}

/* Drop a status on purpose; reason is for the reader. */
static inline void iso_ignore(iso_status status, const char *reason)
{
    (void)status;
    (void)reason;
}

/* Hand a failure up. */
#define ISO_TRY(call)                        \
    do {                                     \
        iso_status iso_try_status_ = (call); \
        if (iso_failed(iso_try_status_)) {   \
            return iso_try_status_;          \
        }                                    \
    } while (0)

/* Begin a failure: ISO_FAIL(BUFFER_SHORT, err, "need %zu bytes, have %zu", need, have); */
#define ISO_FAIL(code, err, ...) return iso_never_ok(iso_fail(ISO_ERROR_##code, err, __VA_ARGS__))

/* Zeroed memory for count elements of *pointer, or a failure handed up. The caller owns it. */
#define ISO_NEW(pointer, count, err)                                                       \
    do {                                                                                   \
        (pointer) = calloc((count) > 0 ? (count) : 1, sizeof *(pointer));                  \
        if ((pointer) == NULL) {                                                           \
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu x %zu bytes", (size_t)(count), \
                     sizeof *(pointer));                                                   \
        }                                                                                  \
    } while (0)

/* Release on leaving the scope: ISO_DEFER(text_reset) struct text text = {0}; */
#define ISO_DEFER(function) __attribute__((cleanup(function)))

/* ISO_DEFER for plain heap pointers of any type: ISO_DEFER(mem_defer_free) double *x = NULL; */
static inline void mem_defer_free(void *pointer)
{
    void *memory;
    __builtin_memcpy(&memory, pointer, sizeof memory);
    free(memory);
}

/* A programmer's error: always on, names the place, ends the process. */
#define ISO_ASSERT(condition)                                  \
    do {                                                       \
        if (!(condition)) {                                    \
            iso_assert_failed(#condition, __FILE__, __LINE__); \
        }                                                      \
    } while (0)

_Noreturn void iso_assert_failed(const char *condition, const char *file, int line);

#endif
