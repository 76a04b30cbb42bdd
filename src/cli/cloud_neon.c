/* SPDX-License-Identifier: Apache-2.0 */
/* `isobar cloud` for Neon: what its management API shows and does. */
#include "cli/call_cloud.h"
#include "cloud/neon.h"
#include "market/time.h"

#include <stdio.h>
#include <string.h>

enum { KEY_BYTES = 400 };

/* --- opening -----------------------------------------------------------------------------------*/

static iso_status read_key_file(const char *path, char key[KEY_BYTES], struct iso_error *err)
{
    FILE *file = fopen(path, "r");
    const char *line = file != NULL ? fgets(key, KEY_BYTES, file) : NULL;
    if (file != NULL) {
        (void)fclose(file);
    }
    if (line == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err, "%.200s: no key of Neon's API can be read from it", path);
    }
    key[strcspn(key, "\r\n")] = '\0';
    return ISO_OK;
}

static iso_status open_neon(const struct call *call, struct neon **neon, struct iso_error *err)
{
    char key[KEY_BYTES] = "";
    const char *file = call_text(call, OPTION_neon_api_key_file);
    const char *text = call_text(call, OPTION_neon_api_key);
    if (call_given(call, OPTION_neon_api_key)) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "a key in an argument can be seen by everybody on this machine; use "
                 "ISOBAR_NEON_API_KEY or --neon-api-key-file");
    }
    if (text == NULL && file != NULL) {
        ISO_TRY(read_key_file(file, key, err));
        text = key;
    }
    struct neon_config config = {.url = call_text(call, OPTION_neon_api_url),
                                 .key = text,
                                 .project = call_text(call, OPTION_neon_project)};
    iso_status status = neon_open(&config, os_system(), neon, err);
    explicit_bzero(key, sizeof key);
    return status;
}

static iso_status argument(const struct call *call, int index, const char *what, const char **text,
                           struct iso_error *err)
{
    if (index >= call->argument_count) {
        ISO_FAIL(BAD_ARGUMENT, err, "isobar cloud %s wants %s", call->arguments[0], what);
    }
    *text = call->arguments[index];
    return ISO_OK;
}

/* --at, 0 where it is not given. */
static iso_status time_at(const struct call *call, int64_t *at_us, struct iso_error *err)
{
    const struct os *os = os_system();
    *at_us = 0;
    if (!call_has(call, OPTION_at)) {
        return ISO_OK;
    }
    return iso_context(
        time_parse_argument(call_text(call, OPTION_at), os->clock_us(os->context), at_us, err), err,
        "--at");
}

/* A change has nothing to show but that it was made. */
static iso_status print_done(const struct call *call, const char *what, const char *id,
                             struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    struct json json = {.text = &text};
    if (!call_flag(call, OPTION_json)) {
        text_addf(&text, "%s %s\n", what, id);
        return result_write(&text, err);
    }
    result_json_begin(&json);
    json_add_string(&json, "done", what);
    json_add_string(&json, "id", id);
    return result_json_end(&json, err);
}

/* --- endpoints ---------------------------------------------------------------------------------*/

static void add_endpoint(struct listing *listing, const struct neon_endpoint *endpoint)
{
    listing->count++;
    if (!listing->is_json) {
        table_cell(&listing->table, "%s", endpoint->id);
        table_cell(&listing->table, "%s", endpoint->disabled ? "disabled" : endpoint->state);
        table_cell(&listing->table, "%g", endpoint->min_cu);
        table_cell(&listing->table, "%g", endpoint->max_cu);
        table_cell(&listing->table, "%lld", (long long)endpoint->suspend_seconds);
        table_cell(&listing->table, "%s", endpoint->branch_id);
        table_cell(&listing->table, "%s", endpoint->host);
        return;
    }
    json_begin_object(&listing->json, NULL);
    json_add_string(&listing->json, "id", endpoint->id);
    json_add_string(&listing->json, "host", endpoint->host);
    json_add_string(&listing->json, "branch", endpoint->branch_id);
    json_add_string(&listing->json, "state", endpoint->state);
    json_add_number(&listing->json, "min_cu", endpoint->min_cu);
    json_add_number(&listing->json, "max_cu", endpoint->max_cu);
    json_add_integer(&listing->json, "suspend_seconds", endpoint->suspend_seconds);
    json_add_bool(&listing->json, "disabled", endpoint->disabled);
    json_end_object(&listing->json);
}

