/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/pool_internal.h"

#include <stdio.h>
#include <string.h>

enum {
    ROLLBACK_US = 2000000,
    CHECK_US = 5000000, /* a server that is slower than this to say 1 is not worth waiting for */
    LOOK_US = 1000000,  /* after this much idleness the socket is looked at first */
};

#define SECONDS(n) ((n) * INT64_C(1000000))

static const struct pool_profile profiles[] = {
    {.name = "server",
     .min = 5,
     .max = 20,
     .opening_max = 4,
     .attempts = 5,
     .acquire_us = SECONDS(15),
     .connect_us = SECONDS(10),
     .command_us = SECONDS(30),
     .idle_us = SECONDS(600),
     .lifetime_us = SECONDS(3600),
     .check_us = SECONDS(30)},
    {.name = "serverless",
     .min = 0,
     .max = 20,
     .opening_max = 2,
     .attempts = 8,
     .acquire_us = SECONDS(45),
     .connect_us = SECONDS(20),
     .command_us = SECONDS(30),
     .idle_us = SECONDS(60),
     .lifetime_us = SECONDS(1800),
     .check_us = SECONDS(15)},
};

struct pool_profile pool_profile_for(const struct settings *settings)
{
    return *pool_profile_named(settings->is_neon ? "serverless" : "server");
}

const struct pool_profile *pool_profile_named(const char *name)
{
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        if (strcmp(profiles[i].name, name) == 0) {
            return &profiles[i];
        }
    }
    return NULL;
}

const struct pool_profile *pool_profile_of(const struct pool *pool)
{
    return &pool->profile;
}

/* --- making ------------------------------------------------------------------------------------*/

static iso_status check_profile(const struct pool_profile *profile, struct iso_error *err)
{
    if (profile->max == 0 || profile->max > POOL_CONNECTIONS_MAX || profile->min > profile->max ||
        profile->opening_max == 0 || profile->attempts < 1 || profile->acquire_us <= 0 ||
        profile->connect_us <= 0 || profile->command_us <= 0 || profile->idle_us <= 0 ||
        profile->lifetime_us <= 0) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "a pool of %zu to %zu connections (at most %d), or one of its times, makes no "
                 "sense",
                 profile->min, profile->max, POOL_CONNECTIONS_MAX);
    }
    return ISO_OK;
}

/* What belongs to one process: locks, the thread, and everything that is lent or waits. */
static void begin_process(struct pool *pool)
{
    (void)pthread_mutex_init(&pool->lock, NULL);
    pool_cond_init(&pool->upkeep_wake);
    pool_cond_init(&pool->drained);
    pool->fork_generation = pg_fork_generation();
    pool->upkeep_runs = false;
    pool->users = 1;
    pool->total = 0;
    pool->opening = 0;
    pool->first = NULL;
    pool->last = NULL;
    pool->waiting = 0;
    pool->opened_us = pool_now_us(pool);
    pool->upkeep_us = 0;
    pool->doubt_us = 0;
    pool->refill_us = 0;
    uint64_t seed;
    os_entropy(&seed, sizeof seed);
    pool->jitter = rng_stream(seed, 0, 0, RNG_JITTER);
    pool->stats = (struct pool_stats){.max = pool->profile.max};
}

/* With the lock held. Without the thread a pool still works; it only closes nothing by itself. */
static void start_upkeep(struct pool *pool)
{
    if (!pool->upkeep_runs && pthread_create(&pool->upkeep, NULL, pool_upkeep, pool) == 0) {
        (void)pthread_detach(pool->upkeep);
        pool->upkeep_runs = true;
        pool->users++;
    }
}

iso_status pool_open(const struct settings *settings, const struct pool_profile *profile,
                     const struct os *os, struct pool **pool, struct iso_error *err)
{
    ISO_TRY(check_profile(profile, err));
    struct pool *made;
    ISO_NEW(made, 1, err);
    made->settings = settings;
    made->profile = *profile;
    made->os = os;
    begin_process(made);
    (void)pthread_mutex_lock(&made->lock);
    start_upkeep(made);
    (void)pthread_mutex_unlock(&made->lock);
    *pool = made;
    return ISO_OK;
}

/*
 * In a child: what the parent had is let go. Only the forking thread exists here at first, and the
 * parent's lock may be held for ever by one that does not, so a lock of its own guards this.
 */
