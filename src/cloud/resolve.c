/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LOOKUPS_MAX = 32 };

static atomic_int lookups; /* threads that are in getaddrinfo now */

/* Shared by the caller and the thread; the last to leave frees it. */
struct lookup {
    pthread_mutex_t lock;
    pthread_cond_t finished;
    int users;
    bool done;
    int failure; /* of getaddrinfo */
    struct addresses addresses;
    char host[];
};

static void lookup_leave(struct lookup *lookup)
{
    (void)pthread_mutex_lock(&lookup->lock);
    bool last = --lookup->users == 0;
    (void)pthread_mutex_unlock(&lookup->lock);
    if (last) {
        (void)pthread_cond_destroy(&lookup->finished);
        (void)pthread_mutex_destroy(&lookup->lock);
        free(lookup);
    }
}

static void take_addresses(const struct addrinfo *found, struct addresses *addresses)
{
    for (; found != NULL && addresses->count < RESOLVE_ADDRESSES_MAX; found = found->ai_next) {
        char *target = addresses->text[addresses->count];
        if (getnameinfo(found->ai_addr, found->ai_addrlen, target, RESOLVE_ADDRESS_BYTES, NULL, 0,
                        NI_NUMERICHOST) == 0) {
            addresses->count++;
        }
    }
}

static void *look_up(void *context)
{
    struct lookup *lookup = context;
    struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    struct addresses addresses = {0};
    int failure = getaddrinfo(lookup->host, NULL, &wanted, &found);
    if (failure == 0) {
        take_addresses(found, &addresses);
        freeaddrinfo(found);
    }
    (void)pthread_mutex_lock(&lookup->lock);
    lookup->addresses = addresses;
    lookup->failure = failure;
    lookup->done = true;
    (void)pthread_cond_signal(&lookup->finished);
    (void)pthread_mutex_unlock(&lookup->lock);
    lookup_leave(lookup);
    (void)atomic_fetch_sub(&lookups, 1);
    return NULL;
}

static iso_status lookup_start(const char *host, struct lookup **started, struct iso_error *err)
{
    size_t bytes = strlen(host) + 1;
    struct lookup *lookup = calloc(1, sizeof *lookup + bytes);
    if (lookup == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory to look up a host");
    }
    memcpy(lookup->host, host, bytes);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&lookup->lock, NULL);
    (void)pthread_cond_init(&lookup->finished, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    lookup->users = 2;
    pthread_t thread;
    if (atomic_fetch_add(&lookups, 1) < LOOKUPS_MAX &&
        pthread_create(&thread, NULL, look_up, lookup) == 0) {
        (void)pthread_detach(thread);
        *started = lookup;
        return ISO_OK;
    }
    (void)atomic_fetch_sub(&lookups, 1);
    lookup->users = 1;
    lookup_leave(lookup);
    ISO_FAIL(LIMIT, err, "%.200s cannot be looked up: no thread, or %d look-ups hang already", host,
             LOOKUPS_MAX);
}

static bool await(struct lookup *lookup, const struct os *os, int64_t deadline_us)
{
    /* The condition waits by the system's clock, whatever clock os has. */
    const struct os *real = os_system();
    int64_t until_us =
        real->monotonic_us(real->context) + deadline_us - os->monotonic_us(os->context);
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    int failed = 0;
    (void)pthread_mutex_lock(&lookup->lock);
    while (!lookup->done && failed == 0) {
        failed = pthread_cond_timedwait(&lookup->finished, &lookup->lock, &until);
    }
    bool done = lookup->done;
    (void)pthread_mutex_unlock(&lookup->lock);
    return done;
}

iso_status resolve(const char *host, const struct os *os, int64_t deadline_us,
                   struct addresses *addresses, struct iso_error *err)
{
    struct lookup *lookup = NULL;
    ISO_TRY(lookup_start(host, &lookup, err));
    bool done = await(lookup, os, deadline_us);
    int failure = done ? lookup->failure : 0;
    *addresses = done ? lookup->addresses : (struct addresses){0};
    lookup_leave(lookup);
    if (!done) {
        ISO_FAIL(CLOUD_DOWN, err, "%.200s: the name was not found in time; is the resolver up?",
                 host);
    }
    if (failure != 0 || addresses->count == 0) {
        ISO_FAIL(CLOUD_DOWN, err, "%.200s: %s; check the host's name and the network", host,
                 failure != 0 ? gai_strerror(failure) : "no address");
    }
    return ISO_OK;
}
