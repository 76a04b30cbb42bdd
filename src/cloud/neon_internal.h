/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to Neon's API, shared by neon.c and neon_http.c. */
#ifndef CLOUD_NEON_INTERNAL_H
#define CLOUD_NEON_INTERNAL_H

#include "base/rng.h"
#include "base/text.h"
#include "cloud/neon.h"
#include "cloud/secret.h"

#include <curl/curl.h>
#include <jansson.h>

struct neon {
    const struct os *os;
    CURL *curl;
    struct curl_slist *headers;
    char *url;
    char *project;
    int64_t request_us;
    int64_t total_us;
    int64_t next_us; /* when the next request may go out */
    struct rng jitter;
    struct secrets secrets;
};

struct neon_request {
    const char *method;
    const char *path; /* below the API's address, "/projects/..." with its query */
    json_t *body;     /* borrowed; NULL: none */
};

/* Send it, with retries. *answer is the caller's; NULL where the answer has no body (204). */
iso_status neon_send(struct neon *neon, const struct neon_request *request, int64_t deadline_us,
                     json_t **answer, struct iso_error *err);
int64_t neon_now_us(const struct neon *neon);
void neon_sleep(int64_t time_us);

static inline void json_defer_free(json_t **value)
{
    json_decref(*value);
}

#endif
