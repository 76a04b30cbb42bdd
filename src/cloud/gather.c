/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/gather.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

enum {
    SENDS_MAX = 7, /* how often one query goes out at most */
    WAIT_US = 1000,
    SENDS_AT_ONCE = 2,   /* of these, without a pause before */
    PAUSE_FIRST_MS = 10, /* doubled each time: 310 ms in all */
};

/* A query on its way; it lives on its thread's stack. */
struct request {
    struct pg_item item;
    struct pg_query query; /* a copy, which a rerun may change */
    sem_t ready;
    bool leads; /* has a lane, or was woken to take one over */
    bool done;
    int sends;
    struct lease *lane; /* handed over with the lead; NULL: take one */
    struct request *next;
};

struct gather {
    struct pool *pool;
    size_t lanes;
    pthread_mutex_t lock; /* over all below */
    size_t leaders;       /* threads that send for all, at most lanes */
    int64_t sent_us;      /* when the latest round went out */
    struct request *first;
    struct request *last;
    size_t queued;
    struct gather_stats stats;
};

iso_status gather_open(struct pool *pool, size_t lanes, struct gather **gather,
                       struct iso_error *err)
{
    if (lanes == 0 || lanes > GATHER_LANES_MAX || lanes > pool_profile_of(pool)->max) {
        ISO_FAIL(BAD_ARGUMENT, err, "%zu lanes: from 1 to %d, and no more than the pool has", lanes,
                 GATHER_LANES_MAX);
    }
    struct gather *made;
    ISO_NEW(made, 1, err);
    made->pool = pool;
    made->lanes = lanes;
    (void)pthread_mutex_init(&made->lock, NULL);
    *gather = made;
    return ISO_OK;
}

void gather_close(struct gather **gather)
{
    if (*gather != NULL) {
        ISO_ASSERT((*gather)->leaders == 0 && (*gather)->queued == 0);
        (void)pthread_mutex_destroy(&(*gather)->lock);
        free(*gather);
        *gather = NULL;
    }
}

static int64_t now_us(void)
{
    const struct os *os = os_system();
    return os->monotonic_us(os->context);
}

/* --- the queue, with the lock held -------------------------------------------------------------*/

static void push_last(struct gather *gather, struct request *request)
{
    request->next = NULL;
    if (gather->last != NULL) {
        gather->last->next = request;
    } else {
        gather->first = request;
    }
    gather->last = request;
    gather->queued++;
}

static void push_first(struct gather *gather, struct request *request)
{
    request->next = gather->first;
    gather->first = request;
    gather->last = gather->last != NULL ? gather->last : request;
    gather->queued++;
}

static struct request *pop_first(struct gather *gather)
{
    struct request *request = gather->first;
    if (request != NULL) {
        gather->first = request->next;
        gather->last = gather->first != NULL ? gather->last : NULL;
        gather->queued--;
    }
    return request;
}

/* --- one round ---------------------------------------------------------------------------------*/

struct round {
    struct request *request[PG_BATCH_MAX];
    struct pg_item *item[PG_BATCH_MAX];
    size_t count;
};

static void add_to_round(struct round *round, struct request *request)
{
    round->request[round->count] = request;
    round->item[round->count++] = &request->item;
    request->item = (struct pg_item){.query = &request->query};
    request->sends++;
}

/* With the lock held. The leader's own query is never in the queue, so no other lane takes it. */
static void take_round(struct gather *gather, struct request *own, struct round *round)
{
    round->count = 0;
    if (!own->done) {
        add_to_round(round, own);
    }
    while (round->count < PG_BATCH_MAX && gather->first != NULL) {
        add_to_round(round, pop_first(gather));
    }
    gather->sent_us = now_us();
    gather->stats.batches++;
    gather->stats.queries += round->count;
}

/* May it go out once more, and is there reason to? Decided after its answer, or the lack of one. */
static bool goes_again(struct gather *gather, struct request *request)
{
    struct pg_item *item = &request->item;
    if (!iso_failed(item->status) || request->sends >= SENDS_MAX) {
        return false;
    }
    bool lost = iso_status_code(item->status) == ISO_ERROR_CLOUD_DOWN &&
                fault_retryable(item->fault) && request->query.effect == PG_READS;
    bool stale = pg_item_is_stale(item);
    request->query.once = request->query.once || stale;
    request->query.alone = request->query.alone || item->skipped;
    gather->stats.resent += lost;
    gather->stats.rerun += !lost && (item->skipped || stale);
    return lost || item->skipped || stale;
}

/*
 * With the lock held: those whose fate is clear are done and stay in the round, to be woken after
 * the lock was given up; the others are at the queue's head again, in their order.
 */
static void sort_round(struct gather *gather, const struct request *own, struct round *round)
{
    size_t done = 0;
    for (size_t i = round->count; i-- > 0;) {
        struct request *request = round->request[i];
        request->done = !goes_again(gather, request);
        if (!request->done) {
            result_free(&request->item.result);
        }
        if (!request->done && request != own) {
            push_first(gather, request);
        }
    }
    for (size_t i = 0; i < round->count; i++) {
        if (round->request[i]->done && round->request[i] != own) {
            round->request[done++] = round->request[i];
        }
    }
    round->count = done;
}

