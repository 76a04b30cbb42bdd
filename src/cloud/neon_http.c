/* SPDX-License-Identifier: Apache-2.0 */
/* One request to Neon's API: pacing, retries, and what an answer's code means. */
#include "cloud/neon_internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    ANSWER_BYTES_MAX = 16 << 20,
    PACE_US = 100000, /* Neon allows 700 requests a minute */
    PAUSE_FIRST_US = 250000,
    PAUSE_MAX_US = 10000000,
    ATTEMPTS_MAX = 8,
    HTTP_NO_CONTENT = 204,
};

int64_t neon_now_us(const struct neon *neon)
{
    return neon->os->monotonic_us(neon->os->context);
}

void neon_sleep(int64_t time_us)
{
    struct timespec left = {.tv_sec = time_us / 1000000, .tv_nsec = time_us % 1000000 * 1000};
    if (time_us > 0) {
        (void)nanosleep(&left, NULL);
    }
}

/* --- one exchange ------------------------------------------------------------------------------*/

struct exchange {
    struct text body;
    long code;        /* 0: no answer came */
    int64_t retry_us; /* what Retry-After asks for; 0: nothing */
    CURLcode failure;
};

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct text *body = context;
    if (body->length + size * count > ANSWER_BYTES_MAX) {
        return 0; /* ends the transfer */
    }
    text_append(body, bytes, size * count);
    return body->failed ? 0 : size * count;
}

/* With the limit of one request and of the whole call, whichever is nearer. */
static void set_request(struct neon *neon, const struct neon_request *request, const char *url,
                        const char *body, int64_t limit_us, struct text *answer)
{
    CURL *curl = neon->curl;
    curl_easy_reset(curl);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, neon->headers);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "isobar/" ISOBAR_VERSION);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(limit_us / 1000 + 1));
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    if (body != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    } else if (strcmp(request->method, "POST") == 0) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    }
}

static void exchange_run(struct neon *neon, const struct neon_request *request, const char *body,
                         int64_t deadline_us, struct exchange *exchange)
{
    ISO_DEFER(text_reset) struct text url = {0};
    text_addf(&url, "%s%s", neon->url, request->path);
    neon_sleep(neon->next_us - neon_now_us(neon));
    int64_t left_us = deadline_us - neon_now_us(neon);
    int64_t limit_us = left_us < neon->request_us ? left_us : neon->request_us;
    text_reset(&exchange->body);
    *exchange = (struct exchange){.failure = CURLE_OPERATION_TIMEDOUT};
    if (limit_us <= 0) {
        return;
    }
    set_request(neon, request, text_get(&url), body, limit_us, &exchange->body);
    exchange->failure = curl_easy_perform(neon->curl);
    neon->next_us = neon_now_us(neon) + PACE_US;
    if (exchange->failure == CURLE_OK) {
        curl_off_t retry_seconds = 0;
        (void)curl_easy_getinfo(neon->curl, CURLINFO_RESPONSE_CODE, &exchange->code);
        (void)curl_easy_getinfo(neon->curl, CURLINFO_RETRY_AFTER, &retry_seconds);
        exchange->retry_us = retry_seconds * 1000000;
    }
}

/* --- what it means -----------------------------------------------------------------------------*/

static bool is_read(const struct neon_request *request)
{
    return strcmp(request->method, "GET") == 0;
}

/* 423, 429 and 503 mean that nothing was done; a lost read can be sent again anyway. */
static bool may_repeat(const struct neon_request *request, const struct exchange *exchange)
{
    if (exchange->code == 423 || exchange->code == 429 || exchange->code == 503) {
        return true;
    }
    bool never_left = exchange->failure == CURLE_COULDNT_CONNECT ||
                      exchange->failure == CURLE_COULDNT_RESOLVE_HOST;
    return never_left || (is_read(request) && (exchange->code == 0 || exchange->code >= 500) &&
                          exchange->failure != CURLE_PEER_FAILED_VERIFICATION);
}

