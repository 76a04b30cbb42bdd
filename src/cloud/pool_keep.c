/* SPDX-License-Identifier: Apache-2.0 */
/* Opening connections, closing them, and the thread that does both when nobody asks. */
#include "cloud/pool_internal.h"

#include <time.h>

enum {
    PAUSE_FIRST_US = 200000,
    PAUSE_MAX_US = 4000000,
    REFILL_PAUSE_US = 10000000, /* between attempts to have min connections open */
    UPKEEP_MAX_US = 60000000,
    COLD_START_US = 250000, /* a warm server is ready faster than this after sign-in */
};

void pool_cond_init(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

bool pool_cond_wait(struct pool *pool, pthread_cond_t *condition, int64_t deadline_us)
{
    struct timespec until = {.tv_sec = deadline_us / 1000000,
                             .tv_nsec = deadline_us % 1000000 * 1000};
    return pthread_cond_timedwait(condition, &pool->lock, &until) == 0;
}

void pool_leave(struct pool *pool)
{
    bool last = --pool->users == 0;
    (void)pthread_mutex_unlock(&pool->lock);
    if (last) {
        (void)pthread_cond_destroy(&pool->upkeep_wake);
        (void)pthread_cond_destroy(&pool->drained);
        (void)pthread_mutex_destroy(&pool->lock);
        free(pool);
    }
}

/* --- opening -----------------------------------------------------------------------------------*/

/* Half to one and a half of what it would be without jitter. */
static int64_t with_jitter(struct pool *pool, int64_t time_us, double share)
{
    (void)pthread_mutex_lock(&pool->lock);
    double unit = rng_unit(&pool->jitter);
    (void)pthread_mutex_unlock(&pool->lock);
    return time_us + (int64_t)((double)time_us * share * (2 * unit - 1));
}

static void note_attempt(struct pool *pool, const struct pg *pg, bool woke)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->stats.connects++;
    pool->stats.connect_failures += pg == NULL;
    pool->stats.cold_starts += pg != NULL && (woke || pg_facts(pg).wake_us > COLD_START_US);
    (void)pthread_mutex_unlock(&pool->lock);
}

static bool is_closing(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool closing = pool->is_closing;
    (void)pthread_mutex_unlock(&pool->lock);
    return closing;
}

static void pause_us(int64_t time_us)
{
    struct timespec left = {.tv_sec = time_us / 1000000, .tv_nsec = time_us % 1000000 * 1000};
    (void)nanosleep(&left, NULL);
}

/* Attempts, until one succeeds, trying again cannot help, or time or attempts are used up. */
static iso_status open_patiently(struct pool *pool, int64_t deadline_us, struct pg **pg,
                                 struct iso_error *err)
{
    int64_t pause = PAUSE_FIRST_US;
    bool woke = false;
    for (int attempt = 1;; attempt++) {
        enum fault fault = FAULT_NONE;
        int64_t limit_us = pool_now_us(pool) + pool->profile.connect_us;
        iso_status status =
            pg_open(pool->settings, pool->os, limit_us < deadline_us ? limit_us : deadline_us,
                    pool->profile.command_us, pg, &fault, err);
        note_attempt(pool, *pg, woke);
        woke = woke || fault == FAULT_STARTING;
        int64_t sleep_us = with_jitter(pool, pause, 0.5);
        if (!iso_failed(status) || !fault_retryable(fault) || attempt >= pool->profile.attempts ||
            pool_now_us(pool) + sleep_us >= deadline_us || is_closing(pool)) {
            return status;
        }
        pause_us(sleep_us);
        pause = pause * 2 < PAUSE_MAX_US ? pause * 2 : PAUSE_MAX_US;
    }
}

/* The place in total goes to another where no connection came of it. */
static void end_opening(struct pool *pool, bool opened)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->opening--;
    pool->total -= !opened;
    pool_serve(pool);
    (void)pthread_mutex_unlock(&pool->lock);
}

iso_status pool_make(struct pool *pool, int64_t deadline_us, struct lease **lease,
                     struct iso_error *err)
{
    struct pg *pg = NULL;
    struct lease *made = calloc(1, sizeof *made);
    if (made == NULL) {
        end_opening(pool, false);
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a connection");
    }
    iso_status status = open_patiently(pool, deadline_us, &pg, err);
    end_opening(pool, !iso_failed(status));
    if (iso_failed(status)) {
        free(made);
        return status;
    }
    int64_t now_us = pool_now_us(pool);
    made->pool = pool;
    made->pg = pg;
    made->fork_generation = pool->fork_generation;
    made->expires_us = now_us + with_jitter(pool, pool->profile.lifetime_us, 0.1);
    made->released_us = now_us;
    *lease = made;
    return ISO_OK;
}

