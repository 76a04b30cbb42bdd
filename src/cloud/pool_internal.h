/* SPDX-License-Identifier: Apache-2.0 */
/* A pool's inside, shared by pool.c (lending) and pool_keep.c (opening, closing, upkeep). */
#ifndef CLOUD_POOL_INTERNAL_H
#define CLOUD_POOL_INTERNAL_H

#include "base/rng.h"
#include "cloud/pool.h"

#include <pthread.h>

/* A connection of the pool: idle or lent. */
struct lease {
    struct pool *pool;
    struct pg *pg;
    uint32_t fork_generation;
    int64_t expires_us;  /* its lifetime's end */
    int64_t released_us; /* since when it lies idle */
    int64_t lent_us;     /* since when it is lent */
};

/* Somebody in the queue. It lives on the waiting thread's stack. */
struct waiter {
    pthread_cond_t wake;
    struct lease *given; /* a connection */
    bool may_open;       /* or leave to open one */
    struct waiter *next;
};

struct pool {
    const struct settings *settings;
    struct pool_profile profile;
    const struct os *os;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t upkeep_wake;
    pthread_t upkeep;
    bool upkeep_runs;
    bool is_closing;
    uint32_t fork_generation;
    size_t users; /* the handle, the upkeep thread, and each lease: the last one frees */
    size_t total; /* lent, idle and being opened */
    size_t opening;
    struct lease *idle[POOL_CONNECTIONS_MAX]; /* the one used last on top */
    size_t idle_count;
    struct waiter *first;
    struct waiter *last;
    size_t waiting;
    int64_t opened_us;
    int64_t upkeep_us; /* until when upkeep sleeps */
    int64_t
        doubt_us; /* a connection was found broken then: those idle since before are looked at */
    int64_t refill_us; /* when upkeep may try to open connections again */
    struct rng jitter;
    struct pool_stats stats;
    pthread_cond_t drained;
};

static inline int64_t pool_now_us(const struct pool *pool)
{
    return pool->os->monotonic_us(pool->os->context);
}

/* Condition variables wait by the monotonic clock. */
void pool_cond_init(pthread_cond_t *condition);
/* Wait until deadline_us; false once it is over. */
bool pool_cond_wait(struct pool *pool, pthread_cond_t *condition, int64_t deadline_us);

/* With the lock held: the connection used last, NULL where none lies idle. */
static inline struct lease *pool_take_idle(struct pool *pool)
{
    return pool->idle_count > 0 ? pool->idle[--pool->idle_count] : NULL;
}

/* With the lock held, which is given up meanwhile: close all that lie idle. */
void pool_close_idle(struct pool *pool);

/* With the lock held: let those in the queue that can go on do so. */
void pool_serve(struct pool *pool);

/*
 * Without the lock, holding a place in total and opening: open a connection, with pauses between
 * attempts. Gives the place back where it fails.
 */
iso_status pool_make(struct pool *pool, int64_t deadline_us, struct lease **lease,
                     struct iso_error *err);
/* Without the lock: close a connection whose place in total is given up already. */
void pool_discard(struct pool *pool, struct lease **lease);

/* The thread that keeps min connections open and closes what is idle or old. */
void *pool_upkeep(void *context);
/* With the lock held: give up one use; the last frees the pool. Unlocks. */
void pool_leave(struct pool *pool);

#endif