static void adopt(struct pool *pool)
{
    static pthread_mutex_t adoption = PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_mutex_lock(&adoption);
    if (pool->fork_generation != pg_fork_generation()) {
        size_t count = pool->idle_count;
        pool->idle_count = 0;
        for (size_t i = 0; i < count; i++) {
            pg_close(&pool->idle[i]->pg);
            free(pool->idle[i]);
        }
        begin_process(pool);
    }
    (void)pthread_mutex_unlock(&adoption);
}

static void lock_pool(struct pool *pool)
{
    if (pool->fork_generation != pg_fork_generation()) {
        adopt(pool);
    }
    (void)pthread_mutex_lock(&pool->lock);
}

/* --- the queue ---------------------------------------------------------------------------------*/

static void enqueue(struct pool *pool, struct waiter *waiter)
{
    pool_cond_init(&waiter->wake);
    if (pool->last != NULL) {
        pool->last->next = waiter;
    } else {
        pool->first = waiter;
    }
    pool->last = waiter;
    pool->waiting++;
}

static void dequeue(struct pool *pool, struct waiter *waiter)
{
    struct waiter **at = &pool->first;
    struct waiter *before = NULL;
    while (*at != NULL && *at != waiter) {
        before = *at;
        at = &(*at)->next;
    }
    if (*at == waiter) {
        *at = waiter->next;
        pool->last = pool->last == waiter ? before : pool->last;
        pool->waiting--;
    }
}

static bool may_open(const struct pool *pool)
{
    return pool->total < pool->profile.max && pool->opening < pool->profile.opening_max;
}

void pool_serve(struct pool *pool)
{
    while (pool->first != NULL && (pool->idle_count > 0 || may_open(pool))) {
        struct waiter *waiter = pool->first;
        dequeue(pool, waiter);
        waiter->given = pool_take_idle(pool);
        waiter->may_open = waiter->given == NULL;
        pool->total += waiter->may_open;
        pool->opening += waiter->may_open;
        (void)pthread_cond_signal(&waiter->wake);
    }
}

/* --- taking ------------------------------------------------------------------------------------*/

static iso_status fail_closing(struct iso_error *err)
{
    ISO_FAIL(BAD_ARGUMENT, err, "the pool of connections is being closed");
}

/* With the lock held: wait in the queue for a connection or for leave to open one. */
static iso_status wait_in_line(struct pool *pool, int64_t deadline_us, struct waiter *waiter,
                               struct iso_error *err)
{
    int64_t begin_us = pool_now_us(pool);
    bool in_time = true;
    enqueue(pool, waiter);
    while (waiter->given == NULL && !waiter->may_open && in_time && !pool->is_closing) {
        in_time =
            pool_cond_wait(pool, &waiter->wake, deadline_us) || pool_now_us(pool) < deadline_us;
    }
    dequeue(pool, waiter);
    (void)pthread_cond_destroy(&waiter->wake);
    if (waiter->given != NULL || waiter->may_open) {
        return ISO_OK;
    }
    if (pool->is_closing) {
        return fail_closing(err);
    }
    pool->stats.timeouts++;
    ISO_FAIL(BUSY, err,
             "no connection was free within %.1f s: all %zu of %zu are lent or being opened, %zu "
             "wait; hold them shorter, or raise cloud_pool_max",
             (double)(pool_now_us(pool) - begin_us) * 1e-6, pool->total, pool->profile.max,
             pool->waiting);
}

/* With the lock held: a connection that lies idle, or leave to open one, at once or by waiting. */
static iso_status take_turn(struct pool *pool, int64_t deadline_us, struct waiter *turn,
                            struct iso_error *err)
{
    if (pool->is_closing) {
        return fail_closing(err);
    }
    start_upkeep(pool);
    if (pool->first == NULL) {
        turn->given = pool_take_idle(pool);
        if (turn->given == NULL && may_open(pool)) {
            turn->may_open = true;
            pool->total++;
            pool->opening++;
        }
    }
    if (turn->given != NULL || turn->may_open) {
        return ISO_OK;
    }
    return wait_in_line(pool, deadline_us, turn, err);
}

static bool answers(struct pool *pool, struct pg *pg, int64_t deadline_us)
{
    struct iso_error err = {0};
    struct pg_query query = {.sql = "SELECT 1", .once = true};
    struct pg_item item = {.query = &query};
    struct pg_item *items[] = {&item};
    int64_t limit_us = pool_now_us(pool) + CHECK_US;
    iso_status status =
        pg_batch(pg, items, 1, limit_us < deadline_us ? limit_us : deadline_us, &err);
    result_free(&item.result);
    return !iso_failed(status) && !iso_failed(item.status);
}

