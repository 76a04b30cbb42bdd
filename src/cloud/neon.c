/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/neon_internal.h"

#include "market/time.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define PRESET_URL "https://console.neon.tech/api/v2"

enum { PATH_BYTES = 1024, PAGES_MAX = 1000, POLL_US = 1000000 };

/* --- opening -----------------------------------------------------------------------------------*/

/* Ids go into paths, so they are what Neon's are: letters, digits and dashes. */
static bool is_id(const char *text)
{
    size_t length = strlen(text);
    return length > 0 && length < NEON_ID_BYTES &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

static iso_status check_id(const char *id, const char *what, struct iso_error *err)
{
    if (!is_id(id)) {
        ISO_FAIL(BAD_ARGUMENT, err, "\"%.60s\" is no id of a Neon %s", id, what);
    }
    return ISO_OK;
}

static void start_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static iso_status set_headers(struct neon *neon, const char *key, struct iso_error *err)
{
    static const char *const fixed[] = {"Accept: application/json",
                                        "Content-Type: application/json"};
    char line[512];
    int length = snprintf(line, sizeof line, "Authorization: Bearer %s", key);
    if (length < 0 || (size_t)length >= sizeof line || strpbrk(key, "\r\n") != NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "Neon's API key is too long, or has a line break in it");
    }
    neon->headers = curl_slist_append(NULL, line);
    explicit_bzero(line, sizeof line);
    for (size_t i = 0; i < 2 && neon->headers != NULL; i++) {
        struct curl_slist *longer = curl_slist_append(neon->headers, fixed[i]);
        neon->headers = longer != NULL ? longer : neon->headers;
    }
    if (neon->headers == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a request");
    }
    return ISO_OK;
}

iso_status neon_open(const struct neon_config *config, const struct os *os, struct neon **neon,
                     struct iso_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    ISO_DEFER(neon_close) struct neon *made = NULL;
    if (config->key == NULL || config->project == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "Neon's API needs a key and a project: set ISOBAR_NEON_API_KEY (or "
                 "neon_api_key_file) and ISOBAR_NEON_PROJECT");
    }
    ISO_TRY(check_id(config->project, "project", err));
    (void)pthread_once(&once, start_curl);
    ISO_NEW(made, 1, err);
    uint64_t seed;
    os_entropy(&seed, sizeof seed);
    made->jitter = rng_stream(seed, 0, 0, RNG_JITTER);
    made->os = os;
    made->request_us = config->request_us > 0 ? config->request_us : 30000000;
    made->total_us = config->total_us > 0 ? config->total_us : 300000000;
    made->curl = curl_easy_init();
    made->url = strdup(config->url != NULL ? config->url : PRESET_URL);
    made->project = strdup(config->project);
    if (made->curl == NULL || made->url == NULL || made->project == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for Neon's API");
    }
    ISO_TRY(secrets_add(&made->secrets, config->key, err));
    ISO_TRY(set_headers(made, config->key, err));
    *neon = made;
    made = NULL;
    return ISO_OK;
}

void neon_close(struct neon **neon)
{
    if (*neon == NULL) {
        return;
    }
    for (struct curl_slist *at = (*neon)->headers; at != NULL; at = at->next) {
        explicit_bzero(at->data, strlen(at->data));
    }
    curl_slist_free_all((*neon)->headers);
    curl_easy_cleanup((*neon)->curl);
    free((*neon)->url);
    free((*neon)->project);
    secrets_reset(&(*neon)->secrets);
    free(*neon);
    *neon = NULL;
}

/* --- operations --------------------------------------------------------------------------------*/

