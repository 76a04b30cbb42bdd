/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The members of a tar stream (POSIX ustar, and GNU's and pax's long names). A member is a header
 * of 512 bytes and its bytes, filled up to 512.
 */
#ifndef LOCAL_TAR_H
#define LOCAL_TAR_H

#include "base/status.h"

enum { TAR_NAME_BYTES = 512 };

/* Begins all zero, before the first member. */
struct tar {
    uint64_t left_bytes; /* of the member */
    uint64_t fill_bytes; /* behind them */
    char name[TAR_NAME_BYTES];
};

/* Where the stream comes from; *got is 0 at its end. */
typedef iso_status tar_source(void *context, void *target, size_t limit, size_t *got,
                              struct iso_error *err);

/* Whether a stream that begins so is one. */
bool tar_is(const uint8_t *head, size_t length);

/* Go to the next member that is a regular file; *name is NULL at the end. Fails with BAD_FORMAT. */
iso_status tar_next(struct tar *tar, tar_source *source, void *context, const char **name,
                    struct iso_error *err);
/* Read some bytes of the member; *got is 0 at its end. */
iso_status tar_read(struct tar *tar, tar_source *source, void *context, void *target, size_t limit,
                    size_t *got, struct iso_error *err);

#endif
