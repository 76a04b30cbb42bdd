/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a file to import, whatever it is wrapped in: packed (unpack.h), an archive of
 * members (zip, tar), both, or plain, which is an archive of one member without a name. Told by
 * the first bytes, never by the file's name.
 */
#ifndef LOCAL_ARCHIVE_H
#define LOCAL_ARCHIVE_H

#include "base/status.h"

enum { ARCHIVE_HEAD_BYTES = 512, ARCHIVE_MEMBERS_MAX = 1 << 16 };

struct archive;

/* Where the reading stands; total_bytes is 0 where that is not known (a pipe). */
struct archive_progress {
    uint64_t done_bytes;
    uint64_t total_bytes;
};

/*
 * Open a regular file, or standard input where path is "-". Fails with NOT_FOUND, IO, BAD_FORMAT
 * (empty, damaged), LIMIT, OUT_OF_MEMORY. The caller owns *archive.
 */
iso_status archive_open(const char *path, struct archive **archive, struct iso_error *err);
void archive_close(struct archive **archive);

/* The first bytes of a file that is no archive, unpacked; *length may be less than a head. */
const uint8_t *archive_head(const struct archive *archive, size_t *length);
/* Whether it has members with names. */
bool archive_has_members(const struct archive *archive);

/*
 * Go to the next member that is a file; *name is NULL at the end, "" in a file that is no archive,
 * and borrowed until the next call.
 */
iso_status archive_next(struct archive *archive, const char **name, struct iso_error *err);

/* Read some bytes of the member; *got is 0 at its end. Fails with IO, BAD_FORMAT. */
iso_status archive_read(struct archive *archive, void *target, size_t limit, size_t *got,
                        struct iso_error *err);
struct archive_progress archive_progress(const struct archive *archive);

#endif
