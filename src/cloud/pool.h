/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections shared by many threads. Whoever waits is served in the order of coming, and no longer
 * than its deadline. A connection is looked at again after it lay idle, replaced after its lifetime
 * (with jitter, so that not all go at once), and closed after it was not needed for a while.
 *
 * After a fork the child begins with an empty pool; the parent's connections stay the parent's.
 */
#ifndef CLOUD_POOL_H
#define CLOUD_POOL_H

#include "cloud/pg.h"

enum { POOL_CONNECTIONS_MAX = 256, POOL_BUCKETS = 32 };

/* How a pool behaves. Times in microseconds. */
struct pool_profile {
    const char *name; /* "server" or "serverless" */
    size_t min;       /* connections that are kept open */
    size_t max;
    size_t opening_max;  /* connections that are being opened at one time */
    int attempts;        /* to open a connection, with jittered pauses between */
    int64_t acquire_us;  /* how long to wait for a connection */
    int64_t connect_us;  /* limit of one attempt */
    int64_t command_us;  /* limit of one command */
    int64_t idle_us;     /* close what lay idle for that long */
    int64_t lifetime_us; /* replace what is that old, give or take a tenth */
    int64_t check_us;    /* ask the server before using what lay idle for that long */
};

/*
 * The profile that fits: serverless for Neon, whose computes sleep when nobody asks (nothing is
 * kept open, waking up is waited for, and no connection is older in idleness than a fifth of the
 * usual five minutes before sleep); server for all else.
 */
struct pool_profile pool_profile_for(const struct settings *settings);
/* By its name; NULL where there is none of that name. */
const struct pool_profile *pool_profile_named(const char *name);

struct pool;
/* A connection that is lent. */
struct lease;

/*
 * Make a pool; min connections are opened behind the scenes, failures of that are seen when a
 * connection is wanted. The settings are borrowed and must outlive it. Fails
 * with BAD_ARGUMENT (a profile that makes no sense), OUT_OF_MEMORY.
 */
iso_status pool_open(const struct settings *settings, const struct pool_profile *profile,
                     const struct os *os, struct pool **pool, struct iso_error *err);

/*
 * Take a connection by deadline_us (0: the profile's acquire_us from now). It is usable and outside
 * any transaction. Fails with BUSY (all are lent), the error of the fault that kept it from being
 * opened, BAD_ARGUMENT (the pool is being closed).
 */
iso_status pool_acquire(struct pool *pool, int64_t deadline_us, struct lease **lease,
                        struct iso_error *err);
struct pg *lease_pg(const struct lease *lease);
/* Give it back: an open transaction is rolled back, what is of no use any more is replaced. */
void pool_release(struct lease **lease);

/*
 * Lend nothing any more and wait for what is lent. Fails with BUSY where some is still out at
 * deadline_us; the pool stays closed for new takers then.
 */
iso_status pool_drain(struct pool *pool, int64_t deadline_us, struct iso_error *err);
/* Close it; what is still lent is closed when it is given back. */
void pool_close(struct pool **pool);

/* Counts since the pool was made, and how it is now. */
struct pool_stats {
    size_t in_use;
    size_t idle;
    size_t opening;
    size_t waiting;
    size_t max;
    uint64_t acquired;
    uint64_t timeouts;         /* takers that waited in vain */
    uint64_t connects;         /* attempts to open a connection */
    uint64_t connect_failures; /* of these */
    uint64_t cold_starts;      /* connections that had to wait for a server to wake */
    uint64_t checks;           /* questions asked before lending what lay idle */
    uint64_t check_failures;
    uint64_t closed_idle;
    uint64_t closed_old;
    uint64_t closed_broken;
    uint64_t rollbacks; /* transactions that were left open by who gave it back */
    uint64_t bytes_in;  /* of connections that are idle or closed (TCP_INFO) */
    uint64_t bytes_out;
    int64_t lent_us;              /* sum over all leases given back */
    int64_t open_us;              /* since the pool was made: utilisation = lent / (max * open) */
    uint64_t waits[POOL_BUCKETS]; /* acquires that took [2^(i-1), 2^i) us; 0: at once */
};
void pool_stats(struct pool *pool, struct pool_stats *stats);
const struct pool_profile *pool_profile_of(const struct pool *pool);

#endif
