/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bars in JSON as lines of CSV, for the dialects to read: an array of rows, or the first such array
 * inside of an object ({"result": {"list": [...]}}), or one object after the other. A row is an
 * array ([ms, open, high, low, close, volume], as freqtrade and exchanges write it) or an object,
 * whose keys become the header.
 */
#ifndef LOCAL_IMPORT_JSON_H
#define LOCAL_IMPORT_JSON_H

#include "base/text.h"

/* More is CSV's or Parquet's business: parsed JSON takes several times its length of memory. */
#define IMPORT_JSON_BYTES_MAX ((size_t)256 << 20)

/* Where the bytes come from; *got is 0 at their end. */
typedef iso_status import_json_source(void *context, char *target, size_t limit, size_t *got,
                                      struct iso_error *err);

/* Append the lines. Fails with BAD_FORMAT (no JSON, or without rows), LIMIT, and as source. */
iso_status import_json_lines(import_json_source *source, void *context, struct text *lines,
                             struct iso_error *err);

#endif