void pool_discard(struct pool *pool, struct lease **lease)
{
    struct pg_traffic traffic = pg_traffic((*lease)->pg);
    (void)pthread_mutex_lock(&pool->lock);
    pool->stats.bytes_in += traffic.bytes_in;
    pool->stats.bytes_out += traffic.bytes_out;
    (void)pthread_mutex_unlock(&pool->lock);
    pg_close(&(*lease)->pg);
    free(*lease);
    *lease = NULL;
}

void pool_close_idle(struct pool *pool)
{
    struct lease *lease = pool_take_idle(pool);
    while (lease != NULL) {
        pool->total--;
        (void)pthread_mutex_unlock(&pool->lock);
        pool_discard(pool, &lease);
        (void)pthread_mutex_lock(&pool->lock);
        lease = pool_take_idle(pool);
    }
}

/* --- upkeep ------------------------------------------------------------------------------------*/

/* Whether the connection that lay idle for longest is to be closed, and what that is called. */
static uint64_t *reason_to_close(struct pool *pool, const struct lease *lease, int64_t now_us)
{
    if (now_us >= lease->expires_us) {
        return &pool->stats.closed_old;
    }
    bool is_spare = pool->total > pool->profile.min;
    return is_spare && now_us - lease->released_us >= pool->profile.idle_us
               ? &pool->stats.closed_idle
               : NULL;
}

/* Take one that is due out of the idle ones; NULL where none is. */
static struct lease *take_due(struct pool *pool, int64_t now_us)
{
    for (size_t i = 0; i < pool->idle_count; i++) {
        struct lease *lease = pool->idle[i];
        uint64_t *reason = reason_to_close(pool, lease, now_us);
        if (reason != NULL) {
            (*reason)++;
            pool->idle_count--;
            pool->total--;
            for (size_t j = i; j < pool->idle_count; j++) {
                pool->idle[j] = pool->idle[j + 1];
            }
            return lease;
        }
    }
    return NULL;
}

/* When upkeep has something to do next, as far as can be told now. */
static int64_t next_due(const struct pool *pool, int64_t now_us)
{
    int64_t due_us = now_us + UPKEEP_MAX_US;
    for (size_t i = 0; i < pool->idle_count; i++) {
        const struct lease *lease = pool->idle[i];
        int64_t idle_us =
            pool->total > pool->profile.min ? lease->released_us + pool->profile.idle_us : due_us;
        due_us = lease->expires_us < due_us ? lease->expires_us : due_us;
        due_us = idle_us < due_us ? idle_us : due_us;
    }
    if (pool->total < pool->profile.min && pool->refill_us < due_us) {
        due_us = pool->refill_us;
    }
    return due_us;
}

/* Open one connection towards min. Called with the lock held, gives it up meanwhile. */
static void refill(struct pool *pool)
{
    struct iso_error err = {0};
    struct lease *lease = NULL;
    pool->total++;
    pool->opening++;
    (void)pthread_mutex_unlock(&pool->lock);
    iso_status status = pool_make(pool, pool_now_us(pool) + pool->profile.connect_us, &lease, &err);
    (void)pthread_mutex_lock(&pool->lock);
    if (iso_failed(status)) { /* whoever wants a connection learns why */
        pool->refill_us = pool_now_us(pool) + REFILL_PAUSE_US;
        return;
    }
    pool->idle[pool->idle_count++] = lease;
    pool_serve(pool);
}

void *pool_upkeep(void *context)
{
    struct pool *pool = context;
    (void)pthread_mutex_lock(&pool->lock);
    while (!pool->is_closing) {
        int64_t now_us = pool_now_us(pool);
        struct lease *due = take_due(pool, now_us);
        if (due != NULL) {
            (void)pthread_mutex_unlock(&pool->lock);
            pool_discard(pool, &due);
            (void)pthread_mutex_lock(&pool->lock);
        } else if (pool->total < pool->profile.min && now_us >= pool->refill_us &&
                   pool->opening < pool->profile.opening_max) {
            refill(pool);
        } else {
            pool->upkeep_us = next_due(pool, now_us);
            (void)pool_cond_wait(pool, &pool->upkeep_wake, pool->upkeep_us);
        }
    }
    pool_close_idle(pool); /* what was opened while the pool was being closed */
    pool_leave(pool);
    return NULL;
}
