/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to PostgreSQL. Nothing here waits past its deadline: sockets are non-blocking,
 * time is ours (a stopped server looks healthy to TCP), and what is late is cut off, not asked to
 * stop, since asking can hang as well.
 *
 * A call ends in one of three ways, which its status tells:
 *   ok       it was done and the server said so
 *   failed   it was not done (any code but CLOUD_UNKNOWN)
 *   unknown  CLOUD_UNKNOWN: it was sent, and no answer came. Sending it again must be harmless.
 *
 * A connection serves one thread at a time, in the process that opened it.
 */
#ifndef CLOUD_PG_H
#define CLOUD_PG_H

#include "base/os.h"
#include "cloud/fault.h"
#include "cloud/pg_value.h"
#include "cloud/settings.h"

struct pg;

enum pg_outcome { PG_DONE, PG_FAILED, PG_UNKNOWN };
enum pg_outcome pg_outcome_of(iso_status status);

/*
 * Open a connection, set up: UTC and application_name looked at and in force, time limit of the
 * server set where sessions are ours. All of it by deadline_us. Fails with the error of its fault
 * (FAULT_TABLE); *fault says which where fault is not NULL.
 */
iso_status pg_open(const struct settings *settings, const struct os *os, int64_t deadline_us,
                   int64_t command_us, struct pg **pg, enum fault *fault, struct iso_error *err);
/* Close at once, without waiting for anybody. */
void pg_close(struct pg **pg);

/* What a query does, which decides what a lost connection means and whether it may be repeated. */
enum pg_effect {
    PG_READS,   /* nothing: it may share a transaction with other reads, and be sent again */
    PG_WRITES,  /* something */
    PG_BEGINS,  /* opens a transaction that later queries belong to */
    PG_COMMITS, /* makes earlier statements' work last */
};

struct pg_query {
    const char *sql;          /* one statement; lives until the call is done */
    struct pg_params *params; /* NULL: none */
    enum pg_effect effect;
    bool once;  /* not worth preparing */
    bool alone; /* a read that shares no transaction with its neighbours in a batch */
};

/* One query of a batch and how it ended. result is the caller's then. */
struct pg_item {
    const struct pg_query *query;
    struct pg_result *result;
    iso_status status;
    enum fault fault;
    char sqlstate[6]; /* "" where none came */
    struct iso_error err;
    bool skipped; /* not run, for an earlier query of its transaction failed */
};

enum { PG_BATCH_MAX = 256 };

/*
 * Send up to PG_BATCH_MAX queries at once and take their answers (pipeline mode). Reads beside each
 * other share a transaction, each other query is one of its own; inside an open transaction all
 * belong to that, and what follows a failure is skipped. Each item tells how it ended. The status
 * is a failure only where the connection is of no use any more.
 */
iso_status pg_batch(struct pg *pg, struct pg_item *const *items, size_t count, int64_t deadline_us,
                    struct iso_error *err);

/*
 * True where an item failed only because the server's prepared statement is gone or its plan no
 * longer fits a changed table. Nothing was done; asked again with once set, it works.
 */
bool pg_item_is_stale(const struct pg_item *item);

/* One query, with the connection's time limit. *result is the caller's; NULL drops it. */
iso_status pg_query(struct pg *pg, const struct pg_query *query, struct pg_result **result,
                    struct iso_error *err);

/*
 * Statements parted by ";" without parameters or results, as a migration has them: one transaction
 * unless they say otherwise. Not for poolers where they SET.
 */
iso_status pg_script(struct pg *pg, const char *sql, int64_t deadline_us, struct iso_error *err);

/* False once the connection was lost, timed out, or belongs to the process this one was forked
 * from. */
bool pg_is_usable(const struct pg *pg);
/* True where nothing has come unasked for: no farewell of the server, no end of the stream. */
bool pg_is_quiet(const struct pg *pg);
/* True where it works but should be replaced: a prepared statement of it no longer fits. */
bool pg_is_worn(const struct pg *pg);
/* True inside BEGIN ... COMMIT, failed or not. */
bool pg_in_transaction(const struct pg *pg);
/* True inside a transaction in which something failed: it can only be rolled back. */
bool pg_transaction_failed(const struct pg *pg);
/* The fault and SQLSTATE ("" where none came) of the last failure. */
enum fault pg_fault(const struct pg *pg);
const char *pg_sqlstate(const struct pg *pg);
/* The deadline of a command that begins now. */
int64_t pg_deadline(const struct pg *pg);

/* What is known of a connection. */
struct pg_facts {
    int server_version; /* 150020 */
    bool is_pooled;     /* a transaction pooler is between: sessions are not ours */
    bool is_proxied;    /* the server's process number is not the one we were told */
    bool prepares;      /* prepared statements work */
    bool is_standby;
    const char *tls;         /* "TLSv1.3", "" without */
    const char *host;        /* as asked for */
    const char *time_zone;   /* what the server says that is in force */
    const char *application; /* the same */
    int64_t connect_us;      /* from first packet to set up */
    int64_t wake_us;         /* of that, from authenticated to ready: a sleeping server's waking */
};
struct pg_facts pg_facts(const struct pg *pg);

/* Bytes over the network since opening, as the kernel counts them (TCP_INFO); 0 for local sockets.
 */
struct pg_traffic {
    uint64_t bytes_in;
    uint64_t bytes_out;
};
struct pg_traffic pg_traffic(const struct pg *pg);

/* A number that is another in the child of each fork. */
uint32_t pg_fork_generation(void);

#endif