static int64_t deadline_of(const struct neon *neon)
{
    return neon_now_us(neon) + neon->total_us;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static bool is_one_of(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* *ended: it is finished. Fails where it failed. */
static iso_status judge_operation(const json_t *operation, bool *ended, struct iso_error *err)
{
    static const char *const good[] = {"finished", "skipped"};
    static const char *const bad[] = {"failed", "error", "cancelled", "cancelling"};
    const char *status = text_of(operation, "status");
    *ended = is_one_of(status, good, 2);
    if (is_one_of(status, bad, 4)) {
        ISO_FAIL(CLOUD_REFUSED, err, "Neon: the operation %.40s ended as %s: %.200s",
                 text_of(operation, "action"), status, text_of(operation, "error"));
    }
    return ISO_OK;
}

static iso_status await_operation(struct neon *neon, const char *id, int64_t deadline_us,
                                  struct iso_error *err)
{
    char path[PATH_BYTES];
    bool ended = false;
    ISO_TRY(check_id(id, "operation", err));
    (void)snprintf(path, sizeof path, "/projects/%s/operations/%s", neon->project, id);
    struct neon_request request = {.method = "GET", .path = path};
    while (!ended) {
        ISO_DEFER(json_defer_free) json_t *answer = NULL;
        ISO_TRY(neon_send(neon, &request, deadline_us, &answer, err));
        ISO_TRY(judge_operation(json_object_get(answer, "operation"), &ended, err));
        if (!ended && neon_now_us(neon) + POLL_US >= deadline_us) {
            ISO_FAIL(CLOUD_UNKNOWN, err,
                     "Neon: the operation %.60s was accepted and has not ended in time; it goes "
                     "on by itself",
                     id);
        }
        neon_sleep(ended ? 0 : POLL_US);
    }
    return ISO_OK;
}

/* A change is done when all of its operations are. *answer may be NULL: not wanted. */
static iso_status change(struct neon *neon, const struct neon_request *request, json_t **answer,
                         struct iso_error *err)
{
    ISO_DEFER(json_defer_free) json_t *got = NULL;
    int64_t deadline_us = deadline_of(neon);
    ISO_TRY(neon_send(neon, request, deadline_us, &got, err));
    const json_t *operations = json_object_get(got, "operations");
    for (size_t i = 0; i < json_array_size(operations); i++) {
        const json_t *operation = json_array_get(operations, i);
        bool ended = false;
        ISO_TRY(judge_operation(operation, &ended, err));
        if (!ended) {
            ISO_TRY(await_operation(neon, text_of(operation, "id"), deadline_us, err));
        }
    }
    if (answer != NULL) {
        *answer = got;
        got = NULL;
    }
    return ISO_OK;
}

static iso_status no_member(const char *what, struct iso_error *err)
{
    ISO_FAIL(BAD_FORMAT, err, "Neon's answer has no %s; is there a newer isobar?", what);
}

/* The array of that name, of at most NEON_LIST_MAX; *answer is the caller's and holds it. */
static iso_status get_list(struct neon *neon, const char *path, const char *name, json_t **answer,
                           const json_t **list, struct iso_error *err)
{
    struct neon_request request = {.method = "GET", .path = path};
    ISO_TRY(neon_send(neon, &request, deadline_of(neon), answer, err));
    *list = json_object_get(*answer, name);
    if (!json_is_array(*list)) {
        return no_member(name, err);
    }
    if (json_array_size(*list) > NEON_LIST_MAX) {
        ISO_FAIL(LIMIT, err, "Neon lists more than %d %s", NEON_LIST_MAX, name);
    }
    return ISO_OK;
}

static void take_text(const json_t *object, const char *key, char *target, size_t bytes)
{
    (void)snprintf(target, bytes, "%s", text_of(object, key));
}

/* --- endpoints ---------------------------------------------------------------------------------*/

static void take_endpoint(const json_t *from, struct neon_endpoint *endpoint)
{
    take_text(from, "id", endpoint->id, sizeof endpoint->id);
    take_text(from, "host", endpoint->host, sizeof endpoint->host);
    take_text(from, "branch_id", endpoint->branch_id, sizeof endpoint->branch_id);
    take_text(from, "current_state", endpoint->state, sizeof endpoint->state);
    endpoint->min_cu = json_number_value(json_object_get(from, "autoscaling_limit_min_cu"));
    endpoint->max_cu = json_number_value(json_object_get(from, "autoscaling_limit_max_cu"));
    endpoint->suspend_seconds =
        json_integer_value(json_object_get(from, "suspend_timeout_seconds"));
    endpoint->disabled = json_is_true(json_object_get(from, "disabled"));
}

iso_status neon_endpoints(struct neon *neon, struct neon_endpoint **endpoints, size_t *count,
                          struct iso_error *err)
{
    ISO_DEFER(json_defer_free) json_t *answer = NULL;
    const json_t *list = NULL;
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "/projects/%s/endpoints", neon->project);
    ISO_TRY(get_list(neon, path, "endpoints", &answer, &list, err));
    ISO_NEW(*endpoints, json_array_size(list), err);
    *count = json_array_size(list);
    for (size_t i = 0; i < *count; i++) {
        take_endpoint(json_array_get(list, i), &(*endpoints)[i]);
    }
    return ISO_OK;
}

iso_status neon_suspend(struct neon *neon, const char *endpoint_id, struct iso_error *err)
{
    char path[PATH_BYTES];
    ISO_TRY(check_id(endpoint_id, "endpoint", err));
    (void)snprintf(path, sizeof path, "/projects/%s/endpoints/%s/suspend", neon->project,
                   endpoint_id);
    struct neon_request request = {.method = "POST", .path = path};
    return change(neon, &request, NULL, err);
}

iso_status neon_limit(struct neon *neon, const char *endpoint_id, const struct neon_limits *limits,
                      struct iso_error *err)
{
    char path[PATH_BYTES];
    ISO_TRY(check_id(endpoint_id, "endpoint", err));
    (void)snprintf(path, sizeof path, "/projects/%s/endpoints/%s", neon->project, endpoint_id);
    ISO_DEFER(json_defer_free) json_t *body = json_pack("{s:{}}", "endpoint");
    json_t *wanted = json_object_get(body, "endpoint");
    int failed = wanted == NULL ? -1 : 0;
    if (limits->min_cu > 0) {
        failed |=
            json_object_set_new(wanted, "autoscaling_limit_min_cu", json_real(limits->min_cu));
    }
    if (limits->max_cu > 0) {
        failed |=
            json_object_set_new(wanted, "autoscaling_limit_max_cu", json_real(limits->max_cu));
    }
    if (limits->suspend_seconds != NULL) {
        failed |= json_object_set_new(wanted, "suspend_timeout_seconds",
                                      json_integer(*limits->suspend_seconds));
    }
    if (failed != 0) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a request");
    }
    struct neon_request request = {.method = "PATCH", .path = path, .body = body};
    return change(neon, &request, NULL, err);
}