/* Their threads go on at once, and their requests with them. */
static void wake_round(const struct round *round)
{
    for (size_t i = 0; i < round->count; i++) {
        (void)sem_post(&round->request[i]->ready);
    }
}

/* No connection could be had: that is what everybody in the round is told. */
static void fail_round(struct round *round, iso_status status, const struct iso_error *err)
{
    for (size_t i = 0; i < round->count; i++) {
        round->item[i]->status = status;
        round->item[i]->err = *err;
    }
}

static void run_round(struct gather *gather, struct round *round, struct lease **lane)
{
    struct iso_error err = {0};
    iso_status status = *lane != NULL ? ISO_OK : pool_acquire(gather->pool, 0, lane, &err);
    if (iso_failed(status)) {
        fail_round(round, status, &err);
        return;
    }
    struct pg *pg = lease_pg(*lane);
    status = pg_batch(pg, round->item, round->count, pg_deadline(pg), &err);
    if (iso_failed(status) || pg_is_worn(pg)) {
        pool_release(lane);
    }
}

/* --- leading -----------------------------------------------------------------------------------*/

/* With the lock held: whoever waits longest goes on with the lane; NULL where nobody waits. */
static struct request *hand_over(struct gather *gather, struct lease **lane)
{
    struct request *heir = pop_first(gather);
    if (heir != NULL) {
        heir->leads = true;
        heir->lane = *lane;
        *lane = NULL;
    }
    return heir;
}

/* The connection is back in the pool before the lane is free, so that lanes bound connections. */
static void resign(struct gather *gather, struct lease **lane)
{
    pool_release(lane);
    (void)pthread_mutex_lock(&gather->lock);
    struct request *heir = hand_over(gather, lane);
    gather->leaders -= heir == NULL;
    (void)pthread_mutex_unlock(&gather->lock);
    if (heir != NULL) {
        (void)sem_post(&heir->ready);
    }
}

/* A server that goes away takes its connections one by one: the next may be about to go as well. */
static void pause_before(int sends)
{
    if (sends > SENDS_AT_ONCE) {
        struct timespec left = {.tv_nsec = PAUSE_FIRST_MS * 1000000L
                                           << (sends - SENDS_AT_ONCE - 1)};
        (void)nanosleep(&left, NULL);
    }
}

/* Send what is queued, for all, until the own query is done; then let another thread do it. */
static void lead(struct gather *gather, struct request *own)
{
    struct round round;
    struct lease *lane = own->lane;
    struct request *heir = NULL;
    while (!own->done) {
        (void)pthread_mutex_lock(&gather->lock);
        take_round(gather, own, &round);
        (void)pthread_mutex_unlock(&gather->lock);
        pause_before(own->sends);
        run_round(gather, &round, &lane);
        (void)pthread_mutex_lock(&gather->lock);
        sort_round(gather, own, &round);
        heir = own->done ? hand_over(gather, &lane) : NULL;
        (void)pthread_mutex_unlock(&gather->lock);
        if (heir != NULL) {
            (void)sem_post(&heir->ready);
        }
        wake_round(&round);
    }
    if (heir == NULL) {
        resign(gather, &lane);
    }
}

/* --- asking ------------------------------------------------------------------------------------*/

/*
 * With the lock held. A round that is back in a moment is worth waiting for, since more travel
 * together then; one that takes longer, far from the server or behind a slow query, is not.
 */
static bool takes_a_lane(const struct gather *gather)
{
    return gather->leaders == 0 ||
           (gather->leaders < gather->lanes && now_us() - gather->sent_us > WAIT_US);
}

/* Take a free lane, or wait until somebody has the answer or gives up the lead. */
static void take_part(struct gather *gather, struct request *request)
{
    (void)pthread_mutex_lock(&gather->lock);
    request->leads = takes_a_lane(gather);
    if (request->leads) {
        gather->leaders++;
    } else {
        push_last(gather, request);
    }
    bool waits = !request->leads;
    (void)pthread_mutex_unlock(&gather->lock);
    while (waits && sem_wait(&request->ready) != 0) {
        ISO_ASSERT(errno == EINTR);
    }
    if (request->leads) {
        lead(gather, request);
    }
}

iso_status gather_query(struct gather *gather, const struct pg_query *query,
                        struct pg_result **result, struct iso_error *err)
{
    struct request request = {.query = *query};
    if (query->params != NULL) {
        ISO_TRY(params_check(query->params, err));
    }
    int failed = sem_init(&request.ready, 0, 0);
    ISO_ASSERT(failed == 0);
    take_part(gather, &request);
    (void)sem_destroy(&request.ready);
    if (iso_failed(request.item.status)) {
        *err = request.item.err;
        result_free(&request.item.result);
        return request.item.status;
    }
    if (result == NULL) {
        result_free(&request.item.result);
    } else {
        *result = request.item.result;
    }
    return ISO_OK;
}

struct gather_stats gather_stats(struct gather *gather)
{
    (void)pthread_mutex_lock(&gather->lock);
    struct gather_stats stats = gather->stats;
    (void)pthread_mutex_unlock(&gather->lock);
    return stats;
}