/*
 * After idleness: the socket shows whether the other side has closed; after more, the server is
 * asked, for a dead network shows nothing.
 */
static bool is_alive(struct pool *pool, const struct lease *lease, int64_t deadline_us)
{
    int64_t idle_us = pool_now_us(pool) - lease->released_us;
    if (!pg_is_usable(lease->pg) || pool_now_us(pool) >= lease->expires_us) {
        return false;
    }
    bool is_quiet = pg_is_quiet(lease->pg);
    bool asks = is_quiet && idle_us >= pool->profile.check_us;
    bool alive = is_quiet && (!asks || answers(pool, lease->pg, deadline_us));
    lock_pool(pool);
    pool->stats.checks += asks;
    pool->stats.check_failures += !alive;
    (void)pthread_mutex_unlock(&pool->lock);
    return alive;
}

/* A connection of no use gives its place to whoever is next. */
static void give_up(struct pool *pool, struct lease **lease)
{
    lock_pool(pool);
    pool->total--;
    pool_serve(pool);
    (void)pthread_cond_signal(&pool->upkeep_wake);
    (void)pthread_mutex_unlock(&pool->lock);
    pool_discard(pool, lease);
}

static size_t bucket_of(int64_t waited_us)
{
    size_t bucket = 0;
    while (waited_us > 0 && bucket + 1 < POOL_BUCKETS) {
        waited_us >>= 1;
        bucket++;
    }
    return bucket;
}

static void note_lent(struct pool *pool, struct lease *lease, int64_t begin_us)
{
    lease->lent_us = pool_now_us(pool);
    (void)pthread_mutex_lock(&pool->lock);
    pool->users++;
    pool->stats.acquired++;
    pool->stats.waits[bucket_of(lease->lent_us - begin_us)]++;
    (void)pthread_mutex_unlock(&pool->lock);
}

