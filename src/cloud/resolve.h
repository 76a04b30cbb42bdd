/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host names to addresses under a deadline. getaddrinfo has none (a dead resolver holds it for
 * tens of seconds), so it runs on a thread of its own that is left behind when time is up.
 */
#ifndef CLOUD_RESOLVE_H
#define CLOUD_RESOLVE_H

#include "base/os.h"

enum { RESOLVE_ADDRESSES_MAX = 8, RESOLVE_ADDRESS_BYTES = 64 };

struct addresses {
    char text[RESOLVE_ADDRESSES_MAX][RESOLVE_ADDRESS_BYTES]; /* numeric, IPv4 or IPv6 */
    size_t count;
};

/*
 * Fails with CLOUD_DOWN (no such host, resolver dead, deadline over), OUT_OF_MEMORY, LIMIT (too
 * many look-ups hang already).
 */
iso_status resolve(const char *host, const struct os *os, int64_t deadline_us,
                   struct addresses *addresses, struct iso_error *err);

#endif
