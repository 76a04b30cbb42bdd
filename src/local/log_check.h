/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite's log (catalog.db-wal): a header of 32 bytes, then frames, each a header of 24 bytes and a
 * page. Header and frames end in checksums that go on from the one before
 * (https://www.sqlite.org/fileformat2.html#walformat). SQLite looks at them only after a crash, and
 * then takes the first one that does not match for the torn end of an unfinished transaction: what
 * follows is dropped without a word, were it acknowledged or not.
 *
 * Here each frame is checked when its page is read; and after a crash, what does not match is
 * damage, not a torn end, where
 *     a single flipped bit explains it, or
 *     a later transaction follows: SQLite syncs a transaction before it writes the next.
 * Of a last transaction that is damaged in more than one bit nobody can tell whether it was ever
 * finished.
 */
#ifndef LOCAL_LOG_CHECK_H
#define LOCAL_LOG_CHECK_H

#include "local/page_check.h"

#include <sqlite3.h>

/* Check length bytes that were just read from the log at offset. SQLITE_OK, or SQLITE_IOERR_DATA
 * with what was refused as a text in refused, or the failure of a further read. */
int log_check_read(sqlite3_file *log, const void *bytes, int length, int64_t offset,
                   char refused[PAGE_MESSAGE_BYTES]);

#endif
