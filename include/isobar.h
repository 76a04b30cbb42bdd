/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public interface of libisobar: plain C99, usable from C++.
 *
 * Every function that can fail returns an iso_status; a status whose word is 0 is success. The last
 * argument, err, may be NULL; where it is given, a failed call fills it with a sentence for people.
 * A failed call leaves its outputs untouched unless its comment says otherwise.
 */
#ifndef ISOBAR_H
#define ISOBAR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ISO_PUBLIC __attribute__((visibility("default")))
#else
#define ISO_PUBLIC
#endif

#if defined(__cplusplus) && __cplusplus >= 201703L
#define ISO_NODISCARD [[nodiscard]]
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ > 201710L
#define ISO_NODISCARD [[nodiscard]]
#else
#define ISO_NODISCARD
#endif

/* Outcome of a call: class << 24 | code; 0 is success. The class is what a caller can do about it.
 */
typedef struct ISO_NODISCARD iso_status {
    uint32_t word;
} iso_status;

/* A failure in words: what was wrong, where, and what to do next. Lives in the caller's memory. */
struct iso_error {
    uint32_t word;
    char text[508];
};

#ifdef __cplusplus
}
#endif

#endif
