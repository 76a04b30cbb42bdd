/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that is done wholly or not at all. It is a function, so that it can be run again: what lost
 * against another transaction, or lost its connection before COMMIT was sent, is begun anew on a
 * connection that works.
 */
#ifndef CLOUD_TRANSACTION_H
#define CLOUD_TRANSACTION_H

#include "cloud/pool.h"

/*
 * Called inside the transaction; a failure undoes it. May be called several times: what it keeps in
 * context it begins anew each time. It must not COMMIT or ROLLBACK.
 */
typedef iso_status transaction_work(void *context, struct pg *pg, struct iso_error *err);

enum transaction_mode { TRANSACTION_DEFAULT, TRANSACTION_SNAPSHOT, TRANSACTION_SERIALIZABLE };

struct transaction_options {
    enum transaction_mode mode; /* read committed, repeatable read, serializable */
    bool read_only;
    /*
     * Doing it twice is the same as doing it once (its first statement inserts a marker ON CONFLICT
     * DO NOTHING, and it looks at whether that went in): so it is also run again where it is
     * unknown whether the first COMMIT took effect.
     */
    bool idempotent;
    int attempts;        /* at most; 0: 5 */
    int64_t deadline_us; /* no attempt begins after it; 0: twice the pool's acquire_us from now */
};

/*
 * Take a connection, run work in a transaction, commit. options may be NULL. Fails as pool_acquire
 * and work; CLOUD_UNKNOWN where the answer to COMMIT was lost and the work is not idempotent.
 */
iso_status transaction_run(struct pool *pool, const struct transaction_options *options,
                           transaction_work *work, void *context, struct iso_error *err);

/*
 * Part of a transaction that can fail alone: what work did is undone where it fails, and the
 * transaction goes on. Parts can be nested. Returns work's status; the transaction itself is of no
 * use any more where the connection was lost.
 */
iso_status transaction_part(struct pg *pg, transaction_work *work, void *context,
                            struct iso_error *err);

#endif