/* The common case: one lies idle since a moment ago, and nobody waits. */
static struct lease *take_quickly(struct pool *pool)
{
    struct lease *lease = NULL;
    lock_pool(pool);
    if (pool->first == NULL && pool->idle_count > 0 && !pool->is_closing) {
        int64_t now_us = pool_now_us(pool);
        struct lease *top = pool->idle[pool->idle_count - 1];
        if (now_us - top->released_us < LOOK_US && top->released_us > pool->doubt_us &&
            now_us < top->expires_us && pg_is_usable(top->pg)) {
            lease = pool_take_idle(pool);
            lease->lent_us = now_us;
            pool->users++;
            pool->stats.acquired++;
            pool->stats.waits[0]++;
        }
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return lease;
}

iso_status pool_acquire(struct pool *pool, int64_t deadline_us, struct lease **lease,
                        struct iso_error *err)
{
    *lease = take_quickly(pool);
    if (*lease != NULL) {
        return ISO_OK;
    }
    int64_t begin_us = pool_now_us(pool);
    deadline_us = deadline_us != 0 ? deadline_us : begin_us + pool->profile.acquire_us;
    for (;;) {
        struct waiter turn = {0};
        lock_pool(pool);
        iso_status status = take_turn(pool, deadline_us, &turn, err);
        (void)pthread_mutex_unlock(&pool->lock);
        ISO_TRY(status);
        struct lease *taken = turn.given;
        if (turn.may_open) {
            ISO_TRY(pool_make(pool, deadline_us, &taken, err));
        } else if (!is_alive(pool, taken, deadline_us)) {
            give_up(pool, &taken);
            continue;
        }
        note_lent(pool, taken, begin_us);
        *lease = taken;
        return ISO_OK;
    }
}

struct pg *lease_pg(const struct lease *lease)
{
    return lease->pg;
}

/* --- giving back -------------------------------------------------------------------------------*/

/* Of the parent process: nothing here counts it. */
static bool is_foreign(const struct lease *lease)
{
    return lease->fork_generation != pg_fork_generation();
}

static void roll_back(struct pool *pool, struct lease *lease)
{
    struct iso_error err = {0};
    iso_status status = pg_script(lease->pg, "ROLLBACK", pool_now_us(pool) + ROLLBACK_US, &err);
    iso_ignore(status, "where it fails the connection is not usable, and so is replaced");
    (void)pthread_mutex_lock(&pool->lock);
    pool->stats.rollbacks++;
    (void)pthread_mutex_unlock(&pool->lock);
}

/* With the lock held: the counter of the reason to close it, NULL where it can be lent again. */
static uint64_t *reason_to_drop(struct pool *pool, const struct lease *lease, bool is_fit,
                                int64_t now_us)
{
    if (!is_fit) {
        pool->doubt_us = now_us;
        return &pool->stats.closed_broken;
    }
    return now_us >= lease->expires_us || pool->is_closing ? &pool->stats.closed_old : NULL;
}

/* With the lock held. */
static void put_back(struct pool *pool, struct lease *lease, int64_t now_us)
{
    lease->released_us = now_us;
    pool->idle[pool->idle_count++] = lease;
    if (now_us + pool->profile.idle_us < pool->upkeep_us) {
        pool->upkeep_us = now_us;
        (void)pthread_cond_signal(&pool->upkeep_wake);
    }
    if (pool->first != NULL) {
        pool_serve(pool);
    }
}

void pool_release(struct lease **lease)
{
    struct lease *back = *lease;
    if (back == NULL) {
        return;
    }
    *lease = NULL;
    struct pool *pool = back->pool;
    if (is_foreign(back)) {
        pg_close(&back->pg);
        free(back);
        return;
    }
    bool is_fit = pg_is_usable(back->pg);
    if (is_fit && pg_in_transaction(back->pg)) {
        roll_back(pool, back);
        is_fit = pg_is_usable(back->pg) && !pg_in_transaction(back->pg);
    }
    is_fit = is_fit && !pg_is_worn(back->pg);
    int64_t now_us = pool_now_us(pool);
    (void)pthread_mutex_lock(&pool->lock);
    pool->stats.lent_us += now_us - back->lent_us;
    uint64_t *reason = reason_to_drop(pool, back, is_fit, now_us);
    if (reason == NULL) {
        put_back(pool, back, now_us);
    } else {
        (*reason)++;
        (void)pthread_mutex_unlock(&pool->lock);
        give_up(pool, &back);
        (void)pthread_mutex_lock(&pool->lock);
    }
    if (pool->is_closing) {
        (void)pthread_cond_broadcast(&pool->drained);
    }
    pool_leave(pool);
}

/* --- closing -----------------------------------------------------------------------------------*/

/* With the lock held. */
static void begin_closing(struct pool *pool)
{
    pool->is_closing = true;
    (void)pthread_cond_broadcast(&pool->upkeep_wake);
    for (struct waiter *waiter = pool->first; waiter != NULL; waiter = waiter->next) {
        (void)pthread_cond_signal(&waiter->wake);
    }
}

iso_status pool_drain(struct pool *pool, int64_t deadline_us, struct iso_error *err)
{
    lock_pool(pool);
    begin_closing(pool);
    bool in_time = true;
    while (pool->total > pool->idle_count && in_time) {
        in_time =
            pool_cond_wait(pool, &pool->drained, deadline_us) || pool_now_us(pool) < deadline_us;
    }
    size_t out = pool->total - pool->idle_count;
    pool_close_idle(pool);
    (void)pthread_mutex_unlock(&pool->lock);
    if (out > 0) {
        ISO_FAIL(BUSY, err, "%zu connections are still lent; they are closed when given back", out);
    }
    return ISO_OK;
}

void pool_close(struct pool **pool)
{
    if (*pool == NULL) {
        return;
    }
    lock_pool(*pool);
    begin_closing(*pool);
    pool_close_idle(*pool);
    pool_leave(*pool);
    *pool = NULL;
}

/* --- counts ------------------------------------------------------------------------------------*/

void pool_stats(struct pool *pool, struct pool_stats *stats)
{
    lock_pool(pool);
    *stats = pool->stats;
    stats->idle = pool->idle_count;
    stats->opening = pool->opening;
    stats->in_use = pool->total - pool->idle_count - pool->opening;
    stats->waiting = pool->waiting;
    stats->open_us = pool_now_us(pool) - pool->opened_us;
    for (size_t i = 0; i < pool->idle_count; i++) {
        struct pg_traffic traffic = pg_traffic(pool->idle[i]->pg);
        stats->bytes_in += traffic.bytes_in;
        stats->bytes_out += traffic.bytes_out;
    }
    (void)pthread_mutex_unlock(&pool->lock);
}