/* --- branches ----------------------------------------------------------------------------------*/

static void take_branch(const json_t *from, struct neon_branch *branch)
{
    take_text(from, "id", branch->id, sizeof branch->id);
    take_text(from, "name", branch->name, sizeof branch->name);
    take_text(from, "parent_id", branch->parent_id, sizeof branch->parent_id);
    take_text(from, "current_state", branch->state, sizeof branch->state);
    branch->is_default = json_is_true(json_object_get(from, "default"));
    branch->logical_bytes = json_integer_value(json_object_get(from, "logical_size"));
}

iso_status neon_branches(struct neon *neon, struct neon_branch **branches, size_t *count,
                         struct iso_error *err)
{
    ISO_DEFER(json_defer_free) json_t *answer = NULL;
    const json_t *list = NULL;
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "/projects/%s/branches?limit=%d", neon->project,
                   NEON_LIST_MAX);
    ISO_TRY(get_list(neon, path, "branches", &answer, &list, err));
    ISO_NEW(*branches, json_array_size(list), err);
    *count = json_array_size(list);
    for (size_t i = 0; i < *count; i++) {
        take_branch(json_array_get(list, i), &(*branches)[i]);
    }
    return ISO_OK;
}

iso_status neon_branch_create(struct neon *neon, const char *name, int64_t at_us,
                              struct neon_branch *made, struct iso_error *err)
{
    char path[PATH_BYTES];
    char at[TIME_TEXT_BYTES];
    ISO_DEFER(json_defer_free) json_t *answer = NULL;
    (void)snprintf(path, sizeof path, "/projects/%s/branches", neon->project);
    (void)time_format(at_us, at);
    ISO_DEFER(json_defer_free)
    json_t *body = json_pack("{s:{s:s,s:s*},s:[{s:s}]}", "branch", "name", name, "parent_timestamp",
                             at_us != 0 ? at : NULL, "endpoints", "type", "read_write");
    if (body == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "the branch's name is no UTF-8, or memory is out");
    }
    struct neon_request request = {.method = "POST", .path = path, .body = body};
    ISO_TRY(change(neon, &request, &answer, err));
    const json_t *branch = json_object_get(answer, "branch");
    if (!json_is_object(branch)) {
        return no_member("branch", err);
    }
    take_branch(branch, made);
    return ISO_OK;
}

iso_status neon_branch_delete(struct neon *neon, const char *branch_id, struct iso_error *err)
{
    char path[PATH_BYTES];
    ISO_TRY(check_id(branch_id, "branch", err));
    (void)snprintf(path, sizeof path, "/projects/%s/branches/%s", neon->project, branch_id);
    struct neon_request request = {.method = "DELETE", .path = path};
    return change(neon, &request, NULL, err);
}

iso_status neon_restore(struct neon *neon, const char *branch_id, int64_t at_us,
                        const char *kept_as, struct iso_error *err)
{
    char path[PATH_BYTES];
    char at[TIME_TEXT_BYTES];
    ISO_TRY(check_id(branch_id, "branch", err));
    (void)time_format(at_us, at);
    (void)snprintf(path, sizeof path, "/projects/%s/branches/%s/restore", neon->project, branch_id);
    ISO_DEFER(json_defer_free)
    json_t *body = json_pack("{s:s,s:s,s:s}", "source_branch_id", branch_id, "source_timestamp", at,
                             "preserve_under_name", kept_as);
    if (body == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "the name to keep is no UTF-8, or memory is out");
    }
    struct neon_request request = {.method = "POST", .path = path, .body = body};
    return change(neon, &request, NULL, err);
}

