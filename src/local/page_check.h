/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of SQLite files that check themselves. SQLite believes what it reads: a flipped bit in a
 * page becomes another price or hides rows. This layer under SQLite (a "VFS") ends every page of
 * the database file with a checksum, and refuses a page that does not match it.
 *
 *     page        PAGE_BYTES long; its last 8 bytes, which SQLite leaves to such layers (the
 * header's "reserved space"), hold the low word of the XXH3-128 of the bytes before them,
 *                 exclusive-or'ed with the page's number, little-endian. On page 1 the bytes that
 *                 any SQLite may rewrite count as zero: change counter (24 to 27), user version (60
 *                 to 63), and the writer's version (92 to 99). A page of zeros alone is an unused
 * one. log (WAL)   has SQLite's own checksum a frame, which SQLite itself looks at only after a
 *                 crash. Here each frame is checked when its page is read.
 *
 * Files that were made without this stay as they are, and are not checked. Other programs may read
 * the files; what they write has no checksum and is refused.
 */
#ifndef LOCAL_PAGE_CHECK_H
#define LOCAL_PAGE_CHECK_H

#include "base/status.h"

enum { PAGE_BYTES = 4096, PAGE_RESERVED_BYTES = 8, PAGE_MESSAGE_BYTES = 128 };

/* Marks a database whose pages must have checksums, whatever its header says ("isob"). */
#define PAGE_CHECK_APPLICATION_ID "0x69736f62"

/* The name to open files by, as sqlite3_open_v2 takes it; NULL where SQLite refuses the layer. */
const char *page_check_name(void);

/* "page 7 (bytes 24576 to 28671)" */
void page_check_describe(int64_t number, char target[PAGE_MESSAGE_BYTES]);

/* What this thread last refused, as "page 7 (bytes 24576 to 28671)". */
const char *page_check_refused(void);

#endif
