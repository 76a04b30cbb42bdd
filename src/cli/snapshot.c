/* SPDX-License-Identifier: Apache-2.0 */
#include "store/snapshot.h"

#include "cli/command.h"
#include "market/time.h"

#include <string.h>

static void snapshot_fields(struct json *json, const struct snapshot *snapshot)
{
    char created[TIME_TEXT_BYTES];
    (void)time_format(snapshot->created_us, created);
    json_add_string(json, "name", snapshot->name);
    json_add_string(json, "root", snapshot->root);
    json_add_integer(json, "segments", (int64_t)snapshot->segments);
    json_add_integer(json, "bars", (int64_t)snapshot->bars);
    json_add_string(json, "created", created);
}

static iso_status print_one(const struct call *call, const struct snapshot *snapshot,
                            const char *manifest, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    if (call_flag(call, OPTION_json)) {
        struct json json = {.text = &text};
        result_json_begin(&json);
        snapshot_fields(&json, snapshot);
        if (manifest != NULL) {
            json_add_string(&json, "manifest", manifest);
        }
        return result_json_end(&json, err);
    }
    text_addf(&text, "snapshot %s: %zu bars in %zu segments\nroot %s\n%s", snapshot->name,
              snapshot->bars, snapshot->segments, snapshot->root, manifest != NULL ? manifest : "");
    return result_write(&text, err);
}

static iso_status say_holes(struct call *call, struct store *store, const char *name,
                            struct iso_error *err)
{
    struct snapshot snapshot;
    ISO_DEFER(text_reset) struct text manifest = {0};
    ISO_TRY(snapshot_find(store, name, &snapshot, &manifest, err));
    size_t holes = 0;
    for (const char *at = text_get(&manifest); (at = strstr(at, "\nhole\t")) != NULL; at++) {
        holes++;
    }
    if (holes > 0) {
        call_say(call,
                 "isobar: it has %zu holes, ranges that nobody imported or wrote; \"isobar "
                 "snapshot show %s\" lists them",
                 holes, name);
    }
    return ISO_OK;
}

static iso_status create(struct call *call, struct iso_error *err)
{
    struct range range;
    struct snapshot snapshot;
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_DEFER(mem_defer_free) struct series *series = NULL;
    if (call->argument_count < 2) {
        ISO_FAIL(BAD_ARGUMENT, err, "isobar snapshot create wants a NAME");
    }
    size_t series_count = (size_t)call->argument_count - 2;
    ISO_TRY(call_range(call, &range, err));
    ISO_NEW(series, series_count, err);
    for (size_t i = 0; i < series_count; i++) {
        ISO_TRY(series_parse(call->arguments[i + 2], &series[i], err));
    }
    struct store *existing = NULL;
    ISO_TRY(call_store(call, STORE_READ, &existing, err)); /* a snapshot makes no store */
    store_close(&existing);
    ISO_TRY(call_store(call, STORE_WRITE, &store, err));
    ISO_TRY(
        snapshot_create(store, call->arguments[1], series, series_count, range, &snapshot, err));
    if (snapshot.already) {
        call_say(call, "isobar: snapshot %s was there already, with the same root", snapshot.name);
    }
    ISO_TRY(say_holes(call, store, snapshot.name, err));
    return print_one(call, &snapshot, NULL, err);
}

static iso_status show(struct call *call, struct iso_error *err)
{
    struct snapshot snapshot;
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_DEFER(text_reset) struct text manifest = {0};
    if (call->argument_count != 2) {
        ISO_FAIL(BAD_ARGUMENT, err, "isobar snapshot show wants one NAME");
    }
    ISO_TRY(call_store(call, STORE_READ, &store, err));
    ISO_TRY(snapshot_find(store, call->arguments[1], &snapshot, &manifest, err));
    return print_one(call, &snapshot, text_get(&manifest), err);
}

static iso_status list_one(void *context, const struct snapshot *snapshot, struct iso_error *err)
{
    struct listing *listing = context;
    (void)err;
    if (listing->is_json) {
        json_begin_object(&listing->json, NULL);
        snapshot_fields(&listing->json, snapshot);
        json_end_object(&listing->json);
    } else {
        table_cell(&listing->table, "%s", snapshot->name);
        table_cell(&listing->table, "%s", snapshot->root);
        table_cell(&listing->table, "%zu", snapshot->segments);
        table_cell(&listing->table, "%zu", snapshot->bars);
    }
    return ISO_OK;
}

static iso_status list(struct call *call, struct iso_error *err)
{
    static const char *const heads[] = {"name", "root", ">segments", ">bars"};
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_DEFER(text_reset) struct text text = {0};
    ISO_TRY(call_store(call, STORE_READ, &store, err));
    struct listing listing;
    listing_begin(&listing, call, &text, "snapshots", heads, sizeof heads / sizeof heads[0]);
    iso_status status = snapshot_each(store, list_one, &listing, err);
    listing_end(&listing);
    ISO_TRY(status);
    return result_write(&text, err);
}

iso_status command_snapshot(struct call *call, struct iso_error *err)
{
    const char *action = call->arguments[0];
    if (strcmp(action, "create") == 0) {
        return create(call, err);
    }
    if (strcmp(action, "show") == 0) {
        return show(call, err);
    }
    if (strcmp(action, "ls") == 0 && call->argument_count == 1) {
        return list(call, err);
    }
    ISO_FAIL(BAD_ARGUMENT, err, "isobar snapshot does %s", call->command->arguments);
}