/* Escaped for a query. Fails with OUT_OF_MEMORY. */
static iso_status escape(struct neon *neon, const char *text, char target[PATH_BYTES / 2],
                         struct iso_error *err)
{
    char *escaped = curl_easy_escape(neon->curl, text, 0);
    int length = escaped != NULL ? snprintf(target, PATH_BYTES / 2, "%s", escaped) : -1;
    curl_free(escaped);
    if (length < 0 || length >= PATH_BYTES / 2) {
        ISO_FAIL(LIMIT, err, "\"%.60s...\" is too long for a request, or memory is out", text);
    }
    return ISO_OK;
}

iso_status neon_snapshot(struct neon *neon, const char *branch_id, const char *name,
                         char id[NEON_ID_BYTES], struct iso_error *err)
{
    char path[PATH_BYTES];
    char escaped[PATH_BYTES / 2];
    ISO_DEFER(json_defer_free) json_t *answer = NULL;
    ISO_TRY(check_id(branch_id, "branch", err));
    ISO_TRY(escape(neon, name, escaped, err));
    (void)snprintf(path, sizeof path, "/projects/%s/branches/%s/snapshot?name=%s", neon->project,
                   branch_id, escaped);
    struct neon_request request = {.method = "POST", .path = path};
    ISO_TRY(change(neon, &request, &answer, err));
    take_text(json_object_get(answer, "snapshot"), "id", id, NEON_ID_BYTES);
    return id[0] != '\0' ? ISO_OK : no_member("snapshot", err);
}

/* --- consumption -------------------------------------------------------------------------------*/

static iso_status visit_metrics(const json_t *frame, neon_visit *visit, void *context,
                                struct iso_error *err)
{
    struct neon_usage usage = {0};
    const json_t *metrics = json_object_get(frame, "metrics");
    take_text(frame, "timeframe_start", usage.from, sizeof usage.from);
    take_text(frame, "timeframe_end", usage.to, sizeof usage.to);
    for (size_t i = 0; i < json_array_size(metrics); i++) {
        const json_t *metric = json_array_get(metrics, i);
        take_text(metric, "metric_name", usage.metric, sizeof usage.metric);
        usage.value = json_number_value(json_object_get(metric, "value"));
        ISO_TRY(visit(context, &usage, err));
    }
    return ISO_OK;
}

static iso_status visit_project(const json_t *project, neon_visit *visit, void *context,
                                struct iso_error *err)
{
    const json_t *periods = json_object_get(project, "periods");
    for (size_t i = 0; i < json_array_size(periods); i++) {
        const json_t *frames = json_object_get(json_array_get(periods, i), "consumption");
        for (size_t j = 0; j < json_array_size(frames); j++) {
            ISO_TRY(visit_metrics(json_array_get(frames, j), visit, context, err));
        }
    }
    return ISO_OK;
}

iso_status neon_consumption(struct neon *neon, const char *organisation, int64_t from_us,
                            int64_t to_us, neon_visit *visit, void *context, struct iso_error *err)
{
    char from[TIME_TEXT_BYTES];
    char to[TIME_TEXT_BYTES];
    char cursor[PATH_BYTES / 2] = "";
    int64_t deadline_us = deadline_of(neon);
    ISO_TRY(check_id(organisation, "organisation", err));
    (void)time_format(from_us, from);
    (void)time_format(to_us, to);
    for (int page = 0; page < PAGES_MAX; page++) {
        ISO_DEFER(json_defer_free) json_t *answer = NULL;
        char path[2 * PATH_BYTES];
        (void)snprintf(path, sizeof path,
                       "/consumption_history/v2/projects?org_id=%s&project_ids=%s&from=%s&to=%s"
                       "&granularity=daily&limit=100&metrics=compute_unit_seconds,"
                       "root_branch_bytes_month,child_branch_bytes_month,"
                       "instant_restore_bytes_month,public_network_transfer_bytes,"
                       "extra_branches_month,snapshot_storage_bytes_month%s%s",
                       organisation, neon->project, from, to, cursor[0] != '\0' ? "&cursor=" : "",
                       cursor);
        struct neon_request request = {.method = "GET", .path = path};
        ISO_TRY(neon_send(neon, &request, deadline_us, &answer, err));
        const json_t *projects = json_object_get(answer, "projects");
        for (size_t i = 0; i < json_array_size(projects); i++) {
            ISO_TRY(visit_project(json_array_get(projects, i), visit, context, err));
        }
        const char *next = text_of(json_object_get(answer, "pagination"), "cursor");
        if (next[0] == '\0' || json_array_size(projects) == 0) {
            return ISO_OK;
        }
        char before[sizeof cursor];
        memcpy(before, cursor, sizeof before);
        ISO_TRY(escape(neon, next, cursor, err));
        if (strcmp(before, cursor) == 0) {
            ISO_FAIL(BAD_FORMAT, err, "Neon's consumption comes with the same page again");
        }
    }
    ISO_FAIL(LIMIT, err, "Neon's consumption has more than %d pages", PAGES_MAX);
}
