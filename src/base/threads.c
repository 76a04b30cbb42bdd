/* SPDX-License-Identifier: Apache-2.0 */
#include "base/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

struct crew {
    threads_work *work;
    void *context;
    size_t item_count;
    atomic_size_t next_item;
    atomic_bool stopped;
    pthread_mutex_t lock; /* over the three below */
    size_t failed_item;
    iso_status status;
    struct iso_error error;
};

struct worker {
    struct crew *crew;
    size_t index;
    pthread_t thread;
};

static void note_failure(struct crew *crew, size_t item, iso_status status,
                         const struct iso_error *error)
{
    (void)pthread_mutex_lock(&crew->lock);
    if (!iso_failed(crew->status) || item < crew->failed_item) {
        crew->failed_item = item;
        crew->status = status;
        crew->error = *error;
    }
    (void)pthread_mutex_unlock(&crew->lock);
    atomic_store(&crew->stopped, true);
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct crew *crew = worker->crew;
    while (!atomic_load(&crew->stopped)) {
        size_t item = atomic_fetch_add(&crew->next_item, 1);
        if (item >= crew->item_count) {
            break;
        }
        struct iso_error error = {0};
        iso_status status = crew->work(crew->context, item, worker->index, &error);
        if (iso_failed(status)) {
            note_failure(crew, item, status, &error);
        }
    }
    return NULL;
}

iso_status threads_run(size_t thread_count, size_t item_count, threads_work *work, void *context,
                       struct iso_error *err)
{
    ISO_ASSERT(thread_count > 0 && thread_count <= THREADS_MAX);
    struct crew crew = {.work = work,
                        .context = context,
                        .item_count = item_count,
                        .lock = PTHREAD_MUTEX_INITIALIZER};
    struct worker workers[THREADS_MAX];
    size_t wanted = thread_count < item_count ? thread_count : item_count;
    size_t started = 1;
    workers[0] = (struct worker){.crew = &crew};
    for (; started < wanted; started++) {
        workers[started] = (struct worker){.crew = &crew, .index = started};
        if (pthread_create(&workers[started].thread, NULL, worker_main, &workers[started]) != 0) {
            break; /* fewer threads do the same work */
        }
    }
    (void)worker_main(&workers[0]);
    for (size_t i = 1; i < started; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
    if (iso_failed(crew.status) && err != NULL) {
        *err = crew.error;
    }
    return crew.status;
}
