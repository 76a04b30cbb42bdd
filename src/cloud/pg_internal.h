/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's inside, shared by pg.c, pg_open.c, pg_batch.c and pg_value.c. */
#ifndef CLOUD_PG_INTERNAL_H
#define CLOUD_PG_INTERNAL_H

#include "cloud/pg.h"

#include <libpq-fe.h>

enum {
    PREPARED_MAX = 128,
    PREPARED_SERIAL_MAX = 4096,
    STATEMENT_NAME_BYTES = 24,
    SQLSTATE_BYTES = 6
};

/* A statement that the server keeps for us, by the hash of its text. */
struct prepared {
    uint64_t hash;
    uint32_t serial; /* its name's */
};

struct pg {
    PGconn *handle;
    const struct os *os;
    struct secrets secrets;
    char host[SETTINGS_TEXT_BYTES];
    int64_t command_us;
    int64_t connect_us;
    int64_t wake_us;
    uint32_t fork_generation;
    bool is_broken;
    bool is_worn;
    bool is_neon;
    bool is_pooled;
    bool is_proxied;
    bool is_standby;
    bool prepares;
    enum fault fault;
    char sqlstate[SQLSTATE_BYTES];
    struct prepared prepared[PREPARED_MAX];
    size_t prepared_count;
    uint32_t prepared_serial; /* of the last one */
};

/* The caller's opaque result is libpq's: nothing is added to it, so nothing is wrapped. */
static inline const PGresult *result_handle(const struct pg_result *result)
{
    return (const PGresult *)result;
}

static inline struct pg_result *result_of(PGresult *handle)
{
    return (struct pg_result *)handle;
}

static inline int64_t pg_now_us(const struct pg *pg)
{
    return pg->os->monotonic_us(pg->os->context);
}

/*
 * The server's own limit is reached a little before ours: what it ends has failed for certain, and
 * the connection stays, while what we cut is unknown.
 */
static inline int64_t pg_server_limit_ms(const struct pg *pg)
{
    return pg->command_us / 1000 * 9 / 10;
}

/* Wait until the socket can be read, or written too. Fails with CLOUD_DOWN at the deadline. */
iso_status pg_await(struct pg *pg, bool also_write, int64_t deadline_us, struct iso_error *err);

/*
 * Note and name a failure. result is what the server said, or NULL: then it is the connection's own
 * message. No secret gets into err.
 */
iso_status pg_fail(struct pg *pg, const PGresult *result, bool while_connecting,
                   struct iso_error *err);

/* Cut the connection: it is of no use any more. */
void pg_break(struct pg *pg);

/* Fails with CLOUD_DOWN where the connection cannot be used. */
iso_status pg_check_usable(const struct pg *pg, struct iso_error *err);

#endif