static iso_status list_endpoints(struct call *call, struct iso_error *err)
{
    static const char *const heads[] = {"endpoint", "state",  ">min CU", ">max CU",
                                        ">sleeps",  "branch", "host"};
    ISO_DEFER(neon_close) struct neon *neon = NULL;
    ISO_DEFER(mem_defer_free) struct neon_endpoint *endpoints = NULL;
    ISO_DEFER(text_reset) struct text text = {0};
    struct listing listing;
    size_t count = 0;
    ISO_TRY(open_neon(call, &neon, err));
    ISO_TRY(neon_endpoints(neon, &endpoints, &count, err));
    listing_begin(&listing, call, &text, "endpoints", heads, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < count; i++) {
        add_endpoint(&listing, &endpoints[i]);
    }
    listing_end(&listing);
    return result_write(&text, err);
}

/* The endpoint named, else the project's only one. */
static iso_status find_endpoint(const struct call *call, struct neon *neon, char id[NEON_ID_BYTES],
                                struct iso_error *err)
{
    ISO_DEFER(mem_defer_free) struct neon_endpoint *endpoints = NULL;
    size_t count = 0;
    if (call->argument_count > 1) {
        (void)snprintf(id, NEON_ID_BYTES, "%s", call->arguments[1]);
        return ISO_OK;
    }
    ISO_TRY(neon_endpoints(neon, &endpoints, &count, err));
    if (count != 1) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "the project has %zu endpoints; name one: isobar cloud endpoints lists them",
                 count);
    }
    (void)snprintf(id, NEON_ID_BYTES, "%s", endpoints[0].id);
    return ISO_OK;
}

static iso_status suspend(struct call *call, struct iso_error *err)
{
    ISO_DEFER(neon_close) struct neon *neon = NULL;
    char id[NEON_ID_BYTES];
    ISO_TRY(open_neon(call, &neon, err));
    ISO_TRY(find_endpoint(call, neon, id, err));
    ISO_TRY(neon_suspend(neon, id, err));
    return print_done(call, "suspended", id, err);
}

static iso_status set_limits(struct call *call, struct iso_error *err)
{
    ISO_DEFER(neon_close) struct neon *neon = NULL;
    char id[NEON_ID_BYTES];
    int64_t seconds = call_integer(call, OPTION_suspend_seconds);
    struct neon_limits limits = {.min_cu = call_number(call, OPTION_min_cu),
                                 .max_cu = call_number(call, OPTION_max_cu)};
    limits.suspend_seconds = call_has(call, OPTION_suspend_seconds) ? &seconds : NULL;
    if (!call_has(call, OPTION_min_cu) && !call_has(call, OPTION_max_cu) &&
        limits.suspend_seconds == NULL) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "isobar cloud limits wants --min-cu, --max-cu or --suspend-seconds");
    }
    ISO_TRY(open_neon(call, &neon, err));
    ISO_TRY(find_endpoint(call, neon, id, err));
    ISO_TRY(neon_limit(neon, id, &limits, err));
    return print_done(call, "limited", id, err);
}

/* --- branches ----------------------------------------------------------------------------------*/

static void add_branch(struct listing *listing, const struct neon_branch *branch)
{
    listing->count++;
    if (!listing->is_json) {
        table_cell(&listing->table, "%s", branch->id);
        table_cell(&listing->table, "%s", branch->name);
        table_cell(&listing->table, "%s", branch->state);
        table_cell(&listing->table, "%s", branch->is_default ? "yes" : "");
        table_cell(&listing->table, "%lld", (long long)branch->logical_bytes);
        table_cell(&listing->table, "%s", branch->parent_id);
        return;
    }
    json_begin_object(&listing->json, NULL);
    json_add_string(&listing->json, "id", branch->id);
    json_add_string(&listing->json, "name", branch->name);
    json_add_string(&listing->json, "parent", branch->parent_id);
    json_add_string(&listing->json, "state", branch->state);
    json_add_bool(&listing->json, "default", branch->is_default);
    json_add_integer(&listing->json, "logical_bytes", branch->logical_bytes);
    json_end_object(&listing->json);
}

static iso_status list_branches(const struct call *call, struct neon *neon, struct iso_error *err)
{
    static const char *const heads[] = {"branch", "name", "state", "default", ">bytes", "parent"};
    ISO_DEFER(mem_defer_free) struct neon_branch *branches = NULL;
    ISO_DEFER(text_reset) struct text text = {0};
    struct listing listing;
    size_t count = 0;
    ISO_TRY(neon_branches(neon, &branches, &count, err));
    listing_begin(&listing, call, &text, "branches", heads, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < count; i++) {
        add_branch(&listing, &branches[i]);
    }
    listing_end(&listing);
    return result_write(&text, err);
}