static iso_status fail_transfer(const struct neon *neon, const struct neon_request *request,
                                CURLcode failure, struct iso_error *err)
{
    const char *words = curl_easy_strerror(failure);
    bool never_left = failure == CURLE_COULDNT_CONNECT || failure == CURLE_COULDNT_RESOLVE_HOST;
    if (failure == CURLE_PEER_FAILED_VERIFICATION || failure == CURLE_SSL_CONNECT_ERROR) {
        ISO_FAIL(TLS, err, "%.120s: %s", neon->url, words);
    }
    if (!is_read(request) && !never_left) {
        ISO_FAIL(CLOUD_UNKNOWN, err,
                 "%s %.150s: %s; whether it was done is unknown: look, then ask again",
                 request->method, request->path, words);
    }
    ISO_FAIL(CLOUD_DOWN, err, "%.120s: %s; is the network up?", neon->url, words);
}

static enum iso_error_code error_of(long code)
{
    switch (code) {
    case 401:
    case 403:
        return ISO_ERROR_AUTHENTICATION;
    case 402:
        return ISO_ERROR_QUOTA;
    case 404:
        return ISO_ERROR_NOT_FOUND;
    case 423:
    case 429:
    case 503:
        return ISO_ERROR_CLOUD_DOWN;
    default:
        return code < 500 ? ISO_ERROR_BAD_ARGUMENT : ISO_ERROR_CLOUD_REFUSED;
    }
}

/* Neon says why in "message". */
static iso_status fail_code(const struct neon *neon, const struct neon_request *request,
                            const struct exchange *exchange, struct iso_error *err)
{
    char text[300];
    ISO_DEFER(json_defer_free)
    json_t *answer = json_loads(text_get(&exchange->body), 0, NULL);
    const char *message = json_string_value(json_object_get(answer, "message"));
    (void)snprintf(text, sizeof text, "%s", message != NULL ? message : "no reason was given");
    secrets_hide(&neon->secrets, text, sizeof text);
    return iso_never_ok(iso_fail(error_of(exchange->code), err, "Neon: %s %.120s: %ld, %s%s",
                                 request->method, request->path, exchange->code, text,
                                 exchange->code == 401 || exchange->code == 403
                                     ? "; check the API key and what it may do"
                                     : ""));
}

static iso_status judge(const struct neon *neon, const struct neon_request *request,
                        const struct exchange *exchange, json_t **answer, struct iso_error *err)
{
    if (exchange->code == 0) {
        return fail_transfer(neon, request, exchange->failure, err);
    }
    if (exchange->code >= 300) {
        return fail_code(neon, request, exchange, err);
    }
    *answer = NULL;
    if (exchange->code == HTTP_NO_CONTENT) {
        return ISO_OK;
    }
    *answer = json_loadb(text_get(&exchange->body), exchange->body.length, 0, NULL);
    if (!json_is_object(*answer)) {
        json_decref(*answer);
        *answer = NULL;
        ISO_FAIL(BAD_FORMAT, err, "%.120s does not answer as Neon's API does; check neon_api_url",
                 neon->url);
    }
    return ISO_OK;
}

static void exchange_reset(struct exchange *exchange)
{
    text_reset(&exchange->body);
}

static void body_defer_free(char **body)
{
    free(*body);
}

/* Full jitter, but never less than the server asks for. */
static int64_t pause_of(struct neon *neon, int attempt, int64_t retry_us)
{
    int64_t longest_us = PAUSE_FIRST_US;
    for (int i = 1; i < attempt && longest_us < PAUSE_MAX_US; i++) {
        longest_us *= 2;
    }
    int64_t pause_us = (int64_t)((double)longest_us * rng_unit(&neon->jitter));
    return pause_us > retry_us ? pause_us : retry_us;
}

iso_status neon_send(struct neon *neon, const struct neon_request *request, int64_t deadline_us,
                     json_t **answer, struct iso_error *err)
{
    ISO_DEFER(exchange_reset) struct exchange exchange = {0};
    ISO_DEFER(body_defer_free)
    char *body = request->body != NULL ? json_dumps(request->body, JSON_COMPACT) : NULL;
    for (int attempt = 1;; attempt++) {
        exchange_run(neon, request, body, deadline_us, &exchange);
        int64_t pause_us = pause_of(neon, attempt, exchange.retry_us);
        if (attempt == ATTEMPTS_MAX || !may_repeat(request, &exchange) ||
            neon_now_us(neon) + pause_us >= deadline_us) {
            return judge(neon, request, &exchange, answer, err);
        }
        neon_sleep(pause_us);
    }
}
