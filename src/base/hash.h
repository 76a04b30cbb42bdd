/* SPDX-License-Identifier: Apache-2.0 */
/* XXH3-128: the name of a segment, a snapshot, a result. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/status.h"

struct hash128 {
    uint64_t high;
    uint64_t low;
};

enum { HASH_HEX_BYTES = 33 };

struct hash128 hash_bytes(const void *bytes, size_t length);
static inline bool hash_equal(struct hash128 a, struct hash128 b)
{
    return a.high == b.high && a.low == b.low;
}
/* 32 lower-case hexadecimal digits, high word first (the canonical form of xxHash), and a NUL. */
void hash_hex(struct hash128 hash, char target[HASH_HEX_BYTES]);
/* Read exactly 32 hexadecimal digits; false otherwise. */
bool hash_parse(const char *hex, struct hash128 *hash);

/* A running hash over several pieces. */
struct hasher;
iso_status hasher_new(struct hasher **hasher, struct iso_error *err);
void hasher_add(struct hasher *hasher, const void *bytes, size_t length);
struct hash128 hasher_result(const struct hasher *hasher);
void hasher_free(struct hasher **hasher);

#endif