static iso_status branch(struct call *call, struct iso_error *err)
{
    ISO_DEFER(neon_close) struct neon *neon = NULL;
    const char *what = NULL;
    const char *name = NULL;
    int64_t at_us = 0;
    ISO_TRY(argument(call, 1, "ls, create NAME or delete ID", &what, err));
    ISO_TRY(time_at(call, &at_us, err));
    ISO_TRY(open_neon(call, &neon, err));
    if (strcmp(what, "ls") == 0) {
        return list_branches(call, neon, err);
    }
    ISO_TRY(argument(call, 2, "a name or id after create or delete", &name, err));
    if (strcmp(what, "create") == 0) {
        struct neon_branch made = {0};
        ISO_TRY(neon_branch_create(neon, name, at_us, &made, err));
        return print_done(call, "created", made.id, err);
    }
    if (strcmp(what, "delete") == 0) {
        ISO_TRY(neon_branch_delete(neon, name, err));
        return print_done(call, "deleted", name, err);
    }
    ISO_FAIL(BAD_ARGUMENT, err, "isobar cloud branch wants ls, create or delete, not %.40s", what);
}

static iso_status restore(struct call *call, struct iso_error *err)
{
    ISO_DEFER(neon_close) struct neon *neon = NULL;
    const struct os *os = os_system();
    const char *id = NULL;
    const char *kept_as = call_text(call, OPTION_keep_as);
    char preset[64];
    int64_t at_us = 0;
    ISO_TRY(argument(call, 1, "the branch's id", &id, err));
    ISO_TRY(time_at(call, &at_us, err));
    if (at_us == 0) {
        ISO_FAIL(BAD_ARGUMENT, err, "isobar cloud restore wants --at TIME");
    }
    (void)snprintf(preset, sizeof preset, "before-restore-%lld",
                   (long long)(os->clock_us(os->context) / 1000000));
    ISO_TRY(open_neon(call, &neon, err));
    ISO_TRY(neon_restore(neon, id, at_us, kept_as != NULL ? kept_as : preset, err));
    call_say(call, "isobar: what the branch was is kept as %s", kept_as != NULL ? kept_as : preset);
    return print_done(call, "restored", id, err);
}

static iso_status snapshot(struct call *call, struct iso_error *err)
{
    ISO_DEFER(neon_close) struct neon *neon = NULL;
    const char *id = NULL;
    const char *name = NULL;
    char made[NEON_ID_BYTES];
    ISO_TRY(argument(call, 1, "BRANCH NAME", &id, err));
    ISO_TRY(argument(call, 2, "BRANCH NAME", &name, err));
    ISO_TRY(open_neon(call, &neon, err));
    ISO_TRY(neon_snapshot(neon, id, name, made, err));
    return print_done(call, "snapshot", made, err);
}

/* --- usage -------------------------------------------------------------------------------------*/

static iso_status add_usage(void *context, const struct neon_usage *usage, struct iso_error *err)
{
    struct listing *listing = context;
    (void)err;
    listing->count++;
    if (!listing->is_json) {
        table_cell(&listing->table, "%s", usage->from);
        table_cell(&listing->table, "%s", usage->metric);
        table_number(&listing->table, usage->value);
        return ISO_OK;
    }
    json_begin_object(&listing->json, NULL);
    json_add_string(&listing->json, "from", usage->from);
    json_add_string(&listing->json, "to", usage->to);
    json_add_string(&listing->json, "metric", usage->metric);
    json_add_number(&listing->json, "value", usage->value);
    json_end_object(&listing->json);
    return ISO_OK;
}

static iso_status show_usage(struct call *call, struct iso_error *err)
{
    static const char *const heads[] = {"day", "metric", ">value"};
    ISO_DEFER(neon_close) struct neon *neon = NULL;
    ISO_DEFER(text_reset) struct text text = {0};
    const struct os *os = os_system();
    const char *organisation = NULL;
    struct listing listing;
    struct range range;
    int64_t now_us = os->clock_us(os->context);
    ISO_TRY(call_require(call, OPTION_neon_organisation, &organisation, err));
    ISO_TRY(call_range(call, &range, err));
    range.from_us = call_has(call, OPTION_from) ? range.from_us : now_us - 30 * TIME_DAY_US;
    range.to_us = call_has(call, OPTION_to) ? range.to_us : now_us;
    ISO_TRY(open_neon(call, &neon, err));
    listing_begin(&listing, call, &text, "usage", heads, sizeof heads / sizeof heads[0]);
    iso_status status =
        neon_consumption(neon, organisation, range.from_us, range.to_us, add_usage, &listing, err);
    listing_end(&listing);
    ISO_TRY(status);
    return result_write(&text, err);
}

static const struct {
    const char *name;
    cloud_work *work;
} works[] = {
    {"endpoints", list_endpoints}, {"suspend", suspend},
    {"limits", set_limits},        {"branch", branch},
    {"restore", restore},          {"snapshot", snapshot},
    {"usage", show_usage},
};

cloud_work *cloud_neon_work(const char *name)
{
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++) {
        if (strcmp(works[i].name, name) == 0) {
            return works[i].work;
        }
    }
    return NULL;
}
