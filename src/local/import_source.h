/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a file to import, handed out in blocks of whole lines, so that memory does not grow
 * with the file; member by member where the file is an archive. JSON is turned into lines first.
 */
#ifndef LOCAL_IMPORT_SOURCE_H
#define LOCAL_IMPORT_SOURCE_H

#include "local/archive.h"

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

/* What DuckDB reads for us; all else is text, or refused. */
enum source_kind { SOURCE_TEXT, SOURCE_PARQUET, SOURCE_DUCKDB };

/* Open a file, or standard input where path is "-". Fails as archive_open. */
iso_status source_open(const char *path, struct source **source, struct iso_error *err);
void source_close(struct source **source);
enum source_kind source_kind(const struct source *source);
bool source_has_members(const struct source *source);

/* Go to the next member, as archive_next. */
iso_status source_next_member(struct source *source, const char **name, struct iso_error *err);

/*
 * The next block of the member; empty (begin == end) at its end. The first one refuses what is no
 * text of bars, telling what it is and what to do about it. Fails with IO, BAD_FORMAT, LIMIT.
 */
iso_status source_next(struct source *source, struct source_block *block, struct iso_error *err);
struct archive_progress source_progress(const struct source *source);

/* Why these first bytes of a file are no text of bars, and what to do; NULL where they may be. */
const char *source_refusal(const char *bytes, size_t length);

#endif
