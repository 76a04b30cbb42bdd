/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <string.h>

/* Where the rows go: one of both is set. */
struct row_list {
    struct json *json;
    struct text *text;
    size_t count;
};

static iso_status list_row(void *context, const struct quarantine_row *row, struct iso_error *err)
{
    struct row_list *listing = context;
    listing->count++;
    if (listing->json == NULL) {
        size_t length = strlen(row->text);
        text_addf(listing->text, "%s:%lld: %s\n    ", row->file, (long long)row->line, row->reason);
        text_add_shown(listing->text, row->text, length < 200 ? length : 200);
        text_add_char(listing->text, '\n');
        return text_check(listing->text, err);
    }
    struct json *json = listing->json;
    json_begin_object(json, NULL);
    json_add_string(json, "file", row->file);
    json_add_integer(json, "line", row->line);
    json_add_string(json, "symbol", row->symbol);
    json_add_string(json, "reason", row->reason);
    json_add_string(json, "text", row->text);
    json_end_object(json);
    return text_check(json->text, err);
}

static iso_status list(struct call *call, struct store *store, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    struct json json = {.text = &text};
    struct row_list listing = {.text = &text};
    if (!call_flag(call, OPTION_json)) {
        ISO_TRY(store_each_quarantined(store, list_row, &listing, err));
        if (listing.count == 0) {
            call_say(call, "isobar: no row is in quarantine");
        }
        return result_write(&text, err);
    }
    listing.json = &json;
    result_json_begin(&json);
    json_begin_array(&json, "rows");
    ISO_TRY(store_each_quarantined(store, list_row, &listing, err));
    json_end_array(&json);
    return result_json_end(&json, err);
}

static iso_status drop(struct call *call, struct store *store, struct iso_error *err)
{
    size_t dropped;
    ISO_TRY(store_quarantine_drop(store, &dropped, err));
    if (!call_flag(call, OPTION_json)) {
        call_say(call, "isobar: %zu rows forgotten", dropped);
        return ISO_OK;
    }
    ISO_DEFER(text_reset) struct text text = {0};
    struct json json = {.text = &text};
    result_json_begin(&json);
    json_add_integer(&json, "dropped", (int64_t)dropped);
    return result_json_end(&json, err);
}

iso_status command_quarantine(struct call *call, struct iso_error *err)
{
    ISO_DEFER(store_close) struct store *store = NULL;
    const char *what = call->arguments[0];
    if (strcmp(what, "ls") == 0 || strcmp(what, "show") == 0) {
        ISO_TRY(call_store(call, STORE_READ, &store, err));
        return list(call, store, err);
    }
    if (strcmp(what, "drop") == 0) {
        ISO_TRY(call_store(call, STORE_WRITE, &store, err));
        return drop(call, store, err);
    }
    ISO_FAIL(BAD_ARGUMENT, err, "isobar quarantine knows ls and drop, not \"%.40s\"", what);
}
