/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a file to import, plain or gzipped (told by its first bytes, not by its name),
 * handed out in blocks of whole lines, so that memory does not grow with the file.
 */
#ifndef LOCAL_IMPORT_SOURCE_H
#define LOCAL_IMPORT_SOURCE_H

#include "base/status.h"

enum { SOURCE_BLOCK_BYTES = 1 << 20 };

/* A gzip bomb unpacks 1000 to 1; no file of bars is bigger than this. */
#define SOURCE_BYTES_MAX (UINT64_C(1) << 38)

struct source;

/* Whole lines, each ended by newline but perhaps the last of the file. Borrowed until the next
 * call. */
struct source_block {
    const char *begin;
    const char *end;
    char newline;
};

/* Where the reading stands, in bytes of the file as it lies on disk. */
struct source_progress {
    uint64_t done_bytes;
    uint64_t total_bytes;
};

/*
 * Open a regular file and refuse what is no text of bars: empty, a directory, or of a known binary
 * kind, which the error names together with what to do about it. Fails with NOT_FOUND, IO,
 * BAD_FORMAT, OUT_OF_MEMORY.
 */
iso_status source_open(const char *path, struct source **source, struct iso_error *err);
void source_close(struct source **source);

/* The next block; empty (begin == end) at the end of the file. Fails with IO, BAD_FORMAT (damaged
 * or cut gzip), LIMIT. */
iso_status source_next(struct source *source, struct source_block *block, struct iso_error *err);
struct source_progress source_progress(const struct source *source);

/* Why these first bytes of a file are no text of bars, and what to do; NULL where they may be. */
const char *source_refusal(const char *bytes, size_t length);

#endif
