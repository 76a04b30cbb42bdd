/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time zones: what a clock on a wall somewhere showed, as time in UTC. A zone is a fixed offset, or
 * one of the IANA data base as the system has it in files (RFC 9636, "TZif").
 */
#ifndef MARKET_ZONE_H
#define MARKET_ZONE_H

#include "base/status.h"

struct zone;

/*
 * "UTC", "Z", "+05:30", "-0500", "+2", or a name as "America/New_York". Fails with BAD_ARGUMENT
 * (no such zone), BAD_FORMAT (a damaged zone file), IO, OUT_OF_MEMORY. The caller owns *zone.
 */
iso_status zone_open(const char *name, struct zone **zone, struct iso_error *err);
void zone_close(struct zone **zone);

/* The name it was opened by. */
const char *zone_name(const struct zone *zone);
/* Whether it is UTC, so that nothing need be converted. */
bool zone_is_utc(const struct zone *zone);

/*
 * Set *utc_us from what the wall showed, as microseconds since its own 1970. Returns NULL, or why
 * it cannot be told, as a fixed sentence: the clocks went over it, or showed it twice.
 */
const char *zone_to_utc(const struct zone *zone, int64_t wall_us, int64_t *utc_us);
/* What the wall showed then. */
int64_t zone_to_wall(const struct zone *zone, int64_t utc_us);

#endif
