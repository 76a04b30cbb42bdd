/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small queries of many threads, gathered: those that come at the same time go out together over a
 * few connections and share the way to the server and back. One of the waiting threads does the
 * sending and receiving for all (flat combining: Hendler, Incze, Shavit, Tzafrir 2010), so there is
 * no thread of its own and, for one caller alone, no hand-over.
 *
 * A query that takes long holds up what travels with it: lend a connection for those.
 */
#ifndef CLOUD_GATHER_H
#define CLOUD_GATHER_H

#include "cloud/pool.h"

struct gather;

enum { GATHER_LANES_MAX = 16 };

/*
 * Gather over up to lanes connections of the pool, which is borrowed. A second one is used only
 * where the answers on the first take longer than a millisecond. Fails with BAD_ARGUMENT,
 * OUT_OF_MEMORY.
 */
iso_status gather_open(struct pool *pool, size_t lanes, struct gather **gather,
                       struct iso_error *err);
/* Nobody may be in gather_query any more. */
void gather_close(struct gather **gather);

/*
 * Run one query; *result is the caller's, NULL drops it. What it waits for is bounded by the
 * pool's times. A read (PG_READS) whose connection is lost is sent again over another one; a write
 * is a transaction of its own and fails as pg_query's. Fails as pool_acquire and pg_query.
 */
iso_status gather_query(struct gather *gather, const struct pg_query *query,
                        struct pg_result **result, struct iso_error *err);

struct gather_stats {
    uint64_t queries;
    uint64_t batches;
    uint64_t resent; /* reads that went out again over another connection */
    uint64_t rerun;  /* queries that went out again for a neighbour failed, or a table changed */
};
struct gather_stats gather_stats(struct gather *gather);

#endif
