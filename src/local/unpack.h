/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed bytes into plain ones, a piece at a time. A way of packing is a row of the table in
 * unpack.c; each checks what its format has to check by (CRC-32, CRC-64, XXH64).
 */
#ifndef LOCAL_UNPACK_H
#define LOCAL_UNPACK_H

#include "base/status.h"

struct packing;
struct unpack;

/* How bytes that begin so are packed; NULL where in no way that is known. */
const struct packing *packing_of(const void *bytes, size_t length);
/* "gzip" */
const char *packing_name(const struct packing *packing);

/* Fails with OUT_OF_MEMORY. The caller owns *unpack. */
iso_status unpack_open(const struct packing *packing, struct unpack **unpack,
                       struct iso_error *err);
void unpack_close(struct unpack **unpack);

/* What is left to read and to fill; unpack_step moves the beginnings. */
struct unpack_io {
    const uint8_t *in;
    const uint8_t *in_end;
    uint8_t *out;
    uint8_t *out_end;
};

/* Go on until the input is used up or the output is full. Several packed texts in a row are one.
 * Fails with BAD_FORMAT where the bytes are damaged. */
iso_status unpack_step(struct unpack *unpack, struct unpack_io *io, struct iso_error *err);

/* Whether the input may end here: not inside of a packed text. */
bool unpack_is_whole(const struct unpack *unpack);

#endif
